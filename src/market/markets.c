#include "market/markets.h"

#include <stdlib.h>

#include "base/check.h"

enum { TABLE = 2 * MARKETS_MAX };

/* A hash table with linear probes finds a market, `sorted` lists them. */
struct markets {
	struct market_config config;
	struct liquidations *liquidations;
	struct market *last[VENUE_COUNT][KIND_COUNT]; /* of the call before */
	size_t last_len[VENUE_COUNT][KIND_COUNT];     /* of its symbol */
	size_t count;
	uint64_t refused;
	struct market *table[TABLE];
	struct market *sorted[MARKETS_MAX];
};

struct markets *markets_create(const struct market_config *config)
{
	const struct liquidations_config liquidations = liquidations_config_default();
	struct markets *markets = calloc(1, sizeof *markets);
	if (!markets)
		return NULL;
	markets->config = *config;
	markets->liquidations = liquidations_create(&liquidations);
	if (!markets->liquidations) {
		markets_destroy(markets);
		return NULL;
	}
	return markets;
}

void markets_destroy(struct markets *markets)
{
	if (!markets)
		return;
	for (size_t i = 0; i < markets->count; i++)
		market_destroy(markets->sorted[i]);
	liquidations_destroy(markets->liquidations);
	free(markets);
}

struct liquidations *markets_liquidations(const struct markets *markets)
{
	return markets->liquidations;
}

uint64_t markets_refused(const struct markets *markets) { return markets->refused; }
size_t markets_count(const struct markets *markets) { return markets->count; }

struct market *markets_at(const struct markets *markets, size_t index)
{
	CHECK(index < markets->count);
	return markets->sorted[index];
}

/* The place of the id, or the empty one where it would go. */
static size_t place_of(const struct markets *markets, const struct market_id *id)
{
	size_t at = str_hash(str_make((const char *)id, sizeof *id)) % TABLE;
	while (markets->table[at] && !market_id_eq(market_id(markets->table[at]), id))
		at = (at + 1) % TABLE;
	return at;
}

struct market *markets_find(const struct markets *markets, const struct market_id *id)
{
	return markets->table[place_of(markets, id)];
}

static void list_insert(struct markets *markets, struct market *market)
{
	size_t at = markets->count++;
	for (; at > 0 && market_id_cmp(market_id(markets->sorted[at - 1]), market_id(market)) > 0;
	     at--)
		markets->sorted[at] = markets->sorted[at - 1];
	markets->sorted[at] = market;
}

static struct market *find_or_create(struct markets *markets, const struct market_id *id)
{
	size_t at = place_of(markets, id);
	if (!markets->table[at] && markets->count < MARKETS_MAX) {
		struct market *market = market_create(id, &markets->config);
		if (market) {
			markets->table[at] = market;
			list_insert(markets, market);
		}
	}
	markets->refused += !markets->table[at];
	return markets->table[at];
}

struct market *markets_get(struct markets *markets, enum venue venue, enum kind kind,
			   struct str symbol)
{
	CHECK(venue < VENUE_COUNT && kind < KIND_COUNT);
	struct market *last = markets->last[venue][kind];
	if (last && symbol.len == markets->last_len[venue][kind] &&
	    memcmp(symbol.ptr, market_id(last)->symbol, symbol.len) == 0)
		return last;
	struct market_id id;
	if (market_id_make(venue, kind, symbol, &id)) {
		markets->refused++;
		return NULL;
	}
	struct market *market = find_or_create(markets, &id);
	if (market) {
		markets->last[venue][kind] = market;
		markets->last_len[venue][kind] = symbol.len;
	}
	return market;
}

/* Only a full name has a colon in it. */
static bool is_full_name(const struct market_id *id, struct str name)
{
	char text[64];
	struct buf full = buf_over(text, sizeof text);
	market_id_print(&full, id);
	return str_eq_nocase(name, buf_str(&full));
}

static bool is_named(const struct market *market, struct str name, bool full)
{
	const struct market_id *id = market_id(market);
	struct str base, quote;
	if (full)
		return is_full_name(id, name);
	if (str_eq_nocase(name, str_of(id->symbol)))
		return true;
	market_id_assets(id, &base, &quote);
	return str_eq_nocase(name, base);
}

size_t markets_named(const struct markets *markets, struct str name, struct market **out,
		     size_t cap)
{
	bool full = str_find_char(name, ':') < name.len;
	size_t n = 0;
	for (size_t i = 0; i < markets->count && n < cap; i++)
		if (is_named(markets->sorted[i], name, full))
			out[n++] = markets->sorted[i];
	return n;
}
