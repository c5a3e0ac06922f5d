#include "migrate/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "os/files.h"

static const char magic[8] = { 'w', 'e', 'i', 'r', 'm', 'i', 'g', '1' };

enum {
	HEAD_BYTES = 24,
	RECORD_HEAD = 8,
	FLUSH_BYTES = 1 << 20,
	SEARCH_BYTES = 1 << 20, /* read at once */
	SHORT_BYTES = 4096,     /* a record that is cheaper to check than to doubt */
	SEARCH_LINKS = 2,       /* records in a row that make a longer one worth checking */
};

/* What a search for good records checks at most; damage that takes more is not cut off. */
static const uint64_t search_bytes_max = UINT64_C(1) << 30;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

static uint32_t record_crc(uint32_t len, const char *bytes)
{
	return crc32c(crc32c(0, &len, sizeof len), bytes, len);
}

static enum status failed(struct journal *journal, const char *what, struct err *err)
{
	return err_errno(err, errno, "%s: %s", journal->path, what);
}

/* ---- writing ---- */

static enum status write_all(struct journal *journal, struct str bytes, struct err *err)
{
	while (bytes.len > 0) {
		ssize_t n = pwrite(journal->fd, bytes.ptr, bytes.len, (off_t)journal->written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(journal, "write", err);
		bytes = str_skip(bytes, (size_t)n);
		journal->written += (uint64_t)n;
		journal->dirty = true;
	}
	return STATUS_OK;
}

/* What was written of it would stand as damage before the records that come next. */
static void take_back(struct journal *journal, uint64_t good)
{
	journal->broken = true;
	if (!ftruncate(journal->fd, (off_t)good))
		journal->written = good;
}

enum status journal_flush(struct journal *journal, struct err *err)
{
	uint64_t good = journal->written;
	if (journal->broken)
		return err_set(err, STATUS_IO, "%s: a write failed before", journal->path);
	enum status status = write_all(journal, buf_str(&journal->waiting), err);
	buf_clear(&journal->waiting);
	if (status)
		take_back(journal, good);
	return status;
}

enum status journal_sync(struct journal *journal, struct err *err)
{
	enum status status = journal_flush(journal, err);
	if (!status && journal->dirty && fdatasync(journal->fd))
		status = failed(journal, "sync", err);
	if (!status)
		journal->dirty = false;
	return status;
}

enum status journal_put(struct journal *journal, struct str record, uint64_t *offset,
			struct err *err)
{
	uint32_t head[2] = { (uint32_t)record.len, record_crc((uint32_t)record.len, record.ptr) };
	if (journal->reads)
		return err_set(err, STATUS_UNSUPPORTED, "%s was opened to read", journal->path);
	if (!record.len || record.len > JOURNAL_RECORD_MAX)
		return err_set(err, STATUS_RANGE, "%s: a record of %zu bytes", journal->path,
			       record.len);
	if (journal->broken || journal->waiting.len + record.len > FLUSH_BYTES) {
		enum status status = journal_flush(journal, err);
		if (status)
			return status;
	}
	if (offset)
		*offset = journal->written + journal->waiting.len;
	buf_put(&journal->waiting, head, sizeof head);
	buf_str_put(&journal->waiting, record);
	return journal->waiting.overflow
		   ? err_set(err, STATUS_NO_MEMORY, "%s: no memory", journal->path)
		   : STATUS_OK;
}

/* ---- reading ---- */

static enum status read_at(struct journal *journal, uint64_t offset, char *at, size_t len,
			   size_t *got, struct err *err)
{
	*got = 0;
	while (*got < len) {
		ssize_t n = pread(journal->fd, at + *got, len - *got, (off_t)(offset + *got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(journal, "read", err);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return STATUS_OK;
}

/* CHECKSUM without a word: the caller knows what it means there. */
static enum status read_record(struct journal *journal, uint64_t offset, struct buf *record,
			       uint64_t *next, struct err *err)
{
	uint32_t head[2];
	size_t got;
	buf_clear(record);
	enum status status = read_at(journal, offset, (char *)head, sizeof head, &got, err);
	if (status)
		return status;
	if (got < sizeof head || !head[0] || head[0] > JOURNAL_RECORD_MAX ||
	    offset + sizeof head + head[0] > journal->written)
		return STATUS_CHECKSUM;
	char *at = buf_reserve(record, head[0]);
	if (!at)
		return err_set(err, STATUS_NO_MEMORY, "%s: no memory", journal->path);
	status = read_at(journal, offset + sizeof head, at, head[0], &got, err);
	if (status)
		return status;
	if (got < head[0] || record_crc(head[0], at) != head[1])
		return STATUS_CHECKSUM;
	record->len = head[0];
	*next = offset + sizeof head + head[0];
	return STATUS_OK;
}

enum status journal_read(struct journal *journal, uint64_t offset, struct buf *record,
			 uint64_t *next, struct err *err)
{
	enum status status = journal->waiting.len ? journal_flush(journal, err) : STATUS_OK;
	if (!status)
		status = read_record(journal, offset, record, next, err);
	return status == STATUS_CHECKSUM
		   ? err_set(err, status, "%s: the record at byte %llu is damaged", journal->path,
			     (unsigned long long)offset)
		   : status;
}

/* Until `end`, or the first record that is none: *stop is where. */
static enum status each_until(struct journal *journal, uint64_t end, journal_fn fn, void *ctx,
			      uint64_t *stop, struct err *err)
{
	struct buf record;
	enum status status = STATUS_OK;
	uint64_t next = 0;
	buf_init(&record, JOURNAL_RECORD_MAX + 64);
	for (*stop = HEAD_BYTES; !status && *stop < end; *stop = next) {
		status = read_record(journal, *stop, &record, &next, err);
		if (status)
			break;
		status = fn ? fn(ctx, *stop, buf_str(&record), err) : STATUS_OK;
		if (status == STATUS_CHECKSUM)
			status = STATUS_FORMAT; /* fn's own */
	}
	buf_deinit(&record);
	return status;
}

enum status journal_each(struct journal *journal, journal_fn fn, void *ctx, struct err *err)
{
	uint64_t stop = 0;
	enum status status = journal_flush(journal, err);
	if (!status)
		status = each_until(journal, journal->written, fn, ctx, &stop, err);
	return status == STATUS_CHECKSUM
		   ? err_set(err, status, "%s: the record at byte %llu is damaged", journal->path,
			     (unsigned long long)stop)
		   : status;
}

/* ---- opening ---- */

/* A search for a good record behind a bad one: one that is found says that the bad one is no write
 * that was cut. Lengths come first, for checking each of 64 MB would take days. */
struct search {
	struct journal *journal;
	struct buf window; /* bytes at window_at */
	uint64_t window_at;
	uint64_t checked; /* bytes of records */
	struct buf record;
	struct err *err;
};

static enum status length_at(struct search *search, uint64_t at, uint32_t *len)
{
	size_t got;
	enum status status =
	    read_at(search->journal, at, (char *)len, sizeof *len, &got, search->err);
	if (got < sizeof *len)
		*len = 0;
	return status;
}

static bool fits(const struct journal *journal, uint64_t at, uint32_t len)
{
	return len > 0 && len <= JOURNAL_RECORD_MAX && at + RECORD_HEAD + len <= journal->written;
}

/* Others in a row behind it, or the end of the file. */
static enum status is_worth_it(struct search *search, uint64_t at, uint32_t len, bool *worth)
{
	enum status status = STATUS_OK;
	*worth = fits(search->journal, at, len);
	if (len <= SHORT_BYTES)
		return STATUS_OK;
	for (int links = 0; !status && *worth && links < SEARCH_LINKS; links++) {
		at += RECORD_HEAD + len;
		if (at == search->journal->written)
			break;
		status = length_at(search, at, &len);
		*worth = !status && fits(search->journal, at, len);
	}
	return status;
}

static enum status check_at(struct search *search, uint64_t at, uint32_t len, bool *found)
{
	uint64_t next;
	bool worth;
	enum status status = is_worth_it(search, at, len, &worth);
	if (status || !worth)
		return status;
	search->checked += len;
	if (search->checked > search_bytes_max) {
		*found = true; /* nobody knows: nothing is cut off */
		return STATUS_OK;
	}
	status = read_record(search->journal, at, &search->record, &next, search->err);
	*found = status == STATUS_OK;
	return status == STATUS_CHECKSUM ? STATUS_OK : status;
}

static enum status fill_window(struct search *search, uint64_t at)
{
	size_t got;
	buf_clear(&search->window);
	char *bytes = buf_reserve(&search->window, SEARCH_BYTES);
	if (!bytes)
		return err_set(search->err, STATUS_NO_MEMORY, "no memory");
	enum status status = read_at(search->journal, at, bytes, SEARCH_BYTES, &got, search->err);
	search->window.len = got;
	search->window_at = at;
	return status;
}

static enum status search_window(struct search *search, bool *found)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && !*found && i + RECORD_HEAD < search->window.len; i++) {
		uint32_t len;
		memcpy(&len, search->window.ptr + i, sizeof len);
		if (fits(search->journal, search->window_at + i, len))
			status = check_at(search, search->window_at + i, len, found);
	}
	return status;
}

static enum status search_behind(struct search *search, uint64_t bad, bool *found)
{
	uint64_t at = bad + 1, end = search->journal->written;
	uint64_t next;
	uint32_t len;
	enum status status = length_at(search, bad, &len);
	/* Its length is good, most likely: what is behind it stands at a known place. */
	if (!status && fits(search->journal, bad, len)) {
		status = read_record(search->journal, bad + RECORD_HEAD + len, &search->record,
				     &next, search->err);
		*found = status == STATUS_OK;
		status = status == STATUS_CHECKSUM ? STATUS_OK : status;
	}
	for (; !status && !*found && at + RECORD_HEAD < end; at += SEARCH_BYTES - RECORD_HEAD) {
		status = fill_window(search, at);
		if (!status)
			status = search_window(search, found);
	}
	return status;
}

static enum status good_behind(struct journal *journal, uint64_t bad, bool *found, struct err *err)
{
	struct search search = { .journal = journal, .err = err };
	*found = false;
	buf_init(&search.window, SEARCH_BYTES + 64);
	buf_init(&search.record, JOURNAL_RECORD_MAX + 64);
	enum status status = search_behind(&search, bad, found);
	buf_deinit(&search.window);
	buf_deinit(&search.record);
	return status;
}

static enum status cut_tail(struct journal *journal, uint64_t good, uint64_t *cut, struct err *err)
{
	bool found;
	enum status status = good_behind(journal, good, &found, err);
	if (status)
		return status;
	if (found)
		return err_set(
		    err, STATUS_CHECKSUM,
		    "%s: damaged at byte %llu, and goes on behind it: put back a copy of "
		    "it, or roll back by hand from what is readable",
		    journal->path, (unsigned long long)good);
	*cut = journal->written - good;
	if (!journal->reads && (ftruncate(journal->fd, (off_t)good) || fdatasync(journal->fd)))
		return failed(journal, "cut", err);
	journal->written = good;
	return STATUS_OK;
}

static void make_head(char head[HEAD_BYTES], enum journal_kind kind, uint64_t plan)
{
	uint32_t number = kind;
	memcpy(head, magic, sizeof magic);
	memcpy(head + 8, &plan, sizeof plan);
	memcpy(head + 16, &number, sizeof number);
	uint32_t crc = crc32c(0, head, 20);
	memcpy(head + 20, &crc, sizeof crc);
}

enum status journal_sync_folder(const char *path, struct err *err)
{
	char folder[PATH_BYTES_MAX];
	enum status status = path_format(folder, err, "%s", path);
	if (status)
		return status;
	int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd >= 0 ? fsync(fd) : -1;
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return result ? err_errno(err, errno, "%s: sync of its folder", path) : STATUS_OK;
}

static enum status write_head(struct journal *journal, const char head[HEAD_BYTES], struct err *err)
{
	journal->written = 0;
	if (ftruncate(journal->fd, 0))
		return failed(journal, "cut", err);
	enum status status = write_all(journal, str_make(head, HEAD_BYTES), err);
	if (!status)
		status = journal_sync(journal, err);
	return status ? status : journal_sync_folder(journal->path, err);
}

static enum status check_head(struct journal *journal, const char head[HEAD_BYTES], struct err *err)
{
	char there[HEAD_BYTES];
	size_t got;
	enum status status = read_at(journal, 0, there, HEAD_BYTES, &got, err);
	if (status)
		return status;
	if (memcmp(there, magic, sizeof magic) != 0 || memcmp(there + 16, head + 16, 4) != 0)
		return err_set(err, STATUS_FORMAT, "%s is something else than a migration's file",
			       journal->path);
	return memcmp(there, head, HEAD_BYTES) == 0
		   ? STATUS_OK
		   : err_set(
			 err, STATUS_VERSION,
			 "the plan was changed since it was applied (%s): roll back with the plan "
			 "as it was, or write another plan file",
			 journal->path);
}

static enum status read_through(struct journal *journal, journal_fn fn, void *ctx, uint64_t *cut,
				struct err *err)
{
	uint64_t stop = HEAD_BYTES;
	enum status status = each_until(journal, journal->written, fn, ctx, &stop, err);
	return status == STATUS_CHECKSUM ? cut_tail(journal, stop, cut, err) : status;
}

static enum status open_it(struct journal *journal, const char *path, enum journal_kind kind,
			   uint64_t plan, journal_fn fn, void *ctx, uint64_t *cut, struct err *err)
{
	char head[HEAD_BYTES];
	struct stat facts;
	journal->path = strdup(path);
	*cut = 0;
	if (!journal->path)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	buf_init(&journal->waiting, JOURNAL_WAITING_MAX);
	make_head(head, kind, plan);
	journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	enum status status = STATUS_OK;
	if (journal->fd < 0 || fstat(journal->fd, &facts))
		status = failed(journal, "open", err);
	else if (facts.st_size < HEAD_BYTES)
		status = write_head(journal, head, err);
	else {
		journal->written = (uint64_t)facts.st_size;
		status = check_head(journal, head, err);
		if (!status)
			status = read_through(journal, fn, ctx, cut, err);
	}
	if (status)
		journal_close(journal);
	return status;
}

enum status journal_open(struct journal *journal, const char *path, enum journal_kind kind,
			 uint64_t plan, journal_fn fn, void *ctx, uint64_t *cut, struct err *err)
{
	*journal = (struct journal){ .fd = -1 };
	return open_it(journal, path, kind, plan, fn, ctx, cut, err);
}

enum status journal_open_to_read(struct journal *journal, const char *path, enum journal_kind kind,
				 uint64_t plan, journal_fn fn, void *ctx, uint64_t *cut,
				 struct err *err)
{
	*journal = (struct journal){ .fd = -1, .reads = true };
	return open_it(journal, path, kind, plan, fn, ctx, cut, err);
}

void journal_close(struct journal *journal)
{
	if (journal->fd >= 0) {
		(void)!journal_flush(journal, NULL);
		close(journal->fd);
	}
	buf_deinit(&journal->waiting);
	free(journal->path);
	*journal = (struct journal){ .fd = -1 };
}
