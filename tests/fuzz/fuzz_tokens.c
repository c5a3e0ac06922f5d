/* Any bytes as a tokens file: read whole or not at all, and what was read is found. */
#include <stdlib.h>

#include "base/check.h"
#include "gate/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tokens *tokens = NULL;
	struct err err = { 0 };
	enum status status =
	    tokens_parse(str_make((const char *)data, size), "tokens", &tokens, &err);
	CHECK((status == STATUS_OK) == (tokens != NULL));
	CHECK(status == STATUS_OK || err.text[0]);
	for (size_t i = 0; tokens && i < tokens_count(tokens); i++) {
		const struct token *token = tokens_at(tokens, i);
		CHECK(tokens_find(tokens, str_of(token->identity.id)) == token);
		CHECK(token->secret.len >= TOKEN_MIN && token->secret.len <= TOKEN_MAX);
	}
	tokens_destroy(tokens);
	return 0;
}
