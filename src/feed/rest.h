/* rest.h - a venue's REST interface within its limits.
 *
 * One rest per venue and kind (one base URL). Requests wait in a bounded queue by
 * priority, then in order; as many are under way as REST_UNDER_WAY. Before one goes
 * out the budget is asked (budget.h): weight per minute and requests per window, of our
 * own count and of what the venue's X-MBX-USED-WEIGHT-1M says, with a fifth of the limit
 * held back for exchange accounts and what other programs of this address use. History may use up
 * three quarters of the rest and LIVE nine tenths, so that a repair finds something left.
 *
 * 429 and 418 wait for Retry-After (418 is a ban: nothing at all goes out before it
 * ends; without the header 60 s and 2 h are assumed), 403 for 10 minutes (Bybit's
 * address ban; Binance's firewall), Bybit's retCodes 10006, 10018 and 10429 to the reset
 * they name or 5 s, as does an answer that says X-Bapi-Limit-Status 0. Such a request is
 * asked again by itself; so is one that got 5xx, no answer or no JSON, with back-off and
 * jitter for all requests of this rest (500 ms doubling to 30 s); REST_TRIES times in
 * all. Until an answer is taken again one at a time goes out. An answer is waited for 10 s.
 * Limits and their sources: market.md 1; def/rest.def has a row per endpoint and limit.
 *
 * Shell over port/http_client; time from the port. Loop thread. */
#pragma once

#include "base/rng.h"
#include "base/timers.h"
#include "def/market_id.h"
#include "feed/budget.h"
#include "port/clock.h"
#include "port/http_client.h"

enum { REST_QUEUE = 512, REST_UNDER_WAY = 4, REST_TRIES = 5, REST_QUERY_MAX = 255 };

enum rest_endpoint {
#define REST(id, venue, kind, window, path, weight, rows, body_kb, about) REST_##id,
#include "def/rest.def"
#undef REST
	REST_COUNT
};

enum rest_window { REST_WINDOW_WEIGHT, REST_WINDOW_DATA, REST_WINDOWS };

struct rest_row {
	const char *id; /* "binance_perp_klines" */
	enum venue venue;
	enum kind kind;
	enum rest_window window; /* of the budget */
	const char *path;        /* "/fapi/v1/klines" */
	int32_t weight;          /* of the largest request that weir makes; Bybit: 1 */
	int32_t rows;            /* most rows of an answer */
	size_t body_bytes_max;
};

const struct rest_row *rest_row(enum rest_endpoint endpoint);
/* The limits of a venue and kind. */
void rest_budget_init(struct budget *budget, enum venue venue, enum kind kind);

/* Lower goes first: a gap that closes an open minute before history. */
enum rest_priority { REST_REPAIR, REST_LIVE, REST_HISTORY, REST_PRIORITIES };

enum rest_state {
	REST_OPEN,
	REST_WAITING, /* the budget of this minute is used up */
	REST_BACKOFF, /* 429, 10006, 5xx, no answer */
	REST_BANNED,  /* 418, 403 */
};

struct rest_config {
	enum venue venue;
	enum kind kind;
	const char *base_url; /* "https://api.binance.com"; copied */
	struct http_client *http;
	struct timers *timers; /* one timer */
	const struct clock_port *clock;
	/* Of rests whose requests the venue counts together, as it does Bybit's kinds; outlives
	 * them. NULL: its own. */
	struct budget *budget;
	uint64_t seed; /* of the jitter */
};

struct rest_counts {
	uint64_t requests;            /* sent, tries included */
	uint64_t answers;             /* 200 and taken */
	uint64_t failures;            /* given up, or an error that trying again does not mend */
	uint64_t retries;             /* sent again */
	uint64_t limited;             /* 429, 10006, 10018, 10429 */
	uint64_t bans;                /* 418, 403, 10009 */
	uint64_t refused;             /* the queue was full */
	uint64_t weight;              /* spent, by our own count */
	uint64_t connection_failures; /* no HTTP answer */
};

/* body is the venue's JSON of a 200 answer, HTTP_PADDING readable bytes behind it,
 * alive during the call; of Bybit's the retCode is 0, no more is checked. Any other
 * status: body is empty and why says it in a line.
 * INVALID: the venue refused the request itself (4xx, retCode): asking again is no use;
 * NOT_FOUND: it does not know the symbol (Binance -1121, Bybit 10001 on the symbol);
 * RANGE: the answer is longer than the row allows. Given up after REST_TRIES: REFUSED
 * (limits, bans), UNAVAILABLE (5xx), FORMAT (no JSON), TIMEOUT, CLOSED.
 * Never runs from inside rest_get; may call anything of this header. */
typedef void (*rest_answer_fn)(void *ctx, enum status status, struct str body, const char *why);

struct rest;

struct rest *rest_create(const struct rest_config *config); /* NULL: out of memory */
/* What waits and what is under way ends in silence. */
void rest_destroy(struct rest *rest);
/* query: "symbol=BTCUSDT&limit=1000", escaped, at most REST_QUERY_MAX; "" for none.
 * weight 0: the row's. FULL: the queue is; INVALID: the query has blanks or control
 * characters; RANGE: it is too long, or the weight more than this priority may ever use.
 * On these fn never runs. */
MUST_CHECK enum status rest_get(struct rest *rest, enum rest_endpoint endpoint,
				enum rest_priority priority, struct str query, int32_t weight,
				rest_answer_fn fn, void *ctx);
void rest_cancel(struct rest *rest, void *ctx); /* all requests of this ctx, in silence */
size_t rest_waiting(const struct rest *rest);   /* queued and under way */
enum rest_state rest_state(const struct rest *rest);
int64_t rest_open_again_ns(const struct rest *rest); /* monotonic; 0: open */
/* Share of the minute's weight that is used, 0..1 and above. */
double rest_used(const struct rest *rest);
const struct rest_counts *rest_counts(const struct rest *rest);
/* Wall clock of the venue minus ours by the last answer's Date header, ms. */
int64_t rest_clock_offset_ms(const struct rest *rest);
const char *rest_state_text(enum rest_state state);
