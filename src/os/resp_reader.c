#include "os/resp_reader.h"

#include <hiredis/read.h>
#include <stdlib.h>

#include "base/check.h"

enum { CHUNK_BYTES = 64 * 1024, KEEP_BUFFER_BYTES = 1 << 20 };

const struct resp_limits resp_limits_default = {
	.bulk_bytes_max = 16 << 20,
	.array_items_max = 1 << 20,
	.reply_bytes_max = 256 << 20,
};

struct chunk {
	struct chunk *next;
	size_t used, size;
	char bytes[] __attribute__((aligned(16)));
};

struct resp_reader {
	redisReader *lexer;
	struct resp_limits limits;
	struct chunk *chunks; /* newest first; the last one is kept between replies */
	size_t reply_bytes;
	const char *why; /* not NULL: dead */
};

static struct chunk *chunk_create(size_t size)
{
	struct chunk *chunk = malloc(sizeof *chunk + size);
	if (chunk)
		*chunk = (struct chunk){ .size = size };
	return chunk;
}

static void *arena_take(struct resp_reader *reader, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	reader->reply_bytes += size;
	if (reader->reply_bytes > reader->limits.reply_bytes_max) {
		reader->why = "a reply beyond the bound of bytes";
		return NULL;
	}
	struct chunk *chunk = reader->chunks;
	if (size > chunk->size - chunk->used) {
		chunk = chunk_create(size > CHUNK_BYTES ? size : CHUNK_BYTES);
		if (!chunk)
			return NULL;
		chunk->next = reader->chunks;
		reader->chunks = chunk;
	}
	void *at = chunk->bytes + chunk->used;
	chunk->used += size;
	return at;
}

static void arena_reset(struct resp_reader *reader)
{
	while (reader->chunks->next) {
		struct chunk *next = reader->chunks->next;
		free(reader->chunks);
		reader->chunks = next;
	}
	reader->chunks->used = 0;
	reader->reply_bytes = 0;
}

/* The place of the object being read: the root, or its slot in the parent's items. */
static struct redis_reply *slot_of(const redisReadTask *task)
{
	if (!task->parent)
		return arena_take(task->privdata, sizeof(struct redis_reply));
	const struct redis_reply *parent = task->parent->obj;
	CHECK(task->idx >= 0 && (size_t)task->idx < parent->count);
	return (struct redis_reply *)&parent->items[task->idx];
}

static enum redis_type type_of(const redisReadTask *task)
{
	return task->type == REDIS_REPLY_STATUS  ? REDIS_STATUS
	       : task->type == REDIS_REPLY_ERROR ? REDIS_ERROR
						 : REDIS_BULK;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t len)
{
	struct resp_reader *reader = task->privdata;
	if (len > reader->limits.bulk_bytes_max) {
		reader->why = "a bulk beyond the bound of bytes";
		return NULL;
	}
	struct redis_reply *reply = slot_of(task);
	char *copy = reply ? arena_take(reader, len + 1) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, bytes, len);
	copy[len] = 0;
	*reply = (struct redis_reply){ .type = type_of(task), .text = { copy, len } };
	return reply;
}

static void *create_array(const redisReadTask *task, int count)
{
	struct resp_reader *reader = task->privdata;
	if (count < 0 || (size_t)count > reader->limits.array_items_max) {
		reader->why = "an array beyond the bound of elements";
		return NULL;
	}
	struct redis_reply *reply = slot_of(task);
	size_t size = (size_t)count * sizeof(struct redis_reply);
	struct redis_reply *items = reply ? arena_take(reader, size) : NULL;
	if (!items)
		return NULL;
	memset(items, 0, size);
	*reply =
	    (struct redis_reply){ .type = REDIS_ARRAY, .count = (size_t)count, .items = items };
	return reply;
}

static void *create_integer(const redisReadTask *task, long long value)
{
	struct redis_reply *reply = slot_of(task);
	if (reply)
		*reply = (struct redis_reply){ .type = REDIS_INTEGER, .integer = value };
	return reply;
}

static void *create_nil(const redisReadTask *task)
{
	struct redis_reply *reply = slot_of(task);
	if (reply)
		*reply = (struct redis_reply){ .type = REDIS_NIL };
	return reply;
}

/* Everything lives in the arena. */
static void free_object(void *object) { (void)object; }

static redisReplyObjectFunctions object_functions = { create_string, create_array, create_integer,
						      create_nil, free_object };

struct resp_reader *resp_reader_create(const struct resp_limits *limits)
{
	struct resp_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return NULL;
	reader->limits = *limits;
	reader->chunks = chunk_create(CHUNK_BYTES);
	reader->lexer = redisReaderCreateWithFunctions(&object_functions);
	if (!reader->chunks || !reader->lexer) {
		resp_reader_destroy(reader);
		return NULL;
	}
	reader->lexer->privdata = reader;
	reader->lexer->maxbuf = KEEP_BUFFER_BYTES;
	return reader;
}

void resp_reader_destroy(struct resp_reader *reader)
{
	if (!reader)
		return;
	if (reader->lexer)
		redisReaderFree(reader->lexer);
	for (struct chunk *next; reader->chunks; reader->chunks = next) {
		next = reader->chunks->next;
		free(reader->chunks);
	}
	free(reader);
}

enum status resp_reader_feed(struct resp_reader *reader, struct str bytes)
{
	if (!reader->why && redisReaderFeed(reader->lexer, bytes.ptr, bytes.len) != REDIS_OK)
		reader->why = reader->lexer->errstr;
	return reader->why ? STATUS_REDIS_PROTOCOL : STATUS_OK;
}

/* What the lexer holds without having used it is one unfinished item at most. */
static bool holds_too_much(const struct resp_reader *reader)
{
	return reader->lexer->len - reader->lexer->pos >
	       reader->limits.bulk_bytes_max + CHUNK_BYTES * 8;
}

enum status resp_reader_next(struct resp_reader *reader, const struct redis_reply **out)
{
	void *reply = NULL;
	if (reader->why)
		return STATUS_REDIS_PROTOCOL;
	if (!redisReaderGetObject(reader->lexer))
		arena_reset(reader);
	if (redisReaderGetReply(reader->lexer, &reply) != REDIS_OK) {
		if (!reader->why)
			reader->why = reader->lexer->errstr;
		return STATUS_REDIS_PROTOCOL;
	}
	if (reply) {
		*out = reply;
		return STATUS_OK;
	}
	if (holds_too_much(reader)) {
		reader->why = "a bulk beyond the bound of bytes";
		return STATUS_REDIS_PROTOCOL;
	}
	return STATUS_NOT_FOUND;
}

const char *resp_reader_why(const struct resp_reader *reader)
{
	return reader->why ? reader->why : "";
}
