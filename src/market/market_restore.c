/* Stored minutes and taped trades back into a market. */
#include "market/market_impl.h"

static bool bar_sane(const struct bar *bar)
{
	return bar->minute_ms >= T_MS_MIN && bar->minute_ms <= T_MS_MAX &&
	       bar->minute_ms % MINUTE_MS == 0 && bar->low > 0 && bar->low <= bar->open &&
	       bar->low <= bar->close && bar->open <= bar->high && bar->close <= bar->high &&
	       bar->buy >= 0 && bar->sell >= 0 && bar->buy_quote >= 0 && bar->sell_quote >= 0 &&
	       bar->buy_quote <= HOUR_QUOTE_MAX && bar->sell_quote <= HOUR_QUOTE_MAX &&
	       bar->id_first >= 0 && bar->id_last >= bar->id_first && bar->id_last < ID_MAX;
}

static bool raise_i64(int64_t value, int64_t by, int64_t *out)
{
	return !__builtin_mul_overflow(value, by, out);
}

static bool raise_i128(i128 value, int64_t by_price, int64_t by_qty, i128 *out)
{
	*out = value * by_price * by_qty;
	return value <= HOUR_QUOTE_MAX / by_price / by_qty;
}

/* A minute as the ring holds it, out of a bar at lower scales. */
static bool minute_of_bar(const struct market *market, const struct bar *bar, int64_t by_price,
			  int64_t by_qty, struct minute *out)
{
	int64_t minute_end = bar->minute_ms + MINUTE_MS - 1;
	*out = (struct minute){
		.flow = { .n_buy = bar->n_buy, .n_sell = bar->n_sell },
		/* where times decide, no later trade may displace what is stored */
		.first_key = market->ordered ? bar->id_first : bar->minute_ms,
		.last_key = market->ordered ? bar->id_last : minute_end,
	};
	return raise_i64(bar->open, by_price, &out->open) &&
	       raise_i64(bar->high, by_price, &out->high) &&
	       raise_i64(bar->low, by_price, &out->low) &&
	       raise_i64(bar->close, by_price, &out->close) &&
	       raise_i64(bar->buy, by_qty, &out->flow.buy) &&
	       raise_i64(bar->sell, by_qty, &out->flow.sell) &&
	       raise_i128(bar->buy_quote, by_price, by_qty, &out->flow.buy_quote) &&
	       raise_i128(bar->sell_quote, by_price, by_qty, &out->flow.sell_quote) &&
	       out->flow.buy < HOUR_BASE_MAX && out->flow.sell < HOUR_BASE_MAX;
}

/* Whether the minutes between two held neighbours are proved to be empty, by what
 * the two say alone. */
static bool neighbours_join(const struct market *market, int64_t earlier, int64_t later)
{
	if (market->ordered) {
		int64_t last = minutes_last_id(market, earlier);
		return last >= 0 && minutes_last_id(market, later) >= 0 &&
		       market->minutes[minute_index(later)].first_key == last + 1;
	}
	return !(minutes_flags(market, earlier) & minutes_flags(market, later) & BAR_PARTIAL);
}

void minutes_join(struct market *market, int64_t minute)
{
	int64_t before = minutes_previous_held(market, minute - 1);
	int64_t after = minutes_next_held(market, minute + 1);
	if (before >= 0)
		minutes_mark_known(market, before + 1, minute - 1,
				   neighbours_join(market, before, minute));
	if (after >= 0)
		minutes_mark_known(market, minute + 1, after - 1,
				   neighbours_join(market, minute, after));
}

bool minutes_repairable(const struct market *market, int64_t minute)
{
	for (uint32_t i = 0; i < market->seen.n_ranges; i++) {
		const struct seen_range *range = &market->seen.ranges[i];
		if (!range->spoiled && minute_of(range->ms_first) <= minute &&
		    minute_of(range->ms_last) >= minute)
			return true;
	}
	return minute == market->first_minute;
}

static void reach(struct market *market, const struct bar *bar, int64_t minute)
{
	if (!market->newest_ms) {
		market->newest_minute = minute - 1;
		market->interrupted = !market->ordered; /* ids will tell what joins, times cannot */
	}
	if (minute > market->newest_minute)
		minutes_advance(market, minute, false);
	if (bar->minute_ms > market->newest_ms)
		market->newest_ms = bar->minute_ms;
	if (!market->first_minute || minute < market->first_minute)
		market->first_minute = minute;
}

/* Without a state, the ids of the minutes are all that says what was seen. */
static void learn_ids(struct market *market, const struct bar *bar)
{
	struct seen_ordered *seen = &market->seen;
	if (!market->ordered || bar->id_last == 0 ||
	    (seen->any && bar->id_last <= seen->last && bar->id_first >= seen->first))
		return;
	if (!seen->any || bar->id_first < seen->first) {
		seen->first = bar->id_first;
		seen->first_ms = bar->minute_ms;
	}
	if (!seen->any || bar->id_last > seen->last) {
		seen->last = bar->id_last;
		seen->last_ms = bar->minute_ms;
	}
	seen->any = true;
}

static bool scales_sane(int32_t price_scale, int32_t qty_scale)
{
	return price_scale >= 0 && price_scale <= DECIMAL_SCALE_MAX && qty_scale >= 0 &&
	       qty_scale <= DECIMAL_SCALE_MAX;
}

/* Only a market without a restored state can be below the scales of its bars. */
static bool raise_to(struct market *market, int32_t price_scale, int32_t qty_scale)
{
	if (price_scale < market->price_scale)
		price_scale = market->price_scale;
	if (qty_scale < market->qty_scale)
		qty_scale = market->qty_scale;
	if (price_scale == market->price_scale && qty_scale == market->qty_scale)
		return true;
	if (!scales_can_raise(market, price_scale, qty_scale, 0))
		return false;
	scales_raise(market, price_scale, qty_scale);
	return true;
}

enum status market_restore_bar(struct market *market, const struct bar *bar, int32_t price_scale,
			       int32_t qty_scale)
{
	struct minute m;
	if (!bar_sane(bar) || !scales_sane(price_scale, qty_scale))
		return STATUS_INVALID;
	if (!raise_to(market, price_scale, qty_scale) ||
	    !minute_of_bar(market, bar, decimal_pow10(market->price_scale - price_scale),
			   decimal_pow10(market->qty_scale - qty_scale), &m))
		return STATUS_RANGE;
	int64_t minute = minute_of(bar->minute_ms);
	if (market->newest_ms && minute < oldest_minute(market))
		return STATUS_OK;
	reach(market, bar, minute);
	if (minutes_next_held(market, minute) == minute)
		return STATUS_OK; /* the state brought it */
	enum status status = minutes_put(market, minute, &m, bar->flags);
	if (status)
		return status;
	learn_ids(market, bar);
	if ((bar->flags & BAR_PARTIAL) && !minutes_repairable(market, minute))
		minutes_mark_lost(market, minute, minute);
	minutes_join(market, minute);
	return STATUS_OK;
}

enum market_taken market_restore_trade(struct market *market, const struct trade *trade,
				       int32_t price_scale, int32_t qty_scale)
{
	struct trade ignored;
	struct incoming in = {
		.price = { trade->price, price_scale },
		.qty = { trade->qty, qty_scale },
		.t_ms = trade->t_ms,
		.id = market->ordered ? trade->id : -1,
		.seq = trade->id,
		.side = trade->side,
		.taped = true,
	};
	if (!scales_sane(price_scale, qty_scale))
		return MARKET_REFUSED;
	return market_take_incoming(market, &in, &ignored);
}
