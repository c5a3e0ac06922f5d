/* What a repair is to ask for: minutes that klines could complete, and ids no more. */
#include "market/market_impl.h"

void market_give_up(struct market *market, const struct seen_range *range)
{
	struct seen_range gone;
	while (seen_ordered_give_up(&market->seen, range, &gone))
		minutes_mark_lost(market, minute_of(gone.ms_first), minute_of(gone.ms_last));
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* Of the `bits` of the hour that begins at minute `start`, those a kline could help.
 * The slot of an hour after the newest one still holds what was 73 hours before. */
static uint64_t wanted_bits(const struct market *market, int64_t start, uint64_t bits)
{
	if (!market->newest_ms || start > market->newest_minute)
		return bits;
	const struct hour *hour = &market->hours[hour_index(start)];
	return bits & (~hour->known | hour->partial) &
	       ~(minutes_open_bits(market, start) & ~hour->lost);
}

/* The minutes that can be wanted at all: empty when *to < *from. */
static void bounds(const struct market *market, int64_t *from, int64_t *to)
{
	*from = later(*from, *to - (MARKET_MINUTES - 1));
	*from = later(*from, minute_of(T_MS_MIN));
	if (market->newest_ms)
		*from = later(*from, oldest_minute(market));
	if (market->ordered) {
		if (market->seen.any)
			*to = earlier(*to, market->newest_minute);
		return;
	}
	*from = later(*from, market->first_minute);
	*to = earlier(*to, minute_of(market->newest_ms - MARKET_LATE_MS) - 1);
}

bool market_wanted(const struct market *market, int64_t from_ms, int64_t before_ms,
		   int32_t minutes_max, struct minute_span *out)
{
	CHECK(minutes_max > 0);
	int64_t from = minute_of(from_ms), to = minute_of(before_ms) - 1, first = -1, last = -1;
	size_t hour;
	bounds(market, &from, &to);
	CHECK(from > 0);
	for (;;) {
		int64_t start = from - from % HOUR_MINUTES;
		uint64_t bits = span_next(&from, to, &hour);
		if (!bits)
			break;
		bits = wanted_bits(market, start, bits);
		if (!bits)
			continue;
		if (first < 0) {
			first = start + __builtin_ctzll(bits);
			to = earlier(to, first + minutes_max - 1);
			if (to - start < HOUR_MINUTES - 1) /* the span ends in this hour */
				bits &= bits_between(0, to - start);
		}
		last = start + 63 - __builtin_clzll(bits);
	}
	if (first < 0)
		return false;
	*out = (struct minute_span){ first * MINUTE_MS, last * MINUTE_MS };
	return true;
}
