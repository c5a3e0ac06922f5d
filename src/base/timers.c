#include "base/timers.h"

#include <stdlib.h>

#include "base/check.h"

struct entry {
	int64_t deadline_ns;
	uint64_t order; /* arming order breaks ties */
	struct timer *timer;
};

struct timers {
	struct entry *heap; /* 1-based binary heap */
	size_t count, room;
	uint64_t next_order;
};

struct timers *timers_create(size_t room)
{
	struct timers *timers = calloc(1, sizeof *timers);
	if (!timers)
		return NULL;
	timers->heap = calloc(room + 1, sizeof *timers->heap);
	timers->room = room;
	if (!timers->heap) {
		free(timers);
		return NULL;
	}
	return timers;
}

void timers_destroy(struct timers *timers)
{
	if (!timers)
		return;
	free(timers->heap);
	free(timers);
}

static bool before(const struct entry *a, const struct entry *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->order < b->order;
}

static void place(struct timers *timers, size_t slot, struct entry entry)
{
	timers->heap[slot] = entry;
	entry.timer->slot = slot;
}

static void sift_up(struct timers *timers, size_t slot, struct entry entry)
{
	for (; slot > 1 && before(&entry, &timers->heap[slot / 2]); slot /= 2)
		place(timers, slot, timers->heap[slot / 2]);
	place(timers, slot, entry);
}

static void sift_down(struct timers *timers, size_t slot, struct entry entry)
{
	for (;;) {
		size_t child = slot * 2;
		if (child > timers->count)
			break;
		if (child < timers->count && before(&timers->heap[child + 1], &timers->heap[child]))
			child++;
		if (!before(&timers->heap[child], &entry))
			break;
		place(timers, slot, timers->heap[child]);
		slot = child;
	}
	place(timers, slot, entry);
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
	size_t slot = timer->slot;
	if (!slot)
		return;
	CHECK(slot <= timers->count && timers->heap[slot].timer == timer);
	struct entry last = timers->heap[timers->count--];
	timer->slot = 0;
	if (last.timer == timer)
		return;
	if (slot > 1 && before(&last, &timers->heap[slot / 2]))
		sift_up(timers, slot, last);
	else
		sift_down(timers, slot, last);
}

void timers_arm(struct timers *timers, struct timer *timer, int64_t deadline_ns)
{
	timers_cancel(timers, timer);
	CHECK(timers->count < timers->room);
	timer->deadline_ns = deadline_ns;
	struct entry entry = { deadline_ns, timers->next_order++, timer };
	sift_up(timers, ++timers->count, entry);
}

int64_t timers_next_ns(const struct timers *timers)
{
	return timers->count ? timers->heap[1].deadline_ns : INT64_MAX;
}

size_t timers_run(struct timers *timers, int64_t now_ns, size_t limit)
{
	size_t ran = 0;
	while (ran < limit && timers_next_ns(timers) <= now_ns) {
		struct timer *timer = timers->heap[1].timer;
		timers_cancel(timers, timer);
		timer->fn(timer->ctx);
		ran++;
	}
	return ran;
}
