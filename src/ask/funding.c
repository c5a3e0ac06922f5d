#include <math.h>

#include "ask/answer.h"
#include "ask/rates_facts.h"

enum { EIGHT_HOURS_A_YEAR = 3 * 365 };

struct both_facts {
	struct oi_facts oi[ASK_MARKETS_MAX];
	struct funding_facts funding[ASK_MARKETS_MAX];
};

static void print_next(const struct funding_facts *facts, struct page *page)
{
	if (facts->state.next_ms <= 0) {
		page_fact(page, "Next", "n/a");
		return;
	}
	page_fact_number(page, "Next", figure_minute(facts->state.next_ms));
	if (facts->left_ms >= 0)
		page_fact_number(page, " in", figure_age(facts->left_ms));
	else
		page_fact(page, " in", "due");
}

static void print_interval(int32_t minutes, struct page *page)
{
	char text[32];
	struct buf interval = buf_over(text, sizeof text);
	if (minutes <= 0)
		buf_str_put(&interval, STR("n/a"));
	else if (minutes % 60)
		buf_printf(&interval, "%d min", minutes);
	else
		buf_printf(&interval, "%d h", minutes / 60);
	page_text(page, " every");
	page_right(page, PAGE_COLUMNS, buf_str(&interval));
	page_end_line(page);
}

static void print_known(const struct funding_facts *facts, struct page *page)
{
	page_fact_number(page, "Funding", funding_rate_number(facts->rate));
	rates_print_stale(facts->stale, facts->age_ms, page);
	print_interval(facts->state.interval_min, page);
	page_fact_number(page, " per year", funding_annual_number(facts->annual));
	print_next(facts, page);
	page_fact(page, "Pressure", funding_pressure_text(facts->pressure));
}

static void print_price(const char *label, struct decimal price, struct page *page)
{
	page_fact_number(page, label,
			 price.mantissa > 0 ? figure_price(price.mantissa, price.scale)
					    : figure_none());
}

static void print_mark(const struct funding_facts *facts, struct page *page)
{
	if (!facts->has_mark)
		return;
	print_price("Mark", facts->mark.mark, page);
	print_price("Index", facts->mark.index, page);
	page_fact_number(page, "Premium", figure_percent(facts->premium, 4, FIGURE_PLUS));
	rates_print_stale(facts->mark_stale, facts->mark_age_ms, page);
}

static void print_market(const struct scene *scene, const void *all, size_t index,
			 struct page *page)
{
	const struct funding_facts *facts = &((const struct both_facts *)all)->funding[index];
	scene_print_head(scene, &scene->markets[index], page);
	if (!facts->known)
		page_line(page, "No funding rate heard yet.");
	if (!facts->known && !facts->has_mark)
		return;
	page_table_begin(page);
	if (facts->known)
		print_known(facts, page);
	print_mark(facts, page);
	page_table_end(page);
}

static void print_weighted(const struct scene *scene, const struct funding_total *total,
			   struct page *page)
{
	page_end_line(page);
	page_bold(page, STR("Weighted by open interest"));
	page_table_begin(page);
	page_fact_number(page, "Per 8 h", funding_rate_number(total->annual / EIGHT_HOURS_A_YEAR));
	page_fact_number(page, "Per year", funding_annual_number(total->annual));
	page_table_end(page);
	if (total->markets < scene->count) {
		page_printf(page,
			    "Of %zu of %zu markets: in USD, with rate, interval and open interest "
			    "known.",
			    total->markets, scene->count);
		page_end_line(page);
	}
	if (total->stale)
		page_line(page, "A stale figure is in it.");
}

/* The age of the oldest rate. */
void funding_ages(const struct scene *scene, struct page *page)
{
	int64_t oldest_ms = -1;
	for (size_t i = 0; i < scene->count; i++) {
		struct funding_state state;
		if (!rates_funding(market_rates(scene->markets[i].market), &state))
			continue;
		int64_t age_ms = scene_age_ms(scene, state.t_ms);
		if (age_ms > oldest_ms)
			oldest_ms = age_ms;
	}
	struct figure age = figure_age(oldest_ms);
	if (oldest_ms >= 0)
		page_printf(page, " · funding %.*s old", STR_ARG(figure_str(&age)));
}

/* ---- JSON ---- */

static void json_price(struct json_out *json, const char *key, struct decimal price)
{
	json_out_known_decimal(json, key, price.mantissa > 0, price.mantissa, price.scale);
}

static void json_market(const struct scene_market *market, const struct funding_facts *facts,
			struct json_out *json)
{
	const struct funding_state *state = &facts->state;
	scene_json_market(market, json);
	funding_json(facts, json);
	json_out_known_i64(json, "interval_min", state->interval_min > 0, state->interval_min);
	json_out_word(json, "pressure", funding_pressure_text(facts->pressure));
	json_out_known_i64(json, "funding_ms", facts->known, state->t_ms);
	json_price(json, "mark", facts->mark.mark);
	json_price(json, "index", facts->mark.index);
	json_out_double(json, "premium_percent", facts->premium * 100, 6);
	json_out_known_i64(json, "mark_ms", facts->has_mark, facts->mark.t_ms);
	json_out_known_bool(json, "mark_stale", facts->has_mark, facts->mark_stale);
	scene_json_market_end(market, &market->day, json);
}

static void json_total(const struct funding_total *total, struct json_out *json)
{
	json_out_open(json, "total", '{');
	json_out_double(json, "weighted_annual_percent", total->annual * 100, 6);
	json_out_double(json, "weighted_8h_percent", total->annual / EIGHT_HOURS_A_YEAR * 100, 6);
	json_out_bool(json, "stale", total->stale);
	json_out_i64(json, "markets", (int64_t)total->markets);
	json_out_close(json, '}');
}

void funding_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct both_facts facts;
	struct funding_total total;
	for (size_t i = 0; i < scene->count; i++) {
		oi_facts_of(scene, &scene->markets[i], &facts.oi[i]);
		funding_facts_of(scene, &scene->markets[i], &facts.funding[i]);
	}
	funding_total_of(scene, facts.oi, facts.funding, &total);
	scene_print_title(scene, page, "funding");
	scene_print_parts(scene, &facts, page, PARTS_CHARS, print_market);
	if (scene->count > 1 && total.markets)
		print_weighted(scene, &total, page);
	if (!json)
		return;
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		json_market(&scene->markets[i], &facts.funding[i], json);
	json_out_close(json, ']');
	json_total(&total, json);
}
