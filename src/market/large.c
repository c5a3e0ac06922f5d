/* The largest trades of 24 h: ten for each hour of the clock, so that what leaves
 * the 24 h uncovers the next largest; most trades are turned away by one
 * comparison with notice_limit. */
#include "market/market_impl.h"

enum { HOUR_MS = HOUR_MINUTES * MINUTE_MS, DAY_MS = 24 * HOUR_MS };

static i128 whale_limit(const struct market *market)
{
	i128 limit = market->config.whale_quote;
	for (int32_t i = 0; i < market->price_scale + market->qty_scale; i++)
		if (limit <= HOUR_QUOTE_MAX) /* beyond it no notional can come anyway */
			limit *= 10;
	return limit;
}

static struct largest_hour *hour_list(struct market *market, int64_t t_ms)
{
	return &market->largest[t_ms / HOUR_MS % LARGEST_HOURS];
}

void large_limits(struct market *market)
{
	const struct largest_hour *list = hour_list(market, market->newest_hour_ms);
	bool full = list->number == market->newest_hour_ms / HOUR_MS && list->n == MARKET_LARGEST;
	market->whale_limit = whale_limit(market);
	market->notice_limit = full ? large_notional(&list->trades[MARKET_LARGEST - 1]) : 0;
	if (market->notice_limit > market->whale_limit)
		market->notice_limit = market->whale_limit;
}

/* Into a list, largest first and older first among equals; the last one falls off. */
static void list_insert(struct large_trade *list, uint32_t *n, size_t cap,
			const struct large_trade *trade)
{
	size_t at = *n;
	i128 notional = large_notional(trade);
	while (at > 0 &&
	       (large_notional(&list[at - 1]) < notional ||
		(large_notional(&list[at - 1]) == notional && list[at - 1].t_ms > trade->t_ms)))
		at--;
	if (at >= cap)
		return;
	if (*n < cap)
		*n += 1;
	memmove(&list[at + 1], &list[at], (*n - 1 - at) * sizeof *list);
	list[at] = *trade;
}

void large_put_whale(struct market *market, const struct large_trade *trade)
{
	market->whales[market->next_whale] = *trade;
	market->next_whale = (market->next_whale + 1) % MARKET_WHALES;
	if (market->n_whales < MARKET_WHALES)
		market->n_whales++;
}

void large_put(struct market *market, const struct large_trade *trade)
{
	struct largest_hour *list = hour_list(market, trade->t_ms);
	int64_t number = trade->t_ms / HOUR_MS;
	if (list->number > number)
		return; /* more than a day old */
	if (list->number < number)
		*list = (struct largest_hour){ .number = number };
	list_insert(list->trades, &list->n, MARKET_LARGEST, trade);
	large_limits(market);
}

void large_take(struct market *market, const struct large_trade *trade)
{
	if (large_notional(trade) > market->whale_limit)
		large_put_whale(market, trade);
	large_put(market, trade);
}

size_t large_list(const struct market *market, struct large_trade *out, size_t cap)
{
	uint32_t n = 0;
	for (size_t i = 0; i < LARGEST_HOURS; i++) {
		const struct largest_hour *list = &market->largest[i];
		for (uint32_t j = 0; j < list->n; j++)
			if (list->trades[j].t_ms > market->newest_ms - DAY_MS)
				list_insert(out, &n, cap, &list->trades[j]);
	}
	return n;
}

size_t market_largest(const struct market *market, struct large_trade *out, size_t cap)
{
	return large_list(market, out, cap < MARKET_LARGEST ? cap : MARKET_LARGEST);
}

/* Newest first. */
size_t market_whales(const struct market *market, struct large_trade *out, size_t cap)
{
	size_t n = market->n_whales < cap ? market->n_whales : cap;
	for (size_t i = 0; i < n; i++)
		out[i] =
		    market->whales[(market->next_whale + MARKET_WHALES - 1 - i) % MARKET_WHALES];
	return n;
}
