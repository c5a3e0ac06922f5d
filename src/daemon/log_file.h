/* log_file.h - where log lines go: standard error, or a file with one older one
 * beside it (FILE.1), the two never larger together than a bound. Loop thread. */
#pragma once

#include "base/err.h"
#include "def/config.h"

/* Level, format and file as configured; may be called again after a reload (the
 * file itself needs a new start). */
MUST_CHECK enum status log_file_setup(const struct config *config, struct err *err);
