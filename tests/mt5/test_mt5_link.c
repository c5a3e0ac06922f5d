/* The expert's connection: hello, silence, reconnecting, the frames both sides must refuse,
 * and what the terminal's sockets do to those who trust them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mt5/desk.h"

enum { INIT_OK = 0, SETTLED_MS = 4000 };

static int setup(void **state)
{
	(void)state;
	mt_reset(1);
	desk_reset();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mt_kill();
	desk_forget();
	return 0;
}

static void start(void) { assert_int_equal(mt_start(), INIT_OK); }

static void test_a_hello_proves_itself_and_tells_the_account(void **state)
{
	(void)state;
	desk_run(SETTLED_MS);
	start();
	desk_run(SETTLED_MS);
	/* The expert was loaded a moment ago: the account is known, its lists are not. */
	const char *hello = desk_wait("H", "v=1 id=mt5-017 login=90000001 srv=FPMarketsSC-Live", 0);
	assert_string_equal(desk_field(hello, "cur"), "USD");
	assert_string_equal(desk_field(hello, "n"), "");
	assert_string_equal(desk_field(hello, "ph"), "");
	desk_wait("O", "e=1 n=0", 0); /* so they were told as soon as they were */
	desk_wait("S", "con=1 ta=1 ma=1 aa=1 ae=1 n=0 ph=0000000000000000", 2000);

	mt_cut();
	desk_forget();
	hello = desk_wait("H", "cur=USD mm=hedge tm=real lev=500 off=10800 n=0", 3000);
	assert_string_equal(desk_field(hello, "ph"), "0000000000000000");
}

static void test_state_comes_once_a_second(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	desk_forget();
	desk_run(60000);
	assert_in_range(desk_heard("S", ""), 60, 61);
	const char *line = desk_last("S", "");
	assert_string_equal(desk_field(line, "mem"), "212");
	assert_string_equal(desk_field(line, "ret"), "0.02");
	assert_string_equal(desk_field(line, "dn"), "0");
	assert_in_range(atoi(desk_field(line, "tick")), 0, 1000);
}

static void test_a_probe_is_echoed(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	desk_say("P 0 t=1784046195000");
	desk_wait("p", "t=1784046195000", 200);
}

static void test_silence_of_fifteen_seconds_ends_the_connection(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	int before = mt_connections();
	desk_say("P 0 t=1");
	desk.mute = true;
	desk_run(14900);
	assert_true(mt_connected());
	for (int i = 0; i < 4 && mt_connected(); i++)
		desk_step();
	assert_false(mt_connected());
	desk.mute = false;
	desk_run(1000);
	assert_int_equal(mt_connections(), before + 1);
	assert_true(desk.welcomed);
}

static void test_dialling_waits_longer_each_time_and_at_most_thirty_seconds(void **state)
{
	(void)state;
	mt_listen(false);
	start();
	desk_run(120000);
	assert_int_equal(mt_connections(), 0);
	mt_listen(true);
	desk_run(30500);
	assert_int_equal(mt_connections(), 1);
	assert_non_null(strstr(mt_log(), "cannot connect, error 5272"));
	/* said once, not once a try */
	assert_null(strstr(strstr(mt_log(), "cannot connect") + 1, "cannot connect"));
}

static void test_a_refusal_says_when_to_come_again(void **state)
{
	(void)state;
	desk.refuse = "E 0 code=lease msg=twice retry=15000";
	start();
	desk_run(1000);
	assert_int_equal(mt_connections(), 1);
	mt_cut();
	desk_run(14000);
	assert_int_equal(mt_connections(), 1);
	desk.refuse = NULL;
	desk_run(3000);
	assert_int_equal(mt_connections(), 2);
	assert_true(desk.welcomed);
	assert_non_null(strstr(mt_log(), "weir says lease twice"));
}

static void test_bytes_may_come_one_at_a_time_and_many_frames_at_once(void **state)
{
	static const char probe[] = "P 0 t=17\r\n";
	char many[64 * 16];
	size_t used = 0;
	(void)state;
	start();
	desk_run(SETTLED_MS);
	for (size_t i = 0; i + 1 < sizeof probe; i++) {
		mt_say(probe + i, 1);
		desk_step();
	}
	desk_wait("p", "t=17", 100);
	for (int i = 0; i < 64; i++)
		used += (size_t)snprintf(many + used, sizeof many - used, "P 0 t=%d\n", 1000 + i);
	mt_say(many, used);
	desk_step();
	assert_int_equal(desk_heard("p", "t=1063"), 0); /* 16 frames a turn */
	desk_run(300);
	for (int i = 0; i < 64; i++) {
		snprintf(many, sizeof many, "t=%d", 1000 + i);
		assert_int_equal(desk_heard("p", many), 1);
	}
}

static void test_sends_that_are_cut_short_go_on_where_they_stopped(void **state)
{
	(void)state;
	mt_send_most(7);
	start();
	desk_run(20000);
	assert_true(desk.welcomed); /* the codec took every line, or desk would have failed */
	mt_send_most(100000);
	desk_wait("S", "", 3000);
}

static void test_a_send_that_fails_ends_the_connection(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	int before = mt_connections();
	mt_send_most(0);
	desk_run(1100);
	mt_send_most(100000);
	desk_run(5000);
	assert_true(mt_connections() > before);
	assert_true(desk.welcomed);
}

static void test_nonsense_ends_the_connection_with_a_word(void **state)
{
	static const char *const bad[] = { "hello",           "K zero up=1", "K 0 up=1 up=2",
					   "K 0 UP",          "K 0 =1",      "KK 0 up=1",
					   "K 0 up=%4",       "K 0 up=%XY",  "",
					   "K 0 toolongkey=1" };
	(void)state;
	start();
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		desk_run(40000);
		assert_true(desk.welcomed);
		desk_forget();
		int before = mt_connections();
		mt_say(bad[i], strlen(bad[i]));
		mt_say("\n", 1);
		desk_run(100);
		assert_true(!mt_connected() || mt_connections() > before);
	}
}

static void test_a_line_without_an_end_is_refused(void **state)
{
	char flood[5000];
	(void)state;
	start();
	desk_run(SETTLED_MS);
	int before = mt_connections();
	memset(flood, 'x', sizeof flood);
	mt_say(flood, sizeof flood);
	desk_run(5000);
	assert_true(mt_connections() > before);
	assert_non_null(strstr(mt_log(), "longer than 4096 bytes"));
}

static void test_an_unknown_verb_is_answered_and_ignored(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	int before = mt_connections();
	desk_say("X 0 a=1");
	desk_wait("E", "code=verb", 200);
	desk_run(2000);
	assert_int_equal(mt_connections(), before);
}

static void test_another_version_is_refused(void **state)
{
	(void)state;
	desk.mute = true;
	start();
	desk_run(1000);
	desk_say("B 0 v=2 srv=weir/9 nonce=6f1c2a9b3d4e5f60718293a4b5c6d7e8 hb=1 dead=1 max=1");
	desk_run(100);
	assert_int_equal(desk_heard("H", ""), 0);
	assert_non_null(strstr(mt_log(), "version"));
}

static void test_a_reload_says_goodbye_and_begins_a_new_epoch(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	int64_t epoch = desk.epoch;
	mt_unload(5);
	start();
	desk_run(SETTLED_MS);
	assert_true(desk.epoch > epoch);
	assert_int_equal(desk.welcomes, 2);
}

static void test_goodbye_carries_the_reason(void **state)
{
	char line[MT_LINE_MAX];
	(void)state;
	start();
	desk_run(SETTLED_MS);
	mt_unload(9);
	bool said = false;
	while (mt_hear(line))
		said = said || (line[0] == 'Z' && strstr(line, " why=9"));
	assert_true(said);
}

static void test_inputs_that_cannot_work_are_refused(void **state)
{
	(void)state;
	mt_inputs("", "0123456789abcdef");
	assert_int_not_equal(mt_start(), INIT_OK);
	mt_inputs("a b", "0123456789abcdef");
	assert_int_not_equal(mt_start(), INIT_OK);
	mt_inputs("mt5-017", "pa55");
	assert_int_not_equal(mt_start(), INIT_OK);
	assert_null(strstr(mt_log(), "pa55"));
	mt_inputs("..\\..\\x", "0123456789abcdef");
	assert_int_not_equal(mt_start(), INIT_OK);
}

static void test_a_second_chart_with_the_same_instance_does_not_start(void **state)
{
	(void)state;
	mt_hold_file("weir\\mt5-017.journal");
	assert_int_not_equal(mt_start(), INIT_OK);
	assert_non_null(strstr(mt_log(), "another chart"));
}

static void test_the_token_is_never_printed_or_sent(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	mt_cut();
	desk_run(SETTLED_MS);
	assert_null(strstr(mt_log(), "s3cr3t"));
	for (size_t i = 0; i < desk.count; i++)
		assert_null(strstr(desk.lines[i], "s3cr3t"));
}

static void test_commands_that_concern_the_connection(void **state)
{
	(void)state;
	start();
	desk_run(SETTLED_MS);
	int before = mt_connections();
	desk_command(992, "op=reconnect");
	desk_wait("Y", "cid=992 st=ok", 500);
	desk_run(3000);
	assert_int_equal(mt_connections(), before + 1);

	desk_command(993, "op=set k=si v=500");
	desk_wait("Y", "cid=993 st=ok", 500);
	desk_forget();
	desk_run(10000);
	assert_in_range(desk_heard("S", ""), 19, 21);
	desk_command(994, "op=set k=colour v=red");
	desk_wait("Y", "cid=994 st=bad", 500);
	desk_command(995, "op=poke");
	desk_wait("Y", "cid=995 st=ok", 500);
	desk_command(996, "op=dance");
	desk_wait("Y", "cid=996 st=bad", 500);
}

static void test_a_restart_ends_the_terminal_with_the_code_asked_for(void **state)
{
	int code = 0;
	(void)state;
	start();
	desk_run(SETTLED_MS);
	desk_command(993, "op=restart code=75 wait=5000");
	desk_wait("Z", "why=9", 500);
	desk_wait("Y", "cid=993 st=ok", 0);
	assert_true(mt_closed(&code));
	assert_int_equal(code, 75);
	/* The same command from a weir that did not see the answer is not done again. */
	desk.next_down--;
	mt_unload(9);
	start();
	desk_run(SETTLED_MS);
	desk_forget();
	desk_command(993, "op=restart code=75 wait=5000");
	desk_wait("Y", "cid=993 st=ok", 500);
	desk_run(6000);
	assert_false(mt_closed(&code));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_hello_proves_itself_and_tells_the_account),
		T(test_state_comes_once_a_second),
		T(test_a_probe_is_echoed),
		T(test_silence_of_fifteen_seconds_ends_the_connection),
		T(test_dialling_waits_longer_each_time_and_at_most_thirty_seconds),
		T(test_a_refusal_says_when_to_come_again),
		T(test_bytes_may_come_one_at_a_time_and_many_frames_at_once),
		T(test_sends_that_are_cut_short_go_on_where_they_stopped),
		T(test_a_send_that_fails_ends_the_connection),
		T(test_nonsense_ends_the_connection_with_a_word),
		T(test_a_line_without_an_end_is_refused),
		T(test_an_unknown_verb_is_answered_and_ignored),
		T(test_another_version_is_refused),
		T(test_a_reload_says_goodbye_and_begins_a_new_epoch),
		T(test_goodbye_carries_the_reason),
		T(test_inputs_that_cannot_work_are_refused),
		T(test_a_second_chart_with_the_same_instance_does_not_start),
		T(test_the_token_is_never_printed_or_sent),
		T(test_commands_that_concern_the_connection),
		T(test_a_restart_ends_the_terminal_with_the_code_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
