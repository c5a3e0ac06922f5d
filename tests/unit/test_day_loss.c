/* What the limits are told of the day at a start: deals of the archive file. The stream and the
 * spill file are in e2e/test_day_loss.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/day_loss_impl.h"
#include "trade/limits.h"
#include "trade/result.h"
#include "writer_stage.h"

static const int64_t today_us = INT64_C(1795000000000000) / 86400000000 * 86400000000;

struct world {
	struct stage stage;
	struct limits *limits;
	size_t told, tickets;
	size_t newest;
};

static void nothing(void *ctx, uint32_t slot, struct limits_open *out)
{
	(void)ctx, (void)slot, (void)out;
}

static int setup(void **state)
{
	static struct world world;
	const struct limits_hooks hooks = { .open = nothing };
	world = (struct world){ .limits = limits_create(4, &hooks) };
	limits_step(world.limits, today_us / 1000 + 1000);
	stage_begin(&world.stage);
	stage_open(&world.stage);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	limits_destroy(world->limits);
	stage_end(&world->stage);
	return 0;
}

static void take(void *ctx, const struct day_deal *deal)
{
	struct world *world = ctx;
	world->told++;
	world->tickets += deal->deal > 0;
	limits_deal(world->limits, deal->server, deal->login, deal->deal, deal->at_us / 1000,
		    deal->profit);
}

static enum status load(struct archive_db *db, void *ctx, struct err *err)
{
	struct world *world = ctx;
	return day_loss_of_file(db, today_us, world->newest, take, world, err);
}

static void put(struct world *world, int64_t deal, int64_t pnl, int64_t commission, int64_t at_us)
{
	struct writer_batch *batch = stage_take(&world->stage);
	stage_deal(&batch->rows, &(struct stage_deal){ deal, deal, "sell", 100000000, 108512000,
						       pnl, commission, at_us });
	stage_submit(&world->stage, batch);
}

/* The same deal as the result of its signal. */
static void put_result_of(struct world *world, int64_t deal, int64_t pnl, int64_t at_us)
{
	struct writer_batch *batch = stage_take(&world->stage);
	struct archive_rows *rows = &batch->rows;
	char rid[32];
	snprintf(rid, sizeof rid, "77-mt5-017-%" PRId64, deal);
	archive_rows_begin(rows, TABLE_trade_results);
	archive_row_text(rows, COLUMN_trade_results_result_id, str_of(rid));
	archive_row_text(rows, COLUMN_trade_results_instance, STR("mt5-017"));
	archive_row_text(rows, COLUMN_trade_results_server, STR("Broker-Live"));
	archive_row_int(rows, COLUMN_trade_results_login, 9001);
	archive_row_text(rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(rows, COLUMN_trade_results_deal_ticket, deal);
	archive_row_dec(rows, COLUMN_trade_results_pnl, pnl);
	archive_row_int(rows, COLUMN_trade_results_received_us, at_us);
	archive_row_int(rows, COLUMN_trade_results_event_us, at_us);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
	stage_submit(&world->stage, batch);
}

static int64_t day(struct world *world)
{
	return limits_day(world->limits, STR("Broker-Live"), 9001);
}

static void fill(struct world *world)
{
	put(world, 1, -700, 0, today_us - 1); /* yesterday */
	for (int64_t deal = 2; deal <= 21; deal++)
		put(world, deal, -100 * deal, -deal, today_us + deal * 1000000);
	put_result_of(world, 3, -300, today_us + 3000000); /* again */
	put_result_of(world, 21, -2100, today_us + 21000000);
}

enum { SUM = -101 * (21 * 22 / 2 - 1) };

static void load_all(struct world *world, size_t newest)
{
	struct err err = { 0 };
	world->newest = newest;
	if (stage_run(&world->stage, load, world, &err))
		fail_msg("%s", err.text);
}

static void each_deal_of_the_day_counts_once(void **state)
{
	struct world *world = *state;
	fill(world);
	load_all(world, 100);
	assert_int_equal(day(world), SUM);
	assert_int_equal(world->told, 20);
	assert_int_equal(world->tickets, 20);
	/* One that comes again from the stream, or from a terminal. */
	limits_deal(world->limits, STR("Broker-Live"), 9001, 21, today_us / 1000 + 21000, -2121);
	assert_int_equal(day(world), SUM);
}

static void what_is_before_the_newest_counts_as_sums(void **state)
{
	struct world *world = *state;
	fill(world);
	/* Told before by somebody else. */
	limits_deal(world->limits, STR("Broker-Live"), 9001, 21, today_us / 1000 + 21000, -2121);
	load_all(world, 5);
	assert_int_equal(day(world), SUM);
	assert_true(world->tickets <= 5);
	limits_deal(world->limits, STR("Broker-Live"), 9001, 20, today_us / 1000 + 20000, -2020);
	assert_int_equal(day(world), SUM);
}

static void money_beyond_all_reason_stops_nobody(void **state)
{
	struct world *world = *state;
	for (int64_t deal = 1; deal <= 4; deal++)
		put(world, deal, INT64_C(-900000000000000000), INT64_C(-900000000000000000),
		    today_us + deal);
	load_all(world, 1);
	assert_true(day(world) < INT64_C(-900000000000000000));
}

/* The result of a signal has no money where its deal came later. */
static void a_result_without_money_does_not_hide_its_deal(void **state)
{
	struct world *world = *state;
	put_result_of(world, 7, 0, today_us + 1000000);
	put(world, 7, -6000, 0, today_us + 1000000);
	put_result_of(world, 8, 0, today_us + 2000000); /* none ever came */
	load_all(world, 100);
	assert_int_equal(day(world), -6000);
}

static void a_sum_has_the_money_of_such_a_deal(void **state)
{
	struct world *world = *state;
	put_result_of(world, 7, 0, today_us + 1000000);
	put(world, 7, -6000, 0, today_us + 1000000);
	put(world, 9, -100, 0, today_us + 9000000);
	load_all(world, 1);
	assert_int_equal(day(world), -6100);
}

static enum status load_known(struct archive_db *db, void *ctx, struct err *err)
{
	return day_known_load(db, today_us, ctx, err);
}

static void the_file_tells_which_deals_it_has(void **state)
{
	struct world *world = *state;
	struct day_known known = { .most = DAY_KNOWN_MAX };
	struct err err = { 0 };
	fill(world);
	put_result_of(world, 30, 0, today_us + 30000000); /* of no money: to be told */
	assert_int_equal(stage_run(&world->stage, load_known, &known, &err), STATUS_OK);
	for (uint64_t ticket = 1; ticket <= 30; ticket++) {
		struct day_deal deal = { .instance = STR("mt5-017"), .deal = ticket };
		assert_int_equal(day_known_has(&known, &deal, STR("Broker-Live"), 9001),
				 ticket > 1 && ticket <= 21);
		assert_false(day_known_has(&known, &deal, STR("Broker-Live"), 9002));
		assert_false(day_known_has(&known, &deal, STR("Broker-Demo"), 9001));
	}
	day_known_free(&known);
	assert_false(
	    day_known_has(&known, &(struct day_deal){ .deal = 2 }, STR("Broker-Live"), 9001));
}

static void a_result_that_is_no_row_for_a_text_has_its_money(void **state)
{
	static char comment[2000];
	struct str values[RESULT_FIELDS] = { 0 };
	struct day_deal deal;
	int64_t server_ms;
	(void)state;
	memset(comment, 'x', sizeof comment);
	values[RESULT_rid] = STR("deal:Broker:Live:9001:77");
	values[RESULT_ins] = STR("mt5-017");
	values[RESULT_deal] = STR("77");
	values[RESULT_sd] = STR("sell");
	values[RESULT_pnl] = STR("-60.00");
	values[RESULT_com] = STR("-0.355");
	values[RESULT_swp] = STR("nothing");
	values[RESULT_sv] = STR("1795000000123");
	values[RESULT_cm] = str_make(comment, sizeof comment);
	values[RESULT_why] = STR("\xff");
	assert_true(day_loss_deal(values, 1234, &deal, &server_ms));
	assert_int_equal(deal.deal, 77);
	assert_int_equal(deal.profit, INT64_C(-6035500000));
	assert_true(str_eq(deal.server, STR("Broker:Live")));
	assert_int_equal(deal.login, 9001);
	assert_int_equal(deal.at_us, 1234000);
	assert_int_equal(server_ms, INT64_C(1795000000123));
	values[RESULT_rid] = STR("77-mt5-017-1");
	values[RESULT_t] = STR("5678");
	assert_true(day_loss_deal(values, 1234, &deal, &server_ms));
	assert_int_equal(deal.server.len, 0);
	assert_int_equal(deal.at_us, 5678000);
	values[RESULT_sd] = STR("balance");
	assert_false(day_loss_deal(values, 1234, &deal, &server_ms));
}

struct letters {
	char text[256];
	size_t count;
};

static void take_letter(void *ctx, struct str payload, struct str entry_id)
{
	struct letters *letters = ctx;
	struct buf out = buf_over(letters->text, sizeof letters->text - 1);
	buf_printf(&out, "%.*s %.*s", STR_ARG(entry_id), STR_ARG(payload));
	letters->text[out.len] = 0;
	letters->count++;
}

static enum status add_retry(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	return db_exec(db,
		       "INSERT INTO retries VALUES ('trade_results', '5-1@ab', 'L', '{}', 'cm', 0, "
		       "1)",
		       DB_NONE, NULL, err);
}

static enum status load_letters(struct archive_db *db, void *ctx, struct err *err)
{
	enum status status = db_transact(db, add_retry, NULL, err);
	return status ? status : day_loss_letters(db, today_us, take_letter, ctx, err);
}

static void a_result_that_waits_to_be_tried_again_is_told(void **state)
{
	struct world *world = *state;
	struct letters letters = { .count = 0 };
	struct err err = { 0 };
	assert_int_equal(stage_run(&world->stage, load_letters, &letters, &err), STATUS_OK);
	assert_int_equal(letters.count, 1);
	assert_string_equal(letters.text, "5-1@ab {}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(each_deal_of_the_day_counts_once),
		TEST(what_is_before_the_newest_counts_as_sums),
		TEST(money_beyond_all_reason_stops_nobody),
		TEST(a_result_without_money_does_not_hide_its_deal),
		TEST(a_sum_has_the_money_of_such_a_deal),
		TEST(the_file_tells_which_deals_it_has),
		TEST(a_result_that_is_no_row_for_a_text_has_its_money),
		TEST(a_result_that_waits_to_be_tried_again_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
