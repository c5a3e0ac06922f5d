/* The archive file, the sinks and a real clickhouse-server: weir is killed, the server is
 * stopped, killed and started again, and each row is there once by FINAL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/clickhouse.h"
#include "archive/sinks_impl.h"
#include "base/crash.h"
#include "clickhouse_server.h"
#include "os/http.h"
#include "writer_stage.h"

enum { ROWS = 400, BATCHES = 5 };

static enum crash armed = CRASH_COUNT;
static long times;
static struct clickhouse_server server;

void crash_point(enum crash point)
{
	if (point == armed && --times == 0)
		raise(SIGKILL);
}

struct chain {
	struct stage file;
	struct http *http;
	struct sinks *sinks;
	int64_t deadline_ms; /* of an insert */
};

static void on_closed(void *ctx) { *(bool *)ctx = true; }

static void chain_open(struct chain *chain, const char *database)
{
	struct err err = { 0 };
	struct sinks_config config = {
		.settle_ms = 300, .close_ms = 3600000, .close_rows = 10000, .seed = 5, .count = 1
	};
	char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", server.port, database);
	CHECK(loop_create(64, &chain->file.loop, &err) == STATUS_OK);
	CHECK(http_open(chain->file.loop, &(struct http_config){ 0 }, &chain->http, &err) ==
	      STATUS_OK);
	const struct clickhouse_config clickhouse = { .http = http_client(chain->http),
						      .timers = loop_timers(chain->file.loop),
						      .url = str_of(url),
						      .deadline_ns = chain->deadline_ms * 1000000 };
	CHECK(clickhouse_create(&clickhouse, &config.sinks[0], &err) == STATUS_OK);
	chain->file.config.sinks[0] = "clickhouse";
	stage_open(&chain->file);
	config.loop = chain->file.loop;
	config.writer = chain->file.writer;
	CHECK(sinks_open(&config, &chain->sinks, &err) == STATUS_OK);
}

static void wait_for(struct chain *chain, const bool *flag)
{
	CHECK(loop_turn_until(chain->file.loop, flag, stage_patience_ns));
}

static void chain_close(struct chain *chain)
{
	bool closed = false;
	sinks_close(chain->sinks, on_closed, &closed);
	wait_for(chain, &closed);
	stage_close(&chain->file);
	closed = false;
	http_close(chain->http, on_closed, &closed);
	wait_for(chain, &closed);
	loop_destroy(chain->file.loop);
}

static enum status cut(struct archive_db *db, void *ctx, struct err *err)
{
	(void)ctx;
	return db_batches_close_all(db, err);
}

static void put(struct chain *chain)
{
	for (unsigned b = 0; b < BATCHES; b++) {
		struct writer_batch *batch = stage_take(&chain->file);
		for (unsigned i = 0; i < ROWS; i++) {
			char rid[32];
			snprintf(rid, sizeof rid, "r%u", b * ROWS + i);
			stage_result(&batch->rows, rid, b * ROWS + i, "refused", stage_us);
		}
		stage_submit(&chain->file, batch);
		CHECK(stage_run(&chain->file, cut, NULL, NULL) == STATUS_OK);
	}
}

static void drain(struct chain *chain)
{
	sinks_start(chain->sinks);
	sinks_flush(chain->sinks);
	for (int64_t end = loop_precise_ns() + INT64_C(300000000000); !sinks_idle(chain->sinks);) {
		CHECK(loop_precise_ns() < end);
		loop_turn(chain->file.loop, 10000000);
	}
	CHECK(sinks_shipped(chain->sinks, TABLE_trade_results) == ROWS * BATCHES);
}

/* In a process of its own: true, it was killed. */
static pid_t begin_child(struct chain *chain, const char *database, void (*fn)(struct chain *chain),
			 enum crash point, long n)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv("CMOCKA_TEST_ABORT", "1", 1); /* it fails for itself, and runs no other */
	armed = point;
	times = n;
	chain_open(chain, database);
	fn(chain);
	chain_close(chain);
	_exit(0);
}

static bool end_child(pid_t pid)
{
	int state;
	assert_int_equal(waitpid(pid, &state, 0), pid);
	bool killed = WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL;
	if (WIFEXITED(state) && WEXITSTATUS(state) == 77) { /* no DuckDB: it said so */
		clickhouse_remove(&server);
		_exit(77);
	}
	if (!killed && (!WIFEXITED(state) || WEXITSTATUS(state)))
		fail_msg("the child ended with %d", state);
	return killed;
}

static bool in_child(struct chain *chain, const char *database, void (*fn)(struct chain *chain),
		     enum crash point, long n)
{
	return end_child(begin_child(chain, database, fn, point, n));
}

static void chain_begin(struct chain *chain)
{
	*chain = (struct chain){ .deadline_ms = 60000 };
	stage_begin(&chain->file);
	loop_destroy(chain->file.loop); /* each process has its own */
	chain->file.loop = NULL;
}

static void chain_end(struct chain *chain)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", chain->file.dir);
	assert_int_equal(system(command), 0);
}

static void expect_once(const char *database)
{
	char sql[256];
	snprintf(sql, sizeof sql, "SELECT count() FROM %s.trade_results FINAL", database);
	assert_int_equal(clickhouse_number(&server, sql), ROWS * BATCHES);
	snprintf(sql, sizeof sql, "SELECT uniqExact(result_id) FROM %s.trade_results", database);
	assert_int_equal(clickhouse_number(&server, sql), ROWS * BATCHES);
	snprintf(sql, sizeof sql, "SELECT sum(sid) FROM %s.trade_results FINAL", database);
	assert_int_equal(clickhouse_number(&server, sql),
			 (long long)ROWS * BATCHES * (ROWS * BATCHES - 1) / 2);
}

/* ---- tests ---- */

static void killed_anywhere_each_row_is_there_once(void **state)
{
	(void)state;
	static const enum crash points[] = { CRASH_batch, CRASH_http_half, CRASH_ch_ok,
					     CRASH_shipped };
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct chain chain;
		char database[32];
		snprintf(database, sizeof database, "killed%zu", i);
		chain_begin(&chain);
		assert_false(in_child(&chain, database, put, CRASH_COUNT, 0));
		assert_true(in_child(&chain, database, drain, points[i], 3));
		assert_true(in_child(&chain, database, drain, points[i], 1));
		assert_false(in_child(&chain, database, drain, CRASH_COUNT, 0));
		expect_once(database);
		char sql[128];
		snprintf(sql, sizeof sql, "SELECT count() FROM %s.trade_results", database);
		assert_int_equal(clickhouse_number(&server, sql), ROWS * BATCHES);
		chain_end(&chain);
	}
}

static void a_server_that_was_stopped_has_each_row_once(void **state)
{
	(void)state;
	struct chain chain;
	chain_begin(&chain);
	chain.deadline_ms = 3000;
	assert_false(in_child(&chain, "stopped", put, CRASH_COUNT, 0));
	pid_t pid = begin_child(&chain, "stopped", drain, CRASH_COUNT, 0);
	for (int i = 0; i < 1000 && clickhouse_number(
					&server, "SELECT count() FROM stopped.trade_results") <= 0;
	     i++)
		usleep(1000);
	kill(server.pid, SIGSTOP);
	usleep(4500000); /* longer than an insert is waited for */
	kill(server.pid, SIGCONT);
	assert_false(end_child(pid));
	expect_once("stopped");
	chain_end(&chain);
}

static void a_server_that_was_killed_has_each_row_once(void **state)
{
	(void)state;
	struct chain chain;
	chain_begin(&chain);
	assert_false(in_child(&chain, "dead", put, CRASH_COUNT, 0));
	pid_t pid = begin_child(&chain, "dead", drain, CRASH_COUNT, 0);
	for (int i = 0;
	     i < 1000 && clickhouse_number(&server, "SELECT count() FROM dead.trade_results") <= 0;
	     i++)
		usleep(1000);
	clickhouse_end(&server, SIGKILL);
	assert_true(clickhouse_start(&server));
	assert_false(end_child(pid));
	expect_once("dead");
	chain_end(&chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere_each_row_is_there_once),
		cmocka_unit_test(a_server_that_was_stopped_has_each_row_once),
		cmocka_unit_test(a_server_that_was_killed_has_each_row_once),
	};
	if (!clickhouse_installed())
		return 77;
	if (!clickhouse_begin(&server))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	clickhouse_remove(&server);
	return failed;
}
