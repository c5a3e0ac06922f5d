/* config_file.h - the settings of this process: the configuration file and the
 * environment through def/config.h. Blocking; for start and SIGHUP. */
#pragma once

#include "base/err.h"
#include "def/config.h"

#define CONFIG_FILE_NAME "weir.conf"

/* path NULL: ./weir.conf where there is one, else defaults and environment alone. A
 * file that holds a password must be readable by its owner only.
 * INVALID: err has the first problem and how many more there are; *problems (may be
 * NULL) has them all, and none when the file could not be read at all. */
MUST_CHECK enum status config_file_load(const char *path, struct config **out,
					struct config_problems *problems, struct err *err);
