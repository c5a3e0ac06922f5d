/* rest_queue.h - the requests of one rest: those that wait, in their order, and room
 * for those under way (rest.c only).
 *
 * One list per priority and window of the budget: what waits for the one window does not
 * keep back what another lets go. A list is in the order of asking; a request that is
 * asked again goes back to its old place. Memory is fixed. */
#pragma once

#include "feed/rest.h"

struct rest_entry {
	struct rest_entry *next;
	uint64_t order; /* of asking */
	rest_answer_fn fn;
	void *ctx;
	enum rest_endpoint endpoint;
	enum rest_priority priority;
	int32_t weight;
	int tries; /* sent so often */
	size_t query_len;
	char query[REST_QUERY_MAX];
};

struct rest_list {
	struct rest_entry *first, *last;
};

struct rest_queue {
	struct rest_list lists[REST_PRIORITIES][REST_WINDOWS];
	struct rest_entry *free;
	uint64_t asked;
	size_t waiting;
	struct rest_entry entries[REST_QUEUE + REST_UNDER_WAY];
};

void rest_queue_init(struct rest_queue *queue);
/* An entry that is nobody's; NULL when REST_QUEUE wait. */
struct rest_entry *rest_queue_make(struct rest_queue *queue);
void rest_queue_release(struct rest_queue *queue, struct rest_entry *entry);
void rest_queue_put(struct rest_queue *queue, struct rest_entry *entry);
/* The most urgent one of a window, the oldest of those; NULL: none. */
struct rest_entry *rest_queue_first(const struct rest_queue *queue, enum rest_window window);
/* True: a goes before b. */
bool rest_queue_before(const struct rest_entry *a, const struct rest_entry *b);
/* Takes a rest_queue_first out. */
void rest_queue_pop(struct rest_queue *queue, struct rest_entry *entry);
/* Releases all of this ctx that wait. */
void rest_queue_cancel(struct rest_queue *queue, const void *ctx);
