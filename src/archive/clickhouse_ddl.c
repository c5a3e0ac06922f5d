#include "archive/clickhouse_ddl.h"

#include <ctype.h>

#include "archive/native.h"

int clickhouse_major(struct str version)
{
	int major = 0;
	for (size_t i = 0; i < version.len && i < 4; i++) {
		if (!isdigit((unsigned char)version.ptr[i]))
			return version.ptr[i] == '.' ? major : 0;
		major = major * 10 + (version.ptr[i] - '0');
	}
	return 0;
}

static void put_quoted(struct buf *out, char quote, struct str text)
{
	buf_char(out, quote);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == quote || text.ptr[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, text.ptr[i]);
	}
	buf_char(out, quote);
}

void clickhouse_name_put(struct buf *out, struct str name) { put_quoted(out, '`', name); }
void clickhouse_literal_put(struct buf *out, struct str text) { put_quoted(out, '\'', text); }

void clickhouse_table_put(struct buf *out, struct str database, enum archive_table table)
{
	clickhouse_name_put(out, database);
	buf_char(out, '.');
	clickhouse_name_put(out, str_of(archive_table_row(table)->name));
}

void clickhouse_create_database(struct buf *out, struct str database)
{
	buf_str_put(out, STR("CREATE DATABASE IF NOT EXISTS "));
	clickhouse_name_put(out, database);
}

/* What compresses each kind of value best: whole numbers rise slowly, or hardly change. */
static const char *codec(enum archive_type type)
{
	switch (type) {
	case ARCHIVE_INT:
	case ARCHIVE_TIME: return " CODEC(Delta(8), ZSTD(1))";
	case ARCHIVE_REAL: return " CODEC(Gorilla, ZSTD(1))";
	default: return " CODEC(ZSTD(1))";
	}
}

static void put_column(struct buf *out, enum archive_column column, int major)
{
	const struct archive_column_row *row = archive_column_row(column);
	clickhouse_name_put(out, str_of(row->name));
	buf_char(out, ' ');
	native_type_put(out, column, major >= CLICKHOUSE_NEW);
	if (major >= CLICKHOUSE_NEW)
		buf_str_put(out, str_of(codec(row->type)));
}

static void put_seconds(struct buf *out, enum archive_table table)
{
	buf_str_put(out, STR("toDateTime(intDiv("));
	buf_str_put(out, str_of(archive_column_row(archive_table_row(table)->time)->name));
	buf_str_put(out, STR(", 1000000), 'UTC')"));
}

void clickhouse_partition_put(struct buf *out, enum archive_table table)
{
	buf_str_put(out, STR("toYYYYMM("));
	put_seconds(out, table);
	buf_char(out, ')');
}

void clickhouse_key_put(struct buf *out, enum archive_table table)
{
	struct str rest = str_of(archive_table_row(table)->key), word;
	for (bool first = true; str_split(&rest, ' ', &word); first = false) {
		if (!first)
			buf_str_put(out, STR(", "));
		clickhouse_name_put(out, word);
	}
}

static void put_keeping(struct buf *out, enum archive_table table, int major)
{
	int64_t days = archive_table_row(table)->days;
	if (days) {
		buf_str_put(out, STR(" TTL "));
		put_seconds(out, table);
		buf_printf(out, " + INTERVAL %lld DAY", (long long)days);
	}
	buf_str_put(out, STR(" SETTINGS ttl_only_drop_parts = 1"));
	if (major >= CLICKHOUSE_TOKENS)
		buf_str_put(out, STR(", non_replicated_deduplication_window = 1000"));
}

void clickhouse_create_table(struct buf *out, struct str database, enum archive_table table,
			     int major)
{
	const struct archive_table_row *row = archive_table_row(table);
	bool is_timed = !archive_column_row(row->time)->optional;
	buf_str_put(out, STR("CREATE TABLE IF NOT EXISTS "));
	clickhouse_table_put(out, database, table);
	buf_str_put(out, STR(" ("));
	for (uint32_t i = 0; i < row->columns; i++) {
		put_column(out, row->first + i, major);
		buf_str_put(out, STR(", "));
	}
	buf_str_put(out, STR("`batch_id` UInt64"));
	if (major >= CLICKHOUSE_NEW && is_timed) {
		buf_str_put(out,
			    STR(", `time` DateTime64(6, 'UTC') ALIAS fromUnixTimestamp64Micro("));
		clickhouse_name_put(out, str_of(archive_column_row(row->time)->name));
		buf_str_put(out, STR(", 'UTC')"));
	}
	buf_str_put(out, STR(") ENGINE = ReplacingMergeTree(`batch_id`)"));
	if (!archive_is_moved(table)) {
		buf_str_put(out, STR(" PARTITION BY "));
		clickhouse_partition_put(out, table);
	}
	buf_str_put(out, STR(" ORDER BY ("));
	clickhouse_key_put(out, table);
	buf_char(out, ')');
	if (major >= CLICKHOUSE_NEW)
		put_keeping(out, table, major);
}

void clickhouse_add_column(struct buf *out, struct str database, enum archive_column column,
			   int major)
{
	const struct archive_column_row *row = archive_column_row(column);
	buf_str_put(out, STR("ALTER TABLE "));
	clickhouse_table_put(out, database, row->table);
	buf_str_put(out, STR(" ADD COLUMN "));
	put_column(out, column, major);
	if (column > archive_table_row(row->table)->first) {
		buf_str_put(out, STR(" AFTER "));
		clickhouse_name_put(out, str_of(archive_column_row(column - 1)->name));
	}
}

void clickhouse_insert(struct buf *out, struct str database, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	buf_str_put(out, STR("INSERT INTO "));
	clickhouse_table_put(out, database, table);
	buf_str_put(out, STR(" ("));
	for (uint32_t i = 0; i < row->columns; i++) {
		clickhouse_name_put(out, str_of(archive_column_row(row->first + i)->name));
		buf_char(out, ',');
	}
	buf_str_put(out, STR("`batch_id`) FORMAT Native"));
}

uint32_t clickhouse_month_gone(enum archive_table table, int64_t now_us)
{
	int64_t days = archive_table_row(table)->days;
	if (days == 0)
		return 0;
	uint32_t month = archive_month(now_us - days * 86400000000);
	return month % 100 == 1 ? month - 89 : month - 1;
}
