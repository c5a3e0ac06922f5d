/* analysis.h - what /analysis puts together, worked out once. Internal to ask/. */
#pragma once

#include "ask/rates_facts.h"
#include "market/analysis.h"

enum { ANALYSIS_FLOWS = 3 }; /* 15m 60m 24h */

extern const int32_t analysis_spans[ANALYSIS_FLOWS];

struct analysis_indicators {
	int32_t minutes; /* the timeframe */
	enum ta_convention convention;
	bool stale;                     /* a newer bar has closed since */
	struct indicator_values closed; /* over the closed bars */
	struct indicator_values open;   /* with the open bar behind; see open.provisional */
};

struct analysis_facts {
	struct oi_facts oi[ASK_MARKETS_MAX];
	struct funding_facts funding[ASK_MARKETS_MAX];
	struct oi_total oi_total;
	struct funding_total funding_total;
	/* Over the dollar markets; where there is none, of the lead in its own quote. */
	struct quote_flow flows[ANALYSIS_FLOWS];
	bool gaps[ANALYSIS_FLOWS]; /* not every minute of it is known */
	struct sum cvd;            /* quote units, each market from its own origin */
	size_t lead; /* the market with the most volume: swings and indicators are its own */
	double volatility, atr;
	enum trend trend;
	enum divergence divergence;
	struct spike spike;
	enum control control;
	enum momentum momentum;
	enum activity activity;
	double activity_times;
	struct liquidation_sums liquidations; /* 60 minutes, of the asset */
	bool in_cascade;
	struct cascade cascade;
	struct analysis_indicators indicators[SERIES_TIMEFRAMES_MAX];
	size_t n_indicators;
};

void analysis_find(const struct scene *scene, struct analysis_facts *out);
void analysis_print(const struct scene *scene, const struct analysis_facts *facts,
		    struct page *page);
