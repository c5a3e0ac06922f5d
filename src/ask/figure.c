#include "ask/figure.h"

#include <math.h>

#include "base/check.h"

/* A magnitude as decimal digits: 0.d1d2d3… × 10^whole. No leading zero; count 0
 * is zero. Rounding works on it, so that nothing is lost on the way. */
struct digits {
	uint8_t d[40];
	int32_t count, whole;
};

static void put(struct figure *out, char c)
{
	bool room = out->len < FIGURE_BYTES;
	CHECK(room);
	if (room)
		out->text[out->len++] = c;
}

static void put_text(struct figure *out, const char *text)
{
	while (*text)
		put(out, *text++);
}

struct figure figure_word(const char *word)
{
	struct figure out = { 0 };
	while (*word && out.len < FIGURE_BYTES)
		put(&out, *word++);
	return out;
}

struct figure figure_none(void) { return figure_word("n/a"); }

static struct digits digits_of(i128 mantissa, int32_t scale)
{
	struct digits out = { .count = 0 };
	uint8_t reversed[40];
	int32_t n = 0;
	u128 rest = mantissa < 0 ? -(u128)mantissa : (u128)mantissa;
	while (rest >> 64) {
		reversed[n++] = (uint8_t)(rest % 10);
		rest /= 10;
	}
	for (uint64_t low = (uint64_t)rest; low; low /= 10)
		reversed[n++] = (uint8_t)(low % 10);
	for (int32_t i = 0; i < n; i++)
		out.d[i] = reversed[n - 1 - i];
	out.count = n;
	out.whole = n - scale;
	return out;
}

/* Keeps the first `keep` digits (may be ≤ 0), half away from zero. */
static void digits_round(struct digits *digits, int32_t keep)
{
	if (keep >= digits->count)
		return;
	bool up = keep >= 0 && digits->d[keep] >= 5;
	digits->count = keep < 0 ? 0 : keep;
	if (!up)
		return;
	int32_t i = digits->count;
	while (i > 0 && digits->d[i - 1] == 9)
		i--;
	digits->count = i;
	if (i > 0) {
		digits->d[i - 1]++;
		return;
	}
	digits->d[0] = 1;
	digits->count = 1;
	digits->whole++;
}

static bool is_zero(const struct digits *digits)
{
	for (int32_t i = 0; i < digits->count; i++)
		if (digits->d[i])
			return false;
	return true;
}

static char digit_at(const struct digits *digits, int32_t i)
{
	return (char)('0' + (i >= 0 && i < digits->count ? digits->d[i] : 0));
}

static void put_sign(struct figure *out, const struct digits *digits, bool negative,
		     enum figure_sign sign)
{
	if (is_zero(digits))
		return;
	if (negative)
		put(out, '-');
	else if (sign == FIGURE_PLUS)
		put(out, '+');
}

/* The digits with the point after `whole` of them. */
static void put_digits(struct figure *out, const struct digits *digits, int32_t whole,
		       int32_t places, bool separate)
{
	if (whole <= 0)
		put(out, '0');
	for (int32_t i = 0; i < whole; i++) {
		if (separate && i && (whole - i) % 3 == 0)
			put(out, ',');
		put(out, digit_at(digits, i));
	}
	if (places <= 0)
		return;
	put(out, '.');
	for (int32_t i = 0; i < places; i++)
		put(out, digit_at(digits, whole + i));
}

struct figure figure_group(i128 mantissa, int32_t scale, int32_t places, enum figure_sign sign)
{
	CHECK(scale >= 0 && scale <= 2 * DECIMAL_SCALE_MAX);
	CHECK(places >= 0 && places <= DECIMAL_SCALE_MAX);
	struct digits digits = digits_of(mantissa, scale);
	struct figure out = { 0 };
	digits_round(&digits, digits.whole + places);
	put_sign(&out, &digits, mantissa < 0, sign);
	/* 39 digits with separators and places would not fit: no price or sum is
	 * that large, but a caller's number is not to be cut. */
	put_digits(&out, &digits, digits.whole, places, digits.whole + places < 40);
	return out;
}

int32_t figure_price_places(int64_t price, int32_t scale)
{
	struct digits digits = digits_of(price, scale);
	int32_t places = digits.whole >= 4 ? 2 : digits.whole >= 1 ? 4 : 4 - digits.whole;
	if (places > scale)
		places = scale;
	return places < 2 ? 2 : places;
}

struct figure figure_price(int64_t price, int32_t scale)
{
	return figure_group(price, scale, figure_price_places(price, scale), FIGURE_PLAIN);
}

static void put_exponent(struct figure *out, const struct digits *digits)
{
	int32_t exponent = digits->whole - 1;
	put_digits(out, digits, 1, 2, false);
	put_text(out, exponent < 0 ? "e-" : "e");
	int32_t size = exponent < 0 ? -exponent : exponent;
	if (size >= 10)
		put(out, (char)('0' + size / 10));
	put(out, (char)('0' + size % 10));
}

enum { SHORT_DIGITS = 3 };

struct figure figure_short(i128 mantissa, int32_t scale, enum figure_sign sign)
{
	static const char suffixes[] = { 0, 'k', 'M', 'B', 'T' };
	CHECK(scale >= 0 && scale <= 2 * DECIMAL_SCALE_MAX);
	struct digits digits = digits_of(mantissa, scale);
	struct figure out = { 0 };
	if (mantissa == 0)
		return figure_word("0");
	digits_round(&digits, SHORT_DIGITS);
	put_sign(&out, &digits, mantissa < 0, sign);
	if (digits.whole < -5 || digits.whole > 15) {
		put_exponent(&out, &digits);
		return out;
	}
	int32_t thousands = digits.whole > 3 ? (digits.whole - 1) / 3 : 0;
	int32_t whole = digits.whole - 3 * thousands;
	int32_t places = SHORT_DIGITS - whole;
	if (!thousands) /* 5 is no estimate of 5.00 */
		while (places > 0 && digit_at(&digits, whole + places - 1) == '0')
			places--;
	put_digits(&out, &digits, whole, places, false);
	if (thousands)
		put(&out, suffixes[thousands]);
	return out;
}

/* value × 10^places as an integer; false when it is no number or too large. */
static bool scaled(double value, int32_t places, int64_t *out)
{
	double product = value * (double)decimal_pow10(places);
	if (!isfinite(product) || fabs(product) >= 9e18)
		return false;
	*out = llround(product);
	return true;
}

struct figure figure_short_double(double value, enum figure_sign sign)
{
	int32_t places = fabs(value) >= 1e9 ? 0 : 9;
	int64_t mantissa;
	if (!scaled(value, places, &mantissa))
		return figure_none();
	return figure_short(mantissa, places, sign);
}

struct figure figure_fixed(double value, int32_t places, enum figure_sign sign)
{
	int64_t mantissa;
	if (!scaled(value, places, &mantissa))
		return figure_none();
	return figure_group(mantissa, places, places, sign);
}

struct figure figure_percent(double fraction, int32_t places, enum figure_sign sign)
{
	int64_t mantissa;
	if (!scaled(fraction, places + 2, &mantissa))
		return figure_none();
	struct figure out = figure_group(mantissa, places, places, sign);
	put_text(&out, " %");
	return out;
}

struct figure figure_shares(double ratio)
{
	if (!isfinite(ratio))
		return figure_none();
	int64_t buy = llround(ratio * 100);
	struct figure out = figure_group(buy, 0, 0, FIGURE_PLAIN);
	struct figure sell = figure_group(100 - buy, 0, 0, FIGURE_PLAIN);
	put(&out, '/');
	for (uint8_t i = 0; i < sell.len; i++)
		put(&out, sell.text[i]);
	put_text(&out, " %");
	return out;
}

static void put_i64(struct figure *out, int64_t value)
{
	struct figure text = figure_group(value, 0, 0, FIGURE_PLAIN);
	for (uint8_t i = 0; i < text.len; i++)
		put(out, text.text[i]);
}

static void put_unit(struct figure *out, int64_t value, const char *unit)
{
	put_i64(out, value);
	put(out, ' ');
	put_text(out, unit);
}

struct figure figure_age(int64_t ms)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	int64_t seconds = ms > 0 ? ms / 1000 : 0;
	struct figure out = { 0 };
	size_t i = 0;
	while (i + 1 < ARRAY_LEN(units) && seconds < units[i].seconds)
		i++;
	put_unit(&out, seconds / units[i].seconds, units[i].unit);
	if (i + 1 < ARRAY_LEN(units)) {
		put(&out, ' ');
		put_unit(&out, seconds % units[i].seconds / units[i + 1].seconds,
			 units[i + 1].unit);
	}
	return out;
}

static void put_padded(struct figure *out, int64_t value, int32_t width)
{
	for (int32_t i = width - 1; i >= 0; i--)
		put(out, (char)('0' + value / decimal_pow10(i) % 10));
}

/* Days since 1970 to a date of the Gregorian calendar: years are counted from
 * March 1st, so that the leap day comes last (Hinnant's civil_from_days). */
static void put_date(struct figure *out, int64_t days)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
	put_padded(out, year_of_era + era * 400 + (month >= 10), 4);
	put(out, '-');
	put_padded(out, month < 10 ? month + 3 : month - 9, 2);
	put(out, '-');
	put_padded(out, day_of_year - (153 * month + 2) / 5 + 1, 2);
}

static void put_time(struct figure *out, int64_t second_of_day, bool seconds)
{
	put_padded(out, second_of_day / 3600, 2);
	put(out, ':');
	put_padded(out, second_of_day / 60 % 60, 2);
	if (!seconds)
		return;
	put(out, ':');
	put_padded(out, second_of_day % 60, 2);
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static struct figure date_and_time(int64_t unix_ms, bool seconds)
{
	struct figure out = { 0 };
	int64_t second = floor_div(unix_ms, 1000);
	int64_t day = floor_div(second, 86400);
	put_date(&out, day);
	put(&out, ' ');
	put_time(&out, second - day * 86400, seconds);
	put(&out, 'Z');
	return out;
}

struct figure figure_utc(int64_t unix_ms) { return date_and_time(unix_ms, true); }
struct figure figure_minute(int64_t unix_ms) { return date_and_time(unix_ms, false); }

struct figure figure_clock(int64_t unix_ms)
{
	struct figure out = { 0 };
	int64_t second = floor_div(unix_ms, 1000);
	put_time(&out, second - floor_div(second, 86400) * 86400, true);
	return out;
}
