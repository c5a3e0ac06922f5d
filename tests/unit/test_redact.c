/* What proves who somebody is leaves every text; everything else stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/check.h"
#include "base/redact.h"
#include "base/rng.h"

#define BOT "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake12"
#define HEX "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const char *put(const char *text, const struct redact *redact)
{
	static char storage[4096];
	struct buf out = buf_over(storage, sizeof storage - 1);
	redact_put(&out, str_of(text), redact);
	assert_false(out.overflow);
	storage[out.len] = 0;
	return storage;
}

static void secrets_go_and_their_places_stay(void **state)
{
	static const char *const cases[][2] = {
		{ "redis://weir:s3cr3t@10.0.0.1:6379/0 is away",
		  "redis://weir:***@10.0.0.1:6379/0 is away" },
		{ "postgresql://u:p@a@b/db", "postgresql://u:***@b/db" },
		{ "https://hooks.slack.com/services/T0AB/B0CD/a1b2c3d4e5f6a7b8c9d0e1f2",
		  "https://hooks.slack.com/services/T0AB/B0CD/***" },
		{ "ping https://hc-ping.com/3f2504e0-4f89-11d3-9a0c-0305e82c3301.",
		  "ping https://hc-ping.com/***" },
		{ "https://h/x?token=abc&n=5", "https://h/x?token=***&n=5" },
		{ "https://api.telegram.org/bot" BOT "/getMe",
		  "https://api.telegram.org/bot123456789:***/getMe" },
		{ "the token " BOT " is refused", "the token 123456789:*** is refused" },
		{ "Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***" },
		{ "bearer.abcdefgh12345678 offered", "bearer.*** offered" },
		{ "token=abc host=h", "token=*** host=h" },
		{ "{\"api_key\": \"abc\", \"n\": 1}", "{\"api_key\": \"***\", \"n\": 1}" },
		{ "requirepass hunter22\nmaxmemory 5", "requirepass ***\nmaxmemory 5" },
		{ "WEIR_EXCHANGE_SECRET_MAIN=abc", "WEIR_EXCHANGE_SECRET_MAIN=***" },
		{ "password: 'x y'", "password: '*** y'" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(put(cases[i][0], NULL), cases[i][1]);
}

static void what_is_no_secret_stays(void **state)
{
	static const char *const same[] = {
		"",
		"2026-11-21T03:34:05.123Z info fleet: operator local: halt all : done",
		"tokens_file = /etc/weir/tokens",
		"token_file = /run/token",
		"the token of mt5-017 is not known",
		"http://127.0.0.1:8780/api/v1/fleet?limit=100&cursor=17",
		"wss://fstream.binance.com:9443/stream?streams=btcusdt@aggTrade",
		"{\"market\":\"binance:perp:ETHUSDT\",\"price\":\"2771.31\"}",
		"segment.rts.port: '65536' is not 0..65535",
		"password: ***",
		"digest " HEX,
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_string_equal(put(same[i], NULL), same[i]);
}

static void with_words_whatever_looks_random_goes(void **state)
{
	const struct redact redact = { .words = true };
	(void)state;
	assert_string_equal(put("digest " HEX " of it", &redact), "digest *** of it");
	assert_string_equal(put("a_very_long_name_that_has_no_digits_at_all = 5", &redact),
			    "a_very_long_name_that_has_no_digits_at_all = 5");
	assert_string_equal(put("12345678901234567890123456789012345", &redact),
			    "12345678901234567890123456789012345");
}

static void known_secrets_go_wherever_they_stand(void **state)
{
	const struct str known[] = { STR("hunter22"), STR("hunter2266"), STR("abc") };
	const struct redact redact = { .known = known, .n_known = ARRAY_LEN(known) };
	(void)state;
	assert_string_equal(put("xhunter22x hunter2266 abc", &redact), "x***x *** abc");
	assert_string_equal(put("https://h/p/hunter22/q", &redact), "https://h/p/***/q");
}

static void names_say_what_they_hold(void **state)
{
	static const char *const secret[] = { "password",    "bot_token",     "API_KEY",
					      "X-Signature", "client-secret", "requirepass" };
	static const char *const plain[] = { "tokens",    "token_file",  "key", "keys",
					     "secretary", "token_count", "",    "_" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secret); i++)
		assert_true(redact_is_secret_name(str_of(secret[i])));
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		assert_false(redact_is_secret_name(str_of(plain[i])));
}

/* Planted into noise of every byte, a secret that is known never comes out again. */
static void a_known_secret_survives_no_noise(void **state)
{
	static const char letters[] = "ab:/=?&@\"' .-_0123456789\n\xff%tokenhttps";
	const struct str known[] = { STR("K3pt5ecretK3pt5ecret") };
	uint8_t hint[REDACT_HINT_BYTES];
	struct redact redact = { .known = known, .n_known = 1, .words = true };
	struct rng rng;
	(void)state;
	rng_init(&rng, 7);
	redact_hint(known, 1, hint);
	for (int round = 0; round < 2000; round++) {
		char text[200];
		size_t len = 60 + rng_below(&rng, 60), at = rng_below(&rng, 40);
		for (size_t i = 0; i < len; i++)
			text[i] = letters[rng_below(&rng, sizeof letters - 1)];
		memcpy(text + at, known[0].ptr, known[0].len);
		text[len] = 0;
		redact.hint = round % 2 ? hint : NULL;
		assert_null(strstr(put(text, &redact), known[0].ptr));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_go_and_their_places_stay),
		cmocka_unit_test(what_is_no_secret_stays),
		cmocka_unit_test(with_words_whatever_looks_random_goes),
		cmocka_unit_test(known_secrets_go_wherever_they_stand),
		cmocka_unit_test(names_say_what_they_hold),
		cmocka_unit_test(a_known_secret_survives_no_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
