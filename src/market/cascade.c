#include "market/cascade.h"

#include <math.h>

static const double quote_full = 1e6, per_minute_full = 10;

static uint32_t entry_count(const struct cascade_entry *entry)
{
	return entry->n_long + entry->n_short;
}

static i128 entry_quote(const struct cascade_entry *entry)
{
	return entry->long_e8 + entry->short_e8;
}

static i128 quote_bound(const struct liquidations_config *config)
{
	return (i128)config->quote_min * decimal_pow10(8);
}

static bool is_reached(const struct liquidations_config *config, uint64_t n, i128 quote_e8)
{
	return n >= (uint64_t)config->count && quote_e8 >= quote_bound(config);
}

/* ---- the window ---- */

static struct cascade_entry entry_of(const struct liquidations_config *config,
				     const struct cascade_event *event)
{
	bool is_long = event->position == SIDE_BUY;
	return (struct cascade_entry){
		.t_ms = event->t_ms,
		.n_long = is_long,
		.n_short = !is_long,
		.n_large = event->quote_e8 >= config->size_institutional * (i128)decimal_pow10(8),
		.venues = 1u << event->venue,
		.long_e8 = is_long ? event->quote_e8 : 0,
		.short_e8 = is_long ? 0 : event->quote_e8,
		.mean = event->price,
	};
}

static void entry_count_in(struct cascade_entry *to, const struct cascade_entry *from)
{
	to->n_long += from->n_long;
	to->n_short += from->n_short;
	to->n_large += from->n_large;
	to->venues |= from->venues;
	to->long_e8 += from->long_e8;
	to->short_e8 += from->short_e8;
}

/* Mean and squares of two groups together (Chan's way). */
static void entry_merge(struct cascade_entry *to, const struct cascade_entry *from)
{
	double a = entry_count(to), b = entry_count(from), off = from->mean - to->mean;
	to->mean += off * b / (a + b);
	to->squares += from->squares + off * off * a * b / (a + b);
	entry_count_in(to, from);
}

static void drop_before(struct cascade_watch *watch, int64_t t_ms)
{
	uint32_t gone = 0;
	for (; gone < watch->n_entries && watch->entries[gone].t_ms < t_ms; gone++) {
		watch->n -= entry_count(&watch->entries[gone]);
		watch->quote_e8 -= entry_quote(&watch->entries[gone]);
	}
	watch->n_entries -= gone;
	if (gone)
		memmove(watch->entries, watch->entries + gone,
			watch->n_entries * sizeof watch->entries[0]);
}

static void put(struct cascade_watch *watch, const struct cascade_entry *entry)
{
	uint32_t at = watch->n_entries;
	watch->n += entry_count(entry);
	watch->quote_e8 += entry_quote(entry);
	while (at > 0 && watch->entries[at - 1].t_ms > entry->t_ms)
		at--;
	if (watch->n_entries == CASCADE_EVENTS_MAX) {
		entry_merge(&watch->entries[at ? at - 1 : 0], entry);
		return;
	}
	memmove(watch->entries + at + 1, watch->entries + at,
		(watch->n_entries - at) * sizeof watch->entries[0]);
	watch->entries[at] = *entry;
	watch->n_entries++;
}

/* ---- the risk ---- */

/* All of it as one entry. In two walks, the mean first: no division for each. */
static struct cascade_entry sum_of(const struct cascade_watch *watch)
{
	struct cascade_entry sum = { 0 };
	double prices = 0;
	for (uint32_t i = 0; i < watch->n_entries; i++) {
		const struct cascade_entry *entry = &watch->entries[i];
		entry_count_in(&sum, entry);
		prices += entry_count(entry) * entry->mean;
	}
	sum.mean = watch->n ? prices / (double)watch->n : 0;
	for (uint32_t i = 0; i < watch->n_entries; i++) {
		const struct cascade_entry *entry = &watch->entries[i];
		double off = entry->mean - sum.mean;
		sum.squares += entry->squares + entry_count(entry) * off * off;
	}
	return sum;
}

static double score_of(const struct cascade_entry *sum, const struct liquidations_config *config)
{
	double n = entry_count(sum);
	double value = decimal_to_double(entry_quote(sum), 8);
	double per_minute = n * 60000 / (double)config->window_ms;
	double spread = sqrt(sum->squares / n) / sum->mean;
	double one_sided = fabs((double)sum->n_long - (double)sum->n_short) / n;
	double score = 0.25 * fmin(value / quote_full, 1) +
		       0.20 * fmin(per_minute / per_minute_full, 1) +
		       0.20 * fmax(0, 1 - 10 * spread) + 0.15 * one_sided +
		       0.15 * sum->n_large / n + 0.05 * (__builtin_popcount(sum->venues) - 1);
	return fmin(score, 1);
}

double cascade_score(const struct cascade_watch *watch, const struct liquidations_config *config)
{
	struct cascade_entry sum = sum_of(watch);
	return entry_count(&sum) ? score_of(&sum, config) : 0;
}

static enum cascade_risk band_of(const struct liquidations_config *config, double risk)
{
	static const enum cascade_risk above[] = { RISK_MODERATE, RISK_HIGH, RISK_EXTREME };
	enum cascade_risk band = RISK_LOW;
	for (int i = 0; i < 3; i++)
		if (risk > config->band[i])
			band = above[i];
	return band;
}

/* ---- the cascade ---- */

static void state_add(struct cascade_watch *watch, const struct cascade_entry *entry)
{
	struct cascade *state = &watch->state;
	state->n_long += entry->n_long;
	state->n_short += entry->n_short;
	state->n = state->n_long + state->n_short;
	state->long_e8 += entry->long_e8;
	state->short_e8 += entry->short_e8;
	watch->venues |= entry->venues;
	state->venues = (uint32_t)__builtin_popcount(watch->venues);
	state->last_ms = watch->newest_ms;
}

static void begin(struct cascade_watch *watch)
{
	struct cascade_entry sum = sum_of(watch);
	struct cascade fresh = { .began_ms = watch->newest_ms, .active = true };
	memcpy(fresh.asset, watch->state.asset, sizeof fresh.asset);
	watch->state = fresh;
	watch->venues = 0;
	state_add(watch, &sum);
}

/* When a bound is missed, the oldest leaving one by one: with the last entry that those
 * after it cannot do without. Few from the newest on suffice, as a rule. */
static int64_t end_of(const struct cascade_watch *watch, const struct liquidations_config *config)
{
	uint64_t n = 0;
	i128 quote_e8 = 0;
	uint32_t at = watch->n_entries;
	while (at > 0 && !is_reached(config, n, quote_e8)) {
		at--;
		n += entry_count(&watch->entries[at]);
		quote_e8 += entry_quote(&watch->entries[at]);
	}
	return watch->entries[at].t_ms + config->window_ms;
}

/* Risk and end, as they are with the event just put. */
static void look_again(struct cascade_watch *watch, const struct liquidations_config *config)
{
	double risk = cascade_score(watch, config);
	if (risk > watch->state.risk)
		watch->state.risk = risk;
	watch->state.band = band_of(config, watch->state.risk);
	watch->ends_ms = end_of(watch, config);
}

bool cascade_take(struct cascade_watch *watch, const struct liquidations_config *config,
		  const struct cascade_event *event)
{
	if (watch->newest_ms && event->t_ms < watch->newest_ms - config->window_ms)
		return false;
	if (event->t_ms > watch->newest_ms)
		watch->newest_ms = event->t_ms;
	drop_before(watch, watch->newest_ms - config->window_ms);
	struct cascade_entry entry = entry_of(config, event);
	put(watch, &entry);
	bool may_begin =
	    !watch->state.active && is_reached(config, watch->n, watch->quote_e8) &&
	    (!watch->ended || watch->newest_ms >= watch->ended_ms + config->cooldown_ms);
	if (may_begin)
		begin(watch);
	else if (watch->state.active)
		state_add(watch, &entry);
	if (watch->state.active)
		look_again(watch, config);
	return may_begin;
}

bool cascade_expire(struct cascade_watch *watch, int64_t now_ms)
{
	if (!watch->state.active || now_ms <= watch->ends_ms)
		return false;
	watch->state.active = false;
	watch->ended = true;
	watch->ended_ms = watch->ends_ms;
	return true;
}
