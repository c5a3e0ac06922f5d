/* names_align.h - which words of names are values: skeletons laid beside each other.
 *
 * Skeletons that agree in all parts but one are a group. Its other parts say what the one part
 * is: a coin's ticker beside listed ones is a symbol, a number beside hexadecimal ones is
 * hexadecimal, and where words vary more than constants would they are values too ({word}).
 * How many that takes depends on the place: constants on both sides are the strongest sign,
 * another variable part the weakest (BTC_1h_RSI14: names of figures). Words of programs
 * (NAME_COMMON, NAME_INDICATOR) are never values. What varies in two parts at once is found by
 * groups of pairs.
 *
 * The result depends on the set of skeletons and their keys, not on their order. */
#pragma once

#include "audit/names_store.h"

/* Makes *out from `in`; map[i] (in->n of them, caller's) is where shape i went. `last`: numbers
 * below 100 become {n} and joined numbers that never vary go back to their word, which only
 * makes sense once all names are known. `tight`: everything is pressed, so that rare
 * skeletons of words alone become one. */
MUST_CHECK enum status names_align(const struct name_lexer *lexer, const struct name_store *in,
				   bool last, bool tight, struct name_store *out, uint32_t *map);
