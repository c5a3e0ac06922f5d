/* trades_stage.h - deals, trades of them, and what the hooks saw. Include after cmocka.h. */
#pragma once

#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "trade/trades.h"

#define E8                INT64_C(100000000)
#define WITH_TRADES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* ---- what the hooks saw ---- */

struct seen {
	struct trades *trades;
	struct trade_sum last; /* on_closed */
	uint32_t closed, wanted;
	const struct trade_sum *kept; /* elsewhere */
	size_t kept_count;
};

static inline void on_closed(void *ctx, const struct trade_sum *trade)
{
	struct seen *seen = ctx;
	seen->last = *trade;
	seen->closed++;
}

/* What is kept elsewhere of a position that is wanted is put. */
static inline void want(struct seen *seen, int64_t position)
{
	struct str instance = STR("mt5-017");
	if (!trades_want(seen->trades, instance, position))
		return;
	seen->wanted++;
	for (size_t i = 0; i < seen->kept_count; i++)
		if (seen->kept[i].position == position &&
		    str_eq(str_of(seen->kept[i].instance), instance))
			assert_int_equal(trades_put(seen->trades, &seen->kept[i]), STATUS_OK);
}

static inline int set_up(void **state)
{
	struct seen *seen = calloc(1, sizeof *seen);
	struct trades_hooks hooks = { on_closed, seen };
	assert_non_null(seen);
	seen->trades = trades_create(&hooks);
	assert_non_null(seen->trades);
	*state = seen;
	return 0;
}

static inline int tear_down(void **state)
{
	struct seen *seen = *state;
	trades_destroy(seen->trades);
	free(seen);
	return 0;
}

/* ---- deals ---- */

static inline struct trade_deal deal_of(int64_t position, int64_t ticket, enum trade_side side,
					int64_t volume, int64_t price)
{
	return (struct trade_deal){ .instance = STR("mt5-017"),
				    .server = STR("FPMarketsSC-Live"),
				    .symbol = STR("EURUSD"),
				    .login = 90000001,
				    .position = position,
				    .deal = ticket,
				    .side = side,
				    .volume = volume,
				    .price = price,
				    .event_us = 1784046190000000 + ticket * 1000000 };
}

static inline struct trade_deal money_of(int64_t position, int64_t ticket, int64_t commission,
					 int64_t swap, int64_t fee)
{
	struct trade_deal deal = deal_of(position, ticket, TRADE_NONE, 0, 0);
	deal.symbol = STR("");
	deal.commission = commission;
	deal.swap = swap;
	deal.fee = fee;
	return deal;
}

static inline void take(struct seen *seen, struct trade_deal deal)
{
	assert_int_equal(trades_take(seen->trades, &deal), STATUS_OK);
}

static inline void trade(struct seen *seen, int64_t position, int64_t ticket, enum trade_side side,
			 int64_t volume, int64_t price)
{
	take(seen, deal_of(position, ticket, side, volume, price));
}

static inline const struct trade_sum *find(const struct seen *seen, int64_t position)
{
	return trades_find(seen->trades, STR("mt5-017"), position);
}

static inline int64_t at_us(int64_t ticket) { return 1784046190000000 + ticket * 1000000; }
