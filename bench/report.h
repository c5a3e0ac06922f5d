/* report.h - one line a figure: name, median [spread] unit, and its bound. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPORT_RUNS_MAX = 64 };

struct samples {
	double values[REPORT_RUNS_MAX];
	size_t count;
};

static inline void samples_add(struct samples *samples, double value)
{
	if (samples->count < REPORT_RUNS_MAX)
		samples->values[samples->count++] = value;
}

static inline int samples_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static inline double samples_median(struct samples *samples)
{
	qsort(samples->values, samples->count, sizeof(double), samples_compare);
	return samples->count ? samples->values[samples->count / 2] : 0;
}

/* Prints "name median [min..max] unit". */
static inline double report(const char *name, struct samples *samples, const char *unit)
{
	double median = samples_median(samples);
	printf("%-58s %10.3f [%.3f..%.3f] %s\n", name, median, samples->values[0],
	       samples->values[samples->count - 1], unit);
	fflush(stdout);
	return median;
}

/* And its bound; false when it is missed. */
static inline bool report_bound(const char *name, double value, const char *unit, bool at_least,
				double bound)
{
	bool met = at_least ? value >= bound : value <= bound;
	printf("%-58s %10.3f %s (bound %s %g)%s\n", name, value, unit,
	       at_least ? ">=" : "<=", bound, met ? "" : "  MISSED");
	fflush(stdout);
	return met;
}

static inline double seconds_of(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}
