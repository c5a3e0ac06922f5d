/* Open sections of weir.conf: symbols of brokers, limits of accounts and groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "def/config.h"

static struct config_problems problems;

static enum status create(const char *text, struct config **config)
{
	const struct config_source source = { .file_name = STR("weir.conf"),
					      .file_text = str_of(text) };
	return config_create(&source, config, &problems);
}

static struct config *accepted(const char *text)
{
	struct config *config = NULL;
	enum status status = create(text, &config);
	if (status)
		print_error("%s\n", problems.lines[0]);
	assert_int_equal(status, STATUS_OK);
	return config;
}

static void refused(const char *text, const char *line)
{
	struct config *config = NULL;
	assert_int_equal(create(text, &config), STATUS_INVALID);
	assert_null(config);
	assert_string_equal(problems.lines[0], line);
	assert_int_equal(problems.count, 1);
}

static void expect_row(const struct config *config, size_t index, const char *section,
		       const char *key, const char *printed)
{
	char storage[200];
	struct buf out = buf_over(storage, sizeof storage - 1);
	const struct config_open *open = config_open_at(config, index);
	assert_true(str_eq(open->section, str_of(section)));
	assert_true(str_eq(open->key, str_of(key)));
	if (open->key.len)
		config_open_print(&out, open);
	storage[out.len] = 0;
	assert_string_equal(storage, printed);
}

static void symbols_and_limits_are_read_in_their_order(void **state)
{
	(void)state;
	struct config *config = accepted("[limits]\nmax_volume = 5\n"
					 "[symbols.FPMarketsSC-Live]  # the first\n"
					 "EURUSD = EURUSD.r\nBTC/USD = \"BTCUSD #1\"\n"
					 "[market]\nfeed = sim\n"
					 "[limits.account:90000001@FPMarketsSC-Live]\n"
					 "max_volume = 0.25\nmax_positions = 3\n"
					 "[limits.group:gold desk]\nsymbols = XAUUSD , XAGUSD\n"
					 "[symbols.Other Broker 2]\n");
	assert_int_equal(config_open_count(config), 9);
	expect_row(config, 0, "symbols.FPMarketsSC-Live", "", "");
	expect_row(config, 1, "symbols.FPMarketsSC-Live", "EURUSD", "EURUSD.r");
	expect_row(config, 2, "symbols.FPMarketsSC-Live", "BTC/USD", "\"BTCUSD #1\"");
	expect_row(config, 4, "limits.account:90000001@FPMarketsSC-Live", "max_volume", "0.25");
	expect_row(config, 5, "limits.account:90000001@FPMarketsSC-Live", "max_positions", "3");
	expect_row(config, 7, "limits.group:gold desk", "symbols", "XAUUSD,XAGUSD");
	expect_row(config, 8, "symbols.Other Broker 2", "", "");
	assert_int_equal(config_open_at(config, 4)->number, 250000);
	assert_int_equal(config_open_at(config, 4)->like, CONFIG_limits_max_volume);
	assert_int_equal(config_open_at(config, 4)->line, 9);
	assert_int_equal(config_i64(config, CONFIG_limits_max_volume), 5000000);
	assert_non_null(config_open_find(config, STR("limits.group:gold desk"), STR("symbols")));
	assert_null(config_open_find(config, STR("limits.group:gold desk"), STR("max_volume")));
	config_destroy(config);
}

static void faults_are_told_with_line_column_and_reason(void **state)
{
	(void)state;
	refused("[symbols.]\n", "weir.conf:1:2: 'symbols.' names no server");
	refused("[symbols.A]\nX = 1\n[symbols.A]\n",
		"weir.conf:3:2: section 'symbols.A' stands twice, first in line 1");
	refused("[symbols.A]\nX = 1\nX = 2\n",
		"weir.conf:3:1: symbols.A.X: stands twice, first in line 2");
	refused("[symbols.A]\nX =\n", "weir.conf:2:4: symbols.A.X: '' is empty");
	refused("[symbols.A]\nX = 12345678901234567890123456789012\n",
		"weir.conf:2:5: symbols.A.X: a symbol has at most 31 bytes");
	refused("[limits.EURUSD]\n", "weir.conf:1:2: 'limits.EURUSD' is not "
				     "limits.account:LOGIN@SERVER or limits.group:NAME");
	refused("[limits.account:x@S]\n", "weir.conf:1:2: 'limits.account:x@S' is not "
					  "limits.account:LOGIN@SERVER or limits.group:NAME");
	refused("[limits.account:5@]\n", "weir.conf:1:2: 'limits.account:5@' is not "
					 "limits.account:LOGIN@SERVER or limits.group:NAME");
	refused("[limits.group:a]\nmax_volum = 1\n",
		"weir.conf:2:1: limits.group:a: unknown key 'max_volum', did you mean "
		"'max_volume'?");
	refused("[limits.group:a]\nmax_volume = -1\n",
		"weir.conf:2:14: limits.group:a.max_volume: '-1' is not 0..1000000");
	refused("[limits.group:a]\nmax_positions = 1.5\n",
		"weir.conf:2:17: limits.group:a.max_positions: '1.5' is not a whole number");
	refused("[symbol.A]\n", "weir.conf:1:2: unknown section 'symbol.A'");
}

static void exchange_accounts_are_read_and_need_a_new_start(void **state)
{
	(void)state;
	char storage[256];
	struct buf why = buf_over(storage, sizeof storage - 1);
	struct config *old = accepted("[account]\npoll = 1m\n[account.main_2]\nvenue = bybit\n"
				      "kinds = perp\nkey_file = /etc/weir/main.key\npoll = 10s\n"
				      "rest_url = http://127.0.0.1:1\n");
	expect_row(old, 1, "account.main_2", "venue", "bybit");
	expect_row(old, 2, "account.main_2", "kinds", "perp");
	expect_row(old, 3, "account.main_2", "key_file", "/etc/weir/main.key");
	expect_row(old, 4, "account.main_2", "poll", "10s");
	expect_row(old, 5, "account.main_2", "rest_url", "http://127.0.0.1:1");
	struct config *same = accepted("[account.main_2]\nvenue = bybit\nkinds = perp\n"
				       "key_file = /etc/weir/main.key\npoll = 10s\n"
				       "rest_url = http://127.0.0.1:1\n[account]\npoll = 1m\n");
	assert_int_equal(config_reload_check(old, same, &why), STATUS_OK);
	struct config *other =
	    accepted("[account]\npoll = 1m\n[account.main_2]\nvenue = binance\n");
	assert_int_equal(config_reload_check(old, other, &why), STATUS_REFUSED);
	storage[why.len] = 0;
	assert_string_equal(storage, "account.main_2.venue");
	why.len = 0;
	struct config *none = accepted("[account]\npoll = 1m\n");
	assert_int_equal(config_reload_check(none, old, &why), STATUS_REFUSED);
	config_destroy(old);
	config_destroy(same);
	config_destroy(other);
	config_destroy(none);
	refused("[account.a b]\n", "weir.conf:1:2: 'account.a b' is not account.NAME, at most 31 "
				   "letters, digits, _ and -");
	refused("[account.]\n",
		"weir.conf:1:2: 'account.' is not account.NAME, at most 31 letters, "
		"digits, _ and -");
	refused("[account.a]\nsecret = x\n", "weir.conf:2:1: account.a: unknown key 'secret'");
	refused("[account.a]\nvenue = kraken\n",
		"weir.conf:2:9: account.a.venue: 'kraken' is not one of binance bybit");
	refused("[account.a]\nrest_url = https://me:word@x.test\n",
		"weir.conf:2:12: account.a.rest_url: no password belongs into it");
}

static void there_is_room_for_so_many_and_no_more(void **state)
{
	(void)state;
	struct buf text;
	struct config *config = NULL;
	buf_init(&text, CONFIG_FILE_BYTES);
	buf_printf(&text, "[symbols.A]\n");
	for (int i = 1; i < CONFIG_OPEN_MAX; i++)
		buf_printf(&text, "S%d = T\n", i);
	buf_char(&text, 0);
	config = accepted(text.ptr);
	assert_int_equal(config_open_count(config), CONFIG_OPEN_MAX);
	config_destroy(config);
	text.len--;
	buf_printf(&text, "X = T\n");
	buf_char(&text, 0);
	config = NULL;
	assert_int_equal(create(text.ptr, &config), STATUS_INVALID);
	assert_string_equal(problems.lines[0],
			    "weir.conf:8193:5: symbols.A.X: more than 8192 sections and keys like "
			    "this");
	buf_deinit(&text);
}

/* ---- what is printed reads back the same ---- */

static void print_open(struct buf *out, const struct config *config)
{
	buf_clear(out);
	for (size_t i = 0; i < config_open_count(config); i++) {
		const struct config_open *open = config_open_at(config, i);
		if (open->key.len) {
			buf_printf(out, "%.*s = ", STR_ARG(open->key));
			config_open_print(out, open);
			buf_char(out, '\n');
		} else {
			buf_printf(out, "[%.*s]\n", STR_ARG(open->section));
		}
	}
	buf_char(out, 0);
}

static void put_random(struct buf *text, struct rng *rng)
{
	static const char *const odd[] = { "a", ".", "#", " #", ";", "=", "[", "\\\"", "\xC3\xA4" };
	for (uint64_t section = rng_below(rng, 6); section > 0; section--) {
		bool symbols = rng_below(rng, 2);
		buf_printf(text, symbols ? "[symbols.B%llu]\n" : "[limits.group:g %llu]\n",
			   (unsigned long long)section);
		for (uint64_t key = rng_below(rng, 6); symbols && key > 0; key--) {
			buf_printf(text, "S%llu = \"x", (unsigned long long)key);
			for (uint64_t n = rng_below(rng, 8); n > 0; n--)
				buf_printf(text, "%s", odd[rng_below(rng, ARRAY_LEN(odd))]);
			buf_printf(text, "\"\n");
		}
		if (!symbols)
			buf_printf(text, "max_volume = 0.%06llu\nsymbols = A , B%llu\n",
				   (unsigned long long)rng_below(rng, 1000000),
				   (unsigned long long)rng_below(rng, 9));
	}
	buf_char(text, 0);
}

static void what_is_printed_reads_back_the_same(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 20261121);
	for (int round = 0; round < 300; round++) {
		struct buf text, once, twice;
		buf_init(&text, 1 << 16);
		buf_init(&once, 1 << 16);
		buf_init(&twice, 1 << 16);
		put_random(&text, &rng);
		struct config *first = accepted(text.ptr);
		print_open(&once, first);
		struct config *second = accepted(once.ptr);
		print_open(&twice, second);
		assert_string_equal(once.ptr, twice.ptr);
		assert_int_equal(config_open_count(first), config_open_count(second));
		for (size_t i = 0; i < config_open_count(first); i++)
			assert_true(
			    config_open_eq(config_open_at(first, i), config_open_at(second, i)));
		config_destroy(first);
		config_destroy(second);
		buf_deinit(&text);
		buf_deinit(&once);
		buf_deinit(&twice);
	}
}

static void a_reload_takes_them_live(void **state)
{
	(void)state;
	char storage[64];
	struct buf why = buf_over(storage, sizeof storage);
	struct config *old = accepted("[symbols.A]\nX = 1\n");
	struct config *new = accepted("[limits]\nmax_day_loss = 5\n[limits.group:g]\n");
	assert_int_equal(config_reload_check(old, new, &why), STATUS_OK);
	config_destroy(old);
	config_destroy(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_and_limits_are_read_in_their_order),
		cmocka_unit_test(faults_are_told_with_line_column_and_reason),
		cmocka_unit_test(exchange_accounts_are_read_and_need_a_new_start),
		cmocka_unit_test(there_is_room_for_so_many_and_no_more),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(a_reload_takes_them_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
