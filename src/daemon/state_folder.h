/* state_folder.h - the state directory: made, locked, of a known version.
 *
 * `weir.lock` holds the pid of the weir that owns it; `schema` its version: a newer
 * one is refused, an older one would be migrated (there is none yet). What lies
 * inside belongs to the modules (contracts in README, State directory). */
#pragma once

#include "base/err.h"

enum { STATE_SCHEMA = 1 };

struct state_folder;

/* IN_USE names the holder; VERSION a schema that this weir does not know. */
MUST_CHECK enum status state_folder_open(const char *path, struct state_folder **folder,
					 struct err *err);
void state_folder_close(struct state_folder *folder); /* NULL is fine */
