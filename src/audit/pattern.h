/* pattern.h - does a pattern of source code mean a family of keys?
 *
 * Code says `klines:{pair}:{interval}`, with names of its own in braces, the family
 * `klines:{symbol}:{tf}`. A placeholder stands for letters, digits and variable parts, at least
 * one, never for a separator: `{symbol}_{tf}` is not `{symbol}_{tf}_RSI14`. O(product of the
 * lengths); patterns longer than PATTERN_FIT_MAX fit nothing. Any thread. */
#pragma once

#include "base/str.h"

enum { PATTERN_FIT_MAX = 512, PATTERN_SAYS = 3 };

bool pattern_fits(struct str code, struct str family);
/* Has it constant letters or digits, PATTERN_SAYS of them? `{name}` fits too much to mean it. */
bool pattern_says(struct str code);
