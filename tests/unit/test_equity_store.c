/* equity:{account} in segment RSS: what is sent, and what becomes of every call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "sim/fake_db.h"
#include "sim/fake_redis.h"
#include "store/equity_store.h"

static const int64_t second_ns = 1000000000;

static int64_t now_ns;
static struct timers *timers;
static struct fake_redis *redis;
static struct equity_store *store;
static struct {
	int calls;
	enum status status;
	char name[64], bytes[64];
} got;

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

static int set_up(void **state)
{
	(void)state;
	const struct fake_redis_config config = { .latency_ns = 1000000,
						  .timeout_ns = second_ns,
						  .reconnect_ns = second_ns,
						  .pending_limit = 1 << 20 };
	now_ns = 1000 * second_ns;
	timers = timers_create(16);
	redis = fake_redis_create(&config, timers, &the_clock);
	store = equity_store_create(fake_redis_port(redis));
	run(second_ns);
	memset(&got, 0, sizeof got);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_redis_destroy(redis);
	equity_store_destroy(store);
	timers_destroy(timers);
	return 0;
}

static void on_got(void *ctx, enum status status, struct str name, struct str bytes)
{
	(void)ctx;
	got.calls++;
	got.status = status;
	assert_int_equal(str_copy(name, got.name, sizeof got.name), STATUS_OK);
	assert_int_equal(str_copy(bytes, got.bytes, sizeof got.bytes), STATUS_OK);
}

static void get(const char *name)
{
	int calls = got.calls;
	assert_int_equal(equity_store_get(store, str_of(name), on_got, NULL), STATUS_OK);
	assert_int_equal(got.calls, calls); /* never from inside */
	run(3 * second_ns);
	assert_int_equal(got.calls, calls + 1);
	assert_string_equal(got.name, name);
}

static void what_was_put_comes_back_and_expires(void **state)
{
	(void)state;
	assert_int_equal(equity_store_put(store, STR("main"), STR("one")), STATUS_OK);
	assert_int_equal(equity_store_put(store, STR("main"), STR("two")), STATUS_OK);
	get("main");
	assert_int_equal(got.status, STATUS_OK);
	assert_string_equal(got.bytes, "two");
	get("desk");
	assert_int_equal(got.status, STATUS_OK);
	assert_string_equal(got.bytes, "");
	const struct str ttl[] = { STR("PTTL"), STR("equity:main") };
	struct redis_reply *reply = fake_redis_peek(redis, ttl, 2);
	assert_int_equal(reply->type, REDIS_INTEGER);
	assert_in_range(reply->integer, (EQUITY_STORE_TTL_S - 10) * INT64_C(1000),
			EQUITY_STORE_TTL_S * INT64_C(1000));
	fake_reply_free(reply);
}

static void trouble_is_told_and_counted(void **state)
{
	(void)state;
	fake_redis_hang(redis, true);
	assert_int_equal(equity_store_put(store, STR("main"), STR("one")), STATUS_OK);
	get("main");
	assert_int_not_equal(got.status, STATUS_OK);
	assert_true(equity_store_counts(store)->failed >= 2);
	fake_redis_hang(redis, false);
	run(5 * second_ns);
	assert_int_equal(equity_store_put(store, STR("main"), STR("three")), STATUS_OK);
	get("main");
	assert_string_equal(got.bytes, "three");
}

static void another_program_s_key_is_no_sample(void **state)
{
	(void)state;
	const struct str push[] = { STR("HSET"), STR("equity:main"), STR("a"), STR("b") };
	assert_int_equal(redis_command(fake_redis_port(redis), push, 4, NULL, NULL), STATUS_OK);
	get("main");
	assert_int_equal(got.status, STATUS_REDIS_WRONGTYPE);
	char name[EQUITY_STORE_NAME_MAX + 2];
	memset(name, 'x', sizeof name);
	assert_int_equal(equity_store_get(store, str_make(name, sizeof name - 1), on_got, NULL),
			 STATUS_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_comes_back_and_expires),
		TEST(trouble_is_told_and_counted),
		TEST(another_program_s_key_is_no_sample),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
