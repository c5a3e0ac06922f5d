#include "survey/private_redis.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/files.h"

enum { TRY_EVERY_NS = 5000000 };

/* In the child, between fork and exec: only what is safe there. */
static void become_server(const char *program, const char *folder, const char *socket_path,
			  int null)
{
	const char *const argv[] = { "redis-server", "--port",     "0",
				     "--unixsocket", socket_path,  "--unixsocketperm",
				     "700",          "--dir",      folder,
				     "--save",       "",           "--appendonly",
				     "no",           "--loglevel", "warning",
				     "--daemonize",  "no",         NULL };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execv(program, (char *const *)argv);
	_exit(127);
}

static bool has_ended(struct private_redis *redis)
{
	int state;
	if (waitpid(redis->pid, &state, WNOHANG) != redis->pid)
		return false;
	redis->pid = 0;
	return true;
}

static enum status await(struct private_redis *redis, const char *socket_path, int64_t deadline_ns,
			 struct err *err)
{
	const struct wire_config config = { .unix_path = socket_path, .deadline_ns = deadline_ns };
	const struct timespec pause = { .tv_nsec = TRY_EVERY_NS };
	for (int64_t left_ns = deadline_ns; left_ns > 0; left_ns -= TRY_EVERY_NS) {
		if (wire_open(&config, &redis->wire, NULL) == STATUS_OK)
			return STATUS_OK;
		if (has_ended(redis))
			return err_set(err, STATUS_UNAVAILABLE, "redis-server ended at its start");
		nanosleep(&pause, NULL);
	}
	return err_set(err, STATUS_UNAVAILABLE, "redis-server does not answer");
}

static enum status start_in(const char *program, const char *folder, int64_t deadline_ns,
			    struct private_redis *redis, struct err *err)
{
	char socket_path[PATH_BYTES_MAX];
	enum status status = path_format(socket_path, err, "%s/s", folder);
	int null = status ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
	if (status)
		return status;
	redis->pid = fork();
	if (redis->pid == 0)
		become_server(program, folder, socket_path, null);
	if (null >= 0)
		close(null);
	if (redis->pid < 0)
		return err_errno(err, errno, "fork");
	status = await(redis, socket_path, deadline_ns, err);
	unlink(socket_path);
	return status;
}

enum status private_redis_start(const char *program, int64_t deadline_ns,
				struct private_redis *redis, struct err *err)
{
	char path[PATH_BYTES_MAX], folder[PATH_BYTES_MAX];
	const char *temporary = getenv("TMPDIR");
	/* A socket's path has at most 107 bytes. */
	bool fits = temporary && *temporary && strlen(temporary) < 80;
	*redis = (struct private_redis){ 0 };
	enum status status = files_find_program(program, path, err);
	if (!status)
		status =
		    path_format(folder, err, "%s/weir-trial-XXXXXX", fits ? temporary : "/tmp");
	if (status)
		return status;
	if (!mkdtemp(folder))
		return err_errno(err, errno, "%s", folder);
	status = start_in(path, folder, deadline_ns, redis, err);
	rmdir(folder);
	if (status)
		private_redis_stop(redis);
	return status;
}

void private_redis_stop(struct private_redis *redis)
{
	wire_close(redis->wire);
	if (redis->pid > 0) {
		kill(redis->pid, SIGKILL);
		waitpid(redis->pid, NULL, 0);
	}
	*redis = (struct private_redis){ 0 };
}
