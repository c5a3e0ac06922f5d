/* The room of the deliveries: a pool of entries, one of their deliveries, an index of each,
 * a list for each terminal. */
#include <assert.h>
#include <stdlib.h>

#include "base/check.h"
#include "trade/deliveries_impl.h"

enum { MASK = DELIVERY_BUCKET_COUNT - 1 };

static_assert((DELIVERY_BUCKET_COUNT & MASK) == 0, "a mask needs a power of two");

static size_t home(uint64_t sid, uint64_t slot)
{
	return (size_t)((sid + slot * UINT64_C(0xD1B54A32D192ED03)) *
			    UINT64_C(0x9E3779B97F4A7C15) >>
			40) &
	       MASK;
}

/* ---- entries ---- */

struct posting *posting_find(const struct deliveries *deliveries, uint64_t sid)
{
	struct posting *posting = deliveries->postings[home(sid, 0)];
	while (posting && posting->sid != sid)
		posting = posting->chain;
	return posting;
}

struct posting *posting_alloc(struct deliveries *deliveries, uint64_t sid)
{
	struct posting **bucket = &deliveries->postings[home(sid, 0)];
	struct posting *posting = deliveries->posting_free;
	CHECK(deliveries->posting_room > 0);
	deliveries->posting_room--;
	if (posting)
		deliveries->posting_free = posting->chain;
	else /* pages of the pool that are never needed are never touched */
		posting = &deliveries->posting_pool[deliveries->posting_used++];
	*posting = (struct posting){ .owner = deliveries, .sid = sid, .chain = *bucket };
	posting->timer = (struct timer){ .fn = posting_timer, .ctx = posting };
	*bucket = posting;
	return posting;
}

void posting_free(struct posting *posting)
{
	struct deliveries *deliveries = posting->owner;
	struct posting **link = &deliveries->postings[home(posting->sid, 0)];
	timers_cancel(deliveries->timers, &posting->timer);
	while (*link != posting)
		link = &(*link)->chain;
	*link = posting->chain;
	posting->chain = deliveries->posting_free;
	deliveries->posting_free = posting;
	deliveries->posting_room++;
}

/* ---- deliveries ---- */

struct delivery *delivery_find(const struct deliveries *deliveries, uint64_t sid, uint32_t slot)
{
	struct delivery *delivery = deliveries->index[home(sid, slot)];
	while (delivery && (delivery->posting->sid != sid || delivery->slot != slot))
		delivery = delivery->chain;
	return delivery;
}

uint64_t delivery_tag(const struct delivery *delivery)
{
	uint32_t place = (uint32_t)(delivery - delivery->owner->pool) + 1;
	return (uint64_t)delivery->life << 32 | place;
}

struct delivery *delivery_by_tag(const struct deliveries *deliveries, uint64_t tag)
{
	uint32_t place = (uint32_t)tag;
	if (place == 0 || place > deliveries->used)
		return NULL;
	struct delivery *delivery = &deliveries->pool[place - 1];
	return delivery->posting && delivery->life == tag >> 32 ? delivery : NULL;
}

static void put_in_lists(struct delivery *delivery)
{
	struct posting *posting = delivery->posting;
	delivery->before = posting->last;
	*(posting->last ? &posting->last->after : &posting->first) = delivery;
	posting->last = delivery;
	if (delivery->slot == UINT32_MAX)
		return;
	struct delivery_list *list = &delivery->owner->slots[delivery->slot].all;
	delivery->prev = list->last;
	*(list->last ? &list->last->next : &list->first) = delivery;
	list->last = delivery;
}

struct delivery *delivery_alloc(struct posting *posting, uint32_t slot)
{
	struct deliveries *deliveries = posting->owner;
	struct delivery **bucket = &deliveries->index[home(posting->sid, slot)];
	struct delivery *delivery = deliveries->free;
	CHECK(deliveries->room > 0);
	deliveries->room--;
	if (delivery)
		deliveries->free = delivery->after;
	else
		delivery = &deliveries->pool[deliveries->used++];
	*delivery = (struct delivery){ .owner = deliveries,
				       .posting = posting,
				       .slot = slot,
				       .life = delivery->life + 1,
				       .state = DELIVERY_WAITING,
				       .chain = *bucket };
	delivery->timer = (struct timer){ .fn = delivery_timer, .ctx = delivery };
	*bucket = delivery;
	put_in_lists(delivery);
	return delivery;
}

static void take_from_lists(struct delivery *delivery)
{
	struct posting *posting = delivery->posting;
	*(delivery->before ? &delivery->before->after : &posting->first) = delivery->after;
	*(delivery->after ? &delivery->after->before : &posting->last) = delivery->before;
	if (delivery->slot == UINT32_MAX)
		return;
	struct delivery_list *list = &delivery->owner->slots[delivery->slot].all;
	*(delivery->prev ? &delivery->prev->next : &list->first) = delivery->next;
	*(delivery->next ? &delivery->next->prev : &list->last) = delivery->prev;
}

bool delivery_free(struct delivery *delivery)
{
	struct deliveries *deliveries = delivery->owner;
	struct posting *posting = delivery->posting;
	struct delivery **link = &deliveries->index[home(posting->sid, delivery->slot)];
	timers_cancel(deliveries->timers, &delivery->timer);
	while (*link != delivery)
		link = &(*link)->chain;
	*link = delivery->chain;
	take_from_lists(delivery);
	delivery->posting = NULL;
	delivery->after = deliveries->free;
	deliveries->free = delivery;
	deliveries->room++;
	if (posting->first || posting->filling)
		return false;
	posting_free(posting);
	return true;
}

/* ---- all of it ---- */

static bool allocate(struct deliveries *deliveries, uint32_t slots)
{
	deliveries->timers = timers_create(2 * DELIVERIES_MAX + slots);
	deliveries->ids = signal_ids_create(deliveries->config.secret);
	deliveries->pool = calloc(DELIVERIES_MAX, sizeof deliveries->pool[0]);
	deliveries->posting_pool = calloc(DELIVERIES_MAX, sizeof deliveries->posting_pool[0]);
	deliveries->index = calloc(DELIVERY_BUCKET_COUNT, sizeof deliveries->index[0]);
	deliveries->postings = calloc(DELIVERY_BUCKET_COUNT, sizeof deliveries->postings[0]);
	deliveries->slots = calloc(slots, sizeof deliveries->slots[0]);
	deliveries->members = calloc(slots, sizeof deliveries->members[0]);
	deliveries->instances = calloc(slots, sizeof deliveries->instances[0]);
	return deliveries->timers && deliveries->ids && deliveries->pool &&
	       deliveries->posting_pool && deliveries->index && deliveries->postings &&
	       deliveries->slots && deliveries->members && deliveries->instances;
}

struct deliveries *deliveries_create(const struct deliveries_config *config,
				     const struct delivery_hooks *hooks)
{
	struct deliveries *deliveries = calloc(1, sizeof *deliveries);
	if (!deliveries)
		return NULL;
	deliveries->config = *config;
	deliveries->hooks = *hooks;
	deliveries->room = deliveries->posting_room = DELIVERIES_MAX;
	if (!allocate(deliveries, config->slots)) {
		deliveries_destroy(deliveries);
		return NULL;
	}
	for (uint32_t slot = 0; slot < config->slots; slot++) {
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
	signal_ids_destroy(deliveries->ids);
	free(deliveries->pool);
	free(deliveries->posting_pool);
	free(deliveries->index);
	free(deliveries->postings);
	free(deliveries->slots);
	free(deliveries->members);
	free(deliveries->instances);
	free(deliveries);
}
