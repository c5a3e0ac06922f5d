/* queue_impl.h - the queue's own parts. */
#pragma once

#include "telegram/parts.h"
#include "telegram/queue.h"

enum { QUEUE_HASH = 1024 };

/* Of a bucket: tokens are `burst`, one comes each interval_ns. */
struct queue_rate {
	int64_t interval_ns, burst;
};

/* A bucket as the time at which it would be full (generic cell rate algorithm, ITU-T I.371). */
struct queue_bucket {
	int64_t full_ns;
};

enum queue_lane { QUEUE_ALERTS, QUEUE_ANSWERS, QUEUE_LANES };

struct queue_list {
	struct queue_message *first, *last;
};

struct queue_chat {
	int64_t id;
	bool group;
	struct queue_chat *hash_next;
	struct queue_chat *prev, *next; /* in the ring; NULL: it has no messages */
	struct queue_list lanes[QUEUE_LANES];
	struct queue_message *started; /* under way, or with parts that are not sent */
	bool under_way;
	size_t count; /* of its messages */
	struct queue_bucket bucket;
	int64_t not_before_ns;
};

struct queue_message {
	struct queue_message *next, *prev;
	struct queue_chat *chat; /* NULL: TYPING, NOTICE */
	enum bot_out_kind kind;
	enum queue_lane lane;
	bool silent, plain, caption, under_way;
	int64_t chat_id, thread_id, message_id;
	int64_t put_ns;
	struct str text, photo, button_id, markup, coalesce;
	struct parts parts; /* what is not sent; of plain: rest */
	struct parts after; /* behind the part under way */
	uint32_t part, tries;
	uint64_t tag;
	size_t bytes;
	struct queue_end end;
	char storage[];
};

struct queue {
	size_t messages_max, bytes_max;
	size_t messages, bytes, under_way, chat_count;
	struct queue_chat *hash[QUEUE_HASH];
	struct queue_chat *ring;    /* whose turn it is; NULL: none has messages */
	struct queue_list quick;    /* TYPING, NOTICE that wait */
	struct queue_list flying;   /* those under way */
	struct queue_list ended;    /* with a tag, to be told */
	int64_t look_ns;            /* when to look next for what has waited too long */
	struct queue_bucket bucket; /* in all */
	int64_t hold_ns;
	int64_t limited_chat, limited_ns; /* the last 429's */
	struct buf part;                  /* the text of the part taken */
	struct queue_counts counts;
};

extern const struct queue_rate queue_rate_all;

/* ---- lists ---- */
void queue_list_append(struct queue_list *list, struct queue_message *message);
void queue_list_prepend(struct queue_list *list, struct queue_message *message);
void queue_list_remove(struct queue_list *list, struct queue_message *message);

/* ---- buckets ---- */
int64_t queue_bucket_due_ns(const struct queue_bucket *bucket, const struct queue_rate *rate);
void queue_bucket_spend(struct queue_bucket *bucket, const struct queue_rate *rate, int64_t now_ns);

/* ---- chats ---- */
/* NULL: out of memory, or QUEUE_CHATS are in use. */
struct queue_chat *queue_chat_get(struct queue *queue, int64_t id, bool group, int64_t now_ns);
struct queue_chat *queue_chat_find(const struct queue *queue, int64_t id);
const struct queue_rate *queue_chat_rate(const struct queue_chat *chat);
void queue_chat_enter(struct queue *queue, struct queue_chat *chat); /* it has messages now */
void queue_chat_leave(struct queue *queue, struct queue_chat *chat);
/* What would go next; NULL: nothing, or it has one under way. */
struct queue_message *queue_chat_next(const struct queue_chat *chat);
void queue_chats_free(struct queue *queue);

/* ---- messages ---- */
MUST_CHECK enum status queue_message_make(struct queue *queue, const struct bot_out *out,
					  struct queue_message **message);
/* Renders the part that is next into queue->part and the job. */
void queue_message_part(struct queue *queue, struct queue_message *message, struct queue_job *job);
/* Out of every list, its room given back, its end told if anybody waits. */
void queue_message_end(struct queue *queue, struct queue_message *message, enum status status);
/* Longest time it may wait. */
int64_t queue_message_dies_ns(const struct queue_message *message);
/* JSON of buttons. */
void queue_put_markup(struct buf *out, const struct bot_row *rows, size_t count);
