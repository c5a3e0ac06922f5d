/* fleet_impl.h - what fleet.c and fleet_open.c share. */
#pragma once

#include "base/check.h"
#include "os/line_dial.h"
#include "sim/fleet.h"
#include "sim/prices.h"
#include "sim/truth.h"

enum { SIM_FLEET_ID_BYTES = 65, SIM_FLEET_SERVER_BYTES = 24 };
#define SIM_FLEET_SECOND 1000000000

/* One connection; it outlives the seat's interest in it. */
struct link {
	struct seat *seat; /* NULL: the terminal has let go of it */
	struct line_conn *conn;
	bool open;
};

struct seat {
	struct sim_fleet *fleet;
	struct sim_settings settings;
	char id[SIM_FLEET_ID_BYTES], server[SIM_FLEET_SERVER_BYTES];
	struct terminal *terminal;
	struct link *link;  /* NULL: none */
	struct timer timer; /* in the fleet's heap, at model time */
	bool paused;
};

struct sim_fleet {
	struct loop *loop;
	struct line_dialer *dialer;
	char *host;
	uint16_t port;
	struct prices *prices;
	struct sim_scenario *presets; /* where no scenario was given */
	struct sim_truth *truth;
	struct timers *timers;
	struct timer alarm;
	int64_t wall_base_ns; /* model time minus the monotonic clock */
	int64_t opened_ns, flushed_ns;
	bool closing;
	void (*on_closed)(void *ctx);
	void *on_closed_ctx;
	struct terminal_counts counts;
	uint64_t failed_dials;
	struct hist ack_ns;
	size_t count;
	struct seat seats[];
};

/* ---- fleet.c ---- */

int64_t sim_fleet_now(const struct sim_fleet *fleet);
/* Does what the seat's terminal wants done. */
void sim_fleet_pump(struct seat *seat);
void sim_fleet_arm(struct sim_fleet *fleet);
void sim_fleet_on_alarm(void *ctx);
void sim_fleet_on_due(void *ctx); /* a seat */
void *sim_fleet_on_open(void *ctx, struct line_conn *conn);
void sim_fleet_on_line(void *ctx, struct str line);
void sim_fleet_on_close(void *ctx, enum status why);

/* ---- fleet_open.c ---- */

/* Everything but the dialer, which is closed before. */
void sim_fleet_destroy(struct sim_fleet *fleet);
