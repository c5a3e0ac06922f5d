/* notifier.h - weir's alerts out: the channels of def/channels.def, and once a day the word that
 * all is clear, or what is not.
 *
 *   alerts told → throttle (5 a minute of each source) → webhook
 *               → alertmanager (a state; it throttles by itself)
 *   the loop turns → deadman
 *   the hour of the day → webhook, on_daily (Telegram)
 *
 * Channels have nothing to do with each other and nothing else waits for them: queues are
 * bounded, requests have deadlines, what cannot be delivered is counted. Uses five timers and
 * those of the HTTP client. Loop thread. */
#pragma once

#include "def/channels.h"
#include "notify/channel.h"
#include "notify/payload.h"
#include "notify/throttle.h"

enum { NOTIFIER_TIMERS = 5 };

struct notifier;

enum notifier_daily { NOTIFIER_DAILY_OFF, NOTIFIER_DAILY_SILENT, NOTIFIER_DAILY_ON };

struct notifier_settings {
	struct str name; /* which weir speaks */
	struct str webhook_url, webhook_secret;
	struct str alertmanager_url;
	int64_t alertmanager_timeout_ns;
	struct str deadman_url;
	bool deadman_posts;
	int64_t deadman_interval_ns;
	uint32_t per_minute;
	enum alert_severity least; /* of what webhook and Alertmanager are told */
	enum notifier_daily daily;
	int daily_hour; /* UTC */
};

struct notifier_hooks {
	/* A channel's tries fail, or are taken again. why: one line without the URL. */
	void (*on_channel)(void *ctx, enum channel channel, bool bad, const char *why);
	/* The word of the day, for who tells people. */
	void (*on_daily)(void *ctx, struct str text, bool silent);
	void *ctx;
};

struct notifier *notifier_create(const struct channel_net *net, const struct alerts *alerts,
				 const struct notifier_hooks *hooks, uint64_t seed);
void notifier_destroy(struct notifier *notifier); /* what waits is dropped; NULL is fine */
/* Copied. At first, and when they have changed; at first it begins. RANGE: one is too long,
 * err says which. */
MUST_CHECK enum status notifier_set(struct notifier *notifier,
				    const struct notifier_settings *settings, const char **which);
void notifier_alert(struct notifier *notifier, enum alert_notice notice,
		    const struct alert_view *view);
const struct channel_facts *notifier_facts(struct notifier *notifier, enum channel channel);
struct throttle_counts notifier_throttled(const struct notifier *notifier);
