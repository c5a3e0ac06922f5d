/* code_scan.h - the scan of one file: scopes, blocks, statements and what names hold. */
#pragma once

#include "audit/code_impl.h"
#include "base/buf.h"

enum {
	SCAN_BLOCKS = 96,
	SCAN_OPENS = 192,
	SCAN_SHADOWS = 32,
	SCAN_NAMES_MAX = 1 << 17,
	SCAN_LOOPS_MAX = 1 << 16,
	SCAN_CHAIN = 6,  /* names of a.b.c that are looked at */
	SCAN_LOOK = 256, /* tokens of an expression that are looked at */
};

struct code_value {
	uint64_t cond;
	uint32_t text; /* UNKNOWN, OTHER: its text with marks; ANSWER: the key that was read */
	uint8_t holds;
	bool reads;
};

struct code_symbol {
	uint64_t name;
	uint32_t scope; /* 0: free */
	uint8_t holds;
	bool text_used;
	uint64_t cond, module;
	uint32_t text;
	uint32_t taint;       /* the key whose value it carries */
	uint32_t taint_depth; /* of the block where it got it */
	uint32_t masked;      /* block in which it carries something else */
};

enum code_block_kind {
	BLOCK_FILE,
	BLOCK_CLASS,
	BLOCK_FUNCTION,
	BLOCK_LOOP,
	BLOCK_TRY,
	BLOCK_OTHER
};

struct code_statement {
	int32_t start, assign; /* the = that makes it an assignment; CODE_NONE */
	int32_t target, target_end;
	bool declares, done;
};

struct code_block {
	uint8_t kind;
	uint16_t indent; /* of its header */
	uint32_t id, scope, function, loop;
	uint64_t class_name, base_name; /* of the class around it */
	uint64_t function_name;
	uint32_t params; /* of the function, for its constant */
	uint32_t first_use;
	int32_t brace;               /* that opened it */
	int opens, shadows;          /* what was open then */
	struct code_statement outer; /* goes on behind it */
};

struct code_loop {
	uint32_t parent;
	bool data, polls; /* polls: a while that sleeps */
	bool waits;
};

struct code_shadow {
	uint64_t name;
	uint8_t holds;
	int opens; /* ends with the bracket it stands in */
};

struct code_scan {
	struct code *code;
	const struct code_language *language;
	const struct code_tokens *tokens;
	struct code_token *at; /* tokens->at */
	uint32_t file;
	bool mentions;
	uint64_t base; /* of the file's name as a module */
	struct code_block blocks[SCAN_BLOCKS];
	int depth; /* blocks[depth] is the innermost */
	int32_t opens[SCAN_OPENS];
	int n_opens;
	struct code_shadow shadows[SCAN_SHADOWS];
	int n_shadows;
	struct code_statement statement;
	uint32_t n_statements;
	int32_t header_end; /* Python: behind it the block begins */
	uint8_t header_kind;
	int32_t lambda_end;    /* its parameters' commas end no shadow */
	int32_t function_word; /* the last `function`, `func` that has no block yet */
	struct {
		uint32_t first, end;
		uint16_t indent;
		bool set;
	} tried;
	struct code_symbol *symbols;
	size_t n_slots, n_symbols;
	uint32_t next_scope;
	struct code_loop *loops;
	size_t n_loops, room_loops;
	struct code_value *values;
	size_t n_values, room_values;
	size_t first_use;
};

static inline struct code_block *scan_block(const struct code_scan *scan)
{
	return (struct code_block *)&scan->blocks[scan->depth];
}
static inline uint64_t scan_hash(const struct code_scan *scan, int32_t index)
{
	return str_hash(code_token_text(scan->tokens, index));
}
static inline bool scan_python(const struct code_scan *scan)
{
	return scan->language->traits & LANGUAGE_INDENTS;
}

/* ---- code_names.c ---- */

struct code_symbol *scan_find(struct code_scan *scan, uint32_t scope, uint64_t name);
struct code_symbol *scan_put(struct code_scan *scan, uint32_t scope, uint64_t name);
/* The nearest symbol of the name; NULL. */
struct code_symbol *scan_nearest(struct code_scan *scan, uint64_t name);
/* a.b.c from token `first` to `last`, both names. */
struct code_value scan_lookup(struct code_scan *scan, int32_t first, int32_t last);
/* Where the chain of names and points begins that ends at `last`. */
int32_t scan_chain_start(const struct code_scan *scan, int32_t last);
void scan_declare(struct code_scan *scan, uint64_t name, enum code_holds holds, uint64_t cond);
void scan_fact(struct code_scan *scan, uint64_t fact, uint64_t cond);
void scan_params(struct code_scan *scan, int32_t open, uint64_t function);
void scan_typed(struct code_scan *scan, int32_t index);
void scan_shadow(struct code_scan *scan, uint64_t name, struct str text);
uint32_t scan_attributes(void); /* the scope of attributes of any object */

/* ---- code_imports.c ---- */

bool scan_import(struct code_scan *scan, int32_t start);

/* ---- code_assign.c ---- */

void scan_begin_assign(struct code_scan *scan, struct code_statement *statement);
void scan_end_assign(struct code_scan *scan, struct code_statement *statement, int32_t end);
/* Of an expression. */
struct code_value scan_value(struct code_scan *scan, int32_t from, int32_t end);
/* The key whose value the expression carries; 0: none. */
uint32_t scan_taint(struct code_scan *scan, int32_t from, int32_t end);

/* ---- code_call.c ---- */

/* name( … ): close is behind the arguments. */
void scan_call(struct code_scan *scan, int32_t name, int32_t open, int32_t close);
uint32_t scan_new_value(struct code_scan *scan, struct code_value value);
struct code_value scan_value_of(const struct code_scan *scan, int32_t token);

/* ---- code_make.c ---- */

/* Is it the construction of a client? Then it is noted. */
bool scan_make(struct code_scan *scan, int32_t name, int32_t open, int32_t close);
void scan_make_later(struct code_scan *scan, int32_t name, int32_t open, int32_t close);
/* The next argument's end: a comma or `end`. */
int32_t scan_arg_end(const struct code_scan *scan, int32_t from, int32_t end);

/* ---- code_blocks.c ---- */

void scan_push_block(struct code_scan *scan, enum code_block_kind kind);
void scan_pop_block(struct code_scan *scan);
void scan_python_line(struct code_scan *scan, int32_t index);
void scan_python_header(struct code_scan *scan, int32_t index);
void scan_open_brace(struct code_scan *scan, int32_t index);
bool scan_is_block(struct code_scan *scan, int32_t index);
void scan_handler(struct code_scan *scan, int32_t word, int32_t body, int32_t end);

/* ---- code_key_text.c ---- */

/* The key's text with marks, interned. `other` names it where nothing is known; *textual: it
 * has a constant part, or may have. Texts in it count as used. */
uint32_t scan_text(struct code_scan *scan, int32_t from, int32_t end, struct str other,
		   bool *textual);
/* `return TEXT` of the function around, X = TEXT in a class or module. */
void scan_constant(struct code_scan *scan, uint64_t name, uint64_t owner, uint32_t text,
		   uint32_t params);
void scan_literal_members(struct code_scan *scan, uint64_t owner, int32_t open);
