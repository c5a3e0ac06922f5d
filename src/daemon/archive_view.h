/* archive_view.h - where the archive stands: file, streams, tables, sinks. Loop thread. */
#pragma once

#include "daemon/archiving.h"

/* One JSON object and LF. */
void archive_view_print(struct archiving *archiving, struct buf *out);
/* A line for the status view. */
void archive_view_line(struct archiving *archiving, struct buf *out);
