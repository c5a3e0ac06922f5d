#include "picture/png.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/check.h"

enum { COLOURS = 256, SLOTS = 4096, CUT_MAX = 6, CHUNK = 16384, LEVEL = 6 };

/* Colours met, by their first appearance, found by open addressing. */
struct palette {
	uint32_t colour[COLOURS];
	size_t count;
	uint32_t key[SLOTS]; /* 0xFFRRGGBB; 0: free */
	uint8_t index[SLOTS];
	uint32_t mask; /* bits of a colour that count */
};

static size_t slot_of(const struct palette *palette, uint32_t key)
{
	size_t slot = (key * 2654435761u) >> 20;
	while (palette->key[slot] && palette->key[slot] != key)
		slot = (slot + 1) % SLOTS;
	return slot;
}

static bool add(struct palette *palette, size_t slot, uint32_t key, uint32_t colour)
{
	if (palette->count == COLOURS)
		return false;
	palette->key[slot] = key;
	palette->index[slot] = (uint8_t)palette->count;
	palette->colour[palette->count++] = colour;
	return true;
}

/* Keys of kept colours have another first byte than those of colours that were cut. */
static void palette_init(struct palette *palette, uint32_t cut, const uint32_t *keep, size_t n)
{
	uint32_t channel = 0xFFu << cut & 0xFFu;
	*palette = (struct palette){ .mask = channel << 16 | channel << 8 | channel };
	for (size_t i = 0; i < n; i++) {
		uint32_t key = 0xFF000000u | (keep[i] & 0xFFFFFFu);
		size_t slot = slot_of(palette, key);
		if (!palette->key[slot])
			CHECK(add(palette, slot, key, keep[i] & 0xFFFFFFu));
	}
}

static bool find(struct palette *palette, uint32_t pixel, uint8_t *index)
{
	uint32_t colour = pixel & 0xFFFFFFu;
	size_t slot = slot_of(palette, 0xFF000000u | colour);
	if (!palette->key[slot]) {
		uint32_t key = 0xFE000000u | (colour & palette->mask);
		slot = slot_of(palette, key);
		if (!palette->key[slot] && !add(palette, slot, key, colour))
			return false;
	}
	*index = palette->index[slot];
	return true;
}

/* Rows as they are packed: a filter byte (0: none), then the indices. */
static bool index_pixels(const struct png_image *image, struct palette *palette, uint8_t *rows)
{
	uint32_t last = 0;
	uint8_t index = 0;
	bool found = false;
	for (uint32_t y = 0; y < image->height; y++) {
		const uint32_t *row = image->pixels + (size_t)y * image->stride;
		*rows++ = 0;
		for (uint32_t x = 0; x < image->width; x++) {
			if (!found || row[x] != last) {
				if (!find(palette, row[x], &index))
					return false;
				last = row[x];
				found = true;
			}
			*rows++ = index;
		}
	}
	return true;
}

static void put_u32(struct buf *out, uint32_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16),
				  (uint8_t)(value >> 8), (uint8_t)value };
	buf_put(out, bytes, sizeof bytes);
}

static void put_chunk(struct buf *out, const char *type, const void *bytes, size_t n)
{
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)type, 4);
	if (n)
		crc = (uint32_t)crc32(crc, bytes, (uInt)n);
	put_u32(out, (uint32_t)n);
	buf_put(out, type, 4);
	if (n)
		buf_put(out, bytes, n);
	put_u32(out, crc);
}

static void put_header(struct buf *out, const struct png_image *image)
{
	char bytes[13];
	struct buf header = buf_over(bytes, sizeof bytes);
	static const uint8_t rest[] = { 8, 3, 0, 0, 0 }; /* bits, palette, deflate, plain, whole */
	put_u32(&header, image->width);
	put_u32(&header, image->height);
	buf_put(&header, rest, sizeof rest);
	buf_put(out, "\x89PNG\r\n\x1a\n", 8);
	put_chunk(out, "IHDR", bytes, sizeof bytes);
}

static void put_palette(struct buf *out, const struct palette *palette)
{
	uint8_t bytes[COLOURS * 3];
	for (size_t i = 0; i < palette->count; i++) {
		bytes[3 * i] = (uint8_t)(palette->colour[i] >> 16);
		bytes[3 * i + 1] = (uint8_t)(palette->colour[i] >> 8);
		bytes[3 * i + 2] = (uint8_t)palette->colour[i];
	}
	put_chunk(out, "PLTE", bytes, palette->count * 3);
}

static enum status put_rows(struct buf *out, uint8_t *rows, size_t n)
{
	uint8_t packed[CHUNK];
	z_stream stream = { .next_in = rows, .avail_in = (uInt)n };
	int result;
	if (deflateInit(&stream, LEVEL) != Z_OK)
		return STATUS_NO_MEMORY;
	do {
		stream.next_out = packed;
		stream.avail_out = sizeof packed;
		result = deflate(&stream, Z_FINISH);
		put_chunk(out, "IDAT", packed, sizeof packed - stream.avail_out);
	} while (result == Z_OK && !out->overflow);
	deflateEnd(&stream);
	return result == Z_STREAM_END ? STATUS_OK : STATUS_FULL;
}

static enum status write_once(const struct png_image *image, const struct palette *palette,
			      uint8_t *rows, size_t limit, struct buf *out)
{
	size_t begin = out->len;
	put_header(out, image);
	put_palette(out, palette);
	enum status status =
	    put_rows(out, rows, ((size_t)image->width + 1) * (size_t)image->height);
	put_chunk(out, "IEND", NULL, 0);
	if (status == STATUS_OK && !out->overflow && out->len - begin > limit) {
		out->len = begin;
		return STATUS_FULL;
	}
	return out->overflow ? STATUS_FULL : status;
}

enum status png_write(const struct png_image *image, const uint32_t *keep, size_t n_keep,
		      size_t limit, struct buf *out)
{
	struct palette *palette = malloc(sizeof *palette);
	uint8_t *rows = malloc(((size_t)image->width + 1) * (size_t)image->height);
	enum status status = palette && rows ? STATUS_FULL : STATUS_NO_MEMORY;
	CHECK(n_keep <= PNG_KEEP_MAX);
	for (uint32_t cut = 0; status == STATUS_FULL && cut <= CUT_MAX && !out->overflow; cut++) {
		palette_init(palette, cut, keep, n_keep);
		if (index_pixels(image, palette, rows))
			status = write_once(image, palette, rows, limit, out);
	}
	free(palette);
	free(rows);
	return status;
}
