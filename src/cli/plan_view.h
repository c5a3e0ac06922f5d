/* plan_view.h - what the three forms of a plan (text, JSON, HTML) are made from, and the words
 * they share.
 *
 * A plan comes from a document's text: whatever that holds, plan_view_clean makes its texts
 * printable before anything else. Bytes are written with three digits and powers of 1,000
 * ("9.18 MB"), what is not there as "–". Nothing here allocates. */
#pragma once

#include "base/buf.h"
#include "measure/measure.h"
#include "memory/plan.h"

struct plan_view {
	const struct plan *plan;
	const char *table; /* the costs: which, of which version; one sentence */
	const struct measure_result *measured; /* NULL: nothing was measured */
	const struct plan *filled; /* the projection of what was filled; NULL with measured */
	int64_t scale_1000;        /* of the load, that was filled; 1000: all of it */
};

/* How far a projection is from what was measured. */
struct plan_deviation {
	bool known;       /* both are there, and something was measured */
	bool within;      /* of what is promised */
	int64_t permille; /* (planned - measured) / measured */
	int limit;        /* percent: 5, of streams 10 */
};

/* Replaces control characters and bytes that are not UTF-8: in a text, in those of a plan. */
void plan_view_clean_text(char *text);
void plan_view_clean(struct plan *plan);
struct plan_deviation plan_view_deviation(int64_t planned, int64_t measured, bool stream);
/* The terminals' own memory: a figure that is only an estimate. */
bool plan_view_is_estimate(const struct plan_figures *figures);
/* "ok", "OVER", "estimate", or "–" where there is no bound. */
const char *plan_view_verdict(const struct plan_figures *figures);

void plan_put_bytes(struct buf *out, int64_t bytes);       /* "9.18 MB" */
void plan_put_count(struct buf *out, int64_t count);       /* "155,520,000" */
void plan_put_1000(struct buf *out, int64_t value);        /* thousandths: "1,234.5" */
void plan_put_seconds(struct buf *out, int64_t seconds);   /* "52 min"; -1 "never" */
void plan_put_permille(struct buf *out, int64_t permille); /* "+0.8 %" */
/* Arithmetic, and what it comes to: "100 x 2.5 KB = 250 kB"; words stay as they are. */
void plan_put_how(struct buf *out, const char *how, int64_t bytes);
/* One sentence. */
void plan_put_load(struct buf *out, const struct plan_load *load);
/* What was measured, on what, and how it was brought to the whole load. One sentence. */
void plan_put_measurement(struct buf *out, const struct plan_view *view);
