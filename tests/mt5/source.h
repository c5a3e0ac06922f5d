/* source.h - reads the expert's MQL5 source as text, for tests of what stands in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { SOURCE_BYTES = 512 * 1024, SOURCE_ARG = 256 };

/* All files of mt5/, comments blanked out, strings kept; `only` names one file, NULL: all. */
const char *source_load(const char *only);
/* Value of a #define; "" when there is none. Valid until the next call. */
const char *source_define(const char *text, const char *name);
/* The next call of `name` at or after *at: copies its index-th argument, trimmed, and moves
 * *at behind the name. False at the end. Declarations of the function are skipped. */
bool source_call(const char **at, const char *name, int index, char argument[SOURCE_ARG]);
/* The body of a function, braces included: from and behind its end. */
bool source_function(const char *text, const char *name, const char **from, const char **to);
/* Takes the next "literal" of a text; false when there is none. */
bool source_literal(const char **at, const char *end, char literal[SOURCE_ARG]);
