/* metrics.h - the names of what is counted, from metrics.def, and their text in
 * Prometheus' exposition format 0.0.4. Any thread. */
#pragma once

#include "base/buf.h"

enum metric {
#define METRIC(id, name, type, labels, help) METRIC_##id,
#include "def/metrics.def"
#undef METRIC
	METRIC_COUNT
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };
enum { METRIC_LABELS_MAX = 4 };

struct metric_row {
	const char *name;
	enum metric_type type;
	const char *labels; /* names separated by one blank */
	const char *help;
};

const struct metric_row *metric_row(enum metric metric);
const char *metric_type_text(enum metric_type type); /* "counter" "gauge" */

/* The HELP and TYPE lines: once, before the samples of a metric. */
void metric_head(struct buf *buf, enum metric metric);
/* One sample; `values` has as many label values as the row has labels. */
void metric_sample(struct buf *buf, enum metric metric, const struct str *values, size_t n_values,
		   uint64_t value);
