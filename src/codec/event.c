#include "codec/event.h"

#include "base/check.h"
#include "codec/decoder.h"

const char *event_type_text(enum event_type type)
{
	static const char *const texts[EVENT_COUNT] = {
#define EVENT(name, text) text,
#include "codec/events.def"
#undef EVENT
	};
	CHECK(type < EVENT_COUNT);
	return texts[type];
}

/* `"text"` at *at, with what follows it. The shape was checked at decode. */
static struct decimal level_part(struct str *levels, size_t skip)
{
	struct decimal value = { 0 };
	struct str rest = str_skip(*levels, skip);
	struct str text = str_make(rest.ptr, str_find_char(rest, '"'));
	CHECK(decimal_parse(text, &value) == STATUS_OK);
	*levels = str_skip(rest, text.len);
	return value;
}

bool depth_level_next(struct str *levels, struct decimal *price, struct decimal *qty)
{
	if (!levels->len)
		return false;
	*price = level_part(levels, 2); /* [" */
	*qty = level_part(levels, 3);   /* "," */
	*levels = str_skip(*levels, 3); /* "], */
	return true;
}

static void put_key(struct buf *buf, const char *key) { buf_printf(buf, ",\"%s\":", key); }

static void put_decimal(struct buf *buf, const char *key, struct decimal value)
{
	put_key(buf, key);
	buf_char(buf, '"');
	decimal_print_trim(buf, value.mantissa, value.scale);
	buf_char(buf, '"');
}

static void put_null(struct buf *buf, const char *key)
{
	put_key(buf, key);
	buf_put(buf, "null", 4);
}

static void put_decimal_if(struct buf *buf, const char *key, struct decimal value, bool known)
{
	if (known)
		put_decimal(buf, key, value);
	else
		put_null(buf, key);
}

static void put_i64(struct buf *buf, const char *key, int64_t value)
{
	put_key(buf, key);
	buf_i64(buf, value);
}

/* Zero is "the frame does not say". */
static void put_i64_if(struct buf *buf, const char *key, int64_t value)
{
	if (value)
		put_i64(buf, key, value);
	else
		put_null(buf, key);
}

static void put_bool(struct buf *buf, const char *key, bool value)
{
	put_key(buf, key);
	buf_printf(buf, "%s", value ? "true" : "false");
}

static void put_text(struct buf *buf, const char *key, struct str text)
{
	put_key(buf, key);
	buf_json_str(buf, text);
}

static void put_trade(struct buf *buf, const struct event_trade *trade)
{
	put_decimal(buf, "price", trade->price);
	put_decimal(buf, "qty", trade->qty);
	put_text(buf, "side", trade->side == SIDE_BUY ? STR("buy") : STR("sell"));
	if (trade->block)
		put_bool(buf, "block", true);
}

static void put_liquidation(struct buf *buf, const struct event_liquidation *liquidation)
{
	put_decimal(buf, "qty", liquidation->qty);
	put_decimal(buf, "price", liquidation->price);
	put_text(buf, "position", liquidation->position == SIDE_BUY ? STR("long") : STR("short"));
}

/* One-sided, so a two-sided sum is halved: × 5 / 10, exact. */
static void put_oi(struct buf *buf, struct decimal qty, bool both_sides)
{
	put_key(buf, "qty");
	buf_char(buf, '"');
	decimal_print_trim(buf, both_sides ? (i128)qty.mantissa * 5 : qty.mantissa,
			   both_sides ? qty.scale + 1 : qty.scale);
	buf_char(buf, '"');
}

static void put_funding(struct buf *buf, const struct event_funding *funding)
{
	put_decimal_if(buf, "rate", funding->rate, !funding->rate_unchanged);
	put_i64_if(buf, "next_ms", funding->next_ms);
	put_i64_if(buf, "interval_min", funding->interval_min);
}

static void put_kline(struct buf *buf, const struct event_kline *kline)
{
	put_i64(buf, "open_ms", kline->open_ms);
	put_i64(buf, "close_ms", kline->close_ms);
	put_i64_if(buf, "minutes", kline->minutes);
	put_decimal(buf, "open", kline->open);
	put_decimal(buf, "high", kline->high);
	put_decimal(buf, "low", kline->low);
	put_decimal(buf, "close", kline->close);
	put_decimal(buf, "volume", kline->volume);
	put_decimal(buf, "quote_volume", kline->quote_volume);
	put_decimal_if(buf, "taker_buy", kline->taker_buy, kline->has_taker);
	put_decimal_if(buf, "taker_buy_quote", kline->taker_buy_quote, kline->has_taker);
	put_bool(buf, "closed", kline->closed);
}

static void put_ticker(struct buf *buf, const struct event_ticker *ticker)
{
	put_decimal_if(buf, "last", ticker->last, ticker->has_last);
	put_decimal_if(buf, "change_percent_24h", ticker->change_percent_24h, ticker->has_change);
	put_decimal_if(buf, "volume_24h", ticker->volume_24h, ticker->has_volume);
	put_decimal_if(buf, "quote_volume_24h", ticker->quote_volume_24h, ticker->has_quote_volume);
	put_bool(buf, "snapshot", ticker->snapshot);
}

static void put_book(struct buf *buf, const struct event_book *book)
{
	put_decimal(buf, "bid", book->bid);
	put_decimal(buf, "bid_qty", book->bid_qty);
	put_decimal(buf, "ask", book->ask);
	put_decimal(buf, "ask_qty", book->ask_qty);
}

static void put_depth(struct buf *buf, const struct event_depth *depth)
{
	put_i64(buf, "bids", depth->n_bids);
	put_i64(buf, "asks", depth->n_asks);
	put_i64(buf, "first_update", depth->first_update);
	put_i64(buf, "last_update", depth->last_update);
	put_bool(buf, "snapshot", depth->snapshot);
}

static void put_malformed(struct buf *buf, const char *reason, uint64_t line)
{
	put_text(buf, "reason", str_of(reason));
	if (line) {
		put_key(buf, "line");
		buf_u64(buf, line);
	}
}

static void put_body(struct buf *buf, const struct event *event, uint64_t line)
{
	switch ((enum event_type)event->type) {
	case EVENT_TRADE: put_trade(buf, &event->trade); break;
	case EVENT_LIQUIDATION: put_liquidation(buf, &event->liquidation); break;
	case EVENT_OI: put_oi(buf, event->oi.qty, event->oi.both_sides); break;
	case EVENT_FUNDING: put_funding(buf, &event->funding); break;
	case EVENT_MARK:
		put_decimal_if(buf, "mark", event->mark.mark, event->mark.mark.mantissa != 0);
		put_decimal_if(buf, "index", event->mark.index, event->mark.index.mantissa != 0);
		break;
	case EVENT_KLINE: put_kline(buf, &event->kline); break;
	case EVENT_TICKER: put_ticker(buf, &event->ticker); break;
	case EVENT_BOOK: put_book(buf, &event->book); break;
	case EVENT_DEPTH: put_depth(buf, &event->depth); break;
	case EVENT_ACK: put_bool(buf, "success", event->ack.success); break;
	case EVENT_MALFORMED: put_malformed(buf, event->malformed.reason, line); break;
	case EVENT_UNKNOWN:
	case EVENT_COUNT: break;
	}
}

/* "venue:kind:SYMBOL", or null where the frame names no symbol. */
static void put_market(struct buf *buf, enum venue venue, enum kind kind, struct str symbol)
{
	char text[SYMBOL_MAX * 8 + 64];
	struct buf market = buf_over(text, sizeof text);
	if (!symbol.len) {
		put_null(buf, "market");
		return;
	}
	buf_printf(&market, "%s:%s:", venue_text(venue), kind_text(kind));
	buf_str_put(&market, symbol);
	CHECK(!market.overflow); /* decoders give symbols of at most 64 bytes */
	put_text(buf, "market", buf_str(&market));
}

void event_print_json(struct buf *buf, enum venue venue, enum kind kind, const struct event *event,
		      uint64_t line)
{
	buf_printf(buf, "{\"type\":\"%s\"", event_type_text(event->type));
	put_market(buf, venue, kind, event->symbol);
	if (event->type == EVENT_TRADE)
		put_text(buf, "id", event->trade.id);
	put_i64_if(buf, "t_ms", event->t_ms);
	put_body(buf, event, line);
	buf_char(buf, '}');
}
