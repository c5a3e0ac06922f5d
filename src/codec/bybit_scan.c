/* The spellings below are those of frames published in 2025 and 2026: linear sends
 * `type` before `ts` and its own order of a trade's members, spot the other way
 * round; order books come in both. */
#include "codec/bybit.h"

#include "base/check.h"

enum shape { TRADES, ORDERBOOK };

static bool is_topic_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* `{"topic":"publicTrade.SYMBOL","` or the same of orderbook. */
static bool learn(struct scan_prefix *prefix, struct str frame)
{
	struct scan scan = { frame.ptr, frame.ptr + frame.len };
	enum shape shape;
	if (SCAN(&scan, "{\"topic\":\"publicTrade."))
		shape = TRADES;
	else if (SCAN(&scan, "{\"topic\":\"orderbook."))
		shape = ORDERBOOK;
	else
		return false;
	while (scan.p < scan.end && is_topic_char(*scan.p))
		scan.p++;
	if (!SCAN(&scan, "\",\""))
		return false;
	size_t len = (size_t)(scan.p - frame.ptr);
	if (len > SCAN_PREFIX_BYTES || len > frame.len)
		return false;
	*prefix = (struct scan_prefix){ .len = (uint8_t)len, .shape = (uint8_t)shape };
	memcpy(prefix->text, frame.ptr, len);
	return true;
}

SCAN_INLINE bool scan_type(struct scan *scan, bool *snapshot)
{
	*snapshot = SCAN(scan, "type\":\"snapshot\",\"");
	return *snapshot || SCAN(scan, "type\":\"delta\",\"");
}

/* Both orders of type and ts, up to `data":`. */
SCAN_INLINE bool scan_head(struct scan *scan, bool *ts_first, bool *snapshot, int64_t *t_ms)
{
	*ts_first = SCAN(scan, "ts\":");
	if (*ts_first)
		return scan_time(scan, t_ms) && SCAN(scan, ",\"") && scan_type(scan, snapshot) &&
		       SCAN(scan, "data\":");
	return scan_type(scan, snapshot) && SCAN(scan, "ts\":") && scan_time(scan, t_ms) &&
	       SCAN(scan, ",\"data\":");
}

/* A trade id up to its quote: hexadecimal digits and dashes. */
static bool scan_trade_id(struct scan *scan, struct str *out)
{
	size_t n = 0;
	for (; scan->p + n < scan->end && n <= SYMBOL_BYTES_MAX; n++) {
		char c = scan->p[n];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'))
			break;
	}
	if (n == 0 || n > SYMBOL_BYTES_MAX)
		return false;
	*out = str_make(scan->p, n);
	scan->p += n;
	return true;
}

SCAN_INLINE bool scan_side(struct scan *scan, uint8_t *side)
{
	bool buy = SCAN(scan, "\"S\":\"Buy\",");
	*side = buy ? SIDE_BUY : SIDE_SELL;
	return buy || SCAN(scan, "\"S\":\"Sell\",");
}

SCAN_INLINE bool scan_tick(struct scan *scan)
{
	return SCAN(scan, "PlusTick") || SCAN(scan, "MinusTick") || SCAN(scan, "ZeroPlusTick") ||
	       SCAN(scan, "ZeroMinusTick");
}

SCAN_INLINE bool linear_trade(struct scan *scan, struct scan_prefix *prefix, struct event *out)
{
	struct event_trade *trade = &out->trade;
	bool rpi;
	return SCAN(scan, "{\"T\":") && scan_time(scan, &out->t_ms) && SCAN(scan, ",\"s\":\"") &&
	       scan_symbol(scan, prefix, &out->symbol) && SCAN(scan, "\",") &&
	       scan_side(scan, &trade->side) && SCAN(scan, "\"v\":\"") &&
	       scan_decimal(scan, &trade->qty) && SCAN(scan, "\",\"p\":\"") &&
	       scan_decimal(scan, &trade->price) && SCAN(scan, "\",\"L\":\"") && scan_tick(scan) &&
	       SCAN(scan, "\",\"i\":\"") && scan_trade_id(scan, &trade->id) &&
	       SCAN(scan, "\",\"BT\":") && scan_bool(scan, &trade->block) &&
	       SCAN(scan, ",\"RPI\":") && scan_bool(scan, &rpi) && SCAN(scan, ",\"seq\":") &&
	       scan_integer(scan, &trade->seq) && SCAN(scan, "}");
}

SCAN_INLINE bool spot_trade(struct scan *scan, struct scan_prefix *prefix, struct event *out)
{
	struct event_trade *trade = &out->trade;
	bool rpi;
	return SCAN(scan, "{\"i\":\"") && scan_trade_id(scan, &trade->id) &&
	       SCAN(scan, "\",\"T\":") && scan_time(scan, &out->t_ms) && SCAN(scan, ",\"p\":\"") &&
	       scan_decimal(scan, &trade->price) && SCAN(scan, "\",\"v\":\"") &&
	       scan_decimal(scan, &trade->qty) && SCAN(scan, "\",") &&
	       scan_side(scan, &trade->side) && SCAN(scan, "\"seq\":") &&
	       scan_integer(scan, &trade->seq) && SCAN(scan, ",\"s\":\"") &&
	       scan_symbol(scan, prefix, &out->symbol) && SCAN(scan, "\",\"BT\":") &&
	       scan_bool(scan, &trade->block) && SCAN(scan, ",\"RPI\":") && scan_bool(scan, &rpi) &&
	       SCAN(scan, "}");
}

static size_t scan_trades(struct scan *scan, struct scan_prefix *prefix, bool ts_first,
			  struct event *out)
{
	size_t n = 0;
	if (!SCAN(scan, "[") || scan->p >= scan->end)
		return 0;
	do {
		struct event *event = &out[n];
		if (n == EVENTS_PER_FRAME)
			return 0;
		if (!(ts_first ? spot_trade(scan, prefix, event)
			       : linear_trade(scan, prefix, event)) ||
		    event->trade.price.mantissa <= 0 || event->trade.qty.mantissa <= 0)
			return 0;
		event->type = EVENT_TRADE;
		event->trade.ordered_id = -1;
		event->trade.aggregated = false;
		n++;
	} while (SCAN(scan, ","));
	return SCAN(scan, "]}") && scan_done(scan) ? n : 0;
}

static size_t scan_orderbook(struct scan *scan, struct scanner *scanner, struct scan_prefix *prefix,
			     struct event *out)
{
	struct event_depth *depth = &out->depth;
	int64_t seq, matched_ms;
	out->type = EVENT_DEPTH;
	bool good = SCAN(scan, "{\"s\":\"") && scan_symbol(scan, prefix, &out->symbol) &&
		    SCAN(scan, "\",\"b\":[") &&
		    scan_levels(scan, scanner->levels, &depth->bids, &depth->n_bids) &&
		    SCAN(scan, "],\"a\":[") &&
		    scan_levels(scan, scanner->levels, &depth->asks, &depth->n_asks) &&
		    SCAN(scan, "],\"u\":") && scan_integer(scan, &depth->last_update) &&
		    SCAN(scan, ",\"seq\":") && scan_integer(scan, &seq) &&
		    SCAN(scan, "},\"cts\":") && scan_time(scan, &matched_ms) && SCAN(scan, "}") &&
		    scan_done(scan);
	if (!good)
		return 0;
	depth->first_update = depth->last_update;
	return 1;
}

size_t bybit_scan(struct scanner *scanner, struct str frame, struct event *out)
{
	if (frame.len < 64)
		return 0;
	struct scan_prefix *prefix = scanner_slot(scanner, frame);
	if (__builtin_expect(!scan_begins(frame, prefix), 0) && !learn(prefix, frame))
		return 0;
	struct scan scan = { frame.ptr + prefix->len, frame.ptr + frame.len };
	bool ts_first = false, snapshot = false;
	int64_t t_ms = 0;
	if (!scan_head(&scan, &ts_first, &snapshot, &t_ms))
		return 0;
	if (prefix->shape == TRADES)
		return scan_trades(&scan, prefix, ts_first, out);
	out->t_ms = t_ms;
	out->depth.snapshot = snapshot;
	return scan_orderbook(&scan, scanner, prefix, out);
}
