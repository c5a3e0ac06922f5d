/* The room of the deliveries: a pool, an index by sid, a list for each terminal. */
#include <assert.h>
#include <stdlib.h>

#include "base/check.h"
#include "trade/deliveries_impl.h"

enum { INDEX_SIZE = 2 * DELIVERIES_MAX, INDEX_MASK = INDEX_SIZE - 1 };

static_assert((INDEX_SIZE & INDEX_MASK) == 0, "a mask needs a power of two");

static size_t home(uint64_t sid)
{
	return (size_t)(sid * UINT64_C(0x9E3779B97F4A7C15) >> 40) & INDEX_MASK;
}

static size_t place(const struct deliveries *deliveries, uint64_t sid)
{
	size_t at = home(sid);
	while (deliveries->index[at] && deliveries->index[at]->sid != sid)
		at = (at + 1) & INDEX_MASK;
	return at;
}

struct delivery *delivery_find(const struct deliveries *deliveries, uint64_t sid)
{
	return deliveries->index[place(deliveries, sid)];
}

/* Closes the hole: what would not be found behind it moves into it. */
static void forget(struct deliveries *deliveries, uint64_t sid)
{
	size_t hole = place(deliveries, sid), at = hole;
	deliveries->index[hole] = NULL;
	for (;;) {
		at = (at + 1) & INDEX_MASK;
		if (!deliveries->index[at])
			return;
		size_t wanted = home(deliveries->index[at]->sid);
		if (((at - wanted) & INDEX_MASK) < ((at - hole) & INDEX_MASK))
			continue;
		deliveries->index[hole] = deliveries->index[at];
		deliveries->index[at] = NULL;
		hole = at;
	}
}

struct delivery *delivery_alloc(struct deliveries *deliveries, uint64_t sid, uint32_t slot)
{
	struct delivery *delivery = deliveries->free;
	if (!delivery && deliveries->used == DELIVERIES_MAX)
		return NULL;
	if (delivery)
		deliveries->free = delivery->next;
	else /* pages of the pool that are never needed are never touched */
		delivery = &deliveries->pool[deliveries->used++];
	*delivery = (struct delivery){
		.owner = deliveries, .sid = sid, .slot = slot, .state = DELIVERY_WAITING
	};
	delivery->timer = (struct timer){ .fn = delivery_timer, .ctx = delivery };
	deliveries->index[place(deliveries, sid)] = delivery;
	if (slot == UINT32_MAX)
		return delivery;
	struct delivery_list *list = &deliveries->slots[slot].all;
	delivery->prev = list->last;
	*(list->last ? &list->last->next : &list->first) = delivery;
	list->last = delivery;
	return delivery;
}

void delivery_free(struct delivery *delivery)
{
	struct deliveries *deliveries = delivery->owner;
	timers_cancel(deliveries->timers, &delivery->timer);
	forget(deliveries, delivery->sid);
	if (delivery->slot != UINT32_MAX) {
		struct delivery_list *list = &deliveries->slots[delivery->slot].all;
		*(delivery->prev ? &delivery->prev->next : &list->first) = delivery->next;
		*(delivery->next ? &delivery->next->prev : &list->last) = delivery->prev;
	}
	delivery->next = deliveries->free;
	deliveries->free = delivery;
}

struct deliveries *deliveries_create(uint32_t slots, const struct delivery_hooks *hooks)
{
	struct deliveries *deliveries = calloc(1, sizeof *deliveries);
	if (!deliveries)
		return NULL;
	deliveries->hooks = *hooks;
	deliveries->slot_count = slots;
	deliveries->timers = timers_create(DELIVERIES_MAX + slots);
	deliveries->pool = calloc(DELIVERIES_MAX, sizeof deliveries->pool[0]);
	deliveries->index = calloc(INDEX_SIZE, sizeof deliveries->index[0]);
	deliveries->slots = calloc(slots, sizeof deliveries->slots[0]);
	if (!deliveries->timers || !deliveries->pool || !deliveries->index || !deliveries->slots) {
		deliveries_destroy(deliveries);
		return NULL;
	}
	for (uint32_t slot = 0; slot < slots; slot++) {
		deliveries->slots[slot].owner = deliveries;
		deliveries->slots[slot].refuse_above = UINT32_MAX;
		deliveries->slots[slot].timer =
		    (struct timer){ .fn = delivery_slot_timer, .ctx = &deliveries->slots[slot] };
	}
	return deliveries;
}

void deliveries_destroy(struct deliveries *deliveries)
{
	if (!deliveries)
		return;
	timers_destroy(deliveries->timers);
	free(deliveries->pool);
	free(deliveries->index);
	free(deliveries->slots);
	free(deliveries);
}
