/* backfill_impl.h - what the files of the backfill share; nobody else includes it.
 *
 * A wish is one kind of thing that one market (or one venue) may want: at most one
 * request of it is under way, it is tried again no sooner than next_ns, and its request's
 * ctx is the wish itself. A step looks whether the wish is wanted now, builds a question
 * and asks it; the answer's function reads the body and lets the next step look again. */
#pragma once

#include "base/check.h"
#include "codec/rest_json.h"
#include "feed/backfill.h"

enum {
	BACKFILL_TRIES = 3,         /* answers that did not help, before it is left */
	BACKFILL_REORDER_MS = 2000, /* a younger hole may still be filled by the stream */
	BACKFILL_CLOSED_MS = 7000,  /* after a minute's end its kline is final */
	BACKFILL_OI_HOLE_MS = 600000,
	BACKFILL_OI_SPAN_MS = 25 * 3600 * 1000,
	BACKFILL_OI_STEP_MS = 300000,           /* of the history */
	BACKFILL_HISTORY_ROOM = REST_QUEUE / 2, /* of the venue's queue, for history */
};

#define SECOND_NS INT64_C(1000000000)
#define MINUTE_NS (60 * SECOND_NS)
#define HOUR_NS   (3600 * SECOND_NS)
#define HOUR_MS   INT64_C(3600000)

struct entry;
struct source;

struct wish {
	struct source *source;
	struct entry *entry; /* NULL: of the venue */
	int64_t next_ns;     /* monotonic; 0: at once */
	uint8_t failures;    /* in a row */
	bool under_way;
};

/* Ids asked for by the last request, and how often nothing of them came. */
struct ids_state {
	struct seen_range asked;
	uint8_t fruitless;
};

/* 1 m klines. Spans that answers do not help are passed over for an hour. */
struct minutes_state {
	struct minute_span asked;
	int64_t before_ms;          /* of the question, so that the answer can look again */
	int64_t from_ms, again_ns;  /* where to look from; 0: from the beginning */
	int64_t fruitless_first_ms; /* of the span that was asked in vain, and how often */
	uint8_t fruitless;
	int64_t got_first_ms; /* of the answer; 0: none */
};

struct oi_state {
	int64_t slot_ns;   /* the market's own second of each minute counts from here */
	bool history;      /* wanted */
	int64_t newest_ms; /* of the newest sample at the last look */
	int64_t end_ms;    /* of the page that is next, 0: the newest */
	int64_t got_first_ms;
	uint8_t pages;
};

struct series_state {
	int64_t since_ns;  /* a closed bar has been wanting; 0: none */
	int64_t full_ns;   /* fewer bars than wanted are asked for again then */
	uint8_t fruitless; /* answers in a row without a newer bar */
};

struct entry {
	struct backfill *backfill;
	struct source *source;
	struct market *market;
	struct wish ids, recent, minutes, oi, oi_history, instrument, depth;
	struct wish series[SERIES_TIMEFRAMES_MAX];
	struct ids_state of_ids;
	struct minutes_state of_minutes;
	struct oi_state of_oi;
	struct series_state of_series[SERIES_TIMEFRAMES_MAX];
	bool recent_wanted, depth_wanted;
	bool listed; /* in the venue's list that is being read */
};

/* One venue and kind. */
struct source {
	struct backfill *backfill;
	struct rest *rest; /* NULL: off */
	enum venue venue;
	enum kind kind;
	struct wish list, funding; /* Binance perp: all instruments in one answer */
};

struct backfill {
	struct backfill_config config;
	struct rest_reader *reader;
	struct timer timer;
	struct rng rng;
	struct backfill_counts counts;
	int64_t started_ms;
	size_t turn; /* whose market is looked at first */
	size_t n_entries;
	struct source sources[VENUE_COUNT][KIND_COUNT];
	struct series_bar bars[SERIES_BARS]; /* of the answer that is being read */
	size_t n_bars;
	struct entry entries[BACKFILL_MARKETS_MAX];
};

/* ---- backfill_ask.c: time, wishes, questions ---- */

int64_t backfill_now_ns(const struct backfill *backfill);
/* Wall clock, set right by the venue's own. */
int64_t source_now_ms(const struct source *source);

bool wish_ready(const struct wish *wish);
/* An answer is there. False: it is none, and the wish waits (an hour where the venue
 * refused it for good). */
bool wish_answered(struct wish *wish, enum status status);
/* The answer could not be read: as good as none. */
void wish_failed(struct wish *wish, enum status status);
void wish_done(struct wish *wish, int64_t wait_ns);
int64_t backfill_jitter_ns(struct backfill *backfill, int64_t below_ns);

enum ask { ASK_TRADES, ASK_KLINES, ASK_INFO, ASK_DEPTH, ASK_OI, ASK_OI_HISTORY, ASK_COUNT };

struct question {
	enum rest_endpoint endpoint;
	enum rest_priority priority;
	int32_t weight; /* 0: the table's */
	rest_answer_fn answer;
	struct buf query;
	char text[REST_QUERY_MAX];
};

/* "symbol=BTCUSDT", with Bybit's category before it. */
void question_begin(struct question *question, const struct entry *entry, enum ask ask);
void question_text(struct question *question, const char *key, const char *value);
void question_number(struct question *question, const char *key, int64_t value);
/* Where the venue's queue has no room the wish waits a second. */
void wish_ask(struct wish *wish, const struct question *question);
/* Most rows of an answer. */
int32_t entry_rows(const struct entry *entry, enum ask ask);

/* ---- the wishes: each looks, and asks if something is wanting ---- */

void ids_step(struct entry *entry);     /* backfill_trades.c */
void recent_step(struct entry *entry);  /* backfill_trades.c */
void minutes_step(struct entry *entry); /* backfill_klines.c */
void minutes_reset(struct entry *entry);
void series_step(struct entry *entry, size_t index); /* backfill_klines.c */
void oi_step(struct entry *entry);                   /* backfill_rates.c */
void oi_history_step(struct entry *entry);
void depth_step(struct entry *entry);
void instrument_step(struct entry *entry); /* backfill_facts.c */
void source_step(struct source *source);
