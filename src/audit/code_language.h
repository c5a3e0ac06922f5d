/* code_language.h - what def/languages.def and def/redis_methods.def say, looked up. Any thread. */
#pragma once

#include "audit/key.h"

enum { /* of languages */
       LANGUAGE_INDENTS = 1,
       LANGUAGE_LINES = 2,
       LANGUAGE_STARS = 4,
       LANGUAGE_SLASHES = 8,
       LANGUAGE_DOLLARS = 16,
       LANGUAGE_PREFIXES = 32,
       LANGUAGE_CONTEXT = 64,
       LANGUAGE_HTML = 128,
};
enum { /* of quotes; NAMES, DOLLARS and BRACES say how code stands inside */
       QUOTE_LINES = 1,
       QUOTE_RAW = 2,
       QUOTE_DOUBLED = 4,
       QUOTE_BRACES = 8,
       QUOTE_DOLLARS = 16,
       QUOTE_NAMES = 32,
       QUOTE_HEREDOC = 64,
       QUOTE_CODE = QUOTE_BRACES | QUOTE_DOLLARS | QUOTE_NAMES,
};
enum { MAKES_POOL = 1, MAKES_PLAIN = 2, MAKES_TIMEOUTS = 4, MAKES_LATER = 8 };
enum { /* of methods */
       METHOD_READS = 1 << 0,
       METHOD_WRITES = 1 << 1,
       METHOD_REMOVES = 1 << 2,
       METHOD_EXPIRES = 1 << 3,
       METHOD_MAY = 1 << 4,
       METHOD_GETS = 1 << 5,
       METHOD_SETS = 1 << 6,
       METHOD_COUNTS = 1 << 7,
       METHOD_PUSHES = 1 << 8,
       METHOD_POPS = 1 << 9,
       METHOD_ADDS = 1 << 10,
       METHOD_MOVES = 1 << 11,
       METHOD_WAITS = 1 << 12,
       METHOD_NAMES = 1 << 13,
       METHOD_OWN = 1 << 14,
       METHOD_ONCE = 1 << 15,    /* only where nothing was: SETNX */
       METHOD_ANSWERS = 1 << 16, /* its answer tells what is there: reads where that is used */
       METHOD_AFTER = 1 << 17,   /* EXPIRE of what is there */
};
enum method_keys { KEYS_FIRST, KEYS_ALL, KEYS_EACH, KEYS_TWO, KEYS_GLOB, KEYS_STREAMS, KEYS_NONE };

enum {
	LANGUAGE_PYTHON,
	LANGUAGE_JAVASCRIPT,
	LANGUAGE_GO,
	LANGUAGE_CSHARP,
	LANGUAGE_PHP,
	LANGUAGES
};

/* What a name or an expression holds. */
enum code_holds {
	HOLDS_UNKNOWN,
	HOLDS_OTHER,  /* certainly no client */
	HOLDS_CLIENT, /* on a condition, where there is one */
	HOLDS_PIPE,
	HOLDS_PACKAGE, /* a module of a Redis client */
	HOLDS_MAKER,   /* a constructor of one */
	HOLDS_MODULE,  /* another module, or a name imported from one */
	HOLDS_ANSWER,  /* of a call on a client */
	HOLDS_GLOBAL,  /* the name of the module's scope is meant */
};

struct code_language {
	const char *name, *extensions, *line, *line2;
	uint32_t traits;
	uint8_t id;
};
struct code_quote {
	uint8_t language;
	const char *open, *close;
	uint32_t traits;
};
struct code_maker {
	uint8_t language;
	const char *name;
	bool bare;
	uint32_t traits;
};
struct code_method {
	const char *name;
	uint8_t type; /* enum audit_type; AUDIT_TYPES: any */
	uint8_t keys;
	uint32_t traits;
};

const struct code_language *code_language_of(struct str path); /* NULL: none */
/* The longest quote that opens here; NULL: none. */
const struct code_quote *code_quote_at(const struct code_language *language, struct str rest);
const struct code_maker *code_maker_find(const struct code_language *language, struct str name);
/* The same by the name's hash. */
const struct code_maker *code_maker_hashed(const struct code_language *language, uint64_t name);
bool code_package(const struct code_language *language, struct str name);
enum code_holds code_type_holds(const struct code_language *language, struct str name);
enum code_holds code_derived(struct str lower);
/* By its name as written; NULL: none. Its place in the table is *index. */
const struct code_method *code_method_find(struct str name, size_t *index);
const struct code_method *code_method_at(size_t index);
size_t code_methods(void);

/* Does the name mean a client (redis_client), or a pipeline? UNKNOWN: it does not tell. */
enum code_holds code_name_holds(struct str name);
/* r, rd, conn, store …: short names that are clients often, and something else often. */
bool code_name_weak(struct str name);
/* One of its words (parts between _ and changes of case), lower case; false at its end. */
bool code_next_word(struct str *rest, char word[32]);
/* Is the lower-case word one of the list, separated by blanks? */
bool code_word_in(const char *word, const char *list);
