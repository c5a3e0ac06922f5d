#include "cli/top_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"

static const struct top_pane_row panes[] = {
#define TOP_PANE(id, file, request, list) [TOP_##id] = { #id, file, request, list },
#include "def/top.def"
#undef TOP_PANE
};

static const struct top_column columns[] = {
#define TOP_COLUMN(pane, key, title, width, kind) { TOP_##pane, key, title, width, TOP_##kind },
#include "def/top.def"
#undef TOP_COLUMN
};

const struct top_pane_row *top_pane_row(enum top_pane pane)
{
	CHECK(pane < TOP_PANES);
	return &panes[pane];
}

bool top_pane_parse(struct str name, enum top_pane *pane)
{
	for (enum top_pane at = 0; at < TOP_PANES; at++)
		if (str_eq(name, str_of(panes[at].name))) {
			*pane = at;
			return true;
		}
	return false;
}

size_t top_column_count(enum top_pane pane)
{
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		count += columns[i].pane == pane;
	return count;
}

const struct top_column *top_column(enum top_pane pane, size_t index)
{
	size_t first = 0;
	while (columns[first].pane != pane)
		first++;
	CHECK(first + index < ARRAY_LEN(columns) && columns[first + index].pane == pane);
	return &columns[first + index];
}

/* ---- cells ---- */

/* "8 s", "17 min", "5 h", "3 d" */
static void print_span(char out[TOP_CELL_BYTES], int64_t seconds)
{
	if (seconds < 100)
		snprintf(out, TOP_CELL_BYTES, "%lld s", (long long)seconds);
	else if (seconds < 6000)
		snprintf(out, TOP_CELL_BYTES, "%lld m", (long long)seconds / 60);
	else if (seconds < 360000)
		snprintf(out, TOP_CELL_BYTES, "%lld h", (long long)seconds / 3600);
	else
		snprintf(out, TOP_CELL_BYTES, "%lld d", (long long)seconds / 86400);
}

struct str top_cell(const struct top_rows *rows, const json_t *row, const struct top_column *column,
		    char storage[TOP_CELL_BYTES])
{
	const json_t *value = json_object_get(row, column->key);
	if (json_is_string(value))
		return str_of(json_string_value(value));
	if (!json_is_integer(value))
		return STR("");
	int64_t number = json_integer_value(value);
	switch (column->kind) {
	case TOP_MB: snprintf(storage, TOP_CELL_BYTES, "%.1f", (double)number / 1e6); break;
	case TOP_SPAN: print_span(storage, number); break;
	case TOP_AGE:
		if (!rows->now_ms)
			return STR("");
		print_span(storage, rows->now_ms > number ? (rows->now_ms - number) / 1000 : 0);
		break;
	case TOP_TEXT:
	case TOP_NUMBER: snprintf(storage, TOP_CELL_BYTES, "%lld", (long long)number); break;
	}
	return str_of(storage);
}

/* By what the cell holds, not by how it is shown. False: there is nothing. */
static bool number_of(const json_t *row, const struct top_column *column, double *number)
{
	const json_t *value = json_object_get(row, column->key);
	if (json_is_string(value))
		*number = strtod(json_string_value(value), NULL);
	else if (json_is_integer(value))
		*number = (double)json_integer_value(value);
	return json_is_string(value) || json_is_integer(value);
}

/* ---- order ---- */

static const char *name_of(const json_t *row, enum top_pane pane)
{
	const char *name = json_string_value(json_object_get(row, top_column(pane, 0)->key));
	return name ? name : "";
}

struct order {
	const struct top_rows *rows;
	const struct top_view *view;
};

/* Absent is less than everything. */
static int compare_cells(const struct order *order, const json_t *a, const json_t *b)
{
	const struct top_column *column = top_column(order->rows->pane, order->view->sort);
	char storage[2][TOP_CELL_BYTES];
	if (column->kind == TOP_TEXT)
		return str_cmp(top_cell(order->rows, a, column, storage[0]),
			       top_cell(order->rows, b, column, storage[1]));
	double x = 0, y = 0;
	bool has_x = number_of(a, column, &x), has_y = number_of(b, column, &y);
	if (!has_x || !has_y)
		return (int)has_x - (int)has_y;
	return (x > y) - (x < y);
}

static int compare(const void *left, const void *right, void *ctx)
{
	const struct order *order = ctx;
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	int result = compare_cells(order, a, b);
	if (result == 0) /* the same each time */
		return strcmp(name_of(a, order->rows->pane), name_of(b, order->rows->pane));
	return order->view->reverse ? -result : result;
}

static void turn_round(struct top_rows *rows)
{
	for (size_t i = 0; i < rows->count / 2; i++) {
		json_t *row = rows->rows[i];
		rows->rows[i] = rows->rows[rows->count - 1 - i];
		rows->rows[rows->count - 1 - i] = row;
	}
}

/* ---- read ---- */

static bool is_wanted(json_t *row, const char *filter)
{
	const char *key;
	json_t *value;
	json_object_foreach(row, key, value)
	{
		const char *text = json_string_value(value);
		if (text && strcasestr(text, filter))
			return true;
	}
	return !*filter;
}

/* "data.segments" of the root. */
static const json_t *find_list(const json_t *root, const char *path)
{
	struct str rest = str_of(path), part;
	while (root && rest.len && str_split(&rest, '.', &part)) {
		char key[32];
		snprintf(key, sizeof key, "%.*s", STR_ARG(part));
		root = json_object_get(root, key);
	}
	return root;
}

static int64_t time_of(const json_t *root)
{
	const json_t *now = json_object_get(root, "t_ms");
	if (!now)
		now = json_object_get(root, "as_of_ms");
	return (int64_t)json_integer_value(now);
}

enum status top_rows_take(enum top_pane pane, json_t *root, const struct top_view *view,
			  struct top_rows *rows)
{
	const char *path = *panes[pane].list ? panes[pane].list : "rows";
	json_t *row;
	size_t index;
	*rows = (struct top_rows){ .pane = pane, .root = root, .now_ms = time_of(root) };
	const json_t *all = find_list(root, path);
	rows->total = json_array_size(all);
	rows->rows = calloc(rows->total + 1, sizeof rows->rows[0]);
	if (!json_is_array(all) || !rows->rows) {
		top_rows_free(rows);
		return STATUS_FORMAT;
	}
	json_array_foreach((json_t *)all, index, row) if (is_wanted(row, view->filter))
	    rows->rows[rows->count++] = row;
	struct order order = { rows, view };
	if (view->sort < top_column_count(pane))
		qsort_r(rows->rows, rows->count, sizeof rows->rows[0], compare, &order);
	else if (view->reverse)
		turn_round(rows);
	return STATUS_OK;
}

enum status top_rows_read(enum top_pane pane, struct str answer, const struct top_view *view,
			  struct top_rows *rows)
{
	json_error_t fault;
	return top_rows_take(pane, json_loadb(answer.ptr, answer.len, 0, &fault), view, rows);
}

void top_rows_free(struct top_rows *rows)
{
	json_decref(rows->root);
	free(rows->rows);
	*rows = (struct top_rows){ 0 };
}

const char *top_row_name(const struct top_rows *rows, size_t index)
{
	return index < rows->count ? name_of(rows->rows[index], rows->pane) : "";
}

/* ---- lines ---- */

/* A column that does not fit whole ends the line; a last text takes what is left. */
static bool put_cell(struct buf *out, const struct top_column *column, struct str text, bool last,
		     int *left)
{
	bool number = column->kind != TOP_TEXT;
	int width = last && !number ? *left : column->width;
	if (*left < (width < column->width ? width : column->width) || *left <= 0)
		return false;
	size_t shown = text_width(text);
	if (shown > (size_t)width)
		shown = (size_t)width;
	if (number)
		text_put_blanks(out, (size_t)width - shown);
	text_put_cut(out, text, (size_t)width);
	if (!number && !last)
		text_put_blanks(out, (size_t)width - shown);
	*left -= width;
	if (*left > 0 && !last) {
		buf_char(out, ' ');
		--*left;
	}
	return true;
}

void top_line(struct buf *out, const struct top_rows *rows, const json_t *row, int width)
{
	size_t count = top_column_count(rows->pane);
	for (size_t i = 0; i < count; i++) {
		char storage[TOP_CELL_BYTES];
		const struct top_column *column = top_column(rows->pane, i);
		if (!put_cell(out, column, top_cell(rows, row, column, storage), i + 1 == count,
			      &width))
			break;
	}
	buf_char(out, '\n');
}

void top_head(struct buf *out, enum top_pane pane, const struct top_view *view, int width)
{
	size_t count = top_column_count(pane);
	for (size_t i = 0; i < count; i++) {
		const struct top_column *column = top_column(pane, i);
		char name[TOP_CELL_BYTES];
		snprintf(name, sizeof name, "%.*s%s", column->width - (i == view->sort),
			 column->title, i == view->sort ? view->reverse ? "-" : "+" : "");
		if (!put_cell(out, column, str_of(name), i + 1 == count, &width))
			break;
	}
	buf_char(out, '\n');
}
