/* Rows of trade_results from a full archive file to a real clickhouse-server, the whole step:
 * read, encoded, sent, recorded; beside it the same bytes sent by a bare HTTP client. Batches
 * as they are in quiet times (10,000 rows) and after an outage (SINKS_ROWS_GROWN). The
 * server's data lie in memory (/dev/shm) unless TMPDIR says otherwise, as a part makes a
 * hundred files, whose making on a disk is what is measured otherwise; the archive file is on
 * the disk. */
#include <inttypes.h>

#include "../tests/clickhouse_server.h"
#include "archive/clickhouse.h"
#include "archive/clickhouse_ddl.h"
#include "archive/db.h"
#include "archive/native.h"
#include "archive/sinks.h"
#include "base/check.h"
#include "os/http.h"
#include "report.h"

enum { BENCH_ROWS = 400000, ROUNDS = 3, FILL_ROWS = 16384 };

#define MONTH_US INT64_C(1795000000000000) /* 2026-11-18 */

struct bench {
	struct clickhouse_server server;
	struct loop *loop;
	struct http *http;
	struct writer *writer;
	struct sinks *sinks;
	char dir[64], path[96], temp[96];
	struct archive_rows rows;
	bool flag;
	double cpu_ns; /* of weir alone, a row, in the newest round */
};

static void on_flag(void *ctx) { ((struct bench *)ctx)->flag = true; }

static void wait_for(struct bench *bench)
{
	CHECK(loop_turn_until(bench->loop, &bench->flag, INT64_C(120000000000)));
	bench->flag = false;
}

static void on_open(void *ctx, enum status status, const struct err *err)
{
	if (status == STATUS_UNAVAILABLE) {
		printf("%s\n", err->text);
		exit(77);
	}
	CHECK(status == STATUS_OK);
	on_flag(ctx);
}

/* A deal as terminals tell it. */
static void put_row(struct archive_rows *rows, uint64_t number)
{
	char rid[64], comment[32];
	snprintf(rid, sizeof rid, "%" PRIu64 "-mt5-%03u-%" PRIu64, 5629499534213121 + number,
		 (unsigned)(number % 200), 391774213 + number);
	snprintf(comment, sizeof comment, "strat%u", (unsigned)(number % 40));
	archive_rows_begin(rows, TABLE_trade_results);
	archive_row_text(rows, COLUMN_trade_results_result_id, str_of(rid));
	archive_row_text(rows, COLUMN_trade_results_signal_id, str_make(rid, 16));
	archive_row_int(rows, COLUMN_trade_results_sid, (int64_t)(5629499534213121 + number));
	archive_row_text(rows, COLUMN_trade_results_instance, str_make(rid + 17, 7));
	archive_row_text(rows, COLUMN_trade_results_server, STR("FPMarketsSC-Live"));
	archive_row_int(rows, COLUMN_trade_results_login, 90000001);
	archive_row_text(rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(rows, COLUMN_trade_results_retcode, 10009);
	archive_row_int(rows, COLUMN_trade_results_order_ticket, (int64_t)(573338240 + number));
	archive_row_int(rows, COLUMN_trade_results_deal_ticket, (int64_t)(391774213 + number));
	archive_row_int(rows, COLUMN_trade_results_position_id, (int64_t)(573338240 + number / 2));
	archive_row_text(rows, COLUMN_trade_results_symbol, STR("EURUSD"));
	archive_row_text(rows, COLUMN_trade_results_side, number % 2 ? STR("buy") : STR("sell"));
	archive_row_dec(rows, COLUMN_trade_results_volume, 10000000);
	archive_row_dec(rows, COLUMN_trade_results_price, 108514000 + (int64_t)(number % 1000));
	archive_row_dec(rows, COLUMN_trade_results_price_requested, 108512000);
	archive_row_dec(rows, COLUMN_trade_results_slippage_points, 200000000);
	archive_row_dec(rows, COLUMN_trade_results_commission, -35000000);
	archive_row_dec(rows, COLUMN_trade_results_swap, 0);
	archive_row_dec(rows, COLUMN_trade_results_fee, 0);
	archive_row_dec(rows, COLUMN_trade_results_pnl, (int64_t)(number % 977) * 1000000);
	archive_row_int(rows, COLUMN_trade_results_execution_ms, 316);
	archive_row_int(rows, COLUMN_trade_results_server_time_ms, 1784046190412);
	archive_row_int(rows, COLUMN_trade_results_received_us, MONTH_US + (int64_t)number * 100);
	archive_row_int(rows, COLUMN_trade_results_attempt, 1);
	archive_row_text(rows, COLUMN_trade_results_comment, str_of(comment));
	archive_row_int(rows, COLUMN_trade_results_event_us, MONTH_US + (int64_t)number * 100);
	CHECK(archive_rows_end(rows) == STATUS_OK);
}

/* ---- a full file ---- */

struct filling {
	struct writer_job job;
	struct bench *bench;
	uint64_t from;
	int64_t batch_rows;
	bool last;
};

static enum status append(struct archive_db *db, void *ctx, struct err *err)
{
	return db_append(db, &((struct bench *)ctx)->rows, err);
}

static void fill_work(struct archive_db *db, struct writer_job *job)
{
	struct filling *filling = (struct filling *)job;
	struct bench *bench = filling->bench;
	struct err err;
	db_batches_limit(db, filling->batch_rows, 3600000);
	archive_rows_clear(&bench->rows);
	for (uint64_t i = 0; i < FILL_ROWS && filling->from + i < BENCH_ROWS; i++)
		put_row(&bench->rows, filling->from + i);
	CHECK(db_transact(db, append, bench, &err) == STATUS_OK);
	if (filling->last)
		CHECK(db_batches_close_all(db, &err) == STATUS_OK);
}

static void fill_done(struct writer_job *job, enum status status)
{
	CHECK(status == STATUS_OK);
	on_flag(((struct filling *)job)->bench);
}

static void fill(struct bench *bench, int64_t batch_rows)
{
	for (uint64_t from = 0; from < BENCH_ROWS; from += FILL_ROWS) {
		struct filling filling = { .job = { .work = fill_work, .done = fill_done },
					   .bench = bench,
					   .from = from,
					   .batch_rows = batch_rows,
					   .last = from + FILL_ROWS >= BENCH_ROWS };
		writer_run(bench->writer, &filling.job);
		wait_for(bench);
	}
}

/* ---- the whole step ---- */

static void open_file(struct bench *bench)
{
	struct err err;
	const struct writer_config config = { .path = bench->path,
					      .temp_dir = bench->temp,
					      .memory_bytes = 128 << 20,
					      .checkpoint_ms = 60000,
					      .wal_bytes_max = 256 << 20,
					      .sinks = { "clickhouse" } };
	const struct writer_hooks hooks = { .on_open = on_open, .ctx = bench };
	strcpy(bench->dir, "/tmp/weir_ship_XXXXXX");
	CHECK(mkdtemp(bench->dir));
	snprintf(bench->path, sizeof bench->path, "%s/archive.duckdb", bench->dir);
	snprintf(bench->temp, sizeof bench->temp, "%s/tmp", bench->dir);
	CHECK(writer_open(bench->loop, &config, &hooks, &bench->writer, &err) == STATUS_OK);
	wait_for(bench);
}

static void open_sinks(struct bench *bench, const char *database, int64_t batch_rows)
{
	char url[128];
	struct err err;
	struct sinks_config config = { .loop = bench->loop,
				       .writer = bench->writer,
				       .count = 1,
				       .settle_ms = 5000,
				       .close_ms = 5000,
				       .close_rows = batch_rows,
				       .seed = 1 };
	snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", bench->server.port, database);
	const struct clickhouse_config clickhouse = { .http = http_client(bench->http),
						      .timers = loop_timers(bench->loop),
						      .url = str_of(url) };
	CHECK(clickhouse_create(&clickhouse, &config.sinks[0], &err) == STATUS_OK);
	CHECK(sinks_open(&config, &bench->sinks, &err) == STATUS_OK);
}

static void close_all(struct bench *bench)
{
	char command[128];
	sinks_close(bench->sinks, on_flag, bench);
	wait_for(bench);
	writer_close(bench->writer, on_flag, bench);
	wait_for(bench);
	snprintf(command, sizeof command, "rm -rf %s", bench->dir);
	CHECK(system(command) == 0);
}

static double ship_rows_per_s(struct bench *bench, const char *database, int64_t batch_rows)
{
	char sql[128];
	open_file(bench);
	fill(bench, batch_rows);
	open_sinks(bench, database, batch_rows);
	double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	double begin = seconds_of(CLOCK_MONOTONIC);
	sinks_start(bench->sinks);
	while (sinks_shipped(bench->sinks, TABLE_trade_results) < BENCH_ROWS)
		loop_turn(bench->loop, 10000000);
	double spent = seconds_of(CLOCK_MONOTONIC) - begin;
	bench->cpu_ns = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e9 / BENCH_ROWS;
	snprintf(sql, sizeof sql, "SELECT count() FROM %s.trade_results FINAL", database);
	CHECK(clickhouse_number(&bench->server, sql) == BENCH_ROWS);
	close_all(bench);
	return BENCH_ROWS / spent;
}

/* ---- the same bytes, bare ---- */

static void post(const struct bench *bench, const char *query, struct str body)
{
	char head[4608], answer[512];
	int fd = clickhouse_connect(&bench->server);
	int len = snprintf(head, sizeof head,
			   "POST /?query=%s HTTP/1.0\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
			   query, body.len);
	CHECK(fd >= 0 && send(fd, head, (size_t)len, MSG_NOSIGNAL) == len);
	while (body.len) {
		ssize_t n = send(fd, body.ptr, body.len, MSG_NOSIGNAL);
		CHECK(n > 0);
		body = str_skip(body, (size_t)n);
	}
	ssize_t n = recv(fd, answer, sizeof answer - 1, MSG_WAITALL);
	CHECK(n > 12 && memcmp(answer + 8, " 200", 4) == 0);
	close(fd);
}

static void insert_query(char out[4096], const char *database)
{
	char sql[2048];
	struct buf text = buf_over(sql, sizeof sql);
	size_t n = 0;
	clickhouse_insert(&text, str_of(database), TABLE_trade_results);
	CHECK(!text.overflow);
	for (size_t i = 0; i < text.len; i++) {
		char c = sql[i];
		n += (size_t)snprintf(out + n, 4096 - n, c == ' ' || c == '`' ? "%%%02X" : "%c", c);
	}
}

static double bare_rows_per_s(struct bench *bench, const char *database, size_t batch_rows)
{
	char query[4096];
	double spent = 0;
	struct buf body;
	buf_init(&body, 64 << 20);
	insert_query(query, database);
	for (uint64_t from = 0; from < BENCH_ROWS; from += batch_rows) {
		size_t bad;
		archive_rows_clear(&bench->rows);
		buf_clear(&body);
		for (uint64_t i = from; i < from + batch_rows && i < BENCH_ROWS; i++)
			put_row(&bench->rows, i);
		CHECK(native_encode(&bench->rows, 0, bench->rows.count, (int64_t)from, NULL, &body,
				    &bad) == STATUS_OK);
		double begin = seconds_of(CLOCK_MONOTONIC);
		post(bench, query, buf_str(&body));
		spent += seconds_of(CLOCK_MONOTONIC) - begin;
	}
	buf_deinit(&body);
	return BENCH_ROWS / spent;
}

/* ns of a row in the encoder alone. */
static double encode_ns(struct bench *bench)
{
	struct buf body;
	size_t bad;
	buf_init(&body, 64 << 20);
	archive_rows_clear(&bench->rows);
	for (uint64_t i = 0; i < SINKS_ROWS_GROWN; i++)
		put_row(&bench->rows, i);
	double begin = 0;
	for (int warm = 0; warm < 2; warm++) {
		begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		buf_clear(&body);
		CHECK(native_encode(&bench->rows, 0, bench->rows.count, 1, NULL, &body, &bad) ==
		      STATUS_OK);
	}
	double ns = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / SINKS_ROWS_GROWN;
	printf("%-58s %10.1f\n", "ship: bytes of a row in a body",
	       (double)body.len / SINKS_ROWS_GROWN);
	buf_deinit(&body);
	return ns;
}

static bool measure(struct bench *bench, int64_t batch_rows, double least)
{
	struct samples shipped = { 0 }, bare = { 0 }, cpu = { 0 };
	char name[80], database[32], sql[96];
	for (int round = 0; round < ROUNDS; round++) {
		snprintf(database, sizeof database, "ship%d_%d", (int)batch_rows, round);
		samples_add(&shipped, ship_rows_per_s(bench, database, batch_rows) / 1000);
		samples_add(&cpu, bench->cpu_ns);
		snprintf(sql, sizeof sql, "TRUNCATE TABLE %s.trade_results", database);
		free(clickhouse_ask_sql(&bench->server, sql));
		samples_add(&bare, bare_rows_per_s(bench, database, (size_t)batch_rows) / 1000);
		snprintf(sql, sizeof sql, "DROP DATABASE %s", database);
		free(clickhouse_ask_sql(&bench->server, sql));
	}
	snprintf(name, sizeof name, "ship: a bare insert, batches of %d", (int)batch_rows);
	double bare_rows = report(name, &bare, "k rows/s");
	snprintf(name, sizeof name, "ship: DuckDB to ClickHouse, batches of %d", (int)batch_rows);
	double rows = report(name, &shipped, "k rows/s");
	printf("%-58s %10.2f\n", "  of the bare insert", rows / bare_rows);
	report("  weir's own CPU, a row", &cpu, "ns");
	return least == 0 || report_bound("  the whole step", rows, "k rows/s", true, least);
}

int main(void)
{
	static struct bench bench;
	struct err err;
	if (!clickhouse_installed())
		return 77;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	printf("ship: the server's data in %s\n", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!clickhouse_begin(&bench.server))
		return 1;
	CHECK(loop_create(64, &bench.loop, &err) == STATUS_OK);
	CHECK(http_open(bench.loop, &(struct http_config){ 0 }, &bench.http, &err) == STATUS_OK);
	archive_rows_init(&bench.rows, 128 << 20);
	printf("%-58s %10.1f ns\n", "ship: a row in the encoder", encode_ns(&bench));
	bool met = measure(&bench, 10000, 0);
	met &= measure(&bench, SINKS_ROWS_GROWN, 300);
	clickhouse_remove(&bench.server);
	return met ? 0 : 1;
}
