/* What goes out to somebody: into a talk, or as a letter. */
#include <stdio.h>

#include "base/check.h"
#include "bot/bot_impl.h"

struct talk talk_of(struct bot *bot, const struct bot_update *update, const struct person *person,
		    struct bot_time time)
{
	return (struct talk){ bot, update, person, bot_seat(bot, person), time };
}

bool talk_is_button(const struct talk *talk) { return talk->update->kind == BOT_UPDATE_BUTTON; }

static struct bot_out out_of(const struct talk *talk, enum bot_out_kind kind)
{
	const struct bot_update *update = talk->update;
	return (struct bot_out){ .kind = kind,
				 .chat_id = update->chat_id,
				 .thread_id = update->thread_id,
				 .group = update->group };
}

/* What finds no room is not said: counted by who carries it. */
static enum status send(struct bot *bot, const struct bot_out *out)
{
	enum status status = bot->hooks.send(bot->hooks.ctx, out);
	bot->counts.unsent += status != STATUS_OK;
	return status;
}

static void say(const struct talk *talk, struct str html, bool buttons, bool anew)
{
	struct bot *bot = talk->bot;
	bool edits = !anew && talk_is_button(talk) && !talk->update->has_photo;
	struct bot_out out = out_of(talk, edits ? BOT_OUT_EDIT : BOT_OUT_TEXT);
	char key[64];
	out.text = html;
	if (buttons) {
		out.rows = bot->keyboard.rows;
		out.row_count = keyboard_rows(&bot->keyboard);
	}
	if (edits) { /* of many presses the last one counts */
		int n = snprintf(key, sizeof key, "e:%lld:%lld", (long long)out.chat_id,
				 (long long)talk->update->message_id);
		out.message_id = talk->update->message_id;
		out.coalesce = str_make(key, (size_t)n);
	}
	send(bot, &out);
}

void talk_say(const struct talk *talk, struct str html, bool buttons)
{
	say(talk, html, buttons, false);
}

void talk_say_anew(const struct talk *talk, struct str html, bool buttons)
{
	say(talk, html, buttons, true);
}

void talk_printf(const struct talk *talk, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	CHECK(n >= 0 && (size_t)n < sizeof text);
	talk_say(talk, str_make(text, (size_t)n), false);
}

void talk_notice(const struct talk *talk, struct str text)
{
	struct bot_out out = out_of(talk, BOT_OUT_NOTICE);
	if (!talk_is_button(talk))
		return;
	out.button_id = talk->update->button_id;
	out.text = text;
	send(talk->bot, &out);
}

void talk_typing(const struct talk *talk)
{
	struct bot_out out = out_of(talk, BOT_OUT_TYPING);
	send(talk->bot, &out);
}

void talk_audit(const struct talk *talk, struct str action, struct str target, struct str outcome)
{
	char owner[BOT_OWNER_BYTES];
	const struct bot_hooks *hooks = &talk->bot->hooks;
	if (hooks->audit)
		hooks->audit(hooks->ctx, bot_owner(talk->person->id, owner), action, target,
			     outcome);
}

bool talk_may(const struct talk *talk, enum role role, struct str what, struct str action)
{
	if (talk->person->role >= role)
		return true;
	talk->bot->counts.refusals++;
	if (action.len)
		talk_audit(talk, action, what, STR("refused: role"));
	talk_notice(talk, STR(""));
	char text[512];
	struct buf html = buf_over(text, sizeof text);
	words_put_shown(&html, what, 64);
	buf_printf(&html,
		   " is for the role %s; yours is %s. An admin can change it: /users %lld %s",
		   role_text(role), role_text(talk->person->role), (long long)talk->person->id,
		   role_text(role));
	talk_say_anew(talk, buf_str(&html), false);
	return false;
}

/* ---- letters ---- */

/* A private chat has its person's number. */
enum status bot_send_letter(struct bot *bot, const struct letter *letter)
{
	struct bot_out out = {
		.kind = letter->edit ? BOT_OUT_EDIT : BOT_OUT_TEXT,
		.chat_id = letter->user_id,
		.message_id = letter->edit,
		.alert = letter->alert,
		.silent = letter->silent,
		.text = letter->html,
		.coalesce = letter->coalesce,
		.tag = letter->tag,
	};
	if (letter->buttons) {
		out.rows = bot->keyboard.rows;
		out.row_count = keyboard_rows(&bot->keyboard);
	}
	return send(bot, &out);
}

void bot_tell_softly(struct bot *bot, int64_t user_id, struct str html, bool silent)
{
	const struct person *person = people_find(bot->people, user_id);
	const struct letter letter = { .user_id = user_id, .html = html, .silent = silent };
	if (person && person->state == PERSON_ACTIVE)
		bot_send_letter(bot, &letter);
}

void bot_tell(struct bot *bot, int64_t user_id, struct str html, struct bot_time time)
{
	(void)time;
	bot_tell_softly(bot, user_id, html, false);
}
