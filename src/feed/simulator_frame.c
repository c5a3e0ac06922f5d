#include "feed/simulator_frame.h"

#include "base/check.h"
#include "base/decimal.h"

#define PUT(p, literal) put_bytes(p, literal, sizeof(literal) - 1)

static inline char *put_bytes(char *p, const char *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

static inline char *put_str(char *p, struct str s) { return put_bytes(p, s.ptr, s.len); }

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
			    "34353637383940414243444546474849505152535455565758596061626364656667"
			    "6869707172737475767778798081828384858687888990919293949596979899";

static char *put_u64(char *p, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;
	for (; value >= 10; value /= 100)
		memcpy(digits + (at -= 2), pairs + value % 100 * 2, 2);
	if (value || at == sizeof digits)
		digits[--at] = (char)('0' + value);
	return put_bytes(p, digits + at, sizeof digits - at);
}

static char *put_padded(char *p, uint64_t value, uint32_t places)
{
	uint32_t i = places;
	for (; i > 1; i -= 2, value /= 100)
		memcpy(p + i - 2, pairs + value % 100 * 2, 2);
	if (i)
		p[0] = (char)('0' + value % 10);
	return p + places;
}

static char *put_decimal(char *p, int64_t units, uint32_t places)
{
	if (units < 0) {
		*p++ = '-';
		units = -units;
	}
	uint64_t one = (uint64_t)decimal_pow10((int32_t)places);
	p = put_u64(p, (uint64_t)units / one);
	if (!places)
		return p;
	*p++ = '.';
	return put_padded(p, (uint64_t)units % one, places);
}

static char *put_flag(char *p, bool flag) { return flag ? PUT(p, "true") : PUT(p, "false"); }

static bool binance(const struct sim_label *label) { return label->id.venue == VENUE_BINANCE; }
static bool perp(const struct sim_label *label) { return label->id.kind == KIND_PERP; }

void sim_label_init(struct sim_label *label, const struct market_id *id, uint8_t places_price,
		    uint8_t places_qty)
{
	*label =
	    (struct sim_label){ .id = *id, .places_price = places_price, .places_qty = places_qty };
	label->symbol = str_of(label->id.symbol);
	for (size_t i = 0; i < label->symbol.len; i++) {
		char c = label->id.symbol[i];
		label->lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	struct buf head = buf_over(label->trade_head, sizeof label->trade_head);
	if (binance(label))
		buf_printf(&head, "{\"stream\":\"%s@aggTrade\",\"data\":{\"e\":\"aggTrade\",\"E\":",
			   label->lower);
	else
		buf_printf(&head, "{\"topic\":\"publicTrade.%s\",%s\"ts\":", label->id.symbol,
			   perp(label) ? "\"type\":\"snapshot\"," : "");
	CHECK(!head.overflow);
	label->trade_head_len = (uint32_t)head.len;
}

/* An aggregate of one to three fills: f and l only have to look right. */
static char *binance_trade(char *p, const struct sim_label *label, const struct sim_print *t)
{
	uint64_t first = (uint64_t)t->id * 3;
	p = put_u64(p, (uint64_t)t->t_ms + 1);
	if (perp(label)) {
		p = put_u64(PUT(p, ",\"a\":"), (uint64_t)t->id);
		p = put_str(PUT(p, ",\"s\":\""), label->symbol);
		p = PUT(p, "\",\"p\":\"");
	} else {
		p = put_str(PUT(p, ",\"s\":\""), label->symbol);
		p = put_u64(PUT(p, "\",\"a\":"), (uint64_t)t->id);
		p = PUT(p, ",\"p\":\"");
	}
	p = put_decimal(p, t->price, label->places_price);
	p = put_decimal(PUT(p, "\",\"q\":\""), t->qty, label->places_qty);
	if (perp(label))
		p = put_decimal(PUT(p, "\",\"nq\":\""), t->qty, label->places_qty);
	p = put_u64(PUT(p, "\",\"f\":"), first);
	p = put_u64(PUT(p, ",\"l\":"), first + t->uuid[0] % 3);
	p = put_u64(PUT(p, ",\"T\":"), (uint64_t)t->t_ms);
	p = put_flag(PUT(p, ",\"m\":"), t->sell);
	return perp(label) ? PUT(p, ",\"st\":0}}") : PUT(p, ",\"M\":true}}");
}

static char *put_uuid(char *p, const uint64_t uuid[2])
{
	static const char hex[] = "0123456789abcdef";
	for (int i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*p++ = '-';
		*p++ = hex[uuid[i / 16] >> (i % 16 * 4) & 15];
	}
	return p;
}

static char *put_side(char *p, const struct sim_print *t)
{
	return t->sell ? PUT(p, "\",\"S\":\"Sell\",\"") : PUT(p, "\",\"S\":\"Buy\",\"");
}

static char *bybit_perp_trade(char *p, const struct sim_label *label, const struct sim_print *t)
{
	p = put_u64(PUT(p, "{\"T\":"), (uint64_t)t->t_ms);
	p = put_side(put_str(PUT(p, ",\"s\":\""), label->symbol), t);
	p = put_decimal(PUT(p, "v\":\""), t->qty, label->places_qty);
	p = put_decimal(PUT(p, "\",\"p\":\""), t->price, label->places_price);
	p = t->sell ? PUT(p, "\",\"L\":\"MinusTick\"") : PUT(p, "\",\"L\":\"PlusTick\"");
	p = put_uuid(PUT(p, ",\"i\":\""), t->uuid);
	return PUT(put_u64(PUT(p, "\",\"BT\":false,\"RPI\":false,\"seq\":"), (uint64_t)t->seq),
		   "}");
}

/* The id keeps its last eleven digits: enough for years at any rate. */
static char *bybit_spot_trade(char *p, const struct sim_label *label, const struct sim_print *t)
{
	p = put_padded(PUT(p, "{\"i\":\"22900000"), (uint64_t)t->id, 11);
	p = put_u64(PUT(p, "\",\"T\":"), (uint64_t)t->t_ms);
	p = put_decimal(PUT(p, ",\"p\":\""), t->price, label->places_price);
	p = put_decimal(PUT(p, "\",\"v\":\""), t->qty, label->places_qty);
	p = put_u64(PUT(put_side(p, t), "seq\":"), (uint64_t)t->seq);
	p = put_str(PUT(p, ",\"s\":\""), label->symbol);
	return PUT(p, "\",\"BT\":false,\"RPI\":false}");
}

size_t sim_frame_trade(char *out, const struct sim_label *label, const struct sim_print *trades,
		       size_t n)
{
	char *p = put_bytes(out, label->trade_head, label->trade_head_len);
	CHECK(n >= 1 && n <= SIM_GROUP_MAX);
	if (binance(label)) {
		CHECK(n == 1);
		return (size_t)(binance_trade(p, label, trades) - out);
	}
	p = put_u64(p, (uint64_t)trades[0].t_ms + 2);
	p = perp(label) ? PUT(p, ",\"data\":[") : PUT(p, ",\"type\":\"snapshot\",\"data\":[");
	for (size_t i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		p = perp(label) ? bybit_perp_trade(p, label, &trades[i])
				: bybit_spot_trade(p, label, &trades[i]);
	}
	return (size_t)(PUT(p, "]}") - out);
}

static char *put_level(char *p, const struct sim_label *label, int64_t price, int64_t qty)
{
	p = put_decimal(PUT(p, "[\""), price, label->places_price);
	p = put_decimal(PUT(p, "\",\""), qty, label->places_qty);
	return PUT(p, "\"]");
}

/* `n` levels from the top, some steps apart, sizes from the noise; `gone` says that
 * they are no longer there. */
static char *put_levels(char *p, const struct sim_label *label, const struct sim_quote *quote,
			bool ask, int n, bool gone)
{
	int64_t price = ask ? quote->ask : quote->bid, qty = ask ? quote->ask_qty : quote->bid_qty;
	uint64_t noise = quote->noise + ask;
	for (int i = 0; i < n && price > 0; i++) {
		if (i)
			*p++ = ',';
		p = put_level(p, label, price, gone ? 0 : qty);
		noise = noise * 6364136223846793005u + 1442695040888963407u;
		price += (ask ? 1 : -1) * quote->step * (int64_t)(1 + (noise >> 61));
		qty = quote->bid_qty / 2 + (int64_t)(noise >> 40 & 63) * quote->lot + quote->lot;
	}
	return p;
}

static char *binance_book(char *p, const struct sim_label *label, const struct sim_quote *q)
{
	p = put_str(PUT(p, "{\"stream\":\""), str_of(label->lower));
	p = PUT(p, "@bookTicker\",\"data\":{");
	if (perp(label))
		p = PUT(p, "\"e\":\"bookTicker\",");
	p = put_u64(PUT(p, "\"u\":"), (uint64_t)q->update_id);
	p = put_str(PUT(p, ",\"s\":\""), label->symbol);
	p = put_decimal(PUT(p, "\",\"b\":\""), q->bid, label->places_price);
	p = put_decimal(PUT(p, "\",\"B\":\""), q->bid_qty, label->places_qty);
	p = put_decimal(PUT(p, "\",\"a\":\""), q->ask, label->places_price);
	p = put_decimal(PUT(p, "\",\"A\":\""), q->ask_qty, label->places_qty);
	*p++ = '"';
	if (perp(label)) {
		p = put_u64(PUT(p, ",\"T\":"), (uint64_t)q->t_ms);
		p = put_u64(PUT(p, ",\"E\":"), (uint64_t)q->t_ms);
	}
	return PUT(p, "}}");
}

static char *bybit_book(char *p, const struct sim_label *label, const struct sim_quote *q,
			int levels)
{
	p = put_u64(PUT(p, "{\"topic\":\"orderbook."), levels == 1 ? 1 : 50);
	p = put_str(PUT(p, "."), label->symbol);
	p = put_u64(PUT(p, "\",\"type\":\"snapshot\",\"ts\":"), (uint64_t)q->t_ms + 2);
	p = put_str(PUT(p, ",\"data\":{\"s\":\""), label->symbol);
	p = put_levels(PUT(p, "\",\"b\":["), label, q, false, levels, false);
	p = put_levels(PUT(p, "],\"a\":["), label, q, true, levels, false);
	p = put_u64(PUT(p, "],\"u\":"), (uint64_t)q->update_id);
	p = put_u64(PUT(p, ",\"seq\":"), (uint64_t)q->update_id * 3);
	return PUT(put_u64(PUT(p, "},\"cts\":"), (uint64_t)q->t_ms), "}");
}

size_t sim_frame_book(char *out, const struct sim_label *label, const struct sim_quote *quote)
{
	char *end =
	    binance(label) ? binance_book(out, label, quote) : bybit_book(out, label, quote, 1);
	return (size_t)(end - out);
}

/* A diff takes the levels of the one before away first: a price that stays is named
 * twice, and the later word counts. */
static char *put_diff(char *p, const struct sim_label *label, const struct sim_quote *before,
		      const struct sim_quote *now, bool ask)
{
	p = put_levels(p, label, before, ask, SIM_DEPTH_LEVELS, true);
	*p++ = ',';
	return put_levels(p, label, now, ask, SIM_DEPTH_LEVELS, false);
}

static char *binance_depth(char *p, const struct sim_label *label, const struct sim_quote *before,
			   const struct sim_quote *now)
{
	p = put_str(PUT(p, "{\"stream\":\""), str_of(label->lower));
	p = PUT(p, "@depth@100ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":");
	p = put_u64(p, (uint64_t)now->t_ms + 1);
	if (perp(label))
		p = put_u64(PUT(p, ",\"T\":"), (uint64_t)now->t_ms);
	p = put_str(PUT(p, ",\"s\":\""), label->symbol);
	p = put_u64(PUT(p, "\",\"U\":"), (uint64_t)before->update_id + 1);
	p = put_u64(PUT(p, ",\"u\":"), (uint64_t)now->update_id);
	if (perp(label))
		p = put_u64(PUT(p, ",\"pu\":"), (uint64_t)before->update_id);
	p = put_diff(PUT(p, ",\"b\":["), label, before, now, false);
	p = put_diff(PUT(p, "],\"a\":["), label, before, now, true);
	return PUT(p, "]}}");
}

size_t sim_frame_depth(char *out, const struct sim_label *label, const struct sim_quote *before,
		       const struct sim_quote *now)
{
	char *end = binance(label) ? binance_depth(out, label, before, now)
				   : bybit_book(out, label, now, SIM_DEPTH_LEVELS);
	return (size_t)(end - out);
}

static char *binance_rates(char *p, const struct sim_label *label, const struct sim_rates *r)
{
	p = put_str(PUT(p, "{\"stream\":\""), str_of(label->lower));
	p = put_u64(PUT(p, "@markPrice@1s\",\"data\":{\"e\":\"markPriceUpdate\",\"E\":"),
		    (uint64_t)r->t_ms);
	p = put_str(PUT(p, ",\"s\":\""), label->symbol);
	p = put_decimal(PUT(p, "\",\"p\":\""), r->mark, label->places_price);
	p = put_decimal(PUT(p, "\",\"P\":\""), r->index, label->places_price);
	p = put_decimal(PUT(p, "\",\"i\":\""), r->index, label->places_price);
	p = put_decimal(PUT(p, "\",\"r\":\""), r->rate_e8, 8);
	return PUT(put_u64(PUT(p, "\",\"T\":"), (uint64_t)r->next_ms), "}}");
}

static char *bybit_rates(char *p, const struct sim_label *label, const struct sim_rates *r)
{
	p = put_str(PUT(p, "{\"topic\":\"tickers."), label->symbol);
	p = put_str(PUT(p, "\",\"type\":\"snapshot\",\"data\":{\"symbol\":\""), label->symbol);
	p = put_decimal(PUT(p, "\",\"lastPrice\":\""), r->mark, label->places_price);
	if (perp(label)) {
		p = put_decimal(PUT(p, "\",\"markPrice\":\""), r->mark, label->places_price);
		p = put_decimal(PUT(p, "\",\"indexPrice\":\""), r->index, label->places_price);
		p = put_decimal(PUT(p, "\",\"openInterest\":\""), 2 * r->oi, label->places_qty);
		p = put_decimal(PUT(p, "\",\"singleOpenInterest\":\""), r->oi, label->places_qty);
		p = put_u64(PUT(p, "\",\"nextFundingTime\":\""), (uint64_t)r->next_ms);
		p = put_decimal(PUT(p, "\",\"fundingRate\":\""), r->rate_e8, 8);
	}
	return PUT(put_u64(PUT(p, "\"},\"cs\":24987956059,\"ts\":"), (uint64_t)r->t_ms), "}");
}

size_t sim_frame_rates(char *out, const struct sim_label *label, const struct sim_rates *rates)
{
	char *end =
	    binance(label) ? binance_rates(out, label, rates) : bybit_rates(out, label, rates);
	return (size_t)(end - out);
}

static char *binance_liquidation(char *p, const struct sim_label *label, const struct sim_print *t)
{
	p = put_u64(PUT(p, "{\"stream\":\"!forceOrder@arr\",\"data\":{\"e\":\"forceOrder\",\"E\":"),
		    (uint64_t)t->t_ms + 3);
	p = put_str(PUT(p, ",\"o\":{\"s\":\""), label->symbol);
	p = t->sell ? PUT(p, "\",\"S\":\"SELL\"") : PUT(p, "\",\"S\":\"BUY\"");
	p = put_decimal(PUT(p, ",\"o\":\"LIMIT\",\"f\":\"IOC\",\"q\":\""), t->qty,
			label->places_qty);
	p = put_decimal(PUT(p, "\",\"p\":\""), t->price, label->places_price);
	p = put_decimal(PUT(p, "\",\"ap\":\""), t->price, label->places_price);
	p = put_decimal(PUT(p, "\",\"X\":\"FILLED\",\"l\":\""), t->qty, label->places_qty);
	p = put_decimal(PUT(p, "\",\"z\":\""), t->qty, label->places_qty);
	return PUT(put_u64(PUT(p, "\",\"T\":"), (uint64_t)t->t_ms), "}}}");
}

static char *bybit_liquidation(char *p, const struct sim_label *label, const struct sim_print *t)
{
	p = put_str(PUT(p, "{\"topic\":\"allLiquidation."), label->symbol);
	p = put_u64(PUT(p, "\",\"type\":\"snapshot\",\"ts\":"), (uint64_t)t->t_ms + 3);
	p = put_u64(PUT(p, ",\"data\":[{\"T\":"), (uint64_t)t->t_ms);
	p = put_str(PUT(p, ",\"s\":\""), label->symbol);
	p = t->sell ? PUT(p, "\",\"S\":\"Buy\"") : PUT(p, "\",\"S\":\"Sell\"");
	p = put_decimal(PUT(p, ",\"v\":\""), t->qty, label->places_qty);
	p = put_decimal(PUT(p, "\",\"p\":\""), t->price, label->places_price);
	return PUT(p, "\"}]}");
}

size_t sim_frame_liquidation(char *out, const struct sim_label *label,
			     const struct sim_print *print)
{
	char *end = binance(label) ? binance_liquidation(out, label, print)
				   : bybit_liquidation(out, label, print);
	return (size_t)(end - out);
}

size_t sim_frame_unknown(char *out, const struct sim_label *label, int64_t t_ms)
{
	char *p = out;
	if (binance(label)) {
		p = put_str(PUT(p, "{\"stream\":\""), str_of(label->lower));
		p = put_u64(PUT(p, "@weather\",\"data\":{\"e\":\"weather\",\"E\":"),
			    (uint64_t)t_ms);
		p = put_str(PUT(p, ",\"s\":\""), label->symbol);
		return (size_t)(PUT(p, "\",\"w\":\"fog\"}}") - out);
	}
	p = put_str(PUT(p, "{\"topic\":\"weather."), label->symbol);
	p = put_u64(PUT(p, "\",\"type\":\"snapshot\",\"ts\":"), (uint64_t)t_ms);
	return (size_t)(PUT(p, ",\"data\":{\"w\":\"fog\"}}") - out);
}

/* What a broken proxy or a bad cable makes of a trade. */
size_t sim_frame_malformed(char *out, const struct sim_label *label, uint64_t noise)
{
	struct sim_print trade = { .t_ms = 1700000000000, .id = 1, .seq = 1, .price = 1, .qty = 1 };
	size_t len = sim_frame_trade(out, label, &trade, 1);
	switch (noise % 4) {
	case 0: return len / 2;                   /* cut short */
	case 1: out[len - 1] = ']'; return len;   /* unbalanced */
	case 2: memset(out, 0xFF, 8); return len; /* not UTF-8, not JSON */
	default: return (size_t)(PUT(out, "<html><body>502 Bad Gateway</body></html>") - out);
	}
}
