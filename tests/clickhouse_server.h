/* clickhouse_server.h - a real clickhouse-server in a throw-away folder: plain fork, exec and
 * sockets, so that what is tested is not what the test stands on.
 *
 * It listens on 127.0.0.1 alone, HTTP alone, on a port that the kernel chose and that stays its
 * own while it is gone; users `default` (no password), `desk` (password `s3 cret`)
 * and `reader` (may only read). It dies with the test. */
#pragma once

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "held_port.h"

struct clickhouse_server {
	pid_t pid; /* 0: not running */
	char dir[200];
	int port;
	struct held_port held;
};

static inline bool clickhouse_installed(void)
{
	if (system("command -v clickhouse-server >/dev/null 2>&1") == 0)
		return true;
	printf("clickhouse-server is not installed: the tests on a real one are skipped\n");
	return false;
}

static inline void clickhouse_write(const struct clickhouse_server *server, const char *name,
				    const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", server->dir, name);
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static inline void clickhouse_configure(const struct clickhouse_server *server)
{
	char text[2048];
	snprintf(
	    text, sizeof text,
	    "<yandex><logger><level>warning</level><log>%s/log</log><errorlog>%s/errors</errorlog>"
	    "</logger><http_port>%d</http_port><listen_host>127.0.0.1</listen_host>"
	    "<path>%s/data/</path><tmp_path>%s/tmp/</tmp_path><users_config>users.xml</"
	    "users_config>"
	    "<default_profile>default</default_profile><default_database>default</default_database>"
	    "<timezone>Asia/Tokyo</timezone><mark_cache_size>5368709</mark_cache_size></yandex>",
	    server->dir, server->dir, server->port, server->dir, server->dir);
	clickhouse_write(server, "config.xml", text);
	clickhouse_write(
	    server, "users.xml",
	    "<yandex><profiles><default></default><reader><readonly>1</readonly></reader></"
	    "profiles>"
	    "<quotas><default></default></quotas><users>"
	    "<default><password></password><networks><ip>127.0.0.1</ip></networks>"
	    "<profile>default</profile><quota>default</quota></default>"
	    "<desk><password>s3 cret</password><networks><ip>127.0.0.1</ip></networks>"
	    "<profile>default</profile><quota>default</quota></desk>"
	    "<reader><password></password><networks><ip>127.0.0.1</ip></networks>"
	    "<profile>reader</profile><quota>default</quota></reader></users></yandex>");
}

/* Whether a socket of the process listens on its port. */
static inline bool clickhouse_listens(const struct clickhouse_server *server)
{
	char path[64], link[64], line[256], wanted[64];
	bool listens = false;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)server->pid);
	DIR *fds = opendir(path);
	FILE *table = fopen("/proc/net/tcp", "r");
	while (fds && table && !listens && fgets(line, sizeof line, table)) {
		unsigned state, port;
		unsigned long inode;
		if (sscanf(line, "%*d: %*x:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %*d %*d %lu", &port,
			   &state, &inode) != 3 ||
		    state != 0x0a || port != (unsigned)server->port)
			continue;
		snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
		rewinddir(fds);
		for (struct dirent *fd; !listens && (fd = readdir(fds));) {
			ssize_t n = readlinkat(dirfd(fds), fd->d_name, link, sizeof link - 1);
			link[n > 0 ? n : 0] = 0;
			listens = strcmp(link, wanted) == 0;
		}
	}
	if (fds)
		closedir(fds);
	if (table)
		fclose(table);
	return listens;
}

/* On the folder that is there, as it was left. */
static inline bool clickhouse_start(struct clickhouse_server *server)
{
	char config[256];
	clickhouse_configure(server);
	snprintf(config, sizeof config, "--config-file=%s/config.xml", server->dir);
	fflush(stdout);
	server->pid = fork();
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(server->dir) != 0 || !freopen("out", "a", stdout) ||
		    !freopen("out", "a", stderr))
			_exit(126);
		execlp("clickhouse-server", "clickhouse-server", config, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 6000; i++) {
		int state;
		if (clickhouse_listens(server))
			return true;
		if (waitpid(server->pid, &state, WNOHANG) == server->pid)
			break;
		usleep(20000);
	}
	printf("clickhouse-server did not start: see %s\n", server->dir);
	return false;
}

static inline bool clickhouse_begin(struct clickhouse_server *server)
{
	const char *base = getenv("TMPDIR");
	char path[256];
	*server = (struct clickhouse_server){ .held = held_port() };
	server->port = (int)server->held.number;
	snprintf(server->dir, sizeof server->dir, "%s/weir-ch-XXXXXX",
		 base && strlen(base) < 100 ? base : "/tmp");
	if (!mkdtemp(server->dir))
		abort();
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", server->dir, i ? "tmp" : "data");
		mkdir(path, 0700);
	}
	return clickhouse_start(server);
}

static inline void clickhouse_end(struct clickhouse_server *server, int signal_number)
{
	if (!server->pid)
		return;
	kill(server->pid, signal_number);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

static inline void clickhouse_remove(struct clickhouse_server *server)
{
	char command[256];
	clickhouse_end(server, SIGKILL);
	held_port_release(&server->held);
	snprintf(command, sizeof command, "rm -rf '%s'", server->dir);
	if (system(command) != 0)
		printf("could not remove %s\n", server->dir);
}

static inline int clickhouse_connect(const struct clickhouse_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)server->port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The answer's body, malloc'ed, "" when nobody answers; an error is its text. */
static inline char *clickhouse_post(const struct clickhouse_server *server, const char *settings,
				    const char *sql)
{
	char head[512];
	size_t size = 1 << 16, used = 0;
	char *answer = calloc(1, size);
	int fd = clickhouse_connect(server);
	snprintf(head, sizeof head, "POST /?%s HTTP/1.0\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
		 settings, strlen(sql));
	if (fd < 0 || send(fd, head, strlen(head), MSG_NOSIGNAL) < 0 ||
	    send(fd, sql, strlen(sql), MSG_NOSIGNAL) < 0) {
		close(fd);
		return answer;
	}
	for (ssize_t n; (n = recv(fd, answer + used, size - used - 1, 0)) > 0;) {
		used += (size_t)n;
		if (size - used < 4096)
			answer = realloc(answer, size *= 2);
		answer[used] = 0;
	}
	close(fd);
	char *body = strstr(answer, "\r\n\r\n");
	if (body)
		memmove(answer, body + 4, strlen(body + 4) + 1);
	return answer;
}

static inline char *clickhouse_ask_sql(const struct clickhouse_server *server, const char *sql)
{
	return clickhouse_post(server, "", sql);
}

/* A number as answer; -1: it is none. */
static inline long long clickhouse_number(const struct clickhouse_server *server, const char *sql)
{
	char *answer = clickhouse_ask_sql(server, sql), *end;
	long long number = strtoll(answer, &end, 10);
	if (end == answer)
		number = -1;
	free(answer);
	return number;
}
