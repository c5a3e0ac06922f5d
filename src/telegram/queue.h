/* queue.h - what waits to be sent, and what may go now.
 *
 * Limits (Bot API, "Bots FAQ": about 30 messages a second in all, 1 a second in a chat with
 * short bursts, 20 a minute in a group; the exact ones are not told). Each is kept with a
 * bucket whose size plus what flows in during the window is the limit, so that no window of
 * that length ever holds more: in all 2 and 29 a second; a chat 3 and 1 a second; a group
 * 3 and 1 in 3.34 s. Messages, pictures, edits and their tries count in both, TYPING and NOTICE
 * only in all.
 *
 *   queue ──► notices and typing, in order
 *         └─► chats, in turn ──► the message whose parts are going out, alerts, answers
 *
 * A chat has one message under way, so what it reads is in order; alerts of any chat go before
 * answers of any, and among equals chats take turns. TYPING older than QUEUE_TYPING_NS, a NOTICE
 * older than QUEUE_NOTICE_NS and answers older than QUEUE_ANSWER_NS are not sent (TIMEOUT);
 * alerts wait as long as they must.
 *
 * Long texts go in parts (parts.h) of BOT_TEXT_MAX; under a picture BOT_CAPTION_MAX, then texts.
 * Buttons are under the last part. Of an edit only the first part is sent, the rest is cut and
 * counted. Text that is not HTML as parts.h knows it goes as plain text.
 *
 * 429 stops its chat until retry_after is over; a second chat's meanwhile stops all. A try that
 * nobody knows the outcome of is repeated after 1, 2, 4, 8 s, QUEUE_TRIES in all; others of the
 * chat wait for it. A NOTICE is tried twice at once, TYPING once.
 *
 * Bounds: QUEUE_MESSAGES in all and QUEUE_CHAT_MESSAGES of one chat, QUEUE_BYTES of texts and
 * pictures. When all is full an alert takes the place of the oldest answers (they end with
 * FULL), anything else is refused. Each message is one allocation; a chat is remembered as long
 * as its limits need it.
 *
 * Pure: time is told (monotonic ns, never going back). One thread. */
#pragma once

#include "bot/wire.h"
#include "telegram/verdict.h"

enum {
	QUEUE_MESSAGES = 4096,
	QUEUE_CHAT_MESSAGES = 256,
	QUEUE_CHATS = 8192,
	QUEUE_BYTES = 32 << 20,
	QUEUE_TEXT_MAX = 64 << 10, /* bytes of one message's text */
	QUEUE_TRIES = 5,
};
#define QUEUE_TYPING_NS INT64_C(5000000000)
#define QUEUE_NOTICE_NS INT64_C(30000000000)
#define QUEUE_ANSWER_NS INT64_C(600000000000)

struct queue;
struct queue_message;

struct queue_config {
	size_t messages_max, bytes_max; /* 0: the bounds above, which are the most */
};

/* A request to make. Texts live until the next call of the queue but for queue_due_ns. */
struct queue_job {
	struct queue_message *message;
	enum bot_out_kind kind; /* parts behind a picture are TEXT */
	bool plain;             /* text is no HTML */
	bool caption;           /* of EDIT: it is a picture's caption */
	bool silent;
	int64_t chat_id, thread_id, message_id;
	struct str text;
	struct str photo, button_id;
	struct str markup; /* JSON of the buttons; "" none */
};

struct queue_end {
	uint64_t tag;
	enum status status; /* as telegram.h's on_end */
	int64_t message_id;
};

struct queue_counts {
	uint64_t accepted, refused, coalesced, cut, not_html;
	uint64_t sent, displaced, expired, blocked, gone, invalid, given_up; /* how they ended */
	uint64_t requests, parts;                                            /* taken; done */
	uint64_t limited, retries, plain;
};

struct queue_view {
	size_t waiting, under_way, chats, bytes;
	int64_t oldest_ns; /* since when the oldest is here; 0: there is none */
	int64_t hold_ns;   /* until when nothing goes; 0 or past: it may */
};

struct queue *queue_create(const struct queue_config *config); /* NULL: out of memory */
void queue_destroy(struct queue *queue);                       /* NULL is fine */

/* Copies. FULL, INVALID, RANGE (text, QUEUE_TEXT_MAX; photo, BOT_PHOTO_MAX; data) and
 * NO_MEMORY: not taken, counted. */
MUST_CHECK enum status queue_put(struct queue *queue, const struct bot_out *out, int64_t now_ns);
/* Ends what has waited too long; looks once a second. queue_take does so, too. */
void queue_expire(struct queue *queue, int64_t now_ns);
/* The next request that may go now; it is under way until queue_done. False: none. */
bool queue_take(struct queue *queue, int64_t now_ns, struct queue_job *job);
/* When queue_take may have something if nothing else happens; INT64_MAX: never. */
int64_t queue_due_ns(const struct queue *queue, int64_t now_ns);
void queue_done(struct queue *queue, struct queue_message *message, const struct verdict_told *told,
		int64_t now_ns);
/* It was not sent after all, for reasons of ours: as if it had not been taken, but its tokens
 * are spent. */
void queue_undo(struct queue *queue, struct queue_message *message);
/* Nothing goes before. Only lengthens what is there; 0 ends it. */
void queue_hold(struct queue *queue, int64_t until_ns);
/* One request of another kind wants to go out now: whether it may, and then it counts. */
bool queue_pass(struct queue *queue, int64_t now_ns);
/* Ends in the order they happened; those without a tag are not told. False: no more. */
bool queue_pop_end(struct queue *queue, struct queue_end *end);

const struct queue_counts *queue_counts(const struct queue *queue);
struct queue_view queue_view(const struct queue *queue);
