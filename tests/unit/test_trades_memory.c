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

static void a_closed_trade_that_is_not_in_memory_is_recalled(void **state)
{
	struct seen *seen = *state;
	struct trade_sum kept = closed_sum(70);
	seen->kept = &kept;
	seen->kept_count = 1;
	take(seen, money_of(70, 900, -5, 0, 0));
	assert_int_equal(seen->recalled, 1);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.deals, 3);
	assert_int_equal(seen->last.commission, -5);
	take(seen, money_of(70, 901, -5, 0, 0)); /* in memory now */
	assert_int_equal(seen->recalled, 1);
	trade(seen, 71, 902, TRADE_BUY, 1, 1); /* there is none */
	assert_int_equal(find(seen, 71)->deals, 1);
	assert_int_equal(trades_counts(seen->trades).recall_asked, 2);
	assert_int_equal(trades_counts(seen->trades).recalled, 1);
}

static void nobody_is_asked_for_a_position_that_cannot_be_an_old_one(void **state)
{
	struct seen *seen = *state;
	struct trade_sum kept = closed_sum(70);
	seen->kept = &kept;
	seen->kept_count = 1;
	trades_old(seen->trades, STR("mt5-017"), 70);
	trades_old_end(seen->trades);
	for (int64_t position = 1000; position < 2000; position++)
		trade(seen, position, position, TRADE_BUY, 1, 1);
	assert_int_equal(seen->recalled, 0);
	take(seen, money_of(70, 900, -5, 0, 0));
	assert_int_equal(seen->recalled, 1);
	assert_int_equal(seen->last.deals, 3);
}

static void the_oldest_closed_one_is_forgotten_and_recalled(void **state)
{
	struct seen *seen = *state;
	struct trade_sum first = closed_sum(1);
	trades_old_end(seen->trades);
	for (int64_t i = 1; i <= TRADES_CLOSED_MAX + 1; i++) {
		trade(seen, i, 2 * i, TRADE_BUY, 5, 100);
		trade(seen, i, 2 * i + 1, TRADE_SELL, 5, 120);
	}
	assert_int_equal(seen->recalled, 0);
	assert_null(find(seen, 1));
	assert_non_null(find(seen, 2));
	assert_non_null(find(seen, TRADES_CLOSED_MAX + 1));
	seen->kept = &first;
	seen->kept_count = 1;
	take(seen, money_of(1, INT32_MAX, 0, -1, 0));
	assert_int_equal(seen->recalled, 1);
	assert_int_equal(seen->last.deals, 3);
	assert_null(find(seen, 2)); /* it made room */
	assert_non_null(find(seen, 1));
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
	assert_int_equal(seen->recalled, 0);
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
		WITH_TRADES(a_closed_trade_that_is_not_in_memory_is_recalled),
		WITH_TRADES(nobody_is_asked_for_a_position_that_cannot_be_an_old_one),
		WITH_TRADES(the_oldest_closed_one_is_forgotten_and_recalled),
		WITH_TRADES(one_open_trade_too_many_is_refused_and_counted),
		WITH_TRADES(what_is_put_goes_on_where_it_was),
		WITH_TRADES(many_trades_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests_name("trades_memory", tests, NULL, NULL);
}
