/* What the broker's server does with a request that has reached it. */
#include <stdlib.h>

#include "sim/broker_impl.h"

enum {
	DONE = 10009,
	DONE_PARTIAL = 10010,
	REQUOTE = 10004,
	INVALID = 10013,
	INVALID_VOLUME = 10014,
	INVALID_PRICE = 10015,
	INVALID_STOPS = 10016,
	NO_MONEY = 10019,
	NO_CHANGES = 10025,
	LIMIT_ORDERS = 10033,
	INVALID_ORDER = 10035,
	POSITION_CLOSED = 10036,
	INVALID_CLOSE_VOLUME = 10038,
	LIMIT_POSITIONS = 10040,
	HEDGE_PROHIBITED = 10046,
	PENDING_FIRST_ROOM = 8,
};

static enum broker_side other(enum broker_side side)
{
	return side == BROKER_BUY ? BROKER_SELL : BROKER_BUY;
}

/* A stop loss below, a take profit above a buy's price. 0 is none. */
static bool stops_fit(enum broker_side side, int64_t price, int64_t sl, int64_t tp)
{
	if (side == BROKER_SELL)
		return (!sl || sl > price) && (!tp || tp < price);
	return (!sl || sl < price) && (!tp || tp > price);
}

/* The quote with a little slippage, worse or better. */
static int64_t fill_price(struct broker *broker, int symbol, enum broker_side side, int64_t at_ns)
{
	double slip = rng_normal(&broker->rng) * broker->settings->slippage;
	int64_t price = broker_price(broker, symbol, side, at_ns) + (int64_t)slip;
	return price > 0 ? price : 1;
}

static struct broker_cause cause_of(struct broker *broker, const struct broker_slot *slot,
				    int64_t at_ns)
{
	return (struct broker_cause){
		.order = slot->reply.order ? slot->reply.order : broker->next_order++,
		.magic = slot->request.magic,
		.sid = slot->request.magic,
		.at_ns = at_ns,
		.sent_ns = slot->sent_ns,
		.asked = slot->request.asked,
		.reason = DEAL_EXPERT,
	};
}

/* ---- opening ---- */

static uint32_t check_open(struct broker *broker, const struct broker_request *request,
			   int64_t price, int64_t at_ns)
{
	struct broker_figures figures;
	int64_t off = labs(price - request->asked);
	if (request->volume <= 0 || request->volume > BROKER_VOLUME_MAX)
		return INVALID_VOLUME;
	if (!stops_fit(request->side, price, request->sl, request->tp))
		return INVALID_STOPS;
	if (request->deviation >= 0 && request->asked && off > request->deviation)
		return REQUOTE;
	broker_figures(broker, at_ns, &figures);
	if (broker_margin(broker, request->symbol, request->volume, at_ns) > figures.free)
		return NO_MONEY;
	return broker->position_count == BROKER_POSITIONS_MAX ? LIMIT_POSITIONS : DONE;
}

static bool deal_in(struct broker *broker, struct broker_slot *slot, struct broker_cause *cause,
		    int64_t volume)
{
	const struct broker_request *request = &slot->request;
	uint64_t position = broker_deal_in(broker, cause, request->symbol, request->side, volume,
					   request->sl, request->tp);
	if (!position)
		return false;
	slot->reply.position = position;
	slot->reply.deals++;
	return true;
}

/* In two deals the second adds to the position of the first. */
static bool deal_in_again(struct broker *broker, struct broker_slot *slot,
			  struct broker_cause *cause, int64_t volume)
{
	struct broker_position *position = broker_find(broker, slot->reply.position);
	struct broker_cause more = *cause;
	if (!position || broker->settings->margin_mode == 1)
		return deal_in(broker, slot, &more, volume);
	int64_t both = position->volume + volume;
	struct broker_deal deal = {
		.order = cause->order,
		.position = position->id,
		.magic = cause->magic,
		.at_ns = cause->at_ns,
		.volume = volume,
		.price = cause->price,
		.asked = cause->asked,
		.commission = symbol_row(position->symbol)->commission_cents * volume / 100,
		.symbol = (uint8_t)position->symbol,
		.type = position->side == BROKER_BUY ? DEAL_BUY : DEAL_SELL,
		.entry = DEAL_IN,
		.reason = DEAL_EXPERT,
	};
	position->open = (position->open * position->volume + cause->price * volume) / both;
	position->volume = both;
	broker_note_change(broker, position->ticket, BROKER_CHANGED);
	broker_add_deal(broker, &deal);
	broker_tell(broker, cause, &deal);
	slot->reply.deals++;
	return true;
}

static uint32_t open_position(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	const struct broker_request *request = &slot->request;
	int64_t price = fill_price(broker, request->symbol, request->side, at_ns);
	double roll = rng_unit(&broker->rng);
	uint32_t code = check_open(broker, request, price, at_ns);
	if (code != DONE)
		return code;
	int64_t half = request->volume / 2;
	bool parts = half > 0 && roll < broker->settings->in_parts;
	bool is_short =
	    half > 0 && !parts && roll - broker->settings->in_parts < broker->settings->short_fill;
	struct broker_cause cause = cause_of(broker, slot, at_ns);
	slot->reply.order = cause.order;
	cause.price = price;
	if (!deal_in(broker, slot, &cause, parts || is_short ? half : request->volume))
		return LIMIT_POSITIONS;
	if (parts)
		deal_in_again(broker, slot, &cause, request->volume - half);
	return is_short ? DONE_PARTIAL : DONE;
}

/* ---- closing ---- */

static void deal_out(struct broker *broker, struct broker_slot *slot, struct broker_cause *cause,
		     struct broker_position *position, int64_t volume, enum broker_entry entry)
{
	slot->reply.order = cause->order;
	slot->reply.position = position->id;
	slot->reply.deals++;
	broker_deal_out(broker, cause, position, volume, entry);
}

static uint32_t close_position(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	struct broker_position *position = broker_find(broker, slot->request.position);
	int64_t volume = slot->request.volume;
	if (!position)
		return POSITION_CLOSED;
	if (volume < 0 || volume > position->volume)
		return INVALID_CLOSE_VOLUME;
	struct broker_cause cause = cause_of(broker, slot, at_ns);
	cause.price = fill_price(broker, position->symbol, other(position->side), at_ns);
	deal_out(broker, slot, &cause, position, volume ? volume : position->volume, DEAL_OUT);
	return DONE;
}

static uint32_t close_all(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	if (broker->position_count == 0)
		return NO_CHANGES;
	while (broker->position_count) {
		struct broker_position *position = &broker->positions[0];
		struct broker_cause cause = cause_of(broker, slot, at_ns);
		cause.price = fill_price(broker, position->symbol, other(position->side), at_ns);
		cause.asked = 0;
		deal_out(broker, slot, &cause, position, position->volume, DEAL_OUT);
	}
	return DONE;
}

/* Both at one price: the first's closing price counts for the two. */
static uint32_t close_by(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	struct broker_position *first = broker_find(broker, slot->request.position);
	struct broker_position *second = broker_find(broker, slot->request.by);
	if (broker->settings->margin_mode == 1)
		return HEDGE_PROHIBITED;
	if (!first || !second)
		return POSITION_CLOSED;
	if (first->symbol != second->symbol || first->side == second->side)
		return INVALID;
	int64_t volume = first->volume < second->volume ? first->volume : second->volume;
	uint64_t second_ticket = second->ticket;
	struct broker_cause cause = cause_of(broker, slot, at_ns);
	cause.price = second->open;
	deal_out(broker, slot, &cause, first, volume, DEAL_OUT_BY);
	/* Removing the first may have moved the second. */
	second = broker_find(broker, second_ticket);
	deal_out(broker, slot, &cause, second, volume, DEAL_OUT_BY);
	return DONE;
}

/* ---- changing ---- */

static uint32_t modify(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	const struct broker_request *request = &slot->request;
	struct broker_position *position = broker_find(broker, request->position);
	if (!position)
		return POSITION_CLOSED;
	int64_t price = broker_price(broker, position->symbol, other(position->side), at_ns);
	if (!stops_fit(position->side, price, request->sl, request->tp))
		return INVALID_STOPS;
	if (position->sl == request->sl && position->tp == request->tp)
		return NO_CHANGES;
	position->sl = request->sl;
	position->tp = request->tp;
	slot->reply.position = position->id;
	broker_note_change(broker, position->ticket, BROKER_CHANGED);
	return DONE;
}

static struct broker_pending *find_pending(struct broker *broker, uint64_t ticket)
{
	for (size_t i = 0; i < broker->pending_count; i++)
		if (broker->pending[i].ticket == ticket)
			return &broker->pending[i];
	return NULL;
}

bool broker_has_pending(const struct broker *broker, uint64_t order)
{
	for (size_t i = 0; i < broker->pending_count; i++)
		if (broker->pending[i].ticket == order)
			return true;
	return false;
}

static uint32_t modify_order(struct broker *broker, struct broker_slot *slot)
{
	const struct broker_request *request = &slot->request;
	struct broker_pending *pending = find_pending(broker, request->order);
	if (!pending)
		return INVALID_ORDER;
	if (request->price)
		pending->price = request->price;
	pending->sl = request->sl;
	pending->tp = request->tp;
	slot->reply.order = pending->ticket;
	return DONE;
}

static uint32_t cancel(struct broker *broker, struct broker_slot *slot)
{
	struct broker_pending *pending = find_pending(broker, slot->request.order);
	if (!pending)
		return INVALID_ORDER;
	slot->reply.order = pending->ticket;
	*pending = broker->pending[--broker->pending_count];
	return DONE;
}

static bool grow_pending(struct broker *broker)
{
	size_t room = broker->pending_room ? broker->pending_room * 2 : PENDING_FIRST_ROOM;
	if (broker->pending_count < broker->pending_room)
		return true;
	if (room > BROKER_PENDING_MAX)
		return false;
	struct broker_pending *pending = realloc(broker->pending, room * sizeof *pending);
	if (!pending)
		return false;
	broker->pending = pending;
	broker->pending_room = room;
	return true;
}

/* A buy limit waits below the price, a buy stop above it. */
static bool waits(const struct broker_request *request, int64_t now)
{
	bool below = (request->side == BROKER_BUY) == (request->type == BROKER_LIMIT);
	return request->price > 0 && (below ? request->price < now : request->price > now);
}

static uint32_t pend(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	const struct broker_request *request = &slot->request;
	int64_t now = broker_price(broker, request->symbol, request->side, at_ns);
	int64_t at = request->type == BROKER_STOP_LIMIT ? request->limit : request->price;
	if (request->volume <= 0 || request->volume > BROKER_VOLUME_MAX)
		return INVALID_VOLUME;
	if (!waits(request, now) || at <= 0)
		return INVALID_PRICE;
	if (!stops_fit(request->side, at, request->sl, request->tp))
		return INVALID_STOPS;
	if (!grow_pending(broker))
		return LIMIT_ORDERS;
	slot->reply.order = broker->next_order++;
	broker->pending[broker->pending_count++] = (struct broker_pending){
		.ticket = slot->reply.order,
		.magic = request->magic,
		.type = request->type,
		.side = request->side,
		.symbol = request->symbol,
		.volume = request->volume,
		.price = request->price,
		.limit = request->limit,
		.sl = request->sl,
		.tp = request->tp,
	};
	return DONE;
}

uint32_t broker_execute(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	switch (slot->request.action) {
	case BROKER_OPEN: return open_position(broker, slot, at_ns);
	case BROKER_CLOSE: return close_position(broker, slot, at_ns);
	case BROKER_CLOSE_BY: return close_by(broker, slot, at_ns);
	case BROKER_CLOSE_ALL: return close_all(broker, slot, at_ns);
	case BROKER_MODIFY: return modify(broker, slot, at_ns);
	case BROKER_MODIFY_ORDER: return modify_order(broker, slot);
	case BROKER_PEND: return pend(broker, slot, at_ns);
	case BROKER_CANCEL: return cancel(broker, slot);
	}
	return INVALID;
}
