#include "base/check.h"
#include "base/number.h"
#include "memory/plan_scenario.h"

/* The longest figure that is read, without its thousands' commas. */
enum { DIGITS_MAX = 24 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Takes the number at the front: digits, commas between them, a point. */
static enum status take_number(struct str *rest, struct number *out, struct err *err)
{
	char digits[DIGITS_MAX];
	struct buf buf = buf_over(digits, sizeof digits);
	size_t n = 0;
	while (n < rest->len &&
	       (is_digit(rest->ptr[n]) || rest->ptr[n] == '.' || rest->ptr[n] == ',')) {
		if (rest->ptr[n] != ',')
			buf_char(&buf, rest->ptr[n]);
		n++;
	}
	if (buf.overflow || number_parse(buf_str(&buf), out))
		return err_set(err, STATUS_FORMAT, "'%.*s' does not begin with a number",
			       STR_ARG(*rest));
	*rest = str_trim(str_skip(*rest, n));
	return STATUS_OK;
}

struct unit {
	const char *name;
	int power; /* of 1,000, or of 1,024 */
	bool binary;
};

static const struct unit *find_unit(struct str name)
{
	static const struct unit units[] = {
		{ "", 0, false },   { "B", 0, false },  { "KB", 1, false }, { "MB", 2, false },
		{ "GB", 3, false }, { "TB", 4, false }, { "KiB", 1, true }, { "MiB", 2, true },
		{ "GiB", 3, true }, { "TiB", 4, true },
	};
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_eq_nocase(name, str_of(units[i].name)))
			return &units[i];
	return NULL;
}

/* The last digit that counts: behind a `~` the last one that is not 0. */
static i128 last_digit(struct number number, bool rounded)
{
	i128 last = 1;
	while (rounded && number.mantissa && number.mantissa % 10 == 0) {
		number.mantissa /= 10;
		last *= 10;
	}
	return last;
}

enum status doc_size_parse(struct str text, int64_t units, struct doc_size *out, struct err *err)
{
	struct str rest = text;
	struct number number = { 0 };
	bool rounded = rest.len && rest.ptr[0] == '~';
	if (rounded)
		rest = str_trim(str_skip(rest, 1));
	enum status status = take_number(&rest, &number, err);
	if (status)
		return status;
	const struct unit *unit = find_unit(rest);
	if (!unit)
		return err_set(err, STATUS_FORMAT,
			       "'%.*s' is no unit: B KB MB GB TB KiB MiB GiB TiB", STR_ARG(rest));
	i128 scale = decimal_pow10(number.digits), factor = 1;
	for (int i = 0; i < unit->power; i++)
		factor *= unit->binary ? 1024 : units;
	i128 bytes = number.mantissa * factor, last = last_digit(number, rounded) * factor / scale;
	if (bytes % scale && units == 1000 && !unit->binary)
		return err_set(err, STATUS_FORMAT, "'%.*s' is no whole number of bytes",
			       STR_ARG(text));
	bytes = (bytes + scale / 2) / scale;
	if (bytes > PLAN_BYTES_MAX)
		return err_set(err, STATUS_RANGE, "'%.*s' is more than can be counted",
			       STR_ARG(text));
	*out = (struct doc_size){ true, (int64_t)bytes, last ? (int64_t)last : 1 };
	return STATUS_OK;
}

static int64_t find_span(struct str name)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} spans[] = {
		{ "s", 1 },       { "sec", 1 },   { "min", 60 },    { "h", 3600 },
		{ "hour", 3600 }, { "d", 86400 }, { "day", 86400 }, { "days", 86400 },
	};
	for (size_t i = 0; i < ARRAY_LEN(spans); i++)
		if (str_eq_nocase(name, str_of(spans[i].name)))
			return spans[i].seconds;
	return -1;
}

enum status doc_rate_parse(struct str text, struct doc_rate *out, struct err *err)
{
	struct str rest = text;
	struct number number = { 0 };
	enum status status = take_number(&rest, &number, err);
	if (status)
		return status;
	bool slash = rest.len && rest.ptr[0] == '/';
	int64_t seconds = slash ? find_span(str_trim(str_skip(rest, 1))) : -1;
	if (seconds < 0 || number.digits > 6 || number.mantissa > INT64_C(1000000000000))
		return err_set(err, STATUS_FORMAT,
			       "'%.*s' is no rate as 10/s, 100/d (s, min, h, d)", STR_ARG(text));
	*out =
	    (struct doc_rate){ true, number.mantissa, decimal_pow10(number.digits), seconds, "" };
	struct buf words = plan_words(out->text, sizeof out->text);
	buf_str_put(&words, text);
	plan_words_end(&words);
	return STATUS_OK;
}

enum status doc_span_parse(struct str text, int64_t *seconds, struct err *err)
{
	struct str rest = text;
	struct number number = { 0 };
	if (str_eq(text, STR("for ever"))) {
		*seconds = DOC_FOR_EVER;
		return STATUS_OK;
	}
	enum status status = take_number(&rest, &number, err);
	if (status)
		return status;
	int64_t unit = find_span(rest);
	i128 span = unit < 0 ? -1 : (i128)number.mantissa * unit;
	if (span < 0 || span % decimal_pow10(number.digits) || span > INT64_C(100000000000))
		return err_set(err, STATUS_FORMAT,
			       "'%.*s' is no time as 30 s, 10 min, 24 h, 30 d, for ever",
			       STR_ARG(text));
	*seconds = (int64_t)(span / decimal_pow10(number.digits));
	return STATUS_OK;
}

enum status doc_count_parse(struct str text, int64_t *out, struct err *err)
{
	struct str rest = text;
	struct number number = { 0 };
	enum status status = take_number(&rest, &number, err);
	if (status)
		return status;
	if (rest.len || number.digits || number.mantissa > INT64_C(1000000000000))
		return err_set(err, STATUS_FORMAT, "'%.*s' is no count up to 10^12", STR_ARG(text));
	*out = number.mantissa;
	return STATUS_OK;
}

enum status doc_percent_parse(struct str text, int64_t *permille, struct err *err)
{
	struct str rest = text;
	struct number number = { 0 };
	enum status status = take_number(&rest, &number, err);
	if (status)
		return status;
	i128 parts = (i128)number.mantissa * 10;
	i128 scale = decimal_pow10(number.digits);
	if (!str_eq(rest, STR("%")) || parts % scale || parts > 1000 * scale)
		return err_set(err, STATUS_FORMAT, "'%.*s' is no percentage as 30 %%",
			       STR_ARG(text));
	*permille = (int64_t)(parts / scale);
	return STATUS_OK;
}
