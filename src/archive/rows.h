/* rows.h - rows of the archive on their way: built on one thread, read on another.
 *
 *   archive_rows_begin(&rows, TABLE_trade_results);
 *   archive_row_text(&rows, COLUMN_trade_results_result_id, rid); …
 *   archive_rows_end(&rows)      or archive_rows_cancel: the row is not there
 *
 * Rows of any tables, in the order in which they were added. A cell that was not set is
 * NULL. Texts are copied; bytes that are not UTF-8, and NUL, become U+FFFD. Grows to
 * `bytes_max`, then FULL: nothing of that row stays. Memory is kept by archive_rows_clear and
 * freed by archive_rows_deinit.
 *
 * Layout: rows one behind the other, each a header, a cell of 8 bytes for each column of
 * its table, then its texts and BIGs (16 bytes, aligned). No thread of its own. */
#pragma once

#include "base/buf.h"
#include "base/decimal.h"
#include "def/archive.h"

union archive_cell {
	int64_t i; /* INT, TIME, DEC (10^-8) */
	double real;
	struct {
		uint32_t at, len; /* TEXT, WORD, BIG, NUM: bytes from the row's begin */
	} bytes;
};

struct archive_row {
	uint32_t bytes;   /* of it all; a multiple of 16 */
	uint16_t table;   /* enum archive_table */
	uint16_t columns; /* of the table */
	uint64_t present; /* bit n: its n-th column is not NULL */
	union archive_cell cells[];
};

struct archive_rows {
	char *memory;
	size_t used, room, bytes_max;
	size_t count;
	size_t row;                /* where the row being built begins; SIZE_MAX: none */
	enum status status;        /* of the row being built */
	enum archive_column first; /* of its table */
};

void archive_rows_init(struct archive_rows *rows, size_t bytes_max);
void archive_rows_deinit(struct archive_rows *rows);
void archive_rows_clear(struct archive_rows *rows);

void archive_rows_begin(struct archive_rows *rows, enum archive_table table);
void archive_row_int(struct archive_rows *rows, enum archive_column column,
		     int64_t value); /* TIME */
void archive_row_real(struct archive_rows *rows, enum archive_column column, double value);
/* TEXT and WORD. */
void archive_row_text(struct archive_rows *rows, enum archive_column column, struct str value);
/* The same, and an empty one is NULL. */
void archive_row_word(struct archive_rows *rows, enum archive_column column, struct str value);
void archive_row_dec(struct archive_rows *rows, enum archive_column column, int64_t e8);
void archive_row_big(struct archive_rows *rows, enum archive_column column, i128 e16);
/* What somebody wrote as a number, into a NUM and the text behind it (num.h). */
void archive_row_num(struct archive_rows *rows, enum archive_column column, struct str text);
/* Text of a number into an INT, DEC or BIG; empty is NULL. FORMAT, RANGE (also: more digits
 * behind the point than the type has): the cell is NULL and the row goes on. */
MUST_CHECK enum status archive_row_number(struct archive_rows *rows, enum archive_column column,
					  struct str text);
/* FULL, NO_MEMORY, RANGE (a DEC or BIG that its DECIMAL does not hold): the row is not there.
 * A column that must be there and is not is the caller's fault and CHECKed. */
MUST_CHECK enum status archive_rows_end(struct archive_rows *rows);
void archive_rows_cancel(struct archive_rows *rows);
/* A copy of another set's row. */
MUST_CHECK enum status archive_rows_copy(struct archive_rows *rows, const struct archive_row *row);

/* Walks: NULL begins, NULL at the end. */
const struct archive_row *archive_rows_next(const struct archive_rows *rows,
					    const struct archive_row *row);

/* Of a row; column must be of its table. */
bool archive_cell_there(const struct archive_row *row, enum archive_column column);
int64_t archive_cell_int(const struct archive_row *row, enum archive_column column, int64_t absent);
double archive_cell_real(const struct archive_row *row, enum archive_column column);
struct str archive_cell_text(const struct archive_row *row, enum archive_column column);
i128 archive_cell_big(const struct archive_row *row, enum archive_column column); /* BIG, NUM */
/* As text, for people and text formats; a NULL prints nothing. */
void archive_cell_print(struct buf *out, const struct archive_row *row, enum archive_column column);
/* 202611 of its table's time column: a batch holds rows of one. Times before 1970 are in its
 * first month, those after 9999 in the last. */
uint32_t archive_row_month(const struct archive_row *row);
int64_t archive_row_time(const struct archive_row *row); /* that column, µs */
uint32_t archive_month(int64_t us);
/* What the row is, whatever set it lies in: of its cells, not of how they lie in memory. */
uint64_t archive_row_hash(const struct archive_row *row);
