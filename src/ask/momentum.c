#include "ask/answer.h"

#include "market/analysis.h"

struct momentum_facts {
	struct momentum_window windows[MOMENTUM_WINDOWS];
	enum momentum state;
};

struct momentum_total {
	struct quote_flow flows[MOMENTUM_WINDOWS];
	enum momentum state;
};

static const int32_t spans[MOMENTUM_WINDOWS] = { 1, 5, 15, 30, 60 };

static void momentum_facts(const struct scene *scene, const struct scene_market *market,
			   struct momentum_facts *out)
{
	struct window quarter;
	scene_window(market, 15, &quarter);
	market_momentum(market->market, out->windows);
	out->state = scene_knows(scene, market, SHARE_MINUTES)
			 ? flow_momentum(&quarter.flow, &market->day.flow)
			 : MOMENTUM_NONE;
}

static void momentum_total(const struct scene *scene, struct momentum_total *out)
{
	struct quote_flow day, quarter;
	for (size_t i = 0; i < MOMENTUM_WINDOWS; i++)
		scene_total(scene, spans[i], &out->flows[i]);
	scene_total(scene, DAY_MINUTES, &day);
	scene_total(scene, 15, &quarter);
	struct flow h24 = quote_flow_as_flow(&day), m15 = quote_flow_as_flow(&quarter);
	out->state =
	    scene_knows(scene, NULL, SHARE_MINUTES) ? flow_momentum(&m15, &h24) : MOMENTUM_NONE;
}

static const char *agreement(const struct momentum_window *window)
{
	/* NAN compares unequal to itself. */
	if (window->change != window->change || window->delta_share != window->delta_share)
		return "n/a";
	return window->agree ? "yes" : "no";
}

static void print_window(const struct momentum_window *window, struct page *page)
{
	page_text(page, asked_timeframe_text(window->minutes));
	page_number(page, 12, figure_percent(window->change, 2, FIGURE_PLUS));
	page_number(page, 19, figure_fixed(window->per_atr, 2, FIGURE_PLUS));
	page_number(page, 28, figure_percent(window->delta_share, 1, FIGURE_PLUS));
	page_right(page, PAGE_COLUMNS, str_of(agreement(window)));
	page_end_line(page);
}

static const char *state_label(const struct scene *scene, const struct scene_market *market)
{
	return scene_knows(scene, market, DAY_MINUTES) ? "State 15m/24h" : "State 15m/24h*";
}

static void print_market(const struct scene *scene, const void *all, size_t index,
			 struct page *page)
{
	const struct momentum_facts *facts = &((const struct momentum_facts *)all)[index];
	scene_print_head(scene, &scene->markets[index], page);
	page_table_begin(page);
	page_fact(page, state_label(scene, &scene->markets[index]), momentum_text(facts->state));
	page_right(page, 12, STR("return"));
	page_right(page, 19, STR("/ATR"));
	page_right(page, 28, STR("delta"));
	page_right(page, PAGE_COLUMNS, STR("agree"));
	page_end_line(page);
	for (size_t i = 0; i < MOMENTUM_WINDOWS; i++)
		print_window(&facts->windows[i], page);
	page_table_end(page);
}

static void print_total(const struct scene *scene, const struct momentum_total *total,
			struct page *page)
{
	if (!scene_print_total_head(scene, page))
		return;
	page_table_begin(page);
	page_fact(page, state_label(scene, NULL), momentum_text(total->state));
	page_right(page, 19, STR("delta"));
	page_right(page, PAGE_COLUMNS, STR("of volume"));
	page_end_line(page);
	for (size_t i = 0; i < MOMENTUM_WINDOWS; i++) {
		struct sum delta = quote_flow_delta(&total->flows[i]);
		struct flow flow = quote_flow_as_flow(&total->flows[i]);
		page_text(page, asked_timeframe_text(spans[i]));
		page_number(page, 19, sum_short(&delta, FIGURE_PLUS));
		page_number(page, PAGE_COLUMNS,
			    figure_percent(flow_imbalance(&flow), 1, FIGURE_PLUS));
		page_end_line(page);
	}
	page_table_end(page);
	scene_print_sum_notes(scene, page);
}

static void json_market(const struct scene_market *market, const struct momentum_facts *facts,
			struct json_out *json)
{
	scene_json_market(market, json);
	json_out_word(json, "state", momentum_text(facts->state));
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < MOMENTUM_WINDOWS; i++) {
		const struct momentum_window *window = &facts->windows[i];
		json_out_open(json, NULL, '{');
		json_out_str(json, "timeframe", str_of(asked_timeframe_text(window->minutes)));
		json_out_double(json, "return_percent", window->change * 100, 6);
		json_out_double(json, "return_per_atr", window->per_atr, 6);
		json_out_double(json, "delta_share", window->delta_share, 6);
		if (strcmp(agreement(window), "n/a") == 0)
			json_out_null(json, "agree");
		else
			json_out_bool(json, "agree", window->agree);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	scene_json_market_end(market, &market->day, json);
}

static void json_total(const struct scene *scene, const struct momentum_total *total,
		       struct json_out *json)
{
	json_out_open(json, "total_quote", '{');
	json_out_word(json, "state", momentum_text(total->state));
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < MOMENTUM_WINDOWS; i++) {
		struct sum delta = quote_flow_delta(&total->flows[i]);
		struct sum volume = quote_flow_volume(&total->flows[i]);
		struct flow flow = quote_flow_as_flow(&total->flows[i]);
		json_out_open(json, NULL, '{');
		json_out_str(json, "timeframe", str_of(asked_timeframe_text(spans[i])));
		sum_json(&delta, json, "delta");
		sum_json(&volume, json, "volume");
		json_out_double(json, "delta_share", flow_imbalance(&flow), 6);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	scene_json_total_end(scene, json);
}

void momentum_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct momentum_facts facts[ASK_MARKETS_MAX];
	struct momentum_total total;
	for (size_t i = 0; i < scene->count; i++)
		momentum_facts(scene, &scene->markets[i], &facts[i]);
	momentum_total(scene, &total);
	scene_print_title(scene, page, "momentum");
	scene_print_parts(scene, facts, page, PARTS_CHARS, print_market);
	print_total(scene, &total, page);
	scene_print_gap_note(scene, page);
	if (!json)
		return;
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		json_market(&scene->markets[i], &facts[i], json);
	json_out_close(json, ']');
	json_total(scene, &total, json);
}
