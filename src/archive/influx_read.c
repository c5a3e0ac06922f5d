#include "archive/influx_read.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/num.h"
#include "base/check.h"

enum { NS_OF_US = 1000, CELL_BYTES = 256 };

static void put_identifier(struct buf *sql, struct str name)
{
	buf_char(sql, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			buf_char(sql, '\\');
		buf_char(sql, name.ptr[i]);
	}
	buf_char(sql, '"');
}

void influx_put_read(struct buf *sql, const struct sink_read *read)
{
	put_identifier(sql, read->family);
	buf_printf(sql, " WHERE batch_id = %lld AND time >= %lld AND time <= %lld LIMIT %zu",
		   (long long)read->batch_id, (long long)read->from_us * NS_OF_US,
		   (long long)read->to_us * NS_OF_US + NS_OF_US - 1, read->rows_max);
}

/* ---- the answer ---- */

struct reading {
	const struct sink_read *read;
	const struct archive_table_row *table;
	const char *family;
	int places[ARCHIVE_COLUMNS_MAX]; /* of the table's columns in a row of the answer; -1 */
	int exact[ARCHIVE_COLUMNS_MAX];  /* of NAME_exact */
	char texts[ARCHIVE_COLUMNS_MAX][CELL_BYTES];
};

static int place_of(json_t *columns, const char *name, const char *suffix)
{
	char wanted[128];
	size_t i;
	json_t *column;
	snprintf(wanted, sizeof wanted, "%s%s", name, suffix);
	json_array_foreach(columns, i, column)
	{
		const char *text = json_string_value(column);
		if (text && strcmp(text, wanted) == 0)
			return (int)i;
	}
	return -1;
}

static void find_places(struct reading *reading, json_t *columns)
{
	for (unsigned i = 0; i < reading->table->columns; i++) {
		enum archive_column column = (enum archive_column)(reading->table->first + i);
		const char *name = archive_column_row(column)->name;
		bool is_time = column == reading->table->time;
		reading->places[i] = place_of(columns, is_time ? "time" : name, "");
		reading->exact[i] = place_of(columns, name, "_exact");
	}
}

/* A float of at most 15 digits as it went, written out; those of more have their text beside them.
 */
static struct str put_number(char *at, double value)
{
	struct num num;
	struct buf text = buf_over(at, CELL_BYTES);
	snprintf(at, CELL_BYTES, "%.15g", value);
	if (num_parse(str_of(at), &num))
		num_print(&text, &num);
	return buf_str(&text);
}

static struct str cell_text(struct reading *reading, unsigned i, json_t *cell)
{
	enum archive_column column = (enum archive_column)(reading->table->first + i);
	char *at = reading->texts[i];
	if (json_is_string(cell))
		return str_make(json_string_value(cell), json_string_length(cell));
	if (json_is_real(cell))
		return put_number(at, json_real_value(cell));
	if (json_is_integer(cell)) {
		long long number = json_integer_value(cell);
		if (column == reading->table->time)
			number =
			    number >= 0 ? number / NS_OF_US : (number - NS_OF_US + 1) / NS_OF_US;
		snprintf(at, CELL_BYTES, "%lld", number);
		return str_of(at);
	}
	/* An empty tag is none. */
	return archive_column_row(column)->optional ? (struct str){ NULL, 0 } : STR("");
}

static enum status take_row(struct reading *reading, json_t *row)
{
	struct str cells[ARCHIVE_COLUMNS_MAX];
	for (unsigned i = 0; i < reading->table->columns; i++) {
		enum archive_column column = (enum archive_column)(reading->table->first + i);
		json_t *exact = json_array_get(row, (size_t)reading->exact[i]);
		json_t *cell = json_array_get(row, (size_t)reading->places[i]);
		if (reading->exact[i] >= 0 && json_is_string(exact))
			cell = exact;
		cells[i] = cell_text(reading, i, reading->places[i] < 0 ? NULL : cell);
		if (strcmp(archive_column_row(column)->name, "family") == 0)
			cells[i] = str_of(reading->family);
	}
	return sink_take_row(reading->read->rows, reading->read->table, cells);
}

static enum status take_series(struct reading *reading, json_t *series)
{
	enum status status = STATUS_OK;
	json_t *row;
	size_t i;
	reading->family = json_string_value(json_object_get(series, "name"));
	if (!reading->family)
		return STATUS_INVALID;
	find_places(reading, json_object_get(series, "columns"));
	json_array_foreach(json_object_get(series, "values"), i, row)
	{
		status = take_row(reading, row);
		if (status)
			break;
	}
	return status;
}

enum status influx_take_rows(struct str body, const struct sink_read *read)
{
	struct reading reading = { .read = read, .table = archive_table_row(read->table) };
	json_t *json = json_loadb(body.ptr, body.len, 0, NULL), *series;
	json_t *result = json_array_get(json_object_get(json, "results"), 0);
	enum status status = json_is_object(result) ? STATUS_OK : STATUS_INVALID;
	size_t i;
	json_array_foreach(json_object_get(result, "series"), i, series)
	{
		if (status)
			break;
		status = take_series(&reading, series);
	}
	json_decref(json);
	return status;
}
