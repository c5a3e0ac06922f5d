/* access.h - who may do what: the tokens file of serve.tokens_file.
 *
 *   NAME TOKEN SCOPE[,SCOPE…]      # a comment
 *
 * One a line, 0600 and ours. A name is 1 to 64 of A-Z a-z 0-9 . _ - @ and stands once; a
 * token is 16 to 255 printable ASCII characters without blanks, and stands once; scopes are
 * read, signal, admin. Blanks and tabs separate, # begins a comment where a word would.
 * Read whole or not at all. Kept are keyed hashes of the tokens, under a key of this run:
 * they are compared without a difference in time, all of them at each look. Loop thread. */
#pragma once

#include "base/err.h"
#include "os/secret.h"

enum { ACCESS_TOKEN_MIN = 16, ACCESS_TOKEN_MAX = 255, ACCESS_NAME_MAX = 64, ACCESS_MAX = 1024 };

enum access_scope { ACCESS_READ = 1, ACCESS_SIGNAL = 2, ACCESS_ADMIN = 4 };

struct access_user {
	char name[ACCESS_NAME_MAX + 1];
	unsigned scopes; /* as listed */
	uint8_t mac[SECRET_MAC_BYTES];
};

struct access;

/* "FILE:LINE: reason" in err, without a word of the token. */
MUST_CHECK enum status access_read(const char *path, struct access **out, struct err *err);
MUST_CHECK enum status access_parse(struct str text, const char *name, struct access **out,
				    struct err *err);
void access_destroy(struct access *access); /* NULL is fine */
size_t access_count(const struct access *access);
const struct access_user *access_at(const struct access *access, size_t index);
/* NULL: nobody's. */
const struct access_user *access_find(const struct access *access, struct str token);
/* admin may everything. */
static inline bool access_may(const struct access_user *user, enum access_scope scope)
{
	return (user->scopes & (unsigned)(scope | ACCESS_ADMIN)) != 0;
}
