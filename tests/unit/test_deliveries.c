/* Deliveries, rule by rule, in simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/delivery_stage.h"

/* ---- the ordinary way ---- */

static void a_signal_is_sent_received_done_recorded_and_gone(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7,
			       "id=order-1 to=mt5-0 act=open sd=buy sym=EUR%USD vol=0.10 px=0 "
			       "sl=1.08200 tp=1.08900 dev=20 cm=strat7 unknown=x"));
	assert_int_equal(stage.n_sent, 1);
	assert_string_equal(stage.sent[0].text, "G 1 sid=7 act=open sym=EUR%25USD sd=buy vol=0.10 "
						"px=0 sl=1.08200 tp=1.08900 dev=20 cm=strat7 "
						"ttl=30000");
	expect_counts(&stage, 0, 1);
	assert_int_equal(stage.n_states, 1);
	assert_int_equal(stage.states[0].state, DELIVERY_SENT);
	assert_int_equal(stage.states[0].down, 1);
	stage_ack(&stage, 0, 7, "rx");
	assert_int_equal(stage.states[stage.n_states - 1].state, DELIVERY_RECEIVED);
	stage_pass(&stage, 600000); /* expiry is the expert's now */
	assert_true(str_eq(deliveries_id(stage.deliveries, 7), STR("order-1.7")));
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=part deal=1"), 0);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=2"), 7);
	expect_counts(&stage, 0, 0);
	assert_int_equal(stage.n_done, 0); /* not before it is recorded */
	stage_recorded(&stage, 7);
	stage_recorded(&stage, 7);
	assert_int_equal(stage.n_done, 1);
	assert_int_equal(stage.n_put, 0);
	assert_int_equal(stage.n_sent, 1);
	assert_true(str_eq(deliveries_id(stage.deliveries, 7), STR("")));
	assert_int_equal(deliveries_counts(stage.deliveries).done, 1);
	stage_end(&stage);
}

static void it_waits_for_the_terminal_and_its_time_runs_meanwhile(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	assert_true(stage_take(&stage, 7, stage_open));
	expect_counts(&stage, 1, 0);
	stage_pass(&stage, 1000);
	deliveries_resume(stage.deliveries, 0, 0);
	assert_int_equal(stage.n_sent, 0); /* connected, and not RUNNING */
	deliveries_gone(stage.deliveries, 0);
	deliveries_open(stage.deliveries, 0, 10);
	assert_int_equal(stage.n_sent, 0); /* RUNNING, and not connected */
	stage_pass(&stage, 1000);
	deliveries_resume(stage.deliveries, 0, 0);
	assert_int_equal(stage.n_sent, 1);
	assert_int_equal(stage.sent[0].ttl, 28000);
	stage_end(&stage);
}

static void what_cannot_be_sent_now_waits_on(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	stage.no_down = true;
	assert_true(stage_take(&stage, 7, stage_open));
	stage_pass(&stage, 500);
	stage.no_down = false;
	stage.can_send = STATUS_FULL;
	stage_pass(&stage, 500);
	assert_int_equal(stage.n_sent, 0);
	expect_counts(&stage, 1, 0);
	stage.can_send = STATUS_OK;
	stage_pass(&stage, DELIVERY_RETRY_MS);
	assert_int_equal(stage.n_sent, 1);
	stage_end(&stage);
}

/* ---- refusals ---- */

static void a_bad_entry_is_refused_by_the_fields_name(void **state)
{
	(void)state;
	static const struct {
		const char *fields, *why;
	} cases[] = {
		{ "to=mt5-0 act=open sd=buy sym=A vol=1", "id" },
		{ "id=a%b to=mt5-0 act=open sd=buy sym=A vol=1", "id" },
		{ "id=a act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=mt5-9 act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=account:5@S act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=group:G act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=account:100@S act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=account:x@S-0 act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=account:100 act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=group: act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=ALL act=open sd=buy sym=A vol=1", "to" },
		{ "id=a to=all drain=yes act=open sd=buy sym=A vol=1", "drain" },
		{ "id=a to=mt5-0 sd=buy sym=A vol=1", "act" },
		{ "id=a to=mt5-0 act=sell sd=buy sym=A vol=1", "act" },
		{ "id=a to=mt5-0 act=open sym=A vol=1", "sd" },
		{ "id=a to=mt5-0 act=open sd=long sym=A vol=1", "sd" },
		{ "id=a to=mt5-0 act=open sd=buy vol=1", "sym" },
		{ "id=a to=mt5-0 act=open sd=buy sym= vol=1", "sym" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A", "vol" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=0.00", "vol" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=-1", "vol" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=1e3", "vol" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=1 vol=2", "vol" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=1 sl=x", "sl" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=1 tp=-1", "tp" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=1 dev=1.5", "dev" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=1 exp=soon", "exp" },
		{ "id=a to=mt5-0 act=open sd=buy sym=A vol=1 cm=12345678901234567890123456789012",
		  "cm" },
		{ "id=a to=mt5-0 act=close", "pos" },
		{ "id=a to=mt5-0 act=closeby pos=1", "by" },
		{ "id=a to=mt5-0 act=modify sl=1", "pos" },
		{ "id=a to=mt5-0 act=pend sd=buy sym=A vol=1 px=1", "ty" },
		{ "id=a to=mt5-0 act=pend sd=buy sym=A vol=1 px=1 ty=market", "ty" },
		{ "id=a to=mt5-0 act=pend sd=buy sym=A vol=1 px=1 ty=stop_limit", "slim" },
		{ "id=a to=mt5-0 act=cancel", "ord" },
		{ "", "id" },
	};
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(stage_take(&stage, i + 1, cases[i].fields));
		expect_put(&stage, i, "refused", cases[i].why);
		assert_int_equal(stage.put[i].tag, i + 1);
		assert_int_equal(stage.n_done, i);
		stage_recorded(&stage, i + 1);
		assert_int_equal(stage.done[i], i + 1);
	}
	assert_int_equal(stage.n_sent, 0);
	assert_string_equal(stage.put[3].rid, "4--0");        /* no such instance */
	assert_string_equal(stage.put[12].rid, "13-mt5-0-0"); /* one that there is */
	assert_int_equal(deliveries_counts(stage.deliveries).refused, ARRAY_LEN(cases));
	stage_end(&stage);
}

static void every_act_passes_with_what_it_needs(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"id=a to=mt5-0 act=open sd=sell sym=A vol=1",
		"id=a to=mt5-0 act=close pos=5",
		"id=a to=mt5-0 act=closeby pos=5 by=6",
		"id=a to=mt5-0 act=modify pos=5 sl=1",
		"id=a to=mt5-0 act=modify ord=5 px=1",
		"id=a to=mt5-0 act=pend sd=buy sym=A vol=1 px=1.5 ty=limit",
		"id=a to=mt5-0 act=pend sd=buy sym=A vol=1 px=1.5 ty=stop_limit slim=1.4",
		"id=a to=mt5-0 act=cancel ord=5",
		"id=a to=mt5-0 act=closeall",
	};
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(stage_take(&stage, i + 1, cases[i]));
	assert_int_equal(stage.n_sent, ARRAY_LEN(cases));
	assert_int_equal(stage.n_put, 0);
	stage_end(&stage);
}

static void too_many_fields_are_refused_and_not_cut(void **state)
{
	(void)state;
	struct delivery_stage stage;
	char fields[1000];
	struct buf text = buf_over(fields, sizeof fields - 1);
	stage_begin(&stage);
	buf_str_put(&text, str_of(stage_open));
	for (int i = 0; i < 57; i++)
		buf_printf(&text, " x%d=1", i);
	fields[text.len] = 0;
	assert_true(stage_take(&stage, 1, fields));
	assert_int_equal(stage.n_put, 0); /* 63 are not too many */
	buf_str_put(&text, STR(" sl=1"));
	fields[text.len] = 0;
	assert_true(stage_take(&stage, 2, fields));
	expect_put(&stage, 0, "refused", "fields");
	stage_end(&stage);
}

static void an_id_that_gives_no_sid_is_refused_under_a_number_of_its_own(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	assert_true(stage_take(&stage, 0, stage_open));
	assert_true(stage_take(&stage, 0, stage_open)); /* told twice */
	assert_int_equal(stage.n_put, 1);
	stage.now_ms++;
	assert_true(stage_take(&stage, 0, stage_open)); /* another */
	assert_int_equal(stage.n_put, 2);
	expect_put(&stage, 0, "refused", "id");
	assert_string_equal(stage.put[0].id, "order-1.0");
	assert_true(stage.put[0].tag > INT64_MAX / 2 && stage.put[0].tag <= INT64_MAX);
	assert_string_not_equal(stage.put[0].rid, stage.put[1].rid);
	assert_int_equal(stage.n_done, 0);
	stage_recorded(&stage, stage.put[0].tag);
	assert_int_equal(stage.n_done, 1);
	stage_end(&stage);
}

static void above_the_cap_new_signals_fail_by_name(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	deliveries_refuse(stage.deliveries, 0, 2);
	for (uint64_t sid = 1; sid <= 5; sid++)
		assert_true(stage_take(&stage, sid, stage_open));
	assert_int_equal(stage.n_put, 2);
	expect_put(&stage, 0, "fail", "queue");
	assert_int_equal(stage.put[0].tag, 4);
	expect_counts(&stage, 3, 0);
	deliveries_refuse(stage.deliveries, 0, UINT32_MAX);
	assert_true(stage_take(&stage, 6, stage_open));
	assert_int_equal(stage.n_put, 2);
	stage_end(&stage);
}

static void without_room_an_entry_is_not_taken(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.can_store = STATUS_FULL;
	for (uint64_t sid = 1; sid <= DELIVERIES_MAX; sid++)
		assert_true(stage_take(&stage, sid, stage_open));
	assert_false(stage_take(&stage, DELIVERIES_MAX + 1, stage_open));
	assert_false(stage_take(&stage, 0, stage_open));
	assert_true(stage_take(&stage, 5, stage_open)); /* which it has */
	assert_int_equal(stage_result_of(&stage, 0, 5, "st=done"), 5);
	stage_recorded(&stage, 5);
	assert_true(stage_take(&stage, DELIVERIES_MAX + 1, stage_open));
	stage_end(&stage);
}

/* ---- time that is over ---- */

static void undelivered_it_expires_at_its_moment(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	assert_true(stage_take(&stage, 7, stage_open));
	stage_pass(&stage, 29999);
	assert_int_equal(stage.n_put, 0);
	stage_pass(&stage, 1);
	expect_put(&stage, 0, "exp", "undelivered");
	assert_string_equal(stage.put[0].rid, "7-mt5-0-0");
	assert_string_equal(stage.put[0].id, "order-1.7");
	assert_int_equal(stage.put[0].tag, 7);
	expect_counts(&stage, 0, 0);
	stage_ready(&stage, 0, 10);
	assert_int_equal(stage.n_sent, 0);
	stage_recorded(&stage, 7);
	assert_int_equal(stage.n_done, 1);
	stage_end(&stage);
}

static void one_that_came_too_late_is_never_sent(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, "id=a to=mt5-0 act=close pos=1 exp=1784046189999"));
	assert_true(stage_take(&stage, 8, "id=a to=mt5-0 act=close pos=1 exp=1784046195000"));
	assert_int_equal(stage.n_sent, 1);
	assert_int_equal(stage.sent[0].sid, 8);
	assert_int_equal(stage.sent[0].ttl, 5000);
	stage_pass(&stage, 1);
	expect_put(&stage, 0, "exp", "undelivered");
	stage_end(&stage);
}

static void unanswered_it_expires_when_an_answer_could_have_come(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	assert_true(stage_take(&stage, 8, stage_open));
	stage_pass(&stage, 30000 + DELIVERY_ANSWER_MS - 1);
	assert_int_equal(stage.n_put, 0);
	stage_ack(&stage, 0, 8, "rx"); /* was on its way */
	stage_pass(&stage, 1);
	assert_int_equal(stage.n_put, 1);
	expect_put(&stage, 0, "exp", "unanswered");
	assert_int_equal(stage.put[0].tag, 7);
	stage_end(&stage);
}

static void a_day_ahead_it_may_expire_and_not_later(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, "id=a to=mt5-0 act=close pos=1 exp=9223372036854775807"));
	expect_put(&stage, 0, "refused", "exp");
	assert_true(stage_take(&stage, 8, "id=a to=mt5-0 act=close pos=1 exp=1784132590001"));
	expect_put(&stage, 1, "refused", "exp");
	assert_true(stage_take(&stage, 9, "id=a to=mt5-0 act=close pos=1 exp=1784132590000"));
	assert_int_equal(stage.n_sent, 1);
	assert_int_equal(stage.sent[0].ttl, DELIVERY_AHEAD_MS);
	stage_pass(&stage, 80000000);
	assert_int_equal(stage.n_put, 2);
	stage_end(&stage);
}

/* ---- what terminals answer ---- */

static void the_terminals_refusals_end_it(void **state)
{
	(void)state;
	static const struct {
		const char *answer, *st, *why;
	} cases[] = {
		{ "exp", "exp", "terminal" },
		{ "bad", "fail", "bad" },
		{ "stop", "fail", "stopped" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct delivery_stage stage;
		stage_begin(&stage);
		stage_ready(&stage, 0, 10);
		assert_true(stage_take(&stage, 7, stage_open));
		stage_ack(&stage, 1, 7, cases[i].answer); /* not its terminal */
		assert_int_equal(stage.n_put, 0);
		stage_ack(&stage, 0, 7, cases[i].answer);
		stage_ack(&stage, 0, 7, cases[i].answer);
		assert_int_equal(stage.n_put, 1);
		expect_put(&stage, 0, cases[i].st, cases[i].why);
		stage_pass(&stage, 60000);
		assert_int_equal(stage.n_put, 1);
		stage_end(&stage);
	}
}

static void a_busy_terminal_is_asked_again_within_the_time(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	for (int i = 0; i < 29; i++) {
		stage_ack(&stage, 0, 7, "busy");
		expect_counts(&stage, 1, 0);
		stage_pass(&stage, DELIVERY_BUSY_MS - 1);
		assert_int_equal(stage.n_sent, i + 1);
		stage_pass(&stage, 1);
		assert_int_equal(stage.n_sent, i + 2);
		assert_int_equal(stage.sent[i + 1].ttl, 29000 - 1000 * i);
	}
	stage_ack(&stage, 0, 7, "busy");
	stage_pass(&stage, 2000);
	assert_int_equal(stage.n_sent, 30);
	expect_put(&stage, 0, "exp", "undelivered");
	stage_end(&stage);
}

static void what_is_known_to_the_terminal_is_not_taken_back_by_busy(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	stage_ack(&stage, 0, 7, "rx");
	deliveries_resume(stage.deliveries, 0, 0);
	assert_int_equal(stage.n_sent, 2);
	stage_ack(&stage, 0, 7, "busy");
	expect_counts(&stage, 0, 1);
	stage_pass(&stage, DELIVERY_BUSY_MS);
	assert_int_equal(stage.n_sent, 3);
	stage_pass(&stage, 600000);
	assert_int_equal(stage.n_put, 0);
	stage_end(&stage);
}

/* Answers are reliable: those to an earlier sending come once more after a resume. */
static void an_old_answer_takes_nothing_back(void **state)
{
	(void)state;
	static const char *const answers[] = { "busy", "exp", "bad", "stop" };
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	deliveries_gone(stage.deliveries, 0);
	deliveries_resume(stage.deliveries, 0, 0);
	assert_int_equal(stage.n_sent, 2);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		stage_ack_of(&stage, 0, 1, 7, answers[i]);
	assert_true(stage_take_again(&stage, 8, stage_open, "sent"));
	stage_ack_of(&stage, 0, 0, 8, "busy"); /* of an earlier run */
	expect_counts(&stage, 0, 2);
	assert_int_equal(stage.n_put, 0);
	stage_ack_of(&stage, 0, 1, 7, "rx"); /* but that it has it is true for ever */
	assert_int_equal(stage.states[stage.n_states - 1].state, DELIVERY_RECEIVED);
	stage_end(&stage);
}

static void a_result_without_an_answer_ends_it_too(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	assert_int_equal(stage_result_of(&stage, 1, 7, "st=done"), 0); /* not its terminal */
	assert_int_equal(stage_result_of(&stage, 0, 99, "st=done"), 0);
	assert_int_equal(deliveries_counts(stage.deliveries).late, 2);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=fail rc=10019"), 7);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=fail rc=10019"), 7); /* sent again */
	stage_recorded(&stage, 7);
	assert_int_equal(stage.n_done, 1);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=fail rc=10019"), 0);
	assert_int_equal(deliveries_counts(stage.deliveries).failed, 1);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_is_sent_received_done_recorded_and_gone),
		cmocka_unit_test(it_waits_for_the_terminal_and_its_time_runs_meanwhile),
		cmocka_unit_test(what_cannot_be_sent_now_waits_on),
		cmocka_unit_test(a_bad_entry_is_refused_by_the_fields_name),
		cmocka_unit_test(every_act_passes_with_what_it_needs),
		cmocka_unit_test(too_many_fields_are_refused_and_not_cut),
		cmocka_unit_test(an_id_that_gives_no_sid_is_refused_under_a_number_of_its_own),
		cmocka_unit_test(above_the_cap_new_signals_fail_by_name),
		cmocka_unit_test(without_room_an_entry_is_not_taken),
		cmocka_unit_test(undelivered_it_expires_at_its_moment),
		cmocka_unit_test(one_that_came_too_late_is_never_sent),
		cmocka_unit_test(unanswered_it_expires_when_an_answer_could_have_come),
		cmocka_unit_test(a_day_ahead_it_may_expire_and_not_later),
		cmocka_unit_test(the_terminals_refusals_end_it),
		cmocka_unit_test(a_busy_terminal_is_asked_again_within_the_time),
		cmocka_unit_test(what_is_known_to_the_terminal_is_not_taken_back_by_busy),
		cmocka_unit_test(an_old_answer_takes_nothing_back),
		cmocka_unit_test(a_result_without_an_answer_ends_it_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
