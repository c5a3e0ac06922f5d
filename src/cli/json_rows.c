#include "cli/json_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { NUMBER_BYTES = 32, PATH_BYTES = 128, DEPTH_MAX = 6 };

enum table_format json_rows_format(const struct args *args)
{
	if (command_uses(args->command, FLAG_json) && args_has(args, FLAG_json))
		return TABLE_JSON;
	return table_format_of(args_str(args, FLAG_format));
}

/* Scalars as they are, anything else as JSON; *made: to be freed. */
static struct str cell_of(const json_t *value, char number[NUMBER_BYTES], char **made)
{
	*made = NULL;
	if (!value || json_is_null(value))
		return STR("");
	if (json_is_string(value))
		return str_of(json_string_value(value));
	if (json_is_boolean(value))
		return json_is_true(value) ? STR("yes") : STR("no");
	if (json_is_integer(value)) {
		snprintf(number, NUMBER_BYTES, "%lld", (long long)json_integer_value(value));
		return str_of(number);
	}
	*made = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	return str_of(*made ? *made : "");
}

/* ---- rows ---- */

void json_rows_begin(struct json_rows *rows, struct buf *out, enum table_format format)
{
	*rows = (struct json_rows){ .out = out, .format = format };
}

static void take_columns(struct json_rows *rows, const json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)object, name, value)
	{
		if (rows->n_columns < TABLE_COLUMNS_MAX)
			rows->names[rows->n_columns++] = strdup(name);
	}
	if (!rows->n_columns)
		return;
	table_begin(&rows->table, rows->out, rows->format, (const char *const *)rows->names,
		    rows->n_columns);
	rows->begun = true;
}

void json_rows_put(struct json_rows *rows, const json_t *object)
{
	struct str cells[TABLE_COLUMNS_MAX];
	char numbers[TABLE_COLUMNS_MAX][NUMBER_BYTES], *made[TABLE_COLUMNS_MAX];
	size_t known = 0;
	if (!rows->begun)
		take_columns(rows, object);
	if (!rows->begun)
		return;
	for (size_t i = 0; i < rows->n_columns; i++) {
		const json_t *value = json_object_get(object, rows->names[i]);
		known += value != NULL;
		cells[i] = cell_of(value, numbers[i], &made[i]);
	}
	rows->left_out += json_object_size(object) - known;
	table_row(&rows->table, cells);
	for (size_t i = 0; i < rows->n_columns; i++)
		free(made[i]);
}

void json_rows_lines(struct json_rows *rows, struct str lines)
{
	struct str line;
	while (lines.len && str_split(&lines, '\n', &line)) {
		json_error_t fault;
		json_t *object = json_loadb(line.ptr, line.len, 0, &fault);
		if (json_is_object(object))
			json_rows_put(rows, object);
		json_decref(object);
	}
}

void json_rows_end(struct json_rows *rows)
{
	if (rows->begun)
		table_end(&rows->table);
	else if (rows->format == TABLE_JSON)
		buf_printf(rows->out, "[]\n");
	for (size_t i = 0; i < rows->n_columns; i++)
		free(rows->names[i]);
}

void json_rows_print(struct buf *out, enum table_format format, const json_t *array)
{
	struct json_rows *rows = malloc(sizeof *rows);
	size_t index;
	json_t *object;
	CHECK(rows);
	json_rows_begin(rows, out, format);
	json_array_foreach((json_t *)array, index, object) json_rows_put(rows, object);
	json_rows_end(rows);
	free(rows);
}

/* ---- facts ---- */

static void put_facts(struct table *table, const char *path, const json_t *object, int depth)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)object, name, value)
	{
		char whole[PATH_BYTES], number[NUMBER_BYTES], *made;
		snprintf(whole, sizeof whole, "%s%s%s", path, *path ? "." : "", name);
		if (json_is_object(value) && depth < DEPTH_MAX) {
			put_facts(table, whole, value, depth + 1);
			continue;
		}
		const struct str cells[] = { str_of(whole), cell_of(value, number, &made) };
		table_row(table, cells);
		free(made);
	}
}

void json_facts_print(struct buf *out, enum table_format format, const json_t *object)
{
	static const char *const columns[] = { "name", "value" };
	struct table table;
	table_begin(&table, out, format, columns, ARRAY_LEN(columns));
	put_facts(&table, "", object, 0);
	table_end(&table);
}
