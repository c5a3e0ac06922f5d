/* The spill file: what is committed comes back in order, whatever is cut off or damaged,
 * and a disk that refuses takes nothing away. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "redis_fixture.h"
#include "store/spill.h"

static const int64_t patience_ns = 20000000000;

/* ---- a disk in the test's hands: in place of the system's calls ---- */

static int write_error, sync_error; /* 0: it works */
static size_t write_most = SIZE_MAX;

static ssize_t write_part(int fd, const void *bytes, size_t len, off_t offset)
{
	len = len < write_most ? len : write_most;
	if (write_error && len == 0) {
		errno = write_error;
		return -1;
	}
	if (write_error && write_most != SIZE_MAX)
		write_most -= len;
	if (lseek(fd, offset, SEEK_SET) < 0)
		return -1;
	return write(fd, bytes, len);
}

/* Under both names that the linker may look for. */
ssize_t test_pwrite(int fd, const void *bytes, size_t len, off_t offset) __asm__("pwrite");
ssize_t test_pwrite64(int fd, const void *bytes, size_t len, off_t offset) __asm__("pwrite64");

ssize_t test_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return write_part(fd, bytes, len, offset);
}

ssize_t test_pwrite64(int fd, const void *bytes, size_t len, off_t offset)
{
	return write_part(fd, bytes, len, offset);
}

int fdatasync(int fd)
{
	if (!sync_error)
		return fsync(fd);
	errno = sync_error;
	return -1;
}

/* ---- the stage ---- */

struct stage {
	struct loop *loop;
	char *folder, path[300];
	struct spill *spill;
	uint64_t bytes_max;
	bool done;
	enum status status;
};

static void set_flag(void *flag) { *(bool *)flag = true; }

static void open_spill(struct stage *stage)
{
	const struct spill_config config = { stage->loop, stage->path, stage->bytes_max };
	struct err err = { 0 };
	enum status status = spill_open(&config, &stage->spill, &err);
	if (status)
		fail_msg("%s", err.text);
}

static void close_spill(struct stage *stage)
{
	bool closed = false;
	spill_close(stage->spill, set_flag, &closed);
	assert_true(loop_turn_until(stage->loop, &closed, patience_ns));
}

static void begin(struct stage *stage, uint64_t bytes_max)
{
	struct err err;
	*stage = (struct stage){ .folder = fixture_folder(), .bytes_max = bytes_max };
	assert_non_null(stage->folder);
	snprintf(stage->path, sizeof stage->path, "%s/spill/rtrs", stage->folder);
	assert_int_equal(loop_create(8, &stage->loop, &err), STATUS_OK);
	open_spill(stage);
}

static void end(struct stage *stage)
{
	close_spill(stage);
	loop_destroy(stage->loop);
	fixture_remove(stage->folder);
}

static void on_end(void *ctx, enum status status, const char *why)
{
	struct stage *stage = ctx;
	assert_true((status == STATUS_OK) == (why[0] == 0));
	stage->done = true;
	stage->status = status;
}

static enum status commit(struct stage *stage)
{
	stage->done = false;
	spill_commit(stage->spill, on_end, stage);
	assert_false(stage->done);
	assert_true(loop_turn_until(stage->loop, &stage->done, patience_ns));
	return stage->status;
}

/* Record n: its number, and some bytes that are its own. */
static struct str record(uint64_t n, char room[400])
{
	struct rng rng;
	rng_init(&rng, n);
	memcpy(room, &n, sizeof n);
	size_t len = sizeof n + rng_below(&rng, 300);
	for (size_t i = sizeof n; i < len; i++)
		room[i] = (char)rng_next(&rng);
	return str_make(room, len);
}

static void put(struct stage *stage, uint64_t from, uint64_t to)
{
	char room[400];
	for (uint64_t n = from; n < to; n++)
		assert_int_equal(spill_put(stage->spill, record(n, room)), STATUS_OK);
}

static void put_and_commit(struct stage *stage, uint64_t from, uint64_t to)
{
	put(stage, from, to);
	assert_int_equal(commit(stage), STATUS_OK);
}

/* Reads to the end: records from..to-1 in order; the last one's position. */
static uint64_t expect(struct stage *stage, uint64_t from, uint64_t to)
{
	struct spill_record got;
	char room[400];
	uint64_t position = 0;
	while (spill_has_more(stage->spill)) {
		stage->done = false;
		spill_read(stage->spill, on_end, stage);
		assert_true(loop_turn_until(stage->loop, &stage->done, patience_ns));
		assert_int_equal(stage->status, STATUS_OK);
		while (spill_take(stage->spill, &got)) {
			assert_true(from < to);
			assert_true(str_eq(got.bytes, record(from++, room)));
			assert_true(got.position > position);
			position = got.position;
		}
	}
	assert_int_equal(from, to);
	return position;
}

static off_t file_bytes(const char *path)
{
	struct stat stat_of;
	return stat(path, &stat_of) ? -1 : stat_of.st_size;
}

static void wait_removed(struct stage *stage)
{
	while (spill_counts(stage->spill).removed == 0)
		loop_turn(stage->loop, 1000000);
}

/* ---- */

static void what_goes_in_comes_out_in_order_and_the_file_goes(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, 64 << 20);
	assert_int_equal(file_bytes(stage.path), -1); /* none until it is needed */
	put_and_commit(&stage, 0, 10);
	put_and_commit(&stage, 10, 3000);
	assert_true(spill_counts(stage.spill).bytes > 3000 * 100);
	uint64_t position = expect(&stage, 0, 3000);
	put_and_commit(&stage, 3000, 3005);
	spill_done(stage.spill, position);
	assert_true(spill_counts(stage.spill).bytes > 0);
	spill_done(stage.spill, expect(&stage, 3000, 3005));
	assert_int_equal(spill_counts(stage.spill).bytes, 0);
	put_and_commit(&stage, 5, 7);      /* a new one, at once */
	spill_done(stage.spill, position); /* of another file */
	spill_done(stage.spill, expect(&stage, 5, 7));
	while (spill_counts(stage.spill).removed < 2)
		loop_turn(stage.loop, 1000000);
	assert_int_equal(file_bytes(stage.path), -1);
	end(&stage);
}

static void a_start_goes_on_behind_the_position_it_is_told(void **state)
{
	(void)state;
	struct stage stage;
	struct spill_record got = { 0 };
	begin(&stage, 64 << 20);
	put_and_commit(&stage, 0, 100);
	stage.done = false;
	spill_read(stage.spill, on_end, &stage);
	assert_true(loop_turn_until(stage.loop, &stage.done, patience_ns));
	for (int i = 0; i < 40; i++)
		assert_true(spill_take(stage.spill, &got));
	close_spill(&stage);
	open_spill(&stage);
	assert_int_equal(spill_counts(stage.spill).records, 100);
	uint64_t last = expect(&stage, 0, 100);
	spill_seek(stage.spill, got.position);
	spill_done(stage.spill, got.position);
	assert_int_equal(expect(&stage, 40, 100), last);
	spill_seek(stage.spill, 12345); /* of no file */
	expect(&stage, 0, 100);
	spill_seek(stage.spill, last);
	assert_false(spill_has_more(stage.spill));
	spill_done(stage.spill, last);
	wait_removed(&stage);
	end(&stage);
}

/* ---- what a crash leaves ---- */

static void copy_file(const char *from, const char *to, off_t bytes)
{
	char command[1200];
	snprintf(command, sizeof command, "cp '%s' '%s' && truncate -s %lld '%s'", from, to,
		 (long long)bytes, to);
	assert_int_equal(system(command), 0);
}

static void a_torn_end_is_cut_wherever_it_tore(void **state)
{
	enum { RECORDS = 6 };
	struct stage stage;
	char kept[320];
	uint64_t before = 0;
	(void)state;
	begin(&stage, 64 << 20);
	snprintf(kept, sizeof kept, "%s.kept", stage.path);
	put_and_commit(&stage, 0, RECORDS);
	close_spill(&stage);
	off_t bytes = file_bytes(stage.path);
	copy_file(stage.path, kept, bytes);
	for (off_t left = 0; left <= bytes; left += left < bytes - 40 ? 7 : 1) {
		copy_file(kept, stage.path, left);
		open_spill(&stage);
		uint64_t records = spill_counts(stage.spill).records;
		assert_true(records >= before && records <= RECORDS);
		before = records;
		put_and_commit(&stage, records, records + 3); /* it goes on from there */
		expect(&stage, 0, records + 3);
		close_spill(&stage);
	}
	assert_int_equal(before, RECORDS);
	end(&(struct stage){ .loop = stage.loop,
			     .folder = stage.folder,
			     .spill = (open_spill(&stage), stage.spill) });
}

static void poke(const char *path, off_t at, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseeko(file, at, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void zeros_at_the_end_are_no_records(void **state)
{
	(void)state;
	struct stage stage;
	static const char zeros[5000];
	begin(&stage, 64 << 20);
	put_and_commit(&stage, 0, 20);
	close_spill(&stage);
	poke(stage.path, file_bytes(stage.path), zeros, sizeof zeros);
	open_spill(&stage);
	assert_int_equal(spill_counts(stage.spill).cut, sizeof zeros);
	expect(&stage, 0, 20);
	end(&stage);
}

static void damage_in_the_middle_costs_what_it_hit(void **state)
{
	(void)state;
	struct stage stage;
	struct spill_record got;
	begin(&stage, 64 << 20);
	for (uint64_t n = 0; n < 10000; n += 2000)
		put_and_commit(&stage, n, n + 2000);
	close_spill(&stage);
	for (off_t at = 1000; at < file_bytes(stage.path); at += 300000)
		poke(stage.path, at, "damage", 6);
	open_spill(&stage);
	uint64_t found = 0, last = 0;
	while (spill_has_more(stage.spill)) {
		stage.done = false;
		spill_read(stage.spill, on_end, &stage);
		assert_true(loop_turn_until(stage.loop, &stage.done, patience_ns));
		while (spill_take(stage.spill, &got)) {
			uint64_t n;
			char room[400];
			memcpy(&n, got.bytes.ptr, sizeof n);
			assert_true(str_eq(got.bytes, record(n, room)));
			assert_true(found == 0 || n > last);
			last = n;
			found++;
		}
	}
	assert_in_range(found, 10000 - 14, 10000 - 5);
	assert_int_equal(last, 9999);
	assert_true(spill_counts(stage.spill).damaged > 0);
	end(&stage);
}

static void a_file_that_is_something_else_is_refused_and_stays(void **state)
{
	(void)state;
	struct stage stage;
	struct err err;
	begin(&stage, 64 << 20);
	close_spill(&stage);
	FILE *file = fopen(stage.path, "w");
	fputs("a letter that somebody keeps in a strange place\n", file);
	fclose(file);
	off_t bytes = file_bytes(stage.path);
	const struct spill_config config = { stage.loop, stage.path, 64 << 20 };
	assert_int_equal(spill_open(&config, &stage.spill, &err), STATUS_FORMAT);
	assert_non_null(strstr(err.text, stage.path));
	assert_int_equal(file_bytes(stage.path), bytes);
	loop_destroy(stage.loop);
	fixture_remove(stage.folder);
}

/* ---- bounds and disks ---- */

static void a_full_file_says_so_and_has_room_again_when_it_is_empty(void **state)
{
	(void)state;
	struct stage stage;
	char room[400];
	uint64_t n = 0;
	begin(&stage, 5000);
	while (spill_put(stage.spill, record(n, room)) == STATUS_OK)
		n++;
	assert_true(n > 5 && n < 100);
	assert_int_equal(commit(&stage), STATUS_OK);
	assert_in_range(file_bytes(stage.path), 4000, 5000);
	assert_int_equal(spill_put(stage.spill, record(n, room)), STATUS_FULL);
	spill_done(stage.spill, expect(&stage, 0, n));
	assert_int_equal(spill_put(stage.spill, record(1, room)), STATUS_OK);
	spill_discard(stage.spill);
	wait_removed(&stage);
	end(&stage);
	begin(&stage, 64 << 20); /* one commit is bounded, too */
	for (n = 0; spill_put(stage.spill, record(n, room)) == STATUS_OK; n++)
		;
	assert_int_equal(commit(&stage), STATUS_OK);
	assert_in_range(file_bytes(stage.path), SPILL_CHUNK_BYTES - 1000,
			SPILL_CHUNK_BYTES + SPILL_HEAD_BYTES);
	put_and_commit(&stage, n, n + 5);
	expect(&stage, 0, n + 5);
	end(&stage);
}

static void a_disk_that_refuses_takes_nothing_away(void **state)
{
	static const struct {
		int write_error, sync_error;
		size_t write_most;
		enum status status;
	} troubles[] = {
		{ ENOSPC, 0, 0, STATUS_DISK_FULL },   /* at once */
		{ ENOSPC, 0, 700, STATUS_DISK_FULL }, /* in the middle */
		{ EIO, 0, 0, STATUS_IO },
		{ 0, EIO, SIZE_MAX, STATUS_IO }, /* it was written, who knows */
		{ 0, ENOSPC, SIZE_MAX, STATUS_DISK_FULL },
		{ 0, 0, 100, STATUS_OK }, /* only in small pieces */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
		for (uint64_t there = 0; there <= 50; there += 50) {
			struct stage stage;
			begin(&stage, 64 << 20);
			if (there)
				put_and_commit(&stage, 0, there);
			put(&stage, there, there + 20);
			write_error = troubles[i].write_error;
			sync_error = troubles[i].sync_error;
			write_most = troubles[i].write_most;
			assert_int_equal(commit(&stage), troubles[i].status);
			bool failed = troubles[i].status != STATUS_OK;
			assert_int_equal(spill_counts(stage.spill).failed, failed);
			write_error = sync_error = 0;
			write_most = SIZE_MAX;
			if (failed)
				put_and_commit(&stage, there, there + 20);
			expect(&stage, 0, there + 20);
			close_spill(&stage);
			open_spill(&stage);
			assert_int_equal(spill_counts(stage.spill).records, there + 20);
			expect(&stage, 0, there + 20);
			end(&stage);
		}
}

static void the_owner_may_go_first(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, 64 << 20);
	put(&stage, 0, 1000);
	stage.done = false;
	spill_commit(stage.spill, on_end, &stage);
	spill_forget_owner(stage.spill);
	close_spill(&stage);
	assert_false(stage.done);
	open_spill(&stage);
	expect(&stage, 0, 1000); /* what was committed reached the disk */
	end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out_in_order_and_the_file_goes),
		cmocka_unit_test(a_start_goes_on_behind_the_position_it_is_told),
		cmocka_unit_test(a_torn_end_is_cut_wherever_it_tore),
		cmocka_unit_test(zeros_at_the_end_are_no_records),
		cmocka_unit_test(damage_in_the_middle_costs_what_it_hit),
		cmocka_unit_test(a_file_that_is_something_else_is_refused_and_stays),
		cmocka_unit_test(a_full_file_says_so_and_has_room_again_when_it_is_empty),
		cmocka_unit_test(a_disk_that_refuses_takes_nothing_away),
		cmocka_unit_test(the_owner_may_go_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
