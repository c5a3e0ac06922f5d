#include "audit/names_kinds.h"

#include "audit/bytes.h"
#include "base/check.h"

static bool is_digit(char c) { return byte_is_digit(c); }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_alnum(char c) { return byte_is_alnum(c); }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

static int digits_at(const char *at, size_t n)
{
	int value = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(at[i]))
			return -1;
		value = value * 10 + (at[i] - '0');
	}
	return value;
}

static bool is_day(int year, int month, int day)
{
	return year >= 1970 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Seconds from 2010 to 2039, and the same with 3, 6, 9 digits more. */
static bool is_time(struct str part)
{
	if (part.len != 10 && part.len != 13 && part.len != 16 && part.len != 19)
		return false;
	int seconds_e7 = digits_at(part.ptr, 3);
	return seconds_e7 >= 126 && seconds_e7 < 220;
}

enum name_kind name_digits_kind(struct str part)
{
	if (part.len == 8 &&
	    is_day(digits_at(part.ptr, 4), digits_at(part.ptr + 4, 2), digits_at(part.ptr + 6, 2)))
		return NAME_DATE;
	if (is_time(part))
		return NAME_TIME;
	return part.len >= 32 ? NAME_HEX : NAME_ID;
}

/* 1m 15m 4h 1d 1w 1M 30s, H4 M15 D1 MN1, 15min. */
static bool is_tf(struct str part)
{
	static const struct str terminals[] = { STR("M1"), STR("M5"), STR("M15"), STR("M30"),
						STR("H1"), STR("H2"), STR("H3"),  STR("H4"),
						STR("H6"), STR("H8"), STR("H12"), STR("D1"),
						STR("W1"), STR("MN1") };
	size_t digits = 0;
	while (digits < part.len && is_digit(part.ptr[digits]))
		digits++;
	struct str unit = str_skip(part, digits);
	if (digits > 0)
		return digits <= 3 && part.ptr[0] != '0' &&
		       (unit.len == 1 ? strchr("smhdwMHDW", unit.ptr[0]) != NULL
				      : str_eq(unit, STR("min")) || str_eq(unit, STR("hour")) ||
					    str_eq(unit, STR("day")));
	for (size_t i = 0; i < ARRAY_LEN(terminals); i++)
		if (part.ptr[0] == terminals[i].ptr[0] && str_eq(part, terminals[i]))
			return true;
	return false;
}

static bool is_hex_text(struct str part, unsigned seen)
{
	if (part.len > 2 && part.ptr[0] == '0' && (part.ptr[1] | 0x20) == 'x') {
		for (size_t i = 2; i < part.len; i++)
			if (!is_hex(part.ptr[i]))
				return false;
		return part.len >= 8;
	}
	if (part.len < 8 || (seen & (NAME_LOWER | NAME_UPPER)) ||
	    ((seen & NAME_LOWER_HEX) && (seen & NAME_UPPER_HEX)))
		return false;
	if (part.len >= 16)
		return true;
	size_t groups = 0;
	for (size_t i = 0; i < part.len; i++)
		groups += is_digit(part.ptr[i]) && (i == 0 || !is_digit(part.ptr[i - 1]));
	return groups > 1 || (groups == 1 && part.len >= 12);
}

/* How often letters and digits change places; of random text about every third time. */
struct disorder {
	size_t letters, digits, groups /* of digits */, changes;
	bool upper, lower;
};

static struct disorder disorder_of(struct str text)
{
	struct disorder out = { 0 };
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i], before = i ? text.ptr[i - 1] : '-';
		out.upper |= is_upper(c);
		out.lower |= is_lower(c);
		out.digits += is_digit(c);
		out.letters += is_alnum(c) && !is_digit(c);
		out.groups += is_digit(c) && !is_digit(before);
		if (is_alnum(before) && is_alnum(c))
			out.changes +=
			    is_digit(c) != is_digit(before) || (is_lower(before) && is_upper(c));
	}
	return out;
}

static bool is_token(struct str part)
{
	if (part.len < 10)
		return false;
	struct disorder disorder = disorder_of(part);
	if (disorder.upper && disorder.lower && part.len >= NAME_TOKEN_MIN)
		return disorder.groups >= 2 && disorder.changes * 4 >= part.len;
	return disorder.groups >= 3 && disorder.changes * 3 >= part.len;
}

static bool one_case(unsigned seen)
{
	return !(seen & (NAME_LOWER | NAME_LOWER_HEX)) || !(seen & (NAME_UPPER | NAME_UPPER_HEX));
}

enum name_kind name_letters_kind(const struct name_words *words, struct str part, unsigned seen)
{
	if (part.len <= 6 && (seen & NAME_DIGIT) && is_tf(part))
		return NAME_TF;
	if (part.len >= 2 && part.len <= 16 && one_case(seen) && name_words_symbol(words, part))
		return NAME_SYMBOL;
	if (part.len >= 8 && is_hex_text(part, seen))
		return NAME_HEX;
	if ((seen & NAME_DIGIT) && is_token(part))
		return NAME_TOKEN;
	return NAME_WORD;
}

static size_t uuid_at(struct str rest)
{
	if (rest.len < 36 || rest.ptr[8] != '-')
		return 0;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? rest.ptr[i] != '-' : !is_hex(rest.ptr[i]))
			return 0;
	}
	return 36;
}

static size_t ip_at(struct str rest)
{
	size_t at = 0;
	for (int group = 0; group < 4; group++) {
		if (group && (at >= rest.len || rest.ptr[at++] != '.'))
			return 0;
		size_t digits = 0;
		while (at + digits < rest.len && digits < 4 && is_digit(rest.ptr[at + digits]))
			digits++;
		if (digits == 0 || digits > 3 || digits_at(rest.ptr + at, digits) > 255)
			return 0;
		at += digits;
	}
	return at;
}

/* Behind a date: T12:30:00.123Z, or with a blank before it. */
static size_t time_of_day(struct str rest)
{
	if (rest.len < 6 || (rest.ptr[0] != 'T' && rest.ptr[0] != ' ') ||
	    digits_at(rest.ptr + 1, 2) < 0 || rest.ptr[3] != ':')
		return 0;
	size_t at = 6;
	while (at < rest.len && (is_digit(rest.ptr[at]) || rest.ptr[at] == ':' ||
				 rest.ptr[at] == '.' || rest.ptr[at] == '+'))
		at++;
	return at + (at < rest.len && rest.ptr[at] == 'Z');
}

/* 2024-01-31 2024_01 2024/01/31, and a time behind it. */
static size_t date_at(struct str rest, enum name_kind *kind)
{
	if (rest.len < 7 || !strchr("-_./", rest.ptr[4]) || !rest.ptr[4])
		return 0;
	int year = digits_at(rest.ptr, 4), month = digits_at(rest.ptr + 5, 2);
	if (!is_day(year, month, 1))
		return 0;
	*kind = NAME_DATE;
	if (rest.len < 10 || rest.ptr[7] != rest.ptr[4] ||
	    !is_day(year, month, digits_at(rest.ptr + 8, 2)))
		return 7;
	size_t time = time_of_day(str_skip(rest, 10));
	if (time)
		*kind = NAME_TIME;
	return 10 + time;
}

size_t name_compound(struct str rest, enum name_kind *kind)
{
	if (rest.len < 7 || !is_hex(rest.ptr[0]))
		return 0;
	size_t len = 0;
	if (is_digit(rest.ptr[0])) {
		len = date_at(rest, kind);
		if (!len && (len = ip_at(rest)))
			*kind = NAME_IP;
	}
	if (!len && (len = uuid_at(rest)))
		*kind = NAME_UUID;
	return len;
}

size_t name_email(struct str rest)
{
	size_t at = 0, user, dots = 0;
	while (at < rest.len && (is_alnum(rest.ptr[at]) || strchr("._%+-", rest.ptr[at])) &&
	       rest.ptr[at])
		at++;
	if (at == 0 || at >= rest.len || rest.ptr[at] != '@')
		return 0;
	user = ++at;
	while (at < rest.len && (is_alnum(rest.ptr[at]) || rest.ptr[at] == '-' ||
				 (rest.ptr[at] == '.' && at > user && at + 1 < rest.len &&
				  is_alnum(rest.ptr[at + 1]))))
		dots += rest.ptr[at++] == '.';
	return dots ? at : 0;
}

size_t name_token(struct str rest)
{
	size_t len = 0, fragment = 0, longest = 0;
	for (; len < rest.len; len++) {
		char c = rest.ptr[len];
		if (!is_alnum(c) && c != '-' && c != '_')
			break;
		fragment = is_alnum(c) ? fragment + 1 : 0;
		longest = fragment > longest ? fragment : longest;
	}
	/* Words with separators between them have shorter ones, or more order in them. */
	if (len < 20 || longest < 8 || longest * 2 < len)
		return 0;
	struct disorder disorder = disorder_of(str_make(rest.ptr, len));
	return disorder.upper && disorder.lower && disorder.groups >= 2 &&
		       disorder.changes * 4 >= len
		   ? len
		   : 0;
}

/* -PERP, /USDT, -25DEC26, -241227 behind an asset. */
static size_t market_behind(const struct name_words *words, struct str rest, char mark, bool coin)
{
	if (rest.len < 4 || rest.ptr[0] != mark)
		return 0;
	size_t len = 1, digits = 0;
	for (; len < rest.len && is_alnum(rest.ptr[len]); len++)
		digits += is_digit(rest.ptr[len]);
	struct str market = str_make(rest.ptr + 1, len - 1);
	uint32_t bits = name_words_find(words, market);
	if (bits & (WORD_QUOTE | WORD_MARKET) || (bits & WORD_FIAT && coin) ||
	    (bits & WORD_COIN && coin && mark == '/'))
		return len;
	return coin && mark == '-' &&
		       (digits == 6 ? market.len == 6 : digits == 4 && market.len == 7)
		   ? len
		   : 0;
}

size_t name_pair(const struct name_words *words, struct str rest, size_t part)
{
	if (part < 2 || part > 12 || part + 4 > rest.len ||
	    (rest.ptr[part] != '-' && rest.ptr[part] != '/'))
		return 0;
	struct str base = str_make(rest.ptr, part);
	uint32_t bits = name_words_traits(words, base);
	bool coin =
	    bits & (WORD_COIN | WORD_COIN_WEAK | WORD_FIAT) || name_words_symbol(words, base);
	if (!(bits & (WORD_UPPER | WORD_LOWER)) ||
	    (!coin && (!(bits & WORD_UPPER) || bits & (WORD_COMMON | WORD_INDICATOR))))
		return 0;
	char mark = rest.ptr[part];
	size_t len = part + market_behind(words, str_skip(rest, part), mark, coin);
	if (len == part)
		return 0;
	len += market_behind(words, str_skip(rest, len), mark == '/' ? ':' : mark, coin);
	return len;
}
