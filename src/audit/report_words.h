/* report_words.h - figures and rows that the text and the page have in common. Only for report_*.c.
 */
#pragma once

#include "audit/report.h"
#include "base/buf.h"

/* "18.2 MB"; "unknown" below 0. */
void report_bytes(struct buf *out, int64_t bytes);
/* "1,234,567"; "unknown" below 0. */
void report_count(struct buf *out, int64_t count);
/* Whole percents of a sum, "<1 %" where there is something; "" of nothing. */
void report_share(struct buf *out, int64_t part, int64_t whole);
/* "2026-11-21 22:40:01 UTC". */
void report_time(struct buf *out, int64_t ms);

struct report_sums {
	int64_t findings[SEVERITIES], count[SEVERITIES];
	int64_t saving; /* of findings that claim one; -1: none does. Savings of one family count
			 * once: the largest */
};

void report_sum(const struct audit *audit, struct report_sums *sums);

/* What is known of the server, one by one: fn(ctx, name, value). */
void report_server(const struct audit_server *server,
		   void (*fn)(void *ctx, const char *name, struct str value), void *ctx);
/* "string list": the types of a pattern in code. */
void report_types(struct buf *out, uint32_t types);
