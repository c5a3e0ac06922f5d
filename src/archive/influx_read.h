/* influx_read.h - moved rows back out of InfluxDB: what is asked, and its answer. Pure. */
#pragma once

#include "archive/sink.h"
#include "base/buf.h"

/* "measurement" WHERE batch_id = … AND time … LIMIT …: what stands behind FROM "database"."policy".
 */
void influx_put_read(struct buf *sql, const struct sink_read *read);
/* The answer's rows, asked for with epoch=ns, are appended to read->rows. INVALID: it is no such
 * answer; else as sink_take_row. */
MUST_CHECK enum status influx_take_rows(struct str body, const struct sink_read *read);
