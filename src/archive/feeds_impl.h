/* feeds_impl.h - shared by feeds*.c only. */
#pragma once

#include "archive/feeds.h"
#include "def/keys.h"

/* ---- rows that wait (feeds_queue.c) ---- */

enum feeds_queue_id { /* in the order in which they go */
		      FEEDS_OPERATOR,
		      FEEDS_ALERTS,
		      FEEDS_ACCOUNTS,
		      FEEDS_MINUTES,
		      FEEDS_INDICATORS,
		      FEEDS_QUEUES
};

#define FEEDS_GONE_NONE SIZE_MAX

struct feeds_queue {
	enum archive_table table;
	struct archive_rows rows;
	size_t gone;  /* where the newest row that was taken begins; FEEDS_GONE_NONE */
	size_t taken; /* rows at the front that were */
	uint64_t dropped;
};

void feeds_queues_init(struct feeds_queue queues[FEEDS_QUEUES]);
void feeds_queues_deinit(struct feeds_queue queues[FEEDS_QUEUES]);
size_t feeds_queue_count(const struct feeds_queue *queue);
/* cells sets those of a row that is begun and ended here; it runs again where there was no
 * room at first. */
void feeds_queue_put(struct feeds_queue *queue,
		     void (*cells)(struct archive_rows *rows, const void *what), const void *what);
/* The oldest; NULL: none. It is gone with feeds_queue_take. */
const struct archive_row *feeds_queue_first(const struct feeds_queue *queue);
void feeds_queue_take(struct feeds_queue *queue);

/* ---- terminals (feeds_fleet.c) ---- */

#define FEEDS_NO_FIGURE INT64_MIN

/* What was told of an account. */
struct feeds_account_told {
	uint64_t account; /* hash of server and login; 0: nothing is known */
	bool told;
	int64_t day;
	int64_t balance, credit, leverage; /* e8; FEEDS_NO_FIGURE */
	int64_t at_us;
};

struct feeds_mean {
	double sum, max;
	uint32_t count;
};

/* The minute that runs. */
struct feeds_minute {
	int64_t minute;    /* number; 0: no sample yet */
	uint64_t seconds;  /* bits of those that came */
	uint64_t terminal; /* hash of its id: another one may have the slot next */
	struct feeds_mean cpu, memory, ping, lag, queue;
};

struct feeds_terminal {
	struct feeds_account_told account;
	struct feeds_minute minute;
};

/* ---- alerts (feeds_alerts.c) ---- */

/* One that alert_log calls firing. */
struct feeds_firing {
	struct alert_view view;
	int64_t first_ms; /* in alert_log: view.first_ms, or of before the restart */
	bool was;         /* known of before the restart, and not fired since */
	bool seen;        /* in the list just read */
};

/* ---- markets (feeds_bars.c, feeds_series.c) ---- */

struct feeds_series {
	bool restored;
	int64_t newest_ms; /* open time of the newest bar told */
	size_t count;
};

struct feeds_market {
	struct market *market;
	bool restored;
	int64_t told_ms; /* the newest minute told; 0 none */
	int64_t from_ms; /* minutes from here on may have to be told; INT64_MAX none */
	struct feeds_series series[SERIES_TIMEFRAMES_MAX];
	uint32_t told[MARKET_MINUTES]; /* a hash of each minute's row; 0: not told */
};

struct feeds {
	struct feeds_config config;
	struct timer timer;
	bool started, stopped;
	int64_t next_second_ns, next_alerts_ns;
	int64_t waiting_since_ns; /* 0: nothing waits */
	struct feeds_queue queues[FEEDS_QUEUES];
	struct stream_feeds *streams;
	struct writer_batch *batch; /* of rows from the cores, being filled */
	size_t batch_marks;
	bool at_writer;
	char marked[WRITER_MARK_BYTES]; /* the name of its newest mark */
	size_t marked_len;

	struct feeds_terminal *terminals; /* by slot */
	uint32_t terminals_room;

	struct feeds_firing *firing;
	size_t firing_count;
	struct alert_view *listed;
	int64_t started_ns;
	int64_t operator_us; /* of the newest row */

	struct feeds_market *markets[MARKETS_MAX];
	size_t markets_count, markets_looked; /* how many there were at the last look */
	size_t next_series;                   /* market × SERIES_TIMEFRAMES_MAX + series */

	void (*drained)(void *ctx, enum status status);
	void *drain_ctx;
	struct feeds_counts counts;
};

static inline int64_t feeds_now_ns(const struct feeds *feeds)
{
	return clock_monotonic_ns(feeds->config.clock);
}
static inline int64_t feeds_wall_us(const struct feeds *feeds)
{
	return clock_wall_ns(feeds->config.clock) / 1000;
}

/* ---- feeds.c ---- */

/* What waits goes to the writer now, if it can. */
void feeds_flush(struct feeds *feeds);
/* Marks of the batch being filled. */
bool feeds_mark_fits(const struct feeds *feeds, struct str name);
void feeds_mark(struct feeds *feeds, struct str name, struct str value);

/* ---- feeds_streams.c ---- */

extern const struct stream_feed_kind feeds_events_kind, feeds_interest_kind, feeds_funding_kind,
    feeds_liquidations_kind;

/* ---- feeds_fleet.c ---- */

/* What earlier runs told. */
void feeds_restore_accounts(struct feeds *feeds);
void feeds_close_minutes(struct feeds *feeds, bool open_too);
/* The mark that goes with a row of accounts. */
void feeds_account_mark(const struct archive_row *row, struct buf *name, struct buf *value);

/* ---- feeds_alerts.c ---- */

void feeds_tell_alerts(struct feeds *feeds);

/* ---- feeds_bars.c ---- */

/* New markets are looked for, and what is to be told of them. */
void feeds_look_at_markets(struct feeds *feeds);
bool feeds_bars_wait(const struct feeds *feeds);
void feeds_fill_bars(struct feeds *feeds); /* the batch */
/* mantissa × 10^-scale as 10^-16: RANGE where it is not one exactly. */
MUST_CHECK enum status feeds_big(i128 mantissa, int32_t scale, i128 *out);

/* ---- feeds_series.c ---- */

void feeds_step_series(struct feeds *feeds, size_t at_most);
void feeds_series_mark(const struct archive_row *row, struct buf *name, struct buf *value);
