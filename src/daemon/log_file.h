/* log_file.h - where log lines go: standard error, or a file with one older one
 * beside it (FILE.1), the two never larger together than a bound. Loop thread. */
#pragma once

#include "base/err.h"
#include "def/config.h"

/* Level, format and file as configured; may be called again after a reload (the
 * file itself needs a new start). `folder`: where weir.log goes when no file is
 * configured; NULL for standard error. */
MUST_CHECK enum status log_file_setup(const struct config *config, const char *folder,
				      struct err *err);
