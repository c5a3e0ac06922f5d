/* signal_store_impl.h - shared by signal_store.c and signal_store_read.c only.
 *
 * Reading has one place, `cursor`: the highest id told. Entries above it are either new
 * (">"), or already pending for us and not told yet: those from before this run, those
 * whose reply got lost, those the owner had no room for. The latter are read first, from
 * the group's pending entries behind the cursor, until a page is not full. */
#pragma once

#include "def/keys.h"
#include "store/signal_store.h"

enum {
	SIGNAL_PAGE = 128,
	DONE_PAGE = 256,
	DONE_TEXT = DONE_PAGE * 80, /* two 64-bit numbers, and a key with one */
	DOWN_BLOCK = 1000,
	ID_BYTES = 48,
};

#define POLL_NS  (SIGNAL_POLL_MS * INT64_C(1000000))
#define RETRY_NS INT64_C(200000000)

struct signal_done {
	uint64_t sid;
	struct stream_id id;
};

/* What signal:{sid} said of a page's entry. */
struct signal_stood {
	struct stream_id id;
	char st[16];
};

struct down_block {
	uint64_t next, end; /* next > end: used up */
};

struct signal_store {
	struct redis_port *redis;
	struct timers *timers;
	const struct clock_port *clock;
	struct signal_store_hooks hooks;
	struct signal_store_counts counts;
	struct timer timer;

	bool reads;         /* start, until stop */
	bool busy;          /* a page is on its way, or being looked at */
	bool behind;        /* pending entries are read, not new ones */
	int64_t read_at_ns; /* not before */
	struct stream_id cursor, again_until;
	struct signal_stood stood[SIGNAL_PAGE];
	size_t stood_count, stood_due;
	bool stood_known; /* of the next page */

	struct down_block block, spare;
	uint64_t down_max;  /* highest number in hand, ever */
	int64_t asked_for;  /* numbers, 0: no request on its way */
	int64_t down_at_ns; /* not before */

	struct signal_done *done; /* a ring of SIGNAL_DONE_MAX */
	size_t done_head, done_count, done_flying;
	int64_t done_at_ns; /* not before */
	char text[DONE_TEXT];

	void (*restored)(void *ctx, enum status status, const char *why);
	void *restored_ctx;
	uint32_t restore_due;
	bool restore_made; /* the group was missing */
	enum status restore_status;
	const char *restore_why;
	void (*drained)(void *ctx, enum status status);
	void *drained_ctx;
};

void signal_store_read(struct signal_store *store); /* what is due of it */
bool signal_store_is_done(const struct signal_store *store, struct stream_id id);
void signal_store_make_group(struct signal_store *store, redis_reply_fn fn);
uint64_t signal_sid(struct stream_id id);
