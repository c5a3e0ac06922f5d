/* metrics.h - the names of what is counted, from metrics.def and redis_info.def, and their text
 * in Prometheus' exposition format 0.0.4. Any thread.
 *
 * metric_head once, then the samples of the metric, all together; then the next metric. */
#pragma once

#include "base/buf.h"
#include "base/hist.h"
#include "base/number.h"
#include "base/spread.h"

enum metric {
#define METRIC(id, name, type, labels, help) METRIC_##id,
#include "def/metrics.def"
#undef METRIC
	METRIC_INFO_FIRST, /* the rows of redis_info.def, in their order */
	METRIC_INFO_BEFORE = METRIC_INFO_FIRST - 1,
#define REDIS_INFO(id, info, type, name, help) METRIC_INFO_##id,
#include "def/redis_info.def"
#undef REDIS_INFO
	METRIC_DESIGN_FIRST, /* /metrics/design */
	METRIC_DESIGN_BEFORE = METRIC_DESIGN_FIRST - 1,
#define METRIC_DESIGN(id, name, type, labels, help) METRIC_##id,
#include "def/metrics_design.def"
	METRIC_IDS_FIRST, /* /metrics/ids */
	METRIC_IDS_BEFORE = METRIC_IDS_FIRST - 1,
#define METRIC_ID(id, name, type, labels, help) METRIC_##id,
#include "def/metrics_design.def"
	METRIC_COUNT
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_SUMMARY };
enum { METRIC_LABELS_MAX = 4 };

struct metric_row {
	const char *name;
	enum metric_type type;
	const char *labels; /* names separated by one blank */
	const char *help;
};

const struct metric_row *metric_row(enum metric metric);
const char *metric_type_text(enum metric_type type); /* "counter" "gauge" … */

/* The HELP and TYPE lines: once, before the samples of a metric. */
void metric_head(struct buf *buf, enum metric metric);
/* One sample; `values` has as many label values as the row has labels. */
void metric_sample(struct buf *buf, enum metric metric, const struct str *values, size_t n_values,
		   uint64_t value);
void metric_sample_real(struct buf *buf, enum metric metric, const struct str *values,
			size_t n_values, double value);
void metric_sample_number(struct buf *buf, enum metric metric, const struct str *values,
			  size_t n_values, struct number value);
/* Of a HISTOGRAM: its buckets, each with all below it, +Inf, sum and count. */
void metric_histogram(struct buf *buf, enum metric metric, const struct str *values,
		      size_t n_values, const struct spread *spread);
/* Of a SUMMARY: sum and count; with the quantiles 0.5, 0.99 and 1 of `hist`, times `scale`. */
void metric_summary(struct buf *buf, enum metric metric, const struct str *values, size_t n_values,
		    double sum, uint64_t count);
void metric_quantiles(struct buf *buf, enum metric metric, const struct hist *hist, double scale);
