/* Mutes and acknowledgements of weir's own alerts: what they silence, how they end, and that
 * they outlive a restart, through the text and through segment RSS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "alert/alert.h"
#include "store/hush_store.h"
#include "unit/store_stage.h"

#define SEC INT64_C(1000000000)
#define T0  INT64_C(1784046185000)

static const struct str SCOPE = { "mt5-017", 7 };
#define RULE ALERT_price_move

struct engine {
	struct alerts *alerts;
	int64_t now_ns;
	int fired, again, ended;
};

static void on_notice(void *ctx, enum alert_notice what, const struct alert_view *view)
{
	struct engine *engine = ctx;
	(void)view;
	engine->fired += what == ALERT_FIRED;
	engine->again += what == ALERT_SAID_AGAIN;
	engine->ended += what == ALERT_ENDED;
}

static void step_to(struct engine *engine, int64_t now_ns)
{
	for (; engine->now_ns < now_ns; engine->now_ns += SEC / 2)
		alerts_step(engine->alerts, engine->now_ns, T0 + engine->now_ns / 1000000);
	alerts_step(engine->alerts, now_ns, T0 + now_ns / 1000000);
	engine->now_ns = now_ns;
}

static void begin(struct engine *engine, int64_t now_ns)
{
	const struct alert_hooks hooks = { .on_notice = on_notice, .ctx = engine };
	const struct alert_settings settings = {
		.on = true, .fire = 10, .clear = 5, .renotify_ns = 10 * SEC
	};
	*engine = (struct engine){ .alerts = alerts_create(&hooks), .now_ns = now_ns };
	assert_non_null(engine->alerts);
	alerts_configure(engine->alerts, RULE, &settings);
}

static void start(struct engine *engine)
{
	begin(engine, 0);
	step_to(engine, SEC);
}

static void tell(struct engine *engine, double value)
{
	alert_value(engine->alerts, RULE, SCOPE, value, STR("message"));
}

/* Values go on for so long. */
static void go_on(struct engine *engine, double value, int64_t for_ns)
{
	for (int64_t end = engine->now_ns + for_ns; engine->now_ns < end;) {
		step_to(engine, engine->now_ns + SEC);
		tell(engine, value);
	}
}

static void a_muted_rule_is_not_told_and_is_when_the_mute_ends(void **state)
{
	struct engine engine;
	(void)state;
	start(&engine);
	assert_int_equal(alerts_hush_mute(engine.alerts, RULE, STR(""), T0 + 31000), STATUS_OK);
	go_on(&engine, 20, 25 * SEC);
	assert_int_equal(engine.fired, 0);
	go_on(&engine, 20, 8 * SEC);
	assert_int_equal(engine.fired, 1);
	struct alert_hush hush;
	assert_int_equal(alerts_hushes(engine.alerts, &hush, 1), 0); /* the row is gone, too */
	alerts_destroy(engine.alerts);
}

static void a_mute_of_one_scope_leaves_the_others(void **state)
{
	struct engine engine;
	(void)state;
	start(&engine);
	assert_int_equal(alerts_hush_mute(engine.alerts, RULE, SCOPE, T0 + 60000), STATUS_OK);
	tell(&engine, 20);
	assert_int_equal(engine.fired, 0);
	alert_value(engine.alerts, RULE, STR("other"), 20, STR(""));
	assert_int_equal(engine.fired, 1);
	assert_int_equal(alerts_hush_end(engine.alerts, RULE, STR("other")), STATUS_NOT_FOUND);
	assert_int_equal(alerts_hush_end(engine.alerts, RULE, STR("")), STATUS_OK);
	assert_int_equal(engine.fired, 2); /* it fires still */
	alerts_destroy(engine.alerts);
}

static void an_acknowledged_alert_is_said_no_more_but_its_end_is(void **state)
{
	struct engine engine;
	(void)state;
	start(&engine);
	assert_int_equal(alerts_hush_ack(engine.alerts, RULE, SCOPE), STATUS_NOT_FOUND);
	go_on(&engine, 20, 12 * SEC);
	assert_int_equal(engine.again, 1);
	assert_int_equal(alerts_hush_ack(engine.alerts, RULE, STR("")), STATUS_OK);
	go_on(&engine, 20, 40 * SEC);
	assert_int_equal(engine.again, 1);
	tell(&engine, 0);
	assert_int_equal(engine.ended, 1);
	tell(&engine, 20);
	assert_int_equal(engine.fired, 2); /* the next one is another */
	alerts_destroy(engine.alerts);
}

static void copy_to(struct engine *from, struct engine *to, int64_t now_ns)
{
	static char storage[ALERT_HUSHES_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	alerts_pack_hushes(from->alerts, &text);
	assert_false(text.overflow);
	alerts_destroy(from->alerts);
	begin(to, now_ns);
	assert_int_equal(alerts_take_hushes(to->alerts, buf_str(&text), T0 + now_ns / 1000000), 0);
	step_to(to, now_ns);
}

static void an_acknowledgement_and_a_mute_outlive_a_restart(void **state)
{
	struct engine before, after;
	(void)state;
	start(&before);
	tell(&before, 20);
	assert_int_equal(alerts_hush_ack(before.alerts, RULE, SCOPE), STATUS_OK);
	assert_int_equal(
	    alerts_hush_mute(before.alerts, ALERT_volume_spike, STR("a b:c"), T0 + 100000),
	    STATUS_OK);
	copy_to(&before, &after, 20 * SEC);
	go_on(&after, 20, 30 * SEC);
	alert_value(after.alerts, ALERT_volume_spike, STR("a b:c"), 1e6, STR(""));
	assert_int_equal(after.fired, 0);
	assert_int_equal(after.again, 0);
	tell(&after, 0);
	assert_int_equal(after.ended, 1); /* it was told before the restart */
	alerts_destroy(after.alerts);
}

static void an_acknowledgement_whose_alert_ended_meanwhile_is_given_up(void **state)
{
	struct engine before, after;
	struct alert_hush hush;
	(void)state;
	start(&before);
	tell(&before, 20);
	assert_int_equal(alerts_hush_ack(before.alerts, RULE, SCOPE), STATUS_OK);
	copy_to(&before, &after, 20 * SEC);
	assert_int_equal(alerts_hushes(after.alerts, &hush, 1), 1);
	step_to(&after, 21 * SEC + ALERT_ACK_PATIENCE_MS * INT64_C(1000000));
	assert_int_equal(alerts_hushes(after.alerts, &hush, 1), 0);
	tell(&after, 20);
	assert_int_equal(after.fired, 1);
	alerts_destroy(after.alerts);
}

static void what_cannot_be_is_refused_and_there_is_a_bound(void **state)
{
	struct engine engine;
	char scope[32];
	(void)state;
	start(&engine);
	assert_int_equal(alerts_hush_mute(engine.alerts, RULE, SCOPE, T0), STATUS_INVALID);
	assert_int_equal(alerts_hush_mute(engine.alerts, RULE, STR("a\nb"), T0 + 60000),
			 STATUS_INVALID);
	for (int i = 0; i < ALERT_HUSHES_MAX; i++) {
		snprintf(scope, sizeof scope, "mt5-%03d", i);
		assert_int_equal(alerts_hush_mute(engine.alerts, RULE, str_of(scope), T0 + 60000),
				 STATUS_OK);
	}
	assert_int_equal(alerts_hush_mute(engine.alerts, RULE, STR("x"), T0 + 60000), STATUS_FULL);
	assert_int_equal(alerts_hush_mute(engine.alerts, RULE, str_of(scope), T0 + 90000),
			 STATUS_OK); /* in place of its own */
	assert_int_equal(alerts_take_hushes(engine.alerts,
					    STR("mute no_rule 9 x\nack\nhush price_move 1 x\n"
						"mute price_move 1 old\n"),
					    T0),
			 4);
	alerts_destroy(engine.alerts);
}

/* ---- in segment RSS ---- */

static void on_restored(void *ctx, enum status status)
{
	struct stage *stage = ctx;
	stage->ended++;
	stage->status = status;
}

static void the_store_brings_them_back_and_tries_again_after_a_failure(void **state)
{
	struct stage stage;
	struct engine engine;
	struct alert_hush hush;
	(void)state;
	stage_init(&stage, 0, FAKE_EVERYSEC);
	struct hush_store *store = hush_store_create(&stage.port, stage.alerts, &stage.clock);
	hush_store_restore(store, on_restored, &stage);
	assert_int_equal(stage_wait(&stage), STATUS_OK);
	alerts_step(stage.alerts, stage.clock.monotonic_ns(stage.clock.ctx), stage_wall_ms(&stage));
	assert_int_equal(
	    alerts_hush_mute(stage.alerts, RULE, SCOPE, stage_wall_ms(&stage) + 3600000),
	    STATUS_OK);
	fake_redis_kill(stage.redis);
	hush_store_step(store);
	stage_run(&stage, 100 * stage_ms_ns);
	assert_int_equal(hush_store_counts(store).written, 0);
	fake_redis_start(stage.redis);
	for (int i = 0; i < 100; i++) {
		stage_run(&stage, 50 * stage_ms_ns);
		hush_store_step(store);
	}
	assert_int_equal(hush_store_counts(store).written, 1);
	hush_store_destroy(store);
	begin(&engine, 0);
	store = hush_store_create(&stage.port, engine.alerts, &stage.clock);
	stage.ended = 0;
	hush_store_restore(store, on_restored, &stage);
	assert_int_equal(stage_wait(&stage), STATUS_OK);
	assert_int_equal(alerts_hushes(engine.alerts, &hush, 1), 1);
	assert_string_equal(hush.scope, "mt5-017");
	hush_store_destroy(store);
	alerts_destroy(engine.alerts);
	/* A read that failed: nothing is written over what is there, and it is read in the end. */
	fake_redis_kill(stage.redis);
	begin(&engine, 0);
	store = hush_store_create(&stage.port, engine.alerts, &stage.clock);
	stage.ended = 0;
	hush_store_restore(store, on_restored, &stage);
	assert_int_not_equal(stage_wait(&stage), STATUS_OK);
	fake_redis_start(stage.redis);
	for (int i = 0; i < 100; i++) {
		stage_run(&stage, 50 * stage_ms_ns);
		hush_store_step(store);
	}
	assert_int_equal(alerts_hushes(engine.alerts, &hush, 1), 1);
	assert_int_equal(hush_store_counts(store).written, 0);
	hush_store_destroy(store);
	alerts_destroy(engine.alerts);
	stage_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_muted_rule_is_not_told_and_is_when_the_mute_ends),
		cmocka_unit_test(a_mute_of_one_scope_leaves_the_others),
		cmocka_unit_test(an_acknowledged_alert_is_said_no_more_but_its_end_is),
		cmocka_unit_test(an_acknowledgement_and_a_mute_outlive_a_restart),
		cmocka_unit_test(an_acknowledgement_whose_alert_ended_meanwhile_is_given_up),
		cmocka_unit_test(what_cannot_be_is_refused_and_there_is_a_bound),
		cmocka_unit_test(the_store_brings_them_back_and_tries_again_after_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
