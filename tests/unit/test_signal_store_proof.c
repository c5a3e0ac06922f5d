/* The signal store against a model: producers, an owner with little room that ends what it
 * holds when it likes, cuts, kills, hangs, refusals, deleted groups, restarts of weir. Every
 * entry is told, again after each restart until it is done, in order; what is done is gone.
 * And once more on a real server that is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "os/redis_conn.h"
#include "redis_fixture.h"
#include "unit/signal_stage.h"

enum { ENTRIES_MAX = 20000, STEPS = 3000, ROOM = 200 };

static const uint64_t first_ms = 1577836800000;

struct entry {
	bool held;  /* told, and not done */
	bool ended; /* done was said */
	bool seen;  /* told in this run */
};

struct proof {
	struct signal_stage stage;
	struct rng rng;
	struct entry entries[ENTRIES_MAX + 1]; /* by its number */
	uint64_t count, holding, told, again, newest;
	uint64_t down;
	bool regrouped; /* in this run: what is held may be told twice */
};

static bool on_told(void *ctx, const struct signal_entry *told)
{
	struct proof *proof = ctx;
	uint64_t number = told->id.ms - first_ms;
	struct entry *entry = &proof->entries[number];
	assert_in_range(number, 1, proof->count);
	if (entry->held) {
		assert_true(proof->regrouped);
		return true;
	}
	if (proof->holding == ROOM)
		return false;
	assert_true(!entry->seen || proof->regrouped);
	assert_true(number > proof->newest || proof->regrouped);
	assert_true(told->again || !entry->ended);
	proof->newest = number > proof->newest ? number : proof->newest;
	entry->held = entry->seen = true;
	proof->holding++;
	proof->told++;
	proof->again += told->again;
	return true;
}

static void end_one(struct proof *proof, uint64_t number)
{
	struct entry *entry = &proof->entries[number];
	if (!entry->held)
		return;
	entry->held = false;
	entry->ended = true;
	proof->holding--;
	signal_store_done(proof->stage.store, number << 21,
			  (struct stream_id){ first_ms + number, 0 });
}

static void open_store(struct proof *proof)
{
	const struct signal_store_hooks hooks = { .on_signal = on_told, .ctx = proof };
	struct signal_stage *stage = &proof->stage;
	signal_store_destroy(stage->store);
	stage->store = signal_store_create(fake_redis_port(stage->redis), stage->timers,
					   &stage->clock, true, &hooks);
	assert_non_null(stage->store);
}

static void heal(struct proof *proof)
{
	struct fake_redis *redis = proof->stage.redis;
	fake_redis_hang(redis, false);
	fake_redis_fault(redis, FAKE_HEALTHY);
	fake_redis_start(redis);
	fake_redis_cut(redis, 0, FAKE_CUT_BEFORE);
}

static void go_wrong(struct proof *proof)
{
	static const enum fake_fault faults[] = { FAKE_OOM, FAKE_READONLY, FAKE_MISCONF,
						  FAKE_LOADING };
	struct fake_redis *redis = proof->stage.redis;
	struct rng *rng = &proof->rng;
	switch (rng_below(rng, 9)) {
	case 0: fake_redis_break(redis); break;
	case 1: fake_redis_kill(redis); break;
	case 2: fake_redis_hang(redis, true); break;
	case 3: fake_redis_fault(redis, faults[rng_below(rng, ARRAY_LEN(faults))]); break;
	case 4:
		heal(proof);
		signal_write_as_other(&proof->stage,
				      "XGROUP CREATE trade_signals other 0 MKSTREAM");
		signal_write_as_other(&proof->stage, "XGROUP DESTROY trade_signals other");
		signal_write_as_other(&proof->stage, "XGROUP DESTROY trade_signals router");
		proof->regrouped = true;
		break;
	default:
		fake_redis_cut(redis, 1 + rng_below(rng, 30),
			       rng_below(rng, 2) ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
	}
}

static void restart(struct proof *proof)
{
	struct signal_stage *stage = &proof->stage;
	signal_restart(stage);
	heal(proof);
	open_store(proof);
	for (uint64_t i = 1; i <= proof->count; i++)
		proof->entries[i].held = proof->entries[i].seen = false;
	proof->holding = proof->newest = 0;
	proof->regrouped = false;
	while (signal_restore(stage) != STATUS_OK)
		signal_run(stage, 200 * signal_ms_ns);
	signal_store_start(stage->store);
}

static void step(struct proof *proof)
{
	struct rng *rng = &proof->rng;
	for (uint64_t n = rng_below(rng, 8); n > 0 && proof->count < ENTRIES_MAX; n--) {
		char line[80];
		snprintf(line, sizeof line, "XADD trade_signals %llu-0 id x",
			 (unsigned long long)(first_ms + ++proof->count));
		if (fake_redis_running(proof->stage.redis))
			signal_write_as_other(&proof->stage, line);
		else
			proof->count--;
	}
	for (uint64_t n = rng_below(rng, 30); n > 0 && proof->count; n--)
		end_one(proof, 1 + rng_below(rng, proof->count));
	uint64_t down = signal_store_next_down(proof->stage.store);
	assert_true(!down || down > proof->down);
	proof->down = down ? down : proof->down;
	if (rng_below(rng, 40) == 0)
		go_wrong(proof);
	if (rng_below(rng, 60) == 0)
		heal(proof);
	if (rng_below(rng, 400) == 0)
		restart(proof);
	signal_run(&proof->stage, (int64_t)rng_below(rng, 8) * signal_ms_ns);
}

static void prove(uint64_t seed)
{
	struct proof *proof = calloc(1, sizeof *proof);
	assert_non_null(proof);
	struct signal_stage *stage = &proof->stage;
	signal_init(stage);
	rng_init(&proof->rng, seed);
	open_store(proof);
	assert_int_equal(signal_restore(stage), STATUS_OK);
	signal_store_start(stage->store);
	for (int i = 0; i < STEPS; i++)
		step(proof);
	heal(proof);
	for (int i = 0; i < 150; i++) {
		signal_run(stage, 250 * signal_ms_ns);
		for (uint64_t number = 1; number <= proof->count; number++)
			end_one(proof, number);
	}
	assert_int_equal(signal_drain(stage), STATUS_OK);
	for (uint64_t number = 1; number <= proof->count; number++)
		assert_true(proof->entries[number].ended);
	assert_int_equal(signal_integer(stage, "XLEN trade_signals"), 0);
	assert_int_equal(signal_integer(stage, "XPENDING trade_signals router"), 0);
	assert_true(proof->count > 1000 && proof->again > 0);
	print_message("%d entries, told %d times, %d of them again\n", (int)proof->count,
		      (int)proof->told, (int)proof->again);
	signal_deinit(stage);
	free(proof);
}

static void every_entry_is_told_until_it_is_done(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++)
		prove(seed);
}

/* ---- a real server ---- */

enum { SIGNALS = 3000 };

static const int64_t patience_ns = 20000000000;

struct world {
	struct loop *loop;
	char *folder, path[300];
	pid_t server;
	struct redis_conn *conn;
	struct signal_store *store;
	struct halts halts;
	struct rng rng;
	bool up, done;
	enum status status;
	uint64_t added; /* acknowledged */
	bool adding, enough;
	bool told[SIGNALS + 1], ended[SIGNALS + 1];
	uint64_t n_ended, down, left;
};

static void on_up(void *ctx)
{
	struct world *world = ctx;
	world->up = true;
	if (world->store)
		signal_store_reconnected(world->store);
}

static void on_down(void *ctx, const struct err *why)
{
	(void)why;
	((struct world *)ctx)->up = false;
}

static bool on_real_told(void *ctx, const struct signal_entry *entry)
{
	struct world *world = ctx;
	uint64_t number = entry->id.ms - first_ms;
	assert_in_range(number, 1, SIGNALS);
	assert_false(world->told[number]);
	world->told[number] = true;
	return true;
}

static void on_step(void *ctx, enum status status)
{
	struct world *world = ctx;
	world->done = true;
	world->status = status;
}

static void on_restored(void *ctx, enum status status, const char *why)
{
	(void)why;
	on_step(ctx, status);
}

static void on_closed(void *ctx) { on_step(ctx, STATUS_OK); }

static void wait_done(struct world *world)
{
	assert_true(loop_turn_until(world->loop, &world->done, patience_ns));
}

static void start_server(struct world *world)
{
	static const char *const durable[] = { "--appendonly", "yes", "--appendfsync", "always",
					       NULL };
	world->server = fixture_redis(world->folder, durable);
	if (world->conn)
		redis_conn_hurry(world->conn, patience_ns);
}

static void open_weir(struct world *world)
{
	struct err err;
	const struct redis_conn_config config = { .unix_path = world->path,
						  .deadline_ns = 300000000,
						  .on_up = on_up,
						  .on_down = on_down,
						  .ctx = world };
	const struct signal_store_hooks hooks = { .on_signal = on_real_told, .ctx = world };
	world->up = false;
	assert_int_equal(redis_conn_open(world->loop, &config, &world->conn, &err), STATUS_OK);
	redis_conn_hurry(world->conn, patience_ns);
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
	world->store = signal_store_create(redis_conn_port(world->conn), loop_timers(world->loop),
					   loop_clock(world->loop), true, &hooks);
	memset(world->told, 0, sizeof world->told);
	world->done = false;
	signal_store_restore(world->store, &world->halts, on_restored, world);
	wait_done(world);
	assert_int_equal(world->status, STATUS_OK);
	signal_store_start(world->store);
}

static void close_weir(struct world *world)
{
	world->done = false;
	redis_conn_close(world->conn, on_closed, world);
	wait_done(world);
	signal_store_destroy(world->store);
	world->store = NULL;
	world->conn = NULL;
}

/* One after the other; an entry that is there already was added by a lost command. */
static void on_added(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct world *world = ctx;
	world->adding = false;
	if (!status || (status == STATUS_REDIS_ERR && reply))
		world->added++;
}

static void add_next(struct world *world)
{
	char id[32];
	snprintf(id, sizeof id, "%llu-0", (unsigned long long)(first_ms + world->added + 1));
	struct str argv[] = { STR("XADD"), STR("trade_signals"), str_of(id), STR("id"), STR("x") };
	if (!world->adding && !world->enough && world->added < SIGNALS)
		world->adding = redis_command(redis_conn_port(world->conn), argv, ARRAY_LEN(argv),
					      on_added, world) == STATUS_OK;
}

static void end_some(struct world *world)
{
	for (int i = 0; i < 4 && world->added; i++) {
		uint64_t number = 1 + rng_below(&world->rng, world->added);
		if (!world->told[number] || world->ended[number])
			continue;
		world->ended[number] = true;
		world->n_ended++;
		signal_store_done(world->store, number << 21,
				  (struct stream_id){ first_ms + number, 0 });
	}
}

static void work_once(struct world *world)
{
	add_next(world);
	end_some(world);
	uint64_t down = signal_store_next_down(world->store);
	assert_true(!down || down > world->down);
	world->down = down ? down : world->down;
	loop_turn(world->loop, 1000000);
}

/* Until so many more were added and so many more were ended. */
static void work(struct world *world, uint64_t added, uint64_t ended)
{
	int64_t end = loop_now_ns(world->loop) + patience_ns;
	added += world->added;
	ended += world->n_ended;
	while (world->added < added || world->n_ended < ended) {
		assert_true(loop_now_ns(world->loop) < end);
		work_once(world);
	}
}

static void on_left(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct world *world = ctx;
	assert_int_equal(status, STATUS_OK);
	world->left = (uint64_t)reply->integer;
	world->done = true;
}

/* What was told in this run ends, what ended before too: its end may have been lost. */
static void end_all(struct world *world)
{
	const struct str argv[] = { STR("XLEN"), STR("trade_signals") };
	for (uint64_t number = 1; number <= SIGNALS; number++)
		if (world->told[number])
			signal_store_done(world->store, number << 21,
					  (struct stream_id){ first_ms + number, 0 });
	world->done = false;
	signal_store_drain(world->store, on_step, world);
	wait_done(world);
	assert_int_equal(world->status, STATUS_OK);
	world->done = false;
	assert_int_equal(redis_command(redis_conn_port(world->conn), argv, 2, on_left, world),
			 STATUS_OK);
	wait_done(world);
}

/* Entries that were added and never told would be left for ever. */
static void end_until_none_is_left(struct world *world)
{
	int64_t end = loop_now_ns(world->loop) + patience_ns;
	world->enough = true;
	do {
		assert_true(loop_now_ns(world->loop) < end);
		work_once(world);
		end_all(world);
	} while (world->left > 0 || world->adding);
}

static void killed_servers_and_weirs_lose_no_entry(void **state)
{
	(void)state;
	static struct world world;
	struct err err;
	if (!fixture_has_redis())
		skip();
	world = (struct world){ .folder = fixture_folder() };
	snprintf(world.path, sizeof world.path, "%s/redis.sock", world.folder);
	rng_init(&world.rng, 5);
	assert_int_equal(loop_create(64, &world.loop, &err), STATUS_OK);
	start_server(&world);
	open_weir(&world);
	for (int i = 0; i < 10; i++) {
		work(&world, 20 + rng_below(&world.rng, 60), 10);
		if (i % 3 == 2) {
			close_weir(&world);
			open_weir(&world);
			continue;
		}
		fixture_kill(world.server);
		for (uint64_t turns = rng_below(&world.rng, 40); turns > 0; turns--)
			work_once(&world);
		start_server(&world);
		assert_true(loop_turn_until(world.loop, &world.up, patience_ns));
	}
	work(&world, 50, 10);
	end_until_none_is_left(&world);
	close_weir(&world);
	fixture_kill(world.server);
	loop_destroy(world.loop);
	fixture_remove(world.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_is_told_until_it_is_done),
		cmocka_unit_test(killed_servers_and_weirs_lose_no_entry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
