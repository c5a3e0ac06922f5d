/* status.h - the one status enum, from src/def/status.def.
 *
 * Every call that can fail returns it and is MUST_CHECK. Outputs are written
 * only on STATUS_OK. Any thread. */
#pragma once

enum status {
#define STATUS(name, text) STATUS_##name,
#include "def/status.def"
#undef STATUS
	STATUS_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* The table's text, and its name as it stands there ("REDIS_OOM"); never NULL. */
const char *status_text(enum status status);
const char *status_name(enum status status);
