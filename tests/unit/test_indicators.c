/* The indicators against published vectors, against an independent computation written
 * straight from the definitions (closed forms in long double, worked out from scratch for
 * every bar), and against small cases worked out by hand. */
#include <ctype.h>
#include <string.h>

#include "ta_from_scratch.h"

#include <jansson.h>

#include "base/check.h"

static double got[TA_OUTPUTS_MAX][BARS_MAX];
static double *const out[TA_OUTPUTS_MAX] = { got[0], got[1], got[2] };

/* ---- comparing ---- */

static void assert_near(double a, long double b, const char *what, size_t i)
{
	bool same = isnan(a) ? isnan(b) : fabsl(a - b) <= 1e-9L * fmaxl(1, fabsl(b));
	if (!same)
		print_error("%s at bar %zu: %.15g is not %.15Lg\n", what, i, a, b);
	assert_true(same);
}

static void assert_all_near(const double *a, const long double *b, const char *what)
{
	for (size_t i = 0; i < bars.count; i++)
		assert_near(a[i], b[i], what, i);
}

static void assert_first(const double *values, size_t first)
{
	for (size_t i = 0; i < bars.count; i++)
		assert_int_equal(isnan(values[i]), i < first);
}

static long double want[3][BARS_MAX];

static void compare_rsi(void)
{
	ta_rsi(&bars, out);
	rsi_from_scratch(want[0]);
	assert_all_near(got[0], want[0], "RSI");
}

static void compare_stoch_rsi(void)
{
	ta_stoch_rsi(&bars, out);
	stoch_rsi_from_scratch(want[0], want[1]);
	assert_all_near(got[0], want[0], "StochRSI K");
	assert_all_near(got[1], want[1], "StochRSI D");
}

static void compare_macd(void)
{
	ta_macd(&bars, out);
	macd_from_scratch(want[0], want[1], want[2]);
	assert_all_near(got[0], want[0], "MACD");
	assert_all_near(got[1], want[1], "signal");
	assert_all_near(got[2], want[2], "histogram");
}

static void compare_ema(void)
{
	static long double v[BARS_MAX];
	closes(v);
	ta_ema(&bars, out);
	for (size_t i = 0; i < bars.count; i++) {
		assert_near(got[0][i], ema_of(v, i, 50), "EMA 50", i);
		assert_near(got[1][i], ema_of(v, i, 200), "EMA 200", i);
	}
}

static void compare_atr(void)
{
	ta_atr(&bars, out);
	atr_from_scratch(want[0]);
	assert_all_near(got[0], want[0], "ATR");
}

static void compare_adx(void)
{
	ta_adx(&bars, out);
	adx_from_scratch(want[0]);
	assert_all_near(got[0], want[0], "ADX");
}

static void compare_psar(void)
{
	ta_psar(&bars, out);
	psar_from_scratch(want[0]);
	assert_all_near(got[0], want[0], "PSAR");
}

static void compare_qqe(void)
{
	ta_qqe(&bars, out);
	qqe_from_scratch(want[0], want[1]);
	assert_all_near(got[0], want[0], "QQE");
	assert_all_near(got[1], want[1], "QQE trail");
}

/* On recorded days where they are there, and on walks; by both conventions. */
static void compare_everywhere(void (*compare)(void))
{
	static const enum ta_convention conventions[] = { TA_WILDER, TA_TALIB };
	for (size_t c = 0; c < ARRAY_LEN(conventions); c++) {
		if (load_default()) {
			bars.convention = conventions[c];
			compare();
		}
		bars.convention = conventions[c];
		for (size_t w = 0; w < ARRAY_LEN(walks); w++) {
			make_walk(&walks[w]);
			compare();
		}
	}
	bars.convention = TA_WILDER;
}

static void ema_is_the_closed_form(void **state)
{
	(void)state;
	compare_everywhere(compare_ema);
}

static void rsi_is_the_closed_form(void **state)
{
	(void)state;
	compare_everywhere(compare_rsi);
}

static void stoch_rsi_is_the_closed_form(void **state)
{
	(void)state;
	compare_everywhere(compare_stoch_rsi);
}

static void macd_is_the_closed_form(void **state)
{
	(void)state;
	compare_everywhere(compare_macd);
}

static void atr_is_the_closed_form(void **state)
{
	(void)state;
	compare_everywhere(compare_atr);
}

static void adx_is_the_closed_form(void **state)
{
	(void)state;
	compare_everywhere(compare_adx);
}

static void psar_is_its_trades_worked_out_one_by_one(void **state)
{
	(void)state;
	compare_everywhere(compare_psar);
}

static void qqe_is_the_closed_form(void **state)
{
	(void)state;
	compare_everywhere(compare_qqe);
}

/* ---- published vectors ---- */

static void assert_vector(const char *file, const char *field, const double *values)
{
	char path[512];
	json_error_t error;
	snprintf(path, sizeof path, TEST_SHARED_DIR "/ta/%s", file);
	json_t *rows = json_load_file(path, 0, &error);
	assert_non_null(rows);
	assert_int_equal(json_array_size(rows), bars.count);
	for (size_t i = 0; i < bars.count; i++) {
		const json_t *value = json_object_get(json_array_get(rows, i), field);
		assert_non_null(value);
		assert_int_equal(json_is_null(value), isnan(values[i]));
		if (!json_is_null(value))
			assert_true(fabs(values[i] - json_number_value(value)) <= 1e-9);
	}
	json_decref(rows);
}

static void rsi_14_agrees_with_the_vector(void **state)
{
	(void)state;
	if (!load_default())
		skip();
	ta_rsi(&bars, out);
	assert_vector("rsi.standard.json", "rsi", got[0]);
}

static void ema_20_agrees_with_the_vector(void **state)
{
	(void)state;
	if (!load_default())
		skip();
	ta_ema_over(close_, bars.count, 20, got[0]);
	assert_vector("ema.standard.json", "ema", got[0]);
}

/* What TA-Lib 0.8.2 itself gives for the recorded days, at bars 40 and 100 and at the last
 * one: STOCHRSI(14, 14, 3), MACD(12, 26, 9), ADX(14), ATR(14), SAR(0.02, 0.2). */
static void talib_convention_gives_talibs_figures(void **state)
{
	(void)state;
	static const struct {
		ta_function *function;
		size_t output;
		double at_40, at_100, last;
	} rows[] = {
		{ ta_stoch_rsi, 0, 11.617070946311102, 91.08728997713087, 97.52435126950256 },
		{ ta_stoch_rsi, 1, 60.19963982804027, 86.90531664208619, 89.83846321740646 },
		{ ta_macd, 0, 2.597723944510392, 0.9953763255374497, -6.2197702562027075 },
		{ ta_macd, 1, 2.3144497029515896, 0.8257099158586383, -5.856891653610954 },
		{ ta_adx, 0, 43.01151072177431, 19.216937176371808, 34.29869914461825 },
		{ ta_atr, 0, 1.4155371416479403, 1.3502727849108713, 6.149748287843303 },
		{ ta_psar, 0, 222.98, 224.04020735999998, 229.7662 },
	};
	if (!load_default())
		skip();
	bars.convention = TA_TALIB;
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		rows[r].function(&bars, out);
		const double *values = got[rows[r].output];
		assert_near(values[40], rows[r].at_40, "TA-Lib", 40);
		assert_near(values[100], rows[r].at_100, "TA-Lib", 100);
		assert_near(values[bars.count - 1], rows[r].last, "TA-Lib", bars.count - 1);
	}
	bars.convention = TA_WILDER;
}

/* ---- when each begins ---- */

static void each_begins_with_the_bar_that_suffices(void **state)
{
	(void)state;
	make_walk(&walks[0]);
	ta_ema(&bars, out);
	assert_first(got[0], 49);
	assert_first(got[1], 199);
	ta_rsi(&bars, out);
	assert_first(got[0], 14);
	ta_stoch_rsi(&bars, out);
	assert_first(got[0], 29);
	assert_first(got[1], 31);
	ta_macd(&bars, out);
	assert_first(got[0], 25);
	assert_first(got[1], 33);
	assert_first(got[2], 33);
	ta_adx(&bars, out);
	assert_first(got[0], 27);
	ta_atr(&bars, out);
	assert_first(got[0], 14);
	ta_psar(&bars, out);
	assert_first(got[0], 1);
	ta_qqe(&bars, out);
	assert_first(got[0], 18);
	assert_first(got[1], 71);
}

static void none_reads_or_writes_beyond_its_bars(void **state)
{
	(void)state;
	static ta_function *const functions[] = { ta_ema, ta_rsi, ta_stoch_rsi, ta_macd,
						  ta_adx, ta_atr, ta_psar,      ta_qqe };
	make_walk(&walks[0]);
	for (size_t f = 0; f < ARRAY_LEN(functions); f++)
		for (size_t count = 0; count < 80; count++) {
			for (size_t k = 0; k < TA_OUTPUTS_MAX; k++)
				got[k][count] = 12345;
			bars.count = count;
			functions[f](&bars, out);
			for (size_t k = 0; k < TA_OUTPUTS_MAX; k++)
				assert_true(got[k][count] == 12345);
		}
}

/* ---- by hand ---- */

static void rsi_of_only_rises_is_100_and_of_only_falls_0(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++)
		put(i, 100 + (double)i, 99 + (double)i, 100 + (double)i);
	ta_rsi(&bars, out);
	assert_true(got[0][14] == 100 && got[0][19] == 100);
	for (size_t i = 0; i < 20; i++)
		put(i, 100 - (double)i, 99 - (double)i, 100 - (double)i);
	ta_rsi(&bars, out);
	assert_true(got[0][14] == 0 && got[0][19] == 0);
}

/* 13 rises of 2 and a fall of 1: averages 26/14 and 1/14. Then a fall of 3: 26 × 13 and
 * 13 + 3 × 14 over 14². */
static void rsi_weighs_rises_against_falls(void **state)
{
	(void)state;
	for (size_t i = 0; i <= 13; i++)
		put(i, 10, 10, 10 + 2 * (double)i);
	put(14, 10, 10, 35);
	put(15, 10, 10, 32);
	ta_rsi(&bars, out);
	assert_near(got[0][14], 100 * 26.0L / 27, "RSI", 14);
	assert_near(got[0][15], 100 * 338.0L / (338 + 13 + 42), "RSI", 15);
}

static void nothing_that_moved_is_undefined_and_does_no_harm_later(void **state)
{
	(void)state;
	for (size_t i = 0; i < 60; i++)
		put(i, 50, 50, 50);
	ta_rsi(&bars, out);
	assert_first(got[0], 60);
	ta_stoch_rsi(&bars, out);
	assert_first(got[0], 60);
	ta_adx(&bars, out);
	assert_first(got[0], 60);
	ta_qqe(&bars, out);
	assert_first(got[0], 60);
	ta_atr(&bars, out);
	assert_true(got[0][59] == 0);
	ta_psar(&bars, out);
	assert_true(got[0][59] == 50);
	put(60, 51, 50, 51);
	ta_rsi(&bars, out);
	assert_true(got[0][60] == 100);
	bars.convention = TA_TALIB;
	ta_rsi(&bars, out);
	assert_true(got[0][14] == 0 && got[0][59] == 0 && got[0][60] == 100);
	ta_stoch_rsi(&bars, out);
	assert_true(got[0][27] == 0 && got[0][60] == 100);
	ta_adx(&bars, out);
	assert_true(got[0][27] == 0);
	bars.convention = TA_WILDER;
}

static void stoch_rsi_is_undefined_over_a_flat_range_only(void **state)
{
	(void)state;
	make_walk(&walks[1]);
	for (size_t i = 100; i < 140; i++) /* closes stand still: RSI stays where it is */
		put(i, high[99], low[99], close_[99]);
	bars.count = BARS_MAX;
	ta_stoch_rsi(&bars, out);
	assert_false(isnan(got[0][100]));
	assert_true(isnan(got[0][113]) && isnan(got[0][139]));
	assert_true(isnan(got[0][141])); /* two of the three are in it */
	assert_false(isnan(got[0][142]));
	assert_false(isnan(got[1][144]));
	bars.convention = TA_TALIB;
	ta_stoch_rsi(&bars, out);
	assert_true(got[0][113] == 0 && got[0][139] == 0 && got[1][139] == 0);
	bars.convention = TA_WILDER;
}

/* On a ramp an EMA lags by (n - 1) / 2: the line is 12.5 - 5.5. */
static void macd_of_a_ramp_is_the_difference_of_lags(void **state)
{
	(void)state;
	for (size_t i = 0; i < 100; i++)
		put(i, (double)i, (double)i, (double)i);
	ta_macd(&bars, out);
	for (size_t i = 33; i < 100; i++) {
		assert_near(got[0][i], 7, "MACD", i);
		assert_near(got[1][i], 7, "signal", i);
		assert_near(got[2][i], 0, "histogram", i);
	}
}

/* Ranges of 2 with a gap of 3 above the close before: 5 in all. */
static void atr_counts_gaps_and_is_their_wilder_mean(void **state)
{
	(void)state;
	for (size_t i = 0; i < 15; i++)
		put(i, 101, 99, 100);
	put(15, 105, 103, 104);
	put(16, 105, 103, 104);
	ta_atr(&bars, out);
	assert_near(got[0][14], 2, "ATR", 14);
	assert_near(got[0][15], 2 + 3 / 14.0L, "ATR", 15);
	assert_near(got[0][16], 2 + 3 / 14.0L * 13 / 14, "ATR", 16);
}

static void adx_of_one_direction_is_100(void **state)
{
	(void)state;
	for (size_t i = 0; i < 40; i++)
		put(i, 100 + 2 * (double)i, 99 + (double)i, 100 + (double)i);
	ta_adx(&bars, out);
	assert_first(got[0], 27);
	assert_near(got[0][27], 100, "ADX", 27);
	assert_near(got[0][39], 100, "ADX", 39);
}

/* By a tenth, which no double is. */
static void a_bar_that_reaches_as_far_up_as_down_has_no_direction(void **state)
{
	(void)state;
	for (size_t i = 0; i < 60; i++)
		put(i, (double)(1001 + i) / 10, (double)(555 - i) / 10, 60);
	ta_adx(&bars, out);
	assert_first(got[0], 60);
	put(60, 107.2, 49.6, 60); /* up only: now there is one */
	for (size_t i = 61; i < 80; i++)
		put(i, 107.2, 49.6, 60);
	ta_adx(&bars, out);
	assert_first(got[0], 73);
	assert_near(got[0][79], 100, "ADX", 79);
}

/* 14 rises of the high by 1, then a fall of the low by 7 each bar. Wilder's sums: +DM 14,
 * 13, 13·13/14 …; -DM 0, 7 …. TA-Lib's: +DM 13 - 13/14 + 1 at the 14th. */
static void adx_is_seeded_from_14_and_by_talib_from_13(void **state)
{
	(void)state;
	for (size_t i = 0; i <= 14; i++)
		put(i, 200 + (double)i, 190, 195);
	for (size_t i = 15; i < 28; i++)
		put(i, 214, 190 - 7 * (double)(i - 14), 195);
	long double wilder = 0, talib = 0;
	long double plus = 14, minus = 0, plus_13 = 13 - 13 / 14.0L + 1, minus_13 = 0;
	for (size_t i = 14; i < 28; i++) {
		wilder += 100 * fabsl(plus - minus) / (plus + minus) / 14;
		talib += 100 * fabsl(plus_13 - minus_13) / (plus_13 + minus_13) / 14;
		plus *= 13 / 14.0L;
		plus_13 *= 13 / 14.0L;
		minus = minus * 13 / 14 + 7;
		minus_13 = minus_13 * 13 / 14 + 7;
	}
	ta_adx(&bars, out);
	assert_near(got[0][27], wilder, "ADX", 27);
	bars.convention = TA_TALIB;
	ta_adx(&bars, out);
	assert_near(got[0][27], talib, "ADX", 27);
	bars.convention = TA_WILDER;
	assert_true(fabsl(wilder - talib) > 0.01L);
}

static void psar_follows_turns_and_stays_out_of_the_range(void **state)
{
	(void)state;
	static const double rows[][3] = {
		/* high, low, stop in force */
		{ 10, 9, NAN },      { 11, 10, 9 }, /* rises: the stop begins at the first low */
		{ 12, 11, 9.04 },                   /* + 0.02 × (11 - 9) */
		{ 13, 12, 9.1584 },                 /* + 0.04 × (12 - 9.04) */
		{ 12.5, 9.3, 13 },   /* touches 9.388896: the extreme is the stop now */
		{ 10, 9, 13 },       /* 13 + 0.02 × (9.3 - 13) would be in bar 3's range */
		{ 9.5, 8, 12.84 },   /* 13 + 0.04 × (9 - 13) */
		{ 9, 8.5, 12.5496 }, /* + 0.06 × (8 - 12.84) */
		{ 13, 9, 8 },        /* turns up: back to the lowest */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put(i, rows[i][0], rows[i][1], rows[i][1]);
	ta_psar(&bars, out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_near(got[0][i], rows[i][2], "PSAR", i);
}

/* The second bar reaches farther up than down: long, and its low turns that at once. */
static void psar_begins_with_the_longer_way(void **state)
{
	(void)state;
	put(0, 10, 9, 9);
	put(1, 12, 8.5, 9);
	ta_psar(&bars, out);
	assert_near(got[0][1], 12, "PSAR", 1);
	put(1, 11.5, 7, 9);
	ta_psar(&bars, out);
	assert_near(got[0][1], 7, "PSAR", 1);
}

/* Its factor ends at 0.20: ten new extremes are enough. */
static void psar_factor_has_an_end(void **state)
{
	(void)state;
	long double stop = 100, factor = 0.02L;
	for (size_t i = 0; i < 40; i++)
		put(i, 101 + 20 * (double)i, 100 + 20 * (double)i, 100 + 20 * (double)i);
	ta_psar(&bars, out);
	for (size_t i = 1; i < 40; i++) {
		assert_near(got[0][i], stop, "PSAR", i);
		if (i > 1)
			factor = fminl(0.2L, factor + 0.02L);
		stop += factor * (101 + 20 * (long double)i - stop);
	}
}

static void qqe_of_only_rises_is_100_without_a_distance(void **state)
{
	(void)state;
	for (size_t i = 0; i < 90; i++)
		put(i, (double)i, (double)i, 1 + (double)i);
	ta_qqe(&bars, out);
	assert_near(got[0][18], 100, "QQE", 18);
	assert_near(got[1][89], 100, "QQE trail", 89);
}

static void qqe_trail_never_comes_back_while_the_line_keeps_its_side(void **state)
{
	(void)state;
	int turns = 0;
	make_walk(&walks[0]);
	ta_qqe(&bars, out);
	for (size_t i = 72; i < bars.count; i++) {
		bool above = got[0][i] > got[1][i], was_above = got[0][i - 1] > got[1][i - 1];
		turns += above != was_above;
		if (above && was_above)
			assert_true(got[1][i] >= got[1][i - 1]);
		if (!above && !was_above)
			assert_true(got[1][i] <= got[1][i - 1]);
	}
	assert_true(turns > 3);
}

/* Prices of 10^-8 are prices: a factor of 2^-40 on all of them, which doubles carry
 * exactly, is the same factor on what is in price units, and nothing to what is not. */
static void the_unit_of_the_price_does_not_matter(void **state)
{
	(void)state;
	static const struct {
		ta_function *function;
		bool price_units;
	} rows[] = { { ta_ema, true },  { ta_rsi, false }, { ta_stoch_rsi, false },
		     { ta_macd, true }, { ta_adx, false }, { ta_atr, true },
		     { ta_psar, true }, { ta_qqe, false } };
	static double small[TA_OUTPUTS_MAX][BARS_MAX];
	double *const other[TA_OUTPUTS_MAX] = { small[0], small[1], small[2] };
	const double factor = ldexp(1, -40);
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		make_walk(&walks[1]);
		rows[r].function(&bars, out);
		for (size_t i = 0; i < BARS_MAX; i++)
			put(i, high[i] * factor, low[i] * factor, close_[i] * factor);
		rows[r].function(&bars, other);
		for (size_t i = 210; i < BARS_MAX; i++)
			assert_true(small[0][i] == got[0][i] * (rows[r].price_units ? factor : 1));
	}
}

/* ---- the conventions, and the table ---- */

static void conventions_differ_where_the_header_says_and_nowhere_else(void **state)
{
	(void)state;
	static const struct {
		ta_function *function;
		bool differs;
	} rows[] = { { ta_ema, false },  { ta_rsi, false }, { ta_stoch_rsi, true },
		     { ta_macd, true },  { ta_adx, true },  { ta_atr, false },
		     { ta_psar, false }, { ta_qqe, false } };
	static double talib[TA_OUTPUTS_MAX][BARS_MAX];
	double *const other[TA_OUTPUTS_MAX] = { talib[0], talib[1], talib[2] };
	make_walk(&walks[0]); /* it moves from the first bar on */
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		bars.convention = TA_WILDER;
		rows[r].function(&bars, out);
		bars.convention = TA_TALIB;
		rows[r].function(&bars, other);
		assert_int_equal(got[0][40] != talib[0][40] && !isnan(got[0][40]), rows[r].differs);
	}
	bars.convention = TA_WILDER;
}

static bool is_field(const char *text)
{
	for (; *text; text++)
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) &&
		    *text != '_')
			return false;
	return true;
}

static void every_row_has_its_names_and_its_convention(void **state)
{
	(void)state;
	for (enum indicator i = 0; i < INDICATOR_COUNT; i++) {
		const struct indicator_row *row = indicator_row(i);
		assert_true(*row->id && *row->field && *row->title);
		assert_true(is_field(row->id) && is_field(row->field));
		size_t len = strlen(row->convention);
		assert_true(len > 3 && row->convention[len - 1] != '.');
		assert_string_equal(indicator_convention(i, TA_WILDER), row->convention);
		assert_true(strlen(indicator_convention(i, TA_TALIB)) > 3);
		for (enum indicator k = 0; k < i; k++) {
			assert_string_not_equal(row->id, indicator_row(k)->id);
			assert_string_not_equal(row->field, indicator_row(k)->field);
			assert_string_not_equal(row->title, indicator_row(k)->title);
		}
	}
}

static void rows_that_differ_say_so_by_talibs_name(void **state)
{
	(void)state;
	for (enum indicator i = 0; i < INDICATOR_COUNT; i++) {
		const char *talib = indicator_convention(i, TA_TALIB);
		bool other = strcmp(talib, indicator_convention(i, TA_WILDER)) != 0;
		assert_int_equal(other, strncmp(talib, "TA-Lib: ", 8) == 0);
	}
	assert_string_equal(indicator_convention(INDICATOR_adx14, TA_TALIB),
			    "TA-Lib: Wilder, seeded from the sum of the first 13");
	assert_string_equal(indicator_convention(INDICATOR_atr14, TA_TALIB),
			    indicator_convention(INDICATOR_atr14, TA_WILDER));
}

/* Each row names a result that its function has, and one function's rows stand together:
 * a series works each function out once. */
static void every_row_names_a_result_of_its_function(void **state)
{
	(void)state;
	static const struct {
		ta_function *function;
		size_t output;
	} rows[] = {
#define INDICATOR(id, field, title, function, output, convention) { ta_##function, output },
#include "def/indicators.def"
	};
	make_walk(&walks[0]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(rows[i].output < TA_OUTPUTS_MAX);
		got[rows[i].output][BARS_MAX - 1] = NAN;
		rows[i].function(&bars, out);
		assert_false(isnan(got[rows[i].output][BARS_MAX - 1]));
		for (size_t k = 0; k + 1 < i; k++)
			assert_true(rows[k].function != rows[i].function ||
				    rows[k + 1].function == rows[i].function);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsi_14_agrees_with_the_vector),
		cmocka_unit_test(ema_20_agrees_with_the_vector),
		cmocka_unit_test(talib_convention_gives_talibs_figures),
		cmocka_unit_test(ema_is_the_closed_form),
		cmocka_unit_test(rsi_is_the_closed_form),
		cmocka_unit_test(stoch_rsi_is_the_closed_form),
		cmocka_unit_test(macd_is_the_closed_form),
		cmocka_unit_test(atr_is_the_closed_form),
		cmocka_unit_test(adx_is_the_closed_form),
		cmocka_unit_test(psar_is_its_trades_worked_out_one_by_one),
		cmocka_unit_test(qqe_is_the_closed_form),
		cmocka_unit_test(each_begins_with_the_bar_that_suffices),
		cmocka_unit_test(none_reads_or_writes_beyond_its_bars),
		cmocka_unit_test(rsi_of_only_rises_is_100_and_of_only_falls_0),
		cmocka_unit_test(rsi_weighs_rises_against_falls),
		cmocka_unit_test(nothing_that_moved_is_undefined_and_does_no_harm_later),
		cmocka_unit_test(stoch_rsi_is_undefined_over_a_flat_range_only),
		cmocka_unit_test(macd_of_a_ramp_is_the_difference_of_lags),
		cmocka_unit_test(atr_counts_gaps_and_is_their_wilder_mean),
		cmocka_unit_test(adx_of_one_direction_is_100),
		cmocka_unit_test(a_bar_that_reaches_as_far_up_as_down_has_no_direction),
		cmocka_unit_test(adx_is_seeded_from_14_and_by_talib_from_13),
		cmocka_unit_test(psar_follows_turns_and_stays_out_of_the_range),
		cmocka_unit_test(psar_begins_with_the_longer_way),
		cmocka_unit_test(psar_factor_has_an_end),
		cmocka_unit_test(qqe_of_only_rises_is_100_without_a_distance),
		cmocka_unit_test(qqe_trail_never_comes_back_while_the_line_keeps_its_side),
		cmocka_unit_test(the_unit_of_the_price_does_not_matter),
		cmocka_unit_test(conventions_differ_where_the_header_says_and_nowhere_else),
		cmocka_unit_test(every_row_has_its_names_and_its_convention),
		cmocka_unit_test(rows_that_differ_say_so_by_talibs_name),
		cmocka_unit_test(every_row_names_a_result_of_its_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
