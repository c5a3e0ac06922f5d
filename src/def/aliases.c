#include "def/aliases.h"

#include "base/check.h"

static const struct alias_row {
	const char *name;
	enum question question;
} rows[] = {
#define ALIAS(name, question) { name, QUESTION_##question },
#include "def/aliases.def"
#undef ALIAS
};

enum question alias_find(struct str name)
{
	enum question question = question_find(name);
	struct str bare = name.len && name.ptr[0] == '/' ? str_skip(name, 1) : name;
	for (size_t i = 0; question == QUESTION_COUNT && i < ARRAY_LEN(rows); i++)
		if (str_eq_nocase(bare, str_of(rows[i].name)))
			question = rows[i].question;
	return question;
}

const char *alias_of(enum question question)
{
	const char *best = NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].question == question && (!best || strlen(rows[i].name) < strlen(best)))
			best = rows[i].name;
	return best;
}
