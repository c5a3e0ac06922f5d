/* Closed trades: in their hash until they are archived, then in the packed stream, and at
 * every moment in one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/closed_stage.h"

static const int64_t day_ms = 86400000;

static int64_t hash_there(struct accounts *t, const char *instance, uint64_t position)
{
	struct key key;
	return stage_exists(&t->stage, key_trade_state(&key, str_of(instance), position));
}

static void second(struct accounts *t) { stage_run(&t->stage, 1100 * stage_ms_ns); }

static void restart(struct accounts *t, uint32_t terminals)
{
	accounts_restart(t, terminals);
	closed_with_archive(t);
	assert_int_equal(accounts_restore(t), STATUS_OK);
	account_store_start(t->store);
}

/* ---- with an archive ---- */

static void test_a_closed_trade_waits_for_its_archive(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 2, FAKE_ALWAYS);
	closed_with_archive(&t);
	closed_open(&t, 0, 70);
	closed_open(&t, 0, 71);
	closed_close(&t, 0, 70);
	stage_run(&t.stage, 100 * stage_second_ns);
	assert_int_equal(closed_asked_count, 1);
	assert_true(closed_was_asked("mt5-000", 70));
	assert_int_equal(accounts_closed(&t), 1);
	assert_true(accounts_are_right(&t)); /* out of the index of what is open */
	closed_confirm(&t, "mt5-000", 70);
	second(&t);
	assert_int_equal(hash_there(&t, "mt5-000", 70), 0);
	assert_int_equal(hash_there(&t, "mt5-000", 71), 1);
	const struct closed_found *found = closed_read_stream(&t, "mt5-000");
	const struct closed_trade *trade = closed_find(found, 70);
	assert_non_null(trade);
	assert_string_equal(trade->symbol, "EURUSD");
	assert_int_equal(trade->volume, 10000000);
	assert_int_equal(trade->price_open, 108512000);
	assert_int_equal(trade->price_close, 108614000);
	assert_int_equal(trade->commission, -70000000);
	assert_int_equal(trade->pnl, 1020000070);
	assert_int_equal(account_store_counts(t.store).moved, 1);
	assert_true(accounts_are_right(&t));
	accounts_deinit(&t);
}

static void test_the_days_trades_are_one_entry(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_with_archive(&t);
	for (uint64_t position = 1; position <= 150; position++) {
		closed_open(&t, 0, position);
		closed_close(&t, 0, position);
		closed_confirm(&t, "mt5-000", position);
		if (position % 7 == 0)
			second(&t);
	}
	stage_run(&t.stage, 3 * stage_second_ns);
	struct closed_found *found = closed_read_stream(&t, "mt5-000");
	assert_int_equal(found->count, 150);
	assert_int_equal(found->entries, 1);
	assert_int_equal(found->repeated, 0);
	print_message("%.1f bytes a trade of an entry of 150\n", (double)found->bytes / 150);
	assert_int_equal(accounts_keys(&t, STR("trade_state:")), 0);
	/* many at once, more than a chunk holds: whole chunks, none lost */
	for (uint64_t position = 1000; position < 1000 + ACCOUNT_STORE_MOVES; position++)
		closed_confirm(&t, "mt5-000", position);
	closed_confirm(&t, "mt5-000", 5000); /* one too many: found again if it has a hash */
	assert_int_equal(account_store_counts(t.store).moves_refused, 1);
	stage_run(&t.stage, 5 * stage_second_ns);
	found = closed_read_stream(&t, "mt5-000");
	assert_int_equal(found->count, 150 + ACCOUNT_STORE_MOVES);
	assert_in_range(found->entries, 3, 6);
	assert_int_equal(found->repeated, 0);
	accounts_deinit(&t);
}

static void confirm_at(struct accounts *t, uint64_t position, int64_t ms)
{
	struct trade_sum sum = closed_sum(position, ms * 1000);
	account_store_archived(t->store, STR("mt5-000"), position, &sum);
	second(t);
}

static void test_each_day_has_its_entry_and_thirty_days_stay(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	int64_t first_ms = stage_wall_ms(&t.stage) / day_ms * day_ms + 1000;
	for (int64_t day = 0; day < 40; day++) {
		t.stage.wall_shift_ns = day * day_ms * stage_ms_ns;
		confirm_at(&t, (uint64_t)(2 * day + 1), first_ms + day * day_ms);
		confirm_at(&t, (uint64_t)(2 * day + 2), first_ms + day * day_ms + 5000);
	}
	struct closed_found *found = closed_read_stream(&t, "mt5-000");
	assert_int_equal(found->entries, 31);
	assert_int_equal(found->count, 62);
	assert_int_equal(found->trades[0].position, 19);
	/* a late one goes where there is room; one from the future ends nothing that is young */
	confirm_at(&t, 500, first_ms + 37 * day_ms);
	confirm_at(&t, 501, first_ms + 400 * day_ms);
	found = closed_read_stream(&t, "mt5-000");
	assert_non_null(closed_find(found, 500));
	assert_non_null(closed_find(found, 501));
	assert_int_equal(found->entries, 31); /* the oldest was thirty days old by the clock */
	assert_int_equal(found->trades[0].position, 21);
	assert_int_equal(found->count, 62);
	accounts_deinit(&t);
}

static void test_a_trade_that_is_told_again_counts_once(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_confirm(&t, "mt5-000", 70);
	second(&t);
	struct trade_sum sum = closed_sum(70, stage_wall_ms(&t.stage) * 1000);
	sum.commission = -1;
	account_store_archived(t.store, STR("mt5-000"), 70, &sum);
	second(&t);
	struct closed_found *found = closed_read_stream(&t, "mt5-000");
	assert_int_equal(found->count, 1);
	assert_int_equal(found->repeated, 0);
	assert_int_equal(found->trades[0].commission, -1);
	/* in another entry: the later one */
	confirm_at(&t, 70, stage_wall_ms(&t.stage) + day_ms);
	found = closed_read_stream(&t, "mt5-000");
	assert_int_equal(found->entries, 2);
	assert_int_equal(found->count, 1);
	assert_int_equal(found->trades[0].commission, -70000000);
	accounts_deinit(&t);
}

static void test_what_is_open_again_does_not_move(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_with_archive(&t);
	closed_open(&t, 0, 70);
	closed_close(&t, 0, 70);
	closed_open(&t, 0, 70);
	closed_confirm(&t, "mt5-000", 70);
	second(&t);
	assert_int_equal(closed_read_stream(&t, "mt5-000")->count, 0);
	assert_true(accounts_are_right(&t));
	closed_close(&t, 0, 70);
	closed_confirm(&t, "mt5-000", 70); /* and again before it is written */
	closed_open(&t, 0, 70);
	second(&t);
	assert_int_equal(closed_read_stream(&t, "mt5-000")->count, 0);
	assert_true(accounts_are_right(&t));
	assert_int_equal(account_store_counts(t.store).moving, 0);
	accounts_deinit(&t);
}

static void test_those_that_wait_are_found_after_a_restart(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 3, FAKE_ALWAYS);
	closed_with_archive(&t);
	for (uint32_t slot = 0; slot < 3; slot++) {
		closed_open(&t, slot, 70);
		closed_open(&t, slot, 71);
		closed_close(&t, slot, 70);
	}
	second(&t);
	restart(&t, 2); /* the third has left the tokens file */
	stage_run(&t.stage, 5 * stage_second_ns);
	assert_true(closed_was_asked("mt5-000", 70));
	assert_true(closed_was_asked("mt5-001", 70));
	assert_true(closed_was_asked("mt5-002", 70));
	assert_false(closed_was_asked("mt5-000", 71));
	/* what was open of it goes, what is closed does not */
	assert_int_equal(hash_there(&t, "mt5-002", 70), 1);
	assert_int_equal(hash_there(&t, "mt5-002", 71), 0);
	closed_confirm_all(&t);
	second(&t);
	assert_int_equal(accounts_closed(&t), 0);
	for (int i = 0; i < 3; i++) {
		char id[16];
		snprintf(id, sizeof id, "mt5-%03d", i);
		assert_int_equal(closed_read_stream(&t, id)->count, 1);
	}
	accounts_deinit(&t);
}

static void test_a_close_while_the_server_is_away_is_not_missed(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	closed_with_archive(&t);
	closed_open(&t, 0, 70);
	second(&t);
	fake_redis_kill(t.stage.redis);
	stage_run(&t.stage, 500 * stage_ms_ns);
	closed_close(&t, 0, 70);
	assert_true(closed_was_asked("mt5-000", 70));
	stage_run(&t.stage, 3 * stage_second_ns);
	stage_heal(&t.stage);
	stage_run(&t.stage, 5 * stage_second_ns);
	assert_int_equal(accounts_closed(&t), 1);
	assert_true(accounts_are_right(&t));
	closed_confirm_all(&t);
	second(&t);
	assert_int_equal(closed_read_stream(&t, "mt5-000")->count, 1);
	assert_int_equal(accounts_closed(&t), 0);
	accounts_deinit(&t);
}

static void test_what_else_stands_in_the_stream_does_no_harm(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	struct str name = STR("trades:closed:mt5-000");
	STAGE_DO(&t.stage, STR("XADD"), name, STR("1784046190000-7"), STR("c"), STR("no chunk"));
	closed_confirm(&t, "mt5-000", 70);
	second(&t);
	struct closed_found *found = closed_read_stream(&t, "mt5-000");
	assert_int_equal(found->entries, 2);
	assert_int_equal(found->count, 1);
	STAGE_DO(&t.stage, STR("XADD"), name, STR("9784046190000-7"), STR("x"), STR("y"), STR("z"),
		 STR("z"));
	closed_confirm(&t, "mt5-000", 71);
	second(&t);
	assert_int_equal(closed_read_stream(&t, "mt5-000")->count, 2);
	STAGE_DO(&t.stage, STR("DEL"), name);
	STAGE_DO(&t.stage, STR("SET"), name, STR("no stream"));
	closed_confirm(&t, "mt5-000", 72);
	second(&t);
	assert_int_equal(closed_read_stream(&t, "mt5-000")->count, 1);
	accounts_deinit(&t);
}

/* ---- without one ---- */

static void test_without_an_archive_the_hash_tells_the_trade(void **state)
{
	(void)state;
	struct accounts t;
	accounts_init(&t, 1, FAKE_ALWAYS);
	account_store_without_archive(t.store);
	closed_open(&t, 0, 70);
	closed_result(&t, 0,
		      "R 5 sid=9 st=done rc=10009 ord=70 deal=391 pos=70 sym=EURUSD sd=buy "
		      "vol=0.10 rq=1.08510 px=1.08512 slp=2.0 com=-0.35 fee=-0.01 ex=316 try=1");
	closed_close(&t, 0, 70);
	int64_t closed_ms = stage_wall_ms(&t.stage);
	closed_result(&t, 0,
		      "D 6 deal=395 ord=99 pos=70 sym=EURUSD sd=sell en=out rs=sl vol=0.10 "
		      "px=1.08614 com=-0.35 swp=-1.20 fee=0.00 pl=10.20 mg=0 sv=1784046191000");
	stage_run(&t.stage, 5 * stage_second_ns);
	assert_int_equal(accounts_keys(&t, STR("trade_state:")), 0);
	struct closed_found *found = closed_read_stream(&t, "mt5-000");
	assert_int_equal(found->count, 1);
	const struct closed_trade *trade = &found->trades[0];
	assert_int_equal(trade->volume, 10000000);
	assert_int_equal(trade->price_open, 108512000);
	assert_int_equal(trade->price_close, 108614000);
	assert_int_equal(trade->commission, -70000000);
	assert_int_equal(trade->swap, -120000000);
	assert_int_equal(trade->fee, -1000000);
	assert_int_equal(trade->pnl, 1020000000);
	assert_true(trade->has_sl && !trade->has_tp);
	assert_int_equal(trade->opened_us, 1784046190000000);
	assert_int_equal(trade->closed_us, closed_ms * 1000);
	/* one that was closed while weir was away, and one of which nothing is told */
	closed_open(&t, 0, 71);
	second(&t);
	STAGE_DO(&t.stage, STR("HSET"), STR("trade_state:mt5-000-71"), STR("st"), STR("closed"));
	STAGE_DO(&t.stage, STR("SREM"), STR("trades:open:mt5-000"), STR("71"));
	STAGE_DO(&t.stage, STR("HSET"), STR("trade_state:mt5-000-72"), STR("st"), STR("closed"));
	accounts_restart(&t, 1);
	account_store_without_archive(t.store);
	assert_int_equal(accounts_restore(&t), STATUS_OK);
	account_store_start(t.store);
	stage_run(&t.stage, 6 * stage_second_ns);
	assert_int_equal(accounts_keys(&t, STR("trade_state:")), 0);
	assert_int_equal(closed_read_stream(&t, "mt5-000")->count, 2);
	assert_int_equal(account_store_counts(t.store).moves_lost, 1);
	accounts_deinit(&t);
}

static void test_more_than_move_at_once_are_found_again(void **state)
{
	(void)state;
	struct accounts t;
	char key[64];
	enum { MANY = 2 * ACCOUNT_STORE_MOVES + 100 };
	accounts_init(&t, 1, FAKE_ALWAYS);
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof key, "trade_state:mt5-000-%d", i + 1);
		STAGE_DO(&t.stage, STR("HSET"), str_of(key), STR("st"), STR("closed"), STR("sym"),
			 STR("EURUSD"), STR("vol"), STR("0.1"), STR("px"), STR("1.1"), STR("pc"),
			 STR("1.2"), STR("ut"), STR("1784046190000"));
	}
	accounts_restart(&t, 1);
	account_store_without_archive(t.store);
	assert_int_equal(accounts_restore(&t), STATUS_OK);
	account_store_start(t.store);
	stage_run(&t.stage, 30 * stage_second_ns);
	assert_int_equal(accounts_keys(&t, STR("trade_state:")), 0);
	assert_int_equal(closed_read_stream(&t, "mt5-000")->count, MANY);
	assert_int_equal(account_store_counts(t.store).moving, 0);
	assert_true(account_store_counts(t.store).moves_refused > 0);
	accounts_deinit(&t);
}

/* ---- whatever happens ---- */

enum { TERMINALS = 3, POSITIONS = 4000 };
enum fate { NEVER, OPEN, CLOSED };

/* What the terminals know, and of which positions there was a hash at any time. */
static enum fate fates[TERMINALS][POSITIONS];
static bool stood[TERMINALS][POSITIONS];
static uint64_t next_position;

static void name_of(uint32_t slot, char id[16]) { snprintf(id, 16, "mt5-%03u", (unsigned)slot); }

static void random_position(struct accounts *t, struct rng *rng)
{
	uint32_t slot = (uint32_t)rng_below(rng, TERMINALS);
	const struct positions *held = stage_instance(&t->stage, slot)->positions;
	uint32_t count = positions_count(held);
	if (count && rng_below(rng, 2)) {
		uint64_t position = positions_at(held, (uint32_t)rng_below(rng, count))->ticket;
		closed_close(t, slot, position);
		fates[slot][position] = CLOSED;
	} else {
		closed_open(t, slot, next_position);
		fates[slot][next_position++] = OPEN;
	}
}

static void random_confirm(struct accounts *t, struct rng *rng)
{
	if (!closed_asked_count)
		return;
	size_t at = rng_below(rng, closed_asked_count);
	struct closed_asked asked = closed_asked[at];
	closed_asked[at] = closed_asked[--closed_asked_count];
	closed_confirm(t, asked.instance, asked.position);
}

static void random_fault(struct accounts *t, struct rng *rng)
{
	struct fake_redis *redis = t->stage.redis;
	switch (rng_below(rng, 10)) {
	case 0: fake_redis_cut(redis, 1 + rng_below(rng, 40), FAKE_CUT_BEFORE); break;
	case 1: fake_redis_cut(redis, 1 + rng_below(rng, 40), FAKE_CUT_AFTER); break;
	case 2: fake_redis_break(redis); break;
	case 3: fake_redis_kill(redis); break;
	case 4: fake_redis_hang(redis, rng_below(rng, 2)); break;
	case 5: fake_redis_fault(redis, (enum fake_fault)rng_below(rng, 5)); break;
	case 6: fake_redis_straggle(redis, (int64_t)rng_below(rng, 300) * stage_ms_ns); break;
	case 7:
		t->stage.full_in = 1 + rng_below(rng, 40);
		t->stage.full_more = rng_below(rng, 8);
		break;
	default: stage_heal(&t->stage);
	}
}

static void note_hashes(struct accounts *t)
{
	struct redis_reply *reply =
	    STAGE_PEEK(&t->stage, STR("SCAN"), STR("0"), STR("COUNT"), STR("100000"));
	for (size_t i = 0; i < reply->items[1].count; i++) {
		char key[64];
		unsigned slot, position;
		assert_int_equal(str_copy(reply->items[1].items[i].text, key, sizeof key), 0);
		if (sscanf(key, "trade_state:mt5-%u-%u", &slot, &position) == 2)
			stood[slot][position] = true;
	}
	fake_reply_free(reply);
}

/* Each closed position that had a hash is in it or in the stream. */
static void nothing_is_lost(struct accounts *t, uint64_t seed, bool all_moved)
{
	note_hashes(t);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		char id[16];
		name_of(slot, id);
		const struct closed_found *found = closed_read_stream(t, id);
		for (uint64_t position = 1; position < next_position; position++) {
			bool moved = closed_find(found, position);
			if (moved && fates[slot][position] == OPEN)
				fail_msg("seed %llu: %s-%llu is not closed",
					 (unsigned long long)seed, id,
					 (unsigned long long)position);
			if (fates[slot][position] != CLOSED || moved)
				continue;
			if (all_moved || (stood[slot][position] && !hash_there(t, id, position)))
				fail_msg("seed %llu: %s-%llu is lost", (unsigned long long)seed, id,
					 (unsigned long long)position);
		}
	}
}

/* What was opened and closed while the server was away, no server knows, and now no weir. */
static void forget_unheard(struct accounts *t)
{
	note_hashes(t);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		for (uint64_t position = 1; position < next_position; position++)
			if (fates[slot][position] == CLOSED && !stood[slot][position])
				fates[slot][position] = NEVER;
}

/* weir is killed at any moment; the terminals then say which of their positions it has wrong. */
static void kill_weir(struct accounts *t)
{
	stage_heal(&t->stage);
	restart(t, TERMINALS);
	forget_unheard(t);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		for (uint64_t position = 1; position < next_position; position++) {
			const struct positions *held = stage_instance(&t->stage, slot)->positions;
			bool has = positions_find(held, position);
			if (has && fates[slot][position] == CLOSED)
				closed_close(t, slot, position);
			else if (!has && fates[slot][position] == OPEN)
				closed_open(t, slot, position);
		}
}

static void everything_moves(struct accounts *t, uint64_t seed)
{
	stage_heal(&t->stage);
	stage_run(&t->stage, 6 * stage_second_ns);
	for (int i = 0; i < 3; i++) { /* what is found again meanwhile is asked for again */
		closed_confirm_all(t);
		stage_run(&t->stage, 3 * stage_second_ns);
	}
	nothing_is_lost(t, seed, true);
	assert_int_equal(accounts_closed(t), 0);
	assert_int_equal(account_store_counts(t->store).moving, 0);
	assert_true(accounts_are_right(t));
}

static void random_walk(uint64_t seed, enum fake_sync sync)
{
	struct accounts t;
	struct rng rng;
	rng_init(&rng, seed);
	accounts_init(&t, TERMINALS, sync);
	closed_with_archive(&t);
	memset(fates, 0, sizeof fates);
	memset(stood, 0, sizeof stood);
	next_position = 1;
	for (int step = 0; step < 500; step++) {
		uint64_t what = rng_below(&rng, 100);
		if (what < 40 && next_position < POSITIONS)
			random_position(&t, &rng);
		else if (what < 80)
			random_confirm(&t, &rng);
		else if (what < 90)
			random_fault(&t, &rng);
		else if (what < 91)
			kill_weir(&t);
		stage_run(&t.stage, (int64_t)rng_below(&rng, 300) * stage_ms_ns);
		bool up = fake_redis_connected(t.stage.redis);
		if (sync == FAKE_ALWAYS && up && step % 3 == 0)
			nothing_is_lost(&t, seed, false);
		if (step % 100 == 99)
			everything_moves(&t, seed);
	}
	accounts_deinit(&t);
}

static void test_a_closed_trade_is_never_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		random_walk(seed, seed % 3 ? FAKE_ALWAYS : FAKE_EVERYSEC);
}

/* Cut after each command of a move, on either side; then the weir is another one. */
static void test_a_move_that_is_cut_anywhere_loses_nothing(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 9; n++)
		for (int killed = 0; killed < 2; killed++)
			for (int cut = 0; cut < 2; cut++) {
				struct accounts t;
				accounts_init(&t, TERMINALS, FAKE_ALWAYS);
				closed_with_archive(&t);
				memset(fates, 0, sizeof fates);
				memset(stood, 0, sizeof stood);
				next_position = 4;
				for (uint64_t position = 1; position <= 3; position++) {
					closed_open(&t, 0, position);
					closed_close(&t, 0, position);
					fates[0][position] = CLOSED;
				}
				closed_confirm(&t, "mt5-000", 1);
				second(&t);
				fake_redis_cut(t.stage.redis, n,
					       cut ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
				fake_redis_straggle(t.stage.redis, 200 * stage_ms_ns);
				closed_confirm(&t, "mt5-000", 2);
				closed_confirm(&t, "mt5-000", 3);
				second(&t);
				nothing_is_lost(&t, n, false);
				if (killed) {
					stage_heal(&t.stage);
					restart(&t, TERMINALS);
				}
				stage_run(&t.stage, 300 * stage_ms_ns);
				nothing_is_lost(&t, n, false);
				everything_moves(&t, n);
				accounts_deinit(&t);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_closed_trade_waits_for_its_archive),
		cmocka_unit_test(test_the_days_trades_are_one_entry),
		cmocka_unit_test(test_each_day_has_its_entry_and_thirty_days_stay),
		cmocka_unit_test(test_a_trade_that_is_told_again_counts_once),
		cmocka_unit_test(test_what_is_open_again_does_not_move),
		cmocka_unit_test(test_those_that_wait_are_found_after_a_restart),
		cmocka_unit_test(test_a_close_while_the_server_is_away_is_not_missed),
		cmocka_unit_test(test_what_else_stands_in_the_stream_does_no_harm),
		cmocka_unit_test(test_without_an_archive_the_hash_tells_the_trade),
		cmocka_unit_test(test_more_than_move_at_once_are_found_again),
		cmocka_unit_test(test_a_move_that_is_cut_anywhere_loses_nothing),
		cmocka_unit_test(test_a_closed_trade_is_never_lost),
	};
	return cmocka_run_group_tests_name("account_closed", tests, NULL, NULL);
}
