/* fleet.h - simulated terminals over TCP: N of terminal.h on a loop.
 *
 * Each terminal dials weir for itself (os/line_dial.h), with the expert's own time of
 * 500 ms for a connect. Time is the machine's wall clock at the opening plus the
 * monotonic clock since, read anew for every line and step, so that latencies are exact:
 * a frame's time to its K runs from the moment it was handed to the socket to the moment
 * at which K's line was read.
 *
 * Runs beside others on the same loop (weir's own, for its demonstration). Broker-wide
 * settings (volatility, path, path_bar) are those of the first terminal. Room of the
 * loop's heap: SIM_FLEET_TIMERS(count). Loop thread. */
#pragma once

#include "base/err.h"
#include "base/hist.h"
#include "os/loop.h"
#include "sim/sim_scenario.h"
#include "sim/terminal.h"

enum { SIM_FLEET_MAX = 16384 };
/* Connections at a time, those that are ending too; one more counts as a dial that failed. */
#define SIM_FLEET_CONNECTIONS(count) (2 * (count) + 64)
#define SIM_FLEET_TIMERS(count)      (SIM_FLEET_CONNECTIONS(count) + 1)

struct sim_instance {
	struct str id, token; /* copied */
};

struct sim_fleet_config {
	const char *host;
	uint16_t port;
	const struct sim_instance *instances;
	size_t count; /* 1..SIM_FLEET_MAX */
	uint64_t seed;
	const struct sim_scenario *scenario; /* NULL: the presets; else it outlives the fleet */
	const char *truth_path;              /* truth.h; NULL: none */
};

struct sim_fleet;

MUST_CHECK enum status sim_fleet_open(struct loop *loop, const struct sim_fleet_config *config,
				      struct sim_fleet **fleet, struct err *err);
/* At once; connections end without a good-bye. fn(ctx) runs when all is closed. */
void sim_fleet_close(struct sim_fleet *fleet, void (*fn)(void *ctx), void *ctx);

/* No own trading and no more trouble: what is on its way comes to its end. */
void sim_fleet_calm(struct sim_fleet *fleet);
/* All experts are unloaded: Z, then the connections end. */
void sim_fleet_bye(struct sim_fleet *fleet);
/* One terminal's process, as a person or an agent would: ends it without a word, starts
 * one that is down. False: there is none of that id. */
bool sim_fleet_kill(struct sim_fleet *fleet, struct str id);
bool sim_fleet_start(struct sim_fleet *fleet, struct str id);

struct sim_fleet_counts {
	struct terminal_counts terminals;
	struct broker_counts brokers;
	size_t count, up, down; /* now */
	uint64_t untold;        /* deals and results without a frame, now */
	size_t unacked;         /* reliable frames, now */
	uint64_t failed_dials, bytes_in, bytes_out, truth_lost;
	int64_t ran_ns;
	const struct hist *ack_ns; /* frame to K; the fleet's own */
};
void sim_fleet_counts(const struct sim_fleet *fleet, struct sim_fleet_counts *counts);
/* The summary, a line of text or of JSON. */
void sim_fleet_print(const struct sim_fleet *fleet, bool json, struct buf *out);
