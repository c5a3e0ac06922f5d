/* Alerts in RLS and back: a message that is too long for a hash is a key of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/alert_store.h"
#include "unit/store_stage.h"

enum { RECALLED_MAX = 8 };

struct world {
	struct stage stage;
	struct alert_store *store;
	struct alert_view recalled[RECALLED_MAX];
	size_t count;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	struct stage *stage = &world->stage;
	*state = world;
	stage_init(stage, 0, FAKE_EVERYSEC);
	world->store =
	    alert_store_create(&stage->port, stage->alerts, stage->timers, &stage->clock);
	return world->store ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	fake_redis_abandon(world->stage.redis);
	alert_store_destroy(world->store);
	stage_deinit(&world->stage);
	free(world);
	return 0;
}

/* Of the rule high_memory, firing. */
static void tell(struct world *world, const char *scope, const char *message)
{
	struct stage *stage = &world->stage;
	struct alert_view view = { .rule = ALERT_high_memory,
				   .state = ALERT_FIRING,
				   .value = 104.5,
				   .first_ms = stage_wall_ms(stage) - 1000,
				   .last_ms = stage_wall_ms(stage),
				   .told = 1 };
	snprintf(view.scope, sizeof view.scope, "%s", scope);
	snprintf(view.message, sizeof view.message, "%s", message);
	alert_store_notice(world->store, ALERT_FIRED, &view);
	stage_run(stage, 20 * stage_ms_ns);
}

static void on_recalled(void *ctx, const struct alert_view *alert)
{
	struct world *world = ctx;
	assert_true(world->count < RECALLED_MAX);
	world->recalled[world->count++] = *alert;
}

static void on_done(void *ctx, enum status status)
{
	struct world *world = ctx;
	world->stage.ended++;
	world->stage.status = status;
}

static enum status recall(struct world *world)
{
	world->count = 0;
	alert_store_recall(&world->stage.port, on_recalled, on_done, world);
	return stage_wait(&world->stage);
}

static const char *message_of(struct world *world, const char *scope)
{
	for (size_t i = 0; i < world->count; i++)
		if (strcmp(world->recalled[i].scope, scope) == 0)
			return world->recalled[i].message;
	return NULL;
}

static const struct str text_key = { "text:alert:mt5-1:high_memory", 28 };

static void a_long_message_is_a_key_of_its_own_and_comes_back(void **state)
{
	struct world *world = *state;
	char longest[ALERT_MESSAGE_MAX + 1], just[65], held[80];
	const struct str hash = STR("alert:mt5-1:high_memory");
	snprintf(longest, sizeof longest, "%0*d", ALERT_MESSAGE_MAX, 1);
	snprintf(just, sizeof just, "%064d", 2);
	tell(world, "mt5-0", just);
	tell(world, "mt5-1", longest);
	stage_field(&world->stage, STR("alert:mt5-0:high_memory"), STR("msg"), held, sizeof held);
	assert_string_equal(held, just);
	stage_field(&world->stage, hash, STR("msg"), held, sizeof held);
	assert_string_equal(held, "\x1a");
	/* It goes when its hash goes. */
	int64_t left_ms = stage_integer(STAGE_PEEK(&world->stage, STR("PTTL"), hash));
	assert_in_range(left_ms, 1, ALERT_STORE_TTL_S * 1000);
	assert_int_equal(stage_integer(STAGE_PEEK(&world->stage, STR("PTTL"), text_key)), left_ms);
	assert_int_equal(stage_integer(STAGE_PEEK(&world->stage, STR("DBSIZE"))), 3);
	assert_int_equal(recall(world), STATUS_OK);
	assert_int_equal(world->count, 2);
	assert_string_equal(message_of(world, "mt5-0"), just);
	assert_string_equal(message_of(world, "mt5-1"), longest);
	assert_int_equal(alert_store_failed(world->store), 0);
}

static void the_newest_message_counts_whatever_its_length(void **state)
{
	struct world *world = *state;
	char first[101], second[101];
	snprintf(first, sizeof first, "%0100d", 1);
	snprintf(second, sizeof second, "%0100d", 2);
	tell(world, "mt5-1", first);
	tell(world, "mt5-1", second);
	assert_int_equal(recall(world), STATUS_OK);
	assert_string_equal(message_of(world, "mt5-1"), second);
	tell(world, "mt5-1", "short");
	assert_int_equal(recall(world), STATUS_OK);
	assert_string_equal(message_of(world, "mt5-1"), "short");
	assert_int_equal(world->count, 1);
}

static void an_alert_whose_message_was_evicted_comes_back_without(void **state)
{
	struct world *world = *state;
	char message[101];
	snprintf(message, sizeof message, "%0100d", 1);
	tell(world, "mt5-1", message);
	STAGE_DO(&world->stage, STR("UNLINK"), text_key);
	assert_int_equal(recall(world), STATUS_OK);
	assert_int_equal(world->count, 1);
	assert_string_equal(message_of(world, "mt5-1"), "");
	assert_int_equal(world->recalled[0].told, 1);
}

/* A message that is the mark itself is not one. */
static void every_message_comes_back_as_it_was(void **state)
{
	struct world *world = *state;
	tell(world, "mt5-1", "\x1a");
	tell(world, "mt5-2", "");
	tell(world, "mt5-3", "\x1a\x1a");
	assert_int_equal(stage_exists(&world->stage, text_key), 1);
	assert_int_equal(recall(world), STATUS_OK);
	assert_string_equal(message_of(world, "mt5-1"), "\x1a");
	assert_string_equal(message_of(world, "mt5-2"), "");
	assert_string_equal(message_of(world, "mt5-3"), "\x1a\x1a");
}

/* The port refuses at any command: it is there whole or not at all, and so is the next. */
static void a_port_that_is_full_leaves_the_old_alert_or_the_new(void **state)
{
	struct world *world = *state;
	char message[101];
	tell(world, "mt5-1", "old");
	snprintf(message, sizeof message, "%0100d", 1);
	for (uint64_t n = 1; n <= 5; n++) {
		world->stage.full_in = n;
		tell(world, "mt5-1", message);
		assert_int_equal(world->stage.full_in, 0);
		tell(world, "mt5-2", "next");
		assert_int_equal(recall(world), STATUS_OK);
		assert_int_equal(world->count, 2);
		assert_string_equal(message_of(world, "mt5-1"), "old");
		assert_string_equal(message_of(world, "mt5-2"), "next");
		assert_int_equal(alert_store_failed(world->store), n);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_long_message_is_a_key_of_its_own_and_comes_back),
		TEST(the_newest_message_counts_whatever_its_length),
		TEST(an_alert_whose_message_was_evicted_comes_back_without),
		TEST(every_message_comes_back_as_it_was),
		TEST(a_port_that_is_full_leaves_the_old_alert_or_the_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
