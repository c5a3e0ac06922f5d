#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "os/ws_impl.h"

/* libwebsockets pings and hangs up by itself otherwise; staleness is the owner's. */
static const lws_retry_bo_t no_pings = { .jitter_percent = 0 };

const char *ws_stage_text(enum ws_stage stage)
{
	static const char *const texts[] = {
		[WS_RESOLVE] = "finding the address",
		[WS_CONNECT] = "connecting",
		[WS_SECURE] = "in the TLS handshake",
		[WS_UPGRADE] = "waiting for the upgrade",
	};
	return texts[stage];
}

/* ---- one address ---- */

static void close_orphan(uv_handle_t *handle, void *wsi)
{
	if (uv_handle_get_type(handle) == UV_POLL && uv_handle_get_data(handle) == wsi &&
	    !uv_is_closing(handle))
		uv_close(handle, (uv_close_cb)free);
}

/* libwebsockets 4.1 frees a wsi whose connect() failed at once and leaves its poll
 * handle behind, stopped but on our loop. It is from malloc. */
static void sweep_orphan(struct ws_context *context)
{
	if (context->connecting_wsi)
		uv_walk(loop_uv(context->loop), close_orphan, context->connecting_wsi);
}

/* It does not say why either, so the kernel is asked again. */
static int connect_errno(const struct addrinfo *address)
{
	int number = EIO;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS)
		number = errno;
	close(fd);
	return number;
}

static struct lws *connect_lws(struct ws_conn *conn, const char *address)
{
	struct ws_context *context = conn->context;
	struct lws_client_connect_info info = {
		.context = context->lws,
		.address = address,
		.port = conn->url.port,
		.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
		.path = conn->url.path,
		.host = conn->url.authority,
		.local_protocol_name = "weir",
		.alpn = "http/1.1",
		.ietf_version_or_minus_one = -1,
		.retry_and_idle_policy = &no_pings,
		.opaque_user_data = conn,
	};
	if (conn->url.tls)
		info.ssl_connection |= LCCSCF_USE_SSL;
	context->connecting = true;
	context->connecting_wsi = NULL;
	struct lws *wsi = lws_client_connect_via_info(&info);
	context->connecting = false;
	if (!wsi)
		sweep_orphan(context);
	return wsi;
}

static void set_attempt(struct ws_conn *conn)
{
	int64_t left_ns = conn->opening_until_ns - loop_now_ns(conn->context->loop);
	int64_t addresses = 1;
	for (const struct addrinfo *at = conn->address->ai_next; at; at = at->ai_next)
		addresses++;
	if (addresses > 1)
		loop_timer_after(conn->context->loop, &conn->attempt, left_ns / addresses);
}

static void try_address(struct ws_conn *conn)
{
	char text[INET6_ADDRSTRLEN] = "?";
	uv_ip_name(conn->address->ai_addr, text, sizeof text);
	conn->why = (struct err){ 0 };
	conn->stage = WS_CONNECT;
	conn->wsi = connect_lws(conn, text);
	if (conn->wsi) {
		set_attempt(conn);
	} else {
		err_errno(&conn->why, connect_errno(conn->address), "%s port %u", text,
			  conn->url.port);
		ws_open_failed(conn);
	}
}

void ws_open_failed(struct ws_conn *conn)
{
	struct loop *loop = conn->context->loop;
	timers_cancel(loop_timers(loop), &conn->attempt);
	if (conn->stage <= WS_CONNECT && conn->address->ai_next)
		loop_defer(loop, &conn->step);
	else
		ws_conn_end(conn, 1006, "%s", conn->why.text);
}

void ws_open_next(struct ws_conn *conn)
{
	CHECK(conn->state == WS_OPENING && conn->address->ai_next);
	conn->address = conn->address->ai_next;
	try_address(conn);
}

static void run_attempt(void *ctx)
{
	struct ws_conn *conn = ctx;
	ws_conn_let_go(conn);
	ws_open_next(conn);
}

/* ---- the name ---- */

/* What libwebsockets can connect to, in the resolver's order. */
static bool is_usable(const struct addrinfo *address)
{
	return address->ai_family == AF_INET || address->ai_family == AF_INET6;
}

static void on_resolved(uv_getaddrinfo_t *request, int code, struct addrinfo *found)
{
	struct ws_lookup *lookup = request->data;
	struct ws_conn *conn = lookup->conn;
	free(lookup);
	if (!conn)
		return uv_freeaddrinfo(found);
	conn->lookup = NULL;
	conn->addresses = conn->address = found;
	if (code || !found || !is_usable(found))
		ws_conn_end(conn, 1006, "%s: name not found (%s)", conn->url.host,
			    code ? uv_strerror(code) : "no address");
	else
		try_address(conn);
}

enum status ws_open_begin(struct ws_conn *conn)
{
	struct ws_context *context = conn->context;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char service[8];
	struct buf text = buf_over(service, sizeof service);
	struct ws_lookup *lookup = calloc(1, sizeof *lookup);
	if (!lookup)
		return STATUS_NO_MEMORY;
	buf_u64(&text, conn->url.port);
	buf_char(&text, 0);
	lookup->conn = conn;
	lookup->request.data = lookup;
	if (uv_getaddrinfo(loop_uv(context->loop), &lookup->request, on_resolved, conn->url.host,
			   service, &hints)) {
		free(lookup);
		return STATUS_NO_MEMORY;
	}
	conn->lookup = lookup;
	conn->stage = WS_RESOLVE;
	conn->attempt = (struct timer){ .fn = run_attempt, .ctx = conn };
	conn->opening_until_ns = loop_now_ns(context->loop) + context->open_timeout_ns;
	return STATUS_OK;
}

void ws_open_cancel(struct ws_conn *conn)
{
	if (conn->lookup) {
		conn->lookup->conn = NULL;
		uv_cancel((uv_req_t *)&conn->lookup->request); /* on_resolved frees it */
		conn->lookup = NULL;
	}
	timers_cancel(loop_timers(conn->context->loop), &conn->attempt);
	uv_freeaddrinfo(conn->addresses);
	conn->addresses = conn->address = NULL;
}
