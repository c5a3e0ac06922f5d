/* Where alerts are kept: a fixed pool, a hash table over it, and the ones at rest in
 * the order in which they came to rest. */
#include "alert/alert_impl.h"
#include "base/check.h"

_Static_assert((ALERT_BUCKETS & (ALERT_BUCKETS - 1)) == 0, "buckets are masked");

struct str alert_cut(struct str text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max && ((unsigned char)text.ptr[max] & 0xC0) == 0x80)
		max--;
	return str_make(text.ptr, max);
}

static uint64_t hash_of(enum alert_rule rule, struct str scope)
{
	return str_hash(scope) + (uint64_t)rule * ALERT_HASH_SEED;
}

static struct alert **bucket_of(struct alerts *alerts, uint64_t hash)
{
	return &alerts->buckets[hash & (ALERT_BUCKETS - 1)];
}

struct alert *alert_find(const struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	scope = alert_cut(scope, ALERT_SCOPE_MAX);
	uint64_t hash = hash_of(rule, scope);
	struct alert *alert = alerts->buckets[hash & (ALERT_BUCKETS - 1)];
	while (alert && (alert->hash != hash || alert->view.rule != rule ||
			 !str_eq(str_of(alert->view.scope), scope)))
		alert = alert->chain;
	return alert;
}

void alert_set_idle(struct alert *alert, bool idle)
{
	struct alerts *alerts = alert->owner;
	if (alert->idle == idle)
		return;
	alert->idle = idle;
	if (idle) {
		alert->newer = NULL;
		alert->older = alerts->newest;
		*(alert->older ? &alert->older->newer : &alerts->oldest) = alert;
		alerts->newest = alert;
		return;
	}
	*(alert->older ? &alert->older->newer : &alerts->oldest) = alert->newer;
	*(alert->newer ? &alert->newer->older : &alerts->newest) = alert->older;
}

void alert_release(struct alert *alert)
{
	struct alerts *alerts = alert->owner;
	struct alert **link = bucket_of(alerts, alert->hash);
	CHECK(alert->used && alert_at_rest(alert));
	timers_cancel(alerts->timers, &alert->timer);
	alert_set_idle(alert, false);
	while (*link != alert)
		link = &(*link)->chain;
	*link = alert->chain;
	alerts->rules[alert->view.rule].used--;
	alert->used = false;
	alert->chain = alerts->free;
	alerts->free = alert;
}

static struct alert *take_free(struct alerts *alerts)
{
	if (!alerts->free && alerts->touched < ALERTS_MAX)
		return &alerts->pool[alerts->touched++];
	if (!alerts->free && alerts->oldest)
		alert_release(alerts->oldest);
	struct alert *alert = alerts->free;
	if (alert)
		alerts->free = alert->chain;
	return alert;
}

static void on_timer(void *ctx) { alert_advance(ctx); }

struct alert *alert_take(struct alerts *alerts, enum alert_rule rule, struct str scope)
{
	scope = alert_cut(scope, ALERT_SCOPE_MAX);
	struct alert *alert = take_free(alerts);
	if (!alert) {
		alerts->counts.refused++;
		return NULL;
	}
	*alert = (struct alert){ .owner = alerts,
				 .timer = { .fn = on_timer, .ctx = alert },
				 .hash = hash_of(rule, scope),
				 .used = true,
				 .cooldown_until_ns = INT64_MIN,
				 .mute_until_ns = alert_hush_until_ns(alerts, rule, scope) };
	alert->view.rule = rule;
	memcpy(alert->view.scope, scope.ptr, scope.len);
	struct alert **bucket = bucket_of(alerts, alert->hash);
	alert->chain = *bucket;
	*bucket = alert;
	alerts->rules[rule].used++;
	return alert;
}
