#include "fleet/positions.h"

#include <stdlib.h>

#include "base/check.h"

/* Sorted by ticket. */
struct set {
	struct position *rows;
	uint32_t count, room;
	uint64_t hash; /* XOR over the rows */
};

struct positions {
	struct set held;
	struct set next;          /* of the snapshot that is being collected */
	bool collecting, spoiled; /* spoiled: a row of it could not be taken */
	struct position gone;     /* the row that was told last as GONE */
};

struct positions *positions_create(void) { return calloc(1, sizeof(struct positions)); }

void positions_destroy(struct positions *positions)
{
	if (!positions)
		return;
	free(positions->held.rows);
	free(positions->next.rows);
	free(positions);
}

/* ---- sets ---- */

static uint64_t hash_of(const struct position *row)
{
	return mfp_position_hash(row->ticket, row->volume, row->sl, row->tp);
}

/* Where a ticket stands, or would. */
static uint32_t place_of(const struct set *set, uint64_t ticket)
{
	uint32_t low = 0, high = set->count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (set->rows[middle].ticket < ticket)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct position *find(const struct set *set, uint64_t ticket)
{
	uint32_t at = place_of(set, ticket);
	return at < set->count && set->rows[at].ticket == ticket ? &set->rows[at] : NULL;
}

static enum status grow(struct set *set)
{
	uint32_t room = set->room ? 2 * set->room : 8;
	if (set->count < set->room)
		return STATUS_OK;
	if (set->count >= POSITIONS_MAX)
		return STATUS_FULL;
	struct position *rows = realloc(set->rows, room * sizeof rows[0]);
	if (!rows)
		return STATUS_FULL;
	set->rows = rows;
	set->room = room;
	return STATUS_OK;
}

/* Replaces the one of its ticket, or comes in between. */
static enum status put(struct set *set, const struct position *row)
{
	uint32_t at = place_of(set, row->ticket);
	if (at < set->count && set->rows[at].ticket == row->ticket) {
		set->hash ^= hash_of(&set->rows[at]);
	} else {
		enum status status = grow(set);
		if (status)
			return status;
		memmove(set->rows + at + 1, set->rows + at,
			(set->count - at) * sizeof set->rows[0]);
		set->count++;
	}
	set->rows[at] = *row;
	set->hash ^= hash_of(row);
	return STATUS_OK;
}

static void take_out(struct set *set, const struct position *row)
{
	uint32_t at = (uint32_t)(row - set->rows);
	set->hash ^= hash_of(row);
	set->count--;
	memmove(set->rows + at, set->rows + at + 1, (set->count - at) * sizeof set->rows[0]);
}

static void clear(struct set *set)
{
	free(set->rows);
	*set = (struct set){ 0 };
}

/* ---- rows ---- */

static bool same_number(struct number a, struct number b)
{
	return a.mantissa == b.mantissa && a.digits == b.digits;
}

static bool same_trade(const struct position *a, const struct position *b)
{
	return a->id == b->id && a->magic == b->magic && a->side == b->side &&
	       a->server_ms == b->server_ms && strcmp(a->symbol, b->symbol) == 0 &&
	       same_number(a->volume, b->volume) && same_number(a->price_open, b->price_open) &&
	       same_number(a->sl, b->sl) && same_number(a->tp, b->tp) &&
	       same_number(a->swap, b->swap);
}

static bool same(const struct position *a, const struct position *b)
{
	return same_trade(a, b) && same_number(a->price_now, b->price_now) &&
	       same_number(a->profit, b->profit);
}

static void merge_number(struct number *number, const struct mfp_frame *frame, enum mfp_field field)
{
	if (mfp_has(frame, field))
		*number = mfp_number(frame, field);
}

/* What the frame says over what is known. INVALID: a symbol longer than any. */
static enum status merge(struct position *row, const struct mfp_frame *frame)
{
	char text[MFP_TEXT_MAX + 3];
	if (mfp_has(frame, MFP_position_sym) &&
	    str_copy(mfp_text(frame, MFP_position_sym, text), row->symbol, sizeof row->symbol))
		return STATUS_INVALID;
	if (mfp_has(frame, MFP_position_sd))
		row->side = (int8_t)mfp_word(frame, MFP_position_sd);
	row->ticket = (uint64_t)mfp_i64(frame, MFP_position_tk, 0);
	row->id = (uint64_t)mfp_i64(frame, MFP_position_id, (int64_t)row->id);
	row->magic = (uint64_t)mfp_i64(frame, MFP_position_mg, (int64_t)row->magic);
	row->server_ms = mfp_i64(frame, MFP_position_sv, row->server_ms);
	merge_number(&row->volume, frame, MFP_position_vol);
	merge_number(&row->price_open, frame, MFP_position_po);
	merge_number(&row->price_now, frame, MFP_position_pc);
	merge_number(&row->sl, frame, MFP_position_sl);
	merge_number(&row->tp, frame, MFP_position_tp);
	merge_number(&row->swap, frame, MFP_position_sw);
	merge_number(&row->profit, frame, MFP_position_pl);
	return STATUS_OK;
}

/* A whole position: without these nobody could say what it is. */
static enum status read_whole(struct position *row, const struct mfp_frame *frame)
{
	*row = (struct position){ 0 };
	if (!mfp_has(frame, MFP_position_sym) || !mfp_has(frame, MFP_position_sd) ||
	    !mfp_has(frame, MFP_position_vol))
		return STATUS_INVALID;
	return merge(row, frame);
}

/* ---- changes ---- */

enum { EV_NEW, EV_MOD, EV_DEL };

static enum status change_new(struct set *set, const struct mfp_frame *frame,
			      enum position_change *change)
{
	struct position row;
	enum status status = read_whole(&row, frame);
	if (status)
		return status;
	*change = find(set, row.ticket) ? POSITION_CHANGED : POSITION_NEW;
	return put(set, &row);
}

static enum status change_mod(struct set *set, const struct mfp_frame *frame,
			      enum position_change *change)
{
	struct position *held = find(set, (uint64_t)mfp_i64(frame, MFP_position_tk, 0));
	if (!held)
		return STATUS_NOT_FOUND;
	struct position row = *held;
	enum status status = merge(&row, frame);
	if (status)
		return status;
	*change = same_trade(held, &row) ? POSITION_QUIET : POSITION_CHANGED;
	if (*change == POSITION_QUIET)
		*held = row; /* nothing that is hashed */
	else
		status = put(set, &row);
	return status;
}

/* *gone: room for the row, whose place is taken by others. */
static enum status change_del(struct set *set, const struct mfp_frame *frame,
			      enum position_change *change, struct position *gone)
{
	struct position *held = find(set, (uint64_t)mfp_i64(frame, MFP_position_tk, 0));
	if (!held)
		return STATUS_NOT_FOUND;
	*gone = *held;
	take_out(set, held);
	*change = POSITION_GONE;
	return STATUS_OK;
}

static enum status change_set(struct set *set, const struct mfp_frame *frame,
			      enum position_change *change, struct position *gone)
{
	switch (mfp_word(frame, MFP_position_ev)) {
	case EV_NEW: return change_new(set, frame, change);
	case EV_MOD: return change_mod(set, frame, change);
	default: return change_del(set, frame, change, gone);
	}
}

static enum status collect(struct positions *positions, const struct mfp_frame *frame)
{
	struct position row;
	if (!positions->collecting)
		return STATUS_INVALID;
	enum status status = read_whole(&row, frame);
	if (!status)
		status = put(&positions->next, &row);
	positions->spoiled |= status != STATUS_OK;
	return status;
}

enum status positions_take(struct positions *positions, const struct mfp_frame *frame,
			   enum position_change *change, const struct position **position)
{
	struct position gone;
	enum position_change ignored;
	CHECK(frame->verb == MFP_VERB_position);
	*position = NULL;
	if (!mfp_has(frame, MFP_position_ev))
		return collect(positions, frame);
	/* Whether the snapshot had it yet or not, its count and hash decide. */
	if (positions->collecting)
		(void)!change_set(&positions->next, frame, &ignored, &gone);
	enum status status = change_set(&positions->held, frame, change, &positions->gone);
	if (status)
		return status;
	*position = *change == POSITION_GONE
			? &positions->gone
			: find(&positions->held, (uint64_t)mfp_i64(frame, MFP_position_tk, 0));
	return STATUS_OK;
}

/* ---- snapshots ---- */

typedef void (*difference_fn)(void *ctx, enum position_change change,
			      const struct position *position);

/* Both in order of their tickets. */
static void tell_differences(const struct set *old, const struct set *new, difference_fn fn,
			     void *ctx)
{
	uint32_t i = 0, j = 0;
	while (i < old->count || j < new->count) {
		const struct position *was = i < old->count ? &old->rows[i] : NULL;
		const struct position *is = j < new->count ? &new->rows[j] : NULL;
		if (was && (!is || was->ticket < is->ticket)) {
			fn(ctx, POSITION_GONE, was);
			i++;
		} else if (!was || is->ticket < was->ticket) {
			fn(ctx, POSITION_NEW, is);
			j++;
		} else {
			if (!same(was, is))
				fn(ctx, same_trade(was, is) ? POSITION_QUIET : POSITION_CHANGED,
				   is);
			i++;
			j++;
		}
	}
}

static void snapshot_begin(struct positions *positions)
{
	clear(&positions->next);
	positions->collecting = true;
	positions->spoiled = false;
}

static enum status snapshot_end(struct positions *positions, const struct mfp_frame *frame,
				difference_fn fn, void *ctx)
{
	struct set old = positions->held;
	bool good = positions->collecting && !positions->spoiled &&
		    mfp_i64(frame, MFP_snapshot_n, -1) == positions->next.count &&
		    mfp_hash(frame, MFP_snapshot_ph) == positions->next.hash;
	positions->collecting = false;
	if (!good) {
		clear(&positions->next);
		return STATUS_INVALID;
	}
	positions->held = positions->next;
	positions->next = (struct set){ 0 };
	if (fn)
		tell_differences(&old, &positions->held, fn, ctx);
	clear(&old);
	return STATUS_OK;
}

enum status positions_snapshot(struct positions *positions, const struct mfp_frame *frame,
			       void (*fn)(void *ctx, enum position_change change,
					  const struct position *position),
			       void *ctx)
{
	bool begins = mfp_i64(frame, MFP_snapshot_b, 0) == 1;
	bool ends = mfp_i64(frame, MFP_snapshot_e, 0) == 1;
	CHECK(frame->verb == MFP_VERB_snapshot);
	if (!begins && !ends)
		return STATUS_INVALID;
	if (begins)
		snapshot_begin(positions);
	return ends ? snapshot_end(positions, frame, fn, ctx) : STATUS_OK;
}

/* ---- looking ---- */

enum status positions_put(struct positions *positions, const struct position *position)
{
	return put(&positions->held, position);
}

uint32_t positions_count(const struct positions *positions) { return positions->held.count; }

const struct position *positions_at(const struct positions *positions, uint32_t index)
{
	CHECK(index < positions->held.count);
	return &positions->held.rows[index];
}

const struct position *positions_find(const struct positions *positions, uint64_t ticket)
{
	return find(&positions->held, ticket);
}

uint64_t positions_hash(const struct positions *positions) { return positions->held.hash; }
