/* Processes and the host: a /proc of files with everything awkward in it, and the
 * machine's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "os/files.h"
#include "os/process.h"
#include "os/procfs.h"
#include "redis_fixture.h"

/* What a terminal under Wine looked like, with its own numbers. */
static const char terminal_stat[] =
    "4412 (terminal64.exe) S 1 4412 4412 0 -1 4194304 81234 0 12 0 28731 5512 0 0 20 0 41 0 "
    "1234500 4831838208 57088 18446744073709551615 4194304 4198400 140730 0 0 0 0 2 0 0 0 0 17 3 "
    "0 0 0 0 0 0 0 0 0 0 0 0 0\n";

struct seen {
	int count, stop_after;
	struct procfs_process last;
	char name[128], command[PROCFS_COMMAND_MAX + 2], program[300];
};

struct world {
	char *root;
	struct procfs *procfs;
	struct err err;
	struct seen seen;
	int wanted; /* only this pid is noted; 0: all */
};

static void put(struct world *world, const char *path, const char *bytes, size_t n)
{
	char whole[PATH_BYTES_MAX];
	snprintf(whole, sizeof whole, "%s/%s", world->root, path);
	char *slash = strrchr(whole, '/');
	*slash = 0;
	assert_int_equal(files_make_folder(whole, 0700, NULL), STATUS_OK);
	*slash = '/';
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	fclose(file);
}

static void put_text(struct world *world, const char *path, const char *text)
{
	put(world, path, text, strlen(text));
}

static void put_link(struct world *world, const char *path, const char *target)
{
	char whole[PATH_BYTES_MAX];
	snprintf(whole, sizeof whole, "%s/%s", world->root, path);
	assert_int_equal(symlink(target, whole), 0);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->root = fixture_folder();
	put_text(world, "uptime", "86400.50 170000.25\n");
	*state = world;
	return procfs_open(world->root, &world->procfs, &world->err);
}

static int teardown(void **state)
{
	struct world *world = *state;
	procfs_close(world->procfs);
	fixture_remove(world->root);
	free(world);
	return 0;
}

static bool note(void *ctx, const struct procfs_process *process)
{
	struct world *world = ctx;
	struct seen *seen = &world->seen;
	if (world->wanted && process->pid != world->wanted)
		return true;
	seen->count++;
	seen->last = *process;
	snprintf(seen->name, sizeof seen->name, "%.*s", STR_ARG(process->name));
	snprintf(seen->command, sizeof seen->command, "%.*s", STR_ARG(process->command));
	snprintf(seen->program, sizeof seen->program, "%.*s", STR_ARG(process->program));
	return seen->count != seen->stop_after;
}

static void visit(struct world *world)
{
	memset(&world->seen, 0, sizeof world->seen);
	assert_int_equal(procfs_visit(world->procfs, note, world, &world->err), STATUS_OK);
}

static void put_terminal(struct world *world)
{
	static const char command[] =
	    "C:\\Program Files\\MetaTrader 5\\terminal64.exe\0/portable\0";
	put_text(world, "4412/stat", terminal_stat);
	put(world, "4412/cmdline", command, sizeof command - 1);
	put_link(world, "4412/exe", "/usr/lib/wine/wine64-preloader");
	put_text(world, "4412/fd/0", "");
	put_text(world, "4412/fd/1", "");
	put_text(world, "4412/fd/255", "");
}

static void test_a_terminal_under_wine_reads_as_it_is(void **state)
{
	struct world *world = *state;
	put_terminal(world);
	visit(world);
	assert_int_equal(world->seen.count, 1);
	assert_int_equal(world->seen.last.pid, 4412);
	assert_int_equal(world->seen.last.parent, 1);
	assert_int_equal(world->seen.last.state, 'S');
	assert_int_equal(world->seen.last.started_ticks, 1234500);
	assert_string_equal(world->seen.name, "terminal64.exe");
	assert_string_equal(world->seen.command,
			    "C:\\Program Files\\MetaTrader 5\\terminal64.exe /portable");
	assert_false(world->seen.last.command_cut);
	assert_string_equal(world->seen.program, "/usr/lib/wine/wine64-preloader");
}

static void test_what_it_takes_is_in_ns_and_bytes(void **state)
{
	struct world *world = *state;
	struct procfs_usage usage;
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	put_terminal(world);
	assert_int_equal(procfs_usage(world->procfs, 4412, 1234500, &usage), STATUS_OK);
	assert_int_equal(usage.cpu_ns, (28731 + 5512) * tick_ns);
	assert_int_equal(usage.rss_bytes, 57088 * (uint64_t)sysconf(_SC_PAGESIZE));
	assert_int_equal(usage.threads, 41);
	assert_int_equal(usage.descriptors, 3);
	assert_int_equal(usage.uptime_ns, 86400500000000 - 1234500 * (int64_t)tick_ns);
}

static void test_a_pid_that_has_passed_to_another_process_is_not_found(void **state)
{
	struct world *world = *state;
	struct procfs_usage usage = { .threads = 7 };
	put_terminal(world);
	assert_int_equal(procfs_usage(world->procfs, 4412, 1234501, &usage), STATUS_NOT_FOUND);
	assert_int_equal(procfs_usage(world->procfs, 4413, 1234500, &usage), STATUS_NOT_FOUND);
	assert_int_equal(usage.threads, 7);
}

static void test_names_with_brackets_and_blanks_do_not_move_the_fields(void **state)
{
	static const char *const names[] = { ") (", "a) S 9 9", "((", "))", ")", "", "x\ny" };
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char line[600];
		snprintf(line, sizeof line, "77 (%s) Z %s", names[i],
			 strstr(terminal_stat, "1 4412 4412"));
		put_text(world, "77/stat", line);
		visit(world);
		assert_int_equal(world->seen.count, 1);
		assert_string_equal(world->seen.name, names[i]);
		assert_int_equal(world->seen.last.state, 'Z');
		assert_int_equal(world->seen.last.parent, 1);
		assert_int_equal(world->seen.last.started_ticks, 1234500);
		assert_string_equal(world->seen.command, "");
		assert_string_equal(world->seen.program, "");
	}
}

static void test_a_stat_line_that_ends_early_is_a_process_that_is_gone(void **state)
{
	struct world *world = *state;
	struct procfs_usage usage;
	size_t needed = (size_t)(strstr(terminal_stat, " 57088 ") - terminal_stat) + 6;
	/* Further on the last number is only cut, which makes it a smaller one. */
	for (size_t cut = 0; cut <= needed - 5; cut++) {
		put(world, "4412/stat", terminal_stat, cut);
		visit(world);
		assert_int_equal(world->seen.count, 0);
		assert_int_equal(procfs_usage(world->procfs, 4412, 1234500, &usage),
				 STATUS_NOT_FOUND);
	}
	put(world, "4412/stat", terminal_stat, needed);
	visit(world);
	assert_int_equal(world->seen.count, 1);
}

static void test_entries_that_are_no_processes_are_left_out(void **state)
{
	static const char *const entries[] = { "self/stat", "0/stat",  "12x/stat",
					       "-3/stat",   "+3/stat", "99999999999/stat",
					       "007/stat" };
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		put_text(world, entries[i], terminal_stat);
	put_text(world, "4413/cmdline", "no stat: it ended while it was looked at");
	put_text(world, "4414", "a file");
	visit(world);
	assert_int_equal(world->seen.count, 0);
}

static void test_a_command_line_has_its_bound(void **state)
{
	struct world *world = *state;
	static char command[PROCFS_COMMAND_MAX + 1];
	memset(command, 'x', sizeof command);
	put_text(world, "4412/stat", terminal_stat);
	put(world, "4412/cmdline", command, PROCFS_COMMAND_MAX);
	visit(world);
	assert_int_equal(world->seen.last.command.len, PROCFS_COMMAND_MAX);
	assert_false(world->seen.last.command_cut);
	put(world, "4412/cmdline", command, PROCFS_COMMAND_MAX + 1);
	visit(world);
	assert_int_equal(world->seen.last.command.len, PROCFS_COMMAND_MAX);
	assert_true(world->seen.last.command_cut);
}

static void test_a_visit_can_be_stopped(void **state)
{
	struct world *world = *state;
	put_text(world, "1/stat", terminal_stat);
	put_text(world, "2/stat", terminal_stat);
	put_text(world, "3/stat", terminal_stat);
	visit(world);
	assert_int_equal(world->seen.count, 3);
	memset(&world->seen, 0, sizeof world->seen);
	world->seen.stop_after = 2;
	assert_int_equal(procfs_visit(world->procfs, note, world, &world->err), STATUS_OK);
	assert_int_equal(world->seen.count, 2);
}

static bool use(void *ctx, const struct procfs_process *process)
{
	struct world *world = ctx;
	struct procfs_usage usage;
	assert_int_equal(procfs_usage(world->procfs, process->pid, process->started_ticks, &usage),
			 STATUS_OK);
	return note(ctx, process);
}

static void test_usage_may_be_asked_for_during_a_visit(void **state)
{
	struct world *world = *state;
	put_terminal(world);
	assert_int_equal(procfs_visit(world->procfs, use, world, &world->err), STATUS_OK);
	assert_string_equal(world->seen.name, "terminal64.exe");
	assert_string_equal(world->seen.program, "/usr/lib/wine/wine64-preloader");
}

/* ---- the host ---- */

static void put_host(struct world *world)
{
	put_text(world, "loadavg", "0.52 12.08 131.99 3/1024 4412\n");
	put_text(world, "meminfo",
		 "MemTotal:       16316412 kB\nMemFree:          812344 kB\n"
		 "MemAvailable:    9123456 kB\nBuffers:          100000 kB\n");
	put_text(world, "stat",
		 "cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\ncpu3 1 2 3 4\nintr 9\n"
		 "ctxt 8\n");
}

static void test_the_host_reads_as_it_is(void **state)
{
	struct world *world = *state;
	struct procfs_host host;
	put_host(world);
	assert_int_equal(procfs_host(world->procfs, &host, &world->err), STATUS_OK);
	assert_int_equal(host.load_e2[0], 52);
	assert_int_equal(host.load_e2[1], 1208);
	assert_int_equal(host.load_e2[2], 13199);
	assert_int_equal(host.memory_bytes, 16316412ULL * 1024);
	assert_int_equal(host.memory_available, 9123456ULL * 1024);
	assert_int_equal(host.cpus, 3);
	assert_int_equal(host.uptime_ns, 86400500000000);
}

static void test_a_host_file_that_does_not_read_is_named(void **state)
{
	static const struct {
		const char *file, *text;
	} bad[] = { { "loadavg", "" },
		    { "loadavg", "0.52 12.08\n" },
		    { "loadavg", "0,52 12.08 1.00 1/1 1\n" },
		    { "loadavg", "99999999999999999999.00 1.00 1.00 1/1 1\n" },
		    { "meminfo", "MemTotal: many kB\nMemAvailable: 1 kB\n" },
		    { "meminfo", "MemTotal: 1 kB\n" },
		    { "meminfo", "MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\n" },
		    { "stat", "cpu  1 2 3\nintr 1\n" },
		    { "stat", "" },
		    { "uptime", "" },
		    { "uptime", "soon\n" },
		    { "uptime", "99999999999999999999.00 1.00\n" } };
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct procfs_host host = { .cpus = 77 };
		put_host(world);
		put_text(world, bad[i].file, bad[i].text);
		assert_int_equal(procfs_host(world->procfs, &host, &world->err), STATUS_FORMAT);
		assert_non_null(strstr(world->err.text, bad[i].file));
		assert_int_equal(host.cpus, 77);
		put_text(world, "uptime", "86400.50 170000.25\n");
	}
}

/* ---- the machine's own ---- */

static int setup_real(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->root = fixture_folder();
	*state = world;
	return procfs_open(NULL, &world->procfs, &world->err);
}

static void test_this_process_finds_itself(void **state)
{
	struct world *world = *state;
	struct procfs_usage usage;
	char program[300] = { 0 };
	world->wanted = getpid();
	assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
	int fd = dup(0);
	visit(world);
	assert_int_equal(world->seen.count, 1);
	assert_int_equal(world->seen.last.parent, getppid());
	assert_string_equal(world->seen.program, program);
	assert_non_null(strstr(world->seen.command, "test_procfs"));
	assert_int_equal(world->seen.last.started_ticks, process_started(getpid()));
	assert_int_equal(
	    procfs_usage(world->procfs, getpid(), world->seen.last.started_ticks, &usage),
	    STATUS_OK);
	int before = usage.descriptors;
	close(fd);
	assert_int_equal(
	    procfs_usage(world->procfs, getpid(), world->seen.last.started_ticks, &usage),
	    STATUS_OK);
	assert_int_equal(usage.descriptors, before - 1);
	assert_true(usage.rss_bytes > 100000);
	assert_true(usage.threads >= 1);
}

static void test_this_host_has_memory_cpus_and_a_load(void **state)
{
	struct world *world = *state;
	struct procfs_host host;
	assert_int_equal(procfs_host(world->procfs, &host, &world->err), STATUS_OK);
	assert_true(host.cpus >= 1);
	assert_true(host.memory_bytes >= host.memory_available);
	assert_true(host.memory_available > 0);
	assert_true(host.uptime_ns > 0);
}

enum { CHILDREN = 40 };

struct killer {
	pid_t pids[CHILDREN];
	size_t killed;
};

/* Ends a child at each process that is visited: some end before their turn. */
static bool kill_one(void *ctx, const struct procfs_process *process)
{
	struct killer *killer = ctx;
	(void)process;
	if (killer->killed < CHILDREN)
		fixture_kill(killer->pids[CHILDREN - ++killer->killed]);
	return true;
}

static void test_processes_may_vanish_while_they_are_read(void **state)
{
	struct world *world = *state;
	struct killer killer = { 0 };
	for (size_t i = 0; i < CHILDREN; i++) {
		killer.pids[i] = fork();
		if (killer.pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
	}
	assert_int_equal(procfs_visit(world->procfs, kill_one, &killer, &world->err), STATUS_OK);
	while (killer.killed < CHILDREN)
		fixture_kill(killer.pids[CHILDREN - ++killer.killed]);
	struct procfs_usage usage;
	for (size_t i = 0; i < CHILDREN; i++)
		assert_int_equal(procfs_usage(world->procfs, killer.pids[i], 1, &usage),
				 STATUS_NOT_FOUND);
}

static void test_a_root_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct procfs *procfs;
	struct err err;
	assert_int_equal(procfs_open("/nowhere", &procfs, &err), STATUS_NOT_FOUND);
	assert_non_null(strstr(err.text, "/nowhere"));
}

#define TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define REAL(test) cmocka_unit_test_setup_teardown(test, setup_real, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE(test_a_terminal_under_wine_reads_as_it_is),
		TREE(test_what_it_takes_is_in_ns_and_bytes),
		TREE(test_a_pid_that_has_passed_to_another_process_is_not_found),
		TREE(test_names_with_brackets_and_blanks_do_not_move_the_fields),
		TREE(test_a_stat_line_that_ends_early_is_a_process_that_is_gone),
		TREE(test_entries_that_are_no_processes_are_left_out),
		TREE(test_a_command_line_has_its_bound),
		TREE(test_a_visit_can_be_stopped),
		TREE(test_usage_may_be_asked_for_during_a_visit),
		TREE(test_the_host_reads_as_it_is),
		TREE(test_a_host_file_that_does_not_read_is_named),
		REAL(test_this_process_finds_itself),
		REAL(test_this_host_has_memory_cpus_and_a_load),
		REAL(test_processes_may_vanish_while_they_are_read),
		cmocka_unit_test(test_a_root_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
