/* metrics_print.h - samples of a metric, for metrics*.c only. */
#pragma once

#include "daemon/daemon.h"
#include "def/metrics.h"

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
/* People, the bot and Telegram (metrics_telegram.c). */
void metrics_telegram_print(struct daemon *daemon, struct buf *out);
/* The archive file, its readers, its sinks (metrics_archive.c). */
void metrics_archive_print(struct daemon *daemon, struct buf *out);
