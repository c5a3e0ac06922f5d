#include "base/check.h"
#include "migrate/pattern_impl.h"

enum {
	TOKENS_MAX = PATTERN_PARTS_MAX * 3,
	MEMO_BYTES = TOKENS_MAX * (PATTERN_NAME_MAX + 1) / 8 + 8
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static bool is_alnum(char c) { return is_digit(c) || is_letter(c); }

/* ---- patterns in tokens ---- */

enum token_kind { TOKEN_TEXT, TOKEN_PART, TOKEN_ANY };

struct token {
	enum token_kind kind;
	struct str text; /* TEXT; PART: its name */
	const struct pattern_class *class;
};

struct tokens {
	struct token at[TOKENS_MAX];
	size_t count, parts;
};

static bool part_name_good(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!is_alnum(name.ptr[i]) && name.ptr[i] != '_')
			return false;
	return name.len > 0 && name.len <= 32;
}

static bool add_token(struct tokens *tokens, enum token_kind kind, struct str text)
{
	if (tokens->count == TOKENS_MAX)
		return false;
	tokens->at[tokens->count++] = (struct token){
		kind,
		text,
		kind == TOKEN_PART ? pattern_class_of(text) : NULL,
	};
	return true;
}

/* NULL, or what is wrong. */
static const char *split(struct str pattern, struct tokens *tokens)
{
	tokens->count = tokens->parts = 0;
	if (!pattern.len || pattern.len > PATTERN_BYTES_MAX)
		return pattern.len ? "it is too long" : "it is empty";
	for (struct str rest = pattern; rest.len;) {
		size_t n = 0;
		bool room = true;
		while (n < rest.len && !memchr("{}*", rest.ptr[n], 3))
			n++;
		if (n) {
			room = add_token(tokens, TOKEN_TEXT, str_make(rest.ptr, n));
		} else if (rest.ptr[0] == '*') {
			n = 1;
			room = add_token(tokens, TOKEN_ANY, STR(""));
		} else {
			size_t end = str_find_char(rest, '}');
			struct str name = str_make(rest.ptr + 1, end ? end - 1 : 0);
			if (rest.ptr[0] == '}' || end == rest.len || !part_name_good(name))
				return "a brace is open, or what is in it is no name";
			n = end + 1;
			room = add_token(tokens, TOKEN_PART, name) &&
			       ++tokens->parts <= PATTERN_PARTS_MAX;
		}
		if (!room)
			return "it has too many parts";
		rest = str_skip(rest, n);
	}
	return NULL;
}

static const char *same_part_twice(const struct tokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++)
		for (size_t j = 0; j < i; j++)
			if (tokens->at[i].kind == TOKEN_PART && tokens->at[j].kind == TOKEN_PART &&
			    str_eq(tokens->at[i].text, tokens->at[j].text))
				return "two parts have one name: a digit behind it tells them "
				       "apart";
	return NULL;
}

enum status pattern_check(struct str pattern, struct err *err)
{
	struct tokens tokens;
	const char *why = split(pattern, &tokens);
	if (!why)
		why = same_part_twice(&tokens);
	return why ? err_set(err, STATUS_FORMAT, "'%.*s' is no pattern: %s",
			     (int)(pattern.len < 200 ? pattern.len : 200), pattern.ptr, why)
		   : STATUS_OK;
}

/* ---- matching ---- */

struct walk {
	const struct tokens *tokens;
	struct str name;
	struct pattern_match *match;
	unsigned char *failed; /* a bit a token and place: known not to fit */
};

static bool walk_on(struct walk *walk, size_t token, size_t at);

static bool walk_part(struct walk *walk, const struct token *token, size_t index, size_t at)
{
	size_t run = 0;
	struct pattern_match *match = walk->match;
	size_t slot = match->count++;
	while (at + run < walk->name.len && token->class->has(walk->name.ptr[at + run]))
		run++;
	for (; run > 0; run--) {
		struct str text = str_make(walk->name.ptr + at, run);
		match->count = slot + 1;
		match->parts[slot] = (struct pattern_part){ token->text, text };
		if (token->class->takes(text) && walk_on(walk, index + 1, at + run))
			return true;
	}
	match->count = slot;
	return false;
}

static bool walk_any(struct walk *walk, size_t index, size_t at)
{
	for (size_t end = walk->name.len + 1; end-- > at;)
		if (walk_on(walk, index + 1, end))
			return true;
	return false;
}

static bool walk_on(struct walk *walk, size_t index, size_t at)
{
	if (index == walk->tokens->count)
		return at == walk->name.len;
	size_t bit = index * (walk->name.len + 1) + at;
	if (walk->failed[bit / 8] >> (bit % 8) & 1)
		return false;
	const struct token *token = &walk->tokens->at[index];
	bool fits = false;
	switch (token->kind) {
	case TOKEN_TEXT:
		fits = str_starts(str_skip(walk->name, at), token->text) &&
		       walk_on(walk, index + 1, at + token->text.len);
		break;
	case TOKEN_PART: fits = walk_part(walk, token, index, at); break;
	case TOKEN_ANY: fits = walk_any(walk, index, at); break;
	}
	if (!fits)
		walk->failed[bit / 8] |= (unsigned char)(1 << (bit % 8));
	return fits;
}

/* Most patterns fail here: a text in front, or at the end, is not the name's. */
static bool ends_fit(const struct tokens *tokens, struct str name)
{
	const struct token *first = &tokens->at[0], *last = &tokens->at[tokens->count - 1];
	if (first->kind == TOKEN_TEXT && !str_starts(name, first->text))
		return false;
	return last->kind != TOKEN_TEXT ||
	       (name.len >= last->text.len &&
		str_eq(str_skip(name, name.len - last->text.len), last->text));
}

bool pattern_matches(struct str pattern, struct str printed, struct pattern_match *out)
{
	struct tokens tokens;
	struct pattern_match match = { .count = 0 };
	unsigned char failed[MEMO_BYTES];
	if (printed.len > PATTERN_NAME_MAX || split(pattern, &tokens) ||
	    !ends_fit(&tokens, printed))
		return false;
	memset(failed, 0, tokens.count * (printed.len + 1) / 8 + 1);
	struct walk walk = { &tokens, printed, &match, failed };
	if (!walk_on(&walk, 0, 0))
		return false;
	if (out)
		*out = match;
	return true;
}

bool pattern_part(const struct pattern_match *match, struct str name, struct str *text)
{
	for (size_t i = 0; i < match->count; i++) {
		if (!str_eq(match->parts[i].name, name))
			continue;
		*text = match->parts[i].text;
		return true;
	}
	return false;
}

/* ---- targets ---- */

enum letters { AS_THEY_ARE, UPPER, LOWER };

/* "symbol:upper" */
static struct str split_part(struct str inner, enum letters *letters)
{
	size_t colon = str_find_char(inner, ':');
	struct str how = str_skip(inner, colon + 1);
	*letters = str_eq(how, STR("upper"))   ? UPPER
		   : str_eq(how, STR("lower")) ? LOWER
					       : AS_THEY_ARE;
	bool whole = colon == inner.len || *letters == AS_THEY_ARE;
	return whole ? inner : str_make(inner.ptr, colon);
}

static bool has_part(const struct tokens *tokens, struct str name)
{
	for (size_t i = 0; i < tokens->count; i++)
		if (tokens->at[i].kind == TOKEN_PART && str_eq(tokens->at[i].text, name))
			return true;
	return false;
}

enum status pattern_check_target(struct str pattern, struct str target, struct err *err)
{
	struct tokens tokens;
	enum letters letters;
	if (split(pattern, &tokens) || !target.len || target.len > PATTERN_BYTES_MAX)
		return err_set(err, STATUS_FORMAT, "the target is %s",
			       target.len ? "too long" : "empty");
	for (struct str rest = target; rest.len;) {
		size_t open = 0;
		while (open < rest.len && !memchr("{}*", rest.ptr[open], 3))
			open++;
		rest = str_skip(rest, open);
		if (!rest.len)
			break;
		size_t end = str_find_char(rest, '}');
		struct str name = split_part(str_make(rest.ptr + 1, end ? end - 1 : 0), &letters);
		if (rest.ptr[0] != '{' || end == rest.len)
			return err_set(err, STATUS_FORMAT, "'%.*s' has a %c that opens no part",
				       (int)(target.len < 200 ? target.len : 200), target.ptr,
				       rest.ptr[0]);
		if (!str_eq(name, STR("name")) && !has_part(&tokens, name))
			return err_set(err, STATUS_FORMAT,
				       "'%.*s' has {%.*s}, which is no part of '%.*s'",
				       (int)(target.len < 200 ? target.len : 200), target.ptr,
				       (int)(name.len < 64 ? name.len : 64), name.ptr,
				       (int)(pattern.len < 200 ? pattern.len : 200), pattern.ptr);
		rest = str_skip(rest, end + 1);
	}
	return STATUS_OK;
}

static void put_letters(struct buf *out, struct str text, enum letters letters)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool hex = c == '\\' && i + 3 < text.len; /* \xHH stays as it is */
		if (hex) {
			buf_put(out, text.ptr + i, 4);
			i += 3;
		} else if (letters != AS_THEY_ARE && is_letter(c)) {
			buf_char(out, (char)(letters == UPPER ? c & ~0x20 : c | 0x20));
		} else {
			buf_char(out, c);
		}
	}
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void pattern_unprint(struct buf *out, struct str printed)
{
	for (size_t i = 0; i < printed.len; i++) {
		const char *at = printed.ptr + i;
		if (*at == '\\' && i + 3 < printed.len && at[1] == 'x' && hex_value(at[2]) >= 0 &&
		    hex_value(at[3]) >= 0) {
			buf_char(out, (char)(hex_value(at[2]) << 4 | hex_value(at[3])));
			i += 3;
		} else {
			buf_char(out, *at);
		}
	}
}

static void render_printed(struct buf *out, struct str target, struct str printed,
			   const struct pattern_match *match)
{
	for (struct str rest = target; rest.len;) {
		size_t open = str_find_char(rest, '{'), end;
		enum letters letters;
		struct str text = { 0 };
		buf_put(out, rest.ptr, open);
		rest = str_skip(rest, open);
		if (!rest.len)
			break;
		end = str_find_char(rest, '}');
		struct str name = split_part(str_make(rest.ptr + 1, end - 1), &letters);
		if (!pattern_part(match, name, &text))
			text = printed;
		put_letters(out, text, letters);
		rest = str_skip(rest, end + 1);
	}
}

void pattern_render(struct buf *out, struct str target, struct str printed,
		    const struct pattern_match *match)
{
	char storage[PATTERN_BYTES_MAX + PATTERN_NAME_MAX * 2];
	struct buf spelled = buf_over(storage, sizeof storage);
	render_printed(&spelled, target, printed, match);
	if (spelled.overflow)
		out->overflow = true;
	pattern_unprint(out, buf_str(&spelled));
}

/* ---- how two stand to each other ---- */

void pattern_sample(struct buf *out, struct str pattern, size_t variant)
{
	struct tokens tokens;
	if (split(pattern, &tokens))
		return;
	for (size_t i = 0, part = 0; i < tokens.count; i++) {
		const struct token *token = &tokens.at[i];
		if (token->kind == TOKEN_TEXT)
			buf_str_put(out, token->text);
		else if (token->kind == TOKEN_PART)
			buf_str_put(
			    out,
			    str_of(token->class->samples[(variant + part++) % PATTERN_SAMPLES]));
		else if (variant % 2)
			buf_str_put(out, STR("any:thing_7"));
	}
}

/* Of the samples of `of` as many as `by` matches. */
static size_t taken(struct str of, struct str by, struct buf *example)
{
	size_t count = 0;
	for (size_t i = 0; i < PATTERN_SAMPLES; i++) {
		char storage[PATTERN_NAME_MAX];
		struct buf name = buf_over(storage, sizeof storage);
		pattern_sample(&name, of, i);
		if (!pattern_matches(by, buf_str(&name), NULL))
			continue;
		if (!count++ && example && !example->len)
			buf_str_put(example, buf_str(&name));
	}
	return count;
}

enum pattern_relation pattern_relate(struct str a, struct str b, struct buf *example)
{
	size_t of_a = taken(a, b, example), of_b = taken(b, a, example);
	if (!of_a && !of_b)
		return PATTERN_APART;
	if (of_a == PATTERN_SAMPLES && of_b == PATTERN_SAMPLES)
		return PATTERN_ALIKE;
	if (of_b == PATTERN_SAMPLES)
		return PATTERN_COVERS;
	return of_a == PATTERN_SAMPLES ? PATTERN_COVERED : PATTERN_CROSS;
}
