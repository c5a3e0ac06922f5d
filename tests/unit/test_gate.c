/* Who comes in: banner, hello, lease, and everything that is refused. */
#include "unit/gate_stage.h"

/* ---- the first frames ---- */

static void the_banner_is_as_the_protocol_says(void **state)
{
	(void)state;
	struct peer *peer = dial_from("127.0.0.1");
	char wanted[256], nonce[33];
	const char *banner = heard(peer);
	snprintf(nonce, sizeof nonce, "%.32s", strstr(banner, "nonce=") + 6);
	snprintf(wanted, sizeof wanted, "B 0 v=1 srv=weir/0.1 nonce=%s hb=1000 dead=15000 max=4096",
		 nonce);
	assert_string_equal(banner, wanted);
	assert_int_equal(strspn(nonce, "0123456789abcdef"), 32);
	take_banner(dial_from("127.0.0.1"));
	assert_string_not_equal(stage.peers[1].nonce, nonce);
}

static void the_mac_is_that_of_the_specification(void **state)
{
	(void)state;
	char mac[33];
	mac_of("s3cr3t-mt5-017", "6f1c2a9b3d4e5f60718293a4b5c6d7e8", "mt5-017", 1784046185431, mac);
	assert_string_equal(mac, "35cd832ccd3c88068e3314f439e1ecbd");
}

static void a_good_hello_is_welcomed(void **state)
{
	(void)state;
	stage.mark = (struct gate_mark){ .deal = 227275625, .deal_ms = 1785760000632 };
	struct peer *peer = come(first);
	assert_true(says(peer, "W 0 ses=1 up=0 ld=227275625 lsv=1785760000632 snap=0 si=1000 "
			       "ai=1000 rate=10 t=1784046185440"));
	assert_true(says(peer, ""));
	assert_true(instance_of(first)->connected);
	assert_int_equal(stage.welcomed, 1);
	assert_int_equal(stage.last_down, 0);
	assert_int_equal(counts().live, 1);
	assert_int_equal(counts().accepted, 1);
	assert_int_equal(counts().frames, 1);
	assert_int_equal(counts().resumed, 0);
	assert_int_equal(stage.notes, 0);
	hang_up(peer, STATUS_CLOSED);
	assert_int_equal(stage.gone, 1);
	assert_int_equal(counts().live, 0);
	assert_false(instance_of(first)->connected);
}

static void the_hello_of_the_specification_is_taken_whole(void **state)
{
	(void)state;
	struct who who = first;
	who.more = "cur=USD mm=hedge tm=real lev=500 bld=6090 ea=1.0.0 off=10800 dn=88123 "
		   "ld=227408982 lsv=1785821409459 ph=4b2312e8a4f7ba0d n=3";
	struct peer *peer = come(who);
	assert_non_null(strstr(heard(peer), " snap=1 ")); /* it has positions that we have not */
	const struct instance *instance = instance_of(first);
	assert_int_equal(instance->epoch_ms, 1784046185431);
	assert_int_equal(instance->login, 90000001);
	assert_string_equal(instance->server, "FPMarketsSC-Live");
	assert_string_equal(instance->currency, "USD");
	assert_int_equal(instance->leverage, 500);
	assert_int_equal(stage.last_down, 88123);
}

static void a_terminal_that_is_held_is_welcomed(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(fleet_hold(stage.fleet, slot_of(first), &err), STATUS_OK);
	struct peer *peer = come_in(first);
	say_state(peer);
	assert_int_equal(stage.states, 1);
}

/* ---- what is no hello ---- */

static void nothing_comes_before_the_hello(void **state)
{
	(void)state;
	struct peer *peer = dial_from("127.0.0.1");
	take_banner(peer);
	say(peer, "P 0 t=1");
	assert_true(says(peer, "E 0 code=frame msg=a%20hello%20comes%20first"));
	assert_true(peer->closing);
	assert_int_equal(counts().bad_frame, 1);
	assert_int_equal(stage.welcomed, 0);
}

static void check_refused(struct peer *peer, const char *answer)
{
	if (!says(peer, answer))
		fail();
	assert_true(peer->closing);
	turn();
	assert_null(peer->owner);
}

static void a_hello_that_is_not_whole_is_no_frame(void **state)
{
	(void)state;
	static const struct {
		const char *tail, *answer;
	} rows[] = {
		{ "login=0 srv=S", "E 0 code=frame msg=no%20login" },
		{ "srv=S", "E 0 code=frame msg=no%20login" },
		{ "login=1", "E 0 code=frame msg=no%20srv" },
		{ "login=1 srv=", "E 0 code=frame msg=no%20srv" },
		{ "login=1 srv=0123456789012345678901234567890123456789012345678901234567890123",
		  "E 0 code=frame msg=srv%20is%20longer%20than%2063%20bytes" },
		{ "login=1 srv=S role=agent host=other",
		  "E 0 code=frame msg=an%20agent's%20id%20is%20its%20host" },
		{ "login=1 srv=S mm=none", "E 0 code=frame msg=none%20of%20its%20words:%20mm" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct peer *peer = dial_from("127.0.0.1");
		char mac[33];
		take_banner(peer);
		mac_of(first.token, peer->nonce, first.id, 5, mac);
		say(peer, "H 0 v=1 id=%s ep=5 mac=%s %s", first.id, mac, rows[i].tail);
		check_refused(peer, rows[i].answer);
		assert_int_equal(counts().bad_frame, i + 1);
	}
	assert_int_equal(counts().bad_mac, 0);
}

static void an_epoch_of_zero_is_no_frame(void **state)
{
	(void)state;
	struct peer *peer = dial_from("127.0.0.1");
	char mac[33];
	take_banner(peer);
	mac_of(first.token, peer->nonce, first.id, 0, mac);
	say(peer, "H 0 v=1 id=%s ep=0 mac=%s login=1 srv=S", first.id, mac);
	check_refused(peer, "E 0 code=frame msg=ep%20is%200");
}

static void a_server_of_63_bytes_is_taken(void **state)
{
	(void)state;
	struct peer *peer = dial_from("127.0.0.1");
	char mac[33];
	take_banner(peer);
	mac_of(first.token, peer->nonce, first.id, 5, mac);
	/* 61 and an escape: 63 once it is unescaped */
	say(peer,
	    "H 0 v=1 id=%s ep=5 mac=%s login=1 srv=%%c3%%a4"
	    "0123456789012345678901234567890123456789012345678901234567890",
	    first.id, mac);
	assert_true(is_welcome(heard(peer)));
}

static void another_version_is_refused(void **state)
{
	(void)state;
	struct peer *peer = dial_from("127.0.0.1");
	char mac[33];
	take_banner(peer);
	mac_of(first.token, peer->nonce, first.id, 5, mac);
	say(peer, "H 0 v=2 id=%s ep=5 mac=%s login=1 srv=S", first.id, mac);
	check_refused(peer, "E 0 code=version msg=version%201%20is%20spoken%20here retry=30000");
	assert_int_equal(counts().bad_version, 1);
}

static void who_says_no_hello_is_closed_after_ten_seconds(void **state)
{
	(void)state;
	struct peer *peer = dial_from("127.0.0.1");
	take_banner(peer);
	run(10 * SECOND - 1 * MS);
	assert_non_null(peer->owner);
	run(1 * MS);
	check_refused(peer, "E 0 code=auth msg=no%20hello");
	assert_int_equal(counts().no_hello, 1);
}

static void a_second_hello_ends_the_connection(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	say_hello(peer, first);
	check_refused(peer, "E 0 code=frame msg=a%20second%20hello");
	assert_int_equal(stage.gone, 1);
}

/* ---- macs ---- */

static const char *const bad_mac = "E 0 code=auth msg=bad%20mac retry=30000";

static void a_wrong_token_is_refused(void **state)
{
	(void)state;
	struct who who = first;
	who.token = "s3cr3t-mt5-018";
	check_refused(come(who), bad_mac);
	assert_int_equal(counts().bad_mac, 1);
	assert_int_equal(stage.notes, 1);
	assert_non_null(strstr(stage.note, "127.0.0.1"));
	assert_non_null(strstr(stage.note, "mt5-017"));
	assert_null(strstr(stage.note, "s3cr3t"));
}

static void an_unknown_id_is_answered_as_a_wrong_token_is(void **state)
{
	(void)state;
	check_refused(come((struct who){ .id = "mt5-999", .token = "s3cr3t-mt5-999" }), bad_mac);
	/* The key that stands in for an unknown id's token is nobody's. */
	check_refused(come((struct who){
			  .id = "vps-9", .token = "nobody has this id", .more = "role=agent" }),
		      bad_mac);
	run(60 * SECOND);
	/* An agent's id is no terminal's, though its token is known. */
	check_refused(come((struct who){ .id = "vps-1", .token = "s3cr3t-of-vps-1" }), bad_mac);
	assert_int_equal(counts().bad_mac, 3);
	assert_int_equal(counts().agents, 0);
}

static void a_hello_of_another_connection_fails(void **state)
{
	(void)state;
	struct peer *good = dial_from("127.0.0.1"), *replayed = dial_from("10.0.0.9");
	take_banner(good);
	take_banner(replayed);
	char mac[33];
	mac_of(first.token, good->nonce, first.id, 5, mac);
	for (int i = 0; i < 2; i++)
		say(i ? replayed : good, "H 0 v=1 id=%s ep=5 mac=%s login=1 srv=S", first.id, mac);
	assert_true(is_welcome(heard(good)));
	check_refused(replayed, bad_mac);
	assert_non_null(good->owner);
}

static void three_bad_macs_block_an_address_for_a_minute(void **state)
{
	(void)state;
	struct who who = first;
	who.token = "not the right one";
	check_refused(come_from("10.0.0.1", who), bad_mac);
	run(10 * SECOND);
	check_refused(come_from("10.0.0.1", who), bad_mac);
	run(10 * SECOND);
	struct peer *older = come_from("10.0.0.1", second); /* who is in stays in */
	assert_true(is_welcome(heard(older)));
	check_refused(come_from("10.0.0.1", who), "E 0 code=auth msg=bad%20mac retry=60000");
	run(1500 * MS);
	check_refused(dial_from("10.0.0.1"), "E 0 code=auth msg=blocked retry=58500");
	assert_int_equal(counts().blocked, 1);
	assert_int_equal(counts().bad_mac, 3);
	assert_true(is_welcome(heard(come_from("10.0.0.2", third))));
	say_state(older);
	assert_int_equal(stage.states, 1);
	run(58500 * MS - 1 * MS);
	check_refused(dial_from("10.0.0.1"), "E 0 code=auth msg=blocked retry=1");
	run(1 * MS);
	assert_true(is_welcome(heard(come_from("10.0.0.1", first))));
}

static void bad_macs_far_apart_block_nobody(void **state)
{
	(void)state;
	struct who who = first;
	who.token = "not the right one";
	for (int i = 0; i < 9; i++) { /* as a terminal does that honours retry */
		struct peer *peer = come(who);
		assert_true(says(peer, bad_mac));
		run(30 * SECOND);
	}
	assert_int_equal(counts().blocked, 0);
	assert_true(is_welcome(heard(come(first))));
}

/* Somebody with many addresses pushes out only addresses that guessed too. */
static void the_table_of_addresses_is_bounded(void **state)
{
	(void)state;
	struct who who = first;
	who.token = "not the right one";
	for (unsigned i = 0; i < 1300; i++) {
		char address[46];
		snprintf(address, sizeof address, "10.1.%u.%u", i / 256, i % 256);
		struct peer *peer = come_from(address, who);
		assert_true(says(peer, bad_mac));
		turn();
		assert_null(peer->owner);
	}
	for (int i = 0; i < 3; i++)
		come_from("10.2.0.1", who), turn();
	struct peer *blocked = dial_from("10.2.0.1");
	assert_true(says(blocked, "E 0 code=auth msg=blocked retry=60000"));
	assert_true(is_welcome(heard(come(first))));
}

/* ---- the lease ---- */

static void the_newer_of_two_with_one_login_is_refused(void **state)
{
	(void)state;
	struct who twin = second;
	twin.login = 0; /* that of the first */
	struct peer *older = come_in(first);
	struct peer *newer = come(twin);
	assert_true(says(newer, "E 0 code=lease msg=the%20account%20is%20connected retry=15000"));
	assert_true(newer->closing);
	assert_int_equal(counts().lease, 1);
	say_state(older);
	assert_int_equal(stage.states, 1);
	assert_int_equal(stage.welcomed, 1);
	/* The same login of another broker is another account. */
	struct who other = twin;
	char mac[33];
	struct peer *peer = dial_from("127.0.0.1");
	take_banner(peer);
	mac_of(other.token, peer->nonce, other.id, 7, mac);
	say(peer, "H 0 v=1 id=%s ep=7 mac=%s login=90000001 srv=Other", other.id, mac);
	assert_true(is_welcome(heard(peer)));
}

static void an_older_one_that_is_suspect_has_to_go(void **state)
{
	(void)state;
	struct who twin = second;
	twin.login = 0;
	struct peer *older = come_in(first);
	say_state(older);
	assert_int_equal(instance_of(first)->state, INSTANCE_RUNNING);
	run(5 * SECOND - 1 * MS);
	assert_non_null(strstr(heard(come(twin)), "code=lease"));
	run(1 * MS);
	assert_true(instance_of(first)->flags & INSTANCE_SUSPECT);
	struct peer *newer = come(twin);
	assert_true(is_welcome(heard(newer)));
	while (strncmp(heard(older), "P 0", 3) == 0)
		;
	assert_true(older->closing);
	assert_int_equal(stage.gone, 1);
	assert_int_equal(stage.welcomed, 2);
	assert_int_equal(counts().live, 1);
	say_state(older); /* nobody listens */
	assert_int_equal(stage.states, 1);
}

static void the_same_id_twice_is_one_too_many(void **state)
{
	(void)state;
	struct who again = first;
	again.login = 90000077;
	again.epoch_ms = 1784046199999;
	struct peer *older = come_in(first);
	assert_true(says(come(again), "E 0 code=lease msg=the%20id%20is%20connected retry=15000"));
	run(5 * SECOND);
	struct peer *newer = come(again);
	assert_true(is_welcome(heard(newer)));
	turn();
	assert_null(older->owner);
	assert_int_equal(stage.gone, 1);
	assert_int_equal(stage.welcomed, 2);
	assert_int_equal(instance_of(first)->login, 90000077);
	assert_true(instance_of(first)->connected);
	/* The account of before is free. */
	struct who other = second;
	other.login = 0;
	come_in(other);
}

/* ---- limits ---- */

static void one_connection_too_many_is_told_busy(void **state)
{
	(void)state;
	gate_destroy(stage.gate);
	tokens_destroy(stage.tokens);
	stage.tokens = NULL;
	make_gate(2);
	set_tokens(stage_tokens);
	struct peer *one = come_in(first);
	come_in(second);
	struct peer *too_many = dial_from("127.0.0.1");
	assert_true(says(too_many, "E 0 code=busy msg=no%20room retry=5000"));
	assert_true(too_many->closing);
	assert_int_equal(counts().busy, 1);
	/* So are 63 more before the first of them is gone; then nobody is even told. */
	for (int i = 0; i < GATE_REFUSALS; i++)
		dial_from("127.0.0.1");
	assert_null(stage.peers[stage.peer_count - 1].owner);
	assert_non_null(stage.peers[stage.peer_count - 2].owner);
	turn();
	hang_up(one, STATUS_CLOSED);
	come_in(first);
	assert_int_equal(counts().busy, 1 + GATE_REFUSALS);
}

static void a_flood_is_cut(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	for (int i = 0; i < GATE_FRAMES_BURST - 1; i++)
		say(peer, "p 0 t=1");
	assert_false(peer->closing);
	run(100 * MS); /* a hundred more may come */
	for (int i = 0; i < 100; i++)
		say(peer, "p 0 t=1");
	assert_false(peer->closing);
	say(peer, "p 0 t=1");
	assert_true(says(peer, "E 0 code=rate msg=too%20many%20frames retry=5000"));
	assert_true(peer->closing);
	assert_int_equal(counts().too_fast, 1);
	turn();
	assert_int_equal(stage.gone, 1);
}

static void who_does_not_read_is_cut(void **state)
{
	(void)state;
	struct peer *peer = come_in(first), *other = come_in(second);
	peer->room = 4096;
	for (int i = 0; i < 1000 && !peer->closing; i++)
		say(peer, "P 0 t=1784046190000");
	assert_true(peer->closing);
	assert_int_equal(peer->why, STATUS_FULL);
	turn();
	assert_int_equal(counts().too_slow, 1);
	assert_int_equal(stage.gone, 1);
	say_state(other);
	assert_int_equal(stage.states, 1);
}

static void a_line_that_is_too_long_is_counted(void **state)
{
	(void)state;
	struct mfp_frame frame;
	struct mfp_fault fault;
	struct str answer = gate_too_long();
	assert_int_equal(answer.ptr[answer.len - 1], '\n');
	assert_int_equal(mfp_read(str_make(answer.ptr, answer.len - 1), MFP_WEIR, &frame, &fault),
			 STATUS_OK);
	assert_int_equal(mfp_word(&frame, MFP_error_code), GATE_ERROR_FRAME);
	struct peer *peer = come_in(first);
	hang_up(peer, STATUS_RANGE); /* the listener found it, and ended it */
	assert_int_equal(counts().too_long, 1);
	assert_int_equal(stage.gone, 1);
	/* One that came through all the same. */
	peer = come_in(first);
	say(peer, "P 0 t=1 x=%04095d", 0);
	assert_true(says(peer, "E 0 code=frame msg=line%20too%20long"));
}

static void what_cannot_be_decoded_ends_the_connection(void **state)
{
	(void)state;
	static const char *const lines[] = { "",         "hello",     "S 0 t=1",     "S 0  t=1",
					     "R x st=d", "P 0 t=%zz", "P 0 t=1 t=1", "\xff\xfe" };
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct peer *peer = come_in(first);
		say_bytes(peer, str_of(lines[i]));
		assert_non_null(strstr(heard(peer), "E 0 code=frame msg="));
		assert_true(peer->closing);
		turn();
		assert_int_equal(counts().bad_frame, i + 1);
		assert_int_equal(stage.gone, i + 1);
	}
}

static void silence_ends_it_exactly_at_its_length(void **state)
{
	(void)state;
	struct peer *peer = come_in(first);
	run(7 * SECOND);
	say(peer, "p 0 t=1"); /* anything is a sign of life */
	run(15 * SECOND - 1 * MS);
	assert_non_null(peer->owner);
	run(1 * MS);
	assert_null(peer->owner);
	assert_int_equal(counts().silent, 1);
	assert_int_equal(stage.gone, 1);
	assert_int_equal(counts().live, 0);
}

static void times_can_be_changed_while_it_runs(void **state)
{
	(void)state;
	struct gate_config config = stage_config();
	config.dead_ms = 30000;
	config.sessions_max = 1;
	gate_configure(stage.gate, &config);
	struct peer *peer = dial_from("127.0.0.1");
	assert_non_null(strstr(heard(peer), " dead=30000 "));
	assert_non_null(dial_from("127.0.0.1")->owner); /* room is what it was */
	assert_int_equal(counts().busy, 0);
}

/* ---- the end of weir ---- */

static void at_the_end_everybody_is_told_to_come_again(void **state)
{
	(void)state;
	struct peer *live = come_in(first), *other = come_in(second);
	struct peer *fresh = dial_from("127.0.0.1");
	take_banner(fresh);
	say_state(live);
	gate_stop(stage.gate);
	assert_non_null(strstr(heard(live), "E 0 code=busy msg=weir%20stops retry="));
	assert_non_null(strstr(heard(other), "E 0 code=busy msg=weir%20stops retry="));
	assert_non_null(strstr(heard(fresh), "E 0 code=busy msg=weir%20stops retry="));
	assert_int_equal(stage.gone, 2);
	turn();
	assert_null(live->owner);
	assert_int_equal(stage.gone, 2);
	/* It is weir that goes: the terminal did nothing. */
	assert_true(instance_of(first)->connected);
	assert_false(instance_of(first)->flags & INSTANCE_SUSPECT);
	assert_non_null(strstr(heard(dial_from("127.0.0.1")), "E 0 code=busy"));
}

static void a_thousand_come_back_within_a_second(void **state)
{
	(void)state;
	struct buf text;
	struct peer *peers[1000];
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "t-%04d token-of-%04d\n", i, i);
	buf_char(&text, 0);
	set_tokens(text.ptr);
	assert_int_equal(stage.removed, 3);
	assert_int_equal(fleet_count(stage.fleet), 1000);
	for (int round = 0; round < 3; round++) {
		stage.peer_count = 0;
		for (int i = 0; i < 1000; i++) {
			char id[16], token[32];
			snprintf(id, sizeof id, "t-%04d", i);
			snprintf(token, sizeof token, "token-of-%04d", i);
			struct who who = { .id = id, .token = token, .login = 100 + i };
			stage.peers[i].out_len = 0;
			stage.peers[i].closing = false;
			peers[i] = come_in(who);
			run(1 * MS);
		}
		assert_int_equal(counts().live, 1000);
		for (int i = 0; i < 1000; i++)
			say_state(peers[i]);
		for (int i = 0; i < 1000; i++)
			hang_up(peers[i], STATUS_CLOSED);
		assert_int_equal(counts().live, 0);
	}
	assert_int_equal(stage.welcomed, 3000);
	assert_int_equal(stage.gone, 3000);
	assert_int_equal(counts().resumed, 2000);
	buf_deinit(&text);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_banner_is_as_the_protocol_says),
		UNIT(the_mac_is_that_of_the_specification),
		UNIT(a_good_hello_is_welcomed),
		UNIT(the_hello_of_the_specification_is_taken_whole),
		UNIT(a_terminal_that_is_held_is_welcomed),
		UNIT(nothing_comes_before_the_hello),
		UNIT(a_hello_that_is_not_whole_is_no_frame),
		UNIT(an_epoch_of_zero_is_no_frame),
		UNIT(a_server_of_63_bytes_is_taken),
		UNIT(another_version_is_refused),
		UNIT(who_says_no_hello_is_closed_after_ten_seconds),
		UNIT(a_second_hello_ends_the_connection),
		UNIT(a_wrong_token_is_refused),
		UNIT(an_unknown_id_is_answered_as_a_wrong_token_is),
		UNIT(a_hello_of_another_connection_fails),
		UNIT(three_bad_macs_block_an_address_for_a_minute),
		UNIT(bad_macs_far_apart_block_nobody),
		UNIT(the_table_of_addresses_is_bounded),
		UNIT(the_newer_of_two_with_one_login_is_refused),
		UNIT(an_older_one_that_is_suspect_has_to_go),
		UNIT(the_same_id_twice_is_one_too_many),
		UNIT(one_connection_too_many_is_told_busy),
		UNIT(a_flood_is_cut),
		UNIT(who_does_not_read_is_cut),
		UNIT(a_line_that_is_too_long_is_counted),
		UNIT(what_cannot_be_decoded_ends_the_connection),
		UNIT(silence_ends_it_exactly_at_its_length),
		UNIT(times_can_be_changed_while_it_runs),
		UNIT(at_the_end_everybody_is_told_to_come_again),
		UNIT(a_thousand_come_back_within_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
