/* The agent's side of MFP/1, line by line: hello, answers and their resume, silence, the next
 * connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/link.h"
#include "base/check.h"

#define BANNER                                                                                     \
	"B 0 v=1 srv=weir/0.1 nonce=6f1c2a9b3d4e5f60718293a4b5c6d7e8 hb=1000 dead=15000 max=4096"
#define WELCOME "W 0 ses=4711 up=0 ld=0 lsv=0 snap=0 si=1000 ai=1000 rate=0 t=1784046185440"

static const int64_t SECOND = 1000000000;

static struct {
	struct link link;
	int64_t now_ns;
	char sent[8192];
} stage;

static int set_up(void **state)
{
	(void)state;
	memset(&stage, 0, sizeof stage);
	stage.now_ns = 1000 * SECOND;
	link_init(&stage.link, "mt5-017", STR("s3cr3t-mt5-017"), 1784046185431, 5);
	return 0;
}

static enum link_event take(const char *line)
{
	struct buf out = buf_over(stage.sent, sizeof stage.sent - 1);
	enum link_event event = link_take(&stage.link, str_of(line), stage.now_ns, &out);
	assert_false(out.overflow);
	stage.sent[out.len] = 0;
	return event;
}

static void answer(bool ok)
{
	struct buf out = buf_over(stage.sent, sizeof stage.sent - 1);
	link_answer(&stage.link, ok, &out);
	stage.sent[out.len] = 0;
}

/* What follows W is in stage.sent. */
static void connect_with(const char *welcome)
{
	link_opened(&stage.link, stage.now_ns);
	assert_int_equal(take(BANNER), LINK_NOTHING);
	assert_int_equal(take(welcome), LINK_WELCOME);
}

static void connect(void) { connect_with(WELCOME); }

/* ---- hello ---- */

static void the_hello_proves_who_it_is(void **state)
{
	(void)state;
	link_opened(&stage.link, stage.now_ns);
	assert_int_equal(take(BANNER), LINK_NOTHING);
	assert_string_equal(stage.sent, "H 0 v=1 id=mt5-017 ep=1784046185431 role=agent "
					"host=mt5-017 dn=0 mac=35cd832ccd3c88068e3314f439e1ecbd\n");
	assert_int_equal(take(WELCOME), LINK_WELCOME);
	assert_int_equal(stage.link.state, LINK_LIVE);
	assert_string_equal(stage.sent, "");
}

static void another_version_is_not_spoken(void **state)
{
	(void)state;
	link_opened(&stage.link, stage.now_ns);
	assert_int_equal(
	    take("B 0 v=2 srv=x nonce=6f1c2a9b3d4e5f60718293a4b5c6d7e8 hb=1 dead=15000 max=4096"),
	    LINK_END);
	assert_string_equal(stage.sent, "");
	assert_non_null(strstr(stage.link.why, "version 2"));
}

static void frames_come_in_their_turn(void **state)
{
	static const char *const early[] = { WELCOME, "C 1 cid=1 op=start id=t1" };
	static const char *const late[] = { BANNER, WELCOME };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(early); i++) {
		link_opened(&stage.link, stage.now_ns);
		assert_int_equal(take(early[i]), LINK_END);
		assert_string_equal(stage.sent, "E 0 code=frame\n");
		link_closed(&stage.link, stage.now_ns);
	}
	for (size_t i = 0; i < ARRAY_LEN(late); i++) {
		connect();
		assert_int_equal(take(late[i]), LINK_END);
		link_closed(&stage.link, stage.now_ns);
	}
	assert_int_equal(stage.link.counts.bad_frames, 4);
}

/* ---- commands and answers ---- */

static void a_command_is_handed_out_and_its_answer_kept_until_it_is_safe(void **state)
{
	(void)state;
	connect();
	assert_int_equal(take("C 88127 cid=993 op=restart id=t1 code=75 wait=5000"), LINK_COMMAND);
	assert_true(str_eq(mfp_raw(&stage.link.frame, MFP_command_id), STR("t1")));
	answer(true);
	assert_string_equal(stage.sent, "Y 1 dn=88127 cid=993 st=ok\n");
	assert_int_equal(take("C 88130 cid=994 op=stop id=t2 flat=0"), LINK_COMMAND);
	answer(false);
	assert_string_equal(stage.sent, "Y 2 dn=88130 cid=994 st=bad\n");
	assert_int_equal(stage.link.answer_count, 2);
	assert_int_equal(take("K 0 up=1"), LINK_NOTHING);
	assert_int_equal(stage.link.answer_count, 1);
	assert_int_equal(take("K 0 up=2"), LINK_NOTHING);
	assert_int_equal(take("K 0 up=2"), LINK_NOTHING);
	assert_int_equal(stage.link.answer_count, 0);
}

static void what_is_not_safe_is_said_again_with_its_number(void **state)
{
	(void)state;
	connect();
	for (int i = 1; i <= 3; i++) {
		char line[80];
		snprintf(line, sizeof line, "C %d cid=%d op=start id=t1", 10 * i, i);
		assert_int_equal(take(line), LINK_COMMAND);
		answer(i != 2);
	}
	link_closed(&stage.link, stage.now_ns);
	link_opened(&stage.link, stage.now_ns);
	assert_int_equal(take(BANNER), LINK_NOTHING);
	assert_non_null(strstr(stage.sent, " dn=30 ")); /* weir need not send them again */
	assert_int_equal(
	    take("W 0 ses=2 up=1 ld=0 lsv=0 snap=0 si=1000 ai=1000 rate=0 t=1784046185440"),
	    LINK_WELCOME);
	assert_string_equal(stage.sent, "Y 2 dn=20 cid=2 st=bad\nY 3 dn=30 cid=3 st=ok\n");
	assert_int_equal(take("C 40 cid=4 op=start id=t1"), LINK_COMMAND);
	answer(true);
	assert_string_equal(stage.sent, "Y 4 dn=40 cid=4 st=ok\n");
}

static void a_command_that_comes_twice_is_done_once(void **state)
{
	(void)state;
	connect();
	assert_int_equal(take("C 7 cid=1 op=restart id=t1"), LINK_COMMAND);
	answer(false);
	assert_int_equal(take("C 7 cid=1 op=restart id=t1"), LINK_NOTHING);
	assert_string_equal(stage.sent, "Y 2 dn=7 cid=1 st=bad\n");
	/* Another run of weir may begin its numbers anew. */
	assert_int_equal(take("C 1 cid=1 op=restart id=t1"), LINK_COMMAND);
	assert_int_equal(stage.link.counts.repeated, 1);
}

static void answers_have_a_bound_and_the_oldest_goes(void **state)
{
	(void)state;
	connect();
	for (int i = 1; i <= LINK_ANSWERS_MAX + 2; i++) {
		char line[80];
		snprintf(line, sizeof line, "C %d cid=%d op=start id=t1", i, i);
		assert_int_equal(take(line), LINK_COMMAND);
		answer(true);
	}
	assert_int_equal(stage.link.counts.answers_lost, 2);
	link_closed(&stage.link, stage.now_ns);
	connect();
	assert_memory_equal(stage.sent, "Y 3 dn=3 ", 9);
}

/* ---- the rest of what weir says ---- */

static void probes_are_answered(void **state)
{
	(void)state;
	connect();
	assert_int_equal(take("P 0 t=1784046195000"), LINK_NOTHING);
	assert_string_equal(stage.sent, "p 0 t=1784046195000\n");
	assert_int_equal(take("p 0 t=1"), LINK_NOTHING);
	assert_string_equal(stage.sent, "");
}

static void what_is_not_for_agents_is_answered_and_ignored(void **state)
{
	static const char *const lines[] = { "G 1 sid=1 act=open ttl=1000", "x 0 a=b", "S 0 t=1" };
	(void)state;
	connect();
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_int_equal(take(lines[i]), LINK_NOTHING);
		assert_string_equal(stage.sent, "E 0 code=verb\n");
		assert_true(stage.link.why[0]);
		stage.link.why[0] = 0;
	}
	assert_int_equal(stage.link.counts.bad_verbs, 3);
}

static void what_is_no_frame_ends_the_connection(void **state)
{
	static const char *const lines[] = { "",           "C",        "C 0 cid=1 op=start",
					     "P 0",        "K 0 up=x", "C 1 cid=1 op=explode",
					     "P 0 t=1 t=2" };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		connect();
		assert_int_equal(take(lines[i]), LINK_END);
		assert_string_equal(stage.sent, "E 0 code=frame\n");
		assert_non_null(strstr(stage.link.why, "no frame"));
		link_closed(&stage.link, stage.now_ns);
	}
}

static void an_error_ends_it_and_says_when_to_come_again(void **state)
{
	(void)state;
	link_opened(&stage.link, stage.now_ns);
	assert_int_equal(take(BANNER), LINK_NOTHING);
	assert_int_equal(take("E 0 code=auth msg=bad%20mac retry=30000"), LINK_END);
	assert_string_equal(stage.link.why, "weir says auth: bad mac");
	int64_t at_ns = link_closed(&stage.link, stage.now_ns);
	assert_int_equal(at_ns - stage.now_ns, 30 * SECOND);
	/* It is of one time only, and has a bound. */
	link_opened(&stage.link, stage.now_ns);
	assert_true(link_closed(&stage.link, stage.now_ns) - stage.now_ns <= SECOND);
	link_opened(&stage.link, stage.now_ns);
	assert_int_equal(take("E 0 code=busy retry=9223372036854775807"), LINK_END);
	assert_int_equal(link_closed(&stage.link, stage.now_ns) - stage.now_ns, LINK_RETRY_NS_MAX);
}

static void that_a_verb_was_not_understood_is_no_reason_to_part(void **state)
{
	(void)state;
	connect();
	assert_int_equal(take("E 0 code=verb msg=no%20such%20verb retry=60000"), LINK_NOTHING);
	assert_true(link_closed(&stage.link, stage.now_ns) - stage.now_ns <= SECOND);
}

/* ---- silence and the next connection ---- */

static void silence_ends_it(void **state)
{
	(void)state;
	assert_false(link_is_silent(&stage.link, stage.now_ns)); /* not connected */
	link_opened(&stage.link, stage.now_ns);
	stage.now_ns += 14999000000;
	assert_false(link_is_silent(&stage.link, stage.now_ns));
	assert_int_equal(
	    take("B 0 v=1 srv=x nonce=6f1c2a9b3d4e5f60718293a4b5c6d7e8 hb=1 dead=3000 max=4096"),
	    LINK_NOTHING);
	stage.now_ns += 2999999999;
	assert_false(link_is_silent(&stage.link, stage.now_ns));
	stage.now_ns += 1;
	assert_true(link_is_silent(&stage.link, stage.now_ns));
	assert_int_equal(stage.link.counts.silences, 1);
	link_closed(&stage.link, stage.now_ns);
	/* What weir says of itself is believed within bounds. */
	link_opened(&stage.link, stage.now_ns);
	assert_int_equal(
	    take("B 0 v=1 srv=x nonce=6f1c2a9b3d4e5f60718293a4b5c6d7e8 hb=1 dead=0 max=4096"),
	    LINK_NOTHING);
	assert_false(link_is_silent(&stage.link, stage.now_ns + SECOND - 1));
	assert_true(link_is_silent(&stage.link, stage.now_ns + SECOND));
}

static int64_t failed_wait(void) { return link_closed(&stage.link, stage.now_ns) - stage.now_ns; }

static void tries_come_at_random_within_a_length_that_doubles(void **state)
{
	int64_t most_ns = SECOND / 2, longest_ns = 0;
	(void)state;
	for (int i = 0; i < 200; i++) {
		int64_t wait_ns = failed_wait();
		assert_true(wait_ns >= 0 && wait_ns <= most_ns);
		longest_ns = wait_ns > longest_ns ? wait_ns : longest_ns;
		most_ns = most_ns * 2 > 30 * SECOND ? 30 * SECOND : most_ns * 2;
	}
	assert_true(longest_ns > 28 * SECOND);
}

static void a_connection_that_lasted_begins_the_lengths_anew(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		failed_wait();
	/* One that ends soon after its welcome does not: weir may be going up and down. */
	connect();
	stage.now_ns += LINK_STEADY_NS - 1;
	int64_t longest_ns = 0;
	for (int i = 0; i < 20; i++) {
		int64_t wait_ns = failed_wait();
		longest_ns = wait_ns > longest_ns ? wait_ns : longest_ns;
	}
	assert_true(longest_ns > 10 * SECOND);
	connect();
	stage.now_ns += LINK_STEADY_NS;
	assert_true(failed_wait() <= SECOND / 2);
	assert_true(failed_wait() <= SECOND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(the_hello_proves_who_it_is),
		TEST(another_version_is_not_spoken),
		TEST(frames_come_in_their_turn),
		TEST(a_command_is_handed_out_and_its_answer_kept_until_it_is_safe),
		TEST(what_is_not_safe_is_said_again_with_its_number),
		TEST(a_command_that_comes_twice_is_done_once),
		TEST(answers_have_a_bound_and_the_oldest_goes),
		TEST(probes_are_answered),
		TEST(what_is_not_for_agents_is_answered_and_ignored),
		TEST(what_is_no_frame_ends_the_connection),
		TEST(an_error_ends_it_and_says_when_to_come_again),
		TEST(that_a_verb_was_not_understood_is_no_reason_to_part),
		TEST(silence_ends_it),
		TEST(tries_come_at_random_within_a_length_that_doubles),
		TEST(a_connection_that_lasted_begins_the_lengths_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
