/* The patterns of a tree: who writes and reads each, with which commands. */
#include <stdlib.h>

#include "audit/code_impl.h"
#include "base/buf.h"
#include "base/check.h"

/* ---- order ---- */

static int by_path(const void *a, const void *b, void *ctx)
{
	const struct code *code = ctx;
	const struct code_use *x = &code->uses[*(const uint32_t *)a];
	const struct code_use *y = &code->uses[*(const uint32_t *)b];
	if (x->file != y->file) {
		int order = str_cmp(code_text(code, code->files[x->file].path),
				    code_text(code, code->files[y->file].path));
		return order ? order : (x->file < y->file ? -1 : 1);
	}
	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static enum status make_order(struct code *code)
{
	code->order = calloc(code->n_uses + 1, sizeof *code->order);
	if (!code->order)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < code->n_uses; i++)
		if (code->uses[i].flags & USE_REAL)
			code->order[code->n_order++] = (uint32_t)i;
	qsort_r(code->order, code->n_order, sizeof *code->order, by_path, code);
	return STATUS_OK;
}

/* ---- what a use does with its key ---- */

static void settle_use(struct code_use *use)
{
	uint32_t traits = code_method_at(use->method)->traits;
	bool answered = use->flags & USE_ANSWERED;
	if (use->flags & USE_TARGET) {
		use->flags |= USE_WRITES;
		return;
	}
	if (traits & METHOD_WRITES)
		use->flags |= USE_WRITES;
	if (traits & METHOD_READS)
		use->flags |= USE_READS;
	if (traits & METHOD_EXPIRES)
		use->flags |= USE_EXPIRES;
	if (traits & METHOD_ONCE)
		use->flags |= USE_ONCE;
	if (answered && ((traits & METHOD_ANSWERS) || (use->flags & USE_ONCE)))
		use->flags |= USE_READS;
}

/* ---- keys ---- */

/* {symbol}_{tf} and {s}_{timeframe} are one; {key} and {name} alone need not be. */
static uint32_t family_of(struct code *code, uint32_t pattern)
{
	char text[CODE_PATTERN_MAX];
	struct buf out = buf_over(text, sizeof text);
	code_normalise(code_text(code, pattern), &out);
	if (out.overflow || str_eq(buf_str(&out), STR("{}")))
		return pattern;
	return code_intern(code, buf_str(&out));
}

static void add_use(const struct code *code, struct code_key *key, const struct code_use *use)
{
	const struct code_method *method = code_method_at(use->method);
	if (method->type != AUDIT_TYPES)
		key->types |= 1u << method->type;
	key->removes |= (method->traits & METHOD_REMOVES) != 0;
	key->expires |= (use->flags & USE_EXPIRES) != 0;
	bool text = method->type == AUDIT_STRING;
	if (method->traits & METHOD_POPS)
		key->use = AUDIT_USE_queue;
	else if (key->use != AUDIT_USE_queue && text && (use->flags & USE_ONCE) &&
		 (use->flags & USE_EXPIRES))
		key->use = AUDIT_USE_lock;
	else if (key->use == AUDIT_USE_unknown && (method->traits & METHOD_COUNTS))
		key->use = AUDIT_USE_counter;
	(void)code;
}

struct places {
	struct code *code;
	uint32_t *ids; /* texts "file:line" */
	size_t count, room;
	bool failed;
};

static void add_place(struct places *places, const struct code_use *use, size_t first)
{
	struct code *code = places->code;
	char text[600];
	struct buf out = buf_over(text, sizeof text);
	struct str path = code_text(code, code->files[use->file].path);
	if (places->count - first >= CODE_PLACES_MAX)
		return;
	buf_str_put(&out, path.len > 560 ? str_skip(path, path.len - 560) : path);
	buf_printf(&out, ":%u", use->line);
	uint32_t id = code_intern(code, buf_str(&out));
	if (!id || (places->count > first && places->ids[places->count - 1] == id))
		return;
	if (places->count == places->room) {
		size_t room = places->room ? places->room * 2 : 1024;
		uint32_t *more = realloc(places->ids, room * sizeof *more);
		places->failed |= !more;
		if (!more)
			return;
		places->ids = more;
		places->room = room;
	}
	places->ids[places->count++] = id;
}

/* Uses of one family lie together, each in the order of the files. */
static int by_family(const void *a, const void *b, void *ctx)
{
	const struct code *code = ctx;
	const struct code_use *x = &code->uses[code->order[*(const uint32_t *)a]];
	const struct code_use *y = &code->uses[code->order[*(const uint32_t *)b]];
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static int by_pattern(const void *a, const void *b)
{
	return strcmp(((const struct code_key *)a)->pattern, ((const struct code_key *)b)->pattern);
}

struct gathering {
	struct code *code;
	const uint32_t *group;
	size_t count;
	struct places *places;
	struct code_key *key;
	uint32_t pattern;
};

/* n_writers and n_readers are counted here; where they lie is set when all are known. */
static void gather_key(struct gathering *g)
{
	struct code *code = g->code;
	size_t first = g->places->count;
	for (size_t i = 0; i < g->count; i++)
		add_use(code, g->key, &code->uses[code->order[g->group[i]]]);
	for (int side = 0; side < 2; side++) {
		size_t from = g->places->count;
		for (size_t i = 0; i < g->count; i++) {
			const struct code_use *use = &code->uses[code->order[g->group[i]]];
			if (use->flags & (side ? USE_READS : USE_WRITES))
				add_place(g->places, use, from);
		}
		if (side)
			g->key->n_readers = g->places->count - from;
		else
			g->key->n_writers = g->places->count - from;
	}
	CHECK(g->places->count == first + g->key->n_writers + g->key->n_readers);
}

static enum status set_places(struct code *code, struct places *places, const uint32_t *patterns)
{
	size_t at = 0;
	code->places = calloc(places->count + 1, sizeof *code->places);
	if (!code->places)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < places->count; i++)
		code->places[i] = code_text(code, places->ids[i]).ptr;
	for (size_t i = 0; i < code->summary.n_keys; i++) {
		struct code_key *key = &code->keys[i];
		key->pattern = code_text(code, patterns[i]).ptr;
		key->writers = code->places + at;
		key->readers = key->writers + key->n_writers;
		at += key->n_writers + key->n_readers;
		enum audit_use named = code_use_of(str_of(key->pattern));
		if (key->use == AUDIT_USE_unknown || named == AUDIT_USE_lock ||
		    (key->use == AUDIT_USE_counter && named == AUDIT_USE_rate_limit))
			key->use = named;
	}
	qsort(code->keys, code->summary.n_keys, sizeof *code->keys, by_pattern);
	code->summary.keys = code->keys;
	return STATUS_OK;
}

static enum status gather(struct code *code, uint32_t *group, size_t count, uint32_t *patterns)
{
	struct places places = { .code = code };
	size_t *n = &code->summary.n_keys;
	for (size_t i = 0, end; i < count; i = end) {
		const struct code_use *use = &code->uses[code->order[group[i]]];
		for (end = i; end < count; end++)
			if (code->uses[code->order[group[end]]].family != use->family)
				break;
		if (*n == CODE_KEYS_MAX) {
			code->lost += (int64_t)(end - i);
			continue;
		}
		patterns[*n] = use->key;
		code->keys[*n] = (struct code_key){ .use = AUDIT_USE_unknown };
		struct gathering g = {
			code, group + i, end - i, &places, &code->keys[*n], use->key
		};
		gather_key(&g);
		(*n)++;
	}
	enum status status = places.failed ? STATUS_NO_MEMORY : set_places(code, &places, patterns);
	free(places.ids);
	return status;
}

static enum status make_keys(struct code *code)
{
	uint32_t *group = calloc(code->n_order + 1, sizeof *group);
	size_t room = code->n_order < CODE_KEYS_MAX ? code->n_order + 1 : CODE_KEYS_MAX;
	uint32_t *patterns = calloc(room, sizeof *patterns);
	enum status status = STATUS_NO_MEMORY;
	size_t count = 0;
	code->keys = calloc(room, sizeof *code->keys);
	if (group && patterns && code->keys) {
		for (size_t i = 0; i < code->n_order; i++) {
			struct code_use *use = &code->uses[code->order[i]];
			settle_use(use);
			use->family = use->key ? family_of(code, use->key) : 0;
			if (use->family)
				group[count++] = (uint32_t)i;
		}
		qsort_r(group, count, sizeof *group, by_family, code);
		status = gather(code, group, count, patterns);
	}
	free(group);
	free(patterns);
	return status;
}

/* ---- calls ---- */

static int by_call(const void *a, const void *b)
{
	return strcmp(((const struct code_call *)a)->name, ((const struct code_call *)b)->name);
}

static enum status make_calls(struct code *code)
{
	size_t n = code_methods() * 2;
	int64_t *counts = calloc(n, sizeof *counts);
	code->calls = calloc(n, sizeof *code->calls);
	if (!counts || !code->calls) {
		free(counts);
		return STATUS_NO_MEMORY;
	}
	for (size_t i = 0; i < code->n_order; i++) {
		const struct code_use *use = &code->uses[code->order[i]];
		if (!(use->flags & USE_MORE))
			counts[use->method * 2 + (use->flags & USE_ASYNC ? 1 : 0)]++;
	}
	for (size_t i = 0; i < n; i++) {
		char text[40];
		struct buf out = buf_over(text, sizeof text);
		if (!counts[i])
			continue;
		buf_printf(&out, "%s%s", code_method_at(i / 2)->name, i & 1 ? "async" : "");
		uint32_t id = code_intern(code, buf_str(&out));
		code->calls[code->summary.n_calls].count = counts[i];
		code->calls[code->summary.n_calls++].name = (const char *)(uintptr_t)id;
	}
	free(counts);
	return STATUS_OK;
}

/* Texts move while more are added: their places are taken at the end. */
static void name_calls(struct code *code)
{
	for (size_t i = 0; i < code->summary.n_calls; i++)
		code->calls[i].name = code_text(code, (uint32_t)(uintptr_t)code->calls[i].name).ptr;
	qsort(code->calls, code->summary.n_calls, sizeof *code->calls, by_call);
	code->summary.calls = code->calls;
}

enum status code_settle_keys(struct code *code)
{
	for (size_t i = 0; i < code->n_makings; i++)
		code->summary.constructors += (code->makings[i].flags & MAKING_COUNTS) != 0;
	enum status status = make_order(code);
	if (!status)
		status = make_calls(code);
	if (!status)
		status = make_keys(code);
	if (!status)
		name_calls(code);
	return status;
}
