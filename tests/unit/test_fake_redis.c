/* The simulated Redis: the same answers as the real one for the same commands, and
 * connections that break where it hurts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"
#include "sim/fake_redis.h"
#include "unit/real_redis.h"

/* ---- a world with nothing but a server ---- */

enum { ANSWERS = 64 };

static const int64_t second_ns = 1000000000, ms_ns = 1000000;

struct answer {
	enum status status;
	enum redis_type type; /* NIL when there was no reply */
	int64_t integer;
	size_t count;
	char text[160];
};

struct world {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_redis *redis;
	struct answer answers[ANSWERS];
	size_t n_answers;
	uint64_t connected;
};

static int64_t world_monotonic(void *ctx) { return ((struct world *)ctx)->now_ns; }
static int64_t world_wall(void *ctx)
{
	return 1700000000 * second_ns + ((struct world *)ctx)->now_ns;
}
static void world_connected(void *ctx) { ((struct world *)ctx)->connected++; }

static void world_init(struct world *world, enum fake_sync sync)
{
	*world = (struct world){ .now_ns = 1, .timers = timers_create(8) };
	world->clock = (struct clock_port){ world_monotonic, world_wall, world };
	struct fake_redis_config config = { .sync = sync,
					    .latency_ns = ms_ns,
					    .spacing_ns = 1000,
					    .timeout_ns = second_ns,
					    .reconnect_ns = 100 * ms_ns,
					    .pending_limit = 1 << 20,
					    .on_connected = world_connected,
					    .ctx = world };
	world->redis = fake_redis_create(&config, world->timers, &world->clock);
}

static void world_deinit(struct world *world)
{
	fake_redis_destroy(world->redis);
	timers_destroy(world->timers);
}

static void world_run(struct world *world, int64_t ns)
{
	int64_t end = world->now_ns + ns;
	for (int64_t next; (next = timers_next_ns(world->timers)) <= end;) {
		world->now_ns = next > world->now_ns ? next : world->now_ns;
		timers_run(world->timers, world->now_ns, 1);
	}
	world->now_ns = end;
}

static void on_answer(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct world *world = ctx;
	assert_true(world->n_answers < ANSWERS);
	struct answer *answer = &world->answers[world->n_answers++];
	*answer = (struct answer){ .status = status };
	if (!reply)
		return;
	answer->type = reply->type;
	answer->integer = reply->integer;
	answer->count = reply->count;
	snprintf(answer->text, sizeof answer->text, "%.*s", STR_ARG(reply->text));
}

static void queue(struct world *world, const char *line)
{
	struct str argv[16];
	size_t argc = words(line, argv);
	assert_int_equal(redis_command(fake_redis_port(world->redis), argv, argc, on_answer, world),
			 STATUS_OK);
}

static struct answer *ask(struct world *world, const char *line)
{
	world->n_answers = 0;
	queue(world, line);
	assert_int_equal(world->n_answers, 0); /* never from inside the call */
	world_run(world, 2 * second_ns);
	assert_int_equal(world->n_answers, 1);
	return &world->answers[0];
}

static int64_t peek_integer(struct world *world, const char *line)
{
	struct str argv[16];
	struct redis_reply *reply = fake_redis_peek(world->redis, argv, words(line, argv));
	int64_t value = reply->integer;
	fake_reply_free(reply);
	return value;
}

/* ---- against a real server ---- */

static void random_id(struct rng *rng, struct buf *out, bool wild)
{
	buf_u64(out, rng_below(rng, 30));
	uint64_t form = rng_below(rng, wild ? 8 : 3);
	if (form == 7)
		buf_str_put(out, STR("-x"));
	else if (form == 6)
		buf_str_put(out, STR("-*"));
	else if (form > 0)
		buf_printf(out, "-%d", (int)rng_below(rng, 4));
}

static void random_stream_command(struct rng *rng, struct buf *out, const char *key)
{
	switch (rng_below(rng, 9)) {
	case 0:
	case 1:
	case 2:
		buf_printf(out, "XADD %s ", key);
		if (rng_below(rng, 10) == 0)
			buf_printf(out, "MAXLEN = %d ", (int)rng_below(rng, 6));
		random_id(rng, out, true);
		buf_printf(out, " f %d", (int)rng_below(rng, 100));
		break;
	case 3:
		buf_printf(out, "%s %s ", rng_below(rng, 2) ? "XTRIM" : "XTRIM", key);
		buf_str_put(out, STR("MINID "));
		random_id(rng, out, false);
		break;
	case 4:
		buf_printf(out, "XDEL %s ", key);
		random_id(rng, out, false);
		break;
	case 5:
		buf_printf(out, "XSETID %s ", key);
		random_id(rng, out, false);
		break;
	case 6:
		buf_printf(out, "XRANGE %s %s", key, rng_below(rng, 3) ? "" : "(");
		random_id(rng, out, false);
		buf_str_put(out, rng_below(rng, 2) ? STR(" +") : STR(" 25-1"));
		if (rng_below(rng, 2))
			buf_printf(out, " COUNT %d", (int)rng_below(rng, 4));
		break;
	case 7: buf_printf(out, "XREVRANGE %s + - COUNT 1", key); break;
	default: buf_printf(out, "XLEN %s", key);
	}
}

static void random_command(struct rng *rng, struct buf *out)
{
	static const char *const keys[] = { "a", "b", "c", "d" };
	const char *key = keys[rng_below(rng, ARRAY_LEN(keys))];
	switch (rng_below(rng, 17)) {
	case 0: buf_printf(out, "SET %s %d", key, (int)rng_below(rng, 1000)); break;
	case 1: buf_printf(out, "APPEND %s %d", key, (int)rng_below(rng, 1000)); break;
	case 2:
		buf_printf(out, "GETRANGE %s %d %d", key, (int)rng_below(rng, 9) - 4,
			   (int)rng_below(rng, 9) - 4);
		break;
	case 3: buf_printf(out, "STRLEN %s", key); break;
	case 4:
		buf_printf(out, "HSET %s f%d %d", key, (int)rng_below(rng, 3),
			   (int)rng_below(rng, 10));
		break;
	case 5: buf_printf(out, "HGETALL %s", key); break;
	case 6: buf_printf(out, "%s %s", rng_below(rng, 3) ? "GET" : "DEL", key); break;
	case 7: buf_printf(out, "TYPE %s", key); break;
	case 8: buf_printf(out, rng_below(rng, 2) ? "MULTI" : "EXEC"); break;
	case 9: buf_printf(out, rng_below(rng, 5) ? "EXISTS %s" : "NOSUCH %s", key); break;
	case 10:
		buf_printf(out, rng_below(rng, 2) ? "SADD %s %d %d" : "SREM %s %d %d", key,
			   (int)rng_below(rng, 5), (int)rng_below(rng, 5));
		break;
	case 11: buf_printf(out, "SISMEMBER %s %d", key, (int)rng_below(rng, 5)); break;
	case 12: buf_printf(out, rng_below(rng, 2) ? "SCARD %s" : "PUBLISH %s text", key); break;
	default: random_stream_command(rng, out, key);
	}
}

static void test_answers_are_those_of_a_real_server(void **state)
{
	(void)state;
	struct real real = { 0 };
	struct world world;
	struct rng rng;
	if (!real_start(&real)) {
		print_message("skipped: no redis-server here\n");
		skip();
	}
	world_init(&world, FAKE_ALWAYS);
	rng_init(&rng, 20240809);
	bool same = true;
	for (int i = 0; same && i < 20000; i++) {
		char line[256];
		struct buf buf = buf_over(line, sizeof line - 1);
		random_command(&rng, &buf);
		line[buf.len] = 0;
		same = compare(fake_redis_server(world.redis), &real, line);
	}
	real_stop(&real);
	world_deinit(&world);
	assert_true(same);
}

/* ---- the connection ---- */

static void test_commands_are_answered_in_order_and_later(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	queue(&world, "SET k 1"); /* before there is a connection */
	queue(&world, "APPEND k 23");
	queue(&world, "GET k");
	assert_true(fake_redis_port(world.redis)->ops->pending_bytes(fake_redis_port(world.redis)) >
		    0);
	world_run(&world, second_ns);
	assert_int_equal(world.n_answers, 3);
	assert_string_equal(world.answers[0].text, "OK");
	assert_int_equal(world.answers[1].integer, 3);
	assert_string_equal(world.answers[2].text, "123");
	assert_int_equal(redis_pending_bytes(fake_redis_port(world.redis)), 0);
	world_deinit(&world);
}

static void test_a_transaction_is_whole_or_not_there(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 5; n++)
		for (int cut = 0; cut < 2; cut++) {
			struct world world;
			world_init(&world, FAKE_ALWAYS);
			world_run(&world, second_ns);
			fake_redis_cut(world.redis, n, cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
			queue(&world, "MULTI");
			queue(&world, "SET a 1");
			queue(&world, "XADD s 5-1 f v");
			queue(&world, "SET b 1");
			queue(&world, "EXEC");
			world_run(&world, second_ns);
			int64_t there = peek_integer(&world, "EXISTS a b s");
			assert_int_equal(there, n == 5 && cut ? 3 : 0);
			assert_int_equal(world.n_answers, 5);
			assert_int_equal(world.answers[4].status, STATUS_CLOSED);
			assert_int_equal(world.connected, 2);
			world_deinit(&world);
		}
}

static void test_a_pipeline_can_be_executed_by_half(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	world_run(&world, second_ns);
	fake_redis_cut(world.redis, 3, FAKE_CUT_BEFORE);
	for (int i = 0; i < 5; i++)
		queue(&world, "APPEND k x");
	world_run(&world, second_ns);
	assert_int_equal(peek_integer(&world, "STRLEN k"), 2);
	for (int i = 0; i < 5; i++)
		assert_int_equal(world.answers[i].status, STATUS_CLOSED);
	assert_int_equal(fake_redis_counts(world.redis).unknown_replies, 2);
	assert_int_equal(ask(&world, "APPEND k x")->integer, 3);
	world_deinit(&world);
}

static void test_a_hanging_server_executes_after_the_time_out(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	world_run(&world, second_ns);
	fake_redis_hang(world.redis, true);
	queue(&world, "APPEND k x");
	queue(&world, "APPEND k x");
	world_run(&world, 3 * second_ns);
	assert_int_equal(world.answers[0].status, STATUS_TIMEOUT);
	assert_int_equal(world.answers[1].status, STATUS_CLOSED);
	assert_int_equal(peek_integer(&world, "EXISTS k"), 0);
	fake_redis_hang(world.redis, false);
	world_run(&world, second_ns);
	assert_int_equal(peek_integer(&world, "STRLEN k"), 2);
	assert_int_equal(world.n_answers, 2);
	world_deinit(&world);
}

static void test_refusals_have_their_names(void **state)
{
	(void)state;
	static const struct {
		enum fake_fault fault;
		const char *line;
		enum status status;
	} cases[] = {
		{ FAKE_OOM, "SET k v", STATUS_REDIS_OOM },
		{ FAKE_OOM, "XTRIM s MINID 5", STATUS_OK },
		{ FAKE_OOM, "DEL k", STATUS_OK },
		{ FAKE_OOM, "GET k", STATUS_OK },
		{ FAKE_READONLY, "DEL k", STATUS_REDIS_READONLY },
		{ FAKE_READONLY, "GET k", STATUS_OK },
		{ FAKE_MISCONF, "SET k v", STATUS_REDIS_MISCONF },
		{ FAKE_NOPERM, "SET k v", STATUS_REDIS_NOPERM },
		{ FAKE_LOADING, "GET k", STATUS_REDIS_LOADING },
		{ FAKE_HEALTHY, "SET k v", STATUS_OK },
	};
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		fake_redis_fault(world.redis, cases[i].fault);
		assert_int_equal(ask(&world, cases[i].line)->status, cases[i].status);
	}
	world_deinit(&world);
}

static void test_a_full_server_aborts_the_whole_transaction(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	world_run(&world, second_ns);
	fake_redis_fault(world.redis, FAKE_OOM);
	queue(&world, "MULTI");
	queue(&world, "DEL a");
	queue(&world, "SET a 1");
	queue(&world, "EXEC");
	world_run(&world, second_ns);
	assert_int_equal(world.answers[1].status, STATUS_OK);
	assert_int_equal(world.answers[2].status, STATUS_REDIS_OOM);
	assert_int_equal(world.answers[3].status, STATUS_REDIS_EXECABORT);
	world_deinit(&world);
}

static void test_memory_runs_out_by_itself(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	fake_redis_server(world.redis)->maxmemory = 300;
	enum status status = STATUS_OK;
	for (int i = 0; i < 100 && !status; i++)
		status = ask(&world, "APPEND k 0123456789")->status;
	assert_int_equal(status, STATUS_REDIS_OOM);
	assert_in_range(peek_integer(&world, "STRLEN k"), 200, 300);
	assert_int_equal(ask(&world, "DEL k")->status, STATUS_OK);
	assert_int_equal(ask(&world, "SET k v")->status, STATUS_OK);
	world_deinit(&world);
}

static void write_each_second(struct world *world, int n)
{
	for (int i = 0; i < n; i++) {
		queue(world, "APPEND k x");
		world_run(world, second_ns);
	}
	world->n_answers = 0;
}

static void test_a_kill_loses_what_the_sync_policy_allows(void **state)
{
	(void)state;
	for (int sync = FAKE_ALWAYS; sync <= FAKE_EVERYSEC; sync++) {
		struct world world;
		world_init(&world, (enum fake_sync)sync);
		write_each_second(&world, 10);
		queue(&world, "APPEND k yyy");
		world_run(&world, 100 * ms_ns);
		assert_int_equal(world.answers[0].integer, 13);
		fake_redis_kill(world.redis);
		assert_false(fake_redis_connected(world.redis));
		queue(&world, "GET k");
		world_run(&world, 5 * second_ns);
		assert_int_equal(world.answers[1].status, STATUS_TIMEOUT);
		fake_redis_start(world.redis);
		int64_t left = ask(&world, "STRLEN k")->integer;
		if (sync == FAKE_ALWAYS)
			assert_int_equal(left, 13);
		else
			assert_in_range(left, 9, 10);
		world_deinit(&world);
	}
}

static void test_a_rewritten_file_holds_the_same_state(void **state)
{
	(void)state;
	struct world world;
	struct rng rng;
	char before[2][2048];
	world_init(&world, FAKE_ALWAYS);
	world_run(&world, second_ns);
	rng_init(&rng, 5);
	for (int i = 0; i < 3000; i++) {
		char line[256];
		struct buf buf = buf_over(line, sizeof line - 1);
		random_command(&rng, &buf);
		line[buf.len] = 0;
		queue(&world, line);
		world_run(&world, 10 * ms_ns);
		world.n_answers = 0;
	}
	queue(&world, "EXEC");
	world_run(&world, second_ns);
	for (int round = 0; round < 2; round++) {
		struct buf out = buf_over(before[round], sizeof before[round] - 1);
		static const char *const lines[] = { "XINFO STREAM a", "XINFO STREAM b",
						     "XINFO STREAM c", "XRANGE d - +",
						     "GET a",          "GET b",
						     "HGETALL c" };
		for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
			struct str argv[16];
			struct redis_reply *reply =
			    fake_redis_peek(world.redis, argv, words(lines[i], argv));
			print_fake(&out, reply);
			fake_reply_free(reply);
		}
		before[round][out.len] = 0;
		fake_server_rewrite(fake_redis_server(world.redis));
		fake_redis_kill(world.redis);
		fake_redis_start(world.redis);
	}
	assert_string_equal(before[0], before[1]);
	assert_true(strlen(before[0]) > 100);
	world_deinit(&world);
}

static void test_keys_expire_in_simulated_time(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	ask(&world, "SET k v EX 10"); /* asking takes two seconds */
	assert_int_equal(ask(&world, "EXISTS k")->integer, 1);
	world_run(&world, 7 * second_ns);
	assert_int_equal(ask(&world, "EXISTS k")->integer, 0);
	ask(&world, "HSET h f v");
	assert_int_equal(ask(&world, "EXPIRE h 3")->integer, 1);
	assert_int_equal(ask(&world, "EXPIRE nothing 3")->integer, 0);
	world_run(&world, 3 * second_ns);
	assert_int_equal(ask(&world, "EXISTS h")->integer, 0);
	world_deinit(&world);
}

static void test_a_bound_of_pending_bytes_refuses(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	char big[4096];
	memset(big, 'x', sizeof big);
	struct str argv[] = { STR("SET"), STR("k"), str_make(big, sizeof big) };
	struct redis_port *port = fake_redis_port(world.redis);
	int taken = 0;
	while (redis_command(port, argv, 3, NULL, NULL) == STATUS_OK)
		taken++;
	assert_in_range(taken, 200, 256);
	assert_int_equal(redis_command(port, argv, 3, NULL, NULL), STATUS_FULL);
	world_run(&world, second_ns);
	assert_int_equal(redis_command(port, argv, 3, NULL, NULL), STATUS_OK);
	world_deinit(&world);
}

static void test_nobody_is_told_after_the_owner_died(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, FAKE_ALWAYS);
	world_run(&world, second_ns);
	queue(&world, "SET k 1");
	fake_redis_abandon(world.redis);
	world_run(&world, second_ns);
	assert_int_equal(world.n_answers, 0);
	assert_int_equal(peek_integer(&world, "EXISTS k"), 1); /* it was on its way */
	assert_int_equal(redis_pending_bytes(fake_redis_port(world.redis)), 0);
	assert_string_equal(ask(&world, "GET k")->text, "1");
	world_deinit(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_those_of_a_real_server),
		cmocka_unit_test(test_commands_are_answered_in_order_and_later),
		cmocka_unit_test(test_a_transaction_is_whole_or_not_there),
		cmocka_unit_test(test_a_pipeline_can_be_executed_by_half),
		cmocka_unit_test(test_a_hanging_server_executes_after_the_time_out),
		cmocka_unit_test(test_refusals_have_their_names),
		cmocka_unit_test(test_a_full_server_aborts_the_whole_transaction),
		cmocka_unit_test(test_memory_runs_out_by_itself),
		cmocka_unit_test(test_a_kill_loses_what_the_sync_policy_allows),
		cmocka_unit_test(test_a_rewritten_file_holds_the_same_state),
		cmocka_unit_test(test_keys_expire_in_simulated_time),
		cmocka_unit_test(test_a_bound_of_pending_bytes_refuses),
		cmocka_unit_test(test_nobody_is_told_after_the_owner_died),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
