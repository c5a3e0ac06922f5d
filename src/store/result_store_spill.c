/* What is spilled, and how it comes back. A record in the file:
 *
 *   struct spilled · the terminal's id · for each field: u8 length, name, u16 length, value
 *
 * Names and not numbers: the next version may have other fields. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/result_store_impl.h"
#include "store/spill.h"

enum { SPILLED_VERSION = 1, RECORD_BYTES = 16 << 10 };

struct spilled {
	uint64_t run; /* process_ms of whoever wrote it: slot and life are of that run */
	uint32_t slot, life;
	int64_t epoch_ms;
	uint64_t seq;
	uint64_t rid_hash, ended_hash;
	uint64_t deal;
	int64_t deal_ms;
	uint8_t version, id_len;
	uint16_t parts;
	uint32_t zero;
};

_Static_assert(sizeof(struct spilled) == 72, "no padding in the file");

/* ---- writing ---- */

static void put_parts(struct buf *out, const struct record *record)
{
	const struct part *parts = record_parts(record);
	const char *at = record_bytes(record);
	for (uint32_t i = 0; i < record->parts; i++) {
		struct str name = str_of(result_field_name((enum result_field)parts[i].field));
		buf_char(out, (char)name.len);
		buf_str_put(out, name);
		buf_put(out, &parts[i].len, sizeof parts[i].len);
		buf_put(out, at, parts[i].len);
		at += parts[i].len;
	}
}

static struct str encode(const struct result_store *store, const struct record *record,
			 struct buf *out)
{
	bool is_of = result_record_is_of(store, record);
	const struct instance *instance = is_of ? fleet_at(store->fleet, record->slot) : NULL;
	struct str id = str_of(instance ? instance->identity.id : "");
	const struct spilled head = { .run = (uint64_t)store->process_ms,
				      .slot = instance ? record->slot : FLEET_NONE,
				      .life = record->life,
				      .epoch_ms = record->epoch_ms,
				      .seq = record->seq,
				      .rid_hash = record->rid_hash,
				      .ended_hash = record->ended_hash,
				      .deal = record->deal,
				      .deal_ms = record->deal_ms,
				      .version = SPILLED_VERSION,
				      .id_len = (uint8_t)id.len,
				      .parts = (uint16_t)record->parts };
	buf_clear(out);
	buf_put(out, &head, sizeof head);
	buf_str_put(out, id);
	put_parts(out, record);
	CHECK(!out->overflow);
	return buf_str(out);
}

static void on_spilled(void *ctx, enum status status, const char *why);

/* The queue from its head on, as much as one commit takes. The batch on its way, which is in
 * front, goes as a whole or not at all. */
static bool put_queue(struct result_store *store)
{
	char storage[RECORD_BYTES];
	struct result_queue *queue = &store->queue;
	struct buf bytes = buf_over(storage, sizeof storage);
	size_t at = queue->head;
	store->flight_end = 0;
	while (at < queue->tail) {
		struct record *record = result_record_at(queue, at);
		struct str text = encode(store, record, &bytes);
		record->position = spill_next_position(store->spill, text.len);
		if (spill_put(store->spill, text))
			break;
		if (at < queue->sent)
			store->flight_end = record->position;
		at += record->bytes;
	}
	if (at == queue->head || at < queue->sent) {
		spill_discard(store->spill);
		return false;
	}
	store->spill_to = at;
	return true;
}

static void refused(struct result_store *store, const char *why)
{
	store->counts.spill_failed++;
	snprintf(store->spill_why, sizeof store->spill_why, "%s", why);
	store->spill_from_ns = clock_monotonic_ns(store->clock) + SPILL_RETRY_NS;
	result_spill_watch(store);
}

static bool is_all_written(const struct result_store *store)
{
	return result_queue_empty(&store->old) && !spill_has_more(store->spill);
}

static void spill_queue(struct result_store *store)
{
	store->flight_landed = false;
	if (is_all_written(store)) /* a new file */
		store->skip_count = store->read_count = 0;
	if (put_queue(store))
		spill_commit(store->spill, on_spilled, store);
	else
		refused(store, "the spill file is as long as it may be");
}

const char *result_store_stuck(const struct result_store *store)
{
	return store->spill_why[0] && !result_queue_empty(&store->queue) ? store->spill_why : NULL;
}

/* The batch that is on its way, or not settled, is settled in front of what is read back. */
static void move_flight(struct result_store *store)
{
	struct result_queue *queue = &store->queue, *old = &store->old;
	size_t bytes = queue->sent - queue->head;
	CHECK(result_queue_empty(old) && bytes <= old->room);
	memcpy(old->memory, queue->memory + queue->head, bytes);
	*old = (struct result_queue){
		.memory = old->memory, .room = old->room, .sent = bytes, .tail = bytes
	};
	store->flying = old;
}

static size_t count_records(const struct result_queue *queue, size_t to)
{
	size_t count = 0;
	for (size_t at = queue->head; at < to; at += result_record_at(queue, at)->bytes)
		count++;
	return count;
}

void result_spill_written(struct result_store *store, uint64_t position)
{
	store->position = position;
	spill_done(store->spill, position);
}

/* The batch that was on its way stands first in the file, which was empty: it is not read
 * back. */
static void leave_flight(struct result_store *store)
{
	uint64_t end = store->flight_end;
	store->flight_end = 0;
	if (!end)
		return;
	if (store->flight_landed) {
		spill_seek(store->spill, end);
		result_spill_written(store, end);
	} else if (store->queue.sent > store->queue.head) {
		spill_seek(store->spill, end);
		move_flight(store);
		store->batch_position = end;
	}
}

static void on_spilled(void *ctx, enum status status, const char *why)
{
	struct result_store *store = ctx;
	struct result_queue *queue = &store->queue;
	size_t to = store->spill_to;
	store->spill_to = 0;
	if (status) {
		store->flight_end = 0;
		refused(store, why);
	} else {
		store->spill_why[0] = 0;
		store->counts.spilled += count_records(queue, to);
		result_store_tell(store, to);
		leave_flight(store);
		queue->head = queue->sent = to;
		store->queue_ns = clock_monotonic_ns(store->clock);
		result_spill_watch(store);
	}
	result_store_kick(store);
}

/* ---- when ---- */

static int64_t due_ns(const struct result_store *store)
{
	int64_t since = store->well_ns < store->queue_ns ? store->well_ns : store->queue_ns;
	int64_t due = since + SPILL_AFTER_NS;
	return due > store->spill_from_ns ? due : store->spill_from_ns;
}

static bool is_idle(const struct result_store *store)
{
	return result_queue_empty(&store->queue) || store->spill_to || !store->replays ||
	       store->telling || spill_is_committing(store->spill);
}

static void on_spill_timer(void *ctx)
{
	struct result_store *store = ctx;
	if (is_idle(store))
		return;
	if (clock_monotonic_ns(store->clock) >= due_ns(store))
		spill_queue(store);
	else
		result_spill_watch(store);
}

void result_spill_watch(struct result_store *store)
{
	if (!store->spill || is_idle(store))
		return;
	int64_t now_ns = clock_monotonic_ns(store->clock);
	/* work that begins now: nobody has failed yet */
	if (store->queue_ns == now_ns && is_all_written(store))
		store->well_ns = now_ns;
	if (store->spill_timer.slot)
		return;
	int64_t due = due_ns(store), soon = now_ns + GATHER_NS;
	timers_arm(store->timers, &store->spill_timer, due > soon ? due : soon);
}

/* ---- reading back ---- */

static bool take_bytes(struct str *rest, void *out, size_t len)
{
	if (rest->len < len)
		return false;
	memcpy(out, rest->ptr, len);
	*rest = str_skip(*rest, len);
	return true;
}

static bool take_text(struct str *rest, size_t len, struct str *out)
{
	if (rest->len < len)
		return false;
	*out = str_make(rest->ptr, len);
	*rest = str_skip(*rest, len);
	return true;
}

static uint16_t field_named(struct str name)
{
	for (uint16_t i = 0; i < RESULT_FIELDS; i++)
		if (str_eq(name, str_of(result_field_name((enum result_field)i))))
			return i;
	return RESULT_FIELDS;
}

struct field {
	uint16_t field;
	struct str value;
};

/* Fields that this version does not know are left out. */
static bool take_fields(struct str *rest, uint32_t count, struct field *fields, uint32_t *known)
{
	*known = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t name_len;
		uint16_t len;
		struct str name, value;
		if (!take_bytes(rest, &name_len, sizeof name_len) ||
		    !take_text(rest, name_len, &name) || !take_bytes(rest, &len, sizeof len) ||
		    !take_text(rest, len, &value))
			return false;
		uint16_t field = field_named(name);
		if (field < RESULT_FIELDS && *known < RESULT_FIELDS)
			fields[(*known)++] = (struct field){ field, value };
	}
	return true;
}

static void fill(struct record *record, const struct field *fields, uint32_t count)
{
	struct part *parts = (struct part *)(record + 1);
	char *at = (char *)(parts + count);
	for (uint32_t i = 0; i < count; i++) {
		parts[i] = (struct part){ fields[i].field, (uint16_t)fields[i].value.len };
		memcpy(at, fields[i].value.ptr, fields[i].value.len);
		at += fields[i].value.len;
	}
	record->parts = count;
	size_t bytes = (size_t)(at - (char *)record);
	record->bytes = (uint32_t)((bytes + 7) / 8 * 8);
}

/* In an earlier run a slot may have been another's: its id counts. */
static void find_slot(const struct result_store *store, const struct spilled *head, struct str id,
		      struct record *record)
{
	bool ours = head->run == (uint64_t)store->process_ms;
	record->slot = ours || !id.len ? head->slot : fleet_find(store->fleet, id);
	record->life = ours ? head->life : 0;
	if (!id.len || record->slot >= store->terminals_room)
		record->slot = FLEET_NONE;
}

static bool decode(const struct result_store *store, const struct spill_record *from,
		   struct record *record)
{
	struct spilled head;
	struct field fields[RESULT_FIELDS];
	struct str rest = from->bytes, id;
	uint32_t known;
	if (!take_bytes(&rest, &head, sizeof head) || head.version != SPILLED_VERSION ||
	    !take_text(&rest, head.id_len, &id) || !take_fields(&rest, head.parts, fields, &known))
		return false;
	*record = (struct record){ .epoch_ms = head.epoch_ms,
				   .seq = head.seq,
				   .rid_hash = head.rid_hash,
				   .ended_hash = head.ended_hash,
				   .deal = head.deal,
				   .deal_ms = head.deal_ms,
				   .position = from->position };
	find_slot(store, &head, id, record);
	fill(record, fields, known);
	return true;
}

/* What `old` has room for; each as it stands at its tail. */
static bool load_one(struct result_store *store)
{
	struct result_queue *old = &store->old;
	struct spill_record from;
	struct record *record = result_record_at(old, old->tail);
	if (old->tail > OLD_FILL || !spill_take(store->spill, &from))
		return false;
	size_t n = store->read_count++;
	if (!decode(store, &from, record)) {
		store->counts.spill_failed++;
		return true;
	}
	if (n < store->skip_count && store->skip[n / 8] >> n % 8 & 1)
		record->parts = 0;
	old->tail += record->bytes;
	return true;
}

static void on_read(void *ctx, enum status status, const char *why)
{
	struct result_store *store = ctx;
	(void)why;
	if (status) {
		store->counts.spill_failed++;
		result_store_arm(store, SPILL_RETRY_NS);
		return;
	}
	result_store_kick(store);
}

bool result_spill_is_empty(struct result_store *store)
{
	struct result_queue *old = &store->old;
	if (!store->spill || !store->replays)
		return true;
	while (result_queue_empty(old) && spill_has_more(store->spill)) {
		if (spill_is_reading(store->spill))
			return false;
		old->head = old->sent = old->tail = 0;
		while (load_one(store))
			;
		if (!result_queue_empty(old))
			return true;
		if (spill_has_more(store->spill))
			spill_read(store->spill, on_read, store);
	}
	return result_queue_empty(old);
}

/* ---- at the start ---- */

static void scan_more(struct result_store *store);

static void note_known(struct result_store *store, size_t n)
{
	if (n >= store->skip_count) {
		size_t bytes = (n / 8 + 1) * 2;
		uint8_t *skip = realloc(store->skip, bytes);
		if (!skip)
			return; /* it is written twice; who reads the stream knows it by its rid */
		memset(skip + store->skip_count / 8, 0, bytes - store->skip_count / 8);
		store->skip = skip;
		store->skip_count = bytes * 8;
	}
	store->skip[n / 8] |= (uint8_t)(1u << n % 8);
}

static void tell_spilled(struct result_store *store, const struct record *record)
{
	struct str values[RESULT_FIELDS] = { 0 };
	const struct part *parts = record_parts(record);
	const char *at = record_bytes(record);
	for (uint32_t i = 0; i < record->parts; i++) {
		values[parts[i].field] = str_make(at, parts[i].len);
		at += parts[i].len;
	}
	if (record->parts && store->on_spilled)
		store->on_spilled(store->spilled_ctx, values);
}

/* What was on its way when it was spilled may have been recorded after all: its rid was read
 * from the stream. */
static void scan_record(struct result_store *store, const struct record *record, size_t n)
{
	if (record->parts && !result_seen_add(&store->rids, record->rid_hash))
		note_known(store, n);
	else
		tell_spilled(store, record);
	if (record->ended_hash)
		result_seen_add(&store->ended, record->ended_hash);
	if (!result_record_is_of(store, record))
		return;
	struct terminal *terminal = &store->terminals[record->slot];
	result_mark_advance(&terminal->mark, record);
	terminal->taken_epoch_ms = terminal->mark.epoch_ms;
	terminal->taken_seq = terminal->mark.up;
}

static void on_scanned(void *ctx, enum status status, const char *why)
{
	struct result_store *store = ctx;
	struct record *record = result_record_at(&store->old, 0);
	struct spill_record from;
	(void)why;
	while (!status && spill_take(store->spill, &from)) {
		if (decode(store, &from, record))
			scan_record(store, record, store->read_count);
		store->read_count++;
	}
	if (status)
		result_restore_spilled(store, status);
	else
		scan_more(store);
}

static void scan_more(struct result_store *store)
{
	if (spill_has_more(store->spill)) {
		spill_read(store->spill, on_scanned, store);
		return;
	}
	spill_seek(store->spill, store->position);
	spill_done(store->spill, store->position);
	store->read_count = 0;
	result_restore_spilled(store, STATUS_OK);
}

void result_spill_scan(struct result_store *store, uint64_t position)
{
	spill_seek(store->spill, position);
	store->read_count = 0;
	scan_more(store);
}

/* ---- */

void result_store_use_spill(struct result_store *store, struct spill *spill)
{
	CHECK(!store->spill && result_queue_empty(&store->queue));
	store->old = (struct result_queue){ .memory = malloc(OLD_BYTES), .room = OLD_BYTES };
	CHECK(store->old.memory);
	store->spill = spill;
	store->spill_timer = (struct timer){ .fn = on_spill_timer, .ctx = store };
	store->replays = !spill_has_more(spill);
}

void result_store_tell_spilled(struct result_store *store,
			       void (*fn)(void *ctx, const struct str *values), void *ctx)
{
	store->on_spilled = fn;
	store->spilled_ctx = ctx;
}

void result_store_leave_spill(struct result_store *store)
{
	if (!store->spill)
		return;
	spill_forget_owner(store->spill);
	timers_cancel(store->timers, &store->spill_timer);
	store->spill = NULL;
}

void result_spill_deinit(struct result_store *store)
{
	result_store_leave_spill(store);
	free(store->old.memory);
	free(store->skip);
}
