/* telegramming.h - people, their alerts and Telegram, wired: who may ask (people/people.h), what
 * is said (bot/bot.h), what they want to be told (rules/rules.h), where it is kept
 * (store/people_store.h, store/session_store.h), and the Bot API (telegram/telegram.h).
 *
 *   take_token → create → start: people, rules, preferences are read back → Telegram is asked
 *          → drain: Telegram closed, what changed is written → close → destroy
 *
 * Rules are kept whether or not there is a Telegram. Telegram is there when a token is: in
 * telegram.token_file (mode 0600), in the systemd credential `telegram_token`, or in the
 * environment's TELEGRAM_BOT_TOKEN. It has an HTTP client and a queue of its own: whatever
 * becomes of it, nothing else waits. While segment RSS is away people are answered from memory,
 * and what they change is said not to be stored yet.
 *
 * An update is confirmed to Telegram when what it changed is stored, or, so that a segment in
 * trouble does not silence the bot, CONFIRM_PATIENCE_S after. Uses four timers and those of
 * telegram.h and http.h. Loop thread. */
#pragma once

#include "base/err.h"
#include "bot/bot.h"
#include "daemon/daemon.h"
#include "rules/rules.h"
#include "store/people_store.h"
#include "telegram/telegram.h"

struct telegramming;

struct telegramming_config {
	struct daemon *daemon;
	const struct config *config;
	const struct ask_world *world; /* outlives it */
	struct buf *token;             /* taken over; empty: no Telegram */
};

/* Before any child is started: the environment is rid of the token, whether or not it is
 * wanted. Wanted, it is put into the buf (not initialized yet; secret_wipe it, also after an
 * error); empty: there is none, or telegram.on is no. INVALID: the setting names a file that
 * cannot be used. */
MUST_CHECK enum status telegramming_take_token(const struct config *config, bool wanted,
					       struct buf *token, struct err *err);
MUST_CHECK enum status telegramming_create(const struct telegramming_config *config,
					   struct telegramming **out, struct err *err);
void telegramming_start(struct telegramming *telegramming);
/* telegram.admins and telegram.chats anew; preferences are read of those who are new. */
void telegramming_configure(struct telegramming *telegramming, const struct config *config);
/* People, rules and preferences under way are written. done runs once, perhaps inside the call;
 * at most a second later. */
void telegramming_drain(struct telegramming *telegramming, void (*done)(void *ctx), void *ctx);
/* fn runs when its HTTP client is closed, perhaps inside the call. */
void telegramming_close(struct telegramming *telegramming, void (*fn)(void *ctx), void *ctx);
/* After it is closed, when the port of segment RSS has ended all commands. NULL is fine. */
void telegramming_destroy(struct telegramming *telegramming);

struct rules *telegramming_rules(struct telegramming *telegramming);
struct people *telegramming_people(struct telegramming *telegramming);
struct bot *telegramming_bot(struct telegramming *telegramming);
/* An alert of weir's own was told, said again, or ended. */
void telegramming_alert(struct telegramming *telegramming, enum alert_notice notice,
			const struct alert_view *alert);
/* The word of the day to every admin: plain text without < & >. */
void telegramming_daily(struct telegramming *telegramming, struct str text, bool silent);

/* ---- for the control socket ---- */

/* "https://t.me/weir_bot?start=CODE"; UNAVAILABLE: there is no Telegram, or its name is not known
 * yet: then the code alone. */
MUST_CHECK enum status telegramming_pair(struct telegramming *telegramming, struct buf *out);
/* A word to every admin; how many. */
size_t telegramming_test(struct telegramming *telegramming);
/* People have changed by the operator's hand: they are told. */
void telegramming_told(struct telegramming *telegramming, int64_t user_id);

/* For those who look. */
struct telegramming_facts {
	bool on, restored;
	struct telegram_view view; /* where on */
	struct telegram_counts counts;
	struct people_store_counts stored;
	uint64_t late_confirms; /* though not all was stored */
};
struct telegramming_facts telegramming_facts(struct telegramming *telegramming);
