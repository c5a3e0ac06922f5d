/* Polling in simulated time: nothing is lost, nothing is told twice, trouble is told once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "telegram_stage.h"

static void updates_are_told_and_confirmed_by_the_next_poll(void **state)
{
	struct stage *stage = *state;
	stage_update(stage, 100);
	stage_update(stage, 101);
	stage_open(stage, 0);
	stage_run(stage, SECOND_NS);
	assert_true(stage->told_count == 2 && stage->told[0] == 100 && stage->told[1] == 101);
	assert_int_equal(stage->offset, 102);
	assert_int_equal(stage_calls(stage, "getUpdates"), 2);
	assert_int_equal(stage_last(stage, "getUpdates", 1)->offset, 0);
	assert_int_equal(stage_last(stage, "getUpdates", 0)->offset, 102);
	assert_string_equal(stage->name, "weir_bot");
	assert_true(stage->state_count == 1 && stage->states[0] == TELEGRAM_OK);
	/* One long poll after the other. */
	stage_run(stage, 100 * SECOND_NS);
	assert_in_range(stage_calls(stage, "getUpdates"), 5, 7);
}

static void nothing_is_confirmed_before_it_is_durable(void **state)
{
	struct stage *stage = *state;
	stage->confirms = false;
	stage_update(stage, 100);
	stage_open(stage, 50);
	stage_run(stage, 10 * SECOND_NS);
	for (size_t i = 0; i < stage->call_count; i++)
		if (strcmp(stage->calls[i].method, "getUpdates") == 0)
			assert_int_equal(stage->calls[i].offset, 50);
	/* What is new behind it is heard all the same, and nothing is told twice. */
	assert_in_range(stage_calls(stage, "getUpdates"), 8, 12);
	stage_update(stage, 101);
	stage_run(stage, 2 * SECOND_NS);
	assert_true(stage->told_count == 2 && stage->told[1] == 101);
	assert_true(telegram_counts(stage->telegram)->duplicates > 5);
	telegram_confirm(stage->telegram, 101);
	stage_run(stage, 2 * SECOND_NS);
	assert_int_equal(stage_last(stage, "getUpdates", 0)->offset, 101);
	telegram_confirm(stage->telegram, 102);
	stage_run(stage, 2 * SECOND_NS);
	assert_int_equal(stage_last(stage, "getUpdates", 0)->offset, 102);
	assert_int_equal(stage->told_count, 2);
}

static void a_confirmation_ends_the_wait(void **state)
{
	struct stage *stage = *state;
	stage->confirms = false;
	stage_update(stage, 100);
	stage_open(stage, 0);
	stage_run(stage, SECOND_NS / 10);
	assert_int_equal(stage_calls(stage, "getUpdates"), 1);
	telegram_confirm(stage->telegram, 500); /* nobody has told it that */
	stage_run(stage, SECOND_NS / 10);
	assert_int_equal(stage_calls(stage, "getUpdates"), 1);
	telegram_confirm(stage->telegram, 101);
	stage_run(stage, SECOND_NS / 10);
	assert_int_equal(stage_last(stage, "getUpdates", 0)->offset, 101);
}

/* Killed between any two steps and begun again with what was durable: every update was told at
 * least once, and twice only those that were not durable. */
static void a_kill_at_any_moment_loses_no_update(void **state)
{
	struct stage *stage = *state;
	for (int64_t id = 1; id <= 200; id++)
		stage_update(stage, id);
	int64_t durable = 0;
	stage->confirms = false;
	struct rng rng;
	rng_init(&rng, 3);
	for (int life = 0; life < 40; life++) {
		stage_open(stage, durable);
		stage->offset = durable;
		for (uint64_t steps = rng_below(&rng, 40); steps > 0; steps--) {
			stage_run(stage, (int64_t)rng_below(&rng, 50000000));
			if (rng_below(&rng, 3) == 0 && stage->offset > durable) {
				durable = stage->offset;
				telegram_confirm(stage->telegram, durable);
			}
		}
		for (size_t i = 0; i < stage->call_count; i++)
			assert_true(stage->calls[i].offset <= durable);
		telegram_close(stage->telegram);
		fake_http_abandon(stage->http);
	}
	int64_t highest = 0;
	for (size_t i = 0; i < stage->told_count; i++) {
		assert_true(stage->told[i] <= highest + 1);
		highest = stage->told[i] > highest ? stage->told[i] : highest;
	}
	assert_true(durable > 100 && highest >= durable - 1);
	stage->telegram = NULL;
}

static void what_comes_again_or_in_disorder_is_told_once(void **state)
{
	struct stage *stage = *state;
	stage->repeats = true;
	stage_update(stage, 12);
	stage_update(stage, 10);
	stage_update(stage, 11);
	stage_update(stage, 12);
	stage_open(stage, 11);
	stage_run(stage, 10 * SECOND_NS);
	assert_true(stage->told_count == 2 && stage->told[0] == 11 && stage->told[1] == 12);
	assert_int_equal(stage->offset, 13);
	/* A server that repeats itself is not asked without pause. */
	assert_in_range(stage_calls(stage, "getUpdates"), 5, 13);
}

static void ids_that_begin_anew_are_followed(void **state)
{
	struct stage *stage = *state;
	stage_update(stage, 7);
	stage_update(stage, 8);
	stage_open(stage, 900000000);
	stage_run(stage, SECOND_NS);
	assert_true(stage->told_count == 2 && stage->told[0] == 7);
	assert_int_equal(stage->offset, 9);
	assert_int_equal(stage_last(stage, "getUpdates", 0)->offset, 9);
}

static void an_update_that_cannot_be_read_is_skipped_alone(void **state)
{
	struct stage *stage = *state;
	stage_update(stage, 20);
	stage_update(stage, 21);
	/* Of 100, of 10, and alone: three times. */
	stage_fault(stage, (struct stage_fault){ .method = "getUpdates",
						 .count = 5,
						 .body = "{\"ok\":true,\"result\":[{"
							 "\"update_id\":19,\"message\":\"\xFF\"" });
	stage_open(stage, 19);
	stage_run(stage, 60 * SECOND_NS);
	assert_true(stage->told_count == 2 && stage->told[0] == 20 && stage->told[1] == 21);
	assert_int_equal(stage->calls[0].limit + stage->calls[1].limit, 100); /* and getMe */
	assert_int_equal(telegram_counts(stage->telegram)->malformed, 1);
	assert_int_equal(telegram_counts(stage->telegram)->failures, 5);
	assert_int_equal(stage->states[stage->state_count - 1], TELEGRAM_OK);
}

static void nonsense_is_asked_for_again_and_does_not_skip(void **state)
{
	struct stage *stage = *state;
	stage_update(stage, 20);
	stage_fault(stage, (struct stage_fault){
			       .method = "getUpdates", .count = 9, .body = "<html>oops" });
	stage_open(stage, 19);
	stage_run(stage, 600 * SECOND_NS);
	assert_true(stage->told_count == 1 && stage->told[0] == 20);
	assert_int_equal(telegram_counts(stage->telegram)->malformed, 0);
}

static void a_conflict_is_one_line_and_polls_go_on(void **state)
{
	struct stage *stage = *state;
	stage_open(stage, 0);
	stage_run(stage, SECOND_NS);
	stage_fault(stage, (struct stage_fault){ "getUpdates", .count = 6, .code = 409 });
	stage_run(stage, 300 * SECOND_NS);
	assert_int_equal(telegram_counts(stage->telegram)->conflicts, 6);
	assert_true(stage->state_count == 3 && stage->states[1] == TELEGRAM_CONFLICT &&
		    stage->states[2] == TELEGRAM_OK);
	/* Messages go out meanwhile. */
	stage_fault(stage, (struct stage_fault){ "getUpdates", .count = 6, .code = 409 });
	stage_run(stage, 30 * SECOND_NS);
	assert_int_equal(stage_send(stage, 1, "x", 3), STATUS_OK);
	stage_run(stage, SECOND_NS);
	assert_true(stage->end_count == 1 && stage->ends[0].status == STATUS_OK);
	assert_int_equal(stage->states[stage->state_count - 1], TELEGRAM_CONFLICT);
}

static void a_revoked_token_is_one_line_and_asked_for_slowly(void **state)
{
	struct stage *stage = *state;
	stage_fault(stage, (struct stage_fault){ .count = 1000, .code = 401 });
	stage_open(stage, 0);
	assert_int_equal(stage_send(stage, 1, "x", 3), STATUS_OK);
	stage_run(stage, 1800 * SECOND_NS);
	assert_true(stage->state_count == 1 && stage->states[0] == TELEGRAM_TOKEN);
	assert_non_null(strstr(stage->why, "401"));
	assert_in_range(stage->call_count, 4, 24);
	assert_in_range(stage_calls(stage, "sendMessage"), 0, 1);
	/* Given anew, everything goes on by itself. */
	stage->faults[0].count = 0;
	stage_run(stage, 601 * SECOND_NS);
	assert_int_equal(stage->states[stage->state_count - 1], TELEGRAM_OK);
	assert_string_equal(stage->name, "weir_bot");
	assert_int_equal(stage_send(stage, 1, "y", 4), STATUS_OK);
	stage_run(stage, 10 * SECOND_NS);
	assert_int_equal(stage->ends[stage->end_count - 1].status, STATUS_OK);
}

static void an_outage_is_one_line_and_backs_off(void **state)
{
	struct stage *stage = *state;
	stage_open(stage, 0);
	stage_run(stage, SECOND_NS);
	size_t before = stage->call_count;
	fake_http_refuse(stage->http, true);
	stage_run(stage, 900 * SECOND_NS);
	assert_int_equal(stage->call_count, before);
	assert_true(stage->state_count == 2 && stage->states[1] == TELEGRAM_AWAY);
	assert_in_range(telegram_counts(stage->telegram)->failures, 15, 40);
	fake_http_refuse(stage->http, false);
	stage_update(stage, 5);
	stage_run(stage, 61 * SECOND_NS);
	assert_true(stage->told_count == 1 && stage->states[2] == TELEGRAM_OK);
	/* A single failure is no outage. */
	stage_fault(stage, (struct stage_fault){ "getUpdates", .count = 1, .code = 502 });
	stage_run(stage, 60 * SECOND_NS);
	assert_int_equal(stage->state_count, 3);
}

static void a_poll_told_to_wait_waits(void **state)
{
	struct stage *stage = *state;
	stage_fault(stage,
		    (struct stage_fault){ "getUpdates", .count = 1, .code = 429, .retry_s = 30 });
	stage_open(stage, 0);
	stage_run(stage, 29 * SECOND_NS);
	assert_int_equal(stage_calls(stage, "getUpdates"), 1);
	stage_run(stage, 23 * SECOND_NS / 10);
	assert_int_equal(stage_calls(stage, "getUpdates"), 2);
}

static void what_is_no_url_or_token_is_refused_without_repeating_it(void **state)
{
	struct stage *stage = *state;
	static const char *const urls[] = { "", "ftp://x", "https://", "https://a b",
					    "https://a?b" };
	struct telegram_config config = {
		.http = fake_http_client(stage->http),
		.timers = stage->timers,
		.clock = &stage->clock,
		.token = STR(STAGE_TOKEN),
		.hooks = { stage, stage_on_update, stage_on_offset, stage_on_end, stage_on_name,
			   stage_on_state },
	};
	struct err err;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		config.api_url = str_of(urls[i]);
		assert_int_equal(telegram_open(&config, &stage->telegram, &err), STATUS_INVALID);
	}
	config.api_url = STR("https://telegram.test");
	static const char *const tokens[] = { "", "42:secret/x", "42:secret\n", "42 secret" };
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		config.token = str_of(tokens[i]);
		assert_int_equal(telegram_open(&config, &stage->telegram, &err), STATUS_INVALID);
		assert_null(strstr(err.text, "secret"));
	}
	telegram_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(updates_are_told_and_confirmed_by_the_next_poll),
		TEST(nothing_is_confirmed_before_it_is_durable),
		TEST(a_confirmation_ends_the_wait),
		TEST(a_kill_at_any_moment_loses_no_update),
		TEST(what_comes_again_or_in_disorder_is_told_once),
		TEST(ids_that_begin_anew_are_followed),
		TEST(an_update_that_cannot_be_read_is_skipped_alone),
		TEST(nonsense_is_asked_for_again_and_does_not_skip),
		TEST(a_conflict_is_one_line_and_polls_go_on),
		TEST(a_revoked_token_is_one_line_and_asked_for_slowly),
		TEST(an_outage_is_one_line_and_backs_off),
		TEST(a_poll_told_to_wait_waits),
		TEST(what_is_no_url_or_token_is_refused_without_repeating_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
