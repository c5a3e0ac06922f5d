/* archiving.h - the archive of a daemon: the file, who reads the streams into it, and the
 * sinks behind it, built, wired and shut down.
 *
 *   create (the file opens meanwhile) → ready → start → drain → close
 *
 * Loop thread. */
#pragma once

#include "archive/results.h"
#include "archive/sinks.h"
#include "archive/writer.h"
#include "daemon/daemon.h"
#include "market/markets.h"
#include "trade/deliveries.h"

struct archiving;
struct feeds;

struct archiving_config {
	const struct config *config;
	const char *state_dir;
	struct loop *loop;
	struct segments *segments;
	struct markets *markets;
	struct alerts *alerts;
	/* The file is open, or cannot be: then err says why. Once. */
	void (*on_open)(void *ctx, enum status status, const struct err *err);
	/* New signals are to be refused (why: one word), or may come again (NULL). */
	void (*on_refuse)(void *ctx, const char *why);
	/* Nothing is committed, so nothing leaves the streams; or it does again. */
	void (*on_stuck)(void *ctx, bool stuck);
	void *ctx;
};

/* *out stays NULL where archive.duckdb is empty. */
MUST_CHECK enum status archiving_create(const struct archiving_config *config,
					struct archiving **out, struct err *err);
bool archiving_is_open(const struct archiving *archiving);
/* The segments answer, the file is open, the fleet is restored. */
MUST_CHECK enum status archiving_start(struct archiving *archiving, struct terminals *terminals,
				       struct err *err);
/* What the streams hold now is committed; done runs once. */
void archiving_drain(struct archiving *archiving, void (*done)(void *ctx, enum status status),
		     void *ctx);
void archiving_close(struct archiving *archiving, void (*done)(void *ctx), void *ctx);
void archiving_destroy(struct archiving *archiving); /* after close; NULL is fine */

/* What has come by now is in the file, or cannot be: fn once, perhaps inside the call. For who
 * counts. */
void archiving_settle(struct archiving *archiving, void (*fn)(void *ctx), void *ctx);

/* A delivery has ended: its rows. KEPT: terminals_delivery_archived follows. */
enum delivery_told archiving_delivery(struct archiving *archiving, const struct delivery_end *end);
/* A position is closed and waits in trade_state for its trade to be archived. */
void archiving_closed(struct archiving *archiving, struct str instance, uint64_t position);
/* A terminal said its state; its account. */
void archiving_sample(struct archiving *archiving, const struct instance *instance);
void archiving_account(struct archiving *archiving, const struct instance *instance);
/* After a SIGHUP: what takes effect at once. */
void archiving_configure(struct archiving *archiving, const struct config *config);
void archiving_operator(struct archiving *archiving, struct str operator, struct str action,
			struct str target, struct str outcome);

struct writer *archiving_writer(struct archiving *archiving);
struct results *archiving_results(struct archiving *archiving);
struct sinks *archiving_sinks(struct archiving *archiving); /* NULL: none */
struct feeds *archiving_feeds(struct archiving *archiving);
/* 0..1 of the budget or the disk; -1 not known. */
double archiving_disk_share(const struct archiving *archiving);
