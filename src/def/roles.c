#include "def/roles.h"

#include "base/check.h"

static const struct role_row {
	const char *name, *may;
} rows[] = {
#define ROLE(id, name, may) { name, may },
#include "def/roles.def"
#undef ROLE
};

const char *role_text(enum role role)
{
	CHECK(role < ROLE_COUNT);
	return rows[role].name;
}

const char *role_may(enum role role)
{
	CHECK(role < ROLE_COUNT);
	return rows[role].may;
}

enum role role_find(struct str name)
{
	enum role role = ROLE_NONE;
	while (role < ROLE_COUNT && !str_eq_nocase(name, str_of(rows[role].name)))
		role++;
	return role;
}
