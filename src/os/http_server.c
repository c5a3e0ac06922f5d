#include "os/http_server.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/http_server_impl.h"

enum { BACKLOG = 256, REPLY_BYTES_MAX = 16 * 1024 };
static const int64_t second_ns = 1000000000;

/* ---- the end ---- */

/* Those whose calls are still to be answered are on their own from now on. */
static void let_go(struct http_server *server)
{
	for (struct http_conn *conn = server->conns, *next; conn; conn = next) {
		next = conn->next;
		conn->server = NULL;
	}
	server->conns = NULL;
}

static void free_server(struct http_server *server)
{
	tls_context_destroy(server->tls);
	buf_deinit(&server->reply);
	free(server);
}

static void run_end(void *ctx)
{
	struct http_server *server = ctx;
	void (*fn)(void *ctx) = server->on_end;
	void *fn_ctx = server->on_end_ctx;
	let_go(server);
	free_server(server);
	if (fn)
		fn(fn_ctx);
}

void http_server_gone(struct http_server *server)
{
	if (server->is_closing && !server->is_listening && !server->stats.open)
		loop_defer(server->loop, &server->end);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct http_server *server = handle->data;
	server->is_listening = false;
	http_server_gone(server);
}

void http_server_stop_listening(struct http_server *server)
{
	if (server->is_listening && !uv_is_closing((uv_handle_t *)&server->listener))
		uv_close((uv_handle_t *)&server->listener, on_listener_closed);
}

void http_server_close(struct http_server *server, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!server->is_closing);
	server->is_closing = true;
	server->on_end = fn;
	server->on_end_ctx = ctx;
	http_server_stop_listening(server);
	for (struct http_conn *conn = server->conns; conn; conn = conn->next)
		http_stream_end(conn);
	http_server_gone(server);
}

/* ---- the beginning ---- */

/* An IPv4 client of a socket that serves both comes as ::ffff:a.b.c.d. */
static void note_peer(struct http_conn *conn)
{
	static const char mapped[] = "::ffff:";
	struct sockaddr_storage address;
	int size = sizeof address;
	if (uv_tcp_getpeername(&conn->uv.tcp, (struct sockaddr *)&address, &size) ||
	    uv_ip_name((struct sockaddr *)&address, conn->peer, sizeof conn->peer))
		conn->peer[0] = 0;
	char *inner = conn->peer + sizeof mapped - 1;
	if (strncmp(conn->peer, mapped, sizeof mapped - 1) == 0 && strchr(inner, '.'))
		memmove(conn->peer, inner, strlen(inner) + 1);
}

static void on_incoming(uv_stream_t *listener, int code)
{
	struct http_server *server = listener->data;
	struct http_conn *conn = code ? NULL : http_conn_create(server);
	if (!conn) {
		server->stats.not_taken++;
	} else if (uv_accept(listener, &conn->uv.stream)) {
		server->stats.not_taken++;
		http_stream_end(conn);
	} else if (server->conn_count > server->config.connections_max) {
		server->stats.over_limit++;
		http_stream_end(conn);
	} else {
		server->stats.accepted++;
		uv_tcp_nodelay(&conn->uv.tcp, 1);
		note_peer(conn);
		http_stream_begin(conn);
	}
}

static void note_port(struct http_server *server)
{
	struct sockaddr_storage address;
	int size = sizeof address;
	if (uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size))
		return;
	server->port = address.ss_family == AF_INET6
			   ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
			   : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static enum status listen_on(struct http_server *server, const char *host, uint16_t port,
			     struct err *err)
{
	struct sockaddr_storage address;
	if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) &&
	    uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address))
		return err_set(err, STATUS_INVALID, "listen on %s:%u: not a numeric address", host,
			       port);
	int code = uv_tcp_init(loop_uv(server->loop), &server->listener);
	if (code)
		return err_errno(err, -code, "listen on %s:%u", host, port);
	server->is_listening = true;
	server->listener.data = server;
	code = uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0);
	if (!code)
		code = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_incoming);
	if (code)
		return err_errno(err, -code, "listen on %s:%u", host, port);
	note_port(server);
	return STATUS_OK;
}

static size_t size_or(size_t value, size_t usual) { return value ? value : usual; }
static int64_t time_or(int64_t value, int64_t usual) { return value ? value : usual; }

static void set_bounds(struct http_server_config *config)
{
	struct http_server_times *times = &config->times;
	config->connections_max = size_or(config->connections_max, 256);
	config->bodies_max = size_or(config->bodies_max, 32);
	config->body_bytes_max = size_or(config->body_bytes_max, HTTP_BODY_BYTES);
	config->answer_bytes_max = size_or(config->answer_bytes_max, 16 << 20);
	config->outgoing_bytes_max = size_or(config->outgoing_bytes_max, 64 << 20);
	times->head_ns = time_or(times->head_ns, 10 * second_ns);
	times->body_ns = time_or(times->body_ns, 30 * second_ns);
	times->idle_ns = time_or(times->idle_ns, 60 * second_ns);
	times->answer_ns = time_or(times->answer_ns, 60 * second_ns);
	times->send_ns = time_or(times->send_ns, 30 * second_ns);
	times->ping_ns = time_or(times->ping_ns, 30 * second_ns);
}

static enum status build(struct http_server *server, struct err *err)
{
	const struct http_server_config *config = &server->config;
	enum status status = STATUS_OK;
	buf_init(&server->reply, REPLY_BYTES_MAX);
	server->end = (struct loop_task){ .fn = run_end, .ctx = server };
	server->date_s = -1;
	if (config->cert_file || config->key_file) {
		CHECK(config->cert_file && config->key_file);
		status = tls_server_open(config->cert_file, config->key_file, &server->tls, err);
	}
	return status ? status : listen_on(server, config->host, config->port, err);
}

enum status http_server_open(struct loop *loop, const struct http_server_config *config,
			     struct http_server **out, struct err *err)
{
	struct http_server *server = calloc(1, sizeof *server);
	if (!server)
		return err_set(err, STATUS_NO_MEMORY, "listen: out of memory");
	server->loop = loop;
	server->config = *config;
	set_bounds(&server->config);
	enum status status = build(server, err);
	if (status == STATUS_OK)
		*out = server;
	else if (server->is_listening)
		http_server_close(server, NULL, NULL);
	else
		free_server(server);
	return status;
}

uint16_t http_server_port(const struct http_server *server) { return server->port; }

const struct http_server_stats *http_server_stats(const struct http_server *server)
{
	return &server->stats;
}
