#include "os/gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, CHUNK_BYTES = 64 << 10 };

enum status gzip_pack(struct str bytes, struct buf *out, struct err *err)
{
	z_stream stream = { .next_in = (Bytef *)bytes.ptr, .avail_in = (uInt)bytes.len };
	if (bytes.len > UINT32_MAX)
		return err_set(err, STATUS_RANGE, "more than 4 GB to compress");
	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, STATUS_NO_MEMORY, "zlib: out of memory");
	int state = Z_OK;
	do {
		char *room = buf_reserve(out, CHUNK_BYTES);
		if (!room)
			break;
		stream.next_out = (Bytef *)room;
		stream.avail_out = CHUNK_BYTES;
		state = deflate(&stream, Z_FINISH);
		out->len += CHUNK_BYTES - stream.avail_out;
	} while (state == Z_OK || state == Z_BUF_ERROR);
	deflateEnd(&stream);
	return out->overflow ? err_set(err, STATUS_RANGE, "compressed it is still too large")
			     : STATUS_OK;
}

static enum status read_all(gzFile file, const char *path, struct buf *out, struct err *err)
{
	int n, number;
	do {
		char *room = buf_reserve(out, CHUNK_BYTES);
		if (!room)
			return err_set(err, STATUS_RANGE, "%s: holds more than %zu bytes", path,
				       out->limit);
		n = gzread(file, room, CHUNK_BYTES);
		out->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	const char *why = gzerror(file, &number);
	if (n < 0)
		return err_set(err, STATUS_FORMAT, "%s: damaged: %s", path, why);
	return STATUS_OK;
}

enum status gzip_read_file(const char *path, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	gzFile file = gzdopen(fd, "rb");
	if (!file) {
		close(fd);
		return err_set(err, STATUS_NO_MEMORY, "zlib: out of memory");
	}
	enum status status = read_all(file, path, out, err);
	/* A file that ends in the middle is told here alone. */
	if (gzclose_r(file) == Z_BUF_ERROR && !status)
		status = err_set(err, STATUS_TRUNCATED, "%s: ends too early", path);
	return status;
}
