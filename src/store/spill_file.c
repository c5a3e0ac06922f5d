#include "store/spill_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "os/files.h"

static const char magic[8] = { 'w', 'e', 'i', 'r', 's', 'p', 'l', '1' };

enum { RECORD_HEAD = 8, RECORD_ALIGN = 8 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

/* ---- records ---- */

static uint32_t record_crc(uint32_t len, const char *bytes)
{
	return crc32c(crc32c(0, &len, sizeof len), bytes, len);
}

uint64_t spill_record_bytes(size_t len)
{
	return (RECORD_HEAD + (uint64_t)len + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

void spill_put_record(struct buf *out, struct str bytes)
{
	static const char zeros[RECORD_ALIGN];
	uint32_t head[2] = { (uint32_t)bytes.len, record_crc((uint32_t)bytes.len, bytes.ptr) };
	buf_put(out, head, sizeof head);
	buf_put(out, bytes.ptr, bytes.len);
	buf_put(out, zeros, spill_record_bytes(bytes.len) - RECORD_HEAD - bytes.len);
}

/* No record is empty: a tail of zeros, as a file system leaves it, is none. */
size_t spill_record_at(struct str bytes, struct str *record)
{
	uint32_t head[2];
	if (bytes.len < sizeof head)
		return 0;
	memcpy(head, bytes.ptr, sizeof head);
	if (head[0] == 0 || head[0] > SPILL_RECORD_MAX || spill_record_bytes(head[0]) > bytes.len ||
	    record_crc(head[0], bytes.ptr + RECORD_HEAD) != head[1])
		return 0;
	*record = str_make(bytes.ptr + RECORD_HEAD, head[0]);
	return (size_t)spill_record_bytes(head[0]);
}

/* ---- the file ---- */

void spill_file_close(struct spill_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* After a failed fsync the kernel may have dropped what it could not write: the descriptor
 * is not asked again. */
static enum status failed(struct spill_file *file, const char *what, struct err *err)
{
	enum status status = err_errno(err, errno, "%s: %s", file->path, what);
	spill_file_close(file);
	file->torn = true;
	return status;
}

static enum status sync_folder(struct spill_file *file, struct err *err)
{
	char folder[PATH_BYTES_MAX];
	enum status status = path_format(folder, err, "%s", file->path);
	if (status)
		return status;
	int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd >= 0 ? fsync(fd) : -1;
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return result ? failed(file, "sync of its folder", err) : STATUS_OK;
}

static enum status write_all(struct spill_file *file, struct str bytes, uint64_t offset,
			     struct err *err)
{
	while (bytes.len > 0) {
		ssize_t n = pwrite(file->fd, bytes.ptr, bytes.len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(file, "write", err);
		bytes = str_skip(bytes, (size_t)n);
		offset += (uint64_t)n;
	}
	return STATUS_OK;
}

static enum status open_again(struct spill_file *file, struct err *err)
{
	if (file->fd < 0)
		file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file->fd < 0)
		return failed(file, "open", err);
	if (file->torn && ftruncate(file->fd, (off_t)file->good))
		return failed(file, "cut", err);
	file->torn = false;
	return STATUS_OK;
}

static enum status write_head(struct spill_file *file, struct err *err)
{
	char head[SPILL_HEAD_BYTES] = { 0 };
	memcpy(head, magic, sizeof magic);
	memcpy(head + 8, &file->base, sizeof file->base);
	uint32_t crc = crc32c(0, head, 16);
	memcpy(head + 16, &crc, sizeof crc);
	return write_all(file, str_make(head, sizeof head), 0, err);
}

enum status spill_file_append(struct spill_file *file, struct str records, struct err *err)
{
	bool fresh = file->good == 0;
	uint64_t from = fresh ? SPILL_HEAD_BYTES : file->good;
	enum status status = open_again(file, err);
	if (!status && fresh)
		status = write_head(file, err);
	if (!status)
		status = write_all(file, records, from, err);
	if (!status && fdatasync(file->fd))
		status = failed(file, "sync", err);
	if (!status && fresh)
		status = sync_folder(file, err);
	if (!status)
		file->good = from + records.len;
	return status;
}

/* ---- reading ---- */

static enum status read_at(struct spill_file *file, uint64_t offset, char *at, size_t len,
			   struct err *err)
{
	while (len > 0) {
		ssize_t n = pread(file->fd, at, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EIO; /* shorter than it was */
			return err_errno(err, errno, "%s: read", file->path);
		}
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return STATUS_OK;
}

/* Bytes of whole good records at the front. */
static size_t good_bytes(struct str bytes)
{
	size_t at = 0, n;
	struct str record;
	while ((n = spill_record_at(str_skip(bytes, at), &record)) > 0)
		at += n;
	return at;
}

/* Bytes before the next good record, or all of them: records begin at multiples of 8. */
static size_t bad_bytes(struct str bytes)
{
	struct str record;
	size_t at = 0;
	while (at < bytes.len && spill_record_at(str_skip(bytes, at), &record) == 0)
		at += RECORD_ALIGN;
	return at < bytes.len ? at : bytes.len;
}

static enum status read_window(struct spill_file *file, uint64_t offset, struct buf *out,
			       struct err *err)
{
	uint64_t left = file->good - offset;
	size_t len = left < SPILL_WINDOW_BYTES ? (size_t)left : SPILL_WINDOW_BYTES;
	buf_clear(out);
	char *at = buf_reserve(out, len);
	if (!at)
		return err_set(err, STATUS_NO_MEMORY, "%s: no memory to read it", file->path);
	enum status status = read_at(file, offset, at, len, err);
	out->len = status ? 0 : len;
	return status;
}

enum status spill_file_read(struct spill_file *file, uint64_t offset, struct buf *out,
			    uint64_t *next, uint64_t *damaged, struct err *err)
{
	while (offset < file->good) {
		enum status status = read_window(file, offset, out, err);
		if (status)
			return status;
		size_t good = good_bytes(buf_str(out));
		bool last = offset + out->len == file->good;
		if (good > 0) {
			out->len = good;
			*next = offset + good;
			return STATUS_OK;
		}
		size_t bad = bad_bytes(buf_str(out));
		/* a record may begin in the window and end behind it */
		if (bad == out->len && !last)
			bad = out->len - SPILL_RECORD_MAX;
		*damaged += bad;
		offset += bad;
	}
	buf_clear(out);
	*next = offset;
	return STATUS_OK;
}

/* ---- what was left ---- */

static enum status read_head(struct spill_file *file, uint64_t size, struct err *err)
{
	char head[SPILL_HEAD_BYTES];
	uint32_t crc;
	enum status status = read_at(file, 0, head, sizeof head, err);
	if (status)
		return status;
	memcpy(&crc, head + 16, sizeof crc);
	if (memcmp(head, magic, sizeof magic) != 0 || crc != crc32c(0, head, 16))
		return err_set(err, STATUS_FORMAT,
			       "%s is no spill file (%llu bytes): look at it and move it away",
			       file->path, (unsigned long long)size);
	memcpy(&file->base, head + 8, sizeof file->base);
	return STATUS_OK;
}

static uint64_t count_records(struct str bytes)
{
	uint64_t count = 0;
	struct str record;
	for (size_t n; (n = spill_record_at(bytes, &record)) > 0; bytes = str_skip(bytes, n))
		count++;
	return count;
}

/* Reads it through. What is behind the last good record is a write that was cut off. */
static enum status look_through(struct spill_file *file, uint64_t size, struct spill_found *found,
				struct err *err)
{
	uint64_t offset = SPILL_HEAD_BYTES, end = SPILL_HEAD_BYTES, damaged = 0;
	struct buf window;
	enum status status = STATUS_OK;
	buf_init(&window, SPILL_WINDOW_BYTES);
	file->good = size;
	while (!status && offset < size) {
		uint64_t before = damaged;
		status = spill_file_read(file, offset, &window, &offset, &damaged, err);
		if (status || window.len == 0)
			break;
		found->bytes_damaged += damaged - before;
		found->records += count_records(buf_str(&window));
		end = offset;
	}
	buf_deinit(&window);
	if (status)
		return status;
	found->bytes_cut = size - end;
	file->good = end;
	file->torn = found->bytes_cut > 0;
	return STATUS_OK;
}

enum status spill_file_open(struct spill_file *file, struct spill_found *found, struct err *err)
{
	struct stat stat_of;
	*found = (struct spill_found){ 0 };
	file->fd = open(file->path, O_RDWR | O_CLOEXEC);
	if (file->fd < 0 && errno == ENOENT)
		return STATUS_NOT_FOUND;
	if (file->fd < 0 || fstat(file->fd, &stat_of))
		return failed(file, "open", err);
	uint64_t size = (uint64_t)stat_of.st_size;
	if (size <= SPILL_HEAD_BYTES) { /* cut off before its first record was synced */
		enum status status = spill_file_remove(file, err);
		return status ? status : STATUS_NOT_FOUND;
	}
	enum status status = read_head(file, size, err);
	if (!status)
		status = look_through(file, size, found, err);
	if (!status && file->torn)
		status = open_again(file, err);
	if (!status && file->good == SPILL_HEAD_BYTES) {
		status = spill_file_remove(file, err);
		return status ? status : STATUS_NOT_FOUND;
	}
	if (status)
		spill_file_close(file);
	return status;
}

enum status spill_file_remove(struct spill_file *file, struct err *err)
{
	spill_file_close(file);
	file->good = 0;
	file->torn = true; /* should it stay, it is cut before it is used again */
	if (unlink(file->path) && errno != ENOENT)
		return err_errno(err, errno, "%s: remove", file->path);
	return STATUS_OK;
}
