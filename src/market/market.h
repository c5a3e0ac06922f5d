/* market.h - one market: exact minutes by event time, and what follows from them.
 *
 * Holds MARKET_MINUTES minutes of fixed size; memory is flat after create. Prices
 * and quantities are integers at the market's scales, which start at 0 and rise
 * (exactly, all minutes rescaled) when a trade brings more digits. Time is the
 * venue's event time; "now" of a market is its newest event time. Every trade is
 * counted once (seen.h). Core: no I/O, no clock. One thread. */
#pragma once

#include "codec/bars.h"
#include "codec/event.h"
#include "market/book.h"
#include "market/rates.h"
#include "market/seen.h"
#include "market/series.h"

enum {
	MARKET_MINUTES = 4320,     /* 72 h */
	MARKET_LATE_MS = 5000,     /* a trade farther behind the newest is late */
	MARKET_PROOF_MS = 3000,    /* a minute's kline may come so much later than its trades */
	MARKET_JUMP_MS = 86400000, /* a trade farther ahead waits for a second one */
	MARKET_LARGEST = 10,       /* largest trades kept, of the last 24 h */
	MARKET_WHALES = 16,        /* whale trades kept, newest */
	MINUTE_MS = 60000,
};

struct market_config {
	int64_t whale_quote; /* whole quote units; default 500,000 */
	bool simulated;      /* data comes from the simulator: everything printed says so */
	int32_t indicators[SERIES_TIMEFRAMES_MAX]; /* timeframes kept, in minutes; 0: none */
	enum ta_convention convention;             /* of the indicators */
};

enum market_taken {
	MARKET_NEW,       /* counted in its minute; goes to the tape */
	MARKET_LATE,      /* new, but too late for its minute; goes to the tape */
	MARKET_DUPLICATE, /* seen before */
	MARKET_SKIPPED,   /* left out of flow: block trade, the other of trade/aggTrade */
	MARKET_REFUSED,   /* cannot be held: out of range at the market's scales, or id/time absurd:
			   * older than the 72 h, or against the order of ids and times */
	MARKET_HELD,      /* far ahead in time or id: kept back until the next trade bears it out */
};

struct market_counts {   /* since create; restored ones are not added */
	uint64_t trades; /* new + late */
	uint64_t duplicates, late, skipped, refused;
	uint64_t presumed; /* of the duplicates: too old to be told from new (seen.h, floor_ms) */
	uint64_t gaps;     /* jumps of ordered ids */
	uint64_t klines_agreed, klines_taken, klines_differ; /* minutes; waiting ones later */
	uint64_t klines_forgotten; /* pushed out of the room for waiting ones */
	int64_t first_ms,
	    last_ms; /* oldest and newest event time of the trades newly taken; 0: none */
};

/* Sums over a range of minutes. */
struct flow {
	int64_t buy, sell;          /* base × 10^qty_scale */
	i128 buy_quote, sell_quote; /* × 10^(price_scale + qty_scale) */
	uint64_t n_buy, n_sell;
};

struct window {
	struct flow flow;
	int64_t open, high, low, close; /* of the minutes with trades; 0 when none */
	int32_t minutes;                /* asked for */
	int32_t present; /* minutes known: traded in, or proved empty, or from klines */
	int32_t partial, klines, repaired;
	int64_t from_ms, to_ms; /* first minute's start, last minute's end */
};

/* A trade worth remembering. */
struct large_trade {
	int64_t t_ms, price, qty; /* at the market's scales */
	uint8_t side;
};

struct market;

struct market *market_create(const struct market_id *id, const struct market_config *config);
void market_destroy(struct market *market);

const struct market_id *market_id(const struct market *market);
bool market_simulated(const struct market *market);
void market_scales(const struct market *market, int32_t *price_scale, int32_t *qty_scale);
const struct market_counts *market_counts(const struct market *market);
int64_t market_newest_ms(const struct market *market); /* 0: no trade yet */
struct book *market_book(struct market *market);
struct rates *market_rates(const struct market *market); /* never NULL */

/* Takes a trade. NEW or LATE: *out is the trade at the market's scales. The scales
 * may have risen: compare market_scales before packing *out. Cost ≈ 20 ns.
 *
 * A late trade is left out of its minute, which is partial for good. A trade of a
 * minute taken from klines is in its sums already and changes nothing there.
 *
 * HELD: more than MARKET_JUMP_MS ahead of the newest event (or 20,000 ids ahead): one
 * absurd frame must not wipe 72 h. The next trade decides: near it in time, both
 * count, and market_held_trade gives the first; otherwise it counts as refused.
 *
 * The kind of stream (trade or aggTrade) that a market's input shows first counts.
 * After a restore another kind may take over, from the newest event on. */
enum market_taken market_take_trade(struct market *market, const struct event_trade *event,
				    int64_t t_ms, struct trade *out);
/* The same for trades asked for again to close a gap: however late, they count in
 * their minute (within the 72 h), which says repaired once its range is complete. Where
 * ids are not ordered (Bybit's recent-trade) a trade that proves new shows that its
 * minute missed some: it is partial until a kline agrees. */
enum market_taken market_repair_trade(struct market *market, const struct event_trade *event,
				      int64_t t_ms, struct trade *out);
/* After a trade was taken: true when one held back was counted before it, and goes
 * to the tape before it. Gives it once. */
bool market_held_trade(struct market *market, struct trade *out);
/* The ranges of ordered ids that are missing, ascending: what a repair asks for. */
size_t market_missing(const struct market *market, struct seen_range *out, size_t cap);
/* Ids of the range are asked for no more: those still missing count as seen, and the
 * minutes the range touches stay partial unless klines complete them. Minutes that
 * klines have brought already stay as they are. */
void market_give_up(struct market *market, const struct seen_range *range);
/* Minutes, ended by `before_ms`, of which not everything is known and which a kline
 * could complete: the oldest span of at most `minutes_max` that begins with one and
 * ends with one, first and last minute's start in ms. From `from_ms` on, back to 72 h
 * before the newest event (and before_ms): minutes before the first one held count too.
 *
 * Minutes that an open range of missing ids touches are not wanted: ids will say, or be
 * given up. Minutes after the newest event are wanted only while ids were never seen
 * (cold start): later, the next trade tells of them. Where ids are not ordered: only
 * minutes from the first one on that can get no more trades. */
struct minute_span {
	int64_t first_ms, last_ms;
};
bool market_wanted(const struct market *market, int64_t from_ms, int64_t before_ms,
		   int32_t minutes_max, struct minute_span *out);
/* A closed minute of the venue.
 *
 * Where trades may be missing: AGREED, they come to its volume, and the minute is
 * complete; TAKEN, its numbers replace them and the minute says klines (venues that
 * tell the takers' part only: such a kline is final whenever it comes). From a minute
 * of klines on an empty market the 72 h begin (cold start, oldest first; the other way
 * round, after trades, does as well).
 *
 * Where ids are not ordered, a minute believed complete whose volume is another is
 * partial from now on (DIFFERS) until a kline agrees. Ordered ids prove a minute, and
 * it stays.
 *
 * WAITING: a kline without the takers' part of a minute that can still get trades
 * (until the newest event is MARKET_LATE_MS past its end): Bybit confirms at once, its
 * last trades may come behind. At most MARKET_KLINES_WAITING wait, of a minute the last
 * one that came; the oldest minute is forgotten when there are more. What became of
 * them is in the counts. Not stored: after a restart the owner asks for them again. */
enum { MARKET_KLINES_WAITING = 4 };
enum market_kline {
	MARKET_KLINE_IGNORED, /* nothing to say about the minute, or not a closed one */
	MARKET_KLINE_AGREED,
	MARKET_KLINE_TAKEN,
	MARKET_KLINE_DIFFERS,
	MARKET_KLINE_WAITING,
};
enum market_kline market_take_kline(struct market *market, const struct event_kline *kline);
/* Where ids are not ordered and klines of every minute are to come: from the first call on
 * a minute of which no kline has said the same is partial until one does. The kline may
 * come until the newest event is MARKET_LATE_MS + MARKET_PROOF_MS past the minute's end.
 * Call it now and then. */
void market_want_proof(struct market *market);
/* The stream was interrupted where ids cannot prove a gap (Bybit): the minute of
 * the newest event, and the next one traded in, are partial. */
void market_mark_interrupted(struct market *market);

/* One pointer for the owner of what is kept beside a market (the store's slot). */
void market_attach(struct market *market, void *attachment);
void *market_attachment(const struct market *market);
/* From now on everything printed of this market says SIMULATED. */
void market_mark_simulated(struct market *market);

/* ---- questions; all are O(minutes / 60 + 60) or better ---- */

/* The last `minutes` minutes (1..MARKET_MINUTES) up to and including the one of
 * the newest event. */
void market_window(const struct market *market, int32_t minutes, struct window *out);
/* The same, ending `back` minutes earlier. */
void market_window_back(const struct market *market, int32_t minutes, int32_t back,
			struct window *out);
/* CVD (base, quote) from the first minute held; *origin_ms is that minute. */
void market_cvd(const struct market *market, i128 *base, i128 *quote, int64_t *origin_ms);
/* Aligned bars of `minutes` minutes each, oldest first, at most cap, the last one
 * being the open bar of the newest event. Returns how many. flags has BAR_PARTIAL
 * when a minute of it is partial or missing. cvd (may be NULL) gets base CVD at
 * each bar's end. */
size_t market_bars(const struct market *market, int32_t minutes, struct bar *out, i128 *cvd,
		   size_t cap);
/* Every minute held that has trades or klines, oldest first. *cursor starts at 0;
 * false at the end. The newest minute, and the first of the state, carry
 * BAR_PARTIAL. *cvd and *cvd_quote run from the first minute. */
struct market_cursor {
	int64_t minute_ms;
	i128 cvd, cvd_quote;
};
bool market_next_minute(const struct market *market, struct market_cursor *cursor, struct bar *out);
/* The largest of the last 24 h, largest first. Of each hour of the clock ten are kept,
 * so of the hour that is just leaving the 24 h some may be missing; after a restore
 * the 24 largest are. Whales: the newest first, as they came. */
size_t market_largest(const struct market *market, struct large_trade *out, size_t cap);
size_t market_whales(const struct market *market, struct large_trade *out, size_t cap);

/* ---- state out and in ---- */

/* Everything but the closed minutes and the book, as bytes with a CRC32C, at most
 * MARKET_STATE_BYTES: version, scales, newest time, the newest minute and the one
 * before, large trades, and what was seen: the ordered ids and their missing ranges,
 * or the hashes of the last 208 unordered ids. A trade no newer than those before
 * them cannot be told from new after a restore and is presumed a duplicate. */
enum { MARKET_STATE_BYTES = 4096 };
void market_state_pack(const struct market *market, struct buf *out);
/* Into a market fresh from create, before any minute. Any bytes are survived; on an
 * error the market is as it was. */
MUST_CHECK enum status market_state_restore(struct market *market, struct str bytes);
/* Puts a stored minute back (any order, each once; outside the 72 h, or brought by
 * the state already: ignored). Without a restored state the market's scales, newest
 * time and ids follow from the bars. INVALID: no bar can be so; RANGE: too large. */
MUST_CHECK enum status market_restore_bar(struct market *market, const struct bar *bar,
					  int32_t price_scale, int32_t qty_scale);
/* Takes a trade out of the tape, after the place up to which the restored state
 * speaks: as market_take_trade did, but without asking the set of unordered ids
 * (the tape holds each trade once). */
enum market_taken market_restore_trade(struct market *market, const struct trade *trade,
				       int32_t price_scale, int32_t qty_scale);
/* The start of the oldest minute whose stored form has changed since the last call (or
 * since create), INT64_MAX when none has: what a store must write again. */
int64_t market_take_change(struct market *market);
/* The same for one who watches beside the store (the archive). May tell of the same change
 * again until the store has asked for it; never misses one. */
int64_t market_watch_change(struct market *market);
/* The minute itself, as stored (no derived flags): NOT_FOUND when not held. */
MUST_CHECK enum status market_minute(const struct market *market, int64_t minute_ms,
				     struct bar *out);
