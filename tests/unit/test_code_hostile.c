/* Sources that mean harm: work grows with their size and not faster, and bounds hold. */
#include <time.h>

#include "unit/code_stage.h"

enum { SMALL = 64 << 10, LARGE = 1 << 20 };

/* Processor time, best of three: what else runs does not count. */
static int64_t cost(const char *path, const char *unit, size_t bytes)
{
	int64_t best = INT64_MAX;
	size_t len = strlen(unit), n = bytes / len;
	char *text = malloc(bytes + 1);
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, unit, len);
	for (int i = 0; i < 3; i++) {
		struct code *code;
		struct timespec from, to;
		assert_int_equal(code_create(&code), STATUS_OK);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		assert_int_equal(code_file(code, str_of(path), str_make(text, n * len)), STATUS_OK);
		assert_int_equal(code_settle(code), STATUS_OK);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		int64_t ns = (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
		best = ns < best ? ns : best;
		code_destroy(code);
	}
	free(text);
	return best;
}

static void work_grows_with_the_size(void **state)
{
	static const struct {
		const char *path, *unit;
	} hostile[] = {
		{ "a.py", "(" },
		{ "a.py", "redis.(" },
		{ "a.py", ")" },
		{ "a.py", "([{" },
		{ "a.py", "redis\"\"\"" },
		{ "a.py", "f'{r.get(" },
		{ "a.py", "r.get('a')." },
		{ "a.py", "redis.r." },
		{ "a.py", "if r:\n r.get('redis')\n" },
		{ "a.py", "for r in redis:\n" },
		{ "a.py", "lambda r: redis, " },
		{ "a.py", "redis = redis + redis\n" },
		{ "a.py", "[r.get(redis) for r in [" },
		{ "a.py", "except redis:" },
		{ "a.py", "a = 'redis' +\\\n" },
		{ "a.py", "x.redis(r.get(x)," },
		{ "a.js", "`${redis" },
		{ "a.js", "redis => {" },
		{ "a.js", "{[(`redis" },
		{ "a.js", "const {redis" },
		{ "a.js", "/redis" },
		{ "a.go", "func (redis" },
		{ "a.php", "<<<redis\n" },
		{ "a.php", "?><?redis" },
		{ "a.cs", "$@\"{redis\"\"" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		int64_t small = cost(hostile[i].path, hostile[i].unit, SMALL);
		int64_t large = cost(hostile[i].path, hostile[i].unit, LARGE);
		/* Sixteen times the bytes; four times that for caches and for growing. */
		if (large > 64 * (small + 1000000))
			fail_msg("%s: %lld and %lld ns", hostile[i].unit, (long long)small,
				 (long long)large);
	}
}

static void one_line_of_a_megabyte_is_read(void **state)
{
	struct code_stage stage;
	struct buf text;
	(void)state;
	stage_open(&stage);
	buf_init(&text, 4 << 20);
	buf_printf(&text, "import redis; r = redis.Redis(); x = [");
	while (text.len < 1 << 20)
		buf_printf(&text, "1, ");
	buf_printf(&text, "]; r.get('a')");
	assert_int_equal(code_file(stage.code, STR("a.py"), buf_str(&text)), STATUS_OK);
	stage_settle(&stage);
	assert_int_equal(stage_calls(&stage, "get"), 1);
	buf_deinit(&text);
	stage_close(&stage);
}

static void nul_bytes_are_blanks_and_binary_files_are_skipped(void **state)
{
	static const char some[] = "import redis\nr = redis.Redis()\n\0\0r.get('a')\n";
	static const char binary[] = "r\0e\0d\0i\0s\0.\0g\0e\0t\0(\0'\0a\0'\0)\0";
	struct code_stage stage;
	(void)state;
	stage_open(&stage);
	assert_int_equal(code_file(stage.code, STR("a.py"), str_make(some, sizeof some - 1)),
			 STATUS_OK);
	assert_int_equal(code_file(stage.code, STR("b.py"), str_make(binary, sizeof binary - 1)),
			 STATUS_OK);
	stage_settle(&stage);
	assert_int_equal(stage_calls(&stage, "get"), 1);
	assert_int_equal(code_summary(stage.code)->skipped, 1);
	stage_close(&stage);
}

static void a_file_beyond_the_bound_is_counted(void **state)
{
	struct code_stage stage;
	char *text = calloc(1, CODE_FILE_BYTES_MAX + 1);
	(void)state;
	assert_non_null(text);
	memset(text, ' ', CODE_FILE_BYTES_MAX + 1);
	stage_open(&stage);
	assert_int_equal(
	    code_file(stage.code, STR("a.py"), str_make(text, CODE_FILE_BYTES_MAX + 1)), STATUS_OK);
	stage_settle(&stage);
	assert_int_equal(code_summary(stage.code)->skipped, 1);
	assert_int_equal(code_summary(stage.code)->files_read, 0);
	free(text);
	stage_close(&stage);
}

static void places_of_a_pattern_are_bounded(void **state)
{
	struct code_stage stage;
	struct buf text;
	(void)state;
	stage_open(&stage);
	buf_init(&text, 1 << 20);
	buf_printf(&text, "import redis\nr = redis.Redis()\n");
	for (int i = 0; i < 500; i++)
		buf_printf(&text, "r.set('a', 1)\n");
	assert_int_equal(code_file(stage.code, STR("a.py"), buf_str(&text)), STATUS_OK);
	stage_settle(&stage);
	assert_int_equal(stage_key(&stage, "a")->n_writers, CODE_PLACES_MAX);
	assert_int_equal(stage_calls(&stage, "set"), 500);
	buf_deinit(&text);
	stage_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_grows_with_the_size),
		cmocka_unit_test(one_line_of_a_megabyte_is_read),
		cmocka_unit_test(nul_bytes_are_blanks_and_binary_files_are_skipped),
		cmocka_unit_test(a_file_beyond_the_bound_is_counted),
		cmocka_unit_test(places_of_a_pattern_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
