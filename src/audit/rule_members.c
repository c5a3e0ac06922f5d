#include "audit/bytes.h"
#include "audit/rules_impl.h"
#include "base/check.h"

enum {
	MEMBERS_MIN = 4, /* fewer say nothing */
	NAMES_MIN = 8,
	NAME_BYTES_MAX = 64,
	RANK_DIGITS_MAX = 6,
};

static const int64_t YEAR_S = 31557600, DAY_S = 86400;

static size_t digits_at(struct str text, size_t from)
{
	size_t n = 0;
	while (from + n < text.len && byte_is_digit(text.ptr[from + n]))
		n++;
	return n;
}

static int64_t number_of(const char *digits, size_t n)
{
	int64_t value = 0;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (digits[i] - '0');
	return value;
}

/* A run of digits that is a time in s, ms, us or ns of the years around now. Identifiers are
 * as long: what would be before the last ten years is one of those. */
static bool is_unix_time(const char *digits, size_t n, int64_t now_s)
{
	if (n != 10 && n != 13 && n != 16 && n != 19)
		return false;
	int64_t s = number_of(digits, 10);
	return s > now_s - 10 * YEAR_S && s < now_s + YEAR_S;
}

/* 2026-11-21 */
static bool is_date(struct str text)
{
	if (text.len < 10 || digits_at(text, 0) != 4 || digits_at(text, 5) != 2 ||
	    digits_at(text, 8) < 2)
		return false;
	int64_t month = number_of(text.ptr + 5, 2), day = number_of(text.ptr + 8, 2);
	return text.ptr[4] == '-' && text.ptr[7] == '-' && month >= 1 && month <= 12 && day >= 1 &&
	       day <= 31 && (text.ptr[0] == '1' || text.ptr[0] == '2');
}

/* Digits of a longer word are a part of an identifier: a uuid, a digest. */
static bool stands_alone(struct str text, size_t from, size_t end)
{
	return (from == 0 || !byte_is_alnum(text.ptr[from - 1])) &&
	       (end == text.len || !byte_is_alnum(text.ptr[end]));
}

/* Somewhere in the text; *whole: nothing else is in it (but a fraction, or an hour). */
static bool finds_time(struct str text, int64_t now_s, bool *whole)
{
	for (size_t at = 0; at < text.len;) {
		size_t n = digits_at(text, at);
		if (!n) {
			at++;
			continue;
		}
		size_t end = at + n;
		if (is_unix_time(text.ptr + at, n, now_s) && stands_alone(text, at, end)) {
			if (end < text.len && text.ptr[end] == '.')
				end += 1 + digits_at(text, end + 1);
			*whole = at == 0 && end == text.len;
			return true;
		}
		if (is_date(str_skip(text, at))) {
			*whole = at == 0 && text.len <= 32;
			return true;
		}
		at = end;
	}
	return false;
}

/* `1:BTC`; the number in front of a separator, with something behind. */
static bool takes_rank(struct str text, int64_t *rank)
{
	size_t n = digits_at(text, 0);
	if (n == 0 || n > RANK_DIGITS_MAX || n + 1 >= text.len || !text.ptr[n] ||
	    !strchr(":_-.|#) ", text.ptr[n]))
		return false;
	*rank = number_of(text.ptr, n);
	return true;
}

/* Each has a rank of its own, and they begin with 0 or 1 and leave none out. */
static bool are_ranked(const struct audit_key *key)
{
	uint64_t seen[16] = { 0 };
	int64_t least = INT64_MAX, most = 0, rank;
	for (size_t i = 0; i < key->count; i++) {
		if (!takes_rank(key->elements[i].value, &rank) || rank > key->length)
			return false;
		least = rank < least ? rank : least;
		most = rank > most ? rank : most;
		uint64_t bit = UINT64_C(1) << (rank & 63);
		if (rank < (int64_t)sizeof seen * 8) {
			if (seen[rank >> 6] & bit)
				return false;
			seen[rank >> 6] |= bit;
		}
	}
	bool whole = (int64_t)key->count == key->length;
	return !whole || (least <= 1 && most - least + 1 == key->length);
}

/* What an identifier may be of, and a number. */
static const bool word_bytes[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true,
	['-'] = true,         [':'] = true,         ['.'] = true,         ['@'] = true,
	['/'] = true,         ['|'] = true,         ['#'] = true,
};
static const bool number_bytes[256] = {
	['0' ... '9'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['e'] = true, ['E'] = true,
};

static bool is_of(struct str text, const bool bytes[256])
{
	for (size_t i = 0; i < text.len; i++)
		if (!bytes[(unsigned char)text.ptr[i]])
			return false;
	return true;
}

static bool is_word(struct str text)
{
	return text.len >= 2 && text.len <= NAME_BYTES_MAX && is_of(text, word_bytes);
}

static bool comes_twice(const struct audit_key *key)
{
	uint64_t digests[AUDIT_ELEMENTS_MAX];
	CHECK(key->count <= AUDIT_ELEMENTS_MAX);
	for (size_t i = 0; i < key->count; i++) {
		digests[i] = audit_digest(key->elements[i].value);
		for (size_t other = 0; other < i; other++)
			if (digests[i] == digests[other] &&
			    str_eq(key->elements[i].value, key->elements[other].value))
				return true;
	}
	return false;
}

/* An identifier of hex digits now and then has no letter, or looks like a time: half of them
 * must be more than that. */
static bool are_names(const struct audit_key *key, int64_t now_s)
{
	bool whole;
	size_t others = 0;
	for (size_t i = 0; i < key->count; i++) {
		struct str text = key->elements[i].value;
		if (!is_word(text))
			return false;
		others += is_of(text, number_bytes) || finds_time(text, now_s, &whole);
	}
	return others * 2 <= key->count && !comes_twice(key);
}

/* A time in each; `alone`: nothing but the time. */
static bool are_times(const struct audit_key *key, int64_t now_s, bool alone)
{
	bool whole;
	for (size_t i = 0; i < key->count; i++)
		if (!finds_time(key->elements[i].value, now_s, &whole) || (alone && !whole))
			return false;
	return true;
}

uint32_t rule_members_facts(const struct audit_rules *rules, const struct audit_key *key)
{
	size_t least = key->type == AUDIT_LIST ? NAMES_MIN : MEMBERS_MIN;
	int64_t now_s = rules->now_ms / 1000;
	if (key->count < least || DAY_S > now_s)
		return 0;
	uint32_t fact = 0;
	if (key->type == AUDIT_SET && (are_times(key, now_s, false) || are_ranked(key)))
		fact = FACT_ORDERED;
	else if (key->type == AUDIT_LIST && are_names(key, now_s))
		fact = FACT_NAMES;
	else if (key->type == AUDIT_ZSET && are_times(key, now_s, true))
		fact = FACT_TIMES;
	if (fact && (int64_t)key->count < key->length)
		fact |= FACT_LIKELY;
	return fact;
}
