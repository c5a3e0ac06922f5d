/* accounting.h - exchange accounts of a weir that stays: configuration to links, links to
 * the book, the book to samples of equity in segment RSS.
 *
 * Keys are read once, at create, before any child process is started: from the files that
 * the configuration names or from the environment, where the values are overwritten and
 * removed as they are read. They stand in one place, which is wiped by the destroy.
 *
 * Samples of equity are taken every five minutes, of answers and rates that are fresh. None
 * is taken (and that is counted) while an asset has no rate that had one, or, for half an
 * hour, one that a market of weir's may yet tell: the rule is in accounts/priced.h. And none
 * before the store has said what it keeps: it would replace that. A store that does not
 * answer is asked again every 2 s; bytes that cannot be read are said once and replaced.
 * Loop thread. */
#pragma once

#include "accounts/equity.h"
#include "ask/accounts.h"
#include "base/err.h"
#include "feed/account_link.h"
#include "os/loop.h"
#include "store/equity_store.h"

struct accounting;

struct accounting_config {
	const struct config *config;
	struct loop *loop;
	const struct markets *markets;
	int64_t stale_ms; /* of rates */
};

/* Timers of the loop that it may use. */
size_t accounting_timers(void);
/* What is wrong with the configuration or a key file is said here, without a word of what
 * stands in it. On an error *accounting may be set all the same: close and destroy it. */
MUST_CHECK enum status accounting_create(const struct accounting_config *config,
					 struct accounting **accounting, struct err *err);
/* fleet NULL: none, or simulated terminals. rss NULL: samples are not kept. */
void accounting_start(struct accounting *accounting, const struct fleet *fleet,
		      struct redis_port *rss);
void accounting_stop(struct accounting *accounting); /* nothing is asked any more */
/* Closes its connections: fn runs when they are, perhaps at once. NULL is fine. */
void accounting_close(struct accounting *accounting, void (*fn)(void *ctx), void *ctx);

/* After the close, and when the port of RSS has ended all commands. NULL is fine. */
void accounting_destroy(struct accounting *accounting);

const struct accounts *accounting_accounts(const struct accounting *accounting);
const struct equity *accounting_equity(const struct accounting *accounting);

struct accounting_counts {
	uint64_t samples;
	uint64_t skipped; /* an answer or a rate was missing or stale */
	struct equity_store_counts store;
};
struct accounting_counts accounting_counts(const struct accounting *accounting);
/* Of the account in the slot. */
const struct account_link_counts *accounting_link_counts(const struct accounting *accounting,
							 uint32_t slot);
