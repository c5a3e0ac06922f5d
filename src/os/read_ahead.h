/* read_ahead.h - a text source read by a worker thread, a few blocks in advance.
 *
 * One producer (the worker, which alone touches the source) and one consumer (the
 * caller), a ring of blocks between them: 4 x 256 KiB; a full ring makes the worker
 * wait, an empty one the caller. close stops the worker at its next block. */
#pragma once

#include "os/text_source.h"

struct read_ahead;

/* Takes the source over, also when it fails. */
MUST_CHECK enum status read_ahead_start(struct text_source *source, struct read_ahead **ahead,
					struct err *err);
void read_ahead_stop(struct read_ahead *ahead); /* closes the source */
/* As text_source_read. */
MUST_CHECK enum status read_ahead_read(struct read_ahead *ahead, char *at, size_t size, size_t *got,
				       struct err *err);
uint64_t read_ahead_file_bytes(const struct read_ahead *ahead); /* of the blocks taken */
