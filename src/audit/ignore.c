#include "audit/ignore.h"

#include "base/glob.h"

bool ignore_matches(struct str globs, struct str name)
{
	struct str glob;
	while (globs.len && str_split(&globs, ',', &glob))
		if (glob_matches(str_trim(glob), name))
			return true;
	return false;
}
