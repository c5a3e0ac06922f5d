#include "base/json_out.h"

#include <math.h>

static void begin(struct json_out *json, const char *key)
{
	if (json->comma)
		buf_char(json->out, ',');
	json->comma = true;
	if (!key)
		return;
	buf_char(json->out, '"');
	buf_put(json->out, key, strlen(key));
	buf_put(json->out, "\":", 2);
}

void json_out_open(struct json_out *json, const char *key, char bracket)
{
	begin(json, key);
	buf_char(json->out, bracket);
	json->comma = false;
}

void json_out_close(struct json_out *json, char bracket)
{
	buf_char(json->out, bracket);
	json->comma = true;
}

static bool is_plain(char c) { return (unsigned char)c >= 0x20 && c != '"' && c != '\\'; }

/* Whole runs are copied: an answer's text is mostly plain, and a byte at a time
 * it would cost more than everything else in the answer. */
void json_out_str(struct json_out *json, const char *key, struct str value)
{
	begin(json, key);
	buf_char(json->out, '"');
	while (value.len) {
		size_t run = 0;
		while (run < value.len && is_plain(value.ptr[run]))
			run++;
		buf_put(json->out, value.ptr, run);
		value = str_skip(value, run);
		if (!value.len)
			break;
		unsigned char c = (unsigned char)value.ptr[0];
		if (c == '\n')
			buf_put(json->out, "\\n", 2);
		else if (c < 0x20)
			buf_printf(json->out, "\\u%04x", c);
		else
			buf_put(json->out, (char[]){ '\\', (char)c }, 2);
		value = str_skip(value, 1);
	}
	buf_char(json->out, '"');
}

void json_out_bytes(struct json_out *json, const char *key, struct str value)
{
	begin(json, key);
	buf_json_str(json->out, value);
}

void json_out_i64(struct json_out *json, const char *key, int64_t value)
{
	begin(json, key);
	buf_i64(json->out, value);
}

void json_out_bool(struct json_out *json, const char *key, bool value)
{
	begin(json, key);
	buf_str_put(json->out, value ? STR("true") : STR("false"));
}

void json_out_null(struct json_out *json, const char *key)
{
	begin(json, key);
	buf_put(json->out, "null", 4);
}

void json_out_decimal(struct json_out *json, const char *key, i128 mantissa, int32_t scale)
{
	begin(json, key);
	buf_char(json->out, '"');
	decimal_print_trim(json->out, mantissa, scale);
	buf_char(json->out, '"');
}

void json_out_number(struct json_out *json, const char *key, i128 mantissa, int32_t scale)
{
	begin(json, key);
	decimal_print_trim(json->out, mantissa, scale);
}

void json_out_known_decimal(struct json_out *json, const char *key, bool known, i128 mantissa,
			    int32_t scale)
{
	if (known)
		json_out_decimal(json, key, mantissa, scale);
	else
		json_out_null(json, key);
}

void json_out_known_i64(struct json_out *json, const char *key, bool known, int64_t value)
{
	if (known)
		json_out_i64(json, key, value);
	else
		json_out_null(json, key);
}

void json_out_known_bool(struct json_out *json, const char *key, bool known, bool value)
{
	if (known)
		json_out_bool(json, key, value);
	else
		json_out_null(json, key);
}

void json_out_double(struct json_out *json, const char *key, double value, int32_t places)
{
	double product = value * (double)decimal_pow10(places);
	if (!isfinite(product) || fabs(product) >= 9e18)
		json_out_null(json, key);
	else
		json_out_decimal(json, key, llround(product), places);
}

void json_out_word(struct json_out *json, const char *key, const char *word)
{
	if (!word || strcmp(word, "n/a") == 0)
		json_out_null(json, key);
	else
		json_out_str(json, key, str_of(word));
}
