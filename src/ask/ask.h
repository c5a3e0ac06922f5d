/* ask.h - the question engine: what a person or a program types, answered from the
 * cores. Telegram, HTTP and `weir ask` all come through here.
 *
 * A question is `/cvd ETH 5m`: the slash, upper or lower case and a bot's suffix
 * (`/cvd@weir_bot`) do not matter; the symbol defaults to the world's, the
 * timeframe to 15m. Commands, their usage and what they wait for stand in
 * def/questions.def; the JSON of each answer in docs/reference/ask.md, which
 * ask_print_reference writes.
 *
 * Every answer says when and how much: time of the newest trade, minutes known,
 * partial, source. A market's windows end with its own newest trade, and one that
 * is stale or lags is marked. Sums over markets are exact, in quote units, of the
 * same minutes for all, over the markets quoted in USD or a coin held at one USD
 * (USDT, USDC, FDUSD, TUSD, BUSD). What is undefined is "n/a" or null. Open interest,
 * funding, marks, books and bars that have grown old say so beside their figures.
 *
 * Core: no I/O, no clock, no allocation but what `out` needs. One thread. */
#pragma once

#include "alert/alert.h"
#include "def/roles.h"
#include "fleet/fleet.h"
#include "market/markets.h"

enum {
	ASK_TEXT_MAX = 256,     /* bytes of a question */
	ASK_MARKETS_MAX = 32,   /* markets of one answer; more are counted and said */
	ASK_OUT_LIMIT = 131072, /* an answer is never longer; a good limit for `out` */
};

enum ask_format { ASK_TEXT, ASK_JSON, ASK_HTML };

/* Exit statuses of `weir ask`. */
enum ask_outcome { ASK_ANSWERED = 0, ASK_NO = 1, ASK_USAGE = 2 };

struct ask_request {
	struct str text; /* any bytes */
	enum ask_format format;
	/* Wall time, unix ms, against which data is stale. 0 (a replay): each market
	 * is judged against the newest event of the answer. */
	int64_t now_ms;
	/* Who asks: "tg:123456"; empty: somebody local, who may do all. */
	struct str owner;
	enum role role;
	bool look_only; /* what would change something is refused */
};

struct ask_options {
	struct str symbol_default; /* "BTC" */
	int64_t stale_ms;          /* 10,000: older data is said to be stale */
	int64_t whale_quote;       /* 500,000: a larger trade is a whale's */
	bool simulated;            /* all data is simulated; markets may say so themselves */
	bool fleet_simulated;      /* the terminals are the demo's */
	bool live;                 /* a feed is running: data that lacks may still come */
};

struct accounts;
struct ask_memory;
struct equity;
struct halts;
struct limits;
struct rules;

struct ask_world {
	struct markets *markets; /* books are brought up to date when asked */
	struct ask_options options;
	const struct alerts *alerts;     /* NULL: none are kept */
	const struct fleet *fleet;       /* NULL: none is kept */
	const struct accounts *accounts; /* accounts/accounts.h; NULL: of no exchange */
	const struct equity *equity;     /* accounts/equity.h; NULL: nobody takes samples */
	const struct limits *limits;     /* trade/limits.h; NULL: no terminals are kept */
	const struct halts *halts;       /* trade/halts.h; NULL: no terminals are kept */
	struct rules *rules;             /* rules/rules.h; NULL: people keep no alerts here */
	const struct ask_memory *memory; /* ask/memory.h; NULL: nobody looks after it */
};

struct ask_options ask_options_default(void);
/* Writes the answer (text ends with a line end, JSON does not). FULL when `out` is
 * too small: nothing of it is to be used. Of four markets 6 µs (/oi, /funding), 25 µs
 * (/cvd), 125 µs (/momentum), 170 µs (/analysis): nearly all of it the markets' bars. */
MUST_CHECK enum status ask_answer(const struct ask_world *world, const struct ask_request *request,
				  struct buf *out, enum ask_outcome *outcome);
/* docs/reference/ask.md. */
void ask_print_reference(struct buf *out);
