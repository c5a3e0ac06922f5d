/* mfp_impl.h - what mfp.c, mfp_read.c and mfp_write.c share: the tables as arrays. */
#pragma once

#include <assert.h>

#include "base/check.h"
#include "codec/mfp.h"

/* One row more than there are verbs: see mfp.c. */
extern const struct mfp_verb_row mfp_verb_rows[MFP_VERBS + 1];
extern const struct mfp_field_row mfp_field_rows[MFP_FIELDS];

enum { MFP_KEY_MAX = 8, MFP_NAME_MAX = 64, MFP_HASH_DIGITS = 16, MFP_HEX_DIGITS = 32 };

/* The same keys, padded with NUL, to be compared as one 64-bit word. */
extern const char mfp_keys[MFP_FIELDS][MFP_KEY_MAX];

/* Where a field's value is among the values of its verb. */
static inline uint32_t mfp_place(enum mfp_verb verb, enum mfp_field field)
{
	CHECK((unsigned)field < MFP_FIELDS && mfp_field_rows[field].verb == verb);
	return field - mfp_verb_rows[verb].first;
}

/* The value of a hexadecimal digit, -1 for anything else. */
static inline int mfp_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that %XX at text stands for, -1 when that is no escape. */
static inline int mfp_escaped(struct str text)
{
	if (text.len < 3 || text.ptr[0] != '%')
		return -1;
	int high = mfp_hex_digit(text.ptr[1]), low = mfp_hex_digit(text.ptr[2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The character at the front of a value whose escapes are good, as people may read it:
 * what is not well-formed UTF-8 once unescaped, and NUL, is U+FFFD. Takes it off *value;
 * its bytes go to out. As an escape is three bytes and U+FFFD is too, a text is never
 * longer than it was sent. */
size_t mfp_take_character(struct str *value, char out[4]);
