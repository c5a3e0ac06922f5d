/* Buttons: what their data means. */
#include "base/check.h"
#include "bot/bot_impl.h"

/* A rule is run: what is said of it takes the message's place, with ways on. */
static void run(const struct talk *talk, struct str text) { bot_answer(talk, text); }

static void approve(const struct talk *talk, struct str id) { bot_decide(talk, id, BOT_APPROVE); }

static void approve_trader(const struct talk *talk, struct str id)
{
	bot_decide(talk, id, BOT_APPROVE_TRADER);
}

static void reject(const struct talk *talk, struct str id) { bot_decide(talk, id, BOT_REJECT); }

static const struct press_row {
	char verb;
	void (*fn)(const struct talk *talk, struct str what);
} presses[] = {
	{ 'q', bot_answer }, { 'p', bot_begin_picture }, { 'a', bot_offer_alerts },
	{ 'r', run },        { 'm', bot_settings_page }, { 's', bot_settings_set },
	{ 'y', approve },    { 't', approve_trader },    { 'n', reject },
};

void bot_press(const struct talk *talk)
{
	struct str data = talk->update->text;
	talk->bot->counts.buttons++;
	for (size_t i = 0; data.len > 2 && data.ptr[1] == ':' && i < ARRAY_LEN(presses); i++)
		if (presses[i].verb == data.ptr[0]) {
			presses[i].fn(talk, str_skip(data, 2));
			return;
		}
	talk_notice(talk, STR("This button is of an older weir."));
}
