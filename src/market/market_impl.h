/* market_impl.h - what the files of a market share; nobody else includes it.
 *
 * Minutes lie in a ring of 73 hours × 60: a window of 72 h touches at most 73
 * hours of the clock, and an hour's slot is emptied for the hour 73 later. Each
 * hour keeps the sums of its minutes and, as 60-bit masks, what is known of them.
 * Minutes that leave the 72 h are never subtracted: an hour's sums are used only
 * where the whole hour is asked for, and then all of it is inside.
 *
 * A minute is numbered by t_ms / 60,000, an hour by minute / 60. */
#pragma once

#include "base/check.h"
#include "market/market.h"

enum {
	HOUR_MINUTES = 60,
	HOURS = MARKET_MINUTES / HOUR_MINUTES + 1,
	LARGEST_HOURS = 25,  /* hours of the clock that 24 h touch */
	LARGEST_STORED = 24, /* large trades that go into the stored state */
};

/* An hour's base sum stays below this, so that 73 of them fit an int64. */
#define HOUR_BASE_MAX  ((int64_t)1 << 56)
#define HOUR_QUOTE_MAX ((i128)1 << 119)
/* Event times that are taken: from minute 1 (0 is "none") up to the year 9999. */
#define T_MS_MIN ((int64_t)MINUTE_MS)
#define T_MS_MAX INT64_C(253402300799999)
#define ID_MAX   (INT64_C(1) << 62)

/* first_key and last_key say whose price is open and close: the ordered id, or the
 * event time where ids are not ordered. */
struct minute {
	struct flow flow;
	int64_t open, high, low, close;
	int64_t first_key, last_key;
};

_Static_assert(sizeof(struct minute) <= 128, "40 markets x 73 h have to fit 60 MB");

/* Masks: bit i is minute i of the hour. */
struct hour {
	uint64_t held;    /* has trades or klines: its struct minute is valid */
	uint64_t known;   /* held, or proved to have had no trade */
	uint64_t partial; /* trades may be missing */
	uint64_t lost;    /* partial, and no repair can complete it */
	uint64_t klines;  /* taken from klines: holds all of its trades */
	uint64_t agreed;  /* a kline came to what was held of it */
	uint64_t repaired;
	struct flow flow;  /* over the held minutes, like high and low */
	int64_t high, low; /* 0 0 when nothing is held */
};

struct largest_hour {
	int64_t number;
	uint32_t n;
	struct large_trade trades[MARKET_LARGEST]; /* largest first */
};

/* Which kind of trade stream counts. */
enum stream { STREAM_ANY, STREAM_TRADE, STREAM_AGGREGATED };

/* A trade on its way in: the event without its text. */
struct incoming {
	struct decimal price, qty;
	int64_t t_ms, id, seq; /* id: ordered, or -1 */
	uint64_t hash;         /* of the unordered id */
	uint8_t side, stream;
	bool repair, taped; /* taped: out of our own tape, which holds each trade once */
};

/* Its price and quantity at the scales that it and the market need together. */
struct fit {
	int64_t price, qty;
	int32_t price_scale, qty_scale;
	bool raise; /* the market has to rise to them */
};

struct market {
	struct market_id id;
	struct market_config config;
	bool ordered;      /* the venue's ids are consecutive */
	uint8_t stream;    /* enum stream */
	bool stream_fixed; /* this input has shown its kind */
	bool interrupted;  /* minutes since the newest trade cannot be proved */
	bool resumed;      /* ids unordered, from a state: no trade was told since */
	bool held_ready;   /* held_trade waits to be fetched */
	int32_t price_scale, qty_scale;
	int64_t newest_ms;
	int64_t newest_minute, first_minute; /* numbers; 0: none */
	int64_t newest_hour_ms;              /* start of the newest hour */
	int64_t changed_minute; /* oldest one that changed since the owner asked; INT64_MAX */
	int64_t noted_minute;   /* the same of what the owner was told and no watcher yet */
	i128 whale_limit;       /* of notional, at the scales */
	i128 notice_limit;      /* a trade below it is neither a whale nor among the largest */
	struct market_counts counts;
	struct seen_ordered seen;
	struct seen_ids *seen_ids; /* where ids are not ordered */
	struct incoming ahead;     /* waits for a second trade to confirm its time; t_ms 0: none */
	struct trade held_trade;   /* the one that was confirmed */
	struct incoming stray;     /* the last one whose id and time did not fit each other */
	uint32_t n_strays;         /* in a row that fit each other */
	int64_t proved_to;         /* minutes before it need no kline any more; 0: none does */
	struct book *book;
	struct rates *rates;
	struct series *series[SERIES_TIMEFRAMES_MAX]; /* the kept ones first; then NULL */
	void *attachment;
	uint32_t n_klines; /* that wait for their minute's last trades */
	struct event_kline klines[MARKET_KLINES_WAITING];
	uint32_t n_whales, next_whale;
	struct large_trade whales[MARKET_WHALES];
	struct largest_hour largest[LARGEST_HOURS];
	struct hour hours[HOURS];
	struct minute minutes[HOURS * HOUR_MINUTES];
};

static inline int64_t minute_of(int64_t t_ms) { return t_ms / MINUTE_MS; }
static inline int64_t oldest_minute(const struct market *market)
{
	int64_t oldest = market->newest_minute - (MARKET_MINUTES - 1);
	return oldest > 0 ? oldest : 0;
}
static inline bool minute_retained(const struct market *market, int64_t minute)
{
	return minute <= market->newest_minute && minute >= oldest_minute(market);
}
static inline size_t hour_index(int64_t minute) { return (size_t)(minute / HOUR_MINUTES % HOURS); }
static inline size_t minute_index(int64_t minute)
{
	return hour_index(minute) * HOUR_MINUTES + (size_t)(minute % HOUR_MINUTES);
}
static inline uint64_t minute_bit(int64_t minute) { return (uint64_t)1 << (minute % HOUR_MINUTES); }
static inline void minute_changed(struct market *market, int64_t minute)
{
	if (minute < market->changed_minute)
		market->changed_minute = minute;
}
/* Bits from..to (inclusive) of an hour. */
static inline uint64_t bits_between(int64_t from, int64_t to)
{
	return (~(uint64_t)0 >> (63 - to)) & (~(uint64_t)0 << from);
}

/* Walks [from, to] hour by hour: the bits of the hour of *from that lie inside, with
 * *from moved past them; 0 at the end. */
static inline uint64_t span_next(int64_t *from, int64_t to, size_t *hour)
{
	if (*from > to)
		return 0;
	int64_t first = *from % HOUR_MINUTES;
	int64_t end = *from - first + HOUR_MINUTES - 1; /* the hour's last minute */
	*hour = hour_index(*from);
	uint64_t bits = bits_between(first, (end < to ? end : to) % HOUR_MINUTES);
	*from = end + 1;
	return bits;
}

/* ---- minutes.c: the ring ---- */

/* Makes `minute` the newest; what lies between holds nothing and is known (to have
 * had no trade) when `proved`. */
void minutes_advance(struct market *market, int64_t minute, bool proved);
/* Whether a trade of qty fits the sums of its hour. */
bool minutes_fit(const struct market *market, int64_t minute, uint8_t side, int64_t qty);
void minutes_add(struct market *market, int64_t minute, int64_t key, uint8_t side,
		 const struct fit *fit, i128 notional);
/* Puts a whole minute, not held before, into the ring; RANGE when its hour is full. */
MUST_CHECK enum status minutes_put(struct market *market, int64_t minute, const struct minute *from,
				   uint32_t flags);
/* Takes a held minute out again. */
void minutes_remove(struct market *market, int64_t minute);
uint32_t minutes_flags(const struct market *market, int64_t minute); /* enum bar_flag */
/* The next held minute at or after `minute`, the last one at or before; -1: none. */
int64_t minutes_next_held(const struct market *market, int64_t minute);
int64_t minutes_previous_held(const struct market *market, int64_t minute);

/* The highest ordered id of a held minute; -1 where there is none. */
int64_t minutes_last_id(const struct market *market, int64_t minute);

/* ---- minutes_flags.c: what is known of minutes; spans are cut to the 72 h ---- */

/* Minutes that are from klines hold everything and stay as they are. Where ids are not
 * ordered a minute that was believed empty is not known any more. */
void minutes_mark_lost(struct market *market, int64_t from, int64_t to);
void minutes_mark_partial(struct market *market, int64_t from, int64_t to);
void minutes_mark_known(struct market *market, int64_t from, int64_t to, bool known);
/* Ids [range] are all there again: its minutes are complete where no other range
 * touches them and nothing was lost. */
void minutes_close_range(struct market *market, const struct seen_range *range);
/* Bits of the hour that begins at minute `start` which open ranges of ids touch. */
uint64_t minutes_open_bits(const struct market *market, int64_t start);
/* A minute that the range touches lost a trade for good. */
bool minutes_spoiled(const struct market *market, const struct seen_range *range);
/* The first minute of the state turned out not to be: it is partial only where
 * something else says so. */
void minutes_clear_first(struct market *market, int64_t minute);

/* ---- scales.c ---- */

/* False: out of range. */
bool scales_fit(const struct market *market, const struct incoming *in, struct fit *out);
/* Whether everything held can be brought to the scales, with room for qty_more. */
bool scales_can_raise(const struct market *market, int32_t price_scale, int32_t qty_scale,
		      int64_t qty_more);
void scales_raise(struct market *market, int32_t price_scale, int32_t qty_scale);

/* ---- large.c ---- */

void large_limits(struct market *market); /* after the scales, the hour or the lists changed */
void large_take(struct market *market, const struct large_trade *trade);
void large_put(struct market *market, const struct large_trade *trade);
void large_put_whale(struct market *market, const struct large_trade *trade);
/* Of the last 24 h, largest first. */
size_t large_list(const struct market *market, struct large_trade *out, size_t cap);

static inline i128 large_notional(const struct large_trade *trade)
{
	return (i128)trade->price * trade->qty;
}

/* ---- market_restore.c ---- */

/* Says of the minutes on either side of a held one, up to its neighbours, whether
 * they are proved empty: by ids, or by there having been no interruption. */
void minutes_join(struct market *market, int64_t minute);
/* A partial minute that may become complete again: a range that can be filled
 * touches it, or it is the first of the state. */
bool minutes_repairable(const struct market *market, int64_t minute);

/* ---- klines.c ---- */

/* Looks at the klines whose minute can get no more trades. Scales stay. */
void klines_settle(struct market *market);

/* ---- take.c ---- */

enum market_taken market_take_incoming(struct market *market, const struct incoming *in,
				       struct trade *out);
