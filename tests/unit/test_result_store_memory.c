/* What results cost in a real server with the settings of RTRS, written by the store: 60 s of
 * 1,000 a second, in batches as the store makes them at that rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "base/rng.h"
#include "def/segments.h"
#include "os/redis_conn.h"
#include "redis_fixture.h"
#include "store/result_store.h"
#include "unit/result_rows.h"

enum { TERMINALS = 100, RESULTS = 60000, SYMBOLS = 8, BYTES_MAX = 3000000, BATCH = 10 };

static const int64_t patience_ns = 20000000000, start_ms = 1784046190000;

/* As prices move: the last price of each, in points. */
struct symbol {
	const char *name;
	unsigned digits;
	int64_t price, commission;
};

static const struct symbol symbols[SYMBOLS] = {
	{ "EURUSD", 5, 108514, 350 },  { "GBPUSD", 5, 127340, 350 }, { "USDJPY", 3, 155123, 350 },
	{ "XAUUSD", 2, 234567, 500 },  { "AUDUSD", 5, 65432, 350 },  { "USDCAD", 5, 136789, 350 },
	{ "BTCUSD", 2, 6543210, 900 }, { "US500", 1, 54321, 0 },
};

struct world {
	struct loop *loop;
	char *folder, path[300];
	pid_t server;
	redisContext *context; /* of the test itself */
	struct redis_conn *conn;
	struct alerts *alerts;
	struct fleet *fleet;
	struct result_store *store;
	struct rng rng;
	struct symbol symbols[SYMBOLS];
	uint64_t seqs[TERMINALS], number;
	bool up, done;
	enum status status;
	size_t rows, durable;
};

static void on_up(void *ctx)
{
	struct world *world = ctx;
	world->up = true;
	if (world->store)
		result_store_reconnected(world->store);
}

static void on_durable(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	(void)slot, (void)epoch_ms, (void)seq;
	((struct world *)ctx)->durable++;
}

static void on_recorded(void *ctx, uint64_t tag) { (void)ctx, (void)tag; }

static void on_drained(void *ctx, enum status status)
{
	struct world *world = ctx;
	world->done = true;
	world->status = status;
}

static void on_restored(void *ctx, enum status status, const char *why)
{
	(void)why;
	on_drained(ctx, status);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static void wait_until_done(struct world *world)
{
	assert_true(loop_turn_until(world->loop, &world->done, patience_ns));
	assert_int_equal(world->status, STATUS_OK);
	world->done = false;
}

static void start_server(struct world *world)
{
	char bytes[24];
	const char *const settings[] = { "--stream-node-max-bytes", bytes, "--appendonly", "no",
					 NULL };
	snprintf(bytes, sizeof bytes, "%u", segment_row(SEGMENT_RTRS)->node_bytes);
	world->folder = fixture_folder();
	assert_non_null(world->folder);
	snprintf(world->path, sizeof world->path, "%s/redis.sock", world->folder);
	world->server = fixture_redis(world->folder, settings);
	assert_true(world->server > 0);
}

static void open_fleet(struct world *world)
{
	const struct fleet_settings settings = fleet_settings_default();
	world->alerts = alerts_create(&(struct alert_hooks){ 0 });
	world->fleet =
	    fleet_create(TERMINALS, &settings, world->alerts, 1, &(struct fleet_hooks){ 0 });
	assert_non_null(world->fleet);
	for (unsigned i = 0; i < TERMINALS; i++) {
		struct instance_identity identity = { 0 };
		uint32_t slot;
		snprintf(identity.id, sizeof identity.id, "mt5-%03u", i);
		assert_int_equal(fleet_add(world->fleet, &identity, &slot), STATUS_OK);
	}
}

static void world_init(struct world *world, bool packed)
{
	struct err err;
	*world = (struct world){ 0 };
	memcpy(world->symbols, symbols, sizeof symbols);
	rng_init(&world->rng, 1);
	start_server(world);
	assert_int_equal(loop_create(64, &world->loop, &err), STATUS_OK);
	open_fleet(world);
	const struct redis_conn_config config = { .unix_path = world->path,
						  .deadline_ns = patience_ns,
						  .seed = 1,
						  .on_up = on_up,
						  .ctx = world };
	assert_int_equal(redis_conn_open(world->loop, &config, &world->conn, &err), STATUS_OK);
	redis_conn_hurry(world->conn, patience_ns);
	assert_true(loop_turn_until(world->loop, &world->up, patience_ns));
	const struct result_store_hooks hooks = { on_durable, on_recorded, world };
	world->store =
	    result_store_create(redis_conn_port(world->conn), world->fleet,
				loop_timers(world->loop), loop_clock(world->loop), &hooks);
	assert_non_null(world->store);
	result_store_use_packing(world->store, packed);
	result_store_restore(world->store, on_restored, world);
	wait_until_done(world);
	world->context = redisConnectUnix(world->path);
	assert_true(world->context && !world->context->err);
}

static void world_deinit(struct world *world)
{
	redis_conn_close(world->conn, set_flag, &world->done);
	assert_true(loop_turn_until(world->loop, &world->done, patience_ns));
	result_store_destroy(world->store);
	redisFree(world->context);
	fixture_kill(world->server);
	fleet_destroy(world->fleet);
	alerts_destroy(world->alerts);
	loop_destroy(world->loop);
	fixture_remove(world->folder);
}

static int64_t used_memory(struct world *world)
{
	redisReply *reply = redisCommand(world->context, "INFO memory");
	assert_non_null(reply);
	const char *line = strstr(reply->str, "used_memory:");
	int64_t bytes = line ? strtoll(line + strlen("used_memory:"), NULL, 10) : 0;
	freeReplyObject(reply);
	assert_true(bytes > 0);
	return bytes;
}

/* ---- the load ---- */

static void put_price(struct buf *text, const char *key, const struct symbol *symbol,
		      int64_t points)
{
	int64_t scale = 1;
	for (unsigned i = 0; i < symbol->digits; i++)
		scale *= 10;
	buf_printf(text, " %s=%lld.%0*lld", key, (long long)(points / scale), (int)symbol->digits,
		   (long long)(points % scale));
}

/* One of an order that was filled, a while after its signal: now and then in two parts, now and
 * then refused. */
static void result_line(struct world *world, int64_t now_ms, struct buf *text)
{
	struct rng *rng = &world->rng;
	struct symbol *symbol = &world->symbols[rng_below(rng, SYMBOLS)];
	int64_t asked = symbol->price += (int64_t)rng_below(rng, 41) - 20;
	int64_t slipped = (int64_t)rng_below(rng, 7) - 3, lots = 1 + (int64_t)rng_below(rng, 50);
	int64_t commission = symbol->commission * lots / 100,
		ex = 40 + (int64_t)rng_below(rng, 300);
	const char *side = rng_below(rng, 2) ? "buy" : "sell";
	uint64_t sid = (uint64_t)(now_ms - ex) << 12 | rng_below(rng, 3);
	uint64_t order = 391774213 + world->number * 2 + rng_below(rng, 64);
	buf_printf(text, "R 1 sid=%llu", (unsigned long long)sid);
	if (rng_below(rng, 50) == 0) {
		buf_printf(text, " st=fail rc=10019 sym=%s sd=%s ex=%d try=1 why=No%%20money",
			   symbol->name, side, (int)ex);
		return;
	}
	buf_printf(text, " st=%s rc=10009 ord=%llu deal=%llu pos=%llu sym=%s sd=%s vol=%lld.%02lld",
		   rng_below(rng, 30) ? "done" : "part", (unsigned long long)order,
		   (unsigned long long)order + 1009 + rng_below(rng, 16), (unsigned long long)order,
		   symbol->name, side, (long long)(lots / 100), (long long)(lots % 100));
	put_price(text, "rq", symbol, asked);
	put_price(text, "px", symbol, asked + slipped);
	buf_printf(text, " slp=%lld com=-%lld.%02lld pl=0.00 sv=%lld ex=%d try=1",
		   (long long)slipped, (long long)(commission / 100), (long long)(commission % 100),
		   (long long)(now_ms + 10800000 - (int64_t)rng_below(rng, 80)), (int)ex);
}

/* The n-th of them, at 1,000 a second, of any terminal. */
static void take_one(struct world *world)
{
	static struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	char line[400], id[40];
	struct buf text = buf_over(line, sizeof line), id_text = buf_over(id, sizeof id);
	int64_t now_ms = start_ms + (int64_t)++world->number;
	uint32_t slot = (uint32_t)rng_below(&world->rng, TERMINALS);
	const struct result_owner owner = { str_of(fleet_at(world->fleet, slot)->identity.id),
					    STR("Broker-Live"), 90000000 + slot };
	result_line(world, now_ms, &text);
	buf_printf(&id_text, "sig-%llu",
		   (unsigned long long)(world->number + rng_below(&world->rng, 300)));
	assert_int_equal(mfp_read(buf_str(&text), MFP_PEER, &frame, &fault), STATUS_OK);
	assert_int_equal(result_of_frame(&result, &frame, &owner, now_ms), STATUS_OK);
	result.fields[RESULT_id] = buf_str(&id_text);
	assert_int_equal(
	    result_store_take(world->store, slot, 1000, ++world->seqs[slot], &result, 0),
	    STATUS_OK);
}

/* used_memory of so many results, so many of them a transaction. */
static int64_t cost(bool packed, int results, int batch)
{
	static struct world world;
	world_init(&world, packed);
	int64_t before = used_memory(&world);
	for (int i = 0; i < results; i += batch) {
		for (int n = 0; n < batch; n++)
			take_one(&world);
		result_store_drain(world.store, on_drained, &world);
		wait_until_done(&world);
	}
	int64_t bytes = used_memory(&world) - before;
	assert_int_equal(result_store_counts(world.store).results, results);
	print_message("%d results%s, %d a batch: used_memory +%.2f MB, %.1f bytes each\n", results,
		      packed ? " packed" : "", batch, (double)bytes / 1e6, (double)bytes / results);
	world_deinit(&world);
	return bytes;
}

/* ---- */

static void a_minute_of_results_costs_no_more_than_3_mb(void **state)
{
	(void)state;
	if (!fixture_has_redis())
		skip();
	assert_true(cost(true, RESULTS, BATCH) <= BYTES_MAX);
}

static void full_batches_cost_an_eighth_of_plain_fields(void **state)
{
	(void)state;
	if (!fixture_has_redis())
		skip();
	assert_true(cost(true, 40000, 1000) * 8 <= cost(false, 40000, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_of_results_costs_no_more_than_3_mb),
		cmocka_unit_test(full_batches_cost_an_eighth_of_plain_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
