/* What a key was: its DUMP in one record, or, where it is large, pieces between a beginning and an
 * end. Only a backup that has its end counts. */
#include <stdlib.h>

#include "base/crc32c.h"
#include "migrate/migrate_impl.h"

enum { PIECE_BYTES = 4 << 20 }; /* of a record, but for an element that is larger */

enum backup_kind { BACKUP_WHOLE = 1, BACKUP_BEGIN, BACKUP_PIECE, BACKUP_END };

struct fixed {
	uint32_t kind;
	int32_t db;
	uint32_t type, crc;
	int64_t expires_ms;
	struct digest digest;
	uint64_t begins;     /* END: where its beginning stands */
	uint32_t name_bytes; /* then the name, then the DUMP, or at the END of a stream what
				it is besides */
	uint32_t count;      /* PIECE: elements, each two lengths and two texts */
};
_Static_assert(sizeof(struct fixed) == 56, "as it stands in the file");

static enum status put(struct migrate *migrate, const struct fixed *fixed, struct str name,
		       struct str rest, uint64_t *at, struct err *err)
{
	struct buf record;
	buf_init(&record, JOURNAL_RECORD_MAX);
	buf_put(&record, fixed, sizeof *fixed);
	buf_str_put(&record, name);
	buf_str_put(&record, rest);
	enum status status = record.overflow
				 ? err_set(err, STATUS_NO_MEMORY, "no memory for a backup")
				 : journal_put(&migrate->backup, buf_str(&record), at, err);
	buf_deinit(&record);
	return status;
}

static struct fixed fixed_of(struct migrate *migrate, enum backup_kind kind,
			     const struct step_key *key)
{
	return (struct fixed){ .kind = kind,
			       .db = migrate_server_database(migrate->server),
			       .type = key->old_key.type,
			       .expires_ms = key->old_key.expires_ms,
			       .digest = key->old_key.digest,
			       .name_bytes = (uint32_t)key->old_name.len };
}

static enum status noted(struct migrate *migrate, const struct step_key *key, struct digest digest,
			 uint32_t crc, uint64_t at, struct err *err)
{
	migrate_counts_of(migrate, key)->backups++;
	enum status status =
	    keybook_take_backup(migrate->book, migrate_server_database(migrate->server),
				key->old_name, digest, crc, at, NULL);
	return status ? err_set(err, status, "more keys than a migration can hold") : STATUS_OK;
}

/* Servers that do not tell an expiry exactly tell another one each time. */
static int64_t steady_expiry(const struct migrate *migrate, const struct source_key *key)
{
	bool exact = migrate_server_version(migrate->server) >= 70000;
	return exact || key->expires_ms < 0 ? key->expires_ms
					    : key->expires_ms / EXPIRY_TOLERANCE_MS;
}

/* Where there are no bytes to compare: the expiry, and what its content's digest does not have. */
static uint32_t pieces_crc(const struct migrate *migrate, const struct source_key *key)
{
	int64_t expires_ms = steady_expiry(migrate, key);
	uint32_t crc = crc32c(0, &expires_ms, sizeof expires_ms);
	return key->type == AUDIT_STREAM ? crc32c(crc, &key->stream, sizeof key->stream) : crc;
}

bool backup_is_current(const struct migrate *migrate, const struct keybook_entry *entry,
		       const struct source_key *key)
{
	return entry->backup && digest_eq(entry->backup_source, key->digest) &&
	       entry->backup_crc == pieces_crc(migrate, key);
}

/* Bytes and expiry: a key that reads the same may be laid out otherwise, and is brought back as it
 * was laid out. */
static uint32_t state_crc(const struct migrate *migrate, const struct source_key *key)
{
	uint32_t crc = crc32c(0, key->dump.ptr, key->dump.len);
	int64_t expires_ms = steady_expiry(migrate, key);
	return crc32c(crc, &expires_ms, sizeof expires_ms);
}

enum status backup_key(struct migrate *migrate, struct step_key *key, struct err *err)
{
	uint32_t crc = state_crc(migrate, &key->old_key);
	uint64_t at;
	if (key->entry != SIZE_MAX) {
		const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
		if (entry->backup && digest_eq(entry->backup_source, key->old_key.digest) &&
		    entry->backup_crc == crc)
			return STATUS_OK;
	}
	struct fixed fixed = fixed_of(migrate, BACKUP_WHOLE, key);
	fixed.crc = crc;
	enum status status = put(migrate, &fixed, key->old_name, key->old_key.dump, &at, err);
	if (!status)
		status = noted(migrate, key, key->old_key.digest, crc, at, err);
	if (!status && key->entry == SIZE_MAX)
		key->entry = keybook_find(migrate->book, migrate_server_database(migrate->server),
					  key->old_name);
	return status;
}

/* ---- in pieces ---- */

enum status backup_begin(struct migrate *migrate, const struct step_key *key, uint64_t *at,
			 struct err *err)
{
	const struct fixed fixed = fixed_of(migrate, BACKUP_BEGIN, key);
	return put(migrate, &fixed, key->old_name, STR(""), at, err);
}

static enum status put_piece(struct migrate *migrate, const struct audit_element *elements,
			     size_t count, struct err *err)
{
	const struct fixed fixed = { .kind = BACKUP_PIECE, .count = (uint32_t)count };
	struct buf rest;
	buf_init(&rest, JOURNAL_RECORD_MAX);
	for (size_t i = 0; i < count; i++) {
		const uint32_t lengths[] = { (uint32_t)elements[i].field.len,
					     (uint32_t)elements[i].value.len };
		buf_put(&rest, lengths, sizeof lengths);
		buf_str_put(&rest, elements[i].field);
		buf_str_put(&rest, elements[i].value);
	}
	enum status status = rest.overflow
				 ? err_set(err, STATUS_NO_MEMORY, "no memory for a backup")
				 : put(migrate, &fixed, STR(""), buf_str(&rest), NULL, err);
	buf_deinit(&rest);
	return status;
}

/* Of elements of any size: a record ends where the next one would make it larger than its bound. */
enum status backup_piece(struct migrate *migrate, const struct audit_element *elements,
			 size_t count, struct err *err)
{
	enum status status = STATUS_OK;
	size_t begin = 0, bytes = 0;
	for (size_t i = 0; !status && i < count; i++) {
		size_t own = elements[i].field.len + elements[i].value.len;
		if (i > begin && bytes + own > PIECE_BYTES) {
			status = put_piece(migrate, elements + begin, i - begin, err);
			begin = i;
			bytes = 0;
		}
		bytes += own;
	}
	return status || begin == count ? status
					: put_piece(migrate, elements + begin, count - begin, err);
}

enum status backup_end(struct migrate *migrate, const struct step_key *key, uint64_t at,
		       struct digest digest, struct err *err)
{
	struct fixed fixed = fixed_of(migrate, BACKUP_END, key);
	fixed.digest = digest;
	fixed.begins = at;
	fixed.crc = pieces_crc(migrate, &key->old_key);
	struct str besides = STR("");
	if (key->old_key.type == AUDIT_STREAM)
		besides = str_make((const char *)&key->old_key.stream, sizeof key->old_key.stream);
	enum status status = put(migrate, &fixed, key->old_name, besides, NULL, err);
	return status ? status : noted(migrate, key, digest, fixed.crc, at, err);
}

/* ---- reading ---- */

static bool take_fixed(struct str record, struct fixed *fixed, struct str *name, struct str *rest)
{
	if (record.len < sizeof *fixed)
		return false;
	memcpy(fixed, record.ptr, sizeof *fixed);
	record = str_skip(record, sizeof *fixed);
	if (fixed->name_bytes > record.len || fixed->type >= AUDIT_TYPES || fixed->db < 0 ||
	    fixed->db > UINT16_MAX)
		return false;
	*name = str_make(record.ptr, fixed->name_bytes);
	*rest = str_skip(record, fixed->name_bytes);
	return true;
}

enum status backup_take(void *ctx, uint64_t offset, struct str record, struct err *err)
{
	struct migrate *migrate = ctx;
	struct fixed fixed;
	struct str name, rest;
	enum status status = STATUS_OK;
	if (!take_fixed(record, &fixed, &name, &rest))
		status = STATUS_FORMAT;
	else if (fixed.kind == BACKUP_WHOLE || fixed.kind == BACKUP_END)
		status =
		    keybook_take_backup(migrate->book, fixed.db, name, fixed.digest, fixed.crc,
					fixed.kind == BACKUP_WHOLE ? offset : fixed.begins, NULL);
	return status
		   ? err_set(err, status, "%s: the record at byte %llu: %s", migrate->backup.path,
			     (unsigned long long)offset, status_text(status))
		   : STATUS_OK;
}

enum status backup_read(struct migrate *migrate, uint64_t at, struct buf *record,
			struct backup_whole *whole, uint64_t *next, struct err *err)
{
	struct fixed fixed;
	struct str name, rest;
	enum status status = journal_read(&migrate->backup, at, record, next, err);
	if (status)
		return status;
	if (!take_fixed(buf_str(record), &fixed, &name, &rest))
		return err_set(err, STATUS_FORMAT, "%s: the record at byte %llu is none",
			       migrate->backup.path, (unsigned long long)at);
	*whole = (struct backup_whole){ .type = (enum audit_type)fixed.type,
					.expires_ms = fixed.expires_ms,
					.pieces = fixed.kind == BACKUP_BEGIN,
					.dump = rest };
	return STATUS_OK;
}

static bool take_element(struct str *rest, struct audit_element *element)
{
	uint32_t lengths[2];
	if (rest->len < sizeof lengths)
		return false;
	memcpy(lengths, rest->ptr, sizeof lengths);
	*rest = str_skip(*rest, sizeof lengths);
	if ((uint64_t)lengths[0] + lengths[1] > rest->len)
		return false;
	element->field = str_make(rest->ptr, lengths[0]);
	element->value = str_make(rest->ptr + lengths[0], lengths[1]);
	*rest = str_skip(*rest, (size_t)lengths[0] + lengths[1]);
	return true;
}

static enum status write_piece(struct migrate *migrate, const struct fixed *fixed, struct str rest,
			       struct str name, enum audit_type type, struct err *err)
{
	struct audit_element *elements = calloc(fixed->count + 1, sizeof *elements);
	size_t replies = 0;
	bool good = elements != NULL;
	for (uint32_t i = 0; good && i < fixed->count; i++)
		good = take_element(&rest, &elements[i]);
	if (good)
		step_put_elements(migrate, name, type, elements, fixed->count, NULL, NULL,
				  &replies);
	free(elements);
	return good ? migrate_server_settle(migrate->server, err)
		    : err_set(err, STATUS_FORMAT, "%s: a piece is none", migrate->backup.path);
}

/* Backups of before have none. */
static enum status write_besides(struct migrate *migrate, struct str rest, struct str name,
				 enum audit_type type, struct err *err)
{
	struct source_stream stream;
	if (type != AUDIT_STREAM || rest.len < sizeof stream)
		return STATUS_OK;
	memcpy(&stream, rest.ptr, sizeof stream);
	source_stream_put(migrate->server, name, &stream);
	return migrate_server_settle(migrate->server, err);
}

enum status backup_write_pieces(struct migrate *migrate, uint64_t at, struct str name,
				enum audit_type type, struct err *err)
{
	struct buf record;
	struct fixed fixed = { .kind = BACKUP_PIECE };
	struct str own_name, rest;
	enum status status = STATUS_OK;
	buf_init(&record, JOURNAL_RECORD_MAX + 64);
	while (!status && fixed.kind == BACKUP_PIECE) {
		status = journal_read(&migrate->backup, at, &record, &at, err);
		if (status)
			break;
		if (!take_fixed(buf_str(&record), &fixed, &own_name, &rest))
			status = err_set(err, STATUS_FORMAT, "%s: a piece is none",
					 migrate->backup.path);
		else if (fixed.kind == BACKUP_PIECE)
			status = write_piece(migrate, &fixed, rest, name, type, err);
		else
			status = write_besides(migrate, rest, name, type, err);
	}
	buf_deinit(&record);
	return status;
}
