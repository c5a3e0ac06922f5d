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

static const struct archive_table_row tables[TABLE_END_OF_ALL] = {
#define MOVED(id, key, time, meaning)       ROW(moved_##id, #id, key, time, 0, meaning)
#define TABLE(id, key, time, days, meaning) ROW(id, #id, key, time, days, meaning)
#define ROW(id, name, key, time, days, meaning)                                                    \
	[TABLE_##id] = { name,                                                                     \
			 key,                                                                      \
			 meaning,                                                                  \
			 COLUMN_FIRST_##id,                                                        \
			 COLUMN_END_##id - COLUMN_FIRST_##id,                                      \
			 COLUMN_##id##_##time,                                                     \
			 days },
#include "def/archive.def"
#undef ROW
};

const struct archive_table_row *archive_table_row(enum archive_table table)
{
	return &tables[table];
}

const struct archive_column_row *archive_column_row(enum archive_column column)
{
	return &columns[column];
}

enum archive_table archive_set_first(enum archive_set set)
{
	return set == ARCHIVE_MOVED ? (enum archive_table)(TABLE_COUNT + 1) : (enum archive_table)0;
}

enum archive_table archive_set_end(enum archive_set set)
{
	return set == ARCHIVE_MOVED ? TABLE_END_OF_ALL : TABLE_COUNT;
}

enum archive_table archive_set_find(enum archive_set set, struct str name)
{
	for (unsigned i = archive_set_first(set); i < archive_set_end(set); i++)
		if (str_eq(name, str_of(tables[i].name)))
			return (enum archive_table)i;
	return TABLE_COUNT;
}

enum archive_table archive_table_find(struct str name)
{
	return archive_set_find(ARCHIVE_OWN, name);
}

bool archive_is_key(enum archive_column column)
{
	struct str rest = str_of(tables[columns[column].table].key), word;
	while (str_split(&rest, ' ', &word))
		if (str_eq(word, str_of(columns[column].name)))
			return true;
	return false;
}
