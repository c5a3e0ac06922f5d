/* memory.h - /memory: the segments against their budgets, what is done about it, and which
 * keys take the room. The facts are the daemon's, of the newest second; GET /api/v1/memory
 * and `weir memory` print the same. */
#pragma once

#include "ask/ask.h"
#include "ask/asked.h"
#include "base/json_out.h"
#include "def/keys.h"
#include "memory/valve.h"

enum { ASK_MEMORY_FAMILIES = 24 };

struct ask_memory_family {
	const char *name, *life; /* life: how its keys leave; NULL: not weir's */
	uint64_t keys, bytes;
	bool estimated; /* from a part of the keys */
};

struct ask_memory_segment {
	enum segment segment;
	const char *state;  /* "up" … */
	uint64_t used, max; /* 0: not known; of max: none is set */
	uint64_t rss;       /* resident; 0: not known */
	uint64_t keys, keys_expiring, evicted, refused;
	enum valve_level level;
	int64_t growth;     /* bytes a second; 0: none, or not known */
	int64_t full_in_s;  /* -1: not known, or never */
	uint32_t actions;   /* in force, 1 << enum valve_action */
	int64_t counted_ms; /* wall clock, when the families were; 0: not yet */
	struct ask_memory_family families[ASK_MEMORY_FAMILIES]; /* largest first */
	size_t family_count;
};

struct ask_memory {
	struct ask_memory_segment segments[SEGMENT_COUNT];
	size_t count;
	uint64_t resident; /* of weir itself; 0: not known */
};

enum ask_outcome memory_answer(const struct ask_world *world, const struct ask_request *request,
			       const struct asked *asked, struct buf *out);
/* The members of an object that has been opened. */
void memory_view_members(struct json_out *json, const struct ask_memory *memory);
