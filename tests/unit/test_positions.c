/* Positions of a terminal: changes, snapshots that are swapped in whole or not at all,
 * the hash of the protocol, and a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "fleet/positions.h"

static struct positions *positions;
static enum position_change change;
static const struct position *told;

static int set_up(void **state)
{
	(void)state;
	positions = positions_create();
	return positions ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	positions_destroy(positions);
	return 0;
}

static struct mfp_frame frame_of(const char *line)
{
	struct mfp_frame frame;
	struct mfp_fault fault = { 0 };
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault))
		fail_msg("%s: %s %s", line, fault.what, fault.key);
	return frame;
}

static enum status take(const char *line)
{
	struct mfp_frame frame = frame_of(line);
	return positions_take(positions, &frame, &change, &told);
}

static struct {
	size_t count;
	enum position_change change[64];
	uint64_t ticket[64];
} differences;

static void on_difference(void *ctx, enum position_change what, const struct position *position)
{
	(void)ctx;
	assert_true(differences.count < 64);
	differences.change[differences.count] = what;
	differences.ticket[differences.count++] = position->ticket;
}

static enum status snapshot(const char *line)
{
	struct mfp_frame frame = frame_of(line);
	differences.count = 0;
	return positions_snapshot(positions, &frame, on_difference, NULL);
}

#define A                                                                                          \
	"tk=237511830 id=237511830 sym=NZDCHF.r sd=sell vol=0.48 po=0.46850 pc=0.48030 "           \
	"sl=0.00000 tp=0.46672 sw=-12.40 pl=-463.07 mg=0 sv=1785100000123"
#define B "tk=242365136 sym=BTCUSD sd=buy vol=0.20 sl=54484.16 tp=52944.45"
#define C "tk=227408982 sym=EURUSD sd=sell vol=1.00 sl=1.08200 tp=1.08900"

static void the_hash_is_the_protocols(void **state)
{
	(void)state;
	assert_true(positions_hash(positions) == 0);
	assert_int_equal(take("o 0 ev=new " A), STATUS_OK);
	assert_true(positions_hash(positions) == 0x2020682586963edeu);
	assert_int_equal(take("o 0 ev=new " B), STATUS_OK);
	assert_int_equal(take("o 0 ev=new " C), STATUS_OK);
	assert_true(positions_hash(positions) == 0x4b2312e8a4f7ba0du);
}

static void a_new_one_says_all_it_is(void **state)
{
	(void)state;
	assert_int_equal(take("o 0 ev=new " A), STATUS_OK);
	assert_int_equal(change, POSITION_NEW);
	assert_ptr_equal(told, positions_find(positions, 237511830));
	assert_string_equal(told->symbol, "NZDCHF.r");
	assert_int_equal(told->side, 1);
	assert_int_equal(told->volume.mantissa, 48);
	assert_int_equal(told->price_open.digits, 5);
	assert_int_equal(told->profit.mantissa, -46307);
	assert_int_equal(told->server_ms, 1785100000123);
	assert_int_equal(positions_count(positions), 1);
	assert_ptr_equal(positions_at(positions, 0), told);
	assert_int_equal(take("o 0 ev=new tk=1 sym=EURUSD sd=buy"), STATUS_INVALID);
	assert_int_equal(take("o 0 ev=new tk=1 sym=EURUSD vol=1"), STATUS_INVALID);
	assert_int_equal(take("o 0 ev=new tk=1 sd=buy vol=1"), STATUS_INVALID);
	assert_int_equal(take("o 0 ev=new tk=1 sd=buy vol=1 "
			      "sym=x2345678901234567890123456789012"),
			 STATUS_INVALID);
	assert_null(told);
	assert_int_equal(take("o 0 ev=new tk=237511830 sym=EURUSD sd=buy vol=1.0"), STATUS_OK);
	assert_int_equal(change, POSITION_CHANGED); /* known by its ticket: it is replaced */
	assert_int_equal(positions_count(positions), 1);
	assert_int_equal(told->server_ms, 0);
}

static void prices_move_quietly_and_the_rest_does_not(void **state)
{
	(void)state;
	assert_int_equal(take("o 0 ev=new " A), STATUS_OK);
	assert_int_equal(take("o 0 ev=mod tk=237511830 pc=0.48031 pl=-463.17"), STATUS_OK);
	assert_int_equal(change, POSITION_QUIET);
	assert_int_equal(told->profit.mantissa, -46317);
	assert_true(positions_hash(positions) == 0x2020682586963edeu);
	assert_int_equal(take("o 0 ev=mod tk=237511830 sym=x2345678901234567890123456789012"),
			 STATUS_INVALID);
	assert_int_equal(take("o 0 ev=mod tk=237511830 sw=-12.50"), STATUS_OK);
	assert_int_equal(change, POSITION_CHANGED);
	assert_int_equal(take("o 0 ev=mod tk=237511830 vol=0.24"), STATUS_OK);
	assert_int_equal(change, POSITION_CHANGED);
	assert_int_equal(told->tp.mantissa, 46672);
	assert_true(positions_hash(positions) != 0x2020682586963edeu);
	assert_int_equal(take("o 0 ev=mod tk=237511830 vol=0.480"), STATUS_OK);
	assert_int_equal(change, POSITION_CHANGED); /* other digits hash differently */
	assert_int_equal(take("o 0 ev=mod tk=237511830 vol=0.48"), STATUS_OK);
	assert_true(positions_hash(positions) == 0x2020682586963edeu);
}

static void one_that_goes_is_shown_once_more(void **state)
{
	(void)state;
	assert_int_equal(take("o 0 ev=new " A), STATUS_OK);
	assert_int_equal(take("o 0 ev=new " B), STATUS_OK);
	assert_int_equal(take("o 0 ev=del tk=237511830"), STATUS_OK);
	assert_int_equal(change, POSITION_GONE);
	assert_string_equal(told->symbol, "NZDCHF.r");
	assert_int_equal(positions_count(positions), 1);
	assert_null(positions_find(positions, 237511830));
	assert_int_equal(take("o 0 ev=del tk=237511830"), STATUS_NOT_FOUND);
	assert_int_equal(take("o 0 ev=mod tk=237511830 vol=1"), STATUS_NOT_FOUND);
	assert_null(told);
	assert_int_equal(take("o 0 ev=del tk=242365136"), STATUS_OK);
	assert_true(positions_hash(positions) == 0);
}

static void a_snapshot_is_swapped_in_and_its_differences_told(void **state)
{
	(void)state;
	assert_int_equal(take("o 0 ev=new " A), STATUS_OK);
	assert_int_equal(take("o 0 ev=new tk=5 sym=GBPUSD sd=buy vol=1.00"), STATUS_OK);
	assert_int_equal(take("o 0 ev=new tk=242365136 sym=BTCUSD sd=buy vol=0.10"), STATUS_OK);
	assert_int_equal(snapshot("O 0 b=1 n=3"), STATUS_OK);
	assert_int_equal(take("o 0 " A), STATUS_OK);
	assert_null(told);
	assert_int_equal(take("o 0 " B), STATUS_OK);
	assert_int_equal(take("o 0 " C), STATUS_OK);
	assert_int_equal(positions_count(positions), 3);
	assert_non_null(positions_find(positions, 5)); /* still the old set */
	assert_int_equal(snapshot("O 0 e=1 n=3 ph=4b2312e8a4f7ba0d"), STATUS_OK);
	assert_int_equal(differences.count, 3);
	assert_int_equal(differences.change[0], POSITION_GONE);
	assert_int_equal(differences.ticket[0], 5);
	assert_int_equal(differences.change[1], POSITION_NEW);
	assert_int_equal(differences.ticket[1], 227408982);
	assert_int_equal(differences.change[2], POSITION_CHANGED);
	assert_int_equal(differences.ticket[2], 242365136);
	assert_true(positions_hash(positions) == 0x4b2312e8a4f7ba0du);
	assert_null(positions_find(positions, 5));
}

static void a_snapshot_that_disagrees_leaves_the_set_alone(void **state)
{
	(void)state;
	static const char *const ends[] = {
		"O 0 e=1 n=2 ph=4b2312e8a4f7ba0d", /* another count */
		"O 0 e=1 n=3 ph=4b2312e8a4f7ba0c", /* another hash */
		"O 0 e=1 n=3",                     /* none */
	};
	assert_int_equal(take("o 0 ev=new tk=5 sym=GBPUSD sd=buy vol=1.00"), STATUS_OK);
	uint64_t hash = positions_hash(positions);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		assert_int_equal(snapshot("O 0 b=1 n=3"), STATUS_OK);
		assert_int_equal(take("o 0 " A), STATUS_OK);
		assert_int_equal(take("o 0 " B), STATUS_OK);
		assert_int_equal(take("o 0 " C), STATUS_OK);
		assert_int_equal(snapshot(ends[i]), STATUS_INVALID);
		assert_int_equal(differences.count, 0);
		assert_true(positions_hash(positions) == hash);
		/* and it is over: an end has to have its begin */
		assert_int_equal(snapshot("O 0 e=1 n=3 ph=4b2312e8a4f7ba0d"), STATUS_INVALID);
		assert_int_equal(take("o 0 " A), STATUS_INVALID);
	}
	assert_int_equal(snapshot("O 0 n=3"), STATUS_INVALID);
	/* one row that could not be read spoils it, even if count and hash agree */
	assert_int_equal(snapshot("O 0 b=1 n=1"), STATUS_OK);
	assert_int_equal(take("o 0 tk=9 sym=EURUSD"), STATUS_INVALID);
	assert_int_equal(take("o 0 tk=237511830 sym=N sd=sell vol=0.48 sl=0.00000 tp=0.46672"),
			 STATUS_OK);
	assert_int_equal(snapshot("O 0 e=1 n=1 ph=2020682586963ede"), STATUS_INVALID);
}

static void an_empty_snapshot_empties_it(void **state)
{
	(void)state;
	assert_int_equal(take("o 0 ev=new " A), STATUS_OK);
	assert_int_equal(snapshot("O 0 b=1 n=0"), STATUS_OK);
	assert_int_equal(snapshot("O 0 e=1 n=0"), STATUS_OK);
	assert_int_equal(differences.count, 1);
	assert_int_equal(positions_count(positions), 0);
	assert_true(positions_hash(positions) == 0);
}

static void a_snapshot_that_begins_again_forgets_its_first_half(void **state)
{
	(void)state;
	assert_int_equal(snapshot("O 0 b=1 n=1"), STATUS_OK);
	assert_int_equal(take("o 0 " B), STATUS_OK);
	assert_int_equal(snapshot("O 0 b=1 n=1"), STATUS_OK);
	assert_int_equal(take("o 0 " A), STATUS_OK);
	assert_int_equal(snapshot("O 0 e=1 n=1 ph=2020682586963ede"), STATUS_OK);
}

static void changes_during_a_snapshot_go_into_both(void **state)
{
	(void)state;
	assert_int_equal(take("o 0 ev=new tk=5 sym=GBPUSD sd=buy vol=1.00"), STATUS_OK);
	assert_int_equal(snapshot("O 0 b=1 n=3"), STATUS_OK);
	assert_int_equal(take("o 0 " A), STATUS_OK);
	assert_int_equal(take("o 0 tk=5 sym=GBPUSD sd=buy vol=1.00"), STATUS_OK);
	assert_int_equal(take("o 0 ev=del tk=5"), STATUS_OK);
	assert_int_equal(change, POSITION_GONE);
	assert_int_equal(take("o 0 ev=new " B), STATUS_OK);
	assert_int_equal(take("o 0 ev=new " C), STATUS_OK);
	assert_int_equal(snapshot("O 0 e=1 n=3 ph=4b2312e8a4f7ba0d"), STATUS_OK);
	assert_int_equal(differences.count, 1); /* the others were told already */
	assert_int_equal(differences.ticket[0], 237511830);
}

static void there_is_a_bound(void **state)
{
	(void)state;
	char line[96];
	for (int i = 1; i <= POSITIONS_MAX; i++) {
		snprintf(line, sizeof line, "o 0 ev=new tk=%d sym=EURUSD sd=buy vol=0.01",
			 i * 7919 % 100003);
		assert_int_equal(take(line), STATUS_OK);
	}
	assert_int_equal(take("o 0 ev=new " A), STATUS_FULL);
	assert_int_equal(positions_count(positions), POSITIONS_MAX);
	assert_int_equal(snapshot("O 0 b=1 n=1025"), STATUS_OK);
	for (int i = 1; i <= POSITIONS_MAX + 1; i++) {
		snprintf(line, sizeof line, "o 0 tk=%d sym=EURUSD sd=buy vol=0.01", i);
		assert_int_equal(take(line), i > POSITIONS_MAX ? STATUS_FULL : STATUS_OK);
	}
	assert_int_equal(snapshot("O 0 e=1 n=1024"), STATUS_INVALID);
	assert_int_equal(positions_count(positions), POSITIONS_MAX);
}

static void what_the_store_read_back_counts(void **state)
{
	(void)state;
	const struct position row = { .ticket = 237511830,
				      .symbol = "NZDCHF.r",
				      .volume = { 48, 2 },
				      .sl = { 0, 5 },
				      .tp = { 46672, 5 } };
	assert_int_equal(positions_put(positions, &row), STATUS_OK);
	assert_true(positions_hash(positions) == 0x2020682586963edeu);
	positions_destroy(NULL);
}

/* ---- against a plain list ---- */

enum { MODEL_TICKETS = 40 };
struct model {
	bool there[MODEL_TICKETS];
	int lots[MODEL_TICKETS], profit[MODEL_TICKETS];
};

static void model_checks(const struct model *model)
{
	uint64_t hash = 0, before = 0;
	uint32_t count = 0;
	for (uint32_t t = 0; t < MODEL_TICKETS; t++) {
		const struct position *row = positions_find(positions, t + 1);
		assert_int_equal(row != NULL, model->there[t]);
		if (!row)
			continue;
		count++;
		assert_int_equal(row->volume.mantissa, model->lots[t]);
		assert_int_equal(row->profit.mantissa, model->profit[t]);
		hash ^= mfp_position_hash(t + 1, (struct number){ model->lots[t], 2 }, number_of(0),
					  number_of(0));
	}
	assert_int_equal(positions_count(positions), count);
	assert_true(positions_hash(positions) == hash);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(positions_at(positions, i)->ticket > before);
		before = positions_at(positions, i)->ticket;
	}
}

static void model_snapshot(struct model *model, struct rng *rng)
{
	char line[128];
	uint32_t count = 0;
	uint64_t hash = 0;
	snprintf(line, sizeof line, "O 0 b=1 n=0");
	assert_int_equal(snapshot(line), STATUS_OK);
	for (uint32_t t = 0; t < MODEL_TICKETS; t++) {
		model->there[t] = rng_below(rng, 2);
		if (!model->there[t])
			continue;
		model->lots[t] = 100 + (int)rng_below(rng, 3);
		model->profit[t] = 100 + (int)rng_below(rng, 3);
		snprintf(line, sizeof line,
			 "o 0 tk=%u sym=E sd=buy vol=%d.%02d pl=%d.%02d sl=0 tp=0", t + 1,
			 model->lots[t] / 100, model->lots[t] % 100, model->profit[t] / 100,
			 model->profit[t] % 100);
		assert_int_equal(take(line), STATUS_OK);
		count++;
		hash ^= mfp_position_hash(t + 1, (struct number){ model->lots[t], 2 }, number_of(0),
					  number_of(0));
	}
	snprintf(line, sizeof line, "O 0 e=1 n=%u ph=%016llx", count, (unsigned long long)hash);
	assert_int_equal(snapshot(line), STATUS_OK);
}

static void it_agrees_with_a_plain_list_whatever_happens(void **state)
{
	(void)state;
	struct model model = { 0 };
	struct rng rng;
	char line[128];
	rng_init(&rng, 5);
	for (int round = 0; round < 20000; round++) {
		uint32_t t = (uint32_t)rng_below(&rng, MODEL_TICKETS);
		int what = (int)rng_below(&rng, 60), lots = 100 + (int)rng_below(&rng, 900);
		bool was = model.there[t];
		if (what == 0) {
			model_snapshot(&model, &rng);
		} else if (what < 20) {
			snprintf(line, sizeof line,
				 "o 0 ev=new tk=%u sym=E sd=buy vol=%d.%02d pl=1.00 sl=0 tp=0",
				 t + 1, lots / 100, lots % 100);
			assert_int_equal(take(line), STATUS_OK);
			assert_int_equal(change, was ? POSITION_CHANGED : POSITION_NEW);
			model.there[t] = true;
			model.lots[t] = lots;
			model.profit[t] = 100;
		} else if (what < 40) {
			snprintf(line, sizeof line, "o 0 ev=mod tk=%u pl=%d.%02d", t + 1,
				 lots / 100, lots % 100);
			assert_int_equal(take(line), was ? STATUS_OK : STATUS_NOT_FOUND);
			model.profit[t] = lots;
		} else {
			snprintf(line, sizeof line, "o 0 ev=del tk=%u", t + 1);
			assert_int_equal(take(line), was ? STATUS_OK : STATUS_NOT_FOUND);
			model.there[t] = false;
		}
		model_checks(&model);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_hash_is_the_protocols),
		TEST(a_new_one_says_all_it_is),
		TEST(prices_move_quietly_and_the_rest_does_not),
		TEST(one_that_goes_is_shown_once_more),
		TEST(a_snapshot_is_swapped_in_and_its_differences_told),
		TEST(a_snapshot_that_disagrees_leaves_the_set_alone),
		TEST(an_empty_snapshot_empties_it),
		TEST(a_snapshot_that_begins_again_forgets_its_first_half),
		TEST(changes_during_a_snapshot_go_into_both),
		TEST(there_is_a_bound),
		TEST(what_the_store_read_back_counts),
		TEST(it_agrees_with_a_plain_list_whatever_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
