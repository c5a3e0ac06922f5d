/* Work on the writer's thread: statements, rows out of the file, transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "writer_stage.h"

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	stage_open(&stage);
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

/* ---- statements ---- */

struct seen {
	unsigned rows;
	unsigned most;
};

static bool count_rows(void *ctx, const struct db_row *row)
{
	struct seen *seen = ctx;
	assert_int_equal(db_row_int(row, 0, -1), seen->rows);
	return ++seen->rows < seen->most;
}

static bool look_at_types(void *ctx, const struct db_row *row)
{
	assert_int_equal(db_row_int(row, 0, 0), -7);
	assert_int_equal(db_row_int(row, 1, 0), 150);
	assert_true(db_row_big(row, 2) == (i128)decimal_pow10(18) * 1000);
	assert_true(db_row_real(row, 3, 0) == 0.25);
	assert_true(str_eq(db_row_text(row, 4), STR("more than twelve bytes")));
	assert_true(db_row_null(row, 5));
	assert_int_equal(db_row_int(row, 5, 42), 42);
	assert_null(db_row_text(row, 6).ptr);
	assert_int_equal(db_row_int(row, 7, 0), 1);
	assert_int_equal(db_row_int(row, 8, 0), 19783);
	*(bool *)ctx = true;
	return true;
}

static enum status ask_things(struct archive_db *db, void *ctx, struct err *err)
{
	int64_t value;
	bool looked = false;
	struct seen seen = { 0, UINT32_MAX };
	(void)ctx;
	assert_int_equal(db_scalar(db, "SELECT 6 * ?::BIGINT", DB_ARGS(DB_INT(7)), 0, &value, err),
			 0);
	assert_int_equal(value, 42);
	assert_int_equal(db_scalar(db, "SELECT 1 WHERE false", DB_NONE, 9, &value, err), 0);
	assert_int_equal(value, 9);
	assert_int_equal(
	    db_each(db, "SELECT range FROM range(10000)", DB_NONE, count_rows, &seen, err), 0);
	assert_int_equal(seen.rows, 10000);
	seen = (struct seen){ 0, 3 };
	assert_int_equal(
	    db_each(db, "SELECT range FROM range(10000)", DB_NONE, count_rows, &seen, err), 0);
	assert_int_equal(seen.rows, 3);
	assert_int_equal(
	    db_each(db,
		    "SELECT -7::TINYINT, 1.5::DECIMAL(4,2), 1e21::HUGEINT, ?::DOUBLE, ?::VARCHAR, "
		    "?::BIGINT, NULL::VARCHAR, true, DATE '2024-03-01'",
		    DB_ARGS(DB_REAL(0.25), DB_TEXT(STR("more than twelve bytes")), DB_NULL),
		    look_at_types, &looked, err),
	    0);
	assert_true(looked);
	struct str words[] = { STR("b"), STR(""), STR("d") };
	assert_int_equal(db_scalar(db,
				   "SELECT count(*) FROM (VALUES ('a'), ('b'), ('')) t(w) WHERE w "
				   "IN (SELECT unnest(?::VARCHAR[]))",
				   DB_ARGS(DB_TEXTS(words, 3)), 0, &value, err),
			 0);
	assert_int_equal(value, 2);
	assert_int_equal(db_exec(db, "SELECT nonsense", DB_NONE, NULL, err), STATUS_INVALID);
	assert_non_null(strstr(err->text, "nonsense"));
	assert_null(strchr(err->text, '\n'));
	/* More statements than are kept. */
	for (int i = 0; i < 3 * DB_STATEMENTS; i++) {
		char sql[64];
		snprintf(sql, sizeof sql, "SELECT %d", i % 100);
		assert_int_equal(db_scalar(db, sql, DB_NONE, -1, &value, err), 0);
		assert_int_equal(value, i % 100);
	}
	return STATUS_OK;
}

static void test_statements_are_bound_run_and_read(void **state)
{
	assert_int_equal(stage_run(*state, ask_things, NULL, NULL), STATUS_OK);
}

/* ---- transactions ---- */

static enum status put_and_fail(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	db_mark(db, STR("m"), STR("lost"));
	db_count(db, "c", 5);
	enum status status =
	    db_exec(db, "INSERT INTO batch_sinks (sink) VALUES ('x')", DB_NONE, NULL, err);
	return status ? status : err_set(err, STATUS_EXISTS, "as it is");
}

static enum status put_it(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	db_mark(db, STR("m"), STR("kept"));
	db_count(db, "c", 7);
	db_count(db, "c", 1);
	int64_t changed = 0;
	enum status status =
	    db_exec(db, "INSERT INTO batch_sinks (sink, batch_id) SELECT 'x', * FROM range(3)",
		    DB_NONE, &changed, err);
	assert_int_equal(changed, 3);
	return status;
}

static enum status transact(struct archive_db *db, void *ctx, struct err *err)
{
	struct err why;
	(void)ctx;
	assert_int_equal(db_transact(db, put_and_fail, NULL, &why), STATUS_EXISTS);
	assert_string_equal(why.text, "as it is");
	assert_int_equal(db_counted(db, "c"), 0);
	assert_int_equal(db_transact(db, put_it, NULL, &why), STATUS_OK);
	assert_int_equal(db_counted(db, "c"), 8);
	(void)err;
	return STATUS_OK;
}

static void test_a_transaction_is_whole_or_nothing(void **state)
{
	struct stage *stage = *state;
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(stage_run(stage, transact, NULL, NULL), STATUS_OK);
		assert_string_equal(stage_ask(stage, "SELECT count(*) FROM batch_sinks"), "3");
		assert_true(str_eq(writer_marked(stage->writer, STR("m")), STR("kept")));
		assert_int_equal(writer_counted(stage->writer, "c"), 8);
		stage_end(stage);
		stage_begin(stage);
		stage_open(stage);
	}
}

/* A stream's epoch is a word that anybody may have set. */
static enum status mark_bytes(struct archive_db *db, void *ctx, struct err *err)
{
	char value[300];
	memset(value, 'v', sizeof value);
	memcpy(value, "\xff\n\0a ", 5); /* a blank is plain */
	(void)ctx;
	(void)err;
	db_mark(db, STR("bytes"), str_make(value, sizeof value));
	return STATUS_OK;
}

static enum status mark_them(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	return db_transact(db, mark_bytes, NULL, err);
}

static void test_a_mark_of_any_bytes_comes_back_as_the_same_text(void **state)
{
	struct stage *stage = *state;
	char first[200];
	assert_int_equal(stage_run(stage, mark_them, NULL, NULL), STATUS_OK);
	struct str text = writer_marked(stage->writer, STR("bytes"));
	assert_int_equal(text.len, 127);
	assert_memory_equal(text.ptr, "???a vvv", 8);
	assert_int_equal(str_copy(text, first, sizeof first), 0);
	for (int i = 0; i < 2; i++) {
		stage_close(stage);
		stage_open(stage);
		assert_true(str_eq(writer_marked(stage->writer, STR("bytes")), str_of(first)));
	}
}

/* ---- more marks than there is room for ---- */

enum { MARKS = DB_NAMES + 500, MARKS_EACH = 250 };

static enum status mark_some(struct archive_db *db, void *ctx, struct err *err)
{
	int *next = ctx;
	char name[32], value[32];
	(void)err;
	if (*next == 0)
		db_mark(db, STR("trade_results"), STR("kept"));
	for (int i = *next; i < *next + MARKS_EACH; i++) {
		snprintf(name, sizeof name, "market:%d", i);
		snprintf(value, sizeof value, "%d", i);
		db_mark(db, str_of(name), str_of(value));
	}
	return STATUS_OK;
}

static enum status mark_many(struct archive_db *db, void *ctx, struct err *err)
{
	enum status status = STATUS_OK;
	(void)ctx;
	for (int next = 0; next < MARKS && !status; next += MARKS_EACH)
		status = db_transact(db, mark_some, &next, err);
	return status;
}

static void test_the_oldest_mark_makes_room_and_never_that_of_the_results(void **state)
{
	struct stage *stage = *state;
	assert_int_equal(stage_run(stage, mark_many, NULL, NULL), STATUS_OK);
	for (int i = 0; i < 2; i++) {
		assert_true(
		    str_eq(writer_marked(stage->writer, STR("trade_results")), STR("kept")));
		assert_true(str_eq(writer_marked(stage->writer, STR("market:4500")), STR("4500")));
		assert_true(str_eq(writer_marked(stage->writer, STR("market:1000")), STR("1000")));
		assert_int_equal(writer_marked(stage->writer, STR("market:0")).len, 0);
		stage_close(stage);
		stage_open(stage);
	}
}

/* ---- rows out of the file ---- */

static void random_row(struct archive_rows *rows, struct rng *rng, int64_t n)
{
	const struct archive_table_row *table = archive_table_row(TABLE_trade_results);
	archive_rows_begin(rows, TABLE_trade_results);
	for (unsigned i = 0; i < table->columns; i++) {
		enum archive_column column = (enum archive_column)((unsigned)table->first + i);
		const struct archive_column_row *row = archive_column_row(column);
		char text[64];
		snprintf(text, sizeof text, "%" PRId64 "-%.*s", n, (int)rng_below(rng, 20),
			 "abcdefghijklmnopqrstuvwxyz");
		if (row->optional && rng_below(rng, 3) == 0)
			continue;
		if (row->type == ARCHIVE_INT)
			archive_row_int(rows, column,
					column == table->time ? stage_us + n
							      : (int64_t)rng_next(rng));
		else if (row->type == ARCHIVE_DEC)
			archive_row_dec(rows, column,
					(int64_t)rng_below(rng, 2000000000000000) -
					    1000000000000000);
		else
			archive_row_text(rows, column, str_of(text));
	}
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

static bool same_rows(const struct archive_row *a, const struct archive_row *b)
{
	const struct archive_table_row *table = archive_table_row((enum archive_table)a->table);
	char left[256], right[256];
	for (unsigned i = 0; i < table->columns; i++) {
		enum archive_column column = (enum archive_column)((unsigned)table->first + i);
		struct buf one = buf_over(left, sizeof left), two = buf_over(right, sizeof right);
		archive_cell_print(&one, a, column);
		archive_cell_print(&two, b, column);
		if (!str_eq(buf_str(&one), buf_str(&two)) ||
		    archive_cell_there(a, column) != archive_cell_there(b, column))
			return false;
	}
	return true;
}

struct reading {
	struct archive_rows put, got;
	bool full;
};

static enum status read_all(struct archive_db *db, void *ctx, struct err *err)
{
	struct reading *reading = ctx;
	enum status status =
	    db_read_rows(db, TABLE_trade_results, "event_us >= ? ORDER BY rowid",
			 DB_ARGS(DB_INT(stage_us)), SIZE_MAX / 2, &reading->got, err);
	reading->full = status == STATUS_FULL;
	return reading->full ? STATUS_OK : status;
}

static void test_rows_are_read_as_they_were_written(void **state)
{
	struct stage *stage = *state;
	struct reading reading = { .full = false };
	struct rng rng;
	rng_init(&rng, 11);
	archive_rows_init(&reading.put, 64 << 20);
	archive_rows_init(&reading.got, 64 << 20);
	for (int64_t n = 0; n < 6000; n++)
		random_row(&reading.put, &rng, n);
	struct writer_batch *batch = stage_take(stage);
	const struct archive_row *row = NULL, *other = NULL;
	while ((row = archive_rows_next(&reading.put, row)))
		assert_int_equal(archive_rows_copy(&batch->rows, row), 0);
	assert_int_equal(stage_submit(stage, batch).taken, 6000);
	assert_int_equal(stage_run(stage, read_all, &reading, NULL), 0);
	assert_int_equal(reading.got.count, 6000);
	while ((row = archive_rows_next(&reading.put, row))) {
		other = archive_rows_next(&reading.got, other);
		assert_true(same_rows(row, other));
	}
	/* No room for them all: those that fit are there. */
	archive_rows_deinit(&reading.got);
	archive_rows_init(&reading.got, 1 << 20);
	assert_int_equal(stage_run(stage, read_all, &reading, NULL), 0);
	assert_true(reading.full);
	assert_true(reading.got.count > 1000 && reading.got.count < 6000);
	archive_rows_deinit(&reading.put);
	archive_rows_deinit(&reading.got);
}

static enum status append_letters(struct archive_db *db, void *ctx, struct err *err)
{
	return db_append(db, ctx, err);
}

struct letters {
	struct archive_rows rows;
};

static enum status append_them(struct archive_db *db, void *ctx, struct err *err)
{
	return db_transact(db, append_letters, &((struct letters *)ctx)->rows, err);
}

static void test_rows_may_be_appended_by_work_on_the_thread(void **state)
{
	struct stage *stage = *state;
	struct letters letters;
	archive_rows_init(&letters.rows, 8 << 20);
	for (int i = 0; i < 3000; i++) {
		stage_result(&letters.rows, "x", i, "fail", stage_us);
		archive_rows_begin(&letters.rows, TABLE_operator_log);
		archive_row_int(&letters.rows, COLUMN_operator_log_at_us, i);
		archive_row_text(&letters.rows, COLUMN_operator_log_operator, STR("local"));
		archive_row_text(&letters.rows, COLUMN_operator_log_action, STR("stop"));
		archive_row_text(&letters.rows, COLUMN_operator_log_target, STR("all"));
		assert_int_equal(archive_rows_end(&letters.rows), 0);
	}
	assert_int_equal(stage_run(stage, append_them, &letters, NULL), 0);
	assert_int_equal(writer_rows(stage->writer, TABLE_operator_log), 3000);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM operator_log"), "3000");
	archive_rows_deinit(&letters.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_statements_are_bound_run_and_read),
		TEST(test_a_transaction_is_whole_or_nothing),
		TEST(test_a_mark_of_any_bytes_comes_back_as_the_same_text),
		TEST(test_the_oldest_mark_makes_room_and_never_that_of_the_results),
		TEST(test_rows_are_read_as_they_were_written),
		TEST(test_rows_may_be_appended_by_work_on_the_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
