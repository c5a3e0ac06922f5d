/* duck_sink.h - the sink that is a DuckDB file: the moved tables, for who wants them in one.
 *
 *   open    the file, its tables (CREATE … PRIMARY KEY on the business key) and their types
 *   send    BEGIN; rows into a table of its own by DuckDB's appender; INSERT … ON CONFLICT
 *           DO UPDATE, the last that was sent wins; COMMIT. All of it or nothing
 *   probe, read, count   SELECT
 *   expire  nothing: moved rows stay
 *
 *   TEXT, WORD VARCHAR   INT BIGINT   TIME TIMESTAMPTZ   NUM DECIMAL(38,16)
 *
 * Sending again does no harm, so it is idempotent. A file that another process has open is AWAY;
 * one that is weir's own archive is HELD, as is one whose tables are not as they should be.
 * DuckDB runs on a thread of the sink's own. Loop thread; encode on any. */
#pragma once

#include "archive/sink.h"
#include "os/loop.h"

enum { DUCK_SINK_ROWS = 100000, DUCK_SINK_BYTES = 64 << 20 };

struct duck_sink_config {
	struct loop *loop;
	const char *path; /* copied; made where there is none */
};

/* The file is opened by `open`. UNAVAILABLE: DuckDB cannot be loaded. */
MUST_CHECK enum status duck_sink_open(const struct duck_sink_config *config, struct sink **out,
				      struct err *err);
