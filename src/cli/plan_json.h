/* plan_json.h - a memory plan for programs: one object.
 *
 *   components  name items bytes_per_item original corrected planned measured bound within
 *   totals      original corrected planned measured bound headroom maxmemory of all Redis;
 *               `everything` but the terminals, resident: planned measured bound; `segments`:
 *               name planned measured headroom maxmemory full_in_s; `costs`: which table; and,
 *               where something was measured, `server`: version scale_percent and, by segment,
 *               idle used rss fragmentation; `filled`: name planned measured deviation_percent
 *               allowed_percent
 *   faults      rule where original corrected
 *   within_bounds, summary
 *
 * Bytes are those of used_memory; what is not there is null. Numbers are exact decimals. */
#pragma once

#include "cli/plan_view.h"

void plan_json_print(struct buf *out, const struct plan_view *view);
