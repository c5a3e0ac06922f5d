#include "serve/guard.h"

#include <arpa/inet.h>

void guard_init(struct guard *guard, int burst, int64_t forgive_ns)
{
	*guard = (struct guard){ .burst = burst, .forgive_ns = forgive_ns };
}

/* An address that cannot be read is one of its own, and so is none at all. */
static void read_address(struct str peer, uint8_t address[GUARD_BYTES])
{
	char text[64];
	uint8_t bytes[16];
	memset(address, 0, GUARD_BYTES);
	address[0] = 1;
	if (str_copy(peer, text, sizeof text))
		return;
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		address[0] = 6;
		memcpy(address + 1, bytes, 8);
	} else if (inet_pton(AF_INET, text, bytes) == 1) {
		address[0] = 4;
		memcpy(address + 1, bytes, 4);
	}
}

static uint64_t set_of(const uint8_t address[GUARD_BYTES])
{
	return str_hash(str_make((const char *)address, GUARD_BYTES)) % GUARD_SETS;
}

static const struct guard_entry *find(const struct guard *guard, const uint8_t address[GUARD_BYTES])
{
	uint64_t set = set_of(address);
	for (size_t i = 0; i < GUARD_WAYS; i++)
		if (memcmp(guard->entries[set][i].address, address, GUARD_BYTES) == 0)
			return &guard->entries[set][i];
	return NULL;
}

int64_t guard_wait_ns(const struct guard *guard, struct str peer, int64_t now_ns)
{
	uint8_t address[GUARD_BYTES];
	read_address(peer, address);
	const struct guard_entry *entry = find(guard, address);
	int64_t last_ns = now_ns + (guard->burst - 1) * guard->forgive_ns;
	return entry && entry->free_ns > last_ns ? entry->free_ns - last_ns : 0;
}

static struct guard_entry *make_room(struct guard *guard, const uint8_t address[GUARD_BYTES],
				     int64_t now_ns)
{
	struct guard_entry *set = guard->entries[set_of(address)];
	struct guard_entry *least = &set[0];
	for (size_t i = 1; i < GUARD_WAYS; i++)
		if (set[i].free_ns < least->free_ns)
			least = &set[i];
	guard->pushed_out += least->free_ns > now_ns;
	memcpy(least->address, address, GUARD_BYTES);
	least->free_ns = now_ns;
	return least;
}

void guard_failed(struct guard *guard, struct str peer, int64_t now_ns)
{
	uint8_t address[GUARD_BYTES];
	read_address(peer, address);
	struct guard_entry *entry = (struct guard_entry *)find(guard, address);
	if (!entry)
		entry = make_room(guard, address, now_ns);
	if (entry->free_ns < now_ns)
		entry->free_ns = now_ns;
	entry->free_ns += guard->forgive_ns;
}
