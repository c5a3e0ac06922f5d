/* bot_stage.h - the bot before the small world of test_ask_world.h, with rules, halts and
 * people; what it sends is written down as a reader would see it:
 *
 *   EDIT 7 #5 alert silent <key> tag
 *   the text
 *   [label|data] [label|data]
 */
#pragma once

#include "people_stage.h"
#include "test_ask_golden.h"

#include "bot/bot.h"
#include "rules/rules.h"
#include "trade/halts.h"

#define ADA INT64_C(7)
#define BEN INT64_C(8)

struct bot_stage {
	struct people_stage people;
	struct bot *bot;
	struct ask_world world;
	struct rules *rules;
	struct halts halts;
	struct bot_time time;
	struct buf out; /* what was sent since the last clear */
	char storage[ASK_OUT_LIMIT];
	size_t sends;
	int64_t message_id;      /* of the last one told, counted up */
	uint64_t tag;            /* of the last one that had one */
	enum status send_status; /* what `send` says */
	enum status picture_status;
	char pictured[300]; /* the question of the last picture */
	bool light;
	uint64_t picture_tag;
	size_t pictures;
	char audited[512]; /* "owner|action|target|outcome" of the last one */
	size_t audits;
	char halted[128]; /* "scope off flat" of the last one */
	enum status halt_status;
	const char *known; /* the one terminal there is; NULL: all names are known */
	struct preferences kept;
	int64_t kept_of;
	size_t seen;
};

static inline const char *kind_word(enum bot_out_kind kind)
{
	static const char *const words[] = {
		"TEXT", "PHOTO", "EDIT", "REPHOTO", "TYPING", "NOTICE"
	};
	return words[kind];
}

static inline enum status stage_send(void *ctx, const struct bot_out *sent)
{
	struct bot_stage *stage = ctx;
	struct buf *out = &stage->out;
	if (stage->send_status)
		return stage->send_status;
	stage->sends++;
	buf_printf(out, "%s %lld", kind_word(sent->kind), (long long)sent->chat_id);
	if (sent->thread_id)
		buf_printf(out, "/%lld", (long long)sent->thread_id);
	if (sent->message_id)
		buf_printf(out, " #%lld", (long long)sent->message_id);
	buf_printf(out, "%s%s%s%s", sent->group ? " group" : "", sent->alert ? " alert" : "",
		   sent->silent ? " silent" : "", sent->photo.len ? " picture" : "");
	if (sent->coalesce.len)
		buf_printf(out, " <%.*s>", STR_ARG(sent->coalesce));
	buf_printf(out, "\n%.*s", STR_ARG(sent->text));
	if (!sent->text.len || sent->text.ptr[sent->text.len - 1] != '\n')
		buf_char(out, '\n');
	for (size_t i = 0; i < sent->row_count; i++) {
		assert_in_range(sent->rows[i].count, 1, BOT_BUTTONS_MAX);
		for (size_t b = 0; b < sent->rows[i].count; b++) {
			const struct bot_button *button = &sent->rows[i].buttons[b];
			assert_in_range(button->data.len, 1, BOT_DATA_MAX);
			buf_printf(out, "%s[%.*s|%.*s]", b ? " " : "", STR_ARG(button->text),
				   STR_ARG(button->data));
		}
		buf_char(out, '\n');
	}
	if (sent->tag)
		stage->tag = sent->tag;
	return STATUS_OK;
}

static inline enum status stage_ask(void *ctx, const struct ask_request *request, struct buf *out,
				    enum ask_outcome *outcome)
{
	struct bot_stage *stage = ctx;
	struct ask_request asked = *request;
	asked.now_ms = 0; /* the world's own time */
	return ask_answer(&stage->world, &asked, out, outcome);
}

static inline enum status stage_picture(void *ctx, struct str question, bool light, uint64_t tag)
{
	struct bot_stage *stage = ctx;
	snprintf(stage->pictured, sizeof stage->pictured, "%.*s", STR_ARG(question));
	stage->light = light;
	stage->picture_tag = tag;
	stage->pictures++;
	return stage->picture_status;
}

static inline bool stage_price(void *ctx, struct str symbol, struct number *price)
{
	(void)ctx;
	if (!str_eq(symbol, STR("ETH")))
		return false;
	*price = (struct number){ 267520, 2 };
	return true;
}

static inline bool stage_knows(void *ctx, struct str scope, struct buf *nearest)
{
	struct bot_stage *stage = ctx;
	bool known = !stage->known || str_eq(scope, str_of(stage->known));
	if (!known)
		buf_printf(nearest, "%s", stage->known);
	return known;
}

static inline enum status stage_halt(void *ctx, struct str owner, struct str scope, bool off,
				     bool flat, struct buf *out)
{
	struct bot_stage *stage = ctx;
	snprintf(stage->halted, sizeof stage->halted, "%.*s: %.*s%s%s", STR_ARG(owner),
		 STR_ARG(scope), off ? " off" : "", flat ? " flat" : "");
	if (stage->halt_status)
		buf_printf(out, "%.*s is halted already <b>\n", STR_ARG(scope));
	return stage->halt_status;
}

static inline void stage_keep(void *ctx, int64_t user_id, const struct preferences *preferences)
{
	struct bot_stage *stage = ctx;
	stage->kept = *preferences;
	stage->kept_of = user_id;
}

static inline void stage_seen(void *ctx, int64_t user_id)
{
	struct bot_stage *stage = ctx;
	(void)user_id;
	stage->seen++;
}

static inline void stage_audit(void *ctx, struct str owner, struct str action, struct str target,
			       struct str outcome)
{
	struct bot_stage *stage = ctx;
	stage->audits++;
	snprintf(stage->audited, sizeof stage->audited, "%.*s|%.*s|%.*s|%.*s", STR_ARG(owner),
		 STR_ARG(action), STR_ARG(target), STR_ARG(outcome));
}

static inline void bot_stage_clear(struct bot_stage *stage)
{
	buf_clear(&stage->out);
	stage->sends = 0;
}

/* Everything sent since, with a zero behind it. */
static inline const char *bot_stage_said(struct bot_stage *stage)
{
	assert_false(stage->out.overflow);
	stage->storage[stage->out.len] = 0;
	return stage->storage;
}

/* Markets outlive it. Ada is an admin, Ben a reader. */
static inline void bot_stage_begin(struct bot_stage *stage, struct markets *markets)
{
	const struct bot_hooks hooks = { .send = stage_send,
					 .ask = stage_ask,
					 .picture = stage_picture,
					 .price = stage_price,
					 .halt_knows = stage_knows,
					 .halt = stage_halt,
					 .keep = stage_keep,
					 .seen = stage_seen,
					 .audit = stage_audit,
					 .ctx = stage };
	const struct rules_config rules = rules_config_default();
	const struct rules_hooks none = { 0 };
	memset(stage, 0, sizeof *stage);
	people_stage_begin(&stage->people);
	stage->rules = rules_create(markets, &rules, &none);
	stage->world = (struct ask_world){ .markets = markets,
					   .options = ask_options_default(),
					   .halts = &stage->halts,
					   .rules = stage->rules };
	stage->out = buf_over(stage->storage, sizeof stage->storage - 1);
	stage->time = (struct bot_time){ 10 * SECOND, WORLD_END_MS };
	stage->bot = bot_create(stage->people.people, &hooks, STR("BTC"));
	assert_non_null(stage->bot);
	bot_set_name(stage->bot, STR("weir_bot"));
	people_stage_pair(&stage->people, ADA, "Ada");
	people_stage_pair(&stage->people, BEN, "Ben");
	assert_int_equal(people_approve(stage->people.people, BEN, WALL_MS), STATUS_OK);
}

static inline void bot_stage_end(struct bot_stage *stage)
{
	bot_destroy(stage->bot);
	rules_destroy(stage->rules);
	people_stage_end(&stage->people);
}

static inline struct bot_update bot_stage_update(const struct bot_stage *stage, int64_t user,
						 const char *text)
{
	return (struct bot_update){ .kind = BOT_UPDATE_MESSAGE,
				    .chat_id = user,
				    .user_id = user,
				    .message_id = 5,
				    .date_s = stage->time.wall_ms / 1000,
				    .text = str_of(text),
				    .button_id = STR("press"),
				    .name = user == ADA ? STR("Ada") : STR("Ben") };
}

/* What is said to a message; a second later than the last one. */
static inline const char *bot_stage_say(struct bot_stage *stage, int64_t user, const char *text)
{
	const struct bot_update update = bot_stage_update(stage, user, text);
	bot_stage_clear(stage);
	stage->time.now_ns += SECOND;
	bot_take(stage->bot, &update, stage->time);
	return bot_stage_said(stage);
}

static inline const char *bot_stage_press(struct bot_stage *stage, int64_t user, const char *data,
					  bool photo)
{
	struct bot_update update = bot_stage_update(stage, user, data);
	update.kind = BOT_UPDATE_BUTTON;
	update.has_photo = photo;
	update.date_s -= 86400;
	bot_stage_clear(stage);
	stage->time.now_ns += SECOND;
	bot_take(stage->bot, &update, stage->time);
	return bot_stage_said(stage);
}

static inline void assert_said(const char *said, const char *what)
{
	if (!strstr(said, what))
		fail_msg("'%s' was not said:\n%s", what, said);
}
