/* plan_impl.h - shared by the plan's own files. */
#pragma once

#include "base/decimal.h"
#include "memory/plan.h"

enum { PLAN_BUSY_TRADES_S = 500 }; /* of the row tape_500 */

/* A component's sum is at most this: all of them together fit 63 bits. */
#define PLAN_BYTES_MAX ((int64_t)1 << 56)

enum plan_total {
#define PLAN_TOTAL(id, name, bound, bound_1000) PLAN_TOTAL_##id,
#include "def/plan.def"
	PLAN_TOTALS
};

/* -1 as soon as an operand is -1 or the result does not fit. */
int64_t plan_times(int64_t a, int64_t b);
int64_t plan_plus(int64_t a, int64_t b);

/* "19.44 GB", "1,202.95 MB": two places, in the unit below where that has them exactly; units of
 * 10^3, halves up. */
void plan_bytes_put(struct buf *out, int64_t bytes);
/* One place: "170.2 MB". */
void plan_bytes_round_put(struct buf *out, int64_t bytes);
/* "144,000" */
void plan_count_put(struct buf *out, int64_t count);
/* "52 min", "24 h", "3.5 d" */
void plan_time_put(struct buf *out, int64_t seconds);

/* A buffer over a char array that leaves room for the NUL, which end puts behind the text. What
 * does not fit is left out from there on. */
struct buf plan_words(char *text, size_t size);
void plan_words_end(struct buf *words);

/* What a component's items cost, wherever they are: results also that are spilled to disk. */
int64_t plan_sum(const struct plan_load *load, const struct plan_costs *costs,
		 enum plan_component component);
/* Is it a part of the sums, with the load's mix? */
bool plan_counts(const struct plan_load *load, enum plan_component component);
/* The bound of a component under a load: it grows as the load's items do, weighed with the
 * shipped costs. -1: it has none. */
int64_t plan_bound(const struct plan_load *load, enum plan_component component);
int64_t plan_total_bound(const struct plan_load *load, enum plan_total total);

/* A segment of the plan, from its figures, which are those of def/plan.def. */
void plan_make_segment(const struct plan *plan, const struct plan_costs *costs,
		       enum segment segment, struct plan_segment *out);

/* RANGE: a figure of the load is beyond its bounds. */
MUST_CHECK enum status plan_check_load(const struct plan_load *load, struct err *err);

/* Adds a finding; a full list counts. The texts are cut to their room. */
void plan_find(struct plan *plan, enum plan_fault rule, struct str where, struct str original,
	       struct str corrected);
