/* fake_request.h - a command on its way through the fake server, and queues of them
 * (its own files only). */
#pragma once

#include "fake_db.h"

struct request {
	struct request *next;
	uint64_t epoch; /* of the connection it was sent on */
	int64_t arrives_ns, answer_ns, deadline_ns;
	redis_reply_fn fn;
	void *ctx;
	size_t bytes, argc;
	struct str *argv;
	struct redis_reply *reply; /* NULL: not executed yet */
};

struct queue {
	struct request *first, **end;
};

void request_queue_init(struct queue *queue);
void request_queue_put(struct queue *queue, struct request *request);
struct request *request_queue_take(struct queue *queue); /* NULL: empty */
void request_queue_clear(struct queue *queue);
struct request *request_make(const struct str *argv, size_t argc); /* copies */
void request_free(struct request *request);
