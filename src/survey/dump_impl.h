/* dump_impl.h - a dump that is being read, the samples of its key, and the ring that keys go
 * through. Internal to survey/dump*.c. */
#pragma once

#include "audit/cost.h"
#include "audit/look.h"
#include "codec/rdb.h"
#include "survey/dump.h"

enum {
	SAMPLES_FRONT = AUDIT_ELEMENTS_MAX / 2, /* of a list; the rest is its end */
	SAMPLES_BACK = AUDIT_ELEMENTS_MAX - SAMPLES_FRONT,
	SAMPLE_STRIDE = AUDIT_ELEMENT_MAX + 64, /* not the same cache lines for each */
	SAMPLES_BYTES = AUDIT_ELEMENTS_MAX * 2 * AUDIT_ELEMENT_MAX,
};

/* A key's first elements, one behind the other in `bytes`; of a list the first half and, in a
 * ring of fixed places, the last ones, which follow at its end. */
struct dump_samples {
	struct audit_element *elements; /* AUDIT_ELEMENTS_MAX; the caller's, as are the bytes */
	char *bytes;                    /* SAMPLES_BYTES */
	size_t used;                    /* of them */
	bool is_list, open;             /* open: fields are added to the last element */
	uint64_t seen;
	struct str ring[SAMPLES_BACK]; /* values */
	char places[SAMPLES_BACK][SAMPLE_STRIDE];
};

void dump_samples_begin(struct dump_samples *samples, bool is_list, struct audit_element *elements,
			char *bytes);
void dump_samples_add(struct dump_samples *samples, struct str field, struct str value,
		      double score);
/* Of a stream's entry that was added last: `name\0value\0`. */
void dump_samples_field(struct dump_samples *samples, struct str name, struct str value);
/* How many there are. */
size_t dump_samples_end(struct dump_samples *samples);

/* ---- dump_ring.c: from the reader's thread to the caller's ---- */

enum {
	RING_BATCHES = 6,
	BATCH_KEYS = 128,
	BATCH_ELEMENTS = BATCH_KEYS * 16,
	KEY_BYTES_MAX = RDB_TEXT_MAX + AUDIT_VALUE_MAX + SAMPLES_BYTES,
	BATCH_BYTES = KEY_BYTES_MAX + (64 << 10), /* as long as the largest key fits, one more */
};

/* Keys in the file's order, with their texts. */
struct dump_batch {
	size_t n, n_elements, used /* of bytes */;
	int64_t read;         /* of the file, when its last key had been read */
	bool claimed, looked; /* somebody looks at its keys; has done so */
	struct audit_key keys[BATCH_KEYS];
	struct audit_look looks[BATCH_KEYS];
	struct audit_element elements[BATCH_ELEMENTS];
	char bytes[BATCH_BYTES];
};

struct dump_ring;

MUST_CHECK enum status dump_ring_create(const struct dump_config *config, struct dump_ring **out);
void dump_ring_destroy(struct dump_ring *ring); /* NULL-safe */
/* The reader's side. begin gives the batch in which the next key is to be made, behind the others
 * of its keys, elements and bytes: the largest one fits. It waits where the ring is full;
 * CANCELLED: the caller wants no more. put: the key is there, and its parts are counted. What
 * comes after `end` is an error of the program. */
MUST_CHECK enum status dump_ring_begin(struct dump_ring *ring, struct dump_batch **out);
void dump_ring_put(struct dump_ring *ring, int64_t read);
void dump_ring_end(struct dump_ring *ring);
/* The caller's side: the next batch, its keys looked at where there is somebody to do it; NULL
 * at the end. It is the ring's again with the next call. */
const struct dump_batch *dump_ring_take(struct dump_ring *ring);
void dump_ring_stop(struct dump_ring *ring);

struct dump {
	const struct dump_config *config;
	struct dump_totals *totals;
	struct dump_ring *ring;
	struct rdb *rdb;
	/* The reader's thread; the caller looks when that has ended. */
	int fd, errnum;
	enum status status;
	struct rdb_end end;
	int64_t read, long_names;
	struct dump_batch *batch; /* in which the key is made */
	struct audit_key *key;
	enum rdb_form form;
	uint64_t claimed;
	int64_t name_bytes;
	bool is_weighed; /* the elements' cost is known without them */
	struct audit_cost cost;
	struct dump_samples samples;
};
