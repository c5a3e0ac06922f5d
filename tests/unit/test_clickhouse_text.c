/* ClickHouse's SQL by version, and what its answers say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "archive/clickhouse.h"
#include "archive/clickhouse_ddl.h"
#include "archive/clickhouse_verdict.h"
#include "base/check.h"

static char room[16384];

static const char *create(enum archive_table table, int major)
{
	struct buf out = buf_over(room, sizeof room);
	clickhouse_create_table(&out, STR("weir"), table, major);
	buf_char(&out, 0);
	assert_false(out.overflow);
	return room;
}

static void versions_are_read(void **state)
{
	(void)state;
	assert_int_equal(clickhouse_major(STR("18.16.1")), 18);
	assert_int_equal(clickhouse_major(STR("21.8.15.7")), 21);
	assert_int_equal(clickhouse_major(STR("25.3")), 25);
	assert_int_equal(clickhouse_major(STR("1.1.54390")), 1);
	assert_int_equal(clickhouse_major(STR("")), 0);
	assert_int_equal(clickhouse_major(STR("<html>")), 0);
	assert_int_equal(clickhouse_major(STR("18")), 0);
	assert_int_equal(clickhouse_major(STR("99999.1")), 0);
}

static void the_old_form_is_whole(void **state)
{
	(void)state;
	assert_string_equal(
	    create(TABLE_funding, 18),
	    "CREATE TABLE IF NOT EXISTS `weir`.`funding` (`market` String, `at_us` Int64, "
	    "`rate` Decimal(38, 16), `next_us` Nullable(Int64), "
	    "`interval_minutes` Nullable(Int64), `batch_id` UInt64) "
	    "ENGINE = ReplacingMergeTree(`batch_id`) "
	    "PARTITION BY toYYYYMM(toDateTime(intDiv(at_us, 1000000), 'UTC')) "
	    "ORDER BY (`market`, `at_us`)");
}

static void the_new_form_is_whole(void **state)
{
	(void)state;
	assert_string_equal(
	    create(TABLE_accounts, 21),
	    "CREATE TABLE IF NOT EXISTS `weir`.`accounts` ("
	    "`server` LowCardinality(String) CODEC(ZSTD(1)), "
	    "`login` Int64 CODEC(Delta(8), ZSTD(1)), `at_us` Int64 CODEC(Delta(8), ZSTD(1)), "
	    "`instance` LowCardinality(String) CODEC(ZSTD(1)), "
	    "`currency` LowCardinality(Nullable(String)) CODEC(ZSTD(1)), "
	    "`balance` Nullable(Decimal(18, 8)) CODEC(ZSTD(1)), "
	    "`equity` Nullable(Decimal(18, 8)) CODEC(ZSTD(1)), "
	    "`margin` Nullable(Decimal(18, 8)) CODEC(ZSTD(1)), "
	    "`free_margin` Nullable(Decimal(18, 8)) CODEC(ZSTD(1)), "
	    "`credit` Nullable(Decimal(18, 8)) CODEC(ZSTD(1)), "
	    "`leverage` Nullable(Int64) CODEC(Delta(8), ZSTD(1)), "
	    "`cause` LowCardinality(String) CODEC(ZSTD(1)), `batch_id` UInt64, "
	    "`time` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro(`at_us`, 'UTC')) "
	    "ENGINE = ReplacingMergeTree(`batch_id`) "
	    "PARTITION BY toYYYYMM(toDateTime(intDiv(at_us, 1000000), 'UTC')) "
	    "ORDER BY (`server`, `login`, `at_us`) "
	    "TTL toDateTime(intDiv(at_us, 1000000), 'UTC') + INTERVAL 730 DAY "
	    "SETTINGS ttl_only_drop_parts = 1");
	assert_non_null(strstr(create(TABLE_alert_log, 24), "INTERVAL 365 DAY SETTINGS "
							    "ttl_only_drop_parts = 1, "
							    "non_replicated_deduplication_window"));
	assert_null(strstr(create(TABLE_dead_letters, 24), "TTL"));
	assert_non_null(strstr(create(TABLE_instance_minutes, 24),
			       "`cpu_mean` Nullable(Float64) CODEC(Gorilla, ZSTD(1))"));
}

/* Each column once, each key column not Nullable, in both forms. */
static void every_table_has_its_columns(void **state)
{
	(void)state;
	for (unsigned t = 0; t < TABLE_COUNT; t++) {
		const struct archive_table_row *table = archive_table_row((enum archive_table)t);
		for (uint32_t i = 0; i < table->columns; i++) {
			enum archive_column column = table->first + i;
			char text[96];
			snprintf(text, sizeof text, "`%s` ", archive_column_row(column)->name);
			for (int major = 18; major <= 24; major += 3) {
				const char *at = strstr(create((enum archive_table)t, major), text);
				assert_non_null(at);
				assert_null(strstr(at + 1, text));
				if (archive_is_key(column))
					assert_int_not_equal(
					    strncmp(at + strlen(text), "Nullable", 8), 0);
			}
		}
	}
}

static void names_are_quoted(void **state)
{
	(void)state;
	struct buf out = buf_over(room, sizeof room);
	clickhouse_create_database(&out, STR("a`b\\c"));
	buf_char(&out, 0);
	assert_string_equal(room, "CREATE DATABASE IF NOT EXISTS `a\\`b\\\\c`");
	out = buf_over(room, sizeof room);
	clickhouse_literal_put(&out, STR("it's"));
	buf_char(&out, 0);
	assert_string_equal(room, "'it\\'s'");
	out = buf_over(room, sizeof room);
	clickhouse_add_column(&out, STR("w"), COLUMN_signals_reason, 18);
	buf_char(&out, 0);
	assert_string_equal(room, "ALTER TABLE `w`.`signals` ADD COLUMN `reason` Nullable(String) "
				  "AFTER `status`");
}

static void only_whole_months_go(void **state)
{
	(void)state;
	int64_t day_us = INT64_C(86400000000), november_us = INT64_C(1730419200000000);
	assert_int_equal(clickhouse_month_gone(TABLE_signals, november_us + 730 * day_us), 202410);
	assert_int_equal(clickhouse_month_gone(TABLE_signals, november_us + 729 * day_us), 202409);
	assert_int_equal(clickhouse_month_gone(TABLE_signals, november_us + 791 * day_us), 202412);
	assert_int_equal(clickhouse_month_gone(TABLE_alert_log, november_us + 365 * day_us),
			 202410);
	assert_int_equal(clickhouse_month_gone(TABLE_dead_letters, november_us * 2), 0);
	assert_true(clickhouse_month_gone(TABLE_signals, 0) < 197001);
}

/* ---- answers ---- */

static char why[CLICKHOUSE_WHY_BYTES];

static enum sink_outcome verdict(int code, const char *body)
{
	const struct http_answer http = { .code = code, .body = str_of(body) };
	const struct clickhouse_answer answer = { STATUS_OK, &http, "", 100, 100, 10 };
	enum sink_outcome outcome = clickhouse_insert_verdict(&answer, why);
	assert_int_equal(outcome == SINK_DONE, !*why);
	assert_null(strchr(why, '\n'));
	return outcome;
}

static enum sink_outcome code(int number)
{
	char body[128];
	snprintf(body, sizeof body,
		 "Code: %d, e.displayText() = DB::Exception: words, e.what() = DB::Exception\n",
		 number);
	enum sink_outcome old = verdict(500, body);
	assert_null(strstr(why, "e.what()"));
	assert_non_null(strstr(why, "DB::Exception: words"));
	snprintf(body, sizeof body, "Code: %d. DB::Exception: words. (WORDS) (version 24.3.1.1)\n",
		 number);
	assert_int_equal(verdict(404, body), old);
	assert_int_equal(verdict(200, body), old);
	return old;
}

static void codes_decide(void **state)
{
	(void)state;
	static const int away[] = { 252, 202, 241, 159, 209, 210, 242, 243, 999, 33 };
	static const int held[] = {
		16, 60, 44, 47, 53, 81, 497, 516, 192, 193, 164, 368, 36, 77777
	};
	static const int poison[] = { 27, 69, 117, 6, 72, 321, 349, 395, 407, 469 };
	for (size_t i = 0; i < ARRAY_LEN(away); i++)
		assert_int_equal(code(away[i]), SINK_AWAY);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		assert_int_equal(code(held[i]), SINK_HELD);
	for (size_t i = 0; i < ARRAY_LEN(poison); i++)
		assert_int_equal(code(poison[i]), SINK_POISON);
	assert_int_equal(code(319), SINK_UNKNOWN);
	code(516);
	assert_non_null(strstr(why, "user or password is wrong"));
}

static void what_is_no_clickhouse_is_away(void **state)
{
	(void)state;
	assert_int_equal(verdict(503, "<html><body>Code: 60 of conduct</body></html>"), SINK_AWAY);
	assert_int_equal(verdict(503, "<html>\n<h1>Service Unavailable</h1>"), SINK_AWAY);
	assert_string_equal(why,
			    "HTTP 503, not of ClickHouse: <html> <h1>Service Unavailable</h1>");
	assert_int_equal(verdict(404, "not found"), SINK_AWAY);
	assert_int_equal(verdict(429, ""), SINK_AWAY);
	assert_int_equal(verdict(500, ""), SINK_AWAY);
	assert_int_equal(verdict(301, ""), SINK_AWAY);
	assert_int_equal(verdict(403, "no"), SINK_HELD);
	assert_int_equal(verdict(413, "too large"), SINK_HELD);
	assert_int_equal(verdict(502, "<html>"), SINK_UNKNOWN);
	assert_int_equal(verdict(504, ""), SINK_UNKNOWN);
	assert_int_equal(verdict(200, "<html>please log in</html>"), SINK_UNKNOWN);
	assert_int_equal(verdict(200, ""), SINK_DONE);
}

static void two_hundred_is_not_enough(void **state)
{
	(void)state;
	struct http_header header = { STR("x-clickhouse-summary"),
				      STR("{\"read_rows\":\"0\",\"written_rows\":\"9\"}") };
	struct http_answer http = {
		.code = 200, .body = STR(""), .headers = &header, .n_headers = 1
	};
	struct clickhouse_answer answer = { STATUS_OK, &http, "", 100, 100, 10 };
	assert_int_equal(clickhouse_insert_verdict(&answer, why), SINK_UNKNOWN);
	answer.rows = 9;
	assert_int_equal(clickhouse_insert_verdict(&answer, why), SINK_DONE);
	answer.sent = 99;
	assert_int_equal(clickhouse_insert_verdict(&answer, why), SINK_UNKNOWN);
	answer.http = NULL;
	answer.status = STATUS_TIMEOUT;
	answer.why = "no whole answer within 5 ms";
	assert_int_equal(clickhouse_insert_verdict(&answer, why), SINK_UNKNOWN);
	answer.sent = 0;
	assert_int_equal(clickhouse_insert_verdict(&answer, why), SINK_AWAY);
	assert_int_equal(clickhouse_ask_verdict(&answer, why), SINK_AWAY);
	answer.http = &http;
	header = (struct http_header){ STR("x-clickhouse-exception-code"), STR("252") };
	assert_int_equal(clickhouse_insert_verdict(&answer, why), SINK_AWAY);
}

/* ---- the URL ---- */

static enum status url(const char *text)
{
	struct timers *timers = timers_create(4);
	const struct clickhouse_config config = { .timers = timers, .url = str_of(text) };
	struct sink *sink = NULL;
	struct err err = { 0 };
	enum status status = clickhouse_create(&config, &sink, &err);
	if (status) {
		assert_null(strstr(err.text, "s3cret"));
	} else {
		free(sink); /* it was asked nothing, and has nothing */
	}
	timers_destroy(timers);
	return status;
}

static void urls_are_checked_and_never_repeated(void **state)
{
	(void)state;
	static const char *const good[] = { "http://h",         "http://h:1/db",
					    "https://h/db",     "http://u:p@h:8123/db",
					    "http://[::1]:9/x", "http://u%40x:p%3a@h",
					    "http://[::1]" };
	static const char *const bad[] = { "",
					   "h:8123",
					   "ftp://h",
					   "http:/h",
					   "http://",
					   "http://u:s3cret@",
					   "http://u:s3cret@/db",
					   "http://u:s3cret%0a@h",
					   "http://u:s3cret%zz@h",
					   "http://u:s3cret%4@h",
					   "http://u:s3cret@h/a/b" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(url(good[i]), STATUS_OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(url(bad[i]), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_read),
		cmocka_unit_test(the_old_form_is_whole),
		cmocka_unit_test(the_new_form_is_whole),
		cmocka_unit_test(every_table_has_its_columns),
		cmocka_unit_test(names_are_quoted),
		cmocka_unit_test(only_whole_months_go),
		cmocka_unit_test(codes_decide),
		cmocka_unit_test(what_is_no_clickhouse_is_away),
		cmocka_unit_test(two_hundred_is_not_enough),
		cmocka_unit_test(urls_are_checked_and_never_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
