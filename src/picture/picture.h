/* picture.h - a question's answer as a picture: price over CVD, delta, open interest and
 * funding, liquidations, equity (def/pictures.def; def/questions.def says which question
 * has which).
 *
 *   picture_take (loop thread, < 1 ms) → struct picture_facts → picture_draw (any thread)
 *
 * Facts are plain and of fixed size: exact integers at a scale, and texts. A picture is a
 * PNG of PICTURE_WIDTH × PICTURE_HEIGHT with a palette, of at most PICTURE_BYTES_MAX: up to
 * three panels over one time axis (UTC), round numbers at the right, the last value marked,
 * bars of which not every minute is known shaded, the answer's own line of time and
 * coverage below, SIMULATED across it where the data is. Drawn with cairo in DejaVu Sans, or
 * what stands in for it, at last cairo's own letters; the same facts give the same bytes on
 * the same libraries and fonts.
 *
 * Which market the price is of: the one of the most dollar volume of 24 h. CVD, delta and
 * volume are sums over the dollar markets, open interest over all perpetuals that tell it;
 * the panels say so.
 *
 * Core: no I/O but cairo's reading of fonts, no clock. */
#pragma once

#include "accounts/equity.h"
#include "ask/ask.h"
#include "def/pictures.h"

enum {
	PICTURE_WIDTH = 900,
	PICTURE_HEIGHT = 600,
	PICTURE_BYTES_MAX = 60 * 1024,
	PICTURE_SLOTS = 300, /* bars or points side by side */
	PICTURE_PANELS = 3,
	PICTURE_SERIES = 4, /* numbers of a slot */
	PICTURE_METERS = 4,
	PICTURE_TEXT = 192,
};

enum picture_theme { PICTURE_DARK, PICTURE_LIGHT };

enum picture_form {
	PICTURE_CANDLES, /* open, high, low, close */
	PICTURE_LINE,    /* one number */
	PICTURE_BARS,    /* one number, above or below zero, coloured by its sign */
	PICTURE_VOLUME,  /* one number from zero on, coloured by the sign of the second */
	PICTURE_SIDES,   /* two numbers from zero on: one upwards, one downwards */
	PICTURE_METER,   /* no time: a few values beside each other, with their names */
};

struct picture_meter {
	char label[64], text[64];
	i128 value; /* × 10^panel.scale */
	bool known;
};

struct picture_panel {
	enum picture_form form;
	uint32_t share;          /* of the height, against the others' */
	char name[PICTURE_TEXT]; /* above it, at the left */
	char note[64];           /* above it, at the right */
	char empty[64];          /* in its middle where no slot is known */
	int32_t scale;           /* of the values: × 10^scale, 0..36 */
	bool is_price;           /* figures as prices are written, not shortened */
	bool known[PICTURE_SLOTS];
	i128 value[PICTURE_SERIES][PICTURE_SLOTS];
	size_t meters;
	struct picture_meter meter[PICTURE_METERS];
};

/* About 60 KiB: on the heap, or static. Texts are UTF-8 and end with a zero. */
struct picture_facts {
	enum picture_kind kind;
	char title[PICTURE_TEXT];
	char warning[PICTURE_TEXT]; /* "" none */
	char footer[PICTURE_TEXT];
	bool simulated;
	int64_t from_ms, step_ms; /* start of the first slot; length of each */
	size_t slots;             /* 1..PICTURE_SLOTS */
	bool shaded[PICTURE_SLOTS];
	size_t panels;
	struct picture_panel panel[PICTURE_PANELS];
};

/* The picture that goes with a question; PICTURE_NONE: none does, or it is not understood. */
enum picture_kind picture_of_question(const struct ask_world *world, struct str question);
/* now_ms as in struct ask_request, of equity always the wall's. NOT_FOUND: there is no picture
 * for it, or nothing to draw (ask_answer has the sentence that says why). */
MUST_CHECK enum status picture_take(const struct ask_world *world, struct str question,
				    int64_t now_ms, struct picture_facts *facts);
/* Of samples, oldest first, of one account or ("") of all: the last one of each step counts.
 * NOT_FOUND: there is none. */
MUST_CHECK enum status picture_take_equity(const struct equity_sample *samples, size_t count,
					   struct str account, bool simulated, int64_t now_ms,
					   struct picture_facts *facts);
/* Appends the PNG: needs room for PICTURE_BYTES_MAX. NO_MEMORY; FULL: `png` is too small.
 * About 3 MiB while it draws. Any thread. */
MUST_CHECK enum status picture_draw(const struct picture_facts *facts, enum picture_theme theme,
				    struct buf *png);
/* "dark" or "light"; "" is dark. False: neither. */
bool picture_theme_of(struct str word, enum picture_theme *theme);
