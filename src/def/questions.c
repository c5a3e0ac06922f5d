#include "def/questions.h"

#include "base/check.h"
#include "base/suggest.h"

static const struct question_row rows[] = {
#define QUESTION(id, name, args, role, picture, related, help)                                     \
	{ name, args, ROLE_##role, PICTURE_##picture, related, help },
#include "def/questions.def"
#undef QUESTION
};

const struct question_row *question_row(enum question question)
{
	CHECK(question < QUESTION_COUNT);
	return &rows[question];
}

static struct str without_slash(struct str name)
{
	return name.len && name.ptr[0] == '/' ? str_skip(name, 1) : name;
}

enum question question_find(struct str name)
{
	enum question question = 0;
	while (question < QUESTION_COUNT &&
	       !str_eq_nocase(without_slash(name), without_slash(str_of(rows[question].name))))
		question++;
	return question;
}

void question_suggest(struct buf *buf, struct str name)
{
	struct suggest suggest = suggest_for(without_slash(name));
	for (enum question question = 0; question < QUESTION_COUNT; question++)
		suggest_offer(&suggest, without_slash(str_of(rows[question].name)));
	if (suggest.distance != SIZE_MAX)
		buf_printf(buf, ", did you mean '/%s'?", suggest.nearest);
}
