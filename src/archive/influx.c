#include "archive/influx.h"

#include <stdlib.h>

#include "archive/influx_encode.h"
#include "archive/influx_read.h"
#include "archive/influx_url.h"
#include "archive/influx_verdict.h"
#include "base/check.h"
#include "base/crash.h"

enum { POSTS_AT_ONCE = 2, TEXT_BYTES = 8 << 10, ANSWER_BYTES = 256 << 10, READ_BYTES = 64 << 20 };

enum call_kind { CALL_OPEN, CALL_SEND, CALL_PROBE, CALL_READ, CALL_COUNT, CALL_EXPIRE };

struct call {
	enum call_kind kind;
	enum archive_table table;
	struct sink_batch batch; /* SEND */
	int64_t batch_id;        /* PROBE */
	struct sink_read read;   /* READ */
	sink_fn fn;
	sink_probe_fn count_fn;
	void *ctx;
};

struct influx;

/* One request. Its address is what the client knows it by. */
struct post {
	struct influx *influx;
	void (*next)(struct influx *influx, const struct influx_answer *answer);
	size_t sent, len; /* of its body */
	bool under_way;
};

struct influx {
	struct sink sink; /* first */
	struct http_client *http;
	struct timers *timers;
	enum archive_set set;
	struct influx_url url;
	int64_t answer_ns;
	struct call calls[INFLUX_CALLS_MAX]; /* a ring: the first is under way */
	size_t first, count;
	struct timer begin;
	bool opened;   /* database and policies are there */
	unsigned made; /* policies of the tables before this one are */
	struct post posts[POSTS_AT_ONCE];
	struct influx_posts plan; /* of the batch */
	uint32_t posted;
	enum sink_outcome outcome; /* of the batch: the first that is not DONE */
	char why[INFLUX_WHY_BYTES];
	struct buf text;
	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
};

static struct influx *of_sink(struct sink *sink) { return (struct influx *)sink; }
static struct call *current(struct influx *influx) { return &influx->calls[influx->first]; }

/* ---- the ends of calls ---- */

/* At the next turn of the timers: no call tells its end itself. */
static void begin_next(struct influx *influx)
{
	if (influx->count > 0)
		timers_arm(influx->timers, &influx->begin, 0);
}

static void finish(struct influx *influx, enum sink_outcome outcome, uint64_t count)
{
	struct call call = *current(influx);
	char why[INFLUX_WHY_BYTES];
	memcpy(why, influx->why, sizeof why);
	influx->first = (influx->first + 1) % INFLUX_CALLS_MAX;
	influx->count--;
	influx->opened &= outcome == SINK_DONE; /* what was dropped meanwhile is made again */
	begin_next(influx);
	if (call.count_fn)
		call.count_fn(call.ctx, outcome, count, why);
	else
		call.fn(call.ctx, outcome, why);
}

/* ---- requests ---- */

static void on_answer(void *ctx, enum status status, const struct http_answer *http,
		      const char *why)
{
	struct post *post = ctx;
	post->under_way = false;
	post->next(post->influx,
		   &(struct influx_answer){
		       .status = status, .http = http, .why = why, .sent = post->sent });
}

static void on_sent(void *ctx, size_t bytes)
{
	struct post *post = ctx;
	size_t half = post->len / 2;
	bool passes = post->sent < half && post->sent + bytes >= half;
	post->sent += bytes;
	if (passes)
		crash_point(CRASH_http_half);
}

/* False after `why` was set: it could not be made. */
static bool request(struct influx *influx, struct post *post, const char *method, struct str path,
		    struct str body,
		    void (*next)(struct influx *influx, const struct influx_answer *answer))
{
	char storage[2 * INFLUX_URL_BYTES];
	struct buf url = buf_over(storage, sizeof storage);
	buf_str_put(&url, str_of(influx->url.root));
	buf_str_put(&url, path);
	CHECK(!url.overflow && !post->under_way);
	struct http_request ask = { .method = method,
				    .url = buf_str(&url),
				    .body = body,
				    .deadline_ns = influx->answer_ns,
				    .body_bytes_max = current(influx)->kind == CALL_READ
							  ? READ_BYTES
							  : ANSWER_BYTES };
	if (influx->url.login[0])
		ask.headers[ask.n_headers++] =
		    (struct http_header){ STR("Authorization"), str_of(influx->url.login) };
	ask.headers[ask.n_headers++] =
	    (struct http_header){ STR("Content-Type"), STR("application/x-www-form-urlencoded") };
	if (body.ptr != influx->text.ptr && body.len)
		ask.on_sent = on_sent; /* a batch's: lent */
	*post = (struct post){ .influx = influx, .next = next, .len = body.len };
	enum status status = http_request(influx->http, &ask, on_answer, post);
	post->under_way = status == STATUS_OK;
	if (status)
		influx_why(influx->why, status_text(status));
	return status == STATUS_OK;
}

/* A statement, or several, in influx->text from its begin: "q=" and what is encoded. */
static void ask(struct influx *influx,
		void (*next)(struct influx *influx, const struct influx_answer *answer))
{
	CHECK(!influx->text.overflow);
	if (!request(influx, &influx->posts[0], "POST", STR("/query"), buf_str(&influx->text),
		     next))
		finish(influx, SINK_AWAY, 0);
}

static void put_statement(struct influx *influx, struct str sql)
{
	buf_clear(&influx->text);
	buf_str_put(&influx->text, STR("q="));
	influx_put_encoded(&influx->text, sql);
}

/* Whether the request was answered as it should; else the call has ended. */
static bool answered(struct influx *influx, const struct influx_answer *answer, const char *but)
{
	enum sink_outcome outcome = influx_ask_verdict(answer, influx->why);
	if (!outcome && answer->http->code == 200)
		outcome = influx_results_verdict(answer->http->body, but, influx->why);
	if (outcome)
		finish(influx, outcome, 0);
	return !outcome;
}

static void put_policy(struct buf *out, enum archive_table table)
{
	int64_t days = archive_table_row(table)->days;
	if (archive_is_moved(table))
		buf_str_put(out, STR("autogen"));
	else if (days)
		buf_printf(out, "weir_%lldd", (long long)days);
	else
		buf_str_put(out, STR("weir_forever"));
}

/* ---- a batch ---- */

static void post_more(struct influx *influx);

static void on_written(struct influx *influx, const struct influx_answer *answer)
{
	char why[INFLUX_WHY_BYTES];
	enum sink_outcome outcome = influx_write_verdict(answer, why);
	if (outcome && !influx->outcome) {
		influx->outcome = outcome;
		influx_why(influx->why, why);
	}
	post_more(influx);
}

static bool post_one(struct influx *influx, struct post *post)
{
	const struct call *call = current(influx);
	char storage[INFLUX_URL_BYTES];
	struct buf path = buf_over(storage, sizeof storage);
	buf_str_put(&path, STR("/write?precision=ns&db="));
	influx_put_encoded(&path, str_of(influx->url.database));
	buf_str_put(&path, STR("&rp="));
	put_policy(&path, call->table);
	CHECK(!path.overflow);
	return request(influx, post, "POST", buf_str(&path),
		       influx_post(call->batch.body, &influx->plan, influx->posted), on_written);
}

static void post_more(struct influx *influx)
{
	bool under_way = false;
	for (size_t i = 0; i < POSTS_AT_ONCE; i++) {
		struct post *post = &influx->posts[i];
		if (!post->under_way && !influx->outcome && influx->posted < influx->plan.count) {
			if (post_one(influx, post))
				influx->posted++;
			else
				influx->outcome = SINK_AWAY;
		}
		under_way |= post->under_way;
	}
	if (!under_way)
		finish(influx, influx->outcome, 0);
}

static void send_batch(struct influx *influx)
{
	influx->plan = influx_posts(current(influx)->batch.body);
	influx->posted = 0;
	influx->outcome = SINK_DONE;
	influx->why[0] = 0;
	post_more(influx);
}

/* ---- questions ---- */

static void on_counted(struct influx *influx, const struct influx_answer *answer)
{
	uint64_t count = 0;
	if (!answered(influx, answer, NULL))
		return;
	if (influx_results_count(answer->http->body, &count)) {
		influx_why(influx->why, "its answer is no count");
		finish(influx, SINK_HELD, 0);
		return;
	}
	finish(influx, SINK_DONE, count);
}

static void ask_count(struct influx *influx)
{
	const struct call *call = current(influx);
	char storage[600];
	struct buf sql = buf_over(storage, sizeof storage);
	buf_printf(&sql, "SELECT count(batch_id) FROM \"%s\".\"", influx->url.database);
	put_policy(&sql, call->table);
	buf_printf(&sql, "\".\"%s\"", archive_table_row(call->table)->name);
	if (call->kind == CALL_PROBE)
		buf_printf(&sql, " WHERE batch_id=%lld", (long long)call->batch_id);
	CHECK(!sql.overflow);
	put_statement(influx, buf_str(&sql));
	ask(influx, on_counted);
}

/* ---- reading back ---- */

static void on_read(struct influx *influx, const struct influx_answer *answer)
{
	if (!answered(influx, answer, NULL))
		return;
	if (influx_take_rows(answer->http->body, &current(influx)->read)) {
		influx_why(influx->why, "what it holds is not what was sent");
		finish(influx, SINK_HELD, 0);
		return;
	}
	finish(influx, SINK_DONE, 0);
}

static void ask_rows(struct influx *influx)
{
	char storage[4096];
	struct buf sql = buf_over(storage, sizeof storage);
	const struct sink_read *read = &current(influx)->read;
	buf_printf(&sql, "SELECT * FROM \"%s\".\"autogen\".", influx->url.database);
	influx_put_read(&sql, read);
	if (sql.overflow) {
		influx_why(influx->why, "the measurement's name is too long");
		finish(influx, SINK_HELD, 0);
		return;
	}
	put_statement(influx, buf_str(&sql));
	buf_str_put(&influx->text, STR("&epoch=ns"));
	ask(influx, on_read);
}

static void begin_call(struct influx *influx)
{
	influx->why[0] = 0;
	switch (current(influx)->kind) {
	case CALL_OPEN:
	case CALL_EXPIRE: finish(influx, SINK_DONE, 0); break;
	case CALL_SEND: send_batch(influx); break;
	case CALL_PROBE:
	case CALL_COUNT: ask_count(influx); break;
	case CALL_READ: ask_rows(influx); break;
	}
}

/* ---- the server, its database ---- */

/* Each in a request of its own: behind one that fails nothing is executed. */
static void make_next(struct influx *influx);

static void on_made(struct influx *influx, const struct influx_answer *answer)
{
	if (answered(influx, answer, "retention policy already exists"))
		make_next(influx);
}

static bool days_are_new(enum archive_set set, unsigned table)
{
	for (unsigned i = archive_set_first(set); i < table; i++)
		if (archive_table_row((enum archive_table)i)->days ==
		    archive_table_row((enum archive_table)table)->days)
			return false;
	return true;
}

static void put_create_policy(const struct influx *influx, struct buf *sql, unsigned table)
{
	int64_t days = archive_table_row((enum archive_table)table)->days;
	buf_str_put(sql, STR("CREATE RETENTION POLICY \""));
	put_policy(sql, (enum archive_table)table);
	buf_printf(sql, "\" ON \"%s\" DURATION ", influx->url.database);
	if (days)
		buf_printf(sql, "%lldd", (long long)days);
	else
		buf_str_put(sql, STR("INF"));
	buf_printf(sql, " REPLICATION 1%s", table == TABLE_trade_results ? " DEFAULT" : "");
}

static void make_next(struct influx *influx)
{
	char storage[600];
	struct buf sql = buf_over(storage, sizeof storage);
	unsigned end = archive_set_end(influx->set);
	while (influx->made < end && !days_are_new(influx->set, influx->made))
		influx->made++;
	if (influx->made == end) {
		influx->opened = true;
		begin_call(influx);
		return;
	}
	put_create_policy(influx, &sql, influx->made++);
	CHECK(!sql.overflow);
	put_statement(influx, buf_str(&sql));
	ask(influx, on_made);
}

static void make(struct influx *influx)
{
	char storage[300];
	struct buf sql = buf_over(storage, sizeof storage);
	influx->made = archive_set_first(influx->set);
	buf_printf(&sql, "CREATE DATABASE \"%s\"", influx->url.database);
	CHECK(!sql.overflow);
	put_statement(influx, buf_str(&sql));
	ask(influx, on_made);
}

static void on_pinged(struct influx *influx, const struct influx_answer *answer)
{
	enum sink_outcome outcome = influx_ask_verdict(answer, influx->why);
	if (!outcome && !http_answer_header(answer->http, STR("x-influxdb-version")).ptr) {
		influx_why(influx->why, "it does not answer as an InfluxDB does");
		outcome = SINK_HELD;
	}
	if (outcome)
		finish(influx, outcome, 0);
	else
		make(influx);
}

static void run_begin(void *ctx)
{
	struct influx *influx = ctx;
	if (influx->opened)
		begin_call(influx);
	else if (!request(influx, &influx->posts[0], "GET", STR("/ping"), (struct str){ 0 },
			  on_pinged))
		finish(influx, SINK_AWAY, 0);
}

/* ---- the interface ---- */

static void add_call(struct sink *sink, const struct call *call)
{
	struct influx *influx = of_sink(sink);
	CHECK(influx->count < INFLUX_CALLS_MAX && !influx->on_closed);
	influx->calls[(influx->first + influx->count++) % INFLUX_CALLS_MAX] = *call;
	if (influx->count == 1)
		begin_next(influx);
}

static void sink_open(struct sink *sink, sink_fn fn, void *ctx)
{
	of_sink(sink)->opened = false;
	add_call(sink, &(struct call){ .kind = CALL_OPEN, .fn = fn, .ctx = ctx });
}

static enum status sink_encode(const struct sink *sink, const struct archive_rows *rows,
			       size_t from, size_t to, int64_t batch_id, struct buf *body,
			       size_t *bad)
{
	(void)sink;
	enum archive_table table = (enum archive_table)archive_rows_next(rows, NULL)->table;
	if (archive_is_moved(table) && table != TABLE_moved_indicator_data) {
		*bad = from;
		return STATUS_INVALID;
	}
	return influx_encode(rows, from, to, batch_id, body, bad);
}

static void sink_send(struct sink *sink, const struct sink_batch *batch, sink_fn fn, void *ctx)
{
	add_call(
	    sink,
	    &(struct call){
		.kind = CALL_SEND, .table = batch->table, .batch = *batch, .fn = fn, .ctx = ctx });
}

static void sink_probe(struct sink *sink, enum archive_table table, int64_t batch_id,
		       sink_probe_fn fn, void *ctx)
{
	add_call(sink, &(struct call){ .kind = CALL_PROBE,
				       .table = table,
				       .batch_id = batch_id,
				       .count_fn = fn,
				       .ctx = ctx });
}

static void sink_expire(struct sink *sink, enum archive_table table, int64_t now_us, sink_fn fn,
			void *ctx)
{
	(void)now_us;
	add_call(sink, &(struct call){ .kind = CALL_EXPIRE, .table = table, .fn = fn, .ctx = ctx });
}

static void sink_count(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx)
{
	add_call(sink,
		 &(struct call){ .kind = CALL_COUNT, .table = table, .count_fn = fn, .ctx = ctx });
}

static void sink_read(struct sink *sink, const struct sink_read *read, sink_fn fn, void *ctx)
{
	add_call(
	    sink,
	    &(struct call){
		.kind = CALL_READ, .table = read->table, .read = *read, .fn = fn, .ctx = ctx });
}

static void run_closed(void *ctx)
{
	struct influx *influx = ctx;
	void (*fn)(void *ctx) = influx->on_closed;
	void *fn_ctx = influx->on_closed_ctx;
	explicit_bzero(&influx->url, sizeof influx->url);
	buf_deinit(&influx->text);
	free(influx);
	fn(fn_ctx);
}

static void no_one_waits(void *ctx) { (void)ctx; }

static void sink_close(struct sink *sink, void (*fn)(void *ctx), void *ctx)
{
	struct influx *influx = of_sink(sink);
	influx->on_closed = fn ? fn : no_one_waits;
	influx->on_closed_ctx = ctx;
	for (size_t i = 0; i < POSTS_AT_ONCE; i++)
		http_cancel(influx->http, &influx->posts[i]);
	influx->begin.fn = run_closed;
	timers_arm(influx->timers, &influx->begin, 0);
}

static const struct sink_ops ops = {
	.name = "influxdb",
	.probes = false,
	.idempotent = true,
	.rows_max = INFLUX_ROWS_MAX,
	.bytes_max = INFLUX_BYTES_MAX,
	.open = sink_open,
	.encode = sink_encode,
	.send = sink_send,
	.probe = sink_probe,
	.expire = sink_expire,
	.count = sink_count,
	.read = sink_read,
	.close = sink_close,
};

enum status influx_create(const struct influx_config *config, struct sink **out, struct err *err)
{
	struct influx *influx = calloc(1, sizeof *influx);
	if (!influx)
		return err_set(err, STATUS_NO_MEMORY, "influxdb: out of memory");
	if (influx_url_read(config->url, &influx->url)) {
		free(influx);
		return err_set(err, STATUS_INVALID,
			       "archive.influx_url: not http[s]://[USER:PASSWORD@]HOST[:PORT]"
			       "/DATABASE");
	}
	influx->sink.ops = &ops;
	influx->http = config->http;
	influx->timers = config->timers;
	influx->set = config->set;
	influx->answer_ns = config->answer_ns ? config->answer_ns : 30000000000;
	influx->begin = (struct timer){ .fn = run_begin, .ctx = influx };
	buf_init(&influx->text, TEXT_BYTES);
	*out = &influx->sink;
	return STATUS_OK;
}
