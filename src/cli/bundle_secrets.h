/* bundle_secrets.h - every secret that weir's own files, settings and environment name, so that a
 * support file can be searched for each. Blocking. */
#pragma once

#include "base/redact.h"
#include "cli/doctor.h"
#include "def/config.h"

enum { BUNDLE_SECRETS_MAX = 65536 };

struct bundle_secrets {
	struct buf text; /* the secrets, end to end */
	struct str *known;
	size_t count, room;
	bool is_full; /* there are more than was room for: nothing may be written then */
};

/* config may be NULL. What cannot be read is left out: then it was not read into a log by us. */
void bundle_secrets_read(const struct config *config, const struct doctor_facts *facts,
			 struct bundle_secrets *secrets);
void bundle_secrets_wipe(struct bundle_secrets *secrets);
