/* read_rows.h - entries of streams as lines: `name=value …`, or JSON objects. Whole numbers
 * are numbers in JSON, everything else is text: decimals, and what a plain entry says.
 *
 * A chunk's function appends a line for each of its rows with from_ms <= time < to_ms. A
 * chunk that cannot be read says why and appends nothing. Pure. */
#pragma once

#include "codec/bars.h"
#include "codec/closed.h"
#include "codec/entries.h"
#include "codec/samples.h"
#include "codec/tape.h"
#include "port/redis.h"

struct read_rows {
	struct buf *out;
	bool json;
	bool begun; /* the line has a name already */
	int64_t from_ms, to_ms;
	int64_t minute_ms; /* the newest minute read, so that none is told twice */
	union {            /* of one chunk */
		struct trade trades[TAPE_CHUNK_TRADES];
		struct bar bars[BARS_CHUNK_MINUTES];
		struct sample_row_values samples[SAMPLES_ROWS_MAX];
	};
};

/* id: the entry's; fields: its names and values, as the server answered. */
void read_entry(struct read_rows *rows, struct str id, const struct redis_reply *fields);
/* Each row of a packed entry as if it had been one by itself; the entry's id is theirs. */
MUST_CHECK enum status read_packed(struct read_rows *rows, struct entries_reader *reader,
				   enum entries_table table, struct str id, struct str chunk);
/* The chunk of an entry of the one field p; false: it is a plain one. */
bool read_is_packed(const struct redis_reply *fields, struct str *chunk);
MUST_CHECK enum status read_tape(struct read_rows *rows, struct str chunk);
/* Of minutes at or before the newest told one, nothing. */
MUST_CHECK enum status read_bars(struct read_rows *rows, struct str chunk);
MUST_CHECK enum status read_samples(struct read_rows *rows, struct str chunk);
void read_closed(struct read_rows *rows, const struct closed_account *account,
		 const struct closed_trade *trade);

/* Leaves the newest `lines` lines. */
void read_tail(struct buf *out, uint64_t lines);
