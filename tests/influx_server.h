/* influx_server.h - an InfluxDB of its own for a test: its files in a temporary folder, its
 * ports of the kernel's choice, that of HTTP its own while it is gone. Include after cmocka.h. */
#pragma once

#include <fcntl.h>

#include "held_port.h"
#include "redis_fixture.h"

struct influx_server {
	char *folder;
	unsigned port;
	struct held_port held;
	pid_t pid; /* 0: not running */
	bool auth;
};

static inline void influx_configure(const struct influx_server *server)
{
	char path[300];
	snprintf(path, sizeof path, "%s/conf", server->folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"reporting-disabled = true\nbind-address = \"127.0.0.1:0\"\n"
		"[meta]\ndir = \"%s/meta\"\n[data]\ndir = \"%s/data\"\nwal-dir = \"%s/wal\"\n"
		"query-log-enabled = false\n[monitor]\nstore-enabled = false\n"
		"[http]\nbind-address = \"127.0.0.1:%u\"\nlog-enabled = false\n"
		"auth-enabled = %s\n[continuous_queries]\nenabled = false\n",
		server->folder, server->folder, server->folder, server->port,
		server->auth ? "true" : "false");
	assert_int_equal(fclose(file), 0);
}

/* An answer to /ping, not only a connection. */
static inline bool influx_answers(const struct influx_server *server)
{
	static const char ask[] = "GET /ping HTTP/1.0\r\n\r\n";
	char answer[16] = "";
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)server->port) };
	const struct timeval patience = { .tv_sec = 10 };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	bool answers = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		       write(fd, ask, sizeof ask - 1) == (ssize_t)sizeof ask - 1 &&
		       recv(fd, answer, 12, MSG_WAITALL) == 12;
	close(fd);
	return answers && memcmp(answer, "HTTP/1.", 7) == 0 && memcmp(answer + 9, "204", 3) == 0;
}

static inline pid_t influx_run(const struct influx_server *server)
{
	char conf[300], log_path[300];
	snprintf(conf, sizeof conf, "%s/conf", server->folder);
	snprintf(log_path, sizeof log_path, "%s/log", server->folder);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(log, 1);
		dup2(log, 2);
		execlp("influxd", "influxd", "-config", conf, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* Begun anew where it ends by itself. */
static inline void influx_start(struct influx_server *server)
{
	for (int i = 0; i < 6000; i++) {
		if (server->pid && waitpid(server->pid, NULL, WNOHANG) == server->pid)
			server->pid = 0;
		if (!server->pid)
			server->pid = influx_run(server);
		if (influx_answers(server))
			return;
		usleep(10000);
	}
	fail_msg("InfluxDB does not start");
}

static inline void influx_kill(struct influx_server *server)
{
	fixture_kill(server->pid);
	server->pid = 0;
}

/* False after having said that it is not installed. */
static inline bool influx_init(struct influx_server *server)
{
	*server = (struct influx_server){ 0 };
	if (system("command -v influxd >/dev/null 2>&1") != 0) {
		printf("InfluxDB is not installed: its tests are skipped\n");
		return false;
	}
	server->folder = fixture_folder();
	assert_non_null(server->folder);
	server->held = held_port();
	server->port = server->held.number;
	influx_configure(server);
	influx_start(server);
	return true;
}

static inline void influx_deinit(struct influx_server *server)
{
	if (server->pid)
		influx_kill(server);
	held_port_release(&server->held);
	fixture_remove(server->folder);
}
