/* migrate_audit.h - the audit that a plan is made of: run anew, or its JSON. For weir migrate. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "def/args.h"
#include "migrate/plan_file.h"

/* Is the operand a server's URL? Else it is a file. */
bool migrate_audit_is_url(const char *operand);
/* The audit's JSON into *out (of a server: keys and, with --source, code). */
MUST_CHECK enum status migrate_audit_json(const struct args *args, struct buf *out,
					  struct err *err);
/* The databases that have keys, or the URL's. At most MIGRATE_DATABASES_MAX. */
MUST_CHECK enum status migrate_audit_databases(const char *url,
					       int databases[MIGRATE_DATABASES_MAX], size_t *count,
					       struct err *err);
