#include <stdlib.h>

#include "base/check.h"
#include "codec/crc64.h"
#include "codec/rdb_impl.h"

/* The mark of an encoding in a length's first byte, and its kinds. */
enum { MARK = 3, MARK_INT8 = 0, MARK_INT16 = 1, MARK_INT32 = 2, MARK_LZF = 3 };

enum status rdb_fail(struct rdb *rdb, enum status status, const char *why)
{
	if (!rdb->why)
		rdb->why = why;
	return status;
}

/* ---- the window ---- */

uint64_t rdb_crc(struct rdb *rdb)
{
	rdb->crc = crc64(rdb->crc, rdb->window + rdb->summed, rdb->pos - rdb->summed);
	rdb->summed = rdb->pos;
	return rdb->crc;
}

static void move_down(struct rdb *rdb)
{
	size_t left = rdb_ready(rdb);
	rdb_crc(rdb);
	memmove(rdb->window, rdb->window + rdb->pos, left);
	rdb->base += rdb->pos;
	rdb->pos = rdb->summed = 0;
	rdb->end = left;
}

static enum status fill_to(struct rdb *rdb, size_t n)
{
	move_down(rdb);
	size_t want = n > RDB_CHUNK ? n : RDB_CHUNK;
	while (rdb->end < n) {
		size_t got = 0;
		enum status status =
		    rdb->fill(rdb->fill_ctx, (char *)rdb->window + rdb->end, want - rdb->end, &got);
		if (status)
			return rdb_fail(rdb, status, "the file cannot be read");
		if (!got)
			return rdb_fail(rdb, STATUS_TRUNCATED, "the file ends here");
		rdb->end += got;
	}
	return STATUS_OK;
}

enum status rdb_need(struct rdb *rdb, size_t n)
{
	CHECK(n <= RDB_WINDOW);
	return __builtin_expect(rdb_ready(rdb) >= n, 1) ? STATUS_OK : fill_to(rdb, n);
}

enum status rdb_byte(struct rdb *rdb, uint8_t *out)
{
	enum status status = rdb_need(rdb, 1);
	if (!status)
		*out = rdb->window[rdb->pos++];
	return status;
}

enum status rdb_u64(struct rdb *rdb, uint64_t *out)
{
	enum status status = rdb_need(rdb, 8);
	if (status)
		return status;
	memcpy(out, rdb_at(rdb), 8);
	rdb->pos += 8;
	return STATUS_OK;
}

enum status rdb_u32(struct rdb *rdb, uint32_t *out)
{
	enum status status = rdb_need(rdb, 4);
	if (status)
		return status;
	memcpy(out, rdb_at(rdb), 4);
	rdb->pos += 4;
	return STATUS_OK;
}

enum status rdb_double(struct rdb *rdb, double *out)
{
	uint64_t bits;
	enum status status = rdb_u64(rdb, &bits);
	if (!status)
		memcpy(out, &bits, sizeof *out);
	return status;
}

enum status rdb_skip(struct rdb *rdb, uint64_t n)
{
	while (n) {
		enum status status = rdb_need(rdb, 1);
		if (status)
			return status;
		size_t step = rdb_ready(rdb) < n ? rdb_ready(rdb) : (size_t)n;
		rdb->pos += step;
		n -= step;
	}
	return STATUS_OK;
}

/* ---- lengths ---- */

static uint64_t big_endian(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;
	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

static enum status wide_length(struct rdb *rdb, size_t bytes, uint64_t *out)
{
	enum status status = rdb_need(rdb, bytes);
	if (status)
		return status;
	*out = big_endian(rdb_at(rdb), bytes);
	rdb->pos += bytes;
	return STATUS_OK;
}

/* *mark: *out is the kind of an encoding. */
static enum status length_or_mark(struct rdb *rdb, uint64_t *out, bool *mark)
{
	uint8_t first, second;
	enum status status = rdb_byte(rdb, &first);
	if (status)
		return status;
	*mark = first >> 6 == MARK;
	*out = first & 63;
	if (first >> 6 == 0 || *mark)
		return STATUS_OK;
	if (first == 0x80 || first == 0x81)
		return wide_length(rdb, first == 0x80 ? 4 : 8, out);
	if (first >> 6 != 1)
		return rdb_fail(rdb, STATUS_FORMAT, "a length of an unknown form");
	status = rdb_byte(rdb, &second);
	*out = *out << 8 | (status ? 0 : second);
	return status;
}

enum status rdb_length(struct rdb *rdb, uint64_t *out)
{
	bool mark;
	enum status status = length_or_mark(rdb, out, &mark);
	if (status || !mark)
		return status;
	return rdb_fail(rdb, STATUS_FORMAT, "an encoded string stands where a length should");
}

/* ---- strings ---- */

static enum status open_number(struct rdb *rdb, unsigned kind, struct rdb_string *string)
{
	size_t bytes = (size_t)1 << kind;
	enum status status = rdb_need(rdb, bytes);
	if (status)
		return status;
	const uint8_t *at = rdb_at(rdb);
	int64_t value;
	if (kind == MARK_INT8)
		value = (int8_t)at[0];
	else if (kind == MARK_INT16)
		value = (int16_t)(at[0] | at[1] << 8);
	else
		value = (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
				  (uint32_t)at[3] << 24);
	rdb->pos += bytes;
	string->is_number = true;
	string->len = rdb_number_text(rdb->number, value);
	return STATUS_OK;
}

static enum status open_packed(struct rdb *rdb, struct rdb_string *string)
{
	enum status status = rdb_length(rdb, &string->left);
	if (!status)
		status = rdb_length(rdb, &string->len);
	if (status)
		return status;
	string->packed = true;
	if (!string->left || !string->len || string->len / LZF_RATIO_MAX > string->left)
		return rdb_fail(rdb, STATUS_FORMAT, "a packed string of impossible lengths");
	return STATUS_OK;
}

enum status rdb_string_open(struct rdb *rdb, struct rdb_string *string)
{
	bool mark;
	uint64_t length;
	*string = (struct rdb_string){ 0 };
	enum status status = length_or_mark(rdb, &length, &mark);
	if (status)
		return status;
	if (!mark) {
		string->len = string->left = length;
		return STATUS_OK;
	}
	if (length <= MARK_INT32)
		return open_number(rdb, (unsigned)length, string);
	if (length == MARK_LZF)
		return open_packed(rdb, string);
	return rdb_fail(rdb, STATUS_FORMAT, "a string of an unknown encoding");
}

/* Long strings come in full windows, so that a first piece is never shorter than what is kept
 * of a text. */
static enum status next_plain(struct rdb *rdb, struct rdb_string *string, struct str *piece)
{
	size_t n = string->left < RDB_PIECE_MAX ? (size_t)string->left : RDB_PIECE_MAX;
	enum status status = rdb_need(rdb, n);
	if (status)
		return status;
	*piece = str_make((const char *)rdb_at(rdb), n);
	rdb->pos += n;
	string->left -= n;
	return STATUS_OK;
}

/* The end of the last piece moves to the front: copies reach back to it. */
static size_t keep_history(struct rdb *rdb, struct rdb_string *string)
{
	if (string->unpacked <= LZF_HISTORY)
		return string->unpacked;
	memmove(rdb->plain, rdb->plain + string->unpacked - LZF_HISTORY, LZF_HISTORY);
	return LZF_HISTORY;
}

/* Unpacks until its room is full or the input used up: a turn that took nothing needs room. */
static enum status unpack(struct rdb *rdb, struct rdb_string *string, struct lzf *lzf)
{
	for (size_t used = 1; string->left && used;) {
		size_t part = string->left < RDB_CHUNK ? (size_t)string->left : RDB_CHUNK;
		enum status status = rdb_need(rdb, part);
		if (status)
			return status;
		lzf->in = rdb_at(rdb);
		lzf->in_size = part;
		if (lzf_unpack(lzf, part == string->left))
			return rdb_fail(rdb, STATUS_FORMAT, "a packed string is damaged");
		used = part - lzf->in_size;
		rdb->pos += used;
		string->left -= used;
	}
	return STATUS_OK;
}

static enum status next_packed(struct rdb *rdb, struct rdb_string *string, struct str *piece)
{
	size_t history = keep_history(rdb, string);
	uint64_t rest = string->len - string->done;
	size_t room = rest < RDB_WINDOW - history ? (size_t)rest : RDB_WINDOW - history;
	struct lzf lzf = { .out = rdb->plain, .out_len = history, .out_size = history + room };
	enum status status = unpack(rdb, string, &lzf);
	if (status)
		return status;
	string->unpacked = lzf.out_len;
	*piece = str_make(rdb->plain + history, lzf.out_len - history);
	bool ended = string->done + piece->len == string->len;
	if (!piece->len || ended != !string->left)
		return rdb_fail(rdb, STATUS_FORMAT, "a packed string is not as long as it says");
	return STATUS_OK;
}

enum status rdb_string_next(struct rdb *rdb, struct rdb_string *string, struct str *piece)
{
	enum status status = STATUS_OK;
	if (string->done == string->len)
		*piece = STR("");
	else if (string->is_number)
		*piece = str_make(rdb->number, (size_t)string->len);
	else if (string->packed)
		status = next_packed(rdb, string, piece);
	else
		status = next_plain(rdb, string, piece);
	if (!status)
		string->done += piece->len;
	return status;
}

enum status rdb_string_skip(struct rdb *rdb, struct rdb_string *string)
{
	string->done = string->len;
	return rdb_skip(rdb, string->left);
}

/* ---- whole texts ---- */

/* Room for n bytes in all; what is there stays. */
static enum status hold_room(struct rdb *rdb, struct rdb_hold *hold, size_t n)
{
	if (n <= hold->cap)
		return STATUS_OK;
	size_t cap = hold->cap ? hold->cap : 256;
	while (cap < n)
		cap *= 2;
	char *ptr = realloc(hold->ptr, cap);
	if (!ptr)
		return rdb_fail(rdb, STATUS_NO_MEMORY, "out of memory");
	hold->ptr = ptr;
	hold->cap = cap;
	return STATUS_OK;
}

static enum status hold_text(struct rdb *rdb, struct rdb_hold *hold, struct str *text)
{
	enum status status = hold_room(rdb, hold, text->len + 1);
	if (status)
		return status;
	if (text->len)
		memcpy(hold->ptr, text->ptr, text->len);
	text->ptr = hold->ptr;
	return STATUS_OK;
}

enum status rdb_text(struct rdb *rdb, struct rdb_hold *hold, struct rdb_text *out)
{
	struct rdb_string string;
	enum status status = rdb_string_open(rdb, &string);
	if (!status)
		status = rdb_string_next(rdb, &string, &out->head);
	if (status)
		return status;
	out->len = string.len;
	if (string.len > RDB_TEXT_MAX) {
		out->head.len = RDB_TEXT_MAX;
		rdb->counts.cut++;
		hold = hold ? hold : &rdb->blob;
	}
	if (hold)
		status = hold_text(rdb, hold, &out->head);
	return status ? status : rdb_string_skip(rdb, &string);
}

/* Longer than a piece: put together as its bytes come. */
static enum status gather(struct rdb *rdb, struct rdb_string *string, struct str *out)
{
	size_t len = 0;
	while (string->done < string->len) {
		struct str piece;
		enum status status = rdb_string_next(rdb, string, &piece);
		if (!status)
			status = hold_room(rdb, &rdb->blob, len + piece.len);
		if (status)
			return status;
		memcpy(rdb->blob.ptr + len, piece.ptr, piece.len);
		len += piece.len;
	}
	*out = str_make(rdb->blob.ptr, len);
	return STATUS_OK;
}

enum status rdb_blob(struct rdb *rdb, struct str *out, uint64_t *bytes, bool *unread)
{
	struct rdb_string string;
	*out = STR("");
	*bytes = 0;
	*unread = false;
	enum status status = rdb_string_open(rdb, &string);
	if (status)
		return status;
	*bytes = string.len;
	*unread = string.len > RDB_BLOB_MAX;
	if (*unread) {
		rdb->counts.unread++;
		return rdb_string_skip(rdb, &string);
	}
	if (string.len <= RDB_PIECE_MAX)
		return rdb_string_next(rdb, &string, out);
	return gather(rdb, &string, out);
}
