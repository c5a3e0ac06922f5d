/* Stopping trade: asked for, confirmed by a one-time code, done. */
#include <stdio.h>

#include "base/check.h"
#include "bot/bot_impl.h"

enum { SCOPE_MAX = 79 };

/* "halt mt5-017 flat", "halt off all": what is confirmed. */
struct halt {
	struct str scope;
	bool off, flat;
};

/* The words of the command itself name nobody. */
static bool is_scope(struct str scope)
{
	if (str_eq_nocase(scope, STR("flat")) || str_eq_nocase(scope, STR("off")))
		return false;
	for (size_t i = 0; i < scope.len; i++)
		if (scope.ptr[i] <= 0x20 || scope.ptr[i] >= 0x7F)
			return false;
	return scope.len > 0 && scope.len <= SCOPE_MAX;
}

static bool read_halt(struct str args, struct halt *halt)
{
	struct str rest = args, word = words_next(&rest);
	*halt = (struct halt){ .off = str_eq_nocase(word, STR("off")) };
	if (halt->off)
		word = words_next(&rest);
	halt->scope = word.len || !halt->off ? word : STR("all");
	word = words_next(&rest);
	halt->flat = !halt->off && str_eq_nocase(word, STR("flat"));
	if (halt->flat)
		word = words_next(&rest);
	if (str_eq_nocase(halt->scope, STR("all")))
		halt->scope = STR("all");
	return !word.len && is_scope(halt->scope);
}

static struct str action_of(const struct halt *halt)
{
	return halt->off ? STR("resume") : halt->flat ? STR("halt flat") : STR("halt");
}

static void put_what(struct buf *html, const struct halt *halt)
{
	buf_printf(html, halt->off    ? "Let <b>"
			 : halt->flat ? "Stop what opens positions, and close what is open, of <b>"
				      : "Stop what opens positions of <b>");
	buf_html(html, halt->scope);
	buf_printf(html, halt->off ? "</b> trade again" : "</b>");
}

/* A mistyped name would be a halt of nobody that is thought to be in force. What is halted can
 * be let go whether or not it is known still. */
static bool says_unknown(const struct talk *talk, const struct halt *halt)
{
	struct bot *bot = talk->bot;
	char storage[SCOPE_MAX + 1];
	struct buf nearest = buf_over(storage, sizeof storage);
	struct buf html = buf_over(bot->text, sizeof bot->text);
	if (halt->off || str_eq(halt->scope, STR("all")) || !bot->hooks.halt_knows ||
	    bot->hooks.halt_knows(bot->hooks.ctx, halt->scope, &nearest))
		return false;
	bot->counts.halts_refused++;
	talk_audit(talk, action_of(halt), halt->scope, STR("refused: nobody is known by it"));
	buf_printf(&html, "Nothing is halted: no terminal or group '");
	words_put_shown(&html, halt->scope, SCOPE_MAX);
	buf_printf(&html, "' is known");
	if (nearest.len) {
		buf_printf(&html, ", did you mean '");
		words_put_shown(&html, buf_str(&nearest), SCOPE_MAX);
		buf_printf(&html, "'?");
	} else {
		buf_printf(&html, ". /fleet lists terminals.");
	}
	talk_say(talk, buf_str(&html), false);
	return true;
}

void bot_halt(const struct talk *talk, struct str args)
{
	struct bot *bot = talk->bot;
	struct buf html = buf_over(bot->text, sizeof bot->text);
	char command[PEOPLE_COMMAND_MAX + 1], code[PEOPLE_CONFIRM_DIGITS + 1];
	struct halt halt;
	if (!read_halt(args, &halt)) {
		talk_printf(talk,
			    "Usage: /halt [all | group:NAME | ID] [flat], or /halt off [all | "
			    "group:NAME | ID]");
		return;
	}
	if (says_unknown(talk, &halt))
		return;
	snprintf(command, sizeof command, "%s%.*s%s", halt.off ? "off " : "", STR_ARG(halt.scope),
		 halt.flat ? " flat" : "");
	enum status status = people_ask_confirm(bot->people, talk->person->slot, str_of(command),
						talk->time.now_ns, code);
	talk_audit(talk, action_of(&halt), halt.scope,
		   status ? str_of(status_text(status)) : STR("a code was asked for"));
	if (status) {
		talk_printf(talk, "No code could be made: %s.", status_text(status));
		return;
	}
	put_what(&html, &halt);
	buf_printf(&html, "?\nSend back <code>%s</code> within 60 s.", code);
	talk_say(talk, buf_str(&html), false);
}

static void do_halt(const struct talk *talk, struct str command)
{
	struct bot *bot = talk->bot;
	char text[1024], owner[BOT_OWNER_BYTES];
	struct buf answer = buf_over(text, sizeof text);
	struct buf html = buf_over(bot->text, sizeof bot->text);
	struct halt halt;
	enum status status = STATUS_UNAVAILABLE;
	CHECK(read_halt(command, &halt));
	if (bot->hooks.halt)
		status = bot->hooks.halt(bot->hooks.ctx, bot_owner(talk->person->id, owner),
					 halt.scope, halt.off, halt.flat, &answer);
	bot->counts.halts += !status;
	bot->counts.halts_refused += status != STATUS_OK;
	buf_printf(&html, status ? "Not done: " : "Done: ");
	buf_html(&html, str_trim(buf_str(&answer)));
	if (!answer.len)
		buf_printf(&html, "%s",
			   status ? status_text(status) : "it is in force here, not stored yet");
	keyboard_init(&bot->keyboard);
	keyboard_add(&bot->keyboard, STR("What is halted"), "q:/halt");
	keyboard_add(&bot->keyboard, STR("Fleet"), "q:/fleet");
	talk_say(talk, buf_str(&html), true);
}

/* Behind the answer that it was begun, and not lost where there is no room for it just now: it
 * comes with what is held for him. */
void bot_halted(struct bot *bot, int64_t user_id, struct str text, struct bot_time time)
{
	const struct person *person = people_find(bot->people, user_id);
	char storage[1024];
	struct buf html = buf_over(storage, sizeof storage);
	if (!person || person->state != PERSON_ACTIVE)
		return;
	buf_html(&html, text);
	const struct letter letter = { .user_id = user_id, .html = buf_str(&html) };
	if (bot_send_letter(bot, &letter))
		bot_hold(bot, bot_seat(bot, person), text, time);
}

static void say_wrong(const struct talk *talk, enum status status, uint32_t tries_left)
{
	talk->bot->counts.halts_refused++;
	if (status == STATUS_TIMEOUT) {
		talk_audit(talk, STR("confirm"), STR(""), STR("refused: the code was too old"));
		talk_printf(talk, "The code is too old. Nothing was changed; ask again.");
		return;
	}
	talk_audit(talk, STR("confirm"), STR(""), STR("refused: wrong code"));
	if (tries_left)
		talk_printf(talk, "That is not the code. %u %s left.", tries_left,
			    tries_left == 1 ? "try" : "tries");
	else
		talk_printf(talk,
			    "That is not the code, for the third time. Nothing was changed; ask "
			    "again.");
}

/* Digits alone are a code while one is awaited, and when one was not long ago. */
bool bot_take_code(const struct talk *talk, struct str text)
{
	struct str command;
	uint32_t tries_left;
	if (text.len != PEOPLE_CONFIRM_DIGITS || !words_are_digits(text))
		return false;
	enum status status = people_confirm(talk->bot->people, talk->person->slot, text,
					    talk->time.now_ns, &command, &tries_left);
	if (status == STATUS_NOT_FOUND)
		return false;
	if (status)
		say_wrong(talk, status, tries_left);
	else if (talk->person->role < ROLE_ADMIN) /* not any more */
		talk_may(talk, ROLE_ADMIN, STR("/halt"), STR("halt"));
	else
		do_halt(talk, command);
	return true;
}
