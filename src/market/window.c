/* Questions over ranges of minutes. An hour whose held minutes all lie inside is
 * taken as one sum: a window costs at most 2 × 59 minutes and 72 hours. */
#include "market/market_impl.h"

struct range_sum {
	struct flow flow;
	int64_t open, high, low, close;
	const struct minute *first, *last; /* held; NULL: none */
	int64_t first_held;                /* its number */
	int32_t present, partial, klines, repaired;
};

static inline void add_flow(struct range_sum *sum, const struct flow *flow, int64_t high,
			    int64_t low)
{
	sum->flow.buy += flow->buy;
	sum->flow.sell += flow->sell;
	sum->flow.buy_quote += flow->buy_quote;
	sum->flow.sell_quote += flow->sell_quote;
	sum->flow.n_buy += flow->n_buy;
	sum->flow.n_sell += flow->n_sell;
	if (high > sum->high)
		sum->high = high;
	if (low < sum->low)
		sum->low = low;
}

/* How many of the neighbouring bits are in the mask: nearly always all. */
static inline int32_t count_of(uint64_t mask, uint64_t bits)
{
	if ((mask & bits) == bits)
		return 64 - __builtin_clzll(bits) - __builtin_ctzll(bits);
	return __builtin_popcountll(mask & bits);
}

static inline void add_hour(const struct market *market, size_t index, uint64_t bits, int64_t start,
			    struct range_sum *sum)
{
	const struct hour *hour = &market->hours[index];
	const struct minute *minutes = &market->minutes[index * HOUR_MINUTES];
	uint64_t held = hour->held & bits;
	sum->present += count_of(hour->known, bits);
	if (!held)
		return;
	if ((hour->partial | hour->klines | hour->repaired) & held) {
		sum->partial += __builtin_popcountll(hour->partial & held);
		sum->klines += __builtin_popcountll(hour->klines & held);
		sum->repaired += __builtin_popcountll(hour->repaired & held);
	}
	if (!sum->first) {
		sum->first_held = start + __builtin_ctzll(held);
		sum->first = &minutes[__builtin_ctzll(held)];
	}
	sum->last = &minutes[63 - __builtin_clzll(held)];
	if (held == hour->held) {
		add_flow(sum, &hour->flow, hour->high, hour->low);
		return;
	}
	for (; held; held &= held - 1) {
		const struct minute *m = &minutes[__builtin_ctzll(held)];
		add_flow(sum, &m->flow, m->high, m->low);
	}
}

/* The prices at the ends are looked up once, not for each hour: the minutes of a
 * whole hour stay out of the cache. */
static inline void sum_range(const struct market *market, int64_t from, int64_t to,
			     struct range_sum *sum)
{
	size_t index;
	*sum = (struct range_sum){ .low = INT64_MAX };
	if (from < oldest_minute(market))
		from = oldest_minute(market);
	if (to > market->newest_minute)
		to = market->newest_minute;
	if (market->newest_ms) {
		int64_t start = from - from % HOUR_MINUTES;
		for (uint64_t bits; (bits = span_next(&from, to, &index)); start = from)
			add_hour(market, index, bits, start, sum);
	}
	if (!sum->first) {
		sum->low = 0;
		return;
	}
	sum->open = sum->first->open;
	sum->close = sum->last->close;
}

void market_window_back(const struct market *market, int32_t minutes, int32_t back,
			struct window *out)
{
	CHECK(minutes >= 1 && minutes <= MARKET_MINUTES && back >= 0);
	*out = (struct window){ .minutes = minutes };
	if (!market->newest_ms)
		return;
	int64_t to = market->newest_minute - back, from = to - minutes + 1;
	struct range_sum sum;
	sum_range(market, from, to, &sum);
	out->flow = sum.flow;
	out->open = sum.open;
	out->high = sum.high;
	out->low = sum.low;
	out->close = sum.close;
	out->present = sum.present;
	out->partial = sum.partial;
	out->klines = sum.klines;
	out->repaired = sum.repaired;
	out->from_ms = from * MINUTE_MS;
	out->to_ms = (to + 1) * MINUTE_MS;
}

void market_window(const struct market *market, int32_t minutes, struct window *out)
{
	market_window_back(market, minutes, 0, out);
}

void market_cvd(const struct market *market, i128 *base, i128 *quote, int64_t *origin_ms)
{
	struct range_sum sum;
	sum_range(market, 0, market->newest_minute, &sum);
	*base = (i128)sum.flow.buy - sum.flow.sell;
	*quote = sum.flow.buy_quote - sum.flow.sell_quote;
	*origin_ms = sum.first_held * MINUTE_MS;
}

/* ---- bars ---- */

static uint32_t count_u32(uint64_t n) { return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX; }

static void bar_put_flow(struct bar *bar, const struct flow *flow)
{
	bar->buy = flow->buy;
	bar->sell = flow->sell;
	bar->buy_quote = flow->buy_quote;
	bar->sell_quote = flow->sell_quote;
	bar->n_buy = count_u32(flow->n_buy);
	bar->n_sell = count_u32(flow->n_sell);
}

static void bar_of_sum(const struct market *market, const struct range_sum *sum, struct bar *bar)
{
	bool ids = market->ordered && !sum->klines;
	bar->open = sum->open;
	bar->high = sum->high;
	bar->low = sum->low;
	bar->close = sum->close;
	bar->id_first = ids ? sum->first->first_key : 0;
	bar->id_last = ids ? sum->last->last_key : 0;
	bar->flags = (sum->klines ? BAR_KLINES : 0u) | (sum->repaired ? BAR_REPAIRED : 0u);
}

static void bar_flat(struct bar *bar, int64_t price)
{
	bar->open = bar->high = bar->low = bar->close = price;
	bar->id_first = bar->id_last = 0;
	bar->flags = 0;
}

/* The bar over [from, to]; without a trade it is flat at the close before it. Field
 * by field: to clear it all first costs as much again. */
static void bar_over(const struct market *market, int64_t from, int64_t to, int64_t close_before,
		     struct bar *bar)
{
	struct range_sum sum;
	sum_range(market, from, to, &sum);
	int64_t elapsed = (to < market->newest_minute ? to : market->newest_minute) - from + 1;
	bar->minute_ms = from * MINUTE_MS;
	if (sum.first)
		bar_of_sum(market, &sum, bar);
	else
		bar_flat(bar, close_before);
	bar_put_flow(bar, &sum.flow);
	if (sum.partial || sum.present < elapsed)
		bar->flags |= BAR_PARTIAL;
}

/* The first of at most cap bars that end with `last`, none before the first minute
 * held; *close is the price before it. -1: no minute is held. */
static int64_t first_bar(const struct market *market, int32_t minutes, int64_t last, size_t cap,
			 int64_t *close)
{
	int64_t first = last - (int64_t)cap + 1;
	int64_t previous = minutes_previous_held(market, first * minutes - 1);
	*close = previous < 0 ? 0 : market->minutes[minute_index(previous)].close;
	if (previous >= 0)
		return first;
	int64_t held = minutes_next_held(market, 0);
	return held < 0 ? -1 : held / minutes;
}

static i128 delta_before(const struct market *market, int64_t minute)
{
	struct range_sum sum;
	sum_range(market, 0, minute - 1, &sum);
	return (i128)sum.flow.buy - sum.flow.sell;
}

size_t market_bars(const struct market *market, int32_t minutes, struct bar *out, i128 *cvd,
		   size_t cap)
{
	CHECK(minutes >= 1 && minutes <= MARKET_MINUTES);
	if (!market->newest_ms || cap == 0)
		return 0;
	if (cap > MARKET_MINUTES + 1)
		cap = MARKET_MINUTES + 1; /* more there are never */
	int64_t close, last = market->newest_minute / minutes;
	int64_t first = first_bar(market, minutes, last, cap, &close);
	if (first < 0)
		return 0;
	i128 sum = cvd ? delta_before(market, first * minutes) : 0;
	size_t n = 0;
	for (int64_t bar = first; bar <= last; bar++, n++) {
		bar_over(market, bar * minutes, (bar + 1) * minutes - 1, close, &out[n]);
		close = out[n].close;
		sum += (i128)out[n].buy - out[n].sell;
		if (cvd)
			cvd[n] = sum;
	}
	return n;
}

static void bar_of_minute(const struct market *market, int64_t minute, struct bar *bar)
{
	const struct minute *m = &market->minutes[minute_index(minute)];
	uint32_t flags = minutes_flags(market, minute);
	bool ids = market->ordered && !(flags & BAR_KLINES);
	*bar = (struct bar){
		.minute_ms = minute * MINUTE_MS,
		.open = m->open,
		.high = m->high,
		.low = m->low,
		.close = m->close,
		.id_first = ids ? m->first_key : 0,
		.id_last = ids ? m->last_key : 0,
		.flags = flags,
	};
	bar_put_flow(bar, &m->flow);
}

bool market_next_minute(const struct market *market, struct market_cursor *cursor, struct bar *out)
{
	if (!market->newest_ms)
		return false;
	int64_t from = cursor->minute_ms ? minute_of(cursor->minute_ms) + 1 : 0;
	int64_t minute = minutes_next_held(market, from);
	if (minute < 0)
		return false;
	bar_of_minute(market, minute, out);
	if (minute == market->newest_minute)
		out->flags |= BAR_PARTIAL;
	cursor->minute_ms = out->minute_ms;
	cursor->cvd += (i128)out->buy - out->sell;
	cursor->cvd_quote += out->buy_quote - out->sell_quote;
	return true;
}

enum status market_minute(const struct market *market, int64_t minute_ms, struct bar *out)
{
	int64_t minute = minute_of(minute_ms);
	if (minute_ms < 0 || !market->newest_ms || !minute_retained(market, minute) ||
	    minutes_next_held(market, minute) != minute)
		return STATUS_NOT_FOUND;
	bar_of_minute(market, minute, out);
	return STATUS_OK;
}
