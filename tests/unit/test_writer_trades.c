/* Deals that close a position cause a row of `trades`, in the same transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "writer_stage.h"

enum { E8 = 100000000 };

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	stage_open(&stage);
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

static struct stage_deal deal_of(int64_t deal, int64_t position, const char *side, int64_t volume,
				 int64_t price, int64_t pnl)
{
	return (struct stage_deal){ .deal = deal,
				    .position = position,
				    .side = side,
				    .volume = volume,
				    .price = price,
				    .pnl = pnl,
				    .commission = -7,
				    .at_us = stage_us + deal * 1000 };
}

static void put(struct stage *stage, const struct stage_deal *deals, size_t count)
{
	struct writer_batch *batch = stage_take(stage);
	for (size_t i = 0; i < count; i++)
		stage_deal(&batch->rows, &deals[i]);
	assert_int_equal(stage_submit(stage, batch).status, STATUS_OK);
}

static void put_one(struct stage *stage, struct stage_deal deal) { put(stage, &deal, 1); }

static const char *trades(struct stage *stage)
{
	return stage_ask(stage, "SELECT string_agg(concat_ws('/', trade_id, side, volume, "
				"price_open, price_close, pnl, commission, deals), ' ' ORDER BY "
				"trade_id) FROM trades");
}

static void test_the_deal_that_closes_a_position_makes_its_trade(void **state)
{
	struct stage *stage = *state;
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trades"), "0");
	put_one(stage, deal_of(2, 11, "sell", E8 / 2, 3 * E8, 5));
	put_one(stage, deal_of(3, 11, "sell", E8 / 2, 4 * E8, 6));
	assert_string_equal(trades(stage), "mt5-017-11/buy/1.00000000/2.00000000/3.50000000/"
					   "0.00000011/-0.00000021/3");
	assert_string_equal(stage_ask(stage, "SELECT closed_us - opened_us FROM trades"), "2000");
	assert_int_equal(writer_rows(stage->writer, TABLE_trades), 1);
}

static void test_a_position_that_opens_and_closes_in_one_batch_has_one_row(void **state)
{
	struct stage *stage = *state;
	struct stage_deal deals[] = {
		deal_of(1, 11, "sell", E8, 2 * E8, 0),
		deal_of(2, 11, "buy", E8, E8, 9),
		deal_of(3, 11, "commission", 0, 0, 100), /* told again, within the batch */
		deal_of(4, 12, "buy", E8, E8, 0),
	};
	put(stage, deals, 4);
	assert_string_equal(trades(stage), "mt5-017-11/sell/1.00000000/2.00000000/1.00000000/"
					   "0.00000109/-0.00000021/3");
}

static void test_open_positions_are_known_after_a_restart(void **state)
{
	struct stage *stage = *state;
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	stage_close(stage);
	stage_open(stage);
	put_one(stage, deal_of(2, 11, "sell", E8, 3 * E8, 5));
	assert_string_equal(trades(stage), "mt5-017-11/buy/1.00000000/2.00000000/3.00000000/"
					   "0.00000005/-0.00000014/2");
}

static void check_late_commission(struct stage *stage)
{
	put_one(stage, deal_of(3, 11, "commission", 0, 0, -50));
	assert_string_equal(trades(stage), "mt5-017-11/buy/1.00000000/2.00000000/3.00000000/"
					   "-0.00000045/-0.00000021/3");
	assert_int_equal(writer_rows(stage->writer, TABLE_trades), 2);
	assert_int_equal(writer_rows_gone(stage->writer, TABLE_trades), 1);
}

static void test_money_after_the_close_tells_the_trade_again(void **state)
{
	struct stage *stage = *state;
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	put_one(stage, deal_of(2, 11, "sell", E8, 3 * E8, 5));
	check_late_commission(stage);
}

static void test_money_after_the_close_and_a_restart_does_so_too(void **state)
{
	struct stage *stage = *state;
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	put_one(stage, deal_of(2, 11, "sell", E8, 3 * E8, 5));
	stage_close(stage);
	stage_open(stage);
	check_late_commission(stage);
}

static void test_a_reopened_position_replaces_its_row_when_it_closes_again(void **state)
{
	struct stage *stage = *state;
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	put_one(stage, deal_of(2, 11, "sell", E8, 3 * E8, 5));
	put_one(stage, deal_of(3, 11, "buy", E8, 4 * E8, 0)); /* a late fill: open again */
	stage_close(stage);
	stage_open(stage);
	put_one(stage, deal_of(4, 11, "sell", E8, 4 * E8, 1));
	assert_string_equal(trades(stage), "mt5-017-11/buy/2.00000000/3.00000000/3.50000000/"
					   "0.00000006/-0.00000028/4");
}

/* Its row may be on its way: it stays, and the view shows the newest. */
static enum status close_all(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	return db_batches_close_all(db, err);
}

static void test_a_row_of_a_closed_batch_stays_and_the_view_shows_the_newest(void **state)
{
	struct stage *stage = *state;
	stage_close(stage);
	stage->config.sinks[0] = "clickhouse";
	stage_open(stage);
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	put_one(stage, deal_of(2, 11, "sell", E8, 3 * E8, 5));
	put_one(stage, deal_of(3, 11, "commission", 0, 0, 1)); /* of an open batch: it goes */
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trades"), "1");
	assert_int_equal(stage_run(stage, close_all, NULL, NULL), 0);
	assert_string_equal(stage_ask(stage, "SELECT rows FROM batches WHERE tbl = 'trades'"), "1");
	put_one(stage, deal_of(4, 11, "commission", 0, 0, 2));
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trades"), "2");
	assert_string_equal(stage_ask(stage, "SELECT count(*) || ' ' || max(pnl) FROM v_trades"),
			    "1 0.00000008");
	assert_string_equal(stage_ask(stage, "SELECT sum(net) FROM v_daily_account"),
			    "-0.00000020");
}

/* ---- levels ---- */

/* As a D frame says it: the level that was hit is what was asked for. */
static void put_stopped(struct stage *stage, int64_t position, int64_t deal, const char *reason,
			int64_t level)
{
	struct writer_batch *batch = stage_take(stage);
	struct stage_deal in = deal_of(deal, position, "buy", E8, 2 * E8, 0);
	char rid[64];
	stage_deal(&batch->rows, &in);
	snprintf(rid, sizeof rid, "deal:Broker-Live:9001:%" PRId64, deal + 1);
	archive_rows_begin(&batch->rows, TABLE_trade_results);
	archive_row_text(&batch->rows, COLUMN_trade_results_result_id, str_of(rid));
	archive_row_text(&batch->rows, COLUMN_trade_results_instance, STR("mt5-017"));
	archive_row_text(&batch->rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(&batch->rows, COLUMN_trade_results_deal_ticket, deal + 1);
	archive_row_int(&batch->rows, COLUMN_trade_results_position_id, position);
	archive_row_text(&batch->rows, COLUMN_trade_results_side, STR("sell"));
	archive_row_dec(&batch->rows, COLUMN_trade_results_volume, E8);
	archive_row_dec(&batch->rows, COLUMN_trade_results_price, 3 * E8);
	archive_row_dec(&batch->rows, COLUMN_trade_results_price_requested, level);
	archive_row_text(&batch->rows, COLUMN_trade_results_deal_reason, str_of(reason));
	archive_row_int(&batch->rows, COLUMN_trade_results_received_us, stage_us);
	archive_row_int(&batch->rows, COLUMN_trade_results_event_us, stage_us + (deal + 1) * 1000);
	assert_int_equal(archive_rows_end(&batch->rows), STATUS_OK);
	assert_int_equal(stage_submit(stage, batch).taken, 2);
}

static const char *levels(struct stage *stage)
{
	return stage_ask(stage, "SELECT string_agg(position_id || ' ' || coalesce(sl::VARCHAR, "
				"'-') || ' ' || coalesce(tp::VARCHAR, '-'), ', ' ORDER BY "
				"position_id) FROM trades");
}

static void test_the_level_that_closed_a_position_stands_in_its_trade(void **state)
{
	struct stage *stage = *state;
	put_stopped(stage, 11, 1, "sl", 3 * E8 / 2);
	put_stopped(stage, 12, 3, "tp", 11 * E8 / 4);
	put_stopped(stage, 13, 5, "client", 9 * E8);
	put_stopped(stage, 14, 7, "sl", 0); /* its level was not said */
	static const char all[] = "11 1.50000000 -, 12 - 2.75000000, 13 - -, 14 - -";
	assert_string_equal(levels(stage), all);
	stage_close(stage);
	stage_open(stage);
	for (int64_t position = 11; position <= 14; position++) /* all are told again */
		put_one(stage, deal_of(100 + position, position, "commission", 0, 0, -1));
	assert_int_equal(writer_rows_gone(stage->writer, TABLE_trades), 4);
	assert_string_equal(levels(stage), all);
}

/* ---- trades that memory forgot ---- */

static enum status run_sql(struct archive_db *db, void *ctx, struct err *err)
{
	return db_exec(db, ctx, DB_NONE, NULL, err);
}

static void change(struct stage *stage, const char *sql)
{
	char text[1024];
	snprintf(text, sizeof text, "%s", sql);
	assert_int_equal(stage_run(stage, run_sql, text, NULL), 0);
}

/* So many others close that those before them are in the file alone. */
static void forget_all(struct stage *stage, int64_t from)
{
	struct writer_batch *batch = stage_take(stage);
	for (int64_t i = 0; i < 8192; i++) {
		struct stage_deal in = deal_of(from + 2 * i, from + i, "buy", E8, E8, 0);
		struct stage_deal out = deal_of(from + 2 * i + 1, from + i, "sell", E8, E8, 1);
		in.at_us = out.at_us = stage_us;
		stage_deal(&batch->rows, &in);
		stage_deal(&batch->rows, &out);
	}
	assert_int_equal(stage_submit(stage, batch).taken, 16384);
}

/* Retention took the deals: the row goes on, its levels with it. */
static void test_a_trade_whose_deals_are_gone_goes_on_from_its_newest_row(void **state)
{
	struct stage *stage = *state;
	put_stopped(stage, 11, 1, "tp", 11 * E8 / 4);
	put_one(stage, deal_of(3, 11, "commission", 0, 0, -50));
	change(stage, "DELETE FROM trade_results WHERE position_id = 11 AND deal_ticket <> 3");
	for (int again = 0; again < 2; again++) {
		forget_all(stage, 100000 * (again + 1));
		put_one(stage, deal_of(4 + again, 11, "commission", 0, 0, -1));
		if (again == 0) {
			stage_close(stage);
			stage_open(stage);
		}
	}
	assert_string_equal(
	    stage_ask(stage, "SELECT string_agg(concat_ws('/', side, volume, price_open, "
			     "price_close, coalesce(sl::VARCHAR, '-'), tp, pnl, deals), ' ') "
			     "FROM trades WHERE position_id = 11"),
	    "buy/1.00000000/2.00000000/3.00000000/-/2.75000000/-0.00000052/5");
}

/* Several in one batch, with several deals each, and positions of other terminals and none. */
static void test_many_forgotten_trades_in_one_batch_are_each_told_again(void **state)
{
	enum { OLD = 300 };
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	for (int64_t i = 0; i < OLD; i++) {
		struct stage_deal in = deal_of(1 + 2 * i, 10 + i, "buy", E8, E8, 0);
		struct stage_deal out = deal_of(2 + 2 * i, 10 + i, "sell", E8, E8, 5);
		stage_deal(&batch->rows, &in);
		stage_deal(&batch->rows, &out);
	}
	stage_submit(stage, batch);
	change(stage, "INSERT INTO trade_results SELECT * REPLACE ('mt5-018' AS instance, "
		      "result_id || 'x' AS result_id) FROM trade_results WHERE position_id = 10");
	forget_all(stage, 100000);
	batch = stage_take(stage);
	for (int64_t i = 0; i < OLD + 50; i++)
		for (int64_t n = 0; n < 3; n++) {
			struct stage_deal late =
			    deal_of(10000 + 3 * i + n, 10 + i, "commission", 0, 0, 10);
			stage_deal(&batch->rows, &late);
		}
	/* One of them is filled late, too: it opens, and closes in this batch. */
	struct stage_deal in = deal_of(50001, 20, "buy", E8, E8, 0);
	struct stage_deal out = deal_of(50002, 20, "sell", E8, E8, 100);
	stage_deal(&batch->rows, &in);
	put_one(stage, out);
	stage_submit(stage, batch);
	assert_string_equal(
	    stage_ask(stage, "SELECT concat_ws(' ', count(*), count(DISTINCT trade_id), "
			     "count(*) FILTER (pnl = 0.00000035 AND deals = 5), count(*) FILTER "
			     "(pnl = 0.00000135 AND deals = 7 AND position_id = 20)) FROM trades "
			     "WHERE position_id < 100000"),
	    "300 300 299 1");
}

static void test_money_for_a_trade_that_memory_forgot_finds_it_in_the_file(void **state)
{
	struct stage *stage = *state;
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	put_one(stage, deal_of(2, 11, "sell", E8, 3 * E8, 5));
	forget_all(stage, 1000);
	assert_int_equal(writer_rows(stage->writer, TABLE_trades), 8193);
	put_one(stage, deal_of(3, 11, "commission", 0, 0, -50));
	assert_string_equal(stage_ask(stage, "SELECT pnl FROM trades WHERE position_id = 11"),
			    "-0.00000045");
	assert_int_equal(writer_rows_gone(stage->writer, TABLE_trades), 1);
}

/* A late fill opens it, memory forgets nothing of that: it is open. */
static void test_a_forgotten_trade_that_opens_anew_replaces_its_row_when_it_closes(void **state)
{
	struct stage *stage = *state;
	put_one(stage, deal_of(1, 11, "buy", E8, 2 * E8, 0));
	put_one(stage, deal_of(2, 11, "sell", E8, 3 * E8, 5));
	forget_all(stage, 100000);
	put_one(stage, deal_of(3, 11, "buy", E8, 4 * E8, 0));
	forget_all(stage, 200000);
	put_one(stage, deal_of(4, 11, "sell", E8, 4 * E8, 1));
	assert_string_equal(stage_ask(stage, "SELECT string_agg(deals || ' ' || pnl, ', ') FROM "
					     "trades WHERE position_id = 11"),
			    "4 0.00000006");
	assert_int_equal(writer_rows_gone(stage->writer, TABLE_trades), 1);
}

/* So many deals that they are summed in parts, with little memory. Each thousandth position
 * is open; the others are old ones that no row tells of. */
static void test_open_positions_among_many_are_all_known_after_a_restart(void **state)
{
	enum { POSITIONS = 200000, STEP = 1000 };
	struct stage *stage = *state;
	char sql[1024];
	snprintf(sql, sizeof sql,
		 "INSERT INTO trade_results (result_id, instance, status, deal_ticket, "
		 "position_id, side, volume, price, received_us, event_us, batch_id) SELECT i, "
		 "'mt5-017', 'done', i + 1, i // 2 + 1, CASE WHEN i %% 2 = 0 OR (i // 2 + 1) %% %d "
		 "= 0 THEN 'buy' ELSE 'sell' END, 1, 1, i, i, 0 FROM range(%d) t(i)",
		 STEP, 2 * POSITIONS);
	change(stage, sql);
	stage_close(stage);
	stage->config.memory_bytes = 48 << 20;
	stage_open(stage);
	struct writer_batch *batch = stage_take(stage);
	for (int64_t i = 1; i <= POSITIONS / STEP; i++) {
		struct stage_deal out =
		    deal_of(2 * POSITIONS + i, i * STEP, "sell", 2 * E8, 3 * E8, 1);
		stage_deal(&batch->rows, &out);
	}
	assert_int_equal(stage_submit(stage, batch).taken, POSITIONS / STEP);
	assert_string_equal(stage_ask(stage, "SELECT count(*) || ' ' || min(deals) || ' ' || "
					     "max(deals) || ' ' || sum(volume) FROM trades"),
			    "200 3 3 400.00000000");
}

static void test_what_is_no_deal_of_a_position_makes_no_trade(void **state)
{
	struct stage *stage = *state;
	struct stage_deal deals[] = {
		deal_of(1, 0, "balance", 0, 0, 5),
		deal_of(0, 11, "buy", E8, E8, 5),
		deal_of(2, 12, "", E8, E8, 5),
	};
	put(stage, deals, 3);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trades"), "0");
	assert_int_equal(writer_counted(stage->writer, "deals_of_no_trade"), 0);
}

/* Deals in any order, in any batches, with restarts: the trades are the sums of the deals. */
static void test_random_deals_sum_to_the_trades_the_file_adds_up(void **state)
{
	struct stage *stage = *state;
	struct rng rng;
	rng_init(&rng, 20261121);
	enum { POSITIONS = 60 };
	int64_t left[POSITIONS] = { 0 }, deal = 0;
	for (int round = 0; round < 40; round++) {
		struct writer_batch *batch = stage_take(stage);
		for (int i = 0; i < 30; i++) {
			size_t p = rng_below(&rng, POSITIONS);
			int64_t volume = (int64_t)(1 + rng_below(&rng, 3)) * E8;
			const char *side = rng_below(&rng, 2) ? "buy" : "sell";
			if (left[p] && rng_below(&rng, 2)) { /* close it */
				side = left[p] > 0 ? "sell" : "buy";
				volume = left[p] > 0 ? left[p] : -left[p];
			}
			if (rng_below(&rng, 10) == 0) {
				side = "commission";
				volume = 0;
			}
			if (*side != 'c')
				left[p] += *side == 'b' ? volume : -volume;
			struct stage_deal one = deal_of(++deal, (int64_t)p + 1, side, volume,
							(int64_t)(1 + rng_below(&rng, 9)) * E8,
							(int64_t)rng_below(&rng, 1000) - 500);
			one.at_us = stage_us + (int64_t)rng_below(&rng, 1000000);
			stage_deal(&batch->rows, &one);
		}
		assert_int_equal(stage_submit(stage, batch).taken, 30);
		if (round % 9 == 4) {
			stage_close(stage);
			stage_open(stage);
		}
	}
	const char *closed =
	    "WITH d AS (SELECT position_id p, sum(CASE side WHEN 'buy' THEN volume WHEN 'sell' "
	    "THEN -volume ELSE 0 END) l, sum(pnl) pnl, sum(commission) c, count(*) n, "
	    "arg_min(side, (event_us, deal_ticket)) FILTER (side IN ('buy', 'sell')) s, "
	    "bool_or(volume > 0) had FROM trade_results GROUP BY ALL) ";
	char sql[2048];
	snprintf(sql, sizeof sql,
		 "%s SELECT count(*) || ' ' || count(t.trade_id) FROM d LEFT JOIN trades t ON "
		 "t.position_id = d.p AND t.pnl = d.pnl AND t.commission = d.c AND t.deals = d.n "
		 "AND t.side = d.s WHERE l = 0 AND had",
		 closed);
	const char *text = stage_ask(stage, sql);
	unsigned all = 0, same = 0, closed_now = 0;
	for (size_t p = 0; p < POSITIONS; p++)
		closed_now += left[p] == 0;
	assert_int_equal(sscanf(text, "%u %u", &all, &same), 2);
	assert_true(all > 5);
	assert_int_equal(all, closed_now);
	assert_int_equal(same, all);
	assert_string_equal(stage_ask(stage, "SELECT count(*) - count(DISTINCT trade_id) FROM "
					     "trades"),
			    "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_the_deal_that_closes_a_position_makes_its_trade),
		TEST(test_a_position_that_opens_and_closes_in_one_batch_has_one_row),
		TEST(test_open_positions_are_known_after_a_restart),
		TEST(test_money_after_the_close_tells_the_trade_again),
		TEST(test_money_after_the_close_and_a_restart_does_so_too),
		TEST(test_money_for_a_trade_that_memory_forgot_finds_it_in_the_file),
		TEST(test_a_reopened_position_replaces_its_row_when_it_closes_again),
		TEST(test_a_row_of_a_closed_batch_stays_and_the_view_shows_the_newest),
		TEST(test_the_level_that_closed_a_position_stands_in_its_trade),
		TEST(test_a_trade_whose_deals_are_gone_goes_on_from_its_newest_row),
		TEST(test_many_forgotten_trades_in_one_batch_are_each_told_again),
		TEST(test_a_forgotten_trade_that_opens_anew_replaces_its_row_when_it_closes),
		TEST(test_open_positions_among_many_are_all_known_after_a_restart),
		TEST(test_what_is_no_deal_of_a_position_makes_no_trade),
		TEST(test_random_deals_sum_to_the_trades_the_file_adds_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
