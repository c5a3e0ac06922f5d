/* Alerts of people's own as they write them: read, refused with a sentence, written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "fleet/fleet.h"
#include "rules/rule_text.h"

static struct rule_spec read_ok(const char *text)
{
	struct rule_spec spec;
	struct err err = { 0 };
	if (rule_parse(str_of(text), &spec, &err))
		fail_msg("%s: %s", text, err.text);
	return spec;
}

static const char *written(const struct rule_spec *spec)
{
	static char text[RULE_TEXT_MAX + 1];
	struct buf out = buf_over(text, RULE_TEXT_MAX);
	rule_print(&out, spec);
	assert_false(out.overflow);
	text[out.len] = 0;
	return text;
}

static bool same(const struct rule_spec *a, const struct rule_spec *b)
{
	return strcmp(a->subject, b->subject) == 0 && a->metric == b->metric &&
	       a->minutes == b->minutes && a->op == b->op &&
	       a->threshold.mantissa == b->threshold.mantissa &&
	       a->threshold.scale == b->threshold.scale && a->event == b->event &&
	       a->once == b->once && a->cooldown_ms == b->cooldown_ms && a->cap == b->cap;
}

static void rules_are_read_and_written_as_they_mean(void **state)
{
	(void)state;
	static const struct {
		const char *typed, *means;
	} rows[] = {
		{ "BTC price > 70000", "BTC price > 70000" },
		{ "btc PRICE>70k", "BTC price > 70000" },
		{ "btc price>=70.5k once", "BTC price >= 70500 once" },
		{ "  eth   price   below   0.00001234 ", "ETH price < 0.00001234" },
		{ "eth price above 3000", "ETH price > 3000" },
		{ "binance:perp:ETHUSDT delta > 500", "binance:perp:ETHUSDT delta 5m > 500" },
		{ "ETH delta 1h < -0.5k", "ETH delta 60m < -500" },
		{ "BTC volume spike", "BTC volume 15m > 300 %" },
		{ "BTC volume", "BTC volume 15m > 300 %" },
		{ "BTC volume 5m spike > 500%", "BTC volume 5m > 500 %" },
		{ "oi price > 1", "OI price > 1" },
		{ "SOL oi 15m > 10%", "SOL oi 15m > 10 %" },
		{ "SOL oi 1d <= -12.5 %", "SOL oi 24h <= -12.5 %" },
		{ "BTC funding > 0.05%", "BTC funding > 0.05 %" },
		{ "BTC funding > 0.05", "BTC funding > 0.05 %" },
		{ "BTC liquidation > 1m", "BTC liquidation > 1000000" },
		{ "BTC liquidation", "BTC liquidation > 100000" },
		{ "BTC liquidation > 250000 usd", "BTC liquidation > 250000" },
		{ "BTC cascade", "BTC cascade" },
		{ "BTC cascade > 0.8", "BTC cascade > 0.8" },
		{ "BTC whale", "BTC whale > 500000" },
		{ "mt5-001 failed", "mt5-001 failed" },
		{ "mt5-001 Suspect once", "mt5-001 suspect once" },
		{ "ALL any every 1h max 3", "all any every 1h max 3" },
		{ "BTC price > 70000 every 60m", "BTC price > 70000 every 1h" },
		{ "BTC price > 70000 every 15m max 20", "BTC price > 70000" },
		{ "BTC price > 70000 max 1 every 2d", "BTC price > 70000 every 2d max 1" },
		{ "BTC price > 1500000000m", "" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_spec spec;
		struct err err = { 0 };
		if (!rows[i].means[0]) {
			assert_int_equal(rule_parse(str_of(rows[i].typed), &spec, &err),
					 STATUS_USAGE);
			continue;
		}
		spec = read_ok(rows[i].typed);
		assert_string_equal(written(&spec), rows[i].means);
		struct rule_spec again = read_ok(rows[i].means);
		assert_true(same(&spec, &again));
	}
}

static void what_is_wrong_is_said_in_a_sentence(void **state)
{
	(void)state;
	static const struct {
		const char *typed, *says;
	} rows[] = {
		{ "", "What is to be watched? For example: BTC price > 70000" },
		{ "BTC",
		  "What of BTC? Use price, delta, volume, oi, funding, liquidation, cascade, "
		  "whale; of a terminal stopped, starting, running, degraded, failed, "
		  "recovering, suspect or any." },
		{ "BTC prise > 1", "'prise' cannot be watched, did you mean 'price'? Use price, "
				   "delta, volume, oi, funding, liquidation, cascade, whale; of a "
				   "terminal stopped, starting, running, degraded, failed, "
				   "recovering, suspect or any." },
		{ "BTC price", "A condition is missing: write BTC price > NUMBER, or <." },
		{ "BTC price 70000", "'70000' is not understood here: a condition (> 70000), once, "
				     "every TIME or max N may follow." },
		{ "BTC price >", "A number is missing behind the sign, as in '> 70000'." },
		{ "BTC price > x", "'x' is not a number: write 70000, 0.05 or 1.5m." },
		{ "BTC price > 70,000", "'70,000' is not a number: write 70000, 0.05 or 1.5m." },
		{ "BTC price > 1e5", "'1e5' is not a number: write 70000, 0.05 or 1.5m." },
		{ "BTC price > 5%", "'5%': this is not watched in percent." },
		{ "BTC price > -1", "'-1' is out of range: price takes 0 to 1000000000000." },
		{ "BTC price > 99999999999999999999",
		  "'99999999999999999999' has too many digits." },
		{ "BTC price > 1 < 2", "There are two conditions: a rule has one." },
		{ "BTC price 5m > 1", "'5m': no timeframe is taken here." },
		{ "BTC delta 7m > 1",
		  "Unknown timeframe '7m': use one of 1m 5m 15m 30m 60m 4h 24h." },
		{ "BTC volume 4h spike",
		  "'4h' is too long: what is usual is known of bars of 1m to 60m." },
		{ "BTC whale < 5m", "A whale is told when it is beyond a size: use > or >=." },
		{ "BTC whale > 10",
		  "'10' is out of range: whale takes 10000 to 1000000000000 USD." },
		{ "mt5-001 failed > 3",
		  "What a terminal does has no size: leave the condition out." },
		{ "BTC price > 1 once every 5m", "Either once or every TIME: not both." },
		{ "BTC price > 1 every 5s",
		  "'every 5s': write a time of 1m to 7d, as 15m, 4h or 1d." },
		{ "BTC price > 1 every", "'every ': write a time of 1m to 7d, as 15m, 4h or 1d." },
		{ "BTC price > 1 max 0", "'max 0': write how often a day, 1 to 1000." },
		{ "BTC price > 1 once once", "'once' is not understood here: a condition (> "
					     "70000), once, every TIME or max N may follow." },
		{ "> 70000", "'>' is not a name: begin with a symbol or a terminal, as in 'BTC "
			     "price > 70000'." },
		{ "B\xff\x01 price > 1", "'B?\?' is not a name: begin with a symbol or a terminal, "
					 "as in 'BTC price > 70000'." },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_spec spec = { .cap = 77 };
		struct err err = { 0 };
		assert_int_equal(rule_parse(str_of(rows[i].typed), &spec, &err), STATUS_USAGE);
		assert_string_equal(err.text, rows[i].says);
		assert_int_equal(spec.cap, 77);
	}
}

static void a_change_keeps_what_it_does_not_name(void **state)
{
	(void)state;
	struct rule_spec spec = read_ok("ETH delta 15m > 500 max 5");
	struct err err = { 0 };
	assert_int_equal(rule_parse_change(STR("< -300"), &spec, &err), STATUS_OK);
	assert_string_equal(written(&spec), "ETH delta 15m < -300 max 5");
	assert_int_equal(rule_parse_change(STR("every 4h"), &spec, &err), STATUS_OK);
	assert_string_equal(written(&spec), "ETH delta 15m < -300 every 4h max 5");
	assert_int_equal(rule_parse_change(STR("once"), &spec, &err), STATUS_OK);
	assert_string_equal(written(&spec), "ETH delta 15m < -300 once max 5");
	assert_int_equal(rule_parse_change(STR("BTC price > 1"), &spec, &err), STATUS_OK);
	assert_string_equal(written(&spec), "BTC price > 1");
	assert_int_equal(rule_parse_change(STR(""), &spec, &err), STATUS_USAGE);
	assert_int_equal(rule_parse_change(STR("> x"), &spec, &err), STATUS_USAGE);
	assert_string_equal(written(&spec), "BTC price > 1");
}

static void times_are_of_a_minute_to_a_week(void **state)
{
	(void)state;
	assert_int_equal(rule_time_ms(STR("1m")), 60000);
	assert_int_equal(rule_time_ms(STR("1H")), 3600000);
	assert_int_equal(rule_time_ms(STR("7d")), 604800000);
	static const char *const none[] = { "",    "m", "0m",   "-1h", "8d",
					    "1s",  "1", "1.5h", "+1h", "99999999999999999999m",
					    "169h" };
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_int_equal(rule_time_ms(str_of(none[i])), 0);
}

/* Words that may stand anywhere, put together at random: read or refused, never harm, and
 * what was read is written so that it reads the same. */
static void any_words_are_survived(void **state)
{
	(void)state;
	static const char *const words[] = {
		"BTC",    "price",
		"delta",  ">",
		"<=",     "5m",
		"70000",  "-1",
		"0.05%",  "once",
		"every",  "1h",
		"max",    "3",
		"spike",  "volume",
		"oi",     "all",
		"failed", "any",
		"whale",  ">5m",
		"%",      "cascade",
		"\t",     "binance:perp:BTCUSDT",
		"1e9",    "<",
		"k",      "m",
	};
	struct rng rng;
	size_t good = 0;
	rng_init(&rng, 7);
	for (int round = 0; round < 200000; round++) {
		char text[RULE_TEXT_MAX];
		struct buf typed = buf_over(text, sizeof text);
		for (uint64_t n = rng_below(&rng, 9); n; n--)
			buf_printf(&typed, "%s ", words[rng_below(&rng, ARRAY_LEN(words))]);
		struct rule_spec spec, again;
		struct err err = { 0 };
		if (rule_parse(buf_str(&typed), &spec, &err)) {
			assert_true(err.text[0] && !strpbrk(err.text, "\n\t"));
			continue;
		}
		good++;
		assert_int_equal(rule_parse(str_of(written(&spec)), &again, &err), STATUS_OK);
		assert_true(same(&spec, &again));
	}
	assert_true(good > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read_and_written_as_they_mean),
		cmocka_unit_test(what_is_wrong_is_said_in_a_sentence),
		cmocka_unit_test(a_change_keeps_what_it_does_not_name),
		cmocka_unit_test(times_are_of_a_minute_to_a_week),
		cmocka_unit_test(any_words_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
