/* Sources that mean harm, each its unit over and over: of the test, which reads them to their end,
 * and of the bench, which holds what they cost to their size. */
#pragma once

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *path, *unit;
} code_hostile[] = {
	{ "a.py", "(" },
	{ "a.py", "redis.(" },
	{ "a.py", ")" },
	{ "a.py", "([{" },
	{ "a.py", "redis\"\"\"" },
	{ "a.py", "f'{r.get(" },
	{ "a.py", "r.get('a')." },
	{ "a.py", "redis.r." },
	{ "a.py", "if r:\n r.get('redis')\n" },
	{ "a.py", "for r in redis:\n" },
	{ "a.py", "lambda r: redis, " },
	{ "a.py", "redis = redis + redis\n" },
	{ "a.py", "[r.get(redis) for r in [" },
	{ "a.py", "except redis:" },
	{ "a.py", "a = 'redis' +\\\n" },
	{ "a.py", "x.redis(r.get(x)," },
	{ "a.js", "`${redis" },
	{ "a.js", "redis => {" },
	{ "a.js", "{[(`redis" },
	{ "a.js", "const {redis" },
	{ "a.js", "/redis" },
	{ "a.go", "func (redis" },
	{ "a.php", "<<<redis\n" },
	{ "a.php", "?><?redis" },
	{ "a.cs", "$@\"{redis\"\"" },
};

enum { CODE_HOSTILE = sizeof code_hostile / sizeof code_hostile[0] };

/* `bytes` of it, whole units; freed by the caller. NULL: no memory. */
static inline char *code_hostile_text(size_t index, size_t bytes, size_t *len)
{
	size_t unit = strlen(code_hostile[index].unit);
	char *text = malloc(bytes + 1);
	*len = bytes / unit * unit;
	for (size_t at = 0; text && at < *len; at += unit)
		memcpy(text + at, code_hostile[index].unit, unit);
	return text;
}
