/* query.h - the parameters of a query string. Any thread. */
#pragma once

#include "base/buf.h"

/* The decoded value of the first parameter of that name, appended to out. NOT_FOUND: there is
 * none; FORMAT: it cannot be decoded; FULL. *value points into out. */
MUST_CHECK enum status query_get(struct str query, const char *name, struct buf *out,
				 struct str *value);
/* NULL: every parameter is one of `names` (separated by blanks) and stands once; else why not. */
const char *query_check(struct str query, const char *names);
