/* train_samples.h - learns the start of a terminal's packed history (samples_table.h).
 *
 * The shapes are learned of no terminal but of columns drawn at random: normal, Laplace,
 * uniform and one-sided steps and noise, every second or seldom, at every scale. A first
 * set is worked out; then each column chooses its shape, the numbers of those that chose
 * it make the shape anew, and so on (Lloyd's way). The slots of the heads are learned by
 * train.h from the load of tests/samples_load.h and, a third of the chunks, from such
 * random columns, some of them not there: what heads say is a matter of what terminals
 * send, and not all will send this load.
 *
 * Include it before anything that includes codec/packer_row.h. */
#pragma once

#define SAMPLES_TRACE_SPAN(shape, high) train_see_span(shape, high)
static void train_see_span(unsigned shape, unsigned long long high);
#include "train.h"

#include "../tests/samples_load.h"
#include "codec/samples_formula.h"
#include "codec/samples_plan.h"

enum {
	TRAIN_SHAPE_COLUMNS = 12000,
	TRAIN_SHAPE_ROUNDS = 12,
	TRAIN_HEAD_CHUNKS = 450,
	TRAIN_HEAD_ROUNDS = 6,
	TRAIN_SEED = 5000,     /* the bench and the tests draw others */
	TRAIN_WIDTH_LEAST = 8, /* a span never takes more than 13 bits */
};

static double train_spans[SAMPLES_SHAPES][SAMPLES_SPANS];
static bool train_sees_spans;

static void train_see_span(unsigned shape, unsigned long long high)
{
	uint32_t last = SAMPLES_SPANS - 1;
	if (train_sees_spans)
		train_spans[shape]
			   [high < ARRAY_LEN(samples_span_of) ? samples_span_of[high] : last]++;
}

struct train_samples {
	uint16_t words[SAMPLES_PRIORS];
	struct samples_start start;
	struct samples_costs costs;
	struct samples_model model;
	struct samples_column column;
	struct range_encoder encoder;
	uint8_t storage[1 << 16];
};

static void train_samples_renew(struct train_samples *train)
{
	struct pack_priors start = { 1, train->words };
	samples_start_make(&train->start, &start);
	samples_costs_make(&train->costs, &train->start);
}

/* The widths of a shape's spans from how often each was seen; all together are 2^16. */
static void train_samples_shape(struct train_samples *train, uint32_t shape, const double *seen)
{
	uint16_t *width = &train->words[SAMPLES_SLOTS + shape * SAMPLES_SPANS];
	double all = 0, room = 65536 - SAMPLES_SPANS * TRAIN_WIDTH_LEAST;
	uint32_t sum = 0, most = 0;
	for (uint32_t i = 0; i < SAMPLES_SPANS; i++)
		all += seen[i];
	for (uint32_t i = 0; i < SAMPLES_SPANS; i++) {
		double share = all > 0 ? seen[i] / all : 1.0 / SAMPLES_SPANS;
		width[i] = (uint16_t)(TRAIN_WIDTH_LEAST + (uint32_t)(share * room));
		sum += width[i];
		most = width[i] > width[most] ? i : most;
	}
	width[most] = (uint16_t)(width[most] + 65536 - sum);
}

/* Of a distribution with mean 0 and spread 1, or waiting times of mean 1. */
enum train_family { TRAIN_NORMAL, TRAIN_LAPLACE, TRAIN_UNIFORM, TRAIN_WAITING, TRAIN_FAMILIES };

static double train_draw(struct rng *rng, enum train_family family)
{
	double u = rng_unit(rng);
	switch (family) {
	case TRAIN_NORMAL: return rng_normal(rng);
	case TRAIN_LAPLACE: return (u < 0.5 ? log(2 * u + 1e-9) : -log(2 - 2 * u)) * 0.7;
	case TRAIN_UNIFORM: return (u - 0.5) * 3.4;
	case TRAIN_WAITING:
	case TRAIN_FAMILIES: break;
	}
	return -log(1 - u);
}

/* A walk or noise, every second or with a chance of 1/2 to 1/64. */
static void train_random_column(struct rng *rng, int64_t *values)
{
	uint64_t draw = rng_below(rng, TRAIN_FAMILIES + 1); /* normal twice as often */
	enum train_family family = draw < TRAIN_FAMILIES ? (enum train_family)draw : TRAIN_NORMAL;
	double spread = exp2(rng_unit(rng) * 12 - 1.5);
	double chance = rng_below(rng, 3) ? 1 : exp2(-1 - rng_unit(rng) * 5);
	bool walks = rng_below(rng, 2);
	int64_t level = (int64_t)exp2(rng_unit(rng) * 20), now = level;
	for (uint32_t i = 0; i < SAMPLES_ROWS_MAX; i++) {
		if (rng_unit(rng) < chance)
			now = (walks ? now : level) + llrint(train_draw(rng, family) * spread);
		values[i] = now;
	}
}

static void train_samples_begin(struct train_samples *train)
{
	samples_model_start(&train->model, &train->start);
	range_encoder_init(&train->encoder, train->storage);
}

static void train_samples_column(struct train_samples *train, const int64_t *values)
{
	struct samples_column *column = &train->column;
	samples_plan(&train->costs, &train->model, values, SAMPLES_ROWS_MAX, column);
	samples_put_head(&train->encoder, &train->model, column);
	if (samples_has_numbers(column->type))
		samples_put_numbers(&train->encoder, &train->model, column);
}

static void train_samples_shapes(struct train_samples *train)
{
	int64_t values[SAMPLES_ROWS_MAX];
	struct rng rng;
	rng_init(&rng, TRAIN_SEED);
	memset(train_spans, 0, sizeof train_spans);
	train_sees_spans = true;
	for (uint32_t i = 0; i < TRAIN_SHAPE_COLUMNS; i++) {
		train_random_column(&rng, values);
		train_samples_begin(train);
		train_samples_column(train, values);
	}
	train_sees_spans = false;
	for (uint32_t shape = 0; shape < SAMPLES_SHAPES; shape++)
		train_samples_shape(train, shape, train_spans[shape]);
	train_samples_renew(train);
}

/* Ten of normal steps, six of waiting times, each wider than the one before. */
static void train_samples_first_shapes(struct train_samples *train)
{
	struct rng rng;
	rng_init(&rng, TRAIN_SEED);
	for (uint32_t shape = 0; shape < SAMPLES_SHAPES; shape++) {
		double seen[SAMPLES_SPANS] = { 0 };
		for (int i = 0; i < 20000; i++) {
			double normal = rng_normal(&rng) * 0.3 * pow(1.5, shape);
			double wait =
			    train_draw(&rng, TRAIN_WAITING) * 0.8 * pow(1.9, shape - 10.0);
			uint64_t number =
			    shape < 10 ? samples_zigzag((uint64_t)llrint(normal)) : (uint64_t)wait;
			seen[number < 64 ? samples_span_of[number] : SAMPLES_SPANS - 1]++;
		}
		train_samples_shape(train, shape, seen);
	}
}

static void train_samples_head(struct train_samples *train, enum samples_presence presence,
			       uint32_t digits)
{
	samples_put_part(&train->encoder, &train->model, SAMPLES_PRESENCE, presence);
	if (presence == SAMPLES_ALL)
		samples_put_part(&train->encoder, &train->model, SAMPLES_DIGITS, digits);
}

static void train_samples_load(struct train_samples *train, struct load *load)
{
	static struct sample_row_values rows[SAMPLES_ROWS_MAX];
	int64_t values[SAMPLES_ROWS_MAX];
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
		load_row(load, &rows[r]);
		values[r] = rows[r].ms - rows[0].ms - 1000 * (int64_t)r;
	}
	train_samples_column(train, values);
	for (uint32_t sample = 0; sample < SAMPLE_COUNT; sample++) {
		const struct samples_formula *formula = samples_formula((enum sample)sample);
		uint32_t digits = rows[0].values[sample].digits;
		train_samples_head(train, SAMPLES_ALL, digits);
		if (formula)
			samples_put_part(&train->encoder, &train->model, SAMPLES_HOLDS, 1);
		for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
			int64_t operands[SAMPLES_OPERANDS];
			values[r] = rows[r].values[sample].mantissa;
			for (uint32_t k = 0; formula && k < SAMPLES_OPERANDS; k++)
				operands[k] = rows[r].values[formula->operands[k]].mantissa;
			if (formula)
				values[r] -=
				    samples_formula_value((enum sample)sample, operands, digits);
		}
		train_samples_column(train, values);
	}
}

static void train_samples_random(struct train_samples *train, struct rng *rng)
{
	int64_t values[SAMPLES_ROWS_MAX] = { 0 };
	uint64_t absent = rng_below(rng, 40); /* of 64 */
	train_samples_column(train, values);
	for (uint32_t sample = 0; sample < SAMPLE_COUNT; sample++) {
		bool is_absent = rng_below(rng, SAMPLE_COUNT) < absent;
		train_random_column(rng, values);
		for (uint32_t r = 0; sample % 4 == 0 && r < SAMPLES_ROWS_MAX; r++)
			values[r] = values[0];
		train_samples_head(train, is_absent ? SAMPLES_NONE : SAMPLES_ALL,
				   (uint32_t)rng_below(rng, 3));
		if (is_absent)
			continue;
		if (samples_formula((enum sample)sample))
			samples_put_part(&train->encoder, &train->model, SAMPLES_HOLDS, 0);
		train_samples_column(train, values);
	}
}

static void train_samples_heads(struct train_samples *train)
{
	static uint16_t words[SAMPLES_SLOTS];
	struct train heads = { .count_max = TRAIN_COUNT_MAX, .slots = train->model.slots };
	struct load load;
	struct rng rng;
	rng_init(&rng, TRAIN_SEED);
	train_current = &heads;
	for (uint32_t i = 0; i < TRAIN_HEAD_CHUNKS; i++) {
		heads.chunk++;
		train_samples_begin(train);
		if (i % 10 == 0)
			load_start(&load, i % 20 ? LOAD_ALL : LOAD_SOME, TRAIN_SEED + i, i);
		if (i % 3)
			train_samples_load(train, &load);
		else
			train_samples_random(train, &rng);
	}
	train_current = NULL;
	train_finish(&heads, SAMPLES_SLOTS, words);
	memcpy(train->words, words, sizeof words);
	train_samples_renew(train);
}

/* SAMPLES_PRIORS words. The shapes that are chosen depend on what saying them costs, so
 * both are learned in turn. */
static inline void train_samples(uint16_t *words)
{
	static struct train_samples train;
	for (uint32_t i = 0; i < SAMPLES_SLOTS; i++)
		train.words[i] = 0x8000;
	train_samples_first_shapes(&train);
	train_samples_renew(&train);
	for (uint32_t round = 0; round < TRAIN_SHAPE_ROUNDS; round++)
		train_samples_shapes(&train);
	for (uint32_t round = 0; round < TRAIN_HEAD_ROUNDS; round++)
		train_samples_heads(&train);
	memcpy(words, train.words, sizeof train.words);
}
