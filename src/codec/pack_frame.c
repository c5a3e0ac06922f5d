#include "codec/pack_frame.h"

#include "base/check.h"
#include "base/crc32c.h"

enum { AT_VERSION = 2, AT_LENGTH = 3, AT_CRC = 5 };

static uint32_t frame_crc(const uint8_t *chunk, size_t len)
{
	return crc32c(crc32c(0, chunk, AT_CRC), chunk + PACK_FRAME_HEAD, len - PACK_FRAME_HEAD);
}

void pack_frame_seal(const struct pack_frame *frame, uint8_t *chunk, size_t len)
{
	CHECK(len >= PACK_FRAME_HEAD && len <= frame->bytes_max);
	memcpy(chunk, frame->magic, sizeof frame->magic);
	chunk[AT_VERSION] = frame->version;
	chunk[AT_LENGTH] = (uint8_t)len;
	chunk[AT_LENGTH + 1] = (uint8_t)(len >> 8);
	uint32_t crc = frame_crc(chunk, len);
	for (int i = 0; i < 4; i++)
		chunk[AT_CRC + i] = (uint8_t)(crc >> (8 * i));
}

/* The head's own claims: OK when the chunk may be read to *len. */
static enum status read_head(const struct pack_frame *frame, struct str bytes, size_t *len)
{
	const uint8_t *head = (const uint8_t *)bytes.ptr;
	size_t letters = bytes.len < sizeof frame->magic ? bytes.len : sizeof frame->magic;
	if (letters && memcmp(head, frame->magic, letters) != 0)
		return STATUS_FORMAT;
	if (bytes.len > AT_VERSION && head[AT_VERSION] != frame->version)
		return STATUS_VERSION;
	if (bytes.len < PACK_FRAME_HEAD)
		return STATUS_TRUNCATED;
	size_t claimed = head[AT_LENGTH] | (size_t)head[AT_LENGTH + 1] << 8;
	if (claimed < PACK_FRAME_HEAD || claimed > frame->bytes_max)
		return STATUS_FORMAT;
	if (bytes.len < claimed)
		return STATUS_TRUNCATED;
	*len = claimed;
	return STATUS_OK;
}

size_t pack_frame_len(const struct pack_frame *frame, struct str bytes)
{
	size_t len;
	return read_head(frame, bytes, &len) == STATUS_OK ? len : 0;
}

enum status pack_frame_open(const struct pack_frame *frame, struct str chunk, struct str *body)
{
	size_t len;
	enum status status = read_head(frame, chunk, &len);
	if (status != STATUS_OK)
		return status;
	if (len != chunk.len)
		return STATUS_FORMAT;
	const uint8_t *bytes = (const uint8_t *)chunk.ptr;
	uint32_t crc = 0;
	for (int i = 0; i < 4; i++)
		crc |= (uint32_t)bytes[AT_CRC + i] << (8 * i);
	if (crc != frame_crc(bytes, len))
		return STATUS_CHECKSUM;
	*body = str_skip(chunk, PACK_FRAME_HEAD);
	return STATUS_OK;
}

uint8_t *pack_put_varint(uint8_t *out, uint64_t value)
{
	for (; value > 127; value >>= 7)
		*out++ = (uint8_t)(value | 128);
	*out++ = (uint8_t)value;
	return out;
}

uint8_t *pack_put_signed(uint8_t *out, int64_t value)
{
	return pack_put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

uint8_t pack_read_byte(struct pack_reader *reader)
{
	if (reader->rest.len == 0) {
		reader->bad = true;
		return 0;
	}
	uint8_t byte = (uint8_t)reader->rest.ptr[0];
	reader->rest = str_skip(reader->rest, 1);
	return byte;
}

uint64_t pack_read_varint(struct pack_reader *reader)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = pack_read_byte(reader);
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return value;
	}
	reader->bad = true;
	return 0;
}

int64_t pack_read_signed(struct pack_reader *reader)
{
	uint64_t value = pack_read_varint(reader);
	return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

struct str pack_read_bytes(struct pack_reader *reader, size_t n)
{
	if (reader->rest.len < n) {
		reader->bad = true;
		return (struct str){ 0 };
	}
	struct str bytes = str_make(reader->rest.ptr, n);
	reader->rest = str_skip(reader->rest, n);
	return bytes;
}
