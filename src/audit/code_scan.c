/* One file, from its first token to its last. */
#include "audit/code_scan.h"

#include <stdlib.h>

#include "base/check.h"

/* ---- statements ---- */

/* return TEXT, return client */
static void end_return(struct code_scan *scan, int32_t end)
{
	const struct code_block *block = scan_block(scan);
	int32_t from = scan->statement.start + 1;
	bool textual = false;
	if (!code_is_word(scan->tokens, scan->statement.start, "return") || !block->function_name ||
	    from >= end || end - from > 64)
		return;
	struct code_value value = scan_value(scan, from, end);
	if (value.holds == HOLDS_UNKNOWN && value.cond)
		value.holds = HOLDS_CLIENT;
	if (value.holds == HOLDS_CLIENT) {
		scan_fact(scan, code_name3('F', block->function_name, 0), value.cond);
		return;
	}
	if (value.holds != HOLDS_OTHER)
		return;
	uint32_t text = scan_text(scan, from, end, STR("?"), &textual);
	if (textual)
		scan_constant(scan, block->function_name, block->class_name, text,
			      block->params ? block->params : 1);
}

static void end_statement(struct code_scan *scan, int32_t end)
{
	if (scan->statement.start == CODE_NONE)
		return;
	if (scan->statement.assign != CODE_NONE)
		scan_end_assign(scan, &scan->statement, end);
	else
		end_return(scan, end);
	scan->statement.start = CODE_NONE;
}

/* A text that is a whole statement is documentation. */
static void mark_documentation(struct code_scan *scan, int32_t index)
{
	int32_t next = index + 1;
	if (scan->at[index].kind == TOKEN_TEXT &&
	    (next >= scan->tokens->count || (scan->at[next].flags & TOKEN_FIRST)))
		scan->at[index].flags |= TOKEN_USED;
}

static void begin_statement(struct code_scan *scan, int32_t index)
{
	scan->statement = (struct code_statement){
		.start = index, .assign = CODE_NONE, .target = CODE_NONE, .target_end = CODE_NONE
	};
	scan->n_statements++;
	scan->n_shadows = scan_block(scan)->shadows;
	mark_documentation(scan, index);
	if (!scan_import(scan, index))
		scan_begin_assign(scan, &scan->statement);
}

/* JavaScript, Go: does a line's end end the statement? */
static bool line_ends(const struct code_scan *scan, int32_t index)
{
	const struct code_token *token = &scan->at[index], *before = &scan->at[index - 1];
	if (!(scan->language->traits & LANGUAGE_LINES) || !(token->flags & TOKEN_FIRST) ||
	    index == 0 || scan->n_opens > scan_block(scan)->opens)
		return false;
	if (token->kind == TOKEN_OP && !strchr("([{}", token->op))
		return false;
	return before->kind != TOKEN_OP || strchr(")]}", before->op);
}

static void boundary(struct code_scan *scan, int32_t index)
{
	if (scan_python(scan)) {
		if (!(scan->at[index].flags & TOKEN_FIRST) || scan->n_opens > 0)
			return;
		end_statement(scan, index);
		scan_python_line(scan, index);
		begin_statement(scan, index);
	} else if (scan->statement.start == CODE_NONE) {
		if (!code_is_op(scan->tokens, index, '}') && !code_is_op(scan->tokens, index, ';'))
			begin_statement(scan, index);
	} else if (line_ends(scan, index)) {
		end_statement(scan, index);
		if (!code_is_op(scan->tokens, index, '}'))
			begin_statement(scan, index);
	}
}

/* ---- brackets ---- */

static bool calls(const struct code_scan *scan, int32_t open)
{
	return code_is_op(scan->tokens, open, '(') && code_is_name(scan->tokens, open - 1);
}

/* C#: HashGet<T>(…) has no name right before it; others do not need this. */
static int32_t unclosed_end(const struct code_scan *scan, int32_t open)
{
	int32_t end = open + 1;
	while (end < scan->tokens->count && end < open + 64 && !(scan->at[end].flags & TOKEN_FIRST))
		end++;
	return end;
}

static void open_bracket(struct code_scan *scan, int32_t index)
{
	if (code_is_op(scan->tokens, index, '{') && scan_is_block(scan, index)) {
		struct code_statement outer = scan->statement;
		scan_open_brace(scan, index);
		scan_block(scan)->outer = outer;
		if (scan->at[index].match != CODE_NONE && scan_block(scan)->brace == index)
			scan->statement.start = CODE_NONE;
		else
			end_statement(scan, index);
		return;
	}
	if (scan->at[index].match == CODE_NONE) {
		/* Never closed: what stands on the line is all there is. */
		if (calls(scan, index) && scan->tokens->count > index + 1)
			scan_call(scan, index - 1, index, unclosed_end(scan, index));
		return;
	}
	if (scan->n_opens < SCAN_OPENS)
		scan->opens[scan->n_opens++] = index;
}

static void drop_shadows(struct code_scan *scan)
{
	while (scan->n_shadows > scan_block(scan)->shadows &&
	       scan->shadows[scan->n_shadows - 1].opens > scan->n_opens)
		scan->n_shadows--;
}

/* The end of a block: the statement around goes on where it was inside of a call. */
static void close_block(struct code_scan *scan, int32_t index)
{
	end_statement(scan, index);
	struct code_statement outer = scan_block(scan)->outer;
	int opens = scan_block(scan)->opens;
	scan_pop_block(scan);
	bool inside = opens > scan_block(scan)->opens;
	scan->n_opens = opens;
	scan->function_word = CODE_NONE;
	scan->statement = outer;
	if (!inside && (outer.assign == CODE_NONE || code_is_op(scan->tokens, index + 1, ';')))
		end_statement(scan, index + 1);
}

static void close_bracket(struct code_scan *scan, int32_t index)
{
	int32_t open = scan->at[index].match;
	if (!scan_python(scan) && scan->depth > 0 && open != CODE_NONE &&
	    scan_block(scan)->brace == open) {
		close_block(scan, index);
		return;
	}
	if (open == CODE_NONE) {
		return;
	}
	if (scan->n_opens > scan_block(scan)->opens || scan_python(scan))
		while (scan->n_opens > 0 && scan->opens[scan->n_opens - 1] >= open)
			scan->n_opens--;
	if (calls(scan, open))
		scan_call(scan, open - 1, open, index);
	drop_shadows(scan);
}

/* ---- words ---- */

static void lambda(struct code_scan *scan, int32_t index)
{
	for (int32_t i = index + 1, steps = 0; i < scan->tokens->count && steps < 12;
	     i++, steps++) {
		scan->lambda_end = i;
		if (code_is_op(scan->tokens, i, ':'))
			return;
		if (code_is_name(scan->tokens, i))
			scan_shadow(scan, scan_hash(scan, i), code_token_text(scan->tokens, i));
	}
}

/* (a, b) => expression; with a block its scope declares them. */
static void arrow(struct code_scan *scan, int32_t index)
{
	int32_t last = index - 1, first = last;
	if (code_is_op(scan->tokens, index + 1, '{') || scan->language->id == LANGUAGE_PHP)
		return;
	if (code_is_op(scan->tokens, last, ')'))
		first = scan->at[last].match;
	for (int32_t i = first; first != CODE_NONE && i <= last && i < first + 16; i++)
		if (code_is_name(scan->tokens, i))
			scan_shadow(scan, scan_hash(scan, i), code_token_text(scan->tokens, i));
}

static int32_t with_word(const struct code_scan *scan)
{
	int32_t start = scan->statement.start;
	return code_is_word(scan->tokens, start, "async") ? start + 1 : start;
}

/* with … as NAME: */
static void bind_as(struct code_scan *scan, int32_t index)
{
	if (!scan_python(scan) || !code_is_name(scan->tokens, index + 1) ||
	    !code_is_one_of(scan->tokens, with_word(scan), "with except"))
		return;
	struct code_value value = { .holds = HOLDS_OTHER };
	if (scan->at[index - 1].value)
		value = scan_value_of(scan, index - 1);
	else if (code_is_name(scan->tokens, index - 1))
		value = scan_lookup(scan, scan_chain_start(scan, index - 1), index - 1);
	if (value.holds == HOLDS_UNKNOWN && value.cond)
		value.holds = HOLDS_CLIENT;
	if (value.holds != HOLDS_CLIENT && value.holds != HOLDS_PIPE)
		value.holds = HOLDS_OTHER;
	scan_declare(scan, scan_hash(scan, index + 1), value.holds, value.cond);
}

static void note_sleep(struct code_scan *scan)
{
	uint32_t loop = scan_block(scan)->loop;
	if (loop && scan->loops[loop].waits)
		scan->loops[loop].polls = true;
}

/* PHP: new Redis; without parentheses. */
static void bare_new(struct code_scan *scan, int32_t index)
{
	int32_t name = index + 1;
	while (code_is_op(scan->tokens, name + 1, OP_MEMBER) &&
	       code_is_name(scan->tokens, name + 2))
		name += 2;
	if (scan->language->id == LANGUAGE_PHP && code_is_name(scan->tokens, name) &&
	    !code_is_op(scan->tokens, name + 1, '(') && scan_make(scan, name, name, name))
		scan->at[name].value =
		    scan_new_value(scan, (struct code_value){ .holds = HOLDS_CLIENT });
}

static void word(struct code_scan *scan, int32_t index)
{
	if (code_is_word(scan->tokens, index, "lambda") && scan_python(scan))
		lambda(scan, index);
	else if (code_is_word(scan->tokens, index, "as"))
		bind_as(scan, index);
	else if (code_is_word(scan->tokens, index, "new"))
		bare_new(scan, index);
	else if (!scan_python(scan) && code_is_one_of(scan->tokens, index, "function func fn"))
		scan->function_word = index;
	else if (code_is_one_of(scan->tokens, index, "sleep Sleep usleep Delay setTimeout delay"))
		note_sleep(scan);
	else
		scan_typed(scan, index);
}

static void visit(struct code_scan *scan, int32_t index)
{
	const struct code_token *token = &scan->at[index];
	if (token->kind == TOKEN_NAME) {
		word(scan, index);
		return;
	}
	if (token->kind != TOKEN_OP)
		return;
	if (token->op == '(' || token->op == '[' || token->op == '{')
		open_bracket(scan, index);
	else if (token->op == ')' || token->op == ']' || token->op == '}')
		close_bracket(scan, index);
	else if (token->op == OP_ARROW)
		arrow(scan, index);
	else if (token->op == ',' && index > scan->lambda_end)
		while (scan->n_shadows > scan_block(scan)->shadows &&
		       scan->shadows[scan->n_shadows - 1].opens == scan->n_opens)
			scan->n_shadows--;
	if (token->op == ';') {
		scan->function_word = CODE_NONE;
		if (!scan_python(scan) && scan->n_opens <= scan_block(scan)->opens)
			end_statement(scan, index);
	}
}

/* ---- the file ---- */

/* Goes outwards: one loop through data makes it one round trip each. */
static bool in_data_loop(const struct code_scan *scan, uint32_t loop)
{
	for (int steps = 0; loop && steps < SCAN_BLOCKS; steps++) {
		if (scan->loops[loop].data && !scan->loops[loop].polls)
			return true;
		loop = scan->loops[loop].parent;
	}
	return false;
}

static void settle_loops(struct code_scan *scan)
{
	for (size_t i = scan->first_use; i < scan->code->n_uses; i++) {
		struct code_use *use = &scan->code->uses[i];
		if (in_data_loop(scan, use->loop))
			use->flags |= USE_LOOP;
		use->loop = 0;
	}
}

/* Texts that are nobody's key: who knows what is done with them. */
static void gather_loose(struct code_scan *scan)
{
	char text[CODE_PATTERN_MAX];
	for (int32_t i = 0; i < scan->tokens->count; i++) {
		const struct code_token *token = &scan->at[i];
		struct buf out = buf_over(text, sizeof text);
		if (token->kind != TOKEN_TEXT || (token->flags & TOKEN_USED) || token->len < 3 ||
		    token->len > 120)
			continue;
		code_normalise(code_token_text(scan->tokens, i), &out);
		if (!out.overflow)
			code_set_add(&scan->code->loose, str_hash(buf_str(&out)), CODE_LOOSE_MAX);
	}
	for (size_t i = 0; i < scan->n_slots; i++)
		if (scan->symbols[i].scope && scan->symbols[i].text &&
		    !scan->symbols[i].text_used) {
			struct buf out = buf_over(text, sizeof text);
			code_normalise(code_text(scan->code, scan->symbols[i].text), &out);
			code_set_add(&scan->code->loose, str_hash(buf_str(&out)), CODE_LOOSE_MAX);
		}
}

/* The module a file is: its name, or its folder's where that is what is imported. */
static struct str base_of(const struct code_language *language, struct str path)
{
	size_t slash = path.len, end;
	while (slash && path.ptr[slash - 1] != '/')
		slash--;
	struct str name = str_skip(path, slash);
	name.len = str_find_char(name, '.');
	bool folder = language->id == LANGUAGE_GO || str_eq(name, STR("__init__")) ||
		      str_eq(name, STR("index"));
	if (!folder || slash < 2)
		return name;
	end = slash - 1;
	size_t start = end;
	while (start && path.ptr[start - 1] != '/')
		start--;
	return str_make(path.ptr + start, end - start);
}

void code_scan(struct code *code, const struct code_language *language, uint32_t file,
	       struct str path, bool mentions)
{
	struct code_scan *scan = calloc(1, sizeof *scan);
	if (!scan) {
		code->lost++;
		return;
	}
	scan->code = code;
	scan->language = language;
	scan->tokens = &code->tokens;
	scan->at = code->tokens.at;
	scan->file = file;
	scan->mentions = mentions;
	scan->base = str_hash(base_of(language, path));
	scan->header_end = scan->function_word = CODE_NONE;
	scan->statement.start = CODE_NONE;
	scan->next_scope = scan_attributes() + 1;
	scan->first_use = code->n_uses;
	scan->blocks[0] = (struct code_block){ .kind = BLOCK_FILE,
					       .id = ++code->next_block,
					       .scope = scan->next_scope,
					       .function = ++code->next_function,
					       .brace = CODE_NONE };
	for (int32_t i = 0; i < code->tokens.count; i++) {
		boundary(scan, i);
		visit(scan, i);
		if (i == scan->header_end) {
			scan_python_header(scan, i);
			/* if x: return y */
			if (i + 1 < code->tokens.count && !(scan->at[i + 1].flags & TOKEN_FIRST)) {
				end_statement(scan, i);
				begin_statement(scan, i + 1);
			}
		} else if (scan_python(scan) && code_is_op(&code->tokens, i, ';') &&
			   scan->n_opens == 0 && i + 1 < code->tokens.count) {
			end_statement(scan, i);
			begin_statement(scan, i + 1);
		}
	}
	end_statement(scan, code->tokens.count);
	settle_loops(scan);
	gather_loose(scan);
	code->steps += code->tokens.count + (int64_t)path.len;
	free(scan->symbols);
	free(scan->loops);
	free(scan->values);
	free(scan);
}
