/* The venue's closed minutes: they fill what the stream did not bring, and prove that
 * what it brought was all. */
#include "market/market_impl.h"

/* value × 10^(to - scale), exactly. */
static bool widen(struct decimal d, int32_t to, i128 *out)
{
	i128 value = d.mantissa;
	if (d.mantissa < 0 || d.scale > to)
		return false;
	for (int32_t i = d.scale; i < to; i++) {
		if (value > HOUR_QUOTE_MAX / 10)
			return false;
		value *= 10;
	}
	*out = value;
	return true;
}

static bool widen_i64(struct decimal d, int32_t to, int64_t *out)
{
	i128 value;
	if (!widen(d, to, &value) || value >= INT64_MAX)
		return false;
	*out = (int64_t)value;
	return true;
}

static int32_t highest(int32_t a, int32_t b, int32_t c)
{
	int32_t most = a > b ? a : b;
	return most > c ? most : c;
}

/* The market's scales rise so that every number of the kline fits them. */
static bool raise_for(struct market *market, const struct event_kline *kline)
{
	int32_t price = highest(highest(kline->open.scale, kline->high.scale, kline->low.scale),
				kline->close.scale, market->price_scale);
	int32_t qty = highest(kline->volume.scale, kline->taker_buy.scale, market->qty_scale);
	int32_t quote = highest(kline->quote_volume.scale, kline->taker_buy_quote.scale, 0);
	if (quote - price > qty)
		qty = quote - price;
	if (qty > DECIMAL_SCALE_MAX || price > DECIMAL_SCALE_MAX)
		return false;
	if (price == market->price_scale && qty == market->qty_scale)
		return true;
	if (!scales_can_raise(market, price, qty, 0))
		return false;
	scales_raise(market, price, qty);
	return true;
}

static bool minute_of_kline(const struct market *market, const struct event_kline *kline,
			    struct minute *out)
{
	int32_t ps = market->price_scale, qs = market->qty_scale;
	int64_t volume;
	i128 quote;
	*out = (struct minute){ 0 };
	if (!widen_i64(kline->open, ps, &out->open) || !widen_i64(kline->high, ps, &out->high) ||
	    !widen_i64(kline->low, ps, &out->low) || !widen_i64(kline->close, ps, &out->close) ||
	    !widen_i64(kline->volume, qs, &volume) ||
	    !widen_i64(kline->taker_buy, qs, &out->flow.buy) ||
	    !widen(kline->quote_volume, ps + qs, &quote) ||
	    !widen(kline->taker_buy_quote, ps + qs, &out->flow.buy_quote))
		return false;
	out->flow.sell = volume - out->flow.buy;
	out->flow.sell_quote = quote - out->flow.buy_quote;
	return out->low > 0 && out->low <= out->open && out->low <= out->close &&
	       out->open <= out->high && out->close <= out->high && out->flow.sell >= 0 &&
	       out->flow.sell_quote >= 0 && volume < HOUR_BASE_MAX;
}

/* The trades counted in the minute (none, when it is not held) come to the kline's
 * volume. */
static bool agrees(const struct market *market, int64_t minute, bool held,
		   const struct event_kline *kline)
{
	const struct flow *flow = &market->minutes[minute_index(minute)].flow;
	int32_t scale = highest(kline->volume.scale, market->qty_scale, 0);
	struct decimal traded = { held ? flow->buy + flow->sell : 0, market->qty_scale };
	i128 a, b;
	return widen(traded, scale, &a) && widen(kline->volume, scale, &b) && a == b;
}

static void set_complete(struct market *market, int64_t minute)
{
	struct hour *hour = &market->hours[hour_index(minute)];
	hour->partial &= ~minute_bit(minute);
	hour->lost &= ~minute_bit(minute);
	hour->known |= minute_bit(minute);
}

static void reach(struct market *market, int64_t minute)
{
	if (!market->newest_ms) {
		market->newest_minute = minute - 1;
		market->first_minute = minute;
		market->interrupted = true; /* the stream will begin somewhere in a minute */
	}
	if (minute > market->newest_minute) {
		minutes_advance(market, minute, false);
		market->newest_ms = minute * MINUTE_MS;
	}
	if (minute < market->first_minute)
		market->first_minute = minute;
}

static enum market_kline replace(struct market *market, int64_t minute, bool held,
				 const struct event_kline *kline)
{
	struct minute m, old;
	if (!kline->has_taker || !raise_for(market, kline) || !minute_of_kline(market, kline, &m))
		return MARKET_KLINE_IGNORED;
	reach(market, minute);
	if (held) {
		old = market->minutes[minute_index(minute)];
		minutes_remove(market, minute);
	}
	if (minutes_put(market, minute, &m, BAR_KLINES)) { /* its hour is full */
		enum status status =
		    held ? minutes_put(market, minute, &old, BAR_PARTIAL) : STATUS_OK;
		CHECK(status == STATUS_OK);
		return MARKET_KLINE_IGNORED;
	}
	set_complete(market, minute);
	return MARKET_KLINE_TAKEN;
}

enum market_kline market_take_kline(struct market *market, const struct event_kline *kline)
{
	int64_t minute = minute_of(kline->open_ms);
	if (!kline->closed || kline->minutes != 1 || kline->open_ms < T_MS_MIN ||
	    kline->open_ms > T_MS_MAX || kline->open_ms % MINUTE_MS)
		return MARKET_KLINE_IGNORED;
	bool retained = market->newest_ms && minute_retained(market, minute);
	bool far_ahead = market->newest_ms && kline->open_ms - market->newest_ms > MARKET_JUMP_MS;
	if (far_ahead || (market->newest_ms && minute < oldest_minute(market)))
		return MARKET_KLINE_IGNORED;
	const struct hour *hour = &market->hours[hour_index(minute)];
	uint64_t bit = minute_bit(minute);
	bool held = retained && (hour->held & bit);
	if (retained && (hour->known & bit) && !(hour->partial & bit))
		return MARKET_KLINE_IGNORED; /* all is known already */
	if (!retained || !agrees(market, minute, held, kline))
		return replace(market, minute, held, kline);
	set_complete(market, minute);
	return MARKET_KLINE_AGREED;
}
