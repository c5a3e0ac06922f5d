/* text.h - text for a terminal: counted in characters of UTF-8, each one column wide; a byte that
 * is of none counts as one. Escapes of colour are not known: they are put beside it. Any thread. */
#pragma once

#include "base/buf.h"

size_t text_width(struct str text);
void text_put_blanks(struct buf *out, size_t count);
/* At most `width` characters, the last of them an ellipsis where something was cut; how many. */
size_t text_put_cut(struct buf *out, struct str text, size_t width);
/* Words from `column` on, where the line stands, broken before `width` and indented to `column`;
 * ends the line. A word that is longer than a line stands alone in one. */
void text_put_wrapped(struct buf *out, size_t column, size_t width, struct str text);
