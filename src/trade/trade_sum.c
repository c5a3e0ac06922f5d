/* One trade: what its deals add up to, in whatever order they come. */
#include "trade/trades.h"

bool trade_sum_is_closed(const struct trade_sum *trade)
{
	return trade->volume_in > 0 && trade->open_volume == 0;
}

int64_t trade_mean_price(i128 value, int64_t volume)
{
	if (volume <= 0)
		return 0;
	i128 quotient = value / volume, rest = value % volume;
	if (rest < 0)
		rest = -rest;
	if (rest >= volume - rest)
		quotient += value < 0 ? -1 : 1;
	if (quotient > INT64_MAX || quotient < INT64_MIN)
		return quotient < 0 ? INT64_MIN : INT64_MAX;
	return (int64_t)quotient;
}

static bool is_before(int64_t us, int64_t deal, int64_t other_us, int64_t other_deal)
{
	return us != other_us ? us < other_us : deal < other_deal;
}

static bool has_volume(const struct trade_deal *deal)
{
	return deal->side != TRADE_NONE && deal->volume > 0;
}

static bool is_valid(const struct trade_deal *deal)
{
	return deal->position > 0 && deal->instance.len && deal->instance.len <= TRADE_NAME_MAX &&
	       deal->server.len <= TRADE_NAME_MAX && deal->symbol.len <= TRADE_NAME_MAX &&
	       deal->volume >= 0;
}

static bool add(int64_t *sum, int64_t value) { return !__builtin_add_overflow(*sum, value, sum); }

static bool add_money(struct trade_sum *trade, const struct trade_deal *deal)
{
	return add(&trade->commission, deal->commission) && add(&trade->swap, deal->swap) &&
	       add(&trade->fee, deal->fee) && add(&trade->pnl, deal->pnl);
}

/* The first deal is another one, of the other side. */
static void turn(struct trade_sum *trade)
{
	int64_t volume = trade->volume_in;
	i128 value = trade->value_in;
	trade->volume_in = trade->volume_out;
	trade->value_in = trade->value_out;
	trade->volume_out = volume;
	trade->value_out = value;
}

static void place(struct trade_sum *trade, const struct trade_deal *deal)
{
	bool first = trade->side == TRADE_NONE;
	if (first || is_before(deal->event_us, deal->deal, trade->opened_us, trade->opened_deal)) {
		if (!first && trade->side != deal->side)
			turn(trade);
		trade->side = deal->side;
		trade->opened_us = deal->event_us;
		trade->opened_deal = deal->deal;
	}
	if (first || deal->event_us > trade->closed_us)
		trade->closed_us = deal->event_us;
}

static bool add_volume(struct trade_sum *trade, const struct trade_deal *deal)
{
	place(trade, deal);
	bool in = deal->side == trade->side;
	i128 *value = in ? &trade->value_in : &trade->value_out;
	int64_t left, *volume = in ? &trade->volume_in : &trade->volume_out;
	if (!add(volume, deal->volume) ||
	    __builtin_add_overflow(*value, (i128)deal->volume * deal->price, value) ||
	    __builtin_sub_overflow(trade->volume_in, trade->volume_out, &left))
		return false;
	trade->open_volume = trade->side == TRADE_BUY ? left : -left;
	return true;
}

/* A swap that is charged on its own neither opens nor closes anything. */
static void take_money_time(struct trade_sum *trade, const struct trade_deal *deal)
{
	if (trade->side != TRADE_NONE)
		return;
	if (!trade->deals || deal->event_us < trade->opened_us)
		trade->opened_us = deal->event_us;
	if (!trade->deals || deal->event_us > trade->closed_us)
		trade->closed_us = deal->event_us;
}

static void take_stops(struct trade_sum *trade, const struct trade_deal *deal)
{
	int64_t us = deal->event_us, ticket = deal->deal;
	if (deal->has_sl &&
	    (!trade->has_sl || is_before(trade->sl_us, trade->sl_deal, us, ticket))) {
		trade->has_sl = true;
		trade->sl = deal->sl;
		trade->sl_us = us;
		trade->sl_deal = ticket;
	}
	if (deal->has_tp &&
	    (!trade->has_tp || is_before(trade->tp_us, trade->tp_deal, us, ticket))) {
		trade->has_tp = true;
		trade->tp = deal->tp;
		trade->tp_us = us;
		trade->tp_deal = ticket;
	}
}

static void take_name(char *name, struct str text)
{
	if (name[0] || !text.len)
		return;
	memcpy(name, text.ptr, text.len);
	name[text.len] = 0;
}

static void take_names(struct trade_sum *trade, const struct trade_deal *deal)
{
	take_name(trade->instance, deal->instance);
	take_name(trade->server, deal->server);
	take_name(trade->symbol, deal->symbol);
	if (!trade->login)
		trade->login = deal->login;
	trade->position = deal->position;
}

enum status trade_sum_add(struct trade_sum *trade, const struct trade_deal *deal)
{
	if (!is_valid(deal))
		return STATUS_INVALID;
	struct trade_sum next = *trade; /* what does not fit changes nothing */
	if (!add_money(&next, deal))
		return STATUS_RANGE;
	if (!has_volume(deal))
		take_money_time(&next, deal);
	else if (!add_volume(&next, deal))
		return STATUS_RANGE;
	take_stops(&next, deal);
	take_names(&next, deal);
	next.deals++;
	*trade = next;
	return STATUS_OK;
}
