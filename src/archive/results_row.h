/* results_row.h - a result of trade_results as a row of the archive, and as a payload.
 *
 * A result is a value for each field of def/results.def; an empty value is an absent one. A
 * plain entry is one result: its fields stand in any order, others are left alone, and one
 * that stands twice is a fault. A packed entry, of the one field `p` (codec/entries.h), is
 * one for each row of its chunk. A value that is no number where it must be one, does not
 * fit its column, is too long or not UTF-8, a status that is none, a result without rid or
 * st: FORMAT, and the fault names the field.
 *
 * event_us is server time less the terminal's offset where both are known, else received_us;
 * that is the field t, or the entry's id. server and login are those of the rid
 * `deal:SERVER:LOGIN:TICKET`, else what `account` says of the terminal.
 *
 * Pure; one thread. */
#pragma once

#include "archive/rows.h"
#include "port/redis.h"
#include "trade/result.h"

enum {
	RESULTS_TEXT_MAX = 1024, /* bytes of a text: id, why, cm */
	RESULTS_WORD_MAX = 128,  /* of a word: ins, st, sym, sd, en, rs */
	RESULTS_FAULT_MAX = 160,
	RESULTS_PAYLOAD_MAX = 32768, /* bytes of JSON; what is beyond them is cut */
	RESULTS_PAYLOAD_FIELDS = 256,
	RESULTS_PAYLOAD_VALUE = 2048, /* bytes of a value, more than a good one has */
};

/* What else is known of a terminal; both may be NULL. */
struct results_world {
	int64_t (*offset_ms)(void *ctx, struct str instance); /* INT64_MIN: not known */
	bool (*account)(void *ctx, struct str instance, struct str *server, int64_t *login);
	void *ctx;
};

struct results_entry {
	uint64_t id_ms;                  /* of its id */
	const struct redis_reply *items; /* field, value, …: BULKs */
	size_t count;
};

struct results_told {
	int64_t received_us, event_us;
	char fault[RESULTS_FAULT_MAX]; /* FORMAT: "vol: not a number" */
};

/* Of a result by its values, RESULT_FIELDS of them in the table's order. FORMAT: it cannot be
 * a row, told->fault says why. FULL, NO_MEMORY: rows has no room. Only with OK there is a
 * row. id_ms: of its entry. */
MUST_CHECK enum status results_row_put(struct archive_rows *rows, const struct str *values,
				       uint64_t id_ms, const struct results_world *world,
				       struct results_told *told);
/* Of a plain entry, likewise. */
MUST_CHECK enum status results_row_add(struct archive_rows *rows, const struct results_entry *entry,
				       const struct results_world *world,
				       struct results_told *told);

/* A good rid, or "". */
struct str results_row_rid(const struct results_entry *entry);

/* Whether it has the one field `p`; *chunk is its value then. */
bool results_row_is_packed(const struct results_entry *entry, struct str *chunk);
/* What entries_read says of a chunk that it does not read, as told->fault. FORMAT. */
enum status results_row_fault_of_chunk(struct results_told *told, struct str chunk,
				       enum status status);
/* A row of a chunk as the plain entry that it would be; items: 2 * RESULT_FIELDS, the names
 * static, the values those of the row. */
struct results_entry results_row_entry(const struct str *values, uint64_t id_ms,
				       struct redis_reply *items);

/* {"rid":"…",…}. Bytes that are not UTF-8 stand as \udcXX, so that all come back. What is
 * too much is cut, and the member "" says so. Of a packed entry {"p":["0102…"]}: its bytes in
 * hex, 16,000 of them at least. */
void results_payload_write(struct buf *out, const struct results_entry *entry);

struct results_payload {
	struct redis_reply items[2 * RESULTS_PAYLOAD_FIELDS];
	size_t count;
	bool cut; /* it was too long to be kept as a whole */
	char bytes[RESULTS_PAYLOAD_MAX];
};

/* FORMAT: not such a text. The items point into it. */
MUST_CHECK enum status results_payload_read(struct results_payload *payload, struct str json);
