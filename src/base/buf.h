/* buf.h - a byte buffer for building output, with sticky failure.
 *
 * Two kinds: fixed (caller's storage, never grows) and growing (heap, up to a
 * stated limit). An append that does not fit sets `overflow`, drops the bytes
 * and every later append; check once at the end. Not shared between threads. */
#pragma once

#include <stdarg.h>

#include "base/str.h"

struct buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t limit;  /* growing: the most it may become; 0 for fixed */
	bool overflow; /* sticky: something did not fit */
};

/* Fixed, over caller's storage. */
static inline struct buf buf_over(void *storage, size_t size)
{
	return (struct buf){ .ptr = storage, .cap = size };
}
void buf_init(struct buf *buf, size_t limit); /* growing; allocates on first use */
void buf_deinit(struct buf *buf);             /* frees a growing one; NULL-safe */
static inline void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
}
static inline struct str buf_str(const struct buf *buf) { return str_make(buf->ptr, buf->len); }

/* Room for n more bytes at ptr + len, or NULL and overflow. */
char *buf_reserve(struct buf *buf, size_t n);
void buf_put(struct buf *buf, const void *bytes, size_t n);
static inline void buf_str_put(struct buf *buf, struct str s) { buf_put(buf, s.ptr, s.len); }
void buf_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_i64(struct buf *buf, int64_t value);
void buf_u64(struct buf *buf, uint64_t value);
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buf_json_str(struct buf *buf, struct str s);
/* Text with & < > " escaped for HTML. */
void buf_html(struct buf *buf, struct str s);
