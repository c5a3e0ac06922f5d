/* What the packed history is made of: which type each behaviour of a column gets, how a
 * number of a shape is put, the formulas, and the rows that are open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/pack_frame.h"
#include "codec/samples_formula.h"
#include "codec/samples_plan.h"
#include "codec/samples_rows.h"
#include "samples_load.h"

static struct samples_start start;
static struct samples_costs costs;
static struct samples_model model;
static uint8_t storage[1 << 16];

static int set_up(void **state)
{
	(void)state;
	samples_start_make(&start, pack_priors_newest(&samples_table));
	samples_costs_make(&costs, &start);
	return 0;
}

/* realloc as the program's, so that it can fail and be counted; a sanitizer owns it. */
static bool realloc_fails;
static uint32_t reallocs;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define OWN_REALLOC
#elif !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define OWN_REALLOC
#endif
#endif
#ifdef OWN_REALLOC
void *__libc_realloc(void *old, size_t size);

void *realloc(void *old, size_t size)
{
	reallocs++;
	return realloc_fails ? NULL : __libc_realloc(old, size);
}
#endif

static enum samples_type type_of(const int64_t *values, uint32_t count)
{
	struct samples_column column;
	samples_model_start(&model, &start);
	samples_plan(&costs, &model, values, count, &column);
	assert_true(column.type < SAMPLES_TYPES);
	assert_int_equal(column.count, samples_numbers(column.type, count));
	return column.type;
}

/* Of a minute whose value in row i is `expression`. */
#define ASSERT_TYPE(type, expression)                                                              \
	do {                                                                                       \
		int64_t values[SAMPLES_ROWS_MAX];                                                  \
		for (int64_t i = 0; i < SAMPLES_ROWS_MAX; i++)                                     \
			values[i] = (expression);                                                  \
		assert_int_equal(type_of(values, SAMPLES_ROWS_MAX), (type));                       \
	} while (0)

static void each_behaviour_has_its_type(void **state)
{
	(void)state;
	struct rng rng;
	int64_t now = 1000, speed = 0;
	rng_init(&rng, 3);
	ASSERT_TYPE(SAMPLES_CONSTANT, 42);
	ASSERT_TYPE(SAMPLES_EVEN, 7 - 5 * i);
	ASSERT_TYPE(SAMPLES_LEVEL, 5000 + llrint(rng_normal(&rng) * 30));
	ASSERT_TYPE(SAMPLES_LEVEL_UP, 200 + (int64_t)(-log(1 - rng_unit(&rng)) * 90));
	ASSERT_TYPE(SAMPLES_DELTA, now += llrint(rng_normal(&rng) * 30));
	ASSERT_TYPE(SAMPLES_DELTA_UP, now += 100 + (int64_t)(-log(1 - rng_unit(&rng)) * 20));
	ASSERT_TYPE(SAMPLES_DELTA2, now += speed += llrint(rng_normal(&rng) * 30));
	ASSERT_TYPE(SAMPLES_SPARSE_LEVEL, i % 10 == 4 ? i % 4 * 10 - 7 : 2);
	ASSERT_TYPE(SAMPLES_SPARSE_LEVEL_UP, i % 10 == 4 ? 3 + i : 2);
	ASSERT_TYPE(SAMPLES_SPARSE_DELTA, now += i % 10 == 4 ? i % 4 * 10 - 7 : 0);
	ASSERT_TYPE(SAMPLES_SPARSE_DELTA_UP, now += i % 9 == 4 ? 1 + i : 0);
}

static void two_values_are_even_and_one_is_constant(void **state)
{
	(void)state;
	static const int64_t far[] = { INT64_MIN, INT64_MAX };
	assert_int_equal(type_of(far, 1), SAMPLES_CONSTANT);
	assert_int_equal(type_of(far, 2), SAMPLES_EVEN);
}

/* A drift is taken off the steps; where it is lost in them it is not told. */
static void a_drift_is_told_where_it_matters(void **state)
{
	(void)state;
	struct samples_column column;
	int64_t values[SAMPLES_ROWS_MAX], now = 0;
	struct rng rng;
	rng_init(&rng, 4);
	for (uint32_t i = 0; i < SAMPLES_ROWS_MAX; i++)
		values[i] = now += 1000 + llrint(rng_normal(&rng) * 20);
	samples_model_start(&model, &start);
	samples_plan(&costs, &model, values, SAMPLES_ROWS_MAX, &column);
	assert_in_range(column.step, 900, 1100);
	for (uint32_t i = 0; i < SAMPLES_ROWS_MAX; i++)
		values[i] = now += llrint(rng_normal(&rng) * 20);
	samples_plan(&costs, &model, values, SAMPLES_ROWS_MAX, &column);
	assert_int_equal(column.type, SAMPLES_DELTA);
	assert_int_equal(column.step, 0);
}

/* Ten times the step, three bits and a third more: at every scale the same fit. */
static void every_scale_is_packed_near_its_entropy(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 5);
	for (double spread = 1; spread < 1e15; spread *= 10) {
		double entropy = log2(spread * 4.1327), bits = 0;
		for (int round = 0; round < 200; round++) {
			struct samples_column column;
			struct range_encoder encoder;
			int64_t values[SAMPLES_ROWS_MAX], now = 0;
			for (uint32_t i = 0; i < SAMPLES_ROWS_MAX; i++)
				values[i] = now += llrint(rng_normal(&rng) * spread);
			samples_model_start(&model, &start);
			samples_plan(&costs, &model, values, SAMPLES_ROWS_MAX, &column);
			range_encoder_init(&encoder, storage);
			samples_put_numbers(&encoder, &model, &column);
			bits += 8.0 * (double)range_encoder_finish(&encoder, storage);
		}
		bits /= 200 * (SAMPLES_ROWS_MAX - 1);
		assert_true(bits > entropy - 0.05 && bits < entropy + 0.25);
	}
}

static void a_number_of_any_shape_and_shift_comes_back(void **state)
{
	(void)state;
	enum { N = 400 };
	static uint64_t numbers[N];
	struct rng rng;
	rng_init(&rng, 6);
	for (uint32_t shape = 0; shape < SAMPLES_SHAPES; shape++) {
		for (uint32_t shift = 0; shift <= SAMPLES_SHIFT_MAX; shift++) {
			const uint32_t *edges = start.edges[shape];
			struct range_encoder encoder;
			struct range_decoder decoder;
			range_encoder_init(&encoder, storage);
			for (uint32_t i = 0; i < N; i++) {
				numbers[i] = i < 70 ? (uint64_t)i << shift
						    : rng_next(&rng) >> rng_below(&rng, 64);
				numbers[i] = i == 70 ? UINT64_MAX : numbers[i];
				samples_put_number(&encoder, edges, numbers[i], shift);
			}
			size_t len = range_encoder_finish(&encoder, storage);
			range_decoder_init(&decoder, storage + RANGE_SLACK, len);
			for (uint32_t i = 0; i < N; i++)
				assert_true(samples_get_number(&decoder, edges, shift) ==
					    numbers[i]);
			assert_true(range_decoder_done(&decoder));
		}
	}
}

static void spans_are_of_one_piece(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(samples_span_of); i++) {
		uint32_t span = samples_span_of[i], first = samples_spans[span].first;
		assert_in_range(i, first, first + (1u << samples_spans[span].bits) - 1);
	}
	assert_int_equal(samples_spans[SAMPLES_SPANS - 1].first, 1 << SAMPLES_SPANS_BITS);
	pack_table_check(&samples_table);
}

static void formulas_say_what_an_account_says(void **state)
{
	(void)state;
	static const int64_t sums[] = { 227187, 16453, 16453 }, profit[] = { 227187, 334616, 0 };
	static const int64_t none[] = { 227187, 0, 0 }, debt[] = { -227187, 16453, 16453 };
	assert_int_equal(samples_formula_value(SAMPLE_fm, sums, 2), 210734);
	assert_int_equal(samples_formula_value(SAMPLE_ml, sums, 2), 138082);
	assert_int_equal(samples_formula_value(SAMPLE_ml, debt, 2), -138082);
	assert_int_equal(samples_formula_value(SAMPLE_ml, none, 2), 0);
	assert_int_equal(samples_formula_value(SAMPLE_pl, profit, 2), -107429);
	for (enum sample at = 0; at < SAMPLE_COUNT; at++) {
		const struct samples_formula *formula = samples_formula(at);
		for (uint32_t k = 0; formula && k < SAMPLES_OPERANDS; k++)
			assert_true(formula->operands[k] < at);
	}
}

/* Nothing here may overflow; what comes out is all the same. */
static void formulas_take_any_operands(void **state)
{
	(void)state;
	static const int64_t edges[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
	for (uint32_t i = 0; i < 125; i++) {
		int64_t operands[] = { edges[i % 5], edges[i / 5 % 5], edges[i / 25] };
		for (uint32_t digits = 0; digits <= DECIMAL_SCALE_MAX; digits++) {
			samples_formula_value(SAMPLE_fm, operands, digits);
			samples_formula_value(SAMPLE_ml, operands, digits);
			samples_formula_value(SAMPLE_pl, operands, digits);
		}
	}
	static const int64_t wide[] = { INT64_MAX, 1, 0 };
	assert_int_equal(samples_formula_value(SAMPLE_ml, wide, 17), 0);
}

static void make_noise(struct rng *rng, int64_t ms, uint64_t bits, struct sample_row_values *row)
{
	row->ms = ms;
	row->known = UINT64_MAX;
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++)
		row->values[i] = (struct number){ (int64_t)(rng_next(rng) >> (64 - bits)), 0 };
}

static void what_is_open_stays_in_its_bound(void **state)
{
	(void)state;
	struct sample_row_values row;
	struct samples_open *open = samples_open_create();
	struct rng rng;
	assert_non_null(open);
	rng_init(&rng, 7);
	for (uint64_t bits = 1; bits <= 64; bits++) {
		samples_open_clear(open);
		uint32_t count = 0;
		do
			make_noise(&rng, 1000 * (int64_t)count, bits, &row);
		while (samples_open_add(open, &row) == STATUS_OK && ++count);
		assert_true(count == SAMPLES_ROWS_MAX || open->len > SAMPLES_ROWS_BYTES - 900);
		assert_true(samples_open_bytes(open) <= SAMPLES_OPEN_BYTES);
	}
	samples_open_destroy(open);
}

static void a_second_minute_like_the_first_allocates_nothing(void **state)
{
	(void)state;
	struct sample_row_values row;
	struct samples_open *open = samples_open_create();
	struct rng rng;
	assert_non_null(open);
	for (int minute = 0; minute < 2; minute++) {
		rng_init(&rng, 8);
		reallocs = 0;
		samples_open_clear(open);
		for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
			make_noise(&rng, 1000 * (int64_t)r, 6, &row);
			assert_int_equal(samples_open_add(open, &row), STATUS_OK);
		}
	}
	assert_int_equal(reallocs, 0);
	samples_open_destroy(open);
}

static void what_cannot_grow_is_full_and_keeps_its_rows(void **state)
{
	(void)state;
#ifndef OWN_REALLOC
	skip();
#endif
	static struct sample_row_values rows[SAMPLES_ROWS_MAX], back[SAMPLES_ROWS_MAX];
	static char chunk[SAMPLES_CHUNK_BYTES];
	struct samples_writer *writer = samples_writer_create();
	struct samples_open *open = samples_open_create();
	struct buf out = buf_over(chunk, sizeof chunk);
	struct samples_info info;
	struct rng rng;
	uint32_t count = 0;
	assert_non_null(writer);
	assert_non_null(open);
	rng_init(&rng, 9);
	realloc_fails = true;
	do
		make_noise(&rng, 1000 * (int64_t)count, 63, &rows[count]);
	while (samples_open_add(open, &rows[count]) == STATUS_OK && ++count);
	realloc_fails = false;
	assert_in_range(count, 1, 2);
	samples_pack(writer, open, &out);
	assert_int_equal(samples_read(buf_str(&out), &info, back), STATUS_OK);
	assert_int_equal(info.count, count);
	assert_int_equal(back[count - 1].values[5].mantissa, rows[count - 1].values[5].mantissa);
	samples_open_clear(open);
	assert_int_equal(samples_open_add(open, &rows[count]), STATUS_OK);
	samples_open_destroy(open);
	samples_writer_destroy(writer);
}

/* What the figures of the bench are figures of. */
static void the_load_moves_24_every_second_24_seldom_and_16_never(void **state)
{
	(void)state;
	enum { SECONDS = 4000 };
	static struct sample_row_values row, before;
	uint32_t moves[SAMPLE_COUNT] = { 0 }, often = 0, seldom = 0, never = 0;
	struct load load;
	load_start(&load, LOAD_SOME, 12, 0);
	load_row(&load, &before);
	for (int second = 0; second < SECONDS; second++, before = row) {
		load_row(&load, &row);
		for (uint32_t i = 0; i < SAMPLE_COUNT; i++)
			moves[i] += row.values[i].mantissa != before.values[i].mantissa;
	}
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
		never += moves[i] == 0;
		seldom += moves[i] > 0 && moves[i] < SECONDS / 9;
		often += moves[i] > SECONDS / 2;
	}
	assert_int_equal(often, 24);
	assert_int_equal(seldom, 24);
	assert_int_equal(never, 16);
}

/* Bytes as a chunk of rows has them. */
static enum status read_rows(const char *hex, uint32_t count)
{
	static struct sample_row_values out[SAMPLES_ROWS_MAX];
	uint8_t bytes[256];
	size_t len = strlen(hex) / 2;
	for (size_t i = 0; i < len; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	return samples_rows_read(str_make((char *)bytes, len), 1000, count, out);
}

static void rows_that_no_writer_writes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(read_rows("00"
				   "00"
				   "0000000000000000",
				   1),
			 STATUS_OK);
	assert_int_equal(read_rows("00"
				   "01"
				   "0100000000000000"
				   "0100000000000000"
				   "02",
				   1),
			 STATUS_OK);
	/* Not at its first time; a second that is not later; one too few; one byte more. */
	assert_int_equal(read_rows("01"
				   "00"
				   "0000000000000000",
				   1),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("00"
				   "00"
				   "0000000000000000"
				   "00"
				   "00"
				   "0000000000000000",
				   2),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("00"
				   "00"
				   "0000000000000000",
				   2),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("00"
				   "00"
				   "0000000000000000"
				   "00",
				   1),
			 STATUS_FORMAT);
	/* Cut in the masks, the digits, the number; 19 digits; a varint that is too long. */
	assert_int_equal(read_rows("00"
				   "01"
				   "01000000",
				   1),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("00"
				   "02"
				   "0300000000000000"
				   "01",
				   1),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("00"
				   "02"
				   "0100000000000000"
				   "13"
				   "0000000000000000",
				   1),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("00"
				   "00"
				   "0100000000000000"
				   "80",
				   1),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("00"
				   "00"
				   "0100000000000000"
				   "ffffffffffffffffff02",
				   1),
			 STATUS_FORMAT);
	assert_int_equal(read_rows("", 1), STATUS_FORMAT);
	assert_int_equal(read_rows("00", 1), STATUS_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_behaviour_has_its_type),
		cmocka_unit_test(two_values_are_even_and_one_is_constant),
		cmocka_unit_test(a_drift_is_told_where_it_matters),
		cmocka_unit_test(every_scale_is_packed_near_its_entropy),
		cmocka_unit_test(a_number_of_any_shape_and_shift_comes_back),
		cmocka_unit_test(spans_are_of_one_piece),
		cmocka_unit_test(formulas_say_what_an_account_says),
		cmocka_unit_test(formulas_take_any_operands),
		cmocka_unit_test(what_is_open_stays_in_its_bound),
		cmocka_unit_test(a_second_minute_like_the_first_allocates_nothing),
		cmocka_unit_test(what_cannot_grow_is_full_and_keeps_its_rows),
		cmocka_unit_test(the_load_moves_24_every_second_24_seldom_and_16_never),
		cmocka_unit_test(rows_that_no_writer_writes_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
