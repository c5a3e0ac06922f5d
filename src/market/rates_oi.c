#include "market/rates_oi.h"

#include "base/check.h"

static int64_t minute_number(const struct oi_sample *sample)
{
	return sample->t_ms / RATES_OI_STEP_MS;
}

/* How many samples are no newer than t_ms. */
static size_t count_until(const struct rates_oi *oi, int64_t t_ms)
{
	size_t from = 0, to = oi->n;
	if (to && oi->samples[to - 1].t_ms <= t_ms)
		return to; /* nearly always: what comes is the newest */
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (oi->samples[middle].t_ms <= t_ms)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

const struct oi_sample *rates_oi_find(const struct rates_oi *oi, int64_t t_ms)
{
	size_t n = count_until(oi, t_ms);
	return n ? &oi->samples[n - 1] : NULL;
}

static void drop_oldest(struct rates_oi *oi, size_t count)
{
	oi->n -= count;
	memmove(oi->samples, oi->samples + count, oi->n * sizeof oi->samples[0]);
}

/* Samples 25 h older than minute `newest` make room for it: since each has a minute of
 * its own, those that stay leave at least one place. */
static void drop_aged(struct rates_oi *oi, int64_t newest)
{
	size_t aged = 0;
	while (aged < oi->n && minute_number(&oi->samples[aged]) <= newest - RATES_OI_SAMPLES)
		aged++;
	if (aged)
		drop_oldest(oi, aged);
}

static void insert(struct rates_oi *oi, size_t at, const struct oi_sample *sample)
{
	CHECK(oi->n < RATES_OI_SAMPLES);
	memmove(oi->samples + at + 1, oi->samples + at, (oi->n - at) * sizeof oi->samples[0]);
	oi->samples[at] = *sample;
	oi->n++;
}

void rates_oi_keep(struct rates_oi *oi, const struct oi_sample *sample, bool fill)
{
	int64_t minute = minute_number(sample);
	int64_t newest = oi->n ? minute_number(&oi->samples[oi->n - 1]) : minute;
	if (minute <= newest - RATES_OI_SAMPLES)
		return;
	size_t at = count_until(oi, sample->t_ms);
	struct oi_sample *before = at > 0 ? &oi->samples[at - 1] : NULL;
	if (before && minute_number(before) == minute) {
		if (!fill)
			*before = *sample;
		return;
	}
	if (at < oi->n && minute_number(&oi->samples[at]) == minute)
		return; /* that minute has a newer one */
	if (minute > newest)
		drop_aged(oi, minute);
	insert(oi, count_until(oi, sample->t_ms), sample);
}

bool rates_oi_halve(struct decimal both, struct decimal *one)
{
	struct decimal half = { both.mantissa / 2, both.scale };
	if (both.mantissa % 2) {
		if (half.scale == DECIMAL_SCALE_MAX ||
		    __builtin_mul_overflow(both.mantissa, 5, &half.mantissa))
			return false;
		half.scale++;
	}
	*one = half;
	return true;
}
