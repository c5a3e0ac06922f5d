#include "migrate/keybook.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"

enum { FIRST_SLOTS = 1024, EMPTY = 0 };

/* Slots hold an entry's number + 1. */
struct table {
	uint32_t *slots;
	size_t room; /* power of two */
};

struct keybook {
	struct keybook_entry *entries;
	struct digest *targets; /* of entry i; none: it has no target */
	size_t count, room;
	struct table by_name, by_target;
};

static const char *const state_names[] = {
#define BOOK(id, text) #id,
	BOOK_STATES
#undef BOOK
};

const char *keybook_state_name(enum keybook_state state) { return state_names[state]; }

enum status keybook_create(struct keybook **out)
{
	struct keybook *book = calloc(1, sizeof *book);
	if (!book)
		return STATUS_NO_MEMORY;
	*out = book;
	return STATUS_OK;
}

void keybook_destroy(struct keybook *book)
{
	if (!book)
		return;
	free(book->entries);
	free(book->targets);
	free(book->by_name.slots);
	free(book->by_target.slots);
	free(book);
}

size_t keybook_count(const struct keybook *book) { return book->count; }
struct keybook_entry *keybook_at(struct keybook *book, size_t index)
{
	CHECK(index < book->count);
	return &book->entries[index];
}

/* ---- tables ---- */

static struct digest key_of(int db, struct str name)
{
	struct digest key = digest_of(name);
	key.a += (uint64_t)db * 0x9E3779B97F4A7C15ull;
	if (digest_none(key))
		key.a = 1;
	return key;
}

static const struct digest *key_at(const struct keybook *book, bool targets, size_t index)
{
	return targets ? &book->targets[index] : &book->entries[index].name;
}

static size_t find_in(const struct keybook *book, bool targets, struct digest key)
{
	const struct table *table = targets ? &book->by_target : &book->by_name;
	if (!table->room)
		return SIZE_MAX;
	for (size_t at = key.b & (table->room - 1);; at = (at + 1) & (table->room - 1)) {
		if (table->slots[at] == EMPTY)
			return SIZE_MAX;
		if (digest_eq(*key_at(book, targets, table->slots[at] - 1), key))
			return table->slots[at] - 1;
	}
}

static void put_slot(struct table *table, struct digest key, size_t index)
{
	size_t at = key.b & (table->room - 1);
	while (table->slots[at] != EMPTY)
		at = (at + 1) & (table->room - 1);
	table->slots[at] = (uint32_t)index + 1;
}

/* At most half full. */
static bool room_in(struct keybook *book, bool targets)
{
	struct table *table = targets ? &book->by_target : &book->by_name;
	if (table->room >= 2 * (book->count + 1))
		return true;
	struct table grown = { .room = table->room ? table->room * 2 : FIRST_SLOTS };
	grown.slots = calloc(grown.room, sizeof *grown.slots);
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < book->count; i++) {
		struct digest key = *key_at(book, targets, i);
		if (!digest_none(key))
			put_slot(&grown, key, i);
	}
	free(table->slots);
	*table = grown;
	return true;
}

static bool room_for_entry(struct keybook *book)
{
	if (book->count == book->room) {
		size_t room = book->room ? book->room * 2 : FIRST_SLOTS;
		struct keybook_entry *entries = realloc(book->entries, room * sizeof *entries);
		if (!entries)
			return false;
		book->entries = entries;
		struct digest *targets = realloc(book->targets, room * sizeof *targets);
		if (!targets)
			return false;
		book->targets = targets;
		book->room = room;
	}
	return room_in(book, false) && room_in(book, true);
}

size_t keybook_find(const struct keybook *book, int db, struct str old_name)
{
	return find_in(book, false, key_of(db, old_name));
}

size_t keybook_find_target(const struct keybook *book, int db, struct str new_name)
{
	return find_in(book, true, key_of(db, new_name));
}

static enum status find_or_add(struct keybook *book, int db, struct str old_name, size_t *index)
{
	struct digest key = key_of(db, old_name);
	*index = find_in(book, false, key);
	if (*index != SIZE_MAX)
		return STATUS_OK;
	if (book->count == BOOK_KEYS_MAX)
		return STATUS_FULL;
	if (!room_for_entry(book))
		return STATUS_NO_MEMORY;
	*index = book->count++;
	book->entries[*index] = (struct keybook_entry){
		.name = key, .db = (uint16_t)db, .expires_ms = -1, .new_expires_ms = -1
	};
	book->targets[*index] = (struct digest){ 0 };
	put_slot(&book->by_name, key, *index);
	return STATUS_OK;
}

/* ---- records ---- */

static void take_target(struct keybook *book, size_t index, int db, struct str new_name)
{
	struct digest key = key_of(db, new_name);
	if (!new_name.len || !digest_none(book->targets[index]) ||
	    find_in(book, true, key) != SIZE_MAX)
		return;
	book->targets[index] = key;
	put_slot(&book->by_target, key, index);
}

static void settle(struct keybook_entry *entry, const struct keybook_record *record)
{
	switch (record->state) {
	case BOOK_intent: entry->intent = record->target; break;
	case BOOK_conflict: entry->conflict = true; return; /* what was copied stays known */
	case BOOK_copied:
	case BOOK_moved:
		entry->source = record->source;
		entry->target = record->target;
		entry->expires_ms = record->expires_ms;
		entry->new_expires_ms = record->new_expires_ms;
		entry->intent = (struct digest){ 0 };
		entry->conflict = false;
		break;
	case BOOK_skipped:
		entry->source = record->source;
		entry->reason = (uint8_t)record->reason;
		entry->conflict = false;
		break;
	case BOOK_deleted: entry->conflict = false; break;
	case BOOK_rolled:
		entry->source = entry->target = entry->intent = (struct digest){ 0 };
		entry->conflict = false;
		break;
	default: break;
	}
	/* An intent to copy anew leaves what was copied as it is; the old key is there then,
	 * whatever was about to be done to it. */
	bool anew = record->state == BOOK_intent &&
		    (entry->state == BOOK_copied || entry->state == BOOK_removing ||
		     entry->state == BOOK_deleting);
	entry->state = (uint8_t)(anew ? BOOK_copied : record->state);
}

enum status keybook_take(struct keybook *book, const struct keybook_record *record, uint64_t at,
			 size_t *index)
{
	size_t own;
	enum status status = find_or_add(book, record->db, record->old_name, &own);
	if (status)
		return status;
	struct keybook_entry *entry = &book->entries[own];
	entry->at = at;
	entry->family = record->family;
	settle(entry, record);
	take_target(book, own, record->db, record->new_name);
	if (index)
		*index = own;
	return STATUS_OK;
}

enum status keybook_take_backup(struct keybook *book, int db, struct str old_name,
				struct digest source, uint32_t crc, uint64_t at, size_t *index)
{
	size_t own;
	enum status status = find_or_add(book, db, old_name, &own);
	if (status)
		return status;
	struct keybook_entry *entry = &book->entries[own];
	entry->backup = at;
	entry->backup_source = source;
	entry->backup_crc = crc;
	if (index)
		*index = own;
	return STATUS_OK;
}

/* ---- as bytes ---- */

struct fixed { /* no holes: checked below */
	uint32_t state, reason, family;
	int32_t db;
	int64_t expires_ms, new_expires_ms;
	struct digest source, target;
	uint32_t old_bytes, new_bytes;
};
_Static_assert(sizeof(struct fixed) == 72, "as it stands in the file");

void keybook_record_put(struct buf *out, const struct keybook_record *record)
{
	const struct fixed fixed = { (uint32_t)record->state,
				     record->reason,
				     record->family,
				     record->db,
				     record->expires_ms,
				     record->new_expires_ms,
				     record->source,
				     record->target,
				     (uint32_t)record->old_name.len,
				     (uint32_t)record->new_name.len };
	buf_put(out, &fixed, sizeof fixed);
	buf_str_put(out, record->old_name);
	buf_str_put(out, record->new_name);
}

enum status keybook_record_take(struct str bytes, struct keybook_record *record)
{
	struct fixed fixed;
	if (bytes.len < sizeof fixed)
		return STATUS_FORMAT;
	memcpy(&fixed, bytes.ptr, sizeof fixed);
	struct str names = str_skip(bytes, sizeof fixed);
	if (fixed.state >= BOOK_STATE_COUNT || fixed.db < 0 || fixed.db > UINT16_MAX ||
	    (uint64_t)fixed.old_bytes + fixed.new_bytes != names.len)
		return STATUS_FORMAT;
	*record = (struct keybook_record){
		.state = (enum keybook_state)fixed.state,
		.db = fixed.db,
		.family = fixed.family,
		.reason = fixed.reason,
		.expires_ms = fixed.expires_ms,
		.new_expires_ms = fixed.new_expires_ms,
		.source = fixed.source,
		.target = fixed.target,
		.old_name = str_make(names.ptr, fixed.old_bytes),
		.new_name = str_make(names.ptr + fixed.old_bytes, fixed.new_bytes),
	};
	return STATUS_OK;
}
