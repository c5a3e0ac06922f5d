#include "ask/scene.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"

static bool is_dollar(struct str quote)
{
	static const char *const dollars[] = {
		"USDT", "USDC", "FDUSD", "TUSD",
		"BUSD", "USD",  "PERP", /* Bybit's name for perpetuals that settle in USDC */
	};
	for (size_t i = 0; i < ARRAY_LEN(dollars); i++)
		if (str_eq(quote, str_of(dollars[i])))
			return true;
	return false;
}

static void add_market(struct scene *scene, struct market *market)
{
	int64_t newest = market_newest_ms(market);
	struct market_cursor cursor = { 0 };
	struct bar first;
	if (newest == 0 || !market_next_minute(market, &cursor, &first)) {
		scene->silent++;
		return;
	}
	if (scene->count == ASK_MARKETS_MAX) {
		scene->unshown++;
		return;
	}
	struct scene_market *out = &scene->markets[scene->count++];
	struct str base;
	out->market = market;
	out->id = market_id(market);
	out->newest_ms = newest;
	out->origin_ms = first.minute_ms;
	market_scales(market, &out->price_scale, &out->qty_scale);
	out->quote_scale = out->price_scale + out->qty_scale;
	market_id_assets(out->id, &base, &out->quote);
	out->dollar = is_dollar(out->quote);
	scene->dollars += out->dollar;
	scene->simulated |= market_simulated(market);
	if (newest > scene->as_of_ms)
		scene->as_of_ms = newest;
}

/* A quiet market whose book still moves is not stale. */
static void judge_age(struct scene *scene, struct scene_market *market, int64_t now_ms)
{
	int64_t book_ms = book_top(market_book(market->market)).t_ms;
	int64_t heard_ms = book_ms > market->newest_ms ? book_ms : market->newest_ms;
	int64_t age_ms = (now_ms ? now_ms : scene->as_of_ms) - heard_ms;
	market->age_ms = age_ms > 0 ? age_ms : 0;
	market->stale = age_ms > scene->world->options.stale_ms;
	scene->stale += market->stale;
}

static void look_back(struct scene *scene, struct scene_market *market)
{
	int64_t behind = scene->as_of_ms / MINUTE_MS - market->newest_ms / MINUTE_MS;
	market->behind = behind < INT32_MAX ? (int32_t)behind : INT32_MAX;
	market_window(market->market, DAY_MINUTES, &market->day);
	market->last = market->day.close;
}

static bool needs_symbol(const struct scene *scene, const struct scene_market *market)
{
	size_t alike = 0;
	for (size_t i = 0; i < scene->count; i++)
		alike += scene->markets[i].id->venue == market->id->venue &&
			 scene->markets[i].id->kind == market->id->kind;
	return alike > 1;
}

static void write_label(const struct scene *scene, struct scene_market *market)
{
	struct buf label = buf_over(market->label, sizeof market->label - 1);
	buf_str_put(&label, str_of(venue_title((enum venue)market->id->venue)));
	buf_char(&label, ' ');
	buf_str_put(&label, str_of(kind_text((enum kind)market->id->kind)));
	if (needs_symbol(scene, market)) {
		buf_char(&label, ' ');
		buf_str_put(&label, str_of(market->id->symbol));
	}
	CHECK(!label.overflow);
	market->label[label.len] = 0;
}

enum fault scene_init(struct scene *scene, const struct ask_world *world, const struct asked *asked,
		      int64_t now_ms)
{
	struct market *named[MARKETS_MAX];
	scene->world = world;
	scene->asked = asked;
	scene->count = scene->silent = scene->unshown = scene->dollars = scene->stale = 0;
	scene->as_of_ms = 0;
	scene->against_now = now_ms != 0;
	scene->simulated = world->options.simulated;
	if (markets_count(world->markets) == 0)
		return FAULT_NO_DATA;
	size_t n = markets_named(world->markets, str_of(asked->symbol), named, ARRAY_LEN(named));
	if (n == 0)
		return FAULT_UNKNOWN_SYMBOL;
	for (size_t i = 0; i < n; i++)
		add_market(scene, named[i]);
	for (size_t i = 0; i < scene->count; i++) {
		judge_age(scene, &scene->markets[i], now_ms);
		look_back(scene, &scene->markets[i]);
		write_label(scene, &scene->markets[i]);
	}
	return scene->count ? FAULT_NONE : FAULT_NO_DATA;
}

void scene_window(const struct scene_market *market, int32_t minutes, struct window *out)
{
	if (minutes == DAY_MINUTES)
		*out = market->day;
	else
		market_window(market->market, minutes, out);
}

void scene_window_common(const struct scene_market *market, int32_t minutes, struct window *out)
{
	if (market->behind == 0)
		scene_window(market, minutes, out);
	else if (market->behind < minutes)
		scene_window(market, minutes - market->behind, out);
	else
		*out = (struct window){ 0 };
}

struct coverage scene_coverage(const struct scene *scene, int32_t minutes)
{
	struct coverage out = { .minutes = minutes, .of = minutes };
	int32_t klines = 0, repaired = 0;
	for (size_t i = 0; i < scene->count; i++) {
		struct window window;
		scene_window(&scene->markets[i], minutes, &window);
		if (window.present < out.minutes)
			out.minutes = window.present;
		if (window.partial > out.partial)
			out.partial = window.partial;
		klines += window.klines;
		repaired += window.repaired;
	}
	out.source = klines ? "klines" : repaired ? "repaired" : "stream";
	return out;
}

int32_t scene_elapsed(const struct scene *scene, int32_t minutes)
{
	return (int32_t)(scene->as_of_ms / MINUTE_MS % minutes) + 1;
}

void scene_total(const struct scene *scene, int32_t minutes, struct quote_flow *out)
{
	*out = (struct quote_flow){ 0 };
	for (size_t i = 0; i < scene->count; i++) {
		const struct scene_market *market = &scene->markets[i];
		struct window window;
		if (!market->dollar)
			continue;
		scene_window_common(market, minutes, &window);
		quote_flow_add(out, &window.flow, market->quote_scale);
	}
}

bool scene_knows(const struct scene *scene, const struct scene_market *market, int32_t minutes)
{
	if (market)
		return market->day.present >= minutes;
	for (size_t i = 0; i < scene->count; i++)
		if (scene->markets[i].dollar && scene->markets[i].day.present < minutes)
			return false;
	return true;
}

bool scene_knows_all(const struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++)
		if (scene->markets[i].day.present < DAY_MINUTES)
			return false;
	return true;
}

double scene_change(int64_t last, const struct window *window)
{
	if (window->open <= 0 || last <= 0)
		return NAN;
	return (double)last / (double)window->open - 1;
}

void scene_json_market(const struct scene_market *market, struct json_out *json)
{
	char name[64];
	struct buf id = buf_over(name, sizeof name);
	buf_str_put(&id, str_of(venue_text((enum venue)market->id->venue)));
	buf_char(&id, ':');
	buf_str_put(&id, str_of(kind_text((enum kind)market->id->kind)));
	buf_char(&id, ':');
	buf_str_put(&id, str_of(market->id->symbol));
	json_out_open(json, NULL, '{');
	json_out_str(json, "market", buf_str(&id));
}

void scene_json_market_end(const struct scene_market *market, const struct window *covered,
			   struct json_out *json)
{
	json_out_i64(json, "minutes", covered->present);
	json_out_i64(json, "partial", covered->partial);
	if (market->quote.len)
		json_out_str(json, "quote", market->quote);
	else
		json_out_null(json, "quote");
	json_out_bool(json, "in_total", market->dollar);
	json_out_i64(json, "age_ms", market->age_ms);
	json_out_bool(json, "stale", market->stale);
	json_out_close(json, '}');
}

void scene_json_total_end(const struct scene *scene, struct json_out *json)
{
	json_out_i64(json, "markets", (int64_t)scene->dollars);
	json_out_close(json, '}');
}
