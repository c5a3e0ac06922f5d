/* postgres_server.h - a PostgreSQL of its own for a test: made by initdb in a temporary
 * folder, on a unix socket there and on a TCP port of the kernel's choice that stays its own, fsync
 * on. The server refuses to run as root, so there it runs as nobody. Include after cmocka.h. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "held_port.h"
#include "redis_fixture.h"

enum { POSTGRES_PATH = 300 };

struct postgres_server {
	char bin[POSTGRES_PATH];
	char *folder; /* data/, the socket, log */
	unsigned port;
	struct held_port held;
	pid_t pid;    /* 0: not running */
	PGconn *conn; /* the test's own, by the socket, as the superuser "owner" */
};

/* Where the programs are; false after having said that they are not. */
static inline bool postgres_find(char bin[POSTGRES_PATH])
{
	glob_t found;
	bool there = glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0;
	if (there)
		snprintf(bin, POSTGRES_PATH, "%s", found.gl_pathv[found.gl_pathc - 1]);
	else
		printf("PostgreSQL is not installed: its tests are skipped\n");
	globfree(&found);
	return there;
}

static inline pid_t postgres_run(const struct postgres_server *server, const char *const argv[])
{
	const uid_t nobody = 65534;
	char path[2 * POSTGRES_PATH];
	snprintf(path, sizeof path, "%s/log", server->folder);
	pid_t pid = fork();
	if (pid)
		return pid;
	if (getuid() == 0 && (setgroups(0, NULL) || setgid(nobody) || setuid(nobody)))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(log, 1);
	dup2(log, 2);
	if (chdir(server->folder))
		_exit(126);
	snprintf(path, sizeof path, "%s/%s", server->bin, argv[0]);
	execv(path, (char **)argv);
	_exit(127);
}

static inline PGconn *postgres_login(const struct postgres_server *server, const char *user)
{
	char text[2 * POSTGRES_PATH];
	snprintf(text, sizeof text,
		 "host=%s port=%u user=%s dbname=postgres"
		 " options='-c client_min_messages=warning'",
		 server->folder, server->port, user);
	return PQconnectdb(text);
}

/* Its own backends may still hold its memory for a moment after a kill. */
static inline void postgres_start(struct postgres_server *server)
{
	char port[16], socket_of[POSTGRES_PATH + 40];
	snprintf(port, sizeof port, "%u", server->port);
	snprintf(socket_of, sizeof socket_of, "unix_socket_directories=%s", server->folder);
	const char *const argv[] = { "postgres",
				     "-D",
				     "data",
				     "-p",
				     port,
				     "-c",
				     socket_of,
				     "-c",
				     "listen_addresses=127.0.0.1",
				     "-c",
				     "max_connections=20",
				     "-c",
				     "shared_buffers=64MB",
				     NULL };
	PQfinish(server->conn);
	server->conn = NULL;
	for (int i = 0; i < 6000; i++) {
		int state;
		if (server->pid && waitpid(server->pid, &state, WNOHANG) == server->pid)
			server->pid = 0;
		if (!server->pid)
			server->pid = postgres_run(server, argv);
		server->conn = postgres_login(server, "owner");
		if (PQstatus(server->conn) == CONNECTION_OK)
			return;
		PQfinish(server->conn);
		server->conn = NULL;
		usleep(20000);
	}
	fail_msg("PostgreSQL does not start");
}

/* False: it is not installed. */
static inline bool postgres_init(struct postgres_server *server)
{
	const char *const argv[] = { "initdb", "-D",        "data", "-U",   "owner", "-A",
				     "trust",  "--no-sync", "-E",   "UTF8", NULL };
	int state;
	*server = (struct postgres_server){ 0 };
	if (!postgres_find(server->bin))
		return false;
	server->folder = fixture_folder();
	assert_non_null(server->folder);
	assert_int_equal(chmod(server->folder, 0777), 0);
	pid_t pid = postgres_run(server, argv);
	assert_int_equal(waitpid(pid, &state, 0), pid);
	assert_int_equal(state, 0);
	server->held = held_port();
	server->port = server->held.number;
	postgres_start(server);
	return true;
}

/* Processes whose parent it is; at most `most` of them. */
static inline size_t postgres_backends(pid_t server, pid_t *pids, size_t most)
{
	DIR *folder = opendir("/proc");
	size_t count = 0;
	assert_non_null(folder);
	for (const struct dirent *entry; count < most && (entry = readdir(folder));) {
		char path[300];
		int parent = 0;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		FILE *file = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
		if (file && fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == server)
			pids[count++] = (pid_t)atoi(entry->d_name);
		if (file)
			fclose(file);
	}
	closedir(folder);
	return count;
}

/* kill -9 of the server and its backends, which else go on until they notice. */
static inline void postgres_kill(struct postgres_server *server)
{
	pid_t backends[64];
	kill(server->pid, SIGSTOP); /* no new ones */
	size_t count =
	    postgres_backends(server->pid, backends, sizeof backends / sizeof backends[0]);
	for (size_t i = 0; i < count; i++)
		kill(backends[i], SIGKILL);
	fixture_kill(server->pid);
	server->pid = 0;
}

static inline void postgres_deinit(struct postgres_server *server)
{
	PQfinish(server->conn);
	if (server->pid) {
		kill(server->pid, SIGINT); /* fast shutdown: no backend stays behind */
		waitpid(server->pid, NULL, 0);
	}
	held_port_release(&server->held);
	fixture_remove(server->folder);
}

/* A statement that must do. The value of its first cell, or ""; the caller's to free. */
static inline char *postgres_ask(struct postgres_server *server, const char *sql)
{
	PGresult *result = PQexec(server->conn, sql);
	bool rows = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!rows && PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQresultErrorMessage(result));
	bool cell = rows && PQntuples(result) > 0 && PQnfields(result) > 0;
	char *text = strdup(cell ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return text;
}

static inline void postgres_do(struct postgres_server *server, const char *sql)
{
	free(postgres_ask(server, sql));
}

static inline long long postgres_number(struct postgres_server *server, const char *sql)
{
	char *text = postgres_ask(server, sql);
	long long value = atoll(text);
	free(text);
	return value;
}

/* The process that serves weir's connection. */
static inline pid_t postgres_backend(struct postgres_server *server)
{
	long long pid = postgres_number(server, "SELECT pid FROM pg_stat_activity"
						" WHERE application_name = 'weir'");
	assert_true(pid > 0);
	return (pid_t)pid;
}
