/* Rows of the archive in memory: cells, bounds, text that is not UTF-8, months. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "archive/rows.h"
#include "base/check.h"
#include "base/rng.h"

static struct archive_rows rows;

static int setup(void **state)
{
	(void)state;
	archive_rows_init(&rows, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	archive_rows_deinit(&rows);
	return 0;
}

static void put_step(int64_t sid, struct str detail)
{
	archive_rows_begin(&rows, TABLE_trade_execution_log);
	archive_row_int(&rows, COLUMN_trade_execution_log_sid, sid);
	archive_row_text(&rows, COLUMN_trade_execution_log_instance, STR("mt5-017"));
	archive_row_text(&rows, COLUMN_trade_execution_log_step, STR("sent"));
	archive_row_int(&rows, COLUMN_trade_execution_log_at_us, 1);
	archive_row_word(&rows, COLUMN_trade_execution_log_detail, detail);
}

static const struct archive_row *last(void)
{
	const struct archive_row *row = NULL, *next;
	while ((next = archive_rows_next(&rows, row)))
		row = next;
	return row;
}

static void test_rows_are_walked_in_the_order_they_came(void **state)
{
	(void)state;
	const struct archive_row *row = NULL;
	assert_null(archive_rows_next(&rows, NULL));
	for (int64_t i = 0; i < 100; i++) {
		put_step(i, i % 2 ? STR("why") : STR(""));
		assert_int_equal(archive_rows_end(&rows), 0);
	}
	assert_int_equal(rows.count, 100);
	for (int64_t i = 0; i < 100; i++) {
		row = archive_rows_next(&rows, row);
		assert_int_equal(row->table, TABLE_trade_execution_log);
		assert_int_equal((uintptr_t)row % 16, 0);
		assert_int_equal(archive_cell_int(row, COLUMN_trade_execution_log_sid, -1), i);
		assert_int_equal(archive_cell_there(row, COLUMN_trade_execution_log_detail), i % 2);
		assert_false(archive_cell_there(row, COLUMN_trade_execution_log_attempt));
		assert_int_equal(archive_cell_int(row, COLUMN_trade_execution_log_attempt, 77), 77);
	}
	assert_null(archive_rows_next(&rows, row));
	archive_rows_clear(&rows);
	assert_null(archive_rows_next(&rows, NULL));
}

static void test_a_row_that_is_being_built_or_cancelled_is_not_there(void **state)
{
	(void)state;
	put_step(1, STR("a"));
	assert_int_equal(archive_rows_end(&rows), 0);
	put_step(2, STR("b"));
	assert_int_equal(archive_cell_int(last(), COLUMN_trade_execution_log_sid, 0), 1);
	archive_rows_cancel(&rows);
	assert_int_equal(rows.count, 1);
	put_step(3, STR("c"));
	assert_int_equal(archive_rows_end(&rows), 0);
	assert_int_equal(archive_cell_int(last(), COLUMN_trade_execution_log_sid, 0), 3);
}

static void test_a_full_set_keeps_nothing_of_the_row_and_goes_on(void **state)
{
	(void)state;
	static char big[600 << 10];
	memset(big, 'x', sizeof big);
	put_step(1, STR("a"));
	assert_int_equal(archive_rows_end(&rows), 0);
	put_step(2, str_make(big, sizeof big));
	assert_int_equal(archive_rows_end(&rows), 0);
	size_t used = rows.used;
	put_step(3, str_make(big, sizeof big));
	archive_row_int(&rows, COLUMN_trade_execution_log_attempt, 4);
	assert_int_equal(archive_rows_end(&rows), STATUS_FULL);
	assert_int_equal(rows.used, used);
	assert_int_equal(rows.count, 2);
	put_step(4, STR("d"));
	assert_int_equal(archive_rows_end(&rows), 0);
	assert_true(rows.room <= rows.bytes_max);
}

static void test_numbers_come_from_text_exactly(void **state)
{
	(void)state;
	archive_rows_begin(&rows, TABLE_liquidations);
	archive_row_text(&rows, COLUMN_liquidations_market, STR("m"));
	archive_row_text(&rows, COLUMN_liquidations_side, STR("long"));
	assert_int_equal(archive_row_number(&rows, COLUMN_liquidations_at_us, STR("-12")), 0);
	assert_int_equal(archive_row_number(&rows, COLUMN_liquidations_at_us, STR("1.5")),
			 STATUS_FORMAT);
	assert_int_equal(
	    archive_row_number(&rows, COLUMN_liquidations_at_us, STR("9223372036854775808")),
	    STATUS_RANGE);
	assert_int_equal(
	    archive_row_number(&rows, COLUMN_liquidations_price, STR("123.0000000000000001")), 0);
	assert_int_equal(
	    archive_row_number(&rows, COLUMN_liquidations_price, STR("0.00000000000000001")),
	    STATUS_RANGE);
	assert_int_equal(archive_row_number(&rows, COLUMN_liquidations_quantity, STR("7e3")),
			 STATUS_FORMAT);
	assert_int_equal(archive_row_number(&rows, COLUMN_liquidations_quantity, STR("")), 0);
	assert_int_equal(archive_row_number(&rows, COLUMN_liquidations_quantity, STR("-0.5")), 0);
	assert_int_equal(archive_rows_end(&rows), 0);
	assert_int_equal(archive_cell_int(last(), COLUMN_liquidations_at_us, 0), -12);
	assert_true(archive_cell_big(last(), COLUMN_liquidations_price) ==
		    (i128)INT64_C(1230000000000000001) - (i128)0);
	assert_true(archive_cell_big(last(), COLUMN_liquidations_quantity) ==
		    -INT64_C(5000000000000000));
}

static enum status end_with(int64_t volume)
{
	archive_rows_begin(&rows, TABLE_trade_results);
	archive_row_text(&rows, COLUMN_trade_results_result_id, STR("r"));
	archive_row_text(&rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(&rows, COLUMN_trade_results_received_us, 1);
	archive_row_int(&rows, COLUMN_trade_results_event_us, 1);
	archive_row_dec(&rows, COLUMN_trade_results_volume, volume);
	return archive_rows_end(&rows);
}

static void test_what_its_decimal_cannot_hold_makes_no_row(void **state)
{
	(void)state;
	const int64_t end = INT64_C(1000000000000000000);
	assert_int_equal(end_with(end), STATUS_RANGE);
	assert_int_equal(end_with(-end), STATUS_RANGE);
	assert_int_equal(rows.count, 0);
	assert_int_equal(end_with(end - 1), 0);
	assert_int_equal(end_with(1 - end), 0);
	archive_rows_begin(&rows, TABLE_trade_results);
	assert_int_equal(
	    archive_row_number(&rows, COLUMN_trade_results_volume, STR("10000000000.00")),
	    STATUS_RANGE);
	assert_int_equal(
	    archive_row_number(&rows, COLUMN_trade_results_volume, STR("9999999999.99999999")), 0);
	archive_rows_cancel(&rows);
	archive_rows_begin(&rows, TABLE_open_interest);
	archive_row_text(&rows, COLUMN_open_interest_market, STR("m"));
	archive_row_int(&rows, COLUMN_open_interest_at_us, 1);
	archive_row_big(&rows, COLUMN_open_interest_quantity,
			(i128)decimal_pow10(18) * decimal_pow10(18) * 100);
	assert_int_equal(archive_rows_end(&rows), STATUS_RANGE);
}

static const char *cleaned(struct str text)
{
	static char out[256];
	archive_rows_clear(&rows);
	put_step(1, text);
	assert_int_equal(archive_rows_end(&rows), 0);
	assert_int_equal(
	    str_copy(archive_cell_text(last(), COLUMN_trade_execution_log_detail), out, sizeof out),
	    0);
	return out;
}

static void test_bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	assert_string_equal(cleaned(STR("plain and long enough for words")),
			    "plain and long enough for words");
	assert_string_equal(cleaned(STR("gr\xc3\xbc\xc3\x9f gott, w\xc3\xb6rter")),
			    "gr\xc3\xbc\xc3\x9f gott, w\xc3\xb6rter");
	assert_string_equal(cleaned(STR("\xff")), "\xef\xbf\xbd");
	assert_string_equal(cleaned(STR("a\0b")), "a\xef\xbf\xbd"
						  "b");
	assert_string_equal(cleaned(STR("12345678\0")), "12345678\xef\xbf\xbd");
	assert_string_equal(cleaned(STR("1234567\xe2\x82")), "1234567\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(cleaned(STR("\xed\xa0\x80")), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_any_bytes_become_utf8_and_utf8_stays(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 3);
	for (int round = 0; round < 3000; round++) {
		char bytes[40];
		size_t len = 1 + rng_below(&rng, sizeof bytes);
		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(rng_below(&rng, 4) ? 'a' + (int)rng_below(&rng, 26)
							     : (int)rng_below(&rng, 256));
		struct str out = str_of(cleaned(str_make(bytes, len)));
		for (struct str rest = out; rest.len; rest = str_skip(rest, str_utf8_len(rest)))
			assert_true(str_utf8_len(rest) > 0);
		char copy[256];
		assert_int_equal(str_copy(out, copy, sizeof copy), 0);
		assert_string_equal(cleaned(str_of(copy)), copy);
	}
}

static jmp_buf caught;
static void on_check(const char *expr, const char *file, int line)
{
	(void)expr;
	(void)file;
	(void)line;
	longjmp(caught, 1);
}

static void test_a_row_without_what_it_needs_is_the_callers_fault(void **state)
{
	(void)state;
	volatile bool failed = false;
	check_set_handler(on_check);
	if (setjmp(caught) == 0) {
		archive_rows_begin(&rows, TABLE_trade_results);
		archive_row_text(&rows, COLUMN_trade_results_result_id, STR("r"));
		(void)!archive_rows_end(&rows);
	} else {
		failed = true;
	}
	archive_rows_cancel(&rows);
	assert_true(failed);
	failed = false;
	archive_rows_begin(&rows, TABLE_trade_results);
	if (setjmp(caught) == 0)
		archive_row_int(&rows, COLUMN_funding_at_us, 1); /* of another table */
	else
		failed = true;
	check_set_handler(NULL);
	assert_true(failed);
}

static void test_copies_are_the_rows_they_were(void **state)
{
	(void)state;
	struct archive_rows other;
	archive_rows_init(&other, 4096);
	put_step(5, STR("because"));
	assert_int_equal(archive_rows_end(&rows), 0);
	int copies = 0;
	while (archive_rows_copy(&other, last()) == STATUS_OK)
		copies++;
	assert_int_equal(copies, other.count);
	assert_true(copies > 10);
	const struct archive_row *row = NULL;
	while ((row = archive_rows_next(&other, row)))
		assert_true(str_eq(archive_cell_text(row, COLUMN_trade_execution_log_detail),
				   STR("because")));
	archive_rows_deinit(&other);
}

static const char *printed(const struct archive_row *row, enum archive_column column)
{
	static char text[64];
	struct buf out = buf_over(text, sizeof text - 1);
	archive_cell_print(&out, row, column);
	text[out.len] = 0;
	return text;
}

static void test_cells_are_printed_for_people(void **state)
{
	(void)state;
	assert_int_equal(end_with(-150000000), 0);
	assert_string_equal(printed(last(), COLUMN_trade_results_volume), "-1.5");
	assert_string_equal(printed(last(), COLUMN_trade_results_event_us), "1");
	assert_string_equal(printed(last(), COLUMN_trade_results_status), "done");
	assert_string_equal(printed(last(), COLUMN_trade_results_comment), "");
}

static void test_months_are_those_of_the_calendar(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 9);
	for (int i = 0; i < 20000; i++) {
		int64_t seconds = (int64_t)rng_below(&rng, 253402300800);
		time_t when = (time_t)seconds;
		struct tm utc;
		assert_non_null(gmtime_r(&when, &utc));
		assert_int_equal(archive_month(seconds * 1000000 + 999999),
				 (uint32_t)(utc.tm_year + 1900) * 100 + (uint32_t)utc.tm_mon + 1);
	}
	assert_int_equal(archive_month(-1), 197001);
	assert_int_equal(archive_month(INT64_MIN), 197001);
	assert_int_equal(archive_month(INT64_MAX), 999912);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_rows_are_walked_in_the_order_they_came),
		TEST(test_a_row_that_is_being_built_or_cancelled_is_not_there),
		TEST(test_a_full_set_keeps_nothing_of_the_row_and_goes_on),
		TEST(test_numbers_come_from_text_exactly),
		TEST(test_what_its_decimal_cannot_hold_makes_no_row),
		TEST(test_bytes_that_are_no_text_are_replaced),
		TEST(test_any_bytes_become_utf8_and_utf8_stays),
		TEST(test_a_row_without_what_it_needs_is_the_callers_fault),
		TEST(test_copies_are_the_rows_they_were),
		TEST(test_cells_are_printed_for_people),
		TEST(test_months_are_those_of_the_calendar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
