/* Names of keys into families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/names.h"
#include "audit/names_terms.h"
#include "base/check.h"

struct expected {
	const char *name, *pattern;
};

static struct names *learn_all(const char *separators, const struct expected *rows, size_t n)
{
	struct names *names;
	assert_int_equal(names_create(str_of(separators), &names), STATUS_OK);
	for (size_t i = 0; i < n; i++) {
		uint32_t shape;
		assert_int_equal(
		    names_learn(names, str_of(rows[i].name), AUDIT_STRING, 100, &shape), STATUS_OK);
	}
	assert_int_equal(names_settle(names, AUDIT_FAMILIES_MAX), STATUS_OK);
	return names;
}

static const struct name_family *family_of(const struct names *names, const char *name)
{
	int64_t family = names_find(names, str_of(name));
	assert_true(family >= 0);
	return names_family(names, (size_t)family);
}

static void expect_all(const char *separators, const struct expected *rows, size_t n)
{
	struct names *names = learn_all(separators, rows, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(family_of(names, rows[i].name)->pattern, rows[i].pattern);
	names_destroy(names);
}

#define EXPECT_ALL(rows) expect_all(":_-./|", rows, ARRAY_LEN(rows))

static void a_single_name_tells_its_kinds_by_itself(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "klines:BTCUSDT:1m", "klines:{symbol}:{tf}" },
		{ "BTC_1h_RSI14", "{symbol}_{tf}_RSI14" },
		{ "ETH_15m_StochRSI_K", "{symbol}_{tf}_StochRSI_K" },
		{ "BTC_4h_EMA50", "{symbol}_{tf}_EMA50" },
		{ "SOL_1d_latest_close", "{symbol}_{tf}_latest_close" },
		{ "USDT_BTC", "USDT_{symbol}" },
		{ "FINAL_TRADES", "FINAL_TRADES" },
		{ "last_scan_vol", "last_scan_vol" },
		{ "tech_filter_count_in", "tech_filter_count_in" },
		{ "fork_score:approved", "fork_score:approved" },
		{ "btc_condition", "{symbol}_condition" },
		{ "user:123:profile", "user:{id}:profile" },
		{ "page:7", "page:{n}" },
		{ "session:9f8e7d6c5b4a39281706f5e4d3c2b1a0", "session:{hex}" },
		{ "visit:550e8400-e29b-41d4-a716-446655440000", "visit:{uuid}" },
		{ "stats:2024-01-31", "stats:{date}" },
		{ "daily|20240131", "daily|{date}" },
		{ "month:2024_01", "month:{date}" },
		{ "run:2024-01-31T12:30:00Z", "run:{time}" },
		{ "tick:1700000000000", "tick:{time}" },
		{ "tock:1700000000", "tock:{time}" },
		{ "limit:10.0.0.1", "limit:{ip}" },
		{ "reset:bob.s@example.com", "reset:{email}" },
		{ "tok:AbC9dEf2GhI3jKl4MnO", "tok:{token}" },
		{ "url:x7K-pQ2m_N9zL4vB8wR3tD5s", "url:{token}" },
		{ "tx:0x52908400098527886e0f7030069857d2e4169ee7", "tx:{hex}" },
		{ "book:BTC/USDT:USDT:1h", "book:{symbol}:{tf}" },
		{ "perp:BTC-PERP", "perp:{symbol}" },
		{ "swap:eth-usdt-swap", "swap:{symbol}" },
		{ "future:BTC-25DEC26", "future:{symbol}" },
		{ "fx:EURUSD:H4", "fx:{symbol}:{tf}" },
		{ "gold:XAUUSD:M15", "gold:{symbol}:{tf}" },
		{ "meme:1000PEPEUSDT", "meme:{symbol}" },
		{ "new:FOOBARUSDT", "new:{symbol}" },
		{ "chat:-1001234567890123", "chat:-{id}" },
		{ "schema:v2", "schema:v2" },
		{ "{user}:lock", "\\x7buser\\x7d:lock" },
		{ "a\\b c", "a\\x5cb\\x20c" },
	};
	EXPECT_ALL(rows);
}

static void minutes_beside_a_symbol_are_a_timeframe(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "klines:BTCUSDT:60", "klines:{symbol}:{tf}" },
		{ "klines:BTCUSDT:240", "klines:{symbol}:{tf}" },
		{ "klines:BTCUSDT:1h", "klines:{symbol}:{tf}" },
		{ "klines:BTCUSDT:D", "klines:{symbol}:{tf}" },
		{ "rank:ETHUSDT:60", "rank:{symbol}:{n}" },
		{ "rank:ETHUSDT:61", "rank:{symbol}:{n}" },
	};
	EXPECT_ALL(rows);
}

static void names_of_figures_are_families_of_their_own(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "BTC_1h_EMA9", "{symbol}_{tf}_EMA9" },
		{ "BTC_1h_EMA20", "{symbol}_{tf}_EMA20" },
		{ "BTC_1h_EMA50", "{symbol}_{tf}_EMA50" },
		{ "BTC_1h_EMA200", "{symbol}_{tf}_EMA200" },
		{ "BTC_1h_rsi14", "{symbol}_{tf}_rsi14" },
		{ "BTC_1h_SLOPE5", "{symbol}_{tf}_SLOPE5" },
		{ "BTC_1h_GAP3", "{symbol}_{tf}_GAP3" },
		{ "BTC_1h_WAVE7", "{symbol}_{tf}_WAVE7" },
		{ "BTC_1h_CROSS4", "{symbol}_{tf}_CROSS4" },
		{ "BTC_1h_TILT2", "{symbol}_{tf}_TILT2" },
	};
	EXPECT_ALL(rows);
}

static void a_word_that_varies_between_constants_is_a_value(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "user:alice:profile", "user:{word}:profile" },
		{ "user:bob:profile", "user:{word}:profile" },
		{ "user:carol:profile", "user:{word}:profile" },
		{ "user:dave:profile", "user:{word}:profile" },
		{ "user:17:profile", "user:{n}:profile" },
		{ "job:red:state", "job:red:state" },
		{ "job:blue:state", "job:blue:state" },
		{ "job:green:state", "job:green:state" },
	};
	EXPECT_ALL(rows);
}

static void words_of_programs_are_never_values(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "FINAL_TRADES", "FINAL_TRADES" },
		{ "SENT_TRADES", "SENT_TRADES" },
		{ "OPEN_TRADES", "OPEN_TRADES" },
		{ "CLOSED_TRADES", "CLOSED_TRADES" },
		{ "FAILED_TRADES", "FAILED_TRADES" },
		{ "PENDING_TRADES", "PENDING_TRADES" },
		{ "scan:long:count", "scan:long:count" },
		{ "scan:short:count", "scan:short:count" },
		{ "scan:total:count", "scan:total:count" },
		{ "scan:error:count", "scan:error:count" },
		{ "scan:done:count", "scan:done:count" },
	};
	EXPECT_ALL(rows);
}

static void symbols_that_no_list_has_are_found_beside_listed_ones(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "BTC_1h", "{symbol}_{tf}" },
		{ "ZZTOP_1h", "{symbol}_{tf}" },
		{ "LINK_4h", "{symbol}_{tf}" },
		{ "btc_condition", "{symbol}_condition" },
		{ "link_condition", "{symbol}_condition" },
		{ "zztop_condition", "{symbol}_condition" },
		{ "market_condition", "market_condition" },
		{ "AAPL:1d", "{symbol}:{tf}" },
		{ "MSFT:1d", "{symbol}:{tf}" },
		{ "TSLA:1d", "{symbol}:{tf}" },
		{ "GOOG:1d", "{symbol}:{tf}" },
		{ "hold:BTC", "hold:{symbol}" },
		{ "hold:USDT", "hold:{symbol}" },
		{ "hold:cash", "hold:cash" },
	};
	EXPECT_ALL(rows);
}

static void one_place_has_one_kind(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "s:9f8e7d6c", "s:{hex}" },        { "s:12345678", "s:{hex}" },
		{ "s:1a2b3c4d", "s:{hex}" },        { "s:deadbeef", "s:{hex}" },
		{ "chat:1234567890", "chat:{id}" }, { "chat:77", "chat:{id}" },
		{ "chat:123456789", "chat:{id}" },  { "day:20240131", "day:{date}" },
		{ "day:20240201", "day:{date}" },
	};
	EXPECT_ALL(rows);
}

static void digits_behind_letters_are_a_part_where_they_vary(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "api_calls:user123", "api_calls:user{id}" },
		{ "api_calls:user7", "api_calls:user{id}" },
		{ "sim:sandbox3:state", "sim:sandbox3:state" },
		{ "node1:up", "node{n}:up" },
		{ "node2:up", "node{n}:up" },
		{ "user note 1001", "user\\x20note\\x20{id}" },
		{ "user note 1002", "user\\x20note\\x20{id}" },
	};
	EXPECT_ALL(rows);
}

static void names_are_bytes(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "", "" },
		{ ":", ":" },
		{ "a::b", "a::b" },
		{ "x:", "x:" },
		{ "blob:\x01\xff:_\x80", "blob:{bytes}" },
		{ "blob:\xfe\x02:::", "blob:{bytes}" },
		{ "имя:1001", "\\xd0\\xb8\\xd0\\xbc\\xd1\\x8f:{id}" },
	};
	EXPECT_ALL(rows);
}

static void separators_are_the_callers(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "klines#BTCUSDT#1m", "klines#{symbol}#{tf}" },
		{ "a_b:1001", "a_b:{id}" },
	};
	expect_all("#", rows, 1);
	static const struct expected none[] = { { "klines:BTCUSDT:1m", "klines:BTCUSDT:1m" } };
	expect_all("", none, 1);
	expect_all("#", &rows[1], 1);
}

static void a_long_name_ends_in_rest(void **state)
{
	(void)state;
	char name[2000];
	for (size_t i = 0; i < sizeof name - 1; i++)
		name[i] = i % 2 ? ':' : 'x';
	name[sizeof name - 1] = 0;
	char word[200];
	memset(word, 'w', sizeof word - 1);
	word[sizeof word - 1] = 0;
	const struct expected rows[] = { { name, NULL }, { word, "{text}" } };
	struct names *names = learn_all(":", rows, 2);
	const char *pattern = family_of(names, name)->pattern;
	assert_string_equal(pattern + strlen(pattern) - 6, "{rest}");
	assert_string_equal(family_of(names, word)->pattern, "{text}");
	names_destroy(names);
}

static void a_family_knows_its_namespace_and_separator(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool constant, namespaced;
		char separator;
	} rows[] = {
		{ "klines:BTCUSDT:1m", false, true, ':' },
		{ "BTC_1h", false, false, '_' },
		{ "USDT_BTC", false, false, '_' },
		{ "FINAL_TRADES", true, false, '_' },
		{ "fork_score:approved", true, true, 0 },
		{ "heartbeat", true, false, 0 },
		{ "user7:x", true, true, ':' },
		{ ":x", true, false, ':' },
		{ "ticker/BTC", false, true, '/' },
		{ "ticker.BTC", false, true, '.' },
		{ "BTC:1h", false, false, ':' },
	};
	struct names *names;
	uint32_t shape;
	assert_int_equal(names_create(STR(":_-./|"), &names), STATUS_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(names_learn(names, str_of(rows[i].name), AUDIT_STRING, 1, &shape),
				 STATUS_OK);
	assert_int_equal(names_settle(names, AUDIT_FAMILIES_MAX), STATUS_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct name_family *family = family_of(names, rows[i].name);
		assert_int_equal(family->constant, rows[i].constant);
		assert_int_equal(family->namespaced, rows[i].namespaced);
		assert_int_equal(family->separator, rows[i].separator);
	}
	names_destroy(names);
}

static void a_name_that_was_never_told_has_the_family_of_names_like_it(void **state)
{
	(void)state;
	static const struct expected rows[] = {
		{ "klines:BTCUSDT:1m", NULL }, { "user:alice:profile", NULL },
		{ "user:bob:profile", NULL },  { "user:carol:profile", NULL },
		{ "user:dave:profile", NULL },
	};
	struct names *names = learn_all(":_-./|", rows, ARRAY_LEN(rows));
	assert_string_equal(family_of(names, "klines:SOLUSDT:4h")->pattern, "klines:{symbol}:{tf}");
	assert_string_equal(family_of(names, "user:zoe:profile")->pattern, "user:{word}:profile");
	assert_int_equal(names_find(names, STR("queue:mail")), -1);
	names_destroy(names);
}

static void families_beyond_the_limit_are_one(void **state)
{
	(void)state;
	struct names *names;
	uint32_t shapes[8];
	static const char *const list[] = {
		"a", "b:b", "c:c:c", "d_d", "e/e", "f|f", "g.g", "h-h"
	};
	assert_int_equal(names_create(STR(":_-./|"), &names), STATUS_OK);
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		assert_int_equal(names_learn(names, str_of(list[i]), AUDIT_STRING,
					     (int64_t)(100 - i), &shapes[i]),
				 STATUS_OK);
	assert_int_equal(names_settle(names, 3), STATUS_OK);
	assert_int_equal(names_families(names), 4);
	assert_string_equal(names_family(names, 0)->pattern, "a");
	assert_string_equal(names_family(names, 3)->pattern, "{other}");
	assert_int_equal(names_family(names, 3)->keys, 5);
	assert_int_equal(names_family_of(names, shapes[2]), 2);
	assert_int_equal(names_family_of(names, shapes[7]), 3);
	assert_int_equal(names_find(names, STR("h-h")), 3);
	names_destroy(names);
}

static uint64_t thing_of(const struct name_lexer *lexer, const char *name)
{
	struct name_lexed lexed;
	name_lex(lexer, str_of(name), &lexed);
	return name_thing(str_make((const char *)lexed.text, lexed.len));
}

static void one_thing_in_other_words_is_known_again(void **state)
{
	(void)state;
	static struct name_lexer lexer;
	name_lexer_init(&lexer, STR(":_-./|"));
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "klines:BTCUSDT:1m", "BTC_1h_klines", true },
		{ "klines:BTCUSDT:1m", "kline/1m/ETHUSDT", true },
		{ "BTC_1h_RSI14", "rsi14:BTC:1h", true },
		{ "lastScanVol", "last_scan_vol", true },
		{ "BTC_1h", "BTC:1h", true },
		{ "strategies:all", "ALL.strategy", true },
		{ "klines:BTCUSDT:1m", "klines:BTCUSDT", false },
		{ "klines:BTCUSDT:1m", "candles:BTCUSDT:1m", false },
		{ "klines:BTCUSDT:1m", "klines_full:BTCUSDT:1m", false },
		{ "status", "statu", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(thing_of(&lexer, rows[i].a) == thing_of(&lexer, rows[i].b),
				 rows[i].same);
	assert_int_equal(thing_of(&lexer, "BTC"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_single_name_tells_its_kinds_by_itself),
		cmocka_unit_test(minutes_beside_a_symbol_are_a_timeframe),
		cmocka_unit_test(names_of_figures_are_families_of_their_own),
		cmocka_unit_test(a_word_that_varies_between_constants_is_a_value),
		cmocka_unit_test(words_of_programs_are_never_values),
		cmocka_unit_test(symbols_that_no_list_has_are_found_beside_listed_ones),
		cmocka_unit_test(one_place_has_one_kind),
		cmocka_unit_test(digits_behind_letters_are_a_part_where_they_vary),
		cmocka_unit_test(names_are_bytes),
		cmocka_unit_test(separators_are_the_callers),
		cmocka_unit_test(a_long_name_ends_in_rest),
		cmocka_unit_test(a_family_knows_its_namespace_and_separator),
		cmocka_unit_test(a_name_that_was_never_told_has_the_family_of_names_like_it),
		cmocka_unit_test(families_beyond_the_limit_are_one),
		cmocka_unit_test(one_thing_in_other_words_is_known_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
