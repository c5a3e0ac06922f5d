/* world.h - weir's market pipeline in a simulated world: venue, connections, Redis and
 * time are fakes, everything between is the real thing.
 *
 *   simulator → fake_ws ×4 → ingest → markets → market_store → fake_redis
 *        └────────── oracle: what was said, what arrived ──────────┘
 *
 * The venues live on whatever happens to weir; a weir that is killed loses its memory
 * and is built again from what the server holds. One thread, no wall clock: a run is
 * a function of its configuration. */
#pragma once

#include "fake_redis.h"
#include "feed/ingest.h"
#include "feed/simulator.h"
#include "oracle.h"
#include "store/market_store.h"

struct world_config {
	struct simulator_config simulator; /* start_ms is the wall clock's beginning */
	struct fake_redis_config redis;    /* callbacks are the world's */
	int64_t flush_ns;
};

struct world;

struct world *world_create(const struct world_config *config);
void world_destroy(struct world *world);

int64_t world_now_ns(const struct world *world); /* since the beginning */
void world_run_to(struct world *world, int64_t now_ns);
/* The wall clock alone: the venues' time goes on as before. */
void world_jump_wall(struct world *world, int64_t ns);

struct fake_redis *world_redis(struct world *world);
struct oracle *world_oracle(struct world *world);
const struct simulator_truth *world_truth(const struct world *world);

/* ---- weir ---- */
void world_weir_start(struct world *world);
void world_weir_kill(struct world *world); /* -9 */
/* Drained, then ended. False: it could not be drained within 30 s. */
bool world_weir_stop(struct world *world);
/* Restored, and the connections asked for. */
bool world_weir_up(const struct world *world);
struct markets *world_markets(struct world *world);
struct ingest *world_ingest(struct world *world);
struct market_store *world_store(struct world *world);
uint64_t world_presumed(const struct world *world); /* duplicates only presumed, all processes */

/* ---- the venues' connections ---- */
void world_feed_stale(struct world *world, enum venue venue, enum kind kind);
void world_feed_break(struct world *world, enum venue venue, enum kind kind);
void world_feed_refuse(struct world *world, bool refuses);
/* A frame of the test's own; no truth knows it. */
void world_feed_say(struct world *world, enum venue venue, enum kind kind, struct str frame);

/* ---- memory kept aside, to compare with what a restore makes of it ---- */
void world_keep_minutes(struct world *world);
enum status world_compare_minutes(struct world *world, struct err *err);
