#include "audit/json_shape.h"

/* A walk by hand, with the open brackets as bits: a value may be nested as its author liked,
 * and the stack of this program is not his. */
struct walk {
	const char *p, *end;
	uint64_t objects; /* bit of a depth: an object is open there */
	uint32_t depth;
	enum { OPENED, WANTED, BEHIND } at; /* a bracket; a comma; a value */
	bool bad;                           /* not JSON */
	bool early;                         /* the text ended where it must not */
	bool escaped;                       /* a backslash in this member */
	struct json_member member;          /* of the outermost, being read */
	const char *value;
	struct json_shape shape;
	void (*on_member)(void *ctx, const struct json_member *);
	void *ctx;
};

static void skip_blanks(struct walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' || *w->p == '\r' || *w->p == '\t'))
		w->p++;
}

static bool ended(struct walk *w)
{
	if (w->p < w->end)
		return false;
	w->early = true;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind a backslash. */
static void walk_escape(struct walk *w)
{
	w->escaped = true;
	w->p++;
	if (ended(w))
		return;
	char c = *w->p++;
	if (c != 'u') {
		w->bad = !c || !strchr("\"\\/bfnrt", c);
		return;
	}
	for (int i = 0; i < 4; i++) {
		if (ended(w))
			return;
		if (!is_hex(*w->p++)) {
			w->bad = true;
			return;
		}
	}
}

/* A character of several bytes; where the text ends in the middle of one nothing is said. */
static void walk_wide(struct walk *w)
{
	size_t len = str_utf8_len(str_make(w->p, (size_t)(w->end - w->p)));
	if (len) {
		w->p += len;
	} else if (w->end - w->p < 4) {
		w->p = w->end;
	} else {
		w->bad = true;
	}
}

/* From the opening quote to behind the closing one. */
static struct str walk_string(struct walk *w)
{
	const char *from = ++w->p;
	while (!w->bad && !w->early) {
		while (w->p < w->end && (unsigned char)*w->p >= 0x20 && *w->p != '"' &&
		       *w->p != '\\' && (unsigned char)*w->p < 0x80)
			w->p++;
		if (ended(w))
			break;
		if (*w->p == '"')
			return str_make(from, (size_t)(w->p++ - from));
		if (*w->p == '\\')
			walk_escape(w);
		else if ((unsigned char)*w->p >= 0x80)
			walk_wide(w);
		else
			w->bad = true;
	}
	return str_make(from, 0);
}

static size_t walk_digits(struct walk *w)
{
	const char *from = w->p;
	while (w->p < w->end && *w->p >= '0' && *w->p <= '9')
		w->p++;
	return (size_t)(w->p - from);
}

static void walk_number(struct walk *w)
{
	if (*w->p == '-')
		w->p++;
	if (ended(w))
		return;
	bool zero = *w->p == '0';
	size_t whole = walk_digits(w);
	if (!whole || (zero && whole > 1)) {
		w->bad = true;
		return;
	}
	if (w->p < w->end && *w->p == '.') {
		w->p++;
		w->bad = !walk_digits(w) && !ended(w);
	}
	if (!w->bad && w->p < w->end && (*w->p == 'e' || *w->p == 'E')) {
		w->p++;
		if (w->p < w->end && (*w->p == '+' || *w->p == '-'))
			w->p++;
		w->bad = !walk_digits(w) && !ended(w);
	}
}

static void walk_word(struct walk *w, struct str word)
{
	for (size_t i = 0; i < word.len; i++, w->p++) {
		if (ended(w))
			return;
		if (*w->p != word.ptr[i]) {
			w->bad = true;
			return;
		}
	}
}

static void walk_scalar(struct walk *w)
{
	if (*w->p == 't')
		walk_word(w, STR("true"));
	else if (*w->p == 'f')
		walk_word(w, STR("false"));
	else if (*w->p == 'n')
		walk_word(w, STR("null"));
	else
		walk_number(w);
}

static void walk_open(struct walk *w)
{
	if (w->depth == JSON_SHAPE_DEPTH) {
		w->bad = true;
		return;
	}
	uint64_t bit = UINT64_C(1) << w->depth++;
	w->objects = *w->p == '{' ? w->objects | bit : w->objects & ~bit;
	w->at = OPENED;
	w->p++;
}

static bool in_object(const struct walk *w) { return w->objects >> (w->depth - 1) & 1; }

/* A name and its colon, and the blanks before the value. */
static struct str walk_name(struct walk *w)
{
	if (*w->p != '"') {
		w->bad = true;
		return (struct str){ 0 };
	}
	struct str name = walk_string(w);
	skip_blanks(w);
	if (w->bad || ended(w))
		return name;
	w->bad = *w->p++ != ':';
	skip_blanks(w);
	(void)ended(w);
	return name;
}

static void value_ended(struct walk *w)
{
	w->at = BEHIND;
	if (w->depth != 1)
		return;
	struct json_member *member = &w->member;
	size_t quote = member->quoted;
	member->value = str_make(w->value + quote, (size_t)(w->p - w->value) - 2 * quote);
	member->plain = !w->escaped;
	w->shape.members++;
	w->shape.payload += (uint32_t)(member->name.len + member->value.len);
	if (!member->scalar)
		w->shape.flat = false;
	if (w->on_member)
		w->on_member(w->ctx, member);
}

static void walk_close(struct walk *w)
{
	w->p++;
	if (--w->depth)
		value_ended(w);
}

static void walk_value(struct walk *w)
{
	bool nested = *w->p == '{' || *w->p == '[', quoted = *w->p == '"';
	if (w->depth == 1) {
		w->value = w->p;
		w->member.scalar = !nested;
		w->member.quoted = quoted;
	}
	if (nested) {
		walk_open(w);
		return;
	}
	if (quoted)
		walk_string(w);
	else
		walk_scalar(w);
	if (w->bad || w->early || ended(w))
		return;
	value_ended(w);
}

/* One piece: a comma, a closing bracket, or a member up to its value's end or bracket. */
static void walk_piece(struct walk *w)
{
	char close = in_object(w) ? '}' : ']';
	if (*w->p == close && w->at != WANTED) {
		walk_close(w);
		return;
	}
	if (w->at == BEHIND) {
		w->bad = *w->p++ != ',';
		w->at = WANTED;
		return;
	}
	struct str name = { 0 };
	if (w->depth == 1)
		w->escaped = false;
	if (in_object(w))
		name = walk_name(w);
	if (w->bad || w->early)
		return;
	if (w->depth == 1)
		w->member.name = name;
	walk_value(w);
}

struct json_shape json_shape_of(struct str text, bool cut,
				void (*on_member)(void *ctx, const struct json_member *), void *ctx)
{
	struct walk w = {
		.p = text.ptr, .end = text.ptr + text.len, .on_member = on_member, .ctx = ctx
	};
	struct json_shape none = { 0 };
	skip_blanks(&w);
	if (w.p == w.end || (*w.p != '{' && *w.p != '['))
		return none;
	w.shape.kind = *w.p == '{' ? JSON_SHAPE_OBJECT : JSON_SHAPE_ARRAY;
	w.shape.flat = *w.p == '{';
	walk_open(&w);
	while (w.depth && !w.bad) {
		skip_blanks(&w);
		if (w.early || ended(&w))
			break;
		walk_piece(&w);
	}
	if (w.bad)
		return none;
	if (w.early)
		return cut ? w.shape : none;
	skip_blanks(&w);
	if (w.p != w.end || cut || !w.shape.members)
		return none;
	w.shape.whole = true;
	return w.shape;
}
