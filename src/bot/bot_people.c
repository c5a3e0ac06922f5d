/* People: pairing, approving, roles, as the bot shows them. */
#include <stdio.h>

#include "base/check.h"
#include "bot/bot_impl.h"

enum { USERS_SHOWN = 40, REFUSALS_TOLD = 3 };

static void put_person(struct buf *html, const struct person *person)
{
	buf_printf(html, "<code>%lld</code> ", (long long)person->id);
	buf_html(html, str_of(person->name[0] ? person->name : "no name"));
}

static void put_welcome(struct buf *html, const struct person *person)
{
	buf_printf(html,
		   "You are in, as %s: you may %s.\n/help lists what there is, /settings what "
		   "you like.",
		   role_text(person->role), role_may(person->role));
}

void bot_start(const struct talk *talk, struct str code)
{
	struct buf html = buf_over(talk->bot->text, sizeof talk->bot->text);
	(void)code; /* he is in already */
	put_welcome(&html, talk->person);
	keyboard_init(&talk->bot->keyboard);
	keyboard_add(&talk->bot->keyboard, STR("Price"), "q:/price");
	keyboard_add(&talk->bot->keyboard, STR("Settings"), "m:main");
	keyboard_add(&talk->bot->keyboard, STR("Help"), "q:/help");
	talk_say(talk, buf_str(&html), true);
}

static void audit_pairing(struct bot *bot, int64_t user_id, const char *outcome)
{
	char owner[BOT_OWNER_BYTES];
	if (bot->hooks.audit)
		bot->hooks.audit(bot->hooks.ctx, bot_owner(user_id, owner), STR("pair"), STR(""),
				 str_of(outcome));
}

/* Anybody can try codes as fast as he likes: of those refused only a few a minute are told one
 * by one, the rest as a sum when the minute is over. */
static void audit_refused(struct bot *bot, int64_t user_id, const char *why, struct bot_time time)
{
	struct refusals *refusals = &bot->refusals;
	bot_step_refusals(bot, time);
	refusals->minute = time.wall_ms / 60000;
	if (refusals->told == REFUSALS_TOLD) {
		refusals->untold++;
		return;
	}
	refusals->told++;
	audit_pairing(bot, user_id, why);
}

void bot_step_refusals(struct bot *bot, struct bot_time time)
{
	struct refusals *refusals = &bot->refusals;
	char text[64];
	if (refusals->minute == time.wall_ms / 60000)
		return;
	if (refusals->untold && bot->hooks.audit) {
		int n = snprintf(text, sizeof text, "refused: %u more codes within a minute",
				 refusals->untold);
		bot->hooks.audit(bot->hooks.ctx, STR("strangers"), STR("pair"), STR(""),
				 str_make(text, (size_t)n));
	}
	*refusals = (struct refusals){ .minute = time.wall_ms / 60000 };
}

void bot_start_code(struct bot *bot, const struct bot_update *update, struct str code,
		    struct bot_time time)
{
	const struct person *person;
	enum status status = people_pair(bot->people, update->user_id, update->name, code,
					 time.now_ns, time.wall_ms, &person);
	struct letter letter = { .user_id = update->user_id };
	switch (status) {
	case STATUS_OK:
		audit_pairing(bot, update->user_id, person_state_text(person->state));
		if (person->state == PERSON_ACTIVE) {
			bot_tell_role(bot, person, time);
			return;
		}
		letter.html = STR("Thank you. An admin must let you in now; you will be told.");
		bot_ask_admins(bot, person, time);
		break;
	case STATUS_TIMEOUT:
		audit_refused(bot, update->user_id, "refused: the code is used or too old", time);
		letter.html = STR("This link was used already, or is too old. Ask for a new one.");
		break;
	case STATUS_FULL:
		audit_refused(bot, update->user_id, "refused: no room", time);
		letter.html = STR("There is no room for one more.");
		break;
	default:
		audit_refused(bot, update->user_id, "refused: no such code", time);
		bot->counts.strangers++;
		return;
	}
	bot_send_letter(bot, &letter);
}

/* ---- approving ---- */

static void put_decisions(struct keyboard *keyboard, const struct person *person)
{
	keyboard_row(keyboard);
	keyboard_add(keyboard, STR("Approve"), "y:%lld", (long long)person->id);
	keyboard_add(keyboard, STR("Approve as trader"), "t:%lld", (long long)person->id);
	keyboard_add(keyboard, STR("Reject"), "n:%lld", (long long)person->id);
}

void bot_ask_admins(struct bot *bot, const struct person *person, struct bot_time time)
{
	struct buf html = buf_over(bot->text, sizeof bot->text);
	uint32_t slot = 0;
	const struct person *admin;
	put_person(&html, person);
	buf_printf(&html, " asks to be let in.");
	keyboard_init(&bot->keyboard);
	put_decisions(&bot->keyboard, person);
	while ((admin = people_next(bot->people, &slot))) {
		const struct preferences *likes = &bot_seat(bot, admin)->preferences;
		enum notify_how how = preferences_notify(likes, NOTIFY_people, admin->role);
		const struct letter letter = {
			.user_id = admin->id,
			.html = buf_str(&html),
			.alert = true,
			.silent =
			    how == NOTIFY_SILENT || preferences_are_quiet(likes, time.wall_ms),
			.buttons = true,
		};
		if (admin->role == ROLE_ADMIN && how != NOTIFY_OFF)
			bot_send_letter(bot, &letter);
	}
}

void bot_tell_role(struct bot *bot, const struct person *person, struct bot_time time)
{
	char text[512];
	struct buf html = buf_over(text, sizeof text);
	const struct letter letter = { .user_id = person->id };
	struct letter told = letter;
	(void)time;
	if (person->state != PERSON_ACTIVE)
		buf_printf(&html, "You are not let in.");
	else
		put_welcome(&html, person);
	told.html = buf_str(&html);
	bot_send_letter(bot, &told);
}

static enum status decide(const struct talk *talk, int64_t id, enum bot_decision decision)
{
	struct people *people = talk->bot->people;
	int64_t wall_ms = talk->time.wall_ms;
	if (decision == BOT_REJECT)
		return people_reject(people, id, wall_ms);
	enum status status = people_approve(people, id, wall_ms);
	if (!status && decision == BOT_APPROVE_TRADER)
		status = people_set_role(people, id, ROLE_TRADER, wall_ms);
	return status;
}

static const char *why_not(enum status status)
{
	switch (status) {
	case STATUS_NOT_FOUND: return "nobody of that number is here";
	case STATUS_REFUSED: return "somebody has decided already";
	default: return status_text(status);
	}
}

void bot_decide(const struct talk *talk, struct str id_text, enum bot_decision decision)
{
	static const char *const words[] = { "approve", "approve trader", "reject" };
	struct bot *bot = talk->bot;
	struct buf html = buf_over(bot->text, sizeof bot->text);
	int64_t id = 0;
	struct str action = str_of(words[decision]);
	if (!talk_may(talk, ROLE_ADMIN, str_of(words[decision]), action))
		return;
	enum status status =
	    str_to_i64(id_text, &id) ? STATUS_NOT_FOUND : decide(talk, id, decision);
	talk_notice(talk, STR(""));
	talk_audit(talk, action, id_text, str_of(status ? why_not(status) : "done"));
	const struct person *person = people_find(bot->people, id);
	if (!person || (status && status != STATUS_REFUSED)) {
		talk_printf(talk, "Nothing is changed: %s.", why_not(status));
		return;
	}
	put_person(&html, person);
	buf_printf(&html, status ? " is %s already." : " is %s now.",
		   person->state == PERSON_ACTIVE ? role_text(person->role)
						  : person_state_text(person->state));
	talk_say(talk, buf_str(&html), false);
	if (!status)
		bot_tell_role(bot, person, talk->time);
}

/* ---- /users, /id ---- */

static void list_users(const struct talk *talk)
{
	struct bot *bot = talk->bot;
	struct buf html = buf_over(bot->text, sizeof bot->text - 128);
	uint32_t slot = 0;
	size_t shown = 0;
	const struct person *person;
	keyboard_init(&bot->keyboard);
	buf_printf(&html, "<b>People</b>\n");
	while ((person = people_next(bot->people, &slot)) && shown++ < USERS_SHOWN) {
		put_person(&html, person);
		buf_printf(&html, " · %s%s\n",
			   person->state == PERSON_ACTIVE ? role_text(person->role)
							  : person_state_text(person->state),
			   person->from_settings ? " (settings)" : "");
		if (person->state == PERSON_WAITING && bot->keyboard.count + 2 < BOT_ROWS_MAX)
			put_decisions(&bot->keyboard, person);
	}
	if (people_count(bot->people) > USERS_SHOWN)
		buf_printf(&html, "… %zu more: weir telegram users\n",
			   people_count(bot->people) - USERS_SHOWN);
	buf_printf(&html, "\nTo change one: /users ID none|reader|trader|admin");
	talk_say(talk, buf_str(&html), true);
}

static void set_role(const struct talk *talk, struct str args)
{
	struct bot *bot = talk->bot;
	struct str rest = args, id_text = words_next(&rest), role_text_given = str_trim(rest);
	enum role role = role_find(role_text_given);
	int64_t id = 0;
	if (str_to_i64(id_text, &id) || role == ROLE_COUNT) {
		talk_printf(talk, "Usage: /users ID none|reader|trader|admin");
		return;
	}
	enum status status = people_set_role(bot->people, id, role, talk->time.wall_ms);
	talk_audit(talk, STR("role"), args, str_of(status ? status_text(status) : "done"));
	const struct person *person = people_find(bot->people, id);
	struct buf html = buf_over(bot->text, sizeof bot->text);
	if (status == STATUS_REFUSED)
		buf_printf(&html, "Not changed: the settings name him, or he is the last admin.");
	else if (status || !person)
		buf_printf(&html, "Not changed: %s.", why_not(status));
	else
		put_person(&html, person);
	if (!status && person)
		buf_printf(&html, " is %s now.",
			   role == ROLE_NONE ? "blocked" : role_text(person->role));
	talk_say(talk, buf_str(&html), false);
	if (!status && person && person->id != talk->person->id)
		bot_tell_role(bot, person, talk->time);
}

void bot_users(const struct talk *talk, struct str args)
{
	if (args.len)
		set_role(talk, args);
	else
		list_users(talk);
}

void bot_who(const struct talk *talk, struct str args)
{
	struct buf html = buf_over(talk->bot->text, sizeof talk->bot->text);
	(void)args;
	put_person(&html, talk->person);
	buf_printf(&html, "\n%s: you may %s.", role_text(talk->person->role),
		   role_may(talk->person->role));
	if (talk->update->group)
		buf_printf(&html, "\nThis group: <code>%lld</code>",
			   (long long)talk->update->chat_id);
	talk_say(talk, buf_str(&html), false);
}
