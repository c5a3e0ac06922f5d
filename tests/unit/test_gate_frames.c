/* What LIVE terminals say: numbers and acknowledgements, states, quotes, probes. */
#include "unit/gate_stage.h"
#include "unit/allocations.h"

static void say_result(struct peer *peer, uint64_t seq)
{
	say(peer,
	    "R %llu sid=5629499534213121 st=done rc=10009 ord=573338240 deal=391774213 "
	    "pos=573338240 sym=EURUSD sd=buy vol=0.10 rq=1.08512 px=1.08514 slp=2.0 com=-0.35 "
	    "swp=0.00 fee=0.00 pl=0.00 sv=1784046190412 ex=316 try=1",
	    (unsigned long long)seq);
}

static void say_results(struct peer *peer, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++)
		say_result(peer, seq);
}

/* ---- numbers, K ---- */

static void one_k_covers_all_that_became_durable(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_results(peer, 1, 5);
	assert_true(says(peer, "")); /* nothing is durable */
	size_t sends = peer->sends;
	make_durable(first, 5);
	assert_true(says(peer, "K 0 up=5"));
	run(10 * MS);
	assert_int_equal(peer->sends, sends + 1);
	assert_int_equal(stage.reliable, 5);
}

static void k_waits_for_the_rest_at_most_five_milliseconds(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_results(peer, 1, 5);
	make_durable(first, 2);
	run(2 * MS);
	make_durable(first, 3);
	run(3 * MS - 1000);
	assert_true(says(peer, ""));
	run(1000);
	assert_true(says(peer, "K 0 up=3"));
	make_durable(first, 4);
	run(1 * MS);
	make_durable(first, 5);
	assert_true(says(peer, "K 0 up=5"));
	run(10 * MS);
	assert_true(says(peer, ""));
}

static void acknowledgements_of_many_wait_for_each_its_own_time(void **state)
{
	(void)state;
	struct peer *one = come_in(first), *two = come_in(second);
	say_results(one, 1, 2);
	say_results(two, 1, 2);
	make_durable(first, 1);
	run(3 * MS);
	make_durable(second, 1);
	run(2 * MS);
	assert_true(says(one, "K 0 up=1"));
	assert_true(says(two, ""));
	run(3 * MS);
	assert_true(says(two, "K 0 up=1"));
}

static void what_was_never_taken_is_never_acknowledged(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_result(peer, 1);
	gate_durable(stage.gate, slot_of(first), epoch_of(first), 2); /* of whom had the slot */
	run(10 * MS);
	assert_true(says(peer, ""));
	gate_durable(stage.gate, slot_of(second), epoch_of(first), 1);
	make_durable(first, 1);
	assert_true(says(peer, "K 0 up=1"));
}

static void an_owner_may_know_it_durable_at_once(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	stage.is_synchronous = true;
	say_result(peer, 1);
	assert_true(says(peer, "K 0 up=1"));
	say_result(peer, 2);
	assert_true(says(peer, "K 0 up=2"));
}

static void what_came_before_is_dropped_and_acknowledged_again(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_results(peer, 1, 3);
	say_results(peer, 1, 3);
	run(10 * MS);
	assert_true(says(peer, "")); /* it is not durable yet */
	make_durable(first, 3);
	assert_true(says(peer, "K 0 up=3"));
	say_results(peer, 1, 3); /* the K was lost */
	run(10 * MS);
	assert_true(says(peer, "K 0 up=3"));
	assert_true(says(peer, ""));
	assert_int_equal(stage.reliable, 3);
	assert_int_equal(counts().repeated, 6);
	run(1 * SECOND);
	assert_int_equal(mantissa_of(first, SAMPLE_dup), 6);
}

static void a_missing_number_ends_the_connection(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_result(peer, 1);
	say_result(peer, 3);
	assert_true(says(peer, "E 0 code=seq msg=a%20number%20is%20missing"));
	assert_true(peer->closing);
	assert_int_equal(counts().bad_seq, 1);
	turn();
	assert_int_equal(stage.gone, 1);
	assert_int_equal(stage.reliable, 1);
}

static void a_full_owner_takes_nothing_and_is_asked_again_later(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_result(peer, 1);
	stage.is_full = true;
	say_result(peer, 2);
	say_result(peer, 3);
	assert_true(says(peer, "E 0 code=busy msg=cannot%20be%20recorded%20now retry=5000"));
	assert_true(peer->closing);
	assert_int_equal(counts().full, 1);
	turn();
	stage.is_full = false;
	make_durable(first, 1); /* nobody is there to hear it */
	peer = come_in(first);
	say_results(peer, 2, 3);
	assert_int_equal(stage.reliable, 3);
	make_durable(first, 3);
	assert_true(says(peer, "K 0 up=3"));
}

static void who_comes_back_at_once_goes_on_where_it_was(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_results(peer, 1, 8);
	make_durable(first, 5);
	hang_up(peer, STATUS_CLOSED);
	peer = come(first);
	assert_non_null(strstr(heard(peer), " up=5 "));
	say_results(peer, 6, 9); /* 6 to 8 are taken already, and still being written */
	assert_int_equal(stage.reliable, 9);
	assert_int_equal(counts().repeated, 3);
	assert_int_equal(counts().resumed, 1);
	make_durable(first, 8);
	run(5 * MS);
	assert_true(says(peer, "K 0 up=8"));
	make_durable(first, 9);
	assert_true(says(peer, "K 0 up=9"));
}

static void a_new_epoch_begins_at_one(void **state)
{
	(void)state;
	struct who reloaded = first;
	struct peer *peer = come_in(first);
	say_results(peer, 1, 8);
	make_durable(first, 4);
	hang_up(peer, STATUS_CLOSED);
	reloaded.epoch_ms = epoch_of(first) + 5000;
	peer = come(reloaded);
	assert_non_null(strstr(heard(peer), " up=0 "));
	gate_durable(stage.gate, slot_of(first), epoch_of(first), 8); /* of the old one */
	say_result(peer, 1);
	run(10 * MS);
	assert_true(says(peer, ""));
	make_durable(first, 1);
	assert_true(says(peer, "K 0 up=1"));
	assert_int_equal(counts().resumed, 0);
}

static void a_clock_that_was_set_back_locks_nobody_out(void **state)
{
	(void)state;
	struct who before = first;
	hang_up(come_in(first), STATUS_CLOSED);
	before.epoch_ms = epoch_of(first) - 3600000;
	struct peer *peer = come_in(before);
	say_result(peer, 1);
	assert_int_equal(stage.reliable, 1);
	assert_int_equal(instance_of(first)->epoch_ms, before.epoch_ms);
}

static void after_a_restart_of_weir_the_mark_tells_how_far_it_was(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_results(peer, 1, 8);
	make_durable(first, 6);
	restart_weir();
	peer = come(first);
	assert_non_null(strstr(heard(peer), " up=6 "));
	assert_int_equal(counts().resumed, 1);
	say_results(peer, 7, 9);
	assert_int_equal(stage.recorded[slot_of(first)].taken, 9);
	assert_int_equal(counts().repeated, 0);
	make_durable(first, 9);
	assert_true(says(peer, "K 0 up=9"));
}

static void the_other_reliable_frames_of_the_specification_are_taken(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_state(peer);
	stage.is_synchronous = true;
	say(peer, "Y 1 dn=88124 sid=5629499534213121 st=rx");
	say(peer, "R 2 sid=5629499534213122 st=fail rc=10019 sym=EURUSD vol=5.00 ex=141 try=1 "
		  "msg=No%%20money");
	say(peer, "D 3 deal=391781246 ord=573345696 pos=573338240 sym=BTCUSD sd=buy en=out rs=sl "
		  "vol=1.00 px=63450.64 lvl=63450.42 slp=22.0 com=-19.04 swp=0.00 fee=0.00 "
		  "pl=-107.16 mg=0 sv=1783436662781 cm=%%5Bsl%%2063450.42%%5D");
	say(peer, "Z 4 why=9");
	for (int i = 1; i <= 4; i++) {
		char wanted[32];
		snprintf(wanted, sizeof wanted, "K 0 up=%d", i);
		assert_true(says(peer, wanted));
	}
	assert_int_equal(stage.reliable, 4);
	/* Z why=9 unasked: row 11 */
	assert_int_equal(instance_of(first)->state, INSTANCE_FAILED);
	say(peer, "Z 4 why=9");
	assert_int_equal(fleet_counts(stage.fleet).events[FLEET_FAILED], 1);
}

/* ---- what the fleet is told ---- */

static void the_state_of_the_specification_reaches_the_fleet(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	stage.wall_ms = 1784046190101;
	stage.now_ns += 1 * SECOND;
	say(peer, "S 0 t=1784046190001 con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 mem=212 "
		  "memp=16298 disk=48211 cores=8 lag=12 q=0 inf=0 tick=231 dr=0 dn=88123 "
		  "ph=4b2312e8a4f7ba0d n=3");
	assert_int_equal(mantissa_of(first, SAMPLE_ping), 158410);
	assert_int_equal(mantissa_of(first, SAMPLE_skew), -100);
	assert_int_equal(stage.states, 1);
	say(peer, "O 0 b=1 n=2");
	say(peer, "o 0 tk=242365136 id=242365136 sym=EURUSD sd=buy vol=0.20 po=54000.0 "
		  "pc=54001.0 sl=54484.16 tp=52944.45 sw=0.00 pl=1.00 mg=0 sv=1785100000123");
	say(peer, "o 0 tk=227408982 id=227408982 sym=EURUSD sd=sell vol=1.00 po=1.1 pc=1.1 "
		  "sl=1.08200 tp=1.08900 sw=0.00 pl=1.00 mg=0 sv=1785100000123");
	uint64_t hash =
	    mfp_position_hash(242365136, (struct number){ 20, 2 }, (struct number){ 5448416, 2 },
			      (struct number){ 5294445, 2 }) ^
	    mfp_position_hash(227408982, (struct number){ 100, 2 }, (struct number){ 108200, 5 },
			      (struct number){ 108900, 5 });
	say(peer, "O 0 e=1 n=2 ph=%016llx", (unsigned long long)hash);
	assert_int_equal(positions_count(instance_of(first)->positions), 2);
	say(peer, "o 0 ev=mod tk=242365136 sl=54484.16 tp=52944.45 vol=0.20 pl=-116.15");
	say(peer, "o 0 ev=del tk=227408982");
	assert_int_equal(positions_count(instance_of(first)->positions), 1);
}

static void an_account_is_told_only_while_the_broker_is_there(void **state)
{
	(void)state;
	struct who who = first;
	who.more = "cur=USD ph=0000000000000000 n=0";
	struct peer *peer = come_in(who);
	static const char *const account = "A 0 t=1784046190001 bal=3346.16 eq=2271.87 mar=164.53 "
					   "fm=2107.34 ml=1380.82 cr=0.00 pl=-1074.29";
	say(peer, "S 0 t=1 con=0 ta=1 ma=1 aa=1 ae=1");
	say_bytes(peer, str_of(account));
	assert_int_equal(stage.accounts, 0);
	assert_int_equal(counts().cached_accounts, 1);
	assert_false(instance_of(first)->latest.known >> SAMPLE_bal & 1);
	say_state(peer);
	say_bytes(peer, str_of(account));
	assert_int_equal(stage.accounts, 1);
	assert_int_equal(mantissa_of(first, SAMPLE_bal), 334616);
}

static void every_frame_is_a_sign_of_life(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	static const char *const frames[] = { "P 0 t=1",           "p 0 t=1",
					      "E 0 code=busy",     "Q 0 sym=EURUSD bid=1 ask=1",
					      "D 1 deal=1",        "D 1 deal=1",
					      "A 0 t=1 bal=1 eq=1" };
	say_state(peer);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		run(5 * SECOND - 1 * MS);
		assert_false(instance_of(first)->flags & INSTANCE_SUSPECT);
		say_bytes(peer, str_of(frames[i]));
	}
	run(5 * SECOND);
	assert_true(instance_of(first)->flags & INSTANCE_SUSPECT);
	say_state(peer);
	assert_false(instance_of(first)->flags & INSTANCE_SUSPECT);
}

static void quotes_pass_once_a_second_of_a_symbol(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	static const char *const quote = "Q 0 sym=EURUSD bid=1.08510 ask=1.08514 spr=4 dg=5 "
					 "st=open sv=1784046190412";
	for (int i = 0; i < 100; i++) { /* each 100 ms: every tenth passes */
		say_bytes(peer, str_of(quote));
		run(100 * MS);
	}
	assert_in_range(stage.quotes, 10, 11); /* 100 ms of jitter are forgiven once */
	assert_int_equal(counts().quotes_dropped, 100 - stage.quotes);
	say(peer, "Q 0 sym=GBPUSD bid=1 ask=1");
	assert_in_range(stage.quotes, 11, 12);
}

static void quotes_that_tremble_by_a_timer_all_pass(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	for (int i = 0; i < 20; i++) {
		say(peer, "Q 0 sym=EURUSD bid=1 ask=1");
		run(i % 2 ? 1050 * MS : 950 * MS);
	}
	assert_int_equal(stage.quotes, 20);
}

static void symbols_beyond_the_room_of_a_second_are_dropped(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < 100; i++)
			say(peer, "Q 0 sym=S%d bid=1 ask=1", i);
		assert_int_equal(stage.quotes, 64 * round);
		assert_int_equal(counts().quotes_dropped, 36 * round);
		run(2 * SECOND);
	}
}

/* ---- both sides' frames ---- */

static void a_probe_is_echoed(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say(peer, "P 0 t=1784046195000");
	assert_true(says(peer, "p 0 t=1784046195000"));
}

static void who_is_sent_nothing_is_probed(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	run(4 * SECOND);
	say_state(peer);
	assert_true(says(peer, ""));
	run(1 * SECOND);
	assert_true(says(peer, "P 0 t=1784046190440"));
	run(38 * MS);
	say(peer, "p 0 t=1784046190440");
	assert_int_equal(mantissa_of(first, SAMPLE_rtt), 380); /* 38.0 ms */
	run(1 * MS);
	say(peer, "p 0 t=1784046190440"); /* again: of nothing */
	assert_int_equal(mantissa_of(first, SAMPLE_rtt), 380);
	run(4961 * MS - 1 * MS);
	say_state(peer);
	assert_true(says(peer, ""));
	run(1 * MS);
	assert_true(says(peer, "P 0 t=1784046195440"));
	run(1 * MS);
	say(peer, "p 0 t=1784046190440"); /* an old one */
	assert_int_equal(mantissa_of(first, SAMPLE_rtt), 380);
	gate_probe(stage.gate, slot_of(first));
	assert_true(says(peer, "P 0 t=1784046195441"));
	run(7 * MS);
	say(peer, "p 0 t=1784046195441");
	assert_int_equal(mantissa_of(first, SAMPLE_rtt), 70);
	gate_probe(stage.gate, slot_of(second)); /* not there */
}

static void verbs_that_are_not_a_terminals_are_answered_and_ignored(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	static const char *const lines[] = { "X 0 a=1", "G 1 sid=1 act=open ttl=1", "K 0 up=7",
					     "M 0 id=mt5-017 t=1 pid=1 cpu=99" };
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		say_bytes(peer, str_of(lines[i]));
		assert_non_null(strstr(heard(peer), "E 0 code=verb msg="));
		assert_int_equal(counts().bad_verb, i + 1);
	}
	say_state(peer);
	assert_int_equal(stage.states, 1);
	assert_false(instance_of(first)->latest.known >> SAMPLE_cpu & 1);
	say(peer, "E 0 code=frame msg=I%%20cannot%%20read%%20that");
	assert_non_null(strstr(stage.note, "I cannot read that"));
	assert_true(says(peer, ""));
}

static void the_figures_of_a_second_are_observed(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	while (*heard(peer))
		;
	run(1 * SECOND); /* the hello's second is over */
	uint64_t bytes = counts().bytes, sent = counts().bytes_sent;
	say_state(peer);
	say_results(peer, 1, 3);
	run(30 * MS);
	say_result(peer, 4);
	run(20 * MS);
	make_durable(first, 3);
	run(10 * MS);
	make_durable(first, 4);
	assert_int_equal(gate_send(stage.gate, slot_of(first),
				   STR("G 88124 sid=5629499534213121 act=open ttl=29850\n")),
			 STATUS_OK);
	run(1 * SECOND - 60 * MS);
	assert_int_equal(mantissa_of(first, SAMPLE_fin), 5);
	assert_int_equal(mantissa_of(first, SAMPLE_bin), (int64_t)(counts().bytes - bytes));
	assert_int_equal(mantissa_of(first, SAMPLE_bout), (int64_t)(counts().bytes_sent - sent));
	assert_int_equal(mantissa_of(first, SAMPLE_res), 4);
	assert_int_equal(mantissa_of(first, SAMPLE_sig), 1);
	assert_int_equal(mantissa_of(first, SAMPLE_ack), 500); /* 50.0 ms, of the first three */
	run(1 * SECOND);
	assert_int_equal(mantissa_of(first, SAMPLE_fin), 0);
	assert_int_equal(mantissa_of(first, SAMPLE_ack), 0);
	say_state(peer);
	run(1 * SECOND);
	assert_int_equal(mantissa_of(first, SAMPLE_fin), 1);
	hang_up(peer, STATUS_CLOSED);
	assert_int_equal(mantissa_of(first, SAMPLE_fin), 0); /* nothing flows any more */
}

/* ---- sending ---- */

static void signals_go_to_who_is_there(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	const struct str line = STR("G 88124 sid=5629499534213121 act=open sd=buy sym=EURUSD "
				    "vol=0.10 px=0 sl=1.08200 tp=1.08900 dev=20 ttl=29850 "
				    "cm=strat7\n");
	assert_int_equal(gate_send(stage.gate, slot_of(first), line), STATUS_OK);
	assert_non_null(strstr(heard(peer), "G 88124 sid="));
	assert_int_equal(gate_send(stage.gate, slot_of(second), line), STATUS_CLOSED);
	assert_int_equal(gate_send(stage.gate, 77, line), STATUS_CLOSED);
	peer->room = 100;
	assert_int_equal(gate_send(stage.gate, slot_of(first), line), STATUS_FULL);
	assert_int_equal(gate_send(stage.gate, slot_of(first), line), STATUS_CLOSED);
	assert_int_equal(stage.gone, 0); /* it is told from a timer */
	turn();
	assert_int_equal(stage.gone, 1);
	assert_int_equal(counts().too_slow, 1);
}

static void close_in_a_hook(const struct fleet_action *action)
{
	gate_close(stage.gate, action->instance->slot, GATE_ERROR_BUSY);
}

/* The fleet would abort if it were told anything inside its own hook. */
static void a_connection_may_be_closed_inside_a_hook_of_the_fleet(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	stage.on_action = close_in_a_hook;
	say_state(peer); /* RUNNING: DELIVER */
	assert_int_equal(instance_of(first)->state, INSTANCE_RUNNING);
	assert_true(says(peer, "E 0 code=busy retry=5000"));
	assert_int_equal(stage.gone, 0);
	stage.on_action = NULL;
	/* It comes again before the timer has run. */
	struct peer *newer = come_in(first);
	assert_int_equal(stage.gone, 1);
	assert_int_equal(stage.welcomed, 2);
	turn();
	assert_int_equal(stage.gone, 1);
	say_state(newer);
	gate_close(stage.gate, slot_of(first), -1);
	assert_true(says(newer, ""));
	turn();
	assert_null(newer->owner);
	assert_int_equal(stage.gone, 2);
}

static void nothing_is_allocated_for_frames(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	struct str line = STR("D 1 deal=391781246"), probe = STR("P 0 t=1");
	const struct line_events events = gate_line_events(stage.gate);
	say_state(peer);
	uint64_t before = allocations_count;
	for (int i = 0; i < 100; i++)
		events.on_line(peer->owner, probe);
	events.on_line(peer->owner, line);
	make_durable(first, 1);
	run(3 * SECOND);
	assert_int_equal(allocations_count, before);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(one_k_covers_all_that_became_durable),
		UNIT(k_waits_for_the_rest_at_most_five_milliseconds),
		UNIT(acknowledgements_of_many_wait_for_each_its_own_time),
		UNIT(what_was_never_taken_is_never_acknowledged),
		UNIT(an_owner_may_know_it_durable_at_once),
		UNIT(what_came_before_is_dropped_and_acknowledged_again),
		UNIT(a_missing_number_ends_the_connection),
		UNIT(a_full_owner_takes_nothing_and_is_asked_again_later),
		UNIT(who_comes_back_at_once_goes_on_where_it_was),
		UNIT(a_new_epoch_begins_at_one),
		UNIT(a_clock_that_was_set_back_locks_nobody_out),
		UNIT(after_a_restart_of_weir_the_mark_tells_how_far_it_was),
		UNIT(the_other_reliable_frames_of_the_specification_are_taken),
		UNIT(the_state_of_the_specification_reaches_the_fleet),
		UNIT(an_account_is_told_only_while_the_broker_is_there),
		UNIT(every_frame_is_a_sign_of_life),
		UNIT(quotes_pass_once_a_second_of_a_symbol),
		UNIT(quotes_that_tremble_by_a_timer_all_pass),
		UNIT(symbols_beyond_the_room_of_a_second_are_dropped),
		UNIT(a_probe_is_echoed),
		UNIT(who_is_sent_nothing_is_probed),
		UNIT(verbs_that_are_not_a_terminals_are_answered_and_ignored),
		UNIT(the_figures_of_a_second_are_observed),
		UNIT(signals_go_to_who_is_there),
		UNIT(a_connection_may_be_closed_inside_a_hook_of_the_fleet),
		UNIT(nothing_is_allocated_for_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
