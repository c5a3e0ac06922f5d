#include "codec/bybit.h"

#include "base/check.h"

/* Members that some rows have and some do not. */
static bool optional_bool(struct reader *reader, struct json_value from, const char *key,
			  const char *why)
{
	bool value = false;
	if (reader_has(from, str_of(key)))
		reader_bool(reader, from, str_of(key), &value, why);
	return value;
}

static void read_trade(struct reader *reader, struct json_value row)
{
	struct str symbol;
	int64_t t_ms;
	struct event_trade trade = { .ordered_id = -1 };
	READ_SYMBOL(reader, row, "s", &symbol);
	READ_TIME(reader, row, "T", &t_ms);
	READ_SYMBOL(reader, row, "i", &trade.id);
	READ_POSITIVE(reader, row, "p", &trade.price);
	READ_POSITIVE(reader, row, "v", &trade.qty);
	trade.side = bybit_side(reader, row);
	trade.block = optional_bool(reader, row, "BT", "BT: wants true or false");
	if (reader_has(row, STR("seq")))
		READ_ID(reader, row, "seq", &trade.seq);
	if (reader->reason)
		return;
	struct event *event = reader_event(reader, EVENT_TRADE, symbol, t_ms);
	if (event)
		event->trade = trade;
}

static void read_liquidation(struct reader *reader, struct json_value row)
{
	struct str symbol;
	int64_t t_ms;
	struct event_liquidation liquidation;
	READ_SYMBOL(reader, row, "s", &symbol);
	READ_TIME(reader, row, "T", &t_ms);
	READ_POSITIVE(reader, row, "p", &liquidation.price);
	READ_POSITIVE(reader, row, "v", &liquidation.qty);
	liquidation.position = bybit_side(reader, row); /* the POSITION's side: Buy was a long */
	if (reader->reason)
		return;
	struct event *event = reader_event(reader, EVENT_LIQUIDATION, symbol, t_ms);
	if (event)
		event->liquidation = liquidation;
}

static void read_rows(struct reader *reader, struct json_value root,
		      void (*read)(struct reader *reader, struct json_value row))
{
	struct json_iter rest;
	struct json_value row;
	if (!READ_ARRAY(reader, root, "data", &rest))
		return;
	while (!reader->reason && json_next(&rest, &row))
		read(reader, row);
	if (!reader->count)
		reader_fail(reader, "data: wants at least one row");
}

void bybit_read_trades(struct reader *reader, struct json_value root, struct str rest)
{
	(void)rest; /* each row names its symbol */
	read_rows(reader, root, read_trade);
}

void bybit_read_liquidations(struct reader *reader, struct json_value root, struct str rest)
{
	(void)rest;
	read_rows(reader, root, read_liquidation);
}

/* Minutes as a number, or D, W, M. */
static int32_t interval_minutes(struct str text)
{
	uint64_t n;
	if (str_eq(text, STR("D")))
		return 1440;
	if (str_eq(text, STR("W")))
		return 10080;
	return str_to_u64(text, &n) == STATUS_OK && n <= 10080 ? (int32_t)n : 0;
}

static void read_kline(struct reader *reader, struct json_value row, struct str symbol,
		       int64_t t_ms)
{
	struct str interval = { 0 };
	struct event_kline kline = { 0 };
	READ_TIME(reader, row, "start", &kline.open_ms);
	READ_TIME(reader, row, "end", &kline.close_ms);
	READ_TEXT(reader, row, "interval", &interval);
	READ_AMOUNT(reader, row, "open", &kline.open);
	READ_AMOUNT(reader, row, "high", &kline.high);
	READ_AMOUNT(reader, row, "low", &kline.low);
	READ_AMOUNT(reader, row, "close", &kline.close);
	READ_AMOUNT(reader, row, "volume", &kline.volume);
	READ_AMOUNT(reader, row, "turnover", &kline.quote_volume);
	READ_BOOL(reader, row, "confirm", &kline.closed);
	kline.minutes = interval_minutes(interval);
	struct event *event = reader_event(reader, EVENT_KLINE, symbol, t_ms);
	if (event)
		event->kline = kline;
}

void bybit_read_klines(struct reader *reader, struct json_value root, struct str rest)
{
	struct str interval;
	struct json_iter rows;
	struct json_value row;
	int64_t t_ms = 0;
	str_split(&rest, '.', &interval); /* "5.BTCUSDT": what is left is the symbol */
	if (!rest.len || rest.len > SYMBOL_BYTES_MAX)
		reader_fail(reader, "topic: wants a symbol of 1 to 64 bytes");
	READ_TIME(reader, root, "ts", &t_ms);
	if (!READ_ARRAY(reader, root, "data", &rows))
		return;
	while (!reader->reason && json_next(&rows, &row))
		read_kline(reader, row, rest, t_ms);
	if (!reader->count)
		reader_fail(reader, "data: wants at least one row");
}

void bybit_read_orderbook(struct reader *reader, struct json_value root, struct str rest)
{
	(void)rest;
	struct str symbol = { 0 };
	struct json_value data = { 0 };
	struct event_depth depth = { 0 };
	int64_t t_ms = 0;
	READ_TIME(reader, root, "ts", &t_ms);
	depth.snapshot = bybit_is_snapshot(reader, root);
	if (!READ_OBJECT(reader, root, "data", &data))
		return;
	READ_SYMBOL(reader, data, "s", &symbol);
	READ_LEVELS(reader, data, "b", &depth.bids, &depth.n_bids);
	READ_LEVELS(reader, data, "a", &depth.asks, &depth.n_asks);
	READ_ID(reader, data, "u", &depth.last_update);
	depth.first_update = depth.last_update;
	struct event *event = reader_event(reader, EVENT_DEPTH, symbol, t_ms);
	if (event)
		event->depth = depth;
}
