/* plan_make.h - a plan from an audit: per family what it becomes, or where it moves.
 *
 * Names get a namespace by the family's use (indicators: counters: locks: queues: cache: sessions:
 * market: trades:), `v1`, and the old name's parts with `:` between them: `{symbol}_{tf}_RSI14` →
 * `indicators:v1:{symbol}:{tf}:rsi14`. Strings of flat JSON that belong reshaped become hashes,
 * lists that are queues streams, large strings packed. What belongs in a database moves there when
 * a sink for it is told; else it gets its name in Redis, and the rule says where it belongs.
 * Families that are well named and belong as they are stay. Temporary uses without TTL get one.
 *
 * Families whose names another family's pattern has as well, or whose target would be a source, are
 * left out and counted: a person decides. The first PLAN_MAKE_MAX by bytes are looked at. The plan
 * is one that plan_file_parse takes. Pure. */
#pragma once

#include "migrate/plan_file.h"

enum { PLAN_MAKE_MAX = 1000 };

struct plan_make {
	struct str source;                    /* URL; empty: the audit's */
	const char *sink_urls[MIGRATE_SINKS]; /* NULL: none */
	const int *databases;
	size_t n_databases; /* 0: [0] */
};

struct plan_made {
	int64_t families, keys;
	int64_t by_form[MIGRATE_FORMS], by_sink[MIGRATE_SINKS];
	int64_t left_out, left_out_keys;
};

/* audit: the JSON of `weir audit --json`. FORMAT: it is none. */
MUST_CHECK enum status plan_file_make(struct str audit, const struct plan_make *wishes,
				      struct buf *out, struct plan_made *made, struct err *err);
