/* aliases.h - short names of questions, from aliases.def. Any thread. */
#pragma once

#include "def/questions.h"

/* By name, with or without its slash, any case: a question's own or an alias;
 * QUESTION_COUNT when there is none. */
enum question alias_find(struct str name);
/* Its shortest alias, without a slash; NULL: it has none. */
const char *alias_of(enum question question);
