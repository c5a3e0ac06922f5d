#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

void buf_init(struct buf *buf, size_t limit)
{
	CHECK(limit > 0);
	*buf = (struct buf){ .limit = limit };
}

void buf_deinit(struct buf *buf)
{
	if (!buf)
		return;
	if (buf->limit)
		free(buf->ptr);
	*buf = (struct buf){ 0 };
}

static bool grow(struct buf *buf, size_t need)
{
	if (!buf->limit || need > buf->limit)
		return false;
	size_t cap = buf->cap ? buf->cap : 256;
	while (cap < need)
		cap *= 2;
	if (cap > buf->limit)
		cap = buf->limit;
	char *ptr = realloc(buf->ptr, cap);
	if (!ptr)
		return false;
	buf->ptr = ptr;
	buf->cap = cap;
	return true;
}

char *buf_reserve(struct buf *buf, size_t n)
{
	if (buf->overflow)
		return NULL;
	if (n > buf->cap - buf->len) {
		if (n > SIZE_MAX - buf->len || !grow(buf, buf->len + n)) {
			buf->overflow = true;
			return NULL;
		}
	}
	return buf->ptr + buf->len;
}

void buf_put(struct buf *buf, const void *bytes, size_t n)
{
	char *at = n ? buf_reserve(buf, n) : NULL;
	if (!at)
		return;
	memcpy(at, bytes, n);
	buf->len += n;
}

void buf_char(struct buf *buf, char c) { buf_put(buf, &c, 1); }

void buf_printf(struct buf *buf, const char *format, ...)
{
	char small[256];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(small, sizeof small, format, args);
	va_end(args);
	if (n < 0) {
		buf->overflow = true;
		return;
	}
	if ((size_t)n < sizeof small) {
		buf_put(buf, small, (size_t)n);
		return;
	}
	char *at = buf_reserve(buf, (size_t)n + 1); /* vsnprintf wants its NUL */
	if (!at)
		return;
	va_start(args, format);
	vsnprintf(at, (size_t)n + 1, format, args);
	va_end(args);
	buf->len += (size_t)n;
}

void buf_u64(struct buf *buf, uint64_t value)
{
	char text[20];
	size_t at = sizeof text;
	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_put(buf, text + at, sizeof text - at);
}

void buf_i64(struct buf *buf, int64_t value)
{
	if (value < 0)
		buf_char(buf, '-');
	buf_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_json_str(struct buf *buf, struct str s)
{
	buf_char(buf, '"');
	while (s.len) {
		unsigned char c = (unsigned char)s.ptr[0];
		size_t n = str_utf8_len(s);
		if (c == '"' || c == '\\') {
			buf_char(buf, '\\');
			buf_char(buf, (char)c);
		} else if (c == '\n') {
			buf_put(buf, "\\n", 2);
		} else if (c == '\t') {
			buf_put(buf, "\\t", 2);
		} else if (c < 0x20) {
			buf_printf(buf, "\\u%04x", c);
		} else if (n) {
			buf_put(buf, s.ptr, n);
		} else {
			buf_put(buf, "\xEF\xBF\xBD", 3);
		}
		s = str_skip(s, n ? n : 1);
	}
	buf_char(buf, '"');
}

void buf_html(struct buf *buf, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		switch (s.ptr[i]) {
		case '&': buf_put(buf, "&amp;", 5); break;
		case '<': buf_put(buf, "&lt;", 4); break;
		case '>': buf_put(buf, "&gt;", 4); break;
		case '"': buf_put(buf, "&quot;", 6); break;
		default: buf_char(buf, s.ptr[i]);
		}
	}
}
