/* The ladder: entries that are no rows are tried again, and then are dead letters.
 *
 * An entry is called ID@WORD there, with the begin of archive:epoch's word: after a fail-over
 * ids are given again. A row of a packed one is ID/ROW@WORD, its letter without a rid ID/ROW;
 * rows count from 0. The file has all of them, memory the HELD_MAX that are due first. Times run
 * by the monotonic clock; the file has them as wall time, which is written again when the wall
 * clock jumps. After a restart the wall clock tells what is left, never more than the
 * step's own length: so a clock that was set back holds nothing up. */
#include "archive/results_impl.h"

enum { PLACE_TEXT = RESULTS_ID_TEXT + 4 }; /* ID/255 */

static const int64_t jump_ns = 1000000000, ms_ns = 1000000;

/* ---- the next step ---- */

static struct str id_of(struct str entry_id)
{
	return str_make(entry_id.ptr, str_find_char(entry_id, '@'));
}

static void put_place(struct buf *out, const struct results_place *place)
{
	results_id_print(out, place->id);
	if (!place->packed)
		return;
	buf_char(out, '/');
	buf_u64(out, place->row);
}

static enum status read_place(struct str text, struct results_id *id)
{
	return results_id_parse(str_make(text.ptr, str_find_char(text, '/')), id);
}

static void put_word(const struct results *results, struct buf *out)
{
	struct str word = str_of(results->word);
	buf_char(out, '@');
	buf_str_put(out, str_make(word.ptr, word.len < WORD_BEGIN ? word.len : WORD_BEGIN));
}

static int64_t wall_ms(const struct results *results)
{
	return clock_wall_ns(results->config.clock) / ms_ns;
}

static size_t bytes_of(const struct writer_retry *retry)
{
	return retry->origin.len + retry->entry_id.len + retry->letter_id.len + retry->payload.len +
	       retry->reason.len;
}

bool results_has_letters(const struct results *results, const struct slot *slot, size_t count)
{
	const struct archive_rows *rows = &slot->batch->rows;
	if (!count)
		return true;
	if (!results->config.retries) /* they are dead at once: rows */
		return rows->used + count * LETTER_BYTES <= rows->bytes_max &&
		       rows->count + count <= WRITER_ROWS_MAX;
	return slot->letters + count <= LETTERS_MAX &&
	       slot->letter_bytes + count * LETTER_BYTES <= LETTERS_BYTES;
}

static enum status put_retry(struct slot *slot, const struct writer_retry *retry)
{
	if (slot->letters == LETTERS_MAX || slot->letter_bytes + bytes_of(retry) > LETTERS_BYTES)
		return STATUS_FULL;
	enum status status = writer_retry_put(slot->batch, retry);
	if (status)
		return status;
	slot->letters++;
	slot->letter_bytes += bytes_of(retry);
	slot->changes++;
	return STATUS_OK;
}

static void drop_retry(struct slot *slot, const struct writer_retry *retry)
{
	writer_retry_drop(slot->batch, results_origin, retry->entry_id);
	writer_count(slot->batch, "retrying", -1);
	slot->letters++;
	slot->letter_bytes += results_origin.len + retry->entry_id.len;
	slot->changes++;
}

/* Its row, and no more tries. */
static enum status bury(struct results *results, struct slot *slot,
			const struct writer_retry *retry)
{
	struct archive_rows *rows = &slot->batch->rows;
	archive_rows_begin(rows, TABLE_dead_letters);
	archive_row_word(rows, COLUMN_dead_letters_origin, results_origin);
	archive_row_text(rows, COLUMN_dead_letters_letter_id, retry->letter_id);
	archive_row_int(rows, COLUMN_dead_letters_at_us, wall_ms(results) * 1000);
	archive_row_word(rows, COLUMN_dead_letters_entry_id, id_of(retry->entry_id));
	archive_row_int(rows, COLUMN_dead_letters_attempts, retry->attempts);
	archive_row_text(rows, COLUMN_dead_letters_reason, retry->reason);
	archive_row_text(rows, COLUMN_dead_letters_payload, retry->payload);
	enum status status = archive_rows_end(rows);
	if (status)
		return status;
	writer_count(slot->batch, "dead", 1);
	results->dead[results->n_dead++ % DEAD_MAX] = results_held_hash(retry);
	results->counts.dead++;
	slot->dead++;
	slot->changes++;
	return STATUS_OK;
}

/* retry->attempts tries have failed: it waits for the next one, or is dead. */
static enum status step(struct results *results, struct slot *slot, struct writer_retry *retry,
			bool was_there)
{
	const struct results_config *config = &results->config;
	size_t waited = retry->attempts - 1;
	enum status status;
	if (waited >= config->retries) {
		status = bury(results, slot, retry);
		if (!status && was_there)
			drop_retry(slot, retry);
		return status;
	}
	retry->due_ms = wall_ms(results) + config->retry_ms[waited];
	status = put_retry(slot, retry);
	if (status)
		return status;
	if (!was_there)
		writer_count(slot->batch, "retrying", 1);
	results_hold(results, retry, results_now(results) + config->retry_ms[waited] * ms_ns);
	slot->retried++;
	return STATUS_OK;
}

/* Its letter is in the ladder, or died in this run: the entry was read before, or its
 * result came twice. One without a rid is known by its place alone. */
static bool is_known(const struct results *results, const struct writer_retry *retry)
{
	uint64_t hash = results_held_hash(retry);
	for (size_t i = 0; i < results->n_held; i++)
		if (results->held[i]->hash == hash)
			return true;
	for (size_t i = 0; i < DEAD_MAX && i < results->n_dead; i++)
		if (results->dead[i] == hash)
			return true;
	return false;
}

enum status results_bad(struct results *results, struct slot *slot,
			const struct results_place *place, const struct results_entry *entry,
			const char *fault)
{
	char storage[PLACE_TEXT + 1 + WORD_BEGIN];
	struct buf text = buf_over(storage, sizeof storage);
	struct buf payload = buf_over(results->letter, sizeof results->letter);
	struct str rid = results_row_rid(entry);
	put_place(&text, place);
	put_word(results, &text);
	struct writer_retry retry = { .origin = results_origin,
				      .entry_id = buf_str(&text),
				      .letter_id = rid.len ? rid : id_of(buf_str(&text)),
				      .reason = str_of(fault),
				      .attempts = 1 };
	if (is_known(results, &retry)) {
		writer_count(slot->batch, "known", 1);
		results->counts.known++;
		slot->changes++;
		return STATUS_OK;
	}
	results_payload_write(&payload, entry);
	retry.payload = buf_str(&payload);
	enum status status = step(results, slot, &retry, false);
	if (!status)
		results_retry_timer(results);
	return status;
}

/* ---- trying again ---- */

/* The reason that it had. */
static enum status same_fault(const struct held *held, struct results_told *told)
{
	struct buf fault = buf_over(told->fault, sizeof told->fault - 1);
	size_t len = held->reason.len < fault.cap ? held->reason.len : fault.cap;
	buf_put(&fault, held->reason.ptr, len);
	told->fault[fault.len] = 0;
	return STATUS_FORMAT;
}

/* FORMAT: it is none still, told->fault says why. *rows: how many it is. */
static enum status convert(struct results *results, struct slot *slot, const struct held *held,
			   size_t *rows, struct results_told *told)
{
	struct results_payload *payload = &results->payload;
	struct results_id id = { 0 };
	struct str chunk;
	enum status status = results_payload_read(payload, held->payload);
	if (status || payload->cut || read_place(id_of(held->entry_id), &id))
		return same_fault(held, told);
	const struct results_entry entry = { id.ms, payload->items, payload->count };
	*rows = 1;
	return results_row_is_packed(&entry, &chunk)
		   ? results_unpack(results, slot, id, chunk, rows, told)
		   : results_row_add(&slot->batch->rows, &entry, &results->world, told);
}

/* It was one result, and is as many as its rows. */
static void count_rows(struct results *results, struct slot *slot, size_t rows)
{
	results->counts.read += rows - 1;
	results->read_ever += rows - 1;
	results->base += (int64_t)rows - 1;
	slot->read += rows - 1;
}

static enum status try_again(struct results *results, struct slot *slot, const struct held *held)
{
	struct results_told told;
	struct writer_retry retry = results_held_retry(held);
	size_t rows;
	enum status status = convert(results, slot, held, &rows, &told);
	if (status == STATUS_FORMAT) {
		retry.reason = str_of(told.fault);
		retry.attempts++;
		return step(results, slot, &retry, true);
	}
	if (status)
		return status;
	slot->batch->flags |= WRITER_CHECKED;
	drop_retry(slot, &retry);
	count_rows(results, slot, rows);
	return STATUS_OK;
}

static bool take_first(struct results *results)
{
	struct slot *slot = results_slot(results);
	if (slot && !results_slot_has_room(slot, 1)) {
		results_submit(results);
		slot = results_slot(results);
	}
	if (!slot || !results_slot_has_room(slot, 1))
		return false;
	struct held *held = results_held_pop(results);
	enum status status = try_again(results, slot, held);
	if (status) {
		results_held_push(results, held);
		results_submit(results); /* there is room in the next one */
		return false;
	}
	results->counts.retried++;
	results_held_forget(results, held);
	return true;
}

/* The wall clock jumped: what the file says of due times is wrong by as much. */
static bool write_again(struct results *results)
{
	struct slot *slot = results->n_held ? results_slot(results) : NULL;
	int64_t now_ns = results_now(results), now_ms = wall_ms(results);
	if (results->n_held && !slot)
		return false;
	for (size_t i = 0; i < results->n_held; i++) {
		struct held *held = results->held[i];
		held->due_ms = now_ms + (held->due_ns - now_ns) / ms_ns;
		const struct writer_retry retry = results_held_retry(held);
		if (put_retry(slot, &retry))
			return false;
	}
	return true;
}

void results_look_at_clock(struct results *results)
{
	if (!results->loaded || results->loading)
		return;
	int64_t less_ns = clock_wall_ns(results->config.clock) - results_now(results);
	int64_t jumped_ns = less_ns - results->wall_less_ns;
	if ((jumped_ns > jump_ns || jumped_ns < -jump_ns) && write_again(results))
		results->wall_less_ns = less_ns;
}

void results_retries_due(struct results *results)
{
	int64_t now_ns = results_now(results);
	bool room = true;
	if (results->state == RESULTS_OFF || results->stopped || !results->loaded ||
	    results->loading)
		return;
	results_look_at_clock(results);
	while (room && results->n_held > 0 && results->held[0]->due_ns <= now_ns)
		room = take_first(results);
	if (!room) /* the writer is in trouble, or busy */
		timers_arm(results->config.timers, &results->retry_timer, now_ns + AGAIN_NS);
	else
		results_retry_timer(results);
}

void results_retry(struct results *results, struct writer_batch *batch,
		   const struct writer_retry *letter)
{
	struct writer_retry retry = *letter;
	char storage[PLACE_TEXT + 1 + WORD_BEGIN];
	struct buf text = buf_over(storage, sizeof storage);
	if (!str_eq(letter->origin, results_origin))
		return;
	buf_str_put(&text, id_of(letter->entry_id));
	put_word(results, &text);
	retry.entry_id = buf_str(&text);
	retry.attempts = 0;
	retry.due_ms = wall_ms(results);
	writer_count(batch, "dead", -1);
	writer_count(batch, "retrying", 1);
	if (writer_retry_put(batch, &retry) == STATUS_OK)
		results_hold(results, &retry, results_now(results));
	else
		results->more = true;
	results_retry_timer(results);
}

/* ---- from the file ---- */

static bool is_held(const struct results *results, struct str entry_id)
{
	for (size_t i = 0; i < results->n_held; i++)
		if (str_eq(results->held[i]->entry_id, entry_id))
			return true;
	return false;
}

static void on_each(void *ctx, const struct writer_retry *retry)
{
	struct results *results = ctx;
	size_t waited = retry->attempts ? retry->attempts - 1 : 0;
	if (!str_eq(retry->origin, results_origin))
		return;
	if (results->n_held == HELD_MAX) {
		results->more = true;
		return;
	}
	if (is_held(results, retry->entry_id))
		return;
	int64_t left_ms = retry->due_ms - wall_ms(results);
	int64_t step_ms = waited < results->config.retries && retry->attempts
			      ? results->config.retry_ms[waited]
			      : 0;
	left_ms = left_ms < 0 ? 0 : left_ms > step_ms ? step_ms : left_ms;
	results_hold(results, retry, results_now(results) + left_ms * ms_ns);
}

static void on_loaded(void *ctx, enum status status)
{
	struct results *results = ctx;
	results->loading = false;
	if (results->stopped)
		return;
	results->loaded |= status == STATUS_OK;
	results->more |= status != STATUS_OK;
	results->load_at_ns = results_now(results) + LOOK_NS;
	results_retry_timer(results);
	results_kick(results);
}

/* With nothing under way, so that the file has it all; reading waits for it. */
void results_load(struct results *results)
{
	bool due = !results->loaded || (results->more && results->n_held < HELD_MAX / 2);
	if (!due || results->loading || results_now(results) < results->load_at_ns ||
	    writer_state(results->config.writer) != WRITER_READY)
		return;
	results->hold_back = true;
	if (results->at_writer > 0 || results->filling)
		return;
	results->hold_back = false;
	results->loading = true;
	results->more = false;
	writer_retries(results->config.writer, on_each, on_loaded, results);
}
