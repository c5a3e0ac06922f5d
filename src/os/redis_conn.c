#include <stdlib.h>

#include "base/check.h"
#include "os/redis_conn_impl.h"

static const bool moves[][REDIS_CONN_CLOSING + 1] = {
	[REDIS_CONN_BACKOFF] = { [REDIS_CONN_CONNECTING] = true },
	[REDIS_CONN_CONNECTING] = { [REDIS_CONN_GREETING] = true, [REDIS_CONN_BACKOFF] = true },
	[REDIS_CONN_GREETING] = { [REDIS_CONN_READY] = true,
				  [REDIS_CONN_LOADING] = true,
				  [REDIS_CONN_BACKOFF] = true },
	[REDIS_CONN_LOADING] = { [REDIS_CONN_GREETING] = true, [REDIS_CONN_BACKOFF] = true },
	[REDIS_CONN_READY] = { [REDIS_CONN_BACKOFF] = true },
};

void redis_conn_move(struct redis_conn *conn, enum redis_conn_state to)
{
	CHECK(to == REDIS_CONN_CLOSING ? conn->state != to : moves[conn->state][to]);
	conn->state = to;
}

static void finish(struct redis_conn *conn, const struct redis_pending_entry *entry,
		   enum status status, const struct redis_reply *reply)
{
	conn->stats.endings[status]++;
	if (entry->fn)
		entry->fn(entry->ctx, status, reply);
}

void redis_conn_end_pending(struct redis_conn *conn, enum status status)
{
	struct redis_pending_entry entry;
	bool late;
	while (redis_pending_pop(&conn->pending, &entry, &late))
		if (!late)
			finish(conn, &entry, status, NULL);
}

void redis_conn_lose(struct redis_conn *conn, const struct err *why)
{
	if (conn->state == REDIS_CONN_BACKOFF || conn->state == REDIS_CONN_CLOSING)
		return;
	conn->why = *why;
	redis_link_close(&conn->link);
}

static void arm_deadline(struct redis_conn *conn)
{
	int64_t next_ns = redis_pending_next_ns(&conn->pending);
	int64_t give_up_ns = conn->silent_since_ns + conn->config.deadline_ns;
	if (conn->silent_since_ns && give_up_ns < next_ns)
		next_ns = give_up_ns;
	if (next_ns == INT64_MAX)
		timers_cancel(loop_timers(conn->loop), &conn->deadline);
	else if (!conn->deadline.slot || conn->deadline.deadline_ns > next_ns)
		timers_arm(loop_timers(conn->loop), &conn->deadline, next_ns);
}

static void expire_due(struct redis_conn *conn, int64_t now_ns)
{
	struct redis_pending_entry entry;
	while (redis_pending_expire(&conn->pending, now_ns, &entry)) {
		if (!conn->silent_since_ns && conn->state == REDIS_CONN_READY)
			conn->silent_since_ns = now_ns;
		finish(conn, &entry, STATUS_TIMEOUT, NULL);
	}
}

static void on_deadline(void *ctx)
{
	struct redis_conn *conn = ctx;
	int64_t now_ns = loop_now_ns(conn->loop);
	struct err why;
	if (conn->state == REDIS_CONN_CLOSING)
		return;
	expire_due(conn, now_ns);
	bool silent =
	    conn->silent_since_ns && now_ns - conn->silent_since_ns >= conn->config.deadline_ns;
	if (silent) {
		err_set(&why, STATUS_TIMEOUT, "no answer for %lld ms",
			(long long)(conn->config.deadline_ns / 1000000 * 2));
		redis_conn_lose(conn, &why);
	} else {
		arm_deadline(conn);
	}
}

static void on_open(void *ctx)
{
	struct redis_conn *conn = ctx;
	if (conn->state == REDIS_CONN_CLOSING)
		return;
	redis_conn_move(conn, REDIS_CONN_GREETING);
	redis_greet(conn, GREET_HELLO);
}

/* A primary that stepped down: over TCP the name may lead to its successor. */
static bool wants_another_server(const struct redis_conn *conn, enum status status)
{
	return !conn->config.unix_path &&
	       (status == STATUS_REDIS_READONLY || status == STATUS_REDIS_MASTERDOWN);
}

/* Part of a transaction: its EXEC tells how long it took. */
static bool is_queued(const struct redis_reply *reply)
{
	return reply->type == REDIS_STATUS && str_eq(reply->text, STR("QUEUED"));
}

static void time_it(struct redis_conn *conn, const struct redis_pending_entry *entry,
		    const struct redis_reply *reply)
{
	if (entry->timing == REDIS_TIMING_NONE || is_queued(reply))
		return;
	redis_timing_add(entry->timing == REDIS_TIMING_READ ? &conn->stats.reads
							    : &conn->stats.writes,
			 loop_precise_ns() - entry->sent_ns);
}

static void on_reply(struct redis_conn *conn, const struct redis_reply *reply)
{
	struct redis_pending_entry entry;
	bool late;
	if (!redis_pending_pop(&conn->pending, &entry, &late)) {
		struct err why;
		err_set(&why, STATUS_REDIS_PROTOCOL, "an answer nobody asked for");
		return redis_conn_lose(conn, &why);
	}
	backoff_reset(&conn->backoff);
	conn->stats.replies++;
	conn->stats.late_replies += late;
	enum status status =
	    reply->type == REDIS_ERROR ? redis_error_status(reply->text) : STATUS_OK;
	time_it(conn, &entry, reply);
	if (!late)
		finish(conn, &entry, status, reply);
	if (wants_another_server(conn, status)) {
		struct err why;
		err_set(&why, status, "%s", status_text(status));
		redis_conn_lose(conn, &why);
	}
}

static void on_bytes(void *ctx, struct str bytes)
{
	struct redis_conn *conn = ctx;
	const struct redis_reply *reply;
	conn->silent_since_ns = 0;
	enum status status = resp_reader_feed(conn->reader, bytes);
	while (status == STATUS_OK && !conn->link.is_closing && conn->state != REDIS_CONN_CLOSING) {
		status = resp_reader_next(conn->reader, &reply);
		if (status != STATUS_OK)
			break;
		if (conn->state == REDIS_CONN_GREETING)
			redis_greet_answer(conn, reply);
		else
			on_reply(conn, reply);
	}
	if (status == STATUS_REDIS_PROTOCOL) {
		struct err why;
		err_set(&why, status, "not RESP: %s", resp_reader_why(conn->reader));
		redis_conn_lose(conn, &why);
	} else if (conn->state == REDIS_CONN_READY) {
		arm_deadline(conn);
	}
}

static void start(struct redis_conn *conn)
{
	resp_reader_destroy(conn->reader);
	conn->reader = resp_reader_create(&resp_limits_default);
	if (!conn->reader) {
		loop_timer_after(conn->loop, &conn->retry, conn->config.backoff_longest_ns);
		return;
	}
	redis_conn_move(conn, REDIS_CONN_CONNECTING);
	conn->stats.tries++;
	conn->why = (struct err){ 0 };
	loop_timer_after(conn->loop, &conn->retry, conn->config.deadline_ns);
	redis_link_open(&conn->link, conn->config.unix_path, conn->config.host, conn->config.port);
}

/* One timer, three meanings by state: try again, ask the loading server again, or
 * the greeting took too long. */
static void on_retry(void *ctx)
{
	struct redis_conn *conn = ctx;
	struct err why;
	if (conn->state == REDIS_CONN_BACKOFF) {
		start(conn);
	} else if (conn->state == REDIS_CONN_LOADING) {
		redis_conn_move(conn, REDIS_CONN_GREETING);
		redis_greet(conn, GREET_PING);
	} else {
		err_set(&why, STATUS_TIMEOUT, "no greeting within %lld ms",
			(long long)(conn->config.deadline_ns / 1000000));
		redis_conn_lose(conn, &why);
	}
}

static void free_conn(struct redis_conn *conn)
{
	void (*on_end)(void *ctx) = conn->on_end;
	void *ctx = conn->on_end_ctx;
	timers_cancel(loop_timers(conn->loop), &conn->retry);
	timers_cancel(loop_timers(conn->loop), &conn->deadline);
	loop_task_cancel(&conn->end); /* a loss may have come before it */
	redis_link_deinit(&conn->link);
	redis_pending_deinit(&conn->pending);
	resp_reader_destroy(conn->reader);
	explicit_bzero(conn->password, sizeof conn->password);
	free(conn);
	if (on_end)
		on_end(ctx);
}

static void run_end(void *ctx)
{
	struct redis_conn *conn = ctx;
	if (conn->link.busy)
		redis_link_close(&conn->link); /* goes on in on_lost */
	else
		free_conn(conn);
}

static bool is_hurrying(struct redis_conn *conn)
{
	return loop_now_ns(conn->loop) < conn->hurry_until_ns;
}

static void tell_down(struct redis_conn *conn, bool was_ready)
{
	struct err why = conn->why.status ? conn->why : conn->link.why;
	bool nobody = why.status == STATUS_NOT_FOUND || why.status == STATUS_REFUSED;
	if (!conn->config.on_down || (is_hurrying(conn) && nobody && !was_ready))
		return;
	conn->config.on_down(conn->config.ctx, &why);
}

static void on_lost(void *ctx)
{
	struct redis_conn *conn = ctx;
	bool was_ready = conn->state == REDIS_CONN_READY;
	timers_cancel(loop_timers(conn->loop), &conn->deadline);
	conn->silent_since_ns = 0;
	if (conn->state != REDIS_CONN_CLOSING)
		redis_conn_move(conn, REDIS_CONN_BACKOFF);
	redis_conn_end_pending(conn, STATUS_CLOSED);
	if (conn->state != REDIS_CONN_CLOSING)
		tell_down(conn, was_ready);
	if (conn->state == REDIS_CONN_CLOSING)
		return free_conn(conn);
	loop_timer_after(conn->loop, &conn->retry,
			 is_hurrying(conn) ? REDIS_CONN_HURRY_NS
					   : backoff_next_ns(&conn->backoff, &conn->rng));
}

static size_t command_bytes(const struct str *argv, size_t argc)
{
	size_t bytes = REDIS_PENDING_COST + 16;
	for (size_t i = 0; i < argc; i++)
		bytes += argv[i].len + 16;
	return bytes;
}

static enum status refuse(struct redis_conn *conn, enum status status)
{
	conn->stats.endings[status]++;
	return status;
}

static enum status conn_command(struct redis_port *port, const struct str *argv, size_t argc,
				redis_reply_fn fn, void *ctx)
{
	struct redis_conn *conn = (struct redis_conn *)port;
	CHECK(argc > 0);
	struct redis_pending_entry entry = {
		fn, ctx, 0, command_bytes(argv, argc), redis_timing_of(argv[0]), 0
	};
	if (conn->link.is_closing ||
	    (conn->state != REDIS_CONN_READY && conn->state != REDIS_CONN_GREETING &&
	     conn->state != REDIS_CONN_CONNECTING))
		return refuse(conn, STATUS_CLOSED);
	if (conn->pending.bytes + entry.bytes > conn->config.pending_bytes_max)
		return refuse(conn, STATUS_FULL);
	struct buf *out = &conn->link.filling;
	if (!buf_reserve(out, entry.bytes)) {
		out->overflow = false; /* nothing was appended */
		return refuse(conn, STATUS_FULL);
	}
	entry.deadline_ns = loop_now_ns(conn->loop) + conn->config.deadline_ns;
	if (entry.timing != REDIS_TIMING_NONE)
		entry.sent_ns = loop_precise_ns();
	if (redis_pending_push(&conn->pending, entry) != STATUS_OK)
		return refuse(conn, STATUS_FULL);
	redis_put_command(out, argv, argc);
	conn->stats.commands++;
	arm_deadline(conn);
	if (conn->state == REDIS_CONN_READY)
		redis_link_flush_later(&conn->link);
	return STATUS_OK;
}

static size_t conn_pending_bytes(const struct redis_port *port)
{
	return ((const struct redis_conn *)port)->pending.bytes;
}

static const struct redis_ops ops = { conn_command, conn_pending_bytes };

static void set_defaults(struct redis_conn_config *config)
{
	if (!config->deadline_ns)
		config->deadline_ns = 5000000000;
	if (!config->backoff_first_ns)
		config->backoff_first_ns = 50000000;
	if (!config->backoff_longest_ns)
		config->backoff_longest_ns = 5000000000;
	if (!config->pending_bytes_max)
		config->pending_bytes_max = 16 << 20;
	if (!config->name)
		config->name = "weir";
}

static enum status keep_texts(struct redis_conn *conn)
{
	struct redis_conn_config *config = &conn->config;
	const char **texts[] = { config->unix_path ? &config->unix_path : &config->host,
				 &config->user, &config->password, &config->name };
	char *copies[] = { conn->place, conn->user, conn->password, conn->name };
	size_t sizes[] = { sizeof conn->place, sizeof conn->user, sizeof conn->password,
			   sizeof conn->name };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!*texts[i])
			continue;
		if (str_copy(str_of(*texts[i]), copies[i], sizes[i]) != STATUS_OK)
			return STATUS_RANGE;
		*texts[i] = copies[i];
	}
	return STATUS_OK;
}

enum status redis_conn_open(struct loop *loop, const struct redis_conn_config *config,
			    struct redis_conn **out, struct err *err)
{
	struct redis_conn *conn = calloc(1, sizeof *conn);
	if (!conn)
		return err_set(err, STATUS_NO_MEMORY, "redis connection: out of memory");
	conn->port.ops = &ops;
	conn->loop = loop;
	conn->config = *config;
	set_defaults(&conn->config);
	if (keep_texts(conn) != STATUS_OK) {
		free(conn);
		return err_set(err, STATUS_RANGE, "redis connection: a name longer than %d bytes",
			       REDIS_CONN_TEXT_MAX - 1);
	}
	conn->backoff =
	    (struct backoff){ conn->config.backoff_first_ns, conn->config.backoff_longest_ns, 0 };
	rng_init(&conn->rng, conn->config.seed ^ (uint64_t)loop_wall_ns(loop));
	conn->retry = (struct timer){ .fn = on_retry, .ctx = conn };
	conn->deadline = (struct timer){ .fn = on_deadline, .ctx = conn };
	conn->end = (struct loop_task){ .fn = run_end, .ctx = conn };
	struct redis_link_events events = { on_open, on_bytes, on_lost, conn };
	redis_link_init(&conn->link, loop, &events, conn->config.pending_bytes_max + (1 << 20));
	conn->state = REDIS_CONN_BACKOFF;
	start(conn);
	*out = conn;
	return STATUS_OK;
}

void redis_conn_close(struct redis_conn *conn, void (*fn)(void *ctx), void *ctx)
{
	redis_conn_move(conn, REDIS_CONN_CLOSING);
	conn->on_end = fn;
	conn->on_end_ctx = ctx;
	timers_cancel(loop_timers(conn->loop), &conn->retry);
	loop_defer(conn->loop, &conn->end);
}

struct redis_port *redis_conn_port(struct redis_conn *conn) { return &conn->port; }
enum redis_conn_state redis_conn_state(const struct redis_conn *conn) { return conn->state; }
const char *redis_conn_version(const struct redis_conn *conn) { return conn->version; }

const struct redis_conn_stats *redis_conn_stats(const struct redis_conn *conn)
{
	struct redis_conn_stats *stats = &((struct redis_conn *)conn)->stats;
	stats->bytes_in = conn->link.bytes_in;
	stats->bytes_out = conn->link.bytes_out;
	return stats;
}

int redis_conn_peer_pid(const struct redis_conn *conn) { return redis_link_peer_pid(&conn->link); }

void redis_conn_hurry(struct redis_conn *conn, int64_t for_ns)
{
	conn->hurry_until_ns = loop_now_ns(conn->loop) + for_ns;
	if (conn->state == REDIS_CONN_BACKOFF && !conn->link.busy)
		loop_timer_after(conn->loop, &conn->retry, REDIS_CONN_HURRY_NS);
}

void redis_conn_set_auth(struct redis_conn *conn, const char *user, const char *password)
{
	CHECK(strlen(user) < sizeof conn->user && strlen(password) < sizeof conn->password);
	memcpy(conn->user, user, strlen(user) + 1);
	memcpy(conn->password, password, strlen(password) + 1);
	conn->config.user = conn->user;
	conn->config.password = conn->password;
}
