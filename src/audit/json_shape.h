/* json_shape.h - whether a text is JSON, and of what shape, at the speed of a scan.
 *
 * Strict (RFC 8259): one object or array with at least one member, blanks around it and
 * nothing else, UTF-8, no deeper than JSON_SHAPE_DEPTH; a number, a string or a literal alone
 * is none. Nothing is copied and nothing decoded: names and texts that hold a backslash are
 * told as they stand, `plain` false. Any thread. */
#pragma once

#include "base/str.h"

enum { JSON_SHAPE_DEPTH = 64 };

enum json_shape_kind { JSON_SHAPE_NONE, JSON_SHAPE_OBJECT, JSON_SHAPE_ARRAY };

struct json_shape {
	enum json_shape_kind kind;
	bool flat;        /* an object of which no member is an object or an array */
	bool whole;       /* read to its end; false: what was cut off decides */
	uint32_t members; /* of the outermost, those that were seen to their end */
	uint32_t payload; /* bytes of their names and values, without quotes */
};

/* A member of the outermost object or array. */
struct json_member {
	struct str name;  /* without quotes; of an array empty */
	struct str value; /* a string without quotes, anything else as it stands */
	bool scalar;      /* neither object nor array */
	bool plain;       /* no backslash in name or value */
	bool quoted;      /* the value is a string */
};

/* `cut`: the text goes on behind its end, so ending early is no fault. on_member may be NULL;
 * members are told before it is known that the text is JSON. */
struct json_shape json_shape_of(struct str text, bool cut,
				void (*on_member)(void *ctx, const struct json_member *),
				void *ctx);
