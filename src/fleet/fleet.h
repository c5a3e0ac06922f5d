/* fleet.h - terminals: what is known of each, the state machine (fleet.md 4), its
 * alerts, its recovery.
 *
 * The gate tells what terminals and host agents say and when connections come and go;
 * operators and the alert engine tell theirs; the core answers through hooks: events,
 * changes of state, and actions that somebody with sockets carries out. The twenty rows
 * stand in one table (fleet_machine.c); every other move is refused. What an alert brings
 * about is a row of def/fleet_actions.def.
 *
 * Silence, grace, T_*, back-off, con=0 and lag end exactly at their length; alert holds
 * 1 ms after. con=0 and lag count only while samples come, as alerts do.
 * A restart of weir is no failure: fleet_restore puts terminals back SUSPECT, and nobody
 * fails before twice the dead time has passed (row 20). If more than a fifth of those
 * that run go SUSPECT within 5 s, and at least three, one alert (FleetSuspect, scope
 * "fleet") is raised: until no more than a fifth is SUSPECT nobody fails by silence or by
 * a length, and nobody is acted upon; the cause is common. Lengths then count anew. A
 * process that ended or an expert that was removed has failed all the same, and is
 * recovered afterwards. If weir itself stood still for more than 2 s, silence counts
 * from there.
 *
 * Where fleet.md leaves it open:
 * - Signals go to a terminal (`delivers`) while it is RUNNING or DEGRADED, linked, in
 *   sync, not SUSPECT, con=1 and no trade bit 0: a terminal with a busy processor is
 *   throttled, it does not lose its orders, and a long queue can drain.
 * - Row 3 wants the trade bits too (else row 4 after T_sync); row 13 does not: a recovery
 *   does not fail because an operator has switched trading off. Row 6 follows at once.
 * - Row 4 and T_sync count from the newest hello; row 5's T_start from row 1 or 17.
 * - Row 7 wants the lag to be good as well, for the same 10 s.
 * - After any Z nobody can speak: also after why 0, which is in no row.
 * - Row 10 of one that is DEGRADED tells again, as repeat. SocketFailure is also told of
 *   one that is FAILED or RECOVERING for longer than the grace, without event or poke.
 * - Row 12: a terminal that speaks again by then is probed and not restarted; attempt 1 of
 *   one whose process is known to be gone starts it, of one whose open connection is
 *   silent closes that. With `recover` off row 12 waits until it speaks by itself, and
 *   row 15 does not happen.
 * - Row 13 tells from=FAILED: the stream of events is a chain, and none tells of
 *   RECOVERING.
 * - Row 15 comes at once, and asks for the process to be stopped.
 * - Row 16 happens when the operator says it, not when the terminal has obeyed; its hello
 *   of the same epoch does not start it again, a new epoch does, until it answers the stop.
 *   Waiting signals end (why=stopped).
 * - Row 17: an exit that a recovery's own restart brings is part of the recovery. After
 *   row 17 nothing counts before a new hello. Restarts wait until nothing is in flight or
 *   FLEET_FLIGHT_MS have passed; then its outcome is unknown.
 * - HELD: nothing is started, restarted or recovered; what runs goes on.
 * - InstanceCrash ends when it is RUNNING, or by row 15 or 16. HighCpu, HighMemory and
 *   NetworkFailure are forgotten when it is neither RUNNING nor DEGRADED.
 * - FLAPPING: neither the first hello after a restore nor anything under the guard adds to
 *   the penalty; a stop forgets it. Notices to be spared: `suppressed`, fleet_spares.
 * - Health: STOPPED is a warning, critical after a recovery failure.
 *
 * Pure core: time is told (monotonic ns and wall ms by fleet_step, once a turn, before
 * anything else; alerts_step comes before it); no clock, no I/O. Hooks run inside the
 * calls; they may read the fleet but not tell it anything (checked). A slot that is empty
 * is ignored by what the gate tells. Fixed room given at create (instances, as many
 * hosts); no allocation afterwards but of positions, which grow to POSITIONS_MAX a
 * terminal. One thread.
 *
 * Measured (bench_fleet_core, 1,000 terminals, the frame read already): a state frame
 * 0.4 us, 0.7 us where a tenth of the fleet has alerts; any other frame 0.2 us; a turn with
 * nothing due 20 ns; a terminal 2.6 KB and 184 bytes a position. */
#pragma once

#include "alert/alert.h"
#include "base/err.h"
#include "base/timers.h"
#include "codec/mfp.h"
#include "codec/samples.h"
#include "fleet/positions.h"

enum {
	INSTANCE_NAME_MAX = 64,
	INSTANCE_GROUPS_MAX = 8,
	FLEET_FLIGHT_MS = 5000, /* a restart waits so long for orders in flight */
};
#define FLEET_NONE UINT32_MAX /* no instance, no host */

enum instance_state {
#define FLEET_STATE(id, name, meaning) INSTANCE_##id,
#include "def/fleet_states.def"
#undef FLEET_STATE
	INSTANCE_STATES
};
enum instance_flag_bit {
#define FLEET_FLAG(id, name, meaning) INSTANCE_BIT_##id,
#include "def/fleet_states.def"
#undef FLEET_FLAG
	INSTANCE_FLAGS
};
enum {
#define FLEET_FLAG(id, name, meaning) INSTANCE_##id = 1 << INSTANCE_BIT_##id,
#include "def/fleet_states.def"
#undef FLEET_FLAG
};
enum fleet_event_kind {
#define FLEET_EVENT(id, name, meaning) FLEET_##id,
#include "def/fleet_states.def"
#undef FLEET_EVENT
	FLEET_EVENTS
};
enum instance_health { HEALTH_HEALTHY, HEALTH_WARNING, HEALTH_CRITICAL };

const char *instance_state_text(enum instance_state state); /* "RUNNING" */
bool instance_state_named(struct str name, enum instance_state *state);
void instance_flags_put(struct buf *out, uint32_t flags);   /* "suspect+held", "" for none */
bool instance_flags_read(struct str text, uint32_t *flags); /* its inverse; false: no such */
const char *fleet_event_text(enum fleet_event_kind kind);   /* "instance_failed" */
const char *instance_health_text(enum instance_health health);

/* Who a terminal is: from the tokens file. */
struct instance_identity {
	char id[INSTANCE_NAME_MAX + 1];
	char host[INSTANCE_NAME_MAX + 1]; /* its default host; "" unknown */
	char groups[INSTANCE_GROUPS_MAX][INSTANCE_NAME_MAX + 1];
	uint32_t group_count;
};

/* All there is to be read of a terminal. Owned by the fleet; read only. */
struct instance {
	uint32_t slot;
	struct instance_identity identity;
	uint32_t host; /* of fleet_host; FLEET_NONE: unknown */

	/* of its newest hello; what the account line and results are named by */
	bool connected;
	bool synced;      /* positions agree with the terminal's hash since the hello */
	bool delivers;    /* signals go to it (FLEET_DELIVER, FLEET_PAUSE) */
	int64_t epoch_ms; /* 0: never seen */
	int64_t login;
	char server[MFP_TEXT_MAX + 3];
	char currency[16];
	char expert[32];
	int margin_mode, trade_mode; /* choices of def/mfp.def, -1 unknown */
	int64_t leverage, build;
	int64_t offset_s;

	enum instance_state state;
	uint32_t flags; /* INSTANCE_SUSPECT | … */
	enum instance_health health;
	int64_t since_ms;  /* wall clock; when the state was entered */
	uint32_t attempts; /* recoveries of this incident */
	uint32_t restarts; /* since weir knows it */
	uint32_t reconnects;
	char reason[128];   /* of the newest change, or the newest error; "" none */
	int64_t heard_ms;   /* wall clock, newest frame of any kind; 0 never */
	uint32_t waiting;   /* signals in weir for it */
	uint32_t in_flight; /* signals it has and has not answered finally */
	uint32_t rate;      /* signals a second it may take now (throttle) */
	bool refuses;       /* its queue is too long: new signals are refused by name */

	struct sample_row_values latest; /* newest of every number */
	struct positions *positions;
};

struct fleet_settings { /* all from config.def, section fleet */
	int64_t start_ns, sync_ns, suspect_ns, dead_ns, grace_ns, recover_ns, reset_ns;
	int64_t backoff_ns;          /* of the first attempt, doubled each time, +-20 % */
	uint32_t attempts_max;       /* 3 */
	int64_t lag_ms, lag_hold_ns; /* 2,000 ms for 10 s: row 6 */
	int64_t steady_ns;           /* 10 s: row 7 */
	double memory_budget_mb;     /* 100 */
	uint32_t rate;               /* signals a second a terminal may take: 10 */
	double suspect_share;        /* 0.20: the guard */
	uint32_t refuse_queue;       /* 200 */
	bool load_per_core;
	bool recover; /* no: nothing is started or restarted by weir */
};
struct fleet_settings fleet_settings_default(void);

struct fleet_event {
	enum fleet_event_kind kind;
	const struct instance *instance;
	enum instance_state from, to;
	/* Of a failure: silence, start, recovery (its length is over), bye N, exit N, exit,
	 * update; of DEGRADED: cpu memory network queue load lag link socket, ta=0 ma=0 aa=0
	 * ae=0; STARTED, RECOVERED: synced steady; STOPPED: operator recovery_failure;
	 * NETWORK: network. */
	const char *reason;
	uint32_t attempts;
	bool repeat;     /* inside an incident that was told */
	bool suppressed; /* FLAPPING: recorded, not notified */
	int64_t ms;      /* wall clock */
};

enum fleet_action_kind {
	FLEET_THROTTLE,  /* rate (signals/s), for_ms (0: until told otherwise) */
	FLEET_RECONNECT, /* C op=reconnect */
	FLEET_PROBE,     /* P at once */
	FLEET_SNAPSHOT,  /* C op=snapshot */
	FLEET_TRIM,      /* C op=set k=trim v=1: the expert frees what it can */
	FLEET_CLOSE,     /* its connection is closed by weir */
	FLEET_RESTART,   /* the terminal restarts; clean: with a clean profile; wait_ms for
			    orders in flight, then they are unk */
	FLEET_STOP,      /* C op=stop, then its process is stopped */
	FLEET_START,     /* its process is started (host agent, or start_command); one that
			    is connected is told C op=start instead */
	FLEET_POKE,      /* the host agent re-opens the expert's chart, else restarts */
	FLEET_DELIVER,   /* signals that wait may go, after unk ones are reconciled */
	FLEET_PAUSE,     /* no signals to it from now on */
	FLEET_UNKNOWN,   /* its in-flight signals have an unknown outcome */
	FLEET_DROP,      /* its waiting signals end: st=fail why=`reason` */
	FLEET_ACTIONS
};
struct fleet_action {
	enum fleet_action_kind kind;
	const struct instance *instance;
	const char *reason;
	int64_t rate, for_ms, wait_ms;
	bool clean, flat;
};
const char *fleet_action_text(enum fleet_action_kind kind);

struct fleet_hooks {
	void (*on_event)(void *ctx, const struct fleet_event *event);
	/* Every change of state, flags or identity worth storing; from == state: only flags. */
	void (*on_moved)(void *ctx, const struct instance *instance, enum instance_state from);
	void (*on_action)(void *ctx, const struct fleet_action *action);
	/* A position was opened, changed (pl and price alone: `quiet`) or is gone. */
	void (*on_position)(void *ctx, const struct instance *instance, enum position_change change,
			    const struct position *position);
	void *ctx;
};

struct fleet;

/* NULL: out of memory. alerts outlives it. */
struct fleet *fleet_create(uint32_t instances_max, const struct fleet_settings *settings,
			   struct alerts *alerts, uint64_t seed, const struct fleet_hooks *hooks);
void fleet_destroy(struct fleet *fleet);
void fleet_configure(struct fleet *fleet, const struct fleet_settings *settings);
/* FULL: no room; EXISTS: known already (host and groups are taken over). */
MUST_CHECK enum status fleet_add(struct fleet *fleet, const struct instance_identity *identity,
				 uint32_t *slot);
/* Not in the tokens file any more: its alerts end, it is forgotten. */
void fleet_remove(struct fleet *fleet, uint32_t slot);
uint32_t fleet_count(const struct fleet *fleet); /* slots in use are 0 … room-1, see fleet_at */
uint32_t fleet_room(const struct fleet *fleet);
const struct instance *fleet_at(const struct fleet *fleet, uint32_t slot); /* NULL: empty */
uint32_t fleet_find(const struct fleet *fleet, struct str id);             /* FLEET_NONE */

/* Once a turn, first. Runs what is due. */
void fleet_step(struct fleet *fleet, int64_t now_ns, int64_t wall_ms);
int64_t fleet_next_ns(const struct fleet *fleet); /* INT64_MAX: nothing */

/* ---- told by the gate ---- */
/* A hello that was accepted. *snapshot: whether its position hash differs from what is
 * held. The frame is an H of a terminal. A connection it replaces was closed before. */
void fleet_hello(struct fleet *fleet, uint32_t slot, const struct mfp_frame *hello, bool *snapshot);
void fleet_heard(struct fleet *fleet, uint32_t slot); /* any other frame: it lives */
void fleet_state_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame);
/* FORMAT: cached-login trap (nothing is taken): con = 0. */
enum status fleet_account_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame);
/* O and o; INVALID with the set left as it was: count or hash disagree, a snapshot is
 * then asked for again. */
enum status fleet_snapshot_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame);
enum status fleet_position_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame);
/* M. pid=0 is an exit (fleet_exited need not be called too): with end=asked or update an
 * asked one, with end=crash or when the process was seen before, an unasked one. It is no
 * sign of life of the terminal. */
void fleet_host_frame(struct fleet *fleet, uint32_t slot, const struct mfp_frame *frame);
void fleet_closed(struct fleet *fleet, uint32_t slot);           /* its connection is gone */
void fleet_bye(struct fleet *fleet, uint32_t slot, int64_t why); /* Z */
/* A command was answered (Y st=ok). op: choice of def/mfp.def, command op. */
void fleet_command_done(struct fleet *fleet, uint32_t slot, int op);
/* Its process ended. asked: by exit code 75 or an update. */
void fleet_exited(struct fleet *fleet, uint32_t slot, int64_t code, bool asked);
/* weir's own observations (samples of from WEIR), and the queue. The fleet itself knows
 * off, skew, wait, rcn, att and pen. */
void fleet_observe(struct fleet *fleet, uint32_t slot, enum sample sample, struct number value);
void fleet_queue(struct fleet *fleet, uint32_t slot, uint32_t waiting, uint32_t in_flight);

/* ---- told by operators; NOT_FOUND, or INVALID with a reason in err: the state does not
 * allow it ---- */
MUST_CHECK enum status fleet_start(struct fleet *fleet, uint32_t slot, struct err *err);
MUST_CHECK enum status fleet_stop(struct fleet *fleet, uint32_t slot, bool flat, struct err *err);
MUST_CHECK enum status fleet_restart(struct fleet *fleet, uint32_t slot, bool clean,
				     struct err *err);
MUST_CHECK enum status fleet_hold(struct fleet *fleet, uint32_t slot, struct err *err);
/* Ends a hold; of a terminal STOPPED after a recovery failure it is the reset (row 19). */
MUST_CHECK enum status fleet_release(struct fleet *fleet, uint32_t slot, struct err *err);

/* ---- told by the alert engine's owner ---- */
/* An alert began or ceased to fire (alert.h, on_change, of every rule). Only noted:
 * fleet_next_ns is then now, and fleet_step, or the end of the call it came in, acts. */
void fleet_alert(struct fleet *fleet, enum alert_rule rule, struct str scope, bool firing);
/* A notice of this rule is to be kept from people: the terminal is FLAPPING, which was
 * told, and the rule tells of its ups and downs. */
bool fleet_spares(const struct fleet *fleet, enum alert_rule rule, struct str scope);

/* Back-pressure (redis.md 4): every terminal, those added later too, takes half of its rate
 * from now on; then all of it again, but where an alert still throttles it. */
void fleet_throttle(struct fleet *fleet, bool on);

/* ---- hosts ---- */
struct fleet_host {
	char name[INSTANCE_NAME_MAX + 1];
	bool agent; /* its agent is connected */
	bool draining;
	double load; /* NAN: unknown */
	int64_t cores;
	uint32_t instances;
};
uint32_t fleet_host_find(const struct fleet *fleet, struct str name);
const struct fleet_host *fleet_host_at(const struct fleet *fleet, uint32_t host); /* NULL */
uint32_t fleet_host_count(const struct fleet *fleet); /* they are at 0 … count-1, or NULL */
void fleet_agent(struct fleet *fleet, struct str host, bool connected);

/* ---- back from the store, before the first step of a run (row 20) ---- */
struct instance_stored {
	enum instance_state state;
	uint32_t flags, attempts, restarts, reconnects;
	int64_t since_ms, heard_ms, epoch_ms, login;
	struct str server, currency;
};
/* Younger than 60 s (heard, or in its state, since): the stored state, SUSPECT; older:
 * STOPPED (HELD is kept). No events, no hooks. Ignored once it is connected. */
void fleet_restore(struct fleet *fleet, uint32_t slot, const struct instance_stored *stored,
		   int64_t wall_ms);

struct fleet_counts {
	uint32_t states[INSTANCE_STATES], suspect, flapping, held, connected;
	uint64_t events[FLEET_EVENTS], actions[FLEET_ACTIONS];
	uint64_t refused_moves; /* asked for and not in the table */
	uint64_t hosts_refused; /* no room: the terminal has none */
	uint64_t standstills;   /* weir came late by more than 2 s */
	bool guarded;           /* the fleet-wide guard holds */
};
struct fleet_counts fleet_counts(const struct fleet *fleet);
