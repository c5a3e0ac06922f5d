#include "audit/code_language.h"

#include "base/check.h"

#define INDENTS  LANGUAGE_INDENTS
#define LINES    LANGUAGE_LINES
#define STARS    LANGUAGE_STARS
#define SLASHES  LANGUAGE_SLASHES
#define DOLLARS  LANGUAGE_DOLLARS
#define PREFIXES LANGUAGE_PREFIXES
#define CONTEXT  LANGUAGE_CONTEXT
#define HTML     LANGUAGE_HTML
enum {
#define LANGUAGE(id, ...) ID_##id,
#include "def/languages.def"
};
static const struct code_language languages[] = {
#define LANGUAGE(id, name, extensions, line, line2, traits)                                        \
	{ name, extensions, line, line2, traits, ID_##id },
#include "def/languages.def"
};
_Static_assert((int)ID_python == (int)LANGUAGE_PYTHON && (int)ID_php == (int)LANGUAGE_PHP,
	       "the table's order");
#undef LINES
#undef DOLLARS

#define LINES   QUOTE_LINES
#define RAW     QUOTE_RAW
#define DOUBLED QUOTE_DOUBLED
#define BRACES  QUOTE_BRACES
#define DOLLARS QUOTE_DOLLARS
#define NAMES   QUOTE_NAMES
#define HEREDOC QUOTE_HEREDOC
static const struct code_quote quotes[] = {
#define QUOTE(language, open, close, traits) { ID_##language, open, close, traits },
#include "def/languages.def"
};
#undef NAMES

static const struct {
	uint8_t language;
	const char *name;
} packages[] = {
#define PACKAGE(language, name) { ID_##language, name },
#include "def/languages.def"
};

#define YES      true
#define NO       false
#define POOL     MAKES_POOL
#define PLAIN    MAKES_PLAIN
#define TIMEOUTS MAKES_TIMEOUTS
#define LATER    MAKES_LATER
static const struct code_maker makers[] = {
#define CONSTRUCTOR(language, name, bare, traits) { ID_##language, name, bare, traits },
#include "def/languages.def"
};

static const struct {
	uint8_t language;
	const char *name;
	enum code_holds holds;
} types[] = {
#define CLIENT_TYPE(language, name, kind) { ID_##language, name, HOLDS_##kind },
#include "def/languages.def"
};

static const struct {
	const char *name;
	enum code_holds holds;
} derived[] = {
#define DERIVES(name, kind) { name, HOLDS_##kind },
#include "def/languages.def"
};

#define STRING  AUDIT_STRING
#define LIST    AUDIT_LIST
#define SET     AUDIT_SET
#define ZSET    AUDIT_ZSET
#define HASH    AUDIT_HASH
#define STREAM  AUDIT_STREAM
#define ANY     AUDIT_TYPES
#define READS   METHOD_READS
#define WRITES  METHOD_WRITES
#define REMOVES METHOD_REMOVES
#define EXPIRES METHOD_EXPIRES
#define MAY     METHOD_MAY
#define GETS    METHOD_GETS
#define SETS    METHOD_SETS
#define COUNTS  METHOD_COUNTS
#define PUSHES  METHOD_PUSHES
#define POPS    METHOD_POPS
#define ADDS    METHOD_ADDS
#define MOVES   METHOD_MOVES
#define WAITS   METHOD_WAITS
#define NAMES   METHOD_NAMES
#define OWN     METHOD_OWN
#define ONCE    METHOD_ONCE
#define ANSWERS METHOD_ANSWERS
#define AFTER   METHOD_AFTER
static const struct code_method methods[] = {
#define METHOD(name, type, keys, traits) { name, type, KEYS_##keys, traits },
#include "def/redis_methods.def"
};

const struct code_language *code_language_of(struct str path)
{
	size_t dot = path.len;
	while (dot && path.ptr[dot - 1] != '.' && path.ptr[dot - 1] != '/')
		dot--;
	if (!dot || path.ptr[dot - 1] != '.')
		return NULL;
	struct str ending = str_skip(path, dot - 1);
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		struct str rest = str_of(languages[i].extensions), one;
		while (str_split(&rest, ' ', &one))
			if (str_eq_nocase(one, ending))
				return &languages[i];
	}
	return NULL;
}

const struct code_quote *code_quote_at(const struct code_language *language, struct str rest)
{
	const struct code_quote *best = NULL;
	for (size_t i = 0; i < ARRAY_LEN(quotes); i++)
		if (quotes[i].language == language->id &&
		    str_starts(rest, str_of(quotes[i].open)) &&
		    (!best || strlen(quotes[i].open) > strlen(best->open)))
			best = &quotes[i];
	return best;
}

const struct code_maker *code_maker_find(const struct code_language *language, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(makers); i++)
		if (makers[i].language == language->id && str_eq(name, str_of(makers[i].name)))
			return &makers[i];
	return NULL;
}

const struct code_maker *code_maker_hashed(const struct code_language *language, uint64_t name)
{
	for (size_t i = 0; i < ARRAY_LEN(makers); i++)
		if (makers[i].language == language->id && str_hash(str_of(makers[i].name)) == name)
			return &makers[i];
	return NULL;
}

/* The package itself, a part of it (redis.asyncio) or a version (…/v9). */
bool code_package(const struct code_language *language, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(packages); i++) {
		struct str package = str_of(packages[i].name);
		if (packages[i].language == language->id && str_starts(name, package) &&
		    (name.len == package.len || name.ptr[package.len] == '.' ||
		     name.ptr[package.len] == '/'))
			return true;
	}
	return false;
}

enum code_holds code_type_holds(const struct code_language *language, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].language == language->id && str_eq(name, str_of(types[i].name)))
			return types[i].holds;
	return HOLDS_UNKNOWN;
}

enum code_holds code_derived(struct str lower)
{
	for (size_t i = 0; i < ARRAY_LEN(derived); i++)
		if (str_eq_nocase(lower, str_of(derived[i].name)))
			return derived[i].holds;
	return HOLDS_UNKNOWN;
}

static bool find_method(struct str name, size_t *index)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].name[0] == (name.ptr[0] | 0x20) &&
		    str_eq_nocase(name, str_of(methods[i].name))) {
			*index = i;
			return true;
		}
	return false;
}

const struct code_method *code_method_find(struct str name, size_t *index)
{
	if (!name.len || name.len > 24)
		return NULL;
	if (find_method(name, index))
		return &methods[*index];
	if (name.len > 5 && str_eq(str_skip(name, name.len - 5), STR("Async")) &&
	    find_method(str_make(name.ptr, name.len - 5), index))
		return &methods[*index];
	return NULL;
}

const struct code_method *code_method_at(size_t index)
{
	CHECK(index < ARRAY_LEN(methods));
	return &methods[index];
}

size_t code_methods(void) { return ARRAY_LEN(methods); }

/* ---- names ---- */

static bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

bool code_next_word(struct str *rest, char word[32])
{
	size_t n = 0, at = 0;
	while (at < rest->len && !is_lower(rest->ptr[at]) && !is_upper(rest->ptr[at]))
		at++;
	size_t start = at;
	while (at < rest->len && (is_lower(rest->ptr[at]) || is_upper(rest->ptr[at]))) {
		char c = rest->ptr[at];
		bool turns = at > start && is_upper(c) && is_lower(rest->ptr[at - 1]);
		if (turns)
			break;
		if (n < 31)
			word[n++] = (char)(is_upper(c) ? c | 0x20 : c);
		at++;
	}
	word[n] = 0;
	*rest = str_skip(*rest, at);
	return n > 0;
}

bool code_word_in(const char *word, const char *list)
{
	struct str rest = str_of(list), one;
	while (str_split(&rest, ' ', &one))
		if (str_eq(one, str_of(word)))
			return true;
	return false;
}

enum code_holds code_name_holds(struct str name)
{
	char word[32], last[32] = "", first[32] = "";
	bool redis = false;
	struct str rest = name;
	while (code_next_word(&rest, word)) {
		memcpy(last, word, sizeof last);
		if (!first[0])
			memcpy(first, word, sizeof first);
		redis |= code_word_in(
		    word, "redis rds rdb aioredis ioredis redisclient rediscli redisconn "
			  "predis phpredis rconn rclient rcon strictredis");
	}
	if (code_word_in(last, "pipe pipeline pipeliner"))
		return HOLDS_PIPE;
	if (redis &&
	    code_word_in(last,
			 "redis rds rdb client clients conn connection con r db cache store "
			 "instance cli c master slave replica session async sync aioredis "
			 "ioredis redisclient rediscli redisconn predis phpredis rconn rclient "
			 "rcon strictredis write read writer reader pub main local remote"))
		return HOLDS_CLIENT;
	if (strcmp(first, "cache") == 0 && code_word_in(last, "client conn connection"))
		return HOLDS_CLIENT;
	return HOLDS_UNKNOWN;
}

bool code_name_weak(struct str name)
{
	char word[32];
	return code_next_word(&name, word) && !name.len &&
	       code_word_in(word,
			    "r rd rc rcl rs conn client cli cache store kv db con connection");
}
