/* book.h - what is known of a market's order book: top of book and, where depth is
 * subscribed, the levels near it.
 *
 * Depth frames are kept as text and applied when a question asks or the room for
 * them is used up, so a busy feed mostly pays for copying. Levels farther than
 * BOOK_BAND_BP from the mid are not kept, nor more than BOOK_LEVELS a side (the
 * nearest stay). Once the mid has moved, or where no snapshot was the base, the sums
 * may lack levels: at_least says so. Fixed size: 1 KB, and 165 KB from the first
 * depth frame on. Quantities are doubles: they are only ever summed for people.
 *
 * Update ids: a diff no newer than the newest one is ignored. A snapshot replaces
 * all; one older than the diffs that came before it (Binance's REST snapshot) goes
 * in below them. One thread. */
#pragma once

#include "codec/event.h"

enum { BOOK_BAND_BP = 60, BOOK_LEVELS = 2048 /* a side */, BOOK_PENDING_BYTES = 32768 };

struct book;

struct book_top {
	int64_t t_ms; /* 0: nothing yet */
	struct decimal bid, bid_qty, ask, ask_qty;
};

struct book_depth {
	bool known;                /* a depth stream has been seen, and a mid is known */
	bool at_least;             /* levels may be missing from the sums */
	int64_t t_ms;              /* of the newest frame */
	double bid_10bp, ask_10bp; /* base units within 10 bp of the mid */
	double bid_50bp, ask_50bp;
	double bid, bid_qty, ask, ask_qty; /* the best levels; 0: none */
};

struct book *book_create(void); /* NULL: out of memory */
void book_destroy(struct book *book);
/* A top with an older update id, or an older time where there are no ids, is ignored. */
void book_take_top(struct book *book, const struct event_book *top, int64_t t_ms);
void book_take_depth(struct book *book, const struct event_depth *depth, int64_t t_ms);
struct book_top book_top(const struct book *book);
/* Of the newest frame, top or depth; 0: none yet. A venue may tell one of them only. */
int64_t book_newest_ms(const struct book *book);
/* Applies what is pending. The mid is that of the top, or of the best levels. */
struct book_depth book_depth(struct book *book);
/* Levels left out for want of room (not those out of the band). */
uint64_t book_dropped_levels(const struct book *book);
