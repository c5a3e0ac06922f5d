/* An error of COMMIT says nothing: here some commits are made and answered with an error, and
 * some are rolled back and answered so, those of opening the file among them. A batch is
 * committed exactly once all the same. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive/duck.h"
#include "base/rng.h"
#include "writer_stage.h"

enum { BATCHES = 150, ROWS = 20, E8 = 100000000 };

static struct {
	struct duck duck;
	struct rng rng;
	bool active, loaded;
	unsigned landed, undone, most_undone;
} faults;

/* The thread's COMMITs, one after the other. */
static duckdb_state faulty_query(duckdb_connection connection, const char *sql,
				 duckdb_result *result)
{
	__typeof__(duckdb_query) *real = NULL;
	*(void **)&real = dlsym(dlopen("libduckdb.so", RTLD_NOW), "duckdb_query");
	if (!faults.active || strcmp(sql, "COMMIT") != 0 || rng_below(&faults.rng, 8))
		return real(connection, sql, result);
	bool lands = rng_below(&faults.rng, 3) > 0 || faults.undone == faults.most_undone;
	faults.landed += lands;
	faults.undone += !lands;
	assert_int_equal(real(connection, lands ? "COMMIT" : "ROLLBACK", result), DuckDBSuccess);
	return DuckDBError;
}

/* The writer links this one instead of the library's. */
const struct duck *duck_load(struct err *err)
{
	void *library = dlopen("libduckdb.so", RTLD_NOW);
	if (!library) {
		err_set(err, STATUS_UNAVAILABLE, "%s", dlerror());
		return NULL;
	}
	if (faults.loaded)
		return &faults.duck;
#define DUCK(name) *(void **)(void *)&faults.duck.name = dlsym(library, "duckdb_" #name);
	DUCK_FUNCTIONS
#undef DUCK
	faults.duck.query = faulty_query;
	faults.loaded = true;
	return &faults.duck;
}

static void put(struct stage *stage, int n)
{
	struct writer_batch *batch = stage_take(stage);
	char mark[16];
	for (int i = 0; i < ROWS; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "%d-mt5-017-%d", n, i);
		stage_result(&batch->rows, rid, n, "fail", stage_us + n);
	}
	struct stage_deal in = { 2 * n + 2, n + 2, "buy", E8, E8, 0, 0, stage_us + n };
	struct stage_deal out = { 2 * n + 1, n + 1, "sell", E8, E8, n, 0, stage_us + n };
	stage_deal(&batch->rows, &in);
	if (n)
		stage_deal(&batch->rows, &out);
	snprintf(mark, sizeof mark, "%d", n);
	writer_mark(batch, STR("n"), str_of(mark));
	writer_count(batch, "batches", 1);
	struct done done = stage_submit(stage, batch);
	assert_int_equal(done.status, STATUS_OK);
	assert_int_equal(done.taken, ROWS + 1 + (n > 0));
	/* What was said to be committed is in the file, now. */
	char want[32];
	snprintf(want, sizeof want, "%d", ROWS);
	char sql[96];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM trade_results WHERE sid = %d", n);
	assert_string_equal(stage_ask(stage, sql), want);
}

static void test_a_batch_is_committed_once_whatever_commit_says(void **state)
{
	static struct stage stage;
	(void)state;
	rng_init(&faults.rng, 20261121);
	faults.most_undone = 8; /* each is a second of waiting */
	stage_begin(&stage);
	stage.config.sinks[0] = "clickhouse";
	stage_open(&stage);
	faults.active = true;
	for (int n = 0; n < BATCHES; n++)
		put(&stage, n);
	faults.active = false;
	print_message("%u commits landed unsaid, %u did not\n", faults.landed, faults.undone);
	assert_true(faults.landed >= 5 && faults.undone >= 3);
	assert_true(writer_counts(stage.writer)->reopened >= faults.undone);
	for (int i = 0; i < 2; i++) {
		char want[64];
		snprintf(want, sizeof want, "%d %d", BATCHES * (ROWS + 2) - 1,
			 BATCHES * (ROWS + 2) - 1);
		assert_string_equal(stage_ask(&stage, "SELECT count(*) || ' ' || count(DISTINCT "
						      "result_id) FROM trade_results"),
				    want);
		snprintf(want, sizeof want, "%d %d", BATCHES - 1, BATCHES * (BATCHES - 1) / 2);
		assert_string_equal(stage_ask(&stage, "SELECT count(*) || ' ' || (sum(pnl) * "
						      "100000000)::BIGINT FROM trades"),
				    want);
		assert_int_equal(writer_counted(stage.writer, "batches"), BATCHES);
		assert_int_equal(writer_rows(stage.writer, TABLE_trades), BATCHES - 1);
		stage_close(&stage);
		stage_open(&stage);
	}
	assert_string_equal(
	    stage_ask(&stage, "SELECT count(*) FROM batches b WHERE rows <> (SELECT count(*) FROM "
			      "(SELECT batch_id FROM trade_results UNION ALL SELECT batch_id FROM "
			      "trades) r WHERE r.batch_id = b.batch_id)"),
	    "0");
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_batch_is_committed_once_whatever_commit_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
