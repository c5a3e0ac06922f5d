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

static bool prices_sane(const struct minute *m)
{
	return m->low > 0 && m->low <= m->open && m->low <= m->close && m->open <= m->high &&
	       m->close <= m->high;
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
	return prices_sane(out) && out->flow.sell >= 0 && out->flow.sell_quote >= 0 &&
	       volume < HOUR_BASE_MAX;
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
	minute_changed(market, minute);
	hour->partial &= ~minute_bit(minute);
	hour->lost &= ~minute_bit(minute);
	hour->known |= minute_bit(minute);
}

/* The minute in which the stream began is not the first one any more, and was cut all the
 * same: no repair of ids makes it whole, since those before it are not known to miss. */
static void begin_earlier(struct market *market, int64_t minute)
{
	int64_t old = market->first_minute;
	if (market->hours[hour_index(old)].partial & minute_bit(old))
		minutes_mark_lost(market, old, old);
	market->first_minute = minute;
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
		begin_earlier(market, minute);
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

/* Trades are missing from a minute that nothing was known against. One without any is
 * held from now on, with the venue's prices where they fit, so that the mark outlives a
 * restart; trades that still come are added to it. */
static void dispute(struct market *market, int64_t minute, bool held,
		    const struct event_kline *kline)
{
	int32_t ps = market->price_scale;
	struct minute m = { .first_key = minute * MINUTE_MS,
			    .last_key = minute * MINUTE_MS + MINUTE_MS - 1 };
	bool prices = widen_i64(kline->open, ps, &m.open) && widen_i64(kline->high, ps, &m.high) &&
		      widen_i64(kline->low, ps, &m.low) && widen_i64(kline->close, ps, &m.close) &&
		      prices_sane(&m);
	if (!held && prices) {
		enum status status = minutes_put(market, minute, &m, BAR_PARTIAL);
		CHECK(status == STATUS_OK); /* nothing was added to its hour */
	}
	minutes_mark_lost(market, minute, minute);
}

static enum market_kline judge(struct market *market, const struct event_kline *kline)
{
	int64_t minute = minute_of(kline->open_ms);
	bool retained = market->newest_ms && minute_retained(market, minute);
	if (market->newest_ms && minute < oldest_minute(market))
		return MARKET_KLINE_IGNORED;
	const struct hour *hour = &market->hours[hour_index(minute)];
	uint64_t bit = minute_bit(minute);
	bool held = retained && (hour->held & bit);
	bool complete = retained && (hour->known & bit) && !(hour->partial & bit);
	bool agreed = retained && agrees(market, minute, held, kline);
	if (agreed)
		market->hours[hour_index(minute)].agreed |= bit;
	if (complete && (market->ordered || agreed))
		return MARKET_KLINE_IGNORED; /* all is known already */
	if (complete) {
		dispute(market, minute, held, kline);
		return MARKET_KLINE_DIFFERS;
	}
	if (!agreed)
		return replace(market, minute, held, kline);
	set_complete(market, minute);
	return MARKET_KLINE_AGREED;
}

static enum market_kline judge_and_count(struct market *market, const struct event_kline *kline)
{
	enum market_kline kind = judge(market, kline);
	market->counts.klines_agreed += kind == MARKET_KLINE_AGREED;
	market->counts.klines_taken += kind == MARKET_KLINE_TAKEN;
	market->counts.klines_differ += kind == MARKET_KLINE_DIFFERS;
	return kind;
}

/* ---- minutes that no kline has spoken of ---- */

static void mark_unproved(struct market *market, int64_t minute)
{
	const struct hour *hour = &market->hours[hour_index(minute)];
	if (!(hour->agreed & minute_bit(minute)))
		minutes_mark_lost(market, minute, minute);
}

/* The minute of the newest event at the first call was not heard from its beginning. */
void market_want_proof(struct market *market)
{
	int64_t heard_ms = market->newest_ms - MARKET_LATE_MS - MARKET_PROOF_MS;
	if (market->ordered || !market->newest_ms)
		return;
	if (!market->proved_to)
		market->proved_to = market->newest_minute;
	if (market->proved_to < oldest_minute(market))
		market->proved_to = oldest_minute(market);
	for (; market->proved_to < minute_of(heard_ms); market->proved_to++)
		mark_unproved(market, market->proved_to);
}

/* ---- waiting for a minute's last trades ---- */

static bool can_get_trades(const struct market *market, const struct event_kline *kline)
{
	return market->newest_ms < kline->open_ms + MINUTE_MS + MARKET_LATE_MS;
}

void klines_settle(struct market *market)
{
	for (uint32_t i = 0; i < market->n_klines;) {
		if (can_get_trades(market, &market->klines[i])) {
			i++;
			continue;
		}
		struct event_kline kline = market->klines[i];
		market->klines[i] = market->klines[--market->n_klines];
		judge_and_count(market, &kline);
	}
}

/* Where the kline is to stand: over the one of its minute that came before, behind the
 * others, or over the oldest. */
static uint32_t place_to_wait(struct market *market, const struct event_kline *kline)
{
	uint32_t oldest = 0;
	for (uint32_t i = 0; i < market->n_klines; i++) {
		if (market->klines[i].open_ms == kline->open_ms)
			return i;
		if (market->klines[i].open_ms < market->klines[oldest].open_ms)
			oldest = i;
	}
	if (market->n_klines < MARKET_KLINES_WAITING)
		return market->n_klines++;
	market->counts.klines_forgotten++;
	return oldest;
}

static enum market_kline wait_for_trades(struct market *market, const struct event_kline *kline)
{
	if (!market->newest_ms)
		return MARKET_KLINE_IGNORED; /* no trade, and nothing to compare it with */
	market->klines[place_to_wait(market, kline)] = *kline;
	return MARKET_KLINE_WAITING;
}

enum market_kline market_take_kline(struct market *market, const struct event_kline *kline)
{
	if (!kline->closed || kline->minutes != 1 || kline->open_ms < T_MS_MIN ||
	    kline->open_ms > T_MS_MAX || kline->open_ms % MINUTE_MS)
		return MARKET_KLINE_IGNORED;
	if (market->newest_ms && kline->open_ms - market->newest_ms > MARKET_JUMP_MS)
		return MARKET_KLINE_IGNORED;
	if (!kline->has_taker && can_get_trades(market, kline))
		return wait_for_trades(market, kline);
	return judge_and_count(market, kline);
}
