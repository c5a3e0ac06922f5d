/* The backfill over the real REST client, over a server in simulated time: limits,
 * broken connections and a wall clock that is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "feed/backfill.h"
#include "sim/fake_http.h"

static const int64_t start_ms = 1723420800000; /* the venue's time at the start: a whole hour */

static struct {
	int64_t now_ns, ahead_ms; /* of our wall clock over the venue's */
	int limited;              /* 429 so many times */
	size_t klines, others;
} sim;

static struct timers *timers;
static struct fake_http *http;
static struct rest *rest;
static struct markets *markets;
static struct market *market;
static struct backfill *backfill;

static int64_t venue_ms(void) { return start_ms + sim.now_ns / 1000000; }

static int64_t sim_mono(void *ctx)
{
	(void)ctx;
	return sim.now_ns;
}

static int64_t sim_wall(void *ctx)
{
	(void)ctx;
	return (venue_ms() + sim.ahead_ms) * 1000000;
}

static const struct clock_port sim_clock = { sim_mono, sim_wall, NULL };

/* A minute's volume is 2, bought 1.5; of the one that is open a tenth has been traded. */
static void put_klines(const struct fake_http_request *request, struct buf *body)
{
	int64_t from = fake_http_param_i64(request, "startTime", 0);
	int64_t limit = fake_http_param_i64(request, "limit", 500);
	const char *comma = "[";
	for (int64_t i = 0; i < limit && from + i * MINUTE_MS <= venue_ms(); i++, comma = ",") {
		int64_t open = from + i * MINUTE_MS;
		bool closed = open + MINUTE_MS <= venue_ms();
		buf_printf(body,
			   "%s[%lld,\"10\",\"12\",\"9\",\"11\",\"%s\",%lld,\"20\",3,\"%s\",\"15\","
			   "\"0\"]",
			   comma, (long long)open, closed ? "2" : "0.2",
			   (long long)(open + MINUTE_MS - 1), closed ? "1.5" : "0.1");
	}
	buf_printf(body, *comma == '[' ? "[]" : "]");
}

static void handle(void *ctx, const struct fake_http_request *request,
		   struct fake_http_reply *reply)
{
	(void)ctx;
	bool klines = str_eq(request->path, STR("/api/v3/klines"));
	sim.klines += klines;
	sim.others += !klines;
	fake_http_date(reply, venue_ms() * 1000000);
	if (sim.limited > 0) {
		sim.limited--;
		reply->code = 429;
		fake_http_header(reply, "retry-after", "%d", 20);
	} else if (klines) {
		put_klines(request, &reply->body);
	} else {
		buf_printf(&reply->body,
			   "{\"symbols\":[{\"symbol\":\"ETHUSDT\",\"status\":\"TRADING\","
			   "\"filters\":[]}]}");
	}
}

static int make(void **state)
{
	(void)state;
	struct market_config market_config = { .whale_quote = 500000 };
	struct market_id id;
	memset(&sim, 0, sizeof sim);
	timers = timers_create(8);
	struct fake_http_config http_config = { .handler = handle,
						.latency_ns = 20000000,
						.requests_max = 8,
						.timers = timers,
						.clock = &sim_clock };
	http = fake_http_create(&http_config);
	struct rest_config rest_config = { .venue = VENUE_BINANCE,
					   .kind = KIND_SPOT,
					   .base_url = "https://venue.test",
					   .http = fake_http_client(http),
					   .timers = timers,
					   .clock = &sim_clock,
					   .seed = 5 };
	rest = rest_create(&rest_config);
	markets = markets_create(&market_config);
	assert_true(rest && markets);
	assert_int_equal(market_id_make(VENUE_BINANCE, KIND_SPOT, STR("ETHUSDT"), &id), STATUS_OK);
	struct backfill_config config = { .markets = markets,
					  .ids = &id,
					  .n_ids = 1,
					  .timers = timers,
					  .clock = &sim_clock,
					  .seed = 6 };
	config.rests[VENUE_BINANCE][KIND_SPOT] = rest;
	backfill = backfill_create(&config);
	assert_non_null(backfill);
	market = markets_find(markets, &id);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	backfill_destroy(backfill);
	rest_destroy(rest);
	fake_http_destroy(http);
	markets_destroy(markets);
	timers_destroy(timers);
	return 0;
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= 10) {
		sim.now_ns += 10000000;
		timers_run(timers, sim.now_ns, 1000);
	}
}

/* Every minute held is a whole one; how many there are. */
static int whole_minutes(void)
{
	struct market_cursor cursor = { 0 };
	struct bar bar;
	int n = 0;
	while (market_next_minute(market, &cursor, &bar)) {
		int32_t price_scale, qty_scale;
		market_scales(market, &price_scale, &qty_scale);
		int64_t unit = decimal_pow10(qty_scale);
		assert_true(bar.minute_ms + MINUTE_MS <= venue_ms());
		assert_int_equal(bar.buy + bar.sell, 2 * unit);
		assert_int_equal(bar.buy * 2, 3 * unit);
		n++;
	}
	return n;
}

static void a_limit_and_a_broken_connection_delay_history_and_no_more(void **state)
{
	(void)state;
	sim.limited = 2; /* both that are asked first */
	backfill_start(backfill);
	pass(1500);
	assert_int_equal(whole_minutes(), 0);
	pass(15000); /* it said 20 s */
	assert_int_equal(sim.klines + sim.others, 2);
	pass(5000);
	fake_http_break(http);
	pass(60000);
	assert_true(whole_minutes() >= MARKET_MINUTES - 1);
	assert_true(backfill_progress(backfill) > 0.999);
	assert_int_equal(backfill_counts(backfill)->failures, 0); /* REST's own troubles */
	assert_int_equal(rates_instrument(market_rates(market))->status, INSTRUMENT_TRADING);
}

/* A clock an hour ahead would take the open minute, and all to come, for closed ones. */
static void a_wall_clock_that_is_wrong_closes_no_minute(void **state)
{
	(void)state;
	sim.ahead_ms = 3600 * 1000;
	backfill_start(backfill);
	pass(200000);
	assert_true(whole_minutes() >= MARKET_MINUTES - 1);
	int64_t newest_ms = market_newest_ms(market);
	sim.ahead_ms = 2 * 3600 * 1000; /* set while we run */
	pass(200000);
	assert_true(whole_minutes() >= MARKET_MINUTES - 1);
	assert_true(market_newest_ms(market) - newest_ms >= 3 * MINUTE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_limit_and_a_broken_connection_delay_history_and_no_more, make, drop),
		cmocka_unit_test_setup_teardown(a_wall_clock_that_is_wrong_closes_no_minute, make,
						drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
