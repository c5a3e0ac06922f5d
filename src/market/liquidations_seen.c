#include "market/liquidations_seen.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Decimals carry no trailing zeros, so one value has one spelling. */
static uint64_t hash_of(const struct event_liquidation *event, int64_t t_ms)
{
	uint64_t shape =
	    (uint64_t)event->price.scale << 16 | (uint64_t)event->qty.scale << 8 | event->position;
	uint64_t hash = mix(0, shape); /* before the time: both are small numbers */
	hash = mix(hash, (uint64_t)t_ms);
	hash = mix(hash, (uint64_t)event->price.mantissa);
	return mix(hash, (uint64_t)event->qty.mantissa);
}

static uint32_t find(const struct liquidations_seen *seen, uint64_t hash)
{
	uint32_t at = 0;
	while (at < seen->n && seen->hash[at] != hash)
		at++;
	return at;
}

/* One of those there: it is new only when this frame has said it oftener than any before. */
static bool say_again(struct liquidations_seen *seen, uint32_t at, uint32_t frame)
{
	if (seen->frame[at] != frame) {
		seen->frame[at] = frame;
		seen->said[at] = 0;
	}
	if (seen->said[at] < UINT16_MAX)
		seen->said[at]++;
	if (seen->said[at] <= seen->taken[at])
		return false;
	seen->taken[at] = seen->said[at];
	return true;
}

static uint32_t oldest(const struct liquidations_seen *seen)
{
	uint32_t at = 0;
	for (uint32_t i = 1; i < seen->n; i++)
		if (seen->t_ms[i] < seen->t_ms[at])
			at = i;
	return at;
}

/* The place for one of that time; seen->n: it is itself the first to leave. */
static uint32_t make_room(struct liquidations_seen *seen, int64_t t_ms)
{
	if (seen->n < LIQUIDATIONS_SEEN)
		return seen->n++;
	uint32_t at = oldest(seen);
	int64_t leaves_ms = seen->t_ms[at] <= t_ms ? seen->t_ms[at] : t_ms;
	if (leaves_ms > seen->floor_ms)
		seen->floor_ms = leaves_ms;
	return seen->t_ms[at] <= t_ms ? at : seen->n;
}

bool liquidations_seen_take(struct liquidations_seen *seen, const struct event_liquidation *event,
			    int64_t t_ms, uint32_t frame, bool stored)
{
	uint64_t hash = hash_of(event, t_ms);
	uint32_t at = find(seen, hash);
	if (at < seen->n)
		return say_again(seen, at, frame);
	if (!stored && t_ms <= seen->floor_ms)
		return false;
	at = make_room(seen, t_ms);
	if (at == seen->n)
		return true;
	seen->hash[at] = hash;
	seen->t_ms[at] = t_ms;
	seen->frame[at] = frame;
	seen->said[at] = 1;
	seen->taken[at] = 1;
	return true;
}
