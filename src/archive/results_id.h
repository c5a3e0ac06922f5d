/* results_id.h - ids of stream entries: `MS-SEQ`. Any thread. */
#pragma once

#include "base/buf.h"

enum { RESULTS_ID_TEXT = 41 };

struct results_id {
	uint64_t ms, seq;
};

static inline int results_id_cmp(struct results_id a, struct results_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

/* The one behind it. */
static inline struct results_id results_id_next(struct results_id id)
{
	id.seq++;
	id.ms += id.seq == 0;
	return id;
}

/* FORMAT for anything but two numbers. */
MUST_CHECK static inline enum status results_id_parse(struct str text, struct results_id *out)
{
	struct results_id id;
	size_t dash = str_find_char(text, '-');
	if (dash == text.len || str_to_u64(str_make(text.ptr, dash), &id.ms) ||
	    str_to_u64(str_skip(text, dash + 1), &id.seq))
		return STATUS_FORMAT;
	*out = id;
	return STATUS_OK;
}

static inline void results_id_print(struct buf *out, struct results_id id)
{
	buf_u64(out, id.ms);
	buf_char(out, '-');
	buf_u64(out, id.seq);
}
