/* keybook.h - what is known of every key of a migration, from its journal: where it stands, what
 * was copied, where its backup is.
 *
 * Keyed by the digest of database and old name (128 bits: two names of one digest are not expected
 * in any server), with a second index by the new name, so that two keys that make one target are
 * found. About 150 bytes a key; BOOK_KEYS_MAX keys, then FULL. Entries are addressed by number; it
 * stays. One thread. */
#pragma once

#include "base/err.h"
#include "migrate/digest.h"

enum { BOOK_KEYS_MAX = 1 << 25 };

/* BOOK(id, text): what the journal says of a key; the last record counts. */
#define BOOK_STATES                                                                                \
	BOOK(none, "nothing")                                                                      \
	BOOK(intent, "its new form was about to be written")                                       \
	BOOK(copied, "old and new are in step")                                                    \
	BOOK(skipped, "left as it is")                                                             \
	BOOK(expired, "it expired")                                                                \
	BOOK(deleted, "a writer deleted it")                                                       \
	BOOK(conflict, "both were changed")                                                        \
	BOOK(moved, "its rows are in the sink, read back")                                         \
	BOOK(removing, "the old key was about to be removed")                                      \
	BOOK(removed, "the old key is removed")                                                    \
	BOOK(rolled, "rolled back")                                                                \
	BOOK(deleting, "a writer deleted it, its new form was about to go")

enum keybook_state {
#define BOOK(id, text) BOOK_##id,
	BOOK_STATES
#undef BOOK
	    BOOK_STATE_COUNT
};

struct keybook_record {
	enum keybook_state state;
	int db;
	uint32_t family;
	uint32_t reason;        /* skipped: enum form_reason */
	int64_t expires_ms;     /* of the old key when copied; -1 */
	int64_t new_expires_ms; /* of the new one */
	struct digest source;   /* of the old key's content */
	struct digest target;   /* of the new one's; moved: rows and their checksum */
	struct str old_name, new_name;
};

struct keybook_entry {
	struct digest name;
	struct digest source, target; /* as last copied */
	struct digest intent;         /* a target that may have been written; none */
	int64_t expires_ms, new_expires_ms;
	uint64_t at;     /* journal's offset of the last record; names are there */
	uint64_t backup; /* backup's offset of the last one; 0: none */
	struct digest backup_source;
	uint32_t backup_crc; /* of its DUMP bytes */
	uint32_t family;
	uint32_t seen; /* pass in which it was last met */
	uint16_t db;
	uint8_t state, reason;
	bool conflict;
};

struct keybook;
MUST_CHECK enum status keybook_create(struct keybook **out);
void keybook_destroy(struct keybook *book);
size_t keybook_count(const struct keybook *book);
struct keybook_entry *keybook_at(struct keybook *book, size_t index);
/* The key's number; SIZE_MAX: not known. */
size_t keybook_find(const struct keybook *book, int db, struct str old_name);
/* The number of the key that has this target; SIZE_MAX: none. */
size_t keybook_find_target(const struct keybook *book, int db, struct str new_name);
/* Takes a record as it is put into the journal, or read from it. */
MUST_CHECK enum status keybook_take(struct keybook *book, const struct keybook_record *record,
				    uint64_t at, size_t *index);
/* A backup of the key stands at `at`. */
MUST_CHECK enum status keybook_take_backup(struct keybook *book, int db, struct str old_name,
					   struct digest source, uint32_t crc, uint64_t at,
					   size_t *index);

/* As it stands in the journal. FORMAT. */
void keybook_record_put(struct buf *out, const struct keybook_record *record);
MUST_CHECK enum status keybook_record_take(struct str bytes, struct keybook_record *record);
const char *keybook_state_name(enum keybook_state state);
