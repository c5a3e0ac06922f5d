/* Rows of trade_results to PostgreSQL and InfluxDB, from rows in memory to confirmed, in
 * batches of 10,000 as they are sent: encoding and sending one after the other, against the
 * same bytes sent bare (one COPY and COMMIT each; POSTs, two at a time). The servers' data lie
 * in memory (/dev/shm) unless TMPDIR says otherwise. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* What the servers' headers ask of cmocka. */
#define assert_int_equal(a, b) CHECK((a) == (b))
#define assert_non_null(a)     CHECK((a) != NULL)
#define assert_true(a)         CHECK(a)
#define fail_msg(...)          (fprintf(stderr, __VA_ARGS__), CHECK(!"failed"))

#include "../tests/influx_server.h"
#include "../tests/postgres_server.h"
#include "archive/influx.h"
#include "archive/influx_encode.h"
#include "archive/postgres.h"
#include "archive/postgres_sql.h"
#include "os/http.h"
#include "report.h"

enum { BATCH = 10000, BATCHES = 8, ROUNDS = 5, TERMINALS = 1000 };

static const int64_t patience_ns = INT64_C(120000000000);

struct bench {
	struct loop *loop;
	struct sink *sink;
	struct archive_rows rows[BATCHES];
	struct buf bodies[BATCHES];
	uint64_t next; /* number of the next result */
	int64_t batch;
	bool done;
	enum sink_outcome outcome;
};

static void on_end(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct bench *bench = ctx;
	if (outcome)
		fprintf(stderr, "%s: %s\n", sink_outcome_text(outcome), why);
	bench->outcome = outcome;
	bench->done = true;
}

static void set_flag(void *flag) { *(bool *)flag = true; }

static void wait_for(struct bench *bench)
{
	CHECK(loop_turn_until(bench->loop, &bench->done, patience_ns));
	CHECK(bench->outcome == SINK_DONE);
}

/* ---- rows ---- */

/* "order-17" */
static void put_text(struct archive_rows *rows, enum archive_column column, const char *prefix,
		     uint64_t number)
{
	char text[80];
	struct buf out = buf_over(text, sizeof text);
	buf_str_put(&out, str_of(prefix));
	buf_u64(&out, number);
	archive_row_text(rows, column, buf_str(&out));
}

#define C(name) COLUMN_trade_results_##name

static void add_row(struct archive_rows *rows, uint64_t n)
{
	const int64_t at_us = INT64_C(1790000000000000) + (int64_t)n * 100;
	char id[80];
	snprintf(id, sizeof id, "%llu-mt5-%03u-%llu", 5629499534213121ull + n,
		 (unsigned)(n % TERMINALS), 391774213ull + n);
	archive_rows_begin(rows, TABLE_trade_results);
	archive_row_text(rows, C(result_id), str_of(id));
	put_text(rows, C(signal_id), "order-", n);
	archive_row_int(rows, C(sid), (int64_t)(5629499534213121 + n));
	put_text(rows, C(instance), "mt5-", n % TERMINALS);
	archive_row_text(rows, C(server), STR("FPMarketsSC-Live"));
	archive_row_int(rows, C(login), (int64_t)(90000000 + n % TERMINALS));
	archive_row_text(rows, C(status), STR("done"));
	archive_row_int(rows, C(retcode), 10009);
	archive_row_int(rows, C(order_ticket), (int64_t)(573338240 + n));
	archive_row_int(rows, C(deal_ticket), (int64_t)(391774213 + n));
	archive_row_int(rows, C(position_id), (int64_t)(573338240 + n));
	archive_row_text(rows, C(symbol), STR("EURUSD"));
	archive_row_text(rows, C(side), n % 2 ? STR("buy") : STR("sell"));
	archive_row_dec(rows, C(volume), 10000000);
	archive_row_dec(rows, C(price), (int64_t)(108514000 + n % 1000 * 1000));
	archive_row_dec(rows, C(price_requested), 108512000);
	archive_row_dec(rows, C(slippage_points), 200000000);
	archive_row_dec(rows, C(commission), -35000000);
	archive_row_dec(rows, C(swap), 0);
	archive_row_dec(rows, C(fee), 0);
	archive_row_dec(rows, C(pnl), (int64_t)(n % 100000) * 1000000 - 50000000000);
	archive_row_int(rows, C(execution_ms), 316);
	archive_row_int(rows, C(server_time_ms), at_us / 1000);
	archive_row_int(rows, C(received_us), at_us);
	archive_row_int(rows, C(attempt), 1);
	archive_row_text(rows, C(entry), STR("in"));
	archive_row_text(rows, C(deal_reason), STR("expert"));
	archive_row_int(rows, C(magic), (int64_t)(5629499534213121 + n));
	archive_row_int(rows, C(event_us), at_us);
	CHECK(archive_rows_end(rows) == STATUS_OK);
}

static void fresh_rows(struct bench *bench)
{
	for (size_t i = 0; i < BATCHES; i++) {
		archive_rows_clear(&bench->rows[i]);
		for (unsigned n = 0; n < BATCH; n++)
			add_row(&bench->rows[i], bench->next++);
	}
}

/* ---- through the sink ---- */

static void encode(struct bench *bench, size_t i)
{
	size_t bad;
	buf_clear(&bench->bodies[i]);
	CHECK(bench->sink->ops->encode(bench->sink, &bench->rows[i], 0, BATCH, ++bench->batch,
				       &bench->bodies[i], &bad) == STATUS_OK);
}

static void send_one(struct bench *bench, size_t i)
{
	const struct sink_batch batch = { .table = TABLE_trade_results,
					  .batch_id = bench->batch,
					  .rows = BATCH,
					  .body = buf_str(&bench->bodies[i]) };
	bench->done = false;
	bench->sink->ops->send(bench->sink, &batch, on_end, bench);
	wait_for(bench);
}

static double sink_rate(struct bench *bench)
{
	fresh_rows(bench);
	double begin = seconds_of(CLOCK_MONOTONIC);
	for (size_t i = 0; i < BATCHES; i++) {
		encode(bench, i);
		send_one(bench, i);
	}
	return BATCH * BATCHES / (seconds_of(CLOCK_MONOTONIC) - begin);
}

/* ns of a row, of this thread's own time. */
static double encode_ns(struct bench *bench)
{
	fresh_rows(bench);
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < BATCHES; i++)
		encode(bench, i);
	return 1e9 * (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) / (BATCH * BATCHES);
}

static void open_tables(struct bench *bench)
{
	bench->done = false;
	bench->sink->ops->open(bench->sink, on_end, bench);
	wait_for(bench);
}

static bool run(struct bench *bench, const char *name, double bound,
		double (*bare)(struct bench *bench, void *ctx), void *ctx)
{
	struct samples ours = { 0 }, theirs = { 0 }, encoding = { 0 };
	char line[80];
	open_tables(bench);
	for (int round = 0; round < ROUNDS; round++) {
		samples_add(&encoding, encode_ns(bench)); /* fresh bodies for the bare way */
		samples_add(&theirs, bare(bench, ctx));
		samples_add(&ours, sink_rate(bench));
	}
	snprintf(line, sizeof line, "%s: bare", name);
	double bare_rate = report(line, &theirs, "rows/s");
	snprintf(line, sizeof line, "%s: encode and send", name);
	double rate = report(line, &ours, "rows/s");
	printf("%-58s %10.3f\n", "  of the bare way", rate / bare_rate);
	report("  encoding a row", &encoding, "ns");
	return report_bound("  rows/s", rate, "rows/s", true, bound);
}

static void close_sink(struct bench *bench)
{
	bool closed = false;
	bench->sink->ops->close(bench->sink, set_flag, &closed);
	CHECK(loop_turn_until(bench->loop, &closed, patience_ns));
}

/* ---- PostgreSQL ---- */

static void must(PGresult *result, ExecStatusType status)
{
	if (PQresultStatus(result) != status)
		fprintf(stderr, "%s\n", PQresultErrorMessage(result));
	CHECK(PQresultStatus(result) == status);
	PQclear(result);
}

/* The bodies as they were last encoded; their keys are new. */
static double bare_copy(struct bench *bench, void *ctx)
{
	struct postgres_server *server = ctx;
	struct buf sql;
	buf_init(&sql, 1 << 16);
	postgres_put_copy(&sql, TABLE_trade_results);
	buf_char(&sql, 0);
	double begin = seconds_of(CLOCK_MONOTONIC);
	for (size_t i = 0; i < BATCHES; i++) {
		must(PQexec(server->conn, "BEGIN"), PGRES_COMMAND_OK);
		must(PQexec(server->conn, sql.ptr), PGRES_COPY_IN);
		CHECK(PQputCopyData(server->conn, bench->bodies[i].ptr,
				    (int)bench->bodies[i].len) == 1);
		CHECK(PQputCopyEnd(server->conn, NULL) == 1);
		must(PQgetResult(server->conn), PGRES_COMMAND_OK);
		CHECK(PQgetResult(server->conn) == NULL);
		must(PQexec(server->conn, "COMMIT"), PGRES_COMMAND_OK);
	}
	buf_deinit(&sql);
	return BATCH * BATCHES / (seconds_of(CLOCK_MONOTONIC) - begin);
}

static bool bench_postgres(struct bench *bench)
{
	struct postgres_server server;
	char url[400];
	struct err err;
	if (!postgres_init(&server))
		return true;
	snprintf(url, sizeof url, "postgresql://owner@127.0.0.1:%u/postgres", server.port);
	const struct postgres_config config = { .loop = bench->loop, .url = url };
	CHECK(postgres_open(&config, &bench->sink, &err) == STATUS_OK);
	bool met = run(bench, "postgresql", 80000, bare_copy, &server);
	close_sink(bench);
	postgres_deinit(&server);
	return met;
}

/* ---- InfluxDB ---- */

struct bare_posts {
	struct http_client *client;
	char url[200];
	struct bench *bench;
	size_t batch;
	uint32_t post, under_way;
	bool done;
};

static void post_next(struct bare_posts *posts);

static void on_posted(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct bare_posts *posts = ctx;
	(void)why;
	CHECK(status == STATUS_OK && answer->code == 204);
	posts->under_way--;
	post_next(posts);
}

static void on_some(void *ctx, size_t bytes) { (void)ctx, (void)bytes; }

static void post_next(struct bare_posts *posts)
{
	while (posts->under_way < 2 && posts->batch < BATCHES) {
		struct str body = buf_str(&posts->bench->bodies[posts->batch]);
		struct influx_posts plan = influx_posts(body);
		const struct http_request request = { .method = "POST",
						      .url = str_of(posts->url),
						      .body = influx_post(body, &plan, posts->post),
						      .deadline_ns = patience_ns,
						      .on_sent = on_some };
		CHECK(http_request(posts->client, &request, on_posted, posts) == STATUS_OK);
		posts->under_way++;
		if (++posts->post == plan.count) {
			posts->post = 0;
			posts->batch++;
		}
	}
	posts->done = posts->under_way == 0;
}

static double bare_post(struct bench *bench, void *ctx)
{
	struct bare_posts *posts = ctx;
	posts->bench = bench;
	posts->batch = posts->post = 0;
	double begin = seconds_of(CLOCK_MONOTONIC);
	post_next(posts);
	CHECK(loop_turn_until(bench->loop, &posts->done, patience_ns));
	return BATCH * BATCHES / (seconds_of(CLOCK_MONOTONIC) - begin);
}

static bool bench_influx(struct bench *bench)
{
	struct influx_server server;
	struct bare_posts posts = { 0 };
	struct http *http;
	char url[200];
	struct err err;
	bool closed = false;
	if (!influx_init(&server))
		return true;
	CHECK(http_open(bench->loop, &(struct http_config){ 0 }, &http, &err) == STATUS_OK);
	posts.client = http_client(http);
	snprintf(posts.url, sizeof posts.url,
		 "http://127.0.0.1:%u/write?db=weir&rp=weir_730d&precision=ns", server.port);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/weir", server.port);
	const struct influx_config config = { .http = posts.client,
					      .timers = loop_timers(bench->loop),
					      .url = str_of(url) };
	CHECK(influx_create(&config, &bench->sink, &err) == STATUS_OK);
	bool met = run(bench, "influxdb", 40000, bare_post, &posts);
	close_sink(bench);
	http_close(http, set_flag, &closed);
	CHECK(loop_turn_until(bench->loop, &closed, patience_ns));
	influx_deinit(&server);
	return met;
}

int main(void)
{
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	printf("the servers' data in %s\n", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	static struct bench bench;
	struct err err;
	CHECK(loop_create(64, &bench.loop, &err) == STATUS_OK);
	for (size_t i = 0; i < BATCHES; i++) {
		archive_rows_init(&bench.rows[i], 64 << 20);
		buf_init(&bench.bodies[i], 64 << 20);
	}
	bool met = bench_postgres(&bench);
	met &= bench_influx(&bench);
	loop_destroy(bench.loop);
	return met ? 0 : 1;
}
