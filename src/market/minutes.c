#include "market/market_impl.h"

static void hour_clear(struct hour *hour) { *hour = (struct hour){ 0 }; }

void minutes_advance(struct market *market, int64_t minute, bool proved)
{
	int64_t old = market->newest_minute;
	CHECK(minute > old);
	int64_t hour = minute / HOUR_MINUTES;
	int64_t from = old / HOUR_MINUTES + 1;
	if (from <= hour - HOURS)
		from = hour - HOURS + 1;
	for (int64_t h = from; h <= hour; h++)
		hour_clear(&market->hours[h % HOURS]);
	market->newest_minute = minute;
	market->newest_hour_ms = hour * HOUR_MINUTES * MINUTE_MS;
	if (from <= hour)
		large_limits(market);
	if (proved && minute > old + 1)
		minutes_mark_known(market, old + 1, minute - 1, true);
}

bool minutes_fit(const struct market *market, int64_t minute, uint8_t side, int64_t qty)
{
	if (minute / HOUR_MINUTES > market->newest_minute / HOUR_MINUTES)
		return qty < HOUR_BASE_MAX; /* an hour that is empty as yet */
	const struct flow *flow = &market->hours[hour_index(minute)].flow;
	int64_t base = side == SIDE_BUY ? flow->buy : flow->sell;
	return qty < HOUR_BASE_MAX && base + qty < HOUR_BASE_MAX;
}

static inline void flow_add(struct flow *flow, uint8_t side, int64_t qty, i128 notional)
{
	/* sides alternate at random: pick the place, do not branch */
	int64_t *base = side == SIDE_BUY ? &flow->buy : &flow->sell;
	i128 *quote = side == SIDE_BUY ? &flow->buy_quote : &flow->sell_quote;
	uint64_t *n = side == SIDE_BUY ? &flow->n_buy : &flow->n_sell;
	*base += qty;
	*quote += notional;
	*n += 1;
}

static void minute_begin(struct hour *hour, struct minute *m, uint64_t bit, int64_t key,
			 int64_t price)
{
	*m = (struct minute){
		.open = price,
		.high = price,
		.low = price,
		.close = price,
		.first_key = key,
		.last_key = key,
	};
	if (!hour->held)
		hour->high = hour->low = price;
	hour->held |= bit;
	hour->known |= bit;
}

void minutes_add(struct market *market, int64_t minute, int64_t key, uint8_t side,
		 const struct fit *fit, i128 notional)
{
	struct hour *hour = &market->hours[hour_index(minute)];
	struct minute *m = &market->minutes[minute_index(minute)];
	uint64_t bit = minute_bit(minute);
	int64_t price = fit->price;
	if (hour->klines & bit)
		return; /* the kline has all of its minute's trades in it */
	minute_changed(market, minute);
	if (!(hour->held & bit))
		minute_begin(hour, m, bit, key, price);
	flow_add(&m->flow, side, fit->qty, notional);
	flow_add(&hour->flow, side, fit->qty, notional);
	if (key >= m->last_key) {
		m->last_key = key;
		m->close = price;
	} else if (key < m->first_key) {
		m->first_key = key;
		m->open = price;
	}
	if (price > m->high)
		m->high = price;
	if (price < m->low)
		m->low = price;
	if (price > hour->high)
		hour->high = price;
	if (price < hour->low)
		hour->low = price;
}

/* ---- whole minutes ---- */

static void flow_sum(struct flow *sum, const struct flow *more)
{
	sum->buy += more->buy;
	sum->sell += more->sell;
	sum->buy_quote += more->buy_quote;
	sum->sell_quote += more->sell_quote;
	sum->n_buy += more->n_buy;
	sum->n_sell += more->n_sell;
}

static bool hour_has_room(const struct hour *hour, const struct flow *more)
{
	return hour->flow.buy + more->buy < HOUR_BASE_MAX &&
	       hour->flow.sell + more->sell < HOUR_BASE_MAX &&
	       hour->flow.buy_quote + more->buy_quote <= HOUR_QUOTE_MAX &&
	       hour->flow.sell_quote + more->sell_quote <= HOUR_QUOTE_MAX;
}

static void hour_take(struct hour *hour, uint64_t bit, const struct minute *m)
{
	if (!hour->held || m->high > hour->high)
		hour->high = m->high;
	if (!hour->held || m->low < hour->low)
		hour->low = m->low;
	flow_sum(&hour->flow, &m->flow);
	hour->held |= bit;
	hour->known |= bit;
}

enum status minutes_put(struct market *market, int64_t minute, const struct minute *from,
			uint32_t flags)
{
	struct hour *hour = &market->hours[hour_index(minute)];
	uint64_t bit = minute_bit(minute);
	CHECK(minute_retained(market, minute) && !(hour->held & bit));
	minute_changed(market, minute);
	if (!hour_has_room(hour, &from->flow))
		return STATUS_RANGE;
	market->minutes[minute_index(minute)] = *from;
	hour_take(hour, bit, from);
	hour->partial = (hour->partial & ~bit) | (flags & BAR_PARTIAL ? bit : 0);
	hour->klines = (hour->klines & ~bit) | (flags & BAR_KLINES ? bit : 0);
	hour->repaired = (hour->repaired & ~bit) | (flags & BAR_REPAIRED ? bit : 0);
	return STATUS_OK;
}

void minutes_remove(struct market *market, int64_t minute)
{
	struct hour *hour = &market->hours[hour_index(minute)];
	const struct minute *first = &market->minutes[hour_index(minute) * HOUR_MINUTES];
	CHECK(minute_retained(market, minute) && (hour->held & minute_bit(minute)));
	uint64_t left = hour->held & ~minute_bit(minute);
	hour->flow = (struct flow){ 0 };
	hour->high = hour->low = 0;
	hour->held = 0;
	for (; left; left &= left - 1)
		hour_take(hour, left & -left, &first[__builtin_ctzll(left)]);
}

uint32_t minutes_flags(const struct market *market, int64_t minute)
{
	const struct hour *hour = &market->hours[hour_index(minute)];
	uint64_t bit = minute_bit(minute);
	return (hour->partial & bit ? BAR_PARTIAL : 0u) | (hour->klines & bit ? BAR_KLINES : 0u) |
	       (hour->repaired & bit ? BAR_REPAIRED : 0u);
}

int64_t minutes_next_held(const struct market *market, int64_t minute)
{
	int64_t from = minute > oldest_minute(market) ? minute : oldest_minute(market);
	int64_t start = from;
	size_t hour;
	for (uint64_t bits; (bits = span_next(&from, market->newest_minute, &hour)); start = from) {
		uint64_t held = market->hours[hour].held & bits;
		if (held)
			return start - start % HOUR_MINUTES + __builtin_ctzll(held);
	}
	return -1;
}

int64_t minutes_previous_held(const struct market *market, int64_t minute)
{
	int64_t oldest = oldest_minute(market);
	while (minute >= oldest) {
		int64_t start = minute - minute % HOUR_MINUTES;
		int64_t low = start > oldest ? start : oldest;
		uint64_t held = market->hours[hour_index(minute)].held &
				bits_between(low % HOUR_MINUTES, minute % HOUR_MINUTES);
		if (held)
			return start + 63 - __builtin_clzll(held);
		minute = start - 1;
	}
	return -1;
}

int64_t minutes_last_id(const struct market *market, int64_t minute)
{
	const struct hour *hour = &market->hours[hour_index(minute)];
	if (!(hour->held & ~hour->klines & minute_bit(minute)))
		return -1;
	return market->minutes[minute_index(minute)].last_key;
}
