/* png.h - pixels as a PNG with a palette of at most 256 colours (PNG specification, ISO/IEC
 * 15948: colour type 3, 8 bits a pixel, no filter). Internal to picture/.
 *
 * Where there are more colours, those nearest to each other become one, the colours asked
 * for with `keep` never. Any thread. */
#pragma once

#include "base/buf.h"

struct png_image {
	const uint32_t *pixels; /* 0x__RRGGBB */
	uint32_t width, height;
	uint32_t stride; /* pixels from row to row */
};

enum { PNG_KEEP_MAX = 64 };

/* Appends at most `limit` bytes: with ever fewer colours until they suffice. FULL: they do
 * not, or `out` is too small. NO_MEMORY. */
MUST_CHECK enum status png_write(const struct png_image *image, const uint32_t *keep, size_t n_keep,
				 size_t limit, struct buf *out);
