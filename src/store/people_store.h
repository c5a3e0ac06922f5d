/* people_store.h - segment RSS: who may talk to weir and what they asked to be told.
 *
 *   people           hash, a field for each user id: people_pack
 *   rules            hash, a field for each rule's id: rule_pack
 *   telegram:offset  the update from which Telegram goes on
 *
 * Whoever owns a person or a rule marks it when it changes; the newest text is fetched and
 * written within PEOPLE_STORE_FLUSH_NS, many fields in one transaction. One is under way at a
 * time. What is not taken (no room: -OOM, a server away) stays marked and is tried again each
 * second; `unsaved` is told of each of its ids, once until it is stored. An offset is written
 * in one transaction with the last of what was marked before it: so it is never ahead of what
 * is stored, and what its updates changed is not stored without it.
 *
 * Marks: sorted ids, at most as many as there are people and rules (PEOPLE_STORE_MARKS of each
 * kind). One more is counted, and when the marks are written the whole kind is compared with
 * what is stored: what is there is written, what is there no more is removed. Loop thread. */
#pragma once

#include "base/buf.h"
#include "base/timers.h"
#include "port/clock.h"
#include "port/redis.h"

enum { PEOPLE_STORE_MARKS = 20480, PEOPLE_STORE_PACKED_MAX = 512 };
#define PEOPLE_STORE_FLUSH_NS INT64_C(200000000)

enum people_store_kind { PEOPLE_STORE_PERSON, PEOPLE_STORE_RULE, PEOPLE_STORE_KINDS };

struct people_store_hooks {
	/* Its text, at most PEOPLE_STORE_PACKED_MAX bytes; false: it is there no more. */
	bool (*pack)(void *ctx, enum people_store_kind kind, int64_t id, struct buf *out);
	/* people_store_mark of all that are there; false: not of all, to be tried again. */
	bool (*mark_all)(void *ctx, enum people_store_kind kind);
	/* It could not be stored (yet). */
	void (*unsaved)(void *ctx, enum people_store_kind kind, int64_t id, enum status status);
	/* While restoring: a field and its text. */
	void (*restored)(void *ctx, enum people_store_kind kind, struct str id, struct str text);
	void *ctx;
};

struct people_store;

struct people_store *people_store_create(struct redis_port *rss, struct timers *timers,
					 const struct clock_port *clock,
					 const struct people_store_hooks *hooks); /* NULL: memory */
/* When the port has ended all commands. NULL is fine. */
void people_store_destroy(struct people_store *store);

/* All that is there. done runs once; offset 0: none. Nothing is written before. */
void people_store_restore(struct people_store *store,
			  void (*done)(void *ctx, enum status status, int64_t offset), void *ctx);
void people_store_mark(struct people_store *store, enum people_store_kind kind, int64_t id);
/* fn runs when the offset, and all that was marked before, is stored; of several offsets that
 * wait only for the newest one. */
void people_store_keep_offset(struct people_store *store, int64_t offset,
			      void (*fn)(void *ctx, int64_t offset), void *ctx);
/* All is stored, or the newest try has failed: done runs once, perhaps inside the call. Nothing
 * is tried again after it. */
void people_store_drain(struct people_store *store, void (*done)(void *ctx, enum status status),
			void *ctx);

struct people_store_counts {
	uint64_t written, removed, failed; /* fields; what was in transactions not taken */
	uint64_t damaged;                  /* texts that could not be read back */
	uint64_t dropped;                  /* marks beyond the bound: all is compared */
	size_t marked;                     /* now */
};
struct people_store_counts people_store_counts(const struct people_store *store);
/* Of `restored`: the text could not be read. */
void people_store_damaged(struct people_store *store);
