/* man.h - manual pages in roff (man(7)), from commands.def and flags.def. Pure ASCII: what is
 * not becomes an escape, so that any groff reads it. Pure. */
#pragma once

#include "base/buf.h"
#include "def/commands.h"

void man_print_main(struct buf *out);                          /* weir.1 */
void man_print_command(struct buf *out, enum command command); /* weir-tape-cat.1 */
/* "weir-tape-cat.1" */
void man_print_name(struct buf *out, enum command command);
