#include "ask/answer.h"

#include <math.h>

#include "ask/rates_facts.h"
#include "market/analysis.h"

enum { ATR_MINUTES = 15 };

struct price_facts {
	struct venue_day venue; /* helps out where weir's own 24 h are not covered */
	struct oi_facts oi;
	struct funding_facts funding;
	struct window quarter; /* 15 minutes */
	double atr;
	enum control control;
	enum momentum momentum;
	enum activity activity;
	double activity_times;
};

/* Of a market, or (NULL) of the sums: only what is known long enough is compared. */
static void judge(const struct scene *scene, const struct scene_market *market,
		  const struct flow *quarter, const struct flow *day, struct price_facts *out)
{
	out->control = flow_control(day);
	out->momentum = flow_momentum(quarter, day);
	out->activity = flow_activity(quarter, day, &out->activity_times);
	if (!scene_knows(scene, market, SHARE_MINUTES))
		out->momentum = MOMENTUM_NONE;
	if (!scene_knows(scene, market, VOLUME_MINUTES)) {
		out->activity = ACTIVITY_NONE;
		out->activity_times = NAN;
	}
}

static void price_facts(const struct scene *scene, const struct scene_market *market,
			struct price_facts *out)
{
	scene_window(market, 15, &out->quarter);
	out->atr = market_atr(market->market, ATR_MINUTES);
	oi_facts_of(scene, market, &out->oi);
	funding_facts_of(scene, market, &out->funding);
	venue_day_of(scene, market, &out->venue);
	judge(scene, market, &out->quarter.flow, &market->day.flow, out);
}

static const char *day_head(bool gap) { return gap ? "24h*" : "24h"; }
static const char *quarter_head(bool gap) { return gap ? "15m*" : "15m"; }

/* Whether a minute of the windows is not known, of the markets in the sum. */
static struct price_gaps {
	bool day, quarter;
} find_gaps(const struct scene *scene, const struct price_facts *facts)
{
	struct price_gaps gaps = { false, false };
	for (size_t i = 0; i < scene->count; i++) {
		if (!scene->markets[i].dollar)
			continue;
		gaps.day |= scene->markets[i].day.present < DAY_MINUTES;
		gaps.quarter |= facts[i].quarter.present < 15;
	}
	return gaps;
}

static struct figure base_short(const struct scene_market *market, int64_t quantity,
				enum figure_sign sign)
{
	return figure_short(quantity, market->qty_scale, sign);
}

static struct figure quote_short(const struct scene_market *market, const struct flow *flow)
{
	return figure_short(flow->buy_quote + flow->sell_quote, market->quote_scale, FIGURE_PLAIN);
}

static struct figure price_move(const struct scene_market *market, const struct window *window)
{
	if (window->open <= 0 || market->last <= 0)
		return figure_none();
	return figure_group((i128)market->last - window->open, market->price_scale,
			    figure_price_places(market->last, market->price_scale), FIGURE_PLUS);
}

static void print_verdict(struct page *page, const struct price_facts *facts, bool gap)
{
	struct figure times = figure_fixed(facts->activity_times, 2, FIGURE_PLAIN);
	page_fact(page, gap ? "Control 24h*" : "Control 24h", control_text(facts->control));
	page_fact(page, gap ? "Momentum 15m/24h*" : "Momentum 15m/24h",
		  momentum_text(facts->momentum));
	page_text(page, gap ? "Activity 15m/24h*" : "Activity 15m/24h");
	if (facts->activity == ACTIVITY_NONE) {
		page_right(page, PAGE_COLUMNS, STR("n/a"));
	} else {
		char line[96];
		struct buf text = buf_over(line, sizeof line);
		buf_str_put(&text, str_of(activity_text(facts->activity)));
		buf_char(&text, ' ');
		buf_str_put(&text, figure_str(&times));
		buf_char(&text, 'x');
		page_right(page, PAGE_COLUMNS, buf_str(&text));
	}
	page_end_line(page);
}

static void print_flows(const struct scene_market *market, const struct window *quarter,
			struct page *page)
{
	const struct flow *day = &market->day.flow, *m15 = &quarter->flow;
	page_facts(page, "", figure_word(day_head(market->day.present < DAY_MINUTES)),
		   figure_word(quarter_head(quarter->present < 15)));
	page_facts(page, "Change",
		   figure_percent(scene_change(market->last, &market->day), 2, FIGURE_PLUS),
		   figure_percent(scene_change(market->last, quarter), 2, FIGURE_PLUS));
	page_facts(page, " in price", price_move(market, &market->day),
		   price_move(market, quarter));
	page_facts(page, "Volume", base_short(market, day->buy + day->sell, FIGURE_PLAIN),
		   base_short(market, m15->buy + m15->sell, FIGURE_PLAIN));
	page_text(page, " in ");
	page_put(page, market->quote.len ? market->quote : STR("quote"));
	page_facts(page, "", quote_short(market, day), quote_short(market, m15));
	page_facts(page, "Delta", base_short(market, day->buy - day->sell, FIGURE_PLUS),
		   base_short(market, m15->buy - m15->sell, FIGURE_PLUS));
	page_facts(page, "Buy/sell", figure_shares(flow_ratio(day)),
		   figure_shares(flow_ratio(m15)));
}

/* The venue's own figures, in the column of 24 h. */
static void print_venue(const struct venue_day *venue, struct page *page)
{
	const struct decimal *change = &venue->change_percent, *volume = &venue->quote_volume;
	if (!venue->has_change && !venue->has_volume)
		return;
	page_text(page, "Venue says");
	if (venue->has_change)
		page_number(page, 22,
			    figure_percent(decimal_to_double(change->mantissa, change->scale) / 100,
					   2, FIGURE_PLUS));
	page_end_line(page);
	if (venue->has_volume) {
		page_text(page, " volume");
		page_number(page, 22, figure_short(volume->mantissa, volume->scale, FIGURE_PLAIN));
		page_end_line(page);
	}
	rates_print_stale(venue->stale, venue->age_ms, page);
}

static void print_oi(const struct oi_facts *facts, struct page *page)
{
	const struct oi_change *day = &facts->changes[OI_WINDOWS - 1],
			       *quarter = &facts->changes[0];
	if (!facts->known) {
		page_fact(page, "Open interest", "no data");
		return;
	}
	page_fact_number(
	    page, "Open interest",
	    figure_short(facts->sample.qty.mantissa, facts->sample.qty.scale, FIGURE_PLAIN));
	rates_print_stale(facts->stale, facts->age_ms, page);
	page_facts(page, " change", figure_percent(day->percent / 100, 2, FIGURE_PLUS),
		   figure_percent(quarter->percent / 100, 2, FIGURE_PLUS));
}

static void print_funding(const struct funding_facts *facts, struct page *page)
{
	if (!facts->known) {
		page_fact(page, "Funding", "no data");
		return;
	}
	page_fact_number(page, "Funding", funding_rate_number(facts->rate));
	rates_print_stale(facts->stale, facts->age_ms, page);
	page_fact_number(page, " per year", funding_annual_number(facts->annual));
	if (facts->left_ms >= 0)
		page_fact_number(page, " next in", figure_age(facts->left_ms));
	else
		page_fact(page, " next in", "n/a");
}

static void print_market(const struct scene *scene, const void *all, size_t index,
			 struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	const struct price_facts *facts = &((const struct price_facts *)all)[index];
	int32_t places = figure_price_places(market->last, market->price_scale);
	scene_print_head(scene, market, page);
	page_table_begin(page);
	page_fact_number(page, "Price", scene_price_number(market));
	page_fact_number(page, "ATR(14) 15m", figure_fixed(facts->atr, places, FIGURE_PLAIN));
	print_flows(market, &facts->quarter, page);
	print_venue(&facts->venue, page);
	if (market->id->kind == KIND_PERP) {
		print_oi(&facts->oi, page);
		print_funding(&facts->funding, page);
	}
	if (scene->count == 1 || !scene->dollars)
		print_verdict(page, facts, market->day.present < DAY_MINUTES);
	page_table_end(page);
}

static void total_verdict(const struct scene *scene, const struct quote_flow *day,
			  const struct quote_flow *quarter, struct price_facts *out)
{
	struct flow h24 = quote_flow_as_flow(day), m15 = quote_flow_as_flow(quarter);
	judge(scene, NULL, &m15, &h24, out);
}

static void print_total(const struct scene *scene, const struct quote_flow *day,
			const struct quote_flow *quarter, struct price_gaps gaps, struct page *page)
{
	struct flow h24 = quote_flow_as_flow(day), m15 = quote_flow_as_flow(quarter);
	struct sum volume24 = quote_flow_volume(day), volume15 = quote_flow_volume(quarter);
	struct sum delta24 = quote_flow_delta(day), delta15 = quote_flow_delta(quarter);
	struct price_facts facts;
	if (!scene_print_total_head(scene, page))
		return;
	total_verdict(scene, day, quarter, &facts);
	page_table_begin(page);
	page_facts(page, "", figure_word(day_head(gaps.day)),
		   figure_word(quarter_head(gaps.quarter)));
	page_facts(page, "Volume", sum_short(&volume24, FIGURE_PLAIN),
		   sum_short(&volume15, FIGURE_PLAIN));
	page_facts(page, "Delta", sum_short(&delta24, FIGURE_PLUS),
		   sum_short(&delta15, FIGURE_PLUS));
	page_facts(page, "Buy/sell", figure_shares(flow_ratio(&h24)),
		   figure_shares(flow_ratio(&m15)));
	print_verdict(page, &facts, gaps.day);
	page_table_end(page);
	scene_print_sum_notes(scene, page);
}

static void json_change(struct json_out *json, const struct scene_market *market,
			const struct window *window, const char *key, const char *key_percent)
{
	json_out_known_decimal(json, key, window->open > 0 && market->last > 0,
			       (i128)market->last - window->open, market->price_scale);
	json_out_double(json, key_percent, scene_change(market->last, window) * 100, 6);
}

/* The six figures of a window; keys in the order volume, volume_quote, delta, buy,
 * sell, buy_share. */
static void json_flow(struct json_out *json, const struct scene_market *market,
		      const struct flow *flow, const char *const keys[6])
{
	json_out_decimal(json, keys[0], (i128)flow->buy + flow->sell, market->qty_scale);
	json_out_decimal(json, keys[1], flow->buy_quote + flow->sell_quote, market->quote_scale);
	json_out_decimal(json, keys[2], (i128)flow->buy - flow->sell, market->qty_scale);
	json_out_decimal(json, keys[3], flow->buy, market->qty_scale);
	json_out_decimal(json, keys[4], flow->sell, market->qty_scale);
	json_out_double(json, keys[5], flow_ratio(flow), 6);
}

static const char *const day_keys[6] = { "volume_24h", "volume_24h_quote", "delta_24h",
					 "buy_24h",    "sell_24h",         "buy_share_24h" };
static const char *const quarter_keys[6] = { "volume_15m", "volume_15m_quote", "delta_15m",
					     "buy_15m",    "sell_15m",         "buy_share_15m" };

/* Of spot markets all are null: the names stand so that a reader need not ask whether
 * they exist. */
static void json_perp(struct json_out *json, const struct price_facts *facts)
{
	oi_json(&facts->oi, json);
	json_out_double(json, "open_interest_change_15m_percent", facts->oi.changes[0].percent, 6);
	json_out_double(json, "open_interest_change_24h_percent",
			facts->oi.changes[OI_WINDOWS - 1].percent, 6);
	funding_json(&facts->funding, json);
}

static void json_venue(struct json_out *json, const struct venue_day *venue)
{
	json_out_known_decimal(json, "venue_change_24h_percent", venue->has_change,
			       venue->change_percent.mantissa, venue->change_percent.scale);
	json_out_known_decimal(json, "venue_volume_24h_quote", venue->has_volume,
			       venue->quote_volume.mantissa, venue->quote_volume.scale);
	json_out_known_bool(json, "venue_stale", venue->has_change || venue->has_volume,
			    venue->stale);
}

static void json_verdict(struct json_out *json, const struct price_facts *facts)
{
	json_out_word(json, "control", control_text(facts->control));
	json_out_word(json, "momentum", momentum_text(facts->momentum));
	json_out_word(json, "activity", activity_text(facts->activity));
	json_out_double(json, "activity_times", facts->activity_times, 6);
}

static void json_market(const struct scene_market *market, const struct price_facts *facts,
			struct json_out *json)
{
	scene_json_market(market, json);
	json_out_known_decimal(json, "price", market->last > 0, market->last, market->price_scale);
	json_change(json, market, &market->day, "change_24h", "change_24h_percent");
	json_change(json, market, &facts->quarter, "change_15m", "change_15m_percent");
	json_out_double(json, "atr_15m", facts->atr, 8);
	json_flow(json, market, &market->day.flow, day_keys);
	json_flow(json, market, &facts->quarter.flow, quarter_keys);
	json_venue(json, &facts->venue);
	json_perp(json, facts);
	json_verdict(json, facts);
	scene_json_market_end(market, &market->day, json);
}

static void json_total(const struct scene *scene, const struct quote_flow *day,
		       const struct quote_flow *quarter, struct json_out *json)
{
	struct flow h24 = quote_flow_as_flow(day), m15 = quote_flow_as_flow(quarter);
	struct sum volume24 = quote_flow_volume(day), volume15 = quote_flow_volume(quarter);
	struct sum delta24 = quote_flow_delta(day), delta15 = quote_flow_delta(quarter);
	struct price_facts facts;
	total_verdict(scene, day, quarter, &facts);
	json_out_open(json, "total_quote", '{');
	sum_json(&volume24, json, "volume_24h");
	sum_json(&delta24, json, "delta_24h");
	json_out_double(json, "buy_share_24h", flow_ratio(&h24), 6);
	sum_json(&volume15, json, "volume_15m");
	sum_json(&delta15, json, "delta_15m");
	json_out_double(json, "buy_share_15m", flow_ratio(&m15), 6);
	json_verdict(json, &facts);
	scene_json_total_end(scene, json);
}

void price_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct price_facts facts[ASK_MARKETS_MAX];
	struct quote_flow day, quarter;
	for (size_t i = 0; i < scene->count; i++)
		price_facts(scene, &scene->markets[i], &facts[i]);
	scene_total(scene, DAY_MINUTES, &day);
	scene_total(scene, 15, &quarter);
	scene_print_title(scene, page, "price");
	scene_print_parts(scene, facts, page, PARTS_CHARS, print_market);
	print_total(scene, &day, &quarter, find_gaps(scene, facts), page);
	scene_print_gap_note(scene, page);
	if (!json)
		return;
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		json_market(&scene->markets[i], &facts[i], json);
	json_out_close(json, ']');
	json_total(scene, &day, &quarter, json);
}
