/* Sets into a sink: encode, send, read back, compare; one piece of one set at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/crash.h"
#include "migrate/move_impl.h"

static const int64_t second_ns = INT64_C(1000000000);

static void next_piece(struct move_lane *lane);
static void send_piece(struct move_lane *lane);
static void read_piece(struct move_lane *lane);

/* ---- sets and their keys ---- */

void move_set_free(struct move_set *set)
{
	for (size_t i = 0; i < set->n_keys; i++)
		free(set->keys[i].why);
	archive_rows_deinit(&set->rows);
	free(set->keys);
	free(set->names);
	free(set);
}

/* Keys with a row in from..to-1. The worse outcome stays. */
static void mark(struct move_set *set, size_t from, size_t to, enum move_outcome outcome,
		 const char *why)
{
	for (size_t i = 0; i < set->n_keys; i++) {
		struct move_held_key *key = &set->keys[i];
		if (key->to <= from || key->from >= to || key->outcome == MOVE_REFUSED)
			continue;
		free(key->why);
		key->outcome = outcome;
		key->why = strdup(why);
	}
}

static void tell(struct move_lane *lane)
{
	struct move_set *set = lane->flight;
	struct move *move = lane->move;
	lane->flight = NULL;
	for (size_t i = 0; i < set->n_keys; i++) {
		const struct move_held_key *key = &set->keys[i];
		const struct move_end end = { .token = key->token,
					      .outcome = key->outcome,
					      .rows = key->to - key->from,
					      .checksum = key->checksum,
					      .why = key->why ? key->why : "" };
		move->waiting--;
		move->config.on_key(move->config.ctx, &end);
	}
	move_set_free(set);
	move_lane_start(lane);
}

/* ---- pieces ---- */

static struct move_piece *piece(struct move_lane *lane)
{
	return &lane->pieces[lane->n_pieces - 1];
}

static const struct archive_row *row_at(const struct archive_rows *rows, size_t index)
{
	const struct archive_row *row = archive_rows_next(rows, NULL);
	while (index-- > 0)
		row = archive_rows_next(rows, row);
	return row;
}

static void piece_done(struct move_lane *lane)
{
	lane->n_pieces--;
	lane->trouble_ns = 0;
	lane->gave_up = false;
	next_piece(lane);
}

static void piece_ends(struct move_lane *lane, enum move_outcome outcome, const char *why)
{
	mark(lane->flight, piece(lane)->from, piece(lane)->to, outcome, why);
	piece_done(lane);
}

/* Some of its rows are the cause: halves, down to the row whose key it is. */
static void halve(struct move_lane *lane, const char *why)
{
	struct move_piece whole = *piece(lane);
	size_t middle = whole.from + (whole.to - whole.from) / 2;
	if (whole.to - whole.from == 1) {
		piece_ends(lane, MOVE_REFUSED, why);
		return;
	}
	CHECK(lane->n_pieces < MOVE_PIECES_MAX);
	lane->pieces[lane->n_pieces - 1] = (struct move_piece){ middle, whole.to };
	lane->pieces[lane->n_pieces++] = (struct move_piece){ whole.from, middle };
	next_piece(lane);
}

static int64_t new_batch_id(struct move *move)
{
	int64_t now_us = loop_wall_ns(move->loop) / 1000;
	move->batch_id = now_us > move->batch_id ? now_us : move->batch_id + 1;
	return move->batch_id;
}

static void next_piece(struct move_lane *lane)
{
	size_t bad = 0;
	if (lane->n_pieces == 0) {
		tell(lane);
		return;
	}
	const struct move_piece at = *piece(lane);
	const struct move_set *set = lane->flight;
	lane->batch_id = new_batch_id(lane->move);
	lane->sends = 0;
	lane->sent = false;
	buf_clear(&lane->body);
	if (at.to - at.from > lane->sink->ops->rows_max) {
		halve(lane, "");
		return;
	}
	enum status status = lane->sink->ops->encode(lane->sink, &set->rows, at.from, at.to,
						     lane->batch_id, &lane->body, &bad);
	if (status == STATUS_OK)
		send_piece(lane);
	else if (status == STATUS_NO_MEMORY)
		piece_ends(lane, MOVE_FAILED, "out of memory");
	else
		halve(lane, status == STATUS_FULL ? "larger than the sink takes"
						  : "a row that this sink cannot hold");
}

/* ---- trouble ---- */

static void later(struct move_lane *lane, const char *why);

static void on_open(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct move_lane *lane = ctx;
	lane->opened = outcome == SINK_DONE;
	if (outcome)
		later(lane, why);
	else
		send_piece(lane);
}

static void try_again(void *ctx)
{
	struct move_lane *lane = ctx;
	if (lane->flight)
		lane->sink->ops->open(lane->sink, on_open, lane);
}

/* The body was made for the tables as they were: it is made anew once they were looked at. */
static void later(struct move_lane *lane, const char *why)
{
	struct move *move = lane->move;
	int64_t now_ns = loop_now_ns(move->loop);
	snprintf(lane->why, sizeof lane->why, "%s", why);
	if (!lane->trouble_ns)
		lane->trouble_ns = now_ns;
	if (move->config.on_trouble)
		move->config.on_trouble(move->config.ctx, lane->id, lane->why);
	if (!lane->gave_up && now_ns - lane->trouble_ns < move->config.patience_ns) {
		loop_timer_after(move->loop, &lane->later, second_ns / 2);
		return;
	}
	/* All that waits of the set: it would only wait as long again. */
	while (lane->n_pieces) {
		mark(lane->flight, piece(lane)->from, piece(lane)->to, MOVE_FAILED, lane->why);
		lane->n_pieces--;
	}
	lane->trouble_ns = 0;
	lane->gave_up = true;
	tell(lane);
}

/* ---- sending ---- */

static void on_sent(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct move_lane *lane = ctx;
	switch (outcome) {
	case SINK_DONE:
		crash_point(CRASH_move_sent);
		read_piece(lane);
		break;
	case SINK_POISON: halve(lane, why); break;
	case SINK_UNKNOWN:
		lane->sent = true;
		later(lane, why);
		break;
	case SINK_AWAY:
	case SINK_HELD: later(lane, why); break;
	}
}

static void put_piece(struct move_lane *lane)
{
	const struct move_piece at = *piece(lane);
	const struct sink_batch batch = { .table = lane->flight->table,
					  .month = archive_row_month(
					      row_at(&lane->flight->rows, at.from)),
					  .batch_id = lane->batch_id,
					  .rows = (uint32_t)(at.to - at.from),
					  .body = buf_str(&lane->body) };
	lane->sends++;
	lane->sink->ops->send(lane->sink, &batch, on_sent, lane);
}

static void on_probed(void *ctx, enum sink_outcome outcome, uint64_t count, const char *why)
{
	struct move_lane *lane = ctx;
	const struct move_piece *at = piece(lane);
	if (outcome)
		later(lane, why);
	else if (count == at->to - at->from)
		read_piece(lane);
	else
		put_piece(lane);
}

/* What was sent and is not known to be there is asked for first, where sending twice does harm; the
 * batch keeps its id, by which the server knows it, too, should it come late. */
static void send_piece(struct move_lane *lane)
{
	const struct sink_ops *ops = lane->sink->ops;
	size_t bad;
	const struct move_piece at = *piece(lane);
	if (!lane->opened) {
		ops->open(lane->sink, on_open, lane);
		return;
	}
	buf_clear(&lane->body);
	if (ops->encode(lane->sink, &lane->flight->rows, at.from, at.to, lane->batch_id,
			&lane->body, &bad)) {
		later(lane, "out of memory");
		return;
	}
	if (lane->sent && !ops->idempotent)
		ops->probe(lane->sink, lane->flight->table, lane->batch_id, on_probed, lane);
	else
		put_piece(lane);
}

/* ---- reading back ---- */

static uint64_t sum_of(const struct archive_rows *rows, size_t from, size_t to)
{
	uint64_t sum = 0;
	size_t index = 0;
	for (const struct archive_row *row = NULL; (row = archive_rows_next(rows, row)); index++)
		if (index >= from && index < to)
			sum += archive_row_hash(row);
	return sum;
}

static void not_as_sent(struct move_lane *lane)
{
	const struct move_piece at = *piece(lane);
	if (lane->sends < MOVE_SENDS_MAX)
		send_piece(lane);
	else if (at.to - at.from > 1)
		halve(lane, lane->why);
	else
		piece_ends(lane, MOVE_REFUSED, lane->why);
}

/* After the clock was turned back the sink's rows are newer by their ids than what is sent. */
static void on_newest(void *ctx, enum sink_outcome outcome, uint64_t newest, const char *why)
{
	struct move_lane *lane = ctx;
	struct move *move = lane->move;
	if (outcome == SINK_AWAY) {
		later(lane, why);
		return;
	}
	lane->asked[lane->flight->table] = true;
	if (!outcome && newest > (uint64_t)lane->batch_id && newest < MOVE_BATCH_MAX) {
		if ((int64_t)newest > move->batch_id)
			move->batch_id = (int64_t)newest;
		lane->batch_id = new_batch_id(move);
		lane->sent = false;
	}
	not_as_sent(lane);
}

static void on_read(void *ctx, enum sink_outcome outcome, const char *why)
{
	struct move_lane *lane = ctx;
	const struct move_piece at = *piece(lane);
	size_t wanted = at.to - at.from;
	if (outcome == SINK_AWAY) {
		later(lane, why);
		return;
	}
	bool same = !outcome && lane->back.count == wanted &&
		    sum_of(&lane->back, 0, wanted) == sum_of(&lane->flight->rows, at.from, at.to);
	if (same) {
		crash_point(CRASH_move_read);
		piece_done(lane);
		return;
	}
	snprintf(lane->why, sizeof lane->why, "read back %zu of %zu rows%s%s%s", lane->back.count,
		 wanted, lane->back.count == wanted ? ", not as they were sent" : "",
		 outcome ? ": " : "", outcome ? why : "");
	enum archive_table table = lane->flight->table;
	if (lane->sink->ops->newest && !lane->asked[table])
		lane->sink->ops->newest(lane->sink, table, on_newest, lane);
	else
		not_as_sent(lane);
}

static void read_piece(struct move_lane *lane)
{
	const struct move_piece at = *piece(lane);
	struct sink_read read = { .table = lane->flight->table,
				  .batch_id = lane->batch_id,
				  .rows_max = at.to - at.from + 1,
				  .rows = &lane->back,
				  .family = str_of(lane->flight->family),
				  .from_us = INT64_MAX,
				  .to_us = INT64_MIN };
	size_t index = 0;
	for (const struct archive_row *row = NULL;
	     (row = archive_rows_next(&lane->flight->rows, row)); index++) {
		int64_t us = archive_row_time(row);
		if (index < at.from || index >= at.to)
			continue;
		read.from_us = us < read.from_us ? us : read.from_us;
		read.to_us = us > read.to_us ? us : read.to_us;
	}
	archive_rows_clear(&lane->back);
	lane->sink->ops->read(lane->sink, &read, on_read, lane);
}

/* ---- the next set ---- */

static void begin(void *ctx)
{
	struct move_lane *lane = ctx;
	lane->later.fn = try_again;
	if (lane->flight)
		next_piece(lane);
}

/* Not from inside what ended the one before, nor from a key's call: at the next turn. */
void move_lane_start(struct move_lane *lane)
{
	if (lane->flight || !lane->queue)
		return;
	lane->flight = lane->queue;
	lane->queue = lane->queue->next;
	lane->pieces[0] = (struct move_piece){ 0, lane->flight->rows.count };
	lane->n_pieces = 1;
	lane->later.fn = begin;
	lane->later.ctx = lane;
	loop_timer_after(lane->move->loop, &lane->later, 0);
}
