/* deliveries.h - signals on their way to terminals (fleet.md 3.4, 3.6).
 *
 *   WAITING → SENT → RECEIVED → ENDING (its final result is being recorded)
 *           → ENDED (recorded; the archive is writing its row) → gone
 *
 * An entry of trade_signals is checked against def/signals.def; a bad one ends at once as
 * st=refused why=FIELD. What it is `to` is looked up when it is taken: every terminal that
 * this names is a delivery of its own, under the entry's sid. The entry is done (told by
 * `done`) when all its deliveries are over. One with more members than there is room is not
 * taken at all, and told again later; nobody there: refused why=to.
 *
 * An entry whose id was taken before (deliveries_remember; the newest SIGNAL_IDS_MAX) is a
 * repeat: done at once, counted, no result; also where the first was refused.
 *
 * WAITING until its terminal may have it (deliveries_open, connected, its rate), SENT with
 * a down number and the ms that are left, RECEIVED when the terminal says rx or dup. The
 * terminal's final result ends it. So do, written here: exp (its time was over before it
 * was sent, or the terminal that has it all the time did not answer it in time and
 * ANSWER_MS, or says so itself), fail why=bad|stopped|queue|REASON, refused why=
 *   id fields to …   the field at fault; exp: more than a day ahead
 *   sym              the broker's symbol map has it not (symbols.h)
 *   halted           halts.h
 *   limit_…          limits.h
 *   WORD             of deliveries_refuse_all, deliveries_refuse_opening
 * Halts and limits are looked at when it is taken and again when it is about to go: what
 * waits when a halt comes ends by it (deliveries_halted), and is never sent.
 *
 * What a terminal may have without our knowing (SENT when its connection went, or before a
 * restart of weir) is in doubt: it never ends by our clock, for its order may exist. It is
 * sent again on resume and every ASK_MS until it is answered, with what is left of its
 * time, which may be 0: the terminal then says dup, or exp. It is 0 too where a halt or a
 * limit is in its way: such a question makes no order. When a terminal fails with any of
 * these or with RECEIVED ones, unk is recorded, once, not final; the terminal decides when
 * it is back. Of an entry that was given out before a restart and of which no sending was
 * noted there is little doubt: it waits, and is asked about, AGAIN_MS longer.
 *
 * Members: those of an entry to an account, a group or all are written down (`route`) and
 * known to be (deliveries_routed) before the first of them is sent. So after a restart an
 * entry without such a list was never sent and is routed anew; one with it goes on with the
 * members it had, those that have ended (`has_ended`) left out. A member that is no terminal
 * any more ends as fail or unk why=removed.
 *
 * A result of weir's own is given to the store with a tag that names its delivery;
 * deliveries_recorded then makes it ENDED, and `ended` is told all that is known of it.
 *
 * Pure core: time is told, wall ms. Fixed room (DELIVERIES_MAX entries, as many deliveries);
 * hooks run inside the calls and must not call back. One thread. */
#pragma once

#include "trade/halts.h"
#include "trade/limits.h"
#include "trade/result.h"
#include "trade/signal.h"
#include "trade/symbols.h"
#include "trade/target.h"

enum {
	DELIVERIES_MAX = 8192,
	DELIVERY_BUSY_MS = 1000, /* a terminal that says busy is asked again then */
	DELIVERY_RETRY_MS = 100, /* a result or a line that could not be given on */
	DELIVERY_TTL_MS = 30000,
	DELIVERY_AHEAD_MS = 86400000, /* an expiry further ahead is refused why=exp */
	DELIVERY_ANSWER_MS = 1000,    /* an answer given in time may be on its way so long */
	DELIVERY_ASK_MS = 5000,
	DELIVERY_AGAIN_MS = 60000,
	DELIVERY_FIELDS_MAX = 63, /* an entry with more is refused why=fields */
	DELIVERY_GROUPS_MAX = 8,
	DELIVERY_STEPS_MAX = 12, /* later ones are left out, the end never is */
};

struct delivery_entry_id {
	uint64_t ms, seq;
};

/* What signal:{sid} says of one of its terminals. */
struct delivery_member {
	struct str instance;
	struct str stood;              /* "waiting" "sent" "received" */
	uint64_t down;                 /* of its newest sending; 0 none */
	uint32_t sent;                 /* times */
	int64_t sent_ms, confirmed_ms; /* first; 0 never */
};

/* An entry of the stream. Texts live during the call. */
struct delivery_entry {
	struct delivery_entry_id id;
	uint64_t sid; /* 0: its id gives none: refused why=id, under a number made of it */
	const struct str *keys, *values;
	size_t count;
	const char *fault; /* it could not be read: refused why=FAULT, static; NULL none */
	bool again;        /* it was given out before a restart: a terminal may have it */
	const struct delivery_member *members; /* again: those written down */
	size_t member_count;
};

enum delivery_state {
	DELIVERY_WAITING,
	DELIVERY_SENT,
	DELIVERY_RECEIVED,
	DELIVERY_ENDING,
	DELIVERY_ENDED
};

struct delivery_view {
	uint64_t sid;
	struct delivery_entry_id entry;
	uint32_t slot;
	struct str id, instance;
	enum delivery_state state;
	uint64_t down;
	uint32_t sent;
	int64_t expires_ms, sent_ms, confirmed_ms;
};

enum delivery_step_kind {
	DELIVERY_STEP_TAKEN,
	DELIVERY_STEP_SENT,
	DELIVERY_STEP_CONFIRMED,
	DELIVERY_STEP_PART,
	DELIVERY_STEP_UNKNOWN,
	DELIVERY_STEP_ENDED
};
const char *delivery_step_text(enum delivery_step_kind kind); /* "taken" … "unk" "ended" */

struct delivery_step {
	int64_t at_ms;
	uint32_t sent; /* times until then */
	enum delivery_step_kind kind;
};

/* Where the ledger (contracts.md) counts an end:
 *   refused              st refused; fail that never was sent (queue, stopped, removed)
 *   expired_undelivered  exp that never was sent
 *   done, failed, expired_at_terminal, unknown: what was sent
 *   recorded             an end of an earlier run, known to be recorded and no more: its
 *                        row tells which (delivery_bucket_of with what is there) */
enum delivery_bucket {
	DELIVERY_REFUSED,
	DELIVERY_EXPIRED_UNDELIVERED,
	DELIVERY_DONE,
	DELIVERY_FAILED,
	DELIVERY_EXPIRED_AT_TERMINAL,
	DELIVERY_UNKNOWN,
	DELIVERY_RECORDED,
	DELIVERY_BUCKETS
};
const char *delivery_bucket_text(enum delivery_bucket bucket); /* "refused" … "recorded" */
enum delivery_bucket delivery_bucket_of(struct str st, uint32_t sent);

/* A delivery whose final result is recorded. Texts live during the call. */
struct delivery_end {
	uint64_t tag, sid;
	struct delivery_entry_id entry;
	struct str instance; /* empty: no terminal was found */
	const struct signal *signal;
	struct str symbol;   /* as the broker names it; empty: it has none */
	int64_t received_ms; /* when it was added to the stream */
	int64_t expires_ms;
	int64_t sent_ms;        /* first; 0 never */
	int64_t confirmed_ms;   /* the terminal had it; 0 never */
	int64_t ended_ms;       /* when it was told, or decided here */
	struct str st, why;     /* st "?": recorded in an earlier run, see trade_results */
	uint32_t sent;          /* times; 0: it never was at a terminal */
	uint64_t deal;          /* of the final result; 0 none */
	int64_t unknown_ms;     /* its outcome became unknown; 0 never */
	struct str unknown_why; /* connection, restart, failed; empty never */
	uint32_t asked;         /* times it was asked about in doubt */
	enum delivery_bucket bucket;
	const struct delivery_step *steps; /* in the order of time */
	size_t step_count;
};

enum delivery_told {
	DELIVERY_TOLD_GONE,  /* nobody waits for it: it is over */
	DELIVERY_TOLD_KEPT,  /* deliveries_archived will be said */
	DELIVERY_TOLD_LATER, /* told again in RETRY_MS */
};

/* Who is in a slot. */
struct delivery_terminal {
	struct str id, server;
	struct str groups[DELIVERY_GROUPS_MAX];
	size_t group_count;
};

struct delivery_hooks {
	/* The terminals that the target names now: how many, at most room of them told. */
	size_t (*members)(void *ctx, const struct target *target, uint32_t *slots, size_t room);
	/* Texts live until the hook is called again. */
	void (*about)(void *ctx, uint32_t slot, struct delivery_terminal *out);
	/* Whether a final result of it is recorded: of entries that come again; instance ""
	 * for an entry that found none. May be NULL. */
	bool (*has_ended)(void *ctx, uint64_t sid, struct str instance);
	/* To be written down before any of them is sent; deliveries_routed tells. Not OK:
	 * tried again later. NULL: nothing is, and nothing waits for it. */
	enum status (*route)(void *ctx, uint64_t sid, struct delivery_entry_id entry,
			     const struct str *instances, size_t count);
	uint64_t (*next_down)(void *ctx); /* 0: none now */
	/* A G line. Anything but OK: it waits on. */
	enum status (*send)(void *ctx, uint32_t slot, struct str line);
	/* A result of weir's own, to be recorded with the tag (0: nobody waits for it). Not
	 * OK: tried again later. */
	enum status (*result)(void *ctx, const struct result *result, uint64_t tag);
	void (*state)(void *ctx, const struct delivery_view *delivery); /* SENT, RECEIVED */
	/* NULL: as if it said GONE. */
	enum delivery_told (*ended)(void *ctx, const struct delivery_end *end);
	void (*done)(void *ctx, uint64_t sid, struct delivery_entry_id entry);
	void (*queue)(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight);
	void *ctx;
};

struct deliveries_config {
	uint32_t slots;
	uint64_t secret[2]; /* random: of signal_ids.h */
	/* Any may be NULL: nothing is mapped, halted, limited. Theirs who made them. */
	const struct symbols *symbols;
	const struct halts *halts;
	struct limits *limits;
};

struct deliveries;

/* NULL: no memory. */
struct deliveries *deliveries_create(const struct deliveries_config *config,
				     const struct delivery_hooks *hooks);
void deliveries_destroy(struct deliveries *deliveries);
void deliveries_step(struct deliveries *deliveries, int64_t now_ms);
int64_t deliveries_next_ms(const struct deliveries *deliveries); /* INT64_MAX: never */
/* False: no room; the entry is told again later. */
bool deliveries_take(struct deliveries *deliveries, const struct delivery_entry *entry);
/* The members are written down, or could not be (then it is tried again). */
void deliveries_routed(struct deliveries *deliveries, uint64_t sid, enum status status);

/* The id is taken, by this sid: at the start of what the archive has (oldest first, before
 * the first take), and of what was added for a producer who waits. */
void deliveries_remember(struct deliveries *deliveries, struct str id, uint64_t sid);
bool deliveries_known(const struct deliveries *deliveries, struct str id, uint64_t *sid);

/* New ones end as refused why=WORD, at most 31 bytes, static; NULL: no more. */
void deliveries_refuse_all(struct deliveries *deliveries, const char *why);
/* The same of those that open positions or orders alone; what waits goes on. */
void deliveries_refuse_opening(struct deliveries *deliveries, const char *why);
/* The halts have changed: what waits and is halted now ends. */
void deliveries_halted(struct deliveries *deliveries);

/* The terminal may have signals from now on, `rate` a second. */
void deliveries_open(struct deliveries *deliveries, uint32_t slot, uint32_t rate);
/* It is connected; `down` is the last down number it handled: the answers to what is not
 * above it should come by themselves, and are asked for ASK_MS later. */
void deliveries_resume(struct deliveries *deliveries, uint32_t slot, uint64_t down);
void deliveries_pause(struct deliveries *deliveries, uint32_t slot);
void deliveries_rate(struct deliveries *deliveries, uint32_t slot, uint32_t rate);
/* New ones are refused (why=queue) while more than `above` wait. */
void deliveries_refuse(struct deliveries *deliveries, uint32_t slot, uint32_t above);
void deliveries_gone(struct deliveries *deliveries, uint32_t slot);    /* its connection */
void deliveries_unknown(struct deliveries *deliveries, uint32_t slot); /* it failed */
/* What waits for it ends: st=fail why. */
void deliveries_drop(struct deliveries *deliveries, uint32_t slot, const char *why);
/* It is removed and its slot may be another's soon: what waits ends as fail why=removed,
 * what it may have as unk why=removed, for nobody will ever tell. */
void deliveries_remove(struct deliveries *deliveries, uint32_t slot);
/* Y of a signal; R of one (before it is recorded): the tag to record it with, 0 none. */
void deliveries_ack(struct deliveries *deliveries, uint32_t slot, const struct mfp_frame *frame);
uint64_t deliveries_result(struct deliveries *deliveries, uint32_t slot,
			   const struct result *result);
/* The producer's key of a signal in flight; empty when it is not known. */
struct str deliveries_id(const struct deliveries *deliveries, uint64_t sid);
void deliveries_recorded(struct deliveries *deliveries, uint64_t tag); /* a final result */
void deliveries_archived(struct deliveries *deliveries, uint64_t tag); /* its end's row */

/* The entry's deliveries in hand, one by one; how many. Texts live during the call. */
size_t deliveries_each(const struct deliveries *deliveries, uint64_t sid,
		       void (*fn)(void *ctx, const struct delivery_view *delivery), void *ctx);

struct deliveries_counts {
	uint64_t taken; /* deliveries */
	uint64_t refused, sent, sent_again, received, done, failed, expired, unknown;
	uint64_t known;    /* deliveries that came again and had ended before */
	uint64_t repeated; /* entries whose id was taken before */
	uint64_t late;     /* results of signals that are not, or no more, in flight */
	/* Now, for the ledger: received = the archive's + waiting + in_flight + all ended. */
	uint32_t waiting, in_flight;
	uint32_t ended[DELIVERY_BUCKETS]; /* not archived yet */
};
struct deliveries_counts deliveries_counts(const struct deliveries *deliveries);
