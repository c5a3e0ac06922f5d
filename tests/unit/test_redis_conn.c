/* The Redis connection against real servers. */
#include <ctype.h>
#include <fcntl.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <arpa/inet.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/redis_conn.h"
#include "os/redis_pending.h"
#include "redis_fixture.h"

static const int64_t patience_ns = 10000000000;

struct world {
	struct loop *loop;
	char *folder, path[300];
	pid_t server;
	struct redis_conn *conn;
	bool up, down, closed;
	int ups, downs;
	struct err why;
};

struct answer {
	bool done;
	int calls;
	enum status status;
	enum redis_type type;
	int64_t integer;
	size_t count;
	char text[256];
};

static void on_answer(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct answer *answer = ctx;
	answer->done = true;
	answer->calls++;
	answer->status = status;
	if (!reply)
		return;
	answer->type = reply->type;
	answer->integer = reply->integer;
	answer->count = reply->count;
	if (str_copy(reply->text, answer->text, sizeof answer->text) != STATUS_OK)
		answer->text[0] = 0;
}

static void on_up(void *ctx)
{
	struct world *world = ctx;
	world->up = true;
	world->ups++;
}

static void on_down(void *ctx, const struct err *why)
{
	struct world *world = ctx;
	world->down = true;
	world->downs++;
	world->why = *why;
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void start_server(struct world *world, const char *const *extra)
{
	world->server = fixture_redis(world->folder, extra);
	assert_true(world->server > 0);
}

static void open_conn(struct world *world, struct redis_conn_config config)
{
	struct err err;
	if (!config.host)
		config.unix_path = world->path;
	config.on_up = on_up;
	config.on_down = on_down;
	config.ctx = world;
	world->up = false;
	world->closed = false;
	assert_int_equal(redis_conn_open(world->loop, &config, &world->conn, &err), STATUS_OK);
	redis_conn_hurry(world->conn, 2000000000);
}

static void wait_up(struct world *world)
{
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
}

static void close_conn(struct world *world)
{
	redis_conn_close(world->conn, set_flag, &world->closed);
	assert_true(loop_turn_until(world->loop, &world->closed, patience_ns));
	world->conn = NULL;
}

static enum status send_words(struct world *world, struct answer *answer, const char *words)
{
	struct str argv[16], rest = str_of(words);
	size_t argc = 0;
	while (argc < 16 && str_split(&rest, ' ', &argv[argc]))
		argc++;
	*answer = (struct answer){ 0 };
	return redis_command(redis_conn_port(world->conn), argv, argc, on_answer, answer);
}

static struct answer ask(struct world *world, const char *words)
{
	struct answer answer;
	assert_int_equal(send_words(world, &answer, words), STATUS_OK);
	assert_true(loop_turn_until(world->loop, &answer.done, patience_ns));
	assert_int_equal(answer.calls, 1);
	return answer;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	struct err err;
	if (!world || loop_create(64, &world->loop, &err) != STATUS_OK)
		return -1;
	world->folder = fixture_folder();
	snprintf(world->path, sizeof world->path, "%s/redis.sock", world->folder);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	if (world->conn)
		close_conn(world);
	if (world->server > 0)
		fixture_kill(world->server);
	loop_destroy(world->loop);
	fixture_remove(world->folder);
	free(world);
	return 0;
}

static void test_commands_are_answered_in_order(void **state)
{
	struct world *world = *state;
	struct answer answers[200];
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ 0 });
	wait_up(world);
	for (int i = 0; i < 200; i++)
		assert_int_equal(send_words(world, &answers[i], "INCR n"), STATUS_OK);
	assert_false(answers[0].done);
	assert_true(redis_pending_bytes(redis_conn_port(world->conn)) > 200 * 10);
	assert_true(loop_turn_until(world->loop, &answers[199].done, patience_ns));
	for (int i = 0; i < 200; i++)
		assert_int_equal(answers[i].integer, i + 1);
	assert_int_equal(redis_pending_bytes(redis_conn_port(world->conn)), 0);
	assert_true(strtol(redis_conn_version(world->conn), NULL, 10) >= 7);
	assert_int_equal(redis_conn_peer_pid(world->conn), world->server);
}

static void test_every_type_of_reply_arrives(void **state)
{
	struct world *world = *state;
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ 0 });
	wait_up(world);
	assert_int_equal(ask(world, "SET k value").type, REDIS_STATUS);
	assert_string_equal(ask(world, "GET k").text, "value");
	assert_int_equal(ask(world, "GET none").type, REDIS_NIL);
	assert_int_equal(ask(world, "XADD s 1-1 f v").type, REDIS_BULK);
	struct answer range = ask(world, "XRANGE s - +");
	assert_int_equal(range.type, REDIS_ARRAY);
	assert_int_equal(range.count, 1);
	assert_int_equal(ask(world, "LPUSH k 1").status, STATUS_REDIS_WRONGTYPE);
	assert_int_equal(ask(world, "MULTI").type, REDIS_STATUS);
	assert_string_equal(ask(world, "INCR n").text, "QUEUED");
	assert_int_equal(ask(world, "EXEC").type, REDIS_ARRAY);
}

static void test_reads_and_writes_are_timed_and_a_transaction_counts_once(void **state)
{
	struct world *world = *state;
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ 0 });
	wait_up(world);
	ask(world, "SET a 1");
	ask(world, "GET a");
	ask(world, "GET b");
	ask(world, "MULTI");
	ask(world, "SET a 2");
	ask(world, "GET a");
	ask(world, "EXEC");
	ask(world, "XREAD COUNT 1 STREAMS s 0"); /* may wait on purpose: neither */
	const struct redis_conn_stats *stats = redis_conn_stats(world->conn);
	assert_int_equal(stats->writes.count, 2);
	assert_int_equal(stats->reads.count, 2);
	assert_in_range(stats->writes.sum_ns, 1, patience_ns);
	assert_in_range(stats->reads.sum_ns, 1, patience_ns);
}

static void test_a_value_of_8_mb_goes_there_and_back(void **state)
{
	struct world *world = *state;
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ 0 });
	wait_up(world);
	size_t size = 8 << 20;
	char *bytes = malloc(size);
	assert_non_null(bytes);
	memset(bytes, 'x', size);
	struct str argv[] = { STR("SET"), STR("big"), { bytes, size } };
	struct answer answer = { 0 };
	assert_int_equal(redis_command(redis_conn_port(world->conn), argv, 3, on_answer, &answer),
			 STATUS_OK);
	assert_true(loop_turn_until(world->loop, &answer.done, patience_ns));
	assert_int_equal(answer.status, STATUS_OK);
	assert_int_equal(ask(world, "STRLEN big").integer, (int64_t)size);
	assert_int_equal(ask(world, "GET big").type, REDIS_BULK);
	free(bytes);
}

static void test_errors_are_counted_by_name(void **state)
{
	struct world *world = *state;
	const char *extra[] = { "--maxmemory", "100kb", NULL };
	start_server(world, extra);
	open_conn(world, (struct redis_conn_config){ 0 });
	wait_up(world);
	assert_int_equal(ask(world, "SET k v").status, STATUS_REDIS_OOM);
	assert_int_equal(ask(world, "XREADGROUP GROUP g c STREAMS s >").status,
			 STATUS_REDIS_NOGROUP);
	assert_int_equal(ask(world, "NOSUCH").status, STATUS_REDIS_ERR);
	assert_int_equal(ask(world, "ACL SETUSER default -get").status, STATUS_OK);
	assert_int_equal(ask(world, "GET k").status, STATUS_REDIS_NOPERM);
	assert_int_equal(ask(world, "AUTH default wrong").status, STATUS_OK); /* nopass takes any */
	assert_int_equal(ask(world, "AUTH nobody wrong").status, STATUS_REDIS_WRONGPASS);
	assert_int_equal(ask(world, "REPLICAOF 127.0.0.1 1").status, STATUS_OK);
	assert_int_equal(ask(world, "SET k v").status, STATUS_REDIS_READONLY);
	const struct redis_conn_stats *stats = redis_conn_stats(world->conn);
	assert_int_equal(stats->endings[STATUS_REDIS_OOM], 1);
	assert_int_equal(stats->endings[STATUS_REDIS_NOGROUP], 1);
	assert_int_equal(stats->endings[STATUS_REDIS_ERR], 1);
	assert_int_equal(stats->endings[STATUS_REDIS_NOPERM], 1);
	assert_int_equal(stats->endings[STATUS_REDIS_WRONGPASS], 1);
	assert_int_equal(stats->endings[STATUS_REDIS_READONLY], 1);
	assert_int_equal(redis_conn_state(world->conn), REDIS_CONN_READY);
}

static void test_a_killed_server_ends_what_is_pending_and_is_met_again(void **state)
{
	struct world *world = *state;
	struct answer answer;
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ .backoff_first_ns = 5000000 });
	wait_up(world);
	kill(world->server, SIGSTOP);
	assert_int_equal(send_words(world, &answer, "INCR n"), STATUS_OK);
	loop_turn(world->loop, 0);
	fixture_kill(world->server);
	assert_true(loop_turn_until(world->loop, &answer.done, patience_ns));
	assert_int_equal(answer.status, STATUS_CLOSED);
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	assert_int_equal(send_words(world, &answer, "INCR n"), STATUS_CLOSED);
	world->up = false;
	start_server(world, NULL);
	wait_up(world);
	assert_int_equal(ask(world, "INCR n").integer, 1);
	assert_int_equal(world->ups, 2);
}

static void test_a_stopped_server_meets_the_deadline(void **state)
{
	struct world *world = *state;
	struct answer first, second;
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ .deadline_ns = 150000000 });
	wait_up(world);
	kill(world->server, SIGSTOP);
	int64_t began_ns = loop_now_ns(world->loop);
	assert_int_equal(send_words(world, &first, "INCR n"), STATUS_OK);
	assert_true(loop_turn_until(world->loop, &first.done, patience_ns));
	assert_int_equal(first.status, STATUS_TIMEOUT);
	int64_t took_ns = loop_now_ns(world->loop) - began_ns;
	assert_in_range(took_ns, 150000000, 2000000000);
	/* Still connected: a late reply is dropped, and the next one is not taken for it. */
	assert_int_equal(redis_conn_state(world->conn), REDIS_CONN_READY);
	kill(world->server, SIGCONT);
	second = ask(world, "INCR n");
	assert_int_equal(second.integer, 2);
	assert_int_equal(first.calls, 1);
	assert_int_equal(redis_conn_stats(world->conn)->late_replies, 1);
}

static void test_a_server_that_stays_silent_is_given_up(void **state)
{
	struct world *world = *state;
	struct answer answer;
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ .deadline_ns = 50000000,
						     .backoff_first_ns = 5000000 });
	wait_up(world);
	kill(world->server, SIGSTOP);
	assert_int_equal(send_words(world, &answer, "INCR n"), STATUS_OK);
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	assert_int_equal(answer.status, STATUS_TIMEOUT);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(world->why.status, STATUS_TIMEOUT);
	world->up = false;
	kill(world->server, SIGCONT);
	wait_up(world);
}

static void test_pending_bytes_are_bounded(void **state)
{
	struct world *world = *state;
	struct answer answer;
	int queued = 0;
	start_server(world, NULL);
	open_conn(world, (struct redis_conn_config){ .pending_bytes_max = 4096 });
	wait_up(world);
	while (send_words(world, &answer, "INCR n") == STATUS_OK)
		queued++;
	assert_in_range(queued, 10, 4096 / REDIS_PENDING_COST);
	assert_int_equal(send_words(world, &answer, "INCR n"), STATUS_FULL);
	assert_int_equal(redis_conn_stats(world->conn)->endings[STATUS_FULL], 2);
	for (int i = 0; i < 1000 && redis_pending_bytes(redis_conn_port(world->conn)); i++)
		loop_turn(world->loop, 10000000);
	assert_int_equal(ask(world, "INCR n").integer, queued + 1);
}

static void test_a_wrong_password_is_told_without_spinning(void **state)
{
	struct world *world = *state;
	const char *extra[] = { "--requirepass", "right", NULL };
	start_server(world, extra);
	open_conn(world, (struct redis_conn_config){ .password = "wrong" });
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	assert_int_equal(world->why.status, STATUS_REDIS_WRONGPASS);
	assert_null(strstr(world->why.text, "wrong\""));
	uint64_t tries = redis_conn_stats(world->conn)->tries;
	bool never = false;
	redis_conn_hurry(world->conn, 0);
	loop_turn_until(world->loop, &never, 300000000);
	assert_in_range(redis_conn_stats(world->conn)->tries - tries, 1, 8);
	redis_conn_set_auth(world->conn, "default", "right");
	wait_up(world);
	assert_int_equal(ask(world, "INCR n").integer, 1);
}

static void test_a_loading_server_is_asked_again_on_the_same_connection(void **state)
{
	struct world *world = *state;
	const char *plain[] = { "--appendonly", "no", NULL };
	const char *slow[] = { "--key-load-delay", "400", "--loading-process-events-interval-bytes",
			       "1024", NULL };
	start_server(world, plain);
	open_conn(world, (struct redis_conn_config){ 0 });
	wait_up(world);
	assert_int_equal(ask(world, "DEBUG POPULATE 2000").status, STATUS_REDIS_ERR);
	for (int i = 0; i < 2000; i++) {
		char words[64];
		struct answer answer;
		snprintf(words, sizeof words, "SET key%d %d", i, i);
		answer = ask(world, words);
		assert_int_equal(answer.status, STATUS_OK);
	}
	assert_int_equal(ask(world, "SAVE").status, STATUS_OK);
	close_conn(world);
	fixture_kill(world->server);
	start_server(world, slow);
	world->down = false;
	open_conn(world, (struct redis_conn_config){ 0 });
	wait_up(world);
	assert_int_equal(ask(world, "DBSIZE").integer, 2000);
	assert_true(redis_conn_stats(world->conn)->endings[STATUS_REDIS_LOADING] >= 2);
	assert_int_equal(world->downs, 0);
}

/* A server on a TCP port of the kernel's choice. */
static uint16_t start_tcp_server(struct world *world)
{
	char port[8];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof any;
	assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
	close(fd);
	snprintf(port, sizeof port, "%d", ntohs(any.sin_port));
	const char *extra[] = { "--port", port, "--requirepass", "right", NULL };
	start_server(world, extra);
	return ntohs(any.sin_port);
}

static void test_tcp_and_a_name_work_like_a_socket(void **state)
{
	struct world *world = *state;
	struct addrinfo *found = NULL;
	if (getaddrinfo("localhost", NULL, NULL, &found)) {
		printf("this machine does not know localhost: skipped\n");
		skip();
	}
	freeaddrinfo(found);
	open_conn(world, (struct redis_conn_config){ .host = "localhost",
						     .port = start_tcp_server(world),
						     .password = "right",
						     .database = 3 });
	wait_up(world);
	assert_int_equal(ask(world, "SET k v").status, STATUS_OK);
	assert_int_equal(ask(world, "SWAPDB 0 3").status, STATUS_OK);
	assert_int_equal(ask(world, "DBSIZE").integer, 0);
}

static void test_a_primary_that_steps_down_is_looked_up_again(void **state)
{
	struct world *world = *state;
	open_conn(world, (struct redis_conn_config){ .host = "127.0.0.1",
						     .port = start_tcp_server(world),
						     .password = "right" });
	wait_up(world);
	assert_int_equal(ask(world, "REPLICAOF 127.0.0.1 1").status, STATUS_OK);
	world->up = false;
	assert_int_equal(ask(world, "SET k v").status, STATUS_REDIS_READONLY);
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	assert_int_equal(world->why.status, STATUS_REDIS_READONLY);
	wait_up(world);
	assert_int_equal(ask(world, "REPLICAOF NO ONE").status, STATUS_OK);
	assert_int_equal(ask(world, "SET k v").status, STATUS_OK);
}

static void test_a_path_that_is_too_long_is_an_error_and_no_other_socket(void **state)
{
	struct world *world = *state;
	memset(world->path, 'a', 200);
	world->path[200] = 0;
	open_conn(world, (struct redis_conn_config){ 0 });
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	assert_non_null(strstr(world->why.text, "at most 107 bytes"));
}

/* A server that sends what we say, to play the ones that do not speak RESP. */
static void test_what_is_not_resp_ends_the_connection(void **state)
{
	struct world *world = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%.100s", world->path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 8), 0);
	open_conn(world, (struct redis_conn_config){ 0 });
	loop_turn(world->loop, 100000000);
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
	assert_true(loop_turn_until(world->loop, &world->down, patience_ns));
	assert_int_equal(world->why.status, STATUS_REDIS_PROTOCOL);
	close(fd);
	close(listener);
}

static void test_every_redis_status_answers_to_its_word(void **state)
{
	(void)state;
	for (enum status status = STATUS_REDIS_LOADING; status < STATUS_REDIS_PROTOCOL; status++) {
		char word[64];
		snprintf(word, sizeof word, "%s text", status_name(status) + 6);
		for (char *c = word; *c != ' '; c++)
			*c = (char)toupper((unsigned char)*c);
		assert_int_equal(redis_error_status(str_of(word)), status);
	}
	assert_int_equal(redis_error_status(STR("ERR no")), STATUS_REDIS_ERR);
	assert_int_equal(redis_error_status(STR("PROTOCOL x")), STATUS_REDIS_ERR);
	assert_int_equal(redis_error_status(STR("oom x")), STATUS_REDIS_ERR);
	assert_int_equal(redis_error_status(STR("")), STATUS_REDIS_ERR);
	assert_int_equal(redis_error_status(STR("OOMX")), STATUS_REDIS_ERR);
}

static void test_pending_entries_keep_their_order_through_growth(void **state)
{
	(void)state;
	struct redis_pending pending = { 0 };
	struct redis_pending_entry entry;
	bool late;
	int64_t in = 0, out = 0;
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 7; i++, in++)
			assert_int_equal(redis_pending_push(&pending,
							    (struct redis_pending_entry){
								.deadline_ns = in, .bytes = 10 }),
					 STATUS_OK);
		for (int i = 0; i < 5; i++, out++) {
			assert_true(redis_pending_pop(&pending, &entry, &late));
			assert_int_equal(entry.deadline_ns, out);
			assert_false(late);
		}
	}
	assert_int_equal(pending.bytes, (size_t)(in - out) * 10);
	assert_true(redis_pending_expire(&pending, out, &entry));
	assert_false(redis_pending_expire(&pending, out, &entry));
	assert_int_equal(redis_pending_next_ns(&pending), out + 1);
	assert_true(redis_pending_pop(&pending, &entry, &late));
	assert_true(late);
	redis_pending_deinit(&pending);
}

#define REAL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest pure[] = {
		cmocka_unit_test(test_every_redis_status_answers_to_its_word),
		cmocka_unit_test(test_pending_entries_keep_their_order_through_growth),
		REAL(test_what_is_not_resp_ends_the_connection),
		REAL(test_a_path_that_is_too_long_is_an_error_and_no_other_socket),
	};
	const struct CMUnitTest real[] = {
		REAL(test_commands_are_answered_in_order),
		REAL(test_every_type_of_reply_arrives),
		REAL(test_reads_and_writes_are_timed_and_a_transaction_counts_once),
		REAL(test_a_value_of_8_mb_goes_there_and_back),
		REAL(test_errors_are_counted_by_name),
		REAL(test_a_killed_server_ends_what_is_pending_and_is_met_again),
		REAL(test_a_stopped_server_meets_the_deadline),
		REAL(test_a_server_that_stays_silent_is_given_up),
		REAL(test_pending_bytes_are_bounded),
		REAL(test_a_wrong_password_is_told_without_spinning),
		REAL(test_a_loading_server_is_asked_again_on_the_same_connection),
		REAL(test_tcp_and_a_name_work_like_a_socket),
		REAL(test_a_primary_that_steps_down_is_looked_up_again),
	};
	int failed = cmocka_run_group_tests(pure, NULL, NULL);
	if (!fixture_has_redis())
		return failed ? 1 : 77;
	return failed + cmocka_run_group_tests(real, NULL, NULL);
}
