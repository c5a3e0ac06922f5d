/* Samples of equity: what the store kept comes back before the first one is put, and none is
 * taken of rates that are on their way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "daemon/accounting_impl.h"
#include "sim/fake_db.h"
#include "sim/fake_redis.h"

static const int64_t second_ns = 1000000000, e8 = 100000000;
static const int64_t t0_ms = INT64_C(1723161600000) + 40000;
static const i128 one = (i128)1000000000000000000;

static int64_t now_ns;
static struct timers *timers;
static struct fake_redis *redis;
static struct markets *markets;
static struct accounting accounting;

static int64_t mono(void *ctx) { return *(int64_t *)ctx; }
static const struct clock_port the_clock = { mono, mono, &now_ns };

static void run(int64_t for_ns)
{
	int64_t until_ns = now_ns + for_ns;
	while (timers_next_ns(timers) <= until_ns) {
		now_ns = timers_next_ns(timers);
		timers_run(timers, now_ns, 1);
	}
	now_ns = until_ns;
}

static int64_t wall_ms(void) { return t0_ms + now_ns / 1000000; }

/* As the daemon's timer. */
static void seconds(int count)
{
	for (; count; count--) {
		run(second_ns);
		accounting_restore_equity(&accounting);
		accounting_sample_equity(&accounting, wall_ms());
	}
}

static void add_account(const char *name)
{
	uint32_t slot;
	assert_int_equal(accounts_add(accounting.accounts, str_of(name), VENUE_BINANCE,
				      1u << ACCOUNT_SAID_SPOT, &slot),
			 STATUS_OK);
	snprintf(accounting.list[slot].name, sizeof accounting.list[slot].name, "%s", name);
	accounting.list[slot].poll_ms = 30000;
	accounting.count++;
}

static int set_up(void **state)
{
	(void)state;
	const struct fake_redis_config config = { .latency_ns = 1000000,
						  .timeout_ns = second_ns,
						  .reconnect_ns = second_ns,
						  .pending_limit = 1 << 20 };
	const struct market_config market = { .whale_quote = 500000 };
	now_ns = 0;
	timers = timers_create(16);
	redis = fake_redis_create(&config, timers, &the_clock);
	markets = markets_create(&market);
	accounting = (struct accounting){ .config = { .markets = markets, .stale_ms = 60000 },
					  .accounts = accounts_create(),
					  .equity = equity_create(),
					  .list = calloc(ACCOUNTS_MAX, sizeof *accounting.list),
					  .store = equity_store_create(fake_redis_port(redis)) };
	add_account("main");
	run(second_ns);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_redis_destroy(redis);
	equity_store_destroy(accounting.store);
	equity_destroy(accounting.equity);
	accounts_destroy(accounting.accounts);
	free(accounting.list);
	markets_destroy(markets);
	timers_destroy(timers);
	return 0;
}

/* Thousand USDT, and one of each other asset. */
static void answer(const char *const *others)
{
	accounts_begin(accounting.accounts, 0, ACCOUNT_SAID_SPOT);
	struct account_balance row = { .asset = "USDT", .equity_e18 = 1000 * one };
	accounts_add_balance(accounting.accounts, 0, &row);
	for (; others && *others; others++) {
		row = (struct account_balance){ .equity_e18 = one };
		snprintf(row.asset, sizeof row.asset, "%s", *others);
		accounts_add_balance(accounting.accounts, 0, &row);
	}
	accounts_commit(accounting.accounts, 0, wall_ms());
}

static void trade(struct market *market, int64_t id, int64_t price)
{
	char text[32];
	struct trade out;
	snprintf(text, sizeof text, "%lld", (long long)id);
	const struct event_trade event = { .id = str_of(text),
					   .ordered_id = id,
					   .price = { price, 0 },
					   .qty = { 1, 0 },
					   .side = SIDE_BUY,
					   .aggregated = true };
	assert_int_equal(market_take_trade(market, &event, wall_ms(), &out), MARKET_NEW);
}

/* Five minutes with answers, up to the next sample. */
static void next_step(const char *const *others)
{
	run(EQUITY_STEP_MS * INT64_C(1000000) - second_ns);
	answer(others);
	seconds(1);
}

static void store_runs(const struct str *words, size_t count)
{
	assert_int_equal(redis_command(fake_redis_port(redis), words, count, NULL, NULL),
			 STATUS_OK);
	run(second_ns / 10);
}

static void redis_put(const char *key, struct str value)
{
	const struct str words[] = { STR("SET"), str_of(key), value };
	store_runs(words, 3);
}

/* Samples of a run before this one: the oldest first, none of now. */
static void keep_samples(const char *key, int count)
{
	char storage[EQUITY_BYTES_MAX];
	struct buf bytes = buf_over(storage, sizeof storage);
	struct equity *before = equity_create();
	for (int i = count; i; i--)
		assert_int_equal(
		    equity_put(before, STR("x"), t0_ms - i * (int64_t)EQUITY_STEP_MS, 7 * e8),
		    STATUS_OK);
	equity_pack(before, 0, &bytes);
	redis_put(key, buf_str(&bytes));
	equity_destroy(before);
}

static size_t samples(struct str name)
{
	static struct equity_sample list[EQUITY_SAMPLES];
	return equity_read(accounting.equity, name, wall_ms(), list, EQUITY_SAMPLES);
}

static int64_t newest(void)
{
	struct equity_sample last;
	assert_int_equal(equity_read(accounting.equity, STR("main"), wall_ms(), &last, 1), 1);
	return last.usd_e8;
}

/* How many samples a run after this one would find. */
static size_t kept(const char *name)
{
	static struct equity_sample list[EQUITY_SAMPLES];
	char key[64];
	struct equity *after = equity_create();
	snprintf(key, sizeof key, "equity:%s", name);
	const struct str words[] = { STR("GET"), str_of(key) };
	struct redis_reply *reply = fake_redis_peek(redis, words, 2);
	assert_int_equal(reply->type, REDIS_BULK);
	assert_int_equal(equity_unpack(after, STR("x"), reply->text), STATUS_OK);
	fake_reply_free(reply);
	size_t count = equity_read(after, STR("x"), wall_ms(), list, EQUITY_SAMPLES);
	equity_destroy(after);
	return count;
}

/* ---- the store ---- */

static void what_was_kept_comes_back_before_the_first_sample(void **state)
{
	(void)state;
	keep_samples("equity:main", 10);
	answer(NULL);
	accounting_restore_equity(&accounting);
	seconds(3);
	assert_int_equal(samples(STR("main")), 11);
	run(second_ns);
	assert_int_equal(kept("main"), 11);
	assert_int_equal(accounting.skipped, 0);
}

static void without_anything_kept_samples_begin(void **state)
{
	(void)state;
	answer(NULL);
	accounting_restore_equity(&accounting);
	seconds(3);
	assert_true(accounting.restored);
	assert_int_equal(samples(STR("main")), 1);
}

static void begin_with_samples(void)
{
	keep_samples("equity:main", 10);
	keep_samples("equity:desk", 4);
	add_account("desk");
	answer(NULL);
}

/* Nothing is lost when the store answers at last. */
static void all_comes_back(void)
{
	seconds(10);
	assert_true(accounting.restored);
	next_step(NULL);
	run(second_ns);
	assert_in_range(samples(STR("main")), 11, 12);
	assert_int_equal(kept("main"), samples(STR("main")));
	assert_int_equal(samples(STR("desk")), 4);
	assert_int_equal(kept("desk"), 4); /* that account did not answer */
}

/* For a minute no sample is taken, and it is asked every two seconds or three. */
static void a_minute_without_answers(void)
{
	accounting_restore_equity(&accounting);
	seconds(60);
	assert_false(accounting.restored);
	assert_int_equal(accounting.samples, 0);
	assert_in_range(equity_store_counts(accounting.store)->gets, 2 * 15, 2 * 31);
}

static void a_connection_that_drops_loses_nothing(void **state)
{
	(void)state;
	begin_with_samples();
	fake_redis_cut(redis, 1, FAKE_CUT_BEFORE);
	accounting_restore_equity(&accounting);
	seconds(1);
	assert_false(accounting.restored);
	all_comes_back();
}

static void a_store_that_loads_loses_nothing(void **state)
{
	(void)state;
	begin_with_samples();
	fake_redis_fault(redis, FAKE_LOADING);
	a_minute_without_answers();
	fake_redis_fault(redis, FAKE_HEALTHY);
	all_comes_back();
}

static void a_store_that_hangs_loses_nothing(void **state)
{
	(void)state;
	begin_with_samples();
	fake_redis_hang(redis, true);
	a_minute_without_answers();
	fake_redis_hang(redis, false);
	all_comes_back();
}

static void bytes_that_cannot_be_read_are_replaced(void **state)
{
	(void)state;
	const struct str hash[] = { STR("HSET"), STR("equity:desk"), STR("a"), STR("b") };
	store_runs(hash, 4);
	redis_put("equity:main", STR("EQ\001 these are none of ours"));
	add_account("desk");
	answer(NULL);
	accounting_restore_equity(&accounting);
	seconds(4);
	assert_true(accounting.restored);
	assert_int_equal(equity_store_counts(accounting.store)->gets, 2);
	assert_int_equal(kept("main"), 1);
}

/* ---- rates ---- */

static void an_asset_whose_market_has_not_traded_is_no_loss(void **state)
{
	(void)state;
	static const char *const assets[] = { "ETH", NULL };
	struct market *market = markets_get(markets, VENUE_BINANCE, KIND_SPOT, STR("ETHUSDT"));
	answer(assets);
	accounting_restore_equity(&accounting);
	seconds(3);
	next_step(assets);
	assert_int_equal(accounting.samples, 0);
	assert_int_equal(accounting.skipped, 2);
	run(EQUITY_STEP_MS * INT64_C(1000000) - second_ns);
	trade(market, 1, 2500);
	answer(assets);
	seconds(1);
	assert_int_equal(samples(STR("main")), 1);
	assert_true(newest() == 3500 * e8);
}

static void dust_is_in_no_sample_and_holds_none_up(void **state)
{
	(void)state;
	static const char *const assets[] = { "NOBODYTRADESTHIS", "DUST", NULL };
	answer(assets);
	accounting_restore_equity(&accounting);
	seconds(3);
	next_step(assets);
	assert_int_equal(samples(STR("main")), 2);
	assert_true(newest() == 1000 * e8);
	assert_int_equal(accounting.skipped, 0);
}

static void a_market_that_never_trades_is_waited_for_half_an_hour(void **state)
{
	(void)state;
	static const char *const assets[] = { "OLD", NULL };
	assert_non_null(markets_get(markets, VENUE_BINANCE, KIND_SPOT, STR("OLDUSDT")));
	answer(assets);
	accounting_restore_equity(&accounting);
	seconds(3);
	for (int64_t step = 1; step < PRICED_WAIT_MS / EQUITY_STEP_MS; step++)
		next_step(assets);
	assert_int_equal(accounting.samples, 0);
	for (int step = 0; step < 3; step++)
		next_step(assets);
	assert_int_equal(accounting.samples, 3);
	assert_true(newest() == 1000 * e8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_kept_comes_back_before_the_first_sample),
		TEST(without_anything_kept_samples_begin),
		TEST(a_connection_that_drops_loses_nothing),
		TEST(a_store_that_loads_loses_nothing),
		TEST(a_store_that_hangs_loses_nothing),
		TEST(bytes_that_cannot_be_read_are_replaced),
		TEST(an_asset_whose_market_has_not_traded_is_no_loss),
		TEST(dust_is_in_no_sample_and_holds_none_up),
		TEST(a_market_that_never_trades_is_waited_for_half_an_hour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
