/* code_impl.h - the insides of code.h: what a tree of sources keeps between its files. */
#pragma once

#include "audit/code.h"
#include "audit/code_lex.h"

enum {
	CODE_USES_MAX = 400000,
	CODE_FACTS_MAX = 400000,
	CODE_CONSTANTS_MAX = 100000,
	CODE_LOOSE_MAX = 1 << 20,
	CODE_MAKINGS_MAX = 100000,
	CODE_POOL_BYTES = 32 << 20,
	CODE_PATTERN_MAX = 240, /* bytes of a key's text; what is longer ends in {?} */
	CODE_ROUNDS = 8,        /* of facts that follow from facts */
};

/* A key's text as it is kept: constant bytes, and between marks what is not constant. */
enum {
	MARK_NAME = 1, /* a placeholder's name, to MARK_END */
	MARK_END = 2,
	MARK_REF = 3,  /* a constant's name, or a function's with (); then what stands for it */
	MARK_ELSE = 4, /* where it is unknown (a placeholder's name), then a function's arguments */
	MARK_ARG = 5,
};

/* Texts, each once; 0 is none. */
struct code_pool {
	char *bytes;
	uint32_t used, room;
	uint32_t *slots, *starts, *lens;
	uint32_t n_slots, count, room_texts;
};

enum { /* of a use */
       USE_EXPIRES = 1,
       USE_ONCE = 2,
       USE_ONE = 4,       /* one element is added */
       USE_DERIVED = 8,   /* what is written comes from what was read of the same key */
       USE_ANSWERED = 16, /* the answer is looked at */
       USE_MORE = 32,     /* a further key of the same call */
       USE_TARGET = 64,   /* the key that MOVES writes */
       USE_LOOP = 128,
       USE_REAL = 256, /* settled: its receiver is a client */
       USE_READS = 512,
       USE_WRITES = 1024,
       USE_ASYNC = 2048, /* StringGetAsync */
};

/* A call on what is a client, or is one if cond turns out to be a fact. */
struct code_use {
	uint64_t cond;
	uint32_t file, line;
	uint32_t function, block, statement;
	uint32_t loop;   /* while its file is scanned */
	uint32_t key;    /* a text with marks; settled: the pattern; 0: it has none */
	uint32_t family; /* settled: index of the code_key + 1 */
	uint16_t method, flags;
	uint8_t holds;
};

enum {
	MAKING_NO_POOL = 1,
	MAKING_NO_TIMEOUT = 2,
	MAKING_HOST = 4,
	MAKING_DECODES = 8,
	MAKING_COUNTS = 16,
	MAKING_CLIENT = 32
};
struct code_making {
	uint32_t file, line;
	uint8_t flags;
};

/* A handler that swallows errors, if one of the uses is real. */
struct code_handler {
	uint32_t file, line;
	uint32_t first, end;
};

struct code_fact {
	uint64_t fact, cond; /* cond 0: it is one; else if cond is one */
};

struct code_constant {
	uint64_t name;
	uint32_t file;
	uint32_t text, params; /* params: names separated by commas, of a function */
};

struct code_source {
	uint32_t path;
	bool mentions;
};

struct code_hash_set {
	uint64_t *slots;
	size_t n_slots, count;
};

/* A line that a rule found (code_rules.h). */
struct code_hit {
	uint8_t kind;
	uint32_t file, line;
	uint32_t rank; /* of the file's path */
};

enum { CODE_EXAMPLE_BYTES = 600 };

struct code {
	struct code_pool pool;
	struct code_tokens tokens;
	struct code_source *files;
	struct code_use *uses;
	struct code_making *makings;
	struct code_handler *handlers;
	struct code_fact *facts;
	struct code_constant *constants;
	size_t n_files, n_uses, n_makings, n_handlers, n_facts, n_constants;
	size_t room_files, room_uses, room_makings, room_handlers, room_facts, room_constants;
	struct code_hash_set loose; /* texts that stand in the code as something else than a key */
	struct code_hash_set known; /* settled facts */
	uint32_t next_function, next_block;
	int64_t lost;  /* uses, facts, texts beyond their bounds */
	int64_t steps; /* tokens and bytes looked at: for the proof that a scan is linear */
	bool settled;
	struct code_summary summary;
	struct code_call *calls;
	struct code_key *keys;
	const char **places;   /* all writers and readers, one after the other */
	struct code_hit *hits; /* by rule, path, line */
	size_t n_hits;
	char examples[FINDING_RULES][AUDIT_FINDING_EXAMPLES][CODE_EXAMPLE_BYTES];
	uint32_t *order; /* uses by file's path, then as they came */
	size_t n_order;
};

/* One more at the end of a growing array, zeroed; NULL when max is reached or memory is out. */
void *code_grow(void **array, size_t *count, size_t *room, size_t max, size_t size);
#define CODE_ADD(code, what, max)                                                                  \
	code_grow((void **)&(code)->what, &(code)->n_##what, &(code)->room_##what, max,            \
		  sizeof *(code)->what)

uint32_t code_intern(struct code *code, struct str text);
struct str code_text(const struct code *code, uint32_t id);

/* False: it is full. */
bool code_set_add(struct code_hash_set *set, uint64_t hash, size_t max);
bool code_set_has(const struct code_hash_set *set, uint64_t hash);

static inline uint64_t code_mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15U + (a << 6) + (a >> 2))) * 0xbf58476d1ce4e5b9U;
	x ^= x >> 29;
	return x ? x : 1;
}
static inline uint64_t code_name3(char kind, uint64_t a, uint64_t b)
{
	return code_mix(code_mix((uint64_t)kind * 0x94d049bb133111ebU, a), b);
}

/* A key's text for joining: each placeholder is {}; constant bytes as they are. `printed` has
 * the names. Both are of at most CODE_PATTERN_MAX bytes. */
void code_normalise(struct str printed, struct buf *out);
bool code_has_letters(struct str printed); /* a letter or digit outside of placeholders */

/* code_scan.c: one file. */
void code_scan(struct code *code, const struct code_language *language, uint32_t file,
	       struct str path, bool mentions);
/* code_resolve.c: texts with marks into patterns; facts. */
void code_settle_facts(struct code *code);
void code_settle_patterns(struct code *code);
/* code_keys.c */
MUST_CHECK enum status code_settle_keys(struct code *code);
/* code_rules.c */
MUST_CHECK enum status code_settle_findings(struct code *code);
/* Do names exist that both could be? */
bool code_patterns_meet(struct str a, struct str b);
/* code_words.c: what a pattern's words say it is for; UNKNOWN: nothing. */
enum audit_use code_use_of(struct str pattern);
bool code_is_lock(struct str pattern);
