/* moved.h - a key of somebody else's Redis as rows of the moved tables (def/archive.def). Pure.
 *
 *   moved_begin → moved_elements … → moved_end: the rows are in `rows`, or none of them
 *
 * indicator_data, of InfluxDB a measurement that the plan calls so, or by its pattern:
 *   a number or text            one row; its name is what is constant in the pattern, or `value`'s
 * field a JSON object, a hash       a row a member; nested objects by names joined with dots, lists
 * as JSON
 *   [[time, o, h, l, c, v, …]]  rows open, high, low, close, volume …; of 12 as Binance gives them
 *   [[time, x]], [{…}], [x, …]  rows `value`; as objects; numbered by seq
 *   a list                      each element so;  a stream: each entry's fields at its id's time
 *   a zset                      its scores are times, or else the values of its members
 *   symbol, timeframe           of the tags, else parts {symbol} {tf} of the name, else members so
 * called trades: a record each: a JSON object (a hash of them, or elements of any type), or a hash.
 *   Columns come from the plan's fields, else from members of the usual names, the symbol else from
 *   the name; `raw` has it all, element, field, position and score where it stood. A string's list
 *   of objects is a record each, too, numbered by position; a list as an element is one record.
 * records: a row an element. What is not UTF-8, or has a NUL in it, goes as base64.
 *
 * A time is the member that the plan names or one called ts, time, timestamp …, the score, the id:
 * seconds (with a fraction), ms, us or ns since 1970, or ISO 8601, without a zone UTC; from 1970
 * to 2261. None: indicator_data's is 1970-01-01. Members that were taken as the time are no rows.
 *
 * The same content makes the same rows, in whatever order a hash or set gives it. What a row cannot
 * hold as it is makes the key INVALID, with its reason: bytes in indicator_data and trades, names
 * with control characters, names longer than MOVED_NAME_MAX. Grows to what MOVED_BYTES_MAX and the
 * rows' own bound allow; FULL beyond. One thread. */
#pragma once

#include "archive/rows.h"
#include "base/err.h"
#include "migrate/plan_file.h"

enum {
	MOVED_NAME_MAX = 400, /* bytes of a printed source, an element's name: the key of a row */
	MOVED_BYTES_MAX = 64 << 20, /* of a string, of a hash's elements together */
	MOVED_DEPTH_MAX = 8,        /* of nested objects; deeper ones stay JSON */
};

#define MOVED_LAST_S INT64_C(9214646400) /* 2262-01-01: ns of it fit in 63 bits */

struct moved_key {
	const struct migrate_family *family;
	struct str name;                   /* printed */
	const struct pattern_match *match; /* lives until moved_end */
	enum audit_type type;
	int64_t expires_ms; /* -1: never */
};

struct moved;

MUST_CHECK enum status moved_create(struct moved **out);
void moved_destroy(struct moved *moved); /* NULL is fine */

/* FORMAT: the plan's family says what cannot be; one line. */
MUST_CHECK enum status moved_check(const struct migrate_family *family, struct err *err);
enum archive_table moved_table(const struct migrate_family *family);
/* What stands in the column `family`: the pattern, of InfluxDB the measurement. */
void moved_put_family(struct buf *out, const struct migrate_family *family);

/* Rows are appended to `rows`, which lives until the end. */
void moved_begin(struct moved *moved, const struct moved_key *key, struct archive_rows *rows);
/* A string's pieces as elements with value alone; others as source_walk gives them. */
MUST_CHECK enum status moved_elements(struct moved *moved, const struct audit_element *elements,
				      size_t count, struct err *err);
MUST_CHECK enum status moved_end(struct moved *moved, struct err *err);

/* us since 1970; exact: nothing of the text is lost. False: it is no time. */
bool moved_time(struct str text, int64_t *us, bool *exact);
