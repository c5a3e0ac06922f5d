/* archive.h - the tables of the archive, from archive.def. Tables only. Any thread. */
#pragma once

#include "base/str.h"

enum archive_type {
	ARCHIVE_TEXT,
	ARCHIVE_WORD,
	ARCHIVE_INT,
	ARCHIVE_DEC,  /* int64, 10^-8 */
	ARCHIVE_BIG,  /* __int128, 10^-16 */
	ARCHIVE_REAL, /* double */
};

enum { ARCHIVE_DEC_PLACES = 8, ARCHIVE_BIG_PLACES = 16 };

enum archive_table {
#define TABLE(id, key, time, days, meaning) TABLE_##id,
#include "def/archive.def"
	TABLE_COUNT
};

/* Columns of all tables in one row of numbers: those of a table lie together, in order. */
enum archive_column {
#define TABLE(id, key, time, days, meaning)                                                        \
	COLUMN_FIRST_##id, COLUMN_BEFORE_##id = COLUMN_FIRST_##id - 1,
#define COLUMN(table, name, type, need, unit, meaning) COLUMN_##table##_##name,
#define TABLE_END(id)                                  COLUMN_END_##id, COLUMN_LAST_##id = COLUMN_END_##id - 1,
#include "def/archive.def"
	COLUMN_COUNT
};

struct archive_column_row {
	enum archive_table table;
	const char *name;
	enum archive_type type;
	bool optional;
	const char *unit, *meaning;
};

enum { ARCHIVE_COLUMNS_MAX = 32 }; /* of one table, without batch_id; checked by a test */

struct archive_table_row {
	const char *name;
	const char *key; /* columns, separated by blanks */
	const char *meaning;
	enum archive_column first; /* its columns: first .. first + columns - 1 */
	uint32_t columns;
	enum archive_column time;
	int64_t days;
};

const struct archive_table_row *archive_table_row(enum archive_table table);
const struct archive_column_row *archive_column_row(enum archive_column column);
/* TABLE_COUNT: none is called so. */
enum archive_table archive_table_find(struct str name);
/* Whether the column is of its table's key. */
bool archive_is_key(enum archive_column column);
