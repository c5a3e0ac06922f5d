/* Sending through the shell in simulated time: what goes out, how it ends, what an outage
 * costs; menus; and that the token is nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "telegram_stage.h"

static void begin(struct stage *stage)
{
	stage_open(stage, 0);
	stage_run(stage, SECOND_NS);
	assert_int_equal(telegram_view(stage->telegram).state, TELEGRAM_OK);
}

static void begin_anew(struct stage *stage)
{
	stage_open(stage, 0);
	stage_run(stage, SECOND_NS);
	assert_int_equal(telegram_view(stage->telegram).state, TELEGRAM_CONFLICT);
}

static void sends(struct stage *stage, int64_t chat, const char *text, uint64_t tag)
{
	assert_int_equal(stage_send(stage, chat, text, tag), STATUS_OK);
}

static void a_message_ends_with_its_id_and_never_inside_the_call(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	sends(stage, 1, "one", 7);
	sends(stage, 2, "two", 0);
	assert_int_equal(stage->end_count, 0);
	stage_run(stage, SECOND_NS);
	assert_int_equal(stage->end_count, 1);
	assert_true(stage->ends[0].tag == 7 && stage->ends[0].status == STATUS_OK);
	assert_true(stage->ends[0].message_id > 0);
	assert_int_equal(telegram_counts(stage->telegram)->sent, 2);
	assert_int_equal(telegram_view(stage->telegram).bytes, 0);
}

static void a_thousand_chats_are_answered_within_the_limit(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	for (int64_t chat = 1; chat <= 1000; chat++)
		sends(stage, chat, "answer", 0);
	int64_t begun_ns = stage->now_ns;
	stage_run(stage, 36 * SECOND_NS);
	assert_int_equal(telegram_counts(stage->telegram)->sent, 1000);
	for (size_t i = 30; i < stage->call_count; i++)
		assert_true(strcmp(stage->calls[i].method, "sendMessage") != 0 ||
			    strcmp(stage->calls[i - 30].method, "sendMessage") != 0 ||
			    stage->calls[i].at_ns - stage->calls[i - 30].at_ns >= SECOND_NS);
	assert_true(stage_last(stage, "sendMessage", 0)->at_ns - begun_ns < 35 * SECOND_NS);
}

static void answer_it(struct stage *stage, const struct bot_update *update)
{
	sends(stage, update->chat_id, "answer", (uint64_t)update->update_id);
}

static void answers_of_updates_may_be_sent_from_the_hook(void **state)
{
	struct stage *stage = *state;
	stage->on_update = answer_it;
	stage_update(stage, 50);
	stage_open(stage, 0);
	stage_run(stage, 2 * SECOND_NS);
	assert_true(stage->end_count == 1 && stage->ends[0].tag == 50);
}

static void limits_told_by_telegram_are_obeyed(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	stage_fault(stage,
		    (struct stage_fault){ "sendMessage", .count = 1, .code = 429, .retry_s = 30 });
	sends(stage, 1, "limited", 1);
	stage_run(stage, SECOND_NS);
	sends(stage, 2, "free", 2);
	stage_run(stage, 28 * SECOND_NS);
	assert_true(stage->end_count == 1 && stage->ends[0].tag == 2);
	stage_run(stage, 4 * SECOND_NS);
	assert_true(stage->end_count == 2 && stage->ends[1].tag == 1);
	assert_int_equal(stage_calls(stage, "sendMessage"), 3);
	assert_int_equal(telegram_counts(stage->telegram)->limited, 1);
	assert_int_equal(stage->state_count, 1);
}

static void a_message_that_fails_is_tried_again_and_then_given_up(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	stage_fault(stage, (struct stage_fault){ "sendMessage", .count = 2, .code = 500 });
	sends(stage, 1, "x", 1);
	stage_run(stage, 10 * SECOND_NS);
	assert_true(stage->end_count == 1 && stage->ends[0].status == STATUS_OK);
	assert_int_equal(stage_calls(stage, "sendMessage"), 3);
	assert_int_equal(stage->state_count, 1);
	stage_fault(stage, (struct stage_fault){ "sendMessage", .count = 5, .body = "[" });
	sends(stage, 1, "y", 2);
	stage_run(stage, 300 * SECOND_NS);
	assert_true(stage->end_count == 2 && stage->ends[1].status == STATUS_UNAVAILABLE);
	assert_int_equal(stage_calls(stage, "sendMessage"), 8);
	assert_int_equal(telegram_counts(stage->telegram)->ended[TELEGRAM_END_GIVEN_UP], 1);
}

static void an_outage_uses_up_no_alerts_and_all_go_out_behind_it(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	fake_http_refuse(stage->http, true);
	for (int64_t chat = 1; chat <= 50; chat++) {
		struct bot_out out = { .kind = BOT_OUT_TEXT,
				       .chat_id = chat,
				       .alert = true,
				       .text = STR("alert"),
				       .tag = (uint64_t)chat };
		assert_int_equal(telegram_send(stage->telegram, &out), STATUS_OK);
	}
	sends(stage, 60, "answer", 60);
	stage_run(stage, 3600 * SECOND_NS);
	assert_true(stage->end_count == 1 && stage->ends[0].tag == 60 &&
		    stage->ends[0].status == STATUS_TIMEOUT);
	assert_int_equal(telegram_view(stage->telegram).state, TELEGRAM_AWAY);
	assert_int_equal(telegram_view(stage->telegram).waiting, 50);
	fake_http_refuse(stage->http, false);
	stage_run(stage, 70 * SECOND_NS);
	assert_int_equal(stage->end_count, 51);
	for (size_t i = 1; i < 51; i++)
		assert_int_equal(stage->ends[i].status, STATUS_OK);
	assert_int_equal(stage_calls(stage, "sendMessage"), 50);
	assert_int_equal(stage->states[stage->state_count - 1], TELEGRAM_OK);
}

static void a_server_that_only_refuses_messages_is_told_and_found_again(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	stage_fault(stage, (struct stage_fault){ "sendMessage", .count = 12, .code = 502 });
	for (int64_t chat = 1; chat <= 6; chat++)
		sends(stage, chat, "x", (uint64_t)chat);
	stage_run(stage, SECOND_NS / 2);
	assert_int_equal(telegram_view(stage->telegram).state, TELEGRAM_AWAY);
	assert_non_null(strstr(telegram_view(stage->telegram).why, "messages are not taken"));
	stage_run(stage, 120 * SECOND_NS);
	assert_int_equal(stage->end_count, 6);
	assert_int_equal(telegram_view(stage->telegram).state, TELEGRAM_OK);
	assert_in_range(stage_calls(stage, "getMe"), 2, 8);
}

static void the_queue_is_bounded_and_says_so(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	fake_http_refuse(stage->http, true);
	size_t taken = 0;
	while (stage_send(stage, 1 + (int64_t)(taken % 100), "x", taken + 1) == STATUS_OK)
		taken++;
	assert_int_equal(taken, 4096);
	struct bot_out out = {
		.kind = BOT_OUT_TEXT, .chat_id = 9, .alert = true, .text = STR("a"), .tag = 9999
	};
	assert_int_equal(telegram_send(stage->telegram, &out), STATUS_OK);
	assert_int_equal(stage->end_count, 0);
	stage_run(stage, SECOND_NS / 100);
	assert_true(stage->end_count == 1 && stage->ends[0].tag == 1 &&
		    stage->ends[0].status == STATUS_FULL);
	assert_int_equal(telegram_counts(stage->telegram)->full, 1);
	assert_int_equal(telegram_counts(stage->telegram)->ended[TELEGRAM_END_DISPLACED], 1);
}

static void pictures_go_as_forms_and_notices_at_once(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	struct bot_out out = {
		.kind = BOT_OUT_PHOTO, .chat_id = 1, .text = STR("c"), .photo = STR("PNG"), .tag = 1
	};
	assert_int_equal(telegram_send(stage->telegram, &out), STATUS_OK);
	out = (struct bot_out){ .kind = BOT_OUT_NOTICE, .button_id = STR("5"), .tag = 2 };
	assert_int_equal(telegram_send(stage->telegram, &out), STATUS_OK);
	out = (struct bot_out){ .kind = BOT_OUT_TYPING, .chat_id = 1, .tag = 3 };
	assert_int_equal(telegram_send(stage->telegram, &out), STATUS_OK);
	stage_run(stage, SECOND_NS);
	assert_int_equal(stage->end_count, 3);
	assert_int_equal(stage_calls(stage, "sendPhoto"), 1);
	assert_int_equal(stage_calls(stage, "answerCallbackQuery"), 1);
	assert_int_equal(stage_calls(stage, "sendChatAction"), 1);
}

static void menus_are_sent_one_after_the_other(void **state)
{
	struct stage *stage = *state;
	begin(stage);
	stage_fault(stage, (struct stage_fault){ "setMyCommands", .count = 1, .code = 502 });
	stage_fault(stage, (struct stage_fault){ "deleteMyCommands", .count = 9, .code = 400 });
	assert_int_equal(telegram_menu(stage->telegram, 0, ROLE_READER), STATUS_OK);
	assert_int_equal(telegram_menu(stage->telegram, 5, ROLE_ADMIN), STATUS_OK);
	assert_int_equal(telegram_menu(stage->telegram, 6, ROLE_NONE), STATUS_OK);
	stage_run(stage, 10 * SECOND_NS);
	assert_int_equal(stage_calls(stage, "setMyCommands"), 3);
	assert_int_equal(stage_calls(stage, "deleteMyCommands"), 1);
	assert_int_equal(telegram_counts(stage->telegram)->menus, 2);
	assert_int_equal(telegram_counts(stage->telegram)->menus_dropped, 1);
	for (int i = 0; i < TELEGRAM_MENUS; i++)
		assert_int_equal(telegram_menu(stage->telegram, i, ROLE_READER), STATUS_OK);
	assert_int_equal(telegram_menu(stage->telegram, 99, ROLE_READER), STATUS_FULL);
}

static void closing_is_silent_at_any_moment(void **state)
{
	struct stage *stage = *state;
	for (int i = 0; i < 60; i++) {
		stage_open(stage, 0);
		for (int64_t chat = 1; chat <= 20; chat++)
			sends(stage, chat, "x", 1);
		stage_run(stage, i * SECOND_NS / 100);
		size_t ends = stage->end_count;
		telegram_close(stage->telegram);
		stage->telegram = NULL;
		stage_run(stage, 30 * SECOND_NS);
		assert_int_equal(stage->end_count, ends);
		stage->end_count = stage->state_count = 0;
		stage->call_count = 0;
	}
}

/* The server, and whoever carries the request, say it in every text they give. */
static enum status parrot_request(struct http_client *client, const struct http_request *request,
				  http_answer_fn fn, void *ctx);
static void parrot_cancel(struct http_client *client, void *ctx)
{
	(void)client;
	(void)ctx;
}

static struct parrot {
	struct http_client client;
	struct {
		http_answer_fn fn;
		void *ctx;
	} asked[TELEGRAM_REQUESTS];
	size_t count;
} parrot;

static enum status parrot_request(struct http_client *client, const struct http_request *request,
				  http_answer_fn fn, void *ctx)
{
	(void)client;
	assert_true(request->deadline_ns > 0);
	parrot.asked[parrot.count].fn = fn;
	parrot.asked[parrot.count++].ctx = ctx;
	return STATUS_OK;
}

static void the_token_is_in_no_text(void **state)
{
	struct stage *stage = *state;
	static const struct http_ops ops = { parrot_request, parrot_cancel };
	parrot.client.ops = &ops;
	struct telegram_config config = {
		.http = &parrot.client,
		.timers = stage->timers,
		.clock = &stage->clock,
		.api_url = STR("https://telegram.test"),
		.token = STR(STAGE_TOKEN),
		.hooks = { stage, stage_on_update, stage_on_offset, stage_on_end, stage_on_name,
			   stage_on_state },
	};
	assert_int_equal(telegram_open(&config, &stage->telegram, NULL), STATUS_OK);
	for (int round = 0; round < 4; round++) {
		stage_run(stage, 70 * SECOND_NS);
		size_t count = parrot.count;
		parrot.count = 0;
		for (size_t i = 0; i < count; i++)
			parrot.asked[i].fn(parrot.asked[i].ctx, STATUS_CLOSED, NULL,
					   "could not fetch https://telegram.test/bot" STAGE_TOKEN
					   "/getMe or a-token-of-the-tests-alone");
	}
	/* stage_on_state looks for it, too. */
	assert_non_null(strstr(stage->why, "https://telegram.test/bot***/getMe or ***"));
	assert_null(strstr(telegram_view(stage->telegram).why, "tests-alone"));
	telegram_close(stage->telegram);
	stage->telegram = NULL;
}

/* Words of the other side are cut: half a token is none of them either. */
static void nor_is_a_piece_of_it_where_a_text_is_cut(void **state)
{
	struct stage *stage = *state;
	char body[400];
	for (int pad = 90; pad < 160; pad++) {
		snprintf(body, sizeof body,
			 "{\"ok\":false,\"error_code\":409,\"description\":\"%0*d%s and on\"}", pad,
			 0, STAGE_TOKEN);
		stage_fault(stage,
			    (struct stage_fault){
				.method = "getUpdates", .count = 1, .code = 409, .body = body });
		stage->state_count = 0;
		begin_anew(stage);
		assert_non_null(strstr(stage->why, "409: 00000"));
		for (const char *at = stage->why; (at = strstr(at, "42:a")); at++)
			fail_msg("%d: %s", pad, stage->why);
		telegram_close(stage->telegram);
		stage->telegram = NULL;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_ends_with_its_id_and_never_inside_the_call),
		TEST(a_thousand_chats_are_answered_within_the_limit),
		TEST(answers_of_updates_may_be_sent_from_the_hook),
		TEST(limits_told_by_telegram_are_obeyed),
		TEST(a_message_that_fails_is_tried_again_and_then_given_up),
		TEST(an_outage_uses_up_no_alerts_and_all_go_out_behind_it),
		TEST(a_server_that_only_refuses_messages_is_told_and_found_again),
		TEST(the_queue_is_bounded_and_says_so),
		TEST(pictures_go_as_forms_and_notices_at_once),
		TEST(menus_are_sent_one_after_the_other),
		TEST(closing_is_silent_at_any_moment),
		TEST(the_token_is_in_no_text),
		TEST(nor_is_a_piece_of_it_where_a_text_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
