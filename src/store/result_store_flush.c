/* Batches: when they go, what goes along, and what the answer means. */
#include "base/check.h"
#include "store/result_store_impl.h"

enum { XADD_ARGS = 3 + 2 * RESULT_FIELDS };

static const struct str names[RESULT_FIELDS] = {
#define RESULT(id, unit, meaning) { #id, sizeof #id - 1 },
#include "def/results.def"
#undef RESULT
};

static void end_drain(struct result_store *store, enum status status)
{
	void (*done)(void *ctx, enum status status) = store->drain_done;
	store->drain_done = NULL;
	if (done)
		done(store->drain_ctx, status);
}

void result_store_failed(struct result_store *store)
{
	store->counts.failed++;
	store->synced = false;
	end_drain(store, store->trouble ? store->trouble : STATUS_REDIS_ERR);
	result_store_arm(store, RETRY_NS);
}

/* ---- commands ---- */

void result_commands_begin(struct result_store *store, enum result_store_state state)
{
	store->state = state;
	store->trouble = STATUS_OK;
	store->replies_due = 0;
}

void result_command_send(struct result_store *store, const struct str *argv, size_t argc,
			 redis_reply_fn fn)
{
	if (store->trouble)
		return;
	store->trouble = redis_command(store->redis, argv, argc, fn, store);
	store->replies_due += !store->trouble && fn;
}

bool result_replies_in(struct result_store *store, enum status status)
{
	CHECK(store->replies_due > 0);
	if (!store->trouble)
		store->trouble = status;
	return --store->replies_due == 0;
}

struct str result_number(char storage[RESULT_NUMBER_BYTES], uint64_t value)
{
	struct buf text = buf_over(storage, RESULT_NUMBER_BYTES);
	buf_u64(&text, value);
	return buf_str(&text);
}

void result_watch_send(struct result_store *store, redis_reply_fn fn)
{
	struct key key;
	struct str argv[] = { STR("WATCH"), result_batch_key(&key) };
	result_command_send(store, argv, ARRAY_LEN(argv), fn);
}

/* ---- one batch ---- */

static void send_result(struct result_store *store, const struct record *record)
{
	struct key key;
	struct str argv[XADD_ARGS] = { STR("XADD"), key_trade_results(&key), STR("*") };
	const struct part *parts = record_parts(record);
	const char *at = record_bytes(record);
	size_t argc = 3;
	for (uint32_t i = 0; i < record->parts; i++) {
		argv[argc++] = names[parts[i].field];
		argv[argc++] = str_make(at, parts[i].len);
		at += parts[i].len;
	}
	result_command_send(store, argv, argc, NULL);
	store->batch_entries++;
}

static void send_chunk(struct result_store *store, struct str chunk)
{
	struct key key;
	struct str argv[] = { STR("XADD"), key_trade_results(&key), STR("*"), STR("p"), chunk };
	result_command_send(store, argv, ARRAY_LEN(argv), NULL);
	store->batch_entries++;
}

/* Those that wait to be packed. */
static void send_packed(struct result_store *store)
{
	for (;;) {
		struct str chunk;
		size_t rows = result_packing_next(store->packing, &chunk);
		const struct record *lone = rows ? NULL : result_packing_skip(store->packing);
		if (rows) {
			store->x_next += rows - 1;
			send_chunk(store, chunk);
		} else if (lone) {
			send_result(store, lone);
		} else {
			return;
		}
	}
}

static void put_result(struct result_store *store, const struct record *record)
{
	if (store->packed && result_packing_add(store->packing, record))
		return;
	send_packed(store);
	if (!store->packed || !result_packing_add(store->packing, record))
		send_result(store, record);
}

static void send_hash(struct result_store *store, const struct str *argv, size_t argc)
{
	const struct str unlink[] = { STR("UNLINK"), argv[1] };
	if (store->rewrite)
		result_command_send(store, unlink, ARRAY_LEN(unlink), NULL);
	result_command_send(store, argv, argc, NULL);
}

static bool mark_moves(const struct terminal *terminal)
{
	return memcmp(&terminal->next, &terminal->stored, sizeof terminal->stored) != 0;
}

static void send_mark(struct result_store *store, uint32_t slot)
{
	const struct instance *instance = fleet_at(store->fleet, slot);
	const struct terminal *terminal = &store->terminals[slot];
	char storage[4][RESULT_NUMBER_BYTES];
	struct key key;
	if (!instance || !mark_moves(terminal))
		return;
	struct str argv[] = {
		STR("HSET"), key_fleet_up(&key, str_of(instance->identity.id)),
		STR("ep"),   result_number(storage[0], (uint64_t)terminal->next.epoch_ms),
		STR("up"),   result_number(storage[1], terminal->next.up),
		STR("ld"),   result_number(storage[2], terminal->next.deal),
		STR("lsv"),  result_number(storage[3], (uint64_t)terminal->next.deal_ms)
	};
	send_hash(store, argv, ARRAY_LEN(argv));
}

static void send_batch_number(struct result_store *store)
{
	char storage[4][RESULT_NUMBER_BYTES];
	struct key key;
	uint64_t position = store->batch_position ? store->batch_position : store->position;
	struct str argv[10] = { STR("HSET"), result_batch_key(&key),
				STR("ep"),   result_number(storage[0], (uint64_t)store->process_ms),
				STR("up"),   result_number(storage[1], store->batch) };
	size_t argc = 6;
	if (position) {
		argv[argc++] = STR("lsv");
		argv[argc++] = result_number(storage[2], position);
	}
	if (store->x_next || store->x_stored) {
		argv[argc++] = STR("x");
		argv[argc++] = result_number(storage[3], store->x_next);
	}
	send_hash(store, argv, argc);
}

static void note_terminal(struct result_store *store, const struct record *record)
{
	if (!result_record_is_of(store, record))
		return;
	struct terminal *terminal = &store->terminals[record->slot];
	if (result_walk_touch(store, record->slot))
		terminal->next = terminal->stored;
	result_mark_advance(&terminal->next, record);
}

/* What goes into the next batch; false when none of it needs writing. */
static bool choose(struct result_store *store)
{
	struct result_queue *queue = result_queue_empty(&store->old) ? &store->queue : &store->old;
	bool writes = queue == &store->old || store->x != store->x_stored;
	store->flying = queue;
	store->batch_records = store->batch_entries = 0;
	store->batch_position = 0;
	result_walk_begin(store);
	for (queue->sent = queue->head; queue->sent < queue->tail;) {
		const struct record *record = result_record_at(queue, queue->sent);
		if (store->batch_records == BATCH_RECORDS ||
		    queue->sent - queue->head > BATCH_BYTES)
			break;
		note_terminal(store, record);
		writes |= record->parts > 0;
		if (queue == &store->old)
			store->batch_position = record->position;
		store->batch_records++;
		queue->sent += record->bytes;
	}
	for (uint32_t i = 0; i < store->touched_count; i++)
		writes |= mark_moves(&store->terminals[store->touched[i]]);
	return writes;
}

static void on_multi(void *ctx, enum status status, const struct redis_reply *reply);
static void on_exec(void *ctx, enum status status, const struct redis_reply *reply);
static void on_watched(void *ctx, enum status status, const struct redis_reply *reply);

/* Since it was chosen the batch may have moved to `old`, and terminals may have gone. */
static void send_body(struct result_store *store)
{
	const struct result_queue *flying = store->flying;
	store->x_next = store->x;
	store->x_has_flight = false;
	store->batch_entries = 0;
	result_walk_begin(store);
	for (size_t at = flying->head; at < flying->sent;) {
		const struct record *record = result_record_at(flying, at);
		at += record->bytes;
		note_terminal(store, record);
		if (record->parts)
			put_result(store, record);
	}
	send_packed(store);
	send_batch_number(store);
	for (uint32_t i = 0; i < store->touched_count; i++)
		send_mark(store, store->touched[i]);
}

/* MULTI is waited for: a server that refuses it (-LOADING, for a moment) would take what
 * follows one by one, the marks without the results. */
static void send_batch(struct result_store *store)
{
	struct str multi = STR("MULTI");
	result_commands_begin(store, STORE_FLYING);
	store->executed = store->piecemeal = false;
	store->batch++;
	result_command_send(store, &multi, 1, on_multi);
	if (store->replies_due == 0) {
		store->state = STORE_IDLE;
		result_store_failed(store);
	}
}

/* The server waits for the rest: the next synchronisation ends that first. */
static void give_up(struct result_store *store)
{
	store->half_sent = true;
	store->state = STORE_IDLE;
	result_store_failed(store);
}

static void send_rest(struct result_store *store)
{
	struct str exec = STR("EXEC");
	send_body(store);
	result_command_send(store, &exec, 1, on_exec);
	result_watch_send(store, on_watched);
	if (store->replies_due == 0) /* no room in the middle */
		give_up(store);
}

static void landed(struct result_store *store, enum status status)
{
	if (!result_replies_in(store, status))
		return;
	store->state = STORE_IDLE;
	if (store->trouble || !store->executed) {
		result_store_failed(store);
		return;
	}
	store->rewrite = false;
	result_store_kick(store);
}

static void on_watched(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	landed(ctx, status);
}

static void on_multi(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	if (status) {
		store->half_sent = !reply; /* it may have been executed, or be yet */
		landed(store, status);
		return;
	}
	store->replies_due--;
	send_rest(store);
}

/* nil: the marker of batches was written to since, so this batch had been given up. */
static bool was_executed(struct result_store *store, enum status status,
			 const struct redis_reply *reply)
{
	bool added = false; /* an XADD is answered by an id, nothing else is */
	if (status || store->piecemeal || reply->type != REDIS_ARRAY)
		return false;
	for (size_t i = 0; i < reply->count; i++) {
		store->piecemeal |= reply->items[i].type == REDIS_ERROR;
		added |= reply->items[i].type == REDIS_BULK;
	}
	store->rewrite = store->piecemeal;
	if (added || !store->piecemeal)
		store->x = store->x_stored = store->x_next;
	store->x_has_flight = added;
	return !store->piecemeal;
}

static void on_exec(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	store->executed = was_executed(store, status, reply);
	if (store->executed) {
		store->counts.batches++;
		result_batch_done(store);
	}
	landed(store, status);
}

/* ---- */

/* What goes before the queue, if there is any, is there to be sent. */
static bool may_send(struct result_store *store)
{
	if (!result_queue_empty(&store->old))
		return true;
	/* while the queue is being spilled, what is behind that must not overtake it */
	return result_spill_is_empty(store) && !store->spill_to;
}

void result_store_kick(struct result_store *store)
{
	while (store->state == STORE_IDLE && !store->telling) {
		if (!may_send(store))
			return;
		if (result_queue_empty(&store->old) && result_queue_empty(&store->queue)) {
			end_drain(store, STATUS_OK);
			return;
		}
		if (!store->synced) {
			result_store_sync(store);
			return;
		}
		if (redis_pending_bytes(store->redis) > PENDING_BYTES) {
			result_store_arm(store, RETRY_NS);
			return;
		}
		if (result_gather_waits(store))
			return;
		if (choose(store)) {
			send_batch(store);
			return;
		}
		result_batch_done(store);
	}
}
