/* json_in.h - JSON (RFC 8259) one token after the other, with every number as the text it
 * was written with.
 *
 *   json_in_init(&json, text);
 *   while (json_in_next(&json, &token) > JSON_IN_END) …
 *
 * Strict: UTF-8, no raw control characters, surrogates in pairs, nothing behind the value,
 * at most JSON_IN_DEPTH arrays and objects inside each other. Keeps slices of the text,
 * allocates nothing. Any thread. */
#pragma once

#include "base/buf.h"

enum { JSON_IN_DEPTH = 32 };

enum json_in_kind {
	JSON_IN_BAD, /* json->why, at json->at */
	JSON_IN_END, /* the document is over */
	JSON_IN_OBJECT,
	JSON_IN_OBJECT_END,
	JSON_IN_ARRAY,
	JSON_IN_ARRAY_END,
	JSON_IN_KEY,
	JSON_IN_STRING,
	JSON_IN_NUMBER,
	JSON_IN_TRUE,
	JSON_IN_FALSE,
	JSON_IN_NULL,
};

struct json_in_token {
	enum json_in_kind kind;
	struct str text; /* KEY, STRING: between the quotes, escapes and all; NUMBER */
};

struct json_in {
	struct str text;
	size_t at;        /* bytes taken */
	uint64_t objects; /* bit n: what is open at depth n + 1 is an object */
	uint32_t depth;
	int expects; /* enum of json_in.c */
	const char *why;
};

void json_in_init(struct json_in *json, struct str text);
enum json_in_kind json_in_next(struct json_in *json, struct json_in_token *token);
/* After an OBJECT or ARRAY: to behind its end. False: BAD. */
MUST_CHECK bool json_in_skip(struct json_in *json);
/* What a KEY or STRING means; never longer than it is written. */
void json_in_unescape(struct str text, struct buf *out);
