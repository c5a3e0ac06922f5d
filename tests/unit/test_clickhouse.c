/* The ClickHouse sink on a real server: tables, every type, and what breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clickhouse_server.h"
#include "clickhouse_stage.h"

static struct clickhouse_server server;

static char *url_of(const char *user, const char *database)
{
	static char url[256];
	snprintf(url, sizeof url, "http://%s127.0.0.1:%d/%s", user, server.port, database);
	return url;
}

static void run_sql(const char *sql)
{
	char *answer = clickhouse_ask_sql(&server, sql);
	if (*answer)
		fail_msg("%s: %s", sql, answer);
	free(answer);
}

#define RUN(...)                                                                                   \
	do {                                                                                       \
		char sql_[2048];                                                                   \
		snprintf(sql_, sizeof sql_, __VA_ARGS__);                                          \
		run_sql(sql_);                                                                     \
	} while (0)

#define NUMBER(...)                                                                                \
	({                                                                                         \
		char sql_[2048];                                                                   \
		snprintf(sql_, sizeof sql_, __VA_ARGS__);                                          \
		clickhouse_number(&server, sql_);                                                  \
	})

/* A stage on a database of its own, opened. */
static void begin(struct stage *stage, const char *database)
{
	stage_init(stage, url_of("", database), 60000);
	if (stage_open(stage) != SINK_DONE)
		fail_msg("%s", stage->why);
}

/* ---- tables ---- */

static void all_tables_are_made_once(void **state)
{
	(void)state;
	struct stage stage;
	unsigned columns = TABLE_COUNT; /* batch_id of each */
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		columns += archive_table_row((enum archive_table)i)->columns;
	begin(&stage, "made");
	assert_int_equal(NUMBER("SELECT count() FROM system.tables WHERE database = 'made' AND "
				"engine = 'ReplacingMergeTree'"),
			 TABLE_COUNT);
	assert_int_equal(NUMBER("SELECT count() FROM system.columns WHERE database = 'made'"),
			 columns);
	assert_int_equal(stage_open(&stage), SINK_DONE);
	stage_rows(&stage, TABLE_signals, 3);
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	stage_deinit(&stage);
}

/* ---- every type ---- */

static void put_escaped(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		static const char plain[] = "\t\n\\'", escaped[] = "tn\\'";
		const char *at = text.ptr[i] ? strchr(plain, text.ptr[i]) : NULL;
		if (at)
			buf_char(out, '\\');
		buf_char(out, at ? escaped[at - plain] : text.ptr[i]);
	}
}

static void put_cell(struct buf *out, const struct archive_row *row, enum archive_column column)
{
	double real;
	uint64_t bits;
	if (!archive_cell_there(row, column)) {
		buf_str_put(out, STR("\\N"));
		return;
	}
	switch (archive_column_row(column)->type) {
	case ARCHIVE_INT: buf_i64(out, archive_cell_int(row, column, 0)); break;
	case ARCHIVE_DEC: decimal_print(out, archive_cell_int(row, column, 0), 8); break;
	case ARCHIVE_BIG: decimal_print(out, archive_cell_big(row, column), 16); break;
	case ARCHIVE_REAL:
		real = archive_cell_real(row, column);
		memcpy(&bits, &real, sizeof bits);
		buf_u64(out, bits);
		break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: put_escaped(out, archive_cell_text(row, column)); break;
	default: fail_msg("of no table of the archive's own");
	}
}

static int compare_lines(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static size_t sort_lines(struct str text, struct str lines[])
{
	size_t count = 0;
	while (text.len && str_split(&text, '\n', &lines[count]))
		count++;
	qsort(lines, count, sizeof *lines, compare_lines);
	return count;
}

/* A double by its bits: how it is spelled is not the question. */
static void put_select(struct buf *sql, const char *database, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	buf_str_put(sql, STR("SELECT "));
	for (uint32_t i = 0; i < row->columns; i++) {
		const struct archive_column_row *column = archive_column_row(row->first + i);
		buf_printf(sql,
			   column->type == ARCHIVE_REAL
			       ? "reinterpretAsUInt64(reinterpretAsString(%s)), "
			       : "%s, ",
			   column->name);
	}
	buf_printf(sql, "batch_id FROM %s.%s FORMAT TabSeparated", database, row->name);
	buf_char(sql, 0);
}

static void expect_rows(struct stage *stage, const char *database, enum archive_table table,
			int64_t batch_id)
{
	static struct str expected[1024], actual[1024];
	struct buf text, sql;
	buf_init(&text, STAGE_BYTES);
	buf_init(&sql, 1 << 16);
	const struct archive_row *row = NULL;
	while ((row = archive_rows_next(&stage->rows, row))) {
		for (uint32_t i = 0; i < row->columns; i++) {
			put_cell(&text, row, archive_table_row(table)->first + i);
			buf_char(&text, '\t');
		}
		buf_printf(&text, "%lld\n", (long long)batch_id);
	}
	put_select(&sql, database, table);
	char *answer = clickhouse_ask_sql(&server, sql.ptr);
	size_t count = sort_lines(buf_str(&text), expected);
	assert_int_equal(sort_lines(str_of(answer), actual), count);
	for (size_t i = 0; i < count; i++)
		if (!str_eq(expected[i], actual[i]))
			fail_msg("%s: sent\n%.*s\nback\n%.*s", archive_table_row(table)->name,
				 STR_ARG(expected[i]), STR_ARG(actual[i]));
	free(answer);
	buf_deinit(&text);
	buf_deinit(&sql);
}

static void rows_of_every_table_come_back_equal(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "equal");
	for (unsigned t = 0; t < TABLE_COUNT; t++) {
		enum archive_table table = (enum archive_table)t;
		int64_t batch_id = INT64_C(1) << 40 | t;
		stage_rows(&stage, table, 200);
		if (stage_send(&stage, batch_id) != SINK_DONE)
			fail_msg("%s: %s", archive_table_row(table)->name, stage.why);
		expect_rows(&stage, "equal", table, batch_id);
		assert_int_equal(stage_probe(&stage, table, batch_id), SINK_DONE);
		assert_int_equal(stage.count, 200);
		assert_int_equal(stage_probe(&stage, table, batch_id + 1), SINK_DONE);
		assert_int_equal(stage.count, 0);
	}
	stage_deinit(&stage);
}

/* What weir makes from version 21 on; 18.16 has it behind a setting. */
static void words_with_dictionaries_come_back_equal(void **state)
{
	(void)state;
	struct stage stage;
	free(clickhouse_ask_sql(&server, "CREATE DATABASE words"));
	char *answer = clickhouse_post(
	    &server, "allow_experimental_low_cardinality_type=1",
	    "CREATE TABLE words.instance_events (instance LowCardinality(String), at_us Int64, "
	    "event LowCardinality(String), from_state LowCardinality(Nullable(String)), "
	    "to_state Nullable(String), reason Nullable(String), attempts Nullable(Int64), "
	    "repeated Int64, mine Int8, batch_id UInt64) ENGINE = ReplacingMergeTree(batch_id) "
	    "ORDER BY (instance, at_us, event)");
	assert_string_equal(answer, "");
	free(answer);
	begin(&stage, "words");
	stage_rows(&stage, TABLE_instance_events, 700);
	assert_int_equal(stage_send(&stage, 3), SINK_DONE);
	expect_rows(&stage, "words", TABLE_instance_events, 3);
	stage_deinit(&stage);
}

/* ---- months ---- */

static void put_minute(struct archive_rows *rows, const char *instance, int64_t at_us)
{
	archive_rows_begin(rows, TABLE_instance_events);
	archive_row_text(rows, COLUMN_instance_events_instance, str_of(instance));
	archive_row_int(rows, COLUMN_instance_events_at_us, at_us);
	archive_row_text(rows, COLUMN_instance_events_event, STR("x"));
	archive_row_int(rows, COLUMN_instance_events_repeated, 0);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

/* The server's time zone is Tokyo's. */
static void a_month_of_utc_is_one_part(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "months");
	put_minute(&stage.rows, "a", RANDOM_MONTH_US);
	put_minute(&stage.rows, "b", RANDOM_MONTH_US + INT64_C(2591999999999));
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	assert_int_equal(NUMBER("SELECT count() FROM system.parts WHERE active AND database = "
				"'months' AND partition = '202411'"),
			 1);
	stage_deinit(&stage);
}

static enum sink_outcome expire(struct stage *stage, enum archive_table table, int64_t now_us)
{
	stage->done = false;
	stage->sink->ops->expire(stage->sink, table, now_us, stage_told, stage);
	return stage_wait(stage);
}

static void months_that_are_too_old_go(void **state)
{
	(void)state;
	struct stage stage;
	int64_t day_us = INT64_C(86400000000);
	begin(&stage, "old");
	for (int i = 0; i < 4; i++) {
		archive_rows_clear(&stage.rows);
		put_minute(&stage.rows, "a", RANDOM_MONTH_US - i * 30 * day_us);
		assert_int_equal(stage_send(&stage, i + 1), SINK_DONE);
	}
	int64_t now_us = RANDOM_MONTH_US - 30 * day_us + 730 * day_us;
	assert_int_equal(expire(&stage, TABLE_instance_events, now_us), SINK_DONE);
	assert_int_equal(NUMBER("SELECT count() FROM old.instance_events"), 2);
	assert_int_equal(expire(&stage, TABLE_instance_events, now_us), SINK_DONE);
	assert_int_equal(NUMBER("SELECT count() FROM old.instance_events"), 2);
	assert_int_equal(expire(&stage, TABLE_dead_letters, now_us), SINK_DONE);
	stage_deinit(&stage);
}

/* ---- tables that are not as they should be ---- */

static void a_dropped_column_holds_and_is_mended(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "dropped");
	RUN("ALTER TABLE dropped.signals DROP COLUMN reason");
	stage_rows(&stage, TABLE_signals, 10);
	assert_int_equal(stage_send(&stage, 1), SINK_HELD);
	assert_string_equal(stage.why, "dropped.signals has no column reason");
	assert_int_equal(NUMBER("SELECT count() FROM dropped.signals"), 0);
	stage_rows(&stage, TABLE_accounts, 10);
	assert_int_equal(stage_send(&stage, 2), SINK_DONE);
	assert_int_equal(stage_open(&stage), SINK_DONE);
	stage_rows(&stage, TABLE_signals, 10);
	assert_int_equal(stage_send(&stage, 3), SINK_DONE);
	expect_rows(&stage, "dropped", TABLE_signals, 3);
	stage_deinit(&stage);
}

/* Without the look at the columns the server dies of the second block. */
static void a_wrong_type_holds_and_harms_nobody(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "wrong");
	RUN("ALTER TABLE wrong.signals MODIFY COLUMN deviation Float64");
	stage_rows(&stage, TABLE_signals, 10);
	assert_int_equal(stage_send(&stage, 1), SINK_HELD);
	assert_string_equal(stage.why,
			    "wrong.signals.deviation is Float64, must be Nullable(Int64)");
	RUN("ALTER TABLE wrong.signals MODIFY COLUMN deviation Nullable(Int64)");
	RUN("ALTER TABLE wrong.signals MODIFY COLUMN attempt Nullable(Int64)");
	assert_int_equal(stage_open(&stage), SINK_DONE);
	assert_int_equal(stage_send(&stage, 1), SINK_HELD);
	assert_string_equal(stage.why, "wrong.signals.attempt is Nullable(Int64), must be Int64");
	RUN("ALTER TABLE wrong.signals MODIFY COLUMN attempt Int64");
	assert_int_equal(stage_open(&stage), SINK_DONE);
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	stage_deinit(&stage);
}

static void another_engine_or_partition_holds(void **state)
{
	(void)state;
	struct stage stage;
	RUN("CREATE DATABASE odd");
	RUN("CREATE TABLE odd.open_interest (market String, at_us Int64, quantity Decimal(38,16), "
	    "batch_id UInt64) ENGINE = Log");
	RUN("CREATE TABLE odd.funding (market String, at_us Int64, rate Decimal(38,16), "
	    "next_us Nullable(Int64), interval_minutes Nullable(Int64), batch_id UInt64) "
	    "ENGINE = ReplacingMergeTree(batch_id) PARTITION BY market ORDER BY (market, at_us)");
	begin(&stage, "odd");
	stage_rows(&stage, TABLE_open_interest, 2);
	assert_int_equal(stage_send(&stage, 1), SINK_HELD);
	assert_string_equal(stage.why, "odd.open_interest's engine is Log, must be "
				       "ReplacingMergeTree(batch_id)");
	stage_rows(&stage, TABLE_funding, 2);
	assert_int_equal(stage_send(&stage, 2), SINK_HELD);
	assert_string_equal(stage.why, "odd.funding's partition is market, must be "
				       "toYYYYMM(toDateTime(intDiv(at_us, 1000000), 'UTC'))");
	stage_deinit(&stage);
}

static void a_key_column_is_never_added(void **state)
{
	(void)state;
	struct stage stage;
	RUN("CREATE DATABASE keyless");
	RUN("CREATE TABLE keyless.open_interest (at_us Int64, quantity Decimal(38,16), "
	    "batch_id UInt64) ENGINE = ReplacingMergeTree(batch_id) ORDER BY at_us");
	begin(&stage, "keyless");
	stage_rows(&stage, TABLE_open_interest, 2);
	assert_int_equal(stage_send(&stage, 1), SINK_HELD);
	assert_string_equal(stage.why, "keyless.open_interest has no column market");
	stage_deinit(&stage);
}

/* ---- who may ---- */

static void users_go_in_headers(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, url_of("desk:s3%20cret@", "users"), 60000);
	assert_int_equal(stage_open(&stage), SINK_DONE);
	stage_rows(&stage, TABLE_funding, 2);
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	stage_deinit(&stage);
	stage_init(&stage, url_of("desk:wrong@", "users"), 60000);
	assert_int_equal(stage_open(&stage), SINK_HELD);
	assert_non_null(strstr(stage.why, "password is wrong"));
	assert_null(strstr(stage.why, "cret"));
	stage_deinit(&stage);
	stage_init(&stage, url_of("nobody@", "users"), 60000);
	assert_int_equal(stage_open(&stage), SINK_HELD);
	assert_non_null(strstr(stage.why, "user is not known"));
	stage_deinit(&stage);
}

static void a_user_that_may_only_read_is_said(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage, url_of("reader@", "nothing"), 60000);
	assert_int_equal(stage_open(&stage), SINK_HELD);
	assert_non_null(strstr(stage.why, "the user may only read"));
	stage_deinit(&stage);
	begin(&stage, "only");
	RUN("DROP TABLE only.funding");
	stage_deinit(&stage);
	stage_init(&stage, url_of("reader@", "only"), 60000);
	assert_int_equal(stage_open(&stage), SINK_DONE);
	stage_rows(&stage, TABLE_funding, 2);
	assert_int_equal(stage_send(&stage, 1), SINK_HELD);
	assert_non_null(strstr(stage.why, "the user may only read"));
	stage_deinit(&stage);
}

/* ---- half of it ---- */

/* What a proxy would pass on: a body that ends early, with a length that says so. */
static bool post_cut(struct stage *stage, const char *query, size_t bytes)
{
	char head[1024], answer[512];
	int fd = clickhouse_connect(&server);
	snprintf(head, sizeof head,
		 "POST /?query=%s HTTP/1.0\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", query,
		 bytes);
	assert_true(send(fd, head, strlen(head), MSG_NOSIGNAL) > 0);
	assert_int_equal(send(fd, stage->body.ptr, bytes, MSG_NOSIGNAL), bytes);
	ssize_t n = recv(fd, answer, sizeof answer - 1, MSG_WAITALL);
	answer[n > 0 ? n : 0] = 0;
	close(fd);
	return strstr(answer, " 200 ") != NULL;
}

static void a_body_that_was_cut_is_refused(void **state)
{
	(void)state;
	static const char query[] = "INSERT%20INTO%20cut.funding%20(market,at_us,rate,next_us,"
				    "interval_minutes,batch_id)%20FORMAT%20Native";
	struct stage stage;
	begin(&stage, "cut");
	stage_rows(&stage, TABLE_funding, 12);
	stage_encode(&stage, 1);
	for (size_t bytes = 1; bytes < stage.body.len; bytes++)
		assert_false(post_cut(&stage, query, bytes));
	assert_int_equal(NUMBER("SELECT count() FROM cut.funding"), 0);
	assert_true(post_cut(&stage, query, stage.body.len));
	assert_int_equal(NUMBER("SELECT count() FROM cut.funding"), 12);
	stage_deinit(&stage);
}

/* ---- a server that stops, dies, is not there ---- */

static void wait_for_count(const char *sql, long long count)
{
	for (int i = 0; i < 6000 && clickhouse_number(&server, sql) != count; i++)
		usleep(10000);
	assert_int_equal(clickhouse_number(&server, sql), count);
}

static void what_lands_late_is_counted_once(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "late");
	stage_deinit(&stage);
	stage_init(&stage, url_of("", "late"), 6000);
	for (int tries = 0; tries < 30 && stage_open(&stage) != SINK_DONE; tries++)
		;
	assert_int_equal(stage.outcome, SINK_DONE);
	stage_rows(&stage, TABLE_funding, 500);
	stage_encode(&stage, 9);
	stage_post(&stage, 9);
	/* The columns' answer comes, then the insert is on its way: it is stopped in between. */
	uint64_t requests = http_counts(stage.http)->requests;
	while (!stage.done && http_counts(stage.http)->requests == requests)
		loop_turn(stage.loop, 1000000);
	kill(server.pid, SIGSTOP);
	assert_int_equal(stage_wait(&stage), SINK_UNKNOWN);
	assert_string_equal(stage.why, "no whole answer within 6000 ms");
	assert_int_equal(stage_probe(&stage, TABLE_funding, 9), SINK_AWAY);
	kill(server.pid, SIGCONT);
	wait_for_count("SELECT count() FROM late.funding", 500);
	for (int tries = 0; tries < 30 && stage_probe(&stage, TABLE_funding, 9); tries++)
		;
	assert_int_equal(stage.outcome, SINK_DONE);
	assert_int_equal(stage.count, 500);
	stage_encode(&stage, 9);
	stage_post(&stage, 9);
	assert_int_equal(stage_wait(&stage), SINK_DONE);
	assert_int_equal(NUMBER("SELECT count() FROM late.funding"), 1000);
	assert_int_equal(NUMBER("SELECT count() FROM late.funding FINAL"), 500);
	stage_deinit(&stage);
}

static void a_server_that_is_killed_loses_nothing_it_confirmed(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "killed");
	stage_rows(&stage, TABLE_funding, 400);
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	clickhouse_end(&server, SIGKILL);
	assert_int_equal(stage_send(&stage, 2), SINK_AWAY);
	assert_int_equal(stage_probe(&stage, TABLE_funding, 1), SINK_AWAY);
	assert_int_equal(stage_open(&stage), SINK_AWAY);
	assert_true(clickhouse_start(&server));
	assert_int_equal(stage_open(&stage), SINK_DONE);
	assert_int_equal(stage_probe(&stage, TABLE_funding, 1), SINK_DONE);
	assert_int_equal(stage.count, 400);
	stage_deinit(&stage);
}

/* ---- content ---- */

static void a_row_that_is_refused_is_poison(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "poison");
	RUN("ALTER TABLE poison.accounts ADD COLUMN guard UInt8 MATERIALIZED throwIf(login = 666)");
	stage_rows(&stage, TABLE_accounts, 50);
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	random_row(&stage.rows, TABLE_accounts, &stage.rng, 50);
	archive_rows_begin(&stage.rows, TABLE_accounts);
	archive_row_text(&stage.rows, COLUMN_accounts_server, STR("s"));
	archive_row_int(&stage.rows, COLUMN_accounts_login, 666);
	archive_row_int(&stage.rows, COLUMN_accounts_at_us, RANDOM_MONTH_US);
	archive_row_text(&stage.rows, COLUMN_accounts_instance, STR("i"));
	archive_row_text(&stage.rows, COLUMN_accounts_cause, STR("daily"));
	assert_int_equal(archive_rows_end(&stage.rows), STATUS_OK);
	assert_int_equal(stage_send(&stage, 2), SINK_POISON);
	assert_int_equal(stage_probe(&stage, TABLE_accounts, 2), SINK_DONE);
	assert_int_equal(stage.count, 0);
	stage_deinit(&stage);
}

static void distinct_keys_are_counted(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "counted");
	stage_rows(&stage, TABLE_funding, 30);
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	assert_int_equal(stage_send(&stage, 2), SINK_DONE);
	stage.done = false;
	stage.sink->ops->count(stage.sink, TABLE_funding, stage_counted, &stage);
	assert_int_equal(stage_wait(&stage), SINK_DONE);
	assert_int_equal(stage.count, 30);
	stage_deinit(&stage);
}

/* Why no newer batch is sent before the end of the one before is recorded (sinks_line.c). */
static void a_newer_batch_takes_rows_of_an_older_one_away(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "newer");
	stage_rows(&stage, TABLE_funding, 30);
	assert_int_equal(stage_send(&stage, 1), SINK_DONE);
	assert_int_equal(stage_probe(&stage, TABLE_funding, 1), SINK_DONE);
	assert_int_equal(stage.count, 30);
	assert_int_equal(stage_send(&stage, 2), SINK_DONE);
	RUN("OPTIMIZE TABLE newer.funding FINAL");
	assert_int_equal(stage_probe(&stage, TABLE_funding, 1), SINK_DONE);
	assert_int_equal(stage.count, 0);
	assert_int_equal(stage_probe(&stage, TABLE_funding, 2), SINK_DONE);
	assert_int_equal(stage.count, 30);
	stage_deinit(&stage);
}

static void a_close_in_the_middle_is_silent(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "closed");
	stage_rows(&stage, TABLE_funding, 30);
	stage_encode(&stage, 1);
	stage_post(&stage, 1);
	loop_turn(stage.loop, 0);
	stage_deinit(&stage);
	assert_false(stage.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_tables_are_made_once),
		cmocka_unit_test(rows_of_every_table_come_back_equal),
		cmocka_unit_test(words_with_dictionaries_come_back_equal),
		cmocka_unit_test(a_month_of_utc_is_one_part),
		cmocka_unit_test(months_that_are_too_old_go),
		cmocka_unit_test(a_dropped_column_holds_and_is_mended),
		cmocka_unit_test(a_wrong_type_holds_and_harms_nobody),
		cmocka_unit_test(another_engine_or_partition_holds),
		cmocka_unit_test(a_key_column_is_never_added),
		cmocka_unit_test(users_go_in_headers),
		cmocka_unit_test(a_user_that_may_only_read_is_said),
		cmocka_unit_test(a_body_that_was_cut_is_refused),
		cmocka_unit_test(what_lands_late_is_counted_once),
		cmocka_unit_test(a_server_that_is_killed_loses_nothing_it_confirmed),
		cmocka_unit_test(a_row_that_is_refused_is_poison),
		cmocka_unit_test(distinct_keys_are_counted),
		cmocka_unit_test(a_newer_batch_takes_rows_of_an_older_one_away),
		cmocka_unit_test(a_close_in_the_middle_is_silent),
	};
	if (!clickhouse_installed())
		return 77;
	if (!clickhouse_begin(&server))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	clickhouse_remove(&server);
	return failed;
}
