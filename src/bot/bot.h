/* bot.h - the bot's policy: what is said to whom, in which form, and what is not answered.
 *
 * Told what people send (wire.h), asks through its hooks, and says through `send` what goes
 * out. Knows no JSON and no network.
 *
 *   command   `/cvd ETH 5m`, an alias (`/c eth 5m`, def/aliases.def), with `@bot` (in groups
 *             only ours is heard), or in a private chat the same without its slash. What is
 *             none is answered with the nearest one.
 *   answer    the text of ask.h and, under it, a row of timeframes where the question takes one,
 *             a row of related questions (questions.def), and Refresh · Chart · Alert. A button
 *             edits its message. The button's data says all: none is forgotten by a new start.
 *
 *                q:/cvd ETH 5m   this answer          s:tf 5m      a preference
 *                p:/cvd ETH 5m   as a picture         m:quiet      a page of the settings
 *                a:/cvd ETH 5m   ready-made alerts    y:42 n:42    approve, reject
 *                r:/alerts add … run it, say it
 *
 *             A picture cannot become a text again: Text under it sends a new message.
 *   silence   strangers, blocked people, foreign groups, edited, forwarded and bots'
 *             messages, those older than BOT_OLD_S when they arrive: each counted. Who waits
 *             for his approval is told so once.
 *
 * People: people.h. Beyond its commands a person has preferences (preferences.h); what they
 * and the rules he keeps make is delivered by them: on, silent or off per kind of event,
 * quiet hours in which alerts come silent or (his own rules, if he likes) are held till they
 * end. Alerts of one rule are one message: those that come within BOT_GATHER_NS are summed in
 * it, later ones and ends edit it, and when all have ended a message says so; a kind of event
 * makes at most BOT_LOUD_A_MINUTE new messages a minute for a person.
 *
 * What finds no room or does not arrive is not lost: a bulletin and its end are tried again after
 * 2 s, 4 s … 256 s, a rule's alert is held. Codes of strangers are told to `audit` three a minute,
 * the rest as a sum.
 *
 * What stops trade waits for a one-time code that its sender must send back within 60 s.
 * Everything that changes something, and every such thing refused, is told to `audit`.
 *
 * Bounds: BOT_PICTURES_MAX pictures awaited (more: the answer says to try again),
 * BOT_HELD_MAX alerts held for the morning, BOT_HELD_EACH of a person (more: the oldest of his,
 * or of who has the most, are counted and their number said to him), a bulletin per alert rule with
 * BOT_RECEIVERS_MAX receivers (more are not told of it, and counted). No allocation after create
 * but what `ask` needs. Pure core: time is told. One thread. */
#pragma once

#include "alert/alert.h"
#include "ask/ask.h"
#include "base/number.h"
#include "bot/preferences.h"
#include "bot/wire.h"
#include "people/people.h"

enum {
	BOT_OLD_S = 60,
	BOT_NAME_MAX = 32,
	BOT_PICTURES_MAX = 256,
	BOT_HELD_MAX = 1024,
	BOT_HELD_EACH = 64,
	BOT_RECEIVERS_MAX = 512,
	BOT_LOUD_A_MINUTE = 5,
	BOT_OWNER_BYTES = 32, /* "tg:" and an id */
};
#define BOT_GATHER_NS INT64_C(1000000000)

/* Ends of what is only begun inside the call. */
struct bot_hooks {
	/* OK: bot_sent follows once, later, where it has a tag. Else it is not sent. */
	enum status (*send)(void *ctx, const struct bot_out *out);
	/* As ask_answer in HTML: whole or nothing (FULL). */
	enum status (*ask)(void *ctx, const struct ask_request *request, struct buf *out,
			   enum ask_outcome *outcome);
	/* A picture of the question; bot_take_picture follows once with the tag, later. Not OK:
	 * it does not (NOT_FOUND: there is nothing to draw; FULL: too many just now, bot_step asks
	 * again). NULL: none are drawn. */
	enum status (*picture)(void *ctx, struct str question, bool light, uint64_t tag);
	/* The newest price of a symbol, for ready-made alerts. False: none is known. */
	bool (*price)(void *ctx, struct str symbol, struct number *price);
	/* Is somebody a terminal, or in a group, of this name (not `all`)? If not, the name nearest
	 * to it is written, where there is one. NULL: every name is taken. */
	bool (*halt_knows)(void *ctx, struct str scope, struct buf *nearest);
	/* Stops (or with `off` lets go on) what opens positions, and writes what became of it, a
	 * line: in force, and whether it is stored. What ends later (`flat`) is told by bot_halted.
	 * Not OK: it was refused. */
	enum status (*halt)(void *ctx, struct str owner, struct str scope, bool off, bool flat,
			    struct buf *out);
	/* A person's preferences have changed. bot_kept follows once. */
	void (*keep)(void *ctx, int64_t user_id, const struct preferences *preferences);
	/* Somebody was heard: for the session. */
	void (*seen)(void *ctx, int64_t user_id);
	/* owner "tg:42"; action "halt", "alerts add" …; outcome "done", or why not. */
	void (*audit)(void *ctx, struct str owner, struct str action, struct str target,
		      struct str outcome);
	void *ctx;
};

struct bot_time {
	int64_t now_ns;  /* monotonic */
	int64_t wall_ms; /* unix */
};

struct bot;

/* symbol_default: what a question without a symbol means. NULL: out of memory. */
struct bot *bot_create(struct people *people, const struct bot_hooks *hooks,
		       struct str symbol_default);
void bot_destroy(struct bot *bot); /* NULL is fine */
/* Ours, without the @: as the server told it. Until then every @name is heard. */
void bot_set_name(struct bot *bot, struct str name);
struct str bot_name(const struct bot *bot);

void bot_take(struct bot *bot, const struct bot_update *update, struct bot_time time);
/* png is empty when status is not OK. */
void bot_take_picture(struct bot *bot, uint64_t tag, enum status status, struct str png,
		      struct bot_time time);
/* What was sent with this tag has ended; message_id of the message, 0 where it has none. */
void bot_sent(struct bot *bot, uint64_t tag, enum status status, int64_t message_id,
	      struct bot_time time);
/* Preferences were stored, or not: then he is told. */
void bot_kept(struct bot *bot, int64_t user_id, enum status status, struct bot_time time);
/* As they were stored; before polling begins. */
void bot_restore_preferences(struct bot *bot, int64_t user_id,
			     const struct preferences *preferences);
/* What the store could not take of somebody's people or rules: the person is told. */
void bot_tell(struct bot *bot, int64_t user_id, struct str html, struct bot_time time);
/* The same, without a sound if silent. */
void bot_tell_softly(struct bot *bot, int64_t user_id, struct str html, bool silent);

/* How what a halt of his began has ended: a line of plain text. Where it cannot be sent just now
 * it is held, and comes later. */
void bot_halted(struct bot *bot, int64_t user_id, struct str text, struct bot_time time);

/* What was told of an alert rule of weir's own (alert.h). */
void bot_alert(struct bot *bot, enum alert_notice notice, const struct alert_view *alert,
	       struct bot_time time);
/* A rule of a person's own has fired: plain text, a line or two. rule: its id, for buttons;
 * symbol may be empty. */
void bot_rule_fired(struct bot *bot, struct str owner, struct str rule, struct str symbol,
		    struct str message, struct bot_time time);
/* Somebody waits for approval: the admins are asked. */
void bot_ask_admins(struct bot *bot, const struct person *person, struct bot_time time);
/* Of people, by whoever: he is told what he may from now on. */
void bot_tell_role(struct bot *bot, const struct person *person, struct bot_time time);

/* Bulletins, held alerts, pictures that wait: about every 100 ms. */
void bot_step(struct bot *bot, struct bot_time time);

/* "tg:42"; 0 when it is no such owner. */
struct str bot_owner(int64_t user_id, char out[BOT_OWNER_BYTES]);
int64_t bot_owner_id(struct str owner);

/* name and help of what people are offered, for Telegram's list of commands; NULL: no more.
 * role: of those he may use. */
struct bot_command {
	const char *name, *help; /* without a slash */
};
bool bot_command_at(size_t index, enum role role, struct bot_command *out);

struct bot_counts {
	uint64_t updates, commands, buttons, answers, refusals, unknown_commands;
	uint64_t strangers, blocked, waiting, foreign_groups, old, edited, forwarded, bots;
	uint64_t other_bots; /* `/command@another` in a group */
	uint64_t slowed;     /* over a person's rate */
	uint64_t pictures, pictures_failed, pictures_refused;
	uint64_t alerts, rules_fired, alerts_told, alerts_untold, held, held_lost;
	uint64_t halts, halts_refused;
	uint64_t unsent; /* `send` had no room */
	uint32_t pictures_awaited, held_now, bulletins;
};
struct bot_counts bot_counts(const struct bot *bot);
