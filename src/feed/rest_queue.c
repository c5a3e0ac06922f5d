#include "feed/rest_queue.h"

#include "base/check.h"

void rest_queue_init(struct rest_queue *queue)
{
	for (size_t i = 0; i < ARRAY_LEN(queue->entries); i++)
		rest_queue_release(queue, &queue->entries[i]);
}

struct rest_entry *rest_queue_make(struct rest_queue *queue)
{
	struct rest_entry *entry = queue->free;
	if (queue->waiting >= REST_QUEUE)
		return NULL;
	CHECK(entry); /* there are REST_UNDER_WAY more than may wait */
	queue->free = entry->next;
	*entry = (struct rest_entry){ .order = queue->asked++ };
	return entry;
}

void rest_queue_release(struct rest_queue *queue, struct rest_entry *entry)
{
	entry->next = queue->free;
	queue->free = entry;
}

static struct rest_list *list_of(struct rest_queue *queue, const struct rest_entry *entry)
{
	return &queue->lists[entry->priority][rest_row(entry->endpoint)->window];
}

/* A new one goes to the end; one that is asked again is older than nearly all. */
void rest_queue_put(struct rest_queue *queue, struct rest_entry *entry)
{
	struct rest_list *list = list_of(queue, entry);
	struct rest_entry **at = &list->first;
	if (list->last && list->last->order < entry->order)
		at = &list->last->next;
	while (*at && (*at)->order < entry->order)
		at = &(*at)->next;
	entry->next = *at;
	*at = entry;
	if (!entry->next)
		list->last = entry;
	queue->waiting++;
}

struct rest_entry *rest_queue_first(const struct rest_queue *queue, enum rest_window window)
{
	for (int priority = 0; priority < REST_PRIORITIES; priority++)
		if (queue->lists[priority][window].first)
			return queue->lists[priority][window].first;
	return NULL;
}

bool rest_queue_before(const struct rest_entry *a, const struct rest_entry *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->order < b->order;
}

void rest_queue_pop(struct rest_queue *queue, struct rest_entry *entry)
{
	struct rest_list *list = list_of(queue, entry);
	CHECK(list->first == entry);
	list->first = entry->next;
	if (!list->first)
		list->last = NULL;
	queue->waiting--;
}

static void cancel_in(struct rest_queue *queue, struct rest_list *list, const void *ctx)
{
	struct rest_entry **at = &list->first;
	list->last = NULL;
	while (*at) {
		struct rest_entry *entry = *at;
		if (entry->ctx == ctx) {
			*at = entry->next;
			queue->waiting--;
			rest_queue_release(queue, entry);
		} else {
			list->last = entry;
			at = &entry->next;
		}
	}
}

void rest_queue_cancel(struct rest_queue *queue, const void *ctx)
{
	for (int priority = 0; priority < REST_PRIORITIES; priority++)
		for (int window = 0; window < REST_WINDOWS; window++)
			cancel_in(queue, &queue->lists[priority][window], ctx);
}
