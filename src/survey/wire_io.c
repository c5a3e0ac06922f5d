/* The bytes of a wire: dialling, sending, receiving, with TLS between where it is wanted. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "survey/wire_impl.h"

enum { SEALED_MAX = 80 << 20, PLAIN_PIECE = 16 << 10 };

static enum status wait_for(int fd, short events, int64_t deadline_ns)
{
	struct pollfd polled = { .fd = fd, .events = events };
	int n;
	do {
		n = poll(&polled, 1, (int)(deadline_ns / 1000000));
	} while (n < 0 && errno == EINTR);
	return n > 0 ? STATUS_OK : n == 0 ? STATUS_TIMEOUT : STATUS_IO;
}

/* ---- dialling ---- */

static enum status finish_connect(int fd, int64_t deadline_ns, int *number)
{
	socklen_t size = sizeof *number;
	enum status status = wait_for(fd, POLLOUT, deadline_ns);
	if (!status && getsockopt(fd, SOL_SOCKET, SO_ERROR, number, &size) != 0)
		*number = errno;
	return status ? status : *number ? STATUS_IO : STATUS_OK;
}

static enum status try_address(const struct sockaddr *address, socklen_t size, int64_t deadline_ns,
			       int *out, struct err *err)
{
	int on = 1, number = 0;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, errno, "socket");
	enum status status = STATUS_OK;
	if (connect(fd, address, size) != 0) {
		number = errno;
		status =
		    number == EINPROGRESS ? finish_connect(fd, deadline_ns, &number) : STATUS_IO;
	}
	if (!status) {
		if (address->sa_family != AF_UNIX)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		*out = fd;
		return STATUS_OK;
	}
	close(fd);
	return err_set(err, STATUS_UNAVAILABLE, "no connection: %s",
		       status == STATUS_TIMEOUT ? "timed out" : strerror(number));
}

static enum status dial_unix(const char *path, int64_t deadline_ns, int *fd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (str_copy(str_of(path), address.sun_path, sizeof address.sun_path))
		return err_set(err, STATUS_INVALID, "a socket's path has at most %zu bytes",
			       sizeof address.sun_path - 1);
	return try_address((const struct sockaddr *)&address, sizeof address, deadline_ns, fd, err);
}

enum status wire_dial(const struct wire_config *config, int64_t deadline_ns, int *fd,
		      struct err *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char port[8];
	if (config->unix_path)
		return dial_unix(config->unix_path, deadline_ns, fd, err);
	snprintf(port, sizeof port, "%u", config->port);
	int number = getaddrinfo(config->host, port, &hints, &found);
	if (number)
		return err_set(err, STATUS_UNAVAILABLE, "%s", gai_strerror(number));
	enum status status = STATUS_UNAVAILABLE;
	for (struct addrinfo *at = found; at && status; at = at->ai_next)
		status = try_address(at->ai_addr, at->ai_addrlen, deadline_ns, fd, err);
	freeaddrinfo(found);
	return status;
}

/* ---- bytes ---- */

static enum status send_all(struct wire *wire, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = send(wire->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		if (n >= 0) {
			bytes = str_skip(bytes, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return wire_fail(wire, STATUS_CLOSED, "connection closed by the server");
		if (wait_for(wire->fd, POLLOUT, wire->deadline_ns))
			return wire_fail(wire, STATUS_TIMEOUT, "the server takes no more commands");
	}
	return STATUS_OK;
}

static enum status send_sealed(struct wire *wire)
{
	enum status status = send_all(wire, buf_str(&wire->sealed));
	buf_clear(&wire->sealed);
	return status;
}

enum status wire_send(struct wire *wire)
{
	struct str plain = buf_str(&wire->out);
	enum status status = STATUS_OK;
	if (!wire->tls) {
		status = send_all(wire, plain);
	} else {
		while (plain.len && !status) {
			size_t n = plain.len < PLAIN_PIECE ? plain.len : PLAIN_PIECE;
			status = tls_write(wire->tls, str_make(plain.ptr, n), &wire->sealed);
			plain = str_skip(plain, n);
		}
		status = status ? wire_fail(wire, status, "TLS: no room") : send_sealed(wire);
	}
	buf_clear(&wire->out);
	return status;
}

static enum status receive_some(struct wire *wire, char *at, size_t size, size_t *got)
{
	for (;;) {
		ssize_t n = recv(wire->fd, at, size, 0);
		if (n > 0) {
			*got = (size_t)n;
			return STATUS_OK;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN)
			return wire_fail(wire, STATUS_CLOSED, "connection closed by the server");
		if (wait_for(wire->fd, POLLIN, wire->deadline_ns))
			return wire_fail(wire, STATUS_TIMEOUT, "no answer");
	}
}

static enum status receive_raw(struct wire *wire)
{
	size_t n;
	enum status status = receive_some(wire, wire->raw, WIRE_RAW_BYTES, &n);
	if (!status)
		wire->raw_left = str_make(wire->raw, n);
	return status;
}

/* A key update may want an answer, so what tls wants sent goes first. */
enum status wire_receive(struct wire *wire, char *at, size_t size, size_t *n)
{
	enum status status = STATUS_OK;
	if (!wire->tls)
		return receive_some(wire, at, size, n);
	while (!status) {
		status = tls_read(wire->tls, &wire->raw_left, &wire->sealed, at, size, n);
		enum status sent = send_sealed(wire);
		if (!status || sent)
			return sent;
		if (status != STATUS_TRUNCATED)
			return wire_fail(wire, STATUS_CLOSED, "TLS: the session ended");
		status = receive_raw(wire);
	}
	return status;
}

enum status wire_begin_tls(struct wire *wire, const struct wire_config *config, struct err *err)
{
	wire->tls = tls_create(config->tls, config->host);
	wire->raw = malloc(WIRE_RAW_BYTES);
	buf_init(&wire->sealed, SEALED_MAX);
	if (!wire->tls || !wire->raw)
		return err_set(err, STATUS_NO_MEMORY, "TLS: out of memory");
	for (;;) {
		enum status status = tls_handshake(wire->tls, &wire->raw_left, &wire->sealed, err);
		enum status sent = send_sealed(wire);
		if (!status)
			return sent ? err_set(err, sent, "TLS: %s", wire->why.text) : STATUS_OK;
		if (status == STATUS_FORMAT)
			return err_set(err, STATUS_REFUSED, "the server does not speak TLS");
		if (status != STATUS_TRUNCATED)
			return err_wrap(err, STATUS_REFUSED, "TLS");
		if (sent || receive_raw(wire))
			return err_set(err, wire->why.status, "TLS: %s", wire->why.text);
	}
}
