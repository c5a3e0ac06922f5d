#include "audit/ignore.h"

/* Does the set that begins behind `[` hold c? *at goes behind its end; without `]` it ends with
 * the glob. */
static bool in_set(struct str glob, size_t *at, unsigned char c)
{
	bool not = *at < glob.len && glob.ptr[*at] == '^', found = false;
	for (*at += not ; *at < glob.len && glob.ptr[*at] != ']'; ++*at) {
		*at += glob.ptr[*at] == '\\' && *at + 1 < glob.len;
		unsigned char low = (unsigned char)glob.ptr[*at], high = low;
		if (*at + 2 < glob.len && glob.ptr[*at + 1] == '-' && glob.ptr[*at + 2] != ']') {
			high = (unsigned char)glob.ptr[*at + 2];
			*at += 2;
		}
		found |= (low <= c && c <= high) || (high <= c && c <= low);
	}
	*at += *at < glob.len;
	return found != not ;
}

/* One byte of the name by what stands at *at, which is no star. */
static bool takes(struct str glob, size_t *at, char c)
{
	char what = glob.ptr[(*at)++];
	if (what == '?')
		return true;
	if (what == '[')
		return in_set(glob, at, (unsigned char)c);
	if (what == '\\' && *at < glob.len)
		what = glob.ptr[(*at)++];
	return what == c;
}

/* The last star takes more and more until the rest fits: earlier ones never need to. */
static bool matches(struct str glob, struct str name)
{
	size_t at = 0, in = 0, star = glob.len + 1, from = 0;
	while (in < name.len) {
		if (at < glob.len && glob.ptr[at] == '*') {
			star = ++at;
			from = in;
			continue;
		}
		if (at < glob.len && takes(glob, &at, name.ptr[in])) {
			in++;
			continue;
		}
		if (star > glob.len)
			return false;
		at = star;
		in = ++from;
	}
	while (at < glob.len && glob.ptr[at] == '*')
		at++;
	return at == glob.len;
}

bool ignore_matches(struct str globs, struct str name)
{
	struct str glob;
	while (globs.len && str_split(&globs, ',', &glob))
		if (matches(str_trim(glob), name))
			return true;
	return false;
}
