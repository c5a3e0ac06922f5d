/* alertmanager.h - weir's alerts at a Prometheus Alertmanager: POST URL/api/v2/alerts.
 *
 * It is told a state, not messages: every alert that fires, with startsAt and an endsAt that is
 * `timeout` ahead, again each third of it; so an alert of a weir that died resolves by itself.
 * One that has ended is posted with the endsAt of its end until that was taken. Grouping,
 * throttling and repeating are Alertmanager's. An alert that was never told (muted, within its
 * cooldown) is not posted; one that was goes on while it is muted.
 *
 *   poke → 100 ms → all in one POST ──taken──→ in timeout / 3 again
 *                        └── no answer, 5xx: after 1, 2, 4 … 60 s with what is so then
 *
 * At most ALERTMANAGER_ALERTS; more are counted as dropped. Fixed room but for the body. Uses one
 * timer. Loop thread. */
#pragma once

#include "alert/alert.h"
#include "base/buf.h"
#include "notify/channel.h"

enum { ALERTMANAGER_ALERTS = 512 };

struct alertmanager;

struct alertmanager_settings {
	struct str url;  /* "http://127.0.0.1:9093", a path before /api kept; "": off */
	struct str name; /* the label `weir` */
	int64_t timeout_ns;
	enum alert_severity least;
};

struct alertmanager *alertmanager_create(const struct channel_net *net, const struct alerts *alerts,
					 uint64_t seed); /* NULL: out of memory */
void alertmanager_destroy(struct alertmanager *manager); /* NULL is fine */
MUST_CHECK enum status alertmanager_set(struct alertmanager *manager,
					const struct alertmanager_settings *settings);
/* Something was told. */
void alertmanager_poke(struct alertmanager *manager);
const struct channel_facts *alertmanager_facts(struct alertmanager *manager);
