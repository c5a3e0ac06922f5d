/* feeds_views.h - rows that are told again: what counts now.
 *
 * bars_1m, alert_log, indicator_values and instance_minutes may hold several rows of a key;
 * the newest is the one that was added last. A view v_TABLE has that one of each. In DuckDB
 * rowid is the order in which rows were added, whether they have a batch_id (it only rises) or
 * not (0 without a sink). Any thread. */
#pragma once

#include <stddef.h>

#include "def/archive.h"

struct feeds_view {
	enum archive_table table;
	const char *name; /* "v_bars_1m" */
	const char *sql;  /* SELECT …, what the view is */
};

/* NULL past the last. */
const struct feeds_view *feeds_view_at(size_t index);
