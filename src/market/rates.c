#include "market/rates.h"

#include <stdlib.h>

#include "base/check.h"
#include "market/event_time.h"
#include "market/rates_oi.h"

enum { OI_AGE_MAX_MS = 600000, INTERVAL_MAX_MIN = 366 * 24 * 60 };

/* What is known of the time of one figure. */
struct figure {
	int64_t newest_ms; /* 0: never said */
	int64_t ahead_ms;  /* of event_time.h */
	bool live;         /* said since the stream was last interrupted */
};

struct rates {
	struct instrument instrument;
	struct funding_state funding;
	struct mark_state mark;
	struct ticker_state ticker;
	struct figure of_funding, of_mark, of_ticker, of_oi;
	bool has_funding; /* its rate, that is */
	struct rates_oi oi;
};

struct rates *rates_create(void)
{
	/* untouched samples of the zeroed memory cost no pages: spot has none */
	return calloc(1, sizeof(struct rates));
}

void rates_destroy(struct rates *rates) { free(rates); }

/* Whether a figure of that time is taken: then it is the newest. */
static bool figure_take(struct figure *figure, int64_t t_ms)
{
	if (!event_time_believed(figure->newest_ms, t_ms, &figure->ahead_ms) ||
	    t_ms < figure->newest_ms)
		return false;
	figure->newest_ms = t_ms;
	return true;
}

/* ---- open interest ---- */

static bool sample_of(struct decimal qty, bool both_sides, int64_t t_ms, struct oi_sample *out)
{
	*out = (struct oi_sample){ t_ms, qty };
	return qty.mantissa >= 0 && (!both_sides || rates_oi_halve(qty, &out->qty));
}

void rates_take_oi(struct rates *rates, struct decimal qty, bool both_sides, int64_t t_ms)
{
	struct oi_sample sample;
	if (t_ms < rates->of_oi.newest_ms) {
		rates_put_oi(rates, qty, both_sides, t_ms);
		return;
	}
	if (!sample_of(qty, both_sides, t_ms, &sample) || !figure_take(&rates->of_oi, t_ms))
		return;
	rates_oi_keep(&rates->oi, &sample, false);
	rates->of_oi.live = true;
}

void rates_put_oi(struct rates *rates, struct decimal qty, bool both_sides, int64_t t_ms)
{
	struct figure *figure = &rates->of_oi;
	struct oi_sample sample;
	if (!sample_of(qty, both_sides, t_ms, &sample) ||
	    !event_time_believed(figure->newest_ms, t_ms, &figure->ahead_ms))
		return;
	rates_oi_keep(&rates->oi, &sample, true);
	if (rates_oi(rates, &sample) && sample.t_ms > figure->newest_ms)
		figure->newest_ms = sample.t_ms;
}

bool rates_oi(const struct rates *rates, struct oi_sample *newest)
{
	size_t n = rates->oi.n;
	return n > 0 && rates_oi_sample(rates, n - 1, newest);
}

bool rates_oi_at(const struct rates *rates, int64_t t_ms, struct oi_sample *out)
{
	const struct oi_sample *found = rates_oi_find(&rates->oi, t_ms);
	if (!found || t_ms - found->t_ms > OI_AGE_MAX_MS)
		return false;
	*out = *found;
	return true;
}

size_t rates_oi_count(const struct rates *rates) { return rates->oi.n; }

bool rates_oi_sample(const struct rates *rates, size_t index, struct oi_sample *out)
{
	if (index >= rates->oi.n)
		return false;
	*out = rates->oi.samples[index];
	return true;
}

/* ---- funding, mark, ticker ---- */

void rates_set_interval(struct rates *rates, int32_t minutes)
{
	if (minutes > 0 && minutes <= INTERVAL_MAX_MIN)
		rates->funding.interval_min = minutes;
}

/* A frame that leaves the rate out says it anew only where the stream has said it before:
 * until then what is known keeps its age. The next time is good alone. */
void rates_take_funding(struct rates *rates, const struct event_funding *funding, int64_t t_ms)
{
	struct figure *figure = &rates->of_funding;
	if (!figure_take(figure, t_ms))
		return;
	rates_set_interval(rates, funding->interval_min);
	if (funding->next_ms)
		rates->funding.next_ms = funding->next_ms;
	if (!funding->rate_unchanged) {
		rates->funding.rate = funding->rate;
		rates->has_funding = true;
		figure->live = true;
	}
	if (figure->live)
		rates->funding.t_ms = t_ms;
}

bool rates_funding(const struct rates *rates, struct funding_state *out)
{
	if (rates->has_funding)
		*out = rates->funding;
	return rates->has_funding;
}

/* Of the two the frame may leave one out: what was said before the interruption does not
 * get the time of what is said now. */
void rates_take_mark(struct rates *rates, struct decimal mark, struct decimal index, int64_t t_ms)
{
	struct figure *figure = &rates->of_mark;
	if ((mark.mantissa <= 0 && index.mantissa <= 0) || !figure_take(figure, t_ms))
		return;
	struct mark_state before = figure->live ? rates->mark : (struct mark_state){ 0 };
	rates->mark.mark = mark.mantissa > 0 ? mark : before.mark;
	rates->mark.index = index.mantissa > 0 ? index : before.index;
	rates->mark.t_ms = t_ms;
	figure->live = true;
}

bool rates_mark(const struct rates *rates, struct mark_state *out)
{
	if (rates->mark.t_ms)
		*out = rates->mark;
	return rates->mark.t_ms != 0;
}

/* A delta says by its silence that what it leaves out is as it was. */
static void carry_on(struct rates *rates, int64_t t_ms)
{
	if (rates->of_funding.live && figure_take(&rates->of_funding, t_ms))
		rates->funding.t_ms = t_ms;
	if (rates->of_mark.live && figure_take(&rates->of_mark, t_ms))
		rates->mark.t_ms = t_ms;
	struct oi_sample sample;
	if (rates->of_oi.live && rates_oi(rates, &sample))
		rates_take_oi(rates, sample.qty, false, t_ms);
}

static void ticker_merge(struct ticker_state *state, const struct event_ticker *ticker)
{
	if (ticker->has_last)
		state->last = ticker->last;
	if (ticker->has_change)
		state->change_percent = ticker->change_percent_24h;
	if (ticker->has_volume)
		state->volume = ticker->volume_24h;
	if (ticker->has_quote_volume)
		state->quote_volume = ticker->quote_volume_24h;
	state->has_last |= ticker->has_last;
	state->has_change |= ticker->has_change;
	state->has_volume |= ticker->has_volume;
	state->has_quote_volume |= ticker->has_quote_volume;
}

void rates_take_ticker(struct rates *rates, const struct event_ticker *ticker, int64_t t_ms)
{
	struct figure *figure = &rates->of_ticker;
	if ((!ticker->snapshot && !figure->live) || !figure_take(figure, t_ms))
		return;
	if (ticker->snapshot)
		rates->ticker = (struct ticker_state){ 0 };
	else
		carry_on(rates, t_ms);
	ticker_merge(&rates->ticker, ticker);
	rates->ticker.t_ms = t_ms;
	figure->live = true;
}

bool rates_ticker(const struct rates *rates, struct ticker_state *out)
{
	if (rates->ticker.t_ms)
		*out = rates->ticker;
	return rates->ticker.t_ms != 0;
}

void rates_interrupted(struct rates *rates)
{
	rates->of_funding.live = false;
	rates->of_mark.live = false;
	rates->of_ticker.live = false;
	rates->of_oi.live = false;
}

/* ---- the instrument ---- */

void rates_set_instrument(struct rates *rates, const struct instrument *instrument)
{
	rates->instrument = *instrument;
	rates_set_interval(rates, instrument->funding_interval_min);
}

const struct instrument *rates_instrument(const struct rates *rates) { return &rates->instrument; }

const char *instrument_status_text(enum instrument_status status)
{
	static const char *const texts[] = { "unknown", "trading", "halted", "gone" };
	CHECK((size_t)status < ARRAY_LEN(texts));
	return texts[status];
}
