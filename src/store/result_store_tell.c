/* What is durable, and what is recorded: who is told, and how far each terminal is. */
#include "store/result_store_impl.h"

static void tell_durable(struct result_store *store, uint32_t slot)
{
	const struct result_store_mark *mark = &store->terminals[slot].mark;
	store->hooks.on_durable(store->hooks.ctx, slot, mark->epoch_ms, mark->up);
}

bool result_record_is_of(const struct result_store *store, const struct record *record)
{
	return record->slot != FLEET_NONE && store->terminals[record->slot].life == record->life;
}

bool result_walk_touch(struct result_store *store, uint32_t slot)
{
	if (store->terminals[slot].touched == store->stamp)
		return false;
	store->terminals[slot].touched = store->stamp;
	store->touched[store->touched_count++] = slot;
	return true;
}

void result_walk_begin(struct result_store *store)
{
	store->stamp++;
	store->touched_count = 0;
}

void result_mark_advance(struct result_store_mark *mark, const struct record *record)
{
	if (mark->epoch_ms != record->epoch_ms || record->seq > mark->up)
		mark->up = record->seq;
	mark->epoch_ms = record->epoch_ms;
	result_mark_deal(mark, record->deal, record->deal_ms);
}

/* A terminal that began a new epoch within the batch is told of both. */
static void tell(struct result_store *store, const struct record *record)
{
	if (record->ended_hash)
		result_seen_add(&store->ended, record->ended_hash);
	if (result_record_is_of(store, record)) {
		struct result_store_mark *mark = &store->terminals[record->slot].mark;
		if (!result_walk_touch(store, record->slot) && mark->epoch_ms != record->epoch_ms)
			tell_durable(store, record->slot);
		result_mark_advance(mark, record);
	}
	if (record->tag)
		store->hooks.on_recorded(store->hooks.ctx, record->tag);
}

/* Some records from `at` on; where it ended. */
static size_t tell_some(struct result_store *store, size_t at, size_t to)
{
	result_walk_begin(store);
	for (uint32_t n = 0; at < to && n < BATCH_RECORDS; n++) {
		const struct record *record = result_record_at(&store->queue, at);
		at += record->bytes;
		tell(store, record);
	}
	for (uint32_t i = 0; i < store->touched_count; i++)
		tell_durable(store, store->touched[i]);
	return at;
}

void result_store_tell(struct result_store *store, size_t to)
{
	store->telling = true;
	for (size_t at = store->queue.head; at < to;)
		at = tell_some(store, at, to);
	store->telling = false;
}

/* What is in the stream now, and its marks in the markers. */
static void note_stored(struct result_store *store)
{
	const struct result_queue *flying = store->flying;
	for (size_t at = flying->head; at < flying->sent;) {
		const struct record *record = result_record_at(flying, at);
		at += record->bytes;
		store->counts.results += record->parts > 0;
		store->counts.replayed += record->parts > 0 && flying == &store->old;
		if (result_record_is_of(store, record))
			result_mark_advance(&store->terminals[record->slot].stored, record);
	}
}

void result_batch_done(struct result_store *store)
{
	struct result_queue *flying = store->flying;
	note_stored(store);
	if (flying == &store->queue) {
		result_store_tell(store, flying->sent);
		store->queue_ns = clock_monotonic_ns(store->clock);
		store->flight_landed = store->spill_to > 0;
		store->spill_why[0] = 0; /* the segment takes them: nothing is to be spilled */
	}
	flying->head = flying->sent;
	store->well_ns = clock_monotonic_ns(store->clock);
	if (flying == &store->old)
		result_spill_written(store, store->batch_position);
	result_spill_watch(store);
}
