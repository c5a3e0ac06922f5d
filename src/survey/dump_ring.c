#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "survey/dump_impl.h"

struct dump_ring {
	const struct dump_config *config;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned produced, consumed; /* batches; produced - consumed are in the ring */
	bool ended, stopped;
	struct dump_batch *filling; /* the reader's; NULL: none was begun */
	struct dump_batch *taken;   /* the caller's */
	struct dump_batch batches[RING_BATCHES];
};

enum status dump_ring_create(const struct dump_config *config, struct dump_ring **out)
{
	/* Untouched pages of batches that are never full cost nothing. */
	struct dump_ring *ring = calloc(1, sizeof *ring);
	if (!ring)
		return STATUS_NO_MEMORY;
	ring->config = config;
	pthread_mutex_init(&ring->lock, NULL);
	pthread_cond_init(&ring->changed, NULL);
	*out = ring;
	return STATUS_OK;
}

void dump_ring_destroy(struct dump_ring *ring)
{
	if (!ring)
		return;
	pthread_mutex_destroy(&ring->lock);
	pthread_cond_destroy(&ring->changed);
	free(ring);
}

/* ---- looking: who has time does it ---- */

static void look(const struct dump_ring *ring, struct dump_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		ring->config->look(ring->config->look_ctx, &batch->keys[i], &batch->looks[i]);
		batch->keys[i].look = &batch->looks[i];
	}
}

/* The newest batch that nobody looks at: the caller goes on with the oldest, and comes to this
 * one when it has been looked at. Locked. */
static struct dump_batch *unclaimed(struct dump_ring *ring)
{
	for (unsigned at = ring->produced; at-- != ring->consumed;) {
		struct dump_batch *batch = &ring->batches[at % RING_BATCHES];
		if (!batch->claimed)
			return batch;
	}
	return NULL;
}

/* Locked before and after, not while it looks. False: there was nothing to look at. */
static bool help(struct dump_ring *ring)
{
	struct dump_batch *batch = ring->config->look && !ring->stopped ? unclaimed(ring) : NULL;
	if (!batch)
		return false;
	batch->claimed = true;
	pthread_mutex_unlock(&ring->lock);
	look(ring, batch);
	pthread_mutex_lock(&ring->lock);
	batch->looked = true;
	pthread_cond_signal(&ring->changed);
	return true;
}

/* ---- the reader's side ---- */

/* The largest key may not fit in any more. */
static bool is_full(const struct dump_batch *batch)
{
	return batch->n == BATCH_KEYS || batch->n_elements + AUDIT_ELEMENTS_MAX > BATCH_ELEMENTS ||
	       batch->used + KEY_BYTES_MAX > BATCH_BYTES;
}

static void hand_over(struct dump_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->produced++;
	ring->filling = NULL;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

static enum status begin_batch(struct dump_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->produced - ring->consumed == RING_BATCHES && !ring->stopped)
		if (!help(ring))
			pthread_cond_wait(&ring->changed, &ring->lock);
	bool stopped = ring->stopped;
	pthread_mutex_unlock(&ring->lock);
	if (stopped)
		return STATUS_CANCELLED;
	ring->filling = &ring->batches[ring->produced % RING_BATCHES];
	ring->filling->n = ring->filling->n_elements = ring->filling->used = 0;
	ring->filling->claimed = ring->filling->looked = false;
	return STATUS_OK;
}

enum status dump_ring_begin(struct dump_ring *ring, struct dump_batch **out)
{
	enum status status = ring->filling ? STATUS_OK : begin_batch(ring);
	*out = ring->filling;
	return status;
}

void dump_ring_put(struct dump_ring *ring, int64_t read)
{
	struct dump_batch *batch = ring->filling;
	const struct audit_key *key = &batch->keys[batch->n++];
	batch->n_elements += key->count;
	batch->read = read;
	CHECK(batch->used <= BATCH_BYTES && batch->n_elements <= BATCH_ELEMENTS);
	if (is_full(batch))
		hand_over(ring);
}

void dump_ring_end(struct dump_ring *ring)
{
	if (ring->filling && ring->filling->n)
		hand_over(ring);
	pthread_mutex_lock(&ring->lock);
	ring->ended = true;
	pthread_cond_signal(&ring->changed);
	while (help(ring))
		;
	pthread_mutex_unlock(&ring->lock);
}

/* ---- the caller's side ---- */

static void give_back(struct dump_ring *ring)
{
	if (!ring->taken)
		return;
	ring->taken = NULL;
	ring->consumed++;
	pthread_cond_signal(&ring->changed);
}

const struct dump_batch *dump_ring_take(struct dump_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	give_back(ring);
	while (ring->produced == ring->consumed && !ring->ended)
		pthread_cond_wait(&ring->changed, &ring->lock);
	bool more = ring->produced != ring->consumed;
	struct dump_batch *batch = more ? &ring->batches[ring->consumed % RING_BATCHES] : NULL;
	bool mine = batch && !batch->claimed;
	if (batch)
		batch->claimed = true;
	while (batch && !mine && !batch->looked)
		pthread_cond_wait(&ring->changed, &ring->lock);
	ring->taken = batch;
	pthread_mutex_unlock(&ring->lock);
	if (mine && ring->config->look)
		look(ring, batch);
	return batch;
}

void dump_ring_stop(struct dump_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->stopped = true;
	pthread_cond_signal(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}
