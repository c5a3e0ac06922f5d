/* Which assets a sample waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "accounts/priced.h"

static const int64_t t0_ms = INT64_C(1723161600000);
static struct priced priced;

static int set_up(void **state)
{
	(void)state;
	memset(&priced, 0, sizeof priced);
	return 0;
}

static bool told(enum priced_rate rate, int64_t after_ms)
{
	priced_begin(&priced);
	return priced_told(&priced, STR("ETH"), rate, t0_ms + after_ms);
}

static void a_rate_that_comes_is_waited_for(void **state)
{
	(void)state;
	assert_false(told(PRICED_NO_RATE_YET, 0));
	assert_false(told(PRICED_NO_RATE_YET, PRICED_WAIT_MS - 1));
	assert_true(told(PRICED_RATE, PRICED_WAIT_MS));
}

static void one_that_does_not_come_is_waited_for_no_longer(void **state)
{
	(void)state;
	assert_false(told(PRICED_NO_RATE_YET, 0));
	for (int64_t after_ms = PRICED_WAIT_MS; after_ms < 100 * (int64_t)PRICED_WAIT_MS;
	     after_ms += 300000)
		assert_true(told(PRICED_NO_RATE_YET, after_ms));
}

static void dust_that_nobody_trades_is_not_waited_for(void **state)
{
	(void)state;
	assert_true(told(PRICED_NO_MARKET, 0));
	assert_true(told(PRICED_NO_MARKET, 300000));
}

static void an_asset_that_had_a_rate_must_have_one(void **state)
{
	(void)state;
	assert_true(told(PRICED_RATE, 0));
	assert_false(told(PRICED_NO_MARKET, 300000));
	assert_false(told(PRICED_NO_RATE_YET, 50 * (int64_t)PRICED_WAIT_MS));
	assert_true(told(PRICED_RATE, 51 * (int64_t)PRICED_WAIT_MS));
}

static void an_asset_that_left_is_forgotten(void **state)
{
	(void)state;
	assert_true(told(PRICED_RATE, 0));
	priced_begin(&priced);
	assert_true(priced_told(&priced, STR("USDT"), PRICED_RATE, t0_ms + 300000));
	assert_true(told(PRICED_NO_MARKET, 600000));
	assert_int_equal(priced.count, 2);
	priced_begin(&priced);
	assert_int_equal(priced.count, 1);
}

static void beyond_the_room_nothing_is_waited_for(void **state)
{
	(void)state;
	char name[16];
	for (int round = 0; round < 3; round++) {
		priced_begin(&priced);
		for (int i = 0; i < PRICED_MAX + 10; i++) {
			snprintf(name, sizeof name, "A%d", i);
			bool waits = !priced_told(&priced, str_of(name), PRICED_NO_RATE_YET, t0_ms);
			assert_int_equal(waits, i < PRICED_MAX);
		}
		assert_int_equal(priced.count, PRICED_MAX);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rate_that_comes_is_waited_for),
		TEST(one_that_does_not_come_is_waited_for_no_longer),
		TEST(dust_that_nobody_trades_is_not_waited_for),
		TEST(an_asset_that_had_a_rate_must_have_one),
		TEST(an_asset_that_left_is_forgotten),
		TEST(beyond_the_room_nothing_is_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
