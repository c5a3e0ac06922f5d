/* market_stage.h - one market on a stage of its own for the tests of its rules: made by a
 * setup for ordered ids (Binance) or unordered ones (Bybit), gone after the test. Included
 * behind cmocka. */
#pragma once

#include "market/market.h"

#ifndef STAGE_WHALE_QUOTE
#define STAGE_WHALE_QUOTE 1000000
#endif

static struct market *market;
static struct trade out;

static void make(enum venue venue)
{
	struct market_config config = { .whale_quote = STAGE_WHALE_QUOTE };
	struct market_id id;
	assert_int_equal(market_id_make(venue, KIND_PERP, STR("ETHUSDT"), &id), STATUS_OK);
	market = market_create(&id, &config);
	assert_non_null(market);
}

static inline int make_ordered(void **state)
{
	(void)state;
	make(VENUE_BINANCE);
	return 0;
}

static inline int make_unordered(void **state)
{
	(void)state;
	make(VENUE_BYBIT);
	return 0;
}

static inline int drop(void **state)
{
	(void)state;
	market_destroy(market);
	return 0;
}
