/* clickhouse.h - the sink that is a ClickHouse, over HTTP (archive.md 1; measured with 18.16).
 *
 *   open    version → database → tables → columns: what is missing is made (clickhouse_ddl.h),
 *           what has another type is not touched: batches of that table are HELD
 *   send    the table's columns as they are now, then INSERT … FORMAT Native: one block, one
 *           partition, so all of it or nothing; at most once on the wire
 *   probe   SELECT count() WHERE batch_id = …
 *   read    SELECT … WHERE batch_id = … FORMAT TabSeparated
 *   expire  DROP PARTITION of whole months
 *
 * The columns are looked at before each insert, since 18.16 dies (SIGSEGV) of a block whose
 * types are not the table's, and puts defaults where a column's name is not known.
 *
 * User and password go in headers, never in a URL: those end up in query_log. Of the
 * settings only async_insert = 0 and insert_deduplication_token are sent, from 22 on.
 * Loop thread; encode on any. Uses 3 timers. */
#pragma once

#include "archive/sink.h"
#include "base/err.h"
#include "base/timers.h"
#include "port/http_client.h"

struct clickhouse_config {
	struct http_client *http; /* lives longer than the sink */
	struct timers *timers;
	enum archive_set set; /* of tables: it makes and fills only these */
	struct str url;       /* http://[USER:PASSWORD@]HOST[:PORT][/DATABASE]; copied */
	int64_t deadline_ns;  /* of an insert; 0: 30 s. A question has a third of it */
};

/* INVALID: the URL is none (its text is not repeated: a password may be in it). */
MUST_CHECK enum status clickhouse_create(const struct clickhouse_config *config, struct sink **out,
					 struct err *err);
