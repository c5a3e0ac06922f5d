#include "cli/table.h"

#include "base/check.h"
#include "base/text.h"

enum { TABLE_CELLS_BYTES = 4 << 20 };

static bool is_pretty;

void table_set_pretty(bool pretty) { is_pretty = pretty; }

enum table_format table_format_of(struct str word)
{
	static const char *const words[] = {
		[TABLE_TABLE] = "table", [TABLE_JSON] = "json", [TABLE_JSONL] = "jsonl",
		[TABLE_CSV] = "csv",     [TABLE_TSV] = "tsv",   [TABLE_MARKDOWN] = "markdown",
	};
	for (enum table_format format = 0; format < ARRAY_LEN(words); format++)
		if (str_eq(word, str_of(words[format])))
			return format;
	return TABLE_TABLE;
}

static void keep_row(struct table *table, const struct str *cells)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t width = text_width(cells[i]);
		buf_str_put(&table->cells, cells[i]);
		buf_char(&table->cells, 0);
		if (width > table->widths[i])
			table->widths[i] = width;
	}
}

static void print_kept(struct table *table)
{
	struct str rest = buf_str(&table->cells), cell;
	bool head = is_pretty;
	while (rest.len) {
		buf_printf(table->out, head ? "\033[1m" : "");
		for (size_t i = 0; i < table->n_columns; i++) {
			str_split(&rest, 0, &cell);
			buf_str_put(table->out, cell);
			if (i + 1 == table->n_columns)
				break;
			for (size_t n = text_width(cell); n < table->widths[i] + 2; n++)
				buf_char(table->out, ' ');
		}
		buf_printf(table->out, head ? "\033[0m\n" : "\n");
		head = false;
	}
}

static void print_object(struct table *table, const struct str *cells)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		buf_char(table->out, i ? ',' : '{');
		buf_json_str(table->out, str_of(table->columns[i]));
		buf_char(table->out, ':');
		buf_json_str(table->out, cells[i]);
	}
	buf_char(table->out, '}');
}

static void print_csv_cell(struct buf *out, struct str cell)
{
	bool plain = str_find_char(cell, ',') == cell.len && str_find_char(cell, '"') == cell.len &&
		     str_find_char(cell, '\n') == cell.len && str_find_char(cell, '\r') == cell.len;
	if (plain) {
		buf_str_put(out, cell);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.ptr[i] == '"')
			buf_char(out, '"');
		buf_char(out, cell.ptr[i]);
	}
	buf_char(out, '"');
}

/* One cell on one line; in markdown a bar would end it. */
static void print_line_cell(struct buf *out, struct str cell, bool markdown)
{
	for (size_t i = 0; i < cell.len; i++) {
		char c = cell.ptr[i];
		if (markdown && c == '|')
			buf_char(out, '\\');
		buf_char(out, c == '\t' || c == '\n' || c == '\r' ? ' ' : c);
	}
}

static void print_cells(struct table *table, const struct str *cells)
{
	struct buf *out = table->out;
	bool markdown = table->format == TABLE_MARKDOWN;
	buf_printf(out, markdown ? "| " : "");
	for (size_t i = 0; i < table->n_columns; i++) {
		if (i)
			buf_printf(out, markdown ? " | " : table->format == TABLE_CSV ? "," : "\t");
		if (table->format == TABLE_CSV)
			print_csv_cell(out, cells[i]);
		else
			print_line_cell(out, cells[i], markdown);
	}
	buf_printf(out, markdown ? " |\n" : "\n");
}

static void print_header(struct table *table)
{
	struct str names[TABLE_COLUMNS_MAX];
	for (size_t i = 0; i < table->n_columns; i++)
		names[i] = str_of(table->columns[i]);
	if (table->format == TABLE_TABLE)
		keep_row(table, names);
	else
		print_cells(table, names);
	if (table->format != TABLE_MARKDOWN)
		return;
	for (size_t i = 0; i < table->n_columns; i++)
		buf_printf(table->out, "|---");
	buf_printf(table->out, "|\n");
}

void table_begin(struct table *table, struct buf *out, enum table_format format,
		 const char *const *columns, size_t n_columns)
{
	CHECK(n_columns > 0 && n_columns <= TABLE_COLUMNS_MAX);
	*table = (struct table){
		.out = out, .format = format, .columns = columns, .n_columns = n_columns
	};
	buf_init(&table->cells, TABLE_CELLS_BYTES);
	if (format != TABLE_JSON && format != TABLE_JSONL)
		print_header(table);
}

void table_row(struct table *table, const struct str *cells)
{
	switch (table->format) {
	case TABLE_TABLE: keep_row(table, cells); break;
	case TABLE_JSON:
		buf_printf(table->out, table->n_rows ? ",\n " : "[");
		print_object(table, cells);
		break;
	case TABLE_JSONL:
		print_object(table, cells);
		buf_char(table->out, '\n');
		break;
	case TABLE_CSV:
	case TABLE_TSV:
	case TABLE_MARKDOWN: print_cells(table, cells); break;
	}
	table->n_rows++;
}

void table_end(struct table *table)
{
	if (table->format == TABLE_TABLE)
		print_kept(table);
	else if (table->format == TABLE_JSON)
		buf_printf(table->out, table->n_rows ? "]\n" : "[]\n");
	table->out->overflow = table->out->overflow || table->cells.overflow;
	buf_deinit(&table->cells);
}
