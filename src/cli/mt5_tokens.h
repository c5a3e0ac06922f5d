/* mt5_tokens.h - adds a line to the tokens file (gate/tokens.h), or renews one.
 *
 * The rest of the file, comments included, stays as it is; the file is replaced in one
 * step and stays 0600. The folder it is in is locked meanwhile, so that many calls at once
 * lose nothing. Secrets are wiped. Blocking. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum { MT5_TOKEN_BYTES = 32, MT5_TOKEN_TEXT = 2 * MT5_TOKEN_BYTES };

struct mt5_tokens {
	const char *path;
	int lock;        /* the folder, held */
	struct buf text; /* the file as it is; empty when there is none */
};

struct mt5_token_line {
	struct str id, host, groups; /* host, groups: empty when not given */
	char token[MT5_TOKEN_TEXT + 1];
};

/* Reads and checks the file, and waits for others who change it. Close in any case. */
MUST_CHECK enum status mt5_tokens_open(struct mt5_tokens *tokens, const char *path,
				       struct err *err);
bool mt5_tokens_has(const struct mt5_tokens *tokens, struct str id);
/* Appends the line, or puts it in the place of the id's. A renewed line keeps its comment,
 * and its host and groups where none are given. INVALID says what no tokens file may hold. */
MUST_CHECK enum status mt5_tokens_put(struct mt5_tokens *tokens, const struct mt5_token_line *line,
				      struct err *err);
void mt5_tokens_close(struct mt5_tokens *tokens);
