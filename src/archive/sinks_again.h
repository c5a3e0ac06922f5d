/* sinks_again.h - `archive dead retry` of rows that a sink refused (sinks_again.c). Only on the
 * writer's thread. */
#pragma once

#include "archive/db.h"
#include "archive/sinks.h"

struct sinks_again {
	struct str names[SINKS_MAX]; /* the sinks that are named now */
	size_t sinks;
	const struct archive_rows *letters; /* of dead_letters */
	int64_t sent;                       /* letters: their rows go to their sinks again */
	int64_t stuck;   /* the row has left the file, or its newest lacks a sink's answer still */
	int64_t unnamed; /* nobody is there to send it to */
};

/* Whether it is a sink's letter; those of trade_results are left alone. */
bool sinks_again_wants(const struct archive_row *letter);
/* A db_transaction_fn, ctx: struct sinks_again. The row of each letter is sent to the letter's
 * sink again and to no other, and the letter is dropped; of several of one row the first counts,
 * as all go with it. */
MUST_CHECK enum status sinks_again(struct archive_db *db, void *ctx, struct err *err);
