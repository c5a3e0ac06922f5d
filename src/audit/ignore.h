/* ignore.h - keys that no rule looks at: globs (base/glob.h), separated by commas. Texts are
 * not copied. Any thread. */
#pragma once

#include "base/str.h"

bool ignore_matches(struct str globs, struct str name);
