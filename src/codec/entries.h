/* entries.h - entries of trade_results and trade_signals: a field for each value, or packed.
 *
 * A packed entry has the one field `p`; its bytes are exactly one chunk of at least one row.
 * The first byte is the codec:
 *
 *	1  columns: the rows by the column packer's code (packer.h), their words by
 *	   dictionaries of the chunk, their texts behind one another, raw
 *	2  the same, the texts by LZ4
 *	3  the same, the texts by zstd
 *
 * What is written is the shortest of them; the layout is told in docs/formats.md, to the bit
 * in entries_table.h and the headers that it names. A row is a value for each field of its
 * table (def/results.def, def/signals.def), in the table's order; a field that is absent has
 * ptr NULL. Every value comes back byte for byte: numbers that are written as weir writes them
 * cost what they say, any other spelling is a text.
 *
 * A chunk stands by itself, carries a CRC32C, and survives any bytes. No allocation after
 * create; one thread each. */
#pragma once

#include "base/buf.h"

enum entries_table { ENTRIES_RESULTS, ENTRIES_SIGNALS, ENTRIES_TABLES };

enum {
	ENTRIES_ROWS_MAX = 256,      /* of a chunk */
	ENTRIES_FIELDS_MAX = 32,     /* of a table */
	ENTRIES_CHUNK_BYTES = 15000, /* a chunk is never longer: it shares a stream's node */
	ENTRIES_VALUE_BYTES = 1024,  /* a longer value is not packed */
};

/* The names of a table's fields; *count of them. Static. */
const struct str *entries_fields(enum entries_table table, size_t *count);
/* The place of a field; *count of entries_fields when it is none. */
size_t entries_field_find(enum entries_table table, struct str name);

/* Scratch of one thread: 1.1 MB, of which a chunk of few rows touches some 100 KB. NULL: out
 * of memory. */
struct entries_packer;
struct entries_packer *entries_packer_create(void);
void entries_packer_destroy(struct entries_packer *packer);

/* values: rows × fields of the table. Appends one chunk to out. FULL: it needs more than one
 * chunk, or out, has room for: fewer rows may fit (a single row of values within
 * ENTRIES_VALUE_BYTES that does not is written as plain fields by the caller). INVALID: a value
 * is too long. Then out is as it was. NO_MEMORY: out could not grow, and says so. */
MUST_CHECK enum status entries_pack(struct entries_packer *packer, enum entries_table table,
				    const struct str *values, size_t rows, struct buf *out);

/* Rows of a chunk by its first 12 bytes, nothing else looked at. TRUNCATED, FORMAT, VERSION. */
MUST_CHECK enum status entries_count(enum entries_table table, struct str chunk, size_t *rows);

/* Scratch of one thread: one chunk's rows at a time, 0.6 MB. NULL: out of memory. */
struct entries_reader;
struct entries_reader *entries_reader_create(void);
void entries_reader_destroy(struct entries_reader *reader);
/* TRUNCATED, FORMAT, VERSION (a codec or version that is not known), CHECKSUM: no rows. */
MUST_CHECK enum status entries_read(struct entries_reader *reader, enum entries_table table,
				    struct str chunk, size_t *rows);
/* The row's values, one a field, until the next read; rows stand one behind the other. The
 * chunk itself is no longer needed. Only after OK. */
const struct str *entries_row(const struct entries_reader *reader, size_t row);
