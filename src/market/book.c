#include "market/book.h"

#include <stdlib.h>

#include "base/check.h"
#include "market/levels.h"

enum { SIDES = 2 };

/* A piece of depth text that waits: head and text follow each other in `pending`. */
struct piece {
	uint32_t len;
	uint8_t side; /* 0 bids, 1 asks */
	bool snapshot;
	bool below;       /* of an older snapshot: what is there stays */
	bool first, last; /* of the frame's text */
};

struct depth {
	struct levels sides[SIDES];
	double deepest; /* price of the snapshot that is being applied; 0: none */
	uint32_t pending_len;
	char pending[BOOK_PENDING_BYTES + LEVELS_PADDING];
};

struct book {
	struct book_top top;
	int64_t top_update;
	bool based;          /* a snapshot has been taken */
	int64_t last_update; /* of the newest depth taken */
	int64_t depth_ms;    /* its time; 0: none */
	struct depth *depth; /* from the first depth frame on */
	uint64_t dropped;    /* levels of frames that found no memory */
};

struct book *book_create(void) { return calloc(1, sizeof(struct book)); }

void book_destroy(struct book *book)
{
	if (!book)
		return;
	free(book->depth);
	free(book);
}

void book_take_top(struct book *book, const struct event_book *top, int64_t t_ms)
{
	if (top->update_id ? top->update_id < book->top_update : t_ms < book->top.t_ms)
		return;
	book->top_update = top->update_id;
	book->top = (struct book_top){ t_ms, top->bid, top->bid_qty, top->ask, top->ask_qty };
}

struct book_top book_top(const struct book *book) { return book->top; }

int64_t book_newest_ms(const struct book *book)
{
	return book->top.t_ms > book->depth_ms ? book->top.t_ms : book->depth_ms;
}

uint64_t book_dropped_levels(const struct book *book)
{
	uint64_t dropped = book->dropped;
	for (int side = 0; book->depth && side < SIDES; side++)
		dropped += book->depth->sides[side].dropped;
	return dropped;
}

/* ---- depth ---- */

static double middle(const struct book *book)
{
	const struct book_top *top = &book->top;
	double bid = decimal_to_double(top->bid.mantissa, top->bid.scale);
	double ask = decimal_to_double(top->ask.mantissa, top->ask.scale);
	double qty;
	if (bid <= 0 || ask <= 0) {
		bid = levels_best(&book->depth->sides[0], &qty);
		ask = levels_best(&book->depth->sides[1], &qty);
	}
	return bid > 0 && ask > 0 ? (bid + ask) / 2 : 0;
}

static double away(double mid, double bp) { return mid * (1 + bp / 10000); }

static void set_limits(struct book *book)
{
	double mid = middle(book);
	if (mid <= 0)
		return; /* all is kept until there is a mid, as far as there is room */
	levels_set_limit(&book->depth->sides[0], away(mid, -BOOK_BAND_BP));
	levels_set_limit(&book->depth->sides[1], away(mid, BOOK_BAND_BP));
}

static void apply_piece(struct depth *depth, const struct piece *piece, const char *text)
{
	struct levels *levels = &depth->sides[piece->side];
	if (piece->first)
		depth->deepest = 0;
	if (piece->first && piece->snapshot && !piece->below)
		levels_clear(levels);
	double deepest = levels_apply(levels, str_make(text, piece->len), piece->below);
	if (deepest > 0)
		depth->deepest = deepest;
	if (piece->last && piece->snapshot && depth->deepest > 0)
		levels_set_whole(levels, depth->deepest);
}

static void apply_pending(struct book *book)
{
	struct depth *depth = book->depth;
	if (depth->pending_len > 0)
		set_limits(book);
	for (uint32_t at = 0; at < depth->pending_len;) {
		struct piece piece;
		memcpy(&piece, depth->pending + at, sizeof piece);
		at += (uint32_t)sizeof piece;
		apply_piece(depth, &piece, depth->pending + at);
		at += piece.len;
	}
	depth->pending_len = 0;
}

/* How much of the text fits in `room` without cutting a level. */
static size_t cut_at_level(struct str text, size_t room)
{
	if (text.len <= room)
		return text.len;
	while (room > 0 && !(text.ptr[room] == ',' && text.ptr[room - 1] == ']'))
		room--;
	return room;
}

/* A text longer than the room goes in pieces. */
static void keep(struct book *book, struct str text, struct piece piece)
{
	struct depth *depth = book->depth;
	size_t most = BOOK_PENDING_BYTES - sizeof piece;
	piece.first = true;
	do {
		piece.len = (uint32_t)cut_at_level(text, most);
		piece.last = piece.len == text.len;
		if (piece.len == 0 && text.len > 0) {
			depth->sides[piece.side].dropped++; /* one level longer than all room */
			return;
		}
		if (depth->pending_len + sizeof piece + piece.len > BOOK_PENDING_BYTES)
			apply_pending(book);
		memcpy(depth->pending + depth->pending_len, &piece, sizeof piece);
		depth->pending_len += (uint32_t)sizeof piece;
		if (piece.len > 0)
			memcpy(depth->pending + depth->pending_len, text.ptr, piece.len);
		depth->pending_len += piece.len;
		text = str_skip(text, piece.len + 1);
		piece.first = false;
	} while (text.len > 0);
}

static bool has_depth(struct book *book)
{
	if (book->depth)
		return true;
	book->depth = calloc(1, sizeof *book->depth);
	if (!book->depth)
		return false;
	levels_init(&book->depth->sides[0], true);
	levels_init(&book->depth->sides[1], false);
	return true;
}

void book_take_depth(struct book *book, const struct event_depth *event, int64_t t_ms)
{
	bool below = event->snapshot && !book->based && event->last_update < book->last_update;
	if (!event->snapshot && event->last_update <= book->last_update && book->last_update)
		return;
	if (!has_depth(book)) {
		book->dropped += (uint64_t)event->n_bids + event->n_asks;
		return;
	}
	if (t_ms > book->depth_ms)
		book->depth_ms = t_ms;
	struct piece piece = { .snapshot = event->snapshot, .below = below };
	if (event->snapshot && !below)
		book->depth->pending_len = 0; /* nothing before it matters any more */
	if (!below)
		book->last_update = event->last_update;
	book->based |= event->snapshot;
	keep(book, event->bids, piece);
	piece.side = 1;
	keep(book, event->asks, piece);
}

struct book_depth book_depth(struct book *book)
{
	struct book_depth out = { 0 };
	if (!book->depth)
		return out;
	apply_pending(book);
	double mid = middle(book);
	if (mid <= 0)
		return out;
	const struct levels *bids = &book->depth->sides[0], *asks = &book->depth->sides[1];
	out.known = true;
	out.t_ms = book->depth_ms;
	out.bid = levels_best(bids, &out.bid_qty);
	out.ask = levels_best(asks, &out.ask_qty);
	out.bid_10bp = levels_sum(bids, away(mid, -10), mid);
	out.ask_10bp = levels_sum(asks, mid, away(mid, 10));
	out.bid_50bp = levels_sum(bids, away(mid, -50), mid);
	out.ask_50bp = levels_sum(asks, mid, away(mid, 50));
	out.at_least = !book->based || !levels_whole(bids, away(mid, -50)) ||
		       !levels_whole(asks, away(mid, 50));
	return out;
}
