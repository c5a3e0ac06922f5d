/* live_world.h - weir's live feed (feed/live.h) between simulated venues and an oracle.
 *
 *   venue_sim ⇄ live → ingest → markets ← oracle: the venues' own trades
 *                        └ trades for the tape ┘
 *
 * All of Binance and Bybit, spot and perpetual, with the symbols of venue_sim.h. One
 * thread, no wall clock: a run is a function of its configuration. */
#pragma once

#include "base/err.h"
#include "feed/live.h"
#include "venue_sim.h"

enum {
	/* A minute is judged so long after its end: until then the venue's word about it,
	 * or the trade that proves a gap, may be on its way. */
	LIVE_WORLD_SETTLE_MS = 15000,
};

struct live_world_config {
	struct venue_sim_config venues; /* timers, clock and start_ms are the world's */
	bool depth;
};

struct live_world_minutes { /* of a venue */
	uint64_t judged, complete, partial, missing, klines, repaired;
};

struct live_world;

struct live_world *live_world_create(const struct live_world_config *config);
void live_world_destroy(struct live_world *world);
void live_world_run_to(struct live_world *world, int64_t now_ns); /* since the beginning */
int64_t live_world_now_ns(const struct live_world *world);
/* weir's wall clock alone: the venues' goes on as before. */
void live_world_set_wall(struct live_world *world, int64_t ahead_ns);
struct venue_sim *live_world_venues(struct live_world *world);
struct live *live_world_live(struct live_world *world);
struct markets *live_world_markets(struct live_world *world);
/* The answer to a question, at weir's wall clock; lives until the next one. */
const char *live_world_ask(struct live_world *world, const char *question);
/* The last lines that the feed had for its log, oldest first. */
void live_world_print_notes(const struct live_world *world);

/* INVALID with the first wrong minute of the last 24 h in err: one that weir calls complete
 * and that is not the venue's, or one that holds more than the venue's. */
enum status live_world_judge(struct live_world *world, struct err *err);
/* Over the minutes of the last 24 h that are old enough, since the beginning. */
void live_world_count(const struct live_world *world, enum venue venue,
		      struct live_world_minutes *out);
/* INVALID: the base or quote CVD of a market whose minutes are all known is not the
 * venue's. *compared counts the markets where it could be told. */
enum status live_world_judge_cvd(const struct live_world *world, size_t *compared, struct err *err);
/* INVALID: a trade went to the tape twice or as no venue made it, or is not there although
 * its minute is complete and made of trades (Binance). */
enum status live_world_judge_tape(const struct live_world *world, struct err *err);
