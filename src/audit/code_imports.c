/* import … from …, require(…), use …: which names are a Redis package's, or another file's. */
#include "audit/code_scan.h"

/* The last part of a module's path without its ending: a/b/db.js, a.b.db → db. */
static struct str module_name(struct str path)
{
	size_t start = path.len;
	struct str end = path;
	static const char *const endings[] = { ".js", ".ts", ".mjs", ".cjs", ".php" };
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		struct str ending = str_of(endings[i]);
		if (end.len > ending.len && str_eq(str_skip(end, end.len - ending.len), ending))
			end.len -= ending.len;
	}
	start = end.len;
	while (start && end.ptr[start - 1] != '/' && end.ptr[start - 1] != '.' &&
	       end.ptr[start - 1] != '\\')
		start--;
	return str_skip(end, start);
}

static void bind(struct code_scan *scan, int32_t name, enum code_holds holds, uint64_t cond,
		 uint64_t module)
{
	scan_declare(scan, scan_hash(scan, name), holds, cond);
	struct code_symbol *symbol =
	    scan_find(scan, scan_block(scan)->scope, scan_hash(scan, name));
	if (symbol)
		symbol->module = module;
}

/* `original` of the package or module at path, bound as `name`. */
static void bind_from(struct code_scan *scan, struct str path, int32_t original, int32_t name)
{
	struct str text = code_token_text(scan->tokens, original);
	if (code_package(scan->language, path)) {
		bool maker = code_maker_find(scan->language, text);
		bind(scan, name, maker ? HOLDS_MAKER : HOLDS_PACKAGE, 0, str_hash(text));
		return;
	}
	uint64_t cond = code_name3('E', str_hash(module_name(path)), str_hash(text));
	bind(scan, name, HOLDS_MODULE, cond, str_hash(text));
}

static struct str span(const struct code_scan *scan, int32_t first, int32_t last)
{
	const struct code_token *a = &scan->at[first], *b = &scan->at[last];
	return str_make(scan->tokens->text.ptr + a->at, b->at + b->len - a->at);
}

static bool on_line(const struct code_scan *scan, int32_t index)
{
	return index < scan->tokens->count && !(scan->at[index].flags & TOKEN_FIRST);
}

/* from a.b import (c as d, e) */
static void python_from(struct code_scan *scan, int32_t at)
{
	int32_t first = at + 1, last = first;
	while (on_line(scan, last + 1) && !code_is_word(scan->tokens, last + 1, "import"))
		last++;
	if (!code_is_word(scan->tokens, last + 1, "import"))
		return;
	struct str path = span(scan, first, last);
	int32_t i = last + 2, end = scan->tokens->count;
	if (code_is_op(scan->tokens, i, '(') && scan->at[i].match != CODE_NONE)
		end = scan->at[i++].match;
	else
		while (i < end && !on_line(scan, i))
			return;
	bool line_only = end == scan->tokens->count;
	for (int32_t steps = 0; i < end && (!line_only || on_line(scan, i)) && steps < 256;
	     steps++) {
		int32_t name = i;
		if (code_is_word(scan->tokens, i + 1, "as") && code_is_name(scan->tokens, i + 2))
			name = i + 2;
		if (code_is_name(scan->tokens, i))
			bind_from(scan, path, i, name);
		i = name + 1;
		if (code_is_op(scan->tokens, i, ','))
			i++;
	}
}

/* import a.b as c, d */
static void python_import(struct code_scan *scan, int32_t at)
{
	int32_t i = at + 1;
	for (int steps = 0; steps < 64 && on_line(scan, i) && code_is_name(scan->tokens, i);
	     steps++) {
		int32_t last = i;
		while (code_is_op(scan->tokens, last + 1, OP_MEMBER) &&
		       code_is_name(scan->tokens, last + 2))
			last += 2;
		struct str path = span(scan, i, last);
		bool as = code_is_word(scan->tokens, last + 1, "as") &&
			  code_is_name(scan->tokens, last + 2);
		int32_t name = as ? last + 2 : i;
		if (code_package(scan->language, path))
			bind(scan, name, HOLDS_PACKAGE, 0, 0);
		else
			bind(scan, name, HOLDS_MODULE, 0, str_hash(module_name(path)));
		i = (as ? last + 2 : last) + 1;
		if (!code_is_op(scan->tokens, i, ','))
			return;
		i++;
	}
}

/* { a, b as c, d: e } of the module at path. */
static void bind_braces(struct code_scan *scan, int32_t open, struct str path)
{
	int32_t end = scan->at[open].match;
	for (int32_t i = open + 1, steps = 0; i < end && steps < 128; steps++) {
		int32_t name = i;
		if ((code_is_word(scan->tokens, i + 1, "as") ||
		     code_is_op(scan->tokens, i + 1, ':')) &&
		    code_is_name(scan->tokens, i + 2))
			name = i + 2;
		if (code_is_name(scan->tokens, i))
			bind_from(scan, path, i, name);
		i = name + 1;
	}
}

static void bind_default(struct code_scan *scan, int32_t name, struct str path)
{
	if (code_package(scan->language, path))
		bind(scan, name, HOLDS_PACKAGE, 0, 0);
	else
		bind(scan, name, HOLDS_MODULE,
		     code_name3('E', str_hash(module_name(path)), str_hash(STR("default"))),
		     str_hash(module_name(path)));
}

/* import x, { y } from "path" */
static void javascript_import(struct code_scan *scan, int32_t at)
{
	int32_t path = at + 1, limit = at + 400;
	while (path < scan->tokens->count && path < limit && scan->at[path].kind != TOKEN_TEXT)
		path++;
	if (path >= scan->tokens->count || path == limit)
		return;
	struct str text = code_token_text(scan->tokens, path);
	scan->at[path].flags |= TOKEN_USED;
	for (int32_t i = at + 1; i < path; i++) {
		if (code_is_op(scan->tokens, i, '{') && scan->at[i].match != CODE_NONE) {
			bind_braces(scan, i, text);
			i = scan->at[i].match;
		} else if (code_is_name(scan->tokens, i) &&
			   !code_is_one_of(scan->tokens, i, "from as type")) {
			bind_default(scan, i, text);
		}
	}
}

/* const x = require("path"), const { y } = require("path") */
static bool javascript_require(struct code_scan *scan, int32_t at)
{
	int32_t target = at + 1, is = CODE_NONE;
	if (!code_is_one_of(scan->tokens, at, "const let var"))
		return false;
	if (code_is_op(scan->tokens, target, '{'))
		is = scan->at[target].match == CODE_NONE ? CODE_NONE : scan->at[target].match + 1;
	else
		is = target + 1;
	if (is == CODE_NONE || !code_is_op(scan->tokens, is, '=') ||
	    !code_is_word(scan->tokens, is + 1, "require") ||
	    !code_is_op(scan->tokens, is + 2, '(') || is + 3 >= scan->tokens->count ||
	    scan->at[is + 3].kind != TOKEN_TEXT)
		return false;
	struct str path = code_token_text(scan->tokens, is + 3);
	scan->at[is + 3].flags |= TOKEN_USED;
	if (code_is_op(scan->tokens, target, '{'))
		bind_braces(scan, target, path);
	else
		bind_default(scan, target, path);
	return true;
}

/* import ( rds "github.com/…" ) */
static void go_import(struct code_scan *scan, int32_t at)
{
	int32_t i = at + 1, end = i + 2;
	if (code_is_op(scan->tokens, i, '(') && scan->at[i].match != CODE_NONE)
		end = scan->at[i++].match;
	for (; i < end && i < scan->tokens->count; i++) {
		if (scan->at[i].kind != TOKEN_TEXT)
			continue;
		struct str path = code_token_text(scan->tokens, i);
		scan->at[i].flags |= TOKEN_USED;
		if (code_package(scan->language, path)) {
			bool alias = code_is_name(scan->tokens, i - 1) && i - 1 > at;
			uint64_t name = alias ? scan_hash(scan, i - 1) : str_hash(STR("redis"));
			scan_declare(scan, name, HOLDS_PACKAGE, 0);
		}
	}
}

/* use Predis\Client as C; */
static void php_use(struct code_scan *scan, int32_t at)
{
	int32_t last = at + 1;
	while (code_is_op(scan->tokens, last + 1, OP_MEMBER) &&
	       code_is_name(scan->tokens, last + 2))
		last += 2;
	if (!code_is_name(scan->tokens, at + 1) ||
	    !code_package(scan->language, code_token_text(scan->tokens, at + 1)))
		return;
	bool as =
	    code_is_word(scan->tokens, last + 1, "as") && code_is_name(scan->tokens, last + 2);
	struct str text = code_token_text(scan->tokens, last);
	bool maker = code_maker_find(scan->language, text);
	bind(scan, as ? last + 2 : last, maker ? HOLDS_MAKER : HOLDS_PACKAGE, 0, str_hash(text));
}

/* Is the statement that starts here an import? */
bool scan_import(struct code_scan *scan, int32_t start)
{
	const struct code_tokens *tokens = scan->tokens;
	bool import = code_is_word(tokens, start, "import");
	switch (scan->language->id) {
	case LANGUAGE_PYTHON:
		if (code_is_word(tokens, start, "from"))
			python_from(scan, start);
		else if (import)
			python_import(scan, start);
		return import || code_is_word(tokens, start, "from");
	case LANGUAGE_JAVASCRIPT:
		if (import && !code_is_op(tokens, start + 1, '('))
			javascript_import(scan, start);
		else
			return javascript_require(scan, start);
		return true;
	case LANGUAGE_GO:
		if (import)
			go_import(scan, start);
		return import;
	case LANGUAGE_PHP:
		if (code_is_word(tokens, start, "use"))
			php_use(scan, start);
		return code_is_word(tokens, start, "use");
	default: return code_is_word(tokens, start, "using") && code_is_name(tokens, start + 1);
	}
}
