/* db_views.h - the views of the archive file: what its documentation shows and `weir archive
 * query` may ask. Tables only. Any thread. */
#pragma once

#include <stddef.h>

struct db_view_row {
	const char *name, *meaning;
	const char *sql; /* what the view selects */
};

/* NULL beyond the last. In the order in which they are made: one may use those before it. */
const struct db_view_row *db_view_row(size_t index);
