/* help.h - --help from the tables: usage, examples first, then flags. Plain text of
 * at most 80 columns where the tables allow it. Pure. */
#pragma once

#include "base/buf.h"
#include "def/commands.h"

void help_print_all(struct buf *out);                           /* weir --help */
void help_print_command(struct buf *out, enum command command); /* weir replay --help */
void help_print_group(struct buf *out, enum command first);     /* weir tape --help */
/* "weir tape cat --market VENUE:KIND:SYMBOL … [--from MS]" without the LF. */
void help_print_usage(struct buf *out, enum command command);
/* "--speed max|N", "--json" */
void help_print_flag(struct buf *out, enum flag flag);
