/* deliveries_impl.h - shared by deliveries*.c only. */
#pragma once

#include "base/timers.h"
#include "trade/deliveries.h"
#include "trade/signal_ids.h"

enum { DELIVERY_WHY_MAX = 63, DELIVERY_NAME_MAX = 64, DELIVERY_BUCKET_COUNT = 16384 };

/* An entry of the stream in hand. */
struct posting {
	struct deliveries *owner;
	struct posting *chain; /* of those with its hash; or of the free ones */
	struct delivery *first, *last;
	struct timer timer; /* its members are to be written down (again) */
	uint64_t sid;
	struct delivery_entry_id entry;
	bool filling; /* its deliveries are being made: it is not over with the last of them */
	bool routed;  /* its members may have it */
	bool opens;
	bool again;                 /* taken by an earlier run */
	const char *fault;          /* what is wrong with it; NULL nothing */
	int64_t expires_ms, volume; /* 10^-8 lots */
	struct signal signal;
};

struct delivery {
	struct deliveries *owner;
	struct posting *posting;
	struct delivery *next, *prev;    /* of its terminal, oldest first */
	struct delivery *after, *before; /* of its posting; or of the free ones */
	struct delivery *chain;          /* of those with its hash */
	struct timer timer;
	uint32_t slot; /* UINT32_MAX: of no terminal */
	uint32_t life; /* how often its place was used: for tags */
	enum delivery_state state;
	bool doubt;  /* its terminal may have it without our knowing */
	bool resend; /* SENT or RECEIVED, and to be sent again */
	bool unk_due, unk_told;
	bool unmapped; /* the broker's symbols do not know its any more */
	uint64_t down, deal;
	int64_t not_before_ms;
	int64_t doubt_until_ms;               /* WAITING in doubt: not over before */
	char instance[DELIVERY_NAME_MAX + 1]; /* "" of no terminal */
	char symbol[SIGNAL_TEXT_MAX + 1];     /* the broker's; "" as the signal says */
	const char *barred;                   /* why its newest question left no time */
	bool end_due;                         /* ENDING by weir and not yet taken by the store */
	bool ended_due;                       /* ENDED and not yet taken by the owner */
	const char *end_st;                   /* a word of its own; ENDING and ENDED */
	char end_why[DELIVERY_WHY_MAX + 1];
	const char *unknown_why; /* NULL never */
	uint32_t sent, asked;
	int64_t sent_ms, confirmed_ms, unknown_ms, ended_ms;
	uint32_t step_count;
	struct delivery_step steps[DELIVERY_STEPS_MAX];
};

struct delivery_list {
	struct delivery *first, *last;
};

/* A terminal, by its slot. */
struct delivery_slot {
	struct deliveries *owner;
	struct delivery_list all;
	uint32_t waiting, in_flight;
	uint32_t rate, refuse_above;
	int64_t tokens;    /* thousandths of a signal */
	int64_t tokens_ms; /* when they were counted */
	bool open, connected;
	struct timer timer; /* the next signal may go */
};

struct deliveries {
	struct deliveries_config config;
	struct delivery_hooks hooks;
	struct timers *timers;
	int64_t now_ms;
	struct signal_ids *ids;
	const char *refuse_why;  /* of all new ones; NULL none */
	const char *opening_why; /* of new ones that open */
	struct delivery *pool, *free;
	struct posting *posting_pool, *posting_free;
	uint32_t used, posting_used; /* of the pools, ever */
	uint32_t room, posting_room; /* free now */
	struct delivery **index;     /* by sid and slot, chained */
	struct posting **postings;   /* by sid, chained */
	struct delivery_slot *slots;
	uint32_t *members;     /* scratch: the slots of an entry */
	struct str *instances; /* and their names */
	struct deliveries_counts counts;
	struct result result; /* scratch */
	char line[MFP_LINE_MAX];
};

/* deliveries.c */
struct delivery_slot *delivery_slot(const struct delivery *delivery);
bool delivery_is_over(const struct delivery *delivery); /* its end is decided */
void delivery_enter(struct delivery *delivery, enum delivery_state state);
void delivery_count(struct delivery *delivery, int by); /* where it counts now */
void delivery_tell_queue(const struct delivery *delivery);

/* deliveries_admit.c */
bool delivery_is_halted(const struct delivery *delivery);
/* Why the terminal may not have it now; NULL: it may. */
const char *delivery_barred(struct delivery *delivery, enum limits_stage stage);
/* The broker's name of its symbol. False: it is not known there. */
bool delivery_map_symbol(struct delivery *delivery, const struct delivery_terminal *terminal);

/* deliveries_end.c */
void delivery_step(struct delivery *delivery, enum delivery_step_kind kind);
/* weir's own final result. */
void delivery_end(struct delivery *delivery, const char *st, const char *why);
void delivery_end_by_terminal(struct delivery *delivery, const struct result *result);
void delivery_doubt(struct delivery *delivery, const char *why);
/* unk, if it was not told yet. */
void delivery_tell_unknown(struct delivery *delivery);
/* Its final result is recorded. It may be gone then. */
void delivery_ended(struct delivery *delivery);
/* Its row is written, or nobody writes one: it is gone. */
void delivery_over(struct delivery *delivery);
/* An end of an earlier run. */
void delivery_ended_before(struct delivery *delivery);
/* What is due of its end. True: it may be gone. */
bool delivery_end_due(struct delivery *delivery);
uint64_t delivery_tag(const struct delivery *delivery);

/* deliveries_send.c */
/* What may go to the terminal now goes. */
void deliveries_pump(struct deliveries *deliveries, uint32_t slot);
void delivery_timer(void *ctx);      /* a delivery's */
void delivery_slot_timer(void *ctx); /* a terminal's */
void delivery_arm(struct delivery *delivery);
bool delivery_time_is_over(const struct delivery *delivery);

/* deliveries_take.c */
void posting_timer(void *ctx);

/* deliveries_pool.c */
struct posting *posting_find(const struct deliveries *deliveries, uint64_t sid);
struct posting *posting_alloc(struct deliveries *deliveries, uint64_t sid); /* there is room */
struct delivery *delivery_find(const struct deliveries *deliveries, uint64_t sid, uint32_t slot);
struct delivery *delivery_by_tag(const struct deliveries *deliveries, uint64_t tag);
struct delivery *delivery_alloc(struct posting *posting, uint32_t slot); /* there is room */
/* And its posting with its last one: true. */
bool delivery_free(struct delivery *delivery);
void posting_free(struct posting *posting); /* which has none */
