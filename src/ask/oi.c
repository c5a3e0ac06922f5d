#include <math.h>

#include "ask/answer.h"
#include "ask/rates_facts.h"

static void print_heads(struct page *page)
{
	page_right(page, 10, STR("change"));
	page_right(page, 17, STR("%"));
	page_right(page, PAGE_COLUMNS, STR("reads as"));
	page_end_line(page);
}

static void print_change(int32_t minutes, struct figure change, double percent, enum oi_class class,
			 struct page *page)
{
	page_text(page, asked_timeframe_text(minutes));
	page_number(page, 10, change);
	page_number(page, 17, oi_percent_number(percent));
	page_right(page, PAGE_COLUMNS, str_of(oi_class_text(class)));
	page_end_line(page);
}

static void print_quote_label(const struct scene_market *market, struct page *page)
{
	page_text(page, " in ");
	page_put(page, market->quote.len ? market->quote : STR("quote"));
}

static void print_market(const struct scene *scene, const void *all, size_t index,
			 struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	const struct oi_facts *facts = &((const struct oi_facts *)all)[index];
	const struct decimal *qty = &facts->sample.qty;
	scene_print_head(scene, market, page);
	if (!facts->known) {
		page_line(page, "No open interest heard yet.");
		return;
	}
	page_table_begin(page);
	page_fact_number(page, "Open interest",
			 figure_short(qty->mantissa, qty->scale, FIGURE_PLAIN));
	print_quote_label(market, page);
	page_fact_number(page, "",
			 facts->has_quote
			     ? figure_short(facts->quote, facts->quote_scale, FIGURE_PLAIN)
			     : figure_none());
	rates_print_stale(facts->stale, facts->age_ms, page);
	print_heads(page);
	for (size_t i = 0; i < OI_WINDOWS; i++) {
		const struct oi_change *change = &facts->changes[i];
		struct figure moved = isnan(change->absolute)
					  ? figure_none()
					  : figure_short(change->exact, change->scale, FIGURE_PLUS);
		print_change(oi_spans[i], moved, change->percent, change->class, page);
	}
	page_table_end(page);
}

static void print_total_head(const struct scene *scene, const struct oi_total *total,
			     struct page *page)
{
	char head[48];
	struct buf text = buf_over(head, sizeof head);
	page_end_line(page);
	if (total->markets < scene->count)
		buf_printf(&text, "%zu of %zu markets", total->markets, scene->count);
	else if (total->markets > 2)
		buf_printf(&text, "All %zu markets", total->markets);
	else
		buf_str_put(&text, STR("Both markets"));
	page_bold(page, buf_str(&text));
}

static void print_total(const struct scene *scene, const struct oi_total *total, struct page *page)
{
	if (total->markets < 2)
		return;
	print_total_head(scene, total, page);
	page_table_begin(page);
	page_fact_number(page, "Open interest", sum_short(&total->base, FIGURE_PLAIN));
	page_fact_number(page, " in USD", sum_short(&total->quote, FIGURE_PLAIN));
	print_heads(page);
	for (size_t i = 0; i < OI_WINDOWS; i++)
		print_change(oi_spans[i], sum_short(&total->change[i], FIGURE_PLUS),
			     total->percent[i], total->class[i], page);
	page_table_end(page);
	scene_print_dollar_notes(scene, page);
	if (total->stale)
		page_line(page, "A stale figure is in these sums.");
}

/* The age of the oldest one. */
void oi_ages(const struct scene *scene, struct page *page)
{
	int64_t oldest_ms = -1;
	for (size_t i = 0; i < scene->count; i++) {
		struct oi_sample sample;
		if (!rates_oi(market_rates(scene->markets[i].market), &sample))
			continue;
		int64_t age_ms = scene_age_ms(scene, sample.t_ms);
		if (age_ms > oldest_ms)
			oldest_ms = age_ms;
	}
	struct figure age = figure_age(oldest_ms);
	if (oldest_ms >= 0)
		page_printf(page, " · open interest %.*s old", STR_ARG(figure_str(&age)));
}

/* ---- JSON ---- */

static void json_windows(const struct oi_facts *facts, struct json_out *json)
{
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < OI_WINDOWS; i++) {
		const struct oi_change *change = &facts->changes[i];
		json_out_open(json, NULL, '{');
		json_out_str(json, "timeframe", str_of(asked_timeframe_text(oi_spans[i])));
		json_out_known_decimal(json, "change", !isnan(change->absolute), change->exact,
				       change->scale);
		json_out_double(json, "change_percent", change->percent, 6);
		json_out_word(json, "class", oi_class_text(change->class));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void json_market(const struct scene_market *market, const struct oi_facts *facts,
			struct json_out *json)
{
	scene_json_market(market, json);
	oi_json(facts, json);
	json_out_known_decimal(json, "open_interest_quote", facts->has_quote, facts->quote,
			       facts->quote_scale);
	json_windows(facts, json);
	scene_json_market_end(market, &market->day, json);
}

static void json_total(const struct oi_total *total, struct json_out *json)
{
	json_out_open(json, "total", '{');
	sum_json(&total->base, json, "open_interest");
	sum_json(&total->quote, json, "open_interest_quote");
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < OI_WINDOWS; i++) {
		json_out_open(json, NULL, '{');
		json_out_str(json, "timeframe", str_of(asked_timeframe_text(oi_spans[i])));
		sum_json(&total->change[i], json, "change");
		json_out_double(json, "change_percent", total->percent[i], 6);
		json_out_word(json, "class", oi_class_text(total->class[i]));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	json_out_bool(json, "stale", total->stale);
	json_out_i64(json, "markets", (int64_t)total->markets);
	json_out_close(json, '}');
}

void oi_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct oi_facts facts[ASK_MARKETS_MAX];
	struct oi_total total;
	for (size_t i = 0; i < scene->count; i++)
		oi_facts_of(scene, &scene->markets[i], &facts[i]);
	oi_total_of(scene, facts, &total);
	scene_print_title(scene, page, "open interest");
	scene_print_parts(scene, facts, page, PARTS_CHARS, print_market);
	print_total(scene, &total, page);
	page_line(page, "Coins, one side counted; changes lead up to the newest figure.");
	if (!json)
		return;
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		json_market(&scene->markets[i], &facts[i], json);
	json_out_close(json, ']');
	json_total(&total, json);
}
