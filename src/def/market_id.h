/* market_id.h - the name of a market, `venue:kind:SYMBOL` outside
 * ("binance:perp:BTCUSDT"), three fields inside. By value. Any thread. */
#pragma once

#include "base/buf.h"

enum venue {
#define VENUE(name, text, title) VENUE_##name,
#include "def/venues.def"
#undef VENUE
	VENUE_COUNT
};

enum kind {
#define KIND(name, text) KIND_##name,
#include "def/venues.def"
#undef KIND
	KIND_COUNT
};

enum { SYMBOL_MAX = 23 };

struct market_id {
	uint8_t venue;               /* enum venue */
	uint8_t kind;                /* enum kind */
	char symbol[SYMBOL_MAX + 1]; /* upper-case A-Z 0-9 - _ ., NUL-padded */
};

const char *venue_text(enum venue venue);
const char *venue_title(enum venue venue);
const char *kind_text(enum kind kind);
/* Symbol as a slice, checked: 1..23 of A-Z 0-9 - _ . (lower case is raised). */
MUST_CHECK enum status market_id_make(enum venue venue, enum kind kind, struct str symbol,
				      struct market_id *out);
/* "binance:perp" */
MUST_CHECK enum status market_id_parse_source(struct str text, enum venue *venue, enum kind *kind);
MUST_CHECK enum status market_id_parse(struct str text, struct market_id *out);
void market_id_print(struct buf *buf, const struct market_id *id);
bool market_id_eq(const struct market_id *a, const struct market_id *b);
int market_id_cmp(const struct market_id *a, const struct market_id *b); /* as the texts sort */
/* Base and quote asset by the known quote suffixes (USDT, USDC, FDUSD, USD, BTC,
 * ETH, EUR, …): "ETHUSDT" -> "ETH", "USDT". An unknown one gives all and "". */
void market_id_assets(const struct market_id *id, struct str *base, struct str *quote);
/* Quoted in USD or a coin that is held at one (USDT, USDC, FDUSD, TUSD, BUSD): quote units
 * of such markets may be added up. */
bool market_id_is_dollar(const struct market_id *id);
