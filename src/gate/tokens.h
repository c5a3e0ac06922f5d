/* tokens.h - the tokens file: who may connect (fleet.tokens_file).
 *
 *   ID TOKEN [HOST [GROUP,GROUP…]]      # a comment
 *
 * One a line, 0600 and ours. An id is 1 to 64 of A-Z a-z 0-9 . _ -, so are a host and up
 * to 8 groups; a host of - is none. A token is 12 to 255 printable ASCII characters, and is
 * used as its text. Blanks and tabs separate, # begins a comment where a word would. An id
 * stands once. A host agent's id is its host's name: an id that another line names as its
 * host is an agent's.
 * Read whole or not at all. Tokens are wiped on destroy and never printed. Loop thread. */
#pragma once

#include "base/err.h"
#include "fleet/fleet.h"

enum { TOKEN_MIN = 12, TOKEN_MAX = 255, TOKENS_MAX = 16384 };

struct tokens;

struct token {
	struct instance_identity identity;
	struct str secret;
};

/* Empty, for tokens_add. */
struct tokens *tokens_create(void);
void tokens_destroy(struct tokens *tokens);
/* "FILE:LINE: reason" in err, without a word of the token. */
MUST_CHECK enum status tokens_read(const char *path, struct tokens **tokens, struct err *err);
MUST_CHECK enum status tokens_parse(struct str text, const char *name, struct tokens **tokens,
				    struct err *err);
/* Copies. INVALID, EXISTS, FULL. What at and find gave is not valid any more. */
MUST_CHECK enum status tokens_add(struct tokens *tokens, const struct token *token);
size_t tokens_count(const struct tokens *tokens);
const struct token *tokens_at(const struct tokens *tokens, size_t index);
const struct token *tokens_find(const struct tokens *tokens, struct str id); /* NULL */
