#include "ask/sum.h"

#include "base/check.h"

/* False when it would not fit; *value is then untouched. */
static bool raise(i128 *value, int32_t from, int32_t to)
{
	i128 raised = *value;
	for (int32_t scale = from; scale < to; scale++)
		if (__builtin_mul_overflow(raised, (i128)10, &raised))
			return false;
	*value = raised;
	return true;
}

void sum_add(struct sum *sum, i128 value, int32_t scale)
{
	CHECK(scale >= 0 && scale <= 2 * DECIMAL_SCALE_MAX);
	int32_t common = sum->scale > scale ? sum->scale : scale;
	i128 total = sum->value;
	if (!raise(&total, sum->scale, common) || !raise(&value, scale, common) ||
	    __builtin_add_overflow(total, value, &total)) {
		sum->bad = true;
		return;
	}
	sum->value = total;
	sum->scale = common;
}

struct sum sum_plus(struct sum a, struct sum b)
{
	sum_add(&a, b.value, b.scale);
	a.bad |= b.bad;
	return a;
}

struct sum sum_minus(struct sum a, struct sum b)
{
	b.value = -b.value;
	return sum_plus(a, b);
}

struct figure sum_short(const struct sum *sum, enum figure_sign sign)
{
	return sum->bad ? figure_none() : figure_short(sum->value, sum->scale, sign);
}

void sum_json(const struct sum *sum, struct json_out *json, const char *key)
{
	if (sum->bad)
		json_out_null(json, key);
	else
		json_out_decimal(json, key, sum->value, sum->scale);
}

void quote_flow_add(struct quote_flow *total, const struct flow *flow, int32_t quote_scale)
{
	sum_add(&total->buy, flow->buy_quote, quote_scale);
	sum_add(&total->sell, flow->sell_quote, quote_scale);
}

struct sum quote_flow_delta(const struct quote_flow *total)
{
	return sum_minus(total->buy, total->sell);
}

struct sum quote_flow_volume(const struct quote_flow *total)
{
	return sum_plus(total->buy, total->sell);
}

enum { FLOW_SCALE = 4 };

static bool as_flow_quantity(const struct sum *sum, int64_t *out)
{
	i128 value = sum->value;
	if (sum->bad || !raise(&value, sum->scale, FLOW_SCALE))
		return false;
	for (int32_t scale = sum->scale; scale > FLOW_SCALE; scale--)
		value /= 10;
	/* Half the range, so that buy + sell fits too. */
	if (value < 0 || value > INT64_MAX / 2)
		return false;
	*out = (int64_t)value;
	return true;
}

struct flow quote_flow_as_flow(const struct quote_flow *total)
{
	struct flow flow = { 0 };
	if (!as_flow_quantity(&total->buy, &flow.buy) ||
	    !as_flow_quantity(&total->sell, &flow.sell))
		return (struct flow){ 0 };
	return flow;
}
