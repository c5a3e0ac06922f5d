#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "market/book.h"

static struct book *book;

static int make(void **state)
{
	(void)state;
	book = book_create();
	return book ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	book_destroy(book);
	return 0;
}

static void top(double bid, double ask)
{
	struct event_book event = {
		.bid = { llround(bid * 1000), 3 },
		.bid_qty = { 5, 0 },
		.ask = { llround(ask * 1000), 3 },
		.ask_qty = { 7, 1 },
	};
	book_take_top(book, &event, 1000);
}

static void depth(const char *bids, const char *asks, int64_t update, bool snapshot)
{
	struct event_depth event = { .bids = str_of(bids),
				     .asks = str_of(asks),
				     .last_update = update,
				     .snapshot = snapshot };
	book_take_depth(book, &event, 1000);
}

static void assert_near(double a, double b) { assert_true(fabs(a - b) <= 1e-9 * (1 + fabs(b))); }

static void nothing_is_known_at_first(void **state)
{
	(void)state;
	assert_int_equal(book_top(book).t_ms, 0);
	assert_false(book_depth(book).known);
	top(99, 101);
	assert_false(book_depth(book).known); /* no depth subscribed */
	assert_int_equal(book_top(book).ask.mantissa, 101000);
}

static void an_older_top_is_ignored(void **state)
{
	(void)state;
	struct event_book event = { .bid = { 1, 0 }, .ask = { 2, 0 }, .update_id = 50 };
	book_take_top(book, &event, 10);
	event.bid.mantissa = 3;
	event.update_id = 49;
	book_take_top(book, &event, 11);
	assert_int_equal(book_top(book).bid.mantissa, 1);
	event.update_id = 51;
	book_take_top(book, &event, 11);
	assert_int_equal(book_top(book).bid.mantissa, 3);
}

static void levels_are_summed_by_distance(void **state)
{
	(void)state;
	top(999.9, 1000.1); /* mid 1000: 10 bp is 1, 50 bp is 5, the band 6 */
	depth("[\"999.5\",\"1.5\"],[\"999\",\"2\"],[\"998.99\",\"4\"],[\"995\",\"8\"],[\"994.9\","
	      "\"16\"],[\"990\",\"64\"]",
	      "[\"1000.5\",\"1\"],[\"1001.00\",\"2.25\"],[\"1004.99\",\"4\"],[\"1005.01\",\"8\"],["
	      "\"2000\",\"16\"]",
	      1, true);
	struct book_depth out = book_depth(book);
	assert_true(out.known);
	assert_false(out.at_least);
	assert_near(out.bid_10bp, 3.5);
	assert_near(out.bid_50bp, 15.5);
	assert_near(out.ask_10bp, 3.25);
	assert_near(out.ask_50bp, 7.25);
	assert_int_equal(book_dropped_levels(book), 0);
}

static void quantity_zero_removes(void **state)
{
	(void)state;
	top(99.99, 100.01);
	depth("[\"99.95\",\"1\"],[\"99.94\",\"2\"],[\"90\",\"1\"]",
	      "[\"100.05\",\"3\"],[\"110\",\"1\"]", 1, true);
	depth("[\"99.95\",\"0.000\"],[\"99.93\",\"0\"]", "[\"100.05\",\"4\"],[\"100.06\",\"1\"]", 2,
	      false);
	struct book_depth out = book_depth(book);
	assert_near(out.bid_10bp, 2);
	assert_near(out.ask_10bp, 5);
}

static void stale_diffs_are_ignored_and_snapshots_replace(void **state)
{
	(void)state;
	top(99.99, 100.01);
	depth("[\"99.95\",\"1\"]", "", 10, true);
	depth("[\"99.95\",\"9\"]", "", 10, false);
	depth("[\"99.95\",\"8\"]", "", 9, false);
	assert_near(book_depth(book).bid_10bp, 1);
	depth("[\"99.94\",\"3\"]", "", 5, true); /* a venue that began to count anew */
	assert_near(book_depth(book).bid_10bp, 3);
	depth("[\"99.93\",\"3\"]", "", 6, false);
	assert_near(book_depth(book).bid_10bp, 6);
}

static void an_older_snapshot_goes_below_the_diffs(void **state)
{
	(void)state;
	top(99.99, 100.01);
	depth("[\"99.95\",\"1\"],[\"99.94\",\"0\"]", "", 10, false);
	assert_true(book_depth(book).at_least);
	depth("[\"99.95\",\"7\"],[\"99.94\",\"7\"],[\"99.93\",\"7\"],[\"90\",\"1\"]",
	      "[\"100.05\",\"2\"],[\"110\",\"1\"]", 8, true);
	struct book_depth out = book_depth(book);
	assert_near(out.bid_10bp, 1 + 7);
	assert_near(out.ask_10bp, 2);
	assert_false(out.at_least);
	depth("[\"99.95\",\"2\"]", "", 11, false);
	assert_near(book_depth(book).bid_10bp, 2 + 7);
}

static void what_may_be_missing_is_said(void **state)
{
	(void)state;
	top(999.9, 1000.1);
	depth("[\"999\",\"1\"],[\"996\",\"1\"]", "[\"1001\",\"1\"],[\"1010\",\"1\"]", 1, true);
	assert_true(book_depth(book).at_least); /* nothing is known below 996 */
	depth("[\"999\",\"1\"],[\"980\",\"1\"]",
	      "[\"1001\",\"1\"],[\"1005.5\",\"3\"],[\"1020\",\"1\"]", 2, true);
	assert_false(book_depth(book).at_least);
	depth("", "[\"1012\",\"5\"]", 3, false); /* beyond the band: not kept */
	assert_false(book_depth(book).at_least);
	top(1010, 1010.2); /* and now it would count */
	assert_true(book_depth(book).at_least);
}

static void a_mid_is_found_without_a_top(void **state)
{
	(void)state;
	depth("[\"99.9\",\"1\"],[\"99.8\",\"1\"]", "[\"100.1\",\"1\"],[\"100.3\",\"1\"]", 1, true);
	struct book_depth out = book_depth(book);
	assert_true(out.known);
	assert_near(out.bid_10bp, 1);
	assert_near(out.bid_50bp, 2);
	assert_near(out.ask_50bp, 2);
}

static void long_numbers_and_rising_scales_are_read(void **state)
{
	(void)state;
	top(99.99, 100.01);
	depth("[\"99.95\",\"1\"],[\"99.9400000000\",\"0.0000000001\"],[\"99.930000001\","
	      "\"123456789.5\"]",
	      "[\"100.05\",\"1\"]", 1, true);
	assert_near(book_depth(book).bid_10bp, 1 + 1e-10 + 123456789.5);
	depth("[\"99.950000000\",\"0\"]", "", 2, false);
	assert_near(book_depth(book).bid_10bp, 1e-10 + 123456789.5);
	assert_int_equal(book_dropped_levels(book), 0);
	depth("[\"9999999999999999999999\",\"1\"],[\"0\",\"1\"]", "", 3, false);
	book_depth(book);
	assert_int_equal(book_dropped_levels(book), 2);
}

/* ---- against a plain model ---- */

enum { TICKS = 20000 };
static double model[2][TICKS];

static size_t random_side(struct rng *rng, int side, int mid, bool snapshot, char *text)
{
	size_t len = 0;
	int at = mid, n = snapshot ? 800 : 1 + (int)rng_below(rng, 60);
	for (int i = 0; i < n; i++) {
		at = snapshot ? (side ? at + 1 : at - 1)
			      : mid + (side ? 1 : -1) * (1 + (int)rng_below(rng, 700));
		double qty = rng_below(rng, 3) ? (double)rng_below(rng, 100000) / 1000 : 0;
		len += (size_t)sprintf(text + len, "%s[\"%d.%02d\",\"%.3f\"]", i ? "," : "",
				       at / 100, at % 100, qty);
		model[side][at] = qty;
	}
	return len;
}

static double model_sum(int side, double from, double to)
{
	double sum = 0;
	for (int i = 0; i < TICKS; i++)
		if (i / 100.0 >= from - 1e-9 && i / 100.0 <= to + 1e-9)
			sum += model[side][i];
	return sum;
}

/* Mid at 100.00 with ticks of 0.01: 60 bp is 60 ticks, so the mid may not move here. */
static void random_updates_equal_a_plain_book(void **state)
{
	(void)state;
	static char text[2][65536];
	struct rng rng;
	rng_init(&rng, 11);
	top(99.999, 100.001);
	for (int64_t update = 1; update < 3000; update++) {
		bool snapshot = update % 500 == 1;
		if (snapshot)
			memset(model, 0, sizeof model);
		struct event_depth event = { .last_update = update, .snapshot = snapshot };
		event.bids = str_make(text[0], random_side(&rng, 0, 10000, snapshot, text[0]));
		event.asks = str_make(text[1], random_side(&rng, 1, 10000, snapshot, text[1]));
		book_take_depth(book, &event, 1);
		if (update % 50)
			continue;
		struct book_depth out = book_depth(book);
		assert_false(out.at_least);
		assert_near(out.bid_10bp, model_sum(0, 99.9, 100));
		assert_near(out.bid_50bp, model_sum(0, 99.5, 100));
		assert_near(out.ask_10bp, model_sum(1, 100, 100.1));
		assert_near(out.ask_50bp, model_sum(1, 100, 100.5));
	}
	assert_int_equal(book_dropped_levels(book), 0);
}

/* More levels in the band than there is room for: the nearest stay. */
static void the_nearest_levels_stay(void **state)
{
	(void)state;
	static char text[400000];
	size_t len = 0;
	top(49999.99, 50000.01); /* 60 bp is 300, so 30,000 ticks */
	for (int i = 0; i < 12000; i++)
		len += (size_t)sprintf(text + len, "%s[\"%d.%02d\",\"1\"]", i ? "," : "",
				       50000 + i / 100, i % 100);
	struct event_depth event = { .asks = str_make(text, len),
				     .last_update = 1,
				     .snapshot = true };
	book_take_depth(book, &event, 1);
	struct book_depth out = book_depth(book);
	assert_true(out.at_least);
	assert_true(book_dropped_levels(book) > 8000);
	assert_true(out.ask_50bp >= BOOK_LEVELS && out.ask_50bp <= 4096);
	/* all 20 dollars next to the mid are there */
	event = (struct event_depth){ .asks = STR("[\"50020.00\",\"0\"],[\"50000.00\",\"0\"]"),
				      .last_update = 2 };
	book_take_depth(book, &event, 1);
	assert_near(book_depth(book).ask_50bp, out.ask_50bp - 2);
}

static void the_best_levels_are_told_with_their_time(void **state)
{
	(void)state;
	assert_int_equal(book_newest_ms(book), 0);
	depth("[\"99.8\",\"2\"],[\"99.9\",\"1.5\"],[\"99.7\",\"7\"]",
	      "[\"100.2\",\"4\"],[\"100.1\",\"3\"]", 1, true);
	struct book_depth out = book_depth(book);
	assert_near(out.bid, 99.9);
	assert_near(out.bid_qty, 1.5);
	assert_near(out.ask, 100.1);
	assert_near(out.ask_qty, 3);
	assert_int_equal(out.t_ms, 1000);
	assert_int_equal(book_newest_ms(book), 1000);
	assert_int_equal(book_top(book).t_ms, 0); /* levels are no quote */
	struct event_depth event = { .bids = STR("[\"99.9\",\"0\"]"), .last_update = 2 };
	book_take_depth(book, &event, 1500);
	assert_near(book_depth(book).bid, 99.8);
	assert_near(book_depth(book).bid_qty, 2);
	assert_int_equal(book_newest_ms(book), 1500);
	event = (struct event_depth){ .asks = STR("[\"100.1\",\"0\"],[\"100.2\",\"0\"]"),
				      .last_update = 3 };
	book_take_depth(book, &event, 1400);
	assert_false(book_depth(book).known); /* no mid any more */
	assert_int_equal(book_newest_ms(book), 1500);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_known_at_first),
		TEST(an_older_top_is_ignored),
		TEST(levels_are_summed_by_distance),
		TEST(quantity_zero_removes),
		TEST(stale_diffs_are_ignored_and_snapshots_replace),
		TEST(an_older_snapshot_goes_below_the_diffs),
		TEST(what_may_be_missing_is_said),
		TEST(a_mid_is_found_without_a_top),
		TEST(long_numbers_and_rising_scales_are_read),
		TEST(random_updates_equal_a_plain_book),
		TEST(the_nearest_levels_stay),
		TEST(the_best_levels_are_told_with_their_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
