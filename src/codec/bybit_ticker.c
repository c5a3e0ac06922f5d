/* tickers.SYMBOL: one frame says several things. Linear sends a snapshot, then
 * deltas in which a missing field means unchanged; spot sends snapshots only. */
#include "codec/bybit.h"

/* A ratio times 100, exactly. */
static struct decimal percent_of(struct reader *reader, struct decimal ratio)
{
	int32_t shift = ratio.scale < 2 ? 2 - ratio.scale : 0;
	struct decimal percent = { 0, ratio.scale < 2 ? 0 : ratio.scale - 2 };
	if (__builtin_mul_overflow(ratio.mantissa, decimal_pow10(shift), &percent.mantissa))
		reader_fail(reader, "price24hPcnt: out of range");
	return percent;
}

static void read_ticker(struct reader *reader, struct json_value data, struct str symbol,
			int64_t t_ms, bool snapshot)
{
	struct event_ticker ticker = { .snapshot = snapshot };
	struct decimal ratio = { 0 };
	ticker.has_last = reader_has(data, STR("lastPrice"));
	ticker.has_change = reader_has(data, STR("price24hPcnt"));
	ticker.has_volume = reader_has(data, STR("volume24h"));
	ticker.has_quote_volume = reader_has(data, STR("turnover24h"));
	if (ticker.has_last)
		READ_AMOUNT(reader, data, "lastPrice", &ticker.last);
	if (ticker.has_change && READ_DECIMAL(reader, data, "price24hPcnt", &ratio))
		ticker.change_percent_24h = percent_of(reader, ratio);
	if (ticker.has_volume)
		READ_AMOUNT(reader, data, "volume24h", &ticker.volume_24h);
	if (ticker.has_quote_volume)
		READ_AMOUNT(reader, data, "turnover24h", &ticker.quote_volume_24h);
	struct event *event = reader_event(reader, EVENT_TICKER, symbol, t_ms);
	if (event)
		event->ticker = ticker;
}

/* openInterest counts both sides since 2026-06-11; singleOpenInterest is one. */
static void read_open_interest(struct reader *reader, struct json_value data, struct str symbol,
			       int64_t t_ms)
{
	struct decimal qty;
	bool single = reader_has(data, STR("singleOpenInterest"));
	if (single)
		READ_AMOUNT(reader, data, "singleOpenInterest", &qty);
	else if (reader_has(data, STR("openInterest")))
		READ_AMOUNT(reader, data, "openInterest", &qty);
	else
		return;
	struct event *event = reader_event(reader, EVENT_OI, symbol, t_ms);
	if (!event)
		return;
	event->oi.qty = qty;
	event->oi.both_sides = !single;
}

static void read_funding(struct reader *reader, struct json_value data, struct str symbol,
			 int64_t t_ms)
{
	struct event_funding funding = { 0 };
	int64_t hours = 0;
	funding.rate_unchanged = !reader_has(data, STR("fundingRate"));
	bool has_next = reader_has(data, STR("nextFundingTime"));
	if (funding.rate_unchanged && !has_next)
		return;
	if (!funding.rate_unchanged)
		READ_DECIMAL(reader, data, "fundingRate", &funding.rate);
	if (has_next)
		READ_TIME_TEXT(reader, data, "nextFundingTime", &funding.next_ms);
	if (reader_has(data, STR("fundingIntervalHour")))
		reader_integer_text(reader, data, STR("fundingIntervalHour"), 24 * 366, &hours,
				    "fundingIntervalHour: wants hours");
	funding.interval_min = (int32_t)hours * 60;
	struct event *event = reader_event(reader, EVENT_FUNDING, symbol, t_ms);
	if (event)
		event->funding = funding;
}

static void read_mark(struct reader *reader, struct json_value data, struct str symbol,
		      int64_t t_ms)
{
	struct decimal mark = { 0 }, index = { 0 };
	bool has_mark = reader_has(data, STR("markPrice"));
	bool has_index = reader_has(data, STR("indexPrice"));
	if (!has_mark && !has_index)
		return;
	if (has_mark)
		READ_AMOUNT(reader, data, "markPrice", &mark);
	if (has_index)
		READ_AMOUNT(reader, data, "indexPrice", &index);
	struct event *event = reader_event(reader, EVENT_MARK, symbol, t_ms);
	if (!event)
		return;
	event->mark.mark = mark;
	event->mark.index = index;
}

void bybit_read_tickers(struct reader *reader, struct json_value root, struct str rest)
{
	(void)rest;
	struct str symbol = { 0 };
	struct json_value data = { 0 };
	int64_t t_ms = 0;
	READ_TIME(reader, root, "ts", &t_ms);
	bool snapshot = bybit_is_snapshot(reader, root);
	if (!READ_OBJECT(reader, root, "data", &data))
		return;
	READ_SYMBOL(reader, data, "symbol", &symbol);
	read_ticker(reader, data, symbol, t_ms, snapshot);
	read_open_interest(reader, data, symbol, t_ms);
	read_funding(reader, data, symbol, t_ms);
	read_mark(reader, data, symbol, t_ms);
}
