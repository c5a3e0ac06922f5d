#include "codec/samples_plan.h"

enum { SIXTEENTHS = 16 };

/* -log2(chance / 2^16) in sixteenths, to within one. */
static uint32_t cost_of(uint32_t chance)
{
	static const uint8_t fractions[16] = {
		0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15
	};
	uint32_t whole = 31 - (uint32_t)__builtin_clz(chance);
	uint32_t fraction = (chance << 4 >> whole) & 15;
	return (16 - whole) * SIXTEENTHS - fractions[fraction];
}

/* All spans of that length together, as if the bits below the highest were noise. */
static uint32_t cost_of_length(const uint32_t *edges, uint32_t n)
{
	uint32_t last = SAMPLES_SPANS - 1, below = n > 1 ? n - 1 : 0;
	if (n > SAMPLES_SPANS_BITS)
		return cost_of(edges[last + 1] - edges[last]) + (6 + below) * SIXTEENTHS;
	uint32_t first = samples_span_of[n ? 1u << below : 0];
	uint32_t end = samples_span_of[n ? (1u << n) - 1 : 0] + 1u;
	return cost_of(edges[end] - edges[first]) + below * SIXTEENTHS;
}

static uint32_t cost_of_bit(uint32_t slot, uint32_t bit)
{
	uint32_t chance = range_chance(slot);
	return cost_of(bit ? chance : 65536 - chance);
}

static uint32_t cost_of_tree(const uint32_t *tree, uint32_t levels, uint32_t value)
{
	uint32_t cost = 0;
	for (uint32_t node = 1, i = levels; i-- > 0; node = node << 1 | (value >> i & 1))
		cost += cost_of_bit(tree[node], value >> i & 1);
	return cost;
}

/* A number of a head, behind its hit, that is at most 127. */
static uint32_t cost_of_part(const uint32_t *start, enum samples_part part, uint32_t value)
{
	const struct pack_column *column = &samples_columns[part];
	const uint32_t *tree = start + column->base + pack_hit_slots(column);
	uint32_t n = value ? 32 - (uint32_t)__builtin_clz(value) : 0, below = n > 1 ? n - 1 : 0;
	uint32_t depth = below < column->depth ? below : column->depth;
	uint32_t cost = cost_of_tree(tree, column->len_bits, n) + (below - depth) * SIXTEENTHS;
	tree += pack_len_slots(column) + ((n < column->lens ? n : column->lens) << column->depth);
	value &= (1u << below) - 1;
	return cost + cost_of_tree(tree, depth, value >> (below - depth));
}

void samples_costs_make(struct samples_costs *costs, const struct samples_start *start)
{
	for (uint32_t s = 0; s < SAMPLES_SHAPES; s++) {
		for (uint32_t n = 0; n < SAMPLES_LENGTHS; n++)
			costs->of_length[n][s] = (uint16_t)cost_of_length(start->edges[s], n);
		costs->of_shape[0][s] = (uint16_t)cost_of_part(start->slots, SAMPLES_DENSE, s);
		costs->of_shape[1][s] = (uint16_t)cost_of_part(start->slots, SAMPLES_SPARSE, s);
	}
	for (uint32_t i = 0; i <= SAMPLES_SHIFT_MAX; i++) {
		costs->of_shift[0][i] =
		    (uint16_t)cost_of_part(start->slots, SAMPLES_DENSE_SHIFT, i);
		costs->of_shift[1][i] =
		    (uint16_t)cost_of_part(start->slots, SAMPLES_SPARSE_SHIFT, i);
	}
}

static uint64_t minus(int64_t a, int64_t b) { return (uint64_t)a - (uint64_t)b; }
static int64_t plus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

/* How many numbers have so many bits; 63 and 64 are counted together. Two counters in
 * turn, so that numbers of the same length do not wait for each other. */
struct lengths {
	uint8_t counts[2][64];
	uint64_t seen; /* bit n: there are some */
	uint32_t least, most, total;
};

static void count_lengths(const struct samples_column *column, struct lengths *lengths)
{
	memset(lengths, 0, sizeof *lengths);
	lengths->total = column->count;
	for (uint32_t i = 0; i < column->count; i++) {
		uint64_t number = column->numbers[i];
		uint32_t n = number ? 64 - (uint32_t)__builtin_clzll(number) : 0;
		n = n < 63 ? n : 63;
		lengths->counts[i & 1][n]++;
		lengths->seen |= UINT64_C(1) << n;
	}
}

/* Of a sparse column: only those of the mask, all that are not 0, and each less one. */
static void count_sparse_lengths(const struct samples_column *column, uint64_t mask,
				 struct lengths *lengths)
{
	memset(lengths, 0, sizeof *lengths);
	lengths->total = (uint32_t)__builtin_popcountll(mask);
	for (; mask; mask &= mask - 1) {
		uint64_t number = column->numbers[__builtin_ctzll(mask)] - 1;
		uint32_t n = number ? 64 - (uint32_t)__builtin_clzll(number) : 0;
		n = n < 63 ? n : 63;
		lengths->counts[0][n]++;
		lengths->seen |= UINT64_C(1) << n;
	}
}

static void close_lengths(struct lengths *lengths)
{
	lengths->least = (uint32_t)__builtin_ctzll(lengths->seen);
	lengths->most = 63 - (uint32_t)__builtin_clzll(lengths->seen);
	for (uint32_t n = lengths->least; n <= lengths->most; n++)
		lengths->counts[0][n] = (uint8_t)(lengths->counts[0][n] + lengths->counts[1][n]);
}

/* The length that seven of eight numbers do not exceed. */
static uint32_t usual_length(const struct lengths *lengths)
{
	const uint8_t *counts = lengths->counts[0];
	uint32_t n = lengths->least, seen = counts[n];
	while (seen * 8 < lengths->total * 7)
		seen += counts[++n];
	return n;
}

/* All shapes at once. */
static void add_costs(const struct samples_costs *costs, const struct lengths *lengths,
		      uint32_t shift, uint16_t *sums)
{
	memset(sums, 0, SAMPLES_SHAPES * sizeof *sums);
	for (uint32_t n = lengths->least; n <= lengths->most; n++) {
		uint32_t left = n > shift ? n - shift : 0, times = lengths->counts[0][n];
		const uint16_t *lane =
		    costs->of_length[left < SAMPLES_LENGTHS ? left : SAMPLES_LENGTHS - 1];
		for (uint32_t s = 0; s < SAMPLES_SHAPES; s++)
			sums[s] = (uint16_t)(sums[s] + times * lane[s]);
	}
}

/* What saying it takes, if the column before had the one or another. */
struct saying {
	uint32_t same, other, before;
};

static struct saying saying_of(const struct samples_model *model, enum samples_part part)
{
	const struct pack_column *column = &samples_columns[part];
	const struct pack_memory *memory = &model->memory[part];
	uint32_t slot = model->slots[column->base + (memory->hits & 1)];
	return (struct saying){ cost_of_bit(slot, 1), cost_of_bit(slot, 0),
				(uint32_t)memory->last };
}

/* mask: the numbers that are not 0, of a sparse type. */
static void choose_shape(const struct samples_costs *costs, const struct samples_model *model,
			 uint64_t mask, struct samples_column *column)
{
	enum { SHAPE_BITS = 6 }; /* what a shape tells apart below its last span */
	bool sparse = samples_is_sparse(column->type);
	struct lengths lengths;
	if (sparse)
		count_sparse_lengths(column, mask, &lengths);
	else
		count_lengths(column, &lengths);
	close_lengths(&lengths);
	struct saying shapes = saying_of(model, sparse ? SAMPLES_SPARSE : SAMPLES_DENSE);
	struct saying shifts =
	    saying_of(model, sparse ? SAMPLES_SPARSE_SHIFT : SAMPLES_DENSE_SHIFT);
	uint32_t usual = usual_length(&lengths), best = UINT32_MAX;
	uint32_t shift = usual > SHAPE_BITS ? usual - SHAPE_BITS : 0;
	uint32_t last = usual >= SHAPE_BITS ? shift + 1 : shift;
	for (; shift <= last; shift++) {
		uint16_t sums[SAMPLES_SHAPES];
		add_costs(costs, &lengths, shift, sums);
		uint32_t base = lengths.total * shift * SIXTEENTHS;
		base += shift == shifts.before ? shifts.same
					       : shifts.other + costs->of_shift[sparse][shift];
		for (uint32_t s = 0; s < SAMPLES_SHAPES; s++) {
			uint32_t cost = base + sums[s];
			cost += s == shapes.before ? shapes.same
						   : shapes.other + costs->of_shape[sparse][s];
			if (cost >= best)
				continue;
			best = cost;
			column->shape = (uint8_t)s;
			column->shift = (uint8_t)shift;
		}
	}
}

static void make_numbers(const int64_t *values, uint32_t count, struct samples_column *out)
{
	uint64_t *number = out->numbers;
	int64_t first = out->first, step = out->step;
	switch ((enum samples_type)out->type) {
	case SAMPLES_LEVEL:
		for (uint32_t i = 0; i < count; i++)
			*number++ = samples_zigzag(minus(values[i], first));
		break;
	case SAMPLES_LEVEL_UP:
		for (uint32_t i = 0; i < count; i++)
			*number++ = minus(values[i], first);
		break;
	case SAMPLES_DELTA:
		for (uint32_t i = 1; i < count; i++)
			*number++ = samples_zigzag(minus(values[i], plus(values[i - 1], step)));
		break;
	case SAMPLES_DELTA_UP:
		for (uint32_t i = 1; i < count; i++)
			*number++ = minus(values[i], plus(values[i - 1], step));
		break;
	case SAMPLES_DELTA2:
		for (uint32_t i = 1; i < count; i++) {
			*number++ = samples_zigzag(minus(values[i], plus(values[i - 1], step)));
			step = (int64_t)minus(values[i], values[i - 1]);
		}
		break;
	default: break;
	}
	out->count = (uint8_t)(number - out->numbers);
}

/* What the type is chosen by: the values less their first one, halved so often that
 * sixty of them and of their steps can be added in 32 bits. */
struct look {
	uint32_t count, halved;
	int32_t values[SAMPLES_ROWS_MAX];
	int32_t lowest, mean, step_lowest, step_mean;
	/* Sums of distances of the values to the mean, of the steps to 0 and to the step
	 * before. */
	int32_t off_mean, off_before, off_steps;
};

static inline int32_t size_of(int32_t v) { return v < 0 ? -v : v; }
static inline int32_t less(int32_t a, int32_t b) { return a < b ? a : b; }

static void look_at(const int64_t *values, uint32_t count, struct look *look)
{
	enum { BITS = 23 };
	uint64_t any = 0;
	look->count = count;
	look->halved = 0;
	for (uint32_t i = 0; i < count; i++) {
		int64_t off = (int64_t)minus(values[i], values[0]);
		any |= (uint64_t)(off ^ off >> 63);
		look->values[i] = (int32_t)off;
	}
	if (any >> BITS == 0)
		return;
	look->halved = 64 - BITS - (uint32_t)__builtin_clzll(any);
	for (uint32_t i = 0; i < count; i++)
		look->values[i] = (int32_t)((int64_t)minus(values[i], values[0]) >> look->halved);
}

static void look_closer(struct look *look)
{
	const int32_t *values = look->values;
	int32_t sum = 0, lowest = 0, step_lowest = INT32_MAX, off_mean = 0, off_before = 0;
	int32_t off_steps = 0, count = (int32_t)look->count;
	CHECK(count > 2); /* two would be even */
	for (int32_t i = 0; i < count; i++) {
		sum += values[i];
		lowest = less(lowest, values[i]);
	}
	int32_t mean = sum / count;
	for (int32_t i = 1; i < count; i++) {
		int32_t step = values[i] - values[i - 1];
		step_lowest = less(step_lowest, step);
		off_before += size_of(step);
		off_mean += size_of(values[i] - mean);
	}
	for (int32_t i = 2; i < count; i++)
		off_steps += size_of(values[i] - 2 * values[i - 1] + values[i - 2]);
	look->lowest = lowest;
	look->mean = mean;
	look->step_lowest = step_lowest;
	look->step_mean = values[count - 1] / (count - 1);
	look->off_mean = off_mean;
	look->off_before = off_before;
	look->off_steps = off_steps;
}

/* Values that lie above their lowest as waiting times do, many near it and few far
 * away, take half a bit less as such than as distances from their mean. */
static bool is_one_sided(int64_t off_lowest, int64_t off_mean)
{
	return off_lowest * 10 < off_mean * 17;
}

static int32_t off_step(const struct look *look, int32_t usual)
{
	int32_t off = 0;
	for (uint32_t i = 1; i < look->count; i++)
		off += size_of(look->values[i] - look->values[i - 1] - usual);
	return off;
}

static int64_t lowest_of(const int64_t *values, uint32_t count)
{
	int64_t lowest = values[0];
	for (uint32_t i = 1; i < count; i++)
		lowest = values[i] < lowest ? values[i] : lowest;
	return lowest;
}

static int64_t lowest_step_of(const int64_t *values, uint32_t count)
{
	int64_t lowest = INT64_MAX;
	for (uint32_t i = 1; i < count; i++) {
		int64_t step = (int64_t)minus(values[i], values[i - 1]);
		lowest = step < lowest ? step : lowest;
	}
	return lowest;
}

static int64_t whole(const struct look *look, int32_t halved)
{
	return (int64_t)((uint64_t)halved << look->halved);
}

static void choose_level(const int64_t *values, const struct look *look, struct samples_column *out)
{
	int64_t off_lowest = 0;
	for (uint32_t i = 0; i < look->count; i++)
		off_lowest += look->values[i] - look->lowest;
	bool up = is_one_sided(off_lowest, look->off_mean);
	out->type = up ? SAMPLES_LEVEL_UP : SAMPLES_LEVEL;
	out->first = up ? lowest_of(values, look->count) : plus(values[0], whole(look, look->mean));
}

static void choose_type(const int64_t *values, const struct look *look, struct samples_column *out)
{
	uint32_t count = look->count;
	int32_t drift = look->values[count - 1];
	bool drifts = size_of(drift) > look->off_before / 2;
	int32_t off_delta = drifts ? off_step(look, look->step_mean) : look->off_before;
	int64_t off_lowest = drift - (int64_t)look->step_lowest * (count - 1);
	out->first = values[0];
	if (look->off_mean <= off_delta && look->off_mean <= look->off_steps) {
		choose_level(values, look, out);
	} else if (is_one_sided(off_lowest, off_delta)) {
		out->type = SAMPLES_DELTA_UP;
		out->step = lowest_step_of(values, count);
	} else if (look->off_steps < off_delta) {
		out->type = SAMPLES_DELTA2;
		out->step = (int64_t)minus(values[1], values[0]);
	} else {
		out->type = SAMPLES_DELTA;
		out->step = drifts ? (int64_t)minus(values[count - 1], values[0]) / (count - 1) : 0;
	}
}

/* The mask of the values that are not `usual`. */
static uint64_t others(const int64_t *values, uint32_t count, int64_t usual)
{
	uint64_t mask = 0;
	for (uint32_t i = 0; i < count; i++)
		mask |= (uint64_t)(values[i] != usual) << i;
	return mask;
}

/* What is seldom away from its level is told shorter as such: a step there and one back
 * are two numbers, and a visit of one second is one. */
static bool has_level(const int64_t *values, uint32_t count, uint64_t moved, uint64_t *away,
		      int64_t *level)
{
	uint32_t least = (uint32_t)__builtin_popcountll(moved);
	uint32_t places[] = { 0, count / 2, count - 1 };
	bool found = false;
	for (size_t i = 0; i < ARRAY_LEN(places) && least > 1; i++) {
		uint64_t mask = others(values, count, values[places[i]]);
		uint32_t n = (uint32_t)__builtin_popcountll(mask);
		if (n >= least)
			continue;
		found = true;
		least = n;
		*away = mask;
		*level = values[places[i]];
	}
	return found;
}

/* So few numbers rather keep the type of the column before. */
enum { UP_LEAST = 5 };

/* Returns the mask of the numbers that are not 0. moved: of the values that are not what
 * the one before is. */
static uint64_t make_sparse(const int64_t *values, uint32_t count, uint64_t moved,
			    struct samples_column *out)
{
	uint64_t away = moved >> 1;
	bool level = has_level(values, count, moved, &away, &out->first);
	bool up = __builtin_popcountll(away) >= UP_LEAST;
	out->type = level ? SAMPLES_SPARSE_LEVEL : SAMPLES_SPARSE_DELTA;
	out->count = (uint8_t)(count - !level);
	memset(out->numbers, 0, out->count * sizeof *out->numbers);
	for (uint64_t left = away; left; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);
		int64_t value = values[i + !level], expected = level ? out->first : values[i];
		out->numbers[i] = minus(value, expected);
		up &= value > expected;
	}
	out->type = (uint8_t)(out->type + up);
	for (uint64_t left = up ? 0 : away; left; left &= left - 1) {
		uint64_t *number = &out->numbers[__builtin_ctzll(left)];
		*number = samples_zigzag(*number);
	}
	return away;
}

static void make_dense(const int64_t *values, uint32_t count, struct samples_column *out)
{
	struct look look;
	look_at(values, count, &look);
	look_closer(&look);
	choose_type(values, &look, out);
	make_numbers(values, count, out);
}

void samples_plan_constant(int64_t value, struct samples_column *out)
{
	out->type = SAMPLES_CONSTANT;
	out->shape = out->shift = out->count = 0;
	out->first = value;
	out->step = 0;
}

/* Bit i: value i is not what the one before is. */
static uint64_t moves_of(const int64_t *values, uint32_t count)
{
	uint64_t moved = 0;
	for (uint32_t i = 1; i < count; i++)
		moved |= (uint64_t)(values[i] != values[i - 1]) << i;
	return moved;
}

static bool is_even(const int64_t *values, uint32_t count)
{
	uint64_t step = minus(values[1], values[0]);
	for (uint32_t i = 2; i < count; i++)
		if (minus(values[i], values[i - 1]) != step)
			return false;
	return true;
}

void samples_plan(const struct samples_costs *costs, const struct samples_model *model,
		  const int64_t *values, uint32_t count, struct samples_column *out)
{
	uint64_t moved = moves_of(values, count), mask = 0;
	samples_plan_constant(values[0], out);
	if (moved == 0)
		return;
	if (is_even(values, count)) {
		out->type = SAMPLES_EVEN;
		out->step = (int64_t)minus(values[1], values[0]);
		return;
	}
	bool sparse = (uint32_t)__builtin_popcountll(moved) * 2 < count;
	if (sparse)
		mask = make_sparse(values, count, moved, out);
	else
		make_dense(values, count, out);
	choose_shape(costs, model, mask, out);
}
