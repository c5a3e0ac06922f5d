#include "telegram/queue.h"

#include <stdlib.h>

#include "base/check.h"
#include "telegram/queue_impl.h"

enum { PART_BYTES = 2 << 20 };
static const int64_t second_ns = 1000000000;

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

static bool is_quick(enum bot_out_kind kind)
{
	return kind == BOT_OUT_TYPING || kind == BOT_OUT_NOTICE;
}

struct queue *queue_create(const struct queue_config *config)
{
	struct queue *queue = calloc(1, sizeof *queue);
	if (!queue)
		return NULL;
	CHECK(config->messages_max <= QUEUE_MESSAGES && config->bytes_max <= QUEUE_BYTES);
	queue->messages_max = config->messages_max ? config->messages_max : QUEUE_MESSAGES;
	queue->bytes_max = config->bytes_max ? config->bytes_max : QUEUE_BYTES;
	buf_init(&queue->part, PART_BYTES);
	return queue;
}

static void free_list(struct queue_list *list)
{
	while (list->first) {
		struct queue_message *message = list->first;
		queue_list_remove(list, message);
		free(message);
	}
}

void queue_destroy(struct queue *queue)
{
	if (!queue)
		return;
	queue_chats_free(queue);
	free_list(&queue->quick);
	free_list(&queue->flying);
	free_list(&queue->ended);
	buf_deinit(&queue->part);
	free(queue);
}

/* ---- room ---- */

/* Oldest that waits for an answer, but for `spared`. */
static struct queue_message *oldest_answer(const struct queue *queue,
					   const struct queue_message *spared)
{
	struct queue_message *oldest = NULL;
	const struct queue_chat *chat = queue->ring;
	for (bool more = chat != NULL; more; more = chat != queue->ring) {
		struct queue_message *message = chat->lanes[QUEUE_ANSWERS].first;
		if (message && message == spared)
			message = message->next;
		if (message && (!oldest || message->put_ns < oldest->put_ns))
			oldest = message;
		chat = chat->next;
	}
	return oldest;
}

/* For a message that takes the place of `old`, or of none. */
static bool make_room(struct queue *queue, const struct queue_message *message,
		      const struct queue_message *old)
{
	size_t old_bytes = old ? old->bytes : 0, old_count = old != NULL;
	if (message->bytes > queue->bytes_max)
		return false;
	while (queue->messages - old_count >= queue->messages_max ||
	       queue->bytes - old_bytes + message->bytes > queue->bytes_max) {
		struct queue_message *victim =
		    message->lane == QUEUE_ALERTS ? oldest_answer(queue, old) : NULL;
		if (!victim)
			return false;
		queue_message_end(queue, victim, STATUS_FULL);
	}
	return true;
}

/* ---- in ---- */

static struct queue_message *find_same(struct queue_chat *chat, struct str coalesce)
{
	for (size_t lane = 0; lane < QUEUE_LANES && coalesce.len; lane++)
		for (struct queue_message *m = chat->lanes[lane].first; m; m = m->next)
			if (str_eq(m->coalesce, coalesce))
				return m;
	return NULL;
}

/* Where `old` stands, if they share a lane. */
static void stand(struct queue_chat *chat, struct queue_message *message, struct queue_message *old)
{
	struct queue_list *lane = &chat->lanes[message->lane];
	if (!old || old->lane != message->lane) {
		queue_list_append(lane, message);
		return;
	}
	message->prev = old->prev;
	message->next = old;
	if (old->prev)
		old->prev->next = message;
	else
		lane->first = message;
	old->prev = message;
}

static enum status put_in_chat(struct queue *queue, struct queue_message *message, bool group,
			       int64_t now_ns)
{
	struct queue_chat *chat =
	    queue_chat_get(queue, message->chat_id, group || message->chat_id < 0, now_ns);
	struct queue_message *old = chat ? find_same(chat, message->coalesce) : NULL;
	bool is_full = !chat || (!old && chat->count >= QUEUE_CHAT_MESSAGES);
	if (is_full || !make_room(queue, message, old))
		return STATUS_FULL;
	message->chat = chat;
	stand(chat, message, old);
	chat->count++;
	queue_chat_enter(queue, chat);
	if (old)
		queue_message_end(queue, old, STATUS_CANCELLED);
	return STATUS_OK;
}

static enum status put_quick(struct queue *queue, struct queue_message *message)
{
	if (!make_room(queue, message, NULL))
		return STATUS_FULL;
	queue_list_append(&queue->quick, message);
	return STATUS_OK;
}

enum status queue_put(struct queue *queue, const struct bot_out *out, int64_t now_ns)
{
	struct queue_message *message = NULL;
	enum status status = queue_message_make(queue, out, &message);
	if (status == STATUS_OK) {
		message->put_ns = now_ns;
		status = is_quick(out->kind) ? put_quick(queue, message)
					     : put_in_chat(queue, message, out->group, now_ns);
	}
	if (status != STATUS_OK) {
		queue->counts.refused++;
		free(message);
		return status;
	}
	queue->counts.accepted++;
	queue->messages++;
	queue->bytes += message->bytes;
	return STATUS_OK;
}

/* ---- what has waited too long ---- */

static void expire_list(struct queue *queue, struct queue_message *message, int64_t now_ns)
{
	while (message) {
		struct queue_message *next = message->next;
		if (queue_message_dies_ns(message) <= now_ns)
			queue_message_end(queue, message, STATUS_TIMEOUT);
		message = next;
	}
}

void queue_expire(struct queue *queue, int64_t now_ns)
{
	if (now_ns < queue->look_ns)
		return;
	queue->look_ns = now_ns + second_ns;
	expire_list(queue, queue->quick.first, now_ns);
	struct queue_chat *chat = queue->ring, *last = chat ? chat->prev : NULL;
	for (bool more = chat != NULL; more;) {
		struct queue_chat *next = chat->next;
		more = chat != last;
		struct queue_message *started = chat->under_way ? NULL : chat->started;
		expire_list(queue, chat->lanes[QUEUE_ANSWERS].first, now_ns);
		expire_list(queue, started, now_ns);
		chat = next;
	}
}

/* ---- out ---- */

static int64_t chat_due_ns(const struct queue_chat *chat)
{
	int64_t due_ns = queue_bucket_due_ns(&chat->bucket, queue_chat_rate(chat));
	return later(due_ns, chat->not_before_ns);
}

static int64_t all_due_ns(const struct queue *queue)
{
	int64_t due_ns = queue_bucket_due_ns(&queue->bucket, &queue_rate_all);
	return later(due_ns, queue->hold_ns);
}

/* The first in turn with an alert, else the first in turn. */
static struct queue_chat *whose_turn(struct queue *queue, int64_t now_ns)
{
	struct queue_chat *chat = queue->ring, *found = NULL;
	for (bool more = chat != NULL; more; more = chat != queue->ring) {
		const struct queue_message *message = queue_chat_next(chat);
		bool may = message && chat_due_ns(chat) <= now_ns;
		if (may && message->lane == QUEUE_ALERTS)
			return chat;
		if (may && !found)
			found = chat;
		chat = chat->next;
	}
	return found;
}

static void take_from_chat(struct queue *queue, struct queue_chat *chat, int64_t now_ns,
			   struct queue_job *job)
{
	struct queue_message *message = queue_chat_next(chat);
	if (chat->started != message)
		queue_list_remove(&chat->lanes[message->lane], message);
	chat->started = message;
	chat->under_way = true;
	queue_bucket_spend(&chat->bucket, queue_chat_rate(chat), now_ns);
	queue_chat_leave(queue, chat);
	queue_chat_enter(queue, chat);
	queue_message_part(queue, message, job);
}

static void take_quick(struct queue *queue, struct queue_job *job)
{
	struct queue_message *message = queue->quick.first;
	queue_list_remove(&queue->quick, message);
	queue_list_append(&queue->flying, message);
	queue_message_part(queue, message, job);
}

bool queue_take(struct queue *queue, int64_t now_ns, struct queue_job *job)
{
	queue_expire(queue, now_ns);
	if (all_due_ns(queue) > now_ns)
		return false;
	struct queue_chat *chat = queue->quick.first ? NULL : whose_turn(queue, now_ns);
	if (queue->quick.first)
		take_quick(queue, job);
	else if (chat)
		take_from_chat(queue, chat, now_ns, job);
	else
		return false;
	job->message->under_way = true;
	queue->under_way++;
	queue->counts.requests++;
	queue_bucket_spend(&queue->bucket, &queue_rate_all, now_ns);
	return true;
}

int64_t queue_due_ns(const struct queue *queue, int64_t now_ns)
{
	int64_t all_ns = later(all_due_ns(queue), now_ns);
	if (queue->messages == queue->under_way)
		return INT64_MAX;
	int64_t due_ns = later(queue->look_ns, now_ns);
	if (queue->quick.first)
		return due_ns < all_ns ? due_ns : all_ns;
	const struct queue_chat *chat = queue->ring;
	for (bool more = chat != NULL; more && due_ns > all_ns; more = chat != queue->ring) {
		int64_t chat_ns = later(chat_due_ns(chat), all_ns);
		if (queue_chat_next(chat) && chat_ns < due_ns)
			due_ns = chat_ns;
		chat = chat->next;
	}
	return due_ns;
}

bool queue_pass(struct queue *queue, int64_t now_ns)
{
	if (all_due_ns(queue) > now_ns)
		return false;
	queue_bucket_spend(&queue->bucket, &queue_rate_all, now_ns);
	return true;
}

void queue_hold(struct queue *queue, int64_t until_ns)
{
	queue->hold_ns = until_ns ? later(queue->hold_ns, until_ns) : 0;
}

/* ---- told ---- */

bool queue_pop_end(struct queue *queue, struct queue_end *end)
{
	struct queue_message *message = queue->ended.first;
	if (!message)
		return false;
	queue_list_remove(&queue->ended, message);
	*end = message->end;
	free(message);
	return true;
}

const struct queue_counts *queue_counts(const struct queue *queue) { return &queue->counts; }

static int64_t older(int64_t oldest_ns, const struct queue_message *message)
{
	return message && message->put_ns < oldest_ns ? message->put_ns : oldest_ns;
}

struct queue_view queue_view(const struct queue *queue)
{
	int64_t oldest_ns = older(INT64_MAX, queue->quick.first);
	const struct queue_chat *chat = queue->ring;
	for (bool more = chat != NULL; more; more = chat != queue->ring) {
		oldest_ns = older(oldest_ns, chat->started);
		for (size_t lane = 0; lane < QUEUE_LANES; lane++)
			oldest_ns = older(oldest_ns, chat->lanes[lane].first);
		chat = chat->next;
	}
	return (struct queue_view){ .waiting = queue->messages - queue->under_way,
				    .under_way = queue->under_way,
				    .chats = queue->chat_count,
				    .bytes = queue->bytes,
				    .oldest_ns = oldest_ns == INT64_MAX ? 0 : oldest_ns,
				    .hold_ns = queue->hold_ns };
}
