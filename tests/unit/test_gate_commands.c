/* Commands to terminals and agents, host agents, and tokens that change. */
#include "unit/gate_stage.h"

/* ---- commands ---- */

static enum status command(struct who who, struct gate_command what)
{
	return gate_command(stage.gate, slot_of(who), &what);
}

static void commands_are_as_the_protocol_says(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	static const struct {
		struct gate_command what;
		const char *line;
	} rows[] = {
		{ { .op = GATE_THROTTLE, .rate = 2, .for_ms = 60000 },
		  "C 88125 cid=1 op=throttle rate=2 for=60000" },
		{ { .op = GATE_RECONNECT, .code = 75 }, "C 88126 cid=2 op=reconnect" },
		{ { .op = GATE_RESTART, .code = 75, .wait_ms = 5000 },
		  "C 88127 cid=3 op=restart code=75 wait=5000" },
		{ { .op = GATE_STOP }, "C 88128 cid=4 op=stop flat=0" },
		{ { .op = GATE_START }, "C 88129 cid=5 op=start" },
		{ { .op = GATE_SNAPSHOT }, "C 88130 cid=6 op=snapshot" },
		{ { .op = GATE_SET, .key = "trim", .value = "1 %" },
		  "C 88131 cid=7 op=set k=trim v=1%20%25" },
		{ { .op = GATE_RESTART, .code = 75, .wait_ms = 0, .clean = true },
		  "C 88132 cid=8 op=restart code=75 wait=0 clean=1" },
		{ { .op = GATE_STOP, .flat = true }, "C 88133 cid=9 op=stop flat=1" },
		{ { .op = GATE_POKE }, "C 88134 cid=10 op=poke" },
	};
	stage.next_down = 88124;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(command(first, rows[i].what), STATUS_OK);
		assert_true(says(peer, rows[i].line));
	}
	assert_int_equal(counts().commands, 10);
	assert_int_equal(counts().commands_lost, 0);
}

static void words_of_the_table_are_the_enums(void **state)
{
	(void)state;
	static const struct {
		enum mfp_field field;
		int choice;
		const char *word;
	} rows[] = {
		{ MFP_command_op, GATE_THROTTLE, "throttle" },
		{ MFP_command_op, GATE_POKE, "poke" },
		{ MFP_command_op, GATE_RESTART, "restart" },
		{ MFP_command_op, GATE_SET, "set" },
		{ MFP_error_code, GATE_ERROR_VERB, "verb" },
		{ MFP_error_code, GATE_ERROR_SEQ, "seq" },
		{ MFP_error_code, GATE_ERROR_RATE, "rate" },
		{ MFP_error_code, GATE_ERROR_AUTH, "auth" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str words = str_of(mfp_field_row(rows[i].field)->choices), word;
		for (int n = 0; n <= rows[i].choice; n++)
			assert_true(str_split(&words, ' ', &word));
		assert_true(str_eq(word, str_of(rows[i].word)));
	}
}

static void a_command_waits_for_who_is_away(void **state)
{
	(void)state;
	const struct gate_command stop = { .op = GATE_STOP }, snapshot = { .op = GATE_SNAPSHOT };
	assert_int_equal(command(first, stop), STATUS_CLOSED);
	assert_int_equal(command(first, snapshot), STATUS_CLOSED);
	stage.next_down = 500; /* signals had these meanwhile */
	struct peer *peer = come_in(first);
	assert_true(says(peer, "C 501 cid=1 op=stop flat=0"));
	assert_true(says(peer, "C 502 cid=2 op=snapshot"));
	assert_true(says(peer, ""));
}

static void say_signal(const struct instance *instance)
{
	char line[64];
	int len = snprintf(line, sizeof line, "G %llu sid=1 act=open ttl=1\n",
			   (unsigned long long)next_down(NULL));
	assert_int_equal(gate_send(stage.gate, instance->slot, str_make(line, (size_t)len)), 0);
}

static void what_is_not_answered_comes_again_behind_the_signals(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	assert_int_equal(command(first, (struct gate_command){ .op = GATE_STOP }), STATUS_OK);
	assert_int_equal(command(first, (struct gate_command){ .op = GATE_SNAPSHOT }), STATUS_OK);
	assert_true(says(peer, "C 1 cid=1 op=stop flat=0"));
	say(peer, "Y 1 dn=1 cid=1 st=ok");
	hang_up(peer, STATUS_CLOSED);
	stage.on_welcome = say_signal;
	peer = come_in(first);
	assert_true(says(peer, "G 3 sid=1 act=open ttl=1"));
	assert_true(says(peer, "C 4 cid=2 op=snapshot"));
	assert_true(says(peer, ""));
}

static void a_dn_at_or_above_it_answers_a_command(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	command(first, (struct gate_command){ .op = GATE_STOP });     /* 1 */
	command(first, (struct gate_command){ .op = GATE_SNAPSHOT }); /* 2 */
	command(first, (struct gate_command){ .op = GATE_START });    /* 3 */
	say(peer, "S 0 t=1 %s dn=1", good_state);
	hang_up(peer, STATUS_CLOSED);
	struct who who = first;
	who.more = "dn=2";
	peer = come_in(who);
	assert_true(says(peer, "C 4 cid=3 op=start"));
	assert_true(says(peer, ""));
	assert_int_equal(stage.last_down, 2);
	/* Its own answer comes late and is of nothing. */
	say(peer, "Y 1 dn=1 cid=1 st=ok");
	assert_int_equal(stage.reliable, 1);
}

static void an_answer_from_before_a_restart_answers_nothing_new(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	command(first, (struct gate_command){ .op = GATE_STOP });
	restart_weir(); /* cids begin at 1 again, down numbers do not */
	peer = come_in(first);
	command(first, (struct gate_command){ .op = GATE_SNAPSHOT });
	assert_true(says(peer, "C 2 cid=1 op=snapshot"));
	say(peer, "Y 1 dn=1 cid=1 st=ok");
	hang_up(peer, STATUS_CLOSED);
	peer = come_in(first);
	assert_true(says(peer, "C 3 cid=1 op=snapshot"));
	say(peer, "Y 2 dn=2 cid=1 st=ok"); /* of its first sending */
	hang_up(peer, STATUS_CLOSED);
	assert_true(says(come_in(first), ""));
}

static void a_newer_command_of_its_kind_takes_its_place(void **state)
{
	(void)state;
	command(first, (struct gate_command){ .op = GATE_THROTTLE, .rate = 5 });
	command(first, (struct gate_command){ .op = GATE_SET, .key = "a", .value = "1" });
	command(first, (struct gate_command){ .op = GATE_SET, .key = "b", .value = "1" });
	command(first, (struct gate_command){ .op = GATE_THROTTLE, .rate = 2 });
	command(first, (struct gate_command){ .op = GATE_SET, .key = "a", .value = "2" });
	struct peer *peer = come_in(first);
	assert_true(says(peer, "C 1 cid=3 op=set k=b v=1"));
	assert_true(says(peer, "C 2 cid=4 op=throttle rate=2 for=0"));
	assert_true(says(peer, "C 3 cid=5 op=set k=a v=2"));
	assert_true(says(peer, ""));
	assert_int_equal(counts().commands_lost, 0);
}

static void an_unanswered_command_is_lost_after_a_minute(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	command(first, (struct gate_command){ .op = GATE_SNAPSHOT });
	for (int i = 0; i < 58; i++) {
		run(1 * SECOND);
		say_state(peer);
	}
	hang_up(peer, STATUS_CLOSED);
	run(1 * SECOND);
	peer = come_in(first);
	assert_true(says(peer, "C 2 cid=1 op=snapshot"));
	assert_int_equal(counts().commands_lost, 0);
	run(2 * SECOND); /* a connected one's are looked through each second */
	assert_int_equal(counts().commands_lost, 1);
	hang_up(peer, STATUS_CLOSED);
	peer = come_in(first);
	assert_true(says(peer, ""));
}

static void the_oldest_of_too_many_is_pushed_out(void **state)
{
	(void)state;
	static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		command(first,
			(struct gate_command){ .op = GATE_SET, .key = keys[i], .value = "1" });
	assert_int_equal(counts().commands_lost, 1);
	struct peer *peer = come_in(first);
	for (size_t i = 1; i < ARRAY_LEN(keys); i++) {
		char wanted[64];
		snprintf(wanted, sizeof wanted, "C %zu cid=%zu op=set k=%s v=1", i, i + 1, keys[i]);
		assert_true(says(peer, wanted));
	}
	assert_true(says(peer, ""));
}

static void without_a_number_a_command_waits_for_one(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	stage.has_no_numbers = true;
	assert_int_equal(command(first, (struct gate_command){ .op = GATE_SNAPSHOT }),
			 STATUS_UNAVAILABLE);
	run(1 * SECOND);
	assert_true(says(peer, ""));
	stage.has_no_numbers = false;
	run(1 * SECOND);
	assert_true(says(peer, "C 1 cid=1 op=snapshot"));
	run(1 * SECOND);
	assert_true(says(peer, ""));
}

static void a_command_that_is_not_one_is_refused(void **state)
{
	(void)state;
	const struct gate_command stop = { .op = GATE_STOP };
	assert_int_equal(gate_command(stage.gate, FLEET_NONE, &stop), STATUS_NOT_FOUND);
	assert_int_equal(gate_command(stage.gate, 900, &stop), STATUS_NOT_FOUND);
	assert_int_equal(gate_agent_command(stage.gate, FLEET_NONE, &stop), STATUS_NOT_FOUND);
	assert_int_equal(command(first, (struct gate_command){ .op = GATE_SET,
							       .key = "a_key_of_sixteen",
							       .value = "1" }),
			 STATUS_RANGE);
	assert_int_equal(counts().commands, 0);
}

static void stop_by_command(const struct fleet_action *action)
{
	if (action->kind == FLEET_STOP)
		gate_command(stage.gate, action->instance->slot,
			     &(struct gate_command){ .op = GATE_STOP });
}

static void the_answer_to_a_stop_stops_it(void **state)
{
	(void)state;
	struct err err;
	struct peer *peer = come_in(first);
	say_state(peer);
	stage.on_action = stop_by_command;
	assert_int_equal(fleet_stop(stage.fleet, slot_of(first), false, &err), STATUS_OK);
	assert_true(says(peer, "C 1 cid=1 op=stop flat=0"));
	say(peer, "Y 1 dn=1 cid=1 st=ok");
	say(peer, "Z 2 why=9");
	assert_int_equal(instance_of(first)->state, INSTANCE_STOPPED);
	assert_int_equal(fleet_counts(stage.fleet).events[FLEET_FAILED], 0);
}

/* ---- host agents ---- */

static const struct who agent = { .id = "vps-1",
				  .token = "s3cr3t-of-vps-1",
				  .more = "role=agent host=vps-1" };

static bool has_agent(const char *name)
{
	uint32_t host = fleet_host_find(stage.fleet, str_of(name));
	return host != FLEET_NONE && fleet_host_at(stage.fleet, host)->agent;
}

static void an_agent_is_welcomed(void **state)
{
	(void)state;
	assert_int_equal(fleet_count(stage.fleet), 3); /* it is no terminal */
	struct peer *peer = come(agent);
	assert_true(says(peer, "W 0 ses=1 up=0 ld=0 lsv=0 snap=0 si=1000 ai=1000 rate=0 "
			       "t=1784046185440"));
	assert_int_equal(counts().agents, 1);
	assert_int_equal(counts().live, 0);
	assert_int_equal(stage.welcomed, 0);
	assert_true(has_agent("vps-1"));
	hang_up(peer, STATUS_CLOSED);
	assert_int_equal(counts().agents, 0);
	assert_false(has_agent("vps-1"));
	assert_int_equal(stage.gone, 0);
}

static void an_agent_tells_of_terminals_of_its_host(void **state)
{
	(void)state;
	struct peer *peer = come_in(agent);
	set_tokens("mt5-017 s3cr3t-mt5-017 vps-1\nmt5-018 s3cr3t-mt5-018 vps-2\n"
		   "mt5-019 s3cr3t-mt5-019\nvps-1 s3cr3t-of-vps-1\n");
	static const char *const rest = "t=1784046190100 pid=4412 cpu=37.5 rss=223 fd=311 thr=41 "
					"la=1.42 up=86400";
	say(peer, "M 0 id=mt5-017 %s", rest);
	assert_int_equal(mantissa_of(first, SAMPLE_cpu), 375);
	say(peer, "M 0 id=mt5-019 host=vps-1 %s", rest); /* nobody knew where it is */
	assert_int_equal(mantissa_of(third, SAMPLE_cpu), 375);
	assert_int_equal(counts().foreign, 0);
	say(peer, "M 0 id=mt5-018 %s", rest);
	say(peer, "M 0 id=mt5-017 host=vps-2 %s", rest);
	say(peer, "M 0 id=mt5-999 %s", rest);
	assert_int_equal(counts().foreign, 3);
	assert_false(instance_of(second)->latest.known >> SAMPLE_cpu & 1);
	assert_true(says(peer, ""));
	/* It speaks of nothing else. */
	say(peer, "S 0 t=1 %s", good_state);
	assert_non_null(strstr(heard(peer), "E 0 code=verb"));
	say(peer, "P 0 t=7");
	assert_true(says(peer, "p 0 t=7"));
}

static void what_an_agent_says_is_no_sign_of_life(void **state)
{
	(void)state;
	struct peer *terminal = come_in(first), *peer = come_in(agent);
	say_state(terminal);
	for (int i = 0; i < 5; i++) {
		run(1 * SECOND);
		say(peer, "M 0 id=mt5-017 t=1 pid=1 cpu=1");
	}
	assert_true(instance_of(first)->flags & INSTANCE_SUSPECT);
}

static void an_exit_that_an_agent_saw_fails_a_terminal(void **state)
{
	(void)state;
	struct peer *terminal = come_in(first), *peer = come_in(agent);
	say_state(terminal);
	say(peer, "M 0 id=mt5-017 t=1 pid=4412");
	say(peer, "M 0 id=mt5-017 t=1 pid=0 end=crash exit=-9");
	assert_int_equal(instance_of(first)->state, INSTANCE_FAILED);
}

static void a_host_has_one_agent(void **state)
{
	(void)state;
	struct peer *older = come_in(agent), *newer = come(agent);
	assert_true(says(newer, "E 0 code=lease msg=the%20host%20has%20an%20agent retry=15000"));
	assert_true(newer->closing);
	run(5 * SECOND);
	assert_non_null(strstr(heard(older), "P 0 t="));
	say(older, "p 0 t=1");
	run(7400 * MS);
	assert_non_null(strstr(heard(come(agent)), "code=lease"));
	run(200 * MS); /* half of dead_ms: it does not even answer probes */
	newer = come(agent);
	assert_true(is_welcome(heard(newer)));
	assert_true(older->closing);
	turn();
	assert_true(has_agent("vps-1"));
	assert_int_equal(counts().agents, 1);
	hang_up(newer, STATUS_CLOSED);
	assert_false(has_agent("vps-1"));
}

static void commands_reach_a_terminal_through_its_agent(void **state)
{
	(void)state;
	const struct gate_command restart = { .op = GATE_RESTART, .code = 75, .wait_ms = 5000 };
	const struct gate_command poke = { .op = GATE_POKE };
	assert_int_equal(gate_agent_command(stage.gate, slot_of(first), &restart),
			 STATUS_NOT_FOUND);
	struct peer *peer = come_in(agent), *terminal = come_in(first);
	assert_int_equal(gate_agent_command(stage.gate, slot_of(first), &restart), STATUS_OK);
	assert_int_equal(gate_agent_command(stage.gate, slot_of(second), &poke), STATUS_OK);
	assert_int_equal(gate_agent_command(stage.gate, slot_of(third), &poke), STATUS_NOT_FOUND);
	assert_true(says(peer, "C 1 cid=1 op=restart id=mt5-017 code=75 wait=5000"));
	assert_true(says(peer, "C 2 cid=2 op=poke id=mt5-018"));
	assert_true(says(terminal, ""));
	say(terminal, "Y 1 dn=1 cid=1 st=ok"); /* not its own to answer */
	say(peer, "Y 3 dn=2 cid=2 st=ok");
	assert_true(says(peer, "K 0 up=3"));
	assert_int_equal(stage.reliable, 1); /* the terminal's */
	say(peer, "Y 3 dn=2 cid=2 st=ok");
	assert_true(says(peer, "K 0 up=3"));
	hang_up(peer, STATUS_CLOSED);
	peer = come_in(agent);
	assert_true(says(peer, "C 3 cid=1 op=restart id=mt5-017 code=75 wait=5000"));
	assert_true(says(peer, ""));
	say(peer, "Y 1 dn=3 cid=1 st=ok"); /* its epoch goes on, or is a new one */
	hang_up(peer, STATUS_CLOSED);
	peer = come_in(agent);
	assert_true(says(peer, ""));
}

/* What the agent did shows in its M; and each has commands of its own. */
static void an_agents_answer_is_not_the_terminals(void **state)
{
	(void)state;
	const struct gate_command restart = { .op = GATE_RESTART, .code = 75, .wait_ms = 5000 };
	struct peer *peer = come_in(agent), *terminal = come_in(first);
	say_state(terminal);
	assert_int_equal(command(first, restart), STATUS_OK);
	assert_int_equal(gate_agent_command(stage.gate, slot_of(first), &restart), STATUS_OK);
	say(peer, "Y 1 dn=2 cid=2 st=ok");
	assert_int_equal(instance_of(first)->state, INSTANCE_RUNNING);
	say(terminal, "Y 1 dn=1 cid=1 st=bad"); /* it did nothing */
	assert_int_equal(instance_of(first)->state, INSTANCE_RUNNING);
	assert_int_equal(command(first, restart), STATUS_OK);
	assert_int_equal(gate_agent_command(stage.gate, slot_of(first), &restart), STATUS_OK);
	say(terminal, "Y 2 dn=3 cid=3 st=ok");
	assert_int_equal(instance_of(first)->state, INSTANCE_STARTING);
}

static void an_agents_command_waits_for_a_number(void **state)
{
	(void)state;
	struct peer *peer = come_in(agent);
	stage.has_no_numbers = true;
	assert_int_equal(
	    gate_agent_command(stage.gate, slot_of(first),
			       &(struct gate_command){ .op = GATE_START, .clean = true }),
	    STATUS_UNAVAILABLE);
	stage.has_no_numbers = false;
	run(1 * SECOND);
	assert_true(says(peer, "C 1 cid=1 op=start id=mt5-017 clean=1"));
}

/* ---- tokens that change ---- */

static void who_has_no_token_any_more_is_removed(void **state)
{
	(void)state;
	struct peer *gone = come_in(first), *stays = come_in(second);
	uint32_t slot = slot_of(first);
	for (int seq = 1; seq <= 3; seq++)
		say(gone, "D %d deal=%d", seq, seq);
	set_tokens("mt5-018 s3cr3t-mt5-018 vps-1 gold\nmt5-019 s3cr3t-mt5-019\n"
		   "mt5-020 s3cr3t-mt5-020 vps-1\n");
	assert_non_null(strstr(heard(gone), "E 0 code=auth msg=the%20token%20is%20gone"));
	assert_int_equal(stage.gone, 1);
	assert_int_equal(stage.removed, 1);
	assert_int_equal(fleet_find(stage.fleet, STR("mt5-017")), FLEET_NONE);
	assert_int_not_equal(fleet_find(stage.fleet, STR("mt5-020")), FLEET_NONE);
	assert_int_equal(fleet_count(stage.fleet), 3);
	turn();
	assert_null(gone->owner);
	assert_non_null(stays->owner);
	say_state(stays);
	assert_int_equal(stage.states, 1);
	assert_non_null(strstr(heard(come(first)), "E 0 code=auth msg=bad%20mac"));
	/* Its slot may be another's now; nothing of it is left. */
	struct who new = { .id = "mt5-020", .token = "s3cr3t-mt5-020", .login = 5 };
	struct peer *peer = come(new);
	assert_int_equal(slot_of(new), slot);
	assert_non_null(strstr(heard(peer), " up=0 "));
	say(peer, "D 1 deal=1");
	assert_int_equal(stage.reliable, 4);
	assert_int_equal(counts().resumed, 0);
}

static void who_has_another_token_must_prove_it(void **state)
{
	(void)state;
	struct peer *renewed = come_in(first), *stays = come_in(second), *host = come_in(agent);
	set_tokens("mt5-017 another-s3cr3t vps-1\nmt5-018 s3cr3t-mt5-018 vps-1\n"
		   "mt5-019 s3cr3t-mt5-019\nvps-1 another-s3cr3t-of-vps-1\n");
	assert_non_null(strstr(heard(renewed), "E 0 code=auth msg=the%20token%20has%20changed"));
	assert_non_null(strstr(heard(host), "E 0 code=auth msg=the%20token%20has%20changed"));
	assert_int_equal(counts().live, 1);
	assert_int_equal(counts().agents, 0);
	assert_false(has_agent("vps-1"));
	assert_false(stays->closing);
	assert_int_equal(stage.removed, 0);
	struct who who = first;
	who.token = "another-s3cr3t";
	come_in(who);
}

static void too_many_tokens_change_nothing(void **state)
{
	(void)state;
	struct tokens *many = tokens_create();
	struct peer *peer = come_in(first);
	struct err err;
	for (int i = 0; i <= TERMINALS; i++) {
		struct token token = { .secret = STR("0123456789ab") };
		snprintf(token.identity.id, sizeof token.identity.id, "t-%d", i);
		assert_int_equal(tokens_add(many, &token), STATUS_OK);
	}
	assert_int_equal(gate_set_tokens(stage.gate, many, &err), STATUS_FULL);
	assert_non_null(strstr(err.text, "1025 terminals, but there is room for 1024"));
	tokens_destroy(many);
	assert_int_equal(fleet_count(stage.fleet), 3);
	say_state(peer);
	assert_int_equal(stage.states, 1);
	come_in(second);
}

static void an_id_that_becomes_a_host_is_no_terminal_any_more(void **state)
{
	(void)state;
	struct peer *peer = come_in(third);
	set_tokens("mt5-017 s3cr3t-mt5-017 mt5-019\nmt5-019 s3cr3t-mt5-019\n"
		   "self s3cr3t-of-self self\n"); /* its own host is no agent's line */
	assert_non_null(strstr(heard(peer), "E 0 code=auth"));
	assert_int_equal(fleet_find(stage.fleet, STR("mt5-019")), FLEET_NONE);
	assert_int_not_equal(fleet_find(stage.fleet, STR("self")), FLEET_NONE);
	struct who host = third;
	host.more = "role=agent";
	come_in(host);
	assert_true(has_agent("mt5-019"));
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(commands_are_as_the_protocol_says),
		UNIT(words_of_the_table_are_the_enums),
		UNIT(a_command_waits_for_who_is_away),
		UNIT(what_is_not_answered_comes_again_behind_the_signals),
		UNIT(a_dn_at_or_above_it_answers_a_command),
		UNIT(an_answer_from_before_a_restart_answers_nothing_new),
		UNIT(a_newer_command_of_its_kind_takes_its_place),
		UNIT(an_unanswered_command_is_lost_after_a_minute),
		UNIT(the_oldest_of_too_many_is_pushed_out),
		UNIT(without_a_number_a_command_waits_for_one),
		UNIT(a_command_that_is_not_one_is_refused),
		UNIT(the_answer_to_a_stop_stops_it),
		UNIT(an_agent_is_welcomed),
		UNIT(an_agent_tells_of_terminals_of_its_host),
		UNIT(what_an_agent_says_is_no_sign_of_life),
		UNIT(an_exit_that_an_agent_saw_fails_a_terminal),
		UNIT(a_host_has_one_agent),
		UNIT(commands_reach_a_terminal_through_its_agent),
		UNIT(an_agents_answer_is_not_the_terminals),
		UNIT(an_agents_command_waits_for_a_number),
		UNIT(who_has_no_token_any_more_is_removed),
		UNIT(who_has_another_token_must_prove_it),
		UNIT(too_many_tokens_change_nothing),
		UNIT(an_id_that_becomes_a_host_is_no_terminal_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
