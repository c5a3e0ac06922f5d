/* levels.h - one side of an order book: price → quantity.
 *
 * A hash table of fixed size, in no order: an update is one probe, and whoever asks
 * walks all of it (some microseconds, for a question a person asks). Prices are
 * integers at the scale of the side, which rises when a price needs it. A level of
 * quantity 0 is a removed one: it stays until the table is cleaned, so that an older
 * snapshot cannot bring it back. One thread. */
#pragma once

#include "base/str.h"

enum {
	LEVELS_ROOM = 4096,
	LEVELS_KEPT = 2048,
	LEVELS_PADDING = 16, /* readable bytes behind a text */
};

struct level {
	int64_t price; /* × 10^scale; 0: the place is free */
	double qty;    /* base units */
};

/* How the levels of a side are usually written; of levels.c. Prices are at the side's
 * scale; lane 0 is the price, lane 1 the quantity. */
struct levels_form {
	uint32_t price_len; /* characters */
	uint32_t points;    /* bytes that are points */
	int16_t by_pair[8], by_four[8], by_eight[8];
	double qty_unit;
};

/* Bounds are depths: the price for asks, minus the price for bids, so that deeper
 * in the book is always greater. */
struct levels {
	bool bids;
	int32_t scale;
	uint32_t used;      /* places that are not free */
	uint64_t dropped;   /* levels left out for want of room, or unreadable */
	double limit_price; /* 0: no limit as yet */
	int64_t limit;      /* the same as a depth: what lies deeper is not kept */
	int64_t whole;      /* nothing down to here was left out */
	struct levels_form form;
	struct level table[LEVELS_ROOM];
};

void levels_init(struct levels *levels, bool bids);
/* Empties it; down to how deep it will be whole, the next text says (a snapshot). */
void levels_clear(struct levels *levels);
/* Keeps nothing deeper than the price from now on. */
void levels_set_limit(struct levels *levels, double price);
/* Applies `["p","q"],["p","q"]…`, a text of exactly that shape. below: a level that
 * is there already stays as it is. Returns the deepest price of the text. */
double levels_apply(struct levels *levels, struct str text, bool below);
/* Nothing is known of what lies deeper than the price. */
void levels_set_whole(struct levels *levels, double price);
bool levels_whole(const struct levels *levels, double price);
/* Σ qty of from ≤ price ≤ to. */
double levels_sum(const struct levels *levels, double from, double to);
/* The price nearest to the mid, and what is there; 0 when there is none. */
double levels_best(const struct levels *levels, double *qty);
