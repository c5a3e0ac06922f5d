#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "store/segments_impl.h"

enum { LOG_BYTES_MAX = 1 << 20, CONFIG_BYTES_MAX = 32 * 1024 };

static const int64_t step_ns = 10000000;         /* asking again whether a server has ended */
static const int64_t term_after_ns = 5000000000; /* of a stop */
static const int64_t kill_after_ns = 10000000000;

struct redis_config segment_redis_config(const struct segment_server *server)
{
	return (struct redis_config){ .segment = server->id,
				      .folder = server->folder,
				      .socket_path = server->socket_path,
				      .port = server->config.port,
				      .maxmemory = server->config.maxmemory,
				      .appendfsync = server->config.appendfsync };
}

static enum status file_of(const struct segment_server *server, const char *name,
			   char path[PATH_BYTES_MAX], struct err *err)
{
	return path_format(path, err, "%s/%s", server->folder, name);
}

static enum status find_places(struct segment_server *server, struct err *err)
{
	char name[16];
	struct buf text = buf_over(name, sizeof name);
	buf_printf(&text, "%s.sock", server->row->name);
	buf_char(&text, 0);
	enum status status = path_format(server->folder, err, "%s/segments/%s",
					 server->owner->state_dir, server->row->name);
	return status == STATUS_OK
		   ? run_dir_path(server->owner->state_dir, name, server->socket_path, err)
		   : status;
}

static enum status write_config(const struct segment_server *server, struct err *err)
{
	char storage[CONFIG_BYTES_MAX], path[PATH_BYTES_MAX];
	struct buf out = buf_over(storage, sizeof storage);
	const struct redis_config config = segment_redis_config(server);
	enum status status = file_of(server, "redis.conf", path, err);
	redis_config_print(&out, &config);
	if (status == STATUS_OK && out.overflow)
		return err_set(err, STATUS_RANGE, "%s: the configuration is too long", path);
	return status == STATUS_OK ? files_replace(path, buf_str(&out), 0600, err) : status;
}

static enum status write_users(const struct segment_server *server, struct err *err)
{
	char storage[CONFIG_BYTES_MAX], path[PATH_BYTES_MAX];
	struct buf out = buf_over(storage, sizeof storage);
	enum status status =
	    redis_config_print_users(&out, server->id, &server->owner->logins, err);
	if (status == STATUS_OK)
		status = file_of(server, "users.acl", path, err);
	return status == STATUS_OK ? files_replace(path, buf_str(&out), 0600, err) : status;
}

/* A notice-level log of years is cut at a start; the interesting end is gone only
 * when nobody looked through many restarts. */
static enum status bound_log(const struct segment_server *server, struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct stat st;
	enum status status = file_of(server, "redis.log", path, err);
	if (status == STATUS_OK && stat(path, &st) == 0 && st.st_size > LOG_BYTES_MAX &&
	    truncate(path, 0))
		return err_errno(err, errno, "%s", path);
	return status;
}

enum status segment_write_files(struct segment_server *server, struct err *err)
{
	enum status status = find_places(server, err);
	if (status == STATUS_OK)
		status = files_make_folder(server->folder, 0700, err);
	if (status == STATUS_OK)
		status = write_config(server, err);
	if (status == STATUS_OK)
		status = write_users(server, err);
	if (status == STATUS_OK)
		status = bound_log(server, err);
	return status == STATUS_OK ? status
				   : err_wrap(err, status, "segment %s", server->row->name);
}

/* Lines `NAME HOST:PORT`, for those who look for a segment over TCP. */
void segments_write_ports(struct segments *segments)
{
	char storage[SEGMENT_COUNT * 32], path[PATH_BYTES_MAX];
	struct buf out = buf_over(storage, sizeof storage);
	struct err err;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment_server *server = &segments->servers[i];
		if (server->wanted && !server->config.external && server->config.port)
			buf_printf(&out, "%s 127.0.0.1:%u\n", server->row->name,
				   server->config.port);
	}
	if (!out.len)
		return;
	enum status status = run_dir_path(segments->state_dir, "ports", path, &err);
	if (status == STATUS_OK)
		status = files_replace(path, buf_str(&out), 0600, &err);
	if (status != STATUS_OK)
		segments_notice(segments, "%s", err.text);
}

/* ---- the process ---- */

static void put_exit(struct buf *out, int exit_status, int signal_number)
{
	if (signal_number)
		buf_printf(out, "redis-server was ended by signal %d", signal_number);
	else
		buf_printf(out, "redis-server ended with status %d", exit_status);
}

static void tend_after(struct segment_server *server, int64_t delay_ns)
{
	loop_timer_after(server->owner->loop, &server->tend, delay_ns);
}

static void on_exit_of_child(void *ctx, int exit_status, int signal_number)
{
	struct segment_server *server = ctx;
	struct err err;
	char what[64], line[200], path[PATH_BYTES_MAX];
	struct buf text = buf_over(what, sizeof what - 1);
	server->process = NULL;
	server->pid = 0;
	if (server->state == SEGMENT_STOPPING) {
		segment_stopped(server);
		return;
	}
	put_exit(&text, exit_status, signal_number);
	what[text.len] = 0;
	line[0] = 0;
	if (file_of(server, "redis.log", path, NULL) == STATUS_OK && !server->was_up)
		files_last_line(path, line, sizeof line);
	err_set(&err, STATUS_CLOSED, "segment %s: %s%s%s", server->row->name, what,
		line[0] ? ", its last words: " : "", line);
	segment_is_down(server, &err);
	if (server->was_up)
		tend_after(server, backoff_next_ns(&server->backoff, &server->owner->rng));
	else
		segments_fail(server->owner, &err);
}

static enum status spawn(struct segment_server *server, int lock_fd, struct err *err)
{
	char config_path[PATH_BYTES_MAX], log_path[PATH_BYTES_MAX];
	enum status status = file_of(server, "redis.conf", config_path, err);
	if (status == STATUS_OK)
		status = file_of(server, "redis.log", log_path, err);
	if (status != STATUS_OK)
		return status;
	const char *argv[] = { server->owner->program, config_path, NULL };
	struct process_config config = { .argv = argv,
					 .folder = server->folder,
					 .output_path = log_path,
					 .inherited_fd = lock_fd,
					 .on_exit = on_exit_of_child,
					 .ctx = server };
	status = process_spawn(server->owner->loop, &config, &server->process, err);
	if (status == STATUS_OK)
		server->pid = process_pid(server->process);
	return status;
}

static void on_tend(void *ctx);

/* The lock says whether a server lives, whoever started it and whatever its sockets
 * say; the child keeps it by inheriting the descriptor. */
void segment_start(struct segment_server *server)
{
	char path[PATH_BYTES_MAX];
	struct err err;
	int lock_fd = -1;
	server->tend = (struct timer){ .fn = on_tend, .ctx = server };
	enum status status = file_of(server, "lock", path, &err);
	if (status == STATUS_OK)
		status = files_try_lock(path, &lock_fd, &err);
	if (status == STATUS_OK && lock_fd < 0) {
		server->adopted = true;
		tend_after(server, step_ns);
		return;
	}
	if (status == STATUS_OK) {
		server->adopted = false;
		server->restarts += server->was_up;
		status = spawn(server, lock_fd, &err);
		close(lock_fd);
	}
	if (status == STATUS_OK) {
		if (server->conn)
			redis_conn_hurry(server->conn, server->owner->start_timeout_ns);
		return;
	}
	err_wrap(&err, status, "segment %s", server->row->name);
	segment_is_down(server, &err);
	if (server->was_up)
		tend_after(server, backoff_next_ns(&server->backoff, &server->owner->rng));
	else
		segments_fail(server->owner, &err);
}

/* A child's end is told by on_exit_of_child; of an adopted server only the lock tells. */
void segment_lost(struct segment_server *server)
{
	if (!server->process && !server->tend.slot)
		tend_after(server, step_ns);
}

/* ---- stopping ---- */

static void send_signal(struct segment_server *server, int signal_number)
{
	if (server->pid > 0 && process_signal(server->pid, signal_number) != STATUS_OK)
		server->pid = 0;
}

static bool lock_is_free(const struct segment_server *server)
{
	char path[PATH_BYTES_MAX];
	int fd = -1;
	if (file_of(server, "lock", path, NULL) != STATUS_OK ||
	    files_try_lock(path, &fd, NULL) != STATUS_OK || fd < 0)
		return false;
	close(fd);
	return true;
}

/* SHUTDOWN was sent at the beginning; a server that refuses it (it cannot save, or
 * writes its first AOF) is asked again and in the end killed. */
static void step_stop(struct segment_server *server)
{
	int64_t since_ns = loop_now_ns(server->owner->loop) - server->stop_began_ns;
	if (!server->process && (lock_is_free(server) || !server->pid)) {
		segment_stopped(server);
		return;
	}
	if (since_ns > kill_after_ns)
		send_signal(server, SIGKILL);
	else if (since_ns > term_after_ns)
		send_signal(server, SIGTERM);
	tend_after(server, since_ns > term_after_ns ? step_ns * 25 : step_ns);
}

static void on_shutdown_answer(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct segment_server *server = ctx;
	(void)reply;
	if (status != STATUS_CLOSED && server->state == SEGMENT_STOPPING)
		send_signal(server, SIGTERM); /* refused; the signal's way is tried too */
}

static void leave(struct segment_server *server)
{
	if (server->process)
		process_abandon(server->process);
	server->process = NULL;
	segment_stopped(server);
}

void segment_stop(struct segment_server *server)
{
	bool is_up = server->state == SEGMENT_UP || server->state == SEGMENT_CHECKING;
	struct str argv[] = { STR("SHUTDOWN") };
	segment_move(server, SEGMENT_STOPPING);
	server->stop_began_ns = loop_now_ns(server->owner->loop);
	if (server->config.external) {
		segment_stopped(server);
	} else if (server->owner->leave_running) {
		leave(server);
	} else {
		if (!is_up || redis_command(redis_conn_port(server->conn), argv, 1,
					    on_shutdown_answer, server) != STATUS_OK)
			send_signal(server, SIGTERM);
		tend_after(server, step_ns);
	}
}

static void on_tend(void *ctx)
{
	struct segment_server *server = ctx;
	if (server->state == SEGMENT_STOPPING)
		step_stop(server);
	else if (server->state != SEGMENT_UP && server->state != SEGMENT_CHECKING &&
		 !server->process && !server->owner->has_failed)
		segment_start(server);
}

enum status segments_print_config(const struct store_config *config, enum segment segment,
				  struct buf *out, struct err *err)
{
	struct segments *segments = calloc(1, sizeof *segments);
	if (!segments)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	struct segment_server *server = &segments->servers[segment];
	const struct segment_config *wanted = &config->segments[segment];
	server->owner = segments;
	server->id = segment;
	server->row = segment_row(segment);
	server->config = *wanted;
	if (!wanted->maxmemory)
		server->config.maxmemory = server->row->maxmemory;
	if (!wanted->appendfsync)
		server->config.appendfsync = server->row->appendfsync;
	enum status status = path_format(segments->state_dir, err, "%s", config->state_dir);
	if (status == STATUS_OK)
		status = find_places(server, err);
	if (status == STATUS_NOT_FOUND) /* no state directory yet: as it would be */
		status = path_format(server->socket_path, err, "%s/run/%s.sock", config->state_dir,
				     server->row->name);
	if (status == STATUS_OK) {
		const struct redis_config text = segment_redis_config(server);
		redis_config_print(out, &text);
		if (out->overflow)
			status = err_set(err, STATUS_FULL, "no room for the configuration");
	}
	free(segments);
	return status;
}
