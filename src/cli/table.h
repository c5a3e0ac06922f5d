/* table.h - rows of text cells, printed for people or for programs.
 *
 * Formats: table (aligned columns, for a terminal), json (one array of objects),
 * jsonl, csv (RFC 4180), tsv (tabs and line feeds in a cell become blanks),
 * markdown. Cells are copied: a table is printed at its end, when the widths are
 * known, the others as they come. */
#pragma once

#include "base/buf.h"

enum { TABLE_COLUMNS_MAX = 72 };

enum table_format {
	TABLE_TABLE,
	TABLE_JSON,
	TABLE_JSONL,
	TABLE_CSV,
	TABLE_TSV,
	TABLE_MARKDOWN,
};

struct table {
	struct buf *out; /* takes the overflow of the table's own room, too */
	enum table_format format;
	size_t n_columns, n_rows;
	const char *const *columns;       /* names: the header, and the keys of JSON */
	struct buf cells;                 /* TABLE: each cell with a NUL behind it */
	size_t widths[TABLE_COLUMNS_MAX]; /* in characters */
};

/* The head of a TABLE stands out from now on (bold): standard output is a terminal that may be
 * coloured. Once, at the start. */
void table_set_pretty(bool pretty);

/* By the words of flag --format; TABLE_TABLE for any other text. */
enum table_format table_format_of(struct str word);

void table_begin(struct table *table, struct buf *out, enum table_format format,
		 const char *const *columns, size_t n_columns);
/* n_columns cells, without NUL bytes. */
void table_row(struct table *table, const struct str *cells);
void table_end(struct table *table);
