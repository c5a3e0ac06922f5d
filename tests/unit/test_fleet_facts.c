/* What is kept of a terminal, who is in the fleet, what is called how, and what a call
 * costs in memory: nothing. */
#include "unit/fleet_stage.h"

#include "unit/allocations.h"

#define GOOD STAGE_GOOD " ping=158410"

static struct err err;

static int set_up(void **state)
{
	(void)state;
	stage_open(1);
	return 0;
}

static struct number latest(enum sample sample)
{
	assert_true(stage_at(0)->latest.known >> sample & 1);
	return stage_at(0)->latest.values[sample];
}

/* ---- facts ---- */

static void a_hello_says_who_it_is(void **state)
{
	(void)state;
	stage_line(0, "H 0 v=1 id=mt5-000 ep=1784046185431 mac=35cd832ccd3c88068e3314f439e1ecbd "
		      "host=vm-3 login=90000001 srv=FPMarkets%%20SC-Live cur=USD mm=hedge tm=real "
		      "lev=500 bld=6090 ea=1.0.0 off=-10800 ph=4b2312e8a4f7ba0d");
	const struct instance *seen = stage_at(0);
	assert_true(seen->connected);
	assert_int_equal(seen->epoch_ms, 1784046185431);
	assert_int_equal(seen->login, 90000001);
	assert_string_equal(seen->server, "FPMarkets SC-Live");
	assert_string_equal(seen->currency, "USD");
	assert_string_equal(seen->expert, "1.0.0");
	assert_int_equal(seen->margin_mode, 2);
	assert_int_equal(seen->trade_mode, 2);
	assert_int_equal(seen->leverage, 500);
	assert_int_equal(seen->build, 6090);
	assert_int_equal(seen->offset_s, -10800);
	assert_int_equal(latest(SAMPLE_off).mantissa, -10800);
	assert_string_equal(fleet_host_at(stage.fleet, seen->host)->name, "vm-3");
	assert_int_equal(fleet_counts(stage.fleet).connected, 1);
	assert_true(stage.moved_count > 0);
	/* a currency or version longer than any is cut and harms nothing */
	stage_line(0, "H 0 v=1 id=mt5-000 ep=2 mac=35cd832ccd3c88068e3314f439e1ecbd login=1 srv=x "
		      "cur=ABCDEFGHIJKLMNOPQRSTUVWXYZ ea=1");
	assert_string_equal(stage_at(0)->currency, "ABCDEFGHIJKLMNO");
	assert_int_equal(stage_at(0)->margin_mode, -1);
}

static void a_hello_says_whether_a_snapshot_is_wanted(void **state)
{
	(void)state;
	bool snapshot = true;
	struct mfp_frame frame =
	    stage_frame("H 0 v=1 id=mt5-000 ep=1 mac=35cd832ccd3c88068e3314f439e1ecbd login=1 "
			"srv=x ph=" STAGE_EMPTY_HASH);
	fleet_hello(stage.fleet, 0, &frame, &snapshot);
	assert_false(snapshot);
	frame = stage_frame("H 0 v=1 id=mt5-000 ep=1 mac=35cd832ccd3c88068e3314f439e1ecbd login=1 "
			    "srv=x");
	fleet_hello(stage.fleet, 0, &frame, &snapshot);
	assert_true(snapshot); /* it says no hash */
	assert_false(stage_at(0)->synced);
	fleet_hello(stage.fleet, 3, &frame, &snapshot); /* nobody there */
	assert_false(snapshot);
}

static void every_number_is_kept_with_its_digits(void **state)
{
	(void)state;
	stage_run(0);
	stage_go(1000);
	stage_line(0,
		   "S 0 t=%lld con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 mem=212 memp=16298 "
		   "disk=48211 cores=8 lag=12 q=0 inf=0 tick=231 dr=0 dn=88123 n=3 x0=1.50 x15=-2",
		   (long long)(STAGE_START_MS + 1250));
	assert_int_equal(latest(SAMPLE_ping).mantissa, 158410);
	assert_int_equal(latest(SAMPLE_ret).mantissa, 2);
	assert_int_equal(latest(SAMPLE_ret).digits, 2);
	assert_int_equal(latest(SAMPLE_n).mantissa, 3);
	assert_int_equal(latest(SAMPLE_x0).mantissa, 150);
	assert_int_equal(latest(SAMPLE_x15).mantissa, -2);
	assert_int_equal(latest(SAMPLE_skew).mantissa, 250);
	assert_int_equal(stage_at(0)->latest.ms, STAGE_START_MS + 1000);
	assert_int_equal(stage_line(0, "A 0 t=1 bal=3346.16 eq=2271.87 mar=164.53 fm=2107.34 "
				       "ml=1380.82 cr=0.00 pl=-1074.29"),
			 STATUS_OK);
	assert_int_equal(latest(SAMPLE_bal).mantissa, 334616);
	assert_int_equal(latest(SAMPLE_cr).digits, 2);
	assert_int_equal(latest(SAMPLE_pl).mantissa, -107429);
	stage_host_frame(0, "pid=4412 cpu=37.5 rss=223 fd=311 thr=41 la=1.42 up=86400");
	assert_int_equal(latest(SAMPLE_cpu).mantissa, 375);
	assert_int_equal(latest(SAMPLE_rss).mantissa, 223);
	assert_int_equal(latest(SAMPLE_fd).mantissa, 311);
	assert_int_equal(latest(SAMPLE_thr).mantissa, 41);
	assert_int_equal(latest(SAMPLE_la).mantissa, 142);
	assert_int_equal(latest(SAMPLE_up).mantissa, 86400);
	fleet_observe(stage.fleet, 0, SAMPLE_lat, number_of(7));
	fleet_queue(stage.fleet, 0, 5, 2);
	assert_int_equal(latest(SAMPLE_lat).mantissa, 7);
	assert_int_equal(latest(SAMPLE_wait).mantissa, 5);
	assert_int_equal(stage_at(0)->in_flight, 2);
	fleet_closed(stage.fleet, 0);
	stage_hello(0);
	assert_int_equal(latest(SAMPLE_rcn).mantissa, 1);
	assert_int_equal(stage_at(0)->heard_ms, STAGE_START_MS + 1000);
}

static void an_offline_terminals_account_is_not_believed(void **state)
{
	(void)state;
	const char *zero = "A 0 t=1 bal=0.00 eq=0.00";
	stage_hello(0);
	assert_int_equal(stage_line(0, "%s", zero), STATUS_FORMAT); /* no state yet */
	stage_state(0, "con=0 ta=1 ma=1 aa=1 ae=1");
	assert_int_equal(stage_line(0, "%s", zero), STATUS_FORMAT);
	assert_false(stage_at(0)->latest.known >> SAMPLE_bal & 1);
	stage_good(0);
	assert_int_equal(stage_line(0, "%s", "A 0 t=1 bal=5.00 eq=6.00"), STATUS_OK);
	stage_line(0, "H 0 v=1 id=mt5-000 ep=9 mac=35cd832ccd3c88068e3314f439e1ecbd login=1 srv=x");
	stage_good(0);
	assert_int_equal(stage_line(0, "%s", zero), STATUS_FORMAT); /* no currency */
	assert_int_equal(latest(SAMPLE_bal).mantissa, 500);
}

static void an_account_keeps_its_currency_while_its_terminal_is_offline(void **state)
{
	(void)state;
#define HELLO "mac=35cd832ccd3c88068e3314f439e1ecbd"
	stage_line(0, "%s", "H 0 v=1 id=mt5-000 ep=9 " HELLO " login=2 srv=x cur=EUR");
	stage_line(0, "%s", "H 0 v=1 id=mt5-000 ep=10 " HELLO " login=2 srv=x");
	assert_string_equal(stage_at(0)->currency, "EUR");
	stage_line(0, "%s", "H 0 v=1 id=mt5-000 ep=11 " HELLO " login=2 srv=y");
	assert_string_equal(stage_at(0)->currency, ""); /* another account */
#undef HELLO
}

static void frames_of_nobody_do_nothing(void **state)
{
	(void)state;
	stage_good(0); /* not connected */
	assert_int_equal(stage_at(0)->heard_ms, 0);
	assert_int_equal(stage_line(0, "A 0 t=1 bal=0.00 eq=0.00"), STATUS_NOT_FOUND);
	assert_int_equal(stage_line(0, "O 0 b=1 n=0"), STATUS_NOT_FOUND);
	assert_int_equal(stage_line(0, "o 0 tk=1"), STATUS_NOT_FOUND);
	struct mfp_frame host = stage_frame("M 0 id=mt5-077 t=1 pid=0 end=crash");
	fleet_host_frame(stage.fleet, 77, &host);
	fleet_heard(stage.fleet, 77);
	fleet_closed(stage.fleet, 0);
	fleet_closed(stage.fleet, 77);
	fleet_bye(stage.fleet, 0, 9);
	fleet_exited(stage.fleet, 77, 0, false);
	fleet_queue(stage.fleet, 77, 1, 1);
	fleet_observe(stage.fleet, 77, SAMPLE_rtt, number_of(1));
	fleet_command_done(stage.fleet, 77, 3);
	fleet_remove(stage.fleet, 77);
	assert_int_equal(fleet_stop(stage.fleet, 77, false, &err), STATUS_NOT_FOUND);
	assert_int_equal(fleet_restart(stage.fleet, 77, false, &err), STATUS_NOT_FOUND);
	assert_int_equal(fleet_hold(stage.fleet, 77, &err), STATUS_NOT_FOUND);
	assert_int_equal(fleet_release(stage.fleet, 77, &err), STATUS_NOT_FOUND);
	assert_string_equal(err.text, "there is no such terminal");
	assert_null(fleet_at(stage.fleet, 77));
	assert_int_equal(stage.event_count + stage.action_count, 0);
}

/* ---- positions ---- */

static void changes_of_positions_are_told(void **state)
{
	(void)state;
	stage_run(0);
	stage_line(0, "o 0 ev=new tk=5 sym=EURUSD sd=buy vol=0.10");
	assert_int_equal(stage.position_count, 1);
	assert_int_equal(stage.last_change, POSITION_NEW);
	stage_line(0, "o 0 ev=mod tk=5 pl=3.10");
	assert_int_equal(stage.last_change, POSITION_QUIET);
	stage_line(0, "O 0 b=1 n=0");
	stage_line(0, "O 0 e=1 n=0");
	assert_int_equal(stage.position_count, 3);
	assert_int_equal(stage.last_change, POSITION_GONE);
}

static void positions_that_stay_different_are_asked_for_less_and_less_often(void **state)
{
	(void)state;
	stage_run(0);
	/* a state may come before its change: two are no reason yet */
	stage_states(0, 1, 2, GOOD " ph=0123456789abcdef");
	stage_states(0, 3, 3, GOOD " ph=" STAGE_EMPTY_HASH);
	stage_states(0, 4, 5, GOOD " ph=0123456789abcdef");
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 0);
	stage_states(0, 6, 6, GOOD " ph=0123456789abcdef");
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 1);
	stage_states(0, 7, 12, GOOD " ph=0123456789abcdef"); /* 6 more */
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 2);
	stage_states(0, 13, 24, GOOD " ph=0123456789abcdef"); /* 12 */
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 3);
	stage_states(0, 25, 625, GOOD " ph=0123456789abcdef");
	assert_in_range(stage_actions(FLEET_SNAPSHOT), 14, 17);
	stage_states(0, 626, 626, GOOD " ph=" STAGE_EMPTY_HASH);
	stage_states(0, 627, 629, GOOD " ph=0123456789abcdef"); /* anew */
	assert_string_equal(stage_action(FLEET_SNAPSHOT)->reason, "its positions differ");
	assert_int_equal(stage_action(FLEET_SNAPSHOT)->ms, 629000);
}

static void a_bad_snapshot_or_change_is_asked_for_with_the_next_state(void **state)
{
	(void)state;
	stage_hello_with(0, 1, "0123456789abcdef");
	stage_line(0, "O 0 b=1 n=1");
	assert_int_equal(stage_line(0, "O 0 e=1 n=1 ph=0123456789abcdef"), STATUS_INVALID);
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 0);
	stage_states(0, 1, 1, GOOD);
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 1);
	assert_int_equal(stage_line(0, "o 0 ev=mod tk=1 vol=1"), STATUS_NOT_FOUND);
	stage_states(0, 2, 2, GOOD);
	assert_int_equal(stage_actions(FLEET_SNAPSHOT), 2);
	for (int64_t second = 3; second <= 62; second++) { /* it never learns */
		stage_line(0, "O 0 e=1 n=1");
		stage_states(0, second, second, GOOD);
	}
	assert_in_range(stage_actions(FLEET_SNAPSHOT), 4, 6);
}

/* ---- who is in the fleet ---- */

static void terminals_come_and_go(void **state)
{
	(void)state;
	struct instance_identity again = { .id = "mt5-000", .host = "vm-9", .group_count = 1 };
	uint32_t slot = 99, other = stage_add("other");
	assert_int_equal(fleet_find(stage.fleet, STR("other")), other);
	assert_int_equal(fleet_find(stage.fleet, STR("nobody")), FLEET_NONE);
	assert_int_equal(fleet_add(stage.fleet, &again, &slot), STATUS_EXISTS);
	assert_int_equal(slot, 0);
	assert_int_equal(stage_at(0)->identity.group_count, 1);
	assert_string_equal(fleet_host_at(stage.fleet, stage_at(0)->host)->name, "vm-9");
	stage_run(0);
	stage_run(other);
	fleet_queue(stage.fleet, other, 101, 0);
	assert_int_equal(alerts_counts(stage.alerts).active, 1);
	assert_int_equal(fleet_hold(stage.fleet, other, &err), STATUS_OK);
	fleet_closed(stage.fleet, other);
	struct fleet_counts counts = fleet_counts(stage.fleet);
	assert_int_equal(counts.suspect, 1);
	assert_int_equal(counts.held, 1);
	assert_int_equal(counts.states[INSTANCE_DEGRADED], 1);
	fleet_remove(stage.fleet, other);
	counts = fleet_counts(stage.fleet);
	assert_int_equal(counts.suspect + counts.held + counts.states[INSTANCE_DEGRADED], 0);
	assert_int_equal(counts.connected, 1);
	assert_int_equal(alerts_counts(stage.alerts).active, 0);
	assert_int_equal(fleet_count(stage.fleet), 1);
	assert_int_equal(fleet_find(stage.fleet, STR("other")), FLEET_NONE);
	assert_null(fleet_at(stage.fleet, other));
	stage_go(100);
	assert_int_equal(stage_add("third"), other); /* its slot, and nothing of it */
	stage_is(other, INSTANCE_STOPPED);
	assert_int_equal(stage_at(other)->waiting, 0);
	assert_int_equal(stage_at(other)->latest.known, 0);
	for (int i = 0; i < 3; i++) {
		char id[32];
		snprintf(id, sizeof id, "more-%d", i);
		stage_add(id);
	}
	snprintf(again.id, sizeof again.id, "too-many");
	assert_int_equal(fleet_add(stage.fleet, &again, &slot), STATUS_FULL);
	assert_int_equal(fleet_room(stage.fleet), 5);
}

static void each_is_found_by_its_id_whoever_comes_and_goes(void **state)
{
	(void)state;
	enum { COUNT = 300 };
	struct rng rng;
	uint32_t slots[COUNT];
	rng_init(&rng, 3);
	stage_close();
	stage_open(0);
	fleet_destroy(stage.fleet);
	fleet_destroy(NULL);
	stage.fleet =
	    fleet_create(COUNT, &stage.settings, stage.alerts, 1, &(struct fleet_hooks){ 0 });
	stage_turn();
	memset(slots, 0xFF, sizeof slots);
	for (int round = 0; round < 5000; round++) {
		uint32_t i = (uint32_t)rng_below(&rng, COUNT);
		char id[32];
		snprintf(id, sizeof id, "mt5-%03u", i);
		assert_int_equal(fleet_find(stage.fleet, str_of(id)), slots[i]);
		if (slots[i] == FLEET_NONE) {
			slots[i] = stage_add(id);
			stage_hello(slots[i]);
			stage_good(slots[i]);
		} else {
			fleet_remove(stage.fleet, slots[i]);
			slots[i] = FLEET_NONE;
		}
	}
	uint32_t count = 0;
	for (uint32_t i = 0; i < COUNT; i++)
		count += slots[i] != FLEET_NONE;
	assert_int_equal(fleet_count(stage.fleet), count);
	assert_int_equal(fleet_counts(stage.fleet).states[INSTANCE_RUNNING], count);
	assert_int_equal(fleet_counts(stage.fleet).connected, count);
}

static void an_alert_is_only_noted_and_makes_a_turn_due(void **state)
{
	(void)state;
	stage_run(0);
	fleet_alert(stage.fleet, ALERT_high_cpu, STR("mt5-000"), true);
	stage_is(0, INSTANCE_RUNNING);
	assert_int_equal(fleet_next_ns(stage.fleet), stage.now_ns);
	fleet_alert(stage.fleet, ALERT_high_cpu, STR("nobody"), true);
	stage_turn();
	stage_is(0, INSTANCE_DEGRADED);
	assert_true(fleet_next_ns(stage.fleet) > stage.now_ns);
}

static void the_longest_id_is_one_scope(void **state)
{
	(void)state;
	char id[INSTANCE_NAME_MAX + 1];
	memset(id, 'x', INSTANCE_NAME_MAX);
	id[INSTANCE_NAME_MAX] = 0;
	uint32_t first = stage_add(id);
	id[INSTANCE_NAME_MAX - 1] = 'y';
	uint32_t second = stage_add(id);
	stage_run(first);
	stage_run(second);
	fleet_queue(stage.fleet, second, 101, 0);
	stage_is(first, INSTANCE_RUNNING);
	stage_is(second, INSTANCE_DEGRADED);
}

static jmp_buf failed_check;
static void on_check(const char *expr, const char *file, int line)
{
	(void)expr, (void)file, (void)line;
	longjmp(failed_check, 1);
}
static void tell_back(const struct fleet_action *action)
{
	fleet_heard(stage.fleet, action->instance->slot);
}

static void a_hook_may_not_tell(void **state)
{
	(void)state;
	stage.on_action = tell_back;
	check_set_handler(on_check);
	bool failed = setjmp(failed_check) != 0;
	if (!failed)
		assert_int_equal(fleet_start(stage.fleet, 0, &err), STATUS_OK);
	check_set_handler(NULL);
	assert_true(failed);
}

/* ---- texts ---- */

static void everything_has_its_name(void **state)
{
	(void)state;
	enum instance_state found;
	uint32_t flags = 0;
	char storage[64];
	struct buf out = buf_over(storage, sizeof storage);
	assert_string_equal(instance_state_text(INSTANCE_RECOVERING), "RECOVERING");
	for (enum instance_state s = 0; s < INSTANCE_STATES; s++) {
		assert_true(instance_state_named(str_of(instance_state_text(s)), &found));
		assert_int_equal(found, s);
	}
	assert_false(instance_state_named(STR("running"), &found));
	for (uint32_t all = 0; all < 1u << INSTANCE_FLAGS; all++) {
		buf_clear(&out);
		instance_flags_put(&out, all);
		assert_true(instance_flags_read(buf_str(&out), &flags));
		assert_int_equal(flags, all);
	}
	assert_string_equal(fleet_event_text(FLEET_SOCKET), "socket_failure");
	assert_string_equal(fleet_action_text(FLEET_POKE), "poke");
	assert_string_equal(instance_health_text(HEALTH_CRITICAL), "critical");
	assert_false(instance_flags_read(STR("suspect+bored"), &flags));
	assert_true(instance_flags_read(STR("held+suspect"), &flags));
	assert_int_equal(flags, INSTANCE_HELD | INSTANCE_SUSPECT);
}

/* ---- memory ---- */

static void a_turn_allocates_nothing(void **state)
{
	(void)state;
	enum { COUNT = 50 };
	stage_close();
	stage_open(COUNT);
	stage.forgets = true;
	for (uint32_t slot = 0; slot < COUNT; slot++)
		stage_run(slot);
	uint64_t before = allocations_count;
	for (int64_t second = 1; second <= 300; second++) {
		stage_go(second * 1000);
		for (uint32_t slot = 0; slot < COUNT; slot++) {
			if (slot % 7 == 0 && second % 60 == 0)
				fleet_closed(stage.fleet, slot);
			else if (slot % 7 == 0 && second % 60 == 9)
				stage_hello(slot);
			if (slot % 9 || second % 100 < 70)
				stage_state(slot, slot % 5 ? GOOD : GOOD " cpu=95");
			stage_host_frame(slot, "pid=1 la=3 host=vm");
		}
	}
	assert_true(fleet_counts(stage.fleet).events[FLEET_FAILED] > 0);
	assert_true(fleet_counts(stage.fleet).events[FLEET_RECOVERED] > 0);
	assert_int_equal(allocations_count - before, 0);
}

static void a_terminal_is_small(void **state)
{
	(void)state;
	print_message("struct terminal %zu bytes, of it struct instance %zu, its numbers %zu; "
		      "struct host %zu; struct position %zu\n",
		      sizeof(struct terminal), sizeof(struct instance),
		      sizeof(struct sample_row_values), sizeof(struct host),
		      sizeof(struct position));
	assert_true(sizeof(struct terminal) <= 3584);
	assert_true(sizeof(struct position) <= 192);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_hello_says_who_it_is),
		TEST(a_hello_says_whether_a_snapshot_is_wanted),
		TEST(every_number_is_kept_with_its_digits),
		TEST(an_offline_terminals_account_is_not_believed),
		TEST(an_account_keeps_its_currency_while_its_terminal_is_offline),
		TEST(frames_of_nobody_do_nothing),
		TEST(changes_of_positions_are_told),
		TEST(positions_that_stay_different_are_asked_for_less_and_less_often),
		TEST(a_bad_snapshot_or_change_is_asked_for_with_the_next_state),
		TEST(terminals_come_and_go),
		TEST(each_is_found_by_its_id_whoever_comes_and_goes),
		TEST(an_alert_is_only_noted_and_makes_a_turn_due),
		TEST(the_longest_id_is_one_scope),
		TEST(a_hook_may_not_tell),
		TEST(everything_has_its_name),
		TEST(a_turn_allocates_nothing),
		TEST(a_terminal_is_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
