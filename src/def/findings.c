#include "def/findings.h"

#include "base/check.h"

#define INFO   SEVERITY_INFO
#define WARN   SEVERITY_WARN
#define HIGH   SEVERITY_HIGH
#define KEYS   FINDING_KEYS
#define SERVER FINDING_SERVER
#define CODE   FINDING_CODE
#define BOTH   FINDING_BOTH

static const struct finding_row rows[] = {
#define FINDING(id, name, severity, source, what, keys, fix, undo)                                 \
	{ name, severity, source, what, keys, fix, undo },
#include "def/findings.def"
};

static const char *const uses[] = {
#define AUDIT_USE(id, name, what) name,
#include "def/findings.def"
};

static const char *const belongings[] = {
#define AUDIT_BELONGS(id, name, what) name,
#include "def/findings.def"
};

static const char *const severities[] = { "info", "warn", "high" };

static size_t find(struct str name, const char *const *names, size_t count)
{
	size_t i = 0;
	while (i < count && !str_eq(name, str_of(names[i])))
		i++;
	return i;
}

const struct finding_row *finding_row(enum finding_rule rule)
{
	CHECK(rule < FINDING_RULES);
	return &rows[rule];
}

enum finding_rule finding_rule_find(struct str name)
{
	enum finding_rule rule = 0;
	while (rule < FINDING_RULES && !str_eq(name, str_of(rows[rule].name)))
		rule++;
	return rule;
}

const char *audit_use_text(enum audit_use use)
{
	CHECK(use < AUDIT_USES);
	return uses[use];
}

enum audit_use audit_use_find(struct str name)
{
	return (enum audit_use)find(name, uses, AUDIT_USES);
}

const char *audit_belongs_text(enum audit_belongs belongs)
{
	CHECK(belongs < AUDIT_BELONGINGS);
	return belongings[belongs];
}

enum audit_belongs audit_belongs_find(struct str name)
{
	return (enum audit_belongs)find(name, belongings, AUDIT_BELONGINGS);
}

const char *severity_text(enum severity severity)
{
	CHECK(severity < SEVERITIES);
	return severities[severity];
}

enum severity severity_find(struct str name)
{
	return (enum severity)find(name, severities, SEVERITIES);
}
