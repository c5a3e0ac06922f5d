/* alert.h - rules with holds, hysteresis, throttle and dedupe; serves all cores.
 *
 * A rule is a row of def/alerts.def. A core tells the engine values of a rule for a
 * scope (an instance, a segment, a market, an asset, a sink); the engine says when an
 * alert fires, is said again, and ends:
 *
 *   quiet → pending (beyond `fire`, hold runs) → firing (said again every renotify)
 *         → clearing (back to `clear`, clear hold runs) → resolved (kept an hour) → quiet
 *
 * Beyond is strict: "> 80 for 10 s" fires by timer at 10.001 s, not at the next value;
 * a hold of 0 fires at once. Clear holds end likewise. A value that is not beyond
 * resets the hold, one that is not back to `clear` resets the clear hold: between the
 * two (the hysteresis) a firing alert goes on. A value that is not known (NAN) is no
 * value: it never fires, and is counted.
 *
 * Nothing is told by a timer on what is old: once nothing is heard for ALERT_INTERVALS
 * of the rule's intervals (alerts_set_interval), holds stand still until the next value
 * and reminders wait for it. A core therefore tells every value, the good ones too.
 *
 * One alert per rule and scope, told once an incident: from the value that begins it to
 * its end. After the end, cooldown passes before the next is told; until then it is
 * active in silence, and is told when the cooldown ends if it fires still. A muted alert
 * is kept and not told; one that still fires when the mute ends is told then. An
 * acknowledged one is not said again before its end.
 *
 * Rules of op EVENT use alert_event: each event is told at once unless one was within
 * the last cooldown (it is then counted, kept in the alert, and not told later). The
 * first of an incident is FIRED, more are SAID_AGAIN; clear_hold after the last the
 * incident ends.
 *
 * Gates (which states a rule is valid in) and actions are the callers': a caller whose
 * gate is shut tells no value, or calls alert_forget.
 *
 * Pure core: time is told (monotonic ns; wall ms only to be printed). Fixed room:
 * ALERTS_MAX alerts that are not quiet; beyond it the one longest resolved goes, then
 * new ones are refused and counted. Scopes are told apart by their first
 * ALERT_SCOPE_MAX bytes. No allocation after create. One thread.
 *
 * Measured (bench_alert): a value costs 7 ns where nothing of its rule is known, 30 ns
 * where other scopes of it have alerts, 70 ns with an alert of its own. */
#pragma once

#include "base/buf.h"
#include "def/alerts.h"

enum {
	ALERTS_MAX = 4096,
	ALERT_SCOPE_MAX = 64, /* a terminal's id is as long */
	ALERT_MESSAGE_MAX = 191,
	ALERT_INTERVALS = 3,
};

enum alert_state { ALERT_QUIET, ALERT_PENDING, ALERT_FIRING, ALERT_CLEARING, ALERT_RESOLVED };

const char *alert_state_text(enum alert_state state); /* "quiet" "pending" … */

/* In force for a rule; from the row, overridden by the configuration (alert_config.h). */
struct alert_settings {
	bool on;
	double fire, clear;
	int64_t hold_ns, clear_hold_ns, renotify_ns, cooldown_ns; /* renotify 0: said once */
};
struct alert_settings alert_settings_default(enum alert_rule rule);

struct alert_view {
	enum alert_rule rule;
	enum alert_state state;
	char scope[ALERT_SCOPE_MAX + 1];
	char message[ALERT_MESSAGE_MAX + 1];
	double value, worst;                    /* newest, and farthest beyond, of the incident */
	int64_t first_ms, last_ms, resolved_ms; /* wall clock; first value beyond, newest value,
						   end of the incident, 0: not yet */
	uint32_t told;                          /* how often, of the incident */
	uint32_t events;                        /* EVENT rules: how many, told or not */
	bool muted, acknowledged;
};

/* ENDED follows only where FIRED was told. */
enum alert_notice { ALERT_FIRED, ALERT_SAID_AGAIN, ALERT_ENDED };

struct alert_hooks {
	/* *alert is valid during the call, in which the engine may be read but not told
	 * anything. May be NULL. */
	void (*on_notice)(void *ctx, enum alert_notice notice, const struct alert_view *alert);
	/* An alert of the scope fires from now on, or does not any more, told or not: for who
	 * acts upon it. Every begin is followed by its end, forgotten and switched off ones
	 * too. Comes before the notice; the same rule holds inside it. scope is valid during
	 * the call. May be NULL. */
	void (*on_change)(void *ctx, enum alert_rule rule, struct str scope, bool firing);
	void *ctx;
};

struct alerts;

struct alerts *alerts_create(const struct alert_hooks *hooks); /* NULL: out of memory */
void alerts_destroy(struct alerts *alerts);                    /* NULL is fine */
/* Takes effect at once on running holds; new thresholds with the next value. A rule
 * switched off ends its alerts in silence. */
void alerts_configure(struct alerts *alerts, enum alert_rule rule,
		      const struct alert_settings *settings);
const struct alert_settings *alerts_settings(const struct alerts *alerts, enum alert_rule rule);
/* How often values of the rule come; a second unless said otherwise. Not a setting: the
 * core that evaluates the rule knows it. */
void alerts_set_interval(struct alerts *alerts, enum alert_rule rule, int64_t interval_ns);

/* Once a turn, before anything else: time goes on, holds and cooldowns end. Time that
 * goes back is taken to stand still. */
void alerts_step(struct alerts *alerts, int64_t now_ns, int64_t wall_ms);
/* When step has something to do; INT64_MAX: never. */
int64_t alerts_next_ns(const struct alerts *alerts);
/* message: what it would say now; kept (cut at ALERT_MESSAGE_MAX) when the alert is, or
 * becomes, active. Writing it is only worth while where alert_listens. */
void alert_value(struct alerts *alerts, enum alert_rule rule, struct str scope, double value,
		 struct str message);
/* The same with a threshold of this scope's own (an asset's percentage); its `clear` is
 * the rule's in proportion. */
void alert_value_at(struct alerts *alerts, enum alert_rule rule, struct str scope, double value,
		    double fire, struct str message);
/* Would the value change anything or its message be kept? False for most values of most
 * scopes: a caller may then save the message and pass an empty one. */
bool alert_listens(const struct alerts *alerts, enum alert_rule rule, struct str scope,
		   double value, double fire);
/* Is it active (firing or clearing), told or not? */
bool alert_fires(const struct alerts *alerts, enum alert_rule rule, struct str scope);
/* Something happened (op EVENT). */
void alert_event(struct alerts *alerts, enum alert_rule rule, struct str scope, double value,
		 struct str message);
/* The rule does not apply to the scope any more (its gate has shut), or nothing does (an
 * instance removed, a market off): alerts end in silence, mutes and cooldowns are
 * dropped. */
void alert_forget(struct alerts *alerts, enum alert_rule rule, struct str scope);
void alerts_forget(struct alerts *alerts, struct str scope);
/* NOT_FOUND: nothing is known of it (quiet). rule ALERT_COUNT: every rule of the scope.
 * until_ns: monotonic; 0 for good; not after now: told again. */
enum status alerts_mute(struct alerts *alerts, enum alert_rule rule, struct str scope,
			int64_t until_ns);
/* NOT_FOUND: it is not active. */
enum status alerts_acknowledge(struct alerts *alerts, enum alert_rule rule, struct str scope);

/* ---- what people want to hear no more, kept over restarts (alert_hush.c) ----
 *
 * A MUTE holds until a time, for a scope or (scope "") every scope of the rule, those to come
 * too. An ACK is for an alert that is active and ends with it. Both are rows of a small table;
 * alerts_hushes_version tells that it has changed and is to be stored, alerts_pack_hushes says
 * it as text, alerts_take_hushes reads that back. An ACK that was read back silences the first
 * telling of its alert, which was told before; when no such alert fires within
 * ALERT_ACK_PATIENCE_MS it ended meanwhile, and the ACK goes. */

enum {
	ALERT_HUSHES_MAX = 256,
	ALERT_HUSHES_BYTES = ALERT_HUSHES_MAX * 128,
	ALERT_ACK_PATIENCE_MS = 600000,
};

enum alert_hush_kind { ALERT_HUSH_MUTE, ALERT_HUSH_ACK };

struct alert_hush {
	enum alert_hush_kind kind;
	enum alert_rule rule;
	char scope[ALERT_SCOPE_MAX + 1]; /* "": every scope */
	int64_t until_ms; /* wall; ACK read back and not claimed: until then; else 0 */
};

/* A MUTE in place of one of the same rule and scope. FULL; INVALID: until_ms has passed, or the
 * scope has control characters. */
MUST_CHECK enum status alerts_hush_mute(struct alerts *alerts, enum alert_rule rule,
					struct str scope, int64_t until_ms);
/* Every active alert of the rule, or of one scope. NOT_FOUND: none is. FULL: those for which
 * there was room. */
MUST_CHECK enum status alerts_hush_ack(struct alerts *alerts, enum alert_rule rule,
				       struct str scope);
/* Mutes of the rule and scope (scope "": all of the rule) end. NOT_FOUND: there is none. */
MUST_CHECK enum status alerts_hush_end(struct alerts *alerts, enum alert_rule rule,
				       struct str scope);
size_t alerts_hushes(const struct alerts *alerts, struct alert_hush *out, size_t cap);
uint64_t alerts_hushes_version(const struct alerts *alerts);
/* A line each: "mute RULE UNTIL_MS SCOPE", "ack RULE 0 SCOPE". */
void alerts_pack_hushes(const struct alerts *alerts, struct buf *out);
/* Adds what the text says; lines that cannot be read, or are over, are left out and counted in
 * what is returned. Before any value is told; wall_ms: now. */
size_t alerts_take_hushes(struct alerts *alerts, struct str text, int64_t wall_ms);

/* Firing and clearing ones first (severest, then newest first), then pending, then those
 * resolved within the hour. Returns how many of at most cap. Cold: sorts all. */
size_t alerts_list(const struct alerts *alerts, struct alert_view *out, size_t cap);
struct alerts_counts {
	uint64_t fired, ended, said_again; /* incidents begun and ended (told or not); reminders */
	uint64_t suppressed;               /* not told for a cooldown or a mute */
	uint64_t unknown_values;           /* NAN */
	uint64_t refused;                  /* no room */
	uint32_t active, pending;          /* now */
};
struct alerts_counts alerts_counts(const struct alerts *alerts);
