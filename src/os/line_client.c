#include "os/line_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "os/run_dir.h"

enum { HEADER_MAX = 40 };

struct call {
	int fd;
	int64_t until_ms;
	const char *path;
	struct err *err;
};

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static enum status wait_for(struct call *call, short events)
{
	struct pollfd poll_fd = { .fd = call->fd, .events = events };
	for (;;) {
		int64_t left_ms = call->until_ms - now_ms();
		int n = left_ms > 0 ? poll(&poll_fd, 1, (int)left_ms) : 0;
		if (n > 0)
			return STATUS_OK;
		if (n == 0)
			return err_set(call->err, STATUS_TIMEOUT, "%s: no whole answer in time",
				       call->path);
		if (errno != EINTR)
			return err_errno(call->err, errno, "%s", call->path);
	}
}

static enum status send_all(struct call *call, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = send(call->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			bytes = str_skip(bytes, (size_t)n);
		} else if (errno == EAGAIN || errno == EINTR) {
			enum status status = wait_for(call, POLLOUT);
			if (status != STATUS_OK)
				return status;
		} else {
			return err_errno(call->err, errno, "%s: send", call->path);
		}
	}
	return STATUS_OK;
}

/* At least one byte, at most size. */
static enum status receive(struct call *call, char *at, size_t size, size_t *got)
{
	for (;;) {
		ssize_t n = recv(call->fd, at, size, MSG_DONTWAIT);
		if (n > 0) {
			*got = (size_t)n;
			return STATUS_OK;
		}
		if (n == 0)
			return err_set(call->err, STATUS_CLOSED,
				       "%s: weir closed the connection before its answer was whole",
				       call->path);
		if (errno != EAGAIN && errno != EINTR)
			return err_errno(call->err, errno, "%s: receive", call->path);
		enum status status = wait_for(call, POLLIN);
		if (status != STATUS_OK)
			return status;
	}
}

static enum status parse_header(struct call *call, struct str header, int *exit_status,
				uint64_t *bytes)
{
	struct str first;
	uint64_t number;
	if (!str_split(&header, ' ', &first) || str_to_u64(first, &number) != STATUS_OK ||
	    number > 255 || str_to_u64(header, bytes) != STATUS_OK)
		return err_set(call->err, STATUS_FORMAT, "%s: the answer has no header line",
			       call->path);
	*exit_status = (int)number;
	return STATUS_OK;
}

/* Byte by byte to the LF: it is short, and what follows belongs to the answer. */
static enum status read_header(struct call *call, int *exit_status, uint64_t *bytes)
{
	char line[HEADER_MAX];
	size_t len = 0, got;
	do {
		enum status status =
		    len < sizeof line ? receive(call, line + len, 1, &got) : STATUS_FORMAT;
		if (status == STATUS_FORMAT)
			return parse_header(call, STR(""), exit_status, bytes);
		if (status != STATUS_OK)
			return status;
	} while (line[len++] != '\n');
	return parse_header(call, str_make(line, len - 1), exit_status, bytes);
}

static enum status read_body(struct call *call, uint64_t bytes, struct buf *answer)
{
	char *at = buf_reserve(answer, bytes);
	if (!at)
		return err_set(call->err, STATUS_RANGE, "%s: an answer of %llu bytes is too large",
			       call->path, (unsigned long long)bytes);
	for (uint64_t done = 0; done < bytes;) {
		size_t got;
		enum status status = receive(call, at + done, bytes - done, &got);
		if (status != STATUS_OK)
			return status;
		done += got;
	}
	answer->len += bytes;
	return STATUS_OK;
}

static enum status open_socket(struct call *call)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	enum status status = socket_path_fit(call->path, address.sun_path, call->err);
	if (status != STATUS_OK)
		return status;
	call->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (call->fd < 0)
		return err_errno(call->err, errno, "socket");
	if (connect(call->fd, (struct sockaddr *)&address, sizeof address) == 0)
		return STATUS_OK;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_set(call->err, STATUS_UNAVAILABLE, "%s: no weir is running here",
			       call->path);
	return err_errno(call->err, errno, "%s", call->path);
}

static enum status talk(struct call *call, struct str request, int *exit_status, struct buf *answer)
{
	uint64_t bytes = 0;
	enum status status = send_all(call, request);
	if (status == STATUS_OK)
		status = send_all(call, STR("\n"));
	if (status == STATUS_OK)
		status = read_header(call, exit_status, &bytes);
	return status == STATUS_OK && bytes ? read_body(call, bytes, answer) : status;
}

enum status control_call(const char *path, struct str request, int timeout_ms, int *exit_status,
			 struct buf *answer, struct err *err)
{
	CHECK(str_find_char(request, '\n') == request.len);
	struct call call = { -1, now_ms() + timeout_ms, path, err };
	enum status status = open_socket(&call);
	if (status == STATUS_OK)
		status = talk(&call, request, exit_status, answer);
	if (call.fd >= 0)
		close(call.fd);
	return status;
}

void control_put_header(struct buf *out, int exit_status, size_t bytes)
{
	buf_i64(out, exit_status);
	buf_char(out, ' ');
	buf_u64(out, bytes);
	buf_char(out, '\n');
}
