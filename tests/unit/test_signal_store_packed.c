/* Packed entries of trade_signals: what is added is one row, what is told are its fields; both
 * forms mixed, over a restart; and what is no row ends by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "codec/entries.h"
#include "unit/delivery_stage.h"
#include "unit/signal_stage.h"

struct owner {
	struct signal_stage stage;
	char text[64][1200]; /* "id=a to=all …", or "!p" */
	size_t count, members;
};

struct answer {
	enum status status;
	int times;
};

static void on_added(void *ctx, enum status status, uint64_t sid, struct stream_id entry)
{
	struct answer *answer = ctx;
	(void)entry;
	*answer = (struct answer){ status, answer->times + 1 };
	assert_true(status || sid);
}

static bool on_told(void *ctx, const struct signal_entry *entry)
{
	struct owner *owner = ctx;
	assert_true(owner->count < 64);
	struct buf text = buf_over(owner->text[owner->count], sizeof owner->text[0] - 1);
	assert_true(!entry->fault || !entry->count);
	if (entry->fault)
		buf_printf(&text, "!%s", entry->fault);
	for (size_t i = 0; i < entry->count; i++)
		buf_printf(&text, "%s%.*s=%.*s", i ? " " : "", STR_ARG(entry->keys[i]),
			   STR_ARG(entry->values[i]));
	assert_false(text.overflow);
	owner->text[owner->count++][text.len] = 0;
	owner->members += entry->member_count;
	owner->stage.told[owner->stage.n_told++] =
	    (struct told_signal){ .id = entry->id, .sid = entry->sid, .again = entry->again };
	return true;
}

static void open_store(struct owner *owner, bool packed)
{
	const struct signal_store_hooks hooks = { .on_signal = on_told, .ctx = owner };
	struct signal_stage *stage = &owner->stage;
	signal_store_destroy(stage->store);
	stage->store = signal_store_create(fake_redis_port(stage->redis), stage->timers,
					   &stage->clock, packed, &hooks);
	assert_non_null(stage->store);
	owner->count = stage->n_told = 0;
	assert_int_equal(signal_restore(stage), STATUS_OK);
	signal_store_start(stage->store);
}

static struct owner *owner_create(bool packed)
{
	struct owner *owner = calloc(1, sizeof *owner);
	assert_non_null(owner);
	signal_init(&owner->stage);
	open_store(owner, packed);
	return owner;
}

static void owner_destroy(struct owner *owner)
{
	signal_deinit(&owner->stage);
	free(owner);
}

/* "k=v k=v …" */
static void add(struct owner *owner, const char *fields)
{
	struct str keys[SIGNAL_FIELDS_MAX], values[SIGNAL_FIELDS_MAX], rest = str_of(fields), part;
	struct answer answer = { 0 };
	size_t count = 0;
	while (str_split(&rest, ' ', &part)) {
		size_t at = str_find_char(part, '=');
		keys[count] = str_make(part.ptr, at);
		values[count++] = str_skip(part, at + 1);
	}
	assert_int_equal(
	    signal_store_add(owner->stage.store, keys, values, count, on_added, &answer),
	    STATUS_OK);
	signal_run(&owner->stage, 20 * signal_ms_ns);
	assert_int_equal(answer.times, 1);
	assert_int_equal(answer.status, STATUS_OK);
}

static void add_as_other(struct owner *owner, const struct str *pairs, size_t count)
{
	struct str argv[16] = { STR("XADD"), STR("trade_signals"), STR("*") };
	struct fake_server *server = fake_redis_server(owner->stage.redis);
	memcpy(argv + 3, pairs, count * sizeof *pairs);
	fake_reply_free(
	    fake_db_execute(server->db, argv, 3 + count, signal_wall(&owner->stage) / 1000000));
	signal_run(&owner->stage, 20 * signal_ms_ns);
}

static void add_chunk_as_other(struct owner *owner, struct str chunk)
{
	const struct str pair[] = { STR("p"), chunk };
	add_as_other(owner, pair, 2);
}

/* Fields of the newest entry, as they stand there: how many, and the first one's name. */
static size_t fields_there(struct owner *owner, char first[8])
{
	struct str argv[160];
	struct redis_reply *reply = fake_redis_peek(
	    owner->stage.redis, argv, signal_words("XREVRANGE trade_signals + - COUNT 1", argv));
	size_t count = reply->items[0].items[1].count / 2;
	signal_copy(reply->items[0].items[1].items[0].text, first, 8);
	fake_reply_free(reply);
	return count;
}

static void expect_form(struct owner *owner, const char *fields, const char *first, size_t count)
{
	char name[8];
	size_t before = owner->count;
	add(owner, fields);
	assert_int_equal(fields_there(owner, name), count);
	assert_string_equal(name, first);
	assert_int_equal(owner->count, before + 1);
	assert_string_equal(owner->text[before], fields);
}

/* ---- what is added ---- */

static const char whole[] = "id=order-1.7 to=group:gold drain=1 exp=1784046250000 act=pend "
			    "sym=XAUUSD sd=buy vol=0.10 px=2411.50 ty=limit sl=2400.5 tp=2450 "
			    "dev=20 cm=strat-7";

static void an_entry_is_one_row_and_told_as_its_fields(void **state)
{
	(void)state;
	struct owner *owner = owner_create(true);
	expect_form(owner, whole, "p", 1);
	expect_form(owner, "id=a to=all act=closeall", "p", 1);
	expect_form(owner, "id=a to= act= vol=007.10 px=x", "p", 1); /* told as it was given */
	struct signal_store_counts counts = signal_store_counts(owner->stage.store);
	assert_int_equal(counts.added, 3);
	assert_int_equal(counts.packed, 3);
	assert_int_equal(counts.unreadable, 0);
	owner_destroy(owner);
}

static void what_the_table_has_no_place_for_is_a_field_for_each_value(void **state)
{
	(void)state;
	struct owner *owner = owner_create(true);
	char fields[ENTRIES_VALUE_BYTES + 50] = "id=a cm=";
	expect_form(owner, "id=a to=all act=closeall colour=red", "id", 4);
	expect_form(owner, "id=a to=all to=mt5-1", "id", 3);
	size_t len = strlen(fields);
	memset(fields + len, 'x', ENTRIES_VALUE_BYTES + 1);
	expect_form(owner, fields, "id", 2);
	fields[len + ENTRIES_VALUE_BYTES] = 0;
	expect_form(owner, fields, "p", 1);
	assert_int_equal(signal_store_counts(owner->stage.store).packed, 1);
	owner_destroy(owner);
}

static void without_the_setting_nothing_is_packed_and_rows_are_read(void **state)
{
	(void)state;
	struct owner *owner = owner_create(true);
	add(owner, whole);
	signal_restart(&owner->stage);
	open_store(owner, false);
	signal_run(&owner->stage, 50 * signal_ms_ns);
	expect_form(owner, whole, "id", 14);
	assert_int_equal(signal_store_counts(owner->stage.store).packed, 0);
	assert_string_equal(owner->text[0], whole); /* the row of before */
	owner_destroy(owner);
}

/* ---- what is read ---- */

static void both_forms_come_mixed_and_again_after_a_restart_with_their_members(void **state)
{
	(void)state;
	struct owner *owner = owner_create(true);
	const struct str plain[] = { STR("to"), STR("all"), STR("id"), STR("b") };
	add(owner, whole);
	add_as_other(owner, plain, 4);
	add(owner, "id=c to=mt5-1");
	signal_stand(&owner->stage, &owner->stage.told[0], "sent", 7);
	signal_stand(&owner->stage, &owner->stage.told[1], "sent", 8);
	signal_store_done(owner->stage.store, owner->stage.told[2].sid, owner->stage.told[2].id);
	signal_run(&owner->stage, 50 * signal_ms_ns);
	signal_restart(&owner->stage);
	open_store(owner, true);
	signal_run(&owner->stage, 50 * signal_ms_ns);
	add(owner, "id=d to=mt5-1");
	assert_int_equal(owner->count, 3);
	assert_string_equal(owner->text[0], whole);
	assert_string_equal(owner->text[1], "to=all id=b");
	assert_string_equal(owner->text[2], "id=d to=mt5-1");
	assert_true(owner->stage.told[0].again && owner->stage.told[1].again);
	assert_int_equal(owner->members, 2);
	owner_destroy(owner);
}

static void p_beside_other_fields_is_a_field_that_nobody_knows(void **state)
{
	(void)state;
	struct owner *owner = owner_create(true);
	const struct str pairs[] = { STR("p"), STR("x"), STR("id"), STR("b") };
	add_as_other(owner, pairs, 4);
	assert_string_equal(owner->text[0], "p=x id=b");
	owner_destroy(owner);
}

/* ---- what is no row ---- */

static size_t pack_some(enum entries_table table, size_t rows, char *out)
{
	struct str values[2 * ENTRIES_FIELDS_MAX] = { { 0 } };
	struct entries_packer *packer = entries_packer_create();
	struct buf buf = buf_over(out, ENTRIES_CHUNK_BYTES);
	size_t fields;
	entries_fields(table, &fields);
	for (size_t i = 0; i < rows; i++)
		values[i * fields] = STR("some-id");
	assert_int_equal(entries_pack(packer, table, values, rows, &buf), STATUS_OK);
	entries_packer_destroy(packer);
	return buf.len;
}

/* Told once, goes when it is done, and the next one is read. */
static void expect_refused(struct owner *owner, struct str chunk)
{
	size_t at = owner->count;
	uint64_t unreadable = signal_store_counts(owner->stage.store).unreadable;
	add_chunk_as_other(owner, chunk);
	signal_run(&owner->stage, 100 * signal_ms_ns);
	assert_int_equal(owner->count, at + 1);
	assert_string_equal(owner->text[at], "!p");
	assert_int_equal(signal_store_counts(owner->stage.store).unreadable, unreadable + 1);
	signal_store_done(owner->stage.store, owner->stage.told[at].sid, owner->stage.told[at].id);
	assert_int_equal(signal_drain(&owner->stage), STATUS_OK);
	assert_int_equal(signal_integer(&owner->stage, "XLEN trade_signals"), 0);
}

static void what_is_not_exactly_one_row_is_told_with_its_fault(void **state)
{
	(void)state;
	static char chunk[ENTRIES_CHUNK_BYTES];
	struct owner *owner = owner_create(true);
	struct rng rng;
	expect_refused(owner, STR(""));
	expect_refused(owner, STR("{\"id\":\"a\"}"));
	expect_refused(owner, str_make(chunk, pack_some(ENTRIES_SIGNALS, 2, chunk)));
	expect_refused(owner, str_make(chunk, pack_some(ENTRIES_RESULTS, 1, chunk)));
	size_t len = pack_some(ENTRIES_SIGNALS, 1, chunk);
	rng_init(&rng, 3);
	for (int i = 0; i < 20; i++) {
		size_t at = rng_below(&rng, len);
		chunk[at] ^= (char)(1 << rng_below(&rng, 8));
		expect_refused(owner, str_make(chunk, len));
		len = pack_some(ENTRIES_SIGNALS, 1, chunk);
		expect_refused(owner, str_make(chunk, rng_below(&rng, len)));
	}
	add(owner, whole);
	assert_string_equal(owner->text[owner->count - 1], whole);
	owner_destroy(owner);
}

static void such_an_entry_ends_as_refused_by_its_name(void **state)
{
	(void)state;
	static struct delivery_stage stage;
	stage_begin(&stage);
	for (uint64_t again = 0; again < 2; again++) {
		const struct delivery_entry entry = { .id = { (uint64_t)stage.now_ms, 7 + again },
						      .sid = 7 + again,
						      .again = again,
						      .fault = "p" };
		assert_true(deliveries_take(stage.deliveries, &entry));
		expect_put(&stage, again, "refused", "p");
		assert_true(stage.put[again].final);
		assert_int_equal(stage.n_done, again);
		stage_recorded(&stage, 7 + again);
		assert_int_equal(stage.n_done, again + 1);
	}
	assert_int_equal(stage.n_sent, 0);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_one_row_and_told_as_its_fields),
		cmocka_unit_test(what_the_table_has_no_place_for_is_a_field_for_each_value),
		cmocka_unit_test(without_the_setting_nothing_is_packed_and_rows_are_read),
		cmocka_unit_test(
		    both_forms_come_mixed_and_again_after_a_restart_with_their_members),
		cmocka_unit_test(p_beside_other_fields_is_a_field_that_nobody_knows),
		cmocka_unit_test(what_is_not_exactly_one_row_is_told_with_its_fault),
		cmocka_unit_test(such_an_entry_ends_as_refused_by_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
