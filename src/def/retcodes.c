#include "def/retcodes.h"

#include <assert.h>

#include "base/check.h"

static const struct retcode_row rows[] = {
#define RETCODE(code, name, class, wait_ms, meaning)                                               \
	{ code, name, RETCODE_##class, wait_ms, meaning },
#include "def/retcodes.def"
#undef RETCODE
};

size_t retcode_count(void) { return ARRAY_LEN(rows); }

const struct retcode_row *retcode_row(size_t index)
{
	CHECK(index < ARRAY_LEN(rows));
	return &rows[index];
}

const struct retcode_row *retcode_find(int64_t code)
{
	size_t low = 0, high = ARRAY_LEN(rows);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (rows[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ARRAY_LEN(rows) && rows[low].code == code ? &rows[low] : NULL;
}

const char *retcode_class_text(enum retcode_class class)
{
	static const char *const texts[] = { "OK",  "ACC", "NOOP", "FAST",   "LATER",
					     "UNK", "FIN", "CFG",  "REREAD", "REFILL" };
	static_assert(ARRAY_LEN(texts) == RETCODE_CLASSES, "a text for each class");
	CHECK(class < RETCODE_CLASSES);
	return texts[class];
}
