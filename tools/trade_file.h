/* trade_file.h - the trades of a recorded session, for tools, benches and tests.
 *
 * A recording is gzip (or plain) text, one `<receive ns> <raw frame>` a line. Only
 * Binance's trade frames are read, by looking for their keys: this is for files we
 * know, the daemon's reader is codec/decoder.h. Header only, allocates. Needs zlib. */
#pragma once

#include <stdlib.h>
#include <zlib.h>

#include "base/decimal.h"
#include "codec/bars.h"
#include "codec/trade.h"

struct trade_file {
	struct trade *trades; /* at the smallest scales that hold all of them */
	uint32_t count, cap;
	int32_t price_scale, qty_scale;
};

static inline struct str trade_file_field(struct str line, const char *key)
{
	const char *at = memmem(line.ptr, line.len, key, strlen(key));
	if (!at)
		return (struct str){ 0 };
	struct str rest = str_skip(line, (size_t)(at - line.ptr) + strlen(key));
	size_t len = 0;
	while (len < rest.len && !strchr("\",}", rest.ptr[len]))
		len++;
	return str_make(rest.ptr, len);
}

/* Mantissas so far times 10^(scale - *old). */
static inline bool trade_file_rescale(struct trade_file *all, int32_t scale, bool price)
{
	int32_t *old = price ? &all->price_scale : &all->qty_scale;
	for (uint32_t i = 0; i < all->count && scale > *old; i++) {
		struct trade *trade = &all->trades[i];
		int64_t *value = price ? &trade->price : &trade->qty;
		if (decimal_rescale((struct decimal){ *value, *old }, scale, value) != STATUS_OK)
			return false;
	}
	*old = scale > *old ? scale : *old;
	return true;
}

static inline bool trade_file_line(struct trade_file *all, struct str line)
{
	struct decimal price, qty;
	struct trade trade = { 0 };
	if (!memmem(line.ptr, line.len, "\"e\":\"trade\"", 11))
		return true;
	if (str_to_i64(trade_file_field(line, "\"T\":"), &trade.t_ms) != STATUS_OK ||
	    str_to_i64(trade_file_field(line, "\"t\":"), &trade.id) != STATUS_OK ||
	    decimal_parse(trade_file_field(line, "\"p\":\""), &price) != STATUS_OK ||
	    decimal_parse(trade_file_field(line, "\"q\":\""), &qty) != STATUS_OK)
		return false;
	trade.side = str_eq(trade_file_field(line, "\"m\":"), STR("true")) ? SIDE_SELL : SIDE_BUY;
	if (!trade_file_rescale(all, price.scale, true) ||
	    !trade_file_rescale(all, qty.scale, false) ||
	    decimal_rescale(price, all->price_scale, &trade.price) != STATUS_OK ||
	    decimal_rescale(qty, all->qty_scale, &trade.qty) != STATUS_OK)
		return false;
	if (all->count == all->cap) {
		all->cap = all->cap ? all->cap * 2 : 16384;
		all->trades = realloc(all->trades, all->cap * sizeof *all->trades);
		if (!all->trades)
			abort();
	}
	all->trades[all->count++] = trade;
	return true;
}

/* Adds a file's trades. False when it is not there or not readable as trades. */
static inline bool trade_file_add(struct trade_file *all, const char *path)
{
	enum { LINE_BYTES = 1 << 20 };
	gzFile file = gzopen(path, "rb");
	char *line = file ? malloc(LINE_BYTES) : NULL;
	bool good = line != NULL;
	while (good && gzgets(file, line, LINE_BYTES))
		good = trade_file_line(all, str_of(line));
	free(line);
	if (file)
		gzclose(file);
	return good && all->count > 0;
}

/* Spans of span_ms as bars; those without a trade are left out. */
static inline uint32_t trade_file_bars(const struct trade_file *all, int64_t span_ms,
				       struct bar *bars, uint32_t cap)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < all->count; i++) {
		const struct trade *trade = &all->trades[i];
		int64_t minute_ms = trade->t_ms / span_ms * 60000;
		if (count == 0 || bars[count - 1].minute_ms != minute_ms) {
			if (count == cap)
				break;
			bars[count++] = (struct bar){ .minute_ms = minute_ms,
						      .open = trade->price,
						      .high = trade->price,
						      .low = trade->price,
						      .id_first = trade->id };
		}
		struct bar *bar = &bars[count - 1];
		bool buys = trade->side == SIDE_BUY;
		bar->high = trade->price > bar->high ? trade->price : bar->high;
		bar->low = trade->price < bar->low ? trade->price : bar->low;
		bar->close = trade->price;
		bar->id_last = trade->id;
		*(buys ? &bar->buy : &bar->sell) += trade->qty;
		*(buys ? &bar->buy_quote : &bar->sell_quote) += (i128)trade->price * trade->qty;
		*(buys ? &bar->n_buy : &bar->n_sell) += 1;
	}
	return count;
}

static inline void trade_file_deinit(struct trade_file *all)
{
	free(all->trades);
	*all = (struct trade_file){ 0 };
}
