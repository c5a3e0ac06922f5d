/* match.h - which process is which terminal, by its command line, and where its program is.
 *
 * A pattern is one or more texts joined by `*`; a command line matches when it has each of
 * them, in any order. Letters are compared without their case, \ and / are one, because a
 * Windows program under Wine shows its Windows path. A text that begins or ends with a
 * letter, digit, _ or - stands for whole names there: mt5-1 is not found in mt5-17.
 * Both sides are folded first, so that what is compared often is folded once. Pure. */
#pragma once

#include "base/str.h"

enum { MATCH_LETTERS_MIN = 4, MATCH_PATH_MAX = 1024 };

/* `out` has room for text.len bytes; it may be text's own. */
struct str match_fold(struct str text, char *out);
/* Whether a pattern is one: each text has a letter or digit and one of them at least
 * MATCH_LETTERS_MIN, so that none names everything that runs. pattern.ptr is not NULL. */
bool match_is_pattern(struct str pattern);
/* Both folded. */
bool match_command(struct str pattern, struct str command);

/* The places where the program terminal64.exe of a command line may be, the longest first:
 * blanks are in paths and between words. `X:\` is wine_prefix/drive_x, but Z: the root;
 * without a prefix only that. Calls fn until it returns true; false: it never did. */
bool match_programs(struct str command, struct str wine_prefix,
		    bool (*fn)(void *ctx, const char *path), void *ctx);
