/* target.h - what a signal's `to` names (contracts.md).
 *
 *   INSTANCE · account:LOGIN@SERVER · group:NAME · all
 *
 * A word with another prefix is an instance's id that nobody has. Pure; any thread. */
#pragma once

#include "base/str.h"

enum target_kind { TARGET_INSTANCE, TARGET_ACCOUNT, TARGET_GROUP, TARGET_ALL };

struct target {
	enum target_kind kind;
	struct str name; /* INSTANCE's id, GROUP's name, ACCOUNT's server; of the text read */
	int64_t login;   /* ACCOUNT */
	bool no_drain;   /* GROUP: without those whose host is draining */
};

/* FORMAT: account: without LOGIN@SERVER, group: without a name, nothing at all. */
MUST_CHECK enum status target_read(struct target *out, struct str text);
