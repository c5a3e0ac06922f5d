/* accounting_impl.h - its own; shared by accounting*.c only. */
#pragma once

#include "accounts/priced.h"
#include "daemon/accounting.h"
#include "os/http.h"

enum { ACCOUNTING_URL_MAX = 400 };

struct accounting_account {
	char name[ACCOUNT_NAME_MAX + 1];
	struct account_key key;
	char urls[KIND_COUNT][ACCOUNTING_URL_MAX + 1];
	int64_t poll_ms;
	struct http *http;
	struct account_link *link;
	enum account_state logged; /* the state that the log knows */
	struct priced priced;
	bool restored; /* the store said what it has of it */
};

struct accounting {
	struct accounting_config config;
	struct accounts *accounts;
	struct equity *equity;
	struct account_reading *reading;
	struct budget budgets[VENUE_COUNT][KIND_COUNT];
	struct accounting_account *list; /* as in the book */
	uint32_t count;

	const struct fleet *fleet;
	struct equity_store *store; /* NULL: samples are not kept */
	struct priced fleet_priced;
	bool fleet_restored;
	uint32_t restoring;      /* gets that are not answered */
	uint32_t restore_wait_s; /* before the next ones */
	bool restore_said;       /* that the store does not answer */
	bool restored;           /* all of them */
	struct timer second_timer;
	int64_t sampled_step;
	uint64_t samples, skipped;

	size_t open; /* clients that are not closed, and one while closing */
	void (*on_closed)(void *ctx);
	void *ctx;
};

/* accounting_config.c: the sections [account.NAME]. */
MUST_CHECK enum status accounting_read(struct accounting *accounting, struct err *err);
/* accounting_equity.c */
/* At the start, and each second until the store has answered for every name. */
void accounting_restore_equity(struct accounting *accounting);
void accounting_sample_equity(struct accounting *accounting, int64_t wall_ms);
