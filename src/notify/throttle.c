#include "notify/throttle.h"

#include <stdlib.h>

#include "base/check.h"

static const int64_t minute_ns = INT64_C(60000000000);

struct source {
	const char *name;                         /* the table's text */
	int64_t sent_ns[THROTTLE_PER_MINUTE_MAX]; /* a ring; INT64_MIN: never */
	uint32_t next;
	struct throttle_item items[THROTTLE_HELD];
	size_t n;
	uint64_t more;
};

struct throttle {
	uint32_t per_minute;
	struct throttle_counts counts;
	size_t n_sources;
	struct source sources[THROTTLE_SOURCES];
};

struct throttle *throttle_create(void)
{
	struct throttle *throttle = calloc(1, sizeof *throttle);
	if (throttle)
		throttle->per_minute = 5;
	return throttle;
}

void throttle_destroy(struct throttle *throttle) { free(throttle); }

void throttle_set(struct throttle *throttle, uint32_t per_minute)
{
	CHECK(per_minute > 0 && per_minute <= THROTTLE_PER_MINUTE_MAX);
	throttle->per_minute = per_minute;
}

struct throttle_counts throttle_counts(const struct throttle *throttle) { return throttle->counts; }

static struct source *source_of(struct throttle *throttle, const char *name)
{
	size_t i = 0;
	while (i < throttle->n_sources && strcmp(throttle->sources[i].name, name) != 0)
		i++;
	CHECK(i < THROTTLE_SOURCES); /* the table has fewer kinds: test_notify */
	struct source *source = &throttle->sources[i];
	if (i == throttle->n_sources) {
		throttle->n_sources++;
		source->name = name;
		for (size_t j = 0; j < THROTTLE_PER_MINUTE_MAX; j++)
			source->sent_ns[j] = INT64_MIN;
	}
	return source;
}

/* When the source may speak: a minute after the message before its newest per_minute ones. */
static int64_t free_ns(const struct throttle *throttle, const struct source *source)
{
	uint32_t at = (source->next + THROTTLE_PER_MINUTE_MAX - throttle->per_minute) %
		      THROTTLE_PER_MINUTE_MAX;
	int64_t sent_ns = source->sent_ns[at];
	return sent_ns == INT64_MIN ? INT64_MIN : sent_ns + minute_ns;
}

static void spend(struct source *source, int64_t now_ns)
{
	source->sent_ns[source->next] = now_ns;
	source->next = (source->next + 1) % THROTTLE_PER_MINUTE_MAX;
}

/* ---- what is held ---- */

static struct throttle_item *held_of(struct source *source, const struct alert_view *view)
{
	for (size_t i = 0; i < source->n; i++)
		if (source->items[i].view.rule == view->rule &&
		    strcmp(source->items[i].view.scope, view->scope) == 0)
			return &source->items[i];
	return NULL;
}

static void fold(struct throttle *throttle, struct source *source, struct throttle_item *item,
		 enum alert_notice notice, const struct alert_view *view)
{
	if (item->notice == ALERT_FIRED && notice == ALERT_ENDED && !item->known) {
		size_t at = (size_t)(item - source->items);
		memmove(item, item + 1, (--source->n - at) * sizeof *item);
		throttle->counts.spared++;
		return;
	}
	if (item->notice != ALERT_FIRED || notice != ALERT_SAID_AGAIN)
		item->notice = notice;
	item->view = *view;
}

static void hold(struct throttle *throttle, struct source *source, enum alert_notice notice,
		 const struct alert_view *view)
{
	struct throttle_item *item = held_of(source, view);
	throttle->counts.held++;
	if (item)
		fold(throttle, source, item, notice, view);
	else if (source->n < THROTTLE_HELD)
		source->items[source->n++] =
		    (struct throttle_item){ notice, *view, notice != ALERT_FIRED };
	else
		source->more++;
}

static bool holds(const struct source *source) { return source->n || source->more; }

bool throttle_take(struct throttle *throttle, enum alert_notice notice,
		   const struct alert_view *view, int64_t now_ns)
{
	struct source *source = source_of(throttle, alert_row(view->rule)->kind);
	if (holds(source) || free_ns(throttle, source) > now_ns) {
		hold(throttle, source, notice, view);
		return false;
	}
	spend(source, now_ns);
	throttle->counts.sent++;
	return true;
}

bool throttle_due(struct throttle *throttle, int64_t now_ns, struct throttle_digest *out)
{
	for (size_t i = 0; i < throttle->n_sources; i++) {
		struct source *source = &throttle->sources[i];
		if (!holds(source) || free_ns(throttle, source) > now_ns)
			continue;
		*out = (struct throttle_digest){ source->name, source->items, source->n,
						 source->more };
		spend(source, now_ns);
		source->n = 0;
		source->more = 0;
		throttle->counts.digests++;
		return true;
	}
	return false;
}

int64_t throttle_next_ns(const struct throttle *throttle)
{
	int64_t next_ns = INT64_MAX;
	for (size_t i = 0; i < throttle->n_sources; i++) {
		const struct source *source = &throttle->sources[i];
		if (holds(source) && free_ns(throttle, source) < next_ns)
			next_ns = free_ns(throttle, source);
	}
	return next_ns;
}
