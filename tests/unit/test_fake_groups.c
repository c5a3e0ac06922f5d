/* The simulated Redis once more: consumer groups, WATCH, and what came with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/rng.h"
#include "sim/fake_redis.h"
#include "unit/real_redis.h"

static void random_group_command(struct rng *rng, struct buf *out, const char *key)
{
	static const char *const groups[] = { "g", "h" };
	const char *group = groups[rng_below(rng, ARRAY_LEN(groups))];
	const char *consumer = rng_below(rng, 3) ? "c" : "b";
	switch (rng_below(rng, 14)) {
	case 0:
		buf_printf(out, "XGROUP CREATE %s %s %s%s", key, group,
			   rng_below(rng, 4) ? "0" : "$", rng_below(rng, 2) ? " MKSTREAM" : "");
		break;
	case 1:
		if (rng_below(rng, 6) == 0)
			buf_printf(out, "XGROUP DESTROY %s %s", key, group);
		else
			buf_printf(out, "XPENDING %s %s", key, group);
		break;
	case 2:
	case 3:
		buf_printf(out, "XREADGROUP GROUP %s %s COUNT %d STREAMS %s >", group, consumer,
			   (int)rng_below(rng, 4), key);
		break;
	case 4:
		buf_printf(out, "XREADGROUP GROUP %s %s STREAMS %s %d-%d", group, consumer, key,
			   (int)rng_below(rng, 40), (int)rng_below(rng, 3));
		break;
	case 5:
		buf_printf(out, "XACK %s %s %d-0 %d-0 %d-1", key, group, (int)rng_below(rng, 40),
			   (int)rng_below(rng, 40), (int)rng_below(rng, 40));
		break;
	case 6: buf_printf(out, "XDEL %s %d-0", key, (int)rng_below(rng, 40)); break;
	case 7: buf_printf(out, "XTRIM %s MINID %d", key, (int)rng_below(rng, 40)); break;
	case 8:
		if (rng_below(rng, 20) == 0)
			buf_printf(out, "DEL %s", key);
		else
			buf_printf(out, "TYPE %s", key);
		break;
	case 9:
		buf_printf(out, "XAUTOCLAIM %s %s %s 0 %d COUNT %d%s", key, group, consumer,
			   (int)rng_below(rng, 40), (int)rng_below(rng, 4),
			   rng_below(rng, 2) ? " JUSTID" : "");
		break;
	case 10:
		if (rng_below(rng, 4) == 0)
			buf_printf(out, "XGROUP SETID %s %s %d", key, group,
				   (int)rng_below(rng, 40));
		else
			buf_printf(out, "XPENDING %s %s + - 5", key, group);
		break;
	default: buf_printf(out, "XADD %s %d-* f v", key, (int)rng_below(rng, 60));
	}
}

static void random_command(struct rng *rng, struct buf *out)
{
	static const char *const keys[] = { "a", "b" };
	const char *key = keys[rng_below(rng, ARRAY_LEN(keys))];
	switch (rng_below(rng, 14)) {
	case 0: buf_printf(out, "MULTI"); break;
	case 1: buf_printf(out, "EXEC"); break;
	case 2: buf_printf(out, rng_below(rng, 3) ? "WATCH h n" : "UNWATCH"); break;
	case 3: buf_printf(out, rng_below(rng, 2) ? "DISCARD" : "INCRBY n -3"); break;
	case 4:
		buf_printf(out, "INCRBY %s %d", rng_below(rng, 4) ? "n" : key,
			   (int)rng_below(rng, 9));
		break;
	case 5: buf_printf(out, "HSET h f%d 1", (int)rng_below(rng, 3)); break;
	case 6: buf_printf(out, "HMGET %s f0 f1 f2", rng_below(rng, 5) ? "h" : key); break;
	default: random_group_command(rng, out, key);
	}
}

static void answers_are_those_of_a_real_server(void **state)
{
	(void)state;
	struct real real = { 0 };
	struct fake_server server;
	struct rng rng;
	bool same = true;
	if (!real_start(&real)) {
		print_message("skipped: no redis-server here\n");
		skip();
	}
	fake_server_init(&server);
	rng_init(&rng, 20261121);
	for (int i = 0; same && i < 20000; i++) {
		char line[256];
		struct buf buf = buf_over(line, sizeof line - 1);
		random_command(&rng, &buf);
		line[buf.len] = 0;
		same = compare(&server, &real, line);
	}
	real_stop(&real);
	fake_server_deinit(&server);
	assert_true(same);
}

static void run(struct fake_server *server, uint64_t epoch, const char *line,
		enum redis_type expected)
{
	struct str argv[16];
	struct request *request = request_make(argv, words(line, argv));
	request->epoch = epoch;
	request->reply = fake_server_run(server, request, 1);
	assert_int_equal(request->reply->type, expected);
	request_free(request);
}

static void a_watched_key_that_another_connection_wrote_to_stops_the_transaction(void **state)
{
	(void)state;
	struct fake_server server;
	fake_server_init(&server);
	run(&server, 1, "WATCH k", REDIS_STATUS);
	run(&server, 1, "MULTI", REDIS_STATUS);
	run(&server, 1, "SET other 1", REDIS_STATUS);
	run(&server, 2, "HSET k f 1", REDIS_INTEGER);
	run(&server, 1, "EXEC", REDIS_NIL);
	run(&server, 2, "GET other", REDIS_NIL);
	run(&server, 1, "WATCH k", REDIS_STATUS);
	run(&server, 2, "SET other 2", REDIS_STATUS);
	run(&server, 1, "MULTI", REDIS_STATUS);
	run(&server, 1, "SET other 3", REDIS_STATUS);
	run(&server, 1, "EXEC", REDIS_ARRAY);
	run(&server, 2, "GET other", REDIS_BULK);
	fake_server_deinit(&server);
}

/* Groups and what is pending in them are part of what a rewritten file holds. */
static void groups_outlive_a_rewrite_and_a_kill(void **state)
{
	(void)state;
	struct fake_server server;
	fake_server_init(&server);
	run(&server, 1, "XADD s 1-1 f v", REDIS_BULK);
	run(&server, 1, "XADD s 2-1 f v", REDIS_BULK);
	run(&server, 1, "XADD s 3-1 f v", REDIS_BULK);
	run(&server, 1, "XGROUP CREATE s g 0", REDIS_STATUS);
	run(&server, 1, "XREADGROUP GROUP g c COUNT 2 STREAMS s >", REDIS_ARRAY);
	run(&server, 1, "XACK s g 1-1", REDIS_INTEGER);
	fake_server_rewrite(&server);
	assert_int_equal(fake_server_lose(&server), 0);
	fake_server_load(&server);
	struct str argv[16];
	struct redis_reply *reply =
	    fake_db_execute(server.db, argv, words("XPENDING s g", argv), 1);
	assert_int_equal(reply->items[0].integer, 1);
	assert_true(str_eq(reply->items[1].text, STR("2-1")));
	fake_reply_free(reply);
	run(&server, 1, "XREADGROUP GROUP g c COUNT 2 STREAMS s >", REDIS_ARRAY);
	run(&server, 1, "XREADGROUP GROUP g c COUNT 2 STREAMS s >", REDIS_NIL);
	fake_server_deinit(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_of_a_real_server),
		cmocka_unit_test(
		    a_watched_key_that_another_connection_wrote_to_stops_the_transaction),
		cmocka_unit_test(groups_outlive_a_rewrite_and_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
