/* What the agent is told to do with terminals, and what becomes of those it has started: a
 * host in a table, time in the test's hand. */
#include "agent_stage.h"

enum { CHILD = FIRST_PID }; /* what is started first */

static const char t1_started[] = "wine /srv/t1/terminal64.exe|";

static void start_t1(void)
{
	assert_true(command("op=start id=t1"));
	assert_string_equal(stage.spawned, t1_started);
	stage.spawned[0] = 0;
	assert_int_equal(watch_run_of(stage.watch, 0).pid, CHILD);
}

/* ---- starting ---- */

static void what_is_not_there_is_started_and_never_twice(void **state)
{
	(void)state;
	start_t1();
	report(false);
	assert_true(tells("t1", "pid=1000"));
	assert_true(command("op=start id=t1"));
	pass_seconds(3);
	assert_true(command("op=start id=t1"));
	assert_string_equal(stage.spawned, "");
	assert_int_equal(watch_counts(stage.watch).started, 1);
}

static void what_runs_already_is_adopted_and_not_started(void **state)
{
	(void)state;
	run_terminal("t1");
	assert_true(command("op=start id=t1"));
	assert_string_equal(stage.spawned, "");
	assert_int_equal(watch_run_of(stage.watch, 0).pid, FIRST_PID);
}

static void a_start_may_be_clean(void **state)
{
	(void)state;
	assert_true(command("op=start id=t1 clean=1"));
	assert_string_equal(stage.spawned, "wine /srv/t1/terminal64.exe new|");
	assert_true(command("op=start id=t2 clean=1"));
	assert_true(noted("t2: its start command has no {clean:WORD}"));
}

static void a_clean_start_is_of_one_start_only(void **state)
{
	(void)state;
	assert_true(command("op=start id=t1 clean=1"));
	assert_true(command("op=start id=t1 clean=1")); /* of one that runs: nothing */
	stage.spawned[0] = 0;
	pass_seconds(6);
	end_child(CHILD, 75, 0);
	pass_seconds(1);
	assert_string_equal(stage.spawned, t1_started);
	/* Nor does one that was called off come back. */
	assert_true(command("op=restart id=t1 clean=1 wait=5000"));
	assert_true(command("op=stop id=t1"));
	end_child(1001, 0, 15);
	pass_seconds(1);
	assert_true(command("op=restart id=t1"));
	assert_string_equal(strchr(stage.spawned, '|'), "|wine /srv/t1/terminal64.exe|");
	stage.signal_fails = true;
	assert_false(command("op=restart id=t1 clean=1"));
	stage.spawned[0] = 0;
	end_child(1002, 75, 0);
	pass_seconds(5);
	assert_string_equal(stage.spawned, t1_started);
}

static void a_start_that_fails_is_answered_so_and_not_tried_on(void **state)
{
	(void)state;
	stage.spawn_fails = true;
	assert_false(command("op=start id=t1"));
	stage.spawn_fails = false;
	pass_seconds(3);
	assert_string_equal(stage.spawned, "");
	assert_int_equal(watch_counts(stage.watch).start_failed, 1);
	assert_true(tells("t1", "pid=0 end=gone"));
}

static void what_cannot_be_done_is_refused(void **state)
{
	static const char *const commands[] = {
		"op=start id=t3",    "op=restart id=t3",         "op=start id=t9",       "op=start",
		"op=snapshot id=t1", "op=throttle id=t1 rate=1", "op=set id=t1 k=a v=b",
	};
	(void)state;
	run_terminal("t3");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		assert_false(command(commands[i]));
	assert_int_equal(watch_counts(stage.watch).commands_refused, ARRAY_LEN(commands));
	assert_string_equal(stage.signals, ""); /* t3 could not be started again */
	assert_true(noted("t3: weir's restart is refused: it has no start command"));
	assert_true(noted("t9: weir's start is refused: no such terminal here"));
}

/* ---- stopping ---- */

static void a_stop_terminates_and_then_kills(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	assert_true(command("op=stop id=t1"));
	assert_string_equal(stage.signals, "TERM 1000|");
	assert_true(watch_hurries(stage.watch));
	pass_seconds(9);
	assert_string_equal(stage.signals, "TERM 1000|");
	pass_seconds(1);
	assert_string_equal(stage.signals, "TERM 1000|KILL 1000|");
	end_program(pid);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=asked"));
	assert_false(watch_hurries(stage.watch));
	pass_seconds(40);
	assert_string_equal(stage.spawned, "");
}

static void a_terminal_has_its_time_to_go_by_itself(void **state)
{
	(void)state;
	int pid = run_terminal("t1"), other = run_terminal("t2");
	assert_true(command("op=stop id=t1 wait=5000"));
	assert_true(command("op=restart id=t2 wait=5000 code=75"));
	pass_seconds(4);
	assert_string_equal(stage.signals, "");
	end_program(pid);
	pass_seconds(1);
	assert_string_equal(stage.signals, "TERM 1001|");
	assert_true(tells("t1", "end=asked"));
	pass_seconds(9);
	assert_true(tells("t2", "pid=1001"));
	pass_seconds(1);
	assert_string_equal(stage.signals, "TERM 1001|KILL 1001|");
	end_program(other);
	pass_seconds(1);
	assert_true(tells_at("t2", 0, "pid=0 end=asked"));
	assert_true(tells_at("t2", 1, "pid=1002"));
	assert_string_equal(stage.spawned, "wine /srv/t2/terminal64.exe|");
}

static void a_wait_has_a_bound(void **state)
{
	(void)state;
	run_terminal("t1");
	assert_true(command("op=stop id=t1 wait=9223372036854775807"));
	pass(599 * SECOND);
	assert_string_equal(stage.signals, "");
	pass_seconds(1);
	assert_string_equal(stage.signals, "TERM 1000|");
}

static void what_does_not_die_is_killed_again(void **state)
{
	(void)state;
	run_terminal("t1");
	assert_true(command("op=stop id=t1"));
	pass_seconds(25);
	assert_string_equal(stage.signals, "TERM 1000|KILL 1000|KILL 1000|");
}

static void who_may_not_be_signalled_is_left_alone(void **state)
{
	(void)state;
	stage.signal_fails = true;
	int pid = run_terminal("t1");
	assert_false(command("op=stop id=t1"));
	assert_false(command("op=restart id=t1"));
	assert_true(noted("process 1000 cannot be signalled"));
	pass_seconds(20);
	assert_string_equal(stage.signals, "TERM 1000|TERM 1000|");
	change_file(0);
	end_program(pid);
	pass_seconds(1);
	assert_true(tells("t1", "end=update")); /* not asked: nothing was done */
}

static void a_stop_of_what_is_not_there_is_done(void **state)
{
	(void)state;
	assert_true(command("op=stop id=t1"));
	/* Nor is it then started by what was begun before. */
	start_t1();
	end_child(CHILD, 75, 0);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=asked exit=75"));
	assert_true(command("op=stop id=t1"));
	pass_seconds(20);
	assert_string_equal(stage.spawned, "");
}

/* ---- one command after the other ---- */

static void the_newest_command_is_what_happens(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	assert_true(command("op=stop id=t1 wait=5000"));
	assert_true(command("op=start id=t1 clean=1"));
	end_program(pid);
	pass_seconds(1);
	assert_string_equal(stage.spawned, "wine /srv/t1/terminal64.exe new|");
	assert_true(command("op=restart id=t1 wait=5000"));
	assert_true(command("op=stop id=t1 wait=60000")); /* does not put it off */
	pass_seconds(5);
	assert_string_equal(stage.signals, "TERM 1001|");
	end_child(1001, 0, 15);
	pass_seconds(20);
	assert_string_equal(stage.spawned, "wine /srv/t1/terminal64.exe new|");
	assert_true(tells("t1", "end=asked exit=-15"));
}

static void a_second_command_may_hasten_the_end(void **state)
{
	(void)state;
	run_terminal("t1");
	assert_true(command("op=restart id=t1 wait=60000"));
	assert_true(command("op=restart id=t1"));
	assert_string_equal(stage.signals, "TERM 1000|");
	pass_seconds(10);
	assert_string_equal(stage.signals, "TERM 1000|KILL 1000|");
}

/* weir tells the terminal itself too: it may go before the agent hears of it. */
static void an_end_in_doubt_was_asked_for_when_the_command_follows(void **state)
{
	(void)state;
	int pid = run_terminal("t1"), other = run_terminal("t2");
	pass_seconds(1);
	end_program(pid);
	end_program(other);
	pass_seconds(1);
	assert_string_equal(told("t1", 0), "");
	assert_true(command("op=restart id=t1 wait=5000"));
	assert_true(command("op=stop id=t2"));
	assert_string_equal(stage.spawned, t1_started);
	report(false);
	assert_true(tells_at("t1", 0, "pid=0 end=asked"));
	assert_true(tells_at("t1", 1, "pid=1002"));
	assert_true(tells("t2", "pid=0 end=asked"));
}

static void a_start_waits_for_the_doubt_to_end(void **state)
{
	(void)state;
	int pid = run_terminal("t1");
	pass_seconds(1);
	end_program(pid);
	pass_seconds(1);
	assert_true(command("op=start id=t1"));
	pass_seconds(9);
	assert_string_equal(stage.spawned, "");
	pass_seconds(1);
	assert_string_equal(stage.spawned, t1_started);
	assert_true(tells_at("t1", 0, "pid=0 end=crash"));
	assert_true(tells_at("t1", 1, "pid=1001"));
}

static void a_poke_runs_the_program_there_is(void **state)
{
	(void)state;
	assert_true(command("op=poke id=t1"));
	assert_string_equal(stage.poked, "t1");
	stage.poke_fails = true;
	assert_false(command("op=poke id=t1"));
}

/* ---- how what was started ends ---- */

static void a_child_ends_as_it_says(void **state)
{
	static const struct {
		int code, signal;
		const char *told;
	} cases[] = {
		{ 0, 9, "pid=0 end=crash exit=-9" },
		{ 1, 0, "pid=0 end=crash exit=1" },
		{ 137, 0, "pid=0 end=crash exit=137" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int pid = FIRST_PID + (int)i;
		assert_true(command("op=start id=t1"));
		pass_seconds(20);
		end_child(pid, cases[i].code, cases[i].signal);
		scan();
		report(false); /* at once */
		assert_true(tells("t1", cases[i].told));
	}
	assert_int_equal(watch_counts(stage.watch).crashes, 3);
}

static void code_75_is_the_terminals_wish_for_a_restart(void **state)
{
	(void)state;
	start_t1();
	pass_seconds(20);
	end_child(CHILD, 75, 0);
	scan();
	report(false);
	assert_true(tells_at("t1", 0, "pid=0 end=asked exit=75"));
	assert_true(tells_at("t1", 1, "pid=1001"));
	assert_string_equal(stage.spawned, t1_started);
	/* At once it wants it again: not before 5 s after the last start. */
	stage.spawned[0] = 0;
	end_child(1001, 75, 0);
	pass_seconds(4);
	assert_string_equal(stage.spawned, "");
	assert_true(tells("t1", "pid=0 end=asked exit=75"));
	pass_seconds(1);
	assert_string_equal(stage.spawned, t1_started);
}

static void code_0_is_doubted_and_with_another_program_an_update(void **state)
{
	(void)state;
	start_t1();
	pass_seconds(20);
	end_child(CHILD, 0, 0);
	pass_seconds(2);
	assert_string_equal(told("t1", 0), "");
	change_file(0);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=update exit=0"));
	/* A signal is no update, whatever the file has become. */
	run_terminal("t2");
	assert_true(command("op=stop id=t2"));
	end_program(1001);
	scan();
	assert_true(command("op=start id=t2"));
	pass_seconds(20);
	change_file(1);
	end_child(1002, 0, 11);
	pass_seconds(1);
	assert_true(tells("t2", "end=crash exit=-11"));
}

static void an_executed_wrapper_is_one_process(void **state)
{
	(void)state;
	stage.spawn_command = "/bin/sh /srv/t1/weir-start.sh";
	start_t1();
	pass_seconds(2);
	assert_true(tells("t1", "pid=1000"));
	struct fake_process *process = process_of(CHILD);
	snprintf(process->name, sizeof process->name, "terminal64.exe");
	snprintf(process->command, sizeof process->command, "Z:\\srv\\t1\\terminal64.exe");
	pass_seconds(2);
	assert_true(tells("t1", "pid=1000 disk=48211"));
	end_child(CHILD, 3, 0);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=crash exit=3"));
	assert_false(noted("found running"));
}

/* Where its program is shows only once it runs. */
static void the_program_of_an_executed_wrapper_is_found_afterwards(void **state)
{
	struct roster *roster = NULL;
	struct err err = { 0 };
	(void)state;
	assert_int_equal(
	    roster_parse(STR("t1 terminal64*t1 /opt/start"), "terminals", NULL, &roster, &err),
	    STATUS_OK);
	assert_int_equal(watch_reload(stage.watch, roster), STATUS_OK);
	assert_true(command("op=start id=t1"));
	pass_seconds(1);
	assert_null(strstr(told("t1", 0), "disk="));
	snprintf(process_of(CHILD)->command, 64, "Z:\\srv\\t1\\terminal64.exe");
	pass_seconds(1);
	assert_true(tells("t1", "pid=1000 disk=48211"));
	change_file(0);
	end_child(CHILD, 0, 0);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=update"));
}

static void the_code_of_a_wrapper_that_leaves_early_is_not_its_terminals(void **state)
{
	(void)state;
	stage.spawn_command = "/bin/sh /opt/run-it t1";
	start_t1();
	int real = run_program("terminal64.exe", "/srv/t1/terminal64.exe", CHILD);
	pass_seconds(20);
	process_of(real)->parent = 1;
	end_child(CHILD, 75, 0);
	pass_seconds(20);
	assert_true(tells("t1", "pid=1001"));
	end_program(real);
	pass_seconds(11);
	assert_true(tells("t1", "pid=0 end=crash"));
	assert_null(strstr(told("t1", 0), "exit="));
	assert_string_equal(stage.spawned, "");
}

/* A zombie of ours, its end not told yet, and already there is another. */
static void what_follows_a_child_at_once_is_another_process_of_it(void **state)
{
	(void)state;
	start_t1();
	pass_seconds(20);
	process_of(CHILD)->state = 'Z';
	process_of(CHILD)->command[0] = 0;
	change_file(0);
	run_terminal("t1");
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=0 end=update"));
	assert_true(tells_at("t1", 1, "pid=1001"));
	end_child(CHILD, 75, 0);
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=1001"));
	assert_string_equal(stage.spawned, "");
}

static void the_code_of_a_wrapper_is_its_terminals(void **state)
{
	(void)state;
	stage.spawn_command = "/bin/sh /opt/run-it t1";
	start_t1();
	int real = run_program("terminal64.exe", "/srv/t1/terminal64.exe", CHILD);
	pass_seconds(20);
	assert_true(tells("t1", "pid=1001"));
	end_program(real); /* the wrapper is not done yet */
	pass_seconds(1);
	assert_true(tells("t1", "pid=1000"));
	end_child(CHILD, 75, 0);
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=0 end=asked exit=75"));
	assert_true(tells_at("t1", 1, "pid=1002"));
}

static void a_stop_reaches_the_terminal_and_then_its_wrapper(void **state)
{
	(void)state;
	stage.spawn_command = "/bin/sh /opt/run-it t1";
	start_t1();
	int real = run_program("terminal64.exe", "/srv/t1/terminal64.exe", CHILD);
	pass_seconds(1);
	assert_true(command("op=stop id=t1"));
	assert_string_equal(stage.signals, "TERM 1001|");
	end_program(real);
	pass_seconds(1);
	assert_string_equal(stage.signals, "TERM 1001|TERM 1000|");
	end_child(CHILD, 143, 0);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=asked exit=143"));
	assert_int_equal(watch_counts(stage.watch).asked, 1);
}

/* sh -c 'terminal &': it is gone before what it has started is seen, or after. */
static void a_launcher_is_not_the_terminal(void **state)
{
	(void)state;
	stage.spawn_command = "/bin/sh /opt/launch t1";
	start_t1();
	pass_seconds(1);
	end_child(CHILD, 0, 0);
	int real = run_terminal("t1");
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=1001"));
	assert_string_equal(told("t1", 1), "");
	pass_seconds(20);
	end_program(real); /* the launcher's code is not its */
	pass_seconds(11);
	assert_true(tells("t1", "pid=0 end=crash"));
	assert_null(strstr(told("t1", 0), "exit="));
	stage.spawned[0] = 0;
	assert_true(command("op=start id=t1"));
	pass_seconds(1);
	end_child(1002, 0, 0);
	pass_seconds(4);
	assert_string_equal(told("t1", 0), "");
	run_terminal("t1");
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=1003"));
	assert_string_equal(told("t1", 1), "");
	assert_int_equal(watch_counts(stage.watch).crashes, 1);
	assert_string_equal(stage.spawned, t1_started);
}

static void a_launcher_that_started_nothing_is_told_as_a_crash(void **state)
{
	(void)state;
	stage.files[0].bytes = 0;
	stage.spawn_command = "/bin/sh /opt/launch t1";
	start_t1();
	end_child(CHILD, 0, 0);
	pass_seconds(10);
	assert_string_equal(told("t1", 0), "");
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=crash exit=0"));
}

static void a_child_is_there_until_its_end_is_told(void **state)
{
	(void)state;
	start_t1();
	pass_seconds(20);
	process_of(CHILD)->state = 'Z';
	process_of(CHILD)->command[0] = 0;
	pass_seconds(1);
	assert_true(tells("t1", "pid=1000"));
	end_child(CHILD, 75, 0);
	pass_seconds(1);
	assert_true(tells("t1", "pid=0 end=asked exit=75"));
}

static void a_child_is_known_after_the_file_changes(void **state)
{
	(void)state;
	start_t1();
	pass_seconds(20);
	assert_int_equal(watch_reload(stage.watch, stage_roster("t2\nt1 - other program\n")),
			 STATUS_OK);
	end_child(CHILD, 75, 0);
	pass_seconds(1);
	assert_true(tells_at("t1", 0, "pid=0 end=asked exit=75"));
	assert_string_equal(stage.spawned, "other program|");
	/* And one that is not in it any more is nobody's. */
	assert_int_equal(watch_reload(stage.watch, stage_roster("t2\n")), STATUS_OK);
	end_child(1001, 75, 0);
	pass_seconds(10);
	assert_string_equal(stage.spawned, "other program|");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_there_is_started_and_never_twice),
		TEST(what_runs_already_is_adopted_and_not_started),
		TEST(a_start_may_be_clean),
		TEST(a_clean_start_is_of_one_start_only),
		TEST(a_start_that_fails_is_answered_so_and_not_tried_on),
		TEST(what_cannot_be_done_is_refused),
		TEST(a_stop_terminates_and_then_kills),
		TEST(a_terminal_has_its_time_to_go_by_itself),
		TEST(a_wait_has_a_bound),
		TEST(what_does_not_die_is_killed_again),
		TEST(who_may_not_be_signalled_is_left_alone),
		TEST(a_stop_of_what_is_not_there_is_done),
		TEST(the_newest_command_is_what_happens),
		TEST(a_second_command_may_hasten_the_end),
		TEST(an_end_in_doubt_was_asked_for_when_the_command_follows),
		TEST(a_start_waits_for_the_doubt_to_end),
		TEST(a_poke_runs_the_program_there_is),
		TEST(a_child_ends_as_it_says),
		TEST(code_75_is_the_terminals_wish_for_a_restart),
		TEST(code_0_is_doubted_and_with_another_program_an_update),
		TEST(an_executed_wrapper_is_one_process),
		TEST(the_program_of_an_executed_wrapper_is_found_afterwards),
		TEST(the_code_of_a_wrapper_that_leaves_early_is_not_its_terminals),
		TEST(what_follows_a_child_at_once_is_another_process_of_it),
		TEST(the_code_of_a_wrapper_is_its_terminals),
		TEST(a_stop_reaches_the_terminal_and_then_its_wrapper),
		TEST(a_launcher_is_not_the_terminal),
		TEST(a_launcher_that_started_nothing_is_told_as_a_crash),
		TEST(a_child_is_there_until_its_end_is_told),
		TEST(a_child_is_known_after_the_file_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
