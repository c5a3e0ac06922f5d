/* Who is heard, and what was said to us: the gate, the words, the way to what answers. */
#include "bot/bot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "bot/bot_impl.h"

enum { SHOWN_MAX = 32 }; /* bytes of an unknown command */

struct bot *bot_create(struct people *people, const struct bot_hooks *hooks,
		       struct str symbol_default)
{
	struct bot *bot = calloc(1, sizeof *bot);
	if (!bot)
		return NULL;
	bot->people = people;
	bot->hooks = *hooks;
	if (str_copy(symbol_default, bot->symbol, sizeof bot->symbol))
		bot->symbol[0] = 0;
	buf_init(&bot->answer, ASK_OUT_LIMIT);
	buf_init(&bot->styled, 2 * ASK_OUT_LIMIT);
	keyboard_init(&bot->keyboard);
	return bot;
}

void bot_destroy(struct bot *bot)
{
	if (!bot)
		return;
	buf_deinit(&bot->answer);
	buf_deinit(&bot->styled);
	free(bot);
}

void bot_set_name(struct bot *bot, struct str name)
{
	if (str_copy(name, bot->name, sizeof bot->name))
		bot->name[0] = 0;
}

struct str bot_name(const struct bot *bot) { return str_of(bot->name); }

struct bot_counts bot_counts(const struct bot *bot)
{
	struct bot_counts counts = bot->counts;
	for (size_t i = 0; i < BOT_PICTURES_MAX; i++)
		counts.pictures_awaited += bot->pictures[i].used;
	counts.held_now = (uint32_t)bot->held_count;
	for (size_t i = 0; i < ALERT_COUNT; i++)
		counts.bulletins += bot->bulletins[i].open;
	return counts;
}

struct str bot_owner(int64_t user_id, char out[BOT_OWNER_BYTES])
{
	int n = snprintf(out, BOT_OWNER_BYTES, "tg:%lld", (long long)user_id);
	return str_make(out, (size_t)n);
}

int64_t bot_owner_id(struct str owner)
{
	int64_t id;
	if (!str_starts(owner, STR("tg:")) || str_to_i64(str_skip(owner, 3), &id) || id <= 0)
		return 0;
	return id;
}

/* ---- seats ---- */

struct seat *bot_seat(struct bot *bot, const struct person *person)
{
	struct seat *seat = &bot->seats[person->slot];
	if (seat->user_id != person->id)
		*seat =
		    (struct seat){ .user_id = person->id, .preferences = preferences_default() };
	return seat;
}

void bot_restore_preferences(struct bot *bot, int64_t user_id,
			     const struct preferences *preferences)
{
	const struct person *person = people_find(bot->people, user_id);
	if (person)
		bot_seat(bot, person)->preferences = *preferences;
}

/* ---- commands ---- */

/* "/cvd@weir_bot": before and behind the @. */
struct address {
	struct str name; /* without its slash */
	struct str bot;  /* "" nobody is named */
	bool slash;
};

static struct address address_of(struct str word)
{
	struct address address = { .slash = word.len && word.ptr[0] == '/' };
	struct str bare = str_skip(word, address.slash);
	size_t at = str_find_char(bare, '@');
	address.name = str_make(bare.ptr, at);
	address.bot = str_skip(bare, at + 1);
	return address;
}

static void say_unknown(const struct talk *talk, struct str name)
{
	struct bot *bot = talk->bot;
	struct buf text = buf_over(bot->text, sizeof bot->text);
	bot->counts.unknown_commands++;
	buf_printf(&text, "Unknown command '");
	words_put_shown(&text, name, SHOWN_MAX);
	buf_char(&text, '\'');
	keyboard_init(&bot->keyboard);
	bot_suggest_command(&text, name);
	buf_printf(&text, " /help lists what there is.");
	keyboard_row(&bot->keyboard);
	keyboard_add(&bot->keyboard, STR("Help"), "q:/help");
	talk_say(talk, buf_str(&text), true);
}

/* A command of the bot's own, a question, or neither. */
static void run_words(const struct talk *talk, struct str text)
{
	struct str rest = text;
	struct address address = address_of(words_next(&rest));
	talk->bot->counts.commands++;
	if (bot_run_command(talk, address.name, str_trim(rest)))
		return;
	if (alias_find(address.name) != QUESTION_COUNT)
		bot_answer(talk, text);
	else if (address.slash || text.len > ASK_TEXT_MAX)
		say_unknown(talk, address.name);
	else
		talk_printf(talk,
			    "I answer commands, like /price BTC or cvd eth 5m. /help lists them.");
}

static bool is_for_another(const struct talk *talk, struct address address)
{
	struct bot *bot = talk->bot;
	return address.bot.len && bot->name[0] && !str_eq_nocase(address.bot, bot_name(bot));
}

static void take_message(const struct talk *talk)
{
	struct str text = str_trim(talk->update->text), rest = text;
	struct address address = address_of(words_next(&rest));
	if (!text.len)
		return; /* a picture, a sticker */
	if (is_for_another(talk, address)) {
		talk->bot->counts.other_bots++;
		return;
	}
	if (bot_take_code(talk, text))
		return;
	if (!address.slash && talk->update->group)
		return; /* people talk to each other */
	run_words(talk, text);
}

/* ---- the gate ---- */

static bool is_stale(struct bot *bot, const struct bot_update *update, struct bot_time time)
{
	struct bot_counts *counts = &bot->counts;
	if (update->kind == BOT_UPDATE_BUTTON)
		return false; /* its message may be old */
	if (update->edited)
		counts->edited++;
	else if (update->forwarded)
		counts->forwarded++;
	else if (time.wall_ms / 1000 - update->date_s > BOT_OLD_S)
		counts->old++;
	else
		return false;
	return true;
}

/* "/start CODE", of whom nobody knows. */
static struct str code_of(struct bot *bot, const struct bot_update *update)
{
	struct str rest = update->text;
	struct address address = address_of(words_next(&rest));
	if (update->kind != BOT_UPDATE_MESSAGE || update->group || !address.slash ||
	    !str_eq_nocase(address.name, STR("start")) ||
	    (address.bot.len && bot->name[0] && !str_eq_nocase(address.bot, bot_name(bot))))
		return STR("");
	return str_trim(rest);
}

static void say_waits(struct bot *bot, const struct bot_update *update, const struct person *person)
{
	bot->counts.waiting++;
	if (!people_tell_waiting(bot->people, person->slot))
		return;
	const struct letter letter = {
		.user_id = update->user_id,
		.html = STR("An admin must let you in first. You will be told."),
	};
	bot_send_letter(bot, &letter);
}

static bool passes_rate(const struct talk *talk)
{
	static const struct str slow = { "Too many at once: 20 in 10 s. Wait a moment.", 44 };
	enum people_pass pass =
	    people_pass(talk->bot->people, talk->person->slot, talk->time.now_ns);
	if (pass == PEOPLE_PASS)
		return true;
	talk->bot->counts.slowed++;
	if (talk_is_button(talk))
		talk_notice(talk, slow);
	else if (pass == PEOPLE_SLOW)
		talk_say(talk, slow, false);
	return false;
}

static void take_of_active(const struct talk *talk)
{
	struct bot *bot = talk->bot;
	people_rename(bot->people, talk->person->id, talk->update->name);
	if (!passes_rate(talk))
		return;
	if (bot->hooks.seen)
		bot->hooks.seen(bot->hooks.ctx, talk->person->id);
	if (talk_is_button(talk))
		bot_press(talk);
	else
		take_message(talk);
}

static void take_of_person(struct bot *bot, const struct bot_update *update, struct bot_time time)
{
	const struct person *person = people_find(bot->people, update->user_id);
	struct str code = code_of(bot, update);
	bool active = person && person->state == PERSON_ACTIVE;
	if (active) {
		const struct talk talk = talk_of(bot, update, person, time);
		take_of_active(&talk);
	} else if (person && person->state == PERSON_BLOCKED) {
		bot->counts.blocked++;
	} else if (person) {
		say_waits(bot, update, person);
	} else if (code.len) {
		bot_start_code(bot, update, code, time);
	} else {
		bot->counts.strangers++;
	}
}

void bot_take(struct bot *bot, const struct bot_update *update, struct bot_time time)
{
	bot->counts.updates++;
	if (update->from_bot)
		bot->counts.bots++;
	else if (update->group && !people_allow_group(bot->people, update->chat_id))
		bot->counts.foreign_groups++;
	else if (!is_stale(bot, update, time))
		take_of_person(bot, update, time);
}

void bot_sent(struct bot *bot, uint64_t tag, enum status status, int64_t message_id,
	      struct bot_time time)
{
	switch ((enum tag_kind)(tag >> 60)) {
	case TAG_PICTURE: bot_picture_sent(bot, tag, status, time); break;
	case TAG_BULLETIN:
	case TAG_RECOVERY: bot_alert_sent(bot, tag, status, message_id, time); break;
	case TAG_NONE: break;
	}
}

void bot_step(struct bot *bot, struct bot_time time)
{
	bot_step_bulletins(bot, time);
	bot_step_held(bot, time);
	bot_step_pictures(bot);
	bot_step_refusals(bot, time);
}
