#include "telegram/parts.h"

#include "base/check.h"

enum token_kind { TOKEN_CHAR, TOKEN_OPEN, TOKEN_CLOSE };

struct token {
	enum token_kind kind;
	struct str text; /* as it stands there */
	struct str name; /* of a tag */
	uint32_t code;   /* of a character; U+FFFD for a byte that is none */
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool is_known(struct str name)
{
	static const char *const known[] = { "b",          "strong", "i",          "em",
					     "u",          "ins",    "s",          "strike",
					     "del",        "a",      "pre",        "code",
					     "blockquote", "span",   "tg-spoiler", "tg-emoji" };
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq_nocase(name, str_of(known[i])))
			return true;
	return false;
}

/* A tag at the front, which is '<'; false: none. A '>' inside quotes ends no tag. */
static bool read_tag(struct str text, struct token *token)
{
	bool closes = text.len > 1 && text.ptr[1] == '/';
	size_t from = closes ? 2 : 1, at = from;
	while (at < text.len && is_name_char(text.ptr[at]))
		at++;
	token->kind = closes ? TOKEN_CLOSE : TOKEN_OPEN;
	token->name = str_make(text.ptr + from, at - from);
	for (char quote = 0; at < text.len && (quote || text.ptr[at] != '>'); at++) {
		char c = text.ptr[at];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '<')
			return false;
	}
	if (at == text.len)
		return false;
	token->text = str_make(text.ptr, at + 1);
	return is_known(token->name);
}

static uint32_t digits_code(struct str digits, unsigned base)
{
	uint32_t code = 0;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.ptr[i], letter = (char)(c | 32);
		bool is_letter = base == 16 && letter >= 'a' && letter <= 'f';
		if (!(c >= '0' && c <= '9') && !is_letter)
			return 0;
		code = code * base + (uint32_t)(is_letter ? letter - 'a' + 10 : c - '0');
		if (code > 0x10FFFF)
			return 0;
	}
	return code >= 0xD800 && code <= 0xDFFF ? 0 : code;
}

/* Of what stands between & and ;  0: it is none that Telegram knows. */
static uint32_t entity_code(struct str name)
{
	static const struct {
		const char *name;
		uint32_t code;
	} known[] = { { "lt", '<' }, { "gt", '>' }, { "amp", '&' }, { "quot", '"' } };
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(name, str_of(known[i].name)))
			return known[i].code;
	if (str_starts(name, STR("#x")))
		return digits_code(str_skip(name, 2), 16);
	return str_starts(name, STR("#")) ? digits_code(str_skip(name, 1), 10) : 0;
}

static uint32_t utf8_code(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	switch (s.len) {
	case 1: return p[0];
	case 2: return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
	case 3: return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
	default:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
		       (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
	}
}

static struct token read_char(struct str text)
{
	enum { ENTITY_MAX = 10 };
	struct token token = { .kind = TOKEN_CHAR };
	if (text.ptr[0] == '&') {
		size_t end = str_find_char(
		    str_make(text.ptr, text.len < ENTITY_MAX ? text.len : ENTITY_MAX), ';');
		if (end < text.len && end < ENTITY_MAX)
			token.code = entity_code(str_make(text.ptr + 1, end - 1));
		token.text = str_make(text.ptr, token.code ? end + 1 : 1);
	} else {
		size_t n = str_utf8_len(text);
		token.text = str_make(text.ptr, n ? n : 1);
		token.code = n ? utf8_code(token.text) : 0xFFFD;
	}
	if (!token.code)
		token.code = (unsigned char)text.ptr[0] ? (unsigned char)text.ptr[0] : 0xFFFD;
	return token;
}

/* The token at the front of a text that is not empty. */
static struct token read_token(struct str text)
{
	struct token token = { 0 };
	if (text.ptr[0] == '<' && read_tag(text, &token))
		return token;
	return read_char(text);
}

static size_t units_of(const struct token *token)
{
	return token->kind != TOKEN_CHAR ? 0 : token->code > 0xFFFF ? 2 : 1;
}

static bool is_blank(uint32_t code)
{
	return code == ' ' || code == '\n' || code == '\t' || code == '\r' || code == 0xA0;
}

static struct str name_of(struct str tag)
{
	struct token token = { 0 };
	CHECK(read_tag(tag, &token));
	return token.name;
}

/* False: it does not fit what is open. */
static bool take_tag(struct parts *parts, const struct token *token)
{
	if (token->kind == TOKEN_OPEN) {
		if (parts->depth == PARTS_DEPTH)
			return false;
		parts->open[parts->depth++] = token->text;
	} else if (token->kind == TOKEN_CLOSE) {
		if (!parts->depth ||
		    !str_eq_nocase(name_of(parts->open[parts->depth - 1]), token->name))
			return false;
		parts->depth--;
	}
	return true;
}

bool parts_are_html(struct str text)
{
	struct parts parts = { .rest = text };
	while (parts.rest.len) {
		struct token token = read_token(parts.rest);
		bool is_stray = token.kind == TOKEN_CHAR && token.text.ptr[0] == '<';
		if (is_stray || !take_tag(&parts, &token))
			return false;
		parts.rest = str_skip(parts.rest, token.text.len);
	}
	return parts.depth == 0;
}

void parts_init(struct parts *parts, struct str html)
{
	CHECK(parts_are_html(html));
	*parts = (struct parts){ .rest = html };
}

/* What is seen of it is not only blanks. */
static bool shows(struct str html)
{
	while (html.len) {
		struct token token = read_token(html);
		if (token.kind == TOKEN_CHAR && !is_blank(token.code))
			return true;
		html = str_skip(html, token.text.len);
	}
	return false;
}

bool parts_more(const struct parts *parts) { return shows(parts->rest); }

/* Where a part may end, and what is open there. */
struct cut {
	struct parts after;
	bool there;
};

static void note_cut(struct cut *cut, const struct parts *parts)
{
	cut->after = *parts;
	cut->there = true;
}

/* The state behind a part that begins at `from`. */
static struct parts find_end(const struct parts *from, size_t units_max)
{
	struct parts at = *from;
	struct cut line = { 0 }, blank = { 0 };
	bool shown = false; /* a cut before anything is seen would make an empty part */
	size_t units = 0;
	while (at.rest.len) {
		struct token token = read_token(at.rest);
		if (units + units_of(&token) > units_max)
			return line.there ? line.after : blank.there ? blank.after : at;
		units += units_of(&token);
		CHECK(take_tag(&at, &token));
		at.rest = str_skip(at.rest, token.text.len);
		shown |= token.kind == TOKEN_CHAR && !is_blank(token.code);
		if (token.kind == TOKEN_CHAR && shown && token.code == '\n')
			note_cut(&line, &at);
		else if (token.kind == TOKEN_CHAR && shown && token.code == ' ')
			note_cut(&blank, &at);
	}
	return at;
}

static void put_close(const struct parts *parts, struct buf *out)
{
	for (size_t i = parts->depth; i-- > 0;) {
		buf_str_put(out, STR("</"));
		buf_str_put(out, name_of(parts->open[i]));
		buf_char(out, '>');
	}
}

static struct str without_line_ends(struct str text)
{
	while (text.len && text.ptr[text.len - 1] == '\n')
		text.len--;
	return text;
}

static void skip_line_ends(struct str *text)
{
	while (text->len && text->ptr[0] == '\n')
		*text = str_skip(*text, 1);
}

bool parts_next(struct parts *parts, size_t units_max, struct buf *out)
{
	CHECK(units_max >= 2);
	while (parts_more(parts)) {
		struct parts from = *parts;
		struct parts after = find_end(&from, units_max);
		struct str text = str_make(from.rest.ptr, (size_t)(after.rest.ptr - from.rest.ptr));
		*parts = after;
		skip_line_ends(&parts->rest);
		if (!shows(text))
			continue;
		for (size_t i = 0; i < from.depth; i++)
			buf_str_put(out, from.open[i]);
		buf_str_put(out, without_line_ends(text));
		put_close(&after, out);
		return true;
	}
	return false;
}

static void put_code(struct buf *out, uint32_t code)
{
	char bytes[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
	for (size_t i = n; i-- > 1; code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3F));
	bytes[0] = (char)(lead[n] | code);
	buf_put(out, bytes, n);
}

void parts_plain(struct str html, struct buf *out)
{
	while (html.len) {
		struct token token = read_token(html);
		if (token.kind == TOKEN_CHAR)
			put_code(out, token.code);
		html = str_skip(html, token.text.len);
	}
}

size_t parts_units(struct str html)
{
	size_t units = 0;
	while (html.len) {
		struct token token = read_token(html);
		units += units_of(&token);
		html = str_skip(html, token.text.len);
	}
	return units;
}
