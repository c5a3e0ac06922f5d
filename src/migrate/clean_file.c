/* The quarantine file: what was taken, with its bytes, and what became of it. */
#include <stdlib.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "migrate/clean_impl.h"

enum kind { KIND_WRITTEN = 1, KIND_HELD, KIND_OVER };

struct fixed {
	uint32_t kind;
	int32_t db;
	int64_t at_ms, expires_ms;
	uint64_t of; /* HELD, OVER: where the record stands that is */
	uint32_t crc, name_bytes;
};
_Static_assert(sizeof(struct fixed) == 40, "as it stands in the file");

/* ---- the list in memory ---- */

static enum status remember(struct clean *clean, const struct clean_held *held, struct err *err)
{
	if (clean->n_held == CLEAN_HELD_MAX)
		return err_set(err, STATUS_FULL, "%s: more than %d keys in quarantine: purge first",
			       clean->file.path, CLEAN_HELD_MAX);
	if (clean->n_held == clean->held_room) {
		size_t room = clean->held_room ? 2 * clean->held_room : 1024;
		struct clean_held *more = realloc(clean->held, room * sizeof *more);
		if (!more)
			return err_set(err, STATUS_NO_MEMORY, "out of memory");
		clean->held = more;
		clean->held_room = room;
	}
	clean->held[clean->n_held++] = *held;
	return STATUS_OK;
}

/* Offsets ascend. */
static struct clean_held *find(struct clean *clean, uint64_t offset)
{
	size_t low = 0, high = clean->n_held;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (clean->held[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < clean->n_held && clean->held[low].offset == offset ? &clean->held[low] : NULL;
}

static bool take_fixed(struct str record, struct fixed *fixed)
{
	if (record.len < sizeof *fixed)
		return false;
	memcpy(fixed, record.ptr, sizeof *fixed);
	return fixed->name_bytes <= record.len - sizeof *fixed && fixed->db >= 0 &&
	       fixed->kind >= KIND_WRITTEN && fixed->kind <= KIND_OVER;
}

static enum status on_record(void *ctx, uint64_t offset, struct str record, struct err *err)
{
	struct clean *clean = ctx;
	struct fixed fixed;
	if (!take_fixed(record, &fixed))
		return err_set(err, STATUS_FORMAT, "%s: offset %llu: a record that is none",
			       clean->file.path, (unsigned long long)offset);
	if (fixed.kind == KIND_WRITTEN)
		return remember(clean,
				&(struct clean_held){ .offset = offset,
						      .at_ms = fixed.at_ms,
						      .expires_ms = fixed.expires_ms,
						      .db = fixed.db },
				err);
	struct clean_held *held = find(clean, fixed.of);
	if (held)
		held->state = fixed.kind == KIND_HELD ? CLEAN_HELD : CLEAN_OVER;
	return STATUS_OK;
}

/* ---- the file ---- */

static bool all_over(const struct clean *clean)
{
	for (size_t i = 0; i < clean->n_held; i++)
		if (clean->held[i].state != CLEAN_OVER)
			return false;
	return clean->n_held > 0;
}

static enum status open_it(struct clean *clean, const char *path, struct err *err)
{
	/* One server's keys, never another's. */
	struct buf place;
	uint64_t cut;
	buf_init(&place, 1024);
	buf_printf(&place, "%s:%u", clean->url.place, (unsigned)clean->url.port);
	uint64_t server = str_hash(str_make(place.ptr, place.len));
	buf_deinit(&place);
	enum status status = journal_open(&clean->file, path, JOURNAL_QUARANTINE, server, on_record,
					  clean, &cut, err);
	if (status == STATUS_VERSION)
		return err_set(err, status, "%s: holds another server's keys: name another --dir",
			       path);
	if (!status && cut)
		clean_say(clean, "%s: %llu bytes of a record that was not finished were cut off",
			  path, (unsigned long long)cut);
	return status;
}

/* A file of which nothing is held any more begins anew. */
enum status clean_file_open(struct clean *clean, struct err *err)
{
	char path[PATH_BYTES_MAX];
	enum status status = path_format(path, err, "%s/quarantine", clean->folder);
	if (!status)
		status = open_it(clean, path, err);
	if (status || !all_over(clean))
		return status;
	journal_close(&clean->file);
	clean->file = (struct journal){ .fd = -1 };
	clean->n_held = 0;
	if (remove(path) != 0)
		return err_set(err, STATUS_IO, "%s: cannot be removed", path);
	return open_it(clean, path, err);
}

enum status clean_file_hold(struct clean *clean, const struct clean_record *record, struct err *err)
{
	struct fixed fixed = { .kind = KIND_WRITTEN,
			       .db = record->db,
			       .at_ms = record->at_ms,
			       .expires_ms = record->expires_ms,
			       .crc = crc32c(0, record->dump.ptr, record->dump.len),
			       .name_bytes = (uint32_t)record->name.len };
	struct clean_held held = { .at_ms = record->at_ms,
				   .expires_ms = record->expires_ms,
				   .db = record->db };
	struct buf bytes;
	buf_init(&bytes, JOURNAL_RECORD_MAX);
	buf_put(&bytes, &fixed, sizeof fixed);
	buf_str_put(&bytes, record->name);
	buf_str_put(&bytes, record->dump);
	enum status status = bytes.overflow
				 ? err_set(err, STATUS_NO_MEMORY, "out of memory")
				 : journal_put(&clean->file, buf_str(&bytes), &held.offset, err);
	buf_deinit(&bytes);
	return status ? status : remember(clean, &held, err);
}

enum status clean_file_mark(struct clean *clean, size_t index, enum clean_state state,
			    struct err *err)
{
	struct fixed fixed = { .kind = state == CLEAN_HELD ? KIND_HELD : KIND_OVER,
			       .of = clean->held[index].offset };
	CHECK(state != CLEAN_WRITTEN);
	clean->held[index].state = state;
	return journal_put(&clean->file, str_make((const char *)&fixed, sizeof fixed), NULL, err);
}

enum status clean_file_read(struct clean *clean, size_t index, struct clean_record *record,
			    struct err *err)
{
	struct fixed fixed;
	uint64_t next;
	buf_clear(&record->record);
	enum status status =
	    journal_read(&clean->file, clean->held[index].offset, &record->record, &next, err);
	if (status)
		return status;
	struct str bytes = buf_str(&record->record);
	if (!take_fixed(bytes, &fixed) || fixed.kind != KIND_WRITTEN)
		return err_set(err, STATUS_FORMAT, "%s: a record that is none", clean->file.path);
	record->at_ms = fixed.at_ms;
	record->expires_ms = fixed.expires_ms;
	record->db = fixed.db;
	record->crc = fixed.crc;
	record->name = str_make(bytes.ptr + sizeof fixed, fixed.name_bytes);
	record->dump = str_skip(bytes, sizeof fixed + fixed.name_bytes);
	if (crc32c(0, record->dump.ptr, record->dump.len) != fixed.crc)
		return err_set(err, STATUS_CHECKSUM, "%s: a key's bytes are damaged",
			       clean->file.path);
	return STATUS_OK;
}
