/* terminals.h - the fleet's side of the daemon: core, gate, listeners, stores, deliveries,
 * host commands and the simulated terminals of the demo, built and wired.
 *
 *   create → restore (segments answer) → start (listens, reads signals) → stop (nobody
 *   comes in any more) → drain (what came is recorded) → close → destroy
 *
 * Loop thread. */
#pragma once

#include "alert/alert.h"
#include "def/config.h"
#include "fleet/fleet.h"
#include "gate/gate.h"
#include "os/line_server.h"
#include "store/account_store.h"
#include "store/instance_store.h"
#include "store/result_store.h"
#include "store/segments.h"
#include "store/signal_store.h"
#include "trade/deliveries.h"

struct archiving;
struct terminals;
struct trade_meter;

struct terminals_config {
	const struct config *config;
	const char *state_dir;
	struct loop *loop;
	struct segments *segments;
	struct alerts *alerts;
	struct archiving *archiving;    /* NULL: no archive */
	struct trade_meter *meter;      /* is told of signals, results and updates */
	bool demo;                      /* simulated terminals where no tokens file is named */
	void (*step_alerts)(void *ctx); /* alerts_step with this turn's time */
	/* Results cannot be kept: no new signals, for this word; NULL: no more. */
	void (*on_refuse)(void *ctx, const char *why);
	/* A terminal goes into another state, or falls silent. */
	void (*on_moved)(void *ctx, const struct instance *instance, enum instance_state from);
	/* A terminal's result, or deal, is taken. NULL: nobody looks. */
	void (*on_result)(void *ctx, const struct result *result);
	void *ctx;
};

MUST_CHECK enum status terminals_create(const struct terminals_config *config,
					struct terminals **terminals, struct err *err);
void terminals_destroy(struct terminals *terminals); /* NULL is fine */
void terminals_restore(struct terminals *terminals,
		       void (*done)(void *ctx, enum status status, const char *why), void *ctx);
MUST_CHECK enum status terminals_start(struct terminals *terminals, struct err *err);
void terminals_drain(struct terminals *terminals, void (*done)(void *ctx, enum status status),
		     void *ctx);
void terminals_close(struct terminals *terminals, void (*done)(void *ctx), void *ctx);
/* Last, after close and drain: what has a thread of its own ends. fn runs once, perhaps inside
 * the call. */
void terminals_end(struct terminals *terminals, void (*fn)(void *ctx), void *ctx);
/* After a SIGHUP: what takes effect at once, the tokens file too. */
void terminals_configure(struct terminals *terminals, const struct config *config);
/* The daemon's turn of alerts is over: what follows for the fleet. */
void terminals_step(struct terminals *terminals);
void terminals_alert(struct terminals *terminals, enum alert_rule rule, struct str scope,
		     bool firing);
void terminals_reconnected(struct terminals *terminals, enum segment segment);
void terminals_disconnected(struct terminals *terminals, enum segment segment);
/* Packs the rows of a terminal's history that are open, now. */
void terminals_flush_history(struct terminals *terminals, uint32_t slot);

/* ---- the archive (terminals_archive.c) ---- */

/* The rows of a delivery's end are committed; the trade of a closed position is, and a
 * checkpoint holds it. */
void terminals_delivery_archived(struct terminals *terminals, uint64_t tag, uint64_t sid,
				 struct str instance);
void terminals_trade_archived(struct terminals *terminals, const struct trade_sum *trade);
/* Of before this run, before start: a producer's key and the sid it has; a deal of the day. */
void terminals_remember(struct terminals *terminals, struct str id, uint64_t sid);
void terminals_remember_deal(struct terminals *terminals, struct str server, int64_t login,
			     uint64_t deal, int64_t at_ms, int64_t profit);
/* New signals end as refused why=WORD; NULL: no more. */
void terminals_refuse_signals(struct terminals *terminals, const char *why);
/* Nothing leaves the stream of results: they are packed for room (result_store.h). */
void terminals_save_room(struct terminals *terminals, bool saving);
/* What opens positions stops for the scope, at once and through restarts (halts.h); err says
 * what stands behind the scope's name: EXISTS, INVALID, FULL; NOT_FOUND. */
MUST_CHECK enum status terminals_halt(struct terminals *terminals, struct str scope,
				      struct err *err);
MUST_CHECK enum status terminals_resume(struct terminals *terminals, struct str scope,
					struct err *err);
const struct halts *terminals_halts(const struct terminals *terminals);
/* For who adds signals for others (signal_adding.h). */
struct signal_store *terminals_signal_store(struct terminals *terminals);
struct deliveries *terminals_trade_core(struct terminals *terminals);

/* Back-pressure (memory/valve.h): the actions in force from now on, 1 << enum valve_action. */
void terminals_shed(struct terminals *terminals, uint32_t actions);

/* For those who look. */
struct fleet *terminals_fleet(struct terminals *terminals);
const struct gate *terminals_gate(const struct terminals *terminals);
const struct line_server *terminals_listener(const struct terminals *terminals); /* NULL */
const struct line_server *terminals_tls_listener(const struct terminals *terminals);
const struct result_store *terminals_results(const struct terminals *terminals);
const struct instance_store *terminals_instances(const struct terminals *terminals);
const struct account_store *terminals_accounts(const struct terminals *terminals);
const struct signal_store *terminals_signals(const struct terminals *terminals);
const struct deliveries *terminals_deliveries(const struct terminals *terminals);
const struct limits *terminals_limits(const struct terminals *terminals);
const struct execution_store *terminals_executions(const struct terminals *terminals);
bool terminals_simulated(const struct terminals *terminals);
