#include "os/text_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

enum { INPUT_BYTES = 256 * 1024 };

enum packing { PACKED_UNKNOWN, PACKED_PLAIN, PACKED_GZIP, PACKED_ZSTD };

struct text_source {
	int fd;
	enum packing packing;
	bool at_eof;     /* of the file */
	bool in_member;  /* inside a gzip member or a zstd frame */
	size_t pos, len; /* what of input[] is not used yet */
	uint64_t file_bytes;
	z_stream gzip;
	ZSTD_DStream *zstd;
	unsigned char input[INPUT_BYTES];
};

enum status text_source_open(const char *path, struct text_source **out, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "open");
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(err, STATUS_INVALID, "open: is a folder");
	}
	struct text_source *source = malloc(sizeof *source);
	if (!source) {
		close(fd);
		return err_set(err, STATUS_NO_MEMORY, "open: out of memory");
	}
	memset(source, 0, offsetof(struct text_source, input));
	source->fd = fd;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*out = source;
	return STATUS_OK;
}

void text_source_close(struct text_source *source)
{
	if (!source)
		return;
	if (source->packing == PACKED_GZIP)
		inflateEnd(&source->gzip);
	if (source->packing == PACKED_ZSTD)
		ZSTD_freeDStream(source->zstd);
	close(source->fd);
	free(source);
}

uint64_t text_source_file_bytes(const struct text_source *source) { return source->file_bytes; }

static enum status read_file(struct text_source *source, void *at, size_t size, size_t *got,
			     struct err *err)
{
	ssize_t n;
	do
		n = read(source->fd, at, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, errno, "read");
	source->at_eof = n == 0;
	source->file_bytes += (uint64_t)n;
	*got = (size_t)n;
	return STATUS_OK;
}

/* More packed bytes behind those that are left; needs them when it is to recognise
 * four bytes that came in two reads. */
static enum status refill(struct text_source *source, struct err *err)
{
	size_t left = source->len - source->pos, got = 0;
	memmove(source->input, source->input + source->pos, left);
	source->pos = 0;
	source->len = left;
	enum status status = read_file(source, source->input + left, INPUT_BYTES - left, &got, err);
	if (status == STATUS_OK)
		source->len += got;
	return status;
}

static bool begins_with(const struct text_source *source, const char *magic, size_t len)
{
	return source->len - source->pos >= len &&
	       memcmp(source->input + source->pos, magic, len) == 0;
}

static enum status start_unpacking(struct text_source *source, struct err *err)
{
	if (begins_with(source, "\x1f\x8b", 2)) {
		if (inflateInit2(&source->gzip, 15 + 16) != Z_OK)
			return err_set(err, STATUS_NO_MEMORY, "gzip: out of memory");
		source->packing = PACKED_GZIP;
		source->in_member = true;
	} else if (begins_with(source, "\x28\xb5\x2f\xfd", 4)) {
		source->zstd = ZSTD_createDStream();
		if (!source->zstd)
			return err_set(err, STATUS_NO_MEMORY, "zstd: out of memory");
		source->packing = PACKED_ZSTD;
	} else {
		source->packing = PACKED_PLAIN;
	}
	return STATUS_OK;
}

static enum status recognise(struct text_source *source, struct err *err)
{
	while (source->len < 4 && !source->at_eof) {
		enum status status = refill(source, err);
		if (status != STATUS_OK)
			return status;
	}
	return start_unpacking(source, err);
}

static uint64_t place(const struct text_source *source)
{
	return source->file_bytes - (source->len - source->pos);
}

static enum status damaged(const struct text_source *source, enum status status, const char *what,
			   struct err *err)
{
	return err_set(err, status, "%s at byte %llu of the file", what,
		       (unsigned long long)place(source));
}

/* Between members: another one, padding zeros (as tape blocks leave), or the end. */
static enum status next_member(struct text_source *source, struct err *err)
{
	while (source->pos < source->len && source->input[source->pos] == 0)
		source->pos++;
	if (source->len - source->pos < 2 && !source->at_eof)
		return refill(source, err);
	if (source->pos == source->len)
		return STATUS_OK;
	if (!begins_with(source, "\x1f\x8b", 2))
		return damaged(source, STATUS_FORMAT, "gzip: not a member", err);
	source->in_member = true;
	return inflateReset(&source->gzip) == Z_OK ? STATUS_OK : STATUS_INVALID;
}

static enum status inflate_some(struct text_source *source, char *at, size_t size, size_t *got,
				struct err *err)
{
	z_stream *z = &source->gzip;
	z->next_in = source->input + source->pos;
	z->avail_in = (unsigned)(source->len - source->pos);
	z->next_out = (unsigned char *)at;
	z->avail_out = (unsigned)size;
	int code = inflate(z, Z_NO_FLUSH);
	source->pos = source->len - z->avail_in;
	*got = size - z->avail_out;
	if (code == Z_STREAM_END)
		source->in_member = false;
	else if (*got) /* an error comes again, after what is good */
		return STATUS_OK;
	else if (code == Z_MEM_ERROR)
		return err_set(err, STATUS_NO_MEMORY, "gzip: out of memory");
	else if (code != Z_OK && code != Z_BUF_ERROR)
		return damaged(source, STATUS_FORMAT, "gzip: damaged", err);
	return STATUS_OK;
}

static enum status unzstd_some(struct text_source *source, char *at, size_t size, size_t *got,
			       struct err *err)
{
	ZSTD_inBuffer in = { source->input, source->len, source->pos };
	ZSTD_outBuffer out = { at, size, 0 };
	size_t code = ZSTD_decompressStream(source->zstd, &out, &in);
	source->pos = in.pos;
	*got = out.pos;
	if (ZSTD_isError(code))
		return damaged(source, STATUS_FORMAT, "zstd: damaged", err);
	source->in_member = code != 0;
	return STATUS_OK;
}

static enum status unpack(struct text_source *source, char *at, size_t size, size_t *got,
			  struct err *err)
{
	bool is_gzip = source->packing == PACKED_GZIP;
	enum status status = STATUS_OK;
	*got = 0;
	while (status == STATUS_OK && *got == 0) {
		if (source->pos == source->len && source->at_eof)
			return source->in_member ? damaged(source, STATUS_TRUNCATED,
							   "packed data ends early", err)
						 : STATUS_OK;
		if (source->pos == source->len)
			status = refill(source, err);
		else if (is_gzip && !source->in_member)
			status = next_member(source, err);
		else if (is_gzip)
			status = inflate_some(source, at, size, got, err);
		else
			status = unzstd_some(source, at, size, got, err);
	}
	return status;
}

enum status text_source_read(struct text_source *source, char *at, size_t size, size_t *got,
			     struct err *err)
{
	if (source->packing == PACKED_UNKNOWN) {
		enum status status = recognise(source, err);
		if (status != STATUS_OK)
			return status;
	}
	if (source->packing != PACKED_PLAIN)
		return unpack(source, at, size, got, err);
	if (source->pos == source->len)
		return read_file(source, at, size, got, err);
	*got = source->len - source->pos < size ? source->len - source->pos : size;
	memcpy(at, source->input + source->pos, *got);
	source->pos += *got;
	return STATUS_OK;
}
