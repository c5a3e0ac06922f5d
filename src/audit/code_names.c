/* What names hold: scopes, attributes, and what is only known once all files were read. */
#include <stdlib.h>

#include "audit/code_scan.h"

#include "base/check.h"

enum { SCOPE_ATTRIBUTES = 1 };

uint32_t scan_attributes(void) { return SCOPE_ATTRIBUTES; }

static bool grow_symbols(struct code_scan *scan)
{
	size_t n = scan->n_slots ? scan->n_slots * 2 : 1024;
	struct code_symbol *more;
	if (n > 2 * SCAN_NAMES_MAX || !(more = calloc(n, sizeof *more)))
		return false;
	for (size_t i = 0; i < scan->n_slots; i++) {
		const struct code_symbol *symbol = &scan->symbols[i];
		if (!symbol->scope)
			continue;
		size_t at = code_mix(symbol->name, symbol->scope) & (n - 1);
		while (more[at].scope)
			at = (at + 1) & (n - 1);
		more[at] = *symbol;
	}
	free(scan->symbols);
	scan->symbols = more;
	scan->n_slots = n;
	return true;
}

struct code_symbol *scan_find(struct code_scan *scan, uint32_t scope, uint64_t name)
{
	if (!scan->n_slots)
		return NULL;
	size_t at = code_mix(name, scope) & (scan->n_slots - 1);
	while (scan->symbols[at].scope) {
		if (scan->symbols[at].scope == scope && scan->symbols[at].name == name)
			return &scan->symbols[at];
		at = (at + 1) & (scan->n_slots - 1);
	}
	return NULL;
}

struct code_symbol *scan_put(struct code_scan *scan, uint32_t scope, uint64_t name)
{
	struct code_symbol *symbol = scan_find(scan, scope, name);
	if (symbol)
		return symbol;
	if (scan->n_symbols * 2 >= scan->n_slots && !grow_symbols(scan)) {
		scan->code->lost++;
		return NULL;
	}
	size_t at = code_mix(name, scope) & (scan->n_slots - 1);
	while (scan->symbols[at].scope)
		at = (at + 1) & (scan->n_slots - 1);
	scan->n_symbols++;
	scan->symbols[at] = (struct code_symbol){ .name = name, .scope = scope };
	return &scan->symbols[at];
}

/* Python's methods do not see the names of their class; others' do. */
struct code_symbol *scan_nearest(struct code_scan *scan, uint64_t name)
{
	uint32_t seen = 0;
	for (int i = scan->depth; i >= 0; i--) {
		const struct code_block *block = &scan->blocks[i];
		bool hidden = block->kind == BLOCK_CLASS && scan_python(scan) && i != scan->depth;
		if (block->scope == seen || hidden)
			continue;
		seen = block->scope;
		if (scan_python(scan) && i != scan->depth && block->kind != BLOCK_FUNCTION &&
		    i != 0)
			continue;
		struct code_symbol *symbol = scan_find(scan, block->scope, name);
		if (symbol && symbol->holds == HOLDS_GLOBAL)
			return scan_find(scan, scan->blocks[0].scope, name);
		if (symbol)
			return symbol;
	}
	return NULL;
}

void scan_fact(struct code_scan *scan, uint64_t fact, uint64_t cond)
{
	struct code_fact *added = CODE_ADD(scan->code, facts, CODE_FACTS_MAX);
	if (added)
		*added = (struct code_fact){ fact, cond };
	else
		scan->code->lost++;
}

void scan_declare(struct code_scan *scan, uint64_t name, enum code_holds holds, uint64_t cond)
{
	struct code_symbol *symbol = scan_put(scan, scan_block(scan)->scope, name);
	if (!symbol)
		return;
	symbol->holds = (uint8_t)holds;
	symbol->cond = cond;
	symbol->text = symbol->taint = 0;
	symbol->module = 0;
	if (scan_block(scan)->kind == BLOCK_CLASS) {
		struct code_symbol *attribute = scan_put(scan, SCOPE_ATTRIBUTES, name);
		if (attribute && attribute->holds != HOLDS_CLIENT) {
			attribute->holds = (uint8_t)holds;
			attribute->cond = cond;
		}
	}
}

/* ---- lookups ---- */

static bool is_self(const struct code_scan *scan, int32_t index)
{
	return code_is_one_of(scan->tokens, index, "self this cls Self static");
}

/* The variables of `… for a, b in …` around: those are rows of something. */
static bool binds(const struct code_scan *scan, int32_t at, int32_t end, uint64_t name)
{
	for (int32_t i = at + 1, steps = 0; i < end && steps < 24; i++, steps++) {
		if (code_is_word(scan->tokens, i, "in"))
			return false;
		if (code_is_name(scan->tokens, i) && scan_hash(scan, i) == name)
			return true;
	}
	return false;
}

static bool comprehended(const struct code_scan *scan, uint64_t name)
{
	for (int i = scan->n_opens - 1, steps = 0; i >= 0 && steps < 8; i--, steps++) {
		const struct code_token *open = &scan->at[scan->opens[i]];
		if (open->extra != CODE_NONE && scan_python(scan) &&
		    binds(scan, open->extra, open->match, name))
			return true;
	}
	return false;
}

static struct code_value value_of_symbol(struct code_symbol *symbol)
{
	struct code_value value = { symbol->cond, symbol->text, symbol->holds, false };
	if (symbol->holds == HOLDS_MODULE)
		value.holds = HOLDS_UNKNOWN;
	if (symbol->holds == HOLDS_ANSWER)
		value = (struct code_value){ .holds = HOLDS_OTHER };
	return value;
}

static struct code_value by_name(const struct code_scan *scan, int32_t index)
{
	enum code_holds holds = code_name_holds(code_token_text(scan->tokens, index));
	return (struct code_value){ .holds = scan->mentions || holds == HOLDS_PIPE
						 ? (uint8_t)holds
						 : HOLDS_UNKNOWN };
}

static struct code_value lookup_one(struct code_scan *scan, int32_t index)
{
	uint64_t name = scan_hash(scan, index);
	for (int i = scan->n_shadows - 1; i >= 0; i--)
		if (scan->shadows[i].name == name)
			return (struct code_value){ .holds = scan->shadows[i].holds };
	if (comprehended(scan, name))
		return (struct code_value){ .holds = HOLDS_OTHER };
	struct code_symbol *symbol = scan_nearest(scan, name);
	struct code_value value =
	    symbol ? value_of_symbol(symbol) : (struct code_value){ .holds = HOLDS_UNKNOWN };
	if (value.holds != HOLDS_UNKNOWN)
		return value;
	struct code_value named = by_name(scan, index);
	if (named.holds != HOLDS_UNKNOWN) {
		named.text = value.text;
		return named;
	}
	/* A piece of a file, or a client that comes by `import *`. */
	if (!symbol && scan->mentions && code_is_one_of(scan->tokens, index, "r rd rc _r") &&
	    code_name_weak(STR("r")))
		return (struct code_value){ .holds = HOLDS_CLIENT };
	if (!symbol)
		value.cond = code_name3('E', scan->base, name);
	return value;
}

static struct code_value value_of_attribute(struct code_symbol *symbol)
{
	return symbol ? value_of_symbol(symbol) : (struct code_value){ .holds = HOLDS_UNKNOWN };
}

/* self.name */
static struct code_value lookup_own(struct code_scan *scan, int32_t index)
{
	const struct code_block *block = scan_block(scan);
	uint64_t name = scan_hash(scan, index);
	uint32_t class_scope = 0;
	for (int i = scan->depth; i >= 0 && !class_scope; i--)
		if (scan->blocks[i].kind == BLOCK_CLASS)
			class_scope = scan->blocks[i].scope;
	struct code_value value = { 0 };
	if (class_scope)
		value = value_of_attribute(scan_find(scan, class_scope, name));
	if (value.holds != HOLDS_UNKNOWN || value.text)
		return value;
	if (!class_scope)
		value = value_of_attribute(scan_find(scan, SCOPE_ATTRIBUTES, name));
	if (value.holds != HOLDS_UNKNOWN)
		return value;
	value = by_name(scan, index);
	if (value.holds == HOLDS_UNKNOWN && block->class_name)
		value.cond =
		    code_name3('A', block->base_name ? block->base_name : block->class_name, name);
	return value;
}

/* settings.redis is a part of a file: where it is to be found, a name, a limit. */
static bool in_settings(const struct code_scan *scan, int32_t first, int32_t last)
{
	for (int32_t i = first; i < last; i += 2)
		if (code_is_one_of(scan->tokens, i,
				   "config cfg settings options conf Config Settings CONFIG"))
			return true;
	return false;
}

static struct code_value lookup_member(struct code_scan *scan, int32_t first, int32_t last)
{
	bool setting = in_settings(scan, first, last);
	struct code_symbol *root = scan_nearest(scan, scan_hash(scan, first));
	uint64_t name = scan_hash(scan, last);
	struct code_value value = { 0 };
	if (root && root->holds == HOLDS_PACKAGE)
		return (struct code_value){ .holds = HOLDS_PACKAGE };
	if (!setting)
		value = by_name(scan, last);
	if (value.holds != HOLDS_UNKNOWN)
		return value;
	if (root && root->module && last == first + 2)
		return (struct code_value){ .cond = code_name3('E', root->module, name) };
	if (!setting)
		value = value_of_attribute(scan_find(scan, SCOPE_ATTRIBUTES, name));
	if (value.holds == HOLDS_CLIENT || value.holds == HOLDS_PIPE)
		return value;
	return (struct code_value){ .cond = code_name3('A', scan_hash(scan, last - 2), name) };
}

struct code_value scan_lookup(struct code_scan *scan, int32_t first, int32_t last)
{
	if (first == last)
		return lookup_one(scan, first);
	if (is_self(scan, first) && last == first + 2)
		return lookup_own(scan, last);
	return lookup_member(scan, first, last);
}

int32_t scan_chain_start(const struct code_scan *scan, int32_t last)
{
	int32_t first = last;
	for (int i = 0; i < SCAN_CHAIN; i++) {
		if (!code_is_op(scan->tokens, first - 1, OP_MEMBER) ||
		    !code_is_name(scan->tokens, first - 2))
			break;
		first -= 2;
	}
	return first;
}

/* ---- declarations ---- */

void scan_shadow(struct code_scan *scan, uint64_t name, struct str text)
{
	enum code_holds holds = code_name_holds(text);
	if (scan->n_shadows == SCAN_SHADOWS)
		return;
	scan->shadows[scan->n_shadows++] =
	    (struct code_shadow){ name, (uint8_t)(holds == HOLDS_UNKNOWN ? HOLDS_OTHER : holds),
				  scan->n_opens };
}

/* What the type means that is named here: in Go every package may have a Client. */
static enum code_holds type_holds(struct code_scan *scan, int32_t index)
{
	enum code_holds holds =
	    code_type_holds(scan->language, code_token_text(scan->tokens, index));
	int32_t first = scan_chain_start(scan, index);
	if (holds == HOLDS_UNKNOWN || scan->language->id != LANGUAGE_GO)
		return holds;
	if (first == index)
		return HOLDS_UNKNOWN;
	struct code_symbol *package = scan_nearest(scan, scan_hash(scan, first));
	bool redis =
	    package ? package->holds == HOLDS_PACKAGE : code_is_word(scan->tokens, first, "redis");
	return redis ? holds : HOLDS_OTHER;
}

/* A client's type beside a name: `IDatabase db`, `rdb *redis.Client`, `redis: Redis`. */
void scan_typed(struct code_scan *scan, int32_t index)
{
	const struct code_tokens *tokens = scan->tokens;
	int32_t first = scan_chain_start(scan, index), after = index + 1, before = first - 1;
	enum code_holds holds = type_holds(scan, index);
	if (holds == HOLDS_UNKNOWN || code_is_op(tokens, after, '(') ||
	    code_is_op(tokens, after, OP_MEMBER) || code_is_op(tokens, after, '{'))
		return;
	if (code_is_op(tokens, after, '?'))
		after++;
	if (scan->language->id == LANGUAGE_CSHARP || scan->language->id == LANGUAGE_PHP) {
		if (code_is_name(tokens, after) &&
		    !code_is_one_of(tokens, first - 1,
				    "new class extends implements instanceof use"))
			scan_declare(scan, scan_hash(scan, after), holds, 0);
		return;
	}
	if (code_is_op(tokens, before, '*') || code_is_op(tokens, before, ':'))
		before--;
	if (before >= 0 && before != first - 1 && code_is_op(tokens, before, '?'))
		before--;
	bool colon = code_is_op(tokens, first - 1, ':') || scan->language->id == LANGUAGE_GO;
	if (colon && code_is_name(tokens, before) && !is_self(scan, before))
		scan_declare(scan, scan_hash(scan, before), holds, 0);
}

struct parameter {
	struct code_scan *scan;
	uint64_t function;
	uint32_t index;
	struct buf *names;
};

/* What its annotation says: a type that is none of a client's is something else. */
static enum code_holds annotated(struct code_scan *scan, int32_t from, int32_t end)
{
	for (int32_t i = from; i < end; i++) {
		if (!code_is_name(scan->tokens, i))
			continue;
		enum code_holds holds = type_holds(scan, i);
		if (holds != HOLDS_UNKNOWN)
			return holds;
	}
	return code_is_one_of(
		   scan->tokens, from,
		   "str int float bool dict list set tuple bytes Dict List Mapping Response "
		   "string number boolean object Record Map Array array")
		   ? HOLDS_OTHER
		   : HOLDS_UNKNOWN;
}

static int32_t parameter_name(const struct code_scan *scan, int32_t from, int32_t end,
			      int32_t *type)
{
	int32_t name = CODE_NONE;
	*type = CODE_NONE;
	for (int32_t i = from; i < end; i++) {
		if (code_is_op(scan->tokens, i, '='))
			break;
		if (code_is_op(scan->tokens, i, ':')) {
			*type = i + 1;
			break;
		}
		if (!code_is_name(scan->tokens, i))
			continue;
		/* Go tells the name first, C# and PHP last. */
		if (scan->language->id == LANGUAGE_GO && name != CODE_NONE)
			break;
		name = i;
	}
	if (scan->language->id != LANGUAGE_PYTHON && scan->language->id != LANGUAGE_JAVASCRIPT)
		*type = from;
	return name;
}

static void declare_parameter(struct parameter *parameter, int32_t from, int32_t end)
{
	struct code_scan *scan = parameter->scan;
	int32_t type, name = parameter_name(scan, from, end, &type);
	if (name == CODE_NONE)
		return;
	struct str text = code_token_text(scan->tokens, name);
	uint64_t hash = str_hash(text);
	if (is_self(scan, name))
		return;
	buf_char(parameter->names, ',');
	buf_str_put(parameter->names, text);
	enum code_holds holds = type == CODE_NONE ? HOLDS_UNKNOWN : annotated(scan, type, end);
	uint64_t cond = code_name3('P', parameter->function, parameter->index++);
	if (holds == HOLDS_UNKNOWN && (scan->mentions || code_name_holds(text) == HOLDS_PIPE))
		holds = code_name_holds(text);
	if (holds != HOLDS_UNKNOWN) {
		scan_declare(scan, hash, holds, 0);
		return;
	}
	scan_declare(scan, hash, HOLDS_UNKNOWN, cond);
	if (parameter->function)
		scan_fact(scan, cond, code_name3('K', parameter->function, hash));
}

void scan_params(struct code_scan *scan, int32_t open, uint64_t function)
{
	char text[160];
	struct buf names = buf_over(text, sizeof text);
	struct parameter parameter = { scan, function, 0, &names };
	int32_t close = scan->at[open].match, from = open + 1;
	while (close != CODE_NONE && from < close) {
		int32_t end = scan_arg_end(scan, from, close);
		declare_parameter(&parameter, from, end);
		from = end + 1;
	}
	if (names.len && !names.overflow)
		scan_block(scan)->params = code_intern(scan->code, buf_str(&names));
}
