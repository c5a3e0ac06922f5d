/* record.h - records of keys, packed, in the order they came.
 *
 *   journal_init → journal_append … → (journal_rewind → journal_next …) … → journal_deinit
 *
 * Packed: name, then what differs from the ordinary as varints (small numbers take a byte,
 * what is absent none): about 20 bytes and the name. In memory up to `memory` bytes, in blocks;
 * behind that to the spill, in order. One thread. */
#pragma once

#include "audit/rules.h"

enum { JOURNAL_BLOCK_BYTES = 256 << 10 };

struct journal_block;

struct journal {
	const struct audit_spill *spill; /* NULL: NO_MEMORY behind `memory` */
	size_t memory, held;             /* the most, and bytes of blocks */
	struct journal_block *first, *last;
	int64_t count;     /* records in all */
	char *window;      /* of the spill, for writing, then for reading */
	size_t window_len; /* bytes that wait to be written; or that were read */
	uint64_t spilled;  /* bytes in the spill */
	bool spilling;     /* memory is full: everything goes there */
	/* Reading. */
	struct journal_block *at;
	size_t offset;    /* in the block, or in the window */
	uint64_t read_to; /* of the spill */
	int64_t next;     /* index of the record to come */
};

void journal_init(struct journal *journal, const struct audit_spill *spill, size_t memory);
void journal_deinit(struct journal *journal);
/* The record's name is at most AUDIT_NAME_MAX. NO_MEMORY, or the spill's. */
MUST_CHECK enum status journal_append(struct journal *journal, const struct audit_record *record);
/* To the beginning; writes out what waits. Nothing may be appended after. */
MUST_CHECK enum status journal_rewind(struct journal *journal);
/* *name is valid until the next call. NOT_FOUND: that was the last; TRUNCATED or FORMAT: the
 * spill did not give back what was put into it. family is 0. */
MUST_CHECK enum status journal_next(struct journal *journal, struct audit_record *record);
