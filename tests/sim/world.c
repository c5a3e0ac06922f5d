#include "world.h"

#include <stdlib.h>

#include "base/check.h"
#include "fake_ws.h"

enum {
	FEEDS = VENUE_COUNT * KIND_COUNT,
	TIMER_ROOM = 64,
	MS_NS = 1000000,
	VENUE_STEP_NS = 20 * MS_NS, /* how often the venues say what is due */
	REOPEN_NS = 500 * MS_NS,    /* weir's wait before it connects again */
	TOLD_MAX = 16,              /* trades of one frame */
};

static const int64_t stale_ns = 10000LL * MS_NS; /* silence: weir closes and reopens */

struct feed {
	struct world *world;
	struct fake_ws *ws;
	enum venue venue;
	enum kind kind;
	struct timer reopen;
	struct timer stale;
	bool was_open;
};

struct weir {
	bool exists, up;
	struct markets *markets;
	struct ingest *ingest;
	struct market_store *store;
	struct timer retry;
	bool paused;
};

struct world {
	struct world_config config;
	struct clock_port clock;
	struct timers *timers;
	int64_t now_ns, wall_jump_ns;
	struct simulator *simulator;
	struct timer venue_timer;
	struct feed feeds[FEEDS];
	struct fake_redis *redis;
	bool redis_seen;
	struct oracle *oracle;
	struct weir weir;
	uint64_t presumed; /* by processes that are gone */
	struct simulator_trade told[TOLD_MAX];
	size_t n_told;
	bool drained;
	enum status drain_status;
	struct kept {
		struct market_id id;
		int32_t price_scale, qty_scale;
		struct bar bar;
	} * kept;
	size_t n_kept;
};

/* ---- time ---- */

static int64_t clock_now(void *ctx) { return ((struct world *)ctx)->now_ns; }
static int64_t clock_wall(void *ctx)
{
	struct world *world = ctx;
	return world->config.simulator.start_ms * MS_NS + world->now_ns + world->wall_jump_ns;
}

static int64_t venue_ms(const struct world *world)
{
	return world->config.simulator.start_ms + world->now_ns / MS_NS;
}

static void arm(struct world *world, struct timer *timer, int64_t delay_ns)
{
	timers_arm(world->timers, timer, world->now_ns + delay_ns);
}

int64_t world_now_ns(const struct world *world) { return world->now_ns; }

void world_run_to(struct world *world, int64_t now_ns)
{
	for (int64_t next; (next = timers_next_ns(world->timers)) <= now_ns;) {
		world->now_ns = next > world->now_ns ? next : world->now_ns;
		timers_run(world->timers, world->now_ns, 1);
	}
	world->now_ns = now_ns > world->now_ns ? now_ns : world->now_ns;
}

void world_jump_wall(struct world *world, int64_t ns) { world->wall_jump_ns += ns; }

/* ---- the venues ---- */

static void on_told(void *ctx, const struct simulator_trade *trade)
{
	struct world *world = ctx;
	if (trade->fate == SIM_DROPPED) {
		oracle_trade(world->oracle, trade, false, world->now_ns);
		return;
	}
	CHECK(world->n_told < TOLD_MAX);
	world->told[world->n_told++] = *trade;
}

static struct feed *feed_of(struct world *world, enum venue venue, enum kind kind)
{
	return &world->feeds[venue * KIND_COUNT + kind];
}

static void on_frame(void *ctx, enum venue venue, enum kind kind, struct str frame, int64_t t_ms)
{
	struct world *world = ctx;
	bool delivered = fake_ws_say(feed_of(world, venue, kind)->ws, frame, t_ms * MS_NS);
	for (size_t i = 0; i < world->n_told; i++)
		oracle_trade(world->oracle, &world->told[i], delivered, world->now_ns);
	world->n_told = 0;
}

/* weir pauses its sources while its store cannot keep up. */
static void hold_back(struct world *world)
{
	bool busy = market_store_busy(world->weir.store);
	if (busy == world->weir.paused)
		return;
	world->weir.paused = busy;
	for (size_t i = 0; i < FEEDS; i++) {
		struct ws_client *client = fake_ws_client(world->feeds[i].ws);
		client->ops->pause(client, busy);
	}
}

static void on_venue(void *ctx)
{
	struct world *world = ctx;
	struct simulator_sink sink = { on_frame, on_told, world };
	simulator_advance(world->simulator, venue_ms(world), SIZE_MAX / 2, &sink);
	if (world->weir.up)
		hold_back(world);
	arm(world, &world->venue_timer, VENUE_STEP_NS);
}

/* ---- weir's side of the connections ---- */

static void on_open(void *ctx)
{
	struct feed *feed = ctx;
	feed->was_open = true;
	arm(feed->world, &feed->stale, stale_ns);
}

static void on_message(void *ctx, struct str message, int64_t received_ns)
{
	struct feed *feed = ctx;
	(void)received_ns;
	arm(feed->world, &feed->stale, stale_ns);
	ingest_frame(feed->world->weir.ingest, feed->venue, feed->kind, message);
	hold_back(feed->world);
}

static void on_close(void *ctx, int code, struct str reason)
{
	struct feed *feed = ctx;
	(void)code, (void)reason;
	timers_cancel(feed->world->timers, &feed->stale);
	if (feed->was_open)
		ingest_interrupted(feed->world->weir.ingest, feed->venue, feed->kind);
	feed->was_open = false;
	arm(feed->world, &feed->reopen, REOPEN_NS);
}

static void feed_open(void *ctx)
{
	struct feed *feed = ctx;
	struct ws_events events = { on_open, on_message, on_close, feed };
	struct ws_client *client = fake_ws_client(feed->ws);
	CHECK(client->ops->open(client, "", &events) == STATUS_OK);
}

static void feed_is_stale(void *ctx)
{
	struct feed *feed = ctx;
	if (feed->world->weir.paused) {
		arm(feed->world, &feed->stale, stale_ns);
		return;
	}
	struct ws_client *client = fake_ws_client(feed->ws);
	client->ops->close(client);
}

/* ---- weir ---- */

static void on_trade(void *ctx, struct market *market, const struct trade *trade)
{
	struct world *world = ctx;
	market_store_trade(world->weir.store, market, trade);
}

static void weir_free(struct world *world)
{
	struct weir *weir = &world->weir;
	for (size_t i = 0; weir->up && i < markets_count(weir->markets); i++)
		world->presumed += market_counts(markets_at(weir->markets, i))->presumed;
	market_store_destroy(weir->store);
	ingest_destroy(weir->ingest);
	markets_destroy(weir->markets);
	timers_cancel(world->timers, &weir->retry);
	weir->markets = NULL;
	weir->ingest = NULL;
	weir->store = NULL;
	weir->up = weir->paused = false;
}

static void weir_begin(struct world *world);

static void on_restored(void *ctx, enum status status, const char *why)
{
	struct world *world = ctx;
	(void)why;
	if (status) { /* the daemon would end; here it is started again */
		arm(world, &world->weir.retry, REOPEN_NS);
		return;
	}
	world->weir.up = true;
	for (size_t i = 0; i < FEEDS; i++) { /* nobody listened while there was no weir */
		struct feed *feed = &world->feeds[i];
		ingest_interrupted(world->weir.ingest, feed->venue, feed->kind);
		feed_open(feed);
	}
}

static void on_retry(void *ctx)
{
	struct world *world = ctx;
	fake_redis_abandon(world->redis);
	weir_free(world);
	weir_begin(world);
}

static void on_redis(void *ctx)
{
	struct world *world = ctx;
	if (world->redis_seen && world->weir.up)
		market_store_reconnected(world->weir.store);
	world->redis_seen = true;
}

static void weir_begin(struct world *world)
{
	static const struct market_config market_config = { .whale_quote = 500000,
							    .simulated = true };
	struct ingest_hooks hooks = { .on_trade = on_trade, .ctx = world };
	struct market_store_config store_config = { .flush_ns = world->config.flush_ns };
	struct weir *weir = &world->weir;
	weir->exists = true;
	world->redis_seen = fake_redis_connected(world->redis);
	fake_redis_on_connected(world->redis, on_redis, world);
	weir->markets = markets_create(&market_config);
	weir->ingest = ingest_create(weir->markets, &hooks);
	weir->store = market_store_create(fake_redis_port(world->redis), weir->markets,
					  world->timers, &world->clock, &store_config);
	CHECK(weir->markets && weir->ingest && weir->store);
	market_store_restore(weir->store, on_restored, world);
}

void world_weir_start(struct world *world)
{
	CHECK(!world->weir.exists);
	weir_begin(world);
}

static void disconnect(struct world *world)
{
	for (size_t i = 0; i < FEEDS; i++) {
		fake_ws_abandon(world->feeds[i].ws);
		timers_cancel(world->timers, &world->feeds[i].reopen);
		timers_cancel(world->timers, &world->feeds[i].stale);
		world->feeds[i].was_open = false;
	}
}

void world_weir_kill(struct world *world)
{
	CHECK(world->weir.exists);
	disconnect(world);
	fake_redis_abandon(world->redis);
	weir_free(world);
	world->weir.exists = false;
}

static void on_drained(void *ctx, enum status status)
{
	struct world *world = ctx;
	world->drained = true;
	world->drain_status = status;
}

bool world_weir_stop(struct world *world)
{
	int64_t end_ns = world->now_ns + 30000LL * MS_NS;
	disconnect(world);
	while (world->now_ns < end_ns) {
		world->drained = false;
		market_store_drain(world->weir.store, on_drained, world);
		while (!world->drained && world->now_ns < end_ns)
			world_run_to(world, world->now_ns + 10 * MS_NS);
		if (!world->drained)
			break;
		if (world->drain_status == STATUS_OK) {
			world_weir_kill(world);
			return true;
		}
		world_run_to(world, world->now_ns + REOPEN_NS);
	}
	world_weir_kill(world);
	return false;
}

bool world_weir_up(const struct world *world) { return world->weir.up; }
struct markets *world_markets(struct world *world) { return world->weir.markets; }
struct ingest *world_ingest(struct world *world) { return world->weir.ingest; }
struct market_store *world_store(struct world *world) { return world->weir.store; }
struct fake_redis *world_redis(struct world *world) { return world->redis; }
struct oracle *world_oracle(struct world *world) { return world->oracle; }

uint64_t world_presumed(const struct world *world)
{
	uint64_t presumed = world->presumed;
	for (size_t i = 0; world->weir.up && i < markets_count(world->weir.markets); i++)
		presumed += market_counts(markets_at(world->weir.markets, i))->presumed;
	return presumed;
}

const struct simulator_truth *world_truth(const struct world *world)
{
	return simulator_truth(world->simulator);
}

/* ---- what a test does to the connections ---- */

void world_feed_stale(struct world *world, enum venue venue, enum kind kind)
{
	fake_ws_go_stale(feed_of(world, venue, kind)->ws);
}

void world_feed_break(struct world *world, enum venue venue, enum kind kind)
{
	fake_ws_break(feed_of(world, venue, kind)->ws, 1006);
}

void world_feed_refuse(struct world *world, bool refuses)
{
	for (size_t i = 0; i < FEEDS; i++)
		fake_ws_refuse(world->feeds[i].ws, refuses);
}

void world_feed_say(struct world *world, enum venue venue, enum kind kind, struct str frame)
{
	fake_ws_say(feed_of(world, venue, kind)->ws, frame, clock_wall(world));
}

/* ---- minutes kept aside ---- */

static void keep(struct world *world, const struct market *market, const struct bar *bar)
{
	world->kept = realloc(world->kept, (world->n_kept + 1) * sizeof *world->kept);
	CHECK(world->kept);
	struct kept *kept = &world->kept[world->n_kept++];
	*kept = (struct kept){ .id = *market_id(market), .bar = *bar };
	market_scales(market, &kept->price_scale, &kept->qty_scale);
}

void world_keep_minutes(struct world *world)
{
	world->n_kept = 0;
	for (size_t i = 0; i < markets_count(world->weir.markets); i++) {
		const struct market *market = markets_at(world->weir.markets, i);
		struct market_cursor cursor = { 0 };
		struct bar bar;
		while (market_next_minute(market, &cursor, &bar))
			if (!market_minute(market, bar.minute_ms, &bar))
				keep(world, market, &bar);
	}
}

/* A start interrupts: the newest minute may have become partial by it. */
static bool bars_equal(const struct bar *a, const struct bar *b, bool newest)
{
	uint32_t more = newest ? BAR_PARTIAL : 0;
	return a->minute_ms == b->minute_ms && a->open == b->open && a->high == b->high &&
	       a->low == b->low && a->close == b->close && a->buy == b->buy && a->sell == b->sell &&
	       a->buy_quote == b->buy_quote && a->sell_quote == b->sell_quote &&
	       a->id_first == b->id_first && a->id_last == b->id_last && a->n_buy == b->n_buy &&
	       a->n_sell == b->n_sell && (a->flags | more) == (b->flags | more);
}

static bool is_newest(const struct market *market, const struct bar *bar)
{
	return market_newest_ms(market) / MINUTE_MS * MINUTE_MS == bar->minute_ms;
}

enum status world_compare_minutes(struct world *world, struct err *err)
{
	for (size_t i = 0; i < world->n_kept; i++) {
		const struct kept *kept = &world->kept[i];
		const struct market *market = markets_find(world->weir.markets, &kept->id);
		struct bar bar = { 0 };
		int32_t price_scale = 0, qty_scale = 0;
		if (market)
			market_scales(market, &price_scale, &qty_scale);
		if (!market || market_minute(market, kept->bar.minute_ms, &bar) ||
		    price_scale != kept->price_scale || qty_scale != kept->qty_scale ||
		    !bars_equal(&kept->bar, &bar, is_newest(market, &bar)))
			return err_set(err, STATUS_INVALID,
				       "%s:%s:%s minute %lld is not the same after a restart "
				       "(flags %u then %u, trades %u then %u)",
				       venue_text((enum venue)kept->id.venue),
				       kind_text((enum kind)kept->id.kind), kept->id.symbol,
				       (long long)kept->bar.minute_ms, kept->bar.flags, bar.flags,
				       kept->bar.n_buy + kept->bar.n_sell, bar.n_buy + bar.n_sell);
	}
	return STATUS_OK;
}

/* ---- life ---- */

static void feeds_init(struct world *world)
{
	for (size_t i = 0; i < FEEDS; i++) {
		struct feed *feed = &world->feeds[i];
		*feed = (struct feed){ .world = world,
				       .venue = (enum venue)(i / KIND_COUNT),
				       .kind = (enum kind)(i % KIND_COUNT) };
		feed->ws = fake_ws_create(world->timers, &world->clock);
		feed->reopen = (struct timer){ .fn = feed_open, .ctx = feed };
		feed->stale = (struct timer){ .fn = feed_is_stale, .ctx = feed };
	}
}

struct world *world_create(const struct world_config *config)
{
	struct world *world = calloc(1, sizeof *world);
	CHECK(world);
	world->config = *config;
	world->now_ns = 1;
	world->clock = (struct clock_port){ clock_now, clock_wall, world };
	world->timers = timers_create(TIMER_ROOM);
	CHECK(simulator_create(&config->simulator, &world->simulator) == STATUS_OK);
	feeds_init(world);
	struct fake_redis_config redis = config->redis;
	redis.on_connected = redis.on_disconnected = NULL;
	world->redis = fake_redis_create(&redis, world->timers, &world->clock);
	world->oracle = oracle_create();
	world->weir.retry = (struct timer){ .fn = on_retry, .ctx = world };
	world->venue_timer = (struct timer){ .fn = on_venue, .ctx = world };
	arm(world, &world->venue_timer, VENUE_STEP_NS);
	return world;
}

void world_destroy(struct world *world)
{
	if (!world)
		return;
	if (world->weir.exists)
		world_weir_kill(world);
	for (size_t i = 0; i < FEEDS; i++)
		fake_ws_destroy(world->feeds[i].ws);
	fake_redis_destroy(world->redis);
	simulator_destroy(world->simulator);
	oracle_destroy(world->oracle);
	timers_destroy(world->timers);
	free(world->kept);
	free(world);
}
