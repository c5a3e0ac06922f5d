/* library.h - DuckDB's version, for who does not know its header. Any thread. */
#pragma once

#include "base/err.h"

/* "v1.4.4"; NULL: it cannot be loaded, err says where it was looked for. */
const char *archive_library_version(struct err *err);
