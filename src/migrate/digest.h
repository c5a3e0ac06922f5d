/* digest.h - what a value is, in 128 bits: equal for equal content, whatever the encoding and the
 * order in which a hash, set or zset gives its elements.
 *
 *   digest_begin(&digest, type); digest_element(&digest, field, value) …; digest_end(&digest)
 *
 * Elements of hashes, sets and zsets are summed, those of lists and streams chained. A string may
 * be told in pieces of any size: digest_bytes. Not for an adversary. Pure. */
#pragma once

#include "audit/key.h"

struct digest {
	uint64_t a, b;
};

static inline bool digest_eq(struct digest x, struct digest y) { return x.a == y.a && x.b == y.b; }
static inline bool digest_none(struct digest x) { return x.a == 0 && x.b == 0; }

struct digesting {
	enum audit_type type;
	struct digest sum;
	uint64_t count;
	char open[16]; /* of a string: bytes that do not fill a word yet */
	size_t n_open;
};

void digest_begin(struct digesting *digesting, enum audit_type type);
/* list, set: value, field empty. zset: value and its score as the server writes it in `field`.
 * hash: both. stream: field is the id, value the entry's fields, as
 * source.h has them. */
void digest_element(struct digesting *digesting, struct str field, struct str value);
void digest_bytes(struct digesting *digesting, struct str piece); /* AUDIT_STRING */
/* Never {0, 0}. */
struct digest digest_end(struct digesting *digesting);
struct digest digest_of(struct str bytes); /* of any bytes, a name */
