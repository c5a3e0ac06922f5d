/* The book of exchange accounts: whole answers, exact sums, values in USD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "accounts/accounts.h"
#include "base/check.h"
#include "base/rng.h"

static const i128 one = (i128)1000000000000000000;
static const int64_t hour_ms = 3600000;
static const int64_t t0_ms = INT64_C(1723161600000); /* 2024-08-09 00:00Z */
enum {
	ALL_BINANCE = 1 << ACCOUNT_SAID_SPOT | 1 << ACCOUNT_SAID_PERP | 1 << ACCOUNT_SAID_POSITIONS
};

static struct accounts *book;
static uint32_t main_slot;

static int set_up(void **state)
{
	(void)state;
	book = accounts_create();
	return accounts_add(book, STR("main"), VENUE_BINANCE, ALL_BINANCE, &main_slot);
}

static int tear_down(void **state)
{
	(void)state;
	accounts_destroy(book);
	return 0;
}

static const struct account *account(void) { return accounts_at(book, main_slot); }

static struct account_balance balance(enum account_part part, const char *asset, i128 wallet)
{
	struct account_balance row = { .part = (uint8_t)part,
				       .wallet_e18 = wallet,
				       .equity_e18 = wallet };
	snprintf(row.asset, sizeof row.asset, "%s", asset);
	return row;
}

static void tell_balances(enum account_part part, const char *const *assets, size_t n, i128 each)
{
	accounts_begin(book, main_slot, (enum account_answer)part);
	for (size_t i = 0; i < n; i++) {
		struct account_balance row = balance(part, assets[i], each);
		accounts_add_balance(book, main_slot, &row);
	}
	accounts_commit(book, main_slot, t0_ms);
}

static void names_are_plain_once_and_bounded(void **state)
{
	(void)state;
	uint32_t slot;
	char name[ACCOUNT_NAME_MAX + 2];
	assert_int_equal(accounts_add(book, STR("MAIN"), VENUE_BYBIT, 0, &slot), STATUS_EXISTS);
	assert_int_equal(accounts_add(book, STR("a b"), VENUE_BYBIT, 0, &slot), STATUS_INVALID);
	assert_int_equal(accounts_add(book, STR("fleet:usd"), VENUE_BYBIT, 0, &slot),
			 STATUS_INVALID);
	assert_int_equal(accounts_add(book, STR(""), VENUE_BYBIT, 0, &slot), STATUS_INVALID);
	memset(name, 'x', sizeof name);
	assert_int_equal(
	    accounts_add(book, str_make(name, ACCOUNT_NAME_MAX + 1), VENUE_BYBIT, 0, &slot),
	    STATUS_INVALID);
	for (int i = 1; i < ACCOUNTS_MAX; i++) {
		snprintf(name, sizeof name, "desk-%d", i);
		assert_int_equal(accounts_add(book, str_of(name), VENUE_BYBIT, 0, &slot),
				 STATUS_OK);
	}
	assert_int_equal(accounts_add(book, STR("more"), VENUE_BYBIT, 0, &slot), STATUS_FULL);
	assert_int_equal(accounts_find(book, STR("Desk-3")), 3);
	assert_int_equal(accounts_find(book, STR("nobody")), ACCOUNT_NONE);
}

static void an_answer_replaces_its_part_and_no_other(void **state)
{
	(void)state;
	static const char *const spot[] = { "BTC", "ETH" }, *const perp[] = { "USDT" },
				 *const later[] = { "SOL" };
	tell_balances(ACCOUNT_PERP, perp, 1, 5 * one);
	tell_balances(ACCOUNT_SPOT, spot, 2, one);
	assert_int_equal(account()->balance_count, 3);
	assert_string_equal(account()->balances[0].asset, "BTC");
	assert_string_equal(account()->balances[2].asset, "USDT");
	tell_balances(ACCOUNT_SPOT, later, 1, one);
	assert_int_equal(account()->balance_count, 2);
	assert_string_equal(account()->balances[0].asset, "SOL");
	assert_string_equal(account()->balances[1].asset, "USDT");
	tell_balances(ACCOUNT_SPOT, later, 0, one);
	assert_int_equal(account()->balance_count, 1);
}

static void what_was_not_committed_never_was(void **state)
{
	(void)state;
	static const char *const spot[] = { "BTC" };
	struct account_balance row = balance(ACCOUNT_SPOT, "GONE", one);
	tell_balances(ACCOUNT_SPOT, spot, 1, one);
	accounts_begin(book, main_slot, ACCOUNT_SAID_SPOT);
	accounts_add_balance(book, main_slot, &row);
	assert_string_equal(account()->balances[0].asset, "BTC");
	accounts_begin(book, main_slot, ACCOUNT_SAID_SPOT);
	accounts_commit(book, main_slot, t0_ms + 1);
	assert_int_equal(account()->balance_count, 0);
	assert_int_equal(account()->said_ms[ACCOUNT_SAID_SPOT], t0_ms + 1);
}

static void rows_beyond_the_room_are_counted_and_said(void **state)
{
	(void)state;
	accounts_begin(book, main_slot, ACCOUNT_SAID_SPOT);
	for (int i = 0; i < ACCOUNT_BALANCES_MAX + 3; i++) {
		struct account_balance row = balance(ACCOUNT_SPOT, "X", one);
		accounts_add_balance(book, main_slot, &row);
	}
	accounts_commit(book, main_slot, t0_ms);
	assert_int_equal(account()->balance_count, ACCOUNT_BALANCES_MAX);
	assert_int_equal(account()->left_out, 3);
	assert_true(account()->incomplete[ACCOUNT_SAID_SPOT]);
	static const char *const perp[] = { "USDT" };
	tell_balances(ACCOUNT_PERP, perp, 1, one);
	assert_true(account()->incomplete[ACCOUNT_SAID_PERP]);
	assert_int_equal(account()->left_out, 4);
	tell_balances(ACCOUNT_SPOT, perp, 1, one);
	assert_false(account()->incomplete[ACCOUNT_SAID_SPOT]);
}

static void perp_equity_is_made_of_the_positions(void **state)
{
	(void)state;
	static const char *const perp[] = { "USDT", "BNFCR" };
	struct account_position position = { .symbol = "BTCUSDT",
					     .asset = "USDT",
					     .qty_e18 = one,
					     .unrealised_e18 = -2 * one,
					     .margin_e18 = one };
	tell_balances(ACCOUNT_PERP, perp, 2, 100 * one);
	accounts_begin(book, main_slot, ACCOUNT_SAID_POSITIONS);
	accounts_add_position(book, main_slot, &position);
	accounts_add_position(book, main_slot, &position);
	accounts_commit(book, main_slot, t0_ms);
	const struct account_balance *usdt = &account()->balances[0];
	assert_true(usdt->equity_e18 == 96 * one && usdt->unrealised_e18 == -4 * one);
	assert_true(usdt->locked_known && usdt->locked_e18 == 2 * one);
	assert_true(account()->balances[1].equity_e18 == 100 * one);
	tell_balances(ACCOUNT_PERP, perp, 2, 200 * one);
	assert_true(account()->balances[0].equity_e18 == 196 * one);
}

static void the_newest_fault_is_said_until_all_is_well(void **state)
{
	(void)state;
	assert_int_equal(account()->state, ACCOUNT_UNASKED);
	accounts_fault(book, main_slot, ACCOUNT_LIMITED, "HTTP 429", t0_ms + 5000, t0_ms);
	assert_int_equal(account()->state, ACCOUNT_LIMITED);
	assert_string_equal(account()->why, "HTTP 429");
	assert_int_equal(account()->until_ms, t0_ms + 5000);
	char why[2 * ACCOUNT_WHY_MAX];
	memset(why, 'x', sizeof why);
	memcpy(why + ACCOUNT_WHY_MAX - 2, "\xe2\x80\xa6", 3);
	why[sizeof why - 1] = 0;
	accounts_fault(book, main_slot, ACCOUNT_AWAY, why, 0, t0_ms + 1);
	assert_int_equal(strlen(account()->why), ACCOUNT_WHY_MAX - 2);
	assert_int_equal(account()->faults[ACCOUNT_LIMITED], 1);
	accounts_well(book, main_slot);
	assert_int_equal(account()->state, ACCOUNT_UP);
	assert_string_equal(account()->why, "");
	assert_int_equal(account()->failed_ms, t0_ms + 1);
}

/* ---- USD ---- */

static bool rate_of(void *ctx, struct str asset, struct account_rate *rate)
{
	(void)ctx;
	*rate = (struct account_rate){ .price = { 1, 0 } };
	if (str_eq(asset, STR("BTC")))
		rate->price = (struct decimal){ 6123450, 2 };
	return !str_eq(asset, STR("XYZ"));
}

static i128 usd(i128 amount, int64_t mantissa, int32_t scale)
{
	struct account_rate rate = { .price = { mantissa, scale } };
	i128 value = 0;
	assert_int_equal(account_usd(amount, &rate, &value), STATUS_OK);
	return value;
}

static void values_are_rounded_once_half_away_from_zero(void **state)
{
	(void)state;
	assert_true(usd(one, 6123450, 2) == (i128)6123450000000);
	assert_true(usd(1, 1, 0) == 0);
	assert_true(usd(5000000000, 1, 0) == 1);
	assert_true(usd(4999999999, 1, 0) == 0);
	assert_true(usd(-5000000000, 1, 0) == -1);
	assert_true(usd(one / 3, 3, 0) == 100000000);
	/* The most that an account can hold, at the dearest and cheapest price. */
	i128 most = one * 999999999999999 + (one - 1), value;
	struct account_rate rate = { .price = { INT64_MAX, 18 } };
	assert_int_equal(account_usd(most, &rate, &value), STATUS_OK);
	rate.price.scale = 0;
	assert_int_equal(account_usd(most, &rate, &value), STATUS_RANGE);
	assert_true(usd(most, 1, 18) == 100000);
}

/* Digit by digit: long multiplication of the decimal texts agrees. */
static void values_agree_with_a_wider_calculation(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 3);
	for (int round = 0; round < 20000; round++) {
		int64_t whole = (int64_t)rng_below(&rng, 1000000000);
		int64_t part = (int64_t)rng_below(&rng, 1000000000000000000);
		int64_t price = (int64_t)rng_below(&rng, 100000000);
		int32_t scale = (int32_t)rng_below(&rng, 9);
		i128 amount = whole * one + part, p = decimal_pow10(scale);
		/* (whole + part / 10^18) × price × 10^8 / 10^scale, in two exact halves */
		i128 high = (i128)whole * price * 100000000;
		i128 low = (i128)part * price; /* / 10^10 */
		i128 numerator = high * decimal_pow10(10) + low, divisor = p * decimal_pow10(10);
		i128 expected = (numerator + divisor / 2) / divisor;
		assert_true(usd(amount, price, scale) == expected);
		assert_true(usd(-amount, price, scale) == -expected);
	}
}

static void a_total_says_what_it_misses(void **state)
{
	(void)state;
	static const char *const spot[] = { "BTC", "XYZ", "USDT" };
	struct account_total total;
	tell_balances(ACCOUNT_SPOT, spot, 3, one / 2);
	account_total(account(), rate_of, NULL, &total);
	assert_true(total.usd_e8 == (i128)3061725000000 + 50000000);
	assert_int_equal(total.priced, 2);
	assert_int_equal(total.unpriced, 1);
	assert_int_equal(total.oldest_ms, 0);
	tell_balances(ACCOUNT_PERP, spot, 0, one);
	accounts_begin(book, main_slot, ACCOUNT_SAID_POSITIONS);
	accounts_commit(book, main_slot, t0_ms - 7);
	account_total(account(), rate_of, NULL, &total);
	assert_int_equal(total.oldest_ms, t0_ms - 7);
}

/* ---- income ---- */

static void earn(const char *asset, enum account_income_kind kind, int64_t t_ms, i128 amount)
{
	struct account_income row = { .kind = (uint8_t)kind, .t_ms = t_ms, .amount_e18 = amount };
	snprintf(row.asset, sizeof row.asset, "%s", asset);
	accounts_add_income(book, main_slot, &row);
}

static struct account_earned earned(uint32_t index, enum account_window window, int64_t now_ms)
{
	struct account_earned out;
	account_earned(account(), index, window, now_ms, &out);
	return out;
}

static void a_span_told_twice_counts_once(void **state)
{
	(void)state;
	for (int times = 0; times < 3; times++) {
		accounts_begin_income(book, main_slot, t0_ms - 24 * hour_ms, t0_ms + 1);
		earn("USDT", ACCOUNT_REALISED, t0_ms - hour_ms, 10 * one);
		earn("USDT", ACCOUNT_FEES, t0_ms - hour_ms, -one);
		earn("USDT", ACCOUNT_FUNDING, t0_ms, -2 * one);
		earn("USDT", ACCOUNT_REALISED, t0_ms - 25 * hour_ms, 77 * one); /* not asked for */
		accounts_commit(book, main_slot, t0_ms);
	}
	struct account_earned day = earned(0, ACCOUNT_1D, t0_ms + 5);
	assert_true(day.known && day.all_e18 == 7 * one && day.rows == 1);
	assert_true(day.sums_e18[ACCOUNT_FEES] == -one);
	assert_false(earned(0, ACCOUNT_7D, t0_ms + 5).known);
	/* A row that went away with a correction is gone. */
	accounts_begin_income(book, main_slot, t0_ms - hour_ms, t0_ms + 1);
	accounts_commit(book, main_slot, t0_ms);
	assert_true(earned(0, ACCOUNT_1D, t0_ms + 5).all_e18 == 0);
}

static void history_backwards_becomes_30_days_without_a_hole(void **state)
{
	(void)state;
	for (int64_t week = 0; week < 5; week++) {
		int64_t to_ms = week ? t0_ms + hour_ms - 7 * 24 * week * hour_ms : t0_ms + hour_ms;
		int64_t from_ms = to_ms - 7 * 24 * hour_ms;
		if (from_ms < t0_ms - 720 * hour_ms)
			from_ms = t0_ms - 720 * hour_ms;
		accounts_begin_income(book, main_slot, from_ms, to_ms);
		for (int64_t t_ms = from_ms; t_ms < to_ms; t_ms += hour_ms)
			earn("USDT", ACCOUNT_REALISED, t_ms + 1, one);
		accounts_commit(book, main_slot, t0_ms);
	}
	assert_true(earned(0, ACCOUNT_30D, t0_ms).known);
	assert_true(earned(0, ACCOUNT_30D, t0_ms).all_e18 == 721 * one);
	assert_true(earned(0, ACCOUNT_7D, t0_ms).all_e18 == 169 * one);
	assert_true(earned(0, ACCOUNT_1D, t0_ms).all_e18 == 25 * one);
	/* A day later the oldest day is out, whatever stands in the ring. */
	assert_true(earned(0, ACCOUNT_30D, t0_ms + 24 * hour_ms).all_e18 == 697 * one);
	/* A hole forgets what was before it. */
	accounts_begin_income(book, main_slot, t0_ms + 48 * hour_ms, t0_ms + 49 * hour_ms);
	accounts_commit(book, main_slot, t0_ms);
	assert_false(earned(0, ACCOUNT_1D, t0_ms + 49 * hour_ms).known);
}

/* A venue whose clock was years ahead: its hours stand where today's would. */
static void hours_of_another_age_make_room(void **state)
{
	(void)state;
	int64_t far_ms = t0_ms + INT64_C(1000) * ACCOUNT_PNL_HOURS * hour_ms;
	accounts_begin_income(book, main_slot, far_ms, far_ms + hour_ms);
	earn("USDT", ACCOUNT_REALISED, far_ms, 5 * one);
	accounts_commit(book, main_slot, t0_ms);
	accounts_begin_income(book, main_slot, t0_ms - 24 * hour_ms, t0_ms + hour_ms);
	earn("USDT", ACCOUNT_REALISED, t0_ms, 3 * one);
	accounts_commit(book, main_slot, t0_ms);
	struct account_earned day = earned(0, ACCOUNT_1D, t0_ms + 5);
	assert_true(day.known && day.all_e18 == 3 * one);
}

static void assets_and_amounts_beyond_reason_are_left_out(void **state)
{
	(void)state;
	accounts_begin_income(book, main_slot, t0_ms, t0_ms + 1);
	for (int i = 0; i < ACCOUNT_PNL_ASSETS_MAX + 2; i++) {
		char asset[16];
		snprintf(asset, sizeof asset, "A%d", i);
		earn(asset, ACCOUNT_REALISED, t0_ms, one);
	}
	for (int i = 0; i < 20; i++)
		earn("A0", ACCOUNT_REALISED, t0_ms, one * 999999999999999);
	accounts_commit(book, main_slot, t0_ms);
	assert_int_equal(account()->pnl_count, ACCOUNT_PNL_ASSETS_MAX);
	assert_int_equal(account()->left_out, 2 + 10);
	assert_true(account()->incomplete[ACCOUNT_SAID_INCOME]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_are_plain_once_and_bounded),
		TEST(an_answer_replaces_its_part_and_no_other),
		TEST(what_was_not_committed_never_was),
		TEST(rows_beyond_the_room_are_counted_and_said),
		TEST(perp_equity_is_made_of_the_positions),
		TEST(the_newest_fault_is_said_until_all_is_well),
		TEST(values_are_rounded_once_half_away_from_zero),
		TEST(values_agree_with_a_wider_calculation),
		TEST(a_total_says_what_it_misses),
		TEST(a_span_told_twice_counts_once),
		TEST(history_backwards_becomes_30_days_without_a_hole),
		TEST(hours_of_another_age_make_room),
		TEST(assets_and_amounts_beyond_reason_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
