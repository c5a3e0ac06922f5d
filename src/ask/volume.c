#include "ask/answer.h"

#include <math.h>

#include "market/analysis.h"

enum { BASELINE_BARS = 50 };

struct volume_facts {
	struct spike spike;
	struct bar bar; /* the current one */
	bool bar_known;
	bool bar_is_now; /* it is the scene's current bar, not one before */
	struct window covered;
};

int32_t volume_minutes(const struct scene *scene)
{
	int32_t bar = scene->asked->minutes;
	int32_t minutes = BASELINE_BARS * bar + scene_elapsed(scene, bar);
	return minutes < MARKET_MINUTES ? minutes : MARKET_MINUTES;
}

static int64_t bar_start(const struct scene *scene)
{
	int64_t bar_ms = (int64_t)scene->asked->minutes * MINUTE_MS;
	return scene->as_of_ms / bar_ms * bar_ms;
}

static void volume_facts(const struct scene *scene, const struct scene_market *market,
			 struct volume_facts *out)
{
	int32_t minutes = scene->asked->minutes;
	market_spike(market->market, minutes, &out->spike);
	out->bar_known = market_bars(market->market, minutes, &out->bar, NULL, 1) == 1;
	out->bar_is_now = out->bar_known && out->bar.minute_ms == bar_start(scene);
	scene_window(market, volume_minutes(scene), &out->covered);
}

const char *spike_word(const struct spike *spike)
{
	return isnan(spike->percent_over) ? "n/a" : spike_text(spike->level);
}

static void print_market(const struct scene *scene, const void *all, size_t index,
			 struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	const struct volume_facts *facts = &((const struct volume_facts *)all)[index];
	const struct spike *spike = &facts->spike;
	const struct bar *bar = &facts->bar;
	scene_print_head(scene, market, page);
	page_table_begin(page);
	page_fact(page, "Level", spike_word(spike));
	page_fact_number(page, "Over baseline",
			 figure_percent(spike->percent_over / 100, 1, FIGURE_PLUS));
	page_fact_number(page, "z", figure_fixed(spike->z, 2, FIGURE_PLUS));
	if (facts->bar_known) {
		page_fact_number(
		    page, facts->bar_is_now ? "This bar" : "Its last bar",
		    figure_short((i128)bar->buy + bar->sell, market->qty_scale, FIGURE_PLAIN));
		page_text(page, " in ");
		page_put(page, market->quote.len ? market->quote : STR("quote"));
		page_fact_number(page, "",
				 figure_short(bar->buy_quote + bar->sell_quote, market->quote_scale,
					      FIGURE_PLAIN));
	}
	page_fact_number(page, "Baseline, whole bar",
			 figure_short_double(spike->baseline, FIGURE_PLAIN));
	if (spike->bars < BASELINE_BARS)
		page_fact_number(page, "Closed bars, of 50",
				 figure_group(spike->bars, 0, 0, FIGURE_PLAIN));
	page_table_end(page);
}

static void print_bar(const struct scene *scene, struct page *page)
{
	struct figure from = figure_minute(bar_start(scene));
	int32_t elapsed = scene_elapsed(scene, scene->asked->minutes);
	page_printf(page, "Bar from %.*s, open: minute %d of %d.", STR_ARG(figure_str(&from)),
		    elapsed, scene->asked->minutes);
	page_end_line(page);
	page_text(page, "Compared pro rata with 50 closed bars.");
	page_end_line(page);
}

static struct sum current_total(const struct scene *scene, const struct volume_facts *facts)
{
	struct sum total = { 0 };
	for (size_t i = 0; i < scene->count; i++)
		if (scene->markets[i].dollar && facts[i].bar_is_now)
			sum_add(&total, facts[i].bar.buy_quote + facts[i].bar.sell_quote,
				scene->markets[i].quote_scale);
	return total;
}

static void json_spike(struct json_out *json, const struct scene_market *market,
		       const struct volume_facts *facts)
{
	const struct spike *spike = &facts->spike;
	const struct bar *bar = &facts->bar;
	json_out_word(json, "level", spike_word(spike));
	json_out_double(json, "percent_over", spike->percent_over, 6);
	json_out_double(json, "z", spike->z, 6);
	if (facts->bar_known) {
		json_out_decimal(json, "current", (i128)bar->buy + bar->sell, market->qty_scale);
		json_out_decimal(json, "current_quote", bar->buy_quote + bar->sell_quote,
				 market->quote_scale);
		json_out_i64(json, "bar_ms", bar->minute_ms);
	} else {
		json_out_null(json, "current");
		json_out_null(json, "current_quote");
		json_out_null(json, "bar_ms");
	}
	json_out_double(json, "baseline", spike->baseline, 8);
	json_out_i64(json, "bars", spike->bars);
	json_out_bool(json, "open", spike->open);
}

static void json_data(const struct scene *scene, const struct volume_facts *facts,
		      const struct sum *total, struct json_out *json)
{
	json_out_str(json, "timeframe", str_of(asked_timeframe_text(scene->asked->minutes)));
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++) {
		scene_json_market(&scene->markets[i], json);
		json_spike(json, &scene->markets[i], &facts[i]);
		scene_json_market_end(&scene->markets[i], &facts[i].covered, json);
	}
	json_out_close(json, ']');
	json_out_open(json, "total_quote", '{');
	sum_json(total, json, "current");
	scene_json_total_end(scene, json);
}

void volume_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct volume_facts facts[ASK_MARKETS_MAX];
	char what[32];
	struct buf title = buf_over(what, sizeof what - 1);
	for (size_t i = 0; i < scene->count; i++)
		volume_facts(scene, &scene->markets[i], &facts[i]);
	struct sum total = current_total(scene, facts);
	buf_str_put(&title, STR("volume · "));
	buf_str_put(&title, str_of(asked_timeframe_text(scene->asked->minutes)));
	what[title.len] = 0;
	scene_print_title(scene, page, what);
	print_bar(scene, page);
	scene_print_parts(scene, facts, page, PARTS_CHARS, print_market);
	if (scene_print_total_head(scene, page)) {
		page_table_begin(page);
		page_fact_number(page, "This bar", sum_short(&total, FIGURE_PLAIN));
		page_table_end(page);
		scene_print_sum_notes(scene, page);
	}
	if (json)
		json_data(scene, facts, &total, json);
}
