/* The simulated terminal against a scripted weir: the protocol as the expert speaks it. */
#include "sim_stage.h"

static const char quiet[] = "[terminal]\nown_rate = 0\n[broker]\nbalance_operations = 0\n";

static uint64_t sid_of(int i) { return 5629499534213121u + (uint64_t)i; }

static const struct stage_result *result_of(uint64_t sid)
{
	for (size_t i = 0; i < stage.n_results; i++)
		if (stage.results[i].sid == sid && stage.results[i].word != STAGE_PART &&
		    stage.results[i].word != STAGE_UNK)
			return &stage.results[i];
	return NULL;
}

static void a_hello_proves_its_token_and_a_state_comes_each_second(void **state)
{
	(void)state;
	stage_open(quiet, 1);
	stage_run(30 * SECOND);
	assert_int_equal(stage.opened, 1);
	assert_int_equal(stage.counts.welcomes, 1);
	assert_in_range(stage.n_states, 29, 31);
	for (size_t i = 2; i < stage.n_states; i++)
		assert_in_range(stage.state_ns[i] - stage.state_ns[i - 1], 950 * MS, 1050 * MS);
	assert_in_range(stage.verbs['p'], 5, 6); /* each probe */
	assert_int_equal(stage.verbs['D'], 1);   /* the deposit */
	assert_int_equal(stage.counts.frames_bad, 0);
	stage_close();
}

static void the_mac_is_that_of_the_specification(void **state)
{
	(void)state;
	stage_open("[terminal]\nclock_offset = 0\n", 1);
	stage_run(SECOND);
	/* ep is 1784046185000 here; the whole vector is checked by stage_check_mac's function
	 * on what the specification says. */
	uint8_t mac[SECRET_MAC_BYTES];
	char hex[2 * SECRET_MAC_BYTES + 1];
	assert_int_equal(secret_mac(str_of(stage_token),
				    STR("6f1c2a9b3d4e5f60718293a4b5c6d7e8|mt5-017|1784046185431"),
				    mac),
			 STATUS_OK);
	secret_print_hex(mac, 16, hex);
	assert_string_equal(hex, "35cd832ccd3c88068e3314f439e1ecbd");
	assert_non_null(strstr(stage.last['H'], " ep=1784046185000 "));
	stage_close();
}

static void a_signal_is_taken_executed_and_told_once(void **state)
{
	(void)state;
	stage_open(quiet, 2);
	stage_run(SECOND);
	stage_signal(sid_of(1), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10 px=0 sl=1.00000");
	stage_run(3 * SECOND);
	assert_int_equal(stage.answers[1], 1); /* rx */
	const struct stage_result *result = result_of(sid_of(1));
	assert_non_null(result);
	assert_int_equal(result->word, STAGE_DONE);
	assert_int_equal(stage_positions_of(sid_of(1)), 1);
	assert_int_equal(broker_position_count(terminal_broker(stage.terminal)), 1);
	assert_int_equal(stage.n_positions, 1);
	assert_non_null(strstr(stage.last['R'], " rc=10009 "));
	assert_non_null(strstr(stage.last['R'], " vol=0.10 "));
	/* The position names the signal. */
	char magic[64];
	snprintf(magic, sizeof magic, " mg=%llu", (unsigned long long)sid_of(1));
	assert_non_null(strstr(stage.last['o'], magic));
	stage_settle();
	stage_close();
}

static void a_signal_that_comes_again_is_a_dup_and_its_result_follows(void **state)
{
	(void)state;
	stage_open(quiet, 3);
	stage_run(SECOND);
	struct stage_signal *signal =
	    stage_signal(sid_of(1), 60 * SECOND, "act=open sd=sell sym=GBPUSD vol=0.20");
	stage_run(3 * SECOND);
	stage_settle();
	int results = stage.verbs['R'];
	stage_send_signal(signal);
	stage_run(SECOND);
	assert_int_equal(stage.answers[2], 1); /* dup */
	assert_int_equal(stage.verbs['R'], results + 1);
	assert_int_equal(result_of(sid_of(1))->times, 2);
	assert_int_equal(stage_positions_of(sid_of(1)), 1);
	stage_close();
}

static void signals_are_refused_by_the_word_that_fits(void **state)
{
	(void)state;
	stage_open(quiet, 4);
	stage_run(SECOND);
	stage_say("G %llu sid=7 act=open sd=buy sym=EURUSD vol=0.10 ttl=0",
		  (unsigned long long)++stage.down);
	stage_signal(sid_of(1), 30 * SECOND, "act=open sd=buy sym=NOSUCH vol=0.10");
	stage_signal(sid_of(2), 30 * SECOND, "act=open sd=buy sym=EURUSD");
	stage_signal(sid_of(3), 30 * SECOND, "act=closeby pos=1");
	stage_signal(sid_of(4), 30 * SECOND, "act=modify sl=1.1");
	stage_signal(sid_of(5), 30 * SECOND, "act=pend sd=buy sym=EURUSD vol=0.10 px=1.1");
	stage_run(SECOND);
	assert_int_equal(stage.answers[3], 1); /* exp */
	assert_int_equal(stage.answers[6], 5); /* bad */
	stage_say("C %llu cid=1 op=stop flat=0", (unsigned long long)++stage.down);
	stage_signal(sid_of(6), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(SECOND);
	assert_int_equal(stage.answers[5], 1); /* stop */
	stage_say("C %llu cid=2 op=start", (unsigned long long)++stage.down);
	stage_signal(sid_of(7), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(3 * SECOND);
	assert_int_equal(result_of(sid_of(7))->word, STAGE_DONE);
	assert_int_equal(stage_positions_of(sid_of(6)), 0);
	stage_close();
}

static void more_signals_than_it_can_hold_are_busy(void **state)
{
	(void)state;
	stage_open(quiet, 5);
	stage.rate = 1;
	stage_run(SECOND);
	for (int i = 0; i < 80; i++)
		stage_signal(sid_of(i), 300 * SECOND, "act=open sd=buy sym=EURUSD vol=0.01");
	stage_run(SECOND);
	assert_in_range(stage.answers[1], TERMINAL_WORK, TERMINAL_WORK + 2); /* some were done */
	assert_int_equal(stage.answers[4], 80 - stage.answers[1]);           /* busy */
	/* One a second goes out. */
	stage_run(10 * SECOND);
	assert_in_range(stage.counts.orders, 10, 13);
	stage_close();
}

static void a_signal_whose_time_is_over_before_it_is_sent_expires(void **state)
{
	(void)state;
	stage_open(quiet, 6);
	stage_run(SECOND);
	stage_say("C %llu cid=9 op=throttle rate=0 for=5000", (unsigned long long)++stage.down);
	stage_signal(sid_of(1), 2 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_signal(sid_of(2), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(4 * SECOND);
	assert_int_equal(result_of(sid_of(1))->word, STAGE_EXP);
	assert_null(result_of(sid_of(2)));
	stage_run(4 * SECOND); /* the throttle has ended */
	assert_int_equal(result_of(sid_of(2))->word, STAGE_DONE);
	stage_close();
}

static uint64_t newest_position(void)
{
	struct broker *broker = terminal_broker(stage.terminal);
	size_t count = broker_position_count(broker);
	assert_true(count > 0);
	return broker_position_at(broker, count - 1)->id;
}

static void every_act_ends_in_its_result(void **state)
{
	(void)state;
	stage_open(quiet, 7);
	struct broker *broker = terminal_broker(stage.terminal);
	stage_run(SECOND);
	stage_signal(sid_of(1), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.40");
	stage_run(2 * SECOND);
	uint64_t first = newest_position();
	stage_signal(sid_of(2), 30 * SECOND, "act=open sd=sell sym=EURUSD vol=0.10");
	stage_run(2 * SECOND);
	uint64_t second = newest_position();
	stage_signal(sid_of(3), 30 * SECOND, "act=modify pos=%llu sl=1.00000 tp=1.50000",
		     (unsigned long long)first);
	stage_run(2 * SECOND);
	assert_int_equal(broker_position_at(broker, 0)->sl, 100000);
	stage_signal(sid_of(4), 30 * SECOND, "act=closeby pos=%llu by=%llu",
		     (unsigned long long)first, (unsigned long long)second);
	stage_run(2 * SECOND);
	assert_int_equal(broker_position_count(broker), 1);
	stage_signal(sid_of(5), 30 * SECOND, "act=close pos=%llu vol=0.10",
		     (unsigned long long)first);
	stage_signal(sid_of(6), 30 * SECOND,
		     "act=pend ty=limit sd=buy sym=EURUSD vol=0.10 px=1.00000");
	stage_run(2 * SECOND);
	assert_int_equal(broker_position_at(broker, 0)->volume, 20);
	uint64_t order = 0;
	const char *at = strstr(stage.last['R'], " ord=");
	assert_non_null(at);
	order = strtoull(at + 5, NULL, 10);
	assert_true(broker_has_pending(broker, order));
	stage_signal(sid_of(7), 30 * SECOND, "act=modify ord=%llu px=1.01000",
		     (unsigned long long)order);
	stage_signal(sid_of(8), 30 * SECOND, "act=cancel ord=%llu", (unsigned long long)order);
	stage_run(2 * SECOND);
	assert_false(broker_has_pending(broker, order));
	stage_signal(sid_of(9), 30 * SECOND, "act=open sd=sell sym=XAUUSD vol=0.10");
	stage_run(2 * SECOND);
	stage_signal(sid_of(10), 30 * SECOND, "act=closeall");
	stage_run(3 * SECOND);
	assert_int_equal(broker_position_count(broker), 0);
	for (int i = 1; i <= 10; i++) {
		assert_non_null(result_of(sid_of(i)));
		assert_int_equal(result_of(sid_of(i))->word, STAGE_DONE);
	}
	assert_int_equal(stage.words[STAGE_PART], 2); /* closeby and closeall: two deals each */
	stage_settle();
	stage_close();
}

static void own_deals_are_told_once_and_the_positions_agree_all_the_time(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 0.3/s\nown_positions = 100\n[broker]\nstops = 100%\n",
		   8);
	stage_run(6000 * SECOND);
	stage_settle();
	size_t deals = 0;
	for (size_t i = 0; i < stage.n_results; i++)
		deals += stage.results[i].word < 0;
	assert_int_equal(deals, stage.n_facts);
	for (size_t i = 0; i < stage.n_results; i++)
		assert_int_equal(stage.results[i].times, 1);
	assert_true(deals > 1200 && broker_counts(terminal_broker(stage.terminal)).stops_hit > 5);
	assert_int_equal(stage.n_acks, deals);
	assert_true(stage.verbs['A'] > 200 && stage.verbs['Q'] > 200 && stage.verbs['o'] > 500);
	stage_close();
}

static void netting_positions_agree_too(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 10/s\n[broker]\nmargin_mode = netting\n", 9);
	stage_run(120 * SECOND);
	stage_settle();
	assert_true(stage.n_facts > 800);
	assert_true(broker_position_count(terminal_broker(stage.terminal)) <= 4);
	assert_non_null(strstr(stage.last['H'], " mm=netting "));
	stage_close();
}

static void without_K_the_outbox_fills_deals_wait_and_nothing_is_lost(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 50/s\n", 10);
	stage_run(SECOND);
	stage.acks = false;
	stage_run(60 * SECOND);
	assert_in_range(terminal_unacked(stage.terminal), TERMINAL_OUTBOX - 65, TERMINAL_OUTBOX);
	stage_signal(sid_of(1), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(SECOND);
	assert_int_equal(stage.answers[4], 1); /* busy: no room for its result */
	stage_drop();
	stage.acks = true;
	terminal_calm(stage.terminal);
	stage_run(30 * SECOND);
	stage_settle();
	size_t deals = 0;
	for (size_t i = 0; i < stage.n_results; i++)
		deals += stage.results[i].word < 0;
	assert_int_equal(deals, stage.n_facts);
	assert_true(deals > 2500);
	stage_close();
}

static void after_a_new_epoch_the_history_is_told_from_weirs_mark(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 5/s\n", 11);
	stage_run(20 * SECOND);
	stage.acks = false;
	stage_run(20 * SECOND);
	uint64_t unacked = terminal_unacked(stage.terminal);
	assert_true(unacked > 40);
	stage_kill_weir();
	stage_strike(BLOW_CRASH);
	stage.acks = true;
	stage_run(10 * SECOND);
	stage_settle();
	assert_int_equal(stage.counts.crashes, 1);
	size_t deals = 0;
	for (size_t i = 0; i < stage.n_results; i++)
		deals += stage.results[i].word < 0;
	assert_int_equal(deals, stage.n_facts);
	stage_close();
}

static void a_weir_that_forgot_its_deals_gets_them_again(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 2/s\n", 12);
	stage_run(20 * SECOND);
	stage_settle();
	stage.n_results = stage.durable_results = 0;
	stage.deal = stage.pending_deal = 0;
	stage.deal_ms = stage.pending_deal_ms = 0;
	stage_drop();
	terminal_calm(stage.terminal);
	stage_run(20 * SECOND);
	stage_settle();
	assert_int_equal(stage.n_results, stage.n_facts);
	stage_close();
}

static void commands_are_answered_and_done(void **state)
{
	(void)state;
	stage_open(quiet, 13);
	stage_run(SECOND);
	stage_say("C %llu cid=1 op=snapshot", (unsigned long long)++stage.down);
	stage_say("C %llu cid=2 op=set k=si v=500", (unsigned long long)++stage.down);
	stage_say("C %llu cid=3 op=set k=nosuch v=1", (unsigned long long)++stage.down);
	stage_say("C %llu cid=4 op=set k=trim v=1", (unsigned long long)++stage.down);
	int snapshots = stage.verbs['O'];
	stage_run(2 * SECOND);
	assert_int_equal(stage.answers[0], 3); /* ok */
	assert_int_equal(stage.answers[6], 1); /* bad */
	assert_int_equal(stage.verbs['O'], snapshots + 2);
	size_t states = stage.n_states;
	stage_run(10 * SECOND);
	assert_in_range(stage.n_states - states, 19, 21);
	stage_say("C %llu cid=5 op=reconnect", (unsigned long long)++stage.down);
	stage_run(2 * SECOND);
	assert_int_equal(stage.opened, 2);
	assert_int_equal(stage.answers[0], 4);
	assert_int_equal(stage.counts.resumes, 1);
	stage_settle();
	stage_close();
}

static void a_restart_waits_says_good_bye_and_happens_once(void **state)
{
	(void)state;
	stage_open(quiet, 14);
	stage_run(SECOND);
	int64_t epoch_ms = stage.epoch_ms;
	stage_signal(sid_of(1), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(70 * MS); /* it is in flight */
	stage_say("C %llu cid=5 op=restart code=75 wait=5000", (unsigned long long)++stage.down);
	stage_signal(sid_of(2), 30 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(2 * SECOND);
	assert_int_equal(stage.byes[9], 1);
	assert_int_equal(stage.answers[0], 1);
	assert_int_equal(stage.answers[4], 1); /* busy meanwhile */
	assert_int_equal(result_of(sid_of(1))->word, STAGE_DONE);
	assert_true(terminal_is_down(stage.terminal));
	stage_run(10 * SECOND);
	assert_true(stage.epoch_ms > epoch_ms && stage.welcomed);
	assert_int_equal(stage.counts.restarts, 1);
	stage_settle();
	stage_close();
}

static void it_dials_again_later_and_later_and_honours_retry(void **state)
{
	(void)state;
	stage_open(quiet, 15);
	stage.silent = true;
	stage_run(10 * 60 * SECOND);
	/* Means of 0.25, 0.5, 1, 2 … 15 s: 40 or so in ten minutes. */
	assert_in_range(stage.refused_dials, 25, 75);
	stage.silent = false;
	stage_run(31 * SECOND);
	assert_true(stage.welcomed);
	stage_say("E 0 code=busy retry=20000");
	stage_drop();
	stage_run(19 * SECOND);
	assert_false(stage.open);
	stage_run(2 * SECOND);
	assert_true(stage.welcomed);
	stage_close();
}

static void a_weir_that_is_silent_for_15_s_is_left(void **state)
{
	(void)state;
	stage_open(quiet, 16);
	stage_run(SECOND);
	stage.acks = false;
	stage.probe_ns = INT64_MAX;
	stage_run(14 * SECOND);
	assert_int_equal(stage.counts.silences, 0);
	stage_run(2 * SECOND);
	assert_int_equal(stage.counts.silences, 1);
	stage_close();
}

static void bytes_are_a_function_of_seed_and_input(void **state)
{
	static const char busy[] =
	    "[terminal]\nown_rate = 3/s\njitter = recorded\n[broker]\nrequote = 10%\n"
	    "in_parts = 20%\n[trouble]\nreload = 2/m\ndrop = 2/m\ngarbage = 0\n";
	(void)state;
	struct buf first;
	buf_init(&first, 1 << 28);
	for (int round = 0; round < 3; round++) {
		stage_open(busy, round == 2 ? 18 : 17);
		for (int i = 0; i < 40; i++) {
			stage_signal(sid_of(i), 30 * SECOND, "act=open sd=%s sym=EURUSD vol=0.02",
				     i & 1 ? "buy" : "sell");
			stage_run(3 * SECOND + i * MS);
		}
		if (round == 0)
			buf_str_put(&first, buf_str(&stage.log));
		else if (round == 1)
			assert_true(str_eq(buf_str(&first), buf_str(&stage.log)));
		else
			assert_false(str_eq(buf_str(&first), buf_str(&stage.log)));
		stage_close();
	}
	assert_true(first.len > 20000);
	buf_deinit(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_proves_its_token_and_a_state_comes_each_second),
		cmocka_unit_test(the_mac_is_that_of_the_specification),
		cmocka_unit_test(a_signal_is_taken_executed_and_told_once),
		cmocka_unit_test(a_signal_that_comes_again_is_a_dup_and_its_result_follows),
		cmocka_unit_test(signals_are_refused_by_the_word_that_fits),
		cmocka_unit_test(more_signals_than_it_can_hold_are_busy),
		cmocka_unit_test(a_signal_whose_time_is_over_before_it_is_sent_expires),
		cmocka_unit_test(every_act_ends_in_its_result),
		cmocka_unit_test(own_deals_are_told_once_and_the_positions_agree_all_the_time),
		cmocka_unit_test(netting_positions_agree_too),
		cmocka_unit_test(without_K_the_outbox_fills_deals_wait_and_nothing_is_lost),
		cmocka_unit_test(after_a_new_epoch_the_history_is_told_from_weirs_mark),
		cmocka_unit_test(a_weir_that_forgot_its_deals_gets_them_again),
		cmocka_unit_test(commands_are_answered_and_done),
		cmocka_unit_test(a_restart_waits_says_good_bye_and_happens_once),
		cmocka_unit_test(it_dials_again_later_and_later_and_honours_retry),
		cmocka_unit_test(a_weir_that_is_silent_for_15_s_is_left),
		cmocka_unit_test(bytes_are_a_function_of_seed_and_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
