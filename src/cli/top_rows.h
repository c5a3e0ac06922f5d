/* top_rows.h - the rows of a pane of `weir top`, apart from the screen: read from an answer,
 * sorted, filtered, and as lines of text. Pure. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

enum { TOP_COLUMNS_MAX = 16, TOP_FILTER_MAX = 64, TOP_CELL_BYTES = 32 };

enum top_pane {
#define TOP_PANE(id, file, request, list) TOP_##id,
#include "def/top.def"
#undef TOP_PANE
	TOP_PANES
};

enum top_kind { TOP_TEXT, TOP_NUMBER, TOP_MB, TOP_AGE, TOP_SPAN };

struct top_pane_row {
	const char *name;
	const char *file, *request, *list;
};

struct top_column {
	enum top_pane pane;
	const char *key, *title;
	int width;
	enum top_kind kind;
};

const struct top_pane_row *top_pane_row(enum top_pane pane);
bool top_pane_parse(struct str name, enum top_pane *pane);
size_t top_column_count(enum top_pane pane);
const struct top_column *top_column(enum top_pane pane, size_t index);

/* How a pane is looked at. */
struct top_view {
	size_t sort; /* a column; TOP_COLUMNS_MAX: as it came */
	bool reverse;
	char filter[TOP_FILTER_MAX]; /* shown are rows with a text that has it, in either case */
};

struct top_rows {
	enum top_pane pane;
	int64_t now_ms; /* when the answer was given; 0: not known */
	json_t *root;
	json_t **rows; /* borrowed from root, in the order of the view */
	size_t count, total;
};

/* FORMAT: the text is not an answer of this pane. rows holds nothing then. */
MUST_CHECK enum status top_rows_read(enum top_pane pane, struct str answer,
				     const struct top_view *view, struct top_rows *rows);
/* The same of an answer that is parsed already; root is taken over, also on failure. */
MUST_CHECK enum status top_rows_take(enum top_pane pane, json_t *root, const struct top_view *view,
				     struct top_rows *rows);
void top_rows_free(struct top_rows *rows); /* fine when empty */

/* The cell's text. */
struct str top_cell(const struct top_rows *rows, const json_t *row, const struct top_column *column,
		    char storage[TOP_CELL_BYTES]);
/* One line of the table and its LF, at most width characters. */
void top_line(struct buf *out, const struct top_rows *rows, const json_t *row, int width);
void top_head(struct buf *out, enum top_pane pane, const struct top_view *view, int width);
/* What names a row: its first column. "" when there is none. */
const char *top_row_name(const struct top_rows *rows, size_t index);
