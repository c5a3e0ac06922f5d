/* alerts.h - /alerts: what fires, what is pending, what ended within the hour, and the
 * rules. Internal to ask/. */
#pragma once

#include "ask/ask.h"
#include "ask/asked.h"

enum ask_outcome alerts_answer(const struct ask_world *world, const struct ask_request *request,
			       const struct asked *asked, struct buf *out);
