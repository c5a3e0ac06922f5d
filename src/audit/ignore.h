/* ignore.h - keys that no rule looks at: globs as SCAN MATCH has them (* ? [a-z] [^a] \x),
 * separated by commas. Bytes; O(name x stars). Texts are not copied. Any thread. */
#pragma once

#include "base/str.h"

bool ignore_matches(struct str globs, struct str name);
