/* Sessions and preferences in RSS: put whole, got back, ended; bounds; a server that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/session_store.h"
#include "store_stage.h"

enum { KEYS_MAX = 8 };

struct world {
	struct stage stage;
	struct session_store *store;
	int ended;
	enum status status;
	char got[4096]; /* name=value, each followed by a blank */
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	*state = world;
	stage_init(&world->stage, 0, FAKE_EVERYSEC);
	world->store = session_store_create(&world->stage.port, &world->stage.clock, KEYS_MAX);
	return world->store ? 0 : -1;
}

/* The port ends all commands before the store goes. */
static int teardown(void **state)
{
	struct world *world = *state;
	struct session_store *store = world->store;
	stage_deinit(&world->stage);
	session_store_destroy(store);
	free(world);
	return 0;
}

static void on_done(void *ctx, enum status status)
{
	struct world *world = ctx;
	world->ended++;
	world->status = status;
}

static void on_got(void *ctx, enum status status, const struct session_fields *fields)
{
	struct world *world = ctx;
	struct buf got = buf_over(world->got, sizeof world->got - 1);
	assert_int_equal(fields == NULL, status != STATUS_OK);
	for (size_t i = 0; fields && i < fields->count; i++)
		buf_printf(&got, "%.*s=%.*s ", STR_ARG(fields->names[i]),
			   STR_ARG(fields->values[i]));
	world->got[got.len] = 0;
	on_done(ctx, status);
}

static enum status wait_end(struct world *world)
{
	for (int i = 0; i < 1000 && !world->ended; i++)
		stage_run(&world->stage, 10 * stage_ms_ns);
	assert_int_equal(world->ended, 1);
	world->ended = 0;
	return world->status;
}

/* text: "name=value name=value" */
static struct session_fields fields_of(const char *text)
{
	struct session_fields fields = { .count = 0 };
	struct str rest = str_of(text), part;
	while (str_split(&rest, ' ', &part)) {
		size_t len = str_find_char(part, '=');
		if (!part.len)
			continue;
		fields.names[fields.count] = str_make(part.ptr, len);
		fields.values[fields.count++] = str_skip(part, len + 1);
	}
	return fields;
}

/* The call's own status, or how it ended. */
static enum status put(struct world *world, enum session_kind kind, const char *user,
		       const char *text)
{
	struct session_fields fields = fields_of(text);
	enum status status =
	    session_store_put(world->store, kind, str_of(user), &fields, on_done, world);
	assert_int_equal(world->ended, 0);
	return status ? status : wait_end(world);
}

static enum status get(struct world *world, enum session_kind kind, const char *user)
{
	enum status status = session_store_get(world->store, kind, str_of(user), on_got, world);
	assert_int_equal(world->ended, 0);
	return status ? status : wait_end(world);
}

static enum status end(struct world *world, const char *user)
{
	enum status status = session_store_end(world->store, str_of(user), on_done, world);
	assert_int_equal(world->ended, 0);
	return status ? status : wait_end(world);
}

static void test_what_was_put_is_got_back_as_a_whole(void **state)
{
	struct world *world = *state;
	assert_int_equal(get(world, SESSION_SESSION, "anna"), STATUS_NOT_FOUND);
	assert_int_equal(put(world, SESSION_SESSION, "anna", "ip=10.0.0.1 sid=x seen=17 st=idle"),
			 STATUS_OK);
	assert_int_equal(get(world, SESSION_SESSION, "anna"), STATUS_OK);
	assert_string_equal(world->got, "sid=x ip=10.0.0.1 seen=17 st=idle ");
	/* Of the one before nothing stays. */
	assert_int_equal(put(world, SESSION_SESSION, "anna", "dev=phone"), STATUS_OK);
	assert_int_equal(get(world, SESSION_SESSION, "anna"), STATUS_OK);
	char wanted[100];
	long long at_ms = 0;
	assert_int_equal(sscanf(world->got, "dev=phone seen=%lld ", &at_ms), 1);
	snprintf(wanted, sizeof wanted, "dev=phone seen=%lld st=active ", at_ms);
	assert_string_equal(world->got, wanted);
	assert_in_range(at_ms, stage_wall_ms(&world->stage) - 1000, stage_wall_ms(&world->stage));
	/* It has no expiry, and is not somebody else's. */
	assert_int_equal(stage_integer(STAGE_PEEK(&world->stage, STR("PTTL"), STR("session:anna"))),
			 -1);
	assert_int_equal(get(world, SESSION_PREFERENCE, "anna"), STATUS_NOT_FOUND);
}

static void test_preferences_say_when_they_were_written(void **state)
{
	struct world *world = *state;
	assert_int_equal(put(world, SESSION_PREFERENCE, "a@b.c_d-1", "theme=dark tf=15m"),
			 STATUS_OK);
	assert_int_equal(get(world, SESSION_PREFERENCE, "a@b.c_d-1"), STATUS_OK);
	long long at_ms = 0;
	assert_int_equal(sscanf(world->got, "theme=dark tf=15m ut=%lld ", &at_ms), 1);
	assert_int_equal(stage_exists(&world->stage, STR("preference:a@b.c_d-1")), 1);
}

static void test_a_session_is_ended_once(void **state)
{
	struct world *world = *state;
	assert_int_equal(put(world, SESSION_SESSION, "a", ""), STATUS_OK);
	assert_int_equal(put(world, SESSION_PREFERENCE, "a", ""), STATUS_OK);
	assert_int_equal(end(world, "a"), STATUS_OK);
	assert_int_equal(end(world, "a"), STATUS_NOT_FOUND);
	assert_int_equal(get(world, SESSION_SESSION, "a"), STATUS_NOT_FOUND);
	assert_int_equal(get(world, SESSION_PREFERENCE, "a"), STATUS_OK);
}

static void test_what_may_not_be_put_is_named(void **state)
{
	struct world *world = *state;
	char value[SESSION_VALUE_MAX + 2], text[400];
	static const char *const users[] = { "",
					     "a b",
					     "a/b",
					     "a:b",
					     "\xc3\xa9",
					     "{a}",
					     "0123456789012345678901234567890123456789"
					     "0123456789012345678901234" };
	static const struct {
		enum session_kind kind;
		const char *text, *fault;
	} rows[] = {
		{ SESSION_SESSION, "theme=dark", "theme" },
		{ SESSION_SESSION, "sid=1 Sid=2", "Sid" },
		{ SESSION_SESSION, "sid=1 sid=2", "sid" },
		{ SESSION_SESSION, "seen=now", "seen" },
		{ SESSION_SESSION, "seen=-1", "seen" },
		{ SESSION_SESSION, "seen=99999999999999999999", "seen" },
		{ SESSION_PREFERENCE, "theme=dark sid=1", "sid" },
		{ SESSION_PREFERENCE, "ut=", "ut" },
		{ SESSION_PREFERENCE, "sym=a\tb", "sym" },
		{ SESSION_PREFERENCE, "sym=\xff", "sym" },
		{ SESSION_PREFERENCE, "=1", "" },
	};
	struct session_fields fields = fields_of("");
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
		struct str fault;
		assert_false(
		    session_fields_are_good(SESSION_SESSION, str_of(users[i]), &fields, &fault));
		assert_true(str_eq(fault, STR("user")));
		assert_int_equal(put(world, SESSION_SESSION, users[i], ""), STATUS_INVALID);
		assert_int_equal(get(world, SESSION_SESSION, users[i]), STATUS_INVALID);
		assert_int_equal(end(world, users[i]), STATUS_INVALID);
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fields = fields_of(rows[i].text);
		struct str fault;
		assert_false(session_fields_are_good(rows[i].kind, STR("a"), &fields, &fault));
		assert_true(str_eq(fault, str_of(rows[i].fault)));
		assert_int_equal(put(world, rows[i].kind, "a", rows[i].text), STATUS_INVALID);
	}
	memset(value, 'v', sizeof value);
	for (int len = SESSION_VALUE_MAX; len <= SESSION_VALUE_MAX + 1; len++) {
		snprintf(text, sizeof text, "chart=%.*s", len, value);
		assert_int_equal(put(world, SESSION_PREFERENCE, "a", text),
				 len > SESSION_VALUE_MAX ? STATUS_INVALID : STATUS_OK);
	}
	assert_int_equal(stage_exists(&world->stage, STR("preference:a")), 1);
	assert_int_equal(stage_integer(STAGE_PEEK(&world->stage, STR("DBSIZE"))), 2); /* chart */
}

static void expect_held(struct world *world, const char *key, const char *field, const char *value)
{
	char text[300];
	stage_field(&world->stage, str_of(key), str_of(field), text, sizeof text);
	assert_string_equal(text, value);
}

/* What the hash holds stays short, what is got is what was put. */
static void test_a_long_value_is_a_key_of_its_own_and_goes_with_its_hash(void **state)
{
	struct world *world = *state;
	char text[500], wanted[520];
	snprintf(text, sizeof text, "sid=%064d ip=%065d dev=%0256d seen=7", 1, 2, 3);
	snprintf(wanted, sizeof wanted, "%s st=idle ", text);
	strcat(text, " st=idle");
	assert_int_equal(put(world, SESSION_SESSION, "a", text), STATUS_OK);
	expect_held(world, "session:a", "ip", "\x1a");
	expect_held(world, "session:a", "dev", "\x1a");
	assert_int_equal(stage_exists(&world->stage, STR("text:session:a:ip")), 1);
	assert_int_equal(stage_exists(&world->stage, STR("text:session:a:dev")), 1);
	assert_int_equal(stage_exists(&world->stage, STR("text:session:a:sid")), 0);
	assert_int_equal(get(world, SESSION_SESSION, "a"), STATUS_OK);
	assert_string_equal(world->got, wanted);
	/* Of another's hash, or of another kind, it is not. */
	assert_int_equal(put(world, SESSION_SESSION, "b", "seen=7"), STATUS_OK);
	assert_int_equal(get(world, SESSION_SESSION, "b"), STATUS_OK);
	assert_string_equal(world->got, "seen=7 st=active ");
	/* Short again, it is gone; and with the session all are. */
	assert_int_equal(put(world, SESSION_SESSION, "a", "ip=10.0.0.1 seen=8"), STATUS_OK);
	assert_int_equal(stage_integer(STAGE_PEEK(&world->stage, STR("DBSIZE"))), 2);
	assert_int_equal(put(world, SESSION_SESSION, "a", text), STATUS_OK);
	assert_int_equal(end(world, "a"), STATUS_OK);
	assert_int_equal(stage_integer(STAGE_PEEK(&world->stage, STR("DBSIZE"))), 1);
}

static void test_a_long_value_that_somebody_removed_is_absent(void **state)
{
	struct world *world = *state;
	char text[300];
	snprintf(text, sizeof text, "theme=dark sym=%0100d ut=7", 1);
	assert_int_equal(put(world, SESSION_PREFERENCE, "a", text), STATUS_OK);
	STAGE_DO(&world->stage, STR("UNLINK"), STR("text:preference:a:sym"));
	assert_int_equal(get(world, SESSION_PREFERENCE, "a"), STATUS_OK);
	assert_string_equal(world->got, "theme=dark ut=7 ");
}

/* As an earlier weir wrote it. */
static void test_a_long_value_inside_a_hash_is_read(void **state)
{
	struct world *world = *state;
	char value[100], wanted[200];
	snprintf(value, sizeof value, "%090d", 1);
	snprintf(wanted, sizeof wanted, "theme=dark sym=%s ", value);
	STAGE_DO(&world->stage, STR("HSET"), STR("preference:a"), STR("sym"), str_of(value),
		 STR("theme"), STR("dark"));
	assert_int_equal(get(world, SESSION_PREFERENCE, "a"), STATUS_OK);
	assert_string_equal(world->got, wanted);
}

static void test_a_full_hash_fits(void **state)
{
	struct world *world = *state;
	char text[4000];
	int len = 0;
	static const char *const names[] = { "theme",   "chart", "notify", "lang", "autoclose",
					     "confirm", "sym",   "tf",     "quiet" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "%s=%0256d ", names[i], 0);
	assert_int_equal(put(world, SESSION_PREFERENCE, "a", text), STATUS_OK);
	assert_int_equal(get(world, SESSION_PREFERENCE, "a"), STATUS_OK);
	assert_true(strlen(world->got) > 9 * 256);
}

static void test_beyond_the_bound_new_ones_are_refused_and_old_ones_stay(void **state)
{
	struct world *world = *state;
	char user[16];
	for (int i = 0; i < KEYS_MAX; i++) {
		snprintf(user, sizeof user, "u%d", i);
		assert_int_equal(put(world, i % 2, user, ""), STATUS_OK);
	}
	assert_int_equal(put(world, SESSION_SESSION, "more", ""), STATUS_FULL);
	assert_int_equal(put(world, SESSION_PREFERENCE, "more", ""), STATUS_FULL);
	assert_int_equal(session_store_counts(world->store).refused, 2);
	/* One that is there may change. */
	assert_int_equal(put(world, SESSION_SESSION, "u0", "dev=new"), STATUS_OK);
	assert_int_equal(end(world, "u2"), STATUS_OK);
	assert_int_equal(put(world, SESSION_SESSION, "more", ""), STATUS_OK);
	assert_int_equal(stage_integer(STAGE_PEEK(&world->stage, STR("DBSIZE"))), KEYS_MAX);
}

/* Each asks before any has written: they must not all see the same last place. */
static void test_the_bound_holds_for_many_at_once(void **state)
{
	struct world *world = *state;
	struct session_fields fields = fields_of("");
	char user[16];
	for (int i = 0; i < 3 * KEYS_MAX; i++) {
		snprintf(user, sizeof user, "u%d", i);
		assert_int_equal(session_store_put(world->store, SESSION_SESSION, str_of(user),
						   &fields, on_done, world),
				 STATUS_OK);
	}
	for (int i = 0; i < 1000 && world->ended < 3 * KEYS_MAX; i++)
		stage_run(&world->stage, 10 * stage_ms_ns);
	assert_int_equal(world->ended, 3 * KEYS_MAX);
	int64_t held = stage_integer(STAGE_PEEK(&world->stage, STR("DBSIZE")));
	assert_in_range(held, 1, KEYS_MAX);
	assert_int_equal(session_store_counts(world->store).refused, 3 * KEYS_MAX - held);
	/* What was on its way counts no more. */
	world->ended = 0;
	for (int i = (int)held; i < KEYS_MAX; i++) {
		snprintf(user, sizeof user, "v%d", i);
		assert_int_equal(put(world, SESSION_SESSION, user, ""), STATUS_OK);
	}
	assert_int_equal(put(world, SESSION_SESSION, "w", ""), STATUS_FULL);
}

static void test_a_server_that_fails_is_told_and_nothing_hangs(void **state)
{
	struct world *world = *state;
	assert_int_equal(put(world, SESSION_SESSION, "a", "dev=1"), STATUS_OK);
	fake_redis_fault(world->stage.redis, FAKE_OOM);
	assert_int_not_equal(put(world, SESSION_SESSION, "b", ""), STATUS_OK);
	fake_redis_fault(world->stage.redis, FAKE_HEALTHY);
	/* Whole or not at all: what stood stands. */
	assert_int_equal(get(world, SESSION_SESSION, "a"), STATUS_OK);
	assert_int_equal(get(world, SESSION_SESSION, "b"), STATUS_NOT_FOUND);
	fake_redis_hang(world->stage.redis, true);
	assert_int_not_equal(get(world, SESSION_SESSION, "a"), STATUS_OK);
	stage_heal(&world->stage);
	assert_int_equal(get(world, SESSION_SESSION, "a"), STATUS_OK);
	assert_true(session_store_counts(world->store).failed >= 2);
}

/* Cut at any command of a put: the session that stood is there, or the new one. */
static void test_a_put_is_whole_wherever_the_connection_breaks(void **state)
{
	struct world *world = *state;
	char text[200];
	for (int cut = 0; cut < 2; cut++)
		for (uint64_t n = 1; n <= 9; n++) {
			snprintf(text, sizeof text, "dev=old-%0100d ip=1", 0);
			assert_int_equal(put(world, SESSION_SESSION, "a", text), STATUS_OK);
			snprintf(text, sizeof text, "dev=new sid=%0100d", 0);
			fake_redis_cut(world->stage.redis, n,
				       cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
			enum status status = put(world, SESSION_SESSION, "a", text);
			stage_heal(&world->stage);
			assert_int_equal(get(world, SESSION_SESSION, "a"), STATUS_OK);
			bool old = strstr(world->got, "dev=old") && strstr(world->got, "ip=1");
			bool new = strstr(world->got, "dev=new") && !strstr(world->got, "ip=") &&
				   strstr(world->got, "sid=000");
			assert_true(old != new);
			assert_true(new || status != STATUS_OK);
		}
}

/* The port refuses at any command: nothing of it stays open, nobody waits for ever. */
static void test_a_port_that_is_full_is_told(void **state)
{
	struct world *world = *state;
	assert_int_equal(put(world, SESSION_SESSION, "a", "dev=old"), STATUS_OK);
	for (uint64_t n = 1; n <= 6; n++) {
		world->stage.full_in = n;
		enum status status = put(world, SESSION_SESSION, "a", "dev=new");
		assert_int_equal(status == STATUS_OK, world->stage.full_in > 0);
		world->stage.full_in = 0;
		assert_int_equal(get(world, SESSION_SESSION, "a"), STATUS_OK);
	}
	world->stage.full_in = 1;
	assert_int_equal(get(world, SESSION_SESSION, "a"), STATUS_FULL);
	world->stage.full_in = 1;
	assert_int_equal(end(world, "a"), STATUS_FULL);
	assert_int_equal(end(world, "a"), STATUS_OK);
}

static int64_t is_there(struct world *world, const char *key)
{
	return stage_integer(STAGE_PEEK(&world->stage, STR("EXISTS"), str_of(key)));
}

/* Memory is short: who is there stays, nobody else comes. */
static void test_while_new_ones_are_refused_sessions_are_renewed(void **state)
{
	struct world *world = *state;
	assert_int_equal(put(world, SESSION_SESSION, "u0", "sid=a seen=1"), STATUS_OK);
	session_store_refuse_new(world->store, true);
	for (int i = 0; i < 2 * KEYS_MAX; i++) {
		assert_int_equal(put(world, SESSION_SESSION, "more", "sid=b"), STATUS_REFUSED);
		assert_int_equal(put(world, SESSION_SESSION, "u0", "sid=a seen=2"), STATUS_OK);
	}
	assert_int_equal(get(world, SESSION_SESSION, "u0"), STATUS_OK);
	assert_string_equal(world->got, "sid=a seen=2 st=active ");
	assert_int_equal(is_there(world, "session:more"), 0);
	/* Preferences are no session; one that was ended is a new one. */
	assert_int_equal(put(world, SESSION_PREFERENCE, "more", "theme=dark"), STATUS_OK);
	assert_int_equal(end(world, "u0"), STATUS_OK);
	assert_int_equal(put(world, SESSION_SESSION, "u0", "sid=a"), STATUS_REFUSED);
	assert_int_equal(is_there(world, "session:u0"), 0);
	/* Those that were refused hold no place. */
	session_store_refuse_new(world->store, false);
	for (char user[] = "u0"; user[1] < '0' + KEYS_MAX - 1; user[1]++)
		assert_int_equal(put(world, SESSION_SESSION, user, ""), STATUS_OK);
	assert_int_equal(put(world, SESSION_SESSION, "more", ""), STATUS_FULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_put_is_got_back_as_a_whole),
		TEST(test_preferences_say_when_they_were_written),
		TEST(test_a_session_is_ended_once),
		TEST(test_what_may_not_be_put_is_named),
		TEST(test_a_full_hash_fits),
		TEST(test_a_long_value_is_a_key_of_its_own_and_goes_with_its_hash),
		TEST(test_a_long_value_that_somebody_removed_is_absent),
		TEST(test_a_long_value_inside_a_hash_is_read),
		TEST(test_beyond_the_bound_new_ones_are_refused_and_old_ones_stay),
		TEST(test_while_new_ones_are_refused_sessions_are_renewed),
		TEST(test_the_bound_holds_for_many_at_once),
		TEST(test_a_server_that_fails_is_told_and_nothing_hangs),
		TEST(test_a_put_is_whole_wherever_the_connection_breaks),
		TEST(test_a_port_that_is_full_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
