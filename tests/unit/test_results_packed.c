/* Packed entries of trade_results: each row is archived as a plain entry would be, the entry
 * is acknowledged and trimmed as a whole, and what is counted are results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "def/archive.h"
#include "unit/results_stage.h"

static const char result[] = "st=done vol=0.10 px=1.08514 t=1784046190500";

/* `rows` results from number `from` on. */
static char *lines_of(char *storage, size_t size, int from, int rows)
{
	struct buf text = buf_over(storage, size - 1);
	for (int i = from; i < from + rows; i++)
		buf_printf(&text, "rid=r%d %s\n", i, result);
	CHECK(!text.overflow);
	storage[text.len] = 0;
	return storage;
}

static void add(struct results_stage *stage, int from, int rows)
{
	char storage[ENTRIES_ROWS_MAX * 80];
	assert_true(results_add_packed(stage, "*", lines_of(storage, sizeof storage, from, rows)));
}

static uint32_t found(struct results_stage *stage, int number)
{
	char rid[24];
	snprintf(rid, sizeof rid, "r%d", number);
	return fake_writer_found(stage->writer, str_of(rid));
}

static void check_all_once(struct results_stage *stage, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(found(stage, i), 1);
}

/* All that was added is taken, and nothing counted as removed. */
static void check_counts(struct results_stage *stage, int64_t added, int64_t lost)
{
	results_run(stage, 2 * results_second_ns);
	assert_int_equal(results_counts(stage->results).added, added);
	assert_int_equal(results_taken(stage), added);
	assert_int_equal(writer_counted(stage->writer, "lost"), lost);
	assert_true(results_balance(stage));
}

/* ---- rows ---- */

static bool same_cells(const struct archive_row *a, const struct archive_row *b)
{
	const struct archive_table_row *table = archive_table_row(TABLE_trade_results);
	for (uint32_t i = 0; i < table->columns; i++) {
		enum archive_column column = table->first + i;
		char one[2048], other[2048];
		struct buf left = buf_over(one, sizeof one), right = buf_over(other, sizeof other);
		archive_cell_print(&left, a, column);
		archive_cell_print(&right, b, column);
		if (archive_cell_there(a, column) != archive_cell_there(b, column) ||
		    !str_eq(buf_str(&left), buf_str(&right)))
			return false;
	}
	return true;
}

static void a_packed_result_is_the_row_that_a_plain_one_is(void **state)
{
	static const char *const results[] = {
		"rid=77-mt5-1-9 id=order-1 sid=77 ins=mt5-1 st=done rc=10009 ord=5 deal=9 pos=6 "
		"sym=EURUSD sd=buy vol=0.10 rq=1.08512 px=1.08514 slp=2.0 com=-0.35 swp=0.01 "
		"fee=-0.02 pnl=12.5 ex=316 sv=1784053390412 t=1784046190500 try=1 why=ok en=in "
		"rs=expert mg=77 cm=x",
		"rid=deal:Some:Server-Demo:90000001:391774213 st=done ins=mt5-1",
		"rid=x st=exp", /* received when its entry's id says */
		"rid=y st=done ins=mt5-new sv=1784056990412 vol= px=00.50",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		struct results_stage plain, packed;
		char fields[600];
		results_begin(&plain);
		results_begin(&packed);
		assert_int_equal(str_copy(str_of(results[i]), fields, sizeof fields), STATUS_OK);
		for (char *at = fields; *at; at++)
			*at = *at == '=' ? ' ' : *at;
		if (!strstr(results[i], "vol= "))
			assert_true(
			    results_other(&plain, "XADD trade_results 1784046190600-1 %s", fields));
		else
			assert_true(results_other(&plain, "XADD trade_results 1784046190600-1 rid "
							  "y st done ins mt5-new sv 1784056990412 "
							  "px 00.50"));
		assert_true(results_add_packed(&packed, "1784046190600-1", results[i]));
		assert_int_equal(results_settle(&plain), STATUS_OK);
		assert_int_equal(results_settle(&packed), STATUS_OK);
		const struct archive_row *a = fake_writer_newest(plain.writer, TABLE_trade_results);
		const struct archive_row *b =
		    fake_writer_newest(packed.writer, TABLE_trade_results);
		assert_true(a && b && same_cells(a, b));
		results_deinit(&plain);
		results_deinit(&packed);
	}
}

static void packed_and_plain_entries_are_read_in_their_order(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	stage.checkpoint_ns = results_second_ns;
	for (int i = 0; i < 60; i += 6) {
		add(&stage, i, 5);
		assert_true(results_other(&stage, "XADD trade_results * rid r%d st done", i + 5));
	}
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, 60);
	check_counts(&stage, 60, 0);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	assert_int_equal(results_counts(stage.results).packed, 10);
	assert_int_equal(results_counts(stage.results).acked, 20);
	assert_int_equal(stage.n_tells, 0);
	results_deinit(&stage);
}

/* ---- batches and pages ---- */

static void an_entry_is_in_one_batch_as_a_whole(void **state)
{
	enum { ENTRIES = 400, ROWS = 200 };
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	stage.commits = false;
	for (int i = 0; i < ENTRIES; i++)
		add(&stage, i * ROWS, ROWS);
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(writer_waiting(stage.writer), 2);
	while (results_counts(stage.results).archived < ENTRIES * ROWS) {
		int64_t before = writer_rows(stage.writer, TABLE_trade_results);
		assert_true(fake_writer_commit(stage.writer));
		int64_t rows = writer_rows(stage.writer, TABLE_trade_results) - before;
		assert_true(rows % ROWS == 0 && rows <= WRITER_ROWS_MAX);
		results_run(&stage, 300 * results_ms_ns);
	}
	stage.commits = true;
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, ENTRIES * ROWS);
	check_counts(&stage, ENTRIES * ROWS, 0);
	results_deinit(&stage);
}

/* How often the server was asked for an entry: `behind` would fetch it again. */
static uint64_t fetched(struct results_stage *stage)
{
	char line[] = "XPENDING trade_results archive - + 20000";
	struct str argv[RESULTS_WORDS];
	uint64_t times = 0;
	struct redis_reply *reply = fake_redis_peek(stage->redis, argv, results_words(line, argv));
	for (size_t i = 0; i < reply->count; i++)
		times += (uint64_t)reply->items[i].items[3].integer;
	fake_reply_free(reply);
	return times;
}

static void pages_follow_what_entries_hold(void **state)
{
	enum { PLAIN = 3000, ENTRIES = 300, ROWS = 250 };
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	for (int i = 0; i < PLAIN; i++)
		results_other(&stage, "XADD trade_results * rid r%d st done", i);
	for (int i = 0; i < ENTRIES; i++)
		add(&stage, PLAIN + i * ROWS, ROWS);
	stage.commits = false;
	results_run(&stage, 2 * results_second_ns);
	assert_int_equal(writer_waiting(stage.writer), 2);
	/* One page of before is too much; then they are as big as there is room. */
	assert_true(fetched(&stage) < 2 * (PLAIN + ENTRIES));
	stage.commits = true;
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, PLAIN + ENTRIES * ROWS);
	check_counts(&stage, PLAIN + ENTRIES * ROWS, 0);
	results_deinit(&stage);
}

static void a_crash_between_any_two_steps_loses_and_doubles_nothing(void **state)
{
	(void)state;
	for (int step = 0; step < 5; step++) {
		struct results_stage stage;
		results_begin(&stage);
		stage.commits = false;
		add(&stage, 0, 40);
		results_other(&stage, "XADD trade_results * rid r40 st done");
		add(&stage, 41, 40);
		results_run(&stage, step ? 400 * results_ms_ns : 5 * results_ms_ns);
		if (step == 2)
			assert_true(fake_writer_commit_untold(stage.writer));
		if (step >= 3)
			assert_true(fake_writer_commit(stage.writer));
		if (step >= 4)
			results_run(&stage, 20 * results_ms_ns);
		results_restart(&stage);
		stage.commits = true;
		stage.checkpoint_ns = results_second_ns;
		add(&stage, 81, 7);
		results_run(&stage, 4 * results_second_ns);
		check_all_once(&stage, 88);
		check_counts(&stage, 88, 0);
		assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
		assert_int_equal(stage.n_tells, 0);
		results_deinit(&stage);
	}
}

/* ---- what is bad ---- */

static struct str cell(const struct archive_row *row, enum archive_column column)
{
	return archive_cell_text(row, column);
}

static void a_bad_row_goes_its_own_way_and_the_others_theirs(void **state)
{
	struct results_stage stage;
	const struct archive_row *letter;
	(void)state;
	results_begin(&stage);
	stage.checkpoint_ns = results_second_ns;
	assert_true(results_add_packed(&stage, "1784046190600-1",
				       "rid=r0 st=done\n"
				       "rid=bad-1 st=done vol=NaN cm=\n"
				       "rid=r1 st=done\n"
				       "st=done why=without\n"
				       "rid=r2 st=exp"));
	results_run(&stage, 3 * results_second_ns);
	check_all_once(&stage, 3);
	assert_int_equal(fake_writer_retries(stage.writer), 2);
	assert_true(
	    str_starts(fake_writer_retry(stage.writer, 1)->entry_id, STR("1784046190600-1/3@")));
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	check_counts(&stage, 5, 0);
	results_restart(&stage); /* the ladder goes on */
	results_run(&stage, 400 * results_second_ns);
	assert_int_equal(fake_writer_dead(stage.writer, STR("1784046190600-1/3"), &letter), 1);
	assert_true(str_eq(cell(letter, COLUMN_dead_letters_entry_id), STR("1784046190600-1/3")));
	assert_true(str_eq(cell(letter, COLUMN_dead_letters_reason), STR("rid: missing")));
	assert_true(str_eq(cell(letter, COLUMN_dead_letters_payload),
			   STR("{\"st\":\"done\",\"why\":\"without\"}")));
	assert_int_equal(fake_writer_dead(stage.writer, STR("bad-1"), &letter), 1);
	assert_true(str_eq(cell(letter, COLUMN_dead_letters_entry_id), STR("1784046190600-1/1")));
	assert_true(str_eq(cell(letter, COLUMN_dead_letters_reason), STR("vol: not a number")));
	check_counts(&stage, 5, 0);
	results_deinit(&stage);
}

/* More letters than a batch takes: none of an entry's is in two. */
static void entries_of_bad_rows_alone_end_as_dead_letters(void **state)
{
	enum { ENTRIES = 40 };
	struct results_stage stage;
	char storage[ENTRIES_ROWS_MAX * 16];
	(void)state;
	results_begin(&stage);
	stage.checkpoint_ns = results_second_ns;
	for (int i = 0; i < ENTRIES; i++) {
		struct buf text = buf_over(storage, sizeof storage - 1);
		for (int row = 0; row < ENTRIES_ROWS_MAX; row++)
			buf_printf(&text, "rid=b%d-%d\n", i, row);
		storage[text.len] = 0;
		assert_true(results_add_packed(&stage, "*", storage));
	}
	results_run(&stage, 2000 * results_second_ns);
	assert_int_equal(writer_counted(stage.writer, "dead"), ENTRIES * ENTRIES_ROWS_MAX);
	assert_int_equal(fake_writer_dead(stage.writer, STR("b39-255"), NULL), 1);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	check_counts(&stage, ENTRIES * ENTRIES_ROWS_MAX, 0);
	results_deinit(&stage);
}

static const struct archive_row *letter_of(struct results_stage *stage, const char *id)
{
	const struct archive_row *letter = NULL;
	results_run(stage, 400 * results_second_ns);
	assert_int_equal(fake_writer_dead(stage->writer, str_of(id), &letter), 1);
	return letter;
}

static void a_chunk_that_cannot_be_unpacked_is_one_letter_with_its_bytes(void **state)
{
	static const struct {
		const char *bytes, *reason, *payload;
		size_t len;
	} bad[] = { { "\x07zz", "codec: 7 is not known", "{\"p\":[\"077a7a\"]}", 3 },
		    { "", "codec: missing", "{\"p\":[\"\"]}", 0 } };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct results_stage stage;
		results_begin(&stage);
		stage.checkpoint_ns = results_second_ns;
		results_add_chunk(&stage, "1784046190600-1", str_make(bad[i].bytes, bad[i].len), 1);
		add(&stage, 0, 3);
		const struct archive_row *letter = letter_of(&stage, "1784046190600-1");
		assert_true(
		    str_eq(cell(letter, COLUMN_dead_letters_reason), str_of(bad[i].reason)));
		assert_true(
		    str_eq(cell(letter, COLUMN_dead_letters_payload), str_of(bad[i].payload)));
		check_all_once(&stage, 3);
		assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
		check_counts(&stage, 4, 0);
		results_deinit(&stage);
	}
}

static void try_letter(struct results_stage *stage, struct str payload)
{
	const struct writer_retry letter = { .origin = STR("trade_results"),
					     .entry_id = STR("1784046190600-1"),
					     .letter_id = STR("1784046190600-1"),
					     .payload = payload,
					     .reason = STR("codec: checksum does not match") };
	struct writer_batch *batch = writer_batch_take(stage->writer);
	assert_non_null(batch);
	writer_dead_drop(batch, letter.origin, letter.letter_id);
	results_retry(stage->results, batch, &letter);
	writer_submit(stage->writer, batch);
	results_run(stage, 400 * results_ms_ns);
}

/* Damaged on its way, it counts as one; mended, tried again, as all it holds. */
static void a_letter_that_can_be_unpacked_is_its_rows(void **state)
{
	struct results_stage stage;
	char bytes[ENTRIES_CHUNK_BYTES], payload[2 * ENTRIES_CHUNK_BYTES + 16];
	struct buf chunk = buf_over(bytes, sizeof bytes), text = buf_over(payload, sizeof payload);
	(void)state;
	results_begin(&stage);
	results_pack(&chunk, "rid=r0 st=done\nrid=bad-1 st=what\nrid=r1 st=done\nrid=r2 st=fail");
	bytes[chunk.len - 1] ^= 1;
	assert_true(results_add_chunk(&stage, "1784046190600-1", buf_str(&chunk), 4));
	letter_of(&stage, "1784046190600-1");
	check_counts(&stage, 1, 0);
	bytes[chunk.len - 1] ^= 1;
	buf_printf(&text, "{\"p\":[\"");
	for (size_t i = 0; i < chunk.len; i++)
		buf_printf(&text, "%02x", (unsigned char)bytes[i]);
	buf_printf(&text, "\"]}");
	try_letter(&stage, buf_str(&text));
	check_all_once(&stage, 3);
	assert_int_equal(writer_counted(stage.writer, "dead"), 0);
	check_counts(&stage, 4, 0);
	results_restart(&stage);
	check_counts(&stage, 4, 0);
	const struct archive_row *letter = letter_of(&stage, "bad-1");
	assert_true(str_eq(cell(letter, COLUMN_dead_letters_entry_id), STR("1784046190600-1/1")));
	check_counts(&stage, 4, 0);
	results_deinit(&stage);
}

/* ---- counting ---- */

static void what_waits_is_known_before_it_is_read(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 10);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	fake_writer_trouble(stage.writer, true);
	add(&stage, 10, 30);
	results_other(&stage, "XADD trade_results * rid r40 st done");
	results_run(&stage, 3 * results_second_ns);
	const struct results_counts counts = results_counts(stage.results);
	assert_int_equal(counts.added - (uint64_t)results_taken(&stage), 31);
	assert_int_equal(counts.length, 3);
	assert_int_equal(counts.beyond, 38);
	results_deinit(&stage);
}

static void removed_entries_are_lost_with_all_they_held(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 3);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	add(&stage, 3, 20); /* unread */
	add(&stage, 23, 2);
	results_other(&stage, "XTRIM trade_results MAXLEN 1");
	results_run(&stage, 5 * results_second_ns);
	assert_true(results_told(&stage, "20 results were removed"));
	check_counts(&stage, 25, 20);
	assert_true(results_add_packed(&stage, "9999999999999-1", "rid=a st=done\nrid=b st=done"));
	results_other(&stage, "XREADGROUP GROUP archive old STREAMS trade_results >");
	results_other(&stage, "XDEL trade_results 9999999999999-1"); /* pending */
	assert_true(results_add_packed(&stage, "9999999999999-2", "rid=c st=done"));
	results_run(&stage, 200 * results_second_ns);
	assert_true(results_told(&stage, "9999999999999-1"));
	check_counts(&stage, 28, 22);
	results_deinit(&stage);
}

static void a_stream_begun_anew_counts_what_it_holds(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 30);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_counts(&stage, 30, 0);
	stage.commits = false;
	results_other(&stage, "DEL trade_results");
	for (int i = 0; i < 10; i++)
		add(&stage, 20 + i * 10, 10); /* ten of them known */
	results_run(&stage, 3 * results_second_ns);
	results_restart(&stage); /* in the middle */
	stage.commits = true;
	add(&stage, 120, 10);
	results_run(&stage, 3 * results_second_ns);
	check_all_once(&stage, 130);
	check_counts(&stage, 30 + 110, 0);
	results_other(&stage, "FLUSHALL");
	stage.beyond = 0;
	add(&stage, 130, 10);
	results_run(&stage, 3 * results_second_ns);
	check_all_once(&stage, 140);
	check_counts(&stage, 150, 0);
	results_deinit(&stage);
}

/* By an operator: it is written again with the next results. */
static void a_count_that_is_gone_loses_nothing(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	add(&stage, 0, 30);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	results_other(&stage, "DEL fleet:up:~");
	results_run(&stage, 3 * results_second_ns);
	add(&stage, 30, 10);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_all_once(&stage, 40);
	check_counts(&stage, 40, 0);
	results_other(&stage, "SET fleet:up:~ nonsense"); /* no hash */
	results_run(&stage, 3 * results_second_ns);
	assert_int_equal(results_trouble(stage.results), STATUS_OK);
	results_other(&stage, "DEL fleet:up:~");
	add(&stage, 40, 10);
	assert_int_equal(results_settle(&stage), STATUS_OK);
	check_counts(&stage, 50, 0);
	results_deinit(&stage);
}

static void entries_of_a_dead_consumer_are_claimed_as_a_whole(void **state)
{
	struct results_stage stage;
	(void)state;
	results_begin(&stage);
	for (int i = 0; i < 120; i++)
		add(&stage, i * 200, 200);
	results_other(&stage, "XREADGROUP GROUP archive old COUNT 120 STREAMS trade_results >");
	add(&stage, 24000, 5);
	stage.checkpoint_ns = results_second_ns;
	results_run(&stage, 300 * results_second_ns);
	check_all_once(&stage, 24005);
	assert_int_equal(results_integer(&stage, "XLEN trade_results"), 0);
	assert_int_equal(results_counts(stage.results).claimed, 120);
	check_counts(&stage, 24005, 0);
	results_deinit(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packed_result_is_the_row_that_a_plain_one_is),
		cmocka_unit_test(packed_and_plain_entries_are_read_in_their_order),
		cmocka_unit_test(an_entry_is_in_one_batch_as_a_whole),
		cmocka_unit_test(pages_follow_what_entries_hold),
		cmocka_unit_test(a_crash_between_any_two_steps_loses_and_doubles_nothing),
		cmocka_unit_test(a_bad_row_goes_its_own_way_and_the_others_theirs),
		cmocka_unit_test(entries_of_bad_rows_alone_end_as_dead_letters),
		cmocka_unit_test(a_chunk_that_cannot_be_unpacked_is_one_letter_with_its_bytes),
		cmocka_unit_test(a_letter_that_can_be_unpacked_is_its_rows),
		cmocka_unit_test(what_waits_is_known_before_it_is_read),
		cmocka_unit_test(removed_entries_are_lost_with_all_they_held),
		cmocka_unit_test(a_stream_begun_anew_counts_what_it_holds),
		cmocka_unit_test(a_count_that_is_gone_loses_nothing),
		cmocka_unit_test(entries_of_a_dead_consumer_are_claimed_as_a_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
