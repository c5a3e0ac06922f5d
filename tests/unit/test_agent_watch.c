/* Which process is which terminal, what it takes and how it ended: a host in a table, time
 * in the test's hand. */
#include "agent_stage.h"

/* ---- finding ---- */

static void what_runs_is_found_and_told_as_m(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, pid);
	assert_true(noted("t1: found running, process 1000"));
	process_of(pid)->usage.cpu_ns += 375000000;
	process_of(pid)->usage.uptime_ns = 86400 * SECOND;
	pass_seconds(1);
	assert_string_equal(told("t1", 0),
			    "M 0 id=t1 t=1784046192100 pid=1000 host=host-1 la=1.42 cores=8 "
			    "cpu=37.5 rss=223 fd=311 thr=41 up=86400 disk=48211 ");
	assert_true(tells("t2", "pid=0 end=gone host=host-1"));
	assert_string_equal(stage.spawned, "");
}

static void the_agent_itself_and_what_it_runs_are_nobodys_terminal(void **state)
{
	(void)state;
	int poke = run_program("poke.sh", "/opt/poke.sh /srv/t1/terminal64.exe", OWN_PID);
	watch_scan_begin(stage.watch);
	watch_exclude(stage.watch, poke);
	const struct procfs_process self = { .pid = OWN_PID,
					     .state = 'R',
					     .command = STR("agent /srv/t1/terminal64.exe") };
	const struct procfs_process other = { .pid = poke,
					      .state = 'R',
					      .command = STR("x /srv/t1/terminal64.exe") };
	watch_see(stage.watch, &self);
	watch_see(stage.watch, &other);
	watch_scan_end(stage.watch, stage.now_ns);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, 0);
}

static void a_wrapper_gives_way_to_what_it_runs(void **state)
{
	(void)state;
	int wrapper = run_program("xvfb-run", "xvfb-run -a wine /srv/t1/terminal64.exe", 1);
	int shell = run_program("sh", "sh -c something", wrapper);
	pass_seconds(1);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, wrapper);
	int real = run_program("wine64-preload", "Z:\\srv\\t1\\terminal64.exe", shell);
	pass_seconds(1);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, real);
	assert_true(tells_at("t1", 0, "pid=1002 cpu=-1"));
	assert_false(noted("ended"));
	/* The kernel may list them in any order. */
	struct fake_process swapped = stage.processes[1];
	stage.processes[1] = stage.processes[3];
	stage.processes[3] = swapped;
	pass_seconds(1);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, real);
	assert_false(noted("matches too"));
}

/* explorer.exe holds the desktop of a terminal under Wine, and its whole command line. */
static void the_kernels_name_decides_between_those_beside_each_other(void **state)
{
	(void)state;
	run_program("explorer.exe", "explorer.exe /desktop=a Z:\\srv\\t1\\terminal64.exe", 1);
	stage.now_ns += SECOND;
	int real = run_terminal("t1");
	pass_seconds(1);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, real);
	assert_false(noted("matches too"));
}

static void of_two_the_known_one_stays_else_the_oldest_is_taken(void **state)
{
	(void)state;
	int first = run_terminal("t1");
	stage.now_ns += SECOND;
	int second = run_terminal("t1");
	pass_seconds(2);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, first);
	const char *note = strstr(stage.notes, "process 1001 matches too; 1000 is taken");
	assert_non_null(note);
	assert_null(strstr(note + 24, "matches too")); /* once */
	/* The listing's order changes nothing, nor does a third. */
	struct fake_process swapped = stage.processes[1];
	stage.processes[1] = stage.processes[2];
	stage.processes[2] = swapped;
	pass_seconds(1);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, first);
	end_program(first);
	pass_seconds(1);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, second);
	assert_true(tells_at("t1", 0, "pid=0 end=crash"));
	assert_true(tells_at("t1", 1, "pid=1001"));
}

static void an_older_one_that_matches_later_changes_nothing(void **state)
{
	(void)state;
	int older = run_program("terminal64.exe", "/srv/loader", 1);
	stage.now_ns += SECOND;
	int known = run_terminal("t1");
	pass_seconds(1);
	snprintf(process_of(older)->command, 64, "/srv/t1/terminal64.exe");
	for (int i = 0; i < 2; i++) {
		struct fake_process swapped = stage.processes[1];
		stage.processes[1] = stage.processes[2];
		stage.processes[2] = swapped;
		pass_seconds(1);
		assert_int_equal(watch_run_of(stage.watch, 0).pid, known);
	}
}

static void a_process_of_two_terminals_is_the_firsts(void **state)
{
	(void)state;
	run_program("start-all", "start-all terminal64.exe /srv/t2 /srv/t1", 1);
	pass_seconds(3);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, FIRST_PID);
	assert_int_equal(watch_run_of(stage.watch, 1).pid, 0);
	assert_true(noted("process 1000 matches t1 and t2: it is taken for t1"));
	assert_int_equal(watch_counts(stage.watch).doubly_matched, 1);
}

static void a_pid_that_another_program_got_is_not_the_terminal(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	end_program(pid);
	stage.next_pid = pid;
	stage.now_ns += SECOND;
	run_program("bash", "bash", 1);
	pass_seconds(11);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, 0);
	assert_true(tells("t1", "pid=0 end=crash"));
	/* And one that got it and is the terminal is another process of it. */
	end_program(pid);
	stage.next_pid = pid;
	stage.now_ns += SECOND;
	run_terminal("t1");
	pass_seconds(1);
	assert_true(tells("t1", "pid=1000 cpu=-1"));
}

static void a_zombie_that_is_not_ours_has_ended(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	process_of(pid)->state = 'Z';
	process_of(pid)->command[0] = 0;
	pass_seconds(11);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, 0);
	assert_true(tells("t1", "end=crash"));
}

static void a_listing_without_ourselves_is_not_believed(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	stage.blind = true;
	pass_seconds(20);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, pid);
	assert_int_equal(watch_counts(stage.watch).bad_scans, 20);
	assert_false(noted("ended"));
	assert_false(command("op=start id=t2")); /* a second one could be there */
	assert_true(noted("cannot be listed"));
	stage.blind = false;
	pass_seconds(1);
	assert_true(tells("t1", "pid=1000"));
}

static void a_process_whose_words_change_is_still_the_terminal(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	snprintf(process_of(pid)->command, 64, "something else");
	pass_seconds(2);
	assert_int_equal(watch_run_of(stage.watch, 0).pid, pid);
}

/* ---- what it takes ---- */

static void many_threads_have_more_than_one_core(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	assert_true(tells("t1", "cpu=-1")); /* nothing to compare with */
	process_of(pid)->usage.cpu_ns += 3456 * (SECOND / 1000);
	pass_seconds(1);
	assert_true(tells("t1", "cpu=345.6"));
	pass_seconds(1);
	assert_true(tells("t1", "cpu=0.0"));
}

static void the_share_is_of_the_time_that_passed(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	process_of(pid)->usage.cpu_ns += SECOND;
	pass(4 * SECOND); /* late */
	assert_true(tells("t1", "cpu=25.0"));
	process_of(pid)->usage.cpu_ns += 10000000;
	pass(20000000); /* too soon to say: a tick of the clock would be 50 % */
	assert_true(tells("t1", "cpu=25.0"));
	process_of(pid)->usage.cpu_ns += 90000000;
	pass(980000000);
	assert_true(tells("t1", "cpu=10.0"));
	process_of(pid)->usage.cpu_ns = 0; /* nothing that a kernel says */
	pass_seconds(1);
	assert_true(tells("t1", "cpu=-1"));
}

static void the_wall_clock_may_jump(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	stage.wall_ms -= 3600000;
	process_of(pid)->usage.cpu_ns += SECOND / 2;
	pass_seconds(1);
	assert_true(tells("t1", "cpu=50.0 t=1784042592100"));
	stage.wall_ms += 86400000;
	end_program(pid);
	pass_seconds(9);
	assert_string_equal(told("t1", 0), ""); /* doubt is of monotonic time */
	pass_seconds(2);
	assert_true(tells("t1", "end=crash"));
}

static void what_is_hidden_is_not_told(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	process_of(pid)->usage.descriptors = -1;
	pass_seconds(1);
	assert_null(strstr(told("t1", 0), "fd="));
	/* Gone between the listing and the look at what it takes. */
	watch_usage(stage.watch, 0, NULL, stage.now_ns);
	report(true);
	assert_true(tells("t1", "pid=1000 cpu=-1"));
	assert_null(strstr(told("t1", 0), "rss="));
}

/* ---- how it ended: found running, so without an exit code ---- */

static void nothing_is_told_while_it_may_be_an_update(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	end_program(pid);
	for (int i = 0; i < 10; i++) {
		pass_seconds(1);
		assert_string_equal(told("t1", 0), "");
		assert_true(tells("t2", "end=gone"));
	}
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=crash"));
	assert_null(strstr(told("t1", 0), "exit="));
	assert_string_equal(stage.spawned, ""); /* weir says when */
	assert_int_equal(watch_counts(stage.watch).crashes, 1);
}

static void an_end_is_said_for_a_minute_and_then_it_is_gone(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	change_file(0);
	end_program(pid);
	for (int i = 0; i < WATCH_ENDS / 2; i++) { /* then it is started, and ends */
		pass_seconds(1);
		assert_true(tells("t1", "pid=0 end=update"));
	}
	pass_seconds(1);
	assert_true(tells("t1", "pid=1001"));
	end_child(1001, 9, 0);
	for (int i = 0; i < WATCH_ENDS; i++) {
		pass_seconds(1);
		assert_true(tells("t1", "pid=0 end=crash exit=9"));
	}
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=gone"));
	assert_null(strstr(told("t1", 0), "exit="));
}

static void a_program_that_is_another_file_by_then_is_an_update(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	change_file(0);
	end_program(pid);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=update"));
	assert_true(noted("process 1000 ended: an update (its program has changed)"));
	assert_true(command("op=start id=t1")); /* the update may be at work */
	pass_seconds(20);
	assert_string_equal(stage.spawned, "");
	run_terminal("t1");
	pass_seconds(1);
	assert_true(tells("t1", "pid=1001"));
	pass_seconds(30);
	assert_string_equal(stage.spawned, "");
}

static void a_program_that_changes_or_goes_soon_after_is_an_update(void **state)
{
	(void)state;
	int pid = run_terminal("t1"), other = run_terminal("t3");
	pass_seconds(1);
	end_program(pid);
	end_program(other);
	pass_seconds(6);
	assert_string_equal(told("t1", 0), "");
	change_file(0);
	stage.files[3].bytes = 0;
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=update"));
	assert_true(tells("t3", "pid=0 end=update"));
	/* It does not come back by itself: what can be started is, 30 s after the end. */
	pass_seconds(23);
	assert_string_equal(stage.spawned, "");
	pass_seconds(1);
	assert_string_equal(stage.spawned, "wine /srv/t1/terminal64.exe|");
	assert_int_equal(watch_counts(stage.watch).updates, 2);
}

static void what_comes_back_with_another_program_was_an_update(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	end_program(pid);
	pass_seconds(3);
	change_file(0);
	run_terminal("t1");
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=0 end=update"));
	assert_true(tells_at("t1", 1, "pid=1001"));
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=1001"));
	assert_string_equal(told("t1", 1), "");
}

static void what_comes_back_with_the_same_program_had_crashed(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	end_program(pid);
	pass_seconds(3);
	run_terminal("t1");
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=0 end=crash"));
	assert_true(tells_at("t1", 1, "pid=1001"));
}

static void an_update_that_was_called_a_crash_is_noted(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	end_program(pid);
	pass_seconds(20);
	assert_true(tells("t1", "end=crash"));
	change_file(0);
	run_terminal("t1");
	pass_seconds(1);
	assert_true(tells("t1", "pid=1001"));
	assert_true(noted("what was called a crash was an update"));
	assert_int_equal(watch_counts(stage.watch).late_updates, 1);
}

static void without_a_program_there_is_no_doubt(void **state)
{
	(void)state;
	stage.files[0].bytes = 0;
	int pid = run_terminal("t1");
	pass_seconds(1);
	assert_true(tells("t1", "disk=48211")); /* by its folder */
	end_program(pid);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=crash"));
}

/* ---- who is there to be told ---- */

static void an_end_is_told_late_unless_the_terminal_is_there_again(void **state)
{
	(void)state;
	int pid = run_terminal("t1"), other = run_terminal("t2");
	pass_seconds(1);
	change_file(0);
	change_file(1);
	end_program(pid);
	end_program(other);
	stage.now_ns += SECOND;
	scan();
	watch_report(stage.watch, stage.wall_ms, true, NULL); /* nobody is connected */
	run_terminal("t1");
	stage.now_ns += SECOND;
	scan();
	watch_report(stage.watch, stage.wall_ms, true, NULL);
	report(true);
	assert_true(tells_at("t1", 0, "pid=1002")); /* weir has heard of it from itself */
	assert_string_equal(told("t1", 1), "");
	assert_true(tells("t2", "pid=0 end=update"));
}

static void news_are_told_without_waiting_for_the_second(void **state)
{
	(void)state;
	run_terminal("t1");
	pass_seconds(1);
	report(false);
	assert_string_equal(stage.report, "");
	int pid = run_terminal("t2");
	scan();
	report(false);
	assert_true(tells("t2", "pid=1001"));
	assert_string_equal(told("t1", 0), "");
	change_file(1);
	end_program(pid);
	scan();
	report(false);
	assert_true(tells("t2", "end=update"));
}

/* ---- another roster ---- */

static void a_terminal_is_kept_by_its_id_when_the_file_changes(void **state)
{
	(void)state;
	int pid = run_terminal("t2");
	run_terminal("t1");
	pass_seconds(1);
	process_of(pid)->usage.cpu_ns += SECOND / 4;
	assert_int_equal(watch_reload(stage.watch, stage_roster("t4\nt2 \"terminal64*t2\"\n")),
			 STATUS_OK);
	assert_int_equal(watch_count(stage.watch), 2);
	pass_seconds(1);
	assert_true(tells("t2", "pid=1000 cpu=25.0"));
	assert_true(tells("t4", "pid=0 end=gone"));
	assert_string_equal(told("t1", 0), "");
	end_program(pid);
	pass_seconds(11);
	assert_true(tells("t2", "end=crash")); /* its program is still known */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_runs_is_found_and_told_as_m),
		TEST(the_agent_itself_and_what_it_runs_are_nobodys_terminal),
		TEST(a_wrapper_gives_way_to_what_it_runs),
		TEST(the_kernels_name_decides_between_those_beside_each_other),
		TEST(of_two_the_known_one_stays_else_the_oldest_is_taken),
		TEST(an_older_one_that_matches_later_changes_nothing),
		TEST(a_process_of_two_terminals_is_the_firsts),
		TEST(a_pid_that_another_program_got_is_not_the_terminal),
		TEST(a_zombie_that_is_not_ours_has_ended),
		TEST(a_listing_without_ourselves_is_not_believed),
		TEST(a_process_whose_words_change_is_still_the_terminal),
		TEST(many_threads_have_more_than_one_core),
		TEST(the_share_is_of_the_time_that_passed),
		TEST(the_wall_clock_may_jump),
		TEST(what_is_hidden_is_not_told),
		TEST(nothing_is_told_while_it_may_be_an_update),
		TEST(an_end_is_said_for_a_minute_and_then_it_is_gone),
		TEST(a_program_that_is_another_file_by_then_is_an_update),
		TEST(a_program_that_changes_or_goes_soon_after_is_an_update),
		TEST(what_comes_back_with_another_program_was_an_update),
		TEST(what_comes_back_with_the_same_program_had_crashed),
		TEST(an_update_that_was_called_a_crash_is_noted),
		TEST(without_a_program_there_is_no_doubt),
		TEST(an_end_is_told_late_unless_the_terminal_is_there_again),
		TEST(news_are_told_without_waiting_for_the_second),
		TEST(a_terminal_is_kept_by_its_id_when_the_file_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
