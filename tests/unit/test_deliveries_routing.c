/* Signals to accounts, groups and all: who gets them, when the entry is done, and what a
 * restart in the middle leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/delivery_stage.h"

static void ready_all(struct delivery_stage *stage)
{
	for (uint32_t slot = 0; slot < STAGE_SLOTS; slot++)
		if (!stage->removed[slot])
			stage_ready(stage, slot, 10);
}

static void routed(struct delivery_stage *stage, uint64_t sid)
{
	deliveries_routed(stage->deliveries, sid, STATUS_OK);
}

/* Who was sent anything, "012" in the order of sending. */
static const char *receivers(const struct delivery_stage *stage)
{
	static char text[STAGE_LOG + 1];
	for (size_t i = 0; i < stage->n_sent; i++)
		text[i] = (char)('0' + stage->sent[i].slot);
	text[stage->n_sent] = 0;
	return text;
}

static void each_target_means_its_members(void **state)
{
	(void)state;
	static const struct {
		const char *to, *who;
	} cases[] = {
		{ "to=mt5-1", "1" },
		{ "to=account:102@S-2", "2" },
		{ "to=group:even", "02" },
		{ "to=group:most", "01" },
		{ "to=group:most drain=0", "01" },
		{ "to=group:most drain=1", "0" },
		{ "to=all", "012" },
		{ "to=all drain=1", "012" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct delivery_stage stage;
		char fields[120];
		stage_begin(&stage);
		stage.draining = true;
		ready_all(&stage);
		snprintf(fields, sizeof fields, "id=a %s act=open sd=buy sym=X vol=1", cases[i].to);
		assert_true(stage_take(&stage, 7, fields));
		routed(&stage, 7);
		assert_string_equal(receivers(&stage), cases[i].who);
		assert_int_equal(stage.n_routes, i > 0); /* a terminal by name needs no note */
		for (size_t n = 0; n < stage.n_sent; n++)
			assert_int_equal(stage.sent[n].sid, 7);
		assert_int_equal(deliveries_counts(stage.deliveries).taken, stage.n_sent);
		stage_end(&stage);
	}
}

static void nobody_there_is_refused_as_to(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"to=group:none",
		"to=account:100@S-1",
		"to=account:999@S-0",
		"to=mt5-9",
	};
	struct delivery_stage stage;
	stage_begin(&stage);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char fields[100];
		snprintf(fields, sizeof fields, "id=a %s act=closeall", cases[i]);
		assert_true(stage_take(&stage, i + 1, fields));
		expect_put(&stage, i, "refused", "to");
		assert_string_equal(stage.put[i].ins, "");
		assert_int_equal(stage.put[i].tries, 0);
	}
	stage_end(&stage);
}

static void nothing_is_sent_before_its_members_are_written_down(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	stage.can_route = STATUS_FULL;
	assert_true(stage_take(&stage, 7, "id=a to=all act=closeall"));
	stage_pass(&stage, 1000);
	assert_int_equal(stage.n_sent, 0);
	stage.can_route = STATUS_OK;
	stage_pass(&stage, DELIVERY_RETRY_MS);
	assert_int_equal(stage.n_routes, 1);
	assert_string_equal(stage.routes[0], "7: mt5-0 mt5-1 mt5-2");
	deliveries_resume(stage.deliveries, 1, 0); /* nor when its terminal comes again */
	assert_int_equal(stage.n_sent, 0);
	deliveries_routed(stage.deliveries, 7, STATUS_CLOSED); /* the server went */
	stage_pass(&stage, DELIVERY_RETRY_MS);
	assert_int_equal(stage.n_routes, 2);
	assert_int_equal(stage.n_sent, 0);
	routed(&stage, 7);
	assert_string_equal(receivers(&stage), "012");
	routed(&stage, 7);
	routed(&stage, 99);
	assert_int_equal(stage.n_sent, 3);
	stage_end(&stage);
}

static void what_cannot_be_written_down_expires_like_any_other(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	assert_true(stage_take(&stage, 7, "id=a to=group:even act=closeall"));
	stage_pass(&stage, 30000);
	assert_int_equal(stage.n_put, 2);
	expect_put(&stage, 0, "exp", "undelivered");
	assert_string_equal(stage.put[1].rid, "7-mt5-2-0");
	routed(&stage, 7);
	assert_int_equal(stage.n_sent, 0);
	stage_recorded(&stage, 7);
	assert_int_equal(stage.n_done, 1);
	stage_end(&stage);
}

static void each_member_ends_by_itself_and_the_entry_with_the_last(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	stage.told = DELIVERY_TOLD_KEPT;
	assert_true(stage_take(&stage, 7, "id=order-7 to=all act=open sd=buy sym=X vol=1"));
	routed(&stage, 7);
	assert_true(str_eq(deliveries_id(stage.deliveries, 7), STR("order-7")));
	stage_ack(&stage, 1, 7, "bad");
	stage_ack_of(&stage, 0, stage.sent[0].down, 7, "rx");
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=5 pos=9"), 7);
	stage_recorded_at(&stage, 7, 0);
	assert_int_equal(stage.n_ends, 1);
	assert_string_equal(stage.ends[0].instance, "mt5-0");
	deliveries_archived(stage.deliveries, stage.ends[0].tag);
	assert_int_equal(stage.n_done, 0);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=5"), 0); /* it is over */
	stage_ack_of(&stage, 1, stage.sent[1].down, 7, "bad");
	stage_recorded_at(&stage, 7, 1);
	stage_ack_of(&stage, 2, stage.sent[2].down, 7, "exp");
	stage_recorded_at(&stage, 7, 2);
	assert_int_equal(stage.n_ends, 3);
	deliveries_archived(stage.deliveries, stage.ends[2].tag);
	deliveries_archived(stage.deliveries, stage.ends[2].tag);
	assert_int_equal(stage.n_done, 0);
	deliveries_archived(stage.deliveries, stage.ends[1].tag);
	assert_int_equal(stage.n_done, 1);
	assert_int_equal(stage.done[0], 7);
	assert_true(str_eq(deliveries_id(stage.deliveries, 7), STR("")));
	stage_end(&stage);
}

static void a_removed_member_ends_and_the_others_go_on(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, "id=a to=group:most act=closeall"));
	deliveries_remove(stage.deliveries, 1);
	stage.removed[1] = true;
	expect_put(&stage, 0, "fail", "removed");
	assert_string_equal(stage.put[0].rid, "7-mt5-1-0");
	routed(&stage, 7);
	assert_string_equal(receivers(&stage), "0");
	stage.removed[1] = false; /* another in its slot gets nothing of it */
	stage_ready(&stage, 1, 10);
	assert_int_equal(stage.n_sent, 1);
	stage_end(&stage);
}

static void an_entry_is_taken_whole_or_not_at_all(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.can_store = STATUS_FULL;
	for (uint64_t sid = 1; sid <= DELIVERIES_MAX - 2; sid++)
		assert_true(stage_take(&stage, sid, stage_open));
	assert_false(stage_take(&stage, 9000, "id=a to=all act=closeall"));
	assert_int_equal(stage.n_routes, 0);
	assert_int_equal(deliveries_counts(stage.deliveries).taken, DELIVERIES_MAX - 2);
	assert_true(stage_take(&stage, 9001, "id=a to=group:most act=closeall"));
	assert_false(stage_take(&stage, 9002, "id=a to=mt5-2 act=closeall"));
	assert_int_equal(stage_result_of(&stage, 0, 5, "st=done"), 5);
	stage_recorded(&stage, 5);
	assert_true(stage_take(&stage, 9002, "id=a to=mt5-2 act=closeall"));
	stage_end(&stage);
}

/* ---- restarts ---- */

static void killed_before_its_members_were_written_down_it_is_routed_anew(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	assert_true(stage_take(&stage, 7, "id=order-7 to=all act=closeall"));
	stage_restart(&stage);
	stage.removed[2] = true; /* who is meant is who is there now */
	stage_pass(&stage, 5000);
	ready_all(&stage);
	assert_true(stage_take_known(&stage, 7, "id=order-7 to=all act=closeall", true, NULL, 0));
	assert_string_equal(stage.routes[1], "7: mt5-0 mt5-1");
	routed(&stage, 7);
	assert_string_equal(receivers(&stage), "01");
	assert_int_equal(stage.sent[0].ttl, 30000); /* no question: it never was sent */
	stage_pass(&stage, 60000);
	assert_int_equal(stage.n_sent, 2);
	stage_end(&stage);
}

static void killed_afterwards_it_goes_on_with_the_members_it_had(void **state)
{
	(void)state;
	static const struct delivery_member members[] = {
		{ .instance = { "mt5-0", sizeof "mt5-0" - 1 },
		  .stood = { "received", sizeof "received" - 1 },
		  .down = 4,
		  .sent = 2,
		  .sent_ms = 11,
		  .confirmed_ms = 12 },
		{ .instance = { "mt5-1", sizeof "mt5-1" - 1 },
		  .stood = { "waiting", sizeof "waiting" - 1 } },
		{ .instance = { "mt5-8", sizeof "mt5-8" - 1 },
		  .stood = { "waiting", sizeof "waiting" - 1 } },
		{ .instance = { "mt5-9", sizeof "mt5-9" - 1 },
		  .stood = { "sent", sizeof "sent" - 1 },
		  .down = 5,
		  .sent = 1 },
		{ .instance = { "mt5-1", sizeof "mt5-1" - 1 },
		  .stood = { "waiting", sizeof "waiting" - 1 } }, /* twice */
	};
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	stage.told = DELIVERY_TOLD_KEPT;
	assert_true(stage_take_known(&stage, 7, "id=a to=all act=closeall", true, members, 5));
	assert_int_equal(stage.n_routes, 0);
	assert_string_equal(receivers(&stage), "01"); /* not 2, which was no member */
	assert_int_equal(stage.n_put, 2);
	expect_put(&stage, 0, "fail", "removed");
	assert_string_equal(stage.put[0].rid, "7-mt5-8-0");
	expect_put(&stage, 1, "unk", "removed");
	assert_string_equal(stage.put[1].rid, "7-mt5-9-u");
	stage_ack_of(&stage, 0, stage.sent[0].down, 7, "dup");
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=5"), 7);
	stage_recorded_at(&stage, 7, 0);
	assert_int_equal(stage.ends[0].sent, 3);
	assert_int_equal(stage.ends[0].sent_ms, 11);
	assert_int_equal(stage.ends[0].confirmed_ms, 12);
	assert_string_equal(stage.ends[0].unknown_why, "restart");
	stage_end(&stage);
}

static void members_that_ended_before_the_restart_are_left_out(void **state)
{
	(void)state;
	static const struct delivery_member members[] = {
		{ .instance = { "mt5-0", sizeof "mt5-0" - 1 },
		  .stood = { "sent", sizeof "sent" - 1 },
		  .sent = 1 },
		{ .instance = { "mt5-1", sizeof "mt5-1" - 1 },
		  .stood = { "waiting", sizeof "waiting" - 1 } },
	};
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	stage.told = DELIVERY_TOLD_KEPT;
	stage.known_sid = 7;
	stage.known_instance = "mt5-0";
	assert_true(
	    stage_take_known(&stage, 7, "id=a to=group:most act=closeall", true, members, 2));
	assert_string_equal(receivers(&stage), "1");
	assert_int_equal(stage.n_ends, 1);
	assert_string_equal(stage.ends[0].st, "?");
	assert_string_equal(stage.ends[0].instance, "mt5-0");
	assert_int_equal(stage.ends[0].bucket, DELIVERY_RECORDED);
	assert_int_equal(deliveries_counts(stage.deliveries).known, 1);
	deliveries_archived(stage.deliveries, stage.ends[0].tag);
	assert_int_equal(stage.n_done, 0);
	stage_ack(&stage, 1, 7, "exp");
	stage_recorded_at(&stage, 7, 1);
	deliveries_archived(stage.deliveries, stage.ends[1].tag);
	assert_int_equal(stage.n_done, 1);
	/* without a list, too: one member's refusal was recorded before it was written */
	stage.known_sid = 8;
	assert_true(stage_take_known(&stage, 8, "id=b to=group:most act=closeall", true, NULL, 0));
	assert_string_equal(stage.routes[0], "8: mt5-0 mt5-1"); /* who was meant is kept */
	stage_end(&stage);
}

static void all_of_them_having_ended_it_is_done(void **state)
{
	(void)state;
	static const struct delivery_member members[] = {
		{ .instance = { "mt5-0", sizeof "mt5-0" - 1 },
		  .stood = { "sent", sizeof "sent" - 1 },
		  .sent = 1 },
		{ .instance = { "mt5-2", sizeof "mt5-2" - 1 },
		  .stood = { "sent", sizeof "sent" - 1 },
		  .sent = 1 },
	};
	for (int kept = 0; kept < 2; kept++) {
		struct delivery_stage stage;
		stage_begin(&stage);
		stage.told = kept ? DELIVERY_TOLD_KEPT : DELIVERY_TOLD_GONE;
		stage.known_sid = 7;
		assert_true(stage_take_known(&stage, 7, "id=a to=group:even act=closeall", true,
					     members, 2));
		assert_int_equal(stage.n_ends, 2);
		assert_int_equal(stage.n_done, !kept);
		for (size_t i = 0; i < 2; i++)
			deliveries_archived(stage.deliveries, stage.ends[i].tag);
		assert_int_equal(stage.n_done, 1);
		assert_int_equal(stage.n_put, 0);
		stage_end(&stage);
	}
}

static void an_entry_that_found_nobody_finds_nobody_after_a_restart(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	stage.known_sid = 7;
	stage.known_instance = "";
	assert_true(stage_take_known(&stage, 7, "id=a to=mt5-0 act=closeall", true, NULL, 0));
	assert_true(stage_take_known(&stage, 7, "id=a to=all act=closeall", true, NULL, 0));
	assert_int_equal(stage.n_sent, 0);
	assert_int_equal(stage.n_routes, 0);
	assert_int_equal(stage.n_done, 2);
	stage_end(&stage);
}

/* Nobody can be asked about what is no signal (any more). */
static void a_bad_entry_with_members_says_what_is_known(void **state)
{
	(void)state;
	static const struct delivery_member members[] = {
		{ .instance = { "mt5-0", sizeof "mt5-0" - 1 },
		  .stood = { "sent", sizeof "sent" - 1 },
		  .sent = 1 },
		{ .instance = { "mt5-1", sizeof "mt5-1" - 1 },
		  .stood = { "waiting", sizeof "waiting" - 1 } },
	};
	struct delivery_stage stage;
	stage_begin(&stage);
	ready_all(&stage);
	assert_true(stage_take_known(&stage, 7, "id=a to=all act=nonsense", true, members, 2));
	assert_int_equal(stage.n_sent, 0);
	expect_put(&stage, 0, "unk", "act");
	expect_put(&stage, 1, "fail", "act");
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_target_means_its_members),
		cmocka_unit_test(nobody_there_is_refused_as_to),
		cmocka_unit_test(nothing_is_sent_before_its_members_are_written_down),
		cmocka_unit_test(what_cannot_be_written_down_expires_like_any_other),
		cmocka_unit_test(each_member_ends_by_itself_and_the_entry_with_the_last),
		cmocka_unit_test(a_removed_member_ends_and_the_others_go_on),
		cmocka_unit_test(an_entry_is_taken_whole_or_not_at_all),
		cmocka_unit_test(killed_before_its_members_were_written_down_it_is_routed_anew),
		cmocka_unit_test(killed_afterwards_it_goes_on_with_the_members_it_had),
		cmocka_unit_test(members_that_ended_before_the_restart_are_left_out),
		cmocka_unit_test(all_of_them_having_ended_it_is_done),
		cmocka_unit_test(an_entry_that_found_nobody_finds_nobody_after_a_restart),
		cmocka_unit_test(a_bad_entry_with_members_says_what_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
