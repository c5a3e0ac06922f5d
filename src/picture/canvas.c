#include "picture/canvas.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "picture/png.h"

enum { TEXT_MAX = PICTURE_TEXT, SIZE_LEAST = 11 };

struct canvas {
	cairo_surface_t *surface;
	cairo_t *cairo;
	enum picture_theme theme;
	const char *family;
	bool is_plain; /* cairo's own letters: ASCII alone */
};

/* 0xAARRGGBB, dark and light. */
static const uint32_t colours[COLOUR_COUNT][2] = {
	[COLOUR_BACK] = { 0xFF0E131B, 0xFFFFFFFF },
	[COLOUR_PANEL] = { 0xFF151C27, 0xFFF6F8FA },
	[COLOUR_SHADE] = { 0xFF2E2A22, 0xFFF7E9C8 },
	[COLOUR_GRID] = { 0xFF263142, 0xFFDDE3EA },
	[COLOUR_ZERO] = { 0xFF56657B, 0xFF98A4B3 },
	[COLOUR_TEXT] = { 0xFFE3EAF2, 0xFF16202C },
	[COLOUR_MUTED] = { 0xFF9DABBD, 0xFF55616F },
	[COLOUR_UP] = { 0xFF2EBD85, 0xFF0B8F5A },
	[COLOUR_DOWN] = { 0xFFF6465D, 0xFFD1293D },
	[COLOUR_UP_SOFT] = { 0xFF23795B, 0xFF7CC4A6 },
	[COLOUR_DOWN_SOFT] = { 0xFF963444, 0xFFE69AA3 },
	[COLOUR_PRICE] = { 0xFFD5DDE8, 0xFF333F4D },
	[COLOUR_LINE] = { 0xFF4DA3FF, 0xFF1668C7 },
	[COLOUR_FILL] = { 0x304DA3FF, 0x281668C7 },
	[COLOUR_WARN] = { 0xFFFFB454, 0xFFA85A00 },
	[COLOUR_STAMP] = { 0x38FFB454, 0x38A85A00 },
	[COLOUR_ON_TAG] = { 0xFF0E131B, 0xFFFFFFFF },
};

uint32_t canvas_rgb(enum picture_theme theme, enum colour colour)
{
	uint32_t ground = colours[COLOUR_PANEL][theme], ink = colours[colour][theme], out = 0;
	for (int shift = 0; shift < 24; shift += 8) {
		uint32_t alpha = ink >> 24;
		uint32_t mixed =
		    (ink >> shift & 0xFF) * alpha + (ground >> shift & 0xFF) * (255 - alpha);
		out |= (mixed + 127) / 255 << shift;
	}
	return out;
}

static void set_colour(struct canvas *canvas, enum colour colour)
{
	uint32_t ink = colours[colour][canvas->theme];
	cairo_set_source_rgba(canvas->cairo, (ink >> 16 & 0xFF) / 255.0, (ink >> 8 & 0xFF) / 255.0,
			      (ink & 0xFF) / 255.0, (ink >> 24) / 255.0);
}

/* ---- life ---- */

/* The same letters whatever the desktop's settings are. */
static void fix_lettering(cairo_t *cairo)
{
	cairo_font_options_t *options = cairo_font_options_create();
	cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_ON);
	cairo_set_font_options(cairo, options);
	cairo_font_options_destroy(options);
}

static bool try_family(struct canvas *canvas, const char *family)
{
	cairo_text_extents_t extents;
	canvas->family = family;
	canvas->cairo = cairo_create(canvas->surface);
	cairo_set_antialias(canvas->cairo, CAIRO_ANTIALIAS_GRAY);
	fix_lettering(canvas->cairo);
	cairo_select_font_face(canvas->cairo, family, CAIRO_FONT_SLANT_NORMAL,
			       CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(canvas->cairo, 16);
	cairo_text_extents(canvas->cairo, "0", &extents);
	canvas->is_plain = cairo_scaled_font_get_type(cairo_get_scaled_font(canvas->cairo)) ==
			   CAIRO_FONT_TYPE_USER;
	if (cairo_status(canvas->cairo) == CAIRO_STATUS_SUCCESS)
		return true;
	cairo_destroy(canvas->cairo);
	canvas->cairo = NULL;
	return false;
}

enum status canvas_open(uint32_t width, uint32_t height, enum picture_theme theme,
			struct canvas **out)
{
	struct canvas *canvas = malloc(sizeof *canvas);
	if (!canvas)
		return STATUS_NO_MEMORY;
	*canvas = (struct canvas){ .theme = theme };
	canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
	/* "@cairo:" is cairo's own font, for a system that has none. */
	if (cairo_surface_status(canvas->surface) != CAIRO_STATUS_SUCCESS ||
	    (!try_family(canvas, "DejaVu Sans") && !try_family(canvas, "@cairo:"))) {
		canvas_close(canvas);
		return STATUS_NO_MEMORY;
	}
	set_colour(canvas, COLOUR_BACK);
	cairo_paint(canvas->cairo);
	*out = canvas;
	return STATUS_OK;
}

void canvas_close(struct canvas *canvas)
{
	if (!canvas)
		return;
	if (canvas->cairo)
		cairo_destroy(canvas->cairo);
	cairo_surface_destroy(canvas->surface);
	free(canvas);
}

/* ---- shapes ---- */

void canvas_fill(struct canvas *canvas, struct box box, enum colour colour)
{
	double left = round(box.x), top = round(box.y);
	double right = round(box.x + box.width), bottom = round(box.y + box.height);
	set_colour(canvas, colour);
	cairo_rectangle(canvas->cairo, left, top, fmax(right - left, 1), fmax(bottom - top, 1));
	cairo_fill(canvas->cairo);
}

void canvas_across(struct canvas *canvas, double x, double y, double width, enum colour colour,
		   bool dashed)
{
	double end = x + width;
	if (!dashed) {
		canvas_fill(canvas, (struct box){ x, floor(y), width, 1 }, colour);
		return;
	}
	for (; x < end; x += 8)
		canvas_fill(canvas, (struct box){ x, floor(y), fmin(4, end - x), 1 }, colour);
}

void canvas_upright(struct canvas *canvas, double x, double y, double height, enum colour colour)
{
	canvas_fill(canvas, (struct box){ floor(x), y, 1, height }, colour);
}

void canvas_curve(struct canvas *canvas, const double *x, const double *y, size_t n, double floor,
		  enum colour colour)
{
	cairo_t *cairo = canvas->cairo;
	for (size_t i = 0; i < n; i++)
		cairo_line_to(cairo, x[i], y[i]);
	if (floor >= 0) {
		cairo_path_t *path = cairo_copy_path(cairo);
		cairo_line_to(cairo, x[n - 1], floor);
		cairo_line_to(cairo, x[0], floor);
		cairo_close_path(cairo);
		set_colour(canvas, COLOUR_FILL);
		cairo_fill(cairo);
		cairo_append_path(cairo, path);
		cairo_path_destroy(path);
	}
	if (n == 1)
		cairo_line_to(cairo, x[0] + 0.01, y[0]);
	set_colour(canvas, colour);
	cairo_set_line_width(cairo, n == 1 ? 5 : 2.5);
	cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
	cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
	cairo_stroke(cairo);
}

/* ---- text ---- */

static double measure(struct canvas *canvas, double size, bool bold, const char *text)
{
	cairo_text_extents_t extents;
	cairo_select_font_face(canvas->cairo, canvas->family, CAIRO_FONT_SLANT_NORMAL,
			       bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(canvas->cairo, size);
	cairo_text_extents(canvas->cairo, text, &extents);
	return extents.x_advance;
}

/* The text as its letters can be drawn, into TEXT_MAX + 4 bytes. */
static size_t spell(const struct canvas *canvas, const char *text, char *out)
{
	struct str rest = str_of(text);
	size_t len = 0, n;
	CHECK(rest.len <= TEXT_MAX);
	for (; rest.len; rest = str_skip(rest, n)) {
		n = str_utf8_len(rest);
		if (n == 1 || (n && !canvas->is_plain))
			memcpy(out + len, rest.ptr, n);
		else
			out[len] = n ? '-' : '?';
		len += n && !canvas->is_plain ? n : 1;
		n += !n;
	}
	out[len] = 0;
	return len;
}

double canvas_text_width(struct canvas *canvas, const struct lettering *lettering, const char *text)
{
	char shown[TEXT_MAX + 4];
	spell(canvas, text, shown);
	return measure(canvas, lettering->size, lettering->bold, shown);
}

/* Cut behind a whole character, with "..." behind it, so that it is no wider than room. */
static double cut(struct canvas *canvas, double size, bool bold, double room, char *text,
		  size_t len)
{
	double width = measure(canvas, size, bold, text);
	while (width > room && len > 0) {
		do
			len--;
		while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80);
		memcpy(text + len, "...", 4);
		width = measure(canvas, size, bold, text);
	}
	return width;
}

void canvas_text(struct canvas *canvas, double x, double y, double room,
		 const struct lettering *lettering, const char *text)
{
	char shown[TEXT_MAX + 4];
	size_t len = spell(canvas, text, shown);
	double size = lettering->size;
	double width = measure(canvas, size, lettering->bold, shown);
	while (width > room && size > SIZE_LEAST) {
		size = fmax(fmin(size * room / width, size - 0.5), SIZE_LEAST);
		width = measure(canvas, size, lettering->bold, shown);
	}
	width = cut(canvas, size, lettering->bold, room, shown, len);
	if (lettering->anchor != ANCHOR_LEFT)
		x -= lettering->anchor == ANCHOR_RIGHT ? width : width / 2;
	set_colour(canvas, lettering->colour);
	cairo_move_to(canvas->cairo, round(x), round(y));
	cairo_show_text(canvas->cairo, shown);
	cairo_new_path(canvas->cairo);
}

/* ---- out ---- */

enum status canvas_png(struct canvas *canvas, struct buf *png)
{
	uint32_t keep[COLOUR_COUNT];
	if (cairo_status(canvas->cairo) != CAIRO_STATUS_SUCCESS)
		return STATUS_NO_MEMORY;
	cairo_surface_flush(canvas->surface);
	for (enum colour colour = 0; colour < COLOUR_COUNT; colour++)
		keep[colour] = canvas_rgb(canvas->theme, colour);
	const struct png_image image = {
		.pixels =
		    (const uint32_t *)(const void *)cairo_image_surface_get_data(canvas->surface),
		.width = (uint32_t)cairo_image_surface_get_width(canvas->surface),
		.height = (uint32_t)cairo_image_surface_get_height(canvas->surface),
		.stride = (uint32_t)cairo_image_surface_get_stride(canvas->surface) / 4,
	};
	CHECK(image.pixels);
	return png_write(&image, keep, COLOUR_COUNT, PICTURE_BYTES_MAX, png);
}
