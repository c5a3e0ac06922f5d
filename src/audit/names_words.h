/* names_words.h - what single words say of a part of a name (names_words.def).
 *
 * One table of 16-byte words in upper case, made once by names_words_make; a plural finds its
 * singular among NAME_COMMON. Any thread after it was made. */
#pragma once

#include "base/str.h"

enum {
	WORD_COIN = 1 << 0,
	WORD_COIN_WEAK = 1 << 1,
	WORD_QUOTE = 1 << 2,
	WORD_FIAT = 1 << 3,
	WORD_MARKET = 1 << 4,
	WORD_INDICATOR = 1 << 5,
	WORD_COMMON = 1 << 6,
	/* From the letters alone. */
	WORD_UPPER = 1 << 7,  /* letters and digits, no lower case letter, a letter at least */
	WORD_LOWER = 1 << 8,  /* the same with cases exchanged */
	WORD_DIGITS = 1 << 9, /* has a digit */
	WORD_MIXED = 1 << 10, /* digits between letters, or both cases and digits: hardly a word */
	WORD_HEX = 1 << 11,   /* hexadecimal digits only, at least 6 */
	WORD_PLAIN = 1 << 12, /* ASCII letters and digits only */
};

enum { NAME_WORDS_SLOTS = 2048 };

struct name_words {
	struct {
		uint64_t low, high; /* upper case, NUL behind */
		uint32_t bits;
	} slots[NAME_WORDS_SLOTS];
	/* Of each slot a few bits of its word's hash, 0: it is free. Most words are in no table,
	 * and this says so without their slots. */
	uint8_t tags[NAME_WORDS_SLOTS];
};

void name_words_make(struct name_words *words);
/* Words separated by blanks into a table that began zeroed; for tables of one's own. */
void name_words_add(struct name_words *words, const char *list, uint32_t bits);
/* Bits of the tables; 0 where it stands in none. Case does not count. */
uint32_t name_words_find(const struct name_words *words, struct str word);
/* The same and what its letters say. */
uint32_t name_words_traits(const struct name_words *words, struct str word);
/* BTCUSDT, btcusdt, EURUSD, BTC: letters and digits of one case. */
bool name_words_symbol(const struct name_words *words, struct str word);
