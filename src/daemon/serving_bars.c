/* Bars of a market as columns: prices, flow, open interest, liquidations. */
#include <stdlib.h>

#include "base/json_out.h"
#include "daemon/serving_impl.h"
#include "market/markets.h"

struct bars_view {
	struct json_out json;
	struct market *market;
	int32_t price_scale, qty_scale;
	int64_t step_ms;
	const struct bar *bars;
	const i128 *cvd;
	size_t n;
};

static struct market *find(const struct serving *serving, struct str name)
{
	struct market_id id;
	if (market_id_parse(name, &id))
		return NULL;
	return markets_find(daemon_markets(serving->config.daemon), &id);
}

/* ---- columns ---- */

enum bars_column { OPEN, HIGH, LOW, CLOSE, BUY, SELL };

static int64_t figure(const struct bar *bar, enum bars_column column)
{
	switch (column) {
	case OPEN: return bar->open;
	case HIGH: return bar->high;
	case LOW: return bar->low;
	case CLOSE: return bar->close;
	case BUY: return bar->buy;
	case SELL: return bar->sell;
	}
	return 0;
}

static void put_column(struct bars_view *view, const char *name, enum bars_column column)
{
	int32_t scale = column >= BUY ? view->qty_scale : view->price_scale;
	json_out_open(&view->json, name, '[');
	for (size_t i = 0; i < view->n; i++)
		json_out_number(&view->json, NULL, figure(&view->bars[i], column), scale);
	json_out_close(&view->json, ']');
}

static void put_bars(struct bars_view *view)
{
	struct json_out *json = &view->json;
	json_out_open(json, "bars", '{');
	json_out_open(json, "t", '[');
	for (size_t i = 0; i < view->n; i++)
		json_out_i64(json, NULL, view->bars[i].minute_ms);
	json_out_close(json, ']');
	put_column(view, "o", OPEN);
	put_column(view, "h", HIGH);
	put_column(view, "l", LOW);
	put_column(view, "c", CLOSE);
	put_column(view, "buy", BUY);
	put_column(view, "sell", SELL);
	json_out_open(json, "cvd", '[');
	for (size_t i = 0; i < view->n; i++)
		json_out_number(json, NULL, view->cvd[i], view->qty_scale);
	json_out_close(json, ']');
	json_out_open(json, "partial", '[');
	for (size_t i = 0; i < view->n; i++)
		json_out_i64(json, NULL, (view->bars[i].flags & BAR_PARTIAL) != 0);
	json_out_close(json, ']');
	json_out_close(json, '}');
}

/* Of each bar the last sample within it. */
static bool oi_of(const struct bars_view *view, size_t i, struct oi_sample *out)
{
	int64_t begin_ms = view->bars[i].minute_ms;
	return rates_oi_at(market_rates(view->market), begin_ms + view->step_ms - 1, out) &&
	       out->t_ms >= begin_ms;
}

static void put_oi(struct bars_view *view)
{
	struct json_out *json = &view->json;
	struct oi_sample sample;
	json_out_open(json, "oi", '{');
	json_out_open(json, "t", '[');
	for (size_t i = 0; i < view->n; i++)
		if (oi_of(view, i, &sample))
			json_out_i64(json, NULL, view->bars[i].minute_ms);
	json_out_close(json, ']');
	json_out_open(json, "v", '[');
	for (size_t i = 0; i < view->n; i++)
		if (oi_of(view, i, &sample))
			json_out_number(json, NULL, sample.qty.mantissa, sample.qty.scale);
	json_out_close(json, ']');
	json_out_close(json, '}');
}

static void put_funding(struct bars_view *view)
{
	struct funding_state funding;
	bool known = rates_funding(market_rates(view->market), &funding);
	json_out_known_decimal(&view->json, "funding", known, known ? funding.rate.mantissa : 0,
			       known ? funding.rate.scale : 0);
}

/* ---- liquidations, of the asset on all venues ---- */

enum liquidations_column { AT, LONG, SHORT };

static void put_liquidated(struct bars_view *view, const struct liquidations *all, struct str asset,
			   const char *name, enum liquidations_column column)
{
	struct liquidation_sums sums;
	json_out_open(&view->json, name, '[');
	for (size_t i = 0; i < view->n; i++) {
		int64_t begin_ms = view->bars[i].minute_ms;
		liquidations_sum(all, asset, (int32_t)(view->step_ms / MINUTE_MS),
				 begin_ms + view->step_ms - 1, &sums);
		if (!sums.n_long && !sums.n_short)
			continue;
		if (column == AT)
			json_out_i64(&view->json, NULL, begin_ms);
		else
			json_out_number(&view->json, NULL,
					column == LONG ? sums.long_e8 : sums.short_e8, 8);
	}
	json_out_close(&view->json, ']');
}

static void put_liquidations(struct bars_view *view, const struct liquidations *all)
{
	struct str asset, quote;
	market_id_assets(market_id(view->market), &asset, &quote);
	json_out_open(&view->json, "liquidations", '{');
	put_liquidated(view, all, asset, "t", AT);
	put_liquidated(view, all, asset, "long", LONG);
	put_liquidated(view, all, asset, "short", SHORT);
	json_out_close(&view->json, '}');
}

/* ---- hooks ---- */

static void put_view(struct bars_view *view, const struct serve_bars *asked,
		     const struct liquidations *all)
{
	struct json_out *json = &view->json;
	json_out_open(json, NULL, '{');
	json_out_str(json, "market", asked->market);
	json_out_str(json, "tf", asked->tf);
	json_out_known_i64(json, "t0_ms", view->n > 0, view->n ? view->bars[0].minute_ms : 0);
	json_out_i64(json, "step_ms", view->step_ms);
	put_bars(view);
	put_oi(view);
	put_funding(view);
	put_liquidations(view, all);
	json_out_close(json, '}');
}

/* So many bars begin after the last one that is wanted. */
static size_t bars_after(const struct market *market, const struct serve_bars *asked)
{
	int64_t step_ms = (int64_t)asked->minutes * MINUTE_MS;
	int64_t newest = market_newest_ms(market) / step_ms, last = asked->to_ms / step_ms;
	if (last >= newest)
		return 0;
	return newest - last < MARKET_MINUTES ? (size_t)(newest - last) : MARKET_MINUTES;
}

/* With room for the bars that come after, too: a question about the past may allocate. */
static enum status put_past(struct bars_view *view, const struct serve_bars *asked, size_t after,
			    const struct liquidations *all)
{
	size_t room = asked->n + after;
	struct bar *bars = calloc(room, sizeof *bars);
	i128 *cvd = calloc(room, sizeof *cvd);
	if (bars && cvd) {
		size_t n = market_bars(view->market, asked->minutes, bars, cvd, room);
		view->n = n > after ? n - after : 0;
		view->bars = bars;
		view->cvd = cvd;
		put_view(view, asked, all);
	}
	free(bars);
	free(cvd);
	return bars && cvd ? STATUS_OK : STATUS_NO_MEMORY;
}

static void put_newest(struct bars_view *view, const struct serve_bars *asked,
		       const struct liquidations *all)
{
	struct bar bars[SERVE_POINTS_MAX];
	i128 cvd[SERVE_POINTS_MAX];
	view->n = market_bars(view->market, asked->minutes, bars, cvd, asked->n);
	view->bars = bars;
	view->cvd = cvd;
	put_view(view, asked, all);
}

enum status serving_bars(void *ctx, const struct serve_bars *asked, struct buf *out)
{
	const struct serving *serving = ctx;
	struct bars_view view = { .json = { .out = out },
				  .market = find(serving, asked->market),
				  .step_ms = (int64_t)asked->minutes * MINUTE_MS };
	if (!view.market)
		return STATUS_NOT_FOUND;
	const struct liquidations *all =
	    markets_liquidations(daemon_markets(serving->config.daemon));
	size_t after = bars_after(view.market, asked);
	market_scales(view.market, &view.price_scale, &view.qty_scale);
	if (after)
		return put_past(&view, asked, after, all);
	put_newest(&view, asked, all);
	return STATUS_OK;
}

bool serving_bar(void *ctx, const struct serve_bars *asked, int back, struct buf *out)
{
	const struct serving *serving = ctx;
	struct json_out json = { .out = out };
	struct market *market = find(serving, asked->market);
	struct bar bars[2];
	i128 cvd[2];
	int32_t price_scale, qty_scale;
	size_t n = market ? market_bars(market, asked->minutes, bars, cvd, 2) : 0;
	if (n <= (size_t)back)
		return false;
	const struct bar *bar = &bars[n - 1 - (size_t)back];
	market_scales(market, &price_scale, &qty_scale);
	json_out_open(&json, NULL, '{');
	json_out_i64(&json, "t", bar->minute_ms);
	json_out_number(&json, "o", bar->open, price_scale);
	json_out_number(&json, "h", bar->high, price_scale);
	json_out_number(&json, "l", bar->low, price_scale);
	json_out_number(&json, "c", bar->close, price_scale);
	json_out_number(&json, "buy", bar->buy, qty_scale);
	json_out_number(&json, "sell", bar->sell, qty_scale);
	json_out_number(&json, "cvd", cvd[n - 1 - (size_t)back], qty_scale);
	json_out_i64(&json, "partial", (bar->flags & BAR_PARTIAL) != 0);
	json_out_close(&json, '}');
	return true;
}
