/* clickhouse_ddl.h - the archive's tables as ClickHouse's SQL, by its version. Text only.
 *
 *   before 21   String, Int64, Decimal, Nullable; the months that are too old are dropped
 *               (clickhouse.h)
 *   from 21     LowCardinality for WORD, codecs, TTL, and `time`, an alias of the table's
 *               time as a DateTime64; from 22 the server remembers tokens of inserts
 *
 * Both: ReplacingMergeTree(batch_id) by the table's key, a partition for each month of UTC,
 * whatever the server's own time zone is: a batch is one month, and only what becomes one
 * part is all or nothing. A moved table is one partition: a row whose time changed replaces itself.
 * Names are quoted. Any thread. */
#pragma once

#include "archive/rows.h"

enum { CLICKHOUSE_NEW = 21, CLICKHOUSE_TOKENS = 22 };

/* 18 of "18.16.1"; 0: that is none. */
int clickhouse_major(struct str version);

void clickhouse_name_put(struct buf *out, struct str name);    /* `name` */
void clickhouse_literal_put(struct buf *out, struct str text); /* 'text' */
void clickhouse_table_put(struct buf *out, struct str database, enum archive_table table);
void clickhouse_create_database(struct buf *out, struct str database);
void clickhouse_create_table(struct buf *out, struct str database, enum archive_table table,
			     int major);
/* ALTER TABLE … ADD COLUMN, after the one before it in def/archive.def. */
void clickhouse_add_column(struct buf *out, struct str database, enum archive_column column,
			   int major);
/* INSERT INTO … (columns) FORMAT Native */
void clickhouse_insert(struct buf *out, struct str database, enum archive_table table);
/* The partition key as system.tables spells it. */
void clickhouse_partition_put(struct buf *out, enum archive_table table);
/* The columns of the key: `a`, `b` */
void clickhouse_key_put(struct buf *out, enum archive_table table);

/* The newest month that is wholly older than the table's days: 202411; 0: none. */
uint32_t clickhouse_month_gone(enum archive_table table, int64_t now_us);
