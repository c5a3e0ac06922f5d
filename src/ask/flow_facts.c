#include "ask/flow.h"

#include <math.h>

const int32_t flow_spans[FLOW_WINDOWS] = { 1, 5, 15, 30, 60 };

i128 flow_trade_quote(const struct large_trade *trade) { return (i128)trade->price * trade->qty; }

static bool larger(const struct large_trade *a, const struct large_trade *b)
{
	return flow_trade_quote(a) > flow_trade_quote(b);
}

static bool newer(const struct large_trade *a, const struct large_trade *b)
{
	return a->t_ms > b->t_ms;
}

/* A dozen at most. */
static void sort(struct flow_trades *list,
		 bool (*before)(const struct large_trade *, const struct large_trade *))
{
	for (size_t i = 1; i < list->count; i++) {
		struct large_trade trade = list->trades[i];
		size_t at = i;
		for (; at > 0 && before(&trade, &list->trades[at - 1]); at--)
			list->trades[at] = list->trades[at - 1];
		list->trades[at] = trade;
	}
}

static void keep_since(struct flow_trades *list, int64_t from_ms)
{
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->trades[i].t_ms >= from_ms)
			list->trades[kept++] = list->trades[i];
	list->count = kept;
}

/* The market keeps those over its own bound; the question's may be higher. */
static void keep_over(struct flow_trades *list, int64_t quote, int32_t quote_scale)
{
	size_t kept = 0;
	i128 bound = quote;
	for (int32_t i = 0; i < quote_scale; i++)
		if (__builtin_mul_overflow(bound, (i128)10, &bound)) {
			list->count = 0;
			return;
		}
	for (size_t i = 0; i < list->count; i++)
		if (flow_trade_quote(&list->trades[i]) > bound)
			list->trades[kept++] = list->trades[i];
	list->count = kept;
}

static void take_trades(const struct scene *scene, const struct scene_market *market,
			struct flow_facts *out)
{
	int64_t from_ms = market->day.from_ms;
	out->largest.count = market_largest(market->market, out->largest.trades, MARKET_LARGEST);
	keep_since(&out->largest, from_ms);
	sort(&out->largest, larger);
	out->whales.count = market_whales(market->market, out->whales.trades, MARKET_WHALES);
	out->whales.more = out->whales.count == MARKET_WHALES;
	keep_since(&out->whales, from_ms);
	out->whales.more &= out->whales.count == MARKET_WHALES;
	keep_over(&out->whales, scene->world->options.whale_quote, market->quote_scale);
	sort(&out->whales, newer);
}

static double imbalance(double bid, double ask) { return (bid - ask) / (bid + ask); }

static struct decimal decimal_of(double value, int32_t scale)
{
	double product = value * (double)decimal_pow10(scale);
	if (!(fabs(product) < 9e18))
		return (struct decimal){ 0 };
	return (struct decimal){ llround(product), scale };
}

/* Where a venue tells levels only: its best ones are what a quote would say. */
static void take_best_levels(const struct scene_market *market, struct flow_facts *out)
{
	const struct book_depth *depth = &out->depth;
	out->from_depth = true;
	out->top = (struct book_top){
		.t_ms = depth->t_ms,
		.bid = decimal_of(depth->bid, market->price_scale),
		.bid_qty = decimal_of(depth->bid_qty, market->qty_scale),
		.ask = decimal_of(depth->ask, market->price_scale),
		.ask_qty = decimal_of(depth->ask_qty, market->qty_scale),
	};
}

static void judge_book(const struct scene *scene, struct flow_facts *out)
{
	int64_t stale_ms = scene->world->options.stale_ms;
	out->top_age_ms = scene_age_ms(scene, out->top.t_ms);
	out->top_stale = out->top.t_ms && out->top_age_ms > stale_ms;
	out->depth_age_ms = scene_age_ms(scene, out->depth.t_ms);
	out->depth_stale = out->depth.t_ms && out->depth_age_ms > stale_ms;
}

static void take_book(const struct scene_market *market, struct flow_facts *out)
{
	struct book *book = market_book(market->market);
	out->top = book_top(book);
	out->depth = book_depth(book);
	out->from_depth = false;
	if (!out->top.t_ms && out->depth.known)
		take_best_levels(market, out);
	double bid = decimal_to_double(out->top.bid.mantissa, out->top.bid.scale);
	double ask = decimal_to_double(out->top.ask.mantissa, out->top.ask.scale);
	bool known = out->top.t_ms && bid > 0 && ask > 0;
	out->mid = known ? (bid + ask) / 2 : NAN;
	out->spread_bp = known ? (ask - bid) / out->mid * 1e4 : NAN;
	out->depth_10bp = out->depth_50bp = NAN;
	if (!out->depth.known)
		return;
	out->depth_10bp = imbalance(out->depth.bid_10bp, out->depth.ask_10bp);
	out->depth_50bp = imbalance(out->depth.bid_50bp, out->depth.ask_50bp);
}

void flow_facts(const struct scene *scene, const struct scene_market *market,
		struct flow_facts *out)
{
	for (size_t i = 0; i < FLOW_WINDOWS; i++)
		scene_window(market, flow_spans[i], &out->windows[i]);
	out->vwap = window_vwap(market->market, &market->day);
	out->divergence = market_divergence(market->market, FLOW_DIVERGENCE_MINUTES);
	take_trades(scene, market, out);
	take_book(market, out);
	judge_book(scene, out);
}
