#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum status path_format(char path[PATH_BYTES_MAX], struct err *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(path, PATH_BYTES_MAX, format, args);
	va_end(args);
	if (n < 0 || n >= PATH_BYTES_MAX)
		return err_set(err, STATUS_RANGE, "%.200s…: the path is longer than %d bytes", path,
			       PATH_BYTES_MAX - 1);
	return STATUS_OK;
}

static enum status make_one(const char *path, mode_t mode, struct err *err)
{
	struct stat st;
	if (mkdir(path, mode) == 0)
		return STATUS_OK;
	int number = errno;
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode)
			   ? STATUS_OK
			   : err_set(err, STATUS_EXISTS, "%s: is not a folder", path);
	return err_errno(err, number, "make the folder %s", path);
}

enum status files_make_folder(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_BYTES_MAX];
	enum status status = path_format(part, err, "%s", path);
	for (char *at = part + 1; status == STATUS_OK && (at = strchr(at, '/')); at++) {
		*at = 0;
		status = make_one(part, mode, err);
		*at = '/';
	}
	return status == STATUS_OK ? make_one(part, mode, err) : status;
}

static enum status write_all(int fd, struct str content)
{
	while (content.len) {
		ssize_t n = write(fd, content.ptr, content.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return STATUS_IO;
		content = str_skip(content, (size_t)n);
	}
	return STATUS_OK;
}

static void sync_folder_of(const char *path)
{
	char folder[PATH_BYTES_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	memcpy(folder, path, len);
	folder[len] = 0;
	int fd = open(slash ? (len ? folder : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* fchmod, because the umask must not decide who reads a secret. */
static enum status write_temporary(const char *path, struct str content, mode_t mode, bool sync,
				   struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(err, errno, "write %s", path);
	enum status status = STATUS_OK;
	if (fchmod(fd, mode) || write_all(fd, content) != STATUS_OK || (sync && fsync(fd)))
		status = err_errno(err, errno, "write %s", path);
	if (close(fd) && status == STATUS_OK)
		status = err_errno(err, errno, "write %s", path);
	return status;
}

static enum status replace(const char *path, struct str content, mode_t mode, bool sync,
			   struct err *err)
{
	char temporary[PATH_BYTES_MAX];
	enum status status = path_format(temporary, err, "%s.new", path);
	if (status != STATUS_OK)
		return status;
	status = write_temporary(temporary, content, mode, sync, err);
	if (status == STATUS_OK && rename(temporary, path))
		status = err_errno(err, errno, "replace %s", path);
	if (status != STATUS_OK)
		unlink(temporary);
	else if (sync)
		sync_folder_of(path);
	return status;
}

enum status files_write_atomic(const char *path, struct str content, mode_t mode, struct err *err)
{
	return replace(path, content, mode, true, err);
}

/* In steps: a file may be larger than memory. */
static enum status copy_bytes(int from, int to, const char *name, struct err *err)
{
	static const size_t step = 1 << 20;
	ssize_t n;
	char *bytes = malloc(step);
	enum status status = bytes ? STATUS_OK : err_set(err, STATUS_NO_MEMORY, "copy %s", name);
	while (!status && (n = read(from, bytes, step)) != 0)
		if (n < 0 || write_all(to, str_make(bytes, (size_t)n)) != STATUS_OK)
			status = err_errno(err, errno, "copy to %s", name);
	free(bytes);
	if (!status && fsync(to))
		status = err_errno(err, errno, "copy to %s", name);
	return status;
}

static enum status copy_file(const char *from, const char *to, struct err *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	enum status status = in < 0    ? err_errno(err, errno, "read %s", from)
			     : out < 0 ? err_errno(err, errno, "write %s", to)
				       : copy_bytes(in, out, to, err);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return status;
}

enum status files_move(const char *from, const char *to, struct err *err)
{
	if (rename(from, to) == 0)
		return STATUS_OK;
	if (errno != EXDEV)
		return err_errno(err, errno, "write %s", to);
	enum status status = copy_file(from, to, err);
	if (!status)
		unlink(from);
	return status;
}

static bool holds_already(const char *path, struct str content, mode_t mode)
{
	struct stat st;
	if (stat(path, &st) || (st.st_mode & 07777) != mode || (uint64_t)st.st_size != content.len)
		return false;
	struct buf text;
	buf_init(&text, content.len + 8192);
	bool same = files_read(path, content.len, &text, NULL) == STATUS_OK &&
		    str_eq(buf_str(&text), content);
	buf_deinit(&text);
	return same;
}

enum status files_replace(const char *path, struct str content, mode_t mode, struct err *err)
{
	return holds_already(path, content, mode) ? STATUS_OK
						  : replace(path, content, mode, false, err);
}

enum status files_read(const char *path, size_t bytes_max, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "read %s", path);
	enum status status = STATUS_OK;
	size_t total = 0;
	while (status == STATUS_OK) {
		size_t room = bytes_max - total < 4096 ? bytes_max - total + 1 : 4096;
		char *at = buf_reserve(out, room);
		ssize_t n = at ? read(fd, at, room) : 0;
		if (n < 0 && errno != EINTR)
			status = err_errno(err, errno, "read %s", path);
		if (at && n == 0)
			break;
		total += n > 0 ? (size_t)n : 0;
		out->len += n > 0 ? (size_t)n : 0;
		if (!at || total > bytes_max)
			status = err_set(err, STATUS_RANGE, "read %s: has more than %zu bytes",
					 path, bytes_max);
	}
	close(fd);
	return status;
}

bool files_is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void files_last_line(const char *path, char *line, size_t size)
{
	char tail[2048];
	line[0] = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > (off_t)sizeof tail ? end - (off_t)sizeof tail : 0;
	ssize_t n = pread(fd, tail, sizeof tail, from);
	close(fd);
	struct str text = str_trim(str_make(tail, n > 0 ? (size_t)n : 0)), part, last = { 0 };
	while (str_split(&text, '\n', &part))
		last = str_trim(part);
	if (last.len >= size)
		last.len = size - 1;
	if (last.ptr)
		memcpy(line, last.ptr, last.len);
	line[last.len] = 0;
}

enum status files_try_lock(const char *path, int *out, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "lock %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*out = fd;
		return STATUS_OK;
	}
	int number = errno;
	close(fd);
	*out = -1;
	return number == EWOULDBLOCK ? STATUS_OK : err_errno(err, number, "lock %s", path);
}

static long holder_of(int fd)
{
	char text[24] = { 0 };
	return pread(fd, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

enum status files_lock(const char *path, int *out, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "lock %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int number = errno;
		long pid = holder_of(fd);
		close(fd);
		if (number != EWOULDBLOCK)
			return err_errno(err, number, "lock %s", path);
		return err_set(err, STATUS_IN_USE,
			       "%s: another weir (pid %ld) holds this state directory; "
			       "stop it or use another --state",
			       path, pid);
	}
	char text[24];
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len) {
		enum status status = err_errno(err, errno, "lock %s", path);
		close(fd);
		return status;
	}
	*out = fd;
	return STATUS_OK;
}

void files_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

enum status files_free_bytes(const char *path, uint64_t *bytes, struct err *err)
{
	struct statvfs fs;
	if (statvfs(path, &fs))
		return err_errno(err, errno, "free space of %s", path);
	if (!fs.f_blocks)
		return err_set(err, STATUS_UNAVAILABLE,
			       "%s: its file system does not say how much room it has", path);
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return STATUS_OK;
}

enum status files_random_hex(struct buf *out, size_t bytes, struct err *err)
{
	unsigned char random[64];
	if (bytes > sizeof random || getrandom(random, bytes, 0) != (ssize_t)bytes)
		return err_errno(err, errno, "random bytes");
	for (size_t i = 0; i < bytes; i++)
		buf_printf(out, "%02x", random[i]);
	explicit_bzero(random, sizeof random);
	return out->overflow ? err_set(err, STATUS_FULL, "random bytes: no room") : STATUS_OK;
}

static bool is_program(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

enum status files_find_program(const char *name, char path[PATH_BYTES_MAX], struct err *err)
{
	char found[PATH_BYTES_MAX];
	struct str folders = str_of(getenv("PATH")), folder;
	if (strchr(name, '/')) {
		if (!is_program(name))
			return err_set(err, STATUS_NOT_FOUND, "%s: is not a program", name);
		return path_format(path, err, "%s", name);
	}
	if (!folders.ptr)
		folders = STR("/usr/local/bin:/usr/bin:/bin");
	for (struct str rest = folders; str_split(&rest, ':', &folder);) {
		if (path_format(found, NULL, "%.*s/%s", STR_ARG(folder), name) == STATUS_OK &&
		    is_program(found))
			return path_format(path, err, "%s", found);
	}
	return err_set(err, STATUS_NOT_FOUND, "%s: not found in PATH (%.*s)", name,
		       STR_ARG(folders));
}
