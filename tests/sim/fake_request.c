#include "fake_request.h"

#include <stdlib.h>

#include "base/check.h"

void request_queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

void request_queue_put(struct queue *queue, struct request *request)
{
	request->next = NULL;
	*queue->end = request;
	queue->end = &request->next;
}

struct request *request_queue_take(struct queue *queue)
{
	struct request *request = queue->first;
	if (!request)
		return NULL;
	queue->first = request->next;
	if (!queue->first)
		queue->end = &queue->first;
	return request;
}

struct request *request_make(const struct str *argv, size_t argc)
{
	size_t bytes = 0;
	for (size_t i = 0; i < argc; i++)
		bytes += argv[i].len;
	struct request *request = calloc(1, sizeof *request);
	CHECK(request && argc > 0);
	request->bytes = bytes;
	request->argc = argc;
	request->argv = malloc(argc * sizeof *argv + bytes);
	CHECK(request->argv);
	char *at = (char *)(request->argv + argc);
	for (size_t i = 0; i < argc; i++) {
		if (argv[i].len)
			memcpy(at, argv[i].ptr, argv[i].len);
		request->argv[i] = str_make(at, argv[i].len);
		at += argv[i].len;
	}
	return request;
}

void request_free(struct request *request)
{
	fake_reply_free(request->reply);
	free(request->argv);
	free(request);
}

void request_queue_clear(struct queue *queue)
{
	struct request *request;
	while ((request = request_queue_take(queue)))
		request_free(request);
}
