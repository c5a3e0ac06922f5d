/* Exchange accounts polled in simulated time: clocks, keys, limits, pages. The other end
 * checks signatures and windows as the venues do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

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
	const char *only; /* of this path alone; NULL: any */
	bool always_late; /* every timestamp is refused */
	size_t stamps_refused;
	struct said said[SAID_MAX];
	size_t count;
};
static struct world world;

static int64_t mono(void *ctx) { return ((struct world *)ctx)->now_ns; }
static int64_t wall(void *ctx) { return wall0_ms * 1000000 + ((struct world *)ctx)->now_ns; }
static int64_t venue_ms(void)
{
	int64_t jump = world.jump_at_ns && world.now_ns >= world.jump_at_ns ? world.jump_ms : 0;
	return wall0_ms + world.now_ns / 1000000 + world.skew_ms + jump;
}

/* ---- the venue ---- */

static void refuse(struct fake_http_reply *reply, int http, int code, const char *text)
{
	bool bybit = world.venue == VENUE_BYBIT;
	reply->code = bybit ? 200 : http;
	buf_printf(&reply->body,
		   bybit ? "{\"retCode\":%d,\"retMsg\":\"%s\",\"result\":{}}"
			 : "{\"code\":%d,\"msg\":\"%s\"}",
		   code, text);
}

static struct str header(const struct fake_http_request *request, const char *name)
{
	for (size_t i = 0; i < request->n_headers; i++)
		if (str_eq(request->headers[i].name, str_of(name)))
			return request->headers[i].value;
	return STR("");
}

static bool signature_is(struct str payload, struct str signature)
{
	uint8_t mac[SECRET_MAC_BYTES];
	char hex[2 * SECRET_MAC_BYTES + 1];
	assert_int_equal(secret_mac(STR("SECRETSECRETSECRET2"), payload, mac), STATUS_OK);
	secret_print_hex(mac, sizeof mac, hex);
	return str_eq(signature, str_of(hex));
}

static bool is_signed(const struct fake_http_request *request, int64_t *stamp_ms)
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
static int64_t fill_ms(int64_t i)
{
	int64_t first = wall0_ms - 29 * 24 * hour_ms;
	return first + i / 3 * (29 * 24 * hour_ms / (FILLS / 3 + 1));
}

static void income(const struct fake_http_request *request, struct fake_http_reply *reply)
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
static void closed_pnl(const struct fake_http_request *request, struct fake_http_reply *reply)
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

static void answer(const struct fake_http_request *request, struct fake_http_reply *reply)
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
		{ "/v5/position/list", "{\"retCode\":0,\"result\":{\"list\":[],\"nextPageCursor\":"
				       "\"\"}}" },
	};
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (str_eq(request->path, str_of(fixed[i].path)))
			buf_str_put(&reply->body, str_of(fixed[i].body));
	if (str_eq(request->path, STR("/fapi/v1/income")))
		income(request, reply);
	if (str_eq(request->path, STR("/v5/position/closed-pnl")))
		closed_pnl(request, reply);
	assert_true(reply->body.len > 0);
}

static bool is_time(struct str path)
{
	return path.len > 5 && str_eq(str_skip(path, path.len - 5), STR("/time"));
}

static void handle(void *ctx, const struct fake_http_request *request,
		   struct fake_http_reply *reply)
{
	int64_t stamp_ms = 0;
	(void)ctx;
	assert_true(world.count < SAID_MAX);
	struct said *said = &world.said[world.count++];
	said->at_ns = world.now_ns;
	assert_int_equal(str_copy(request->path, said->path, sizeof said->path), STATUS_OK);
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

static void begin(enum venue venue, const char *secret)
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
					      .poll_ns = 30 * second_ns,
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

static void end(void)
{
	account_link_destroy(world.link);
	assert_int_equal(fake_http_under_way(world.http), 0);
	fake_http_destroy(world.http);
	account_reading_destroy(world.reading);
	accounts_destroy(world.accounts);
	assert_int_equal(timers_next_ns(world.timers), INT64_MAX);
	timers_destroy(world.timers);
}

static void run(int64_t for_ns)
{
	int64_t until_ns = world.now_ns + for_ns;
	while (timers_next_ns(world.timers) <= until_ns) {
		int64_t next_ns = timers_next_ns(world.timers);
		world.now_ns = next_ns > world.now_ns ? next_ns : world.now_ns;
		timers_run(world.timers, world.now_ns, 1);
	}
	world.now_ns = until_ns;
}

static const struct account *account(void) { return accounts_at(world.accounts, 0); }

static int64_t now_ms(void) { return wall0_ms + world.now_ns / 1000000; }

static size_t asked(const char *path, int64_t since_ns)
{
	size_t n = 0;
	for (size_t i = 0; i < world.count; i++)
		n += strcmp(world.said[i].path, path) == 0 && world.said[i].at_ns >= since_ns;
	return n;
}

/* ---- what is wanted ---- */

static void everything_is_in_the_book_after_the_first_poll(void **state)
{
	(void)state;
	struct account_earned month;
	begin(VENUE_BINANCE, the_secret);
	run(60 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	assert_int_equal(account()->balance_count, 2);
	assert_true(account()->balances[0].equity_e18 == one * 75000001 / 100000000);
	assert_true(account()->balances[1].equity_e18 == one * 11005 / 10);
	assert_int_equal(account()->position_count, 1);
	account_earned(account(), 0, ACCOUNT_30D, now_ms(), &month);
	assert_true(month.known);
	assert_int_equal(month.rows, FILLS);
	assert_true(month.all_e18 == FILLS * (one + one / 100000000));
	assert_int_equal(account()->left_out, 0);
	end();
}

static void bybit_s_pages_are_all_read(void **state)
{
	(void)state;
	struct account_earned month;
	begin(VENUE_BYBIT, the_secret);
	run(60 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	account_earned(account(), 0, ACCOUNT_30D, now_ms(), &month);
	assert_true(month.known);
	assert_int_equal(month.rows, FILLS);
	/* Polls go on, and count nothing twice. */
	run(3600 * second_ns);
	account_earned(account(), 0, ACCOUNT_30D, now_ms(), &month);
	assert_int_equal(month.rows, FILLS);
	end();
}

static void a_poll_is_every_thirty_seconds_and_income_every_fourth(void **state)
{
	(void)state;
	begin(VENUE_BINANCE, the_secret);
	run(60 * second_ns);
	int64_t since_ns = world.now_ns;
	run(1200 * second_ns);
	assert_in_range(asked("/api/v3/account", since_ns), 39, 41);
	assert_in_range(asked("/fapi/v3/positionRisk", since_ns), 39, 41);
	assert_in_range(asked("/fapi/v1/income", since_ns), 9, 11);
	assert_in_range(asked("/api/v3/time", since_ns), 0, 1);
	end();
}

static void a_clock_that_is_wrong_does_no_harm(void **state)
{
	(void)state;
	static const int64_t skews[] = { -10000, 10000, 3600000, -86400000 };
	for (size_t i = 0; i < ARRAY_LEN(skews); i++) {
		int64_t measured;
		begin(i & 1 ? VENUE_BYBIT : VENUE_BINANCE, the_secret);
		world.skew_ms = skews[i];
		run(20 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_UP);
		assert_int_equal(world.stamps_refused, 0);
		assert_true(account_link_skew_ms(world.link, &measured));
		assert_in_range(measured - skews[i] + 30, 0, 60);
		end();
	}
}

static void a_venue_s_clock_that_jumps_is_measured_again(void **state)
{
	(void)state;
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		begin((enum venue)venue, the_secret);
		world.jump_at_ns = world.now_ns + 40 * second_ns;
		world.jump_ms = 20000;
		run(300 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_UP);
		assert_in_range(world.stamps_refused, 1, 2);
		assert_int_equal(account()->faults[ACCOUNT_CLOCK], 0);
		end();
	}
}

static void a_clock_that_cannot_be_healed_is_said(void **state)
{
	(void)state;
	begin(VENUE_BINANCE, the_secret);
	world.skew_ms = -3200;
	world.always_late = true;
	run(20 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_CLOCK);
	assert_string_equal(account()->why,
			    "clock off by 3.2 s, and the venue's own time was refused too");
	world.always_late = false;
	run(120 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	end();
}

static void a_wrong_secret_is_said_and_asked_again_rarely(void **state)
{
	(void)state;
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		begin((enum venue)venue, "another-secret");
		run(3600 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_KEY_REFUSED);
		assert_non_null(strstr(account()->why, "refuses the signature"));
		assert_in_range(world.count, 12, 60);
		assert_int_equal(account()->balance_count, 0);
		end();
	}
}

static void a_revoked_key_is_said_and_what_was_known_stays(void **state)
{
	(void)state;
	begin(VENUE_BINANCE, the_secret);
	run(60 * second_ns);
	world.code = 401;
	world.times = -1;
	world.body = "{\"code\":-2015,\"msg\":\"Invalid API-key KEYKEYKEYKEYKEY1, IP, or "
		     "permissions for action.\"}";
	run(120 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_KEY_REFUSED);
	assert_non_null(strstr(account()->why, "refuses the key (code -2015)"));
	assert_null(strstr(account()->why, "KEYKEY"));
	assert_int_equal(account()->balance_count, 2);
	world.code = 0;
	run(600 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	end();
}

static void no_echo_of_the_key_reaches_the_book(void **state)
{
	(void)state;
	begin(VENUE_BYBIT, the_secret);
	world.code = 200;
	world.times = -1;
	world.body = "{\"retCode\":10001,\"retMsg\":\"params error origin_string["
		     "KEYKEYKEYKEYKEY1 and SECRETSECRETSECRET2]\"}";
	run(60 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_BAD_ANSWER);
	assert_non_null(strstr(account()->why, "params error"));
	assert_null(strstr(account()->why, "KEYKEY"));
	assert_null(strstr(account()->why, "SECRET"));
	end();
}

static void limits_are_waited_for(void **state)
{
	(void)state;
	static const struct {
		int code;
		enum account_state state;
	} cases[] = { { 429, ACCOUNT_LIMITED }, { 418, ACCOUNT_BANNED } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin(VENUE_BINANCE, the_secret);
		run(60 * second_ns);
		world.code = cases[i].code;
		world.times = 1;
		world.body = "{\"code\":-1003,\"msg\":\"Too many requests\"}";
		world.name = "retry-after";
		world.value = "200";
		world.only = "/api/v3/account";
		int64_t at_ns = world.now_ns;
		while (world.times)
			run(second_ns);
		int64_t told_ns = world.now_ns;
		run(second_ns);
		assert_int_equal(account()->state, cases[i].state);
		assert_true(account()->until_ms > now_ms() + 190000);
		run(190 * second_ns);
		assert_int_equal(asked("/api/v3/account", at_ns), 1);
		assert_true(asked("/fapi/v3/balance", told_ns) > 4); /* another host */
		run(60 * second_ns);
		assert_int_equal(account()->state, ACCOUNT_UP);
		end();
	}
}

static void servers_in_trouble_are_asked_less_and_less(void **state)
{
	(void)state;
	begin(VENUE_BINANCE, the_secret);
	run(60 * second_ns);
	size_t before = world.count;
	world.code = 503;
	world.times = -1;
	world.body = "<html>KEYKEYKEYKEYKEY1</html>";
	run(600 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_AWAY);
	assert_in_range(world.count - before, 10, 60);
	world.code = 0;
	run(120 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	fake_http_refuse(world.http, true);
	run(60 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_AWAY);
	fake_http_refuse(world.http, false);
	run(180 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	end();
}

static void a_cut_answer_changes_nothing(void **state)
{
	(void)state;
	begin(VENUE_BINANCE, the_secret);
	run(60 * second_ns);
	world.code = 200;
	world.times = 1;
	world.only = "/api/v3/account";
	world.body =
	    "{\"balances\":[{\"asset\":\"ETH\",\"free\":\"1\",\"locked\":\"0\"},{\"asset\":";
	while (world.times)
		run(second_ns);
	run(second_ns);
	assert_int_equal(account()->state, ACCOUNT_BAD_ANSWER);
	assert_string_equal(account()->balances[0].asset, "BTC");
	run(60 * second_ns);
	assert_int_equal(account()->state, ACCOUNT_UP);
	end();
}

static void an_end_amid_a_request_is_silent(void **state)
{
	(void)state;
	for (int ms = 1; ms < 400; ms += 7) {
		begin(ms & 1 ? VENUE_BYBIT : VENUE_BINANCE, the_secret);
		run((int64_t)ms * 1000000);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_in_the_book_after_the_first_poll),
		cmocka_unit_test(bybit_s_pages_are_all_read),
		cmocka_unit_test(a_poll_is_every_thirty_seconds_and_income_every_fourth),
		cmocka_unit_test(a_clock_that_is_wrong_does_no_harm),
		cmocka_unit_test(a_venue_s_clock_that_jumps_is_measured_again),
		cmocka_unit_test(a_clock_that_cannot_be_healed_is_said),
		cmocka_unit_test(a_wrong_secret_is_said_and_asked_again_rarely),
		cmocka_unit_test(a_revoked_key_is_said_and_what_was_known_stays),
		cmocka_unit_test(no_echo_of_the_key_reaches_the_book),
		cmocka_unit_test(limits_are_waited_for),
		cmocka_unit_test(servers_in_trouble_are_asked_less_and_less),
		cmocka_unit_test(a_cut_answer_changes_nothing),
		cmocka_unit_test(an_end_amid_a_request_is_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
