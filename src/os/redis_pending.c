#include "os/redis_pending.h"

#include <stdlib.h>

#include "base/check.h"

enum { ROOM_FIRST = 64 };

void redis_pending_deinit(struct redis_pending *pending)
{
	free(pending->ring);
	*pending = (struct redis_pending){ 0 };
}

static struct redis_pending_entry *at(const struct redis_pending *pending, size_t i)
{
	return &pending->ring[(pending->head + i) & (pending->room - 1)];
}

static enum status grow(struct redis_pending *pending)
{
	size_t room = pending->room ? pending->room * 2 : ROOM_FIRST;
	struct redis_pending_entry *ring = malloc(room * sizeof *ring);
	if (!ring)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < pending->count; i++)
		ring[i] = *at(pending, i);
	free(pending->ring);
	pending->ring = ring;
	pending->room = room;
	pending->head = 0;
	return STATUS_OK;
}

enum status redis_pending_push(struct redis_pending *pending, struct redis_pending_entry entry)
{
	if (pending->count == pending->room && grow(pending) != STATUS_OK)
		return STATUS_NO_MEMORY;
	*at(pending, pending->count++) = entry;
	pending->bytes += entry.bytes;
	return STATUS_OK;
}

bool redis_pending_pop(struct redis_pending *pending, struct redis_pending_entry *entry, bool *late)
{
	if (!pending->count)
		return false;
	*entry = *at(pending, 0);
	*late = pending->expired > 0;
	pending->expired -= *late;
	pending->head = (pending->head + 1) & (pending->room - 1);
	pending->count--;
	CHECK(pending->bytes >= entry->bytes);
	pending->bytes -= entry->bytes;
	return true;
}

int64_t redis_pending_next_ns(const struct redis_pending *pending)
{
	return pending->expired < pending->count ? at(pending, pending->expired)->deadline_ns
						 : INT64_MAX;
}

bool redis_pending_expire(struct redis_pending *pending, int64_t now_ns,
			  struct redis_pending_entry *entry)
{
	if (redis_pending_next_ns(pending) > now_ns)
		return false;
	*entry = *at(pending, pending->expired++);
	return true;
}
