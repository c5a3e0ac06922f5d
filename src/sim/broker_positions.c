/* Positions and the deals that make them. */
#include <stdlib.h>

#include "sim/broker_impl.h"

enum { FIRST_ROOM = 8 };

size_t broker_position_count(const struct broker *broker) { return broker->position_count; }

const struct broker_position *broker_position_at(const struct broker *broker, size_t index)
{
	CHECK(index < broker->position_count);
	return &broker->positions[index];
}

struct broker_position *broker_find(struct broker *broker, uint64_t ticket)
{
	for (size_t i = 0; i < broker->position_count; i++)
		if (broker->positions[i].ticket == ticket || broker->positions[i].id == ticket)
			return &broker->positions[i];
	return NULL;
}

const struct broker_position *broker_position_find(const struct broker *broker, uint64_t ticket)
{
	for (size_t i = 0; i < broker->position_count; i++)
		if (broker->positions[i].ticket == ticket)
			return &broker->positions[i];
	return NULL;
}

/* ---- changes ---- */

static void drop_change(struct broker *broker, size_t index)
{
	broker->change_count--;
	memmove(&broker->changes[index], &broker->changes[index + 1],
		(broker->change_count - index) * sizeof broker->changes[0]);
}

/* What a ticket's two changes are together: a new one that changed is new, one that came
 * and went was never there. */
static void join_change(struct broker *broker, size_t index, enum broker_change_kind kind)
{
	struct broker_change *change = &broker->changes[index];
	if (kind == BROKER_GONE && change->kind == BROKER_NEW)
		drop_change(broker, index);
	else if (kind == BROKER_GONE)
		change->kind = BROKER_GONE;
}

void broker_note_change(struct broker *broker, uint64_t ticket, enum broker_change_kind kind)
{
	for (size_t i = 0; i < broker->change_count; i++)
		if (broker->changes[i].ticket == ticket) {
			join_change(broker, i, kind);
			return;
		}
	if (broker->change_count == BROKER_CHANGES_MAX)
		broker->change_overflow = true;
	else
		broker->changes[broker->change_count++] = (struct broker_change){ ticket, kind };
}

bool broker_take_changes(struct broker *broker, struct broker_change changes[BROKER_CHANGES_MAX],
			 size_t *count)
{
	bool all = !broker->change_overflow;
	memcpy(changes, broker->changes, broker->change_count * sizeof changes[0]);
	*count = all ? broker->change_count : 0;
	broker->change_count = 0;
	broker->change_overflow = false;
	return all;
}

/* ---- deals ---- */

static bool grow(struct broker *broker)
{
	size_t room = broker->position_room ? broker->position_room * 2 : FIRST_ROOM;
	if (broker->position_count < broker->position_room)
		return true;
	if (room > BROKER_POSITIONS_MAX)
		return false;
	struct broker_position *positions = realloc(broker->positions, room * sizeof *positions);
	if (!positions)
		return false;
	broker->positions = positions;
	broker->position_room = room;
	return true;
}

static void remove_position(struct broker *broker, struct broker_position *position)
{
	broker_note_change(broker, position->ticket, BROKER_GONE);
	*position = broker->positions[--broker->position_count];
}

/* The last one moves into a gap, so what is open is told by its order of tickets nowhere. */
static struct broker_position *add_position(struct broker *broker, const struct broker_cause *cause,
					    int symbol, enum broker_side side, int64_t volume)
{
	if (!grow(broker))
		return NULL;
	struct broker_position *position = &broker->positions[broker->position_count++];
	*position = (struct broker_position){
		.ticket = cause->order,
		.id = cause->order,
		.magic = cause->magic,
		.symbol = symbol,
		.side = side,
		.volume = volume,
		.open = cause->price,
		.opened_ms = broker_server_ms(broker, cause->at_ns),
	};
	broker_note_change(broker, position->ticket, BROKER_NEW);
	return position;
}

static struct broker_deal make_deal(const struct broker_cause *cause, int symbol,
				    enum broker_side side, int64_t volume)
{
	return (struct broker_deal){
		.order = cause->order,
		.magic = cause->magic,
		.at_ns = cause->at_ns,
		.volume = volume,
		.price = cause->price,
		.asked = cause->asked,
		.level = cause->level,
		.commission = symbol_row(symbol)->commission_cents * volume / 100,
		.symbol = (uint8_t)symbol,
		.type = side == BROKER_BUY ? DEAL_BUY : DEAL_SELL,
		.reason = (uint8_t)cause->reason,
	};
}

static void finish_deal(struct broker *broker, const struct broker_cause *cause,
			struct broker_deal *deal)
{
	broker_add_deal(broker, deal);
	broker_tell(broker, cause, deal);
}

/* The part of the position's swap that goes with the volume. */
static int64_t take_swap(struct broker_position *position, int64_t volume)
{
	int64_t swap = volume == position->volume ? position->swap
						  : position->swap * volume / position->volume;
	position->swap -= swap;
	return swap;
}

void broker_deal_out(struct broker *broker, const struct broker_cause *cause,
		     struct broker_position *position, int64_t volume, enum broker_entry entry)
{
	enum broker_side side = position->side == BROKER_BUY ? BROKER_SELL : BROKER_BUY;
	CHECK(volume > 0 && volume <= position->volume);
	struct broker_deal deal = make_deal(cause, position->symbol, side, volume);
	deal.position = position->id;
	deal.entry = (uint8_t)entry;
	deal.profit = broker_money(position->symbol, broker_gain(position, cause->price), volume);
	deal.swap = take_swap(position, volume);
	position->volume -= volume;
	if (position->volume)
		broker_note_change(broker, position->ticket, BROKER_CHANGED);
	else
		remove_position(broker, position);
	finish_deal(broker, cause, &deal);
}

/* ---- netting ---- */

static struct broker_position *find_symbol(struct broker *broker, int symbol)
{
	for (size_t i = 0; i < broker->position_count; i++)
		if (broker->positions[i].symbol == symbol)
			return &broker->positions[i];
	return NULL;
}

/* More of the same side, at the mean price. */
static void add_to(struct broker *broker, struct broker_position *position, int64_t volume,
		   int64_t price)
{
	int64_t both = position->volume + volume;
	position->open = (position->open * position->volume + price * volume) / both;
	position->volume = both;
	broker_note_change(broker, position->ticket, BROKER_CHANGED);
}

/* An opposite deal beyond the position's volume: the identifier stays, the ticket becomes
 * the order's. */
static void reverse(struct broker *broker, const struct broker_cause *cause,
		    struct broker_position *position, int64_t volume)
{
	broker_note_change(broker, position->ticket, BROKER_GONE);
	position->side = position->side == BROKER_BUY ? BROKER_SELL : BROKER_BUY;
	position->volume = volume;
	position->open = cause->price;
	position->sl = position->tp = 0;
	position->ticket = cause->order;
	position->magic = cause->magic;
	broker_note_change(broker, position->ticket, BROKER_NEW);
}

static uint64_t net(struct broker *broker, const struct broker_cause *cause,
		    struct broker_position *position, enum broker_side side, int64_t volume)
{
	uint64_t id = position->id;
	if (side != position->side && volume <= position->volume) {
		broker_deal_out(broker, cause, position, volume, DEAL_OUT);
		return id;
	}
	struct broker_deal deal = make_deal(cause, position->symbol, side, volume);
	deal.position = id;
	deal.entry = side == position->side ? DEAL_IN : DEAL_INOUT;
	if (side == position->side) {
		add_to(broker, position, volume, cause->price);
	} else {
		int64_t closed = position->volume;
		deal.profit =
		    broker_money(position->symbol, broker_gain(position, cause->price), closed);
		deal.swap = take_swap(position, closed);
		reverse(broker, cause, position, volume - closed);
	}
	finish_deal(broker, cause, &deal);
	return id;
}

uint64_t broker_deal_in(struct broker *broker, const struct broker_cause *cause, int symbol,
			enum broker_side side, int64_t volume, int64_t sl, int64_t tp)
{
	bool netting = broker->settings->margin_mode == 1;
	struct broker_position *position = netting ? find_symbol(broker, symbol) : NULL;
	if (position)
		return net(broker, cause, position, side, volume);
	position = add_position(broker, cause, symbol, side, volume);
	if (!position)
		return 0;
	position->sl = sl;
	position->tp = tp;
	struct broker_deal deal = make_deal(cause, symbol, side, volume);
	deal.position = position->id;
	deal.entry = DEAL_IN;
	finish_deal(broker, cause, &deal);
	return deal.position;
}
