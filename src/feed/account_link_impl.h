/* account_link_impl.h - the link's own; shared by account_link*.c only. */
#pragma once

#include "feed/account_link.h"
#include "feed/rest_verdict.h"
#include "os/backoff.h"

enum { INCOME_ROWS = 1000, CLOCK_STRIKES = 3 };

struct account_reading {
	struct account_reader *reader;
	struct json *json; /* for rest_judge */
	struct account_income rows[INCOME_ROWS];
	uint32_t count;
};

/* A base URL: its clock, and until when nothing is asked of it. */
struct account_host {
	bool clock_known;
	int64_t ahead_ns;    /* the venue's unix time minus our monotonic */
	int64_t skew_ms;     /* minus our wall clock, when measured */
	int64_t measured_ns; /* 0: what was told is not believed, or nothing was told */
	int64_t rest_until_ns;
	int strikes; /* refusals of our time in a row */
};

struct account_span { /* of income */
	int64_t from_ms, to_ms;
	int64_t at_ms; /* where the next page begins (Binance) */
};

struct account_link {
	struct account_link_config config;
	enum venue venue;
	struct account_link_counts counts;
	struct timer timer;
	struct backoff backoff;
	struct rng rng;
	struct account_host hosts[KIND_COUNT];
	bool skew_known;
	int64_t skew_ms;

	uint32_t due; /* 1 << enum account_answer */
	uint64_t polls;
	int64_t next_poll_ns;
	bool faulted; /* in this poll */

	bool under_way;
	bool asks_time;
	enum account_answer answer; /* asked for */
	enum kind host;
	struct budget_ticket ticket;
	int64_t sent_ns;

	bool paging; /* more pages of `answer` follow */
	uint32_t pages;
	char cursor[ACCOUNT_CURSOR_MAX + 1];
	uint32_t coin; /* whose positions are asked for (Bybit) */
	struct account_span span;
	int64_t income_to_ms; /* read up to there; 0: not yet */
};

/* One row for each answer of a venue. */
struct account_ask {
	enum venue venue;
	enum account_answer answer;
	enum kind host;
	const char *path, *query;
	int32_t weight;
};
const struct account_ask *account_ask_row(enum venue venue, enum account_answer answer);
/* "/api/v3/time" */
const char *account_time_path(enum venue venue, enum kind host);

/* account_link_take.c: an answer into the book. A page that others follow sets `paging`.
 * FORMAT: why says it. */
MUST_CHECK enum status account_link_take(struct account_link *link, struct str body,
					 int64_t venue_ms, const char **why);
/* The query of the next request for `answer`. */
void account_link_query(struct account_link *link, const struct account_ask *row, int64_t venue_ms,
			struct buf *query);
