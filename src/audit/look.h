/* look.h - what a key says by itself: what its name and value are, before it is known what else
 * there is. A function of the key and of how the audit was created, so that any thread may find
 * it while another is at earlier keys: half of an audit's work.
 *
 *   audit_look(audit, key, &look) → key.look = &look → audit_key(audit, &key)
 *
 * Plain data without texts: it lives longer than the key. */
#pragma once

#include "audit/names.h"

enum { LOOK_FIELDS = 16 };

/* A member of a JSON object, for duplicates: digests of its name, and of key, name and value. */
struct look_field {
	uint64_t name, all;
};

struct audit_look {
	struct name_look name;
	uint32_t facts;   /* enum audit_fact and rule_fact */
	uint32_t members; /* of JSON */
	uint64_t digest;  /* of a whole string; 0: none */
	uint64_t
	    trial_order; /* of a sample for trials, and what its name looks like (trial.c); 0: */
	uint32_t trial_shape; /* found when it is its turn, if ever */
	uint32_t n_fields;
	bool more_fields; /* than LOOK_FIELDS: all of them are found again when it is its turn */
	struct look_field fields[LOOK_FIELDS];
};
