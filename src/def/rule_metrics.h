/* rule_metrics.h - what an alert of a person's own can watch, from rule_metrics.def. Any
 * thread. */
#pragma once

#include "base/str.h"

enum rule_metric {
#define RULE_METRIC(id, word, scope, kind, timeframe, unit, preset, least, most, margin, help)     \
	RULE_##id,
#include "def/rule_metrics.def"
#undef RULE_METRIC
	RULE_METRICS
};

enum rule_scope { RULE_MARKET, RULE_PERP, RULE_ASSET, RULE_TERMINAL };
enum rule_kind { RULE_LEVEL, RULE_EVENT };

struct rule_metric_row {
	const char *word; /* "price"; "" of a terminal, whose events are words themselves */
	enum rule_scope scope;
	enum rule_kind kind;
	int32_t timeframe; /* in minutes, when none is written; 0: none is taken */
	const char *unit;
	const char *preset; /* "> 300"; "": the condition must be written */
	int64_t least, most;
	int32_t margin; /* thousandths of the threshold */
	const char *help;
};

const struct rule_metric_row *rule_metric_row(enum rule_metric metric);
/* Any case; RULE_METRICS: there is none. */
enum rule_metric rule_metric_find(struct str word);
