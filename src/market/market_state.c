/* The stored state: little-endian fields, a CRC32C behind them. Read as a whole
 * into an image and checked before anything of the market is touched. */
#include "base/crc32c.h"
#include "market/market_impl.h"

enum {
	STATE_MAGIC = 0x534D5257, /* "WRMS" */
	STATE_VERSION = 1,
	STATE_IDS = 208,  /* id hashes that go along */
	STATE_MINUTES = 2, /* those that can still change */
	FLAG_ORDERED = 1,
	FLAG_INTERRUPTED = 2,
	FLAG_SEEN = 4,
	RANGE_REPAIRED = 1,
	RANGE_SPOILED = 2,
	/* fixed part, minutes, trades; then ranges or ids, whichever the venue has */
	HEAD_BYTES = 4 + 5 + 2 * 8 + 2 * 8 + 6 * 8 + 3 + 8,
	MINUTE_BYTES = 8 + 4 + 4 * 8 + 2 * 8 + 2 * 16 + 2 * 8 + 2 * 8,
	TRADE_BYTES = 25,
	RANGE_BYTES = 33,
	ID_BYTES = 12,
	TRADES_BYTES = (MARKET_WHALES + LARGEST_STORED) * TRADE_BYTES,
};

_Static_assert(HEAD_BYTES + STATE_MINUTES * MINUTE_BYTES + TRADES_BYTES +
		       SEEN_RANGES * RANGE_BYTES + 4 <= MARKET_STATE_BYTES, "ordered fits");
_Static_assert(HEAD_BYTES + STATE_MINUTES * MINUTE_BYTES + TRADES_BYTES +
		       STATE_IDS * ID_BYTES + 4 <= MARKET_STATE_BYTES, "unordered fits");

/* ---- writing ---- */

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
		market_window_back(market, 1, (int32_t)(market->newest_minute - (from - 1)), &window);
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
		put_uint(out, (range->repaired ? RANGE_REPAIRED : 0) |
				      (minutes_spoiled(market, range) ? RANGE_SPOILED : 0), 1);
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
	put_uint(out, (market->ordered ? FLAG_ORDERED : 0) |
			      (market->interrupted ? FLAG_INTERRUPTED : 0) |
			      (market->seen.any ? FLAG_SEEN : 0), 1);
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

/* ---- reading ---- */

struct image {
	uint8_t flags, stream;
	int32_t price_scale, qty_scale;
	int64_t newest_ms, first_minute;
	int64_t known_from, known_count; /* minutes known to be empty before the first held */
	struct seen_ordered seen;
	uint32_t n_minutes, n_largest, n_whales, n_ids;
	struct {
		int64_t number;
		uint32_t flags;
		struct minute minute;
	} minutes[STATE_MINUTES];
	struct large_trade largest[LARGEST_STORED], whales[MARKET_WHALES];
	int64_t floor_ms;
	struct {
		uint64_t hash;
		int64_t t_ms;
	} ids[STATE_IDS];
};

struct cursor {
	struct str rest;
	bool bad; /* sticky */
};

static uint64_t get_uint(struct cursor *in, size_t bytes)
{
	uint64_t value = 0;
	if (in->rest.len < bytes) {
		in->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(uint8_t)in->rest.ptr[i] << (8 * i);
	in->rest = str_skip(in->rest, bytes);
	return value;
}

static int64_t get_i64(struct cursor *in) { return (int64_t)get_uint(in, 8); }

static void require(struct cursor *in, bool condition) { in->bad |= !condition; }

/* In [0, high]. */
static int64_t get_within(struct cursor *in, int64_t high)
{
	int64_t value = get_i64(in);
	require(in, value >= 0 && value <= high);
	return in->bad ? 0 : value;
}

static uint32_t get_count(struct cursor *in, size_t bytes, uint32_t high)
{
	uint64_t n = get_uint(in, bytes);
	require(in, n <= high);
	return in->bad ? 0 : (uint32_t)n;
}

static i128 get_quote(struct cursor *in)
{
	uint64_t low = get_uint(in, 8), high = get_uint(in, 8);
	i128 value = (i128)((u128)high << 64 | low);
	require(in, value >= 0 && value <= HOUR_QUOTE_MAX);
	return value;
}

static uint32_t get_trades(struct cursor *in, struct large_trade *trades, uint32_t cap)
{
	uint32_t n = get_count(in, 1, cap);
	for (uint32_t i = 0; i < n; i++) {
		trades[i].t_ms = get_within(in, T_MS_MAX);
		trades[i].price = get_within(in, INT64_MAX);
		trades[i].qty = get_within(in, INT64_MAX);
		trades[i].side = (uint8_t)get_count(in, 1, SIDE_SELL);
	}
	return n;
}

static void get_minute(struct cursor *in, struct image *image, uint32_t i)
{
	struct minute *m = &image->minutes[i].minute;
	int64_t newest = minute_of(image->newest_ms), number = get_within(in, newest);
	require(in, number > newest - STATE_MINUTES && (i == 0 || number == newest));
	image->minutes[i].number = number;
	image->minutes[i].flags = get_count(in, 4, BAR_PARTIAL | BAR_KLINES | BAR_REPAIRED);
	m->open = get_within(in, INT64_MAX);
	m->high = get_within(in, INT64_MAX);
	m->low = get_within(in, INT64_MAX);
	m->close = get_within(in, INT64_MAX);
	m->flow.buy = get_within(in, HOUR_BASE_MAX - 1);
	m->flow.sell = get_within(in, HOUR_BASE_MAX - 1);
	m->flow.buy_quote = get_quote(in);
	m->flow.sell_quote = get_quote(in);
	m->flow.n_buy = (uint64_t)get_within(in, INT64_MAX / MARKET_MINUTES);
	m->flow.n_sell = (uint64_t)get_within(in, INT64_MAX / MARKET_MINUTES);
	m->first_key = get_within(in, ID_MAX);
	m->last_key = get_within(in, ID_MAX);
	require(in, m->low > 0 && m->low <= m->open && m->low <= m->close && m->open <= m->high &&
			    m->close <= m->high && m->first_key <= m->last_key);
}

static void get_ranges(struct cursor *in, struct seen_ordered *seen)
{
	seen->n_ranges = get_count(in, 2, SEEN_RANGES);
	int64_t above = seen->first;
	for (uint32_t i = 0; i < seen->n_ranges; i++) {
		struct seen_range *range = &seen->ranges[i];
		range->first = get_within(in, ID_MAX);
		range->last = get_within(in, ID_MAX);
		range->ms_first = get_within(in, T_MS_MAX);
		range->ms_last = get_within(in, T_MS_MAX);
		uint32_t flags = get_count(in, 1, RANGE_REPAIRED | RANGE_SPOILED);
		range->repaired = flags & RANGE_REPAIRED;
		range->spoiled = flags & RANGE_SPOILED;
		require(in, range->first > above && range->first <= range->last &&
				    range->last < seen->last && range->ms_first <= range->ms_last);
		above = range->last;
	}
}

static void get_ids(struct cursor *in, struct image *image)
{
	image->floor_ms = get_within(in, T_MS_MAX);
	image->n_ids = get_count(in, 2, STATE_IDS);
	for (uint32_t i = 0; i < image->n_ids; i++) {
		image->ids[i].hash = get_uint(in, 8);
		image->ids[i].t_ms = image->newest_ms - (int64_t)get_uint(in, 4);
	}
}

static void get_head(struct cursor *in, struct image *image)
{
	image->flags = (uint8_t)get_count(in, 1, FLAG_ORDERED | FLAG_INTERRUPTED | FLAG_SEEN);
	image->stream = (uint8_t)get_count(in, 1, STREAM_AGGREGATED);
	image->price_scale = (int32_t)get_count(in, 1, DECIMAL_SCALE_MAX);
	image->qty_scale = (int32_t)get_count(in, 1, DECIMAL_SCALE_MAX);
	image->newest_ms = get_within(in, T_MS_MAX);
	image->first_minute = get_within(in, minute_of(image->newest_ms));
	image->seen.any = image->flags & FLAG_SEEN;
	image->seen.first = get_within(in, ID_MAX);
	image->seen.last = get_within(in, ID_MAX);
	image->seen.first_ms = get_within(in, T_MS_MAX);
	image->seen.last_ms = get_within(in, T_MS_MAX);
	image->seen.gaps = get_uint(in, 8);
	image->seen.given_up = get_uint(in, 8);
	image->known_from = get_within(in, minute_of(T_MS_MAX));
	image->known_count = get_within(in, MARKET_MINUTES);
	require(in, image->seen.first <= image->seen.last);
	require(in, image->newest_ms == 0 ||
			    (image->newest_ms >= T_MS_MIN && image->first_minute > 0));
}

static enum status read_image(struct str bytes, bool ordered, struct image *image)
{
	if (bytes.len < 9)
		return STATUS_TRUNCATED;
	if (bytes.len > MARKET_STATE_BYTES)
		return STATUS_FORMAT;
	struct str body = str_make(bytes.ptr, bytes.len - 4);
	struct cursor tail = { str_skip(bytes, body.len), false }, in = { body, false };
	if (get_uint(&in, 4) != STATE_MAGIC)
		return STATUS_FORMAT;
	if (crc32c(0, body.ptr, body.len) != get_uint(&tail, 4))
		return STATUS_CHECKSUM;
	if (get_uint(&in, 1) != STATE_VERSION)
		return STATUS_VERSION;
	get_head(&in, image);
	image->n_minutes = get_count(&in, 1, image->newest_ms ? STATE_MINUTES : 0);
	for (uint32_t i = 0; i < image->n_minutes; i++)
		get_minute(&in, image, i);
	image->n_largest = get_trades(&in, image->largest, LARGEST_STORED);
	image->n_whales = get_trades(&in, image->whales, MARKET_WHALES);
	require(&in, ordered == (bool)(image->flags & FLAG_ORDERED));
	if (ordered)
		get_ranges(&in, &image->seen);
	else
		get_ids(&in, image);
	return in.bad || in.rest.len ? STATUS_FORMAT : STATUS_OK;
}

/* ---- putting it in ---- */

static void put_back_minutes(struct market *market, const struct image *image)
{
	minutes_mark_known(market, image->known_from, image->known_from + image->known_count - 1, true);
	for (uint32_t i = 0; i < market->seen.n_ranges; i++)
		minutes_mark_partial(market, minute_of(market->seen.ranges[i].ms_first),
				     minute_of(market->seen.ranges[i].ms_last));
	for (uint32_t i = 0; i < image->n_minutes; i++) {
		int64_t minute = image->minutes[i].number;
		uint32_t flags = image->minutes[i].flags;
		if (minutes_put(market, minute, &image->minutes[i].minute, flags))
			continue; /* two minutes each in range can exceed an hour only if forged */
		if ((flags & BAR_PARTIAL) && !minutes_repairable(market, minute))
			minutes_mark_lost(market, minute, minute);
		minutes_join(market, minute);
	}
}

static void put_back(struct market *market, const struct image *image)
{
	market->stream = image->stream;
	market->interrupted = image->flags & FLAG_INTERRUPTED;
	market->price_scale = image->price_scale;
	market->qty_scale = image->qty_scale;
	market->seen = image->seen;
	if (image->newest_ms) {
		market->newest_minute = minute_of(image->newest_ms) - 1;
		minutes_advance(market, minute_of(image->newest_ms), false);
		market->newest_ms = image->newest_ms;
		market->first_minute = image->first_minute;
		put_back_minutes(market, image);
	}
	for (uint32_t i = 0; i < image->n_largest; i++)
		large_put(market, &image->largest[i]);
	for (uint32_t i = image->n_whales; i > 0; i--) /* stored newest first */
		large_put_whale(market, &image->whales[i - 1]);
	large_limits(market);
	if (market->ordered)
		return;
	seen_ids_raise_floor(market->seen_ids, image->floor_ms);
	for (uint32_t i = 0; i < image->n_ids; i++)
		seen_ids_take(market->seen_ids, image->ids[i].hash, image->ids[i].t_ms);
}

enum status market_state_restore(struct market *market, struct str bytes)
{
	CHECK(!market->newest_ms);
	struct image image = { 0 };
	enum status status = read_image(bytes, market->ordered, &image);
	if (!status)
		put_back(market, &image);
	return status;
}
