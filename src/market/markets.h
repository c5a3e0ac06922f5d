/* markets.h - all markets of the process, found fast from frames and by what a
 * person types. Fixed bound; a market is created once and lives until destroy. */
#pragma once

#include "market/liquidations.h"
#include "market/market.h"

enum { MARKETS_MAX = 256 };

struct markets;

struct markets *markets_create(const struct market_config *config);
void markets_destroy(struct markets *markets); /* and every market */
/* The market of a frame; created when not there (FULL at MARKETS_MAX → NULL, and
 * counted). symbol as the venue wrote it. Hot: one comparison for the symbol of
 * the last call on the same venue and kind. */
struct market *markets_get(struct markets *markets, enum venue venue, enum kind kind,
			   struct str symbol);
struct market *markets_find(const struct markets *markets, const struct market_id *id);
uint64_t markets_refused(const struct markets *markets);
/* Of all venues together; lives as long as the markets. */
struct liquidations *markets_liquidations(const struct markets *markets);
/* Sorted by id text. */
size_t markets_count(const struct markets *markets);
struct market *markets_at(const struct markets *markets, size_t index);
/* What a person means by `BTC`, `btc`, `BTCUSDT` or `binance:perp:BTCUSDT`: every
 * market of that base asset (or exactly that symbol, or that id), at most cap, in
 * id order. 0: unknown. */
size_t markets_named(const struct markets *markets, struct str name, struct market **out,
		     size_t cap);
