/* The signal store, rule by rule, on the simulated server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/signal_stage.h"

static const uint64_t first_ms = 1577836800000;

static void add(struct signal_stage *stage, uint64_t ms, uint64_t seq)
{
	char line[120];
	snprintf(line, sizeof line, "XADD trade_signals %llu-%llu id s%llu act open",
		 (unsigned long long)ms, (unsigned long long)seq, (unsigned long long)ms);
	signal_write_as_other(stage, line);
}

static void done(struct signal_stage *stage, size_t index)
{
	signal_store_done(stage->store, stage->told[index].sid, stage->told[index].id);
}

static void expect_told(const struct signal_stage *stage, size_t index, uint64_t ms, bool again)
{
	assert_true(index < stage->n_told);
	assert_true(stage->told[index].id.ms == ms);
	assert_int_equal(stage->told[index].again, again);
}

/* ---- reading ---- */

static void an_entry_is_told_once_with_its_fields_and_its_sid(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	add(&stage, first_ms + 5, 3);
	signal_run(&stage, 20 * signal_ms_ns);
	assert_int_equal(stage.n_told, 1);
	assert_int_equal(stage.told[0].sid, 5 << 21 | 3);
	assert_int_equal(stage.told[0].count, 2);
	assert_string_equal(stage.told[0].first_key, "id");
	expect_told(&stage, 0, first_ms + 5, false);
	assert_string_equal(stage.told[0].stood, "");
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 1);
	assert_int_equal(signal_integer(&stage, "XPENDING trade_signals router"), 1);
	signal_deinit(&stage);
}

static void an_id_that_gives_no_sid_says_so(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		uint64_t sid;
	} cases[] = {
		{ "1577836799999-5", 0 }, /* before 2020 */
		{ "1577836800000-1", 1 },
		{ "1577836800000-2097151", 2097151 },
		{ "1577836800000-2097152", 0 }, /* too many of a millisecond */
		{ "5975883311103-0", (uint64_t)4398046511103 << 21 },
		{ "5975883311104-0", 0 }, /* 64 bits and more */
	};
	struct signal_stage stage;
	signal_begin(&stage);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char line[80];
		snprintf(line, sizeof line, "XADD trade_signals %s id x", cases[i].id);
		signal_write_as_other(&stage, line);
	}
	signal_run(&stage, 20 * signal_ms_ns);
	assert_int_equal(stage.n_told, ARRAY_LEN(cases));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(stage.told[i].sid == cases[i].sid);
	assert_true(stage.told[4].sid <= INT64_MAX);
	signal_deinit(&stage);
}

static void many_entries_come_in_pages_and_in_order(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_init(&stage);
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	for (uint64_t i = 1; i <= 1000; i++)
		add(&stage, first_ms + i, 0);
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 0); /* not before the start */
	signal_store_start(stage.store);
	signal_run(&stage, 50 * signal_ms_ns);
	assert_int_equal(stage.n_told, 1000);
	for (uint64_t i = 0; i < 1000; i++)
		expect_told(&stage, i, first_ms + 1 + i, false);
	signal_store_stop(stage.store);
	add(&stage, first_ms + 2000, 0);
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 1000);
	signal_deinit(&stage);
}

static void an_entry_with_too_many_fields_shows_that_it_has(void **state)
{
	(void)state;
	struct signal_stage stage;
	char line[2000];
	struct buf text = buf_over(line, sizeof line - 1);
	signal_begin(&stage);
	buf_printf(&text, "XADD trade_signals %llu-0", (unsigned long long)first_ms + 1);
	for (int i = 0; i < 70; i++)
		buf_printf(&text, " f%d v%d", i, i);
	line[text.len] = 0;
	signal_write_as_other(&stage, line);
	signal_run(&stage, 20 * signal_ms_ns);
	assert_int_equal(stage.n_told, 1);
	assert_int_equal(stage.told[0].count, SIGNAL_FIELDS_MAX);
	signal_deinit(&stage);
}

static void what_the_owner_has_no_room_for_comes_again_in_order(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	stage.room = 150;
	for (uint64_t i = 1; i <= 400; i++)
		add(&stage, first_ms + i, 0);
	signal_run(&stage, 2 * signal_second_ns);
	assert_int_equal(stage.n_told, 150);
	add(&stage, first_ms + 401, 0);
	stage.room = 1;
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 151);
	stage.room = SIZE_MAX;
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 401);
	for (uint64_t i = 0; i < 401; i++)
		expect_told(&stage, i, first_ms + 1 + i, false);
	assert_int_equal(signal_store_counts(stage.store).failed, 0);
	signal_deinit(&stage);
}

/* ---- the end of an entry ---- */

static void what_is_done_is_gone_with_its_hash(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	for (uint64_t i = 1; i <= 3; i++)
		add(&stage, first_ms + i, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	for (size_t i = 0; i < 3; i++)
		signal_stand(&stage, &stage.told[i], "sent", 7 + i);
	signal_run(&stage, 20 * signal_ms_ns);
	char line[80];
	snprintf(line, sizeof line, "HGETALL signal:%llu", (unsigned long long)stage.told[1].sid);
	struct str argv[160];
	struct redis_reply *hash = fake_redis_peek(stage.redis, argv, signal_words(line, argv));
	char got[300];
	struct buf out = buf_over(got, sizeof got - 1);
	for (size_t i = 0; i < hash->count && i < 12; i++)
		buf_printf(&out, "%.*s ", STR_ARG(hash->items[i].text));
	got[out.len] = 0;
	assert_string_equal(got, "id order exp 1784046190000 i:mt5-1 sent 8 2 50 60 ");
	fake_reply_free(hash);
	done(&stage, 0);
	done(&stage, 1);
	assert_int_equal(signal_store_counts(stage.store).waiting, 2);
	signal_run(&stage, 20 * signal_ms_ns);
	assert_int_equal(signal_store_counts(stage.store).waiting, 0);
	assert_int_equal(signal_store_counts(stage.store).done, 2);
	assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 1);
	assert_int_equal(signal_integer(&stage, "XPENDING trade_signals router"), 1);
	const char *hashes = "EXISTS signal:2097152 signal:4194304 signal:6291456";
	assert_int_equal(signal_integer(&stage, hashes), 1);
	signal_deinit(&stage);
}

/* MULTI, XACK, XDEL, UNLINK, EXEC, and reads in between. */
static void a_cut_anywhere_leaves_nothing_half_done(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 8; n++)
		for (int cut = 0; cut < 2; cut++) {
			struct signal_stage stage;
			signal_begin(&stage);
			add(&stage, first_ms + 1, 0);
			add(&stage, first_ms + 2, 0);
			signal_run(&stage, 20 * signal_ms_ns);
			fake_redis_cut(stage.redis, n, cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
			done(&stage, 0);
			add(&stage, first_ms + 3, 0);
			signal_run(&stage, signal_second_ns);
			assert_int_equal(stage.n_told, 3);
			expect_told(&stage, 2, first_ms + 3, false);
			assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 2);
			assert_int_equal(signal_integer(&stage, "XPENDING trade_signals router"),
					 2);
			signal_deinit(&stage);
		}
}

static void a_full_server_still_lets_go_of_what_is_done(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	add(&stage, first_ms + 1, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	fake_redis_fault(stage.redis, FAKE_OOM);
	done(&stage, 0);
	assert_int_equal(signal_drain(&stage), STATUS_OK);
	assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 0);
	add(&stage, first_ms + 2, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	assert_int_equal(stage.n_told, 2); /* and to read */
	signal_deinit(&stage);
}

static void refusals_are_tried_again_until_the_server_is_well(void **state)
{
	(void)state;
	static const enum fake_fault faults[] = { FAKE_READONLY, FAKE_MISCONF, FAKE_LOADING,
						  FAKE_NOPERM };
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct signal_stage stage;
		signal_begin(&stage);
		add(&stage, first_ms + 1, 0);
		signal_run(&stage, 20 * signal_ms_ns);
		fake_redis_fault(stage.redis, faults[i]);
		done(&stage, 0);
		assert_true(signal_drain(&stage) != STATUS_OK);
		add(&stage, first_ms + 2, 0);
		signal_run(&stage, 2 * signal_second_ns);
		assert_int_equal(stage.n_told, 1);
		assert_in_range(signal_store_counts(stage.store).failed, 4, 60);
		fake_redis_fault(stage.redis, FAKE_HEALTHY);
		signal_run(&stage, signal_second_ns);
		assert_int_equal(stage.n_told, 2);
		assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 1);
		signal_deinit(&stage);
	}
}

static void nothing_is_read_while_too_much_that_is_done_waits(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	fake_redis_fault(stage.redis, FAKE_MISCONF);
	for (uint64_t i = 0; i < SIGNAL_DONE_MAX + 3; i++)
		signal_store_done(stage.store, i, (struct stream_id){ i + 1, 0 });
	assert_int_equal(signal_store_counts(stage.store).waiting, SIGNAL_DONE_MAX);
	assert_int_equal(signal_store_counts(stage.store).done_lost, 3);
	signal_run(&stage, signal_second_ns);
	uint64_t failed = signal_store_counts(stage.store).failed;
	assert_true(failed < 8); /* the ends were tried, reads were not */
	fake_redis_fault(stage.redis, FAKE_HEALTHY);
	assert_int_equal(signal_drain(&stage), STATUS_OK);
	assert_int_equal(signal_store_counts(stage.store).done, SIGNAL_DONE_MAX);
	signal_deinit(&stage);
}

/* ---- what happens behind its back ---- */

static void a_deleted_group_is_made_again_and_nothing_is_lost(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	for (uint64_t i = 1; i <= 3; i++)
		add(&stage, first_ms + i, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	fake_redis_fault(stage.redis, FAKE_MISCONF);
	done(&stage, 0); /* waits */
	signal_write_as_other(&stage, "XGROUP DESTROY trade_signals router");
	add(&stage, first_ms + 4, 0);
	fake_redis_fault(stage.redis, FAKE_HEALTHY);
	signal_run(&stage, signal_second_ns);
	assert_int_equal(signal_store_counts(stage.store).groups_made, 1);
	assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 3);
	assert_int_equal(signal_integer(&stage, "XPENDING trade_signals router"), 3);
	assert_in_range(stage.n_told, 4, 7); /* those it holds may be told twice */
	expect_told(&stage, stage.n_told - 1, first_ms + 4, false);
	done(&stage, 1);
	done(&stage, 2);
	done(&stage, stage.n_told - 1);
	assert_int_equal(signal_drain(&stage), STATUS_OK);
	assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 0);
	assert_int_equal(signal_integer(&stage, "XPENDING trade_signals router"), 0);
	signal_deinit(&stage);
}

/* All of it: stream, group, numbers. Entries come with lower ids than before. */
static void a_deleted_stream_begins_anew(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	add(&stage, first_ms + 500, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	signal_write_as_other(&stage, "DEL trade_signals");
	add(&stage, first_ms + 7, 0);
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 2);
	expect_told(&stage, 1, first_ms + 7, false);
	done(&stage, 0); /* one that is not there any more */
	done(&stage, 1);
	assert_int_equal(signal_drain(&stage), STATUS_OK);
	assert_int_equal(signal_integer(&stage, "XLEN trade_signals"), 0);
	signal_deinit(&stage);
}

static void entries_trimmed_before_they_were_told_are_let_go(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	stage.room = 1;
	for (uint64_t i = 1; i <= 5; i++)
		add(&stage, first_ms + i, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	signal_write_as_other(&stage, "XTRIM trade_signals MINID 1577836800004");
	stage.room = SIZE_MAX;
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 3);
	expect_told(&stage, 1, first_ms + 4, false);
	expect_told(&stage, 2, first_ms + 5, false);
	assert_int_equal(signal_store_counts(stage.store).vanished, 2);
	assert_int_equal(signal_integer(&stage, "XPENDING trade_signals router"), 3);
	signal_deinit(&stage);
}

static void a_key_of_another_type_is_no_harm(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	signal_write_as_other(&stage, "DEL trade_signals");
	signal_write_as_other(&stage, "SET trade_signals x");
	signal_run(&stage, signal_second_ns);
	assert_in_range(signal_store_counts(stage.store).failed, 3, 20);
	signal_write_as_other(&stage, "DEL trade_signals");
	add(&stage, first_ms + 1, 0);
	signal_run(&stage, signal_second_ns);
	assert_int_equal(stage.n_told, 1);
	signal_deinit(&stage);
}

/* ---- a restart ---- */

static void a_restart_tells_pending_entries_again_and_where_they_stood(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	for (uint64_t i = 1; i <= 300; i++)
		add(&stage, first_ms + i, 0);
	signal_run(&stage, 50 * signal_ms_ns);
	signal_stand(&stage, &stage.told[0], "sent", 1);
	signal_stand(&stage, &stage.told[299], "received", 2);
	done(&stage, 100);
	assert_int_equal(signal_drain(&stage), STATUS_OK);
	signal_write_as_other(&stage, "SET signal:4194304 x"); /* the second's */
	signal_write_as_other(&stage, "XDEL trade_signals 1577836800003-0");
	signal_run(&stage, 20 * signal_ms_ns);
	signal_restart(&stage);
	add(&stage, first_ms + 301, 0); /* came while weir was away */
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	signal_store_start(stage.store);
	signal_run(&stage, 100 * signal_ms_ns);
	assert_int_equal(stage.n_told, 299);
	expect_told(&stage, 0, first_ms + 1, true);
	expect_told(&stage, 1, first_ms + 2, true);
	expect_told(&stage, 2, first_ms + 4, true);
	expect_told(&stage, 297, first_ms + 300, true);
	expect_told(&stage, 298, first_ms + 301, false);
	assert_string_equal(stage.told[0].stood, "mt5-1=sent 1 2 50 60");
	assert_string_equal(stage.told[1].stood, "");
	assert_string_equal(stage.told[297].stood, "mt5-1=received 2 2 50 60");
	assert_int_equal(signal_store_counts(stage.store).again, 298);
	assert_int_equal(signal_store_counts(stage.store).vanished, 1);
	signal_deinit(&stage);
}

static void a_cut_while_pending_entries_are_read_loses_none(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 12; n++)
		for (int cut = 0; cut < 2; cut++) {
			struct signal_stage stage;
			signal_begin(&stage);
			for (uint64_t i = 1; i <= 4; i++)
				add(&stage, first_ms + i, 0);
			signal_run(&stage, 20 * signal_ms_ns);
			signal_restart(&stage);
			assert_int_equal(signal_restore(&stage), STATUS_OK);
			fake_redis_cut(stage.redis, n, cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
			signal_store_start(stage.store);
			signal_run(&stage, signal_second_ns);
			assert_int_equal(stage.n_told, 4);
			for (uint64_t i = 0; i < 4; i++)
				expect_told(&stage, i, first_ms + 1 + i, true);
			signal_deinit(&stage);
		}
}

/* Nobody knows any more what had been given out: all of it comes as such. */
static void a_group_deleted_before_a_restart_is_no_loss_either(void **state)
{
	(void)state;
	struct signal_stage stage;
	signal_begin(&stage);
	add(&stage, first_ms + 1, 0);
	signal_run(&stage, 20 * signal_ms_ns);
	signal_stand(&stage, &stage.told[0], "sent", 1);
	signal_run(&stage, 20 * signal_ms_ns);
	signal_restart(&stage);
	signal_write_as_other(&stage, "XGROUP DESTROY trade_signals router");
	assert_int_equal(signal_restore(&stage), STATUS_OK);
	signal_store_start(stage.store);
	add(&stage, first_ms + 2, 0);
	signal_run(&stage, 100 * signal_ms_ns);
	assert_int_equal(stage.n_told, 2);
	expect_told(&stage, 0, first_ms + 1, true);
	assert_string_equal(stage.told[0].stood, "mt5-1=sent 1 2 50 60");
	expect_told(&stage, 1, first_ms + 2, false);
	assert_int_equal(signal_integer(&stage, "XPENDING trade_signals router"), 2);
	signal_deinit(&stage);
}

static void a_restore_that_cannot_read_says_so_and_can_be_asked_again(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 5; n++) {
		struct signal_stage stage;
		signal_init(&stage);
		fake_redis_cut(stage.redis, n, FAKE_CUT_AFTER);
		assert_int_equal(signal_restore(&stage), STATUS_CLOSED);
		signal_run(&stage, signal_second_ns);
		assert_int_equal(signal_restore(&stage), STATUS_OK);
		assert_true(signal_store_next_down(stage.store) > 0);
		signal_deinit(&stage);
	}
}

/* ---- down numbers ---- */

static void down_numbers_ascend_over_restarts_and_lost_replies(void **state)
{
	(void)state;
	struct signal_stage stage;
	uint64_t last = 0;
	signal_begin(&stage);
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 700; i++) {
			uint64_t number = signal_store_next_down(stage.store);
			if (!number) { /* the request for more was cut off */
				signal_run(&stage, signal_second_ns);
				number = signal_store_next_down(stage.store);
			}
			assert_true(number > last);
			last = number;
			if (i % 50 == 0)
				signal_run(&stage, signal_ms_ns);
		}
		if (round % 4 == 1)
			fake_redis_cut(stage.redis, 1, FAKE_CUT_AFTER);
		signal_run(&stage, signal_second_ns);
		if (round % 4 != 3)
			continue;
		signal_restart(&stage);
		assert_int_equal(signal_store_next_down(stage.store), 0);
		signal_run(&stage, signal_second_ns);
		assert_int_equal(signal_restore(&stage), STATUS_OK);
	}
	assert_in_range(last, 12 * 700, 40000);
	signal_deinit(&stage);
}

static void while_the_server_is_away_numbers_run_out_and_come_back(void **state)
{
	(void)state;
	struct signal_stage stage;
	uint64_t last = 0, given = 0;
	signal_begin(&stage);
	fake_redis_kill(stage.redis);
	for (uint64_t number; (number = signal_store_next_down(stage.store));) {
		assert_true(number > last);
		last = number;
		given++;
	}
	assert_in_range(given, 500, 2000);
	assert_int_equal(signal_store_next_down(stage.store), 0);
	fake_redis_start(stage.redis);
	signal_run(&stage, signal_second_ns);
	(void)signal_store_next_down(stage.store);
	signal_run(&stage, signal_second_ns);
	assert_true(signal_store_next_down(stage.store) > last);
	signal_deinit(&stage);
}

static void a_counter_that_was_set_back_gives_no_number_twice(void **state)
{
	(void)state;
	static const char *const writes[] = { "DEL fleet:down_seq", "SET fleet:down_seq 3",
					      "SET fleet:down_seq -9000000" };
	for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
		struct signal_stage stage;
		uint64_t last = 0;
		signal_begin(&stage);
		for (int n = 0; n < 5000; n++) {
			if (n == 2500)
				signal_write_as_other(&stage, writes[i]);
			uint64_t number = signal_store_next_down(stage.store);
			assert_true(number > last);
			last = number;
			if (n % 100 == 0)
				signal_run(&stage, 20 * signal_ms_ns);
		}
		signal_deinit(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_told_once_with_its_fields_and_its_sid),
		cmocka_unit_test(an_id_that_gives_no_sid_says_so),
		cmocka_unit_test(many_entries_come_in_pages_and_in_order),
		cmocka_unit_test(an_entry_with_too_many_fields_shows_that_it_has),
		cmocka_unit_test(what_the_owner_has_no_room_for_comes_again_in_order),
		cmocka_unit_test(what_is_done_is_gone_with_its_hash),
		cmocka_unit_test(a_cut_anywhere_leaves_nothing_half_done),
		cmocka_unit_test(a_full_server_still_lets_go_of_what_is_done),
		cmocka_unit_test(refusals_are_tried_again_until_the_server_is_well),
		cmocka_unit_test(nothing_is_read_while_too_much_that_is_done_waits),
		cmocka_unit_test(a_deleted_group_is_made_again_and_nothing_is_lost),
		cmocka_unit_test(a_deleted_stream_begins_anew),
		cmocka_unit_test(entries_trimmed_before_they_were_told_are_let_go),
		cmocka_unit_test(a_key_of_another_type_is_no_harm),
		cmocka_unit_test(a_restart_tells_pending_entries_again_and_where_they_stood),
		cmocka_unit_test(a_cut_while_pending_entries_are_read_loses_none),
		cmocka_unit_test(a_group_deleted_before_a_restart_is_no_loss_either),
		cmocka_unit_test(a_restore_that_cannot_read_says_so_and_can_be_asked_again),
		cmocka_unit_test(down_numbers_ascend_over_restarts_and_lost_replies),
		cmocka_unit_test(while_the_server_is_away_numbers_run_out_and_come_back),
		cmocka_unit_test(a_counter_that_was_set_back_gives_no_number_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
