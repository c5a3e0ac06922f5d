/* Dumps that old servers wrote, versions 2 to 9, against what a Redis 7.0 loads of them; where
 * it refuses a file, or drops its keys, against what is written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "rdb_picture_server.h"

enum { FILES = 28 };

/* The server's word is not to be had: its key is long expired, or its modules are not there. */
static const struct {
	const char *name;
	const char *keys[4];
} by_hand[] = {
	{ "keys_with_expiry.rdb",
	  { "db 0 20:expires_ms_precision string expires 1671963072573 = "
	    "27:2022-12-25 10:11:12.573 UTC | " } },
	{ "redis_40_with_module.rdb",
	  { "db 0 3:foo module expires -1 = ",
	    "db 0 9:simplekey string expires -1 = 7:someval | " } },
	{ "redis_60_with_module_aux.rdb", { NULL } },
};

static void path_of(const char *name, char path[400])
{
	snprintf(path, 400, "%s/rdb/%s", TEST_SHARED_DIR, name);
}

static struct picture *read_file(const char *path, size_t bite)
{
	size_t size;
	char *bytes = stage_read_file(path, &size);
	struct picture *picture = picture_new();
	struct rdb_end end;
	picture->plain = true;
	enum status status = picture_read(picture, bytes, size, bite, &end);
	if (status)
		fail_msg("%s: offset %llu: %s", path, (unsigned long long)end.offset, end.why);
	assert_true(end.offset <= size);
	assert_int_equal(picture->n_keys, end.counts.keys);
	free(bytes);
	return picture;
}

static void compare_with_hand(const char *name, struct picture *ours, const char *const keys[4])
{
	size_t n = 0;
	picture_sort(ours);
	for (; n < 4 && keys[n]; n++) {
		assert_true(n < ours->n_keys);
		struct str text = str_make(ours->keys[n].text, ours->keys[n].len);
		if (!str_eq(text, str_of(keys[n])))
			fail_msg("%s: '%.*s' is not '%s'", name, STR_ARG(text), keys[n]);
	}
	assert_int_equal(n, ours->n_keys);
}

static bool is_by_hand(const char *name, struct picture *ours)
{
	for (size_t i = 0; i < ARRAY_LEN(by_hand); i++) {
		if (strcmp(by_hand[i].name, name) != 0)
			continue;
		compare_with_hand(name, ours, by_hand[i].keys);
		return true;
	}
	return false;
}

static void compare_with_server(const char *name, const char *path, struct picture *ours)
{
	struct rdb_stage stage = { .folder = fixture_folder() };
	struct picture *theirs = picture_new();
	theirs->plain = true;
	stage_copy(&stage, path);
	if (!stage_start(&stage, NULL))
		fail_msg("%s: the server refuses it", name);
	picture_take(theirs, &stage);
	picture_assert_same(name, ours, theirs);
	picture_free(theirs);
	stage_stop(&stage);
	fixture_remove(stage.folder);
}

static int each_file(void (*fn)(const char *name, const char *path))
{
	char folder[400], path[700];
	int files = 0;
	path_of("", folder);
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		size_t len = strlen(entry->d_name);
		if (len < 4 || strcmp(entry->d_name + len - 4, ".rdb") != 0)
			continue;
		snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
		fn(entry->d_name, path);
		files++;
	}
	closedir(dir);
	return files;
}

static void compare(const char *name, const char *path)
{
	struct picture *ours = read_file(path, 0);
	if (!is_by_hand(name, ours))
		compare_with_server(name, path, ours);
	picture_free(ours);
}

static void compare_bites(const char *name, const char *path)
{
	struct picture *whole = read_file(path, 0), *bitten = read_file(path, 1);
	picture_assert_same(name, whole, bitten);
	picture_free(whole);
	picture_free(bitten);
}

static void every_dump_holds_what_a_server_loads_of_it(void **state)
{
	(void)state;
	assert_int_equal(each_file(compare), FILES);
}

static void bytes_may_come_one_at_a_time(void **state)
{
	(void)state;
	assert_int_equal(each_file(compare_bites), FILES);
}

int main(void)
{
	char folder[400];
	path_of("", folder);
	if (access(folder, R_OK) != 0) {
		printf("no dumps in %s: skipped\n", folder);
		return 77;
	}
	if (!fixture_has_redis())
		return 77;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dump_holds_what_a_server_loads_of_it),
		cmocka_unit_test(bytes_may_come_one_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
