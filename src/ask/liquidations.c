#include "ask/answer.h"
#include "base/check.h"
#include "market/liquidations.h"

enum { LAST_SHOWN = 8, CASCADES_SHOWN = 3, QUOTE_SCALE = 8 };

static const int32_t spans[] = { 60, DAY_MINUTES };

struct liquidation_facts {
	const struct liquidations *all;
	struct str asset;
	struct liquidation_sums sums[ARRAY_LEN(spans)];
	struct liquidation last[LAST_SHOWN];
	size_t n_last;
	bool in_cascade;
	struct cascade cascade;
	struct cascade past[CASCADES_SHOWN];
	size_t n_past;
};

static void find_cascades(struct liquidation_facts *facts)
{
	struct cascade kept[CASCADES_KEPT + LIQUIDATIONS_ASSETS];
	size_t count = liquidations_cascades(facts->all, kept, ARRAY_LEN(kept));
	facts->in_cascade = liquidations_cascade(facts->all, facts->asset, &facts->cascade);
	for (size_t i = 0; i < count && facts->n_past < CASCADES_SHOWN; i++)
		if (!kept[i].active && str_eq(str_of(kept[i].asset), facts->asset))
			facts->past[facts->n_past++] = kept[i];
}

int64_t liquidations_until_ms(const struct scene *scene)
{
	int64_t newest_ms = liquidations_newest_ms(markets_liquidations(scene->world->markets));
	return scene->against_now || newest_ms < scene->now_ms ? scene->now_ms : newest_ms;
}

/* Of the list, which knows no age, those of the last 24 h. */
static void find_last(struct liquidation_facts *facts, int64_t until_ms)
{
	int64_t from_ms = until_ms - (int64_t)DAY_MINUTES * MINUTE_MS;
	facts->n_last = liquidations_last(facts->all, facts->asset, facts->last, LAST_SHOWN);
	while (facts->n_last && facts->last[facts->n_last - 1].t_ms < from_ms)
		facts->n_last--;
}

static void find_facts(const struct scene *scene, struct liquidation_facts *facts)
{
	int64_t until_ms = liquidations_until_ms(scene);
	*facts = (struct liquidation_facts){
		.all = markets_liquidations(scene->world->markets),
		.asset = scene_asset(scene),
	};
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		liquidations_sum(facts->all, facts->asset, spans[i], until_ms, &facts->sums[i]);
	find_last(facts, until_ms);
	find_cascades(facts);
}

static struct figure quote(i128 value) { return figure_short(value, QUOTE_SCALE, FIGURE_PLAIN); }

static void print_sums(const struct liquidation_sums *sums, int32_t minutes, struct page *page)
{
	page_text(page, asked_timeframe_text(minutes));
	page_text(page, sums->at_least ? " at least" : "");
	page_number(page, 22, quote(sums->long_e8));
	page_number(page, PAGE_COLUMNS, quote(sums->short_e8));
	page_end_line(page);
	page_facts(page, " how many", figure_short((i128)sums->n_long, 0, FIGURE_PLAIN),
		   figure_short((i128)sums->n_short, 0, FIGURE_PLAIN));
}

static void print_cascade(const struct cascade *cascade, struct page *page)
{
	struct figure risk = figure_fixed(cascade->risk, 2, FIGURE_PLAIN);
	struct figure value = quote(cascade->long_e8 + cascade->short_e8);
	struct figure when = figure_utc(cascade->began_ms);
	page_printf(page, "%s%.*s: %u liquidations, %.*s USD, %u venue%s, risk %.*s %s",
		    cascade->active ? "CASCADE since " : "Cascade of ", STR_ARG(figure_str(&when)),
		    cascade->n, STR_ARG(figure_str(&value)), cascade->venues,
		    cascade->venues == 1 ? "" : "s", STR_ARG(figure_str(&risk)),
		    cascade_risk_text(cascade->band));
	page_end_line(page);
}

/* A column is nine characters wide. */
static const char *short_size(enum liquidation_size size)
{
	return size == SIZE_INSTITUTIONAL ? "INSTIT." : liquidation_size_text(size);
}

static void print_one(const struct liquidation_facts *facts, const struct liquidation *one,
		      struct page *page)
{
	enum liquidation_size size = liquidation_size_of(facts->all, one->quote_e8);
	struct figure clock = figure_clock(one->t_ms);
	page_put(page, figure_str(&clock));
	page_text(page, one->position == SIDE_BUY ? " LONG" : " SHORT");
	page_number(page, 21, quote(one->quote_e8));
	page_printf(page, " %.3s", venue_title((enum venue)one->market.venue));
	if (size > SIZE_NORMAL)
		page_right(page, PAGE_COLUMNS, str_of(short_size(size)));
	page_end_line(page);
}

static void print_last(const struct liquidation_facts *facts, struct page *page)
{
	page_end_line(page);
	page_bold(page, STR("The last of 24 h, in USD"));
	if (facts->n_last == 0) {
		page_line(page, "None heard.");
		return;
	}
	page_table_begin(page);
	for (size_t i = 0; i < facts->n_last; i++)
		print_one(facts, &facts->last[i], page);
	page_table_end(page);
}

/* What the sums cannot hold. */
static void print_limits(const struct liquidation_facts *facts, struct page *page)
{
	uint64_t left_out = liquidations_left_out(facts->all);
	if (facts->sums[ARRAY_LEN(spans) - 1].at_least)
		page_line(page, "At least: Binance tells one a second and market, the newest.");
	page_line(page, "Only what came while weir listened: venues tell no past ones.");
	if (!left_out)
		return;
	page_printf(page, "%llu of all assets were left out for want of room.",
		    (unsigned long long)left_out);
	page_end_line(page);
}

/* Kept by asset: one that names a market gets all of its asset. */
static void print_title(const struct scene *scene, const struct liquidation_facts *facts,
			struct page *page)
{
	char what[64];
	struct buf text = buf_over(what, sizeof what - 1);
	if (str_eq(str_of(scene->asked->symbol), facts->asset))
		buf_str_put(&text, STR("liquidations"));
	else
		buf_printf(&text, "· liquidations of %.*s, all venues", STR_ARG(facts->asset));
	what[text.len] = 0;
	scene_print_title(scene, page, what);
}

static void print(const struct scene *scene, const struct liquidation_facts *facts,
		  struct page *page)
{
	print_title(scene, facts, page);
	if (facts->in_cascade)
		print_cascade(&facts->cascade, page);
	page_table_begin(page);
	page_facts(page, "Liquidated, USD", figure_word("longs"), figure_word("shorts"));
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		print_sums(&facts->sums[i], spans[i], page);
	page_table_end(page);
	if (!facts->in_cascade)
		page_line(page, "No cascade now.");
	for (size_t i = 0; i < facts->n_past; i++)
		print_cascade(&facts->past[i], page);
	print_last(facts, page);
	print_limits(facts, page);
}

void liquidations_ages(const struct scene *scene, struct page *page)
{
	const struct liquidations *all = markets_liquidations(scene->world->markets);
	struct liquidation newest;
	if (!liquidations_last(all, scene_asset(scene), &newest, 1))
		return;
	struct figure age = figure_age(scene_age_ms(scene, newest.t_ms));
	page_printf(page, " · newest liquidation %.*s ago", STR_ARG(figure_str(&age)));
}

/* ---- JSON ---- */

static void json_sums(struct json_out *json, const struct liquidation_facts *facts)
{
	json_out_open(json, "windows", '[');
	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		const struct liquidation_sums *sums = &facts->sums[i];
		json_out_open(json, NULL, '{');
		json_out_str(json, "timeframe", str_of(asked_timeframe_text(spans[i])));
		json_out_decimal(json, "long_quote", sums->long_e8, QUOTE_SCALE);
		json_out_decimal(json, "short_quote", sums->short_e8, QUOTE_SCALE);
		json_out_i64(json, "n_long", (int64_t)sums->n_long);
		json_out_i64(json, "n_short", (int64_t)sums->n_short);
		json_out_bool(json, "at_least", sums->at_least);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void json_cascade(struct json_out *json, const char *key, const struct cascade *cascade)
{
	json_out_open(json, key, '{');
	json_out_bool(json, "active", cascade->active);
	json_out_i64(json, "began_ms", cascade->began_ms);
	json_out_i64(json, "last_ms", cascade->last_ms);
	json_out_i64(json, "n", cascade->n);
	json_out_i64(json, "n_long", cascade->n_long);
	json_out_i64(json, "n_short", cascade->n_short);
	json_out_i64(json, "venues", cascade->venues);
	json_out_decimal(json, "long_quote", cascade->long_e8, QUOTE_SCALE);
	json_out_decimal(json, "short_quote", cascade->short_e8, QUOTE_SCALE);
	json_out_double(json, "risk", cascade->risk, 6);
	json_out_word(json, "band", cascade_risk_text(cascade->band));
	json_out_close(json, '}');
}

static void json_last(struct json_out *json, const struct liquidation_facts *facts)
{
	json_out_open(json, "last", '[');
	for (size_t i = 0; i < facts->n_last; i++) {
		const struct liquidation *one = &facts->last[i];
		enum liquidation_size size = liquidation_size_of(facts->all, one->quote_e8);
		char name[64];
		struct buf id = buf_over(name, sizeof name);
		market_id_print(&id, &one->market);
		json_out_open(json, NULL, '{');
		json_out_str(json, "market", buf_str(&id));
		json_out_i64(json, "t_ms", one->t_ms);
		json_out_str(json, "position",
			     one->position == SIDE_BUY ? STR("long") : STR("short"));
		json_out_decimal(json, "price", one->price.mantissa, one->price.scale);
		json_out_decimal(json, "qty", one->qty.mantissa, one->qty.scale);
		json_out_decimal(json, "quote", one->quote_e8, QUOTE_SCALE);
		json_out_word(json, "size",
			      size == SIZE_NORMAL ? NULL : liquidation_size_text(size));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

void liquidations_answer(const struct scene *scene, struct page *page, struct json_out *json)
{
	struct liquidation_facts facts;
	find_facts(scene, &facts);
	print(scene, &facts, page);
	if (!json)
		return;
	json_out_str(json, "asset", facts.asset);
	json_sums(json, &facts);
	if (facts.in_cascade)
		json_cascade(json, "cascade", &facts.cascade);
	else
		json_out_null(json, "cascade");
	json_out_open(json, "cascades", '[');
	for (size_t i = 0; i < facts.n_past; i++)
		json_cascade(json, NULL, &facts.past[i]);
	json_out_close(json, ']');
	json_last(json, &facts);
	json_out_i64(json, "left_out", (int64_t)liquidations_left_out(facts.all));
}
