/* The signal store's own writing: entries for producers, members, halts; and what it reads
 * back of them after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/signal_stage.h"

static const uint64_t first_ms = 1577836800000;

struct answer {
	enum status status;
	uint64_t sid;
	struct stream_id entry;
	int times;
};

static void on_added(void *ctx, enum status status, uint64_t sid, struct stream_id entry)
{
	struct answer *answer = ctx;
	*answer = (struct answer){ status, sid, entry, answer->times + 1 };
}

static enum status add(struct signal_stage *stage, const char *id, struct answer *answer)
{
	const struct str keys[] = { STR("id"), STR("to"), STR("act") };
	const struct str values[] = { str_of(id), STR("all"), STR("closeall") };
	return signal_store_add(stage->store, keys, values, 3, on_added, answer);
}

/* ---- entries ---- */

static void an_entry_is_added_answered_and_told(void **state)
{
	(void)state;
	struct signal_stage stage;
	struct answer answer = { 0 };
	signal_begin(&stage);
	assert_int_equal(add(&stage, "a-1", &answer), STATUS_OK);
	assert_int_equal(answer.times, 0); /* not before it is durable */
	signal_run(&stage, 50 * signal_ms_ns);
	assert_int_equal(answer.times, 1);
	assert_int_equal(answer.status, STATUS_OK);
	assert_int_equal(stage.n_told, 1);
	assert_true(answer.sid != 0 && answer.sid == stage.told[0].sid);
	assert_int_equal(stream_id_cmp(answer.entry, stage.told[0].id), 0);
	assert_string_equal(stage.told[0].first_value, "a-1");
	assert_int_equal(stage.told[0].count, 3);
	assert_int_equal(signal_store_counts(stage.store).added, 1);
	signal_deinit(&stage);
}

static void an_id_on_its_way_is_added_once_and_all_are_answered(void **state)
{
	(void)state;
	struct signal_stage stage;
	struct answer answers[4] = { 0 };
	signal_begin(&stage);
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(&stage, "same", &answers[i]), STATUS_OK);
	assert_int_equal(add(&stage, "other", &answers[3]), STATUS_OK);
	signal_run(&stage, 50 * signal_ms_ns);
	assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 2);
	assert_int_equal(signal_store_counts(stage.store).joined, 2);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(answers[i].times, 1);
		assert_int_equal(answers[i].status, STATUS_OK);
		assert_int_equal(answers[i].sid == answers[0].sid, i < 3);
	}
	assert_int_equal(add(&stage, "same", &answers[0]), STATUS_OK); /* its owner knows it */
	signal_run(&stage, 50 * signal_ms_ns);
	assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 3);
	signal_deinit(&stage);
}

static void beyond_the_bound_nothing_is_taken(void **state)
{
	(void)state;
	struct signal_stage stage;
	struct answer answer = { 0 };
	char id[20];
	signal_begin(&stage);
	fake_redis_hang(stage.redis, true);
	for (int i = 0; i < SIGNAL_ADDS_MAX; i++) {
		snprintf(id, sizeof id, "a-%d", i);
		assert_int_equal(add(&stage, id, &answer), STATUS_OK);
	}
	assert_int_equal(add(&stage, "more", &answer), STATUS_FULL);
	assert_int_equal(add(&stage, "a-0", &answer), STATUS_FULL);
	assert_int_equal(answer.times, 0);
	fake_redis_hang(stage.redis, false);
	signal_run(&stage, 3 * signal_second_ns);
	assert_int_equal(answer.times, SIGNAL_ADDS_MAX); /* well or not: each once */
	assert_int_equal(add(&stage, "more", &answer), STATUS_OK);
	signal_run(&stage, signal_second_ns);
	assert_int_equal(answer.times, SIGNAL_ADDS_MAX + 1);
	signal_deinit(&stage);
}

static void what_prevents_it_is_answered(void **state)
{
	(void)state;
	static const struct {
		enum fake_fault fault;
		enum status status;
	} cases[] = {
		{ FAKE_OOM, STATUS_REDIS_OOM },
		{ FAKE_MISCONF, STATUS_REDIS_MISCONF },
		{ FAKE_READONLY, STATUS_REDIS_READONLY },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct signal_stage stage;
		struct answer first = { 0 }, second = { 0 };
		signal_begin(&stage);
		fake_redis_fault(stage.redis, cases[i].fault);
		assert_int_equal(add(&stage, "a", &first), STATUS_OK);
		assert_int_equal(add(&stage, "a", &second), STATUS_OK);
		signal_run(&stage, 100 * signal_ms_ns);
		assert_int_equal(first.status, cases[i].status);
		assert_int_equal(second.status, cases[i].status);
		assert_int_equal(first.sid, 0);
		assert_int_equal(signal_store_counts(stage.store).add_failed, 1);
		fake_redis_fault(stage.redis, FAKE_HEALTHY);
		assert_int_equal(add(&stage, "a", &first), STATUS_OK);
		signal_run(&stage, signal_second_ns);
		assert_int_equal(first.times, 2);
		assert_int_equal(first.status, STATUS_OK);
		signal_deinit(&stage);
	}
}

static void cut_off_nobody_knows_and_it_may_be_told(void **state)
{
	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		struct signal_stage stage;
		struct answer answer = { 0 };
		signal_begin(&stage);
		assert_int_equal(add(&stage, "a", &answer), STATUS_OK);
		fake_redis_cut(stage.redis, 1, cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
		signal_run(&stage, 2 * signal_second_ns);
		assert_int_equal(answer.times, 1);
		assert_true(answer.status || stage.n_told == 1);
		assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), stage.n_told);
		signal_deinit(&stage);
	}
}

static void add_as_other(struct signal_stage *stage, uint64_t ms)
{
	char line[100];
	snprintf(line, sizeof line, "XADD trade_signals %llu-0 id s%llu", (unsigned long long)ms,
		 (unsigned long long)ms);
	signal_write_as_other(stage, line);
}

static void it_is_behind_until_all_that_was_there_is_told(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	assert_true(signal_store_is_behind(stage.store));
	signal_run(&stage, 50 * signal_ms_ns);
	assert_false(signal_store_is_behind(stage.store));
	for (uint64_t i = 1; i <= 300; i++)
		add_as_other(&stage, first_ms + i);
	signal_run(&stage, 100 * signal_ms_ns);
	signal_restart(&stage);
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	stage.room = 200;
	signal_store_start(stage.store);
	signal_run(&stage, signal_second_ns);
	assert_true(signal_store_is_behind(stage.store));
	stage.room = 200;
	signal_run(&stage, signal_second_ns);
	assert_false(signal_store_is_behind(stage.store));
	assert_int_equal(stage.n_told, 300);
	signal_deinit(&stage);
}

/* ---- members ---- */

static void members_are_durable_before_it_is_said_and_come_back(void **state)
{
	(void)state;
	static const struct str instances[] = { { "mt5-1", 5 }, { "mt5-2", 5 }, { "mt5-3", 5 } };
	struct signal_stage stage;
	signal_begin(&stage);
	add_as_other(&stage, first_ms + 1);
	add_as_other(&stage, first_ms + 2);
	signal_run(&stage, 20 * signal_ms_ns);
	const struct told_signal told = stage.told[0];
	assert_int_equal(signal_store_route(stage.store, told.sid, instances, 3), STATUS_OK);
	assert_int_equal(stage.n_routed, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	assert_int_equal(stage.n_routed, 1);
	assert_true(stage.routed[0].sid == told.sid && stage.routed[0].status == STATUS_OK);
	signal_stand(&stage, &told, "received", 9);
	signal_run(&stage, 20 * signal_ms_ns);
	signal_restart(&stage);
	/* what an earlier weir wrote besides, and what nobody did */
	signal_write_as_other(&stage, "HSET signal:2097152 e 1577836800001-0 t 7 i: x i:odd 1");
	signal_write_as_other(&stage, "HSET signal:4194304 i:z nonsense,7");
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	signal_store_start(stage.store);
	signal_run(&stage, 50 * signal_ms_ns);
	assert_int_equal(stage.n_told, 2);
	assert_string_equal(stage.told[0].stood, "mt5-1=received 9 2 50 60, mt5-2=waiting 0 0 0 0, "
						 "mt5-3=waiting 0 0 0 0, odd=1 0 0 0 0");
	assert_string_equal(stage.told[1].stood, "z=nonsense,7 0 0 0 0");
	signal_deinit(&stage);
}

static void members_that_cannot_be_written_are_said(void **state)
{
	(void)state;
	static const struct str instances[] = { { "mt5-1", 5 } };
	struct signal_stage stage;
	signal_begin(&stage);
	fake_redis_fault(stage.redis, FAKE_MISCONF);
	assert_int_equal(signal_store_route(stage.store, 7, instances, 1), STATUS_OK);
	signal_run(&stage, 20 * signal_ms_ns);
	assert_int_equal(stage.n_routed, 1);
	assert_int_equal(stage.routed[0].status, STATUS_REDIS_MISCONF);
	assert_int_equal(stage.routed[0].sid, 7);
	signal_deinit(&stage);
}

/* More than a page may say at once: the page is cut, and nothing is left out. */
static void long_lists_of_members_come_in_parts(void **state)
{
	(void)state;
	enum { NAMES = DELIVERIES_MAX, ENTRIES = 9 };
	static char names[NAMES][65];
	static struct str instances[NAMES];
	struct signal_stage stage;
	signal_begin(&stage);
	for (int i = 0; i < NAMES; i++) {
		snprintf(names[i], sizeof names[i], "%064d", i);
		instances[i] = str_of(names[i]);
	}
	for (uint64_t i = 1; i <= ENTRIES; i++)
		add_as_other(&stage, first_ms + i);
	signal_run(&stage, 20 * signal_ms_ns);
	for (size_t i = 0; i < ENTRIES; i++) {
		assert_int_equal(
		    signal_store_route(stage.store, stage.told[i].sid, instances, NAMES),
		    STATUS_OK);
		signal_run(&stage, 20 * signal_ms_ns);
	}
	assert_int_equal(stage.n_routed, ENTRIES);
	signal_restart(&stage);
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	signal_store_start(stage.store);
	signal_run(&stage, 3 * signal_second_ns);
	assert_int_equal(stage.n_told, ENTRIES);
	assert_true(signal_store_counts(stage.store).stood_cut > 0);
	for (size_t i = 0; i < ENTRIES; i++) {
		assert_true(stage.told[i].again);
		assert_int_equal(stage.told[i].members, NAMES);
	}
	signal_deinit(&stage);
}

/* ---- halts ---- */

static void expect_halts(const struct signal_stage *stage, const char *text)
{
	char storage[200];
	struct buf out = buf_over(storage, sizeof storage - 1);
	for (size_t i = 0; i < stage->halts.count; i++)
		buf_printf(&out, "%s%s", i ? " " : "", stage->halts.scopes[i]);
	storage[out.len] = 0;
	assert_string_equal(storage, text);
}

/* As the server has them, for whoever reads them next. */
static size_t halts_there(struct signal_stage *stage, const char *scope)
{
	struct str argv[160];
	struct redis_reply *hash =
	    fake_redis_peek(stage->redis, argv, signal_words("HGETALL fleet:halt", argv));
	size_t count = hash->count / 2;
	bool there = false;
	for (size_t i = 0; i < hash->count; i += 2)
		there |= str_eq(hash->items[i].text, str_of(scope));
	fake_reply_free(hash);
	return there ? count : 0;
}

static enum status write_halts(struct signal_stage *stage)
{
	stage->ended = false;
	assert_int_equal(signal_store_write_halts(stage->store, signal_ended, stage), STATUS_OK);
	return signal_wait(stage);
}

static void halts_outlive_a_restart(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	expect_halts(&stage, "");
	assert_int_equal(halts_add(&stage.halts, STR("mt5-1")), STATUS_OK);
	assert_int_equal(halts_add(&stage.halts, STR("group:gold")), STATUS_OK);
	assert_int_equal(write_halts(&stage), STATUS_OK);
	signal_restart(&stage);
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	expect_halts(&stage, "mt5-1 group:gold");
	assert_int_equal(halts_lift(&stage.halts, STR("mt5-1")), STATUS_OK);
	assert_int_equal(write_halts(&stage), STATUS_OK);
	signal_restart(&stage);
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	expect_halts(&stage, "group:gold");
	assert_int_equal(halts_lift(&stage.halts, STR("all")), STATUS_OK);
	assert_int_equal(write_halts(&stage), STATUS_OK);
	assert_int_equal(signal_integer(&stage, "EXISTS fleet:halt"), 0);
	signal_deinit(&stage);
}

static void halts_are_written_until_the_server_has_them(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	fake_redis_fault(stage.redis, FAKE_MISCONF);
	assert_int_equal(halts_add(&stage.halts, STR("all")), STATUS_OK);
	assert_true(write_halts(&stage) != STATUS_OK); /* and who asked knows */
	signal_run(&stage, 2 * signal_second_ns);
	assert_int_equal(signal_integer(&stage, "EXISTS fleet:halt"), 0);
	fake_redis_fault(stage.redis, FAKE_HEALTHY);
	signal_run(&stage, signal_second_ns);
	assert_int_equal(halts_there(&stage, "all"), 1);
	signal_deinit(&stage);
}

static void a_cut_anywhere_leaves_the_old_halts_or_the_new(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 6; n++)
		for (int cut = 0; cut < 2; cut++) {
			struct signal_stage stage;
			signal_begin(&stage);
			assert_int_equal(halts_add(&stage.halts, STR("old")), STATUS_OK);
			assert_int_equal(write_halts(&stage), STATUS_OK);
			assert_int_equal(halts_lift(&stage.halts, STR("old")), STATUS_OK);
			assert_int_equal(halts_add(&stage.halts, STR("new")), STATUS_OK);
			stage.ended = false;
			assert_int_equal(
			    signal_store_write_halts(stage.store, signal_ended, &stage), STATUS_OK);
			assert_int_equal(
			    signal_store_write_halts(stage.store, signal_ended, &stage),
			    STATUS_FULL);
			fake_redis_cut(stage.redis, n, cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
			signal_run(&stage, 20 * signal_ms_ns);
			assert_int_equal(halts_there(&stage, "old") + halts_there(&stage, "new"),
					 1);
			signal_run(&stage, 2 * signal_second_ns);
			assert_true(stage.ended);
			assert_int_equal(halts_there(&stage, "new"), 1);
			signal_deinit(&stage);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_added_answered_and_told),
		cmocka_unit_test(an_id_on_its_way_is_added_once_and_all_are_answered),
		cmocka_unit_test(beyond_the_bound_nothing_is_taken),
		cmocka_unit_test(what_prevents_it_is_answered),
		cmocka_unit_test(cut_off_nobody_knows_and_it_may_be_told),
		cmocka_unit_test(it_is_behind_until_all_that_was_there_is_told),
		cmocka_unit_test(members_are_durable_before_it_is_said_and_come_back),
		cmocka_unit_test(members_that_cannot_be_written_are_said),
		cmocka_unit_test(long_lists_of_members_come_in_parts),
		cmocka_unit_test(halts_outlive_a_restart),
		cmocka_unit_test(halts_are_written_until_the_server_has_them),
		cmocka_unit_test(a_cut_anywhere_leaves_the_old_halts_or_the_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
