/* The look before anything is sent, or sent again: how a batch without an answer is settled,
 * and what x is. */
#include "base/check.h"
#include "store/result_store_impl.h"

static void synced(struct result_store *store)
{
	store->state = STORE_IDLE;
	store->synced = !store->trouble;
	if (store->synced)
		store->flying->sent = store->flying->head; /* what is not settled goes again */
	if (store->restore)
		result_restore_synced(store, store->trouble);
	else if (!store->synced)
		result_store_failed(store);
	if (store->synced)
		result_store_kick(store);
}

static void looked(struct result_store *store, enum status status)
{
	if (result_replies_in(store, status))
		synced(store);
}

static void on_watched(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	looked(ctx, status);
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

static void take_x(struct result_store *store, const struct redis_reply *item)
{
	uint64_t x;
	store->x_told = item->type == REDIS_BULK && !str_to_u64(item->text, &x);
	store->x_stored = store->x_told ? x : 0;
	if (store->x_told)
		store->x = x;
}

/* Whether the marker names this run and the batch that is not settled. */
static void on_marker(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	bool told = !status && reply->type == REDIS_ARRAY && reply->count == 4;
	if (told)
		take_x(store, &reply->items[3]);
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

/* Without a stream its entries-added begins anew. */
static void on_stream(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	bool none =
	    reply && reply->type == REDIS_ERROR &&
	    (status == STATUS_REDIS_WRONGTYPE || str_starts(reply->text, STR("ERR no such key")));
	if (none)
		store->x = 0;
	looked(store, none ? STATUS_OK : status);
}

static bool mark_written(struct result_store *store, uint64_t rid_hash)
{
	const struct result_queue *flying = store->flying;
	bool found = false;
	for (size_t at = flying->head; at < flying->sent;) {
		struct record *record = result_record_at(flying, at);
		at += record->bytes;
		if (record->parts && record->rid_hash == rid_hash) {
			record->parts = 0;
			store->counts.results++;
			found = true;
		}
	}
	return found;
}

static size_t mark_entry(struct result_store *store, const struct redis_reply *entry)
{
	size_t rows = result_entry_open(store, entry);
	bool ours = false;
	for (size_t i = 0; i < rows; i++) {
		struct result_row row;
		if (result_entry_row(store, entry, i, &row))
			ours |= mark_written(store, row.rid_hash);
	}
	if (ours && !store->x_told && !store->x_has_flight) /* what said so was removed since */
		store->x += rows - 1;
	return rows;
}

/* The batch's own results are among so many of the newest, with those of others. */
static void on_tail(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct result_store *store = ctx;
	bool told = !status && reply->type == REDIS_ARRAY;
	size_t rows = 0;
	for (size_t i = 0; told && i < reply->count && rows < store->batch_records + TAIL_SLACK;
	     i++)
		rows += mark_entry(store, &reply->items[i]);
	looked(store, status || told ? status : STATUS_REDIS_PROTOCOL);
}

/* What this very connection watches would be touched too. */
static void send_touch(struct result_store *store)
{
	const struct str unwatch = STR("UNWATCH"), discard = STR("DISCARD");
	char storage[RESULT_NUMBER_BYTES];
	struct key key;
	struct str argv[] = { STR("HSET"), result_batch_key(&key), STR("ld"),
			      result_number(storage, ++store->syncs) };
	if (store->half_sent)
		result_command_send(store, &discard, 1, NULL);
	store->half_sent &= store->trouble != STATUS_OK;
	result_command_send(store, &unwatch, 1, NULL);
	if (store->rewrite) /* what is no hash there is not ours */
		result_command_send(store, (struct str[]){ STR("UNLINK"), argv[1] }, 2, NULL);
	result_command_send(store, argv, ARRAY_LEN(argv), on_touched);
}

static void send_tail(struct result_store *store)
{
	char storage[RESULT_NUMBER_BYTES];
	struct key key;
	struct str argv[] = {
		STR("XREVRANGE"), key_trade_results(&key),
		STR("+"),         STR("-"),
		STR("COUNT"),     result_number(storage, store->batch_entries + TAIL_SLACK)
	};
	result_command_send(store, argv, ARRAY_LEN(argv), on_tail);
}

void result_store_sync(struct result_store *store)
{
	struct key key;
	struct key stream;
	struct str marker[] = { STR("HMGET"), result_batch_key(&key),
				STR("ep"),    STR("up"),
				STR("lsv"),   STR("x") };
	const struct str info[] = { STR("XINFO"), STR("STREAM"), key_trade_results(&stream) };
	result_commands_begin(store, STORE_SYNCING);
	send_touch(store);
	result_command_send(store, marker, ARRAY_LEN(marker), on_marker);
	result_command_send(store, info, ARRAY_LEN(info), on_stream);
	if (is_in_flight(store))
		send_tail(store);
	result_watch_send(store, on_watched);
	if (store->replies_due == 0)
		synced(store);
}
