/* alert_impl.h - what alert*.c share: the alerts that are not quiet, in a fixed pool,
 * found by rule and scope through a hash table with chains. */
#pragma once

#include "alert/alert.h"
#include "base/timers.h"

enum {
	ALERT_BUCKETS = 2 * ALERTS_MAX, /* a power of two */
	ALERT_HASH_SEED = 0x9E3779B1,
};

#define ALERT_TICK_NS     INT64_C(1000000)       /* "longer than" is a millisecond longer */
#define ALERT_KEPT_NS     INT64_C(3600000000000) /* a resolved alert */
#define ALERT_INTERVAL_NS INT64_C(1000000000)

/* An alert that is not quiet, or one at rest of which something is still known: that it
 * was resolved within the hour, a cooldown, a mute. */
struct alert {
	struct alerts *owner;
	struct timer timer;          /* the next thing that time alone brings about */
	struct alert *chain;         /* of the bucket, or of the free ones */
	struct alert *older, *newer; /* among those at rest that may go, when `idle` */
	uint64_t hash;
	bool used, idle;
	int64_t since_ns; /* hold, clear hold: start, moved on by what stood still; EVENT: last */
	int64_t heard_ns; /* newest value */
	int64_t told_ns, ended_ns;
	int64_t cooldown_until_ns, mute_until_ns;
	struct alert_view view;
	struct alert_view before; /* RESOLVED, while the next one is pending */
};

struct alert_rule_state {
	struct alert_settings settings;
	int64_t interval_ns;
	uint32_t used; /* alerts of the rule in the pool */
};

struct alerts {
	struct alert_hooks hooks;
	struct timers *timers;
	int64_t now_ns, wall_ms;
	struct alerts_counts counts;
	struct alert_rule_state rules[ALERT_COUNT];
	struct alert *oldest, *newest; /* at rest, longest first */
	struct alert *free;
	struct alert_hush hushes[ALERT_HUSHES_MAX];
	size_t n_hushes;
	uint64_t hushes_version;
	int64_t hush_next_ms; /* the next that ends by time */
	size_t touched;       /* of `pool`; what lies behind was never used */
	struct alert *buckets[ALERT_BUCKETS];
	struct alert pool[ALERTS_MAX];
};

static inline bool alert_is_active(const struct alert *alert)
{
	return alert->view.state == ALERT_FIRING || alert->view.state == ALERT_CLEARING;
}

static inline bool alert_at_rest(const struct alert *alert)
{
	return alert->view.state == ALERT_QUIET || alert->view.state == ALERT_RESOLVED;
}

static inline bool alert_is_muted(const struct alert *alert)
{
	return alert->mute_until_ns > alert->owner->now_ns;
}

/* What a text keeps of at most `max` bytes: whole characters. */
struct str alert_cut(struct str text, size_t max);

/* ---- the pool (alert_pool.c) ---- */

struct alert *alert_find(const struct alerts *alerts, enum alert_rule rule, struct str scope);
/* A quiet one, not there before; NULL and counted: no room. */
struct alert *alert_take(struct alerts *alerts, enum alert_rule rule, struct str scope);
void alert_release(struct alert *alert);
/* At rest it may make room for another, unless it is muted; not while it is in use. */
void alert_set_idle(struct alert *alert, bool idle);

/* ---- what people want to hear no more (alert_hush.c) ---- */

/* Of an alert that comes to be; INT64_MIN: it is not muted. */
int64_t alert_hush_until_ns(const struct alerts *alerts, enum alert_rule rule, struct str scope);
/* Was the alert, which fires, told and acknowledged before a restart? */
bool alert_hush_claims(struct alert *alert);
/* It is over: so is its acknowledgement. */
void alert_hush_over(const struct alert *alert);
/* What ends by the wall clock. */
void alert_hush_step(struct alerts *alerts);

/* ---- the states (alert.c) ---- */

bool alert_op_fires(enum alert_op op, double value, double fire);
bool alert_op_clears(enum alert_op op, double value, double clear);

/* Does what is due by now, and arms the timer for what comes next. */
void alert_advance(struct alert *alert);
/* In silence, whatever it was. */
void alert_drop(struct alert *alert);
