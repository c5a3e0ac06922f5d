/* Live streams under back-pressure: cut to a tenth of their bounds, on a server that is full,
 * too, and no other key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/market_outputs.h"
#include "store_stage.h"

enum { TRADES = 1500, MINUTES = 60, PART = 10 };

static struct stage stage;
static struct markets *markets;
static struct market_outputs *outputs;

static int set_up(void **state)
{
	const struct market_config config = { .whale_quote = 1000000 };
	const struct market_outputs_config live = { .live = true };
	(void)state;
	stage_init(&stage, 0, FAKE_EVERYSEC);
	markets = markets_create(&config);
	if (!markets || !markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("ETHUSDT")) ||
	    !markets_get(markets, VENUE_BYBIT, KIND_PERP, STR("ETHUSDT")))
		return -1;
	outputs = market_outputs_create(&stage.port, markets, stage.timers, &stage.clock, &live);
	if (!outputs)
		return -1;
	market_outputs_start(outputs);
	stage_run(&stage, 2 * stage_second_ns);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stage_run(&stage, stage_second_ns / 2); /* all is answered */
	market_outputs_destroy(outputs);
	markets_destroy(markets);
	stage_deinit(&stage);
	return 0;
}

static struct str id_at(int64_t ms, char storage[32])
{
	struct buf id = buf_over(storage, 32);
	buf_printf(&id, "%lld-0", (long long)ms);
	return buf_str(&id);
}

static void add(struct str key, int64_t ms)
{
	char storage[32];
	STAGE_DO(&stage, STR("XADD"), key, id_at(ms, storage), STR("n"), STR("1"));
}

static int64_t length(struct str key)
{
	return stage_integer(STAGE_PEEK(&stage, STR("XLEN"), key));
}

/* A trade a ms of each market, an aggressor's row a minute of the symbol, up to now. */
static void fill(void)
{
	struct key key;
	int64_t now_ms = stage_wall_ms(&stage);
	for (size_t i = 0; i < markets_count(markets); i++)
		for (int n = 0; n < TRADES; n++)
			add(key_stream_trades(&key, market_id(markets_at(markets, i))),
			    now_ms - TRADES + n);
	for (int n = 0; n < MINUTES; n++)
		add(key_stream_aggressor(&key, STR("ETHUSDT")),
		    now_ms - (int64_t)(MINUTES - 1 - n) * 60000);
	add(STR("somebodys"), now_ms - 86400000);
}

static void check_trimmed(void)
{
	struct key key;
	market_outputs_trim(outputs);
	stage_run(&stage, stage_second_ns / 10);
	for (size_t i = 0; i < markets_count(markets); i++)
		assert_int_equal(length(key_stream_trades(&key, market_id(markets_at(markets, i)))),
				 OUTPUTS_TRADES_MAXLEN / PART);
	assert_in_range(length(key_stream_aggressor(&key, STR("ETHUSDT"))), MINUTES / PART,
			MINUTES / PART + 1);
	assert_int_equal(length(STR("somebodys")), 1);
}

static void live_streams_are_cut_to_a_tenth(void **state)
{
	(void)state;
	fill();
	check_trimmed();
	/* What is short enough stays. */
	uint64_t failed = market_outputs_counts(outputs)->failed;
	check_trimmed();
	assert_int_equal(market_outputs_counts(outputs)->failed, failed);
}

static void a_server_that_is_full_is_trimmed_too(void **state)
{
	(void)state;
	fill();
	fake_redis_fault(stage.redis, FAKE_OOM);
	check_trimmed();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(live_streams_are_cut_to_a_tenth),
		TEST(a_server_that_is_full_is_trimmed_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
