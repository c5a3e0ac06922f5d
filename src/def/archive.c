#include "def/archive.h"

static const struct archive_column_row columns[COLUMN_COUNT] = {
#define NEED_ONE false
#define NEED_OPT true
#define COLUMN(table, name, type, need, unit, meaning)                                             \
	{ TABLE_##table, #name, ARCHIVE_##type, NEED_##need, unit, meaning },
#include "def/archive.def"
#undef NEED_ONE
#undef NEED_OPT
};

static const struct archive_table_row tables[TABLE_COUNT] = {
#define TABLE(id, key, time, days, meaning)                                                        \
	{ #id,                                                                                     \
	  key,                                                                                     \
	  meaning,                                                                                 \
	  COLUMN_FIRST_##id,                                                                       \
	  COLUMN_END_##id - COLUMN_FIRST_##id,                                                     \
	  COLUMN_##id##_##time,                                                                    \
	  days },
#include "def/archive.def"
};

const struct archive_table_row *archive_table_row(enum archive_table table)
{
	return &tables[table];
}

const struct archive_column_row *archive_column_row(enum archive_column column)
{
	return &columns[column];
}

enum archive_table archive_table_find(struct str name)
{
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		if (str_eq(name, str_of(tables[i].name)))
			return (enum archive_table)i;
	return TABLE_COUNT;
}

bool archive_is_key(enum archive_column column)
{
	struct str rest = str_of(tables[columns[column].table].key), word;
	while (str_split(&rest, ' ', &word))
		if (str_eq(word, str_of(columns[column].name)))
			return true;
	return false;
}
