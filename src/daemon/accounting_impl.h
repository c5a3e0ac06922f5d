/* accounting_impl.h - its own; shared by accounting*.c only. */
#pragma once

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
	uint32_t restoring;         /* gets that are not answered */
	bool restored;
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
void accounting_restore_equity(struct accounting *accounting);
void accounting_sample_equity(struct accounting *accounting, int64_t wall_ms);
