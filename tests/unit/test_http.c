/* The HTTP client over libcurl against a server of raw sockets: what is an answer, what
 * is not and why, what is bounded, and that nothing ever waits for a name. */
#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "http_server.h"
#include "os/http.h"

static const int64_t patience_ns = 20000000000, second_ns = 1000000000;

/* ---- the resolver, in the test's hands ----
 *
 * libcurl's call finds this one first. "venue.test" is this machine; "slow.test" is not
 * known, and nobody says so before the test does. */

static atomic_int resolving;
static sem_t may_resolve;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name && strcmp(name, "venue.test") == 0)
		return real("127.0.0.1", service, hints, found);
	if (!name || strcmp(name, "slow.test") != 0)
		return real(name, service, hints, found);
	atomic_fetch_add(&resolving, 1);
	while (sem_wait(&may_resolve))
		;
	atomic_fetch_sub(&resolving, 1);
	return EAI_NONAME;
}

/* Who asks OpenSSL for a folder of authorities. */
static atomic_int folders_loaded;

int X509_STORE_load_path(X509_STORE *store, const char *path)
{
	int (*real)(X509_STORE *, const char *);
	*(void **)&real = dlsym(RTLD_NEXT, "X509_STORE_load_path");
	atomic_fetch_add(&folders_loaded, 1);
	return real(store, path);
}

/* ---- the world ---- */

struct world {
	struct loop *loop;
	struct http *http;
	struct http_client *client;
	struct server server;
	bool is_tls, closed;
};

struct answer {
	struct world *world;
	bool done, has_answer, padded;
	int calls, code;
	enum status status;
	size_t n_headers, len;
	char body[4096], why[300], used_weight[32], retry_after[32], early[32], late[32];
	bool asks_again; /* from inside its function */
	bool closes;     /* the client, too */
	struct answer *next;
};

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void keep(struct str s, char *at, size_t size)
{
	if (str_copy(s, at, size) != STATUS_OK)
		strcpy(at, "too long");
}

static void ask(struct world *world, const char *path, struct answer *answer);

static void on_answer(void *ctx, enum status status, const struct http_answer *got, const char *why)
{
	struct answer *answer = ctx;
	answer->done = true;
	answer->calls++;
	answer->status = status;
	answer->has_answer = got != NULL;
	keep(str_of(why), answer->why, sizeof answer->why);
	if (got) {
		answer->code = got->code;
		answer->n_headers = got->n_headers;
		answer->len = got->body.len;
		keep(got->body, answer->body, sizeof answer->body);
		keep(http_answer_header(got, STR("x-mbx-used-weight-1m")), answer->used_weight, 32);
		keep(http_answer_header(got, STR("retry-after")), answer->retry_after, 32);
		keep(http_answer_header(got, STR("x-early")), answer->early, 32);
		keep(http_answer_header(got, STR("x-late")), answer->late, 32);
		answer->padded = true;
		for (int i = 0; i < HTTP_PADDING; i++)
			answer->padded &= got->body.ptr[got->body.len + (size_t)i] == 0;
	}
	if (answer->asks_again)
		ask(answer->world, "/ok", answer->next);
	if (answer->closes)
		http_close(answer->world->http, set_flag, &answer->world->closed);
}

static struct http_request request_of(struct world *world, const char *path, char *url, size_t size)
{
	int n = snprintf(url, size, "http%s://127.0.0.1:%u%s", world->is_tls ? "s" : "",
			 world->server.port, path);
	return (struct http_request){ .method = "GET",
				      .url = str_make(url, (size_t)n),
				      .deadline_ns = 10 * second_ns,
				      .body_bytes_max = 2048 };
}

static enum status send_request(struct world *world, const struct http_request *request,
				struct answer *answer)
{
	*answer = (struct answer){ .world = world };
	enum status status = http_request(world->client, request, on_answer, answer);
	assert_int_equal(answer->calls, 0); /* never from inside the call */
	return status;
}

static void ask(struct world *world, const char *path, struct answer *answer)
{
	char url[300];
	struct http_request request = request_of(world, path, url, sizeof url);
	assert_int_equal(send_request(world, &request, answer), STATUS_OK);
}

static void wait_for(struct world *world, struct answer *answer)
{
	assert_true(loop_turn_until(world->loop, &answer->done, patience_ns));
	assert_int_equal(answer->calls, 1);
	assert_true(answer->has_answer == (answer->status == STATUS_OK));
	assert_true((answer->why[0] == 0) == (answer->status == STATUS_OK));
	assert_null(strchr(answer->why, '\n'));
}

static void ask_and_wait(struct world *world, const char *path, struct answer *answer)
{
	ask(world, path, answer);
	wait_for(world, answer);
}

static void open_client(struct world *world, const char *ca_file, size_t requests_max)
{
	struct http_config config = { .ca_file = ca_file, .requests_max = requests_max };
	struct err err = { 0 };
	assert_int_equal(http_open(world->loop, &config, &world->http, &err), STATUS_OK);
	world->client = http_client(world->http);
	world->closed = false;
}

static void begin(struct world *world, SSL_CTX *tls, const char *ca_file, size_t requests_max)
{
	struct err err;
	*world = (struct world){ .is_tls = tls != NULL };
	server_start(&world->server, tls);
	assert_int_equal(loop_create(8, &world->loop, &err), STATUS_OK);
	open_client(world, ca_file, requests_max);
}

static void close_client(struct world *world)
{
	http_close(world->http, set_flag, &world->closed);
	assert_false(world->closed);
	assert_true(loop_turn_until(world->loop, &world->closed, patience_ns));
}

static void end_loop(struct world *world)
{
	assert_int_equal(timers_next_ns(loop_timers(world->loop)), INT64_MAX);
	loop_destroy(world->loop); /* checks that no handle is left */
	server_stop(&world->server);
}

static void end(struct world *world)
{
	close_client(world);
	end_loop(world);
}

/* ---- answers ---- */

static void an_answer_has_code_body_headers_and_padding(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	assert_int_equal(answer.code, 200);
	assert_string_equal(answer.body, "hello");
	assert_string_equal(answer.used_weight, "20"); /* name in lower case, value trimmed */
	assert_int_equal(answer.n_headers, 2);
	assert_true(answer.padded);
	ask_and_wait(&world, "/empty", &answer);
	assert_int_equal(answer.code, 204);
	assert_int_equal(answer.len, 0);
	assert_true(answer.padded);
	end(&world);
}

static void chunks_are_put_together_and_only_real_headers_count(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/chunked", &answer);
	assert_string_equal(answer.body, "hello");
	ask_and_wait(&world, "/trailer", &answer);
	assert_string_equal(answer.body, "ok");
	assert_string_equal(answer.late, "");
	ask_and_wait(&world, "/continue", &answer);
	assert_int_equal(answer.code, 200);
	assert_string_equal(answer.body, "ok");
	assert_string_equal(answer.early, "");
	assert_int_equal(answer.n_headers, 2);
	end(&world);
}

static void any_code_is_an_answer_and_a_redirect_is_not_followed(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/429", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	assert_int_equal(answer.code, 429);
	assert_string_equal(answer.retry_after, "17");
	assert_string_equal(answer.body, "{}");
	ask_and_wait(&world, "/redirect", &answer);
	assert_int_equal(answer.code, 302);
	assert_int_equal(atomic_load(&world.server.requests), 2);
	end(&world);
}

static void a_post_carries_its_body_and_headers_and_nothing_of_its_own(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	char url[300];
	begin(&world, NULL, NULL, 0);
	struct http_request request = request_of(&world, "/echo", url, sizeof url);
	request.method = "POST";
	request.body = STR("{\"a\":1}");
	request.headers[0] = (struct http_header){ STR("X-Key"), STR("secret words") };
	request.headers[1] = (struct http_header){ STR("X-Empty"), STR("") };
	request.n_headers = 2;
	assert_int_equal(send_request(&world, &request, &answer), STATUS_OK);
	wait_for(&world, &answer);
	assert_non_null(strstr(answer.body, "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(answer.body, "X-Key: secret words\r\n"));
	assert_non_null(strstr(answer.body, "X-Empty:\r\n"));
	assert_non_null(strstr(answer.body, "Content-Length: 7\r\n"));
	assert_non_null(strstr(answer.body, "\r\n\r\n{\"a\":1}"));
	assert_non_null(strstr(answer.body, "User-Agent: weir/" WEIR_VERSION "\r\n"));
	assert_non_null(strstr(answer.body, "Accept-Encoding: gzip\r\n"));
	assert_null(strstr(answer.body, "Expect"));
	assert_null(strstr(answer.body, "Content-Type"));
	request.headers[1] = (struct http_header){ STR("Content-Type"), STR("text/plain") };
	assert_int_equal(send_request(&world, &request, &answer), STATUS_OK);
	wait_for(&world, &answer);
	assert_non_null(strstr(answer.body, "Content-Type: text/plain\r\n"));
	ask_and_wait(&world, "/echo", &answer); /* nothing of the last one stays */
	assert_non_null(strstr(answer.body, "GET /echo HTTP/1.1\r\n"));
	assert_null(strstr(answer.body, "X-Key"));
	assert_null(strstr(answer.body, "Content-"));
	end(&world);
}

static void connections_are_used_again_and_a_dead_one_is_replaced(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	for (int i = 0; i < 20; i++)
		ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(atomic_load(&world.server.accepted), 1);
	assert_int_equal(http_counts(world.http)->connects, 1);
	ask_and_wait(&world, "/last", &answer);
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	assert_int_equal(atomic_load(&world.server.accepted), 2);
	const struct http_counts *counts = http_counts(world.http);
	assert_int_equal(counts->connects, 2);
	assert_int_equal(counts->requests, 22);
	assert_int_equal(counts->answers, 22);
	assert_int_equal(counts->failures, 0);
	assert_true(counts->bytes_in > 22 * 40);
	end(&world);
}

/* ---- bounds ---- */

static void a_body_may_be_as_long_as_allowed_and_no_longer(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/long/2048", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	assert_int_equal(answer.len, 2048);
	assert_true(answer.padded);
	ask_and_wait(&world, "/long/2049", &answer);
	assert_int_equal(answer.status, STATUS_RANGE);
	assert_string_equal(answer.why, "the answer is longer than 2048 bytes");
	ask_and_wait(&world, "/long/100000000", &answer);
	assert_int_equal(answer.status, STATUS_RANGE);
	assert_int_equal(http_counts(world.http)->failures, 2);
	end(&world);
}

static void what_is_packed_is_bounded_unpacked(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/gzip/2048", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	assert_int_equal(answer.len, 2048);
	ask_and_wait(&world, "/gzip/300000000", &answer);
	assert_int_equal(answer.status, STATUS_RANGE);
	assert_true(http_counts(world.http)->bytes_in < 400000);
	ask_and_wait(&world, "/strange", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	end(&world);
}

static void a_large_body_comes_whole_and_its_memory_goes(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	char url[300];
	begin(&world, NULL, NULL, 0);
	for (int i = 0; i < 3; i++) {
		struct http_request request = request_of(&world, "/long/8000000", url, sizeof url);
		request.body_bytes_max = 8 << 20;
		assert_int_equal(send_request(&world, &request, &answer), STATUS_OK);
		wait_for(&world, &answer);
		assert_int_equal(answer.status, STATUS_OK);
		assert_int_equal(answer.len, 8000000);
		ask_and_wait(&world, "/long/2049", &answer); /* the bound is the request's */
		assert_int_equal(answer.status, STATUS_RANGE);
	}
	end(&world);
}

static void headers_beyond_the_bound_are_counted(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/headers/100", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	assert_string_equal(answer.body, "many");
	assert_int_equal(answer.n_headers, HTTP_HEADERS_MAX);
	assert_int_equal(http_counts(world.http)->headers_dropped, 101 - HTTP_HEADERS_MAX);
	ask_and_wait(&world, "/endless", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	end(&world);
}

static void no_more_requests_are_under_way_than_allowed(void **state)
{
	(void)state;
	struct world world;
	struct answer answers[4];
	char url[300];
	begin(&world, NULL, NULL, 3);
	for (int i = 0; i < 3; i++)
		ask(&world, "/ok", &answers[i]);
	struct http_request request = request_of(&world, "/ok", url, sizeof url);
	assert_int_equal(send_request(&world, &request, &answers[3]), STATUS_FULL);
	assert_int_equal(http_counts(world.http)->refused, 1);
	for (int i = 0; i < 3; i++) {
		wait_for(&world, &answers[i]);
		assert_int_equal(answers[i].status, STATUS_OK);
	}
	assert_int_equal(answers[3].calls, 0);
	ask_and_wait(&world, "/ok", &answers[3]);
	end(&world);
}

static void a_full_client_takes_a_request_from_inside_an_answer(void **state)
{
	(void)state;
	struct world world;
	struct answer first, second;
	begin(&world, NULL, NULL, 1);
	ask(&world, "/ok", &first);
	first.asks_again = true;
	first.next = &second;
	second.done = false;
	wait_for(&world, &first);
	wait_for(&world, &second);
	assert_string_equal(first.body, "hello");
	assert_string_equal(second.body, "hello");
	end(&world);
}

/* ---- what is no answer ---- */

static void a_drip_ends_at_the_deadline_of_the_whole_request(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	char url[300];
	const char *paths[] = { "/drip", "/hold" };
	begin(&world, NULL, NULL, 0);
	for (int i = 0; i < 2; i++) {
		struct http_request request = request_of(&world, paths[i], url, sizeof url);
		request.deadline_ns = second_ns / 5;
		int64_t began_ns = loop_precise_ns();
		assert_int_equal(send_request(&world, &request, &answer), STATUS_OK);
		wait_for(&world, &answer);
		assert_int_equal(answer.status, STATUS_TIMEOUT);
		assert_string_equal(answer.why, "no whole answer within 200 ms");
		/* libcurl counts whole milliseconds */
		assert_true(loop_precise_ns() - began_ns >= second_ns / 5 - 5000000);
	}
	end(&world);
}

static void a_connection_that_breaks_is_closed(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/half", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	ask_and_wait(&world, "/nothing", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	ask_and_wait(&world, "/noise", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_int_equal(http_counts(world.http)->failures, 3);
	end(&world);
}

static void a_port_where_nobody_listens_is_closed(void **state)
{
	(void)state;
	struct world world;
	struct server nobody;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	server_start(&nobody, NULL);
	server_stop(&nobody);
	uint16_t port = world.server.port;
	world.server.port = nobody.port;
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_non_null(strstr(answer.why, "onnect"));
	world.server.port = port;
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	end(&world);
}

/* ---- requests that are none ---- */

static void what_could_break_out_of_a_line_is_refused(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	char url[300], longest[HTTP_TEXT_MAX + 2];
	begin(&world, NULL, NULL, 0);
	const char *const urls[] = { "http://127.0.0.1/a\r\nX: y", "http://127.0.0.1/a b",
				     "http://127.0.0.1/\x7f",      "ftp://127.0.0.1/",
				     "file:///etc/passwd",         "" };
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct http_request request = request_of(&world, "/ok", url, sizeof url);
		request.url = str_of(urls[i]);
		assert_int_equal(send_request(&world, &request, &answer), STATUS_INVALID);
	}
	const struct http_header headers[] = {
		{ STR("X-A"), STR("b\r\nX-C: d") }, { STR("X-A"), STR("b\nc") },
		{ STR("X-A"), { "b\0c", 3 } },      { STR("X A"), STR("b") },
		{ STR("X-A:"), STR("b") },          { STR(""), STR("b") }
	};
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct http_request request = request_of(&world, "/ok", url, sizeof url);
		request.headers[0] = headers[i];
		request.n_headers = 1;
		assert_int_equal(send_request(&world, &request, &answer), STATUS_INVALID);
	}
	struct http_request request = request_of(&world, "/ok", url, sizeof url);
	request.method = "GET / HTTP/1.1\r\nX:";
	assert_int_equal(send_request(&world, &request, &answer), STATUS_INVALID);
	memset(longest, 'a', sizeof longest);
	memcpy(longest, "http://", 7);
	request.method = "GET";
	request.url = str_make(longest, HTTP_TEXT_MAX + 1);
	assert_int_equal(send_request(&world, &request, &answer), STATUS_RANGE);
	loop_turn(world.loop, 0);
	assert_int_equal(atomic_load(&world.server.accepted), 0);
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	end(&world);
}

static void a_proxy_of_the_environment_is_not_used(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	const char *const names[] = { "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	begin(&world, NULL, NULL, 0);
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_OK);
	end(&world);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
}

/* ---- TLS ---- */

struct files {
	char folder[64], ours[100], others[100];
	struct authority us, them;
};

static void make_files(struct files *files)
{
	strcpy(files->folder, "/tmp/weir-test-http-XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	snprintf(files->ours, sizeof files->ours, "%s/ours.pem", files->folder);
	snprintf(files->others, sizeof files->others, "%s/others.pem", files->folder);
	authority_make(&files->us, "our authority", files->ours);
	authority_make(&files->them, "their authority", files->others);
}

static void remove_files(struct files *files)
{
	unlink(files->ours);
	unlink(files->others);
	rmdir(files->folder);
	authority_free(&files->us);
	authority_free(&files->them);
}

static void a_known_authority_and_the_right_name_are_trusted(void **state)
{
	(void)state;
	struct world world;
	struct files files;
	struct answer answer;
	make_files(&files);
	begin(&world, server_tls(&files.us, "IP:127.0.0.1"), files.ours, 0);
	for (int i = 0; i < 3; i++) {
		ask_and_wait(&world, "/ok", &answer);
		assert_string_equal(answer.why, "");
		assert_string_equal(answer.body, "hello");
	}
	assert_int_equal(atomic_load(&world.server.accepted), 1);
	ask_and_wait(&world, "/half", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	end(&world);
	remove_files(&files);
}

static void another_authority_is_not_trusted_and_no_request_is_sent(void **state)
{
	(void)state;
	struct world world;
	struct files files;
	struct answer answer;
	make_files(&files);
	begin(&world, server_tls(&files.us, "IP:127.0.0.1"), files.others, 0);
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_non_null(strstr(answer.why, "certificate"));
	assert_int_equal(atomic_load(&world.server.requests), 0);
	end(&world);
	remove_files(&files);
}

static void another_name_is_not_trusted(void **state)
{
	(void)state;
	struct world world;
	struct files files;
	struct answer answer;
	char url[300];
	make_files(&files);
	begin(&world, server_tls(&files.us, "DNS:venue.test"), files.ours, 0);
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_int_equal(atomic_load(&world.server.requests), 0);
	struct http_request request = request_of(&world, "", url, sizeof url);
	snprintf(url, sizeof url, "https://venue.test:%u/ok", world.server.port);
	request.url = str_of(url);
	assert_int_equal(send_request(&world, &request, &answer), STATUS_OK);
	wait_for(&world, &answer);
	assert_string_equal(answer.body, "hello");
	end(&world);
	remove_files(&files);
}

static void a_ca_file_is_alone_and_without_one_the_system_decides(void **state)
{
	(void)state;
	struct world world;
	struct files files;
	struct answer answer;
	make_files(&files);
	begin(&world, server_tls(&files.us, "IP:127.0.0.1"), files.ours, 0);
	atomic_store(&folders_loaded, 0);
	ask_and_wait(&world, "/ok", &answer);
	assert_string_equal(answer.body, "hello");
	assert_int_equal(atomic_load(&folders_loaded), 0);
	close_client(&world);
	open_client(&world, "", 0);
	ask_and_wait(&world, "/ok", &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_int_equal(atomic_load(&folders_loaded), 1);
	end(&world);
	remove_files(&files);
}

static void a_ca_file_that_is_not_there_is_refused(void **state)
{
	(void)state;
	struct loop *loop;
	struct http *http = NULL;
	struct err err;
	struct http_config config = { .ca_file = "/nowhere/ca.pem" };
	assert_int_equal(loop_create(8, &loop, &err), STATUS_OK);
	assert_int_equal(http_open(loop, &config, &http, &err), STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
	assert_null(http);
	loop_destroy(loop);
}

/* ---- names ---- */

static void ask_slow_name(struct world *world, struct answer *answer, int64_t deadline_ns)
{
	char url[300];
	struct http_request request = request_of(world, "/ok", url, sizeof url);
	request.url = STR("http://slow.test/ok");
	request.deadline_ns = deadline_ns;
	assert_int_equal(send_request(world, &request, answer), STATUS_OK);
	int64_t until_ns = loop_precise_ns() + patience_ns;
	while (!atomic_load(&resolving) && loop_precise_ns() < until_ns)
		loop_turn(world->loop, 1000000);
	assert_int_equal(atomic_load(&resolving), 1);
}

static void let_resolve(void)
{
	int64_t until_ns = loop_precise_ns() + patience_ns;
	sem_post(&may_resolve);
	while (atomic_load(&resolving) && loop_precise_ns() < until_ns)
		sched_yield();
	assert_int_equal(atomic_load(&resolving), 0);
}

/* Were the loop blocked by the resolver, none of these would ever end. */
static void nobody_waits_for_a_resolver_that_hangs(void **state)
{
	(void)state;
	struct world world;
	struct answer slow, fast;
	begin(&world, NULL, NULL, 0);
	ask_slow_name(&world, &slow, second_ns / 5);
	ask_and_wait(&world, "/ok", &fast); /* others go on meanwhile */
	assert_string_equal(fast.body, "hello");
	wait_for(&world, &slow);
	assert_int_equal(slow.status, STATUS_TIMEOUT);
	assert_string_equal(slow.why, "no connection within 200 ms");
	let_resolve();
	ask_slow_name(&world, &slow, 100 * second_ns);
	http_cancel(world.client, &slow);
	ask_and_wait(&world, "/ok", &fast);
	let_resolve();
	ask_slow_name(&world, &slow, 100 * second_ns);
	close_client(&world);
	assert_int_equal(slow.calls, 0);
	let_resolve();
	end_loop(&world);
}

static void an_unknown_name_is_said(void **state)
{
	(void)state;
	struct world world;
	struct answer answer;
	begin(&world, NULL, NULL, 0);
	ask_slow_name(&world, &answer, 10 * second_ns);
	let_resolve();
	wait_for(&world, &answer);
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_non_null(strstr(answer.why, "slow.test"));
	end(&world);
}

/* ---- ends in silence ---- */

static void a_cancelled_request_ends_in_silence(void **state)
{
	(void)state;
	struct world world;
	struct answer held[2], other;
	begin(&world, NULL, NULL, 3);
	ask(&world, "/drip", &held[0]);
	ask(&world, "/ok", &other);
	wait_for(&world, &other);
	http_cancel(world.client, &held[0]);
	http_cancel(world.client, &held[0]); /* of nothing: fine */
	ask(&world, "/ok", &held[1]);
	http_cancel(world.client, &held[1]); /* before it began */
	int64_t until_ns = loop_precise_ns() + patience_ns;
	while (!atomic_load(&world.server.gone) && loop_precise_ns() < until_ns)
		loop_turn(world.loop, 1000000);
	assert_int_equal(atomic_load(&world.server.gone), 1);
	for (int i = 0; i < 3; i++) { /* all slots are free again */
		ask_and_wait(&world, "/ok", &other);
		assert_int_equal(other.status, STATUS_OK);
	}
	assert_int_equal(held[0].calls + held[1].calls, 0);
	assert_int_equal(http_counts(world.http)->failures, 0);
	end(&world);
}

static void a_close_ends_what_is_under_way_in_silence(void **state)
{
	(void)state;
	struct world world;
	struct answer held[8], late;
	char url[300];
	begin(&world, NULL, NULL, 0);
	for (int i = 0; i < 8; i++)
		ask(&world, i % 2 ? "/hold" : "/drip", &held[i]);
	ask_and_wait(&world, "/ok", &late); /* they are on their way */
	http_close(world.http, set_flag, &world.closed);
	struct http_request request = request_of(&world, "/ok", url, sizeof url);
	assert_int_equal(send_request(&world, &request, &late), STATUS_CLOSED);
	http_cancel(world.client, &held[0]);
	assert_true(loop_turn_until(world.loop, &world.closed, patience_ns));
	for (int i = 0; i < 8; i++)
		assert_int_equal(held[i].calls, 0);
	end_loop(&world);
}

static void an_answer_may_close_the_client(void **state)
{
	(void)state;
	struct world world;
	struct answer first, second;
	begin(&world, NULL, NULL, 0);
	ask(&world, "/hold", &second);
	ask(&world, "/ok", &first);
	first.closes = true;
	assert_true(loop_turn_until(world.loop, &world.closed, patience_ns));
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 0);
	end_loop(&world);
}

static void a_client_that_did_nothing_closes(void **state)
{
	(void)state;
	struct world world;
	begin(&world, NULL, NULL, 0);
	end(&world);
}

static int set_up(void **state)
{
	(void)state;
	sem_init(&may_resolve, 0, 0);
	alarm(120); /* a client that waits for a name waits for ever */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_code_body_headers_and_padding),
		cmocka_unit_test(chunks_are_put_together_and_only_real_headers_count),
		cmocka_unit_test(any_code_is_an_answer_and_a_redirect_is_not_followed),
		cmocka_unit_test(a_post_carries_its_body_and_headers_and_nothing_of_its_own),
		cmocka_unit_test(connections_are_used_again_and_a_dead_one_is_replaced),
		cmocka_unit_test(a_body_may_be_as_long_as_allowed_and_no_longer),
		cmocka_unit_test(what_is_packed_is_bounded_unpacked),
		cmocka_unit_test(a_large_body_comes_whole_and_its_memory_goes),
		cmocka_unit_test(headers_beyond_the_bound_are_counted),
		cmocka_unit_test(no_more_requests_are_under_way_than_allowed),
		cmocka_unit_test(a_full_client_takes_a_request_from_inside_an_answer),
		cmocka_unit_test(a_drip_ends_at_the_deadline_of_the_whole_request),
		cmocka_unit_test(a_connection_that_breaks_is_closed),
		cmocka_unit_test(a_port_where_nobody_listens_is_closed),
		cmocka_unit_test(what_could_break_out_of_a_line_is_refused),
		cmocka_unit_test(a_proxy_of_the_environment_is_not_used),
		cmocka_unit_test(a_known_authority_and_the_right_name_are_trusted),
		cmocka_unit_test(another_authority_is_not_trusted_and_no_request_is_sent),
		cmocka_unit_test(another_name_is_not_trusted),
		cmocka_unit_test(a_ca_file_is_alone_and_without_one_the_system_decides),
		cmocka_unit_test(a_ca_file_that_is_not_there_is_refused),
		cmocka_unit_test(nobody_waits_for_a_resolver_that_hangs),
		cmocka_unit_test(an_unknown_name_is_said),
		cmocka_unit_test(a_cancelled_request_ends_in_silence),
		cmocka_unit_test(a_close_ends_what_is_under_way_in_silence),
		cmocka_unit_test(an_answer_may_close_the_client),
		cmocka_unit_test(a_client_that_did_nothing_closes),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
