#include "base/redact.h"

#include "base/check.h"

static const struct str stars = { "***", 3 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_' || c == '-'; }
static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static size_t word_len(struct str text, bool (*belongs)(char c))
{
	size_t n = 0;
	while (n < text.len && belongs(text.ptr[n]))
		n++;
	return n;
}

/* ---- names ---- */

static bool is_one_of(struct str part, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(part, str_of(words[i])))
			return true;
	return false;
}

/* The next part of a name, as bot, token of bot_token or Bot-Token. */
static bool next_part(struct str *rest, struct str *part)
{
	size_t n = 0;
	while (rest->len && (rest->ptr[0] == '_' || rest->ptr[0] == '-'))
		*rest = str_skip(*rest, 1);
	while (n < rest->len && rest->ptr[n] != '_' && rest->ptr[n] != '-')
		n++;
	*part = str_make(rest->ptr, n);
	*rest = str_skip(*rest, n);
	return n > 0;
}

bool redact_is_secret_name(struct str name)
{
	static const char *const secret[] = { "password",   "passwd",       "secret",
					      "token",      "apikey",       "signature",
					      "credential", "requirepass",  "masterauth",
					      "hmac",       "authorization" };
	static const char *const harmless[] = { "file", "path", "name", "bytes", "count", "age" };
	struct str rest = name, part, before = STR("");
	bool says = false;
	while (next_part(&rest, &part)) {
		bool api =
		    str_eq_nocase(before, STR("api")) || str_eq_nocase(before, STR("private"));
		says = says || is_one_of(part, secret, ARRAY_LEN(secret)) ||
		       (api && str_eq_nocase(part, STR("key")));
		before = part;
	}
	return says && !is_one_of(before, harmless, ARRAY_LEN(harmless));
}

/* ---- shapes: each gives the bytes of what it takes from the front, 0 for nothing ---- */

/* A bit of the hint, by the bytes with which a secret begins. */
static size_t hint_bit(const char *ptr)
{
	return str_hash(str_make(ptr, REDACT_KNOWN_LEAST)) % (REDACT_HINT_BYTES * 8u);
}

void redact_hint(const struct str *known, size_t n_known, uint8_t hint[REDACT_HINT_BYTES])
{
	memset(hint, 0, REDACT_HINT_BYTES);
	for (size_t i = 0; i < n_known; i++) {
		if (known[i].len < REDACT_KNOWN_LEAST)
			continue;
		size_t bit = hint_bit(known[i].ptr);
		hint[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
}

static bool may_begin_here(struct str text, const struct redact *redact)
{
	if (text.len < REDACT_KNOWN_LEAST || !redact->n_known)
		return false;
	size_t bit = redact->hint ? hint_bit(text.ptr) : 0;
	return !redact->hint || redact->hint[bit / 8] >> bit % 8 & 1;
}

static size_t take_known(struct str text, const struct redact *redact, struct buf *out)
{
	size_t longest = 0;
	if (!may_begin_here(text, redact))
		return 0;
	for (size_t i = 0; i < redact->n_known; i++)
		if (redact->known[i].len >= REDACT_KNOWN_LEAST && redact->known[i].len > longest &&
		    str_starts(text, redact->known[i]))
			longest = redact->known[i].len;
	if (longest)
		buf_str_put(out, stars);
	return longest;
}

/* Text of no shape: what is known may stand in it all the same. */
static void put_plain(struct str text, const struct redact *redact, struct buf *out)
{
	while (text.len) {
		size_t taken = redact ? take_known(text, redact, out) : 0;
		if (!taken)
			buf_char(out, text.ptr[0]);
		text = str_skip(text, taken ? taken : 1);
	}
}

static bool is_of_secret(char c)
{
	return (unsigned char)c > ' ' && c != '"' && c != '\'' && c != ',' && c != '&' &&
	       c != '<' && c != '>' && c != ')' && c != '}' && c != ']' && c != ';';
}

static bool is_hidden_already(struct str value) { return str_eq(value, stars); }

/* `token=…`, `"token": "…"`, `requirepass …`: what follows the name. */
static size_t take_named(struct str text, const struct redact *redact, struct buf *out)
{
	size_t name = word_len(text, is_word), at = name;
	if (!name || !redact_is_secret_name(str_make(text.ptr, name)))
		return 0;
	bool directive = str_eq_nocase(str_make(text.ptr, name), STR("requirepass")) ||
			 str_eq_nocase(str_make(text.ptr, name), STR("masterauth"));
	at += at < text.len && text.ptr[at] == '"';
	at += word_len(str_skip(text, at), is_blank);
	bool says = at < text.len && (text.ptr[at] == '=' || text.ptr[at] == ':');
	if (!says && !(directive && at > name))
		return 0;
	at += says;
	at += word_len(str_skip(text, at), is_blank);
	at += at < text.len && (text.ptr[at] == '"' || text.ptr[at] == '\'');
	size_t value = word_len(str_skip(text, at), is_of_secret);
	struct str hidden = str_make(text.ptr + at, value);
	if (!value || is_hidden_already(hidden) || str_eq(hidden, STR("null")))
		return 0;
	/* A header's scheme stays readable: its own rule takes what is behind it. */
	if (str_eq_nocase(hidden, STR("Bearer")) || str_eq_nocase(hidden, STR("Basic")))
		return 0;
	put_plain(str_make(text.ptr, at), redact, out);
	buf_str_put(out, stars);
	return at + value;
}

static size_t take_bearer(struct str text, struct buf *out)
{
	static const char *const schemes[] = { "Bearer", "Basic", "bearer" };
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct str scheme = str_of(schemes[i]);
		size_t at = scheme.len + 1;
		if (!str_starts(text, scheme) || text.len <= at ||
		    (text.ptr[scheme.len] != ' ' && text.ptr[scheme.len] != '.'))
			continue;
		size_t value = word_len(str_skip(text, at), is_of_secret);
		if (value < 8)
			continue;
		buf_put(out, text.ptr, at);
		buf_str_put(out, stars);
		return at + value;
	}
	return 0;
}

/* 123456789:AAF… of 35 letters. */
static size_t take_bot_token(struct str text, struct buf *out)
{
	size_t id = word_len(text, is_digit);
	if (id < 6 || id > 12 || id >= text.len || text.ptr[id] != ':')
		return 0;
	size_t rest = word_len(str_skip(text, id + 1), is_word);
	if (rest < 30 || rest > 60)
		return 0;
	buf_put(out, text.ptr, id + 1);
	buf_str_put(out, stars);
	return id + 1 + rest;
}

static bool looks_random(struct str word, size_t least)
{
	size_t digits = 0, letters = 0;
	for (size_t i = 0; i < word.len; i++) {
		digits += is_digit(word.ptr[i]);
		letters += is_letter(word.ptr[i]);
	}
	return word.len >= least && digits >= 3 && letters >= 3;
}

static size_t take_long_word(struct str text, struct buf *out)
{
	size_t n = word_len(text, is_word);
	if (!looks_random(str_make(text.ptr, n), REDACT_WORD_LEAST))
		return 0;
	buf_str_put(out, stars);
	return n;
}

/* ---- URLs ---- */

static bool is_of_url(char c)
{
	return (unsigned char)c > ' ' && c != '"' && c != '\'' && c != '<' && c != '>' &&
	       c != '|' && c != '`';
}

/* USER:PASSWORD@ of what follows ://; the bytes taken. */
static size_t take_user(struct str rest, const struct redact *redact, struct buf *out)
{
	size_t end = 0, at = rest.len;
	while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
		end++;
	for (size_t i = 0; i < end; i++)
		if (rest.ptr[i] == '@')
			at = i;
	if (at == rest.len)
		return 0;
	size_t user = str_find_char(str_make(rest.ptr, at), ':');
	put_plain(str_make(rest.ptr, user), redact, out);
	if (user < at) {
		buf_char(out, ':');
		buf_str_put(out, stars);
	}
	buf_char(out, '@');
	return at + 1;
}

static bool is_of_part(char c) { return c != '/' && c != '?' && c != '&' && c != '=' && c != '#'; }

/* Path and query: a part that looks random, and the value of a name that says so. */
static void put_parts(struct str rest, const struct redact *redact, struct buf *out)
{
	while (rest.len) {
		size_t taken = redact ? take_known(rest, redact, out) : 0;
		if (!taken)
			taken = take_named(rest, redact, out);
		if (!taken)
			taken = take_bot_token(rest, out);
		if (!taken && str_starts(rest, STR("bot"))) {
			buf_put(out, "bot", 3);
			taken = 3;
		}
		size_t n = taken ? 0 : word_len(rest, is_of_part);
		struct str part = str_make(rest.ptr, n);
		if (n && looks_random(part, REDACT_URL_PART_LEAST))
			buf_str_put(out, stars);
		else if (n)
			put_plain(part, redact, out);
		else if (!taken)
			buf_char(out, rest.ptr[0]);
		rest = str_skip(rest, taken ? taken : n ? n : 1);
	}
}

/* scheme://…: the whole of it. */
static size_t take_url(struct str text, const struct redact *redact, struct buf *out)
{
	size_t scheme = word_len(text, is_letter);
	if (!scheme || !str_starts(str_skip(text, scheme), STR("://")))
		return 0;
	size_t whole = word_len(text, is_of_url), at = scheme + 3;
	buf_put(out, text.ptr, at);
	at += take_user(str_make(text.ptr + at, whole - at), redact, out);
	size_t host = 0;
	while (at + host < whole && is_of_part(text.ptr[at + host]))
		host++;
	put_plain(str_make(text.ptr + at, host), redact, out);
	put_parts(str_make(text.ptr + at + host, whole - at - host), redact, out);
	return whole;
}

/* ---- */

static size_t take(struct str text, const struct redact *redact, bool at_word, struct buf *out)
{
	size_t taken = redact ? take_known(text, redact, out) : 0;
	if (taken || !at_word)
		return taken;
	taken = take_url(text, redact, out);
	if (!taken)
		taken = take_bearer(text, out);
	if (!taken)
		taken = take_named(text, redact, out);
	if (!taken)
		taken = take_bot_token(text, out);
	if (!taken && redact && redact->words)
		taken = take_long_word(text, out);
	return taken;
}

void redact_put(struct buf *out, struct str text, const struct redact *redact)
{
	bool at_word = true; /* shapes begin where a word does */
	while (text.len) {
		size_t taken = take(text, redact, at_word, out);
		if (!taken) {
			at_word = !is_word(text.ptr[0]);
			buf_char(out, text.ptr[0]);
			taken = 1;
		} else {
			at_word = true;
		}
		text = str_skip(text, taken);
	}
}
