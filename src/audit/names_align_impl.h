/* names_align_impl.h - the workbench of names_align.c and its rules (names_align_rules.c). */
#pragma once

#include "audit/names_align.h"

enum { ALIGN_KNOWN = 4096 /* symbols that no list has and that were found: the first so many */ };
enum { ALIGN_KEEP = 0xff, ALIGN_BACK = 0xfe /* a joined number, back to its word */ };

/* What stands at one place beside the same other parts. */
struct align_group {
	uint64_t hash;
	uint32_t kinds;   /* bits 1 << enum name_kind */
	uint32_t words;   /* that could be values */
	uint32_t mixed;   /* of these: letters and digits mixed */
	uint32_t coins;   /* of these: listed, strong or weak */
	uint32_t tickers; /* of these: upper case, as tickers are */
	uint64_t keys[NAME_KINDS];
	uint32_t types[AUDIT_TYPES]; /* words by type */
};

struct align_place {
	const struct align_group *group;
	const struct name_part *parts;
	size_t n, at;
	uint32_t traits; /* of the word there */
	bool known;      /* the word is a symbol elsewhere */
	const struct name_shape *shape;
};

/* Traits of a word that could be a value; 0 for any other. */
static inline bool align_free(uint32_t traits)
{
	return !(traits & (WORD_COMMON | WORD_INDICATOR));
}

/* Rules: the kind that the part becomes, or ALIGN_KEEP. The first three look at no group. */
uint8_t align_minutes(const struct align_place *place);
uint8_t align_back(const struct align_place *place);
uint8_t align_small(const struct align_place *place);
uint8_t align_numbers(const struct align_place *place);
uint8_t align_absorb(const struct align_place *place);
uint8_t align_symbols(const struct align_place *place);
/* How sure it is that the word is a value: the distinct words of its group; 0: it is none. */
uint32_t align_words(const struct align_place *place);
/* The same for two places at once. */
uint32_t align_pair(const struct align_place *place, size_t other, uint32_t pairs);
