/* The model of MEMORY USAGE against a real Redis 7.0: within 5 % for every type and encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/cost.h"
#include "base/rng.h"
#include "rdb_stage.h"

static struct rdb_stage stage;
static bool has_server;

static int64_t measured(const char *key)
{
	return stage_integer(&stage, "MEMORY USAGE %s SAMPLES 0", key);
}

static enum audit_encoding encoding_of(const char *key)
{
	redisReply *reply = stage_ask(&stage, "OBJECT ENCODING %s", key);
	enum audit_encoding encoding = audit_encoding_find(str_make(reply->str, reply->len));
	freeReplyObject(reply);
	return encoding;
}

static void assert_near(const char *key, int64_t model, int64_t server)
{
	int64_t apart = model > server ? model - server : server - model;
	if (apart * 20 > server)
		fail_msg("%s: %lld by the model, %lld by the server", key, (long long)model,
			 (long long)server);
}

/* A table that grows holds two until it was touched often enough. */
static void settle(const char *key, const char *touch, int n)
{
	const char *argv[] = { touch, key, "nobody" };
	for (int i = 0; i < n; i++)
		freeReplyObject(stage_ask_argv(&stage, 3, argv, NULL));
}

static void assert_model(const char *key, const struct audit_cost *cost)
{
	enum audit_encoding chosen = audit_cost_encoding(cost, false);
	assert_string_equal(audit_encoding_text(chosen), audit_encoding_text(encoding_of(key)));
	assert_near(key, audit_cost_end(cost), measured(key));
}

static struct audit_cost begin(enum audit_type type, const char *key)
{
	struct audit_cost cost;
	audit_cost_begin(&cost, type, AUDIT_ENC_UNKNOWN, (int64_t)strlen(key), false);
	return cost;
}

/* ---- strings ---- */

static void strings(void **state)
{
	static char bytes[200000];
	(void)state;
	memset(bytes, 'x', sizeof bytes);
	for (size_t name = 1; name < 300; name += 37) {
		for (size_t size = 0; size < sizeof bytes; size = size * 5 / 4 + 1) {
			char key[400];
			snprintf(key, sizeof key, "%0*d", (int)name, 0);
			STAGE_RUN(&stage, "SET %s %b", key, bytes, size);
			enum audit_encoding encoding =
			    audit_string_encoding(str_make(bytes, size), (int64_t)size);
			assert_int_equal(encoding, encoding_of(key));
			assert_near(
			    key, audit_cost_string((int64_t)name, (int64_t)size, encoding, false),
			    measured(key));
			STAGE_RUN(&stage, "DEL %s", key);
		}
	}
}

static void numbers(void **state)
{
	static const char *const texts[] = { "0",
					     "9999",
					     "10000",
					     "-5",
					     "007",
					     "9223372036854775807",
					     "9223372036854775808",
					     "-9223372036854775808",
					     "1.0" };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		STAGE_RUN(&stage, "SET n %s", texts[i]);
		struct str text = str_of(texts[i]);
		enum audit_encoding encoding = audit_string_encoding(text, (int64_t)text.len);
		assert_int_equal(encoding, encoding_of("n"));
		assert_near(texts[i], audit_cost_string(1, (int64_t)text.len, encoding, false),
			    measured("n"));
	}
}

static void a_ttl_is_not_counted_as_the_server_does_not(void **state)
{
	(void)state;
	STAGE_RUN(&stage, "SET ttl v");
	int64_t before = measured("ttl");
	STAGE_RUN(&stage, "EXPIRE ttl 100");
	assert_int_equal(measured("ttl"), before);
	assert_int_equal(audit_cost_string(3, 1, AUDIT_ENC_EMBSTR, true),
			 audit_cost_string(3, 1, AUDIT_ENC_EMBSTR, false));
}

/* ---- collections, by number of elements and their size ---- */

enum { TEXTS = 5 };

static size_t text_of(int kind, int i, char text[2000])
{
	static const int sizes[TEXTS] = { 0, 10, 30, 100, 1500 };
	if (kind == 0)
		return (size_t)snprintf(text, 2000, "%d", i * 37);
	return (size_t)snprintf(text, 2000, "%0*d", sizes[kind], i) * (i >= 0);
}

/* The n-th of 1, 2, 4, 9, 20 … elements. */
static int next_count(int n) { return n * 2 + n / 4; }

static void each_shape(const char *what, int most, void (*fn)(const char *key, int kind, int n))
{
	for (int kind = 0; kind < TEXTS; kind++) {
		for (int n = 1; n <= (kind == TEXTS - 1 ? most / 8 : most); n = next_count(n)) {
			char key[60];
			snprintf(key, sizeof key, "%s:%d:%d", what, kind, n);
			fn(key, kind, n);
			STAGE_RUN(&stage, "DEL %s", key);
		}
	}
}

static void one_list(const char *key, int kind, int n)
{
	char text[2000];
	struct audit_cost cost = begin(AUDIT_LIST, key);
	for (int i = 0; i < n; i++) {
		size_t len = text_of(kind, i, text);
		STAGE_RUN(&stage, "RPUSH %s %b", key, text, len);
		audit_cost_element(&cost, STR(""), str_make(text, len));
	}
	assert_model(key, &cost);
}

static void one_set(const char *key, int kind, int n)
{
	char text[2000];
	struct audit_cost cost = begin(AUDIT_SET, key);
	for (int i = 0; i < n; i++) {
		size_t len = text_of(kind, i, text);
		text[0] = kind ? 'x' : text[0];
		STAGE_RUN(&stage, "SADD %s %b", key, text, len);
		audit_cost_element(&cost, STR(""), str_make(text, len));
	}
	settle(key, "SISMEMBER", n);
	assert_model(key, &cost);
}

static void one_zset(const char *key, int kind, int n)
{
	char text[2000], score[40];
	struct audit_cost cost = begin(AUDIT_ZSET, key);
	for (int i = 0; i < n; i++) {
		size_t len = text_of(kind, i, text);
		snprintf(score, sizeof score, "%d", i * 1000);
		STAGE_RUN(&stage, "ZADD %s %s %b", key, score, text, len);
		audit_cost_element(&cost, str_of(score), str_make(text, len));
	}
	settle(key, "ZSCORE", n);
	assert_model(key, &cost);
}

static void one_hash(const char *key, int kind, int n)
{
	char text[2000], field[40];
	struct audit_cost cost = begin(AUDIT_HASH, key);
	for (int i = 0; i < n; i++) {
		size_t len = text_of(kind, i, text);
		snprintf(field, sizeof field, "field:%d", i);
		STAGE_RUN(&stage, "HSET %s %s %b", key, field, text, len);
		audit_cost_element(&cost, str_of(field), str_make(text, len));
	}
	settle(key, "HGET", n);
	assert_model(key, &cost);
}

static void one_stream(const char *key, int kind, int n)
{
	char text[2000], id[40], fields[4200];
	struct audit_cost cost = begin(AUDIT_STREAM, key);
	for (int i = 0; i < n; i++) {
		size_t len = text_of(kind, i, text);
		snprintf(id, sizeof id, "17000000%d-%d", 10000 + i / 3, i % 3);
		int size = snprintf(fields, sizeof fields, "price%c%.*s%cside%cbuy%c", 0, (int)len,
				    text, 0, 0, 0);
		STAGE_RUN(&stage, "XADD %s %s price %b side buy", key, id, text, len);
		audit_cost_element(&cost, str_of(id), str_make(fields, (size_t)size));
	}
	assert_model(key, &cost);
}

static void lists(void **state)
{
	(void)state;
	each_shape("list", 3000, one_list);
}

static void sets(void **state)
{
	(void)state;
	each_shape("set", 2000, one_set);
}

static void zsets(void **state)
{
	(void)state;
	each_shape("zset", 2000, one_zset);
}

static void hashes(void **state)
{
	(void)state;
	each_shape("hash", 2000, one_hash);
}

static void streams(void **state)
{
	(void)state;
	each_shape("stream", 3000, one_stream);
}

static void intsets_by_their_widest_number(void **state)
{
	static const long long most[] = { 30000, 70000, 5000000000 };
	(void)state;
	for (size_t width = 0; width < 3; width++) {
		struct audit_cost cost = begin(AUDIT_SET, "ints");
		for (int i = 0; i < 300; i++) {
			char text[40];
			snprintf(text, sizeof text, "%lld", most[width] - i);
			STAGE_RUN(&stage, "SADD ints %s", text);
			audit_cost_element(&cost, STR(""), str_of(text));
		}
		assert_model("ints", &cost);
		STAGE_RUN(&stage, "DEL ints");
	}
}

static void one_long_value_costs_a_table(void **state)
{
	char value[66] = "";
	(void)state;
	struct audit_cost cost = begin(AUDIT_HASH, "missed");
	for (int i = 0; i < 100; i++) {
		char field[20];
		int len = i == 50 ? 65 : 5;
		snprintf(field, sizeof field, "f%d", i);
		memset(value, 'v', sizeof value);
		STAGE_RUN(&stage, "HSET missed %s %b", field, value, (size_t)len);
		audit_cost_element(&cost, str_of(field), str_make(value, (size_t)len));
	}
	assert_int_equal(audit_cost_encoding(&cost, false), AUDIT_ENC_HASHTABLE);
	assert_int_equal(audit_cost_encoding(&cost, true), AUDIT_ENC_LISTPACK);
	assert_model("missed", &cost);
}

/* ---- a stream's groups ---- */

static void groups_and_what_is_pending_are_counted(void **state)
{
	char text[2000], id[40];
	struct audit_cost cost = begin(AUDIT_STREAM, "grouped");
	(void)state;
	(void)text;
	for (int i = 1; i <= 2000; i++) {
		snprintf(id, sizeof id, "17000000%d-0", 10000 + i);
		STAGE_RUN(&stage, "XADD grouped %s f v", id);
		audit_cost_element(&cost, str_of(id), str_make("f\0v\0", 4));
	}
	STAGE_RUN(&stage, "XGROUP CREATE grouped g 0");
	STAGE_RUN(&stage, "XREADGROUP GROUP g alice COUNT 700 STREAMS grouped >");
	STAGE_RUN(&stage, "XREADGROUP GROUP g bob COUNT 5 STREAMS grouped >");
	audit_cost_stream_group(&cost);
	for (int i = 1; i <= 705; i++)
		audit_cost_stream_pending(&cost, (uint64_t)(1700000010000 + i), 0, false);
	audit_cost_stream_consumer(&cost, 5);
	for (int i = 1; i <= 700; i++)
		audit_cost_stream_pending(&cost, (uint64_t)(1700000010000 + i), 0, true);
	audit_cost_stream_consumer(&cost, 3);
	for (int i = 701; i <= 705; i++)
		audit_cost_stream_pending(&cost, (uint64_t)(1700000010000 + i), 0, true);
	assert_model("grouped", &cost);
}

/* ---- without a server ---- */

static void sizes_are_the_allocators_classes(void **state)
{
	static const int64_t pairs[][2] = { { 1, 8 },       { 9, 16 },       { 17, 32 },
					    { 128, 128 },   { 129, 160 },    { 257, 320 },
					    { 4097, 5120 }, { 16385, 20480 } };
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		assert_int_equal(audit_alloc_size(pairs[i][0]), pairs[i][1]);
}

static void listpack_entries_have_the_formats_sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} entries[] = { { "", 2 },
			{ "0", 2 },
			{ "127", 2 },
			{ "128", 3 },
			{ "-1", 3 },
			{ "4095", 3 },
			{ "4096", 4 },
			{ "-32769", 5 },
			{ "8388607", 5 },
			{ "8388608", 6 },
			{ "2147483648", 10 },
			{ "-0", 4 },
			{ "00", 4 },
			{ "9223372036854775808", 21 } };
	(void)state;
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
		assert_int_equal(audit_listpack_entry(str_of(entries[i].text)), entries[i].bytes);
}

static int start(void **state)
{
	(void)state;
	stage = (struct rdb_stage){ .folder = fixture_folder() };
	has_server = stage_start(&stage, NULL);
	return has_server ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	stage_stop(&stage);
	fixture_remove(stage.folder);
	return 0;
}

int main(void)
{
	if (!fixture_has_redis())
		return 77;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_the_allocators_classes),
		cmocka_unit_test(listpack_entries_have_the_formats_sizes),
		cmocka_unit_test(strings),
		cmocka_unit_test(numbers),
		cmocka_unit_test(a_ttl_is_not_counted_as_the_server_does_not),
		cmocka_unit_test(lists),
		cmocka_unit_test(sets),
		cmocka_unit_test(intsets_by_their_widest_number),
		cmocka_unit_test(zsets),
		cmocka_unit_test(hashes),
		cmocka_unit_test(one_long_value_costs_a_table),
		cmocka_unit_test(streams),
		cmocka_unit_test(groups_and_what_is_pending_are_counted),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
