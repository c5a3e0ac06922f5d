/* names_lex.h - one name into parts: its skeleton.
 *
 * A name is cut at separators, and each part gets the kind that its letters alone tell: a
 * number, a date, a timeframe, a listed symbol. What no kind fits is a word, and stays text.
 * The skeleton is bytes: for each part its kind, of a word its length and bytes, and the
 * separator behind it (0: none, or the last part; lower-case letters before a number are cut
 * off without one: `user123` is `user` and a number). Names with one skeleton differ only in
 * values of their kinds. Names are bytes: any may come.
 *
 * Bounds: NAME_PARTS_MAX parts and NAME_SKELETON_MAX bytes, what follows is one part more,
 * {rest}; words longer than NAME_WORD_MAX are {text}. O(length of the name). Any thread. */
#pragma once

#include "audit/names_words.h"

enum { NAME_PARTS_MAX = 24, NAME_SKELETON_MAX = 512, NAME_WORD_MAX = 64 };

enum name_kind {
	NAME_WORD,
	NAME_SYMBOL, /* BTC ethusdt BTC-PERP BTC/USDT */
	NAME_TF,     /* 1m 4h 1d 1W H4 */
	NAME_ID,     /* digits */
	NAME_SMALL,  /* digits, all of them below 100: only after settling */
	NAME_HEX,
	NAME_UUID,
	NAME_DATE, /* 2024-01-31 2024_01 20240131 */
	NAME_TIME, /* unix s, ms, us, ns; a date with a time of day */
	NAME_IP,   /* version 4 */
	NAME_EMAIL,
	NAME_TOKEN, /* letters and digits at random */
	NAME_BYTES, /* not text */
	NAME_TEXT,  /* a very long word */
	NAME_REST,
	NAME_ANY, /* any word: only by alignment */
	NAME_KINDS
};

const char *name_kind_text(enum name_kind kind); /* "symbol"; "" of a word */

struct name_lexer {
	uint8_t class[256];
	struct name_words words;
};

struct name_lexed {
	uint16_t len;
	uint8_t parts;
	uint32_t wide;    /* bit i: part i is a number of 100 or more */
	uint32_t minutes; /* bit i: part i is a number that is a timeframe in minutes */
	uint32_t joined;  /* bit i: part i is a number right behind letters */
	uint32_t number;  /* of the first joined part */
	uint8_t digits;   /* of that; 0: there is none, or it is longer than 9 */
	uint8_t text[NAME_SKELETON_MAX];
};

/* A part of a skeleton. */
struct name_part {
	enum name_kind kind;
	char separator; /* behind it; 0: none */
	struct str word;
};

void name_lexer_init(struct name_lexer *lexer, struct str separators);
void name_lex(const struct name_lexer *lexer, struct str name, struct name_lexed *out);
/* Takes the next part off the front; false at the end. */
bool name_part_next(struct str *skeleton, struct name_part *part);
/* Appends a part; what does not fit in size is dropped and false. */
bool name_part_put(uint8_t *text, size_t size, uint16_t *len, const struct name_part *part);
