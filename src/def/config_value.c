#include "def/config_value.h"

#include <ctype.h>

#include "base/check.h"
#include "base/decimal.h"
#include "base/suggest.h"

enum { QUOTED_MAX = 60, LIST_WORD_MAX = 64 };

struct suffix {
	const char *text;
	int64_t factor;
};

/* Largest first: printing takes the first that divides. */
static const struct suffix size_suffixes[] = { { "gb", 1 << 30 },
					       { "mb", 1 << 20 },
					       { "kb", 1 << 10 } };
static const struct suffix duration_suffixes[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }
};

/* Says why a text was refused; the text itself is cut when it is long. */
static enum status refuse(struct buf *why, struct str text, const char *reason)
{
	size_t shown = text.len > QUOTED_MAX ? QUOTED_MAX : text.len;
	while (shown < text.len && shown && ((unsigned char)text.ptr[shown] & 0xC0) == 0x80)
		shown--; /* never in the middle of a character */
	buf_printf(why, "'%.*s%s' %s", (int)shown, text.ptr, shown < text.len ? "…" : "", reason);
	return STATUS_INVALID;
}

static void print_number(struct buf *buf, const struct config_row *row, int64_t number)
{
	if (row->type == CONFIG_NUMBER) {
		decimal_print_trim(buf, number, CONFIG_NUMBER_PLACES);
		return;
	}
	const struct suffix *suffixes =
	    row->type == CONFIG_SIZE ? size_suffixes : duration_suffixes;
	size_t n = row->type == CONFIG_SIZE       ? ARRAY_LEN(size_suffixes)
		   : row->type == CONFIG_DURATION ? ARRAY_LEN(duration_suffixes)
						  : 0;
	for (size_t i = 0; i < n; i++)
		if (number && number % suffixes[i].factor == 0) {
			buf_i64(buf, number / suffixes[i].factor);
			buf_str_put(buf, str_of(suffixes[i].text));
			return;
		}
	buf_i64(buf, number);
}

static enum status refuse_range(const struct config_row *row, struct str text, struct buf *why)
{
	char storage[96];
	struct buf reason = buf_over(storage, sizeof storage);
	buf_printf(&reason, "is not ");
	print_number(&reason, row, row->min);
	buf_printf(&reason, "..");
	print_number(&reason, row, row->max);
	buf_char(&reason, 0);
	return refuse(why, text, storage);
}

static enum status parse_bool(struct str text, int64_t *number)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(text, str_of(words[i]))) {
			*number = i & 1;
			return STATUS_OK;
		}
	return STATUS_INVALID;
}

/* Digits with one of the suffixes, or none, which counts as `plain`. */
static enum status parse_scaled(struct str text, const struct suffix *suffixes, size_t n,
				int64_t plain, int64_t *number)
{
	size_t digits = 0;
	int64_t factor = plain, value;
	while (digits < text.len && isdigit((unsigned char)text.ptr[digits]))
		digits++;
	struct str suffix = str_skip(text, digits);
	if (suffix.len)
		factor = 0;
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(suffix, str_of(suffixes[i].text)))
			factor = suffixes[i].factor;
	if (!factor)
		return STATUS_FORMAT;
	enum status status = str_to_i64(str_make(text.ptr, digits), &value);
	if (status)
		return status;
	return __builtin_mul_overflow(value, factor, number) ? STATUS_RANGE : STATUS_OK;
}

static enum status parse_decimal(struct str text, int64_t *number)
{
	struct decimal value;
	enum status status = decimal_parse(text, &value);
	if (status)
		return status;
	status = decimal_rescale(value, CONFIG_NUMBER_PLACES, number);
	return status == STATUS_INVALID ? STATUS_FORMAT : status;
}

enum status config_word_number(struct str word, struct str *name, int64_t *number)
{
	size_t colon = str_find_char(word, ':');
	int64_t value;
	if (colon == 0 || colon == word.len || parse_decimal(str_skip(word, colon + 1), &value))
		return STATUS_FORMAT;
	*name = str_make(word.ptr, colon);
	*number = value;
	return STATUS_OK;
}

static enum status parse_number(const struct config_row *row, struct str text, int64_t *number,
				struct buf *why)
{
	const char *form = "is not a whole number";
	enum status status;
	if (row->type == CONFIG_SIZE) {
		form = "is not a size: bytes, or a number with kb, mb or gb";
		status = parse_scaled(text, size_suffixes, ARRAY_LEN(size_suffixes), 1, number);
	} else if (row->type == CONFIG_DURATION) {
		form = "is not a duration: milliseconds, or a number with ms, s, m, h or d";
		status =
		    parse_scaled(text, duration_suffixes, ARRAY_LEN(duration_suffixes), 1, number);
	} else if (row->type == CONFIG_NUMBER) {
		form = "is not a number: digits, with at most six behind a point";
		status = parse_decimal(text, number);
	} else {
		status = str_to_i64(text, number);
	}
	if (status == STATUS_FORMAT)
		return refuse(why, text, form);
	if (status || *number < row->min || *number > row->max)
		return refuse_range(row, text, why);
	return STATUS_OK;
}

/* Keeps a copy with a NUL byte behind it, as config_str promises. */
static void keep_text(struct config_value *out, struct str text)
{
	enum status status = str_copy(text, out->storage, sizeof out->storage);
	CHECK(status == STATUS_OK);
	out->text = str_make(out->storage, text.len);
}

static enum status parse_enum(const struct config_row *row, struct str text,
			      struct config_value *out, struct buf *why)
{
	struct suggest suggest = suggest_for(text);
	struct str rest = str_of(row->choices), word;
	for (int64_t i = 0; str_split(&rest, ' ', &word); i++) {
		if (str_eq(word, text)) {
			out->number = i;
			keep_text(out, word);
			return STATUS_OK;
		}
		suggest_offer(&suggest, word);
	}
	refuse(why, text, "is not one of ");
	buf_printf(why, "%s", row->choices);
	suggest_print(why, &suggest);
	return STATUS_INVALID;
}

static bool list_holds(struct str list, struct str word)
{
	struct str part;
	while (str_split(&list, ',', &part))
		if (str_eq(part, word))
			return true;
	return false;
}

static bool is_choice(const struct config_row *row, struct str word)
{
	struct str rest = str_of(row->choices), choice;
	while (str_split(&rest, ' ', &choice))
		if (str_eq(choice, word))
			return true;
	return false;
}

static enum status parse_list(const struct config_row *row, struct str text,
			      struct config_value *out, struct buf *why)
{
	char storage[CONFIG_VALUE_BYTES];
	struct buf list = buf_over(storage, sizeof storage);
	struct str rest = text, word;
	int64_t count = 0;
	while (text.len && str_split(&rest, ',', &word)) {
		word = str_trim(word);
		if (word.len == 0)
			return refuse(why, text, "has an empty word");
		if (word.len > LIST_WORD_MAX)
			return refuse(why, word, "is too long for a word of a list");
		if (*row->choices && !is_choice(row, word)) {
			refuse(why, word, "is not one of ");
			buf_printf(why, "%s", row->choices);
			return STATUS_INVALID;
		}
		/* amounts, which have a unit, may be equal */
		if (!*row->unit && list_holds(buf_str(&list), word))
			return refuse(why, word, "is in the list twice");
		if (count++)
			buf_char(&list, ',');
		buf_str_put(&list, word);
	}
	if (count < row->min || count > row->max) {
		refuse(why, text, "has ");
		buf_printf(why, "%lld words, not %lld..%lld", (long long)count, (long long)row->min,
			   (long long)row->max);
		return STATUS_INVALID;
	}
	keep_text(out, buf_str(&list));
	return STATUS_OK;
}

static bool url_has_scheme(struct str text, struct str schemes)
{
	struct str scheme;
	while (str_split(&schemes, ' ', &scheme)) {
		struct str rest = str_skip(text, scheme.len);
		if (str_starts(text, scheme) && str_starts(rest, STR("://")) && rest.len > 3)
			return true;
	}
	return false;
}

static bool is_numeric_host(struct str host, bool v6)
{
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool digit = c >= '0' && c <= '9';
		bool hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (v6 ? !hex && c != ':' && c != '.' : !digit && c != '.')
			return false;
	}
	return host.len > 0;
}

enum status config_address_split(struct str text, char host[64], uint16_t *port)
{
	size_t colon = text.len;
	while (colon && text.ptr[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return STATUS_FORMAT;
	struct str name = str_make(text.ptr, colon - 1);
	bool v6 = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
	if (v6)
		name = str_make(name.ptr + 1, name.len - 2);
	uint64_t number;
	if (!is_numeric_host(name, v6) || str_to_u64(str_skip(text, colon), &number) ||
	    number > UINT16_MAX || str_copy(name, host, 64))
		return STATUS_FORMAT;
	*port = (uint16_t)number;
	return STATUS_OK;
}

static enum status parse_text(const struct config_row *row, struct str text,
			      struct config_value *out, struct buf *why)
{
	if ((int64_t)text.len < row->min)
		return refuse(why, text, "is empty");
	if (text.len && row->type == CONFIG_URL) {
		if (!url_has_scheme(text, str_of(row->choices))) {
			buf_printf(why, "not a URL of scheme %s", row->choices);
			return STATUS_INVALID;
		}
		if (str_find_char(text, ' ') < text.len) {
			buf_printf(why, "a URL has no blanks");
			return STATUS_INVALID;
		}
	}
	if (text.len && row->type == CONFIG_ADDRESS) {
		char host[64];
		uint16_t port;
		if (config_address_split(text, host, &port))
			return refuse(why, text, "is not HOST:PORT with a numeric host");
	}
	keep_text(out, text);
	return STATUS_OK;
}

enum status config_value_parse(const struct config_row *row, struct str text,
			       struct config_value *out, struct buf *why)
{
	int64_t most =
	    row->type == CONFIG_PATH || row->type == CONFIG_URL ? row->max : CONFIG_VALUE_BYTES;
	if ((int64_t)text.len > most) {
		buf_printf(why, "the value has %zu bytes, more than %lld", text.len,
			   (long long)most);
		return STATUS_INVALID;
	}
	out->number = 0;
	out->text = (struct str){ 0 };
	switch (row->type) {
	case CONFIG_BOOL:
		if (parse_bool(text, &out->number))
			return refuse(why, text, "is not yes or no");
		return STATUS_OK;
	case CONFIG_ENUM: return parse_enum(row, text, out, why);
	case CONFIG_LIST: return parse_list(row, text, out, why);
	case CONFIG_PATH:
	case CONFIG_URL:
	case CONFIG_ADDRESS: return parse_text(row, text, out, why);
	case CONFIG_INT:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
	case CONFIG_NUMBER: break;
	}
	return parse_number(row, text, &out->number, why);
}

void config_value_print(struct buf *buf, const struct config_row *row, int64_t number)
{
	if (row->type == CONFIG_BOOL)
		buf_printf(buf, number ? "yes" : "no");
	else
		print_number(buf, row, number);
}

bool config_url_password(struct str url, size_t *from, size_t *to)
{
	size_t start = str_find_char(url, ':') + 3; /* behind :// */
	struct str rest = str_skip(url, start);
	size_t user_end = str_find_char(rest, ':');
	size_t at = rest.len;
	/* A password may hold an @ of its own: the last one before the path counts. */
	for (size_t i = 0; i < rest.len && rest.ptr[i] != '/'; i++)
		if (rest.ptr[i] == '@')
			at = i;
	if (at == rest.len || user_end >= at)
		return false;
	*from = start + user_end + 1;
	*to = start + at;
	return true;
}
