/* Streams into the archive: each entry exactly once, whatever is killed, cut, trimmed or made
 * again; and what cannot be read is counted and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/feeds_stage.h"

enum { STREAMS_MAX = 200 };

/* A process that feeds streams s0, s1 … of events. */
struct world {
	struct stage stage;
	struct writer *writer;
	struct stream_feeds *feeds;
	struct timer timer;
	size_t streams;
	bool checked, no_batch;
	uint64_t gaps, gap_entries, remade;
	size_t out, out_most;
	struct stream_feed_kind kind;
};

static enum status cells(struct archive_rows *rows, const struct stream_feed_entry *entry)
{
	struct str n = stream_feed_field(entry, STR("n"));
	int64_t number;
	if (str_to_i64(n, &number))
		return STATUS_FORMAT;
	archive_row_text(rows, COLUMN_operator_log_operator, entry->subject);
	archive_row_text(rows, COLUMN_operator_log_action, n);
	archive_row_text(rows, COLUMN_operator_log_target, STR(""));
	archive_row_int(rows, COLUMN_operator_log_at_us, number);
	return STATUS_OK;
}

static struct writer_batch *take(void *ctx)
{
	struct world *w = ctx;
	if (w->no_batch)
		return NULL;
	w->out++;
	w->out_most = w->out > w->out_most ? w->out : w->out_most;
	return writer_batch_take(w->writer);
}

static void freed(void *ctx, const struct writer_batch *batch, enum status status)
{
	assert_non_null(batch);
	assert_int_equal(status, STATUS_OK);
	((struct world *)ctx)->out--;
}

static void on_gap(void *ctx, struct str stream, uint64_t entries)
{
	struct world *w = ctx;
	assert_int_equal(stream.ptr[0], 's');
	w->gaps++;
	w->gap_entries += entries;
}

static void on_remade(void *ctx, struct str stream)
{
	assert_int_equal(stream.ptr[0], 's');
	((struct world *)ctx)->remade++;
}

static void on_timer(void *ctx)
{
	struct world *w = ctx;
	timers_arm(w->stage.timers, &w->timer, w->stage.now_ns + 200 * stage_ms_ns);
	stream_feeds_step(w->feeds);
}

static struct str key_name(char text[16], size_t stream)
{
	return str_make(text, (size_t)snprintf(text, 16, "s%zu", stream));
}

static void open_process(struct world *w)
{
	const struct stream_feeds_config config = { .writer = w->writer,
						    .clock = &w->stage.clock,
						    .room = STREAMS_MAX,
						    .take = take,
						    .freed = freed,
						    .on_gap = on_gap,
						    .on_remade = on_remade,
						    .ctx = w };
	char text[16];
	w->out = 0;
	w->feeds = stream_feeds_create(&config);
	assert_non_null(w->feeds);
	w->kind =
	    (struct stream_feed_kind){ TABLE_operator_log, 1000 * stage_ms_ns, w->checked, cells };
	for (size_t i = 0; i < w->streams; i++) {
		struct str name = key_name(text, i);
		assert_int_equal(stream_feeds_add(w->feeds, &w->stage.port, name, name, &w->kind),
				 STATUS_OK);
	}
	w->timer = (struct timer){ .fn = on_timer, .ctx = w };
	timers_arm(w->stage.timers, &w->timer, w->stage.now_ns + 1);
}

static void init(struct world *w, size_t streams)
{
	*w = (struct world){ .streams = streams };
	stage_init(&w->stage, 0, FAKE_EVERYSEC);
	w->writer = file_create(&w->stage);
	open_process(w);
}

static void restart(struct world *w)
{
	fake_redis_abandon(w->stage.redis);
	timers_cancel(w->stage.timers, &w->timer);
	stream_feeds_destroy(w->feeds);
	file_kill(w->writer);
	stage_run(&w->stage, 300 * stage_ms_ns);
	open_process(w);
}

static void deinit(struct world *w)
{
	fake_redis_abandon(w->stage.redis);
	timers_cancel(w->stage.timers, &w->timer);
	stream_feeds_destroy(w->feeds);
	file_destroy(w->writer);
	stage_deinit(&w->stage);
}

static struct str number_text(char text[24], int64_t number)
{
	return str_make(text, (size_t)snprintf(text, 24, "%lld", (long long)number));
}

/* Entry `number` of the stream, under an id of its own or the given one. */
static void add(struct world *w, size_t stream, int64_t number, const char *id)
{
	char name[16], text[24];
	STAGE_DO(&w->stage, STR("XADD"), key_name(name, stream), str_of(id), STR("n"),
		 number_text(text, number));
}

static void add_many(struct world *w, size_t stream, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++)
		add(w, stream, i, "*");
}

/* Entries from..to-1 of the stream are in the file, each once, and nothing else of it. */
static bool has_each_once(struct world *w, size_t stream, int64_t from, int64_t to)
{
	unsigned char *seen = calloc((size_t)to + 1, 1);
	char name[16];
	struct str subject = key_name(name, stream);
	bool good = true;
	for (const struct archive_row *r = NULL; (r = archive_rows_next(&w->writer->file, r));) {
		int64_t number = archive_cell_int(r, COLUMN_operator_log_at_us, -1);
		if (!str_eq(archive_cell_text(r, COLUMN_operator_log_operator), subject))
			continue;
		good &= number >= from && number < to && !seen[number]++;
	}
	for (int64_t i = from; i < to; i++)
		good &= seen[i] == 1;
	for (int64_t i = from; i < to && !good; i++)
		if (seen[i] != 1)
			print_error("entry %lld is there %u times\n", (long long)i, seen[i]);
	free(seen);
	return good;
}

static void entries_come_once_and_in_order(void **state)
{
	struct world w;
	(void)state;
	init(&w, 1);
	add_many(&w, 0, 0, 2500);
	stage_run(&w.stage, 3 * stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 2500));
	for (size_t i = 0; i < 2500; i += 499)
		assert_int_equal(archive_cell_int(file_row(w.writer, TABLE_operator_log, i),
						  COLUMN_operator_log_at_us, -1),
				 i);
	assert_int_equal(w.writer->commits, 3); /* a batch a page */
	assert_int_equal(w.writer->checked, 0);
	assert_int_equal(w.out_most, 1);
	add_many(&w, 0, 2500, 2510);
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 2510));
	restart(&w);
	stage_run(&w.stage, 3 * stage_second_ns);
	assert_int_equal(w.writer->commits, 4); /* nothing is told again */
	assert_int_equal(stream_feeds_counts(w.feeds).gaps, 0);
	assert_int_equal(w.writer->empty, 0);
	deinit(&w);
}

static void many_streams_share_rounds_and_batches(void **state)
{
	struct world w;
	(void)state;
	init(&w, STREAMS_MAX);
	for (size_t i = 0; i < STREAMS_MAX; i++)
		add_many(&w, i, 0, 3);
	stage_run(&w.stage, 2 * stage_second_ns);
	for (size_t i = 0; i < STREAMS_MAX; i++)
		assert_true(has_each_once(&w, i, 0, 3));
	assert_int_equal(w.writer->commits, (STREAMS_MAX + 63) / 64);
	assert_int_equal(w.writer->marks_most, WRITER_MARKS_MAX);
	assert_int_equal(w.out_most, 1);
	deinit(&w);
}

static void a_batch_is_never_over_its_bound(void **state)
{
	struct world w;
	(void)state;
	init(&w, 40);
	for (size_t i = 0; i < 40; i++)
		add_many(&w, i, 0, 1000);
	stage_run(&w.stage, 4 * stage_second_ns);
	for (size_t i = 0; i < 40; i++)
		assert_true(has_each_once(&w, i, 0, 1000));
	assert_true(w.writer->rows_most > 10000 && w.writer->rows_most <= WRITER_ROWS_MAX);
	deinit(&w);
}

static void a_stream_is_asked_as_often_as_it_says(void **state)
{
	struct world w;
	(void)state;
	init(&w, 1);
	add_many(&w, 0, 0, 1);
	stage_run(&w.stage, 2 * stage_second_ns);
	uint64_t commands = w.stage.commands;
	stage_run(&w.stage, 10 * stage_second_ns);
	assert_in_range(w.stage.commands - commands, 9, 11); /* XINFO alone */
	deinit(&w);
}

/* ---- trouble ---- */

static void a_dead_process_neither_loses_nor_doubles(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world w;
		struct rng rng;
		int64_t told[3] = { 0 };
		rng_init(&rng, seed);
		init(&w, 3);
		for (int turn = 0; turn < 30; turn++) {
			size_t stream = rng_below(&rng, 3);
			int64_t more = (int64_t)rng_below(&rng, turn % 10 ? 40 : 2200);
			add_many(&w, stream, told[stream], told[stream] + more);
			told[stream] += more;
			if (rng_below(&rng, 3) == 0) {
				w.writer->kill_in = 1 + rng_below(&rng, 3);
				w.writer->kill_after = rng_below(&rng, 2);
			}
			if (rng_below(&rng, 4) == 0)
				fake_redis_cut(w.stage.redis, 1 + rng_below(&rng, 6),
					       rng_below(&rng, 2) ? FAKE_CUT_AFTER
								  : FAKE_CUT_BEFORE);
			stage_run(&w.stage, (int64_t)rng_below(&rng, 1500) * stage_ms_ns);
			if (w.writer->killed || rng_below(&rng, 8) == 0)
				restart(&w);
		}
		w.writer->kill_in = 0;
		restart(&w);
		stage_heal(&w.stage);
		stage_run(&w.stage, 8 * stage_second_ns);
		for (size_t i = 0; i < 3; i++)
			if (!has_each_once(&w, i, 0, told[i]))
				fail_msg("seed %llu, stream %zu", (unsigned long long)seed, i);
		assert_int_equal(w.gaps, 0);
		assert_int_equal(w.remade, 0);
		deinit(&w);
	}
}

/* The server had synced a part of what it had acknowledged; its writer says the rest again,
 * under the same ids. */
static void a_server_that_forgets_its_last_second_doubles_nothing(void **state)
{
	struct world w;
	char id[32];
	(void)state;
	init(&w, 1);
	for (int64_t i = 0; i < 30; i++) {
		snprintf(id, sizeof id, "%lld-0", (long long)(1000 + i));
		if (i == 20)
			stage_run(&w.stage, 2500 * stage_ms_ns); /* these are synced */
		add(&w, 0, i, id);
	}
	stage_run(&w.stage, 0);
	stream_feeds_step(w.feeds); /* due or not: what was not read is not there any more */
	stage_run(&w.stage, 50 * stage_ms_ns);
	fake_redis_kill(w.stage.redis);
	stage_heal(&w.stage);
	stage_run(&w.stage, 3 * stage_second_ns);
	for (int64_t i = 20; i < 30; i++) {
		snprintf(id, sizeof id, "%lld-0", (long long)(1000 + i));
		add(&w, 0, i, id);
	}
	stage_run(&w.stage, 3 * stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 30));
	deinit(&w);
}

static void a_stream_made_again_behind_the_mark_is_read_again(void **state)
{
	struct world w;
	char name[16], id[32];
	(void)state;
	init(&w, 1);
	add_many(&w, 0, 0, 20);
	stage_run(&w.stage, 2 * stage_second_ns);
	STAGE_DO(&w.stage, STR("DEL"), key_name(name, 0));
	stage_run(&w.stage, 2 * stage_second_ns); /* there is none: nothing happens */
	assert_int_equal(w.remade, 0);
	for (int64_t i = 10; i < 40; i++) {
		snprintf(id, sizeof id, "%lld-7", (long long)i);
		add(&w, 0, i, id);
	}
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_int_equal(w.remade, 1);
	assert_int_equal(w.writer->checked, 1); /* 10..19 are known */
	assert_true(has_each_once(&w, 0, 0, 40));
	add(&w, 0, 40, "41-0"); /* still behind the highest that was */
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_int_equal(w.writer->checked, 2);
	add(&w, 0, 41, "*");
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_int_equal(w.writer->checked, 2);
	assert_true(has_each_once(&w, 0, 0, 42));
	assert_int_equal(w.remade, 1);
	assert_int_equal(w.gaps, 0);
	deinit(&w);
}

static void one_made_again_before_the_mark_is_known_by_its_count(void **state)
{
	struct world w;
	char name[16];
	(void)state;
	init(&w, 1);
	add_many(&w, 0, 0, 20);
	stage_run(&w.stage, 2 * stage_second_ns);
	STAGE_DO(&w.stage, STR("DEL"), key_name(name, 0));
	add(&w, 0, 20, "5-0"); /* behind the mark, and the next before it */
	add(&w, 0, 21, "*");
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_int_equal(w.remade, 1);
	assert_true(has_each_once(&w, 0, 0, 22));
	deinit(&w);
}

static void a_mark_that_cannot_be_read_begins_anew(void **state)
{
	struct world w;
	(void)state;
	init(&w, 1);
	add_many(&w, 0, 0, 50);
	stage_run(&w.stage, 2 * stage_second_ns);
	strcpy(w.writer->marks[0].value, "rubbish");
	restart(&w);
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_int_equal(w.remade, 1);
	assert_true(w.writer->checked > 0);
	assert_true(has_each_once(&w, 0, 0, 50));
	deinit(&w);
}

static void what_was_trimmed_unread_is_counted_and_said_once(void **state)
{
	struct world w;
	char name[16];
	(void)state;
	init(&w, 1);
	add_many(&w, 0, 0, 10);
	STAGE_DO(&w.stage, STR("XTRIM"), key_name(name, 0), STR("MAXLEN"), STR("6"));
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_int_equal(w.gaps, 0); /* gone before the archive was there */
	assert_true(has_each_once(&w, 0, 4, 10));
	w.writer->state = WRITER_TROUBLE;
	add_many(&w, 0, 10, 2000);
	stage_run(&w.stage, 60 * stage_second_ns);
	STAGE_DO(&w.stage, STR("XTRIM"), key_name(name, 0), STR("MAXLEN"), STR("1500"));
	w.writer->state = WRITER_READY;
	stage_run(&w.stage, 3 * stage_second_ns);
	assert_int_equal(w.gaps, 1);
	assert_int_equal(w.gap_entries, 490);
	assert_int_equal(stream_feeds_counts(w.feeds).gap_entries, 490);
	restart(&w);
	add_many(&w, 0, 2000, 2001);
	stage_run(&w.stage, 3 * stage_second_ns);
	assert_int_equal(w.gaps, 1);
	assert_int_equal(file_count(w.writer, TABLE_operator_log), 6 + 1501);
	deinit(&w);
}

static void in_trouble_nothing_is_asked(void **state)
{
	struct world w;
	(void)state;
	init(&w, 1);
	stage_run(&w.stage, 2 * stage_second_ns);
	w.writer->state = WRITER_TROUBLE;
	uint64_t commands = w.stage.commands;
	add_many(&w, 0, 0, 5);
	stage_run(&w.stage, 60 * stage_second_ns);
	assert_int_equal(w.stage.commands, commands);
	w.writer->state = WRITER_READY;
	stage_run(&w.stage, stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 5));
	deinit(&w);
}

static void without_a_batch_entries_are_read_later(void **state)
{
	struct world w;
	(void)state;
	init(&w, 2);
	w.no_batch = true;
	add_many(&w, 0, 0, 5);
	add_many(&w, 1, 0, 5);
	stage_run(&w.stage, 5 * stage_second_ns);
	assert_int_equal(file_count(w.writer, TABLE_operator_log), 0);
	struct stream_feeds_counts counts = stream_feeds_counts(w.feeds);
	assert_in_range(counts.put_off, 4, 12); /* not in haste */
	assert_in_range(counts.behind_ms, 4000, 6000);
	w.no_batch = false;
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 5) && has_each_once(&w, 1, 0, 5));
	assert_int_equal(stream_feeds_counts(w.feeds).behind_ms, 0);
	deinit(&w);
}

static void what_is_no_row_is_passed_by(void **state)
{
	struct world w;
	char name[16];
	(void)state;
	init(&w, 1);
	add(&w, 0, 0, "*");
	STAGE_DO(&w.stage, STR("XADD"), key_name(name, 0), STR("*"), STR("n"), STR("x"));
	STAGE_DO(&w.stage, STR("XADD"), key_name(name, 0), STR("*"), STR("other"), STR("1"));
	add(&w, 0, 1, "*");
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 2));
	assert_int_equal(stream_feeds_counts(w.feeds).left_out, 2);
	restart(&w);
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_int_equal(stream_feeds_counts(w.feeds).left_out, 0);
	deinit(&w);
}

static void another_type_in_its_place_does_no_harm(void **state)
{
	struct world w;
	char name[16];
	(void)state;
	init(&w, 2);
	STAGE_DO(&w.stage, STR("SET"), key_name(name, 0), STR("x"));
	add_many(&w, 1, 0, 3);
	stage_run(&w.stage, 3 * stage_second_ns);
	assert_true(has_each_once(&w, 1, 0, 3));
	assert_in_range(stream_feeds_counts(w.feeds).failed, 2, 4);
	STAGE_DO(&w.stage, STR("DEL"), key_name(name, 0));
	add_many(&w, 0, 0, 3);
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 3));
	deinit(&w);
}

/* An event that a server lost is said again, behind what was said meanwhile. */
static void entries_under_another_id_are_told_apart_where_that_may_be(void **state)
{
	struct world w;
	(void)state;
	init(&w, 1);
	w.checked = true;
	restart(&w);
	add_many(&w, 0, 0, 5);
	stage_run(&w.stage, 2 * stage_second_ns);
	add(&w, 0, 5, "*");
	add(&w, 0, 4, "*");
	stage_run(&w.stage, 2 * stage_second_ns);
	assert_true(has_each_once(&w, 0, 0, 6));
	deinit(&w);
}

/* ---- the end ---- */

static void a_drain_reads_all_there_is(void **state)
{
	struct world w;
	enum status status = STATUS_INVALID;
	(void)state;
	init(&w, 150);
	stage_run(&w.stage, 1500 * stage_ms_ns);
	for (size_t i = 0; i < 150; i++)
		add_many(&w, i, 0, i ? 1 : 3100);
	stream_feeds_drain(w.feeds);
	assert_false(stream_feeds_drained(w.feeds, &status));
	stage_run(&w.stage, 900 * stage_ms_ns);
	assert_true(stream_feeds_drained(w.feeds, &status));
	assert_int_equal(status, STATUS_OK);
	for (size_t i = 0; i < 150; i++)
		assert_true(has_each_once(&w, i, 0, i ? 1 : 3100));
	deinit(&w);
}

static void a_drain_without_a_server_ends_and_says_so(void **state)
{
	struct world w;
	enum status status = STATUS_OK;
	(void)state;
	init(&w, 3);
	stage_run(&w.stage, stage_second_ns);
	fake_redis_kill(w.stage.redis);
	stream_feeds_drain(w.feeds);
	stage_run(&w.stage, 3 * stage_second_ns);
	assert_true(stream_feeds_drained(w.feeds, &status));
	assert_int_not_equal(status, STATUS_OK);
	deinit(&w);
}

static void after_a_stop_no_batch_is_taken(void **state)
{
	struct world w;
	(void)state;
	init(&w, 1);
	stage_run(&w.stage, stage_second_ns);
	add_many(&w, 0, 0, 5);
	stream_feeds_drain(w.feeds); /* due now */
	stream_feeds_step(w.feeds);
	stream_feeds_stop(w.feeds);
	stage_run(&w.stage, 5 * stage_second_ns);
	assert_int_equal(w.writer->commits, 0);
	assert_int_equal(w.out_most, 0);
	deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_once_and_in_order),
		cmocka_unit_test(many_streams_share_rounds_and_batches),
		cmocka_unit_test(a_batch_is_never_over_its_bound),
		cmocka_unit_test(a_stream_is_asked_as_often_as_it_says),
		cmocka_unit_test(a_dead_process_neither_loses_nor_doubles),
		cmocka_unit_test(a_server_that_forgets_its_last_second_doubles_nothing),
		cmocka_unit_test(a_stream_made_again_behind_the_mark_is_read_again),
		cmocka_unit_test(one_made_again_before_the_mark_is_known_by_its_count),
		cmocka_unit_test(a_mark_that_cannot_be_read_begins_anew),
		cmocka_unit_test(what_was_trimmed_unread_is_counted_and_said_once),
		cmocka_unit_test(in_trouble_nothing_is_asked),
		cmocka_unit_test(without_a_batch_entries_are_read_later),
		cmocka_unit_test(what_is_no_row_is_passed_by),
		cmocka_unit_test(another_type_in_its_place_does_no_harm),
		cmocka_unit_test(entries_under_another_id_are_told_apart_where_that_may_be),
		cmocka_unit_test(a_drain_reads_all_there_is),
		cmocka_unit_test(a_drain_without_a_server_ends_and_says_so),
		cmocka_unit_test(after_a_stop_no_batch_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
