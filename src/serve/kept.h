/* kept.h - answers to questions, kept for KEPT_MS: who asks the same again within that time, and
 * while nothing was changed over HTTP, gets the same text without its being made anew. What is
 * old by then is at most as old as the time between two frames of a quiet market.
 *
 * KEPT_ROOM answers; one more takes the place of another (by its hash). Their buffers grow to
 * what they held and stay. Time is told. One thread. */
#pragma once

#include "base/buf.h"

enum {
	KEPT_ROOM = 64,
	KEPT_MS = 250,
	KEPT_QUESTION_MAX = 256, /* of a longer one nothing is kept */
	KEPT_ANSWER_MAX = 128 * 1024,
};

struct kept_answer {
	char question[KEPT_QUESTION_MAX];
	size_t question_len;
	int format, outcome;
	int64_t until_ns; /* 0: nothing is kept here */
	struct buf text;
};

struct kept {
	struct kept_answer answers[KEPT_ROOM];
	uint64_t found, made;
};

void kept_init(struct kept *kept);
void kept_deinit(struct kept *kept);
/* NULL: it is to be made. format: of the caller's. Lives until the next call. */
const struct kept_answer *kept_find(struct kept *kept, struct str question, int format,
				    int64_t now_ns);
void kept_put(struct kept *kept, struct str question, int format, int64_t now_ns, int outcome,
	      struct str text);
/* Something was changed: nothing that was kept holds. */
void kept_forget(struct kept *kept);
