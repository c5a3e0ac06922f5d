/* The reader itself, and the rows that become events. */
#include "codec/rest_json_impl.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/binance.h"

enum { KLINE_CELLS_MAX = 11 };

struct rest_reader *rest_reader_create(void)
{
	struct rest_reader *rest = calloc(1, sizeof *rest);
	if (!rest)
		return NULL;
	/* Text that is kept was in the body. Untouched pages of both cost nothing. */
	rest->scratch = malloc(REST_BODY_MAX);
	rest->json = json_create(REST_BODY_MAX);
	if (!rest->scratch || !rest->json) {
		rest_reader_destroy(rest);
		return NULL;
	}
	rest->reader.out = &rest->event;
	rest->reader.scratch = buf_over(rest->scratch, REST_BODY_MAX);
	return rest;
}

void rest_reader_destroy(struct rest_reader *rest)
{
	if (!rest)
		return;
	json_destroy(rest->json);
	free(rest->scratch);
	free(rest);
}

const char *rest_reader_why(const struct rest_reader *rest)
{
	return rest->reader.reason ? rest->reader.reason : "";
}

bool rest_begin(struct rest_reader *rest, struct str body, struct json_value *root)
{
	rest->reader.reason = NULL;
	rest->reader.count = 0;
	buf_clear(&rest->reader.scratch);
	if (body.len > REST_BODY_MAX)
		reader_fail(&rest->reader, "longer than 8 MiB");
	else
		rest->reader.reason = json_parse(rest->json, body, root);
	return !rest->reader.reason;
}

enum status rest_end(const struct rest_reader *rest)
{
	return rest->reader.reason ? STATUS_FORMAT : STATUS_OK;
}

bool rest_bybit_list(struct rest_reader *rest, struct json_value root, struct json_iter *list)
{
	struct reader *reader = &rest->reader;
	struct json_value result = { 0 };
	int64_t code = 0;
	if (!READ_ID(reader, root, "retCode", &code))
		return false;
	if (code)
		reader_fail(reader, "retCode: wants 0");
	return READ_OBJECT(reader, root, "result", &result) &&
	       READ_ARRAY(reader, result, "list", list);
}

/* ---- rows, one by one ---- */

typedef void (*row_fn)(struct reader *reader, struct json_value row, const void *shape);

struct sink {
	rest_event_fn fn;
	void *ctx;
};

static void give_row(struct rest_reader *rest, const struct sink *sink)
{
	CHECK(rest->reader.count <= 1);
	if (rest->reader.count && !rest->reader.reason)
		sink->fn(sink->ctx, &rest->event);
	rest->reader.count = 0;
	buf_clear(&rest->reader.scratch);
}

/* Rows are kept in a list because an array is walked forwards only, and Bybit writes
 * the newest first. */
static void give_rows(struct rest_reader *rest, struct json_iter list, bool newest_first,
		      row_fn read, const void *shape, const struct sink *sink)
{
	struct json_value row;
	size_t n = 0;
	for (; json_next(&list, &row); n++) {
		if (n == REST_ROWS_MAX) {
			reader_fail(&rest->reader, "more than 2,000 rows");
			return;
		}
		rest->rows[n] = row;
	}
	for (size_t i = 0; i < n && !rest->reader.reason; i++) {
		read(&rest->reader, rest->rows[newest_first ? n - 1 - i : i], shape);
		give_row(rest, sink);
	}
}

/* Binance answers with a bare array. */
static bool binance_list(struct rest_reader *rest, struct json_value root, struct json_iter *list)
{
	bool good = json_as_array(root, list);
	if (!good)
		reader_fail(&rest->reader, "wants an array");
	return good;
}

static enum status read_list(struct rest_reader *rest, enum venue venue, struct str body,
			     const row_fn rows[VENUE_COUNT], const void *shape,
			     const struct sink *sink)
{
	struct json_value root = { 0 };
	struct json_iter list = { 0 };
	bool bybit = venue == VENUE_BYBIT;
	CHECK(venue < VENUE_COUNT);
	if (rest_begin(rest, body, &root) &&
	    (bybit ? rest_bybit_list(rest, root, &list) : binance_list(rest, root, &list)))
		give_rows(rest, list, bybit, rows[venue], shape, sink);
	return rest_end(rest);
}

/* ---- trades ---- */

static void put_trade(struct reader *reader, struct str symbol, int64_t t_ms,
		      const struct event_trade *trade)
{
	struct event *event = reader_event(reader, EVENT_TRADE, symbol, t_ms);
	if (event)
		event->trade = *trade;
}

static void binance_row_trade(struct reader *reader, struct json_value row, const void *shape)
{
	(void)shape;
	struct event_trade trade = { .aggregated = true };
	int64_t t_ms = 0;
	bool buyer_made = false;
	READ_ID(reader, row, "a", &trade.ordered_id);
	READ_TIME(reader, row, "T", &t_ms);
	READ_POSITIVE(reader, row, "p", &trade.price);
	READ_POSITIVE(reader, row, "q", &trade.qty);
	READ_BOOL(reader, row, "m", &buyer_made);
	trade.side = buyer_made ? SIDE_SELL : SIDE_BUY;
	trade.id = reader_keep_i64(reader, trade.ordered_id);
	put_trade(reader, (struct str){ 0 }, t_ms, &trade);
}

static uint8_t side_of(struct reader *reader, struct json_value row)
{
	struct str side;
	if (!READ_TEXT(reader, row, "side", &side))
		return SIDE_BUY;
	bool sell = str_eq(side, STR("Sell"));
	if (!sell && !str_eq(side, STR("Buy")))
		reader_fail(reader, "side: wants Buy or Sell");
	return sell ? SIDE_SELL : SIDE_BUY;
}

static void bybit_row_trade(struct reader *reader, struct json_value row, const void *shape)
{
	(void)shape;
	struct event_trade trade = { .ordered_id = -1 };
	struct str symbol = { 0 };
	int64_t t_ms = 0;
	READ_SYMBOL(reader, row, "symbol", &symbol);
	READ_SYMBOL(reader, row, "execId", &trade.id);
	READ_TIME_TEXT(reader, row, "time", &t_ms);
	READ_POSITIVE(reader, row, "price", &trade.price);
	READ_POSITIVE(reader, row, "size", &trade.qty);
	trade.side = side_of(reader, row);
	if (reader_has(row, STR("isBlockTrade")))
		READ_BOOL(reader, row, "isBlockTrade", &trade.block);
	if (reader_has(row, STR("seq")))
		reader_integer_text(reader, row, STR("seq"), INT64_MAX, &trade.seq,
				    "seq: wants an integer of 0 or more");
	put_trade(reader, symbol, t_ms, &trade);
}

enum status rest_read_trades(struct rest_reader *rest, enum venue venue, struct str body,
			     rest_event_fn fn, void *ctx)
{
	static const row_fn rows[VENUE_COUNT] = {
		[VENUE_BINANCE] = binance_row_trade, [VENUE_BYBIT] = bybit_row_trade
	};
	struct sink sink = { fn, ctx };
	return read_list(rest, venue, body, rows, NULL, &sink);
}

/* ---- klines: rows without names ---- */

static bool row_cells(struct reader *reader, struct json_value row, struct json_value *cells,
		      size_t want)
{
	struct json_iter rest;
	size_t n = 0;
	bool array = json_as_array(row, &rest);
	while (array && n < want && json_next(&rest, &cells[n]))
		n++;
	if (n < want)
		reader_fail(reader, "a kline: wants more cells");
	return n == want;
}

static void cell_time(struct reader *reader, struct json_value cell, int64_t *out)
{
	struct str text;
	uint64_t value = 0;
	int64_t number = -1;
	if (!json_as_integer(cell, &number) && json_as_string(cell, &text) &&
	    str_to_u64(text, &value) == STATUS_OK && value <= (uint64_t)TIME_MS_MAX)
		number = (int64_t)value;
	if (number < 0 || number > TIME_MS_MAX)
		reader_fail(reader, "a kline's time: wants ms");
	else
		*out = number;
}

static void cell_amount(struct reader *reader, struct json_value cell, struct decimal *out)
{
	struct str text;
	struct decimal value;
	if (json_as_string(cell, &text) && decimal_parse(text, &value) == STATUS_OK &&
	    value.mantissa >= 0)
		*out = value;
	else
		reader_fail(reader, "a kline's figure: wants a decimal of 0 or more");
}

static void put_kline(struct reader *reader, const struct json_value cells[6],
		      struct event_kline *kline, const struct rest_klines *ask)
{
	kline->minutes = ask->minutes;
	cell_time(reader, cells[0], &kline->open_ms);
	cell_amount(reader, cells[1], &kline->open);
	cell_amount(reader, cells[2], &kline->high);
	cell_amount(reader, cells[3], &kline->low);
	cell_amount(reader, cells[4], &kline->close);
	cell_amount(reader, cells[5], &kline->volume);
	int64_t end_ms = kline->open_ms + (int64_t)ask->minutes * 60000;
	if (kline->close_ms && kline->close_ms != end_ms - 1)
		reader_fail(reader, "a kline: not of the interval asked for");
	kline->close_ms = end_ms - 1;
	kline->closed = end_ms <= ask->now_ms;
	struct event *event = reader_event(reader, EVENT_KLINE, (struct str){ 0 }, kline->open_ms);
	if (event)
		event->kline = *kline;
}

static void binance_row_kline(struct reader *reader, struct json_value row, const void *shape)
{
	struct json_value cells[KLINE_CELLS_MAX];
	struct event_kline kline = { .has_taker = true };
	if (!row_cells(reader, row, cells, 11))
		return;
	cell_time(reader, cells[6], &kline.close_ms);
	cell_amount(reader, cells[7], &kline.quote_volume);
	cell_amount(reader, cells[9], &kline.taker_buy);
	cell_amount(reader, cells[10], &kline.taker_buy_quote);
	put_kline(reader, cells, &kline, shape);
}

static void bybit_row_kline(struct reader *reader, struct json_value row, const void *shape)
{
	struct json_value cells[KLINE_CELLS_MAX];
	struct event_kline kline = { 0 };
	if (!row_cells(reader, row, cells, 7))
		return;
	cell_amount(reader, cells[6], &kline.quote_volume);
	put_kline(reader, cells, &kline, shape);
}

enum status rest_read_klines(struct rest_reader *rest, const struct rest_klines *ask,
			     struct str body, rest_event_fn fn, void *ctx)
{
	static const row_fn rows[VENUE_COUNT] = {
		[VENUE_BINANCE] = binance_row_kline, [VENUE_BYBIT] = bybit_row_kline
	};
	struct sink sink = { fn, ctx };
	CHECK(ask->minutes > 0);
	return read_list(rest, ask->venue, body, rows, ask, &sink);
}

/* ---- open interest ---- */

static void put_oi(struct reader *reader, int64_t t_ms, struct decimal qty, bool both_sides)
{
	struct event *event = reader_event(reader, EVENT_OI, (struct str){ 0 }, t_ms);
	if (!event)
		return;
	event->oi.qty = qty;
	event->oi.both_sides = both_sides;
}

static void binance_now_oi(struct reader *reader, struct json_value answer)
{
	struct decimal qty = { 0 };
	int64_t t_ms = 0;
	READ_AMOUNT(reader, answer, "openInterest", &qty);
	READ_TIME(reader, answer, "time", &t_ms);
	put_oi(reader, t_ms, qty, false);
}

static void binance_row_oi(struct reader *reader, struct json_value row, const void *shape)
{
	(void)shape;
	struct decimal qty = { 0 };
	int64_t t_ms = 0;
	READ_AMOUNT(reader, row, "sumOpenInterest", &qty);
	READ_TIME_TEXT(reader, row, "timestamp", &t_ms);
	put_oi(reader, t_ms, qty, false);
}

static void bybit_row_oi(struct reader *reader, struct json_value row, const void *shape)
{
	(void)shape;
	struct decimal qty = { 0 };
	int64_t t_ms = 0;
	bool single = reader_has(row, STR("singleOpenInterest"));
	if (single)
		READ_AMOUNT(reader, row, "singleOpenInterest", &qty);
	else
		READ_AMOUNT(reader, row, "openInterest", &qty);
	READ_TIME_TEXT(reader, row, "timestamp", &t_ms);
	put_oi(reader, t_ms, qty, !single);
}

enum status rest_read_oi(struct rest_reader *rest, enum venue venue, struct str body,
			 rest_event_fn fn, void *ctx)
{
	static const row_fn rows[VENUE_COUNT] = {
		[VENUE_BINANCE] = binance_row_oi, [VENUE_BYBIT] = bybit_row_oi
	};
	struct sink sink = { fn, ctx };
	struct json_value root = { 0 };
	struct json_iter list = { 0 };
	CHECK(venue < VENUE_COUNT);
	if (!rest_begin(rest, body, &root))
		return rest_end(rest);
	if (venue == VENUE_BINANCE && json_type(root) == JSON_OBJECT) {
		binance_now_oi(&rest->reader, root);
		give_row(rest, &sink);
	} else if (venue == VENUE_BYBIT ? rest_bybit_list(rest, root, &list)
					: binance_list(rest, root, &list)) {
		give_rows(rest, list, venue == VENUE_BYBIT, rows[venue], NULL, &sink);
	}
	return rest_end(rest);
}

/* ---- depth ---- */

enum status rest_read_depth(struct rest_reader *rest, struct str body, rest_event_fn fn, void *ctx)
{
	struct sink sink = { fn, ctx };
	struct json_value root = { 0 };
	if (!rest_begin(rest, body, &root))
		return rest_end(rest);
	binance_read_depth_snapshot(&rest->reader, root);
	give_row(rest, &sink);
	return rest_end(rest);
}
