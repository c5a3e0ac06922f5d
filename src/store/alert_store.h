/* alert_store.h - active alerts in segment RLS: alert:{scope}:{rule}, a hash with the
 * fields sev src msg st first last val n ack and a TTL of 1 h, renewed while it fires
 * (redis.md 2). Written when an alert is told and every RENEW_MS while it is active; a
 * resolved one keeps what is left of its hour. Loop thread. */
#pragma once

#include "alert/alert.h"
#include "base/timers.h"
#include "port/clock.h"
#include "port/redis.h"

enum { ALERT_STORE_TTL_S = 3600, ALERT_STORE_RENEW_MS = 60000 };

struct alert_store;

struct alert_store *alert_store_create(struct redis_port *rls, const struct alerts *alerts,
				       struct timers *timers, const struct clock_port *clock);
void alert_store_destroy(struct alert_store *store); /* NULL is fine */
void alert_store_notice(struct alert_store *store, enum alert_notice notice,
			const struct alert_view *alert);
uint64_t alert_store_failed(const struct alert_store *store);
