/* Recordings as lines: packing, cuts, damage, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rng.h"
#include "os/files.h"
#include "os/line_reader.h"
#include "redis_fixture.h"

enum { LINES = 4000 };

struct world {
	char *folder;
	char path[300];
	struct buf text; /* LINES lines of random length, some with CR, the last without LF */
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	struct rng rng;
	rng_init(&rng, 7);
	world->folder = fixture_folder();
	buf_init(&world->text, 64 << 20);
	for (int i = 0; i < LINES; i++) {
		size_t len = rng_below(&rng, 50) ? rng_below(&rng, 300) : rng_below(&rng, 60000);
		buf_printf(&world->text, "%d ", i);
		for (size_t k = 0; k < len; k++)
			buf_char(&world->text, (char)('a' + rng_below(&rng, 26)));
		if (i + 1 < LINES)
			buf_printf(&world->text, i % 3 ? "\n" : "\r\n");
	}
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	fixture_remove(world->folder);
	buf_deinit(&world->text);
	free(world);
	return 0;
}

static void put_file(struct world *world, const char *name, const void *bytes, size_t size)
{
	struct err err;
	snprintf(world->path, sizeof world->path, "%s/%s", world->folder, name);
	assert_int_equal(files_write_atomic(world->path, str_make(bytes, size), 0600, &err),
			 STATUS_OK);
}

/* As many members as `pieces`. */
static struct buf gzip_of(struct str text, size_t pieces)
{
	struct buf out;
	buf_init(&out, 64 << 20);
	for (size_t i = 0; i < pieces; i++) {
		size_t from = text.len * i / pieces, to = text.len * (i + 1) / pieces;
		z_stream z = { .next_in = (unsigned char *)text.ptr + from,
			       .avail_in = (unsigned)(to - from) };
		deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
		size_t bound = deflateBound(&z, to - from);
		z.next_out = (unsigned char *)buf_reserve(&out, bound);
		z.avail_out = (unsigned)bound;
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		out.len += bound - z.avail_out;
		deflateEnd(&z);
	}
	return out;
}

/* Reads all and compares with the text; returns how many lines came. */
static int read_and_compare(struct world *world, const char *path, bool ahead, enum status end)
{
	struct line_reader *reader;
	struct err err;
	struct str line, expected, rest = buf_str(&world->text);
	enum status status;
	int n = 0;
	assert_int_equal(line_reader_open(path, ahead, &reader, &err), STATUS_OK);
	while ((status = line_reader_next(reader, &line, &err)) == STATUS_OK) {
		volatile char touched = line.ptr[line.len + LINE_PADDING - 1];
		(void)touched;
		assert_true(str_split(&rest, '\n', &expected));
		if (expected.len && expected.ptr[expected.len - 1] == '\r')
			expected.len--;
		assert_true(str_eq(line, expected));
		n++;
		assert_int_equal(line_reader_line(reader), n);
	}
	assert_int_equal(status, end);
	assert_int_equal(line_reader_stats(reader)->lines, n);
	if (end != STATUS_NOT_FOUND) {
		assert_non_null(strstr(err.text, path));
		assert_int_equal(line_reader_next(reader, &line, &err), STATUS_NOT_FOUND);
	}
	line_reader_close(reader);
	return n;
}

static void test_lines_of_every_packing_come_back(void **state)
{
	struct world *world = *state;
	struct str text = buf_str(&world->text);
	for (int ahead = 0; ahead < 2; ahead++) {
		put_file(world, "plain", text.ptr, text.len);
		assert_int_equal(read_and_compare(world, world->path, ahead, STATUS_NOT_FOUND),
				 LINES);
		for (size_t members = 1; members < 5; members += 3) {
			struct buf packed = gzip_of(text, members);
			buf_put(&packed, "\0\0\0\0", members == 1 ? 0 : 4);
			put_file(world, "packed", packed.ptr, packed.len);
			assert_int_equal(
			    read_and_compare(world, world->path, ahead, STATUS_NOT_FOUND), LINES);
			buf_deinit(&packed);
		}
		size_t bound = ZSTD_compressBound(text.len);
		char *packed = malloc(bound);
		size_t half = text.len / 2;
		size_t size = ZSTD_compress(packed, bound, text.ptr, half, 1);
		size +=
		    ZSTD_compress(packed + size, bound - size, text.ptr + half, text.len - half, 1);
		put_file(world, "packed", packed, size);
		assert_int_equal(read_and_compare(world, world->path, ahead, STATUS_NOT_FOUND),
				 LINES);
		free(packed);
	}
}

static void test_a_cut_or_damaged_file_gives_its_good_lines_and_then_says_where(void **state)
{
	struct world *world = *state;
	for (int ahead = 0; ahead < 2; ahead++) {
		struct buf packed = gzip_of(buf_str(&world->text), 1);
		put_file(world, "cut.gz", packed.ptr, packed.len / 2);
		int lines = read_and_compare(world, world->path, ahead, STATUS_TRUNCATED);
		assert_in_range(lines, LINES / 4, LINES - 1);
		packed.ptr[packed.len - 6] ^= 1; /* its CRC: everything before it is good */
		put_file(world, "bad.gz", packed.ptr, packed.len);
		lines = read_and_compare(world, world->path, ahead, STATUS_FORMAT);
		assert_int_equal(lines, LINES - 1); /* the last has no LF: it may be a piece */
		buf_deinit(&packed);
		size_t bound = ZSTD_compressBound(world->text.len);
		char *zstd = malloc(bound);
		size_t size = ZSTD_compress(zstd, bound, world->text.ptr, world->text.len, 1);
		put_file(world, "cut.zst", zstd, size / 2);
		lines = read_and_compare(world, world->path, ahead, STATUS_TRUNCATED);
		assert_in_range(lines, LINES / 4, LINES - 1);
		free(zstd);
	}
}

static void test_a_line_that_is_too_long_is_left_out(void **state)
{
	struct world *world = *state;
	struct line_reader *reader;
	struct err err;
	struct str line;
	struct buf text;
	buf_init(&text, 16 << 20);
	buf_printf(&text, "first\n");
	for (int i = 0; i < LINE_BYTES_MAX; i++)
		buf_char(&text, 'x');
	buf_printf(&text, "\n");
	for (int i = 0; i < 3 * LINE_BYTES_MAX; i++)
		buf_char(&text, 'y');
	buf_printf(&text, "\nlast");
	put_file(world, "long", text.ptr, text.len);
	assert_int_equal(line_reader_open(world->path, false, &reader, &err), STATUS_OK);
	assert_int_equal(line_reader_next(reader, &line, &err), STATUS_OK);
	assert_int_equal(line_reader_next(reader, &line, &err), STATUS_OK);
	assert_int_equal(line.len, LINE_BYTES_MAX);
	assert_int_equal(line_reader_next(reader, &line, &err), STATUS_OK);
	assert_true(str_eq(line, STR("last")));
	assert_int_equal(line_reader_line(reader), 4);
	assert_int_equal(line_reader_next(reader, &line, &err), STATUS_NOT_FOUND);
	assert_int_equal(line_reader_stats(reader)->too_long, 1);
	line_reader_close(reader);
	buf_deinit(&text);
}

static void test_a_folder_is_read_in_name_order_past_a_bad_file(void **state)
{
	struct world *world = *state;
	struct line_reader *reader;
	struct err err;
	struct str line;
	char folder[300], got[64] = "";
	snprintf(folder, sizeof folder, "%s/sub", world->folder);
	assert_int_equal(files_make_folder(folder, 0700, &err), STATUS_OK);
	put_file(world, "sub/c", "5\n6", 3);
	put_file(world, "sub/a", "1\n\n2\n", 5);
	put_file(world, "sub/b.gz", "\x1f\x8bgarbage", 9);
	put_file(world, "sub/.hidden", "9\n", 2);
	assert_int_equal(line_reader_open(folder, false, &reader, &err), STATUS_OK);
	int errors = 0;
	for (enum status status;
	     (status = line_reader_next(reader, &line, &err)) != STATUS_NOT_FOUND;) {
		errors += status != STATUS_OK;
		if (status == STATUS_OK)
			snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s,",
				 STR_ARG(line));
	}
	assert_string_equal(got, "1,,2,5,6,");
	assert_int_equal(errors, 1);
	assert_non_null(strstr(err.text, "b.gz"));
	line_reader_close(reader);
	assert_int_equal(line_reader_open("/no/such/file", false, &reader, &err), STATUS_NOT_FOUND);
}

static void test_the_recordings_are_read_fast(void **state)
{
	struct world *world = *state;
	struct line_reader *reader;
	struct err err;
	struct str line;
	if (line_reader_open(TEST_SHARED_DIR "/market/usdm_ethusdt_20240808.gz", false, &reader,
			     &err)) {
		printf("no recordings in %s: skipped\n", TEST_SHARED_DIR);
		skip();
	}
	struct buf all;
	buf_init(&all, 256 << 20);
	while (line_reader_next(reader, &line, &err) == STATUS_OK) {
		buf_str_put(&all, line);
		buf_char(&all, '\n');
	}
	assert_true(line_reader_stats(reader)->lines > 70000);
	line_reader_close(reader);
	put_file(world, "plain", all.ptr, all.len);
	struct timespec before, after;
	uint64_t bytes = 0;
	assert_int_equal(line_reader_open(world->path, false, &reader, &err), STATUS_OK);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	while (line_reader_next(reader, &line, &err) == STATUS_OK)
		bytes += line.len + 1;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	line_reader_close(reader);
	double seconds =
	    (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
	printf("%.0f MB/s of lines\n", (double)bytes / seconds / 1e6);
	assert_int_equal(bytes, all.len);
	buf_deinit(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines_of_every_packing_come_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_cut_or_damaged_file_gives_its_good_lines_and_then_says_where, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_a_line_that_is_too_long_is_left_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_folder_is_read_in_name_order_past_a_bad_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_recordings_are_read_fast, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
