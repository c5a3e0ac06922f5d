/* A file that is damaged, cut short or gone: salvaged, or refused with one line; never an
 * empty archive in silence. Damage is done to a file whose process was killed. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/rng.h"
#include "writer_stage.h"

enum { BATCHES = 20, ROWS = 50 };

static int setup(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	*state = &stage;
	return 0;
}

static int teardown(void **state)
{
	stage_end(*state);
	return 0;
}

static void put_batch(struct stage *stage, int n)
{
	struct writer_batch *batch = stage_take(stage);
	char mark[16];
	for (int i = 0; i < ROWS; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "%d-mt5-017-%d", n, i);
		stage_result(&batch->rows, rid, n * ROWS + i, "fail", stage_us + n);
	}
	snprintf(mark, sizeof mark, "%d", n);
	writer_mark(batch, STR("trade_results"), str_of(mark));
	stage_submit(stage, batch);
}

/* BATCHES batches behind a checkpoint, and then SIGKILL: the WAL holds them. */
static void make_killed(struct stage *stage)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct err err;
		assert_int_equal(loop_create(64, &stage->loop, &err), 0);
		stage_open(stage);
		put_batch(stage, 0);
		stage_close(stage);
		stage_open(stage);
		for (int n = 1; n <= BATCHES; n++)
			put_batch(stage, n);
		raise(SIGKILL);
	}
	int how;
	assert_int_equal(waitpid(pid, &how, 0), pid);
	if (WIFEXITED(how))
		_exit(WEXITSTATUS(how)); /* DuckDB is not here */
}

static void wal_path(const struct stage *stage, char out[128])
{
	snprintf(out, 128, "%s.wal", stage->path);
}

static int64_t wal_bytes(const struct stage *stage)
{
	char wal[128];
	struct stat now;
	wal_path(stage, wal);
	assert_int_equal(stat(wal, &now), 0);
	return (int64_t)now.st_size;
}

static void flip(const char *path, int64_t at, unsigned char bits)
{
	unsigned char byte;
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= bits;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* Whole batches, from the first on, and the mark of the last of them. */
static int whole_batches(struct stage *stage)
{
	char text[64];
	int batches = atoi(writer_marked(stage->writer, STR("trade_results")).ptr) + 1;
	snprintf(text, sizeof text, "%d %d", batches * ROWS, (batches - 1) * ROWS + ROWS - 1);
	assert_string_equal(stage_ask(stage,
				      "SELECT count(DISTINCT result_id) || ' ' || max(sid) FROM "
				      "trade_results"),
			    text);
	assert_int_equal(writer_rows(stage->writer, TABLE_trade_results), batches * ROWS);
	return batches;
}

static void assert_kept(const struct stage *stage)
{
	char wal[300];
	struct stat now;
	assert_true(stage->salvaged);
	assert_non_null(strstr(stage->kept, ".damaged"));
	assert_int_equal(stat(stage->kept, &now), 0);
	snprintf(wal, sizeof wal, "%s.wal", stage->kept);
	assert_int_equal(stat(wal, &now), 0);
	assert_int_equal(now.st_size, stage->damaged_bytes);
}

static void test_a_killed_writer_has_lost_nothing(void **state)
{
	struct stage *stage = *state;
	make_killed(stage);
	stage_open(stage);
	assert_false(stage->salvaged);
	assert_int_equal(whole_batches(stage), BATCHES + 1);
}

static void test_a_zero_filled_tail_is_cut_and_every_batch_is_there(void **state)
{
	struct stage *stage = *state;
	char wal[128];
	wal_path(stage, wal);
	make_killed(stage);
	int64_t bytes = wal_bytes(stage);
	assert_int_equal(truncate(wal, bytes + 8192), 0);
	stage_open(stage);
	assert_kept(stage);
	assert_int_equal(stage->damaged_bytes, bytes + 8192);
	assert_int_equal(stage->kept_bytes, bytes);
	assert_int_equal(whole_batches(stage), BATCHES + 1);
	assert_int_equal(writer_counts(stage->writer)->salvaged, 1);
	put_batch(stage, BATCHES + 1);
	assert_int_equal(whole_batches(stage), BATCHES + 2);
}

static void test_a_tail_that_was_overwritten_with_zeros_loses_the_last_batch_alone(void **state)
{
	struct stage *stage = *state;
	char wal[128];
	wal_path(stage, wal);
	make_killed(stage);
	int64_t bytes = wal_bytes(stage);
	assert_int_equal(truncate(wal, bytes - 100), 0);
	assert_int_equal(truncate(wal, bytes), 0);
	stage_open(stage);
	assert_kept(stage);
	assert_int_equal(whole_batches(stage), BATCHES);
}

/* Wherever it is: what was before it is there, and somebody is told. Only a cut in the last
 * entry looks like a write that a crash ended, and is nobody's news. */
static void test_a_flipped_byte_anywhere_costs_only_what_is_behind_it(void **state)
{
	struct stage *stage = *state;
	char wal[128];
	struct rng rng;
	rng_init(&rng, 7);
	wal_path(stage, wal);
	for (int round = 0; round < 12; round++) {
		make_killed(stage);
		int64_t bytes = wal_bytes(stage);
		int64_t at = round == 0 ? 3 : (int64_t)rng_below(&rng, (uint64_t)bytes);
		flip(wal, at, (unsigned char)(1 << rng_below(&rng, 8)));
		stage_open(stage);
		int batches = whole_batches(stage);
		int64_t before = at * BATCHES / bytes; /* batches are of one size, nearly */
		if (batches < before || (batches < BATCHES && !stage->salvaged))
			fail_msg("byte %" PRId64 " of %" PRId64 ": %d batches, %s", at, bytes,
				 batches, stage->salvaged ? "salvaged" : "and no word");
		stage_close(stage);
		char command[160];
		snprintf(command, sizeof command, "rm -rf %s/*", stage->dir);
		assert_int_equal(system(command), 0);
	}
}

static void test_a_length_that_cannot_be_is_told_and_not_dropped_in_silence(void **state)
{
	struct stage *stage = *state;
	char wal[128];
	uint64_t length;
	int64_t at = 8;
	wal_path(stage, wal);
	make_killed(stage);
	int64_t bytes = wal_bytes(stage);
	int fd = open(wal, O_RDWR);
	while (at < bytes / 2 && pread(fd, &length, sizeof length, at) == sizeof length)
		at += 16 + (int64_t)length;
	close(fd);
	flip(wal, at + 6, 0x10); /* of an entry's length: some 10^15 bytes */
	stage_open(stage);
	assert_kept(stage);
	assert_int_equal(stage->kept_bytes, at);
	int batches = whole_batches(stage);
	assert_true(batches > BATCHES / 3 && batches < BATCHES);
}

static void test_many_damages_one_behind_the_other_are_all_cut(void **state)
{
	struct stage *stage = *state;
	char wal[128];
	wal_path(stage, wal);
	make_killed(stage);
	int64_t bytes = wal_bytes(stage);
	for (int64_t at = bytes / 4; at < bytes; at += bytes / 16)
		flip(wal, at, 0x55);
	stage_open(stage);
	assert_kept(stage);
	assert_true(whole_batches(stage) >= BATCHES / 5);
}

static void assert_refused(struct stage *stage, const char *word)
{
	stage_try_open(stage);
	assert_int_not_equal(stage->open_status, STATUS_OK);
	assert_false(stage->salvaged);
	if (!strstr(stage->open_err.text, word) || strchr(stage->open_err.text, '\n'))
		fail_msg("'%s' does not say '%s'", stage->open_err.text, word);
	stage_close(stage);
}

static void test_a_damaged_main_file_is_refused_with_one_line(void **state)
{
	struct stage *stage = *state;
	make_killed(stage);
	flip(stage->path, 4096 + 8, 4);
	flip(stage->path, 8192 + 8, 4);
	assert_refused(stage, "cannot be opened");
}

static void test_a_main_file_that_is_none_is_refused(void **state)
{
	struct stage *stage = *state;
	make_killed(stage);
	flip(stage->path, 9, 4);
	assert_refused(stage, "cannot be opened");
	assert_int_equal(truncate(stage->path, 0), 0);
	assert_refused(stage, "cut short");
}

static void test_a_missing_file_is_not_begun_anew_in_silence(void **state)
{
	struct stage *stage = *state;
	char marker[128], wal[128];
	struct stat there;
	wal_path(stage, wal);
	snprintf(marker, sizeof marker, "%s.made", stage->path);
	make_killed(stage);
	int64_t bytes = wal_bytes(stage);
	assert_int_equal(unlink(stage->path), 0);
	assert_refused(stage, "archive.duckdb.made");
	assert_int_equal(unlink(marker), 0);
	assert_refused(stage, "archive.duckdb.wal");
	assert_int_equal(wal_bytes(stage), bytes); /* it was not touched */
	assert_int_equal(stat(stage->path, &there), -1);
	assert_int_equal(unlink(wal), 0);
	stage_open(stage);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results"), "0");
}

/* Killed while the file was made: nothing is in it, nothing says that there was one. */
static void test_a_file_that_was_never_finished_is_begun_anew(void **state)
{
	struct stage *stage = *state;
	int fd = open(stage->path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "DUCK", 4), 4);
	close(fd);
	stage_open(stage);
	put_batch(stage, 0);
	assert_int_equal(whole_batches(stage), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_killed_writer_has_lost_nothing),
		TEST(test_a_zero_filled_tail_is_cut_and_every_batch_is_there),
		TEST(test_a_tail_that_was_overwritten_with_zeros_loses_the_last_batch_alone),
		TEST(test_a_flipped_byte_anywhere_costs_only_what_is_behind_it),
		TEST(test_a_length_that_cannot_be_is_told_and_not_dropped_in_silence),
		TEST(test_many_damages_one_behind_the_other_are_all_cut),
		TEST(test_a_damaged_main_file_is_refused_with_one_line),
		TEST(test_a_main_file_that_is_none_is_refused),
		TEST(test_a_missing_file_is_not_begun_anew_in_silence),
		TEST(test_a_file_that_was_never_finished_is_begun_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
