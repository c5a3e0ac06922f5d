/* Whatever terminals, agents, owners, operators and the network do, in any order: numbers
 * are taken one after the other, K and W never say more than is durable, nothing is said
 * before the welcome or after the end, and every welcome has one gone. The stage's owner
 * holds most of it against the gate in each of its hooks. */
#include "unit/gate_stage.h"

enum { IDS = 6, TALKERS = 12, STEPS = 10000 };

static const char *const token_sets[] = {
	"t0 a-token-of-t0 h1 a\nt1 a-token-of-t1 h1\nt2 a-token-of-t2\nt3 a-token-of-t3 h1\n"
	"t4 a-token-of-t4 h2\nh1 a-token-of-h1\n",
	"t0 a-token-of-t0 h1\nt1 other-a-token-of-t1 h2\nt2 a-token-of-t2\nh1 a-token-of-h1\n"
	"t4 a-token-of-t4 h2\nh2 a-token-of-h2\n",
	"t0 a-token-of-t0\nt3 a-token-of-t3 h1\nh1 a-token-of-h1\n",
};

static struct rng rng;
static uint64_t below(uint64_t bound) { return rng_below(&rng, bound); }

struct talker {
	struct peer *peer; /* NULL: nobody */
	struct who who;
	char id[8], token[40], more[64];
	bool is_welcome, has_said_hello;
	uint64_t told; /* by K and W of this connection */
};
static struct talker talkers[TALKERS];
static int64_t next_epoch;

/* ---- what the gate says ---- */

static void check_up(struct talker *talker, const char *line)
{
	const char *up = strstr(line, " up=");
	uint32_t slot = fleet_find(stage.fleet, str_of(talker->id));
	if (!up || strstr(talker->more, "agent") || slot == FLEET_NONE)
		return;
	uint64_t number = strtoull(up + 4, NULL, 10);
	assert_true(number <= stage.recorded[slot].durable);
	assert_true(number >= talker->told);
	talker->told = number;
}

static void hear(struct talker *talker)
{
	for (const char *line = heard(talker->peer); *line; line = heard(talker->peer)) {
		if (line[0] == 'B') {
			const char *nonce = strstr(line, "nonce=");
			snprintf(talker->peer->nonce, sizeof talker->peer->nonce, "%.32s",
				 nonce + 6);
			continue;
		}
		if (line[0] == 'W') {
			assert_false(talker->is_welcome);
			talker->is_welcome = true;
		}
		assert_true(talker->is_welcome || line[0] == 'E');
		check_up(talker, line);
	}
}

static void hear_all(void)
{
	for (size_t i = 0; i < TALKERS; i++) {
		struct talker *talker = &talkers[i];
		if (!talker->peer)
			continue;
		hear(talker);
		if (!talker->peer->owner)
			talker->peer = NULL;
	}
}

/* The stage has room for many connections one after the other. */
static struct peer *a_free_peer(void)
{
	for (size_t i = 0; i < TALKERS * 2; i++) {
		struct peer *peer = &stage.peers[i];
		bool used = peer->owner != NULL;
		for (size_t k = 0; k < TALKERS; k++)
			used |= talkers[k].peer == peer;
		if (!used)
			return peer;
	}
	fail();
	return NULL;
}

static void dial(struct talker *talker)
{
	const struct line_events events = gate_line_events(stage.gate);
	struct peer *peer = a_free_peer();
	*peer = (struct peer){ .conn = peer->conn, .room = below(20) ? PEER_OUT : 400 };
	snprintf(peer->address, sizeof peer->address, "10.0.0.%llu",
		 (unsigned long long)below(40)); /* few enough to be blocked at times */
	*talker = (struct talker){ .peer = peer };
	peer->owner = events.on_open(events.ctx, &peer->conn);
	hear(talker);
}

/* ---- what is said to it ---- */

static void say_some_hello(struct talker *talker)
{
	bool agent = below(6) == 0;
	talker->has_said_hello = true;
	char id[8];
	snprintf(id, sizeof id, "%s%llu", agent ? "h" : "t",
		 (unsigned long long)below(agent ? 3 : IDS));
	memcpy(talker->id, id, sizeof id);
	snprintf(talker->token, sizeof talker->token, "%sa-token-of-%s", below(25) ? "" : "other-",
		 id);
	snprintf(talker->more, sizeof talker->more, "%s dn=%llu", agent ? "role=agent" : "cur=USD",
		 (unsigned long long)below(stage.next_down + 2));
	uint32_t slot = fleet_find(stage.fleet, str_of(talker->id));
	int64_t known = slot == FLEET_NONE ? 0 : stage.recorded[slot].epoch_ms;
	next_epoch += (int64_t)below(9);
	talker->who = (struct who){
		.id = talker->id,
		.token = talker->token,
		.epoch_ms = known && below(4) ? known : ++next_epoch * (below(2) ? 1 : 1000),
		.login = 1 + (int64_t)below(IDS + 2),
		.more = talker->more,
	};
	say_hello(talker->peer, talker->who);
}

static uint64_t some_number(const struct talker *talker)
{
	uint32_t slot = fleet_find(stage.fleet, str_of(talker->id));
	uint64_t taken = slot == FLEET_NONE ? 0 : stage.recorded[slot].taken;
	switch (below(60)) {
	case 0: return taken + 2 + below(1000);
	case 1: return 1 + below(taken + 1);
	case 2: return 1 + below(UINT32_MAX);
	default: return taken + 1;
	}
}

/* A line of each kind that a peer may say, and some that it may not. */
static void put_some_line(struct buf *out, const struct talker *talker)
{
	unsigned long long seq = some_number(talker), down = below(stage.next_down + 3);
	unsigned long long any = below(1000);
	static const char *const fixed[] = {
		"S 0 t=1 con=1 ta=1 ma=1 aa=1 ae=1 ph=0000000000000000 n=0",
		"S 0 t=1784046190001 con=0 ta=1 ma=1 aa=1 ae=0 ping=900000 lag=5000 q=300",
		"A 0 t=1 bal=1.00 eq=2.00",
		"O 0 b=1 n=1",
		"o 0 tk=1 id=1 sym=X sd=buy vol=0.10 sl=0 tp=0",
		"O 0 e=1 n=1 ph=0000000000000001",
		"o 0 ev=del tk=1",
		"p 0 t=1",
		"P 0 t=1",
		"E 0 code=busy msg=x",
		"X 0 k=v",
		"G 1 sid=1 act=open ttl=1",
		"H 0 v=1 id=t0 ep=1 mac=00000000000000000000000000000000 login=1 srv=S",
	};
	switch (below(10)) {
	case 0: buf_printf(out, "Y %llu dn=%llu cid=%llu st=ok", seq, down, any % 20); break;
	case 1: buf_printf(out, "Y %llu dn=%llu sid=%llu st=rx", seq, down, any); break;
	case 2:
	case 3: buf_printf(out, "R %llu sid=%llu st=done deal=%llu", seq, any, any); break;
	case 4: buf_printf(out, "D %llu deal=%llu", seq, any); break;
	case 5:
		if (below(10) == 0)
			buf_printf(out, "Z %llu why=%llu", seq, any % 10);
		else
			buf_printf(out, "S 0 t=1 con=1 ta=1 ma=1 aa=1 ae=1 dn=%llu", down);
		break;
	case 6: buf_printf(out, "Q 0 sym=S%llu bid=1 ask=1", any % 100); break;
	case 7: buf_printf(out, "M 0 id=t%llu t=1 pid=%llu cpu=1", any % IDS, any % 2); break;
	default: buf_printf(out, "%s", fixed[below(ARRAY_LEN(fixed))]);
	}
}

static void say_something(struct talker *talker)
{
	char storage[512];
	struct buf out = buf_over(storage, sizeof storage);
	uint64_t kind = below(200);
	if (!talker->has_said_hello && below(10)) {
		say_some_hello(talker);
	} else if (kind == 0) {
		for (uint64_t n = below(300); n > 0; n--)
			buf_char(&out, (char)below(256));
		say_bytes(talker->peer, buf_str(&out));
	} else {
		put_some_line(&out, talker);
		if (kind == 1)
			storage[below(out.len)] = (char)below(256);
		say_bytes(talker->peer, buf_str(&out));
	}
}

/* ---- everybody else ---- */

static uint32_t some_slot(void) { return (uint32_t)below(IDS + 1); }

static void some_durable(void)
{
	for (uint32_t slot = 0; slot < IDS; slot++) {
		struct recorded *recorded = &stage.recorded[slot];
		if (recorded->taken == recorded->durable || !fleet_at(stage.fleet, slot))
			continue;
		recorded->durable += 1 + below(recorded->taken - recorded->durable);
		gate_durable(stage.gate, slot, recorded->epoch_ms, recorded->durable);
	}
	gate_durable(stage.gate, some_slot(), (int64_t)below(100), below(100)); /* of nothing */
}

static void some_command(uint32_t slot)
{
	const struct gate_command what = { .op = (int)below(GATE_POKE + 1),
					   .key = below(2) ? "a" : "b",
					   .value = "1" };
	if (below(3))
		gate_command(stage.gate, slot, &what);
	else
		gate_agent_command(stage.gate, slot, &what);
}

static void some_deed_of_the_owner(uint32_t slot)
{
	switch (below(5)) {
	case 0: gate_close(stage.gate, slot, (int)below(GATE_ERROR_RATE + 2) - 1); break;
	case 1: gate_probe(stage.gate, slot); break;
	case 2: (void)!gate_send(stage.gate, slot, STR("G 7 sid=1 act=open ttl=1\n")); break;
	default: some_command(slot);
	}
}

/* Hooks of the fleet and of the gate do such things too. */
static void in_an_action(const struct fleet_action *action)
{
	if (below(20) == 0)
		some_deed_of_the_owner(action->instance->slot);
}

static void in_a_welcome(const struct instance *instance)
{
	if (below(8) == 0)
		some_deed_of_the_owner(instance->slot);
}

static void some_operator(uint32_t slot)
{
	struct err err;
	if (!fleet_at(stage.fleet, slot))
		return;
	switch (below(5)) {
	case 0: (void)!fleet_stop(stage.fleet, slot, false, &err); break;
	case 1: (void)!fleet_restart(stage.fleet, slot, below(2), &err); break;
	case 2: (void)!fleet_hold(stage.fleet, slot, &err); break;
	case 3: (void)!fleet_release(stage.fleet, slot, &err); break;
	default: (void)!fleet_start(stage.fleet, slot, &err);
	}
}

static void hang_up_one(struct talker *talker)
{
	static const enum status whys[] = { STATUS_CLOSED, STATUS_RANGE, STATUS_OK,
					    STATUS_TIMEOUT };
	if (talker->peer)
		hang_up(talker->peer, whys[below(ARRAY_LEN(whys))]);
}

static void step(void)
{
	struct talker *talker = &talkers[below(TALKERS)];
	uint64_t kind = below(1000);
	if (kind < 1)
		restart_weir();
	else if (kind < 10)
		set_tokens(token_sets[below(ARRAY_LEN(token_sets))]);
	else if (kind < 20)
		hang_up_one(talker);
	else if (kind < 60)
		run((int64_t)below(5 * SECOND));
	else if (kind < 200)
		run((int64_t)below(10 * MS));
	else if (kind < 230)
		some_operator(some_slot());
	else if (kind < 270)
		some_deed_of_the_owner(some_slot());
	else if (kind < 400)
		some_durable();
	else if (!talker->peer)
		dial(talker);
	else
		say_something(talker);
	stage.is_full = below(100) == 0;
	stage.is_synchronous = below(10) == 0;
	stage.has_no_numbers = below(10) == 0;
	hear_all();
}

static void check_counts(void)
{
	uint64_t live = 0, connected = 0;
	for (uint32_t slot = 0; slot < IDS * 2; slot++) {
		live += (uint64_t)stage.recorded[slot].live;
		const struct instance *instance = fleet_at(stage.fleet, slot);
		connected += instance && instance->connected;
	}
	assert_int_equal(counts().live, live);
	assert_int_equal(connected, live);
	assert_int_equal(stage.welcomed - stage.gone, live);
}

static void nothing_that_anybody_does_breaks_a_promise(void **state)
{
	(void)state;
	uint64_t welcomed = 0, reliable = 0;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		rng_init(&rng, seed);
		set_up_room(IDS * 2, TALKERS - 2); /* two may be told busy */
		set_tokens(token_sets[0]);
		stage.peer_count = TALKERS * 2;
		stage.obeys = true;
		stage.on_action = in_an_action;
		stage.on_welcome = in_a_welcome;
		memset(talkers, 0, sizeof talkers);
		next_epoch = 1;
		for (int i = 0; i < STEPS; i++) {
			step();
			if (i % 50 == 0) {
				turn(); /* those who are gone are told so */
				hear_all();
				check_counts();
			}
		}
		for (size_t i = 0; i < TALKERS; i++)
			hang_up_one(&talkers[i]);
		turn();
		check_counts();
		assert_int_equal(stage.welcomed, stage.gone);
		assert_int_equal(counts().live + counts().agents, 0);
		welcomed += stage.welcomed;
		reliable += stage.reliable;
		tear_down(state);
	}
	/* It was not a walk through nothing. */
	assert_true(welcomed > 1000);
	assert_true(reliable > 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_anybody_does_breaks_a_promise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
