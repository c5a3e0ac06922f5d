/* Sources that mean harm: each is read to its end, what stands beside it is read as ever, and
 * bounds hold. That work grows with their size and not faster is held to by bench/bench_code.c. */
#include "unit/code_hostile.h"
#include "unit/code_stage.h"

static void each_is_read_to_its_end_and_harms_nothing_beside_it(void **state)
{
	static const char desk[] = "import redis\nr = redis.Redis()\nr.zadd('desk:z', {'a': 1})\n";
	(void)state;
	for (size_t i = 0; i < CODE_HOSTILE; i++) {
		struct code_stage stage;
		size_t len;
		char *text = code_hostile_text(i, 1 << 20, &len);
		assert_non_null(text);
		stage_open(&stage);
		stage_file(&stage, "0.py", desk);
		assert_int_equal(
		    code_file(stage.code, str_of(code_hostile[i].path), str_make(text, len)),
		    STATUS_OK);
		stage_file(&stage, "z.py", desk);
		stage_settle(&stage);
		const struct code_summary *summary = code_summary(stage.code);
		const struct code_key *key = stage_key(&stage, "desk:z");
		if (summary->files_read != 3 || summary->skipped ||
		    stage_calls(&stage, "zadd") != 2 || !key || key->n_writers != 2)
			fail_msg("%s", code_hostile[i].unit);
		stage_close(&stage);
		free(text);
	}
}

/* What looks ahead of a file's last word must find nothing there: not what the file before left. */
static void a_file_may_end_within_anything(void **state)
{
	static const char desk[] = "import redis\nr = redis.Redis()\n"
				   "async def save(row):\n    r.zadd('desk:z', {'a': row})\n"
				   "for x in range(10):\n    r.hset(name='h', key='k')\n"
				   "try:\n    pass\nexcept (A, B) as e:\n    raise\n"
				   "class A(B):\n    k: str = f'{x}:y' % ('a', 1)\n";
	static const char *const paths[] = { "a.py", "a.ts", "a.go", "a.cs", "a.php" };
	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct code_stage stage;
		stage_open(&stage);
		for (size_t len = 0; len < sizeof desk; len++) {
			assert_int_equal(
			    code_file(stage.code, STR("0.py"), str_make(desk, sizeof desk - 1)),
			    STATUS_OK);
			char *text = malloc(len + 1); /* so that a sanitizer sees what is beyond */
			assert_non_null(text);
			memcpy(text, desk, len);
			assert_int_equal(
			    code_file(stage.code, str_of(paths[i]), str_make(text, len)),
			    STATUS_OK);
			free(text);
		}
		stage_settle(&stage);
		assert_non_null(stage_key(&stage, "desk:z"));
		stage_close(&stage);
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
		cmocka_unit_test(each_is_read_to_its_end_and_harms_nothing_beside_it),
		cmocka_unit_test(a_file_may_end_within_anything),
		cmocka_unit_test(one_line_of_a_megabyte_is_read),
		cmocka_unit_test(nul_bytes_are_blanks_and_binary_files_are_skipped),
		cmocka_unit_test(a_file_beyond_the_bound_is_counted),
		cmocka_unit_test(places_of_a_pattern_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
