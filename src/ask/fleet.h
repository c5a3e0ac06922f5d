/* fleet.h - /fleet: terminals by state, and those that need a look. Internal to ask/. */
#pragma once

#include "ask/ask.h"
#include "ask/asked.h"

enum ask_outcome fleet_answer(const struct ask_world *world, const struct ask_request *request,
			      const struct asked *asked, struct buf *out);
