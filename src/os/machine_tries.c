/* What is tried rather than read: binding a port, asking a program for its version. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/files.h"
#include "os/machine.h"

enum { VERSION_MS = 3000 };

extern char **environ;

static bool read_address(const char *host, uint16_t port, struct sockaddr_storage *address,
			 socklen_t *len)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		*len = sizeof *four;
		return true;
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	*len = sizeof *six;
	return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
}

enum machine_port machine_port_try(const char *host, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t len;
	int yes = 1;
	if (!read_address(host, port, &address, &len))
		return MACHINE_PORT_BAD;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return MACHINE_PORT_BAD;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	int failed = bind(fd, (struct sockaddr *)&address, len) ? errno : 0;
	if (!failed && listen(fd, 1))
		failed = errno;
	close(fd);
	if (!failed)
		return MACHINE_PORT_FREE;
	if (failed == EADDRINUSE)
		return MACHINE_PORT_USED;
	return failed == EACCES ? MACHINE_PORT_FORBIDDEN : MACHINE_PORT_BAD;
}

/* ---- a program's version ---- */

static int start(const char *path, int out, pid_t *pid)
{
	char *argv[] = { (char *)path, "--version", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, out, 2);
	int failed = posix_spawn(pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* What it says before it ends, or until it has had its time. */
static size_t listen_to(int in, char *text, size_t size)
{
	size_t len = 0;
	struct pollfd wait = { .fd = in, .events = POLLIN };
	while (len + 1 < size && poll(&wait, 1, VERSION_MS) > 0) {
		ssize_t n = read(in, text + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = 0;
	return len;
}

enum status machine_program_version(const char *program, char *line, size_t size, struct err *err)
{
	char path[PATH_BYTES_MAX], text[512];
	int ends[2], ended;
	pid_t pid;
	enum status status = files_find_program(program, path, err);
	if (status)
		return status;
	if (pipe2(ends, O_CLOEXEC))
		return err_errno(err, errno, "pipe");
	int failed = start(path, ends[1], &pid);
	close(ends[1]);
	if (failed) {
		close(ends[0]);
		return err_errno(err, failed, "%s", path);
	}
	listen_to(ends[0], text, sizeof text);
	close(ends[0]);
	kill(pid, SIGKILL); /* one that has not ended had its time */
	waitpid(pid, &ended, 0);
	text[strcspn(text, "\r\n")] = 0;
	if (!text[0])
		return err_set(err, STATUS_UNAVAILABLE, "%s --version says nothing", path);
	snprintf(line, size, "%s", text);
	return STATUS_OK;
}
