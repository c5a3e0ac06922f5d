/* roles.h - what people may do, from roles.def. Any thread. */
#pragma once

#include "base/str.h"

/* Each includes what those before it may. */
enum role {
#define ROLE(id, name, may) ROLE_##id,
#include "def/roles.def"
#undef ROLE
	ROLE_COUNT
};

const char *role_text(enum role role); /* "reader" */
const char *role_may(enum role role);
enum role role_find(struct str name); /* ROLE_COUNT: there is none */
