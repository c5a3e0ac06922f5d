#include "cli/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "os/files.h"
#include "os/line_client.h"
#include "os/redis_conn.h"
#include "store/segment_login.h"

enum { FLUSH_TIMEOUT_MS = 2000, RETRY_MS = 20, RETRY_FOR_MS = 10000 };
static const int64_t patience_ns = 30000000000;

struct session {
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

static void on_up(void *ctx) { ((struct session *)ctx)->ready = true; }

static void on_down(void *ctx, const struct err *why) { ((struct session *)ctx)->down = *why; }

static enum status connect_running(struct session *session, const char *state_dir,
				   enum segment segment, struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct segment_login login;
	enum status status = segment_login_read(state_dir, segment, "weir", &login, err);
	if (!status)
		status =
		    path_format(path, err, "%s/run/%s.sock", state_dir, segment_row(segment)->name);
	if (!status)
		status = loop_create(64, &session->own_loop, err);
	if (status)
		return status;
	session->loop = session->own_loop;
	const struct redis_conn_config config = {
		.unix_path = path,
		.user = login.user,
		.password = login.password,
		.name = "weir-cli",
		.deadline_ns = patience_ns,
		.pending_bytes_max = 64 << 20,
		.on_up = on_up,
		.on_down = on_down,
		.ctx = session,
	};
	status = redis_conn_open(session->loop, &config, &session->conn, err);
	if (status)
		return status;
	session->redis = redis_conn_port(session->conn);
	if (loop_turn_until(session->loop, &session->ready, 5000000000))
		return STATUS_OK;
	return err_set(err, STATUS_UNAVAILABLE, "segment %s at %s does not answer%s%s",
		       segment_row(segment)->name, path, session->down.text[0] ? ": " : "",
		       session->down.text);
}

/* ---- our own ---- */

static void on_ready(void *ctx, struct daemon *daemon)
{
	(void)daemon;
	((struct session *)ctx)->ready = true;
}

static enum status start_own(struct session *session, const char *state_dir,
			     const struct config *config, enum segment segment, struct err *err)
{
	const struct daemon_options options = {
		.config = config,
		.state_dir = state_dir,
		.store = true,
		.segments = 1u << segment,
		.on_ready = on_ready,
		.ctx = session,
	};
	enum status status = daemon_create(&options, &session->daemon, err);
	if (status)
		return status;
	session->loop = daemon_loop(session->daemon);
	while (!session->ready && !daemon_ended(session->daemon))
		loop_turn(session->loop, patience_ns);
	if (!session->ready)
		return err_set(err, STATUS_UNAVAILABLE, "%s", daemon_error(session->daemon));
	session->redis = segments_redis(daemon_segments(session->daemon), segment);
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

static enum status try_open(struct session *session, const char *state_dir,
			    const struct config *config, enum segment segment, struct err *err)
{
	if (weir_runs(state_dir))
		return connect_running(session, state_dir, segment, err);
	if (!files_is_folder(state_dir))
		return err_set(err, STATUS_NOT_FOUND,
			       "there is no state directory %s: name another with --state",
			       state_dir);
	return start_own(session, state_dir, config, segment, err);
}

enum status session_open(const char *state_dir, const struct config *config, enum segment segment,
			 struct session **out, struct err *err)
{
	struct session *session = calloc(1, sizeof *session);
	if (!session)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	for (int waited_ms = 0;; waited_ms += RETRY_MS) {
		*session = (struct session){ 0 };
		enum status status = try_open(session, state_dir, config, segment, err);
		if (!status) {
			*out = session;
			return STATUS_OK;
		}
		if (status != STATUS_IN_USE || waited_ms >= RETRY_FOR_MS) {
			session_close(session);
			return status;
		}
		usleep(RETRY_MS * 1000); /* a weir is starting, or ending: it holds the lock */
	}
}

static void on_closed(void *ctx) { ((struct session *)ctx)->closed = true; }

void session_close(struct session *session)
{
	if (!session)
		return;
	if (session->conn) {
		redis_conn_close(session->conn, on_closed, session);
		loop_turn_until(session->loop, &session->closed, patience_ns);
	}
	loop_destroy(session->own_loop);
	if (session->daemon && !daemon_ended(session->daemon)) {
		daemon_stop(session->daemon);
		daemon_run(session->daemon);
	}
	daemon_destroy(session->daemon);
	free(session);
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

enum status session_call(struct session *session, const struct str *argv, size_t argc,
			 redis_reply_fn fn, void *ctx, struct err *err)
{
	struct call call = { .fn = fn, .ctx = ctx, .err = err };
	enum status status = redis_command(session->redis, argv, argc, on_reply, &call);
	if (status)
		return err_set(err, status, "%.*s: %s", STR_ARG(argv[0]), status_text(status));
	while (!call.done)
		loop_turn(session->loop, patience_ns);
	return call.status;
}
