/* finding.h - what an audit found: one for each rule and family (or rule alone), with figures.
 * Plain data, alive as long as the audit. */
#pragma once

#include "base/str.h"
#include "def/findings.h"

enum { AUDIT_FINDINGS_MAX = 4096, AUDIT_FINDING_EXAMPLES = 5, AUDIT_TEXT_BYTES = 320 };

enum audit_confidence {
	AUDIT_CERTAIN,   /* seen in each of its keys */
	AUDIT_MEASURED,  /* of a saving: on a trial copy */
	AUDIT_LIKELY,    /* by the family's name, use, distribution */
	AUDIT_ESTIMATED, /* of a saving: the model's */
};

struct audit_finding {
	enum finding_rule rule;
	enum severity severity;
	enum audit_confidence confidence;
	int64_t family;                        /* its index; -1: none */
	int64_t count;                         /* keys, calls or settings */
	int64_t bytes_now, bytes_after;        /* -1: it claims no saving, or has no bytes */
	int64_t tried, tried_now, tried_after; /* keys and bytes of the trial; 0: none */
	char what[AUDIT_TEXT_BYTES];           /* one line for people, with figures */
	char fix[AUDIT_TEXT_BYTES], undo[AUDIT_TEXT_BYTES];
	const char *examples[AUDIT_FINDING_EXAMPLES]; /* key names printed, or file:line */
	size_t n_examples;
};

/* A line of --findings. severity is the rule's own (findings.def), or that of the server's check:
 * a finding's may be milder or worse, since it knows of all its keys. db is below 0 where it is
 * about the server. key is printed (audit_name_print); a line of source has file and line
 * instead, and key is empty. */
struct audit_hit {
	enum finding_rule rule;
	enum severity severity;
	int db;
	struct str key;
	struct str file;
	int64_t line;
};

const char *audit_confidence_text(enum audit_confidence confidence);
