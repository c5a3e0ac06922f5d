/* The Bot API's JSON: updates, answers, requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "def/questions.h"
#include "telegram/request.h"
#include "telegram/updates.h"

/* ---- updates ---- */

static struct updates updates;

static void read(const char *result)
{
	static char body[64 << 10];
	int len = snprintf(body, sizeof body, "{\"ok\":true,\"result\":[%s]}", result);
	assert_in_range(len, 1, (int)sizeof body - 1);
	assert_int_equal(updates_init(&updates, str_make(body, (size_t)len)), STATUS_OK);
}

/* The only update, which is told. */
static const struct bot_update *told(const char *update)
{
	char text[8 << 10];
	snprintf(text, sizeof text, "{\"update_id\":7,%s}", update);
	read(text);
	assert_int_equal(updates.count, 1);
	assert_int_equal(updates.rows[0].kind, UPDATES_TOLD);
	assert_int_equal(updates.rows[0].update.update_id, 7);
	return &updates.rows[0].update;
}

static void is_kind(const char *update, enum updates_kind kind)
{
	char text[8 << 10];
	snprintf(text, sizeof text, "{\"update_id\":7,%s}", update);
	read(text);
	assert_int_equal(updates.count, 1);
	assert_int_equal(updates.rows[0].kind, kind);
	updates_deinit(&updates);
}

static void a_message_of_a_private_chat_is_told(void **state)
{
	(void)state;
	const struct bot_update *update =
	    told("\"message\":{\"message_id\":3,\"date\":1700000000,"
		 "\"from\":{\"id\":5000000001,\"is_bot\":false,\"first_name\":\"Ann\","
		 "\"last_name\":\"L\\u00e9\",\"username\":\"ann\"},"
		 "\"chat\":{\"id\":5000000001,\"type\":\"private\"},\"text\":\"/cvd \\u20ac\"}");
	assert_int_equal(update->kind, BOT_UPDATE_MESSAGE);
	assert_true(update->chat_id == 5000000001 && update->user_id == 5000000001);
	assert_true(update->message_id == 3 && update->date_s == 1700000000);
	assert_true(str_eq(update->text, STR("/cvd \xE2\x82\xAC")));
	assert_true(str_eq(update->name, STR("Ann L\xC3\xA9 @ann")));
	assert_false(update->group || update->edited || update->forwarded || update->from_bot);
	assert_int_equal(update->thread_id, 0);
	updates_deinit(&updates);
}

static void a_message_of_a_topic_says_which(void **state)
{
	(void)state;
	const struct bot_update *update =
	    told("\"message\":{\"message_id\":3,\"date\":1,\"from\":{\"id\":5},"
		 "\"chat\":{\"id\":-1001,\"type\":\"supergroup\"},\"message_thread_id\":9,"
		 "\"is_topic_message\":true,\"text\":\"x\"}");
	assert_true(update->group && update->thread_id == 9 && update->chat_id == -1001);
	updates_deinit(&updates);
	/* A thread of replies is no topic. */
	update = told("\"message\":{\"message_id\":3,\"date\":1,\"from\":{\"id\":5},"
		      "\"chat\":{\"id\":-1001,\"type\":\"group\"},\"message_thread_id\":9,"
		      "\"text\":\"x\"}");
	assert_true(update->group && update->thread_id == 0);
	updates_deinit(&updates);
}

#define FROM_AND_CHAT                                                                              \
	"\"message_id\":3,\"date\":1,\"from\":{\"id\":5},\"chat\":{\"id\":5,\"type\":\"private\"}"

static void what_is_edited_forwarded_or_a_bots_says_so(void **state)
{
	(void)state;
	assert_true(told("\"edited_message\":{" FROM_AND_CHAT ",\"text\":\"x\"}")->edited);
	updates_deinit(&updates);
	assert_true(told("\"message\":{" FROM_AND_CHAT
			 ",\"text\":\"x\",\"forward_origin\":{\"type\":\"user\"}}")
			->forwarded);
	updates_deinit(&updates);
	assert_true(
	    told("\"message\":{" FROM_AND_CHAT ",\"text\":\"x\",\"forward_date\":1}")->forwarded);
	updates_deinit(&updates);
	assert_true(told("\"message\":{\"message_id\":3,\"date\":1,\"from\":{\"id\":5,"
			 "\"is_bot\":true},\"chat\":{\"id\":5,\"type\":\"private\"},"
			 "\"text\":\"x\"}")
			->from_bot);
	updates_deinit(&updates);
}

static void a_button_brings_its_data_and_where_it_stands(void **state)
{
	(void)state;
	const struct bot_update *update =
	    told("\"callback_query\":{\"id\":\"99\",\"from\":{\"id\":5,\"first_name\":\"A\"},"
		 "\"message\":{\"message_id\":8,\"date\":2,\"chat\":{\"id\":-7,"
		 "\"type\":\"group\"},\"photo\":[{}]},\"data\":\"q:/cvd\"}");
	assert_int_equal(update->kind, BOT_UPDATE_BUTTON);
	assert_true(str_eq(update->button_id, STR("99")) && str_eq(update->text, STR("q:/cvd")));
	assert_true(update->message_id == 8 && update->chat_id == -7 && update->user_id == 5);
	assert_true(update->group && update->has_photo);
	updates_deinit(&updates);
}

static void other_kinds_and_malformed_ones_are_told_apart(void **state)
{
	(void)state;
	is_kind("\"channel_post\":{}", UPDATES_OTHER);
	is_kind("\"my_chat_member\":{\"chat\":{\"id\":1}}", UPDATES_OTHER);
	is_kind("\"message\":{" FROM_AND_CHAT ",\"photo\":[{}]}", UPDATES_OTHER);
	is_kind("\"message\":{\"message_id\":3,\"date\":1,\"from\":{\"id\":5},"
		"\"chat\":{\"id\":5,\"type\":\"channel\"},\"text\":\"x\"}",
		UPDATES_OTHER);
	is_kind("\"callback_query\":{\"id\":\"9\",\"from\":{\"id\":5},\"data\":\"x\"}",
		UPDATES_OTHER);
	is_kind("\"callback_query\":{\"id\":\"9\",\"from\":{\"id\":5},\"message\":{}}",
		UPDATES_OTHER);
	is_kind("\"message\":{}", UPDATES_MALFORMED);
	is_kind("\"message\":7", UPDATES_MALFORMED);
	is_kind("\"message\":{\"message_id\":3,\"date\":1,\"from\":{\"id\":\"5\"},"
		"\"chat\":{\"id\":5,\"type\":\"private\"},\"text\":\"x\"}",
		UPDATES_MALFORMED);
	is_kind("\"message\":{\"message_id\":3,\"date\":1,\"from\":{\"id\":5},"
		"\"chat\":{\"id\":1.5,\"type\":\"private\"},\"text\":\"x\"}",
		UPDATES_MALFORMED);
	is_kind("\"message\":{\"date\":1,\"from\":{\"id\":5},"
		"\"chat\":{\"id\":1,\"type\":\"private\"},\"text\":\"x\"}",
		UPDATES_MALFORMED);
	is_kind("\"callback_query\":{\"from\":{\"id\":5},\"message\":{},\"data\":\"x\"}",
		UPDATES_MALFORMED);
}

static void updates_come_by_id_and_those_without_are_counted(void **state)
{
	(void)state;
	read("{\"update_id\":9},{\"update_id\":3},{\"x\":1},{\"update_id\":-1},"
	     "{\"update_id\":5},17,{\"update_id\":9223372036854775807}");
	assert_int_equal(updates.count, 3);
	assert_int_equal(updates.nameless, 4);
	assert_true(updates.rows[0].id == 3 && updates.rows[1].id == 5 && updates.rows[2].id == 9);
	updates_deinit(&updates);
}

static void an_answer_that_is_none_says_why(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		enum status status;
	} cases[] = {
		{ "", STATUS_FORMAT },
		{ "{\"ok\":true,\"result\":[", STATUS_FORMAT },
		{ "<html>", STATUS_FORMAT },
		{ "{\"ok\":true,\"result\":[\"\xFF\"]}", STATUS_FORMAT },
		{ "{\"ok\":false,\"description\":\"x\"}", STATUS_INVALID },
		{ "{\"ok\":true,\"result\":{}}", STATUS_INVALID },
		{ "[]", STATUS_INVALID },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(updates_init(&updates, str_of(cases[i].body)), cases[i].status);
	char many[4 << 10] = "{\"ok\":true,\"result\":[1";
	for (int i = 0; i < UPDATES_MAX; i++)
		strcat(many, ",1");
	strcat(many, "]}");
	assert_int_equal(updates_init(&updates, str_of(many)), STATUS_FORMAT);
}

static void deep_nesting_and_long_names_do_no_harm(void **state)
{
	(void)state;
	enum { DEEP = 100000 };
	char *deep = malloc(DEEP);
	memset(deep, '[', DEEP);
	assert_int_equal(updates_init(&updates, str_make(deep, DEEP)), STATUS_FORMAT);
	free(deep);
	const struct bot_update *update =
	    told("\"message\":{\"message_id\":3,\"date\":1,\"chat\":{\"id\":5},"
		 "\"from\":{\"id\":5,\"first_name\":\"a\\u0000\\n\\u20ac\\u20ac\\u20ac\\u20ac"
		 "\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac"
		 "\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac"
		 "\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\\u20ac\"},"
		 "\"text\":\"a\\u0000b\"}");
	assert_true(str_starts(update->name, STR("a  \xE2\x82\xAC")));
	assert_in_range(update->name.len, 90, UPDATES_NAME_BYTES - 1);
	assert_int_equal((update->name.len - 3) % 3, 0);
	assert_int_equal(update->text.len, 3);
	updates_deinit(&updates);
}

static void the_id_of_an_unreadable_update_is_found(void **state)
{
	(void)state;
	assert_int_equal(updates_find_id(STR("{\"result\":[{\"update_id\": 41,\"x\":\xFF")), 41);
	assert_int_equal(updates_find_id(STR("\"update_id\":41,\"update_id\":43")), 43);
	assert_int_equal(updates_find_id(STR("\"text\":\"\\\"update_id\\\":99\"")), 0);
	assert_int_equal(updates_find_id(STR("\"update_id\":")), 0);
	assert_int_equal(updates_find_id(STR("\"update_id\":99999999999999999999")), 0);
}

/* ---- answers ---- */

static void answers_mean_what_their_code_or_their_words_say(void **state)
{
	(void)state;
	static const struct {
		int code;
		const char *description;
		enum verdict verdict;
	} cases[] = {
		{ 400, "Bad Request: message is not modified: specified new", VERDICT_SAME },
		{ 400, "Bad Request: can't parse entities: Unsupported", VERDICT_PLAIN },
		{ 400, "Bad Request: there is no text in the message to edit", VERDICT_CAPTION },
		{ 400, "Bad Request: message to edit not found", VERDICT_GONE },
		{ 400, "Bad Request: MESSAGE THREAD NOT FOUND", VERDICT_GONE },
		{ 400, "Bad Request: query is too old and response timeout", VERDICT_GONE },
		{ 400, "Bad Request: chat not found", VERDICT_BLOCKED },
		{ 400, "Bad Request: not enough rights to send text messages", VERDICT_BLOCKED },
		{ 400, "Bad Request: message is too long", VERDICT_INVALID },
		{ 403, "Forbidden: bot was blocked by the user", VERDICT_BLOCKED },
		{ 401, "Unauthorized", VERDICT_TOKEN },
		{ 404, "Not Found", VERDICT_TOKEN },
		{ 409, "Conflict: terminated by other getUpdates", VERDICT_CONFLICT },
		{ 413, "Request Entity Too Large", VERDICT_INVALID },
		{ 500, "Internal", VERDICT_AGAIN },
		{ 502, "Bad Gateway", VERDICT_AGAIN },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char body[200];
		struct verdict_told told;
		snprintf(body, sizeof body,
			 "{\"ok\":false,\"error_code\":%d,\"description\":\"%s\"}", cases[i].code,
			 cases[i].description);
		verdict_read(STATUS_OK, cases[i].code, str_of(body), &told);
		assert_int_equal(told.verdict, cases[i].verdict);
		assert_non_null(strstr(told.why, cases[i].description));
		/* A proxy may have made it a 200. */
		verdict_read(STATUS_OK, 200, str_of(body), &told);
		assert_int_equal(told.verdict, cases[i].verdict);
	}
}

static void a_result_brings_its_message_id(void **state)
{
	(void)state;
	struct verdict_told told;
	verdict_read(STATUS_OK, 200, STR("{\"ok\":true,\"result\":{\"message_id\":77}}"), &told);
	assert_true(told.verdict == VERDICT_DONE && told.message_id == 77 && !told.why[0]);
	verdict_read(STATUS_OK, 200, STR("{\"ok\":true,\"result\":null}"), &told);
	assert_true(told.verdict == VERDICT_DONE && told.message_id == 0);
	verdict_read(STATUS_OK, 200, STR("{\"ok\":true"), &told);
	assert_int_equal(told.verdict, VERDICT_AGAIN);
	verdict_read(STATUS_OK, 502, STR("<html>\nBad"), &told);
	assert_int_equal(told.verdict, VERDICT_AGAIN);
	verdict_read(STATUS_TIMEOUT, 0, STR(""), &told);
	assert_int_equal(told.verdict, VERDICT_AGAIN);
	assert_string_equal(told.why, "timed out");
}

static void retry_after_is_believed_within_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *parameters;
		int64_t retry_s;
	} cases[] = { { "{\"retry_after\":30}", 30 },
		      { "{\"retry_after\":0}", VERDICT_RETRY_S },
		      { "{\"retry_after\":-4}", VERDICT_RETRY_S },
		      { "{\"retry_after\":\"x\"}", VERDICT_RETRY_S },
		      { "{}", VERDICT_RETRY_S },
		      { "{\"retry_after\":99999999999}", VERDICT_RETRY_S_MAX } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char body[200];
		struct verdict_told told;
		snprintf(body, sizeof body, "{\"ok\":false,\"error_code\":429,\"parameters\":%s}",
			 cases[i].parameters);
		verdict_read(STATUS_OK, 429, str_of(body), &told);
		assert_int_equal(told.verdict, VERDICT_LIMITED);
		assert_int_equal(told.retry_s, cases[i].retry_s);
	}
}

/* ---- requests ---- */

static struct request request;
static struct rng rng;

static void asks(const struct queue_job *job, const char *method, const char *body)
{
	assert_true(request_send(&request, job, &rng));
	assert_string_equal(request.method, method);
	assert_int_equal(request.body.len, strlen(body));
	assert_memory_equal(request.body.ptr, body, request.body.len);
}

static void texts_are_json(void **state)
{
	(void)state;
	struct queue_job job = { .kind = BOT_OUT_TEXT, .chat_id = -5, .text = STR("<b>\"x\"</b>") };
	asks(&job, "sendMessage",
	     "{\"chat_id\":-5,\"text\":\"<b>\\\"x\\\"</b>\",\"parse_mode\":\"HTML\","
	     "\"link_preview_options\":{\"is_disabled\":true}}");
	job.thread_id = 9;
	job.silent = job.plain = true;
	job.markup = STR("{\"inline_keyboard\":[]}");
	job.text = STR("a\xFF");
	asks(&job, "sendMessage",
	     "{\"chat_id\":-5,\"message_thread_id\":9,\"disable_notification\":true,"
	     "\"text\":\"a\xEF\xBF\xBD\",\"link_preview_options\":{\"is_disabled\":true},"
	     "\"reply_markup\":{\"inline_keyboard\":[]}}");
	assert_string_equal(request.content_type, "application/json");
}

static void edits_notices_and_typing_are_json(void **state)
{
	(void)state;
	struct queue_job job = {
		.kind = BOT_OUT_EDIT, .chat_id = 5, .message_id = 8, .text = STR("x")
	};
	asks(&job, "editMessageText",
	     "{\"chat_id\":5,\"message_id\":8,\"text\":\"x\",\"parse_mode\":\"HTML\","
	     "\"link_preview_options\":{\"is_disabled\":true}}");
	job.caption = true;
	asks(&job, "editMessageCaption",
	     "{\"chat_id\":5,\"message_id\":8,\"caption\":\"x\",\"parse_mode\":\"HTML\"}");
	job = (struct queue_job){ .kind = BOT_OUT_TYPING, .chat_id = 5, .thread_id = 2 };
	asks(&job, "sendChatAction",
	     "{\"chat_id\":5,\"message_thread_id\":2,\"action\":\"typing\"}");
	job = (struct queue_job){ .kind = BOT_OUT_NOTICE, .button_id = STR("77") };
	asks(&job, "answerCallbackQuery", "{\"callback_query_id\":\"77\"}");
	job.text = STR("ok");
	asks(&job, "answerCallbackQuery", "{\"callback_query_id\":\"77\",\"text\":\"ok\"}");
}

/* "--weirX" of the body, which its content type names. */
static const char *boundary(void)
{
	const char *at = strstr(request.content_type, "boundary=");
	assert_non_null(at);
	return at + strlen("boundary=");
}

static void pictures_are_forms(void **state)
{
	(void)state;
	char want[2000];
	struct queue_job job = { .kind = BOT_OUT_PHOTO,
				 .chat_id = 5,
				 .silent = true,
				 .text = STR("c"),
				 .photo = STR("\x89PNG\0\n"),
				 .markup = STR("{}") };
	assert_true(request_send(&request, &job, &rng));
	assert_string_equal(request.method, "sendPhoto");
	const char *b = boundary();
#define FIELD "--%s\r\nContent-Disposition: form-data; name="
	int head = snprintf(
	    want, sizeof want,
	    FIELD "\"chat_id\"\r\n\r\n5\r\n" FIELD "\"disable_notification\"\r\n\r\ntrue\r\n" FIELD
		  "\"caption\"\r\n\r\nc\r\n" FIELD "\"parse_mode\"\r\n\r\nHTML\r\n" FIELD
		  "\"reply_markup\"\r\n\r\n{}\r\n" FIELD
		  "\"photo\"; filename=\"weir.png\"\r\nContent-Type: image/png"
		  "\r\n\r\n",
	    b, b, b, b, b, b);
	memcpy(want + head, "\x89PNG\0\n", 6);
	int tail = snprintf(want + head + 6, sizeof want - (size_t)head - 6, "\r\n--%s--\r\n", b);
	assert_int_equal(request.body.len, head + 6 + tail);
	assert_memory_equal(request.body.ptr, want, request.body.len);

	job.kind = BOT_OUT_REPHOTO;
	job.message_id = 3;
	assert_true(request_send(&request, &job, &rng));
	assert_string_equal(request.method, "editMessageMedia");
	static const char media[] = "\r\n\r\n{\"type\":\"photo\",\"media\":\"attach://photo\","
				    "\"caption\":\"c\",\"parse_mode\":\"HTML\"}\r\n";
	assert_non_null(memmem(request.body.ptr, request.body.len, media, strlen(media)));
}

static void a_boundary_stands_nowhere_in_what_it_divides(void **state)
{
	(void)state;
	struct rng same;
	char text[64];
	rng_init(&rng, 5);
	rng_init(&same, 5);
	snprintf(text, sizeof text, "weir%016llx", (unsigned long long)rng_next(&same));
	struct queue_job job = {
		.kind = BOT_OUT_PHOTO, .chat_id = 5, .text = str_of(text), .photo = STR("P")
	};
	assert_true(request_send(&request, &job, &rng));
	assert_string_not_equal(boundary(), text);
}

static void polls_and_menus_are_json(void **state)
{
	(void)state;
	assert_true(request_updates(&request, 0, 100, 25));
	assert_string_equal(request.method, "getUpdates");
	assert_true(str_eq(buf_str(&request.body),
			   STR("{\"limit\":100,\"timeout\":25,\"allowed_updates\":[\"message\","
			       "\"callback_query\"]}")));
	assert_true(request_updates(&request, 8, 1, 25));
	assert_true(str_starts(buf_str(&request.body), STR("{\"offset\":8,\"limit\":1,")));
	assert_true(request_menu(&request, 5, ROLE_NONE));
	assert_string_equal(request.method, "deleteMyCommands");
	assert_true(
	    str_eq(buf_str(&request.body), STR("{\"scope\":{\"type\":\"chat\",\"chat_id\":5}}")));
}

/* As the Bot API wants them: names of [a-z0-9_], descriptions of 1..256. */
static size_t menu_count(enum role role)
{
	assert_true(request_menu(&request, 0, role));
	assert_string_equal(request.method, "setMyCommands");
	json_t *json = json_loadb(request.body.ptr, request.body.len, 0, NULL);
	const json_t *commands = json_object_get(json, "commands");
	size_t count = json_array_size(commands);
	for (size_t i = 0; i < count; i++) {
		const json_t *row = json_array_get(commands, i);
		const char *name = json_string_value(json_object_get(row, "command"));
		assert_in_range(json_string_length(json_object_get(row, "description")), 1, 256);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(name));
		enum question question = question_find(str_of(name));
		assert_true(question == QUESTION_COUNT || question_row(question)->role <= role);
	}
	json_decref(json);
	return count;
}

static void a_menu_has_what_a_role_may(void **state)
{
	(void)state;
	size_t reader = menu_count(ROLE_READER);
	assert_true(reader > 5 && menu_count(ROLE_TRADER) >= reader);
	assert_true(menu_count(ROLE_ADMIN) >= menu_count(ROLE_TRADER));
}

static int set_up(void **state)
{
	(void)state;
	buf_init(&request.body, REQUEST_BODY_BYTES);
	rng_init(&rng, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_deinit(&request.body);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_a_private_chat_is_told),
		cmocka_unit_test(a_message_of_a_topic_says_which),
		cmocka_unit_test(what_is_edited_forwarded_or_a_bots_says_so),
		cmocka_unit_test(a_button_brings_its_data_and_where_it_stands),
		cmocka_unit_test(other_kinds_and_malformed_ones_are_told_apart),
		cmocka_unit_test(updates_come_by_id_and_those_without_are_counted),
		cmocka_unit_test(an_answer_that_is_none_says_why),
		cmocka_unit_test(deep_nesting_and_long_names_do_no_harm),
		cmocka_unit_test(the_id_of_an_unreadable_update_is_found),
		cmocka_unit_test(answers_mean_what_their_code_or_their_words_say),
		cmocka_unit_test(a_result_brings_its_message_id),
		cmocka_unit_test(retry_after_is_believed_within_bounds),
		cmocka_unit_test(texts_are_json),
		cmocka_unit_test(edits_notices_and_typing_are_json),
		cmocka_unit_test(pictures_are_forms),
		cmocka_unit_test(a_boundary_stands_nowhere_in_what_it_divides),
		cmocka_unit_test(polls_and_menus_are_json),
		cmocka_unit_test(a_menu_has_what_a_role_may),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
