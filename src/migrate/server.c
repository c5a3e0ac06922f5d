#include "migrate/server.h"

#include <stdlib.h>

#include "base/check.h"
#include "os/redis_conn.h"

static const int64_t patience_ns = INT64_C(30) * 1000000000, connect_ns = INT64_C(10) * 1000000000,
		     stale_ns = INT64_C(1000000000);

/* A command on its way: what its caller wants to know of the reply. */
struct asked {
	struct migrate_server *server;
	redis_reply_fn fn;
	void *ctx;
};

struct migrate_server {
	struct loop *loop;
	struct redis_conn *conn;
	struct redis_port *port;
	int database, version;
	bool ready, closed, evicts;
	struct err down;  /* why it could not be reached, or was lost */
	struct err fault; /* the first failure since settle */
	struct asked asked[MIGRATE_PIPELINE];
	size_t n_asked, n_answered, bytes;
	uint64_t connects; /* at open: another one means that WATCH is gone */
	int64_t server_ms, at_ns;
};

static void drain(struct migrate_server *server)
{
	while (server->n_answered < server->n_asked)
		loop_turn(server->loop, patience_ns);
	server->n_answered = server->n_asked = server->bytes = 0;
}

static bool fatal(enum status status)
{
	return status == STATUS_CLOSED || status == STATUS_TIMEOUT || status == STATUS_FULL ||
	       status == STATUS_REDIS_PROTOCOL;
}

/* ---- open and close ---- */

static void on_up(void *ctx) { ((struct migrate_server *)ctx)->ready = true; }

static void on_down(void *ctx, const struct err *why)
{
	((struct migrate_server *)ctx)->down = *why;
}

static enum status connect_it(struct migrate_server *server, const struct redis_url *url,
			      struct err *err)
{
	const struct redis_conn_config config = {
		.unix_path = url->is_unix ? url->place : NULL,
		.host = url->is_unix ? NULL : url->place,
		.port = url->port,
		.user = url->has_login ? url->user : NULL,
		.password = url->has_login ? url->password : NULL,
		.name = "weir-migrate",
		.database = server->database,
		.deadline_ns = patience_ns,
		.pending_bytes_max = 256 << 20,
		.on_up = on_up,
		.on_down = on_down,
		.ctx = server,
	};
	enum status status = redis_conn_open(server->loop, &config, &server->conn, err);
	if (status)
		return status;
	server->port = redis_conn_port(server->conn);
	if (loop_turn_until(server->loop, &server->ready, connect_ns)) {
		server->connects = redis_conn_stats(server->conn)->connects;
		return STATUS_OK;
	}
	return err_set(err, STATUS_UNAVAILABLE, "%.255s does not answer%s%.160s", url->place,
		       server->down.text[0] ? ": " : "", server->down.text);
}

enum status migrate_server_again(struct migrate_server *server, struct err *err)
{
	int64_t until_ns = loop_precise_ns() + connect_ns;
	drain(server);
	if (!fatal(server->fault.status) || server->down.status != STATUS_REDIS_PROTOCOL)
		return err_set(err, STATUS_CLOSED, "%s", server->fault.text);
	while (redis_conn_state(server->conn) != REDIS_CONN_READY && loop_precise_ns() < until_ns)
		loop_turn(server->loop, INT64_C(10) * 1000000);
	if (redis_conn_state(server->conn) != REDIS_CONN_READY)
		return err_set(err, STATUS_CLOSED, "%s", server->fault.text);
	server->connects = redis_conn_stats(server->conn)->connects;
	server->fault = server->down = (struct err){ 0 };
	return STATUS_OK;
}

static void on_time(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct migrate_server *server = ctx;
	int64_t seconds, micros;
	if (status || reply->type != REDIS_ARRAY || reply->count != 2 ||
	    str_to_i64(reply->items[0].text, &seconds) || str_to_i64(reply->items[1].text, &micros))
		return;
	server->server_ms = seconds * 1000 + micros / 1000;
	server->at_ns = loop_precise_ns();
}

static bool says(struct str info, struct str what)
{
	for (; info.len >= what.len; info = str_skip(info, 1))
		if (str_starts(info, what))
			return true;
	return false;
}

static void on_info(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type == REDIS_BULK && says(reply->text, STR("cluster_enabled:1")))
		*(bool *)ctx = true;
}

static void on_memory(void *ctx, enum status status, const struct redis_reply *reply)
{
	*(bool *)ctx = !status && reply->type == REDIS_BULK &&
		       says(reply->text, STR("maxmemory_policy:allkeys-")) &&
		       !says(reply->text, STR("maxmemory:0\r"));
}

static int version_number(const char *text)
{
	int major = 0, minor = 0, patch = 0;
	char *end;
	major = (int)strtol(text, &end, 10);
	minor = *end == '.' ? (int)strtol(end + 1, &end, 10) : 0;
	patch = *end == '.' ? (int)strtol(end + 1, &end, 10) : 0;
	return major * 10000 + minor * 100 + patch;
}

static enum status look(struct migrate_server *server, struct err *err)
{
	const struct str ask_time[] = { STR("TIME") };
	const struct str ask_info[] = { STR("INFO"), STR("cluster") };
	const struct str ask_memory[] = { STR("INFO"), STR("memory") };
	bool cluster = false;
	server->version = version_number(redis_conn_version(server->conn));
	enum status status = migrate_server_call(server, ask_time, 1, on_time, server, err);
	if (!status && !server->server_ms)
		status = err_set(err, STATUS_UNAVAILABLE, "the server does not tell its TIME");
	migrate_server_put(server, ask_info, 2, on_info, &cluster);
	migrate_server_put(server, ask_memory, 2, on_memory, &server->evicts);
	if (!status)
		status = migrate_server_settle(server, err);
	return !status && cluster
		   ? err_set(err, STATUS_UNSUPPORTED,
			     "the server is part of a cluster: keys cannot be renamed "
			     "over its nodes")
		   : status;
}

enum status migrate_server_open(const struct redis_url *url, int database,
				struct migrate_server **out, struct err *err)
{
	struct migrate_server *server = calloc(1, sizeof *server);
	if (!server)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	server->database = database;
	enum status status = loop_create(64, &server->loop, err);
	if (!status)
		status = connect_it(server, url, err);
	if (!status)
		status = look(server, err);
	if (status) {
		migrate_server_close(server);
		return status;
	}
	*out = server;
	return STATUS_OK;
}

static void on_closed(void *ctx) { ((struct migrate_server *)ctx)->closed = true; }

void migrate_server_close(struct migrate_server *server)
{
	if (!server)
		return;
	if (server->conn) {
		redis_conn_close(server->conn, on_closed, server);
		loop_turn_until(server->loop, &server->closed, patience_ns);
	}
	loop_destroy(server->loop);
	free(server);
}

/* ---- commands ---- */

static void fail(struct migrate_server *server, enum status status, struct str text)
{
	if (server->fault.status)
		return;
	if (fatal(status))
		err_set(&server->fault, status, "the connection is lost%s%.200s",
			server->down.text[0] ? ": " : "", server->down.text);
	else
		err_set(&server->fault, status, "the server says: %.*s",
			(int)(text.len < 200 ? text.len : 200), text.ptr ? text.ptr : "");
}

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct asked *asked = ctx;
	struct migrate_server *server = asked->server;
	server->n_answered++;
	if (status && (!reply || !asked->fn))
		fail(server, status, reply ? reply->text : STR(""));
	else if (asked->fn)
		asked->fn(asked->ctx, status, reply);
}

/* A sink may have worked for a minute since this loop was turned: what is asked now has its
 * deadline from now on, and a connection that was lost meanwhile is seen. */
static void wake(struct migrate_server *server)
{
	if (!server->n_asked && loop_precise_ns() - loop_now_ns(server->loop) > stale_ns)
		loop_turn(server->loop, 0);
}

void migrate_server_put(struct migrate_server *server, const struct str *argv, size_t argc,
			redis_reply_fn fn, void *ctx)
{
	size_t bytes = 0;
	for (size_t i = 0; i < argc; i++)
		bytes += argv[i].len + 16;
	if (server->n_asked == MIGRATE_PIPELINE ||
	    (server->n_asked && server->bytes + bytes > MIGRATE_PIPELINE_BYTES))
		drain(server);
	if (fatal(server->fault.status))
		return;
	wake(server);
	bool same = redis_conn_state(server->conn) == REDIS_CONN_READY &&
		    redis_conn_stats(server->conn)->connects == server->connects;
	struct asked *asked = &server->asked[server->n_asked];
	*asked = (struct asked){ server, fn, ctx };
	enum status status =
	    same ? redis_command(server->port, argv, argc, on_reply, asked) : STATUS_CLOSED;
	if (status) {
		fail(server, status, STR(""));
		return;
	}
	server->n_asked++;
	server->bytes += bytes;
}

enum status migrate_server_settle(struct migrate_server *server, struct err *err)
{
	drain(server);
	struct err fault = server->fault;
	if (!fault.status)
		return STATUS_OK;
	if (!fatal(fault.status))
		server->fault = (struct err){ 0 };
	return err_set(err, fault.status, "%s", fault.text);
}

struct one {
	redis_reply_fn fn;
	void *ctx;
	struct err *err;
	enum status status;
};

static void on_one(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct one *one = ctx;
	one->status = status;
	if (status)
		err_set(one->err, status, "the server says: %.*s",
			(int)(reply->text.len < 200 ? reply->text.len : 200), reply->text.ptr);
	if (one->fn)
		one->fn(one->ctx, status, reply);
}

enum status migrate_server_call(struct migrate_server *server, const struct str *argv, size_t argc,
				redis_reply_fn fn, void *ctx, struct err *err)
{
	struct one one = { fn, ctx, err, STATUS_OK };
	migrate_server_put(server, argv, argc, on_one, &one);
	enum status status = migrate_server_settle(server, err);
	return status ? status : one.status;
}

int64_t migrate_server_now_ms(const struct migrate_server *server)
{
	return server->server_ms + (loop_precise_ns() - server->at_ns) / 1000000;
}

int migrate_server_version(const struct migrate_server *server) { return server->version; }
int migrate_server_database(const struct migrate_server *server) { return server->database; }
bool migrate_server_evicts(const struct migrate_server *server) { return server->evicts; }
struct loop *migrate_server_loop(struct migrate_server *server) { return server->loop; }
