/* facts.h - what a value says of itself at a glance: number, time, state, whose fields.
 * Bounded: a string's first FACTS_BYTES, the first FACTS_ELEMENTS elements. Any thread after
 * facts_init. */
#pragma once

#include "audit/names_words.h"
#include "audit/rules.h"

enum { FACTS_BYTES = 256, FACTS_ELEMENTS = 16 };

struct facts {
	struct name_words words;
	int64_t now_ms;
};

void facts_init(struct facts *facts, int64_t now_ms);
/* The bits of enum audit_fact that the collector sets, but for FACT_IGNORED. */
uint32_t facts_of(const struct facts *facts, const struct audit_key *key);
/* Is a number a unix time near now, in s, ms, us or ns? */
bool facts_is_time(const struct facts *facts, int64_t value);
