/* pack_frame.h - the head that every packed chunk begins with, and the small
 * integers inside.
 *
 *	0  2  magic, two letters
 *	2  1  format version
 *	3  2  length of the whole chunk in bytes, little endian
 *	5  4  CRC-32C of bytes 0..4 and 9..end, little endian
 *	9     body
 *
 * So chunks can be written one behind the other and walked. Varints are base 128,
 * low group first, at most 10 bytes; a signed number is zigzag (0 -1 1 -2 …).
 * No allocation, any thread. */
#pragma once

#include "base/str.h"

enum { PACK_FRAME_HEAD = 9, PACK_VARINT_MAX = 10 };

struct pack_frame {
	char magic[2];
	uint8_t version;
	uint32_t bytes_max; /* longest chunk of this kind, ≤ 65,535 */
};

/* Fills in the head of a chunk of len bytes whose body is in place. */
void pack_frame_seal(const struct pack_frame *frame, uint8_t *chunk, size_t len);
/* Length of the whole chunk that `bytes` begins with, by its head alone; 0 when
 * there is no whole one. */
size_t pack_frame_len(const struct pack_frame *frame, struct str bytes);
/* The body of exactly one chunk: TRUNCATED, FORMAT, VERSION or CHECKSUM. */
MUST_CHECK enum status pack_frame_open(const struct pack_frame *frame, struct str chunk,
				       struct str *body);

/* Writes at `out` (room for PACK_VARINT_MAX), returns the end. */
uint8_t *pack_put_varint(uint8_t *out, uint64_t value);
uint8_t *pack_put_signed(uint8_t *out, int64_t value);

/* Takes numbers off the front; after the end, or for a varint that is too long,
 * `bad` is set and zeros follow. */
struct pack_reader {
	struct str rest;
	bool bad;
};
uint8_t pack_read_byte(struct pack_reader *reader);
uint64_t pack_read_varint(struct pack_reader *reader);
int64_t pack_read_signed(struct pack_reader *reader);
struct str pack_read_bytes(struct pack_reader *reader, size_t n);
