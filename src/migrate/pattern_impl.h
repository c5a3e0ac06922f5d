/* pattern_impl.h - shared by pattern.c and pattern_classes.c only. */
#pragma once

#include "migrate/pattern.h"

struct pattern_class {
	const char *name;
	bool (*takes)(struct str text); /* a whole part */
	bool (*has)(char c); /* bytes that a part can have at all: how far it may reach */
	const char *samples[PATTERN_SAMPLES];
};

/* symbol2 is a symbol; what is none of them is a word. */
const struct pattern_class *pattern_class_of(struct str name);
