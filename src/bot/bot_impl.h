/* bot_impl.h - shared by bot*.c only.
 *
 * A talk is one thing that a person said: who, where, when, and what it is answered in. */
#pragma once

#include "bot/bot.h"
#include "bot/keyboard.h"
#include "def/aliases.h"

enum {
	BULLETIN_LINES = 8,
	QUESTION_BYTES = ASK_TEXT_MAX + 1,
	TEXT_BYTES = 8192, /* of what the bot says itself */
};

/* What the bot keeps of a person, in the place of people.h's slot. */
struct seat {
	int64_t user_id; /* 0: nobody; another's than the slot's person: to be begun anew */
	struct preferences preferences;
	int64_t minute;             /* of the wall clock, of the counts */
	uint8_t loud[NOTIFY_COUNT]; /* new messages of it */
	uint32_t held, held_lost;   /* alerts that wait for him; that had to go */
};

/* Codes that were refused, in a minute of the wall clock. */
struct refusals {
	int64_t minute;
	uint32_t told, untold;
};

/* A picture that is being drawn, and then its sending. */
struct awaited {
	bool used;
	bool sending;
	bool asked; /* false: there was no room, it is asked for again */
	uint32_t generation;
	int64_t user_id, chat_id, thread_id, message_id; /* message_id 0: a new message */
	bool group;
	char question[QUESTION_BYTES];
};

struct receiver {
	int64_t user_id;
	int64_t message_id; /* 0: it is on its way */
	uint32_t slot;
	uint32_t version;  /* of the bulletin that he was told; 0: to be told */
	bool again;        /* told anew rather than edited */
	bool sending;      /* its end has not been told */
	bool fresh;        /* what is sent is a new message */
	bool recovery;     /* that all has ended is to be told him */
	bool recovering;   /* what is sent tells that */
	uint32_t failures; /* one after another, of the same */
	int64_t retry_ns;  /* after a failure: not before */
};

struct bulletin_line {
	char scope[ALERT_SCOPE_MAX + 1];
	char message[ALERT_MESSAGE_MAX + 1];
	bool ended;
};

/* The alerts of a rule that are told as one message, from the first until all have ended. */
struct bulletin {
	bool open, dirty;
	bool over; /* all have ended, and who knew is being told so */
	uint16_t generation;
	uint32_t version, flushed; /* of now; when it was told last */
	int64_t due_ns;            /* not told before */
	int64_t first_ms, last_ms;
	uint32_t fired, firing; /* of the incident; now */
	struct bulletin_line lines[BULLETIN_LINES];
	size_t line_count;
	struct receiver receivers[BOT_RECEIVERS_MAX];
	size_t receiver_count;
};

struct held {
	int64_t user_id;
	int64_t at_ms;
	char message[ALERT_MESSAGE_MAX + 1];
};

struct bot {
	struct people *people;
	struct bot_hooks hooks;
	char name[BOT_NAME_MAX + 1];
	char symbol[PREFERENCES_SYMBOL_MAX + 1]; /* weir's default */
	struct seat seats[PEOPLE_MAX];
	struct awaited pictures[BOT_PICTURES_MAX];
	struct bulletin bulletins[ALERT_COUNT];
	struct held held[BOT_HELD_MAX]; /* in the order they came */
	size_t held_count;
	int64_t held_at_ns; /* when they are looked at next */
	struct refusals refusals;
	struct buf answer; /* of ask */
	struct buf styled;
	struct keyboard keyboard;
	char text[TEXT_BYTES];
	struct bot_counts counts;
};

/* ---- a talk ---- */

struct talk {
	struct bot *bot;
	const struct bot_update *update;
	const struct person *person;
	struct seat *seat;
	struct bot_time time;
};

struct seat *bot_seat(struct bot *bot, const struct person *person);
struct talk talk_of(struct bot *bot, const struct bot_update *update, const struct person *person,
		    struct bot_time time);

/* A message into the talk's chat, or, for a button under a text, in the place of it. Buttons:
 * the bot's keyboard, or none. */
void talk_say(const struct talk *talk, struct str html, bool buttons);
/* Always a new message. */
void talk_say_anew(const struct talk *talk, struct str html, bool buttons);
void talk_printf(const struct talk *talk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Ends the turning of a pressed button; plain text may be "". */
void talk_notice(const struct talk *talk, struct str text);
void talk_typing(const struct talk *talk);
bool talk_is_button(const struct talk *talk);
void talk_audit(const struct talk *talk, struct str action, struct str target, struct str outcome);
/* True if his role is enough; if not he is told, and `action` (may be empty) is in the audit. */
bool talk_may(const struct talk *talk, enum role role, struct str what, struct str action);

/* ---- messages that are not answers ---- */

struct letter {
	int64_t user_id;
	struct str html;
	bool alert, silent, buttons;
	int64_t edit; /* message id; 0: new */
	struct str coalesce;
	uint64_t tag;
};
enum status bot_send_letter(struct bot *bot, const struct letter *letter);

/* Tags: what a sent message was, and which. */
enum tag_kind { TAG_NONE, TAG_PICTURE, TAG_BULLETIN, TAG_RECOVERY };
static inline uint64_t tag_of(enum tag_kind kind, uint32_t index, uint16_t generation, uint32_t who)
{
	return (uint64_t)kind << 60 | (uint64_t)(index & 0xFFF) << 48 | (uint64_t)generation << 32 |
	       who;
}

/* ---- bot_answer.c ---- */

/* With the person's symbol and timeframe where there are none, and the question's own name:
 * "/cvd ETH 5m". What cannot be read stays as it is. */
enum question bot_complete_question(const struct talk *talk, struct str text, struct buf *out);
/* Asks and says; under a picture the answer is a new message. */
void bot_answer(const struct talk *talk, struct str text);
/* Rows under an answer, or (picture) under a picture of it, into the bot's keyboard. */
void bot_answer_buttons(struct bot *bot, enum role role, struct str question, bool picture);
/* Asks into bot->answer. */
enum status bot_ask(struct bot *bot, int64_t user_id, enum role role, struct str question,
		    struct bot_time time, enum ask_outcome *outcome);

/* ---- bot_picture.c ---- */
void bot_begin_picture(const struct talk *talk, struct str question);
void bot_picture_sent(struct bot *bot, uint64_t tag, enum status status, struct bot_time time);
void bot_step_pictures(struct bot *bot);

/* ---- bot_offers.c ---- */
void bot_offer_alerts(const struct talk *talk, struct str question);

/* ---- bot_commands.c ---- */
/* False: the bot has no such command. name without slash. */
bool bot_run_command(const struct talk *talk, struct str name, struct str args);
void bot_suggest_command(struct buf *out, struct str name);
void bot_put_commands(struct buf *out, enum role role);

/* ---- bot_settings.c ---- */
void bot_settings_command(const struct talk *talk, struct str args);
void bot_settings_page(const struct talk *talk, struct str page);
void bot_settings_set(const struct talk *talk, struct str change);

/* ---- bot_people.c ---- */
void bot_start(const struct talk *talk, struct str code);
/* Of somebody who may be a stranger. */
void bot_start_code(struct bot *bot, const struct bot_update *update, struct str code,
		    struct bot_time time);
/* The sum of the minute's refused codes, when it is over. */
void bot_step_refusals(struct bot *bot, struct bot_time time);
void bot_users(const struct talk *talk, struct str args);
enum bot_decision { BOT_APPROVE, BOT_APPROVE_TRADER, BOT_REJECT };
void bot_decide(const struct talk *talk, struct str id, enum bot_decision decision);
void bot_who(const struct talk *talk, struct str args);

/* ---- bot_halt.c ---- */
void bot_halt(const struct talk *talk, struct str args);
/* True: the text was a code. */
bool bot_take_code(const struct talk *talk, struct str text);

/* ---- bot_press.c ---- */
void bot_press(const struct talk *talk);

/* ---- bot_alerts.c ---- */
/* May a new message of the kind go to him now? Counts it. */
bool bot_may_be_loud(struct seat *seat, enum notify kind, struct bot_time time);
/* Of a bulletin or a recovery. What did not arrive is told again, later and later. */
void bot_alert_sent(struct bot *bot, uint64_t tag, enum status status, int64_t message_id,
		    struct bot_time time);
void bot_step_bulletins(struct bot *bot, struct bot_time time);

/* ---- bot_held.c ---- */
void bot_hold(struct bot *bot, struct seat *seat, struct str message, struct bot_time time);
void bot_step_held(struct bot *bot, struct bot_time time);

/* ---- words.c: text in pieces ---- */

/* The first word of *rest, which then begins behind it; "" at the end. */
struct str words_next(struct str *rest);
bool words_are_digits(struct str text);
/* What somebody typed, shown to him: escaped, cut at a character, controls as ?. */
void words_put_shown(struct buf *html, struct str text, size_t max);
