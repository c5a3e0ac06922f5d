/* Pictures: asked for, awaited, sent in the place of a message or as a new one. */
#include "base/check.h"
#include "bot/bot_impl.h"

/* A caption's room, tags and escapes counted. */
enum { CAPTION_BYTES = 2 * BOT_CAPTION_MAX };

static struct awaited *free_place(struct bot *bot)
{
	for (size_t i = 0; i < BOT_PICTURES_MAX; i++)
		if (!bot->pictures[i].used)
			return &bot->pictures[i];
	return NULL;
}

static uint64_t tag_of_picture(const struct bot *bot, const struct awaited *awaited)
{
	return tag_of(TAG_PICTURE, (uint32_t)(awaited - bot->pictures), 0, awaited->generation);
}

/* NULL: nobody waits for it any more. */
static struct awaited *find_awaited(struct bot *bot, uint64_t tag)
{
	uint32_t index = tag >> 48 & 0xFFF;
	struct awaited *awaited = index < BOT_PICTURES_MAX ? &bot->pictures[index] : NULL;
	return awaited && awaited->used && tag_of_picture(bot, awaited) == tag ? awaited : NULL;
}

static void release(struct awaited *awaited)
{
	uint32_t generation = awaited->generation;
	*awaited = (struct awaited){ .generation = generation + 1 };
}

static enum status ask_for(struct bot *bot, struct awaited *awaited)
{
	const struct person *person = people_find(bot->people, awaited->user_id);
	bool light = person && bot_seat(bot, person)->preferences.light;
	if (!bot->hooks.picture)
		return STATUS_NOT_FOUND;
	enum status status = bot->hooks.picture(bot->hooks.ctx, str_of(awaited->question), light,
						tag_of_picture(bot, awaited));
	awaited->asked = status != STATUS_FULL;
	return awaited->asked ? status : STATUS_OK;
}

/* Who waits for it is told so. */
static void fail(struct bot *bot, struct awaited *awaited, enum status status)
{
	char text[128];
	struct buf html = buf_over(text, sizeof text);
	buf_printf(&html, "The picture could not be drawn: %s.", status_text(status));
	const struct bot_out out = { .kind = BOT_OUT_TEXT,
				     .chat_id = awaited->chat_id,
				     .thread_id = awaited->thread_id,
				     .group = awaited->group,
				     .text = buf_str(&html) };
	bot->counts.pictures_failed++;
	bot->counts.unsent += bot->hooks.send(bot->hooks.ctx, &out) != STATUS_OK;
	release(awaited);
}

/* Those for whom there was no room. */
void bot_step_pictures(struct bot *bot)
{
	for (size_t i = 0; i < BOT_PICTURES_MAX; i++) {
		struct awaited *awaited = &bot->pictures[i];
		if (!awaited->used || awaited->asked)
			continue;
		enum status status = ask_for(bot, awaited);
		if (status)
			fail(bot, awaited, status);
		else if (!awaited->asked)
			return;
	}
}

static void say_none(const struct talk *talk, enum status status)
{
	bool full = status == STATUS_FULL || status == STATUS_NO_MEMORY;
	struct str why = full ? STR("Too many pictures are being drawn: try again in a moment.")
			      : STR("There is no picture of it (yet).");
	talk->bot->counts.pictures_refused++;
	if (talk_is_button(talk))
		talk_notice(talk, why);
	else
		talk_say(talk, why, false);
}

void bot_begin_picture(const struct talk *talk, struct str text)
{
	struct bot *bot = talk->bot;
	const struct bot_update *update = talk->update;
	struct awaited *awaited = free_place(bot);
	struct buf question = { 0 };
	enum question which = QUESTION_COUNT;
	if (awaited) {
		question = buf_over(awaited->question, sizeof awaited->question - 1);
		which = bot_complete_question(talk, text, &question);
	}
	if (which < QUESTION_COUNT &&
	    !talk_may(talk, question_row(which)->role, str_of(question_row(which)->name), STR("")))
		return;
	if (!awaited || which == QUESTION_COUNT || question.overflow) {
		say_none(talk, awaited ? STATUS_NOT_FOUND : STATUS_FULL);
		return;
	}
	awaited->question[question.len] = 0;
	awaited->used = true;
	awaited->sending = false;
	awaited->user_id = talk->person->id;
	awaited->chat_id = update->chat_id;
	awaited->thread_id = update->thread_id;
	awaited->group = update->group;
	awaited->message_id = talk_is_button(talk) ? update->message_id : 0;
	enum status status = ask_for(bot, awaited);
	if (status) {
		release(awaited);
		say_none(talk, status);
		return;
	}
	talk_notice(talk, STR(""));
	talk_typing(talk);
}

/* ---- it is there ---- */

static struct str first_line(struct str html)
{
	return str_trim(str_make(html.ptr, str_find_char(html, '\n')));
}

static struct str last_line(struct str html)
{
	html = str_trim(html);
	size_t at = html.len;
	while (at && html.ptr[at - 1] != '\n')
		at--;
	return str_skip(html, at);
}

/* Whole only where no tag spans lines. */
static bool is_closed(struct str line)
{
	int open = 0;
	for (size_t i = 0; i + 1 < line.len; i++)
		if (line.ptr[i] == '<')
			open += line.ptr[i + 1] == '/' ? -1 : 1;
	return open == 0;
}

/* The answer's title, and its word on time and coverage. */
static struct str write_caption(struct bot *bot, const struct awaited *awaited, enum role role,
				struct bot_time time, struct buf *out)
{
	enum ask_outcome outcome = ASK_NO;
	enum status status =
	    bot_ask(bot, awaited->user_id, role, str_of(awaited->question), time, &outcome);
	struct str title = first_line(buf_str(&bot->answer));
	struct str end = last_line(buf_str(&bot->answer));
	if (status || outcome != ASK_ANSWERED || !is_closed(title)) {
		words_put_shown(out, str_of(awaited->question), 128);
		return buf_str(out);
	}
	buf_str_put(out, title);
	if (is_closed(end) && end.ptr != title.ptr) {
		buf_char(out, '\n');
		buf_str_put(out, end);
	}
	return out->overflow ? STR("") : buf_str(out);
}

static void send_picture(struct bot *bot, struct awaited *awaited, struct str png,
			 struct bot_time time)
{
	char storage[CAPTION_BYTES];
	struct buf caption = buf_over(storage, sizeof storage);
	const struct person *person = people_find(bot->people, awaited->user_id);
	enum role role = person ? person->role : ROLE_NONE;
	struct bot_out out = {
		.kind = awaited->message_id ? BOT_OUT_REPHOTO : BOT_OUT_PHOTO,
		.chat_id = awaited->chat_id,
		.thread_id = awaited->thread_id,
		.message_id = awaited->message_id,
		.group = awaited->group,
		.photo = png,
		.text = write_caption(bot, awaited, role, time, &caption),
	};
	bot_answer_buttons(bot, role, str_of(awaited->question), true);
	out.rows = bot->keyboard.rows;
	out.row_count = keyboard_rows(&bot->keyboard);
	awaited->sending = awaited->message_id != 0;
	out.tag = awaited->sending ? tag_of_picture(bot, awaited) : 0;
	bool sent = bot->hooks.send(bot->hooks.ctx, &out) == STATUS_OK;
	bot->counts.pictures += sent;
	bot->counts.unsent += !sent;
	if (!awaited->sending || !sent)
		release(awaited);
}

void bot_take_picture(struct bot *bot, uint64_t tag, enum status status, struct str png,
		      struct bot_time time)
{
	struct awaited *awaited = find_awaited(bot, tag);
	if (!awaited || awaited->sending)
		return;
	if (status)
		fail(bot, awaited, status);
	else
		send_picture(bot, awaited, png, time);
}

/* A message that takes no picture in its place (it is gone, or the server is old): drawn once
 * more, for a new one. */
void bot_picture_sent(struct bot *bot, uint64_t tag, enum status status, struct bot_time time)
{
	struct awaited *awaited = find_awaited(bot, tag);
	(void)time;
	if (!awaited || !awaited->sending)
		return;
	bool again = status == STATUS_INVALID || status == STATUS_NOT_FOUND;
	awaited->sending = false;
	awaited->message_id = 0;
	status = again ? ask_for(bot, awaited) : STATUS_OK;
	if (status)
		fail(bot, awaited, status);
	else if (!again)
		release(awaited);
}
