/* ledger.h - every signal and every result accounted for (contracts.md, Ledger).
 *
 * In deliveries (a signal to n terminals is n), totals since the state directory was made:
 *
 *   received  = waiting + refused + expired_undelivered + delivered
 *   delivered = in_flight + done + failed + expired_at_terminal + unknown
 *   total     = waiting + retrying + archived + dead            (results)
 *   archived  = shipped + to_ship                               (all of it without a sink)
 *
 * What has ended is counted in the archive file, in the transaction of its rows; what has
 * not is counted where it is: in the trade core and in the stream. `total` comes from the
 * stream itself (results ever added, less repeated ones), so the sums can be wrong, and then
 * something was lost. deep: counted from the rows (with what retention took out), each
 * ended delivery has one final result, no result is there twice, and every sink holds
 * what it confirmed.
 *
 * Counters are read on the writer's thread, between two batches, so that a delivery is counted
 * in the file or in the core and never in both. `signals` counts the signals that have rows;
 * those in flight are in deliveries. Deep, results that still wait may be missing behind ends:
 * as many as wait.
 *
 * Loop thread; counting runs on the writer's. */
#pragma once

#include "archive/results.h"
#include "archive/sinks.h"
#include "archive/writer.h"
#include "trade/deliveries.h"

struct ledger {
	bool balanced;
	struct {
		int64_t received;
	} signals;
	struct {
		int64_t received, waiting, refused, expired_undelivered, delivered, in_flight, done,
		    failed, expired_at_terminal, unknown;
	} deliveries;
	struct {
		int64_t total, waiting, retrying, archived, dead;
	} results;
	struct {
		int64_t archived, shipped, to_ship;
	} archive;
	bool deep;
	/* The first thing that does not balance, for people; "" when all does. */
	char fault[256];
};

/* Counters that the writer keeps in the transactions of rows of `signals`: one for each way to
 * end, by the row's status and attempt. NULL for RECORDED, which no row is. */
const char *ledger_end_name(enum delivery_bucket bucket); /* "ended.refused" … */
/* And of results that were left out as known. */
#define LEDGER_KNOWN "known"

struct ledger_sources {
	struct writer *writer;
	const struct results *results;
	struct sinks *sinks;                 /* NULL: none; outlives the question */
	const struct deliveries *deliveries; /* NULL: no fleet */
};

/* fn runs once, perhaps from inside the call; why: NULL, or why it could not be counted. */
void ledger_read(const struct ledger_sources *sources, bool deep,
		 void (*fn)(void *ctx, const struct ledger *ledger, const char *why), void *ctx);
/* The JSON of the contract, "fault" added where it does not balance; LF behind it. */
void ledger_print(struct buf *out, const struct ledger *ledger);
