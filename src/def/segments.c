#include "def/segments.h"

#include "base/check.h"

static const struct segment_row rows[] = {
#define SEGMENT(id, name, title, holds, port, maxmemory, policy, appendfsync, save, money, packed, \
		node_bytes)                                                                        \
	{                                                                                          \
		name,        title, holds, port,   maxmemory, policy,                              \
		appendfsync, save,  money, packed, node_bytes                                      \
	},
#include "def/segments.def"
};

static const struct segment_user_row users[] = {
#define SEGMENT_USER(id, name, rules, signal_rules) { name, rules, signal_rules },
#include "def/segments.def"
};

const struct segment_row *segment_row(enum segment segment)
{
	CHECK((unsigned)segment < SEGMENT_COUNT);
	return &rows[segment];
}

const struct segment_user_row *segment_user_row(enum segment_user user)
{
	CHECK((unsigned)user < SEGMENT_USER_COUNT);
	return &users[user];
}

const char *segment_user_extra(enum segment_user user, enum segment segment)
{
	return segment == SEGMENT_RTSS ? segment_user_row(user)->signal_rules : "";
}

enum status segment_parse(struct str name, enum segment *segment)
{
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		if (!str_eq_nocase(name, str_of(rows[i].name)))
			continue;
		*segment = (enum segment)i;
		return STATUS_OK;
	}
	return STATUS_NOT_FOUND;
}
