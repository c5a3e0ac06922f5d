/* What goes wrong with simulated terminals goes wrong as it is told to. */
#include "sim_stage.h"

#define QUIET "[terminal]\nown_rate = 0\n[broker]\nbalance_operations = 0\n[trouble]\n"

static int64_t last_number(char verb, const char *key)
{
	char text[16];
	snprintf(text, sizeof text, " %s=", key);
	const char *at = strstr(stage.last[(unsigned char)verb], text);
	assert_non_null(at);
	return strtoll(at + strlen(text), NULL, 10);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void recorded_jitter_is_as_it_was_recorded(void **state)
{
	static int64_t gaps[20000];
	size_t n = 0;
	(void)state;
	stage_open("[terminal]\njitter = recorded\nown_rate = 0\n", 1);
	stage_run(6000 * SECOND);
	for (size_t i = 2; i < stage.n_states && n < ARRAY_LEN(gaps); i++)
		gaps[n++] = stage.state_ns[i] - stage.state_ns[i - 1];
	assert_true(n > 3000);
	qsort(gaps, n, sizeof gaps[0], compare);
	/* Of 1 s what the recording has of 2 s; the timer's 50 ms come on top. */
	assert_in_range(gaps[n / 2], 1040 * MS, 1100 * MS);
	assert_in_range(gaps[n * 9 / 10], 1440 * MS, 2340 * MS);
	assert_in_range(gaps[n - 1], 4590 * MS, 4800 * MS);
	stage_close();
}

static void a_byte_writer_says_the_same_more_slowly(void **state)
{
	(void)state;
	stage_open(QUIET "byte_writer = 1ms\n", 2);
	stage_run(20 * SECOND);
	assert_int_equal(stage.takes, stage.log.len);
	assert_true(stage.welcomed && stage.n_states > 15);
	stage_close();
}

static void a_slow_reader_pauses_most_of_the_time(void **state)
{
	int64_t paused = 0, all = 0;
	(void)state;
	stage_open(QUIET "slow_reader = 3s\n", 3);
	for (; all < 6000; all++) {
		stage_run(10 * MS);
		paused += terminal_pauses(stage.terminal);
	}
	assert_in_range(paused * 100 / all, 85, 99);
	assert_true(stage.n_states > 50 && stage.opened == 1);
	stage_close();
}

static void a_frozen_expert_says_nothing_and_comes_back(void **state)
{
	(void)state;
	stage_open(QUIET "freeze = 1/m\nfreeze_for = 20s\n", 4);
	while (!stage.counts.freezes)
		stage_run(100 * MS);
	size_t states = stage.n_states;
	stage_run(19 * SECOND);
	assert_true(terminal_pauses(stage.terminal));
	assert_int_equal(stage.n_states, states);
	stage.settings.freeze = 0;
	stage_run(30 * SECOND);
	/* What weir said meanwhile is old: it dials again. */
	assert_true(stage.welcomed && stage.n_states > states);
	stage_close();
}

static void a_flood_is_as_fast_as_it_is_told(void **state)
{
	(void)state;
	stage_open(QUIET "flood = 200/s\n", 5);
	stage_run(21 * SECOND);
	assert_in_range(stage.verbs['S'], 3800, 4300);
	stage_close();
}

static void garbage_is_no_frames_and_hurts_nothing_of_its_own(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 2/s\n[trouble]\ngarbage = 5/s\n", 6);
	stage.tolerant = true;
	stage_run(60 * SECOND);
	assert_in_range(stage.counts.garbage, 200, 400);
	assert_true(stage.bad_lines > 150);
	stage_settle();
	assert_int_equal(stage_told_of(0), stage_deals_of(0));
	stage_close();
}

static void a_long_line_has_a_megabyte(void **state)
{
	(void)state;
	stage_open(QUIET "long_line = 1/m\n", 7);
	stage.tolerant = true;
	while (!stage.counts.long_lines)
		stage_run(SECOND);
	stage_run(30 * SECOND);
	assert_int_equal(stage.longest_bad, 1 << 20);
	stage_close();
}

static void results_and_deals_are_told_as_late_as_they_should_be(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 0\n[trouble]\nlate = 10s\n", 8);
	stage_run(12 * SECOND);
	assert_int_equal(stage_told_of(0), 1); /* the deposit */
	stage_signal(5, 60 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(9 * SECOND);
	assert_int_equal(stage.verbs['R'], 0);
	stage_run(3 * SECOND);
	assert_int_equal(stage.verbs['R'], 1);
	stage_close();
}

static void a_clock_that_is_wrong_shows_in_t_and_ep(void **state)
{
	(void)state;
	stage_open("[terminal]\nclock_offset = -90000\n", 9);
	stage_run(5 * SECOND);
	assert_in_range(stage.now_ns / MS - last_number('S', "t"), 89000, 91100);
	assert_int_equal(last_number('H', "ep"), START / MS - 90000);
	/* ttl counts from the receipt, whatever the clock says. */
	stage_signal(5, 2 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(3 * SECOND);
	assert_int_equal(stage.words[STAGE_DONE], 1);
	stage_close();
}

static void memory_grows_until_it_is_trimmed(void **state)
{
	(void)state;
	stage_open("[terminal]\nmemory = 200\nmemory_growth = 60\ncpu = 97.5\nfree_fields = 16\n",
		   10);
	stage_run(5 * 60 * SECOND + SECOND);
	assert_in_range(last_number('S', "mem"), 498, 502);
	assert_non_null(strstr(stage.last['S'], " cpu=97.5 "));
	assert_non_null(strstr(stage.last['S'], " x15="));
	stage_say("C %llu cid=4 op=set k=trim v=1", (unsigned long long)++stage.down);
	stage_run(2 * SECOND);
	assert_in_range(last_number('S', "mem"), 198, 205);
	stage_close();
}

static void a_crash_says_nothing_and_somebody_starts_it_or_nobody_does(void **state)
{
	(void)state;
	stage_open(QUIET "crash = 1/m\ncrash_down = 20s\n", 11);
	while (!stage.counts.crashes)
		stage_run(SECOND);
	assert_int_equal(stage.verbs['Z'], 0);
	assert_true(terminal_is_down(stage.terminal) && !stage.open);
	int64_t epoch_ms = stage.epoch_ms;
	stage.settings.crash = 0; /* drawn anew at each start */
	stage_run(25 * SECOND);
	assert_true(stage.welcomed && stage.epoch_ms > epoch_ms);
	stage_close();
	stage_open(QUIET "crash = 1/m\ncrash_down = 0s\n", 12);
	stage_run(3600 * SECOND);
	assert_int_equal(stage.counts.crashes, 1);
	assert_true(terminal_is_down(stage.terminal));
	terminal_start(stage.terminal, stage.now_ns);
	stage_pump();
	stage_run(SECOND);
	assert_true(stage.welcomed);
	stage_close();
}

static void a_reload_says_why_and_begins_a_new_epoch(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 1/s\n[trouble]\nreload = 2/m\ndrop = 2/m\n", 13);
	stage_run(20 * 60 * SECOND);
	assert_in_range(stage.counts.reloads, 25, 60);
	assert_in_range(stage.counts.cuts, 25, 60);
	assert_true(stage.byes[2] && stage.byes[3] && stage.byes[5] && stage.byes[6] &&
		    stage.byes[7]);
	terminal_calm(stage.terminal);
	stage_run(5 * SECOND);
	stage_settle();
	assert_int_equal(stage_told_of(0), stage_deals_of(0));
	stage_close();
}

static void the_broker_away_is_con_0_and_no_account(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 1/s\n[broker]\nlink_drop = 1/m\nlink_down = 60s\n", 14);
	struct broker *broker = terminal_broker(stage.terminal);
	while (broker_connected(broker))
		stage_run(100 * MS);
	stage_run(2 * SECOND);
	int accounts = stage.verbs['A'], deals = stage.verbs['D'], quotes = stage.verbs['Q'];
	stage_run(20 * SECOND);
	assert_int_equal(last_number('S', "con"), 0);
	assert_int_equal(stage.verbs['A'] + stage.verbs['D'] + stage.verbs['Q'],
			 accounts + deals + quotes);
	stage_run(120 * SECOND);
	assert_true(stage.verbs['A'] > accounts && stage.verbs['D'] > deals);
	stage_close();
}

/* ---- hellos that prove nothing ---- */

/* The mac of the newest hello; the scripted weir would insist on a right one. */
static void dial_by_hand(char hello[1200], const char *nonce)
{
	while (terminal_wish(stage.terminal) != TERMINAL_DIAL) {
		int64_t next_ns = terminal_next_ns(stage.terminal);
		stage.now_ns = next_ns > stage.now_ns ? next_ns : stage.now_ns + MS;
		terminal_step(stage.terminal, stage.now_ns);
	}
	terminal_dialled(stage.terminal);
	terminal_opened(stage.terminal, stage.now_ns);
	char banner[256];
	snprintf(banner, sizeof banner, "B 0 v=1 srv=x nonce=%s hb=1000 dead=15000 max=4096",
		 nonce);
	terminal_line(stage.terminal, str_of(banner), stage.now_ns);
	struct str bytes = { 0 };
	while (!bytes.len) {
		stage.now_ns += 10 * MS;
		terminal_step(stage.terminal, stage.now_ns);
		bytes = terminal_output(stage.terminal);
	}
	snprintf(hello, 1200, "%.*s", STR_ARG(bytes));
	terminal_sent(stage.terminal, bytes.len, stage.now_ns);
	terminal_closed(stage.terminal, stage.now_ns);
}

static void a_replayed_hello_is_the_bytes_of_an_earlier_one(void **state)
{
	static char first[1200], second[1200];
	(void)state;
	stage_open(QUIET "replay_hello = 100%\n", 15);
	dial_by_hand(first, "00000000000000000000000000000001");
	dial_by_hand(second, "00000000000000000000000000000002");
	assert_string_equal(first, second);
	assert_int_equal(stage.counts.replays, 1);
	stage_close();
}

static void a_wrong_token_makes_a_wrong_mac(void **state)
{
	static char right[1200], wrong[1200];
	(void)state;
	stage_open(QUIET, 16);
	dial_by_hand(right, "00000000000000000000000000000001");
	stage_close();
	stage_open(QUIET "wrong_token = 100%\n", 16);
	dial_by_hand(wrong, "00000000000000000000000000000001");
	char *a = strstr(right, " mac="), *b = strstr(wrong, " mac=");
	assert_true(a && b && memcmp(a, b, 37) != 0);
	memset(a, ' ', 37);
	memset(b, ' ', 37);
	assert_string_equal(right, wrong);
	stage_close();
}

/* ---- what weir must not be able to do to it ---- */

static void nonsense_from_weir_ends_the_connection_and_no_more(void **state)
{
	static const char *const lines[] = {
		"nonsense",
		"W 0 ses=1",
		"G 5 sid=1",
		"B 0 v=1",
		"K 0 up=99999999999",
		"K 0 up=-1",
		"G 90000 sid=18446744073709551615 act=open ttl=5",
		"C 90001 cid=1 op=fly",
		"G 90002 sid=5 act=open sd=buy sym=EURUSD vol=99999999999999999.99 ttl=9999",
		"G 90003 sid=6 act=open sd=buy sym=EURUSD vol=0.10 px=-5 ttl=9223372036854775807",
		"C 90004 cid=5 op=throttle rate=0 for=9223372036854775807",
		"C 90005 cid=6 op=set k=si v=-5",
		"C 90006 cid=7 op=restart wait=9223372036854775807",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		stage_open(QUIET, i);
		stage_run(2 * SECOND);
		stage_signal(5, SECOND, "act=open sd=buy sym=EURUSD vol=0.01");
		stage_signal(6, SECOND, "act=open sd=buy sym=EURUSD vol=0.01");
		stage_run(2 * SECOND);
		stage_say("%s", lines[i]);
		stage_run(60 * SECOND);
		assert_true(stage.opened <= 3);
		stage_close();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_jitter_is_as_it_was_recorded),
		cmocka_unit_test(a_byte_writer_says_the_same_more_slowly),
		cmocka_unit_test(a_slow_reader_pauses_most_of_the_time),
		cmocka_unit_test(a_frozen_expert_says_nothing_and_comes_back),
		cmocka_unit_test(a_flood_is_as_fast_as_it_is_told),
		cmocka_unit_test(garbage_is_no_frames_and_hurts_nothing_of_its_own),
		cmocka_unit_test(a_long_line_has_a_megabyte),
		cmocka_unit_test(results_and_deals_are_told_as_late_as_they_should_be),
		cmocka_unit_test(a_clock_that_is_wrong_shows_in_t_and_ep),
		cmocka_unit_test(memory_grows_until_it_is_trimmed),
		cmocka_unit_test(a_crash_says_nothing_and_somebody_starts_it_or_nobody_does),
		cmocka_unit_test(a_reload_says_why_and_begins_a_new_epoch),
		cmocka_unit_test(the_broker_away_is_con_0_and_no_account),
		cmocka_unit_test(a_replayed_hello_is_the_bytes_of_an_earlier_one),
		cmocka_unit_test(a_wrong_token_makes_a_wrong_mac),
		cmocka_unit_test(nonsense_from_weir_ends_the_connection_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
