/* Deliveries under symbol maps, halts, limits, a refusal of everything, and repeats; and
 * what is told of their ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/delivery_stage.h"

static const int64_t lot = 100000000;

/* ---- symbols ---- */

static void the_brokers_own_name_is_sent(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin_with(&stage, "[symbols.S-0]\nEURUSD = EURUSD.r\n");
	stage_ready(&stage, 0, 10);
	stage_ready(&stage, 1, 10);
	assert_true(stage_take(&stage, 7, "id=a to=group:most act=open sd=buy sym=EURUSD vol=1"));
	deliveries_routed(stage.deliveries, 7, STATUS_OK);
	assert_non_null(strstr(stage.sent[0].text, "sym=EURUSD.r "));
	assert_non_null(strstr(stage.sent[1].text, "sym=EURUSD "));
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=fail rc=10019"), 7);
	stage_recorded(&stage, 7);
	assert_string_equal(stage.ends[0].symbol, "EURUSD.r");
	assert_true(stage_take(&stage, 8, "id=a to=group:most act=open sd=buy sym=EURUSD.r vol=1"));
	expect_put(&stage, 0, "refused", "sym"); /* at the one that does not know it */
	assert_string_equal(stage.put[0].rid, "8-mt5-0-0");
	deliveries_routed(stage.deliveries, 8, STATUS_OK);
	assert_int_equal(stage.n_sent, 3);
	assert_int_equal(stage.sent[2].slot, 1);
	assert_true(stage_take(&stage, 9, "id=a to=mt5-0 act=close pos=5")); /* names none */
	assert_int_equal(stage.n_sent, 4);
	stage_end(&stage);
}

static void a_symbol_that_is_no_longer_known_is_only_asked_about(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin_with(&stage, "[symbols.S-0]\nX = X.r\n");
	stage_ready(&stage, 0, 10);
	assert_true(stage_take_again(&stage, 7, stage_open, "sent"));
	assert_int_equal(stage.n_sent, 1);
	assert_int_equal(stage.sent[0].ttl, 0);
	stage_ack(&stage, 0, 7, "exp");
	expect_put(&stage, 0, "refused", "sym");
	stage_end(&stage);
}

/* ---- halts ---- */

static void a_halted_terminal_gets_what_closes_and_nothing_that_opens(void **state)
{
	(void)state;
	static const struct {
		const char *fields;
		bool passes;
	} cases[] = {
		{ "id=a to=mt5-0 act=open sd=buy sym=X vol=1", false },
		{ "id=a to=mt5-0 act=pend sd=buy sym=X vol=1 px=1 ty=limit", false },
		{ "id=a to=mt5-0 act=modify ord=5 px=2", false },
		{ "id=a to=mt5-0 act=modify pos=5 sl=2", true },
		{ "id=a to=mt5-0 act=close pos=5", true },
		{ "id=a to=mt5-0 act=closeby pos=5 by=6", true },
		{ "id=a to=mt5-0 act=closeall", true },
		{ "id=a to=mt5-0 act=cancel ord=5", true },
		{ "id=a to=mt5-1 act=open sd=buy sym=X vol=1", true },
	};
	static const char *const scopes[] = { "mt5-0", "group:even" };
	for (size_t scope = 0; scope < ARRAY_LEN(scopes); scope++) {
		struct delivery_stage stage;
		size_t sent = 0, put = 0;
		stage_begin(&stage);
		stage_ready(&stage, 0, 100);
		stage_ready(&stage, 1, 100);
		assert_int_equal(halts_add(&stage.halts, str_of(scopes[scope])), STATUS_OK);
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			assert_true(stage_take(&stage, i + 1, cases[i].fields));
			sent += cases[i].passes;
			put += !cases[i].passes;
			assert_int_equal(stage.n_sent, sent);
			assert_int_equal(stage.n_put, put);
			if (!cases[i].passes)
				expect_put(&stage, put - 1, "refused", "halted");
		}
		assert_int_equal(halts_lift(&stage.halts, str_of(scopes[scope])), STATUS_OK);
		assert_true(stage_take(&stage, 99, stage_open));
		assert_int_equal(stage.n_sent, sent + 1);
		stage_end(&stage);
	}
}

static void a_halt_stops_at_once_what_waits(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 1);
	assert_true(stage_take(&stage, 1, stage_open)); /* goes */
	assert_true(stage_take(&stage, 2, stage_open)); /* waits for its rate */
	assert_true(stage_take(&stage, 3, "id=a to=mt5-0 act=close pos=5"));
	assert_true(stage_take(&stage, 4, "id=a to=mt5-1 act=open sd=buy sym=X vol=1"));
	assert_int_equal(halts_add(&stage.halts, STR("mt5-0")), STATUS_OK);
	deliveries_halted(stage.deliveries);
	assert_int_equal(stage.n_put, 1);
	expect_put(&stage, 0, "refused", "halted");
	assert_int_equal(stage.put[0].tag, 2);
	assert_int_equal(halts_add(&stage.halts, STR("mt5-1")), STATUS_OK);
	stage_ready(&stage, 1, 10); /* nobody told of it: it is seen when it would go */
	assert_int_equal(stage.n_put, 2);
	assert_int_equal(stage.put[1].tag, 4);
	stage_pass(&stage, 1000);
	assert_int_equal(stage.n_sent, 2);
	assert_int_equal(stage.sent[1].sid, 3);
	stage_end(&stage);
}

static void what_a_halted_terminal_may_have_is_only_asked_about(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 1, stage_open));
	assert_true(stage_take(&stage, 2, stage_open));
	assert_true(stage_take_again(&stage, 3, stage_open, "")); /* of an earlier run */
	deliveries_gone(stage.deliveries, 0);
	assert_int_equal(halts_add(&stage.halts, STR("all")), STATUS_OK);
	deliveries_halted(stage.deliveries);
	assert_int_equal(stage.n_put, 0);
	size_t before = stage.n_sent;
	deliveries_resume(stage.deliveries, 0, 0);
	assert_int_equal(stage.n_sent, before + 3);
	for (size_t i = before; i < stage.n_sent; i++)
		assert_int_equal(stage.sent[i].ttl, 0);
	stage_ack(&stage, 0, 1, "exp"); /* it never had it, and never will */
	expect_put(&stage, 0, "refused", "halted");
	assert_int_equal(stage.put[0].tries, 2);
	stage_ack(&stage, 0, 2, "dup"); /* it has made an order of it */
	assert_int_equal(stage_result_of(&stage, 0, 2, "st=done deal=9"), 2);
	stage_pass(&stage, 40000);
	stage_ack(&stage, 0, 3, "exp");
	expect_put(&stage, 1, "exp", "terminal"); /* its time is over anyway */
	stage_end(&stage);
}

/* ---- limits ---- */

static void more_than_a_limit_is_refused_by_its_name(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin_with(&stage, "[limits]\nmax_volume = 2\nsymbols = EURUSD\nmax_positions = 3\n");
	stage_ready(&stage, 0, 100);
	assert_true(stage_take(&stage, 1, "id=a to=mt5-0 act=open sd=buy sym=EURUSD vol=2.5"));
	expect_put(&stage, 0, "refused", "limit_volume");
	assert_true(stage_take(&stage, 2, "id=a to=mt5-0 act=open sd=buy sym=GBPUSD vol=1"));
	expect_put(&stage, 1, "refused", "limit_symbol");
	stage.open[0] = (struct limits_open){ 3, 50 * lot, 0 };
	assert_true(stage_take(&stage, 3, stage_open));
	expect_put(&stage, 2, "refused", "limit_positions");
	assert_true(stage_take(&stage, 4, "id=a to=mt5-0 act=close pos=5 vol=50"));
	assert_true(stage_take(&stage, 5, "id=a to=mt5-0 act=closeall"));
	assert_int_equal(stage.n_sent, 2); /* closing is never limited */
	assert_int_equal(deliveries_counts(stage.deliveries).refused, 3);
	stage_end(&stage);
}

static void what_waits_and_what_was_sent_counts_against_a_limit(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin_with(&stage, "[limits]\nmax_positions = 3\n[limits.group:most]\n"
				 "max_total_volume = 0.35\n");
	stage_ready(&stage, 0, 2);
	for (uint64_t sid = 1; sid <= 4; sid++)
		assert_true(stage_take(&stage, sid, stage_open));
	assert_int_equal(stage.n_sent, 2); /* the third waits for its rate */
	expect_put(&stage, 0, "refused", "limit_positions");
	assert_true(stage_take(&stage, 5, "id=a to=mt5-1 act=open sd=buy sym=X vol=0.10"));
	expect_put(&stage, 1, "refused", "limit_total_volume");
	stage_ack(&stage, 0, 1, "bad"); /* one less */
	assert_true(stage_take(&stage, 6, stage_open));
	assert_int_equal(stage.n_put, 3); /* the end of 1 */
	stage_ack(&stage, 0, 2, "rx");
	assert_int_equal(stage_result_of(&stage, 0, 2, "st=done deal=5 pos=11"), 2);
	assert_true(stage_take(&stage, 7, stage_open)); /* 2 is open, and not shown yet */
	expect_put(&stage, 3, "refused", "limit_positions");
	stage.shown = 11;
	stage.open[0] = (struct limits_open){ 1, lot / 10, 0 };
	assert_true(stage_take(&stage, 8, stage_open));
	expect_put(&stage, 4, "refused", "limit_positions");
	stage.open[0] = (struct limits_open){ 0, 0, 0 }; /* closed */
	assert_true(stage_take(&stage, 9, stage_open));
	assert_int_equal(stage.n_put, 5);
	stage_end(&stage);
}

static void what_waits_is_looked_at_again_when_it_goes(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin_with(&stage, "[limits]\nmax_positions = 2\nmax_day_loss = 100\n");
	assert_true(stage_take(&stage, 1, stage_open));
	assert_true(stage_take(&stage, 2, stage_open));
	stage.open[0].positions = 1; /* by hand, meanwhile */
	stage_ready(&stage, 0, 10);
	assert_int_equal(stage.n_sent, 1);
	expect_put(&stage, 0, "refused", "limit_positions");
	assert_int_equal(stage.put[0].tag, 2);
	assert_true(stage_take(&stage, 3, "id=a to=mt5-1 act=open sd=buy sym=X vol=1"));
	limits_deal(stage.limits, STR("S-1"), 101, 4, stage.now_ms, -60 * lot);
	stage.open[1].profit = -40 * lot;
	stage_ready(&stage, 1, 10);
	expect_put(&stage, 1, "refused", "limit_loss");
	assert_int_equal(stage.n_sent, 1);
	stage_end(&stage);
}

static void an_order_of_an_earlier_run_holds_its_place(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin_with(&stage, "[limits]\nmax_positions = 1\n");
	assert_true(stage_take_again(&stage, 1, stage_open, "sent"));
	assert_true(stage_take(&stage, 2, stage_open));
	expect_put(&stage, 0, "refused", "limit_positions");
	stage.open[0].positions = 1; /* that is its own */
	stage_ready(&stage, 0, 10);
	assert_int_equal(stage.n_sent, 1);
	assert_int_equal(stage.sent[0].ttl, 0); /* asked, and no second one made */
	stage_ack(&stage, 0, 1, "dup");
	assert_int_equal(stage_result_of(&stage, 0, 1, "st=done deal=5"), 1);
	stage_end(&stage);
}

/* ---- all at once, and repeats ---- */

static void in_trouble_new_ones_are_refused_by_one_word(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	deliveries_refuse_all(stage.deliveries, "disk");
	assert_true(stage_take(&stage, 1, stage_open));
	assert_true(stage_take(&stage, 2, "id=a to=all act=closeall"));
	expect_put(&stage, 0, "refused", "disk");
	expect_put(&stage, 1, "refused", "disk");
	assert_true(stage_take_again(&stage, 3, stage_open, "sent")); /* it goes on */
	assert_int_equal(stage.n_sent, 1);
	deliveries_refuse_all(stage.deliveries, NULL);
	assert_true(stage_take(&stage, 4, stage_open));
	assert_int_equal(stage.n_sent, 2);
	stage_end(&stage);
}

static void a_repeated_id_is_let_go_without_a_result(void **state)
{
	(void)state;
	struct delivery_stage stage;
	uint64_t sid = 0;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_false(deliveries_known(stage.deliveries, STR("x-1"), &sid));
	assert_true(stage_take(&stage, 1, "id=x-1 to=mt5-0 act=closeall"));
	assert_true(stage_take(&stage, 2, "id=x-1 to=mt5-1 act=closeall"));
	assert_int_equal(stage.n_done, 1);
	assert_int_equal(stage.done[0], 2);
	assert_true(deliveries_known(stage.deliveries, STR("x-1"), &sid));
	assert_int_equal(sid, 1);
	assert_true(stage_take(&stage, 3, "id=bad to=nobody act=closeall"));
	expect_put(&stage, 0, "refused", "to");
	assert_true(stage_take(&stage, 4, "id=bad to=mt5-0 act=closeall")); /* refused once */
	assert_int_equal(stage.n_put, 1);
	deliveries_remember(stage.deliveries, STR("old"), 900); /* from the archive */
	assert_true(stage_take(&stage, 5, "id=old to=mt5-0 act=closeall"));
	assert_int_equal(stage.n_done, 3);
	assert_int_equal(deliveries_counts(stage.deliveries).repeated, 3);
	deliveries_remember(stage.deliveries, STR("http"), 6); /* added for a producer */
	assert_true(stage_take(&stage, 6, "id=http to=mt5-0 act=closeall"));
	assert_int_equal(stage.n_sent, 2);
	stage_end(&stage);
}

static void a_repeat_is_one_after_a_restart_too_and_the_first_goes_on(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	assert_true(stage_take_again(&stage, 1, "id=x-1 to=mt5-0 act=closeall", "sent"));
	assert_true(stage_take_again(&stage, 2, "id=x-1 to=mt5-0 act=closeall", ""));
	assert_int_equal(stage.n_done, 1);
	/* whatever is remembered: what was sent is not dropped */
	deliveries_remember(stage.deliveries, STR("x-2"), 77);
	assert_true(stage_take_again(&stage, 3, "id=x-2 to=mt5-0 act=closeall", "sent"));
	assert_int_equal(stage.n_done, 1);
	expect_counts(&stage, 0, 2);
	stage_end(&stage);
}

/* ---- ends ---- */

static void an_end_tells_the_whole_story(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.told = DELIVERY_TOLD_KEPT;
	int64_t begin_ms = stage.now_ms;
	assert_true(stage_take(&stage, 7, stage_open));
	stage_pass(&stage, 100);
	stage_ready(&stage, 0, 10);
	stage_pass(&stage, 100);
	deliveries_gone(stage.deliveries, 0);
	stage_pass(&stage, 100);
	deliveries_resume(stage.deliveries, 0, 0);
	stage_pass(&stage, 100);
	stage_ack(&stage, 0, 7, "rx");
	stage_pass(&stage, 100);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=part deal=1"), 0);
	stage_pass(&stage, 100);
	assert_int_equal(stage_result_of(&stage, 0, 7, "st=done deal=2 msg=fine%20so"), 7);
	assert_int_equal(deliveries_counts(stage.deliveries).ended[DELIVERY_DONE], 1);
	stage_pass(&stage, 100);
	stage_recorded(&stage, 7);
	const struct told_end *end = &stage.ends[0];
	assert_int_equal(stage.n_ends, 1);
	assert_int_equal(end->sid, 7);
	assert_string_equal(end->instance, "mt5-0");
	assert_string_equal(end->st, "done");
	assert_string_equal(end->why, "fine so");
	assert_string_equal(end->symbol, "EURUSD");
	assert_string_equal(end->to, "mt5-0");
	assert_int_equal(end->bucket, DELIVERY_DONE);
	assert_int_equal(end->sent, 2);
	assert_int_equal(end->asked, 1);
	assert_int_equal(end->deal, 2);
	assert_int_equal(end->received_ms, begin_ms);
	assert_int_equal(end->expires_ms, begin_ms + DELIVERY_TTL_MS);
	assert_int_equal(end->sent_ms, begin_ms + 100);
	assert_int_equal(end->unknown_ms, begin_ms + 200);
	assert_string_equal(end->unknown_why, "connection");
	assert_int_equal(end->confirmed_ms, begin_ms + 400);
	assert_int_equal(end->ended_ms, begin_ms + 600);
	static const struct delivery_step steps[] = {
		{ 0, 0, DELIVERY_STEP_TAKEN },       { 100, 1, DELIVERY_STEP_SENT },
		{ 200, 1, DELIVERY_STEP_UNKNOWN },   { 300, 2, DELIVERY_STEP_SENT },
		{ 400, 2, DELIVERY_STEP_CONFIRMED }, { 500, 2, DELIVERY_STEP_PART },
		{ 600, 2, DELIVERY_STEP_ENDED },
	};
	assert_int_equal(end->step_count, ARRAY_LEN(steps));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		assert_int_equal(end->steps[i].kind, steps[i].kind);
		assert_int_equal(end->steps[i].at_ms, begin_ms + steps[i].at_ms);
		assert_int_equal(end->steps[i].sent, steps[i].sent);
	}
	assert_int_equal(stage.n_done, 0);
	deliveries_archived(stage.deliveries, end->tag + 1); /* nobody's */
	deliveries_archived(stage.deliveries, end->tag);
	assert_int_equal(stage.n_done, 1);
	assert_int_equal(deliveries_counts(stage.deliveries).ended[DELIVERY_DONE], 0);
	stage_end(&stage);
}

static void an_end_is_told_until_it_is_taken(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.told = DELIVERY_TOLD_LATER;
	assert_true(stage_take(&stage, 7, "id=a to=nobody act=closeall"));
	stage_recorded(&stage, 7);
	stage_pass(&stage, 5 * DELIVERY_RETRY_MS);
	assert_int_equal(stage.n_ends, 6);
	deliveries_archived(stage.deliveries, stage.ends[0].tag); /* which nobody wrote */
	assert_int_equal(stage.n_done, 0);
	stage.told = DELIVERY_TOLD_KEPT;
	stage_pass(&stage, DELIVERY_RETRY_MS);
	stage_pass(&stage, 60000);
	assert_int_equal(stage.n_ends, 7);
	deliveries_archived(stage.deliveries, stage.ends[0].tag);
	assert_int_equal(stage.n_done, 1);
	stage_end(&stage);
}

static void the_tag_of_what_is_gone_is_nobodys(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage.told = DELIVERY_TOLD_KEPT;
	assert_true(stage_take(&stage, 7, "id=a to=nobody act=closeall"));
	stage_recorded(&stage, 7);
	uint64_t old = stage.ends[0].tag;
	deliveries_archived(stage.deliveries, old);
	assert_true(stage_take(&stage, 8, "id=a to=nobody act=closeall")); /* in its place */
	deliveries_recorded(stage.deliveries, old);
	assert_int_equal(stage.n_ends, 1);
	stage_recorded(&stage, 8);
	deliveries_archived(stage.deliveries, old);
	deliveries_archived(stage.deliveries, 0);
	deliveries_archived(stage.deliveries, UINT64_MAX);
	assert_int_equal(stage.n_done, 1);
	deliveries_archived(stage.deliveries, stage.ends[1].tag);
	assert_int_equal(stage.n_done, 2);
	stage_end(&stage);
}

static void steps_beyond_the_room_are_left_out_but_the_end(void **state)
{
	(void)state;
	struct delivery_stage stage;
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	assert_true(stage_take(&stage, 7, stage_open));
	for (int i = 0; i < 20; i++) {
		stage_ack(&stage, 0, 7, "busy");
		stage_pass(&stage, DELIVERY_BUSY_MS);
	}
	stage_ack(&stage, 0, 7, "bad");
	stage_recorded(&stage, 7);
	assert_int_equal(stage.ends[0].sent, 21);
	assert_int_equal(stage.ends[0].step_count, DELIVERY_STEPS_MAX);
	assert_int_equal(stage.ends[0].steps[DELIVERY_STEPS_MAX - 1].kind, DELIVERY_STEP_ENDED);
	stage_end(&stage);
}

/* The ledger's buckets, and the `try` that the archive tells them by. */
static void each_end_counts_in_one_bucket(void **state)
{
	(void)state;
	static const struct {
		const char *answer, *result;
		bool goes, fails;
		enum delivery_bucket bucket;
		int tries; /* of weir's own result; -1: it is the terminal's */
	} cases[] = {
		{ NULL, NULL, false, false, DELIVERY_EXPIRED_UNDELIVERED, 0 },
		{ NULL, NULL, true, false, DELIVERY_EXPIRED_AT_TERMINAL, 1 },
		{ "exp", NULL, true, false, DELIVERY_EXPIRED_AT_TERMINAL, 1 },
		{ "bad", NULL, true, false, DELIVERY_FAILED, 1 },
		{ "rx", "st=fail rc=10019", true, false, DELIVERY_FAILED, -1 },
		{ "rx", "st=exp", true, false, DELIVERY_EXPIRED_AT_TERMINAL, -1 },
		{ "rx", "st=done deal=1", true, false, DELIVERY_DONE, -1 },
		{ NULL, NULL, false, true, DELIVERY_REFUSED, 0 }, /* stopped before it went */
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct delivery_stage stage;
		stage_begin(&stage);
		stage.told = DELIVERY_TOLD_KEPT;
		if (cases[i].goes)
			stage_ready(&stage, 0, 10);
		assert_true(stage_take(&stage, 7, stage_open));
		if (cases[i].answer)
			stage_ack(&stage, 0, 7, cases[i].answer);
		if (cases[i].fails)
			deliveries_drop(stage.deliveries, 0, "stopped");
		if (cases[i].result)
			stage_result_of(&stage, 0, 7, cases[i].result);
		else
			stage_pass(&stage, 31000);
		struct deliveries_counts counts = deliveries_counts(stage.deliveries);
		for (int bucket = 0; bucket < DELIVERY_BUCKETS; bucket++)
			assert_int_equal(counts.ended[bucket],
					 (enum delivery_bucket)bucket == cases[i].bucket);
		assert_int_equal(counts.waiting + counts.in_flight, 0);
		if (cases[i].tries >= 0)
			assert_int_equal(stage.put[0].tries, cases[i].tries);
		stage_recorded(&stage, 7);
		assert_int_equal(stage.ends[0].bucket, cases[i].bucket);
		assert_int_equal(delivery_bucket_of(str_of(stage.ends[0].st), stage.ends[0].sent),
				 cases[i].bucket);
		deliveries_archived(stage.deliveries, stage.ends[0].tag);
		assert_int_equal(deliveries_counts(stage.deliveries).ended[cases[i].bucket], 0);
		stage_end(&stage);
	}
	assert_string_equal(delivery_bucket_text(DELIVERY_EXPIRED_UNDELIVERED),
			    "expired_undelivered");
	assert_string_equal(delivery_step_text(DELIVERY_STEP_UNKNOWN), "unk");
}

static void a_long_reason_is_cut_where_a_character_ends(void **state)
{
	(void)state;
	struct delivery_stage stage;
	char line[200] = "st=fail msg=x";
	stage_begin(&stage);
	stage_ready(&stage, 0, 10);
	for (int i = 0; i < 40; i++)
		strcat(line, "\xC3\xA4");
	assert_true(stage_take(&stage, 7, stage_open));
	assert_int_equal(stage_result_of(&stage, 0, 7, line), 7);
	stage_recorded(&stage, 7);
	assert_int_equal(strlen(stage.ends[0].why), 63);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_brokers_own_name_is_sent),
		cmocka_unit_test(a_symbol_that_is_no_longer_known_is_only_asked_about),
		cmocka_unit_test(a_halted_terminal_gets_what_closes_and_nothing_that_opens),
		cmocka_unit_test(a_halt_stops_at_once_what_waits),
		cmocka_unit_test(what_a_halted_terminal_may_have_is_only_asked_about),
		cmocka_unit_test(more_than_a_limit_is_refused_by_its_name),
		cmocka_unit_test(what_waits_and_what_was_sent_counts_against_a_limit),
		cmocka_unit_test(what_waits_is_looked_at_again_when_it_goes),
		cmocka_unit_test(an_order_of_an_earlier_run_holds_its_place),
		cmocka_unit_test(in_trouble_new_ones_are_refused_by_one_word),
		cmocka_unit_test(a_repeated_id_is_let_go_without_a_result),
		cmocka_unit_test(a_repeat_is_one_after_a_restart_too_and_the_first_goes_on),
		cmocka_unit_test(an_end_tells_the_whole_story),
		cmocka_unit_test(an_end_is_told_until_it_is_taken),
		cmocka_unit_test(the_tag_of_what_is_gone_is_nobodys),
		cmocka_unit_test(steps_beyond_the_room_are_left_out_but_the_end),
		cmocka_unit_test(each_end_counts_in_one_bucket),
		cmocka_unit_test(a_long_reason_is_cut_where_a_character_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
