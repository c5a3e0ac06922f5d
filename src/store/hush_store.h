/* hush_store.h - alert_hushes in segment RSS: what people have muted and acknowledged of weir's
 * own alerts (alert.h), one text, written whole when it changes.
 *
 * What is not taken (no room, a server away) is tried again each second with the newest text.
 * Nothing is written before what is there was read; a read that failed is tried again, too. Loop
 * thread. */
#pragma once

#include "alert/alert.h"
#include "port/clock.h"
#include "port/redis.h"

struct hush_store;

struct hush_store *hush_store_create(struct redis_port *rss, struct alerts *alerts,
				     const struct clock_port *clock); /* NULL: out of memory */
void hush_store_destroy(struct hush_store *store);                    /* NULL is fine */
/* What is there into the alerts. done runs once, perhaps inside the call. */
void hush_store_restore(struct hush_store *store, void (*done)(void *ctx, enum status status),
			void *ctx);
/* Writes what has changed; about each 50 ms, and right after a change. */
void hush_store_step(struct hush_store *store);

struct hush_store_counts {
	uint64_t written, failed, left_out; /* left_out: lines that were over, or not read */
};
struct hush_store_counts hush_store_counts(const struct hush_store *store);
