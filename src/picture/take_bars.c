/* Price, CVD, delta and volume, bar by bar. */
#include <math.h>

#include "picture/take.h"

enum { BARS_SHOWN = 160, TIMEFRAME_USUAL = 15 };

/* One market's bars by slot; `held[i]`: there is one. */
struct bars {
	struct bar bar[PICTURE_SLOTS];
	bool held[PICTURE_SLOTS];
};

static void read_bars(const struct take *take, const struct scene_market *market, struct bars *out)
{
	struct bar bars[PICTURE_SLOTS];
	size_t slot, n = market_bars(market->market, take->minutes, bars, NULL, take->facts->slots);
	memset(out->held, 0, sizeof out->held);
	for (size_t i = 0; i < n; i++) {
		if (!take_slot(take, bars[i].minute_ms, &slot))
			continue;
		out->bar[slot] = bars[i];
		out->held[slot] = true;
	}
}

/* ---- price ---- */

/* From the first price shown to the last. */
static void note_change(const struct take *take, struct picture_panel *panel)
{
	size_t first = 0;
	while (first < take->facts->slots && !panel->known[first])
		first++;
	if (first == take->facts->slots)
		return;
	double from = decimal_to_double(panel->value[0][first], panel->scale);
	double last = decimal_to_double(take->lead->last, panel->scale);
	struct figure change =
	    figure_percent(from > 0 ? last / from - 1 : (double)NAN, 2, FIGURE_PLUS);
	take_text(panel->note, sizeof panel->note, figure_str(&change));
}

void take_price(struct take *take, enum picture_form form, uint32_t share)
{
	const struct scene_market *lead = take->lead;
	struct picture_panel *panel = take_panel(
	    take->facts, form, share, "Price · %s %s %s", venue_title((enum venue)lead->id->venue),
	    kind_text((enum kind)lead->id->kind), lead->id->symbol);
	struct bars bars;
	read_bars(take, lead, &bars);
	panel->scale = lead->price_scale;
	panel->is_price = true;
	for (size_t i = 0; i < take->facts->slots; i++) {
		const struct bar *bar = &bars.bar[i];
		panel->known[i] = bars.held[i] && bar->close > 0;
		if (!panel->known[i])
			continue;
		panel->value[0][i] = form == PICTURE_CANDLES ? bar->open : bar->close;
		panel->value[1][i] = bar->high;
		panel->value[2][i] = bar->low;
		panel->value[3][i] = bar->close;
	}
	note_change(take, panel);
}

/* ---- sums ---- */

/* Quote units over the markets that count: the dollar markets or, without one, the lead. */
struct flows {
	struct sum cvd[PICTURE_SLOTS], delta[PICTURE_SLOTS], volume[PICTURE_SLOTS];
	bool known[PICTURE_SLOTS];
	size_t markets;
};

static bool counts(const struct take *take, const struct scene_market *market)
{
	return take->scene.dollars ? market->dollar : market == take->lead;
}

/* The CVD at a bar's end is that of the end of all, less the deltas that came later. */
static void add_cvd(const struct take *take, const struct scene_market *market,
		    const struct bars *bars, struct flows *out)
{
	i128 base, quote;
	int64_t origin_ms;
	market_cvd(market->market, &base, &quote, &origin_ms);
	for (size_t i = take->facts->slots; i-- > 0;) {
		int64_t begin_ms = take->facts->from_ms + (int64_t)i * take->facts->step_ms;
		if (begin_ms + take->facts->step_ms <= origin_ms)
			break;
		sum_add(&out->cvd[i], quote, market->quote_scale);
		out->known[i] = true;
		if (bars->held[i])
			quote -= bars->bar[i].buy_quote - bars->bar[i].sell_quote;
	}
}

static void add_market(struct take *take, const struct scene_market *market, struct flows *out)
{
	struct bars bars;
	read_bars(take, market, &bars);
	for (size_t i = 0; i < take->facts->slots; i++) {
		const struct bar *bar = &bars.bar[i];
		/* The last bar is open and says so by where it stands. */
		if (i + 1 < take->facts->slots)
			take->facts->shaded[i] |= !bars.held[i] || (bar->flags & BAR_PARTIAL);
		if (!bars.held[i])
			continue;
		sum_add(&out->delta[i], bar->buy_quote - bar->sell_quote, market->quote_scale);
		sum_add(&out->volume[i], bar->buy_quote + bar->sell_quote, market->quote_scale);
	}
	add_cvd(take, market, &bars, out);
	out->markets++;
}

/* Slots before the first minute of all are not missing: they are not there. */
static void add_markets(struct take *take, struct flows *out)
{
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < take->scene.count; i++)
		if (counts(take, &take->scene.markets[i]))
			add_market(take, &take->scene.markets[i], out);
	for (size_t i = 0; i < take->facts->slots; i++)
		take->facts->shaded[i] &= out->known[i];
}

static struct picture_panel *sum_panel(struct take *take, enum picture_form form, uint32_t share,
				       const char *what, const struct flows *flows)
{
	struct str quote = take->scene.dollars ? STR("USD") : take->lead->quote;
	if (!quote.len)
		quote = STR("quote units");
	if (flows->markets == 1)
		return take_panel(take->facts, form, share, "%s · %.*s", what, STR_ARG(quote));
	return take_panel(take->facts, form, share, "%s · %.*s, %zu markets", what, STR_ARG(quote),
			  flows->markets);
}

static void note_sum(struct picture_panel *panel, const struct sum *sum, const char *what,
		     enum figure_sign sign)
{
	struct buf text = buf_over(panel->note, sizeof panel->note - 1);
	struct figure figure = sum_short(sum, sign);
	buf_printf(&text, "%s%.*s", what, STR_ARG(figure_str(&figure)));
	panel->note[text.len] = 0;
}

static struct sum add_up(const struct sum *sums, size_t n)
{
	struct sum total = { 0 };
	for (size_t i = 0; i < n; i++)
		total = sum_plus(total, sums[i]);
	return total;
}

static void start(struct take *take)
{
	take_slots(take, take->asked.minutes ? take->asked.minutes : TIMEFRAME_USUAL,
		   take->scene.as_of_ms, BARS_SHOWN);
}

void take_cvd(struct take *take)
{
	struct flows flows;
	start(take);
	take_price(take, PICTURE_CANDLES, 55);
	add_markets(take, &flows);
	struct picture_panel *panel = sum_panel(take, PICTURE_LINE, 45, "CVD", &flows);
	struct sum change = add_up(flows.delta, take->facts->slots);
	take_sums(panel, 0, flows.cvd, flows.known, take->facts->slots);
	note_sum(panel, &change, "", FIGURE_PLUS);
}

void take_delta(struct take *take)
{
	struct flows flows;
	start(take);
	take_price(take, PICTURE_CANDLES, 40);
	add_markets(take, &flows);
	struct sum delta = add_up(flows.delta, take->facts->slots);
	struct sum volume = add_up(flows.volume, take->facts->slots);
	struct picture_panel *panel = sum_panel(take, PICTURE_BARS, 35, "Delta", &flows);
	take_sums(panel, 0, flows.delta, flows.known, take->facts->slots);
	note_sum(panel, &delta, "sum ", FIGURE_PLUS);
	panel = sum_panel(take, PICTURE_VOLUME, 25, "Volume", &flows);
	take_sums(panel, 1, flows.delta, flows.known, take->facts->slots);
	take_sums(panel, 0, flows.volume, flows.known, take->facts->slots);
	note_sum(panel, &volume, "sum ", FIGURE_PLAIN);
}
