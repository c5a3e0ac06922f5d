/* rules_impl.h - what rules*.c share.
 *
 * What is watched is a group: a metric of a market, an asset or a terminal, with its
 * timeframe. Its rules lie in two queues by the value at which something happens to them next:
 * `up` those that wait for a value of at least `bound` (the least last), `down` those that
 * wait for one of at most `bound` (the greatest last). A rule of a level is in one of the two,
 * for its firing or for its arming; a rule of an event is always in `up`, and stays there.
 * Bounds and values are integers at the group's scale, cut to 64 bits: what lies beyond
 * cannot be reached, or is passed always. */
#pragma once

#include "rules/rules.h"

enum {
	RULE_BLOCK = 256, /* rules of the pool come in blocks */
	RULE_BLOCKS = (RULES_MAX + RULE_BLOCK - 1) / RULE_BLOCK,
	RULE_BUCKETS = 32768, /* of ids, and of groups and owners by name; a power of two */
	RULE_MARKETS = 1024,  /* of markets by address; a power of two */
	RULE_SLOTS = 32768,   /* terminals of which SUSPECT is known */
	RULE_KEY_MAX = 96,
	RULE_MILLIONTHS = 6,
	RULE_DOLLAR_SCALE = 8,
	RULE_FUNDING_SCALE = 16, /* of the percentage */
	RULE_CACHE_LINE = 64,
	RULE_LOT = 32,  /* groups that are looked at together */
	RULE_AHEAD = 2, /* rules of a queue that are brought near before they are crossed */
};
#define RULE_ROUND_MS INT64_C(1000)
#define RULE_DAY_MS   INT64_C(86400000)

struct rule;

struct rule_entry {
	int64_t bound;
	struct rule *rule;
};

struct rule_queue {
	struct rule_entry *at; /* the nearest last */
	uint32_t n, cap;
};

/* What is read of it each second stands first. */
struct rule_group {
	const struct market *market; /* NULL: none, or not there yet */
	enum rule_metric metric;
	int32_t minutes;
	int32_t scale; /* of bounds and values */
	bool busy;     /* in use: it does not go with its last rule */
	bool has_market, has_median, closed_known;
	int64_t above, below; /* the nearest bounds, at which something happens */
	/* of the value looked at last: the newest time it is of, and a sample's quantity */
	int64_t looked_ms, looked_qty;
	/* of a delta or volume: what its window holds before the newest minute */
	int64_t closed_ms; /* that minute */
	i128 closed_buy, closed_sell;
	int32_t closed_scale;
	/* of a volume: the open bar, and the median of those before it, as of then */
	int64_t bar_ms, median_ms;
	double median;
	struct rule_queue up, down;
	struct rule_watch *watch; /* of a price */
	uint32_t place;           /* in groups[] */
	uint32_t rules;
	struct rule_group *chain; /* of the bucket */
	uint64_t hash;
	char key[RULE_KEY_MAX + 1];
	struct market_id id;
};

struct rule_owner {
	struct rule_owner *chain;
	uint64_t hash;
	char name[RULES_OWNER_MAX + 1];
	uint32_t rules;
	int64_t day; /* of `today` */
	uint32_t today;
};

/* What is read when it is crossed stands first. */
struct rule {
	struct rule_group *group;
	int64_t bound; /* at which something happens to it next */
	bool up;       /* in which queue of the group it waits for that */
	bool used, muted, has_market;
	uint32_t id;
	enum rule_state state;
	uint32_t today;
	int64_t day; /* of `today` */
	int64_t fired_ms, snooze_until_ms;
	struct rule_owner *owner;
	struct rule_spec spec;
	uint64_t fired, suppressed;
	int64_t created_ms;
	struct market_id market;
	struct rule *chain; /* of the bucket of ids, or of the free ones */
};

/* A market with what a trade is compared with: one line of the cache. */
struct rule_watch {
	_Alignas(RULE_CACHE_LINE) const struct market *market; /* NULL: the place is empty */
	int64_t up, down;                                      /* nearest bounds of the price */
	double whale_near; /* notional at the scales, a little below the least */
	int32_t price_scale, qty_scale;
	struct rule_group *price, *whale;
};

/* What the open minute of a market holds, as long as no trade can come between. */
struct rule_minute {
	const struct market *market; /* NULL: not looked up */
	i128 buy, sell;
};

struct rules {
	void *memory; /* that it lies in */
	struct markets *markets;
	int64_t now_ms;
	int64_t due_ms;   /* when the next group is looked at */
	int64_t round_ms; /* when the round of the second began */
	size_t n_markets; /* that are bound */
	bool round_begun;
	bool telling;  /* inside on_fire */
	uint32_t next; /* group of the round */
	struct rules_config config;
	struct rules_hooks hooks;
	struct rules_counts counts;
	struct rule_minute minute;
	uint32_t last_id;
	struct rule **hit; /* rules that an event has reached; room for all there are */
	uint32_t hit_cap;
	struct rule_group **groups;
	uint32_t groups_cap;
	struct rule *free;
	uint32_t touched; /* rules of the blocks that were ever used */
	struct rule *blocks[RULE_BLOCKS];
	struct rule *ids[RULE_BUCKETS];
	struct rule_group *by_key[RULE_BUCKETS];
	struct rule_owner *owners[RULE_BUCKETS];
	uint8_t suspect[RULE_SLOTS / 8];
	struct rule_watch watches[RULE_MARKETS]; /* by address, linear probes */
};

/* ---- rules_pool.c: rules, owners ---- */

struct rule *rule_find(const struct rules *rules, uint32_t id);
struct rule *rule_of(const struct rules *rules, struct str owner, uint32_t id); /* "": anybody's */
/* With room for it where events gather theirs. NULL: no room, or no memory. */
struct rule *rule_take(struct rules *rules, uint32_t id);
void rule_release(struct rules *rules, struct rule *rule);
struct rule_owner *rule_owner_find(const struct rules *rules, struct str name);
struct rule_owner *rule_owner_take(struct rules *rules, struct str name); /* NULL: no memory */
/* One without rules goes, unless what he was told today still counts. */
void rule_owner_release(struct rules *rules, struct rule_owner *owner);

/* ---- rules_queue.c ---- */

bool rule_queue_reserve(struct rule_queue *queue, uint32_t n); /* false: no memory */
/* There is room. Of the same bound, the one put last is the nearest. */
void rule_queue_put(struct rule_queue *queue, bool up, struct rule *rule, int64_t bound);
void rule_queue_remove(struct rule_queue *queue, const struct rule *rule);
void rule_queue_sort(struct rule_queue *queue, bool up); /* bounds have changed */

/* ---- rules_group.c: groups, what trades are compared with ---- */

/* The group of the spec and market; made when not there. NULL: no room, no memory. */
struct rule_group *rule_group_take(struct rules *rules, const struct rule_spec *spec,
				   const struct market_id *market);
struct rule_group *rule_group_find(const struct rules *rules, struct str key);
void rule_group_key(struct buf *key, enum rule_metric metric, int32_t minutes, struct str of);
/* Puts the rule in, to wait for its firing or its arming as its state says; takes it out. */
MUST_CHECK enum status rule_group_add(struct rules *rules, struct rule_group *group,
				      struct rule *rule);
void rule_group_remove(struct rules *rules, struct rule *rule);
/* Room for one more: adding cannot fail then. */
MUST_CHECK enum status rule_group_reserve(struct rule_group *group);
/* A new value: rules that it reaches are armed or told. */
void rule_group_value(struct rules *rules, struct rule_group *group, int64_t value);
/* Rules of an event that `value` reaches, into rules->hit. */
uint32_t rule_group_hit(struct rules *rules, const struct rule_group *group, int64_t value);
/* One of no rules goes, unless it is busy. */
void rule_group_drop(struct rules *rules, struct rule_group *group);
void rule_group_rescale(struct rules *rules, struct rule_group *group, int32_t scale);
/* Markets that have come. */
void rules_bind(struct rules *rules);
struct rule_watch *rules_watch(struct rules *rules, const struct market *market); /* NULL */
/* The market's digits may have risen. */
void rule_watch_rescale(struct rules *rules, struct rule_watch *watch);
/* When `spec` fires at this scale: at values of at least (ABOVE, FROM) or at most *bound. */
int64_t rule_bound(const struct rule_spec *spec, int32_t scale);
/* When it is armed again after it was told. */
int64_t rule_arm_bound(const struct rule_spec *spec, int32_t scale, bool told);
static inline bool rule_is_up(const struct rule_spec *spec) { return spec->op <= RULE_FROM; }

/* ---- rules_value.c ---- */

/* The newest value at *scale. False: not known; *stale: it is old. */
bool rule_value(const struct market *market, enum rule_metric metric, int32_t minutes,
		int64_t now_ms, int64_t stale_ms, int64_t *value, int32_t *scale, bool *stale);
/* Change of open interest within `minutes` to the sample at t_ms, millionths of a percent. */
bool rule_oi_change(const struct rates *rates, struct oi_sample newest, int32_t minutes,
		    int64_t *value);
int64_t rule_cut(i128 value); /* to 64 bits */
/* A notional × 10^-scale in dollars at RULE_DOLLAR_SCALE, cut. */
int64_t rule_dollars(i128 notional, int32_t scale);
/* Volume over its trimmed median, millionths of a percent. */
bool rule_volume(const struct market *market, int32_t minutes, int64_t *value);
/* The same of a group, once a second: false also where nothing is new since the last look.
 * Minutes before the newest are summed once a minute (and while late trades may still come
 * into them), a volume's median with each bar and once a minute. */
bool rule_look(struct rules *rules, struct rule_group *group, int64_t *value, int32_t *scale);

/* ---- rules_tell.c ---- */

/* What brought it about; for the message. */
struct rule_cause {
	struct rule *rule;
	int64_t value;               /* of a level, at the group's scale */
	const struct market *market; /* may be NULL */
	const struct trade *trade;
	const struct liquidation *liquidation;
	const struct cascade *cascade;
	const struct instance *instance;
	enum instance_state from;
	bool suspect;
};
/* It is told unless it may not be. The rule may be gone afterwards. */
void rule_tell(struct rules *rules, const struct rule_cause *cause);
void rule_changed(struct rules *rules, uint32_t id);
void rule_remove(struct rules *rules, struct rule *rule);
uint32_t rule_told_today(const struct rules *rules, const struct rule *rule);
uint32_t rule_owner_told_today(const struct rules *rules, const struct rule_owner *owner);
enum rule_pause rule_pause_of(const struct rules *rules, const struct rule *rule);

/* ---- rules.c ---- */

/* The market that a rule of this spec watches. */
MUST_CHECK enum status rules_choose(const struct rules *rules, const struct rule_spec *spec,
				    bool *has_market, struct market_id *out, struct err *err);
bool rule_is_owner(struct str owner); /* a name that one may have */
/* A rule that was stored: *from, whose group, owner and place are not known. */
MUST_CHECK enum status rules_put(struct rules *rules, struct str owner, const struct rule *from,
				 struct err *err);
void rule_view_of(const struct rules *rules, const struct rule *rule, struct rule_view *out);
/* Without what must be looked up: pause, value, distance. */
void rule_view_plain(const struct rules *rules, const struct rule *rule, struct rule_view *out);
