/* The range coder and the packer that every table goes through. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/bars_table.h"
#include "codec/pack_frame.h"
#include "codec/tape_table.h"

enum { STORAGE = 1 << 18 };

static uint8_t storage[STORAGE];

static void coder_gives_back_every_decision(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		enum { N = 20000 };
		uint32_t put[16], get[16];
		struct rng rng, again;
		struct range_encoder encoder;
		struct range_decoder decoder;
		for (int i = 0; i < 16; i++)
			put[i] = get[i] = RANGE_SLOT_FLAT;
		rng_init(&rng, seed);
		rng_init(&again, seed);
		range_encoder_init(&encoder, storage);
		for (int i = 0; i < N; i++) {
			uint64_t draw = rng_next(&rng);
			range_put(&encoder, &put[draw & 15], (draw >> 32 & 255) < seed * 4);
			range_put_raw(&encoder, draw, (unsigned)(draw >> 8) % 65 * (i % 50 == 0));
		}
		size_t len = range_encoder_finish(&encoder, storage);
		range_decoder_init(&decoder, storage + RANGE_SLACK, len);
		for (int i = 0; i < N; i++) {
			uint64_t draw = rng_next(&again);
			unsigned bits = (unsigned)(draw >> 8) % 65 * (i % 50 == 0);
			uint64_t mask = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
			assert_int_equal(range_get(&decoder, &get[draw & 15]),
					 (draw >> 32 & 255) < seed * 4);
			assert_int_equal(range_get_raw(&decoder, bits), draw & mask);
		}
		assert_true(range_decoder_done(&decoder));
		assert_memory_equal(put, get, sizeof put);
	}
}

/* 20,000 decisions of which 5 % are ones hold 5,728 bits. */
static void coder_comes_near_the_entropy(void **state)
{
	(void)state;
	enum { N = 20000 };
	uint32_t slot = RANGE_SLOT_FLAT;
	double ones = 0;
	struct rng rng;
	struct range_encoder encoder;
	rng_init(&rng, 5);
	range_encoder_init(&encoder, storage);
	for (int i = 0; i < N; i++) {
		uint32_t bit = rng_below(&rng, 20) == 0;
		ones += bit;
		range_put(&encoder, &slot, bit);
	}
	double p = ones / N, bits = -N * (p * log2(p) + (1 - p) * log2(1 - p));
	double spent = 8.0 * (double)range_encoder_finish(&encoder, storage);
	assert_true(spent > bits);
	assert_true(spent < bits * 1.03);
}

/* The decisions that lead to the number 0.1000… in binary keep low just below it,
 * at 0.0111…, until the last step adds what makes a carry run through all of it. */
static void coder_carries_through_a_long_run_of_ones(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 3000; n += 7) {
		const uint8_t half = 0x80;
		uint32_t get[4], put[4], again[4];
		struct range_encoder encoder;
		struct range_decoder decoder, check;
		for (int i = 0; i < 4; i++)
			get[i] = put[i] = again[i] = RANGE_SLOT_FLAT - 0x12345400u * (uint32_t)i;
		range_decoder_init(&decoder, &half, 1);
		range_encoder_init(&encoder, storage);
		for (unsigned i = 0; i < n; i++)
			range_put(&encoder, &put[i & 3], range_get(&decoder, &get[i & 3]));
		size_t len = range_encoder_finish(&encoder, storage);
		range_decoder_init(&check, storage + RANGE_SLACK, len);
		assert_true(len <= 1);
		for (int i = 0; i < 4; i++)
			get[i] = RANGE_SLOT_FLAT - 0x12345400u * (uint32_t)i;
		range_decoder_init(&decoder, &half, 1);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(range_get(&check, &again[i & 3]),
					 range_get(&decoder, &get[i & 3]));
	}
}

static void carry_runs_over_bytes_of_ff(void **state)
{
	(void)state;
	uint8_t bytes[] = { 7, 0xff, 0xff, 0xff };
	range_carry(bytes + sizeof bytes);
	assert_memory_equal(bytes, ((uint8_t[]){ 8, 0, 0, 0 }), sizeof bytes);
}

static void coder_of_nothing_takes_no_byte(void **state)
{
	(void)state;
	struct range_encoder encoder;
	range_encoder_init(&encoder, storage);
	assert_int_equal(range_encoder_finish(&encoder, storage), 0);
}

static void chance_stays_inside_its_bounds(void **state)
{
	(void)state;
	for (uint32_t bit = 0; bit < 2; bit++) {
		uint32_t slot = RANGE_SLOT_FLAT;
		for (int i = 0; i < 5000; i++) {
			slot = range_learn(slot, bit);
			assert_true(range_chance(slot) >= 1 && range_chance(slot) <= 65535);
			assert_true((slot & 1023) <= RANGE_COUNT_MAX);
		}
		assert_true(bit ? range_chance(slot) > 65500 : range_chance(slot) < 36);
	}
}

static void tables_are_well_formed(void **state)
{
	(void)state;
	pack_table_check(&tape_table);
	pack_table_check(&bars_table);
	assert_non_null(pack_priors_newest(&tape_table));
	assert_non_null(pack_priors_newest(&bars_table));
}

static jmp_buf failed;

static void on_check(const char *expr, const char *file, int line)
{
	(void)expr, (void)file, (void)line;
	longjmp(failed, 1);
}

static void table_with_a_wrong_base_is_refused(void **state)
{
	(void)state;
	struct pack_column columns[TAPE_COLUMNS];
	struct pack_table table = tape_table;
	memcpy(columns, tape_columns, sizeof columns);
	columns[TAPE_PRICE].base++;
	table.columns = columns;
	volatile bool refused = false;
	check_set_handler(on_check);
	if (setjmp(failed) == 0)
		pack_table_check(&table);
	else
		refused = true;
	check_set_handler(NULL);
	assert_true(refused);
}

static void unknown_priors_are_a_version_error(void **state)
{
	(void)state;
	const struct pack_priors *priors = pack_priors_newest(&tape_table);
	assert_int_equal(pack_priors_find(&tape_table, 4000000000u, &priors), STATUS_VERSION);
	assert_int_equal(pack_priors_find(&tape_table, 0, &priors), STATUS_OK);
	assert_null(priors);
	assert_int_equal(pack_priors_find(&tape_table, 1, &priors), STATUS_OK);
	assert_int_equal(priors->version, 1);
}

/* A table with every transform and option. */
static int64_t twice_the_first(const int64_t *row, const struct pack_memory *memory)
{
	(void)memory;
	return (int64_t)((uint64_t)row[0] * 2);
}

static const struct pack_column all_columns[] = {
	{ .name = "plain",
	  .transform = PACK_PLAIN,
	  .base = 4,
	  .len_bits = 6,
	  .depth = 0,
	  .n_hit = 1,
	  .hit = { { 1, 0 } } },
	{ .name = "bit", .transform = PACK_BIT, .base = 71, .n_hit = 1, .hit = { { 1, 1 } } },
	{ .name = "repeat",
	  .transform = PACK_REPEAT,
	  .base = 73,
	  .ticks = true,
	  .natural = true,
	  .len_bits = 3,
	  .depth = 8,
	  .lens = 9 },
	{ .name = "delta",
	  .transform = PACK_DELTA,
	  .base = 2643,
	  .rare = true,
	  .add = -3,
	  .len_bits = 1,
	  .depth = 1,
	  .lens = 0,
	  .n_sign = 2,
	  .sign = { { 0, 0 }, { 1, 0 } } },
	{ .name = "delta2",
	  .transform = PACK_DELTA2,
	  .base = 2652,
	  .ticks = true,
	  .len_bits = 4,
	  .depth = 2,
	  .lens = 64,
	  .n_len = 1,
	  .len = { { 4, 0 } } },
	{ .name = "formula",
	  .transform = PACK_FORMULA,
	  .base = 2947,
	  .formula = twice_the_first,
	  .add = 7,
	  .len_bits = 5,
	  .depth = 3,
	  .lens = 4 },
};
enum { ALL_SLOTS = 3021, ALL_COLUMNS = 6 };
static const struct pack_table all_table = { "all", all_columns, ALL_COLUMNS, ALL_SLOTS, NULL, 0 };

static int64_t random_value(struct rng *rng)
{
	uint64_t value = rng_next(rng) >> rng_below(rng, 64);
	switch (rng_below(rng, 6)) {
	case 0: return (int64_t)value;
	case 1: return (int64_t)(0 - value);
	case 2: return INT64_MIN;
	case 3: return (int64_t)rng_below(rng, 100) * 1000;
	case 4: return 0;
	}
	return (int64_t)(value & 7);
}

static void random_row(struct rng *rng, int64_t *row)
{
	for (int i = 0; i < ALL_COLUMNS; i++)
		if (rng_below(rng, 3) == 0)
			row[i] = random_value(rng);
	row[1] &= 1;
	if (rng_below(rng, 2))
		row[3] = (int64_t)((uint64_t)row[3] - 3);
	if (rng_below(rng, 2))
		row[5] = (int64_t)((uint64_t)row[0] * 2 + 7);
}

static void all_units(struct packer *packer, int64_t unit)
{
	packer->memory[2].unit = unit;
	packer->memory[4].unit = unit;
}

static void any_table_comes_back_exactly(void **state)
{
	(void)state;
	enum { ROWS = 300 };
	static uint32_t slots[ALL_SLOTS];
	static int64_t rows[ROWS][ALL_COLUMNS];
	pack_table_check(&all_table);
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct packer packer;
		struct rng rng;
		rng_init(&rng, seed);
		int64_t unit = seed % 3 ? 1000 : 0, current[ALL_COLUMNS] = { 0 };
		packer_init_write(&packer, &all_table, NULL, slots, storage);
		all_units(&packer, unit);
		for (int i = 0; i < ROWS; i++) {
			int64_t scratch[ALL_COLUMNS];
			random_row(&rng, current);
			memcpy(rows[i], current, sizeof current);
			memcpy(scratch, current, sizeof current);
			packer_put(&packer, scratch);
		}
		size_t len = range_encoder_finish(&packer.encoder, storage);
		struct str payload = str_make((char *)storage + RANGE_SLACK, len);
		packer_init_read(&packer, &all_table, NULL, slots, payload);
		all_units(&packer, unit);
		for (int i = 0; i < ROWS; i++) {
			int64_t row[ALL_COLUMNS];
			packer_get(&packer, row);
			assert_memory_equal(row, rows[i], sizeof row);
		}
		assert_true(range_decoder_done(&packer.decoder));
	}
}

static void row_never_takes_more_than_its_bound(void **state)
{
	(void)state;
	static uint32_t slots[ALL_SLOTS];
	size_t bound = (pack_row_bits_max(&all_table) + 7) / 8 + 4, worst = 0;
	struct packer packer;
	struct rng rng;
	rng_init(&rng, 8);
	packer_init_write(&packer, &all_table, NULL, slots, storage);
	int64_t quiet[ALL_COLUMNS] = { 0 }, row[ALL_COLUMNS];
	for (int i = 0; i < 2000; i++) {
		for (int k = 0; k < ALL_COLUMNS; k++)
			row[k] = i % 50 ? quiet[k] : (int64_t)(rng_next(&rng) | 1ull << 63);
		row[1] = i % 50 == 0;
		uint8_t *before = packer.encoder.out;
		packer_put(&packer, row);
		size_t took = (size_t)(packer.encoder.out - before);
		worst = took > worst ? took : worst;
	}
	assert_true(worst > bound / 3);
	assert_true(worst <= bound);
}

/* The tape's and the bars' own inline row code against the table walker. */
static void tape_rows_are_what_the_table_says(void **state)
{
	(void)state;
	static struct tape_model model;
	static uint32_t slots[TAPE_SLOTS];
	static uint8_t generic[STORAGE];
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct tape_origin origin = { 1000, 5, 268000, 1, 2 };
		const struct pack_priors *priors = pack_priors_newest(&tape_table);
		struct packer packer;
		struct range_encoder encoder;
		struct rng rng;
		rng_init(&rng, seed);
		packer_init_write(&packer, &tape_table, priors, slots, generic);
		range_encoder_init(&encoder, storage);
		tape_model_start(&model, priors, &origin);
		packer.plain = model.plain;
		memcpy(packer.memory, model.memory, sizeof model.memory);
		int64_t row[TAPE_COLUMNS] = { 1000, 4, 0, 2680000, 100 };
		for (int i = 0; i < 2000; i++) {
			row[TAPE_TIME] += (int64_t)rng_below(&rng, 3) * 40;
			row[TAPE_ID] += rng_below(&rng, 9) ? 1 : random_value(&rng) & 1023;
			row[TAPE_SIDE] = (int64_t)rng_below(&rng, 2);
			row[TAPE_PRICE] += (int64_t)rng_below(&rng, 5) * 10 - 20;
			row[TAPE_QTY] = i % 7 ? row[TAPE_QTY] : random_value(&rng);
			int64_t one[TAPE_COLUMNS], two[TAPE_COLUMNS];
			memcpy(one, row, sizeof row);
			memcpy(two, row, sizeof row);
			tape_put_row(&encoder, &model, one);
			packer_put(&packer, two);
		}
		size_t len = range_encoder_finish(&encoder, storage);
		assert_int_equal(len, range_encoder_finish(&packer.encoder, generic));
		assert_memory_equal(storage + RANGE_SLACK, generic + RANGE_SLACK, len);
	}
}

static void bars_rows_are_what_the_table_says(void **state)
{
	(void)state;
	static struct bars_model model;
	static uint32_t slots[BARS_SLOTS];
	static uint8_t generic[STORAGE];
	struct bars_origin origin = { 60000, 100, 1 };
	struct packer packer;
	struct range_encoder encoder;
	struct rng rng;
	rng_init(&rng, 3);
	packer_init_write(&packer, &bars_table, NULL, slots, generic);
	range_encoder_init(&encoder, storage);
	bars_model_start(&model, NULL, &origin);
	packer.plain = model.plain;
	memcpy(packer.memory, model.memory, sizeof model.memory);
	for (int i = 0; i < 1000; i++) {
		int64_t row[BARS_COLUMNS] = {
			60000 * (i + 1), 100, 101, 102, 99, 5, 6, -7, 0, 8, 0, 3, 1, 0, 0, 0
		};
		row[BARS_ID_FIRST] = 1 + 4 * i;
		row[BARS_ID_LAST] = 4 + 4 * i;
		row[rng_below(&rng, BARS_COLUMNS)] = random_value(&rng);
		int64_t copy[BARS_COLUMNS];
		memcpy(copy, row, sizeof row);
		bars_put_row(&encoder, &model, row);
		packer_put(&packer, copy);
	}
	size_t len = range_encoder_finish(&encoder, storage);
	assert_int_equal(len, range_encoder_finish(&packer.encoder, generic));
	assert_memory_equal(storage + RANGE_SLACK, generic + RANGE_SLACK, len);
}

static void any_bytes_are_unpacked_to_something(void **state)
{
	(void)state;
	static uint32_t slots[ALL_SLOTS];
	struct rng rng;
	rng_init(&rng, 77);
	for (int round = 0; round < 300; round++) {
		struct packer packer;
		size_t len = (size_t)rng_below(&rng, 200);
		for (size_t i = 0; i < len; i++)
			storage[i] = round % 3 ? (uint8_t)rng_next(&rng) : 0xff;
		packer_init_read(&packer, &all_table, NULL, slots, str_make((char *)storage, len));
		for (int i = 0; i < 500; i++) {
			int64_t row[ALL_COLUMNS];
			packer_get(&packer, row);
			assert_true(row[1] == 0 || row[1] == 1);
		}
	}
}

static void varints_come_back_and_too_long_ones_are_bad(void **state)
{
	(void)state;
	static const int64_t values[] = { 0, -1, 1, 63, 64, -64, -65, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		uint8_t bytes[PACK_VARINT_MAX];
		size_t len = (size_t)(pack_put_signed(bytes, values[i]) - bytes);
		struct pack_reader reader = { { (char *)bytes, len }, false };
		assert_int_equal(pack_read_signed(&reader), values[i]);
		assert_false(reader.bad);
		reader = (struct pack_reader){ { (char *)bytes, len - 1 }, false };
		(void)pack_read_signed(&reader);
		assert_true(reader.bad);
	}
	struct pack_reader reader = { STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false };
	assert_int_equal(pack_read_varint(&reader), 0);
	assert_true(reader.bad);
}

static void units_are_trailing_zeros(void **state)
{
	(void)state;
	assert_int_equal(pack_unit_of(0), 0);
	assert_int_equal(pack_unit_of(7), 0);
	assert_int_equal(pack_unit_of(-2500), 2);
	assert_int_equal(pack_unit_of(1000000000000000000), 18);
	assert_int_equal(pack_unit_of(INT64_MIN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coder_gives_back_every_decision),
		cmocka_unit_test(coder_comes_near_the_entropy),
		cmocka_unit_test(coder_carries_through_a_long_run_of_ones),
		cmocka_unit_test(carry_runs_over_bytes_of_ff),
		cmocka_unit_test(coder_of_nothing_takes_no_byte),
		cmocka_unit_test(chance_stays_inside_its_bounds),
		cmocka_unit_test(tables_are_well_formed),
		cmocka_unit_test(table_with_a_wrong_base_is_refused),
		cmocka_unit_test(unknown_priors_are_a_version_error),
		cmocka_unit_test(any_table_comes_back_exactly),
		cmocka_unit_test(row_never_takes_more_than_its_bound),
		cmocka_unit_test(tape_rows_are_what_the_table_says),
		cmocka_unit_test(bars_rows_are_what_the_table_says),
		cmocka_unit_test(any_bytes_are_unpacked_to_something),
		cmocka_unit_test(varints_come_back_and_too_long_ones_are_bad),
		cmocka_unit_test(units_are_trailing_zeros),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
