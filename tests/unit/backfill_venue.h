/* backfill_venue.h - a venue behind feed/rest.h, for tests of the backfill: rest_get and
 * its kin are here instead of in src/feed/rest.c. It has one market whose every trade is
 * known, and answers from them as Binance or Bybit would, in simulated time. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "feed/backfill.h"

enum {
	VENUE_HOURS = 76,
	VENUE_MINUTES = VENUE_HOURS * 60,
	VENUE_TRADES = VENUE_MINUTES * 4,
	VENUE_PENDING = 512,
	PRICE_SCALE = 2,
	QTY_SCALE = 3,
};

/* A whole hour, 72 h before which the truth has begun. */
static const int64_t truth_ms = 1723161600000;

struct truth_trade {
	int64_t id, t_ms, price, qty; /* at the scales above */
	uint8_t side;
	bool dropped; /* does not come by the stream */
	bool lost;    /* the venue does not have it either */
};

struct truth_minute {
	int64_t open, high, low, close, buy, sell;
	i128 buy_quote, sell_quote;
	bool traded;
};

struct pending {
	enum rest_endpoint endpoint;
	enum rest_priority priority;
	int32_t weight;
	char query[REST_QUERY_MAX + 1];
	rest_answer_fn fn;
	void *ctx;
};

struct rest {
	enum venue venue;
	enum kind kind;
};

static struct {
	int64_t now_ms;
	struct rest rest;
	struct truth_trade trades[VENUE_TRADES];
	size_t n_trades, streamed;
	struct truth_minute minutes[VENUE_MINUTES];
	int64_t klines_from_ms; /* it has none before */
	struct pending pending[VENUE_PENDING];
	size_t n_pending;
	size_t asked[REST_COUNT]; /* requests, by endpoint */
	struct pending last[REST_COUNT];
	enum status fail[REST_COUNT];    /* every answer of the endpoint, until OK again */
	const char *instead[REST_COUNT]; /* a body in place of the right one */
	const char *instrument_status;   /* NULL: not listed */
	size_t room;                     /* of its queue */
	size_t cancelled;
	int32_t kline_extra; /* added to each minute's volume, in 0.001: trades nobody saw */
} venue;

/* ---- the port ---- */

enum status rest_get(struct rest *rest, enum rest_endpoint endpoint, enum rest_priority priority,
		     struct str query, int32_t weight, rest_answer_fn fn, void *ctx)
{
	assert_ptr_equal(rest, &venue.rest);
	assert_int_equal(rest_row(endpoint)->venue, rest->venue);
	assert_int_equal(rest_row(endpoint)->kind, rest->kind);
	assert_true(query.len <= REST_QUERY_MAX);
	if (venue.n_pending >= venue.room)
		return STATUS_FULL;
	struct pending *pending = &venue.pending[venue.n_pending++];
	*pending = (struct pending){ endpoint, priority, weight, "", fn, ctx };
	memcpy(pending->query, query.ptr, query.len);
	venue.asked[endpoint]++;
	venue.last[endpoint] = *pending;
	return STATUS_OK;
}

void rest_cancel(struct rest *rest, void *ctx)
{
	(void)rest;
	size_t kept = 0;
	for (size_t i = 0; i < venue.n_pending; i++)
		if (venue.pending[i].ctx != ctx)
			venue.pending[kept++] = venue.pending[i];
	venue.cancelled += venue.n_pending - kept;
	venue.n_pending = kept;
}

size_t rest_waiting(const struct rest *rest)
{
	(void)rest;
	return venue.n_pending;
}

int64_t rest_clock_offset_ms(const struct rest *rest)
{
	(void)rest;
	return 0;
}

/* ---- the truth ---- */

static void truth_count(const struct truth_trade *trade)
{
	struct truth_minute *m = &venue.minutes[(trade->t_ms - truth_ms) / MINUTE_MS];
	i128 quote = (i128)trade->price * trade->qty;
	if (!m->traded)
		m->open = m->high = m->low = trade->price;
	m->traded = true;
	m->high = trade->price > m->high ? trade->price : m->high;
	m->low = trade->price < m->low ? trade->price : m->low;
	m->close = trade->price;
	*(trade->side == SIDE_BUY ? &m->buy : &m->sell) += trade->qty;
	*(trade->side == SIDE_BUY ? &m->buy_quote : &m->sell_quote) += quote;
}

/* About three a minute, some minutes none. */
static void truth_make(uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	int64_t t_ms = truth_ms + 1, price = 250000;
	for (size_t i = 0; i < VENUE_TRADES; i++) {
		t_ms += (int64_t)rng_below(&rng, 40000);
		if (rng_below(&rng, 50) == 0)
			t_ms += 150000;
		if (t_ms >= truth_ms + (int64_t)VENUE_MINUTES * MINUTE_MS)
			break;
		price += (int64_t)rng_below(&rng, 201) - 100;
		venue.trades[i] = (struct truth_trade){ (int64_t)i + 5000,
							t_ms,
							price,
							(int64_t)rng_below(&rng, 5000) + 1,
							(uint8_t)rng_below(&rng, 2),
							false,
							false };
		truth_count(&venue.trades[i]);
		venue.n_trades = i + 1;
	}
	int64_t close = 250000;
	for (size_t i = 0; i < VENUE_MINUTES; i++) { /* quiet ones are flat */
		struct truth_minute *m = &venue.minutes[i];
		if (!m->traded)
			m->open = m->high = m->low = m->close = close;
		close = m->close;
	}
}

static void venue_make(enum venue name, enum kind kind)
{
	memset(&venue, 0, sizeof venue);
	venue.rest = (struct rest){ name, kind };
	venue.room = VENUE_PENDING;
	venue.klines_from_ms = truth_ms;
	venue.instrument_status = name == VENUE_BYBIT ? "Trading" : "TRADING";
	truth_make(7);
}

/* ---- answers ---- */

static char venue_body[4 << 20];

static int64_t query_number(const char *query, const char *key, int64_t otherwise)
{
	char pattern[32];
	snprintf(pattern, sizeof pattern, "%s=", key);
	for (const char *at = query; at && *at; at = strchr(at, '&'), at = at ? at + 1 : NULL)
		if (strncmp(at, pattern, strlen(pattern)) == 0)
			return strtoll(at + strlen(pattern), NULL, 10);
	return otherwise;
}

static void put_amount(struct buf *body, i128 mantissa, int32_t scale)
{
	buf_char(body, '"');
	decimal_print(body, mantissa, scale);
	buf_char(body, '"');
}

static void answer_agg_trades(const char *query, struct buf *body)
{
	int64_t id = query_number(query, "fromId", 0), limit = query_number(query, "limit", 500);
	const char *comma = "";
	buf_char(body, '[');
	for (size_t i = 0; i < venue.n_trades && limit > 0; i++) {
		const struct truth_trade *trade = &venue.trades[i];
		if (trade->id < id || trade->lost || trade->t_ms > venue.now_ms)
			continue;
		buf_printf(body, "%s{\"a\":%lld,\"p\":", comma, (long long)trade->id);
		put_amount(body, trade->price, PRICE_SCALE);
		buf_printf(body, ",\"q\":");
		put_amount(body, trade->qty, QTY_SCALE);
		buf_printf(body, ",\"f\":1,\"l\":2,\"T\":%lld,\"m\":%s,\"M\":true}",
			   (long long)trade->t_ms, trade->side == SIDE_SELL ? "true" : "false");
		comma = ",";
		limit--;
	}
	buf_char(body, ']');
}

static void bybit_begin(struct buf *body)
{
	buf_printf(body, "{\"retCode\":0,\"retMsg\":\"OK\",\"result\":{\"category\":\"x\","
			 "\"list\":[");
}

static void bybit_end(struct buf *body) { buf_printf(body, "]},\"retExtInfo\":{}}"); }

static void answer_recent(const char *query, struct buf *body)
{
	int64_t limit = query_number(query, "limit", 60);
	const char *comma = "";
	bybit_begin(body);
	for (size_t i = venue.n_trades; i > 0 && limit > 0; i--) {
		const struct truth_trade *trade = &venue.trades[i - 1];
		if (trade->lost || trade->t_ms > venue.now_ms)
			continue;
		buf_printf(body, "%s{\"execId\":\"x%lld\",\"symbol\":\"ETHUSDT\",\"price\":", comma,
			   (long long)trade->id);
		put_amount(body, trade->price, PRICE_SCALE);
		buf_printf(body, ",\"size\":");
		put_amount(body, trade->qty, QTY_SCALE);
		buf_printf(body,
			   ",\"side\":\"%s\",\"time\":\"%lld\",\"isBlockTrade\":false,\"seq\":"
			   "\"%lld\"}",
			   trade->side == SIDE_SELL ? "Sell" : "Buy", (long long)trade->t_ms,
			   (long long)trade->id);
		comma = ",";
		limit--;
	}
	bybit_end(body);
}

/* The bar of n minutes that opens at open_ms. */
static struct truth_minute truth_bar(int64_t open_ms, int64_t n)
{
	int64_t first = (open_ms - truth_ms) / MINUTE_MS;
	struct truth_minute bar = venue.minutes[first];
	for (int64_t i = first + 1; i < first + n && i < VENUE_MINUTES; i++) {
		const struct truth_minute *m = &venue.minutes[i];
		bar.high = m->high > bar.high ? m->high : bar.high;
		bar.low = m->low < bar.low ? m->low : bar.low;
		bar.close = m->close;
		bar.buy += m->buy;
		bar.sell += m->sell;
		bar.buy_quote += m->buy_quote;
		bar.sell_quote += m->sell_quote;
	}
	return bar;
}

static void put_kline(struct buf *body, int64_t open_ms, int64_t n, const char *comma)
{
	bool bybit = venue.rest.venue == VENUE_BYBIT;
	struct truth_minute bar = truth_bar(open_ms, n);
	buf_printf(body, bybit ? "%s[\"%lld\"," : "%s[%lld,", comma, (long long)open_ms);
	put_amount(body, bar.open, PRICE_SCALE);
	buf_char(body, ',');
	put_amount(body, bar.high, PRICE_SCALE);
	buf_char(body, ',');
	put_amount(body, bar.low, PRICE_SCALE);
	buf_char(body, ',');
	put_amount(body, bar.close, PRICE_SCALE);
	buf_char(body, ',');
	put_amount(body, bar.buy + bar.sell + venue.kline_extra, QTY_SCALE);
	buf_char(body, ',');
	if (!bybit)
		buf_printf(body, "%lld,", (long long)(open_ms + n * MINUTE_MS - 1));
	put_amount(body, bar.buy_quote + bar.sell_quote, PRICE_SCALE + QTY_SCALE);
	if (!bybit) {
		buf_printf(body, ",9,");
		put_amount(body, bar.buy, QTY_SCALE);
		buf_char(body, ',');
		put_amount(body, bar.buy_quote, PRICE_SCALE + QTY_SCALE);
		buf_printf(body, ",\"0\"");
	}
	buf_char(body, ']');
}

static int64_t query_interval(const char *query)
{
	const char *text = strstr(query, "interval=");
	assert_non_null(text);
	int64_t n = strtoll(text + 9, NULL, 10);
	char unit = text[9 + strspn(text + 9, "0123456789")];
	return unit == 'h' ? n * 60 : n;
}

static void answer_klines(const char *query, struct buf *body)
{
	bool bybit = venue.rest.venue == VENUE_BYBIT;
	int64_t n = query_interval(query), step = n * MINUTE_MS;
	int64_t limit = query_number(query, "limit", 500);
	int64_t last = venue.now_ms - venue.now_ms % step;
	int64_t from =
	    query_number(query, bybit ? "start" : "startTime", last - (limit - 1) * step);
	int64_t to = query_number(query, bybit ? "end" : "endTime", last);
	const char *comma = "";
	from = from < venue.klines_from_ms ? venue.klines_from_ms : from;
	from += (step - from % step) % step;
	to = to > last ? last : to - to % step;
	if (bybit)
		bybit_begin(body);
	else
		buf_char(body, '[');
	for (int64_t i = 0; i < limit && from + i * step <= to; i++, comma = ",")
		put_kline(body, bybit ? to - i * step : from + i * step, n, comma);
	if (bybit)
		bybit_end(body);
	else
		buf_char(body, ']');
}

static void answer_oi(struct buf *body)
{
	buf_printf(body, "{\"openInterest\":\"1000.5\",\"symbol\":\"ETHUSDT\",\"time\":%lld}",
		   (long long)venue.now_ms);
}

/* A sample each five minutes back; its figure is its number since the truth began. */
static void answer_oi_history(const char *query, struct buf *body)
{
	bool bybit = venue.rest.venue == VENUE_BYBIT;
	int64_t limit = query_number(query, "limit", 50), step = 300000;
	int64_t to = query_number(query, "endTime", venue.now_ms);
	int64_t from = query_number(query, "startTime", 0);
	const char *comma = "";
	to -= to % step;
	if (bybit)
		bybit_begin(body);
	else
		buf_char(body, '[');
	for (int64_t i = 0; i < limit && to - i * step >= from; i++, comma = ",") {
		int64_t t = bybit ? to - i * step : to - (limit - 1 - i) * step;
		if (bybit)
			buf_printf(body, "%s{\"openInterest\":\"%lld\",\"timestamp\":\"%lld\"}",
				   comma, (long long)((t - truth_ms) / step * 2), (long long)t);
		else
			buf_printf(body,
				   "%s{\"symbol\":\"ETHUSDT\",\"sumOpenInterest\":\"%lld\","
				   "\"timestamp\":%lld}",
				   comma, (long long)((t - truth_ms) / step), (long long)t);
	}
	if (bybit)
		bybit_end(body);
	else
		buf_char(body, ']');
}

static void answer_info(struct buf *body)
{
	bool bybit = venue.rest.venue == VENUE_BYBIT;
	if (bybit)
		bybit_begin(body);
	else
		buf_printf(body, "{\"symbols\":[");
	if (venue.instrument_status && bybit)
		buf_printf(body,
			   "{\"symbol\":\"ETHUSDT\",\"status\":\"%s\",\"launchTime\":\"1\","
			   "\"priceFilter\":{\"tickSize\":\"0.01\"},\"lotSizeFilter\":{"
			   "\"qtyStep\":\"0.001\"},\"fundingInterval\":240}",
			   venue.instrument_status);
	else if (venue.instrument_status)
		buf_printf(body,
			   "{\"symbol\":\"XYZUSDT\",\"status\":\"TRADING\",\"filters\":[]},"
			   "{\"symbol\":\"ETHUSDT\",\"status\":\"%s\",\"filters\":[{\"filterType\":"
			   "\"PRICE_FILTER\",\"tickSize\":\"0.01\"},{\"filterType\":\"LOT_SIZE\","
			   "\"stepSize\":\"0.001\"}]}",
			   venue.instrument_status);
	if (bybit)
		bybit_end(body);
	else
		buf_printf(body, "]}");
}

static void answer_body(const struct pending *pending, struct buf *body)
{
	switch (pending->endpoint) {
	case REST_binance_spot_agg_trades:
	case REST_binance_perp_agg_trades: answer_agg_trades(pending->query, body); break;
	case REST_bybit_spot_trades:
	case REST_bybit_perp_trades: answer_recent(pending->query, body); break;
	case REST_binance_spot_klines:
	case REST_binance_perp_klines:
	case REST_bybit_spot_klines:
	case REST_bybit_perp_klines: answer_klines(pending->query, body); break;
	case REST_binance_perp_oi: answer_oi(body); break;
	case REST_binance_perp_oi_history:
	case REST_bybit_perp_oi_history: answer_oi_history(pending->query, body); break;
	case REST_binance_perp_funding_info:
		buf_printf(body, "[{\"symbol\":\"XYZUSDT\",\"fundingIntervalHours\":1}]");
		break;
	case REST_binance_spot_depth:
	case REST_binance_perp_depth:
		buf_printf(body, "{\"lastUpdateId\":9,\"bids\":[[\"2499.9\",\"3\"]],\"asks\":[["
				 "\"2500.1\",\"4\"]]}");
		break;
	default: answer_info(body); break;
	}
}

static void venue_answer(const struct pending *pending)
{
	struct buf body = buf_over(venue_body, sizeof venue_body - 64);
	enum status status = venue.fail[pending->endpoint];
	if (status) {
		pending->fn(pending->ctx, status, (struct str){ 0 }, "because");
		return;
	}
	if (venue.instead[pending->endpoint])
		buf_printf(&body, "%s", venue.instead[pending->endpoint]);
	else
		answer_body(pending, &body);
	assert_false(body.overflow);
	memset(body.ptr + body.len, 0, 64);
	pending->fn(pending->ctx, STATUS_OK, buf_str(&body), "");
}

static void venue_answer_first(void)
{
	struct pending first = venue.pending[0];
	memmove(&venue.pending[0], &venue.pending[1], --venue.n_pending * sizeof venue.pending[0]);
	venue_answer(&first);
}

/* Answers what is asked, and what the answers ask. */
static void venue_answer_all(void)
{
	for (int i = 0; venue.n_pending; i++) {
		assert_true(i < 1000); /* or it asks in a circle */
		venue_answer_first();
	}
}
