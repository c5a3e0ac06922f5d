/* Alerts told to people: gathered, edited, ended, by preferences, quiet hours and rates. */
#include "bot_stage.h"

static struct markets *markets;
static struct bot_stage stage;

static int begin_all(void **state)
{
	const struct market_config config = { .whale_quote = 500000 };
	(void)state;
	markets = markets_create(&config);
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

static void notice(enum alert_notice what, enum alert_rule rule, const char *scope,
		   const char *message)
{
	struct alert_view alert = { .rule = rule };
	snprintf(alert.scope, sizeof alert.scope, "%s", scope);
	snprintf(alert.message, sizeof alert.message, "%s", message);
	bot_alert(stage.bot, what, &alert, stage.time);
}

/* What is said within the next while. */
static const char *wait_for(int64_t ns)
{
	bot_stage_clear(&stage);
	for (int64_t until_ns = stage.time.now_ns + ns; stage.time.now_ns < until_ns;) {
		stage.time.now_ns += SECOND / 10;
		stage.time.wall_ms += 100;
		bot_step(stage.bot, stage.time);
	}
	return bot_stage_said(&stage);
}

static void arrived(enum status status, int64_t message_id)
{
	bot_sent(stage.bot, stage.tag, status, message_id, stage.time);
}

static void many_at_once_are_one_message_and_a_recovery(void **state)
{
	char id[32];
	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(id, sizeof id, "mt5-%03d", i);
		notice(ALERT_FIRED, ALERT_instance_crash, id, "ended <by signal 9>");
	}
	assert_string_equal(wait_for(SECOND / 2), "");
	const char *said = wait_for(SECOND);
	assert_int_equal(stage.sends, 1); /* Ben has fleet off */
	assert_said(said, "TEXT 7 alert <b:instance_crash:1>\n‼ <b>InstanceCrash</b> · 20 now\n"
			  "mt5-000: ended &lt;by signal 9&gt;\n");
	assert_said(said, "… 20 in all");
	arrived(STATUS_OK, 77);
	for (int i = 0; i < 19; i++) {
		snprintf(id, sizeof id, "mt5-%03d", i);
		notice(ALERT_ENDED, ALERT_instance_crash, id, "");
	}
	said = wait_for(6 * SECOND);
	assert_int_equal(stage.sends, 1);
	assert_said(said,
		    "EDIT 7 #77 alert <b:instance_crash:1>\n‼ <b>InstanceCrash</b>\n✓ mt5-000");
	arrived(STATUS_OK, 77);
	notice(ALERT_ENDED, ALERT_instance_crash, "mt5-019", "");
	said = wait_for(6 * SECOND);
	assert_said(said, "EDIT 7 #77");
	assert_said(said, "TEXT 7 alert\n✓ <b>InstanceCrash</b> ended: all 20, after 11 s");
	assert_int_equal(bot_counts(stage.bot).bulletins, 0);
	assert_int_equal(bot_counts(stage.bot).alerts_told, 1);
}

static void the_next_incident_is_a_new_message(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
		assert_said(wait_for(2 * SECOND), "TEXT 7 alert");
		arrived(STATUS_OK, 70 + round);
		notice(ALERT_ENDED, ALERT_high_cpu, "mt5-1", "");
		assert_said(wait_for(6 * SECOND), "✓ <b>HighCpu</b> ended: mt5-1");
	}
}

static void an_end_of_what_nobody_was_told_is_not_told(void **state)
{
	(void)state;
	notice(ALERT_ENDED, ALERT_high_cpu, "mt5-1", "");
	assert_string_equal(wait_for(10 * SECOND), "");
}

static void while_a_message_is_on_its_way_no_second_one_is_sent(void **state)
{
	(void)state;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	assert_said(wait_for(2 * SECOND), "TEXT 7");
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-2", "mt5-2 at 95 %");
	assert_string_equal(wait_for(20 * SECOND), "");
	arrived(STATUS_OK, 9);
	assert_said(wait_for(2 * SECOND), "EDIT 7 #9 alert");
}

static void what_could_not_be_sent_is_tried_again(void **state)
{
	(void)state;
	stage.send_status = STATUS_FULL;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	wait_for(2 * SECOND);
	stage.send_status = STATUS_OK;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-2", "mt5-2 at 95 %");
	assert_said(wait_for(6 * SECOND), "HighCpu</b> · 2 now");
	assert_int_equal(bot_counts(stage.bot).unsent, 1);
}

static void what_could_not_be_sent_is_tried_again_without_a_new_alert(void **state)
{
	(void)state;
	stage.send_status = STATUS_FULL;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	wait_for(30 * SECOND);
	assert_in_range(bot_counts(stage.bot).unsent, 3, 5); /* later and later */
	stage.send_status = STATUS_OK;
	assert_said(wait_for(40 * SECOND), "mt5-1 at 95 %");
	assert_int_equal(stage.sends, 1);
}

static void what_did_not_arrive_is_sent_again_until_it_did(void **state)
{
	static const enum status ends[] = { STATUS_TIMEOUT, STATUS_FULL, STATUS_UNAVAILABLE };
	(void)state;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	assert_said(wait_for(2 * SECOND), "TEXT 7 alert");
	for (size_t i = 0; i < 3; i++) {
		arrived(ends[i], 0);
		assert_string_equal(wait_for(SECOND), "");
		assert_said(wait_for(20 * SECOND), "TEXT 7 alert");
		assert_int_equal(stage.sends, 1);
	}
	arrived(STATUS_OK, 9);
	assert_string_equal(wait_for(60 * SECOND), "");
	assert_int_equal(bot_counts(stage.bot).alerts_told, 1);
}

static void who_blocked_us_and_what_is_never_understood_is_not_said_for_ever(void **state)
{
	(void)state;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	wait_for(2 * SECOND);
	arrived(STATUS_REFUSED, 0);
	assert_string_equal(wait_for(400 * SECOND), "");
	notice(ALERT_FIRED, ALERT_high_memory, "mt5-1", "mt5-1 at 95 %");
	wait_for(2 * SECOND);
	for (size_t i = 0; i < 2; i++) {
		arrived(STATUS_INVALID, 0);
		assert_said(wait_for(20 * SECOND), "HighMemory");
	}
	arrived(STATUS_INVALID, 0);
	assert_string_equal(wait_for(400 * SECOND), "");
	assert_int_equal(bot_counts(stage.bot).alerts_untold, 2);
}

static void an_end_that_did_not_arrive_is_told_again(void **state)
{
	(void)state;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	wait_for(2 * SECOND);
	arrived(STATUS_OK, 9);
	notice(ALERT_ENDED, ALERT_high_cpu, "mt5-1", "");
	assert_said(wait_for(6 * SECOND), "TEXT 7 alert\n✓ <b>HighCpu</b> ended: mt5-1");
	assert_int_equal(bot_counts(stage.bot).bulletins, 0);
	arrived(STATUS_TIMEOUT, 0);
	assert_int_equal(bot_counts(stage.bot).bulletins, 1);
	const char *said = wait_for(6 * SECOND);
	assert_said(said, "TEXT 7 alert\n✓ <b>HighCpu</b> ended: mt5-1");
	assert_int_equal(stage.sends, 1);
	arrived(STATUS_OK, 10);
	assert_string_equal(wait_for(20 * SECOND), "");
	assert_int_equal(bot_counts(stage.bot).bulletins, 0);
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 96 %");
	assert_said(wait_for(2 * SECOND), "TEXT 7 alert <b:high_cpu:2>");
}

static void an_end_for_which_there_is_no_room_is_told_later(void **state)
{
	(void)state;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	wait_for(2 * SECOND);
	arrived(STATUS_OK, 9);
	notice(ALERT_ENDED, ALERT_high_cpu, "mt5-1", "");
	stage.send_status = STATUS_FULL;
	assert_string_equal(wait_for(8 * SECOND), "");
	stage.send_status = STATUS_OK;
	assert_said(wait_for(20 * SECOND), "✓ <b>HighCpu</b> ended: mt5-1");
	assert_int_equal(bot_counts(stage.bot).bulletins, 0);
}

static void a_message_that_is_gone_is_sent_anew(void **state)
{
	(void)state;
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	wait_for(2 * SECOND);
	arrived(STATUS_OK, 9);
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-2", "mt5-2 at 95 %");
	assert_said(wait_for(6 * SECOND), "EDIT 7 #9");
	arrived(STATUS_NOT_FOUND, 0);
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-3", "mt5-3 at 95 %");
	assert_said(wait_for(6 * SECOND), "TEXT 7 alert");
}

static void everybody_is_told_as_he_likes(void **state)
{
	(void)state;
	bot_stage_say(&stage, BEN, "/settings notify fleet=silent");
	bot_stage_say(&stage, ADA, "/settings notify fleet=off");
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	const char *said = wait_for(2 * SECOND);
	assert_said(said, "TEXT 8 alert silent");
	assert_null(strstr(said, "TEXT 7"));
}

static void quiet_hours_take_the_sound_but_of_what_is_critical(void **state)
{
	(void)state;
	bot_stage_say(&stage, ADA, "/settings quiet 22:00-07:00"); /* it is 00:00 */
	notice(ALERT_FIRED, ALERT_high_cpu, "mt5-1", "mt5-1 at 95 %");
	assert_said(wait_for(2 * SECOND), "TEXT 7 alert silent");
	notice(ALERT_FIRED, ALERT_instance_crash, "mt5-1", "mt5-1 is gone");
	assert_said(wait_for(2 * SECOND), "TEXT 7 alert <b:instance_crash:1>");
	bot_stage_say(&stage, ADA, "/settings zone -4"); /* it is 20:00 there */
	notice(ALERT_FIRED, ALERT_high_memory, "mt5-1", "mt5-1 at 95 %");
	assert_said(wait_for(2 * SECOND), "TEXT 7 alert <b:high_memory:1>");
}

static void five_new_messages_a_minute_of_a_kind(void **state)
{
	static const enum alert_rule rules[] = { ALERT_high_cpu,        ALERT_high_memory,
						 ALERT_network_failure, ALERT_instance_crash,
						 ALERT_high_queue,      ALERT_high_load };
	(void)state;
	for (size_t i = 0; i < 6; i++)
		notice(ALERT_FIRED, rules[i], "mt5-1", "mt5-1 is odd");
	wait_for(2 * SECOND);
	assert_int_equal(stage.sends, BOT_LOUD_A_MINUTE);
	assert_said(wait_for(60 * SECOND), "HighLoad");
	assert_int_equal(stage.sends, 1);
}

static void events_are_not_said_to_end(void **state)
{
	(void)state;
	bot_stage_say(&stage, BEN, "/settings notify market=on");
	notice(ALERT_FIRED, ALERT_whale_trade, "binance:perp:ETHUSDT", "buys 1.2M USD");
	assert_said(wait_for(2 * SECOND), "<b>WhaleTrade</b>\nbinance:perp:ETHUSDT: buys 1.2M USD");
	arrived(STATUS_OK, 3);
	notice(ALERT_ENDED, ALERT_whale_trade, "binance:perp:ETHUSDT", "");
	assert_null(strstr(wait_for(10 * SECOND), "TEXT"));
	assert_int_equal(bot_counts(stage.bot).bulletins, 0);
}

/* ---- a person's own ---- */

static void fire(const char *owner, const char *message)
{
	bot_stage_clear(&stage);
	bot_rule_fired(stage.bot, str_of(owner), STR("12"), STR("ETH"), str_of(message),
		       stage.time);
}

static void a_rule_of_his_own_comes_with_its_buttons(void **state)
{
	(void)state;
	fire("tg:8", "ETH price > 2700: 2,701 <now>");
	assert_string_equal(bot_stage_said(&stage),
			    "TEXT 8 alert\n🔔 ETH price &gt; 2700: 2,701 &lt;now&gt;\n"
			    "[Price|q:/price ETH] [Chart|p:/cvd ETH]\n"
			    "[Snooze 1 h|r:/alerts snooze 12 1h] [Mute|r:/alerts mute 12] "
			    "[Delete|r:/alerts del 12]\n");
	fire("local", "x");
	fire("tg:666", "x");
	assert_string_equal(bot_stage_said(&stage), "");
	bot_stage_say(&stage, BEN, "/settings notify own=off");
	fire("tg:8", "x");
	assert_string_equal(bot_stage_said(&stage), "");
}

static void in_quiet_hours_it_is_silent_or_waits_for_the_morning(void **state)
{
	(void)state;
	bot_stage_say(&stage, BEN, "/settings quiet 22:00-07:00 +01:00"); /* it is 01:00 */
	fire("tg:8", "first");
	assert_said(bot_stage_said(&stage), "TEXT 8 alert silent\n🔔 first");
	bot_stage_say(&stage, BEN, "/settings hold yes");
	fire("tg:8", "second");
	fire("tg:8", "third");
	assert_string_equal(bot_stage_said(&stage), "");
	assert_int_equal(bot_counts(stage.bot).held_now, 2);
	stage.time.wall_ms += 6 * 3600000 - 10000;
	assert_string_equal(wait_for(9 * SECOND), "");
	assert_said(wait_for(3 * SECOND), "TEXT 8 alert\n🔔 <b>Your alerts meanwhile: 2</b>\n"
					  "01:00:00 second\n01:00:00 third\n");
	assert_int_equal(bot_counts(stage.bot).held_now, 0);
	assert_string_equal(wait_for(5 * SECOND), "");
}

static void hold_of(int64_t who)
{
	bot_stage_say(&stage, who, "/settings quiet 22:00-07:00");
	bot_stage_say(&stage, who, "/settings hold yes");
}

static void held_alerts_are_bounded_a_person_and_the_lost_are_said(void **state)
{
	(void)state;
	hold_of(ADA);
	hold_of(BEN);
	fire("tg:7", "only one");
	for (int i = 0; i < BOT_HELD_MAX + 3; i++)
		fire("tg:8", "again");
	assert_int_equal(bot_counts(stage.bot).held_now, BOT_HELD_EACH + 1);
	assert_int_equal(bot_counts(stage.bot).held_lost, BOT_HELD_MAX + 3 - BOT_HELD_EACH);
	bot_stage_say(&stage, BEN, "/settings hold no");
	const char *said = wait_for(2 * SECOND);
	assert_said(said, "Your alerts meanwhile: 1027");
	assert_said(said, "… and 44 more\n963 older ones are lost: there was no room");
	bot_stage_say(&stage, ADA, "/settings hold no");
	said = wait_for(2 * SECOND);
	assert_said(said, "TEXT 7 alert\n🔔 <b>Your alerts meanwhile: 1</b>\n00:00:00 only");
	assert_null(strstr(said, "lost"));
}

/* More people than there is room for: who has the most gives way, also to who comes last. */
static void nobody_s_held_alerts_displace_those_of_who_has_few(void **state)
{
	enum { OWNERS = BOT_HELD_MAX / BOT_HELD_EACH };
	char owner[32], text[256];
	struct buf admins = buf_over(text, sizeof text);
	(void)state;
	for (int64_t id = 100; id < 100 + OWNERS; id++)
		buf_printf(&admins, "%lld,", (long long)id);
	people_apply_settings(stage.people.people, buf_str(&admins), STR(""), WALL_MS);
	hold_of(BEN);
	fire("tg:8", "the oldest of all");
	for (int64_t id = 100; id < 100 + OWNERS; id++) {
		hold_of(id);
		snprintf(owner, sizeof owner, "tg:%lld", (long long)id);
		for (int i = 0; i < BOT_HELD_EACH; i++)
			fire(owner, "again");
	}
	assert_int_equal(bot_counts(stage.bot).held_now, BOT_HELD_MAX);
	assert_int_equal(bot_counts(stage.bot).held_lost, 1);
	bot_stage_say(&stage, BEN, "/settings hold no");
	assert_said(wait_for(2 * SECOND), "the oldest of all");
	bot_stage_say(&stage, 100, "/settings hold no");
	assert_said(wait_for(2 * SECOND), "…");
	assert_int_equal(bot_counts(stage.bot).held_now, BOT_HELD_MAX - 1 - 63);
}

static void what_is_held_is_forgotten_only_when_it_is_taken(void **state)
{
	(void)state;
	hold_of(BEN);
	fire("tg:8", "in the night");
	bot_stage_say(&stage, BEN, "/settings hold no");
	stage.send_status = STATUS_FULL;
	assert_string_equal(wait_for(3 * SECOND), "");
	assert_int_equal(bot_counts(stage.bot).held_now, 1);
	stage.send_status = STATUS_OK;
	assert_said(wait_for(2 * SECOND), "in the night");
	assert_int_equal(bot_counts(stage.bot).held_now, 0);
}

/* Twenty of the longest, of marks that are five bytes each when they are escaped. */
static void a_long_night_fits_into_its_message(void **state)
{
	char message[ALERT_MESSAGE_MAX + 1];
	(void)state;
	hold_of(BEN);
	memset(message, '&', sizeof message - 1);
	message[sizeof message - 1] = 0;
	for (int i = 0; i < 30; i++)
		fire("tg:8", message);
	bot_stage_say(&stage, BEN, "/settings hold no");
	const char *said = wait_for(2 * SECOND);
	assert_said(said, "&amp;\n… and ");
	assert_int_equal(bot_counts(stage.bot).held_now, 0);
}

static void a_rule_s_alert_that_finds_no_room_comes_later(void **state)
{
	(void)state;
	stage.send_status = STATUS_FULL;
	fire("tg:8", "while full");
	assert_int_equal(bot_counts(stage.bot).alerts_told, 0);
	assert_int_equal(bot_counts(stage.bot).held_now, 1);
	stage.send_status = STATUS_OK;
	assert_said(wait_for(2 * SECOND), "while full");
}

static void too_many_of_his_own_are_summed(void **state)
{
	(void)state;
	for (int i = 0; i < BOT_LOUD_A_MINUTE + 4; i++)
		fire("tg:8", "again");
	assert_said(wait_for(61 * SECOND), "Your alerts meanwhile: 4");
}

/* ---- preferences as they are stored ---- */

static void preferences_come_back_as_they_were(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 11);
	for (int round = 0; round < 2000; round++) {
		static const char *const symbols[] = { "", "ETH", "binance:perp:BTCUSDT", "1INCH" };
		static const int32_t frames[] = { 0, 1, 5, 60, 1440 };
		struct preferences made = preferences_default(), back = preferences_default();
		snprintf(made.symbol, sizeof made.symbol, "%s", symbols[rng_below(&rng, 4)]);
		made.timeframe_min = frames[rng_below(&rng, 5)];
		made.numbers = (enum number_style)rng_below(&rng, NUMBER_STYLES);
		made.light = rng_below(&rng, 2);
		made.zone_min = (int32_t)rng_below(&rng, 1561) - 720;
		made.quiet = rng_below(&rng, 2);
		if (made.quiet) {
			made.quiet_from = (int32_t)rng_below(&rng, 1440);
			made.quiet_to = (int32_t)rng_below(&rng, 1440);
		}
		made.hold = (made.quiet || made.zone_min) && rng_below(&rng, 2);
		for (enum notify kind = 0; kind < NOTIFY_COUNT; kind++)
			made.notify[kind] = (uint8_t)rng_below(&rng, NOTIFY_HOWS + 1);
		for (enum preference which = 0; which < PREFERENCES; which++) {
			char text[PREFERENCES_FIELD_MAX];
			struct buf out = buf_over(text, sizeof text);
			preference_print(&made, which, &out);
			assert_false(out.overflow);
			assert_int_equal(preference_read(&back, which, buf_str(&out)), STATUS_OK);
		}
		assert_memory_equal(&made, &back, sizeof made);
	}
}

static void words_that_are_no_preference_change_nothing(void **state)
{
	static const char *const texts[] = {
		"25:00-07:00", "22:00", "22:00-07:60",      "x",       "22:00-07:00 +15",
		"off -13",     "fleet", "fleet=loud",       "moon=on", "<b>",
		"7m",          "a b",   "22:00-07:00-08:00"
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (enum preference which = 0; which < PREFERENCES; which++) {
			struct preferences read = preferences_default();
			const struct preferences preset = read;
			if (which == PREFERENCE_SYMBOL && !strchr(texts[i], ' ') &&
			    !strchr(texts[i], '<'))
				continue;
			assert_int_equal(preference_read(&read, which, str_of(texts[i])),
					 STATUS_FORMAT);
			assert_memory_equal(&read, &preset, sizeof read);
		}
}

static void numbers_are_restyled_and_nothing_else(void **state)
{
	static const char text[] = "1,234.56 12,345,678 0.5 a,b 1,23 spot,perp 22:00 5. ,5 1,2345";
	char room[256];
	struct buf out = buf_over(room, sizeof room);
	(void)state;
	numbers_restyle(NUMBERS_POINT, str_of(text), &out);
	assert_true(str_eq(buf_str(&out), STR("1.234,56 12.345.678 0,5 a,b 1,23 spot,perp 22:00 "
					      "5. ,5 1,2345")));
	buf_clear(&out);
	numbers_restyle(NUMBERS_BLANK, STR("1,234.56"), &out);
	assert_true(str_eq(buf_str(&out), STR("1\u00a0"
					      "234.56")));
	buf_clear(&out);
	numbers_restyle(NUMBERS_COMMA, STR("1,234.56"), &out);
	assert_true(str_eq(buf_str(&out), STR("1,234.56")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_at_once_are_one_message_and_a_recovery),
		TEST(the_next_incident_is_a_new_message),
		TEST(an_end_of_what_nobody_was_told_is_not_told),
		TEST(while_a_message_is_on_its_way_no_second_one_is_sent),
		TEST(what_could_not_be_sent_is_tried_again),
		TEST(what_could_not_be_sent_is_tried_again_without_a_new_alert),
		TEST(what_did_not_arrive_is_sent_again_until_it_did),
		TEST(who_blocked_us_and_what_is_never_understood_is_not_said_for_ever),
		TEST(an_end_that_did_not_arrive_is_told_again),
		TEST(an_end_for_which_there_is_no_room_is_told_later),
		TEST(a_message_that_is_gone_is_sent_anew),
		TEST(everybody_is_told_as_he_likes),
		TEST(quiet_hours_take_the_sound_but_of_what_is_critical),
		TEST(five_new_messages_a_minute_of_a_kind),
		TEST(events_are_not_said_to_end),
		TEST(a_rule_of_his_own_comes_with_its_buttons),
		TEST(in_quiet_hours_it_is_silent_or_waits_for_the_morning),
		TEST(held_alerts_are_bounded_a_person_and_the_lost_are_said),
		TEST(nobody_s_held_alerts_displace_those_of_who_has_few),
		TEST(what_is_held_is_forgotten_only_when_it_is_taken),
		TEST(a_long_night_fits_into_its_message),
		TEST(a_rule_s_alert_that_finds_no_room_comes_later),
		TEST(too_many_of_his_own_are_summed),
		TEST(preferences_come_back_as_they_were),
		TEST(words_that_are_no_preference_change_nothing),
		TEST(numbers_are_restyled_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
