/* The text of a key as the source makes it: constant parts, and names of what is not. */
#include "audit/code_scan.h"

enum { TEXT_DEPTH = 4, ARGS_MAX = 8 };

struct making {
	struct code_scan *scan;
	struct buf *out;
	struct str other;
	bool textual;
	int32_t args_from, args_end; /* of a format: what its places stand for, in turn */
};

static void put_name(struct buf *out, struct str name)
{
	buf_char(out, MARK_NAME);
	for (size_t i = 0; i < name.len && i < 40; i++)
		if ((unsigned char)name.ptr[i] > MARK_ARG)
			buf_char(out, name.ptr[i]);
	if (!name.len)
		buf_char(out, '?');
	buf_char(out, MARK_END);
}

static void put_constant(struct buf *out, char c)
{
	if ((unsigned char)c > MARK_ARG)
		buf_char(out, c);
}

static bool has_upper(struct str name)
{
	bool upper = false;
	for (size_t i = 0; i < name.len; i++)
		upper |= name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
	return upper;
}

static bool shouts(struct str name)
{
	bool lower = false;
	for (size_t i = 0; i < name.len; i++)
		lower |= name.ptr[i] >= 'a' && name.ptr[i] <= 'z';
	return has_upper(name) && !lower;
}

static void put_ref(struct making *making, struct str owner, struct str name, bool call,
		    struct str other)
{
	buf_char(making->out, MARK_REF);
	if (owner.len) {
		buf_str_put(making->out, owner);
		buf_char(making->out, '.');
	}
	buf_str_put(making->out, name);
	if (call)
		buf_put(making->out, "()", 2);
	buf_char(making->out, MARK_ELSE);
	buf_str_put(making->out, other);
	making->textual = true;
}

/* ---- names in texts: {symbol}, {self.symbol}, {symbol.upper()} ---- */

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (c & 0x80);
}

/* The last word that is no method, and the one before it. */
static struct str name_inside(struct str expr, struct str *owner, bool *plain)
{
	struct str name = { expr.ptr, 0 };
	size_t at = 0;
	*owner = name;
	*plain = true;
	while (at < expr.len) {
		size_t start = at;
		while (at < expr.len && word_char(expr.ptr[at]))
			at++;
		struct str word = str_make(expr.ptr + start, at - start);
		char next = at < expr.len ? expr.ptr[at] : 0;
		bool first_call = next == '(' && !name.len;
		if (word.len && !(word.ptr[0] >= '0' && word.ptr[0] <= '9') && next != '(') {
			*owner = name;
			name = word;
		}
		if (next == '(' && !first_call)
			break;
		if (next && next != '.' && next != '$' && next != '>' && next != '-')
			*plain = false;
		if (next == ':' || next == '!' || next == ',' || next == '+' || next == ')' ||
		    next == ' ' || next == '?' || next == '|' || next == '}')
			if (name.len)
				break;
		at++;
	}
	return name;
}

static void put_known(struct making *making, struct code_symbol *symbol)
{
	symbol->text_used = true;
	buf_str_put(making->out, code_text(making->scan->code, symbol->text));
	making->textual = true;
}

static struct code_symbol *own_symbol(struct code_scan *scan, struct str name)
{
	for (int i = scan->depth; i >= 0; i--)
		if (scan->blocks[i].kind == BLOCK_CLASS)
			return scan_find(scan, scan->blocks[i].scope, str_hash(name));
	return NULL;
}

static bool is_self(struct str name)
{
	return str_eq(name, STR("self")) || str_eq(name, STR("this")) || str_eq(name, STR("cls")) ||
	       str_eq(name, STR("static"));
}

/* A name, or owner.name: what is known of it, a constant's reference, or a placeholder. */
static void put_reference(struct making *making, struct str owner, struct str name)
{
	struct code_scan *scan = making->scan;
	struct code_symbol *symbol;
	if (str_eq(name, STR("value")) && owner.len) {
		name = owner;
		owner.len = 0;
	}
	if (is_self(owner)) {
		symbol = own_symbol(scan, name);
		owner.len = 0;
	} else {
		symbol = owner.len ? NULL : scan_nearest(scan, str_hash(name));
	}
	for (int i = scan->n_shadows - 1; i >= 0; i--)
		if (!owner.len && scan->shadows[i].name == str_hash(name))
			symbol = NULL;
	if (symbol && symbol->text)
		put_known(making, symbol);
	else if ((symbol && symbol->holds == HOLDS_MODULE && symbol->module) ||
		 (!symbol && shouts(name)) || (owner.len && has_upper(owner))) {
		put_ref(making, owner, name, false, name);
		buf_char(making->out, MARK_END);
	} else {
		put_name(making->out, name);
	}
}

static void put_inside(struct making *making, struct str expr)
{
	struct str owner, name;
	bool plain;
	name = name_inside(str_trim(expr), &owner, &plain);
	if (!name.len || (name.ptr[0] >= '0' && name.ptr[0] <= '9'))
		put_name(making->out, STR("?"));
	else if (plain)
		put_reference(making, owner, name);
	else
		put_name(making->out, name);
}

/* ---- texts ---- */

/* What stands between braces from `from` on; *end is behind the closing one, if there is one. */
static struct str inside_of(struct str body, size_t from, size_t *end)
{
	size_t depth = 1, at = from;
	while (at < body.len && depth) {
		depth += body.ptr[at] == '{';
		depth -= body.ptr[at] == '}';
		at++;
	}
	*end = at;
	return str_make(body.ptr + from, at - from - (depth == 0 && at > from));
}

/* The next argument of a format. */
static void put_argument(struct making *making, int depth);

static size_t put_printf(struct making *making, struct str body, size_t at, int depth)
{
	size_t start = at++;
	if (at < body.len && body.ptr[at] == '(') {
		size_t end = at;
		while (end < body.len && body.ptr[end] != ')')
			end++;
		put_name(making->out, str_make(body.ptr + at + 1, end - at - 1));
		return end + 2 < body.len ? end + 2 : body.len;
	}
	while (at < body.len && strchr("0123456789.-+#lu$", body.ptr[at]))
		at++;
	if (at >= body.len || !strchr("sdifvrxgqXcu", body.ptr[at])) {
		put_constant(making->out, '%');
		return start + (at < body.len && body.ptr[at] == '%' ? 2 : 1);
	}
	put_argument(making, depth);
	return at + 1;
}

static bool is_number(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return true;
}

/* {name}, {} and {0} of .format and string.Format. */
static size_t put_place(struct making *making, struct str body, size_t at, int depth)
{
	size_t end;
	struct str inside = inside_of(body, at + 1, &end);
	size_t colon = str_find_char(inside, ':');
	inside.len = colon;
	if (!is_number(inside))
		put_name(making->out, inside);
	else
		put_argument(making, depth);
	return end;
}

struct style {
	bool braces, dollars, names, percent, places, raw;
};

static size_t put_dollar(struct making *making, const struct style *style, struct str body,
			 size_t at)
{
	size_t end;
	if (at + 1 < body.len && body.ptr[at + 1] == '{') {
		put_inside(making, inside_of(body, at + 2, &end));
		return end;
	}
	for (end = at + 1; end < body.len && word_char(body.ptr[end]);)
		end++;
	if (!style->names || end == at + 1) {
		put_constant(making->out, '$');
		return at + 1;
	}
	put_inside(making, str_make(body.ptr + at + 1, end - at - 1));
	return end;
}

static size_t put_brace(struct making *making, const struct style *style, struct str body,
			size_t at, int depth)
{
	if ((style->braces || style->places) && at + 1 < body.len && body.ptr[at + 1] == '{' &&
	    !style->names) {
		put_constant(making->out, '{');
		return at + 2;
	}
	if (style->places && !style->braces)
		return put_place(making, body, at, depth);
	size_t end;
	struct str inside = inside_of(body, at + 1, &end);
	if (style->names && (at + 1 >= body.len || body.ptr[at + 1] != '$')) {
		put_constant(making->out, '{');
		return at + 1;
	}
	put_inside(making, inside);
	return end;
}

static void put_text(struct making *making, int32_t index, int depth, bool formatted)
{
	struct code_scan *scan = making->scan;
	struct code_token *token = &scan->at[index];
	struct str body = code_token_text(scan->tokens, index);
	bool insert = token->flags & TOKEN_INSERT, dollar = token->flags & TOKEN_DOLLAR;
	struct style style = { .braces = insert && (!dollar || scan->language->id == LANGUAGE_PHP),
			       .dollars = dollar,
			       .names = dollar && scan->language->id == LANGUAGE_PHP,
			       .percent = formatted,
			       .places = formatted,
			       .raw = token->flags & TOKEN_RAW };
	token->flags |= TOKEN_USED;
	making->textual |= token->len > 0;
	for (size_t at = 0; at < body.len && at < 4 * CODE_PATTERN_MAX && !making->out->overflow;) {
		char c = body.ptr[at];
		if (c == '\\' && !style.raw && at + 1 < body.len) {
			put_constant(making->out, body.ptr[at + 1]);
			at += 2;
		} else if (c == '$' && style.dollars)
			at = put_dollar(making, &style, body, at);
		else if (c == '{' && (style.braces || style.places))
			at = put_brace(making, &style, body, at, depth);
		else if (c == '}' && (style.braces || style.places) && at + 1 < body.len &&
			 body.ptr[at + 1] == '}') {
			put_constant(making->out, '}');
			at += 2;
		} else if (c == '%' && style.percent)
			at = put_printf(making, body, at, depth);
		else {
			put_constant(making->out, c);
			at++;
		}
	}
}

/* ---- expressions ---- */

static void put_expr(struct making *making, int32_t from, int32_t end, int depth);

static void put_argument(struct making *making, int depth)
{
	if (making->args_from == CODE_NONE || making->args_from >= making->args_end) {
		put_name(making->out, STR("?"));
		return;
	}
	int32_t end = scan_arg_end(making->scan, making->args_from, making->args_end);
	int32_t from = making->args_from, rest = making->args_end;
	making->args_from = CODE_NONE;
	put_expr(making, from, end, depth + 1);
	making->args_from = end + 1;
	making->args_end = rest;
}

static void with_args(struct making *making, int32_t text, int32_t from, int32_t end, int depth)
{
	int32_t was_from = making->args_from, was_end = making->args_end;
	making->args_from = from;
	making->args_end = end;
	put_text(making, text, depth, true);
	making->args_from = was_from;
	making->args_end = was_end;
}

static int32_t skip_within(const struct code_scan *scan, int32_t index)
{
	while (code_is_op(scan->tokens, index, '(') && (scan->at[index].flags & TOKEN_WITHIN) &&
	       scan->at[index].match > index)
		index = scan->at[index].match + 1;
	return index;
}

/* ":".join([a, b]) */
static void put_join(struct making *making, int32_t text, int32_t open, int depth)
{
	struct code_scan *scan = making->scan;
	int32_t from = open + 1, end = scan->at[open].match;
	if (code_is_op(scan->tokens, from, '[') || code_is_op(scan->tokens, from, '(')) {
		end = scan->at[from].match;
		from++;
	}
	if (end == CODE_NONE || from >= end || scan->at[open].extra != CODE_NONE) {
		put_name(making->out, STR("?"));
		return;
	}
	for (int i = 0; i < ARGS_MAX && from < end; i++) {
		int32_t stop = scan_arg_end(scan, from, end);
		if (i)
			put_text(making, text, depth, false);
		put_expr(making, from, stop, depth + 1);
		from = stop + 1;
	}
}

/* A text, or several beside each other; behind them % or .format. */
static void put_texts(struct making *making, int32_t from, int32_t end, int depth)
{
	struct code_scan *scan = making->scan;
	int32_t after = skip_within(scan, from + 1);
	if (code_is_op(scan->tokens, after, '%') && after < end) {
		bool tuple = code_is_op(scan->tokens, after + 1, '(') &&
			     scan->at[after + 1].match == end - 1;
		with_args(making, from, after + (tuple ? 2 : 1), tuple ? end - 1 : end, depth);
	} else if (code_is_op(scan->tokens, after, OP_MEMBER) && after < end &&
		   code_is_word(scan->tokens, after + 1, "format") &&
		   code_is_op(scan->tokens, after + 2, '(')) {
		with_args(making, from, after + 3, scan->at[after + 2].match, depth);
	} else if (code_is_op(scan->tokens, after, OP_MEMBER) && after < end &&
		   code_is_word(scan->tokens, after + 1, "join") &&
		   code_is_op(scan->tokens, after + 2, '(')) {
		put_join(making, from, after + 2, depth);
	} else {
		for (int32_t i = from; i < end && scan->at[i].kind == TOKEN_TEXT;
		     i = skip_within(scan, i + 1))
			put_text(making, i, depth, false);
	}
}

static void put_args(struct making *making, int32_t open)
{
	struct code_scan *scan = making->scan;
	int32_t from = open + 1, end = scan->at[open].match;
	for (int i = 0; i < ARGS_MAX && from < end; i++) {
		int32_t stop = scan_arg_end(scan, from, end);
		buf_char(making->out, MARK_ARG);
		if (stop == from + 1 && scan->at[from].kind == TOKEN_TEXT &&
		    !(scan->at[from].flags & TOKEN_INSERT) && scan->at[from].len < 60) {
			struct str text = code_token_text(scan->tokens, from);
			for (size_t at = 0; at < text.len; at++)
				put_constant(making->out, text.ptr[at]);
		}
		from = stop + 1;
	}
}

static bool formats(const struct code_scan *scan, int32_t name)
{
	return code_is_one_of(scan->tokens, name, "Sprintf sprintf Format");
}

/* f(…), Keys.indicator(…), str(x), x.upper() */
static void put_call(struct making *making, int32_t from, int32_t name, int depth)
{
	struct code_scan *scan = making->scan;
	int32_t open = name + 1, close = scan->at[open].match;
	struct str owner = { 0 };
	if (close == CODE_NONE) {
		put_name(making->out, making->other);
	} else if (formats(scan, name) && scan->at[open + 1].kind == TOKEN_TEXT) {
		int32_t stop = scan_arg_end(scan, open + 1, close);
		with_args(making, open + 1, stop + 1, close, depth);
	} else if (code_is_one_of(scan->tokens, name, "str String strval int")) {
		put_expr(making, open + 1, scan_arg_end(scan, open + 1, close), depth + 1);
	} else if (name > from &&
		   code_is_one_of(scan->tokens, name,
				  "upper lower strip encode decode toString toUpperCase "
				  "toLowerCase ToString ToUpper ToLower replace trim "
				  "format isoformat strftime")) {
		put_expr(making, from, name - 1, depth + 1);
	} else {
		if (name > from)
			owner = code_token_text(scan->tokens, name - 2);
		put_ref(making, is_self(owner) ? (struct str){ 0 } : owner,
			code_token_text(scan->tokens, name), true, making->other);
		put_args(making, open);
		buf_char(making->out, MARK_END);
	}
}

static void put_operand(struct making *making, int32_t from, int32_t end, int depth)
{
	struct code_scan *scan = making->scan;
	int32_t last = from;
	while (code_is_one_of(scan->tokens, from, "await new return") && from + 1 < end)
		last = ++from;
	if (scan->at[from].kind == TOKEN_TEXT) {
		put_texts(making, from, end, depth);
		return;
	}
	if (code_is_op(scan->tokens, from, '(') && scan->at[from].match == end - 1) {
		put_expr(making, from + 1, end - 1, depth + 1);
		return;
	}
	while (code_is_op(scan->tokens, last + 1, OP_MEMBER) &&
	       code_is_name(scan->tokens, last + 2) && last + 2 < end)
		last += 2;
	struct str owner = { 0 };
	if (!code_is_name(scan->tokens, from)) {
		if (scan->at[from].kind == TOKEN_NUMBER && end == from + 1)
			buf_str_put(making->out, code_token_text(scan->tokens, from));
		else
			put_name(making->out, making->other);
	} else if (last + 1 == end) {
		if (last > from)
			owner = code_token_text(scan->tokens, last - 2);
		put_reference(making, owner, code_token_text(scan->tokens, last));
	} else if (code_is_op(scan->tokens, last + 1, '(') && scan->at[last + 1].match < end) {
		put_call(making, from, last, depth);
	} else if (code_is_op(scan->tokens, last + 1, '[') &&
		   scan->at[last + 2].kind == TOKEN_TEXT && last + 4 == end) {
		scan->at[last + 2].flags |= TOKEN_USED;
		put_reference(making, code_token_text(scan->tokens, last),
			      code_token_text(scan->tokens, last + 2));
	} else {
		put_name(making->out, making->other);
	}
}

/* Operands that are joined by +; anything else between them leaves the text unknown. */
static void put_expr(struct making *making, int32_t from, int32_t end, int depth)
{
	struct code_scan *scan = making->scan;
	int32_t start = from;
	if (depth > TEXT_DEPTH || from >= end || end - from > SCAN_LOOK) {
		put_name(making->out, making->other);
		return;
	}
	for (int32_t i = from; i < end; i++) {
		if (code_is_one_of(scan->tokens, i, "if else or and for lambda") ||
		    code_is_op(scan->tokens, i, '?')) {
			put_name(making->out, making->other);
			return;
		}
		if (code_is_op(scan->tokens, i, '+')) {
			if (i > start)
				put_operand(making, start, i, depth);
			start = i + 1;
		} else if (scan->at[i].match > i) {
			i = scan->at[i].match;
		}
	}
	if (start < end)
		put_operand(making, start, end, depth);
}

uint32_t scan_text(struct code_scan *scan, int32_t from, int32_t end, struct str other,
		   bool *textual)
{
	char text[2 * CODE_PATTERN_MAX];
	struct buf out = buf_over(text, sizeof text);
	struct making making = { .scan = scan,
				 .out = &out,
				 .other = other,
				 .args_from = CODE_NONE,
				 .args_end = CODE_NONE };
	put_expr(&making, from, end, 0);
	*textual = making.textual && !out.overflow;
	if (out.overflow) {
		buf_clear(&out);
		put_name(&out, STR("?"));
	}
	return code_intern(scan->code, buf_str(&out));
}

/* ---- constants ---- */

void scan_constant(struct code_scan *scan, uint64_t name, uint64_t owner, uint32_t text,
		   uint32_t params)
{
	for (int i = 0; i < (owner ? 2 : 1) && text; i++) {
		struct code_constant *constant =
		    CODE_ADD(scan->code, constants, CODE_CONSTANTS_MAX);
		if (!constant) {
			scan->code->lost++;
			return;
		}
		*constant = (struct code_constant){ code_name3('C', i ? owner : 0,
							       code_mix(name, params != 0)),
						    scan->file, text, params };
	}
}

/* KEYS = { LAST: "last_scan", of: (s) => `…` } */
void scan_literal_members(struct code_scan *scan, uint64_t owner, int32_t open)
{
	int32_t end = scan->at[open].match;
	for (int32_t i = open + 1, steps = 0; i < end && steps < 512; steps++) {
		int32_t stop = scan_arg_end(scan, i, end), from = i + 2;
		bool key = scan->at[i].kind == TOKEN_NAME || scan->at[i].kind == TOKEN_TEXT;
		bool textual = false, function = false;
		if (key && code_is_op(scan->tokens, i + 1, ':') && stop > from) {
			int32_t arrow = code_is_op(scan->tokens, from, '(')
					    ? scan->at[from].match + 1
					    : from + 1;
			function = code_is_op(scan->tokens, arrow, OP_ARROW);
			if (function)
				from = arrow + 1;
			if (scan->at[i].kind == TOKEN_TEXT)
				scan->at[i].flags |= TOKEN_USED;
			uint32_t text = 0;
			if (from < stop && scan->at[from].kind == TOKEN_TEXT)
				text = scan_text(scan, from, stop, STR("?"), &textual);
			if (textual)
				scan_constant(scan, scan_hash(scan, i), owner, text, function);
		}
		i = stop + 1;
	}
}
