/* recording.h - one line of a recording, in any of the three spellings replay and
 * decode take (contracts.md, replay). Reads no files.
 *
 *   1723161255088156767 {"stream":…}     receive time in ns and the raw frame
 *   {"stream":…}                         the raw frame alone
 *   {"exchange":"binance-futures","local":…,"message":…}
 *
 * In the third, `message` is the frame itself or a text that holds it; `local` (or
 * `timestamp`) is the receive time: an integer, as number or text, taken as
 * seconds, ms, us or ns by its size, or text as 2024-08-08T23:54:15.123456Z. */
#pragma once

#include "def/market_id.h"

struct recording_line {
	int64_t receive_ns; /* unix ns; 0 when not said */
	bool named;         /* venue and kind were said by the line */
	enum venue venue;
	enum kind kind;
	struct str frame; /* into the line, or the reader's scratch until its next line */
};

struct recording; /* scratch; one thread */

/* Heap; NULL when out of memory. */
struct recording *recording_create(void);
void recording_destroy(struct recording *recording);

/* The line without its LF (blanks and CR around it are dropped); DECODE_PADDING
 * readable bytes must follow it, and follow *out's frame. NOT_FOUND: a blank line.
 * FORMAT, and *why a static text: no frame can be found in it; so for a line of the
 * third spelling with an exchange that is not known. What the frame holds is the
 * decoder's business. */
MUST_CHECK enum status recording_parse(struct recording *recording, struct str line,
				       struct recording_line *out, const char **why);
