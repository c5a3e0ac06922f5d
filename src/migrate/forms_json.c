/* A flat JSON object, taken apart with the text of each number as it stands, and back. */
#include <stdio.h>
#include <stdlib.h>

#include "migrate/forms.h"

enum { DIGITS_MAX = 17, NUMBER_BYTES_MAX = 40 };

struct scan {
	struct str rest;
	struct buf *texts;
	enum form_reason why; /* ok until it fails */
};

static void blanks(struct scan *scan)
{
	while (scan->rest.len && memchr(" \t\r\n", scan->rest.ptr[0], 4))
		scan->rest = str_skip(scan->rest, 1);
}

static bool fail(struct scan *scan, enum form_reason why)
{
	if (scan->why == FORM_ok)
		scan->why = why;
	return false;
}

static bool take_char(struct scan *scan, char c)
{
	blanks(scan);
	if (!scan->rest.len || scan->rest.ptr[0] != c)
		return false;
	scan->rest = str_skip(scan->rest, 1);
	return true;
}

/* ---- texts ---- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_unit(struct scan *scan, uint32_t *unit)
{
	*unit = 0;
	if (scan->rest.len < 4)
		return fail(scan, FORM_not_object);
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(scan->rest.ptr[i]);
		if (digit < 0)
			return fail(scan, FORM_not_object);
		*unit = *unit << 4 | (uint32_t)digit;
	}
	scan->rest = str_skip(scan->rest, 4);
	return true;
}

static void put_utf8(struct buf *out, uint32_t code)
{
	if (code < 0x80) {
		buf_char(out, (char)code);
	} else if (code < 0x800) {
		buf_char(out, (char)(0xC0 | code >> 6));
		buf_char(out, (char)(0x80 | (code & 0x3F)));
	} else if (code < 0x10000) {
		buf_char(out, (char)(0xE0 | code >> 12));
		buf_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
		buf_char(out, (char)(0x80 | (code & 0x3F)));
	} else {
		buf_char(out, (char)(0xF0 | code >> 18));
		buf_char(out, (char)(0x80 | (code >> 12 & 0x3F)));
		buf_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
		buf_char(out, (char)(0x80 | (code & 0x3F)));
	}
}

static bool take_unicode(struct scan *scan)
{
	uint32_t unit, low;
	if (!take_unit(scan, &unit))
		return false;
	if (unit >= 0xD800 && unit < 0xDC00) {
		if (!str_starts(scan->rest, STR("\\u")))
			return fail(scan, FORM_text);
		scan->rest = str_skip(scan->rest, 2);
		if (!take_unit(scan, &low))
			return false;
		if (low < 0xDC00 || low > 0xDFFF)
			return fail(scan, FORM_text);
		unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
	} else if ((unit >= 0xDC00 && unit <= 0xDFFF) || !unit) {
		return fail(scan, FORM_text);
	}
	put_utf8(scan->texts, unit);
	return true;
}

static bool take_escape(struct scan *scan)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (!scan->rest.len)
		return fail(scan, FORM_not_object);
	char c = scan->rest.ptr[0];
	scan->rest = str_skip(scan->rest, 1);
	if (c == 'u')
		return take_unicode(scan);
	const char *at = c ? strchr(from, c) : NULL;
	if (!at)
		return fail(scan, FORM_not_object);
	buf_char(scan->texts, to[at - from]);
	return true;
}

/* Behind its opening quote. *at: where it begins in the texts. */
static bool take_text(struct scan *scan, size_t *at)
{
	*at = scan->texts->len;
	while (scan->rest.len && scan->rest.ptr[0] != '"') {
		size_t n = str_utf8_len(scan->rest);
		if (scan->rest.ptr[0] == '\\') {
			scan->rest = str_skip(scan->rest, 1);
			if (!take_escape(scan))
				return false;
			continue;
		}
		if (!n)
			return fail(scan, FORM_text);
		if ((unsigned char)scan->rest.ptr[0] < 0x20)
			return fail(scan, FORM_not_object);
		buf_put(scan->texts, scan->rest.ptr, n);
		scan->rest = str_skip(scan->rest, n);
	}
	if (!scan->rest.len)
		return fail(scan, FORM_not_object);
	scan->rest = str_skip(scan->rest, 1);
	return true;
}

/* ---- numbers ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits_at(struct str s, size_t at)
{
	size_t n = 0;
	while (at + n < s.len && is_digit(s.ptr[at + n]))
		n++;
	return n;
}

/* JSON's number in front of s: its length; 0: none. *plain: without exponent. */
static size_t number_at(struct str s, bool *plain, size_t *point)
{
	size_t at = s.len && s.ptr[0] == '-', n = digits_at(s, at);
	*plain = true;
	*point = 0;
	if (!n || (n > 1 && s.ptr[at] == '0'))
		return 0;
	at += n;
	if (at < s.len && s.ptr[at] == '.') {
		*point = at;
		n = digits_at(s, at + 1);
		if (!n)
			return 0;
		at += 1 + n;
	}
	if (at < s.len && (s.ptr[at] | 0x20) == 'e') {
		*plain = false;
		at++;
		at += at < s.len && memchr("+-", s.ptr[at], 2);
		n = digits_at(s, at);
		if (!n)
			return 0;
		at += n;
	}
	return at;
}

static size_t significant(struct str number)
{
	size_t count = 0;
	for (size_t i = 0; i < number.len; i++)
		if (is_digit(number.ptr[i]) && (count || number.ptr[i] != '0'))
			count++;
	return count;
}

/* Digits without sign, point, exponent and zeros in front. */
static size_t bare_digits(const char *text, char *out, size_t size)
{
	size_t n = 0;
	for (; *text && *text != 'e'; text++)
		if (is_digit(*text) && (n || *text != '0') && n + 1 < size)
			out[n++] = *text;
	out[n] = 0;
	return n;
}

/* The shortest text of the double has the text's own digits; up to 15 of them it always has. */
static bool double_keeps(struct str number)
{
	char own[NUMBER_BYTES_MAX + 1], printed[400], own_digits[64], digits[64];
	size_t count = significant(number);
	if (count <= 15)
		return true;
	if (count > DIGITS_MAX || str_copy(number, own, sizeof own))
		return false;
	double value = strtod(own, NULL);
	for (int shorter = 15; shorter < (int)count; shorter++) {
		snprintf(printed, sizeof printed, "%.*g", shorter, value);
		if (strtod(printed, NULL) == value)
			return false;
	}
	snprintf(printed, sizeof printed, "%.*e", (int)count - 1, value);
	bare_digits(printed, digits, sizeof digits);
	bare_digits(own, own_digits, sizeof own_digits);
	return strcmp(digits, own_digits) == 0;
}

static enum form_reason number_reason(struct str number, bool plain, size_t point)
{
	int64_t value;
	if (!plain || number.len > NUMBER_BYTES_MAX)
		return FORM_number;
	if (!point) {
		if (str_eq(number, STR("-0")))
			return FORM_number;
		return str_to_i64(number, &value) || value > INT64_C(1) << 53 ||
			       value < -(INT64_C(1) << 53)
			   ? FORM_big_integer
			   : FORM_ok;
	}
	bool zeros = number.ptr[number.len - 1] == '0' || !significant(number);
	return zeros || !double_keeps(number) ? FORM_number : FORM_ok;
}

static bool take_number(struct scan *scan, size_t *at)
{
	bool plain;
	size_t point, n = number_at(scan->rest, &plain, &point);
	struct str number = str_make(scan->rest.ptr, n);
	if (!n)
		return fail(scan, FORM_not_object);
	enum form_reason why = number_reason(number, plain, point);
	if (why)
		return fail(scan, why);
	*at = scan->texts->len;
	buf_str_put(scan->texts, number);
	scan->rest = str_skip(scan->rest, n);
	return true;
}

/* A field that would be printed without quotes. */
static bool prints_bare(struct str text)
{
	bool plain;
	size_t point, n = number_at(text, &plain, &point);
	return str_eq(text, STR("true")) || str_eq(text, STR("false")) || (n && n == text.len);
}

/* ---- members ---- */

static bool take_word(struct scan *scan, size_t *at)
{
	static const char *const words[] = { "true", "false" };
	for (int i = 0; i < 2; i++) {
		struct str word = str_of(words[i]);
		if (!str_starts(scan->rest, word))
			continue;
		*at = scan->texts->len;
		buf_str_put(scan->texts, word);
		scan->rest = str_skip(scan->rest, word.len);
		return true;
	}
	return fail(scan, str_starts(scan->rest, STR("null")) ? FORM_null : FORM_not_object);
}

static bool take_value(struct scan *scan, size_t *at)
{
	blanks(scan);
	char c = scan->rest.len ? scan->rest.ptr[0] : 0;
	if (c == '{' || c == '[')
		return fail(scan, FORM_nested);
	if (c == '"') {
		scan->rest = str_skip(scan->rest, 1);
		if (!take_text(scan, at))
			return false;
		struct str text = str_skip(buf_str(scan->texts), *at);
		return prints_bare(text) ? fail(scan, FORM_looks_else) : true;
	}
	return c == '-' || is_digit(c) ? take_number(scan, at) : take_word(scan, at);
}

/* Places in the texts while those may still move. */
struct place {
	size_t name, value, end;
};

static bool take_member(struct scan *scan, struct place *place)
{
	if (!take_char(scan, '"') || !take_text(scan, &place->name) || !take_char(scan, ':'))
		return fail(scan, FORM_not_object);
	bool good = take_value(scan, &place->value);
	place->end = scan->texts->len;
	return good;
}

static bool take_members(struct scan *scan, struct place *places, size_t *count)
{
	if (!take_char(scan, '{'))
		return fail(scan, FORM_not_object);
	if (take_char(scan, '}'))
		return fail(scan, FORM_empty);
	do {
		if (*count == FORM_MEMBERS_MAX)
			return fail(scan, FORM_large);
		if (!take_member(scan, &places[(*count)++]))
			return false;
	} while (take_char(scan, ','));
	if (!take_char(scan, '}'))
		return fail(scan, FORM_not_object);
	blanks(scan);
	return scan->rest.len ? fail(scan, FORM_not_object) : true;
}

static int by_field(const void *a, const void *b)
{
	return str_cmp(((const struct audit_element *)a)->field,
		       ((const struct audit_element *)b)->field);
}

/* Sorted copies beside each other; the elements keep their order. */
static bool has_twice(const struct audit_element *elements, size_t count)
{
	struct audit_element *sorted = malloc(count * sizeof *sorted);
	bool twice = !sorted; /* without memory it is not converted */
	if (sorted) {
		memcpy(sorted, elements, count * sizeof *sorted);
		qsort(sorted, count, sizeof *sorted, by_field);
	}
	for (size_t i = 1; !twice && i < count; i++)
		twice = str_eq(sorted[i].field, sorted[i - 1].field);
	free(sorted);
	return twice;
}

enum form_reason form_flat_json(struct str json, struct buf *texts,
				struct audit_element elements[FORM_MEMBERS_MAX], size_t *count)
{
	struct place places[FORM_MEMBERS_MAX];
	struct scan scan = { .rest = json, .texts = texts };
	size_t n = 0;
	if (json.len > FORM_BYTES_MAX)
		return FORM_large;
	if (!take_members(&scan, places, &n))
		return scan.why;
	if (texts->overflow)
		return FORM_large;
	for (size_t i = 0; i < n; i++)
		elements[i] = (struct audit_element){
			.field =
			    str_make(texts->ptr + places[i].name, places[i].value - places[i].name),
			.value =
			    str_make(texts->ptr + places[i].value, places[i].end - places[i].value),
		};
	if (has_twice(elements, n))
		return FORM_twice;
	*count = n;
	return FORM_ok;
}

void form_print_json(struct buf *out, const struct audit_element *elements, size_t count)
{
	buf_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		buf_str_put(out, i ? STR(", ") : STR(""));
		buf_json_str(out, elements[i].field);
		buf_str_put(out, STR(": "));
		if (prints_bare(elements[i].value))
			buf_str_put(out, elements[i].value);
		else
			buf_json_str(out, elements[i].value);
	}
	buf_char(out, '}');
}
