#include "codec/entries_number.h"

#include "base/check.h"

enum { DIGITS_WHOLE_MAX = 19 }; /* of a mantissa; so many fit in 64 bits */

/* The first that is no digit. Of too many digits the value is nonsense, and not used. */
static const char *take_digits(const char *at, const char *end, uint64_t *value)
{
	uint64_t all = *value;
	for (unsigned digit; at < end && (digit = (unsigned char)*at - (unsigned)'0') < 10; at++)
		all = all * 10 + digit;
	*value = all;
	return at;
}

bool entries_number_parse(struct str text, int64_t *mantissa, uint8_t *digits)
{
	if (text.len == 0)
		return false;
	const char *at = text.ptr, *end = text.ptr + text.len;
	bool negative = *at == '-';
	const char *first = at + negative, *point;
	uint64_t size = 0;
	point = at = take_digits(first, end, &size);
	if (at == first || (*first == '0' && at - first > 1))
		return false;
	if (at < end && *at == '.')
		at = take_digits(point + 1, end, &size);
	ptrdiff_t behind = at == point ? 0 : at - point - 1;
	if (at != end || (at != point && behind == 0) || behind > ENTRIES_DIGITS_MAX ||
	    point - first + behind > DIGITS_WHOLE_MAX)
		return false;
	if (size > (uint64_t)INT64_MAX + negative || (negative && !size))
		return false;
	*mantissa = (int64_t)(negative ? 0 - size : size);
	*digits = (uint8_t)behind;
	return true;
}

size_t entries_number_print(char out[ENTRIES_NUMBER_BYTES], int64_t mantissa, uint8_t digits)
{
	char text[ENTRIES_NUMBER_BYTES], *end = text + sizeof text, *at = end;
	uint64_t size = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
	CHECK(digits <= ENTRIES_DIGITS_MAX);
	for (uint32_t i = 0; i < digits; i++, size /= 10)
		*--at = (char)('0' + size % 10);
	if (digits)
		*--at = '.';
	do
		*--at = (char)('0' + size % 10);
	while (size /= 10);
	if (mantissa < 0)
		*--at = '-';
	memcpy(out, at, (size_t)(end - at));
	return (size_t)(end - at);
}
