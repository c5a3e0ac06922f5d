/* audit_lines.h - an audit's lists: `--keys` and `--findings`, a line each, written as they come.
 * One thread. */
#pragma once

#include <stdio.h>

#include "audit/finding.h"
#include "audit/key.h"
#include "base/buf.h"
#include "base/err.h"

struct audit_lines {
	FILE *file;
	const char *path; /* NULL: standard output */
	struct buf line;
	int number; /* of the first write's error; 0: none */
};

/* path NULL or "-": standard output. */
MUST_CHECK enum status audit_lines_open(struct audit_lines *lines, const char *path,
					struct err *err);
/* What could not be written. A closed pipe is not a failure. */
MUST_CHECK enum status audit_lines_close(struct audit_lines *lines, struct err *err);
/* TSV: db, key, type, encoding, length, expiry, bytes, idle; `?` where one is unknown. */
void audit_lines_header(struct audit_lines *lines);
void audit_lines_key(struct audit_lines *lines, const struct audit_key *key);
/* JSON; severity is the rule's own (audit/finding.h). */
void audit_lines_hit(struct audit_lines *lines, const struct audit_hit *hit);
