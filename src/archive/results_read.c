/* Pages of trade_results into batches: new entries, and first those that are pending for us
 * and in no batch. */
#include "archive/results_impl.h"

/* ---- an entry ---- */

void results_lost(struct results *results, struct slot *slot, struct results_id id, uint32_t *told)
{
	slot->lost++;
	results->read_ever++;
	results->counts.lost++;
	if (++*told <= LOST_TOLD)
		results_tell(results,
			     "entry %llu-%llu was removed by somebody before it was archived",
			     (unsigned long long)id.ms, (unsigned long long)id.seq);
}

static enum status take_plain(struct results *results, struct slot *slot, struct results_id id,
			      const struct results_entry *entry)
{
	const struct results_place place = { .id = id };
	struct results_told told;
	enum status status = results_row_add(&slot->batch->rows, entry, &results->world, &told);
	if (status == STATUS_FORMAT)
		status = results_bad(results, slot, &place, entry, told.fault);
	else if (!status && results_is_late(&told))
		slot->batch->flags |= WRITER_CHECKED;
	return status;
}

static enum status take_packed(struct results *results, struct slot *slot, struct results_id id,
			       const struct results_entry *entry, struct str chunk, size_t *rows)
{
	const struct results_place place = { .id = id };
	struct results_told told;
	enum status status = results_unpack(results, slot, id, chunk, rows, &told);
	if (status != STATUS_FORMAT)
		return status;
	*rows = 1; /* a letter, whatever it holds */
	return results_bad(results, slot, &place, entry, told.fault);
}

enum status results_take(struct results *results, struct slot *slot, struct results_id id,
			 const struct redis_reply *fields)
{
	const struct results_entry entry = { id.ms, fields->items, fields->count };
	struct str chunk;
	size_t rows = 1;
	bool packed = results_row_is_packed(&entry, &chunk);
	enum status status = packed ? take_packed(results, slot, id, &entry, chunk, &rows)
				    : take_plain(results, slot, id, &entry);
	if (status)
		return status;
	if (packed)
		results_packed_counted(results, id, fields, rows);
	results->counts.read += rows;
	results->read_ever += rows;
	slot->read += rows;
	return STATUS_OK;
}

uint64_t results_hash(const struct redis_reply *fields)
{
	uint64_t hash = 1;
	if (fields->type != REDIS_ARRAY)
		return 0;
	for (size_t i = 0; i < fields->count; i++)
		hash = (hash ^ str_hash(fields->items[i].text)) * 0x9e3779b97f4a7c15u;
	return hash ? hash : 1;
}

void results_hash_cursor(struct results *results)
{
	if (results->cursor_fields)
		results->cursor_hash = results_hash(results->cursor_fields);
	results->cursor_fields = NULL;
}

/* ---- a page ---- */

const struct redis_reply *results_entries(const struct redis_reply *reply)
{
	static const struct redis_reply none = { .type = REDIS_ARRAY };
	if (reply->type == REDIS_NIL)
		return &none;
	if (reply->type != REDIS_ARRAY || reply->count != 1 || reply->items[0].count != 2 ||
	    reply->items[0].items[1].type != REDIS_ARRAY)
		return NULL;
	return &reply->items[0].items[1];
}

/* The batch that is being filled, or another one when it has no room for as many rows. */
struct slot *results_slot_for(struct results *results, size_t rows)
{
	struct slot *slot = results_slot(results);
	if (slot && !results_slot_has_room(slot, rows)) {
		results_submit(results);
		slot = results_slot(results);
		if (slot && !results_slot_has_room(slot, rows))
			return NULL;
	}
	return slot;
}

static enum status take_one(struct results *results, struct results_id id,
			    const struct redis_reply *fields, uint32_t *told)
{
	struct slot *slot = results_slot_for(results, results_rows_of(fields));
	if (!slot)
		return STATUS_FULL;
	enum status status = STATUS_OK;
	if (fields->type == REDIS_ARRAY)
		status = results_take(results, slot, id, fields);
	else
		results_lost(results, slot, id, told);
	if (status)
		return status;
	if (results_id_cmp(id, results->checked_until) <= 0)
		slot->batch->flags |= WRITER_CHECKED;
	slot->ids[slot->count++] = id;
	results->cursor = id;
	results->cursor_fields = fields;
	return STATUS_OK;
}

static bool id_of(const struct redis_reply *entry, struct results_id *id)
{
	return entry->type == REDIS_ARRAY && entry->count == 2 &&
	       !results_id_parse(entry->items[0].text, id);
}

/* Ids that were read: the stream went back. */
static bool comes_again(struct results *results, const struct redis_reply *entry)
{
	struct results_id id;
	if (!id_of(entry, &id) || results_id_cmp(id, results->cursor) > 0)
		return false;
	results->broken = "entries that were read came again";
	results_sync_later(results);
	return true;
}

/* What does not fit is tried once more with an empty batch. */
static bool take_entry(struct results *results, const struct redis_reply *entry, uint32_t *told)
{
	struct results_id id;
	if (!id_of(entry, &id)) {
		results->counts.failed++;
		return true;
	}
	if (comes_again(results, entry))
		return false;
	enum status status = take_one(results, id, &entry->items[1], told);
	if (status && results->filling && results->filling->count) {
		results_submit(results);
		if (!results->filling)
			status = take_one(results, id, &entry->items[1], told);
	}
	return status == STATUS_OK;
}

/* A page of new ones is ours, whatever becomes of it. */
static void note_delivered(struct results *results, const struct redis_reply *entries)
{
	struct results_id last;
	if (results->reads_new && entries->count &&
	    id_of(&entries->items[entries->count - 1], &last) &&
	    results_id_cmp(last, results->delivered) > 0)
		results->delivered = last;
}

/* How many of a page of pending ones are not to be delivered again. */
static size_t pending_of(const struct results *results, const struct redis_reply *entries)
{
	struct results_id id;
	size_t count = entries->count;
	while (!results->reads_new && count && id_of(&entries->items[count - 1], &id) &&
	       results_id_cmp(id, results->delivered) > 0)
		count--;
	return count;
}

/* False: the rest of the `count` is pending for us, and read again. */
static bool take_page(struct results *results, const struct redis_reply *entries, size_t count)
{
	uint32_t told = 0;
	size_t i = 0;
	while (i < count && take_entry(results, &entries->items[i], &told))
		i++;
	results_hash_cursor(results); /* the answer goes */
	if (told > LOST_TOLD)
		results_tell(results,
			     "%u entries were removed by somebody before they were archived", told);
	return i == count;
}

static int64_t until_next_page(const struct results *results, size_t count, bool all)
{
	if (!all)
		return BUSY_NS;
	if (results->full_page || !results->reads_new)
		return 0;
	return count ? BUSY_NS : IDLE_NS;
}

uint64_t results_page_rows(const struct results *results)
{
	return results->page * results->entry_rows;
}

/* The next page is as many entries as should bring PAGE_ROWS results, if they are like these;
 * after a failure it grows again by and by. Of a short page nothing is learnt: what comes while
 * there is no hurry is packed less. */
static void size_page(struct results *results, const struct redis_reply *entries)
{
	size_t rows = 0;
	for (size_t i = 0; i < entries->count; i++)
		if (entries->items[i].count == 2)
			rows += results_rows_of(&entries->items[i].items[1]);
	if (rows && (results->full_page || results->behind))
		results->entry_rows = (rows + entries->count - 1) / entries->count;
	uint64_t most = PAGE_ROWS / results->entry_rows;
	most = most < PAGE ? most : PAGE;
	results->page = results->page * 4 < most ? results->page * 4 : most;
}

static void page_came(struct results *results, const struct redis_reply *entries)
{
	results_well(results);
	if (entries->count)
		crash_point(CRASH_read);
	note_delivered(results, entries);
	size_t count = pending_of(results, entries);
	bool all = take_page(results, entries, count);
	results->full_page = count >= results->asked;
	bool end = all && results->reads_new && !results->full_page;
	results->caught_up |= end;
	results->drain_read |= end && results->drain_asked;
	results->behind = !all || (!results->reads_new && results->full_page);
	size_page(results, entries);
	results->read_at_ns = results_now(results) + until_next_page(results, entries->count, all);
}

/* The server said no: it has done nothing. */
static bool is_refused(enum status status)
{
	return status >= STATUS_REDIS_ERR && status <= STATUS_REDIS_EXECABORT;
}

/* A page that is too much for the connection, or for the server's patience, is asked for in
 * parts. What it brought is ours all the same: how far the group went, it is asked. */
static void page_failed(struct results *results, enum status status)
{
	results->behind = true;
	if (results->reads_new && !is_refused(status))
		results_sync_later(results);
	if (status == STATUS_CLOSED || status == STATUS_TIMEOUT)
		results->page = results->page > 8 ? results->page / 8 : 1;
	results_failed(results, status);
}

/* Out of order by now: it is pending for us, and read again. */
static void page_put_off(struct results *results, const struct redis_reply *entries)
{
	results->behind = true;
	note_delivered(results, entries);
	if (entries->count && !results->stopped)
		comes_again(results, &entries->items[0]);
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct results *results = ctx;
	const struct redis_reply *entries = status ? NULL : results_entries(reply);
	CHECK(results->reads_due > 0);
	results->reads_due--;
	if (status == STATUS_REDIS_NOGROUP)
		results_sync_later(results);
	else if (!entries)
		page_failed(results, status);
	else if (results->state != RESULTS_RUNNING || results->stopped ||
		 (results->behind && results->reads_new))
		page_put_off(results, entries);
	else
		page_came(results, entries);
	results_kick(results);
}

static bool ask_page(struct results *results)
{
	char storage[RESULTS_ID_TEXT], number[24];
	struct buf text = buf_over(storage, sizeof storage);
	struct key key;
	results_id_print(&text, results->cursor);
	results->reads_new = !results->behind;
	results->asked = results->page;
	struct str argv[] = { STR("XREADGROUP"),
			      STR("GROUP"),
			      results_group,
			      results_consumer,
			      STR("COUNT"),
			      results_number(number, results->page),
			      STR("STREAMS"),
			      key_trade_results(&key),
			      results->behind ? buf_str(&text) : STR(">") };
	if (results_send(results, argv, ARRAY_LEN(argv), on_page))
		return false;
	results->reads_due++;
	return true;
}

/* Whether there would be a batch for another page. */
static bool has_room(struct results *results)
{
	size_t due = (results->reads_due + 1) * results_page_rows(results);
	if (results->filling)
		return results_slot_has_room(results->filling, due);
	for (size_t i = 0; i < SLOTS; i++)
		if (results->slots[i].state == SLOT_FREE)
			return true;
	return false;
}

/* Of a stream that is begun nothing is taken before the file says what there is of it: else
 * what is removed after a crash would not be missed. */
static bool may_read(struct results *results)
{
	return results->state == RESULTS_RUNNING && !results->stopped && !results->loading &&
	       results->loaded && !results->hold_back && !results_begins(results) &&
	       writer_state(results->config.writer) == WRITER_READY &&
	       redis_pending_bytes(results->config.rtrs) < PENDING_BYTES && has_room(results);
}

void results_read(struct results *results)
{
	int64_t now_ns = results_now(results);
	if (results->reads_due > 0 || now_ns < results->read_at_ns)
		return;
	if (!may_read(results)) {
		results->read_at_ns = now_ns + BUSY_NS;
		return;
	}
	bool ahead = results->full_page && !results->behind;
	results->drain_asked = results->drained != NULL;
	if (!ask_page(results))
		return;
	/* While the stream lags the server looks the next page up as we take this one. */
	while (ahead && results->reads_due < READS_MAX && may_read(results) && ask_page(results))
		;
}
