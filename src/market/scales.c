#include "market/market_impl.h"

static bool at_scale(struct decimal d, int32_t scale, int64_t *out)
{
	return !__builtin_mul_overflow(d.mantissa, decimal_pow10(scale - d.scale), out);
}

static int32_t higher(int32_t a, int32_t b) { return a > b ? a : b; }

bool scales_fit(const struct market *market, const struct incoming *in, struct fit *out)
{
	out->price_scale = higher(market->price_scale, in->price.scale);
	out->qty_scale = higher(market->qty_scale, in->qty.scale);
	out->raise = out->price_scale > market->price_scale || out->qty_scale > market->qty_scale;
	return at_scale(in->price, out->price_scale, &out->price) &&
	       at_scale(in->qty, out->qty_scale, &out->qty);
}

struct factors {
	int64_t price, qty;
};

static struct factors factors_to(const struct market *market, int32_t price_scale,
				 int32_t qty_scale)
{
	return (struct factors){ decimal_pow10(price_scale - market->price_scale),
				 decimal_pow10(qty_scale - market->qty_scale) };
}

static bool hour_can(const struct hour *hour, struct factors by, int64_t qty_more)
{
	const struct flow *flow = &hour->flow;
	int64_t base = flow->buy > flow->sell ? flow->buy : flow->sell;
	i128 quote = flow->buy_quote > flow->sell_quote ? flow->buy_quote : flow->sell_quote;
	return hour->high <= INT64_MAX / by.price && base < (HOUR_BASE_MAX - qty_more) / by.qty &&
	       quote <= HOUR_QUOTE_MAX / by.price / by.qty;
}

static bool large_can(const struct large_trade *trade, struct factors by)
{
	return trade->price <= INT64_MAX / by.price && trade->qty <= INT64_MAX / by.qty;
}

/* Hours answer for their minutes, which are never larger. */
bool scales_can_raise(const struct market *market, int32_t price_scale, int32_t qty_scale,
		      int64_t qty_more)
{
	struct factors by = factors_to(market, price_scale, qty_scale);
	if (qty_more >= HOUR_BASE_MAX)
		return false;
	for (size_t i = 0; i < HOURS; i++)
		if (!hour_can(&market->hours[i], by, qty_more))
			return false;
	for (uint32_t i = 0; i < market->n_whales; i++)
		if (!large_can(&market->whales[i], by))
			return false;
	for (size_t i = 0; i < LARGEST_HOURS; i++)
		for (uint32_t j = 0; j < market->largest[i].n; j++)
			if (!large_can(&market->largest[i].trades[j], by))
				return false;
	return true;
}

static void flow_raise(struct flow *flow, struct factors by)
{
	flow->buy *= by.qty;
	flow->sell *= by.qty;
	flow->buy_quote *= (i128)by.price * by.qty;
	flow->sell_quote *= (i128)by.price * by.qty;
}

static void minute_raise(struct minute *m, struct factors by)
{
	flow_raise(&m->flow, by);
	m->open *= by.price;
	m->high *= by.price;
	m->low *= by.price;
	m->close *= by.price;
}

static void large_raise(struct large_trade *trade, struct factors by)
{
	trade->price *= by.price;
	trade->qty *= by.qty;
}

void scales_raise(struct market *market, int32_t price_scale, int32_t qty_scale)
{
	struct factors by = factors_to(market, price_scale, qty_scale);
	for (size_t i = 0; i < HOURS; i++) {
		struct hour *hour = &market->hours[i];
		flow_raise(&hour->flow, by);
		hour->high *= by.price;
		hour->low *= by.price;
		for (uint64_t held = hour->held; held; held &= held - 1)
			minute_raise(
			    &market->minutes[i * HOUR_MINUTES + (size_t)__builtin_ctzll(held)], by);
	}
	for (uint32_t i = 0; i < market->n_whales; i++)
		large_raise(&market->whales[i], by);
	for (size_t i = 0; i < LARGEST_HOURS; i++)
		for (uint32_t j = 0; j < market->largest[i].n; j++)
			large_raise(&market->largest[i].trades[j], by);
	market->price_scale = price_scale;
	market->qty_scale = qty_scale;
	large_limits(market);
}
