/* influx_encode.h - rows as points of InfluxDB's line protocol (1.x).
 *
 *   trade_results,TAG=value FIELD=…,FIELD=… TIME_NS
 *     tags    the WORD columns of the table's key: few words, so few series
 *     fields  all other columns but the time's, and batch_id
 *     INT, TIME 12i   REAL 0.5   TEXT, WORD "text", escaped   DEC, BIG, NUM 12.34, a float
 *     time    the table's time column in ns, and in its last three digits a number of the key
 *
 * InfluxDB keeps floats as doubles. A decimal of at most 15 significant digits comes back
 * from a double as it went (C11 5.2.4.2.2, DBL_DIG); one of more also goes into the text
 * field NAME_exact, which counts where it rounds to what NAME holds. To put every decimal
 * there as well would halve what the server takes.
 *
 * Points with equal tags and time merge in silence, so the last three digits of the time are
 * those of a hash of the key's other columns: the same each time the row is sent, and others
 * for most other rows of that µs. Where two points of a batch would fall together, the later
 * by (time, hash) is moved on by 1 ns until it stands alone: for a set of rows always the
 * same, whatever their order. Of rows with one key the last is put. Points of two batches may still
 * fall together (one in 1,000 of the pairs that share tags and µs): one of them is lost.
 *
 * Moved rows are told apart exactly: the measurement is the row's family, its source is a tag,
 * and the last three digits are its seq; one of 1,000 or more cannot be put.
 *
 * A NULL is a field that is not there, as are NaN and the infinities. In a tag an empty text
 * is none, a line feed is a blank, and a backslash at the end gets a blank behind it: the
 * format has no other way. Pure, but for memory for 40 bytes a row; any thread. */
#pragma once

#include "archive/rows.h"

enum {
	INFLUX_ROWS_MAX = 20000, /* of a body */
	INFLUX_BYTES_MAX = 16 << 20,
	INFLUX_POST_ROWS = 5000, /* of a request */
	INFLUX_POST_BYTES = 4 << 20,
	INFLUX_POSTS_MAX = 12,
	INFLUX_DIGITS = 15, /* that a double keeps */
};

/* A body begins with this, in the machine's order; the lines behind it go out in `count`
 * requests, which end at ends[] from the body's begin. */
struct influx_posts {
	uint32_t count;
	uint32_t ends[INFLUX_POSTS_MAX];
};

/* Appends the body of those rows whose index is from..to-1; all are of one table. INVALID:
 * *bad is the first row whose time does not fit in 63 bits of ns. FULL: it does not fit the
 * buffer's limit or INFLUX_POSTS_MAX. NO_MEMORY. In every case but OK nothing was appended. */
MUST_CHECK enum status influx_encode(const struct archive_rows *rows, size_t from, size_t to,
				     int64_t batch_id, struct buf *body, size_t *bad);
struct influx_posts influx_posts(struct str body);
/* The n-th request's lines. */
struct str influx_post(struct str body, const struct influx_posts *posts, uint32_t n);

/* Whether the column is a tag. */
bool influx_is_tag(enum archive_column column);
