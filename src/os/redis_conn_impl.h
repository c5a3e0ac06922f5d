/* redis_conn_impl.h - what redis_conn.c (state, commands, deadlines, losses) and
 * redis_greet.c (from the open socket to READY) share; nobody else includes it. */
#pragma once

#include "os/backoff.h"
#include "os/redis_conn.h"
#include "os/redis_link.h"
#include "os/redis_pending.h"
#include "os/resp_reader.h"

enum {
	REDIS_CONN_HURRY_NS = 2 * 1000 * 1000,
	REDIS_CONN_TEXT_MAX = 256,
	REDIS_CONN_PLACE_MAX = 4096,
};

enum redis_greeting { GREET_HELLO, GREET_SELECT, GREET_PING };

struct redis_conn {
	struct redis_port port; /* first: the port is the connection */
	struct loop *loop;
	struct redis_conn_config config; /* its texts point to the arrays below */
	char place[REDIS_CONN_PLACE_MAX], user[REDIS_CONN_TEXT_MAX], password[REDIS_CONN_TEXT_MAX],
	    name[REDIS_CONN_TEXT_MAX];
	char version[32];
	enum redis_conn_state state;
	enum redis_greeting greeting;
	struct redis_link link;
	struct resp_reader *reader;
	struct redis_pending pending;
	struct backoff backoff;
	struct rng rng;
	struct timer retry;    /* next attempt; next PING while LOADING */
	struct timer deadline; /* of the greeting, or of the oldest command */
	int64_t hurry_until_ns;
	int64_t silent_since_ns; /* a command timed out and no byte came since; 0: no */
	struct err why;          /* of the loss, when the greeting knows better */
	struct redis_conn_stats stats;
	struct loop_task end;
	void (*on_end)(void *ctx);
	void *on_end_ctx;
};

/* redis_conn.c */
void redis_conn_move(struct redis_conn *conn, enum redis_conn_state to);
void redis_conn_lose(struct redis_conn *conn, const struct err *why);
void redis_conn_end_pending(struct redis_conn *conn, enum status status);

/* redis_greet.c: ends in READY, in LOADING, or in redis_conn_lose. */
void redis_greet(struct redis_conn *conn, enum redis_greeting step);
void redis_greet_answer(struct redis_conn *conn, const struct redis_reply *reply);
