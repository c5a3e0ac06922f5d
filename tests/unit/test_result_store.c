/* The result store, rule by rule, on the simulated server; with plain entries and packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/result_stage.h"

enum { EPOCH = 1784046185 };

static void take(struct stage *stage, uint32_t slot, uint64_t seq, const char *line, uint64_t tag)
{
	assert_int_equal(stage_frame(stage, slot, EPOCH, seq, line, tag), STATUS_OK);
}

static size_t count_told(const struct stage *stage, bool durable, uint64_t number)
{
	size_t n = 0;
	for (size_t i = 0; i < stage->n_told; i++)
		n += stage->told[i].durable == durable && stage->told[i].number == number;
	return n;
}

static void expect_hash(struct stage *stage, const char *key, const char *text)
{
	char line[300], got[300];
	struct buf ask = buf_over(line, sizeof line - 1), out = buf_over(got, sizeof got - 1);
	buf_printf(&ask, "HMGET %s ep up ld lsv", key);
	line[ask.len] = 0;
	struct redis_reply *reply = stage_peek(stage, line);
	for (size_t i = 0; i < reply->count; i++)
		buf_printf(&out, "%s%.*s", i ? " " : "", STR_ARG(reply->items[i].text));
	got[out.len] = 0;
	fake_reply_free(reply);
	assert_string_equal(got, text);
}

/* ---- the ordinary way ---- */

static void a_turns_frames_are_one_transaction_and_then_durable(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 3);
	take(&stage, 0, 1, "Y 1 dn=5 st=rx", 0);
	take(&stage, 0, 2, "R 2 sid=7 st=done deal=11 vol=0.10 sv=1700", 77);
	take(&stage, 2, 1, "D 1 deal=12 sym=EUR%20USD sv=1800", 0);
	assert_int_equal(stage.n_told, 0);
	assert_int_equal(stage_results(&stage), 0);
	stage_run(&stage, 20 * stage_ms_ns);
	assert_int_equal(stage_results(&stage), 2);
	assert_int_equal(result_store_counts(stage.store).batches, 1);
	assert_int_equal(result_store_counts(stage.store).results, 2);
	assert_int_equal(result_store_counts(stage.store).waiting_bytes, 0);
	assert_int_equal(stage.n_told, 3);
	assert_int_equal(count_told(&stage, false, 77), 1);
	assert_int_equal(count_told(&stage, true, 2), 1);
	assert_int_equal(count_told(&stage, true, 1), 1);
	expect_hash(&stage, "fleet:up:mt5-000", "1784046185 2 11 1700");
	expect_hash(&stage, "fleet:up:mt5-002", "1784046185 1 12 1800");
	assert_int_equal(stage_integer(&stage, "EXISTS fleet:up:mt5-001"), 0);
	stage_deinit(&stage);
}

static void put_values(void *ctx, const struct str *values)
{
	for (size_t i = 0; i < RESULT_FIELDS; i++)
		if (values[i].ptr)
			buf_printf(ctx, "%s|%.*s|", result_field_name((enum result_field)i),
				   STR_ARG(values[i]));
}

static void put_fields(const struct redis_reply *entry, struct buf *out)
{
	for (size_t i = 0; i < entry->items[1].count; i++)
		buf_printf(out, "%.*s|", STR_ARG(entry->items[1].items[i].text));
}

static void an_entry_has_the_fields_in_the_tables_order_and_no_empty_ones(void **state)
{
	(void)state;
	struct stage stage;
	char got[400];
	struct buf out = buf_over(got, sizeof got - 1);
	stage_init(&stage, 1);
	take(&stage, 0, 1, "R 1 sid=7 st=done rc=10009 deal=11 sym=A%20B vol=0.10 pl=-1.50", 0);
	stage_run(&stage, 20 * stage_ms_ns);
	struct redis_reply *reply = stage_peek(&stage, "XRANGE trade_results - +");
	assert_int_equal(reply->count, 1);
	assert_int_equal(reply->items[0].items[1].count == 2, stage_packed);
	if (stage_packed)
		result_rows(&reply->items[0], put_values, &out);
	else
		put_fields(&reply->items[0], &out);
	got[out.len] = 0;
	fake_reply_free(reply);
	assert_string_equal(got, "rid|7-mt5-000-11|sid|7|ins|mt5-000|st|done|rc|10009|deal|11|"
				 "sym|A B|vol|0.10|pnl|-1.50|t|1784046190500|");
	stage_deinit(&stage);
}

static void what_comes_while_a_batch_is_on_its_way_is_the_next_batch(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	fake_redis_set_latency(stage.redis, 50 * stage_ms_ns);
	for (uint64_t seq = 1; seq <= 40; seq++) {
		char line[64];
		struct buf text = buf_over(line, sizeof line - 1);
		buf_printf(&text, "D 1 deal=%d sv=%d", (int)seq, (int)seq);
		line[text.len] = 0;
		take(&stage, 0, seq, line, 0);
		stage_run(&stage, 5 * stage_ms_ns);
	}
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_results(&stage), 40);
	assert_in_range(result_store_counts(stage.store).batches, 2, 5);
	for (size_t i = 1; i < stage.n_told; i++)
		assert_true(stage.told[i].number > stage.told[i - 1].number);
	assert_int_equal(stage.told[stage.n_told - 1].number, 40);
	stage_deinit(&stage);
}

/* ---- what was seen before ---- */

static void a_repeated_rid_is_dropped_counted_and_durable_with_the_first(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 2);
	take(&stage, 0, 1, "R 1 sid=7 st=done deal=11", 5);
	take(&stage, 0, 2, "R 2 sid=7 st=done deal=11", 6); /* another number */
	assert_int_equal(stage_frame(&stage, 0, EPOCH + 1, 1, "R 1 sid=7 st=done deal=11", 7),
			 STATUS_OK); /* another epoch */
	assert_int_equal(stage.n_told, 0);
	stage_run(&stage, 20 * stage_ms_ns);
	assert_int_equal(stage_results(&stage), 1);
	assert_int_equal(result_store_counts(stage.store).repeated, 2);
	for (uint64_t tag = 5; tag <= 7; tag++)
		assert_int_equal(count_told(&stage, false, tag), 1);
	assert_int_equal(stage.n_told, 5); /* both epochs were told */
	expect_hash(&stage, "fleet:up:mt5-000", "1784046186 1 0 0");
	stage_deinit(&stage);
}

static void a_frame_sent_again_in_its_epoch_is_told_durable_again_and_not_written(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	take(&stage, 0, 1, "D 1 deal=1 sv=5", 0);
	stage_run(&stage, 20 * stage_ms_ns);
	take(&stage, 0, 1, "D 1 deal=1 sv=5", 9);
	uint64_t executed = fake_redis_counts(stage.redis).executed;
	stage_run(&stage, 20 * stage_ms_ns);
	assert_int_equal(fake_redis_counts(stage.redis).executed, executed); /* nothing to say */
	assert_int_equal(count_told(&stage, true, 1), 2);
	assert_int_equal(count_told(&stage, false, 9), 1);
	assert_int_equal(stage_results(&stage), 1);
	assert_int_equal(result_store_counts(stage.store).repeated, 1);
	stage_deinit(&stage);
}

/* Terminals that come again and again while the server is away send all of it each time. */
static void frames_sent_again_while_they_wait_take_no_room(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	fake_redis_kill(stage.redis);
	take(&stage, 0, 1, "R 1 sid=7 st=part deal=1", 0);
	take(&stage, 0, 2, "Y 2 dn=5 st=rx", 0);
	uint64_t bytes = result_store_counts(stage.store).waiting_bytes;
	for (int i = 0; i < 1000; i++) {
		take(&stage, 0, 1, "R 1 sid=7 st=part deal=1", 0);
		take(&stage, 0, 2, "Y 2 dn=5 st=rx", 0);
	}
	assert_int_equal(result_store_counts(stage.store).waiting_bytes, bytes);
	fake_redis_start(stage.redis);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_results(&stage), 1);
	assert_int_equal(result_store_mark(stage.store, 0).up, 2);
	stage_deinit(&stage);
}

/* ---- bounds ---- */

static void a_server_that_is_away_fills_the_memory_and_no_more(void **state)
{
	(void)state;
	struct stage stage;
	char line[512], pad[240];
	uint64_t seq = 0;
	stage_init(&stage, 1);
	memset(pad, 'x', sizeof pad);
	fake_redis_kill(stage.redis);
	for (;; seq++) {
		struct buf text = buf_over(line, sizeof line - 1);
		buf_printf(&text, "D 1 deal=%llu cm=%.*s", (unsigned long long)seq + 1,
			   (int)sizeof pad, pad);
		line[text.len] = 0;
		enum status status = stage_frame(&stage, 0, EPOCH, seq + 1, line, 0);
		if (status)
			assert_int_equal(status, STATUS_FULL);
		if (status)
			break;
	}
	struct result_store_counts counts = result_store_counts(stage.store);
	assert_in_range(counts.waiting_bytes, RESULT_STORE_BYTES_MAX - 1024,
			RESULT_STORE_BYTES_MAX);
	assert_int_equal(counts.refused, 1);
	assert_int_equal(stage_own(&stage, 5, 0, "exp", 1), STATUS_FULL);
	stage_run(&stage, 5 * stage_second_ns);
	assert_int_equal(stage.n_told, 0);
	fake_redis_start(stage.redis);
	stage_run(&stage, 30 * stage_second_ns);
	assert_int_equal(stage_results(&stage), seq);
	assert_int_equal(result_store_mark(stage.store, 0).up, seq);
	assert_int_equal(stage_frame(&stage, 0, EPOCH, seq + 1, line, 0), STATUS_OK);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_results(&stage), seq + 1);
	stage_deinit(&stage);
}

/* ---- a batch without an answer ---- */

/* MULTI, the batch's number, two entries, two markers, EXEC, WATCH: whichever of them
 * the connection breaks at, before or after its execution. */
static void a_cut_anywhere_in_a_batch_loses_nothing_and_repeats_nothing(void **state)
{
	(void)state;
	for (int straggles = 0; straggles < 2; straggles++)
		for (uint64_t n = 1; n <= 9; n++)
			for (int cut = 0; cut < 2; cut++) {
				struct stage stage;
				stage_init(&stage, 2);
				take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
				stage_run(&stage, 20 * stage_ms_ns); /* WATCHed from here on */
				fake_redis_cut(stage.redis, n,
					       cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
				if (straggles)
					fake_redis_straggle(stage.redis, 150 * stage_ms_ns);
				take(&stage, 0, 2, "D 2 deal=2 sv=2", 0);
				take(&stage, 1, 1, "R 1 sid=9 st=done deal=3", 4);
				stage_run(&stage, 50 * stage_ms_ns);
				take(&stage, 1, 2, "D 2 deal=4 sv=4", 0); /* while it is away */
				stage_run(&stage, 2 * stage_second_ns);
				assert_int_equal(stage_results(&stage), 4);
				assert_int_equal(result_store_mark(stage.store, 0).up, 2);
				assert_int_equal(result_store_mark(stage.store, 1).up, 2);
				assert_int_equal(count_told(&stage, false, 4), 1);
				expect_hash(&stage, "fleet:up:mt5-001", "1784046185 2 4 4");
				stage_deinit(&stage);
			}
}

/* A batch still in the socket of the lost connection when the new one has looked: the
 * server must refuse it, or its results would be there twice. */
static void a_batch_read_after_it_was_given_up_is_refused_by_the_server(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
	stage_run(&stage, 20 * stage_ms_ns);
	fake_redis_straggle(stage.redis, 5 * stage_second_ns);
	take(&stage, 0, 2, "D 2 deal=2 sv=2", 0);
	stage_run(&stage, 2 * stage_ms_ns);
	fake_redis_break(stage.redis);
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_results(&stage), 2); /* sent again */
	uint64_t executed = fake_redis_counts(stage.redis).executed;
	stage_run(&stage, 10 * stage_second_ns);
	assert_int_equal(fake_redis_counts(stage.redis).executed, executed);
	assert_int_equal(stage_results(&stage), 2);
	stage_deinit(&stage);
}

static void a_time_out_on_a_connection_that_lives_on_is_looked_up_too(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
	stage_run(&stage, 20 * stage_ms_ns);
	fake_redis_hang(stage.redis, true);
	take(&stage, 0, 2, "D 2 deal=2 sv=2", 0);
	assert_int_equal(stage_own(&stage, 44, 0, "exp", 4), STATUS_OK);
	stage_run(&stage, 3 * stage_second_ns);
	assert_int_equal(result_store_mark(stage.store, 0).up, 1);
	fake_redis_hang(stage.redis, false);
	stage_run(&stage, 3 * stage_second_ns);
	assert_int_equal(stage_results(&stage), 3);
	assert_int_equal(result_store_mark(stage.store, 0).up, 2);
	assert_int_equal(count_told(&stage, false, 4), 1);
	stage_deinit(&stage);
}

/* The archive took and trimmed the batch before weir could look for it. */
static void entries_trimmed_meanwhile_are_not_written_again(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
	stage_run(&stage, 20 * stage_ms_ns);
	/* EXEC, and its reply is lost */
	fake_redis_cut(stage.redis, stage_packed ? 5 : 6, FAKE_CUT_AFTER);
	take(&stage, 0, 2, "D 2 deal=2 sv=2", 0);
	assert_int_equal(stage_own(&stage, 44, 0, "exp", 4), STATUS_OK);
	stage_run(&stage, 20 * stage_ms_ns);
	assert_false(fake_redis_connected(stage.redis));
	assert_int_equal(stage_results(&stage), 3);
	stage_write(&stage, "XTRIM trade_results MAXLEN 0");
	stage_run(&stage, 2 * stage_second_ns);
	assert_int_equal(stage_results(&stage), 0);
	assert_int_equal(stage_added(&stage), stage_packed ? 2 : 3);
	assert_int_equal(stage_number(&stage, "HGET fleet:up:~ x"), stage_packed);
	assert_int_equal(result_store_mark(stage.store, 0).up, 2);
	assert_int_equal(count_told(&stage, false, 4), 1);
	stage_deinit(&stage);
}

static void refusals_are_tried_again_until_the_server_is_well(void **state)
{
	(void)state;
	static const enum fake_fault faults[] = { FAKE_OOM, FAKE_READONLY, FAKE_MISCONF,
						  FAKE_LOADING, FAKE_NOPERM };
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct stage stage;
		stage_init(&stage, 1);
		fake_redis_fault(stage.redis, faults[i]);
		take(&stage, 0, 1, "R 1 sid=9 st=done deal=3", 4);
		stage_run(&stage, 2 * stage_second_ns);
		assert_int_equal(stage.n_told, 0);
		assert_true(result_store_counts(stage.store).failed > 3);
		fake_redis_fault(stage.redis, FAKE_HEALTHY);
		stage_run(&stage, stage_second_ns);
		assert_int_equal(stage_results(&stage), 1);
		assert_int_equal(stage.n_told, 2);
		stage_deinit(&stage);
	}
}

/* -LOADING for the first n commands of a batch, MULTI among them: the rest is executed
 * one by one. */
static void a_transaction_whose_multi_was_refused_is_not_written_twice(void **state)
{
	(void)state;
	for (int64_t n = 0; n < 9; n++) {
		struct stage stage;
		stage_init(&stage, 2);
		take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
		stage_run(&stage, 20 * stage_ms_ns);
		take(&stage, 0, 2, "D 2 deal=2 sv=2", 0);
		take(&stage, 1, 1, "D 1 deal=3 sv=3", 0);
		fake_redis_fault(stage.redis, FAKE_LOADING);
		stage_run(&stage, 2 * stage_ms_ns + stage_ms_ns / 4 + n * 1000);
		fake_redis_fault(stage.redis, FAKE_HEALTHY);
		stage_run(&stage, stage_second_ns);
		assert_int_equal(stage_results(&stage), 3);
		assert_int_equal(result_store_mark(stage.store, 1).up, 1);
		stage_deinit(&stage);
	}
}

static void a_marker_of_another_type_is_replaced(void **state)
{
	(void)state;
	static const char *const keys[] = { "SET fleet:up:mt5-000 x", "SET fleet:up:~ x" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct stage stage;
		stage_init(&stage, 2);
		take(&stage, 1, 1, "D 1 deal=1 sv=1", 0);
		stage_run(&stage, 20 * stage_ms_ns);
		stage_write(&stage, keys[i]);
		take(&stage, 0, 1, "D 1 deal=2 sv=2", 0);
		take(&stage, 1, 2, "D 2 deal=3 sv=3", 0);
		stage_run(&stage, 2 * stage_second_ns);
		assert_int_equal(stage_results(&stage), 3);
		expect_hash(&stage, "fleet:up:mt5-000", "1784046185 1 2 2");
		assert_int_equal(result_store_mark(stage.store, 1).up, 2);
		stage_restart(&stage);
		stage_write(&stage, keys[i]);
		assert_int_equal(stage_restore(&stage), STATUS_OK);
		stage_deinit(&stage);
	}
}

/* The markers of such a transaction are written and its results are not. */
static void a_stream_of_another_type_keeps_results_waiting(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 2);
	stage_write(&stage, "SET trade_results x");
	take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
	assert_int_equal(stage_own(&stage, 44, 0, "exp", 4), STATUS_OK);
	stage_run(&stage, 2 * stage_second_ns);
	assert_int_equal(stage.n_told, 0);
	assert_true(result_store_counts(stage.store).failed > 0);
	stage_write(&stage, "DEL trade_results");
	stage_run(&stage, stage_second_ns);
	assert_int_equal(stage_results(&stage), 2);
	assert_int_equal(stage.n_told, 2);
	stage_deinit(&stage);
}

/* ---- a restart ---- */

static void a_restart_knows_the_marks_the_rids_and_the_ends(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 300); /* more than a page of markers */
	take(&stage, 0, 1, "R 1 sid=9 st=part deal=3 sv=10", 0);
	take(&stage, 0, 2, "R 2 sid=9 st=done deal=4 sv=12", 0);
	take(&stage, 0, 3, "D 3 deal=5 sv=11", 0);
	take(&stage, 299, 7, "R 7 sid=10 st=unk", 0);
	assert_int_equal(stage_own(&stage, 12, 3, "exp", 0), STATUS_OK);
	assert_int_equal(stage_drain(&stage), STATUS_OK);
	stage_restart(&stage);
	assert_int_equal(stage_restore(&stage), STATUS_OK);
	struct result_store_mark mark = result_store_mark(stage.store, 0);
	assert_true(mark.epoch_ms == EPOCH && mark.up == 3 && mark.deal == 4 && mark.deal_ms == 12);
	assert_int_equal(result_store_mark(stage.store, 299).up, 7);
	assert_int_equal(result_store_mark(stage.store, 1).up, 0);
	assert_true(result_store_ended(stage.store, 9, STR("mt5-000")));
	assert_false(result_store_ended(stage.store, 9, STR("mt5-001")));
	assert_false(result_store_ended(stage.store, 10, STR("mt5-299")));
	assert_true(result_store_ended(stage.store, 12, STR("mt5-003")));
	take(&stage, 0, 4, "R 4 sid=9 st=done deal=4 sv=12", 1);
	take(&stage, 299, 8, "R 8 sid=10 st=unk", 2);
	take(&stage, 299, 9, "R 9 sid=10 st=done deal=6", 3);
	assert_int_equal(stage_own(&stage, 12, 3, "exp", 4), STATUS_OK);
	assert_int_equal(stage_drain(&stage), STATUS_OK);
	assert_int_equal(stage_results(&stage), 6);
	assert_int_equal(result_store_counts(stage.store).repeated, 3);
	for (uint64_t tag = 1; tag <= 4; tag++)
		assert_int_equal(count_told(&stage, false, tag), 1);
	stage_deinit(&stage);
}

static void a_long_stream_is_read_back_in_pages(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	for (uint64_t deal = 1; deal <= 3500; deal++) {
		char line[64];
		struct buf text = buf_over(line, sizeof line - 1);
		buf_printf(&text, "D 1 deal=%d", (int)deal);
		line[text.len] = 0;
		take(&stage, 0, deal, line, 0);
	}
	assert_int_equal(stage_drain(&stage), STATUS_OK);
	stage_write(&stage, "XADD trade_results * strange entry");
	stage_restart(&stage);
	assert_int_equal(stage_restore(&stage), STATUS_OK);
	take(&stage, 0, 3501, "D 1 deal=1", 0);
	take(&stage, 0, 3502, "D 1 deal=3500", 0);
	assert_int_equal(stage_drain(&stage), STATUS_OK);
	assert_int_equal(result_store_counts(stage.store).repeated, 2);
	assert_int_equal(stage_results(&stage), 3501);
	stage_deinit(&stage);
}

static void a_restore_that_cannot_read_says_so(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 6; n++) {
		struct stage stage;
		stage_init(&stage, 2);
		take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
		assert_int_equal(stage_drain(&stage), STATUS_OK);
		stage_restart(&stage);
		stage_run(&stage, stage_second_ns);
		fake_redis_cut(stage.redis, n, FAKE_CUT_AFTER);
		assert_int_equal(stage_restore(&stage), STATUS_CLOSED);
		stage_run(&stage, stage_second_ns);
		assert_int_equal(stage_restore(&stage), STATUS_OK); /* and can be asked again */
		assert_int_equal(result_store_mark(stage.store, 0).up, 1);
		stage_deinit(&stage);
	}
}

/* ---- terminals that go ---- */

static void a_forgotten_terminals_results_are_written_and_its_marker_is_not(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 2);
	take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
	stage_run(&stage, 20 * stage_ms_ns);
	stage.n_told = 0;
	take(&stage, 0, 2, "D 2 deal=2 sv=2", 5);
	result_store_forget(stage.store, fleet_at(stage.fleet, 0));
	fleet_remove(stage.fleet, 0);
	stage_run(&stage, 20 * stage_ms_ns);
	assert_int_equal(stage_results(&stage), 2);
	assert_int_equal(stage_integer(&stage, "EXISTS fleet:up:mt5-000"), 0);
	assert_int_equal(stage.n_told, 1);
	assert_int_equal(count_told(&stage, false, 5), 1);
	assert_int_equal(result_store_mark(stage.store, 0).epoch_ms, 0);
	stage_deinit(&stage);
}

static void a_drain_that_cannot_write_says_so_once(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, 1);
	assert_int_equal(stage_drain(&stage), STATUS_OK); /* nothing waits */
	fake_redis_fault(stage.redis, FAKE_OOM);
	take(&stage, 0, 1, "D 1 deal=1 sv=1", 0);
	assert_int_equal(stage_drain(&stage), STATUS_REDIS_OOM);
	fake_redis_fault(stage.redis, FAKE_HEALTHY);
	assert_int_equal(stage_drain(&stage), STATUS_OK);
	assert_int_equal(stage_results(&stage), 1);
	stage_deinit(&stage);
}

static int are_packed(void **state)
{
	(void)state;
	stage_packed = true;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turns_frames_are_one_transaction_and_then_durable),
		cmocka_unit_test(an_entry_has_the_fields_in_the_tables_order_and_no_empty_ones),
		cmocka_unit_test(what_comes_while_a_batch_is_on_its_way_is_the_next_batch),
		cmocka_unit_test(a_repeated_rid_is_dropped_counted_and_durable_with_the_first),
		cmocka_unit_test(
		    a_frame_sent_again_in_its_epoch_is_told_durable_again_and_not_written),
		cmocka_unit_test(frames_sent_again_while_they_wait_take_no_room),
		cmocka_unit_test(a_server_that_is_away_fills_the_memory_and_no_more),
		cmocka_unit_test(a_cut_anywhere_in_a_batch_loses_nothing_and_repeats_nothing),
		cmocka_unit_test(a_batch_read_after_it_was_given_up_is_refused_by_the_server),
		cmocka_unit_test(a_time_out_on_a_connection_that_lives_on_is_looked_up_too),
		cmocka_unit_test(entries_trimmed_meanwhile_are_not_written_again),
		cmocka_unit_test(refusals_are_tried_again_until_the_server_is_well),
		cmocka_unit_test(a_transaction_whose_multi_was_refused_is_not_written_twice),
		cmocka_unit_test(a_marker_of_another_type_is_replaced),
		cmocka_unit_test(a_stream_of_another_type_keeps_results_waiting),
		cmocka_unit_test(a_restart_knows_the_marks_the_rids_and_the_ends),
		cmocka_unit_test(a_long_stream_is_read_back_in_pages),
		cmocka_unit_test(a_restore_that_cannot_read_says_so),
		cmocka_unit_test(a_forgotten_terminals_results_are_written_and_its_marker_is_not),
		cmocka_unit_test(a_drain_that_cannot_write_says_so_once),
	};
	return cmocka_run_group_tests_name("plain", tests, NULL, NULL) |
	       cmocka_run_group_tests_name("packed", tests, are_packed, NULL);
}
