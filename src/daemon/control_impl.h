/* control_impl.h - handlers of control requests that have a file of their own. Each writes
 * its answer and returns the exit status. */
#pragma once

#include "daemon/daemon.h"

int control_fleet(struct daemon *daemon, struct str rest, struct buf *answer);
