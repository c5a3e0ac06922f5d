/* telegram.h - Telegram's Bot API: people's updates in, messages out.
 *
 *   getUpdates (long poll) -> updates.h -> hooks.on_update … hooks.on_offset
 *   telegram_send -> queue.h (limits, order, parts) -> request.h -> POST -> verdict.h -> on_end
 *
 * In. One getUpdates at a time, TELEGRAM_POLL_S long (the first, and those behind trouble, are
 * answered at once). Its updates are told in ascending order, then on_offset says from which one
 * on Telegram should go on. Whoever keeps that number calls telegram_confirm once it and what the
 * updates changed are durable; only then Telegram is told to forget them. So a kill at any
 * moment loses none, and after one those that were not confirmed come again: once more they are
 * told. Those below what was confirmed are dropped, as are the last TELEGRAM_SEEN of this run.
 * While nobody confirms, it asks each second with the old offset and hears what is new behind
 * what waits, up to TELEGRAM_UPDATES_MAX unconfirmed ones, then nothing. An id
 * TELEGRAM_RESTART and more below the offset begins a new sequence, as the Bot API allows after
 * a quiet week. Updates of before the start are told too: their age is in date_s, and what to
 * do with it is the bot's policy. What is no message or button of a person is counted. An
 * answer that is no JSON is asked for again in smaller parts; an update that cannot be read even
 * alone, three times, is skipped and counted.
 *
 * Out. telegram_send copies; queue.h says what goes when. A message ends once: on_end. An
 * answer that did not come (time-out, broken connection, 5xx) is tried again, at most
 * QUEUE_TRIES times in all: sendMessage and sendPhoto have no id of ours, so whoever reads may
 * see that message, or one part of a long one, twice; edits and notices may be repeated without
 * harm. 429 waits for its retry_after. After TELEGRAM_FAILURES in a row without a success
 * nothing more goes out until getMe is answered, so that an outage uses up no messages.
 *
 * Trouble is told when it begins and when it ends (on_state), never per request: 409 (another
 * program polls with this token), 401 and 404 (the token is not or no longer one), Telegram away.
 * Nothing here waits, and nothing but messages is lost by it.
 *
 * The token is part of the URL. It is in no text that is told, and is wiped at close; the HTTP
 * client has copies of URLs in its memory.
 *
 * Shell over port/http_client; give it a client of its own with room for TELEGRAM_REQUESTS.
 * Uses 3 timers. Loop thread only. */
#pragma once

#include "base/err.h"
#include "base/timers.h"
#include "bot/wire.h"
#include "def/roles.h"
#include "port/clock.h"
#include "port/http_client.h"

enum {
	TELEGRAM_POLL_S = 25,
	TELEGRAM_UPDATES_MAX = 100, /* of one answer; the Bot API's limit, too */
	TELEGRAM_SEEN = 1024,
	TELEGRAM_RESTART = 100000,
	TELEGRAM_SENDS = 12,                    /* messages under way at once */
	TELEGRAM_REQUESTS = 2 + TELEGRAM_SENDS, /* and a poll, and getMe or setMyCommands */
	TELEGRAM_FAILURES = 3,
	TELEGRAM_MENUS = 64, /* telegram_menu that wait */
	TELEGRAM_TOKEN_MAX = 128,
	TELEGRAM_URL_MAX = 256,
};

struct telegram;

enum telegram_state {
	TELEGRAM_STARTING, /* nothing was answered yet */
	TELEGRAM_OK,
	TELEGRAM_AWAY,     /* 5xx, time-outs, no connection, no JSON: again in 1 s … 60 s */
	TELEGRAM_CONFLICT, /* 409: again in 5 s … 60 s */
	TELEGRAM_TOKEN,    /* 401, 404: again in 1 min … 10 min; nothing is sent */
};

struct telegram_hooks {
	void *ctx;
	/* Texts live during the call. It may call telegram_send. */
	void (*on_update)(void *ctx, const struct bot_update *update);
	/* After the updates of an answer that had new ones (of any kind). May call
	 * telegram_confirm at once. */
	void (*on_offset)(void *ctx, int64_t offset);
	/* Once for each message with a tag that telegram_send took; never from inside
	 * telegram_send. message_id: of its last part, the one with the buttons; 0 for TYPING and
	 * NOTICE and unless OK.
	 * OK (an edit that changes nothing, too); FULL: it made room for an alert; CANCELLED: a
	 * newer one with its coalesce key took its place; TIMEOUT: it waited too long
	 * (queue.h); REFUSED: the chat does not take messages from the bot (blocked, gone), and
	 * all that waited for it ends so; NOT_FOUND: the message to edit, or the topic, is
	 * gone; INVALID: Telegram does not take it for another reason; UNAVAILABLE: given up after
	 * QUEUE_TRIES. */
	void (*on_end)(void *ctx, uint64_t tag, enum status status, int64_t message_id);
	/* getMe was answered: "weir_bot" of `/cvd@weir_bot`, for t.me/weir_bot?start=. Once, and
	 * again when it changes. */
	void (*on_name)(void *ctx, struct str name);
	/* The state changed. why: a line for people, "" when OK. */
	void (*on_state)(void *ctx, enum telegram_state state, const char *why);
};

struct telegram_config {
	struct http_client *http;
	struct timers *timers;
	const struct clock_port *clock;
	struct str api_url; /* "https://api.telegram.org"; no more than TELEGRAM_URL_MAX; copied */
	struct str token;   /* "123456:ABC…"; letters digits : _ -; copied */
	int64_t offset;     /* what was confirmed last; 0: none */
	size_t messages_max, bytes_max; /* of the queue; 0: QUEUE_MESSAGES, QUEUE_BYTES */
	uint64_t seed;                  /* of the jitter */
	struct telegram_hooks hooks;    /* all of them */
};

/* Only grow. */
struct telegram_counts {
	uint64_t polls, updates;  /* answers to getUpdates; messages and buttons told */
	uint64_t duplicates;      /* told before */
	uint64_t skipped;         /* of other kinds */
	uint64_t malformed;       /* updates that are not as they should be; unreadable answers */
	uint64_t accepted, full;  /* telegram_send: taken, refused */
	uint64_t sent;            /* messages that ended OK */
	uint64_t ended[6];        /* enum telegram_end */
	uint64_t requests, parts; /* to send: all of them; of which parts that were taken */
	uint64_t coalesced, cut;  /* replaced; texts of edits that were too long */
	uint64_t limited;         /* 429 */
	uint64_t retries;         /* sent again */
	uint64_t plain;           /* sent again as plain text */
	uint64_t conflicts, refused; /* 409; 401 and 404 */
	uint64_t failures;           /* no answer, 5xx, no JSON; polls too */
	uint64_t not_html;           /* texts that went as plain text from the start */
	uint64_t menus, menus_dropped;
};

enum telegram_end {
	TELEGRAM_END_DISPLACED, /* FULL */
	TELEGRAM_END_EXPIRED,   /* TIMEOUT */
	TELEGRAM_END_BLOCKED,   /* REFUSED */
	TELEGRAM_END_GONE,      /* NOT_FOUND */
	TELEGRAM_END_INVALID,
	TELEGRAM_END_GIVEN_UP, /* UNAVAILABLE */
};

struct telegram_view {
	enum telegram_state state;
	const char *why; /* "" when OK; lives until the next call */
	size_t waiting, under_way, chats, bytes;
	int64_t oldest_ns; /* age of the oldest that waits; 0: none */
	int64_t hold_ns;   /* nothing goes out for so long; 0: it may */
};

/* Asks for its name and for updates at once. INVALID: URL or token is none (the text is not
 * repeated); NO_MEMORY. */
MUST_CHECK enum status telegram_open(const struct telegram_config *config, struct telegram **out,
				     struct err *err);
/* All ends in silence; the token is wiped; nothing of it runs afterwards. Not from a hook.
 * NULL-safe. */
void telegram_close(struct telegram *telegram);

/* FULL: the queue is; INVALID: nothing to show, a chat id of 0, a button without text or data,
 * an edit without message id, a NOTICE without button id; RANGE: longer than queue.h allows.
 * Refused ones are counted and get no on_end. */
MUST_CHECK enum status telegram_send(struct telegram *telegram, const struct bot_out *out);
/* What on_offset said is durable. */
void telegram_confirm(struct telegram *telegram, int64_t offset);
/* The commands that a chat's menu offers, those of bot_command_at that `role` may use.
 * ROLE_NONE takes the chat's own menu away. chat_id 0: of all chats that have none of their own.
 * FULL: TELEGRAM_MENUS wait. One that fails is tried a few times and then dropped. */
MUST_CHECK enum status telegram_menu(struct telegram *telegram, int64_t chat_id, enum role role);

const struct telegram_counts *telegram_counts(struct telegram *telegram);
struct telegram_view telegram_view(struct telegram *telegram);
const char *telegram_state_text(enum telegram_state state); /* "conflict" */
