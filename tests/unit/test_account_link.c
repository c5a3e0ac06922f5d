/* Exchange accounts polled in simulated time: clocks, keys, limits, pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/account_link_world.h"

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
