/* names_terms.h - the constant words of a skeleton, as people mean them: in lower case, in the
 * singular, camelCase and blanks taken apart. `lastScanTimes` is last, scan, time. */
#pragma once

#include "audit/names_lex.h"

enum { NAME_TERM_BYTES = 32 };

struct name_terms {
	struct str skeleton; /* what is left of it */
	struct str word;     /* what is left of a part */
};

struct name_term {
	char text[NAME_TERM_BYTES]; /* longer ones are cut */
	size_t len;
};

static inline struct name_terms name_terms_of(struct str skeleton)
{
	return (struct name_terms){ skeleton, { NULL, 0 } };
}
/* False at the end. */
bool name_term_next(struct name_terms *terms, struct name_term *term);
/* Equal for skeletons with the same terms and the same kinds of variable parts, in any order.
 * 0: it has too little of both to name a thing. */
uint64_t name_thing(struct str skeleton);
