/* terminals_impl.h - shared by terminals*.c only. */
#pragma once

#include "daemon/host_commands.h"
#include "daemon/terminals.h"
#include "sim/fleet.h"
#include "store/execution_store.h"
#include "store/spill.h"

enum { TERMINALS_LISTENERS = 2 }; /* plain, TLS */

struct terminals_listener {
	struct terminals *terminals;
	struct line_server *server;
};

/* What the fleet is told of a terminal's queue at the end of the turn. */
struct terminal_queue {
	uint32_t waiting, in_flight;
	bool changed;
};

struct terminals {
	struct terminals_config config;
	struct tokens *tokens;
	struct fleet *fleet;
	struct gate *gate;
	struct deliveries *deliveries;
	struct symbols *symbols;
	struct limits *limits;
	struct halts halts;
	struct instance_store *instances;
	struct account_store *accounts;
	struct result_store *results;
	struct signal_store *signals;
	struct execution_store *executions;
	struct spill *spill; /* NULL: none */
	bool stuck;          /* results cannot be kept: new signals are refused */
	struct host_commands *commands;
	struct terminals_listener listeners[TERMINALS_LISTENERS];
	struct sim_fleet *sim; /* the demo's terminals */
	struct loop_task arm_task;
	struct timer timer;            /* the next thing that the fleet or a delivery has to do */
	struct terminal_queue *queues; /* by slot */
	uint32_t *changed;             /* slots whose queue has changed in this turn */
	uint32_t changed_count;
	struct loop_task queue_task;
	struct timer close_timer; /* last words are on their way */
	bool started, simulated;
	int restoring, draining, closing; /* how many parts have not answered yet */
	enum status part_status;
	const char *part_why;
	void (*on_restored)(void *ctx, enum status status, const char *why);
	void (*on_drained)(void *ctx, enum status status);
	void (*on_closed)(void *ctx);
	void *ctx;
};

/* terminals_wires.c: who tells whom. */
struct fleet_hooks terminals_fleet_hooks(struct terminals *terminals);
struct gate_hooks terminals_gate_hooks(struct terminals *terminals);
struct result_store_hooks terminals_result_hooks(struct terminals *terminals);
struct signal_store_hooks terminals_signal_hooks(struct terminals *terminals);
struct delivery_hooks terminals_delivery_hooks(struct terminals *terminals);
/* terminals_trade.c: the trade cores, and what they ask of the fleet. */
MUST_CHECK enum status terminals_build_trade(struct terminals *terminals, uint32_t room,
					     struct err *err);
void terminals_destroy_trade(struct terminals *terminals);
MUST_CHECK enum status terminals_configure_trade(struct terminals *terminals,
						 const struct config *config);
void terminals_members_hooks(struct delivery_hooks *hooks);
void terminals_note_deal(struct terminals *terminals, const struct instance *instance,
			 const struct result *result, int64_t now_ms);
/* terminals_archive.c */
void terminals_ended_hook(struct delivery_hooks *hooks);
void terminals_note_step(struct terminals *terminals, const struct delivery_view *view);
void terminals_note_result(struct terminals *terminals, const struct result *result);
struct execution_store_hooks terminals_execution_hooks(struct terminals *terminals);
void terminals_meet_archive(struct terminals *terminals); /* before restore */
MUST_CHECK enum status terminals_open_spill(struct terminals *terminals, struct err *err);
void terminals_watch_spill(struct terminals *terminals); /* its alerts, and what follows */
/* terminals_meter.c: what the trade meter is told. */
bool terminals_meter_is_new(const struct terminals *terminals, const struct signal_entry *entry);
void terminals_meter_signal(struct terminals *terminals, const struct signal_entry *entry);
void terminals_meter_accounts(struct terminals *terminals); /* when the stores are there */
/* terminals_tokens.c: the tokens file, the state directory's, or the demo's. */
MUST_CHECK enum status terminals_read_tokens(struct terminals *terminals, struct err *err);
/* The demo's terminals, over real TCP (terminals_sim.c). */
MUST_CHECK enum status terminals_open_sim(struct terminals *terminals, uint16_t port,
					  struct err *err);
/* Arms the timer for what is next, at the end of the turn. */
void terminals_arm(struct terminals *terminals);
struct fleet_settings terminals_settings(const struct config *config);
