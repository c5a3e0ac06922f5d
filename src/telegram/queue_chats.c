#include <stdlib.h>

#include "base/check.h"
#include "telegram/queue_impl.h"

/* burst + (window - 1 ns) / interval is the limit: 2 + 28 in 1 s, 3 + 17 in 60 s. */
const struct queue_rate queue_rate_all = { INT64_C(34482759), 2 };
static const struct queue_rate rate_chat = { INT64_C(1000000000), 3 };
static const struct queue_rate rate_group = { INT64_C(3340000000), 3 };

/* ---- lists ---- */

void queue_list_append(struct queue_list *list, struct queue_message *message)
{
	message->next = NULL;
	message->prev = list->last;
	if (list->last)
		list->last->next = message;
	else
		list->first = message;
	list->last = message;
}

void queue_list_prepend(struct queue_list *list, struct queue_message *message)
{
	message->prev = NULL;
	message->next = list->first;
	if (list->first)
		list->first->prev = message;
	else
		list->last = message;
	list->first = message;
}

void queue_list_remove(struct queue_list *list, struct queue_message *message)
{
	if (message->prev)
		message->prev->next = message->next;
	else
		list->first = message->next;
	if (message->next)
		message->next->prev = message->prev;
	else
		list->last = message->prev;
	message->next = message->prev = NULL;
}

/* ---- buckets ---- */

int64_t queue_bucket_due_ns(const struct queue_bucket *bucket, const struct queue_rate *rate)
{
	return bucket->full_ns - (rate->burst - 1) * rate->interval_ns;
}

void queue_bucket_spend(struct queue_bucket *bucket, const struct queue_rate *rate, int64_t now_ns)
{
	bucket->full_ns = (bucket->full_ns > now_ns ? bucket->full_ns : now_ns) + rate->interval_ns;
}

/* ---- chats ---- */

static struct queue_chat **hash_of(const struct queue *queue, int64_t id)
{
	uint64_t mixed = (uint64_t)id * UINT64_C(0x9E3779B97F4A7C15);
	return (struct queue_chat **)&queue->hash[mixed >> 32 & (QUEUE_HASH - 1)];
}

struct queue_chat *queue_chat_find(const struct queue *queue, int64_t id)
{
	struct queue_chat *chat = *hash_of(queue, id);
	while (chat && chat->id != id)
		chat = chat->hash_next;
	return chat;
}

/* Its limits are as those of a chat never seen. */
static bool is_forgotten(const struct queue_chat *chat, int64_t now_ns)
{
	return !chat->count && chat->bucket.full_ns <= now_ns && chat->not_before_ns <= now_ns;
}

static void forget(struct queue *queue, struct queue_chat **at, int64_t now_ns)
{
	while (*at) {
		struct queue_chat *chat = *at;
		if (!is_forgotten(chat, now_ns)) {
			at = &chat->hash_next;
			continue;
		}
		*at = chat->hash_next;
		free(chat);
		queue->chat_count--;
	}
}

struct queue_chat *queue_chat_get(struct queue *queue, int64_t id, bool group, int64_t now_ns)
{
	struct queue_chat **at = hash_of(queue, id);
	forget(queue, at, now_ns);
	struct queue_chat *chat = queue_chat_find(queue, id);
	if (chat) {
		chat->group |= group;
		return chat;
	}
	if (queue->chat_count == QUEUE_CHATS)
		for (size_t i = 0; i < QUEUE_HASH; i++)
			forget(queue, &queue->hash[i], now_ns);
	chat = queue->chat_count < QUEUE_CHATS ? calloc(1, sizeof *chat) : NULL;
	if (!chat)
		return NULL;
	chat->id = id;
	chat->group = group;
	chat->hash_next = *at;
	*at = chat;
	queue->chat_count++;
	return chat;
}

const struct queue_rate *queue_chat_rate(const struct queue_chat *chat)
{
	return chat->group ? &rate_group : &rate_chat;
}

/* Behind all others: before the one whose turn it is. */
void queue_chat_enter(struct queue *queue, struct queue_chat *chat)
{
	if (chat->next)
		return;
	if (!queue->ring) {
		queue->ring = chat->next = chat->prev = chat;
		return;
	}
	chat->next = queue->ring;
	chat->prev = queue->ring->prev;
	chat->prev->next = chat->next->prev = chat;
}

void queue_chat_leave(struct queue *queue, struct queue_chat *chat)
{
	if (!chat->next)
		return;
	if (queue->ring == chat)
		queue->ring = chat->next == chat ? NULL : chat->next;
	chat->prev->next = chat->next;
	chat->next->prev = chat->prev;
	chat->next = chat->prev = NULL;
}

struct queue_message *queue_chat_next(const struct queue_chat *chat)
{
	if (chat->under_way)
		return NULL;
	if (chat->started)
		return chat->started;
	struct queue_message *alert = chat->lanes[QUEUE_ALERTS].first;
	return alert ? alert : chat->lanes[QUEUE_ANSWERS].first;
}

void queue_chats_free(struct queue *queue)
{
	for (size_t i = 0; i < QUEUE_HASH; i++) {
		while (queue->hash[i]) {
			struct queue_chat *chat = queue->hash[i];
			queue->hash[i] = chat->hash_next;
			free(chat->started);
			for (size_t lane = 0; lane < QUEUE_LANES; lane++) {
				while (chat->lanes[lane].first) {
					struct queue_message *message = chat->lanes[lane].first;
					queue_list_remove(&chat->lanes[lane], message);
					free(message);
				}
			}
			free(chat);
		}
	}
}
