/* code_lex.h - source text as tokens: names, numbers, texts, operators. Comments are gone.
 *
 * Nothing has to parse: brackets are paired where they pair, and a text that is never closed
 * ends with its line, or with the file where it may go on over lines. Code inside of texts
 * (f"{…}", `${…}`) follows the text's token in brackets of its own. Linear. */
#pragma once

#include "audit/code_language.h"

enum { CODE_TOKENS_MAX = 1 << 20, CODE_TOKENS_BEHIND = 4, CODE_NONE = -1 };

enum code_token_kind { TOKEN_NAME, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_OP, TOKEN_END };

enum code_op {                   /* others are their character */
	       OP_MEMBER = '.',  /* . -> :: ?. */
	       OP_DEFINE = 'd',  /* := */
	       OP_CHANGE = 'c',  /* += and its kin */
	       OP_COMPARE = 'q', /* == != <= >= === */
	       OP_ARROW = 'a',   /* => */
	       OP_SPREAD = 's',  /* ... and ** */
	       OP_OTHER = 'o',   /* && || ?? << // … */
};

enum code_token_flag {
	TOKEN_FIRST = 1,  /* of its line */
	TOKEN_INSERT = 2, /* a text with code inside */
	TOKEN_USED = 4,   /* a text that is somebody's key, or documentation */
	TOKEN_WITHIN = 8, /* a bracket made for code inside of a text */
	TOKEN_RAW = 16,
	TOKEN_DOLLAR = 32, /* a text whose code stands in ${…}, or behind $ */
};

struct code_token {
	uint32_t at, len;
	uint32_t line;
	int32_t match;   /* of a bracket; CODE_NONE */
	int32_t extra;   /* of an opening one: the first `for` right inside it; CODE_NONE */
	uint32_t value;  /* what it gives: index of a struct code_value, 0 nothing (code_scan.h) */
	uint16_t indent; /* of its line; for FIRST */
	uint8_t kind, op, flags;
};

struct code_tokens {
	struct code_token *at; /* `count`, and behind them CODE_TOKENS_BEHIND of END */
	int32_t count, room;
	bool cut; /* CODE_TOKENS_MAX, or no memory for more */
	struct str text;
};

/* Reuses what the last call allocated; start with zeroes. */
void code_lex(const struct code_language *language, struct str text, struct code_tokens *tokens);
void code_tokens_deinit(struct code_tokens *tokens);

static inline struct str code_token_text(const struct code_tokens *tokens, int32_t index)
{
	const struct code_token *token = &tokens->at[index];
	return str_make(tokens->text.ptr + token->at, token->len);
}
/* Out of range: no. */
static inline bool code_is_op(const struct code_tokens *tokens, int32_t index, uint8_t op)
{
	return index >= 0 && index < tokens->count && tokens->at[index].kind == TOKEN_OP &&
	       tokens->at[index].op == op;
}
static inline bool code_is_name(const struct code_tokens *tokens, int32_t index)
{
	return index >= 0 && index < tokens->count && tokens->at[index].kind == TOKEN_NAME;
}
static inline bool code_is_word(const struct code_tokens *tokens, int32_t index, const char *word)
{
	return code_is_name(tokens, index) && str_eq(code_token_text(tokens, index), str_of(word));
}
/* A name that stands in a list of words separated by blanks. */
bool code_is_one_of(const struct code_tokens *tokens, int32_t index, const char *list);
