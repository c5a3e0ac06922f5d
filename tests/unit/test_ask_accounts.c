/* /balance, /positions, /pnl: exchange accounts and terminals' accounts. */
#include "test_ask_golden.h"

#include "accounts_world.h"
#include "ask/accounts.h"
#include "ask/asked.h"
#include "ask/page.h"
#include "trade/limits.h"

static struct ask_world world;
static struct alerts *engine;
static struct fleet *fleet;

static void on_event(void *ctx, const struct fleet_event *event) { (void)ctx, (void)event; }
static void on_moved(void *ctx, const struct instance *instance, enum instance_state from)
{
	(void)ctx, (void)instance, (void)from;
}
static void on_action(void *ctx, const struct fleet_action *action) { (void)ctx, (void)action; }
static void on_position(void *ctx, const struct instance *instance, enum position_change change,
			const struct position *position)
{
	(void)ctx, (void)instance, (void)change, (void)position;
}

static int set_up(void **state)
{
	static const struct fleet_hooks hooks = { on_event, on_moved, on_action, on_position,
						  NULL };
	struct fleet_settings settings = fleet_settings_default();
	(void)state;
	engine = alerts_create(&(struct alert_hooks){ 0 });
	fleet = fleet_create(200, &settings, engine, 1, &hooks);
	alerts_step(engine, 1000000000, ACCOUNTS_NOW_MS - 1000);
	fleet_step(fleet, 1000000000, ACCOUNTS_NOW_MS - 1000);
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default(),
				    .accounts = world_accounts() };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	accounts_destroy((struct accounts *)(uintptr_t)world.accounts);
	fleet_destroy(fleet);
	alerts_destroy(engine);
	markets_destroy(world.markets);
	return 0;
}

static void with_terminals(void)
{
	world.fleet = fleet;
	accounts_hello(fleet, "mt5-001", 90000001, "USD", "2271.87");
	accounts_hello(fleet, "mt5-002", 90000002, "CZK", "100000.55");
	accounts_hello(fleet, "mt5-003", 90000001, "USD", "2271.87"); /* the same account */
}

static void answers_of_exchange_accounts(void **state)
{
	(void)state;
	goldens(&world, "balance", "/balance", ACCOUNTS_NOW_MS);
	goldens(&world, "positions", "/positions", ACCOUNTS_NOW_MS);
	goldens(&world, "pnl", "/pnl", ACCOUNTS_NOW_MS);
	golden(&world, "balance_desk.txt", "/balance DESK", ASK_TEXT, ACCOUNTS_NOW_MS);
}

static void answers_with_terminals(void **state)
{
	(void)state;
	with_terminals();
	goldens(&world, "balance_fleet", "/balance", ACCOUNTS_NOW_MS);
	goldens(&world, "positions_fleet", "/positions", ACCOUNTS_NOW_MS);
	golden(&world, "pnl_fleet.txt", "/pnl", ASK_TEXT, ACCOUNTS_NOW_MS);
	golden(&world, "balance_terminal.txt", "/balance 90000002@fpmarketssc-live", ASK_TEXT,
	       ACCOUNTS_NOW_MS);
	golden(&world, "positions_symbol.txt", "/positions btc", ASK_TEXT, ACCOUNTS_NOW_MS);
	golden(&world, "positions_none.txt", "/positions DOGE", ASK_TEXT, ACCOUNTS_NOW_MS);
}

static void simulated_terminals_are_in_no_total(void **state)
{
	(void)state;
	with_terminals();
	world.options.fleet_simulated = true;
	golden(&world, "balance_simulated.txt", "/balance", ASK_TEXT, ACCOUNTS_NOW_MS);
}

static void one_who_has_no_account_is_told_what_to_set(void **state)
{
	(void)state;
	struct ask_world none = { .markets = world.markets, .options = world.options };
	static const char *const questions[] = { "/balance", "/positions BTC", "/pnl main" };
	for (size_t i = 0; i < 3; i++)
		assert_non_null(strstr(ask_text(&none, questions[i], 0), "[account.NAME]"));
	assert_non_null(strstr(ask_text(&world, "/balance nobody", 0),
			       "Unknown account 'nobody'. Known: main, desk."));
	assert_non_null(strstr(ask_text(&world, "/pnl a b", 0), "one word too many"));
}

/* Of a market that trades, in dollars, spot before perpetual. */
static void rates_come_from_our_own_markets(void **state)
{
	(void)state;
	struct ask_rates rates = { .markets = world.markets,
				   .now_ms = ACCOUNTS_NOW_MS,
				   .stale_ms = 10000 };
	struct account_rate rate;
	assert_true(ask_account_rate(&rates, STR("ETH"), &rate));
	assert_string_equal(rate.source, "binance:spot:ETHUSDT");
	assert_true(rate.t_ms <= ACCOUNTS_NOW_MS && rate.price.mantissa > 0);
	assert_true(ask_account_rate(&rates, STR("USDT"), &rate));
	assert_string_equal(rate.source, "held at 1.00");
	assert_int_equal(rate.t_ms, 0);
	assert_true(ask_account_rate(&rates, STR("USD"), &rate));
	assert_false(ask_account_rate(&rates, STR("EUR"), &rate));
	assert_false(ask_account_rate(&rates, STR("SOL"), &rate)); /* no trade yet */
	rates.now_ms += 3600000;
	assert_true(ask_account_rate(&rates, STR("ETH"), &rate));
	rates.fresh_only = true;
	assert_false(ask_account_rate(&rates, STR("ETH"), &rate));
	struct markets *simulated = world_create(true, WORLD_END_MS);
	struct ask_rates play = { .markets = simulated };
	assert_false(ask_account_rate(&play, STR("ETH"), &rate));
	markets_destroy(simulated);
}

static void a_fleet_s_equity_counts_an_account_once(void **state)
{
	(void)state;
	struct ask_rates rates = { .markets = world.markets, .now_ms = ACCOUNTS_NOW_MS };
	uint32_t unpriced;
	i128 usd_e8;
	with_terminals();
	assert_true(ask_fleet_usd(fleet, ask_account_rate, &rates, &usd_e8, &unpriced));
	assert_true(usd_e8 == (i128)227187000000);
	assert_int_equal(unpriced, 1);
}

static uint32_t columns_max(const char *text)
{
	uint32_t column = 0, most = 0;
	for (; *text; text++) {
		column = *text == '\n' ? 0 : column + (((unsigned char)*text & 0xC0) != 0x80);
		most = column > most ? column : most;
	}
	return most;
}

/* Every account full: the page and the answer keep their bounds, and say what is left out. */
static void full_books_stay_within_a_page(void **state)
{
	(void)state;
	struct accounts *full = accounts_create();
	struct ask_world crowded = {
		.markets = world.markets, .options = world.options, .accounts = full, .fleet = fleet
	};
	uint32_t all = 1u << ACCOUNT_SAID_SPOT | 1u << ACCOUNT_SAID_POSITIONS |
		       1u << ACCOUNT_SAID_INCOME,
		 slot;
	for (int i = 0; i < ACCOUNTS_MAX; i++) {
		char name[32];
		snprintf(name, sizeof name, "account-number-%d", i);
		assert_int_equal(accounts_add(full, str_of(name), VENUE_BINANCE, all, &slot), 0);
		accounts_begin(full, slot, ACCOUNT_SAID_SPOT);
		for (int row = 0; row < ACCOUNT_BALANCES_MAX; row++) {
			char asset[ACCOUNT_ASSET_MAX + 1];
			snprintf(asset, sizeof asset, "LONGEST-ASSET-%03u-X%03u",
				 (unsigned)i % 1000, (unsigned)row % 1000);
			struct account_balance balance = accounts_balance(
			    ACCOUNT_SPOT, asset, accounts_one * 123456789012345 + 7, 5);
			accounts_add_balance(full, slot, &balance);
		}
		accounts_commit(full, slot, ACCOUNTS_NOW_MS);
		accounts_begin(full, slot, ACCOUNT_SAID_POSITIONS);
		for (int row = 0; row < ACCOUNT_POSITIONS_MAX; row++) {
			struct account_position position = { .symbol =
								 "ABCDEFGHIJKLMNOPQRSTUVWXYZUSDT",
							     .asset = "USDT",
							     .qty_e18 = 1 };
			accounts_add_position(full, slot, &position);
		}
		accounts_commit(full, slot, ACCOUNTS_NOW_MS);
		accounts_tell_income(full, slot);
		accounts_fault(full, slot, ACCOUNT_AWAY, "HTTP 503: & a long story <of> it", 0,
			       ACCOUNTS_NOW_MS);
	}
	for (int i = 0; i < 150; i++) {
		char id[16];
		snprintf(id, sizeof id, "mt5-%03d", i);
		accounts_hello(fleet, id, 90000000 + i, i % 40 ? "USD" : id + 1, "2271.87");
	}
	static const char *const questions[] = { "/balance", "/positions", "/pnl",
						 "/balance account-number-3" };
	for (size_t i = 0; i < 4; i++) {
		const char *text = ask_text(&crowded, questions[i], ACCOUNTS_NOW_MS);
		assert_true(strlen(text) > 1000);
		size_t chars = 0;
		for (const char *c = text; *c; c++)
			chars += ((unsigned char)*c & 0xC0) != 0x80;
		assert_true(chars <= PAGE_CHARS);
		struct buf out = buf_over(storage, sizeof storage);
		assert_int_equal(ask(&crowded, questions[i], ASK_JSON, ACCOUNTS_NOW_MS, &out),
				 ASK_ANSWERED);
		out = buf_over(storage, sizeof storage);
		assert_int_equal(ask(&crowded, questions[i], ASK_HTML, ACCOUNTS_NOW_MS, &out),
				 ASK_ANSWERED);
	}
	accounts_destroy(full);
}

/* In a table, not in the sentences around it. */
static void tables_are_as_narrow_as_a_phone(void **state)
{
	(void)state;
	with_terminals();
	static const char *const questions[] = { "/balance", "/positions", "/pnl" };
	for (size_t i = 0; i < 3; i++) {
		struct buf out = buf_over(storage, sizeof storage);
		ask(&world, questions[i], ASK_HTML, ACCOUNTS_NOW_MS, &out);
		buf_char(&out, 0);
		size_t tables = 0;
		for (char *at = storage; (at = strstr(at, "<pre>")); tables++) {
			char *end = strstr(at, "</pre>");
			assert_non_null(end);
			*end = 0;
			assert_true(columns_max(at + strlen("<pre>")) <= PAGE_COLUMNS);
			at = end + 1;
		}
		assert_true(tables >= 2);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_of_exchange_accounts),
		TEST(answers_with_terminals),
		TEST(simulated_terminals_are_in_no_total),
		TEST(one_who_has_no_account_is_told_what_to_set),
		TEST(rates_come_from_our_own_markets),
		TEST(a_fleet_s_equity_counts_an_account_once),
		TEST(full_books_stay_within_a_page),
		TEST(tables_are_as_narrow_as_a_phone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
