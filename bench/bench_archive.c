/* Results into the archive file: rows built on the loop's thread, and the writer's batches
 * (known ids, trades, marks, one transaction, what archive.md asks for), against a bare
 * appender on the same rows with a mark and a commit, which does nothing else. Interleaved,
 * medians; of 1,000 and of 10,000 rows a batch. Every second result closes a position, so
 * the writer also makes a row of `trades` for each two. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/duck.h"
#include "archive/writer.h"
#include "base/check.h"
#include "report.h"

enum { ROWS = 100000, RUNS = 5, CHUNK = 2048, COLUMNS = ARCHIVE_COLUMNS_MAX + 1 };

static const int64_t patience_ns = INT64_C(60) * 1000000000;
static int64_t next_deal = 391774213;

/* As results.c makes it of an entry, from text. */
static void put_result(struct archive_rows *rows, int64_t n)
{
	char text[64];
	int64_t deal = next_deal++, position = 573338240 + n / 2, sid = 5629499534213121 + n;
	int64_t us = INT64_C(1795000000000000) + n * 100;
	snprintf(text, sizeof text, "%lld-mt5-%03d-%lld", (long long)sid, (int)(n / 2 % 1000),
		 (long long)deal);
	struct str rid = str_of(text);
	archive_rows_begin(rows, TABLE_trade_results);
	archive_row_text(rows, COLUMN_trade_results_result_id, rid);
	archive_row_text(rows, COLUMN_trade_results_signal_id, STR("strat7-2026-11-18-000123"));
	archive_row_int(rows, COLUMN_trade_results_sid, sid);
	archive_row_text(rows, COLUMN_trade_results_instance, str_make(text + 17, 7));
	archive_row_text(rows, COLUMN_trade_results_server, STR("FPMarketsSC-Live"));
	archive_row_int(rows, COLUMN_trade_results_login, 90000001 + n / 2 % 1000);
	archive_row_text(rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(rows, COLUMN_trade_results_retcode, 10009);
	archive_row_int(rows, COLUMN_trade_results_order_ticket, position);
	archive_row_int(rows, COLUMN_trade_results_deal_ticket, deal);
	archive_row_int(rows, COLUMN_trade_results_position_id, position);
	archive_row_text(rows, COLUMN_trade_results_symbol, STR("EURUSD"));
	archive_row_text(rows, COLUMN_trade_results_side, n % 2 ? STR("sell") : STR("buy"));
	enum status status = archive_row_number(rows, COLUMN_trade_results_volume, STR("0.10"));
	status |= archive_row_number(rows, COLUMN_trade_results_price, STR("1.08514"));
	status |= archive_row_number(rows, COLUMN_trade_results_price_requested, STR("1.08512"));
	status |= archive_row_number(rows, COLUMN_trade_results_slippage_points, STR("2.0"));
	status |= archive_row_number(rows, COLUMN_trade_results_commission, STR("-0.35"));
	status |= archive_row_number(rows, COLUMN_trade_results_swap, STR("0.00"));
	status |= archive_row_number(rows, COLUMN_trade_results_fee, STR("0.00"));
	status |= archive_row_number(rows, COLUMN_trade_results_pnl, STR("-107.16"));
	archive_row_int(rows, COLUMN_trade_results_execution_ms, 300 + n % 50);
	archive_row_int(rows, COLUMN_trade_results_server_time_ms, us / 1000 + 10800000);
	archive_row_int(rows, COLUMN_trade_results_received_us, us);
	archive_row_int(rows, COLUMN_trade_results_attempt, 1);
	archive_row_int(rows, COLUMN_trade_results_event_us, us);
	status |= archive_rows_end(rows);
	CHECK(status == STATUS_OK);
}

static void folder(char out[64], const char *name)
{
	char path[96];
	strcpy(out, "/tmp/weir_bench_XXXXXX");
	CHECK(mkdtemp(out));
	snprintf(path, sizeof path, "%s/%s", out, name);
	CHECK(mkdir(path, 0700) == 0);
}

static void remove_folder(const char *dir)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	CHECK(system(command) == 0);
}

/* ---- the writer ---- */

struct run {
	struct loop *loop;
	struct writer *writer;
	bool opened, closed, done;
	int64_t sent, committed, batch, batch_rows;
	double build_seconds;
};

static void on_open(void *ctx, enum status status, const struct err *err)
{
	if (status == STATUS_UNAVAILABLE) {
		printf("%s\n", err->text);
		exit(77);
	}
	CHECK(status == STATUS_OK);
	((struct run *)ctx)->opened = true;
}

static void on_closed(void *ctx) { ((struct run *)ctx)->closed = true; }

static void on_done(void *ctx, struct writer_batch *batch, enum status status);

static void submit(struct run *run)
{
	struct writer_batch *batch;
	while (run->sent < ROWS && (batch = writer_batch_take(run->writer))) {
		char mark[32];
		double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		for (int64_t i = 0; i < run->batch_rows; i++)
			put_result(&batch->rows, run->sent++);
		run->build_seconds += seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
		snprintf(mark, sizeof mark, "1795000000000-%lld", (long long)run->batch++);
		writer_mark(batch, STR("trade_results"), str_of(mark));
		writer_count(batch, "results_archived", run->batch_rows);
		batch->done = on_done;
		batch->ctx = run;
		writer_submit(run->writer, batch);
	}
}

static void on_done(void *ctx, struct writer_batch *batch, enum status status)
{
	struct run *run = ctx;
	CHECK(status == STATUS_OK && batch->rows_taken == batch->rows.count);
	run->committed += batch->rows_taken;
	run->done = run->committed == ROWS;
}

/* Rows a second of wall time, with the rows built beside it; *thread: of the thread's. */
static double writer_run_once(int64_t batch_rows, const char *sink, double *build_ns,
			      double *thread)
{
	struct run run = { .batch_rows = batch_rows };
	struct err err;
	char dir[64], path[96], temp[96];
	folder(dir, "tmp");
	snprintf(path, sizeof path, "%s/archive.duckdb", dir);
	snprintf(temp, sizeof temp, "%s/tmp", dir);
	struct writer_config config = { .path = path,
					.temp_dir = temp,
					.memory_bytes = 128 << 20,
					.checkpoint_ms = 60000,
					.wal_bytes_max = 256 << 20,
					.keep_days = 30,
					.sinks = { sink } };
	struct writer_hooks hooks = { .on_open = on_open, .ctx = &run };
	CHECK(loop_create(16, &run.loop, &err) == STATUS_OK);
	CHECK(writer_open(run.loop, &config, &hooks, &run.writer, &err) == STATUS_OK);
	CHECK(loop_turn_until(run.loop, &run.opened, patience_ns));
	double begin = seconds_of(CLOCK_MONOTONIC);
	while (!run.done) {
		submit(&run);
		loop_turn(run.loop, 100000000);
	}
	double seconds = seconds_of(CLOCK_MONOTONIC) - begin;
	const struct hist *commits = writer_counts(run.writer)->commit_ns;
	*thread = ROWS / ((double)commits->sum * 1e-9);
	*build_ns = run.build_seconds * 1e9 / ROWS;
	writer_close(run.writer, on_closed, &run);
	CHECK(loop_turn_until(run.loop, &run.closed, patience_ns));
	loop_destroy(run.loop);
	remove_folder(dir);
	return ROWS / seconds;
}

/* ---- a bare appender ---- */

static const struct archive_table_row *table;
static const struct duck *duck;

static duckdb_logical_type type_of(size_t n)
{
	enum archive_column column = (enum archive_column)((size_t)table->first + n);
	enum archive_type type =
	    n == table->columns ? ARCHIVE_INT : archive_column_row(column)->type;
	if (type == ARCHIVE_DEC)
		return duck->create_decimal_type(18, ARCHIVE_DEC_PLACES);
	return duck->create_logical_type(type == ARCHIVE_INT ? DUCKDB_TYPE_BIGINT
							     : DUCKDB_TYPE_VARCHAR);
}

static const char *type_name(size_t n)
{
	enum archive_column column = (enum archive_column)((size_t)table->first + n);
	enum archive_type type =
	    n == table->columns ? ARCHIVE_INT : archive_column_row(column)->type;
	return type == ARCHIVE_DEC ? "DECIMAL(18,8)" : type == ARCHIVE_INT ? "BIGINT" : "VARCHAR";
}

static void fill_cell(duckdb_vector vector, const struct archive_row *row, size_t n, size_t at)
{
	if (n == table->columns) {
		((int64_t *)duck->vector_get_data(vector))[at] = 0;
		return;
	}
	enum archive_column column = (enum archive_column)((size_t)table->first + n);
	if (!archive_cell_there(row, column)) {
		duck->vector_ensure_validity_writable(vector);
		duck->vector_get_validity(vector)[at / 64] &= ~(UINT64_C(1) << at % 64);
		return;
	}
	enum archive_type type = archive_column_row(column)->type;
	if (type == ARCHIVE_INT || type == ARCHIVE_DEC) {
		((int64_t *)duck->vector_get_data(vector))[at] = archive_cell_int(row, column, 0);
		return;
	}
	struct str text = archive_cell_text(row, column);
	duckdb_string_t *out = &((duckdb_string_t *)duck->vector_get_data(vector))[at];
	*out = (duckdb_string_t){ .value.inlined.length = (uint32_t)text.len };
	if (text.len <= sizeof out->value.inlined.inlined) {
		memcpy(out->value.inlined.inlined, text.ptr, text.len);
	} else {
		memcpy(out->value.pointer.prefix, text.ptr, 4);
		out->value.pointer.ptr = (char *)(uintptr_t)text.ptr;
	}
}

struct bare {
	duckdb_database database;
	duckdb_connection connection;
	duckdb_appender appender;
	duckdb_prepared_statement mark;
	duckdb_data_chunk chunks[ROWS / 1000 + 1];
	size_t count;
};

/* The rows in chunks, before anything is timed. */
static void make_chunks(struct bare *bare, const struct archive_rows *rows, int64_t batch_rows)
{
	duckdb_logical_type types[COLUMNS];
	const struct archive_row *row = NULL;
	int64_t left = batch_rows;
	size_t at = 0, most = 0;
	for (size_t n = 0; n <= table->columns; n++)
		types[n] = type_of(n);
	while ((row = archive_rows_next(rows, row))) {
		if (at == most) {
			most = left < CHUNK ? (size_t)left : CHUNK;
			left = left == (int64_t)most ? batch_rows : left - (int64_t)most;
			bare->chunks[bare->count++] =
			    duck->create_data_chunk(types, table->columns + 1);
			duck->data_chunk_set_size(bare->chunks[bare->count - 1], most);
			at = 0;
		}
		for (size_t n = 0; n <= table->columns; n++)
			fill_cell(duck->data_chunk_get_vector(bare->chunks[bare->count - 1], n),
				  row, n, at);
		at++;
	}
}

static void say(struct bare *bare, const char *sql)
{
	duckdb_result result;
	CHECK(duck->query(bare->connection, sql, &result) == DuckDBSuccess);
	duck->destroy_result(&result);
}

static void open_bare(struct bare *bare, const char *path)
{
	duckdb_config config;
	char sql[4096] = "CREATE TABLE trade_results (";
	char *error = NULL;
	CHECK(duck->create_config(&config) == DuckDBSuccess);
	CHECK(duck->set_config(config, "memory_limit", "128MB") == DuckDBSuccess);
	CHECK(duck->set_config(config, "threads", "1") == DuckDBSuccess);
	CHECK(duck->set_config(config, "checkpoint_threshold", "256MB") == DuckDBSuccess);
	CHECK(duck->open_ext(path, &bare->database, config, &error) == DuckDBSuccess);
	duck->destroy_config(&config);
	CHECK(duck->connect(bare->database, &bare->connection) == DuckDBSuccess);
	for (size_t n = 0; n <= table->columns; n++)
		snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%sc%zu %s", n ? ", " : "", n,
			 type_name(n));
	strcat(sql, ")");
	say(bare, sql);
	say(bare, "CREATE TABLE mark (value VARCHAR)");
	say(bare, "INSERT INTO mark VALUES ('0')");
	say(bare, "CHECKPOINT");
	CHECK(duck->prepare(bare->connection, "UPDATE mark SET value = ?", &bare->mark) ==
	      DuckDBSuccess);
	CHECK(duck->appender_create(bare->connection, NULL, "trade_results", &bare->appender) ==
	      DuckDBSuccess);
}

static void bare_batch(struct bare *bare, size_t *chunk, int64_t batch_rows)
{
	duckdb_result result;
	int64_t done = 0;
	say(bare, "BEGIN TRANSACTION");
	while (done < batch_rows) {
		duckdb_data_chunk one = bare->chunks[(*chunk)++];
		CHECK(duck->append_data_chunk(bare->appender, one) == DuckDBSuccess);
		done += (int64_t)duck->data_chunk_get_size(one);
	}
	CHECK(duck->appender_flush(bare->appender) == DuckDBSuccess);
	CHECK(duck->bind_varchar_length(bare->mark, 1, "1795000000000-1", 15) == DuckDBSuccess);
	CHECK(duck->execute_prepared(bare->mark, &result) == DuckDBSuccess);
	duck->destroy_result(&result);
	say(bare, "COMMIT");
}

static double bare_run_once(int64_t batch_rows)
{
	static struct bare bare;
	struct archive_rows rows;
	char dir[64], path[96];
	size_t chunk = 0;
	bare = (struct bare){ 0 };
	archive_rows_init(&rows, 256 << 20);
	for (int64_t i = 0; i < ROWS; i++)
		put_result(&rows, i);
	make_chunks(&bare, &rows, batch_rows);
	folder(dir, "tmp");
	snprintf(path, sizeof path, "%s/bare.duckdb", dir);
	open_bare(&bare, path);
	double begin = seconds_of(CLOCK_MONOTONIC);
	for (int64_t done = 0; done < ROWS; done += batch_rows)
		bare_batch(&bare, &chunk, batch_rows);
	double seconds = seconds_of(CLOCK_MONOTONIC) - begin;
	duck->appender_destroy(&bare.appender);
	duck->destroy_prepare(&bare.mark);
	for (size_t i = 0; i < bare.count; i++)
		duck->destroy_data_chunk(&bare.chunks[i]);
	duck->disconnect(&bare.connection);
	duck->close(&bare.database);
	archive_rows_deinit(&rows);
	remove_folder(dir);
	return ROWS / seconds;
}

static double measure(int64_t batch_rows)
{
	struct samples written = { 0 }, thread = { 0 }, batched = { 0 }, bare = { 0 },
		       build = { 0 };
	char name[80];
	for (int run = 0; run < RUNS; run++) {
		double build_ns, of_thread;
		samples_add(&bare, bare_run_once(batch_rows) / 1e3);
		samples_add(&written,
			    writer_run_once(batch_rows, NULL, &build_ns, &of_thread) / 1e3);
		samples_add(&thread, of_thread / 1e3);
		samples_add(&build, build_ns);
		writer_run_once(batch_rows, "clickhouse", &build_ns, &of_thread);
		samples_add(&batched, of_thread / 1e3);
	}
	snprintf(name, sizeof name, "archive: batches of %lld, rows built beside it",
		 (long long)batch_rows);
	double rate = report(name, &written, "k results/s");
	report("  of the writer's thread alone", &thread, "k results/s");
	report("  the same with batch ids for a sink", &batched, "k results/s");
	report("  a row built from text, on the loop's thread", &build, "ns");
	double ceiling =
	    report("  a bare appender on the same rows, mark, commit", &bare, "k results/s");
	printf("%-58s %10.3f\n", "  ratio to it", rate / ceiling);
	return rate;
}

int main(void)
{
	struct err err;
	table = archive_table_row(TABLE_trade_results);
	duck = duck_load(&err);
	if (!duck) {
		printf("%s\n", err.text);
		return 77;
	}
	measure(1000);
	return report_bound("archive: k results/s in batches of 10,000", measure(10000),
			    "k results/s", true, 100)
		   ? 0
		   : 1;
}
