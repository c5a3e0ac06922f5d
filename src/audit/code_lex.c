#include "audit/code_lex.h"

#include <stdlib.h>

#include "base/check.h"

enum { INSIDE_MAX = 3, TEMPLATE_DEPTH = 16 };

struct lexer {
	const struct code_language *language;
	struct code_tokens *tokens;
	struct str text;
	size_t at, end;
	uint32_t line;
	uint16_t indent;
	bool first;  /* no token on this line yet */
	int32_t top; /* innermost open bracket; they are chained by match */
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}
static bool is_name_on(char c) { return is_name(c) || is_digit(c); }

static char peek(const struct lexer *lexer, size_t ahead)
{
	return lexer->at + ahead < lexer->end ? lexer->text.ptr[lexer->at + ahead] : 0;
}

static struct str rest_of(const struct lexer *lexer)
{
	return str_make(lexer->text.ptr + lexer->at, lexer->end - lexer->at);
}

static struct code_token *add(struct lexer *lexer, uint8_t kind, uint8_t op, size_t at, size_t len)
{
	struct code_tokens *tokens = lexer->tokens;
	if (tokens->count + CODE_TOKENS_BEHIND >= tokens->room) {
		int32_t room = tokens->room ? tokens->room * 2 : 4096;
		struct code_token *more = tokens->room < CODE_TOKENS_MAX
					      ? realloc(tokens->at, (size_t)room * sizeof *more)
					      : NULL;
		if (!more) {
			tokens->cut = true;
			return NULL;
		}
		tokens->at = more;
		tokens->room = room;
	}
	struct code_token *token = &tokens->at[tokens->count++];
	*token = (struct code_token){ (uint32_t)at,
				      (uint32_t)len,
				      lexer->line,
				      CODE_NONE,
				      CODE_NONE,
				      0,
				      lexer->indent,
				      kind,
				      op,
				      lexer->first ? TOKEN_FIRST : 0 };
	lexer->first = false;
	return token;
}

/* ---- brackets ---- */

static void drop_top(struct lexer *lexer)
{
	struct code_token *open = &lexer->tokens->at[lexer->top];
	int32_t below = open->match;
	open->match = CODE_NONE;
	lexer->top = below;
}

static void open_bracket(struct lexer *lexer, uint8_t op, size_t at, uint8_t flags)
{
	struct code_token *token = add(lexer, TOKEN_OP, op, at, 1);
	if (!token)
		return;
	token->flags |= flags;
	token->match = lexer->top;
	lexer->top = lexer->tokens->count - 1;
}

/* A closing one may pass what was never closed, but only a brace passes a brace. */
static void close_bracket(struct lexer *lexer, uint8_t op, size_t at, uint8_t flags)
{
	uint8_t opens = op == ')' ? '(' : op == ']' ? '[' : '{';
	struct code_token *token = add(lexer, TOKEN_OP, op, at, 1);
	struct code_token *all = lexer->tokens->at;
	if (!token)
		return;
	token->flags |= flags;
	int32_t open = lexer->top, steps = 0;
	while (open >= 0 && all[open].op != opens && steps++ < 32) {
		if ((all[open].op == '{' && op != '}') || (all[open].flags & TOKEN_WITHIN))
			return;
		open = all[open].match;
	}
	if (open < 0 || all[open].op != opens || ((all[open].flags ^ flags) & TOKEN_WITHIN))
		return;
	while (lexer->top != open)
		drop_top(lexer);
	drop_top(lexer);
	all[open].match = lexer->tokens->count - 1;
	token->match = open;
}

/* A line that cannot stand inside of brackets: those that are open were never closed. */
static void mend(struct lexer *lexer)
{
	struct code_tokens *tokens = lexer->tokens;
	int32_t last = tokens->count - 1;
	if (!(lexer->language->traits & LANGUAGE_INDENTS) || lexer->top < 0 ||
	    !(tokens->at[last].flags & TOKEN_FIRST))
		return;
	if (code_is_one_of(
		tokens, last,
		"def class import return while try except with raise elif pass finally break "
		"continue global del assert"))
		while (lexer->top >= 0) {
			int32_t below = tokens->at[lexer->top].match;
			tokens->at[lexer->top].match = CODE_NONE;
			lexer->top = below;
		}
}

static void note_for(struct lexer *lexer)
{
	int32_t last = lexer->tokens->count - 1;
	if (lexer->top >= 0 && lexer->tokens->at[lexer->top].extra == CODE_NONE &&
	    code_is_word(lexer->tokens, last, "for"))
		lexer->tokens->at[lexer->top].extra = last;
}

/* ---- lines and comments ---- */

static void end_line(struct lexer *lexer)
{
	lexer->at++;
	lexer->line++;
	lexer->first = true;
	lexer->indent = 0;
	uint32_t column = 0;
	while (peek(lexer, 0) == ' ' || peek(lexer, 0) == '\t') {
		column = peek(lexer, 0) == '\t' ? (column / 8 + 1) * 8 : column + 1;
		lexer->at++;
	}
	lexer->indent = (uint16_t)(column > 0xffff ? 0xffff : column);
}

static void skip_line(struct lexer *lexer)
{
	while (lexer->at < lexer->end && peek(lexer, 0) != '\n')
		lexer->at++;
}

static bool conflict_mark(const struct lexer *lexer)
{
	struct str rest = rest_of(lexer);
	return lexer->first && lexer->indent == 0 &&
	       (str_starts(rest, STR("<<<<<<<")) || str_starts(rest, STR("=======")) ||
		str_starts(rest, STR(">>>>>>>")) || str_starts(rest, STR("|||||||")));
}

static bool skip_stars(struct lexer *lexer)
{
	if (!(lexer->language->traits & LANGUAGE_STARS) || peek(lexer, 0) != '/' ||
	    peek(lexer, 1) != '*')
		return false;
	lexer->at += 2;
	while (lexer->at < lexer->end && !(peek(lexer, 0) == '*' && peek(lexer, 1) == '/')) {
		lexer->line += peek(lexer, 0) == '\n';
		lexer->at++;
	}
	lexer->at = lexer->at + 2 < lexer->end ? lexer->at + 2 : lexer->end;
	return true;
}

static bool skip_comment(struct lexer *lexer)
{
	const struct code_language *language = lexer->language;
	struct str rest = rest_of(lexer);
	bool attribute = language->line2[0] == '#' && peek(lexer, 1) == '[';
	if (skip_stars(lexer))
		return true;
	if (!str_starts(rest, str_of(language->line)) &&
	    !(language->line2[0] && str_starts(rest, str_of(language->line2)) && !attribute) &&
	    !conflict_mark(lexer))
		return false;
	skip_line(lexer);
	return true;
}

/* ---- texts ---- */

/* The end of `${…}` templates, which may hold templates. */
static size_t template_end(const struct lexer *lexer, size_t at)
{
	const char *p = lexer->text.ptr;
	uint32_t braces[TEMPLATE_DEPTH] = { 0 };
	size_t depth = 0; /* odd: in code of the template */
	while (at < lexer->end) {
		char c = p[at];
		bool code = depth & 1;
		if (c == '\\') {
			at++;
		} else if (c == '`') {
			if (!code && depth == 0)
				return at;
			if (code && depth + 1 < TEMPLATE_DEPTH)
				depth++;
			else if (!code)
				depth--;
		} else if (!code && c == '$' && at + 1 < lexer->end && p[at + 1] == '{' &&
			   depth + 1 < TEMPLATE_DEPTH) {
			braces[++depth] = 0;
			at++;
		} else if (code && c == '{') {
			braces[depth]++;
		} else if (code && c == '}' && braces[depth]-- == 0) {
			depth--;
		}
		at++;
	}
	return lexer->end;
}

static size_t heredoc_end(const struct lexer *lexer, size_t at, size_t *body, bool *names)
{
	const char *p = lexer->text.ptr;
	char quote = 0;
	if (at < lexer->end && (p[at] == '\'' || p[at] == '"'))
		quote = p[at++];
	*names = quote != '\'';
	size_t word = at, len;
	while (at < lexer->end && is_name_on(p[at]))
		at++;
	len = at - word;
	while (at < lexer->end && p[at] != '\n')
		at++;
	*body = at < lexer->end && len ? at + 1 : word;
	if (!len)
		return word;
	while (at < lexer->end) {
		size_t line = at + 1;
		while (line < lexer->end && (p[line] == ' ' || p[line] == '\t'))
			line++;
		if (line + len <= lexer->end && memcmp(p + line, p + word, len) == 0 &&
		    (line + len == lexer->end || !is_name_on(p[line + len])))
			return line;
		at = line;
		while (at < lexer->end && p[at] != '\n')
			at++;
	}
	return lexer->end;
}

static size_t plain_end(const struct lexer *lexer, size_t at, struct str close, uint32_t traits)
{
	const char *p = lexer->text.ptr;
	while (at < lexer->end) {
		if (p[at] == '\n' && !(traits & QUOTE_LINES))
			return at;
		if (p[at] == '\\' && !(traits & QUOTE_RAW)) {
			at += 2;
			continue;
		}
		if (p[at] == close.ptr[0] && lexer->end - at >= close.len &&
		    memcmp(p + at, close.ptr, close.len) == 0) {
			bool doubled = (traits & QUOTE_DOUBLED) && at + 1 < lexer->end &&
				       p[at + 1] == close.ptr[0];
			if (!doubled)
				return at;
			at++;
		}
		at++;
	}
	return lexer->end;
}

static void lex_stretch(struct lexer *lexer, int level);

/* The code in {…}: each in brackets of its own, so that commas inside are nobody's. */
static void lex_inside(struct lexer *lexer, size_t at, size_t len, uint32_t traits, int level)
{
	struct lexer inner = *lexer;
	size_t end = at + len, steps = 0;
	const char *p = lexer->text.ptr;
	while (at < end) {
		bool dollar = p[at] == '$' && at + 1 < end && p[at + 1] == '{';
		bool begins = (traits & QUOTE_DOLLARS)
				  ? dollar
				  : p[at] == '{' && (at + 1 == end || p[at + 1] != '{');
		if (p[at] == '\n')
			inner.line++;
		if (!begins) {
			at += (traits & QUOTE_BRACES) && p[at] == '{' ? 2 : 1;
			continue;
		}
		size_t from = at + (dollar ? 2 : 1), depth = 1, to = from;
		bool calls = false;
		while (to < end && depth) {
			calls |= p[to] == '(';
			depth += p[to] == '{';
			depth -= p[to] == '}';
			to++;
		}
		if (calls && steps++ < 64) {
			inner.first = false;
			inner.top = lexer->top;
			inner.at = from;
			inner.end = to - (depth == 0);
			open_bracket(&inner, '(', at, TOKEN_WITHIN);
			lex_stretch(&inner, level + 1);
			close_bracket(&inner, ')', to - 1, TOKEN_WITHIN);
			lexer->top = inner.top;
		}
		at = to > at ? to : at + 1;
	}
}

static void add_text(struct lexer *lexer, size_t body, size_t end, uint32_t traits, int level)
{
	struct code_token *token = add(lexer, TOKEN_TEXT, 0, body, end - body);
	if (!token)
		return;
	token->flags |= (uint8_t)((traits & QUOTE_CODE ? TOKEN_INSERT : 0) |
				  (traits & QUOTE_RAW ? TOKEN_RAW : 0) |
				  (traits & (QUOTE_DOLLARS | QUOTE_NAMES) ? TOKEN_DOLLAR : 0));
	if ((traits & QUOTE_CODE) && level < INSIDE_MAX)
		lex_inside(lexer, body, end - body, traits, level);
}

static void lex_text(struct lexer *lexer, const struct code_quote *quote, uint32_t traits,
		     int level)
{
	size_t body = lexer->at + strlen(quote->open), end, close = strlen(quote->close);
	bool names = true;
	traits |= quote->traits;
	if (quote->traits & QUOTE_HEREDOC)
		end = heredoc_end(lexer, body, &body, &names);
	else if (traits & QUOTE_DOLLARS)
		end = template_end(lexer, body);
	else
		end = plain_end(lexer, body, str_of(quote->close), traits);
	if (!names)
		traits &= ~(uint32_t)QUOTE_NAMES;
	end = end < lexer->end ? end : lexer->end;
	body = body < end ? body : end;
	add_text(lexer, body, end, traits, level);
	for (size_t i = lexer->at; i < end; i++)
		lexer->line += lexer->text.ptr[i] == '\n';
	bool closed = end < lexer->end && lexer->text.ptr[end] != '\n';
	lexer->at = closed && end + close <= lexer->end ? end + close : end;
	if ((quote->traits & QUOTE_HEREDOC) && end < lexer->end)
		while (is_name_on(peek(lexer, 0)))
			lexer->at++;
}

/* f"…", rb'…': letters before a quote. */
static bool lex_prefixed(struct lexer *lexer, size_t len, int level)
{
	uint32_t traits = 0;
	struct str word = str_make(lexer->text.ptr + lexer->at, len);
	if (!(lexer->language->traits & LANGUAGE_PREFIXES) || len > 2 ||
	    (peek(lexer, len) != '"' && peek(lexer, len) != '\''))
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = (char)(word.ptr[i] | 0x20);
		if (!strchr("rbuft", c))
			return false;
		traits |= c == 'r' ? QUOTE_RAW : c == 'f' || c == 't' ? QUOTE_BRACES : 0;
	}
	lexer->at += len;
	/* A raw text's backslash still keeps a quote from closing it. */
	uint32_t kept = traits & ~(uint32_t)QUOTE_RAW;
	const struct code_quote *quote = code_quote_at(lexer->language, rest_of(lexer));
	lex_text(lexer, quote, kept, level);
	return true;
}

/* ---- the rest ---- */

static bool lex_regex(struct lexer *lexer)
{
	const struct code_tokens *tokens = lexer->tokens;
	int32_t last = tokens->count - 1;
	size_t i = 1;
	bool set = false;
	if (!(lexer->language->traits & LANGUAGE_SLASHES) || peek(lexer, 0) != '/')
		return false;
	bool after_value =
	    last >= 0 &&
	    (tokens->at[last].kind != TOKEN_OP || strchr(")]}", tokens->at[last].op)) &&
	    !code_is_one_of(tokens, last, "return typeof case in of");
	if (after_value)
		return false;
	for (; peek(lexer, i) && peek(lexer, i) != '\n' && (peek(lexer, i) != '/' || set); i++) {
		set = peek(lexer, i) == '[' || (set && peek(lexer, i) != ']');
		i += peek(lexer, i) == '\\';
	}
	if (peek(lexer, i) != '/')
		return false;
	add(lexer, TOKEN_TEXT, 0, lexer->at, 0);
	lexer->at += i + 1;
	return true;
}

static uint8_t two_op(const struct lexer *lexer, size_t *len)
{
	char a = peek(lexer, 0), b = peek(lexer, 1), c = peek(lexer, 2);
	*len = 2;
	if ((a == '=' || a == '!') && b == '=') {
		*len = c == '=' ? 3 : 2;
		return OP_COMPARE;
	}
	if ((a == '<' || a == '>') && b == '=')
		return OP_COMPARE;
	if (a == '=' && b == '>')
		return OP_ARROW;
	if (a == ':' && b == '=')
		return OP_DEFINE;
	if ((a == '-' && b == '>') || (a == ':' && b == ':') ||
	    (a == '?' && b == '.' && !is_digit(c)))
		return OP_MEMBER;
	if (a == '?' && b == '-' && c == '>') {
		*len = 3;
		return OP_MEMBER;
	}
	if (a == '.' && b == '.' && c == '.') {
		*len = 3;
		return OP_SPREAD;
	}
	if (b == '=' && strchr("+-*/%&|^.", a))
		return OP_CHANGE;
	if (a == '*' && b == '*')
		return OP_SPREAD;
	if (a == b && strchr("&|?+-<>/", a))
		return OP_OTHER;
	*len = 1;
	return 0;
}

static void lex_op(struct lexer *lexer)
{
	size_t len;
	char c = peek(lexer, 0);
	uint8_t op = two_op(lexer, &len);
	bool dollars = lexer->language->traits & LANGUAGE_DOLLARS;
	size_t at = lexer->at;
	lexer->at += len;
	if (op == 0 && strchr("([{", c))
		open_bracket(lexer, (uint8_t)c, at, 0);
	else if (op == 0 && strchr(")]}", c))
		close_bracket(lexer, (uint8_t)c, at, 0);
	else if (op == 0 && dollars && c == '\\') {
		if (at > 0 && is_name_on(lexer->text.ptr[at - 1]) && is_name(peek(lexer, 0)))
			add(lexer, TOKEN_OP, OP_MEMBER, at, 1);
	} else if (op == 0 && dollars && c == '.')
		add(lexer, TOKEN_OP, '+', at, 1);
	else
		add(lexer, TOKEN_OP, op ? op : (uint8_t)c, at, len);
}

static void lex_word(struct lexer *lexer, int level)
{
	size_t len = 1;
	bool digits = is_digit(peek(lexer, 0));
	while (lexer->at + len < lexer->end &&
	       (is_name_on(peek(lexer, len)) || (digits && peek(lexer, len) == '.')))
		len++;
	if (!digits && lex_prefixed(lexer, len, level))
		return;
	if (!add(lexer, digits ? TOKEN_NUMBER : TOKEN_NAME, 0, lexer->at, len))
		return;
	lexer->at += len;
	note_for(lexer);
	mend(lexer);
}

/* PHP: to the next `<?`, and past `?>`. */
static bool skip_html(struct lexer *lexer)
{
	if (!(lexer->language->traits & LANGUAGE_HTML) || peek(lexer, 0) != '?' ||
	    peek(lexer, 1) != '>')
		return false;
	while (lexer->at < lexer->end && !(peek(lexer, 0) == '<' && peek(lexer, 1) == '?')) {
		lexer->line += peek(lexer, 0) == '\n';
		lexer->at++;
	}
	return true;
}

static bool skip_php_tag(struct lexer *lexer)
{
	if (!(lexer->language->traits & LANGUAGE_HTML) || peek(lexer, 0) != '<' ||
	    peek(lexer, 1) != '?')
		return false;
	lexer->at += 2;
	if (str_starts(rest_of(lexer), STR("php")))
		lexer->at += 3;
	else if (peek(lexer, 0) == '=')
		lexer->at++;
	return true;
}

static void lex_stretch(struct lexer *lexer, int level)
{
	while (lexer->at < lexer->end && !lexer->tokens->cut) {
		char c = peek(lexer, 0);
		const struct code_quote *quote;
		if (c == '\n')
			end_line(lexer);
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == 0)
			lexer->at++;
		else if (c == '\\' && (peek(lexer, 1) == '\n' || peek(lexer, 1) == '\r')) {
			bool first = lexer->first;
			lexer->at += peek(lexer, 1) == '\r' ? 2 : 1;
			end_line(lexer);
			lexer->first = first;
		} else if (skip_comment(lexer) || skip_html(lexer) || skip_php_tag(lexer))
			continue;
		else if (is_name_on(c) || (c == '$' && is_name(peek(lexer, 1)))) {
			lexer->at += c == '$' && !(lexer->language->id == LANGUAGE_CSHARP);
			lex_word(lexer, level);
		} else if ((quote = code_quote_at(lexer->language, rest_of(lexer))))
			lex_text(lexer, quote, 0, level);
		else if (!lex_regex(lexer))
			lex_op(lexer);
	}
}

/* A file of PHP begins as HTML, unless no tag is in it: then it is a piece of code. */
static void skip_head(struct lexer *lexer)
{
	if (!(lexer->language->traits & LANGUAGE_HTML) ||
	    !memmem(lexer->text.ptr, lexer->text.len, "<?", 2))
		return;
	while (lexer->at < lexer->end && !(peek(lexer, 0) == '<' && peek(lexer, 1) == '?')) {
		lexer->line += peek(lexer, 0) == '\n';
		lexer->at++;
	}
}

/* What looks a few tokens ahead finds nothing there. */
static void put_end(struct code_tokens *tokens)
{
	for (int32_t i = tokens->count; tokens->at && i < tokens->count + CODE_TOKENS_BEHIND; i++)
		tokens->at[i] = (struct code_token){ .at = (uint32_t)tokens->text.len,
						     .match = CODE_NONE,
						     .extra = CODE_NONE,
						     .kind = TOKEN_END,
						     .flags = TOKEN_FIRST };
}

void code_lex(const struct code_language *language, struct str text, struct code_tokens *tokens)
{
	struct lexer lexer = { .language = language,
			       .tokens = tokens,
			       .text = text,
			       .end = text.len,
			       .line = 1,
			       .first = true,
			       .top = CODE_NONE };
	tokens->count = 0;
	tokens->cut = false;
	tokens->text = text;
	if (str_starts(text, STR("\xef\xbb\xbf")))
		lexer.at = 3;
	skip_head(&lexer);
	while (lexer.at < lexer.end && (peek(&lexer, 0) == ' ' || peek(&lexer, 0) == '\t')) {
		lexer.indent++;
		lexer.at++;
	}
	lex_stretch(&lexer, 0);
	while (lexer.top >= 0)
		drop_top(&lexer);
	put_end(tokens);
}

void code_tokens_deinit(struct code_tokens *tokens)
{
	free(tokens->at);
	*tokens = (struct code_tokens){ 0 };
}

bool code_is_one_of(const struct code_tokens *tokens, int32_t index, const char *list)
{
	char word[32];
	if (!code_is_name(tokens, index) || tokens->at[index].len >= sizeof word)
		return false;
	struct str text = code_token_text(tokens, index);
	memcpy(word, text.ptr, text.len);
	word[text.len] = 0;
	return code_word_in(word, list);
}
