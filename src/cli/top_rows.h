/* top_rows.h - what weir top shows, apart from the screen: the terminals of an answer of
 * `fleet list`, sorted and filtered. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

enum { TOP_COLUMNS = 12, TOP_FILTER_MAX = 64 };

struct top_column {
	const char *name; /* in the answer, and as the head */
	int width;
	bool number; /* right-aligned, and compared as a number */
};
const struct top_column *top_column(size_t index);

struct top_view {
	size_t sort; /* a column */
	bool reverse;
	char filter[TOP_FILTER_MAX]; /* shown are those whose id, state, flags, host or reason has
					it */
};

struct top_rows {
	json_t *root;
	json_t **rows; /* borrowed from root, in the order of the view */
	size_t count, total;
};

/* FORMAT: the text is not an answer. rows holds nothing then. */
MUST_CHECK enum status top_rows_read(struct str answer, const struct top_view *view,
				     struct top_rows *rows);
void top_rows_free(struct top_rows *rows); /* fine when empty */
/* The cell's text. */
struct str top_cell(const json_t *row, size_t column, char storage[32]);
/* One line of the table, cut at width characters. */
void top_line(struct buf *out, const json_t *row, int width);
void top_head(struct buf *out, const struct top_view *view, int width);
