/* completion.h - what a shell reads to complete weir's command line: commands, their second
 * words, flags and the words of flags, from commands.def and flags.def. Pure. */
#pragma once

#include "base/buf.h"

/* shell: "bash", "zsh" or "fish"; NOT_FOUND for any other. */
MUST_CHECK enum status completion_print(struct buf *out, struct str shell);
