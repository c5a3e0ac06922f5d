/* deliveries_impl.h - shared by deliveries*.c only. */
#pragma once

#include "base/timers.h"
#include "trade/deliveries.h"
#include "trade/signal.h"

enum { DELIVERY_WHY_MAX = 31, DELIVERY_NAME_MAX = 64 };

struct delivery {
	struct deliveries *owner;
	struct delivery *next, *prev; /* of its terminal, oldest first; or of the free ones */
	struct timer timer;
	uint64_t sid;
	struct delivery_entry_id entry;
	uint32_t slot; /* UINT32_MAX: of no terminal */
	enum delivery_state state;
	bool doubt;  /* its terminal may have it without our knowing */
	bool resend; /* SENT or RECEIVED, and to be sent again */
	bool unk_due, unk_told;
	uint64_t down;
	int64_t expires_ms, not_before_ms;
	int64_t doubt_until_ms;               /* WAITING in doubt: not over before */
	char instance[DELIVERY_NAME_MAX + 1]; /* "" of no terminal */
	const char *end_st;                   /* ENDING by weir and not yet taken by the store */
	char end_why[DELIVERY_WHY_MAX + 1];
	struct signal signal;
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
	struct delivery_hooks hooks;
	struct timers *timers;
	int64_t now_ms;
	struct delivery *pool;
	uint32_t used; /* of the pool, ever */
	struct delivery *free;
	struct delivery **index; /* by sid, open addressing with linear probing */
	struct delivery_slot *slots;
	uint32_t slot_count;
	struct deliveries_counts counts;
	struct result result; /* scratch */
	char line[MFP_LINE_MAX];
};

struct delivery_slot *delivery_slot(const struct delivery *delivery);
void delivery_enter(struct delivery *delivery, enum delivery_state state);
/* weir's own final result. */
void delivery_end(struct delivery *delivery, const char *st, const char *why);
/* unk, if it was not told yet. */
void delivery_tell_unknown(struct delivery *delivery);
/* What may go to the terminal now goes. */
void deliveries_pump(struct deliveries *deliveries, uint32_t slot);
void delivery_timer(void *ctx);      /* deliveries_send.c: a delivery's */
void delivery_slot_timer(void *ctx); /* a terminal's */
void delivery_arm(struct delivery *delivery);

/* deliveries_pool.c */
struct delivery *delivery_find(const struct deliveries *deliveries, uint64_t sid);
struct delivery *delivery_alloc(struct deliveries *deliveries, uint64_t sid, uint32_t slot);
void delivery_free(struct delivery *delivery);
