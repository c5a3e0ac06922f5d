/* push_impl.h - what the files of push.h share. Not for anybody else.
 *
 *   push.c       clients, topics, time           push_in.c    what clients say
 *   push_tell.c  messages                        push_rows.c  which rows have changed */
#pragma once

#include "serve/push.h"

enum { PUSH_NOT_THERE = -1 };

struct push_row {
	uint32_t at, len, key_at, key_len; /* in the topic's text */
};

struct push_rows {
	struct push_row *rows; /* room for PUSH_ROWS; NULL: not yet */
	size_t count;
	bool known; /* they could be read, and all fitted */
};

struct push_topic {
	struct http_call call; /* first: the port's side, for render */
	struct push *push;
	enum push_kind kind;
	char name[PUSH_NAME_MAX + 1]; /* "" free */
	unsigned listeners;
	bool rendering;
	int64_t due_ns;
	int64_t whole_ns; /* when all of it was told last */
	uint64_t version; /* of what was told last; 0 nothing yet */
	struct buf text[2];
	struct push_rows rows[2];
	int newest;         /* of the two */
	struct buf bars[2]; /* of bars: the one before the newest, the newest, as told last */
};

struct push_listen {
	int topic;        /* PUSH_NOT_THERE: free */
	uint64_t version; /* that the client has; 0: it needs all of it */
};

struct push_client {
	struct push *push;
	struct http_ws *ws; /* NULL: free, or not connected yet */
	bool is_used, is_paused;
	struct push_listen listens[PUSH_CLIENT_TOPICS];
	int64_t behind_since_ns; /* 0: it is not */
	int64_t asks_second;
	unsigned asks;
};

struct push {
	struct push_hooks hooks;
	struct push_client clients[PUSH_CLIENTS];
	struct push_topic topics[PUSH_TOPICS];
	struct buf whole, change; /* messages under way */
	int64_t now_ns, wall_ms;
	struct push_counts counts;
};

struct push_topic_row {
	const char *name;
	int64_t period_ms;
	const char *argument, *list, *key;
};
const struct push_topic_row *push_topic_row(enum push_kind kind);
struct str push_argument(const struct push_topic *topic); /* behind the colon; "" none */

/* push.c */
/* NULL, or why not. */
const char *push_listen(struct push_client *client, struct str name);
void push_unlisten(struct push_client *client, int topic);
int push_find(const struct push *push, struct str name); /* PUSH_NOT_THERE */

/* push_in.c */
void push_message(void *client, struct http_ws *ws, struct str text);

/* push_tell.c */
void push_error(struct push_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* True: the client takes nothing now: it is paused, or behind. */
bool push_is_held(struct push_client *client);
/* The topic's answer has come (text[newest]). */
void push_tell(struct push_topic *topic);
/* Bars that changed, to those who have the rest. */
void push_tell_bars(struct push_topic *topic);

/* push_rows.c */
/* Room for them; false: no memory. */
bool push_rows_open(struct push_rows *rows);
void push_rows_read(struct push_rows *rows, struct str text, const char *list, const char *key);
/* "changed":[…],"gone":[…] */
void push_rows_put(const struct push_rows *was, struct str was_text, const struct push_rows *now,
		   struct str now_text, struct buf *out);
