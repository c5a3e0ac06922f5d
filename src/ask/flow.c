#include "ask/flow.h"

#include "ask/answer.h"

static const char *side_word(uint8_t side) { return side == SIDE_BUY ? "buy" : "sell"; }

static void json_trades(const struct scene_market *market, const struct flow_trades *list,
			const char *key, struct json_out *json)
{
	json_out_open(json, key, '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct large_trade *trade = &list->trades[i];
		json_out_open(json, NULL, '{');
		json_out_i64(json, "t_ms", trade->t_ms);
		json_out_str(json, "side", str_of(side_word(trade->side)));
		json_out_decimal(json, "price", trade->price, market->price_scale);
		json_out_decimal(json, "qty", trade->qty, market->qty_scale);
		json_out_decimal(json, "quote", flow_trade_quote(trade), market->quote_scale);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void json_windows(const struct scene_market *market, const struct flow_facts *facts,
			 struct json_out *json)
{
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < FLOW_WINDOWS; i++) {
		const struct flow *flow = &facts->windows[i].flow;
		json_out_open(json, NULL, '{');
		json_out_str(json, "timeframe", str_of(asked_timeframe_text(flow_spans[i])));
		json_out_decimal(json, "buy", flow->buy, market->qty_scale);
		json_out_decimal(json, "sell", flow->sell, market->qty_scale);
		json_out_double(json, "ratio", flow_ratio(flow), 6);
		json_out_double(json, "imbalance", flow_imbalance(flow), 6);
		json_out_word(json, "pressure", pressure_text(flow_pressure(flow)));
		json_out_i64(json, "minutes", facts->windows[i].present);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void json_top(const struct flow_facts *facts, struct json_out *json)
{
	const struct book_top *top = &facts->top;
	if (!top->t_ms) {
		json_out_null(json, "top");
		return;
	}
	json_out_open(json, "top", '{');
	json_out_decimal(json, "bid", top->bid.mantissa, top->bid.scale);
	json_out_decimal(json, "bid_qty", top->bid_qty.mantissa, top->bid_qty.scale);
	json_out_decimal(json, "ask", top->ask.mantissa, top->ask.scale);
	json_out_decimal(json, "ask_qty", top->ask_qty.mantissa, top->ask_qty.scale);
	json_out_double(json, "spread_bp", facts->spread_bp, 6);
	json_out_i64(json, "t_ms", top->t_ms);
	json_out_bool(json, "stale", facts->top_stale);
	json_out_bool(json, "from_depth", facts->from_depth);
	json_out_close(json, '}');
}

static void json_depth(const struct flow_facts *facts, struct json_out *json)
{
	if (!facts->depth.known) {
		json_out_null(json, "depth");
		return;
	}
	json_out_open(json, "depth", '{');
	json_out_double(json, "bid_10bp", facts->depth.bid_10bp, 8);
	json_out_double(json, "ask_10bp", facts->depth.ask_10bp, 8);
	json_out_double(json, "imbalance_10bp", facts->depth_10bp, 6);
	json_out_double(json, "bid_50bp", facts->depth.bid_50bp, 8);
	json_out_double(json, "ask_50bp", facts->depth.ask_50bp, 8);
	json_out_double(json, "imbalance_50bp", facts->depth_50bp, 6);
	json_out_bool(json, "at_least", facts->depth.at_least);
	json_out_i64(json, "t_ms", facts->depth.t_ms);
	json_out_bool(json, "stale", facts->depth_stale);
	json_out_close(json, '}');
}

void flow_json_market(const struct scene *scene, const struct scene_market *market,
		      const struct flow_facts *facts, struct json_out *json)
{
	double last = decimal_to_double(market->last, market->price_scale);
	scene_json_market(market, json);
	json_windows(market, facts, json);
	json_out_double(json, "vwap_24h", facts->vwap, 8);
	json_out_double(json, "vwap_distance_percent", (last / facts->vwap - 1) * 100, 6);
	json_out_word(json, "divergence", divergence_text(facts->divergence));
	json_out_i64(json, "whale_quote", scene->world->options.whale_quote);
	json_out_bool(json, "whales_more", facts->whales.more);
	json_trades(market, &facts->whales, "whales", json);
	json_trades(market, &facts->largest, "largest", json);
	json_top(facts, json);
	json_depth(facts, json);
	scene_json_market_end(market, &market->day, json);
}

static void print_total(const struct scene *scene, const struct quote_flow *flows,
			struct page *page)
{
	if (!scene_print_total_head(scene, page))
		return;
	page_table_begin(page);
	page_right(page, 11, STR("delta"));
	page_right(page, 22, STR("imbalance"));
	page_right(page, PAGE_COLUMNS, STR("pressure"));
	page_end_line(page);
	for (size_t i = 0; i < FLOW_WINDOWS; i++) {
		struct flow flow = quote_flow_as_flow(&flows[i]);
		struct sum delta = quote_flow_delta(&flows[i]);
		page_text(page, asked_timeframe_text(flow_spans[i]));
		page_number(page, 11, sum_short(&delta, FIGURE_PLUS));
		page_number(page, 22, figure_percent(flow_imbalance(&flow), 1, FIGURE_PLUS));
		page_right(page, PAGE_COLUMNS, str_of(pressure_text(flow_pressure(&flow))));
		page_end_line(page);
	}
	page_table_end(page);
	scene_print_sum_notes(scene, page);
}

static void json_total(const struct scene *scene, const struct quote_flow *flows,
		       struct json_out *json)
{
	json_out_open(json, "total_quote", '{');
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < FLOW_WINDOWS; i++) {
		struct flow flow = quote_flow_as_flow(&flows[i]);
		json_out_open(json, NULL, '{');
		json_out_str(json, "timeframe", str_of(asked_timeframe_text(flow_spans[i])));
		sum_json(&flows[i].buy, json, "buy");
		sum_json(&flows[i].sell, json, "sell");
		json_out_double(json, "ratio", flow_ratio(&flow), 6);
		json_out_double(json, "imbalance", flow_imbalance(&flow), 6);
		json_out_word(json, "pressure", pressure_text(flow_pressure(&flow)));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	scene_json_total_end(scene, json);
}

void flow_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct flow_facts facts[ASK_MARKETS_MAX];
	struct quote_flow totals[FLOW_WINDOWS];
	for (size_t i = 0; i < scene->count; i++)
		flow_facts(scene, &scene->markets[i], &facts[i]);
	for (size_t i = 0; i < FLOW_WINDOWS; i++)
		scene_total(scene, flow_spans[i], &totals[i]);
	scene_print_title(scene, page, "order flow");
	scene_print_parts(scene, facts, page, PARTS_CHARS, flow_print_market);
	print_total(scene, totals, page);
	scene_print_gap_note(scene, page);
	if (!json)
		return;
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		flow_json_market(scene, &scene->markets[i], &facts[i], json);
	json_out_close(json, ']');
	json_total(scene, totals, json);
}
