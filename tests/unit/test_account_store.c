/* Positions, accounts and quotes in RTS, whatever happens to the server and to weir. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/account_stage.h"

static const char nzd[] =
    "o 0 ev=new tk=237511830 id=237511830 sym=NZDCHF.r sd=sell vol=0.48 po=0.46850 pc=0.48030 "
    "sl=0.00000 tp=0.46672 sw=-12.40 pl=-463.07 mg=0 sv=1785100000123";
static const char btc[] =
    "o 0 ev=new tk=242365136 id=242365136 sym=BTCUSD sd=buy vol=0.20 po=63450.42 pc=63450.64 "
    "sl=54484.16 tp=52944.45 sw=0.00 pl=-116.15 mg=5629499534213121 sv=1785100000999";

/* ---- positions ---- */

static void test_a_position_and_its_index_change_in_one_transaction(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 3, FAKE_ALWAYS);
	t.stage.commands = 0;
	accounts_position(&t, 1, nzd);
	assert_int_equal(t.stage.commands, 4); /* MULTI HSET SADD EXEC */
	accounts_position(&t, 1, btc);
	stage_run(&t.stage, stage_ms_ns);
	assert_true(accounts_are_right(&t));
	t.stage.commands = 0;
	accounts_position(&t, 1, "o 0 ev=mod tk=242365136 sl=54500.00 tp=0.00");
	assert_int_equal(t.stage.commands, 4);
	stage_run(&t.stage, stage_ms_ns);
	assert_true(accounts_are_right(&t));
	accounts_position(&t, 1, "o 0 ev=del tk=237511830");
	assert_int_equal(t.stage.commands, 8); /* MULTI UNLINK SREM EXEC */
	stage_run(&t.stage, stage_ms_ns);
	assert_true(accounts_are_right(&t));
	assert_int_equal(account_store_counts(t.store).positions, 4);
	assert_int_equal(account_store_counts(t.store).failed, 0);
	char magic[32];
	stage_field(&t.stage, STR("trade_state:mt5-001-242365136"), STR("mg"), magic, sizeof magic);
	assert_string_equal(magic, "5629499534213121");
	accounts_deinit(&t);
}

static void open_many(struct accounts *t, uint32_t slot, int count)
{
	char line[256];
	for (int i = 0; i < count; i++) {
		snprintf(line, sizeof line,
			 "o 0 ev=new tk=%d id=%d sym=EURUSD sd=buy vol=0.10 po=1.08512 pc=1.08514 "
			 "sl=1.08200 tp=1.08900 sw=0.00 pl=%d.00 mg=0 sv=1785100000123",
			 1000 + i, 1000 + i, i);
		accounts_position(t, slot, line);
	}
}

static void move_price(struct accounts *t, uint32_t slot, int ticket, int points)
{
	char line[256];
	snprintf(line, sizeof line, "o 0 ev=mod tk=%d pc=1.%05d pl=%d.%02d", ticket, points, points,
		 points % 100);
	accounts_position(t, slot, line);
}

static void test_quiet_changes_are_written_once_a_second(void **state)
{
	(void)state;
	static const int counts[] = { 1, 10, 31, 32, 33, 40, 100 };
	for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
		struct accounts t;
		accounts_init(&t, 2, FAKE_ALWAYS);
		open_many(&t, 1, 110);
		stage_run(&t.stage, 1005 * stage_ms_ns);
		t.stage.commands = 0;
		for (int i = 0; i < 1000; i++) { /* ten seconds, each price ten times a second */
			for (int p = 0; p < counts[c] && i % 10 == 0; p++)
				move_price(&t, 1, 1000 + p, i + p);
			stage_run(&t.stage, 10 * stage_ms_ns);
		}
		/* more than is remembered: all of them */
		int each = counts[c] <= 32 ? counts[c] : 110;
		assert_int_equal(t.stage.commands, 10 * (each + 3)); /* MULTI … SADD EXEC */
		stage_run(&t.stage, 1005 * stage_ms_ns);
		assert_true(accounts_are_right(&t));
		accounts_deinit(&t);
	}
}

static struct accounts *snapshot_of;
static void on_difference(void *ctx, enum position_change change, const struct position *position)
{
	account_store_position(snapshot_of->store, ctx, change, position);
}

static void snapshot(struct accounts *t, uint32_t slot, const char *line)
{
	struct instance *instance = stage_instance(&t->stage, slot);
	const struct mfp_frame *frame = accounts_frame(line);
	const struct position *position;
	enum position_change change;
	snapshot_of = t;
	if (frame->verb == MFP_VERB_position)
		assert_int_equal(positions_take(instance->positions, frame, &change, &position), 0);
	else
		assert_int_equal(
		    positions_snapshot(instance->positions, frame, on_difference, instance), 0);
}

static void test_a_ticket_that_gives_way_to_another_is_not_the_end(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	accounts_position(&t, 0, nzd);
	/* reversed: the position stays, under the ticket of the reversing order */
	accounts_position(&t, 0,
			  "o 0 ev=new tk=300000000 id=237511830 sym=NZDCHF.r sd=buy vol=0.30 "
			  "po=0.46900 pc=0.48030 sl=0.00000 tp=0.00000 sw=0.00 pl=1.00 mg=0 sv=1");
	accounts_position(&t, 0, "o 0 ev=del tk=237511830");
	stage_run(&t.stage, 5 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	/* and the other way round */
	accounts_position(&t, 0, "o 0 ev=del tk=300000000");
	accounts_position(&t, 0, nzd);
	stage_run(&t.stage, 5 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	/* a snapshot in which its ticket is a lower one: that is told first */
	struct position lower = *positions_at(stage_instance(&t.stage, 0)->positions, 0);
	lower.ticket = 5;
	char hash[24], end[64];
	snprintf(hash, sizeof hash, "%016llx",
		 (unsigned long long)mfp_position_hash(5, lower.volume, lower.sl, lower.tp));
	snprintf(end, sizeof end, "O 0 e=1 n=1 ph=%s", hash);
	snapshot(&t, 0, "O 0 b=1 n=1");
	snapshot(&t, 0,
		 "o 0 tk=5 id=237511830 sym=NZDCHF.r sd=sell vol=0.48 po=0.46850 pc=0.48030 "
		 "sl=0.00000 tp=0.46672 sw=-12.40 pl=-463.07 mg=0 sv=1785100000123");
	snapshot(&t, 0, end);
	stage_run(&t.stage, 5 * stage_ms_ns);
	assert_int_equal(positions_at(stage_instance(&t.stage, 0)->positions, 0)->ticket, 5);
	assert_true(accounts_are_right(&t));
	accounts_deinit(&t);
}

static void test_a_key_that_had_gone_is_written_again(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	open_many(&t, 0, 3);
	accounts_account(&t, 0, 100);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	STAGE_DO(&t.stage, STR("DEL"), STR("trade_state:mt5-000-1001"));
	move_price(&t, 0, 1001, 77);
	stage_run(&t.stage, 2100 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	/* something else stands in its place, and in that of the index and the account */
	STAGE_DO(&t.stage, STR("DEL"), STR("trade_state:mt5-000-1001"));
	STAGE_DO(&t.stage, STR("SET"), STR("trade_state:mt5-000-1001"), STR("x"));
	move_price(&t, 0, 1001, 78);
	stage_run(&t.stage, 3100 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	STAGE_DO(&t.stage, STR("DEL"), STR("trades:open:mt5-000"));
	STAGE_DO(&t.stage, STR("SET"), STR("trades:open:mt5-000"), STR("x"));
	STAGE_DO(&t.stage, STR("DEL"), STR("account_state:mt5-000"));
	STAGE_DO(&t.stage, STR("SET"), STR("account_state:mt5-000"), STR("x"));
	accounts_position(&t, 0, nzd);
	accounts_account(&t, 0, 200);
	stage_run(&t.stage, 3100 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	accounts_deinit(&t);
}

static void test_fields_of_others_stay(void **state)
{
	(void)state;
	struct accounts t;
	char text[16];
	accounts_init(&t, 1, FAKE_ALWAYS);
	accounts_position(&t, 0, nzd);
	stage_run(&t.stage, 5 * stage_ms_ns);
	STAGE_DO(&t.stage, STR("HSET"), STR("trade_state:mt5-000-237511830"), STR("lat"),
		 STR("316"));
	fake_redis_break(t.stage.redis);
	stage_run(&t.stage, 4 * stage_second_ns);
	stage_field(&t.stage, STR("trade_state:mt5-000-237511830"), STR("lat"), text, sizeof text);
	assert_string_equal(text, "316");
	accounts_deinit(&t);
}

/* ---- accounts ---- */

static void test_an_account_is_written_once_a_second_from_an_empty_hash(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 2, FAKE_ALWAYS);
	t.stage.commands = 0;
	for (int i = 0; i < 300; i++) {
		accounts_account(&t, 1, 334616 + i);
		stage_run(&t.stage, 10 * stage_ms_ns);
	}
	assert_int_equal(t.stage.commands, 3 * 4); /* MULTI UNLINK HSET EXEC */
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	/* another account, which does not tell its margin level */
	struct instance *instance = stage_instance(&t.stage, 1);
	instance->login = 7;
	instance->latest.known &= ~(UINT64_C(1) << SAMPLE_ml);
	account_store_account(t.store, instance);
	t.account_ms[1] = stage_wall_ms(&t.stage);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	t.stage.commands = 0;
	stage_run(&t.stage, 10 * stage_second_ns);
	assert_int_equal(t.stage.commands, 0);
	accounts_deinit(&t);
}

/* ---- away and back ---- */

static void random_position(struct accounts *t, struct rng *rng)
{
	uint32_t slot = (uint32_t)rng_below(rng, fleet_room(t->stage.fleet));
	struct instance *instance = stage_instance(&t->stage, slot);
	char line[256];
	if (!instance)
		return;
	uint32_t count = positions_count(instance->positions);
	int ticket = 1 + (int)rng_below(rng, 60);
	if (count && rng_below(rng, 5))
		ticket =
		    (int)positions_at(instance->positions, (uint32_t)rng_below(rng, count))->ticket;
	bool held = positions_find(instance->positions, (uint64_t)ticket);
	if (!held)
		snprintf(
		    line, sizeof line,
		    "o 0 ev=new tk=%d id=%d sym=S%d sd=%s vol=0.%02d po=1.5 pc=1.50 sl=0 tp=0.0 "
		    "sw=-%d.5 pl=0 mg=%d sv=5",
		    ticket, ticket, ticket % 4, ticket % 2 ? "buy" : "sell", ticket, ticket % 3,
		    ticket);
	else if (rng_below(rng, 4) == 0)
		snprintf(line, sizeof line, "o 0 ev=del tk=%d", ticket);
	else if (rng_below(rng, 4) == 0)
		snprintf(line, sizeof line, "o 0 ev=mod tk=%d sl=%d.%02d", ticket,
			 (int)rng_below(rng, 100), (int)rng_below(rng, 100));
	else
		snprintf(line, sizeof line, "o 0 ev=mod tk=%d pc=%d.%03d pl=-%d.%d", ticket,
			 (int)rng_below(rng, 100), (int)rng_below(rng, 1000),
			 (int)rng_below(rng, 100), (int)rng_below(rng, 10));
	accounts_position(t, slot, line);
}

enum { TERMINALS = 8 };

static void random_fault(struct accounts *t, struct rng *rng)
{
	struct fake_redis *redis = t->stage.redis;
	switch (rng_below(rng, 11)) {
	case 0: fake_redis_cut(redis, 1 + rng_below(rng, 40), FAKE_CUT_BEFORE); break;
	case 1: fake_redis_cut(redis, 1 + rng_below(rng, 40), FAKE_CUT_AFTER); break;
	case 2: fake_redis_break(redis); break;
	case 3: fake_redis_kill(redis); break;
	case 4: fake_redis_start(redis); break;
	case 5: fake_redis_hang(redis, rng_below(rng, 2)); break;
	case 6: fake_redis_fault(redis, (enum fake_fault)rng_below(rng, 5)); break;
	case 7: fake_redis_straggle(redis, (int64_t)rng_below(rng, 300) * stage_ms_ns); break;
	case 8:
		t->stage.full_in = 1 + rng_below(rng, 40);
		t->stage.full_more = rng_below(rng, 8);
		break;
	default: stage_heal(&t->stage);
	}
}

static void random_coming_and_going(struct accounts *t, struct rng *rng)
{
	char id[16];
	snprintf(id, sizeof id, "mt5-%03d", (int)rng_below(rng, TERMINALS));
	uint32_t slot = fleet_find(t->stage.fleet, str_of(id));
	if (slot != FLEET_NONE) {
		account_store_forget(t->store, stage_instance(&t->stage, slot));
		fleet_remove(t->stage.fleet, slot);
		t->account_ms[slot] = 0;
	}
	if (slot == FLEET_NONE || rng_below(rng, 2)) {
		slot = stage_add(&t->stage, id);
		t->account_ms[slot] = 0;
		accounts_name(t);
	}
}

/* weir is killed; what the new one knows are the positions, accounts are told again. */
static void restart(struct accounts *t)
{
	uint64_t hashes[TERMINALS] = { 0 };
	stage_heal(&t->stage);
	stage_run(&t->stage, 3300 * stage_ms_ns);
	for (int i = 0; i < TERMINALS; i++) {
		char id[16];
		snprintf(id, sizeof id, "mt5-%03d", i);
		uint32_t slot = fleet_find(t->stage.fleet, str_of(id));
		if (slot != FLEET_NONE)
			hashes[i] = positions_hash(fleet_at(t->stage.fleet, slot)->positions);
	}
	accounts_restart(t, TERMINALS);
	assert_int_equal(accounts_restore(t), STATUS_OK);
	for (uint32_t i = 0; i < TERMINALS; i++)
		assert_true(positions_hash(fleet_at(t->stage.fleet, i)->positions) == hashes[i]);
	account_store_start(t->store);
	for (uint32_t i = 0; i < TERMINALS; i++)
		accounts_account(t, i, i);
}

static void random_walk(uint64_t seed, enum fake_sync sync)
{
	struct accounts t;
	struct rng rng;
	rng_init(&rng, seed);
	accounts_init(&t, TERMINALS, sync);
	for (int step = 0; step < 400; step++) {
		uint64_t what = rng_below(&rng, 100);
		if (what < 60)
			random_position(&t, &rng);
		else if (what < 70) {
			uint32_t slot = (uint32_t)rng_below(&rng, fleet_room(t.stage.fleet));
			if (stage_instance(&t.stage, slot))
				accounts_account(&t, slot, (int64_t)rng_below(&rng, 100000));
		} else if (what < 85)
			random_fault(&t, &rng);
		else if (what < 90)
			random_coming_and_going(&t, &rng);
		else if (what < 91)
			restart(&t);
		stage_run(&t.stage, (int64_t)rng_below(&rng, 200) * stage_ms_ns);
		if (step % 80 != 79)
			continue;
		stage_heal(&t.stage);
		stage_run(&t.stage, 4300 * stage_ms_ns);
		if (!accounts_are_right(&t))
			fail_msg("seed %llu, step %d", (unsigned long long)seed, step);
	}
	accounts_deinit(&t);
}

static void test_keys_are_the_fleets_positions_after_anything(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		random_walk(seed, seed % 2 ? FAKE_EVERYSEC : FAKE_ALWAYS);
}

static void test_a_transaction_that_does_not_fit_leaves_nothing_open(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 4; n++)
		for (uint64_t more = 0; more < 4; more++) {
			struct accounts t;
			accounts_init(&t, 2, FAKE_ALWAYS);
			t.stage.full_in = n;
			t.stage.full_more = more;
			accounts_position(&t, 0, nzd);
			accounts_position(&t, 1, btc);
			stage_run(&t.stage, 3100 * stage_ms_ns);
			assert_true(accounts_are_right(&t));
			assert_true(account_store_counts(t.store).failed > 0);
			accounts_deinit(&t);
		}
}

/* ---- restore ---- */

static void test_positions_come_back_to_the_digit(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 3, FAKE_ALWAYS);
	accounts_position(&t, 1, nzd);
	accounts_position(&t, 1, btc);
	accounts_position(&t, 1,
			  "o 0 ev=new tk=227408982 id=227408982 sym=EUR%20USD%3D sd=buy vol=1.00 "
			  "po=1.08512 pc=1.08514 sl=1.08200 tp=1.08900 sw=0.00 pl=-0.5 mg=0 sv=9");
	open_many(&t, 2, POSITIONS_MAX);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	uint64_t hash = positions_hash(stage_instance(&t.stage, 2)->positions);
	accounts_restart(&t, 3);
	assert_int_equal(accounts_restore(&t), STATUS_OK);
	const struct positions *positions = stage_instance(&t.stage, 1)->positions;
	assert_int_equal(positions_count(positions), 3);
	assert_true(positions_hash(positions) == UINT64_C(0x4b2312e8a4f7ba0d));
	const struct position *position = positions_find(positions, 227408982);
	assert_string_equal(position->symbol, "EUR USD=");
	assert_int_equal(position->price_now.mantissa, 108514);
	assert_int_equal(position->price_now.digits, 5);
	assert_int_equal(position->profit.mantissa, -5);
	assert_int_equal(position->profit.digits, 1);
	assert_int_equal(positions_find(positions, 242365136)->magic, 5629499534213121);
	assert_int_equal(positions_find(positions, 237511830)->side, 1);
	assert_int_equal(positions_find(positions, 237511830)->server_ms, 1785100000123);
	assert_int_equal(positions_count(stage_instance(&t.stage, 2)->positions), POSITIONS_MAX);
	assert_true(positions_hash(stage_instance(&t.stage, 2)->positions) == hash);
	assert_int_equal(positions_count(stage_instance(&t.stage, 0)->positions), 0);
	accounts_deinit(&t);
}

static void test_what_is_damaged_is_left_out_and_put_right(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 5, FAKE_ALWAYS);
	for (uint32_t slot = 0; slot < 5; slot++)
		open_many(&t, slot, 3);
	stage_run(&t.stage, 1100 * stage_ms_ns);
	STAGE_DO(&t.stage, STR("HSET"), STR("trade_state:mt5-000-1001"), STR("vol"), STR("much"));
	STAGE_DO(&t.stage, STR("DEL"), STR("trade_state:mt5-001-1001"));
	STAGE_DO(&t.stage, STR("SET"), STR("trade_state:mt5-001-1001"), STR("no hash"));
	STAGE_DO(&t.stage, STR("DEL"), STR("trade_state:mt5-002-1001"));
	STAGE_DO(&t.stage, STR("SADD"), STR("trades:open:mt5-003"), STR("not a number"),
		 STR("01000"));
	STAGE_DO(&t.stage, STR("DEL"), STR("trades:open:mt5-004"));
	STAGE_DO(&t.stage, STR("SET"), STR("trades:open:mt5-004"), STR("no set"));
	accounts_restart(&t, 5);
	assert_int_equal(accounts_restore(&t), STATUS_OK);
	static const uint32_t left[] = { 2, 2, 2, 3, 0 };
	for (uint32_t slot = 0; slot < 5; slot++)
		assert_int_equal(positions_count(stage_instance(&t.stage, slot)->positions),
				 left[slot]);
	account_store_start(t.store);
	stage_run(&t.stage, 3100 * stage_ms_ns);
	/* those of the terminal whose index was no set are in nobody's index; a snapshot, which
	 * its hash asks for, has them written again */
	for (int i = 0; i < 3; i++) {
		char key[40];
		snprintf(key, sizeof key, "trade_state:mt5-004-%d", 1000 + i);
		assert_int_equal(stage_exists(&t.stage, str_of(key)), 1);
	}
	open_many(&t, 4, 3);
	stage_run(&t.stage, 100 * stage_ms_ns);
	assert_true(accounts_are_right(&t));
	accounts_deinit(&t);
}

static void test_a_restore_without_a_server_fails_once(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 40, FAKE_ALWAYS);
	fake_redis_kill(t.stage.redis);
	accounts_restart(&t, 40);
	assert_int_not_equal(accounts_restore(&t), STATUS_OK);
	accounts_restart(&t, 40);
	t.stage.full_in = 1;
	t.stage.full_more = 1000;
	account_store_restore(t.store, stage_restored, &t.stage);
	assert_int_equal(t.stage.ended, 1); /* from inside the call */
	assert_int_equal(t.stage.status, STATUS_FULL);
	accounts_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_position_and_its_index_change_in_one_transaction),
		cmocka_unit_test(test_quiet_changes_are_written_once_a_second),
		cmocka_unit_test(test_a_ticket_that_gives_way_to_another_is_not_the_end),
		cmocka_unit_test(test_a_key_that_had_gone_is_written_again),
		cmocka_unit_test(test_fields_of_others_stay),
		cmocka_unit_test(test_an_account_is_written_once_a_second_from_an_empty_hash),
		cmocka_unit_test(test_keys_are_the_fleets_positions_after_anything),
		cmocka_unit_test(test_a_transaction_that_does_not_fit_leaves_nothing_open),
		cmocka_unit_test(test_positions_come_back_to_the_digit),
		cmocka_unit_test(test_what_is_damaged_is_left_out_and_put_right),
		cmocka_unit_test(test_a_restore_without_a_server_fails_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
