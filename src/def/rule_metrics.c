#include "def/rule_metrics.h"

#include "base/check.h"

static const struct rule_metric_row rows[] = {
#define RULE_METRIC(id, word, scope, kind, timeframe, unit, preset, least, most, margin, help)     \
	{ word, RULE_##scope, RULE_##kind, timeframe, unit, preset, least, most, margin, help },
#include "def/rule_metrics.def"
#undef RULE_METRIC
};

const struct rule_metric_row *rule_metric_row(enum rule_metric metric)
{
	CHECK(metric < RULE_METRICS);
	return &rows[metric];
}

enum rule_metric rule_metric_find(struct str word)
{
	enum rule_metric metric = 0;
	while (metric < RULE_METRICS &&
	       (!word.len || !str_eq_nocase(word, str_of(rows[metric].word))))
		metric++;
	return metric;
}
