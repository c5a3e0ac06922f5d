#include "archive/sink.h"

#include <stdlib.h>

#include "base/check.h"

const char *sink_outcome_text(enum sink_outcome outcome)
{
	static const char *const texts[] = { "done", "unknown", "away", "held", "poison" };
	CHECK((unsigned)outcome < ARRAY_LEN(texts));
	return texts[outcome];
}

/* A decimal's trailing zeros are the column's, not the number's. */
static struct str trimmed(struct str number)
{
	if (str_find_char(number, '.') == number.len)
		return number;
	while (number.len && number.ptr[number.len - 1] == '0')
		number.len--;
	if (number.len && number.ptr[number.len - 1] == '.')
		number.len--;
	return number;
}

static enum status take_real(struct archive_rows *rows, enum archive_column column, struct str text)
{
	char number[64], *end;
	if (str_copy(text, number, sizeof number))
		return STATUS_RANGE;
	archive_row_real(rows, column, strtod(number, &end));
	return *end || !text.len ? STATUS_FORMAT : STATUS_OK;
}

/* A NUM and the text behind it make each other: the text is what was written. */
static enum status take_cell(struct archive_rows *rows, enum archive_column column,
			     const struct str *cell)
{
	enum archive_type type = archive_column_row(column)->type;
	if (type == ARCHIVE_NUM && (cell[0].ptr || cell[1].ptr)) {
		archive_row_num(rows, column, cell[1].ptr ? cell[1] : trimmed(cell[0]));
		return STATUS_OK;
	}
	if (!cell->ptr)
		return archive_column_row(column)->optional ? STATUS_OK : STATUS_FORMAT;
	switch (type) {
	case ARCHIVE_NUM: return STATUS_OK;
	case ARCHIVE_REAL: return take_real(rows, column, *cell);
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: archive_row_text(rows, column, *cell); return STATUS_OK;
	default: return archive_row_number(rows, column, *cell);
	}
}

enum status sink_take_row(struct archive_rows *rows, enum archive_table table,
			  const struct str cells[])
{
	const struct archive_table_row *row = archive_table_row(table);
	enum status status = STATUS_OK;
	archive_rows_begin(rows, table);
	for (unsigned i = 0; !status && i < row->columns; i++) {
		enum archive_column column = (enum archive_column)(row->first + i);
		status = take_cell(rows, column, &cells[i]);
		if (archive_column_row(column)->type == ARCHIVE_NUM)
			i++;
	}
	if (!status)
		return archive_rows_end(rows);
	archive_rows_cancel(rows);
	return status;
}
