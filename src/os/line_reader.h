/* line_reader.h - recordings as a stream of lines.
 *
 * A file is plain, gzip or zstd (text_source.h); a folder stands for its files in
 * the order of their names, those that begin with a dot left out; "-" is standard
 * input. A line comes without its LF and without a CR before it; LINE_PADDING bytes
 * behind it may be read. Lines longer than LINE_BYTES_MAX are left out and counted.
 *
 * A damaged or unreadable file gives its good lines, then one error that names the
 * file and the place; the next call goes on with the next file. With read-ahead a
 * worker thread reads and unpacks up to 4 blocks of 256 KiB in advance; the caller
 * sees no difference but speed. Reads block. One thread. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum { LINE_BYTES_MAX = (1 << 20) + (64 << 10), LINE_PADDING = 64 };

struct line_reader;

struct line_reader_stats {
	uint64_t files;      /* opened */
	uint64_t lines;      /* given */
	uint64_t text_bytes; /* unpacked */
	uint64_t file_bytes; /* as stored */
	uint64_t too_long;   /* lines left out */
};

MUST_CHECK enum status line_reader_open(const char *path, bool read_ahead,
					struct line_reader **reader, struct err *err);
void line_reader_close(struct line_reader *reader); /* NULL is fine */
/* OK: *line is valid until the next call. NOT_FOUND: the end. Anything else: an
 * error told in err, and the next call goes on behind it. */
MUST_CHECK enum status line_reader_next(struct line_reader *reader, struct str *line,
					struct err *err);
/* Of the line given last: its file, and its number from 1 (left-out lines count). */
const char *line_reader_file(const struct line_reader *reader);
uint64_t line_reader_line(const struct line_reader *reader);
const struct line_reader_stats *line_reader_stats(const struct line_reader *reader);
