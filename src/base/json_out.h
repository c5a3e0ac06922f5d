/* json_out.h - JSON as weir writes it: decimals are strings, times unix ms,
 * what is absent is null. Keeps track of commas only; the caller nests rightly.
 * key NULL inside arrays. Any thread. */
#pragma once

#include "base/decimal.h"

struct json_out {
	struct buf *out;
	bool comma; /* something stands before the next value */
};

void json_out_open(struct json_out *json, const char *key, char bracket); /* '{' or '[' */
void json_out_close(struct json_out *json, char bracket);                 /* '}' or ']' */
/* Valid UTF-8. */
void json_out_str(struct json_out *json, const char *key, struct str value);
/* Anybody's bytes: what is no UTF-8 becomes U+FFFD. */
void json_out_bytes(struct json_out *json, const char *key, struct str value);
void json_out_i64(struct json_out *json, const char *key, int64_t value);
void json_out_bool(struct json_out *json, const char *key, bool value);
void json_out_null(struct json_out *json, const char *key);
/* Exact, trailing zeros dropped: "1.5". */
void json_out_decimal(struct json_out *json, const char *key, i128 mantissa, int32_t scale);
/* The same as a number: 1.5. */
void json_out_number(struct json_out *json, const char *key, i128 mantissa, int32_t scale);
/* A decimal, and null where it is not known. */
void json_out_known_decimal(struct json_out *json, const char *key, bool known, i128 mantissa,
			    int32_t scale);
void json_out_known_i64(struct json_out *json, const char *key, bool known, int64_t value);
void json_out_known_bool(struct json_out *json, const char *key, bool known, bool value);
/* A statistic with `places` digits behind the point, as a string; null when it is
 * undefined (NAN, infinite) or beyond 63 bits. */
void json_out_double(struct json_out *json, const char *key, double value, int32_t places);
/* A text of analysis.h: "n/a" and NULL become null. */
void json_out_word(struct json_out *json, const char *key, const char *word);
