#include "codec/recording.h"

#include <stdlib.h>

#include "codec/decoder.h"
#include "codec/json.h"

enum { LINE_BYTES_MAX = 2 * FRAME_BYTES_MAX + 4096 }; /* a frame as text may be escaped */

struct recording {
	struct json *json;
	char scratch[LINE_BYTES_MAX + DECODE_PADDING];
};

struct recording *recording_create(void)
{
	struct recording *recording = calloc(1, sizeof *recording);
	if (!recording)
		return NULL;
	recording->json = json_create(LINE_BYTES_MAX);
	if (recording->json)
		return recording;
	recording_destroy(recording);
	return NULL;
}

void recording_destroy(struct recording *recording)
{
	if (!recording)
		return;
	json_destroy(recording->json);
	free(recording);
}

static bool find_exchange(struct str name, enum venue *venue, enum kind *kind)
{
	static const struct {
		struct str name;
		enum venue venue;
		enum kind kind;
	} exchanges[] = {
		{ { "binance", 7 }, VENUE_BINANCE, KIND_SPOT },
		{ { "binance-futures", 15 }, VENUE_BINANCE, KIND_PERP },
		{ { "bybit", 5 }, VENUE_BYBIT, KIND_PERP },
		{ { "bybit-spot", 10 }, VENUE_BYBIT, KIND_SPOT },
	};
	for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
		if (str_eq(exchanges[i].name, name)) {
			*venue = exchanges[i].venue;
			*kind = exchanges[i].kind;
			return true;
		}
	}
	return false;
}

/* Seconds, ms, us or ns since 1970, told apart by size: each is three digits longer
 * than the one before between 2001 and 2286. Nothing behind 2262 fits in ns. */
static int64_t epoch_ns(int64_t value)
{
	int64_t ns, unit = 1;
	if (value < INT64_C(10000000000))
		unit = 1000000000;
	else if (value < INT64_C(10000000000000))
		unit = 1000000;
	else if (value < INT64_C(10000000000000000))
		unit = 1000;
	return value >= 0 && !__builtin_mul_overflow(value, unit, &ns) ? ns : 0;
}

/* n digits at `at`; -1 when they are not digits. */
static int64_t digits_at(struct str text, size_t at, size_t n)
{
	int64_t value = 0;
	for (size_t i = at; i < at + n; i++) {
		if (i >= text.len || text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		value = value * 10 + (text.ptr[i] - '0');
	}
	return value;
}

/* Days from 1970-01-01 of a date of the Gregorian calendar, years from March on so
 * that the leap day is the last (as in E. G. Richards' algorithm). */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

/* Up to nine digits behind the point, as ns; -1 when it is no fraction. */
static int64_t fraction_ns(struct str text)
{
	size_t n = text.len;
	if (n == 0)
		return 0;
	if (n < 2 || n > 10 || text.ptr[0] != '.')
		return -1;
	int64_t value = digits_at(text, 1, n - 1);
	for (; value >= 0 && n < 10; n++)
		value *= 10;
	return value;
}

/* 2024-08-08T23:54:15[.fraction]Z; 0 when it is not that. */
static int64_t iso_ns(struct str text)
{
	if (text.len < 20 || text.ptr[text.len - 1] != 'Z' || text.ptr[10] != 'T')
		return 0;
	int64_t year = digits_at(text, 0, 4), month = digits_at(text, 5, 2);
	int64_t day = digits_at(text, 8, 2), hour = digits_at(text, 11, 2);
	int64_t minute = digits_at(text, 14, 2), second = digits_at(text, 17, 2);
	int64_t ns = fraction_ns(str_make(text.ptr + 19, text.len - 20));
	bool good = year >= 1970 && year < 2200 && month >= 1 && month <= 12 && day >= 1 &&
		    day <= 31 && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 &&
		    second >= 0 && second <= 60 && ns >= 0;
	if (!good)
		return 0;
	int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60;
	return (seconds + second) * 1000000000 + ns;
}

static int64_t receive_time(struct json_value object)
{
	struct json_value member;
	struct str text;
	int64_t value;
	if (!json_get(object, STR("local"), &member) &&
	    !json_get(object, STR("timestamp"), &member))
		return 0;
	if (json_as_integer(member, &value))
		return epoch_ns(value);
	if (!json_as_string(member, &text))
		return 0;
	return str_to_i64(text, &value) == STATUS_OK ? epoch_ns(value) : iso_ns(text);
}

/* The line as an object with exchange and message; OK with out->named false when
 * it is something else, which is a raw frame then. */
static enum status parse_object(struct recording *recording, struct str line,
				struct recording_line *out, const char **why)
{
	struct json_value root, exchange, message;
	struct str name, text;
	if (line.len > LINE_BYTES_MAX || json_parse(recording->json, line, &root) ||
	    !json_get(root, STR("exchange"), &exchange) ||
	    !json_get(root, STR("message"), &message))
		return STATUS_OK;
	if (!json_as_string(exchange, &name) || !find_exchange(name, &out->venue, &out->kind)) {
		*why = "exchange: wants binance, binance-futures, bybit or bybit-spot";
		return STATUS_FORMAT;
	}
	out->named = true;
	out->receive_ns = receive_time(root);
	if (json_as_string(message, &text)) {
		memcpy(recording->scratch, text.ptr, text.len);
		out->frame = str_make(recording->scratch, text.len);
		return STATUS_OK;
	}
	if (json_raw_member(recording->json, line, STR("message"), &out->frame) == STATUS_OK) {
		out->frame = str_trim(out->frame);
		return STATUS_OK;
	}
	*why = "message: wants a frame, as JSON or as text";
	return STATUS_FORMAT;
}

enum status recording_parse(struct recording *recording, struct str line,
			    struct recording_line *out, const char **why)
{
	struct recording_line read = { .frame = str_trim(line) };
	struct str raw = read.frame;
	if (!raw.len)
		return STATUS_NOT_FOUND;
	size_t blank = str_find_char(raw, ' ');
	if (raw.ptr[0] >= '0' && raw.ptr[0] <= '9') {
		if (blank == raw.len ||
		    str_to_i64(str_make(raw.ptr, blank), &read.receive_ns) != STATUS_OK) {
			*why = "wants `<receive ns> <frame>`, a frame or an object with a message";
			return STATUS_FORMAT;
		}
		read.frame = str_trim(str_skip(raw, blank + 1));
	} else if (raw.ptr[0] == '{' && memmem(raw.ptr, raw.len, "\"message\"", 9)) {
		enum status status = parse_object(recording, raw, &read, why);
		if (status)
			return status;
	}
	*out = read;
	return STATUS_OK;
}
