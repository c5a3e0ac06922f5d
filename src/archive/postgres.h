/* postgres.h - the sink for PostgreSQL, 12 and later.
 *
 *   a batch:  BEGIN; COPY table FROM STDIN (FORMAT binary)      COMMIT
 *   and where that is refused, which it is when a row is there already:
 *             BEGIN; CREATE TEMP TABLE …; COPY into it          INSERT … ON CONFLICT …   COMMIT
 *
 * One batch is one transaction: all of it is there, or nothing. Sending it again does no
 * harm: of rows with one key the newest batch wins, of one batch the last; trade_results
 * with one id are the same. So it is idempotent, and each row's batch_id says what came.
 *
 * Tables are looked at on each connection anew, and again after something was HELD: made
 * where they are missing, columns added; another type, or a primary key that is not the
 * table's, is HELD (postgres_sql.h). What the server's codes mean: postgres_verdict.h. A
 * connection that breaks before COMMIT leaves nothing (AWAY), while COMMIT is under way it is
 * UNKNOWN. Commits wait for the server's disk, also where its synchronous_commit is off.
 *
 * expire takes 10,000 rows a statement and lets what else is asked go between. count is of
 * all rows: keys are unique.
 *
 * One connection; its own calls are done in turn, at most POSTGRES_CALLS_MAX wait (CHECKed:
 * its owner sends one batch at a time). Any call connects when there is no connection. Uses
 * one timer. */
#pragma once

#include "archive/sink.h"
#include "os/loop.h"

enum {
	POSTGRES_ROWS_MAX = 50000,
	POSTGRES_BYTES_MAX = 32 << 20,
	POSTGRES_CALLS_MAX = 8,
	POSTGRES_EXPIRE_ROWS = 10000,
};

struct postgres_config {
	struct loop *loop;
	const char *url;      /* postgresql://[USER:PASSWORD@]HOST[:PORT]/DATABASE; copied */
	enum archive_set set; /* of tables: it makes and fills only these */
	int64_t connect_ns;   /* a connection comes about within; 0: 5 s */
	int64_t answer_ns;    /* a statement ends within, a body included (count: ten times that);
			       * 0: 30 s */
};

/* Connects when it is first asked. INVALID: the URL is none. */
MUST_CHECK enum status postgres_open(const struct postgres_config *config, struct sink **out,
				     struct err *err);
