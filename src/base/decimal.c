#include "base/decimal.h"

#include "base/check.h"

int64_t decimal_pow10(int32_t n)
{
	static const int64_t powers[DECIMAL_SCALE_MAX + 1] = {
		1,
		10,
		100,
		1000,
		10000,
		100000,
		1000000,
		10000000,
		100000000,
		1000000000,
		10000000000,
		100000000000,
		1000000000000,
		10000000000000,
		100000000000000,
		1000000000000000,
		10000000000000000,
		100000000000000000,
		1000000000000000000,
	};
	CHECK(n >= 0 && n <= DECIMAL_SCALE_MAX);
	return powers[n];
}

static bool digits_only(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return s.len > 0;
}

enum status decimal_parse(struct str text, struct decimal *out)
{
	bool negative = text.len && text.ptr[0] == '-';
	struct str rest = negative ? str_skip(text, 1) : text;
	size_t point = str_find_char(rest, '.');
	struct str whole = str_make(rest.ptr, point);
	struct str fraction = str_skip(rest, point + 1);
	if (!digits_only(whole) || (point < rest.len && !digits_only(fraction)))
		return STATUS_FORMAT;
	while (fraction.len && fraction.ptr[fraction.len - 1] == '0')
		fraction.len--;
	if (fraction.len > DECIMAL_SCALE_MAX)
		return STATUS_RANGE;
	int64_t mantissa = 0;
	for (size_t i = 0; i < whole.len + fraction.len; i++) {
		char c = i < whole.len ? whole.ptr[i] : fraction.ptr[i - whole.len];
		if (__builtin_mul_overflow(mantissa, 10, &mantissa) ||
		    __builtin_add_overflow(mantissa, c - '0', &mantissa))
			return STATUS_RANGE;
	}
	out->mantissa = negative ? -mantissa : mantissa;
	out->scale = (int32_t)fraction.len;
	return STATUS_OK;
}

enum status decimal_rescale(struct decimal d, int32_t scale, int64_t *mantissa)
{
	CHECK(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
	if (scale >= d.scale) {
		int64_t result;
		if (__builtin_mul_overflow(d.mantissa, decimal_pow10(scale - d.scale), &result))
			return STATUS_RANGE;
		*mantissa = result;
		return STATUS_OK;
	}
	int64_t divisor = decimal_pow10(d.scale - scale);
	if (d.mantissa % divisor)
		return STATUS_INVALID;
	*mantissa = d.mantissa / divisor;
	return STATUS_OK;
}

/* Digits in front of `end`, the point included, until all are there. */
static char *put_digit(char *at, unsigned digit, int32_t place, int32_t scale)
{
	if (place == scale && scale > 0)
		*--at = '.';
	*--at = (char)('0' + digit);
	return at;
}

void decimal_print(struct buf *buf, i128 mantissa, int32_t scale)
{
	CHECK(scale >= 0 && scale <= 2 * DECIMAL_SCALE_MAX);
	char text[48];
	char *at = text + sizeof text;
	u128 rest = mantissa < 0 ? -(u128)mantissa : (u128)mantissa;
	int32_t place = 0;
	for (; rest > UINT64_MAX; rest /= 10)
		at = put_digit(at, (unsigned)(rest % 10), place++, scale);
	/* Most fit into 64 bits, whose division is several times quicker. */
	uint64_t low = (uint64_t)rest;
	do {
		at = put_digit(at, (unsigned)(low % 10), place++, scale);
		low /= 10;
	} while (low || place <= scale);
	if (mantissa < 0)
		*--at = '-';
	buf_put(buf, at, (size_t)(text + sizeof text - at));
}

void decimal_print_trim(struct buf *buf, i128 mantissa, int32_t scale)
{
	for (; mantissa != (int64_t)mantissa && scale > 0 && mantissa % 10 == 0; scale--)
		mantissa /= 10;
	if (mantissa == (int64_t)mantissa) {
		int64_t low = (int64_t)mantissa;
		for (; scale > 0 && low % 10 == 0; scale--)
			low /= 10;
		mantissa = low;
	}
	decimal_print(buf, mantissa, scale);
}

void decimal_print_round(struct buf *buf, i128 mantissa, int32_t scale, int32_t places)
{
	if (places >= scale) {
		decimal_print(buf, mantissa, scale);
		return;
	}
	i128 divisor = 1;
	for (int32_t i = places; i < scale; i++)
		divisor *= 10;
	i128 half = divisor / 2;
	i128 rounded = (mantissa < 0 ? mantissa - half : mantissa + half) / divisor;
	decimal_print(buf, rounded, places);
}

double decimal_to_double(i128 mantissa, int32_t scale)
{
	double value = (double)mantissa;
	while (scale > DECIMAL_SCALE_MAX) {
		value /= 10;
		scale--;
	}
	return value / (double)decimal_pow10(scale);
}
