/* spill.h - an audit's records on disk: struct audit_spill over a file without a name.
 *
 * The file is in `folder`, else $TMPDIR, else /tmp, and is gone with the process, however that
 * ends. It takes bytes_max at most and leaves SPILL_LEAVE_BYTES of the disk to others: beyond
 * either append says DISK_FULL. Blocking; one thread. */
#pragma once

#include "audit/audit.h"
#include "base/err.h"

enum { SPILL_LEAVE_BYTES = 256 << 20 };

struct survey_spill;

/* bytes_max 0: 64 GB. */
MUST_CHECK enum status survey_spill_open(const char *folder, uint64_t bytes_max,
					 struct survey_spill **out, struct err *err);
void survey_spill_close(struct survey_spill *spill); /* NULL is fine */
const struct audit_spill *survey_spill_port(const struct survey_spill *spill);
uint64_t survey_spill_bytes(const struct survey_spill *spill);
/* Why append or read failed, in one line; status OK: neither did. */
const struct err *survey_spill_why(const struct survey_spill *spill);
