#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ask/asked.h"
#include "base/rng.h"

enum { MAX = 256 };

static enum fault parse(const char *text, struct asked *out)
{
	return asked_parse(str_of(text), MAX, STR("BTC"), out);
}

static void is(const char *text, enum question question, const char *symbol, int32_t minutes)
{
	struct asked asked;
	assert_int_equal(parse(text, &asked), FAULT_NONE);
	assert_int_equal(asked.question, question);
	assert_string_equal(asked.symbol, symbol);
	assert_int_equal(asked.minutes, minutes);
}

static void fails(const char *text, enum fault fault, const char *word)
{
	struct asked asked;
	assert_int_equal(parse(text, &asked), fault);
	assert_string_equal(asked.word, word);
}

static void slash_case_and_bot_suffix_do_not_matter(void **state)
{
	(void)state;
	is("/cvd ETH 5m", QUESTION_cvd, "ETH", 5);
	is("cvd eth 5M", QUESTION_cvd, "ETH", 5);
	is("  /CVD@weir_bot   Eth   5m \r\n", QUESTION_cvd, "ETH", 5);
	is("/price ethusdt", QUESTION_price, "ETHUSDT", 0);
	is("/price binance:perp:BTCUSDT", QUESTION_price, "binance:perp:BTCUSDT", 0);
}

static void what_is_left_out_has_a_default(void **state)
{
	(void)state;
	is("/price", QUESTION_price, "BTC", 0);
	is("/cvd", QUESTION_cvd, "BTC", 15);
	is("/cvd SOL", QUESTION_cvd, "SOL", 15);
	is("/volume 1h", QUESTION_volume, "BTC", 60);
	is("/volume 4h sol", QUESTION_volume, "SOL", 240);
	is("/help", QUESTION_help, "", 0);
}

static void all_timeframes_are_read_and_named(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int32_t minutes;
	} known[] = {
		{ "1m", 1 },  { "5m", 5 },   { "15m", 15 },   { "30m", 30 },   { "60m", 60 },
		{ "1h", 60 }, { "4h", 240 }, { "240m", 240 }, { "24h", 1440 }, { "1d", 1440 }
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		char text[32] = "/volume ETH ";
		struct asked asked;
		strcat(text, known[i].text);
		assert_int_equal(parse(text, &asked), FAULT_NONE);
		assert_int_equal(asked.minutes, known[i].minutes);
		assert_non_null(strstr(asked_timeframes(), asked_timeframe_text(asked.minutes)));
	}
}

static void each_fault_is_told_apart(void **state)
{
	(void)state;
	fails("", FAULT_EMPTY, "");
	fails(" \n", FAULT_EMPTY, "");
	fails("/cvdd ETH", FAULT_UNKNOWN_COMMAND, "/cvdd");
	fails("@bot", FAULT_UNKNOWN_COMMAND, "");
	fails("/cvd ETH 7m", FAULT_UNKNOWN_TIMEFRAME, "7m");
	fails("/cvd 7m", FAULT_UNKNOWN_TIMEFRAME, "7m");
	fails("/cvd ETH soon", FAULT_UNKNOWN_TIMEFRAME, "soon");
	fails("/cvd ETH 5m 5m", FAULT_EXTRA, "5m");
	fails("/price ETH 5m", FAULT_EXTRA, "5m");
	fails("/help me", FAULT_EXTRA, "me");
	fails("/balance main desk", FAULT_EXTRA, "desk");
	fails("/oi ETH 5m", FAULT_EXTRA, "5m");
	fails("/top10 BTC", FAULT_EXTRA, "BTC");
	fails("/price \x01", FAULT_CONTROL, "");
	fails("/price\tETH", FAULT_CONTROL, "");
	fails("/price \x7f", FAULT_CONTROL, "");
}

static void chooses(const char *text, enum kind kind, bool by_oi)
{
	struct asked asked;
	assert_int_equal(parse(text, &asked), FAULT_NONE);
	assert_int_equal(asked.question, QUESTION_top10);
	assert_int_equal(asked.kind, kind);
	assert_int_equal(asked.by_oi, by_oi);
	assert_string_equal(asked.symbol, "");
}

static void choices_are_words_in_any_order_each_made_once(void **state)
{
	(void)state;
	chooses("/top10", KIND_COUNT, false);
	chooses("/top10 spot", KIND_SPOT, false);
	chooses("/top10 Perps OI", KIND_PERP, true);
	chooses("/top10 oi perp", KIND_PERP, true);
	chooses("/top10 volume", KIND_COUNT, false);
	fails("/top10 spot perps", FAULT_EXTRA, "perps");
	fails("/top10 oi volume", FAULT_EXTRA, "volume");
	fails("/top10 list", FAULT_EXTRA, "list");
	is("/alerts list", QUESTION_alerts, "", 0);
	/* Where there is no such choice, the word is a symbol. */
	is("/oi perps", QUESTION_oi, "PERPS", 0);
}

static void an_asset_may_start_with_digits(void **state)
{
	(void)state;
	is("/volume 1000PEPE", QUESTION_volume, "1000PEPE", 15);
	is("/volume 1INCH 5m", QUESTION_volume, "1INCH", 5);
	is("/price 5m", QUESTION_price, "5M", 0);
}

static void length_is_bounded(void **state)
{
	(void)state;
	char text[MAX + 2];
	struct asked asked;
	memset(text, 'a', sizeof text);
	assert_int_equal(asked_parse(str_make(text, MAX), MAX, STR("BTC"), &asked),
			 FAULT_UNKNOWN_COMMAND);
	assert_int_equal(strlen(asked.word), ASKED_WORD_MAX);
	assert_int_equal(asked_parse(str_make(text, MAX + 1), MAX, STR("BTC"), &asked),
			 FAULT_TOO_LONG);
}

static void what_is_shown_again_is_printable(void **state)
{
	(void)state;
	fails("/pr\xc3\xa9"
	      "ce",
	      FAULT_UNKNOWN_COMMAND, "/pr??ce");
	struct asked asked;
	assert_int_equal(parse("/price \xff\xfe", &asked), FAULT_NONE);
	assert_string_equal(asked.symbol, "??");
}

static void every_row_of_the_table_is_understood(void **state)
{
	(void)state;
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		const struct question_row *row = question_row(question);
		struct asked asked;
		enum fault fault = parse(row->name, &asked);
		assert_int_equal(fault, FAULT_NONE);
		assert_int_equal(asked.question, question);
		assert_string_equal(asked_command(question), row->name + 1);
		assert_int_equal(asked_takes_symbol(question), asked.symbol[0] != 0);
		assert_int_equal(asked_takes_timeframe(question), asked.minutes != 0);
	}
}

static void every_fault_has_its_own_code(void **state)
{
	(void)state;
	assert_null(asked_fault_code(FAULT_NONE));
	for (enum fault a = FAULT_NONE + 1; a < FAULT_COUNT; a++)
		for (enum fault b = FAULT_NONE + 1; b < a; b++)
			assert_string_not_equal(asked_fault_code(a), asked_fault_code(b));
}

static void any_bytes_are_survived(void **state)
{
	(void)state;
	static const char alphabet[] = "/cvdpriceETH 5m1h@:\xff\x01 \xc3<>&\"";
	struct rng rng;
	rng_init(&rng, 3);
	for (int i = 0; i < 50000; i++) {
		char text[300];
		size_t len = rng_below(&rng, i % 10 ? 24 : sizeof text);
		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[rng_below(&rng, sizeof alphabet)];
		struct asked asked;
		enum fault fault = asked_parse(str_make(text, len), MAX, STR("BTC"), &asked);
		assert_true(fault < FAULT_COUNT);
		assert_true(strlen(asked.word) <= ASKED_WORD_MAX);
		assert_true(strlen(asked.symbol) <= ASKED_WORD_MAX);
		if (fault == FAULT_NONE)
			assert_true(asked.question < QUESTION_COUNT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slash_case_and_bot_suffix_do_not_matter),
		cmocka_unit_test(what_is_left_out_has_a_default),
		cmocka_unit_test(all_timeframes_are_read_and_named),
		cmocka_unit_test(each_fault_is_told_apart),
		cmocka_unit_test(choices_are_words_in_any_order_each_made_once),
		cmocka_unit_test(an_asset_may_start_with_digits),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(what_is_shown_again_is_printable),
		cmocka_unit_test(every_row_of_the_table_is_understood),
		cmocka_unit_test(every_fault_has_its_own_code),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
