/* One position and one final result for a signal, wherever the connection, the expert, the
 * terminal or weir is struck. */
#include "base/rng.h"
#include "sim_stage.h"

static const char *const blow_names[] = { "none", "link", "reload", "crash", "weir" };

static uint64_t sid_of(int i) { return 77000 + (uint64_t)i; }

static void check_one(uint64_t sid, const char *point, enum stage_blow blow)
{
	int positions = stage_positions_of(sid), finals = stage_finals_of(sid);
	if (positions != 1 || finals != 1 || stage_told_of(sid) != stage_deals_of(sid))
		fail_msg("%s, %s: %d positions, %d final results, %d of %d deals told", point,
			 blow_names[blow], positions, finals, stage_told_of(sid),
			 stage_deals_of(sid));
}

/* ---- the matrix ---- */

enum point {
	AFTER_G_BEFORE_Y, /* it is on its way, the terminal has not read it */
	BEFORE_Y_ARRIVES, /* the terminal remembers it, weir does not know */
	AFTER_Y_BEFORE_ORDER,
	AFTER_ORDER_BEFORE_R,
	BEFORE_R_ARRIVES,
	AFTER_R_BEFORE_K,
	POINTS
};
static const char *const point_names[] = { "after G, before Y",     "before Y arrives",
					   "after Y, before order", "after order, before R",
					   "before R arrives",      "after R, before K" };

static void arm(char verb, bool before, int after, enum stage_blow blow)
{
	stage.blow_verb = verb;
	stage.blow_before = before;
	stage.blow_after = after;
	stage.blow = blow;
}

static void send_target(void)
{
	stage_signal(sid_of(1), 60 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10 dev=100");
}

/* Returns when the blow has fallen. */
static void strike_at(enum point point, enum stage_blow blow)
{
	switch (point) {
	case AFTER_G_BEFORE_Y:
		send_target();
		stage_strike(blow);
		stage_pump();
		return;
	case BEFORE_Y_ARRIVES: arm('Y', true, 0, blow); break;
	case AFTER_Y_BEFORE_ORDER:
		/* The rate holds the second signal back. */
		stage_signal(sid_of(0), 60 * SECOND, "act=open sd=buy sym=GBPUSD vol=0.10");
		arm('Y', false, 1, blow);
		break;
	case AFTER_ORDER_BEFORE_R: break;
	case BEFORE_R_ARRIVES: arm('R', true, 0, blow); break;
	case AFTER_R_BEFORE_K: arm('R', false, 0, blow); break;
	case POINTS: return;
	}
	send_target();
	if (point == AFTER_ORDER_BEFORE_R) {
		while (stage.counts.orders == 0)
			stage_run(5 * MS);
		stage_strike(blow);
		stage_pump();
		return;
	}
	for (int i = 0; stage.blow && i < 4000; i++)
		stage_run(5 * MS);
	assert_int_equal(stage.blow, BLOW_NONE);
	if (point == AFTER_Y_BEFORE_ORDER)
		assert_int_equal(stage.counts.orders, 1);
}

static void run_matrix(const char *scenario, int64_t down_ns)
{
	for (int point = 0; point < POINTS; point++)
		for (int blow = BLOW_LINK; blow <= BLOW_WEIR; blow++) {
			stage_open(scenario, (uint64_t)(point * 10 + blow));
			stage.rate = 1;
			stage.blow_down_ns = down_ns;
			stage_run(2 * SECOND);
			strike_at(point, blow);
			stage_run(40 * SECOND);
			stage_settle();
			check_one(sid_of(1), point_names[point], blow);
			stage_close();
		}
}

static void one_position_and_one_result_wherever_it_is_struck(void **state)
{
	(void)state;
	run_matrix("[terminal]\nown_rate = 0\n", 2 * SECOND);
}

static void the_same_with_own_deals_in_between_and_two_fills(void **state)
{
	(void)state;
	run_matrix("[terminal]\nown_rate = 4/s\n[broker]\nin_parts = 100%\n", 8 * SECOND);
}

static void the_same_when_the_expert_acts_at_once(void **state)
{
	(void)state;
	run_matrix("[terminal]\nown_rate = 0\ntimer = 0ms\n", 500 * MS);
}

/* A terminal that is started while its order is still on the way must not send another. */
static void an_order_in_flight_survives_a_restart_that_is_faster(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 0\n[broker]\nlatency = 5s\nlatency_spread = 0\n", 3);
	stage_run(2 * SECOND);
	send_target();
	while (stage.counts.orders == 0)
		stage_run(5 * MS);
	terminal_crash(stage.terminal, stage.now_ns, 200 * MS);
	stage_run(30 * SECOND);
	stage_settle();
	assert_int_equal(stage.counts.orders, 1);
	check_one(sid_of(1), "slow broker", BLOW_CRASH);
	stage_close();
}

static void a_lost_answer_is_found_by_its_magic(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		stage_open("[terminal]\nown_rate = 0\n[broker]\nsilence = 100%\n", seed);
		stage_run(2 * SECOND);
		send_target();
		stage_run(20 * SECOND);
		stage_settle();
		assert_int_equal(stage_finals_of(sid_of(1)), 1);
		bool executed = stage_deals_of(sid_of(1)) > 0;
		assert_int_equal(stage.words[executed ? STAGE_DONE : STAGE_FAIL], 1);
		stage_close();
	}
}

static void an_outcome_that_cannot_be_looked_up_is_unknown_until_the_broker_is_back(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 0\n[broker]\nlatency = 2s\nlatency_spread = 0\n"
		   "link_drop = 1/s\nlink_down = 40s\n",
		   8);
	struct broker *broker = terminal_broker(stage.terminal);
	while (!stage.counts.orders) {
		if (broker_connected(broker) && stage.welcomed && !stage.n_signals)
			send_target();
		stage_run(20 * MS);
	}
	while (broker_connected(broker) && !stage_finals_of(sid_of(1)))
		stage_run(20 * MS);
	assert_int_equal(stage_finals_of(sid_of(1)), 0);
	stage_run(15 * SECOND);
	assert_int_equal(stage.words[STAGE_UNK], 1);
	assert_non_null(strstr(stage.last['S'], " con=0 "));
	assert_null(strstr(stage.last['S'], " ph="));
	stage.settings.link_drop = 0;
	stage_run(60 * SECOND);
	stage_settle();
	assert_int_equal(stage_finals_of(sid_of(1)), 1);
	check_one(sid_of(1), "link", BLOW_NONE);
	stage_close();
}

/* Weir's mark is its newest deal. A result that overtook deals which still wait for room
 * would move the mark past them, and a crash then would lose them. */
static void a_result_does_not_overtake_deals_that_wait(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 50/s\n[broker]\nlatency = 8s\nlatency_spread = 0\n", 5);
	stage_run(2 * SECOND);
	stage.acks = false;
	while (terminal_unacked(stage.terminal) < 700)
		stage_run(100 * MS);
	send_target();
	arm('R', false, 0, BLOW_CRASH);
	stage_run(14 * SECOND);
	if (stage.blow) {
		assert_true(terminal_unacked(stage.terminal) >= TERMINAL_OUTBOX - 64);
		stage.acks = true;
		stage_drop();
		for (int i = 0; stage.blow && i < 1000; i++)
			stage_run(10 * MS);
	}
	assert_int_equal(stage.blow, BLOW_NONE);
	stage.durable = stage.taken;
	stage.durable_results = stage.n_results;
	stage.deal = stage.pending_deal;
	stage.deal_ms = stage.pending_deal_ms;
	stage.acks = true;
	terminal_calm(stage.terminal);
	stage_run(20 * SECOND);
	stage_settle();
	assert_int_equal(stage_told_of(0), stage_deals_of(0));
	check_one(sid_of(1), "overtaking", BLOW_CRASH);
	stage_close();
}

/* Weir would let a signal expire whose receipt it never heard of. */
static void a_receipt_that_was_lost_is_told_again_after_a_start(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 0\n[broker]\nlatency = 8s\nlatency_spread = 0\n", 6);
	stage_run(2 * SECOND);
	arm('Y', true, 0, BLOW_CRASH);
	stage.blow_down_ns = 500 * MS;
	send_target();
	stage_run(5 * SECOND);
	assert_int_equal(stage.blow, BLOW_NONE);
	assert_int_equal(stage.answers[1], 1);
	assert_int_equal(stage_finals_of(sid_of(1)), 0);
	stage_run(20 * SECOND);
	stage_settle();
	check_one(sid_of(1), "receipt", BLOW_CRASH);
	stage_close();
}

/* ---- at random ---- */

static const char *const scenarios[] = {
	"[terminal]\nown_rate = 0.5/s\n[broker]\nrequote = 20%\nin_parts = 20%\n",
	"[terminal]\nown_rate = 2/s\n[broker]\ntimeout = 10%\nsilence = 10%\nplaced = 20%\n",
	"[terminal]\nown_rate = 0.5/s\ntimer = 0ms\n[broker]\nlink_drop = 2/m\nlink_down = 3s\n"
	"codes = 10024:10% 10028:5% 10021:5% 10030:10% 10011:5% 10018:2%\n",
	"[terminal]\nown_rate = 1/s\njitter = recorded\n[broker]\nlatency = 1s\n"
	"short_fill = 10%\n[trouble]\nlate = 3s\n",
};

static void check_signals(uint64_t seed)
{
	for (size_t i = 0; i < stage.n_signals; i++) {
		uint64_t sid = stage.signals[i].sid;
		int positions = stage_positions_of(sid), finals = stage_finals_of(sid);
		int deals = stage_deals_of(sid), told = stage_told_of(sid);
		bool done = false;
		for (size_t j = 0; j < stage.n_results; j++)
			done |= stage.results[j].sid == sid && stage.results[j].word == STAGE_DONE;
		if (positions > 1 || finals != stage.signals[i].received || deals != told ||
		    done != (positions == 1))
			fail_msg("seed %d, sid %d: %d positions, %d finals, %d deals, %d told, "
				 "received %d",
				 (int)seed, (int)sid, positions, finals, deals, told,
				 stage.signals[i].received);
	}
}

static void check_own_deals(void)
{
	int deals = stage_deals_of(0);
	assert_int_equal(stage_told_of(0), deals);
	assert_int_equal(broker_counts(terminal_broker(stage.terminal)).deals_lost, 0);
}

static void live_through(uint64_t seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	stage_open(scenarios[seed % ARRAY_LEN(scenarios)], seed);
	for (int i = 0; i < 60; i++) {
		const char *side = rng_below(&rng, 2) ? "buy" : "sell";
		if (rng_below(&rng, 3))
			stage_signal(sid_of(i), 20 * SECOND,
				     "act=open sd=%s sym=%s vol=0.0%d dev=50", side,
				     rng_below(&rng, 2) ? "EURUSD" : "USDJPY", 2 + i % 8);
		stage_run((int64_t)rng_below(&rng, 3000) * MS);
		stage.blow_down_ns = (int64_t)rng_below(&rng, 4000) * MS + 100 * MS;
		if (rng_below(&rng, 2))
			stage_strike((enum stage_blow)(1 + rng_below(&rng, 4)));
		else
			arm("YRDGS"[rng_below(&rng, 5)], rng_below(&rng, 2), 0,
			    (enum stage_blow)(1 + rng_below(&rng, 4)));
		stage_pump();
	}
	stage.blow = BLOW_NONE;
	terminal_calm(stage.terminal);
	stage_run(60 * SECOND);
	stage_settle();
	check_signals(seed);
	check_own_deals();
	stage_close();
}

static void nothing_is_done_twice_or_lost_whatever_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++)
		live_through(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_position_and_one_result_wherever_it_is_struck),
		cmocka_unit_test(the_same_with_own_deals_in_between_and_two_fills),
		cmocka_unit_test(the_same_when_the_expert_acts_at_once),
		cmocka_unit_test(an_order_in_flight_survives_a_restart_that_is_faster),
		cmocka_unit_test(a_lost_answer_is_found_by_its_magic),
		cmocka_unit_test(
		    an_outcome_that_cannot_be_looked_up_is_unknown_until_the_broker_is_back),
		cmocka_unit_test(a_result_does_not_overtake_deals_that_wait),
		cmocka_unit_test(a_receipt_that_was_lost_is_told_again_after_a_start),
		cmocka_unit_test(nothing_is_done_twice_or_lost_whatever_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
