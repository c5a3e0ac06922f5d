#include "codec/reader.h"

#include "base/check.h"

void reader_fail(struct reader *reader, const char *reason)
{
	if (!reader->reason)
		reader->reason = reason;
}

struct event *reader_event(struct reader *reader, enum event_type type, struct str symbol,
			   int64_t t_ms)
{
	if (reader->reason)
		return NULL;
	if (reader->count == EVENTS_PER_FRAME) {
		reader_fail(reader, "more than 1,100 events in one frame");
		return NULL;
	}
	struct event *event = &reader->out[reader->count++];
	memset(event, 0, sizeof *event);
	event->type = type;
	event->symbol = symbol;
	event->t_ms = t_ms;
	return event;
}

struct str reader_keep(struct reader *reader, struct str text)
{
	size_t at = reader->scratch.len;
	buf_str_put(&reader->scratch, text);
	/* What is kept was in the frame, and scratch is longer than any frame. */
	CHECK(!reader->scratch.overflow);
	return str_make(reader->scratch.ptr + at, text.len);
}

struct str reader_keep_upper(struct reader *reader, struct str text)
{
	struct str kept = reader_keep(reader, text);
	char *bytes = reader->scratch.ptr + (reader->scratch.len - kept.len);
	for (size_t i = 0; i < kept.len; i++)
		if (bytes[i] >= 'a' && bytes[i] <= 'z')
			bytes[i] = (char)(bytes[i] - 'a' + 'A');
	return kept;
}

struct str reader_keep_i64(struct reader *reader, int64_t value)
{
	char text[24];
	struct buf buf = buf_over(text, sizeof text);
	buf_i64(&buf, value);
	return reader_keep(reader, buf_str(&buf));
}

/* True when the member is there and nothing was wrong before. */
static bool reader_member(struct reader *reader, struct json_value from, struct str key,
			  struct json_value *out, const char *why)
{
	if (reader->reason)
		return false;
	if (json_get(from, key, out))
		return true;
	reader_fail(reader, why);
	return false;
}

static bool reader_check(struct reader *reader, bool good, const char *why)
{
	if (!good)
		reader_fail(reader, why);
	return good;
}

bool reader_object(struct reader *reader, struct json_value from, struct str key,
		   struct json_value *out, const char *why)
{
	struct json_value member;
	if (!reader_member(reader, from, key, &member, why) ||
	    !reader_check(reader, json_type(member) == JSON_OBJECT, why))
		return false;
	*out = member;
	return true;
}

bool reader_array(struct reader *reader, struct json_value from, struct str key,
		  struct json_iter *out, const char *why)
{
	struct json_value member;
	return reader_member(reader, from, key, &member, why) &&
	       reader_check(reader, json_as_array(member, out), why);
}

bool reader_text(struct reader *reader, struct json_value from, struct str key, struct str *out,
		 const char *why)
{
	struct json_value member;
	return reader_member(reader, from, key, &member, why) &&
	       reader_check(reader, json_as_string(member, out), why);
}

bool reader_symbol(struct reader *reader, struct json_value from, struct str key, struct str *out,
		   const char *why)
{
	struct str text;
	if (!reader_text(reader, from, key, &text, why) ||
	    !reader_check(reader, text.len > 0 && text.len <= SYMBOL_BYTES_MAX, why))
		return false;
	*out = text;
	return true;
}

bool reader_integer(struct reader *reader, struct json_value from, struct str key, int64_t max,
		    int64_t *out, const char *why)
{
	struct json_value member;
	int64_t value;
	if (!reader_member(reader, from, key, &member, why) ||
	    !reader_check(reader, json_as_integer(member, &value) && value >= 0 && value <= max,
			  why))
		return false;
	*out = value;
	return true;
}

bool reader_integer_text(struct reader *reader, struct json_value from, struct str key, int64_t max,
			 int64_t *out, const char *why)
{
	struct json_value member;
	struct str text;
	uint64_t value;
	if (!reader_member(reader, from, key, &member, why))
		return false;
	if (!json_as_string(member, &text))
		return reader_integer(reader, from, key, max, out, why);
	if (!reader_check(reader, str_to_u64(text, &value) == STATUS_OK && value <= (uint64_t)max,
			  why))
		return false;
	*out = (int64_t)value;
	return true;
}

bool reader_bool(struct reader *reader, struct json_value from, struct str key, bool *out,
		 const char *why)
{
	struct json_value member;
	return reader_member(reader, from, key, &member, why) &&
	       reader_check(reader, json_as_bool(member, out), why);
}

bool reader_decimal(struct reader *reader, struct json_value from, struct str key,
		    enum decimal_want want, struct decimal *out, const char *why)
{
	struct json_value member;
	struct str text;
	struct decimal value;
	if (!reader_member(reader, from, key, &member, why) ||
	    !reader_check(reader,
			  json_as_string(member, &text) && decimal_parse(text, &value) == STATUS_OK,
			  why))
		return false;
	bool below = value.mantissa < 0 || (want == WANT_POSITIVE && value.mantissa == 0);
	if (!reader_check(reader, want == WANT_ANY || !below, why))
		return false;
	*out = value;
	return true;
}

/* `"text"` into scratch when it is a decimal without a sign. */
static bool level_part(struct reader *reader, struct json_value value)
{
	struct str text;
	struct decimal number;
	if (!json_as_string(value, &text) || decimal_parse(text, &number) != STATUS_OK ||
	    text.ptr[0] == '-')
		return false;
	reader_keep(reader, STR("\""));
	reader_keep(reader, text);
	reader_keep(reader, STR("\""));
	return true;
}

static bool level_write(struct reader *reader, struct json_value level)
{
	struct json_iter parts;
	struct json_value price, qty, more;
	if (!json_as_array(level, &parts) || !json_next(&parts, &price) ||
	    !json_next(&parts, &qty) || json_next(&parts, &more))
		return false;
	reader_keep(reader, STR("["));
	if (!level_part(reader, price))
		return false;
	reader_keep(reader, STR(","));
	if (!level_part(reader, qty))
		return false;
	reader_keep(reader, STR("]"));
	return true;
}

bool reader_levels(struct reader *reader, struct json_value from, struct str key,
		   struct str *levels, uint32_t *n, const char *why)
{
	struct json_iter rest;
	struct json_value level;
	if (!reader_array(reader, from, key, &rest, why))
		return false;
	size_t at = reader->scratch.len;
	uint32_t count = 0;
	for (; json_next(&rest, &level); count++) {
		if (count)
			reader_keep(reader, STR(","));
		if (!reader_check(reader, level_write(reader, level), why))
			return false;
	}
	*levels = str_make(reader->scratch.ptr + at, reader->scratch.len - at);
	*n = count;
	return true;
}

bool reader_has(struct json_value from, struct str key)
{
	struct json_value member;
	struct str text;
	if (!json_get(from, key, &member) || json_type(member) == JSON_NULL)
		return false;
	return !json_as_string(member, &text) || text.len > 0;
}
