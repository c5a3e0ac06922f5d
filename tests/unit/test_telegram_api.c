/* The shell of Telegram against somebody else's Bot API: the npm package telegram-test-api,
 * which ./deps test installs. It gives updates once and at once, and knows neither pictures nor
 * menus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "telegram_live.h"

static const char script[] = TEST_DATA_DIR "/../e2e/telegram_test_api.js";
static const char package[] =
    TEST_DATA_DIR "/../../third_party/telegram-test-api/node_modules/telegram-test-api";

static int set_up(void **state)
{
	struct live *live = calloc(1, sizeof *live);
	live_spawn(live, (const char *const[]){ "node", script, package, NULL });
	live_open(live);
	*state = live;
	return 0;
}

static int tear_down(void **state)
{
	struct live *live = *state;
	live_close(live);
	live_stop(live);
	free(live);
	return 0;
}

static void person_posts(const struct live *live, const char *path, const char *fields)
{
	char body[1000];
	snprintf(body, sizeof body,
		 "{\"botToken\":\"" LIVE_TOKEN "\",\"from\":{\"id\":5,\"first_name\":\"Ann\"},%s}",
		 fields);
	json_decref(live_post(live, path, body));
}

/* What the bot has said to the chat and was not asked for before. */
static json_t *person_reads(const struct live *live)
{
	json_t *json =
	    live_post(live, "/getUpdates", "{\"token\":\"" LIVE_TOKEN "\",\"chatId\":5}");
	json_t *result = json_incref(json_object_get(json, "result"));
	json_decref(json);
	return result;
}

static const json_t *message_of(const json_t *list, size_t i)
{
	return json_object_get(json_array_get(list, i), "message");
}

static void a_question_is_heard_and_its_answer_read(void **state)
{
	struct live *live = *state;
	live->answers = true;
	person_posts(live, "/sendMessage",
		     "\"date\":1700000000,\"chat\":{\"id\":5,\"type\":\"private\"},"
		     "\"text\":\"/cvd ETH\"");
	live_wait(live, &live->ok_count, 1);
	json_t *list = person_reads(live);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(message_of(list, 0), "text")),
			    "/cvd ETH");
	assert_string_equal(json_string_value(json_object_get(message_of(list, 0), "parse_mode")),
			    "HTML");
	json_decref(list);
	assert_string_equal(live->name, "TestNameBot");
	assert_int_equal(live->told_count, 1);
}

static void a_button_is_shown_pressed_and_edits_its_message(void **state)
{
	struct live *live = *state;
	struct bot_row row = { .buttons = { { STR("Refresh"), STR("q:/cvd") } }, .count = 1 };
	struct bot_out out = { .kind = BOT_OUT_TEXT,
			       .chat_id = 5,
			       .text = STR("first"),
			       .rows = &row,
			       .row_count = 1 };
	live_send(live, out);
	assert_true(live->last_status == STATUS_OK && live->last_message > 0);
	person_posts(live, "/sendCallback",
		     "\"data\":\"q:/cvd\",\"message\":{\"message_id\":1,\"date\":1700000000,"
		     "\"chat\":{\"id\":5,\"type\":\"private\"}}");
	live_wait(live, &live->told_count, 1);
	live_send(live, (struct bot_out){ .kind = BOT_OUT_NOTICE, .button_id = STR("1") });
	assert_int_equal(live->last_status, STATUS_OK);
	out.kind = BOT_OUT_EDIT;
	out.message_id = live->last_message;
	out.text = STR("second");
	live_send(live, out);
	assert_int_equal(live->last_status, STATUS_OK);
	json_t *list = person_reads(live);
	const json_t *message = message_of(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(message, "text")), "second");
	char *markup = json_dumps(json_object_get(message, "reply_markup"), JSON_COMPACT);
	assert_string_equal(markup, "{\"inline_keyboard\":[[{\"text\":\"Refresh\","
				    "\"callback_data\":\"q:/cvd\"}]]}");
	free(markup);
	json_decref(list);
}

static void what_it_does_not_know_harms_nothing(void **state)
{
	struct live *live = *state;
	live_send(live, (struct bot_out){ .kind = BOT_OUT_TYPING, .chat_id = 5 });
	assert_int_not_equal(live->last_status, STATUS_OK);
	live_send(live, (struct bot_out){ .kind = BOT_OUT_TEXT, .chat_id = 5, .text = STR("x") });
	assert_int_equal(live->last_status, STATUS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_is_heard_and_its_answer_read),
		TEST(a_button_is_shown_pressed_and_edits_its_message),
		TEST(what_it_does_not_know_harms_nothing),
	};
	if (access(package, R_OK) != 0 || system("command -v node >/dev/null 2>&1") != 0) {
		printf("telegram-test-api or node is not installed (./deps test): skipped\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
