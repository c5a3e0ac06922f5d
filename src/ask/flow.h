/* flow.h - what /flow knows of one market. Internal to ask/. */
#pragma once

#include "ask/scene.h"
#include "market/analysis.h"

enum { FLOW_WINDOWS = 5, FLOW_DIVERGENCE_MINUTES = 15 };

extern const int32_t flow_spans[FLOW_WINDOWS]; /* 1 5 15 30 60 */

struct flow_trades {
	struct large_trade trades[MARKET_WHALES > MARKET_LARGEST ? MARKET_WHALES : MARKET_LARGEST];
	size_t count;
	bool more; /* at least one more is likely: the list was full */
};

struct flow_facts {
	struct window windows[FLOW_WINDOWS];
	double vwap; /* of 24 h, price units */
	enum divergence divergence;
	struct flow_trades largest; /* of 24 h, largest first */
	struct flow_trades whales;  /* of 24 h, newest first */
	struct book_top top;        /* t_ms 0: none */
	bool from_depth;            /* its best levels: no quote is known */
	double mid, spread_bp;      /* NAN: unknown */
	int64_t top_age_ms, depth_age_ms;
	bool top_stale, depth_stale; /* older than market.stale_ms */
	struct book_depth depth;
	double depth_10bp, depth_50bp; /* imbalance -1..1; NAN: unknown */
};

void flow_facts(const struct scene *scene, const struct scene_market *market,
		struct flow_facts *out);
i128 flow_trade_quote(const struct large_trade *trade); /* × 10^quote_scale */
void flow_print_market(const struct scene *scene, const void *facts, size_t index,
		       struct page *page);
void flow_json_market(const struct scene *scene, const struct scene_market *market,
		      const struct flow_facts *facts, struct json_out *json);
