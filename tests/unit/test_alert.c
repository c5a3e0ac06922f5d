/* The alert engine: the timelines of fleet.md 4.4 as far as they are the engine's, holds
 * and silence, hysteresis, cooldowns and reminders, events, mutes, room, and a model that
 * goes tick by tick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "alert/alert_config.h"
#include "alert/alert_impl.h"
#include "base/check.h"
#include "base/rng.h"

enum { NOTICES_MAX = 64 };
#define MS  INT64_C(1000000)
#define SEC INT64_C(1000000000)

static struct {
	struct alerts *alerts;
	int64_t now_ns;
	size_t n;
	struct {
		enum alert_notice what;
		int64_t at_ns;
		struct alert_view view;
	} notices[NOTICES_MAX];
} world;

static const struct str SCOPE = { "mt5-017", 7 };
#define RULE ALERT_price_move /* of op ABOVE; set up by each test */

static void on_notice(void *ctx, enum alert_notice what, const struct alert_view *view)
{
	(void)ctx;
	assert_true(world.n < NOTICES_MAX);
	world.notices[world.n].what = what;
	world.notices[world.n].at_ns = world.now_ns;
	world.notices[world.n++].view = *view;
}

static int set_up(void **state)
{
	(void)state;
	struct alert_hooks hooks = { .on_notice = on_notice };
	memset(&world, 0, sizeof world);
	world.alerts = alerts_create(&hooks);
	return world.alerts ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	alerts_destroy(world.alerts);
	return 0;
}

static void configure(enum alert_rule rule, double fire, double clear, int64_t hold_ns,
		      int64_t clear_hold_ns)
{
	struct alert_settings settings = { .on = true,
					   .fire = fire,
					   .clear = clear,
					   .hold_ns = hold_ns,
					   .clear_hold_ns = clear_hold_ns };
	alerts_configure(world.alerts, rule, &settings);
}

static void throttle(enum alert_rule rule, int64_t renotify_ns, int64_t cooldown_ns)
{
	struct alert_settings settings = *alerts_settings(world.alerts, rule);
	settings.renotify_ns = renotify_ns;
	settings.cooldown_ns = cooldown_ns;
	alerts_configure(world.alerts, rule, &settings);
}

static int64_t wall_of(int64_t now_ns) { return 1784046185000 + now_ns / MS; }

/* Time goes on to `now_ns` by the engine's own timers and nothing else. */
static void go_to(int64_t now_ns)
{
	while (alerts_next_ns(world.alerts) <= now_ns) {
		assert_true(alerts_next_ns(world.alerts) > world.now_ns);
		world.now_ns = alerts_next_ns(world.alerts);
		alerts_step(world.alerts, world.now_ns, wall_of(world.now_ns));
	}
	world.now_ns = now_ns;
	alerts_step(world.alerts, now_ns, wall_of(now_ns));
}

static void say(double value)
{
	char text[32];
	int len = snprintf(text, sizeof text, "value %g", value);
	alert_value(world.alerts, RULE, SCOPE, value, str_make(text, (size_t)len));
}

/* The same value once a second from `from` to `to` seconds, both included. */
static void say_each_second(double value, int64_t from, int64_t to)
{
	for (int64_t second = from; second <= to; second++) {
		go_to(second * SEC);
		say(value);
	}
}

static enum alert_state state_now(void)
{
	struct alert_view view;
	return alerts_list(world.alerts, &view, 1) ? view.state : ALERT_QUIET;
}

static void told(size_t index, enum alert_notice what, int64_t at_ns)
{
	assert_true(index < world.n);
	assert_int_equal(world.notices[index].what, what);
	assert_int_equal(world.notices[index].at_ns, at_ns);
}

/* ---- holds ---- */

static void a_good_value_within_the_hold_ends_it(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	say_each_second(85, 0, 9);
	assert_int_equal(state_now(), ALERT_PENDING);
	say_each_second(60, 10, 10);
	assert_int_equal(state_now(), ALERT_QUIET);
	go_to(60 * SEC);
	assert_int_equal(world.n, 0);
}

static void it_fires_by_timer_a_millisecond_after_the_hold(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	say_each_second(85, 0, 10);
	go_to(10 * SEC + MS - 1);
	assert_int_equal(world.n, 0);
	go_to(11 * SEC);
	assert_int_equal(world.n, 1);
	told(0, ALERT_FIRED, 10 * SEC + MS);
	assert_int_equal(world.notices[0].view.first_ms, wall_of(0));
	assert_int_equal(world.notices[0].view.last_ms, wall_of(10 * SEC));
	assert_string_equal(world.notices[0].view.message, "value 85");
	assert_string_equal(world.notices[0].view.scope, "mt5-017");
}

static void beyond_is_strict(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 0);
	say(80);
	assert_int_equal(state_now(), ALERT_QUIET);
	say(nextafter(80, 81));
	assert_int_equal(state_now(), ALERT_FIRING);
}

static void without_a_hold_it_fires_at_once(void **state)
{
	(void)state;
	configure(RULE, 100, 50, 0, 5 * SEC);
	say_each_second(101, 0, 0);
	told(0, ALERT_FIRED, 0);
	say_each_second(51, 1, 30);
	assert_int_equal(state_now(), ALERT_FIRING);
	say_each_second(50, 31, 36);
	go_to(36 * SEC);
	assert_int_equal(world.n, 1);
	go_to(37 * SEC);
	assert_int_equal(world.n, 2);
	told(1, ALERT_ENDED, 36 * SEC + MS);
	assert_int_equal(world.notices[1].view.resolved_ms, wall_of(36 * SEC + MS));
}

static void silence_freezes_a_hold_and_the_next_value_goes_on_with_it(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	say_each_second(85, 0, 5);
	assert_int_equal(alerts_next_ns(world.alerts), INT64_MAX); /* it will be old by then */
	go_to(20 * SEC);
	assert_int_equal(world.n, 0);
	assert_int_equal(alerts_next_ns(world.alerts), INT64_MAX);
	/* 8 s had counted: 5 with values, and three intervals */
	say_each_second(85, 21, 30);
	assert_int_equal(world.n, 1);
	told(0, ALERT_FIRED, 23 * SEC + MS);
}

static void a_good_value_after_silence_ends_the_hold(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	say_each_second(85, 0, 6); /* old at 9, before the hold is over */
	say_each_second(60, 40, 40);
	say_each_second(85, 41, 50);
	assert_int_equal(world.n, 0);
}

/* The loop stood still: what is due was heard of long ago. */
static void a_late_step_does_not_fire_on_old_values(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	say_each_second(85, 0, 9);
	alerts_step(world.alerts, 60 * SEC, wall_of(60 * SEC));
	assert_int_equal(world.n, 0);
	world.now_ns = 60 * SEC;
	say(85);
	told(0, ALERT_FIRED, 60 * SEC);
}

static void an_unknown_value_is_no_value_and_is_counted(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	say_each_second(NAN, 0, 60);
	assert_int_equal(state_now(), ALERT_QUIET);
	say_each_second(85, 61, 64);
	say_each_second(NAN, 65, 100);
	assert_int_equal(world.n, 0);
	assert_int_equal(state_now(), ALERT_PENDING);
	assert_int_equal(alerts_counts(world.alerts).unknown_values, 97);
}

static void the_interval_of_a_rule_says_what_silence_is(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 30 * SEC, 10 * SEC);
	alerts_set_interval(world.alerts, RULE, 10 * SEC);
	for (int64_t second = 0; second <= 30; second += 10) {
		go_to(second * SEC);
		say(85);
	}
	go_to(31 * SEC);
	told(0, ALERT_FIRED, 30 * SEC + MS);
}

static void values_about_the_threshold_never_fire(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	for (int64_t second = 0; second < 600; second++)
		say_each_second(second & 1 ? 79 : 81, second, second);
	assert_int_equal(world.n, 0);
	assert_int_equal(alerts_counts(world.alerts).fired, 0);
}

/* ---- ends ---- */

static void between_the_thresholds_it_goes_on(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 10 * SEC);
	say_each_second(85, 0, 11);
	say_each_second(75, 12, 51);
	assert_int_equal(state_now(), ALERT_FIRING);
	say_each_second(65, 52, 56);
	assert_int_equal(state_now(), ALERT_CLEARING);
	say_each_second(75, 57, 57);
	assert_int_equal(state_now(), ALERT_FIRING);
	say_each_second(65, 58, 68);
	go_to(69 * SEC);
	assert_int_equal(world.n, 2);
	told(1, ALERT_ENDED, 68 * SEC + MS);
	assert_true(world.notices[1].view.worst == 85);
	assert_true(world.notices[1].view.value == 65);
}

static void silence_freezes_the_clear_hold_too(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 10 * SEC);
	say_each_second(85, 0, 0);
	say_each_second(65, 1, 5);
	go_to(100 * SEC);
	assert_int_equal(world.n, 1);
	say_each_second(65, 100, 104);
	assert_int_equal(world.n, 2);
	told(1, ALERT_ENDED, 103 * SEC + MS);
}

static void the_ops_differ_in_where_they_fire_and_end(void **state)
{
	(void)state;
	struct str scope = STR("x"), none = STR("");
	configure(ALERT_feed_stale, 30, 10, 0, 0);
	assert_int_equal(alert_row(ALERT_feed_stale)->op, ALERT_ABOVE_UNDER);
	alert_value(world.alerts, ALERT_feed_stale, scope, 31, none);
	alert_value(world.alerts, ALERT_feed_stale, scope, 10, none);
	assert_int_equal(state_now(), ALERT_FIRING);
	alert_value(world.alerts, ALERT_feed_stale, scope, nextafter(10, 9), none);
	assert_int_equal(state_now(), ALERT_RESOLVED);
	alerts_forget(world.alerts, scope);

	configure(ALERT_price_move, 5, 3, 0, 0);
	alert_value(world.alerts, ALERT_price_move, scope, 6, none);
	alert_value(world.alerts, ALERT_price_move, scope, nextafter(3, 4), none);
	assert_int_equal(state_now(), ALERT_FIRING);
	alert_value(world.alerts, ALERT_price_move, scope, 3, none);
	assert_int_equal(state_now(), ALERT_RESOLVED);
}

static void each_op_has_its_own_side_and_its_own_equality(void **state)
{
	(void)state;
	assert_true(alert_op_fires(ALERT_BELOW, 0, 1)); /* no connection: fleet.md 4.1 */
	assert_false(alert_op_fires(ALERT_BELOW, 1, 1));
	assert_true(alert_op_clears(ALERT_BELOW, 1, 1));
	assert_false(alert_op_clears(ALERT_BELOW, 0, 1));
	assert_true(alert_op_fires(ALERT_ABOVE_UNDER, 80.1, 80));
	assert_false(alert_op_fires(ALERT_ABOVE_UNDER, 80, 80));
	assert_false(alert_op_clears(ALERT_ABOVE_UNDER, 70, 70));
	assert_true(alert_op_fires(ALERT_FROM, 70, 70));
	assert_false(alert_op_fires(ALERT_FROM, 69.9, 70));
	assert_false(alert_op_clears(ALERT_FROM, 65, 65));
	assert_true(alert_op_clears(ALERT_FROM, 64.9, 65));
	assert_true(alert_op_clears(ALERT_ABOVE, 50, 50));
	assert_true(alert_op_fires(ALERT_ABOVE, INFINITY, 500));
}

static void a_scope_may_have_a_threshold_of_its_own(void **state)
{
	(void)state;
	struct str none = STR("");
	configure(RULE, 30, 15, 0, 0);
	alert_value_at(world.alerts, RULE, STR("BTC"), 16, 15, none);
	alert_value_at(world.alerts, RULE, STR("ETH"), 16, 18, none);
	assert_int_equal(alerts_counts(world.alerts).active, 1);
	alert_value_at(world.alerts, RULE, STR("BTC"), 8, 15, none);
	assert_int_equal(alerts_counts(world.alerts).active, 1);
	alert_value_at(world.alerts, RULE, STR("BTC"), 7.5, 15, none); /* half, as 15 is of 30 */
	assert_int_equal(alerts_counts(world.alerts).active, 0);
}

/* ---- telling ---- */

static void an_incident_is_told_once_without_renotify(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 5 * SEC);
	for (int64_t second = 0; second < 7200; second += 2) {
		say_each_second(85, second, second);
		say_each_second(65, second + 1, second + 1);
	}
	assert_int_equal(world.n, 1);
	assert_int_equal(alerts_counts(world.alerts).fired, 1);
}

static void it_is_said_again_every_renotify_while_it_fires(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 5 * SEC);
	throttle(RULE, 60 * SEC, 0);
	say_each_second(85, 0, 125);
	assert_int_equal(world.n, 3);
	told(1, ALERT_SAID_AGAIN, 60 * SEC);
	told(2, ALERT_SAID_AGAIN, 120 * SEC);
	assert_int_equal(world.notices[2].view.told, 3);
	assert_int_equal(alerts_counts(world.alerts).said_again, 2);
}

static void reminders_wait_for_a_value(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 5 * SEC);
	throttle(RULE, 60 * SEC, 0);
	say_each_second(85, 0, 10);
	go_to(600 * SEC);
	assert_int_equal(world.n, 1);
	say_each_second(85, 600, 600);
	assert_int_equal(world.n, 2);
	told(1, ALERT_SAID_AGAIN, 600 * SEC);
}

static void an_acknowledged_alert_is_not_said_again(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 0);
	throttle(RULE, 60 * SEC, 0);
	say_each_second(85, 0, 10);
	assert_int_equal(alerts_acknowledge(world.alerts, ALERT_COUNT, SCOPE), STATUS_OK);
	say_each_second(85, 11, 300);
	assert_int_equal(world.n, 1);
	say_each_second(65, 301, 301);
	told(1, ALERT_ENDED, 301 * SEC);
	assert_int_equal(alerts_acknowledge(world.alerts, RULE, SCOPE), STATUS_NOT_FOUND);
	say_each_second(85, 302, 302);
	assert_false(world.notices[2].view.acknowledged);
}

static void within_the_cooldown_it_is_active_in_silence(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 0);
	throttle(RULE, 0, 120 * SEC);
	say_each_second(85, 0, 1);
	say_each_second(65, 2, 2); /* cooldown until 122 */
	say_each_second(85, 10, 10);
	say_each_second(65, 11, 11);
	assert_int_equal(world.n, 2); /* fired and ended, once */
	say_each_second(85, 100, 130);
	assert_int_equal(world.n, 3);
	told(2, ALERT_FIRED, 122 * SEC);
	assert_int_equal(alerts_counts(world.alerts).fired, 3);
	assert_int_equal(alerts_counts(world.alerts).ended, 2);
	assert_int_equal(alerts_counts(world.alerts).suppressed, 2);
}

static void a_muted_alert_is_kept_and_not_told(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 0);
	assert_int_equal(alerts_mute(world.alerts, RULE, SCOPE, 0), STATUS_NOT_FOUND);
	say_each_second(85, 0, 0);
	assert_int_equal(alerts_mute(world.alerts, RULE, SCOPE, 100 * SEC), STATUS_OK);
	say_each_second(65, 1, 1);
	say_each_second(85, 2, 99);
	assert_int_equal(world.n, 1);
	struct alert_view view;
	assert_int_equal(alerts_list(world.alerts, &view, 1), 1);
	assert_true(view.muted);
	say_each_second(85, 100, 110);
	assert_int_equal(world.n, 2);
	told(1, ALERT_FIRED, 100 * SEC);
	assert_false(world.notices[1].view.muted);
}

static void a_mute_for_good_lasts_through_rest_until_it_is_lifted(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 0);
	say_each_second(85, 0, 0);
	assert_int_equal(alerts_mute(world.alerts, ALERT_COUNT, SCOPE, 0), STATUS_OK);
	say_each_second(65, 1, 1);
	go_to(86400 * SEC);
	say(85);
	assert_int_equal(world.n, 1);
	assert_int_equal(alerts_mute(world.alerts, RULE, SCOPE, world.now_ns), STATUS_OK);
	assert_int_equal(world.n, 2);
	say(65);
	assert_int_equal(world.n, 3);
}

/* ---- events ---- */

static void event(int64_t at_ns, double value)
{
	go_to(at_ns);
	alert_event(world.alerts, ALERT_whale_trade, STR("m"), value, STR("a whale"));
}

static void events_are_told_at_once_and_not_twice_within_the_cooldown(void **state)
{
	(void)state; /* clear hold and cooldown of 60 s */
	event(0, 600000);
	event(20 * SEC, 900000);
	event(70 * SEC, 700000);
	assert_int_equal(world.n, 2);
	told(0, ALERT_FIRED, 0);
	told(1, ALERT_SAID_AGAIN, 70 * SEC);
	assert_int_equal(world.notices[1].view.events, 3);
	assert_true(world.notices[1].view.worst == 900000);
	assert_int_equal(alerts_counts(world.alerts).suppressed, 1);
	go_to(200 * SEC);
	assert_int_equal(world.n, 3);
	told(2, ALERT_ENDED, 130 * SEC + MS);
	event(201 * SEC, 600000);
	told(3, ALERT_FIRED, 201 * SEC);
	assert_int_equal(world.notices[3].view.events, 1);
}

static void an_incident_of_events_that_were_not_told_ends_in_silence(void **state)
{
	(void)state;
	throttle(ALERT_whale_trade, 0, 600 * SEC);
	event(0, 600000);
	event(100 * SEC, 600000);
	go_to(300 * SEC);
	assert_int_equal(world.n, 2);
	told(1, ALERT_ENDED, 60 * SEC + MS);
	assert_int_equal(alerts_counts(world.alerts).ended, 2);
}

/* ---- rest, room, settings ---- */

static void a_resolved_alert_is_listed_for_an_hour(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 5 * SEC, 0);
	say_each_second(85, 0, 6);
	say_each_second(65, 7, 7);
	assert_int_equal(state_now(), ALERT_RESOLVED);
	/* a hold that comes to nothing leaves what was known */
	say_each_second(95, 20, 22);
	assert_int_equal(state_now(), ALERT_PENDING);
	say_each_second(65, 23, 23);
	struct alert_view view;
	assert_int_equal(alerts_list(world.alerts, &view, 1), 1);
	assert_int_equal(view.state, ALERT_RESOLVED);
	assert_int_equal(view.resolved_ms, wall_of(7 * SEC));
	assert_true(view.worst == 85);
	go_to(3607 * SEC - 1);
	assert_int_equal(state_now(), ALERT_RESOLVED);
	go_to(3607 * SEC);
	assert_int_equal(state_now(), ALERT_QUIET);
	assert_int_equal(alerts_next_ns(world.alerts), INT64_MAX);
}

static void a_cooldown_longer_than_the_hour_still_counts(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 0);
	throttle(RULE, 0, 7200 * SEC);
	say_each_second(85, 0, 0);
	say_each_second(65, 1, 1);
	go_to(3700 * SEC);
	assert_int_equal(state_now(), ALERT_QUIET);
	say(85);
	assert_int_equal(state_now(), ALERT_FIRING);
	assert_int_equal(world.n, 2);
}

static struct str numbered(char text[16], size_t i)
{
	return str_make(text, (size_t)snprintf(text, 16, "s%zu", i));
}

static void
when_the_room_is_used_up_the_longest_resolved_goes_then_new_ones_are_refused(void **state)
{
	(void)state;
	static struct alert_view views[ALERTS_MAX + 1];
	char text[16];
	struct alert_settings settings = { .on = true, .fire = 80, .clear = 70 };
	world.n = 0;
	settings.hold_ns = SEC; /* pending: nothing is told */
	alerts_configure(world.alerts, RULE, &settings);
	for (size_t i = 0; i < ALERTS_MAX; i++)
		alert_value(world.alerts, RULE, numbered(text, i), 85, STR(""));
	alert_value(world.alerts, RULE, STR("one more"), 85, STR(""));
	assert_int_equal(alerts_counts(world.alerts).refused, 1);
	assert_int_equal(alerts_counts(world.alerts).pending, ALERTS_MAX);
	settings.hold_ns = 0;
	alerts_configure(world.alerts, ALERT_volume_spike, &settings);
	/* three fire and end; s7 rests longest */
	for (size_t i = 0; i < 3; i++) {
		size_t which = i == 0 ? 7 : 100 + i;
		alert_value(world.alerts, RULE, numbered(text, which), 60, STR(""));
		go_to(world.now_ns + SEC / 10);
		alert_value(world.alerts, ALERT_volume_spike, numbered(text, which), 85, STR(""));
		alert_value(world.alerts, ALERT_volume_spike, numbered(text, which), 60, STR(""));
	}
	alert_value(world.alerts, RULE, STR("one more"), 85, STR(""));
	assert_int_equal(alerts_counts(world.alerts).refused, 1);
	size_t n = alerts_list(world.alerts, views, ALERTS_MAX + 1);
	assert_int_equal(n, ALERTS_MAX);
	bool seen_more = false;
	for (size_t i = 0; i < n; i++) {
		assert_string_not_equal(views[i].scope, "s7");
		seen_more = seen_more || strcmp(views[i].scope, "one more") == 0;
	}
	assert_true(seen_more);
}

static void a_muted_alert_makes_no_room_for_others(void **state)
{
	(void)state;
	char text[16];
	configure(RULE, 80, 70, 0, 0);
	say_each_second(85, 0, 0);
	assert_int_equal(alerts_mute(world.alerts, RULE, SCOPE, 0), STATUS_OK);
	say_each_second(65, 1, 1);
	configure(ALERT_volume_spike, 80, 70, SEC, 0); /* pending: nothing is told */
	for (size_t i = 0; i < ALERTS_MAX; i++)
		alert_value(world.alerts, ALERT_volume_spike, numbered(text, i), 85, STR(""));
	assert_int_equal(alerts_counts(world.alerts).refused, 1);
	say_each_second(85, 2, 2);
	assert_int_equal(world.n, 1); /* still muted */
}

static void the_list_stands_by_state_severity_and_time(void **state)
{
	(void)state;
	static const struct {
		enum alert_rule rule;
		const char *scope;
	} order[] = {
		{ ALERT_venue_limited, "v" },                              /* critical */
		{ ALERT_oi_move, "new" },     { ALERT_oi_move, "old" },    /* warn */
		{ ALERT_price_move, "p" },    { ALERT_volume_spike, "v" }, /* info; pending */
		{ ALERT_oi_move, "ended" },
	};
	struct alert_view views[8];
	configure(ALERT_venue_limited, 1, 1, 0, 0);
	configure(ALERT_oi_move, 1, 1, 0, 0);
	configure(ALERT_price_move, 1, 1, 0, 0);
	configure(ALERT_volume_spike, 1, 1, SEC, 0);
	alert_value(world.alerts, ALERT_oi_move, STR("old"), 2, STR(""));
	alert_value(world.alerts, ALERT_venue_limited, STR("v"), 2, STR(""));
	alert_value(world.alerts, ALERT_oi_move, STR("ended"), 2, STR(""));
	alert_value(world.alerts, ALERT_oi_move, STR("ended"), 0, STR(""));
	go_to(SEC);
	alert_value(world.alerts, ALERT_volume_spike, STR("v"), 2, STR(""));
	alert_value(world.alerts, ALERT_price_move, STR("p"), 2, STR(""));
	alert_value(world.alerts, ALERT_oi_move, STR("new"), 2, STR(""));
	assert_int_equal(alerts_list(world.alerts, views, 8), ARRAY_LEN(order));
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_int_equal(views[i].rule, order[i].rule);
		assert_string_equal(views[i].scope, order[i].scope);
	}
	assert_int_equal(alerts_list(world.alerts, views, 2), 2);
}

static void a_forgotten_scope_ends_in_silence(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 0, 0);
	throttle(RULE, SEC, 60 * SEC);
	say_each_second(85, 0, 0);
	event(0, 600000);
	alerts_forget(world.alerts, STR("m"));
	alert_forget(world.alerts, ALERT_oi_move, SCOPE); /* another rule: nothing there */
	assert_int_equal(alerts_counts(world.alerts).active, 1);
	alert_forget(world.alerts, RULE, SCOPE);
	assert_int_equal(state_now(), ALERT_QUIET);
	go_to(10 * SEC);
	assert_int_equal(world.n, 2);
	say(85); /* and its cooldown is forgotten with it */
	assert_int_equal(world.n, 3);
}

static void a_rule_switched_off_says_and_keeps_nothing(void **state)
{
	(void)state;
	struct alert_settings off = { .on = false, .fire = 80 };
	configure(RULE, 80, 70, 0, 0);
	say_each_second(85, 0, 0);
	alerts_configure(world.alerts, RULE, &off);
	assert_int_equal(alerts_counts(world.alerts).active, 0);
	say_each_second(85, 1, 5);
	say(NAN);
	assert_int_equal(world.n, 1);
	assert_int_equal(alerts_counts(world.alerts).unknown_values, 0);
}

static void a_changed_hold_takes_effect_on_one_that_runs(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 100 * SEC, 0);
	say_each_second(85, 0, 20);
	configure(RULE, 80, 70, 21 * SEC, 0);
	go_to(22 * SEC);
	told(0, ALERT_FIRED, 21 * SEC + MS);
}

static void long_texts_are_cut_at_whole_characters(void **state)
{
	(void)state;
	char scope[80], message[400];
	memset(scope, 's', sizeof scope);
	memset(message, 'm', sizeof message);
	memcpy(message + 190, "\xC3\xA4", 2);
	configure(RULE, 80, 70, 0, 0);
	alert_value(world.alerts, RULE, str_make(scope, sizeof scope), 85,
		    str_make(message, sizeof message));
	assert_int_equal(strlen(world.notices[0].view.scope), ALERT_SCOPE_MAX);
	assert_int_equal(strlen(world.notices[0].view.message), 190);
	/* and found again */
	alert_value(world.alerts, RULE, str_make(scope, sizeof scope), 60, STR(""));
	assert_int_equal(world.n, 2);
}

static void a_caller_may_save_the_message_nobody_keeps(void **state)
{
	(void)state;
	configure(RULE, 80, 70, 10 * SEC, 0);
	assert_false(alert_listens(world.alerts, RULE, SCOPE, 80, 80));
	assert_false(alert_listens(world.alerts, RULE, SCOPE, NAN, 80));
	assert_true(alert_listens(world.alerts, RULE, SCOPE, 81, 80));
	assert_false(alert_listens(world.alerts, RULE, SCOPE, 81, 90));
	say(81);
	assert_true(alert_listens(world.alerts, RULE, SCOPE, 60, 80));
	assert_false(alert_listens(world.alerts, RULE, STR("another"), 60, 80));
}

static void the_configuration_reaches_every_rule(void **state)
{
	(void)state;
	struct config_problems problems;
	struct config *config;
	struct config_source source = { .file_text = STR("[alert.whale_trade]\non = no\n"
							 "[alert.funding_extreme]\n"
							 "fire = 0.125\nclear = 0.1\nhold = 2m\n"
							 "clear_hold = 3s\nrenotify = 1h\n"
							 "cooldown = 1ms\n") };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	alerts_apply_config(world.alerts, config);
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		struct alert_settings expected = alert_settings_default(rule);
		const struct alert_settings *settings = alerts_settings(world.alerts, rule);
		if (rule == ALERT_whale_trade)
			expected.on = false;
		if (rule == ALERT_funding_extreme)
			expected = (struct alert_settings){ true,    0.125,      0.1, 120 * SEC,
							    3 * SEC, 3600 * SEC, MS };
		assert_int_equal(settings->on, expected.on);
		assert_true(settings->fire == expected.fire);
		assert_true(settings->clear == expected.clear);
		assert_int_equal(settings->hold_ns, expected.hold_ns);
		assert_int_equal(settings->clear_hold_ns, expected.clear_hold_ns);
		assert_int_equal(settings->renotify_ns, expected.renotify_ns);
		assert_int_equal(settings->cooldown_ns, expected.cooldown_ns);
	}
	config_destroy(config);
}

/* ---- against a model ---- */

/* One rule and scope, millisecond by millisecond, with counters in place of timers. */
struct model {
	enum alert_state state;
	int64_t held_ms, silent_ms, since_told_ms, cooldown_ms;
	bool told;
	int fired, again, ended;
};

enum {
	M_FIRE = 80,
	M_CLEAR = 70,
	M_HOLD = 4000,
	M_CLEAR_HOLD = 3000,
	M_SAY = 20000,
	M_COOL = 9000
};

static void model_tell(struct model *m)
{
	if (m->state != ALERT_FIRING || m->silent_ms > 3000)
		return;
	if (!m->told && m->cooldown_ms <= 0) {
		m->told = true;
		m->since_told_ms = 0;
		m->fired++;
	} else if (m->told && m->since_told_ms >= M_SAY) {
		m->since_told_ms = 0;
		m->again++;
	}
}

static void model_tick(struct model *m)
{
	m->silent_ms++;
	m->since_told_ms++;
	m->cooldown_ms--;
	m->held_ms += m->silent_ms <= 3000;
	if (m->silent_ms > 3000)
		return;
	if (m->state == ALERT_PENDING && m->held_ms > M_HOLD) {
		m->state = ALERT_FIRING;
		m->told = false;
	}
	if (m->state == ALERT_CLEARING && m->held_ms > M_CLEAR_HOLD) {
		m->state = ALERT_QUIET;
		m->ended += m->told;
		m->cooldown_ms = m->told ? M_COOL : m->cooldown_ms;
	}
	model_tell(m);
}

static void model_value(struct model *m, double value)
{
	m->silent_ms = 0;
	if (m->state == ALERT_QUIET && value > M_FIRE) {
		m->state = ALERT_PENDING;
		m->held_ms = 0;
	} else if (m->state == ALERT_PENDING && !(value > M_FIRE)) {
		m->state = ALERT_QUIET;
	} else if (m->state == ALERT_FIRING && value <= M_CLEAR) {
		m->state = ALERT_CLEARING;
		m->held_ms = 0;
	} else if (m->state == ALERT_CLEARING && value > M_CLEAR) {
		m->state = ALERT_FIRING;
	}
	model_tell(m);
}

static int notices_of(enum alert_notice what)
{
	int n = 0;
	for (size_t i = 0; i < world.n; i++)
		n += world.notices[i].what == what;
	return n;
}

static void it_does_what_a_model_does_tick_by_tick(void **state)
{
	(void)state;
	struct rng rng;
	struct model model = { .state = ALERT_QUIET };
	int counted[3] = { 0 };
	rng_init(&rng, 20261121);
	configure(RULE, M_FIRE, M_CLEAR, M_HOLD * MS, M_CLEAR_HOLD * MS);
	throttle(RULE, M_SAY * MS, M_COOL * MS);
	double level = 60;
	int64_t next_ms = 1;
	for (int64_t ms = 1; ms < 2000000; ms++) {
		model_tick(&model);
		go_to(ms * MS);
		if (ms == next_ms) {
			if (rng_below(&rng, 8) == 0)
				level = (double)(60 + rng_below(&rng, 4) * 10 + rng_below(&rng, 2));
			next_ms += rng_below(&rng, 30) ? 300 + (int64_t)rng_below(&rng, 1500)
						       : (int64_t)rng_below(&rng, 20000) + 1;
			model_value(&model, level);
			say(level);
		}
		for (enum alert_notice what = 0; what < 3; what++)
			counted[what] += notices_of(what);
		world.n = 0;
		assert_int_equal(counted[ALERT_FIRED], model.fired);
		assert_int_equal(counted[ALERT_SAID_AGAIN], model.again);
		assert_int_equal(counted[ALERT_ENDED], model.ended);
		struct alerts_counts counts = alerts_counts(world.alerts);
		assert_int_equal(counts.pending, model.state == ALERT_PENDING);
		assert_int_equal(counts.active,
				 model.state == ALERT_FIRING || model.state == ALERT_CLEARING);
	}
	assert_true(model.fired > 20 && model.again > 3 && model.ended > 20);
}

/* ---- the table ---- */

static void every_rule_of_the_table_makes_sense(void **state)
{
	(void)state;
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		const struct alert_row *row = alert_row(rule);
		struct alert_settings settings = alert_settings_default(rule);
		assert_true(*row->id && *row->name && *row->kind && *row->summary);
		assert_true(strlen(alert_severity_text(row->severity)) > 3);
		assert_true(row->op == ALERT_EVENT || row->op == ALERT_BELOW ||
			    settings.clear <= settings.fire);
		assert_true(row->op != ALERT_BELOW || settings.clear >= settings.fire);
		for (enum alert_rule other = 0; other < rule; other++)
			assert_string_not_equal(alert_row(other)->name, row->name);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_value_within_the_hold_ends_it),
		TEST(it_fires_by_timer_a_millisecond_after_the_hold),
		TEST(beyond_is_strict),
		TEST(without_a_hold_it_fires_at_once),
		TEST(silence_freezes_a_hold_and_the_next_value_goes_on_with_it),
		TEST(a_good_value_after_silence_ends_the_hold),
		TEST(a_late_step_does_not_fire_on_old_values),
		TEST(an_unknown_value_is_no_value_and_is_counted),
		TEST(the_interval_of_a_rule_says_what_silence_is),
		TEST(values_about_the_threshold_never_fire),
		TEST(between_the_thresholds_it_goes_on),
		TEST(silence_freezes_the_clear_hold_too),
		TEST(the_ops_differ_in_where_they_fire_and_end),
		TEST(each_op_has_its_own_side_and_its_own_equality),
		TEST(a_scope_may_have_a_threshold_of_its_own),
		TEST(an_incident_is_told_once_without_renotify),
		TEST(it_is_said_again_every_renotify_while_it_fires),
		TEST(reminders_wait_for_a_value),
		TEST(an_acknowledged_alert_is_not_said_again),
		TEST(within_the_cooldown_it_is_active_in_silence),
		TEST(a_muted_alert_is_kept_and_not_told),
		TEST(a_mute_for_good_lasts_through_rest_until_it_is_lifted),
		TEST(events_are_told_at_once_and_not_twice_within_the_cooldown),
		TEST(an_incident_of_events_that_were_not_told_ends_in_silence),
		TEST(a_resolved_alert_is_listed_for_an_hour),
		TEST(a_cooldown_longer_than_the_hour_still_counts),
		TEST(when_the_room_is_used_up_the_longest_resolved_goes_then_new_ones_are_refused),
		TEST(a_muted_alert_makes_no_room_for_others),
		TEST(the_list_stands_by_state_severity_and_time),
		TEST(a_forgotten_scope_ends_in_silence),
		TEST(a_rule_switched_off_says_and_keeps_nothing),
		TEST(a_changed_hold_takes_effect_on_one_that_runs),
		TEST(long_texts_are_cut_at_whole_characters),
		TEST(a_caller_may_save_the_message_nobody_keeps),
		TEST(the_configuration_reaches_every_rule),
		TEST(it_does_what_a_model_does_tick_by_tick),
		TEST(every_rule_of_the_table_makes_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
