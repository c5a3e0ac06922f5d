/* Packed entries: results on their way into chunks, what the stream holds read back, and how
 * long a batch waits for more. */
#include <stdlib.h>

#include "base/check.h"
#include "codec/entries.h"
#include "store/result_store_impl.h"

struct result_packing {
	struct entries_packer *packer;
	struct entries_reader *reader;
	const struct record *records[ENTRIES_ROWS_MAX];
	struct str values[ENTRIES_ROWS_MAX][RESULT_FIELDS];
	size_t count, at; /* [at, count) are not in a chunk yet */
	char chunk[ENTRIES_CHUNK_BYTES];
};

struct result_packing *result_packing_create(void)
{
	size_t fields;
	struct result_packing *packing = malloc(sizeof *packing);
	entries_fields(ENTRIES_RESULTS, &fields);
	CHECK(fields == RESULT_FIELDS);
	if (!packing)
		return NULL;
	packing->count = packing->at = 0;
	packing->packer = entries_packer_create();
	packing->reader = entries_reader_create();
	if (packing->packer && packing->reader)
		return packing;
	result_packing_destroy(packing);
	return NULL;
}

void result_packing_destroy(struct result_packing *packing)
{
	if (!packing)
		return;
	entries_packer_destroy(packing->packer);
	entries_reader_destroy(packing->reader);
	free(packing);
}

/* ---- into chunks ---- */

static bool is_packable(const struct record *record)
{
	const struct part *parts = record_parts(record);
	for (uint32_t i = 0; i < record->parts; i++)
		if (parts[i].len > ENTRIES_VALUE_BYTES)
			return false;
	return true;
}

bool result_packing_add(struct result_packing *packing, const struct record *record)
{
	if (packing->at == packing->count)
		packing->at = packing->count = 0;
	if (packing->count == ENTRIES_ROWS_MAX || !is_packable(record))
		return false;
	struct str *values = packing->values[packing->count];
	const struct part *parts = record_parts(record);
	const char *at = record_bytes(record);
	memset(values, 0, sizeof packing->values[0]);
	for (uint32_t i = 0; i < record->parts; i++) {
		values[parts[i].field] = str_make(at, parts[i].len);
		at += parts[i].len;
	}
	packing->records[packing->count++] = record;
	return true;
}

/* Half of them, where all are too many: a chunk that is nearly full costs as little a result
 * as a full one. */
size_t result_packing_next(struct result_packing *packing, struct str *chunk)
{
	for (size_t rows = packing->count - packing->at; rows > 0; rows /= 2) {
		struct buf out = buf_over(packing->chunk, sizeof packing->chunk);
		if (entries_pack(packing->packer, ENTRIES_RESULTS, packing->values[packing->at],
				 rows, &out))
			continue;
		packing->at += rows;
		*chunk = buf_str(&out);
		return rows;
	}
	return 0;
}

const struct record *result_packing_skip(struct result_packing *packing)
{
	return packing->at < packing->count ? packing->records[packing->at++] : NULL;
}

/* ---- read back ---- */

static bool ends_a_signal(struct str st)
{
	return !str_eq(st, STR("part")) && !str_eq(st, STR("unk"));
}

/* values: RESULT_FIELDS, those that are not there empty. */
static bool row_read(const struct str *values, struct result_row *row)
{
	uint64_t sid;
	struct str rid = values[RESULT_rid];
	*row = (struct result_row){ .rid_hash = rid.len ? str_hash(rid) : 0 };
	if (values[RESULT_sid].len && ends_a_signal(values[RESULT_st]) &&
	    !str_to_u64(values[RESULT_sid], &sid))
		row->ended_hash = result_ended_hash(sid, values[RESULT_ins]);
	return rid.len > 0;
}

/* Of the fields only those that say which result it is. */
static void plain_values(const struct redis_reply *fields, struct str values[RESULT_FIELDS])
{
	static const enum result_field wanted[] = { RESULT_rid, RESULT_sid, RESULT_ins, RESULT_st };
	for (size_t i = 0; i + 1 < fields->count; i += 2)
		for (size_t j = 0; j < ARRAY_LEN(wanted); j++)
			if (str_eq(fields->items[i].text, str_of(result_field_name(wanted[j]))))
				values[wanted[j]] = fields->items[i + 1].text;
}

static bool is_packed(const struct redis_reply *fields)
{
	return fields->count == 2 && str_eq(fields->items[0].text, STR("p"));
}

size_t result_entry_open(struct result_store *store, const struct redis_reply *entry)
{
	size_t rows = 1;
	if (entry->type != REDIS_ARRAY || entry->count != 2 || entry->items[1].type != REDIS_ARRAY)
		return 0;
	if (!is_packed(&entry->items[1]) || !entries_read(store->packing->reader, ENTRIES_RESULTS,
							  entry->items[1].items[1].text, &rows))
		return rows;
	store->counts.unread++;
	return 0;
}

bool result_entry_row(const struct result_store *store, const struct redis_reply *entry, size_t at,
		      struct result_row *row)
{
	struct str values[RESULT_FIELDS] = { 0 };
	if (is_packed(&entry->items[1]))
		return row_read(entries_row(store->packing->reader, at), row);
	plain_values(&entry->items[1], values);
	return row_read(values, row);
}

/* ---- how long a batch waits ---- */

void result_gather_note(struct result_store *store)
{
	const struct result_queue *queue = &store->queue;
	int64_t now_ns = clock_monotonic_ns(store->clock);
	size_t waits_from =
	    store->state == STORE_FLYING && store->flying == queue ? queue->sent : queue->head;
	if (queue->tail == waits_from)
		store->gather_ns = now_ns;
}

void result_gather_count(struct result_store *store)
{
	store->came_ns[store->came++ % FAST_RESULTS] = clock_monotonic_ns(store->clock);
}

void result_store_save_room(struct result_store *store, bool saving) { store->saving = saving; }

bool result_gather_waits(struct result_store *store)
{
	if (!store->packed || store->drain_done || !result_queue_empty(&store->old))
		return false;
	int64_t now_ns = clock_monotonic_ns(store->clock);
	int64_t oldest_ns = store->came_ns[store->came % FAST_RESULTS];
	int64_t due_ns = store->gather_ns + (store->saving ? SAVE_GATHER_NS : PACK_GATHER_NS);
	if (store->came < FAST_RESULTS || now_ns - oldest_ns > FAST_NS || now_ns >= due_ns)
		return false;
	if (!store->timer.slot || store->timer.deadline_ns > due_ns)
		timers_arm(store->timers, &store->timer, due_ns);
	return true;
}
