/* Batches of results: filled, at the writer, committed, acknowledged. */
#include "archive/results_impl.h"

static void clear(struct slot *slot)
{
	struct results *results = slot->results;
	struct results_id *ids = slot->ids;
	*slot = (struct slot){ .results = results, .ids = ids };
}

static bool is_empty(const struct slot *slot)
{
	return !slot->batch->rows.count && !slot->read && !slot->lost && !slot->changes;
}

/* ---- filling ---- */

static struct slot *free_slot(struct results *results)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].state == SLOT_FREE)
			return &results->slots[i];
	return NULL;
}

struct slot *results_slot(struct results *results)
{
	if (results->filling)
		return results->filling;
	struct slot *slot = results->stopped ? NULL : free_slot(results);
	if (!slot || writer_state(results->config.writer) != WRITER_READY)
		return NULL;
	slot->batch = writer_batch_take(results->config.writer);
	if (!slot->batch)
		return NULL;
	slot->state = SLOT_FILLING;
	slot->generation = results->generation;
	slot->begun_ns = results_now(results);
	results->filling = slot;
	return slot;
}

/* An entry has one row at least, so ids have room where rows have. */
bool results_slot_has_room(const struct slot *slot, size_t rows)
{
	return slot->count + rows <= WRITER_ROWS_MAX &&
	       slot->batch->rows.count + rows <= WRITER_ROWS_MAX;
}

void results_drop_filling(struct results *results)
{
	struct slot *slot = results->filling;
	if (!slot)
		return;
	results->filling = NULL;
	writer_batch_drop(results->config.writer, slot->batch);
	clear(slot);
}

/* ---- what is in batches ---- */

bool results_idle(const struct results *results)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].state != SLOT_FREE)
			return false;
	return true;
}

bool results_begins(const struct results *results)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].begins && results->slots[i].state <= SLOT_WRITING)
			return true;
	return results->mark_due;
}

static bool is_among(const struct slot *slot, struct results_id id)
{
	size_t low = 0, high = slot->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = results_id_cmp(slot->ids[middle], id);
		if (order == 0)
			return true;
		low = order < 0 ? middle + 1 : low;
		high = order < 0 ? high : middle;
	}
	return false;
}

bool results_has(const struct results *results, struct results_id id)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].state != SLOT_FREE && is_among(&results->slots[i], id))
			return true;
	return false;
}

uint64_t results_read_on_way(const struct results *results)
{
	uint64_t read = 0;
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].state == SLOT_FILLING ||
		    results->slots[i].state == SLOT_WRITING)
			read += results->slots[i].read + results->slots[i].lost;
	return read;
}

void results_forget_ids(struct results *results)
{
	results->generation++;
	results->n_points = 0;
	results->trim_wanted = false;
	results->n_claimed = 0;
	results->claim_number = 0;
	results->claim_checkpointed = false;
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &results->slots[i];
		slot->count = 0;
		slot->claims = false;
		if (slot->state == SLOT_FILLING)
			slot->generation = results->generation;
	}
}

/* ---- committed ---- */

static void add_point(struct results *results, uint64_t number, struct results_id id)
{
	if (results->n_points == POINTS)
		results->n_points--;
	results->points[results->n_points++] = (struct point){ number, id };
}

static void send_acks(struct results *results, struct slot *slot);

static void committed(struct results *results, struct slot *slot)
{
	uint64_t rows = slot->batch->rows_taken;
	if (slot->retried)
		crash_point(CRASH_retry);
	if (slot->dead)
		crash_point(CRASH_dead);
	results->counts.archived += rows > slot->dead ? rows - slot->dead : 0;
	results->counts.known += slot->batch->rows_known;
	if (slot->claims && slot->generation == results->generation) {
		results->claim_number = slot->batch->number;
		writer_checkpoint(results->config.writer); /* they are acknowledged after it */
	}
	if (slot->generation == results->generation)
		add_point(results, slot->batch->number, slot->last);
}

static void on_batch(void *ctx, struct writer_batch *batch, enum status status)
{
	struct slot *slot = ctx;
	struct results *results = slot->results;
	CHECK(slot->state == SLOT_WRITING && slot->batch == batch);
	results->at_writer--;
	if (status) { /* the writer is being closed */
		clear(slot);
		return;
	}
	committed(results, slot);
	slot->batch = NULL;
	slot->state = SLOT_COMMITTED;
	results->read_at_ns = 0;
	send_acks(results, slot);
	results_kick(results);
}

/* ---- submitting ---- */

static void put_mark(struct results *results, struct writer_batch *batch)
{
	char storage[WRITER_MARK_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	buf_str_put(&text, str_of(results->word));
	buf_char(&text, ' ');
	results_id_print(&text, results->cursor);
	buf_char(&text, ' ');
	buf_i64(&text, results->base);
	results_hash_cursor(results);
	buf_char(&text, ' ');
	buf_u64(&text, results->cursor_hash);
	CHECK(!text.overflow);
	writer_mark(batch, results_mark, buf_str(&text));
	buf_clear(&text);
	results_id_print(&text, results->one_until);
	writer_mark(batch, results_mark_one, buf_str(&text));
}

void results_submit(struct results *results)
{
	if (results->at_writer < AT_WRITER_MAX)
		results_submit_now(results);
}

void results_submit_now(struct results *results)
{
	struct slot *slot = results->filling;
	if (!slot || is_empty(slot)) {
		results_drop_filling(results);
		return;
	}
	struct writer_batch *batch = slot->batch;
	slot->last = results->cursor;
	if (results->marked)
		put_mark(results, batch);
	if (slot->read)
		writer_count(batch, "read", (int64_t)slot->read);
	if (slot->lost)
		writer_count(batch, "lost", (int64_t)slot->lost);
	batch->done = on_batch;
	batch->ctx = slot;
	slot->state = SLOT_WRITING;
	results->filling = NULL;
	results->at_writer++;
	writer_submit(results->config.writer, batch);
}

/* While the stream lags a batch grows to what the writer takes; else it is small and soon. */
void results_submit_due(struct results *results)
{
	const struct slot *slot = results->filling;
	if (!slot)
		return;
	bool lags = results->full_page || results->reads_due > 1;
	bool full = lags ? !results_slot_has_room(slot, results_page_rows(results))
			 : slot->batch->rows.count >= BATCH_ROWS;
	if (full || results->drained || results_now(results) - slot->begun_ns >= GATHER_NS)
		results_submit(results);
}

/* ---- acknowledging ---- */

static void on_ack(void *ctx, enum status status, const struct redis_reply *reply);

static void end_acks(struct results *results, struct slot *slot)
{
	if (slot->acks_due > 0)
		return;
	if (slot->ack_failed) {
		slot->state = SLOT_COMMITTED; /* sent again: results_acks_due */
		return;
	}
	results->counts.acked += slot->count;
	if (slot->count)
		crash_point(CRASH_ack);
	clear(slot);
}

static enum status send_page(struct results *results, struct slot *slot, size_t from, size_t count)
{
	struct key key;
	struct buf text = buf_over(results->text, sizeof results->text);
	size_t argc = 0;
	results->words[argc++] = STR("XACK");
	results->words[argc++] = key_trade_results(&key);
	results->words[argc++] = results_group;
	for (size_t i = from; i < from + count; i++) {
		size_t at = text.len;
		results_id_print(&text, slot->ids[i]);
		results->words[argc++] = str_make(text.ptr + at, text.len - at);
	}
	CHECK(!text.overflow);
	return redis_command(results->config.rtrs, results->words, argc, on_ack, slot);
}

static void send_acks(struct results *results, struct slot *slot)
{
	slot->state = SLOT_ACKING;
	slot->ack_failed = false;
	for (size_t from = 0; from < slot->count && !slot->ack_failed; from += ACK_PAGE) {
		size_t left = slot->count - from;
		enum status status =
		    results->discard_due || results->state != RESULTS_RUNNING
			? STATUS_CLOSED
			: send_page(results, slot, from, left < ACK_PAGE ? left : ACK_PAGE);
		slot->ack_failed = status != STATUS_OK;
		slot->acks_due += status == STATUS_OK;
	}
	end_acks(results, slot);
}

static void on_ack(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct slot *slot = ctx;
	struct results *results = slot->results;
	(void)reply;
	CHECK(slot->acks_due > 0);
	slot->acks_due--;
	if (status) {
		slot->ack_failed = true;
		results_failed(results, status);
	}
	end_acks(results, slot);
	if (slot->state == SLOT_FREE)
		results_kick(results);
}

void results_acks_due(struct results *results)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].state == SLOT_COMMITTED)
			send_acks(results, &results->slots[i]);
}

void results_checkpointed(struct results *results, uint64_t number)
{
	size_t passed = 0;
	while (passed < results->n_points && results->points[passed].number <= number)
		passed++;
	if (results->state == RESULTS_OFF)
		return;
	if (passed > 0) {
		crash_point(CRASH_checkpoint);
		results->trim_to = results->points[passed - 1].id;
		results->trim_wanted = true;
		results->trim_tries = 0;
		results->trim_at_ns = 0;
		results->n_points -= passed;
		memmove(results->points, results->points + passed,
			results->n_points * sizeof results->points[0]);
	}
	results_claims_checkpointed(results, number);
	results_kick(results);
}
