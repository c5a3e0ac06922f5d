/* What an answer over HTTP costs the loop: a small GET (/healthz: parsed, routed, checked,
 * its headers and all) on 32 connections that stay, one request at a time on each and
 * sixteen pipelined; beside a bare echo on the same loop that reads as many bytes and sends
 * as many, and knows nothing of HTTP. Counted per second of the serving thread's own time,
 * so that the client beside it does not matter. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "os/http_server.h"
#include "os/loop.h"
#include "report.h"
#include "serve/serve.h"

enum { CONNS = 32, RUNS = 5, REQUESTS = 60000, READ_BYTES = 65536, DEEP = 16 };

static const char request[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8780\r\n"
			      "User-Agent: bench/1.0\r\nAccept: */*\r\n\r\n";

/* ---- the client: a process of its own ---- */

static int dial(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void put(int fd, int n)
{
	static char many[DEEP * sizeof request];
	size_t len = 0;
	for (int i = 0; i < n; i++, len += sizeof request - 1)
		memcpy(many + len, request, sizeof request - 1);
	CHECK(write(fd, many, len) == (ssize_t)len);
}

/* Each connection sends `deep` requests, and again when all their answers are there. */
static void run_client(uint16_t port, int deep, size_t answer_bytes)
{
	static char bytes[READ_BYTES];
	struct pollfd fds[CONNS];
	size_t got[CONNS] = { 0 };
	int asked = 0, answered = 0;
	for (int i = 0; i < CONNS; i++, asked += deep) {
		fds[i] = (struct pollfd){ .fd = dial(port), .events = POLLIN };
		put(fds[i].fd, deep);
	}
	while (answered < asked) {
		CHECK(poll(fds, CONNS, 5000) > 0);
		for (int i = 0; i < CONNS; i++) {
			if (!(fds[i].revents & POLLIN))
				continue;
			ssize_t n = read(fds[i].fd, bytes, sizeof bytes);
			CHECK(n > 0);
			got[i] += (size_t)n;
			if (got[i] < answer_bytes * (size_t)deep)
				continue;
			got[i] = 0;
			answered += deep;
			if (asked < REQUESTS)
				put(fds[i].fd, deep), asked += deep;
		}
	}
	_exit(0);
}

/* ---- the servers ---- */

static int64_t clock_of(void *ctx)
{
	(void)ctx;
	return 0;
}

struct echo_conn {
	uv_tcp_t tcp;
	size_t got;
};

static struct {
	char answer[4096];
	size_t answer_bytes;
} echo;

static void echo_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char bytes[READ_BYTES];
	(void)handle, (void)suggested;
	*buf = uv_buf_init(bytes, sizeof bytes);
}

static void echo_closed(uv_handle_t *handle) { free(handle->data); }

/* An answer's bytes for each request's bytes. */
static void echo_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	static char out[DEEP * sizeof echo.answer];
	struct echo_conn *conn = stream->data;
	size_t len = 0;
	(void)buf;
	if (n <= 0) {
		uv_close((uv_handle_t *)stream, echo_closed);
		return;
	}
	for (conn->got += (size_t)n; conn->got >= sizeof request - 1; len += echo.answer_bytes) {
		memcpy(out + len, echo.answer, echo.answer_bytes);
		conn->got -= sizeof request - 1;
	}
	uv_buf_t all = uv_buf_init(out, (unsigned)len);
	CHECK(!len || uv_try_write(stream, &all, 1) == (int)len);
}

static void echo_accept(uv_stream_t *listener, int code)
{
	struct echo_conn *conn = calloc(1, sizeof *conn);
	CHECK(conn && code == 0);
	conn->tcp.data = conn;
	CHECK(uv_tcp_init(listener->loop, &conn->tcp) == 0);
	CHECK(uv_accept(listener, (uv_stream_t *)&conn->tcp) == 0);
	conn->tcp.data = conn;
	uv_tcp_nodelay(&conn->tcp, 1);
	uv_read_start((uv_stream_t *)&conn->tcp, echo_alloc, echo_read);
}

static uint16_t open_echo(struct loop *loop, uv_tcp_t *listener)
{
	struct sockaddr_in address;
	int size = sizeof address;
	uv_ip4_addr("127.0.0.1", 0, &address);
	CHECK(uv_tcp_init(loop_uv(loop), listener) == 0);
	CHECK(uv_tcp_bind(listener, (struct sockaddr *)&address, 0) == 0);
	CHECK(uv_listen((uv_stream_t *)listener, 128, echo_accept) == 0);
	CHECK(uv_tcp_getsockname(listener, (struct sockaddr *)&address, &size) == 0);
	return ntohs(address.sin_port);
}

/* ---- measuring ---- */

/* Answers a second of this thread's time. */
static double measure(struct loop *loop, uint16_t port, int deep)
{
	int state = 0;
	pid_t pid = fork();
	if (pid == 0)
		run_client(port, deep, echo.answer_bytes);
	double began = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	while (waitpid(pid, &state, WNOHANG) == 0)
		for (int i = 0; i < 100; i++)
			loop_turn(loop, 1000000);
	double took = seconds_of(CLOCK_THREAD_CPUTIME_ID) - began;
	CHECK(WIFEXITED(state) && WEXITSTATUS(state) == 0);
	return REQUESTS / took;
}

/* What a real answer looks like, for the echo and for the client to count. */
static void learn_answer(struct loop *loop, uint16_t port)
{
	int fd = dial(port);
	put(fd, 1);
	while (!memmem(echo.answer, echo.answer_bytes, "{\"ok\":true}", 11)) {
		loop_turn(loop, 1000000);
		ssize_t n = recv(fd, echo.answer + echo.answer_bytes,
				 sizeof echo.answer - echo.answer_bytes, MSG_DONTWAIT);
		echo.answer_bytes += n > 0 ? (size_t)n : 0;
	}
	close(fd);
}

static bool compare(struct loop *loop, uint16_t http, uint16_t bare, int deep)
{
	struct samples ours = { .count = 0 }, theirs = { .count = 0 };
	char name[80];
	for (int i = 0; i < RUNS; i++) {
		samples_add(&ours, measure(loop, http, deep) / 1000);
		samples_add(&theirs, measure(loop, bare, deep) / 1000);
	}
	snprintf(name, sizeof name, "answers of GET /healthz, %d at a time", deep);
	double served = report(name, &ours, "k/s of its core");
	snprintf(name, sizeof name, "the same bytes echoed, %d at a time", deep);
	double echoed = report(name, &theirs, "k/s of its core");
	snprintf(name, sizeof name, "share of the bare echo, %d at a time", deep);
	return report_bound(name, served / echoed, "x", true, deep == 1 ? 0.6 : 0.2);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

int main(void)
{
	const struct clock_port clock = { clock_of, clock_of, NULL };
	const struct serve_config serve_config = { .clock = &clock,
						   .tokens_file = "",
						   .hosts = "" };
	struct serve *serve = NULL;
	struct loop *loop = NULL;
	struct http_server *server = NULL;
	struct err err;
	uv_tcp_t listener;
	bool done = false;
	CHECK(loop_create(1024, &loop, &err) == STATUS_OK);
	CHECK(serve_create(&serve_config, &serve, &err) == STATUS_OK);
	const struct http_server_config config = { .host = "127.0.0.1",
						   .headers = serve_headers(),
						   .events = { serve_request, serve } };
	CHECK(http_server_open(loop, &config, &server, &err) == STATUS_OK);
	uint16_t http = http_server_port(server), bare = open_echo(loop, &listener);
	learn_answer(loop, http);
	bool met = compare(loop, http, bare, 1);
	met = compare(loop, http, bare, DEEP) && met;
	http_server_close(server, set_flag, &done);
	uv_close((uv_handle_t *)&listener, NULL);
	CHECK(loop_turn_until(loop, &done, 10000000000));
	serve_destroy(serve);
	return met ? 0 : 1;
}
