/* halts.h - /halt: what operators have halted (trade/halts.h). Nothing is changed here.
 * Internal to ask/. */
#pragma once

#include "ask/ask.h"
#include "ask/asked.h"

enum ask_outcome halts_answer(const struct ask_world *world, const struct ask_request *request,
			      const struct asked *asked, struct buf *out);
