/* Once all files were read: which names are clients after all, and what keys' texts are. */
#include <stdlib.h>

#include "audit/code_impl.h"
#include "base/buf.h"

enum { PASSES = 4 };

/* ---- facts ---- */

void code_settle_facts(struct code *code)
{
	bool more = true;
	for (int round = 0; round < CODE_ROUNDS && more; round++) {
		more = false;
		for (size_t i = 0; i < code->n_facts; i++) {
			const struct code_fact *fact = &code->facts[i];
			if (code_set_has(&code->known, fact->fact) ||
			    (fact->cond && !code_set_has(&code->known, fact->cond)))
				continue;
			more |= code_set_add(&code->known, fact->fact, CODE_FACTS_MAX);
		}
	}
	for (size_t i = 0; i < code->n_uses; i++)
		if (!code->uses[i].cond || code_set_has(&code->known, code->uses[i].cond))
			code->uses[i].flags |= USE_REAL;
}

/* ---- constants ---- */

static int by_name(const void *a, const void *b)
{
	const struct code_constant *x = a, *y = b;
	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return x->file < y->file ? -1 : x->file > y->file;
}

/* In the same file, or the only one there is. */
static const struct code_constant *find(const struct code *code, uint64_t name, uint32_t file)
{
	size_t low = 0, high = code->n_constants;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (code->constants[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	const struct code_constant *only = NULL;
	for (int steps = 0; low < code->n_constants && code->constants[low].name == name; low++) {
		const struct code_constant *constant = &code->constants[low];
		if (constant->file == file)
			return constant;
		if ((only && only->text != constant->text) || steps++ > 256)
			return NULL;
		only = constant;
	}
	return only;
}

static const struct code_constant *find_ref(const struct code *code, struct str ref, uint32_t file)
{
	bool call = ref.len > 2 && ref.ptr[ref.len - 1] == ')';
	if (call)
		ref.len -= 2;
	size_t dot = str_find_char(ref, '.');
	struct str owner = str_make(ref.ptr, dot < ref.len ? dot : 0);
	uint64_t name = code_mix(str_hash(dot < ref.len ? str_skip(ref, dot + 1) : ref), call);
	const struct code_constant *constant = NULL;
	if (owner.len)
		constant = find(code, code_name3('C', str_hash(owner), name), file);
	return constant ? constant : find(code, code_name3('C', 0, name), file);
}

/* ---- texts ---- */

struct reference {
	struct str name, other, args; /* args: each behind MARK_ARG */
};

static size_t read_ref(struct str text, size_t at, struct reference *ref)
{
	size_t end = at, otherwise, args;
	while (end < text.len && text.ptr[end] != MARK_END)
		end++;
	for (otherwise = at; otherwise < end && text.ptr[otherwise] != MARK_ELSE;)
		otherwise++;
	for (args = otherwise; args < end && text.ptr[args] != MARK_ARG;)
		args++;
	ref->name = str_make(text.ptr + at + 1, otherwise - at - 1);
	ref->other =
	    str_make(text.ptr + otherwise + 1, args > otherwise ? args - otherwise - 1 : 0);
	ref->args = str_make(text.ptr + args, end - args);
	return end + 1 < text.len ? end + 1 : text.len;
}

/* The constant that was passed for a parameter. */
static bool argument_of(struct str params, struct str args, struct str name, struct str *value)
{
	struct str param;
	if (!args.len || !params.len)
		return false;
	params = str_skip(params, 1);
	args = str_skip(args, 1);
	while (str_split(&params, ',', &param)) {
		struct str arg;
		if (!str_split(&args, MARK_ARG, &arg))
			return false;
		if (str_eq(param, name)) {
			*value = arg;
			return arg.len > 0;
		}
	}
	return false;
}

static void put_constant(const struct code *code, const struct code_constant *constant,
			 const struct reference *ref, struct buf *out)
{
	struct str text = code_text(code, constant->text), value;
	struct str params = constant->params > 1 ? code_text(code, constant->params) : STR("");
	for (size_t i = 0; i < text.len; i++) {
		size_t end = i + 1;
		if (text.ptr[i] != MARK_NAME) {
			buf_char(out, text.ptr[i]);
			continue;
		}
		while (end < text.len && text.ptr[end] != MARK_END)
			end++;
		if (argument_of(params, ref->args, str_make(text.ptr + i + 1, end - i - 1), &value))
			buf_str_put(out, value);
		else
			buf_put(out, text.ptr + i, (end < text.len ? end + 1 : end) - i);
		i = end;
	}
}

static bool expand(const struct code *code, struct str text, uint32_t file, bool last,
		   struct buf *out)
{
	bool more = false;
	for (size_t i = 0; i < text.len;) {
		struct reference ref;
		if (text.ptr[i] != MARK_REF) {
			buf_char(out, text.ptr[i++]);
			continue;
		}
		i = read_ref(text, i, &ref);
		const struct code_constant *constant = last ? NULL : find_ref(code, ref.name, file);
		if (constant) {
			put_constant(code, constant, &ref, out);
			more = true;
		} else {
			buf_char(out, MARK_NAME);
			buf_str_put(out, ref.other);
			buf_char(out, MARK_END);
		}
	}
	return more;
}

/* Marks become {name}; places of formats that nobody filled become {?}. */
static void print(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : 0;
		if (c == MARK_NAME) {
			buf_char(out, '{');
		} else if (c == MARK_END) {
			buf_char(out, '}');
		} else if (c == '%' && (next == 's' || next == 'd' || next == 'v')) {
			buf_put(out, "{?}", 3);
			i++;
		} else if (c == '{' && next == '}') {
			buf_put(out, "{?}", 3);
			i++;
		} else if ((unsigned char)c > MARK_ARG) {
			buf_char(out, c);
		}
	}
}

static uint32_t pattern_of(struct code *code, uint32_t key, uint32_t file)
{
	char a[4 * CODE_PATTERN_MAX], b[4 * CODE_PATTERN_MAX], printed[CODE_PATTERN_MAX];
	struct buf from = buf_over(a, sizeof a), to = buf_over(b, sizeof b);
	struct buf out = buf_over(printed, sizeof printed);
	buf_str_put(&from, code_text(code, key));
	for (int pass = 0; pass <= PASSES; pass++) {
		buf_clear(&to);
		bool more = expand(code, buf_str(&from), file, pass == PASSES, &to);
		buf_clear(&from);
		buf_str_put(&from, buf_str(&to));
		if (!more)
			break;
	}
	print(buf_str(&from), &out);
	if (out.overflow || from.overflow || to.overflow)
		return code_intern(code, STR("{?}"));
	return code_intern(code, buf_str(&out));
}

void code_settle_patterns(struct code *code)
{
	uint32_t last_key = 0, last_file = 0, last_pattern = 0;
	if (code->n_constants)
		qsort(code->constants, code->n_constants, sizeof *code->constants, by_name);
	for (size_t i = 0; i < code->n_uses; i++) {
		struct code_use *use = &code->uses[i];
		if (!use->key || !(use->flags & USE_REAL))
			continue;
		if (use->key != last_key || use->file != last_file) {
			last_key = use->key;
			last_file = use->file;
			last_pattern = pattern_of(code, use->key, use->file);
		}
		use->key = last_pattern;
	}
}
