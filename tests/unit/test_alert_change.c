/* alert.h, on_change: every begin and end of firing is said once, told or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "alert/alert.h"
#include "base/check.h"
#include "base/rng.h"

#define SEC INT64_C(1000000000)
#define MS  INT64_C(1000000)

enum { SCOPES = 8 };

static struct {
	struct alerts *alerts;
	int64_t now_ns;
	size_t begins, ends, notices;
	bool firing[ALERT_COUNT][SCOPES];
	bool changed_last; /* the newest call was on_change */
} world;

static int scope_number(struct str scope)
{
	assert_int_equal(scope.len, 1);
	return scope.ptr[0] - 'a';
}

static void on_change(void *ctx, enum alert_rule rule, struct str scope, bool firing)
{
	bool *known = &world.firing[rule][scope_number(scope)];
	(void)ctx;
	assert_int_not_equal(*known, firing);
	*known = firing;
	*(firing ? &world.begins : &world.ends) += 1;
	world.changed_last = true;
}

static void on_notice(void *ctx, enum alert_notice what, const struct alert_view *view)
{
	(void)ctx;
	if (what == ALERT_FIRED)
		assert_true(world.firing[view->rule][scope_number(str_of(view->scope))]);
	if (what == ALERT_ENDED)
		assert_false(world.firing[view->rule][scope_number(str_of(view->scope))]);
	world.notices++;
	world.changed_last = false;
}

static int set_up(void **state)
{
	(void)state;
	struct alert_hooks hooks = { .on_notice = on_notice, .on_change = on_change };
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

static void configure(enum alert_rule rule, int64_t hold_ns, int64_t clear_hold_ns,
		      int64_t cooldown_ns)
{
	const struct alert_settings settings = { .on = true,
						 .fire = 80,
						 .clear = 70,
						 .hold_ns = hold_ns,
						 .clear_hold_ns = clear_hold_ns,
						 .cooldown_ns = cooldown_ns };
	alerts_configure(world.alerts, rule, &settings);
}

static void step_to(int64_t now_ns)
{
	world.now_ns = now_ns;
	alerts_step(world.alerts, now_ns, now_ns / MS);
}

static void say(double value)
{
	alert_value(world.alerts, ALERT_price_move, STR("a"), value, STR(""));
}

static void begin_and_end_come_before_their_notices(void **state)
{
	(void)state;
	configure(ALERT_price_move, 2 * SEC, 0, 0);
	step_to(SEC);
	say(90);
	step_to(3 * SEC);
	assert_int_equal(world.begins, 0);
	step_to(3 * SEC + MS);
	assert_int_equal(world.begins, 1);
	assert_int_equal(world.notices, 1);
	assert_false(world.changed_last); /* the notice came after it */
	say(60);
	assert_int_equal(world.ends, 1);
	assert_int_equal(world.notices, 2);
	assert_false(world.changed_last);
}

static void what_is_not_told_is_said_too(void **state)
{
	(void)state;
	configure(ALERT_price_move, 0, 0, 3600 * SEC);
	step_to(SEC);
	for (int i = 0; i < 5; i++) {
		say(90);
		say(60);
	}
	assert_int_equal(world.begins, 5);
	assert_int_equal(world.ends, 5);
	assert_int_equal(world.notices, 2); /* the cooldown spares the others */
	say(90);
	assert_int_equal(alerts_mute(world.alerts, ALERT_price_move, STR("a"), 0), STATUS_OK);
	say(60);
	assert_int_equal(world.ends, 6);
	assert_int_equal(world.notices, 2);
}

static void forgotten_and_switched_off_alerts_end_and_pending_ones_never_began(void **state)
{
	(void)state;
	const struct alert_settings off = { .on = false };
	configure(ALERT_price_move, 0, 0, 0);
	configure(ALERT_oi_move, 10 * SEC, 0, 0);
	step_to(SEC);
	alert_value(world.alerts, ALERT_oi_move, STR("a"), 90, STR(""));
	say(90);
	alerts_forget(world.alerts, STR("a"));
	assert_int_equal(world.begins, 1);
	assert_int_equal(world.ends, 1);
	say(90);
	alerts_configure(world.alerts, ALERT_price_move, &off);
	assert_int_equal(world.begins, 2);
	assert_int_equal(world.ends, 2);
}

static void events_begin_and_end_as_well(void **state)
{
	(void)state;
	step_to(SEC);
	alert_event(world.alerts, ALERT_cascade, STR("a"), 1, STR(""));
	alert_event(world.alerts, ALERT_cascade, STR("a"), 2, STR(""));
	assert_int_equal(world.begins, 1);
	step_to(200 * SEC);
	assert_int_equal(world.ends, 1);
}

static void nobody_need_listen(void **state)
{
	(void)state;
	struct alert_hooks hooks = { 0 };
	alerts_destroy(world.alerts);
	world.alerts = alerts_create(&hooks);
	configure(ALERT_price_move, 0, 0, 0);
	say(90);
	say(60);
	assert_int_equal(alerts_counts(world.alerts).fired, 1);
}

/* The hook alone is enough to know what fires. */
static void it_agrees_with_the_list_whatever_happens(void **state)
{
	(void)state;
	static const enum alert_rule rules[] = { ALERT_price_move, ALERT_oi_move,
						 ALERT_feed_stale };
	struct rng rng;
	rng_init(&rng, 17);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		configure(rules[i], (int64_t)i * SEC, (int64_t)i * 2 * SEC, (int64_t)i * 5 * SEC);
	for (int round = 0; round < 20000; round++) {
		char name = (char)('a' + rng_below(&rng, SCOPES));
		struct str scope = str_make(&name, 1);
		enum alert_rule rule = rules[rng_below(&rng, ARRAY_LEN(rules))];
		step_to(world.now_ns + (int64_t)rng_below(&rng, 900) * MS);
		if (rng_below(&rng, 50) == 0)
			alert_forget(world.alerts, rule, scope);
		else
			alert_value(world.alerts, rule, scope, 60 + (double)rng_below(&rng, 40),
				    STR(""));
		size_t firing = 0;
		for (size_t r = 0; r < ALERT_COUNT; r++)
			for (size_t s = 0; s < SCOPES; s++)
				firing += world.firing[r][s];
		assert_int_equal(firing, alerts_counts(world.alerts).active);
	}
	struct alerts_counts counts = alerts_counts(world.alerts);
	assert_true(counts.fired > 500);
	assert_int_equal(world.begins, counts.fired);
	assert_int_equal(world.ends, counts.ended);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(begin_and_end_come_before_their_notices),
		TEST(what_is_not_told_is_said_too),
		TEST(forgotten_and_switched_off_alerts_end_and_pending_ones_never_began),
		TEST(events_begin_and_end_as_well),
		TEST(nobody_need_listen),
		TEST(it_agrees_with_the_list_whatever_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
