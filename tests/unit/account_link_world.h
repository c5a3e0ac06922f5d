/* account_link_world.h - a link that polls a venue in simulated time. The other end checks
 * signatures and windows as the venues do. Include after cmocka.h. */
#pragma once

#include <stdio.h>

#include "base/check.h"
#include "feed/account_link.h"
#include "feed/rest.h"
#include "os/secret.h"
#include "sim/fake_http.h"

enum { SAID_MAX = 4096, FILLS = 2500 };
static const int64_t second_ns = 1000000000, hour_ms = 3600000;
static const int64_t wall0_ms = INT64_C(1723161600000) + 1234567;
static const i128 one = (i128)1000000000000000000;
static const char the_key[] = "KEYKEYKEYKEYKEY1", the_secret[] = "SECRETSECRETSECRET2";

struct said {
	char path[64], query[256];
	int64_t at_ns;
};

struct world {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_http *http;
	struct accounts *accounts;
	struct account_reading *reading;
	struct budget budgets[KIND_COUNT];
	struct account_key key;
	struct account_link *link;
	enum venue venue;
	int64_t skew_ms;    /* the venue's clock minus ours */
	int64_t jump_at_ns; /* then the venue's clock jumps */
	int64_t jump_ms;
	int code;  /* not 0: the next signed answers have this HTTP code */
	int times; /* so many of them */
	const char *body, *name, *value;
	const char *only;      /* of this path alone; NULL: any */
	bool always_late;      /* every timestamp is refused */
	const char *time_body; /* what the next answers of the clock are; NULL: the time */
	int time_times;        /* so many; negative: all */
	const char *used;      /* the weight that the venue says is used; NULL: it says none */
	size_t stamps_refused;
	struct said said[SAID_MAX];
	size_t count;
};
static struct world world;

static inline int64_t mono(void *ctx) { return ((struct world *)ctx)->now_ns; }
static inline int64_t wall(void *ctx) { return wall0_ms * 1000000 + ((struct world *)ctx)->now_ns; }
static inline int64_t venue_ms(void)
{
	int64_t jump = world.jump_at_ns && world.now_ns >= world.jump_at_ns ? world.jump_ms : 0;
	return wall0_ms + world.now_ns / 1000000 + world.skew_ms + jump;
}

/* ---- the venue ---- */

static inline void refuse(struct fake_http_reply *reply, int http, int code, const char *text)
{
	bool bybit = world.venue == VENUE_BYBIT;
	reply->code = bybit ? 200 : http;
	buf_printf(&reply->body,
		   bybit ? "{\"retCode\":%d,\"retMsg\":\"%s\",\"result\":{}}"
			 : "{\"code\":%d,\"msg\":\"%s\"}",
		   code, text);
}

static inline struct str header(const struct fake_http_request *request, const char *name)
{
	for (size_t i = 0; i < request->n_headers; i++)
		if (str_eq(request->headers[i].name, str_of(name)))
			return request->headers[i].value;
	return STR("");
}

static inline bool signature_is(struct str payload, struct str signature)
{
	uint8_t mac[SECRET_MAC_BYTES];
	char hex[2 * SECRET_MAC_BYTES + 1];
	assert_int_equal(secret_mac(STR("SECRETSECRETSECRET2"), payload, mac), STATUS_OK);
	secret_print_hex(mac, sizeof mac, hex);
	return str_eq(signature, str_of(hex));
}

static inline bool is_signed(const struct fake_http_request *request, int64_t *stamp_ms)
{
	char payload[2048];
	struct buf text = buf_over(payload, sizeof payload);
	if (world.venue == VENUE_BINANCE) {
		struct str query = request->query, sign = fake_http_param(request, "signature");
		*stamp_ms = fake_http_param_i64(request, "timestamp", 0);
		return str_eq(header(request, "X-MBX-APIKEY"), str_of(the_key)) &&
		       signature_is(str_make(query.ptr, query.len - 64 - strlen("&signature=")),
				    sign);
	}
	struct str stamp = header(request, "X-BAPI-TIMESTAMP");
	assert_int_equal(str_to_i64(stamp, stamp_ms), STATUS_OK);
	buf_str_put(&text, stamp);
	buf_str_put(&text, header(request, "X-BAPI-API-KEY"));
	buf_str_put(&text, header(request, "X-BAPI-RECV-WINDOW"));
	buf_str_put(&text, request->query);
	return signature_is(buf_str(&text), header(request, "X-BAPI-SIGN"));
}

/* FILLS rows of 1 USDT, each hour of the last 30 d some: three a millisecond. */
static inline int64_t fill_ms(int64_t i)
{
	int64_t first = wall0_ms - 29 * 24 * hour_ms;
	return first + i / 3 * (29 * 24 * hour_ms / (FILLS / 3 + 1));
}

static inline void income(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	int64_t from = fake_http_param_i64(request, "startTime", -1);
	int64_t to = fake_http_param_i64(request, "endTime", -1);
	int n = 0;
	assert_true(from > 0 && to >= from && to - from < 7 * 24 * hour_ms + 1);
	buf_str_put(&reply->body, STR("["));
	for (int64_t i = 0; i < FILLS && n < 1000; i++) {
		if (fill_ms(i) < from || fill_ms(i) > to)
			continue;
		buf_printf(&reply->body,
			   "%s{\"incomeType\":\"REALIZED_PNL\",\"income\":\"1.00000001\",\"asset\":"
			   "\"USDT\",\"time\":%lld}",
			   n++ ? "," : "", (long long)fill_ms(i));
	}
	buf_str_put(&reply->body, STR("]"));
}

/* Newest first, 100 a page, the cursor being where the next one begins. */
static inline void closed_pnl(const struct fake_http_request *request,
			      struct fake_http_reply *reply)
{
	int64_t from = fake_http_param_i64(request, "startTime", -1);
	int64_t to = fake_http_param_i64(request, "endTime", -1);
	int64_t i = fake_http_param_i64(request, "cursor", FILLS - 1);
	int n = 0;
	buf_str_put(&reply->body, STR("{\"retCode\":0,\"result\":{\"list\":["));
	for (; i >= 0 && n < 100; i--)
		if (fill_ms(i) >= from && fill_ms(i) <= to)
			buf_printf(&reply->body,
				   "%s{\"symbol\":\"BTCUSDT\",\"closedPnl\":\"1.00000001\","
				   "\"createdTime\":\"%lld\"}",
				   n++ ? "," : "", (long long)fill_ms(i));
	while (i >= 0 && fill_ms(i) < from)
		i = -1;
	buf_str_put(&reply->body, STR("],\"nextPageCursor\":\""));
	if (i >= 0)
		buf_printf(&reply->body, "%lld", (long long)i);
	buf_str_put(&reply->body, STR("\"}}"));
}

/* One of each coin, two pages of USDT. */
static inline void positions(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	struct str coin = fake_http_param(request, "settleCoin");
	bool usdt = str_eq(coin, STR("USDT"));
	bool first = !fake_http_param(request, "cursor").len;
	assert_true(usdt || str_eq(coin, STR("USDC")));
	buf_printf(&reply->body,
		   "{\"retCode\":0,\"result\":{\"list\":[{\"symbol\":\"%s\",\"side\":\"Buy\","
		   "\"size\":\"1\",\"avgPrice\":\"60000\",\"markPrice\":\"61000\","
		   "\"unrealisedPnl\":\"1000\"}],\"nextPageCursor\":\"%s\"}}",
		   !usdt   ? "BTCPERP"
		   : first ? "BTCUSDT"
			   : "ETHUSDT",
		   usdt && first ? "second" : "");
}

static inline void answer(const struct fake_http_request *request, struct fake_http_reply *reply)
{
	static const struct {
		const char *path, *body;
	} fixed[] = {
		{ "/api/v3/account", "{\"balances\":[{\"asset\":\"BTC\",\"free\":\"0.50000001\","
				     "\"locked\":\"0.25\"}]}" },
		{ "/fapi/v3/balance", "[{\"asset\":\"USDT\",\"balance\":\"1000.5\",\"crossUnPnl\":"
				      "\"0\",\"availableBalance\":\"900\"}]" },
		{ "/fapi/v3/positionRisk",
		  "[{\"symbol\":\"BTCUSDT\",\"positionAmt\":\"0.1\",\"entryPrice\":\"60000\","
		  "\"markPrice\":\"61000\",\"unRealizedProfit\":\"100\",\"liquidationPrice\":\"0\","
		  "\"initialMargin\":\"6100\",\"marginAsset\":\"USDT\"}]" },
		{ "/v5/account/wallet-balance",
		  "{\"retCode\":0,\"result\":{\"list\":[{\"coin\":[{\"coin\":\"USDT\",\"equity\":"
		  "\"12.5\",\"walletBalance\":\"12.5\"}]}]}}" },
	};
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (str_eq(request->path, str_of(fixed[i].path)))
			buf_str_put(&reply->body, str_of(fixed[i].body));
	if (str_eq(request->path, STR("/v5/position/list")))
		positions(request, reply);
	if (str_eq(request->path, STR("/fapi/v1/income")))
		income(request, reply);
	if (str_eq(request->path, STR("/v5/position/closed-pnl")))
		closed_pnl(request, reply);
	assert_true(reply->body.len > 0);
}

static inline bool is_time(struct str path)
{
	return path.len > 5 && str_eq(str_skip(path, path.len - 5), STR("/time"));
}

static inline void handle(void *ctx, const struct fake_http_request *request,
			  struct fake_http_reply *reply)
{
	int64_t stamp_ms = 0;
	(void)ctx;
	assert_true(world.count < SAID_MAX);
	struct said *said = &world.said[world.count++];
	said->at_ns = world.now_ns;
	assert_int_equal(str_copy(request->path, said->path, sizeof said->path), STATUS_OK);
	if (world.used)
		fake_http_header(reply, "x-mbx-used-weight-1m", "%s", world.used);
	if (is_time(request->path) && world.time_body && world.time_times) {
		world.time_times--;
		buf_str_put(&reply->body, str_of(world.time_body));
		return;
	}
	if (is_time(request->path)) {
		if (world.venue == VENUE_BINANCE)
			buf_printf(&reply->body, "{\"serverTime\":%lld}", (long long)venue_ms());
		else
			buf_printf(&reply->body,
				   "{\"retCode\":0,\"result\":{\"timeNano\":\"%lld000000\"}}",
				   (long long)venue_ms());
		return;
	}
	bool meant = !world.only || str_eq(request->path, str_of(world.only));
	if (world.code && meant && world.times != 0) {
		world.times--;
		reply->code = world.code;
		if (world.name)
			fake_http_header(reply, world.name, "%s", world.value);
		buf_str_put(&reply->body, str_of(world.body));
		return;
	}
	if (!is_signed(request, &stamp_ms)) {
		refuse(reply, 400, world.venue == VENUE_BINANCE ? -1022 : 10004, "bad signature");
		return;
	}
	if (world.always_late || stamp_ms > venue_ms() + 1000 || venue_ms() - stamp_ms > 5000) {
		world.stamps_refused++;
		refuse(reply, 400, world.venue == VENUE_BINANCE ? -1021 : 10002, "timestamp");
		return;
	}
	answer(request, reply);
}

/* ---- the stage ---- */

static inline void begin_polling(enum venue venue, const char *secret, int64_t poll_ns)
{
	uint32_t slot;
	memset(&world, 0, sizeof world);
	world.venue = venue;
	world.now_ns = 500 * second_ns;
	world.clock = (struct clock_port){ mono, wall, &world };
	world.timers = timers_create(8);
	struct fake_http_config http = { .handler = handle,
					 .ctx = &world,
					 .latency_ns = 20000000,
					 .requests_max = 4,
					 .timers = world.timers,
					 .clock = &world.clock };
	world.http = fake_http_create(&http);
	world.accounts = accounts_create();
	world.reading = account_reading_create();
	uint32_t answers = account_link_answers(venue, 1 << KIND_SPOT | 1 << KIND_PERP);
	assert_int_equal(accounts_add(world.accounts, STR("main"), venue, answers, &slot),
			 STATUS_OK);
	assert_int_equal(account_key_make(str_of(the_key), str_of(secret), &world.key, NULL),
			 STATUS_OK);
	struct account_link_config config = { .accounts = world.accounts,
					      .key = &world.key,
					      .reading = world.reading,
					      .http = fake_http_client(world.http),
					      .timers = world.timers,
					      .clock = &world.clock,
					      .poll_ns = poll_ns,
					      .seed = 1 };
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		rest_budget_init(&world.budgets[kind], venue, (enum kind)kind);
		config.budgets[kind] = &world.budgets[kind];
		config.base_urls[kind] =
		    kind == KIND_SPOT ? "https://spot.test" : "https://perp.test";
	}
	world.link = account_link_create(&config);
	assert_non_null(world.link);
}

static inline void begin(enum venue venue, const char *secret)
{
	begin_polling(venue, secret, 30 * second_ns);
}

static inline void end(void)
{
	account_link_destroy(world.link);
	assert_int_equal(fake_http_under_way(world.http), 0);
	fake_http_destroy(world.http);
	account_reading_destroy(world.reading);
	accounts_destroy(world.accounts);
	assert_int_equal(timers_next_ns(world.timers), INT64_MAX);
	timers_destroy(world.timers);
}

static inline void run(int64_t for_ns)
{
	int64_t until_ns = world.now_ns + for_ns;
	while (timers_next_ns(world.timers) <= until_ns) {
		int64_t next_ns = timers_next_ns(world.timers);
		world.now_ns = next_ns > world.now_ns ? next_ns : world.now_ns;
		timers_run(world.timers, world.now_ns, 1);
	}
	world.now_ns = until_ns;
}

static inline const struct account *account(void) { return accounts_at(world.accounts, 0); }

static inline int64_t now_ms(void) { return wall0_ms + world.now_ns / 1000000; }

static inline size_t asked(const char *path, int64_t since_ns)
{
	size_t n = 0;
	for (size_t i = 0; i < world.count; i++)
		n += strcmp(world.said[i].path, path) == 0 && world.said[i].at_ns >= since_ns;
	return n;
}
