/* suggest.h - "did you mean": the candidate nearest to a mistyped word.
 *
 * Distance counts inserted, deleted, changed and swapped letters (optimal string
 * alignment). Cold paths only. Any thread. */
#pragma once

#include "base/buf.h"

enum { SUGGEST_LEN_MAX = 48 }; /* longer words are near nothing */

/* Letters of edit between a and b; SIZE_MAX when either is longer than
 * SUGGEST_LEN_MAX. */
size_t suggest_distance(struct str a, struct str b);

/* Offered one candidate after another; holds a copy of the nearest. */
struct suggest {
	struct str word; /* what was typed */
	size_t distance; /* SIZE_MAX: nothing near enough yet */
	char nearest[SUGGEST_LEN_MAX + 1];
};

static inline struct suggest suggest_for(struct str word)
{
	return (struct suggest){ .word = word, .distance = SIZE_MAX };
}
/* Near enough is a third of the longer word's letters, and at least one. The first
 * of equals wins. */
void suggest_offer(struct suggest *suggest, struct str candidate);
/* ", did you mean 'NEAREST'?", or nothing. */
void suggest_print(struct buf *buf, const struct suggest *suggest);
