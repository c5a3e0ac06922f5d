/* Addresses that said a bad mac: a table of fixed size in sets of a few, so that neither
 * looking up nor pushing out costs more than a set. A set that is full gives up its entry
 * that matters least: the one whose block, or else whose counting, ends first. */
#include "gate/gate_impl.h"

enum { BAD_MAX = 3 };
static const int64_t window_ns = 60 * GATE_SECOND, block_ns = 60 * GATE_SECOND;

static struct gate_address *set_of(const struct gate *gate, struct str peer)
{
	return &gate->addresses[str_hash(peer) % GATE_ADDRESS_SETS * GATE_ADDRESS_WAYS];
}

static struct gate_address *find(const struct gate *gate, struct str peer)
{
	struct gate_address *set = set_of(gate, peer);
	for (size_t i = 0; i < GATE_ADDRESS_WAYS; i++)
		if (set[i].used && str_eq(peer, str_of(set[i].text)))
			return &set[i];
	return NULL;
}

static int64_t matters_until(const struct gate_address *address)
{
	int64_t counts_until = address->first_ns + window_ns;
	return address->blocked_ns > counts_until ? address->blocked_ns : counts_until;
}

static struct gate_address *make(struct gate *gate, struct str peer)
{
	struct gate_address *set = set_of(gate, peer), *best = &set[0];
	for (size_t i = 0; i < GATE_ADDRESS_WAYS && best->used; i++)
		if (!set[i].used || matters_until(&set[i]) < matters_until(best))
			best = &set[i];
	*best = (struct gate_address){ .used = true };
	if (str_copy(peer, best->text, sizeof best->text))
		best->used = false; /* longer than any address: it is not one */
	return best;
}

int64_t gate_address_blocked(const struct gate *gate, struct str peer)
{
	const struct gate_address *address = find(gate, peer);
	int64_t now = gate_now(gate);
	return address && address->blocked_ns > now ? address->blocked_ns - now : 0;
}

bool gate_address_bad(struct gate *gate, struct str peer)
{
	struct gate_address *address = find(gate, peer);
	int64_t now = gate_now(gate);
	if (!address)
		address = make(gate, peer);
	if (!address->bad || now - address->first_ns >= window_ns) {
		address->bad = 0;
		address->first_ns = now;
	}
	if (++address->bad < BAD_MAX)
		return false;
	address->bad = 0;
	address->blocked_ns = now + block_ns;
	return true;
}
