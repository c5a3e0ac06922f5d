/* event_same.h - whether two events say the same, field by field: what lies in the
 * union's other members and what slices point at does not matter, only the text. */
#pragma once

#include "codec/event.h"

static inline bool decimal_same(struct decimal a, struct decimal b)
{
	return a.mantissa == b.mantissa && a.scale == b.scale;
}

static inline bool trade_same(const struct event_trade *a, const struct event_trade *b)
{
	return str_eq(a->id, b->id) && a->ordered_id == b->ordered_id && a->seq == b->seq &&
	       decimal_same(a->price, b->price) && decimal_same(a->qty, b->qty) &&
	       a->side == b->side && a->aggregated == b->aggregated && a->block == b->block;
}

static inline bool book_same(const struct event_book *a, const struct event_book *b)
{
	return decimal_same(a->bid, b->bid) && decimal_same(a->bid_qty, b->bid_qty) &&
	       decimal_same(a->ask, b->ask) && decimal_same(a->ask_qty, b->ask_qty) &&
	       a->update_id == b->update_id;
}

static inline bool depth_same(const struct event_depth *a, const struct event_depth *b)
{
	return str_eq(a->bids, b->bids) && str_eq(a->asks, b->asks) && a->n_bids == b->n_bids &&
	       a->n_asks == b->n_asks && a->first_update == b->first_update &&
	       a->last_update == b->last_update && a->snapshot == b->snapshot;
}

static inline bool kline_same(const struct event_kline *a, const struct event_kline *b)
{
	return a->open_ms == b->open_ms && a->close_ms == b->close_ms && a->minutes == b->minutes &&
	       decimal_same(a->open, b->open) && decimal_same(a->high, b->high) &&
	       decimal_same(a->low, b->low) && decimal_same(a->close, b->close) &&
	       decimal_same(a->volume, b->volume) &&
	       decimal_same(a->quote_volume, b->quote_volume) &&
	       decimal_same(a->taker_buy, b->taker_buy) &&
	       decimal_same(a->taker_buy_quote, b->taker_buy_quote) &&
	       a->has_taker == b->has_taker && a->closed == b->closed;
}

static inline bool ticker_same(const struct event_ticker *a, const struct event_ticker *b)
{
	return decimal_same(a->last, b->last) &&
	       decimal_same(a->change_percent_24h, b->change_percent_24h) &&
	       decimal_same(a->volume_24h, b->volume_24h) &&
	       decimal_same(a->quote_volume_24h, b->quote_volume_24h) &&
	       a->has_last == b->has_last && a->has_change == b->has_change &&
	       a->has_volume == b->has_volume && a->has_quote_volume == b->has_quote_volume &&
	       a->snapshot == b->snapshot;
}

static inline bool event_same(const struct event *a, const struct event *b)
{
	if (a->type != b->type || !str_eq(a->symbol, b->symbol) || a->t_ms != b->t_ms)
		return false;
	switch ((enum event_type)a->type) {
	case EVENT_TRADE: return trade_same(&a->trade, &b->trade);
	case EVENT_LIQUIDATION:
		return decimal_same(a->liquidation.price, b->liquidation.price) &&
		       decimal_same(a->liquidation.qty, b->liquidation.qty) &&
		       a->liquidation.position == b->liquidation.position;
	case EVENT_OI:
		return decimal_same(a->oi.qty, b->oi.qty) && a->oi.both_sides == b->oi.both_sides;
	case EVENT_FUNDING:
		return decimal_same(a->funding.rate, b->funding.rate) &&
		       a->funding.next_ms == b->funding.next_ms &&
		       a->funding.interval_min == b->funding.interval_min &&
		       a->funding.rate_unchanged == b->funding.rate_unchanged;
	case EVENT_MARK:
		return decimal_same(a->mark.mark, b->mark.mark) &&
		       decimal_same(a->mark.index, b->mark.index);
	case EVENT_KLINE: return kline_same(&a->kline, &b->kline);
	case EVENT_TICKER: return ticker_same(&a->ticker, &b->ticker);
	case EVENT_BOOK: return book_same(&a->book, &b->book);
	case EVENT_DEPTH: return depth_same(&a->depth, &b->depth);
	case EVENT_ACK: return a->ack.success == b->ack.success;
	case EVENT_MALFORMED: return strcmp(a->malformed.reason, b->malformed.reason) == 0;
	case EVENT_UNKNOWN:
	case EVENT_COUNT: break;
	}
	return true;
}
