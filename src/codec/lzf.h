/* lzf.h - unpacks LZF as dumps of Redis have it (Marc Lehmann's LibLZF, format of 1.5+).
 *
 * A byte below 32 begins that many + 1 literal bytes; another one a copy of earlier output:
 * length in its upper three bits (7: a byte more follows) + 2, distance in its lower five and
 * the next byte, + 1. So no copy reaches further back than LZF_HISTORY, and a stream can be
 * unpacked in windows. Pure. */
#pragma once

#include "base/str.h"

enum {
	LZF_HISTORY = 8192,
	LZF_TOKEN_MAX = 33, /* bytes of input of one step */
	LZF_STEP_MAX = 264, /* bytes of output of one step */
	LZF_RATIO_MAX = 88, /* output of a byte of input, at most */
};

struct lzf {
	const uint8_t *in;
	size_t in_size;
	char *out;
	size_t out_len, out_size; /* out[0..out_len) was unpacked before */
};

/* Unpacks whole steps while there is input, and room for a longest step (or exactly enough at
 * the end). Moves in, in_size and out_len. `last`: no more input will come, so a step that is
 * cut is FORMAT; else it is left. FORMAT: a copy from before the beginning. */
MUST_CHECK enum status lzf_unpack(struct lzf *lzf, bool last);
