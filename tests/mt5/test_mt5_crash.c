/* Whatever is interrupted, and when: a signal is executed at most once, its final result
 * comes exactly once to somebody who knows results by their identity, and the two agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "mt5/desk.h"

enum { SIGNALS_MAX = 64, FIRST_SID = 5001 };

/* Weir's memory of what it sent, as fleet.md 3.2 has it: after W all that is newer than dn
 * and neither expired nor decided goes out again, with the time that is left. */
static struct {
	int64_t down, until_ms;
} sent[SIGNALS_MAX];
static int sent_count;

static bool decided(int64_t sid);

static void say_signal(int i)
{
	long long ttl = (long long)(sent[i].until_ms - mt_now_ms());
	desk_say("G %lld sid=%d act=open sd=%s sym=EURUSD vol=0.10 dev=20 ttl=%lld cm=c%d",
		 (long long)sent[i].down, FIRST_SID + i, i % 2 ? "buy" : "sell", ttl, i);
}

static void send_again(int64_t dn)
{
	for (int i = 0; i < sent_count; i++)
		if (sent[i].down > dn && sent[i].until_ms > mt_now_ms() && !decided(FIRST_SID + i))
			say_signal(i);
}

static void send_signal(int64_t ttl_ms)
{
	assert_in_range(sent_count, 0, SIGNALS_MAX - 1);
	sent[sent_count].down = desk.next_down++;
	sent[sent_count].until_ms = mt_now_ms() + ttl_ms;
	if (desk.welcomed && mt_connected())
		say_signal(sent_count);
	sent_count++;
}

/* ---- what came ---- */

struct outcome {
	int finals; /* of different identity: done, fail, exp */
	int done, fail, expired, unknown, not_taken;
};

static struct outcome outcome_of(int64_t sid)
{
	struct outcome out = { 0 };
	char seen[64][32], own[32];
	size_t seen_count = 0;
	snprintf(own, sizeof own, "%lld", (long long)sid);
	for (size_t i = 0; i < desk.count; i++) {
		const char *line = desk.lines[i];
		const char *status = desk_field(line, "st");
		if (strcmp(desk_field(line, "sid"), own) != 0)
			continue;
		if (line[0] == 'Y')
			out.not_taken += !strcmp(status, "exp") || !strcmp(status, "stop");
		if (line[0] != 'R')
			continue;
		out.unknown += !strcmp(status, "unk");
		if (!strcmp(status, "unk") || !strcmp(status, "part"))
			continue;
		bool known = false;
		for (size_t k = 0; k < seen_count; k++)
			known = known || !strcmp(seen[k], desk_field(line, "deal"));
		if (known)
			continue;
		snprintf(seen[seen_count++ % 64], 32, "%s", desk_field(line, "deal"));
		out.finals++;
		out.done += !strcmp(status, "done");
		out.fail += !strcmp(status, "fail");
		out.expired += !strcmp(status, "exp");
	}
	return out;
}

static bool decided(int64_t sid) { return outcome_of(sid).finals > 0; }

static int setup(void **state)
{
	(void)state;
	sent_count = 0;
	mt_reset(11);
	desk_reset();
	desk.on_welcome = send_again;
	desk_run(1000);
	assert_int_equal(mt_start(), 0);
	desk_run(5300); /* between two of the journal's seconds */
	assert_true(desk.welcomed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mt_kill();
	desk_forget();
	return 0;
}

/* ---- the matrix ---- */

enum harm { CUT, RELOAD, KILL, HARMS };

static void harm(enum harm how)
{
	if (how == CUT) {
		mt_cut();
		return;
	}
	if (how == RELOAD)
		mt_unload(6);
	else
		mt_kill();
	desk.welcomed = false;
	desk_run(2000); /* the broker goes on meanwhile */
	assert_int_equal(mt_start(), 0);
}

static void check_executed_once(void)
{
	desk_run(40000);
	struct outcome out = outcome_of(FIRST_SID);
	assert_int_equal(mt_orders(FIRST_SID), 1);
	assert_int_equal(mt_positions(), 1);
	assert_int_equal(out.finals, 1);
	assert_int_equal(out.done, 1);
	assert_int_equal(mt_requests(), 1);
}

static void test_interrupted_before_the_signal_was_read(void **state)
{
	for (enum harm how = 0; how < HARMS; how++) {
		setup(state);
		send_signal(30000);
		harm(how);
		check_executed_once();
		teardown(state);
	}
}

static void test_interrupted_before_the_acknowledgement_left(void **state)
{
	for (enum harm how = 0; how < HARMS; how++) {
		setup(state);
		send_signal(30000);
		mt_send_most(0);
		mt_step();
		mt_send_most(100000);
		harm(how);
		check_executed_once();
		teardown(state);
	}
}

static void test_interrupted_between_acknowledgement_and_order(void **state)
{
	for (enum harm how = 0; how < HARMS; how++) {
		setup(state);
		desk_signal(4999, "act=cancel ord=1 ttl=9000"); /* the rate makes the next wait */
		send_signal(30000);
		desk_step();
		assert_int_equal(desk_heard("Y", "sid=5001 st=rx"), 1);
		assert_int_equal(mt_requests(), 0);
		harm(how);
		check_executed_once();
		teardown(state);
	}
}

static void test_interrupted_between_order_and_execution(void **state)
{
	for (enum harm how = 0; how < HARMS; how++) {
		setup(state);
		send_signal(30000);
		desk_run(100);
		assert_int_equal(mt_requests(), 1);
		assert_int_equal(mt_positions(), 0);
		harm(how);
		check_executed_once();
		teardown(state);
	}
}

static void test_interrupted_between_execution_and_result(void **state)
{
	for (enum harm how = 0; how < HARMS; how++) {
		setup(state);
		mt_no_events(true);
		send_signal(30000);
		desk_run(300);
		assert_int_equal(mt_positions(), 1);
		assert_int_equal(desk_heard("R", ""), 0);
		mt_no_events(false);
		harm(how);
		check_executed_once();
		teardown(state);
	}
}

static void test_interrupted_between_result_and_its_durability(void **state)
{
	for (enum harm how = 0; how < HARMS; how++) {
		setup(state);
		desk.no_ack = true;
		send_signal(30000);
		desk_run(1000);
		assert_int_equal(desk_heard("R", "sid=5001 st=done"), 1);
		desk_forget(); /* weir died with it */
		desk.no_ack = false;
		harm(how);
		check_executed_once();
		teardown(state);
	}
}

static void test_interrupted_while_the_broker_is_slow(void **state)
{
	for (enum harm how = 0; how < HARMS; how++) {
		setup(state);
		mt_latency(9000);
		send_signal(30000);
		desk_run(100);
		assert_int_equal(mt_requests(), 1);
		harm(how);
		check_executed_once();
		teardown(state);
	}
}

static void test_a_lost_journal_is_replaced_by_a_look_for_the_magic(void **state)
{
	(void)state;
	desk.no_ack = true;
	send_signal(30000);
	desk_run(1000);
	assert_int_equal(mt_positions(), 1);
	mt_kill();
	mt_lose_file("weir\\mt5-017.journal");
	desk_forget();
	desk.no_ack = false;
	desk.welcomed = false;
	assert_int_equal(mt_start(), 0);
	check_executed_once();
}

static void test_a_rejected_try_is_not_taken_for_the_one_under_way(void **state)
{
	(void)state;
	mt_fate(MT_CODE, 10004);
	send_signal(60000);
	desk_run(100);
	mt_latency(13000); /* of the second try */
	desk_run(300);
	assert_int_equal(mt_requests(), 2);
	mt_no_events(true);
	desk_run(60000);
	assert_int_equal(mt_orders(FIRST_SID), 1);
	assert_int_equal(outcome_of(FIRST_SID).done, 1);
	assert_int_equal(outcome_of(FIRST_SID).finals, 1);
}

static void test_a_result_that_is_durable_is_not_sent_again(void **state)
{
	(void)state;
	send_signal(30000);
	desk_run(4000);
	assert_int_equal(desk_heard("R", "sid=5001 st=done"), 1);
	harm(KILL);
	desk_run(10000);
	assert_int_equal(desk_heard("R", "sid=5001"), 1);
	assert_int_equal(desk_heard("D", ""), 0);
}

static void test_a_signal_that_waited_for_the_broker_survives_a_kill(void **state)
{
	(void)state;
	mt_link(false);
	send_signal(60000);
	desk_run(1000);
	harm(KILL);
	desk_run(5000);
	mt_link(true);
	check_executed_once();
}

static void test_a_signal_expires_while_the_terminal_is_dead(void **state)
{
	(void)state;
	mt_link(false);
	send_signal(3000);
	desk_run(1000);
	harm(KILL);
	mt_link(true);
	desk_run(10000);
	assert_int_equal(outcome_of(FIRST_SID).expired, 1);
	assert_int_equal(mt_requests(), 0);
}

static void test_an_order_that_vanished_with_the_terminal_is_unknown(void **state)
{
	(void)state;
	mt_fate(MT_LOST, 0);
	send_signal(30000);
	desk_run(100);
	harm(KILL);
	desk_run(30000);
	assert_int_equal(outcome_of(FIRST_SID).finals, 0);
	assert_true(outcome_of(FIRST_SID).unknown > 0);
	assert_int_equal(mt_requests(), 1);
}

static int distinct_deals(const char *parts)
{
	int count = 0;
	for (size_t i = 0; i < desk.count; i++) {
		char find[64];
		snprintf(find, sizeof find, "deal=%s %s", desk_field(desk.lines[i], "deal"), parts);
		count += desk_last("R", find) == desk.lines[i];
	}
	return count;
}

static void test_closeall_goes_on_after_a_kill(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		mt_open_by_hand("EURUSD", i % 2 == 0, 0.10, 0, 0);
	desk_run(2000);
	desk_signal(4999, "act=closeall ttl=60000");
	desk_run(1000);
	assert_in_range(mt_positions(), 1, 39);
	harm(KILL);
	desk_run(40000);
	assert_int_equal(mt_positions(), 0);
	assert_int_equal(desk_heard("R", "sid=4999 st=done"), 1);
	/* The same parts may come twice, with the same deals. */
	assert_true(desk_heard("R", "sid=4999 st=part") >= 40);
	assert_int_equal(distinct_deals("sid=4999 st=part"), 40);
	assert_int_equal(desk_heard("D", "en=out"), 0);
}

static void test_a_journal_of_days_stays_bounded_and_remembers_the_newest(void **state)
{
	(void)state;
	desk.rate = 100;
	mt_cut();
	desk_run(2000);
	for (int i = 0; i < 5000; i++) {
		desk_say("G %lld sid=%d act=cancel ord=1 ttl=9000", (long long)desk.next_down++,
			 10000 + i);
		desk_step();
		if (desk.count > DESK_LINES / 2)
			desk_forget();
	}
	desk_run(10000);
	harm(KILL);
	desk_run(5000);
	desk_forget();
	desk_say("G 99000 sid=14999 act=cancel ord=1 ttl=9000");
	desk_wait("Y", "sid=14999 st=dup", 200);
	desk_wait("R", "sid=14999 st=fail", 500);
}

/* ---- chance ---- */

/* A weir that makes nothing durable until somebody cuts the connection. */
static void stop_acknowledging(struct rng *rng)
{
	desk.no_ack = true;
	for (uint64_t deals = rng_below(rng, 3) * 450; deals > 0; deals--)
		mt_balance(1);
}

static void go_on_acknowledging(void)
{
	if (desk.no_ack)
		mt_cut();
	desk.no_ack = false;
}

/* Deals that no signal caused. */
static void trade_beside(struct rng *rng)
{
	if (rng_below(rng, 2) == 0)
		mt_open_by_hand("EURUSD", rng_below(rng, 2) == 0, 0.01, 1.08, 0);
	if (rng_below(rng, 4) == 0)
		mt_balance(1);
	if (mt_positions() > 0)
		mt_hit_stop(mt_position((int)rng_below(rng, (uint64_t)mt_positions())));
}

static void disturb(struct rng *rng)
{
	switch (rng_below(rng, 14)) {
	case 0: mt_cut(); break;
	case 1: harm(RELOAD); break;
	case 2: harm(KILL); break;
	case 3: mt_link(false); break;
	case 4: mt_fate(MT_SILENT, 0); break;
	case 5: mt_fate(MT_CODE, 10004); break;
	case 6: mt_fate(MT_CODE, 10028); break;
	case 7: mt_fate(MT_WRONGLY, 10012); break;
	case 8: mt_fate(MT_CODE, 10019); break;
	case 9: desk.mute = !desk.mute; break;
	case 10: mt_no_events(rng_below(rng, 2) == 0); break;
	case 11: mt_fate(MT_PARTS, 0); break;
	case 12: stop_acknowledging(rng); break;
	case 13: go_on_acknowledging(); break;
	}
}

static void calm(void)
{
	mt_link(true);
	mt_no_events(false);
	desk.mute = false;
	go_on_acknowledging();
	desk_run(120000);
}

static void check_seed(uint64_t seed)
{
	for (int i = 0; i < sent_count; i++) {
		int64_t sid = FIRST_SID + i;
		struct outcome out = outcome_of(sid);
		double volume = mt_volume((uint64_t)sid);
		bool right = mt_orders((uint64_t)sid) <= 1 && out.finals <= 1 && volume < 0.11;
		right = right && (out.done == 1) == (volume > 0.09);
		/* Never heard of, refused at the door, or ended in exactly one way. */
		right = right && (out.finals == 1 || out.not_taken || out.unknown ||
				  sent[i].until_ms <= mt_now_ms());
		if (!right)
			fail_msg(
			    "seed %llu sid %lld: %d orders %.2f lots, %d final %d done %d fail "
			    "%d exp %d unk",
			    (unsigned long long)seed, (long long)sid, mt_orders((uint64_t)sid),
			    volume, out.finals, out.done, out.fail, out.expired, out.unknown);
	}
	desk.seed = seed;
	desk_check_deals();
}

static void run_seed(uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	sent_count = 0;
	mt_reset(seed);
	desk_reset();
	desk.on_welcome = send_again;
	assert_int_equal(mt_start(), 0);
	desk_run(5000);
	for (int turn = 0; turn < 60; turn++) {
		if (rng_below(&rng, 3) == 0 && sent_count < SIGNALS_MAX)
			send_signal(1000 + (int64_t)rng_below(&rng, 30000));
		if (rng_below(&rng, 5) == 0)
			disturb(&rng);
		else if (rng_below(&rng, 4) == 0)
			mt_link(true);
		if (rng_below(&rng, 3) == 0)
			trade_beside(&rng);
		desk_run((int64_t)rng_below(&rng, 1500));
	}
	calm();
	check_seed(seed);
	mt_kill();
	desk_forget();
}

static void test_chance_finds_no_double_and_no_loss(void **state)
{
	(void)state;
	const char *text = getenv("MT5_SEEDS");
	uint64_t seeds = text ? strtoull(text, NULL, 10) : 40;
	for (uint64_t seed = 1; seed <= seeds; seed++)
		run_seed(seed);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupted_before_the_signal_was_read),
		cmocka_unit_test(test_interrupted_before_the_acknowledgement_left),
		cmocka_unit_test(test_interrupted_between_acknowledgement_and_order),
		cmocka_unit_test(test_interrupted_between_order_and_execution),
		cmocka_unit_test(test_interrupted_between_execution_and_result),
		cmocka_unit_test(test_interrupted_between_result_and_its_durability),
		cmocka_unit_test(test_interrupted_while_the_broker_is_slow),
		T(test_a_lost_journal_is_replaced_by_a_look_for_the_magic),
		T(test_a_rejected_try_is_not_taken_for_the_one_under_way),
		T(test_a_result_that_is_durable_is_not_sent_again),
		T(test_a_signal_that_waited_for_the_broker_survives_a_kill),
		T(test_a_signal_expires_while_the_terminal_is_dead),
		T(test_an_order_that_vanished_with_the_terminal_is_unknown),
		T(test_closeall_goes_on_after_a_kill),
		T(test_a_journal_of_days_stays_bounded_and_remembers_the_newest),
		cmocka_unit_test(test_chance_finds_no_double_and_no_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
