#include "cli/bars_csv.h"

void bars_csv_head(struct buf *out)
{
	buf_printf(out, "market,minute_ms,open,high,low,close,taker_buy,taker_sell,delta,cvd,"
			"taker_buy_quote,taker_sell_quote,cvd_quote,n_buy,n_sell,first_id,last_id,"
			"flags\n");
}

void bars_csv_flags(struct buf *out, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = { { BAR_PARTIAL, "partial" },
		      { BAR_KLINES, "klines" },
		      { BAR_REPAIRED, "repaired" } };
	bool any = false;
	if (!(flags & BAR_PARTIAL)) {
		buf_printf(out, "complete");
		any = true;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!(flags & names[i].flag))
			continue;
		buf_printf(out, "%s%s", any ? "+" : "", names[i].name);
		any = true;
	}
}

static void put_decimal(struct buf *out, i128 mantissa, int32_t scale)
{
	buf_char(out, ',');
	decimal_print(out, mantissa, scale);
}

static void put_bar(struct buf *out, const struct market *market, const struct bar *bar,
		    const struct market_cursor *cursor)
{
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	int32_t quote_scale = price_scale + qty_scale;
	market_id_print(out, market_id(market));
	buf_printf(out, ",%lld", (long long)bar->minute_ms);
	put_decimal(out, bar->open, price_scale);
	put_decimal(out, bar->high, price_scale);
	put_decimal(out, bar->low, price_scale);
	put_decimal(out, bar->close, price_scale);
	put_decimal(out, bar->buy, qty_scale);
	put_decimal(out, bar->sell, qty_scale);
	put_decimal(out, (i128)bar->buy - bar->sell, qty_scale);
	put_decimal(out, cursor->cvd, qty_scale);
	put_decimal(out, bar->buy_quote, quote_scale);
	put_decimal(out, bar->sell_quote, quote_scale);
	put_decimal(out, cursor->cvd_quote, quote_scale);
	buf_printf(out, ",%u,%u,", bar->n_buy, bar->n_sell);
	if (bar->id_first || bar->id_last)
		buf_printf(out, "%lld,%lld,", (long long)bar->id_first, (long long)bar->id_last);
	else
		buf_printf(out, ",,");
	bars_csv_flags(out, bar->flags);
	buf_char(out, '\n');
}

void bars_csv_market(struct buf *out, const struct market *market)
{
	struct market_cursor cursor = { 0 };
	struct bar bar;
	while (market_next_minute(market, &cursor, &bar))
		put_bar(out, market, &bar, &cursor);
}
