/* fleet_impl.h - shared by src/fleet/fleet_*.c only.
 *
 * How a call runs: it notes facts in the terminal (who spoke, since when), tells the
 * state machine what happened, and settles: the machine looks at the facts until no row
 * applies any more; then alerts' steps, flags, health, hooks, and the timer. Nothing is
 * armed or cancelled by hand: due_next_ns says from the facts alone when the terminal has
 * to be looked at next, so no deadline is forgotten and none outlives its reason. */
#pragma once

#include "base/rng.h"
#include "fleet/fleet.h"

#define MS_NS     INT64_C(1000000)
#define SECOND_NS INT64_C(1000000000)
#define NEVER     INT64_MAX
#define LONG_AGO  (INT64_MIN / 4)

/* Rules whose scope is a terminal, or its host. */
#define FIRST_RULE ALERT_high_cpu
#define LAST_RULE  ALERT_flapping
#define RULES      (LAST_RULE - FIRST_RULE + 1)

enum {
	GUARD_LEAST = 3, /* terminals SUSPECT at once; fewer are no common cause */
	FLAP_ON = 3000,
	FLAP_OFF = 1000,
	FLAP_FALL = 1000, /* entry into DEGRADED or FAILED */
	FLAP_RECONNECT = 500,
	DOUBT_STATES = 3, /* states in a row with another position hash before we ask */
};

/* Something that has to last: since when it is so, by the newest samples. While no sample
 * comes for ALERT_INTERVALS seconds it stands still, as the alert engine's holds do. */
struct hold {
	bool on;
	int64_t since_ns;
};

enum process { PROCESS_UNKNOWN, PROCESS_THERE, PROCESS_GONE };

/* A restart that waits for orders in flight. */
struct restart {
	bool asked, clean;
	int rule; /* of the alert that asked, -1: an operator did */
	int64_t asked_ns;
};

struct terminal {
	struct instance seen; /* what others may read */
	struct fleet *fleet;
	struct timer timer;
	bool used, touched, listed;
	uint32_t chain; /* of the bucket */
	uint32_t next_touched;
	uint32_t older, newer; /* among the suspects, when `listed` */
	int64_t suspect_ns;    /* since when it is one */

	bool stated;       /* an S since the hello, and since a recovery began */
	bool leaving;      /* Z came: the expert is being unloaded */
	bool awaits_hello; /* it restarts: what the old connection still says does not count */
	bool returning;    /* restored and not back yet */
	bool stop_asked;   /* op=stop is not answered yet */
	bool socket_told;  /* no socket for longer than the grace */
	bool network_told; /* network_issue */
	bool given_up;     /* STOPPED by row 15 */
	enum process process;
	int64_t stopped_epoch_ms;
	uint32_t doubt, asks; /* about its positions */

	int64_t entered_ns, heard_ns, stated_ns, hello_ns, gone_ns;
	int64_t backoff_ns;   /* FAILED: until then */
	int64_t attempted_ns; /* the newest recovery began */
	struct hold unlinked, lagging, good;
	double penalty;
	int64_t penalty_ns, unflap_ns;

	uint32_t firing, began, ended; /* alerts, by rule_bit */
	int64_t fired_ns[RULES];
	uint8_t steps[RULES]; /* done */
	struct restart restart;

	bool dirty; /* something worth storing changed that `told` does not show */
	struct {
		uint32_t flags, rate;
		enum instance_health health;
		bool refuses;
	} told; /* to on_moved */
};

struct host {
	struct fleet_host seen;
	bool used;
};

struct fleet {
	struct fleet_settings settings;
	struct fleet_hooks hooks;
	struct alerts *alerts;
	struct timers *timers;
	struct rng rng;
	bool started;
	bool telling;   /* a hook runs */
	bool throttled; /* all of it */
	int64_t now_ns, wall_ms;
	int64_t allowed_ns; /* what was before it does not count: a guard, a standstill */
	uint32_t room, count, host_room, bucket_mask;
	struct terminal *terminals;
	struct host *hosts;
	uint32_t *buckets;
	uint32_t first_touched, last_touched;
	uint32_t oldest_suspect, newest_suspect, suspects; /* those RUNNING or DEGRADED */
	bool suspects_grew;                                /* since they were last looked at */
	struct fleet_counts counts;
	uint64_t early; /* timers that would have come for nothing: stays 0 */
};

static inline bool is_running(const struct terminal *t)
{
	return t->seen.state == INSTANCE_RUNNING || t->seen.state == INSTANCE_DEGRADED;
}

/* There is somebody who can speak. */
static inline bool has_link(const struct terminal *t) { return t->seen.connected && !t->leaving; }

static inline uint32_t rule_bit(enum alert_rule rule) { return 1u << (rule - FIRST_RULE); }

static inline bool fires(const struct terminal *t, enum alert_rule rule)
{
	return t->firing & rule_bit(rule);
}

static inline bool has_flag(const struct terminal *t, uint32_t flag)
{
	return t->seen.flags & flag;
}

static inline struct str id_of(const struct terminal *t) { return str_of(t->seen.identity.id); }

static inline bool knows(const struct terminal *t, enum sample sample)
{
	return t->seen.latest.known >> sample & 1;
}

static inline double value_of(const struct terminal *t, enum sample sample)
{
	return number_to_double(t->seen.latest.values[sample]);
}

/* NULL: the slot is empty. */
struct terminal *fleet_terminal(const struct fleet *fleet, uint32_t slot);
void fleet_begin_return(struct terminal *t); /* restored: its lengths count from now */

/* ---- the end of every call (fleet_settle.c) ---- */

/* First of a call that tells something: a hook must not. */
void fleet_begin(const struct fleet *fleet);
void fleet_touch(struct terminal *t);
void fleet_touch_all(struct fleet *fleet);
void fleet_settle(struct fleet *fleet); /* everything touched comes to rest */
void fleet_set_flag(struct terminal *t, uint32_t flag, bool on);
void fleet_set_sample(struct terminal *t, enum sample sample, struct number value);
void fleet_deliver(struct terminal *t); /* DELIVER or PAUSE, where that changes */
void fleet_on_timer(void *ctx);

/* ---- the state machine (fleet_machine.c) ---- */

enum stimulus {
	ON_LOOK,       /* facts or the time have changed */
	ON_START,      /* operator */
	ON_STOP,       /* operator */
	ON_STOPPED,    /* op=stop was answered, or Z came after it */
	ON_RESTART,    /* operator or alert, and nothing is in flight any more */
	ON_RESTARTING, /* exit code 75, an update, op=restart was answered */
	ON_RESET,      /* operator */
	ON_HELLO,
	ON_CLOSED,
	ON_BYE,
	ON_EXIT, /* of the process, unasked */
};
struct told {
	enum stimulus on;
	int64_t code; /* BYE: why */
	bool flat;    /* STOP */
	char reason[32];
};
/* Takes the row that applies; its number, 0: none (counted, unless it asked for nothing). */
int machine_take(struct terminal *t, struct told *told);
int machine_tell(struct terminal *t, enum stimulus on);
void machine_event(struct terminal *t, enum fleet_event_kind kind, enum instance_state from,
		   const char *reason, bool repeat);

/* ---- what is done (fleet_acts.c) ---- */

void act_do(struct terminal *t, enum fleet_action_kind kind, const char *reason);
void act_throttle(struct terminal *t, uint32_t rate, const char *reason);
void act_begin(struct terminal *t, struct told *told, enum instance_state from);
void act_fail(struct terminal *t, struct told *told, enum instance_state from);
void act_run(struct terminal *t, struct told *told, enum instance_state from);
void act_recover(struct terminal *t, struct told *told, enum instance_state from);
void act_give_up(struct terminal *t, struct told *told, enum instance_state from);
void act_stop(struct terminal *t, struct told *told, enum instance_state from);
void act_restart(struct terminal *t, struct told *told, enum instance_state from);
/* Restarts wait for what is in flight. */
void restart_ask(struct terminal *t, int rule, bool clean);
void restart_cancel(struct terminal *t);
void restart_run(struct terminal *t);
int64_t restart_due_ns(const struct terminal *t);

/* ---- when (fleet_due.c) ---- */

/* The next thing that time alone brings about; NEVER. */
int64_t due_next_ns(const struct terminal *t);
int64_t due_suspect_ns(const struct terminal *t);
int64_t due_dead_ns(const struct terminal *t);
int64_t due_grace_ns(const struct terminal *t);
int64_t due_sync_ns(const struct terminal *t);
int64_t due_length_ns(const struct terminal *t, int64_t length_ns); /* T_start, T_recover */
int64_t due_recover_ns(const struct terminal *t);
int64_t due_reset_ns(const struct terminal *t);
int64_t due_steady_ns(const struct terminal *t);
static inline bool is_due(const struct terminal *t, int64_t due) { return due <= t->fleet->now_ns; }
void hold_take(struct terminal *t, struct hold *hold, bool so, int64_t stood_still_ns);
int64_t hold_end_ns(const struct terminal *t, const struct hold *hold, int64_t length_ns);
bool is_alive(const struct terminal *t);          /* linked, and heard lately */
bool is_fit(const struct terminal *t);            /* con=1 and every trade bit, by the newest S */
bool is_unlinked(const struct terminal *t);       /* con=0 for too long */
const char *trouble_of(const struct terminal *t); /* why it is DEGRADED; NULL: nothing */

/* ---- alerts: what is told (fleet_tell.c), what follows (fleet_steps.c) ---- */

void tell_state(struct terminal *t, const struct mfp_frame *frame);
void tell_host(struct terminal *t, const struct mfp_frame *frame);
void tell_queue(struct terminal *t);
void tell_fact(struct terminal *t, enum alert_rule rule, double value, const char *what);
void tell_nothing(struct terminal *t); /* the gate RUNNING/DEGRADED has shut */
void steps_note(struct terminal *t);   /* alerts that began or ended */
void steps_run(struct terminal *t);
void steps_rate(struct terminal *t, const char *reason);
int64_t steps_due_ns(const struct terminal *t);

/* ---- flap damping (fleet_flap.c), the fleet-wide guard (fleet_guard.c) ---- */

void flap_add(struct terminal *t, double points);
void flap_reset(struct terminal *t);
void flap_run(struct terminal *t);
double flap_penalty(const struct terminal *t);
void guard_list(struct terminal *t, bool suspect); /* is it to be among the suspects? */
bool guard_check(struct fleet *fleet);             /* true: it has begun or ended */

/* ---- hosts (fleet_hosts.c) ---- */

void host_join(struct terminal *t, struct str name); /* leaves the one it is of */
void host_leave(struct terminal *t);
void host_load(struct terminal *t, const struct mfp_frame *frame);
bool host_drains(const struct terminal *t);
