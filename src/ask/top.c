#include <math.h>

#include "ask/answer.h"
#include "ask/rates_facts.h"

struct top_facts {
	struct oi_facts oi;
	struct funding_facts funding;
	struct venue_day venue; /* stands in where weir's own 24 h are not covered */
	double change;          /* fraction */
};

static void top_facts(const struct scene *scene, const struct scene_market *market,
		      struct top_facts *out)
{
	oi_facts_of(scene, market, &out->oi);
	funding_facts_of(scene, market, &out->funding);
	venue_day_of(scene, market, &out->venue);
	const struct decimal *percent = &out->venue.change_percent;
	out->change = out->venue.has_change
			  ? decimal_to_double(percent->mantissa, percent->scale) / 100
			  : scene_change(market->last, &market->day);
}

/* ---- the page ---- */

static void print_volume(const struct scene_market *market, const struct top_facts *facts,
			 struct page *page)
{
	const struct decimal *venue = &facts->venue.quote_volume;
	const struct flow *day = &market->day.flow;
	if (facts->venue.has_volume) {
		page_marked(page, figure_short(venue->mantissa, venue->scale, FIGURE_PLAIN),
			    facts->venue.stale ? "!" : "v");
		return;
	}
	page_marked(
	    page, figure_short(day->buy_quote + day->sell_quote, market->quote_scale, FIGURE_PLAIN),
	    market->day.present < DAY_MINUTES ? "*" : "");
}

static void print_rates(const struct top_facts *facts, struct page *page)
{
	const struct oi_facts *oi = &facts->oi;
	page_text(page, "   OI");
	page_number(page, 13,
		    oi->has_quote ? figure_short(oi->quote, oi->quote_scale, FIGURE_PLAIN)
				  : figure_none());
	page_text(page, oi->stale ? "! funding" : "  funding");
	page_marked(page, funding_rate_number(facts->funding.rate),
		    facts->funding.stale ? "!" : "");
	page_end_line(page);
}

static void print_market(const struct scene *scene, const void *all, size_t index,
			 struct page *page)
{
	const struct scene_market *market = &scene->markets[index];
	const struct top_facts *facts = &((const struct top_facts *)all)[index];
	page_printf(page, "%2zu ", index + 1);
	scene_print_label(market, page, PAGE_COLUMNS);
	page_end_line(page);
	page_number(page, 13, scene_price_number(market));
	page_number(page, 24, figure_percent(facts->change, 2, FIGURE_PLUS));
	print_volume(market, facts, page);
	page_end_line(page);
	if (market->id->kind == KIND_PERP)
		print_rates(facts, page);
}

static void print_notes(const struct scene *scene, const struct top_facts *facts, struct page *page)
{
	bool venue = false, gap = false, stale = false;
	for (size_t i = 0; i < scene->count; i++) {
		venue |= facts[i].venue.has_volume && !facts[i].venue.stale;
		gap |= !facts[i].venue.has_volume && scene->markets[i].day.present < DAY_MINUTES;
		stale |= scene->markets[i].stale || facts[i].oi.stale || facts[i].funding.stale ||
			 facts[i].venue.stale;
	}
	if (venue)
		page_line(page, "v the venue's own 24 h, as not every minute is known here.");
	if (gap)
		page_line(page, "* not every minute of it is known.");
	if (stale)
		page_line(page, "! stale.");
}

static const char *title_of(const struct asked *asked)
{
	if (asked->by_oi)
		return "Perps by open interest, USD";
	switch (asked->kind) {
	case KIND_SPOT: return "Spot markets by 24 h volume, USD";
	case KIND_PERP: return "Perps by 24 h volume, USD";
	default: return "Markets by 24 h volume, USD";
	}
}

static void print(const struct scene *scene, const struct top_facts *facts, struct page *page)
{
	scene_print_title(scene, page, title_of(scene->asked));
	page_table_begin(page);
	page_right(page, 13, STR("price"));
	page_right(page, 22, STR("24h"));
	page_right(page, PAGE_COLUMNS - 1, STR("volume"));
	page_end_line(page);
	scene_print_parts(scene, facts, page, PARTS_CHARS, print_market);
	page_table_end(page);
	print_notes(scene, facts, page);
}

/* ---- JSON ---- */

static void json_volume(const struct scene_market *market, const struct top_facts *facts,
			struct json_out *json)
{
	const struct decimal *venue = &facts->venue.quote_volume;
	const struct flow *day = &market->day.flow;
	if (facts->venue.has_volume)
		json_out_decimal(json, "volume_24h_quote", venue->mantissa, venue->scale);
	else
		json_out_decimal(json, "volume_24h_quote", day->buy_quote + day->sell_quote,
				 market->quote_scale);
	json_out_str(json, "volume_from", facts->venue.has_volume ? STR("venue") : STR("trades"));
	json_out_known_bool(json, "venue_stale", facts->venue.has_change || facts->venue.has_volume,
			    facts->venue.stale);
}

static void json_market(const struct scene_market *market, const struct top_facts *facts,
			struct json_out *json)
{
	scene_json_market(market, json);
	json_out_known_decimal(json, "price", market->last > 0, market->last, market->price_scale);
	json_out_double(json, "change_24h_percent", facts->change * 100, 6);
	json_out_str(json, "change_from", facts->venue.has_change ? STR("venue") : STR("trades"));
	json_volume(market, facts, json);
	oi_json(&facts->oi, json);
	json_out_known_decimal(json, "open_interest_quote", facts->oi.has_quote, facts->oi.quote,
			       facts->oi.quote_scale);
	funding_json(&facts->funding, json);
	scene_json_market_end(market, &market->day, json);
}

void top_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	const struct asked *asked = scene->asked;
	struct top_facts facts[TOP_MAX];
	for (size_t i = 0; i < scene->count; i++)
		top_facts(scene, &scene->markets[i], &facts[i]);
	print(scene, facts, page);
	if (!json)
		return;
	json_out_str(json, "by", asked->by_oi ? STR("oi") : STR("volume"));
	json_out_word(json, "kind",
		      asked->kind < KIND_COUNT ? kind_text((enum kind)asked->kind) : NULL);
	json_out_open(json, "markets", '[');
	for (size_t i = 0; i < scene->count; i++)
		json_market(&scene->markets[i], &facts[i], json);
	json_out_close(json, ']');
}

/* ---- which ten ---- */

struct ranked {
	struct market *market;
	double key;
};

static double oi_key(struct market *market, const struct window *day)
{
	struct oi_sample oi;
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	if (!rates_oi(market_rates(market), &oi))
		return NAN;
	return decimal_to_double((i128)oi.qty.mantissa * day->close, oi.qty.scale + price_scale);
}

/* What the answer will print (venue_day_of). */
static double volume_key(struct market *market, const struct window *day)
{
	struct ticker_state ticker;
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	if (day->present < DAY_MINUTES && rates_ticker(market_rates(market), &ticker) &&
	    ticker.has_quote_volume)
		return decimal_to_double(ticker.quote_volume.mantissa, ticker.quote_volume.scale);
	return decimal_to_double(day->flow.buy_quote + day->flow.sell_quote,
				 price_scale + qty_scale);
}

/* NAN: it is not among them. */
static double key_of(struct market *market, const struct asked *asked)
{
	const struct market_id *id = market_id(market);
	struct window day;
	bool wanted = asked->kind == KIND_COUNT || id->kind == asked->kind;
	if (!wanted || !market_id_is_dollar(id) || market_newest_ms(market) == 0)
		return NAN;
	market_window(market, DAY_MINUTES, &day);
	return asked->by_oi ? oi_key(market, &day) : volume_key(market, &day);
}

/* Of equal keys the first in the order of names stays before. */
static size_t insert(struct ranked *list, size_t count, struct ranked one)
{
	size_t at = count;
	while (at > 0 && list[at - 1].key < one.key)
		at--;
	if (at == TOP_MAX)
		return count;
	for (size_t i = count < TOP_MAX ? count : TOP_MAX - 1; i > at; i--)
		list[i] = list[i - 1];
	list[at] = one;
	return count < TOP_MAX ? count + 1 : count;
}

size_t top_markets(const struct markets *markets, const struct asked *asked,
		   struct market *out[TOP_MAX])
{
	struct ranked list[TOP_MAX];
	size_t count = 0;
	for (size_t i = 0; i < markets_count(markets); i++) {
		struct ranked one = { .market = markets_at(markets, i) };
		one.key = key_of(one.market, asked);
		if (!isnan(one.key))
			count = insert(list, count, one);
	}
	for (size_t i = 0; i < count; i++)
		out[i] = list[i].market;
	return count;
}
