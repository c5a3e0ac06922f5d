/* redact.h - text without what proves who somebody is: for logs and support files.
 *
 * Replaced by *** are
 *   the password of a URL, and in any URL a part of the path or the query that looks random;
 *   what follows Bearer and Basic;
 *   the value of a name that says so: token=…, "api_key": "…", requirepass …;
 *   a Telegram bot's token, by its shape;
 *   with `words`, any long word of letters and digits mixed (a key, a digest, an id of chance);
 *   each of `known`, wherever it stands: what the caller has read from secret files.
 * Names of settings and files (tokens_file) are not secrets. What is left out cannot be had back;
 * something harmless may go with it, which is the better mistake. Pure; any bytes; allocates
 * nothing but in a growing out. */
#pragma once

#include "base/buf.h"

enum {
	REDACT_KNOWN_LEAST = 6, /* shorter ones of `known` would hit everything */
	REDACT_WORD_LEAST = 32,
	REDACT_URL_PART_LEAST = 16,
	REDACT_HINT_BYTES = 8192,
};

struct redact {
	const struct str *known; /* outlive the call */
	size_t n_known;
	/* Made by redact_hint from known: with thousands of them a long text is searched in
	 * little more time than without. NULL: each is tried at each place. */
	const uint8_t *hint;
	bool words;
};

void redact_hint(const struct str *known, size_t n_known, uint8_t hint[REDACT_HINT_BYTES]);

/* Appends the text; redact NULL: patterns alone. */
void redact_put(struct buf *out, struct str text, const struct redact *redact);
/* Does a setting or a member of this name hold a secret? ("password", "bot_token"; not
 * "token_file") */
bool redact_is_secret_name(struct str name);
