#include "notify/notifier.h"

#include <stdlib.h>

#include "base/check.h"
#include "notify/alertmanager.h"
#include "notify/deadman.h"
#include "notify/webhook.h"

enum { NAME_BYTES = 128, DAY_TEXT_BYTES = 256 };
#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
static const int64_t look_ns = 1000000000, ms_ns = 1000000;

struct notifier {
	struct channel_net net;
	const struct alerts *alerts;
	struct notifier_hooks hooks;
	struct throttle *throttle;
	struct webhook *webhook;
	struct alertmanager *alertmanager;
	struct deadman *deadman;
	struct timer throttle_timer, look_timer;
	char name[NAME_BYTES];
	enum alert_severity least;
	enum notifier_daily daily;
	int64_t daily_ms; /* of the day */
	int64_t next_daily_ms;
	uint64_t day_fired, day_ended; /* of the alerts' counts at the day's beginning */
	bool bad[CHANNEL_COUNT];
	struct buf body;
};

static int64_t wall_ms(const struct notifier *notifier)
{
	return clock_wall_ns(notifier->net.clock) / ms_ns;
}

static struct str name_of(const struct notifier *notifier) { return str_of(notifier->name); }

const struct channel_facts *notifier_facts(struct notifier *notifier, enum channel channel)
{
	switch (channel) {
	case CHANNEL_webhook: return webhook_facts(notifier->webhook);
	case CHANNEL_alertmanager: return alertmanager_facts(notifier->alertmanager);
	case CHANNEL_deadman: return deadman_facts(notifier->deadman);
	default: CHECK(!"a channel");
	}
	return NULL;
}

struct throttle_counts notifier_throttled(const struct notifier *notifier)
{
	return throttle_counts(notifier->throttle);
}

/* ---- the webhook ---- */

static void put_body(struct notifier *notifier)
{
	if (!notifier->body.overflow)
		webhook_put(notifier->webhook, buf_str(&notifier->body));
}

static void arm_throttle(struct notifier *notifier)
{
	int64_t next_ns = throttle_next_ns(notifier->throttle);
	if (next_ns == INT64_MAX)
		timers_cancel(notifier->net.timers, &notifier->throttle_timer);
	else
		timers_arm(notifier->net.timers, &notifier->throttle_timer, next_ns);
}

static void on_throttle(void *ctx)
{
	struct notifier *notifier = ctx;
	struct throttle_digest digest;
	while (throttle_due(notifier->throttle, clock_monotonic_ns(notifier->net.clock), &digest)) {
		buf_clear(&notifier->body);
		payload_digest(&notifier->body, name_of(notifier), &digest, wall_ms(notifier));
		put_body(notifier);
	}
	arm_throttle(notifier);
}

static void tell_webhook(struct notifier *notifier, enum alert_notice notice,
			 const struct alert_view *view)
{
	int64_t now_ns = clock_monotonic_ns(notifier->net.clock);
	if (!webhook_facts(notifier->webhook)->on)
		return;
	if (throttle_take(notifier->throttle, notice, view, now_ns)) {
		buf_clear(&notifier->body);
		payload_alert(&notifier->body, name_of(notifier), notice, view, wall_ms(notifier));
		put_body(notifier);
	}
	arm_throttle(notifier);
}

void notifier_alert(struct notifier *notifier, enum alert_notice notice,
		    const struct alert_view *view)
{
	if (!channel_wants(notifier->least, view->rule))
		return;
	tell_webhook(notifier, notice, view);
	alertmanager_poke(notifier->alertmanager);
}

/* ---- once a day ---- */

static struct payload_day day_of(const struct notifier *notifier)
{
	const struct alerts_counts counts = alerts_counts(notifier->alerts);
	return (struct payload_day){ counts.active, counts.fired - notifier->day_fired,
				     counts.ended - notifier->day_ended,
				     notifier->daily == NOTIFIER_DAILY_SILENT };
}

static void tell_day(struct notifier *notifier)
{
	const struct alerts_counts counts = alerts_counts(notifier->alerts);
	const struct payload_day day = day_of(notifier);
	char storage[DAY_TEXT_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	buf_clear(&notifier->body);
	payload_daily(&notifier->body, name_of(notifier), &day, wall_ms(notifier));
	put_body(notifier);
	if (day.firing)
		buf_printf(&text, "Not all is clear: %u %s.", day.firing,
			   day.firing == 1 ? "alert fires" : "alerts fire");
	else
		buf_printf(&text, "All is clear.");
	buf_printf(&text, " Since the last word %llu fired and %llu ended.",
		   (unsigned long long)day.fired, (unsigned long long)day.ended);
	if (notifier->hooks.on_daily)
		notifier->hooks.on_daily(notifier->hooks.ctx, buf_str(&text), day.silent);
	notifier->day_fired = counts.fired;
	notifier->day_ended = counts.ended;
}

/* The next time that it is the hour. */
static int64_t next_daily_ms(const struct notifier *notifier)
{
	int64_t now_ms = wall_ms(notifier), today_ms = now_ms - now_ms % DAY_MS;
	int64_t at_ms = today_ms + notifier->daily_ms;
	return at_ms > now_ms ? at_ms : at_ms + DAY_MS;
}

static void look_at_day(struct notifier *notifier)
{
	int64_t next_ms = next_daily_ms(notifier);
	bool is_time = wall_ms(notifier) >= notifier->next_daily_ms;
	if (is_time && notifier->daily != NOTIFIER_DAILY_OFF)
		tell_day(notifier);
	if (is_time || next_ms < notifier->next_daily_ms) /* or the clock was put back */
		notifier->next_daily_ms = next_ms;
}

/* ---- each second ---- */

static void look_at_channels(struct notifier *notifier)
{
	for (enum channel channel = 0; channel < CHANNEL_COUNT; channel++) {
		const struct channel_facts *facts = notifier_facts(notifier, channel);
		bool bad = facts->on && facts->bad;
		if (bad == notifier->bad[channel])
			continue;
		notifier->bad[channel] = bad;
		if (notifier->hooks.on_channel)
			notifier->hooks.on_channel(notifier->hooks.ctx, channel, bad, facts->why);
	}
}

static void on_look(void *ctx)
{
	struct notifier *notifier = ctx;
	look_at_channels(notifier);
	look_at_day(notifier);
	timers_arm(notifier->net.timers, &notifier->look_timer,
		   clock_monotonic_ns(notifier->net.clock) + look_ns);
}

/* ---- its life ---- */

enum status notifier_set(struct notifier *notifier, const struct notifier_settings *settings,
			 const char **which)
{
	const struct alertmanager_settings alertmanager = {
		.url = settings->alertmanager_url,
		.name = settings->name,
		.timeout_ns = settings->alertmanager_timeout_ns,
		.least = settings->least,
	};
	*which = "notify.name";
	enum status status = str_copy(settings->name, notifier->name, sizeof notifier->name);
	if (status)
		return STATUS_RANGE;
	*which = "notify.webhook_url or its secret";
	status = webhook_set(notifier->webhook, settings->webhook_url, settings->webhook_secret);
	if (status)
		return status;
	*which = "notify.alertmanager_url";
	status = alertmanager_set(notifier->alertmanager, &alertmanager);
	if (status)
		return status;
	*which = "notify.deadman_url";
	status = deadman_set(notifier->deadman, settings->deadman_url, settings->deadman_posts,
			     settings->deadman_interval_ns);
	if (status)
		return status;
	throttle_set(notifier->throttle, settings->per_minute);
	notifier->least = settings->least;
	notifier->daily = settings->daily;
	notifier->daily_ms = settings->daily_hour * HOUR_MS;
	notifier->next_daily_ms = next_daily_ms(notifier);
	arm_throttle(notifier);
	if (!notifier->look_timer.slot)
		timers_arm(notifier->net.timers, &notifier->look_timer,
			   clock_monotonic_ns(notifier->net.clock) + look_ns);
	return STATUS_OK;
}

struct notifier *notifier_create(const struct channel_net *net, const struct alerts *alerts,
				 const struct notifier_hooks *hooks, uint64_t seed)
{
	struct notifier *notifier = calloc(1, sizeof *notifier);
	if (!notifier)
		return NULL;
	notifier->net = *net;
	notifier->alerts = alerts;
	notifier->hooks = *hooks;
	buf_init(&notifier->body, WEBHOOK_MESSAGE_MAX);
	notifier->throttle_timer = (struct timer){ .fn = on_throttle, .ctx = notifier };
	notifier->look_timer = (struct timer){ .fn = on_look, .ctx = notifier };
	notifier->throttle = throttle_create();
	notifier->webhook = webhook_create(net, seed);
	notifier->alertmanager = alertmanager_create(net, alerts, seed + 1);
	notifier->deadman = deadman_create(net);
	if (notifier->throttle && notifier->webhook && notifier->alertmanager && notifier->deadman)
		return notifier;
	notifier_destroy(notifier);
	return NULL;
}

void notifier_destroy(struct notifier *notifier)
{
	if (!notifier)
		return;
	timers_cancel(notifier->net.timers, &notifier->throttle_timer);
	timers_cancel(notifier->net.timers, &notifier->look_timer);
	deadman_destroy(notifier->deadman);
	alertmanager_destroy(notifier->alertmanager);
	webhook_destroy(notifier->webhook);
	throttle_destroy(notifier->throttle);
	buf_deinit(&notifier->body);
	free(notifier);
}
