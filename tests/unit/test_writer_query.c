/* Questions of users: one SELECT, nothing but the archive, an end in time, three formats. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "writer_stage.h"

struct answer {
	bool done, truncated;
	enum status status;
	char text[16384];
	size_t bytes;
};

static void on_answer(void *ctx, enum status status, struct str text, bool truncated)
{
	struct answer *answer = ctx;
	answer->done = true;
	answer->status = status;
	answer->truncated = truncated;
	answer->bytes = text.len;
	snprintf(answer->text, sizeof answer->text, "%.*s", STR_ARG(text));
}

static struct answer answer;

static enum status ask_for(struct stage *stage, const char *sql, enum writer_format format,
			   int64_t deadline_ms, const char *file)
{
	struct writer_query query = { str_of(sql), format, deadline_ms, file, on_answer, &answer };
	answer.done = false;
	assert_int_equal(writer_query(stage->writer, &query), 0);
	assert_true(loop_turn_until(stage->loop, &answer.done, stage_patience_ns));
	return answer.status;
}

static const char *ask_csv(struct stage *stage, const char *sql)
{
	if (ask_for(stage, sql, WRITER_CSV, 10000, NULL))
		fail_msg("%s: %s", sql, answer.text);
	return answer.text;
}

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	stage_open(&stage);
	struct writer_batch *batch = stage_take(&stage);
	stage_result(&batch->rows, "a", 1, "fail", stage_us);
	stage_result(&batch->rows, "b,\"c\"", 2, "exp", stage_us);
	struct stage_deal deal = { 5, 5, "buy", 150000000, 110000000, -25, 0, stage_us };
	stage_deal(&batch->rows, &deal);
	stage_submit(&stage, batch);
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

static void test_rows_come_as_csv(void **state)
{
	assert_string_equal(ask_csv(*state, "SELECT result_id, sid, volume FROM trade_results "
					    "ORDER BY result_id;  "),
			    "result_id,sid,volume\na,1,\n\"b,\"\"c\"\"\",2,\n"
			    "deal:Broker-Live:9001:5,,1.50000000\n");
}

static void test_rows_come_as_json(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(ask_for(stage,
				 "SELECT result_id AS \"i\"\"d\", sid, volume, 1.5::DOUBLE AS d, "
				 "'inf'::DOUBLE AS x, sid = 1 AS b, [1, NULL] AS l FROM "
				 "trade_results ORDER BY result_id LIMIT 2",
				 WRITER_JSON, 10000, NULL),
			 STATUS_OK);
	assert_string_equal(answer.text,
			    "[{\"i\\\"d\":\"a\",\"sid\":1,\"volume\":null,\"d\":1.5,\"x\":\"inf\","
			    "\"b\":true,\"l\":\"[1, NULL]\"},"
			    "{\"i\\\"d\":\"b,\\\"c\\\"\",\"sid\":2,\"volume\":null,\"d\":1.5,"
			    "\"x\":\"inf\",\"b\":false,\"l\":\"[1, NULL]\"}]\n");
	assert_int_equal(ask_for(stage, "SELECT 1 AS x WHERE false", WRITER_JSON, 10000, NULL), 0);
	assert_string_equal(answer.text, "[]\n");
}

static void test_rows_come_as_a_table(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(ask_for(stage,
				 "FROM (VALUES ('a', 1), ('grün', -100), (NULL, NULL), "
				 "(E'x\ny', 5)) t(word, number)",
				 WRITER_TABLE, 10000, NULL),
			 STATUS_OK);
	assert_string_equal(answer.text, "word  number\n"
					 "a          1\n"
					 "grün    -100\n"
					 "            \n"
					 "x y        5\n");
}

static void test_selects_of_every_kind_are_answered(void **state)
{
	struct stage *stage = *state;
	assert_string_equal(ask_csv(stage, "WITH a AS (SELECT 1 AS x) SELECT * FROM a -- why"),
			    "x\n1\n");
	assert_string_equal(ask_csv(stage, "SELECT * FROM range(2) /* ; */"), "range\n0\n1\n");
	assert_string_equal(ask_csv(stage, "VALUES (1), (2)"), "col0\n1\n2\n");
	assert_string_equal(ask_csv(stage, "SELECT count(*) AS n FROM v_daily_account"), "n\n0\n");
	assert_string_equal(ask_csv(stage, "SELECT done FROM v_results_daily"), "done\n1\n");
	assert_string_equal(ask_csv(stage, "SELECT sum(sid) AS s FROM trade_results"), "s\n3\n");
	assert_non_null(strstr(ask_csv(stage, "DESCRIBE trades"), "trade_id,VARCHAR"));
	assert_string_equal(ask_csv(stage, "SELECT 'checkpoint()' AS x"), "x\ncheckpoint()\n");
}

static void test_everything_else_is_refused_and_changes_nothing(void **state)
{
	struct stage *stage = *state;
	char file[128], statement[256];
	snprintf(file, sizeof file, "%s/out", stage->dir);
	static const char *const statements[] = {
		"DELETE FROM trade_results",
		"INSERT INTO sync_state VALUES ('a', 'b')",
		"UPDATE trade_results SET pnl = 1",
		"DROP TABLE trades",
		"CREATE TABLE x (i INTEGER)",
		"CREATE TEMP TABLE x (i INTEGER)",
		"ALTER TABLE trades ADD COLUMN x INTEGER",
		"TRUNCATE trades",
		"ATTACH '/tmp/x.db'",
		"DETACH archive",
		"INSTALL httpfs",
		"LOAD httpfs",
		"SET threads = 4",
		"RESET threads",
		"SET enable_external_access = true",
		"PRAGMA database_size",
		"PRAGMA enable_profiling",
		"CALL checkpoint()",
		"CHECKPOINT",
		"FORCE CHECKPOINT",
		"VACUUM",
		"EXPLAIN SELECT 1",
		"EXPLAIN ANALYZE SELECT 1",
		"BEGIN",
		"COMMIT",
		"ROLLBACK",
		"USE memory",
		"EXPORT DATABASE '/tmp/x'",
		"IMPORT DATABASE '/tmp/x'",
		"PREPARE x AS SELECT 1",
		"EXECUTE x",
		"SELECT 1; SELECT 2",
		"SELECT 1; DELETE FROM trades",
		"SELECT ?",
		"",
		" ; ",
		"nonsense",
		"SELECT 1) TO '/tmp/x'; --",
		"SELECT count(*) FROM read_csv('/etc/passwd')",
		"SELECT * FROM read_text('/etc/hostname')",
		"SELECT * FROM read_blob('/etc/hostname')",
		"SELECT * FROM read_json('/etc/hostname')",
		"SELECT * FROM read_parquet('/etc/hostname')",
		"SELECT * FROM glob('/etc/*')",
		"SELECT * FROM '/etc/passwd'",
		"SELECT * FROM \"/etc/passwd\"",
		"SELECT * FROM sniff_csv('/etc/passwd')",
		"SELECT * FROM force_checkpoint()",
		"SELECT * FROM Checkpoint()",
		"SELECT (SELECT count(*) FROM force_checkpoint())",
		("WITH x AS (FROM enable_logging('QueryLog', storage = 'file', storage_path = "
		 "'/tmp/weir_x')) FROM x"),
		"SELECT * FROM query('SELECT * FROM force_checkpoint()')",
		"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
		"SELECT * FROM duckdb_secrets()",
		"SELECT * FROM duckdb_settings()",
		"SELECT write_log('x')",
		"SELECT getenv('HOME')",
		"SELECT nextval('x')",
	};
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		if (ask_for(stage, statements[i], WRITER_CSV, 10000, NULL) == STATUS_OK)
			fail_msg("'%s' was answered: %s", statements[i], answer.text);
		assert_true(answer.bytes > 0);
	}
	snprintf(statement, sizeof statement, "COPY trades TO '%s'", file);
	assert_int_not_equal(ask_for(stage, statement, WRITER_CSV, 10000, NULL), STATUS_OK);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access("/tmp/weir_x", F_OK), -1);
	assert_string_equal(ask_csv(stage, "SELECT count(*) AS n FROM trade_results"), "n\n3\n");
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "later", 9, "fail", stage_us);
	assert_int_equal(stage_submit(stage, batch).taken, 1);
}

/* The export's text goes into a COPY: nothing gets out of its parentheses. */
static void test_an_export_is_one_select_too(void **state)
{
	struct stage *stage = *state;
	char file[128], other[128], sql[512];
	snprintf(file, sizeof file, "%s/out.parquet", stage->dir);
	snprintf(other, sizeof other, "%s/other.csv", stage->dir);
	snprintf(sql, sizeof sql, "SELECT 1) TO '%s'; COPY (SELECT 1", other);
	assert_int_not_equal(ask_for(stage, sql, WRITER_CSV, 10000, file), STATUS_OK);
	assert_int_not_equal(ask_for(stage, "DELETE FROM trades", WRITER_CSV, 10000, file), 0);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(other, F_OK), -1);
}

static void test_exports_go_to_parquet_and_csv_files(void **state)
{
	struct stage *stage = *state;
	char file[128], head[256] = "";
	snprintf(file, sizeof file, "%s/it's.parquet", stage->dir);
	const char *sql = "SELECT result_id, sid FROM trade_results ORDER BY 1 -- all";
	assert_int_equal(ask_for(stage, sql, WRITER_TABLE, 10000, file), STATUS_OK);
	assert_string_equal(answer.text, "3\n");
	int fd = open(file, O_RDONLY);
	assert_int_equal(read(fd, head, 4), 4);
	close(fd);
	assert_string_equal(head, "PAR1");
	snprintf(file, sizeof file, "%s/out.csv", stage->dir);
	assert_int_equal(ask_for(stage, sql, WRITER_CSV, 10000, file), STATUS_OK);
	fd = open(file, O_RDONLY);
	ssize_t got = read(fd, head, sizeof head - 1);
	close(fd);
	assert_true(got > 0);
	head[got] = 0;
	assert_string_equal(head,
			    "result_id,sid\na,1\n\"b,\"\"c\"\"\",2\ndeal:Broker-Live:9001:5,\n");
	assert_int_not_equal(ask_for(stage, sql, WRITER_CSV, 10000, "/nowhere/at/all.csv"), 0);
	assert_non_null(strstr(answer.text, "/nowhere/at/all.csv"));
}

static const char *const endless =
    "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE (a.range * 7 + b.range) "
    "% 11 = 3";

static void test_a_query_ends_at_its_deadline_and_holds_up_no_batch(void **state)
{
	struct stage *stage = *state;
	struct writer_query query = { str_of(endless), WRITER_CSV, 600, NULL, on_answer, &answer };
	answer.done = false;
	int64_t begin = loop_precise_ns();
	assert_int_equal(writer_query(stage->writer, &query), 0);
	struct writer_batch *batch = stage_take(stage);
	stage_result(&batch->rows, "meanwhile", 9, "fail", stage_us);
	assert_int_equal(stage_submit(stage, batch).taken, 1);
	assert_false(answer.done);
	assert_true(loop_turn_until(stage->loop, &answer.done, stage_patience_ns));
	assert_true(loop_precise_ns() - begin >= INT64_C(600000000));
	assert_int_equal(answer.status, STATUS_TIMEOUT);
	assert_string_equal(answer.text, "the query took longer than 600 ms");
	assert_int_equal(writer_counts(stage->writer)->interrupted, 1);
	assert_string_equal(ask_csv(stage, "SELECT 1 AS x"), "x\n1\n");
}

static void test_eight_queries_may_wait_and_a_close_ends_them(void **state)
{
	struct stage *stage = *state;
	struct answer answers[8];
	memset(answers, 0, sizeof answers);
	for (int i = 0; i < 8; i++) {
		struct writer_query query = { str_of(endless), WRITER_CSV, 60000, NULL,
					      on_answer,       &answers[i] };
		assert_int_equal(writer_query(stage->writer, &query), 0);
		if (i == 7)
			assert_int_equal(writer_query(stage->writer, &query), STATUS_FULL);
	}
	stage_close(stage);
	for (int i = 0; i < 8; i++) {
		assert_true(answers[i].done);
		assert_int_equal(answers[i].status, STATUS_CANCELLED);
	}
}

static void test_a_long_answer_is_cut_between_rows_and_says_so(void **state)
{
	struct stage *stage = *state;
	const char *sql = "SELECT range AS n, repeat('x', 90) AS t FROM range(200000)";
	for (int format = WRITER_TABLE; format <= WRITER_JSON; format++) {
		assert_int_equal(ask_for(stage, sql, (enum writer_format)format, 30000, NULL), 0);
		assert_true(answer.truncated);
		assert_true(answer.bytes <= WRITER_QUERY_BYTES);
		assert_true(answer.bytes > WRITER_QUERY_BYTES / 3);
	}
	assert_int_equal(
	    ask_for(stage, "SELECT repeat('x', 9000000) AS x", WRITER_JSON, 9000, NULL), 0);
	assert_true(answer.truncated);
	assert_string_equal(answer.text, "[]\n");
}

/* Sorting more than memory_limit goes through temp_dir, which lies under the lock-down too. */
static void test_a_query_beyond_memory_uses_the_temporary_folder(void **state)
{
	struct stage *stage = *state;
	stage_close(stage);
	stage->config.memory_bytes = 40 << 20;
	stage_open(stage);
	assert_string_equal(
	    ask_csv(stage, "SELECT sum(r) AS s FROM (SELECT row_number() OVER (ORDER BY "
			   "hash(range)) AS r, range::VARCHAR || repeat('y', 60) AS t FROM "
			   "range(600000)) WHERE t <> ''"),
	    "s\n180000300000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_rows_come_as_csv),
		TEST(test_rows_come_as_json),
		TEST(test_rows_come_as_a_table),
		TEST(test_selects_of_every_kind_are_answered),
		TEST(test_everything_else_is_refused_and_changes_nothing),
		TEST(test_an_export_is_one_select_too),
		TEST(test_exports_go_to_parquet_and_csv_files),
		TEST(test_a_query_ends_at_its_deadline_and_holds_up_no_batch),
		TEST(test_eight_queries_may_wait_and_a_close_ends_them),
		TEST(test_a_long_answer_is_cut_between_rows_and_says_so),
		TEST(test_a_query_beyond_memory_uses_the_temporary_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
