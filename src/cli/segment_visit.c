#include "cli/segment_visit.h"

#include <stdlib.h>
#include <unistd.h>

#include "os/files.h"
#include "os/line_client.h"
#include "os/redis_conn.h"
#include "store/segment_login.h"

enum { FLUSH_TIMEOUT_MS = 2000, RETRY_MS = 20, RETRY_FOR_MS = 10000 };
static const int64_t patience_ns = 30000000000;

struct segment_visit {
	struct loop *loop;
	struct redis_port *redis;
	/* either our own */
	struct daemon *daemon;
	/* or a connection to the running weir's server */
	struct loop *own_loop;
	struct redis_conn *conn;
	bool ready, closed;
	struct err down; /* why the connection could not be made */
};

struct call {
	redis_reply_fn fn;
	void *ctx;
	enum status status;
	bool done;
	struct err *err;
};

/* ---- the running weir's server ---- */

static void on_up(void *ctx) { ((struct segment_visit *)ctx)->ready = true; }

static void on_down(void *ctx, const struct err *why)
{
	((struct segment_visit *)ctx)->down = *why;
}

static enum status connect_running(struct segment_visit *visit, const char *state_dir,
				   enum segment segment, struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct segment_login login;
	enum status status = segment_login_read(state_dir, segment, "weir", &login, err);
	if (!status)
		status =
		    path_format(path, err, "%s/run/%s.sock", state_dir, segment_row(segment)->name);
	if (!status)
		status = loop_create(64, &visit->own_loop, err);
	if (status)
		return status;
	visit->loop = visit->own_loop;
	const struct redis_conn_config config = {
		.unix_path = path,
		.user = login.user,
		.password = login.password,
		.name = "weir-cli",
		.deadline_ns = patience_ns,
		.pending_bytes_max = 64 << 20,
		.on_up = on_up,
		.on_down = on_down,
		.ctx = visit,
	};
	status = redis_conn_open(visit->loop, &config, &visit->conn, err);
	if (status)
		return status;
	visit->redis = redis_conn_port(visit->conn);
	if (loop_turn_until(visit->loop, &visit->ready, 5000000000))
		return STATUS_OK;
	return err_set(err, STATUS_UNAVAILABLE, "segment %s at %s does not answer%s%s",
		       segment_row(segment)->name, path, visit->down.text[0] ? ": " : "",
		       visit->down.text);
}

/* ---- our own ---- */

static void on_ready(void *ctx, struct daemon *daemon)
{
	(void)daemon;
	((struct segment_visit *)ctx)->ready = true;
}

static enum status start_own(struct segment_visit *visit, const char *state_dir,
			     const struct config *config, enum segment segment, struct err *err)
{
	const struct daemon_options options = {
		.config = config,
		.state_dir = state_dir,
		.store = true,
		.segments =
		    1u << segment | 1u << SEGMENT_RMS, /* no daemon is without its markets */
		.on_ready = on_ready,
		.ctx = visit,
	};
	enum status status = daemon_create(&options, &visit->daemon, err);
	if (status)
		return status;
	visit->loop = daemon_loop(visit->daemon);
	while (!visit->ready && !daemon_ended(visit->daemon))
		loop_turn(visit->loop, patience_ns);
	if (!visit->ready)
		return err_set(err, STATUS_UNAVAILABLE, "%s", daemon_error(visit->daemon));
	visit->redis = segments_redis(daemon_segments(visit->daemon), segment);
	return STATUS_OK;
}

static bool weir_runs(const char *state_dir)
{
	char path[PATH_BYTES_MAX];
	struct err err;
	struct buf answer;
	int exit_status = 0;
	if (path_format(path, &err, "%s/run/weir.sock", state_dir))
		return false;
	buf_init(&answer, 1024);
	enum status status =
	    control_call(path, STR("flush"), FLUSH_TIMEOUT_MS, &exit_status, &answer, &err);
	buf_deinit(&answer);
	return status == STATUS_OK;
}

static enum status try_open(struct segment_visit *visit, const char *state_dir,
			    const struct config *config, enum segment segment, struct err *err)
{
	if (weir_runs(state_dir))
		return connect_running(visit, state_dir, segment, err);
	if (!files_is_folder(state_dir))
		return err_set(err, STATUS_NOT_FOUND,
			       "there is no state directory %s: name another with --state",
			       state_dir);
	return start_own(visit, state_dir, config, segment, err);
}

enum status segment_visit_open(const char *state_dir, const struct config *config,
			       enum segment segment, struct segment_visit **out, struct err *err)
{
	struct segment_visit *visit = calloc(1, sizeof *visit);
	if (!visit)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	for (int waited_ms = 0;; waited_ms += RETRY_MS) {
		*visit = (struct segment_visit){ 0 };
		enum status status = try_open(visit, state_dir, config, segment, err);
		if (!status) {
			*out = visit;
			return STATUS_OK;
		}
		if (status != STATUS_IN_USE || waited_ms >= RETRY_FOR_MS) {
			segment_visit_close(visit);
			return status;
		}
		usleep(RETRY_MS * 1000); /* a weir is starting, or ending: it holds the lock */
	}
}

static void on_closed(void *ctx) { ((struct segment_visit *)ctx)->closed = true; }

void segment_visit_close(struct segment_visit *visit)
{
	if (!visit)
		return;
	if (visit->conn) {
		redis_conn_close(visit->conn, on_closed, visit);
		loop_turn_until(visit->loop, &visit->closed, patience_ns);
	}
	loop_destroy(visit->own_loop);
	if (visit->daemon && !daemon_ended(visit->daemon)) {
		daemon_stop(visit->daemon);
		daemon_run(visit->daemon);
	}
	daemon_destroy(visit->daemon);
	free(visit);
}

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct call *call = ctx;
	call->done = true;
	call->status = status;
	if (status && reply && reply->type == REDIS_ERROR)
		err_set(call->err, status, "%.*s", STR_ARG(reply->text));
	else if (status)
		err_set(call->err, status, "%s", status_text(status));
	if (reply)
		call->fn(call->ctx, status, reply);
}

enum status segment_visit_call(struct segment_visit *visit, const struct str *argv, size_t argc,
			       redis_reply_fn fn, void *ctx, struct err *err)
{
	struct call call = { .fn = fn, .ctx = ctx, .err = err };
	enum status status = redis_command(visit->redis, argv, argc, on_reply, &call);
	if (status)
		return err_set(err, status, "%.*s: %s", STR_ARG(argv[0]), status_text(status));
	while (!call.done)
		loop_turn(visit->loop, patience_ns);
	return call.status;
}

struct redis_port *segment_visit_redis(struct segment_visit *visit) { return visit->redis; }
struct loop *segment_visit_loop(struct segment_visit *visit) { return visit->loop; }
