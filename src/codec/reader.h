/* reader.h - from a parsed JSON frame to events: what both venues' decoders share.
 *
 * A reader collects the events of one frame. The first thing that is wrong sticks
 * in `reason`, later reads do nothing and give false, and the frame becomes one
 * EVENT_MALFORMED; so a decoder reads all it wants and returns. Reasons are static
 * texts made by the macros from the key: `p: wants a decimal above 0`. */
#pragma once

#include "codec/event.h"
#include "codec/json.h"

#define TIME_MS_MAX INT64_C(4102444799999) /* the end of 2099 */
enum { SYMBOL_BYTES_MAX = 64 };            /* longer symbols are malformed */

struct reader {
	struct event *out; /* room for EVENTS_PER_FRAME */
	size_t count;
	const char *reason; /* NULL while all is well */
	struct buf scratch; /* fixed; text that events point into */
	struct str stream;  /* Binance: the combined stream's name; empty when raw */
};

enum decimal_want { WANT_ANY, WANT_NOT_NEGATIVE, WANT_POSITIVE };

void reader_fail(struct reader *reader, const char *reason);
/* The next event, with type, symbol and time set and the rest zero; NULL once
 * something is wrong or the frame is full (which is wrong). */
struct event *reader_event(struct reader *reader, enum event_type type, struct str symbol,
			   int64_t t_ms);
/* Text into scratch; the slice lives as long as the events. */
struct str reader_keep(struct reader *reader, struct str text);
struct str reader_keep_upper(struct reader *reader, struct str text);
struct str reader_keep_i64(struct reader *reader, int64_t value);

bool reader_object(struct reader *reader, struct json_value from, struct str key,
		   struct json_value *out, const char *why);
bool reader_array(struct reader *reader, struct json_value from, struct str key,
		  struct json_iter *out, const char *why);
bool reader_text(struct reader *reader, struct json_value from, struct str key, struct str *out,
		 const char *why);
bool reader_symbol(struct reader *reader, struct json_value from, struct str key, struct str *out,
		   const char *why);
/* 0..max */
bool reader_integer(struct reader *reader, struct json_value from, struct str key, int64_t max,
		    int64_t *out, const char *why);
/* The same as decimal text or as a number. */
bool reader_integer_text(struct reader *reader, struct json_value from, struct str key, int64_t max,
			 int64_t *out, const char *why);
bool reader_bool(struct reader *reader, struct json_value from, struct str key, bool *out,
		 const char *why);
bool reader_decimal(struct reader *reader, struct json_value from, struct str key,
		    enum decimal_want want, struct decimal *out, const char *why);
/* Levels of an order book, written anew into scratch in event_depth's shape. */
bool reader_levels(struct reader *reader, struct json_value from, struct str key,
		   struct str *levels, uint32_t *n, const char *why);
/* Whether the member is there, is not null and is no empty string: venues write
 * "" for "does not apply". */
bool reader_has(struct json_value from, struct str key);

#define READ_OBJECT(r, from, key, out)                                                             \
	reader_object(r, from, STR(key), out, key ": wants an object")
#define READ_ARRAY(r, from, key, out) reader_array(r, from, STR(key), out, key ": wants an array")
#define READ_TEXT(r, from, key, out)  reader_text(r, from, STR(key), out, key ": wants a text")
#define READ_SYMBOL(r, from, key, out)                                                             \
	reader_symbol(r, from, STR(key), out, key ": wants a symbol of 1 to 64 bytes")
#define READ_TIME(r, from, key, out)                                                               \
	reader_integer(r, from, STR(key), TIME_MS_MAX, out, key ": wants a time in ms")
#define READ_TIME_TEXT(r, from, key, out)                                                          \
	reader_integer_text(r, from, STR(key), TIME_MS_MAX, out, key ": wants a time in ms")
#define READ_ID(r, from, key, out)                                                                 \
	reader_integer(r, from, STR(key), INT64_MAX, out, key ": wants an integer of 0 or more")
#define READ_BOOL(r, from, key, out)                                                               \
	reader_bool(r, from, STR(key), out, key ": wants true or false")
#define READ_DECIMAL(r, from, key, out)                                                            \
	reader_decimal(r, from, STR(key), WANT_ANY, out, key ": wants decimal text")
#define READ_AMOUNT(r, from, key, out)                                                             \
	reader_decimal(r, from, STR(key), WANT_NOT_NEGATIVE, out,                                  \
		       key ": wants a decimal of 0 or more")
#define READ_POSITIVE(r, from, key, out)                                                           \
	reader_decimal(r, from, STR(key), WANT_POSITIVE, out, key ": wants a decimal above 0")
#define READ_LEVELS(r, from, key, levels, n)                                                       \
	reader_levels(r, from, STR(key), levels, n, key ": wants price levels")
