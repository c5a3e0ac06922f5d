/* json.h - simdjson behind a C header: parse a whole document, then look at it.
 *
 * The parser owns a tape and a string store that are made at create for documents
 * of FRAME_BYTES_MAX; parsing allocates nothing. Values and the strings they give
 * live until the next parse. The document is checked as a whole: UTF-8, numbers,
 * depth, nothing behind the value. Of a key that occurs twice the first counts.
 * A value is two words, by value. One parser, one thread. */
#pragma once

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_DEPTH_MAX = 32 };

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INTEGER, /* fits in int64 */
	JSON_NUMBER,  /* any other number */
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json; /* the parser: 14 MB of address space, touched as documents need it */

/* A place in the parsed document. Make one only through the calls below. */
struct json_value {
	const void *document;
	size_t index;
};

/* Elements of an array still to come. */
struct json_iter {
	struct json_value next, end;
};

/* NULL when out of memory. Documents up to `bytes_max`. */
struct json *json_create(size_t bytes_max);
void json_destroy(struct json *json);

/* 64 readable bytes must follow `text`. NULL on success, else why not, a static
 * text; *root is written on success only. */
MUST_CHECK const char *json_parse(struct json *json, struct str text, struct json_value *root);
/* The source text of member `key` of the object that `text` is, when its value is
 * an object or an array, and blanks behind it; checks no more than it passes over.
 * 64 readable bytes must follow. */
MUST_CHECK enum status json_raw_member(struct json *json, struct str text, struct str key,
				       struct str *raw);

enum json_type json_type(struct json_value value);
/* Each is false, with *out untouched, when the value is not of that type. */
bool json_as_string(struct json_value value, struct str *out);
bool json_as_integer(struct json_value value, int64_t *out);
bool json_as_bool(struct json_value value, bool *out);
/* Member of an object; false too when the value is no object. */
bool json_get(struct json_value object, struct str key, struct json_value *out);
/* for (ok = json_as_array(v, &it); json_next(&it, &element);) */
bool json_as_array(struct json_value value, struct json_iter *out);
bool json_next(struct json_iter *iter, struct json_value *out);

#ifdef __cplusplus
}
#endif
