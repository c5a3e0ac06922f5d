/* names.h - families of keys by their names: `BTC_1h_RSI14` → `{symbol}_{tf}_RSI14`.
 *
 *   names_create → names_learn … → names_settle → names_family, names_family_of …
 *
 * Names are cut into parts (names_lex.h), equal skeletons are one shape, and shapes laid beside
 * each other tell which of their words are values (names_align.h). A pattern is the constant
 * text, printed as audit_name_print does, braces as \x7b \x7d, and variable parts in braces:
 * {symbol} {tf} {id} {n} (digits; all below 100) {hex} {uuid} {date} {time} {ip} {email}
 * {token} (letters and digits at random) {word} {bytes} {text} {rest}.
 *
 * Bounded: NAMES_SHAPES_MAX shapes. When they are used up, what was learned is aligned at once
 * (at most NAMES_PRESSES times) and goes on with the patterns that were found; what has no
 * place then is family "{other}". Up to there the families are the same whatever the order
 * of the keys. O(length of the name) a key. One thread. */
#pragma once

#include "audit/family.h"
#include "audit/names_lex.h"

enum { NAMES_PRESSES = 16, NAMES_IDS_MAX = 1 << 20, NAMES_SOON = 8 };

struct names;

struct name_family {
	const char *pattern;
	struct str skeleton; /* for name_part_next; empty: {other} */
	uint64_t keys;
	bool constant, namespaced;
	char separator; /* the one between its parts; 0: none, or several */
};

/* A name as letters alone tell it: what names_learn needs of it where one like it is known. */
struct name_look {
	uint64_t hash;      /* of its skeleton */
	uint32_t wide, odd; /* as in a shape (names_store.h) */
	uint32_t number;
	uint8_t digits;
};

MUST_CHECK enum status names_create(struct str separators, struct names **out);
void names_destroy(struct names *names); /* NULL-safe */
/* *shape: for names_family_of once it is settled. bytes: of the key; -1 unknown. */
MUST_CHECK enum status names_learn(struct names *names, struct str name, enum audit_type type,
				   int64_t bytes, uint32_t *shape);
/* The same in two steps; the first by any thread, also while another learns. */
void names_look(const struct names *names, struct str name, struct name_look *out);
MUST_CHECK enum status names_learn_looked(struct names *names, struct str name,
					  const struct name_look *look, enum audit_type type,
					  int64_t bytes, uint32_t *shape);
/* Before names_learn_looked, in its order, best 2 * NAMES_SOON names ahead: reads what that needs
 * into the cache. */
void names_prefetch(struct names *names, const struct name_look *look);
/* Families by bytes, then keys, then pattern; those behind families_max are "{other}", the
 * last one. Nothing is learned after. */
MUST_CHECK enum status names_settle(struct names *names, size_t families_max);
size_t names_families(const struct names *names);
const struct name_family *names_family(const struct names *names, size_t family);
/* shape: one that was told (names_told). */
size_t names_family_of(const struct names *names, uint32_t shape);
bool names_told(const struct names *names, uint32_t shape);
/* The family a name belongs to; -1: no name like it was learned. */
int64_t names_find(const struct names *names, struct str name);
/* Shapes that were learned, and names for which there was no room. */
size_t names_shapes(const struct names *names);
uint64_t names_lost(const struct names *names);
