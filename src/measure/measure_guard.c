/* Whoever measures may be killed; seven servers of a folder in TMPDIR must not outlive that. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "measure/measure_impl.h"
#include "os/process.h"

enum { GUARD_SERVERS = SEGMENT_COUNT, GUARD_FD = 3, REMOVE_FILES = 16 };

/* Of a server, by which it is told from another process of the same number. pid 0: the end. */
struct told {
	int pid;
	uint64_t started;
};

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *at)
{
	(void)stat, (void)kind, (void)at;
	return remove(path) ? errno : 0;
}

void measure_remove_folder(const char *folder)
{
	nftw(folder, remove_one, REMOVE_FILES, FTW_DEPTH | FTW_PHYS);
}

/* In the child: nothing of it returns. */
static _Noreturn void stand_guard(int fd, const char *folder)
{
	struct told servers[GUARD_SERVERS], told;
	size_t count = 0;
	ssize_t n;
	setsid();
	if (dup2(fd, GUARD_FD) != GUARD_FD || close_range(GUARD_FD + 1, ~0U, 0))
		_exit(1);
	while ((n = read(GUARD_FD, &told, sizeof told)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof told || !told.pid)
			_exit(n != sizeof told);
		if (count < GUARD_SERVERS)
			servers[count++] = told;
	}
	for (size_t i = 0; i < count; i++)
		if (process_started(servers[i].pid) == servers[i].started)
			kill(servers[i].pid, SIGKILL);
	for (size_t i = 0; i < count; i++)
		while (process_started(servers[i].pid) == servers[i].started &&
		       kill(servers[i].pid, 0) == 0)
			usleep(1000);
	measure_remove_folder(folder);
	_exit(0);
}

struct measure_guard measure_guard_begin(const char *folder)
{
	int ends[2];
	if (pipe(ends))
		return (struct measure_guard){ -1, -1 };
	fflush(NULL); /* what waits in buffers is said once */
	int pid = fork();
	if (pid == 0) {
		close(ends[1]);
		stand_guard(ends[0], folder);
	}
	int why = errno;
	close(ends[0]);
	if (pid < 0)
		close(ends[1]);
	else
		fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	errno = why;
	return (struct measure_guard){ pid, pid < 0 ? -1 : ends[1] };
}

static void tell(const struct measure_guard *guard, struct told told)
{
	/* One that has gone is told nothing; a signal of that is not ours to die of. */
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	ssize_t n = write(guard->pipe, &told, sizeof told);
	(void)n;
	signal(SIGPIPE, before);
}

void measure_guard_tell(const struct measure_guard *guard, int server_pid)
{
	if (guard->pid > 0 && server_pid > 0)
		tell(guard, (struct told){ server_pid, process_started(server_pid) });
}

void measure_guard_end(struct measure_guard *guard)
{
	if (guard->pid <= 0)
		return;
	tell(guard, (struct told){ 0 });
	close(guard->pipe);
	while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	*guard = (struct measure_guard){ -1, -1 };
}
