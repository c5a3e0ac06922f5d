/* Deliveries when something fails: stores, connections, terminals, clocks, weir. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/delivery_stage.h"

/* ---- results that the store cannot take ---- */

static void an_end_is_tried_until_the_store_takes_it(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.can_store = STATUS_FULL;
	assert_true(stage_take(&stage, 7, "id=a to=nobody act=closeall"));
	stage_pass(&stage, 1000);
	stage.can_store = STATUS_OK;
	stage_pass(&stage, DELIVERY_RETRY_MS);
	assert_int_equal(stage.n_put, 1);
	expect_put(&stage, 0, "refused", "to");
	stage_pass(&stage, 60000);
	assert_int_equal(stage.n_put, 1);
	assert_int_equal(deliveries_counts(stage.deliveries).refused, 1);
	stage_end(&stage);
}

static void the_terminals_own_end_replaces_what_was_not_stored(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	stage.can_store = STATUS_FULL;
	stage_pass(&stage, 40000);
	stage.can_store = STATUS_OK;
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=5"), 7);
	stage_pass(&stage, 40000);
	assert_int_equal(stage.n_put, 0);
	stage_recorded(&stage, 7);
	assert_int_equal(stage.n_done, 1);
	stage_end(&stage);
}

/* ---- connections, failures ---- */

static void a_lost_connection_puts_what_was_sent_in_doubt(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	deliveries_gone(stage.deliveries, 0);
	stage_pass(&stage, 600000);
	assert_int_equal(stage.n_put, 0); /* its order may exist */
	deliveries_resume(stage.deliveries, 0, 0);
	assert_int_equal(stage.n_sent, 2);
	assert_int_equal(stage.sent[1].down, 2);
	assert_int_equal(stage.sent[1].ttl, 0);
	stage_pass(&stage, DELIVERY_ASK_MS); /* asked until it is answered */
	assert_int_equal(stage.n_sent, 3);
	stage_ack(&stage, 0, 7, "dup");
	stage_pass(&stage, 600000);
	assert_int_equal(stage.n_sent, 3);
	assert_int_equal(stage.n_put, 0);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=5"), 7);
	stage_end(&stage);
}

static void what_never_arrived_expires_by_the_terminals_word(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	deliveries_gone(stage.deliveries, 0);
	stage_pass(&stage, 40000);
	deliveries_resume(stage.deliveries, 0, 0);
	stage_ack(&stage, 0, 7, "exp");
	expect_put(&stage, 0, "exp", "terminal");
	stage_end(&stage);
}

static void what_was_handled_is_asked_for_only_when_no_answer_comes(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	assert_true(stage_take(&stage, 8, stage_open));
	assert_true(stage_take(&stage, 9, stage_open));
	deliveries_gone(stage.deliveries, 0);
	deliveries_resume(stage.deliveries, 0, 2); /* 7 and 8; 9 did not arrive */
	assert_int_equal(stage.n_sent, 4);
	assert_int_equal(stage.sent[3].sid, 9);
	stage_ack(&stage, 0, 7, "rx");
	stage_ack(&stage, 0, 9, "rx");
	stage_pass(&stage, DELIVERY_ASK_MS - 1);
	assert_int_equal(stage.n_sent, 4);
	stage_pass(&stage, 1);
	assert_int_equal(stage.n_sent, 5);
	assert_int_equal(stage.sent[4].sid, 8);
	stage_end(&stage);
}

static void a_failed_terminals_signals_are_unknown_once_and_it_decides_later(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	assert_true(stage_take(&stage, 8, stage_open));
	stage_ack(&stage, 0, 7, "rx");
	deliveries_gone(stage.deliveries, 0);
	deliveries_pause(stage.deliveries, 0);
	assert_true(stage_take(&stage, 9, stage_open)); /* waits */
	stage.can_store = STATUS_FULL;
	deliveries_unknown(stage.deliveries, 0);
	stage.can_store = STATUS_OK;
	stage_pass(&stage, DELIVERY_RETRY_MS);
	deliveries_unknown(stage.deliveries, 0);
	assert_int_equal(stage.n_put, 2);
	for (size_t i = 0; i < 2; i++) {
		expect_put(&stage, i, "unk", "failed");
		assert_false(stage.put[i].final);
		assert_int_equal(stage.put[i].tag, 0);
	}
	assert_string_equal(stage.put[0].rid, "7-mt5-0-u");
	assert_int_equal(deliveries_counts(stage.deliveries).unknown, 2);
	stage_pass(&stage, 1000);
	deliveries_resume(stage.deliveries, 0, 0);
	assert_int_equal(stage.n_sent, 2);
	deliveries_open(stage.deliveries, 0, 10); /* the unknown ones first */
	assert_int_equal(stage.n_sent, 5);
	assert_int_equal(stage.sent[4].sid, 9);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=5"), 7);
	stage_ack(&stage, 0, 8, "exp");
	expect_put(&stage, 2, "exp", "terminal");
	stage_recorded(&stage, 7);
	stage_recorded(&stage, 8);
	assert_int_equal(stage.n_done, 2);
	stage_end(&stage);
}

static void a_stopped_terminals_waiting_signals_fail_by_the_reason(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	deliveries_pause(stage.deliveries, 0);
	assert_true(stage_take(&stage, 8, stage_open));
	assert_true(stage_take(&stage, 9, "id=b to=mt5-1 act=closeall"));
	deliveries_drop(stage.deliveries, 0, "stopped");
	assert_int_equal(stage.n_put, 2);
	expect_put(&stage, 0, "fail", "stopped");
	assert_int_equal(stage.put[0].tag, 8);
	expect_put(&stage, 1, "unk", "failed"); /* it may have 7 */
	assert_int_equal(deliveries_counts(stage.deliveries).waiting, 1);
	stage_end(&stage);
}

static void a_removed_terminal_leaves_nothing_in_its_slot(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	assert_true(stage_take(&stage, 8, stage_open));
	stage_ack(&stage, 0, 8, "rx");
	deliveries_pause(stage.deliveries, 0);
	assert_true(stage_take(&stage, 9, stage_open));
	stage.can_store = STATUS_FULL;
	deliveries_remove(stage.deliveries, 0);
	stage.removed[0] = true;
	expect_counts(&stage, 0, 0);
	stage.can_store = STATUS_OK;
	stage_pass(&stage, DELIVERY_RETRY_MS); /* its name is still known */
	assert_int_equal(stage.n_put, 3);
	for (size_t i = 0; i < 3; i++) {
		bool waited = stage.put[i].tag == 9;
		expect_put(&stage, i, waited ? "fail" : "unk", "removed");
		stage_recorded(&stage, stage.put[i].tag);
	}
	assert_int_equal(stage.n_done, 3);
	stage.removed[0] = false; /* the next one there begins with nothing */
	assert_true(stage_take(&stage, 10, stage_open));
	assert_int_equal(stage.n_sent, 2);
	stage_ready(&stage, 0, 10);
	assert_int_equal(stage.n_sent, 3);
	stage_end(&stage);
}

/* ---- rate ---- */

static void a_terminal_gets_no_more_than_its_rate(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 4);
	stage_ready(&stage, 1, 4);
	for (uint64_t sid = 1; sid <= 20; sid++)
		assert_true(stage_take(&stage, sid, stage_open));
	assert_int_equal(stage.n_sent, 4); /* a second's worth at once */
	stage_pass(&stage, 249);
	assert_int_equal(stage.n_sent, 4);
	stage_pass(&stage, 1);
	assert_int_equal(stage.n_sent, 5);
	assert_true(stage_take(&stage, 99, "id=b to=mt5-1 act=closeall"));
	assert_int_equal(stage.n_sent, 6); /* another's rate is its own */
	stage_pass(&stage, 2000);
	assert_int_equal(stage.n_sent, 14);
	deliveries_rate(stage.deliveries, 0, 0);
	stage_pass(&stage, 3000);
	assert_int_equal(stage.n_sent, 14);
	deliveries_rate(stage.deliveries, 0, 10);
	stage_pass(&stage, 700);
	assert_int_equal(stage.n_sent, 21);
	for (size_t i = 1; i < stage.n_sent; i++)
		assert_true(stage.sent[i].sid == 99 || stage.sent[i - 1].sid == 99 ||
			    stage.sent[i].sid == stage.sent[i - 1].sid + 1); /* in order */
	stage_end(&stage);
}

static void a_clock_set_back_stops_nothing(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 1);
	assert_true(stage_take(&stage, 7, "id=a to=mt5-0 act=closeall exp=1784049000000"));
	assert_true(stage_take(&stage, 8, "id=a to=mt5-0 act=closeall exp=1784049000000"));
	stage_ack(&stage, 0, 7, "busy");
	stage.now_ms -= 3600000; /* by an hour */
	stage_pass(&stage, 0);
	stage_pass(&stage, 2500);
	assert_int_equal(stage.n_sent, 3);
	stage_end(&stage);
}

/* ---- after a restart ---- */

static void an_entry_that_comes_again_after_it_was_sent_is_asked_about(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	assert_true(stage_take_again(&stage, 7, stage_open, "received"));
	expect_counts(&stage, 0, 1);
	stage_pass(&stage, 600000);
	assert_int_equal(stage.n_put, 0);
	stage_ready(&stage, 0, 10);
	assert_int_equal(stage.n_sent, 1);
	assert_int_equal(stage.sent[0].ttl, 0);
	stage_ack(&stage, 0, 7, "dup");
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=3"), 7);
	stage_recorded(&stage, 7);
	assert_int_equal(stage.n_done, 1);
	stage_end(&stage);
}

static void an_entry_of_which_no_sending_was_noted_waits_a_little_longer(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	assert_true(stage_take_again(&stage, 7, stage_open, ""));
	expect_counts(&stage, 1, 0);
	assert_true(stage_take_again(&stage, 8, "id=b to=mt5-1 act=closeall", ""));
	stage_pass(&stage, 40000);
	stage_ready(&stage, 0, 10);
	assert_int_equal(stage.sent[0].ttl, 0); /* a question */
	stage_ack(&stage, 0, 7, "exp");
	expect_put(&stage, 0, "exp", "terminal");
	stage_pass(&stage, DELIVERY_AGAIN_MS - 40000 - 1);
	assert_int_equal(stage.n_put, 1);
	stage_pass(&stage, 1);
	expect_put(&stage, 1, "exp", "undelivered");
	assert_string_equal(stage.put[1].rid, "8-mt5-1-0");
	stage_end(&stage);
}

static void an_entry_whose_end_is_recorded_is_done_at_once(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.known_sid = 7;
	assert_true(stage_take_again(&stage, 7, stage_open, "received"));
	assert_int_equal(stage.n_done, 1);
	assert_int_equal(stage.n_put, 0);
	assert_int_equal(deliveries_counts(stage.deliveries).known, 1);
	assert_true(stage_take(&stage, 7, stage_open)); /* not again: nothing was looked up */
	assert_int_equal(stage.n_done, 1);
	stage_end(&stage);
}

static void an_entry_of_a_terminal_that_is_gone_says_what_is_known(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.removed[0] = true;
	assert_true(stage_take_again(&stage, 7, stage_open, "received"));
	assert_true(stage_take_again(&stage, 8, stage_open, ""));
	expect_put(&stage, 0, "unk", "removed");
	assert_string_equal(stage.put[0].rid, "7-mt5-0-u");
	expect_put(&stage, 1, "refused", "to");
	assert_string_equal(stage.put[1].rid, "8--0");
	stage_recorded(&stage, 7);
	stage_recorded(&stage, 8);
	assert_int_equal(stage.n_done, 2);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_tried_until_the_store_takes_it),
		cmocka_unit_test(the_terminals_own_end_replaces_what_was_not_stored),
		cmocka_unit_test(a_lost_connection_puts_what_was_sent_in_doubt),
		cmocka_unit_test(what_never_arrived_expires_by_the_terminals_word),
		cmocka_unit_test(what_was_handled_is_asked_for_only_when_no_answer_comes),
		cmocka_unit_test(a_failed_terminals_signals_are_unknown_once_and_it_decides_later),
		cmocka_unit_test(a_stopped_terminals_waiting_signals_fail_by_the_reason),
		cmocka_unit_test(a_removed_terminal_leaves_nothing_in_its_slot),
		cmocka_unit_test(a_terminal_gets_no_more_than_its_rate),
		cmocka_unit_test(a_clock_set_back_stops_nothing),
		cmocka_unit_test(an_entry_that_comes_again_after_it_was_sent_is_asked_about),
		cmocka_unit_test(an_entry_of_which_no_sending_was_noted_waits_a_little_longer),
		cmocka_unit_test(an_entry_whose_end_is_recorded_is_done_at_once),
		cmocka_unit_test(an_entry_of_a_terminal_that_is_gone_says_what_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
