/* The fleet itself: who is in it, time, and what the store read back. */
#include "fleet/fleet.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "fleet/fleet_impl.h"

#define YOUNG_MS      INT64_C(60000)           /* row 20 */
#define STANDSTILL_NS (2 * SECOND_NS)          /* a turn so late is weir's own silence */
#define ON_CHANGE_NS  (30 * 86400 * SECOND_NS) /* of rules told only when they change */

struct fleet_settings fleet_settings_default(void)
{
	return (struct fleet_settings){
		.start_ns = 90 * SECOND_NS,
		.sync_ns = 10 * SECOND_NS,
		.suspect_ns = 5 * SECOND_NS,
		.dead_ns = 15 * SECOND_NS,
		.grace_ns = 5 * SECOND_NS,
		.recover_ns = 60 * SECOND_NS,
		.reset_ns = 600 * SECOND_NS,
		.backoff_ns = 5 * SECOND_NS,
		.attempts_max = 3,
		.lag_ms = 2000,
		.lag_hold_ns = 10 * SECOND_NS,
		.steady_ns = 10 * SECOND_NS,
		.memory_budget_mb = 100,
		.rate = 10,
		.suspect_share = 0.20,
		.refuse_queue = 200,
		.recover = true,
	};
}

/* ---- making and ending ---- */

static uint32_t buckets_for(uint32_t room)
{
	uint32_t buckets = 16;
	while (buckets < 2 * room)
		buckets *= 2;
	return buckets;
}

static void set_intervals(struct alerts *alerts)
{
	static const enum alert_rule sampled[] = { ALERT_high_cpu, ALERT_high_memory,
						   ALERT_network_failure, ALERT_high_queue,
						   ALERT_high_load };
	static const enum alert_rule changed[] = { ALERT_instance_crash, ALERT_socket_failure,
						   ALERT_recovery_failure, ALERT_flapping,
						   ALERT_fleet_suspect };
	for (size_t i = 0; i < ARRAY_LEN(sampled); i++)
		alerts_set_interval(alerts, sampled[i], SECOND_NS);
	for (size_t i = 0; i < ARRAY_LEN(changed); i++)
		alerts_set_interval(alerts, changed[i], ON_CHANGE_NS);
}

static bool allocate(struct fleet *fleet, uint32_t room)
{
	uint32_t buckets = buckets_for(room);
	fleet->room = fleet->host_room = room;
	fleet->bucket_mask = buckets - 1;
	fleet->timers = timers_create(room);
	fleet->terminals = calloc(room, sizeof fleet->terminals[0]);
	fleet->hosts = calloc(room, sizeof fleet->hosts[0]);
	fleet->buckets = malloc(buckets * sizeof fleet->buckets[0]);
	for (uint32_t i = 0; fleet->buckets && i < buckets; i++)
		fleet->buckets[i] = FLEET_NONE;
	return fleet->timers && fleet->terminals && fleet->hosts && fleet->buckets;
}

struct fleet *fleet_create(uint32_t instances_max, const struct fleet_settings *settings,
			   struct alerts *alerts, uint64_t seed, const struct fleet_hooks *hooks)
{
	struct fleet *fleet = calloc(1, sizeof *fleet);
	CHECK(instances_max && alerts);
	if (!fleet)
		return NULL;
	if (!allocate(fleet, instances_max)) {
		fleet_destroy(fleet);
		return NULL;
	}
	fleet->settings = *settings;
	fleet->hooks = *hooks;
	fleet->alerts = alerts;
	fleet->first_touched = fleet->oldest_suspect = fleet->newest_suspect = FLEET_NONE;
	fleet->allowed_ns = LONG_AGO;
	rng_init(&fleet->rng, seed);
	set_intervals(alerts);
	return fleet;
}

void fleet_destroy(struct fleet *fleet)
{
	if (!fleet)
		return;
	for (uint32_t slot = 0; fleet->terminals && slot < fleet->room; slot++)
		positions_destroy(fleet->terminals[slot].seen.positions);
	timers_destroy(fleet->timers);
	free(fleet->terminals);
	free(fleet->hosts);
	free(fleet->buckets);
	free(fleet);
}

void fleet_configure(struct fleet *fleet, const struct fleet_settings *settings)
{
	fleet_begin(fleet);
	bool same_rate = settings->rate == fleet->settings.rate;
	fleet->settings = *settings;
	for (uint32_t slot = 0; slot < fleet->room; slot++) {
		struct terminal *t = &fleet->terminals[slot];
		if (t->used && !same_rate)
			steps_rate(t, "settings");
	}
	fleet_touch_all(fleet);
	fleet_settle(fleet);
}

/* ---- who is in it ---- */

struct terminal *fleet_terminal(const struct fleet *fleet, uint32_t slot)
{
	if (slot >= fleet->room || !fleet->terminals[slot].used)
		return NULL;
	return &fleet->terminals[slot];
}

static uint32_t *bucket_of(const struct fleet *fleet, struct str id)
{
	return &fleet->buckets[str_hash(id) & fleet->bucket_mask];
}

uint32_t fleet_find(const struct fleet *fleet, struct str id)
{
	uint32_t slot = *bucket_of(fleet, id);
	while (slot != FLEET_NONE && !str_eq(id_of(&fleet->terminals[slot]), id))
		slot = fleet->terminals[slot].chain;
	return slot;
}

uint32_t fleet_count(const struct fleet *fleet) { return fleet->count; }
uint32_t fleet_room(const struct fleet *fleet) { return fleet->room; }

const struct instance *fleet_at(const struct fleet *fleet, uint32_t slot)
{
	const struct terminal *t = fleet_terminal(fleet, slot);
	return t ? &t->seen : NULL;
}

struct fleet_counts fleet_counts(const struct fleet *fleet) { return fleet->counts; }

static void fill(struct fleet *fleet, struct terminal *t, uint32_t slot,
		 const struct instance_identity *identity, struct positions *positions)
{
	bool touched = t->touched; /* of the one that was here before */
	uint32_t next_touched = t->next_touched;
	*t = (struct terminal){
		.seen = { .slot = slot,
			  .identity = *identity,
			  .host = FLEET_NONE,
			  .margin_mode = -1,
			  .trade_mode = -1,
			  .state = INSTANCE_STOPPED,
			  .health = HEALTH_WARNING,
			  .since_ms = fleet->wall_ms,
			  .rate = fleet->settings.rate,
			  .positions = positions },
		.fleet = fleet,
		.used = true,
		.touched = touched,
		.next_touched = next_touched,
		.heard_ns = LONG_AGO,
		.stated_ns = LONG_AGO,
		.entered_ns = fleet->now_ns,
		.attempted_ns = LONG_AGO,
		.gone_ns = NEVER,
		.unflap_ns = NEVER,
		.restart.rule = -1,
		.told = { .rate = fleet->settings.rate, .health = HEALTH_WARNING },
	};
	t->timer = (struct timer){ .fn = fleet_on_timer, .ctx = t };
}

static enum status take_over(struct fleet *fleet, uint32_t slot,
			     const struct instance_identity *identity)
{
	struct terminal *t = &fleet->terminals[slot];
	t->seen.identity = *identity;
	t->dirty = true;
	if (identity->host[0] && !t->seen.connected)
		host_join(t, str_of(identity->host));
	fleet_touch(t);
	fleet_settle(fleet);
	return STATUS_EXISTS;
}

enum status fleet_add(struct fleet *fleet, const struct instance_identity *identity, uint32_t *slot)
{
	struct str id = str_of(identity->id);
	uint32_t at = fleet_find(fleet, id);
	fleet_begin(fleet);
	if (at != FLEET_NONE) {
		*slot = at;
		return take_over(fleet, at, identity);
	}
	for (at = 0; at < fleet->room && fleet->terminals[at].used;)
		at++;
	struct positions *positions = at < fleet->room ? positions_create() : NULL;
	if (!positions)
		return STATUS_FULL;
	struct terminal *t = &fleet->terminals[at];
	fill(fleet, t, at, identity, positions);
	uint32_t *bucket = bucket_of(fleet, id);
	t->chain = *bucket;
	*bucket = at;
	fleet->count++;
	fleet->counts.states[INSTANCE_STOPPED]++;
	host_join(t, str_of(identity->host));
	steps_rate(t, "memory");
	fleet_touch(t);
	fleet_settle(fleet);
	*slot = at;
	return STATUS_OK;
}

static void unlink_bucket(struct fleet *fleet, const struct terminal *t)
{
	uint32_t *link = bucket_of(fleet, id_of(t));
	while (*link != t->seen.slot)
		link = &fleet->terminals[*link].chain;
	*link = t->chain;
}

void fleet_remove(struct fleet *fleet, uint32_t slot)
{
	struct terminal *t = fleet_terminal(fleet, slot);
	fleet_begin(fleet);
	if (!t)
		return;
	alerts_forget(fleet->alerts, id_of(t));
	host_leave(t);
	fleet_set_flag(t, t->seen.flags & INSTANCE_SUSPECT, false);
	fleet_set_flag(t, t->seen.flags & INSTANCE_FLAPPING, false);
	fleet_set_flag(t, t->seen.flags & INSTANCE_HELD, false);
	guard_list(t, false);
	fleet->counts.states[t->seen.state]--;
	fleet->counts.connected -= t->seen.connected;
	fleet->count--;
	timers_cancel(fleet->timers, &t->timer);
	unlink_bucket(fleet, t);
	positions_destroy(t->seen.positions);
	t->seen.positions = NULL;
	t->used = false;
	fleet_settle(fleet);
}

/* ---- time ---- */

/* Lengths of what was restored before time was known count from its first turn. */
static void begin_time(struct fleet *fleet)
{
	fleet->started = true;
	for (uint32_t slot = 0; slot < fleet->room; slot++) {
		struct terminal *t = &fleet->terminals[slot];
		if (!t->used)
			continue;
		t->entered_ns = fleet->now_ns;
		if (t->returning)
			fleet_begin_return(t);
		fleet_touch(t);
	}
}

void fleet_step(struct fleet *fleet, int64_t now_ns, int64_t wall_ms)
{
	fleet_begin(fleet);
	if (now_ns > fleet->now_ns)
		fleet->now_ns = now_ns;
	fleet->wall_ms = wall_ms;
	if (!fleet->started)
		begin_time(fleet);
	/* Who was silent while weir itself stood still is not known to have been. */
	int64_t next_ns = timers_next_ns(fleet->timers);
	if (next_ns < fleet->now_ns - STANDSTILL_NS) {
		fleet->allowed_ns = fleet->now_ns;
		fleet->counts.standstills++;
	}
	timers_run(fleet->timers, fleet->now_ns, fleet->room);
	fleet_settle(fleet);
}

int64_t fleet_next_ns(const struct fleet *fleet)
{
	if (fleet->first_touched != FLEET_NONE)
		return fleet->now_ns;
	return timers_next_ns(fleet->timers);
}

/* ---- back from the store (row 20) ---- */

void fleet_begin_return(struct terminal *t)
{
	const struct fleet_settings *settings = &t->fleet->settings;
	int64_t wait_ns = 2 * settings->dead_ns;
	t->heard_ns = t->fleet->now_ns;
	t->entered_ns = t->fleet->now_ns;
	if (settings->backoff_ns > wait_ns)
		wait_ns = settings->backoff_ns;
	t->backoff_ns = t->fleet->now_ns + wait_ns;
	if (!has_flag(t, INSTANCE_FLAPPING))
		return;
	fleet_set_flag(t, INSTANCE_FLAPPING, false);
	flap_add(t,
		 FLAP_ON); /* what it was is not known: it has to rest as one that has just begun */
}

static bool is_young(const struct instance_stored *stored, int64_t wall_ms)
{
	int64_t newest = stored->heard_ms > stored->since_ms ? stored->heard_ms : stored->since_ms;
	return wall_ms - newest <= YOUNG_MS;
}

static void restore_facts(struct terminal *t, const struct instance_stored *stored)
{
	struct instance *seen = &t->seen;
	seen->restarts = stored->restarts;
	seen->reconnects = stored->reconnects;
	seen->heard_ms = stored->heard_ms;
	seen->epoch_ms = stored->epoch_ms;
	seen->login = stored->login;
	if (str_copy(stored->server, seen->server, sizeof seen->server))
		seen->server[0] = 0;
	if (str_copy(stored->currency, seen->currency, sizeof seen->currency))
		seen->currency[0] = 0;
}

/* A recovery failure is told by its attempts: an operator's stop forgets them. */
static void restore_stopped(struct terminal *t, const struct instance_stored *stored)
{
	bool was_stopped = stored->state == INSTANCE_STOPPED;
	fleet_set_flag(t, INSTANCE_HELD, stored->flags & INSTANCE_HELD);
	t->given_up = was_stopped && stored->flags & INSTANCE_HELD && stored->attempts > 0;
	t->seen.attempts = was_stopped ? stored->attempts : 0;
	if (was_stopped)
		t->seen.since_ms = stored->since_ms;
}

static void restore_state(struct terminal *t, const struct instance_stored *stored)
{
	struct fleet_counts *counts = &t->fleet->counts;
	counts->states[t->seen.state]--;
	counts->states[stored->state]++;
	t->seen.state = stored->state;
	t->seen.since_ms = stored->since_ms;
	t->seen.attempts = stored->attempts;
	t->returning = true;
	fleet_set_flag(t, INSTANCE_HELD, stored->flags & INSTANCE_HELD);
	fleet_set_flag(t, INSTANCE_FLAPPING, stored->flags & INSTANCE_FLAPPING);
	fleet_set_flag(t, INSTANCE_SUSPECT, true);
	if (t->fleet->started)
		fleet_begin_return(t);
}

void fleet_restore(struct fleet *fleet, uint32_t slot, const struct instance_stored *stored,
		   int64_t wall_ms)
{
	struct terminal *t = fleet_terminal(fleet, slot);
	fleet_begin(fleet);
	if (!t || t->seen.connected || (unsigned)stored->state >= INSTANCE_STATES)
		return;
	restore_facts(t, stored);
	if (stored->state == INSTANCE_STOPPED || !is_young(stored, wall_ms))
		restore_stopped(t, stored);
	else
		restore_state(t, stored);
	fleet_touch(t);
	if (fleet->started)
		fleet_settle(fleet);
}
