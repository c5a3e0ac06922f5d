#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"

struct process {
	uv_process_t handle;
	void (*on_exit)(void *ctx, int exit_status, int signal_number);
	void *ctx;
};

static void on_closed(uv_handle_t *handle) { free(handle->data); }

static void on_exit_cb(uv_process_t *handle, int64_t exit_status, int signal_number)
{
	struct process *process = handle->data;
	if (process->on_exit)
		process->on_exit(process->ctx, (int)exit_status, signal_number);
	uv_close((uv_handle_t *)handle, on_closed);
}

enum status process_spawn(struct loop *loop, const struct process_config *config,
			  struct process **out, struct err *err)
{
	const char *output = config->output_path ? config->output_path : "/dev/null";
	int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "start %s: output to %s", config->argv[0], output);
	struct process *process = calloc(1, sizeof *process);
	if (!process) {
		close(fd);
		return err_set(err, STATUS_NO_MEMORY, "start %s: out of memory", config->argv[0]);
	}
	uv_stdio_container_t stdio[4] = { { .flags = UV_IGNORE },
					  { .flags = UV_INHERIT_FD, .data.fd = fd },
					  { .flags = UV_INHERIT_FD, .data.fd = fd },
					  { .flags = UV_INHERIT_FD,
					    .data.fd = config->inherited_fd } };
	uv_process_options_t options = { .exit_cb = on_exit_cb,
					 .file = config->argv[0],
					 .args = (char **)config->argv,
					 .cwd = config->folder,
					 .flags = UV_PROCESS_DETACHED,
					 .stdio_count = config->inherited_fd > 0 ? 4 : 3,
					 .stdio = stdio };
	*process = (struct process){ .on_exit = config->on_exit, .ctx = config->ctx };
	process->handle.data = process;
	int code = uv_spawn(loop_uv(loop), &process->handle, &options);
	close(fd);
	if (code) {
		uv_close((uv_handle_t *)&process->handle, on_closed);
		return err_errno(err, -code, "start %s", config->argv[0]);
	}
	*out = process;
	return STATUS_OK;
}

int process_pid(const struct process *process) { return process->handle.pid; }

void process_abandon(struct process *process)
{
	process->on_exit = NULL;
	uv_close((uv_handle_t *)&process->handle, on_closed);
}

enum status process_signal(int pid, int signal_number)
{
	if (kill(pid, signal_number) == 0)
		return STATUS_OK;
	return errno == ESRCH ? STATUS_NOT_FOUND : STATUS_REFUSED;
}

uint64_t process_raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

uint64_t process_started(int pid)
{
	char path[40], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	/* The name in brackets may hold anything; fields are counted behind it. */
	const char *after_name = strrchr(text, ')');
	if (!after_name)
		return 0;
	struct str rest = str_skip(str_of(after_name), 2), field = { 0 };
	for (int i = 3; i <= 22; i++)
		if (!str_split(&rest, ' ', &field))
			return 0;
	uint64_t started = 0;
	return str_to_u64(field, &started) == STATUS_OK ? started : 0;
}
