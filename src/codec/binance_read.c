#include "codec/binance.h"

#include "base/check.h"

/* Since 2019 futures say what a trade was: MARKET, INSURANCE_FUND, ADL, NA. Only
 * MARKET is flow; aggTrade leaves the others out too. */
static bool is_flow(struct reader *reader, struct json_value data)
{
	struct str x;
	struct json_value member;
	if (!json_get(data, STR("X"), &member))
		return true;
	return READ_TEXT(reader, data, "X", &x) && str_eq(x, STR("MARKET"));
}

/* What trade and aggTrade have in common; m is "the buyer was the maker", so the
 * taker sold. */
static struct event *read_print(struct reader *reader, struct json_value data)
{
	struct str symbol;
	int64_t t_ms;
	bool buyer_made = false;
	struct event_trade trade = { 0 };
	READ_SYMBOL(reader, data, "s", &symbol);
	READ_TIME(reader, data, "T", &t_ms);
	READ_POSITIVE(reader, data, "p", &trade.price);
	READ_POSITIVE(reader, data, "q", &trade.qty);
	READ_BOOL(reader, data, "m", &buyer_made);
	trade.side = buyer_made ? SIDE_SELL : SIDE_BUY;
	if (reader->reason)
		return NULL;
	struct event *event = reader_event(reader, EVENT_TRADE, symbol, t_ms);
	if (event)
		event->trade = trade;
	return event;
}

/* Futures send `trade` frames of price 0 and quantity 0 with "X":"NA": ids that
 * no trade has. They are no trades and nothing is wrong with them. */
static bool is_blank_print(struct json_value data)
{
	struct json_value member;
	struct str x, qty;
	struct decimal value;
	return json_get(data, STR("X"), &member) && json_as_string(member, &x) &&
	       !str_eq(x, STR("MARKET")) && json_get(data, STR("q"), &member) &&
	       json_as_string(member, &qty) && decimal_parse(qty, &value) == STATUS_OK &&
	       value.mantissa == 0;
}

void binance_read_trade(struct reader *reader, struct json_value data)
{
	int64_t id;
	if (is_blank_print(data))
		return;
	bool flow = is_flow(reader, data);
	READ_ID(reader, data, "t", &id);
	struct event *event = read_print(reader, data);
	if (!event)
		return;
	event->trade.ordered_id = id;
	event->trade.id = reader_keep_i64(reader, id);
	event->trade.block = !flow;
}

void binance_read_agg_trade(struct reader *reader, struct json_value data)
{
	int64_t id;
	READ_ID(reader, data, "a", &id);
	struct event *event = read_print(reader, data);
	if (!event)
		return;
	event->trade.ordered_id = id;
	event->trade.id = reader_keep_i64(reader, id);
	event->trade.aggregated = true;
}

/* E where the frame has one: spot's bookTicker and depth snapshots carry none. */
static int64_t event_time(struct reader *reader, struct json_value data)
{
	int64_t t_ms = 0;
	struct json_value member;
	if (json_get(data, STR("E"), &member))
		READ_TIME(reader, data, "E", &t_ms);
	return t_ms;
}

void binance_read_book(struct reader *reader, struct json_value data)
{
	struct str symbol;
	struct event_book book;
	int64_t t_ms = event_time(reader, data);
	READ_SYMBOL(reader, data, "s", &symbol);
	READ_ID(reader, data, "u", &book.update_id);
	READ_AMOUNT(reader, data, "b", &book.bid);
	READ_AMOUNT(reader, data, "B", &book.bid_qty);
	READ_AMOUNT(reader, data, "a", &book.ask);
	READ_AMOUNT(reader, data, "A", &book.ask_qty);
	if (reader->reason)
		return;
	struct event *event = reader_event(reader, EVENT_BOOK, symbol, t_ms);
	if (event)
		event->book = book;
}

bool binance_stream_is_partial_depth(struct str stream)
{
	struct str rest = str_skip(stream, str_find_char(stream, '@') + 1);
	return str_starts(rest, STR("depth")) && rest.len > 5 && rest.ptr[5] >= '0' &&
	       rest.ptr[5] <= '9';
}

void binance_read_depth(struct reader *reader, struct json_value data)
{
	struct str symbol;
	struct event_depth depth = { 0 };
	int64_t t_ms = 0;
	READ_TIME(reader, data, "E", &t_ms);
	READ_SYMBOL(reader, data, "s", &symbol);
	READ_ID(reader, data, "U", &depth.first_update);
	READ_ID(reader, data, "u", &depth.last_update);
	READ_LEVELS(reader, data, "b", &depth.bids, &depth.n_bids);
	READ_LEVELS(reader, data, "a", &depth.asks, &depth.n_asks);
	depth.snapshot = binance_stream_is_partial_depth(reader->stream);
	if (reader->reason)
		return;
	struct event *event = reader_event(reader, EVENT_DEPTH, symbol, t_ms);
	if (event)
		event->depth = depth;
}

/* A REST answer, or spot's partial depth stream: neither names its symbol, but
 * the stream's name does. */
void binance_read_depth_snapshot(struct reader *reader, struct json_value data)
{
	struct str symbol = str_make(reader->stream.ptr, str_find_char(reader->stream, '@'));
	struct event_depth depth = { .snapshot = true };
	int64_t t_ms = event_time(reader, data);
	READ_ID(reader, data, "lastUpdateId", &depth.last_update);
	READ_LEVELS(reader, data, "bids", &depth.bids, &depth.n_bids);
	READ_LEVELS(reader, data, "asks", &depth.asks, &depth.n_asks);
	depth.first_update = depth.last_update;
	if (symbol.len > SYMBOL_BYTES_MAX)
		reader_fail(reader, "stream: wants a symbol of at most 64 bytes");
	if (reader->reason)
		return;
	struct event *event =
	    reader_event(reader, EVENT_DEPTH, reader_keep_upper(reader, symbol), t_ms);
	if (event)
		event->depth = depth;
}
