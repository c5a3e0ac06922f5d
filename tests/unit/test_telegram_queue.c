/* The send queue in told time: what goes when, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "telegram/queue.h"

static const int64_t second_ns = 1000000000;

struct world {
	struct queue *queue;
	int64_t now_ns;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->queue = queue_create(&(struct queue_config){ 0 });
	world->now_ns = 1000 * second_ns;
	*state = world;
	return world->queue ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	queue_destroy(world->queue);
	free(world);
	return 0;
}

static struct bot_out out_text(int64_t chat, const char *text, uint64_t tag)
{
	return (struct bot_out){
		.kind = BOT_OUT_TEXT, .chat_id = chat, .text = str_of(text), .tag = tag
	};
}

static void put(struct world *world, struct bot_out out)
{
	assert_int_equal(queue_put(world->queue, &out, world->now_ns), STATUS_OK);
}

static void put_text(struct world *world, int64_t chat, const char *text, uint64_t tag)
{
	put(world, out_text(chat, text, tag));
}

static void put_alert(struct world *world, int64_t chat, const char *text, uint64_t tag)
{
	struct bot_out out = out_text(chat, text, tag);
	out.alert = true;
	put(world, out);
}

/* The next one, however long it takes. */
static struct queue_job take(struct world *world)
{
	struct queue_job job;
	while (!queue_take(world->queue, world->now_ns, &job)) {
		int64_t due_ns = queue_due_ns(world->queue, world->now_ns);
		assert_true(due_ns != INT64_MAX && due_ns > world->now_ns);
		world->now_ns = due_ns;
	}
	return job;
}

static void done(struct world *world, const struct queue_job *job, enum verdict verdict, int64_t id)
{
	struct verdict_told told = { .verdict = verdict, .message_id = id };
	queue_done(world->queue, job->message, &told, world->now_ns);
}

static void takes_and_is_done(struct world *world, const char *text)
{
	struct queue_job job = take(world);
	assert_true(str_eq(job.text, str_of(text)));
	done(world, &job, VERDICT_DONE, 5);
}

static void nothing_goes(struct world *world)
{
	struct queue_job job;
	assert_false(queue_take(world->queue, world->now_ns, &job));
}

static void ended(struct world *world, uint64_t tag, enum status status)
{
	struct queue_end end;
	assert_true(queue_pop_end(world->queue, &end));
	assert_int_equal(end.tag, tag);
	assert_int_equal(end.status, status);
}

static void nothing_ended(struct world *world)
{
	struct queue_end end;
	assert_false(queue_pop_end(world->queue, &end));
}

/* ---- order ---- */

static void a_chat_reads_in_order_and_one_at_a_time(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "a", 0);
	put_text(world, 1, "b", 0);
	struct queue_job job = take(world);
	assert_true(str_eq(job.text, STR("a")));
	nothing_goes(world);
	assert_true(queue_due_ns(world->queue, world->now_ns) >= world->now_ns);
	done(world, &job, VERDICT_DONE, 1);
	takes_and_is_done(world, "b");
	assert_int_equal(queue_view(world->queue).waiting, 0);
	assert_int_equal(queue_view(world->queue).bytes, 0);
}

static void alerts_go_before_answers_in_a_chat_and_between_chats(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "answer 1", 0);
	put_text(world, 2, "answer 2", 0);
	put_alert(world, 2, "alert 2", 0);
	put_alert(world, 1, "alert 1", 0);
	takes_and_is_done(world, "alert 1");
	takes_and_is_done(world, "alert 2");
	takes_and_is_done(world, "answer 1");
	takes_and_is_done(world, "answer 2");
}

static void chats_take_turns(void **state)
{
	struct world *world = *state;
	for (int i = 0; i < 3; i++)
		put_text(world, 1, "one", 0);
	put_text(world, 2, "two", 0);
	put_text(world, 3, "three", 0);
	takes_and_is_done(world, "one");
	takes_and_is_done(world, "two");
	takes_and_is_done(world, "three");
	takes_and_is_done(world, "one");
}

static void a_notice_passes_a_chat_that_waits(void **state)
{
	struct world *world = *state;
	for (int i = 0; i < 4; i++)
		put_text(world, 1, "x", 0);
	for (int i = 0; i < 3; i++)
		takes_and_is_done(world, "x");
	put(world, (struct bot_out){ .kind = BOT_OUT_NOTICE,
				     .chat_id = 1,
				     .button_id = STR("77"),
				     .text = STR("<b>ok</b>"),
				     .tag = 9 });
	int64_t before_ns = world->now_ns;
	struct queue_job job = take(world);
	assert_true(job.kind == BOT_OUT_NOTICE && job.plain);
	assert_true(str_eq(job.text, STR("ok")) && str_eq(job.button_id, STR("77")));
	assert_true(world->now_ns - before_ns < second_ns / 10);
	done(world, &job, VERDICT_DONE, 0);
	ended(world, 9, STATUS_OK);
}

/* ---- limits ---- */

static void a_chat_gets_three_at_once_then_one_a_second(void **state)
{
	struct world *world = *state;
	int64_t at_ns[6];
	for (int i = 0; i < 6; i++)
		put_text(world, 1, "x", 0);
	for (int i = 0; i < 6; i++) {
		takes_and_is_done(world, "x");
		at_ns[i] = world->now_ns;
	}
	assert_true(at_ns[2] - at_ns[0] < second_ns / 2);
	for (int i = 3; i < 6; i++)
		assert_true(at_ns[i] - at_ns[0] == (i - 2) * second_ns);
}

static void a_limit_stops_its_chat_alone_and_a_second_one_stops_all(void **state)
{
	struct world *world = *state;
	struct verdict_told limited = { .verdict = VERDICT_LIMITED, .retry_s = 30 };
	put_text(world, 1, "one", 0);
	put_text(world, 2, "two", 0);
	put_text(world, 3, "three", 0);
	struct queue_job job = take(world);
	int64_t first_ns = world->now_ns;
	queue_done(world->queue, job.message, &limited, world->now_ns);
	job = take(world);
	assert_true(str_eq(job.text, STR("two")));
	assert_true(world->now_ns - first_ns < second_ns);
	queue_done(world->queue, job.message, &limited, world->now_ns);
	int64_t second_told_ns = world->now_ns;
	takes_and_is_done(world, "three");
	assert_true(world->now_ns >= second_told_ns + 30 * second_ns);
	takes_and_is_done(world, "one");
	takes_and_is_done(world, "two");
	assert_int_equal(queue_counts(world->queue)->limited, 2);
}

static void a_hold_holds_all_and_ends(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "x", 0);
	queue_hold(world->queue, world->now_ns + 5 * second_ns);
	queue_hold(world->queue, world->now_ns + second_ns);
	assert_false(queue_pass(world->queue, world->now_ns));
	int64_t begun_ns = world->now_ns;
	struct queue_job job = take(world);
	assert_true(world->now_ns == begun_ns + 5 * second_ns);
	done(world, &job, VERDICT_DONE, 1);
}

/* ---- parts ---- */

static struct bot_row one_button(void)
{
	return (struct bot_row){ .buttons = { { STR("A \"b\""), STR("q:/cvd") } }, .count = 1 };
}

static const char markup_text[] =
    "{\"inline_keyboard\":[[{\"text\":\"A \\\"b\\\"\",\"callback_data\":\"q:/cvd\"}]]}";

static void long_texts_go_in_parts_with_the_buttons_under_the_last(void **state)
{
	struct world *world = *state;
	static char text[5001];
	memset(text, 'x', 5000);
	text[3000] = '\n';
	struct bot_row row = one_button();
	struct bot_out out = out_text(1, text, 7);
	out.rows = &row;
	out.row_count = 1;
	put(world, out);
	put_alert(world, 1, "alert", 0);
	put_text(world, 1, "next", 0);
	/* It was not begun: the alert is first. */
	takes_and_is_done(world, "alert");
	struct queue_job job = take(world);
	assert_true(job.text.len == 3000 && !job.markup.len);
	done(world, &job, VERDICT_DONE, 11);
	put_alert(world, 1, "alert", 0);
	job = take(world);
	assert_true(job.text.len == 1999 && str_eq(job.markup, str_of(markup_text)));
	done(world, &job, VERDICT_DONE, 12);
	struct queue_end end;
	assert_true(queue_pop_end(world->queue, &end));
	assert_true(end.tag == 7 && end.status == STATUS_OK && end.message_id == 12);
	takes_and_is_done(world, "alert");
	takes_and_is_done(world, "next");
}

static void a_long_caption_goes_on_as_text(void **state)
{
	struct world *world = *state;
	static char text[1501];
	memset(text, 'y', 1500);
	put(world,
	    (struct bot_out){
		.kind = BOT_OUT_PHOTO, .chat_id = 1, .text = str_of(text), .photo = STR("PNG") });
	struct queue_job job = take(world);
	assert_true(job.kind == BOT_OUT_PHOTO && job.text.len == 1024);
	assert_true(str_eq(job.photo, STR("PNG")));
	done(world, &job, VERDICT_DONE, 1);
	job = take(world);
	assert_true(job.kind == BOT_OUT_TEXT && job.text.len == 476 && !job.photo.len);
	done(world, &job, VERDICT_DONE, 2);
}

static void an_edit_is_one_part_and_keeps_its_message(void **state)
{
	struct world *world = *state;
	static char text[5001];
	memset(text, 'z', 5000);
	struct bot_row row = one_button();
	struct bot_out out = out_text(1, text, 3);
	out.kind = BOT_OUT_EDIT;
	out.message_id = 44;
	out.rows = &row;
	out.row_count = 1;
	put(world, out);
	struct queue_job job = take(world);
	assert_true(job.text.len == 4096 && job.message_id == 44 && job.markup.len);
	done(world, &job, VERDICT_SAME, 0);
	struct queue_end end;
	assert_true(queue_pop_end(world->queue, &end));
	assert_true(end.status == STATUS_OK && end.message_id == 44);
	assert_int_equal(queue_counts(world->queue)->cut, 1);
}

static void what_is_no_html_goes_as_it_is_written(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "1 < 2 <p>", 0);
	takes_and_is_done(world, "1 &lt; 2 &lt;p&gt;");
	assert_int_equal(queue_counts(world->queue)->not_html, 1);
}

/* ---- coalescing ---- */

static void a_newer_one_takes_the_place_of_the_same(void **state)
{
	struct world *world = *state;
	struct bot_out out = out_text(1, "old", 1);
	out.coalesce = STR("key");
	put(world, out);
	put_text(world, 1, "other", 2);
	out = out_text(1, "new", 3);
	out.coalesce = STR("key");
	put(world, out);
	ended(world, 1, STATUS_CANCELLED);
	assert_int_equal(queue_view(world->queue).waiting, 2);
	takes_and_is_done(world, "new");
	takes_and_is_done(world, "other");
	/* Under way it is not replaced. */
	put(world, out);
	struct queue_job job = take(world);
	put(world, out);
	done(world, &job, VERDICT_DONE, 1);
	takes_and_is_done(world, "new");
	assert_int_equal(queue_counts(world->queue)->coalesced, 1);
}

static void a_key_is_of_its_chat_and_may_change_lanes(void **state)
{
	struct world *world = *state;
	struct bot_out out = out_text(1, "one", 1);
	out.coalesce = STR("key");
	put(world, out);
	out.chat_id = 2;
	put(world, out);
	assert_int_equal(queue_view(world->queue).waiting, 2);
	out.alert = true;
	put(world, out);
	assert_int_equal(queue_view(world->queue).waiting, 2);
	struct queue_job job = take(world);
	assert_int_equal(job.chat_id, 2);
	done(world, &job, VERDICT_DONE, 1);
}

/* ---- ends ---- */

static void an_unknown_outcome_is_tried_again_five_times_in_all(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "x", 8);
	put_text(world, 1, "behind", 0);
	int64_t last_ns = 0;
	for (int i = 0; i < QUEUE_TRIES; i++) {
		struct queue_job job = take(world);
		assert_true(str_eq(job.text, STR("x")));
		assert_true(!i || world->now_ns - last_ns >= (second_ns << (i - 1)));
		last_ns = world->now_ns;
		done(world, &job, VERDICT_AGAIN, 0);
	}
	ended(world, 8, STATUS_UNAVAILABLE);
	takes_and_is_done(world, "behind");
	assert_int_equal(queue_counts(world->queue)->retries, QUEUE_TRIES - 1);
}

static void html_that_is_not_understood_goes_once_more_as_plain_text(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "<b>a &lt; b</b>", 8);
	struct queue_job job = take(world);
	assert_true(!job.plain);
	done(world, &job, VERDICT_PLAIN, 0);
	job = take(world);
	assert_true(job.plain && str_eq(job.text, STR("a < b")));
	done(world, &job, VERDICT_PLAIN, 0);
	ended(world, 8, STATUS_INVALID);
}

static void an_edit_of_a_picture_becomes_one_of_its_caption(void **state)
{
	struct world *world = *state;
	static char text[2001];
	memset(text, 'c', 2000);
	struct bot_out out = out_text(1, text, 8);
	out.kind = BOT_OUT_EDIT;
	out.message_id = 4;
	put(world, out);
	struct queue_job job = take(world);
	done(world, &job, VERDICT_CAPTION, 0);
	job = take(world);
	assert_true(job.caption && job.text.len == BOT_CAPTION_MAX);
	done(world, &job, VERDICT_DONE, 4);
	ended(world, 8, STATUS_OK);
}

static void a_chat_that_blocks_the_bot_loses_all_that_waits_for_it(void **state)
{
	struct world *world = *state;
	for (uint64_t tag = 1; tag <= 3; tag++)
		put_text(world, 1, "x", tag);
	put_alert(world, 1, "alert", 4);
	put_text(world, 2, "other", 5);
	struct queue_job job = take(world);
	done(world, &job, VERDICT_BLOCKED, 0);
	ended(world, 4, STATUS_REFUSED);
	for (uint64_t tag = 1; tag <= 3; tag++)
		ended(world, tag, STATUS_REFUSED);
	takes_and_is_done(world, "other");
	ended(world, 5, STATUS_OK);
	assert_int_equal(queue_view(world->queue).bytes, 0);
}

static void gone_and_invalid_end_one_message(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "x", 1);
	put_text(world, 1, "y", 2);
	put_text(world, 1, "z", 3);
	struct queue_job job = take(world);
	done(world, &job, VERDICT_GONE, 0);
	job = take(world);
	done(world, &job, VERDICT_INVALID, 0);
	ended(world, 1, STATUS_NOT_FOUND);
	ended(world, 2, STATUS_INVALID);
	takes_and_is_done(world, "z");
}

static void what_waited_too_long_is_not_sent_but_alerts_are(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "answer", 1);
	put_alert(world, 2, "alert", 2);
	put(world, (struct bot_out){ .kind = BOT_OUT_TYPING, .chat_id = 1, .tag = 3 });
	queue_hold(world->queue, world->now_ns + 3600 * second_ns);
	world->now_ns += 6 * second_ns;
	queue_expire(world->queue, world->now_ns);
	ended(world, 3, STATUS_TIMEOUT);
	nothing_ended(world);
	world->now_ns += QUEUE_ANSWER_NS;
	queue_expire(world->queue, world->now_ns);
	ended(world, 1, STATUS_TIMEOUT);
	takes_and_is_done(world, "alert");
	ended(world, 2, STATUS_OK);
}

static void undone_is_as_if_it_had_not_been_taken(void **state)
{
	struct world *world = *state;
	put_text(world, 1, "x", 1);
	put_text(world, 1, "y", 2);
	struct queue_job job = take(world);
	queue_undo(world->queue, job.message);
	takes_and_is_done(world, "x");
	takes_and_is_done(world, "y");
	assert_int_equal(queue_counts(world->queue)->requests, 2);
}

/* ---- bounds ---- */

static void a_full_queue_refuses_answers_and_gives_old_ones_up_for_alerts(void **state)
{
	struct world *world = *state;
	queue_destroy(world->queue);
	world->queue = queue_create(&(struct queue_config){ .messages_max = 3 });
	for (uint64_t tag = 1; tag <= 3; tag++) {
		put_text(world, (int64_t)tag, "x", tag);
		world->now_ns++;
	}
	struct bot_out out = out_text(9, "more", 4);
	assert_int_equal(queue_put(world->queue, &out, world->now_ns), STATUS_FULL);
	nothing_ended(world);
	put_alert(world, 9, "alert", 5);
	ended(world, 1, STATUS_FULL);
	put_alert(world, 9, "alert", 6);
	put_alert(world, 9, "alert", 7);
	ended(world, 2, STATUS_FULL);
	ended(world, 3, STATUS_FULL);
	out.alert = true;
	assert_int_equal(queue_put(world->queue, &out, world->now_ns), STATUS_FULL);
	assert_int_equal(queue_counts(world->queue)->refused, 2);
	assert_int_equal(queue_counts(world->queue)->displaced, 3);
}

static void bytes_and_chats_are_bounded_too(void **state)
{
	struct world *world = *state;
	static char photo[BOT_PHOTO_MAX + 1];
	struct bot_out out = { .kind = BOT_OUT_PHOTO,
			       .chat_id = 1,
			       .photo = str_make(photo, BOT_PHOTO_MAX) };
	int taken = 0;
	while (queue_put(world->queue, &out, world->now_ns) == STATUS_OK)
		taken++;
	assert_int_equal(taken, QUEUE_BYTES / BOT_PHOTO_MAX - 1);
	assert_true(queue_view(world->queue).bytes <= QUEUE_BYTES);
	out.photo.len++;
	assert_int_equal(queue_put(world->queue, &out, world->now_ns), STATUS_RANGE);
	for (int i = 0; i < QUEUE_CHAT_MESSAGES; i++)
		put_text(world, 2, "x", 0);
	out = out_text(2, "x", 0);
	assert_int_equal(queue_put(world->queue, &out, world->now_ns), STATUS_FULL);
	put_text(world, 3, "x", 0);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	struct world *world = *state;
	static char text[QUEUE_TEXT_MAX + 1], data[BOT_DATA_MAX + 1];
	memset(text, 'x', sizeof text);
	memset(data, 'd', sizeof data);
	struct bot_row row = one_button(), wrong = row, wide = row;
	wrong.buttons[0].text = STR("");
	wide.buttons[0].data = str_make(data, sizeof data);
	const struct {
		struct bot_out out;
		enum status status;
	} cases[] = {
		{ { .kind = BOT_OUT_TEXT, .text = STR("x") }, STATUS_INVALID },
		{ { .kind = BOT_OUT_TEXT, .chat_id = 1 }, STATUS_INVALID },
		{ { .kind = BOT_OUT_TEXT, .chat_id = 1, .text = STR("<b> \n</b>") },
		  STATUS_INVALID },
		{ { .kind = BOT_OUT_EDIT, .chat_id = 1, .text = STR("x") }, STATUS_INVALID },
		{ { .kind = BOT_OUT_PHOTO, .chat_id = 1 }, STATUS_INVALID },
		{ { .kind = BOT_OUT_NOTICE, .chat_id = 1 }, STATUS_INVALID },
		{ { .kind = BOT_OUT_TEXT, .chat_id = 1, .text = { text, sizeof text } },
		  STATUS_RANGE },
		{ { .kind = BOT_OUT_TEXT,
		    .chat_id = 1,
		    .text = STR("x"),
		    .rows = &wrong,
		    .row_count = 1 },
		  STATUS_INVALID },
		{ { .kind = BOT_OUT_TEXT,
		    .chat_id = 1,
		    .text = STR("x"),
		    .rows = &wide,
		    .row_count = 1 },
		  STATUS_RANGE },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(queue_put(world->queue, &cases[i].out, world->now_ns),
				 cases[i].status);
	assert_int_equal(queue_view(world->queue).bytes, 0);
	assert_int_equal(queue_due_ns(world->queue, world->now_ns), INT64_MAX);
}

static void chats_are_forgotten_when_their_limits_are_over(void **state)
{
	struct world *world = *state;
	for (int64_t chat = 1; chat <= 20000; chat++) {
		put_text(world, chat, "x", 0);
		takes_and_is_done(world, "x");
	}
	assert_true(queue_view(world->queue).chats <= QUEUE_CHATS);
	for (int64_t chat = 20001; chat <= 20001 + 2 * QUEUE_CHATS; chat++)
		world->now_ns += 20 * second_ns, put_text(world, chat, "x", 0),
		    takes_and_is_done(world, "x");
	assert_true(queue_view(world->queue).chats <= QUEUE_CHATS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_chat_reads_in_order_and_one_at_a_time),
		TEST(alerts_go_before_answers_in_a_chat_and_between_chats),
		TEST(chats_take_turns),
		TEST(a_notice_passes_a_chat_that_waits),
		TEST(a_chat_gets_three_at_once_then_one_a_second),
		TEST(a_limit_stops_its_chat_alone_and_a_second_one_stops_all),
		TEST(a_hold_holds_all_and_ends),
		TEST(long_texts_go_in_parts_with_the_buttons_under_the_last),
		TEST(a_long_caption_goes_on_as_text),
		TEST(an_edit_is_one_part_and_keeps_its_message),
		TEST(what_is_no_html_goes_as_it_is_written),
		TEST(a_newer_one_takes_the_place_of_the_same),
		TEST(a_key_is_of_its_chat_and_may_change_lanes),
		TEST(an_unknown_outcome_is_tried_again_five_times_in_all),
		TEST(html_that_is_not_understood_goes_once_more_as_plain_text),
		TEST(an_edit_of_a_picture_becomes_one_of_its_caption),
		TEST(a_chat_that_blocks_the_bot_loses_all_that_waits_for_it),
		TEST(gone_and_invalid_end_one_message),
		TEST(what_waited_too_long_is_not_sent_but_alerts_are),
		TEST(undone_is_as_if_it_had_not_been_taken),
		TEST(a_full_queue_refuses_answers_and_gives_old_ones_up_for_alerts),
		TEST(bytes_and_chats_are_bounded_too),
		TEST(what_cannot_be_sent_is_refused),
		TEST(chats_are_forgotten_when_their_limits_are_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
