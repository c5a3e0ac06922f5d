/* refuse.h - answers without figures: why a question is not answered, and /help.
 * Internal to ask/. */
#pragma once

#include "ask/ask.h"
#include "ask/asked.h"

/* One sentence, in the request's format. */
enum ask_outcome refuse(const struct ask_world *world, const struct ask_request *request,
			const struct asked *asked, enum fault fault, struct buf *out);
/* A sentence of one's own, without its line end; code: JSON's word for it. */
enum ask_outcome refuse_sentence(const struct ask_world *world, const struct ask_request *request,
				 const struct asked *asked, const char *code,
				 enum ask_outcome outcome, struct str sentence, struct buf *out);
enum ask_outcome help_answer(const struct ask_world *world, const struct ask_request *request,
			     struct buf *out);
