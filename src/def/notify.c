#include "def/notify.h"

#include "base/check.h"

static const struct notify_row {
	const char *name, *scopes, *help;
	enum notify_how admins, others;
} rows[] = {
#define NOTIFY(id, name, scopes, admins, others, help)                                             \
	{ name, scopes, help, NOTIFY_##admins, NOTIFY_##others },
#include "def/notify.def"
#undef NOTIFY
};

static const char *const hows[NOTIFY_HOWS] = { "on", "silent", "off" };

const char *notify_name(enum notify kind)
{
	CHECK(kind < NOTIFY_COUNT);
	return rows[kind].name;
}

const char *notify_help(enum notify kind)
{
	CHECK(kind < NOTIFY_COUNT);
	return rows[kind].help;
}

enum notify notify_find(struct str name)
{
	enum notify kind = 0;
	while (kind < NOTIFY_COUNT && !str_eq_nocase(name, str_of(rows[kind].name)))
		kind++;
	return kind;
}

enum notify_how notify_preset(enum notify kind, enum role role)
{
	CHECK(kind < NOTIFY_COUNT);
	return role == ROLE_ADMIN ? rows[kind].admins : rows[kind].others;
}

static bool has_word(const char *words, struct str word)
{
	struct str rest = str_of(words), part;
	while (str_split(&rest, ' ', &part))
		if (str_eq(part, word))
			return true;
	return false;
}

/* A scope that no row names is the system's. */
enum notify notify_of_alert(enum alert_rule rule)
{
	struct str scope = str_of(alert_row(rule)->kind);
	for (enum notify kind = 0; kind < NOTIFY_COUNT; kind++)
		if (has_word(rows[kind].scopes, scope))
			return kind;
	return NOTIFY_system;
}

const char *notify_how_text(enum notify_how how)
{
	CHECK(how < NOTIFY_HOWS);
	return hows[how];
}

enum notify_how notify_how_find(struct str text)
{
	enum notify_how how = 0;
	while (how < NOTIFY_HOWS && !str_eq_nocase(text, str_of(hows[how])))
		how++;
	return how;
}
