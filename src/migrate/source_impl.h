/* source_impl.h - shared by source*.c only: replies as elements.
 *   source.c          keys, several at once, each in one reply
 *   source_walk.c     one key in pieces; names
 *   source_elements.c a reply's elements, and a stream's groups
 *   source_stream.c   what else a stream is */
#pragma once

#include "migrate/arena.h"
#include "migrate/source.h"

/* Elements of a whole reply or of a piece of it. false: memory is out, or the reply has another
 * shape than the type's. *elements may be NULL: they are digested alone. */
bool source_elements(enum audit_type type, const struct redis_reply *reply, struct arena *texts,
		     struct digesting *sum, struct audit_element **elements, size_t *count);
/* What an error reply says: the key went, or has another type by now. */
bool source_is_gone(enum status status, const struct redis_reply *reply);
/* What stands behind the name in a list of names and values; NULL. */
const struct redis_reply *source_member(const struct redis_reply *list, struct str name);
/* Groups belong to what a stream is: their names, how far they are, what is pending. */
void source_digest_groups(struct digesting *sum, const struct redis_reply *groups);
