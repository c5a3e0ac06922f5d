#include "survey/private_redis.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
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

static enum status dial(struct private_redis *redis, const char *socket_path, int64_t deadline_ns,
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

static void socket_path_of(const struct private_redis *redis, char out[PRIVATE_REDIS_PATH + 4])
{
	snprintf(out, PRIVATE_REDIS_PATH + 4, "%s/s", redis->folder);
}

static void remove_folder(struct private_redis *redis)
{
	char socket_path[PRIVATE_REDIS_PATH + 4];
	if (!redis->folder[0])
		return;
	socket_path_of(redis, socket_path);
	unlink(socket_path);
	rmdir(redis->folder);
	redis->folder[0] = 0;
}

static enum status spawn(const char *program, struct private_redis *redis, struct err *err)
{
	char socket_path[PRIVATE_REDIS_PATH + 4];
	socket_path_of(redis, socket_path);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	redis->pid = fork();
	if (redis->pid == 0)
		become_server(program, redis->folder, socket_path, null);
	int number = errno;
	if (null >= 0)
		close(null);
	if (redis->pid > 0)
		return STATUS_OK;
	redis->pid = 0;
	return err_errno(err, number, "fork");
}

enum status private_redis_spawn(const char *program, struct private_redis *redis, struct err *err)
{
	char path[PATH_BYTES_MAX];
	const char *temporary = getenv("TMPDIR");
	bool fits = temporary && *temporary && strlen(temporary) < 80;
	*redis = (struct private_redis){ 0 };
	enum status status = files_find_program(program, path, err);
	if (status)
		return status;
	snprintf(redis->folder, sizeof redis->folder, "%s/weir-trial-XXXXXX",
		 fits ? temporary : "/tmp");
	if (!mkdtemp(redis->folder)) {
		status = err_errno(err, errno, "%s", redis->folder);
		redis->folder[0] = 0;
		return status;
	}
	status = spawn(path, redis, err);
	if (status)
		remove_folder(redis);
	return status;
}

enum status private_redis_await(struct private_redis *redis, int64_t deadline_ns, struct err *err)
{
	char socket_path[PRIVATE_REDIS_PATH + 4];
	socket_path_of(redis, socket_path);
	enum status status = dial(redis, socket_path, deadline_ns, err);
	remove_folder(redis);
	if (status)
		private_redis_stop(redis);
	return status;
}

enum status private_redis_start(const char *program, int64_t deadline_ns,
				struct private_redis *redis, struct err *err)
{
	enum status status = private_redis_spawn(program, redis, err);
	return status ? status : private_redis_await(redis, deadline_ns, err);
}

void private_redis_stop(struct private_redis *redis)
{
	wire_close(redis->wire);
	if (redis->pid > 0) {
		kill(redis->pid, SIGKILL);
		waitpid(redis->pid, NULL, 0);
	}
	remove_folder(redis);
	*redis = (struct private_redis){ 0 };
}
