/* Anything in any order at any time, from a seed: what must hold all the same. Each run is
 * made twice, once with turns only when something is due, once with a turn every
 * millisecond that looks at every terminal: both must say the same at the same time, so
 * that no timer is lost, late or early. FLEET_SEED=n runs that one, FLEET_SEEDS=n so many. */
#include "unit/fleet_stage.h"

enum { TERMINALS = 9, SEEDS = 8, LOG_BYTES = 1 << 17 };
#define RUN_MS INT64_C(400000)

/* One of each terminal, and one of what has no terminal: in which order two terminals are
 * looked at in one turn is nobody's business. */
static char texts[2][TERMINALS + 1][LOG_BYTES];
static struct buf logs[2][TERMINALS + 1];
static struct err err;

/* What a terminal was told and did, to judge its actions by. */
static struct seen {
	bool delivers, unknown;
	int64_t recovered_ms;                /* its newest recovery began; -1 never */
	enum instance_state told, told_from; /* by the stream of events */
	int64_t told_ms;
} seen[TERMINALS];

static bool dense;

/* ---- time ---- */

static void check_all(void);

static void go(int64_t ms)
{
	while (dense && stage_ms() < ms) {
		stage.now_ns += MS_NS;
		fleet_touch_all(stage.fleet);
		stage_turn();
		check_all();
	}
	while (!dense && stage_next_ns() <= STAGE_START_NS + ms * MS_NS) {
		assert_true(stage_next_ns() > stage.now_ns);
		stage.now_ns = stage_next_ns();
		stage_turn();
		check_all();
	}
	stage.now_ns = STAGE_START_NS + ms * MS_NS;
	stage_turn();
	check_all();
}

/* ---- what must hold ---- */

/* By the rows of fleet.md 4. */
static bool may_move(enum instance_state from, enum instance_state to)
{
	static const uint32_t allowed[INSTANCE_STATES] = {
#define S(state) (1u << INSTANCE_##state)
		[INSTANCE_STOPPED] = S(STARTING),
		[INSTANCE_STARTING] = S(RUNNING) | S(DEGRADED) | S(FAILED) | S(STOPPED),
		[INSTANCE_RUNNING] = S(DEGRADED) | S(FAILED) | S(STOPPED) | S(STARTING),
		[INSTANCE_DEGRADED] = S(RUNNING) | S(FAILED) | S(STOPPED) | S(STARTING),
		[INSTANCE_FAILED] = S(RECOVERING) | S(STOPPED) | S(STARTING),
		[INSTANCE_RECOVERING] = S(RUNNING) | S(FAILED) | S(STOPPED) | S(STARTING),
#undef S
	};
	return allowed[from] >> to & 1;
}

static void check_event(const struct stage_event *event)
{
	bool stays = event->from == event->to;
	struct seen *one = &seen[event->slot];
	if (stays)
		assert_true(event->kind == FLEET_NETWORK || event->kind == FLEET_SOCKET ||
			    (event->kind == FLEET_DEGRADED && event->repeat));
	assert_true(event->reason[0]);
	assert_in_range(event->attempts, 0, 3);
	/* The stream is a chain: STARTING and RECOVERING are told by nobody. Two events of
	 * one move have one from. */
	bool chained = event->from == one->told || event->from == INSTANCE_STARTING ||
		       event->from == INSTANCE_RECOVERING;
	bool same_move = event->from == one->told_from && event->ms == one->told_ms;
	if (!chained && !same_move)
		fail_msg("%lld %s tells from %s after %s", (long long)event->ms,
			 fleet_event_text(event->kind), instance_state_text(event->from),
			 instance_state_text(one->told));
	if (event->kind == FLEET_FAILED)
		assert_int_equal(event->repeat, event->from == INSTANCE_RECOVERING);
}

/* The fleet is as the action finds it. */
static void on_action(const struct fleet_action *action)
{
	const struct instance *instance = action->instance;
	struct seen *one = &seen[instance->slot];
	bool up = instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_DEGRADED;
	bool held = instance->flags & INSTANCE_HELD;
	bool guarded = fleet_counts(stage.fleet).guarded;
	bool asked = strcmp(action->reason, "operator") == 0;
	switch (action->kind) {
	case FLEET_DELIVER:
		assert_true(up && instance->connected && instance->synced && !one->delivers);
		assert_int_equal(instance->latest.values[SAMPLE_con].mantissa, 1);
		assert_false(instance->flags & INSTANCE_SUSPECT);
		one->delivers = true;
		break;
	case FLEET_PAUSE:
		assert_true(one->delivers);
		one->delivers = false;
		break;
	case FLEET_UNKNOWN: one->unknown = true; break;
	case FLEET_RESTART:
		assert_true(one->unknown || !instance->in_flight);
		assert_false(one->delivers);
		assert_true(!held && (asked || !guarded));
		break;
	case FLEET_START: assert_true(!held && (asked || !guarded)); break;
	case FLEET_DROP: assert_int_equal(instance->state, INSTANCE_STOPPED); break;
	case FLEET_THROTTLE: assert_int_equal(instance->rate, action->rate); break;
	case FLEET_POKE:
	case FLEET_TRIM: assert_true(up && !guarded); break;
	default: break;
	}
}

static void check_move(uint32_t slot, enum instance_state from, enum instance_state to)
{
	struct seen *one = &seen[slot];
	if (!may_move(from, to))
		fail_msg("%s to %s", instance_state_text(from), instance_state_text(to));
	if (to != INSTANCE_RECOVERING)
		return;
	if (stage_has(slot, INSTANCE_FLAPPING) && one->recovered_ms >= 0)
		assert_true(stage_ms() - one->recovered_ms >= 60000);
	one->recovered_ms = stage_ms();
}

static void check_one(uint32_t slot)
{
	const struct terminal *t = fleet_terminal(stage.fleet, slot);
	bool guarded = fleet_counts(stage.fleet).guarded;
	bool armed = t->timer.slot != 0;
	assert_in_range(t->seen.attempts, 0, 3);
	assert_int_equal(t->seen.delivers, seen[slot].delivers);
	if (t->seen.state == INSTANCE_FAILED && !guarded)
		assert_true(armed || has_flag(t, INSTANCE_HELD)); /* it always leads on */
	if (t->seen.state != INSTANCE_FAILED && t->seen.state != INSTANCE_STOPPED && !guarded)
		assert_true(armed);
	if (t->seen.state == INSTANCE_STOPPED && t->given_up)
		assert_true(has_flag(t, INSTANCE_HELD));
	if (is_running(t) && !t->seen.connected)
		assert_true(has_flag(t, INSTANCE_SUSPECT));
}

static void check_counts(void)
{
	struct fleet_counts counts = fleet_counts(stage.fleet), plain = { 0 };
	uint32_t suspects = 0; /* whom the guard is about */
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		const struct instance *instance = stage_at(slot);
		plain.states[instance->state]++;
		plain.suspect += stage_has(slot, INSTANCE_SUSPECT);
		plain.flapping += stage_has(slot, INSTANCE_FLAPPING);
		plain.held += stage_has(slot, INSTANCE_HELD);
		plain.connected += instance->connected;
		suspects +=
		    stage_has(slot, INSTANCE_SUSPECT) &&
		    (instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_DEGRADED);
	}
	assert_int_equal(suspects, stage.fleet->suspects);
	assert_memory_equal(plain.states, counts.states, sizeof plain.states);
	assert_int_equal(plain.suspect, counts.suspect);
	assert_int_equal(plain.flapping, counts.flapping);
	assert_int_equal(plain.held, counts.held);
	assert_int_equal(plain.connected, counts.connected);
}

/* After every call and turn: takes what was said off the stage, into the log. */
static void check_all(void)
{
	for (size_t i = 0; i < stage.move_count; i++)
		check_move(stage.moves[i].slot, stage.moves[i].from, stage.moves[i].to);
	for (size_t i = 0; i < stage.event_count; i++) {
		const struct stage_event *e = &stage.events[i];
		check_event(e);
		seen[e->slot].told = e->to;
		seen[e->slot].told_from = e->from;
		seen[e->slot].told_ms = e->ms;
		buf_printf(&logs[dense][e->slot], "%lld %s %s>%s %s %u%d%d\n", (long long)e->ms,
			   fleet_event_text(e->kind), instance_state_text(e->from),
			   instance_state_text(e->to), e->reason, e->attempts, e->repeat,
			   e->suppressed);
	}
	for (size_t i = 0; i < stage.action_count; i++)
		buf_printf(&logs[dense][stage.actions[i].slot], "%lld %s %s\n",
			   (long long)stage.actions[i].ms,
			   fleet_action_text(stage.actions[i].action.kind),
			   stage.actions[i].reason);
	for (size_t i = 0; i < stage.notice_count; i++) {
		uint32_t slot = fleet_find(stage.fleet, str_of(stage.notices[i].scope));
		buf_printf(&logs[dense][slot < TERMINALS ? slot : TERMINALS], "%lld %s %s %d\n",
			   (long long)stage.notices[i].ms, alert_row(stage.notices[i].rule)->name,
			   stage.notices[i].scope, stage.notices[i].what);
	}
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		check_one(slot);
	check_counts();
	assert_int_equal(stage.fleet->early, 0);
	stage_forget();
}

/* ---- what happens ---- */

static void say_state(uint32_t slot, struct rng *rng)
{
	static const char *const pings[] = { "158410", "158410", "158410", "600000" };
	uint64_t odd = rng_below(rng, 30);
	uint64_t in_flight = rng_below(rng, 6) ? 0 : 1;
	if (in_flight)
		seen[slot].unknown = false;
	stage_line(slot,
		   "S 0 t=1 con=%d ta=%d ma=1 aa=1 ae=1 ping=%s mem=%d lag=%d q=%d inf=%d cpu=%d%s",
		   odd != 1, odd != 2, pings[rng_below(rng, 4)], odd == 3 ? 95 : 40,
		   odd == 4 ? 9000 : 3, odd == 5 ? 150 : 0, (int)in_flight, odd == 6 ? 95 : 20,
		   odd == 7 ? " ph=0123456789abcdef" : "");
}

/* Some terminals are in one trouble for long: it takes that for alerts and their steps. */
static void say_trouble(uint32_t slot, int64_t second)
{
	int64_t phase = (second / 100 + slot) % 6;
	stage_line(slot, "S 0 t=1 con=%d ta=1 ma=1 aa=1 ae=1 ping=%d mem=%d lag=%d cpu=%d",
		   phase != 1, phase == 2 ? 700000 : 100000, phase == 3 ? 99 : 10,
		   phase == 4 ? 5000 : 1, phase == 5 ? 99 : 9);
}

static void say_queue(uint32_t slot, struct rng *rng)
{
	uint32_t in_flight = rng_below(rng, 3) ? 0 : 2;
	if (in_flight)
		seen[slot].unknown = false;
	fleet_queue(stage.fleet, slot, (uint32_t)rng_below(rng, 260), in_flight);
}

static void operate(uint32_t slot, struct rng *rng)
{
	switch (rng_below(rng, 8)) {
	case 0: (void)!fleet_stop(stage.fleet, slot, rng_below(rng, 2), &err); break;
	case 1: (void)!fleet_restart(stage.fleet, slot, rng_below(rng, 2), &err); break;
	case 2: (void)!fleet_hold(stage.fleet, slot, &err); break;
	case 3:
	case 4: (void)!fleet_release(stage.fleet, slot, &err); break;
	default: (void)!fleet_start(stage.fleet, slot, &err); break;
	}
}

static void say_positions(uint32_t slot, struct rng *rng)
{
	uint64_t ticket = rng_below(rng, 4);
	switch (rng_below(rng, 5)) {
	case 0: stage_line(slot, "O 0 b=1 n=0"); break;
	case 1: stage_line(slot, "O 0 e=1 n=0"); break;
	case 2: stage_line(slot, "o 0 ev=new tk=%d sym=E sd=buy vol=1.00", (int)ticket); break;
	case 3: stage_line(slot, "o 0 ev=del tk=%d", (int)ticket); break;
	default: stage_line(slot, "o 0 tk=%d sym=E sd=buy vol=1.00", (int)ticket); break;
	}
}

static void say_hello(uint32_t slot, struct rng *rng)
{
	char hash[17];
	snprintf(hash, sizeof hash, "%016llx",
		 (unsigned long long)positions_hash(stage_at(slot)->positions));
	fleet_closed(stage.fleet, slot);
	stage_hello_with(slot, stage.epoch_ms += (int64_t)rng_below(rng, 2),
			 rng_below(rng, 8) ? hash : "0123456789abcdef");
}

static void happen(uint32_t slot, struct rng *rng)
{
	uint64_t what = rng_below(rng, 300);
	if (what < 120)
		say_state(slot, rng);
	else if (what < 180)
		say_hello(slot, rng);
	else if (what < 200)
		fleet_closed(stage.fleet, slot);
	else if (what < 210)
		fleet_bye(stage.fleet, slot, (int64_t)rng_below(rng, 11));
	else if (what < 220)
		stage_exit(slot, rng_below(rng, 3) ? 1 : 75);
	else if (what < 235)
		say_queue(slot, rng);
	else if (what < 250)
		operate(slot, rng);
	else if (what < 260)
		fleet_command_done(stage.fleet, slot, (int)rng_below(rng, 9));
	else if (what < 275)
		say_positions(slot, rng);
	else if (what < 290)
		stage_host_frame(slot, rng_below(rng, 2) ? "pid=7 la=3.1 host=a cpu=99"
							 : "pid=0 end=crash host=b la=0.1");
	else
		fleet_observe(stage.fleet, slot, SAMPLE_rtt,
			      number_of((int64_t)rng_below(rng, 900)));
}

static size_t run(uint64_t seed, bool is_dense)
{
	struct rng rng;
	int64_t second = 0;
	dense = is_dense;
	rng_init(&rng, seed);
	stage_open(TERMINALS);
	stage.on_action = on_action;
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		seen[slot] = (struct seen){ .recovered_ms = -1, .told = INSTANCE_STOPPED };
	for (uint32_t i = 0; i <= TERMINALS; i++)
		logs[is_dense][i] = buf_over(texts[is_dense][i], LOG_BYTES);
	/* The first third of the terminals lives at random, the others are mostly well, and
	 * say their state each second. */
	for (int64_t ms = 0; ms < RUN_MS; ms += 1 + (int64_t)rng_below(&rng, 400)) {
		for (; second * 1000 <= ms; second++) {
			go(second * 1000);
			for (uint32_t slot = TERMINALS / 3; slot < TERMINALS; slot++) {
				if (!stage_at(slot)->connected && second % 11 == slot)
					say_hello(slot, &rng);
				say_trouble(slot, second);
				check_all();
			}
		}
		go(ms);
		bool any = rng_below(&rng, 12) == 0;
		happen((uint32_t)rng_below(&rng, any ? TERMINALS : TERMINALS / 3), &rng);
		check_all();
	}
	struct fleet_counts counts = fleet_counts(stage.fleet);
	size_t events = 0;
	for (int kind = 0; kind < FLEET_EVENTS; kind++)
		events += counts.events[kind];
	stage_close();
	return events;
}

static void compare(uint64_t seed, uint32_t slot)
{
	struct str a = buf_str(&logs[0][slot]), b = buf_str(&logs[1][slot]), line_a, line_b;
	assert_false(logs[0][slot].overflow || logs[1][slot].overflow);
	while (a.len || b.len) {
		bool more_a = str_split(&a, '\n', &line_a), more_b = str_split(&b, '\n', &line_b);
		if (!more_a || !more_b || !str_eq(line_a, line_b))
			fail_msg(
			    "seed %llu, %u: '%.*s' when it is due, '%.*s' looking all the time",
			    (unsigned long long)seed, slot, STR_ARG(line_a), STR_ARG(line_b));
	}
}

static void what_must_hold_holds_and_no_timer_is_lost(void **state)
{
	(void)state;
	const char *only = getenv("FLEET_SEED"), *many = getenv("FLEET_SEEDS");
	uint64_t first = only ? strtoull(only, NULL, 10) : 1;
	uint64_t count = only ? 1 : many ? strtoull(many, NULL, 10) : SEEDS;
	size_t events = 0;
	for (uint64_t seed = first; seed < first + count; seed++) {
		events += run(seed, false);
		(void)run(seed, true);
		for (uint32_t slot = 0; slot <= TERMINALS; slot++)
			compare(seed, slot);
	}
	assert_true(events > 20 * count); /* things do happen */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_hold_holds_and_no_timer_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
