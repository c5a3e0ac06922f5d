/* postgres_sql.h - the archive's tables as PostgreSQL's SQL, and what stands there now.
 *
 *   TEXT, WORD text   INT bigint   DEC numeric(18,8)   BIG numeric(38,16)   REAL double precision
 *   TIME timestamp with time zone   NUM numeric
 *   PRIMARY KEY on the columns of the key · batch_id bigint · a BRIN index on (batch_id, time),
 *   which costs an insert nearly nothing and is what probes and retention look by
 *
 * Names are quoted and not qualified: the first schema of the user's search_path. A column
 * that is missing is added; it may be NULL in the rows that were there. A column of another
 * type, a table without its primary key, are an operator's to mend. Columns that are not
 * weir's may stand beside. Text only; any thread. */
#pragma once

#include "archive/rows.h"
#include "base/err.h"

/* What the server answered to postgres_put_look. */
struct postgres_seen {
	uint64_t columns[TABLE_END_OF_ALL]; /* bit n: the n-th is there; the bit behind: batch_id */
	bool table[TABLE_END_OF_ALL];
};

enum { POSTGRES_LOOK_COLUMNS = 4 };

/* Of the moved tables before anything else: where `trades` is the archive's own already they lie in
 * a schema weir_moved, for this connection and for whoever names it. An archive that comes later
 * into the schema of moved ones is held, and says why. */
void postgres_put_apart(struct buf *out);
/* Rows of table, column, type, t or f: in the primary key. */
void postgres_put_look(struct buf *out, enum archive_set set);
/* One row of the answer. INVALID: it is not as it should be; err says what. */
MUST_CHECK enum status postgres_see(struct postgres_seen *seen, enum archive_set set,
				    const struct str cells[], struct err *err);
/* What makes good what is missing; nothing appended: nothing is. */
void postgres_put_mend(struct buf *out, const struct postgres_seen *seen, enum archive_set set);
/* SELECT of the rows of a batch: the columns as text in their order, TIME in us. */
void postgres_put_read(struct buf *out, enum archive_table table, int64_t batch_id,
		       size_t rows_max);

/* COPY "trade_results" ("result_id", …) FROM STDIN (FORMAT binary) */
void postgres_put_copy(struct buf *out, enum archive_table table);
/* The same into a table that goes with the transaction, which is made first. */
void postgres_put_stage(struct buf *out, enum archive_table table);
/* From there into the table. Of rows with the same key the newest batch wins, of one batch
 * the last, as in ClickHouse; rows of trade_results with the same key are the same. */
void postgres_put_merge(struct buf *out, enum archive_table table);
/* At most `rows` of those older than before_us go. */
void postgres_put_expire(struct buf *out, enum archive_table table, int64_t before_us,
			 unsigned rows);
void postgres_put_name(struct buf *out, const char *name); /* "name" */

/* The begin of the oldest month that a table of so many days keeps, in us. */
int64_t postgres_kept_from(int64_t days, int64_t now_us);
