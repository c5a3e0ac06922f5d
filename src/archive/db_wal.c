/* A WAL that DuckDB refuses, or would drop in silence.
 *
 * Its file, as 1.4 writes it: 8 bytes of version, then entries: length (8 bytes), checksum
 * (8), content. DuckDB replays up to the first entry that is not whole, which is right for a
 * write that was cut by a crash; it refuses an entry whose checksum is wrong, and says where
 * its content begins (measured: 16 bytes behind the entry's begin). Two kinds of damage it
 * does not see: a version that is not one drops the whole WAL, and a length that is not one
 * drops the rest. So both are looked for before it is opened. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive/db_impl.h"

enum { HEAD = 8, ENTRY_HEAD = 16, COPY_BYTES = 1 << 20 };

/* No single write is so long: a length beyond it was not cut, it is wrong. */
static const uint64_t entry_most = UINT64_C(1) << 32;
static const unsigned char version_1_4[HEAD] = { 0x64, 0, 0x62, 0x65, 0, 2, 0xff, 0xff };

static enum status copy_bytes(int from, int to, char *bytes)
{
	for (;;) {
		ssize_t got = read(from, bytes, COPY_BYTES);
		if (got == 0)
			return fsync(to) == 0 ? STATUS_OK : STATUS_IO;
		if (got < 0)
			return STATUS_IO;
		for (ssize_t put = 0; put < got;) {
			ssize_t n = write(to, bytes + put, (size_t)(got - put));
			if (n < 0)
				return STATUS_IO;
			put += n;
		}
	}
}

static enum status copy_file(const char *from, const char *to, struct err *err)
{
	char *bytes = malloc(COPY_BYTES);
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum status status = STATUS_IO;
	if (bytes && in >= 0 && out >= 0)
		status = copy_bytes(in, out, bytes);
	if (status)
		err_errno(err, errno, "a copy of the damaged %s cannot be kept", from);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (status && out >= 0)
		unlink(to);
	free(bytes);
	return status;
}

/* The file and its WAL as they were, once for each opening. */
static enum status keep_copy(struct archive_db *db, const char *wal, struct err *err)
{
	if (db->kept[0])
		return STATUS_OK;
	char stamp[32], kept[PATH_BYTES_MAX], kept_wal[PATH_BYTES_MAX];
	time_t now = time(NULL);
	struct tm utc;
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	enum status status = path_format(kept, err, "%s.%s.damaged", db->config.path, stamp);
	for (int n = 2; !status && access(kept, F_OK) == 0; n++)
		status = path_format(kept, err, "%s.%s-%d.damaged", db->config.path, stamp, n);
	if (!status)
		status = path_format(kept_wal, err, "%s.wal", kept);
	if (!status)
		status = copy_file(db->config.path, kept, err);
	if (!status)
		status = copy_file(wal, kept_wal, err);
	if (!status)
		memcpy(db->kept, kept, sizeof kept);
	return status;
}

static enum status cut(struct archive_db *db, const char *wal, int64_t bytes, struct err *err)
{
	struct stat before;
	if (stat(wal, &before) != 0)
		return err_errno(err, errno, "%s", wal);
	enum status status = keep_copy(db, wal, err);
	if (status)
		return status;
	if (!db->wal_bytes)
		db->wal_bytes = (uint64_t)before.st_size;
	if (truncate(wal, bytes) != 0)
		return err_errno(err, errno, "%s cannot be cut", wal);
	db->wal_bytes_kept = (uint64_t)bytes;
	return STATUS_OK;
}

enum status db_wal_salvage(struct archive_db *db, const char *text, struct err *err)
{
	char wal[PATH_BYTES_MAX];
	struct stat now;
	const char *word = strstr(text, "at byte position ");
	if (!strstr(text, "replaying WAL") || !word)
		return STATUS_UNSUPPORTED;
	long long at = strtoll(word + strlen("at byte position "), NULL, 10) - ENTRY_HEAD;
	enum status status = path_format(wal, err, "%s.wal", db->config.path);
	if (status)
		return status;
	if (stat(wal, &now) != 0 || at < 0 || at >= now.st_size)
		return STATUS_UNSUPPORTED; /* it would cut nothing: not to be tried for ever */
	return cut(db, wal, at < HEAD ? 0 : at, err);
}

/* Where the entries end whose lengths are possible; the file's end when all are. */
static int64_t walk(int fd, int64_t bytes)
{
	int64_t at = HEAD;
	uint64_t length;
	while (at + ENTRY_HEAD <= bytes && pread(fd, &length, sizeof length, at) == sizeof length) {
		if (length > entry_most)
			return at;
		at += ENTRY_HEAD + (int64_t)length;
	}
	return bytes;
}

static enum status mend_version(struct archive_db *db, const char *wal, int fd, struct err *err)
{
	struct stat now;
	enum status status = keep_copy(db, wal, err);
	if (status)
		return status;
	if (pwrite(fd, version_1_4, HEAD, 0) != HEAD || fsync(fd) != 0 || fstat(fd, &now) != 0)
		return err_errno(err, errno, "%s cannot be mended", wal);
	db->wal_bytes = db->wal_bytes_kept = (uint64_t)now.st_size;
	return STATUS_OK;
}

static enum status look(struct archive_db *db, const char *wal, int fd, struct err *err)
{
	struct stat now;
	unsigned char head[HEAD];
	enum status status = STATUS_OK;
	if (fstat(fd, &now) != 0 || now.st_size < HEAD + ENTRY_HEAD)
		return STATUS_OK;
	if (pread(fd, head, HEAD, 0) == HEAD && memcmp(head, version_1_4, HEAD) != 0)
		status = mend_version(db, wal, fd, err);
	int64_t whole = walk(fd, now.st_size);
	if (!status && whole < now.st_size)
		status = cut(db, wal, whole, err);
	return status;
}

enum status db_wal_look(struct archive_db *db, struct err *err)
{
	char wal[PATH_BYTES_MAX];
	enum status status = path_format(wal, err, "%s.wal", db->config.path);
	if (status)
		return status;
	int fd = open(wal, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? STATUS_OK : err_errno(err, errno, "%s", wal);
	status = look(db, wal, fd, err);
	close(fd);
	return status;
}
