/* sim_source.h - the simulator behind four ws_clients, one per venue and kind.
 *
 * Paced by the wall clock of the owner: what the simulated venues say by now comes
 * within SIM_SOURCE_PACE_NS of its time. A source that is asked to begin in the
 * past first says the history in between, in slices that keep a turn of the loop
 * short (their size follows the time the turns take), then goes on live, with
 * books and depth. The venues live on while weir is down: a source opened again
 * at the last event time of the state has exactly what was missed, ids and all.
 *
 * All four share one simulator, so a paused client holds back the others too; what
 * belongs to a client that is not open is lost, as with a real venue. URL and
 * messages sent to the venue are ignored. Loop thread. */
#pragma once

#include "base/timers.h"
#include "feed/simulator.h"
#include "port/clock.h"
#include "port/ws_client.h"

enum {
	SIM_SOURCE_PACE_NS = 50000000, /* live: this often */
	SIM_SOURCE_SLICE_NS = 4000000, /* history: aimed-at length of a turn */
};

struct sim_source_options {
	/* start_ms: where to begin, in the past for a history (26 h of the defaults take
	 * about a second) or the newest event time of the state. full is taken from here
	 * once the history is said; it is off before. */
	struct simulator_config simulator;
	void (*on_live)(void *ctx); /* the history is said; may be NULL */
	void *ctx;
};

struct sim_source;

/* The timers need room for one. Clock and timers outlive the source. */
MUST_CHECK enum status sim_source_create(const struct sim_source_options *options,
					 struct timers *timers, const struct clock_port *clock,
					 struct sim_source **out);
/* Without on_close. NULL is fine. */
void sim_source_destroy(struct sim_source *source);
/* Owned by the source. */
struct ws_client *sim_source_client(struct sim_source *source, enum venue venue, enum kind kind);
/* For simulator_resume before the first open, and for the truth. */
struct simulator *sim_source_simulator(struct sim_source *source);
bool sim_source_live(const struct sim_source *source);
