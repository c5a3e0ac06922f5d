/* The spellings below are those of the recorded frames of 2024 and, for futures'
 * aggTrade, of 2026 (`a` before `s`, with `nq` and `st`). */
#include "codec/binance.h"

#include "base/check.h"

enum shape {
	SPOT_TRADE,
	SPOT_AGG_TRADE,
	SPOT_BOOK,
	SPOT_DEPTH,
	PERP_TRADE,
	PERP_AGG_TRADE,
	PERP_BOOK,
	PERP_DEPTH,
};

/* How the event's object begins; what follows is the first value. */
static const struct {
	struct str text;
	enum kind kind;
	enum shape shape;
} beginnings[] = {
	{ { "{\"e\":\"trade\",\"E\":", 17 }, KIND_SPOT, SPOT_TRADE },
	{ { "{\"e\":\"trade\",\"E\":", 17 }, KIND_PERP, PERP_TRADE },
	{ { "{\"e\":\"aggTrade\",\"E\":", 20 }, KIND_SPOT, SPOT_AGG_TRADE },
	{ { "{\"e\":\"aggTrade\",\"E\":", 20 }, KIND_PERP, PERP_AGG_TRADE },
	{ { "{\"u\":", 5 }, KIND_SPOT, SPOT_BOOK },
	{ { "{\"e\":\"bookTicker\",\"u\":", 22 }, KIND_PERP, PERP_BOOK },
	{ { "{\"e\":\"depthUpdate\",\"E\":", 23 }, KIND_SPOT, SPOT_DEPTH },
	{ { "{\"e\":\"depthUpdate\",\"E\":", 23 }, KIND_PERP, PERP_DEPTH },
};

static bool is_stream_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '@' || c == '_' || c == '-' || c == '.';
}

/* `{"stream":"NAME","data":` when it is there; false when it is there and is not
 * plain, or names a partial depth stream. */
static bool learn_stream(struct scan *scan, bool *wrapped)
{
	*wrapped = SCAN(scan, "{\"stream\":\"");
	if (!*wrapped)
		return true;
	const char *name = scan->p;
	while (scan->p < scan->end && is_stream_char(*scan->p))
		scan->p++;
	struct str stream = str_make(name, (size_t)(scan->p - name));
	return SCAN(scan, "\",\"data\":") && !binance_stream_is_partial_depth(stream);
}

/* A frame whose beginning is not the one last seen in its slot. */
static bool learn(struct scan_prefix *prefix, enum kind kind, struct str frame)
{
	struct scan scan = { frame.ptr, frame.ptr + frame.len };
	bool wrapped;
	if (!learn_stream(&scan, &wrapped))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		struct str text = beginnings[i].text;
		if (beginnings[i].kind != kind || scan.p >= scan.end ||
		    memcmp(scan.p, text.ptr, text.len) != 0)
			continue;
		size_t len = (size_t)(scan.p - frame.ptr) + text.len;
		if (len < SCAN_BEFORE_BYTES || len > SCAN_PREFIX_BYTES || len > frame.len)
			return false;
		*prefix = (struct scan_prefix){ .len = (uint8_t)len,
						.shape = (uint8_t)beginnings[i].shape,
						.wrapped = wrapped };
		memcpy(prefix->text, frame.ptr, len);
		return true;
	}
	return false;
}

/* The fields of a print, in the order they are asked for below. */
struct print {
	struct str symbol, id_text;
	int64_t event_ms, t_ms, id;
	struct decimal price, qty;
	bool buyer_made;
};

SCAN_INLINE bool scan_id(struct scan *scan, struct print *print)
{
	print->id_text.ptr = scan->p;
	if (!scan_integer(scan, &print->id))
		return false;
	print->id_text.len = (size_t)(scan->p - print->id_text.ptr);
	return true;
}

SCAN_INLINE bool scan_price_qty(struct scan *scan, struct print *print)
{
	return SCAN(scan, ",\"p\":\"") && scan_decimal(scan, &print->price) &&
	       SCAN(scan, "\",\"q\":\"") && scan_decimal(scan, &print->qty) && SCAN(scan, "\",");
}

SCAN_INLINE bool spot_trade(struct scan *scan, struct scan_prefix *prefix, struct print *print)
{
	return scan_time(scan, &print->event_ms) && SCAN(scan, ",\"s\":\"") &&
	       scan_symbol(scan, prefix, &print->symbol) && SCAN(scan, "\",\"t\":") &&
	       scan_id(scan, print) && scan_price_qty(scan, print) && SCAN(scan, "\"T\":") &&
	       scan_time(scan, &print->t_ms) && SCAN(scan, ",\"m\":") &&
	       scan_bool(scan, &print->buyer_made) && SCAN(scan, ",\"M\":true}");
}

SCAN_INLINE bool perp_trade(struct scan *scan, struct scan_prefix *prefix, struct print *print)
{
	return scan_time(scan, &print->event_ms) && SCAN(scan, ",\"T\":") &&
	       scan_time(scan, &print->t_ms) && SCAN(scan, ",\"s\":\"") &&
	       scan_symbol(scan, prefix, &print->symbol) && SCAN(scan, "\",\"t\":") &&
	       scan_id(scan, print) && scan_price_qty(scan, print) &&
	       SCAN(scan, "\"X\":\"MARKET\",\"m\":") && scan_bool(scan, &print->buyer_made) &&
	       SCAN(scan, "}");
}

/* What aggTrade has behind the quantity: first and last trade, time, maker. */
SCAN_INLINE bool agg_trade_rest(struct scan *scan, struct print *print)
{
	int64_t first, last;
	return SCAN(scan, "\"f\":") && scan_integer(scan, &first) && SCAN(scan, ",\"l\":") &&
	       scan_integer(scan, &last) && SCAN(scan, ",\"T\":") &&
	       scan_time(scan, &print->t_ms) && SCAN(scan, ",\"m\":") &&
	       scan_bool(scan, &print->buyer_made);
}

SCAN_INLINE bool spot_agg_trade(struct scan *scan, struct scan_prefix *prefix, struct print *print)
{
	return scan_time(scan, &print->event_ms) && SCAN(scan, ",\"s\":\"") &&
	       scan_symbol(scan, prefix, &print->symbol) && SCAN(scan, "\",\"a\":") &&
	       scan_id(scan, print) && scan_price_qty(scan, print) && agg_trade_rest(scan, print) &&
	       SCAN(scan, ",\"M\":true}");
}

SCAN_INLINE bool perp_agg_trade(struct scan *scan, struct scan_prefix *prefix, struct print *print)
{
	struct decimal normal;
	int64_t st;
	return scan_time(scan, &print->event_ms) && SCAN(scan, ",\"a\":") && scan_id(scan, print) &&
	       SCAN(scan, ",\"s\":\"") && scan_symbol(scan, prefix, &print->symbol) &&
	       SCAN(scan, "\"") && scan_price_qty(scan, print) && SCAN(scan, "\"nq\":\"") &&
	       scan_decimal(scan, &normal) && SCAN(scan, "\",") && agg_trade_rest(scan, print) &&
	       SCAN(scan, ",\"st\":") && scan_integer(scan, &st) && SCAN(scan, "}");
}

SCAN_INLINE bool scan_tail(struct scan *scan, bool wrapped)
{
	return (!wrapped || SCAN(scan, "}")) && scan_done(scan);
}

SCAN_INLINE size_t finish_print(const struct print *print, bool aggregated, struct event *out)
{
	if (print->price.mantissa <= 0 || print->qty.mantissa <= 0)
		return 0;
	/* Member by member: a compound literal would be zeroed first, byte by byte. */
	struct event_trade *trade = &out->trade;
	out->type = EVENT_TRADE;
	out->symbol = print->symbol;
	out->t_ms = print->t_ms;
	trade->id = print->id_text;
	trade->ordered_id = print->id;
	trade->seq = 0;
	trade->price = print->price;
	trade->qty = print->qty;
	trade->side = print->buyer_made ? SIDE_SELL : SIDE_BUY;
	trade->aggregated = aggregated;
	trade->block = false;
	return 1;
}

/* From update_id on; spot's has no times. */
SCAN_INLINE size_t scan_book(struct scan *scan, struct scan_prefix *prefix, bool perp,
			     struct event *out)
{
	struct event_book *book = &out->book;
	int64_t transaction_ms;
	bool good = scan_integer(scan, &book->update_id) && SCAN(scan, ",\"s\":\"") &&
		    scan_symbol(scan, prefix, &out->symbol) && SCAN(scan, "\",\"b\":\"") &&
		    scan_decimal(scan, &book->bid) && SCAN(scan, "\",\"B\":\"") &&
		    scan_decimal(scan, &book->bid_qty) && SCAN(scan, "\",\"a\":\"") &&
		    scan_decimal(scan, &book->ask) && SCAN(scan, "\",\"A\":\"") &&
		    scan_decimal(scan, &book->ask_qty);
	out->type = EVENT_BOOK;
	out->t_ms = 0;
	if (!perp)
		return good && SCAN(scan, "\"}") && scan_tail(scan, prefix->wrapped);
	return good && SCAN(scan, "\",\"T\":") && scan_time(scan, &transaction_ms) &&
	       SCAN(scan, ",\"E\":") && scan_time(scan, &out->t_ms) && SCAN(scan, "}") &&
	       scan_tail(scan, prefix->wrapped);
}

/* From the event time on; futures' has a second time and the update before. */
SCAN_INLINE size_t scan_depth(struct scan *scan, struct scanner *scanner,
			      struct scan_prefix *prefix, bool perp, struct event *out)
{
	struct event_depth *depth = &out->depth;
	int64_t transaction_ms, previous;
	out->type = EVENT_DEPTH;
	depth->snapshot = false;
	bool good = scan_time(scan, &out->t_ms) &&
		    (!perp || (SCAN(scan, ",\"T\":") && scan_time(scan, &transaction_ms))) &&
		    SCAN(scan, ",\"s\":\"") && scan_symbol(scan, prefix, &out->symbol) &&
		    SCAN(scan, "\",\"U\":") && scan_integer(scan, &depth->first_update) &&
		    SCAN(scan, ",\"u\":") && scan_integer(scan, &depth->last_update) &&
		    (!perp || (SCAN(scan, ",\"pu\":") && scan_integer(scan, &previous)));
	return good && SCAN(scan, ",\"b\":[") &&
	       scan_levels(scan, scanner->levels, &depth->bids, &depth->n_bids) &&
	       SCAN(scan, "],\"a\":[") &&
	       scan_levels(scan, scanner->levels, &depth->asks, &depth->n_asks) &&
	       SCAN(scan, "]}") && scan_tail(scan, prefix->wrapped);
}

typedef bool print_scan(struct scan *scan, struct scan_prefix *prefix, struct print *print);

SCAN_INLINE size_t scan_print(struct scan *scan, struct scan_prefix *prefix, print_scan *fields,
			      bool aggregated, struct event *out)
{
	struct print print;
	return fields(scan, prefix, &print) && scan_tail(scan, prefix->wrapped)
		   ? finish_print(&print, aggregated, out)
		   : 0;
}

size_t binance_scan(struct scanner *scanner, enum kind kind, struct str frame, struct event *out)
{
	if (frame.len < 64)
		return 0;
	struct scan_prefix *prefix = scanner_slot(scanner, frame);
	if (__builtin_expect(!scan_begins(frame, prefix), 0) && !learn(prefix, kind, frame))
		return 0;
	struct scan scan = { frame.ptr + prefix->len, frame.ptr + frame.len };
	switch ((enum shape)prefix->shape) {
	case SPOT_TRADE: return scan_print(&scan, prefix, spot_trade, false, out);
	case SPOT_AGG_TRADE: return scan_print(&scan, prefix, spot_agg_trade, true, out);
	case SPOT_BOOK: return scan_book(&scan, prefix, false, out);
	case SPOT_DEPTH: return scan_depth(&scan, scanner, prefix, false, out);
	case PERP_TRADE: return scan_print(&scan, prefix, perp_trade, false, out);
	case PERP_AGG_TRADE: return scan_print(&scan, prefix, perp_agg_trade, true, out);
	case PERP_BOOK: return scan_book(&scan, prefix, true, out);
	case PERP_DEPTH: return scan_depth(&scan, scanner, prefix, true, out);
	}
	return 0;
}
