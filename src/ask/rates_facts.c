#include "ask/rates_facts.h"

#include <math.h>

const int32_t oi_spans[OI_WINDOWS] = { 15, 60, 1440 };

void oi_facts_of(const struct scene *scene, const struct scene_market *market, struct oi_facts *out)
{
	*out = (struct oi_facts){ 0 };
	out->known = rates_oi(market_rates(market->market), &out->sample);
	for (size_t i = 0; i < OI_WINDOWS; i++)
		market_oi_change(market->market, oi_spans[i], &out->changes[i]);
	if (!out->known)
		return;
	out->age_ms = scene_age_ms(scene, out->sample.t_ms);
	out->stale = out->age_ms > RATES_OI_FRESH_MS;
	out->has_quote = market->last > 0;
	out->quote = (i128)out->sample.qty.mantissa * market->last;
	out->quote_scale = out->sample.qty.scale + market->price_scale;
}

static double value_of(struct decimal decimal)
{
	return decimal_to_double(decimal.mantissa, decimal.scale);
}

static void take_mark(const struct scene *scene, const struct rates *rates,
		      struct funding_facts *out)
{
	const struct decimal *mark = &out->mark.mark, *index = &out->mark.index;
	out->has_mark = rates_mark(rates, &out->mark);
	if (!out->has_mark)
		return;
	out->mark_age_ms = scene_age_ms(scene, out->mark.t_ms);
	out->mark_stale = out->mark_age_ms > scene->world->options.stale_ms;
	if (mark->mantissa > 0 && index->mantissa > 0)
		out->premium = value_of(*mark) / value_of(*index) - 1;
}

void funding_facts_of(const struct scene *scene, const struct scene_market *market,
		      struct funding_facts *out)
{
	const struct rates *rates = market_rates(market->market);
	*out = (struct funding_facts){ .rate = NAN, .annual = NAN, .left_ms = -1, .premium = NAN };
	take_mark(scene, rates, out);
	out->known = rates_funding(rates, &out->state);
	if (!out->known)
		return;
	out->age_ms = scene_age_ms(scene, out->state.t_ms);
	out->stale = out->age_ms > RATES_FRESH_MS;
	out->rate = value_of(out->state.rate);
	out->annual = funding_annual(out->rate, out->state.interval_min);
	out->pressure = funding_pressure_of(out->rate);
	if (out->state.next_ms > 0)
		out->left_ms = out->state.next_ms - scene->now_ms;
}

void venue_day_of(const struct scene *scene, const struct scene_market *market,
		  struct venue_day *out)
{
	struct ticker_state ticker;
	*out = (struct venue_day){ 0 };
	if (market->day.present >= DAY_MINUTES ||
	    !rates_ticker(market_rates(market->market), &ticker))
		return;
	out->age_ms = scene_age_ms(scene, ticker.t_ms);
	out->stale = out->age_ms > RATES_FRESH_MS;
	out->has_change = ticker.has_change;
	out->has_volume = ticker.has_quote_volume;
	out->change_percent = ticker.change_percent;
	out->quote_volume = ticker.quote_volume;
}

/* ---- totals ---- */

/* The price's move that a class speaks of; 0: it speaks of none. */
static int price_move(enum oi_class class)
{
	switch (class) {
	case OI_NEW_LONGS:
	case OI_SHORT_SQUEEZE: return 1;
	case OI_NEW_SHORTS:
	case OI_LONG_LIQUIDATION: return -1;
	case OI_CLASS_NONE: break;
	}
	return 0;
}

static enum oi_class class_of(const struct sum *change, int price)
{
	if (change->bad || change->value == 0 || price == 0)
		return OI_CLASS_NONE;
	if (change->value > 0)
		return price > 0 ? OI_NEW_LONGS : OI_NEW_SHORTS;
	return price > 0 ? OI_SHORT_SQUEEZE : OI_LONG_LIQUIDATION;
}

static bool counts(const struct scene *scene, const struct oi_facts *facts, size_t index)
{
	return facts[index].known && scene->markets[index].dollar;
}

/* The change of the sum, and against what the sum was. */
static void total_change(const struct scene *scene, const struct oi_facts *facts, size_t window,
			 struct oi_total *out)
{
	struct sum *change = &out->change[window];
	bool up = false, down = false;
	for (size_t i = 0; i < scene->count; i++) {
		const struct oi_change *one = &facts[i].changes[window];
		if (!counts(scene, facts, i))
			continue;
		if (isnan(one->absolute))
			change->bad = true;
		else
			sum_add(change, one->exact, one->scale);
		up |= price_move(one->class) > 0;
		down |= price_move(one->class) < 0;
	}
	struct sum before = sum_minus(out->base, *change);
	if (!before.bad && before.value > 0)
		out->percent[window] = 100 * decimal_to_double(change->value, change->scale) /
				       decimal_to_double(before.value, before.scale);
	out->class[window] = class_of(change, up - down);
}

void oi_total_of(const struct scene *scene, const struct oi_facts *facts, struct oi_total *out)
{
	*out = (struct oi_total){ 0 };
	for (size_t i = 0; i < scene->count; i++) {
		const struct oi_facts *one = &facts[i];
		if (!counts(scene, facts, i))
			continue;
		out->markets++;
		out->stale |= one->stale;
		sum_add(&out->base, one->sample.qty.mantissa, one->sample.qty.scale);
		if (one->has_quote)
			sum_add(&out->quote, one->quote, one->quote_scale);
		else
			out->quote.bad = true;
	}
	out->base.bad |= out->markets == 0;
	out->quote.bad |= out->markets == 0;
	for (size_t w = 0; w < OI_WINDOWS; w++) {
		out->percent[w] = NAN;
		out->change[w].bad = out->markets == 0;
		total_change(scene, facts, w, out);
	}
}

void funding_total_of(const struct scene *scene, const struct oi_facts *oi,
		      const struct funding_facts *funding, struct funding_total *out)
{
	double sum = 0, weights = 0;
	*out = (struct funding_total){ 0 };
	for (size_t i = 0; i < scene->count; i++) {
		if (!counts(scene, oi, i) || !oi[i].has_quote || isnan(funding[i].annual))
			continue;
		double weight = decimal_to_double(oi[i].quote, oi[i].quote_scale);
		sum += weight * funding[i].annual;
		weights += weight;
		out->markets++;
		out->stale |= oi[i].stale || funding[i].stale;
	}
	out->annual = weights > 0 ? sum / weights : (double)NAN;
}

static bool is_any_stale(const struct scene *scene, const struct scene_market *market,
			 unsigned which)
{
	struct oi_sample sample;
	struct funding_facts funding;
	struct venue_day venue;
	bool oi = rates_oi(market_rates(market->market), &sample);
	funding_facts_of(scene, market, &funding);
	venue_day_of(scene, market, &venue);
	return ((which & RATES_OI) && oi && scene_age_ms(scene, sample.t_ms) > RATES_OI_FRESH_MS) ||
	       ((which & RATES_FUNDING) && funding.stale) ||
	       ((which & RATES_MARK) && funding.mark_stale) ||
	       ((which & RATES_VENUE) && venue.stale);
}

bool rates_any_stale(const struct scene *scene, unsigned which)
{
	for (size_t i = 0; which && i < scene->count; i++)
		if (is_any_stale(scene, &scene->markets[i], which))
			return true;
	return false;
}

/* ---- as people and programs see them ---- */

struct figure funding_rate_number(double rate) { return figure_percent(rate, 4, FIGURE_PLUS); }

struct figure funding_annual_number(double annual)
{
	return figure_percent(annual, 2, FIGURE_PLUS);
}

struct figure oi_percent_number(double percent)
{
	double size = fabs(percent);
	if (size >= 1e6)
		return figure_word("> 1e6"); /* from next to nothing */
	if (size >= 999.95)
		return figure_short_double(percent, FIGURE_PLUS);
	return figure_fixed(percent, size < 99.995 ? 2 : 1, FIGURE_PLUS);
}

void rates_print_stale(bool stale, int64_t age_ms, struct page *page)
{
	char text[FIGURE_BYTES + 8];
	struct buf old = buf_over(text, sizeof text);
	struct figure age = figure_age(age_ms);
	if (!stale)
		return;
	buf_printf(&old, "%.*s old", STR_ARG(figure_str(&age)));
	page_text(page, " STALE!");
	page_right(page, PAGE_COLUMNS, buf_str(&old));
	page_end_line(page);
}

void oi_json(const struct oi_facts *facts, struct json_out *json)
{
	const struct oi_sample *sample = &facts->sample;
	json_out_known_decimal(json, "open_interest", facts->known, sample->qty.mantissa,
			       sample->qty.scale);
	json_out_known_i64(json, "open_interest_ms", facts->known, sample->t_ms);
	json_out_known_bool(json, "open_interest_stale", facts->known, facts->stale);
}

void funding_json(const struct funding_facts *facts, struct json_out *json)
{
	const struct funding_state *state = &facts->state;
	json_out_known_decimal(json, "funding_rate", facts->known, state->rate.mantissa,
			       state->rate.scale);
	json_out_double(json, "funding_annual_percent", facts->annual * 100, 6);
	json_out_known_i64(json, "funding_next_ms", state->next_ms > 0, state->next_ms);
	json_out_known_bool(json, "funding_stale", facts->known, facts->stale);
}
