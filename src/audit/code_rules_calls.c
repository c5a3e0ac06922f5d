/* Rules of single calls, and of calls that follow each other in a function. */
#include <stdlib.h>

#include "audit/code_rules.h"

enum { GETS_IN_A_ROW = 3, SINGLES_IN_A_ROW = 2 };

/* What was last done to a key in a function. */
struct last {
	uint32_t function;
	bool removed, counted, set;
};

static const struct code_use *use_at(const struct code_hits *hits, size_t place)
{
	return &hits->code->uses[hits->code->order[place]];
}

static uint32_t traits_of(const struct code_use *use)
{
	return code_method_at(use->method)->traits;
}

static bool is_known(const struct code *code, const struct code_use *use)
{
	return use->key && !str_eq(code_text(code, use->key), STR("{?}"));
}

/* ---- one call ---- */

static void one_call(struct code_hits *hits, const struct code_use *use)
{
	const struct code *code = hits->code;
	uint32_t traits = traits_of(use);
	bool first = !(use->flags & USE_MORE), direct = use->holds == HOLDS_CLIENT;
	if (first && direct && (use->flags & USE_LOOP) && !(traits & METHOD_WAITS))
		code_hit(hits, CODE_KIND_LOOP, use->file, use->line);
	if (first && (traits & METHOD_NAMES))
		code_hit(hits, CODE_KIND_NAMES, use->file, use->line);
	bool text = code_method_at(use->method)->type == AUDIT_STRING;
	if (first && text && (traits & METHOD_SETS) && !(use->flags & USE_ONCE) &&
	    code_is_lock(code_text(code, use->key)))
		code_hit(hits, CODE_KIND_LOCKED, use->file, use->line);
	if (direct && (use->flags & USE_DERIVED) && !(use->flags & USE_ONCE))
		code_hit(hits, CODE_KIND_CHANGED, use->file, use->line);
}

/* ---- two calls ---- */

static void two_calls(struct code_hits *hits, const struct code_use *use, struct last *last)
{
	uint32_t traits = traits_of(use);
	bool text = code_method_at(use->method)->type == AUDIT_STRING;
	if (use->holds != HOLDS_CLIENT || !is_known(hits->code, use))
		return;
	struct last *key = &last[use->key];
	if (key->function != use->function)
		*key = (struct last){ .function = use->function };
	if (traits & METHOD_REMOVES) {
		*key = (struct last){ .function = use->function, .removed = true };
	} else if ((traits & METHOD_PUSHES) && key->removed) {
		code_hit(hits, CODE_KIND_REPLACED, use->file, use->line);
		key->removed = false;
	} else if ((traits & METHOD_AFTER) && (key->counted || key->set)) {
		code_hit(hits, key->counted ? CODE_KIND_COUNTED : CODE_KIND_EXPIRED, use->file,
			 use->line);
		key->counted = key->set = false;
	}
	if (traits & METHOD_COUNTS)
		key->counted = true;
	if (text && (traits & METHOD_SETS))
		key->set = !(use->flags & USE_EXPIRES);
}

/* ---- calls in a row ---- */

static bool follows(const struct code_use *a, const struct code_use *b)
{
	return a->file == b->file && a->function == b->function && a->block == b->block &&
	       b->statement - a->statement <= 1;
}

static bool single(const struct code_use *use)
{
	return (use->flags & USE_ONE) && use->holds == HOLDS_CLIENT && use->key;
}

static bool get(const struct code_use *use)
{
	return (traits_of(use) & METHOD_GETS) && use->holds == HOLDS_CLIENT &&
	       !(use->flags & USE_MORE) && use->key;
}

static void end_run(struct code_hits *hits, size_t from, size_t end, enum code_kind kind,
		    size_t least)
{
	for (size_t i = from; end - from >= least && i < end; i++)
		code_hit(hits, kind, use_at(hits, i)->file, use_at(hits, i)->line);
}

static void runs(struct code_hits *hits, bool gets)
{
	size_t from = 0, n = hits->code->n_order;
	enum code_kind kind = gets ? CODE_KIND_GETS : CODE_KIND_SINGLES;
	size_t least = gets ? GETS_IN_A_ROW : SINGLES_IN_A_ROW;
	for (size_t i = 0; i < n; i++) {
		const struct code_use *use = use_at(hits, i);
		bool fits = gets ? get(use) : single(use);
		if (fits && from < i) {
			const struct code_use *before = use_at(hits, i - 1);
			fits = follows(before, use);
			if (!gets)
				fits = fits && before->method == use->method &&
				       before->key == use->key;
			if (!fits) {
				end_run(hits, from, i, kind, least);
				from = i;
			}
		} else if (!fits) {
			end_run(hits, from, i, kind, least);
			from = i + 1;
		}
	}
	end_run(hits, from, n, kind, least);
}

/* ---- connections ---- */

static void makings(struct code_hits *hits)
{
	const struct code *code = hits->code;
	uint32_t file = UINT32_MAX;
	uint8_t decodes = 0;
	for (size_t i = 0; i < code->n_makings; i++) {
		const struct code_making *making = &code->makings[i];
		if (!(making->flags & MAKING_CLIENT))
			continue;
		if (making->flags & MAKING_NO_POOL)
			code_hit(hits, CODE_KIND_NO_POOL, making->file, making->line);
		if (making->flags & MAKING_NO_TIMEOUT)
			code_hit(hits, CODE_KIND_NO_TIMEOUT, making->file, making->line);
		if (making->flags & MAKING_HOST)
			code_hit(hits, CODE_KIND_HOST, making->file, making->line);
		if (making->file == file && (making->flags & MAKING_DECODES) != decodes)
			code_hit(hits, CODE_KIND_MIXED, making->file, making->line);
		else if (making->file != file)
			decodes = making->flags & MAKING_DECODES;
		file = making->file;
	}
}

static void handlers(struct code_hits *hits)
{
	const struct code *code = hits->code;
	for (size_t i = 0; i < code->n_handlers; i++) {
		const struct code_handler *handler = &code->handlers[i];
		bool real = false;
		for (uint32_t u = handler->first; u < handler->end && !real; u++)
			real = code->uses[u].flags & USE_REAL;
		if (real)
			code_hit(hits, CODE_KIND_SWALLOWED, handler->file, handler->line);
	}
}

void code_rules_calls(struct code_hits *hits)
{
	const struct code *code = hits->code;
	struct last *last = calloc((size_t)code->pool.count + 1, sizeof *last);
	for (size_t i = 0; i < code->n_order; i++) {
		one_call(hits, use_at(hits, i));
		if (last)
			two_calls(hits, use_at(hits, i), last);
	}
	free(last);
	runs(hits, false);
	runs(hits, true);
	makings(hits);
	handlers(hits);
}
