/* samples.h - the 64 numbers of a terminal, from samples.def. Any thread. */
#pragma once

#include <assert.h>

#include "base/str.h"

enum sample {
#define SAMPLE(id, from, unit, meaning) SAMPLE_##id,
#include "def/samples.def"
#undef SAMPLE
	SAMPLE_COUNT
};

static_assert(SAMPLE_COUNT == 64, "a row of the history has 64 numbers");

enum sample_from { SAMPLE_STATE, SAMPLE_ACCOUNT, SAMPLE_HOST, SAMPLE_WEIR, SAMPLE_FREE };

struct sample_row {
	const char *name; /* "ping" */
	enum sample_from from;
	const char *unit, *meaning;
};

const struct sample_row *sample_row(enum sample sample);
/* SAMPLE_COUNT: there is none of this name. */
enum sample sample_named(struct str name);
