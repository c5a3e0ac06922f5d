#include "daemon/calibration.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/files.h"

enum { FILE_BYTES_MAX = 64 << 10, VERSION_LINE_BYTES = 512, VERSION_MS = 2000 };

/* ---- the server's version ---- */

/* What the program prints, as far as it fits and within the time. */
static enum status read_answer(int fd, char line[VERSION_LINE_BYTES], const char *program,
			       struct err *err)
{
	size_t len = 0;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	while (len < VERSION_LINE_BYTES - 1) {
		if (poll(&ready, 1, VERSION_MS) <= 0)
			return err_set(err, STATUS_TIMEOUT, "%s --version says nothing", program);
		ssize_t n = read(fd, line + len, VERSION_LINE_BYTES - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	line[len] = 0;
	return STATUS_OK;
}

/* "Redis server v=7.0.15 sha=…" */
static enum status find_version(const char *line, char version[16], const char *program,
				struct err *err)
{
	const char *at = strstr(line, " v=");
	size_t len = at ? strspn(at + 3, "0123456789.") : 0;
	if (!len || str_copy(str_make(at + 3, len), version, 16))
		return err_set(err, STATUS_FORMAT, "%s --version names no version", program);
	return STATUS_OK;
}

static enum status run_program(char *path, int pipe_in, pid_t *pid, struct err *err)
{
	char *const argv[] = { path, (char[]){ "--version" }, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, pipe_in, STDOUT_FILENO);
	int failed = posix_spawn(pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return failed ? err_errno(err, failed, "%s", path) : STATUS_OK;
}

enum status calibration_server_version(const char *redis_server, char version[16], struct err *err)
{
	char path[PATH_BYTES_MAX], line[VERSION_LINE_BYTES];
	int ends[2];
	pid_t pid;
	enum status status = files_find_program(redis_server, path, err);
	if (status)
		return status;
	if (pipe2(ends, O_CLOEXEC))
		return err_errno(err, errno, "pipe");
	status = run_program(path, ends[1], &pid, err);
	close(ends[1]);
	if (!status) {
		status = read_answer(ends[0], line, path, err);
		if (status)
			kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	close(ends[0]);
	return status ? status : find_version(line, version, path, err);
}

/* ---- the file ---- */

static enum status calibration_path(char path[PATH_BYTES_MAX], const char *state_dir,
				    struct err *err)
{
	return path_format(path, err, "%s/calibration", state_dir);
}

/* NOT_FOUND: there is none, which is nothing to talk about. */
static enum status read_file(const char *state_dir, struct plan_costs *costs, struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct buf text;
	enum status status = calibration_path(path, state_dir, err);
	if (status)
		return status;
	buf_init(&text, FILE_BYTES_MAX + 1);
	status = files_read(path, FILE_BYTES_MAX, &text, err);
	if (!status) {
		status = plan_costs_read(buf_str(&text), costs, err);
		if (status)
			status = err_wrap(err, status, "%s", path);
	}
	buf_deinit(&text);
	return status;
}

void calibration_choose(const char *state_dir, const char *redis_server, struct plan_costs *costs,
			struct buf *words)
{
	char version[16];
	struct err err;
	struct plan_costs stored = plan_costs_shipped();
	*costs = plan_costs_shipped();
	enum status status = read_file(state_dir, &stored, &err);
	bool none = status == STATUS_NOT_FOUND;
	if (!status)
		status = calibration_server_version(redis_server, version, &err);
	if (!status && strcmp(version, stored.version) == 0) {
		*costs = stored;
		buf_printf(words, "The table of %s/calibration, measured on Redis %s.", state_dir,
			   stored.version);
		return;
	}
	buf_printf(words, "The shipped table, measured on Redis %s", costs->version);
	if (none)
		buf_printf(words, "; `weir plan --calibrate` measures this machine's.");
	else if (status)
		buf_printf(words, "; a calibration is not used: %s.", err.text);
	else
		buf_printf(words,
			   "; %s/calibration is not used: it is of Redis %s, redis-server is %s.",
			   state_dir, stored.version, version);
}

enum status calibration_store(const char *state_dir, const struct plan_costs *costs,
			      struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct buf text;
	enum status status = calibration_path(path, state_dir, err);
	if (!status)
		status = files_make_folder(state_dir, 0700, err);
	if (status)
		return status;
	buf_init(&text, FILE_BYTES_MAX);
	plan_costs_write(costs, &text);
	status = text.overflow ? err_set(err, STATUS_RANGE, "%s: too long", path)
			       : files_write_atomic(path, buf_str(&text), 0600, err);
	buf_deinit(&text);
	return status;
}
