/* The bot's policy: who is heard, how buttons, pictures, preferences and codes go on. */
#include "bot_stage.h"
#include "def/aliases.h"

static struct markets *markets;
static struct bot_stage stage;

static int begin_all(void **state)
{
	(void)state;
	markets = world_create(false, WORLD_END_MS);
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	markets_destroy(markets);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	bot_stage_begin(&stage, markets);
	return 0;
}

static int end(void **state)
{
	(void)state;
	bot_stage_end(&stage);
	return 0;
}

/* ---- who is heard ---- */

static const char *take(const struct bot_update *update)
{
	bot_stage_clear(&stage);
	stage.time.now_ns += SECOND;
	bot_take(stage.bot, update, stage.time);
	return bot_stage_said(&stage);
}

static void strangers_are_met_with_silence_and_counted(void **state)
{
	(void)state;
	assert_string_equal(bot_stage_say(&stage, 666, "/price ETH"), "");
	assert_string_equal(bot_stage_say(&stage, 666, "/start"), "");
	assert_string_equal(bot_stage_press(&stage, 666, "q:/price ETH", false), "");
	assert_string_equal(bot_stage_say(&stage, 666, "/start 00000000000000000000000000000000"),
			    "");
	assert_int_equal(bot_counts(stage.bot).strangers, 4);
	assert_int_equal(stage.seen, 0);
}

static void codes_that_are_tried_one_after_another_are_audited_as_a_sum(void **state)
{
	(void)state;
	stage.time.wall_ms -= stage.time.wall_ms % 60000;
	for (int i = 0; i < 50; i++)
		bot_stage_say(&stage, 600 + i, "/start anything");
	assert_int_equal(bot_counts(stage.bot).strangers, 50);
	assert_int_equal(stage.audits, 3);
	assert_string_equal(stage.audited, "tg:602|pair||refused: no such code");
	stage.time.wall_ms += 59999;
	bot_step(stage.bot, stage.time);
	assert_int_equal(stage.audits, 3);
	stage.time.wall_ms += 1;
	bot_step(stage.bot, stage.time);
	bot_step(stage.bot, stage.time);
	assert_int_equal(stage.audits, 4);
	assert_string_equal(stage.audited,
			    "strangers|pair||refused: 47 more codes within a minute");
	bot_stage_say(&stage, 666, "/start anything");
	assert_string_equal(stage.audited, "tg:666|pair||refused: no such code");
}

static void a_message_that_is_old_forwarded_edited_or_a_bot_s_is_not_heard(void **state)
{
	(void)state;
	struct bot_update update = bot_stage_update(&stage, ADA, "/price ETH");
	update.date_s -= BOT_OLD_S;
	assert_string_not_equal(take(&update), "");
	update.date_s -= 1;
	assert_string_equal(take(&update), "");
	update = bot_stage_update(&stage, ADA, "/price ETH");
	update.edited = true;
	assert_string_equal(take(&update), "");
	update.edited = false;
	update.forwarded = true;
	assert_string_equal(take(&update), "");
	update.forwarded = false;
	update.from_bot = true;
	assert_string_equal(take(&update), "");
	struct bot_counts counts = bot_counts(stage.bot);
	assert_int_equal(counts.old, 1);
	assert_int_equal(counts.edited, 1);
	assert_int_equal(counts.forwarded, 1);
	assert_int_equal(counts.bots, 1);
}

static void a_group_must_be_named_and_hears_only_its_commands(void **state)
{
	(void)state;
	struct bot_update update = bot_stage_update(&stage, BEN, "/price@weir_bot ETH");
	update.chat_id = -100;
	update.group = true;
	update.thread_id = 9;
	assert_string_equal(take(&update), "");
	assert_int_equal(bot_counts(stage.bot).foreign_groups, 1);
	people_apply_settings(stage.people.people, STR(""), STR("-100"), WALL_MS);
	assert_said(take(&update), "TEXT -100/9 group\n<b>ETH price");
	update.text = STR("/price@other_bot ETH");
	assert_string_equal(take(&update), "");
	assert_int_equal(bot_counts(stage.bot).other_bots, 1);
	update.text = STR("what a price, eth");
	assert_string_equal(take(&update), "");
	update.text = STR("/PRICE@WEIR_BOT ETH");
	assert_said(take(&update), "ETH price");
	update.user_id = 666;
	assert_string_equal(take(&update), "");
}

static void a_waiting_person_is_told_once(void **state)
{
	char code[PEOPLE_CODE_BYTES + 1], text[64];
	(void)state;
	assert_int_equal(people_make_code(stage.people.people, stage.time.now_ns, code), STATUS_OK);
	snprintf(text, sizeof text, "/start %s", code);
	const char *said = bot_stage_say(&stage, 9, text);
	assert_said(said, "TEXT 9\nThank you. An admin must let you in now");
	assert_said(said, "TEXT 7 alert\n<code>9</code> Ben asks to be let in.\n"
			  "[Approve|y:9] [Approve as trader|t:9] [Reject|n:9]");
	assert_null(strstr(said, "TEXT 8")); /* Ben is no admin */
	assert_string_equal(stage.audited, "tg:9|pair||waiting");
	assert_string_equal(bot_stage_say(&stage, 9, "/price ETH"), "");
	said = bot_stage_press(&stage, ADA, "t:9", false);
	assert_said(said, "EDIT 7 #5 <e:7:5>\n<code>9</code> Ben is trader now.");
	assert_said(said, "TEXT 9\nYou are in, as trader");
	assert_string_equal(stage.audited, "tg:7|approve trader|9|done");
	assert_said(bot_stage_press(&stage, ADA, "n:9", false), "is trader already");
	assert_said(bot_stage_say(&stage, 10, text), "used already");
}

static void only_admins_decide(void **state)
{
	char code[PEOPLE_CODE_BYTES + 1], text[64];
	(void)state;
	assert_int_equal(people_make_code(stage.people.people, stage.time.now_ns, code), STATUS_OK);
	snprintf(text, sizeof text, "/start %s", code);
	bot_stage_say(&stage, 9, text);
	assert_said(bot_stage_press(&stage, BEN, "y:9", false), "is for the role admin");
	assert_int_equal(people_find(stage.people.people, 9)->state, PERSON_WAITING);
	assert_said(bot_stage_press(&stage, ADA, "n:9", false), "is blocked now");
	assert_string_equal(bot_stage_say(&stage, 9, "/price ETH"), "");
	assert_int_equal(bot_counts(stage.bot).blocked, 1);
}

static void too_many_commands_are_slowed_and_told_once(void **state)
{
	const struct bot_update update = bot_stage_update(&stage, ADA, "/id");
	(void)state;
	bot_stage_clear(&stage);
	for (int i = 0; i < PEOPLE_BURST + 5; i++)
		bot_take(stage.bot, &update, stage.time);
	assert_int_equal(stage.sends, PEOPLE_BURST + 1);
	assert_said(bot_stage_said(&stage), "Too many at once");
	assert_int_equal(bot_counts(stage.bot).slowed, 5);
	assert_said(bot_stage_say(&stage, BEN, "/id"), "Ben");
}

/* ---- buttons, pictures ---- */

static void a_button_edits_its_message_and_is_answered(void **state)
{
	(void)state;
	const char *said = bot_stage_press(&stage, ADA, "q:/oi ETH", false);
	assert_said(said, "NOTICE 7\n");
	assert_said(said, "EDIT 7 #5 <e:7:5>\n<b>ETH open interest");
}

static void under_a_picture_a_text_is_a_new_message(void **state)
{
	(void)state;
	assert_said(bot_stage_press(&stage, ADA, "q:/oi ETH", true),
		    "TEXT 7\n<b>ETH open interest");
}

static void a_chart_takes_the_place_of_its_text(void **state)
{
	(void)state;
	const char *said = bot_stage_press(&stage, ADA, "p:/cvd ETH 5m", false);
	assert_string_equal(said, "NOTICE 7\n\nTYPING 7\n\n");
	assert_string_equal(stage.pictured, "/cvd ETH 5m");
	bot_stage_clear(&stage);
	bot_take_picture(stage.bot, stage.picture_tag, STATUS_OK, STR("png"), stage.time);
	assert_said(bot_stage_said(&stage), "REPHOTO 7 #5 picture\n<b>ETH CVD · 5m</b>\nas of ");
	assert_int_equal(bot_counts(stage.bot).pictures_awaited, 1);
	bot_sent(stage.bot, stage.tag, STATUS_OK, 5, stage.time);
	assert_int_equal(bot_counts(stage.bot).pictures_awaited, 0);
}

static void where_a_text_cannot_become_a_picture_a_new_message_is_sent(void **state)
{
	(void)state;
	bot_stage_press(&stage, ADA, "p:/cvd ETH 5m", false);
	bot_take_picture(stage.bot, stage.picture_tag, STATUS_OK, STR("png"), stage.time);
	bot_sent(stage.bot, stage.tag, STATUS_INVALID, 0, stage.time);
	assert_int_equal(stage.pictures, 2);
	bot_stage_clear(&stage);
	bot_take_picture(stage.bot, stage.picture_tag, STATUS_OK, STR("png"), stage.time);
	assert_said(bot_stage_said(&stage), "PHOTO 7 picture\n");
	assert_int_equal(bot_counts(stage.bot).pictures_awaited, 0);
}

static void a_picture_that_is_not_there_is_said(void **state)
{
	(void)state;
	stage.picture_status = STATUS_NOT_FOUND;
	assert_said(bot_stage_press(&stage, ADA, "p:/help", false),
		    "NOTICE 7\nThere is no picture");
	assert_said(bot_stage_say(&stage, ADA, "/chart oi ETH"), "TEXT 7\nThere is no picture");
	stage.picture_status = STATUS_OK;
	bot_stage_say(&stage, ADA, "/chart oi ETH");
	assert_string_equal(stage.pictured, "/oi ETH");
	bot_stage_clear(&stage);
	bot_take_picture(stage.bot, stage.picture_tag, STATUS_NO_MEMORY, STR(""), stage.time);
	assert_said(bot_stage_said(&stage), "could not be drawn: out of memory");
	assert_int_equal(bot_counts(stage.bot).pictures_awaited, 0);
}

static void a_picture_that_fails_at_its_second_try_is_said(void **state)
{
	(void)state;
	stage.picture_status = STATUS_FULL;
	bot_stage_press(&stage, ADA, "p:/cvd ETH 5m", false);
	stage.picture_status = STATUS_NOT_FOUND;
	bot_stage_clear(&stage);
	bot_step(stage.bot, stage.time);
	assert_said(bot_stage_said(&stage), "TEXT 7\nThe picture could not be drawn: not found");
	stage.picture_status = STATUS_OK;
	bot_stage_press(&stage, ADA, "p:/cvd ETH 5m", false);
	bot_take_picture(stage.bot, stage.picture_tag, STATUS_OK, STR("png"), stage.time);
	stage.picture_status = STATUS_NO_MEMORY;
	bot_stage_clear(&stage);
	bot_sent(stage.bot, stage.tag, STATUS_INVALID, 0, stage.time);
	assert_said(bot_stage_said(&stage), "TEXT 7\nThe picture could not be drawn: out of");
	assert_int_equal(bot_counts(stage.bot).pictures_awaited, 0);
	assert_int_equal(bot_counts(stage.bot).pictures_failed, 2);
}

static void a_picture_for_which_there_is_no_room_is_asked_for_again(void **state)
{
	(void)state;
	stage.picture_status = STATUS_FULL;
	bot_stage_press(&stage, ADA, "p:/cvd ETH 5m", false);
	bot_step(stage.bot, stage.time);
	assert_int_equal(stage.pictures, 2);
	stage.picture_status = STATUS_OK;
	bot_step(stage.bot, stage.time);
	bot_step(stage.bot, stage.time);
	assert_int_equal(stage.pictures, 3);
}

static void awaited_pictures_are_bounded(void **state)
{
	struct bot_update update = bot_stage_update(&stage, ADA, "p:/cvd ETH 5m");
	(void)state;
	update.kind = BOT_UPDATE_BUTTON;
	for (int i = 0; i < BOT_PICTURES_MAX + 1; i++) {
		stage.time.now_ns += SECOND;
		bot_stage_clear(&stage);
		bot_take(stage.bot, &update, stage.time);
	}
	assert_said(bot_stage_said(&stage), "Too many pictures are being drawn");
	assert_int_equal(bot_counts(stage.bot).pictures_awaited, BOT_PICTURES_MAX);
}

static void bytes_that_are_no_button_do_no_harm(void **state)
{
	static const char *const data[] = {
		"",    "q",    "q:",       "q:/", "y:x",     "y:999999999999999999999",
		"s:",  "s:tf", "s:zone x", "m:",  "a:/help", "a:x",
		"p:x", "r:",   "t:-1",     "n:0", ":",       "s:notify ="
	};
	(void)state;
	for (size_t i = 0; i < sizeof data / sizeof *data; i++)
		assert_string_not_equal(bot_stage_press(&stage, ADA, data[i], i % 2), "");
}

/* ---- preferences ---- */

static void what_a_person_prefers_is_meant_when_he_says_nothing(void **state)
{
	(void)state;
	bot_stage_say(&stage, BEN, "/settings sym eth");
	bot_stage_say(&stage, BEN, "/settings tf 1h");
	assert_int_equal(stage.kept_of, BEN);
	assert_string_equal(stage.kept.symbol, "ETH");
	assert_int_equal(stage.kept.timeframe_min, 60);
	assert_string_equal(stage.audited, "tg:8|settings|tf 1h|done");
	assert_said(bot_stage_say(&stage, BEN, "/cvd"), "ETH CVD · 60m");
	assert_said(bot_stage_say(&stage, BEN, "/cvd 5m"), "ETH CVD · 5m");
	assert_said(bot_stage_say(&stage, BEN, "/cvd BTC"), "BTC CVD · 60m");
	assert_said(bot_stage_say(&stage, ADA, "/cvd"), "BTC CVD · 15m");
}

static void numbers_look_as_he_likes(void **state)
{
	(void)state;
	const char *said = bot_stage_say(&stage, BEN, "/price ETH");
	assert_said(said, "2,6");
	bot_stage_say(&stage, BEN, "/settings num point");
	said = bot_stage_say(&stage, BEN, "/price ETH");
	assert_null(strstr(said, "2,67"));
	assert_said(said, "2.6");
}

static void settings_that_could_not_be_stored_are_said(void **state)
{
	(void)state;
	bot_stage_say(&stage, BEN, "/settings tf 1h");
	bot_stage_clear(&stage);
	bot_kept(stage.bot, BEN, STATUS_OK, stage.time);
	assert_string_equal(bot_stage_said(&stage), "");
	bot_kept(stage.bot, BEN, STATUS_REDIS_OOM, stage.time);
	assert_said(bot_stage_said(&stage), "TEXT 8\nYour settings could not be stored");
}

static void a_button_changes_a_preference_in_place(void **state)
{
	(void)state;
	const char *said = bot_stage_press(&stage, BEN, "s:notify fleet=silent", false);
	assert_said(said, "EDIT 8 #5");
	assert_said(said, "[fleet: silent|s:notify fleet=off]");
	assert_int_equal(stage.kept.notify[NOTIFY_fleet], NOTIFY_SILENT);
	bot_stage_press(&stage, BEN, "s:theme light", false);
	bot_stage_say(&stage, BEN, "/chart cvd ETH");
	assert_true(stage.light);
}

/* ---- what changes something ---- */

static void a_change_of_alerts_is_in_the_audit(void **state)
{
	(void)state;
	bot_stage_say(&stage, BEN, "/al add ETH price > 70000");
	assert_string_equal(stage.audited, "tg:8|alerts add|ETH price > 70000|done");
	bot_stage_say(&stage, BEN, "/alerts add ETH nonsense");
	assert_string_equal(stage.audited, "tg:8|alerts add|ETH nonsense|refused");
	size_t before = stage.audits;
	bot_stage_say(&stage, BEN, "/alerts list");
	assert_int_equal(stage.audits, before);
}

/* The code that was sent back. */
static const char *code_in(const char *said)
{
	static char code[PEOPLE_CONFIRM_DIGITS + 1];
	const char *at = strstr(said, "<code>");
	assert_non_null(at);
	snprintf(code, sizeof code, "%.6s", at + 6);
	return code;
}

static void a_halt_waits_for_its_code(void **state)
{
	char code[PEOPLE_CONFIRM_DIGITS + 1];
	(void)state;
	snprintf(code, sizeof code, "%s", code_in(bot_stage_say(&stage, ADA, "/halt ALL flat")));
	assert_string_equal(stage.halted, "");
	assert_said(bot_stage_say(&stage, BEN, code), "I answer commands");
	assert_string_equal(stage.halted, "");
	assert_said(bot_stage_say(&stage, ADA, code), "Done: it is in force here, not stored yet");
	assert_string_equal(stage.halted, "tg:7: all flat");
	stage.halted[0] = 0;
	bot_stage_say(&stage, ADA, code);
	assert_string_equal(stage.halted, "");
	assert_int_equal(bot_counts(stage.bot).halts, 1);
}

static void a_refused_halt_says_why(void **state)
{
	char code[PEOPLE_CONFIRM_DIGITS + 1];
	(void)state;
	snprintf(code, sizeof code, "%s", code_in(bot_stage_say(&stage, ADA, "/halt off mt5-1")));
	stage.halt_status = STATUS_REFUSED;
	assert_said(bot_stage_say(&stage, ADA, code),
		    "Not done: mt5-1 is halted already &lt;b&gt;");
	assert_string_equal(stage.halted, "tg:7: mt5-1 off");
}

static void a_name_that_nobody_has_is_not_halted(void **state)
{
	(void)state;
	stage.known = "mt5-017";
	assert_said(bot_stage_say(&stage, ADA, "/halt mt5-17 flat"),
		    "Nothing is halted: no terminal or group 'mt5-17' is known, did you mean "
		    "'mt5-017'?");
	assert_string_equal(stage.audited, "tg:7|halt flat|mt5-17|refused: nobody is known by it");
	assert_said(bot_stage_say(&stage, ADA, "000001"), "I answer commands");
	assert_said(bot_stage_say(&stage, ADA, "/halt mt5-017"), "Send back");
	assert_said(bot_stage_say(&stage, ADA, "/halt all"), "Send back");
	assert_said(bot_stage_say(&stage, ADA, "/halt off mt5-17"), "Send back");
	assert_string_equal(stage.halted, "");
	assert_int_equal(bot_counts(stage.bot).halts_refused, 1);
}

static void the_command_s_own_words_are_no_names(void **state)
{
	(void)state;
	assert_said(bot_stage_say(&stage, ADA, "/halt flat"), "Usage: /halt");
	assert_said(bot_stage_say(&stage, ADA, "/halt FLAT flat"), "Usage: /halt");
	assert_said(bot_stage_say(&stage, ADA, "/halt off flat"), "Usage: /halt");
	assert_said(bot_stage_say(&stage, ADA, "000001"), "I answer commands");
}

static void how_a_halt_ended_is_told_now_or_when_there_is_room(void **state)
{
	(void)state;
	bot_stage_clear(&stage);
	bot_halted(stage.bot, ADA, STR("all <is> closed"), stage.time);
	bot_halted(stage.bot, 666, STR("all is closed"), stage.time);
	assert_string_equal(bot_stage_said(&stage), "TEXT 7\nall &lt;is&gt; closed\n");
	bot_stage_clear(&stage);
	stage.send_status = STATUS_FULL;
	bot_halted(stage.bot, ADA, STR("not closed: busy"), stage.time);
	stage.send_status = STATUS_OK;
	bot_step(stage.bot, stage.time);
	assert_said(bot_stage_said(&stage), "not closed: busy");
}

static void who_is_no_admin_any_more_cannot_confirm(void **state)
{
	char code[PEOPLE_CONFIRM_DIGITS + 1];
	(void)state;
	assert_int_equal(people_set_role(stage.people.people, BEN, ROLE_ADMIN, WALL_MS), STATUS_OK);
	snprintf(code, sizeof code, "%s", code_in(bot_stage_say(&stage, BEN, "/halt all")));
	assert_int_equal(people_set_role(stage.people.people, BEN, ROLE_TRADER, WALL_MS),
			 STATUS_OK);
	assert_said(bot_stage_say(&stage, BEN, code), "is for the role admin");
	assert_string_equal(stage.halted, "");
	assert_string_equal(stage.audited, "tg:8|halt|/halt|refused: role");
}

static void three_wrong_codes_end_it(void **state)
{
	(void)state;
	bot_stage_say(&stage, ADA, "/halt all");
	assert_said(bot_stage_say(&stage, ADA, "000001"), "2 tries left");
	assert_string_equal(stage.audited, "tg:7|confirm||refused: wrong code");
	assert_said(bot_stage_say(&stage, ADA, "000001"), "1 try left");
	assert_said(bot_stage_say(&stage, ADA, "000001"), "third time");
	assert_said(bot_stage_say(&stage, ADA, "000001"), "I answer commands");
}

/* ---- odds and ends ---- */

static void owners_are_told_from_what_is_none(void **state)
{
	char out[BOT_OWNER_BYTES];
	(void)state;
	assert_int_equal(bot_owner_id(bot_owner(INT64_MAX, out)), INT64_MAX);
	assert_int_equal(bot_owner_id(STR("local")), 0);
	assert_int_equal(bot_owner_id(STR("tg:")), 0);
	assert_int_equal(bot_owner_id(STR("tg:-4")), 0);
}

static void an_alias_is_nobody_else_s_name(void **state)
{
	(void)state;
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		const char *alias = alias_of(question);
		assert_int_equal(alias_find(str_of(question_row(question)->name)), question);
		if (!alias)
			continue;
		assert_int_equal(question_find(str_of(alias)), QUESTION_COUNT);
		assert_int_equal(alias_find(str_of(alias)), question);
	}
	assert_int_equal(alias_find(STR("/LIQ")), QUESTION_liquidations);
	assert_int_equal(alias_find(STR("/nothing")), QUESTION_COUNT);
}

static void every_alert_is_of_a_kind_that_people_choose(void **state)
{
	(void)state;
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		enum notify kind = notify_of_alert(rule);
		assert_true(kind == NOTIFY_market || kind == NOTIFY_fleet || kind == NOTIFY_system);
	}
	assert_int_equal(notify_of_alert(ALERT_instance_crash), NOTIFY_fleet);
	assert_int_equal(notify_of_alert(ALERT_whale_trade), NOTIFY_market);
	assert_int_equal(notify_of_alert(ALERT_memory_full), NOTIFY_system);
}

static void commands_are_listed_by_role_and_once(void **state)
{
	struct bot_command command;
	size_t readers = 0, admins = 0, halts = 0;
	(void)state;
	while (bot_command_at(readers, ROLE_READER, &command)) {
		assert_string_not_equal(command.name, "halt");
		readers++;
	}
	for (; bot_command_at(admins, ROLE_ADMIN, &command); admins++)
		halts += strcmp(command.name, "halt") == 0;
	assert_int_equal(halts, 1);
	assert_true(admins > readers);
}

static void a_question_too_long_is_refused(void **state)
{
	char text[1000];
	(void)state;
	memset(text, 'x', sizeof text - 1);
	memcpy(text, "/price ", 7);
	text[sizeof text - 1] = 0;
	assert_said(bot_stage_say(&stage, ADA, text), "too long");
	memcpy(text, "xxxxxxxx", 8);
	assert_said(bot_stage_say(&stage, ADA, text), "Unknown command");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(strangers_are_met_with_silence_and_counted),
		TEST(codes_that_are_tried_one_after_another_are_audited_as_a_sum),
		TEST(a_message_that_is_old_forwarded_edited_or_a_bot_s_is_not_heard),
		TEST(a_group_must_be_named_and_hears_only_its_commands),
		TEST(a_waiting_person_is_told_once),
		TEST(only_admins_decide),
		TEST(too_many_commands_are_slowed_and_told_once),
		TEST(a_button_edits_its_message_and_is_answered),
		TEST(under_a_picture_a_text_is_a_new_message),
		TEST(a_chart_takes_the_place_of_its_text),
		TEST(where_a_text_cannot_become_a_picture_a_new_message_is_sent),
		TEST(a_picture_that_is_not_there_is_said),
		TEST(a_picture_that_fails_at_its_second_try_is_said),
		TEST(a_picture_for_which_there_is_no_room_is_asked_for_again),
		TEST(awaited_pictures_are_bounded),
		TEST(bytes_that_are_no_button_do_no_harm),
		TEST(what_a_person_prefers_is_meant_when_he_says_nothing),
		TEST(numbers_look_as_he_likes),
		TEST(settings_that_could_not_be_stored_are_said),
		TEST(a_button_changes_a_preference_in_place),
		TEST(a_change_of_alerts_is_in_the_audit),
		TEST(a_halt_waits_for_its_code),
		TEST(a_refused_halt_says_why),
		TEST(a_name_that_nobody_has_is_not_halted),
		TEST(the_command_s_own_words_are_no_names),
		TEST(how_a_halt_ended_is_told_now_or_when_there_is_room),
		TEST(who_is_no_admin_any_more_cannot_confirm),
		TEST(three_wrong_codes_end_it),
		TEST(owners_are_told_from_what_is_none),
		TEST(an_alias_is_nobody_else_s_name),
		TEST(every_alert_is_of_a_kind_that_people_choose),
		TEST(commands_are_listed_by_role_and_once),
		TEST(a_question_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
