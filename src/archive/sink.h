/* sink.h - where rows go after DuckDB: ClickHouse, PostgreSQL, InfluxDB, one interface.
 *
 * A sink gets batches: rows of one table and one month, with an id, in a body that its own
 * `encode` made on the archive's thread. What is to be done about an outcome is not its
 * business but sinks.h's: it sends once, and says what is known.
 *
 * One of open, send, probe, read and expire is under way at a time; count may run beside it, one
 * at a time, too. Loop thread, but for encode, which never runs while open does. Callbacks run
 * once, never from inside the call. */
#pragma once

#include "archive/rows.h"

enum sink_outcome {
	SINK_DONE,    /* all of it is there */
	SINK_UNKNOWN, /* sent, or partly, and no answer: ask (probe) before it is sent again */
	SINK_AWAY,    /* not reached, or it said later (252, 5xx, overload): none of it is there */
	SINK_HELD,    /* its tables are not as they should be: an operator's work; none is there */
	SINK_POISON,  /* it refused the content: some row is the cause; none is there */
};

struct sink_batch {
	enum archive_table table;
	uint32_t month;   /* 202611 */
	int64_t batch_id; /* unique in the sink for ever */
	uint32_t rows;
	struct str body; /* what encode made; lives until the callback */
};

/* What is read back of a batch. */
struct sink_read {
	enum archive_table table;
	int64_t batch_id;
	size_t rows_max;           /* no more are read */
	struct archive_rows *rows; /* they are appended here; lives until the callback */
	/* What helps a sink that has no index of batches: the measurement's name, the rows' times.
	 */
	struct str family;
	int64_t from_us, to_us;
};

struct sink;

typedef void (*sink_fn)(void *ctx, enum sink_outcome outcome, const char *why);
/* count: rows that the sink holds of a batch; outcome DONE, AWAY or HELD. */
typedef void (*sink_probe_fn)(void *ctx, enum sink_outcome outcome, uint64_t count,
			      const char *why);

struct sink_ops {
	const char *name; /* "clickhouse" */
	/* Whether a batch can be asked for by its id, and whether sending it twice does no
	 * harm (ON CONFLICT; points merge). */
	bool probes, idempotent;
	size_t rows_max;  /* of a batch */
	size_t bytes_max; /* of a body */
	/* Looks who is there, makes and mends tables (def/archive.def), for each connection
	 * anew. After DONE batches may be sent. */
	void (*open)(struct sink *sink, sink_fn fn, void *ctx);
	/* Appends the body of those rows whose index is from..to-1. Any thread; reads only
	 * what `open` left. INVALID: *bad is a row (its index) that cannot be put. FULL: the
	 * body does not fit into the buffer's limit. */
	enum status (*encode)(const struct sink *sink, const struct archive_rows *rows, size_t from,
			      size_t to, int64_t batch_id, struct buf *body, size_t *bad);
	void (*send)(struct sink *sink, const struct sink_batch *batch, sink_fn fn, void *ctx);
	void (*probe)(struct sink *sink, enum archive_table table, int64_t batch_id,
		      sink_probe_fn fn, void *ctx);
	/* The largest batch_id that a moved table holds, 0 when it is empty: a row stays that has
	 * a larger one than what is sent. NULL where what is sent last counts. */
	void (*newest)(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx);
	/* Rows of whole months older than the table's days go, where the sink does not do it
	 * by itself (TTL). now_us: UTC. */
	void (*expire)(struct sink *sink, enum archive_table table, int64_t now_us, sink_fn fn,
		       void *ctx);
	/* Rows of the table with distinct keys, for `archive verify --deep`. */
	void (*count)(struct sink *sink, enum archive_table table, sink_probe_fn fn, void *ctx);
	/* The rows of a batch as the sink holds them, for comparing with what was sent: of moved
	 * tables only. DONE, AWAY or HELD; on anything but DONE some may be in rows. */
	void (*read)(struct sink *sink, const struct sink_read *read, sink_fn fn, void *ctx);
	/* What is under way ends in silence; then fn and it is freed. */
	void (*close)(struct sink *sink, void (*fn)(void *ctx), void *ctx);
};

struct sink {
	const struct sink_ops *ops;
};

const char *sink_outcome_text(enum sink_outcome outcome); /* "done" "unknown" … */
/* A row of texts as a sink tells them, in the order of its columns, ptr NULL for NULL; TIME in us;
 * numbers with more zeros behind than were sent. FORMAT, RANGE, FULL: nothing was added. */
MUST_CHECK enum status sink_take_row(struct archive_rows *rows, enum archive_table table,
				     const struct str cells[]);
