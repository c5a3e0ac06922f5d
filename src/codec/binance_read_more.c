/* The slower streams: bars, marks, liquidations, day tickers. */
#include "codec/binance.h"

#include "base/check.h"

/* "1m" is 1, "1h" 60, "1d" 1440, "1w" 10080; 0 for "1s", "1M" and the unknown. */
static int32_t interval_minutes(struct str text)
{
	static const struct {
		char unit;
		int32_t minutes;
	} units[] = { { 'm', 1 }, { 'h', 60 }, { 'd', 1440 }, { 'w', 10080 } };
	uint64_t n;
	if (text.len < 2 || str_to_u64(str_make(text.ptr, text.len - 1), &n) || n > 1000)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].unit == text.ptr[text.len - 1])
			return (int32_t)n * units[i].minutes;
	return 0;
}

void binance_read_kline(struct reader *reader, struct json_value data)
{
	struct str symbol, interval = { 0 };
	struct json_value k = { 0 };
	struct event_kline kline = { .has_taker = true };
	int64_t t_ms = 0;
	READ_TIME(reader, data, "E", &t_ms);
	READ_SYMBOL(reader, data, "s", &symbol);
	if (!READ_OBJECT(reader, data, "k", &k))
		return;
	READ_TIME(reader, k, "t", &kline.open_ms);
	READ_TIME(reader, k, "T", &kline.close_ms);
	READ_TEXT(reader, k, "i", &interval);
	READ_AMOUNT(reader, k, "o", &kline.open);
	READ_AMOUNT(reader, k, "h", &kline.high);
	READ_AMOUNT(reader, k, "l", &kline.low);
	READ_AMOUNT(reader, k, "c", &kline.close);
	READ_AMOUNT(reader, k, "v", &kline.volume);
	READ_AMOUNT(reader, k, "q", &kline.quote_volume);
	READ_AMOUNT(reader, k, "V", &kline.taker_buy);
	READ_AMOUNT(reader, k, "Q", &kline.taker_buy_quote);
	READ_BOOL(reader, k, "x", &kline.closed);
	kline.minutes = interval_minutes(interval);
	if (reader->reason)
		return;
	struct event *event = reader_event(reader, EVENT_KLINE, symbol, t_ms);
	if (event)
		event->kline = kline;
}

/* Delivery contracts have no funding: r is "". */
static void read_funding(struct reader *reader, struct json_value data, struct str symbol,
			 int64_t t_ms)
{
	struct event_funding funding = { 0 };
	if (!reader_has(data, STR("r")))
		return;
	READ_DECIMAL(reader, data, "r", &funding.rate);
	READ_TIME(reader, data, "T", &funding.next_ms);
	struct event *event = reader_event(reader, EVENT_FUNDING, symbol, t_ms);
	if (event)
		event->funding = funding;
}

void binance_read_mark(struct reader *reader, struct json_value data)
{
	struct str symbol = { 0 };
	struct decimal mark, index = { 0 };
	int64_t t_ms = 0;
	READ_TIME(reader, data, "E", &t_ms);
	READ_SYMBOL(reader, data, "s", &symbol);
	READ_AMOUNT(reader, data, "p", &mark);
	if (reader_has(data, STR("i")))
		READ_AMOUNT(reader, data, "i", &index);
	struct event *event = reader_event(reader, EVENT_MARK, symbol, t_ms);
	if (!event)
		return;
	event->mark.mark = mark;
	event->mark.index = index;
	read_funding(reader, data, symbol, t_ms);
}

/* S is the side of the ORDER that closed the position: a SELL closes a long. */
void binance_read_force_order(struct reader *reader, struct json_value data)
{
	struct json_value o = { 0 };
	struct str symbol, side = { 0 };
	struct event_liquidation liquidation = { 0 };
	int64_t t_ms;
	if (!READ_OBJECT(reader, data, "o", &o))
		return;
	READ_SYMBOL(reader, o, "s", &symbol);
	READ_TEXT(reader, o, "S", &side);
	READ_POSITIVE(reader, o, "z", &liquidation.qty);
	READ_POSITIVE(reader, o, "ap", &liquidation.price);
	READ_TIME(reader, o, "T", &t_ms);
	if (str_eq(side, STR("SELL")))
		liquidation.position = SIDE_BUY;
	else if (str_eq(side, STR("BUY")))
		liquidation.position = SIDE_SELL;
	else
		reader_fail(reader, "S: wants BUY or SELL");
	if (reader->reason)
		return;
	struct event *event = reader_event(reader, EVENT_LIQUIDATION, symbol, t_ms);
	if (event)
		event->liquidation = liquidation;
}

void binance_read_ticker(struct reader *reader, struct json_value data)
{
	struct str symbol;
	int64_t t_ms = 0;
	struct event_ticker ticker = { .has_last = true,
				       .has_change = true,
				       .has_volume = true,
				       .has_quote_volume = true,
				       .snapshot = true };
	READ_TIME(reader, data, "E", &t_ms);
	READ_SYMBOL(reader, data, "s", &symbol);
	READ_AMOUNT(reader, data, "c", &ticker.last);
	READ_DECIMAL(reader, data, "P", &ticker.change_percent_24h);
	READ_AMOUNT(reader, data, "v", &ticker.volume_24h);
	READ_AMOUNT(reader, data, "q", &ticker.quote_volume_24h);
	if (reader->reason)
		return;
	struct event *event = reader_event(reader, EVENT_TICKER, symbol, t_ms);
	if (event)
		event->ticker = ticker;
}
