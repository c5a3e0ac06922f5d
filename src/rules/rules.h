/* rules.h - alerts that people set for themselves: "BTC price > 70000".
 *
 * What can be watched is a table (def/rule_metrics.def); what is written, rule_text.h.
 * - A rule of a market (price, delta, volume) or a perpetual (oi, funding) watches ONE market:
 *   the one that is named in full (binance:perp:BTCUSDT), else, when it is added, the one with
 *   the largest volume in quote units within 24 h of those that the word means (BTC, BTCUSDT),
 *   of those quoted in dollars if there are any. It stays with it; `market` of the view says
 *   which. Open interest and funding are of that perpetual alone.
 * - A rule of an asset (liquidation, cascade, whale) watches all its markets quoted in dollars,
 *   or the one that is named in full (not cascade).
 * - A rule of a terminal, or of `all`, watches the changes of its state and of SUSPECT.
 *
 * Prices, deltas, funding rates and their thresholds are exact decimals and compared exactly;
 * a percentage of open interest or volume and a risk is cut to millionths, a sum in dollars to
 * 10^-8, before it is compared.
 *
 * Levels are told on the edge. A rule is WAITING (it was true, or nothing was known, when it
 * was added) until it has been false once; then ARMED; when it becomes true it is told and
 * FIRED, and is ARMED again once the value is back by the metric's margin. Events have no
 * edge: each that is beyond is told, but for the cooldown. What would be told is not, and is
 * counted (`suppressed`), while the rule is muted or snoozed, within its cooldown after the
 * last one told, and beyond its cap of the UTC day or its owner's; the edge is used up. A rule
 * that is `once` is removed after it was told.
 *
 * Data that is stale (RULES_STALE_MS behind the time told by rules_step; open interest and
 * funding as rates.h has it) changes nothing: the rule is paused and its view says so. When
 * data comes back the first value counts, so what was crossed meanwhile is told then.
 *
 * Prices are looked at on every trade, events when they happen, the other levels once a
 * second, spread over it; each market, metric and timeframe once, however many rules there
 * are. The hot call compares a trade with the nearest threshold above and below.
 *
 * Bounds: RULES_MAX in all, `owner_max` an owner, RULES_GROUPS_MAX different things watched:
 * FULL, said. An owner is a name of 1..RULES_OWNER_MAX bytes of printable ASCII without
 * blanks: "tg:123456", "local". Memory grows when rules are added, never in rules_trade or
 * rules_step. Core: no I/O, no clock. One thread. */
#pragma once

#include "base/err.h"
#include "fleet/fleet.h"
#include "market/markets.h"
#include "rules/rule_text.h"

enum {
	RULES_MAX = 20000,
	RULES_GROUPS_MAX = 20000,
	RULES_OWNER_MAX = 64,
	RULES_STALE_MS = 10000,
	RULE_MESSAGE_MAX = 191,
	RULE_PACKED_MAX = 512,
};

struct rules_config {
	uint32_t owner_max;     /* rules of an owner; 100 */
	uint32_t owner_day_max; /* told to an owner in a UTC day; 200 */
	int64_t stale_ms;       /* RULES_STALE_MS */
};

enum rule_state { RULE_WAITING, RULE_ARMED, RULE_FIRED };
/* Why nothing is told now; the first that holds. */
enum rule_pause {
	RULE_ACTIVE,
	RULE_MUTED,
	RULE_SNOOZED,
	RULE_CAPPED,       /* its cap of the day is used up */
	RULE_OWNER_CAPPED, /* its owner's */
	RULE_NO_DATA,      /* its market, or what it watches of it, is not known (yet) */
	RULE_STALE,
};
const char *rule_state_text(enum rule_state state); /* "armed" */
const char *rule_pause_text(enum rule_pause pause); /* "muted"; "" of ACTIVE */

/* A copy; lives by itself. */
struct rule_view {
	uint32_t id;
	char owner[RULES_OWNER_MAX + 1];
	struct rule_spec spec;
	bool has_market;
	struct market_id market; /* that it watches */
	enum rule_state state;
	enum rule_pause pause;
	bool known;           /* value, of a level */
	struct decimal value; /* newest, in the metric's unit */
	double distance;      /* from firing, % of the threshold; NAN: not known, or an event */
	bool muted;
	int64_t created_ms;
	int64_t fired_ms;        /* last told; 0: never */
	int64_t snooze_until_ms; /* 0: is not */
	uint64_t fired, suppressed;
	uint32_t fired_today;
};

struct rules_hooks {
	/* It is told. message: one line, valid during the call. In it rules may be read but not
	 * changed. May be NULL. */
	void (*on_fire)(void *ctx, const struct rule_view *rule, struct str message);
	/* What rule_pack writes of it has changed, or it is there no more (rules_find says):
	 * for who stores it. Comes often in lively markets: gather ids. May be NULL. */
	void (*on_change)(void *ctx, uint32_t id);
	void *ctx;
};

struct rules;

struct rules_config rules_config_default(void);
/* markets outlive it. NULL: out of memory. */
struct rules *rules_create(struct markets *markets, const struct rules_config *config,
			   const struct rules_hooks *hooks);
void rules_destroy(struct rules *rules); /* NULL is fine */

/* ---- what people do. owner "" : whoever's rule it is (for who may do all). ---- */

/* NOT_FOUND: no such market; INVALID: it cannot be watched; FULL. err is a sentence. */
MUST_CHECK enum status rules_add(struct rules *rules, struct str owner,
				 const struct rule_spec *spec, uint32_t *id, struct err *err);
/* The condition anew, as if it were added now; counts stay. */
MUST_CHECK enum status rules_edit(struct rules *rules, struct str owner, uint32_t id,
				  const struct rule_spec *spec, struct err *err);
/* NOT_FOUND: the owner has no such rule. */
MUST_CHECK enum status rules_remove(struct rules *rules, struct str owner, uint32_t id);
MUST_CHECK enum status rules_mute(struct rules *rules, struct str owner, uint32_t id, bool muted);
/* 0: ends it. */
MUST_CHECK enum status rules_snooze(struct rules *rules, struct str owner, uint32_t id,
				    int64_t until_ms);
/* Every rule of one who has left; how many. */
size_t rules_remove_owner(struct rules *rules, struct str owner);
bool rules_find(const struct rules *rules, struct str owner, uint32_t id, struct rule_view *out);
/* Closest to firing first, then by id; events behind. Returns how many of at most cap;
 * *total (may be NULL): how many there are. Cold: sorts all. */
size_t rules_board(const struct rules *rules, struct str owner, struct rule_view *out, size_t cap,
		   size_t *total);

/* ---- what happens ---- */

/* Once a turn or every 50 ms or so; before what happens in the turn. now_ms: unix, the
 * venues' time (in a replay that of the newest event). */
void rules_step(struct rules *rules, int64_t now_ms);
/* Hot: a trade newly taken, at the market's present scales. */
void rules_trade(struct rules *rules, const struct market *market, const struct trade *trade);
void rules_liquidation(struct rules *rules, const struct liquidation *liquidation);
void rules_cascade(struct rules *rules, const struct cascade *cascade);
/* fleet_hooks.on_moved. */
void rules_instance(struct rules *rules, const struct instance *instance, enum instance_state from);

int64_t rules_now_ms(const struct rules *rules); /* as told last */

struct rules_counts {
	uint64_t fired, suppressed; /* told; not told */
	uint64_t refused;           /* FULL */
	uint64_t late;              /* trades beyond a threshold that were too old to count */
	uint32_t rules, owners, groups;
};
struct rules_counts rules_counts(const struct rules *rules);

/* ---- the store: one line of text a rule ---- */

/* False: there is no such rule (delete what is stored). At most RULE_PACKED_MAX bytes. */
bool rule_pack(const struct rules *rules, uint32_t id, struct buf *out);
/* Puts one back (any order; before or after its market is there). No hook. EXISTS; FORMAT,
 * VERSION: any bytes are survived; FULL. */
MUST_CHECK enum status rules_restore(struct rules *rules, struct str packed, struct err *err);

/* ---- a dry run over what is in memory (rules_past.c) ---- */

enum { RULE_PAST_MAX = 64 };
struct rule_past {
	bool possible;     /* memory holds what it needs */
	const char *basis; /* "minutes", "samples of open interest" …; not possible: why */
	bool at_least;     /* events of which only the newest are kept */
	struct market_id market;
	bool has_market;
	uint32_t count; /* told, had it been there; cooldown and cap count */
	int64_t from_ms, to_ms;
	int64_t at_ms[RULE_PAST_MAX]; /* the first of them */
};
/* The last 24 h before the newest event. NOT_FOUND, INVALID as of rules_add. Takes up to a few
 * ms: a market's 72 h are gone through. */
MUST_CHECK enum status rules_past(const struct rules *rules, const struct rule_spec *spec,
				  struct rule_past *out, struct err *err);
