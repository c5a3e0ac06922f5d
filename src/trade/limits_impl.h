/* limits_impl.h - shared by limits*.c only. */
#pragma once

#include "trade/limits.h"

enum limit { LIMIT_VOLUME, LIMIT_POSITIONS, LIMIT_TOTAL_VOLUME, LIMIT_DAY_LOSS, LIMITS_NUMBERS };

/* [limits], or one of its open sections. */
struct limits_scope {
	char name[CONFIG_OPEN_NAME_BYTES + 1]; /* "account:…", "group:…" */
	int64_t numbers[LIMITS_NUMBERS];       /* 0: none; 10^-8, POSITIONS plain */
	unsigned named;                        /* bit LIMIT_…, LIMITS_NUMBERS for symbols */
	struct str symbols;                    /* of text: A,B,C; empty: all */
};

/* What is held for a terminal. */
struct limits_held {
	int64_t count[2], volume[2]; /* by stage */
};

struct limits_settling {
	uint32_t slot; /* UINT32_MAX: it is over */
	uint64_t position;
	int64_t volume, until_ms;
};

struct limits_account {
	char server[LIMITS_NAME_MAX + 1];
	int64_t login, profit;
	bool used;
};

struct limits {
	struct limits_hooks hooks;
	uint32_t slots;
	int64_t now_ms, day; /* days since 1970 */
	struct limits_scope general, *scopes;
	size_t scope_count;
	struct buf text; /* of the scopes' symbols */
	struct limits_held *held;
	struct limits_settling *settling; /* a ring, oldest first */
	size_t settling_at, settling_count;
	struct limits_account *accounts; /* open addressing; mask + 1 places, half of them used */
	size_t accounts_mask;
	uint64_t *deals; /* a ring of hashes, and their table */
	uint64_t *deals_table;
	size_t deals_at, deals_count;
	uint32_t *group; /* scratch: slots of one */
	struct limits_counts counts;
};

/* limits_day.c */
struct limits_account *limits_account_place(const struct limits *limits, struct str server,
					    int64_t login);
void limits_day_begin(struct limits *limits);
