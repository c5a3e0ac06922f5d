/* picture_pixels.h - a drawn picture, read back with cairo's own PNG reader. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cairo.h>
#include <stdlib.h>

#include "picture/canvas.h"
#include "picture/picture.h"
#include "test_ask_world.h"

struct pixels {
	int width, height;
	uint32_t *rgb; /* 0x00RRGGBB */
};

static inline cairo_status_t pixels_read(void *ctx, unsigned char *data, unsigned int length)
{
	struct str *rest = ctx;
	if (rest->len < length)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(data, rest->ptr, length);
	*rest = str_skip(*rest, length);
	return CAIRO_STATUS_SUCCESS;
}

static inline struct pixels pixels_of(struct str png)
{
	struct pixels out;
	cairo_surface_t *surface = cairo_image_surface_create_from_png_stream(pixels_read, &png);
	assert_int_equal(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
	assert_int_equal(png.len, 0);
	out.width = cairo_image_surface_get_width(surface);
	out.height = cairo_image_surface_get_height(surface);
	out.rgb = malloc((size_t)(out.width * out.height) * sizeof *out.rgb);
	assert_non_null(out.rgb);
	const unsigned char *data = cairo_image_surface_get_data(surface);
	for (int y = 0; y < out.height; y++, data += cairo_image_surface_get_stride(surface))
		for (int x = 0; x < out.width; x++) {
			uint32_t pixel;
			memcpy(&pixel, data + 4 * x, 4);
			out.rgb[y * out.width + x] = pixel & 0xFFFFFFu;
		}
	cairo_surface_destroy(surface);
	return out;
}

static inline void pixels_free(struct pixels *pixels) { free(pixels->rgb); }

static inline int pixels_apart(uint32_t a, uint32_t b)
{
	int most = 0;
	for (int shift = 0; shift < 24; shift += 8) {
		int d = abs((int)(a >> shift & 0xFF) - (int)(b >> shift & 0xFF));
		most = d > most ? d : most;
	}
	return most;
}

/* How many pixels are of that colour, mixed colours rounded one way or the other. */
static inline int pixels_count(const struct pixels *pixels, uint32_t rgb)
{
	int count = 0;
	for (int i = 0; i < pixels->width * pixels->height; i++)
		count += pixels_apart(pixels->rgb[i], rgb) <= 2;
	return count;
}

/* Draws and checks what is true of every picture. */
static inline struct pixels draw(const struct picture_facts *facts, enum picture_theme theme)
{
	struct buf png;
	buf_init(&png, PICTURE_BYTES_MAX);
	assert_int_equal(picture_draw(facts, theme, &png), STATUS_OK);
	assert_false(png.overflow);
	struct pixels pixels = pixels_of(buf_str(&png));
	buf_deinit(&png);
	assert_int_equal(pixels.width, PICTURE_WIDTH);
	assert_int_equal(pixels.height, PICTURE_HEIGHT);
	uint32_t back = canvas_rgb(theme, COLOUR_BACK), panel = canvas_rgb(theme, COLOUR_PANEL);
	assert_int_equal(pixels.rgb[2 * PICTURE_WIDTH + 2], back);
	assert_true(pixels_count(&pixels, back) > 50000);
	assert_true(pixels_count(&pixels, panel) > 20000);
	assert_true(pixels_count(&pixels, canvas_rgb(theme, COLOUR_GRID)) > 300);
	return pixels;
}

static inline int count_of(const struct picture_facts *facts, enum picture_theme theme,
			   enum colour colour)
{
	struct pixels pixels = draw(facts, theme);
	int count = pixels_count(&pixels, canvas_rgb(theme, colour));
	pixels_free(&pixels);
	return count;
}

/* Samples of equity that go up and down: the same on every machine. */
enum { EQUITY_COUNT = 400 };
static inline void equity_fill(struct equity_sample *out)
{
	struct rng rng;
	int64_t usd = INT64_C(12345678901234);
	rng_init(&rng, 7);
	for (int i = 0; i < EQUITY_COUNT; i++) {
		usd += (int64_t)rng_below(&rng, 20000000000) - 9700000000;
		out[i] = (struct equity_sample){ WORLD_START_MS + i * INT64_C(600000), usd };
	}
}
