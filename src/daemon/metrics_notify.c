/* Alerts out: channels, the throttle, what is muted. */
#include "base/check.h"
#include "daemon/metrics_print.h"
#include "daemon/notifying.h"
#include "store/hush_store.h"

struct column {
	enum metric metric;
	uint64_t (*value)(const struct channel_facts *facts);
};

static uint64_t up(const struct channel_facts *facts) { return facts->on && !facts->bad; }
static uint64_t waiting(const struct channel_facts *facts) { return facts->waiting; }
static uint64_t delivered(const struct channel_facts *facts) { return facts->counts.delivered; }
static uint64_t retried(const struct channel_facts *facts) { return facts->counts.retried; }
static uint64_t given_up(const struct channel_facts *facts) { return facts->counts.given_up; }
static uint64_t dropped(const struct channel_facts *facts) { return facts->counts.dropped; }

static const struct column columns[] = {
	{ METRIC_notify_up, up },
	{ METRIC_notify_waiting, waiting },
	{ METRIC_notify_delivered, delivered },
	{ METRIC_notify_retried, retried },
	{ METRIC_notify_given_up, given_up },
	{ METRIC_notify_dropped, dropped },
};

/* Of channels that have somewhere to send to. */
static void put_column(struct notifier *notifier, const struct column *column, struct buf *out)
{
	metric_head(out, column->metric);
	for (enum channel channel = 0; channel < CHANNEL_COUNT; channel++) {
		const struct channel_facts *facts = notifier_facts(notifier, channel);
		const struct str label = str_of(channel_name(channel));
		if (facts->on)
			metric_sample(out, column->metric, &label, 1, column->value(facts));
	}
}

void metrics_notify_print(struct daemon *daemon, struct buf *out)
{
	struct notifying *notifying = daemon_notifying(daemon);
	struct notifier *notifier = notifying ? notifying_notifier(notifying) : NULL;
	if (notifier) {
		const struct throttle_counts throttled = notifier_throttled(notifier);
		for (size_t i = 0; i < ARRAY_LEN(columns); i++)
			put_column(notifier, &columns[i], out);
		metrics_put(out, METRIC_notify_held, throttled.held);
		metrics_put(out, METRIC_notify_digests, throttled.digests);
		metrics_put(out, METRIC_notify_spared, throttled.spared);
	}
	if (daemon_hush_store(daemon))
		metrics_put(out, METRIC_alert_hushes_failed,
			    hush_store_counts(daemon_hush_store(daemon)).failed);
}
