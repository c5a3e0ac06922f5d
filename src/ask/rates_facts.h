/* rates_facts.h - open interest and funding of a scene's markets, worked out once for all
 * answers that show them, and how old they may be (RATES_OI_FRESH_MS, RATES_FRESH_MS of
 * market/rates.h; the mark price, as trades, market.stale_ms). Internal to ask/. */
#pragma once

#include "ask/scene.h"

enum { OI_WINDOWS = 3 };

extern const int32_t oi_spans[OI_WINDOWS]; /* 15 60 1440 minutes */

struct oi_facts {
	bool known;
	bool stale; /* older than RATES_OI_FRESH_MS */
	struct oi_sample sample;
	int64_t age_ms;
	bool has_quote;
	i128 quote; /* × 10^quote_scale: open interest × price of the newest trade */
	int32_t quote_scale;
	struct oi_change changes[OI_WINDOWS];
};

struct funding_facts {
	bool known;
	bool stale; /* older than RATES_FRESH_MS */
	struct funding_state state;
	int64_t age_ms;
	double rate, annual; /* fractions; NAN where not known */
	int64_t left_ms;     /* to the next funding; < 0: not known, or over */
	enum funding_pressure pressure;
	bool has_mark;
	bool mark_stale; /* older than market.stale_ms */
	struct mark_state mark;
	int64_t mark_age_ms;
	double premium; /* mark / index - 1; NAN */
};

/* Over the scene's dollar markets of which it is known. */
struct oi_total {
	size_t markets;
	bool stale; /* of one of them it is */
	struct sum base, quote;
	struct sum change[OI_WINDOWS];
	double percent[OI_WINDOWS]; /* NAN where a market lacks the sample */
	/* Of the sum's change and of the price, where it moved one way in all; else NONE. */
	enum oi_class class[OI_WINDOWS];
};

/* Annual rate weighted by open interest in quote units. */
struct funding_total {
	size_t markets; /* dollar markets of which both are known */
	double annual;  /* a fraction; NAN: of none */
	bool stale;
};

/* The venue's own rolling 24 h, where not every minute of weir's is known. */
struct venue_day {
	bool has_change, has_volume;
	bool stale; /* older than RATES_FRESH_MS */
	int64_t age_ms;
	struct decimal change_percent, quote_volume;
};

void venue_day_of(const struct scene *scene, const struct scene_market *market,
		  struct venue_day *out);
void oi_facts_of(const struct scene *scene, const struct scene_market *market,
		 struct oi_facts *out);
void funding_facts_of(const struct scene *scene, const struct scene_market *market,
		      struct funding_facts *out);
/* Arrays of scene->count. */
void oi_total_of(const struct scene *scene, const struct oi_facts *facts, struct oi_total *out);
void funding_total_of(const struct scene *scene, const struct oi_facts *oi,
		      const struct funding_facts *funding, struct funding_total *out);

enum rates_figure { RATES_OI = 1, RATES_FUNDING = 2, RATES_MARK = 4, RATES_VENUE = 8 };
/* Whether one of these figures (of `which`) is stale, of any market. */
bool rates_any_stale(const struct scene *scene, unsigned which);

/* "+0.0100 %", and per year "+10.95 %". */
struct figure funding_rate_number(double rate);
struct figure funding_annual_number(double annual);
/* A change in percent, six characters at most. */
struct figure oi_percent_number(double percent);
/* A row that says how old the figure above it is; nothing where it is not stale. */
void rates_print_stale(bool stale, int64_t age_ms, struct page *page);
/* "open_interest", "open_interest_ms", "open_interest_stale". */
void oi_json(const struct oi_facts *facts, struct json_out *json);
/* "funding_rate", "funding_annual_percent", "funding_next_ms", "funding_stale". */
void funding_json(const struct funding_facts *facts, struct json_out *json);
