/* report.h - an audit for people and for programs: text, JSON, and one self-contained page.
 *
 * The JSON has the shape of spec audit.md 1 (`source keys bytes families findings code`), with
 * what else is known beside it: absent figures are null, names are printed (audit_name_print).
 * The page asks nothing of any other place and runs no script. After audit_run; pure. */
#pragma once

#include "audit/audit.h"

struct audit_report_about {
	struct str source;       /* what was audited, as it is shown: no password */
	int64_t now_ms, took_ms; /* took_ms -1: not told */
	struct str stopped;      /* why not all of it was read; empty: all was */
	int64_t files_left_out;  /* of the source tree: too large, unreadable, too deep, too many */
	size_t rows;             /* of families in the text; 0: 30. JSON and page have all */
};

enum { AUDIT_REPORT_BYTES_MAX = 64 << 20 };

void audit_report_text(const struct audit *audit, const struct audit_report_about *about,
		       bool colour, struct buf *out);
void audit_report_json(const struct audit *audit, const struct audit_report_about *about,
		       struct buf *out);
void audit_report_html(const struct audit *audit, const struct audit_report_about *about,
		       struct buf *out);
