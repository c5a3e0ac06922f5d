/* long_text.h - values that are too long for a hash.
 *
 * A hash is a listpack, a few hundred bytes, until one of its values is longer than
 * LONG_TEXT_INSIDE, which is what a server that nobody configured allows; then it is a table
 * of three to seven times the size, for good. So a longer value is a key of its own
 * (def/keys.def, text:…: a string), written and removed in one transaction with its hash,
 * which holds the one byte 1A (SUB) in its place. A value that is that byte is a key of its
 * own too, so that nothing is in doubt. A mark whose key is not there is no value.
 *
 * It is for what people and other programs write: messages, devices, lists. Names that a
 * broker, a terminal or weir gives stay inside, whatever their length. Any thread. */
#pragma once

#include "base/str.h"

enum { LONG_TEXT_INSIDE = 64, LONG_TEXT_MARK = 0x1A };

static inline bool long_text_is_mark(struct str held)
{
	return held.len == 1 && held.ptr[0] == LONG_TEXT_MARK;
}

static inline bool long_text_is_outside(struct str value)
{
	return value.len > LONG_TEXT_INSIDE || long_text_is_mark(value);
}

/* What the hash holds of it. */
static inline struct str long_text_inside(struct str value)
{
	static const char mark = LONG_TEXT_MARK;
	return long_text_is_outside(value) ? str_make(&mark, 1) : value;
}
