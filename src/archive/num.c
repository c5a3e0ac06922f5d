#include "archive/num.h"

#include "base/check.h"

enum { PLACES = 16, EXPONENT_MAX = 10000 };

/* ---- reading ---- */

static bool is_digit(struct str text) { return text.len && *text.ptr >= '0' && *text.ptr <= '9'; }

/* Digits off the front; false: more than are held. Zeros before the first one that counts are not.
 */
static bool take_digits(struct str *text, struct num *num, int *taken)
{
	for (*taken = 0; is_digit(*text); *text = str_skip(*text, 1), ++*taken) {
		if (num->count == 1 && num->digits[0] == 0 && num->places == 0)
			num->count = 0;
		if (num->count == NUM_DIGITS_MAX)
			return false;
		num->digits[num->count++] = (uint8_t)(*text->ptr - '0');
	}
	return true;
}

static bool take_fraction(struct str *text, struct num *num, int *taken)
{
	for (*taken = 0; is_digit(*text); *text = str_skip(*text, 1), ++*taken) {
		if (num->count == NUM_DIGITS_MAX)
			return false;
		num->digits[num->count++] = (uint8_t)(*text->ptr - '0');
		num->places++;
	}
	return true;
}

static bool take_exponent(struct str *text, int *exponent)
{
	*exponent = 0;
	if (!text->len || (*text->ptr != 'e' && *text->ptr != 'E'))
		return true;
	*text = str_skip(*text, 1);
	bool negative = text->len && *text->ptr == '-';
	if (text->len && (*text->ptr == '-' || *text->ptr == '+'))
		*text = str_skip(*text, 1);
	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); *text = str_skip(*text, 1))
		if (*exponent < EXPONENT_MAX)
			*exponent = *exponent * 10 + (*text->ptr - '0');
	if (negative)
		*exponent = -*exponent;
	return true;
}

static bool shift(struct num *num, int exponent)
{
	int places = num->places - exponent;
	int more = places < 0 ? -places : 0; /* zeros behind */
	if (num->count + more > NUM_DIGITS_MAX || places > NUM_DIGITS_MAX - 1)
		return false;
	memset(num->digits + num->count, 0, (size_t)more);
	num->count += more;
	num->places = places < 0 ? 0 : places;
	int front =
	    num->places + 1 - num->count; /* zeros before: at least one digit stands there */
	if (front > 0) {
		memmove(num->digits + front, num->digits, (size_t)num->count);
		memset(num->digits, 0, (size_t)front);
		num->count += front;
	}
	int zeros = 0;
	while (num->count - zeros > num->places + 1 && num->digits[zeros] == 0)
		zeros++;
	memmove(num->digits, num->digits + zeros, (size_t)(num->count - zeros));
	num->count -= zeros;
	return true;
}

bool num_parse(struct str text, struct num *out)
{
	struct num num = { 0 };
	int whole, fraction = 0, exponent;
	num.negative = text.len && *text.ptr == '-';
	if (text.len && (*text.ptr == '-' || *text.ptr == '+'))
		text = str_skip(text, 1);
	if (!take_digits(&text, &num, &whole))
		return false;
	if (text.len && *text.ptr == '.') {
		text = str_skip(text, 1);
		if (!take_fraction(&text, &num, &fraction))
			return false;
	}
	if (whole + fraction == 0 || !take_exponent(&text, &exponent) || text.len)
		return false;
	if (!shift(&num, exponent))
		return false;
	*out = num;
	return true;
}

/* ---- telling ---- */

bool num_e16(const struct num *num, i128 *e16)
{
	const i128 end = (i128)decimal_pow10(18) * decimal_pow10(18) * 100;
	int whole = num->count - num->places;
	i128 value = 0;
	if (whole > 22)
		return false;
	for (int i = 0; i < whole + PLACES; i++)
		value = value * 10 + (i < num->count ? num->digits[i] : 0);
	if (num->places > PLACES && num->digits[whole + PLACES] >= 5)
		value++;
	if (value >= end)
		return false;
	*e16 = num->negative ? -value : value;
	return true;
}

void num_print(struct buf *out, const struct num *num)
{
	if (num->negative)
		buf_char(out, '-');
	for (int i = 0; i < num->count; i++) {
		if (i == num->count - num->places)
			buf_char(out, '.');
		buf_char(out, (char)('0' + num->digits[i]));
	}
}
