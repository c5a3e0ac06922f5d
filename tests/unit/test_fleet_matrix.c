/* Every state against everything that can be told of a terminal in it. What has to come
 * of it is written here as fleet.md 4 says it, row numbers and all, and not taken from
 * the machine's own table: what has no number there must change nothing. */
#include "unit/fleet_stage.h"

/* A state, and whether it is held; terminals are connected, but STOPPED ones. */
enum situation { STOPPED, GIVEN_UP, STARTING, RUNNING, DEGRADED, FAILED, RECOVERING, SITUATIONS };

static const enum instance_state state_of[SITUATIONS] = {
	[STOPPED] = INSTANCE_STOPPED,       [GIVEN_UP] = INSTANCE_STOPPED,
	[STARTING] = INSTANCE_STARTING,     [RUNNING] = INSTANCE_RUNNING,
	[DEGRADED] = INSTANCE_DEGRADED,     [FAILED] = INSTANCE_FAILED,
	[RECOVERING] = INSTANCE_RECOVERING,
};

/* The rows of fleet.md 4 as far as something said brings them about. */
enum { SAME = INSTANCE_STATES, NONE = FLEET_EVENTS };
static const struct {
	int to, events[2];
} rows[] = {
	[0] = { SAME, { NONE, NONE } },
	[1] = { INSTANCE_STARTING, { NONE, NONE } },
	[2] = { SAME, { NONE, NONE } },
	[3] = { INSTANCE_RUNNING, { FLEET_STARTED, NONE } },
	[5] = { INSTANCE_FAILED, { FLEET_FAILED, NONE } },
	[6] = { INSTANCE_DEGRADED, { FLEET_DEGRADED, NONE } },
	[8] = { SAME, { NONE, NONE } },
	[9] = { SAME, { NONE, NONE } },
	[11] = { INSTANCE_FAILED, { FLEET_FAILED, NONE } },
	[13] = { INSTANCE_RUNNING, { FLEET_RECOVERED, NONE } },
	[14] = { INSTANCE_FAILED, { FLEET_FAILED, NONE } },
	[16] = { INSTANCE_STOPPED, { FLEET_STOPPED, NONE } },
	[17] = { INSTANCE_STARTING, { NONE, NONE } },
	[19] = { INSTANCE_STARTING, { NONE, NONE } },
};

/* ---- what can be told ---- */

static void op(const char *name)
{
	static const char *const words[] = { "throttle", "reconnect", "restart", "stop",
					     "start",    "snapshot",  "set",     "poke" };
	for (int i = 0; i < (int)ARRAY_LEN(words); i++)
		if (strcmp(words[i], name) == 0)
			fleet_command_done(stage.fleet, 0, i);
}

static struct err err;
static enum status answer; /* of an operator's call */

static void start(int64_t n) { (void)n, answer = fleet_start(stage.fleet, 0, &err); }
static void stop(int64_t n) { answer = fleet_stop(stage.fleet, 0, n, &err); }
static void restart(int64_t n) { answer = fleet_restart(stage.fleet, 0, n, &err); }
static void hold(int64_t n) { (void)n, answer = fleet_hold(stage.fleet, 0, &err); }
static void release(int64_t n) { (void)n, answer = fleet_release(stage.fleet, 0, &err); }
static void hello(int64_t n) { (void)n, stage_hello(0); }
static void hello_off(int64_t n)
{
	(void)n, stage_hello_with(0, stage.epoch_ms++, "0123456789abcdef");
}
static void good(int64_t n) { (void)n, stage_good(0); }
static void unlinked(int64_t n) { (void)n, stage_state(0, "con=0 ta=1 ma=1 aa=1 ae=1"); }
static void forbidden(int64_t n)
{
	stage_line(0, "S 0 t=1 con=1 ta=%d ma=%d aa=%d ae=%d", n != 0, n != 1, n != 2, n != 3);
}
static void late(int64_t n) { (void)n, stage_state(0, STAGE_GOOD " lag=2001"); }
static void closed(int64_t n) { (void)n, fleet_closed(stage.fleet, 0); }
static void bye(int64_t n) { fleet_bye(stage.fleet, 0, n); }
static void ended(int64_t n) { stage_exit(0, n); }
static void stop_done(int64_t n) { (void)n, op("stop"); }
static void restart_done(int64_t n) { (void)n, op("restart"); }
static void other_done(int64_t n)
{
	(void)n;
	op("throttle");
	op("reconnect");
	op("start");
	op("snapshot");
	op("set");
	op("poke");
	fleet_command_done(stage.fleet, 0, 99);
	fleet_command_done(stage.fleet, 0, -1);
}
static void alert_begins(int64_t rule)
{
	fleet_alert(stage.fleet, (enum alert_rule)rule, str_of(stage_at(0)->identity.id), true);
	stage_turn();
}
static void alert_ends(int64_t rule)
{
	fleet_alert(stage.fleet, (enum alert_rule)rule, str_of(stage_at(0)->identity.id), false);
	stage_turn();
}
static void other_frames(int64_t n)
{
	(void)n;
	stage_line(0, "A 0 t=1 bal=1.00 eq=1.00");
	stage_line(0, "O 0 b=1 n=0");
	stage_line(0, "O 0 e=1 n=0");
	stage_line(0, "o 0 ev=del tk=1");
	stage_line(0, "P 0 t=1");
	stage_host_frame(0, "pid=17 cpu=99 rss=12 la=0.1");
	stage_host_frame(0, "pid=17 cpu=-1");
	fleet_observe(stage.fleet, 0, SAMPLE_rtt, number_of(900));
	fleet_heard(stage.fleet, 0);
}
static void queue(int64_t n) { fleet_queue(stage.fleet, 0, (uint32_t)n, 1); }

/* `asks`: that no row follows is a refusal. The numbers are rows of fleet.md 4, one after
 * the other, for STOPPED, given up (STOPPED, HELD), STARTING, RUNNING, DEGRADED, FAILED,
 * RECOVERING. */
static const struct {
	const char *name;
	void (*tell)(int64_t n);
	int64_t n;
	bool asks;
	int expected[SITUATIONS][2];
} stimuli[] = {
	{ "start", start, 0, true, { { 1 } } },
	{ "stop", stop, 0, true, { { 0 }, { 0 }, { 16 }, { 16 }, { 16 }, { 16 }, { 16 } } },
	{ "stop flat", stop, 1, true, { { 0 }, { 0 }, { 16 }, { 16 }, { 16 }, { 16 }, { 16 } } },
	{ "restart", restart, 0, true, { { 0 }, { 0 }, { 17 }, { 17 }, { 17 }, { 17 }, { 17 } } },
	{ "hold", hold, 0, false, { { 0 } } },
	{ "release", release, 0, true, { { 0 }, { 19 } } },
	{ "hello", hello, 0, false, { { 1 }, { 0 }, { 2 }, { 9 }, { 9 } } },
	{ "hello, other positions", hello_off, 0, false, { { 1 }, { 0 }, { 2 }, { 9 }, { 9 } } },
	{ "S", good, 0, false, { { 0 }, { 0 }, { 3 }, { 0 }, { 0 }, { 0 }, { 13 } } },
	{ "S con=0", unlinked, 0, false, { { 0 } } },
	{ "S ta=0", forbidden, 0, false, { { 0 }, { 0 }, { 0 }, { 6 }, { 0 }, { 0 }, { 13, 6 } } },
	{ "S ma=0", forbidden, 1, false, { { 0 }, { 0 }, { 0 }, { 6 }, { 0 }, { 0 }, { 13, 6 } } },
	{ "S aa=0", forbidden, 2, false, { { 0 }, { 0 }, { 0 }, { 6 }, { 0 }, { 0 }, { 13, 6 } } },
	{ "S ae=0", forbidden, 3, false, { { 0 }, { 0 }, { 0 }, { 6 }, { 0 }, { 0 }, { 13, 6 } } },
	{ "S late", late, 0, false, { { 0 }, { 0 }, { 3 }, { 0 }, { 0 }, { 0 }, { 13 } } },
	{ "closed", closed, 0, false, { { 0 }, { 0 }, { 0 }, { 8 }, { 8 } } },
	{ "Z 0", bye, 0, true, { { 0 } } },
	{ "Z 1", bye, 1, true, { { 0 }, { 0 }, { 0 }, { 11 }, { 11 } } },
	{ "Z 2", bye, 2, true, { { 0 }, { 0 }, { 0 }, { 8 }, { 8 } } },
	{ "Z 3", bye, 3, true, { { 0 }, { 0 }, { 0 }, { 8 }, { 8 } } },
	{ "Z 4", bye, 4, true, { { 0 }, { 0 }, { 0 }, { 11 }, { 11 } } },
	{ "Z 5", bye, 5, true, { { 0 }, { 0 }, { 0 }, { 8 }, { 8 } } },
	{ "Z 6", bye, 6, true, { { 0 }, { 0 }, { 0 }, { 8 }, { 8 } } },
	{ "Z 7", bye, 7, true, { { 0 }, { 0 }, { 0 }, { 8 }, { 8 } } },
	{ "Z 8", bye, 8, true, { { 0 }, { 0 }, { 5 } } },
	{ "Z 9", bye, 9, true, { { 0 }, { 0 }, { 0 }, { 11 }, { 11 } } },
	{ "Z 77", bye, 77, true, { { 0 } } },
	{ "exit 0", ended, 0, true, { { 0 }, { 0 }, { 5 }, { 11 }, { 11 }, { 0 }, { 14 } } },
	{ "exit -9", ended, -9, true, { { 0 }, { 0 }, { 5 }, { 11 }, { 11 }, { 0 }, { 14 } } },
	{ "exit 75", ended, 75, true, { { 0 }, { 0 }, { 17 }, { 17 }, { 17 }, { 17 }, { 17 } } },
	{ "op=stop done, unasked", stop_done, 0, false, { { 0 } } },
	{ "op=restart done",
	  restart_done,
	  0,
	  true,
	  { { 0 }, { 0 }, { 17 }, { 17 }, { 17 }, { 17 }, { 17 } } },
	{ "other commands done", other_done, 0, false, { { 0 } } },
	{ "HighCpu", alert_begins, ALERT_high_cpu, false, { { 0 }, { 0 }, { 0 }, { 6 } } },
	{ "HighMemory", alert_begins, ALERT_high_memory, false, { { 0 }, { 0 }, { 0 }, { 6 } } },
	{ "HighQueue", alert_begins, ALERT_high_queue, false, { { 0 }, { 0 }, { 0 }, { 6 } } },
	{ "InstanceCrash", alert_begins, ALERT_instance_crash, false, { { 0 } } },
	{ "SocketFailure", alert_begins, ALERT_socket_failure, false, { { 0 } } },
	{ "RecoveryFailure", alert_begins, ALERT_recovery_failure, false, { { 0 } } },
	{ "Flapping", alert_begins, ALERT_flapping, false, { { 0 } } },
	{ "an alert of a market", alert_begins, ALERT_price_move, false, { { 0 } } },
	{ "HighCpu ends", alert_ends, ALERT_high_cpu, false, { { 0 } } },
	{ "NetworkFailure ends", alert_ends, ALERT_network_failure, false, { { 0 } } },
	{ "a long queue", queue, 101, false, { { 0 }, { 0 }, { 0 }, { 6 } } },
	{ "a short queue", queue, 3, false, { { 0 } } },
	{ "other frames", other_frames, 0, false, { { 0 } } },
};

/* ---- the matrix ---- */

static void bring(enum situation situation)
{
	stage_open(1);
	if (situation == GIVEN_UP)
		stage_give_up(0);
	else
		stage_reach(0, state_of[situation]);
	if (situation == GIVEN_UP || situation == STOPPED)
		stage_is(0, INSTANCE_STOPPED);
}

static bool has_row(size_t index, enum situation situation)
{
	return stimuli[index].expected[situation][0] != 0;
}

/* A terminal that is not connected says no Z, a process that is gone does not end again. */
static bool is_unheard(size_t index, enum situation situation)
{
	return (stimuli[index].tell == bye && state_of[situation] == INSTANCE_STOPPED) ||
	       (stimuli[index].tell == ended && situation == GIVEN_UP);
}

static bool is_refused(size_t index, enum situation situation)
{
	if (stimuli[index].tell == hold)
		return situation == GIVEN_UP;
	return stimuli[index].asks && !has_row(index, situation) && !is_unheard(index, situation);
}

static void expect(bool so, size_t index, enum situation situation, const char *what)
{
	if (!so)
		fail_msg("%s%s told %s: %s; it is %s after %zu events",
			 situation == GIVEN_UP ? "given up " : "",
			 instance_state_text(state_of[situation]), stimuli[index].name, what,
			 instance_state_text(stage_at(0)->state), stage.event_count);
}

static void check(size_t index, enum situation situation)
{
	const int *expected = stimuli[index].expected[situation];
	enum instance_state state = state_of[situation];
	size_t told = 0;
	for (int i = 0; i < 2; i++) {
		state = rows[expected[i]].to == SAME ? state
						     : (enum instance_state)rows[expected[i]].to;
		for (int e = 0; e < 2; e++) {
			int kind = rows[expected[i]].events[e];
			if (kind == NONE)
				continue;
			const struct stage_event *event = &stage.events[told];
			expect(told++ < stage.event_count && (int)event->kind == kind &&
				   event->to == state,
			       index, situation, "the event");
		}
	}
	expect(stage_at(0)->state == state, index, situation, "the state");
	expect(stage.event_count == told, index, situation, "too many events");
}

static void every_state_meets_everything_that_can_be_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stimuli); i++)
		for (enum situation s = 0; s < SITUATIONS; s++) {
			bring(s);
			uint64_t refused = fleet_counts(stage.fleet).refused_moves;
			answer = STATUS_OK;
			stimuli[i].tell(stimuli[i].n);
			check(i, s);
			refused = fleet_counts(stage.fleet).refused_moves - refused;
			expect(refused == is_refused(i, s), i, s, "the refusal");
			expect(!answer || (answer == STATUS_INVALID && is_refused(i, s)), i, s,
			       "the answer");
			stage_close();
		}
}

/* Nothing said at all: what time alone makes of each. */
static void time_alone_leads_where_the_rows_say(void **state)
{
	(void)state;
	static const enum instance_state later[SITUATIONS][3] = {
		[STOPPED] = { INSTANCE_STOPPED },
		[GIVEN_UP] = { INSTANCE_STOPPED },
		[STARTING] = { INSTANCE_FAILED, INSTANCE_RECOVERING, INSTANCE_FAILED },
		[RUNNING] = { INSTANCE_FAILED, INSTANCE_RECOVERING, INSTANCE_FAILED },
		[DEGRADED] = { INSTANCE_FAILED, INSTANCE_RECOVERING, INSTANCE_FAILED },
		[FAILED] = { INSTANCE_RECOVERING, INSTANCE_FAILED, INSTANCE_RECOVERING },
		[RECOVERING] = { INSTANCE_FAILED, INSTANCE_RECOVERING, INSTANCE_FAILED },
	};
	for (enum situation s = 0; s < SITUATIONS; s++) {
		bring(s);
		for (int i = 0; i < 3 && state_of[s] != INSTANCE_STOPPED; i++) {
			stage_leave(0);
			stage_is(0, later[s][i]);
		}
		stage_go(stage_ms() + 3600000);
		stage_is(0, INSTANCE_STOPPED); /* given up, or never begun */
		stage_close();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_meets_everything_that_can_be_told),
		cmocka_unit_test(time_alone_leads_where_the_rows_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
