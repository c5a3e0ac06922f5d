#include "def/ini.h"

void ini_init(struct ini *ini, struct str text)
{
	ini->rest = text;
	ini->text = (struct str){ 0 };
	ini->line = 0;
}

/* Column of a place in the line: characters, not bytes. */
static uint32_t column_of(const struct ini *ini, const char *at)
{
	uint32_t column = 1;
	for (const char *p = ini->text.ptr; p < at; p++)
		column += ((unsigned char)*p & 0xC0) != 0x80;
	return column;
}

static struct ini_item item_at(const struct ini *ini, enum ini_kind kind, const char *at)
{
	return (struct ini_item){ .kind = kind, .line = ini->line, .column = column_of(ini, at) };
}

static struct ini_item bad_at(const struct ini *ini, const char *at, const char *why)
{
	struct ini_item item = item_at(ini, INI_BAD, at);
	item.why = why;
	return item;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_comment(char c) { return c == '#' || c == ';'; }

static struct str skip_blanks(struct str s)
{
	while (s.len && is_blank(s.ptr[0]))
		s = str_skip(s, 1);
	return s;
}

/* Nothing more than blanks and a comment? */
static bool is_rest_empty(struct str s)
{
	s = skip_blanks(s);
	return s.len == 0 || is_comment(s.ptr[0]);
}

static bool is_name_char(char c, bool section)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr(section ? "_.-:@ " : "_.-/&+!$^", c));
}

/* Takes the name at the front of *s. */
static struct str take_name(struct str *s, bool section)
{
	size_t n = 0;
	while (n < s->len && is_name_char(s->ptr[n], section))
		n++;
	while (n > 0 && s->ptr[n - 1] == ' ')
		n--;
	struct str name = str_make(s->ptr, n);
	*s = str_skip(*s, n);
	return name;
}

/* The place of the first byte that no text file has: a control character or what is
 * not UTF-8; NULL when the line is clean. */
static const char *find_dirt(struct str s)
{
	while (s.len) {
		unsigned char c = (unsigned char)s.ptr[0];
		size_t n = str_utf8_len(s);
		if (n == 0 || (c < 0x20 && c != '\t') || c == 0x7F)
			return s.ptr;
		s = str_skip(s, n);
	}
	return NULL;
}

static struct ini_item read_section(struct ini *ini, struct str s)
{
	struct str rest = skip_blanks(str_skip(s, 1));
	struct ini_item item = item_at(ini, INI_SECTION, rest.ptr);
	item.name = take_name(&rest, true);
	if (item.name.len == 0)
		return bad_at(ini, rest.ptr,
			      "a section's name is of letters, digits and _ . - : @");
	rest = skip_blanks(rest);
	if (rest.len == 0 || rest.ptr[0] != ']')
		return bad_at(ini, rest.ptr, "']' expected");
	rest = str_skip(rest, 1);
	if (!is_rest_empty(rest))
		return bad_at(ini, skip_blanks(rest).ptr, "nothing may follow ']' but a comment");
	return item;
}

/* A value in quotes into ini->value. NULL when it is well formed; otherwise why not,
 * and *at is the place. */
static const char *read_quoted(struct ini *ini, struct str s, struct str *value, const char **at)
{
	size_t len = 0, i = 1;
	for (; i < s.len && s.ptr[i] != '"'; i++) {
		if (s.ptr[i] == '\\') {
			i++;
			if (i == s.len || (s.ptr[i] != '"' && s.ptr[i] != '\\')) {
				*at = s.ptr + i - 1;
				return "in quotes, only \\\" and \\\\ begin with a backslash";
			}
		}
		ini->value[len++] = s.ptr[i];
	}
	*at = s.ptr;
	if (i == s.len)
		return "the quote is not closed";
	s = str_skip(s, i + 1);
	*at = skip_blanks(s).ptr;
	if (!is_rest_empty(s))
		return "nothing may follow the closing quote but a comment";
	*value = str_make(ini->value, len);
	return NULL;
}

/* Without quotes: up to a comment, which needs a blank before it. */
static struct str read_plain(struct str s)
{
	size_t n = 0;
	while (n < s.len && !(is_comment(s.ptr[n]) && (n == 0 || is_blank(s.ptr[n - 1]))))
		n++;
	return str_trim(str_make(s.ptr, n));
}

static struct ini_item read_entry(struct ini *ini, struct str s)
{
	struct ini_item item = item_at(ini, INI_ENTRY, s.ptr);
	item.name = take_name(&s, false);
	if (item.name.len == 0)
		return bad_at(ini, s.ptr, "a [section] or 'key = value' expected");
	s = skip_blanks(s);
	if (s.len == 0 || s.ptr[0] != '=')
		return bad_at(ini, s.ptr, "'=' expected after the key");
	s = skip_blanks(str_skip(s, 1));
	item.value_column = column_of(ini, s.ptr);
	if (s.len && s.ptr[0] == '"') {
		const char *at, *why = read_quoted(ini, s, &item.value, &at);
		return why ? bad_at(ini, at, why) : item;
	}
	item.value = read_plain(s);
	return item;
}

/* False when the line says nothing: blank, or a comment. */
static bool read_line(struct ini *ini, struct str line, struct ini_item *item)
{
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	ini->text = line;
	const char *dirt = find_dirt(line);
	struct str s = skip_blanks(line);
	if (line.len > INI_LINE_BYTES)
		*item = bad_at(ini, line.ptr, "the line is longer than 4096 bytes");
	else if (dirt)
		*item = bad_at(ini, dirt, "a control character, or a byte that is not UTF-8");
	else if (is_rest_empty(s))
		return false;
	else
		*item = s.ptr[0] == '[' ? read_section(ini, s) : read_entry(ini, s);
	return true;
}

struct ini_item ini_next(struct ini *ini)
{
	struct ini_item item;
	struct str line;
	while (str_split(&ini->rest, '\n', &line)) {
		ini->line++;
		if (read_line(ini, line, &item))
			return item;
	}
	return (struct ini_item){ .kind = INI_END, .line = ini->line };
}
