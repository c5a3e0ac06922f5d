/* /alerts: what fires, what is pending, what ended, and the rules. */
#include "test_ask_golden.h"

#include <jansson.h>

static struct ask_world world;

static void alerts(void **state)
{
	(void)state;
	world.options.live = true;
	goldens(&world, "alerts", "/alerts", WORLD_END_MS);
	assert_non_null(strstr(ask_text(&world, "/alerts list", WORLD_END_MS), "4 firing"));
	world.options.live = false;
}

static void a_quiet_engine_says_so(void **state)
{
	(void)state;
	struct alerts *quiet = alerts_create(&(struct alert_hooks){ 0 });
	struct ask_world of = world;
	of.alerts = quiet;
	goldens(&of, "alerts_none", "/alerts", 0);
	alerts_destroy(quiet);
}

static void simulated_is_said(void **state)
{
	(void)state;
	struct ask_world of = world;
	of.options.simulated = true;
	assert_true(
	    str_starts(str_of(ask_text(&of, "/alerts", 0)), STR("SIMULATED DATA · Alerts\n")));
}

static void rules_are_shown_as_they_are_set(void **state)
{
	(void)state;
	struct alerts *set = alerts_create(&(struct alert_hooks){ 0 });
	struct ask_world of = world;
	of.alerts = set;
	struct alert_settings settings = alert_settings_default(ALERT_price_move);
	settings.fire = 2.5;
	alerts_configure(set, ALERT_price_move, &settings);
	settings.on = false;
	alerts_configure(set, ALERT_feed_stale, &settings);
	const char *text = ask_text(&of, "/alerts", 0);
	assert_non_null(strstr(text, "\nPriceMove > 2.5 %\n"));
	assert_non_null(strstr(text, "\nFeedStale (off)\n"));
	alerts_destroy(set);
}

static void mutes_are_shown(void **state)
{
	(void)state;
	struct alerts *muted = world_alerts(WORLD_END_MS);
	struct ask_world of = world;
	of.alerts = muted;
	assert_int_equal(alerts_mute(muted, ALERT_cascade, STR("ETH"), 0), STATUS_OK);
	assert_non_null(strstr(ask_text(&of, "/alerts", 0), "warn LiquidationCascade · muted\n"));
	alerts_destroy(muted);
}

static void without_an_engine_none_are_kept(void **state)
{
	(void)state;
	struct ask_world none = world;
	none.alerts = NULL;
	assert_string_equal(ask_text(&none, "/alerts", 0), "No alerts are kept here.\n");
}

static int setup(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_START_MS + MINUTE_MS),
				    .options = ask_options_default(),
				    .alerts = world_alerts(WORLD_END_MS) };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	markets_destroy(world.markets);
	alerts_destroy((struct alerts *)world.alerts);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts),
		cmocka_unit_test(a_quiet_engine_says_so),
		cmocka_unit_test(simulated_is_said),
		cmocka_unit_test(rules_are_shown_as_they_are_set),
		cmocka_unit_test(mutes_are_shown),
		cmocka_unit_test(without_an_engine_none_are_kept),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
