/* names_kinds.h - kinds of a part of a name by its letters. Only for names_lex.c. */
#pragma once

#include "audit/names_lex.h"

/* Classes of bytes, as bits that are collected over a part. */
enum {
	NAME_DIGIT = 1,
	NAME_LOWER_HEX = 2,
	NAME_LOWER = 4,
	NAME_UPPER_HEX = 8,
	NAME_UPPER = 16,
	NAME_HIGH = 32,
	NAME_OTHER = 64,
	NAME_SEPARATOR = 128,
	NAME_ALNUM = NAME_DIGIT | NAME_LOWER_HEX | NAME_LOWER | NAME_UPPER_HEX | NAME_UPPER,
};

enum { NAME_TOKEN_MIN = 16 };

/* Digits only: NAME_DATE, NAME_TIME, NAME_HEX (32 and longer) or NAME_ID. */
enum name_kind name_digits_kind(struct str part);
/* Letters and digits, a letter at least: TF, SYMBOL, HEX, TOKEN or WORD. */
enum name_kind name_letters_kind(const struct name_words *words, struct str part, unsigned seen);
/* UUID, IP, date or date and time at the front: its length; 0: none. */
size_t name_compound(struct str rest, enum name_kind *kind);
size_t name_email(struct str rest);
/* Letters, digits, - and _ that look drawn at random. */
size_t name_token(struct str rest);
/* `part` letters at the front are an asset and a market follows (-PERP, /USDT, /USDT:USDT,
 * -25DEC26): the length of it all; 0: no. */
size_t name_pair(const struct name_words *words, struct str rest, size_t part);
