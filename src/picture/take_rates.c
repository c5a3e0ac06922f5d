/* Open interest and funding; liquidations. */
#include <math.h>

#include "ask/answer.h"
#include "ask/rates_facts.h"
#include "picture/take.h"

enum {
	OI_MINUTES = 5,
	OI_SLOTS = DAY_MINUTES / OI_MINUTES,
	LIQUIDATION_MINUTES = 15,
	LIQUIDATION_SLOTS = DAY_MINUTES / LIQUIDATION_MINUTES,
	LIQUIDATION_SCALE = 8,
};

/* ---- open interest ---- */

/* At the end of each slot, over the markets that tell it; where one of them has no sample
 * there is no sum. */
struct oi_slots {
	struct sum sum[PICTURE_SLOTS];
	size_t told[PICTURE_SLOTS];
	bool known[PICTURE_SLOTS];
	size_t markets;
};

static void add_oi(const struct take *take, const struct rates *rates, struct oi_slots *out)
{
	struct oi_sample newest, sample;
	if (!rates_oi(rates, &newest))
		return;
	out->markets++;
	for (size_t i = 0; i < take->facts->slots; i++) {
		int64_t end_ms = take->facts->from_ms + (int64_t)(i + 1) * take->facts->step_ms - 1;
		/* The open slot shows what is known now. */
		bool known = i + 1 == take->facts->slots && newest.t_ms <= end_ms
				 ? (sample = newest, true)
				 : rates_oi_at(rates, end_ms, &sample);
		if (!known)
			continue;
		sum_add(&out->sum[i], sample.qty.mantissa, sample.qty.scale);
		out->told[i]++;
	}
}

static void note_oi_change(struct picture_panel *panel, const struct oi_slots *slots, size_t n)
{
	size_t first = 0, last = n;
	while (first < n && !slots->known[first])
		first++;
	while (last > first && !slots->known[last - 1])
		last--;
	if (first == last)
		return;
	double from = decimal_to_double(slots->sum[first].value, slots->sum[first].scale);
	double to = decimal_to_double(slots->sum[last - 1].value, slots->sum[last - 1].scale);
	struct figure change =
	    figure_percent(from > 0 ? to / from - 1 : (double)NAN, 2, FIGURE_PLUS);
	take_text(panel->note, sizeof panel->note, figure_str(&change));
}

static void take_interest(struct take *take)
{
	struct oi_slots slots;
	memset(&slots, 0, sizeof slots);
	for (size_t i = 0; i < take->scene.count; i++)
		add_oi(take, market_rates(take->scene.markets[i].market), &slots);
	for (size_t i = 0; i < take->facts->slots; i++)
		slots.known[i] = slots.markets && slots.told[i] == slots.markets;
	struct str asset = scene_asset(&take->scene);
	struct picture_panel *panel =
	    slots.markets > 1 ? take_panel(take->facts, PICTURE_LINE, 38,
					   "Open interest · %.*s, %zu markets, one-sided",
					   STR_ARG(asset), slots.markets)
			      : take_panel(take->facts, PICTURE_LINE, 38,
					   "Open interest · %.*s, one-sided", STR_ARG(asset));
	take_text(panel->empty, sizeof panel->empty, STR("No open interest heard yet."));
	take_sums(panel, 0, slots.sum, slots.known, take->facts->slots);
	note_oi_change(panel, &slots, take->facts->slots);
}

/* ---- funding ---- */

static void put_funding(const struct take *take, const struct scene_market *market,
			struct picture_meter *meter)
{
	struct funding_facts facts;
	struct buf text = buf_over(meter->text, sizeof meter->text - 1);
	funding_facts_of(&take->scene, market, &facts);
	take_text(meter->label, sizeof meter->label, str_of(market->label));
	meter->known = facts.known;
	struct figure rate = funding_rate_number(facts.known ? facts.rate : (double)NAN);
	struct figure annual = funding_annual_number(facts.known ? facts.annual : (double)NAN);
	buf_str_put(&text, figure_str(&rate));
	if (facts.known && !isnan(facts.annual))
		buf_printf(&text, ", a year %.*s", STR_ARG(figure_str(&annual)));
	if (facts.known && facts.stale)
		buf_printf(&text, " (old)");
	meter->text[text.len] = 0;
}

/* Bars show the rate of an interval, as it was said. */
static void put_rates(const struct take *take, struct picture_panel *panel)
{
	struct decimal rate[PICTURE_METERS] = { 0 };
	for (size_t i = 0; i < panel->meters; i++) {
		struct funding_state state;
		if (rates_funding(market_rates(take->scene.markets[i].market), &state))
			rate[i] = state.rate;
		if (rate[i].scale > panel->scale)
			panel->scale = rate[i].scale;
	}
	for (size_t i = 0; i < panel->meters; i++) {
		struct sum sum = { .scale = panel->scale };
		sum_add(&sum, rate[i].mantissa, rate[i].scale);
		panel->meter[i].value = sum.bad ? 0 : sum.value;
	}
}

static void take_funding(struct take *take)
{
	size_t count = take->scene.count < PICTURE_METERS ? take->scene.count : PICTURE_METERS;
	uint32_t share = 6 + 9 * (uint32_t)count;
	struct picture_panel *panel =
	    take_panel(take->facts, PICTURE_METER, share, "Funding rate of an interval");
	panel->meters = count;
	for (size_t i = 0; i < count; i++)
		put_funding(take, &take->scene.markets[i], &panel->meter[i]);
	put_rates(take, panel);
	if (count < take->scene.count) {
		struct buf note = buf_over(panel->note, sizeof panel->note - 1);
		buf_printf(&note, "and %zu more", take->scene.count - count);
		panel->note[note.len] = 0;
	}
}

void take_oi(struct take *take)
{
	take_slots(take, OI_MINUTES, take->scene.as_of_ms, OI_SLOTS);
	take_price(take, PICTURE_LINE, 38);
	take_interest(take);
	take_funding(take);
}

/* ---- liquidations ---- */

static void note_liquidations(struct picture_panel *panel, const struct liquidation_sums *total)
{
	struct figure longs = figure_short(total->long_e8, LIQUIDATION_SCALE, FIGURE_PLAIN);
	struct figure shorts = figure_short(total->short_e8, LIQUIDATION_SCALE, FIGURE_PLAIN);
	struct buf note = buf_over(panel->note, sizeof panel->note - 1);
	buf_printf(&note, "%s%.*s up, %.*s down", total->at_least ? "at least " : "",
		   STR_ARG(figure_str(&shorts)), STR_ARG(figure_str(&longs)));
	panel->note[note.len] = 0;
}

static void put_liquidations(const struct take *take, const struct liquidations *all,
			     struct str asset, struct picture_panel *panel)
{
	struct liquidation_sums total = { 0 }, sums;
	for (size_t i = 0; i < take->facts->slots; i++) {
		int64_t end_ms = take->facts->from_ms + (int64_t)(i + 1) * take->facts->step_ms - 1;
		liquidations_sum(all, asset, LIQUIDATION_MINUTES, end_ms, &sums);
		panel->known[i] = sums.n_long || sums.n_short;
		panel->value[0][i] = sums.short_e8;
		panel->value[1][i] = sums.long_e8;
		total.short_e8 += sums.short_e8;
		total.long_e8 += sums.long_e8;
		total.n_long += sums.n_long;
		total.n_short += sums.n_short;
		total.at_least |= sums.at_least;
	}
	if (total.n_long || total.n_short)
		note_liquidations(panel, &total);
}

void take_liquidations(struct take *take)
{
	int64_t until_ms = liquidations_until_ms(&take->scene);
	struct str asset = scene_asset(&take->scene);
	take_slots(take, LIQUIDATION_MINUTES,
		   until_ms > take->scene.as_of_ms ? until_ms : take->scene.as_of_ms,
		   LIQUIDATION_SLOTS);
	take_price(take, PICTURE_CANDLES, 50);
	struct picture_panel *panel =
	    take_panel(take->facts, PICTURE_SIDES, 50,
		       "Liquidated · %.*s, USD · shorts up, longs down", STR_ARG(asset));
	panel->scale = LIQUIDATION_SCALE;
	take_text(panel->empty, sizeof panel->empty, STR("No liquidation heard in 24 h."));
	put_liquidations(take, markets_liquidations(take->scene.world->markets), asset, panel);
}
