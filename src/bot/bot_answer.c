/* Questions: completed with what the person likes, asked, and shown with their buttons. */
#include <stdio.h>

#include "ask/asked.h"
#include "base/check.h"
#include "bot/bot_impl.h"

/* ---- the question ---- */

static void put_symbol(const struct asked *asked, bool timeframe, struct buf *out)
{
	if (asked->symbol[0])
		buf_printf(out, " %s", asked->symbol);
	if (timeframe)
		buf_printf(out, " %s", asked_timeframe_text(asked->minutes));
}

/* As it is asked again by a button. */
static void put_question(const struct asked *asked, struct buf *out)
{
	buf_str_put(out, str_of(question_row(asked->question)->name));
	if (asked_takes_symbol(asked->question))
		put_symbol(asked, asked_takes_timeframe(asked->question), out);
	if (asked->kind != KIND_COUNT)
		buf_str_put(out, asked->kind == KIND_SPOT ? STR(" spot") : STR(" perps"));
	if (asked->by_oi)
		buf_str_put(out, STR(" oi"));
}

/* The words of it, under its own name where an alias was typed. */
static void put_typed(enum question question, struct str text, struct buf *out)
{
	struct str rest = text;
	words_next(&rest);
	rest = str_trim(rest);
	buf_str_put(out, str_of(question_row(question)->name));
	if (rest.len) {
		buf_char(out, ' ');
		buf_str_put(out, rest);
	}
}

static struct str symbol_of(const struct talk *talk)
{
	const char *own = talk->seat->preferences.symbol;
	return str_of(own[0] ? own : talk->bot->symbol);
}

/* Was one typed? Asked again with it the question stays the same. */
static bool has_timeframe(struct str text)
{
	struct str rest = text, word;
	int32_t minutes;
	for (words_next(&rest); (word = words_next(&rest)).len;)
		if (asked_timeframe_read(word, &minutes))
			return true;
	return false;
}

enum question bot_complete_question(const struct talk *talk, struct str text, struct buf *out)
{
	struct asked asked;
	struct str rest = text, name = words_next(&rest);
	name.len = str_find_char(name, '@');
	enum question question = alias_find(name);
	size_t from = out->len;
	if (question == QUESTION_COUNT) {
		buf_str_put(out, text);
		return question;
	}
	put_typed(question, text, out);
	enum fault fault = asked_parse(str_make(out->ptr + from, out->len - from), ASK_TEXT_MAX,
				       symbol_of(talk), &asked);
	bool plain = asked_takes_symbol(question) || question == QUESTION_top10;
	if (fault || out->overflow || !plain)
		return question;
	if (asked_takes_timeframe(question) && talk->seat->preferences.timeframe_min &&
	    !has_timeframe(text))
		asked.minutes = talk->seat->preferences.timeframe_min;
	out->len = from;
	put_question(&asked, out);
	return question;
}

/* ---- buttons ---- */

static void add_timeframes(struct keyboard *keyboard, const struct asked *asked, char verb)
{
	struct str rest = str_of(asked_timeframes()), word;
	struct asked other = *asked;
	keyboard_row(keyboard);
	while (str_split(&rest, ' ', &word)) {
		char label[16], data[BOT_DATA_MAX + 1];
		struct buf question = buf_over(data, sizeof data - 1);
		CHECK(asked_timeframe_read(word, &other.minutes));
		bool current = other.minutes == asked->minutes;
		snprintf(label, sizeof label, current ? "·%.*s·" : "%.*s", STR_ARG(word));
		put_question(&other, &question);
		if (!question.overflow)
			keyboard_add(keyboard, str_of(label), "%c:%.*s", verb,
				     STR_ARG(buf_str(&question)));
	}
}

static void add_related(struct keyboard *keyboard, enum role role, const struct asked *asked,
			bool picture)
{
	struct str rest = str_of(question_row(asked->question)->related), word;
	keyboard_row(keyboard);
	while (rest.len && str_split(&rest, ' ', &word)) {
		char data[BOT_DATA_MAX + 1];
		struct buf text = buf_over(data, sizeof data - 1);
		struct asked other = *asked;
		other.question = question_find(word);
		if (other.question == QUESTION_COUNT || question_row(other.question)->role > role)
			continue;
		other.kind = KIND_COUNT;
		other.by_oi = false;
		if (!other.minutes)
			other.minutes = 15;
		bool drawn = question_row(other.question)->picture != PICTURE_NONE;
		put_question(&other, &text);
		if (!text.overflow)
			keyboard_add(keyboard, word, "%c:%.*s", picture && drawn ? 'p' : 'q',
				     STR_ARG(buf_str(&text)));
	}
}

static void add_actions(struct keyboard *keyboard, struct str question, const struct asked *asked,
			bool picture)
{
	bool drawn = question_row(asked->question)->picture != PICTURE_NONE;
	keyboard_row(keyboard);
	keyboard_add(keyboard, STR("↻ Refresh"), "%c:%.*s", picture ? 'p' : 'q', STR_ARG(question));
	if (picture)
		keyboard_add(keyboard, STR("Text"), "q:%.*s", STR_ARG(question));
	else if (drawn)
		keyboard_add(keyboard, STR("Chart"), "p:%.*s", STR_ARG(question));
	if (asked_takes_symbol(asked->question))
		keyboard_add(keyboard, STR("Alert"), "a:%.*s", STR_ARG(question));
}

void bot_answer_buttons(struct bot *bot, enum role role, struct str question, bool picture)
{
	struct asked asked;
	struct keyboard *keyboard = &bot->keyboard;
	keyboard_init(keyboard);
	if (asked_parse(question, ASK_TEXT_MAX, str_of(bot->symbol), &asked))
		return;
	if (asked_takes_timeframe(asked.question))
		add_timeframes(keyboard, &asked, picture ? 'p' : 'q');
	add_related(keyboard, role, &asked, picture);
	add_actions(keyboard, question, &asked, picture);
}

/* ---- the answer ---- */

enum status bot_ask(struct bot *bot, int64_t user_id, enum role role, struct str question,
		    struct bot_time time, enum ask_outcome *outcome)
{
	char owner[BOT_OWNER_BYTES];
	const struct ask_request request = { .text = question,
					     .format = ASK_HTML,
					     .now_ms = time.wall_ms,
					     .owner = bot_owner(user_id, owner),
					     .role = role };
	buf_clear(&bot->answer);
	return bot->hooks.ask(bot->hooks.ctx, &request, &bot->answer, outcome);
}

/* Rules and names are written as weir reads them. */
static bool has_own_numbers(enum question question)
{
	return question == QUESTION_alerts || question == QUESTION_help ||
	       question == QUESTION_halt;
}

static struct str styled(const struct talk *talk, enum question question)
{
	struct bot *bot = talk->bot;
	enum number_style style = talk->seat->preferences.numbers;
	if (style == NUMBERS_COMMA || question == QUESTION_COUNT || has_own_numbers(question))
		return buf_str(&bot->answer);
	buf_clear(&bot->styled);
	numbers_restyle(style, buf_str(&bot->answer), &bot->styled);
	return bot->styled.overflow ? buf_str(&bot->answer) : buf_str(&bot->styled);
}

/* "/alerts add BTC price > 70000" changes something; its action is "alerts add". */
static struct str change_of(enum question question, struct str text, struct str *target)
{
	static const char *const verbs[] = { "add",  "edit",   "del",    "delete", "remove",
					     "mute", "unmute", "snooze", "wake",   "rm" };
	struct str rest = text, name = str_skip(words_next(&rest), 1), verb = words_next(&rest);
	if (question != QUESTION_alerts)
		return STR("");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_nocase(verb, str_of(verbs[i]))) {
			*target = str_trim(rest);
			return str_make(name.ptr, (size_t)(verb.ptr + verb.len - name.ptr));
		}
	return STR("");
}

static void put_more_help(const struct talk *talk)
{
	struct bot *bot = talk->bot;
	buf_char(&bot->answer, '\n');
	bot_put_commands(&bot->answer, talk->person->role);
}

/* again: what Refresh asks. */
static void say_answer(const struct talk *talk, enum question question, struct str again,
		       enum ask_outcome outcome)
{
	struct bot *bot = talk->bot;
	keyboard_init(&bot->keyboard);
	if (outcome == ASK_ANSWERED && question == QUESTION_help)
		put_more_help(talk);
	if (outcome == ASK_ANSWERED)
		bot_answer_buttons(bot, talk->person->role, again, false);
	else if (outcome == ASK_NO && again.len)
		keyboard_add(&bot->keyboard, STR("↻ Refresh"), "q:%.*s", STR_ARG(again));
	bot->counts.answers += outcome == ASK_ANSWERED;
	bot->counts.refusals += outcome != ASK_ANSWERED;
	talk_say(talk, styled(talk, question), true);
}

void bot_answer(const struct talk *talk, struct str text)
{
	struct bot *bot = talk->bot;
	char storage[QUESTION_BYTES];
	struct buf complete = buf_over(storage, sizeof storage);
	enum ask_outcome outcome = ASK_NO;
	struct str target = STR("");
	enum question question = bot_complete_question(talk, text, &complete);
	struct str asked = complete.overflow ? text : buf_str(&complete);
	struct str action = change_of(question, asked, &target);
	if (question < QUESTION_COUNT && !talk_may(talk, question_row(question)->role,
						   str_of(question_row(question)->name), action))
		return;
	enum status status =
	    bot_ask(bot, talk->person->id, talk->person->role, asked, talk->time, &outcome);
	talk_notice(talk, STR(""));
	if (action.len)
		talk_audit(talk, action, target,
			   status || outcome != ASK_ANSWERED ? STR("refused") : STR("done"));
	if (status)
		talk_printf(talk, "No answer: %s.", status_text(status));
	else
		say_answer(talk, question, action.len ? STR("/alerts list") : asked, outcome);
}
