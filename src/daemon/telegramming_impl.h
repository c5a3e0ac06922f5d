/* telegramming_impl.h - shared by telegramming*.c only. */
#pragma once

#include "daemon/picturing.h"
#include "daemon/telegramming.h"
#include "os/http.h"
#include "store/session_store.h"

enum {
	PREFERENCE_WAVE = 16, /* preferences that are read at once */
	SESSION_RENEW_S = 600,
	CONFIRM_PATIENCE_S = 10,
};

/* A picture that is being drawn. */
struct drawn {
	struct telegramming *telegramming;
	uint64_t tag;
	bool used;
};

struct telegramming {
	struct telegramming_config config;
	struct loop *loop;
	struct people *people;
	struct bot *bot;
	struct rules *rules;
	struct people_store *store;
	struct session_store *sessions;
	struct http *http;         /* NULL: no Telegram */
	struct telegram *telegram; /* NULL: not open (yet) */
	struct buf token;          /* until it is open */
	struct timer step_timer, restore_timer, drain_timer;
	struct drawn drawn[BOT_PICTURES_MAX];
	int64_t session_s[PEOPLE_MAX]; /* when the session of a slot was written */
	int64_t seated[PEOPLE_MAX];    /* whose preferences are in memory; 0: nobody's yet */
	bool applied;                  /* the settings' lists: people are back */
	bool restored;                 /* their preferences too */
	bool draining;
	uint32_t next_slot; /* whose preferences are read next */
	size_t reading;     /* preferences on their way */
	size_t keeping;     /* and being written */
	int64_t offset;     /* newest, to be confirmed; 0: none */
	int64_t offset_ns;  /* since when */
	uint64_t late_confirms;
	bool stored; /* of a drain: people and rules are */
	void (*drained)(void *ctx);
	void *drained_ctx;
};

struct bot_time telegramming_now(const struct telegramming *telegramming);
/* telegramming_bot.c */
struct bot_hooks telegramming_bot_hooks(struct telegramming *telegramming);
/* telegramming_people.c */
struct people_hooks telegramming_people_hooks(struct telegramming *telegramming);
struct rules_hooks telegramming_rules_hooks(struct telegramming *telegramming);
struct people_store_hooks telegramming_store_hooks(struct telegramming *telegramming);
/* Of all who are new in their seats, then `telegramming_open`. */
void telegramming_read_preferences(struct telegramming *telegramming);
void telegramming_keep(void *ctx, int64_t user_id, const struct preferences *preferences);
void telegramming_seen(void *ctx, int64_t user_id);
/* telegramming.c: the drain ends when nothing is on its way any more. */
void telegramming_end_drain(struct telegramming *telegramming);
/* Everything is back. */
void telegramming_open(struct telegramming *telegramming);
void telegramming_menu(struct telegramming *telegramming, const struct person *person);
