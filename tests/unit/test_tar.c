/* Archives: what is put in comes out, other programs read it, and any bytes are survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "codec/tar.h"

static void put(struct buf *out, const char *name, const char *content)
{
	assert_int_equal(tar_put(out, name, 1790000000, str_of(content)), STATUS_OK);
}

static void what_goes_in_comes_out(void **state)
{
	struct buf out;
	char large[1500];
	(void)state;
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = 0;
	buf_init(&out, 1 << 16);
	put(&out, "a.txt", "");
	put(&out, "folder/b.txt", "hello\n");
	put(&out, "c", large);
	tar_end(&out);
	assert_int_equal(out.len % TAR_BLOCK_BYTES, 0);
	struct tar tar = tar_over(buf_str(&out));
	assert_int_equal(tar_next(&tar), STATUS_OK);
	assert_string_equal(tar.name, "a.txt");
	assert_int_equal(tar.content.len, 0);
	assert_int_equal(tar_next(&tar), STATUS_OK);
	assert_string_equal(tar.name, "folder/b.txt");
	assert_true(str_eq(tar.content, STR("hello\n")));
	assert_int_equal(tar_next(&tar), STATUS_OK);
	assert_true(str_eq(tar.content, str_of(large)));
	assert_int_equal(tar_next(&tar), STATUS_NOT_FOUND);
	buf_deinit(&out);
}

static void names_are_bounded(void **state)
{
	struct buf out;
	char name[TAR_NAME_MAX + 2];
	(void)state;
	buf_init(&out, 1 << 16);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	assert_int_equal(tar_put(&out, name, 0, STR("")), STATUS_RANGE);
	assert_int_equal(tar_put(&out, "", 0, STR("")), STATUS_RANGE);
	name[TAR_NAME_MAX] = 0;
	put(&out, name, "x");
	struct tar tar = tar_over(buf_str(&out));
	assert_int_equal(tar_next(&tar), STATUS_OK);
	assert_string_equal(tar.name, name);
	buf_deinit(&out);
}

/* GNU tar is the judge. */
static void other_programs_read_it(void **state)
{
	char path[] = "/tmp/weir-tar-XXXXXX", command[128], line[256];
	struct buf out;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	buf_init(&out, 1 << 16);
	put(&out, "one/two.txt", "content");
	tar_end(&out);
	FILE *file = fdopen(fd, "w");
	assert_int_equal(fwrite(out.ptr, 1, out.len, file), out.len);
	fclose(file);
	snprintf(command, sizeof command, "tar -tvf %s 2>&1 && tar -xOf %s one/two.txt", path,
		 path);
	FILE *pipe = popen(command, "r");
	assert_non_null(fgets(line, sizeof line, pipe));
	assert_non_null(strstr(line, "-rw-------"));
	assert_non_null(strstr(line, "one/two.txt"));
	assert_non_null(fgets(line, sizeof line, pipe));
	assert_string_equal(line, "content");
	assert_int_equal(pclose(pipe), 0);
	remove(path);
	buf_deinit(&out);
}

static void damage_is_told(void **state)
{
	struct buf out;
	(void)state;
	buf_init(&out, 1 << 16);
	put(&out, "a", "hello");
	struct tar tar = tar_over(str_make(out.ptr, out.len - TAR_BLOCK_BYTES));
	assert_int_equal(tar_next(&tar), STATUS_TRUNCATED);
	tar = tar_over(str_make(out.ptr, 100));
	assert_int_equal(tar_next(&tar), STATUS_TRUNCATED);
	out.ptr[0] ^= 1;
	tar = tar_over(buf_str(&out));
	assert_int_equal(tar_next(&tar), STATUS_CHECKSUM);
	buf_deinit(&out);
}

/* Bits turned at random: it ends, and content lies inside. */
static void any_bytes_are_survived(void **state)
{
	struct rng rng;
	struct buf out;
	(void)state;
	rng_init(&rng, 3);
	for (int round = 0; round < 3000; round++) {
		buf_init(&out, 1 << 16);
		put(&out, "a", "hello");
		put(&out, "b", "");
		for (uint64_t i = rng_below(&rng, 6); i > 0; i--)
			out.ptr[rng_below(&rng, out.len)] = (char)rng_next(&rng);
		struct tar tar = tar_over(str_make(out.ptr, rng_below(&rng, out.len + 1)));
		const char *end = tar.rest.ptr + tar.rest.len;
		for (int files = 0; !tar_next(&tar); files++) {
			assert_true(files < 4);
			assert_true(tar.content.ptr + tar.content.len <= end);
		}
		buf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out), cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(other_programs_read_it), cmocka_unit_test(damage_is_told),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
