/* signal_store_impl.h - shared by signal_store*.c only.
 *
 * Reading has one place, `cursor`: the highest id told. Entries above it are either new
 * (">"), or already pending for us and not told yet: those from before this run, those
 * whose reply got lost, those the owner had no room for. The latter are read first, from
 * the group's pending entries behind the cursor, until a page is not full. */
#pragma once

#include "codec/entries.h"
#include "def/keys.h"
#include "store/signal_store.h"

enum {
	SIGNAL_PAGE = 128,
	DONE_PAGE = 256,
	ROUTE_ARGV = 2 * DELIVERIES_MAX + 16,
	ROUTE_TEXT = DELIVERIES_MAX * 80,
	DONE_TEXT = DONE_PAGE * 80, /* two 64-bit numbers, and a key with one */
	DOWN_BLOCK = 1000,
	ID_BYTES = 48,
	STOOD_BYTES = 4 << 20, /* of a page's signal:{sid}, at least one entry's with all members */
	ADD_ID_MAX = 64,
};

#define POLL_NS  (SIGNAL_POLL_MS * INT64_C(1000000))
#define RETRY_NS INT64_C(200000000)

struct signal_done {
	uint64_t sid;
	struct stream_id id;
};

/* What signal:{sid} said of a page's entry: its members, in stood_text. */
struct signal_stood {
	struct stream_id id;
	size_t from, to;
};

/* Command on its way whose reply is for somebody. */
struct signal_call {
	struct signal_store *store;
	struct signal_call *next; /* of the free ones */
	uint64_t sid;             /* of a route */
	/* of an add */
	signal_added_fn done;
	void *ctx;
	struct signal_call *joined; /* those of the same id */
	struct signal_call *flying; /* the next that is on its way */
	bool packed;
	char id[ADD_ID_MAX + 1];
};

struct signal_calls {
	struct signal_call *pool, *free;
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
	bool caught;        /* in this run all that was there has been told */
	int64_t read_at_ns; /* not before */
	struct stream_id cursor, again_until;
	struct signal_stood stood[SIGNAL_PAGE];
	size_t stood_count, stood_due;
	bool stood_known; /* of the next page */
	bool stood_full;  /* what follows was not kept */
	struct buf stood_text;
	struct delivery_member *members; /* scratch: DELIVERIES_MAX */

	struct entries_packer *packer; /* NULL: what is added is a field for each value */
	struct entries_reader *reader;
	char chunk[ENTRIES_CHUNK_BYTES];

	struct signal_calls adds, routes;
	struct signal_call *flying; /* adds, newest first */
	struct str *argv;           /* scratch of a route: ROUTE_ARGV */
	char *names;                /* and its text: ROUTE_TEXT */

	struct halts *halts; /* the owner's */
	bool halts_dirty, halts_flying;
	int64_t halts_at_ns; /* not before */
	void (*halts_done)(void *ctx, enum status status);
	void *halts_ctx;

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

struct str signal_put_number(struct buf *text, int64_t value);
struct str signal_put_id(struct buf *text, struct stream_id id);
void signal_store_read(struct signal_store *store); /* what is due of it */
/* signal_store_where.c */
void signal_store_flush_halts(struct signal_store *store);
MUST_CHECK enum status signal_store_read_halts(struct signal_store *store,
					       const struct redis_reply *reply);
/* The members that an HGETALL of signal:{sid} tells, at the end of stood_text. */
void signal_stood_keep(struct signal_store *store, const struct redis_reply *reply);
/* As members, until the next call; how many. */
size_t signal_stood_members(struct signal_store *store, const struct signal_stood *stood);
/* A free call; NULL: none. */
struct signal_call *signal_call_take(struct signal_calls *calls);
void signal_call_give(struct signal_calls *calls, struct signal_call *call);
MUST_CHECK bool signal_calls_init(struct signal_calls *calls, struct signal_store *store,
				  size_t room);
bool signal_store_is_done(const struct signal_store *store, struct stream_id id);
void signal_store_make_group(struct signal_store *store, redis_reply_fn fn);
uint64_t signal_sid(struct stream_id id);
