/* sum.h - exact sums of decimals of different scales: quote volumes of several
 * markets, whose price and quantity scales differ.
 *
 * 128 bits at the largest scale seen. A sum that would not fit is marked bad and
 * prints as unknown; it is never a wrong figure. By value. Any thread. */
#pragma once

#include "base/json_out.h"
#include "ask/figure.h"
#include "market/market.h"

struct sum {
	i128 value; /* × 10^scale */
	int32_t scale;
	bool bad;
};

void sum_add(struct sum *sum, i128 value, int32_t scale); /* scale 0..36 */
struct sum sum_minus(struct sum a, struct sum b);
struct sum sum_plus(struct sum a, struct sum b);
struct figure sum_short(const struct sum *sum, enum figure_sign sign);
void sum_json(const struct sum *sum, struct json_out *json, const char *key);

/* Taker buy and sell in quote units, over markets. */
struct quote_flow {
	struct sum buy, sell;
};

void quote_flow_add(struct quote_flow *total, const struct flow *flow, int32_t quote_scale);
struct sum quote_flow_delta(const struct quote_flow *total);
struct sum quote_flow_volume(const struct quote_flow *total);
/* As a flow of analysis.h whose base unit is 0.0001 of the quote unit, for its
 * ratios: no flow (undefined everywhere) when the sums do not fit. */
struct flow quote_flow_as_flow(const struct quote_flow *total);
