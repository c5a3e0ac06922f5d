/* text_source.h - the bytes of one file, unpacked: plain, gzip (all members) or
 * zstd (all frames), recognised by its first bytes and not by its name.
 *
 * Blocking. One thread at a time. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct text_source;

/* "-" is standard input. */
MUST_CHECK enum status text_source_open(const char *path, struct text_source **source,
					struct err *err);
void text_source_close(struct text_source *source);
/* Up to size bytes; *got 0 at the end. FORMAT, CHECKSUM, TRUNCATED: damaged at the
 * place (byte of the file) that err tells; what was good has been given before. */
MUST_CHECK enum status text_source_read(struct text_source *source, char *at, size_t size,
					size_t *got, struct err *err);
uint64_t text_source_file_bytes(const struct text_source *source); /* read so far, packed */
