/* Times as people write them. */
#include "archive/num.h"
#include "migrate/moved.h"

static const int64_t second_us = 1000000;

/* ---- numbers ---- */

static int64_t whole_of(const struct num *num)
{
	int64_t value = 0;
	for (int i = 0; i < num->count - num->places; i++)
		value = value * 10 + num->digits[i];
	return value;
}

/* Digits behind the point that stand for a second's millionths; others must be 0 to be exact. */
static int64_t fraction_us(const struct num *num, bool *exact)
{
	int64_t us = 0;
	int first = num->count - num->places;
	for (int i = 0; i < 6; i++)
		us = us * 10 + (i < num->places ? num->digits[first + i] : 0);
	for (int i = 6; i < num->places; i++)
		*exact &= num->digits[first + i] == 0;
	return us;
}

/* By how many digits stand before the point: 10 are seconds, 13 ms, 16 us, 19 ns. */
static bool of_number(const struct num *num, int64_t *us, bool *exact)
{
	int whole = num->count - num->places;
	if (num->negative || whole > 19 || (whole == 19 && num->digits[0] == 9))
		return false;
	int64_t value = whole_of(num);
	bool has_fraction = false;
	for (int i = whole; i < num->count; i++)
		has_fraction |= num->digits[i] != 0;
	*exact = true;
	switch (whole) {
	case 9:
	case 10: *us = value * second_us + fraction_us(num, exact); break;
	case 12:
	case 13: *us = value * 1000; break;
	case 15:
	case 16: *us = value; break;
	case 18:
	case 19:
		*us = value / 1000;
		*exact = value % 1000 == 0;
		break;
	default: return false;
	}
	if (whole > 10)
		*exact &= !has_fraction;
	return *us < MOVED_LAST_S * second_us;
}

/* ---- ISO 8601 ---- */

static bool take_digits(struct str *text, int digits, int *out)
{
	*out = 0;
	if (text->len < (size_t)digits)
		return false;
	for (int i = 0; i < digits; i++) {
		char c = text->ptr[i];
		if (c < '0' || c > '9')
			return false;
		*out = *out * 10 + (c - '0');
	}
	*text = str_skip(*text, (size_t)digits);
	return true;
}

static bool take_char(struct str *text, const char *any)
{
	if (!text->len || !*text->ptr || !strchr(any, *text->ptr))
		return false;
	*text = str_skip(*text, 1);
	return true;
}

/* Days since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool take_date(struct str *text, int64_t *days)
{
	static const int lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day;
	if (!take_digits(text, 4, &year) || !take_char(text, "-") ||
	    !take_digits(text, 2, &month) || !take_char(text, "-") || !take_digits(text, 2, &day))
		return false;
	if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1])
		return false;
	*days = days_of(year, month, day);
	return month != 2 || day < 29 || days_of(year, 3, 1) > *days;
}

static bool take_clock(struct str *text, int64_t *us, bool *exact)
{
	int hour, minute, second = 0, scale = 100000;
	if (!take_digits(text, 2, &hour) || !take_char(text, ":") ||
	    !take_digits(text, 2, &minute) || hour > 23 || minute > 59)
		return false;
	if (take_char(text, ":") && (!take_digits(text, 2, &second) || second > 59))
		return false;
	*us = ((hour * INT64_C(60) + minute) * 60 + second) * second_us;
	if (!take_char(text, ".,"))
		return true;
	int digit, taken = 0;
	for (; take_digits(text, 1, &digit); taken++, scale /= 10) {
		*us += digit * (int64_t)scale;
		*exact &= scale > 0 || digit == 0;
	}
	return taken > 0;
}

static bool take_zone(struct str *text, int64_t *us)
{
	*us = 0;
	if (!text->len || take_char(text, "Zz"))
		return true;
	int hours, minutes;
	int64_t sign = *text->ptr == '-' ? -1 : 1;
	if (!take_char(text, "+-") || !take_digits(text, 2, &hours))
		return false;
	take_char(text, ":");
	if (!text->len)
		minutes = 0;
	else if (!take_digits(text, 2, &minutes))
		return false;
	*us = sign * (hours * INT64_C(60) + minutes) * 60 * second_us;
	return hours < 24 && minutes < 60;
}

static bool of_iso(struct str text, int64_t *us, bool *exact)
{
	int64_t days, clock = 0, zone = 0;
	*exact = true;
	if (!take_date(&text, &days))
		return false;
	if (text.len && (!take_char(&text, "Tt ") || !take_clock(&text, &clock, exact) ||
			 !take_zone(&text, &zone)))
		return false;
	*us = days * 86400 * second_us + clock - zone;
	return !text.len && *us >= 0;
}

bool moved_time(struct str text, int64_t *us, bool *exact)
{
	struct num num;
	return num_parse(text, &num) ? of_number(&num, us, exact) : of_iso(text, us, exact);
}
