/* The blocking wire against a server made of bytes: the same tokens however they are cut, nothing
 * kept of what is too long, and one clear end for what is no RESP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"
#include "redis_fixture.h"
#include "survey/wire.h"

struct peer {
	char *folder;
	char path[300];
	pid_t pid;
};

/* A server for one connection: after the first bytes of ours it says `bytes`, in pieces of at
 * most `piece`, and closes. */
static void peer_begin(struct peer *peer, struct str bytes, size_t piece, uint64_t seed)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char taken[4096];
	peer->folder = fixture_folder();
	assert_non_null(peer->folder);
	snprintf(peer->path, sizeof peer->path, "%s/s", peer->folder);
	assert_int_equal(str_copy(str_of(peer->path), address.sun_path, sizeof address.sun_path),
			 0);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	peer->pid = fork();
	if (peer->pid) {
		close(listener);
		return;
	}
	struct rng rng;
	rng_init(&rng, seed);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int fd = accept(listener, NULL, NULL);
	if (read(fd, taken, sizeof taken) <= 0)
		_exit(1);
	while (bytes.len) {
		size_t n = 1 + rng_below(&rng, piece);
		n = n < bytes.len ? n : bytes.len;
		if (send(fd, bytes.ptr, n, MSG_NOSIGNAL) <= 0)
			break;
		bytes = str_skip(bytes, n);
	}
	shutdown(fd, SHUT_WR);
	while (read(fd, taken, sizeof taken) > 0)
		;
	_exit(0);
}

static void peer_end(struct peer *peer)
{
	fixture_kill(peer->pid);
	fixture_remove(peer->folder);
}

static enum status dial(const struct peer *peer, struct wire **wire, struct err *err)
{
	const struct wire_config config = { .unix_path = peer->path, .deadline_ns = 5000000000 };
	return wire_open(&config, wire, err);
}

/* ---- whole replies ---- */

static void replies_are_the_same_however_they_are_cut(void **state)
{
	static const char text[] =
	    "+PONG\r\n*2\r\n$1\r\n7\r\n*3\r\n$4\r\na\r\nb\r\n$-1\r\n:-42\r\n"
	    "-ERR no\r\n*-1\r\n$0\r\n\r\n*0\r\n*2\r\n*2\r\n:1\r\n:2\r\n+x\r\n:9\r\n";
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct peer peer;
		struct wire *wire;
		struct wire_token token;
		peer_begin(&peer, str_of(text), 1 + seed % 7, seed);
		assert_int_equal(dial(&peer, &wire, NULL), STATUS_OK);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.type, REDIS_ARRAY);
		assert_int_equal(token.number, 2);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_true(str_eq(token.text, STR("7")));
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.number, 3);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_true(str_eq(token.text, STR("a\r\nb")));
		assert_int_equal(token.number, 4);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.type, REDIS_NIL);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.number, -42);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.type, REDIS_ERROR);
		assert_true(str_eq(token.text, STR("ERR no")));
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.type, REDIS_NIL);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.type, REDIS_BULK);
		assert_int_equal(token.number, 0);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(wire_skip(wire, &token), STATUS_OK);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(wire_skip(wire, &token), STATUS_OK);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.number, 9);
		assert_int_equal(wire_next(wire, &token), STATUS_CLOSED);
		assert_int_equal(wire_next(wire, &token), STATUS_CLOSED);
		wire_close(wire);
		peer_end(&peer);
	}
}

static void what_is_too_long_is_cut_and_the_rest_is_passed_over(void **state)
{
	static const size_t sizes[] = { WIRE_TEXT_MAX - 1, WIRE_TEXT_MAX, WIRE_TEXT_MAX + 1,
					WIRE_TEXT_MAX + 2, 300000,        5 << 20 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct peer peer;
		struct wire *wire;
		struct wire_token token;
		struct buf out;
		buf_init(&out, 8 << 20);
		buf_printf(&out, "+PONG\r\n$3\r\nabc\r\n$%zu\r\n", sizes[i]);
		memset(buf_reserve(&out, sizes[i]), 'v', sizes[i]);
		out.len += sizes[i];
		buf_printf(&out, "\r\n:77\r\n");
		peer_begin(&peer, buf_str(&out), 1 << 20, i);
		assert_int_equal(dial(&peer, &wire, NULL), STATUS_OK);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.number, sizes[i]);
		assert_int_equal(token.text.len,
				 sizes[i] < WIRE_TEXT_MAX ? sizes[i] : WIRE_TEXT_MAX);
		for (size_t at = 0; at < token.text.len; at++)
			assert_int_equal(token.text.ptr[at], 'v');
		assert_int_equal(wire_next(wire, &token), STATUS_OK);
		assert_int_equal(token.number, 77);
		wire_close(wire);
		peer_end(&peer);
		buf_deinit(&out);
	}
}

/* ---- what is none ---- */

static void what_is_no_resp_ends_the_wire(void **state)
{
	static const char *const bad[] = { "hello\r\n",
					   ":12x\r\n",
					   "$-2\r\n",
					   "*9999999999999\r\n",
					   "\r\n",
					   "$abc\r\n",
					   "*\r\n",
					   "%1\r\n+a\r\n:1\r\n",
					   "$99999999999999999999\r\n" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct peer peer;
		struct wire *wire;
		struct wire_token token;
		char text[100];
		snprintf(text, sizeof text, "+PONG\r\n%s", bad[i]);
		peer_begin(&peer, str_of(text), 100, i);
		assert_int_equal(dial(&peer, &wire, NULL), STATUS_OK);
		assert_int_equal(wire_next(wire, &token), STATUS_REDIS_PROTOCOL);
		assert_string_equal(wire_why(wire)->text, "the server's answer is not RESP");
		wire_close(wire);
		peer_end(&peer);
	}
}

/* Damaged and cut streams end in a status, whatever they say. */
static void damaged_replies_do_no_harm(void **state)
{
	static const char good[] = "+PONG\r\n*3\r\n$1\r\n7\r\n*2\r\n:1\r\n$5\r\nhello\r\n-ERR x\r\n"
				   "$2\r\nab\r\n:5\r\n*1\r\n*1\r\n*0\r\n";
	struct rng rng;
	(void)state;
	rng_init(&rng, 8);
	for (int i = 0; i < 150; i++) {
		struct peer peer;
		struct wire *wire = NULL;
		struct wire_token token;
		char text[sizeof good];
		memcpy(text, good, sizeof good);
		size_t len = sizeof good - 1;
		for (int n = 0; n < 3; n++)
			text[7 + rng_below(&rng, (len - 7))] =
			    "0159$*:+-\r\n\xff"[rng_below(&rng, 12)];
		peer_begin(&peer, str_make(text, 7 + rng_below(&rng, (len - 6))), 9, (uint64_t)i);
		assert_int_equal(dial(&peer, &wire, NULL), STATUS_OK);
		enum status status = STATUS_OK;
		for (int n = 0; n < 100 && !status; n++) {
			status = wire_next(wire, &token);
			if (!status && n % 3 == 0)
				status = wire_skip(wire, &token);
		}
		assert_true(status == STATUS_CLOSED || status == STATUS_REDIS_PROTOCOL);
		wire_close(wire);
		peer_end(&peer);
	}
}

static void a_greeting_says_why_it_failed(void **state)
{
	static const struct {
		const char *said;
		enum status status;
	} cases[] = {
		{ "-NOAUTH Authentication required.\r\n", STATUS_REDIS_NOAUTH },
		{ "-LOADING Redis is loading the dataset in memory\r\n", STATUS_REDIS_LOADING },
		{ "-DENIED Redis is running in protected mode\r\n", STATUS_REDIS_ERR },
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", STATUS_REDIS_PROTOCOL },
		{ "", STATUS_CLOSED },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct peer peer;
		struct wire *wire = NULL;
		struct err err = { 0 };
		peer_begin(&peer, str_of(cases[i].said), 50, i);
		assert_int_equal(dial(&peer, &wire, &err), cases[i].status);
		assert_null(wire);
		assert_true(err.text[0] != 0);
		peer_end(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_the_same_however_they_are_cut),
		cmocka_unit_test(what_is_too_long_is_cut_and_the_rest_is_passed_over),
		cmocka_unit_test(what_is_no_resp_ends_the_wire),
		cmocka_unit_test(damaged_replies_do_no_harm),
		cmocka_unit_test(a_greeting_says_why_it_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
