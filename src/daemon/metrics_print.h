/* metrics_print.h - samples of a metric, for metrics*.c only. */
#pragma once

#include "daemon/daemon.h"
#include "def/metrics.h"

enum { METRICS_TERMINALS = 1000, METRICS_TERMINAL_SERIES = 15 };

struct deliveries;
struct fleet;
struct trade_meter;

static inline void metrics_put(struct buf *out, enum metric metric, uint64_t value)
{
	metric_head(out, metric);
	metric_sample(out, metric, NULL, 0, value);
}

/* Connections, REST, repairs, alerts and outputs (metrics_live.c). */
void metrics_live_print(struct daemon *daemon, struct buf *out);
/* Terminals: core, gate, stores, deliveries (metrics_fleet.c). */
void metrics_fleet_print(struct daemon *daemon, struct buf *out);
/* Connections and requests of HTTP (metrics_serve.c). */
void metrics_serve_print(struct daemon *daemon, struct buf *out);
/* Segments against their budgets, keys by family, what is shed (metrics_memory.c). */
void metrics_memory_print(struct daemon *daemon, struct buf *out);
/* Exchange accounts and samples of equity (metrics_accounts.c). */
void metrics_accounts_print(struct daemon *daemon, struct buf *out);
/* Alerts out: channels, the throttle, what is muted (metrics_notify.c). */
void metrics_notify_print(struct daemon *daemon, struct buf *out);
/* People, the bot and Telegram (metrics_telegram.c). */
void metrics_telegram_print(struct daemon *daemon, struct buf *out);
/* Segments' servers as they see themselves (metrics_redis.c). */
void metrics_redis_print(struct daemon *daemon, struct buf *out);
void metrics_redis_put(const struct segment_status *status, int64_t wall_ms, struct buf *out);
/* Terminals one by one (metrics_instances.c). */
void metrics_instances_put(const struct fleet *fleet, struct buf *out);
/* What the trade meter counts (metrics_trade.c). */
void metrics_trade_put(const struct trade_meter *meter, struct buf *out);
/* The fleet's core; what of signals its deliveries hold (metrics_fleet.c). */
void metrics_core_put(const struct fleet *fleet, struct buf *out);
void metrics_deliveries_put(const struct deliveries *deliveries, struct buf *out);
/* What came in, by venue and kind, and the markets (metrics_view.c). */
void metrics_ingest_put(const struct ingest *ingest, struct buf *out);
void metrics_markets_put(const struct markets *markets, struct buf *out);
/* weir itself; last (metrics_self.c). */
void metrics_self_print(struct daemon *daemon, struct buf *out);
/* The archive file, its readers, its sinks (metrics_archive.c). */
void metrics_archive_print(struct daemon *daemon, struct buf *out);
