/* rdb_writer.h - writes dumps by hand, for versions that no server here writes. Strings are
 * plain; the checksum is right unless the caller damages it. Include after cmocka.h. */
#pragma once

#include "base/buf.h"
#include "codec/crc64.h"

enum { WRITER_BYTES_MAX = 16 << 20 };

static inline void w_byte(struct buf *out, int value) { buf_char(out, (char)value); }

static inline void w_low_first(struct buf *out, uint64_t value, int bytes)
{
	while (bytes--) {
		w_byte(out, (int)(value & 255));
		value >>= 8;
	}
}

static inline void w_big_endian(struct buf *out, uint64_t value, int bytes)
{
	while (bytes--)
		w_byte(out, (int)(value >> (8 * bytes) & 255));
}

/* In the shortest form there is. */
static inline void w_length(struct buf *out, uint64_t n)
{
	if (n < 64) {
		w_byte(out, (int)n);
	} else if (n < 16384) {
		w_big_endian(out, 0x4000 | n, 2);
	} else if (n <= UINT32_MAX) {
		w_byte(out, 0x80);
		w_big_endian(out, n, 4);
	} else {
		w_byte(out, 0x81);
		w_big_endian(out, n, 8);
	}
}

static inline void w_str(struct buf *out, struct str text)
{
	w_length(out, text.len);
	buf_str_put(out, text);
}

static inline void w_text(struct buf *out, const char *text) { w_str(out, str_of(text)); }

static inline void w_begin(struct buf *out, const char *magic)
{
	buf_init(out, WRITER_BYTES_MAX);
	buf_str_put(out, str_of(magic));
}

static inline void w_aux(struct buf *out, const char *name, const char *value)
{
	w_byte(out, 250);
	w_text(out, name);
	w_text(out, value);
}

static inline void w_db(struct buf *out, uint64_t db)
{
	w_byte(out, 254);
	w_length(out, db);
}

static inline void w_key(struct buf *out, int type, const char *name)
{
	w_byte(out, type);
	w_text(out, name);
}

static inline void w_end(struct buf *out)
{
	w_byte(out, 255);
	w_low_first(out, crc64(0, out->ptr, out->len), 8);
	assert_false(out->overflow);
}

/* ---- listpacks ---- */

static inline void w_entry(struct buf *lp, const void *bytes, size_t head, struct str text)
{
	size_t entry = head + text.len;
	buf_put(lp, bytes, head);
	buf_str_put(lp, text);
	size_t back = entry <= 127 ? 1 : entry < 16383 ? 2 : 3;
	for (size_t i = 0; i < back; i++)
		w_byte(lp, (int)((entry >> (7 * (back - 1 - i)) & 127) | (i ? 128 : 0)));
}

static inline void w_lp_text(struct buf *lp, const char *text)
{
	size_t len = strlen(text);
	unsigned char head[2] = { (unsigned char)(0x80 | len) };
	if (len < 64) {
		w_entry(lp, head, 1, str_of(text));
		return;
	}
	head[0] = (unsigned char)(0xe0 | len >> 8);
	head[1] = (unsigned char)len;
	w_entry(lp, head, 2, str_of(text));
}

/* As 64 bits, whatever it is. */
static inline void w_lp_number(struct buf *lp, int64_t value)
{
	struct buf head;
	char storage[9];
	head = buf_over(storage, sizeof storage);
	w_byte(&head, 0xf4);
	w_low_first(&head, (uint64_t)value, 8);
	w_entry(lp, storage, 9, STR(""));
}

/* As a string of the dump: head, entries, end. */
static inline void w_listpack(struct buf *out, const struct buf *entries, unsigned count)
{
	w_length(out, entries->len + 7);
	w_low_first(out, entries->len + 7, 4);
	w_low_first(out, count, 2);
	buf_put(out, entries->ptr, entries->len);
	w_byte(out, 255);
}
