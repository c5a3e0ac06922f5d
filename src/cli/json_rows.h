/* json_rows.h - objects of one shape as the rows of a table, in any of its formats; and one
 * object as rows of name and value. */
#pragma once

#include <jansson.h>

#include "cli/table.h"
#include "def/args.h"

/* What --format says; --json, where the command has it, comes before. */
enum table_format json_rows_format(const struct args *args);

/* One after another. The columns are the members of the first; the names are copied. */
struct json_rows {
	struct buf *out;
	enum table_format format;
	struct table table;
	bool begun;
	size_t n_columns;
	char *names[TABLE_COLUMNS_MAX];
	uint64_t left_out; /* members of later rows that are no column */
};

void json_rows_begin(struct json_rows *rows, struct buf *out, enum table_format format);
void json_rows_put(struct json_rows *rows, const json_t *object);
/* Lines, each an object; what is none is left out. */
void json_rows_lines(struct json_rows *rows, struct str lines);
void json_rows_end(struct json_rows *rows);

/* An array of objects; those of an empty one have no columns: nothing, or [] as JSON. */
void json_rows_print(struct buf *out, enum table_format format, const json_t *array);
/* "name", "value"; the members of members as NAME.MEMBER. */
void json_facts_print(struct buf *out, enum table_format format, const json_t *object);
