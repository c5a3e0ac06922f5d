/* instance_store_impl.h - shared by instance_store*.c only. */
#pragma once

#include "codec/samples.h"
#include "def/keys.h"
#include "store/command_pipe.h"
#include "store/instance_store.h"
#include "store/store_format.h"

enum {
	INSTANCE_TTL_S = 86400,
	INSTANCE_HISTORY_MS = 86400000,
	INSTANCE_EVENTS_MS = 604800000, /* 7 d */
	INSTANCE_PHASES = 50,           /* a second is spread over so many turns */
	INSTANCE_REASON_MAX = 127,
	INSTANCE_EVENTS_BATCH = 32, /* events of one transaction, and of one look */
	INSTANCE_LOOKS_MAX = 3,     /* looks without a second between them */
};

/* What a server that syncs each second and is killed may have acknowledged and lost: an
 * entry is safe only when the server still answered so long after it was written. */
static const int64_t instance_unsynced_ns = INT64_C(3000000000);

/* So long after a connection began, nothing of the one before is still on its way. */
static const int64_t instance_straggle_ns = INT64_C(2000000000);

enum instance_chunk_state {
	CHUNK_NONE,
	CHUNK_WAITING, /* to be sent, or sent again */
	CHUNK_SENT,
	CHUNK_LOOKING, /* its id is taken: by itself? */
	CHUNK_WRITTEN, /* kept until it is safe */
};

/* A terminal, by its slot. */
struct instance_row {
	struct instance_store *store;
	uint32_t slot;

	/* instance_store_hash.c: what the server holds */
	bool wrong;                /* that is not known: all of it is written */
	enum instance_state state; /* the set it is in */
	uint32_t replies_due;
	uint32_t hashes_due; /* HSETs among them, and the fields that they are to make: */
	int64_t fields_due;  /* a hash that lost some of its own is found out by it */
	uint64_t facts;      /* hash of the texts last written */
	int64_t heard_ms;
	uint64_t known; /* numbers that were written, and what they were */
	int64_t mantissas[SAMPLE_COUNT];
	uint8_t digits[SAMPLE_COUNT];

	/* instance_store_history.c */
	struct samples_open *open; /* NULL until its first row */
	int64_t row_ms;            /* newest row; 0 none */
	char *chunk;               /* newest finished chunk; grows to SAMPLES_CHUNK_BYTES */
	uint32_t chunk_len, chunk_room;
	enum instance_chunk_state chunk_state;
	struct stream_id chunk_id;
	struct stream_id chunk_top; /* newest id of the stream, by the look under way */
	bool chunk_top_is_known;
	int64_t chunk_written_ns;
	uint32_t chunks_flying; /* sent and not answered, older ones included */
	uint32_t chunk_looks;
	bool cut; /* what is older than history_ms is to go */
};

enum instance_event_state {
	EVENT_WAITING,
	EVENT_SENT,
	EVENT_DOUBT, /* was sent; whether it is there has to be looked at … */
	EVENT_LOOKED_AT,
	EVENT_WRITTEN,
};

struct instance_event {
	enum instance_event_state state;
	bool published;
	bool repeat;
	struct stream_id id; /* 0-0 until it is sent */
	int64_t ms;
	int64_t written_ns;
	enum fleet_event_kind kind;
	enum instance_state from, to;
	uint32_t attempts;
	char instance[INSTANCE_NAME_MAX + 1];
	char reason[INSTANCE_REASON_MAX + 1];
};

/* A ring, oldest first: those written that are not safe yet, then the others. */
struct instance_events {
	struct instance_event *ring;
	size_t first, count;
	size_t settled;       /* so many at the front are written */
	size_t batch;         /* events of the transaction under way */
	uint32_t due;         /* replies of it, or of a look */
	uint32_t looks;       /* since the last batch that went well */
	bool top_is_known;    /* by the look under way */
	struct stream_id top; /* the newest id of the stream, as far as is known */
};

struct instance_scan {
	struct instance_store *store;
	enum instance_state state;
};

struct instance_store {
	struct command_pipe pipe;
	struct fleet *fleet;
	struct timers *timers;
	const struct clock_port *clock;
	struct timer timer;
	int64_t next_ns; /* of the phases */
	uint32_t phase;
	bool started;
	int64_t thin_ms;     /* 0: no row is left out for it */
	int64_t history_ms;  /* of the history, so much is kept */
	int64_t answered_ns; /* the newest good reply */
	int64_t again_ns;    /* everything is written once more then */
	struct instance_row *rows;
	uint32_t room;
	struct samples_writer *writer;
	struct instance_events events;
	struct instance_store_counts counts;
	/* the sets are read: at the start, and after a terminal could not be forgotten */
	struct instance_scan scans[INSTANCE_STATES];
	uint32_t scans_due;
	bool sweep; /* they are to be read again */
	/* restore and drain */
	void (*restored)(void *ctx, enum status status, const char *why);
	void (*drained)(void *ctx, enum status status);
	void *ctx;
	uint32_t drain_slot; /* the next one to be written */
	size_t waited;
	enum status status;
	const char *why;
};

static inline int64_t instance_wall_ms(const struct instance_store *store)
{
	return clock_wall_ns(store->clock) / 1000000;
}

static inline int64_t instance_now_ns(const struct instance_store *store)
{
	return clock_monotonic_ns(store->clock);
}

/* ---- instance_store.c ---- */

/* Every reply's first word … */
void instance_note(struct instance_store *store, enum status status);
/* … and its last: is a drain over, or goes it on? */
void instance_settle(struct instance_store *store);

/* ---- instance_store_hash.c ---- */

/* Its set, its hash, its TTL: what has changed; all, where the server's are not known. */
void instance_hash_second(struct instance_row *row, const struct instance *instance);
void instance_hash_moved(struct instance_row *row, const struct instance *instance);

/* ---- instance_store_history.c ---- */

void instance_history_close(struct instance_row *row); /* packs the open rows */
void instance_history_second(struct instance_row *row, const struct instance *instance);
void instance_history_send(struct instance_row *row, const struct instance *instance);
void instance_history_reconnected(struct instance_row *row);
void instance_history_forget(struct instance_row *row);
void instance_history_cut(struct instance_row *row, const struct instance *instance);

/* ---- instance_store_events.c ---- */

void instance_events_send(struct instance_store *store);
void instance_events_second(struct instance_store *store);
void instance_events_reconnected(struct instance_store *store);

/* ---- instance_store_restore.c ---- */

/* The newest id a stream ever gave, of XINFO's reply: 0-0 where there is none. */
MUST_CHECK enum status instance_stream_top(enum status status, const struct redis_reply *reply,
					   struct stream_id *top);
/* Takes terminals out of the sets that the fleet does not know. */
void instance_sweep(struct instance_store *store);
