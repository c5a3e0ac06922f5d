/* decoder.h - venue frames in, events out. Socket-free.
 *
 * A strict scanner recognises a frame by the first bytes its stream sends and
 * accepts exactly one field order and spelling; anything else goes to simdjson.
 * Both give the same events for every input (tests/fuzz proves it). A frame is
 * never fatal: what cannot be read is one EVENT_MALFORMED with a reason, what is
 * not known one EVENT_UNKNOWN. Facts: Binance and Bybit public documents, 2026. */
#pragma once

#include "codec/event.h"

enum { FRAME_BYTES_MAX = 1 << 20 }; /* longer frames are malformed */

struct decoder; /* one venue and kind, one thread; owns simdjson's scratch */

/* mode: DECODE_AUTO is the scanner with simdjson behind it; the others exist for
 * the differential tests and the bench. */
enum decode_mode { DECODE_AUTO, DECODE_SIMDJSON, DECODE_SCANNER };

/* Heap; NULL when out of memory. */
struct decoder *decoder_create(enum venue venue, enum kind kind, enum decode_mode mode);
void decoder_destroy(struct decoder *decoder);

/* `frame` need not be NUL-terminated, but DECODE_PADDING readable bytes must
 * follow it (their content does not matter). Returns the number of events
 * written to out (≥ 1, cap ≥ EVENTS_PER_FRAME). In DECODE_SCANNER mode a frame
 * that the scanner does not take gives 0. */
enum { DECODE_PADDING = 64 };
size_t decoder_decode(struct decoder *decoder, struct str frame, struct event *out);

/* decode's JSON line for an event (contracts.md, decode), without the LF. line is
 * the input line for malformed ones, 0 to leave it out. */
void event_print_json(struct buf *buf, enum venue venue, enum kind kind, const struct event *event,
		      uint64_t line);
