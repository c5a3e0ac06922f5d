/* axis.h - where the lines of an axis lie and what is written at them: round numbers (1, 2,
 * 25 or 5 and zeros), whole times of UTC. Integers only. Internal to picture/. Any thread. */
#pragma once

#include "ask/figure.h"

struct axis {
	i128 low, high; /* ends of the range, low < high; × 10^scale */
	i128 first;     /* the first line at or above low */
	i128 step;      /* from line to line */
	int32_t scale;
	int32_t unit;   /* power of ten of what is written: 0 3 6 9 12 */
	int32_t places; /* that the lines need behind the point */
	bool is_price;
};

enum axis_base {
	AXIS_FREE,    /* a little more than from least to most */
	AXIS_ON_ZERO, /* zero is in it; its end there is no more than zero */
};

/* Values of up to 10^36 on either side count; larger ones as that. At most `lines` (≥ 1)
 * lines, one more where the range is that narrow. */
void axis_init(struct axis *axis, i128 least, i128 most, enum axis_base base, int32_t scale,
	       bool is_price, int32_t lines);
struct figure axis_line_text(const struct axis *axis, i128 value);
/* A value between the lines: one place more; a price as prices are written. */
struct figure axis_value_text(const struct axis *axis, i128 value);
/* 0 at low, 1 at high; beyond them for what lies beyond. */
double axis_place(const struct axis *axis, i128 value);

/* The shortest whole step with at most `lines` lines in span_ms. */
int64_t axis_time_step(int64_t span_ms, int32_t lines);
/* "14:05"; at the start of a day "8 Aug"; at steps of 30 days and more "Aug 2024". */
struct figure axis_time_text(int64_t t_ms, int64_t step_ms);
