/* tape_verify.h - is every trade of a recording in the tape? Each trade of the
 * recording (told once however often it stands there; block trades and the other of
 * trade and aggTrade left out, as at replay) must be in its market's tape with time,
 * price, quantity, side and, where ids are ordered, id. */
#pragma once

#include "cli/segment_visit.h"
#include "def/args.h"

struct tape_verdict {
	uint64_t trades, repeated, missing;
	char first_missing[160]; /* NUL-terminated */
};

MUST_CHECK enum status tape_verify(struct segment_visit *visit, const struct args *args,
				   struct tape_verdict *out, struct err *err);
void tape_verdict_print(struct buf *out, const struct tape_verdict *verdict);
