/* A stored state back: read as a whole into an image and checked before anything of
 * the market is touched. */
#include "base/crc32c.h"
#include "market/state_format.h"

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
	require(in,
		image->newest_ms == 0 || (image->newest_ms >= T_MS_MIN && image->first_minute > 0));
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
	minutes_mark_known(market, image->known_from, image->known_from + image->known_count - 1,
			   true);
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
	market->resumed = image->newest_ms > 0;
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
