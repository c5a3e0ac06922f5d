/* metrics_view.h - everything counted, under the names of metrics.def, in the text
 * format of Prometheus 0.0.4. From memory only: no server is asked. Loop thread. */
#pragma once

#include "daemon/daemon.h"

void metrics_view_print(struct daemon *daemon, struct buf *out);
/* /metrics/design and /metrics/ids (operate.md 1). */
void metrics_design_print(struct daemon *daemon, struct buf *out);
void metrics_ids_print(struct daemon *daemon, struct buf *out);
