/* The way of results on a real server whose users have the rules of a managed one: kill -9
 * of the server, restarts of weir, a stream that is deleted, a consumer that dies, values of
 * megabytes; and nothing that user weir sends is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>

#include "archive/results.h"
#include "base/check.h"
#include "codec/entries.h"
#include "base/rng.h"
#include "def/segments.h"
#include "os/redis_conn.h"
#include "redis_fixture.h"
#include "trade/result.h"
#include "unit/fake_writer.h"

enum { RIDS_MAX = 20000 };

static const int64_t patience_ns = 20000000000, ms_ns = 1000000;

struct world {
	struct loop *loop;
	char *folder, path[300], acl[300];
	pid_t server;
	redisContext *admin;
	struct redis_conn *conn;
	struct writer *writer;
	struct results *results;
	struct rng rng;
	struct timer step;
	bool up, done, closed;
	enum status status;
	int rids, beyond;
	uint64_t told, refused;
	int64_t claim_ms;
};

/* ---- the server ---- */

static void write_acl(const struct world *world)
{
	const struct segment_user_row *weir = segment_user_row(SEGMENT_USER_WEIR);
	FILE *file = fopen(world->acl, "w");
	assert_non_null(file);
	/* The file is replayed as `default`: src/store/redis_config.c. */
	fprintf(file, "user default off resetpass ~* &* +@all\n");
	fprintf(file, "user admin on >a ~* &* +@all\n");
	fprintf(file, "user weir on >w %s\n", weir->rules);
	assert_int_equal(fclose(file), 0);
}

static void *ask(struct world *world, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = redisvCommand(world->admin, format, args);
	va_end(args);
	assert_non_null(reply);
	return reply;
}

#define RUN(...) freeReplyObject(ask(__VA_ARGS__))

static long long integer_of(struct world *world, const char *command)
{
	redisReply *reply = ask(world, command);
	long long value = reply->integer;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements)
		value = reply->element[0]->integer;
	freeReplyObject(reply);
	return value;
}

static void start_server(struct world *world)
{
	const char *const extra[] = { "--appendonly", "yes", "--appendfsync", "always", "--aclfile",
				      world->acl,     NULL };
	world->server = fixture_redis(world->folder, extra);
	assert_true(world->server > 0);
	for (int i = 0; i < 1000; i++) {
		world->admin = redisConnectUnix(world->path);
		if (world->admin && !world->admin->err) {
			redisReply *reply = redisCommand(world->admin, "AUTH admin a");
			bool well = reply && reply->type == REDIS_REPLY_STATUS;
			freeReplyObject(reply);
			redisReply *ping = well ? redisCommand(world->admin, "PING") : NULL;
			well = ping && ping->type == REDIS_REPLY_STATUS;
			freeReplyObject(ping);
			if (well)
				break;
		}
		redisFree(world->admin);
		world->admin = NULL;
		usleep(5000);
	}
	assert_non_null(world->admin);
	if (world->conn)
		redis_conn_hurry(world->conn, patience_ns);
}

static void stop_server(struct world *world)
{
	redisFree(world->admin);
	world->admin = NULL;
	fixture_kill(world->server);
}

/* ---- weir ---- */

static void on_up(void *ctx)
{
	struct world *world = ctx;
	world->up = true;
	if (world->results)
		results_reconnected(world->results);
}

static void on_down(void *ctx, const struct err *why)
{
	(void)why;
	((struct world *)ctx)->up = false;
}

static void on_checkpoint(void *ctx, uint64_t number)
{
	struct world *world = ctx;
	if (world->results)
		results_checkpointed(world->results, number);
}

static void on_broken(void *ctx, const char *what)
{
	print_message("told: %s\n", what);
	((struct world *)ctx)->told++;
}

/* The writer's thread, as it were: commits, and a checkpoint now and then. */
static void on_step(void *ctx)
{
	struct world *world = ctx;
	while (fake_writer_commit(world->writer))
		;
	fake_writer_pump(world->writer);
	if (rng_below(&world->rng, 20) == 0)
		fake_writer_checkpoint(world->writer, true);
	loop_timer_after(world->loop, &world->step, 2 * ms_ns);
}

static void open_weir(struct world *world)
{
	struct err err;
	const struct redis_conn_config conn = { .unix_path = world->path,
						.user = "weir",
						.password = "w",
						.deadline_ns = 2000 * ms_ns,
						.on_up = on_up,
						.on_down = on_down,
						.ctx = world };
	world->up = false;
	assert_int_equal(redis_conn_open(world->loop, &conn, &world->conn, &err), STATUS_OK);
	redis_conn_hurry(world->conn, patience_ns);
	const struct results_config config = { .rtrs = redis_conn_port(world->conn),
					       .writer = world->writer,
					       .timers = loop_timers(world->loop),
					       .clock = loop_clock(world->loop),
					       .retry_ms = { 20, 30, 40 },
					       .retries = 3,
					       .claim_ms = world->claim_ms,
					       .on_broken = on_broken,
					       .ctx = world };
	world->results = results_create(&config);
	assert_non_null(world->results);
	fake_writer_on_checkpoint(world->writer, on_checkpoint, world);
	results_start(world->results);
	loop_timer_after(world->loop, &world->step, 2 * ms_ns);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

/* As if it had been killed: nothing is drained. */
static void close_weir(struct world *world)
{
	timers_cancel(loop_timers(world->loop), &world->step);
	world->refused += redis_conn_stats(world->conn)->endings[STATUS_REDIS_NOPERM];
	results_stop(world->results);
	fake_writer_crash(world->writer); /* what was submitted is gone */
	world->closed = false;
	redis_conn_close(world->conn, set_flag, &world->closed);
	assert_true(loop_turn_until(world->loop, &world->closed, patience_ns));
	results_destroy(world->results);
	world->results = NULL;
	world->conn = NULL;
}

static void turn_for(struct world *world, int64_t ns)
{
	int64_t end = loop_now_ns(world->loop) + ns;
	while (loop_now_ns(world->loop) < end)
		loop_turn(world->loop, ms_ns);
}

static void on_drained(void *ctx, enum status status)
{
	struct world *world = ctx;
	world->done = true;
	world->status = status;
}

static void settle(struct world *world)
{
	for (int i = 0; i < 100; i++) {
		assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
		world->done = false;
		results_drain(world->results, on_drained, world);
		assert_true(loop_turn_until(world->loop, &world->done, patience_ns));
		if (world->status == STATUS_OK)
			return;
		turn_for(world, 50 * ms_ns);
	}
	fail();
}

static void world_init(struct world *world, uint64_t seed)
{
	struct err err;
	*world = (struct world){ .folder = fixture_folder(), .claim_ms = 60000 };
	assert_non_null(world->folder);
	snprintf(world->path, sizeof world->path, "%s/redis.sock", world->folder);
	snprintf(world->acl, sizeof world->acl, "%s/users.acl", world->folder);
	rng_init(&world->rng, seed);
	world->step = (struct timer){ .fn = on_step, .ctx = world };
	assert_int_equal(loop_create(64, &world->loop, &err), STATUS_OK);
	world->writer = fake_writer_create(WRITER_SEEN_MAX, WRITER_BATCH_BYTES);
	write_acl(world);
	start_server(world);
}

static void world_deinit(struct world *world)
{
	close_weir(world);
	stop_server(world);
	fake_writer_destroy(world->writer);
	loop_destroy(world->loop);
	fixture_remove(world->folder);
	assert_int_equal(world->refused, 0);
}

/* ---- results ---- */

/* Up to 32 in one entry; the count of them with it. */
static int add_packed(struct world *world, int count)
{
	static struct entries_packer *packer;
	struct str values[32][RESULT_FIELDS] = { 0 };
	char rids[32][20], bytes[ENTRIES_CHUNK_BYTES];
	struct buf chunk = buf_over(bytes, sizeof bytes);
	int rows = count < 32 ? count : 32;
	packer = packer ? packer : entries_packer_create();
	for (int i = 0; i < rows; i++) {
		snprintf(rids[i], sizeof rids[i], "r%d", world->rids + i);
		values[i][RESULT_rid] = str_of(rids[i]);
		values[i][RESULT_st] = STR("done");
		values[i][RESULT_vol] = STR("0.10");
	}
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, values[0], (size_t)rows, &chunk),
			 STATUS_OK);
	world->beyond += rows - 1;
	RUN(world, "MULTI");
	RUN(world, "XADD trade_results * p %b", bytes, chunk.len);
	RUN(world, "HSET fleet:up:~ x %d", world->beyond);
	RUN(world, "EXEC");
	return rows;
}

static void add(struct world *world, int count)
{
	for (int i = 0; i < count && world->rids < RIDS_MAX;) {
		int rows = 1;
		if (i % 3 == 0)
			rows = add_packed(world, count - i);
		else
			RUN(world,
			    "XADD trade_results * rid r%d st done vol 0.10 px 1.08514 why %s",
			    world->rids, "some words");
		world->rids += rows;
		i += rows;
	}
}

/* All that was added was taken, and nothing is told to be lost. */
static void check_counts(struct world *world)
{
	turn_for(world, 1500 * ms_ns);
	int64_t read = writer_counted(world->writer, "read");
	assert_int_equal(read, world->rids);
	assert_int_equal(writer_counted(world->writer, "lost"), 0);
	assert_int_equal(results_counts(world->results).added, read);
}

static uint32_t found(const struct world *world, int number)
{
	char rid[20];
	snprintf(rid, sizeof rid, "r%d", number);
	return fake_writer_found(world->writer, str_of(rid));
}

static void check_all_once(const struct world *world)
{
	for (int i = 0; i < world->rids; i++)
		assert_int_equal(found(world, i), 1);
}

static void check_empty(struct world *world)
{
	fake_writer_checkpoint(world->writer, true);
	for (int i = 0; i < 200 && integer_of(world, "XLEN trade_results"); i++)
		turn_for(world, 50 * ms_ns);
	assert_int_equal(integer_of(world, "XLEN trade_results"), 0);
	assert_int_equal(integer_of(world, "XPENDING trade_results archive"), 0);
}

/* ---- */

static void kills_of_the_server_and_of_weir_lose_and_double_nothing(void **state)
{
	static struct world world;
	(void)state;
	if (!fixture_has_redis())
		skip();
	world_init(&world, 1);
	open_weir(&world);
	for (int i = 0; i < 14; i++) {
		add(&world, (int)rng_below(&world.rng, 400));
		turn_for(&world, (int64_t)rng_below(&world.rng, 60) * ms_ns);
		if (i % 2) {
			close_weir(&world);
			open_weir(&world);
		} else {
			stop_server(&world);
			turn_for(&world, (int64_t)rng_below(&world.rng, 30) * ms_ns);
			start_server(&world);
		}
		turn_for(&world, (int64_t)rng_below(&world.rng, 60) * ms_ns);
	}
	settle(&world);
	check_all_once(&world);
	assert_int_equal(world.told, 0);
	check_counts(&world);
	check_empty(&world);
	world_deinit(&world);
}

static void a_deleted_stream_and_a_flushed_server_are_read_again(void **state)
{
	static struct world world;
	(void)state;
	if (!fixture_has_redis())
		skip();
	world_init(&world, 2);
	open_weir(&world);
	add(&world, 300);
	settle(&world);
	RUN(&world, "DEL trade_results");
	add(&world, 200);
	turn_for(&world, 300 * ms_ns);
	settle(&world);
	assert_int_equal(world.told, 1);
	RUN(&world, "FLUSHALL");
	world.beyond = 0;
	add(&world, 200);
	turn_for(&world, 300 * ms_ns);
	settle(&world);
	assert_int_equal(world.told, 2);
	RUN(&world, "SET archive:epoch other");
	turn_for(&world, 1500 * ms_ns);
	settle(&world);
	assert_int_equal(world.told, 3);
	check_all_once(&world);
	check_empty(&world);
	world_deinit(&world);
}

static void a_dead_consumer_and_removed_entries(void **state)
{
	static struct world world;
	(void)state;
	if (!fixture_has_redis())
		skip();
	world_init(&world, 3);
	world.claim_ms = 300;
	open_weir(&world);
	add(&world, 1);
	settle(&world);
	close_weir(&world);
	add(&world, 50);
	RUN(&world, "XREADGROUP GROUP archive dead COUNT 30 STREAMS trade_results >");
	RUN(&world, "XADD trade_results 9999999999999-1 rid gone st done");
	RUN(&world, "XREADGROUP GROUP archive dead STREAMS trade_results >");
	RUN(&world, "XDEL trade_results 9999999999999-1");
	open_weir(&world);
	turn_for(&world, 1500 * ms_ns);
	settle(&world);
	turn_for(&world, 1500 * ms_ns);
	check_all_once(&world);
	assert_int_equal(world.told, 1);
	assert_int_equal(writer_counted(world.writer, "lost"), 1);
	check_empty(&world);
	world_deinit(&world);
}

/* 4 MB each: read, refused as rows, and dead letters in the end. */
static void values_of_megabytes_end_as_dead_letters(void **state)
{
	static struct world world;
	(void)state;
	if (!fixture_has_redis())
		skip();
	enum { BYTES = 4 << 20 };
	char *big = malloc(BYTES);
	assert_non_null(big);
	memset(big, 'x', BYTES);
	world_init(&world, 4);
	for (int i = 0; i < 6; i++)
		RUN(&world, "XADD trade_results * rid big%d st done why %b", i, big, (size_t)BYTES);
	add(&world, 10);
	open_weir(&world);
	for (int i = 0; i < 200 && writer_counted(world.writer, "dead") < 6; i++)
		turn_for(&world, 50 * ms_ns);
	assert_int_equal(writer_counted(world.writer, "dead"), 6);
	settle(&world);
	check_all_once(&world);
	check_empty(&world);
	world_deinit(&world);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kills_of_the_server_and_of_weir_lose_and_double_nothing),
		cmocka_unit_test(a_deleted_stream_and_a_flushed_server_are_read_again),
		cmocka_unit_test(a_dead_consumer_and_removed_entries),
		cmocka_unit_test(values_of_megabytes_end_as_dead_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
