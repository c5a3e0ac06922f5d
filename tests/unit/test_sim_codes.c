/* What becomes of a signal under each return code of the broker's. */
#include "def/retcodes.h"
#include "sim_stage.h"

enum { SID = 4711 };

static const struct stage_result *run_code(int code, const char *act, int64_t ttl_ns,
					   int64_t length_ns)
{
	char scenario[256];
	snprintf(scenario, sizeof scenario,
		 "[terminal]\nown_rate = 0\n[broker]\nbalance_operations = 0\n"
		 "latency = 50ms\nlatency_spread = 0\ncodes = %d:100%%\n",
		 code);
	stage_open(scenario, (uint64_t)code);
	stage_run(2 * SECOND);
	stage_signal(SID, ttl_ns, "%s", act);
	stage_run(length_ns);
	stage_settle();
	assert_true(stage_finals_of(SID) <= 1);
	for (size_t i = 0; i < stage.n_results; i++)
		if (stage.results[i].sid == SID && stage.results[i].word != STAGE_UNK)
			return &stage.results[i];
	return NULL;
}

static void check_tries(int code, int from, int to)
{
	if ((int)stage.counts.orders < from || (int)stage.counts.orders > to)
		fail_msg("%d: %d orders", code, (int)stage.counts.orders);
}

static void every_code_ends_as_its_class_says(void **state)
{
	static const char open[] = "act=open sd=buy sym=EURUSD vol=0.10";
	(void)state;
	for (size_t i = 0; i < retcode_count(); i++) {
		const struct retcode_row *row = retcode_row(i);
		if (row->class == RETCODE_OK)
			continue; /* the broker's own word */
		const struct stage_result *result =
		    run_code(row->code, open, 10 * SECOND, 30 * SECOND);
		char text[32];
		snprintf(text, sizeof text, " rc=%d ", row->code);
		assert_non_null(result);
		bool noop = row->class == RETCODE_NOOP && row->code != 10036;
		if (result->word != (noop ? STAGE_DONE : STAGE_FAIL))
			fail_msg("%d %s ended as %d", row->code, row->name, result->word);
		if (row->class != RETCODE_UNK && !strstr(stage.last['R'], text))
			fail_msg("%d: %s", row->code, stage.last['R']);
		switch (row->class) {
		case RETCODE_FAST: check_tries(row->code, 4, 4); break;
		case RETCODE_LATER: check_tries(row->code, 4, 10); break;
		case RETCODE_REREAD:
		case RETCODE_REFILL: check_tries(row->code, 2, 2); break;
		default: check_tries(row->code, 1, 1); break;
		}
		assert_int_equal(stage_positions_of(SID), 0);
		stage_close();
	}
}

static void a_close_of_what_is_closed_is_done(void **state)
{
	(void)state;
	const struct stage_result *result =
	    run_code(10036, "act=close pos=123456", 10 * SECOND, 5 * SECOND);
	assert_int_equal(result->word, STAGE_DONE);
	stage_close();
}

static void too_many_requests_wait_longer_each_time(void **state)
{
	(void)state;
	run_code(10024, "act=open sd=buy sym=EURUSD vol=0.10", 60 * SECOND, 60 * SECOND);
	/* Ten tries: after 1, 2, 4, 4 … s. */
	assert_int_equal(stage.counts.orders, 10);
	int64_t last_ns = stage.facts[stage.n_facts - 1].sent_ns;
	int64_t first_ns = stage.facts[stage.n_facts - 10].sent_ns;
	assert_in_range(last_ns - first_ns, 31 * SECOND, 34 * SECOND);
	stage_close();
}

static void the_broker_refuses_what_cannot_be(void **state)
{
	static const struct {
		const char *act;
		int code;
	} rows[] = {
		{ "act=open sd=buy sym=EURUSD vol=90", 10014 },
		{ "act=open sd=buy sym=EURUSD vol=50", 10019 },
		{ "act=open sd=buy sym=EURUSD vol=0.10 sl=9.0", 10016 },
		{ "act=open sd=sell sym=EURUSD vol=0.10 tp=9.0", 10016 },
		{ "act=open sd=buy sym=EURUSD vol=0.10 px=1.00000 dev=3", 10004 },
		{ "act=pend ty=limit sd=buy sym=EURUSD vol=0.10 px=9.0", 10015 },
		{ "act=pend ty=stop sd=buy sym=EURUSD vol=0.10 px=0.5", 10015 },
		{ "act=modify ord=1 px=1.0", 10035 },
		{ "act=cancel ord=1", 10035 },
		{ "act=closeby pos=1 by=2", 10036 },
		{ "act=close sym=EURUSD", 10013 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[32];
		stage_open("[terminal]\nown_rate = 0\n[broker]\nbalance = 1000\nleverage = 100\n",
			   i);
		stage_run(2 * SECOND);
		stage_signal(SID, 5 * SECOND, "%s", rows[i].act);
		stage_run(8 * SECOND);
		snprintf(text, sizeof text, " rc=%d ", rows[i].code);
		if (!strstr(stage.last['R'], text))
			fail_msg("%s: %s", rows[i].act, stage.last['R']);
		stage_close();
	}
}

static void a_requote_is_followed_within_the_deviation(void **state)
{
	(void)state;
	int done = 0;
	for (uint64_t seed = 0; seed < 30; seed++) {
		stage_open("[terminal]\nown_rate = 0\n[broker]\nrequote = 50%\n", seed);
		stage_run(2 * SECOND);
		stage_signal(SID, 20 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10 dev=200");
		stage_run(10 * SECOND);
		stage_settle();
		done += stage_positions_of(SID);
		assert_int_equal(stage_positions_of(SID), stage.words[STAGE_DONE]);
		stage_close();
	}
	/* One in sixteen is refused four times. */
	assert_in_range(done, 24, 30);
}

static void a_filled_part_is_told_with_its_volume(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 0\n[broker]\nshort_fill = 100%\n", 4);
	stage_run(2 * SECOND);
	stage_signal(SID, 20 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(5 * SECOND);
	assert_non_null(strstr(stage.last['R'], " st=done rc=10010 "));
	assert_non_null(strstr(stage.last['R'], " vol=0.05 "));
	stage_close();
	stage_open("[terminal]\nown_rate = 0\n[broker]\nin_parts = 100%\n", 4);
	stage_run(2 * SECOND);
	stage_signal(SID, 20 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(5 * SECOND);
	assert_int_equal(stage.words[STAGE_PART], 1);
	assert_int_equal(stage.words[STAGE_DONE], 1);
	assert_int_equal(stage_positions_of(SID), 1);
	assert_int_equal(broker_position_at(terminal_broker(stage.terminal), 0)->volume, 10);
	stage_close();
}

static void an_order_that_is_placed_first_is_done_when_its_deal_is_there(void **state)
{
	(void)state;
	stage_open("[terminal]\nown_rate = 0\n[broker]\nplaced = 100%\n", 4);
	stage_run(2 * SECOND);
	stage_signal(SID, 20 * SECOND, "act=open sd=buy sym=EURUSD vol=0.10");
	stage_run(5 * SECOND);
	assert_int_equal(stage.words[STAGE_DONE], 1);
	assert_non_null(strstr(stage.last['R'], " rc=10009 "));
	stage_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_ends_as_its_class_says),
		cmocka_unit_test(a_close_of_what_is_closed_is_done),
		cmocka_unit_test(too_many_requests_wait_longer_each_time),
		cmocka_unit_test(the_broker_refuses_what_cannot_be),
		cmocka_unit_test(a_requote_is_followed_within_the_deviation),
		cmocka_unit_test(a_filled_part_is_told_with_its_volume),
		cmocka_unit_test(an_order_that_is_placed_first_is_done_when_its_deal_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
