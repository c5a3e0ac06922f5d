/* Where blocks begin and end: by indentation, or by braces. */
#include <stdlib.h>

#include "audit/code_scan.h"

#include "base/check.h"

/* ---- both ---- */

static uint32_t new_loop(struct code_scan *scan, bool data, bool waits)
{
	if (scan->n_loops == scan->room_loops) {
		size_t room = scan->room_loops ? scan->room_loops * 2 : 64;
		struct code_loop *more =
		    room <= SCAN_LOOPS_MAX ? realloc(scan->loops, room * sizeof *more) : NULL;
		if (!more)
			return scan_block(scan)->loop;
		scan->loops = more;
		scan->room_loops = room;
	}
	if (!scan->n_loops)
		scan->loops[scan->n_loops++] = (struct code_loop){ 0 };
	scan->loops[scan->n_loops] =
	    (struct code_loop){ scan_block(scan)->loop, data, false, waits };
	return (uint32_t)scan->n_loops++;
}

void scan_push_block(struct code_scan *scan, enum code_block_kind kind)
{
	const struct code_block *around = scan_block(scan);
	if (scan->depth + 1 >= SCAN_BLOCKS)
		return;
	struct code_block block = *around;
	block.kind = (uint8_t)kind;
	block.id = ++scan->code->next_block;
	block.first_use = (uint32_t)scan->code->n_uses;
	block.brace = CODE_NONE;
	block.outer = scan->statement;
	block.opens = scan->n_opens;
	block.shadows = scan->n_shadows;
	if (kind == BLOCK_FUNCTION) {
		block.function = ++scan->code->next_function;
		block.loop = 0;
		block.function_name = 0;
		block.params = 0;
	}
	if (kind == BLOCK_FUNCTION || kind == BLOCK_CLASS)
		block.scope = ++scan->next_scope;
	scan->blocks[++scan->depth] = block;
}

void scan_pop_block(struct code_scan *scan)
{
	const struct code_block *block = scan_block(scan);
	CHECK(scan->depth > 0);
	if (block->kind == BLOCK_TRY) {
		scan->tried.first = block->first_use;
		scan->tried.end = (uint32_t)scan->code->n_uses;
		scan->tried.indent = block->indent;
		scan->tried.set = true;
	}
	scan->depth--;
}

/* ---- loops ---- */

static bool span_has(const struct code_scan *scan, int32_t from, int32_t end, const char *list)
{
	for (int32_t i = from; i < end && i < from + SCAN_LOOK; i++)
		if (code_is_one_of(scan->tokens, i, list))
			return true;
	return false;
}

/* Does `for a in b` go through data, or wait for messages, or try again? */
static bool for_is_data(const struct code_scan *scan, int32_t from, int32_t end)
{
	if (code_is_word(scan->tokens, from - 1, "async") ||
	    code_is_word(scan->tokens, from + 1, "await"))
		return false;
	if (end <= from + 1 ||
	    (code_is_op(scan->tokens, from + 1, '(') && code_is_op(scan->tokens, from + 2, ';') &&
	     code_is_op(scan->tokens, from + 3, ';')))
		return false;
	return !span_has(
	    scan, from, end,
	    "attempt attempts retry retries tries try_count listen consumer consume subscribe "
	    "channel ch Channel messages_stream");
}

static bool while_is_data(const struct code_scan *scan, int32_t from, int32_t end)
{
	if (span_has(scan, from, end,
		     "True true running active alive stop stopped shutdown is_set closed connected "
		     "exit quit "
		     "keep_running is_running _running _stop stop_event stopping "
		     "IsCancellationRequested "
		     "sleep wait done finished"))
		return false;
	return !(code_is_op(scan->tokens, from + 1, '(')
		     ? scan->at[from + 2].kind == TOKEN_NUMBER
		     : scan->at[from + 1].kind == TOKEN_NUMBER) ||
	       end > from + 4;
}

static void push_loop(struct code_scan *scan, int32_t word, int32_t end)
{
	bool loop_while = code_is_word(scan->tokens, word, "while");
	bool data = loop_while ? while_is_data(scan, word, end) : for_is_data(scan, word, end);
	uint32_t loop = new_loop(scan, data, loop_while);
	scan_push_block(scan, BLOCK_LOOP);
	scan_block(scan)->loop = loop;
	/* Its variables are rows of something. */
	for (int32_t i = word + 1; i < end && i < word + 12 && !loop_while; i++) {
		if (code_is_one_of(scan->tokens, i, "in of range as") ||
		    code_is_op(scan->tokens, i, OP_DEFINE) || code_is_op(scan->tokens, i, ';'))
			break;
		if (code_is_name(scan->tokens, i) &&
		    !code_is_one_of(scan->tokens, i, "let const var await"))
			scan_declare(scan, scan_hash(scan, i), HOLDS_OTHER, 0);
	}
}

/* for (const x of xs), foreach ($rows as $k => $r): PHP tells its variables last. */
static void declare_php_rows(struct code_scan *scan, int32_t from, int32_t end)
{
	bool as = false;
	for (int32_t i = from; i < end && scan->language->id == LANGUAGE_PHP; i++) {
		if (as && code_is_name(scan->tokens, i))
			scan_declare(scan, scan_hash(scan, i), HOLDS_OTHER, 0);
		as |= code_is_word(scan->tokens, i, "as");
	}
}

/* ---- handlers ---- */

static bool catches_all(const struct code_scan *scan, int32_t word, int32_t end)
{
	bool any = false;
	for (int32_t i = word + 1; i < end; i++) {
		struct str name = code_token_text(scan->tokens, i);
		if (!code_is_name(scan->tokens, i))
			continue;
		if (code_is_word(scan->tokens, i, "as"))
			break;
		if (!scan_python(scan) && scan->language->id == LANGUAGE_JAVASCRIPT)
			return true;
		any = true;
		if (code_is_one_of(scan->tokens, i,
				   "Exception BaseException RedisError ConnectionError "
				   "TimeoutError ResponseError OSError Throwable "
				   "RedisException redis error") ||
		    memmem(name.ptr, name.len, "Redis", 5))
			return true;
	}
	return !any;
}

/* pass, …, continue, return and return of a constant. */
static bool body_drops(const struct code_scan *scan, int32_t body, int32_t end)
{
	while (body < end && code_is_op(scan->tokens, end - 1, ';'))
		end--;
	if (end == body)
		return true;
	if (end == body + 1)
		return code_is_one_of(scan->tokens, body, "pass continue return break") ||
		       code_is_op(scan->tokens, body, OP_SPREAD);
	if (!code_is_word(scan->tokens, body, "return"))
		return false;
	if (end == body + 2)
		return scan->at[body + 1].kind == TOKEN_NUMBER ||
		       (scan->at[body + 1].kind == TOKEN_TEXT && !scan->at[body + 1].len) ||
		       code_is_one_of(scan->tokens, body + 1,
				      "None null nil undefined False false");
	return end == body + 3 && scan->at[body + 1].match == body + 2;
}

void scan_handler(struct code_scan *scan, int32_t word, int32_t body, int32_t end)
{
	if (!scan->tried.set || scan->tried.first == scan->tried.end ||
	    !catches_all(scan, word, body) || !body_drops(scan, body, end))
		return;
	struct code_handler *handler = CODE_ADD(scan->code, handlers, CODE_MAKINGS_MAX);
	if (handler)
		*handler = (struct code_handler){ scan->file, scan->at[word].line,
						  scan->tried.first, scan->tried.end };
	else
		scan->code->lost++;
}

/* ---- indentation ---- */

static int32_t body_end(const struct code_scan *scan, int32_t body, uint16_t indent)
{
	int32_t end = body;
	while (
	    end < scan->tokens->count && end < body + 8 &&
	    !(end > body && (scan->at[end].flags & TOKEN_FIRST) && scan->at[end].indent <= indent))
		end++;
	return end;
}

/* The colon that ends a header, or its last token where there is none. */
static int32_t header_end(const struct code_scan *scan, int32_t start)
{
	int lambdas = 0;
	int32_t i = start;
	for (; i < scan->tokens->count; i++) {
		if (i > start && (scan->at[i].flags & TOKEN_FIRST))
			return i - 1;
		if (code_is_word(scan->tokens, i, "lambda"))
			lambdas++;
		else if (code_is_op(scan->tokens, i, ':') && lambdas-- <= 0)
			return i;
		if (scan->at[i].match > i)
			i = scan->at[i].match;
	}
	return scan->tokens->count - 1;
}

static int32_t header_word(const struct code_scan *scan, int32_t start)
{
	return code_is_word(scan->tokens, start, "async") ? start + 1 : start;
}

static void declare_globals(struct code_scan *scan, int32_t start)
{
	for (int32_t i = start + 1; i < scan->tokens->count && !(scan->at[i].flags & TOKEN_FIRST);
	     i++)
		if (code_is_name(scan->tokens, i))
			scan_declare(scan, scan_hash(scan, i), HOLDS_GLOBAL, 0);
}

/* A new line outside of brackets: blocks that it leaves end; its own header is looked for. */
void scan_python_line(struct code_scan *scan, int32_t index)
{
	uint16_t indent = scan->at[index].indent;
	int32_t word = header_word(scan, index);
	while (scan->depth > 0 && scan_block(scan)->indent >= indent)
		scan_pop_block(scan);
	scan->header_end = CODE_NONE;
	if (code_is_one_of(scan->tokens, index, "global nonlocal"))
		declare_globals(scan, index);
	if (!code_is_one_of(scan->tokens, word,
			    "if elif else for while try except finally with def class "
			    "match case"))
		return;
	scan->header_end = header_end(scan, index);
	if (code_is_word(scan->tokens, word, "except") && scan->tried.indent == indent) {
		int32_t body = scan->header_end + 1;
		scan_handler(scan, word, body, body_end(scan, body, indent));
	}
	if (!code_is_one_of(scan->tokens, word, "except finally else"))
		scan->tried.set = false;
}

static void push_function(struct code_scan *scan, int32_t word)
{
	int32_t open = word + 2;
	uint64_t name = scan_hash(scan, word + 1);
	uint64_t class_name =
	    scan_block(scan)->kind == BLOCK_CLASS ? scan_block(scan)->class_name : 0;
	scan_push_block(scan, BLOCK_FUNCTION);
	scan_block(scan)->function_name = name;
	/* A class is called by its own name. */
	if (class_name && code_is_one_of(scan->tokens, word + 1, "__init__"))
		name = class_name;
	if (code_is_op(scan->tokens, open, '('))
		scan_params(scan, open, name);
}

static void push_class(struct code_scan *scan, int32_t word)
{
	uint64_t name = code_is_name(scan->tokens, word + 1) ? scan_hash(scan, word + 1) : 1;
	uint64_t base = 0;
	if (code_is_op(scan->tokens, word + 2, '(') && code_is_name(scan->tokens, word + 3) &&
	    !code_is_one_of(scan->tokens, word + 3, "object Enum str ABC BaseModel"))
		base = scan_hash(scan, word + 3);
	if (code_is_word(scan->tokens, word + 2, "extends") && code_is_name(scan->tokens, word + 3))
		base = scan_hash(scan, word + 3);
	if (code_is_op(scan->tokens, word + 2, ':') && scan->language->id == LANGUAGE_CSHARP &&
	    code_is_name(scan->tokens, word + 3))
		base = scan_hash(scan, word + 3);
	scan_push_block(scan, BLOCK_CLASS);
	scan_block(scan)->class_name = name;
	scan_block(scan)->base_name = base;
}

/* Behind the header's last token: the block begins. */
void scan_python_header(struct code_scan *scan, int32_t end)
{
	int32_t start = scan->statement.start, word = header_word(scan, start);
	uint16_t indent = scan->at[start].indent;
	scan->header_end = CODE_NONE;
	if (scan->depth + 1 >= SCAN_BLOCKS)
		return;
	if (code_is_word(scan->tokens, word, "def"))
		push_function(scan, word);
	else if (code_is_word(scan->tokens, word, "class"))
		push_class(scan, word);
	else if (code_is_one_of(scan->tokens, word, "for while"))
		push_loop(scan, word, end);
	else
		scan_push_block(scan,
				code_is_word(scan->tokens, word, "try") ? BLOCK_TRY : BLOCK_OTHER);
	scan_block(scan)->indent = indent;
}

/* ---- braces ---- */

static const char *const block_words =
    "if for foreach while switch else try catch finally do class struct interface namespace enum "
    "trait "
    "func function type select using lock get set static public private protected internal export "
    "async default abstract sealed package import";

/* Or is it the literal of an object? */
bool scan_is_block(struct code_scan *scan, int32_t index)
{
	int32_t before = index - 1, start = scan->statement.start;
	if (scan_python(scan))
		return false;
	if (before < 0 || start == index || code_is_op(scan->tokens, before, ';') ||
	    code_is_op(scan->tokens, before, '{') || code_is_op(scan->tokens, before, '}') ||
	    code_is_op(scan->tokens, before, OP_ARROW) || code_is_op(scan->tokens, before, ')'))
		return true;
	if (code_is_one_of(scan->tokens, before, "else try do finally catch get set"))
		return true;
	if (scan->function_word != CODE_NONE && scan->function_word >= start)
		return true;
	if (!code_is_name(scan->tokens, before) && !code_is_op(scan->tokens, before, ']') &&
	    !code_is_op(scan->tokens, before, '*'))
		return false;
	if (scan->statement.assign != CODE_NONE &&
	    !code_is_one_of(scan->tokens, start, "if for switch"))
		return false;
	return code_is_one_of(scan->tokens, start, block_words);
}

/* The word that says what `… ) {` is: in front of the parentheses. */
static int32_t word_before(const struct code_scan *scan, int32_t brace)
{
	int32_t at = brace - 1;
	for (int i = 0;
	     i < 4 && code_is_op(scan->tokens, at, ')') && scan->at[at].match != CODE_NONE; i++) {
		at = scan->at[at].match - 1;
		if (!code_is_word(scan->tokens, at, "use"))
			break;
		at--;
	}
	return at;
}

static int32_t params_of(const struct code_scan *scan, int32_t brace)
{
	int32_t word = scan->function_word, at = brace - 1;
	if (word != CODE_NONE) {
		int32_t open = word + 1;
		if (code_is_name(scan->tokens, open))
			open++;
		/* Go: func (s *Store) Name(…) */
		else if (code_is_op(scan->tokens, open, '(') && scan->at[open].match != CODE_NONE &&
			 code_is_name(scan->tokens, scan->at[open].match + 1) &&
			 code_is_op(scan->tokens, scan->at[open].match + 2, '('))
			open = scan->at[open].match + 2;
		return code_is_op(scan->tokens, open, '(') ? open : CODE_NONE;
	}
	if (code_is_op(scan->tokens, at, OP_ARROW))
		at--;
	return code_is_op(scan->tokens, at, ')') ? scan->at[at].match : CODE_NONE;
}

static void open_function(struct code_scan *scan, int32_t brace)
{
	int32_t open = params_of(scan, brace), arrow = brace - 1;
	uint64_t name = 0, class_name = scan_block(scan)->class_name;
	if (open != CODE_NONE && code_is_name(scan->tokens, open - 1))
		name = scan_hash(scan, open - 1);
	else if (code_is_op(scan->tokens, arrow, OP_ARROW) && scan->statement.target != CODE_NONE)
		name = scan_hash(scan, scan->statement.target);
	bool builds =
	    open != CODE_NONE && code_is_one_of(scan->tokens, open - 1, "constructor __construct");
	scan_push_block(scan, BLOCK_FUNCTION);
	scan_block(scan)->function_name = name;
	if (open != CODE_NONE)
		scan_params(scan, open, builds ? class_name : name);
	else if (code_is_op(scan->tokens, arrow, OP_ARROW) && code_is_name(scan->tokens, arrow - 1))
		scan_declare(scan, scan_hash(scan, arrow - 1),
			     code_name_holds(code_token_text(scan->tokens, arrow - 1)), 0);
	scan->function_word = CODE_NONE;
}

static int32_t class_word(const struct code_scan *scan)
{
	int32_t start = scan->statement.start;
	for (int32_t i = start; i < start + 6 && code_is_name(scan->tokens, i); i++)
		if (code_is_one_of(scan->tokens, i, "class struct interface trait enum"))
			return i;
	/* type Store struct {…} */
	return CODE_NONE;
}

static bool is_loop(const struct code_scan *scan, int32_t word)
{
	return code_is_one_of(scan->tokens, word, "for foreach while");
}

static void open_catch(struct code_scan *scan, int32_t word, int32_t brace)
{
	int32_t close = scan->at[brace].match;
	if (close != CODE_NONE && close - brace < 8)
		scan_handler(scan, word, brace + 1, close);
	scan_push_block(scan, BLOCK_OTHER);
}

void scan_open_brace(struct code_scan *scan, int32_t brace)
{
	int32_t word = word_before(scan, brace), start = scan->statement.start, named;
	int before = scan->depth;
	if (scan->depth + 1 >= SCAN_BLOCKS || scan->at[brace].match == CODE_NONE)
		return;
	if (code_is_one_of(scan->tokens, word, "catch") ||
	    (scan->language->id == LANGUAGE_CSHARP && code_is_word(scan->tokens, start, "catch"))) {
		open_catch(scan, code_is_word(scan->tokens, word, "catch") ? word : start, brace);
	} else if (code_is_one_of(scan->tokens, brace - 1, "try")) {
		scan_push_block(scan, BLOCK_TRY);
	} else if (is_loop(scan, word) || (is_loop(scan, start) && scan->function_word < start &&
					   !code_is_op(scan->tokens, brace - 1, OP_ARROW))) {
		int32_t loop = is_loop(scan, word) ? word : start;
		push_loop(scan, loop, brace);
		declare_php_rows(scan, loop, brace);
	} else if ((named = class_word(scan)) != CODE_NONE) {
		push_class(scan, named);
	} else if (scan->function_word != CODE_NONE ||
		   code_is_op(scan->tokens, brace - 1, OP_ARROW) ||
		   (code_is_op(scan->tokens, brace - 1, ')') &&
		    !code_is_one_of(scan->tokens, word,
				    "if for foreach while switch catch using lock "
				    "elseif synchronized match"))) {
		open_function(scan, brace);
	} else {
		scan_push_block(scan, BLOCK_OTHER);
	}
	if (scan->depth > before)
		scan_block(scan)->brace = brace;
}
