/* rest_json.h - answers of the venues' REST interfaces, read. Socket-free.
 *
 * Each call takes a body (64 readable bytes behind it) and gives rows to a function,
 * oldest first whatever order the venue uses, as the events that streams give, so
 * that one path takes them. A row that names no symbol gives an event without one: the
 * asker knows it. Decimals are exact. What an event points to lives during the call of
 * the function, which must not ask the reader again. A row that cannot be read ends the
 * call with FORMAT: rows before it were given. So does a body that is not JSON, that is
 * longer than REST_BODY_MAX or has more rows than REST_ROWS_MAX, and one that is an
 * error of the venue's instead of an answer. Facts: the venues' public documents, 2026
 * (market.md 1). One reader, one thread. */
#pragma once

#include "codec/event.h"

enum {
	REST_BODY_MAX = 8 << 20, /* Binance's futures exchangeInfo is some MB */
	REST_ROWS_MAX = 2000,    /* of trades, klines, open interest: no venue gives more */
};

struct rest_reader; /* the parser's scratch: 170 MB of address space, touched as bodies need it */

struct rest_reader *rest_reader_create(void); /* NULL: out of memory */
void rest_reader_destroy(struct rest_reader *reader);
/* What was wrong with the body of the last call, a static text; "" when nothing was. */
const char *rest_reader_why(const struct rest_reader *reader);

typedef void (*rest_event_fn)(void *ctx, const struct event *event);

/* Binance aggTrades, Bybit recent-trade: EVENT_TRADE. Bybit's execId is the stream's i. */
MUST_CHECK enum status rest_read_trades(struct rest_reader *reader, enum venue venue,
					struct str body, rest_event_fn fn, void *ctx);
/* Klines of `minutes` (Binance says when one ends: another length is FORMAT): EVENT_KLINE.
 * `closed` is true for those that end by now_ms, the venue's time. */
struct rest_klines {
	enum venue venue;
	int32_t minutes;
	int64_t now_ms;
};
MUST_CHECK enum status rest_read_klines(struct rest_reader *reader, const struct rest_klines *ask,
					struct str body, rest_event_fn fn, void *ctx);
/* openInterest, openInterestHist, Bybit open-interest (both sides unless the row has the
 * one-sided figure too): EVENT_OI. */
MUST_CHECK enum status rest_read_oi(struct rest_reader *reader, enum venue venue, struct str body,
				    rest_event_fn fn, void *ctx);
/* A depth snapshot (Binance): EVENT_DEPTH. t_ms is 0 where the venue says no time (spot). */
MUST_CHECK enum status rest_read_depth(struct rest_reader *reader, struct str body,
				       rest_event_fn fn, void *ctx);

struct rest_instrument {
	struct str symbol;
	bool trading;
	struct decimal tick, lot;     /* mantissa 0: not said */
	int64_t listed_ms;            /* 0: not said */
	int32_t funding_interval_min; /* 0: not said */
};
typedef void (*rest_instrument_fn)(void *ctx, const struct rest_instrument *instrument);
/* exchangeInfo, instruments-info: in the venue's order. */
MUST_CHECK enum status rest_read_instruments(struct rest_reader *reader, enum venue venue,
					     struct str body, rest_instrument_fn fn, void *ctx);
/* Binance fundingInfo: symbol and funding_interval_min only. */
MUST_CHECK enum status rest_read_funding_info(struct rest_reader *reader, struct str body,
					      rest_instrument_fn fn, void *ctx);
