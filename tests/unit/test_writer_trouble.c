/* A disk without room under the archive file: the writer says so, loses nothing, doubles
 * nothing, and goes on by itself. On a tmpfs where mounting is allowed, else with a limit on
 * the length of files (RLIMIT_FSIZE: EFBIG instead of ENOSPC); the test says which. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "writer_stage.h"

enum { ROWS = 4000 };

static struct {
	struct stage stage;
	bool mounted;
	char ballast[96];
} world;

static int setup(void **state)
{
	struct stage *stage = &world.stage;
	stage_begin(stage);
	world.mounted = !getenv("WEIR_TEST_NO_MOUNT") &&
			mount("tmpfs", stage->dir, "tmpfs", 0, "size=24m,mode=0700") == 0;
	print_message("full disk by %s\n", world.mounted ? "a tmpfs of 24 MB" : "RLIMIT_FSIZE");
	snprintf(world.ballast, sizeof world.ballast, "%s/ballast", stage->dir);
	signal(SIGXFSZ, SIG_IGN);
	stage->config.sinks[0] = "clickhouse"; /* opening it again is a transaction, too */
	stage_open(stage);
	*state = stage;
	return 0;
}

static int teardown(void **state)
{
	struct stage *stage = *state;
	if (stage->writer)
		stage_close(stage);
	if (world.mounted)
		assert_int_equal(umount2(stage->dir, MNT_DETACH), 0);
	stage_end(stage);
	return 0;
}

static void set_limit(uint64_t bytes)
{
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static uint64_t longest_file(const struct stage *stage)
{
	struct stat file, wal;
	char path[128];
	snprintf(path, sizeof path, "%s.wal", stage->path);
	uint64_t bytes = stat(stage->path, &file) == 0 ? (uint64_t)file.st_size : 0;
	uint64_t more = stat(path, &wal) == 0 ? (uint64_t)wal.st_size : 0;
	return bytes > more ? bytes : more;
}

/* No room from here on but for a few kB. */
static void fill_disk(struct stage *stage)
{
	char block[4096];
	memset(block, 'x', sizeof block);
	if (!world.mounted) {
		set_limit(longest_file(stage) + 8192);
		return;
	}
	int fd = open(world.ballast, O_CREAT | O_WRONLY | O_APPEND, 0600);
	while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void make_room(void)
{
	if (world.mounted)
		assert_int_equal(unlink(world.ballast), 0);
	else
		set_limit(0);
}

static void fill(struct writer_batch *batch, int n)
{
	char mark[16];
	for (int i = 0; i < ROWS; i++) {
		char rid[32];
		snprintf(rid, sizeof rid, "%d-mt5-017-%d", n, i);
		stage_result(&batch->rows, rid, n, "fail", stage_us + n);
	}
	snprintf(mark, sizeof mark, "%d", n);
	writer_mark(batch, STR("n"), str_of(mark));
}

static void run_into_trouble(struct stage *stage, struct done *done)
{
	struct writer_batch *batch = stage_take(stage);
	fill(batch, 1);
	assert_int_equal(stage_submit(stage, batch).status, STATUS_OK);
	fill_disk(stage);
	batch = stage_take(stage);
	fill(batch, 2);
	batch->done = stage_done;
	batch->ctx = done;
	writer_submit(stage->writer, batch);
	for (int i = 0; i < 600 && writer_state(stage->writer) != WRITER_TROUBLE; i++)
		loop_turn(stage->loop, 100000000);
	assert_int_equal(writer_state(stage->writer), WRITER_TROUBLE);
	assert_int_equal(stage->troubles, 1);
	print_message("trouble: %s\n", stage->trouble);
	assert_string_equal(writer_trouble(stage->writer), stage->trouble);
	assert_false(done->is);
}

static void test_a_full_disk_is_told_waited_for_and_got_over(void **state)
{
	struct stage *stage = *state;
	struct done done = { .is = false };
	run_into_trouble(stage, &done);
	for (int i = 0; i < 25; i++) /* it tries, and tries */
		loop_turn(stage->loop, 100000000);
	assert_false(done.is);
	make_room();
	assert_true(loop_turn_until(stage->loop, &done.is, stage_patience_ns));
	assert_int_equal(done.status, STATUS_OK);
	assert_int_equal(done.taken, ROWS);
	for (int i = 0; i < 100 && writer_state(stage->writer) != WRITER_READY; i++)
		loop_turn(stage->loop, 100000000);
	assert_int_equal(writer_state(stage->writer), WRITER_READY);
	assert_string_equal(writer_trouble(stage->writer), "");
	assert_string_equal(stage->trouble, "");
	assert_true(writer_counts(stage->writer)->failed > 0);
	assert_string_equal(stage_ask(stage, "SELECT count(*) || ' ' || count(DISTINCT result_id) "
					     "FROM trade_results"),
			    "8000 8000");
	assert_true(str_eq(writer_marked(stage->writer, STR("n")), STR("2")));
	stage_close(stage);
	stage_open(stage);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results"), "8000");
}

static void test_a_close_in_trouble_waits_for_nothing_and_says_cancelled(void **state)
{
	struct stage *stage = *state;
	struct done done = { .is = false };
	run_into_trouble(stage, &done);
	struct writer_batch *batch = stage_take(stage);
	struct done second = { .is = false };
	fill(batch, 3);
	batch->done = stage_done;
	batch->ctx = &second;
	writer_submit(stage->writer, batch);
	int64_t begin = loop_precise_ns();
	stage_close(stage);
	assert_true(loop_precise_ns() - begin < INT64_C(30000000000));
	assert_true(done.is && second.is);
	make_room();
	stage_open(stage);
	/* What was cancelled is not there; what was said to be committed is. */
	const char *want = done.status ? "4000" : "8000";
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results WHERE sid < 3"),
			    want);
	assert_int_equal(done.status, STATUS_CANCELLED);
}

static void test_a_checkpoint_without_room_is_trouble_and_comes_later(void **state)
{
	struct stage *stage = *state;
	struct writer_batch *batch = stage_take(stage);
	fill(batch, 1);
	uint64_t number = stage_submit(stage, batch).number;
	stage->checkpointed = 0;
	fill_disk(stage);
	writer_checkpoint(stage->writer);
	for (int i = 0; i < 200 && writer_state(stage->writer) != WRITER_TROUBLE; i++)
		loop_turn(stage->loop, 100000000);
	assert_int_equal(writer_state(stage->writer), WRITER_TROUBLE);
	print_message("trouble: %s\n", stage->trouble);
	assert_true(stage->checkpointed < number);
	make_room();
	for (int i = 0; i < 200 && stage->checkpointed < number; i++)
		loop_turn(stage->loop, 100000000);
	assert_true(stage->checkpointed >= number);
	assert_int_equal(writer_state(stage->writer), WRITER_READY);
	assert_string_equal(stage_ask(stage, "SELECT count(*) FROM trade_results"), "4000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_full_disk_is_told_waited_for_and_got_over),
		TEST(test_a_close_in_trouble_waits_for_nothing_and_says_cancelled),
		TEST(test_a_checkpoint_without_room_is_trouble_and_comes_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
