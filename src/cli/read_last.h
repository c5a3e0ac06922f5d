/* read_last.h - closed trades of a stream in which a position may stand more than once: the
 * last one counts (docs/formats.md). Positions are an account's own. */
#pragma once

#include "cli/read_rows.h"

enum { READ_LAST_TRADES = 1 << 19, READ_LAST_ACCOUNTS = 64 };

struct read_last;

struct read_last *read_last_create(void);
void read_last_destroy(struct read_last *last); /* NULL is fine */
/* FULL: more than READ_LAST_TRADES, or accounts; else as closed_read. */
MUST_CHECK enum status read_last_chunk(struct read_last *last, struct str chunk);
/* A line for each that counts, in the order of the stream. After it nothing may be added. */
void read_last_print(struct read_last *last, struct read_rows *rows);
