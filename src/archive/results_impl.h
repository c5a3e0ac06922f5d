/* results_impl.h - shared by results*.c only.
 *
 *   results.c         life, what is due, counts
 *   results_sync.c    whether the stream is the one that was read, and where to read on
 *   results_look.c    the same each second, with what is counted of the stream
 *   results_facts.c   what the server says of the stream, its groups, its results
 *   results_read.c    pages of the stream into batches
 *   results_packed.c  packed entries into rows
 *   results_batch.c   batches: filled, at the writer, acknowledged
 *   results_trim.c    what a checkpoint holds leaves the stream
 *   results_claim.c   entries that are pending with somebody else, or with nobody
 *   results_retry.c   the ladder, and dead letters
 *   results_held.c    what of the ladder is in memory
 *
 * One place, `cursor`: the highest entry that is in a batch. Entries above it are new (">"),
 * or they are pending for us and in no batch: the answer got lost, or there was no room.
 * Those are read first (`behind`), from the pending entries after the cursor.
 *
 * A packed entry is in one batch as a whole: each of its rows is a row there, or in the
 * ladder by itself. What is counted are results, what is acknowledged are entries.
 *
 * A batch's entries stay in its slot until the server has acknowledged them. Everything that
 * speaks of ids belongs to a `generation` of the stream: a reset begins another one, and what
 * comes of the one before is not acknowledged and trims nothing. */
#pragma once

#include "archive/results.h"
#include "archive/results_id.h"
#include "archive/results_row.h"
#include "base/check.h"
#include "base/crash.h"
#include "codec/entries.h"
#include "def/keys.h"

enum {
	PAGE = 1000,       /* entries asked for at once, … */
	PAGE_ROWS = 4096,  /* … and no more than bring so many results, by the page before */
	FIRST_ROWS = 32,   /* of an entry, before any was seen */
	READS_MAX = 2,     /* pages on their way */
	BATCH_ROWS = 1000, /* a batch is submitted with so many, or … */
	AT_WRITER_MAX = 2,
	SLOTS = 4,
	POINTS = 64, /* batches that await a checkpoint; more become coarser */
	ACK_PAGE = 1000,
	CLAIM_PAGE = 256,
	GROUPS_MAX = 16, /* of the stream; with more of them nothing is trimmed */
	TRIM_TRIES = 5,  /* with the stream watched */
	HELD_MAX = 4096, /* of the ladder, in memory; more wait in the file */
	HELD_BYTES = 8 << 20,
	LETTER_BYTES = RESULTS_PAYLOAD_MAX + 1024, /* of a row of the ladder, at most */
	LETTERS_MAX = WRITER_ROWS_MAX,             /* in a batch; the writer takes twice as many */
	LETTERS_BYTES = 12 << 20,                  /* in a batch; the writer takes 16 MB */
	DEAD_MAX = 1024,
	WORD_MAX = 40,           /* bytes of archive:epoch */
	WORD_BEGIN = 8,          /* of them in the name of a retry */
	LOST_TOLD = 16,          /* ids that are told one by one, of one answer */
	PENDING_BYTES = 4 << 20, /* nothing new is sent above this on the wire */
	SHARE_PERCENT = 30,      /* of the segment, at which a checkpoint is asked for */
};

#define GATHER_NS  INT64_C(200000000)
#define BUSY_NS    INT64_C(10000000)
#define IDLE_NS    INT64_C(50000000)
#define LOOK_NS    INT64_C(1000000000)
#define AGAIN_NS   INT64_C(200000000) /* after a failure; doubles … */
#define LONGEST_NS INT64_C(5000000000)
#define CLAIM_MS   INT64_C(60000)

enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_WRITING, SLOT_COMMITTED, SLOT_ACKING };

struct slot {
	struct results *results;
	enum slot_state state;
	struct writer_batch *batch;
	struct results_id *ids; /* WRITER_ROWS_MAX; in order */
	size_t count;
	struct results_id last; /* what the mark says when it is submitted */
	uint64_t generation;
	int64_t begun_ns;
	uint64_t read, lost;          /* results; and those that were gone */
	uint64_t changes;             /* of the ladder */
	size_t letters, letter_bytes; /* what is said of the ladder's rows */
	uint32_t retried, dead;
	uint32_t acks_due;
	bool ack_failed;
	bool claims; /* holds the claimed entries */
	bool begins; /* holds the mark of a stream that is begun */
};

/* Everything up to the entry is in the file once batch `number` is checkpointed. */
struct point {
	uint64_t number;
	struct results_id id;
};

struct stream_facts {
	bool there;
	struct results_id last;
	uint64_t length, added; /* entries */
	uint64_t beyond;        /* results ever, beyond one of each entry */
	bool added_known;       /* a server before 7.0 does not count */
	bool beyond_known;      /* false: nothing says so */
};

/* Under way: results_facts.c. */
struct facts {
	struct stream_facts stream;
	uint64_t before; /* stream.beyond, asked for before the stream was */
	enum status status;
	uint32_t due, tries;
	void (*fn)(struct results *results, enum status status);
};

struct group_facts {
	char name[64];
	struct results_id last;
	uint64_t pending;
};

struct groups_facts {
	struct group_facts groups[GROUPS_MAX];
	size_t count;
	bool too_many;
	size_t own; /* GROUPS_MAX: it is missing */
};

enum results_state { RESULTS_OFF, RESULTS_SYNCING, RESULTS_RUNNING };

/* An entry of the ladder. */
struct held {
	int64_t due_ns, due_ms;
	uint32_t attempts;
	size_t bytes;
	uint64_t hash;                                   /* of what it is known by */
	struct str entry_id, letter_id, reason, payload; /* behind this */
};

struct results {
	struct results_config config;
	struct results_world world;
	struct results_counts counts;
	struct timer timer, retry_timer;
	enum results_state state;
	bool stopped;
	enum status trouble;
	/* After a failure nothing is begun for so long, and longer after the next; 0: all is
	 * well. */
	int64_t again_ns, pause_until_ns;

	/* where reading stands */
	char word[WORD_MAX + 1]; /* the epoch */
	bool marked;             /* word, cursor and base are of the file, or of this run */
	bool fresh;              /* of the file: not yet looked at in this run */
	bool mark_due;           /* to be written, whether entries come or not */
	struct results_id cursor;
	/* What the entry at the cursor says; 0: not known. Of a stream that was rolled back and
	 * went on, with the ids that it had given before, that entry is another one. */
	uint64_t cursor_hash;
	const struct redis_reply *cursor_fields; /* not hashed yet; NULL: it is */
	/* The group's last id, as far as it is known; the cursor is never ahead of it. What is
	 * pending for us beyond was delivered before the group was set back, and comes again. */
	struct results_id delivered;
	struct results_id checked_until; /* rids up to it may be in the file */
	uint64_t generation;
	/* Results that were counted by streams of before: base + added + beyond are all there
	 * ever were. Entries up to one_until, which were there when this stream was begun,
	 * are one each in it until they are read. */
	int64_t base;
	struct results_id one_until;
	uint64_t beyond_least; /* of this stream, as it was seen last: it does not fall */
	uint64_t read_ever;    /* with what is in batches */
	bool behind;
	uint32_t reads_due;
	bool reads_new;      /* of those on their way */
	bool full_page;      /* the newest one was */
	uint64_t page;       /* entries to be asked for: less after answers that did not come */
	uint64_t asked;      /* of the pages on their way */
	uint64_t entry_rows; /* results of an entry, as the newest page had them; not 0 */
	int64_t read_at_ns;

	struct facts facts;
	struct entries_reader *reader;

	/* the sync */
	bool sync_due;
	bool syncing;       /* a look is under way: results_sync.c */
	bool count_asked;   /* for field x, so that the base is counted from there */
	const char *broken; /* why the stream is to be read from 0; NULL: it is not */
	bool new_word;      /* a new epoch has to be written */
	char next_word[WORD_MAX + 1];
	struct stream_facts stream;
	struct groups_facts groups;

	/* batches */
	struct slot slots[SLOTS];
	struct slot *filling;
	uint32_t at_writer;
	struct point points[POINTS];
	size_t n_points;

	/* each second */
	bool looking;
	int64_t look_at_ns;
	bool look_failed, epoch_same;
	struct stream_facts seen;
	struct groups_facts seen_groups;
	uint64_t checkpoint_asked; /* for points up to this number */

	/* trimming */
	bool trimming, trim_wanted;
	uint64_t trim_generation;
	struct results_id trim_to, trim_bound, trimmed_to;
	struct groups_facts trim_groups;
	size_t trim_at;
	uint32_t trim_tries;
	bool trim_alone; /* the server is full: without MULTI */
	int64_t trim_at_ns;
	bool discard_due;

	/* claims */
	bool caught_up;        /* the end of the stream was reached since the last sync */
	bool claiming, strays; /* strays: the claimer may have some */
	int64_t claim_at_ns;
	uint64_t claim_generation;
	struct results_id claim_from;
	struct results_id claimed[CLAIM_PAGE]; /* in a batch, not acknowledged */
	size_t n_claimed;
	uint64_t claim_number; /* that batch; 0: not committed */
	bool claim_checkpointed;

	/* the ladder */
	struct held **held; /* a heap by due_ns */
	size_t n_held, held_bytes;
	uint64_t dead[DEAD_MAX], n_dead; /* a ring: hashes of the letters that died last */
	bool loading, loaded, more;      /* more: some are in the file alone */
	bool hold_back;                  /* nothing is read: they are to be loaded */
	int64_t load_at_ns;
	int64_t wall_less_ns; /* wall time less monotonic time when due times were last written */

	/* drain */
	void (*drained)(void *ctx, enum status status);
	void *drained_ctx;
	bool drain_asked, drain_read; /* a page since; to the end of the stream */

	struct results_payload payload;   /* of what is tried again */
	char letter[RESULTS_PAYLOAD_MAX]; /* of what is put into the ladder */
	char text[ACK_PAGE * (RESULTS_ID_TEXT + 3)];
	struct str words[ACK_PAGE + 8];
};

static const struct str results_group = { "archive", 7 }, results_consumer = { "weir", 4 },
			results_claimer = { "weir:claim", 10 };
/* Of the ladder's rows and the dead letters that are ours. */
static const struct str results_origin = { "trade_results", 13 };
/* Of the archive file: where reading stands; up to where entries are one each in its base. */
static const struct str results_mark = { "trade_results", 13 },
			results_mark_one = { "trade_results_one", 17 };

static inline int64_t results_now(const struct results *results)
{
	return clock_monotonic_ns(results->config.clock);
}

/* results.c */
void results_kick(struct results *results);
/* A command; a failure to queue it is counted. */
MUST_CHECK enum status results_send(struct results *results, const struct str *argv, size_t argc,
				    redis_reply_fn fn);
/* Counts it, and puts off what depends on the server. */
void results_failed(struct results *results, enum status status);
void results_well(struct results *results);
void results_tell(struct results *results, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void results_end_drain(struct results *results, enum status status);
struct str results_number(char storage[24], uint64_t value);

/* results_sync.c */
void results_sync(struct results *results);
void results_sync_later(struct results *results);

/* results_facts.c */
bool results_groups_read(const struct redis_reply *reply, struct groups_facts *out);
bool results_no_key(enum status status, const struct redis_reply *reply);
/* fn: results->facts.stream is it, or why there is none. False: nothing could be sent, or
 * they are under way for somebody else: ask again later. */
bool results_ask_facts(struct results *results,
		       void (*fn)(struct results *results, enum status status));

/* results_read.c */
uint64_t results_hash(const struct redis_reply *fields);
void results_hash_cursor(struct results *results);
void results_read(struct results *results);
/* The entry's rows, each a row or a place in the ladder. FULL: no room in this batch, and
 * nothing of it is there. */
MUST_CHECK enum status results_take(struct results *results, struct slot *slot,
				    struct results_id id, const struct redis_reply *fields);
void results_lost(struct results *results, struct slot *slot, struct results_id id, uint32_t *told);
/* [[stream, [entry…]]], or nil: none. NULL: neither. */
const struct redis_reply *results_entries(const struct redis_reply *reply);

/* To be filled with so many rows; NULL: none now. */
struct slot *results_slot_for(struct results *results, size_t rows);
/* What the newest page says another one may bring. */
uint64_t results_page_rows(const struct results *results);

/* results_packed.c */
/* Results of an entry's fields, by the head of what is packed; 1 of anything else. */
size_t results_rows_of(const struct redis_reply *fields);
/* The chunk's rows, each in the batch or in the ladder; *rows of them. FORMAT: it cannot be
 * unpacked, told->fault says why. FULL: no room. Then nothing of it is there. */
MUST_CHECK enum status results_unpack(struct results *results, struct slot *slot,
				      struct results_id id, struct str chunk, size_t *rows,
				      struct results_told *told);
/* The entry was taken: it has so many results, and the stream's count said another number. */
void results_packed_counted(struct results *results, struct results_id id,
			    const struct redis_reply *fields, size_t rows);

/* Such a result may be one that was sent before. */
static inline bool results_is_late(const struct results_told *told)
{
	return told->event_us < told->received_us - INT64_C(10000000);
}

/* results_batch.c */
struct slot *results_slot(struct results *results); /* to be filled; NULL: none now */
bool results_slot_has_room(const struct slot *slot, size_t rows);
void results_submit(struct results *results); /* the one that is being filled, if it may go */
void results_submit_now(struct results *results);
void results_submit_due(struct results *results);
void results_acks_due(struct results *results);
bool results_idle(const struct results *results); /* nothing is in a batch */
/* The mark of a stream that is begun is on its way to the file. */
bool results_begins(const struct results *results);
bool results_has(const struct results *results, struct results_id id);
void results_forget_ids(struct results *results); /* another generation begins */
void results_drop_filling(struct results *results);
uint64_t results_read_on_way(const struct results *results); /* entries in batches not committed */

/* results_trim.c, results_claim.c, results_look.c */
void results_trim_due(struct results *results);
void results_claim_due(struct results *results);
void results_claims_checkpointed(struct results *results, uint64_t number);
void results_look_due(struct results *results);

/* results_held.c */
void results_retry_init(struct results *results);
void results_retry_deinit(struct results *results);
/* One that finds no room stays in the file, and is looked for there later. */
void results_hold(struct results *results, const struct writer_retry *retry, int64_t due_ns);
struct held *results_held_pop(struct results *results); /* the first that is due */
void results_retry_forget(struct results *results);     /* and it is loaded again */
void results_retry_timer(struct results *results);      /* armed for the first that is due */
void results_held_push(struct results *results, struct held *held);
void results_held_forget(struct results *results, struct held *held);
struct writer_retry results_held_retry(const struct held *held); /* points into it */
uint64_t results_held_hash(const struct writer_retry *retry);    /* what it is known by */

/* results_retry.c */
void results_load(struct results *results); /* what of the ladder is in the file */
/* Where a result that is no row stands: its entry, its row if that is packed. */
struct results_place {
	struct results_id id;
	bool packed;
	size_t row;
};
/* FULL: not in this batch. */
MUST_CHECK enum status results_bad(struct results *results, struct slot *slot,
				   const struct results_place *place,
				   const struct results_entry *entry, const char *fault);
/* Whether so many find room there, whatever they say. */
bool results_has_letters(const struct results *results, const struct slot *slot, size_t count);
void results_retries_due(struct results *results);
void results_look_at_clock(struct results *results);
