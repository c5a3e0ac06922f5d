/* canvas.h - cairo, as the pictures use it: whole pixels for bars and lines of the grid,
 * smooth curves, text in one font, colours of a theme. The only file that knows cairo is
 * canvas.c. Internal to picture/.
 *
 * A canvas is its caller's alone; several may be drawn on at once, each on its thread. What
 * fails is remembered, and canvas_png says so. */
#pragma once

#include "picture/picture.h"

struct canvas;

enum colour {
	COLOUR_BACK,
	COLOUR_PANEL,
	COLOUR_SHADE, /* of what is partly known */
	COLOUR_GRID,
	COLOUR_ZERO, /* the line of zero */
	COLOUR_TEXT,
	COLOUR_MUTED,
	COLOUR_UP,
	COLOUR_DOWN,
	COLOUR_UP_SOFT,
	COLOUR_DOWN_SOFT,
	COLOUR_PRICE, /* a line of it */
	COLOUR_LINE,
	COLOUR_FILL, /* under a line; lets what is behind it through */
	COLOUR_WARN,
	COLOUR_STAMP, /* likewise */
	COLOUR_ON_TAG,
	COLOUR_COUNT
};

enum anchor { ANCHOR_LEFT, ANCHOR_MIDDLE, ANCHOR_RIGHT };

struct box {
	double x, y, width, height;
};

struct lettering {
	double size; /* pixels */
	bool bold;
	enum colour colour;
	enum anchor anchor;
};

MUST_CHECK enum status canvas_open(uint32_t width, uint32_t height, enum picture_theme theme,
				   struct canvas **out);
void canvas_close(struct canvas *canvas); /* NULL is fine */
/* The colour as it comes out on the panel's ground. */
uint32_t canvas_rgb(enum picture_theme theme, enum colour colour);

/* Sides are rounded to whole pixels; at least one pixel wide and high. */
void canvas_fill(struct canvas *canvas, struct box box, enum colour colour);
/* One pixel wide; dashed: 4 pixels on, 4 off. */
void canvas_across(struct canvas *canvas, double x, double y, double width, enum colour colour,
		   bool dashed);
void canvas_upright(struct canvas *canvas, double x, double y, double height, enum colour colour);
/* A smooth line of n ≥ 1 points; of one point a dot. With `floor` the area down to that
 * height is filled too; < 0: it is not. */
void canvas_curve(struct canvas *canvas, const double *x, const double *y, size_t n, double floor,
		  enum colour colour);
/* y is the line that letters stand on. Made smaller where it is wider than `room`, in the end
 * cut. Of at most PICTURE_TEXT bytes. */
void canvas_text(struct canvas *canvas, double x, double y, double room,
		 const struct lettering *lettering, const char *text);
double canvas_text_width(struct canvas *canvas, const struct lettering *lettering,
			 const char *text);
MUST_CHECK enum status canvas_png(struct canvas *canvas, struct buf *png);
