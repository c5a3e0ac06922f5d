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
	ARCHIVE_TIME, /* int64, µs */
	ARCHIVE_NUM,  /* __int128, 10^-16, rounded; and the text in the column behind it */
};

enum { ARCHIVE_DEC_PLACES = 8, ARCHIVE_BIG_PLACES = 16 };

/* weir's own are 0 .. TABLE_COUNT - 1; the moved ones lie behind it. TABLE_COUNT itself is none. */
enum archive_table {
#define MOVED(id, key, time, meaning)
#define TABLE(id, key, time, days, meaning) TABLE_##id,
#include "def/archive.def"
	TABLE_COUNT,
#define MOVED(id, key, time, meaning) TABLE_moved_##id,
#define TABLE(id, key, time, days, meaning)
#include "def/archive.def"
	TABLE_END_OF_ALL
};

enum archive_set { ARCHIVE_OWN, ARCHIVE_MOVED };

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
/* TABLE_COUNT: none of weir's own is called so. */
enum archive_table archive_table_find(struct str name);
enum archive_table archive_set_find(enum archive_set set, struct str name); /* of that set */
/* for (table = archive_set_first(set); table < archive_set_end(set); table++) */
enum archive_table archive_set_first(enum archive_set set);
enum archive_table archive_set_end(enum archive_set set);
static inline bool archive_is_moved(enum archive_table table) { return table > TABLE_COUNT; }
/* Whether the column is of its table's key. */
bool archive_is_key(enum archive_column column);
