/* questions.h - what weir can be asked, from questions.def. Any thread. */
#pragma once

#include "base/buf.h"

enum question {
#define QUESTION(id, name, args, waits_for, help) QUESTION_##id,
#include "def/questions.def"
#undef QUESTION
	QUESTION_COUNT
};

struct question_row {
	const char *name;      /* "/cvd" */
	const char *args;      /* "[SYM] [TF]" */
	const char *waits_for; /* NULL: it is answered */
	const char *help;      /* without a full stop */
};

const struct question_row *question_row(enum question question);
/* By name, with or without its slash, any case; QUESTION_COUNT when there is none. */
enum question question_find(struct str name);
/* ", did you mean '/cvd'?", or nothing. */
void question_suggest(struct buf *buf, struct str name);
