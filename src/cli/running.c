#include "cli/running.h"

#include <unistd.h>

#include "cli/cli.h"
#include "daemon/config_file.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "os/files.h"
#include "os/line_client.h"

enum { TIMEOUT_MS = 10000, RETRY_MS = 100, LOCKED_MS = 10000 };

enum status running_ask(const char *state_dir, struct str request, int *exit_status,
			struct buf *answer, struct err *err)
{
	return running_ask_within(state_dir, request, TIMEOUT_MS, exit_status, answer, err);
}

enum status running_ask_within(const char *state_dir, struct str request, int timeout_ms,
			       int *exit_status, struct buf *answer, struct err *err)
{
	char path[PATH_BYTES_MAX];
	enum status status = path_format(path, err, "%s/run/weir.sock", state_dir);
	if (status)
		return status;
	status = control_call(path, request, timeout_ms, exit_status, answer, err);
	if (status == STATUS_UNAVAILABLE)
		return err_set(err, status, "no weir runs on %s (start it: weir up --state %s)",
			       state_dir, state_dir);
	return status;
}

/* ---- with none running ---- */

struct started {
	struct str request;
	struct daemon *daemon;
	int exit_status;
	struct buf *answer;
};

static void on_answer(void *ctx, int exit_status, struct str text)
{
	struct started *started = ctx;
	started->exit_status = exit_status;
	buf_str_put(started->answer, text);
	daemon_stop(started->daemon);
}

static void on_ready(void *ctx, struct daemon *daemon)
{
	struct started *started = ctx;
	started->daemon = daemon;
	control_run(daemon_control(daemon), started->request, on_answer, started);
}

static enum status ask_started(const struct args *args, struct started *started, struct err *err)
{
	struct config *config = NULL;
	struct daemon *daemon = NULL;
	enum status status = config_file_load(cli_config_path(args), &config, NULL, err);
	const struct daemon_options options = {
		.config = config,
		.state_dir = args_str(args, FLAG_state).ptr,
		.store = true,
		.restore = false,
		.segments = SEGMENTS_ALL,
		.control = true,
		.archive = true,
		.feed = DAEMON_FEED_NONE,
		.on_ready = on_ready,
		.ctx = started,
	};
	if (!status)
		status = daemon_create(&options, &daemon, err);
	if (!status && daemon_run(daemon))
		status = err_set(err, STATUS_IO, "%s", daemon_error(daemon));
	daemon_destroy(daemon);
	config_destroy(config);
	return status;
}

enum status running_or_started_ask(const struct args *args, struct str request, int timeout_ms,
				   int *exit_status, struct buf *answer, struct err *err)
{
	const char *state_dir = args_str(args, FLAG_state).ptr;
	struct started started = { .request = request, .answer = answer };
	for (int waited_ms = 0;; waited_ms += RETRY_MS) {
		enum status status =
		    running_ask_within(state_dir, request, timeout_ms, exit_status, answer, err);
		if (status != STATUS_UNAVAILABLE)
			return status;
		if (!files_is_folder(state_dir))
			return err_set(err, STATUS_NOT_FOUND,
				       "no weir runs here and there is no state directory %s: "
				       "start one with 'weir up', or name another with --state",
				       state_dir);
		status = ask_started(args, &started, err);
		*exit_status = started.exit_status;
		if (status != STATUS_IN_USE || waited_ms >= LOCKED_MS)
			return status;
		usleep(RETRY_MS * 1000); /* one is starting, or ending: it holds the lock */
	}
}
