/* instance_history:{id}: rows are collected, packed once a minute, and added under the time
 * of their first row. Its id makes a second sending harmless; where the server says that
 * it is taken, it is looked whether by this very chunk: if not, the clock was set back, and
 * the chunk goes in behind the newest. (Which must be known to be as high before the chunk
 * is looked for: instance_store_events.c says why.) */
#include <stdlib.h>

#include "base/check.h"
#include "store/instance_store_impl.h"

enum { CHUNK_GROWTH = 256 };

/* ---- rows ---- */

/* Its own second of the minute, so that not all terminals pack at once. */
static int64_t minute_of(const struct instance_row *row, int64_t ms)
{
	return (ms - (int64_t)(row->slot % 60) * 1000) / 60000;
}

static bool minute_is_over(const struct instance_row *row, int64_t now_ms)
{
	return row->open && samples_open_count(row->open) &&
	       minute_of(row, now_ms) != minute_of(row, samples_open_first_ms(row->open));
}

static bool is_too_soon(struct instance_row *row, int64_t ms)
{
	bool back = ms < row->row_ms;
	if (back)
		row->row_ms = ms; /* the clock: rows go on from here */
	return !back && row->row_ms && ms - row->row_ms < INSTANCE_STORE_ROW_MS_MIN;
}

/* Terminals speak each second, a little more or less. */
static bool is_thinned(const struct instance_row *row, int64_t ms)
{
	return row->store->thin_ms && row->row_ms &&
	       ms - row->row_ms + INSTANCE_STORE_ROW_MS_MIN < row->store->thin_ms;
}

void instance_store_sample(struct instance_store *store, const struct instance *instance)
{
	struct instance_row *row = &store->rows[instance->slot];
	struct sample_row_values values = instance->latest;
	values.ms = instance_wall_ms(store);
	if (!row->open)
		row->open = samples_open_create();
	if (!row->open || is_too_soon(row, values.ms)) {
		store->counts.rows_left_out++;
		return;
	}
	if (is_thinned(row, values.ms)) {
		store->counts.rows_thinned++;
		return;
	}
	row->row_ms = values.ms;
	if (minute_is_over(row, values.ms))
		instance_history_close(row);
	if (samples_open_add(row->open, &values) == STATUS_OK)
		return;
	instance_history_close(row); /* full, or a clock that was set back */
	instance_history_send(row, instance);
	store->counts.rows_left_out += samples_open_add(row->open, &values) != STATUS_OK;
}

/* ---- chunks ---- */

static bool has_room(struct instance_row *row, size_t len)
{
	size_t room = (len + CHUNK_GROWTH - 1) / CHUNK_GROWTH * CHUNK_GROWTH;
	if (len <= row->chunk_room)
		return true;
	char *chunk = realloc(row->chunk, room);
	if (!chunk)
		return false;
	row->chunk = chunk;
	row->chunk_room = (uint32_t)room;
	return true;
}

/* One that waits goes: the newer is worth more. One that is on the wire may still be
 * taken: its reply says whether it is lost. */
static void replace_chunk(struct instance_row *row)
{
	row->store->counts.chunks_lost +=
	    row->chunk_state == CHUNK_WAITING || row->chunk_state == CHUNK_LOOKING;
	row->chunk_state = CHUNK_NONE;
}

void instance_history_close(struct instance_row *row)
{
	struct instance_store *store = row->store;
	char storage[SAMPLES_CHUNK_BYTES];
	struct buf out = buf_over(storage, sizeof storage);
	if (!row->open || !samples_open_count(row->open))
		return;
	replace_chunk(row);
	store->counts.chunks++;
	store->counts.chunk_rows += samples_open_count(row->open);
	row->chunk_id = stream_id_next((struct stream_id){ 0 }, samples_open_first_ms(row->open));
	samples_pack(store->writer, row->open, &out);
	samples_open_clear(row->open);
	CHECK(!out.overflow);
	if (!has_room(row, out.len)) {
		store->counts.chunks_lost++;
		return;
	}
	memcpy(row->chunk, out.ptr, out.len);
	row->chunk_len = (uint32_t)out.len;
	row->chunk_state = CHUNK_WAITING;
	row->chunk_looks = 0;
}

/* ---- whether it is there ---- */

static bool is_chunk(const struct instance_row *row, const struct redis_reply *entry)
{
	if (entry->type != REDIS_ARRAY || entry->count != 2 ||
	    entry->items[1].type != REDIS_ARRAY || entry->items[1].count != 2)
		return false;
	return str_eq(entry->items[1].items[1].text, str_make(row->chunk, row->chunk_len));
}

static void end_look(struct instance_row *row, bool there)
{
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	row->chunk_state = there ? CHUNK_WRITTEN : CHUNK_WAITING;
	if (there || !instance)
		return;
	if (stream_id_cmp(row->chunk_id, row->chunk_top) <= 0)
		row->chunk_id = stream_id_next(row->chunk_top, (int64_t)row->chunk_id.ms);
	if (row->chunk_looks < INSTANCE_LOOKS_MAX)
		instance_history_send(row, instance);
}

static void on_entry(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	bool looking = row->chunk_state == CHUNK_LOOKING;
	bool answered = !status && reply->type == REDIS_ARRAY && row->chunk_top_is_known;
	instance_note(row->store, status);
	if (looking && answered)
		end_look(row, reply->count == 1 && is_chunk(row, &reply->items[0]));
	else if (looking)
		row->chunk_state = CHUNK_WAITING;
	instance_settle(row->store);
}

static void on_top(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	status = instance_stream_top(status, reply, &row->chunk_top);
	row->chunk_top_is_known = !status;
	instance_note(row->store, status);
	instance_settle(row->store);
}

static enum status ask_top(struct instance_row *row, struct str name)
{
	struct command_pipe *pipe = &row->store->pipe;
	command_begin(&pipe->text, STR("XINFO"));
	command_pair(&pipe->text, STR("STREAM"), name);
	return command_pipe_send(pipe, on_top, row);
}

static enum status ask_entry(struct instance_row *row, struct str name)
{
	struct command_pipe *pipe = &row->store->pipe;
	char storage[48];
	struct buf id = buf_over(storage, sizeof storage);
	stream_id_print(&id, row->chunk_id);
	command_begin(&pipe->text, STR("XRANGE"));
	command_word(&pipe->text, name);
	command_pair(&pipe->text, buf_str(&id), buf_str(&id));
	return command_pipe_send(pipe, on_entry, row);
}

static void look(struct instance_row *row)
{
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	struct key key;
	if (!instance)
		return;
	struct str name = key_instance_history(&key, str_of(instance->identity.id));
	enum status status = ask_top(row, name);
	row->chunk_looks++;
	row->chunk_top_is_known = false;
	if (!status)
		status = ask_entry(row, name);
	if (!status)
		row->chunk_state = CHUNK_LOOKING;
	else
		instance_note(row->store, status);
}

/* ---- sending ---- */

static void remove_wrong_type(struct instance_row *row)
{
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	struct command_pipe *pipe = &row->store->pipe;
	struct key key;
	if (!instance)
		return;
	command_begin(&pipe->text, STR("UNLINK"));
	command_word(&pipe->text, key_instance_history(&key, str_of(instance->identity.id)));
	instance_note(row->store, command_pipe_send(pipe, NULL, NULL));
}

/* An item that is an error says that the server did look at it: the id is taken. */
static void newest_answered(struct instance_row *row, enum status status,
			    const struct redis_reply *reply)
{
	bool executed = reply && reply->type == REDIS_ARRAY;
	row->chunk_state = status ? CHUNK_WAITING : CHUNK_WRITTEN;
	row->chunk_written_ns = instance_now_ns(row->store);
	if (status == STATUS_REDIS_WRONGTYPE)
		remove_wrong_type(row);
	else if (status && executed && row->chunk_looks < INSTANCE_LOOKS_MAX)
		look(row);
}

static void on_chunk(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	bool newest = --row->chunks_flying == 0 && row->chunk_state == CHUNK_SENT;
	status = command_pipe_exec(status, reply);
	bool taken = status == STATUS_REDIS_ERR && reply && reply->type == REDIS_ARRAY;
	instance_note(row->store, taken ? STATUS_OK : status);
	if (newest)
		newest_answered(row, status, reply);
	else
		row->store->counts.chunks_lost += status != STATUS_OK;
	instance_settle(row->store);
}

static void add_chunk(struct instance_row *row, struct str name)
{
	struct command_pipe *pipe = &row->store->pipe;
	char storage[48];
	struct buf id = buf_over(storage, sizeof storage);
	int64_t oldest_ms = (int64_t)row->chunk_id.ms - row->store->history_ms;
	stream_id_print(&id, row->chunk_id);
	command_begin(&pipe->text, STR("XADD"));
	command_word(&pipe->text, name);
	command_pair(&pipe->text, STR("MINID"), STR("="));
	command_i64(&pipe->text, oldest_ms > 0 ? oldest_ms : 0);
	command_word(&pipe->text, buf_str(&id));
	command_pair(&pipe->text, STR("c"), str_make(row->chunk, row->chunk_len));
	command_pipe_add(pipe);
}

void instance_history_send(struct instance_row *row, const struct instance *instance)
{
	struct command_pipe *pipe = &row->store->pipe;
	struct key key;
	struct str name = key_instance_history(&key, str_of(instance->identity.id));
	bool may_send = row->store->started || row->store->drained;
	if (row->chunk_state != CHUNK_WAITING || !may_send || command_pipe_is_full(pipe))
		return;
	enum status status = command_pipe_begin(pipe);
	if (!status) {
		add_chunk(row, name);
		command_begin(&pipe->text, STR("EXPIRE"));
		command_word(&pipe->text, name);
		command_i64(&pipe->text, INSTANCE_TTL_S);
		command_pipe_add(pipe);
		status = command_pipe_end(pipe, on_chunk, row);
	}
	if (status) {
		instance_note(row->store, status);
		return;
	}
	row->chunk_state = CHUNK_SENT;
	row->chunks_flying++;
}

static void on_cut(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	(void)reply;
	row->cut |= status != STATUS_OK;
	instance_note(row->store, status);
	instance_settle(row->store);
}

void instance_history_cut(struct instance_row *row, const struct instance *instance)
{
	struct command_pipe *pipe = &row->store->pipe;
	int64_t oldest_ms = instance_wall_ms(row->store) - row->store->history_ms;
	struct key key;
	if (!row->cut || command_pipe_is_full(pipe))
		return;
	command_begin(&pipe->text, STR("XTRIM"));
	command_word(&pipe->text, key_instance_history(&key, str_of(instance->identity.id)));
	command_word(&pipe->text, STR("MINID"));
	command_i64(&pipe->text, oldest_ms > 0 ? oldest_ms : 0);
	enum status status = command_pipe_send(pipe, on_cut, row);
	row->cut = status != STATUS_OK;
	row->store->counts.cuts += !status;
	if (status)
		instance_note(row->store, status);
}

void instance_history_second(struct instance_row *row, const struct instance *instance)
{
	int64_t now_ms = instance_wall_ms(row->store);
	row->chunk_looks = 0;
	/* On a full server no chunk is added, and trims: what is old goes all the same. */
	row->cut |= row->store->history_ms < INSTANCE_HISTORY_MS &&
		    minute_of(row, now_ms) != minute_of(row, now_ms - 1000);
	instance_history_cut(row, instance);
	if (minute_is_over(row, now_ms))
		instance_history_close(row);
	instance_history_send(row, instance);
}

/* The server may have lost what it acknowledged last. */
void instance_history_reconnected(struct instance_row *row)
{
	bool safe = row->chunk_written_ns + instance_unsynced_ns <= row->store->answered_ns;
	if (row->chunk_state == CHUNK_WRITTEN && !safe)
		row->chunk_state = CHUNK_WAITING;
}

void instance_history_forget(struct instance_row *row)
{
	if (row->open)
		samples_open_clear(row->open);
	row->chunk_state = CHUNK_NONE;
	row->row_ms = 0;
}
