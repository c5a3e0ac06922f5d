/* limits.h - what may not be exceeded: lots of a signal, open positions, open lots, symbols,
 * the loss of the day (fleet.md 3.6; the settings [limits], [limits.account:LOGIN@SERVER],
 * [limits.group:NAME]).
 *
 * [limits] counts for every account by itself; an account's own section replaces the keys
 * that it names (0 lifts one). A group's section counts besides, for its terminals together:
 * a loss limit on a group of several currencies adds what cannot be added, so give it to
 * groups of one. Only what opens is checked; nothing that closes is ever refused here.
 *
 * What counts as open: what the terminals say is open; what weir has taken and not ended;
 * and what a terminal has done and not shown among its positions yet, for at most
 * LIMITS_SETTLE_MS. An account that nets counts an opposite order as if it added. Pending
 * orders count while they are on their way, and again when they have become positions: in
 * between no terminal tells of them.
 *
 * The day's loss: deals since 00:00 UTC (profit, commission, swap, fee) and the profit of
 * what is open. A deal that comes twice counts once (the newest LIMITS_DEALS_MAX of the day).
 *
 * Volumes and money are 10^-8. Pure core: time is told; fixed room; the hooks run inside
 * limits_check and must not call back. One thread. */
#pragma once

#include "def/config.h"

enum {
	LIMITS_SCOPES_MAX = 1024,   /* sections; those beyond are counted and do not hold */
	LIMITS_SETTLING_MAX = 4096, /* then the oldest settles early, counted */
	LIMITS_SETTLE_MS = 10000,
	LIMITS_DEALS_MAX = 65536, /* then the oldest may count twice */
	LIMITS_NAME_MAX = 127,    /* of a server */
};

struct limits_open { /* what is open at a terminal */
	int64_t positions, volume, profit;
};

struct limits_hooks {
	void (*open)(void *ctx, uint32_t slot, struct limits_open *out);
	/* Whether it shows the position (by its identifier). */
	bool (*shows)(void *ctx, uint32_t slot, uint64_t position);
	/* The terminals of a group: how many there are, at most room of them told. */
	size_t (*group)(void *ctx, struct str name, uint32_t *slots, size_t room);
	/* Whose account a terminal is logged in to: for its loss of the day. */
	void (*account)(void *ctx, uint32_t slot, struct str *server, int64_t *login);
	void *ctx;
};

struct limits;

/* slots: terminals that there is room for. NULL: no memory. */
struct limits *limits_create(uint32_t slots, const struct limits_hooks *hooks);
void limits_destroy(struct limits *limits);
/* What the settings say from now on. NO_MEMORY: it stays as it was. */
MUST_CHECK enum status limits_configure(struct limits *limits, const struct config *config);
void limits_step(struct limits *limits, int64_t now_ms); /* before anything else */

enum limits_stage { LIMITS_TAKING, LIMITS_SENDING };

struct limits_ask {
	uint32_t slot;
	struct str symbol; /* as the producer writes it */
	const struct str *groups;
	size_t group_count;
	int64_t volume;
};

/* Why it may not be opened, "limit_volume" …; NULL: it may. TAKING counts what waits too;
 * SENDING only what terminals have: the asked itself is in neither. */
const char *limits_check(struct limits *limits, const struct limits_ask *ask,
			 enum limits_stage stage);

/* What weir has taken for a terminal: it waits, it was sent, it ended (or is taken back).
 * at: LIMITS_TAKING what waits, LIMITS_SENDING what was sent; by +1, -1. */
void limits_hold(struct limits *limits, uint32_t slot, enum limits_stage at, int64_t volume,
		 int by);
/* It was opened as this position, which the terminal may not show yet. */
void limits_settle(struct limits *limits, uint32_t slot, uint64_t position, int64_t volume);
/* The terminal left its slot. */
void limits_forget(struct limits *limits, uint32_t slot);

/* A recorded deal, or a result with one: what it changed the balance by. at_ms: when it
 * happened, UTC. deal 0: of none. At the start those of the day are told from the archive. */
void limits_deal(struct limits *limits, struct str server, int64_t login, uint64_t deal,
		 int64_t at_ms, int64_t profit);
/* The day's closed profit of an account. */
int64_t limits_day(const struct limits *limits, struct str server, int64_t login);

struct limits_counts {
	uint64_t refused, settled_early, scopes_lost, accounts_lost, deals_repeated;
	uint32_t settling, accounts;
};
struct limits_counts limits_counts(const struct limits *limits);
