/* Figures of families, twins, growth, uses, and where things belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/families.h"
#include "audit/growth.h"
#include "audit/ignore.h"
#include "audit/pattern.h"
#include "base/check.h"

static const int64_t NOW_MS = 1795300000000;

/* So many keys of one name with numbers in place of `#`. */
struct row {
	const char *name;
	int keys;
	struct audit_record record;
};

struct world {
	struct names *names;
	struct families *families;
	const struct audit_family *list;
	size_t n;
};

static struct str name_of(const struct row *row, int i, char *out, size_t size)
{
	const char *mark = strchr(row->name, '#');
	if (!mark)
		return str_of(row->name);
	int n =
	    snprintf(out, size, "%.*s%d%s", (int)(mark - row->name), row->name, 1000 + i, mark + 1);
	return str_make(out, (size_t)n);
}

static struct world world_of(const struct row *rows, size_t n, struct growth *growth,
			     const struct code *code)
{
	struct world world;
	char text[128];
	uint32_t shapes[64];
	assert_true(n <= ARRAY_LEN(shapes));
	assert_int_equal(names_create(STR(":_-./|"), &world.names), STATUS_OK);
	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < rows[i].keys; j++)
			assert_int_equal(
			    names_learn(world.names, name_of(&rows[i], j, text, sizeof text),
					rows[i].record.type, rows[i].record.bytes, &shapes[i]),
			    STATUS_OK);
	assert_int_equal(names_settle(world.names, AUDIT_FAMILIES_MAX), STATUS_OK);
	assert_int_equal(families_create(world.names, NOW_MS, &world.families), STATUS_OK);
	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < rows[i].keys; j++) {
			struct audit_record record = rows[i].record;
			record.name = name_of(&rows[i], j, text, sizeof text);
			record.family = (int64_t)names_family_of(world.names, shapes[i]);
			assert_int_equal(families_add(world.families, &record), STATUS_OK);
		}
	assert_int_equal(families_settle(world.families, growth, code), STATUS_OK);
	world.n = families_list(world.families, &world.list);
	return world;
}

static void world_end(struct world *world)
{
	families_destroy(world->families);
	names_destroy(world->names);
}

static const struct audit_family *find(const struct world *world, const char *pattern)
{
	for (size_t i = 0; i < world->n; i++)
		if (strcmp(world->list[i].pattern, pattern) == 0)
			return &world->list[i];
	fail_msg("no family %s", pattern);
	return NULL;
}

#define LASTING .expires_ms = -1, .idle_s = -1
#define SHORT   .expires_ms = 1795300009000, .idle_s = -1

static void figures_are_sums_over_the_keys(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "page:#",
		  3,
		  { .length = 50,
		    .bytes = 150,
		    .expires_ms = -1,
		    .idle_s = 90,
		    .facts = FACT_READ | FACT_TEXT,
		    .encoding = AUDIT_ENC_RAW } },
		{ "page:#:", 1, { .type = AUDIT_LIST, .length = 7, .bytes = 5000, LASTING } },
		{ "heartbeat",
		  1,
		  { .length = 20,
		    .bytes = 64,
		    .expires_ms = 1795300000000 + 500000,
		    .idle_s = -1,
		    .facts = FACT_READ | FACT_JSON | FACT_JSON_FLAT | FACT_TEXT } },
		{ "unread", 1, { .type = AUDIT_HASH, .length = 2, .bytes = -1, LASTING, .db = 3 } },
	};
	struct world world = world_of(rows, ARRAY_LEN(rows), NULL, NULL);
	const struct audit_family *page = find(&world, "page:{id}");
	assert_int_equal(page->keys, 3);
	assert_int_equal(page->bytes, 450);
	assert_int_equal(page->values_bytes, 150);
	assert_int_equal(page->no_ttl, 3);
	assert_int_equal(page->bytes_no_ttl, 450);
	assert_int_equal(page->ttl[0], 3);
	assert_int_equal(page->idle[2], 3);
	assert_int_equal(page->sizes[1], 3);
	assert_int_equal(page->texts, 3);
	assert_int_equal(page->by_encoding[AUDIT_ENC_RAW], 3);
	assert_string_equal(page->examples[0], "page:1000");
	assert_string_equal(page->examples[2], "page:1002");
	const struct audit_family *list = find(&world, "page:{id}:");
	assert_int_equal(list->type, AUDIT_LIST);
	assert_int_equal(list->elements, 7);
	assert_int_equal(list->largest_bytes, 5000);
	assert_null(list->examples[1]);
	const struct audit_family *beat = find(&world, "heartbeat");
	assert_int_equal(beat->ttl[2], 1);
	assert_int_equal(beat->json_flat, 1);
	assert_int_equal(beat->texts, 0);
	const struct audit_totals *totals = families_totals(world.families);
	assert_int_equal(totals->keys, 6);
	assert_int_equal(totals->bytes, 450 + 5000 + 64);
	assert_int_equal(totals->no_ttl, 5);
	assert_int_equal(totals->unread, 1);
	assert_int_equal(totals->dbs, 2);
	assert_int_equal(totals->values_bytes, 170);
	world_end(&world);
}

static void the_type_of_most_keys_is_the_familys(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "mix:#", 3, { .type = AUDIT_HASH, LASTING } },
		{ "mix:9#", 2, { .type = AUDIT_STRING, LASTING } },
	};
	struct world world = world_of(rows, ARRAY_LEN(rows), NULL, NULL);
	assert_int_equal(world.n, 1);
	assert_int_equal(world.list[0].type, AUDIT_HASH);
	assert_int_equal(world.list[0].by_type[AUDIT_STRING], 2);
	world_end(&world);
}

static void twins_name_one_thing_in_two_ways(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "klines:BTCUSDT:1m", 5, { .bytes = 10, LASTING } },
		{ "BTC_1h_klines", 3, { .bytes = 10, LASTING } },
		{ "KLINES/1m/BTC", 1, { .bytes = 10, LASTING } },
		{ "candles:BTCUSDT:1m", 1, { .bytes = 10, LASTING } },
	};
	struct world world = world_of(rows, ARRAY_LEN(rows), NULL, NULL);
	int64_t most = find(&world, "klines:{symbol}:{tf}") - world.list;
	int64_t second = find(&world, "{symbol}_{tf}_klines") - world.list;
	assert_int_equal(world.list[most].twin, second);
	assert_int_equal(world.list[second].twin, most);
	assert_int_equal(find(&world, "KLINES/{tf}/{symbol}")->twin, most);
	assert_int_equal(find(&world, "candles:{symbol}:{tf}")->twin, -1);
	world_end(&world);
}

static void growth_is_the_difference_from_an_older_audit(void **state)
{
	(void)state;
	static const char older[] =
	    "{\"source\":\"x\",\"families\":[{\"pattern\":\"page:{id}\",\"keys\":1,\"bytes\":500},"
	    "{\"pattern\":\"trades\",\"keys\":1,\"bytes\":50,\"elements\":40},"
	    "{\"pattern\":\"gone\",\"keys\":9,\"bytes\":9},"
	    "{\"pattern\":\"lost\",\"keys\":1,\"bytes\":70}]}";
	static const struct row rows[] = {
		{ "page:#", 3, { .bytes = 100, LASTING } },
		{ "fresh:#", 3, { .bytes = 1, LASTING } },
		{ "trades", 1, { .type = AUDIT_LIST, .length = 55, .bytes = 70, LASTING } },
	};
	struct growth *growth;
	assert_int_equal(growth_read(str_of(older), &growth, NULL), STATUS_OK);
	struct world world = world_of(rows, ARRAY_LEN(rows), growth, NULL);
	assert_int_equal(find(&world, "page:{id}")->grown_keys, 2);
	assert_int_equal(find(&world, "page:{id}")->grown_bytes, -200);
	assert_int_equal(find(&world, "page:{id}")->grown_elements, INT64_MIN);
	assert_int_equal(find(&world, "trades")->grown_elements, 15);
	assert_int_equal(find(&world, "fresh:{id}")->grown_keys, 3);
	assert_int_equal(find(&world, "fresh:{id}")->grown_bytes, 3);
	const struct audit_gone *gone;
	assert_int_equal(growth_gone(growth, &gone), 2);
	assert_string_equal(gone[0].pattern, "lost");
	assert_int_equal(gone[0].bytes, 70);
	assert_string_equal(gone[1].pattern, "gone");
	assert_int_equal(gone[1].keys, 9);
	world_end(&world);
	growth_destroy(growth);
}

static void what_is_no_audit_is_refused_in_one_line(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"families\":3}",
		"{\"families\":[{\"keys\":1,\"bytes\":2}]}",
		"{\"families\":[{\"pattern\":\"a\",\"keys\":\"1\",\"bytes\":2}]}",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct growth *growth;
		struct err err = { .text = "" };
		assert_int_equal(growth_read(str_of(texts[i]), &growth, &err), STATUS_FORMAT);
		assert_true(err.text[0] != 0);
	}
}

/* What a family is for, by what a careful person would say. */
static void uses_follow_from_names_and_values(void **state)
{
	(void)state;
#define STRING_OF(bits) .length = 12, .bytes = 80, .facts = FACT_READ | (bits)
	static const struct {
		struct row row;
		const char *pattern;
		enum audit_use use;
		enum audit_belongs belongs;
	} rows[] = {
		{ { "tech_filter_count_in", 1, { STRING_OF(FACT_INTEGER | FACT_NUMBER), LASTING } },
		  "tech_filter_count_in",
		  AUDIT_USE_counter,
		  AUDIT_BELONGS_redis },
		{ { "last_scan_vol",
		    1,
		    { STRING_OF(FACT_NUMBER | FACT_INTEGER | FACT_TIME), LASTING } },
		  "last_scan_vol",
		  AUDIT_USE_flag,
		  AUDIT_BELONGS_redis },
		{ { "BTC_processed", 1, { STRING_OF(FACT_SWITCH), LASTING } },
		  "{symbol}_processed",
		  AUDIT_USE_flag,
		  AUDIT_BELONGS_redis },
		{ { "btc_condition", 1, { STRING_OF(FACT_WORD), LASTING } },
		  "{symbol}_condition",
		  AUDIT_USE_flag,
		  AUDIT_BELONGS_redis },
		{ { "lock:order:#", 9, { STRING_OF(FACT_TEXT), LASTING } },
		  "lock:order:{id}",
		  AUDIT_USE_lock,
		  AUDIT_BELONGS_redis },
		{ { "processing_lock", 1, { STRING_OF(FACT_SWITCH), LASTING } },
		  "processing_lock",
		  AUDIT_USE_lock,
		  AUDIT_BELONGS_redis },
		{ { "api_calls:user#",
		    9,
		    { STRING_OF(FACT_INTEGER | FACT_NUMBER), .expires_ms = 1795300009000 } },
		  "api_calls:user{id}",
		  AUDIT_USE_rate_limit,
		  AUDIT_BELONGS_redis },
		{ { "cache:page:#", 9, { STRING_OF(FACT_TEXT), LASTING } },
		  "cache:page:{id}",
		  AUDIT_USE_cache,
		  AUDIT_BELONGS_redis },
		{ { "cache:user:#", 9, { STRING_OF(FACT_TEXT | FACT_FIELDS_TRADE), LASTING } },
		  "cache:user:{id}",
		  AUDIT_USE_cache,
		  AUDIT_BELONGS_redis },
		{ { "trade_queue",
		    1,
		    { .type = AUDIT_LIST, .facts = FACT_READ | FACT_FIELDS_TRADE, LASTING } },
		  "trade_queue",
		  AUDIT_USE_queue,
		  AUDIT_BELONGS_reshaped },
		{ { "inlet:#", 4, { .type = AUDIT_STREAM, .stream.groups = 1, LASTING } },
		  "inlet:{id}",
		  AUDIT_USE_queue,
		  AUDIT_BELONGS_redis },
		{ { "session:user:#",
		    5,
		    { .type = AUDIT_HASH, .facts = FACT_READ | FACT_FIELDS_SESSION, LASTING } },
		  "session:user:{id}",
		  AUDIT_USE_session,
		  AUDIT_BELONGS_redis },
		{ { "klines:BTCUSDT:1m",
		    2,
		    { .length = 9000,
		      .bytes = 9100,
		      .facts = FACT_READ | FACT_TEXT | FACT_FIELDS_CANDLE,
		      LASTING } },
		  "klines:{symbol}:{tf}",
		  AUDIT_USE_time_series,
		  AUDIT_BELONGS_clickhouse },
		{ { "ETH_1h_RSI14", 2, { STRING_OF(FACT_NUMBER), LASTING } },
		  "{symbol}_{tf}_RSI14",
		  AUDIT_USE_time_series,
		  AUDIT_BELONGS_reshaped },
		{ { "spread_times",
		    1,
		    { .type = AUDIT_ZSET, .facts = FACT_READ | FACT_SCORES_TIME, LASTING } },
		  "spread_times",
		  AUDIT_USE_time_series,
		  AUDIT_BELONGS_influxdb },
		{ { "FINAL_TRADES",
		    1,
		    { .type = AUDIT_LIST,
		      .bytes = 300000,
		      .facts = FACT_READ | FACT_FIELDS_TRADE,
		      LASTING } },
		  "FINAL_TRADES",
		  AUDIT_USE_record,
		  AUDIT_BELONGS_postgresql },
		{ { "open_trade:#",
		    9,
		    { .type = AUDIT_HASH, .facts = FACT_READ | FACT_FIELDS_TRADE, LASTING } },
		  "open_trade:{id}",
		  AUDIT_USE_record,
		  AUDIT_BELONGS_postgresql },
		{ { "model:#",
		    2,
		    { .length = 90000,
		      .bytes = 98000,
		      .facts = FACT_READ | FACT_BINARY,
		      LASTING } },
		  "model:{id}",
		  AUDIT_USE_large,
		  AUDIT_BELONGS_duckdb },
		{ { "config:max_positions", 1, { STRING_OF(FACT_INTEGER | FACT_NUMBER), LASTING } },
		  "config:max_positions",
		  AUDIT_USE_config,
		  AUDIT_BELONGS_redis },
		{ { "zz:#", 5, { .type = AUDIT_SET, LASTING } },
		  "zz:{id}",
		  AUDIT_USE_unknown,
		  AUDIT_BELONGS_redis },
		{ { "old:#", 5, { .type = AUDIT_SET, .expires_ms = -1, .idle_s = 90 * 86400 } },
		  "old:{id}",
		  AUDIT_USE_unknown,
		  AUDIT_BELONGS_nowhere },
		{ { "user:otp:#", 9, { STRING_OF(FACT_INTEGER | FACT_NUMBER), SHORT } },
		  "user:otp:{id}",
		  AUDIT_USE_unknown,
		  AUDIT_BELONGS_redis },
		{ { "celery-task-meta-#", 9, { STRING_OF(FACT_TEXT), SHORT } },
		  "celery-task-meta-{id}",
		  AUDIT_USE_cache,
		  AUDIT_BELONGS_redis },
		{ { "song:meta:#", 9, { STRING_OF(FACT_TEXT), LASTING } },
		  "song:meta:{id}",
		  AUDIT_USE_unknown,
		  AUDIT_BELONGS_redis },
		{ { "rl:#",
		    9,
		    { .type = AUDIT_ZSET,
		      .facts = FACT_READ | FACT_SCORES_TIME | FACT_SCORES_SAME,
		      SHORT } },
		  "rl:{id}",
		  AUDIT_USE_rate_limit,
		  AUDIT_BELONGS_redis },
		{ { "arrival_times",
		    1,
		    { .type = AUDIT_ZSET,
		      .facts = FACT_READ | FACT_SCORES_TIME | FACT_SCORES_SAME,
		      LASTING } },
		  "arrival_times",
		  AUDIT_USE_time_series,
		  AUDIT_BELONGS_influxdb },
		{ { "bull:mail:wait", 1, { .type = AUDIT_LIST, .facts = FACT_READ, LASTING } },
		  "bull:mail:wait",
		  AUDIT_USE_queue,
		  AUDIT_BELONGS_reshaped },
		{ { "waiting_symbols", 1, { .type = AUDIT_LIST, .facts = FACT_READ, LASTING } },
		  "waiting_symbols",
		  AUDIT_USE_unknown,
		  AUDIT_BELONGS_redis },
		{ { "rq:failed:default",
		    1,
		    { .type = AUDIT_ZSET, .facts = FACT_READ | FACT_SCORES_TIME, LASTING } },
		  "rq:failed:default",
		  AUDIT_USE_queue,
		  AUDIT_BELONGS_reshaped },
		{ { "schedule",
		    1,
		    { .type = AUDIT_ZSET, .facts = FACT_READ | FACT_SCORES_TIME, LASTING } },
		  "schedule",
		  AUDIT_USE_queue,
		  AUDIT_BELONGS_reshaped },
		{ { "due:#",
		    4,
		    { .type = AUDIT_ZSET, .facts = FACT_READ | FACT_SCORES_TIME, LASTING } },
		  "due:{id}",
		  AUDIT_USE_unknown,
		  AUDIT_BELONGS_redis },
		{ { "trading_enabled", 1, { STRING_OF(FACT_INTEGER | FACT_SWITCH), LASTING } },
		  "trading_enabled",
		  AUDIT_USE_config,
		  AUDIT_BELONGS_redis },
		{ { "ETH_enabled", 1, { STRING_OF(FACT_SWITCH), LASTING } },
		  "{symbol}_enabled",
		  AUDIT_USE_flag,
		  AUDIT_BELONGS_redis },
		{ { "VOLUME_PASSED_TOKENS", 1, { .type = AUDIT_SET, LASTING } },
		  "VOLUME_PASSED_TOKENS",
		  AUDIT_USE_unknown,
		  AUDIT_BELONGS_redis },
	};
	struct row list[ARRAY_LEN(rows)];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = rows[i].row;
	struct world world = world_of(list, ARRAY_LEN(list), NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct audit_family *family = find(&world, rows[i].pattern);
		if (family->use != rows[i].use || family->belongs != rows[i].belongs)
			fail_msg("%s is %s in %s: %s", family->pattern, audit_use_text(family->use),
				 audit_belongs_text(family->belongs), family->evidence);
		assert_true((family->use == AUDIT_USE_unknown) == (family->evidence[0] == 0));
	}
	world_end(&world);
}

static void a_pattern_of_code_fits_its_family(void **state)
{
	(void)state;
	static const struct {
		const char *code, *family;
		bool fits;
	} rows[] = {
		{ "{symbol}_{tf}", "{symbol}_{tf}", true },
		{ "{s}_{interval}", "{symbol}_{tf}", true },
		{ "{symbol}_{tf}", "{symbol}_{tf}_RSI14", false },
		{ "{symbol}_{tf}_RSI14", "{symbol}_{tf}_RSI14", true },
		{ "{symbol}_{tf}_{name}", "{symbol}_{tf}_RSI14", true },
		{ "klines:{pair}:1m", "klines:{symbol}:{tf}", false },
		{ "klines:{pair}:{tf}", "klines:{symbol}:{tf}", true },
		{ "user{id}", "user{id}", true },
		{ "{a}{b}", "user{id}", true },
		{ "{a}", "", false },
		{ "", "", true },
		{ "lock", "lock", true },
		{ "lock", "locks", false },
		{ "a{", "a{", false },
		{ "queue:{x}", "queue:a:b", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (pattern_fits(str_of(rows[i].code), str_of(rows[i].family)) != rows[i].fits)
			fail_msg("%s / %s", rows[i].code, rows[i].family);
}

static void a_pattern_of_placeholders_alone_says_nothing(void **state)
{
	(void)state;
	assert_false(pattern_says(STR("{name}")));
	assert_false(pattern_says(STR("{a}:{b}_q")));
	assert_true(pattern_says(STR("job:{id}")));
	assert_false(pattern_says(STR("")));
}

static void globs_say_which_keys_are_ignored(void **state)
{
	(void)state;
	static const struct {
		const char *globs, *name;
		bool matches;
	} rows[] = {
		{ "tmp:*", "tmp:1", true },
		{ "tmp:*", "tmp", false },
		{ "*", "", true },
		{ "", "x", false },
		{ "a, b*", "bc", true },
		{ "a,b", "c", false },
		{ "h?llo", "hello", true },
		{ "h?llo", "hllo", false },
		{ "h[ae]llo", "hallo", true },
		{ "h[^e]llo", "hello", false },
		{ "h[a-c]llo", "hbllo", true },
		{ "h\\*llo", "h*llo", true },
		{ "h\\*llo", "hello", false },
		{ "*a*b*c", "xxaxxbxxc", true },
		{ "*a*b*c", "xxaxxcxxb", false },
		{ "[", "a", false },
		{ "a\\", "a\\", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (ignore_matches(str_of(rows[i].globs), str_of(rows[i].name)) != rows[i].matches)
			fail_msg("%s / %s", rows[i].globs, rows[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_sums_over_the_keys),
		cmocka_unit_test(the_type_of_most_keys_is_the_familys),
		cmocka_unit_test(twins_name_one_thing_in_two_ways),
		cmocka_unit_test(growth_is_the_difference_from_an_older_audit),
		cmocka_unit_test(what_is_no_audit_is_refused_in_one_line),
		cmocka_unit_test(uses_follow_from_names_and_values),
		cmocka_unit_test(a_pattern_of_code_fits_its_family),
		cmocka_unit_test(a_pattern_of_placeholders_alone_says_nothing),
		cmocka_unit_test(globs_say_which_keys_are_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
