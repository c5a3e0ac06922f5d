/* status_view.h - what weir is doing, as a block of text for people. */
#pragma once

#include "daemon/daemon.h"

/* Segments, feed and markets, at most 100 columns wide. */
void status_view_print(struct daemon *daemon, struct buf *out);
