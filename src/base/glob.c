#include "base/glob.h"

/* Behind the class that begins at pattern's '['; *hit: c is of it. */
static struct str match_class(struct str pattern, unsigned char c, bool *hit)
{
	struct str at = str_skip(pattern, 1);
	bool turned = at.len && at.ptr[0] == '^';
	bool found = false;
	if (turned)
		at = str_skip(at, 1);
	while (at.len && at.ptr[0] != ']') {
		if (at.ptr[0] == '\\' && at.len > 1)
			at = str_skip(at, 1);
		unsigned char first = (unsigned char)at.ptr[0], last = first;
		if (at.len > 2 && at.ptr[1] == '-' && at.ptr[2] != ']') {
			last = (unsigned char)at.ptr[2];
			at = str_skip(at, 2);
		}
		found =
		    found || (first <= last ? c >= first && c <= last : c >= last && c <= first);
		at = str_skip(at, 1);
	}
	*hit = found != turned;
	return str_skip(at, 1);
}

/* One element that is no star against c. */
static bool match_one(struct str *pattern, unsigned char c)
{
	bool hit = true;
	if (pattern->ptr[0] == '[') {
		*pattern = match_class(*pattern, c, &hit);
		return hit;
	}
	if (pattern->ptr[0] == '\\' && pattern->len > 1)
		*pattern = str_skip(*pattern, 1);
	else if (pattern->ptr[0] == '?')
		c = '?';
	hit = (unsigned char)pattern->ptr[0] == c;
	*pattern = str_skip(*pattern, 1);
	return hit;
}

/* Only the last star may have to take more: what stood before it fits already. */
bool glob_matches(struct str pattern, struct str name)
{
	struct str star = { 0 }, star_name = { 0 };
	bool starred = false;
	while (name.len) {
		if (pattern.len && pattern.ptr[0] == '*') {
			starred = true;
			star = pattern = str_skip(pattern, 1);
			star_name = name;
		} else if (pattern.len && match_one(&pattern, (unsigned char)name.ptr[0])) {
			name = str_skip(name, 1);
		} else if (starred) {
			star_name = str_skip(star_name, 1);
			name = star_name;
			pattern = star;
		} else {
			return false;
		}
	}
	while (pattern.len && pattern.ptr[0] == '*')
		pattern = str_skip(pattern, 1);
	return pattern.len == 0;
}
