#include "os/read_ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { BLOCKS = 4, BLOCK_BYTES = 256 * 1024 };

struct block {
	size_t len; /* 0: the end, or an error */
	enum status status;
	struct err err;
	uint64_t file_bytes;
	char bytes[BLOCK_BYTES];
};

struct read_ahead {
	struct text_source *source;
	pthread_t worker;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned produced, consumed; /* blocks; produced - consumed are in the ring */
	bool stopping;
	size_t pos; /* in the block being consumed */
	uint64_t file_bytes;
	struct block blocks[BLOCKS];
};

static void fill(struct read_ahead *ahead, struct block *block)
{
	block->len = 0;
	do {
		size_t got = 0;
		block->status = text_source_read(ahead->source, block->bytes + block->len,
						 BLOCK_BYTES - block->len, &got, &block->err);
		if (block->status != STATUS_OK || got == 0)
			break;
		block->len += got;
	} while (block->len < BLOCK_BYTES / 2);
	block->file_bytes = text_source_file_bytes(ahead->source);
}

static bool wait_for_room(struct read_ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	while (ahead->produced - ahead->consumed == BLOCKS && !ahead->stopping)
		pthread_cond_wait(&ahead->changed, &ahead->lock);
	bool go_on = !ahead->stopping;
	pthread_mutex_unlock(&ahead->lock);
	return go_on;
}

/* A block that ends in an error or holds nothing is the last. */
static void *work(void *ctx)
{
	struct read_ahead *ahead = ctx;
	bool more = true;
	while (more && wait_for_room(ahead)) {
		struct block *block = &ahead->blocks[ahead->produced % BLOCKS];
		fill(ahead, block);
		more = block->status == STATUS_OK && block->len > 0;
		pthread_mutex_lock(&ahead->lock);
		ahead->produced++;
		pthread_cond_signal(&ahead->changed);
		pthread_mutex_unlock(&ahead->lock);
	}
	return NULL;
}

/* Signals are the loop thread's. */
static int start_thread(struct read_ahead *ahead)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int code = pthread_create(&ahead->worker, NULL, work, ahead);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

enum status read_ahead_start(struct text_source *source, struct read_ahead **out, struct err *err)
{
	struct read_ahead *ahead = malloc(sizeof *ahead);
	if (!ahead) {
		text_source_close(source);
		return err_set(err, STATUS_NO_MEMORY, "read ahead: out of memory");
	}
	memset(ahead, 0, offsetof(struct read_ahead, blocks));
	ahead->source = source;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	int code = start_thread(ahead);
	if (code) {
		text_source_close(source);
		free(ahead);
		return err_errno(err, code, "read ahead");
	}
	*out = ahead;
	return STATUS_OK;
}

void read_ahead_stop(struct read_ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->stopping = true;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
	pthread_join(ahead->worker, NULL);
	pthread_mutex_destroy(&ahead->lock);
	pthread_cond_destroy(&ahead->changed);
	text_source_close(ahead->source);
	free(ahead);
}

static struct block *current(struct read_ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	while (ahead->produced == ahead->consumed)
		pthread_cond_wait(&ahead->changed, &ahead->lock);
	pthread_mutex_unlock(&ahead->lock);
	return &ahead->blocks[ahead->consumed % BLOCKS];
}

static void give_back(struct read_ahead *ahead)
{
	ahead->pos = 0;
	pthread_mutex_lock(&ahead->lock);
	ahead->consumed++;
	pthread_cond_signal(&ahead->changed);
	pthread_mutex_unlock(&ahead->lock);
}

enum status read_ahead_read(struct read_ahead *ahead, char *at, size_t size, size_t *got,
			    struct err *err)
{
	struct block *block = current(ahead);
	ahead->file_bytes = block->file_bytes;
	size_t left = block->len - ahead->pos;
	if (!left) { /* the last block: it stays, and says the same every time */
		*got = 0;
		if (block->status != STATUS_OK && err)
			*err = block->err;
		return block->status;
	}
	*got = left < size ? left : size;
	memcpy(at, block->bytes + ahead->pos, *got);
	ahead->pos += *got;
	if (*got == left && block->status == STATUS_OK)
		give_back(ahead);
	return STATUS_OK;
}

uint64_t read_ahead_file_bytes(const struct read_ahead *ahead) { return ahead->file_bytes; }
