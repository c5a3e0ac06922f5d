/* budgets.h - the segments' memory, watched: each second every segment's use goes into its
 * valve (memory/valve.h), what the valves say is carried out and undone, people are told
 * (one log line for each level and action with its figures, alerts memory_* of alerts.def),
 * and a little of the segments' keys is counted (store/memory_families.h).
 *
 *   create → start (each second from now) → stop → destroy
 *
 * A segment that does not answer keeps its level. Refused writes are those of the segment's
 * main connection that ended with -OOM. The keys of RTRS are counted on a connection of its own
 * (result_store.h: its port carries nobody else's commands inside a transaction), which stop
 * closes: stop before segments_close. Uses three timers. Loop thread. */
#pragma once

#include "ask/memory.h"
#include "store/memory_families.h"
#include "store/segments.h"

struct budgets;
struct terminals;
struct market_outputs;

struct budgets_config {
	struct loop *loop;
	struct segments *segments;
	struct alerts *alerts;
	struct market_outputs *outputs; /* NULL: none */
	struct terminals *terminals;    /* NULL: none */
};

struct budgets_counts {
	uint64_t begun[VALVE_ACTIONS]; /* times an action came into force */
	uint32_t actions;              /* in force, 1 << enum valve_action */
};

struct budgets *budgets_create(const struct budgets_config *config); /* NULL: no memory */
void budgets_destroy(struct budgets *budgets);                       /* NULL is fine */
void budgets_start(struct budgets *budgets);
void budgets_stop(struct budgets *budgets);
/* Nobody watches (NULL): nothing is. */
bool budgets_acts(const struct budgets *budgets, enum valve_action action);
/* Of the newest second. */
const struct ask_memory *budgets_facts(const struct budgets *budgets);
const struct valve *budgets_valve(const struct budgets *budgets, enum segment segment);
struct budgets_counts budgets_counts(const struct budgets *budgets);
