#include "os/redis_link.h"

#include <netdb.h>
#include <sys/socket.h>

#include "base/check.h"
#include "os/run_dir.h"

enum { KEEP_BYTES = 1 << 20 }; /* an emptied buffer larger than this is given back */

static void run_flush(void *ctx);
static void run_lost(void *ctx);

void redis_link_init(struct redis_link *link, struct loop *loop,
		     const struct redis_link_events *events, size_t bytes_max)
{
	*link = (struct redis_link){ .loop = loop, .events = *events };
	buf_init(&link->filling, bytes_max);
	buf_init(&link->sending, bytes_max);
	link->flush = (struct loop_task){ .fn = run_flush, .ctx = link };
	link->lost = (struct loop_task){ .fn = run_lost, .ctx = link };
}

void redis_link_deinit(struct redis_link *link)
{
	CHECK(!link->busy);
	loop_task_cancel(&link->flush);
	buf_deinit(&link->filling);
	buf_deinit(&link->sending);
}

static void empty(struct buf *buf)
{
	size_t limit = buf->limit;
	if (buf->cap > KEEP_BYTES) {
		buf_deinit(buf);
		buf_init(buf, limit);
	}
	buf_clear(buf);
}

static void run_lost(void *ctx)
{
	struct redis_link *link = ctx;
	empty(&link->filling);
	empty(&link->sending);
	link->busy = link->is_closing = link->is_open = link->is_writing = false;
	link->events.on_lost(link->events.ctx);
}

static void on_closed(uv_handle_t *handle)
{
	struct redis_link *link = handle->data;
	link->has_handle = false;
	loop_defer(link->loop, &link->lost);
}

void redis_link_close(struct redis_link *link)
{
	if (!link->busy || link->is_closing)
		return;
	link->is_closing = true;
	link->is_open = false;
	loop_task_cancel(&link->flush);
	if (link->has_handle)
		uv_close(&link->uv.handle, on_closed);
	else if (link->resolving)
		uv_cancel((uv_req_t *)&link->resolve); /* on_resolved ends it, now or later */
	else
		loop_defer(link->loop, &link->lost);
}

static void fail(struct redis_link *link, int code, const char *what)
{
	if (link->is_closing)
		return;
	if (code == UV_EOF)
		err_set(&link->why, STATUS_CLOSED, "%s: closed by the server", what);
	else
		err_errno(&link->why, -code, "%s", what);
	redis_link_close(link);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct redis_link *link = handle->data;
	*buf = uv_buf_init(loop_scratch(link->loop), LOOP_SCRATCH_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct redis_link *link = stream->data;
	if (n < 0) {
		fail(link, (int)n, "read");
	} else if (n > 0 && !link->is_closing) {
		link->bytes_in += (uint64_t)n;
		link->events.on_bytes(link->events.ctx, str_make(buf->base, (size_t)n));
	}
}

static void on_connected(uv_connect_t *connect, int code)
{
	struct redis_link *link = connect->data;
	if (link->is_closing)
		return;
	if (code)
		return fail(link, code, "connect");
	code = uv_read_start(&link->uv.stream, on_alloc, on_read);
	if (code)
		return fail(link, code, "read");
	link->is_open = true;
	link->events.on_open(link->events.ctx);
}

static void open_unix(struct redis_link *link, const char *path)
{
	char fitting[SOCKET_PATH_MAX + 1];
	/* libuv cuts a longer path in silence and would connect to somebody else. */
	if (socket_path_fit(path, fitting, &link->why) != STATUS_OK) {
		redis_link_close(link);
		return;
	}
	int code = uv_pipe_init(loop_uv(link->loop), &link->uv.pipe, 0);
	if (code)
		return fail(link, code, "socket");
	link->uv.handle.data = link;
	link->has_handle = true;
	uv_pipe_connect(&link->connect, &link->uv.pipe, fitting, on_connected);
}

static void open_address(struct redis_link *link, const struct sockaddr *address)
{
	int code = uv_tcp_init(loop_uv(link->loop), &link->uv.tcp);
	if (code)
		return fail(link, code, "socket");
	link->uv.handle.data = link;
	link->has_handle = true;
	uv_tcp_nodelay(&link->uv.tcp, 1);
	uv_tcp_keepalive(&link->uv.tcp, 1, 15);
	code = uv_tcp_connect(&link->connect, &link->uv.tcp, address, on_connected);
	if (code)
		fail(link, code, "connect");
}

static void on_resolved(uv_getaddrinfo_t *request, int code, struct addrinfo *found)
{
	struct redis_link *link = request->data;
	link->resolving = false;
	if (link->is_closing) {
		loop_defer(link->loop, &link->lost);
	} else if (code || !found) {
		err_set(&link->why, STATUS_NOT_FOUND, "resolve: %s", uv_strerror(code));
		redis_link_close(link);
	} else {
		open_address(link, found->ai_addr);
	}
	uv_freeaddrinfo(found);
}

static void open_host(struct redis_link *link, const char *host)
{
	struct sockaddr_storage address;
	if (uv_ip4_addr(host, link->port, (struct sockaddr_in *)&address) == 0 ||
	    uv_ip6_addr(host, link->port, (struct sockaddr_in6 *)&address) == 0)
		return open_address(link, (struct sockaddr *)&address);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char service[8];
	struct buf text = buf_over(service, sizeof service);
	buf_u64(&text, link->port);
	buf_char(&text, 0);
	link->resolve.data = link;
	int code =
	    uv_getaddrinfo(loop_uv(link->loop), &link->resolve, on_resolved, host, service, &hints);
	if (code)
		return fail(link, code, "resolve");
	link->resolving = true;
}

void redis_link_open(struct redis_link *link, const char *unix_path, const char *host,
		     uint16_t port)
{
	CHECK(!link->busy);
	link->busy = true;
	link->why = (struct err){ 0 };
	link->port = port;
	link->connect.data = link;
	link->write.data = link;
	if (unix_path)
		open_unix(link, unix_path);
	else
		open_host(link, host);
}

static void on_written(uv_write_t *write, int code)
{
	struct redis_link *link = write->data;
	link->is_writing = false;
	if (link->is_closing)
		return;
	if (code)
		return fail(link, code, "write");
	empty(&link->sending);
	run_flush(link);
}

/* One try without waiting; what the kernel does not take is left to libuv, and what
 * is queued meanwhile gathers in the other buffer. */
static void run_flush(void *ctx)
{
	struct redis_link *link = ctx;
	if (!link->is_open || link->is_writing || !link->filling.len)
		return;
	struct buf full = link->filling;
	link->filling = link->sending;
	link->sending = full;
	uv_buf_t out = uv_buf_init(full.ptr, (unsigned)full.len);
	int n = uv_try_write(&link->uv.stream, &out, 1);
	if (n < 0 && n != UV_EAGAIN)
		return fail(link, n, "write");
	size_t done = n < 0 ? 0 : (size_t)n;
	link->bytes_out += full.len;
	if (done == full.len)
		return empty(&link->sending);
	out = uv_buf_init(full.ptr + done, (unsigned)(full.len - done));
	int code = uv_write(&link->write, &link->uv.stream, &out, 1, on_written);
	if (code)
		return fail(link, code, "write");
	link->is_writing = true;
}

void redis_link_flush_later(struct redis_link *link)
{
	if (link->is_open && !link->is_writing)
		loop_at_end(link->loop, &link->flush);
}

void redis_link_write_now(struct redis_link *link, struct str bytes)
{
	uv_buf_t out = uv_buf_init((char *)bytes.ptr, (unsigned)bytes.len);
	int n = uv_try_write(&link->uv.stream, &out, 1);
	if (n < 0 || (size_t)n < bytes.len)
		return fail(link, n < 0 ? n : UV_EAGAIN, "write");
	link->bytes_out += bytes.len;
}

int redis_link_peer_pid(const struct redis_link *link)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof peer;
	uv_os_fd_t fd;
	if (!link->is_open || uv_fileno(&link->uv.handle, &fd))
		return 0;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? 0 : peer.pid;
}
