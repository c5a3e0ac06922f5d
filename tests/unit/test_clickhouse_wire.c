/* The ClickHouse sink against a server that answers as servers and proxies do on bad days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "archive/clickhouse_ddl.h"
#include "archive/native.h"
#include "clickhouse_stage.h"
#include "held_port.h"

/* ---- the server: threads of the test's process ---- */

enum insert_answer {
	ANSWER_WELL,
	ANSWER_TEXT,  /* `code` and `text` */
	ANSWER_HALF,  /* breaks off in the middle of the answer */
	ANSWER_NONE,  /* takes everything and closes */
	ANSWER_BREAK, /* closes in the middle of the body */
	ANSWER_HANG,  /* takes everything and says nothing */
	ANSWER_DRIP,  /* byte by byte, well */
	ANSWER_EARLY, /* 200 before the body came */
};

static struct {
	int listener, port;
	pthread_t acceptor;
	atomic_int answer, code, inserts, attempts;
	const char *text;
} peer;

enum { REQUEST_BYTES = 24 << 20 };

static void say(int fd, const char *text) { (void)!send(fd, text, strlen(text), MSG_NOSIGNAL); }

static void reply(int fd, int code, const char *text)
{
	char head[256];
	snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", code,
		 strlen(text));
	say(fd, head);
	say(fd, text);
}

static void put_columns(struct buf *out, enum archive_table table, bool named)
{
	const struct archive_table_row *row = archive_table_row(table);
	for (uint32_t i = 0; i < row->columns; i++) {
		if (named)
			buf_printf(out, "%s\t", row->name);
		buf_printf(out, "%s\t", archive_column_row(row->first + i)->name);
		native_type_put(out, row->first + i, false);
		buf_char(out, '\n');
	}
	if (named)
		buf_printf(out, "%s\t", row->name);
	buf_printf(out, "batch_id\tUInt64\n");
}

static void answer_question(int fd, const char *sql)
{
	static const char of_table[] = "AND table = '";
	struct buf out;
	buf_init(&out, 1 << 20);
	const char *one = strstr(sql, of_table);
	if (strstr(sql, "version()")) {
		buf_printf(&out, "18.16.1\n");
	} else if (strstr(sql, "system.databases")) {
		buf_printf(&out, "1\n");
	} else if (strstr(sql, "system.tables")) {
		for (unsigned i = 0; i < TABLE_COUNT; i++) {
			buf_printf(&out, "%s\tReplacingMergeTree\t",
				   archive_table_row((enum archive_table)i)->name);
			clickhouse_partition_put(&out, (enum archive_table)i);
			buf_char(&out, '\n');
		}
	} else if (one) {
		const char *name = one + sizeof of_table - 1;
		put_columns(&out, archive_table_find(str_make(name, strcspn(name, "'"))), false);
	} else if (strstr(sql, "system.columns")) {
		for (unsigned i = 0; i < TABLE_COUNT; i++)
			put_columns(&out, (enum archive_table)i, true);
	} else {
		buf_printf(&out, "0\n");
	}
	buf_char(&out, 0);
	reply(fd, 200, out.ptr);
	buf_deinit(&out);
}

static void drip(int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	for (size_t i = 0; i < sizeof text - 1; i++) {
		(void)!send(fd, text + i, 1, MSG_NOSIGNAL);
		usleep(500);
	}
}

/* False: the connection ends. */
static bool answer_insert(int fd, bool whole)
{
	char byte;
	if (whole)
		atomic_fetch_add(&peer.inserts, 1);
	switch ((enum insert_answer)atomic_load(&peer.answer)) {
	case ANSWER_WELL: reply(fd, 200, ""); return true;
	case ANSWER_TEXT: reply(fd, atomic_load(&peer.code), peer.text); return true;
	case ANSWER_HALF: say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nCod"); return false;
	case ANSWER_DRIP: drip(fd); return true;
	case ANSWER_EARLY: reply(fd, 200, ""); return false;
	case ANSWER_HANG:
		while (recv(fd, &byte, 1, 0) > 0)
			;
		return false;
	default: return false;
	}
}

static bool is_insert(const char *head) { return strstr(head, "query=INSERT") != NULL; }

/* How much of the body is waited for before the answer. */
static size_t wanted(const char *head, size_t body)
{
	if (!is_insert(head))
		return body;
	int answer = atomic_load(&peer.answer);
	return answer == ANSWER_BREAK || answer == ANSWER_EARLY ? body / 2 : body;
}

static void *serve(void *ctx)
{
	int fd = (int)(intptr_t)ctx;
	char *request = malloc(REQUEST_BYTES);
	size_t used = 0;
	for (;;) {
		char *end = used ? memmem(request, used, "\r\n\r\n", 4) : NULL;
		const char *length = end ? strcasestr(request, "Content-Length: ") : NULL;
		size_t head = end ? (size_t)(end + 4 - request) : 0;
		size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
		if (!end || used < head + wanted(request, body)) {
			ssize_t n = recv(fd, request + used, REQUEST_BYTES - 1 - used, 0);
			if (n <= 0)
				break;
			used += (size_t)n;
			request[used] = 0;
			continue;
		}
		if (is_insert(request)) {
			atomic_fetch_add(&peer.attempts, 1);
			if (!answer_insert(fd, used >= head + body))
				break;
		} else {
			answer_question(fd, request + head);
		}
		used = 0;
		request[0] = 0;
	}
	free(request);
	shutdown(fd, SHUT_WR);
	close(fd);
	return NULL;
}

static void *accept_all(void *ctx)
{
	(void)ctx;
	for (;;) {
		pthread_t thread;
		int fd = accept(peer.listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
			pthread_detach(thread);
	}
}

static void peer_start(void)
{
	int on = 1;
	int bytes = 65536; /* the kernel takes no whole body for a server that does not read */
	peer.listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(peer.listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(peer.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	peer.port = (int)held_port().number; /* stays its own when nobody listens any more */
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)peer.port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(peer.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(peer.listener, 16) != 0)
		abort();
	pthread_create(&peer.acceptor, NULL, accept_all, NULL);
}

/* ---- tests ---- */

static void begin(struct stage *stage, int64_t deadline_ms)
{
	char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/weir", peer.port);
	stage_init(stage, url, deadline_ms);
	assert_int_equal(stage_open(stage), SINK_DONE);
	stage_rows(stage, TABLE_funding, 20);
	atomic_store(&peer.inserts, 0);
	atomic_store(&peer.attempts, 0);
}

static void expect(enum insert_answer answer, int code, const char *text, enum sink_outcome outcome,
		   const char *word)
{
	struct stage stage;
	begin(&stage, answer == ANSWER_HANG ? 6000 : 60000);
	peer.text = text;
	atomic_store(&peer.code, code);
	atomic_store(&peer.answer, answer);
	assert_int_equal(stage_send(&stage, 1), outcome);
	if (!strstr(stage.why, word))
		fail_msg("'%s' has no '%s'", stage.why, word);
	assert_int_equal(atomic_load(&peer.attempts), 1); /* never again by itself */
	stage_deinit(&stage);
}

static void answers_are_understood(void **state)
{
	(void)state;
	expect(ANSWER_WELL, 0, "", SINK_DONE, "");
	expect(ANSWER_DRIP, 0, "", SINK_DONE, "");
	expect(ANSWER_TEXT, 500,
	       "Code: 252, e.displayText() = DB::Exception: Too many parts (300). Merges are "
	       "processing significantly slower than inserts., e.what() = DB::Exception",
	       SINK_AWAY, "Too many parts");
	expect(ANSWER_TEXT, 500,
	       "Code: 241, e.displayText() = DB::Exception: Memory limit (total) exceeded, "
	       "e.what() = DB::Exception",
	       SINK_AWAY, "Memory limit");
	expect(ANSWER_TEXT, 404,
	       "Code: 60, e.displayText() = DB::Exception: Table weir.funding doesn't exist., "
	       "e.what() = DB::Exception",
	       SINK_HELD, "doesn't exist");
	expect(ANSWER_TEXT, 500, "Code: 164, e.displayText() = DB::Exception: readonly", SINK_HELD,
	       "may only read");
	expect(ANSWER_TEXT, 404, "nothing here", SINK_AWAY, "HTTP 404");
	expect(ANSWER_TEXT, 503, "<html>busy</html>", SINK_AWAY, "HTTP 503");
	expect(ANSWER_TEXT, 429, "slow down", SINK_AWAY, "HTTP 429");
	expect(ANSWER_TEXT, 200, "<html>log in</html>", SINK_UNKNOWN, "answered with a text");
	expect(ANSWER_TEXT, 502, "<html>bad gateway</html>", SINK_UNKNOWN, "HTTP 502");
}

static void connections_that_break_leave_it_unknown(void **state)
{
	(void)state;
	expect(ANSWER_HALF, 0, "", SINK_UNKNOWN, "");
	expect(ANSWER_NONE, 0, "", SINK_UNKNOWN, "");
	expect(ANSWER_HANG, 0, "", SINK_UNKNOWN, "no whole answer within 6000 ms");
}

static void a_body_that_was_not_taken_is_never_confirmed(void **state)
{
	(void)state;
	static const enum insert_answer answers[] = { ANSWER_BREAK, ANSWER_EARLY };
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct stage stage;
		begin(&stage, 60000);
		stage_rows(&stage, TABLE_trade_results, 40000);
		atomic_store(&peer.answer, answers[i]);
		assert_int_equal(stage_send(&stage, 1), SINK_UNKNOWN);
		assert_int_equal(atomic_load(&peer.inserts), 0);
		stage_deinit(&stage);
	}
}

static void a_connection_that_was_kept_is_not_used_for_an_insert(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, 60000);
	for (int i = 1; i <= 5; i++) {
		atomic_store(&peer.answer, i % 2 ? ANSWER_NONE : ANSWER_WELL);
		assert_int_equal(stage_send(&stage, i), i % 2 ? SINK_UNKNOWN : SINK_DONE);
		assert_int_equal(atomic_load(&peer.attempts), i);
	}
	stage_deinit(&stage);
}

static void nobody_there_is_away(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, 60000);
	shutdown(peer.listener, SHUT_RDWR);
	close(peer.listener);
	pthread_join(peer.acceptor, NULL);
	struct stage fresh;
	char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/weir", peer.port);
	stage_init(&fresh, url, 60000);
	assert_int_equal(stage_open(&fresh), SINK_AWAY);
	stage_deinit(&fresh);
	/* The questions' connection lives on; the insert asks for one of its own. */
	assert_int_equal(stage_send(&stage, 1), SINK_AWAY);
	stage_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_understood),
		cmocka_unit_test(connections_that_break_leave_it_unknown),
		cmocka_unit_test(a_body_that_was_not_taken_is_never_confirmed),
		cmocka_unit_test(a_connection_that_was_kept_is_not_used_for_an_insert),
		cmocka_unit_test(nobody_there_is_away),
	};
	peer_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
