#include "ask/scene.h"

#include <math.h>
#include <stdio.h>

#include "ask/answer.h"
#include "base/check.h"

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
	out->dollar = market_id_is_dollar(out->id);
	scene->dollars += out->dollar;
	scene->simulated |= market_simulated(market);
	if (newest > scene->as_of_ms)
		scene->as_of_ms = newest;
}

int64_t scene_age_ms(const struct scene *scene, int64_t t_ms)
{
	return scene->now_ms > t_ms ? scene->now_ms - t_ms : 0;
}

/* A quiet market whose book still moves is not stale. */
static void judge_age(struct scene *scene, struct scene_market *market)
{
	int64_t book_ms = book_newest_ms(market_book(market->market));
	int64_t heard_ms = book_ms > market->newest_ms ? book_ms : market->newest_ms;
	market->age_ms = scene_age_ms(scene, heard_ms);
	market->stale = market->age_ms > scene->world->options.stale_ms;
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
	if (!asked_takes_symbol(scene->asked->question))
		return true;
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

static size_t keep_perps(struct market **named, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (market_id(named[i])->kind == KIND_PERP)
			named[kept++] = named[i];
	return kept;
}

static enum fault find_markets(const struct ask_world *world, const struct asked *asked,
			       enum scene_scope scope, struct market **named, size_t *count)
{
	if (markets_count(world->markets) == 0)
		return FAULT_NO_DATA;
	if (scope == SCENE_TOP) {
		if (asked->by_oi && asked->kind == KIND_SPOT)
			return FAULT_NO_PERP;
		*count = top_markets(world->markets, asked, named);
		return *count ? FAULT_NONE : FAULT_NO_DATA;
	}
	*count = markets_named(world->markets, str_of(asked->symbol), named, MARKETS_MAX);
	if (*count == 0)
		return FAULT_UNKNOWN_SYMBOL;
	if (scope == SCENE_PERPS)
		*count = keep_perps(named, *count);
	return *count ? FAULT_NONE : FAULT_NO_PERP;
}

enum fault scene_init(struct scene *scene, const struct ask_world *world, const struct asked *asked,
		      enum scene_scope scope, int64_t now_ms)
{
	struct market *named[MARKETS_MAX];
	size_t n = 0;
	scene->world = world;
	scene->asked = asked;
	scene->count = scene->silent = scene->unshown = scene->dollars = scene->stale = 0;
	scene->as_of_ms = 0;
	scene->against_now = now_ms != 0;
	scene->simulated = world->options.simulated;
	enum fault fault = find_markets(world, asked, scope, named, &n);
	if (fault)
		return fault;
	for (size_t i = 0; i < n; i++)
		add_market(scene, named[i]);
	scene->now_ms = now_ms ? now_ms : scene->as_of_ms;
	for (size_t i = 0; i < scene->count; i++) {
		judge_age(scene, &scene->markets[i]);
		look_back(scene, &scene->markets[i]);
		write_label(scene, &scene->markets[i]);
	}
	return scene->count ? FAULT_NONE : FAULT_NO_DATA;
}

struct str scene_asset(const struct scene *scene)
{
	struct str base, quote;
	CHECK(scene->count > 0);
	market_id_assets(scene->markets[0].id, &base, &quote);
	return base;
}

int64_t scene_origin_ms(const struct scene *scene, bool *differ)
{
	int64_t first = scene->markets[0].origin_ms;
	*differ = false;
	for (size_t i = 1; i < scene->count; i++) {
		int64_t origin = scene->markets[i].origin_ms;
		*differ |= origin != scene->markets[0].origin_ms;
		if (origin < first)
			first = origin;
	}
	return first;
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

struct figure scene_price_number(const struct scene_market *market)
{
	return market->last > 0 ? figure_price(market->last, market->price_scale) : figure_none();
}

void scene_json_market(const struct scene_market *market, struct json_out *json)
{
	char name[64];
	struct buf id = buf_over(name, sizeof name);
	market_id_print(&id, market->id);
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
