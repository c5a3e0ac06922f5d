#include "ask/flow.h"
#include "ask/rates_facts.h"

enum { SHOWN_LARGEST = 3, SHOWN_WHALES = 3 };

static void print_flow_row(struct page *page, const struct window *window)
{
	const struct flow *flow = &window->flow;
	page_text(page, asked_timeframe_text(window->minutes));
	if (window->present < window->minutes)
		page_text(page, "*");
	page_number(page, 11, figure_fixed(flow_ratio(flow), 3, FIGURE_PLAIN));
	page_number(page, 22, figure_percent(flow_imbalance(flow), 1, FIGURE_PLUS));
	page_right(page, PAGE_COLUMNS, str_of(pressure_text(flow_pressure(flow))));
	page_end_line(page);
}

static void print_vwap(const struct scene_market *market, const struct flow_facts *facts,
		       struct page *page)
{
	int32_t places = figure_price_places(market->last, market->price_scale);
	double last = decimal_to_double(market->last, market->price_scale);
	page_facts(page, market->day.present < DAY_MINUTES ? "VWAP 24h*" : "VWAP 24h",
		   figure_fixed(facts->vwap, places, FIGURE_PLAIN),
		   figure_percent(last / facts->vwap - 1, 2, FIGURE_PLUS));
}

static void print_trade(const struct scene_market *market, const struct large_trade *trade,
			struct page *page)
{
	page_pad(page, 0);
	page_number(page, 9, figure_clock(trade->t_ms));
	page_text(page, trade->side == SIDE_BUY ? " BUY" : " SELL");
	page_number(page, 21,
		    figure_short(flow_trade_quote(trade), market->quote_scale, FIGURE_PLAIN));
	page_text(page, " @");
	page_number(page, PAGE_COLUMNS, figure_price(trade->price, market->price_scale));
	page_end_line(page);
}

static void print_trades(const struct scene *scene, const struct scene_market *market,
			 const struct flow_facts *facts, struct page *page)
{
	struct figure bound = figure_short(scene->world->options.whale_quote, 0, FIGURE_PLAIN);
	char line[8];
	struct buf count = buf_over(line, sizeof line);
	buf_u64(&count, facts->whales.count);
	if (facts->whales.more)
		buf_char(&count, '+');
	page_text(page, "Whales 24h, over ");
	page_put(page, figure_str(&bound));
	page_right(page, PAGE_COLUMNS, buf_str(&count));
	page_end_line(page);
	for (size_t i = 0; i < facts->whales.count && i < SHOWN_WHALES; i++)
		print_trade(market, &facts->whales.trades[i], page);
	if (!facts->largest.count)
		return;
	page_text(page, "Largest 24h");
	page_end_line(page);
	for (size_t i = 0; i < facts->largest.count && i < SHOWN_LARGEST; i++)
		print_trade(market, &facts->largest.trades[i], page);
}

static void print_book(const struct flow_facts *facts, struct page *page)
{
	const struct book_top *top = &facts->top;
	if (!top->t_ms) {
		page_fact(page, "Top of book", "no data");
	} else {
		page_text(page, "Spread");
		page_number(page, PAGE_COLUMNS - 3,
			    figure_fixed(facts->spread_bp, 2, FIGURE_PLAIN));
		page_text(page, " bp");
		page_end_line(page);
		page_facts(page, facts->from_depth ? "Bid level" : "Bid, size",
			   figure_price(top->bid.mantissa, top->bid.scale),
			   figure_short(top->bid_qty.mantissa, top->bid_qty.scale, FIGURE_PLAIN));
		page_facts(page, facts->from_depth ? "Ask level" : "Ask, size",
			   figure_price(top->ask.mantissa, top->ask.scale),
			   figure_short(top->ask_qty.mantissa, top->ask_qty.scale, FIGURE_PLAIN));
		rates_print_stale(facts->top_stale, facts->top_age_ms, page);
	}
	if (!facts->depth.known) {
		page_fact(page, "Depth", "no depth subscribed");
		return;
	}
	page_fact_number(page, "Depth imbalance, 10 bp",
			 figure_percent(facts->depth_10bp, 1, FIGURE_PLUS));
	page_fact_number(page, "Depth imbalance, 50 bp",
			 figure_percent(facts->depth_50bp, 1, FIGURE_PLUS));
	if (facts->depth.at_least)
		page_fact(page, "Depth", "of the levels seen");
	if (!facts->from_depth)
		rates_print_stale(facts->depth_stale, facts->depth_age_ms, page);
}

void flow_print_market(const struct scene *scene, const void *all, size_t index, struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	const struct flow_facts *facts = &((const struct flow_facts *)all)[index];
	scene_print_head(scene, market, page);
	page_table_begin(page);
	page_right(page, 11, STR("ratio"));
	page_right(page, 22, STR("imbalance"));
	page_right(page, PAGE_COLUMNS, STR("pressure"));
	page_end_line(page);
	for (size_t i = 0; i < FLOW_WINDOWS; i++)
		print_flow_row(page, &facts->windows[i]);
	print_vwap(market, facts, page);
	page_fact(page, "Divergence", divergence_text(facts->divergence));
	print_trades(scene, market, facts, page);
	print_book(facts, page);
	page_table_end(page);
}
