/* What it takes to read trade_results: a real server with its append-only file synced
 * always, results of a busy fleet in the stream, an entry each or packed PACKED_ROWS an entry,
 * and a writer that only counts. All of it is read, turned into rows, acknowledged and
 * trimmed: results a second by the clock, and what of a core the loop's thread needs for one.
 * Beside it the same of plain entries in the barest way there is, a blocking client that
 * looks at nothing but the ids. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "archive/results.h"
#include "../tests/redis_fixture.h"
#include "base/check.h"
#include "codec/entries.h"
#include "os/redis_conn.h"
#include "report.h"
#include "trade/result.h"

enum { RESULTS = 102400, PACKED_ROWS = 32, ROUNDS = 3, PAGE = 1000, FIELDS = 50 };

static const int64_t patience_ns = 60000000000;

/* ---- the writer: commits on the loop's next turn ---- */

struct writer {
	struct loop *loop;
	struct loop_task task;
	struct writer_batch batches[WRITER_BATCHES];
	bool taken[WRITER_BATCHES];
	struct writer_batch *queue[WRITER_BATCHES];
	size_t waiting;
	char mark[WRITER_MARK_BYTES];
	uint64_t number, rows, checkpointed;
	struct results *results;
};

static void run_writer(void *ctx)
{
	struct writer *writer = ctx;
	while (writer->waiting > 0) {
		struct writer_batch *batch = writer->queue[0];
		memmove(writer->queue, writer->queue + 1, --writer->waiting * sizeof batch);
		writer->rows += batch->rows.count;
		batch->number = ++writer->number;
		batch->rows_taken = (uint32_t)batch->rows.count;
		batch->rows_known = 0;
		batch->done(batch->ctx, batch, STATUS_OK);
		writer->taken[batch - writer->batches] = false;
	}
	if (writer->number >= writer->checkpointed + 4) {
		writer->checkpointed = writer->number;
		results_checkpointed(writer->results, writer->number);
	}
}

enum writer_state writer_state(const struct writer *writer)
{
	return writer ? WRITER_READY : WRITER_CLOSING;
}

struct writer_batch *writer_batch_take(struct writer *writer)
{
	for (size_t i = 0; i < WRITER_BATCHES; i++)
		if (!writer->taken[i]) {
			writer->taken[i] = true;
			archive_rows_clear(&writer->batches[i].rows);
			return &writer->batches[i];
		}
	return NULL;
}

void writer_batch_drop(struct writer *writer, struct writer_batch *batch)
{
	writer->taken[batch - writer->batches] = false;
}

void writer_submit(struct writer *writer, struct writer_batch *batch)
{
	writer->queue[writer->waiting++] = batch;
	loop_defer(writer->loop, &writer->task);
}

static char newest_mark[WRITER_MARK_BYTES];

void writer_mark(struct writer_batch *batch, struct str name, struct str value)
{
	(void)batch;
	if (!str_eq(name, STR("trade_results")))
		return;
	CHECK(str_copy(value, newest_mark, sizeof newest_mark) == STATUS_OK);
}

struct str writer_marked(const struct writer *writer, struct str name)
{
	(void)writer;
	return str_eq(name, STR("trade_results")) ? str_of(newest_mark) : (struct str){ 0 };
}

static uint64_t retries;

enum status writer_retry_put(struct writer_batch *batch, const struct writer_retry *retry)
{
	(void)batch, (void)retry;
	retries++;
	return STATUS_OK;
}

void writer_retries(struct writer *writer,
		    void (*each)(void *ctx, const struct writer_retry *retry),
		    void (*done)(void *ctx, enum status status), void *ctx)
{
	(void)writer, (void)each;
	done(ctx, STATUS_OK);
}

/* Nothing of the real one is linked. */
void writer_retry_drop(struct writer_batch *batch, struct str origin, struct str entry_id)
{
	(void)batch, (void)origin, (void)entry_id;
}
void writer_dead_drop(struct writer_batch *batch, struct str origin, struct str letter_id)
{
	(void)batch, (void)origin, (void)letter_id;
}
void writer_count(struct writer_batch *batch, const char *name, int64_t by)
{
	(void)batch, (void)name, (void)by;
}
int64_t writer_counted(const struct writer *writer, const char *name)
{
	(void)writer, (void)name;
	return 0;
}
void writer_checkpoint(struct writer *writer) { (void)writer; }

/* ---- the results of a fleet ---- */

static size_t put_text(struct str *argv, size_t argc, const char *name, const char *text)
{
	argv[argc] = str_of(name);
	argv[argc + 1] = str_of(text);
	return argc + 2;
}

static size_t put_number(struct str *argv, size_t argc, const char *name, const char *before,
			 char storage[32], unsigned long long value)
{
	snprintf(storage, 32, "%s%llu", before, value);
	return put_text(argv, argc, name, storage);
}

struct made {
	char text[16][32], rid[80];
	struct str argv[3 + FIELDS];
	size_t argc;
};

/* As a terminal's R frame becomes one; src/trade/result.c. */
static void make_result(struct made *made, unsigned long long number)
{
	char(*text)[32] = made->text;
	struct str *argv = made->argv;
	unsigned long long sid = 5629499534213121 + number, deal = 391774213 + number;
	size_t n = 3;
	argv[0] = STR("XADD");
	argv[1] = STR("trade_results");
	argv[2] = STR("*");
	snprintf(made->rid, sizeof made->rid, "%llu-mt5-%llu-%llu", sid, 1000 + number % 1000,
		 deal);
	n = put_text(argv, n, "rid", made->rid);
	n = put_number(argv, n, "sid", "", text[0], sid);
	n = put_number(argv, n, "ins", "mt5-", text[1], 1000 + number % 1000);
	n = put_text(argv, n, "st", "done");
	n = put_text(argv, n, "rc", "10009");
	n = put_number(argv, n, "ord", "", text[2], 573338240 + number);
	n = put_number(argv, n, "deal", "", text[3], deal);
	n = put_number(argv, n, "pos", "", text[4], 573338240 + number);
	n = put_text(argv, n, "sym", "EURUSD");
	n = put_text(argv, n, "sd", number % 2 ? "buy" : "sell");
	n = put_text(argv, n, "vol", "0.10");
	n = put_number(argv, n, "rq", "1.0", text[5], 8000 + number % 1000);
	n = put_number(argv, n, "px", "1.0", text[6], 8000 + (number + 2) % 1000);
	n = put_text(argv, n, "slp", "2.0");
	n = put_text(argv, n, "com", "-0.35");
	n = put_text(argv, n, "swp", "0.00");
	n = put_text(argv, n, "fee", "0.00");
	n = put_number(argv, n, "pnl", "0.", text[7], 10 + number % 90);
	n = put_number(argv, n, "ex", "", text[8], 100 + number % 400);
	n = put_number(argv, n, "sv", "", text[9], 1784056990412 + number);
	n = put_number(argv, n, "t", "", text[10], 1784046190500 + number);
	n = put_text(argv, n, "try", "1");
	made->argc = n;
}

static void add_plain(struct redis_port *port, unsigned long long number)
{
	struct made made;
	make_result(&made, number);
	CHECK(redis_command(port, made.argv, made.argc, NULL, NULL) == STATUS_OK);
}

static void add_packed(struct redis_port *port, unsigned long long number)
{
	static struct made made[PACKED_ROWS];
	static struct str values[PACKED_ROWS][RESULT_FIELDS];
	static char bytes[ENTRIES_CHUNK_BYTES];
	static struct entries_packer *packer;
	struct buf chunk = buf_over(bytes, sizeof bytes);
	packer = packer ? packer : entries_packer_create();
	for (size_t row = 0; row < PACKED_ROWS; row++) {
		make_result(&made[row], number + row);
		for (size_t i = 3; i < made[row].argc; i += 2)
			values[row][entries_field_find(ENTRIES_RESULTS, made[row].argv[i])] =
			    made[row].argv[i + 1];
	}
	CHECK(entries_pack(packer, ENTRIES_RESULTS, values[0], PACKED_ROWS, &chunk) == STATUS_OK);
	const struct str argv[] = { STR("XADD"), STR("trade_results"), STR("*"), STR("p"),
				    buf_str(&chunk) };
	CHECK(redis_command(port, argv, ARRAY_LEN(argv), NULL, NULL) == STATUS_OK);
}

/* ---- both ways ---- */

struct bench {
	struct loop *loop;
	char *folder, path[300];
	pid_t server;
	struct redis_conn *conn;
	struct writer writer;
	bool up, done;
	unsigned long long next;
};

static void on_up(void *ctx) { ((struct bench *)ctx)->up = true; }
static void on_done(void *ctx, enum status status)
{
	CHECK(status == STATUS_OK);
	((struct bench *)ctx)->done = true;
}
static void on_answer(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	on_done(ctx, status);
}
static int64_t no_offset(void *ctx, struct str instance)
{
	(void)ctx, (void)instance;
	return 10800000;
}

static void wait_for(struct bench *bench, bool *flag)
{
	CHECK(loop_turn_until(bench->loop, flag, patience_ns));
}

static void run_command(struct bench *bench, const struct str *argv, size_t argc)
{
	bench->done = false;
	CHECK(redis_command(redis_conn_port(bench->conn), argv, argc, on_answer, bench) ==
	      STATUS_OK);
	wait_for(bench, &bench->done);
}

static void fill(struct bench *bench, bool packed)
{
	const struct str ping = STR("PING");
	for (int i = 0; i < RESULTS; i += packed ? PACKED_ROWS : 1) {
		if (packed)
			add_packed(redis_conn_port(bench->conn), bench->next);
		else
			add_plain(redis_conn_port(bench->conn), bench->next);
		bench->next += packed ? PACKED_ROWS : 1;
		if (i % 2048 == 0)
			run_command(bench, &ping, 1);
	}
	run_command(bench, &ping, 1);
}

/* Results a second by the clock. */
static double bare_round(struct bench *bench)
{
	redisContext *redis = redisConnectUnix(bench->path);
	static const char *argv[PAGE + 3] = { "XACK", "trade_results", "bare" };
	static size_t lens[PAGE + 3] = { 4, 13, 4 };
	CHECK(redis && !redis->err);
	freeReplyObject(redisCommand(redis, "XGROUP CREATE trade_results bare 0"));
	double begin = seconds_of(CLOCK_MONOTONIC);
	int taken = 0;
	while (taken < RESULTS) {
		redisReply *reply = redisCommand(
		    redis, "XREADGROUP GROUP bare c COUNT 1000 STREAMS trade_results >");
		CHECK(reply && reply->type == REDIS_REPLY_ARRAY);
		const redisReply *entries = reply->element[0]->element[1];
		for (size_t i = 0; i < entries->elements; i++) {
			argv[3 + i] = entries->element[i]->element[0]->str;
			lens[3 + i] = entries->element[i]->element[0]->len;
		}
		freeReplyObject(redisCommandArgv(redis, (int)entries->elements + 3, argv, lens));
		freeReplyObject(redisCommand(redis, "XTRIM trade_results MINID %s",
					     argv[2 + entries->elements]));
		taken += (int)entries->elements;
		freeReplyObject(reply);
	}
	double spent = seconds_of(CLOCK_MONOTONIC) - begin;
	freeReplyObject(redisCommand(redis, "XTRIM trade_results MAXLEN 0"));
	freeReplyObject(redisCommand(redis, "XGROUP DESTROY trade_results bare"));
	redisFree(redis);
	return RESULTS / spent;
}

/* Results a second by the clock; *cpu_us: of the loop's thread, for one. */
static double weir_round(struct bench *bench, bool packed, double *cpu_us)
{
	const uint64_t entries = packed ? RESULTS / PACKED_ROWS : RESULTS;
	struct results_config config = { .rtrs = redis_conn_port(bench->conn),
					 .writer = &bench->writer,
					 .timers = loop_timers(bench->loop),
					 .clock = loop_clock(bench->loop),
					 .retry_ms = { 10000 },
					 .retries = 1,
					 .offset_ms = no_offset };
	uint64_t rows = bench->writer.rows;
	bench->writer.results = results_create(&config);
	CHECK(bench->writer.results);
	double begin = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	results_start(bench->writer.results);
	bench->done = false;
	results_drain(bench->writer.results, on_done, bench);
	wait_for(bench, &bench->done);
	double spent = seconds_of(CLOCK_MONOTONIC) - begin;
	*cpu_us = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1e6 / RESULTS;
	CHECK(bench->writer.rows - rows == RESULTS && retries == 0);
	const struct results_counts counts = results_counts(bench->writer.results);
	CHECK(counts.acked == entries && counts.trimmed > entries / 2);
	results_stop(bench->writer.results);
	const struct str trim[] = { STR("XTRIM"), STR("trade_results"), STR("MAXLEN"), STR("0") };
	run_command(bench, trim, ARRAY_LEN(trim)); /* and what was on its way is answered */
	results_destroy(bench->writer.results);
	return RESULTS / spent;
}

static void open_bench(struct bench *bench)
{
	static const char *const durable[] = {
		"--appendonly", "yes", "--appendfsync", "always", "--stream-node-max-bytes",
		"16384",        NULL
	};
	struct err err;
	*bench = (struct bench){ .folder = fixture_folder() };
	CHECK(bench->folder && loop_create(64, &bench->loop, &err) == STATUS_OK);
	snprintf(bench->path, sizeof bench->path, "%s/redis.sock", bench->folder);
	bench->server = fixture_redis(bench->folder, durable);
	const struct redis_conn_config config = {
		.unix_path = bench->path, .deadline_ns = patience_ns, .on_up = on_up, .ctx = bench
	};
	CHECK(redis_conn_open(bench->loop, &config, &bench->conn, &err) == STATUS_OK);
	redis_conn_hurry(bench->conn, patience_ns);
	wait_for(bench, &bench->up);
	bench->writer.loop = bench->loop;
	bench->writer.task = (struct loop_task){ .fn = run_writer, .ctx = &bench->writer };
	for (size_t i = 0; i < WRITER_BATCHES; i++)
		archive_rows_init(&bench->writer.batches[i].rows, WRITER_BATCH_BYTES);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void close_bench(struct bench *bench)
{
	bool closed = false;
	redis_conn_close(bench->conn, set_flag, &closed);
	wait_for(bench, &closed);
	fixture_kill(bench->server);
	for (size_t i = 0; i < WRITER_BATCHES; i++)
		archive_rows_deinit(&bench->writer.batches[i].rows);
	loop_destroy(bench->loop);
	fixture_remove(bench->folder);
}

static void run_round(struct bench *bench, bool packed, struct samples *rate, struct samples *cpu)
{
	double cpu_us;
	fill(bench, packed);
	samples_add(rate, weir_round(bench, packed, &cpu_us) / 1000);
	samples_add(cpu, cpu_us);
}

int main(void)
{
	static struct bench bench;
	static struct samples bare, rates[2], cpus[2];
	if (!fixture_has_redis())
		return 77;
	open_bench(&bench);
	for (int round = 0; round < ROUNDS; round++) {
		fill(&bench, false);
		samples_add(&bare, bare_round(&bench) / 1000);
		run_round(&bench, false, &rates[0], &cpus[0]);
		run_round(&bench, true, &rates[1], &cpus[1]);
	}
	close_bench(&bench);
	double bare_k =
	    report("results: bare XREADGROUP, XACK, XTRIM, plain", &bare, "k results/s");
	double plain_k =
	    report("results: read, rows, acknowledged, trimmed", &rates[0], "k results/s");
	double plain_us = report("results: of the loop's thread, one", &cpus[0], "us");
	double packed_k =
	    report("results: the same, packed, 32 an entry", &rates[1], "k results/s");
	double packed_us = report("results: of the loop's thread, a packed one", &cpus[1], "us");
	bool met = report_bound("  share of the bare loop", plain_k / bare_k, "", true, 0.8);
	met &= report_bound("  one result", plain_us, "us", false, 6);
	met &= report_bound("  packed, times as many a second", packed_k / plain_k, "", true, 1);
	met &= report_bound("  a packed one", packed_us, "us", false, plain_us);
	return met ? 0 : 1;
}
