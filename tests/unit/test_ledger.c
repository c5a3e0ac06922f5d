/* The ledger: its sums, its shape, and what it says when something is wrong; deep, against
 * rows in a real archive file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "archive/ledger_impl.h"
#include "unit/writer_stage.h"

static struct ledger sum_of(const struct ledger_counted *counted, bool deep)
{
	const struct deliveries_counts deliveries = {
		.waiting = 3,
		.in_flight = 2,
		.ended = { [DELIVERY_DONE] = 1, [DELIVERY_RECORDED] = 1 }
	};
	const struct results_counts results = { .added = 120, .length = 30 };
	struct ledger ledger = { .deep = deep };
	ledger_sum(&ledger, counted, &deliveries, &results);
	ledger_check(&ledger, counted);
	return ledger;
}

static struct ledger_counted good(void)
{
	return (struct ledger_counted){ .ended = { [DELIVERY_REFUSED] = 5,
						   [DELIVERY_EXPIRED_UNDELIVERED] = 4,
						   [DELIVERY_DONE] = 60,
						   [DELIVERY_FAILED] = 7,
						   [DELIVERY_EXPIRED_AT_TERMINAL] = 2,
						   [DELIVERY_UNKNOWN] = 1 },
					.signal_rows = 79,
					.signals = 70,
					.read = 100,
					.known = 6,
					.retrying = 2,
					.dead = 3,
					.dropped = 1,
					.rows = 88,
					.shipped = 50,
					.result_ids = 88,
					.result_rows = 88,
					.deliveries = 79,
					.delivery_rows = 79,
					.rows_ended = { 5, 4, 60, 7, 2, 1 },
					.retry_rows = 2,
					.letters = 3,
					.ends_missing = 20 };
}

static void the_contracts_shape(void **state)
{
	const struct ledger_counted counted = good();
	const struct ledger ledger = sum_of(&counted, true);
	struct buf text;
	(void)state;
	buf_init(&text, 4096);
	ledger_print(&text, &ledger);
	buf_char(&text, 0);
	assert_string_equal(
	    text.ptr,
	    "{\"balanced\":true,\"signals\":{\"received\":70},\"deliveries\":{\"received\":86,"
	    "\"waiting\":3,\"refused\":5,\"expired_undelivered\":4,\"delivered\":74,"
	    "\"in_flight\":3,\"done\":61,\"failed\":7,\"expired_at_terminal\":2,\"unknown\":1},"
	    "\"results\":{\"total\":114,\"waiting\":20,\"retrying\":2,\"archived\":88,\"dead\":4},"
	    "\"archive\":{\"archived\":88,\"shipped\":50,\"to_ship\":38}}\n");
	buf_deinit(&text);
}

/* Each figure alone is wrong by one: the fault names it. */
static void what_is_wrong_is_named(void **state)
{
	static const struct {
		size_t at;
		bool deep;
		const char *says;
	} wrong[] = {
#define FIGURE(field, deep, says) { offsetof(struct ledger_counted, field), deep, says }
		FIGURE(ended[DELIVERY_DONE], false, "delivered is"),
		FIGURE(ended[DELIVERY_REFUSED], false, "delivered is"),
		FIGURE(signal_rows, false, "delivered is"),
		FIGURE(rows, false, "results total is"),
		FIGURE(known, false, "results total is"),
		FIGURE(retrying, false, "results total is"),
		FIGURE(dropped, false, "results total is"),
		FIGURE(lost, false, "results total is"),
		FIGURE(result_rows, true, "rows of trade_results is"),
		FIGURE(result_ids, true, "rows of trade_results is"),
		FIGURE(retry_rows, true, "results retrying is"),
		FIGURE(letters, true, "dead results is"),
		FIGURE(rows_ended[DELIVERY_FAILED], true, "ended.failed is 7, and 8 rows"),
		FIGURE(delivery_rows, true, "rows of signals is"),
		FIGURE(deliveries, true, "rows of signals is"),
		FIGURE(ends_many, true, "1 ended deliveries have several"),
#undef FIGURE
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct ledger_counted counted = good();
		++*(int64_t *)(void *)((char *)&counted + wrong[i].at);
		struct ledger ledger = sum_of(&counted, wrong[i].deep);
		assert_false(ledger.balanced);
		if (strncmp(ledger.fault, wrong[i].says, strlen(wrong[i].says)) != 0)
			fail_msg("'%s' is not '%s…'", ledger.fault, wrong[i].says);
	}
	struct ledger_counted counted = good();
	counted.ends_missing = 27; /* 20 wait, 2 retry, 4 are dead */
	assert_string_equal(sum_of(&counted, true).fault,
			    "27 ended deliveries have no final result");
	counted = good();
	counted.shipped = 89;
	assert_string_equal(sum_of(&counted, false).fault, "89 of 88 archived results are shipped");
}

/* More was added than the stream holds and than was read: somebody removed it. */
static void entries_that_vanished_unread_are_missed(void **state)
{
	const struct ledger_counted counted = { .read = 100, .rows = 100, .shipped = -1 };
	struct results_counts results = { .added = 150, .length = 40 };
	struct ledger ledger = { 0 };
	(void)state;
	ledger_sum(&ledger, &counted, &(struct deliveries_counts){ 0 }, &results);
	ledger_check(&ledger, &counted);
	assert_string_equal(
	    ledger.fault, "results total is 150, and waiting + retrying + archived + dead is 140");
	results.length = 50;
	ledger = (struct ledger){ 0 };
	ledger_sum(&ledger, &counted, &(struct deliveries_counts){ 0 }, &results);
	ledger_check(&ledger, &counted);
	assert_true(ledger.balanced);
	assert_int_equal(ledger.archive.to_ship, 100); /* without a sink all of it */
	results.added = 90;                            /* asked before the last were read */
	ledger = (struct ledger){ 0 };
	ledger_sum(&ledger, &counted, &(struct deliveries_counts){ 0 }, &results);
	ledger_check(&ledger, &counted);
	assert_true(ledger.balanced);
}

/* 10 entries hold what waits, as far as anybody can know before they are read. */
static void what_waits_packed_is_counted_in_results(void **state)
{
	const struct ledger_counted counted = { .read = 1000, .rows = 1000, .shipped = -1 };
	struct results_counts results = { .added = 1320, .length = 10, .beyond = 1200 };
	struct ledger ledger = { 0 };
	(void)state;
	ledger_sum(&ledger, &counted, &(struct deliveries_counts){ 0 }, &results);
	ledger_check(&ledger, &counted);
	assert_true(ledger.balanced);
	assert_int_equal(ledger.results.waiting, 320);
	results.length = 1; /* more than one entry holds */
	ledger = (struct ledger){ 0 };
	ledger_sum(&ledger, &counted, &(struct deliveries_counts){ 0 }, &results);
	ledger_check(&ledger, &counted);
	assert_false(ledger.balanced);
}

/* ---- against a file ---- */

struct answer {
	bool is;
	struct ledger ledger;
	char why[256];
};

static void on_ledger(void *ctx, const struct ledger *ledger, const char *why)
{
	struct answer *answer = ctx;
	answer->is = true;
	if (ledger)
		answer->ledger = *ledger;
	snprintf(answer->why, sizeof answer->why, "%s", why ? why : "");
}

static struct ledger read_ledger(struct stage *stage)
{
	const struct ledger_sources sources = { .writer = stage->writer };
	struct answer answer = { 0 };
	ledger_read(&sources, true, on_ledger, &answer);
	assert_true(loop_turn_until(stage->loop, &answer.is, stage_patience_ns));
	assert_string_equal(answer.why, "");
	return answer.ledger;
}

static void put_signal(struct archive_rows *rows, int64_t sid, const char *status, int64_t attempt)
{
	archive_rows_begin(rows, TABLE_signals);
	archive_row_int(rows, COLUMN_signals_sid, sid);
	archive_row_text(rows, COLUMN_signals_instance, STR("mt5-017"));
	archive_row_int(rows, COLUMN_signals_received_us, stage_us);
	archive_row_int(rows, COLUMN_signals_ended_us, stage_us + sid);
	archive_row_text(rows, COLUMN_signals_status, str_of(status));
	archive_row_int(rows, COLUMN_signals_attempt, attempt);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

static const struct {
	const char *status;
	int64_t attempt;
} ends[] = { { "done", 1 }, { "fail", 2 }, { "exp", 0 },    { "exp", 1 },
	     { "unk", 1 },  { "done", 1 }, { "refused", 0 } };

/* Ends with their results; a part and an unknown before the final one of the first. */
static void put_day(struct writer_batch *batch)
{
	char rid[64];
	for (int64_t sid = 1; sid <= (int64_t)ARRAY_LEN(ends); sid++) {
		put_signal(&batch->rows, sid, ends[sid - 1].status, ends[sid - 1].attempt);
		snprintf(rid, sizeof rid, "%" PRId64 "-mt5-017-%s", sid,
			 strcmp(ends[sid - 1].status, "unk") == 0 ? "u" : "0");
		stage_result(&batch->rows, rid, sid, ends[sid - 1].status, stage_us + sid);
	}
	stage_result(&batch->rows, "1-mt5-017-77", 1, "part", stage_us);
	stage_result(&batch->rows, "1-mt5-017-u", 1, "unk", stage_us);
	writer_count(batch, "read", ARRAY_LEN(ends) + 2);
}

/* The counters of ends, where the writer does not keep them by itself. */
static void count_ends(struct stage *stage)
{
	struct writer_batch *batch = stage_take(stage);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const char *name = ledger_end_name(
		    delivery_bucket_of(str_of(ends[i].status), (uint32_t)ends[i].attempt));
		if (!writer_counted(stage->writer, name))
			writer_count(batch, name, 1);
	}
	assert_int_equal(stage_submit(stage, batch).status, STATUS_OK);
}

static void rows_that_agree_balance(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	stage_open(&stage);
	assert_true(read_ledger(&stage).balanced); /* an empty file */
	struct writer_batch *batch = stage_take(&stage);
	put_day(batch);
	assert_int_equal(stage_submit(&stage, batch).status, STATUS_OK);
	count_ends(&stage);
	struct ledger ledger = read_ledger(&stage);
	assert_string_equal(ledger.fault, "");
	assert_true(ledger.balanced);
	assert_int_equal(ledger.signals.received, ARRAY_LEN(ends));
	assert_int_equal(ledger.deliveries.received, ARRAY_LEN(ends));
	assert_int_equal(ledger.deliveries.done, 2);
	assert_int_equal(ledger.deliveries.refused, 1);
	assert_int_equal(ledger.deliveries.expired_undelivered, 1);
	assert_int_equal(ledger.deliveries.expired_at_terminal, 1);
	assert_int_equal(ledger.results.archived, ARRAY_LEN(ends) + 2);
	stage_end(&stage);
}

static void a_second_final_result_is_found(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	stage_open(&stage);
	struct writer_batch *batch = stage_take(&stage);
	put_day(batch);
	stage_result(&batch->rows, "2-mt5-017-5", 2, "done", stage_us);
	writer_count(batch, "read", 1);
	assert_int_equal(stage_submit(&stage, batch).status, STATUS_OK);
	count_ends(&stage);
	assert_string_equal(read_ledger(&stage).fault,
			    "1 ended deliveries have several final results");
	stage_end(&stage);
}

static void an_end_without_a_result_is_found(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	stage_open(&stage);
	struct writer_batch *batch = stage_take(&stage);
	put_day(batch);
	put_signal(&batch->rows, 99, "done", 1);
	assert_int_equal(stage_submit(&stage, batch).status, STATUS_OK);
	count_ends(&stage);
	if (read_ledger(&stage).deliveries.done == 2) {
		batch = stage_take(&stage);
		writer_count(batch, ledger_end_name(DELIVERY_DONE), 1);
		assert_int_equal(stage_submit(&stage, batch).status, STATUS_OK);
	}
	assert_string_equal(read_ledger(&stage).fault, "1 ended deliveries have no final result");
	stage_end(&stage);
}

static void a_count_that_rows_do_not_bear_out_is_found(void **state)
{
	struct stage stage;
	(void)state;
	stage_begin(&stage);
	stage_open(&stage);
	struct writer_batch *batch = stage_take(&stage);
	put_day(batch);
	writer_count(batch, "retrying", 1);
	writer_count(batch, "read", 1);
	assert_int_equal(stage_submit(&stage, batch).status, STATUS_OK);
	count_ends(&stage);
	assert_string_equal(read_ledger(&stage).fault,
			    "results retrying is 1, and rows of retries is 0");
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_contracts_shape),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(entries_that_vanished_unread_are_missed),
		cmocka_unit_test(what_waits_packed_is_counted_in_results),
		cmocka_unit_test(rows_that_agree_balance),
		cmocka_unit_test(a_second_final_result_is_found),
		cmocka_unit_test(an_end_without_a_result_is_found),
		cmocka_unit_test(a_count_that_rows_do_not_bear_out_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
