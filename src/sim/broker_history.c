/* The deals of an account: a ring that grows while nobody acknowledges, and the account's
 * facts for whoever keeps the truth. */
#include <stdlib.h>

#include "sim/broker_impl.h"

enum { FIRST_ROOM = 64 };

static struct broker_deal *place(const struct broker *broker, uint64_t index)
{
	return &broker->deals[index & (broker->deal_room - 1)];
}

const struct broker_deal *broker_deal(const struct broker *broker, uint64_t index)
{
	CHECK(index >= broker->deal_first && index < broker->deal_end);
	return place(broker, index);
}

uint64_t broker_deals_first(const struct broker *broker) { return broker->deal_first; }
uint64_t broker_deals_made(const struct broker *broker) { return broker->deal_end; }
uint64_t broker_deals_end(const struct broker *broker) { return broker->deal_seen; }

void broker_deals_known(struct broker *broker, uint64_t index)
{
	if (index > broker->deal_known)
		broker->deal_known = index;
}

/* Deals are ordered by time and by ticket alike. */
uint64_t broker_deals_after(const struct broker *broker, int64_t server_ms, uint64_t ticket)
{
	uint64_t from = broker->deal_first, to = broker->deal_seen;
	while (from < to) {
		uint64_t middle = from + (to - from) / 2;
		const struct broker_deal *deal = place(broker, middle);
		bool after = deal->server_ms != server_ms ? deal->server_ms > server_ms
							  : deal->ticket > ticket;
		if (after)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

static void drop_first(struct broker *broker, bool is_lost)
{
	broker->deal_first++;
	broker->counts.deals_lost += is_lost;
	if (broker->deal_seen < broker->deal_first)
		broker->deal_seen = broker->deal_first;
}

static bool grow(struct broker *broker)
{
	size_t room = broker->deal_room ? broker->deal_room * 2 : FIRST_ROOM;
	struct broker_deal *deals = calloc(room, sizeof *deals);
	if (!deals)
		return false;
	for (uint64_t i = broker->deal_first; i < broker->deal_end; i++)
		deals[i & (room - 1)] = *place(broker, i);
	free(broker->deals);
	broker->deals = deals;
	broker->deal_room = room;
	return true;
}

static bool make_room(struct broker *broker)
{
	if (broker->deal_end - broker->deal_first < broker->deal_room)
		return true;
	if (broker->deal_known - broker->deal_first > BROKER_HISTORY_KEPT &&
	    broker->deal_known > broker->deal_first) {
		drop_first(broker, false);
		return true;
	}
	if (broker->deal_room < BROKER_HISTORY_MAX && grow(broker))
		return true;
	if (broker->deal_room)
		drop_first(broker, broker->deal_first >= broker->deal_known);
	return broker->deal_room > 0;
}

bool broker_add_deal(struct broker *broker, struct broker_deal *deal)
{
	deal->ticket = broker->next_deal++;
	deal->server_ms = broker_server_ms(broker, deal->at_ns);
	broker->balance += deal->commission + deal->swap + deal->profit;
	broker->counts.deals++;
	if (!make_room(broker)) {
		broker->counts.deals_lost++;
		return false;
	}
	*place(broker, broker->deal_end++) = *deal;
	return true;
}

void broker_tell(struct broker *broker, const struct broker_cause *cause,
		 const struct broker_deal *deal)
{
	struct broker_fact fact = { .sent_ns = cause->sent_ns, .sid = cause->sid };
	if (!broker->on_fact)
		return;
	if (deal) {
		fact.deal = deal->ticket;
		fact.position = deal->position;
		fact.volume = deal->volume;
	}
	broker->on_fact(broker->ctx, &fact);
}

/* ---- by magic ---- */

static bool is_of_request(const struct broker_deal *deal, uint64_t magic)
{
	return deal->magic == magic && deal->reason == DEAL_EXPERT;
}

static bool find_deals(const struct broker *broker, uint64_t magic, int64_t since_ns,
		       struct broker_reply *reply)
{
	for (uint64_t i = broker->deal_seen; i > broker->deal_first;) {
		const struct broker_deal *deal = broker_deal(broker, --i);
		if (deal->at_ns < since_ns)
			break;
		if (!is_of_request(deal, magic) || (reply->deals && deal->order != reply->order))
			continue;
		reply->order = deal->order;
		reply->position = deal->position;
		reply->deals++;
	}
	return reply->deals > 0;
}

bool broker_find_magic(const struct broker *broker, uint64_t magic, int64_t since_ns,
		       struct broker_reply *reply)
{
	*reply = (struct broker_reply){ .at_ns = broker->now_ns };
	if (find_deals(broker, magic, since_ns, reply))
		return true;
	for (size_t i = 0; i < broker->pending_count; i++)
		if (broker->pending[i].magic == magic) {
			reply->order = broker->pending[i].ticket;
			return true;
		}
	return false;
}
