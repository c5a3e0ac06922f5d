/* account_link.h - one exchange account, polled.
 *
 * Every poll asks for what the account's kinds have: balances, positions and, every
 * ACCOUNT_INCOME_EVERY polls, income, one request after the other. Income is read
 * backwards in spans of a week at the first poll, 30 days in all, and then the hours since
 * the last time; a span counts when all its pages came.
 *
 * The time that is signed is the venue's: its clock is asked before the first signed
 * request of a host, each hour, and whenever it refuses our time (-1021, 10002), and is
 * taken as of the middle of that request. So a wrong clock here does no harm; only when the
 * venue refuses again is it said. A time before 2020 is no answer, and one that is more than
 * a minute before the one expected is not believed until the next request says it too.
 *
 * Requests wait for the budget of their host (budget.h), of which they take at most a
 * fifth: 16 % of the venue's limit, beside the 80 % that the feed may spend of the same
 * limit from the same address. When the venue says that nine tenths of it are used, by
 * whomever, nothing is asked before its next minute; 429, 418, 403 and Bybit's limits rest the host
 * until the time they name; a key that is refused rests it for ACCOUNT_KEY_REST_NS; no answer and
 * 5xx for 1 s, doubling to 60 s. What an answer says is in the book (accounts.h) only when it was
 * read as a whole; what went wrong is the book's newest fault, in a sentence in which neither key
 * nor secret can stand.
 *
 * Shell over port/http_client; time from the port. Loop thread. */
#pragma once

#include "accounts/accounts.h"
#include "base/timers.h"
#include "feed/account_sign.h"
#include "feed/budget.h"
#include "port/clock.h"

enum { ACCOUNT_INCOME_EVERY = 4, ACCOUNT_PAGES_MAX = 200 };
#define ACCOUNT_KEY_REST_NS INT64_C(300000000000)

/* What links read answers with; one for all of a thread. */
struct account_reading;
struct account_reading *account_reading_create(void); /* NULL: out of memory */
void account_reading_destroy(struct account_reading *reading);

struct account_link_config {
	struct accounts *accounts;
	uint32_t slot; /* added with account_link_answers */
	/* These live as long as the link. */
	const struct account_key *key;
	const char *base_urls[KIND_COUNT];  /* Bybit: that of KIND_SPOT */
	struct budget *budgets[KIND_COUNT]; /* of the hosts; links may share them */
	struct account_reading *reading;
	struct http_client *http;
	struct timers *timers; /* one timer */
	const struct clock_port *clock;
	int64_t poll_ns;
	uint64_t seed; /* of the jitter */
};

struct account_link_counts {
	uint64_t requests, answers, failures; /* answers: read and taken */
	uint64_t clocks;                      /* the venue's clock was measured */
};

struct account_link;

/* What an account of these kinds (1 << enum kind) is asked for. */
uint32_t account_link_answers(enum venue venue, uint32_t kinds);
struct account_link *account_link_create(const struct account_link_config *config);
void account_link_destroy(struct account_link *link); /* what is under way ends in silence */
const struct account_link_counts *account_link_counts(const struct account_link *link);
/* The venue's wall clock minus ours when it was measured last; false: not yet. */
bool account_link_skew_ms(const struct account_link *link, int64_t *ms);
