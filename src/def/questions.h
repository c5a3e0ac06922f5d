/* questions.h - what weir can be asked, from questions.def. Any thread. */
#pragma once

#include "base/buf.h"
#include "def/pictures.h"
#include "def/roles.h"

enum question {
#define QUESTION(id, name, args, role, picture, related, help) QUESTION_##id,
#include "def/questions.def"
#undef QUESTION
	QUESTION_COUNT
};

struct question_row {
	const char *name; /* "/cvd" */
	const char *args; /* "[SYM] [TF]" */
	enum role role;   /* the least that a person needs */
	enum picture_kind picture;
	const char *related; /* "price flow": offered beside the answer */
	const char *help;    /* without a full stop */
};

const struct question_row *question_row(enum question question);
/* By name, with or without its slash, any case; QUESTION_COUNT when there is none. */
enum question question_find(struct str name);
/* ", did you mean '/cvd'?", or nothing. */
void question_suggest(struct buf *buf, struct str name);
