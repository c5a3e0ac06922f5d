/* Signed requests against the venues' published vectors, and keys that stay secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/check.h"
#include "feed/account_sign.h"
#include "os/secret.h"

/* Binance's own example (spot API documentation, rest-api.md, SIGNED endpoints). */
static const char secret[] = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
static const char key_text[] = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";

static struct account_key key_of(const char *name, const char *value)
{
	struct account_key key;
	assert_int_equal(account_key_make(str_of(name), str_of(value), &key, NULL), STATUS_OK);
	return key;
}

/* Both vectors end in recvWindow and timestamp, as what we sign does. */
static void signs_as(const char *query, const char *signature)
{
	struct account_key key = key_of(key_text, secret);
	struct account_unsigned in = { .venue = VENUE_BINANCE,
				       .base_url = STR("https://api.binance.com"),
				       .path = STR("/api/v3/order"),
				       .query = str_of(query),
				       .timestamp_ms = 1499827319559 };
	struct account_signed out;
	char expected[1024];
	assert_int_equal(account_sign(&in, &key, &out), STATUS_OK);
	snprintf(expected, sizeof expected,
		 "https://api.binance.com/api/v3/order?%s&recvWindow=5000&timestamp=1499827319559"
		 "&signature=%s",
		 query, signature);
	assert_int_equal(out.request.url.len, strlen(expected));
	assert_memory_equal(out.request.url.ptr, expected, out.request.url.len);
	assert_int_equal(out.request.n_headers, 1);
	assert_true(str_eq(out.request.headers[0].name, STR("X-MBX-APIKEY")));
	assert_true(str_eq(out.request.headers[0].value, str_of(key_text)));
	assert_string_equal(out.request.method, "GET");
}

static void binance_s_two_published_vectors(void **state)
{
	(void)state;
	signs_as("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1",
		 "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
	/* The symbol is １２３４５６ in full-width digits, escaped before it is signed. */
	char storage[256];
	struct buf query = buf_over(storage, sizeof storage - 1);
	buf_str_put(&query, STR("symbol="));
	account_query_put(&query, STR("１２３４５６"));
	buf_str_put(&query, STR("&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"));
	storage[query.len] = 0;
	signs_as(storage, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3");
}

static void every_vector_of_the_shared_file(void **state)
{
	(void)state;
	json_error_t error;
	json_t *rows = json_load_file(TEST_SHARED_DIR "/market/signing_vectors.json", 0, &error),
	       *row;
	size_t index, seen = 0;
	if (!rows) {
		print_message("SKIP: market/signing_vectors.json of the shared data is not here\n");
		skip();
	}
	json_array_foreach(rows, index, row)
	{
		const char *payload = json_string_value(json_object_get(row, "payload"));
		uint8_t mac[SECRET_MAC_BYTES];
		char hex[2 * SECRET_MAC_BYTES + 1];
		if (!payload)
			continue;
		assert_int_equal(
		    secret_mac(str_of(json_string_value(json_object_get(row, "secret"))),
			       str_of(payload), mac),
		    STATUS_OK);
		secret_print_hex(mac, sizeof mac, hex);
		assert_string_equal(hex, json_string_value(json_object_get(row, "signature")));
		/* And through what signs for us: the payload's end is what it appends. */
		const char *end = strstr(payload, "&recvWindow=5000&timestamp=1499827319559");
		assert_non_null(end);
		char query[512];
		snprintf(query, sizeof query, "%.*s", (int)(end - payload), payload);
		signs_as(query, hex);
		seen++;
	}
	assert_true(seen >= 2);
	json_decref(rows);
}

/* HMAC of timestamp, key, window and query, worked out with another program. */
static void bybit_signs_headers(void **state)
{
	(void)state;
	struct account_key key = key_of("XXXXXXXXXX", "YYYYYYYYYY");
	struct account_unsigned in = { .venue = VENUE_BYBIT,
				       .base_url = STR("https://api.bybit.com"),
				       .path = STR("/v5/order/realtime"),
				       .query = STR("category=option&symbol=BTC-29JUL22-25000-C"),
				       .timestamp_ms = 1658384314791 };
	struct account_signed out;
	assert_int_equal(account_sign(&in, &key, &out), STATUS_OK);
	assert_true(str_eq(out.request.url,
			   STR("https://api.bybit.com/v5/order/realtime?category=option&symbol="
			       "BTC-29JUL22-25000-C")));
	static const char *const expected[][2] = {
		{ "X-BAPI-API-KEY", "XXXXXXXXXX" },
		{ "X-BAPI-TIMESTAMP", "1658384314791" },
		{ "X-BAPI-RECV-WINDOW", "5000" },
		{ "X-BAPI-SIGN",
		  "37813c67fafb3017e92354eb88f218e7e52a98f9f5eb74cfcf0b21f17edb143b" },
	};
	assert_int_equal(out.request.n_headers, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_true(str_eq(out.request.headers[i].name, str_of(expected[i][0])));
		assert_true(str_eq(out.request.headers[i].value, str_of(expected[i][1])));
	}
	in.query = STR("");
	assert_int_equal(account_sign(&in, &key, &out), STATUS_OK);
	assert_true(str_eq(out.request.url, STR("https://api.bybit.com/v5/order/realtime")));
	account_signed_wipe(&out);
	for (size_t i = 0; i < sizeof out.storage; i++)
		assert_int_equal(out.storage[i], 0);
}

static void a_query_that_is_too_long_is_refused(void **state)
{
	(void)state;
	static char query[ACCOUNT_QUERY_MAX + 2];
	struct account_key key = key_of("k", "s");
	struct account_signed out;
	memset(query, 'x', sizeof query - 1);
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		struct account_unsigned in = { .venue = (enum venue)venue,
					       .base_url = STR("https://x"),
					       .path = STR("/y"),
					       .query = str_make(query, ACCOUNT_QUERY_MAX + 1) };
		assert_int_equal(account_sign(&in, &key, &out), STATUS_RANGE);
		in.query.len = ACCOUNT_QUERY_MAX;
		assert_int_equal(account_sign(&in, &key, &out), STATUS_OK);
	}
}

static void keys_are_read_from_two_lines(void **state)
{
	(void)state;
	struct account_key key;
	struct err err = { 0 };
	assert_int_equal(
	    account_key_parse(STR("# mine\r\n key = abc \r\n\r\nsecret=d=e/f+\r\n"), &key, &err),
	    STATUS_OK);
	assert_string_equal(key.key, "abc");
	assert_string_equal(key.secret, "d=e/f+");
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "the key is not 1 to 128 printable characters without blanks" },
		{ "key = HIDDEN\n",
		  "the secret is not 1 to 128 printable characters without blanks" },
		{ "key = HIDDEN\nHIDDEN2\n", "line 2 is not `key = …` or `secret = …`, each once" },
		{ "key = HIDDEN\nkey = HIDDEN\n",
		  "line 2 is not `key = …` or `secret = …`, each once" },
		{ "key = HIDDEN HIDDEN\nsecret = HIDDEN\n",
		  "the key is not 1 to 128 printable characters without blanks" },
		{ "token = HIDDEN\n", "line 1 is not `key = …` or `secret = …`, each once" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(account_key_parse(str_of(cases[i].text), &key, &err),
				 STATUS_INVALID);
		assert_string_equal(err.text, cases[i].why);
	}
}

static void a_key_file_that_others_may_read_is_refused(void **state)
{
	(void)state;
	char path[] = "/tmp/weir-key-XXXXXX";
	struct account_key key;
	struct err err = { 0 };
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "key = abc\nsecret = def\n", 23), 23);
	assert_int_equal(account_key_read(path, &key, &err), STATUS_OK);
	assert_string_equal(key.secret, "def");
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(account_key_read(path, &key, &err), STATUS_REFUSED);
	assert_non_null(strstr(err.text, "chmod 600"));
	close(fd);
	unlink(path);
	assert_int_equal(account_key_read(path, &key, &err), STATUS_NOT_FOUND);
	account_key_wipe(&key);
	assert_int_equal(key.secret[0], 0);
}

static void keys_are_taken_out_of_texts(void **state)
{
	(void)state;
	struct account_key key = key_of("abcdefghij", "0123456789");
	char text[] = "origin[17abcdefghij5000] sign 0123456789, abcdefg, abcde, cut at 0123456";
	account_key_redact(&key, text);
	assert_string_equal(text,
			    "origin[17**********5000] sign **********, *******, abcde, cut at "
			    "*******");
	struct account_key tiny = key_of("ab", "c");
	char other[] = "ab c abc";
	account_key_redact(&tiny, other);
	assert_string_equal(other, "** * ***");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binance_s_two_published_vectors),
		cmocka_unit_test(every_vector_of_the_shared_file),
		cmocka_unit_test(bybit_signs_headers),
		cmocka_unit_test(a_query_that_is_too_long_is_refused),
		cmocka_unit_test(keys_are_read_from_two_lines),
		cmocka_unit_test(a_key_file_that_others_may_read_is_refused),
		cmocka_unit_test(keys_are_taken_out_of_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
