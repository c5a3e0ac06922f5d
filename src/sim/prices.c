#include "sim/prices.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"

static const struct symbol_row rows[SIM_SYMBOLS] = {
#define SYMBOL(name, digits, start, spread, move, value, commission, swap_buy, swap_sell)          \
	{ name, digits, start, spread, move, value, commission, { swap_buy, swap_sell } },
#include "sim/symbols.def"
#undef SYMBOL
};

const struct symbol_row *symbol_row(int symbol)
{
	CHECK(symbol >= 0 && symbol < SIM_SYMBOLS);
	return &rows[symbol];
}

int symbol_find(struct str name)
{
	for (int i = 0; i < SIM_SYMBOLS; i++)
		if (str_eq(name, str_of(rows[i].name)))
			return i;
	return -1;
}

struct number symbol_price(int symbol, int64_t points)
{
	return (struct number){ points, symbol_row(symbol)->digits };
}

int64_t symbol_points(int symbol, struct number price)
{
	uint8_t digits = symbol_row(symbol)->digits;
	if (price.digits >= digits)
		return price.mantissa / decimal_pow10(price.digits - digits);
	i128 points = (i128)price.mantissa * decimal_pow10(digits - price.digits);
	return points > INT64_MAX || points < INT64_MIN ? 0 : (int64_t)points;
}

/* ---- the walk ---- */

enum { CACHED = 8 };

static const int64_t octaves_s[] = { 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 345600 };

struct cached {
	int64_t second, bid;
};

struct bar {
	int32_t open, high, low, close; /* points of EURUSD */
};

struct prices {
	uint64_t seed;
	int64_t units[SIM_SYMBOLS][ARRAY_LEN(octaves_s)]; /* 1/1000 point of a grid step */
	struct cached cache[SIM_SYMBOLS][CACHED];
	struct bar *bars; /* NULL: the walk */
	size_t bar_count;
	int64_t bar_s;
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

/* Nearly normal: 64 coins, mean 0, standard deviation 4. */
static int64_t coins(uint64_t key, int64_t index)
{
	return __builtin_popcountll(mix(mix(key) ^ (uint64_t)index * 0xD1B54A32D192ED03u)) - 32;
}

static uint64_t octave_key(const struct prices *prices, int symbol, size_t octave)
{
	return prices->seed ^ mix(((uint64_t)symbol + 1) << 8 | octave);
}

static int64_t walk_milli(const struct prices *prices, int symbol, int64_t second, size_t octaves)
{
	int64_t sum = 0;
	for (size_t i = 0; i < octaves; i++) {
		int64_t period = octaves_s[i], at = second / period, rest = second % period;
		uint64_t key = octave_key(prices, symbol, i);
		sum += (coins(key, at) * (period - rest) + coins(key, at + 1) * rest) *
		       prices->units[symbol][i] / period;
	}
	return sum;
}

/* Along the bar: open, its nearer end, its other end, close, a third of the time each. */
static int64_t bar_price(const struct prices *prices, int64_t second)
{
	int64_t at = second / prices->bar_s, rest = second % prices->bar_s;
	const struct bar *bar = &prices->bars[(size_t)at % prices->bar_count];
	bool rises = bar->close >= bar->open;
	int64_t corner[] = { bar->open, rises ? bar->low : bar->high, rises ? bar->high : bar->low,
			     bar->close };
	int64_t third = rest * 3 / prices->bar_s, within = rest * 3 - third * prices->bar_s;
	int64_t from = corner[third], to = corner[third + 1];
	return from + (to - from) * within / prices->bar_s;
}

static int64_t compute(const struct prices *prices, int symbol, int64_t second)
{
	const struct symbol_row *row = &rows[symbol];
	bool follows = prices->bars && symbol == SIM_SYMBOL_EURUSD;
	int64_t level = follows ? bar_price(prices, second) : row->start;
	/* Over bars only the ticks of a few seconds are noise. */
	int64_t milli = walk_milli(prices, symbol, second, follows ? 3 : ARRAY_LEN(octaves_s));
	int64_t bid = level + milli / 1000;
	return bid > level / 8 ? bid : level / 8 + 1;
}

int64_t prices_bid(struct prices *prices, int symbol, int64_t second)
{
	CHECK(symbol >= 0 && symbol < SIM_SYMBOLS && second >= 0);
	struct cached *cached = &prices->cache[symbol][second % CACHED];
	if (cached->second != second || !cached->bid)
		*cached = (struct cached){ second, compute(prices, symbol, second) };
	return cached->bid;
}

struct prices *prices_create(uint64_t seed, double volatility)
{
	struct prices *prices = calloc(1, sizeof *prices);
	if (!prices)
		return NULL;
	prices->seed = mix(seed ^ 0x7269636573);
	for (int symbol = 0; symbol < SIM_SYMBOLS; symbol++)
		for (size_t i = 0; i < ARRAY_LEN(octaves_s); i++)
			/* Together the octaves then make the step of any length that the
			 * table's figure says; the coins have a deviation of 4. */
			prices->units[symbol][i] = (int64_t)(rows[symbol].move * volatility * 1000 *
							     sqrt((double)octaves_s[i]) * 0.7 / 4);
	return prices;
}

void prices_destroy(struct prices *prices)
{
	if (!prices)
		return;
	free(prices->bars);
	free(prices);
}

/* ---- bars ---- */

/* "129587.00000000001": the whole part; what follows is a float's last breath. */
static bool parse_points(struct str field, int32_t *points)
{
	size_t whole = str_find_char(field, '.');
	int64_t number;
	if (str_to_i64(str_make(field.ptr, whole), &number) || number <= 0 || number > 100000000)
		return false;
	for (size_t i = whole + 1; i < field.len; i++)
		if (field.ptr[i] < '0' || field.ptr[i] > '9')
			return false;
	*points = (int32_t)number;
	return true;
}

static bool parse_bar(struct str line, struct bar *bar)
{
	int32_t *fields[] = { &bar->open, &bar->high, &bar->low, &bar->close };
	struct str field;
	if (!str_split(&line, ',', &field)) /* the date */
		return false;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!str_split(&line, ',', &field) || !parse_points(str_trim(field), fields[i]))
			return false;
	return bar->low <= bar->open && bar->low <= bar->close && bar->high >= bar->open &&
	       bar->high >= bar->close;
}

static enum status parse_bars(struct str csv, struct bar *bars, size_t *count, struct err *err)
{
	struct str line;
	*count = 0;
	for (unsigned number = 1; str_split(&csv, '\n', &line); number++) {
		line = str_trim(line);
		if (number == 1 || line.len == 0)
			continue;
		if (*count == PRICES_BARS_MAX)
			return err_set(err, STATUS_FULL, "more than %d bars", PRICES_BARS_MAX);
		if (!parse_bar(line, &bars[(*count)++]))
			return err_set(err, STATUS_FORMAT,
				       "line %u is not Date,open,high,low,close with low and high "
				       "around the others",
				       number);
	}
	return *count ? STATUS_OK : err_set(err, STATUS_FORMAT, "no bars");
}

enum status prices_follow(struct prices *prices, struct str csv, int64_t bar_s, struct err *err)
{
	CHECK(bar_s > 0);
	size_t lines = 1, count = 0;
	for (size_t i = 0; i < csv.len; i++)
		lines += csv.ptr[i] == '\n';
	lines = lines < PRICES_BARS_MAX ? lines : PRICES_BARS_MAX;
	struct bar *bars = calloc(lines, sizeof *bars);
	if (!bars)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	enum status status =
	    csv.len ? parse_bars(csv, bars, &count, err) : err_set(err, STATUS_FORMAT, "no bars");
	if (status) {
		free(bars);
		return status;
	}
	free(prices->bars);
	prices->bars = bars;
	prices->bar_count = count;
	prices->bar_s = bar_s;
	memset(prices->cache, 0, sizeof prices->cache);
	return STATUS_OK;
}
