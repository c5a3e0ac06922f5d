#include "ask/answer.h"

#include "base/check.h"
#include "market/analysis.h"

struct cvd_facts {
	i128 cvd, cvd_quote;
	struct window bar;  /* the timeframe */
	struct window life; /* from the origin on */
	enum trend trend;
	enum divergence divergence;
};

struct cvd_total {
	struct sum cvd, delta, day;
	struct quote_flow bar;
};

/* The CVD is the delta of all minutes held: one pass gives it and its coverage. */
static void cvd_facts(const struct scene_market *market, int32_t minutes, struct cvd_facts *out)
{
	int64_t life = market->newest_ms / MINUTE_MS - market->origin_ms / MINUTE_MS + 1;
	CHECK(life >= 1 && life <= MARKET_MINUTES);
	market_window(market->market, (int32_t)life, &out->life);
	out->cvd = (i128)out->life.flow.buy - out->life.flow.sell;
	out->cvd_quote = out->life.flow.buy_quote - out->life.flow.sell_quote;
	scene_window(market, minutes, &out->bar);
	out->trend = market_cvd_trend(market->market, minutes);
	out->divergence = market_divergence(market->market, minutes);
}

static struct figure base(const struct scene_market *market, i128 value)
{
	return figure_short(value, market->qty_scale, FIGURE_PLUS);
}

static struct figure quote(const struct scene_market *market, i128 value)
{
	return figure_short(value, market->quote_scale, FIGURE_PLUS);
}

/* Three columns behind a label of 13. */
static void put_columns(struct page *page, struct figure cvd, struct figure bar, struct figure day)
{
	page_number(page, 20, cvd);
	page_number(page, 27, bar);
	page_number(page, PAGE_COLUMNS, day);
	page_end_line(page);
}

static void print_base(const struct scene *scene, const void *all, size_t index, struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	const struct cvd_facts *facts = &((const struct cvd_facts *)all)[index];
	const struct flow *bar = &facts->bar.flow, *day = &market->day.flow;
	scene_print_label(market, page, 13);
	put_columns(page, base(market, facts->cvd), base(market, bar->buy - bar->sell),
		    base(market, day->buy - day->sell));
}

static void print_quote(const struct scene *scene, const void *all, size_t index, struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	const struct cvd_facts *facts = &((const struct cvd_facts *)all)[index];
	const struct flow *bar = &facts->bar.flow, *day = &market->day.flow;
	scene_print_label(market, page, 13);
	put_columns(page, quote(market, facts->cvd_quote),
		    quote(market, bar->buy_quote - bar->sell_quote),
		    quote(market, day->buy_quote - day->sell_quote));
}

static void print_trend(const struct scene *scene, const void *all, size_t index, struct page *page)
{
	scene_print_label(&scene->markets[index], page, 28);
	page_fact(page, "", trend_text(((const struct cvd_facts *)all)[index].trend));
}

static void print_divergence(const struct scene *scene, const void *all, size_t index,
			     struct page *page)
{
	scene_print_label(&scene->markets[index], page, 15);
	page_fact(page, "", divergence_text(((const struct cvd_facts *)all)[index].divergence));
}

/* "5m", or "5m*" where a market does not know all of it. */
static struct figure bar_head(const struct scene *scene, const struct cvd_facts *facts)
{
	struct figure head = figure_word(asked_timeframe_text(scene->asked->minutes));
	bool gap = false;
	for (size_t i = 0; i < scene->count; i++)
		gap |= facts[i].bar.present < scene->asked->minutes;
	if (gap)
		head.text[head.len++] = '*';
	return head;
}

static void put_heads(struct page *page, const struct scene *scene, const struct cvd_facts *facts,
		      const char *unit)
{
	page_text(page, unit);
	put_columns(page, figure_word("CVD"), bar_head(scene, facts),
		    figure_word(scene_knows_all(scene) ? "24h" : "24h*"));
}

static void print_signals(const struct scene *scene, const struct cvd_facts *facts,
			  struct page *page)
{
	const char *timeframe = asked_timeframe_text(scene->asked->minutes);
	page_end_line(page);
	page_table_begin(page);
	page_fact(page, "Trend of CVD", timeframe);
	scene_print_parts(scene, facts, page, 2900, print_trend);
	page_table_end(page);
	page_end_line(page);
	page_table_begin(page);
	page_fact(page, "Price against CVD", timeframe);
	scene_print_parts(scene, facts, page, 3500, print_divergence);
	page_table_end(page);
}

static void print_tables(const struct scene *scene, const struct cvd_facts *facts,
			 const struct cvd_total *total, struct page *page)
{
	page_end_line(page);
	page_table_begin(page);
	put_heads(page, scene, facts, "in coins");
	scene_print_parts(scene, facts, page, 1200, print_base);
	page_table_end(page);
	page_end_line(page);
	page_table_begin(page);
	put_heads(page, scene, facts, scene->dollars == scene->count ? "in USD" : "in quote");
	scene_print_parts(scene, facts, page, 2400, print_quote);
	if (scene->count > 1 && scene->dollars) {
		page_text(page, "Sum, USD");
		put_columns(page, sum_short(&total->cvd, FIGURE_PLUS),
			    sum_short(&total->delta, FIGURE_PLUS),
			    sum_short(&total->day, FIGURE_PLUS));
	}
	page_table_end(page);
	print_signals(scene, facts, page);
}

static void print_origin(const struct scene *scene, struct page *page)
{
	bool differ;
	struct figure origin = figure_minute(scene_origin_ms(scene, &differ));
	page_end_line(page);
	page_printf(page, "CVD counts from %.*s", STR_ARG(figure_str(&origin)));
	page_text(page, differ ? ", each market from its own first minute." : ".");
	page_end_line(page);
}

static void cvd_total(const struct scene *scene, const struct cvd_facts *facts,
		      struct cvd_total *out)
{
	struct quote_flow day;
	scene_total(scene, scene->asked->minutes, &out->bar);
	scene_total(scene, DAY_MINUTES, &day);
	out->cvd = (struct sum){ 0 };
	for (size_t i = 0; i < scene->count; i++)
		if (scene->markets[i].dollar)
			sum_add(&out->cvd, facts[i].cvd_quote, scene->markets[i].quote_scale);
	out->delta = quote_flow_delta(&out->bar);
	out->day = quote_flow_delta(&day);
}

static void json_market(const struct scene_market *market, const struct cvd_facts *facts,
			struct json_out *json)
{
	const struct flow *bar = &facts->bar.flow, *day = &market->day.flow;
	scene_json_market(market, json);
	json_out_decimal(json, "cvd", facts->cvd, market->qty_scale);
	json_out_decimal(json, "cvd_quote", facts->cvd_quote, market->quote_scale);
	json_out_decimal(json, "delta", (i128)bar->buy - bar->sell, market->qty_scale);
	json_out_decimal(json, "buy", bar->buy, market->qty_scale);
	json_out_decimal(json, "sell", bar->sell, market->qty_scale);
	json_out_decimal(json, "delta_quote", bar->buy_quote - bar->sell_quote,
			 market->quote_scale);
	json_out_decimal(json, "change_24h", (i128)day->buy - day->sell, market->qty_scale);
	json_out_decimal(json, "change_24h_quote", day->buy_quote - day->sell_quote,
			 market->quote_scale);
	json_out_word(json, "trend", trend_text(facts->trend));
	json_out_word(json, "divergence", divergence_text(facts->divergence));
	json_out_i64(json, "origin_ms", market->origin_ms);
	scene_json_market_end(market, &facts->life, json);
}

static void json_data(const struct scene *scene, const struct cvd_facts *facts,
		      const struct cvd_total *total, struct json_out *json)
{
	bool differ;
	json_out_str(json, "timeframe", str_of(asked_timeframe_text(scene->asked->minutes)));
	json_out_i64(json, "origin_ms", scene_origin_ms(scene, &differ));
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		json_market(&scene->markets[i], &facts[i], json);
	json_out_close(json, ']');
	json_out_open(json, "total_quote", '{');
	sum_json(&total->cvd, json, "cvd");
	sum_json(&total->delta, json, "delta");
	sum_json(&total->bar.buy, json, "buy");
	sum_json(&total->bar.sell, json, "sell");
	sum_json(&total->day, json, "change_24h");
	scene_json_total_end(scene, json);
}

void cvd_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct cvd_facts facts[ASK_MARKETS_MAX];
	struct cvd_total total;
	char what[32];
	struct buf title = buf_over(what, sizeof what - 1);
	for (size_t i = 0; i < scene->count; i++)
		cvd_facts(&scene->markets[i], scene->asked->minutes, &facts[i]);
	cvd_total(scene, facts, &total);
	buf_str_put(&title, STR("CVD · "));
	buf_str_put(&title, str_of(asked_timeframe_text(scene->asked->minutes)));
	what[title.len] = 0;
	scene_print_title(scene, page, what);
	print_tables(scene, facts, &total, page);
	print_origin(scene, page);
	if (scene->count > 1 && scene->dollars)
		scene_print_sum_notes(scene, page);
	scene_print_gap_note(scene, page);
	if (json)
		json_data(scene, facts, &total, json);
}
