/* telegram_impl.h - the shell's own parts: polling, sending, and the chores between
 * (getMe, menus). */
#pragma once

#include "os/backoff.h"
#include "telegram/queue.h"
#include "telegram/request.h"
#include "telegram/telegram.h"
#include "telegram/updates.h"

enum {
	TELEGRAM_ROOT_BYTES = TELEGRAM_URL_MAX + TELEGRAM_TOKEN_MAX + 8,
	TELEGRAM_METHOD_BYTES = 32,
	TELEGRAM_NAME_BYTES = 64,
	TELEGRAM_MENU_TRIES = 3,
};

/* One request. Its address is what the client knows it by. */
struct telegram_slot {
	struct telegram *telegram;
	bool under_way;
	struct queue_message *message; /* a send's */
};

struct telegram_poll {
	struct telegram_slot slot;
	struct timer timer;
	struct backoff backoff; /* away */
	struct backoff slow;    /* token */
	struct backoff shared;  /* conflict */
	int64_t begun_ns;
	int64_t offset;              /* durable: what Telegram is told */
	int64_t told;                /* by on_offset; the same when all is durable */
	int64_t seen[TELEGRAM_SEEN]; /* ids, a ring */
	size_t seen_count;           /* ever */
	int limit;                   /* of updates asked for */
	int64_t bad_id;              /* of an update that could not be read, and how often */
	unsigned bad_count;
	bool waits;                /* for telegram_confirm, a second at most */
	unsigned failures;         /* in a row */
	int64_t conflict_until_ns; /* a conflict is not over before */
	enum telegram_state state;
	char why[VERDICT_WHY_BYTES + 64];
	struct updates updates;
};

struct telegram_sends {
	struct telegram_slot slots[TELEGRAM_SENDS];
	struct timer timer;
	bool stopped;              /* until getMe is answered */
	unsigned failures;         /* in a row */
	enum telegram_state state; /* OK, AWAY, TOKEN */
	char why[VERDICT_WHY_BYTES + 64];
};

struct telegram_menu_wish {
	int64_t chat_id;
	enum role role;
	unsigned tries;
};

struct telegram_chores {
	struct telegram_slot slot;
	struct timer timer;
	bool asks_name;  /* getMe is wanted */
	bool asked_name; /* it is what is under way */
	struct backoff backoff, slow;
	int64_t not_before_ns;
	struct telegram_menu_wish menus[TELEGRAM_MENUS]; /* a ring */
	size_t first, count;
};

struct telegram {
	struct telegram_config config;  /* its texts are not kept */
	char root[TELEGRAM_ROOT_BYTES]; /* "https://api.telegram.org/bot123:ABC/" */
	struct str token;               /* in root */
	struct queue *queue;
	struct request request;
	struct rng rng;
	struct telegram_poll poll;
	struct telegram_sends sends;
	struct telegram_chores chores;
	enum telegram_state state; /* as it was told */
	char name[TELEGRAM_NAME_BYTES];
	struct telegram_counts counts;
};

static inline int64_t telegram_now_ns(const struct telegram *telegram)
{
	return clock_monotonic_ns(telegram->config.clock);
}

/* Sends telegram->request. Not OK: fn never runs. */
MUST_CHECK enum status telegram_ask(struct telegram *telegram, struct telegram_slot *slot,
				    int64_t deadline_ns, size_t answer_bytes, http_answer_fn fn);
/* What an answer means, counted; `why` without the token. */
void telegram_judge(struct telegram *telegram, enum status status, const struct http_answer *answer,
		    const char *why, struct verdict_told *told);
/* Tells the state if it is another than what was told. */
void telegram_tell_state(struct telegram *telegram);

void telegram_poll_open(struct telegram *telegram);
void telegram_poll_close(struct telegram *telegram);

void telegram_sends_open(struct telegram *telegram);
void telegram_sends_close(struct telegram *telegram);
/* At the next turn of the timers. */
void telegram_sends_wake(struct telegram *telegram);
/* Nothing goes out until getMe is answered. */
void telegram_sends_stop(struct telegram *telegram, enum telegram_state state, const char *why);

void telegram_chores_open(struct telegram *telegram);
void telegram_chores_close(struct telegram *telegram);
/* getMe, after a while that grows with each time until telegram_chores_calm; at once when
 * there is a sign that it will be answered. */
void telegram_chores_ask(struct telegram *telegram, bool at_once);
void telegram_chores_calm(struct telegram *telegram);
