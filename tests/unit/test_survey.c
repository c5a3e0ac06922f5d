/* The survey's smaller parts: the set of digests, the spill file, the walk of a source
 * tree (before a code scanner in memory), and trials on a private server (before an audit of
 * three trials in memory). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"
#include "redis_fixture.h"
#include "survey/private_redis.h"
#include "survey/seen.h"
#include "survey/spill.h"
#include "survey/tree.h"
#include "survey/trial.h"

/* ---- digests ---- */

static void what_was_seen_is_known_up_to_the_bound(void **state)
{
	struct seen seen;
	struct rng rng;
	(void)state;
	seen_init(&seen, 50000);
	rng_init(&rng, 3);
	assert_false(seen_has(&seen, 0));
	for (int i = 0; i < 50000; i++)
		assert_int_equal(seen_add(&seen, rng_next(&rng)), STATUS_OK);
	assert_int_equal(seen_add(&seen, 0), STATUS_FULL);
	rng_init(&rng, 3);
	for (int i = 0; i < 50000; i++) {
		uint64_t digest = rng_next(&rng);
		assert_true(seen_has(&seen, digest));
		assert_int_equal(seen_add(&seen, digest), STATUS_EXISTS);
	}
	assert_false(seen_has(&seen, rng_next(&rng)));
	seen_deinit(&seen);
	seen_init(&seen, 10);
	assert_int_equal(seen_add(&seen, 0), STATUS_OK);
	assert_true(seen_has(&seen, 0));
	seen_deinit(&seen);
}

/* ---- the spill ---- */

static void records_come_back_and_nothing_is_left_in_the_folder(void **state)
{
	struct survey_spill *spill;
	char *folder = fixture_folder(), at[8192];
	struct err err = { 0 };
	size_t got;
	(void)state;
	assert_int_equal(survey_spill_open(folder, 0, &spill, &err), STATUS_OK);
	const struct audit_spill *port = survey_spill_port(spill);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(port->append(port->ctx, STR("0123456789")), STATUS_OK);
	assert_int_equal(survey_spill_bytes(spill), 10000);
	for (int pass = 0; pass < 2; pass++) {
		assert_int_equal(port->read(port->ctx, 0, at, sizeof at, &got), STATUS_OK);
		assert_int_equal(got, sizeof at);
		assert_memory_equal(at + 8185, "5678901", 7);
		assert_int_equal(port->read(port->ctx, 8192, at, sizeof at, &got), STATUS_OK);
		assert_int_equal(got, 10000 - 8192);
		assert_int_equal(port->read(port->ctx, 10000, at, sizeof at, &got), STATUS_OK);
		assert_int_equal(got, 0);
	}
	assert_int_equal(rmdir(folder), 0); /* it is empty */
	survey_spill_close(spill);
	free(folder);
}

static void a_spill_that_is_full_or_cannot_be_says_why(void **state)
{
	struct survey_spill *spill;
	struct err err = { 0 };
	(void)state;
	assert_int_equal(survey_spill_open(NULL, 15, &spill, &err), STATUS_OK);
	const struct audit_spill *port = survey_spill_port(spill);
	assert_int_equal(port->append(port->ctx, STR("0123456789")), STATUS_OK);
	assert_int_equal(survey_spill_why(spill)->status, STATUS_OK);
	assert_int_equal(port->append(port->ctx, STR("0123456789")), STATUS_DISK_FULL);
	assert_non_null(strstr(survey_spill_why(spill)->text, "records"));
	assert_int_equal(port->append(port->ctx, STR("0")), STATUS_DISK_FULL);
	survey_spill_close(spill);
	assert_int_equal(survey_spill_open("/nowhere/at/all", 0, &spill, &err), STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

/* ---- the walk of a tree ---- */

struct code {
	struct buf seen; /* path:bytes, */
	enum status answer;
};

bool code_wants(struct str path)
{
	return path.len > 3 && memcmp(path.ptr + path.len - 3, ".py", 3) == 0;
}

enum status code_file(struct code *code, struct str path, struct str text)
{
	buf_printf(&code->seen, "%.*s:%zu,", STR_ARG(path), text.len);
	return code->answer;
}

static void put_file(const char *folder, const char *path, size_t size)
{
	char command[600];
	snprintf(command, sizeof command,
		 "mkdir -p \"$(dirname '%s/%s')\" && head -c %zu /dev/zero > '%s/%s'", folder, path,
		 size, folder, path);
	assert_int_equal(system(command), 0);
}

static void make_tree(const char *folder)
{
	static const char *const files[] = { "b.py",
					     "a.py",
					     "sub/z.py",
					     "sub/deep/y.py",
					     "B.py",
					     "notes.txt",
					     ".hidden/x.py",
					     ".secret.py",
					     "node_modules/m.py",
					     "venv/v.py",
					     "own-env/lib/e.py",
					     "own-env/pyvenv.cfg" };
	char path[400], target[400];
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		put_file(folder, files[i], i + 1);
	snprintf(path, sizeof path, "%s/sub/loop", folder);
	assert_int_equal(symlink(folder, path), 0);
	snprintf(path, sizeof path, "%s/link.py", folder);
	snprintf(target, sizeof target, "%s/a.py", folder);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof path, "%s/pipe.py", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void a_tree_is_walked_by_name_once_and_without_others_code(void **state)
{
	char *folder = fixture_folder();
	struct code code = { .answer = STATUS_OK };
	struct tree_totals totals;
	struct err err = { 0 };
	(void)state;
	make_tree(folder);
	buf_init(&code.seen, 1 << 20);
	const struct tree_config config = { .folder = folder, .code = &code };
	assert_int_equal(tree_walk(&config, &totals, &err), STATUS_OK);
	buf_char(&code.seen, 0);
	assert_string_equal(code.seen.ptr, ".secret.py:8,B.py:5,a.py:2,b.py:1,sub/deep/y.py:4,"
					   "sub/z.py:3,");
	assert_int_equal(totals.files, 6);
	assert_int_equal(totals.folders, 3);
	buf_deinit(&code.seen);
	fixture_remove(folder);
}

static void what_cannot_be_read_is_counted(void **state)
{
	char *folder = fixture_folder(), path[400], deep[400] = "";
	struct code code = { .answer = STATUS_FULL };
	struct tree_totals totals;
	struct err err = { 0 };
	(void)state;
	buf_init(&code.seen, 1 << 20);
	put_file(folder, "huge.py", CODE_FILE_BYTES_MAX + 1);
	put_file(folder, "large.py", CODE_FILE_BYTES_MAX);
	for (int i = 0; i < TREE_DEPTH_MAX + 1; i++)
		strcat(deep, "d/");
	strcat(deep, "x.py");
	put_file(folder, deep, 1);
	const struct tree_config config = { .folder = folder, .code = &code };
	assert_int_equal(tree_walk(&config, &totals, &err), STATUS_OK);
	assert_int_equal(totals.too_large, 1);
	assert_int_equal(totals.files, 1);
	assert_int_equal(totals.full, 1);
	assert_int_equal(totals.too_deep, 1);
	snprintf(path, sizeof path, "%s/large.py", folder);
	const struct tree_config file = { .folder = path, .code = &code };
	assert_int_equal(tree_walk(&file, &totals, &err), STATUS_INVALID);
	const struct tree_config none = { .folder = "/nowhere/at/all", .code = &code };
	assert_int_equal(tree_walk(&none, &totals, &err), STATUS_NOT_FOUND);
	code.answer = STATUS_NO_MEMORY;
	assert_int_equal(tree_walk(&config, &totals, &err), STATUS_NO_MEMORY);
	buf_deinit(&code.seen);
	fixture_remove(folder);
}

/* ---- trials ---- */

enum { FIELDS = 100 };

struct audit {
	int64_t before[3], after[3];
};

static const struct audit_trial trials[] = { { 0, "one hash", FIELDS },
					     { 1, "a command that is refused", 1 },
					     { 2, "nothing to measure", 0 } };

size_t audit_trials(const struct audit *audit, const struct audit_trial **out)
{
	(void)audit;
	*out = trials;
	return ARRAY_LEN(trials);
}

/* Strings, then the same as one hash; its long value makes it a table unless the limits of the
 * audited server are in force. */
void audit_trial_before(const struct audit *audit, size_t trial, audit_command_fn fn, void *ctx)
{
	(void)audit;
	for (int i = 0; i < FIELDS && trial == 0; i++) {
		char name[32];
		snprintf(name, sizeof name, "price:%d", i);
		const struct str set[] = { STR("SET"), str_of(name), STR("61250.25") };
		fn(ctx, set, 3);
		fn(ctx, &set[1], 1);
	}
	const struct str bad[] = { STR("NOSUCH"), STR("x") }, one = STR("x");
	if (trial == 1) {
		fn(ctx, bad, 2);
		fn(ctx, &one, 1);
	}
}

void audit_trial_after(const struct audit *audit, size_t trial, audit_command_fn fn, void *ctx)
{
	const struct str hash = STR("price");
	(void)audit;
	for (int i = 0; i < FIELDS && trial == 0; i++) {
		char name[32];
		snprintf(name, sizeof name, "%d", i);
		const struct str set[] = { STR("HSET"), hash, str_of(name), STR("61250.25") };
		fn(ctx, set, 4);
	}
	fn(ctx, &hash, 1);
}

void audit_trial_result(struct audit *audit, size_t trial, int64_t before, int64_t after)
{
	audit->before[trial] = before;
	audit->after[trial] = after;
}

static void trials_are_measured_and_those_that_fail_leave_the_model(void **state)
{
	struct audit audit = { { 0 }, { 0 } };
	struct survey_trial_totals totals;
	struct err err = { 0 };
	const struct survey_trial_config config = { 0 };
	(void)state;
	if (survey_trials(&audit, &config, &totals, &err))
		fail_msg("%s", err.text);
	assert_int_equal(totals.trials, 3);
	assert_int_equal(totals.measured, 1);
	assert_true(totals.version[0] != 0);
	assert_in_range(audit.before[0], FIELDS * 40, FIELDS * 120);
	assert_true(audit.after[0] > FIELDS * 8 && audit.after[0] < audit.before[0] / 2);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(audit.before[i], -1);
		assert_int_equal(audit.after[i], -1);
	}
}

static void trials_have_the_limits_of_the_audited_server(void **state)
{
	struct audit packed = { { 0 }, { 0 } }, table = { { 0 }, { 0 } };
	struct survey_trial_totals totals;
	struct audit_server server = audit_server_none();
	struct err err = { 0 };
	(void)state;
	const struct survey_trial_config config = { .server = &server };
	assert_int_equal(survey_trials(&packed, &config, &totals, &err), STATUS_OK);
	server.listpack_hash_entries = FIELDS / 2;
	assert_int_equal(survey_trials(&table, &config, &totals, &err), STATUS_OK);
	assert_true(table.after[0] > 2 * packed.after[0]);
}

static void without_a_server_nothing_is_measured_and_it_is_said(void **state)
{
	struct audit audit = { { 7 }, { 7 } };
	struct survey_trial_totals totals;
	struct err err = { 0 };
	struct survey_trial_config config = { .redis_server = "/nowhere/redis-server" };
	(void)state;
	assert_int_equal(survey_trials(&audit, &config, &totals, &err), STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "/nowhere/redis-server"));
	assert_int_equal(audit.before[0], 7);
	config.redis_server = "false";
	assert_int_equal(survey_trials(&audit, &config, &totals, &err), STATUS_UNAVAILABLE);
	assert_non_null(strstr(err.text, "ended at its start"));
}

static bool is_alive(int pid) { return kill(pid, 0) == 0 || errno != ESRCH; }

static void a_private_server_leaves_nothing_behind(void **state)
{
	struct private_redis redis;
	struct err err = { 0 };
	struct wire_token token;
	const struct str dir[] = { STR("CONFIG"), STR("GET"), STR("dir") };
	char folder[512];
	(void)state;
	assert_int_equal(private_redis_start("redis-server", 5000000000, &redis, &err), STATUS_OK);
	int pid = redis.pid;
	assert_true(is_alive(pid));
	assert_int_equal(wire_ask(redis.wire, &token, dir, 3), STATUS_OK);
	assert_int_equal(wire_next(redis.wire, &token), STATUS_OK);
	assert_int_equal(wire_next(redis.wire, &token), STATUS_OK);
	assert_int_equal(str_copy(token.text, folder, sizeof folder), STATUS_OK);
	if (folder[0])
		assert_int_equal(access(folder, F_OK), -1);
	private_redis_stop(&redis);
	assert_false(is_alive(pid));
	/* Nor one that nobody waited for. */
	assert_int_equal(private_redis_spawn("redis-server", &redis, &err), STATUS_OK);
	pid = redis.pid;
	assert_int_equal(str_copy(str_of(redis.folder), folder, sizeof folder), STATUS_OK);
	assert_int_equal(access(folder, F_OK), 0);
	private_redis_stop(&redis);
	assert_false(is_alive(pid));
	assert_int_equal(access(folder, F_OK), -1);
	private_redis_stop(&redis);
}

static void a_server_that_was_spawned_before_is_used_and_stopped(void **state)
{
	struct audit audit = { { 0 }, { 0 } };
	struct survey_trial_totals totals;
	struct private_redis redis;
	struct err err = { 0 };
	(void)state;
	assert_int_equal(private_redis_spawn("redis-server", &redis, &err), STATUS_OK);
	int pid = redis.pid;
	const struct survey_trial_config config = { .redis_server = "/nowhere/redis-server",
						    .redis = &redis };
	if (survey_trials(&audit, &config, &totals, &err))
		fail_msg("%s", err.text);
	assert_int_equal(totals.measured, 1);
	assert_int_equal(redis.pid, 0);
	assert_false(is_alive(pid));
}

int main(void)
{
	const struct CMUnitTest parts[] = {
		cmocka_unit_test(what_was_seen_is_known_up_to_the_bound),
		cmocka_unit_test(records_come_back_and_nothing_is_left_in_the_folder),
		cmocka_unit_test(a_spill_that_is_full_or_cannot_be_says_why),
		cmocka_unit_test(a_tree_is_walked_by_name_once_and_without_others_code),
		cmocka_unit_test(what_cannot_be_read_is_counted),
		cmocka_unit_test(without_a_server_nothing_is_measured_and_it_is_said),
	};
	const struct CMUnitTest servers[] = {
		cmocka_unit_test(trials_are_measured_and_those_that_fail_leave_the_model),
		cmocka_unit_test(trials_have_the_limits_of_the_audited_server),
		cmocka_unit_test(a_private_server_leaves_nothing_behind),
		cmocka_unit_test(a_server_that_was_spawned_before_is_used_and_stopped),
	};
	int failed = cmocka_run_group_tests(parts, NULL, NULL);
	if (fixture_has_redis())
		failed += cmocka_run_group_tests(servers, NULL, NULL);
	return failed;
}
