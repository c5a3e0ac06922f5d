/* The page of /analysis. */
#include <math.h>
#include <stdio.h>

#include "ask/analysis.h"
#include "ask/answer.h"
#include "base/check.h"
#include "def/timeframes.h"

enum { PRICES_CHARS = 1000 };

static void print_market(const struct scene *scene, const void *all, size_t index,
			 struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	(void)all;
	scene_print_label(market, page, 14);
	page_number(page, 24, scene_price_number(market));
	page_marked(page, figure_percent(scene_change(market->last, &market->day), 2, FIGURE_PLUS),
		    market->day.present < DAY_MINUTES ? "*" : "");
	page_end_line(page);
}

static void print_prices(const struct scene *scene, struct page *page)
{
	page_end_line(page);
	page_bold(page, STR("Price, 24 h change"));
	page_table_begin(page);
	scene_print_parts(scene, NULL, page, PRICES_CHARS, print_market);
	page_table_end(page);
}

/* ---- flow ---- */

static void print_flow_head(const struct scene *scene, const struct analysis_facts *facts,
			    struct page *page)
{
	char head[64];
	struct buf text = buf_over(head, sizeof head);
	struct str quote = scene->markets[facts->lead].quote;
	page_end_line(page);
	if (!scene->dollars)
		buf_printf(&text, "Flow, in %.*s", STR_ARG(quote.len ? quote : STR("quote units")));
	else if (scene->count > 1)
		buf_printf(&text, "Flow of %zu market%s, in USD", scene->dollars,
			   scene->dollars > 1 ? "s" : "");
	else
		buf_str_put(&text, STR("Flow, in USD"));
	page_bold(page, buf_str(&text));
}

static void print_flow(const struct quote_flow *total, int32_t minutes, bool gap, struct page *page)
{
	struct sum volume = quote_flow_volume(total), delta = quote_flow_delta(total);
	struct flow flow = quote_flow_as_flow(total);
	page_text(page, asked_timeframe_text(minutes));
	page_text(page, gap ? "*" : "");
	page_number(page, 14, sum_short(&volume, FIGURE_PLAIN));
	page_number(page, 23, sum_short(&delta, FIGURE_PLUS));
	page_number(page, PAGE_COLUMNS, figure_shares(flow_ratio(&flow)));
	page_end_line(page);
}

static void print_cvd(const struct scene *scene, const struct analysis_facts *facts,
		      struct page *page)
{
	bool differ;
	struct figure origin = figure_minute(scene_origin_ms(scene, &differ));
	page_text(page, "CVD since ");
	page_put(page, str_make(origin.text + 5, origin.len - 5u)); /* without the year */
	page_number(page, PAGE_COLUMNS, sum_short(&facts->cvd, FIGURE_PLUS));
	page_end_line(page);
}

static void print_flows(const struct scene *scene, const struct analysis_facts *facts,
			struct page *page)
{
	bool gap = facts->gaps[ANALYSIS_FLOWS - 1];
	print_flow_head(scene, facts, page);
	page_table_begin(page);
	page_right(page, 14, STR("volume"));
	page_right(page, 23, STR("delta"));
	page_right(page, PAGE_COLUMNS, STR("buy/sell"));
	page_end_line(page);
	for (size_t i = 0; i < ANALYSIS_FLOWS; i++)
		print_flow(&facts->flows[i], analysis_spans[i], facts->gaps[i], page);
	print_cvd(scene, facts, page);
	page_fact(page, gap ? "Control 24h*" : "Control 24h", control_text(facts->control));
	page_fact(page, gap ? "Momentum 15m/24h*" : "Momentum 15m/24h",
		  momentum_text(facts->momentum));
	page_fact(page, gap ? "Activity 15m/24h*" : "Activity 15m/24h",
		  activity_text(facts->activity));
	page_table_end(page);
	if (scene->dollars)
		scene_print_sum_notes(scene, page);
}

/* ---- open interest, funding, liquidations ---- */

static void print_oi(const struct oi_total *total, struct page *page)
{
	page_fact_number(page, "Open interest", sum_short(&total->base, FIGURE_PLAIN));
	page_fact_number(page, " in USD", sum_short(&total->quote, FIGURE_PLAIN));
	page_facts(page, "", figure_word("24h"), figure_word("15m"));
	page_facts(page, " change",
		   figure_percent(total->percent[OI_WINDOWS - 1] / 100, 2, FIGURE_PLUS),
		   figure_percent(total->percent[0] / 100, 2, FIGURE_PLUS));
	page_fact(page, " 15m reads as", oi_class_text(total->class[0]));
}

static void print_rates(const struct analysis_facts *facts, struct page *page)
{
	const struct oi_total *oi = &facts->oi_total;
	const struct funding_total *funding = &facts->funding_total;
	if (oi->markets == 0)
		return;
	page_end_line(page);
	page_bold(page, STR("Open interest, funding"));
	page_table_begin(page);
	print_oi(oi, page);
	page_fact_number(page, "Funding per year", funding_annual_number(funding->annual));
	page_table_end(page);
	if (oi->stale || funding->stale)
		page_line(page, "STALE: /oi and /funding say what of it, and how old.");
}

static void print_liquidations(const struct analysis_facts *facts, struct page *page)
{
	const struct liquidation_sums *sums = &facts->liquidations;
	if (facts->in_cascade)
		page_line(page, "A CASCADE of liquidations goes on: /liquidations.");
	if (sums->n_long + sums->n_short == 0)
		return;
	struct figure longs = figure_short(sums->long_e8, 8, FIGURE_PLAIN);
	struct figure shorts = figure_short(sums->short_e8, 8, FIGURE_PLAIN);
	page_printf(page, "Liquidated in 60m%s: longs %.*s, shorts %.*s USD.",
		    sums->at_least ? ", at least" : "", STR_ARG(figure_str(&longs)),
		    STR_ARG(figure_str(&shorts)));
	page_end_line(page);
}

/* ---- indicators ---- */

/* The columns of three timeframes end at 16, 25 and 34; of more, the first three. Labels
 * have 7 characters, figures 8. */
enum { SHOWN = 3, FIRST_END = 16, STEP = 9, FIGURE_CHARS = 8 };

static const char *const labels[] = {
	[INDICATOR_ema50] = "EMA 50",        [INDICATOR_ema200] = "EMA 200",
	[INDICATOR_rsi14] = "RSI 14",        [INDICATOR_stoch_rsi_k] = "Stoch K",
	[INDICATOR_stoch_rsi_d] = "Stoch D", [INDICATOR_macd] = "MACD",
	[INDICATOR_macd_signal] = " signal", [INDICATOR_macd_histogram] = " histo",
	[INDICATOR_adx14] = "ADX 14",        [INDICATOR_atr14] = "ATR 14",
	[INDICATOR_psar] = "PSAR",           [INDICATOR_qqe] = "QQE",
	[INDICATOR_qqe_trail] = " trail",
};
_Static_assert(ARRAY_LEN(labels) == INDICATOR_COUNT, "a label for each");

/* Those of 0..100; the others are prices or differences of prices. */
static bool is_percent(enum indicator indicator)
{
	switch (indicator) {
	case INDICATOR_rsi14:
	case INDICATOR_stoch_rsi_k:
	case INDICATOR_stoch_rsi_d:
	case INDICATOR_adx14:
	case INDICATOR_qqe:
	case INDICATOR_qqe_trail: return true;
	default: return false;
	}
}

/* As many places as the price has, as far as the column is wide; a figure of many zeros in
 * front has an exponent. */
static struct figure figure(double value, int32_t places)
{
	char text[64];
	bool small = value != 0 && fabs(value) < 0.01;
	for (int32_t cut = places; cut >= 0; cut--) {
		struct figure out = figure_fixed(value, cut, FIGURE_PLAIN);
		if (out.len <= FIGURE_CHARS && !(small && cut < places))
			return out;
	}
	snprintf(text, sizeof text, "%.1e", value);
	return figure_word(text);
}

static struct figure indicator_number(enum indicator indicator, double value,
				      const struct scene_market *market)
{
	if (is_percent(indicator))
		return figure_fixed(value, 1, FIGURE_PLAIN);
	return figure(value, figure_price_places(market->last, market->price_scale));
}

static void print_row(const struct scene_market *market, const struct analysis_facts *facts,
		      size_t shown, enum indicator indicator, struct page *page)
{
	page_text(page, labels[indicator]);
	for (size_t t = 0; t < shown; t++)
		page_number(page, FIRST_END + (uint32_t)t * STEP,
			    indicator_number(indicator,
					     facts->indicators[t].closed.value[indicator], market));
	page_end_line(page);
}

/* Of the open bars only this one: it moves most and is looked at first. */
static bool print_open(const struct analysis_facts *facts, size_t shown, struct page *page)
{
	bool any = false;
	for (size_t t = 0; t < shown; t++)
		any |= facts->indicators[t].open.provisional;
	if (!any)
		return false;
	page_text(page, " open~");
	for (size_t t = 0; t < shown; t++) {
		const struct indicator_values *open = &facts->indicators[t].open;
		page_number(page, FIRST_END + (uint32_t)t * STEP,
			    open->provisional
				? figure_fixed(open->value[INDICATOR_rsi14], 1, FIGURE_PLAIN)
				: figure_none());
	}
	page_end_line(page);
	return true;
}

static void print_ages(const struct scene *scene, const struct analysis_indicators *one,
		       struct page *page)
{
	const char *timeframe = timeframe_text(one->minutes);
	if (one->closed.bars < SERIES_BARS) {
		page_printf(page, "%s: warming up, %zu of %d.", timeframe, one->closed.bars,
			    SERIES_BARS);
		page_end_line(page);
	}
	if (one->closed.bars == 0 || !one->stale)
		return;
	struct figure age = figure_age(scene_age_ms(scene, one->closed.close_ms));
	page_printf(page, "%s: STALE, the newest bar ended %.*s ago.", timeframe,
		    STR_ARG(figure_str(&age)));
	page_end_line(page);
}

/* One of each function: its other outputs follow from the first. */
static void print_conventions(enum ta_convention convention, struct page *page)
{
	static const int outputs[] = {
#define INDICATOR(id, field, title, function, output, text) [INDICATOR_##id] = output,
#include "def/indicators.def"
	};
	page_text(page, "Closed bars only.");
	for (int i = 0; i < INDICATOR_COUNT; i++)
		if (outputs[i] == 0)
			page_printf(page, " %s: %s.", indicator_row((enum indicator)i)->title,
				    indicator_convention((enum indicator)i, convention));
	page_end_line(page);
}

static bool has_bars(const struct analysis_facts *facts, size_t shown)
{
	size_t bars = 0;
	for (size_t t = 0; t < shown; t++)
		bars += facts->indicators[t].closed.bars;
	return bars > 0;
}

static void print_indicators(const struct scene *scene, const struct analysis_facts *facts,
			     struct page *page)
{
	const struct scene_market *market = &scene->markets[facts->lead];
	size_t shown = facts->n_indicators < SHOWN ? facts->n_indicators : SHOWN;
	bool open = false;
	for (size_t t = 0; t < shown; t++)
		print_ages(scene, &facts->indicators[t], page);
	if (shown == 0 || !has_bars(facts, shown))
		return;
	page_table_begin(page);
	for (size_t t = 0; t < shown; t++)
		page_right(page, FIRST_END + (uint32_t)t * STEP,
			   str_of(timeframe_text(facts->indicators[t].minutes)));
	page_end_line(page);
	for (enum indicator i = 0; i < INDICATOR_COUNT; i++) {
		print_row(market, facts, shown, i, page);
		if (i == INDICATOR_rsi14)
			open = print_open(facts, shown, page);
	}
	page_table_end(page);
	if (open)
		page_line(page, "~ provisional: RSI if the open bar closed now.");
	print_conventions(facts->indicators[0].convention, page);
}

/* ---- the page ---- */

/* The indicators show it: of the venue's bars, which reach farther back than ours. */
static bool has_atr(const struct analysis_facts *facts)
{
	for (size_t t = 0; t < facts->n_indicators && t < SHOWN; t++)
		if (facts->indicators[t].minutes == 15 &&
		    !isnan(facts->indicators[t].closed.value[INDICATOR_atr14]))
			return true;
	return false;
}

static void print_lead(const struct scene *scene, const struct analysis_facts *facts,
		       struct page *page)
{
	const struct scene_market *market = &scene->markets[facts->lead];
	int32_t places = figure_price_places(market->last, market->price_scale);
	scene_print_head(scene, market, page);
	page_table_begin(page);
	page_fact_number(page, "Volatility 24h",
			 figure_percent(facts->volatility, 2, FIGURE_PLAIN));
	if (!has_atr(facts))
		page_fact_number(page, "ATR(14) 15m",
				 figure_fixed(facts->atr, places, FIGURE_PLAIN));
	page_fact(page, "CVD trend 15m", trend_text(facts->trend));
	page_fact(page, "Divergence 15m", divergence_text(facts->divergence));
	page_facts(page, "Volume 15m", figure_word(spike_word(&facts->spike)),
		   figure_percent(facts->spike.percent_over / 100, 0, FIGURE_PLUS));
	page_table_end(page);
	print_indicators(scene, facts, page);
}

void analysis_print(const struct scene *scene, const struct analysis_facts *facts,
		    struct page *page)
{
	scene_print_title(scene, page, "analysis");
	print_prices(scene, page);
	print_flows(scene, facts, page);
	print_rates(facts, page);
	print_liquidations(facts, page);
	print_lead(scene, facts, page);
	scene_print_gap_note(scene, page);
}
