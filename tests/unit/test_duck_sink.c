/* The sink that is a DuckDB file: a batch is there whole, once, newer ones replace it, and each
 * trouble has its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/duck.h"
#include "archive/duck_sink.h"
#include "redis_fixture.h"
#include "unit/sink_stage.h"

static char *folder;

static void begin(struct stage *stage, const char *name)
{
	char path[300];
	struct err err;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	stage_init(stage);
	assert_int_equal(
	    duck_sink_open(&(struct duck_sink_config){ .loop = stage->loop, .path = path },
			   &stage->sink, &err),
	    STATUS_OK);
}

static void add_records(struct stage *stage, int from, int to, const char *value)
{
	char name[80];
	archive_rows_clear(&stage->rows);
	for (int i = from; i < to; i++) {
		struct archive_rows *rows = &stage->rows;
		snprintf(name, sizeof name, "element %d, longer than what is inlined", i);
		archive_rows_begin(rows, TABLE_moved_records);
		archive_row_text(rows, COLUMN_moved_records_element, str_of(name));
		archive_row_text(rows, COLUMN_moved_records_field, STR(""));
		archive_row_text(rows, COLUMN_moved_records_kind, STR("set"));
		archive_row_num(rows, COLUMN_moved_records_score, i % 2 ? STR("1.50") : STR("-2"));
		if (i % 3)
			archive_row_int(rows, COLUMN_moved_records_ts, i);
		archive_row_text(rows, COLUMN_moved_records_encoding, STR("text"));
		archive_row_text(rows, COLUMN_moved_records_value, str_of(value));
		archive_row_text(rows, COLUMN_moved_records_family, STR("f"));
		archive_row_text(rows, COLUMN_moved_records_source, STR("k"));
		archive_row_int(rows, COLUMN_moved_records_seq, 0);
		assert_int_equal(archive_rows_end(rows), STATUS_OK);
	}
}

static uint64_t sum_of(const struct archive_rows *rows)
{
	uint64_t sum = 0;
	for (const struct archive_row *row = NULL; (row = archive_rows_next(rows, row));)
		sum += archive_row_hash(row);
	return sum;
}

static uint64_t read_back(struct stage *stage, int64_t batch_id, size_t wanted)
{
	struct archive_rows back;
	struct sink_read read = { .table = TABLE_moved_records,
				  .batch_id = batch_id,
				  .rows_max = 100000,
				  .rows = &back };
	archive_rows_init(&back, 64 << 20);
	stage_begin(stage);
	stage->sink->ops->read(stage->sink, &read, stage_on_end, stage);
	stage_wait(stage);
	stage_expect(stage, SINK_DONE);
	assert_int_equal(back.count, wanted);
	uint64_t sum = sum_of(&back);
	archive_rows_deinit(&back);
	return sum;
}

static void rows_come_back_as_they_went_and_newer_ones_replace_them(void **state)
{
	struct stage stage;
	(void)state;
	begin(&stage, "rows");
	stage_open(&stage);
	stage_expect(&stage, SINK_DONE);
	add_records(&stage, 0, 5000, "one");
	for (int times = 0; times < 2; times++) { /* sent again it is the same */
		stage_send(&stage, TABLE_moved_records, 11);
		stage_expect(&stage, SINK_DONE);
		stage_probe(&stage, TABLE_moved_records, 11);
		assert_int_equal(stage.count, 5000);
		assert_true(read_back(&stage, 11, 5000) == sum_of(&stage.rows));
	}
	add_records(&stage, 4000, 6000, "another one, longer than what is inlined");
	stage_send(&stage, TABLE_moved_records, 12);
	stage_expect(&stage, SINK_DONE);
	assert_true(read_back(&stage, 12, 2000) == sum_of(&stage.rows));
	stage_probe(&stage, TABLE_moved_records, 11);
	assert_int_equal(stage.count, 4000);
	stage_count(&stage, TABLE_moved_records);
	assert_int_equal(stage.count, 6000);
	stage_expire(&stage, TABLE_moved_records, INT64_MAX);
	stage_expect(&stage, SINK_DONE);
	stage_deinit(&stage);
	begin(&stage, "rows"); /* and over a restart */
	stage_count(&stage, TABLE_moved_records);
	assert_int_equal(stage.count, 6000);
	stage_deinit(&stage);
}

static void a_file_that_another_process_has_open_is_away(void **state)
{
	struct stage stage;
	int ready[2];
	char byte = 0;
	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		begin(&stage, "locked");
		stage_open(&stage);
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	begin(&stage, "locked");
	stage_open(&stage);
	stage_expect(&stage, SINK_AWAY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	stage_open(&stage);
	stage_expect(&stage, SINK_DONE);
	stage_deinit(&stage);
	close(ready[0]);
	close(ready[1]);
}

static void a_path_that_cannot_be_is_away_and_says_why(void **state)
{
	struct stage stage;
	(void)state;
	begin(&stage, "no/such/folder");
	stage_open(&stage);
	stage_expect(&stage, SINK_AWAY);
	assert_non_null(strstr(stage.why, "DuckDB"));
	add_records(&stage, 0, 1, "x");
	stage_send(&stage, TABLE_moved_records, 1);
	stage_expect(&stage, SINK_AWAY);
	stage_deinit(&stage);
}

static void a_body_beyond_its_limit_is_full_and_leaves_nothing(void **state)
{
	struct stage stage;
	struct buf small;
	size_t bad;
	(void)state;
	begin(&stage, "full");
	add_records(&stage, 0, 10, "x");
	buf_init(&small, 1000);
	buf_char(&small, 'x');
	assert_int_equal(stage.sink->ops->encode(stage.sink, &stage.rows, 0, 10, 1, &small, &bad),
			 STATUS_FULL);
	assert_int_equal(small.len, 1);
	buf_deinit(&small);
	stage_deinit(&stage);
}

static void it_can_be_closed_while_a_batch_is_under_way(void **state)
{
	struct stage stage;
	(void)state;
	begin(&stage, "closed");
	stage_open(&stage);
	add_records(&stage, 0, 3000, "x");
	stage_encode(&stage, 1);
	stage_send_begin(&stage, TABLE_moved_records, 1);
	stage_close_sink(&stage);
	assert_false(stage.done); /* in silence */
	stage_deinit(&stage);
}

static int stop(void **state)
{
	(void)state;
	fixture_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_as_they_went_and_newer_ones_replace_them),
		cmocka_unit_test(a_file_that_another_process_has_open_is_away),
		cmocka_unit_test(a_path_that_cannot_be_is_away_and_says_why),
		cmocka_unit_test(a_body_beyond_its_limit_is_full_and_leaves_nothing),
		cmocka_unit_test(it_can_be_closed_while_a_batch_is_under_way),
	};
	struct err err;
	if (!duck_load(&err)) {
		printf("%s: its tests are skipped\n", err.text);
		return 77;
	}
	folder = fixture_folder();
	return cmocka_run_group_tests(tests, NULL, stop);
}
