#include "serve/json_in.h"

#include "base/check.h"

enum expects {
	EXPECTS_VALUE,
	EXPECTS_VALUE_OR_END, /* behind [ */
	EXPECTS_KEY,
	EXPECTS_KEY_OR_END, /* behind { */
	EXPECTS_MORE,       /* a comma or the end of what is open */
	EXPECTS_NOTHING,
};

void json_in_init(struct json_in *json, struct str text)
{
	*json = (struct json_in){ .text = text, .expects = EXPECTS_VALUE };
}

static enum json_in_kind bad(struct json_in *json, const char *why)
{
	json->why = why;
	json->expects = EXPECTS_NOTHING;
	json->at = json->at < json->text.len ? json->at : json->text.len;
	return JSON_IN_BAD;
}

/* 0 at the end: no token begins so. */
static char peek(const struct json_in *json)
{
	return json->at < json->text.len ? json->text.ptr[json->at] : 0;
}

static char skip_blanks(struct json_in *json)
{
	for (;; json->at++) {
		char c = peek(json);
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return c;
	}
}

/* ---- strings ---- */

/* Of \uXXXX behind the u; -1: none. */
static long hex4(struct str text)
{
	long value = 0;
	if (text.len < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		char c = text.ptr[i];
		bool digit = c >= '0' && c <= '9', letter = (c | 32) >= 'a' && (c | 32) <= 'f';
		if (!digit && !letter)
			return -1;
		value = value << 4 | (digit ? c - '0' : (c | 32) - 'a' + 10);
	}
	return value;
}

/* The code point of the escape at the front, behind its backslash, and its length; 0: none. */
static size_t read_escape(struct str text, unsigned long *code)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *letter = text.len && text.ptr[0] ? strchr(letters, text.ptr[0]) : NULL;
	if (letter) {
		*code = (unsigned char)means[letter - letters];
		return 1;
	}
	long high = text.len && text.ptr[0] == 'u' ? hex4(str_skip(text, 1)) : -1;
	if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF))
		return 0;
	*code = (unsigned long)high;
	if (high < 0xD800 || high > 0xDBFF)
		return 5;
	long low = str_starts(str_skip(text, 5), STR("\\u")) ? hex4(str_skip(text, 7)) : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	*code = 0x10000 + ((unsigned long)(high - 0xD800) << 10) + (unsigned long)(low - 0xDC00);
	return 11;
}

/* Bytes of the character at the front; 0: it may not stand in a string. */
static size_t char_len(struct str text)
{
	unsigned long code;
	if (text.ptr[0] == '\\') {
		size_t n = read_escape(str_skip(text, 1), &code);
		return n ? n + 1 : 0;
	}
	return (unsigned char)text.ptr[0] < 0x20 ? 0 : str_utf8_len(text);
}

static enum json_in_kind take_string(struct json_in *json, enum json_in_kind kind,
				     struct json_in_token *token)
{
	size_t from = ++json->at;
	while (json->at < json->text.len && peek(json) != '"') {
		size_t n = char_len(str_skip(json->text, json->at));
		if (!n)
			return bad(json, "a string has a character or an escape that may not be");
		json->at += n;
	}
	if (json->at >= json->text.len)
		return bad(json, "a string does not end");
	token->text = str_make(json->text.ptr + from, json->at - from);
	json->at++;
	return kind;
}

static void put_utf8(struct buf *out, unsigned long code)
{
	if (code < 0x80) {
		buf_char(out, (char)code);
	} else if (code < 0x800) {
		buf_char(out, (char)(0xC0 | code >> 6));
		buf_char(out, (char)(0x80 | (code & 0x3F)));
	} else if (code < 0x10000) {
		buf_char(out, (char)(0xE0 | code >> 12));
		buf_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
		buf_char(out, (char)(0x80 | (code & 0x3F)));
	} else {
		buf_char(out, (char)(0xF0 | code >> 18));
		buf_char(out, (char)(0x80 | (code >> 12 & 0x3F)));
		buf_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
		buf_char(out, (char)(0x80 | (code & 0x3F)));
	}
}

void json_in_unescape(struct str text, struct buf *out)
{
	while (text.len) {
		size_t run = str_find_char(text, '\\');
		unsigned long code = 0;
		buf_put(out, text.ptr, run);
		text = str_skip(text, run);
		if (!text.len)
			break;
		size_t n = read_escape(str_skip(text, 1), &code);
		CHECK(n > 0); /* json_in_next has looked */
		put_utf8(out, code);
		text = str_skip(text, n + 1);
	}
}

/* ---- numbers and words ---- */

static size_t take_digits(struct json_in *json)
{
	size_t from = json->at;
	while (peek(json) >= '0' && peek(json) <= '9')
		json->at++;
	return json->at - from;
}

static enum json_in_kind take_number(struct json_in *json, struct json_in_token *token)
{
	size_t from = json->at;
	bool good = true;
	json->at += peek(json) == '-';
	bool zero = peek(json) == '0';
	size_t digits = take_digits(json);
	good = digits == 1 || (digits > 1 && !zero);
	if (good && peek(json) == '.') {
		json->at++;
		good = take_digits(json) > 0;
	}
	if (good && (peek(json) | 32) == 'e') {
		json->at++;
		json->at += peek(json) == '+' || peek(json) == '-';
		good = take_digits(json) > 0;
	}
	token->text = str_make(json->text.ptr + from, json->at - from);
	return good ? JSON_IN_NUMBER : bad(json, "no value begins so, or a number ends badly");
}

static enum json_in_kind take_word(struct json_in *json, struct json_in_token *token)
{
	static const struct {
		struct str word;
		enum json_in_kind kind;
	} words[] = { { { "true", 4 }, JSON_IN_TRUE },
		      { { "false", 5 }, JSON_IN_FALSE },
		      { { "null", 4 }, JSON_IN_NULL } };
	struct str rest = str_skip(json->text, json->at);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_starts(rest, words[i].word))
			continue;
		json->at += words[i].word.len;
		return words[i].kind;
	}
	return take_number(json, token);
}

/* ---- structure ---- */

static enum json_in_kind open_nested(struct json_in *json, bool is_object)
{
	if (json->depth == JSON_IN_DEPTH)
		return bad(json, "nested deeper than 32");
	json->at++;
	uint64_t bit = UINT64_C(1) << json->depth++;
	json->objects = is_object ? json->objects | bit : json->objects & ~bit;
	json->expects = is_object ? EXPECTS_KEY_OR_END : EXPECTS_VALUE_OR_END;
	return is_object ? JSON_IN_OBJECT : JSON_IN_ARRAY;
}

static bool in_object(const struct json_in *json)
{
	return json->depth && json->objects >> (json->depth - 1) & 1;
}

static enum json_in_kind close_nested(struct json_in *json)
{
	enum json_in_kind kind = in_object(json) ? JSON_IN_OBJECT_END : JSON_IN_ARRAY_END;
	json->at++;
	json->depth--;
	json->expects = json->depth ? EXPECTS_MORE : EXPECTS_NOTHING;
	return kind;
}

static enum json_in_kind take_value(struct json_in *json, char c, struct json_in_token *token)
{
	if (c == '{' || c == '[')
		return open_nested(json, c == '{');
	json->expects = json->depth ? EXPECTS_MORE : EXPECTS_NOTHING;
	return c == '"' ? take_string(json, JSON_IN_STRING, token) : take_word(json, token);
}

static enum json_in_kind take_key(struct json_in *json, char c, struct json_in_token *token)
{
	if (c != '"')
		return bad(json, "a key should be here");
	enum json_in_kind kind = take_string(json, JSON_IN_KEY, token);
	if (kind == JSON_IN_BAD)
		return kind;
	if (skip_blanks(json) != ':')
		return bad(json, "a colon should be here");
	json->at++;
	json->expects = EXPECTS_VALUE;
	return kind;
}

enum json_in_kind json_in_next(struct json_in *json, struct json_in_token *token)
{
	char c = skip_blanks(json);
	*token = (struct json_in_token){ .text = STR("") };
	if (json->why)
		return token->kind = JSON_IN_BAD;
	if (json->expects == EXPECTS_MORE && c == ',') {
		json->at++;
		json->expects = in_object(json) ? EXPECTS_KEY : EXPECTS_VALUE;
		c = skip_blanks(json);
	}
	bool may_end = json->expects == EXPECTS_MORE || json->expects == EXPECTS_KEY_OR_END ||
		       json->expects == EXPECTS_VALUE_OR_END;
	if (may_end && c == (in_object(json) ? '}' : ']'))
		return token->kind = close_nested(json);
	switch (json->expects) {
	case EXPECTS_KEY:
	case EXPECTS_KEY_OR_END: return token->kind = take_key(json, c, token);
	case EXPECTS_VALUE:
	case EXPECTS_VALUE_OR_END: return token->kind = take_value(json, c, token);
	case EXPECTS_MORE: return token->kind = bad(json, "a comma or an end should be here");
	default: break;
	}
	if (json->at < json->text.len)
		return token->kind = bad(json, "something stands behind the value");
	return token->kind = JSON_IN_END;
}

bool json_in_skip(struct json_in *json)
{
	struct json_in_token token;
	uint32_t outside = json->depth - 1;
	while (json->depth > outside)
		if (json_in_next(json, &token) <= JSON_IN_END)
			return false;
	return true;
}
