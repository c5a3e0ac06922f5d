/* What results and deals say of a position in trade_state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/closed_stage.h"

static const char opening[] =
    "R 5 sid=5629499534213121 st=done rc=10009 ord=70 deal=391 pos=70 sym=EURUSD sd=buy vol=0.10 "
    "rq=1.08510 px=1.08512 slp=2.0 com=-0.35 swp=0.00 fee=-0.01 pl=0.00 sv=1784046190412 ex=316 "
    "try=1";
static const char closing[] =
    "D 6 deal=395 ord=99 pos=70 sym=EURUSD sd=sell en=out rs=sl vol=0.10 px=1.08614 lvl=1.08610 "
    "slp=4.0 com=-0.35 swp=-1.20 fee=0.00 pl=10.20 mg=0 sv=1784046191000";
static const struct str key = { "trade_state:mt5-000-70", 22 };

static void field_is(struct accounts *t, const char *field, const char *value)
{
	char text[64];
	stage_field(&t->stage, key, str_of(field), text, sizeof text);
	assert_string_equal(text, value);
}

static void settle(struct accounts *t) { stage_run(&t->stage, 5 * stage_ms_ns); }

static size_t is_indexed(struct accounts *t)
{
	return (size_t)stage_integer(
	    STAGE_PEEK(&t->stage, STR("SISMEMBER"), STR("trades:open:mt5-000"), STR("70")));
}

static void test_a_result_tells_how_its_position_was_opened(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_open(&t, 0, 70);
	closed_result(&t, 0, opening);
	settle(&t);
	field_is(&t, "st", "executed");
	field_is(&t, "rq", "1.08510");
	field_is(&t, "slp", "2.0");
	field_is(&t, "lat", "316");
	field_is(&t, "fp", "0.1");
	field_is(&t, "com", "-0.35");
	field_is(&t, "fee", "-0.01");
	field_is(&t, "ld", "391");
	field_is(&t, "vol", "0.10"); /* as the terminal writes it */
	field_is(&t, "pnl", "0.20"); /* what is not realised is the terminal's to say */
	assert_int_equal(account_store_counts(t.store).results, 1);
	accounts_deinit(&t);
}

static void test_an_order_that_has_more_to_come_is_executing(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_result(&t, 0,
		      "R 5 sid=9 st=part rc=10010 ord=70 deal=391 pos=70 sym=EURUSD sd=buy "
		      "vol=0.04 px=1.08512 com=-0.14 ex=316 try=1");
	closed_open(&t, 0, 70);
	settle(&t);
	field_is(&t, "st", "executing");
	field_is(&t, "fp", "0.04");
	closed_result(&t, 0,
		      "R 6 sid=9 st=done rc=10009 ord=70 deal=392 pos=70 sym=EURUSD sd=buy "
		      "vol=0.06 px=1.08514 com=-0.21 ex=320 try=1");
	settle(&t);
	field_is(&t, "st", "executed");
	field_is(&t, "fp", "0.1");
	field_is(&t, "com", "-0.35");
	field_is(&t, "lat", "320");
	accounts_deinit(&t);
}

static void test_a_part_that_is_closed_is_realised(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_open(&t, 0, 70);
	closed_result(&t, 0, opening);
	closed_result(&t, 0,
		      "D 6 deal=393 ord=98 pos=70 sym=EURUSD sd=sell en=out rs=client vol=0.04 "
		      "px=1.08600 com=-0.14 swp=-0.40 fee=0.00 pl=3.52 mg=0 sv=1");
	closed_result(&t, 0,
		      "D 7 deal=394 ord=98 pos=70 sym=EURUSD sd=sell en=out rs=client vol=0.02 "
		      "px=1.08603 com=-0.07 swp=-0.20 fee=0.00 pl=1.82 mg=0 sv=1");
	settle(&t);
	field_is(&t, "cv", "0.06");
	field_is(&t, "cp", "1.08601");
	field_is(&t, "rp", "5.34");
	field_is(&t, "rs", "-0.6");
	field_is(&t, "com", "-0.56");
	field_is(&t, "rq", "1.08510"); /* the opening's */
	accounts_deinit(&t);
}

static void test_a_deal_that_was_told_is_left_out(void **state)
{
	(void)state;
	struct accounts t;
	char line[200];
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_open(&t, 0, 70);
	for (int round = 0; round < 2; round++)
		for (int deal = 1; deal <= 40; deal++) {
			snprintf(line, sizeof line,
				 "D 6 deal=%d ord=98 pos=70 sym=EURUSD sd=buy en=in rs=client "
				 "vol=0.01 px=1.086 com=-0.01 pl=0 mg=0 sv=1",
				 deal);
			closed_result(&t, 0, line);
		}
	settle(&t);
	field_is(&t, "com", "-0.4");
	field_is(&t, "fp", "0.4");
	assert_int_equal(account_store_counts(t.store).results, 40);
	assert_int_equal(account_store_counts(t.store).results_known, 40);
	/* another weir knows them too */
	accounts_restart(&t, 1);
	assert_int_equal(accounts_restore(&t), STATUS_OK);
	account_store_start(t.store);
	stage_run(&t.stage, 3105 * stage_ms_ns);
	closed_result(&t, 0, line);
	settle(&t);
	field_is(&t, "com", "-0.4");
	closed_result(&t, 0, closing);
	settle(&t);
	field_is(&t, "com", "-0.75");
	field_is(&t, "fp", "0.4");
	field_is(&t, "ld", "395");
	accounts_deinit(&t);
}

static void test_a_deal_may_come_before_its_position(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_result(&t, 0, opening);
	settle(&t);
	field_is(&t, "st", "executed");
	field_is(&t, "vol", "0.1");
	field_is(&t, "px", "1.08512");
	assert_int_equal(is_indexed(&t), 1);
	closed_open(&t, 0, 70);
	stage_run(&t.stage, 30 * stage_second_ns);
	field_is(&t, "st", "executed");
	field_is(&t, "vol", "0.10");
	field_is(&t, "lat", "316");
	assert_int_equal(account_store_counts(t.store).closed, 0);
	assert_int_equal(account_store_counts(t.store).found, 0);
	accounts_deinit(&t);
}

/* Opened and closed before the terminal said a word of it. */
static void test_a_position_that_is_never_told_is_closed(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_with_archive(&t);
	closed_result(&t, 0, opening);
	closed_result(&t, 0, closing);
	stage_run(&t.stage, 9 * stage_second_ns);
	field_is(&t, "st", "executed");
	stage_run(&t.stage, 3 * stage_second_ns);
	field_is(&t, "st", "closed");
	field_is(&t, "pnl", "10.2");
	assert_int_equal(is_indexed(&t), 0);
	assert_true(closed_was_asked("mt5-000", 70));
	accounts_deinit(&t);
}

static void test_what_closes_an_unknown_position_begins_nothing(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_result(&t, 0, closing);
	closed_result(&t, 0,
		      "R 7 sid=9 st=done rc=10009 ord=99 deal=396 pos=70 sym=EURUSD sd=sell "
		      "vol=0.10 px=1.08614 com=-0.35 pl=3.00 ex=20 try=1");
	closed_result(&t, 0, "R 8 sid=9 st=fail rc=10019 sym=EURUSD vol=5.00 ex=141 try=1");
	closed_result(&t, 0, "D 9 deal=397 sd=balance pl=100.00 sv=1 cm=Deposit");
	settle(&t);
	assert_int_equal(accounts_keys(&t, STR("trade")), 0);
	assert_int_equal(account_store_counts(t.store).results, 0);
	accounts_deinit(&t);
}

static void test_the_end_has_what_its_deals_realised(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_with_archive(&t);
	closed_open(&t, 0, 70);
	closed_result(&t, 0, opening);
	closed_close(&t, 0, 70);
	settle(&t);
	field_is(&t, "st", "closed");
	field_is(&t, "pnl", "0");
	assert_int_equal(is_indexed(&t), 0);
	/* the deal comes behind the position's end */
	closed_result(&t, 0, closing);
	settle(&t);
	field_is(&t, "st", "closed");
	field_is(&t, "pnl", "10.2");
	field_is(&t, "swp", "-1.2");
	field_is(&t, "com", "-0.7");
	field_is(&t, "cp", "1.08614");
	assert_int_equal(is_indexed(&t), 0);
	accounts_deinit(&t);
}

static void test_sums_are_kept_of_so_many_positions(void **state)
{
	(void)state;
	struct accounts t;
	char line[200];
	accounts_init(&t, ACCOUNT_STORE_TRADES / 1000 + 1, FAKE_ALWAYS);
	for (int i = 0; i < ACCOUNT_STORE_TRADES + 10; i++) {
		snprintf(line, sizeof line,
			 "R 5 sid=9 st=done rc=10009 ord=%d deal=%d pos=%d sym=EURUSD sd=buy "
			 "vol=0.10 px=1.08512 com=-0.35 ex=316 try=1",
			 i + 1, i + 1, i + 1);
		closed_result(&t, (uint32_t)i / 1000, line);
		if (i % 100 == 0)
			settle(&t);
	}
	assert_int_equal(account_store_counts(t.store).trades_refused, 10);
	assert_int_equal(account_store_counts(t.store).results, ACCOUNT_STORE_TRADES);
	/* there is room again when a terminal has gone */
	account_store_forget(t.store, stage_instance(&t.stage, 3));
	fleet_remove(t.stage.fleet, 3);
	closed_result(&t, 0, line);
	assert_int_equal(account_store_counts(t.store).results, ACCOUNT_STORE_TRADES + 1);
	accounts_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_result_tells_how_its_position_was_opened),
		cmocka_unit_test(test_an_order_that_has_more_to_come_is_executing),
		cmocka_unit_test(test_a_part_that_is_closed_is_realised),
		cmocka_unit_test(test_a_deal_that_was_told_is_left_out),
		cmocka_unit_test(test_a_deal_may_come_before_its_position),
		cmocka_unit_test(test_a_position_that_is_never_told_is_closed),
		cmocka_unit_test(test_what_closes_an_unknown_position_begins_nothing),
		cmocka_unit_test(test_the_end_has_what_its_deals_realised),
		cmocka_unit_test(test_sums_are_kept_of_so_many_positions),
	};
	return cmocka_run_group_tests_name("account_trades", tests, NULL, NULL);
}
