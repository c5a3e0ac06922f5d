/* The shell of Telegram over real HTTP against the test's own Bot API, which is strict and
 * nasty: every message arrives, no limit is broken, whatever the server does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "telegram_live.h"

static const char server[] = TEST_DATA_DIR "/../e2e/telegram_server.py";

static int set_up(void **state)
{
	struct live *live = calloc(1, sizeof *live);
	live_spawn(live, (const char *const[]){ "python3", server, NULL });
	live_open(live);
	live->answers = true;
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

static void say(const struct live *live, int64_t chat, const char *text)
{
	char body[200];
	snprintf(body, sizeof body, "{\"do\":\"say\",\"chat\":%lld,\"text\":\"%s\"}",
		 (long long)chat, text);
	live_control(live, body);
}

/* Ends with what the server saw; no limit may have been broken. */
static json_t *report(const struct live *live)
{
	json_t *json = live_post(live, "/control", "{\"do\":\"report\"}");
	const json_t *broken = json_object_get(json, "broken");
	for (size_t i = 0; i < json_array_size(broken); i++)
		print_error("%s\n", json_string_value(json_array_get(broken, i)));
	assert_int_equal(json_array_size(broken), 0);
	return json;
}

/* Messages of a chat (0: of all) with this text. */
static size_t count_messages(const json_t *json, int64_t chat, const char *text)
{
	const json_t *messages = json_object_get(json, "messages");
	size_t count = 0;
	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *message = json_array_get(messages, i);
		bool is_his = !chat || json_integer_value(json_object_get(message, "chat")) == chat;
		const char *is = json_string_value(json_object_get(message, "text"));
		count += is_his && (!text || strcmp(is, text) == 0);
	}
	return count;
}

static void everybody_who_asks_is_answered(void **state)
{
	enum { USERS = 120 };
	struct live *live = *state;
	for (int64_t chat = 1; chat <= USERS; chat++)
		say(live, chat, "/cvd ETH");
	live_wait(live, &live->ok_count, USERS);
	json_t *json = report(live);
	for (int64_t chat = 1; chat <= USERS; chat++)
		assert_int_equal(count_messages(json, chat, "/cvd ETH"), 1);
	assert_int_equal(json_integer_value(json_object_get(json, "waiting")), 0);
	assert_string_equal(live->name, "weir_test_bot");
	assert_int_equal(live->state_count, 1);
	json_decref(json);
}

static void a_nasty_server_loses_nothing(void **state)
{
	static const char *const faults[] = {
		"{\"do\":\"fault\",\"kind\":429,\"method\":\"sendMessage\",\"retry_after\":1}",
		"{\"do\":\"fault\",\"kind\":500,\"method\":\"sendMessage\"}",
		"{\"do\":\"fault\",\"kind\":\"truncated\",\"method\":\"sendMessage\"}",
		"{\"do\":\"fault\",\"kind\":\"garbage\",\"method\":\"sendMessage\"}",
		"{\"do\":\"fault\",\"kind\":\"slow\",\"method\":\"sendMessage\",\"seconds\":0.3}",
		"{\"do\":\"fault\",\"kind\":502,\"method\":\"getUpdates\"}",
		"{\"do\":\"fault\",\"kind\":\"garbage\",\"method\":\"getUpdates\"}",
		"{\"do\":\"fault\",\"kind\":\"truncated\",\"method\":\"getUpdates\"}",
		"{\"do\":\"fault\",\"kind\":429,\"method\":\"getUpdates\",\"retry_after\":1}",
		"{\"do\":\"set\",\"shuffles\":true,\"repeats\":true}",
	};
	struct live *live = *state;
	/* Who asks is answered, but for whom a request that failed was thought to be: those
	 * the server took and whose answer it broke are not in its chats. */
	for (int64_t chat = 1; chat <= 20; chat++) {
		say(live, chat, "one");
		if (chat <= (int64_t)(sizeof faults / sizeof *faults))
			live_control(live, faults[chat - 1]);
	}
	live_wait(live, &live->ok_count, 20);
	for (int64_t chat = 21; chat <= 40; chat++)
		say(live, chat, "two");
	live_wait(live, &live->ok_count, 40);
	json_t *json = report(live);
	assert_int_equal(live->told_count, 40);
	for (int64_t chat = 21; chat <= 40; chat++)
		assert_int_equal(count_messages(json, chat, "two"), 1);
	assert_true(count_messages(json, 0, "one") >= 17);
	assert_true(telegram_counts(live->telegram)->retries >= 2);
	json_decref(json);
}

static void a_conflict_is_said_once_and_ends(void **state)
{
	struct live *live = *state;
	live_wait(live, &live->state_count, 1);
	live_control(live, "{\"do\":\"fault\",\"kind\":409,\"method\":\"getUpdates\"}");
	live_wait(live, &live->state_count, 2);
	assert_non_null(strstr(live->why, "409"));
	say(live, 1, "meanwhile");
	live_wait(live, &live->ok_count, 1);
}

/* The smallest there is: 1 x 1. */
static const unsigned char png[] = {
	0x89, 'P',  'N',  'G',  0x0d, 0x0a, 0x1a, 0x0a, 0,    0,    0,    0x0d, 'I', 'H',
	'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,    8,    0,    0,   0,
	0,    0x3a, 0x7e, 0x9b, 0x55, 0,    0,    0,    0x0a, 'I',  'D',  'A',  'T', 0x78,
	0x9c, 0x63, 0,    0,    0,    2,    0,    1,    0x48, 0xaf, 0xa4, 0x71, 0,   0,
	0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82,
};

static void pictures_edits_and_buttons_are_what_the_bot_api_takes(void **state)
{
	struct live *live = *state;
	struct bot_row row = { .buttons = { { STR("Refresh"), STR("q:/cvd") } }, .count = 1 };
	struct bot_out out = { .kind = BOT_OUT_TEXT,
			       .chat_id = 5,
			       .text = STR("<b>a &lt; b</b>"),
			       .rows = &row,
			       .row_count = 1 };
	live_send(live, out);
	assert_int_equal(live->last_status, STATUS_OK);
	out.kind = BOT_OUT_EDIT;
	out.message_id = live->last_message;
	out.text = STR("edited");
	live_send(live, out);
	live_send(live, out); /* changes nothing: fine */
	assert_int_equal(live->last_status, STATUS_OK);
	out.message_id = 4711;
	live_send(live, out);
	assert_int_equal(live->last_status, STATUS_NOT_FOUND);
	out = (struct bot_out){ .kind = BOT_OUT_PHOTO,
				.chat_id = 5,
				.text = STR("<i>caption</i>"),
				.photo = str_make((const char *)png, sizeof png),
				.rows = &row,
				.row_count = 1 };
	live_send(live, out);
	assert_int_equal(live->last_status, STATUS_OK);
	out.kind = BOT_OUT_REPHOTO;
	out.message_id = live->last_message;
	out.text = STR("another");
	live_send(live, out);
	assert_int_equal(live->last_status, STATUS_OK);
	out.kind = BOT_OUT_EDIT;
	out.text = STR("its caption");
	live_send(live, out);
	assert_int_equal(live->last_status, STATUS_OK);
	live_send(live, (struct bot_out){ .kind = BOT_OUT_TYPING, .chat_id = 5 });
	assert_int_equal(live->last_status, STATUS_OK);
	json_t *json = report(live);
	assert_int_equal(count_messages(json, 5, "edited"), 1);
	assert_int_equal(count_messages(json, 5, "its caption"), 1);
	assert_int_equal(count_messages(json, 0, NULL), 2);
	json_decref(json);
}

static void a_press_is_told_and_its_notice_answered(void **state)
{
	struct live *live = *state;
	live_control(live, "{\"do\":\"press\",\"chat\":5,\"message_id\":3,\"data\":\"q:/cvd\"}");
	live_wait(live, &live->told_count, 1);
	char id[32];
	snprintf(id, sizeof id, "%lld", (long long)live->told[0]);
	struct bot_out out = { .kind = BOT_OUT_NOTICE, .button_id = str_of(id), .text = STR("ok") };
	live_send(live, out);
	assert_int_equal(live->last_status, STATUS_OK);
	live_send(live, out); /* too old by now */
	assert_int_equal(live->last_status, STATUS_NOT_FOUND);
}

static void long_texts_arrive_whole_in_order(void **state)
{
	struct live *live = *state;
	static char text[10000];
	struct buf out = buf_over(text, sizeof text);
	buf_str_put(&out, STR("<pre>"));
	for (int i = 0; i < 250; i++)
		buf_printf(&out, "line %03d of a table that is long\n", i);
	buf_str_put(&out, STR("</pre>"));
	live_send(live,
		  (struct bot_out){ .kind = BOT_OUT_TEXT, .chat_id = 5, .text = buf_str(&out) });
	assert_int_equal(live->last_status, STATUS_OK);
	json_t *json = report(live);
	const json_t *messages = json_object_get(json, "messages");
	assert_int_equal(json_array_size(messages), 3);
	for (int i = 0, at = 0; i < 250; i++) {
		char line[64];
		const char *part = json_string_value(
		    json_object_get(json_array_get(messages, (size_t)at), "text"));
		snprintf(line, sizeof line, "line %03d of a table that is long", i);
		if (!strstr(part, line))
			part = json_string_value(
			    json_object_get(json_array_get(messages, (size_t)++at), "text"));
		assert_non_null(strstr(part, line));
	}
	json_decref(json);
}

static void menus_are_taken(void **state)
{
	struct live *live = *state;
	assert_int_equal(telegram_menu(live->telegram, 0, ROLE_READER), STATUS_OK);
	assert_int_equal(telegram_menu(live->telegram, 5, ROLE_ADMIN), STATUS_OK);
	size_t menus = 0;
	while (menus < 2) {
		loop_turn(live->loop, 50000000);
		menus = (size_t)telegram_counts(live->telegram)->menus;
		assert_int_equal(telegram_counts(live->telegram)->menus_dropped, 0);
	}
	json_t *json = report(live);
	const json_t *seen = json_object_get(json, "menus");
	assert_true(json_array_size(json_object_get(seen, "5")) >=
		    json_array_size(json_object_get(seen, "0")));
	json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_who_asks_is_answered),
		TEST(a_nasty_server_loses_nothing),
		TEST(a_conflict_is_said_once_and_ends),
		TEST(pictures_edits_and_buttons_are_what_the_bot_api_takes),
		TEST(a_press_is_told_and_its_notice_answered),
		TEST(long_texts_arrive_whole_in_order),
		TEST(menus_are_taken),
	};
	if (system("command -v python3 >/dev/null 2>&1") != 0) {
		printf("python3 is not installed: the tests against a Bot API are skipped\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
