/* A market's state as bytes. */
#include "base/crc32c.h"
#include "market/state_format.h"

static void put_uint(struct buf *out, uint64_t value, size_t bytes)
{
	char le[8];
	for (size_t i = 0; i < bytes; i++)
		le[i] = (char)(value >> (8 * i));
	buf_put(out, le, bytes);
}

static void put_i64(struct buf *out, int64_t value) { put_uint(out, (uint64_t)value, 8); }

static void put_i128(struct buf *out, i128 value)
{
	put_uint(out, (uint64_t)value, 8);
	put_uint(out, (uint64_t)((u128)value >> 64), 8);
}

static void put_trades(struct buf *out, const struct large_trade *trades, size_t n)
{
	put_uint(out, n, 1);
	for (size_t i = 0; i < n; i++) {
		put_i64(out, trades[i].t_ms);
		put_i64(out, trades[i].price);
		put_i64(out, trades[i].qty);
		put_uint(out, trades[i].side, 1);
	}
}

static void put_minute(struct buf *out, const struct market *market, int64_t minute)
{
	const struct minute *m = &market->minutes[minute_index(minute)];
	put_i64(out, minute);
	put_uint(out, minutes_flags(market, minute), 4);
	put_i64(out, m->open);
	put_i64(out, m->high);
	put_i64(out, m->low);
	put_i64(out, m->close);
	put_i64(out, m->flow.buy);
	put_i64(out, m->flow.sell);
	put_i128(out, m->flow.buy_quote);
	put_i128(out, m->flow.sell_quote);
	put_uint(out, m->flow.n_buy, 8);
	put_uint(out, m->flow.n_sell, 8);
	put_i64(out, m->first_key);
	put_i64(out, m->last_key);
}

static void put_minutes(struct buf *out, const struct market *market)
{
	int64_t from = market->newest_minute - (STATE_MINUTES - 1), minute = from;
	uint64_t n = 0;
	while (market->newest_ms && (minute = minutes_next_held(market, minute)) >= 0) {
		n++;
		minute++;
	}
	put_uint(out, n, 1);
	for (minute = from; n > 0; n--, minute++) {
		minute = minutes_next_held(market, minute);
		put_minute(out, market, minute);
	}
}

/* The minutes before the first one held that are known to have had no trade: the
 * trade that proves it may have left the 72 h. */
static void put_known_before(struct buf *out, const struct market *market)
{
	struct window window;
	int64_t to = market->newest_ms ? minutes_next_held(market, 0) - 1 : -1, from = to + 1;
	while (from > oldest_minute(market)) {
		market_window_back(market, 1, (int32_t)(market->newest_minute - (from - 1)),
				   &window);
		if (!window.present)
			break;
		from--;
	}
	put_i64(out, to < 0 ? 0 : from);
	put_i64(out, to < 0 ? 0 : to - from + 1);
}

static void put_ranges(struct buf *out, const struct market *market)
{
	put_uint(out, market->seen.n_ranges, 2);
	for (uint32_t i = 0; i < market->seen.n_ranges; i++) {
		const struct seen_range *range = &market->seen.ranges[i];
		put_i64(out, range->first);
		put_i64(out, range->last);
		put_i64(out, range->ms_first);
		put_i64(out, range->ms_last);
		put_uint(out,
			 (range->repaired ? RANGE_REPAIRED : 0) |
			     (minutes_spoiled(market, range) ? RANGE_SPOILED : 0),
			 1);
	}
}

/* Oldest first, so that reading puts them back in order. Ages are cut at 49 days. */
static void put_ids(struct buf *out, const struct market *market)
{
	uint64_t hash;
	int64_t t_ms, floor_ms = seen_ids_floor_ms(market->seen_ids);
	size_t n = 0;
	while (n < STATE_IDS && seen_ids_newest(market->seen_ids, n, &hash, &t_ms))
		n++;
	for (size_t i = n; seen_ids_newest(market->seen_ids, i, &hash, &t_ms); i++)
		floor_ms = t_ms > floor_ms ? t_ms : floor_ms;
	put_i64(out, floor_ms);
	put_uint(out, n, 2);
	while (n-- > 0) {
		seen_ids_newest(market->seen_ids, n, &hash, &t_ms);
		int64_t age = market->newest_ms - t_ms;
		put_uint(out, hash, 8);
		put_uint(out, age < UINT32_MAX ? (uint64_t)age : UINT32_MAX, 4);
	}
}

void market_state_pack(const struct market *market, struct buf *out)
{
	size_t start = out->len;
	struct large_trade trades[LARGEST_STORED];
	put_uint(out, STATE_MAGIC, 4);
	put_uint(out, STATE_VERSION, 1);
	put_uint(out,
		 (market->ordered ? FLAG_ORDERED : 0) |
		     (market->interrupted ? FLAG_INTERRUPTED : 0) |
		     (market->seen.any ? FLAG_SEEN : 0),
		 1);
	put_uint(out, market->stream, 1);
	put_uint(out, (uint64_t)market->price_scale, 1);
	put_uint(out, (uint64_t)market->qty_scale, 1);
	put_i64(out, market->newest_ms);
	put_i64(out, market->first_minute);
	put_i64(out, market->seen.first);
	put_i64(out, market->seen.last);
	put_i64(out, market->seen.first_ms);
	put_i64(out, market->seen.last_ms);
	put_uint(out, market->seen.gaps, 8);
	put_uint(out, market->seen.given_up, 8);
	put_known_before(out, market);
	put_minutes(out, market);
	put_trades(out, trades, large_list(market, trades, LARGEST_STORED));
	put_trades(out, trades, market_whales(market, trades, MARKET_WHALES));
	if (market->ordered)
		put_ranges(out, market);
	else
		put_ids(out, market);
	if (!out->overflow)
		put_uint(out, crc32c(0, out->ptr + start, out->len - start), 4);
}
