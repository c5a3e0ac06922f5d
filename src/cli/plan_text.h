/* plan_text.h - a memory plan as text for people: what everything costs, what each segment is
 * to get, the faults of the document, and a summary. At most PLAN_TEXT_COLUMNS wide. */
#pragma once

#include "cli/plan_view.h"

enum { PLAN_TEXT_COLUMNS = 120 };

/* Colour: with the escapes of a terminal. */
void plan_text_print(struct buf *out, const struct plan_view *view, bool colour);
