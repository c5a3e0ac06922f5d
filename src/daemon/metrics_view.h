/* metrics_view.h - everything counted, under the names of metrics.def, in the text
 * format of Prometheus 0.0.4. From memory only. */
#pragma once

#include "daemon/daemon.h"

void metrics_view_print(struct daemon *daemon, struct buf *out);
