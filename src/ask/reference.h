/* reference.h - the JSON of the answers, field by field: what docs/reference/ask.md
 * is printed from, and what the tests hold the answers against. */
#pragma once

#include <stddef.h>

#include "def/questions.h"

struct ask_field {
	const char *path; /* "data.markets[].cvd" */
	const char *type; /* "decimal", "int", "ms", "bool", "word", "object", "array" */
	const char *help; /* unit and meaning, without a full stop */
};

/* Fields of every answer. */
const struct ask_field *ask_fields_common(size_t *count);
/* Fields that all markets end with, below "data.markets[]". */
const struct ask_field *ask_fields_market(size_t *count);
/* A question's own. */
const struct ask_field *ask_fields_of(enum question question, size_t *count);
