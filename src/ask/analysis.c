#include "ask/analysis.h"

#include <math.h>

#include "ask/answer.h"
#include "def/timeframes.h"

/* A bar is there some seconds after its end; where the venue has to be asked, later. */
enum { BAR_GRACE_MINUTES = 2 };

const int32_t analysis_spans[ANALYSIS_FLOWS] = { 15, 60, DAY_MINUTES };

/* ---- facts ---- */

/* Fresh ones before stale ones, dollars before other quotes, whose volumes do not compare. */
static int rank_of(const struct scene_market *market)
{
	return 2 * !market->stale + market->dollar;
}

static size_t find_lead(const struct scene *scene)
{
	size_t lead = 0;
	double most = -1;
	for (size_t i = 0; i < scene->count; i++) {
		const struct scene_market *market = &scene->markets[i];
		const struct flow *day = &market->day.flow;
		double volume =
		    decimal_to_double(day->buy_quote + day->sell_quote, market->quote_scale);
		int better = rank_of(market) - rank_of(&scene->markets[lead]);
		if (better < 0 || (better == 0 && volume <= most))
			continue;
		most = volume;
		lead = i;
	}
	return lead;
}

/* Whether the market is in the flows. */
static bool is_counted(const struct scene *scene, size_t lead, size_t index)
{
	return scene->dollars ? scene->markets[index].dollar : index == lead;
}

static void find_flow(const struct scene *scene, size_t window, struct analysis_facts *out)
{
	for (size_t i = 0; i < scene->count; i++) {
		const struct scene_market *market = &scene->markets[i];
		struct window common;
		if (!is_counted(scene, out->lead, i))
			continue;
		scene_window_common(market, analysis_spans[window], &common);
		quote_flow_add(&out->flows[window], &common.flow, market->quote_scale);
		out->gaps[window] |= common.present < analysis_spans[window];
	}
}

static void find_cvd(const struct scene *scene, struct analysis_facts *out)
{
	for (size_t i = 0; i < scene->count; i++) {
		i128 base, quote;
		int64_t origin_ms;
		if (!is_counted(scene, out->lead, i))
			continue;
		market_cvd(scene->markets[i].market, &base, &quote, &origin_ms);
		sum_add(&out->cvd, quote, scene->markets[i].quote_scale);
	}
}

/* Only what is known long enough is compared. */
static void judge(const struct scene *scene, struct analysis_facts *out)
{
	const struct scene_market *only = scene->dollars ? NULL : &scene->markets[out->lead];
	struct flow quarter = quote_flow_as_flow(&out->flows[0]);
	struct flow day = quote_flow_as_flow(&out->flows[ANALYSIS_FLOWS - 1]);
	out->control = flow_control(&day);
	out->momentum = flow_momentum(&quarter, &day);
	out->activity = flow_activity(&quarter, &day, &out->activity_times);
	if (!scene_knows(scene, only, SHARE_MINUTES))
		out->momentum = MOMENTUM_NONE;
	if (!scene_knows(scene, only, VOLUME_MINUTES)) {
		out->activity = ACTIVITY_NONE;
		out->activity_times = NAN;
	}
}

static void find_rates(const struct scene *scene, struct analysis_facts *out)
{
	for (size_t i = 0; i < scene->count; i++) {
		oi_facts_of(scene, &scene->markets[i], &out->oi[i]);
		funding_facts_of(scene, &scene->markets[i], &out->funding[i]);
	}
	oi_total_of(scene, out->oi, &out->oi_total);
	funding_total_of(scene, out->oi, out->funding, &out->funding_total);
}

static void find_liquidations(const struct scene *scene, struct analysis_facts *out)
{
	const struct liquidations *all = markets_liquidations(scene->world->markets);
	liquidations_sum(all, scene_asset(scene), 60, liquidations_until_ms(scene),
			 &out->liquidations);
	out->in_cascade = liquidations_cascade(all, scene_asset(scene), &out->cascade);
}

static void find_indicators(const struct scene *scene, struct market *market,
			    struct analysis_facts *out)
{
	const struct series *series;
	while ((series = market_series_at(market, out->n_indicators))) {
		struct analysis_indicators *one = &out->indicators[out->n_indicators++];
		struct series_bar open;
		one->minutes = series_minutes(series);
		one->convention = series_convention(series);
		series_indicators(series, &one->closed);
		one->stale = scene_age_ms(scene, one->closed.close_ms) >
			     (one->minutes + BAR_GRACE_MINUTES) * (int64_t)MINUTE_MS;
		if (market_series_open(market, series, &open))
			series_provisional(series, &open, &one->open);
	}
}

static void find_of_lead(const struct scene *scene, struct analysis_facts *out)
{
	struct market *market = scene->markets[out->lead].market;
	out->volatility = market_volatility(market, DAY_MINUTES);
	out->atr = market_atr(market, 15);
	out->trend = market_cvd_trend(market, 15);
	out->divergence = market_divergence(market, 15);
	market_spike(market, 15, &out->spike);
	find_indicators(scene, market, out);
}

void analysis_find(const struct scene *scene, struct analysis_facts *out)
{
	*out = (struct analysis_facts){ .lead = find_lead(scene) };
	for (size_t i = 0; i < ANALYSIS_FLOWS; i++)
		find_flow(scene, i, out);
	find_cvd(scene, out);
	judge(scene, out);
	find_rates(scene, out);
	find_liquidations(scene, out);
	find_of_lead(scene, out);
}

/* ---- JSON ---- */

static void json_market(const struct scene_market *market, struct json_out *json)
{
	const struct flow *day = &market->day.flow;
	scene_json_market(market, json);
	json_out_known_decimal(json, "price", market->last > 0, market->last, market->price_scale);
	json_out_double(json, "change_24h_percent", scene_change(market->last, &market->day) * 100,
			6);
	json_out_decimal(json, "volume_24h_quote", day->buy_quote + day->sell_quote,
			 market->quote_scale);
	json_out_double(json, "buy_share_24h", flow_ratio(day), 6);
	scene_json_market_end(market, &market->day, json);
}

/* Null where no market is in the total: the page then shows the lead's own. */
static void json_sum(const struct scene *scene, const struct sum *sum, const char *key,
		     struct json_out *json)
{
	if (scene->dollars)
		sum_json(sum, json, key);
	else
		json_out_null(json, key);
}

static void json_flow(const struct scene *scene, const struct quote_flow *total, int32_t minutes,
		      struct json_out *json)
{
	struct sum volume = quote_flow_volume(total), delta = quote_flow_delta(total);
	struct flow flow = quote_flow_as_flow(total);
	json_out_open(json, NULL, '{');
	json_out_str(json, "timeframe", str_of(asked_timeframe_text(minutes)));
	json_sum(scene, &volume, "volume", json);
	json_sum(scene, &delta, "delta", json);
	json_out_double(json, "buy_share", scene->dollars ? flow_ratio(&flow) : NAN, 6);
	json_out_close(json, '}');
}

static void json_flows(const struct scene *scene, const struct analysis_facts *facts,
		       struct json_out *json)
{
	bool differ;
	json_out_open(json, "total_quote", '{');
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < ANALYSIS_FLOWS; i++)
		json_flow(scene, &facts->flows[i], analysis_spans[i], json);
	json_out_close(json, ']');
	json_sum(scene, &facts->cvd, "cvd", json);
	json_out_i64(json, "origin_ms", scene_origin_ms(scene, &differ));
	json_out_word(json, "control", control_text(facts->control));
	json_out_word(json, "momentum", momentum_text(facts->momentum));
	json_out_word(json, "activity", activity_text(facts->activity));
	json_out_double(json, "activity_times", facts->activity_times, 6);
	scene_json_total_end(scene, json);
}

static void json_rates(const struct analysis_facts *facts, struct json_out *json)
{
	const struct oi_total *oi = &facts->oi_total;
	const struct funding_total *funding = &facts->funding_total;
	json_out_open(json, "rates", '{');
	sum_json(&oi->base, json, "open_interest");
	sum_json(&oi->quote, json, "open_interest_quote");
	json_out_double(json, "open_interest_change_15m_percent", oi->percent[0], 6);
	json_out_double(json, "open_interest_change_24h_percent", oi->percent[OI_WINDOWS - 1], 6);
	json_out_word(json, "open_interest_class_15m", oi_class_text(oi->class[0]));
	json_out_known_bool(json, "open_interest_stale", oi->markets > 0, oi->stale);
	json_out_double(json, "funding_annual_percent", funding->annual * 100, 6);
	json_out_known_bool(json, "funding_stale", funding->markets > 0, funding->stale);
	json_out_close(json, '}');
}

/* Of the market that leads: swings, volatility and indicators are its own. */
static void json_lead(const struct scene *scene, const struct analysis_facts *facts,
		      struct json_out *json)
{
	char name[64];
	struct buf id = buf_over(name, sizeof name);
	market_id_print(&id, scene->markets[facts->lead].id);
	json_out_open(json, "lead", '{');
	json_out_str(json, "market", buf_str(&id));
	json_out_double(json, "volatility_24h", facts->volatility, 8);
	json_out_double(json, "atr_15m", facts->atr, 8);
	json_out_word(json, "cvd_trend_15m", trend_text(facts->trend));
	json_out_word(json, "divergence_15m", divergence_text(facts->divergence));
	json_out_word(json, "volume_level_15m", spike_word(&facts->spike));
	json_out_double(json, "volume_percent_over_15m", facts->spike.percent_over, 6);
	json_out_close(json, '}');
}

static void json_values(const struct indicator_values *values, int32_t places,
			struct json_out *json)
{
	for (int i = 0; i < INDICATOR_COUNT; i++)
		json_out_double(json, indicator_row((enum indicator)i)->field, values->value[i],
				places);
}

/* Of a coin that costs a millionth, eight places would leave nothing of a MACD. */
static int32_t places_of(const struct scene_market *market)
{
	return decimal_to_double(market->last, market->price_scale) < 1 ? 14 : 8;
}

static void json_timeframe(const struct analysis_indicators *one, int32_t places,
			   struct json_out *json)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "timeframe", str_of(timeframe_text(one->minutes)));
	json_out_i64(json, "bars", (int64_t)one->closed.bars);
	json_out_i64(json, "bars_of", SERIES_BARS);
	json_out_known_i64(json, "close_ms", one->closed.bars > 0, one->closed.close_ms);
	json_out_known_bool(json, "stale", one->closed.bars > 0, one->stale);
	json_out_str(json, "convention",
		     one->convention == TA_TALIB ? STR("talib") : STR("wilder"));
	json_values(&one->closed, places, json);
	if (one->open.provisional) {
		json_out_open(json, "provisional", '{');
		json_values(&one->open, places, json);
		json_out_close(json, '}');
	} else {
		json_out_null(json, "provisional");
	}
	json_out_close(json, '}');
}

static void json_liquidations(const struct analysis_facts *facts, struct json_out *json)
{
	json_out_open(json, "liquidations_60m", '{');
	json_out_decimal(json, "long_quote", facts->liquidations.long_e8, 8);
	json_out_decimal(json, "short_quote", facts->liquidations.short_e8, 8);
	json_out_bool(json, "at_least", facts->liquidations.at_least);
	json_out_bool(json, "cascade", facts->in_cascade);
	json_out_close(json, '}');
}

static void json_data(const struct scene *scene, const struct analysis_facts *facts,
		      struct json_out *json)
{
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		json_market(&scene->markets[i], json);
	json_out_close(json, ']');
	json_flows(scene, facts, json);
	json_rates(facts, json);
	json_lead(scene, facts, json);
	json_out_open(json, "indicators", '[');
	for (size_t i = 0; i < facts->n_indicators; i++)
		json_timeframe(&facts->indicators[i], places_of(&scene->markets[facts->lead]),
			       json);
	json_out_close(json, ']');
	json_liquidations(facts, json);
}

void analysis_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct analysis_facts facts;
	analysis_find(scene, &facts);
	analysis_print(scene, &facts, page);
	if (json)
		json_data(scene, &facts, json);
}
