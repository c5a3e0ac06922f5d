/* Batches: what goes along, what the answer means, and how a batch without an answer is
 * settled before anything is sent again. */
#include "base/check.h"
#include "store/result_store_impl.h"

enum { XADD_ARGS = 3 + 2 * RESULT_FIELDS, NUMBER_BYTES = 24 };

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

static void failed(struct result_store *store)
{
	store->counts.failed++;
	store->synced = false;
	end_drain(store, store->trouble ? store->trouble : STATUS_REDIS_ERR);
	result_store_arm(store, RETRY_NS);
}

/* ---- commands ---- */

static void begin_commands(struct result_store *store, enum result_store_state state)
{
	store->state = state;
	store->trouble = STATUS_OK;
	store->replies_due = 0;
}

static void send(struct result_store *store, const struct str *argv, size_t argc, redis_reply_fn fn)
{
	if (store->trouble)
		return;
	store->trouble = redis_command(store->redis, argv, argc, fn, store);
	store->replies_due += !store->trouble && fn;
}

/* Counts a reply; true when it was the last one due. */
static bool all_in(struct result_store *store, enum status status)
{
	CHECK(store->replies_due > 0);
	if (!store->trouble)
		store->trouble = status;
	return --store->replies_due == 0;
}

static struct str number(char storage[NUMBER_BYTES], uint64_t value)
{
	struct buf text = buf_over(storage, NUMBER_BYTES);
	buf_u64(&text, value);
	return buf_str(&text);
}

static void on_watch(void *ctx, enum status status, const struct redis_reply *reply);

static void send_watch(struct result_store *store)
{
	struct key key;
	struct str argv[] = { STR("WATCH"), result_batch_key(&key) };
	send(store, argv, ARRAY_LEN(argv), on_watch);
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
	send(store, argv, argc, NULL);
}

static void send_hash(struct result_store *store, const struct str *argv, size_t argc)
{
	const struct str unlink[] = { STR("UNLINK"), argv[1] };
	if (store->rewrite)
		send(store, unlink, ARRAY_LEN(unlink), NULL);
	send(store, argv, argc, NULL);
}

static bool mark_moves(const struct terminal *terminal)
{
	return memcmp(&terminal->next, &terminal->stored, sizeof terminal->stored) != 0;
}

static void send_mark(struct result_store *store, uint32_t slot)
{
	const struct instance *instance = fleet_at(store->fleet, slot);
	const struct terminal *terminal = &store->terminals[slot];
	char storage[4][NUMBER_BYTES];
	struct key key;
	if (!instance || !mark_moves(terminal))
		return;
	struct str argv[] = { STR("HSET"), key_fleet_up(&key, str_of(instance->identity.id)),
			      STR("ep"),   number(storage[0], (uint64_t)terminal->next.epoch_ms),
			      STR("up"),   number(storage[1], terminal->next.up),
			      STR("ld"),   number(storage[2], terminal->next.deal),
			      STR("lsv"),  number(storage[3], (uint64_t)terminal->next.deal_ms) };
	send_hash(store, argv, ARRAY_LEN(argv));
}

static void send_batch_number(struct result_store *store)
{
	char storage[3][NUMBER_BYTES];
	struct key key;
	uint64_t position = store->batch_position ? store->batch_position : store->position;
	struct str argv[] = { STR("HSET"), result_batch_key(&key),
			      STR("ep"),   number(storage[0], (uint64_t)store->process_ms),
			      STR("up"),   number(storage[1], store->batch),
			      STR("lsv"),  number(storage[2], position) };
	send_hash(store, argv, position ? ARRAY_LEN(argv) : ARRAY_LEN(argv) - 2);
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
	bool writes = queue == &store->old; /* its position */
	store->flying = queue;
	store->batch_records = 0;
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

/* Since it was chosen the batch may have moved to `old`, and terminals may have gone. */
static void send_body(struct result_store *store)
{
	const struct result_queue *flying = store->flying;
	send_batch_number(store);
	result_walk_begin(store);
	for (size_t at = flying->head; at < flying->sent;) {
		const struct record *record = result_record_at(flying, at);
		at += record->bytes;
		note_terminal(store, record);
		if (record->parts)
			send_result(store, record);
	}
	for (uint32_t i = 0; i < store->touched_count; i++)
		send_mark(store, store->touched[i]);
}

/* MULTI is waited for: a server that refuses it (-LOADING, for a moment) would take what
 * follows one by one, the marks without the results. */
static void send_batch(struct result_store *store)
{
	struct str multi = STR("MULTI");
	begin_commands(store, STORE_FLYING);
	store->executed = store->piecemeal = false;
	store->batch++;
	send(store, &multi, 1, on_multi);
	if (store->replies_due == 0) {
		store->state = STORE_IDLE;
		failed(store);
	}
}

/* The server waits for the rest: the next synchronisation ends that first. */
static void give_up(struct result_store *store)
{
	store->half_sent = true;
	store->state = STORE_IDLE;
	failed(store);
}

static void send_rest(struct result_store *store)
{
	struct str exec = STR("EXEC");
	send_body(store);
	send(store, &exec, 1, on_exec);
	send_watch(store);
	if (store->replies_due == 0) /* no room in the middle */
		give_up(store);
}

static void landed(struct result_store *store, enum status status)
{
	if (!all_in(store, status))
		return;
	store->state = STORE_IDLE;
	if (store->trouble || !store->executed) {
		failed(store);
		return;
	}
	store->rewrite = false;
	result_store_kick(store);
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
	if (status || store->piecemeal || reply->type != REDIS_ARRAY)
		return false;
	for (size_t i = 0; i < reply->count; i++)
		store->piecemeal |= reply->items[i].type == REDIS_ERROR;
	store->rewrite = store->piecemeal;
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

/* ---- the look before anything is sent, or sent again ---- */

static void synced(struct result_store *store)
{
	store->state = STORE_IDLE;
	store->synced = !store->trouble;
	if (store->synced)
		store->flying->sent = store->flying->head; /* what is not settled goes again */
	if (store->restore)
		result_restore_synced(store, store->trouble);
	else if (!store->synced)
		failed(store);
	if (store->synced)
		result_store_kick(store);
}

static void looked(struct result_store *store, enum status status)
{
	if (all_in(store, status))
		synced(store);
}

static void on_watch(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	(void)reply;
	if (store->state == STORE_FLYING)
		landed(store, status);
	else
		looked(store, status);
}

static void on_touched(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	if (status == STATUS_REDIS_WRONGTYPE)
		((struct result_store *)ctx)->rewrite = true;
	looked(ctx, status);
}

static bool is_number(const struct redis_reply *item, uint64_t number)
{
	uint64_t value;
	return item->type == REDIS_BULK && !str_to_u64(item->text, &value) && value == number;
}

static bool is_in_flight(const struct result_store *store)
{
	return store->flying->sent > store->flying->head;
}

/* Whether the marker names this run and the batch that is not settled. */
static void on_marker(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	bool told = !status && reply->type == REDIS_ARRAY && reply->count == 3;
	if (told && store->restore && reply->items[2].type == REDIS_BULK &&
	    str_to_u64(reply->items[2].text, &store->position))
		store->position = 0;
	if (told && !store->piecemeal && is_in_flight(store) &&
	    is_number(&reply->items[0], (uint64_t)store->process_ms) &&
	    is_number(&reply->items[1], store->batch)) {
		store->counts.batches++;
		result_batch_done(store);
	}
	looked(store, status || told ? status : STATUS_REDIS_PROTOCOL);
}

static void mark_written(struct result_store *store, uint64_t rid_hash)
{
	const struct result_queue *flying = store->flying;
	for (size_t at = flying->head; at < flying->sent;) {
		struct record *record = result_record_at(flying, at);
		at += record->bytes;
		if (record->parts && record->rid_hash == rid_hash) {
			record->parts = 0;
			store->counts.results++;
		}
	}
}

static void on_tail(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	bool told = !status && reply->type == REDIS_ARRAY;
	for (size_t i = 0; told && i < reply->count; i++) {
		uint64_t rid_hash, ended_hash;
		if (result_entry_read(&reply->items[i], &rid_hash, &ended_hash))
			mark_written(store, rid_hash);
	}
	looked(store, status || told ? status : STATUS_REDIS_PROTOCOL);
}

/* What this very connection watches would be touched too. */
static void send_touch(struct result_store *store)
{
	const struct str unwatch = STR("UNWATCH"), discard = STR("DISCARD");
	char storage[NUMBER_BYTES];
	struct key key;
	struct str argv[] = { STR("HSET"), result_batch_key(&key), STR("ld"),
			      number(storage, ++store->syncs) };
	if (store->half_sent)
		send(store, &discard, 1, NULL);
	store->half_sent &= store->trouble != STATUS_OK;
	send(store, &unwatch, 1, NULL);
	if (store->rewrite) /* what is no hash there is not ours */
		send(store, (struct str[]){ STR("UNLINK"), argv[1] }, 2, NULL);
	send(store, argv, ARRAY_LEN(argv), on_touched);
}

static void send_tail(struct result_store *store)
{
	char storage[NUMBER_BYTES];
	struct key key;
	struct str argv[] = {
		STR("XREVRANGE"), key_trade_results(&key),
		STR("+"),         STR("-"),
		STR("COUNT"),     number(storage, store->batch_records + TAIL_SLACK)
	};
	send(store, argv, ARRAY_LEN(argv), on_tail);
}

void result_store_sync(struct result_store *store)
{
	struct key key;
	struct str marker[] = { STR("HMGET"), result_batch_key(&key), STR("ep"), STR("up"),
				STR("lsv") };
	begin_commands(store, STORE_SYNCING);
	send_touch(store);
	send(store, marker, ARRAY_LEN(marker), on_marker);
	if (is_in_flight(store))
		send_tail(store);
	send_watch(store);
	if (store->replies_due == 0)
		synced(store);
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
		if (choose(store)) {
			send_batch(store);
			return;
		}
		result_batch_done(store);
	}
}
