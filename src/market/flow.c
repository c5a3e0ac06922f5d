/* What a window's taker buys and sells say. Bounds are compared in integers, so that
 * a share of exactly 60 % is what it is. */
#include <math.h>

#include "base/check.h"
#include "market/analysis.h"

static const char *text_of(const char *const *texts, size_t n, unsigned value)
{
	CHECK(value < n);
	return texts[value];
}

const char *pressure_text(enum pressure pressure)
{
	static const char *const texts[] = { "n/a", "BUY", "SELL", "BALANCED" };
	return text_of(texts, ARRAY_LEN(texts), pressure);
}

const char *control_text(enum control control)
{
	static const char *const texts[] = { "n/a", "BUYERS", "SELLERS", "BALANCED" };
	return text_of(texts, ARRAY_LEN(texts), control);
}

const char *momentum_text(enum momentum momentum)
{
	static const char *const texts[] = { "n/a", "ACCELERATING", "DECELERATING", "STEADY" };
	return text_of(texts, ARRAY_LEN(texts), momentum);
}

const char *activity_text(enum activity activity)
{
	static const char *const texts[] = {
		"n/a", "EXTREME", "HIGH", "ABOVE AVG", "NORMAL", "LOW"
	};
	return text_of(texts, ARRAY_LEN(texts), activity);
}

const char *spike_text(enum spike_level level)
{
	static const char *const texts[] = { "NONE", "LOW", "MODERATE", "HIGH", "EXTREME" };
	return text_of(texts, ARRAY_LEN(texts), level);
}

const char *divergence_text(enum divergence divergence)
{
	static const char *const texts[] = { "none", "seller exhaustion", "buyer absorption",
					     "buyer exhaustion", "seller absorption" };
	return text_of(texts, ARRAY_LEN(texts), divergence);
}

const char *trend_text(enum trend trend)
{
	static const char *const texts[] = { "n/a", "UP", "DOWN", "FLAT" };
	return text_of(texts, ARRAY_LEN(texts), trend);
}

static i128 volume(const struct flow *flow) { return (i128)flow->buy + flow->sell; }
static i128 delta(const struct flow *flow) { return (i128)flow->buy - flow->sell; }

double flow_ratio(const struct flow *flow)
{
	return volume(flow) ? (double)flow->buy / (double)volume(flow) : NAN;
}

double flow_imbalance(const struct flow *flow)
{
	return volume(flow) ? (double)delta(flow) / (double)volume(flow) : NAN;
}

enum pressure flow_pressure(const struct flow *flow)
{
	i128 buy = flow->buy;
	if (!volume(flow))
		return PRESSURE_NONE;
	if (buy * 10 > volume(flow) * 6)
		return PRESSURE_BUY;
	return buy * 10 < volume(flow) * 4 ? PRESSURE_SELL : PRESSURE_BALANCED;
}

enum control flow_control(const struct flow *flow)
{
	i128 buy = flow->buy;
	if (!volume(flow))
		return CONTROL_NONE;
	if (buy * 100 >= volume(flow) * 65)
		return CONTROL_BUYERS;
	return buy * 100 <= volume(flow) * 35 ? CONTROL_SELLERS : CONTROL_BALANCED;
}

/* |n15| against 1.5 and 0.5 times |n24|, multiplied out: what traders' numbers come
 * to stays exact in a long double. */
enum momentum flow_momentum(const struct flow *m15, const struct flow *h24)
{
	if (!volume(m15) || !volume(h24))
		return MOMENTUM_NONE;
	long double short_term = fabsl((long double)delta(m15)) * (long double)volume(h24);
	long double long_term = fabsl((long double)delta(h24)) * (long double)volume(m15);
	if (2 * short_term > 3 * long_term)
		return MOMENTUM_ACCELERATING;
	return 2 * short_term < long_term ? MOMENTUM_DECELERATING : MOMENTUM_STEADY;
}

enum activity flow_activity(const struct flow *m15, const struct flow *h24, double *times)
{
	i128 now = volume(m15) * 96, day = volume(h24);
	*times = NAN;
	if (!day)
		return ACTIVITY_NONE;
	*times = (double)now / (double)day;
	if (now > 3 * day)
		return ACTIVITY_EXTREME;
	if (now > 2 * day)
		return ACTIVITY_HIGH;
	if (2 * now > 3 * day)
		return ACTIVITY_ABOVE;
	return 2 * now < day ? ACTIVITY_LOW : ACTIVITY_NORMAL;
}
