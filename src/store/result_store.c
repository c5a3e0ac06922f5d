#include "store/result_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/result_store_impl.h"
#include "store/spill.h"

static void on_timer(void *ctx) { result_store_kick(ctx); }

struct result_store *result_store_create(struct redis_port *rtrs, struct fleet *fleet,
					 struct timers *timers, const struct clock_port *clock,
					 const struct result_store_hooks *hooks)
{
	struct result_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->redis = rtrs;
	store->fleet = fleet;
	store->timers = timers;
	store->clock = clock;
	store->hooks = *hooks;
	store->timer = (struct timer){ .fn = on_timer, .ctx = store };
	store->process_ms = clock_wall_ns(clock) / 1000000;
	store->terminals_room = fleet_room(fleet);
	store->terminals = calloc(store->terminals_room, sizeof *store->terminals);
	store->queue = (struct result_queue){ .memory = malloc(RESULT_STORE_BYTES_MAX),
					      .room = RESULT_STORE_BYTES_MAX };
	store->flying = &store->queue;
	store->packing = result_packing_create();
	if (!store->terminals || !store->queue.memory || !store->packing ||
	    !result_seen_init(&store->rids, RESULT_STORE_RIDS_MAX) ||
	    !result_seen_init(&store->ended, ENDED_MAX)) {
		result_store_destroy(store);
		return NULL;
	}
	return store;
}

void result_store_destroy(struct result_store *store)
{
	if (!store)
		return;
	timers_cancel(store->timers, &store->timer);
	result_spill_deinit(store);
	result_seen_deinit(&store->rids);
	result_seen_deinit(&store->ended);
	result_packing_destroy(store->packing);
	free(store->restore); /* one that never ended: its server has gone */
	free(store->terminals);
	free(store->queue.memory);
	free(store);
}

void result_store_use_packing(struct result_store *store, bool packed) { store->packed = packed; }

void result_store_arm(struct result_store *store, int64_t delay_ns)
{
	if (!store->timer.slot)
		timers_arm(store->timers, &store->timer,
			   clock_monotonic_ns(store->clock) + delay_ns);
}

uint64_t result_ended_hash(uint64_t sid, struct str instance)
{
	uint64_t hash = (str_hash(instance) ^ sid) * 0x9e3779b97f4a7c15u;
	hash ^= hash >> 29;
	return hash ? hash : 1;
}

void result_mark_deal(struct result_store_mark *mark, uint64_t deal, int64_t deal_ms)
{
	if (!deal || !deal_ms || deal_ms < mark->deal_ms ||
	    (deal_ms == mark->deal_ms && deal < mark->deal))
		return;
	mark->deal = deal;
	mark->deal_ms = deal_ms;
}

struct str result_batch_key(struct key *key) { return key_fleet_up(key, STR("~")); }

/* ---- taking ---- */

static void move_to_front(struct result_store *store)
{
	struct result_queue *queue = &store->queue;
	memmove(queue->memory, queue->memory + queue->head, queue->tail - queue->head);
	queue->sent -= queue->head;
	queue->tail -= queue->head;
	if (store->spill_to)
		store->spill_to -= queue->head;
	queue->head = 0;
}

/* Room for n bytes at the tail; what is done with in front gives way. False: full. */
static bool make_room(struct result_store *store, size_t n)
{
	struct result_queue *queue = &store->queue;
	size_t used = queue->tail - queue->head;
	if (used + n > queue->room)
		return false;
	bool wasteful = queue->head > used + BATCH_BYTES;
	if (store->telling)
		return queue->tail + n <= queue->room;
	if (used && !wasteful && queue->tail + n <= queue->room)
		return true;
	move_to_front(store);
	return true;
}

static size_t padded(size_t n) { return (n + 7) / 8 * 8; }

static size_t record_size(const struct result *result)
{
	size_t bytes = sizeof(struct record);
	for (size_t i = 0; result && i < RESULT_FIELDS; i++)
		if (result->fields[i].len)
			bytes += sizeof(struct part) + result->fields[i].len;
	return padded(bytes);
}

static void fill_parts(struct record *record, const struct result *result)
{
	struct part *part = (struct part *)(record + 1);
	for (size_t i = 0; i < RESULT_FIELDS; i++)
		if (result->fields[i].len)
			*part++ = (struct part){ (uint16_t)i, (uint16_t)result->fields[i].len };
	record->parts = (uint32_t)(part - (struct part *)(record + 1));
	char *at = (char *)part;
	for (size_t i = 0; i < RESULT_FIELDS; i++) {
		if (result->fields[i].len)
			memcpy(at, result->fields[i].ptr, result->fields[i].len);
		at += result->fields[i].len;
	}
}

static uint64_t ended_hash_of(const struct result *result)
{
	uint64_t sid;
	if (!result->final || str_to_u64(result->fields[RESULT_sid], &sid))
		return 0;
	return result_ended_hash(sid, result->fields[RESULT_ins]);
}

/* result: NULL where there is nothing to write (any more). */
static enum status append(struct result_store *store, const struct record *head,
			  const struct result *result)
{
	bool writes = result && !result_seen_has(&store->rids, result->rid_hash);
	size_t bytes = record_size(writes ? result : NULL);
	if (!make_room(store, bytes)) {
		store->counts.refused++;
		return STATUS_FULL;
	}
	if (result_queue_empty(&store->queue))
		store->queue_ns = clock_monotonic_ns(store->clock);
	result_gather_note(store);
	struct record *record = result_record_at(&store->queue, store->queue.tail);
	*record = *head;
	record->bytes = (uint32_t)bytes;
	if (writes) {
		result_seen_add(&store->rids, result->rid_hash);
		record->rid_hash = result->rid_hash;
		record->ended_hash = ended_hash_of(result);
		fill_parts(record, result);
		result_gather_count(store);
	} else {
		store->counts.repeated += result != NULL;
	}
	store->queue.tail += bytes;
	if (store->state == STORE_IDLE)
		result_store_arm(store, GATHER_NS);
	result_spill_watch(store);
	return STATUS_OK;
}

enum status result_store_take(struct result_store *store, uint32_t slot, int64_t epoch_ms,
			      uint64_t seq, const struct result *result, uint64_t tag)
{
	CHECK(slot < store->terminals_room);
	struct terminal *terminal = &store->terminals[slot];
	bool again = terminal->taken_epoch_ms == epoch_ms && seq <= terminal->taken_seq;
	struct record head = {
		.slot = slot, .life = terminal->life, .epoch_ms = epoch_ms, .seq = seq, .tag = tag
	};
	if (result) {
		head.deal = result->deal;
		head.deal_ms = result->server_ms;
	}
	store->counts.repeated += again && result;
	if (again && !tag && seq > terminal->mark.up)
		return STATUS_OK; /* the one that waits speaks for it */
	enum status status = append(store, &head, again ? NULL : result);
	if (status || again)
		return status;
	terminal->taken_epoch_ms = epoch_ms;
	terminal->taken_seq = seq;
	return STATUS_OK;
}

enum status result_store_put(struct result_store *store, const struct result *result, uint64_t tag)
{
	return append(store, &(struct record){ .slot = FLEET_NONE, .tag = tag }, result);
}

/* ---- what is known ---- */

struct result_store_mark result_store_mark(const struct result_store *store, uint32_t slot)
{
	CHECK(slot < store->terminals_room);
	return store->terminals[slot].mark;
}

bool result_store_ended(const struct result_store *store, uint64_t sid, struct str instance)
{
	return result_seen_has(&store->ended, result_ended_hash(sid, instance));
}

struct result_store_counts result_store_counts(const struct result_store *store)
{
	struct result_store_counts counts = store->counts;
	counts.waiting_bytes = store->queue.tail - store->queue.head;
	if (store->spill)
		counts.spilled_bytes = spill_counts(store->spill).bytes;
	return counts;
}

static void on_forgotten(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	((struct result_store *)ctx)->counts.failed += status != STATUS_OK;
}

void result_store_forget(struct result_store *store, const struct instance *instance)
{
	CHECK(instance->slot < store->terminals_room);
	struct terminal *terminal = &store->terminals[instance->slot];
	struct key key;
	struct str argv[] = { STR("UNLINK"), key_fleet_up(&key, str_of(instance->identity.id)) };
	*terminal = (struct terminal){ .life = terminal->life + 1 };
	if (redis_command(store->redis, argv, ARRAY_LEN(argv), on_forgotten, store))
		store->counts.failed++;
}

void result_store_drain(struct result_store *store, void (*done)(void *ctx, enum status status),
			void *ctx)
{
	CHECK(!store->drain_done);
	store->drain_done = done;
	store->drain_ctx = ctx;
	result_store_kick(store);
}

void result_store_disconnected(struct result_store *store) { store->synced = false; }

void result_store_reconnected(struct result_store *store)
{
	store->synced = false;
	result_store_kick(store);
}
