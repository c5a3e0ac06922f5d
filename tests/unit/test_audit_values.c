/* Rules that look into values: JSON, compression, members of collections, secrets. */
#include "audit_stage.h"

#include <zstd.h>

#include "base/rng.h"

static void strings_that_are_json_and_what_is_almost(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "j:{word}", AUDIT_USE_unknown);
	stage_string(stage, "j:flat", STR("{\"a\":1,\"b\":\"x\"}"));
	stage_string(stage, "j:nested", STR("{\"a\":{\"b\":1}}"));
	stage_string(stage, "j:array", STR("[1,2]"));
	stage_string(stage, "j:empty", STR("{}"));
	stage_string(stage, "j:cut", STR("{\"a\":1"));
	stage_string(stage, "j:python", STR("{'a': 1}"));
	stage_string(stage, "j:number", STR("15"));
	stage_string(stage, "j:behind", STR("{\"a\":1} x"));
	stage_run(stage);
	stage_only(stage, FINDING_json_string, "j:flat j:nested j:array");
	const struct audit_finding *finding = stage_finding(stage, FINDING_json_string);
	assert_non_null(strstr(finding->what, "1 flat, 2 nested or arrays"));
	assert_int_equal(finding->confidence, AUDIT_CERTAIN);
	stage_close(stage);
}

static void json_that_was_cut_is_likely(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "j:{word}", AUDIT_USE_unknown);
	stage_string(stage, "j:1", STR("{\"a\":1,\"b\":[2,3"))->length = 80000;
	stage_run(stage);
	stage_only(stage, FINDING_json_string, "j:1");
	assert_int_equal(stage_finding(stage, FINDING_json_string)->confidence, AUDIT_LIKELY);
	stage_close(stage);
}

static void fill_text(char *at, size_t len)
{
	static const char words[] = "the price of a token rose while volume fell again; ";
	for (size_t i = 0; i < len; i++)
		at[i] = words[i % (sizeof words - 1)];
}

static void fill_random(char *at, size_t len)
{
	struct rng rng;
	rng_init(&rng, 3);
	for (size_t i = 0; i < len; i++)
		at[i] = (char)rng_next(&rng);
}

static void text_that_zstd_halves_is_told_with_its_size(void **state)
{
	(void)state;
	static char text[4096], noise[4096];
	fill_text(text, sizeof text);
	fill_random(noise, sizeof noise);
	struct stage *stage = stage_open();
	stage_family(stage, "t:{word}", AUDIT_USE_unknown);
	stage_string(stage, "t:text", str_make(text, sizeof text));
	stage_string(stage, "t:short", str_make(text, 1023));
	stage_string(stage, "t:least", str_make(text, 1024));
	stage_string(stage, "t:noise", str_make(noise, sizeof noise));
	stage_run(stage);
	stage_only(stage, FINDING_compress, "t:text t:least");
	const struct audit_finding *finding = stage_finding(stage, FINDING_compress);
	assert_true(finding->bytes_after > 0 && finding->bytes_after < finding->bytes_now / 4);
	assert_int_equal(finding->confidence, AUDIT_ESTIMATED);
	stage_close(stage);
}

/* Digits need no search for repetitions to be halved; what is told is never less than zstd needs.
 */
static void digits_are_halved_by_their_bytes_alone(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 9);
	for (size_t len = 1024; len <= 4096; len *= 2) {
		struct stage *stage = stage_open();
		char *text = calloc(len, 1);
		for (size_t i = 0; i < len; i++)
			text[i] = "0123456789,"[rng_below(&rng, 11)];
		stage_family(stage, "t:{word}", AUDIT_USE_unknown);
		stage_string(stage, "t:digits", str_make(text, len));
		stage_run(stage);
		size_t room = ZSTD_compressBound(len);
		char *packed = malloc(room);
		size_t needed = ZSTD_compress(packed, room, text, len, 1);
		assert_int_equal(stage_count(stage, FINDING_compress), needed * 2 <= len);
		free(packed);
		free(text);
		stage_close(stage);
	}
}

/* Text in front, noise behind what is looked at: what is said is of that. */
static void long_text_is_judged_by_its_beginning(void **state)
{
	(void)state;
	static char value[60000];
	fill_text(value, 4 << 10);
	fill_random(value + (4 << 10), sizeof value - (4 << 10));
	struct stage *stage = stage_open();
	stage_family(stage, "t:{word}", AUDIT_USE_unknown);
	stage_string(stage, "t:front", str_make(value, sizeof value));
	stage_string(stage, "t:behind", str_make(value + (4 << 10), 40000));
	stage_run(stage);
	stage_only(stage, FINDING_compress, "t:front");
	stage_close(stage);
}

#define ELEMENT(text)                                                                              \
	{                                                                                          \
		.value = { text, sizeof text - 1 }                                                 \
	}

static void sets_that_carry_an_order(void **state)
{
	(void)state;
	static const struct audit_element
	    ranks[] = { ELEMENT("02:ETH"), ELEMENT("01:BTC"), ELEMENT("04:XRP"),
			ELEMENT("03:SOL") },
	    gaps[] = { ELEMENT("1:BTC"), ELEMENT("2:ETH"), ELEMENT("4:SOL"), ELEMENT("9:XRP") },
	    same[] = { ELEMENT("1:BTC"), ELEMENT("1:ETH"), ELEMENT("2:SOL"), ELEMENT("3:XRP") },
	    times[] = { ELEMENT("1795200000:BTC"), ELEMENT("1795200100:ETH"),
			ELEMENT("SOL@1795200000123"), ELEMENT("2026-11-20T10:00:00 XRP") },
	    some[] = { ELEMENT("1795200000:BTC"), ELEMENT("1795200100:ETH"), ELEMENT("SOL"),
		       ELEMENT("XRP") },
	    uuids[] = { ELEMENT("4f1c2a9e-11d2-4a1b-8c2d-a1795200000b"),
			ELEMENT("4f1c2a9e-11d2-4a1b-8c2d-1795200100bb"),
			ELEMENT("4f1c2a9e-11d2-4a1b-8c2d-bb1795200200"),
			ELEMENT("u1795200000123") },
	    ids[] = { ELEMENT("1000000001"), ELEMENT("1000000002"), ELEMENT("1000000003"),
		      ELEMENT("1000000004") },
	    words[] = { ELEMENT("BTC"), ELEMENT("ETH"), ELEMENT("SOL"), ELEMENT("XRP") };
	struct stage *stage = stage_open();
	stage_family(stage, "s:{word}", AUDIT_USE_unknown);
	stage_elements(stage_key(stage, AUDIT_SET, "s:ranks"), ranks, 4);
	stage_elements(stage_key(stage, AUDIT_SET, "s:few"), ranks, 3);
	stage_elements(stage_key(stage, AUDIT_SET, "s:gaps"), gaps, 4);
	stage_elements(stage_key(stage, AUDIT_SET, "s:same"), same, 4);
	stage_elements(stage_key(stage, AUDIT_SET, "s:times"), times, 4);
	stage_elements(stage_key(stage, AUDIT_SET, "s:some"), some, 4);
	stage_elements(stage_key(stage, AUDIT_SET, "s:uuids"), uuids, 4);
	stage_elements(stage_key(stage, AUDIT_SET, "s:ids"), ids, 4);
	stage_elements(stage_key(stage, AUDIT_SET, "s:words"), words, 4);
	stage_elements(stage_key(stage, AUDIT_ZSET, "z:ranks"), ranks, 4);
	stage_run(stage);
	stage_only(stage, FINDING_wrong_type, "s:ranks s:times");
	stage_close(stage);
}

static void lists_of_identifiers_and_zsets_of_times(void **state)
{
	(void)state;
	static const struct audit_element
	    names[] = { ELEMENT("BTCUSDT"), ELEMENT("ETHUSDT"), ELEMENT("SOLUSDT"),
			ELEMENT("XRPUSDT"), ELEMENT("ADAUSDT"), ELEMENT("DOTUSDT"),
			ELEMENT("BNBUSDT"), ELEMENT("LTCUSDT") },
	    twice[] = { ELEMENT("BTCUSDT"), ELEMENT("ETHUSDT"), ELEMENT("SOLUSDT"),
			ELEMENT("XRPUSDT"), ELEMENT("ADAUSDT"), ELEMENT("DOTUSDT"),
			ELEMENT("BNBUSDT"), ELEMENT("BTCUSDT") },
	    prices[] = { ELEMENT("1.5"), ELEMENT("1.6"),  ELEMENT("1.7"), ELEMENT("1.8"),
			 ELEMENT("1.9"), ELEMENT("2e-5"), ELEMENT("2.1"), ELEMENT("2.2") },
	    json[] = { ELEMENT("{\"a\":1}"), ELEMENT("{\"a\":2}"), ELEMENT("{\"a\":3}"),
		       ELEMENT("{\"a\":4}"), ELEMENT("{\"a\":5}"), ELEMENT("{\"a\":6}"),
		       ELEMENT("{\"a\":7}"), ELEMENT("{\"a\":8}") },
	    times[] = { ELEMENT("1795200000"), ELEMENT("1795200100.5"), ELEMENT("1795200000123"),
			ELEMENT("2026-11-20T10:00:00") };
	struct stage *stage = stage_open();
	stage_family(stage, "l:{word}", AUDIT_USE_unknown);
	stage_elements(stage_key(stage, AUDIT_LIST, "l:names"), names, 8);
	stage_elements(stage_key(stage, AUDIT_LIST, "l:few"), names, 7);
	stage_elements(stage_key(stage, AUDIT_LIST, "l:twice"), twice, 8);
	stage_elements(stage_key(stage, AUDIT_LIST, "l:prices"), prices, 8);
	stage_elements(stage_key(stage, AUDIT_LIST, "l:json"), json, 8);
	stage_family(stage, "z:{word}", AUDIT_USE_unknown);
	stage_elements(stage_key(stage, AUDIT_ZSET, "z:times"), times, 4);
	stage_elements(stage_key(stage, AUDIT_ZSET, "z:names"), names, 8);
	stage_family(stage, "q:{word}", AUDIT_USE_queue);
	stage_elements(stage_key(stage, AUDIT_LIST, "q:names"), names, 8);
	stage_family(stage, "r:{word}", AUDIT_USE_rate_limit);
	stage_elements(stage_key(stage, AUDIT_ZSET, "r:times"), times, 4);
	stage_run(stage);
	stage_only(stage, FINDING_wrong_type, "l:names z:times");
	stage_close(stage);
}

/* Digits inside an identifier are no time. */
static void lists_of_uuids_are_identifiers(void **state)
{
	(void)state;
	static char texts[8][40];
	struct audit_element uuids[8];
	for (unsigned i = 0; i < 8; i++) {
		snprintf(texts[i], sizeof texts[i], "4f1c2a9e-11d2-4a1b-8c2d-b179520000%ua",
			 i & 7u);
		uuids[i] = (struct audit_element){ .value = str_of(texts[i]) };
	}
	struct stage *stage = stage_open();
	stage_family(stage, "l:{word}", AUDIT_USE_unknown);
	stage_elements(stage_key(stage, AUDIT_LIST, "l:uuids"), uuids, 8);
	stage_run(stage);
	stage_only(stage, FINDING_wrong_type, "l:uuids");
	stage_close(stage);
}

static void a_sample_of_elements_makes_it_likely(void **state)
{
	(void)state;
	static const struct audit_element times[] = { ELEMENT("1795200000"), ELEMENT("1795200100"),
						      ELEMENT("1795200200"),
						      ELEMENT("1795200300") };
	struct stage *stage = stage_open();
	stage_family(stage, "z:{word}", AUDIT_USE_unknown);
	struct audit_key *key = stage_key(stage, AUDIT_ZSET, "z:times");
	stage_elements(key, times, 4);
	key->length = 500;
	stage_run(stage);
	assert_int_equal(stage_finding(stage, FINDING_wrong_type)->confidence, AUDIT_LIKELY);
	stage_close(stage);
}

#define FIELD(name, text)                                                                          \
	{                                                                                          \
		.field = { name, sizeof name - 1 }, .value = { text, sizeof text - 1 }             \
	}

static void sessions_with_secrets_and_without_end(void **state)
{
	(void)state;
	static const struct audit_element secret[] = { FIELD("user", "u1"),
						       FIELD("api_key", "k3Y8abcdefgh") },
					  masked[] = { FIELD("password", "********") },
					  hashed[] = { FIELD("password",
							     "$2b$12$abcdefghijklmnop") },
					  plain[] = { FIELD("user", "a long name of somebody") };
	struct stage *stage = stage_open();
	stage_family(stage, "session:{id}", AUDIT_USE_session);
	const struct {
		const char *name;
		const struct audit_element *elements;
		size_t n;
	} hashes[] = { { "session:secret", secret, 2 },
		       { "session:masked", masked, 1 },
		       { "session:hashed", hashed, 1 },
		       { "session:plain", plain, 1 } };
	for (size_t i = 0; i < 4; i++) {
		struct audit_key *key = stage_key(stage, AUDIT_HASH, "%s", hashes[i].name);
		stage_elements(key, hashes[i].elements, hashes[i].n);
		key->expires_ms = STAGE_NOW_MS + 1000;
	}
	struct str json = STR("{\"user\":1,\"accessToken\":\"eyJhbGciOiJIUzI1\"}");
	stage_string(stage, "session:json", json)->expires_ms = STAGE_NOW_MS + 1000;
	stage_string(stage, "session:text", STR("user=1&password=hunter2hunter2"))->expires_ms = 1;
	stage_string(stage, "session:tokens", STR("{\"tokens\":\"BTCUSDT,ETH\"}"))->expires_ms = 1;
	stage_string(stage, "session:express",
		     STR("{\"csrfSecret\":\"k3Y8abcdefgh\",\"xsrf-token\":\"k3Y8abcdefgh\"}"))
	    ->expires_ms = 1;
	stage_string(stage, "session:flask", STR("{\"_csrf_token\":\"k3Y8abcdefgh\"}"))
	    ->expires_ms = 1;
	stage_string(stage, "session:endless", STR("{\"user\":1}"));
	stage_family(stage, "profile:{id}", AUDIT_USE_record);
	stage_elements(stage_key(stage, AUDIT_HASH, "profile:1"), secret, 2);
	stage_run(stage);
	stage_only(stage, FINDING_session,
		   "session:secret session:json session:text session:endless");
	const struct audit_finding *finding = stage_finding(stage, FINDING_session);
	assert_int_equal(finding->severity, SEVERITY_HIGH);
	assert_non_null(
	    strstr(finding->what, "3 with a secret in plain text; 1 without TTL; no index"));
	stage_close(stage);
}

static void sessions_that_only_lack_an_end_are_milder(void **state)
{
	(void)state;
	struct stage *stage = stage_open();
	stage_family(stage, "session:{id}", AUDIT_USE_session);
	stage_string(stage, "session:1", STR("{\"user\":1}"));
	stage_family(stage, "user_sessions:{id}", AUDIT_USE_unknown)->type = AUDIT_SET;
	stage_run(stage);
	const struct audit_finding *finding = stage_finding(stage, FINDING_session);
	assert_int_equal(finding->severity, SEVERITY_WARN);
	assert_null(strstr(finding->what, "no index"));
	stage_close(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_that_are_json_and_what_is_almost),
		cmocka_unit_test(json_that_was_cut_is_likely),
		cmocka_unit_test(text_that_zstd_halves_is_told_with_its_size),
		cmocka_unit_test(digits_are_halved_by_their_bytes_alone),
		cmocka_unit_test(long_text_is_judged_by_its_beginning),
		cmocka_unit_test(sets_that_carry_an_order),
		cmocka_unit_test(lists_of_identifiers_and_zsets_of_times),
		cmocka_unit_test(lists_of_uuids_are_identifiers),
		cmocka_unit_test(a_sample_of_elements_makes_it_likely),
		cmocka_unit_test(sessions_with_secrets_and_without_end),
		cmocka_unit_test(sessions_that_only_lack_an_end_are_milder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
