/* The result store on a real server: kill -9, a server that stops for a while, restarts
 * of weir, all at random moments; and with a spill file a weir that dies at its crash
 * points. Its entries are packed, and plain every third life of weir. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/crash.h"
#include "base/rng.h"
#include "os/redis_conn.h"
#include "redis_fixture.h"
#include "store/result_store.h"
#include "store/spill.h"
#include "unit/result_rows.h"

enum { TERMINALS = 20, FRAMES_MAX = 20000, PAGE = 1000 };

static const int64_t patience_ns = 20000000000, ms_ns = 1000000;

struct peer {
	uint64_t produced, given, durable;
	uint64_t found, newest; /* in the stream */
};

struct world {
	struct loop *loop;
	char *folder, path[300];
	pid_t server;
	struct redis_conn *conn;
	struct alerts *alerts;
	struct fleet *fleet;
	struct result_store *store;
	struct spill *spill;
	bool spills;
	int told; /* where a weir that will die says what is durable; 0: nowhere */
	struct peer peers[TERMINALS];
	struct rng rng;
	bool up, done, closed;
	enum status status;
	uint64_t recorded;
	unsigned lives;
};

static void on_up(void *ctx)
{
	struct world *world = ctx;
	world->up = true;
	if (world->store)
		result_store_reconnected(world->store);
}

static void on_down(void *ctx, const struct err *why)
{
	struct world *world = ctx;
	(void)why;
	world->up = false;
	if (world->store)
		result_store_disconnected(world->store);
}

static void on_durable(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	struct peer *peer = &((struct world *)ctx)->peers[slot];
	assert_int_equal(epoch_ms, 1000);
	assert_true(seq >= peer->durable && seq <= peer->produced);
	peer->durable = seq;
	uint64_t told[2] = { slot, seq };
	if (((struct world *)ctx)->told)
		assert_int_equal(write(((struct world *)ctx)->told, told, sizeof told),
				 sizeof told);
}

static void on_recorded(void *ctx, uint64_t tag)
{
	(void)tag;
	((struct world *)ctx)->recorded++;
}

static void on_restored(void *ctx, enum status status, const char *why)
{
	(void)why;
	struct world *world = ctx;
	world->done = true;
	world->status = status;
}

static void on_drained(void *ctx, enum status status) { on_restored(ctx, status, NULL); }

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void start_server(struct world *world)
{
	static const char *const durable[] = { "--appendonly", "yes", "--appendfsync", "always",
					       NULL };
	world->server = fixture_redis(world->folder, durable);
	assert_true(world->server > 0);
	if (world->conn)
		redis_conn_hurry(world->conn, patience_ns);
}

static void open_spill(struct world *world)
{
	char path[400];
	struct err err;
	snprintf(path, sizeof path, "%s/spill/rtrs", world->folder);
	const struct spill_config config = { world->loop, path, 64 << 20 };
	assert_int_equal(spill_open(&config, &world->spill, &err), STATUS_OK);
	result_store_use_spill(world->store, world->spill);
}

static void open_weir(struct world *world)
{
	struct err err;
	const struct redis_conn_config config = { .unix_path = world->path,
						  .deadline_ns = 200 * ms_ns,
						  .seed = rng_next(&world->rng),
						  .on_up = on_up,
						  .on_down = on_down,
						  .ctx = world };
	const struct result_store_hooks hooks = { on_durable, on_recorded, world };
	world->up = false;
	assert_int_equal(redis_conn_open(world->loop, &config, &world->conn, &err), STATUS_OK);
	redis_conn_hurry(world->conn, patience_ns);
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
	world->store =
	    result_store_create(redis_conn_port(world->conn), world->fleet,
				loop_timers(world->loop), loop_clock(world->loop), &hooks);
	assert_non_null(world->store);
	result_store_use_packing(world->store, world->lives++ % 3 != 1);
	if (world->spills)
		open_spill(world);
	world->done = false;
	result_store_restore(world->store, on_restored, world);
	assert_true(loop_turn_until(world->loop, &world->done, patience_ns));
	assert_int_equal(world->status, STATUS_OK);
}

static void close_weir(struct world *world)
{
	world->closed = false;
	redis_conn_close(world->conn, set_flag, &world->closed);
	assert_true(loop_turn_until(world->loop, &world->closed, patience_ns));
	result_store_destroy(world->store);
	world->store = NULL;
	world->conn = NULL;
	world->closed = false;
	if (world->spills) {
		spill_close(world->spill, set_flag, &world->closed);
		assert_true(loop_turn_until(world->loop, &world->closed, patience_ns));
	}
}

static void world_prepare(struct world *world, uint64_t seed)
{
	*world = (struct world){ .folder = fixture_folder() };
	assert_non_null(world->folder);
	snprintf(world->path, sizeof world->path, "%s/redis.sock", world->folder);
	rng_init(&world->rng, seed);
	start_server(world);
}

static void world_begin(struct world *world)
{
	struct err err;
	const struct fleet_settings settings = fleet_settings_default();
	assert_int_equal(loop_create(64, &world->loop, &err), STATUS_OK);
	world->alerts = alerts_create(&(struct alert_hooks){ 0 });
	world->fleet =
	    fleet_create(TERMINALS, &settings, world->alerts, 1, &(struct fleet_hooks){ 0 });
	assert_non_null(world->fleet);
	for (unsigned i = 0; i < TERMINALS; i++) {
		struct instance_identity identity = { 0 };
		uint32_t slot;
		snprintf(identity.id, sizeof identity.id, "mt5-%02u", i);
		assert_int_equal(fleet_add(world->fleet, &identity, &slot), STATUS_OK);
	}
	open_weir(world);
}

static void world_init(struct world *world, uint64_t seed)
{
	world_prepare(world, seed);
	world_begin(world);
}

static void world_deinit(struct world *world)
{
	close_weir(world);
	fixture_kill(world->server);
	fleet_destroy(world->fleet);
	alerts_destroy(world->alerts);
	loop_destroy(world->loop);
	fixture_remove(world->folder);
}

/* Frame seq of a terminal is its deal number seq; every third is sent twice. */
static void give(struct world *world, uint32_t slot)
{
	static struct mfp_frame frame;
	struct peer *peer = &world->peers[slot];
	const struct result_owner owner = { str_of(fleet_at(world->fleet, slot)->identity.id),
					    STR("Broker-Live"), 90000000 + slot };
	while (peer->given < peer->produced) {
		uint64_t seq = peer->given + 1;
		struct mfp_fault fault;
		struct result result;
		char line[200];
		snprintf(line, sizeof line,
			 "D 1 deal=%llu sym=EURUSD vol=0.10 px=1.08514 com=-0.35 sv=%llu",
			 (unsigned long long)(seq - seq % 3 / 2), (unsigned long long)seq);
		assert_int_equal(mfp_read(str_of(line), MFP_PEER, &frame, &fault), STATUS_OK);
		assert_int_equal(result_of_frame(&result, &frame, &owner, 5), STATUS_OK);
		if (result_store_take(world->store, slot, 1000, seq, &result, 0))
			return;
		peer->given = seq;
	}
}

static void trade_for(struct world *world, int64_t ns)
{
	int64_t end = loop_now_ns(world->loop) + ns;
	while (loop_now_ns(world->loop) < end) {
		for (uint32_t slot = 0; slot < TERMINALS; slot++) {
			struct peer *peer = &world->peers[slot];
			if (rng_below(&world->rng, 4) == 0 && peer->produced < FRAMES_MAX)
				peer->produced += rng_below(&world->rng, 4);
			if (rng_below(&world->rng, 50) == 0)
				peer->given = peer->durable; /* it connected again */
			give(world, slot);
		}
		loop_turn(world->loop, ms_ns);
	}
}

/* weir dies: what terminals have no K of comes again, above what weir reads back. */
static void restart_weir(struct world *world)
{
	close_weir(world);
	open_weir(world);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		struct peer *peer = &world->peers[slot];
		uint64_t up = result_store_mark(world->store, slot).up;
		assert_true(up >= peer->durable && up <= peer->given);
		peer->durable = peer->given = up;
	}
}

/* ---- the stream, read back ---- */

struct reading {
	struct world *world;
	bool done;
	size_t count, entries;
	char from[64];
};

static void see_result(void *ctx, const struct str *values)
{
	struct world *world = ctx;
	struct str rest = values[RESULT_rid], part = { 0 };
	uint64_t login = 0, deal = 0;
	for (int n = 0; n < 3; n++)
		assert_true(str_split(&rest, ':', &part));
	assert_int_equal(str_to_u64(part, &login), STATUS_OK);
	assert_int_equal(str_to_u64(rest, &deal), STATUS_OK);
	struct peer *peer = &world->peers[login - 90000000];
	assert_true(deal > peer->newest); /* in order, and never twice */
	peer->newest = deal;
	peer->found++;
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	assert_int_equal(status, STATUS_OK);
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *entry = &reply->items[i];
		result_rows(entry, see_result, reading->world);
		snprintf(reading->from, sizeof reading->from, "(%.*s",
			 STR_ARG(entry->items[0].text));
	}
	reading->entries += reply->count;
	reading->count = reply->count;
	reading->done = true;
}

static void on_x(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	uint64_t x = 0;
	assert_int_equal(status, STATUS_OK);
	assert_true(reply->type == REDIS_BULK && str_to_u64(reply->text, &x) == STATUS_OK);
	reading->entries += x;
	reading->done = true;
}

static void add_x(struct reading *reading)
{
	struct str argv[] = { STR("HGET"), STR("fleet:up:~"), STR("x") };
	reading->done = false;
	assert_int_equal(redis_command(redis_conn_port(reading->world->conn), argv, ARRAY_LEN(argv),
				       on_x, reading),
			 STATUS_OK);
	assert_true(loop_turn_until(reading->world->loop, &reading->done, patience_ns));
}

static void check_stream(struct world *world)
{
	struct reading reading = { .world = world, .from = "-", .count = PAGE };
	while (reading.count == PAGE) {
		struct str argv[] = { STR("XRANGE"), STR("trade_results"), str_of(reading.from),
				      STR("+"),      STR("COUNT"),         STR("1000") };
		reading.done = false;
		assert_int_equal(redis_command(redis_conn_port(world->conn), argv, ARRAY_LEN(argv),
					       on_page, &reading),
				 STATUS_OK);
		assert_true(loop_turn_until(world->loop, &reading.done, patience_ns));
	}
	uint64_t found = 0;
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		const struct peer *peer = &world->peers[slot];
		found += peer->found;
		assert_int_equal(peer->durable, peer->produced);
		assert_int_equal(peer->found, peer->produced - (peer->produced + 1) / 3);
	}
	add_x(&reading);
	assert_int_equal(found, reading.entries);
	assert_true(found > 0);
}

static void settle(struct world *world)
{
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
	do {
		for (uint32_t slot = 0; slot < TERMINALS; slot++)
			give(world, slot);
		world->done = false;
		result_store_drain(world->store, on_drained, world);
		assert_true(loop_turn_until(world->loop, &world->done, patience_ns));
	} while (world->status);
}

/* ---- */

static void a_killed_server_loses_and_repeats_nothing(void **state)
{
	(void)state;
	static struct world world;
	if (!fixture_has_redis())
		skip();
	world_init(&world, 1);
	for (int i = 0; i < 12; i++) {
		trade_for(&world, (int64_t)(20 + rng_below(&world.rng, 60)) * ms_ns);
		fixture_kill(world.server);
		trade_for(&world, (int64_t)rng_below(&world.rng, 40) * ms_ns);
		start_server(&world);
	}
	trade_for(&world, 50 * ms_ns);
	settle(&world);
	check_stream(&world);
	world_deinit(&world);
}

/* Stopped for longer than the deadline, and for longer than the connection's patience:
 * what lies in its socket is executed when it goes on, beside the new connection. */
static void a_server_that_stops_for_a_while_repeats_nothing(void **state)
{
	(void)state;
	static struct world world;
	if (!fixture_has_redis())
		skip();
	world_init(&world, 2);
	for (int i = 0; i < 6; i++) {
		trade_for(&world, (int64_t)(20 + rng_below(&world.rng, 60)) * ms_ns);
		kill(world.server, SIGSTOP);
		trade_for(&world, (i % 2 ? 500 : 250) * ms_ns);
		kill(world.server, SIGCONT);
	}
	trade_for(&world, 100 * ms_ns);
	settle(&world);
	check_stream(&world);
	world_deinit(&world);
}

static void a_killed_weir_goes_on_where_the_server_is(void **state)
{
	(void)state;
	static struct world world;
	if (!fixture_has_redis())
		skip();
	world_init(&world, 3);
	for (int i = 0; i < 12; i++) {
		trade_for(&world, (int64_t)(10 + rng_below(&world.rng, 50)) * ms_ns);
		restart_weir(&world);
	}
	trade_for(&world, 50 * ms_ns);
	settle(&world);
	check_stream(&world);
	world_deinit(&world);
}

/* ---- a weir that dies ---- */

static enum crash armed = CRASH_COUNT;

void crash_point(enum crash point)
{
	if (point == armed)
		raise(SIGKILL);
}

static void on_set(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	assert_int_equal(status, STATUS_OK);
	*(bool *)ctx = true;
}

static void set_maxmemory(struct world *world, const char *bytes)
{
	struct str argv[] = { STR("CONFIG"), STR("SET"), STR("maxmemory"), str_of(bytes) };
	bool done = false;
	assert_int_equal(
	    redis_command(redis_conn_port(world->conn), argv, ARRAY_LEN(argv), on_set, &done),
	    STATUS_OK);
	assert_true(loop_turn_until(world->loop, &done, patience_ns));
}

/* Never returns: its server refuses, it spills, and where it is to die it dies. */
static void live_and_die(struct world *world, enum crash point)
{
	world_begin(world);
	trade_for(world, 30 * ms_ns);
	set_maxmemory(world, "1");
	trade_for(world, 2100 * ms_ns);
	if (point == CRASH_spill)
		armed = point;
	trade_for(world, 200 * ms_ns);
	armed = point;
	set_maxmemory(world, "0");
	trade_for(world, 2000 * ms_ns);
	_exit(1);
}

static void take_what_was_told(struct world *world, int fd)
{
	uint64_t told[2];
	while (read(fd, told, sizeof told) == sizeof told)
		world->peers[told[0]].durable = told[1];
}

static void die_at(enum crash point)
{
	static struct world world;
	int fds[2], state;
	if (!fixture_has_redis())
		skip();
	world_prepare(&world, 4);
	world.spills = true;
	assert_int_equal(pipe(fds), 0);
	pid_t weir = fork();
	if (weir == 0) {
		close(fds[0]);
		world.told = fds[1];
		live_and_die(&world, point);
	}
	close(fds[1]);
	take_what_was_told(&world, fds[0]);
	close(fds[0]);
	assert_int_equal(waitpid(weir, &state, 0), weir);
	assert_true(WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL);
	fixture_kill(world.server); /* its file is all that counts, and maxmemory is as it was */
	start_server(&world);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		world.peers[slot].produced = FRAMES_MAX;
	world_begin(&world);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		struct peer *peer = &world.peers[slot];
		uint64_t up = result_store_mark(world.store, slot).up;
		assert_true(up >= peer->durable); /* what it told is known, from the file too */
		peer->given = up;
		peer->produced = up + 5;
	}
	assert_true(result_store_counts(world.store).spilled_bytes > 0 || point == CRASH_replay);
	settle(&world);
	check_stream(&world);
	assert_int_equal(result_store_counts(world.store).spilled_bytes, 0);
	world_deinit(&world);
}

static void a_weir_that_dies_when_it_has_spilled_loses_and_repeats_nothing(void **state)
{
	(void)state;
	die_at(CRASH_spill);
}

static void a_weir_that_dies_before_the_spill_file_goes_repeats_nothing(void **state)
{
	(void)state;
	die_at(CRASH_replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_server_loses_and_repeats_nothing),
		cmocka_unit_test(a_server_that_stops_for_a_while_repeats_nothing),
		cmocka_unit_test(a_killed_weir_goes_on_where_the_server_is),
		cmocka_unit_test(a_weir_that_dies_when_it_has_spilled_loses_and_repeats_nothing),
		cmocka_unit_test(a_weir_that_dies_before_the_spill_file_goes_repeats_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
