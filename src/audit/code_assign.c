/* Assignments: what a name holds from here on. */
#include "audit/code_scan.h"

static bool is_null(const struct code_scan *scan, int32_t from, int32_t end)
{
	return end - from == 1 &&
	       code_is_one_of(scan->tokens, from, "None null nil undefined NULL");
}

static int32_t skip_bracket(const struct code_scan *scan, int32_t index)
{
	const struct code_token *token = &scan->at[index];
	return token->kind == TOKEN_OP && strchr("([{", token->op) && token->match > index
		   ? token->match
		   : index;
}

/* ---- where the = is ---- */

static bool ends_search(const struct code_scan *scan, int32_t start, int32_t index)
{
	const struct code_token *token = &scan->at[index];
	if (scan_python(scan) && index > start && (token->flags & TOKEN_FIRST))
		return true;
	return token->kind == TOKEN_TEXT ||
	       (token->kind == TOKEN_OP && strchr("(;}caqos", token->op));
}

void scan_begin_assign(struct code_scan *scan, struct code_statement *statement)
{
	int32_t start = statement->start, type = CODE_NONE, is = CODE_NONE;
	bool many = false;
	for (int32_t i = start, steps = 0; i < scan->tokens->count && steps < 20; i++, steps++) {
		if (code_is_op(scan->tokens, i, '=') || code_is_op(scan->tokens, i, OP_DEFINE)) {
			is = i;
			break;
		}
		if (ends_search(scan, start, i))
			return;
		if (code_is_op(scan->tokens, i, ':') && type == CODE_NONE)
			type = i;
		many |= code_is_op(scan->tokens, i, ',') && type == CODE_NONE;
		i = skip_bracket(scan, i);
	}
	if (is == CODE_NONE || is == start)
		return;
	int32_t last = (type == CODE_NONE ? is : type) - 1;
	/* rows[i] = x changes what a name holds, not the name. */
	if (!many && code_is_op(scan->tokens, last, ']') && scan->at[last].match > start)
		return;
	statement->assign = is;
	statement->target_end = last;
	if (many || !code_is_name(scan->tokens, last))
		return;
	statement->target = scan_chain_start(scan, last);
	statement->declares =
	    scan_python(scan) || scan->language->id == LANGUAGE_PHP ||
	    code_is_op(scan->tokens, is, OP_DEFINE) ||
	    (statement->target > start && code_is_name(scan->tokens, statement->target - 1));
}

/* ---- what is assigned ---- */

static struct code_value operand(struct code_scan *scan, int32_t from, int32_t last)
{
	struct code_value none = { .holds = HOLDS_OTHER };
	while (code_is_one_of(scan->tokens, from, "await yield new typeof return") && from < last)
		from++;
	if (code_is_op(scan->tokens, from, '&') || code_is_op(scan->tokens, from, '*'))
		from++;
	if (scan->at[last].value)
		return scan_value_of(scan, last);
	if (code_is_name(scan->tokens, last) && scan_chain_start(scan, last) == from)
		return scan_lookup(scan, from, last);
	return none;
}

static bool gives_client(const struct code_value *value)
{
	return value->holds == HOLDS_CLIENT || value->holds == HOLDS_PIPE ||
	       (value->holds == HOLDS_UNKNOWN && value->cond);
}

static bool divides(const struct code_scan *scan, int32_t index)
{
	return code_is_op(scan->tokens, index, OP_OTHER) || code_is_op(scan->tokens, index, '?') ||
	       code_is_op(scan->tokens, index, ':') || code_is_op(scan->tokens, index, '=') ||
	       code_is_one_of(scan->tokens, index, "or and if else");
}

/* One of `a or b`, `a if b else c`, `a ?? b` that is a client makes all of it one. */
struct code_value scan_value(struct code_scan *scan, int32_t from, int32_t end)
{
	struct code_value value = { .holds = HOLDS_OTHER };
	int32_t start = from, look = end - from > SCAN_LOOK ? from + SCAN_LOOK : end;
	while (end - from > 2 && code_is_op(scan->tokens, from, '(') &&
	       scan->at[from].match == end - 1 && !scan->at[end - 1].value) {
		from++;
		end--;
		start = from;
	}
	for (int32_t i = from; i <= look && i <= end; i++) {
		if (i == end || divides(scan, i)) {
			struct code_value one = { .holds = HOLDS_OTHER };
			if (i > start)
				one = operand(scan, start, i - 1);
			if (gives_client(&one) && !one.cond)
				return one;
			if (!gives_client(&value) &&
			    (one.holds != HOLDS_OTHER || value.holds == HOLDS_OTHER))
				value = one;
			start = i + 1;
			if (i == end)
				break;
		}
		i = skip_bracket(scan, i);
	}
	return value;
}

static bool masked(const struct code_scan *scan, const struct code_symbol *symbol)
{
	for (int i = scan->depth; symbol->masked && i >= 0; i--)
		if (scan->blocks[i].id == symbol->masked)
			return true;
	return false;
}

uint32_t scan_taint(struct code_scan *scan, int32_t from, int32_t end)
{
	uint32_t taint = 0;
	if (end - from > SCAN_LOOK)
		end = from + SCAN_LOOK;
	for (int32_t i = from; i < end; i++) {
		const struct code_token *token = &scan->at[i];
		if (token->value) {
			struct code_value value = scan_value_of(scan, i);
			if (value.holds == HOLDS_ANSWER && value.reads && value.text)
				taint = value.text;
		} else if (token->kind == TOKEN_NAME &&
			   !code_is_op(scan->tokens, i - 1, OP_MEMBER)) {
			struct code_symbol *symbol = scan_nearest(scan, scan_hash(scan, i));
			if (symbol && symbol->taint && !masked(scan, symbol))
				taint = symbol->taint;
		}
	}
	return taint;
}

/* ---- to whom ---- */

static void carry_taint(struct code_scan *scan, struct code_symbol *symbol, uint32_t taint)
{
	if (taint) {
		symbol->taint = taint;
		symbol->taint_depth = (uint32_t)scan->depth;
		symbol->masked = 0;
	} else if (symbol->taint && (uint32_t)scan->depth > symbol->taint_depth) {
		symbol->masked = scan_block(scan)->id;
	} else {
		symbol->taint = symbol->masked = 0;
	}
}

static uint32_t class_scope(const struct code_scan *scan)
{
	for (int i = scan->depth; i >= 0; i--)
		if (scan->blocks[i].kind == BLOCK_CLASS)
			return scan->blocks[i].scope;
	return 0;
}

/* A name that was never declared belongs to the class (C#), or to the file. */
static uint32_t scope_of(struct code_scan *scan, const struct code_statement *statement,
			 uint64_t name)
{
	const struct code_block *block = scan_block(scan);
	struct code_symbol *symbol = scan_find(scan, block->scope, name);
	if (symbol && symbol->holds == HOLDS_GLOBAL)
		return scan->blocks[0].scope;
	if (statement->declares || symbol)
		return block->scope;
	symbol = scan_nearest(scan, name);
	if (symbol)
		return symbol->scope;
	if (scan->language->id == LANGUAGE_CSHARP && class_scope(scan))
		return class_scope(scan);
	return scan->blocks[0].scope;
}

static void loose_text(struct code_scan *scan, const struct code_symbol *symbol)
{
	char printed[CODE_PATTERN_MAX];
	struct buf out = buf_over(printed, sizeof printed);
	if (!symbol->text || symbol->text_used)
		return;
	code_normalise(code_text(scan->code, symbol->text), &out);
	code_set_add(&scan->code->loose, str_hash(buf_str(&out)), CODE_LOOSE_MAX);
}

static void hold(struct code_scan *scan, struct code_symbol *symbol, const struct code_value *value,
		 uint32_t text, uint32_t taint)
{
	bool again = symbol->text && symbol->text != text;
	if (again)
		loose_text(scan, symbol);
	symbol->holds = value->holds;
	symbol->cond = value->cond;
	symbol->module = 0;
	symbol->text = text;
	symbol->text_used = false;
	carry_taint(scan, symbol, taint);
}

static void tell(struct code_scan *scan, uint32_t scope, uint64_t name,
		 const struct code_value *value)
{
	const struct code_block *block = scan_block(scan);
	if (value->holds != HOLDS_CLIENT)
		return;
	if (scope == scan->blocks[0].scope)
		scan_fact(scan, code_name3('E', scan->base, name), value->cond);
	else if (scope == class_scope(scan))
		scan_fact(scan, code_name3('A', block->class_name, name), value->cond);
}

static void assign_member(struct code_scan *scan, const struct code_statement *statement,
			  const struct code_value *value, uint32_t text)
{
	const struct code_block *block = scan_block(scan);
	int32_t first = statement->target, last = statement->target_end;
	uint64_t name = scan_hash(scan, last);
	bool own = last == first + 2 && code_is_one_of(scan->tokens, first, "self this cls");
	uint32_t scope = class_scope(scan);
	if (code_is_word(scan->tokens, first, "module") &&
	    code_is_word(scan->tokens, last, "exports"))
		scan_fact(scan, code_name3('E', scan->base, str_hash(STR("default"))), value->cond);
	if (own && scope) {
		struct code_symbol *symbol = scan_put(scan, scope, name);
		if (symbol)
			hold(scan, symbol, value, text, 0);
		if (value->holds == HOLDS_CLIENT && block->class_name)
			scan_fact(scan, code_name3('A', block->class_name, name), value->cond);
	}
	struct code_symbol *any = scan_put(scan, scan_attributes(), name);
	if (any && (any->holds == HOLDS_UNKNOWN || value->holds == HOLDS_CLIENT))
		hold(scan, any, value, 0, 0);
	if (value->holds == HOLDS_CLIENT && !own)
		scan_fact(scan, code_name3('A', scan_hash(scan, last - 2), name), value->cond);
}

static bool at_top(const struct code_scan *scan)
{
	return scan_block(scan)->kind == BLOCK_FILE || scan_block(scan)->kind == BLOCK_CLASS;
}

static void assign_name(struct code_scan *scan, const struct code_statement *statement,
			const struct code_value *value, uint32_t text, uint32_t taint)
{
	uint64_t name = scan_hash(scan, statement->target);
	uint32_t scope = scope_of(scan, statement, name);
	struct code_symbol *symbol = scan_put(scan, scope, name);
	if (!symbol)
		return;
	hold(scan, symbol, value, text, taint);
	tell(scan, scope, name, value);
	if (text && at_top(scan)) {
		symbol->text_used = true;
		scan_constant(scan, name, scan_block(scan)->class_name, text, 0);
	}
}

static void assign_many(struct code_scan *scan, const struct code_statement *statement,
			const struct code_value *value, uint32_t taint)
{
	bool first = scan->language->id == LANGUAGE_GO;
	struct code_value other = { .holds = HOLDS_OTHER };
	for (int32_t i = statement->start; i < statement->assign; i++) {
		if (!code_is_name(scan->tokens, i) || code_is_op(scan->tokens, i - 1, OP_MEMBER) ||
		    code_is_op(scan->tokens, i + 1, OP_MEMBER) ||
		    code_is_one_of(scan->tokens, i, "const let var _"))
			continue;
		uint64_t name = scan_hash(scan, i);
		struct code_symbol *symbol = scan_put(scan, scan_block(scan)->scope, name);
		if (symbol)
			hold(scan, symbol, first ? value : &other, 0, taint);
		first = false;
	}
}

/* const key = (symbol) => `…` */
static bool assign_arrow(struct code_scan *scan, const struct code_statement *statement,
			 int32_t from, int32_t end)
{
	int32_t arrow = code_is_op(scan->tokens, from, '(') ? scan->at[from].match + 1 : from + 1;
	bool textual;
	if (!code_is_op(scan->tokens, arrow, OP_ARROW) || code_is_op(scan->tokens, arrow + 1, '{'))
		return false;
	uint32_t text = scan_text(scan, arrow + 1, end, STR("?"), &textual);
	if (textual && statement->target != CODE_NONE)
		scan_constant(scan, scan_hash(scan, statement->target), 0, text, 1);
	return true;
}

/* redis_client = something.made(): its name says what it is. */
static void trust_name(struct code_scan *scan, const struct code_statement *statement, int32_t end,
		       struct code_value *value)
{
	struct str name = code_token_text(scan->tokens, statement->target_end);
	bool call = code_is_op(scan->tokens, end - 1, ')');
	if (value->holds == HOLDS_OTHER && call && scan->mentions && !scan->at[end - 1].value)
		value->holds = (uint8_t)code_name_holds(name);
	if (value->holds == HOLDS_UNKNOWN && value->cond)
		value->holds = HOLDS_CLIENT;
	else if (value->holds == HOLDS_UNKNOWN || value->holds == HOLDS_ANSWER)
		value->holds = HOLDS_OTHER;
}

void scan_end_assign(struct code_scan *scan, struct code_statement *statement, int32_t end)
{
	int32_t from = statement->assign + 1;
	bool textual = false;
	uint32_t text = 0;
	if (statement->assign == CODE_NONE || statement->done || from >= end)
		return;
	statement->done = true;
	if (is_null(scan, from, end) || assign_arrow(scan, statement, from, end))
		return;
	if (code_is_op(scan->tokens, from, '{') && statement->target != CODE_NONE && at_top(scan))
		scan_literal_members(scan, scan_hash(scan, statement->target), from);
	struct code_value value = scan_value(scan, from, end);
	uint32_t taint = scan_taint(scan, from, end);
	if (statement->target == CODE_NONE) {
		assign_many(scan, statement, &value, taint);
		return;
	}
	trust_name(scan, statement, end, &value);
	bool maybe = value.holds == HOLDS_CLIENT && value.cond;
	if ((value.holds == HOLDS_OTHER || maybe) && end - from <= 64)
		text = scan_text(scan, from, end,
				 code_token_text(scan->tokens, statement->target_end), &textual);
	if (statement->target == statement->target_end)
		assign_name(scan, statement, &value, textual ? text : 0, taint);
	else
		assign_member(scan, statement, &value, textual ? text : 0);
}
