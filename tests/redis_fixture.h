/* redis_fixture.h - a throwaway folder and real redis-servers for tests: plain
 * fork and exec, so that what is tested is not what the test stands on. */
#pragma once

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool fixture_has_redis(void)
{
	if (system("command -v redis-server >/dev/null 2>&1") == 0)
		return true;
	printf("redis-server is not installed: the tests on real servers are skipped\n");
	return false;
}

/* A new folder under TMPDIR, short enough for socket paths. */
static inline char *fixture_folder(void)
{
	const char *base = getenv("TMPDIR");
	char path[256];
	snprintf(path, sizeof path, "%s/weir-test-XXXXXX",
		 base && strlen(base) < 40 ? base : "/tmp");
	char *made = mkdtemp(path);
	return made ? strdup(made) : NULL;
}

static inline void fixture_remove(char *folder)
{
	char command[300];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (system(command) != 0)
		printf("could not remove %s\n", folder);
	free(folder);
}

/* Starts redis-server on FOLDER/redis.sock with the extra words; dies with the test. */
static inline pid_t fixture_redis(const char *folder, const char *const *extra)
{
	char socket_path[300];
	const char *argv[40] = { "redis-server", "--port",      "0",     "--save", "",
				 "--unixsocket", socket_path,   "--dir", folder,   "--loglevel",
				 "warning",      "--daemonize", "no" };
	size_t argc = 13;
	snprintf(socket_path, sizeof socket_path, "%s/redis.sock", folder);
	while (extra && *extra && argc < 39)
		argv[argc++] = *extra++;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	return pid;
}

static inline void fixture_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
