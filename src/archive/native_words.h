/* native_words.h - a WORD column with its dictionary: LowCardinality in ClickHouse's Native
 * format. For native.c. */
#pragma once

#include "archive/rows.h"

enum { NATIVE_VARINT_BYTES = 10 };

/* Returns what is behind it. */
static inline char *native_varint_at(char *at, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		*at++ = (char)(value | 0x80);
	*at++ = (char)value;
	return at;
}

static inline void native_varint(struct buf *out, uint64_t value)
{
	char *at = buf_reserve(out, NATIVE_VARINT_BYTES);
	if (at)
		out->len += (size_t)(native_varint_at(at, value) - at);
}

/* The values of a column, without its name and type. NO_MEMORY; what does not fit is the
 * buffer's overflow. */
MUST_CHECK enum status native_words_put(struct buf *out, const struct archive_row **rows,
					size_t count, enum archive_column column);
