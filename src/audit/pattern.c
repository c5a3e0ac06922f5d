#include "audit/pattern.h"

/* Where the unit at `at` ends: one byte, or a variable part. */
static size_t unit_end(struct str text, size_t at)
{
	if (text.ptr[at] == '{') {
		size_t close = str_find_char(str_skip(text, at), '}');
		if (at + close < text.len)
			return at + close + 1;
	}
	return at + 1;
}

static bool separates(char c) { return c && strchr(":_-./| ", c) != NULL; }

/* From each place that was reached over one unit or more without a separator. */
static void pass_placeholder(struct str family, const bool *from, bool *to)
{
	bool open = false; /* a placeholder that has begun */
	for (size_t at = 0; at <= family.len;) {
		to[at] = open;
		if (at == family.len)
			return;
		open = (open || from[at]) && !separates(family.ptr[at]);
		at = unit_end(family, at);
	}
}

static void pass_byte(struct str family, char c, const bool *from, bool *to)
{
	for (size_t at = 0; at < family.len; at = unit_end(family, at))
		to[at + 1] = from[at] && family.ptr[at] == c && c != '{';
}

bool pattern_fits(struct str code, struct str family)
{
	bool reached[2][PATTERN_FIT_MAX + 2] = { { true } };
	if (code.len > PATTERN_FIT_MAX || family.len > PATTERN_FIT_MAX)
		return false;
	unsigned now = 0;
	for (size_t at = 0; at < code.len; now ^= 1) {
		size_t end = unit_end(code, at);
		memset(reached[now ^ 1], 0, sizeof reached[0]);
		if (end > at + 1)
			pass_placeholder(family, reached[now], reached[now ^ 1]);
		else
			pass_byte(family, code.ptr[at], reached[now], reached[now ^ 1]);
		at = end;
	}
	return reached[now][family.len];
}

bool pattern_says(struct str code)
{
	size_t constant = 0;
	for (size_t at = 0, end; at < code.len; at = end) {
		end = unit_end(code, at);
		constant += end == at + 1 && !separates(code.ptr[at]);
	}
	return constant >= PATTERN_SAYS;
}
