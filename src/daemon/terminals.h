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

struct terminals;

struct terminals_config {
	const struct config *config;
	const char *state_dir;
	struct loop *loop;
	struct segments *segments;
	struct alerts *alerts;
	bool demo;                      /* simulated terminals where no tokens file is named */
	void (*step_alerts)(void *ctx); /* alerts_step with this turn's time */
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
/* After a SIGHUP: what takes effect at once, the tokens file too. */
void terminals_configure(struct terminals *terminals, const struct config *config);
/* The daemon's turn of alerts is over: what follows for the fleet. */
void terminals_step(struct terminals *terminals);
void terminals_alert(struct terminals *terminals, enum alert_rule rule, struct str scope,
		     bool firing);
void terminals_reconnected(struct terminals *terminals, enum segment segment);
/* Packs the rows of a terminal's history that are open, now. */
void terminals_flush_history(struct terminals *terminals, uint32_t slot);

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
bool terminals_simulated(const struct terminals *terminals);
