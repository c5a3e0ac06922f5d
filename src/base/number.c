#include "base/number.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

enum status number_parse(struct str text, struct number *out)
{
	bool negative = text.len && text.ptr[0] == '-', point = false, over = false;
	uint64_t mantissa = 0;
	size_t digits = 0, places = 0;
	for (size_t at = negative; at < text.len; at++) {
		if (text.ptr[at] == '.' && !point && digits) {
			point = true;
			continue;
		}
		if (!is_digit(text.ptr[at]))
			return STATUS_FORMAT;
		digits++;
		places += point;
		over |= __builtin_mul_overflow(mantissa, 10, &mantissa);
		over |= __builtin_add_overflow(mantissa, (uint64_t)(text.ptr[at] - '0'), &mantissa);
	}
	if (!digits || (point && !places))
		return STATUS_FORMAT;
	if (over || places > DECIMAL_SCALE_MAX || mantissa > INT64_MAX)
		return STATUS_RANGE;
	out->mantissa = negative ? -(int64_t)mantissa : (int64_t)mantissa;
	out->digits = (uint8_t)places;
	return STATUS_OK;
}

void number_print(struct buf *buf, struct number number)
{
	decimal_print(buf, number.mantissa, number.digits);
}

int number_cmp(struct number a, struct number b)
{
	i128 left = a.mantissa, right = b.mantissa;
	if (a.digits < b.digits)
		left *= decimal_pow10(b.digits - a.digits);
	else
		right *= decimal_pow10(a.digits - b.digits);
	return (left > right) - (left < right);
}
