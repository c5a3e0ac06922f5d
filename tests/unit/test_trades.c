/* Deals summed to trades, against sums that are made another way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/trades_stage.h"

/* ---- one trade ---- */

static void a_trade_is_closed_when_its_volume_is_back_at_0(void **state)
{
	struct seen *seen = *state;
	trade(seen, 70, 1, TRADE_BUY, E8 / 10, 108514000);
	assert_int_equal(trades_open(seen->trades), 1);
	assert_int_equal(seen->closed, 0);
	assert_int_equal(find(seen, 70)->open_volume, E8 / 10);
	trade(seen, 70, 2, TRADE_SELL, E8 / 10, 108614000);
	assert_int_equal(trades_open(seen->trades), 0);
	assert_int_equal(seen->closed, 1);
	assert_string_equal(seen->last.instance, "mt5-017");
	assert_string_equal(seen->last.server, "FPMarketsSC-Live");
	assert_string_equal(seen->last.symbol, "EURUSD");
	assert_int_equal(seen->last.login, 90000001);
	assert_int_equal(seen->last.position, 70);
	assert_int_equal(seen->last.side, TRADE_BUY);
	assert_int_equal(seen->last.volume_in, E8 / 10);
	assert_int_equal(seen->last.volume_out, E8 / 10);
	assert_int_equal(trade_mean_price(seen->last.value_in, seen->last.volume_in), 108514000);
	assert_int_equal(trade_mean_price(seen->last.value_out, seen->last.volume_out), 108614000);
	assert_int_equal(seen->last.opened_us, at_us(1));
	assert_int_equal(seen->last.closed_us, at_us(2));
	assert_int_equal(seen->last.deals, 2);
	assert_non_null(find(seen, 70));
}

static void partial_fills_are_one_trade_at_their_mean_price(void **state)
{
	struct seen *seen = *state;
	trade(seen, 70, 1, TRADE_SELL, 10, 300);
	trade(seen, 70, 2, TRADE_SELL, 20, 301);
	trade(seen, 70, 3, TRADE_BUY, 15, 290);
	assert_int_equal(find(seen, 70)->open_volume, -15);
	trade(seen, 70, 4, TRADE_BUY, 15, 280);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.side, TRADE_SELL);
	assert_int_equal(seen->last.volume_in, 30);
	/* 300.66… and 285 */
	assert_int_equal(trade_mean_price(seen->last.value_in, 30), 301);
	assert_int_equal(trade_mean_price(seen->last.value_out, 30), 285);
}

static void positions_of_a_hedging_account_are_trades_of_their_own(void **state)
{
	struct seen *seen = *state;
	trade(seen, 70, 1, TRADE_BUY, E8, 100);
	trade(seen, 71, 2, TRADE_SELL, E8, 101);
	assert_int_equal(trades_open(seen->trades), 2);
	assert_int_equal(seen->closed, 0);
	trade(seen, 70, 3, TRADE_SELL, E8, 102);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.position, 70);
	assert_int_equal(find(seen, 71)->open_volume, -E8);
}

static void a_closeby_closes_both_positions_with_a_deal_each(void **state)
{
	struct seen *seen = *state;
	trade(seen, 70, 1, TRADE_BUY, 3, 100);
	trade(seen, 71, 2, TRADE_SELL, 2, 101);
	/* at each other's price of opening; what is left of the larger stays open */
	trade(seen, 70, 3, TRADE_SELL, 2, 101);
	trade(seen, 71, 4, TRADE_BUY, 2, 101);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.position, 71);
	assert_int_equal(find(seen, 70)->open_volume, 1);
}

static void a_netted_reversal_goes_on_as_the_same_trade(void **state)
{
	struct seen *seen = *state;
	trade(seen, 70, 1, TRADE_BUY, 10, 100);
	trade(seen, 70, 2, TRADE_SELL, 25, 110); /* inout: 10 out, 15 the other way */
	assert_int_equal(seen->closed, 0);
	assert_int_equal(find(seen, 70)->open_volume, -15);
	assert_int_equal(find(seen, 70)->side, TRADE_BUY);
	trade(seen, 70, 3, TRADE_BUY, 15, 90);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.volume_in, 25);
	assert_int_equal(seen->last.volume_out, 25);
	/* 10 × 10 and 15 × 20: what the prices say is what was earned */
	assert_true(seen->last.value_out - seen->last.value_in == 10 * 10 + 15 * 20);
}

static void deals_without_volume_move_money_alone(void **state)
{
	struct seen *seen = *state;
	struct trade_deal in = deal_of(70, 1, TRADE_BUY, 10, 100);
	struct trade_deal out = deal_of(70, 4, TRADE_SELL, 10, 120);
	in.commission = -7;
	out.pnl = 200;
	out.swap = -3;
	take(seen, in);
	take(seen, money_of(70, 2, -5, 0, 0));
	take(seen, money_of(70, 3, 0, -11, -2));
	take(seen, out);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.commission, -12);
	assert_int_equal(seen->last.swap, -14);
	assert_int_equal(seen->last.fee, -2);
	assert_int_equal(seen->last.pnl, 200);
	assert_int_equal(seen->last.deals, 4);
	assert_int_equal(seen->last.closed_us, at_us(4));
}

static void money_before_any_volume_waits_for_its_trade(void **state)
{
	struct seen *seen = *state;
	take(seen, money_of(70, 9, -5, 0, 0));
	assert_int_equal(trades_open(seen->trades), 1);
	assert_int_equal(find(seen, 70)->side, TRADE_NONE);
	assert_int_equal(find(seen, 70)->opened_us, at_us(9));
	trade(seen, 70, 2, TRADE_BUY, 1, 100);
	trade(seen, 70, 3, TRADE_SELL, 1, 100);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(seen->last.commission, -5);
	assert_int_equal(seen->last.opened_us, at_us(2));
	assert_int_equal(seen->last.closed_us, at_us(3));
	assert_string_equal(seen->last.symbol, "EURUSD");
}

static void a_late_commission_tells_the_closed_row_again(void **state)
{
	struct seen *seen = *state;
	trade(seen, 70, 1, TRADE_BUY, 1, 100);
	trade(seen, 70, 2, TRADE_SELL, 1, 100);
	take(seen, money_of(70, 3, -5, 0, 0));
	assert_int_equal(seen->closed, 2);
	assert_int_equal(seen->last.commission, -5);
	assert_int_equal(seen->last.closed_us, at_us(2));
}

static void a_fill_after_the_close_opens_it_with_the_sums_it_had(void **state)
{
	struct seen *seen = *state;
	trade(seen, 70, 1, TRADE_BUY, 1, 100);
	trade(seen, 70, 2, TRADE_SELL, 1, 110);
	trade(seen, 70, 4, TRADE_BUY, 2, 103);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(trades_open(seen->trades), 1);
	assert_int_equal(find(seen, 70)->open_volume, 2);
	trade(seen, 70, 5, TRADE_SELL, 2, 104);
	assert_int_equal(seen->closed, 2);
	assert_int_equal(seen->last.volume_in, 3);
	assert_int_equal(seen->last.deals, 4);
	assert_int_equal(trade_mean_price(seen->last.value_in, 3), 102);
}

static void the_stops_are_the_last_known_by_time(void **state)
{
	struct seen *seen = *state;
	struct trade_deal first = deal_of(70, 1, TRADE_BUY, 1, 100);
	struct trade_deal second = deal_of(70, 2, TRADE_BUY, 1, 100);
	first.has_sl = first.has_tp = second.has_sl = true;
	first.sl = 90;
	first.tp = 120;
	second.sl = 95;
	take(seen, second);
	take(seen, first);
	assert_true(find(seen, 70)->has_sl && find(seen, 70)->has_tp);
	assert_int_equal(find(seen, 70)->sl, 95);
	assert_int_equal(find(seen, 70)->tp, 120);
}

static void a_deal_of_no_position_is_nobodys(void **state)
{
	struct seen *seen = *state;
	char name[TRADE_NAME_MAX + 1];
	memset(name, 'x', sizeof name);
	struct trade_deal bad[] = {
		deal_of(0, 1, TRADE_NONE, 0, 0),  deal_of(-1, 1, TRADE_BUY, 1, 1),
		deal_of(70, 1, TRADE_BUY, -1, 1), deal_of(70, 1, TRADE_BUY, 1, 1),
		deal_of(70, 1, TRADE_BUY, 1, 1),
	};
	bad[3].instance = STR("");
	bad[4].symbol = str_make(name, sizeof name);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(trades_take(seen->trades, &bad[i]), STATUS_INVALID);
	assert_int_equal(trades_counts(seen->trades).invalid, ARRAY_LEN(bad));
	assert_int_equal(trades_open(seen->trades), 0);
}

static void a_sum_that_leaves_its_range_leaves_the_trade_as_it_was(void **state)
{
	struct seen *seen = *state;
	struct trade_deal deal = deal_of(70, 1, TRADE_BUY, INT64_MAX, INT64_MAX);
	deal.commission = INT64_MIN;
	take(seen, deal);
	struct trade_sum before = *find(seen, 70);
	struct trade_deal bad[] = {
		money_of(70, 2, -1, 0, 0),
		deal_of(70, 3, TRADE_BUY, 1, 1),
		deal_of(70, 4, TRADE_NONE, 0, 0),
	};
	bad[2].commission = -1;
	bad[2].pnl = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(trades_take(seen->trades, &bad[i]), STATUS_RANGE);
	assert_memory_equal(&before, find(seen, 70), sizeof before);
	assert_int_equal(trades_counts(seen->trades).range, ARRAY_LEN(bad));
	struct trade_deal back = deal_of(70, 5, TRADE_SELL, INT64_MAX, INT64_MIN);
	take(seen, back);
	assert_int_equal(seen->closed, 1);
	assert_int_equal(trade_mean_price(seen->last.value_in, INT64_MAX), INT64_MAX);
	assert_int_equal(trade_mean_price(seen->last.value_out, INT64_MAX), INT64_MIN);
}

/* ---- means ---- */

/* Half away from zero, by doubling: |2 value + volume| ÷ 2 volume, cut. */
static int64_t mean_another_way(i128 value, int64_t volume)
{
	i128 size = value < 0 ? -value : value;
	i128 mean = (2 * size + volume) / (2 * (i128)volume);
	return (int64_t)(value < 0 ? -mean : mean);
}

static void a_mean_is_rounded_half_away_from_zero(void **state)
{
	(void)state;
	assert_int_equal(trade_mean_price(7, 2), 4);
	assert_int_equal(trade_mean_price(-7, 2), -4);
	assert_int_equal(trade_mean_price(10, 3), 3);
	assert_int_equal(trade_mean_price(-11, 3), -4);
	assert_int_equal(trade_mean_price(5, 0), 0);
	assert_int_equal(trade_mean_price((i128)INT64_MAX * INT64_MAX, INT64_MAX), INT64_MAX);
	struct rng rng;
	rng_init(&rng, 7);
	for (int i = 0; i < 20000; i++) {
		int64_t volume = 1 + (int64_t)rng_below(&rng, i % 2 ? 9 : UINT64_C(1) << 40);
		i128 value = (i128)rng_below(&rng, UINT64_C(1) << 50) * (i % 3 ? 1 : -1);
		assert_int_equal(trade_mean_price(value, volume), mean_another_way(value, volume));
	}
}

/* ---- any order ---- */

/* The sums, made in order of time from nothing but the deals. */
struct oracle {
	int64_t buy, sell, money;
	i128 bought, sold;
	int64_t first_us, last_us, sl, tp;
	enum trade_side side;
};

static int by_time(const void *a, const void *b)
{
	const struct trade_deal *x = a, *y = b;
	if (x->event_us != y->event_us)
		return x->event_us < y->event_us ? -1 : 1;
	return x->deal < y->deal ? -1 : x->deal > y->deal;
}

static struct oracle oracle_of(const struct trade_deal *deals, size_t count)
{
	struct trade_deal sorted[8];
	struct oracle oracle = { 0 };
	memcpy(sorted, deals, count * sizeof *deals);
	qsort(sorted, count, sizeof *sorted, by_time);
	for (size_t i = 0; i < count; i++) {
		const struct trade_deal *deal = &sorted[i];
		oracle.money += deal->commission + deal->swap + deal->fee + deal->pnl;
		oracle.sl = deal->has_sl ? deal->sl : oracle.sl;
		oracle.tp = deal->has_tp ? deal->tp : oracle.tp;
		if (deal->side == TRADE_NONE)
			continue;
		oracle.side = oracle.side ? oracle.side : deal->side;
		oracle.first_us = oracle.first_us ? oracle.first_us : deal->event_us;
		oracle.last_us = deal->event_us;
		*(deal->side == TRADE_BUY ? &oracle.buy : &oracle.sell) += deal->volume;
		*(deal->side == TRADE_BUY ? &oracle.bought : &oracle.sold) +=
		    (i128)deal->volume * deal->price;
	}
	return oracle;
}

static void agree(const struct trade_sum *sum, const struct oracle *oracle, size_t count)
{
	bool buy = oracle->side == TRADE_BUY;
	assert_int_equal(sum->side, oracle->side);
	assert_int_equal(sum->open_volume, oracle->buy - oracle->sell);
	assert_int_equal(sum->volume_in, buy ? oracle->buy : oracle->sell);
	assert_int_equal(sum->volume_out, buy ? oracle->sell : oracle->buy);
	assert_true(sum->value_in == (buy ? oracle->bought : oracle->sold));
	assert_true(sum->value_out == (buy ? oracle->sold : oracle->bought));
	assert_int_equal(sum->commission + sum->swap + sum->fee + sum->pnl, oracle->money);
	assert_int_equal(sum->opened_us, oracle->first_us);
	assert_int_equal(sum->closed_us, oracle->last_us);
	assert_int_equal(sum->sl, oracle->sl);
	assert_int_equal(sum->tp, oracle->tp);
	assert_int_equal(sum->deals, count);
}

static struct trade_deal random_deal(struct rng *rng, int64_t ticket)
{
	struct trade_deal deal =
	    deal_of(70, ticket, (enum trade_side)rng_below(rng, 3), 1 + (int64_t)rng_below(rng, 3),
		    (int64_t)rng_below(rng, 2000) - 500);
	deal.event_us = at_us(1 + (int64_t)rng_below(rng, 4)); /* often the same */
	deal.commission = (int64_t)rng_below(rng, 100) - 50;
	deal.swap = (int64_t)rng_below(rng, 100) - 50;
	deal.fee = (int64_t)rng_below(rng, 10);
	deal.pnl = (int64_t)rng_below(rng, 1000) - 500;
	deal.has_sl = rng_below(rng, 2);
	deal.has_tp = rng_below(rng, 2);
	deal.sl = (int64_t)rng_below(rng, 1000);
	deal.tp = (int64_t)rng_below(rng, 1000);
	if (deal.side == TRADE_NONE)
		deal.volume = 0;
	return deal;
}

/* The last deal brings the volume back to 0, or the first two are a buy and a sell. */
static void close_it(struct trade_deal *deals, size_t count)
{
	int64_t left = 0;
	deals[count - 1].side = TRADE_NONE;
	for (size_t i = 0; i < count; i++)
		left += deals[i].side == TRADE_BUY    ? deals[i].volume
			: deals[i].side == TRADE_SELL ? -deals[i].volume
						      : 0;
	deals[count - 1].side = left > 0 ? TRADE_SELL : TRADE_BUY;
	deals[count - 1].volume = left > 0 ? left : left < 0 ? -left : 1;
	if (!left) {
		deals[0].side = TRADE_SELL;
		deals[0].volume = 1;
		for (size_t i = 1; i + 1 < count; i++)
			deals[i].side = TRADE_NONE;
	}
	for (size_t i = 0; i < count; i++)
		if (deals[i].side == TRADE_NONE)
			deals[i].volume = 0;
}

/* Each order of the deals (Heap's), each time from nothing. */
static uint32_t each_order(struct seen *seen, struct trade_deal *deals, size_t count)
{
	size_t turns[8] = { 0 };
	struct oracle oracle = oracle_of(deals, count);
	struct trade_sum first;
	uint32_t orders = 0;
	for (size_t i = 0; i < count;) {
		if (i == 0 || orders == 0) {
			trades_clear(seen->trades);
			trades_old_end(seen->trades);
			for (size_t k = 0; k < count; k++)
				take(seen, deals[k]);
			agree(find(seen, 70), &oracle, count);
			agree(&seen->last, &oracle, count);
			if (!orders++)
				first = seen->last;
			assert_memory_equal(&first, &seen->last, sizeof first);
			i = 1;
		}
		if (turns[i] >= i) {
			turns[i++] = 0;
			continue;
		}
		size_t with = i % 2 ? turns[i] : 0;
		struct trade_deal deal = deals[i];
		deals[i] = deals[with];
		deals[with] = deal;
		turns[i]++;
		i = 0;
	}
	return orders;
}

static void every_order_of_the_deals_makes_the_same_row(void **state)
{
	struct seen *seen = *state;
	struct rng rng;
	rng_init(&rng, 11);
	for (int round = 0; round < 12; round++) {
		struct trade_deal deals[8];
		size_t count = 2 + rng_below(&rng, 4);
		for (size_t i = 0; i < count; i++)
			deals[i] = random_deal(&rng, 1 + (int64_t)i);
		close_it(deals, count);
		static const uint32_t factorial[] = { 1, 1, 2, 6, 24, 120 };
		assert_int_equal(each_order(seen, deals, count), factorial[count]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TRADES(a_trade_is_closed_when_its_volume_is_back_at_0),
		WITH_TRADES(partial_fills_are_one_trade_at_their_mean_price),
		WITH_TRADES(positions_of_a_hedging_account_are_trades_of_their_own),
		WITH_TRADES(a_closeby_closes_both_positions_with_a_deal_each),
		WITH_TRADES(a_netted_reversal_goes_on_as_the_same_trade),
		WITH_TRADES(deals_without_volume_move_money_alone),
		WITH_TRADES(money_before_any_volume_waits_for_its_trade),
		WITH_TRADES(a_late_commission_tells_the_closed_row_again),
		WITH_TRADES(a_fill_after_the_close_opens_it_with_the_sums_it_had),
		WITH_TRADES(the_stops_are_the_last_known_by_time),
		WITH_TRADES(a_deal_of_no_position_is_nobodys),
		WITH_TRADES(a_sum_that_leaves_its_range_leaves_the_trade_as_it_was),
		cmocka_unit_test(a_mean_is_rounded_half_away_from_zero),
		WITH_TRADES(every_order_of_the_deals_makes_the_same_row),
	};
	return cmocka_run_group_tests_name("trades", tests, NULL, NULL);
}
