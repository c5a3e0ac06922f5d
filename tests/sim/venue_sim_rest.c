/* Questions and answers: paths, weights and limits, and what goes wrong with HTTP. */
#include "venue_sim_impl.h"

enum {
	REQUESTS_MAX = 16,
	LATENCY_MS = 40,
	DELAY_MS = 300,
	BYBIT_WINDOW_MS = 5000,
	BYBIT_REQUESTS = 600
};

struct endpoint {
	const char *path;
	void (*table)(const struct table_ask *ask, struct buf *out);
	bool rows;                /* an array, or Bybit's list */
	bool market;              /* wants a symbol it knows */
	int32_t limit, limit_max; /* of rows: unless told, at most */
	int32_t weight;
};

static void no_table(const struct table_ask *ask, struct buf *out)
{
	(void)ask;
	(void)out;
}

static const struct endpoint endpoints[VENUE_SIM_SITES][8] = {
	{ { "/api/v3/aggTrades", table_trades, true, true, 500, 1000, 4 },
	  { "/api/v3/klines", table_klines, true, true, 500, 1000, 2 },
	  { "/api/v3/exchangeInfo", table_instruments, false, true, 1, 1, 20 },
	  { "/api/v3/depth", table_depth, false, true, 100, 5000, 50 },
	  { "/api/v3/time", no_table, false, false, 1, 1, 1 } },
	{ { "/fapi/v1/aggTrades", table_trades, true, true, 500, 1000, 20 },
	  { "/fapi/v1/klines", table_klines, true, true, 500, 1500, 0 },
	  { "/fapi/v1/exchangeInfo", table_instruments, false, false, 1, 1, 1 },
	  { "/fapi/v1/depth", table_depth, false, true, 500, 1000, 20 },
	  { "/fapi/v1/openInterest", table_oi, false, true, 1, 1, 1 },
	  { "/futures/data/openInterestHist", table_oi_history, true, true, 30, 500, 0 },
	  { "/fapi/v1/fundingInfo", table_funding, true, false, 1, 1, 0 },
	  { "/fapi/v1/time", no_table, false, false, 1, 1, 1 } },
	{ { "/v5/market/recent-trade", table_trades, true, true, 60, 60, 1 },
	  { "/v5/market/kline", table_klines, true, true, 200, 1000, 1 },
	  { "/v5/market/instruments-info", table_instruments, true, true, 1, 1000, 1 },
	  { "/v5/market/time", no_table, false, false, 1, 1, 1 } },
	{ { "/v5/market/recent-trade", table_trades, true, true, 500, 1000, 1 },
	  { "/v5/market/kline", table_klines, true, true, 200, 1000, 1 },
	  { "/v5/market/instruments-info", table_instruments, true, true, 1, 1000, 1 },
	  { "/v5/market/open-interest", table_oi_history, true, true, 50, 200, 1 },
	  { "/v5/market/time", no_table, false, false, 1, 1, 1 } },
};

static const struct endpoint *endpoint_of(const struct site *site, struct str path)
{
	const struct endpoint *row = endpoints[site - site->sim->sites];
	for (size_t i = 0; i < ARRAY_LEN(endpoints[0]); i++)
		if (row[i].path && str_eq(path, str_of(row[i].path)))
			return &row[i];
	return NULL;
}

static struct market_sim *market_of(struct site *site, struct str symbol)
{
	for (size_t i = 0; i < VENUE_SIM_SYMBOLS; i++)
		if (str_eq(symbol, str_of(venue_sim_symbol(i))))
			return &site->markets[i];
	return NULL;
}

/* ---- limits ---- */

static int64_t weight_of(const struct site *site, const struct endpoint *endpoint, int64_t limit)
{
	if (endpoint->table != table_klines || site->venue != VENUE_BINANCE ||
	    site->kind != KIND_PERP)
		return endpoint->weight;
	return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
}

static void count_binance(struct site *site, int64_t weight, int64_t now_ms)
{
	struct rest_limit *limit = &site->limit;
	int64_t most = site->kind == KIND_SPOT ? 6000 : 2400;
	if (MINUTE_OF(now_ms) != limit->minute_ms)
		limit->weight = 0;
	limit->minute_ms = MINUTE_OF(now_ms);
	limit->weight += weight;
	if (limit->weight > most)
		site_breach(site, "weight %lld within a minute", (long long)limit->weight);
}

static void count_bybit(struct site *site, int64_t now_ns)
{
	struct rest_limit *limit = &site->limit;
	int within = 0;
	limit->at_ns[limit->n++ % SITE_REQUESTS] = now_ns;
	for (uint64_t i = 0; i < SITE_REQUESTS && i < limit->n; i++)
		within += limit->at_ns[i] > now_ns - BYBIT_WINDOW_MS * MS_NS;
	if (within > BYBIT_REQUESTS)
		site_breach(site, "%d requests within 5 s", within);
}

static void count_request(struct site *site, const struct endpoint *endpoint, int64_t limit,
			  int64_t now_ns)
{
	site->sim->counts.requests++;
	if (site->limit.closed_until_ns && now_ns > site->limit.closed_from_ns &&
	    now_ns < site->limit.closed_until_ns)
		site_breach(site, "%s asked %.3f s before it may", endpoint->path,
			    (double)(site->limit.closed_until_ns - now_ns) / 1e9);
	if (site->venue == VENUE_BINANCE)
		count_binance(site, weight_of(site, endpoint, limit), venue_sim_now_ms(site->sim));
	else
		count_bybit(site, now_ns);
}

/* Nobody may ask before that; what is on its way does not know yet. */
static void close_door(struct site *site, int64_t wait_s)
{
	int64_t now_ns = sim_now_ns(site->sim), until_ns = now_ns + wait_s * 1000 * MS_NS;
	if (until_ns <= site->limit.closed_until_ns)
		return;
	if (now_ns >= site->limit.closed_until_ns)
		site->limit.closed_from_ns = now_ns + (2 * LATENCY_MS + DELAY_MS) * MS_NS;
	site->limit.closed_until_ns = until_ns;
}

/* ---- troubles ---- */

static const enum venue_trouble rest_troubles[] = { TROUBLE_REST_429,  TROUBLE_REST_418,
						    TROUBLE_REST_5XX,  TROUBLE_REST_TIMEOUT,
						    TROUBLE_REST_HALF, TROUBLE_REST_HTML };

/* TROUBLE_COUNT: all is well. */
static enum venue_trouble trouble_of(struct site *site)
{
	for (size_t i = 0; i < ARRAY_LEN(rest_troubles); i++)
		if (in_trouble(site, rest_troubles[i]))
			return rest_troubles[i];
	if (!by_chance(site, site->sim->config.odds.rest))
		return TROUBLE_COUNT;
	size_t at = rng_below(&site->rng, ARRAY_LEN(rest_troubles));
	return rest_troubles[at] == TROUBLE_REST_418 ? TROUBLE_REST_5XX : rest_troubles[at];
}

static int64_t seconds_left(const struct site *site, enum venue_trouble trouble, int64_t otherwise)
{
	int64_t left_ns = site->until_ns[trouble] - sim_now_ns(site->sim);
	return in_trouble(site, trouble) ? left_ns / 1000000000 + 1 : otherwise;
}

static void too_many(struct site *site, struct fake_http_reply *reply)
{
	int64_t wait_s = 2 + (int64_t)rng_below(&site->rng, 8);
	int64_t now_ms = venue_sim_now_ms(site->sim);
	close_door(site, wait_s);
	if (site->venue == VENUE_BINANCE) {
		reply->code = 429;
		fake_http_header(reply, "retry-after", "%d", (int)wait_s);
		buf_str_put(&reply->body, STR("{\"code\":-1003,\"msg\":\"Too many requests.\"}"));
		return;
	}
	fake_http_header(reply, "x-bapi-limit-status", "0");
	fake_http_header(reply, "x-bapi-limit-reset-timestamp", "%lld",
			 (long long)(now_ms + wait_s * 1000));
	buf_printf(&reply->body,
		   "{\"retCode\":10006,\"retMsg\":\"Too many visits!\",\"result\":{},"
		   "\"retExtInfo\":{},\"time\":%lld}",
		   (long long)now_ms);
}

static void ban(struct site *site, struct fake_http_reply *reply)
{
	int64_t wait_s = seconds_left(site, TROUBLE_REST_418, 120);
	bool binance = site->venue == VENUE_BINANCE;
	reply->code = binance ? 418 : 403;
	close_door(site, binance ? wait_s : 600);
	if (binance)
		fake_http_header(reply, "retry-after", "%d", (int)wait_s);
	buf_str_put(&reply->body,
		    binance ? STR("{\"code\":-1003,\"msg\":\"Way too many requests; IP banned\"}")
			    : STR("<html>access too frequent</html>"));
}

static void spoil(struct site *site, enum venue_trouble trouble, struct fake_http_reply *reply)
{
	site->sim->counts.requests_troubled++;
	switch (trouble) {
	case TROUBLE_REST_429: too_many(site, reply); break;
	case TROUBLE_REST_418: ban(site, reply); break;
	case TROUBLE_REST_5XX:
		reply->code = 500 + (int)rng_below(&site->rng, 5);
		buf_str_put(&reply->body, STR("upstream"));
		break;
	case TROUBLE_REST_TIMEOUT: reply->status = STATUS_TIMEOUT; break;
	case TROUBLE_REST_HTML:
		buf_str_put(&reply->body, STR("<!DOCTYPE html><title>maintenance</title>"));
		break;
	default: break;
	}
}

/* The answer was made; now half of it is lost. */
static void halve(struct site *site, struct fake_http_reply *reply)
{
	site->sim->counts.requests_troubled++;
	if (rng_below(&site->rng, 2))
		reply->status = STATUS_CLOSED;
	else
		reply->body.len /= 2;
}

/* ---- answers ---- */

static void put_answer(const struct endpoint *endpoint, const struct table_ask *ask,
		       struct buf *out)
{
	bool bybit = ask->site->venue == VENUE_BYBIT;
	if (bybit)
		buf_printf(out, "{\"retCode\":0,\"retMsg\":\"OK\",\"result\":{\"category\":\"%s\"",
			   ask->site->kind == KIND_SPOT ? "spot" : "linear");
	if (bybit && endpoint->rows)
		buf_str_put(out, STR(",\"list\":"));
	else if (endpoint->table == table_instruments)
		buf_str_put(out, STR("{\"timezone\":\"UTC\",\"symbols\":["));
	if (endpoint->rows)
		buf_char(out, '[');
	endpoint->table(ask, out);
	if (endpoint->rows)
		buf_char(out, ']');
	if (bybit)
		buf_printf(out, "},\"retExtInfo\":{},\"time\":%lld}", (long long)ask->now_ms);
	else if (endpoint->table == table_instruments)
		buf_str_put(out, STR("]}"));
}

static void unknown_symbol(const struct site *site, struct fake_http_reply *reply)
{
	if (site->venue == VENUE_BINANCE) {
		reply->code = 400;
		buf_str_put(&reply->body, STR("{\"code\":-1121,\"msg\":\"Invalid symbol.\"}"));
	} else {
		buf_str_put(&reply->body, STR("{\"retCode\":10001,\"retMsg\":\"symbol invalid\","
					      "\"result\":{},\"time\":1}"));
	}
}

static void put_headers(struct site *site, struct fake_http_reply *reply)
{
	fake_http_date(reply, venue_sim_now_ms(site->sim) * MS_NS);
	if (site->venue == VENUE_BINANCE)
		fake_http_header(reply, "x-mbx-used-weight-1m", "%lld",
				 (long long)site->limit.weight);
}

static void answer(struct site *site, const struct endpoint *endpoint,
		   const struct fake_http_request *request, struct fake_http_reply *reply)
{
	struct table_ask ask = {
		.site = site,
		.request = request,
		.market = market_of(site, fake_http_param(request, "symbol")),
		.now_ms = venue_sim_now_ms(site->sim),
		.limit = fake_http_param_i64(request, "limit", endpoint->limit),
		.old = in_trouble(site, TROUBLE_REST_OLD),
	};
	enum venue_trouble trouble = trouble_of(site);
	count_request(site, endpoint, ask.limit, request->now_ns);
	put_headers(site, reply);
	reply->delay_ns = (int64_t)rng_below(&site->rng, DELAY_MS) * MS_NS;
	if (ask.limit > endpoint->limit_max || ask.limit < 1)
		site_breach(site, "%s: limit=%lld", endpoint->path, (long long)ask.limit);
	if (trouble != TROUBLE_COUNT && trouble != TROUBLE_REST_HALF)
		return spoil(site, trouble, reply);
	if (endpoint->market && !ask.market)
		return unknown_symbol(site, reply);
	put_answer(endpoint, &ask, &reply->body);
	if (trouble == TROUBLE_REST_HALF)
		halve(site, reply);
}

static void handle(void *ctx, const struct fake_http_request *request,
		   struct fake_http_reply *reply)
{
	struct site *site = ctx;
	const struct endpoint *endpoint = endpoint_of(site, request->path);
	if (endpoint) {
		answer(site, endpoint, request, reply);
		return;
	}
	site_breach(site, "no such path: %.*s", STR_ARG(request->path));
	reply->code = 404;
}

void site_rest_init(struct site *site)
{
	const struct fake_http_config config = { .handler = handle,
						 .ctx = site,
						 .latency_ns = LATENCY_MS * MS_NS,
						 .requests_max = REQUESTS_MAX,
						 .timers = site->sim->config.timers,
						 .clock = site->sim->config.clock };
	site->http = fake_http_create(&config);
}

void site_rest_deinit(struct site *site) { fake_http_destroy(site->http); }
