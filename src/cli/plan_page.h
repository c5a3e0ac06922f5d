/* plan_page.h - a memory plan as one HTML page that needs nothing else: no script, no font, no
 * picture, no address. Light and dark by what the reader prefers; prints; a phone shows it in
 * one column. It is well-formed XML too. Every text is escaped. */
#pragma once

#include "cli/plan_view.h"

void plan_page_print(struct buf *out, const struct plan_view *view);
