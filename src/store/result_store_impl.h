/* result_store_impl.h - shared by result_store.c, result_store_flush.c, result_store_pack.c,
 * result_store_restore.c, result_store_spill.c, result_store_sync.c and result_store_tell.c
 * only.
 *
 * What waits is a queue of records, each a header, its fields' places and their bytes, in
 * one stretch of memory: [head, sent) is on its way, [sent, tail) waits.
 *
 *   head ......... sent ................. tail
 *   | the batch    | what comes after it  |
 *
 * One batch is on its way at a time. It is one MULTI with the batch's number, which goes to
 * the marker of batches (fleet:up:~, which no terminal can be named); so one look there tells
 * whether a batch without an answer was executed, whoever else writes to the stream or trims it.
 * Its field lsv is how far the spill file is written. Before each MULTI the marker is WATCHed, and
 * the look writes to it first: a batch that still lies in the socket of a lost connection is then
 * refused by the server, however late it reads it. Where that look says no, the end of the stream
 * is searched for the batch's rids besides.
 *
 * There are two queues: `queue` of what is taken, and `old` of what was read from the spill
 * file, which always goes first. When the queue is spilled, the batch of it that is on its
 * way moves to `old`, to be settled there:
 *
 *   old ← rest of the spill file ← queue
 *
 * x, in the marker too, is what the stream's entries-added lacks to be the number of results.
 * Each batch writes the whole of it, in its transaction, so the server's word is true of the
 * server's stream, whatever either lost: it is taken at each look. Where the marker has none
 * although there is a stream (somebody removed the marker), what was known here holds, and the
 * next batch writes it again; at the start it is then counted from what is read back, which
 * may be too little. Where there is no stream, it is 0. Of a batch that was executed in part
 * the answers of its XADDs tell. */
#pragma once

#include "def/keys.h"
#include "store/result_store.h"
#include "store/result_store_seen.h"
#include "store/store_format.h"

enum {
	BATCH_RECORDS = 1024,
	BATCH_BYTES = 256 << 10,
	PENDING_BYTES = 4 << 20, /* no new batch above this on the wire */
	TAIL_SLACK = 256,        /* entries of others that may lie between a batch's own */
	ENDED_MAX = 65536,
	RESTORE_MARKS = 128,
	RESTORE_PAGE = 256,  /* entries; packed ones take up to 15 KB each */
	FAST_RESULTS = 8,    /* … within FAST_NS: they come fast */
	OLD_BYTES = 1 << 20, /* of records read from the spill file */
	OLD_FILL = 512 << 10,
	RESULT_NUMBER_BYTES = 24,
};

#define GATHER_NS      INT64_C(2000000)
#define PACK_GATHER_NS INT64_C(8000000)  /* packed, while they come fast */
#define SAVE_GATHER_NS INT64_C(64000000) /* and room is saved */
#define FAST_NS        INT64_C(32000000)
#define RETRY_NS       INT64_C(200000000)
#define SPILL_AFTER_NS INT64_C(2000000000) /* without a batch recorded */
#define SPILL_RETRY_NS INT64_C(1000000000) /* after the disk refused */

struct record {
	uint32_t bytes; /* with what follows it; a multiple of 8 */
	uint32_t slot;  /* FLEET_NONE: weir's own */
	uint32_t life;  /* of the slot, when it was taken */
	uint32_t parts; /* 0: nothing to write, only its number counts */
	int64_t epoch_ms;
	uint64_t seq, tag;
	uint64_t rid_hash, ended_hash; /* ended: 0 for what is not final */
	uint64_t deal;
	int64_t deal_ms;
	uint64_t position; /* in the spill file; 0: it was not there */
};

/* `parts` of these behind a record, then their bytes. */
struct part {
	uint16_t field, len;
};

struct terminal {
	struct result_store_mark mark;   /* durable: recorded, or in the spill file */
	struct result_store_mark stored; /* as its marker is; behind `mark` what is spilled */
	struct result_store_mark next;   /* as that will be with the batch on its way */
	int64_t taken_epoch_ms;
	uint64_t taken_seq;
	uint32_t life;    /* counts those who had the slot */
	uint64_t touched; /* the stamp of the walk that came by it last */
};

struct result_queue {
	char *memory;
	size_t room, head, sent, tail;
};

enum result_store_state { STORE_IDLE, STORE_SYNCING, STORE_FLYING, STORE_RESTORING };

struct result_restore;
struct result_packing;

struct result_store {
	struct redis_port *redis;
	struct fleet *fleet;
	struct timers *timers;
	const struct clock_port *clock;
	struct result_store_hooks hooks;
	void (*on_spilled)(void *ctx, const struct str *values); /* NULL: nobody asks */
	void *spilled_ctx;
	struct result_store_counts counts;
	struct timer timer;
	struct result_seen rids, ended;
	struct terminal *terminals;
	uint32_t terminals_room;

	struct result_queue queue;   /* RESULT_STORE_BYTES_MAX; pages are touched as needed */
	struct result_queue old;     /* OLD_BYTES, with a spill file */
	struct result_queue *flying; /* whose [head, sent) is on its way, or not settled */
	bool telling;                /* hooks run: the queue stays where it is */

	enum result_store_state state;
	int64_t process_ms; /* names this run in the marker of batches */
	uint64_t batch;     /* number of the newest */
	uint64_t syncs;
	uint32_t batch_records;
	uint32_t batch_entries;  /* XADDs of the batch on its way */
	uint64_t batch_position; /* of its last record in the spill file */
	bool synced;             /* the marker is WATCHed on this connection */
	bool executed;           /* the batch on its way was */
	bool piecemeal;          /* it was, or may have been, but not as a whole */
	bool half_sent;          /* a MULTI has no EXEC: DISCARD it */
	bool rewrite;            /* a marker may be of another type: replace them */
	enum status trouble;     /* first of the commands on their way that did not go well */
	uint32_t replies_due;
	uint64_t stamp;
	uint32_t touched[BATCH_RECORDS], touched_count;

	struct result_packing *packing;
	bool packed;                   /* new entries are */
	bool x_told;                   /* the marker had x at the last look */
	uint64_t x;                    /* results beyond one of each packed entry that was added */
	uint64_t x_stored;             /* as the marker has it */
	uint64_t x_next;               /* as it is with the batch on its way */
	bool x_has_flight;             /* x is so already, though that is not settled */
	bool saving;                   /* room, not time */
	int64_t gather_ns;             /* the oldest came that is not on its way */
	uint64_t came;                 /* results that were to be written */
	int64_t came_ns[FAST_RESULTS]; /* the newest of them, round and round */

	struct spill *spill; /* NULL: none */
	struct timer spill_timer;
	bool replays;          /* what is in the spill file is known: it may be written */
	size_t spill_to;       /* the queue up to here is being committed; 0: nothing is */
	uint64_t flight_end;   /* position behind the batch that was on its way then; 0: none */
	bool flight_landed;    /* it was recorded meanwhile */
	int64_t well_ns;       /* a batch was recorded, or work began */
	int64_t queue_ns;      /* one of the queue was, or it was empty */
	int64_t spill_from_ns; /* not before: the disk refused */
	char spill_why[96];    /* what it said; "" since it took something */
	uint64_t position;     /* written up to here, of the spill file */
	uint8_t *skip;         /* bit n: the n-th record that is read is in the stream already */
	size_t skip_count, read_count;

	struct result_restore *restore;
	void (*drain_done)(void *ctx, enum status status);
	void *drain_ctx;
};

static inline struct record *result_record_at(const struct result_queue *queue, size_t at)
{
	return (struct record *)(void *)(queue->memory + at);
}
static inline bool result_queue_empty(const struct result_queue *queue)
{
	return queue->head == queue->tail;
}
static inline const struct part *record_parts(const struct record *record)
{
	return (const struct part *)(record + 1);
}
static inline const char *record_bytes(const struct record *record)
{
	return (const char *)(record_parts(record) + record->parts);
}

/* What a final result of the signal at the instance is remembered by. */
uint64_t result_ended_hash(uint64_t sid, struct str instance);
/* The later of both deals. */
void result_mark_deal(struct result_store_mark *mark, uint64_t deal, int64_t deal_ms);
/* The marker of batches. */
struct str result_batch_key(struct key *key);

/* ---- packed entries (result_store_pack.c) ---- */

/* 500 KB. NULL: out of memory. */
struct result_packing *result_packing_create(void);
void result_packing_destroy(struct result_packing *packing);
/* One result more for the next chunks; the record stays where it is until it is in one. False:
 * all those before must be sent first, or, when there are none, it cannot be packed. */
bool result_packing_add(struct result_packing *packing, const struct record *record);
/* A chunk of as many as fit, until the next call; how many. 0: none is left, or the next one
 * alone does not fit into a chunk: skip it. */
size_t result_packing_next(struct result_packing *packing, struct str *chunk);
/* The next one, which goes as plain fields. NULL: none is left. */
const struct record *result_packing_skip(struct result_packing *packing);

struct result_row {
	uint64_t rid_hash, ended_hash; /* ended: 0 for what is not final */
};

/* How many results an entry of trade_results has; 0: none that can be read. */
size_t result_entry_open(struct result_store *store, const struct redis_reply *entry);
/* Of the entry opened last. False: the result has no rid. */
bool result_entry_row(const struct result_store *store, const struct redis_reply *entry, size_t at,
		      struct result_row *row);

/* A record is about to be put to the end of the queue; one that is a new result was. */
void result_gather_note(struct result_store *store);
void result_gather_count(struct result_store *store);
/* True: the next batch waits for more, and the timer is armed. */
bool result_gather_waits(struct result_store *store);

/* What a record says of how far its terminal is (result_store_tell.c, as what follows). */
void result_mark_advance(struct result_store_mark *mark, const struct record *record);
/* Whether its terminal is still the one it came from. */
bool result_record_is_of(const struct result_store *store, const struct record *record);
/* A walk through records: true when the terminal comes by for the first time in it. */
void result_walk_begin(struct result_store *store);
bool result_walk_touch(struct result_store *store, uint32_t slot);
/* The records of the queue from head up to `to` are durable: on_durable, on_recorded. */
void result_store_tell(struct result_store *store, size_t to);
/* All of the batch on its way is recorded. Of what was spilled the owners know already. */
void result_batch_done(struct result_store *store);

/* Begins what can begin now (result_store_flush.c). */
void result_store_kick(struct result_store *store);
/* What was sent did not go well: the look comes first, after a while. */
void result_store_failed(struct result_store *store);
/* Commands whose replies are awaited together; after the first that cannot be sent no more
 * are. fn counts its reply: true when it was the last one due. */
void result_commands_begin(struct result_store *store, enum result_store_state state);
void result_command_send(struct result_store *store, const struct str *argv, size_t argc,
			 redis_reply_fn fn);
bool result_replies_in(struct result_store *store, enum status status);
/* WATCHes the marker of batches. */
void result_watch_send(struct result_store *store, redis_reply_fn fn);
struct str result_number(char storage[RESULT_NUMBER_BYTES], uint64_t value);

/* WATCHes the marker of batches, and settles a batch that was lost (result_store_sync.c). */
void result_store_sync(struct result_store *store);
void result_store_arm(struct result_store *store, int64_t delay_ns);
/* The synchronisation that begins a restore did, or did not, succeed. */
void result_restore_synced(struct result_store *store, enum status status);

/* ---- the spill file (result_store_spill.c) ---- */

/* The queue changed, or a batch was recorded: when to look whether it must be spilled. */
void result_spill_watch(struct result_store *store);
/* Reads on where `old` is empty. True: there is nothing that goes before the queue. */
bool result_spill_is_empty(struct result_store *store);
/* All that is there becomes known: marks, rids, ends. Then result_restore_spilled. */
void result_spill_scan(struct result_store *store, uint64_t position);
void result_restore_spilled(struct result_store *store, enum status status);
/* All up to the position is in the segment. */
void result_spill_written(struct result_store *store, uint64_t position);
void result_spill_deinit(struct result_store *store);
