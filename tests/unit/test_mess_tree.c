/* The generated tree and the scan of it: all that is planted is found, and nothing else. */
#include "sim/mess_tree.h"

#include "unit/code_stage.h"

enum { SEEDS = 10, FILES = 100, LINES_MAX = 4096, LINE_BYTES = 160 };

struct lines {
	char (*at)[LINE_BYTES];
	size_t count;
};

struct grown {
	struct code_stage stage;
	struct lines truth, found;
	uint64_t digest;
};

static void add_line(struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_line(struct lines *lines, const char *format, ...)
{
	va_list args;
	assert_true(lines->count < LINES_MAX);
	va_start(args, format);
	vsnprintf(lines->at[lines->count++], LINE_BYTES, format, args);
	va_end(args);
}

static enum status on_file(void *ctx, struct str path, struct str text, struct err *err)
{
	struct grown *grown = ctx;
	(void)err;
	grown->digest = code_mix(grown->digest, code_mix(str_hash(path), str_hash(text)));
	return code_file(grown->stage.code, path, text);
}

static enum status on_truth(void *ctx, struct str line, struct err *err)
{
	struct grown *grown = ctx;
	(void)err;
	add_line(&grown->truth, "%.*s", STR_ARG(line));
	return STATUS_OK;
}

static void on_hit(void *ctx, const struct audit_hit *hit)
{
	struct grown *grown = ctx;
	add_line(&grown->found,
		 "{\"rule\":\"%s\",\"severity\":\"%s\",\"file\":\"%.*s\",\"line\":%lld}",
		 finding_row(hit->rule)->name, severity_text(hit->severity), STR_ARG(hit->file),
		 (long long)hit->line);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void grow(struct grown *grown, uint64_t seed)
{
	const struct mess_tree_to to = { on_file, on_truth, grown };
	struct err err;
	*grown = (struct grown){ 0 };
	grown->truth.at = calloc(LINES_MAX, LINE_BYTES);
	grown->found.at = calloc(LINES_MAX, LINE_BYTES);
	stage_open(&grown->stage);
	assert_int_equal(mess_tree_make(seed, FILES, &to, NULL, &err), STATUS_OK);
	assert_int_equal(code_settle(grown->stage.code), STATUS_OK);
	code_findings(grown->stage.code, NULL, on_hit, grown);
	qsort(grown->truth.at, grown->truth.count, LINE_BYTES, by_text);
	qsort(grown->found.at, grown->found.count, LINE_BYTES, by_text);
}

static void cut_down(struct grown *grown)
{
	stage_close(&grown->stage);
	free(grown->truth.at);
	free(grown->found.at);
}

static void everything_planted_is_found_and_nothing_else(void **state)
{
	size_t planted = 0, found = 0, right = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct grown grown;
		grow(&grown, seed);
		size_t i = 0, j = 0;
		while (i < grown.truth.count || j < grown.found.count) {
			int order = i == grown.truth.count ? 1
				    : j == grown.found.count
					? -1
					: strcmp(grown.truth.at[i], grown.found.at[j]);
			if (order)
				print_error("seed %d: %s %s\n", (int)seed,
					    order < 0 ? "missed" : "wrong",
					    order < 0 ? grown.truth.at[i] : grown.found.at[j]);
			right += order == 0;
			i += order <= 0;
			j += order >= 0;
		}
		planted += grown.truth.count;
		found += grown.found.count;
		cut_down(&grown);
	}
	assert_true(planted > SEEDS * 300);
	assert_int_equal(right, planted);
	assert_true(right * 100 >= found * 98);
}

static void one_seed_gives_one_tree(void **state)
{
	struct grown a, b, c;
	(void)state;
	grow(&a, 7);
	grow(&b, 7);
	grow(&c, 8);
	assert_int_equal(a.digest, b.digest);
	assert_int_not_equal(a.digest, c.digest);
	assert_int_equal(a.truth.count, b.truth.count);
	assert_int_equal(code_summary(a.stage.code)->files_read, FILES);
	cut_down(&a);
	cut_down(&b);
	cut_down(&c);
}

static void each_rule_of_code_is_planted(void **state)
{
	static const char *const rules[] = { "connection", "round-trips", "atomicity", "queue-loss",
					     "collision",  "no-ttl",      "dead",      "cache" };
	struct grown grown;
	(void)state;
	grow(&grown, 1);
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		char head[40];
		bool there = false;
		snprintf(head, sizeof head, "{\"rule\":\"%s\"", rules[i]);
		for (size_t j = 0; j < grown.truth.count; j++)
			there |= strncmp(grown.truth.at[j], head, strlen(head)) == 0;
		if (!there)
			fail_msg("%s is planted nowhere", rules[i]);
	}
	cut_down(&grown);
}

static void numbers_of_files_have_bounds(void **state)
{
	const struct mess_tree_to to = { on_file, on_truth, NULL };
	struct err err;
	(void)state;
	assert_int_equal(mess_tree_make(1, 3, &to, NULL, &err), STATUS_RANGE);
	assert_int_equal(mess_tree_make(1, MESS_TREE_FILES_MAX + 1, &to, NULL, &err), STATUS_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_planted_is_found_and_nothing_else),
		cmocka_unit_test(one_seed_gives_one_tree),
		cmocka_unit_test(each_rule_of_code_is_planted),
		cmocka_unit_test(numbers_of_files_have_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
