/* What happens on an account by itself. */
#include <math.h>

#include "sim/broker_impl.h"

enum { STOP_OUT_LEVEL = 5000 /* 50 % */, OWN_LOTS_MAX = 20 };

static struct broker_cause own_cause(struct broker *broker, int64_t at_ns, int64_t price)
{
	return (struct broker_cause){
		.order = broker->next_order++,
		.at_ns = at_ns,
		.sent_ns = at_ns,
		.price = price,
		.reason = DEAL_CLIENT,
	};
}

static int64_t closing_price(struct broker *broker, const struct broker_position *position,
			     int64_t at_ns)
{
	enum broker_side side = position->side == BROKER_BUY ? BROKER_SELL : BROKER_BUY;
	return broker_price(broker, position->symbol, side, at_ns);
}

/* ---- own trading ---- */

/* Stops where the price may be in some minutes, so that some of them are hit. */
static void choose_stops(struct broker *broker, int symbol, enum broker_side side, int64_t price,
			 int64_t *sl, int64_t *tp)
{
	double minutes = 1 + rng_unit(&broker->own_rng) * 20;
	double move = symbol_row(symbol)->move * broker->settings->volatility;
	int64_t away = (int64_t)(move * sqrt(minutes * 60)) + 2 * symbol_row(symbol)->spread + 1;
	int64_t sign = side == BROKER_BUY ? 1 : -1;
	*sl = price - sign * away;
	*tp = price + sign * away * 3 / 2;
	if (*sl <= 0 || *tp <= 0)
		*sl = *tp = 0;
}

static void open_own(struct broker *broker, int64_t at_ns)
{
	struct rng *rng = &broker->own_rng;
	int symbol = (int)rng_below(rng, (uint64_t)broker->settings->symbols);
	enum broker_side side = rng_below(rng, 2) ? BROKER_SELL : BROKER_BUY;
	int64_t volume = 1 + (int64_t)rng_below(rng, OWN_LOTS_MAX);
	int64_t price = broker_price(broker, symbol, side, at_ns), sl = 0, tp = 0;
	struct broker_figures figures;
	broker_figures(broker, at_ns, &figures);
	if (broker_margin(broker, symbol, volume, at_ns) > figures.free / 2) {
		broker_deposit(broker, at_ns, broker->settings->balance * 100);
		return;
	}
	if (rng_unit(rng) < broker->settings->stops)
		choose_stops(broker, symbol, side, price, &sl, &tp);
	struct broker_cause cause = own_cause(broker, at_ns, price);
	broker_deal_in(broker, &cause, symbol, side, volume, sl, tp);
}

/* Own positions only: those of signals are their producers'. */
static struct broker_position *pick_own(struct broker *broker)
{
	size_t own = 0;
	for (size_t i = 0; i < broker->position_count; i++)
		own += broker->positions[i].magic == 0;
	bool full = own >= (size_t)broker->settings->own_positions;
	if (own == 0 || (!full && rng_below(&broker->own_rng, 2)))
		return NULL;
	size_t which = rng_below(&broker->own_rng, own);
	for (size_t i = 0;; i++)
		if (broker->positions[i].magic == 0 && which-- == 0)
			return &broker->positions[i];
}

void broker_own_trade(struct broker *broker, int64_t at_ns)
{
	struct broker_position *position = pick_own(broker);
	if (position) {
		struct broker_cause cause =
		    own_cause(broker, at_ns, closing_price(broker, position, at_ns));
		broker_deal_out(broker, &cause, position, position->volume, DEAL_OUT);
	} else if (broker->settings->own_positions &&
		   broker->position_count < BROKER_POSITIONS_MAX) {
		open_own(broker, at_ns);
	} else {
		return;
	}
	broker->counts.own_deals++;
}

/* ---- money ---- */

void broker_deposit(struct broker *broker, int64_t at_ns, int64_t cents)
{
	struct broker_cause cause = { .sent_ns = at_ns };
	struct broker_deal deal = { .at_ns = at_ns, .type = DEAL_BALANCE, .profit = cents };
	broker_add_deal(broker, &deal);
	broker_tell(broker, &cause, &deal);
}

void broker_balance_operation(struct broker *broker, int64_t at_ns)
{
	int64_t cents = (int64_t)(1 + rng_below(&broker->own_rng, 50)) * 10000;
	bool withdraw = rng_below(&broker->own_rng, 2) && broker->balance > cents * 4;
	broker_deposit(broker, at_ns, withdraw ? -cents : cents);
}

/* On the third night of a week the weekend is paid for too: 1970-01-01 was a Thursday. */
void broker_roll_over(struct broker *broker)
{
	int64_t day = broker_server_ms(broker, broker->rollover_ns) / 86400000;
	int64_t nights = day % 7 == 0 ? 3 : 1;
	for (size_t i = 0; i < broker->position_count; i++) {
		struct broker_position *position = &broker->positions[i];
		position->swap += symbol_row(position->symbol)->swap_cents[position->side] *
				  position->volume * nights / 100;
	}
}

/* ---- prices that are reached ---- */

static int64_t hit_level(const struct broker_position *position, int64_t price,
			 enum broker_reason *reason)
{
	bool buy = position->side == BROKER_BUY;
	*reason = DEAL_SL;
	if (position->sl && (buy ? price <= position->sl : price >= position->sl))
		return position->sl;
	*reason = DEAL_TP;
	if (position->tp && (buy ? price >= position->tp : price <= position->tp))
		return position->tp;
	return 0;
}

static void close_at(struct broker *broker, struct broker_position *position, int64_t at_ns,
		     int64_t price, int64_t level, enum broker_reason reason)
{
	struct broker_cause cause = own_cause(broker, at_ns, price);
	cause.magic = position->magic; /* as the server does it */
	cause.level = cause.asked = level;
	cause.reason = reason;
	broker->counts.stops_hit++;
	broker_deal_out(broker, &cause, position, position->volume, DEAL_OUT);
}

static void look_at_stops(struct broker *broker, int64_t at_ns)
{
	for (size_t i = broker->position_count; i-- > 0;) {
		struct broker_position *position = &broker->positions[i];
		enum broker_reason reason;
		if (!position->sl && !position->tp)
			continue;
		int64_t price = closing_price(broker, position, at_ns);
		int64_t level = hit_level(position, price, &reason);
		if (level)
			close_at(broker, position, at_ns, price, level, reason);
	}
}

static bool is_reached(const struct broker_pending *pending, int64_t price)
{
	bool below = (pending->side == BROKER_BUY) == (pending->type == BROKER_LIMIT);
	return below ? price <= pending->price : price >= pending->price;
}

static void trigger(struct broker *broker, size_t index, int64_t at_ns, int64_t price)
{
	struct broker_pending *at = &broker->pending[index], pending = *at;
	if (pending.type == BROKER_STOP_LIMIT) { /* now it is a limit order */
		at->type = BROKER_LIMIT;
		at->price = pending.limit;
		return;
	}
	struct broker_cause cause = {
		.order = pending.ticket,
		.magic = pending.magic,
		.at_ns = at_ns,
		.sent_ns = at_ns,
		.price = price,
		.asked = pending.price,
		.reason = DEAL_EXPERT,
	};
	*at = broker->pending[--broker->pending_count];
	broker_deal_in(broker, &cause, pending.symbol, pending.side, pending.volume, pending.sl,
		       pending.tp);
}

static void look_at_pending(struct broker *broker, int64_t at_ns)
{
	for (size_t i = broker->pending_count; i-- > 0;) {
		const struct broker_pending *pending = &broker->pending[i];
		int64_t price = broker_price(broker, pending->symbol, pending->side, at_ns);
		if (is_reached(pending, price))
			trigger(broker, i, at_ns, price);
	}
}

/* The position that loses most goes, until the margin level is well again. */
static void stop_out(struct broker *broker, int64_t at_ns)
{
	struct broker_figures figures;
	for (;;) {
		struct broker_position *worst = NULL;
		int64_t least = 0;
		broker_figures(broker, at_ns, &figures);
		if (figures.margin <= 0 || figures.level >= STOP_OUT_LEVEL)
			return;
		for (size_t i = 0; i < broker->position_count; i++) {
			struct broker_position *position = &broker->positions[i];
			int64_t profit = broker_position_profit(broker, position, at_ns);
			if (!worst || profit < least) {
				worst = position;
				least = profit;
			}
		}
		if (!worst)
			return;
		close_at(broker, worst, at_ns, closing_price(broker, worst, at_ns), 0, DEAL_SO);
	}
}

void broker_look_at_prices(struct broker *broker, int64_t at_ns)
{
	look_at_stops(broker, at_ns);
	look_at_pending(broker, at_ns);
	if (broker->position_count)
		stop_out(broker, at_ns);
}
