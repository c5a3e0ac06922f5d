/* findings.h - the rules of an audit, and the words for uses and places, from findings.def.
 * Any thread. */
#pragma once

#include "base/str.h"

enum finding_rule {
#define FINDING(id, ...) FINDING_##id,
#include "def/findings.def"
	FINDING_RULES
};

enum audit_use {
#define AUDIT_USE(id, ...) AUDIT_USE_##id,
#include "def/findings.def"
	AUDIT_USES
};

enum audit_belongs {
#define AUDIT_BELONGS(id, ...) AUDIT_BELONGS_##id,
#include "def/findings.def"
	AUDIT_BELONGINGS
};

enum severity { SEVERITY_INFO, SEVERITY_WARN, SEVERITY_HIGH, SEVERITIES };
enum finding_source { FINDING_KEYS, FINDING_SERVER, FINDING_CODE, FINDING_BOTH };

struct finding_row {
	const char *name; /* "no-ttl" */
	enum severity severity;
	enum finding_source source;
	const char *what, *keys, *fix, *undo;
};

const struct finding_row *finding_row(enum finding_rule rule);
enum finding_rule finding_rule_find(struct str name); /* FINDING_RULES: there is none */
const char *audit_use_text(enum audit_use use);       /* "rate-limit" */
enum audit_use audit_use_find(struct str name);       /* AUDIT_USES: there is none */
const char *audit_belongs_text(enum audit_belongs belongs);
enum audit_belongs audit_belongs_find(struct str name); /* AUDIT_BELONGINGS: there is none */
const char *severity_text(enum severity severity);      /* "info" "warn" "high" */
enum severity severity_find(struct str name);           /* SEVERITIES: there is none */
