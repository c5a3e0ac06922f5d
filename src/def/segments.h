/* segments.h - the table of Redis segments and of their users (segments.def). Any
 * thread. */
#pragma once

#include "base/str.h"

enum segment {
#define SEGMENT(id, ...) SEGMENT_##id,
#include "def/segments.def"
	SEGMENT_COUNT
};

enum segment_user {
#define SEGMENT_USER(id, ...) SEGMENT_USER_##id,
#include "def/segments.def"
	SEGMENT_USER_COUNT
};

enum { SEGMENTS_ALL = (1 << SEGMENT_COUNT) - 1 };

struct segment_row {
	const char *name;  /* "rts": of files, sockets, settings, output */
	const char *title; /* "trade state" */
	const char *holds;
	uint16_t port;
	uint64_t maxmemory;
	const char *policy;
	const char *appendfsync;
	const char *save; /* "" for none */
	bool money;
	bool packed; /* values are chunks that carry a CRC of their own */
	uint32_t node_bytes;
};

struct segment_user_row {
	const char *name;
	const char *rules;
	const char *signal_rules;
};

const struct segment_row *segment_row(enum segment segment);
const struct segment_user_row *segment_user_row(enum segment_user user);
/* By name, in any case. NOT_FOUND. */
MUST_CHECK enum status segment_parse(struct str name, enum segment *segment);
/* The whole ACL rules of a user on a segment, as two texts one after the other. */
const char *segment_user_extra(enum segment_user user, enum segment segment);
