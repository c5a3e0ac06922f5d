/* Constructions of clients, and what is passed to them. */
#include "audit/code_scan.h"

int32_t scan_arg_end(const struct code_scan *scan, int32_t from, int32_t end)
{
	int32_t i = from;
	while (i < end && !code_is_op(scan->tokens, i, ',')) {
		if (scan->at[i].match > i)
			i = scan->at[i].match;
		i++;
	}
	return i < end ? i : end;
}

/* ---- what is passed ---- */

struct passed {
	bool pool, timeout, host, spread, decodes;
};

static bool has_word(struct str name, const char *list)
{
	char word[32];
	while (code_next_word(&name, word))
		if (code_word_in(word, list))
			return true;
	return false;
}

static bool contains(struct str text, const char *part)
{
	return text.len && memmem(text.ptr, text.len, part, strlen(part));
}

/* A text as a whole value: a host that is written in. */
static bool written(const struct code_scan *scan, int32_t index)
{
	const struct code_token *token = &scan->at[index];
	if (index >= scan->tokens->count || token->kind != TOKEN_TEXT || !token->len)
		return false;
	struct str text = code_token_text(scan->tokens, index);
	bool whole =
	    code_is_op(scan->tokens, index + 1, ',') ||
	    (code_is_op(scan->tokens, index + 1, ')') || code_is_op(scan->tokens, index + 1, ']') ||
	     code_is_op(scan->tokens, index + 1, '}'));
	bool made = (token->flags & TOKEN_INSERT) &&
		    (str_find_char(text, '{') < text.len || contains(text, "${"));
	return whole && !made;
}

static bool is_setting(const struct code_scan *scan, int32_t index)
{
	uint8_t kind = scan->at[index].kind;
	return (kind == TOKEN_NAME || kind == TOKEN_TEXT) &&
	       (code_is_op(scan->tokens, index + 1, '=') ||
		code_is_op(scan->tokens, index + 1, ':') ||
		code_is_op(scan->tokens, index + 1, OP_ARROW));
}

static void look_setting(const struct code_scan *scan, int32_t index, struct passed *passed)
{
	struct str name = code_token_text(scan->tokens, index);
	int32_t value = index + 2;
	if (has_word(name, "timeout timeouts"))
		passed->timeout = true;
	if (str_eq(name, STR("connection_pool")))
		passed->pool = true;
	if (str_eq(name, STR("decode_responses")) && code_is_word(scan->tokens, value, "True"))
		passed->decodes = true;
	if (code_is_op(scan->tokens, value, '['))
		value++;
	if (has_word(name, "host url addr addrs address endpoint endpoints uri") &&
	    written(scan, value))
		passed->host = true;
}

static struct passed look(struct code_scan *scan, int32_t open, int32_t close)
{
	struct passed passed = { 0 };
	for (int32_t i = open + 1; i < close && i < open + 4 * SCAN_LOOK; i++) {
		/* What a call inside is given is its own. */
		if (code_is_op(scan->tokens, i, '(') && scan->at[i].match > i) {
			i = scan->at[i].match;
			continue;
		}
		if (is_setting(scan, i))
			look_setting(scan, i, &passed);
		if (code_is_op(scan->tokens, i, OP_SPREAD))
			passed.spread = true;
		if (!written(scan, i) || (i != open + 1 && !code_is_op(scan->tokens, i - 1, ',')))
			continue;
		if (contains(code_token_text(scan->tokens, i), "timeout="))
			passed.timeout = true;
		passed.host = true;
	}
	return passed;
}

/* ---- which ---- */

static bool from_package(struct code_scan *scan, int32_t first)
{
	struct code_symbol *symbol = scan_nearest(scan, scan_hash(scan, first));
	if (symbol)
		return symbol->holds == HOLDS_PACKAGE || symbol->holds == HOLDS_MAKER;
	return code_package(scan->language, code_token_text(scan->tokens, first)) ||
	       (scan->mentions &&
		code_is_one_of(scan->tokens, first, "redis Redis aioredis ioredis"));
}

/* A name that an import bound to a constructor of another name. */
static const struct code_maker *renamed(struct code_scan *scan, int32_t name)
{
	struct code_symbol *symbol = scan_nearest(scan, scan_hash(scan, name));
	if (symbol && symbol->holds == HOLDS_PACKAGE && scan->language->id == LANGUAGE_JAVASCRIPT)
		return code_maker_find(scan->language, STR("Redis"));
	if (symbol && symbol->holds == HOLDS_MAKER)
		return code_maker_hashed(scan->language, symbol->module);
	return NULL;
}

static const struct code_maker *maker_of(struct code_scan *scan, int32_t first, int32_t name)
{
	struct str text = code_token_text(scan->tokens, name);
	const struct code_maker *maker;
	bool js = scan->language->id == LANGUAGE_JAVASCRIPT,
	     php = scan->language->id == LANGUAGE_PHP;
	bool made = code_is_word(scan->tokens, first - 1, "new");
	if (scan->language->id == LANGUAGE_CSHARP) {
		bool connect = code_is_one_of(scan->tokens, name, "Connect ConnectAsync") &&
			       name > first &&
			       code_is_word(scan->tokens, name - 2, "ConnectionMultiplexer");
		if (connect)
			return code_maker_find(scan->language, STR("ConnectionMultiplexer"));
		return made && first == name ? code_maker_find(scan->language, text) : NULL;
	}
	if (name == first && (maker = renamed(scan, name)))
		return php && !made ? NULL : maker;
	/* Redis.from_url, redis.Redis.from_url: the class is named before. */
	if (str_eq(text, STR("from_url")) && name > first) {
		maker = code_maker_find(scan->language, code_token_text(scan->tokens, name - 2));
		if (!maker && name == first + 2)
			maker = renamed(scan, first);
		if (maker && (maker->bare || from_package(scan, first) || name == first + 2))
			return maker;
	}
	maker = code_maker_find(scan->language, text);
	if (!maker || (php && !made) || (js && maker->bare && !made))
		return NULL;
	if (name == first)
		return maker->bare && !scan_nearest(scan, scan_hash(scan, name)) ? maker : NULL;
	return from_package(scan, first) ? maker : NULL;
}

static void note(struct code_scan *scan, int32_t name, uint8_t flags)
{
	struct code_making *making = CODE_ADD(scan->code, makings, CODE_MAKINGS_MAX);
	if (making)
		*making = (struct code_making){ scan->file, scan->at[name].line, flags };
	else
		scan->code->lost++;
}

bool scan_make(struct code_scan *scan, int32_t name, int32_t open, int32_t close)
{
	int32_t first = scan_chain_start(scan, name);
	const struct code_maker *maker = maker_of(scan, first, name);
	if (!maker || code_is_one_of(scan->tokens, first - 1, "def class function func"))
		return false;
	struct passed passed = look(scan, open, close);
	uint8_t flags = MAKING_COUNTS | (passed.decodes ? MAKING_DECODES : 0) |
			((maker->traits & MAKES_LATER) ? 0 : MAKING_CLIENT);
	if ((maker->traits & MAKES_PLAIN) && !passed.pool && !passed.spread)
		flags |= MAKING_NO_POOL;
	if ((maker->traits & MAKES_TIMEOUTS) && !passed.timeout && !passed.pool && !passed.spread)
		flags |= MAKING_NO_TIMEOUT;
	if (passed.host)
		flags |= MAKING_HOST;
	note(scan, name, flags);
	return true;
}

/* PHP: $redis->connect('10.0.0.5', 6379, 2.5) */
void scan_make_later(struct code_scan *scan, int32_t name, int32_t open, int32_t close)
{
	int32_t args = 0;
	struct passed passed = look(scan, open, close);
	for (int32_t i = open + 1; i < close; i = scan_arg_end(scan, i, close) + 1)
		args++;
	if (scan->language->id != LANGUAGE_PHP || !args)
		return;
	bool timeout = passed.timeout || args >= 3;
	note(scan, name,
	     (uint8_t)(MAKING_CLIENT | (passed.host ? MAKING_HOST : 0) |
		       (timeout ? 0 : MAKING_NO_TIMEOUT)));
}
