/* Plan files: patterns, what is refused and how it is said, plans from audits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "migrate/plan_make.h"

/* ---- patterns ---- */

static void names_match_by_the_classes_of_their_parts(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} cases[] = {
		{ "{symbol}_{tf}", "BTC_1h", true },
		{ "{symbol}_{tf}", "BTC_1h_RSI14", false },
		{ "{symbol}_{tf}", "btc_condition", false },
		{ "{symbol}_{tf}_RSI14", "BTC_15m_RSI14", true },
		{ "{symbol}:{tf}", "BTC/USDT:USDT:4h", true },
		{ "{symbol}-{tf}", "BTC-PERP-1h", true },
		{ "user{id}", "user17", true },
		{ "user{id}", "user", false },
		{ "s:{hex}", "s:deadbeef", true },
		{ "s:{hex}", "s:12345678", false },
		{ "s:{uuid}", "s:123e4567-e89b-12d3-a456-426614174000", true },
		{ "d:{date}:{id}", "d:2024-01-31:7", true },
		{ "t:{time}", "t:1700000000123", true },
		{ "t:{time}", "t:42", false },
		{ "c:{word}", "c:two words", true },
		{ "c:{word}", "c:a:b", false },
		{ "c:*", "c:a:b", true },
		{ "c:*", "c:", true },
		{ "*:x:*", "a:x:b:x:c", true },
		{ "{word}:{word2}:{word3}", "a:b:c", true },
		{ "a\\x20b", "a\\x20b", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (pattern_matches(str_of(cases[i].pattern), str_of(cases[i].name), NULL) !=
		    cases[i].matches)
			fail_msg("%s %s", cases[i].pattern, cases[i].name);
}

static void a_target_takes_the_parts_and_their_letters(void **state)
{
	struct pattern_match match;
	char storage[200];
	struct buf out = buf_over(storage, sizeof storage);
	struct str name = STR("btc_1h_a\\xff");
	(void)state;
	assert_true(pattern_matches(STR("{symbol}_{tf}_{bytes}"), name, &match));
	pattern_render(&out, STR("i:v1:{symbol:upper}:{tf}:{bytes}:{name}"), name, &match);
	assert_true(str_eq(buf_str(&out), STR("i:v1:BTC:1h:a\xff:btc_1h_a\xff")));
}

static void a_long_hard_name_ends_soon(void **state)
{
	char name[4000];
	(void)state;
	memset(name, 'a', sizeof name);
	assert_false(pattern_matches(STR("*a*a*a*a*a*a*a*a*b"), str_make(name, sizeof name), NULL));
}

static void patterns_know_how_they_stand_to_each_other(void **state)
{
	static const struct {
		const char *a, *b;
		enum pattern_relation relation;
	} cases[] = {
		{ "{symbol}_{tf}", "{symbol}_{tf}_RSI14", PATTERN_APART },
		{ "queue:{id}", "queue:{symbol}", PATTERN_APART },
		{ "cache:{word}", "cache:{id}", PATTERN_COVERS },
		{ "cache:main", "cache:{word}", PATTERN_COVERED },
		{ "cache:{id}", "cache:{id}", PATTERN_ALIKE },
		{ "*_x", "y_*", PATTERN_APART },
		{ "a*", "ab*", PATTERN_COVERS },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(pattern_relate(str_of(cases[i].a), str_of(cases[i].b), NULL),
				 cases[i].relation);
}

/* ---- files ---- */

static const char *said(const char *families)
{
	static struct err err;
	static char text[4000];
	struct migrate_plan *plan;
	snprintf(text, sizeof text,
		 "{\"weir_migrate\":1,\"source\":\"redis://h\",\"families\":[%s]}", families);
	err.text[0] = 0;
	enum status status = plan_file_parse(str_of(text), &plan, &err);
	if (status == STATUS_OK) {
		plan_file_destroy(plan);
		return "ok";
	}
	assert_int_equal(status, STATUS_USAGE);
	assert_null(strchr(err.text, '\n'));
	return err.text;
}

#define F(match, from, to, type)                                                                   \
	"{\"match\":\"" match "\",\"from\":\"" from "\",\"to\":\"" to "\",\"type\":\"" type "\"}"

static void each_mistake_is_said_in_one_line(void **state)
{
	static const struct {
		const char *families, *says;
	} cases[] = {
		{ F("a:{id}", "string", "b:{id}", "same"), "ok" },
		{ F("a:{id}", "string", "", "skip"), "ok" },
		{ "", "families is no list" },
		{ "7", "family 1: it is no object" },
		{ F("a:{id", "string", "b", "same"), "family 1 a:{id: 'a:{id' is no pattern" },
		{ F("a:{id}:{id}", "string", "b:{id}", "same"), "two parts have one name" },
		{ F("a:{id}", "text", "b:{id}", "same"), "from 'text' is none of" },
		{ F("a:{id}", "string", "b:{id}", "tree"), "type 'tree' is none of same, hash" },
		{ F("a:{id}", "string", "b:{nr}", "same"), "{nr}, which is no part" },
		{ F("a:{id}", "string", "a:{id}", "same"), "'to' is the name that it has" },
		{ F("a:{id}", "list", "b:{id}", "hash"), "type hash is made of a string" },
		{ F("a:{id}", "string", "b:{id}", "same") "," F("a:{n}", "string", "c:{n}", "same"),
		  "family 2 'a:{n}' never gets a key" },
		{ F("a:{n}", "string", "c:{n}", "same") "," F("a:{id}", "string", "b:{id}", "same"),
		  "ok" },
		{ F("a:{id}", "string", "b:{id}", "same") "," F("c:{id}", "string", "b:{id}",
								"same"),
		  "make the same target, for example 'b:" },
		{ F("a:{id}", "string", "b:{id}", "same") "," F("b:{id}", "string", "c:{id}",
								"same"),
		  "family 1 makes 'b:" },
		{ F("*", "string", "x:{name}", "same"), "which family 1 '*' matches" },
		{ "{\"match\":\"a\",\"from\":\"string\",\"to\":\"b\",\"type\":\"same\",\"tll\":3}",
		  "'tll' is no member that is known" },
		{ "{\"match\":\"a\",\"from\":\"string\",\"to\":\"b\",\"type\":\"same\",\"ttl\":0}",
		  "ttl is neither" },
		{ "{\"match\":\"a\",\"from\":\"string\",\"type\":\"same\",\"sink\":\"duckdb\"}",
		  "sinks has no duckdb" },
		{ "{\"match\":\"a\",\"from\":\"list\",\"to\":\"b\",\"type\":\"stream\","
		  "\"lead\":\"new\"}",
		  "cannot be kept behind a stream" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (!strstr(said(cases[i].families), cases[i].says))
			fail_msg("%s\n says '%s', not '%s'", cases[i].families,
				 said(cases[i].families), cases[i].says);
}

static void a_printed_plan_reads_as_the_same_plan(void **state)
{
	static const char text[] =
	    "{\"weir_migrate\":1,\"source\":\"unix:///tmp/x\",\"databases\":[2,5],"
	    "\"audit\":\"ab\",\"sinks\":{\"duckdb\":\"moved.duckdb\"},\"families\":["
	    "{\"match\":\"{symbol}_{tf}\",\"from\":\"string\",\"to\":\"i:{symbol}:{tf}\","
	    "\"type\":\"hash\",\"ttl\":60,\"rule\":\"a \\\"b\\\"\"},"
	    "{\"match\":\"trade:{id}\",\"from\":\"string\",\"type\":\"same\",\"sink\":\"duckdb\","
	    "\"table\":\"trades\",\"time\":\".ts\",\"key\":[\"id\"],"
	    "\"fields\":{\"id\":\"{id}\",\"price\":\".px\"},\"tags\":{\"symbol\":\".s\"}}]}";
	struct migrate_plan *plan, *again;
	struct err err;
	struct buf out;
	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(plan_file_parse(str_of(text), &plan, &err), STATUS_OK);
	plan_file_print(&out, plan);
	if (plan_file_parse(buf_str(&out), &again, &err))
		fail_msg("%s\n%.*s", err.text, (int)out.len, out.ptr);
	assert_int_equal(plan->digest, again->digest);
	assert_int_equal(again->n_databases, 2);
	assert_int_equal(again->families[0].ttl_s, 60);
	assert_string_equal(again->families[1].fields[1].from, ".px");
	assert_string_equal(again->families[1].key[0], "id");
	assert_string_equal(again->sink_urls[MIGRATE_DUCKDB], "moved.duckdb");
	plan_file_destroy(plan);
	plan_file_destroy(again);
	buf_deinit(&out);
}

#define SOURCE "\"source\":\"redis://h/0\""
#define SINKS  "\"sinks\":{\"duckdb\":\"m.duckdb\",\"postgres\":\"postgresql://a:b@h/desk\"}"
#define MATCH  "{\"match\":\"t:{id}\",\"from\":\"string\",\"type\":\"same\","
#define TABLE  "\"sink\":\"duckdb\",\"table\":\"trades\""
#define MORE   "\"time\":\".ts\",\"key\":[\"id\"]"
#define FIELDS "\"fields\":{\"price\":\".px\"},\"tags\":{\"symbol\":\".s\"}"

static uint64_t digest_of_plan(const char *members)
{
	struct migrate_plan *plan;
	struct err err;
	char text[2000];
	snprintf(text, sizeof text, "{\"weir_migrate\":1,%s}", members);
	if (plan_file_parse(str_of(text), &plan, &err))
		fail_msg("%s\n%s", err.text, text);
	uint64_t digest = plan->digest;
	plan_file_destroy(plan);
	return digest;
}

/* A journal is of one plan: keys that were moved by another one are not known to be there. */
static void what_decides_where_keys_go_is_in_the_digest(void **state)
{
#define PLAN(source, sinks, table, more, fields)                                                   \
	source "," sinks ",\"families\":[" MATCH table "," more "," fields "}]"
	static const char plan[] = PLAN(SOURCE, SINKS, TABLE, MORE, FIELDS);
	static const char *const same[] = {
		PLAN("\"source\":\"redis://u:p@h/0\"", SINKS, TABLE, MORE, FIELDS),
		PLAN(SOURCE ",\"audit\":\"x\",\"databases\":[0]", SINKS, TABLE, MORE, FIELDS),
		PLAN(SOURCE,
		     "\"sinks\":{\"duckdb\":\"m.duckdb\",\"postgres\":\"postgresql://h/desk\"}",
		     TABLE, MORE, FIELDS),
		PLAN(SOURCE, SINKS, TABLE ",\"ttl\":60,\"rule\":\"r\"", MORE, FIELDS),
	};
	static const char *const others[] = {
		PLAN("\"source\":\"redis://h2/0\"", SINKS, TABLE, MORE, FIELDS),
		PLAN(SOURCE ",\"databases\":[1]", SINKS, TABLE, MORE, FIELDS),
		PLAN(SOURCE ",\"databases\":[0,1]", SINKS, TABLE, MORE, FIELDS),
		PLAN(SOURCE, "\"sinks\":{\"duckdb\":\"n.duckdb\"}", TABLE, MORE, FIELDS),
		PLAN(SOURCE,
		     "\"sinks\":{\"duckdb\":\"m.duckdb\",\"postgres\":\"postgresql://a:b@h/d\"}",
		     TABLE, MORE, FIELDS),
		PLAN(SOURCE, SINKS, "\"sink\":\"duckdb\",\"table\":\"records\"", MORE, FIELDS),
		PLAN(SOURCE, SINKS, "\"sink\":\"postgres\",\"table\":\"trades\"", MORE, FIELDS),
		PLAN(SOURCE, SINKS, TABLE, "\"time\":\".t\",\"key\":[\"id\"]", FIELDS),
		PLAN(SOURCE, SINKS, TABLE, "\"time\":\".ts\",\"key\":[\"n\"]", FIELDS),
		PLAN(SOURCE, SINKS, TABLE, MORE,
		     "\"fields\":{\"price\":\".p\"},\"tags\":{\"symbol\":\".s\"}"),
		PLAN(SOURCE, SINKS, TABLE, MORE,
		     "\"fields\":{\"price\":\".px\"},\"tags\":{\"symbol\":\".sym\"}"),
	};
	(void)state;
	uint64_t digest = digest_of_plan(plan);
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		if (digest_of_plan(same[i]) != digest)
			fail_msg("another digest: %s", same[i]);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (digest_of_plan(others[i]) == digest)
			fail_msg("the same digest: %s", others[i]);
}

static void a_source_is_printed_without_its_login(void **state)
{
	char storage[100];
	struct buf out = buf_over(storage, sizeof storage);
	(void)state;
	plan_file_put_source(&out, STR("redis://user:p@ss@host:1/2"));
	assert_true(str_eq(buf_str(&out), STR("redis://host:1/2")));
	buf_clear(&out);
	plan_file_put_source(&out, STR("unix:///run/r.sock"));
	assert_true(str_eq(buf_str(&out), STR("unix:///run/r.sock")));
}

/* ---- from an audit ---- */

#define A(pattern, type, use, belongs, more)                                                       \
	"{\"pattern\":\"" pattern "\",\"type\":\"" type "\",\"keys\":10,\"bytes\":9,"              \
	"\"no_ttl\":10,\"use\":\"" use "\",\"belongs\":\"" belongs "\"," more                      \
	"\"evidence\":\"e\"}"

static void a_plan_follows_from_an_audit(void **state)
{
	static const char audit[] =
	    "{\"source\":\"redis://127.0.0.1:7000\",\"families\":[" A("{symbol}_{tf}", "string", "time-series", "redis-reshaped", "\"values\":{\"json\":10,\"json_flat\":10},") "," A(
		"{symbol}_{tf}_RSI14", "string", "time-series", "influxdb",
		"") "," A("jobs", "list", "queue", "redis-reshaped",
			  "") "," A("klines:{symbol}:{tf}", "string", "large", "clickhouse",
				    "") "," A("{word}_condition", "string", "flag", "redis",
					      "") "," A("btc_condition", "string", "flag", "redis",
							"") "," A("pair:{symbol}:{symbol}",
								  "string", "counter", "redis",
								  "") "," A("{other}", "string",
									    "unknown", "redis",
									    "") "]}";
	const struct plan_make wishes = { .sink_urls = { [MIGRATE_CLICKHOUSE] =
							     "http://h:8123/d" } };
	struct plan_made made;
	struct migrate_plan *plan;
	struct err err = { 0 };
	struct buf out;
	(void)state;
	buf_init(&out, 1 << 20);
	if (plan_file_make(str_of(audit), &wishes, &out, &made, &err))
		fail_msg("%s\n%.*s", err.text, (int)out.len, out.ptr);
	assert_int_equal(plan_file_parse(buf_str(&out), &plan, &err), STATUS_OK);
	assert_string_equal(plan->source, "redis://127.0.0.1:7000");
	assert_int_equal(made.families, 7);
	assert_int_equal(made.left_out, 1);
	static const struct {
		const char *name, *to;
		enum migrate_form form;
		enum migrate_sink sink;
	} wanted[] = {
		{ "BTC_1h", "indicators:v1:{symbol}:{tf}", MIGRATE_HASH, MIGRATE_REDIS },
		{ "BTC_1h_RSI14", "indicators:v1:{symbol}:{tf}:rsi14", MIGRATE_SAME,
		  MIGRATE_REDIS },
		{ "jobs", "queues:v1:jobs", MIGRATE_STREAM, MIGRATE_REDIS },
		{ "klines:ETH:1m", "", MIGRATE_SAME, MIGRATE_CLICKHOUSE },
		{ "btc_condition", "cache:v1:btc:condition", MIGRATE_SAME, MIGRATE_REDIS },
		{ "doge_condition", "cache:v1:{word}:condition", MIGRATE_SAME, MIGRATE_REDIS },
	};
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		int64_t index = plan_file_family(plan, str_of(wanted[i].name), NULL);
		assert_true(index >= 0);
		const struct migrate_family *family = &plan->families[index];
		if (strcmp(family->to, wanted[i].to) != 0 &&
		    strncmp(family->to, wanted[i].to, strlen(wanted[i].to)) != 0)
			fail_msg("%s: %s", wanted[i].name, family->to);
		assert_int_equal(family->form, wanted[i].form);
		assert_int_equal(family->sink, wanted[i].sink);
	}
	plan_file_destroy(plan);
	buf_deinit(&out);
}

/* By what they are used for: a name with "order" in it may be a border. */
static void each_use_has_its_table(void **state)
{
	static const char audit[] =
	    "{\"families\":[" A("s:{symbol}:{tf}", "string", "time-series", "clickhouse", "") "," A(
		"trades:{id}", "string", "record", "clickhouse",
		"") "," A("open_order_{id}", "hash", "record", "clickhouse",
			  "") "," A("border:{id}", "string", "record", "clickhouse",
				    "") "," A("user:{id}", "hash", "session", "clickhouse",
					      "") "," A("order:cache:{id}", "string", "cache",
							"clickhouse",
							"") "," A("rsi:{id}", "string", "record",
								  "influxdb", "") "]}";
	static const struct {
		const char *name, *table;
	} wanted[] = {
		{ "s:BTC:1h", "indicator_data" }, { "trades:7", "trades" },
		{ "open_order_7", "trades" },     { "border:7", "records" },
		{ "user:7", "records" },          { "order:cache:7", "records" },
		{ "rsi:7", "indicator_data" },
	};
	const struct plan_make wishes = { .sink_urls = { [MIGRATE_CLICKHOUSE] = "http://h:8123/d",
							 [MIGRATE_INFLUX] = "http://h:8086/d" } };
	struct plan_made made;
	struct migrate_plan *plan;
	struct err err = { 0 };
	struct buf out;
	(void)state;
	buf_init(&out, 1 << 20);
	if (plan_file_make(str_of(audit), &wishes, &out, &made, &err))
		fail_msg("%s", err.text);
	assert_int_equal(plan_file_parse(buf_str(&out), &plan, &err), STATUS_OK);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		int64_t index = plan_file_family(plan, str_of(wanted[i].name), NULL);
		assert_true(index >= 0);
		if (strcmp(plan->families[index].table, wanted[i].table) != 0)
			fail_msg("%s: %s", wanted[i].name, plan->families[index].table);
	}
	plan_file_destroy(plan);
	buf_deinit(&out);
}

static void what_is_no_audit_is_said(void **state)
{
	static const char *const texts[] = { "", "[]", "{}", "{\"families\":[{}]}",
					     "{\"families\":[]}" };
	const struct plan_make wishes = { 0 };
	struct plan_made made;
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct err err = { 0 };
		struct buf out;
		buf_init(&out, 1 << 16);
		assert_int_equal(plan_file_make(str_of(texts[i]), &wishes, &out, &made, &err),
				 STATUS_FORMAT);
		assert_true(err.text[0]);
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_match_by_the_classes_of_their_parts),
		cmocka_unit_test(a_target_takes_the_parts_and_their_letters),
		cmocka_unit_test(a_long_hard_name_ends_soon),
		cmocka_unit_test(patterns_know_how_they_stand_to_each_other),
		cmocka_unit_test(each_mistake_is_said_in_one_line),
		cmocka_unit_test(a_printed_plan_reads_as_the_same_plan),
		cmocka_unit_test(what_decides_where_keys_go_is_in_the_digest),
		cmocka_unit_test(a_source_is_printed_without_its_login),
		cmocka_unit_test(a_plan_follows_from_an_audit),
		cmocka_unit_test(each_use_has_its_table),
		cmocka_unit_test(what_is_no_audit_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
