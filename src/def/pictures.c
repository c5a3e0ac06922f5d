#include "def/pictures.h"

#include "base/check.h"

static const struct picture_row rows[] = {
#define PICTURE(id, name, title) { name, title },
#include "def/pictures.def"
#undef PICTURE
};

const struct picture_row *picture_row(enum picture_kind kind)
{
	CHECK(kind < PICTURE_COUNT);
	return &rows[kind];
}

enum picture_kind picture_find(struct str name)
{
	enum picture_kind kind = 0;
	while (kind < PICTURE_COUNT && !str_eq_nocase(name, str_of(rows[kind].name)))
		kind++;
	return kind;
}
