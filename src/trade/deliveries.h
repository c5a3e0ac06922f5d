/* deliveries.h - signals on their way to terminals (fleet.md 3.4).
 *
 *   WAITING → SENT → RECEIVED → ENDING (its final result is being recorded) → gone
 *
 * An entry of trade_signals is checked against def/signals.def; a bad one ends at once as
 * st=refused why=FIELD. WAITING until its terminal may have it (deliveries_open, connected,
 * its rate), SENT with a down number and the ms that are left, RECEIVED when the terminal
 * says rx or dup. The terminal's final result ends it. So do, written here: exp (its time
 * was over before it was sent, or the terminal that has it all the time did not answer it
 * in time and ANSWER_MS, or says so itself), fail why=bad|stopped|queue|REASON.
 *
 * What a terminal may have without our knowing (SENT when its connection went, or before a
 * restart of weir) is in doubt: it never ends by our clock, for its order may exist. It is
 * sent again on resume and every ASK_MS until it is answered, with what is left of its
 * time, which may be 0: the terminal then says dup, or exp. When a terminal fails with any
 * of these or with RECEIVED ones, unk is recorded, once, not final; the terminal decides
 * when it is back. Of an entry that was given out before a restart and of which no sending
 * was noted there is little doubt: it waits, and is asked about, AGAIN_MS longer.
 *
 * A result of weir's own is given to the store with the signal's sid as its tag;
 * deliveries_recorded then ends the entry.
 *
 * Pure core: time is told, wall ms. Fixed room (DELIVERIES_MAX; an entry beyond it is told
 * again later); hooks run inside the calls and must not call back. One thread. */
#pragma once

#include "trade/result.h"

enum {
	DELIVERIES_MAX = 8192,
	DELIVERY_BUSY_MS = 1000, /* a terminal that says busy is asked again then */
	DELIVERY_RETRY_MS = 100, /* a result or a line that could not be given on */
	DELIVERY_TTL_MS = 30000,
	DELIVERY_ANSWER_MS = 1000, /* an answer given in time may be on its way so long */
	DELIVERY_ASK_MS = 5000,
	DELIVERY_AGAIN_MS = 60000,
	DELIVERY_FIELDS_MAX = 63, /* an entry with more is refused why=fields */
};

struct delivery_entry_id {
	uint64_t ms, seq;
};

/* An entry of the stream. Texts live during the call. */
struct delivery_entry {
	struct delivery_entry_id id;
	uint64_t sid; /* 0: its id gives none: refused why=id, under a number made of it */
	const struct str *keys, *values;
	size_t count;
	bool again;       /* it was given out before a restart: a terminal may have it */
	struct str stood; /* again: what signal:{sid} says, "sent", "received"; "" nothing */
};

enum delivery_state { DELIVERY_WAITING, DELIVERY_SENT, DELIVERY_RECEIVED, DELIVERY_ENDING };

struct delivery_view {
	uint64_t sid;
	struct delivery_entry_id entry;
	uint32_t slot;
	struct str id;
	enum delivery_state state;
	uint64_t down;
	int64_t expires_ms;
};

struct delivery_hooks {
	/* The slot of an instance by its id; UINT32_MAX: none. */
	uint32_t (*find)(void *ctx, struct str id);
	struct str (*name)(void *ctx, uint32_t slot);
	/* Whether a final result of it is recorded: of entries that come again. May be NULL. */
	bool (*ended)(void *ctx, uint64_t sid, struct str instance);
	uint64_t (*next_down)(void *ctx); /* 0: none now */
	/* A G line. Anything but OK: it waits on. */
	enum status (*send)(void *ctx, uint32_t slot, struct str line);
	/* A result of weir's own, to be recorded with the tag (0: nobody waits for it). Not
	 * OK: tried again later. */
	enum status (*result)(void *ctx, const struct result *result, uint64_t tag);
	void (*state)(void *ctx, const struct delivery_view *delivery); /* SENT, RECEIVED */
	void (*done)(void *ctx, uint64_t sid, struct delivery_entry_id entry);
	void (*queue)(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight);
	void *ctx;
};

struct deliveries;

struct deliveries *deliveries_create(uint32_t slots, const struct delivery_hooks *hooks);
void deliveries_destroy(struct deliveries *deliveries);
void deliveries_step(struct deliveries *deliveries, int64_t now_ms);
int64_t deliveries_next_ms(const struct deliveries *deliveries); /* INT64_MAX: never */
/* False: no room; the entry is told again later. */
bool deliveries_take(struct deliveries *deliveries, const struct delivery_entry *entry);

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
void deliveries_recorded(struct deliveries *deliveries, uint64_t tag);

struct deliveries_counts {
	uint64_t taken, refused, sent, sent_again, received, done, failed, expired, unknown;
	uint64_t known; /* entries that came again and had ended before */
	uint64_t late;  /* results of signals that are not, or no more, in flight */
	uint32_t waiting, in_flight;
};
struct deliveries_counts deliveries_counts(const struct deliveries *deliveries);
