/* People, rules and the offset in RSS: written when marked, read back, kept through trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/people_store.h"
#include "store_stage.h"

enum { IDS = 500 }; /* more than one transaction takes */

struct world {
	struct stage stage;
	struct people_store *store;
	char texts[PEOPLE_STORE_KINDS][IDS][32]; /* "" gone */
	char restored[4096];
	int ended;
	enum status status;
	int64_t offset;
	int64_t confirmed;
	size_t unsaved;
	int64_t unsaved_id;
	int no_memory; /* so often not all is marked */
};

static bool on_pack(void *ctx, enum people_store_kind kind, int64_t id, struct buf *out)
{
	struct world *world = ctx;
	if (id >= IDS)
		return false;
	buf_str_put(out, str_of(world->texts[kind][id]));
	return world->texts[kind][id][0] != 0;
}

static bool on_mark_all(void *ctx, enum people_store_kind kind)
{
	struct world *world = ctx;
	if (world->no_memory) {
		world->no_memory--;
		return false;
	}
	for (int64_t id = 0; id < IDS; id++)
		if (world->texts[kind][id][0])
			people_store_mark(world->store, kind, id);
	return true;
}

static void on_unsaved(void *ctx, enum people_store_kind kind, int64_t id, enum status status)
{
	struct world *world = ctx;
	(void)kind;
	assert_int_not_equal(status, STATUS_OK);
	world->unsaved++;
	world->unsaved_id = id;
}

static void on_restored_field(void *ctx, enum people_store_kind kind, struct str id,
			      struct str text)
{
	struct world *world = ctx;
	struct buf out = buf_over(world->restored, sizeof world->restored - 1);
	out.len = strlen(world->restored);
	buf_printf(&out, "%d:%.*s=%.*s ", kind, STR_ARG(id), STR_ARG(text));
	world->restored[out.len] = 0;
}

static void on_restored(void *ctx, enum status status, int64_t offset)
{
	struct world *world = ctx;
	world->ended++;
	world->status = status;
	world->offset = offset;
}

static void on_confirmed(void *ctx, int64_t offset)
{
	struct world *world = ctx;
	world->confirmed = offset;
}

static void on_drained(void *ctx, enum status status)
{
	struct world *world = ctx;
	world->ended++;
	world->status = status;
}

static void open_store(struct world *world)
{
	const struct people_store_hooks hooks = { on_pack, on_mark_all, on_unsaved,
						  on_restored_field, world };
	world->store = people_store_create(&world->stage.port, world->stage.timers,
					   &world->stage.clock, &hooks);
	assert_non_null(world->store);
}

static enum status wait_end(struct world *world)
{
	for (int i = 0; i < 1000 && !world->ended; i++)
		stage_run(&world->stage, 10 * stage_ms_ns);
	assert_int_equal(world->ended, 1);
	world->ended = 0;
	return world->status;
}

static enum status restore(struct world *world)
{
	world->restored[0] = 0;
	people_store_restore(world->store, on_restored, world);
	return wait_end(world);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	*state = world;
	stage_init(&world->stage, 0, FAKE_EVERYSEC);
	open_store(world);
	stage_run(&world->stage, stage_second_ns);
	return restore(world) ? -1 : 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	struct people_store *store = world->store;
	/* The timers end with the stage. */
	people_store_drain(store, on_drained, world);
	stage_run(&world->stage, 10 * stage_second_ns);
	stage_deinit(&world->stage);
	free(store);
	free(world);
	return 0;
}

static void change(struct world *world, enum people_store_kind kind, int64_t id, const char *text)
{
	snprintf(world->texts[kind][id], sizeof world->texts[kind][id], "%s", text);
	people_store_mark(world->store, kind, id);
}

/* What another weir would read. */
static const char *read_back(struct world *world)
{
	struct people_store *mine = world->store;
	open_store(world);
	assert_int_equal(restore(world), STATUS_OK);
	free(world->store);
	world->store = mine;
	return world->restored;
}

static void an_empty_segment_is_nobody(void **state)
{
	struct world *world = *state;
	assert_string_equal(world->restored, "");
	assert_int_equal(world->offset, 0);
}

static void what_is_marked_is_written_and_what_is_gone_removed(void **state)
{
	struct world *world = *state;
	change(world, PEOPLE_STORE_PERSON, 7, "ada");
	change(world, PEOPLE_STORE_PERSON, 8, "ben");
	change(world, PEOPLE_STORE_RULE, 7, "rule seven");
	stage_run(&world->stage, stage_second_ns);
	assert_string_equal(read_back(world), "0:7=ada 0:8=ben 1:7=rule seven ");
	change(world, PEOPLE_STORE_PERSON, 7, "");
	change(world, PEOPLE_STORE_RULE, 7, "rule VII");
	stage_run(&world->stage, stage_second_ns);
	assert_string_equal(read_back(world), "0:8=ben 1:7=rule VII ");
	assert_int_equal(people_store_counts(world->store).marked, 0);
	assert_int_equal(people_store_counts(world->store).removed, 1);
}

static void a_thing_that_changes_often_is_written_as_it_is_at_last(void **state)
{
	struct world *world = *state;
	for (int i = 0; i < 1000; i++) {
		char text[32];
		snprintf(text, sizeof text, "value %d", i);
		change(world, PEOPLE_STORE_RULE, 3, text);
	}
	stage_run(&world->stage, stage_second_ns);
	assert_string_equal(read_back(world), "1:3=value 999 ");
	assert_int_equal(people_store_counts(world->store).written, 1);
}

static void an_offset_is_told_when_all_before_it_is_stored(void **state)
{
	struct world *world = *state;
	for (int64_t id = 0; id < IDS; id++)
		change(world, PEOPLE_STORE_PERSON, id, "x");
	people_store_keep_offset(world->store, 41, on_confirmed, world);
	stage_run(&world->stage, stage_ms_ns);
	assert_int_equal(world->confirmed, 0);
	stage_run(&world->stage, stage_second_ns);
	assert_int_equal(world->confirmed, 41);
	assert_int_equal(people_store_counts(world->store).marked, 0);
	people_store_keep_offset(world->store, 42, on_confirmed, world);
	people_store_keep_offset(world->store, 43, on_confirmed, world);
	stage_run(&world->stage, stage_second_ns);
	assert_int_equal(world->confirmed, 43);
	read_back(world);
	assert_int_equal(world->offset, 43);
}

static void a_full_server_is_told_once_and_tried_until_it_takes_it(void **state)
{
	struct world *world = *state;
	fake_redis_fault(world->stage.redis, FAKE_OOM);
	change(world, PEOPLE_STORE_PERSON, 7, "ada");
	people_store_keep_offset(world->store, 41, on_confirmed, world);
	stage_run(&world->stage, 5 * stage_second_ns);
	assert_int_equal(world->unsaved, 1);
	assert_int_equal(world->unsaved_id, 7);
	assert_int_equal(world->confirmed, 0);
	assert_true(people_store_counts(world->store).failed >= 3);
	fake_redis_fault(world->stage.redis, FAKE_HEALTHY);
	stage_run(&world->stage, 2 * stage_second_ns);
	assert_int_equal(world->confirmed, 41);
	assert_string_equal(read_back(world), "0:7=ada ");
	fake_redis_fault(world->stage.redis, FAKE_OOM);
	change(world, PEOPLE_STORE_PERSON, 7, "Ada");
	stage_run(&world->stage, stage_second_ns);
	assert_int_equal(world->unsaved, 2); /* anew */
	fake_redis_fault(world->stage.redis, FAKE_HEALTHY);
}

static void a_server_that_was_away_gets_the_newest(void **state)
{
	struct world *world = *state;
	fake_redis_kill(world->stage.redis);
	change(world, PEOPLE_STORE_RULE, 1, "old");
	stage_run(&world->stage, 3 * stage_second_ns);
	change(world, PEOPLE_STORE_RULE, 1, "new");
	fake_redis_start(world->stage.redis);
	stage_run(&world->stage, 5 * stage_second_ns);
	assert_string_equal(read_back(world), "1:1=new ");
}

static void a_port_without_room_loses_nothing(void **state)
{
	struct world *world = *state;
	for (uint64_t at = 1; at < 8; at++) {
		world->stage.full_in = at;
		change(world, PEOPLE_STORE_PERSON, (int64_t)at, "here");
		people_store_keep_offset(world->store, (int64_t)at, on_confirmed, world);
		stage_run(&world->stage, 4 * stage_second_ns);
		assert_int_equal(world->confirmed, at);
	}
	world->stage.full_in = 0;
	assert_int_equal(people_store_counts(world->store).marked, 0);
	assert_string_equal(read_back(world), "0:1=here 0:2=here 0:3=here 0:4=here 0:5=here "
					      "0:6=here 0:7=here ");
}

static bool is_new(struct world *world, int64_t rule)
{
	char id[32], text[32];
	struct buf name = buf_over(id, sizeof id);
	buf_i64(&name, rule);
	stage_field(&world->stage, STR("rules"), buf_str(&name), text, sizeof text);
	return strcmp(text, "new") == 0;
}

static int64_t stored_offset(struct world *world)
{
	struct redis_reply *reply = STAGE_PEEK(&world->stage, STR("GET"), STR("telegram:offset"));
	int64_t offset = 0;
	if (reply->type == REDIS_BULK)
		assert_int_equal(str_to_i64(reply->text, &offset), STATUS_OK);
	fake_reply_free(reply);
	return offset;
}

/* Wherever the connection breaks, also where all that waits is more than one transaction: an
 * update whose rule is stored does not come again. */
static void a_rule_and_its_offset_are_stored_together_or_not_at_all(void **state)
{
	struct world *world = *state;
	for (int64_t at = 1; at < 32; at++) {
		int64_t rule = 10 * at;
		for (int64_t id = 0; id < 225; id++)
			change(world, PEOPLE_STORE_PERSON, id, "x");
		for (int64_t id = rule; id <= rule + 30; id++)
			change(world, PEOPLE_STORE_RULE, id, id < rule + 5 ? "old" : "new");
		STAGE_DO(&world->stage, STR("DEL"), STR("rules")); /* those of before */
		people_store_keep_offset(world->store, at, on_confirmed, world);
		fake_redis_cut(world->stage.redis, (uint64_t)at, FAKE_CUT_BEFORE);
		stage_run(&world->stage, stage_second_ns / 2);
		assert_int_equal(is_new(world, rule + 5), stored_offset(world) == at);
		assert_int_equal(is_new(world, rule + 30), stored_offset(world) == at);
		stage_heal(&world->stage);
		stage_run(&world->stage, 3 * stage_second_ns);
		assert_int_equal(world->confirmed, at);
	}
}

/* More ids than there are marks, of things that came and went meanwhile. */
static void fill_marks(struct world *world, enum people_store_kind kind)
{
	for (int64_t id = 0; id < PEOPLE_STORE_MARKS; id++)
		people_store_mark(world->store, kind, 1000 + id);
}

static void what_had_no_room_to_be_marked_is_found_by_comparing(void **state)
{
	static const char *const expected[] = {
		"0:1=old ", "0:3=new ", "0:4=old ", "0:7=here ",
		"1:1=old ", "1:3=new ", "1:4=old ", "1:7=here ",
	};
	struct world *world = *state;
	size_t length = 0;
	for (int64_t id = 1; id < 5; id++) {
		change(world, PEOPLE_STORE_PERSON, id, "old");
		change(world, PEOPLE_STORE_RULE, id, "old");
	}
	stage_run(&world->stage, stage_second_ns);
	fill_marks(world, PEOPLE_STORE_PERSON);
	fill_marks(world, PEOPLE_STORE_RULE);
	for (enum people_store_kind kind = 0; kind < PEOPLE_STORE_KINDS; kind++) {
		change(world, kind, 2, "");
		change(world, kind, 3, "new");
		change(world, kind, 7, "here");
	}
	assert_int_equal(people_store_counts(world->store).dropped, 6);
	people_store_keep_offset(world->store, 41, on_confirmed, world);
	world->no_memory = 2;
	stage_run(&world->stage, 10 * stage_second_ns);
	assert_int_equal(world->confirmed, 41);
	const char *stored = read_back(world);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_non_null(strstr(stored, expected[i]));
		length += strlen(expected[i]);
	}
	assert_int_equal(strlen(stored), length); /* and nothing else */
	assert_int_equal(people_store_counts(world->store).marked, 0);
	/* Once: then only what is marked is written again. */
	uint64_t written = people_store_counts(world->store).written;
	change(world, PEOPLE_STORE_RULE, 7, "still here");
	stage_run(&world->stage, stage_second_ns);
	assert_int_equal(people_store_counts(world->store).written, written + 1);
}

static void a_drain_writes_what_is_marked(void **state)
{
	struct world *world = *state;
	change(world, PEOPLE_STORE_PERSON, 7, "ada");
	people_store_drain(world->store, on_drained, world);
	assert_int_equal(wait_end(world), STATUS_OK);
	assert_string_equal(read_back(world), "0:7=ada ");
}

static void a_drain_does_not_wait_for_a_server_in_trouble(void **state)
{
	struct world *world = *state;
	fake_redis_fault(world->stage.redis, FAKE_OOM);
	change(world, PEOPLE_STORE_PERSON, 7, "ada");
	people_store_drain(world->store, on_drained, world);
	assert_int_not_equal(wait_end(world), STATUS_OK);
}

static void nothing_is_written_before_it_was_read(void **state)
{
	struct world *world = *state;
	struct people_store *mine = world->store;
	open_store(world);
	uint64_t before = world->stage.commands;
	people_store_mark(world->store, PEOPLE_STORE_PERSON, 7);
	people_store_keep_offset(world->store, 3, on_confirmed, world);
	stage_run(&world->stage, 2 * stage_second_ns);
	assert_int_equal(world->stage.commands, before);
	free(world->store);
	world->store = mine;
}

static void a_server_that_does_not_answer_is_no_empty_one(void **state)
{
	struct world *world = *state;
	fake_redis_kill(world->stage.redis);
	stage_run(&world->stage, stage_second_ns);
	struct people_store *mine = world->store;
	open_store(world);
	assert_int_not_equal(restore(world), STATUS_OK);
	free(world->store);
	world->store = mine;
	fake_redis_start(world->stage.redis);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_segment_is_nobody),
		TEST(what_is_marked_is_written_and_what_is_gone_removed),
		TEST(a_thing_that_changes_often_is_written_as_it_is_at_last),
		TEST(an_offset_is_told_when_all_before_it_is_stored),
		TEST(a_full_server_is_told_once_and_tried_until_it_takes_it),
		TEST(a_server_that_was_away_gets_the_newest),
		TEST(a_port_without_room_loses_nothing),
		TEST(a_rule_and_its_offset_are_stored_together_or_not_at_all),
		TEST(what_had_no_room_to_be_marked_is_found_by_comparing),
		TEST(a_drain_writes_what_is_marked),
		TEST(a_drain_does_not_wait_for_a_server_in_trouble),
		TEST(nothing_is_written_before_it_was_read),
		TEST(a_server_that_does_not_answer_is_no_empty_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
