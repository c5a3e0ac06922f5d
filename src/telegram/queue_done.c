/* What becomes of a message when its request has ended. */
#include "base/check.h"
#include "telegram/queue_impl.h"

enum { NOTICE_TRIES = 2 };
static const int64_t second_ns = 1000000000;

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* Back to where it was, before others of its lane unless parts of it are out. */
static void put_back(struct queue *queue, struct queue_message *message)
{
	struct queue_chat *chat = message->chat;
	if (!chat) {
		queue_list_remove(&queue->flying, message);
		queue_list_append(&queue->quick, message);
	} else if (message->part == 0) {
		chat->started = NULL;
		queue_list_prepend(&chat->lanes[message->lane], message);
	}
	message->under_way = false;
	if (chat)
		chat->under_way = false;
	queue->under_way--;
}

static void end(struct queue *queue, struct queue_message *message, enum status status)
{
	struct queue_chat *chat = message->chat;
	if (chat)
		chat->under_way = false;
	queue->under_way--;
	queue_message_end(queue, message, status);
}

void queue_undo(struct queue *queue, struct queue_message *message)
{
	CHECK(message->under_way);
	queue->counts.requests--;
	put_back(queue, message);
}

static void done(struct queue *queue, struct queue_message *message, int64_t message_id)
{
	message->parts = message->after;
	message->tries = 0;
	message->part++;
	queue->counts.parts++;
	if (message_id && message->kind != BOT_OUT_EDIT && message->kind != BOT_OUT_REPHOTO)
		message->message_id = message_id;
	if (parts_more(&message->parts))
		put_back(queue, message);
	else
		end(queue, message, STATUS_OK);
}

/* The HTML, or the kind of edit, was not the one: once more with the other. */
static void otherwise(struct queue *queue, struct queue_message *message, bool *changed)
{
	if (*changed) {
		end(queue, message, STATUS_INVALID);
		return;
	}
	*changed = true;
	put_back(queue, message);
}

static void again(struct queue *queue, struct queue_message *message, int64_t now_ns)
{
	uint32_t tries_max = message->kind == BOT_OUT_TYPING   ? 1
			     : message->kind == BOT_OUT_NOTICE ? NOTICE_TRIES
							       : QUEUE_TRIES;
	if (++message->tries >= tries_max) {
		end(queue, message, STATUS_UNAVAILABLE);
		return;
	}
	queue->counts.retries++;
	if (message->chat)
		message->chat->not_before_ns = later(message->chat->not_before_ns,
						     now_ns + (second_ns << (message->tries - 1)));
	put_back(queue, message);
}

/* A second beyond what was asked for: the other side counts in whole ones. */
static void limited(struct queue *queue, struct queue_message *message, int64_t retry_s,
		    int64_t now_ns)
{
	int64_t until_ns = now_ns + (retry_s + 1) * second_ns;
	struct queue_chat *chat = queue_chat_find(queue, message->chat_id);
	queue->counts.limited++;
	if (queue->limited_ns > now_ns && queue->limited_chat != message->chat_id)
		queue_hold(queue, later(until_ns, queue->limited_ns));
	queue->limited_chat = message->chat_id;
	queue->limited_ns = until_ns;
	if (chat)
		chat->not_before_ns = later(chat->not_before_ns, until_ns);
	if (message->kind == BOT_OUT_TYPING)
		end(queue, message, STATUS_UNAVAILABLE);
	else if (message->chat)
		put_back(queue, message);
	else
		again(queue, message, now_ns);
}

static void blocked(struct queue *queue, struct queue_message *message)
{
	struct queue_chat *chat = message->chat;
	end(queue, message, STATUS_REFUSED);
	for (size_t lane = 0; chat && lane < QUEUE_LANES; lane++)
		while (chat->lanes[lane].first)
			queue_message_end(queue, chat->lanes[lane].first, STATUS_REFUSED);
}

void queue_done(struct queue *queue, struct queue_message *message, const struct verdict_told *told,
		int64_t now_ns)
{
	CHECK(message->under_way && queue->under_way);
	switch (told->verdict) {
	case VERDICT_DONE:
	case VERDICT_SAME: done(queue, message, told->message_id); break;
	case VERDICT_PLAIN:
		queue->counts.plain += !message->plain;
		otherwise(queue, message, &message->plain);
		break;
	case VERDICT_CAPTION:
		if (message->kind == BOT_OUT_EDIT)
			otherwise(queue, message, &message->caption);
		else
			end(queue, message, STATUS_INVALID);
		break;
	case VERDICT_LIMITED: limited(queue, message, told->retry_s, now_ns); break;
	case VERDICT_BLOCKED: blocked(queue, message); break;
	case VERDICT_GONE: end(queue, message, STATUS_NOT_FOUND); break;
	case VERDICT_INVALID: end(queue, message, STATUS_INVALID); break;
	case VERDICT_TOKEN:
	case VERDICT_CONFLICT:
	case VERDICT_AGAIN: again(queue, message, now_ns); break;
	}
}
