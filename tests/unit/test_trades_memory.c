/* Which trades are in memory, and which are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/trades_stage.h"

static struct trade_sum closed_sum(int64_t position)
{
	struct trade_sum sum = { .position = 0 };
	struct trade_deal in = deal_of(position, 2 * position, TRADE_BUY, 5, 100);
	struct trade_deal out = deal_of(position, 2 * position + 1, TRADE_SELL, 5, 120);
	assert_int_equal(trade_sum_add(&sum, &in), STATUS_OK);
	assert_int_equal(trade_sum_add(&sum, &out), STATUS_OK);
	return sum;
}

static void a_closed_trade_that_is_not_in_memory_is_wanted_and_put(void **state)
{
	struct seen *seen = *state;
	struct trade_sum kept = closed_sum(70);
	seen->kept = &kept;
	seen->kept_count = 1;
	want(seen, 70);
	assert_int_equal(seen->wanted, 1);
	assert_int_equal(seen->closed, 0);
	take(seen, money_of(70, 900, -5, 0, 0));
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.deals, 3);
	assert_int_equal(seen->last.commission, -5);
	want(seen, 70); /* in memory now */
	assert_int_equal(seen->wanted, 1);
	want(seen, 71); /* there is none */
	trade(seen, 71, 902, TRADE_BUY, 1, 1);
	assert_int_equal(find(seen, 71)->deals, 1);
	assert_int_equal(trades_counts(seen->trades).recall_asked, 2);
}

static void what_is_put_before_the_end_of_the_old_ones_is_not_counted_as_recalled(void **state)
{
	struct seen *seen = *state;
	struct trade_sum first = closed_sum(70), second = closed_sum(71);
	assert_int_equal(trades_put(seen->trades, &first), STATUS_OK);
	trades_old(seen->trades, STR("mt5-017"), 71);
	trades_old_end(seen->trades);
	assert_int_equal(trades_counts(seen->trades).recalled, 0);
	assert_int_equal(trades_put(seen->trades, &second), STATUS_OK);
	assert_int_equal(trades_put(seen->trades, &second), STATUS_EXISTS);
	assert_int_equal(trades_counts(seen->trades).recalled, 1);
}

static void nothing_is_wanted_of_a_position_that_cannot_be_an_old_one(void **state)
{
	struct seen *seen = *state;
	trades_old(seen->trades, STR("mt5-017"), 70);
	trades_old(seen->trades, STR("mt5-017"), 5000);
	trades_old_end(seen->trades);
	for (int64_t position = 1000; position < 2000; position++)
		want(seen, position);
	assert_int_equal(seen->wanted, 0);
	assert_false(trades_want(seen->trades, STR("mt5-017"), 0));
	assert_false(trades_want(seen->trades, STR(""), 70));
	want(seen, 70);
	want(seen, 5000);
	assert_int_equal(seen->wanted, 2);
}

/* The filter is full, and would say of nearly any position that it may be an old one. */
static void
a_position_above_all_old_ones_of_its_terminal_is_new_whatever_the_filter_says(void **state)
{
	enum { OLD = 10 * 1000 * 1000 };
	struct seen *seen = *state;
	uint32_t below = 0;
	for (int64_t position = 1; position <= OLD; position++)
		trades_old(seen->trades, STR("mt5-017"), 2 * position);
	trades_old(seen->trades, STR("mt5-018"), 4 * (int64_t)OLD);
	trades_old_end(seen->trades);
	for (int64_t i = 0; i < 1000; i++) {
		assert_false(trades_want(seen->trades, STR("mt5-017"), 2 * OLD + 1 + i));
		assert_true(trades_want(seen->trades, STR("mt5-017"), 2 * (OLD - i)));
		below += trades_want(seen->trades, STR("mt5-017"), 2 * i + 1);
	}
	assert_true(below > 500);
	assert_true(trades_want(seen->trades, STR("mt5-018"), 4 * (int64_t)OLD));
}

static void close_at_once(struct seen *seen, int64_t position)
{
	trade(seen, position, 2 * position, TRADE_BUY, 5, 100);
	trade(seen, position, 2 * position + 1, TRADE_SELL, 5, 120);
}

static void the_oldest_closed_one_is_forgotten_and_wanted(void **state)
{
	struct seen *seen = *state;
	struct trade_sum first = closed_sum(1);
	trades_old_end(seen->trades);
	for (int64_t i = 1; i <= TRADES_CLOSED_MAX + 1; i++) {
		want(seen, i);
		close_at_once(seen, i);
	}
	assert_int_equal(seen->wanted, 0);
	assert_null(find(seen, 1));
	assert_non_null(find(seen, 2));
	assert_non_null(find(seen, TRADES_CLOSED_MAX + 1));
	seen->kept = &first;
	seen->kept_count = 1;
	want(seen, 1);
	assert_int_equal(seen->wanted, 1);
	take(seen, money_of(1, INT32_MAX, 0, -1, 0));
	assert_int_equal(seen->last.deals, 3);
	assert_null(find(seen, 2)); /* it made room */
	assert_non_null(find(seen, 1));
}

static void a_closed_one_that_is_wanted_becomes_the_newest(void **state)
{
	struct seen *seen = *state;
	trades_old_end(seen->trades);
	for (int64_t i = 1; i <= TRADES_CLOSED_MAX; i++)
		close_at_once(seen, i);
	want(seen, 1);
	close_at_once(seen, TRADES_CLOSED_MAX + 1);
	assert_non_null(find(seen, 1));
	assert_null(find(seen, 2));
	assert_int_equal(seen->wanted, 0);
}

/* The largest round: of its positions a half lies in the file, a quarter is the oldest that
 * memory has, a quarter is new and closes. In any order, each is there when its deal comes. */
static void nothing_of_a_round_leaves_memory_before_its_end(void **state)
{
	enum { HALF = TRADES_CLOSED_MAX / 2, QUARTER = TRADES_CLOSED_MAX / 4 };
	struct seen *seen = *state;
	static int64_t order[TRADES_CLOSED_MAX], wanted[TRADES_CLOSED_MAX];
	size_t count = 0;
	struct rng rng;
	rng_init(&rng, 2026);
	for (int64_t i = 1; i <= TRADES_CLOSED_MAX + HALF; i++)
		close_at_once(seen, i); /* the first half is not in memory any more */
	trades_old_end(seen->trades);
	for (int64_t i = 0; i < TRADES_CLOSED_MAX; i++)
		order[i] = i < HALF + QUARTER ? 1 + i : TRADES_CLOSED_MAX + HALF + i;
	for (size_t i = TRADES_CLOSED_MAX; i-- > 1;) {
		size_t other = rng_below(&rng, i + 1);
		int64_t position = order[i];
		order[i] = order[other];
		order[other] = position;
	}
	for (size_t i = 0; i < TRADES_CLOSED_MAX; i++)
		if (trades_want(seen->trades, STR("mt5-017"), order[i]))
			wanted[count++] = order[i];
	assert_int_equal(count, HALF);
	for (size_t i = 0; i < count; i++) {
		struct trade_sum kept = closed_sum(wanted[i]);
		assert_int_equal(trades_put(seen->trades, &kept), STATUS_OK);
	}
	for (size_t i = 0; i < TRADES_CLOSED_MAX; i++) {
		bool is_new = order[i] > TRADES_CLOSED_MAX + HALF;
		if (is_new)
			close_at_once(seen, order[i]);
		take(seen, money_of(order[i], INT32_MAX, 0, -1, 0));
		assert_int_equal(seen->last.position, order[i]);
		assert_int_equal(seen->last.deals, 3);
	}
	for (size_t i = 0; i < TRADES_CLOSED_MAX; i++)
		assert_int_equal(find(seen, order[i])->deals, 3);
	assert_int_equal(trades_counts(seen->trades).recalled, HALF);
}

static void one_open_trade_too_many_is_refused_and_counted(void **state)
{
	struct seen *seen = *state;
	trades_old_end(seen->trades);
	trade(seen, TRADES_OPEN_MAX + 9, 1, TRADE_BUY, 1, 1);
	trade(seen, TRADES_OPEN_MAX + 9, 2, TRADE_SELL, 1, 1);
	for (int64_t i = 1; i <= TRADES_OPEN_MAX; i++)
		trade(seen, i, i, TRADE_BUY, 1, 1);
	struct trade_deal more[] = {
		deal_of(TRADES_OPEN_MAX + 1, 5, TRADE_BUY, 1, 1),
		deal_of(TRADES_OPEN_MAX + 9, 6, TRADE_BUY, 1, 1), /* a closed one's late fill */
	};
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		assert_int_equal(trades_take(seen->trades, &more[i]), STATUS_FULL);
	assert_int_equal(trades_counts(seen->trades).full, 2);
	assert_int_equal(find(seen, TRADES_OPEN_MAX + 9)->deals, 2);
	assert_int_equal(trades_open(seen->trades), TRADES_OPEN_MAX);
	take(seen, money_of(TRADES_OPEN_MAX + 9, 7, -1, 0, 0)); /* it stays closed */
	trade(seen, 5, TRADES_OPEN_MAX + 1, TRADE_SELL, 1, 1);
	trade(seen, TRADES_OPEN_MAX + 1, 5, TRADE_BUY, 1, 1);
	for (int64_t i = 1; i <= TRADES_OPEN_MAX + 1; i++)
		assert_non_null(find(seen, i));
}

static void what_is_put_goes_on_where_it_was(void **state)
{
	struct seen *seen = *state;
	struct trade_sum closed = closed_sum(70), open = { .position = 0 };
	struct trade_deal in = deal_of(71, 1, TRADE_SELL, 3, 100);
	assert_int_equal(trade_sum_add(&open, &in), STATUS_OK);
	assert_int_equal(trades_put(seen->trades, &closed), STATUS_OK);
	assert_int_equal(trades_put(seen->trades, &open), STATUS_OK);
	assert_int_equal(trades_put(seen->trades, &open), STATUS_EXISTS);
	assert_int_equal(seen->closed, 0);
	assert_int_equal(trades_open(seen->trades), 1);
	trade(seen, 71, 2, TRADE_BUY, 3, 90);
	take(seen, money_of(70, 999, -1, 0, 0));
	assert_int_equal(seen->closed, 2);
	assert_int_equal(seen->wanted, 0);
	assert_int_equal(trades_open(seen->trades), 0);
	struct trade_sum none = { .position = 0 };
	assert_int_equal(trades_put(seen->trades, &none), STATUS_INVALID);
}

/* Many positions of several terminals at once, against a plain table. */
static void many_trades_do_not_disturb_each_other(void **state)
{
	enum { POSITIONS = 500, STEPS = 20000 };
	struct seen *seen = *state;
	static int64_t left[3][POSITIONS];
	static const char *const names[] = { "a", "mt5-017", "another-terminal" };
	struct rng rng;
	rng_init(&rng, 23);
	memset(left, 0, sizeof left);
	trades_old_end(seen->trades);
	for (int64_t step = 1; step <= STEPS; step++) {
		size_t at = rng_below(&rng, POSITIONS), of = rng_below(&rng, 3);
		bool buy = rng_below(&rng, 2);
		struct trade_deal deal =
		    deal_of(1 + (int64_t)at, step, buy ? TRADE_BUY : TRADE_SELL, 1, 1);
		deal.instance = str_of(names[of]);
		uint32_t closed = seen->closed;
		take(seen, deal);
		left[of][at] += buy ? 1 : -1;
		assert_int_equal(seen->closed - closed, left[of][at] == 0);
	}
	size_t open = 0;
	for (size_t of = 0; of < 3; of++)
		for (size_t at = 0; at < POSITIONS; at++) {
			const struct trade_sum *sum =
			    trades_find(seen->trades, str_of(names[of]), 1 + (int64_t)at);
			assert_int_equal(sum ? sum->open_volume : 0, left[of][at]);
			open += left[of][at] != 0;
		}
	assert_int_equal(trades_open(seen->trades), open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TRADES(a_closed_trade_that_is_not_in_memory_is_wanted_and_put),
		WITH_TRADES(what_is_put_before_the_end_of_the_old_ones_is_not_counted_as_recalled),
		WITH_TRADES(nothing_is_wanted_of_a_position_that_cannot_be_an_old_one),
		WITH_TRADES(
		    a_position_above_all_old_ones_of_its_terminal_is_new_whatever_the_filter_says),
		WITH_TRADES(the_oldest_closed_one_is_forgotten_and_wanted),
		WITH_TRADES(a_closed_one_that_is_wanted_becomes_the_newest),
		WITH_TRADES(nothing_of_a_round_leaves_memory_before_its_end),
		WITH_TRADES(one_open_trade_too_many_is_refused_and_counted),
		WITH_TRADES(what_is_put_goes_on_where_it_was),
		WITH_TRADES(many_trades_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests_name("trades_memory", tests, NULL, NULL);
}
