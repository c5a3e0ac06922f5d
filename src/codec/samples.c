#include "codec/samples.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/priors.h"
#include "codec/samples_format.h"
#include "codec/samples_formula.h"
#include "codec/samples_plan.h"
#include "codec/samples_rows.h"

enum {
	HEAD_MAX = PACK_FRAME_HEAD + 2 + 3 * PACK_VARINT_MAX,
	/* More than the coder puts for one column: a row has two decisions (there, zero) and
	 * a span of 16 bits at most each, its digits 16 + 5, the rest of a number 6 + 64. */
	COLUMN_ROOM = SAMPLES_ROWS_MAX * (3 * 16 + 21 + 70) / 8 + 512,
};

_Static_assert(HEAD_MAX + SAMPLES_ROWS_BYTES <= SAMPLES_CHUNK_BYTES, "rows fit a chunk");
_Static_assert(SAMPLE_COUNT == 64, "a row's masks have a bit for each sample");

static const struct pack_priors samples_priors[] = {
	{ 1, priors_samples_1 },
};
_Static_assert(ARRAY_LEN(priors_samples_1) == SAMPLES_PRIORS, "trained for another table");

const struct pack_table samples_table = {
	"samples",     samples_columns, SAMPLES_PARTS,
	SAMPLES_SLOTS, samples_priors,  ARRAY_LEN(samples_priors)
};

void samples_start_make(struct samples_start *start, const struct pack_priors *priors)
{
	const uint16_t *width = priors ? priors->slots + SAMPLES_SLOTS : NULL;
	pack_slots_start(&samples_table, priors, start->slots);
	for (uint32_t shape = 0; shape < SAMPLES_SHAPES; shape++) {
		uint32_t *edges = start->edges[shape];
		edges[0] = 0;
		for (uint32_t span = 0; span < SAMPLES_SPANS; span++) {
			edges[span + 1] = edges[span] + (width ? *width++ : 65536 / SAMPLES_SPANS);
			CHECK(edges[span + 1] > edges[span]);
		}
		CHECK(edges[SAMPLES_SPANS] == 65536);
	}
}

/* The rows of a chunk column by column. */
struct grid {
	uint32_t count;
	int64_t ms[SAMPLES_ROWS_MAX];
	uint64_t known[64]; /* by column: bit r for row r */
	uint64_t moved[64]; /* likewise: another mantissa than what the column last had */
	uint64_t turned[SAMPLE_COUNT]; /* likewise: other digits */
	uint8_t digits[SAMPLES_ROWS_MAX][SAMPLE_COUNT];
	/* First what a value differs from the last one by; made values in their turn, one
	 * behind the other where some are not known. */
	int64_t values[SAMPLE_COUNT][SAMPLES_ROWS_MAX];
};

struct samples_writer {
	const struct pack_priors *priors;
	struct samples_start start;
	struct samples_costs costs;
	struct samples_model model;
	struct grid grid;
	struct samples_column column;
	int64_t formula[SAMPLES_ROWS_MAX];
	uint8_t storage[RANGE_SLACK + SAMPLES_CHUNK_BYTES + COLUMN_ROOM];
};

struct samples_writer *samples_writer_create_with(const struct pack_priors *priors)
{
	pack_table_check(&samples_table);
	struct samples_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return NULL;
	writer->priors = priors;
	samples_start_make(&writer->start, priors);
	samples_costs_make(&writer->costs, &writer->start);
	return writer;
}

struct samples_writer *samples_writer_create(void)
{
	return samples_writer_create_with(pack_priors_newest(&samples_table));
}

void samples_writer_destroy(struct samples_writer *writer) { free(writer); }

/* Rows of 64 bits become columns: halves of ever smaller squares change places. */
static void transpose(uint64_t square[64])
{
	uint64_t mask = 0x00000000ffffffff;
	for (uint32_t size = 32; size; size >>= 1, mask ^= mask << size) {
		for (uint32_t at = 0; at < 64; at = (at + size + 1) & ~size) {
			uint64_t swap = (square[at] >> size ^ square[at + size]) & mask;
			square[at] ^= swap << size;
			square[at + size] ^= swap;
		}
	}
}

static void lay_out(struct grid *grid, const struct samples_open *open)
{
	struct samples_cursor cursor = { .at = open->rows,
					 .end = open->rows + open->len,
					 .ms = open->first_ms };
	grid->count = open->count;
	memset(grid->values, 0, sizeof grid->values);
	memset(grid->turned, 0, sizeof grid->turned);
	memset(grid->known, 0, sizeof grid->known);
	memset(grid->moved, 0, sizeof grid->moved);
	for (uint32_t r = 0; r < open->count; r++) {
		uint64_t moved = samples_cursor_row(&cursor);
		grid->ms[r] = cursor.ms;
		grid->known[r] = cursor.known;
		grid->moved[r] = moved;
		for (uint64_t turned = cursor.turned; turned; turned &= turned - 1)
			grid->turned[__builtin_ctzll(turned)] |= UINT64_C(1) << r;
		memcpy(grid->digits[r], cursor.digits, sizeof cursor.digits);
		for (; moved; moved &= moved - 1)
			grid->values[__builtin_ctzll(moved)][r] =
			    (int64_t)samples_cursor_value(&cursor);
	}
	CHECK(!cursor.bad && cursor.at == cursor.end);
	transpose(grid->known);
	transpose(grid->moved);
}

static uint64_t lowest(uint64_t mask) { return mask & (0 - mask); }

/* Makes the column's values of its differences; how many there are. */
static uint32_t make_values(struct grid *grid, uint32_t sample)
{
	int64_t *values = grid->values[sample];
	uint64_t known = grid->known[sample], last = 0;
	uint32_t n = 0;
	if (known == samples_all_rows(grid->count)) {
		for (; n < grid->count; n++)
			values[n] = (int64_t)(last += (uint64_t)values[n]);
		return n;
	}
	for (uint32_t r = 0; r < grid->count; r++) {
		last += (uint64_t)values[r];
		values[n] = (int64_t)last;
		n += known >> r & 1;
	}
	return n;
}

/* Multiplies the values to the digits of the one that has most; false: they do not fit. */
static bool align(const struct grid *grid, uint32_t sample, const int64_t *values, uint32_t most,
		  int64_t *aligned)
{
	uint64_t known = grid->known[sample];
	for (; known; known &= known - 1, values++, aligned++) {
		int32_t more = (int32_t)most - grid->digits[__builtin_ctzll(known)][sample];
		if (__builtin_mul_overflow(*values, decimal_pow10(more), aligned))
			return false;
	}
	return true;
}

static void put_digits(struct range_encoder *encoder, struct samples_model *model,
		       const struct grid *grid, uint32_t sample, uint32_t before)
{
	for (uint64_t known = grid->known[sample]; known; known &= known - 1) {
		uint32_t digits = grid->digits[__builtin_ctzll(known)][sample];
		samples_put_part(encoder, model, SAMPLES_SAME, digits == before);
		if (digits != before)
			range_put_raw(encoder, digits, 5);
		before = digits;
	}
}

/* Digits that change, and makes the values what is then packed. */
static void put_changing_digits(struct range_encoder *encoder, struct samples_writer *writer,
				uint32_t sample, uint32_t count)
{
	struct grid *grid = &writer->grid;
	uint32_t n = 0, code;
	for (uint64_t known = grid->known[sample]; known; known &= known - 1) {
		uint32_t digits = grid->digits[__builtin_ctzll(known)][sample];
		n = digits > n ? digits : n;
	}
	if (align(grid, sample, grid->values[sample], n, writer->formula)) {
		memcpy(grid->values[sample], writer->formula, count * sizeof(int64_t));
		code = SAMPLES_DIGITS_ALIGNED + n;
	} else {
		n = grid->digits[__builtin_ctzll(grid->known[sample])][sample];
		code = SAMPLES_DIGITS_CHANGE + n;
	}
	samples_put_part(encoder, &writer->model, SAMPLES_DIGITS, code);
	put_digits(encoder, &writer->model, grid, sample, n);
}

static void put_presence(struct range_encoder *encoder, struct samples_writer *writer,
			 uint64_t known)
{
	uint32_t count = writer->grid.count;
	bool all = known == samples_all_rows(count);
	enum samples_presence presence = all ? SAMPLES_ALL : known ? SAMPLES_SOME : SAMPLES_NONE;
	samples_put_part(encoder, &writer->model, SAMPLES_PRESENCE, presence);
	for (uint32_t r = 0; presence == SAMPLES_SOME && r < count; r++)
		samples_put_part(encoder, &writer->model, SAMPLES_THERE, known >> r & 1);
}

static bool digits_change(const struct grid *grid, uint32_t sample)
{
	return grid->turned[sample] & ~lowest(grid->known[sample]);
}

static uint32_t digits_of(const struct grid *grid, uint32_t sample)
{
	return grid->digits[__builtin_ctzll(grid->known[sample])][sample];
}

/* Into writer->formula what the formula says, value by value; false when it says nothing:
 * all rows and digits must be alike. */
static bool evaluate(struct samples_writer *writer, enum sample sample, uint32_t count)
{
	const struct grid *grid = &writer->grid;
	const struct samples_formula *formula = samples_formula(sample);
	for (uint32_t k = 0; k < SAMPLES_OPERANDS; k++) {
		uint32_t operand = formula->operands[k];
		if (grid->known[operand] != grid->known[sample] || digits_change(grid, operand) ||
		    digits_of(grid, operand) != digits_of(grid, formula->operands[0]))
			return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		int64_t operands[SAMPLES_OPERANDS];
		for (uint32_t k = 0; k < SAMPLES_OPERANDS; k++)
			operands[k] = grid->values[formula->operands[k]][i];
		writer->formula[i] =
		    samples_formula_value(sample, operands, digits_of(grid, sample));
	}
	return true;
}

/* Sums hold to the digit; another broker's may be off by a rounding now and then. */
static bool formula_holds(const int64_t *values, const int64_t *formula, uint32_t count)
{
	uint32_t moves = 0, misses = 0;
	uint64_t off = (uint64_t)values[0] - (uint64_t)formula[0];
	for (uint32_t i = 1; i < count; i++) {
		moves += values[i] != values[i - 1];
		misses += (uint64_t)values[i] - (uint64_t)formula[i] != off;
	}
	return misses * 2 <= moves;
}

static void put_formula(struct range_encoder *encoder, struct samples_writer *writer,
			enum sample sample, uint32_t count)
{
	int64_t *values = writer->grid.values[sample];
	bool holds = !digits_change(&writer->grid, sample) && evaluate(writer, sample, count) &&
		     formula_holds(values, writer->formula, count);
	samples_put_part(encoder, &writer->model, SAMPLES_HOLDS, holds);
	for (uint32_t i = 0; holds && i < count; i++)
		values[i] = (int64_t)((uint64_t)values[i] - (uint64_t)writer->formula[i]);
}

static void put_column(struct range_encoder *encoder, struct samples_model *model,
		       const struct samples_column *column)
{
	samples_put_head(encoder, model, column);
	if (samples_has_numbers(column->type))
		samples_put_numbers(encoder, model, column);
}

static void put_sample(struct range_encoder *encoder, struct samples_writer *writer,
		       enum sample sample)
{
	struct grid *grid = &writer->grid;
	uint64_t known = grid->known[sample];
	put_presence(encoder, writer, known);
	if (known == 0)
		return;
	uint32_t count = make_values(grid, sample);
	if (digits_change(grid, sample))
		put_changing_digits(encoder, writer, sample, count);
	else
		samples_put_part(encoder, &writer->model, SAMPLES_DIGITS, digits_of(grid, sample));
	if (samples_formula(sample))
		put_formula(encoder, writer, sample, count);
	bool still = !(grid->moved[sample] & ~lowest(known)) && !digits_change(grid, sample);
	if (!still || samples_formula(sample))
		samples_plan(&writer->costs, &writer->model, grid->values[sample], count,
			     &writer->column);
	else
		samples_plan_constant(grid->values[sample][0], &writer->column);
	put_column(encoder, &writer->model, &writer->column);
}

static void put_times(struct range_encoder *encoder, struct samples_writer *writer)
{
	const struct grid *grid = &writer->grid;
	int64_t late[SAMPLES_ROWS_MAX];
	for (uint32_t r = 0; r < grid->count; r++)
		late[r] = (int64_t)((uint64_t)grid->ms[r] - (uint64_t)grid->ms[0] - 1000 * r);
	samples_plan(&writer->costs, &writer->model, late, grid->count, &writer->column);
	put_column(encoder, &writer->model, &writer->column);
}

/* The payload's length; 0 when the rows as they are take no more. */
static size_t pack_columns(struct samples_writer *writer, const struct samples_open *open)
{
	struct range_encoder encoder;
	lay_out(&writer->grid, open);
	samples_model_start(&writer->model, &writer->start);
	range_encoder_init(&encoder, writer->storage);
	put_times(&encoder, writer);
	for (uint32_t sample = 0; sample < SAMPLE_COUNT; sample++) {
		put_sample(&encoder, writer, (enum sample)sample);
		if (range_encoder_len_max(&encoder, writer->storage) >= open->len)
			return 0;
	}
	return range_encoder_finish(&encoder, writer->storage);
}

void samples_pack(struct samples_writer *writer, const struct samples_open *open, struct buf *out)
{
	uint8_t chunk[SAMPLES_CHUNK_BYTES], *at = chunk + PACK_FRAME_HEAD;
	CHECK(open->count > 0);
	size_t len = pack_columns(writer, open);
	const uint8_t *payload = len ? writer->storage + RANGE_SLACK : open->rows;
	*at++ = len ? SAMPLES_MODE_COLUMNS : SAMPLES_MODE_ROWS;
	*at++ = (uint8_t)open->count;
	at = pack_put_varint(at, writer->priors && len ? writer->priors->version : 0);
	at = pack_put_signed(at, open->first_ms);
	at = pack_put_signed(at, (int64_t)((uint64_t)open->last_ms - (uint64_t)open->first_ms));
	len = len ? len : open->len;
	memcpy(at, payload, len);
	len += (size_t)(at - chunk);
	pack_frame_seal(&samples_frame, chunk, len);
	buf_put(out, chunk, len);
}
