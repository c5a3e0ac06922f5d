/* feeds.h - everything but trades that goes into the archive file: what became of terminals,
 * accounts, alerts and markets.
 *
 * From streams (stream_feed.h), each entry exactly once, asked each FEEDS_STREAM_MS, events of
 * terminals each second:
 *   instance_events  RIS           open_interest, funding, liquidations  RMS, of each perp
 *
 * From the cores:
 *   accounts          balance, credit or leverage changed; and the first of each UTC day.
 *                     What was told last through a terminal is in a mark, so a restart
 *                     neither repeats nor misses.
 *   instance_minutes  when a minute of the clock is over, of each terminal that spoke in it
 *   alert_log         while it fires, every FEEDS_ALERTS_MS; at its end, at once
 *   bars_1m           minutes that are final (the market's newest event is MARKET_LATE_MS
 *                     past their end), from the mark on out of the 72 h that are held; a
 *                     minute that changes afterwards (repair, late trade, kline) again
 *   indicator_values  at each closed bar; again when older bars came under it
 *   operator_log      at once
 * Rows of alert_log, bars_1m, indicator_values and instance_minutes may be told again under
 * the same key: the newest counts (feeds_views.h).
 *
 * Lost with kill -9 is what came since the last commit, a second, and then:
 *   - bars: nothing but a change of a minute that had been told before
 *   - indicator_values: nothing but bars before the newest one
 *   - accounts: the row; the next account frame brings the figures, not the moment
 *   - instance_minutes: the minute that runs; alert_log: up to 5 minutes of an alert that goes
 *     on, and its end (then it is told as resolved after the start: feeds_alert_was)
 *   - operator_log: what an operator was told done within that second
 * Of the streams nothing is lost. A clean end (feeds_drain) loses nothing: the minute that runs
 * is told as far as it came.
 *
 * Bounds. Of the writer's batches two at a time, so that six are left for trades. Rows wait
 * while the writer is in trouble, up to FEEDS_QUEUE_BYTES for all tables, a share each;
 * beyond it the older half of the table's go, counted. Streams and bars do not wait: they are
 * read later from where they are. 17 KB a market tell which minutes were told; 1.4 MB are
 * touched when thousands of alerts fire.
 *
 * Loop thread. Uses one timer. */
#pragma once

#include "alert/alert.h"
#include "archive/stream_feed.h"
#include "base/timers.h"
#include "fleet/fleet.h"
#include "market/markets.h"

enum {
	FEEDS_TICK_MS = 200,
	FEEDS_EVENTS_MS = 1000,
	FEEDS_STREAM_MS = 5000,
	FEEDS_ALERTS_MS = 300000,
	FEEDS_ALERTS_WAIT_MS = 900000, /* feeds_alert_was: so long for it to fire again */
	FEEDS_BATCHES = 2,
	FEEDS_BATCH_ROWS = 4096, /* of rows from the cores */
	FEEDS_QUEUE_BYTES = 4 << 20,
};

struct feeds;

struct feeds_config {
	struct writer *writer;
	struct redis_port *ris, *rms; /* NULL: none */
	struct timers *timers;
	const struct clock_port *clock;
	struct markets *markets;     /* NULL: none */
	const struct fleet *fleet;   /* NULL: none */
	const struct alerts *alerts; /* NULL: none */
	/* Entries that were trimmed before they could be read, once; may be NULL. */
	void (*on_gap)(void *ctx, struct str stream, uint64_t entries);
	/* The stream is not the one that was read: it is read from its begin. May be NULL. */
	void (*on_remade)(void *ctx, struct str stream);
	void *ctx;
};

struct feeds *feeds_create(const struct feeds_config *config); /* NULL: no memory */
/* The ports have ended all commands, the writer all batches. NULL is fine. */
void feeds_destroy(struct feeds *feeds);
/* The writer is open, the stores have restored the cores, the terminals are added. */
void feeds_start(struct feeds *feeds);
/* No new batch and no question; rows that wait are forgotten. */
void feeds_stop(struct feeds *feeds);
/* All there is now is committed, then done, once, perhaps from inside the call. UNAVAILABLE:
 * the writer is in trouble; another status: a stream could not be read to its end. */
void feeds_drain(struct feeds *feeds, void (*done)(void *ctx, enum status status), void *ctx);

/* ---- told; before feeds_start too ---- */

/* A terminal's account frame; ignored before feeds_start. */
void feeds_account(struct feeds *feeds, const struct instance *instance);
/* A state frame of it. */
void feeds_sample(struct feeds *feeds, const struct instance *instance);
/* Of alert_hooks.on_notice. */
void feeds_alert(struct feeds *feeds, enum alert_notice notice, const struct alert_view *alert);
/* An alert that was told and fired when weir ended (rule, scope, first_ms, value, told,
 * message): if it fires again within FEEDS_ALERTS_WAIT_MS it goes on under that first_ms, else
 * it is told as resolved. Before feeds_start. */
void feeds_alert_was(struct feeds *feeds, const struct alert_view *alert);
/* outcome: empty where there is none yet. */
void feeds_operator(struct feeds *feeds, struct str operator_name, struct str action,
		    struct str target, struct str outcome);

struct feeds_counts {
	uint64_t rows[TABLE_COUNT];    /* given to the writer */
	uint64_t dropped[TABLE_COUNT]; /* they waited too long for it */
	uint64_t range;            /* minutes left out, figures left empty: no such number there */
	uint64_t told_again;       /* of the rows of bars_1m */
	uint64_t markets_left_out; /* no memory for them */
	struct stream_feeds_counts streams;
	int64_t lag_ms; /* since when something waits, to be committed or to be read; 0 nothing */
};
struct feeds_counts feeds_counts(const struct feeds *feeds);
