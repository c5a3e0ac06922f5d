/* The operator's programs, as real processes: a script that notes how it was called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/host_commands.h"
#include "os/files.h"
#include "redis_fixture.h"

static struct {
	struct loop *loop;
	struct host_commands *commands;
	char *folder;
	char program[300], notes[300];
} stage;

static void write_program(const char *body)
{
	char text[1024];
	struct err err;
	snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
	assert_int_equal(files_write_atomic(stage.program, str_of(text), 0700, &err), STATUS_OK);
}

static int set_up(void **state)
{
	struct err err;
	char body[400];
	(void)state;
	stage.folder = fixture_folder();
	assert_non_null(stage.folder);
	snprintf(stage.program, sizeof stage.program, "%s/program", stage.folder);
	snprintf(stage.notes, sizeof stage.notes, "%s/notes", stage.folder);
	snprintf(body, sizeof body, "echo \"$#:$1:$2\" >>%s", stage.notes);
	write_program(body);
	assert_int_equal(loop_create(64, &stage.loop, &err), STATUS_OK);
	stage.commands = host_commands_create(stage.loop);
	assert_non_null(stage.commands);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	host_commands_destroy(stage.commands);
	loop_turn(stage.loop, 0);
	loop_destroy(stage.loop);
	fixture_remove(stage.folder);
	return 0;
}

static enum status ask(const char *id, bool clean)
{
	return host_commands_run(stage.commands, str_of(stage.program), id, clean, 0);
}

static void run_until(uint64_t run, uint64_t failed)
{
	for (int i = 0; i < 2000; i++) {
		struct host_command_counts counts = host_commands_counts(stage.commands);
		if (counts.run >= run && counts.failed >= failed)
			return;
		loop_turn(stage.loop, 10000000);
	}
	fail_msg("the programs have not run");
}

static void assert_notes(const char *expected)
{
	struct buf text;
	struct err err;
	for (int i = 0; i < 2000; i++) {
		buf_init(&text, 8192);
		enum status status = files_read(stage.notes, 4096, &text, &err);
		bool same = !status && str_eq(buf_str(&text), str_of(expected));
		buf_deinit(&text);
		if (same)
			return;
		loop_turn(stage.loop, 10000000);
	}
	fail_msg("not noted: %s", expected);
}

static void a_program_gets_the_id_as_one_word_and_no_shell_sees_it(void **state)
{
	(void)state;
	assert_int_equal(ask("mt5-017; rm -rf $HOME", false), STATUS_OK);
	assert_notes("1:mt5-017; rm -rf $HOME:\n");
	assert_int_equal(ask("mt5-018", true), STATUS_OK);
	assert_notes("1:mt5-017; rm -rf $HOME:\n2:mt5-018:clean\n");
	assert_int_equal(host_commands_counts(stage.commands).failed, 0);
}

static void without_a_program_nobody_does_it(void **state)
{
	(void)state;
	assert_int_equal(host_commands_run(stage.commands, STR(""), "a", false, 0),
			 STATUS_NOT_FOUND);
	assert_int_equal(host_commands_counts(stage.commands).run, 0);
}

static void a_program_that_fails_or_is_not_there_is_counted(void **state)
{
	(void)state;
	write_program("exit 3");
	assert_int_equal(ask("a", false), STATUS_OK);
	run_until(1, 1);
	assert_int_equal(host_commands_run(stage.commands, STR("/nowhere/program"), "a", false, 0),
			 STATUS_OK);
	run_until(1, 2);
}

/* Stop, then start: the second waits for the first. */
static void programs_of_one_terminal_run_one_after_the_other(void **state)
{
	char body[900];
	(void)state;
	snprintf(body, sizeof body,
		 "mkdir %s/busy.$1 || echo overlap >>%s\nsleep 0.05\nrmdir %s/busy.$1\n"
		 "echo \"$1\" >>%s.$1",
		 stage.folder, stage.notes, stage.folder, stage.notes);
	write_program(body);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask(i & 1 ? "b" : "a", false), STATUS_OK);
	run_until(4, 0);
	strcat(stage.notes, ".a");
	assert_notes("a\na\n");
	stage.notes[strlen(stage.notes) - 1] = 'b';
	assert_notes("b\nb\n");
	stage.notes[strlen(stage.notes) - 2] = 0;
	assert_int_not_equal(access(stage.notes, F_OK), 0);
}

static void what_is_to_wait_waits(void **state)
{
	(void)state;
	assert_int_equal(
	    host_commands_run(stage.commands, str_of(stage.program), "late", false, 200000000),
	    STATUS_OK);
	assert_int_equal(ask("soon", false), STATUS_OK);
	assert_notes("1:soon:\n1:late:\n");
}

static void the_queue_is_bounded_and_says_so(void **state)
{
	enum status status = STATUS_OK;
	(void)state;
	for (int i = 0; i < HOST_COMMANDS_MAX && !status; i++)
		status = ask("a", false);
	assert_int_equal(status, STATUS_OK);
	assert_int_equal(ask("a", false), STATUS_FULL);
	assert_int_equal(host_commands_counts(stage.commands).refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_program_gets_the_id_as_one_word_and_no_shell_sees_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_program_nobody_does_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_program_that_fails_or_is_not_there_is_counted,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(programs_of_one_terminal_run_one_after_the_other,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_to_wait_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_queue_is_bounded_and_says_so, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
