/* Every command as a person in Telegram sees it, with its buttons, and every sentence of
 * refusal: tests/data/golden/bot/. UPDATE_GOLDEN=1 rewrites these files. */
#include "bot_stage.h"

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

static void same(const char *name, const char *said)
{
	char file[96];
	snprintf(file, sizeof file, "../bot/%s.txt", name);
	same_as_golden(file, str_of(said));
}

struct asked_golden {
	const char *name, *text;
};

static void every_question(void **state)
{
	static const struct asked_golden goldens_of[] = {
		{ "price", "/price ETH" },
		{ "price_default", "/price" },
		{ "volume", "/volume eth 60m" },
		{ "cvd", "/cvd ETH 5m" },
		{ "momentum", "/momentum ETH" },
		{ "flow", "/flow ETH" },
		{ "analysis", "/analysis ETH" },
		{ "oi", "/oi ETH" },
		{ "funding", "/funding ETH" },
		{ "liquidations", "/liquidations ETH" },
		{ "top10", "/top10 perps oi" },
		{ "halt", "/halt" },
		{ "help", "/help" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof goldens_of / sizeof *goldens_of; i++)
		same(goldens_of[i].name, bot_stage_say(&stage, ADA, goldens_of[i].text));
}

/* What other parts keep is there. */
static void every_question_of_the_desk(void **state)
{
	const struct fleet_settings settings = fleet_settings_default();
	struct alerts *alerts = world_alerts(WORLD_END_MS);
	struct fleet *fleet = fleet_create(4, &settings, alerts, 1, &(struct fleet_hooks){ 0 });
	struct instance_identity identity = { .id = "mt5-017", .host = "host-1" };
	uint32_t slot;
	(void)state;
	assert_int_equal(fleet_add(fleet, &identity, &slot), STATUS_OK);
	stage.world.alerts = alerts;
	stage.world.fleet = fleet;
	stage.world.memory = world_memory();
	assert_int_equal(halts_add(&stage.halts, STR("group:fx")), STATUS_OK);
	same("fleet", bot_stage_say(&stage, ADA, "/fleet"));
	same("memory", bot_stage_say(&stage, ADA, "/memory"));
	same("alerts", bot_stage_say(&stage, ADA, "/alerts"));
	same("alerts_add", bot_stage_say(&stage, ADA, "/alerts add ETH price > 70000"));
	same("alerts_list", bot_stage_say(&stage, ADA, "/alerts list"));
	same("alerts_bad", bot_stage_say(&stage, ADA, "/alerts add ETH luck > 7"));
	same("halt_some", bot_stage_say(&stage, ADA, "/halt"));
	stage.world.fleet = NULL;
	stage.world.alerts = NULL;
	fleet_destroy(fleet);
	alerts_destroy(alerts);
}

static void every_alias_is_its_question(void **state)
{
	static const char *const pairs[][2] = {
		{ "/p ETH", "/price ETH" },          { "/v eth 60m", "/volume ETH 60m" },
		{ "/c ETH 5m", "/cvd ETH 5m" },      { "/m ETH", "/momentum ETH" },
		{ "/f ETH", "/flow ETH" },           { "/a ETH", "/analysis ETH" },
		{ "/liq ETH", "/liquidations ETH" }, { "/LIQS@Weir_Bot eth", "/liquidations ETH" },
		{ "cvd ETH 5m", "/cvd ETH 5m" },
	};
	static char expected[ASK_OUT_LIMIT];
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		snprintf(expected, sizeof expected, "%s", bot_stage_say(&stage, ADA, pairs[i][1]));
		assert_string_equal(bot_stage_say(&stage, ADA, pairs[i][0]), expected);
	}
}

static void every_refusal_of_a_question(void **state)
{
	static const struct asked_golden goldens_of[] = {
		{ "refuse_unknown", "/prise ETH" },     { "refuse_far", "/zzzzzzzzz" },
		{ "refuse_symbol", "/price DOGE" },     { "refuse_timeframe", "/cvd ETH 7m" },
		{ "refuse_word", "/price ETH BTC" },    { "refuse_no_perp", "/oi BTCEUR" },
		{ "refuse_no_data", "/price SOL" },     { "refuse_fleet", "/fleet" },
		{ "refuse_memory", "/memory" },         { "refuse_balance", "/balance" },
		{ "refuse_positions", "/positions" },   { "refuse_pnl", "/pnl" },
		{ "refuse_alerts", "/alerts" },         { "refuse_talk", "hello <b>you</b>" },
		{ "refuse_control", "/price E\x01TH" }, { "refuse_markup", "/<b>x</b>" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof goldens_of / sizeof *goldens_of; i++)
		same(goldens_of[i].name, bot_stage_say(&stage, ADA, goldens_of[i].text));
}

static void what_a_role_may_not(void **state)
{
	(void)state;
	same("role_balance", bot_stage_say(&stage, BEN, "/balance"));
	same("role_halt", bot_stage_say(&stage, BEN, "/halt all"));
	assert_string_equal(stage.audited, "tg:8|halt|/halt|refused: role");
	same("role_users", bot_stage_say(&stage, BEN, "/users"));
}

static void the_bot_s_own_commands(void **state)
{
	(void)state;
	same("start", bot_stage_say(&stage, ADA, "/start"));
	same("id", bot_stage_say(&stage, BEN, "/id"));
	same("users", bot_stage_say(&stage, ADA, "/users"));
	same("users_role", bot_stage_say(&stage, ADA, "/users 8 trader"));
	same("users_usage", bot_stage_say(&stage, ADA, "/users 8 king"));
	same("users_last", bot_stage_say(&stage, ADA, "/users 7 none"));
}

static void settings_pages(void **state)
{
	static const char *const pages[] = { "main", "sym", "tf", "num", "quiet", "notify" };
	(void)state;
	same("settings", bot_stage_say(&stage, BEN, "/settings"));
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		char data[32], name[64];
		snprintf(data, sizeof data, "m:%s", pages[i]);
		snprintf(name, sizeof name, "settings_%s", pages[i]);
		same(name, bot_stage_press(&stage, ADA, data, false));
	}
	same("settings_usage", bot_stage_say(&stage, BEN, "/settings quiet never"));
	same("settings_unknown", bot_stage_say(&stage, BEN, "/settings colour red"));
}

static void buttons(void **state)
{
	(void)state;
	same("press_refresh", bot_stage_press(&stage, ADA, "q:/price ETH", false));
	same("press_alert", bot_stage_press(&stage, ADA, "a:/cvd ETH 5m", false));
	same("press_alert_unpriced", bot_stage_press(&stage, ADA, "a:/cvd BTC 5m", false));
	same("press_chart", bot_stage_press(&stage, ADA, "p:/cvd ETH 5m", false));
	bot_stage_clear(&stage);
	bot_take_picture(stage.bot, stage.picture_tag, STATUS_OK, STR("png"), stage.time);
	same("picture", bot_stage_said(&stage));
	same("press_text", bot_stage_press(&stage, ADA, "q:/price ETH", true));
	same("press_old", bot_stage_press(&stage, ADA, "z:/price", false));
}

static void halting(void **state)
{
	(void)state;
	same("halt_code", bot_stage_say(&stage, ADA, "/halt group:fx flat"));
	same("halt_wrong", bot_stage_say(&stage, ADA, "000001"));
	same("halt_usage", bot_stage_say(&stage, ADA, "/halt all all all"));
	same("halt_off", bot_stage_say(&stage, ADA, "/halt off"));
	stage.time.now_ns += 60 * SECOND;
	same("halt_late", bot_stage_say(&stage, ADA, "000001"));
	assert_string_equal(stage.halted, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_question),
		TEST(every_question_of_the_desk),
		TEST(every_alias_is_its_question),
		TEST(every_refusal_of_a_question),
		TEST(what_a_role_may_not),
		TEST(the_bot_s_own_commands),
		TEST(settings_pages),
		TEST(buttons),
		TEST(halting),
	};
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
