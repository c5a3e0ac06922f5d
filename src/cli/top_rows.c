#include "cli/top_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct top_column columns[TOP_COLUMNS] = {
	{ "id", 14, false },      { "state", 10, false }, { "flags", 10, false },
	{ "positions", 4, true }, { "eq", 12, true },     { "pl", 10, true },
	{ "res", 5, true },       { "waiting", 5, true }, { "rtt", 6, true },
	{ "ping", 8, true },      { "cpu", 6, true },     { "mem", 6, true },
};

const struct top_column *top_column(size_t index) { return &columns[index]; }

struct str top_cell(const json_t *row, size_t column, char storage[32])
{
	const json_t *value = json_object_get(row, columns[column].name);
	if (json_is_string(value))
		return str_of(json_string_value(value));
	if (!json_is_integer(value))
		return STR("");
	snprintf(storage, 32, "%lld", (long long)json_integer_value(value));
	return str_of(storage);
}

static bool has(const json_t *row, const char *key, const char *word)
{
	const char *text = json_string_value(json_object_get(row, key));
	return text && strcasestr(text, word);
}

static bool is_wanted(const json_t *row, const char *filter)
{
	static const char *const keys[] = { "id", "state", "flags", "host", "reason", "server" };
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (has(row, keys[i], filter))
			return true;
	return !*filter;
}

/* Absent is less than everything. */
static int compare(const void *left, const void *right, void *ctx)
{
	const struct top_view *view = ctx;
	const json_t *rows[2] = { *(json_t *const *)left, *(json_t *const *)right };
	char storage[2][32];
	struct str cells[2];
	for (int i = 0; i < 2; i++)
		cells[i] = top_cell(rows[i], view->sort, storage[i]);
	int order = str_cmp(cells[0], cells[1]);
	if (columns[view->sort].number && cells[0].len && cells[1].len) {
		double numbers[2] = { strtod(cells[0].ptr, NULL), strtod(cells[1].ptr, NULL) };
		order = (numbers[0] > numbers[1]) - (numbers[0] < numbers[1]);
	} else if (columns[view->sort].number) {
		order = (cells[0].len > 0) - (cells[1].len > 0);
	}
	if (order == 0) { /* the same each time */
		const char *ids[2];
		for (int i = 0; i < 2; i++)
			ids[i] = json_string_value(json_object_get(rows[i], "id"));
		return ids[0] && ids[1] ? strcmp(ids[0], ids[1]) : 0;
	}
	return view->reverse ? -order : order;
}

enum status top_rows_read(struct str answer, const struct top_view *view, struct top_rows *rows)
{
	json_error_t fault;
	json_t *row;
	size_t index;
	*rows = (struct top_rows){ .root = json_loadb(answer.ptr, answer.len, 0, &fault) };
	const json_t *all = json_object_get(rows->root, "instances");
	rows->total = json_array_size(all);
	rows->rows = calloc(rows->total + 1, sizeof rows->rows[0]);
	if (!json_is_array(all) || !rows->rows) {
		top_rows_free(rows);
		return STATUS_FORMAT;
	}
	json_array_foreach((json_t *)all, index, row) if (is_wanted(row, view->filter))
	    rows->rows[rows->count++] = row;
	qsort_r(rows->rows, rows->count, sizeof rows->rows[0], compare, (void *)view);
	return STATUS_OK;
}

void top_rows_free(struct top_rows *rows)
{
	json_decref(rows->root);
	free(rows->rows);
	*rows = (struct top_rows){ 0 };
}

static void put_cell(struct buf *out, struct str text, const struct top_column *column)
{
	int len = (int)text.len < column->width ? (int)text.len : column->width;
	buf_printf(out, column->number ? "%*.*s " : "%-*.*s ", column->width, len, text.ptr);
}

static void cut(struct buf *out, size_t from, int width)
{
	if (out->len - from > (size_t)width)
		out->len = from + (size_t)width;
	buf_char(out, '\n');
}

void top_line(struct buf *out, const json_t *row, int width)
{
	char storage[32];
	size_t from = out->len;
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		put_cell(out, top_cell(row, i, storage), &columns[i]);
	cut(out, from, width);
}

void top_head(struct buf *out, const struct top_view *view, int width)
{
	size_t from = out->len;
	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		char name[32];
		snprintf(name, sizeof name, "%.*s%s", columns[i].width - 1, columns[i].name,
			 i == view->sort ? view->reverse ? "-" : "+" : "");
		put_cell(out, str_of(name), &columns[i]);
	}
	cut(out, from, width);
}
