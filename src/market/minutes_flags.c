#include "market/market_impl.h"

static void span_cut(const struct market *market, int64_t *from, int64_t *to)
{
	if (*from < oldest_minute(market))
		*from = oldest_minute(market);
	if (*to > market->newest_minute)
		*to = market->newest_minute;
}

void minutes_mark_lost(struct market *market, int64_t from, int64_t to)
{
	size_t hour;
	span_cut(market, &from, &to);
	minute_changed(market, from);
	for (uint64_t bits; (bits = span_next(&from, to, &hour));) {
		struct hour *h = &market->hours[hour];
		bits &= ~h->klines;
		h->lost |= bits;
		h->partial |= bits;
		if (!market->ordered)
			h->known &= ~bits | h->held; /* ids prove, silence only suggests */
	}
}

void minutes_mark_partial(struct market *market, int64_t from, int64_t to)
{
	size_t hour;
	span_cut(market, &from, &to);
	minute_changed(market, from);
	for (uint64_t bits; (bits = span_next(&from, to, &hour));)
		market->hours[hour].partial |= bits & ~market->hours[hour].klines;
}

void minutes_mark_known(struct market *market, int64_t from, int64_t to, bool known)
{
	size_t hour;
	span_cut(market, &from, &to);
	for (uint64_t bits; (bits = span_next(&from, to, &hour));) {
		struct hour *h = &market->hours[hour];
		if (known && !market->ordered)
			bits &=
			    ~h->lost; /* where trades are known to miss, neighbours prove nothing */
		h->known = known ? h->known | bits : h->known & (~bits | h->held);
	}
}

/* The bits of the hour that begins at minute `start` which the range touches. */
static uint64_t touched_bits(const struct seen_range *range, int64_t start)
{
	int64_t from = minute_of(range->ms_first) - start;
	int64_t to = minute_of(range->ms_last) - start;
	if (from >= HOUR_MINUTES || to < 0)
		return 0;
	return bits_between(from > 0 ? from : 0, to < HOUR_MINUTES ? to : HOUR_MINUTES - 1);
}

uint64_t minutes_open_bits(const struct market *market, int64_t start)
{
	uint64_t bits = 0;
	for (uint32_t i = 0; i < market->seen.n_ranges; i++)
		bits |= touched_bits(&market->seen.ranges[i], start);
	return bits;
}

/* Bits of that hour that have a reason of their own to stay partial. */
static uint64_t kept_bits(const struct market *market, int64_t start)
{
	uint64_t kept = market->hours[hour_index(start)].lost | minutes_open_bits(market, start);
	if (market->first_minute / HOUR_MINUTES == start / HOUR_MINUTES)
		kept |= minute_bit(market->first_minute);
	return kept;
}

bool minutes_spoiled(const struct market *market, const struct seen_range *range)
{
	int64_t from = minute_of(range->ms_first), to = minute_of(range->ms_last);
	size_t hour;
	span_cut(market, &from, &to);
	for (uint64_t bits; (bits = span_next(&from, to, &hour));)
		if (market->hours[hour].lost & bits)
			return true;
	return range->spoiled;
}

void minutes_close_range(struct market *market, const struct seen_range *range)
{
	int64_t from = minute_of(range->ms_first), to = minute_of(range->ms_last);
	size_t index;
	if (minutes_spoiled(market, range)) {
		minutes_mark_lost(market, from, to);
		return;
	}
	span_cut(market, &from, &to);
	minute_changed(market, from);
	int64_t start = from - from % HOUR_MINUTES;
	for (uint64_t bits; (bits = span_next(&from, to, &index)); start = from) {
		struct hour *hour = &market->hours[index];
		hour->partial &= ~(bits & ~kept_bits(market, start));
		if (range->repaired)
			hour->repaired |= bits & hour->held;
	}
}

void minutes_clear_first(struct market *market, int64_t minute)
{
	struct hour *hour = &market->hours[hour_index(minute)];
	uint64_t kept = kept_bits(market, minute - minute % HOUR_MINUTES);
	hour->partial &= ~(minute_bit(minute) & ~kept);
}
