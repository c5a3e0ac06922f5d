/* Files, the run directory, child processes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/process.h"
#include "os/run_dir.h"
#include "redis_fixture.h"

static int setup(void **state)
{
	*state = fixture_folder();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	return 0;
}

static const char *in(const char *folder, const char *name)
{
	static char paths[4][PATH_BYTES_MAX];
	static int turn;
	char *path = paths[turn++ % 4];
	snprintf(path, PATH_BYTES_MAX, "%s/%s", folder, name);
	return path;
}

static void test_folders_are_made_with_all_above_them(void **state)
{
	struct err err;
	struct stat st;
	const char *path = in(*state, "a/b/c");
	assert_int_equal(files_make_folder(path, 0700, &err), STATUS_OK);
	assert_int_equal(files_make_folder(path, 0700, &err), STATUS_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(files_is_folder(path));
	assert_int_equal(files_write_atomic(in(*state, "file"), STR("x"), 0600, &err), STATUS_OK);
	assert_int_equal(files_make_folder(in(*state, "file"), 0700, &err), STATUS_EXISTS);
	assert_int_not_equal(files_make_folder(in(*state, "file/b"), 0700, &err), STATUS_OK);
	assert_non_null(strstr(err.text, "file"));
}

static void test_a_write_replaces_the_whole_file_whatever_the_umask(void **state)
{
	struct err err;
	struct stat st;
	char storage[64];
	const char *path = in(*state, "f");
	mode_t before = umask(0377);
	assert_int_equal(files_write_atomic(path, STR("first, long"), 0600, &err), STATUS_OK);
	assert_int_equal(files_write_atomic(path, STR("second"), 0640, &err), STATUS_OK);
	umask(before);
	struct buf text = buf_over(storage, sizeof storage);
	buf_init(&text, 8192);
	assert_int_equal(files_read(path, 100, &text, &err), STATUS_OK);
	assert_true(str_eq(buf_str(&text), STR("second")));
	buf_deinit(&text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_not_equal(access(in(*state, "f.new"), F_OK), 0);
	assert_int_equal(files_write_atomic(in(*state, "no/f"), STR(""), 0600, &err),
			 STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "no/f"));
}

static void test_replace_leaves_an_equal_file_alone(void **state)
{
	struct err err;
	struct stat first, second;
	const char *path = in(*state, "f");
	assert_int_equal(files_replace(path, STR("text"), 0600, &err), STATUS_OK);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(files_replace(path, STR("text"), 0600, &err), STATUS_OK);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(files_replace(path, STR("texT"), 0600, &err), STATUS_OK);
	assert_int_equal(stat(path, &second), 0);
	assert_int_not_equal(first.st_ino, second.st_ino);
}

static void test_reading_is_bounded_and_names_its_reason(void **state)
{
	(void)state;
	struct err err;
	struct buf out;
	buf_init(&out, 4096 * 4);
	assert_int_equal(files_read("/no/such", 10, &out, &err), STATUS_NOT_FOUND);
	assert_int_equal(files_read("/dev/zero", 5000, &out, &err), STATUS_RANGE);
	buf_deinit(&out);
}

static void test_the_lock_is_for_one_and_names_its_holder(void **state)
{
	struct err err;
	const char *path = in(*state, "weir.lock");
	int pipe_fds[2], ready[2];
	char byte;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		int fd;
		struct err child_err;
		bool got = files_lock(path, &fd, &child_err) == STATUS_OK;
		if (write(ready[1], got ? "y" : "n", 1) != 1 || read(pipe_fds[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	int fd = -1;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(files_lock(path, &fd, &err), STATUS_IN_USE);
	char pid[24];
	snprintf(pid, sizeof pid, "pid %d", (int)child);
	assert_non_null(strstr(err.text, pid));
	fixture_kill(child); /* the lock ends with its process */
	assert_int_equal(files_lock(path, &fd, &err), STATUS_OK);
	files_unlock(fd);
	for (int i = 0; i < 2; i++) {
		close(pipe_fds[i]);
		close(ready[i]);
	}
}

static void test_random_bytes_differ_and_are_hex(void **state)
{
	(void)state;
	struct err err;
	char a[64], b[64];
	struct buf one = buf_over(a, sizeof a), two = buf_over(b, sizeof b);
	assert_int_equal(files_random_hex(&one, 32, &err), STATUS_OK);
	assert_int_equal(files_random_hex(&two, 32, &err), STATUS_OK);
	assert_int_equal(one.len, 64);
	assert_memory_not_equal(a, b, 64);
	for (size_t i = 0; i < 64; i++)
		assert_non_null(memchr("0123456789abcdef", a[i], 16));
	assert_int_equal(files_random_hex(&one, 1, &err), STATUS_FULL);
}

static void test_the_last_line_is_found(void **state)
{
	struct err err;
	char line[8];
	const char *path = in(*state, "log");
	files_last_line(path, line, sizeof line);
	assert_string_equal(line, "");
	assert_int_equal(files_write_atomic(path, STR("one\ntwo\n\n \n"), 0600, &err), STATUS_OK);
	files_last_line(path, line, sizeof line);
	assert_string_equal(line, "two");
	assert_int_equal(files_write_atomic(path, STR("a long line"), 0600, &err), STATUS_OK);
	files_last_line(path, line, sizeof line);
	assert_string_equal(line, "a long ");
}

static void test_programs_are_found_like_execvp_finds_them(void **state)
{
	struct err err;
	char path[PATH_BYTES_MAX];
	assert_int_equal(files_find_program("sh", path, &err), STATUS_OK);
	assert_int_equal(path[0], '/');
	assert_int_equal(files_find_program("/bin/sh", path, &err), STATUS_OK);
	assert_int_equal(files_find_program("weir-no-such-program", path, &err), STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "PATH"));
	assert_int_equal(files_write_atomic(in(*state, "data"), STR(""), 0600, &err), STATUS_OK);
	assert_int_equal(files_find_program(in(*state, "data"), path, &err), STATUS_NOT_FOUND);
}

static void test_free_space_is_known(void **state)
{
	uint64_t bytes = 0;
	struct err err;
	assert_int_equal(files_free_bytes(*state, &bytes, &err), STATUS_OK);
	assert_true(bytes > 0);
	assert_int_equal(files_free_bytes("/no/such", &bytes, &err), STATUS_NOT_FOUND);
}

/* ---- the run directory ---- */

static void long_path(char *path, size_t size, const char *folder)
{
	snprintf(path, size, "%s/%0100d", folder, 7);
}

static void test_a_short_state_path_has_its_sockets_inside(void **state)
{
	struct err err;
	char path[PATH_BYTES_MAX];
	assert_int_equal(run_dir_path(in(*state, "var"), "weir.sock", path, &err),
			 STATUS_NOT_FOUND);
	assert_int_equal(run_dir_make(in(*state, "var"), &err), STATUS_OK);
	assert_int_equal(run_dir_path(in(*state, "var"), "weir.sock", path, &err), STATUS_OK);
	assert_string_equal(path, in(*state, "var/run/weir.sock"));
}

static void test_a_long_state_path_links_to_a_private_place(void **state)
{
	struct err err;
	struct stat st;
	char where[PATH_BYTES_MAX], path[PATH_BYTES_MAX], again[PATH_BYTES_MAX];
	long_path(where, sizeof where, *state);
	setenv("XDG_RUNTIME_DIR", *state, 1);
	assert_int_equal(run_dir_make(where, &err), STATUS_OK);
	assert_int_equal(run_dir_path(where, "weir.sock", path, &err), STATUS_OK);
	assert_true(strlen(path) <= SOCKET_PATH_MAX);
	assert_int_equal(run_dir_make(where, &err), STATUS_OK);
	assert_int_equal(run_dir_path(where, "weir.sock", again, &err), STATUS_OK);
	assert_string_equal(path, again);
	*strrchr(path, '/') = 0;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* Somebody else could have opened it, or put a link there. */
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(run_dir_make(where, &err), STATUS_REFUSED);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(run_dir_make(where, &err), STATUS_REFUSED);
	unsetenv("XDG_RUNTIME_DIR");
}

/* ---- processes ---- */

struct exited {
	bool done;
	int exit_status, signal_number;
};

static void on_exit_of(void *ctx, int exit_status, int signal_number)
{
	*(struct exited *)ctx = (struct exited){ true, exit_status, signal_number };
}

static struct exited run_shell(struct loop *loop, const char *folder, const char *script, int fd)
{
	struct exited exited = { 0 };
	struct process *process;
	struct err err;
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct process_config config = { .argv = argv,
					 .folder = folder,
					 .inherited_fd = fd,
					 .output_path = in(folder, "out"),
					 .on_exit = on_exit_of,
					 .ctx = &exited };
	assert_int_equal(process_spawn(loop, &config, &process, &err), STATUS_OK);
	assert_int_equal(process_started(process_pid(process)) > 0, 1);
	assert_true(loop_turn_until(loop, &exited.done, 10000000000));
	loop_turn(loop, 0);
	return exited;
}

static void test_a_child_has_its_own_session_folder_and_output(void **state)
{
	struct loop *loop;
	struct err err;
	char line[256];
	assert_int_equal(loop_create(8, &loop, &err), STATUS_OK);
	struct exited exited = run_shell(loop, *state,
					 "pwd; test \"$(ps -o sid= -p $$ | tr -d ' ')\" = $$ "
					 "&& ! read x; exit 7",
					 0);
	assert_int_equal(exited.exit_status, 7);
	files_last_line(in(*state, "out"), line, sizeof line);
	assert_string_equal(line, (const char *)*state);
	assert_int_equal(run_shell(loop, *state, "kill -9 $$", 0).signal_number, SIGKILL);
	const char *argv[] = { "/no/such/program", NULL };
	struct process_config config = { .argv = argv };
	struct process *process;
	assert_int_equal(process_spawn(loop, &config, &process, &err), STATUS_NOT_FOUND);
	loop_turn(loop, 0);
	loop_destroy(loop);
}

static void test_a_lock_lives_as_long_as_the_child_that_inherits_it(void **state)
{
	struct loop *loop;
	struct err err;
	int fd = -1, second = -1;
	const char *path = in(*state, "lock");
	char script[600];
	assert_int_equal(loop_create(8, &loop, &err), STATUS_OK);
	assert_int_equal(files_try_lock(path, &fd, &err), STATUS_OK);
	assert_true(fd >= 0);
	struct exited exited = { 0 };
	struct process *process;
	snprintf(script, sizeof script, "exec sleep 60");
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct process_config config = {
		.argv = argv, .inherited_fd = fd, .on_exit = on_exit_of, .ctx = &exited
	};
	assert_int_equal(process_spawn(loop, &config, &process, &err), STATUS_OK);
	close(fd);
	assert_int_equal(files_try_lock(path, &second, &err), STATUS_OK);
	assert_int_equal(second, -1);
	assert_int_equal(process_signal(process_pid(process), SIGKILL), STATUS_OK);
	assert_true(loop_turn_until(loop, &exited.done, 10000000000));
	assert_int_equal(files_try_lock(path, &second, &err), STATUS_OK);
	assert_true(second >= 0);
	close(second);
	loop_turn(loop, 0);
	loop_destroy(loop);
}

#define FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER(test_folders_are_made_with_all_above_them),
		FOLDER(test_a_write_replaces_the_whole_file_whatever_the_umask),
		FOLDER(test_replace_leaves_an_equal_file_alone),
		FOLDER(test_reading_is_bounded_and_names_its_reason),
		FOLDER(test_the_lock_is_for_one_and_names_its_holder),
		FOLDER(test_random_bytes_differ_and_are_hex),
		FOLDER(test_the_last_line_is_found),
		FOLDER(test_programs_are_found_like_execvp_finds_them),
		FOLDER(test_free_space_is_known),
		FOLDER(test_a_short_state_path_has_its_sockets_inside),
		FOLDER(test_a_long_state_path_links_to_a_private_place),
		FOLDER(test_a_child_has_its_own_session_folder_and_output),
		FOLDER(test_a_lock_lives_as_long_as_the_child_that_inherits_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
