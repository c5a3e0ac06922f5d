/* glob.h - names by pattern, as SCAN MATCH has them: * ? [a-z] [^a] and \ before a letter that
 * stands for itself. Bytes. Pure; at most O(name x stars). */
#pragma once

#include "base/str.h"

bool glob_matches(struct str pattern, struct str name);
