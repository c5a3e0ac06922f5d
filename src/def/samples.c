#include "def/samples.h"

static const struct sample_row rows[SAMPLE_COUNT] = {
#define SAMPLE(id, from, unit, meaning) { #id, SAMPLE_##from, unit, meaning },
#include "def/samples.def"
#undef SAMPLE
};

const struct sample_row *sample_row(enum sample sample) { return &rows[sample]; }

enum sample sample_named(struct str name)
{
	for (enum sample at = 0; at < SAMPLE_COUNT; at++)
		if (str_eq(name, str_of(rows[at].name)))
			return at;
	return SAMPLE_COUNT;
}
