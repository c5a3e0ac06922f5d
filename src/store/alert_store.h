/* alert_store.h - active alerts in segment RLS: alert:{scope}:{rule}, a hash with the
 * fields sev src msg st first last val n ack and a TTL of 1 h, renewed while it fires
 * (redis.md 2); a msg of more than 64 bytes is the string text:alert:{scope}:{rule} with the
 * same TTL (long_text.h). Written when an alert is told and every RENEW_MS while it is active; a
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
/* The alerts that were told and fired when weir ended, for the archive's log: state FIRING;
 * rule, scope, message, value, first_ms, last_ms and told are set. One may be told twice; one
 * that cannot be read is left out. *alert is valid during the call. done runs once, from
 * inside the call when nothing could be asked. At most ALERTS_MAX are read. */
void alert_store_recall(struct redis_port *rls,
			void (*each)(void *ctx, const struct alert_view *alert),
			void (*done)(void *ctx, enum status status), void *ctx);
