/* archiving_impl.h - shared by archiving*.c only. */
#pragma once

#include "archive/feeds.h"
#include "daemon/archiving.h"
#include "daemon/terminals.h"
#include "os/files.h"
#include "os/http.h"
#include "os/redis_conn.h"

enum {
	ARCHIVING_TAGS_MAX = 1024,   /* deliveries of a batch */
	ARCHIVING_CLOSED_MAX = 8192, /* closed positions that wait for their trade */
	ARCHIVING_ASKED_MAX = 512,   /* of them, asked for at once */
	ARCHIVING_BATCH_NS = 100000000,
};

struct delivery_tag {
	uint64_t tag, sid;
	char instance[TRADE_NAME_MAX + 1];
};

/* Rows of deliveries on their way, and whose they are. */
struct delivery_rows {
	struct archiving *archiving;
	struct writer_batch *batch; /* NULL: none is being filled */
	uint32_t count;
	struct delivery_tag tags[ARCHIVING_TAGS_MAX];
};

struct closed_position {
	char instance[TRADE_NAME_MAX + 1];
	uint64_t position;
};

struct archiving {
	struct archiving_config config;
	struct terminals *terminals; /* NULL: no fleet */
	struct writer *writer;
	struct results *results;
	struct sinks *sinks;
	struct feeds *feeds;
	struct http *http; /* of the sinks */
	struct redis_conn *rtrs;
	struct delivery_rows *filling, *spare[WRITER_BATCHES];
	uint32_t spare_count;
	enum status results_trouble; /* said */
	struct timer batch_timer, second_timer;
	/* Closed positions: a job asks for their trades at each checkpoint. */
	struct closed_position *closed;
	uint32_t closed_count;
	struct closed_job *closed_job;
	struct recall_job *recall; /* until the trade cores have been told */
	bool closed_busy;
	double disk_share;
	int64_t disk_min;     /* archive.disk_min */
	bool disk_short;      /* less room than that */
	const char *refusing; /* NULL: no */
	int64_t trouble_since_ns;
	int64_t started_ms; /* wall: deliveries of before may be there already */
	bool opened, started;
	/* What the stream of results held at the start is archived: only then is it known how
	 * deliveries of an earlier run ended. */
	bool caught_up, catching_up, drain_wanted;
	void (*settled)(void *ctx); /* one waits at a time */
	void *settled_ctx;
	int parts_due;
	enum status part_status;
	void (*drained)(void *ctx, enum status status);
	void (*closed_fn)(void *ctx);
	void *ctx;
	char path[PATH_BYTES_MAX], temp[PATH_BYTES_MAX];
	char folder[PATH_BYTES_MAX]; /* of the file */
};

/* archiving_sinks.c */
MUST_CHECK enum status archiving_open_sinks(struct archiving *archiving, struct err *err);
void archiving_name_sinks(const struct config *config, struct writer_config *writer);
/* archiving_health.c: alerts, the disk, whether new signals are refused; each second. */
void archiving_watch(struct archiving *archiving);
/* archiving_deliveries.c */
void archiving_flush_deliveries(struct archiving *archiving);
void archiving_free_deliveries(struct archiving *archiving);
/* archiving_closed.c */
void archiving_ask_closed(struct archiving *archiving);
void archiving_free_closed(struct archiving *archiving);
/* archiving_recall.c */
void archiving_recall(struct archiving *archiving); /* ends in config.on_open */
void archiving_tell_recalled(struct archiving *archiving);
void archiving_free_recall(struct archiving *archiving);
