/* native.h - rows as one block of ClickHouse's Native format.
 *
 *   varint columns, varint rows, then each column: name, type (both with a varint length
 *   before them), its values one behind the other
 *     Int64, UInt64, Float64       8 bytes, little-endian
 *     Decimal(18, 8)               8; Decimal(38, 16): 16
 *     String                       varint length, bytes
 *     Nullable(T)                  a byte for each row (1: NULL), then T's values
 *     LowCardinality(String)       u64 1, u64 0x600 | width, u64 n and n texts, u64 rows and
 *                                  an index for each, 1, 2 or 4 bytes; of Nullable the text 0
 *                                  stands for NULL
 *
 * One block is what makes an insert all or nothing: a body that was cut is refused, wherever
 * it was cut but before its first byte. As the server writes and reads it: 18.16 and later.
 * The columns are those of def/archive.def in their order and then batch_id, UInt64, the
 * same in each row. Any thread. */
#pragma once

#include "archive/rows.h"

/* A row's time must lie in a month that the server knows: from 1970 to the end of 2105; but for
 * moved tables, which have no months. */
enum { NATIVE_MONTH_FIRST = 197001, NATIVE_MONTH_LAST = 210512 };

/* "Nullable(Decimal(18, 8))", as system.columns spells it. dictionary: LowCardinality, of
 * WORD columns only. */
void native_type_put(struct buf *out, enum archive_column column, bool dictionary);

/* Appends the block of those rows whose index is from..to-1; all are of one table.
 * dictionary: by column, or NULL for none. INVALID: *bad is the first row whose time is
 * outside; nothing was appended. FULL: the block does not fit into the buffer's limit.
 * NO_MEMORY. */
MUST_CHECK enum status native_encode(const struct archive_rows *rows, size_t from, size_t to,
				     int64_t batch_id, const bool dictionary[COLUMN_COUNT],
				     struct buf *out, size_t *bad);
