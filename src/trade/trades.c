#include "trade/trades.h"

#include <assert.h>
#include <stdlib.h>

#include "base/check.h"

/* Trades lie in one pool; an index with open addressing finds them by instance and
 * position. The closed ones are a chain from the newest to the oldest, which makes room. */
enum {
	POOL = TRADES_OPEN_MAX + TRADES_CLOSED_MAX,
	PLACES = 1 << 18, /* of the index: never more than a third is taken */
	NONE = 1 << 30,
	OLD_BITS = 1 << 24,
	OLD_PROBES = 8,
	TERMINALS = 1 << 14, /* by hash: those that share a place share the higher position */
};

static_assert(POOL < NONE, "a slot is not NONE");

struct slot {
	struct trade_sum sum;
	uint64_t hash;
	uint32_t newer, older; /* of the closed; older: the next free slot, too */
	bool closed;
};

struct trades {
	struct trades_hooks hooks;
	struct slot *slots;
	uint32_t *index;  /* slot + 1; 0: free */
	uint64_t *old;    /* bits: closed trades that are not in memory */
	int64_t *highest; /* of those, by terminal */
	bool old_known;
	uint32_t used; /* slots that were ever taken: the others were never touched */
	uint32_t free;
	uint32_t newest, oldest; /* closed */
	uint32_t open, closed;
	struct trades_counts counts;
};

struct trades *trades_create(const struct trades_hooks *hooks)
{
	struct trades *trades = calloc(1, sizeof *trades);
	if (!trades)
		return NULL;
	trades->hooks = *hooks;
	trades->slots = malloc(POOL * sizeof *trades->slots);
	trades->index = calloc(PLACES, sizeof *trades->index);
	trades->old = calloc(OLD_BITS / 64, sizeof *trades->old);
	trades->highest = calloc(TERMINALS, sizeof *trades->highest);
	trades->free = trades->newest = trades->oldest = NONE;
	if (trades->slots && trades->index && trades->old && trades->highest)
		return trades;
	trades_destroy(trades);
	return NULL;
}

void trades_destroy(struct trades *trades)
{
	if (!trades)
		return;
	free(trades->slots);
	free(trades->index);
	free(trades->old);
	free(trades->highest);
	free(trades);
}

void trades_clear(struct trades *trades)
{
	memset(trades->index, 0, PLACES * sizeof *trades->index);
	memset(trades->old, 0, OLD_BITS / 8);
	memset(trades->highest, 0, TERMINALS * sizeof *trades->highest);
	trades->old_known = false;
	trades->used = trades->open = trades->closed = 0;
	trades->free = trades->newest = trades->oldest = NONE;
}

/* ---- those that are not in memory ---- */

static uint64_t hash_of(struct str instance, int64_t position)
{
	uint64_t hash = str_hash(instance) ^ (uint64_t)position * UINT64_C(0x9e3779b97f4a7c15);
	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

/* Of one hash two make all the probes (Kirsch and Mitzenmacher 2006). */
static uint32_t old_bit(uint64_t hash, uint32_t probe)
{
	return ((uint32_t)hash + probe * ((uint32_t)(hash >> 32) | 1)) % OLD_BITS;
}

static int64_t *highest_of(const struct trades *trades, struct str instance)
{
	return &trades->highest[str_hash(instance) % TERMINALS];
}

static void old_add(struct trades *trades, uint64_t hash, struct str instance, int64_t position)
{
	int64_t *highest = highest_of(trades, instance);
	if (position > *highest)
		*highest = position;
	for (uint32_t i = 0; i < OLD_PROBES; i++) {
		uint32_t bit = old_bit(hash, i);
		trades->old[bit / 64] |= UINT64_C(1) << bit % 64;
	}
}

static bool may_be_old(const struct trades *trades, uint64_t hash, struct str instance,
		       int64_t position)
{
	if (!trades->old_known)
		return true;
	if (position > *highest_of(trades, instance))
		return false;
	for (uint32_t i = 0; i < OLD_PROBES; i++) {
		uint32_t bit = old_bit(hash, i);
		if (!(trades->old[bit / 64] >> bit % 64 & 1))
			return false;
	}
	return true;
}

void trades_old(struct trades *trades, struct str instance, int64_t position)
{
	old_add(trades, hash_of(instance, position), instance, position);
}

void trades_old_end(struct trades *trades) { trades->old_known = true; }

/* ---- the index ---- */

static bool is_of(const struct slot *slot, uint64_t hash, struct str instance, int64_t position)
{
	return slot->hash == hash && slot->sum.position == position &&
	       str_eq(str_of(slot->sum.instance), instance);
}

/* Where it is, or the free place where it would go. */
static uint32_t place_of(const struct trades *trades, uint64_t hash, struct str instance,
			 int64_t position)
{
	uint32_t at = hash % PLACES;
	while (trades->index[at] &&
	       !is_of(&trades->slots[trades->index[at] - 1], hash, instance, position))
		at = (at + 1) % PLACES;
	return at;
}

/* Those behind it move up, so that no search ends at the hole too early. */
static void index_remove(struct trades *trades, const struct slot *slot)
{
	uint32_t hole =
	    place_of(trades, slot->hash, str_of(slot->sum.instance), slot->sum.position);
	uint32_t at = hole, other;
	CHECK(trades->index[hole]);
	while ((other = trades->index[at = (at + 1) % PLACES])) {
		uint32_t home = trades->slots[other - 1].hash % PLACES;
		if ((at - home) % PLACES >= (at - hole) % PLACES) {
			trades->index[hole] = other;
			hole = at;
		}
	}
	trades->index[hole] = 0;
}

/* ---- the closed ones ---- */

static void closed_unlink(struct trades *trades, struct slot *slot)
{
	if (slot->newer == NONE)
		trades->newest = slot->older;
	else
		trades->slots[slot->newer].older = slot->older;
	if (slot->older == NONE)
		trades->oldest = slot->newer;
	else
		trades->slots[slot->older].newer = slot->newer;
	slot->closed = false;
	trades->closed--;
}

static void forget_oldest(struct trades *trades)
{
	uint32_t at = trades->oldest;
	struct slot *slot = &trades->slots[at];
	old_add(trades, slot->hash, str_of(slot->sum.instance), slot->sum.position);
	index_remove(trades, slot);
	closed_unlink(trades, slot);
	slot->older = trades->free;
	trades->free = at;
}

static void closed_link(struct trades *trades, uint32_t at)
{
	struct slot *slot = &trades->slots[at];
	slot->closed = true;
	slot->newer = NONE;
	slot->older = trades->newest;
	if (trades->newest == NONE)
		trades->oldest = at;
	else
		trades->slots[trades->newest].newer = at;
	trades->newest = at;
	if (++trades->closed > TRADES_CLOSED_MAX)
		forget_oldest(trades);
}

/* ---- putting one where it belongs ---- */

static uint32_t take_slot(struct trades *trades)
{
	uint32_t at = trades->free;
	if (at != NONE)
		trades->free = trades->slots[at].older;
	else
		at = trades->used++;
	CHECK(at < POOL);
	return at;
}

/* FULL: an open one more is too many. */
static enum status store(struct trades *trades, uint32_t place, uint64_t hash,
			 const struct trade_sum *sum)
{
	bool is_closed = trade_sum_is_closed(sum), is_new = !trades->index[place];
	/* The pool has a slot: a closed one that is one too many goes with the next. */
	if (!is_closed && trades->open == TRADES_OPEN_MAX &&
	    (is_new || trades->slots[trades->index[place] - 1].closed))
		return STATUS_FULL;
	if (is_new && is_closed && trades->closed == TRADES_CLOSED_MAX) {
		forget_oldest(trades);
		place = place_of(trades, hash, str_of(sum->instance), sum->position);
	}
	uint32_t at = is_new ? take_slot(trades) : trades->index[place] - 1;
	struct slot *slot = &trades->slots[at];
	if (!is_new && slot->closed)
		closed_unlink(trades, slot);
	else if (!is_new)
		trades->open--;
	slot->sum = *sum;
	slot->hash = hash;
	slot->closed = false;
	trades->index[place] = at + 1;
	if (is_closed)
		closed_link(trades, at);
	else
		trades->open++;
	return STATUS_OK;
}

bool trades_want(struct trades *trades, struct str instance, int64_t position)
{
	if (position <= 0 || !instance.len)
		return false;
	uint64_t hash = hash_of(instance, position);
	uint32_t place = place_of(trades, hash, instance, position);
	if (trades->index[place]) {
		uint32_t at = trades->index[place] - 1;
		if (trades->slots[at].closed) { /* the newest: it stays until it is used */
			closed_unlink(trades, &trades->slots[at]);
			closed_link(trades, at);
		}
		return false;
	}
	bool wanted = may_be_old(trades, hash, instance, position);
	trades->counts.recall_asked += wanted;
	return wanted;
}

static enum status counted(struct trades *trades, enum status status)
{
	trades->counts.deals += !status;
	trades->counts.full += status == STATUS_FULL;
	trades->counts.range += status == STATUS_RANGE;
	trades->counts.invalid += status == STATUS_INVALID;
	return status;
}

enum status trades_take(struct trades *trades, const struct trade_deal *deal)
{
	if (deal->position <= 0 || !deal->instance.len)
		return counted(trades, STATUS_INVALID);
	uint64_t hash = hash_of(deal->instance, deal->position);
	uint32_t place = place_of(trades, hash, deal->instance, deal->position);
	struct trade_sum sum = { .position = 0 };
	if (trades->index[place])
		sum = trades->slots[trades->index[place] - 1].sum;
	enum status status = trade_sum_add(&sum, deal);
	if (!status)
		status = store(trades, place, hash, &sum);
	if (!status && trade_sum_is_closed(&sum)) {
		trades->counts.closed++;
		trades->hooks.on_closed(trades->hooks.ctx, &sum);
	}
	return counted(trades, status);
}

enum status trades_put(struct trades *trades, const struct trade_sum *trade)
{
	struct str instance = str_of(trade->instance);
	if (trade->position <= 0 || !instance.len)
		return STATUS_INVALID;
	uint64_t hash = hash_of(instance, trade->position);
	uint32_t place = place_of(trades, hash, instance, trade->position);
	if (trades->index[place])
		return STATUS_EXISTS;
	enum status status = store(trades, place, hash, trade);
	trades->counts.recalled += !status && trades->old_known;
	return status;
}

const struct trade_sum *trades_find(const struct trades *trades, struct str instance,
				    int64_t position)
{
	uint32_t place = place_of(trades, hash_of(instance, position), instance, position);
	return trades->index[place] ? &trades->slots[trades->index[place] - 1].sum : NULL;
}

size_t trades_open(const struct trades *trades) { return trades->open; }

struct trades_counts trades_counts(const struct trades *trades) { return trades->counts; }
