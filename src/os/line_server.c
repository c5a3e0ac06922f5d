#include "os/line_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "os/line_stream.h"
#include "os/run_dir.h"

/* Many terminals come back at one moment. */
enum { BACKLOG = 1024 };

union listener {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_pipe_t pipe;
	uv_tcp_t tcp;
};

struct line_server {
	struct line_host host; /* first: what connections see of their server */
	union listener listener;
	bool is_unix, listening, closing;
	char path[SOCKET_PATH_MAX + 1]; /* "" for TCP */
	uint16_t port;
	void (*on_end)(void *ctx);
	void *on_end_ctx;
	struct loop_task end;
};

static void finish_if_empty(struct line_server *server)
{
	if (!server->closing || server->listening || server->host.streams)
		return;
	loop_defer(server->host.loop, &server->end);
}

static void run_end(void *ctx)
{
	struct line_server *server = ctx;
	void (*fn)(void *ctx) = server->on_end;
	void *fn_ctx = server->on_end_ctx;
	tls_context_destroy(server->host.tls);
	free(server);
	if (fn)
		fn(fn_ctx);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct line_server *server = handle->data;
	server->listening = false;
	finish_if_empty(server);
}

static void on_gone(struct line_host *host, struct line_stream *stream)
{
	free(stream);
	finish_if_empty((struct line_server *)host);
}

static void accept_one(struct line_server *server)
{
	struct line_host *host = &server->host;
	struct line_stream *stream = calloc(1, sizeof *stream);
	if (!stream || !line_stream_init(stream, host, server->is_unix)) {
		host->stats.not_taken++;
		free(stream);
		return;
	}
	if (uv_accept(&server->listener.stream, &stream->uv.stream)) {
		host->stats.not_taken++;
		line_stream_end(stream, STATUS_CLOSED);
	} else if (host->stats.open > host->limits.connections_max) {
		host->stats.over_limit++;
		line_stream_end(stream, STATUS_FULL);
	} else {
		host->stats.accepted++;
		line_stream_begin(stream, NULL);
	}
}

static void on_incoming(uv_stream_t *stream, int code)
{
	struct line_server *server = stream->data;
	if (code == 0)
		accept_one(server);
	else
		server->host.stats.not_taken++;
}

static enum status listen_unix(struct line_server *server, const char *path, struct err *err)
{
	enum status status = socket_path_fit(path, server->path, err);
	if (status != STATUS_OK)
		return err_wrap(err, status, "listen");
	path = server->path;
	int code = uv_pipe_init(loop_uv(server->host.loop), &server->listener.pipe, 0);
	if (code)
		return err_errno(err, -code, "listen on %s", path);
	server->listening = true;
	unlink(path);
	code = uv_pipe_bind(&server->listener.pipe, path);
	if (!code && chmod(path, 0600))
		code = -errno;
	if (!code)
		code = uv_listen(&server->listener.stream, BACKLOG, on_incoming);
	return code ? err_errno(err, -code, "listen on %s", path) : STATUS_OK;
}

static void note_port(struct line_server *server)
{
	struct sockaddr_storage address;
	int size = sizeof address;
	if (uv_tcp_getsockname(&server->listener.tcp, (struct sockaddr *)&address, &size))
		return;
	server->port = address.ss_family == AF_INET6
			   ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
			   : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static enum status listen_tcp(struct line_server *server, const char *host, uint16_t port,
			      struct err *err)
{
	struct sockaddr_storage address;
	if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) &&
	    uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address))
		return err_set(err, STATUS_INVALID, "listen on %s:%u: not a numeric address", host,
			       port);
	int code = uv_tcp_init(loop_uv(server->host.loop), &server->listener.tcp);
	if (code)
		return err_errno(err, -code, "listen on %s:%u", host, port);
	server->listening = true;
	code = uv_tcp_bind(&server->listener.tcp, (struct sockaddr *)&address, 0);
	if (!code)
		code = uv_listen(&server->listener.stream, BACKLOG, on_incoming);
	if (code)
		return err_errno(err, -code, "listen on %s:%u", host, port);
	note_port(server);
	return STATUS_OK;
}

static enum status apply_config(struct line_server *server, const struct line_server_config *config,
				struct err *err)
{
	struct line_host *host = &server->host;
	host->events = config->events;
	host->too_long_answer = config->too_long_answer;
	host->limits = line_limits_of(
	    (struct line_limits){ config->connections_max, config->line_bytes_max,
				  config->outgoing_bytes_max, config->handshake_timeout_ns });
	host->on_gone = on_gone;
	server->end = (struct loop_task){ .fn = run_end, .ctx = server };
	server->is_unix = config->unix_path != NULL;
	if (!config->cert_file && !config->key_file)
		return STATUS_OK;
	CHECK(config->cert_file && config->key_file && !server->is_unix);
	return tls_server_open(config->cert_file, config->key_file, &host->tls, err);
}

static enum status listen_on(struct line_server *server, const struct line_server_config *config,
			     struct err *err)
{
	enum status status = apply_config(server, config, err);
	if (status != STATUS_OK)
		return status;
	return config->unix_path ? listen_unix(server, config->unix_path, err)
				 : listen_tcp(server, config->host, config->port, err);
}

enum status line_server_open(struct loop *loop, const struct line_server_config *config,
			     struct line_server **out, struct err *err)
{
	struct line_server *server = calloc(1, sizeof *server);
	if (!server)
		return err_set(err, STATUS_NO_MEMORY, "listen: out of memory");
	server->host.loop = loop;
	enum status status = listen_on(server, config, err);
	server->listener.handle.data = server;
	if (status == STATUS_OK)
		*out = server;
	else if (server->listening) {
		server->path[0] = 0; /* not ours */
		line_server_close(server, NULL, NULL);
	} else {
		tls_context_destroy(server->host.tls);
		free(server);
	}
	return status;
}

void line_server_stop_listening(struct line_server *server)
{
	if (server->listening && !uv_is_closing(&server->listener.handle)) {
		if (server->path[0])
			unlink(server->path);
		uv_close(&server->listener.handle, on_listener_closed);
	}
}

void line_server_close(struct line_server *server, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!server->closing);
	server->closing = true;
	server->on_end = fn;
	server->on_end_ctx = ctx;
	line_server_stop_listening(server);
	line_host_end_all(&server->host, STATUS_CANCELLED);
	finish_if_empty(server);
}

uint16_t line_server_port(const struct line_server *server) { return server->port; }

const struct line_stats *line_server_stats(const struct line_server *server)
{
	return &server->host.stats;
}
