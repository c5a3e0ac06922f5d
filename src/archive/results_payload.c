/* The fields of an entry as JSON, and back. Of a packed one the bytes in hex: escaped they
 * would not fit. */
#include "archive/results_row.h"
#include "base/check.h"

enum { SURROGATE = 0xdc00, TAIL_BYTES = 32 };

/* ---- writing ---- */

static void put_char(struct buf *out, struct str *s)
{
	unsigned char c = (unsigned char)s->ptr[0];
	size_t n = str_utf8_len(*s);
	if (!n)
		buf_printf(out, "\\u%04x", SURROGATE + c);
	else if (c < 0x20)
		buf_printf(out, "\\u%04x", c);
	else if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else
		buf_put(out, s->ptr, n);
	*s = str_skip(*s, n ? n : 1);
}

static void put_string(struct buf *out, struct str s)
{
	buf_char(out, '"');
	while (s.len)
		put_char(out, &s);
	buf_char(out, '"');
}

static struct str shorten(struct str s, bool *cut)
{
	*cut |= s.len > RESULTS_PAYLOAD_VALUE;
	return str_make(s.ptr, s.len < RESULTS_PAYLOAD_VALUE ? s.len : RESULTS_PAYLOAD_VALUE);
}

/* False: there is no room for the member, and nothing of it stays. */
static bool put_member(struct buf *out, const struct redis_reply *pair, bool *cut)
{
	char storage[2 * RESULTS_PAYLOAD_VALUE * 6 + 16]; /* each byte is six at most */
	struct buf member = buf_over(storage, sizeof storage);
	put_string(&member, shorten(pair[0].text, cut));
	buf_char(&member, ':');
	put_string(&member, shorten(pair[1].text, cut));
	if (member.len + TAIL_BYTES > RESULTS_PAYLOAD_MAX - out->len)
		return false;
	if (out->len > 1)
		buf_char(out, ',');
	buf_str_put(out, buf_str(&member));
	return true;
}

static const char digits[] = "0123456789abcdef";

static void put_packed(struct buf *out, struct str chunk)
{
	buf_str_put(out, STR("{\"p\":[\""));
	for (size_t i = 0; i < chunk.len; i++) {
		unsigned char c = (unsigned char)chunk.ptr[i];
		const char pair[] = { digits[c >> 4], digits[c & 15] };
		buf_put(out, pair, sizeof pair);
	}
	buf_str_put(out, STR("\"]}"));
}

void results_payload_write(struct buf *out, const struct results_entry *entry)
{
	bool cut = false, room = true;
	size_t members = 0;
	struct str chunk;
	CHECK(out->len == 0);
	if (results_row_is_packed(entry, &chunk) &&
	    2 * chunk.len + TAIL_BYTES <= RESULTS_PAYLOAD_MAX) {
		put_packed(out, chunk);
		return;
	}
	buf_char(out, '{');
	for (size_t i = 0; i + 1 < entry->count && room; i += 2)
		room =
		    ++members < RESULTS_PAYLOAD_FIELDS && put_member(out, &entry->items[i], &cut);
	if (cut || !room)
		buf_str_put(out, out->len > 1 ? STR(",\"\":\"cut\"") : STR("\"\":\"cut\""));
	buf_char(out, '}');
}

/* ---- reading ---- */

struct reading {
	struct str rest;
	struct buf bytes;
};

static bool take(struct reading *reading, char c)
{
	if (!reading->rest.len || reading->rest.ptr[0] != c)
		return false;
	reading->rest = str_skip(reading->rest, 1);
	return true;
}

static bool take_hex(struct reading *reading, size_t count, unsigned *value)
{
	*value = 0;
	if (reading->rest.len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *at = reading->rest.ptr[i] ? strchr(digits, reading->rest.ptr[i]) : NULL;
		if (!at)
			return false;
		*value = *value * 16 + (unsigned)(at - digits);
	}
	reading->rest = str_skip(reading->rest, count);
	return true;
}

/* Only what is written here: a control, or a byte that is not UTF-8. */
static bool take_escape(struct reading *reading)
{
	unsigned value;
	if (take(reading, '"')) {
		buf_char(&reading->bytes, '"');
	} else if (take(reading, '\\')) {
		buf_char(&reading->bytes, '\\');
	} else if (take(reading, 'u') && take_hex(reading, 4, &value)) {
		if (value >= SURROGATE + 0x80 && value <= SURROGATE + 0xff)
			value -= SURROGATE;
		else if (value >= 0x20)
			return false;
		buf_char(&reading->bytes, (char)value);
	} else {
		return false;
	}
	return true;
}

static bool take_string(struct reading *reading, struct redis_reply *out)
{
	size_t from = reading->bytes.len;
	if (!take(reading, '"'))
		return false;
	while (!take(reading, '"')) {
		size_t plain = 0;
		struct str rest = reading->rest;
		while (plain < rest.len && rest.ptr[plain] != '"' && rest.ptr[plain] != '\\')
			plain++;
		buf_put(&reading->bytes, rest.ptr, plain);
		reading->rest = str_skip(rest, plain);
		if (!reading->rest.len || (take(reading, '\\') && !take_escape(reading)))
			return false;
	}
	*out = (struct redis_reply){
		.type = REDIS_BULK, .text = { reading->bytes.ptr + from, reading->bytes.len - from }
	};
	return !reading->bytes.overflow;
}

/* ["0102…"] */
static bool take_bytes(struct reading *reading, struct redis_reply *out)
{
	size_t from = reading->bytes.len;
	if (!take(reading, '[') || !take(reading, '"'))
		return false;
	while (!take(reading, '"')) {
		unsigned value;
		if (!take_hex(reading, 2, &value))
			return false;
		buf_char(&reading->bytes, (char)value);
	}
	*out = (struct redis_reply){
		.type = REDIS_BULK, .text = { reading->bytes.ptr + from, reading->bytes.len - from }
	};
	return take(reading, ']') && !reading->bytes.overflow;
}

static bool take_value(struct reading *reading, struct redis_reply *out)
{
	bool bytes = reading->rest.len && reading->rest.ptr[0] == '[';
	return bytes ? take_bytes(reading, out) : take_string(reading, out);
}

static bool take_member(struct reading *reading, struct results_payload *payload)
{
	struct redis_reply *pair = &payload->items[payload->count];
	if (payload->count == ARRAY_LEN(payload->items) || !take_string(reading, &pair[0]) ||
	    !take(reading, ':') || !take_value(reading, &pair[1]))
		return false;
	bool mark = !pair[0].text.len && str_eq(pair[1].text, STR("cut"));
	payload->cut |= mark;
	payload->count += mark ? 0 : 2;
	return true;
}

enum status results_payload_read(struct results_payload *payload, struct str json)
{
	struct reading reading = { .rest = json,
				   .bytes = buf_over(payload->bytes, sizeof payload->bytes) };
	payload->count = 0;
	payload->cut = false;
	if (!take(&reading, '{'))
		return STATUS_FORMAT;
	if (take(&reading, '}'))
		return reading.rest.len ? STATUS_FORMAT : STATUS_OK;
	do {
		if (!take_member(&reading, payload))
			return STATUS_FORMAT;
	} while (take(&reading, ','));
	return take(&reading, '}') && !reading.rest.len ? STATUS_OK : STATUS_FORMAT;
}
