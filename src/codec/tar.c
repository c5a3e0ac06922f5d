#include "codec/tar.h"

#include <stdio.h>

/* Places in a header block. */
enum {
	NAME_AT = 0,
	MODE_AT = 100,
	UID_AT = 108,
	GID_AT = 116,
	SIZE_AT = 124,
	MTIME_AT = 136,
	SUM_AT = 148,
	TYPE_AT = 156,
	MAGIC_AT = 257,
	SIZE_DIGITS = 11,
	SUM_DIGITS = 6,
};

static unsigned sum_of(const uint8_t *block)
{
	unsigned sum = 0;
	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
		sum += i >= SUM_AT && i < SUM_AT + 8 ? ' ' : block[i];
	return sum;
}

static size_t padded(size_t bytes)
{
	return (bytes + TAR_BLOCK_BYTES - 1) / TAR_BLOCK_BYTES * TAR_BLOCK_BYTES;
}

static void put_zeros(struct buf *out, size_t count)
{
	static const char zeros[TAR_BLOCK_BYTES];
	while (count) {
		size_t n = count < sizeof zeros ? count : sizeof zeros;
		buf_put(out, zeros, n);
		count -= n;
	}
}

static void put_octal(uint8_t *at, int digits, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%0*llo", digits, (unsigned long long)value);
	memcpy(at, text, (size_t)digits);
}

enum status tar_put(struct buf *out, const char *name, int64_t mtime_s, struct str content)
{
	uint8_t block[TAR_BLOCK_BYTES] = { 0 };
	size_t name_len = strlen(name);
	if (!name_len || name_len > TAR_NAME_MAX || content.len >= 1ULL << 33 || mtime_s < 0)
		return STATUS_RANGE;
	memcpy(block + NAME_AT, name, name_len);
	put_octal(block + MODE_AT, 7, 0600);
	put_octal(block + UID_AT, 7, 0);
	put_octal(block + GID_AT, 7, 0);
	put_octal(block + SIZE_AT, SIZE_DIGITS, content.len);
	put_octal(block + MTIME_AT, SIZE_DIGITS, (uint64_t)mtime_s);
	block[TYPE_AT] = '0';
	memcpy(block + MAGIC_AT, "ustar\00000", 8);
	put_octal(block + SUM_AT, SUM_DIGITS, sum_of(block));
	block[SUM_AT + SUM_DIGITS + 1] = ' ';
	buf_put(out, block, sizeof block);
	buf_str_put(out, content);
	put_zeros(out, padded(content.len) - content.len);
	return STATUS_OK;
}

void tar_end(struct buf *out) { put_zeros(out, 2 * (size_t)TAR_BLOCK_BYTES); }

/* ---- read ---- */

/* Blanks, octal digits, then a blank or NUL; false when it is anything else. */
static bool read_octal(const uint8_t *at, size_t size, uint64_t *value)
{
	size_t i = 0;
	*value = 0;
	while (i < size && at[i] == ' ')
		i++;
	size_t from = i;
	for (; i < size && at[i] >= '0' && at[i] <= '7'; i++)
		*value = *value << 3 | (uint64_t)(at[i] - '0');
	return i > from && (i == size || at[i] == ' ' || !at[i]);
}

static bool is_empty(const uint8_t *block)
{
	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
		if (block[i])
			return false;
	return true;
}

static enum status take_entry(struct tar *tar, bool *is_file)
{
	const uint8_t *block = (const uint8_t *)tar->rest.ptr;
	uint64_t sum, size;
	if (!read_octal(block + SUM_AT, 8, &sum) || sum != sum_of(block))
		return STATUS_CHECKSUM;
	if (!read_octal(block + SIZE_AT, SIZE_DIGITS + 1, &size))
		return STATUS_FORMAT;
	if (size > tar->rest.len - TAR_BLOCK_BYTES)
		return STATUS_TRUNCATED;
	size_t name_len = strnlen((const char *)block + NAME_AT, TAR_NAME_MAX);
	memcpy(tar->name, block + NAME_AT, name_len);
	tar->name[name_len] = 0;
	tar->content = str_make(tar->rest.ptr + TAR_BLOCK_BYTES, (size_t)size);
	tar->rest = str_skip(tar->rest, TAR_BLOCK_BYTES + padded((size_t)size));
	*is_file = block[TYPE_AT] == '0' || !block[TYPE_AT];
	return STATUS_OK;
}

enum status tar_next(struct tar *tar)
{
	for (bool is_file = false;;) {
		if (tar->rest.len < TAR_BLOCK_BYTES)
			return tar->rest.len ? STATUS_TRUNCATED : STATUS_NOT_FOUND;
		if (is_empty((const uint8_t *)tar->rest.ptr))
			return STATUS_NOT_FOUND;
		enum status status = take_entry(tar, &is_file);
		if (status || is_file)
			return status;
	}
}
