/* Classes of the variable parts of names. */
#include "base/check.h"
#include "migrate/pattern_impl.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
static bool is_alnum(char c) { return is_digit(c) || is_letter(c); }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

static bool all_of(struct str text, bool (*is)(char))
{
	for (size_t i = 0; i < text.len; i++)
		if (!is(text.ptr[i]))
			return false;
	return text.len > 0;
}

/* 0 a digit, h a hexadecimal one, else itself. */
static bool has_shape(struct str text, const char *shape)
{
	if (text.len != strlen(shape))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (shape[i] == '0' ? !is_digit(c) : shape[i] == 'h' ? !is_hex(c) : c != shape[i])
			return false;
	}
	return true;
}

static bool is_plain(char c) { return !strchr(":_-./|", c) && c; }

static bool is_upper(char c) { return is_digit(c) || (c >= 'A' && c <= 'Z'); }

/* BTC ethusdt; BTC-PERP BTC/USDT BTC/USDT:USDT BTC-25DEC26: what follows is upper case. */
static bool takes_symbol(struct str t)
{
	size_t base = 0;
	while (base < t.len && is_alnum(t.ptr[base]))
		base++;
	struct str front = str_make(t.ptr, base), rest = str_skip(t, base);
	if (base < 2 || all_of(front, is_digit))
		return false;
	for (bool slash = false; rest.len;) {
		char mark = rest.ptr[0];
		size_t n = 0;
		rest = str_skip(rest, 1);
		while (n < rest.len && is_upper(rest.ptr[n]))
			n++;
		if (n < 3 || !all_of(front, is_upper) || (mark == ':' && !slash) ||
		    !memchr("-/:", mark, 3))
			return false;
		slash |= mark == '/';
		rest = str_skip(rest, n);
	}
	return true;
}

/* 1m 15m 4h 1d 30s 15min; H4 M15 MN1 as terminals write them. */
static bool takes_tf(struct str t)
{
	size_t digits = 0;
	while (digits < t.len && is_digit(t.ptr[digits]))
		digits++;
	struct str unit = str_skip(t, digits);
	if (digits)
		return digits <= 3 &&
		       (unit.len == 1 ? strchr("smhdwMHDW", unit.ptr[0]) != NULL
				      : str_eq(unit, STR("min")) || str_eq(unit, STR("hour")) ||
					    str_eq(unit, STR("day")));
	size_t letters = str_starts(t, STR("MN")) ? 2 : 1;
	return t.len > letters && t.len <= letters + 2 && memchr("MHDW", t.ptr[0], 4) &&
	       all_of(str_skip(t, letters), is_digit);
}

static bool takes_id(struct str t) { return all_of(t, is_digit); }
static bool takes_small(struct str t) { return t.len <= 2 && all_of(t, is_digit); }

static bool takes_hex(struct str t)
{
	bool prefixed = str_starts(t, STR("0x")) || str_starts(t, STR("0X"));
	struct str digits = str_skip(t, prefixed ? 2 : 0);
	return t.len >= 8 && all_of(digits, is_hex) &&
	       (prefixed || t.len >= 32 || !all_of(t, is_digit));
}

static bool takes_uuid(struct str t)
{
	return has_shape(t, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh");
}

static bool has_any_shape(struct str t, const char *const *shapes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has_shape(t, shapes[i]))
			return true;
	return false;
}

static bool takes_date(struct str t)
{
	static const char *const shapes[] = { "0000-00-00", "0000_00_00", "0000/00/00",
					      "0000.00.00", "0000-00",    "0000_00",
					      "0000/00",    "0000.00",    "00000000" };
	if (!has_any_shape(t, shapes, ARRAY_LEN(shapes)) || (t.ptr[0] != '1' && t.ptr[0] != '2'))
		return false;
	char month = t.ptr[is_digit(t.ptr[4]) ? 4 : 5];
	return month == '0' || month == '1';
}

/* Unix time in s, ms, us, ns; a date with a time of day. */
static bool takes_time(struct str t)
{
	if (all_of(t, is_digit))
		return (t.len == 10 || t.len == 13 || t.len == 16 || t.len == 19) &&
		       (t.ptr[0] == '1' || t.ptr[0] == '2');
	return t.len >= 16 && takes_date(str_make(t.ptr, 10)) &&
	       has_shape(str_make(t.ptr + 11, 5), "00:00");
}

static bool takes_ip(struct str t)
{
	size_t dots = 0;
	for (size_t i = 0; i < t.len; i++)
		dots += t.ptr[i] == '.';
	return dots == 3 && t.len >= 7 && t.len <= 15 && is_digit(t.ptr[0]) &&
	       is_digit(t.ptr[t.len - 1]);
}

static bool takes_email(struct str t)
{
	size_t at = str_find_char(t, '@');
	return at > 0 && at + 3 < t.len && str_find_char(str_skip(t, at), '.') < t.len - at;
}

static bool takes_token(struct str t) { return t.len >= 10; }
static bool takes_any(struct str t) { return t.len > 0; }

static bool takes_word(struct str t) { return all_of(t, is_plain); }

/* Bytes that a part of the class can have at all: how far it may reach. */
static bool is_dashed(char c) { return is_hex(c) || c == '-'; }
static bool is_dated(char c) { return is_digit(c) || (c && strchr("-_/.", c)); }
static bool is_timed(char c) { return is_dated(c) || (c && strchr("T :+Z", c)); }
static bool is_marked(char c) { return is_alnum(c) || (c && strchr("-/:", c)); }
static bool is_dotted(char c) { return is_digit(c) || c == '.'; }
static bool is_mail(char c) { return is_alnum(c) || (c && strchr("@._%+-", c)); }
static bool is_random(char c) { return is_alnum(c) || c == '-' || c == '_'; }
static bool is_prefixed(char c) { return is_hex(c) || (c | 0x20) == 'x'; }
static bool is_byte(char c) { return c != 0; }

static const struct pattern_class classes[] = {
	{ "symbol",
	  takes_symbol,
	  is_marked,
	  { "BTCUSDT", "eth", "1INCH", "SOL", "XRP", "deadbeef1" } },
	{ "tf", takes_tf, is_alnum, { "1h", "15m", "4h", "1d", "30s", "1M" } },
	{ "id", takes_id, is_digit, { "7", "42", "123456", "20240102", "1700000000", "987" } },
	{ "hex",
	  takes_hex,
	  is_prefixed,
	  { "deadbeef", "0a1b2c3d", "9f86d081884c7d65", "ABCDEF01", "00ff00ff00ff",
	    "cafebabe12" } },
	{ "uuid",
	  takes_uuid,
	  is_dashed,
	  { "123e4567-e89b-12d3-a456-426614174000", "00000000-0000-4000-8000-00000000000a",
	    "123e4567-e89b-12d3-a456-426614174001", "ffffffff-e89b-12d3-a456-426614174000",
	    "123e4567-e89b-12d3-a456-42661417400f", "123e4567-0000-12d3-a456-426614174000" } },
	{ "date",
	  takes_date,
	  is_dated,
	  { "2024-01-02", "20240102", "2023-12-31", "20231231", "2025-06-30", "20250630" } },
	{ "time",
	  takes_time,
	  is_timed,
	  { "1700000000", "1700000000123", "1700000000123456", "1700000000123456789", "1712345678",
	    "1712345678901" } },
	{ "n", takes_small, is_digit, { "7", "42", "0", "99", "12", "5" } },
	{ "ip",
	  takes_ip,
	  is_dotted,
	  { "10.0.0.1", "192.168.1.20", "127.0.0.1", "8.8.8.8", "10.1.2.3", "172.16.0.9" } },
	{ "email",
	  takes_email,
	  is_mail,
	  { "a@b.example", "joe.doe@example.org", "x@y.z.example", "q@example.com", "a+b@c.example",
	    "it@example.net" } },
	{ "token",
	  takes_token,
	  is_random,
	  { "aB3dE5gH7jK9mN1p", "Zx9Yw8Vu7Ts6", "q1W2e3R4t5Y6u7I8", "0pL9oK8iJ7u", "m5N4b3V2c1X0",
	    "Ab12Cd34Ef56" } },
	{ "bytes",
	  takes_any,
	  is_byte,
	  { "\\xff\\x01", "\\x00a", "b\\x80", "\\xc3", "z\\x1f", "\\xfe" } },
	{ "text", takes_any, is_byte, { "some text", "t", "a:b", "x_y", "words", "7" } },
	{ "rest", takes_any, is_byte, { "rest:of_it", "r", "a:b:c", "x_y_z", "tail", "7" } },
	{ "word", takes_word, is_plain, { "word", "a", "BTC", "x1", "LONGER+text", "1700000000" } },
};

/* symbol2 is a symbol; what is none of them is a word. */
const struct pattern_class *pattern_class_of(struct str name)
{
	while (name.len && is_digit(name.ptr[name.len - 1]))
		name.len--;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (str_eq(name, str_of(classes[i].name)))
			return &classes[i];
	return &classes[ARRAY_LEN(classes) - 1];
}
