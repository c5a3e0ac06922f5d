#include "store/execution_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "store/command_text.h"

/* As long as their makers let them be, and none too long for a hash that stays a listpack. */
enum { WHY_MAX = 64, ID_MAX = 64, INSTANCE_MAX = 64 };

/* So long after a connection began, nothing of the one before is still on its way. */
static const int64_t straggle_ns = INT64_C(2000000000);

/* A segment, and the sweep of it. */
struct side {
	struct execution_store *store;
	struct redis_port *redis;
	struct str (*prefix)(void);
	struct str (*name)(struct key *key, uint64_t sid, struct str instance);
	bool sweeping;
};

struct execution_store {
	struct side execution, reconciliation;
	struct timers *timers;
	const struct clock_port *clock;
	struct execution_store_hooks hooks;
	struct timer timer;
	struct command_text text;
	bool started, sweep_due, paused;
	struct execution_store_counts counts;
};

/* ---- commands ---- */

/* A sweep puts right what was left; the sooner ones do for later ones. */
static void want_sweep(struct execution_store *store)
{
	if (!store->started || store->sweep_due)
		return;
	store->sweep_due = true;
	timers_arm(store->timers, &store->timer, clock_monotonic_ns(store->clock) + straggle_ns);
}

static bool send_text(struct side *side, redis_reply_fn fn)
{
	struct execution_store *store = side->store;
	return redis_pending_bytes(side->redis) <= EXECUTION_STORE_BYTES &&
	       redis_command(side->redis, store->text.words, store->text.count, fn, side) ==
		   STATUS_OK;
}

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct side *side = ctx;
	(void)reply;
	side->store->counts.failed += status != STATUS_OK;
	/* A connection that ended may have left what should have gone. */
	if (status)
		want_sweep(side->store);
}

static void begin(struct side *side, struct str verb, uint64_t sid, struct str instance)
{
	struct key key;
	command_begin(&side->store->text, verb);
	command_copy(&side->store->text, side->name(&key, sid, instance));
}

static bool is_named(struct str instance) { return instance.len && instance.len <= INSTANCE_MAX; }

static struct str cut(struct str text, size_t max)
{
	return text.len <= max ? text : str_make(text.ptr, max);
}

static void finish(struct side *side, uint64_t *sent)
{
	if (send_text(side, on_written))
		++*sent;
	else
		side->store->counts.dropped++;
}

static void remove_hash(struct side *side, uint64_t sid, struct str instance)
{
	begin(side, STR("UNLINK"), sid, instance);
	if (send_text(side, on_written))
		side->store->counts.removed++;
	else
		want_sweep(side->store);
}

/* ---- what is told ---- */

void execution_store_pause(struct execution_store *store, bool on) { store->paused = on; }

void execution_store_step(struct execution_store *store, const struct execution_step *step)
{
	struct command_text *text = &store->text;
	struct str kind = str_of(delivery_step_text(step->kind));
	if (!is_named(step->instance))
		return;
	if (store->paused) {
		store->counts.dropped++;
		return;
	}
	begin(&store->execution, STR("HSET"), step->sid, step->instance);
	command_pair(text, STR("ins"), step->instance);
	command_pair(text, STR("st"), kind);
	command_pair_i64(text, kind, step->at_ms);
	command_pair_i64(text, STR("try"), step->sent);
	if (step->why.len)
		command_pair(text, STR("why"), cut(step->why, WHY_MAX));
	finish(&store->execution, &store->counts.steps);
}

void execution_store_unknown(struct execution_store *store, const struct execution_unknown *unknown)
{
	struct command_text *text = &store->text;
	if (!is_named(unknown->instance))
		return;
	begin(&store->reconciliation, STR("HSET"), unknown->sid, unknown->instance);
	command_pair(text, STR("ins"), unknown->instance);
	command_pair(text, STR("id"), cut(unknown->id, ID_MAX));
	command_pair_i64(text, STR("t"), unknown->since_ms);
	command_pair(text, STR("why"), cut(unknown->why, WHY_MAX));
	command_pair_i64(text, STR("n"), unknown->asked);
	finish(&store->reconciliation, &store->counts.unknowns);
}

void execution_store_matched(struct execution_store *store, uint64_t sid, struct str instance)
{
	if (is_named(instance))
		remove_hash(&store->reconciliation, sid, instance);
}

void execution_store_archived(struct execution_store *store, uint64_t sid, struct str instance)
{
	if (!is_named(instance))
		return;
	remove_hash(&store->execution, sid, instance);
	remove_hash(&store->reconciliation, sid, instance);
}

/* ---- what nobody stands for any more ---- */

static void scan(struct side *side, struct str cursor);

/* PREFIX:SID-INSTANCE; another's is not ours to judge. */
static bool is_stale(const struct side *side, struct str name)
{
	const struct execution_store *store = side->store;
	struct str prefix = side->prefix();
	uint64_t sid;
	if (!str_starts(name, prefix))
		return false;
	struct str rest = str_skip(name, prefix.len);
	size_t dash = str_find_char(rest, '-');
	if (dash >= rest.len || str_to_u64(str_make(rest.ptr, dash), &sid))
		return false;
	return !store->hooks.is_under_way(store->hooks.ctx, sid, str_skip(rest, dash + 1));
}

static void sweep_failed(struct side *side)
{
	side->sweeping = false;
	want_sweep(side->store);
}

static bool remove_many(struct side *side)
{
	struct execution_store *store = side->store;
	size_t keys = store->text.count - 1;
	if (!keys)
		return true;
	if (!send_text(side, on_written))
		return false;
	store->counts.swept += keys;
	command_begin(&store->text, STR("UNLINK"));
	return true;
}

static bool remove_stale(struct side *side, const struct redis_reply *names)
{
	struct command_text *text = &side->store->text;
	command_begin(text, STR("UNLINK"));
	for (size_t i = 0; i < names->count; i++) {
		if (!is_stale(side, names->items[i].text))
			continue;
		command_word(text, names->items[i].text);
		if (text->count == COMMAND_WORDS_MAX && !remove_many(side))
			return false;
	}
	return remove_many(side);
}

static void on_names(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct side *side = ctx;
	side->store->counts.failed += status != STATUS_OK;
	bool good = !status && reply->type == REDIS_ARRAY && reply->count == 2 &&
		    remove_stale(side, &reply->items[1]);
	if (!good)
		sweep_failed(side);
	else if (str_eq(reply->items[0].text, STR("0")))
		side->sweeping = false;
	else
		scan(side, reply->items[0].text);
}

static void scan(struct side *side, struct str cursor)
{
	struct command_text *text = &side->store->text;
	side->sweeping = true;
	command_begin(text, STR("SCAN"));
	command_word(text, cursor);
	command_pair(text, STR("COUNT"), STR("512"));
	if (!send_text(side, on_names))
		sweep_failed(side);
}

static void on_timer(void *ctx)
{
	struct execution_store *store = ctx;
	store->sweep_due = false;
	if (store->execution.sweeping || store->reconciliation.sweeping) {
		want_sweep(store);
		return;
	}
	store->counts.sweeps++;
	scan(&store->execution, STR("0"));
	scan(&store->reconciliation, STR("0"));
}

void execution_store_start(struct execution_store *store)
{
	store->started = true;
	want_sweep(store);
}

/* What was said before may still arrive: from now on. */
void execution_store_reconnected(struct execution_store *store)
{
	store->sweep_due = false;
	want_sweep(store);
}

/* ---- life ---- */

struct execution_store *execution_store_create(struct redis_port *rls, struct redis_port *rtrs,
					       struct timers *timers,
					       const struct clock_port *clock,
					       const struct execution_store_hooks *hooks)
{
	struct execution_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->execution = (struct side){ .store = store,
					  .redis = rls,
					  .prefix = key_trade_execution_prefix,
					  .name = key_trade_execution };
	store->reconciliation = (struct side){ .store = store,
					       .redis = rtrs,
					       .prefix = key_reconciliation_prefix,
					       .name = key_reconciliation };
	store->timers = timers;
	store->clock = clock;
	store->hooks = *hooks;
	store->timer = (struct timer){ .fn = on_timer, .ctx = store };
	return store;
}

void execution_store_destroy(struct execution_store *store)
{
	if (!store)
		return;
	timers_cancel(store->timers, &store->timer);
	free(store);
}

struct execution_store_counts execution_store_counts(const struct execution_store *store)
{
	return store->counts;
}
